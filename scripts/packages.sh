#!/usr/bin/env bash
#
# packages.sh
#		Install what a goal needs and the machine lacks.
#
# usage: scripts/packages.sh GROUP...
#
# Groups: build, test, lint, format, docs, demo, bench, http, versions, deb, browser,
# fuzz, valgrind, zones, s3, queues, cluster. Quick and silent where nothing is missing. Installs as root or
# by sudo without a password; else it names the packages and stops with status 1.
# PG_CONFIG chooses the server; without it the highest one installed, else the
# one Debian would install.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

# Install-time setting of postgresql-common, see keep_main_away.
DROPIN=/etc/postgresql-common/createcluster.d/vvault-no-main-cluster.conf
DROPIN_DIR_MADE=                # yes or no, once there is a drop-in
APT_LOG=
UPDATED=no                      # the package lists

# The packages of one group, one a line, for server version PG_MAJOR.
packages_of()
{
	case $1 in
		demo)
			packages_of build
			say curl                # uploads the demo's video
			say ffmpeg              # makes it, and what the worker makes of it
			;;
		build | docs | bench)
			say gcc                 # compiles the extension
			say libc6-dev           # C library headers: gcc only recommends them
			say make                # PGXS is make
			say perl                # demo/generate.pl, prove, the TAP tests
			server_packages
			say pkg-config          # where the worker's libraries are
			say libpq-dev           # vvault-worker logs in
			say libcurl4-openssl-dev # and moves bytes,
			say libjansson-dev      # reads JSON
			say libssl-dev          # makes SHA-256 and encrypts; the extension signs tokens
			;;
		test)
			say libipc-run-perl     # PostgreSQL::Test needs it
			say openssl             # decrypts what the worker encrypts
			say libtap-parser-sourcehandler-pgtap-perl # pg_prove
			say libdbd-pg-perl      # the tests' stand-in for PostgREST
			say libjson-validator-perl # replies against their schemas
			say python3-psycopg     # runs an example of demo/clients
			say curl                # runs another
			say ffmpeg              # makes and decodes media
			say libxml2-utils       # xmllint: manifests against their schema
			say python3-botocore    # signs what our signatures are held beside
			say python3-jwt         # checks tokens, and makes some,
			say python3-cryptography # by ES256, too
			[ "$PG_DEBIAN" = no ] || pgtap_package  # pgTAP itself
			;;
		lint)
			say cppcheck            # static checks
			[ "$PG_DEBIAN" = yes ] ||   # else the headers package brings it
				say clang           # a second compiler's warnings
			;;
		format)
			say perl                # indent.pl drives the indenter
			server_packages         # whose headers say what a type is
			indenter_brought ||
				say pg-bsd-indent   # PostgreSQL's own indenter
			;;
		versions)
			say debootstrap         # makes a folder with another Debian in it
			;;
		deb)
			say build-essential     # what every Debian package is built with
			say debhelper           # lays it together
			say postgresql-server-dev-all # pg_buildext: for each server version
			say lintian             # what is wrong with it
			;;
		http)
			say golang-go           # compiles the server that is compared with
			say golang-github-jackc-pgx-v4-dev # its driver
			say wrk                 # asks
			say libdbd-pg-perl      # the stand-in for PostgREST; staleness.pl
			say curl
			;;
		fuzz)
			say sqlsmith            # makes random queries
			say libdbd-pg-perl      # the tests' stand-in for PostgREST
			clang_runtime           # libFuzzer and AddressSanitizer
			;;
		valgrind)
			say valgrind            # watches a server's memory
			;;
		zones)
			say tzdata              # another place
			;;
		s3)
			say swift               # swift.conf
			say python3-swift       # a store that speaks S3; starts no server
			;;
		cluster)
			[ "$PG_DEBIAN" = no ] || say "postgresql-$PG_MAJOR-auto-failover" # the monitor's extension
			say pg-auto-failover-cli # pg_autoctl: starts nothing by itself
			say libdbd-pg-perl      # who reads and writes meanwhile
			;;
		queues)
			[ "$PG_DEBIAN" = no ] || say "postgresql-$PG_MAJOR-pgq3" # a queue that ours is measured beside
			;;
		browser)
			say chromium            # opens the dashboard
			;;
		*) die "packages.sh: no group $1" ;;
	esac
}

# A server that did not come from Debian's packages brings its own headers.
server_packages()
{
	[ "$PG_DEBIAN" = yes ] || return 0
	say "postgresql-$PG_MAJOR"            # server, psql, contrib
	say "postgresql-server-dev-$PG_MAJOR" # server headers, PGXS
}

# pgTAP is plain SQL: where there is none for this version yet, that of another
# version does (stage.sh borrows it).
pgtap_package()
{
	local name=postgresql-$PG_MAJOR-pgtap

	apt-cache show "$name" >/dev/null 2>&1 ||
		name=$(apt-cache search --names-only '^postgresql-[0-9]+-pgtap$' | sort -V | tail -n 1 | cut -d ' ' -f 1)
	say "${name:-postgresql-$PG_MAJOR-pgtap}"
}

# The libraries of the clang that the server's headers have brought.
clang_runtime()
{
	local makefile version

	makefile=$(dirname "$("$PG_CONFIG" --pgxs)")/../Makefile.global
	version=$(sed -n 's/^CLANG *=.*clang-\([0-9]*\)$/\1/p' "$makefile")
	say "libclang-rt-${version:+$version-}dev"
}

# From 16 on PostgreSQL has its indenter among its own programs.
indenter_brought()
{
	if [ "$PG_DEBIAN" = yes ]; then
		[ "$PG_MAJOR" -ge 16 ]
	else
		[ -x "$("$PG_CONFIG" --bindir)/pg_bsd_indent" ]
	fi
}

# Those of the named packages that are not installed.
missing_of()
{
	local name

	for name in "$@"; do
		dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null |
			grep -qx installed || say "$name"
	done
}

wanted_of()
{
	local group

	for group in "$@"; do
		packages_of "$group"
	done | sort -u
}

# as_admin COMMAND...: as root, or by sudo where it asks for no password.
as_admin()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

may_install()
{
	command -v apt-get >/dev/null || return 1
	[ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

give_up()
{
	{
		say "These packages are missing, and there is no right to install them here:"
		say "  $*"
		say "Have them installed as root, then run this again:"
		say "  apt-get update && apt-get install --no-install-recommends $*"
	} >&2
	exit 1
}

update_lists()
{
	[ "$UPDATED" = no ] || return 0
	UPDATED=yes
	say "apt-get update"
	as_admin apt-get -qq update >&2 ||
		say "apt-get update failed; going on with the lists as they are" >&2
}

# The server version that Debian's package "postgresql" stands for.
major_in_apt()
{
	{ apt-cache depends postgresql 2>/dev/null || true; } |
		sed -n 's/^ *Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1
}

# On a machine without a server, settle which one it is going to be.
settle_major()
{
	[ -z "$PG_MAJOR" ] || return 0
	PG_MAJOR=$(major_in_apt)
	if [ -z "$PG_MAJOR" ] && may_install; then
		update_lists
		PG_MAJOR=$(major_in_apt)
	fi
	[ -n "$PG_MAJOR" ] || give_up postgresql postgresql-server-dev-all gcc make perl
}

# A server package that is new on the machine makes a cluster "main" and starts
# it. Nobody asked for that one, so it is switched off while we install.
keep_main_away()
{
	[ "$PG_DEBIAN" = yes ] || return 0
	[ ! -e "/usr/lib/postgresql/$PG_MAJOR/bin/postgres" ] || return 0
	DROPIN_DIR_MADE=no
	if [ ! -d "${DROPIN%/*}" ]; then
		as_admin mkdir -p "${DROPIN%/*}"
		DROPIN_DIR_MADE=yes
	fi
	say "create_main_cluster = false" | as_admin tee "$DROPIN" >/dev/null
}

# What is taken back on every way out.
clean_up()
{
	rm -f "$APT_LOG"
	[ -n "$DROPIN_DIR_MADE" ] || return 0
	as_admin rm -f "$DROPIN"
	if [ "$DROPIN_DIR_MADE" = yes ] && ! dpkg -S "${DROPIN%/*}" >/dev/null 2>&1; then
		as_admin rmdir --ignore-fail-on-non-empty "${DROPIN%/*}" 2>/dev/null || true
	fi
}

# apt's own words are shown only if it fails.
install_packages()
{
	update_lists
	say "installing $* (this may take some minutes)"
	keep_main_away
	APT_LOG=$(mktemp)
	if ! as_admin env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
		apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 \
		-o DPkg::Lock::Timeout=300 install "$@" >"$APT_LOG" 2>&1 </dev/null; then
		cat "$APT_LOG" >&2
		die "apt-get could not install: $*"
	fi
}

main()
{
	local wanted missing

	[ $# -gt 0 ] || die "usage: scripts/packages.sh GROUP..."
	choose_postgres
	settle_major
	mapfile -t wanted < <(wanted_of "$@")
	mapfile -t missing < <(missing_of "${wanted[@]}")
	[ ${#missing[@]} -gt 0 ] || return 0
	trap clean_up EXIT
	may_install || give_up "${missing[@]}"
	install_packages "${missing[@]}"
}

main "$@"
