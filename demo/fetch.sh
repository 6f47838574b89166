#!/bin/sh
#
# fetch.sh
#     Fetch a region's chart from the YouTube Data API and ingest it.
#
# usage: YOUTUBE_API_KEY=... fetch.sh REGION [psql arguments...]
#        YOUTUBE_API_KEY=... fetch.sh --save DIR REGION
#
# The first form hands the chart to vvault_ingest() in the database that the
# psql arguments (or PGHOST, PGDATABASE, ...) name and prints its answers; the
# role needs vvault_grant(role, 'writer').  The second writes the pages to
# DIR/REGION-1.json, DIR/REGION-2.json, ... and needs no database.
#
# Nothing is ingested or saved unless every page came, and all pages go in in
# one transaction, so that readers see either the old chart or the new one.
# If it fails, run it again: ingesting is repeatable.
#
# A chart has up to 200 videos, 50 on a page; a page costs one of the 10,000
# quota units that a key has a day.  The units spent are printed to stderr.
#
# All regions every hour (7 regions x 4 pages x 24 hours = 672 units a day),
# with a file of mode 600 that says "export YOUTUBE_API_KEY=...", as a crontab's
# one line:
#
#     5 * * * * . ~/.youtube-key; for r in US GB PL NL SE NO AT; do /path/to/fetch.sh $r -d vvault; done >>~/fetch.log 2>&1
#
# API_URL names another endpoint, for tests.

set -eu

PAGE_SIZE=50
MAX_PAGES=10			# a chart has 4: never spend a day's quota on a fault
API_URL=${API_URL:-https://www.googleapis.com/youtube/v3/videos}

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
	echo "usage: YOUTUBE_API_KEY=... fetch.sh REGION [psql arguments...]" >&2
	echo "       YOUTUBE_API_KEY=... fetch.sh --save DIR REGION" >&2
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

# Ask for one page; prints the HTTP status, 000 if there was no answer.  The
# key goes through stdin, where no process list shows it.
request()
{
	{
		printf 'data-urlencode = "%s"\n' \
			'part=snippet,contentDetails,statistics' \
			'chart=mostPopular' \
			"regionCode=$region" \
			"maxResults=$PAGE_SIZE" \
			"key=$key"
		if [ -n "$token" ]
		then
			printf 'data-urlencode = "pageToken=%s"\n' "$token"
		fi
	} | curl --config - --get --silent --show-error --max-time 60 \
		--output "$1" --write-out '%{http_code}' "$API_URL"
}

# Stop with what the API said about a request that failed.
refuse()
{
	message=$(json_string message "$2")
	reason=$(json_string reason "$2")
	die "$page_name: HTTP $1: ${message:-no message}${reason:+ ($reason)}"
}

fetch_page()
{
	page_name="$region, page $pages"
	file=$work/$pages.json
	: >"$file"
	status=$(request "$file") || die "$page_name: no answer from the API"
	units=$((units + 1))
	[ "$status" = 200 ] || refuse "$status" "$file"
	grep -q '"youtube#videoListResponse"' "$file" ||
		die "$page_name: the answer is no list of videos"
	token=$(json_string nextPageToken "$file")
	case $token in
		*[!A-Za-z0-9_=-]*) die "$page_name: unexpected page token" ;;
	esac
}

fetch_chart()
{
	token=
	while :
	do
		pages=$((pages + 1))
		[ "$pages" -le "$MAX_PAGES" ] ||
			die "$region: more than $MAX_PAGES pages"
		fetch_page
		[ -n "$token" ] || break
	done
}

# A page is far larger than an argument may be: psql reads it from its file.
# Ingesting several pages in one transaction could deadlock with another
# region's, so those of this script queue for one advisory lock.
ingest_script()
{
	cat <<-'END'
		\set ON_ERROR_STOP on
		BEGIN;
		SELECT pg_catalog.pg_advisory_xact_lock(
			pg_catalog.hashtext('vvault fetch.sh')) \gset
	END
	page=1
	while [ "$page" -le "$pages" ]
	do
		cat <<-END
			\\set file :work /$page.json
			\\set response \`cat :'file'\`
			\\set first_rank $(((page - 1) * PAGE_SIZE + 1))
			SELECT vvault_ingest(:'region', :'response', :'fetched_at',
				:first_rank);
		END
		page=$((page + 1))
	done
	echo 'COMMIT;'
}

# The answers are printed once they are true.
ingest()
{
	ingest_script >"$work/ingest.sql"
	PGCLIENTENCODING=UTF8 psql --no-psqlrc --quiet --no-align --tuples-only \
		--set=work="$work" --set=region="$region" \
		--set=fetched_at="$fetched_at" --output="$work/answers" "$@" \
		<"$work/ingest.sql"
	cat "$work/answers"
}

# Pages of an earlier, longer chart would be taken for this one's.
save()
{
	mkdir -p "$1"
	page=1
	while [ "$page" -le "$pages" ]
	do
		mv "$work/$page.json" "$1/$region-$page.json"
		page=$((page + 1))
	done
	while [ -e "$1/$region-$page.json" ]
	do
		rm "$1/$region-$page.json"
		page=$((page + 1))
	done
}

finish()
{
	[ "$units" -eq 0 ] || say "$region: quota units spent: $units"
	rm -rf "$work"
}

save_to=
region=
while [ $# -gt 0 ]
do
	case $1 in
		--save)
			save_to=${2:-}
			[ -n "$save_to" ] || usage
			shift 2
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
[ -n "$region" ] || usage
[ -z "$save_to" ] || [ $# -eq 0 ] || usage

# Children need not inherit the key.
key=${YOUTUBE_API_KEY:-}
unset YOUTUBE_API_KEY
case $key in
	'') die "YOUTUBE_API_KEY is not set" ;;
	*[!A-Za-z0-9_-]*) die "YOUTUBE_API_KEY is no API key" ;;
esac

pages=0
units=0
work=$(mktemp -d)
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

fetched_at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
fetch_chart
if [ -n "$save_to" ]
then
	save "$save_to"
else
	ingest "$@"
fi
