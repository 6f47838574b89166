# shellcheck shell=bash
#
# part.sh
#		The part http of run.sh: hits of a cache, by HTTP, of nginx in front of
#		PostgREST and vvault and of peer.go, in turn, with wrk -t2 -c100.
#
# The peer serves the page with fewer fields, as such servers do, and with all that
# nginx has. nginx is asked for that page; for one of as many bytes as the peer's
# smaller one, or just more; and as browsers ask, who take gzip, which the peer has
# not. What nginx needs at least is what it needs for a file with the same bytes.
#
# To be sourced by run.sh. Where there is no postgrest on the PATH, the tests'
# stand-in answers what nginx has not got, and the table says so.

HTTP_URL=/api/trending/PL
BROWSERS_TAKE="gzip, deflate, br, zstd"

# What serves and what asks do not share processors: who is asked gets the first
# half of them, wrk the others.
HALF=$((($(nproc) + 1) / 2))
SERVES=0-$((HALF - 1))
ASKS=$((HALF < $(nproc) ? HALF : 0))-$(($(nproc) - 1))

# pids_of PID: it and its children, but for the one of nginx that ends after a minute.
pids_of()
{
	say "$1 $(ps -o pid=,args= --ppid "$1" | awk '!/cache loader/ {print $1}' | tr '\n' ' ')"
}

# cpu_of PID...: ticks that they have used.
cpu_of()
{
	# shellcheck disable=SC2046  # a word for each
	cat $(printf '/proc/%s/stat ' "$@") | awk '{n += $14 + $15} END {print n}'
}

# memory_of PID...: their share of memory in MB; what is shared is divided.
memory_of()
{
	# shellcheck disable=SC2046
	cat $(printf '/proc/%s/smaps_rollup ' "$@") | awk '/^Pss:/ {n += $2} END {printf "%.0f\n", n / 1024}'
}

# to_ms: of what wrk prints, such as 1.20ms, 830.00us or 1.03s
to_ms()
{
	awk '{v = $1 + 0; print $1 ~ /us$/ ? v / 1000 : $1 ~ /ms$/ ? v : v * 1000}'
}

# [CODINGS=..] http_round NAME URL PID...: one run of wrk, a line in NAME.runs:
# requests/s, p50, p99, CPU microseconds a request, replies that were not 200
http_round()
{
	local name=$1 url=$2 before after out

	shift 2
	before=$(cpu_of "$@")
	out=$(taskset -c "$ASKS" wrk -t2 -c100 -d"${SECONDS_EACH}s" --latency ${CODINGS:+-H "Accept-Encoding: $CODINGS"} "$url")
	after=$(cpu_of "$@")
	say "$(awk '/^Requests\/sec/ {print $2}' <<<"$out")" \
		"$(awk '$1 == "50%" {print $2}' <<<"$out" | to_ms)" \
		"$(awk '$1 == "99%" {print $2}' <<<"$out" | to_ms)" \
		"$(awk -v t=$((after - before)) -v hz="$(getconf CLK_TCK)" '/ requests in / {printf "%.1f", t / hz * 1e6 / $1}' <<<"$out")" \
		"$(awk '/Non-2xx/ {n = $NF} END {print n + 0}' <<<"$out")" >>"$WORK/$name.runs"
}

column_median()
{
	awk -v c="$2" '{print $c}' "$WORK/$1.runs" | median
}

# times_as_many NAME PEER: how many requests it answers for the processor's time in
# which the peer answers one, the median of what the rounds say.
times_as_many()
{
	paste -d ' ' "$WORK/$2.runs" "$WORK/$1.runs" | awk '$9 > 0 {print $4 / $9}' | median
}

# http_row NAME LABEL BYTES MEMORY STALENESS
http_row()
{
	printf '%-36s %6d %9.0f %9.2f %9.2f %11.1f %8.2f %8.2f %8s   %s\n' "$2" "$3" "$(column_median "$1" 1)" \
		"$(column_median "$1" 2)" "$(column_median "$1" 3)" "$(column_median "$1" 4)" \
		"$(times_as_many "$1" peer)" "$(times_as_many "$1" whole)" "${4:-}" "${5:-}"
	awk -v name="$2" '{n += $5} END {if (n) print "   " n " replies of " name " were not 200"}' "$WORK/$1.runs"
}

# bytes_of URL [OPTION...]: of the body as it comes.
bytes_of()
{
	curl -fs -o /dev/null -w '%{size_download}\n' "${@:2}" "$1"
}

# page_of_bytes URL BYTES: the same page with so few videos that it has as many bytes
# or just more.
page_of_bytes()
{
	local size=1

	while [ "$(bytes_of "$1?page_size=$size")" -lt "$2" ]; do
		size=$((size + 1))
	done
	say "$1?page_size=$size"
}

# start_file URL: an nginx that has what is there as a file, and knows nothing else.
start_file()
{
	local folder=$WORK/file port

	mkdir -p "$folder"
	curl -fs -o "$folder/reply.json" "$1"
	port=$(free_ports 1)
	nginx_conf "$folder" "$HALF" <<-END
		access_log off;
		output_buffers 1 32k;
		open_file_cache max=10 inactive=10m;
		keepalive_requests 10000;
		server {
			listen 127.0.0.1:$port;
			location = /reply.json { root $folder; }
		}
	END
	# where it works is how it is known when it is to stop
	(cd "$folder" && taskset -c "$SERVES" "$(find_nginx)" -p "$folder" -e "$folder/error.log" -c "$folder/nginx.conf" 9<&-) ||
		die "nginx does not start: $folder/error.log"
	FILE_URL=http://127.0.0.1:$port/reply.json
}

http_database()
{
	bench_database http
	perl demo/generate.pl --days 3 >"$WORK/pages.tsv"
	bench_sql -d http -v pages="$WORK/pages.tsv" -f bench/sql/ingest.sql >/dev/null
	rm "$WORK/pages.tsv"
	bench_sql -d http -c 'CREATE ROLE web_anon NOLOGIN' -c 'CREATE ROLE authenticator LOGIN NOINHERIT' \
		-c 'GRANT web_anon TO authenticator' -c "SELECT vvault_grant('web_anon', 'reader')" -o /dev/null
}

build_peer()
{
	GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$WORK/gocache go build -o "$WORK/peer" bench/http/peer.go ||
		die "the server in Go does not compile"
}

# start_peer [whole]: sets PEER_PID and PEER_URL.
start_peer()
{
	local port

	port=$(free_ports 1)
	taskset -c "$SERVES" "$WORK/peer" "127.0.0.1:$port" "host=$PGHOST port=$PGPORT dbname=http user=postgres" "$@" \
		>/dev/null 2>"$LOGS/peer.log" 9<&- &
	PEER_PID=$!
	PEERS="${PEERS:-} $PEER_PID"
	PEER_URL=http://127.0.0.1:$port$HTTP_URL
	until curl -fs -o /dev/null "$PEER_URL"; do
		kill -0 "$PEER_PID" || die "the server in Go does not start: $LOGS/peer.log"
		sleep 0.1
	done
}

stop_http()
{
	# shellcheck disable=SC2086  # a word for each
	[ -z "${PEERS:-}" ] || kill $PEERS 2>/dev/null || true
	PEERS=
	scripts/site.sh stop "$WORK/site"
	stop_one "$WORK/file/nginx.pid"
}

bench_http()
{
	local round url upstream program label nginx file behind local_connstr stale peer_stale peer_bytes page peer whole whole_url

	http_database
	local_connstr="host=$PGHOST port=$PGPORT dbname=http user=postgres"
	trap 'stop_http; cluster_remove "$WORK"' EXIT
	build_peer
	start_peer whole
	whole=$PEER_PID whole_url=$PEER_URL
	start_peer
	peer=$PEER_PID
	STANDIN=yes RATE=1000000r/s BURST=100000 CONNECTIONS=60000 WORKERS=$HALF taskset -c "$SERVES" scripts/site.sh start "$WORK/site" \
		"host=$PGHOST port=$PGPORT dbname=http user=authenticator" web_anon >"$WORK/site.urls"
	url=$(sed -n 's/^url //p' "$WORK/site.urls")$HTTP_URL
	upstream=$(sed -n 's/^upstream //p' "$WORK/site.urls")/rpc/vvault_trending?region=PL
	program=$(sed -n 's/^program //p' "$WORK/site.urls")
	nginx=$(cat "$WORK/site/nginx.pid")
	behind=$(cat "$WORK/site/upstream.pid")
	label="nginx + PostgREST"
	[ "$program" = postgrest ] || label="nginx + stand-in for PostgREST"
	peer_bytes=$(bytes_of "$PEER_URL")
	page=$(page_of_bytes "$url" "$peer_bytes")
	start_file "$url"
	file=$(cat "$WORK/file/nginx.pid")
	rm -f "$WORK"/{peer,whole,site,page,gzip,file,upstream}.runs
	for ((round = 0; round < ROUNDS; round++)); do
		# shellcheck disable=SC2046  # a word for each process
		{
			http_round peer "$PEER_URL" "$peer"
			http_round whole "$whole_url" "$whole"
			http_round site "$url" $(pids_of "$nginx")
			http_round page "$page" $(pids_of "$nginx")
			CODINGS=$BROWSERS_TAKE http_round gzip "$url" $(pids_of "$nginx")
			http_round file "$FILE_URL" $(pids_of "$file")
			http_round upstream "$upstream" $(pids_of "$behind")
		}
	done

	# how stale, while others ask too
	taskset -c "$ASKS" wrk -t1 -c10 -d60s "$url" >/dev/null &
	stale=$(perl bench/http/staleness.pl "$url" "$local_connstr" 20 10)
	kill $! 2>/dev/null || true
	peer_stale=$(perl bench/http/staleness.pl "$PEER_URL" "$local_connstr" 1 10)

	printf '%-36s %6s %9s %9s %9s %11s %8s %8s %8s   %s\n' "$HALF of $(nproc) processors, median of $ROUNDS" bytes "requests/s" \
		"p50 ms" "p99 ms" "CPU us each" "/ peer" "/ whole" "MB" staleness
	# shellcheck disable=SC2046
	{
		http_row peer "peer in Go" "$peer_bytes" "$(memory_of "$peer")" "over ${peer_stale#* } s, by its code 3 hours"
		http_row whole "peer in Go, whole: all fields" "$(bytes_of "$whole_url")" "$(memory_of "$whole")"
		http_row site "$label" "$(bytes_of "$url")" "$(memory_of $(pids_of "$nginx") $(pids_of "$behind"))" \
			"median ${stale% *} s, at most ${stale#* } s"
		http_row page "the same, the peer's bytes" "$(bytes_of "$page")"
		http_row gzip "the same, as browsers ask" "$(bytes_of "$url" -H "Accept-Encoding: $BROWSERS_TAKE")"
		http_row file "nginx with a file of the page" "$(bytes_of "$FILE_URL")"
		http_row upstream "${label#nginx + } alone" "$(bytes_of "$upstream")" "$(memory_of $(pids_of "$behind"))" "none"
	}
	say "/ peer, / whole: how many times their requests for the same time of the processor, the median of the rounds"
	stop_http
	bench_sql -d postgres -c 'DROP DATABASE http WITH (FORCE)'
}
