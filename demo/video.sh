# shellcheck shell=bash
#
# video.sh
#		The demo's second half: a video from its upload to a page that plays it.
#
# To be sourced by demo.sh, inside. The store and the edge are nginx, by the
# files of deploy/ (scripts/media.sh), in the folder media; the worker runs until
# the video is ready. What is there already is shown again.

VIDEO_SECONDS=20
PART_BYTES=1048576
WORKER_PID=
VIDEO_ID=                       # of the video that is shown

# What is missing for it, as a sentence; nothing where all is there.
video_lacks()
{
	[ -x "$STAGE_BIN/vvault-worker" ] || { say "vvault-worker was not built" && return; }
	command -v ffmpeg >/dev/null || { say "there is no ffmpeg" && return; }
	command -v curl >/dev/null || { say "there is no curl" && return; }
}

# of_urls NAME: what media.sh said.
of_urls()
{
	sed -n "s/^$1 //p" "$WORK/media.urls"
}

# The port of the PostgREST that demo.sh has started, if it has.
postgrest_port()
{
	[ -z "$(find_postgrest)" ] || sed -n 's/^upstream .*://p' "$WORK/site.urls"
}

# start_media DATABASE: store and edge, and what the database knows of them. Their ports
# are new each time.
start_media()
{
	scripts/media.sh stop "$WORK/media"
	POSTGREST=$(postgrest_port) scripts/media.sh start "$WORK/media" >"$WORK/media.urls" || return 1
	sql "$1" -At -o /dev/null -v store="$(of_urls store)" -v edge="$(of_urls edge)" <<-'END'
		SET client_min_messages = warning;
		CREATE EXTENSION IF NOT EXISTS vvault_stream;
		DO $$ BEGIN
			IF to_regrole('video_worker') IS NULL THEN
				CREATE ROLE video_worker LOGIN;
			END IF;
			PERFORM vvault_stream_grant('video_worker', 'worker');
			IF to_regrole('web_anon') IS NOT NULL THEN
				PERFORM vvault_stream_grant('web_anon', 'viewer');
			END IF;
		END $$;
		SELECT vvault_store('main', 'file', :'store');
		SELECT vvault_edge('edge', :'edge');
		SELECT vvault_arm();
		-- the page finds its player beside it
		SELECT vvault_stream_set('hls_js_url', 'hls.min.js');
		-- a PostgREST learns of the functions that have come
		NOTIFY pgrst, 'reload schema';
	END
	sql "$1" -At -c "SELECT vvault_signing_keys('store:main')" -o "$(of_urls store_keys)"
	sql "$1" -At -c "SELECT vvault_signing_keys('path')" -o "$(of_urls path_keys)"
}

stop_media()
{
	if [ -n "$WORKER_PID" ]; then
		kill "$WORKER_PID" 2>/dev/null || true
		wait "$WORKER_PID" 2>/dev/null || true
		WORKER_PID=
	fi
	scripts/media.sh stop "$WORK/media"
}

# A picture that moves, and a tone that rises and falls with it.
make_source()
{
	say "making a video of $VIDEO_SECONDS s: a moving picture and a tone"
	ffmpeg -v error -nostdin -y -f lavfi -i "testsrc2=size=1280x720:rate=25:duration=$VIDEO_SECONDS" \
		-f lavfi -i "aevalsrc='0.2*sin(2*PI*(440*t+40*sin(t)))':d=$VIDEO_SECONDS:s=48000" \
		-c:v libx264 -preset veryfast -pix_fmt yuv420p -c:a aac -f mp4 "$1"
}

# upload DATABASE VIDEO-ID FILE: in parts, each by a URL that is signed for it.
upload()
{
	local size parts upload url n

	size=$(stat -c %s "$3")
	read -r upload parts < <(sql "$1" -At -F ' ' -v id="$2" -v size="$size" -v part="$PART_BYTES" <<-'END'
		SELECT u ->> 'upload_id', u ->> 'parts'
		FROM vvault_create_upload(:'id', :size, part_size => greatest(:part, :size / 500 + 1)) AS u
	END
	)
	say "uploading $size bytes, parts: $parts"
	for ((n = 1; n <= parts; n++)); do
		url=$(sql "$1" -At -v upload="$upload" -v n="$n" <<<"SELECT vvault_sign_part(:'upload', :n) ->> 'url'")
		dd if="$3" bs="$(part_bytes "$size")" skip=$((n - 1)) count=1 status=none >"$WORK/part"
		curl -fsS -o /dev/null -T "$WORK/part" "$url" || die "part $n was refused"
	done
	rm -f "$WORK/part"
	sql "$1" -At -o /dev/null -v upload="$upload" <<<"SELECT vvault_complete_upload(:'upload', process => true)"
}

# As the database was asked for them: 1 MiB, or more of what would have too many parts.
part_bytes()
{
	say $((PART_BYTES > $1 / 500 + 1 ? PART_BYTES : $1 / 500 + 1))
}

state_of()
{
	sql "$1" -At -v id="$2" <<<"SELECT state FROM vvault_stream.assets WHERE video_id = :'id'"
}

# follow DATABASE VIDEO-ID: runs the worker until the video is ready, and shows what it
# says as it says it.
follow()
{
	local shown=0 lines state

	: >"$LOGS/worker.log"
	mkdir -p "$WORK/scratch"
	"$STAGE_BIN/vvault-worker" --verbose --jobs 2 --name demo --scratch "$WORK/scratch" \
		--dbname "host=$PGHOST port=$PGPORT dbname=$1 user=video_worker" >>"$LOGS/worker.log" 2>&1 9<&- &
	WORKER_PID=$!
	while :; do
		state=$(state_of "$1" "$2")
		lines=$(wc -l <"$LOGS/worker.log")
		sed -n "$((shown + 1)),${lines}p" "$LOGS/worker.log" | sed -n 's/^vvault-worker\[[0-9]*\]: \(job .*\)/  \1/p'
		shown=$lines
		case $state in
			ready | failed) break ;;
		esac
		kill -0 "$WORKER_PID" 2>/dev/null || die "the worker has ended; its log is $LOGS/worker.log"
		sleep 0.4
	done
	kill "$WORKER_PID"
	wait "$WORKER_PID" || true
	WORKER_PID=
	[ "$state" = ready ] || die "the video failed: $(sql "$1" -At -v id="$2" \
		<<<"SELECT vvault_asset(:'id') ->> 'failure'")"
}

# put_object DATABASE KEY FILE: by a URL that the database signs.
put_object()
{
	local url

	url=$(sql "$1" -At -v key="$2" -v size="$(stat -c %s "$3")" \
		<<<"SELECT vvault_stream.signed_url('main', 'PUT', :'key', 600, :size)")
	curl -fsS -o /dev/null -T "$3" "$url"
}

# add_player DATABASE VIDEO-ID: hls.js, beside the page that the job "finish" stored, and a page
# of the demo's own that plays the same by dash.js, too. Without npm there is no player:
# then it plays in browsers that play HLS by themselves.
add_player()
{
	local folder script

	folder=$2/$(sql "$1" -At -v id="$2" <<<"SELECT generation FROM vvault_stream.assets WHERE video_id = :'id'")
	put_object "$1" "$folder/player.html" demo/player.html
	for script in hls.js/dist/hls.min.js dashjs/dist/modern/umd/dash.all.min.js; do
		[ ! -f "$WORK/players/node_modules/$script" ] ||
			put_object "$1" "$folder/${script##*/}" "$WORK/players/node_modules/$script"
	done
}

# status_of URL: what the edge answers.
status_of()
{
	curl -s -o /dev/null -w '%{http_code}' "$1"
}

# show_video DATABASE VIDEO-ID: where it plays; the last lines of the demo.
show_video()
{
	local hls dash watch

	read -r hls dash watch < <(sql "$1" -At -F ' ' -v id="$2" \
		<<<"SELECT p ->> 'hls', p ->> 'dash', p ->> 'watch' FROM vvault_play_url(:'id') AS p")
	say
	say "-- vvault_hls('$2'), as a player gets it"
	curl -fsS "$hls" || die "the edge does not answer; its log is $WORK/media/edge.log"
	say
	say "-- through the edge, whose njs checks the token in the path"
	say "with its token: $(status_of "$hls"), with another one: $(status_of "${hls/\/v\//\/v\/x}")"
	say "store and edge: $(of_urls nginx), in $WORK/media"
	if [ -n "$(postgrest_port)" ]; then
		say "manifests and page: out of the database, by PostgREST; the same as the job finish has stored"
	fi
	[ -f "$WORK/players/node_modules/hls.js/dist/hls.min.js" ] ||
		say "the page has no hls.js, as npm was not to be had: open it in Safari, or the first address in a player"
	say "by hls.js or dash.js, as you like: ${watch%/*}/player.html"
	say
	say "hls: $hls"
	say "dash: $dash"
	say "watch: $watch"
}

# ready_video DATABASE: sets VIDEO_ID to a video that is ready.
ready_video()
{
	local file=$WORK/source.mp4

	VIDEO_ID=demo
	if [ -f "$WORK/upload.video" ]; then
		VIDEO_ID=$(sql "$1" -At -v title="${VIDEO_NAME:-video}" \
			<<<"SELECT vvault_create_asset(left(:'title', 300), 'demo', 'public') ->> 'video_id'")
		file=$WORK/upload.video
	elif [ "$(state_of "$1" demo)" = ready ]; then
		return
	else
		[ -z "$(state_of "$1" demo)" ] || sql "$1" -c "DELETE FROM vvault_stream.assets WHERE video_id = 'demo'"
		sql "$1" -At -o /dev/null -c "SELECT vvault_create_asset('A moving picture and a tone', 'demo', 'public', video_id => 'demo')"
		make_source "$file"
	fi
	upload "$1" "$VIDEO_ID" "$file"
	rm -f "$file"
	follow "$1" "$VIDEO_ID"
	add_player "$1" "$VIDEO_ID"
}

# video DATABASE: all of it.
video()
{
	local lack

	lack=$(video_lacks)
	say
	if [ -n "$lack" ]; then
		say "-- no video is shown: $lack"
		return 0
	fi
	say "-- a video of one's own: upload, worker, store, edge"
	if ! start_media "$1"; then
		say "going on without a video: there is no store"
		return 0
	fi
	ready_video "$1"
}
