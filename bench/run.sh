#!/usr/bin/env bash
#
# run.sh
#		The benchmarks, on a throw-away cluster: `make bench`.
#
# usage: bench/run.sh [PART ...]		parts: cache feed trending scores ingest analytics search worker encrypt http edge jobs sizes long beside
#		tokens limits manifests mesh
#
# What is compared is measured in turn within one run, in ROUNDS rounds (5) of
# SECONDS seconds (2), and medians are taken: on a shared machine only ratios
# mean something. VIDEOS (1000000) is the larger catalog of feed,
# analytics, search and manifests.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/../scripts/lib.sh"

# shellcheck source=bench/lib.sh
source "$ROOT/bench/lib.sh"

# compare LABEL DATABASE SQL DATABASE SQL: medians of both, and how many times
# the time of the second the first takes: the median of what the rounds say, as
# the two of a round meet the same weather.
compare()
{
	local round a b

	: >"$WORK/a.tps"
	: >"$WORK/b.tps"
	: >"$WORK/ratios"
	for ((round = 0; round < ROUNDS; round++)); do
		a=$(tps "$2" "$3")
		b=$(tps "$4" "$5")
		printf '%s\n' "$a" >>"$WORK/a.tps"
		printf '%s\n' "$b" >>"$WORK/b.tps"
		awk -v a="$a" -v b="$b" 'BEGIN {print b / a}' >>"$WORK/ratios"
	done
	awk -v label="$1" -v a="$(median <"$WORK/a.tps")" -v b="$(median <"$WORK/b.tps")" -v ratio="$(median <"$WORK/ratios")" \
		'BEGIN {printf "%-66s %9.0f/s %9.0f/s   time ratio %.2f\n", label, a, b, ratio}'
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
	for sort in $(bench_sql -d small -At -c "SELECT unnest(choices) FROM vvault.setting_defaults WHERE name = 'default_sort'"); do
		compare "by $sort: $VIDEOS beside 10,000 videos" large "SELECT vvault_trending('PL', 25, '$sort');" \
			small "SELECT vvault_trending('PL', 25, '$sort');"
	done
	cursor=$(late_cursor large)
	compare "by views: page 1,001 beside page 1" large "SELECT vvault_trending('PL', 25, 'views', '$cursor');" \
		large "SELECT vvault_trending('PL');"
	compare "hand-written json_build_object beside vvault_trending" large "$(hand_written)" \
		large "SELECT vvault_trending('PL');"
	compare "vvault_trending beside a constant of the same bytes" large "SELECT vvault_trending('PL');" \
		large "SELECT E'$(bench_sql -d large -At -f bench/sql/constant.sql)'::json;"
	bench_sql -d postgres -c 'DROP DATABASE small' -c 'DROP DATABASE large'
}

# The best SQL over tables that have a video once: site.videos in the order of
# views, with a probe for the region.
normalised()
{
	cat <<'SQL'
SELECT json_build_object('region', 'PL', 'region_name', 'Poland', 'videos', coalesce(json_agg(json_build_object('video_id', v.video_id, 'title', v.title, 'channel_title', v.channel_title, 'views', v.views, 'likes', v.likes, 'thumbnail_url', v.thumbnail_url, 'regions', v.regions, 'content_language', v.content_language, 'engagement_rate', CASE WHEN v.views > 0 THEN v.likes * 100.0 / v.views ELSE 0 END, 'comments', v.comments, 'channel_id', v.channel_id, 'category_id', v.category_id, 'published_at', v.published_at, 'virality_score', v.virality_score, 'momentum_score', v.momentum_score) ORDER BY v.views DESC, v.video_id), '[]'), 'total', count(*)) FROM (SELECT v.*, (SELECT array_agg(r.region ORDER BY r.region) FROM site.video_regions r WHERE r.video_id = v.video_id) AS regions FROM site.videos v WHERE EXISTS (SELECT FROM site.video_regions l WHERE l.video_id = v.video_id AND l.region = 'PL') ORDER BY v.views DESC, v.video_id LIMIT 25) v;
SQL
}

# What the old site asked: everything joined and grouped, then sorted.
old_site()
{
	cat <<'SQL'
SELECT v.video_id, v.title, v.channel_title, v.views, v.likes, v.thumbnail_url, v.content_language, array_agg(a.region ORDER BY a.region) AS regions FROM site.videos v JOIN site.video_regions r ON r.video_id = v.video_id AND r.region = 'PL' JOIN site.video_regions a ON a.video_id = v.video_id GROUP BY v.video_id, v.title, v.channel_title, v.views, v.likes, v.thumbnail_url, v.content_language ORDER BY v.views DESC LIMIT 25;
SQL
}

part_cache()
{
	local hit="SELECT vvault_trending('PL');" constant clients
	# page sizes above the limit are pages of one size under as many keys
	local miss=$'\\set n random(25, 2000000000)\nSELECT vvault_trending(\'PL\', :n);'

	heading "cache: a feed of 25 out of 100,000 videos; a hit, a miss, and what one would run instead"
	bench_database cached
	bench_sql -d cached -v videos=100000 -f bench/sql/fill.sql >/dev/null
	bench_sql -d cached -f bench/sql/normalised.sql >/dev/null
	bench_sql -d cached -c "SELECT vvault_set('page_limit', '25')" >/dev/null
	constant="SELECT E'$(bench_sql -d cached -At -f bench/sql/constant.sql)'::json;"
	for clients in 1 8; do
		CLIENTS=$clients compare "$clients clients: a hit beside a constant of the same bytes" cached "$hit" cached "$constant"
	done
	compare "a hit beside the best SQL over our tables" cached "$hit" cached "$(hand_written)"
	compare "a hit beside the best SQL over normalised tables" cached "$hit" cached "$(normalised)"
	compare "a hit beside the old site's query" cached "$hit" cached "$(old_site)"
	for clients in 1 8; do
		CLIENTS=$clients compare "$clients clients: a miss beside the best SQL over our tables" cached "$miss" cached "$(hand_written)"
		PGOPTIONS='-c vvault.cache=off' CLIENTS=$clients compare "$clients clients: computed, without a cache, beside the best SQL over our tables" cached "$hit" cached "$(hand_written)"
	done
	PGOPTIONS='-c vvault.cache=off' compare "computed beside the best SQL over normalised tables" cached "$hit" cached "$(normalised)"
	PGOPTIONS='-c vvault.cache=off' compare "computed beside the old site's query" cached "$hit" cached "$(old_site)"
	bench_sql -d postgres -c 'DROP DATABASE cached'
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

# What a site without statistics asks of its table of videos for the same page:
# the region statistics, and the videos of the last 14 days by day and region.
plain_regions()
{
	cat <<'SQL'
SELECT v.region, count(*) AS total_videos, sum(CASE WHEN v.virality_score >= 85 THEN 1 ELSE 0 END) AS viral_count, round(avg(v.virality_score), 1) AS avg_score, (SELECT t.category_id FROM videos t WHERE t.region = v.region GROUP BY t.category_id ORDER BY count(*) DESC, t.category_id LIMIT 1) AS top_category FROM videos v GROUP BY v.region ORDER BY viral_count DESC, v.region;
SQL
}

plain_timeline()
{
	cat <<'SQL'
SELECT date(first_seen_at) AS day, region, sum(CASE WHEN virality_score >= 85 THEN 1 ELSE 0 END) AS viral_count, round(avg(virality_score), 1) AS avg_score FROM videos WHERE first_seen_at >= '@since@' GROUP BY date(first_seen_at), region ORDER BY 1, 2;
SQL
}

# plain_sql CAST: both, with a round() that takes what CAST makes of a float.
plain_sql()
{
	{
		plain_regions
		plain_timeline
	} | sed "s/round(avg(\([a-z_.]*\)), 1)/round(avg(\1)$1, 1)/; s/@since@/$(date -u -d '13 days ago' +%F)/"
}

# sqlite_ms DATABASE: milliseconds for both in SQLite, the median of ROUNDS, on
# the rows of plain.videos.
sqlite_ms()
{
	local file=$WORK/bench.sqlite round

	rm -f "$file"
	bench_sql -d "$1" -c "\\copy (SELECT region, video_id, category_id, virality_score, to_char(first_seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM plain.videos) to '$WORK/bench.csv' (format csv)"
	sqlite3 "$file" "CREATE TABLE videos (region TEXT, video_id TEXT, category_id INTEGER, virality_score REAL, first_seen_at TEXT, PRIMARY KEY (region, video_id)) WITHOUT ROWID" \
		".mode csv" ".import $WORK/bench.csv videos" "CREATE INDEX videos_score ON videos (region, virality_score DESC)" ANALYZE
	plain_sql "" >"$WORK/bench.lite"
	for ((round = 0; round < ROUNDS; round++)); do
		sqlite3 "$file" ".output /dev/null" "SELECT count(*) FROM videos" ".output stdout" ".timer on" ".once /dev/null" \
			".read $WORK/bench.lite" | awk '/^Run Time/ {s += $4} END {print s * 1000}'
	done | median
	rm -f "$file" "$WORK/bench.csv" "$WORK/bench.lite"
}

# ingest_ms TEMPLATE: milliseconds for a page in a fresh copy of a database.
ingest_ms()
{
	bench_sql -d postgres -c "CREATE DATABASE ingest TEMPLATE $1"
	bench_sql -At -d ingest -v pages="$WORK/pages.tsv" -f bench/sql/analytics_ingest.sql
	bench_sql -d postgres -c 'DROP DATABASE ingest'
}

part_analytics()
{
	local name query round videos=20000

	heading "analytics: catalogs of 20,000 and of $VIDEOS videos, 60 days of history"
	for name in small large; do
		bench_database "$name"
		bench_sql -d "$name" -v videos="$videos" -f bench/sql/fill.sql >/dev/null
		bench_sql -d "$name" -f bench/sql/analytics_fill.sql >/dev/null
		videos=$VIDEOS
		bench_sql -d "$name" -c "ALTER DATABASE $name SET search_path = public, plain"
	done
	for query in "vvault_analytics()" "vvault_analytics(60)" "vvault_insights('PL')" "vvault_fetch_schedule()"; do
		compare "$query: $VIDEOS beside 20,000 videos" large "SELECT $query;" small "SELECT $query;"
	done
	for name in small large; do
		compare "GROUP BY over a table of videos beside vvault_analytics, $name" "$name" "$(plain_sql ::numeric)" \
			"$name" "SELECT vvault_analytics();"
		if command -v sqlite3 >/dev/null; then
			printf '%-66s %9.1f ms\n' "the same in SQLite, $name" "$(sqlite_ms "$name")"
		fi
	done
	bench_sql -d postgres -c 'DROP DATABASE small' -c 'DROP DATABASE large'

	bench_database rollup
	bench_sql -d postgres -c 'CREATE DATABASE no_rollup TEMPLATE rollup'
	bench_sql -d no_rollup -f bench/sql/analytics_no_rollup.sql
	perl demo/generate.pl --days 5 >"$WORK/pages.tsv"
	: >"$WORK/a.ms"
	: >"$WORK/b.ms"
	for ((round = 0; round < ROUNDS; round++)); do
		ingest_ms rollup >>"$WORK/a.ms"
		ingest_ms no_rollup >>"$WORK/b.ms"
	done
	awk -v a="$(median <"$WORK/a.ms")" -v b="$(median <"$WORK/b.ms")" \
		'BEGIN {printf "%-66s %6.1f ms %8.1f ms   time ratio %.2f\n", "ingest of a page beside one that keeps no statistics", a, b, a / b}'
	rm "$WORK/pages.tsv"
	bench_sql -d postgres -c 'DROP DATABASE rollup' -c 'DROP DATABASE no_rollup'
}

part_search()
{
	heading "search: $VIDEOS videos"
	bench_database search
	bench_sql -d search -v videos="$VIDEOS" -f bench/sql/search_fill.sql >/dev/null
	bench_sql -d search -f bench/sql/search.sql
	bench_sql -d postgres -c 'DROP DATABASE search'
}

# Converting videos, by the worker and by hand.
part_worker()
{
	heading "worker: sources to all rungs of h264, by vvault-worker beside the same ffmpeg by hand"
	bench_database bench_worker
	bench_sql -d bench_worker -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION vvault_stream'
	rm -rf "$WORK/bench-worker"
	mkdir "$WORK/bench-worker"
	perl bench/worker.pl bench_worker "$WORK/bench-worker" "$ROUNDS"
	rm -rf "$WORK/bench-worker"
	bench_sql -d postgres -c 'DROP DATABASE bench_worker'
}

# Encrypting what was converted.
part_encrypt()
{
	heading "encrypt: a file of 600 MB, by vvault-worker beside a copy of it"
	rm -rf "$WORK/bench-encrypt"
	mkdir "$WORK/bench-encrypt"
	perl bench/encrypt.pl "$WORK/bench-encrypt" 600 "$ROUNDS"
	rm -rf "$WORK/bench-encrypt"
}

# Beside what it replaces, by HTTP.
part_http()
{
	heading "http: nginx, PostgREST and vvault beside a server of its own in Go"
	# shellcheck source=bench/http/part.sh
	source bench/http/part.sh
	bench_http
}

# What the check of a path token costs an edge.
part_edge()
{
	heading "edge: hits with and without a check of the token"
	# shellcheck source=bench/http/part.sh
	source bench/http/part.sh
	# shellcheck source=bench/edge/part.sh
	source bench/edge/part.sh
	bench_edge
}

# Beside other queues.
part_jobs()
{
	heading "jobs: put in, taken and ended by 8 clients, beside other queues"
	# shellcheck source=bench/jobs/part.sh
	source bench/jobs/part.sh
	bench_jobs
}

part_sizes()
{
	heading "sizes: tables and indexes of queues, by job"
	# shellcheck source=bench/jobs/part.sh
	source bench/jobs/part.sh
	bench_sizes
}

part_long()
{
	heading "long: jobs put in, taken and ended by 8 clients, of a long queue beside a short one"
	# shellcheck source=bench/jobs/part.sh
	source bench/jobs/part.sh
	bench_long
}

part_beside()
{
	heading "beside: a feed of 25 out of 100,000 videos, out of the cache, while the queue works"
	# shellcheck source=bench/jobs/part.sh
	source bench/jobs/part.sh
	bench_beside
}

# Several primaries.
part_mesh()
{
	heading "mesh: a chart of 200 on one of three nodes, by the processor's time"
	# shellcheck source=bench/mesh/part.sh
	source bench/mesh/part.sh
	bench_mesh
}

# Beside what one would write without C.
part_tokens()
{
	heading "tokens: checked by one session"
	bench_database tokens
	bench_sql -d tokens -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION vvault_stream' \
		-c "SELECT vvault_stream_set('token_algorithm', 'HS256')" -f bench/tokens/plain.sql >/dev/null
	bench_sql -d tokens -At -v rounds="$ROUNDS" -v calls="${CALLS:-50000}" -f bench/tokens/rate.sql
}

# What one who asks too often costs the others.
part_limits()
{
	heading "limits: callers of PostgREST beside 200 connections of one who hammers"
	# shellcheck source=bench/http/part.sh
	source bench/http/part.sh
	# shellcheck source=bench/limits/part.sh
	source bench/limits/part.sh
	bench_limits
}

# spent_ms DATABASE SQL TIMES
spent_ms()
{
	printf '%s' "$2" >"$WORK/statement"
	bench_sql -d "$1" -At -v file="$WORK/statement" -v times="$3" -f bench/sql/manifests_spent.sql
}

# compare_spent LABEL TIMES DATABASE SQL DATABASE SQL: what each takes of the
# processor inside the server, the least of the rounds, and how many times that of
# the second the first takes.
compare_spent()
{
	local round

	: >"$WORK/a.ms"
	: >"$WORK/b.ms"
	for ((round = 0; round < ROUNDS; round++)); do
		spent_ms "$3" "$4" "$2" >>"$WORK/a.ms"
		spent_ms "$5" "$6" "$2" >>"$WORK/b.ms"
	done
	awk -v label="$1" -v a="$(sort -n "$WORK/a.ms" | head -n 1)" -v b="$(sort -n "$WORK/b.ms" | head -n 1)" \
		'BEGIN {printf "%-66s %8.4f ms %8.4f ms   time ratio %.2f\n", label, a, b, a / b}'
}

# compare_beyond LABEL TIMES DATABASE SQL SQL CONSTANT: what each of the first two takes
# of the processor beyond a constant of the same bytes, which is what any statement
# takes, and how many times that of the second the first takes. The least of the rounds.
compare_beyond()
{
	local round

	: >"$WORK/a.ms"
	: >"$WORK/b.ms"
	: >"$WORK/c.ms"
	for ((round = 0; round < ROUNDS; round++)); do
		spent_ms "$3" "$4" "$2" >>"$WORK/a.ms"
		spent_ms "$3" "$5" "$2" >>"$WORK/b.ms"
		spent_ms "$3" "$6" "$2" >>"$WORK/c.ms"
	done
	awk -v label="$1" -v a="$(sort -n "$WORK/a.ms" | head -n 1)" -v b="$(sort -n "$WORK/b.ms" | head -n 1)" -v c="$(sort -n "$WORK/c.ms" | head -n 1)" \
		'BEGIN {printf "%-66s %8.4f ms %8.4f ms, a constant %.4f ms   time ratio %.2f, beyond the constant %.2f\n", label, a, b, c, a / b, (a - c) / (b - c)}'
}

# reaped_ms DATABASE: what the server's backends that have ended have had of a
# processor, once none is in the database.
reaped_ms()
{
	while [ "$(bench_sql -d postgres -At -c "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = '$1'")" -gt 0 ]; do
		sleep 0.1
	done
	sleep 0.3
	sed 's/.*) //' "/proc/$(server_pid "$WORK/data")/stat" | awk -v hz="$(getconf CLK_TCK)" '{print ($14 + $15) * 1000 / hz}'
}

# backend_ms DATABASE SQL CALLS: what a call takes of the processor in the backends
# of CLIENTS clients (8), with all that goes to them.
backend_ms()
{
	local before clients=${CLIENTS:-8}

	printf '%s\n' "$2" >"$WORK/bench.pgbench"
	before=$(reaped_ms "$1")
	"$STAGE_BIN/pgbench" -n -M prepared -c "$clients" -t "$(($3 / clients))" -f "$WORK/bench.pgbench" "$1" >"$WORK/bench.said" 2>&1
	awk -v before="$before" -v after="$(reaped_ms "$1")" -v calls="$3" 'BEGIN {print (after - before) / calls}'
}

# compare_backends LABEL CALLS DATABASE SQL DATABASE SQL: the same of two, in turn: the
# medians, and the median of the ratios.
compare_backends()
{
	local round a b

	: >"$WORK/a.ms"
	: >"$WORK/b.ms"
	: >"$WORK/ratios"
	for ((round = 0; round < ROUNDS; round++)); do
		a=$(backend_ms "$3" "$4" "$2")
		b=$(backend_ms "$5" "$6" "$2")
		printf '%s\n' "$a" >>"$WORK/a.ms"
		printf '%s\n' "$b" >>"$WORK/b.ms"
		awk -v a="$a" -v b="$b" 'BEGIN {print a / b}' >>"$WORK/ratios"
	done
	awk -v label="$1" -v a="$(median <"$WORK/a.ms")" -v b="$(median <"$WORK/b.ms")" -v ratio="$(median <"$WORK/ratios")" \
		'BEGIN {printf "%-66s %8.4f ms %8.4f ms   time ratio %.2f\n", label, a, b, ratio}'
}

# same_bytes DATABASE SQL SQL: what is compared has to be the same.
same_bytes()
{
	[ "$(bench_sql -d "$1" -At -c "$2" | sha256sum)" = "$(bench_sql -d "$1" -At -c "$3" | sha256sum)" ] ||
		die "that is not the same: $2"
}

part_manifests()
{
	local calls=("SELECT vvault_hls_media('film', '720p');" "SELECT vvault_hls('film');") call name
	local labels=("a playlist of 1,800 segments" "a multivariant playlist of 8 renditions") hands=(playlist multivariant) hits=(4000 80000) calls_timed=(1000 5000) i hand constant

	heading "manifests: of a film of two hours, beside SQL and a constant; 10,000 and $VIDEOS videos"
	for name in small large; do
		bench_database "$name"
		bench_sql -d "$name" -c 'CREATE EXTENSION vvault_stream'
	done
	bench_sql -d small -v videos=10000 -f bench/sql/manifests_fill.sql >/dev/null
	bench_sql -d large -v videos="$VIDEOS" -f bench/sql/manifests_fill.sql >/dev/null
	for i in 0 1; do
		call=${calls[i]}
		hand=$(cat "bench/sql/${hands[i]}.sql")
		same_bytes large "$call" "$hand"
		constant="SELECT '$(bench_sql -d large -At -c "$call")'::bytea;"
		compare_beyond "${labels[i]}: the best SQL beside computed" "${calls_timed[i]}" large "$hand" "$call" "$constant"
		compare_spent "${labels[i]}, computed: $VIDEOS beside 10,000 videos" "${calls_timed[i]}" large "$call" small "$call"
		PGOPTIONS='' compare_backends "${labels[i]}, a hit: $VIDEOS beside 10,000 videos" "${hits[i]}" large "$call" small "$call"
		PGOPTIONS='' compare_backends "${labels[i]}: a hit beside a constant of the same bytes" "${hits[i]}" \
			large "$call" large "$constant"
	done
	compare_spent "vvault_dash, computed: $VIDEOS beside 10,000 videos" 1000 large "SELECT vvault_dash('film');" small "SELECT vvault_dash('film');"
	bench_sql -d postgres -c 'DROP DATABASE small' -c 'DROP DATABASE large'
}

main()
{
	local part

	if ! inside; then
		"$ROOT/scripts/packages.sh" build bench
		case " ${*:-worker} " in
			*" worker "* | *" encrypt "*) "$ROOT/scripts/packages.sh" demo && "$ROOT/scripts/nginx.sh" .work ;;
		esac
		case " ${*:-http} " in
			*" http "* | *" edge "* | *" limits "*)
				"$ROOT/scripts/packages.sh" http
				"$ROOT/scripts/nginx.sh" .work
				;;
		esac
		case " ${*:-jobs} " in
			*" jobs "* | *" sizes "*)
				"$ROOT/scripts/packages.sh" queues || say "going on without: pgq is not measured"
				"$ROOT/scripts/npm.sh" .work bench/jobs || say "going on without: queues of npm are not measured"
				;;
		esac
		go_inside .work bench/run.sh "$@"
	fi
	set_paths
	trap 'cluster_remove "$WORK"' EXIT
	build_gcc "$TREE" >"$LOGS/bench-build.log" || die "the build failed: $LOGS/bench-build.log"
	scripts/stage.sh "$STAGE" "$TREE"
	cluster_create "$WORK" "fsync = off" "shared_buffers = 1GB" "max_wal_size = 8GB" "autovacuum = off" \
		"shared_preload_libraries = 'vvault'"
	cluster_start "$WORK"
	for part in "${@:-cache feed trending scores ingest analytics search worker encrypt http edge jobs sizes long beside tokens limits manifests mesh}"; do
		for part in $part; do
			# the others measure what it costs to compute a reply
			case $part in
				cache | http | beside | limits) "part_$part" ;;
				*) PGOPTIONS='-c vvault.cache=off' "part_$part" ;;
			esac
		done
	done
}

main "$@"
