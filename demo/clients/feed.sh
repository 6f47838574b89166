#!/bin/sh
#
# feed.sh
#		A feed by curl, through nginx and PostgREST: twice, the second time with
#		the ETag of the first, and what an error says.
#
# usage: feed.sh URL [REGION], for instance feed.sh https://www.example.org PL
#
set -eu

url=${1:?usage: feed.sh URL [REGION]}
region=${2:-PL}
headers=$(mktemp)
trap 'rm -f "$headers"' EXIT

curl -sS -D "$headers" "$url/api/trending/$region?page_size=3"
echo
etag=$(sed -n 's/^[Ee][Tt]ag: *//p' "$headers" | tr -d '\r')
curl -sS -o /dev/null -w '%{http_code}\n' -H "If-None-Match: $etag" "$url/api/trending/$region?page_size=3"
curl -sS -w ' %{http_code}\n' "$url/api/trending/nowhere"
