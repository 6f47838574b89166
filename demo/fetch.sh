#!/bin/sh
#
# fetch.sh
#     Fetch a region's chart from the YouTube Data API and ingest it.
#
# usage: YOUTUBE_API_KEY=... fetch.sh [--complete] REGION [psql arguments...]
#        YOUTUBE_API_KEY=... fetch.sh --save DIR REGION
#        YOUTUBE_API_KEY=... fetch.sh --refresh [psql arguments...]
#        fetch.sh --ingest FILE... [psql arguments...]
#
# The first form hands the chart to vvault_ingest() in the database that the
# psql arguments (or PGHOST, PGDATABASE, ...) name and prints its answers; the
# role needs vvault_grant(role, 'writer').  --complete says that the chart is
# all there is, however short.  The second writes the pages to
# DIR/REGION-INSTANT-1.json, DIR/REGION-INSTANT-2.json, ... and needs no
# database; the last ingests such files, each chart at the instant in its
# names.  The third asks for videos that were not observed for a day, 50 at
# once, and hands what is said of them to vvault_refresh(), which marks those
# that do not come back.
#
# Nothing is ingested or saved unless every page came, and all pages go in in
# one transaction, so that readers see either the old chart or the new one.
# If it fails, run it again: ingesting is repeatable.  A page token that comes
# again, as the API has been seen to do, ends the chart with what is there.
#
# A chart has up to 200 videos, 50 on a page; each request costs one of the
# 10,000 quota units that a key has a day, from midnight to midnight in
# California.  Requests are counted over all runs of a user, in files in
# QUOTA_DIR, and none is made once QUOTA_UNITS (10000) are spent.  What fails
# with 429 or 5xx, or is not answered, is tried again, up to MAX_TRIES times in
# all (5), after RETRY_DELAY seconds (2), then twice that and so on, or when
# Retry-After says.
#
# All regions every hour (7 regions x 4 pages x 24 hours = 672 units a day), and
# a refresh every night, with a file of mode 600 that says
# "export YOUTUBE_API_KEY=...", as lines of a crontab:
#
#     5 * * * * . ~/.youtube-key; for r in US GB PL NL SE NO AT; do /path/to/fetch.sh $r -d vvault; done >>~/fetch.log 2>&1
#     30 3 * * * . ~/.youtube-key; /path/to/fetch.sh --refresh -d vvault >>~/fetch.log 2>&1
#
# API_URL names another endpoint, for tests.  REFRESH_VIDEOS (2000) and
# REFRESH_OLDER_THAN ("24 hours") say how many videos one refresh asks for, and
# of which.

set -eu

PAGE_SIZE=50
MAX_PAGES=10			# a chart has 4: never spend a day's quota on a fault
LONGEST_WAIT=600		# seconds: whoever asks for more is asked by the next run
API_URL=${API_URL:-https://www.googleapis.com/youtube/v3/videos}
QUOTA_UNITS=${QUOTA_UNITS:-10000}
MAX_TRIES=${MAX_TRIES:-5}
RETRY_DELAY=${RETRY_DELAY:-2}
REFRESH_VIDEOS=${REFRESH_VIDEOS:-2000}
REFRESH_OLDER_THAN=${REFRESH_OLDER_THAN:-24 hours}

say()
{
	printf 'fetch.sh: %s\n' "$*" >&2
}

die()
{
	say "$@"
	exit 1
}

usage()
{
	sed -n 's/^# usage: /usage: /p; s/^#        \(.*fetch\.sh\)/       \1/p' "$0" >&2
	exit 2
}

# The first string of this name in a JSON file.  A quote inside a JSON string
# is escaped, so a title cannot pretend to be one.
json_string()
{
	awk -v name="\"$1\"" '
		match($0, name "[ \t]*:[ \t]*\"([^\"\\\\]|\\\\.)*\"") {
			value = substr($0, RSTART, RLENGTH - 1)
			sub(/^"[^"]*"[ \t]*:[ \t]*"/, "", value)
			gsub(/\\"/, "\"", value)
			print value
			exit
		}' "$2"
}

# ---------------------------------------------------------------------------
# Requests
# ---------------------------------------------------------------------------

# A file of the day and key has a line for each unit, whichever run spent it.
# The key itself stands nowhere.
open_quota()
{
	quota_dir=${QUOTA_DIR:-${XDG_STATE_HOME:-${HOME:-/nonexistent}/.local/state}/vvault-fetch}
	day=$(TZ=America/Los_Angeles date +%Y-%m-%d)
	quota_file=$quota_dir/units-$day-$(printf '%s' "$key" | cksum | tr ' ' -)
	if ! mkdir -p "$quota_dir" 2>/dev/null || ! (: >>"$quota_file") 2>/dev/null
	then
		say "cannot count the quota in $quota_dir: QUOTA_DIR names another folder"
		quota_file=$work/units
		: >"$quota_file"
	fi
	for file in "$quota_dir"/units-*
	do
		case $file in
			"$quota_dir/units-$day-"*) ;;
			*) rm -f "$file" ;;
		esac
	done
}

units_today()
{
	wc -l <"$quota_file" | tr -d ' '
}

spend_unit()
{
	[ "$(units_today)" -lt "$QUOTA_UNITS" ] ||
		die "$what: the $QUOTA_UNITS quota units of $day are spent"
	echo 1 >>"$quota_file"
	units=$((units + 1))
}

# One attempt; prints the HTTP status, 000 if there was no answer.  The
# arguments are parameters; they and the key go through stdin, where no
# process list shows the key.
attempt()
{
	{
		printf 'data-urlencode = "%s"\n' \
			'part=snippet,contentDetails,statistics,liveStreamingDetails' \
			"$@" "key=$key"
	} | curl --config - --get --silent --show-error --max-time 60 \
		--dump-header "$work/headers" --output "$file" \
		--write-out '%{http_code}' "$API_URL" || true
}

# The seconds that the last answer asks to wait, 0 if it does not.
retry_after()
{
	value=$(tr -d '\r' <"$work/headers" | sed -n 's/^[Rr][Ee][Tt][Rr][Yy]-[Aa][Ff][Tt][Ee][Rr]: *//p' | tail -n 1)
	case $value in
		'') echo 0 ;;
		*[!0-9]*)
			then=$(date -d "$value" +%s 2>/dev/null || echo 0)
			now=$(date +%s)
			if [ "$then" -gt "$now" ]; then echo $((then - now)); else echo 0; fi
			;;
		??????*) echo 999999 ;;
		*) echo "$value" ;;
	esac
}

# Stop with what the API said about a request that failed.
refuse()
{
	message=$(json_string message "$file")
	reason=$(json_string reason "$file")
	die "$what: HTTP $status: ${message:-no message}${reason:+ ($reason)}"
}

# Ask for something, again where that may help, into $file.
request()
{
	tries=0
	delay=$RETRY_DELAY
	while :
	do
		tries=$((tries + 1))
		: >"$file"
		: >"$work/headers"
		spend_unit
		status=$(attempt "$@")
		case $status in
			200) break ;;
			429 | 5??) problem="HTTP $status" ;;
			000) problem="no answer from the API" ;;
			*) refuse ;;
		esac
		if [ "$tries" -ge "$MAX_TRIES" ]
		then
			[ "$status" = 000 ] || refuse
			die "$what: no answer from the API"
		fi
		wait=$(retry_after)
		[ "$wait" -ge "$delay" ] || wait=$delay
		[ "$wait" -le "$LONGEST_WAIT" ] ||
			die "$what: $problem, which asks to wait $wait seconds"
		say "$what: $problem, trying again in $wait s"
		sleep "$wait"
		delay=$((delay * 2))
	done
	grep -q '"youtube#videoListResponse"' "$file" ||
		die "$what: the answer is no list of videos"
}

# ---------------------------------------------------------------------------
# Charts
# ---------------------------------------------------------------------------

fetch_page()
{
	what="$region, page $pages"
	file=$work/$pages.json
	set -- 'chart=mostPopular' "regionCode=$region" "maxResults=$PAGE_SIZE"
	[ -z "$token" ] || set -- "$@" "pageToken=$token"
	request "$@"
	echo "$pages $region $fetched_at $(((pages - 1) * PAGE_SIZE + 1))" >>"$work/list"
	token=$(json_string nextPageToken "$file")
	case $token in
		*[!A-Za-z0-9_=-]*) die "$what: unexpected page token" ;;
	esac
}

fetch_chart()
{
	token=
	seen=' '
	while :
	do
		pages=$((pages + 1))
		[ "$pages" -le "$MAX_PAGES" ] ||
			die "$region: more than $MAX_PAGES pages"
		seen="$seen$token "
		fetch_page
		case $token in
			'') break ;;
		esac
		case $seen in
			*" $token "*)
				say "$region: a page token came again; the chart ends with page $pages"
				break
				;;
		esac
	done
}

# A page is far larger than an argument may be: psql reads it from its file.
# All pages of a chart stand together in the list.  Ingesting several pages in
# one transaction could deadlock with another region's, so those of this script
# queue for one advisory lock.
ingest_script()
{
	chart=
	echo '\set ON_ERROR_STOP on'
	while read -r number of instant first
	do
		if [ "$chart" != "$of $instant" ]
		then
			[ -z "$chart" ] || echo 'COMMIT;'
			cat <<-'END'
				BEGIN;
				SELECT pg_catalog.pg_advisory_xact_lock(
					pg_catalog.hashtext('vvault fetch.sh')) \gset
			END
			chart="$of $instant"
		fi
		cat <<-END
			\\set file :work /$number.json
			\\set response \`cat :'file'\`
			SELECT vvault_ingest('$of', :'response', '$instant', $first$complete);
		END
	done
	echo 'COMMIT;'
}

run_psql()
{
	PGCLIENTENCODING=UTF8 psql --no-psqlrc --quiet --no-align --tuples-only \
		--set=work="$work" "$@"
}

# The answers are printed once they are true.
ingest()
{
	ingest_script <"$work/list" >"$work/ingest.sql"
	run_psql --output="$work/answers" "$@" <"$work/ingest.sql"
	cat "$work/answers"
}

save()
{
	mkdir -p "$1"
	instant=$(printf '%s' "$fetched_at" | tr -d ':-')
	while read -r number of _ _
	do
		mv "$work/$number.json" "$1/$of-$instant-$number.json"
	done <"$work/list"
}

# REGION-20260114T060000Z-2.json: page 2 of the chart of that instant.
add_file()
{
	name=$(basename "$1")
	printf '%s\n' "$name" |
		grep -Eq '^[A-Z][A-Z0-9_]{1,7}-[0-9]{8}T[0-9]{6}Z-[1-9][0-9]{0,3}\.json$' ||
		die "$1: a saved page is named REGION-INSTANT-PAGE.json, such as PL-20260114T060000Z-1.json"
	[ -r "$1" ] || die "$1: cannot be read"
	pages=$((pages + 1))
	cp "$1" "$work/$pages.json"
	echo "$name" | sed "s/^\([^-]*\)-\(....\)\(..\)\(..T..\)\(..\)\(..Z\)-\([0-9]*\).*/\1 \2-\3-\4:\5:\6 \7 $pages/" |
		while read -r of instant page number
		do
			echo "$number $of $instant $(((page - 1) * PAGE_SIZE + 1))"
		done >>"$work/list"
}

# ---------------------------------------------------------------------------
# Known videos
# ---------------------------------------------------------------------------

# One request and one transaction for up to 50 ids, a line of them with commas.
refresh_batch()
{
	ids=$1
	shift
	batch=$((batch + 1))
	what="refresh, request $batch"
	file=$work/refresh.json
	at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	request "id=$ids"
	# an answer without a single one of many is more likely a fault
	case $ids in
		*,*,*,*,*)
			grep -q '"youtube#video"' "$file" || grep -q '"snippet"' "$file" ||
				die "$what: none of the videos came back; nothing is marked as gone"
			;;
	esac
	run_psql --set=asked="$ids" --set=at="$at" "$@" <<-'END'
		\set ON_ERROR_STOP on
		\set file :work /refresh.json
		\set response `cat :'file'`
		SELECT vvault_refresh(:'response', pg_catalog.string_to_array(:'asked', ','), :'at');
	END
}

refresh()
{
	batch=0
	run_psql --set=n="$REFRESH_VIDEOS" --set=older="$REFRESH_OLDER_THAN" "$@" >"$work/ids" <<-'END'
		\set ON_ERROR_STOP on
		SELECT vvault_refresh_list(:'n', :'older');
	END
	grep -E '^[A-Za-z0-9_-]+$' "$work/ids" | awk -v size="$PAGE_SIZE" '
		{ printf "%s%s", NR == 1 ? "" : NR % size == 1 ? "\n" : ",", $0 }
		END { if (NR > 0) print "" }' >"$work/batches"
	while read -r line <&3
	do
		[ -z "$line" ] || refresh_batch "$line" "$@"
	done 3<"$work/batches"
}

# ---------------------------------------------------------------------------

finish()
{
	[ "$units" -eq 0 ] ||
		say "${region:-refresh}: quota units spent: $units ($(units_today) of $QUOTA_UNITS today)"
	rm -rf "$work"
}

mode=chart
save_to=
region=
complete=
pages=0
units=0
work=$(mktemp -d)
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
: >"$work/list"

while [ $# -gt 0 ]
do
	case $1 in
		--save)
			mode=save
			save_to=${2:-}
			[ -n "$save_to" ] || usage
			shift 2
			;;
		--complete)
			complete=', complete => true'
			shift
			;;
		--refresh)
			mode=refresh
			shift
			break
			;;
		--ingest)
			mode=ingest
			shift
			while [ $# -gt 0 ]
			do
				case $1 in
					-*) break ;;
					*.json) add_file "$1" ;;
					*) break ;;
				esac
				shift
			done
			break
			;;
		[A-Z][A-Z])
			[ -z "$region" ] || break
			region=$1
			shift
			;;
		*)
			break
			;;
	esac
done

if [ "$mode" = ingest ]
then
	[ "$pages" -gt 0 ] || usage
	sort -k 2,3 -k 4n "$work/list" >"$work/sorted"
	mv "$work/sorted" "$work/list"
	ingest "$@"
	exit
fi
[ "$mode" = refresh ] || [ -n "$region" ] || usage
[ "$mode" != save ] || [ $# -eq 0 ] || usage

# Children need not inherit the key.
key=${YOUTUBE_API_KEY:-}
unset YOUTUBE_API_KEY
case $key in
	'') die "YOUTUBE_API_KEY is not set" ;;
	*[!A-Za-z0-9_-]*) die "YOUTUBE_API_KEY is no API key" ;;
esac

open_quota
fetched_at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
case $mode in
	refresh) refresh "$@" ;;
	save) fetch_chart; save "$save_to" ;;
	chart) fetch_chart; ingest "$@" ;;
esac
