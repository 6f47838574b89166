# shellcheck shell=bash
#
# lib.sh
#		What the benchmarks share. To be sourced behind scripts/lib.sh.

ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-2}
VIDEOS=${VIDEOS:-1000000}

bench_sql()
{
	"$STAGE_BIN/psql" -X -q -v ON_ERROR_STOP=1 "$@"
}

# bench_database NAME
bench_database()
{
	bench_sql -d postgres -c "CREATE DATABASE $1"
	bench_sql -d "$1" -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION vvault CASCADE'
}

# tps DATABASE SQL: transactions a second of CLIENTS prepared clients (1).
tps()
{
	printf '%s\n' "$2" >"$WORK/bench.pgbench"
	"$STAGE_BIN/pgbench" -n -M prepared -c "${CLIENTS:-1}" -T "$SECONDS_EACH" -f "$WORK/bench.pgbench" "$1" 2>&1 |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

median()
{
	sort -n | awk '{a[NR] = $1} END {print NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2}'
}

# The cursor of page 1,001 of a region's feed by views.
late_cursor()
{
	bench_sql -d "$1" -At <<'SQL'
CREATE PROCEDURE pg_temp.skip(pages int, INOUT next text) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. pages LOOP
		next := vvault_trending('PL', 25, 'views', next) ->> 'next_cursor';
	END LOOP;
END $$;
CALL pg_temp.skip(1000, NULL);
SQL
}
