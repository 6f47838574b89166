#!/usr/bin/env bash
#
# compare.sh
#		Another commit beside this one, in one table.
#
# usage: bench/compare.sh COMMIT [PART ...]		parts: cache feed search ingest
#
# Both are built and served side by side, from data made alike. What is
# measured is measured in turn, ROUNDS times (5): rates of the cache as the
# median of what the rounds say, all else by what calls take of the processor, of
# which the least counts: whatever else runs can only add to it. A ratio is the
# speed of this commit by that of the other one, so above 1 is faster. VIDEOS
# (1000000) is the size of the catalog of feed and search, SECONDS_EACH (2) the
# length of one measurement of a rate.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/../scripts/lib.sh"
# shellcheck source=bench/lib.sh
source "$ROOT/bench/lib.sh"

# lay_out COMMIT: its files in the work folder.
lay_out()
{
	choose_postgres
	open_work .work
	hold_work "$WORK"
	run_as "$WORK_USER" rm -rf "$WORK/old"
	run_as "$WORK_USER" mkdir "$WORK/old"
	git -C "$ROOT" archive "$1" | run_as "$WORK_USER" tar -C "$WORK/old" -xf -
}

# at SIDE: talk to the server of old or new from here on.
at()
{
	STAGE=$WORK/stage-$1
	STAGE_BIN=$STAGE$("$PG_CONFIG" --bindir)
	PGHOST=$(realpath "$WORK/server-$1/sock")
	export STAGE STAGE_BIN PGHOST
}

# serve SIDE FOLDER: build what is in FOLDER, stage it, start a server.
serve()
{
	build_gcc "$2" >"$LOGS/compare-$1.log" || die "the build failed: $LOGS/compare-$1.log"
	STAGE=$WORK/stage-$1
	STAGE_BIN=$STAGE$("$PG_CONFIG" --bindir)
	scripts/stage.sh "$STAGE" "$2"
	mkdir -p "$WORK/server-$1"
	cluster_create "$WORK/server-$1" "fsync = off" "shared_buffers = 1GB" "max_wal_size = 8GB" "autovacuum = off" \
		"shared_preload_libraries = 'vvault'"
	cluster_start "$WORK/server-$1"
}

remove_servers()
{
	cluster_remove "$WORK/server-old"
	cluster_remove "$WORK/server-new"
}

row()
{
	printf '%-52s %10s %10s %6s\n' "$@"
}

# rates LABEL SQL: transactions a second in the database "bench".
rates()
{
	local round side

	rm -f "$WORK"/rates.*
	for ((round = 0; round < ROUNDS; round++)); do
		for side in old new; do
			at $side
			tps bench "$2" >>"$WORK/rates.$side"
		done
	done
	row "$1" "$(median <"$WORK/rates.old" | xargs printf '%.0f/s')" "$(median <"$WORK/rates.new" | xargs printf '%.0f/s')" \
		"$(paste "$WORK/rates.old" "$WORK/rates.new" | awk '{print $2 / $1}' | median | xargs printf '%.2f')"
}

# least SIDE: of n|kind|ms in the rounds of a side, the least of each n.
least()
{
	sort -t '|' -k 1,1n "$WORK/calls.$1" | awk -F '|' -v OFS='|' '
		$1 != n && n != "" {print n, kind, ms}
		$1 != n {n = $1; kind = $2; ms = $3}
		$3 < ms {ms = $3}
		END {print n, kind, ms}'
}

# calls: a row for each kind of call in calls.old and calls.new.
calls()
{
	join -t '|' -j 1 <(least old | sort -t '|' -k 1,1) <(least new | sort -t '|' -k 1,1) |
		awk -F '|' '{printf "%s|%s|%s|%s\n", $2, $1, $3, $5}' | sort -t '|' -k 2,2n | awk -F '|' '
		!($1 in n) {kinds[++k] = $1}
		{n[$1]++; old[$1] += $3; new[$1] += $4}
		END {for (i = 1; i <= k; i++) printf "%s (%d)|%.3f ms|%.3f ms|%.2f\n", kinds[i], n[kinds[i]],
			old[kinds[i]] / n[kinds[i]], new[kinds[i]] / n[kinds[i]], old[kinds[i]] / new[kinds[i]]}' |
		while IFS='|' read -r kind old new ratio; do
			row "$kind" "$old" "$new" "$ratio"
		done
}

# on_both COMMAND...: with the name of the side last.
on_both()
{
	local side

	for side in old new; do
		at $side
		"$@" $side
	done
}

drop_databases()
{
	bench_sql -d postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS bench' -c 'DROP DATABASE IF EXISTS run'
}

fill_feeds()
{
	bench_database bench
	bench_sql -d bench -v videos="$videos" -f bench/sql/fill.sql >/dev/null
}

part_cache()
{
	local hit="SELECT vvault_trending('PL');" clients videos=100000
	local miss=$'\\set n random(25, 2000000000)\nSELECT vvault_trending(\'PL\', :n);'

	on_both fill_feeds
	for side in old new; do
		at $side
		bench_sql -d bench -c "SELECT vvault_set('page_limit', '25')" >/dev/null
	done
	for clients in 1 8; do
		CLIENTS=$clients rates "cache: a hit, $clients clients" "$hit"
		CLIENTS=$clients rates "cache: a miss, $clients clients" "$miss"
		PGOPTIONS='-c vvault.cache=off' CLIENTS=$clients rates "cache: off, $clients clients" "$hit"
	done
	on_both drop_databases
}

# take_calls FILE: what this commit's bench calls: n, kind, statement, times.
take_calls()
{
	bench_sql -d bench -c 'CREATE TABLE calls (n int, kind text, statement text, times int)' \
		-c "\\copy calls from '$1'" -c 'VACUUM (ANALYZE) calls'
}

time_calls()
{
	bench_sql -d bench -At -f bench/sql/compare_calls.sql >>"$WORK/calls.$1"
}

# make_calls FILE: both sides make these calls.
make_calls()
{
	local round

	rm -f "$WORK/calls.old" "$WORK/calls.new"
	on_both take_calls "$1"
	for ((round = 0; round < ROUNDS; round++)); do
		on_both time_calls
	done
	calls
}

part_feed()
{
	local videos=$VIDEOS

	export PGOPTIONS='-c vvault.cache=off'
	on_both fill_feeds
	bench_sql -d bench -v late="$(late_cursor bench)" -v file="$WORK/feed.calls" <<'SQL'
CREATE TEMP TABLE feeds AS
SELECT 'by ' || sort AS kind, format('SELECT vvault_trending(%L, 25, %L)', 'PL', sort) AS statement
FROM (SELECT unnest(choices) AS sort FROM vvault.setting_defaults WHERE name = 'default_sort') s
UNION ALL
SELECT 'by views, page 1,001', format('SELECT vvault_trending(%L, 25, %L, %L)', 'PL', 'views', :'late');
\set copy '\\copy (SELECT row_number() OVER (), \'feed: \' || kind, statement, 500 FROM feeds) to ' :'file'
:copy
SQL
	make_calls "$WORK/feed.calls"
	on_both drop_databases
	unset PGOPTIONS
}

fill_searches()
{
	bench_database bench
	bench_sql -d bench -v videos="$VIDEOS" -f bench/sql/search_fill.sql >/dev/null
	bench_sql -d bench -f bench/sql/search_asked.sql \
		-c "\\copy (SELECT row_number() OVER (ORDER BY ctid), 'search: ' || kind, statement, 1 FROM asked) to '$WORK/search.calls'" >/dev/null
}

part_search()
{
	export PGOPTIONS='-c vvault.cache=off'
	on_both fill_searches
	make_calls "$WORK/search.calls"
	on_both drop_databases
	unset PGOPTIONS
}

fill_charts()
{
	bench_database bench
	bench_sql -d bench -v pages="$WORK/pages.tsv" -f bench/sql/compare_ingest_fill.sql
}

take_charts_in()
{
	bench_sql -d postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS run' \
		-c 'CREATE DATABASE run TEMPLATE bench STRATEGY file_copy'
	bench_sql -d run -At -f bench/sql/compare_ingest.sql | sed 's/|/|ingest: /' >>"$WORK/calls.$1"
}

part_ingest()
{
	local round

	rm -f "$WORK"/calls.*
	perl demo/generate.pl --days 28 >"$WORK/pages.tsv"
	on_both fill_charts
	for ((round = 0; round < ROUNDS; round++)); do
		on_both take_charts_in
	done
	calls
	on_both drop_databases
}

main()
{
	local part

	if ! inside; then
		[ $# -ge 1 ] || die "usage: bench/compare.sh COMMIT [PART ...]"
		"$ROOT/scripts/packages.sh" build bench
		lay_out "$1"
		go_inside .work bench/compare.sh "$@"
	fi
	shift
	set_paths
	trap remove_servers EXIT
	serve old "$WORK/old"
	serve new "$TREE"
	row "" "old" "new" "speed"
	for part in "${@:-cache feed search ingest}"; do
		for part in $part; do
			"part_$part"
		done
	done
}

main "$@"
