#!/usr/bin/env bash
#
# fuzz.sh
#		The fuzzers of test/fuzz/, on a throw-away cluster: `make fuzz`.
#
# usage: [FUZZ="NAME ..."] [SEED=N] [ROUNDS=20000] [QUERIES=50000]
#		[SECONDS_EACH=N] scripts/fuzz.sh
#
# NAMEs: ingest cursors search headers states site parts sqlsmith; without FUZZ all
# of them. ROUNDS is for the first six, QUERIES for sqlsmith. The parts (nine, see
# test/fuzz/parts) run for 300 seconds each. SECONDS_EACH bounds them, sqlsmith
# and the site, which is nginx in front of the tests' stand-in for PostgREST and
# then, where there is one on the PATH, in front of a PostgREST. The inputs that the parts have found are kept in .work/parts and taken
# up again by the next run. The last line counts, and the status is 0 only if
# nothing failed.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

FUZZERS="ingest cursors search headers states site parts sqlsmith"
ROUNDS=${ROUNDS:-20000}
QUERIES=${QUERIES:-50000}
SEED=${SEED:-$RANDOM}
PASSED=0
FAILED=0
SKIPPED=0

# run NAME COMMAND...: shows what it says; a fuzzer ends with a line "ok".
run()
{
	local name=$1

	shift
	"$@" 2>&1 9<&- | tee "$LOGS/fuzz-$name.log"
	if [ "${PIPESTATUS[0]}" -eq 0 ] && ! grep -q '^not ok' "$LOGS/fuzz-$name.log" &&
		grep -q '^ok\b' "$LOGS/fuzz-$name.log"; then
		PASSED=$((PASSED + 1))
	else
		say "   $name: FAILED, seed $SEED"
		FAILED=$((FAILED + 1))
	fi
}

# fuzz_sql NAME [PSQL ARGUMENT...]: setseed() takes numbers from -1 to 1.
fuzz_sql()
{
	local name=$1

	shift
	run "$name" psql -X -q -d vvault_fuzz -v "rounds=$ROUNDS" -v "seed=0.$SEED" "$@" \
		-f "test/fuzz/$name.sql"
}

fuzz_ingest()
{
	run ingest perl test/fuzz/ingest.pl --seed "$SEED" --rounds "$ROUNDS"
}

# a round forges several cursors
fuzz_cursors()
{
	ROUNDS=$((ROUNDS / 4)) fuzz_sql cursors
}

fuzz_search()
{
	ROUNDS=$((ROUNDS / 4)) fuzz_sql search
}

fuzz_headers()
{
	fuzz_sql headers
}

fuzz_states()
{
	make -s -C test/fuzz/states with_llvm=no PG_CONFIG="$PG_CONFIG" 9<&-
	fuzz_sql states -v module="$TREE/test/fuzz/states/states"
}

# A database of its own, with few videos.
make_site_database()
{
	sql postgres -c 'CREATE DATABASE vvault_site'
	sql vvault_site -o /dev/null <<-'END'
		CREATE EXTENSION vvault CASCADE;
		CREATE ROLE web_anon NOLOGIN;
		CREATE ROLE authenticator LOGIN NOINHERIT;
		GRANT web_anon TO authenticator;
		SELECT vvault_grant('web_anon', 'reader');
		INSERT INTO vvault.videos (region, video_id, title, views)
		SELECT r, 'v' || n, 'a title ' || n, n FROM unnest('{PL,SE}'::text[]) r, generate_series(1, 100) n;
	END
}

# try_site NAME STANDIN WHAT: one of the two programs behind nginx, and what it is.
try_site()
{
	local folder=$WORK/site-$1 url

	if ! RATE=100000r/s BURST=100000 CONNECTIONS=60000 STANDIN=$2 scripts/site.sh start "$folder" \
		"host=$PGHOST port=$PGPORT dbname=vvault_site user=authenticator" web_anon >"$LOGS/site-$1.urls"; then
		say "   site-$1: FAILED, the site does not start with $3"
		FAILED=$((FAILED + 1))
		return
	fi
	url=$(sed -n 's/^url //p' "$LOGS/site-$1.urls")
	say "   $(sed -n 's/^nginx //p' "$LOGS/site-$1.urls") in front of $3"
	run "site-$1" perl test/fuzz/site.pl --url "$url" --seed "$SEED" --rounds "$ROUNDS" --seconds "${SECONDS_EACH:-86400}"
	scripts/site.sh stop "$folder"
}

fuzz_site()
{
	if ! (find_nginx) >/dev/null 2>&1; then
		say "   there is no nginx: the site is not fuzzed"
		SKIPPED=$((SKIPPED + 1))
		return
	fi
	make_site_database
	try_site standin only "the tests' stand-in for PostgREST"
	[ -z "$(find_postgrest)" ] || try_site postgrest no "PostgREST, $(find_postgrest)"
}

fuzz_parts()
{
	run parts env SEED="$SEED" test/fuzz/parts/parts.sh "$WORK/parts" "${SECONDS_EACH:-300}"
}

fuzz_sqlsmith()
{
	run sqlsmith test/fuzz/sqlsmith.sh "$QUERIES" "${SECONDS_EACH:-86400}" "$SEED"
}

# internal_errors LOG FILES: those whose place is one of the files. The place is the
# LOCATION of the same message: that of the next one may be ours and no internal error.
internal_errors()
{
	awk -v files="$2" '
		/ ERROR:  / { error = / ERROR:  XX...:/ ? $0 : "" }
		error != "" && /LOCATION: / {
			if ($0 ~ ", (" files "):")
				print error "\n" $0
			error = ""
		}' "$1"
}

# What the fuzzers may have missed, and the server has not: crashes, and internal
# errors that our code has raised.
look_into_log()
{
	local log=$WORK/log/server.log files

	files=$(find src -name '*.c' -printf '%f\n' | paste -sd '|')
	if grep -qE 'was terminated by signal|PANIC:|TRAP:|runtime error:' "$log"; then
		heading "the server crashed"
		grep -E 'was terminated by signal|PANIC:|TRAP:|runtime error:' -A 2 "$log" | head -n 20
		FAILED=$((FAILED + 1))
	fi
	internal_errors "$log" "${files//./\\.}" >"$LOGS/internal.log"
	if [ -s "$LOGS/internal.log" ]; then
		heading "internal errors of vvault"
		head -n 40 "$LOGS/internal.log"
		FAILED=$((FAILED + 1))
	fi
}

start_server()
{
	scripts/stage.sh "$STAGE" "$TREE"
	cluster_create "$WORK" "fsync = off" "log_error_verbosity = verbose" \
		"max_stack_depth = 2MB" "log_min_error_statement = panic"
	cluster_start "$WORK"
	sql postgres -c 'CREATE DATABASE vvault_fuzz'
	sql vvault_fuzz -c 'CREATE EXTENSION vvault CASCADE'
	export PATH=$STAGE_BIN:$PATH PGDATABASE=postgres
}

remove_servers()
{
	scripts/site.sh stop "$WORK/site-standin"
	scripts/site.sh stop "$WORK/site-postgrest"
	cluster_remove "$WORK"
}

main_inside()
{
	local name

	set_paths
	trap remove_servers EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	mkdir -p "$WORK/parts"
	build_gcc "$TREE" >"$LOGS/build.log" || { cat "$LOGS/build.log"; exit 1; }
	[ "$WANTED" = parts ] || start_server
	set +e                      # from here on a failure is counted, not fatal
	for name in $WANTED; do
		heading "fuzz: $name"
		"fuzz_$name"
	done
	[ "$WANTED" = parts ] || look_into_log
	heading "all fuzzers, logs in $WORK/log"
	say "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	[ "$FAILED" -eq 0 ]
}

main()
{
	local name

	export WANTED=${FUZZ:-$FUZZERS}
	for name in $WANTED; do
		case " $FUZZERS " in
			*" $name "*) ;;
			*) die "FUZZ=$FUZZ: there is no \"$name\"; there are: $FUZZERS" ;;
		esac
	done
	if ! inside; then
		"$ROOT/scripts/packages.sh" build
		"$ROOT/scripts/packages.sh" fuzz
		[[ " $WANTED " != *" site "* ]] || "$ROOT/scripts/nginx.sh" .work ||
			say "going on without: the site is not fuzzed"
		go_inside .work scripts/fuzz.sh
	fi
	main_inside
}

main
