#!/usr/bin/env bash
#
# check.sh
#		Every test, from nothing, on a throw-away cluster.
#
# usage: [ONLY=PHASE,...] [TESTS="NAME ..."] [PG_CONFIG=...] [AT=INSTANT]
#		[ZONE=TZ] [DATESTYLE=STYLE] [LOCALE=NAME] [PRELOAD=no] [JOBS=N]
#		scripts/check.sh
#
# Phases: build lint regress pgtap isolation tap docs. ONLY chooses some of
# them; TESTS chooses tests by name, from every phase that has tests. All phases
# run even if one fails. The last line counts, and the status is 0 only if
# nothing failed. Logs stay in .work/log. Each phase says how long it took, and
# so does each TAP test; JOBS of these (two more than there are cores: some wait)
# run side by side, but for those whose head says "make check: alone". Those that
# take long say "make check: early" and begin before the others. The phases that
# share the throw-away cluster follow one another and count as one of the JOBS.
#
# The tests run as if elsewhere and on another day: AT is what the clock shows
# when they begin (as "2027-03-28 23:58:00", of ZONE; see test/clock.c), ZONE the
# time zone and DATESTYLE the DateStyle of server and clients, LOCALE that of
# the databases. With PRELOAD=no the server loads the library when it is called.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

PHASES="build lint regress pgtap isolation tap docs"
JOBS=${JOBS:-$(($(nproc) + 2))}
PASSED=0
FAILED=0
SKIPPED=0
SHOWN_LINES=200                 # of a failure, in the output; the logs have all

# ---------------------------------------------------------------------------
# Counting and choosing
# ---------------------------------------------------------------------------

# count PASSED FAILED SKIPPED [OF]: the figures of a phase, or of a part of it
# that is named, said and added up.
count()
{
	PASSED=$((PASSED + $1))
	FAILED=$((FAILED + $2))
	SKIPPED=$((SKIPPED + $3))
	say "   ${4:+$4: }$1 passed, $2 failed, $3 skipped"
}

# timed COMMAND...: a phase, and how long it took.
timed()
{
	local begun=$SECONDS

	"$@"
	say "   took $((SECONDS - begun)) s"
}

# judge STATUS LABEL: one single check.
judge()
{
	if [ "$1" -eq 0 ]; then
		say "   $2: ok"
		PASSED=$((PASSED + 1))
	else
		say "   $2: FAILED"
		FAILED=$((FAILED + 1))
	fi
}

# judge_log STATUS LABEL LOG: the same, and why, if it failed.
judge_log()
{
	[ "$1" -eq 0 ] || head -n "$SHOWN_LINES" "$3"
	judge "$1" "$2"
}

# Without ONLY all phases run, or with TESTS those that have tests by name.
chosen()
{
	local only=${ONLY:-}

	[ -n "$only" ] || [ -z "${TESTS:-}" ] || only=regress,pgtap,isolation,tap
	case ",$only," in
		,, | *",$1,"*) return 0 ;;
	esac
	return 1
}

validate_choice()
{
	local phase

	for phase in $(tr ',' ' ' <<<"${ONLY:-}"); do
		case " $PHASES " in
			*" $phase "*) ;;
			*) die "ONLY=$ONLY: there is no phase \"$phase\"; there are: $PHASES" ;;
		esac
	done
	case ${PRELOAD:-yes} in
		yes | no) ;;
		*) die "PRELOAD=$PRELOAD: it is yes or no" ;;
	esac
	[ -z "${AT:-}" ] || date -d "$AT" >/dev/null ||
		die "AT=$AT: that is no instant"
}

# chosen_tests NAME...: those that TESTS asks for, with their folder or without,
# or all; one a line.
chosen_tests()
{
	local name

	for name in "$@"; do
		if [ -z "${TESTS:-}" ]; then
			say "$name"
			continue
		fi
		case " $TESTS " in
			*" $name "* | *" ${name##*/} "*) say "$name" ;;
		esac
	done
}

# names_in FOLDER SUFFIX: the tests of a folder, by name, sorted.
names_in()
{
	local file

	for file in "$TREE/$1"/*"$2"; do
		[ ! -e "$file" ] || basename "$file" "$2"
	done
}

# nothing_found PHASE: what an empty list of tests means. Under TESTS it only
# means that the test asked for is in another phase.
nothing_found()
{
	if [ -n "${TESTS:-}" ]; then
		say "   none of the tests asked for is here"
	elif [ "$1" = must ]; then
		say "   no tests found"
		count 0 1 0
	else
		say "   no tests here yet"
		count 0 0 0
	fi
}

# ---------------------------------------------------------------------------
# Phases
# ---------------------------------------------------------------------------

# The tests need the gcc build, whichever phases are chosen.
build_for_tests()
{
	BUILD_STATUS=0
	STAGED=no
	scripts/lint.sh gcc >"$LOGS/build.log" 2>&1 || BUILD_STATUS=1
	if scripts/stage.sh "$STAGE" "$TREE" >"$LOGS/stage.log" 2>&1; then
		STAGED=yes
	fi
}

phase_build()
{
	heading "build: -Wall -Wextra, $("$PG_CONFIG" --version)"
	[ "$BUILD_STATUS" -eq 0 ] || cat "$LOGS/build.log"
	judge "$BUILD_STATUS" gcc
	run_lint clang
}

phase_lint()
{
	heading "lint"
	run_lint cppcheck
	run_lint arrows
	run_lint format
}

run_lint()
{
	scripts/lint.sh "$1" >"$LOGS/lint-$1.log" 2>&1
	judge_log $? "$1" "$LOGS/lint-$1.log"
}

# pg_regress says "test NAME ... ok" up to PostgreSQL 15, "ok 1 - NAME" later.
count_regress()
{
	local log=$1 passed failed

	passed=$(grep -cE '^(test|  ) .* \.\.\. ok|^ok [0-9]+' "$log" || true)
	failed=$(grep -cE '^(test|  ) .* \.\.\. FAILED|^not ok [0-9]+' "$log" || true)
	if [ "$2" -ne 0 ] && [ "$failed" -eq 0 ]; then
		tail -n 20 "$log"
		failed=1
	fi
	count "$passed" "$failed" 0
}

show_diffs()
{
	[ ! -s "$1" ] || head -n "$SHOWN_LINES" "$1"
}

# What sets zone and DateStyle for the clients of pg_regress, which has its own.
launcher()
{
	say "env ${ZONE:+PGTZ='$ZONE'} ${DATESTYLE:+PGDATESTYLE='$DATESTYLE'}"
}

phase_regress()
{
	local tests options status=0

	heading "regress: pg_regress"
	read -ra options < <(make_value REGRESS_OPTS)
	read -ra tests < <(make_value REGRESS)
	mapfile -t tests < <(chosen_tests "${tests[@]}")
	if [ ${#tests[@]} -eq 0 ]; then
		nothing_found must
		return
	fi
	"$(pgxs_src)/test/regress/pg_regress" --inputdir=. --outputdir=. \
		--bindir="$STAGE_BIN" --user=postgres --launcher="$(launcher)" \
		"${options[@]}" "${tests[@]}" >"$LOGS/regress.log" 2>&1 9<&- || status=$?
	show_diffs regression.diffs
	count_regress "$LOGS/regress.log" "$status"
}

phase_isolation()
{
	local tests options status=0

	heading "isolation: pg_isolation_regress"
	read -ra options < <(make_value ISOLATION_OPTS)
	read -ra tests < <(make_value ISOLATION)
	mapfile -t tests < <(chosen_tests "${tests[@]}")
	if [ ${#tests[@]} -eq 0 ]; then
		nothing_found may
		return
	fi
	mkdir -p output_iso
	"$(pgxs_src)/test/isolation/pg_isolation_regress" --inputdir=. \
		--outputdir=output_iso --bindir="$STAGE_BIN" --user=postgres \
		--launcher="$(launcher)" "${options[@]}" "${tests[@]}" >"$LOGS/isolation.log" 2>&1 9<&- || status=$?
	show_diffs output_iso/regression.diffs
	count_regress "$LOGS/isolation.log" "$status"
}

# count_tap LOG STATUS [OF]: assertions in the output of a verbose prove.
count_tap()
{
	# shellcheck disable=SC2046  # three figures
	count $(tap_counts "$1" "$2") "${3:-}"
}

# What prove says of a failed assertion, without the thousands that passed.
show_failures()
{
	grep -vE '^ok |^1\.\.|^ +ok ' "$1" | head -n "$SHOWN_LINES"
}

# The tests of test/pgtap have vvault alone, those of test/pgtap/stream have
# vvault_stream beside it.
phase_pgtap()
{
	local tests stream status=0

	heading "pgtap: pg_prove"
	mapfile -t tests < <(names_in test/pgtap .sql)
	mapfile -t tests < <(chosen_tests "${tests[@]}")
	mapfile -t stream < <(names_in test/pgtap/stream .sql | sed 's|^|stream/|')
	mapfile -t stream < <(chosen_tests "${stream[@]}")
	if [ $((${#tests[@]} + ${#stream[@]})) -eq 0 ]; then
		nothing_found must
		return
	fi
	if [ ! -e "$STAGE$("$PG_CONFIG" --sharedir)/extension/pgtap.control" ]; then
		say "   this server has no pgTAP"
		count 0 0 $((${#tests[@]} + ${#stream[@]}))
		return
	fi
	: >"$LOGS/pgtap.log"
	run_pgtap vvault "${tests[@]}" || status=1
	run_pgtap vvault_stream "${stream[@]}" || status=1
	[ "$status" -eq 0 ] || show_failures "$LOGS/pgtap.log"
	count_tap "$LOGS/pgtap.log" "$status"
}

# run_pgtap EXTENSION TEST...: in a database of their own.
run_pgtap()
{
	local extension=$1 tests

	shift
	[ $# -gt 0 ] || return 0
	tests=("${@/#/test/pgtap/}")
	{
		sql postgres -c "CREATE DATABASE ${extension}_pgtap" &&
			sql "${extension}_pgtap" -c 'CREATE EXTENSION pgtap' \
				-c "CREATE EXTENSION $extension CASCADE" &&
			pg_prove -v --timer --psql-bin "$STAGE_BIN/psql" -d "${extension}_pgtap" \
				"${tests[@]/%/.sql}"
	} >>"$LOGS/pgtap.log" 2>&1 9<&-
}

# is_marked WORD NAME: does the head of this TAP test say "make check: WORD"?
is_marked()
{
	grep -qE "^# make check: $1\b" "test/t/$2.pl"
}

# run_tap_test NAME: its output, its status and the seconds it took go to files.
run_tap_test()
{
	local begun=$SECONDS status=0

	prove_tap -v "test/t/$1.pl" >"$LOGS/tap/$1.log" 2>&1 </dev/null || status=$?
	say "$status $((SECONDS - begun))" >"$LOGS/tap/$1.status"
}

# run_tap_tests N NAME...: N of them side by side, in processes that die with us.
run_tap_tests()
{
	local name jobs=$1

	shift
	for name in "$@"; do
		[ "$(jobs -pr | wc -l)" -lt "$jobs" ] || wait -n
		run_tap_test "$name" 9<&- &
	done
}

# What runs side by side in processes of its own.
end_jobs()
{
	local group

	for group in $(jobs -p); do
		kill -TERM -- "-$group" 2>/dev/null || true
	done
}

# judge_tap_test NAME: counted and told in a line; where it failed, also why. If
# it died, the last that it said stands in its own log only.
judge_tap_test()
{
	local status=1 seconds=0 log=$LOGS/tap/$1.log own=$WORK/tap/log/regress_log_$1

	read -r status seconds <"$LOGS/tap/$1.status"
	if [ "$status" -ne 0 ]; then
		show_failures "$log"
		if ! grep -q '^not ok' "$log" && [ -s "$own" ]; then
			say "   the end of $own:"
			tail -n 20 "$own"
		fi
	fi
	# whether it had a PostgREST
	sed -n "s/^# \([0-9a-z_]*: .*with .*\)/   \1/p" "$log"
	count_tap "$log" "$status" "$1, $seconds s"
}

# run_phases NAME...: one after another, in a process of their own; what they count
# goes to a file.
run_phases()
{
	local phase

	PASSED=0 FAILED=0 SKIPPED=0
	for phase in "$@"; do
		timed "phase_$phase"
	done
	say "$PASSED $FAILED $SKIPPED" >"$LOGS/phases.counts"
}

# add_phases PHASE...: what run_phases has counted; if it died, each has failed.
add_phases()
{
	local passed=0 failed=$# skipped=0

	! [ -s "$LOGS/phases.counts" ] || read -r passed failed skipped <"$LOGS/phases.counts"
	PASSED=$((PASSED + passed))
	FAILED=$((FAILED + failed))
	SKIPPED=$((SKIPPED + skipped))
}

# phase_tap [PHASE...]: the TAP tests, and beside them these phases.
phase_tap()
{
	local tests name alone=() early=() late=()

	mapfile -t tests < <(names_in test/t .pl)
	mapfile -t tests < <(chosen_tests "${tests[@]}")
	mkdir -p "$LOGS/tap"
	for name in "${tests[@]}"; do
		if is_marked alone "$name"; then
			alone+=("$name")
		elif is_marked early "$name"; then
			early+=("$name")
		else
			late+=("$name")
		fi
	done
	set -m
	run_tap_tests 1 "${alone[@]}"
	wait
	[ $# -eq 0 ] || run_phases "$@" 9<&- </dev/null &
	run_tap_tests "$JOBS" "${early[@]}" "${late[@]}"
	wait
	set +m
	[ $# -eq 0 ] || add_phases "$@"
	heading "tap: prove, $JOBS side by side"
	[ ${#tests[@]} -ne 0 ] || nothing_found may
	for name in "${tests[@]}"; do
		judge_tap_test "$name"
	done
}

phase_docs()
{
	heading "docs: the reference is current"
	scripts/docs.sh --check >"$LOGS/docs.log" 2>&1
	judge_log $? docs/reference.md "$LOGS/docs.log"
}

# A backend that crashed may leave every test green: the log knows.
look_for_crashes()
{
	local log=$WORK/log/server.log

	if grep -qE 'was terminated by signal|PANIC:|TRAP:|runtime error:' "$log" 2>/dev/null; then
		heading "the server crashed during the tests"
		grep -E 'was terminated by signal|PANIC:|TRAP:|runtime error:' -A 2 "$log" | head -n 20
		count 0 1 0
	fi
}

# ---------------------------------------------------------------------------
# The run
# ---------------------------------------------------------------------------

# The clock, zone and DateStyle that the server, its clients and the TAP tests'
# servers and clients find. PostgreSQL::Test leaves these variables alone.
go_elsewhere()
{
	local seconds

	if [ -n "${ZONE:-}" ]; then
		[ -e "/usr/share/zoneinfo/$ZONE" ] || die "ZONE=$ZONE: there is no such time zone"
		export TZ=$ZONE PGTZ=$ZONE
	fi
	[ -z "${DATESTYLE:-}" ] || export PGDATESTYLE=$DATESTYLE
	[ -n "${AT:-}" ] || return 0
	gcc -Wall -Wextra -O2 -shared -fPIC -o "$WORK/clock.so" test/clock.c || return 1
	seconds=$(($(date -d "$AT" +%s) - $(date +%s)))
	export VVAULT_CLOCK=$seconds LD_PRELOAD=$WORK/clock.so
}

start_cluster()
{
	local libraries=pg_stat_statements

	[ "${PRELOAD:-yes}" = no ] || libraries+=", vvault"
	CLUSTER_LOCALE=${LOCALE:-C.UTF-8} \
		cluster_create "$WORK" "shared_preload_libraries = '$libraries'" \
		"pg_stat_statements.track = all" "max_prepared_transactions = 10" \
		"wal_level = logical" "fsync = off" \
		${ZONE:+"timezone = '$ZONE'"} ${DATESTYLE:+"datestyle = '$DATESTYLE'"} &&
		cluster_start "$WORK" &&
		export VVAULT_SERVER_UP=yes
}

# Those of them that are chosen, of all that need a server.
server_phases()
{
	local phase

	for phase in ${1:-regress pgtap isolation tap docs}; do
		! chosen "$phase" || say "$phase"
	done
}

run_server_phases()
{
	local phase shared

	[ -n "$(server_phases)" ] || return 0
	if [ "$STAGED" = no ]; then
		heading "nothing to test: the build failed"
		chosen build || head -n "$SHOWN_LINES" "$LOGS/build.log"
		[ "$BUILD_STATUS" -ne 0 ] || cat "$LOGS/stage.log"
		count 0 "$(server_phases | wc -l)" 0
		return
	fi
	if ! go_elsewhere || ! start_cluster; then
		heading "the throw-away cluster does not start"
		count 0 "$(server_phases | wc -l)" 0
		return
	fi
	mapfile -t shared < <(server_phases "regress pgtap isolation")
	if chosen tap; then
		timed phase_tap "${shared[@]}"
		shared=()
	fi
	for phase in "${shared[@]}" $(server_phases docs); do
		timed "phase_$phase"
	done
	look_for_crashes
}

# Stop and delete what this run left running, or one before it that was killed.
remove_servers()
{
	remove_tap_servers
	cluster_remove "$WORK"
}

main_inside()
{
	set_paths
	trap 'end_jobs; remove_servers' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP PIPE
	remove_servers
	rm -rf "$LOGS" "$WORK/tap"
	mkdir -p "$LOGS"

	# From here on a failure is counted, not fatal.
	set +e
	build_for_tests
	! chosen build || timed phase_build
	! chosen lint || timed phase_lint
	run_server_phases
	remove_servers
	trap - EXIT
	if [ $((PASSED + FAILED + SKIPPED)) -eq 0 ]; then
		heading "nothing was tested"
		count 0 1 0
	fi
	heading "all phases, logs in $WORK/log"
	say "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	[ "$FAILED" -eq 0 ]
}

main()
{
	validate_choice
	if ! inside; then
		"$ROOT/scripts/packages.sh" build test lint format docs
		[ -z "${ZONE:-}" ] || "$ROOT/scripts/packages.sh" zones
		if chosen tap; then
			{ "$ROOT/scripts/packages.sh" browser && "$ROOT/scripts/chartjs.sh" .work; } ||
				say "going on without: the dashboard is not tried in a browser"
			"$ROOT/scripts/nginx.sh" .work ||
				say "going on without: the site's URLs are not tried"
			"$ROOT/scripts/packages.sh" s3 ||
				say "going on without: no store that speaks S3 is tried"
			"$ROOT/scripts/npm.sh" .work demo/clients ||
				say "going on without: the example for node-postgres is not tried"
			"$ROOT/scripts/npm.sh" .work test/players ||
				say "going on without: no player plays a video"
			"$ROOT/scripts/npm.sh" .work test/manifests ||
				say "going on without: nobody else reads playlists and heads of files"
			"$ROOT/scripts/dash_schema.sh" .work ||
				say "going on without: manifests are not held against a schema"
			"$ROOT/scripts/npm.sh" .work test/openapi ||
				say "going on without: the OpenAPI description is not linted"
			"$ROOT/scripts/npm.sh" .work test/s3 ||
				say "going on without: no client of S3's protocol is tried"
			"$ROOT/scripts/npm.sh" .work test/webhooks ||
				say "going on without: signatures of webhooks are checked by the test alone"
			"$ROOT/scripts/npm.sh" .work test/tokens ||
				say "going on without: jose checks no token"
		fi
		go_inside .work scripts/check.sh
	fi
	main_inside
}

main
