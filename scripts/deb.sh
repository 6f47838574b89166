#!/usr/bin/env bash
#
# deb.sh
#		Debian packages: of both extensions one for each version of the server,
#		and one with the worker.
#
# usage: [VERSIONS="17 ..."] scripts/deb.sh
#
# They are built for the versions of PostgreSQL that this Debian has, or for
# VERSIONS, from a copy of the project in .work/deb, where they lie in the end.
# What lintian has to say of them is shown; an error or a warning is a failure.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

# What lintian may find. The project has no mailbox: who hands a package on puts
# an address of their own into debian/control.in and debian/changelog.
ALLOWED=bogus-mail-host,bogus-mail-host-in-debian-changelog

# No tests while it builds: those of the project have been run by `make check`,
# and the package's own want it installed (see check_deb.sh).
build_packages()
{
	export DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)"
	[ -z "${VERSIONS:-}" ] || export PG_SUPPORTED_VERSIONS=$VERSIONS
	cd "$1" && pg_buildext updatecontrol && dpkg-buildpackage -us -uc
}

main_inside()
{
	local version folder=$WORK/deb

	set_paths
	version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" vvault.control)
	rm -rf "$folder"
	mkdir -p "$folder"
	cp -R "$TREE" "$folder/vvault-$version"
	heading "building the packages of vvault $version"
	if ! (build_packages "$folder/vvault-$version") >"$LOGS/deb.log" 2>&1; then
		tail -n 40 "$LOGS/deb.log"
		die "the packages could not be built, see $LOGS/deb.log"
	fi
	rm -r "$folder/vvault-$version"
	heading "lintian"
	lintian --suppress-tags "$ALLOWED" --fail-on error,warning "$folder"/*.changes ||
		die "lintian has found what must not be"
	heading "packages in $folder"
	(cd "$folder" && printf '%s\n' *.deb)
}

main()
{
	if ! inside; then
		"$ROOT/scripts/packages.sh" build deb
		go_inside .work scripts/deb.sh
	fi
	main_inside
}

main
