#!/usr/bin/env bash
#
# clients.sh
#		node-postgres for the examples of demo/clients, laid into a work folder.
#
# usage: scripts/clients.sh .work
#
# npm fetches what demo/clients/package-lock.json pins, once. Where there is no
# npm or no network, says so and ends with status 1.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

TEMP=

main()
{
	[ "${1:-}" = .work ] || die "usage: scripts/clients.sh .work"
	open_work "$1"
	! cmp -s "$ROOT/demo/clients/package-lock.json" "$WORK/clients/package-lock.json" || return 0
	command -v npm >/dev/null || die "node-postgres is not to be had: no npm"
	TEMP=$(mktemp -d)
	trap 'rm -rf "$TEMP"' EXIT
	cp "$ROOT"/demo/clients/package*.json "$TEMP/"
	(cd "$TEMP" && npm ci --cache "$TEMP/npm" --ignore-scripts --no-audit --no-fund \
		--fetch-retries=0 >npm.log 2>&1) ||
		die "node-postgres is not to be had: npm does not get it"
	run_as "$WORK_USER" rm -rf "$WORK/clients"
	run_as "$WORK_USER" mkdir "$WORK/clients"
	tar -C "$TEMP" -cf - node_modules package.json package-lock.json |
		run_as "$WORK_USER" tar -C "$WORK/clients" --no-same-owner -xf -
}

main "$@"
