#!/usr/bin/env bash
#
# npm.sh
#		What a folder's package-lock.json pins, laid into a work folder.
#
# usage: scripts/npm.sh .work|.demo FOLDER
#
# FOLDER is demo/clients (node-postgres for the examples), demo/players (of the demo's page),
# test/openapi (the linter for the OpenAPI description), test/s3 (a client that uploads),
# test/webhooks (what checks signatures), test/players (of the playing test), test/manifests
# (what reads playlists and files) or bench/jobs (other queues); npm fetches it once, into the work folder's
# folder of the same last name. Where there is no npm or no network, says so and
# ends with status 1.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

TEMP=

main()
{
	local from=$ROOT/${2:-} to

	case ${1:-} in
		.work | .demo) ;;
		*) die "usage: scripts/npm.sh .work|.demo FOLDER" ;;
	esac
	[ -f "$from/package-lock.json" ] || die "$2 has no package-lock.json"
	open_work "$1"
	to=$WORK/${from##*/}
	! cmp -s "$from/package-lock.json" "$to/package-lock.json" || return 0
	command -v npm >/dev/null || die "what $2 wants is not to be had: no npm"
	TEMP=$(mktemp -d)
	trap 'rm -rf "$TEMP"' EXIT
	cp "$from"/package*.json "$TEMP/"
	(cd "$TEMP" && npm ci --cache "$TEMP/npm" --ignore-scripts --no-audit --no-fund \
		--fetch-retries=0 >npm.log 2>&1) ||
		die "what $2 wants is not to be had: npm does not get it"
	run_as "$WORK_USER" rm -rf "$to"
	run_as "$WORK_USER" mkdir "$to"
	tar -C "$TEMP" -cf - node_modules package.json package-lock.json |
		run_as "$WORK_USER" tar -C "$to" --no-same-owner -xf -
}

main "$@"
