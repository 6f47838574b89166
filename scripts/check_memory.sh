#!/usr/bin/env bash
#
# check_memory.sh
#		Tests with assertions, UBSan and valgrind: `make check-memory`.
#
# usage: [PARTS="undefined valgrind"] [ONLY=PHASE,...] [TESTS="NAME ..."]
#		scripts/check_memory.sh
#
# undefined	regress, pgTAP and the fuzzers' short rounds with a vvault that
#			checks PostgreSQL's assertions and dies of undefined behaviour
# valgrind	regress, or the phases of ONLY and the tests of TESTS, on a server
#			under valgrind; any error fails that scripts/valgrind.supp does not
#			know, which knows none of ours. Takes long.
#
# AddressSanitizer does not start with a packaged server: `make fuzz FUZZ=parts`
# has it, for the parts that read untrusted bytes. The last line counts, and the
# status is 0 only if nothing failed.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

PARTS=${PARTS:-undefined valgrind}
PASSED=0
FAILED=0
SKIPPED=0
OUTPUT=

# count PASSED FAILED SKIPPED
count()
{
	PASSED=$((PASSED + $1))
	FAILED=$((FAILED + $2))
	SKIPPED=$((SKIPPED + $3))
}

# run_check: check.sh with the environment's choice; its last line is counted.
run_check()
{
	local verdict

	"$ROOT/scripts/check.sh" 2>&1 | tee -i "$OUTPUT"
	verdict=$(tail -n 1 "$OUTPUT")
	if [[ $verdict =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		count "${BASH_REMATCH[@]:1:3}"
	else
		say "the check broke off"
		count 0 1 0
	fi
}

part_undefined()
{
	export PROFILE="-g -DUSE_ASSERT_CHECKING -fsanitize=undefined -fno-sanitize-recover=undefined"
	export UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1

	ONLY=regress,pgtap run_check
	ONLY=tap TESTS=051_fuzz run_check
	unset PROFILE UBSAN_OPTIONS
}

# What valgrind has written of each process, as far as it found something.
part_valgrind()
{
	local file found=0

	"$ROOT/scripts/packages.sh" valgrind
	# a name in the copied project, since that is where it runs
	PROFILE=-g VVAULT_SERVER=scripts/valgrind_server.sh ONLY=${ONLY:-regress} run_check
	for file in "$ROOT"/.work/log/valgrind.*; do
		[ -s "$file" ] || continue
		found=$((found + 1))
		[ "$found" -gt 5 ] || head -n 100 "$file"
	done
	say "   valgrind: errors in $found processes"
	if [ "$found" -eq 0 ]; then
		count 1 0 0
	else
		count 0 1 0
	fi
}

main()
{
	local part

	for part in $PARTS; do
		case $part in
			undefined | valgrind) ;;
			*) die "PARTS=$PARTS: there is no \"$part\"; there are: undefined valgrind" ;;
		esac
	done
	OUTPUT=$(mktemp)
	trap 'rm -f "$OUTPUT"' EXIT
	set +e                      # from here on a failure is counted, not fatal
	for part in $PARTS; do
		heading "memory: $part"
		"part_$part"
	done
	heading "all parts"
	say "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	[ "$FAILED" -eq 0 ]
}

main
