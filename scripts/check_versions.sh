#!/usr/bin/env bash
#
# check_versions.sh
#		Every test, on each version of PostgreSQL that vvault is tested with.
#
# usage: [VERSIONS="15 17 18"] [ONLY=PHASE,...] [TESTS="NAME ..."]
#		scripts/check_versions.sh
#
# A version that this machine's packages offer is tested right here, as `make
# check` does. Any other one is tested in a folder .versions/SUITE with another
# Debian in it, which is made by debootstrap from the mirror this machine takes
# its own packages from, and used again the next time. That needs root and the
# right to mount. A server there is also upgraded to, by pg_upgrade, from this
# machine's own if that is older. ONLY and TESTS are for check.sh; without them all phases run
# but lint, whose tools differ and whose findings are not about the server. All
# versions run even if one fails. The last line counts, and the status is 0 only
# if nothing failed.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

# The first Debian to have each version.
declare -A SUITE_OF=([15]=bookworm [17]=trixie [18]=forky)
PASSED=0
FAILED=0
SKIPPED=0
SUMMARY=()
OUTPUT=                         # of the check at hand

# ---------------------------------------------------------------------------
# A folder with another Debian
# ---------------------------------------------------------------------------

# Are we able to work in such a folder? If not, say what is missing and stop.
require_rights()
{
	[ "$(id -u)" -eq 0 ] ||
		die "PostgreSQL $1 is not among this machine's packages: testing it here needs root"
	unshare --mount --pid --fork true 2>/dev/null ||
		die "PostgreSQL $1 is not among this machine's packages, and mounting is forbidden here"
}

# mirror_in_apt LABEL: the first mirror of that label (Debian, Debian-Security)
# among this machine's apt sources, if apt knows one.
mirror_in_apt()
{
	apt-get indextargets --format "\$(LABEL) \$(REPO_URI)" 'Created-By: Packages' |
		sed -n "s/^$1 \(https\{0,1\}:\)/\1/p" | head -n 1
}

# apt knows whose mirrors they are once it has their lists.
debian_mirror()
{
	local mirror

	mirror=$(mirror_in_apt Debian)
	if [ -z "$mirror" ]; then
		apt-get -qq update >&2
		mirror=$(mirror_in_apt Debian)
	fi
	[ -n "$mirror" ] || die "there is no Debian mirror among this machine's apt sources"
	say "$mirror"
}

# make_suite SUITE FOLDER: only a whole one gets the name FOLDER. A debootstrap
# that is older than the suite does by it as by sid.
make_suite()
{
	local recipe=/usr/share/debootstrap/scripts/$1 mirror

	"$ROOT/scripts/packages.sh" versions
	mirror=$(debian_mirror)
	[ -e "$recipe" ] || recipe=${recipe%/*}/sid
	say "installing Debian $1 in ${2#"$ROOT"/} (this may take some minutes)"
	rm -rf --one-file-system "$2.new"
	debootstrap --variant=minbase "$1" "$2.new" "$mirror" "$recipe" \
		>"$2.log" 2>&1 ||
		{
			tail -n 20 "$2.log" >&2
			return 1
		}
	# How this machine reaches the mirror, and how old a mirror may be.
	apt-config dump | grep -E '^Acquire::(Check-|Retries|https?::Proxy)' \
		>"$2.new/etc/apt/apt.conf.d/90vvault" || true
	mv "$2.new" "$2"
}

# take_updates SUITE FOLDER: the same security updates as this machine. What a
# minor release wrote may be more than an earlier one of the next version reads.
take_updates()
{
	local list=$2/etc/apt/sources.list.d/vvault-security.list mirror

	mirror=$(mirror_in_apt Debian-Security)
	[ -n "$mirror" ] && [ ! -e "$list" ] || return 0
	say "deb $mirror $1-security main" >"$list"
	if ! in_suite "$2" env DEBIAN_FRONTEND=noninteractive sh -c \
		'apt-get -qq update && apt-get -qqy upgrade' >"$2.log" 2>&1; then
		rm "$list"
		tail -n 20 "$2.log"
		return 1
	fi
}

# The project as it is now, and what lies beside it for the tests.
fill_suite()
{
	local name

	for name in resolv.conf hosts; do
		[ ! -e "/etc/$name" ] || cp -L "/etc/$name" "$1/etc/$name"
	done
	mkdir -p "$1/srv/shared"
	WORK_USER=root copy_project "$1/srv/vvault"
	rm -rf "$1/srv/shared/data"
	[ ! -d "$ROOT/../shared/data" ] ||
		WORK_USER=root copy_folder "$ROOT/../shared/data" "$1/srv/shared/data"
}

# shared_libraries FILE...: all that these executables and libraries load.
shared_libraries()
{
	ldd "$@" 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u
}

# lay_old_server FOLDER MAJOR: the machine's server and the vvault that was built
# for it, under /srv/old of the other Debian, as `make check` has staged them.
# Libraries that the other Debian has in other versions only come along.
lay_old_server()
{
	local folder=$1 major=$2 stage file name

	stage=$(cd "$ROOT/.work/stage" && pwd -P)
	rm -rf "$folder/srv/old"
	mkdir -p "$folder/srv/old/lib"
	tar -C "$stage" -ch --exclude=bitcode --exclude='llvmjit*' usr |
		tar -C "$folder/srv/old" -x --no-same-owner
	for file in $(shared_libraries "$stage/usr/lib/postgresql/$major"/bin/* \
		"$stage/usr/lib/postgresql/$major"/lib/{plpgsql,dict_snowball,libpqwalreceiver,vvault}.so); do
		name=${file##*/}
		[ -n "$(find "$folder/usr/lib" "$folder/lib/" -name "$name" -print -quit)" ] ||
			cp -L "$file" "$folder/srv/old/lib/$name"
	done
	say /srv/old/lib >"$folder/etc/ld.so.conf.d/vvault-old-server.conf"
	in_suite "$folder" ldconfig
}

# in_suite FOLDER COMMAND...: as root of the other Debian. Mounts and processes
# are in namespaces of their own, so that both are gone when the command ends,
# however it ends.
in_suite()
{
	# shellcheck disable=SC2016  # it is the inner shell that shall expand them
	unshare --mount --pid --fork --kill-child --mount-proc="$1/proc" sh -c '
		mount -t tmpfs -o mode=1777 tmpfs "$0/dev/shm"
		chroot "$0" "$@"' "$@"
}

# ---------------------------------------------------------------------------
# The checks
# ---------------------------------------------------------------------------

machine_has()
{
	[ -x "/usr/lib/postgresql/$1/bin/postgres" ] ||
		apt-cache show "postgresql-$1" >/dev/null 2>&1
}

check_here()
{
	PG_CONFIG=/usr/lib/postgresql/$1/bin/pg_config "$ROOT/scripts/check.sh"
}

# The machine's own server, if it is older than version $1.
older_major()
{
	local major

	major=$(installed_major)
	[ -z "$major" ] || [ "$major" -ge "$1" ] || say "$major"
}

check_in_suite()
{
	local folder=$ROOT/.versions/${SUITE_OF[$1]} old from=

	[ -d "$folder" ] || make_suite "${SUITE_OF[$1]}" "$folder"
	fill_suite "$folder"
	take_updates "${SUITE_OF[$1]}" "$folder"
	old=$(older_major "$1")
	if [ -n "$old" ]; then
		if ! ONLY=build TESTS='' check_here "$old" >"$folder.log" 2>&1; then
			cat "$folder.log"
			return 1
		fi
		lay_old_server "$folder" "$old"
		from=/srv/old/usr/lib/postgresql/$old
	fi
	in_suite "$folder" env -i HOME=/root TERM="${TERM:-dumb}" \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		PG_CONFIG="/usr/lib/postgresql/$1/bin/pg_config" \
		ONLY="${ONLY:-}" TESTS="${TESTS:-}" VVAULT_UPGRADE_FROM="$from" /srv/vvault/scripts/check.sh
}

# The check's last line is its verdict; without one it broke off and that is a
# failure too.
check_version()
{
	local how=here where="on this machine" verdict

	if ! machine_has "$1"; then
		how=in_suite
		where="in Debian ${SUITE_OF[$1]}"
	fi
	heading "PostgreSQL $1, $where"
	{
		set -e
		"check_$how" "$1"
	} 2>&1 | tee -i "$OUTPUT"
	verdict=$(tail -n 1 "$OUTPUT")
	if [[ $verdict =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		PASSED=$((PASSED + BASH_REMATCH[1]))
		FAILED=$((FAILED + BASH_REMATCH[2]))
		SKIPPED=$((SKIPPED + BASH_REMATCH[3]))
	else
		verdict="broke off"
		FAILED=$((FAILED + 1))
	fi
	SUMMARY+=("   PostgreSQL $1: $verdict")
}

main()
{
	local version versions

	read -ra versions <<<"${VERSIONS:-15 17 18}"
	for version in "${versions[@]}"; do
		[ -n "${SUITE_OF[$version]:-}" ] ||
			die "VERSIONS=$VERSIONS: there is no \"$version\"; there are: 15 17 18"
		machine_has "$version" || require_rights "$version"
	done
	mkdir -p "$ROOT/.versions"
	hold_work "$ROOT/.versions"
	OUTPUT=$(mktemp)
	trap 'rm -f "$OUTPUT"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	[ -n "${ONLY:-}${TESTS:-}" ] || export ONLY=build,regress,pgtap,isolation,tap,docs
	set +e                      # from here on a failure is counted, not fatal
	for version in "${versions[@]}"; do
		check_version "$version"
	done
	heading "all versions"
	printf '%s\n' "${SUMMARY[@]}"
	say "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	[ "$FAILED" -eq 0 ]
}

main
