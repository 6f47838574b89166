#!/usr/bin/env bash
#
# check_versions.sh
#		Every test, on each version of PostgreSQL that vvault is tested with.
#
# usage: [VERSIONS="15 17 18 19"] [ONLY=PHASE,...] [TESTS="NAME ..."]
#		[MINUTES=N] [WHERE_POSSIBLE=yes] scripts/check_versions.sh
#
# A version that this machine's packages offer is tested right here, as `make
# check` does. Any other one is tested in a folder .versions/SUITE with another
# Debian in it, which is made by debootstrap from the mirror this machine takes
# its own packages from, and used again the next time. That needs root and the
# right to mount. A server there is also upgraded to, by pg_upgrade, from this
# machine's own if that is older. A version that is not released yet is taken from
# where Debian prepares it, over the rest of its suite, and is skipped where it is
# not there. ONLY and TESTS are for check.sh; without them all phases run
# but lint, whose tools differ and whose findings are not about the server. One
# more phase, deb, builds the Debian package, installs it in such a folder and
# runs its tests against it. All versions run even if one fails. The last line
# counts, and the status is 0 only if nothing failed.
#
# MINUTES bounds it all: a check that is not done by then has failed. With
# WHERE_POSSIBLE a version is skipped, and that is said, where there is no right
# to make its folder, its Debian is not to be had or there are no minutes left.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

# The first Debian to have each version.
declare -A SUITE_OF=([15]=bookworm [17]=trixie [18]=forky [19]=sid)
# What is to come comes from here, over that.
declare -A PREPARED_IN=([19]=experimental)
PASSED=0
FAILED=0
SKIPPED=0
STARTED=$SECONDS
SUMMARY=()
OUTPUT=                         # of the check at hand

# ---------------------------------------------------------------------------
# A folder with another Debian
# ---------------------------------------------------------------------------

# Are we able to work in such a folder? If not, say what is missing.
has_rights()
{
	if [ "$(id -u)" -ne 0 ]; then
		say "PostgreSQL $1 is not among this machine's packages: testing it here needs root"
		return 1
	elif ! unshare --mount --pid --fork true 2>/dev/null; then
		say "PostgreSQL $1 is not among this machine's packages, and mounting is forbidden here"
		return 1
	fi
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

	"$ROOT/scripts/packages.sh" versions || return 1
	mirror=$(debian_mirror) || return 1
	[ -e "$recipe" ] || recipe=${recipe%/*}/sid
	say "installing Debian $1 in ${2#"$ROOT"/} (this may take some minutes)"
	rm -rf --one-file-system "$2.new"
	timeout --foreground "$(seconds_left)" debootstrap --variant=minbase "$1" "$2.new" "$mirror" "$recipe" \
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

# add_prepared VERSION FOLDER: PostgreSQL's own packages from where the version is
# prepared; status 1 where they are not there.
add_prepared()
{
	local suite=${PREPARED_IN[$1]:-} folder=$2 mirror

	[ -n "$suite" ] || return 0
	mirror=$(debian_mirror) || return 1
	say "deb $mirror $suite main" >"$folder/etc/apt/sources.list.d/vvault-prepared.list"
	printf 'Package: *postgresql*-%s libpq*\nPin: release a=%s\nPin-Priority: 900\n' "$1" "$suite" \
		>"$folder/etc/apt/preferences.d/vvault-prepared"
	in_suite "$folder" sh -c "apt-get -qq update && apt-cache show postgresql-$1" >"$folder.log" 2>&1
}

# take_updates SUITE FOLDER: the same security updates as this machine. What a
# minor release wrote may be more than an earlier one of the next version reads.
take_updates()
{
	local list=$2/etc/apt/sources.list.d/vvault-security.list mirror

	mirror=$(mirror_in_apt Debian-Security)
	[ -n "$mirror" ] && [ "$1" != sid ] && [ ! -e "$list" ] || return 0
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

# The seconds that are left of MINUTES, 0 where that is no limit; status 1 where
# there are none.
seconds_left()
{
	local left

	[ -n "${MINUTES:-}" ] || { say 0; return 0; }
	left=$((MINUTES * 60 - (SECONDS - STARTED)))
	say "$((left > 1 ? left : 1))"
	[ "$left" -gt 0 ]
}

# in_suite FOLDER COMMAND...: as root of the other Debian. Mounts and processes
# are in namespaces of their own, so that both are gone when the command ends,
# however it ends.
in_suite()
{
	# shellcheck disable=SC2016  # it is the inner shell that shall expand them
	timeout --foreground "$(seconds_left)" unshare --mount --pid --fork --kill-child --mount-proc="$1/proc" sh -c '
		mount -t tmpfs -o mode=1777 tmpfs "$0/dev/shm"
		chroot "$0" "$@"' "$@"
}

# ---------------------------------------------------------------------------
# The checks
# ---------------------------------------------------------------------------

# The phases that are check.sh's.
phases()
{
	local only=,${ONLY:-},

	only=${only//,deb,/,}
	only=${only#,}
	say "${only%,}"
}

machine_has()
{
	[ -x "/usr/lib/postgresql/$1/bin/postgres" ] ||
		apt-cache show "postgresql-$1" >/dev/null 2>&1
}

check_here()
{
	PG_CONFIG=/usr/lib/postgresql/$1/bin/pg_config ONLY=$(phases) \
		timeout --foreground "$(seconds_left)" "$ROOT/scripts/check.sh"
}

# The machine's own server, if it is older than version $1.
older_major()
{
	local major

	major=$(installed_major)
	[ -z "$major" ] || [ "$major" -ge "$1" ] || say "$major"
}

# lay_older_server VERSION FOLDER: what a test of pg_upgrade comes from, where TAP
# tests run.
lay_older_server()
{
	local old only

	old=$(older_major "$1")
	only=,${ONLY:-tap},
	[ -n "$old" ] && [ "${only//,tap,/}" != "$only" ] || return 0
	if ! ONLY=build TESTS='' check_here "$old" >"$2.log" 2>&1; then
		cat "$2.log"
		return 1
	fi
	lay_old_server "$2" "$old"
}

# in_suite_project FOLDER VERSION SCRIPT [ARGUMENT...]: a script of the project.
in_suite_project()
{
	local folder=$1 version=$2 script=$3 old from=

	shift 3
	old=$(older_major "$version")
	[ -z "$old" ] || from=/srv/old/usr/lib/postgresql/$old
	in_suite "$folder" env -i HOME=/root TERM="${TERM:-dumb}" \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		PG_CONFIG="/usr/lib/postgresql/$version/bin/pg_config" \
		ONLY="$(phases)" TESTS="${TESTS:-}" VVAULT_UPGRADE_FROM="$from" "/srv/vvault/scripts/$script" "$@"
}

# Another Debian with the project and with what its tests need. Status 2 where a
# version that is to come is not prepared there.
prepare_suite()
{
	local folder=$ROOT/.versions/${SUITE_OF[$1]} groups=(build test docs)

	! chosen deb || groups+=(deb)
	[ -d "$folder" ] || make_suite "${SUITE_OF[$1]}" "$folder" || return 1
	add_prepared "$1" "$folder" || return 2
	fill_suite "$folder" &&
		take_updates "${SUITE_OF[$1]}" "$folder" &&
		in_suite_project "$folder" "$1" packages.sh "${groups[@]}" &&
		lay_older_server "$1" "$folder"
}

check_in_suite()
{
	in_suite_project "$ROOT/.versions/${SUITE_OF[$1]}" "$1" check.sh
}

# The package is installed in another Debian only, where nobody misses a vvault.
deb_in_suite()
{
	in_suite_project "$ROOT/.versions/${SUITE_OF[$1]}" "$1" check_deb.sh
}

deb_here()
{
	say "the package is tried in a Debian folder only, not on this machine"
	say "0 passed, 0 failed, 1 skipped"
}

# chosen check | deb: the phases of check.sh, or the package, which is a phase "deb"
# of its own.
chosen()
{
	case $1 in
		deb) [[ ,${ONLY:-}, = *,deb,* ]] ;;
		check) [ "${ONLY:-}" != deb ] ;;
	esac
}

# skip VERSION REASON
skip()
{
	say "PostgreSQL $1 is skipped: $2"
	SUMMARY+=("   PostgreSQL $1: skipped, $2")
	SKIPPED=$((SKIPPED + 1))
}

# A suite that cannot be prepared is skipped or has failed.
suite_ready()
{
	local status=0

	prepare_suite "$1" || status=$?
	[ "$status" -ne 0 ] || return 0
	if [ "$status" -eq 2 ]; then
		skip "$1" "Debian ${PREPARED_IN[$1]} does not have it"
	elif [ "${WHERE_POSSIBLE:-}" = yes ]; then
		skip "$1" "Debian ${SUITE_OF[$1]} is not to be had"
	else
		SUMMARY+=("   PostgreSQL $1: Debian ${SUITE_OF[$1]} is not to be had")
		FAILED=$((FAILED + 1))
	fi
	return 1
}

# The check's last line is its verdict; without one it broke off and that is a
# failure too.
check_version()
{
	local how=here where="on this machine" part

	if ! machine_has "$1"; then
		how=in_suite
		where="in Debian ${SUITE_OF[$1]}"
	fi
	heading "PostgreSQL $1, $where"
	[ "$how" = here ] || suite_ready "$1" || return 0
	for part in check deb; do
		! chosen "$part" || run_part "$1" "$part" "$how"
	done
}

# run_part VERSION PART HOW: run it, count it.
run_part()
{
	local label="PostgreSQL $1" verdict

	[ "$2" = check ] || label+=", package"
	{
		set -e
		"$2_$3" "$1"
	} 2>&1 | tee -i "$OUTPUT"
	verdict=$(tail -n 1 "$OUTPUT")
	if [[ $verdict =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		PASSED=$((PASSED + BASH_REMATCH[1]))
		FAILED=$((FAILED + BASH_REMATCH[2]))
		SKIPPED=$((SKIPPED + BASH_REMATCH[3]))
	elif [ "${WHERE_POSSIBLE:-}" = yes ] && ! seconds_left >/dev/null; then
		skip "$1" "the minutes ran out"
		return
	else
		verdict="broke off"
		FAILED=$((FAILED + 1))
	fi
	SUMMARY+=("   $label: $verdict")
}

main()
{
	local version versions

	read -ra versions <<<"${VERSIONS:-15 17 18 19}"
	for version in "${versions[@]}"; do
		[ -n "${SUITE_OF[$version]:-}" ] ||
			die "VERSIONS=$VERSIONS: there is no \"$version\"; there are: 15 17 18 19"
		machine_has "$version" || has_rights "$version" ||
			[ "${WHERE_POSSIBLE:-}" = yes ] || exit 1
	done
	mkdir -p "$ROOT/.versions"
	hold_work "$ROOT/.versions"
	OUTPUT=$(mktemp)
	trap 'rm -f "$OUTPUT"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	[ -n "${ONLY:-}${TESTS:-}" ] || export ONLY=build,regress,pgtap,isolation,tap,docs,deb
	set +e                      # from here on a failure is counted, not fatal
	for version in "${versions[@]}"; do
		if [ "${WHERE_POSSIBLE:-}" = yes ] && ! seconds_left >/dev/null; then
			skip "$version" "no minutes are left"
		elif ! machine_has "$version" && ! has_rights "$version" >/dev/null; then
			skip "$version" "no right to make a folder for it"
		else
			check_version "$version"
		fi
	done
	heading "all versions"
	printf '%s\n' "${SUMMARY[@]}"
	say "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	[ "$FAILED" -eq 0 ]
}

main
