#!/usr/bin/env bash
#
# demo.sh
#		The extension at work on a throw-away cluster with sample charts.
#
# usage: [REGION=..] [RESPONSE=chart.json] [VIDEO=my.mp4] demo/demo.sh start
#        demo/demo.sh stop
#
# "start" builds, makes a cluster in the project's folder .demo, takes in 14
# days of sample charts for all regions and prints what the feed of REGION (PL)
# looks like, then writes the dashboard to a file, and where there is a postgrest on
# the PATH serves it all by HTTP, by the files of deploy/. Called again, it keeps
# what is there. With RESPONSE, a videos.list response saved from the YouTube Data API is
# taken in as REGION's chart instead, into a database of its own.
#
# Then a video of one's own: it is uploaded in parts, made ready by the worker,
# and played through an edge (video.sh). VIDEO is a file to take in place of one
# that ffmpeg makes. "stop" removes all of it.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/../scripts/lib.sh"
# shellcheck source=demo/video.sh
source "$(dirname "$0")/video.sh"

DAYS=14
SAMPLE_DB=vvault
RESPONSE_DB=vvault_response
STARTED=no                      # did this run start the server?

# ---------------------------------------------------------------------------
# Build and server
# ---------------------------------------------------------------------------

# What the running demo was made from: sources and server.
fingerprint()
{
	{
		"$PG_CONFIG" --version
		stat -c '%s %Y' "$("$PG_CONFIG" --bindir)/postgres"
		# what make leaves beside the sources is no change of them
		find src worker Makefile vvault.control demo/generate.pl -type f ! -name '*.o' ! -name '*.bc' ! -name '*.inc' \
			-exec sha256sum {} + |
			LC_ALL=C sort
	} | sha256sum | cut -d' ' -f1
}

build_extension()
{
	say "building the extension for $("$PG_CONFIG" --version)"
	if ! build_gcc "$TREE" >"$LOGS/build.log" ||
		! scripts/stage.sh "$STAGE" "$TREE" >"$LOGS/stage.log" 2>&1; then
		tail -n 30 "$LOGS/build.log" "$LOGS/stage.log" >&2
		die "the build failed; all of it is in $LOGS"
	fi
}

# Shared memory in files: a logout may sweep away that of a user's own server.
make_cluster()
{
	say "making a cluster in $WORK"
	cluster_create "$WORK" "shared_preload_libraries = 'vvault'" \
		"dynamic_shared_memory_type = mmap" "max_connections = 50" ||
		die "no cluster, no demo"
}

# Bring up the server, keeping what is there if it is of this very source.
ready_server()
{
	local now

	now=$(fingerprint)
	if [ "$(cat "$WORK/made-from" 2>/dev/null)" != "$now" ]; then
		if [ -e "$WORK/made-from" ]; then
			say "the extension or the server has changed: making the demo anew"
		fi
		cluster_remove "$WORK"
		rm -f "$WORK/made-from"
		build_extension
		make_cluster
		say "$now" >"$WORK/made-from"
	fi
	if [ -n "$(server_pid "$WORK/data")" ]; then
		PGHOST=$(realpath "$WORK/sock")
		export PGHOST PGPORT=5432 PGUSER=postgres
	else
		STARTED=yes
		cluster_start "$WORK" || die "the demo's server does not start"
	fi
}

has_database()
{
	[ -n "$(sql postgres -At -c "SELECT 1 FROM pg_database WHERE datname = '$1'")" ]
}

make_database()
{
	sql postgres -c "CREATE DATABASE $1"
	sql "$1" -c 'SET client_min_messages = warning' \
		-c 'CREATE EXTENSION vvault CASCADE'
}

# ---------------------------------------------------------------------------
# Sample charts
# ---------------------------------------------------------------------------

# One line that is written over on a terminal, lines elsewhere.
progress()
{
	if [ -t 2 ]; then
		printf '\r\033[K%s' "$1" >&2
	else
		say "$1" >&2
	fi
}

# The newest chart is today's, of six in the morning, unless that is to come.
sample_end()
{
	local end

	end=$(date -u +%Y-%m-%dT06:00:00Z)
	if [ "$(date -u +%s)" -lt "$(date -u -d "$end" +%s)" ]; then
		end=$(date -u -d "$end - 1 day" +%Y-%m-%dT%H:%M:%SZ)
	fi
	say "$end"
}

load_sample_lines()
{
	perl demo/generate.pl --days "$DAYS" --until "$(sample_end)" >"$WORK/charts.copy"
	sql "$SAMPLE_DB" -c 'CREATE UNLOGGED TABLE demo_charts
		(region text, fetched_at timestamptz, first_rank int, response json)' \
		-c '\copy demo_charts FROM '"'$WORK/charts.copy'"
	rm "$WORK/charts.copy"
	perl demo/generate.pl --categories >"$WORK/categories.json"
	ingest_categories "$WORK/categories.json"
	rm "$WORK/categories.json"
}

# psql reads the file itself: a command line would be too short for it.
ingest_categories()
{
	sql "$SAMPLE_DB" -At -o /dev/null <<-END
		\\set response \`cat '$1'\`
		SELECT vvault_ingest_categories(:'response'::json);
	END
}

# One day in one statement, every region's pages in the order they came.
ingest_day()
{
	sql "$SAMPLE_DB" -At -v day="$1" <<-'END'
		SELECT count(vvault_ingest(region, response, fetched_at, first_rank))
		FROM (SELECT * FROM demo_charts
			WHERE (fetched_at AT TIME ZONE 'UTC')::date = :'day'
			ORDER BY fetched_at, region, first_rank) AS charts
	END
}

ingest_samples()
{
	local day days pages n=0 all=0

	progress "making $DAYS days of sample charts"
	load_sample_lines
	mapfile -t days < <(sql "$SAMPLE_DB" -At -c "SELECT DISTINCT
		(fetched_at AT TIME ZONE 'UTC')::date FROM demo_charts ORDER BY 1")
	for day in "${days[@]}"; do
		n=$((n + 1))
		progress "day $n/${#days[@]} ($day): taking in the charts of all regions"
		pages=$(ingest_day "$day")
		all=$((all + pages))
	done
	progress "$all chart pages of ${#days[@]} days taken in"
	[ ! -t 2 ] || printf '\n' >&2
	sql "$SAMPLE_DB" -c 'DROP TABLE demo_charts' -c 'VACUUM ANALYZE'
}

# A mark in the database says that all samples are in. A run that was broken
# off leaves none, and the next one starts over.
ready_samples()
{
	if has_database "$SAMPLE_DB" &&
		[ "$(sql "$SAMPLE_DB" -At -c "SELECT to_regclass('public.demo_complete')")" ]; then
		say "the sample charts of $(sql "$SAMPLE_DB" -At \
			-c 'SELECT made_at::date FROM public.demo_complete') are in already"
		return
	fi
	sql postgres -c 'SET client_min_messages = warning' \
		-c "DROP DATABASE IF EXISTS $SAMPLE_DB WITH (FORCE)"
	make_database "$SAMPLE_DB"
	ingest_samples
	sql "$SAMPLE_DB" -c 'CREATE TABLE public.demo_complete AS SELECT now() AS made_at'
}

# ---------------------------------------------------------------------------
# A real response
# ---------------------------------------------------------------------------

# check_file WHAT FILE: whether it can be taken in, before anything is installed for it.
check_file()
{
	[ -e "$2" ] || die "$1=$2: there is no such file"
	[ -f "$2" ] || die "$1=$2: that is no file"
	[ -r "$2" ] || die "$1=$2: you are not allowed to read it"
	[ -s "$2" ] || die "$1=$2: the file is empty"
}

check_response()
{
	[ -n "${REGION:-}" ] || die "RESPONSE=$RESPONSE needs the REGION it is the chart of"
	check_file RESPONSE "$RESPONSE"
}

# Outside: the caller can read the file, the demo's user perhaps not. It was
# fetched at the instant in its name, if fetch.sh saved it, else when it was saved.
hand_over_response()
{
	local saved now

	now=$(date +%s)
	saved=$(basename "$RESPONSE" | sed -En 's/^[A-Z0-9_]+-([0-9]{4})([0-9]{2})([0-9]{2}T)([0-9]{2})([0-9]{2})([0-9]{2}Z)-[0-9]+\.json$/\1-\2-\3\4:\5:\6/p')
	saved=$(date -d "${saved:-@$(stat -L -c %Y "$RESPONSE")}" +%s)
	[ "$saved" -le "$now" ] || saved=$now
	open_work .demo
	run_as "$WORK_USER" tee "$WORK/response.json" <"$RESPONSE" >/dev/null
	export RESPONSE_SAVED=$saved
}

# The same of a video.
hand_over_video()
{
	open_work .demo
	run_as "$WORK_USER" tee "$WORK/upload.video" <"$VIDEO" >/dev/null
	# a file's name may be any bytes, a title is text
	VIDEO_NAME=$(basename -- "$VIDEO" | iconv -c -f UTF-8 -t UTF-8 || true)
	export VIDEO_NAME
}

ingest_response()
{
	has_database "$RESPONSE_DB" || make_database "$RESPONSE_DB"
	say "taking in $RESPONSE as the chart of $REGION," \
		"saved $(date -u -d "@$RESPONSE_SAVED" '+%F %T') UTC"
	sql "$RESPONSE_DB" -At -v region="$REGION" -v saved="$RESPONSE_SAVED" <<-END
		\\set response \`cat '$WORK/response.json'\`
		SELECT vvault_ingest(:'region', :'response'::json, to_timestamp(:saved));
	END
	rm "$WORK/response.json"
}

# ---------------------------------------------------------------------------
# Showing
# ---------------------------------------------------------------------------

show()
{
	sql "$1" -v region="$2" -P footer=off <<-'END'
		SELECT vvault_trending(:'region') AS feed \gset
		\echo
		\echo -- vvault_trending(:'region'), the first ten as a table
		SELECT n AS "#", to_char((v->>'views')::bigint, 'FM999,999,999,999') AS views,
			CASE WHEN length(v->>'title') > 38 THEN left(v->>'title', 37) || '…'
				ELSE v->>'title' END AS title,
			left(v->>'channel_title', 20) AS channel,
			(SELECT string_agg(r, ' ') FROM json_array_elements_text(v->'regions') AS r) AS regions,
			round((v->>'engagement_rate')::numeric, 2) AS "engagement %"
		FROM json_array_elements(:'feed'::json->'videos') WITH ORDINALITY AS e (v, n)
		WHERE n <= 10 ORDER BY n;
		\pset tuples_only on
		\pset format unaligned
		\echo -- its first item, keys sorted by jsonb_pretty
		SELECT jsonb_pretty(:'feed'::jsonb->'videos'->0);
		\echo
		\echo -- vvault_regions()
		SELECT jsonb_pretty(vvault_regions()::jsonb);
		\echo
		\echo -- vvault_health()
		SELECT jsonb_pretty(vvault_health()::jsonb);
	END
}

# write_dashboard DATABASE: the page as a file. With Chart.js in it, if that is
# to be had, it needs no network.
write_dashboard()
{
	local page=$WORK/dashboard.html

	sql "$1" -At -c "SELECT convert_from(vvault_dashboard(), 'UTF8')" >"$page.new"
	if [ -f "$WORK/chart.umd.js" ]; then
		perl demo/dashboard.pl "$WORK/chart.umd.js" <"$page.new" >"$page"
		rm "$page.new"
	else
		mv "$page.new" "$page"
	fi
	say
	say "-- vvault_dashboard(), as a file to open in a browser"
	say "$page"
}

# serve DATABASE: nginx and PostgREST in front of it, where there is a PostgREST.
serve()
{
	local key value url= version= nginx=

	if [ -z "$(find_postgrest)" ]; then
		say
		say "-- not served by HTTP: there is no postgrest on the PATH"
		return 0
	fi
	sql "$1" <<-'END'
		SET client_min_messages = warning;
		DO $$ BEGIN
			IF to_regrole('web_anon') IS NULL THEN
				CREATE ROLE web_anon NOLOGIN;
				CREATE ROLE authenticator LOGIN NOINHERIT;
				GRANT web_anon TO authenticator;
			END IF;
			PERFORM vvault_grant('web_anon', 'reader');
		END $$;
	END
	scripts/site.sh stop "$WORK/site"
	if ! scripts/site.sh start "$WORK/site" "host=$PGHOST port=$PGPORT dbname=$1 user=authenticator" \
		web_anon >"$WORK/site.urls"; then
		say "going on without HTTP"
		return 0
	fi
	while read -r key value; do
		case $key in
			url) url=$value ;;
			version) version=$value ;;
			nginx) nginx=$value ;;
		esac
	done <"$WORK/site.urls"
	say
	say "-- by HTTP, through $nginx and PostgREST $version ($(find_postgrest))"
	say "$url/api/trending/$2"
	say "$url/api/search?q=music"
	say "$url/api/regions"
	say "$url/api/analytics"
	say "$url/api/openapi.json"
	say "$url/health"
	say "$url/dashboard"
}

# root may use the socket too, so one command serves whoever called make.
show_how_to_go_on()
{
	local psql=psql

	command -v psql >/dev/null || psql=$STAGE_BIN/psql
	cat <<-END

		Go on by hand:
		  $psql -h $PGHOST -U postgres $1
		for instance with
		  SELECT vvault_trending('$2', 5);
		make demo again shows this once more; make demo-stop removes it all.
	END
}

# ---------------------------------------------------------------------------

# A start that fails leaves nothing running that it has started.
broken_off()
{
	local status=$?

	if [ "$status" -ne 0 ]; then
		stop_media
		[ "$STARTED" = no ] || server_stop "$WORK/data"
		rm -f "$WORK/upload.video" "$WORK/part" "$WORK/charts.copy" "$WORK/categories.json" "$WORK/response.json"
	fi
}

start_inside()
{
	set_paths
	trap broken_off EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	ready_server
	if [ -n "${RESPONSE:-}" ]; then
		ingest_response
		show "$RESPONSE_DB" "$REGION"
		write_dashboard "$RESPONSE_DB"
		serve "$RESPONSE_DB" "$REGION"
		show_how_to_go_on "$RESPONSE_DB" "$REGION"
	else
		ready_samples
		show "$SAMPLE_DB" "${REGION:-PL}"
		write_dashboard "$SAMPLE_DB"
		serve "$SAMPLE_DB" "${REGION:-PL}"
		video "$SAMPLE_DB"
		show_how_to_go_on "$SAMPLE_DB" SE
		[ -z "$VIDEO_ID" ] || show_video "$SAMPLE_DB" "$VIDEO_ID"
	fi
}

start()
{
	if inside; then
		start_inside
		return
	fi
	[ -z "${RESPONSE:-}" ] || check_response
	[ -z "${VIDEO:-}" ] || check_file VIDEO "$VIDEO"
	"$ROOT/scripts/packages.sh" demo
	[ -z "${RESPONSE:-}" ] || hand_over_response
	"$ROOT/scripts/nginx.sh" .demo || true
	[ -z "${VIDEO:-}" ] || hand_over_video
	"$ROOT/scripts/npm.sh" .demo demo/players ||
		say "going on without: the video's page will have no player of its own"
	"$ROOT/scripts/chartjs.sh" .demo ||
		say "the dashboard will load it from its public address"
	go_inside .demo demo/demo.sh start
}

stop()
{
	if [ ! -e "$ROOT/.demo" ] && [ ! -L "$ROOT/.demo" ]; then
		say "there is no demo here"
		return
	fi
	hold_work "$ROOT/.demo"
	remove_work .demo
	say "the demo is removed"
}

case ${1:-} in
	start) start ;;
	stop) stop ;;
	*) die "usage: demo/demo.sh start|stop" ;;
esac
