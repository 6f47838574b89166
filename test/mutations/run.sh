#!/usr/bin/env bash
#
# run.sh
#		Breaks the reply cache, access and tokens on purpose, one thing at a time,
#		and looks whether their tests notice.
#
# usage: [ONLY="NAME ..."] [PG_CONFIG=...] test/mutations/run.sh
#
# The mutations are in list.sh. Each is made in a copy of the project, and only
# the TAP tests named with it are run. One survives if they pass; it is stale if
# it changes nothing, does not build or ends the tests before the first of them,
# as when the code has moved on. The tests must pass as long as nothing is
# broken, so they are run that way first. The last line counts, and the status
# is 0 only if each was noticed. The list takes about an hour, so it is no
# part of make check. What the tests printed is in .mutations/log.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/../../scripts/lib.sh"

TESTS_TAKE=${TESTS_TAKE:-300}     # seconds at most
NOTICED=0
SURVIVED=()
STALE=()

chosen()
{
	case " ${ONLY:-$1} " in
		*" $1 "*) return 0 ;;
	esac
	return 1
}

build()
{
	make -s -C "$TREE" PG_CONFIG="$PG_CONFIG" with_llvm=no DESTDIR="$STAGE" install
}

stale()
{
	say "   $1: STALE, $2"
	STALE+=("$1")
}

# run_tests LOG TEST...
run_tests()
{
	local tests=("${@:2}") status=0 second pid

	tests=("${tests[@]/#/test/t/}")
	prove_tap "${tests[@]/%/.pl}" >"$1" 2>&1 &
	pid=$!
	for ((second = 0; second < TESTS_TAKE; second++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 1
	done
	# a server that hangs is none that passes
	[ "$second" -lt "$TESTS_TAKE" ] || remove_tap_servers
	wait "$pid" || status=1
	remove_tap_servers
	return "$status"
}

# The tests of all mutations that are chosen, with nothing broken.
control()
{
	local tests=()

	# shellcheck disable=SC2329  # called by list.sh
	mutation()
	{
		chosen "$1" && tests+=("${@:4}")
		return 0
	}
	# shellcheck source=test/mutations/list.sh
	source "$TREE/test/mutations/list.sh"
	mapfile -t tests < <(printf '%s\n' "${tests[@]}" | sort -u)
	run_tests "$LOGS/control.log" "${tests[@]}" && return 0
	say "with nothing broken the tests fail: $LOGS/control.log"
	return 1
}

# try_mutation NAME FILE SED-EXPRESSION TEST...: makes one and runs the tests.
try_mutation()
{
	local name=$1 file=$TREE/$2 log=$LOGS/$1.log

	chosen "$name" || return 0
	cp -p "$file" "$WORK/original"
	sed -E "$3" "$WORK/original" >"$WORK/mutated"
	if cmp -s "$WORK/original" "$WORK/mutated"; then
		stale "$name" "it changes nothing"
		return 0
	fi
	cp "$WORK/mutated" "$file"
	if ! build >"$log" 2>&1; then
		stale "$name" "it does not build: $log"
	elif run_tests "$log" "${@:4}"; then
		say "   $name: SURVIVED"
		SURVIVED+=("$name")
	elif ! grep -q '^#   Failed test' "$log" && grep -q 'No subtests run' "$log"; then
		stale "$name" "no test came to its first step: $log"
	else
		say "   $name: noticed ($(grep -cE "^#   Failed test" "$log") failed)"
		NOTICED=$((NOTICED + 1))
	fi
	cp "$WORK/original" "$file"     # newer than what was built of the mutated one
}

main_inside()
{
	set_paths
	trap remove_tap_servers EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	rm -rf "$LOGS"
	mkdir -p "$LOGS"
	# a session that waits in vain is not to wait for long
	export PG_TEST_TIMEOUT_DEFAULT=30

	heading "building"
	make -s -C "$TREE" PG_CONFIG="$PG_CONFIG" with_llvm=no -j "$(nproc)" all
	"$TREE/scripts/stage.sh" "$STAGE" "$TREE"
	heading "nothing broken"
	control || exit 1
	heading "mutations"
	mutation() { try_mutation "$@"; }
	# shellcheck source=test/mutations/list.sh
	source "$TREE/test/mutations/list.sh"
	heading "all mutations, logs in $LOGS"
	say "survived: ${SURVIVED[*]:-none}"
	say "stale: ${STALE[*]:-none}"
	say "$NOTICED noticed, ${#SURVIVED[@]} survived, ${#STALE[@]} stale"
	[ ${#SURVIVED[@]} -eq 0 ] && [ ${#STALE[@]} -eq 0 ]
}

if ! inside; then
	"$ROOT/scripts/packages.sh" build test
	go_inside .mutations test/mutations/run.sh
fi
main_inside
