#!/usr/bin/env bash
#
# check_deb.sh
#		Build the Debian package, install it and run its tests against it.
#
# usage: PG_CONFIG=/usr/lib/postgresql/MAJOR/bin/pg_config scripts/check_deb.sh
#
# Installs the package on this machine, as root, and removes it in the end: it is
# for a throw-away folder of check_versions.sh, not for a machine of yours. The
# last line counts.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

PASSED=0
FAILED=0
LOG=$(mktemp)

# judge LABEL COMMAND...: what it said is shown if it failed.
judge()
{
	local label=$1

	shift
	if "$@" >"$LOG" 2>&1; then
		say "   $label: ok"
		PASSED=$((PASSED + 1))
	else
		tail -n 60 "$LOG"
		say "   $label: FAILED"
		FAILED=$((FAILED + 1))
		return 1
	fi
}

# The tests that the package brings along, from a copy of the sources that has
# nothing built in it: whatever they load is the package's.
installcheck()
{
	local folder status=0

	folder=$(mktemp -d)
	chmod 755 "$folder"
	copy_folder "$ROOT" "$folder/vvault" --exclude=./.git --exclude=./.work
	(cd "$folder/vvault" && pg_buildext updatecontrol && sh debian/tests/installcheck) || status=$?
	rm -rf "$folder"
	return "$status"
}

# count_tests: those that installcheck has named one by one.
count_tests()
{
	PASSED=$((PASSED + $(grep -cE '^test .* \.\.\. ok|^ok [0-9]+' "$LOG" || true)))
}

is_installed()
{
	[ "$(dpkg-query -S "$("$PG_CONFIG" --sharedir)/extension/vvault_stream.control")" = \
		"$1: $("$PG_CONFIG" --sharedir)/extension/vvault_stream.control" ]
}

main()
{
	local package

	[ "$(id -u)" -eq 0 ] || die "check_deb.sh installs a package, and only root may"
	export WORK_USER=root DEBIAN_FRONTEND=noninteractive
	choose_postgres
	package=postgresql-$PG_MAJOR-vvault
	heading "deb: $package"
	trap 'rm -f "$LOG"' EXIT
	if VERSIONS=$PG_MAJOR judge "build, lintian" "$ROOT/scripts/deb.sh" &&
		judge "install" apt-get -qqy --no-install-recommends install \
			"$ROOT/.work/deb/${package}"_*.deb "$ROOT/.work/deb/vvault-worker"_*.deb; then
		judge "both extensions are in it" is_installed "$package" || true
		judge "the worker runs" vvault-worker --version || true
		if judge "installcheck" installcheck; then
			count_tests
		fi
		judge "remove" apt-get -qqy purge "$package" vvault-worker || true
	fi
	say "$PASSED passed, $FAILED failed, 0 skipped"
	[ "$FAILED" -eq 0 ]
}

main
