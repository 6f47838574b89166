#!/usr/bin/env bash
#
# sqlsmith.sh
#		Random queries of SQLsmith against a database with vvault and charts.
#
# usage: test/fuzz/sqlsmith.sh QUERIES [SECONDS [SEED]]
#
# PGHOST, PGPORT and PGUSER name a server of which nothing is left to lose, and
# a superuser of it. A database and a role "vvault_smith" are made, and dropped
# when all is well. The queries run as that role: a writer that may also write
# videos and snapshots and call every internal function. So that vvault comes up
# often, its C functions are there ten more times (schema often), and functions
# of types that vvault knows nothing of, or that the role may not call, are
# deleted from the database's catalog. After SECONDS no more queries are made.
#
# What must hold: no backend crashes, vvault_check() finds nothing, and SQLsmith
# got at functions of vvault. The server's log has the errors; internal ones
# (XX000) of our code are for the caller to look for.

set -euo pipefail

QUERIES=$1
SECONDS_MAX=${2:-86400}
SEED=${3:-$RANDOM}
DATABASE=vvault_smith
HERE=$(cd "$(dirname "$0")/../.." && pwd -P)

run_sql()
{
	psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

# Its role may read and write what a writer of the tables may.
make_database()
{
	PGOPTIONS='-c client_min_messages=warning' run_sql -d postgres -c "DROP DATABASE IF EXISTS $DATABASE WITH (FORCE)" \
		-c "DROP ROLE IF EXISTS $DATABASE" -c "CREATE DATABASE $DATABASE" \
		-c "CREATE ROLE $DATABASE LOGIN"
	perl "$HERE/demo/generate.pl" --days 2 >"$WORK/charts.tsv"
	run_sql -d "$DATABASE" >/dev/null 2>"$WORK/setup.err" <<SQL || { cat "$WORK/setup.err"; exit 1; }
SET client_min_messages = warning;
CREATE EXTENSION vvault CASCADE;
CREATE TEMP TABLE chart (region text, fetched_at timestamptz, first_rank integer, response json);
\copy chart FROM '$WORK/charts.tsv'
SELECT count(vvault_ingest(region, response, fetched_at, first_rank)) FROM chart;
DROP TABLE chart;
SELECT vvault_grant('$DATABASE', 'writer');
GRANT INSERT, UPDATE, DELETE ON vvault.videos, vvault.snapshots TO $DATABASE;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA vvault TO $DATABASE;
ALTER ROLE $DATABASE SET statement_timeout = '2s';
ALTER ROLE $DATABASE SET track_functions = 'all';
ALTER DATABASE $DATABASE SET log_error_verbosity = 'verbose';
CREATE SCHEMA often;
SELECT replace(pg_get_functiondef(p.oid), format('FUNCTION %I.%I(', p.pronamespace::regnamespace, p.proname),
	format('FUNCTION often.%I(', p.proname || '_' || i))
FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault'), generate_series(1, 10) i
WHERE p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND NOT 'internal'::regtype = ANY (p.proargtypes) \gexec
GRANT USAGE ON SCHEMA often TO $DATABASE;
CREATE TEMP TABLE foreign_type AS SELECT oid FROM pg_type WHERE typcategory IN ('G', 'I', 'R', 'V', 'E')
	OR typname ~ '^any.*(range|enum)$' OR typname IN ('xml', 'money', 'pg_lsn', 'cstring');
DELETE FROM pg_operator WHERE oprleft IN (TABLE foreign_type) OR oprright IN (TABLE foreign_type);
DELETE FROM pg_proc p
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f'
	AND (NOT has_function_privilege('$DATABASE', p.oid, 'EXECUTE') OR p.proargtypes::oid[] && ARRAY(TABLE foreign_type))
	AND NOT EXISTS (SELECT FROM pg_operator o WHERE p.oid IN (o.oprcode, o.oprrest, o.oprjoin))
	AND NOT EXISTS (SELECT FROM pg_amproc a WHERE p.oid = a.amproc)
	AND NOT EXISTS (SELECT FROM pg_cast c WHERE p.oid = c.castfunc)
	AND NOT EXISTS (SELECT FROM pg_type t WHERE p.oid IN (t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typmodout,
		t.typanalyze, t.typsubscript))
	AND NOT EXISTS (SELECT FROM pg_aggregate a WHERE p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn,
		a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn))
	AND NOT EXISTS (SELECT FROM pg_am a WHERE p.oid = a.amhandler) AND NOT EXISTS (SELECT FROM pg_language l WHERE p.oid IN (l.lanplcallfoid,
		l.laninline, l.lanvalidator)) AND NOT EXISTS (SELECT FROM pg_proc q WHERE p.oid = q.prosupport);
SQL
}

# A session dies when any backend crashes.
still_up()
{
	kill -0 "$CANARY" 2>/dev/null
}

# How often functions of vvault were called, and how many different ones.
calls()
{
	run_sql -d "$DATABASE" -c "SELECT coalesce(sum(s.calls), 0), count(DISTINCT regexp_replace(s.funcname, '_[0-9]+$', ''))
		FROM pg_stat_user_functions s WHERE s.schemaname IN ('public', 'vvault', 'often')"
}

main()
{
	local status=0 called differences wrong=""

	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT
	make_database
	echo "# seed $SEED, at most $QUERIES queries and $SECONDS_MAX seconds"
	psql -X -d "$DATABASE" -c 'SELECT pg_sleep(1000000)' >/dev/null 2>&1 &
	CANARY=$!
	timeout "$SECONDS_MAX" sqlsmith --target="host=$PGHOST port=$PGPORT user=$DATABASE dbname=$DATABASE" \
		--seed="$SEED" --max-queries="$QUERIES" --exclude-catalog --verbose >/dev/null 2>"$WORK/smith.err" || status=$?
	still_up || wrong="a backend crashed"
	kill "$CANARY" 2>/dev/null || true
	wait "$CANARY" 2>/dev/null || true

	# 124: the time was up
	[ "$status" -eq 0 ] || [ "$status" -eq 124 ] || wrong="$wrong SQLsmith ended with status $status"
	# statistics of calls come when their backend has ended
	for _ in {1..60}; do
		sleep 1
		called=$(calls)
		[ "${called%|*}" -eq 0 ] || break
	done
	differences=$(run_sql -d "$DATABASE" -c 'SELECT * FROM vvault_check()')
	[ -z "$differences" ] || wrong="$wrong vvault_check() finds $differences"
	[ "${called%|*}" -gt 0 ] || wrong="$wrong no function of vvault was called"
	# a dot for each query that was answered, a letter for one that was not
	grep -xE '[.etSC]+' "$WORK/smith.err" | tr -d '\n' >"$WORK/answers" || true
	echo "# $(wc -c <"$WORK/answers") queries, $(tr -cd . <"$WORK/answers" | wc -c) of them answered"
	echo "# ${called%|*} calls of ${called#*|} functions of vvault"
	if [ -n "$wrong" ]; then
		tail -n 5 "$WORK/smith.err"
		echo "not ok: $wrong, seed $SEED; database $DATABASE is kept"
		exit 1
	fi
	run_sql -d postgres -c "DROP DATABASE $DATABASE WITH (FORCE)" -c "DROP ROLE $DATABASE"
	echo ok
}

[ $# -ge 1 ] || { sed -n '3,/^$/s/^#[ \t]\{0,1\}//p' "$0"; exit 2; }
main
