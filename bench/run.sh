#!/usr/bin/env bash
#
# run.sh
#		The benchmarks, on a throw-away cluster: `make bench`.
#
# usage: bench/run.sh [PART ...]		parts: feed trending scores ingest
#
# What is compared is measured in turn within one run, in ROUNDS rounds (5) of
# SECONDS seconds (2), and medians are taken: on a shared machine only ratios
# mean something. VIDEOS (1000000) is the larger catalog of the part feed.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/../scripts/lib.sh"

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

# tps DATABASE SQL: transactions a second of one prepared client.
tps()
{
	printf '%s\n' "$2" >"$WORK/bench.pgbench"
	"$STAGE_BIN/pgbench" -n -M prepared -T "$SECONDS_EACH" -f "$WORK/bench.pgbench" "$1" 2>&1 |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

median()
{
	sort -n | awk '{a[NR] = $1} END {print NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2}'
}

# compare LABEL DATABASE SQL DATABASE SQL: medians of both, and how many times
# the time of the second the first takes.
compare()
{
	local round

	: >"$WORK/a.tps"
	: >"$WORK/b.tps"
	for ((round = 0; round < ROUNDS; round++)); do
		tps "$2" "$3" >>"$WORK/a.tps"
		tps "$4" "$5" >>"$WORK/b.tps"
	done
	awk -v label="$1" -v a="$(median <"$WORK/a.tps")" -v b="$(median <"$WORK/b.tps")" \
		'BEGIN {printf "%-66s %9.0f/s %9.0f/s   time ratio %.2f\n", label, a, b, b / a}'
}

# The best SQL that a user would write over our own tables.
hand_written()
{
	cat <<'SQL'
SELECT json_build_object('region', 'PL', 'region_name', (SELECT name FROM vvault.effective_regions WHERE region = 'PL'), 'videos', coalesce(json_agg(json_build_object('video_id', v.video_id, 'title', v.title, 'channel_title', v.channel_title, 'views', v.views, 'likes', v.likes, 'thumbnail_url', v.thumbnail_url, 'regions', v.regions, 'content_language', v.content_language, 'engagement_rate', v.engagement_rate, 'comments', v.comments, 'channel_id', v.channel_id, 'category_id', v.category_id, 'published_at', v.published_at, 'rank', v.rank, 'virality_score', v.virality_score, 'momentum_score', v.momentum_score) ORDER BY v.views DESC, v.video_id), '[]'), 'total', count(*)) FROM (SELECT v.*, r.regions FROM vvault.videos v JOIN vvault.video_regions r USING (video_id) WHERE v.region = 'PL' ORDER BY v.views DESC, v.video_id LIMIT 25) v;
SQL
}

part_feed()
{
	local sort cursor

	heading "feed: one page of 25, catalogs of 10,000 and of $VIDEOS videos"
	bench_database small
	bench_database large
	bench_sql -d small -v videos=10000 -f bench/sql/fill.sql >/dev/null
	bench_sql -d large -v videos="$VIDEOS" -f bench/sql/fill.sql >/dev/null
	for sort in views newest engagement trending virality momentum hot; do
		compare "by $sort: $VIDEOS beside 10,000 videos" large "SELECT vvault_trending('PL', 25, '$sort');" \
			small "SELECT vvault_trending('PL', 25, '$sort');"
	done
	cursor=$(bench_sql -d large -At <<'SQL'
CREATE PROCEDURE pg_temp.skip(pages int, INOUT next text) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. pages LOOP
		next := vvault_trending('PL', 25, 'views', next) ->> 'next_cursor';
	END LOOP;
END $$;
CALL pg_temp.skip(1000, NULL);
SQL
	)
	compare "by views: page 1,001 beside page 1" large "SELECT vvault_trending('PL', 25, 'views', '$cursor');" \
		large "SELECT vvault_trending('PL');"
	compare "hand-written json_build_object beside vvault_trending" large "$(hand_written)" \
		large "SELECT vvault_trending('PL');"
	compare "vvault_trending beside a constant of the same bytes" large "SELECT vvault_trending('PL');" \
		large "SELECT '$(bench_sql -d large -At -c "SELECT replace(vvault_trending('PL')::text, '''', '''''')")'::json;"
	bench_sql -d postgres -c 'DROP DATABASE small' -c 'DROP DATABASE large'
}

part_trending()
{
	heading "trending: index entries read for one page by the threshold algorithm"
	bench_database work
	bench_sql -d work -f bench/sql/trending_work.sql
	bench_sql -d postgres -c 'DROP DATABASE work'
}

part_scores()
{
	heading "scores"
	bench_database scores
	bench_sql -d scores -f bench/sql/scores.sql
	bench_sql -d postgres -c 'DROP DATABASE scores'
}

part_ingest()
{
	heading "ingest: 14 days of sample charts, page by page"
	bench_database ingest
	perl demo/generate.pl >"$WORK/pages.tsv"
	bench_sql -d ingest -v pages="$WORK/pages.tsv" -f bench/sql/ingest.sql
	rm "$WORK/pages.tsv"
	bench_sql -d postgres -c 'DROP DATABASE ingest'
}

main()
{
	local part

	if ! inside; then
		"$ROOT/scripts/packages.sh" build bench
		go_inside .work bench/run.sh "$@"
	fi
	set_paths
	trap 'cluster_remove "$WORK"' EXIT
	build_gcc "$TREE" >"$LOGS/bench-build.log" || die "the build failed: $LOGS/bench-build.log"
	scripts/stage.sh "$STAGE" "$TREE"
	cluster_create "$WORK" "fsync = off" "shared_buffers = 1GB" "max_wal_size = 8GB" "autovacuum = off"
	cluster_start "$WORK"
	for part in "${@:-feed trending scores ingest}"; do
		for part in $part; do
			"part_$part"
		done
	done
}

main "$@"
