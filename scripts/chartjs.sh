#!/usr/bin/env bash
#
# chartjs.sh
#		Chart.js for the dashboard, laid into a work folder.
#
# usage: scripts/chartjs.sh .work|.demo
#
# Once, as chart.umd.js: from demo/node_modules if npm has been run there, else
# npm fetches what demo/package-lock.json pins, else curl what the dashboard's
# shipped address names. Only the file with the dashboard's shipped hash is
# taken. Where there is none, says so and ends with status 1.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

FILE=chart.umd.js
IN_PACKAGE=node_modules/chart.js/dist/$FILE
TEMP=

# shipped NAME: the value that a setting is shipped with.
shipped()
{
	sed -n "s/^[[:blank:]]*('$1', '\([^']*\)'.*/\1/p" "$ROOT/src/site/settings.sql"
}

is_the_one()
{
	[ -f "$1" ] &&
		[ "$(perl -MDigest::SHA -e \
			'print "sha384-", Digest::SHA->new(384)->addfile($ARGV[0])->b64digest' "$1")" = \
			"$(shipped chartjs_integrity)" ]
}

fetch_by_npm()
{
	command -v npm >/dev/null || return 1
	cp "$ROOT/demo/package.json" "$ROOT/demo/package-lock.json" "$TEMP/"
	(cd "$TEMP" && npm ci --cache "$TEMP/npm" --ignore-scripts --no-audit --no-fund \
		--fetch-retries=0 >npm.log 2>&1) || return 1
	mv "$TEMP/$IN_PACKAGE" "$TEMP/$FILE"
}

fetch_by_curl()
{
	command -v curl >/dev/null || return 1
	curl -fsSL --max-time 30 -o "$TEMP/$FILE" "$(shipped chartjs_url)" 2>/dev/null
}

# Writes the file as the folder's owner, whole or not at all.
lay()
{
	run_as "$WORK_USER" tee "$WORK/$FILE.new" <"$1" >/dev/null
	run_as "$WORK_USER" mv "$WORK/$FILE.new" "$WORK/$FILE"
}

main()
{
	case ${1:-} in
		.work | .demo) ;;
		*) die "usage: scripts/chartjs.sh .work|.demo" ;;
	esac
	open_work "$1"
	! is_the_one "$WORK/$FILE" || return 0
	if is_the_one "$ROOT/demo/$IN_PACKAGE"; then
		lay "$ROOT/demo/$IN_PACKAGE"
		return 0
	fi
	TEMP=$(mktemp -d)
	trap 'rm -rf "$TEMP"' EXIT
	fetch_by_npm || fetch_by_curl || true
	is_the_one "$TEMP/$FILE" ||
		die "Chart.js $(sed 's/.*@\([0-9.]*\).*/\1/' <<<"$(shipped chartjs_url)")" \
			"is not to be had: no npm or curl, or no network"
	lay "$TEMP/$FILE"
}

main "$@"
