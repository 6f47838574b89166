# shellcheck shell=bash
#
# part.sh
#		The part http of run.sh: hits of a cache, by HTTP, of nginx in front of
#		PostgREST and vvault and of peer.go, in turn, with wrk -t2 -c100.
#
# To be sourced by run.sh. Where there is no postgrest on the PATH, the tests'
# stand-in answers what nginx has not got, and the table says so.

HTTP_URL=/api/trending/PL

# What serves and what asks do not share processors: who is asked gets the first
# half of them, wrk the others.
HALF=$((($(nproc) + 1) / 2))
SERVES=0-$((HALF - 1))
ASKS=$((HALF < $(nproc) ? HALF : 0))-$(($(nproc) - 1))

# pids_of PID: it and its children.
pids_of()
{
	say "$1 $(pgrep -P "$1" | tr '\n' ' ')"
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

# http_round NAME URL PID...: one run of wrk, a line in NAME.runs: requests/s,
# p50, p99, CPU microseconds a request, replies that were not 200
http_round()
{
	local name=$1 url=$2 before after out

	shift 2
	before=$(cpu_of "$@")
	out=$(taskset -c "$ASKS" wrk -t2 -c100 -d"${SECONDS_EACH}s" --latency "$url")
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

# http_row NAME LABEL MEMORY STALENESS
http_row()
{
	printf '%-34s %9.0f %9.2f %9.2f %11.1f %8s MB   %s\n' "$2" "$(column_median "$1" 1)" "$(column_median "$1" 2)" \
		"$(column_median "$1" 3)" "$(column_median "$1" 4)" "$3" "$4"
	awk -v name="$2" '{n += $5} END {if (n) print "   " n " replies of " name " were not 200"}' "$WORK/$1.runs"
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

start_peer()
{
	local port

	port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport')
	GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$WORK/gocache go build -o "$WORK/peer" bench/http/peer.go ||
		die "the server in Go does not compile"
	taskset -c "$SERVES" "$WORK/peer" "127.0.0.1:$port" "host=$PGHOST port=$PGPORT dbname=http user=postgres" >/dev/null 2>"$LOGS/peer.log" 9<&- &
	PEER_PID=$!
	PEER_URL=http://127.0.0.1:$port$HTTP_URL
	until curl -fs -o /dev/null "$PEER_URL"; do
		kill -0 "$PEER_PID" || die "the server in Go does not start: $LOGS/peer.log"
		sleep 0.1
	done
}

stop_http()
{
	[ -z "${PEER_PID:-}" ] || kill "$PEER_PID" 2>/dev/null || true
	PEER_PID=
	scripts/site.sh stop "$WORK/site"
}

bench_http()
{
	local round url upstream program label nginx behind local_connstr stale peer_stale

	http_database
	local_connstr="host=$PGHOST port=$PGPORT dbname=http user=postgres"
	trap 'stop_http; cluster_remove "$WORK"' EXIT
	start_peer
	STANDIN=yes RATE=1000000r/s BURST=100000 CONNECTIONS=100000 WORKERS=$HALF taskset -c "$SERVES" scripts/site.sh start "$WORK/site" \
		"host=$PGHOST port=$PGPORT dbname=http user=authenticator" web_anon >"$WORK/site.urls"
	url=$(sed -n 's/^url //p' "$WORK/site.urls")$HTTP_URL
	upstream=$(sed -n 's/^upstream //p' "$WORK/site.urls")/rpc/vvault_trending?region=PL
	program=$(sed -n 's/^program //p' "$WORK/site.urls")
	nginx=$(cat "$WORK/site/nginx.pid")
	behind=$(cat "$WORK/site/upstream.pid")
	label="nginx + PostgREST"
	[ "$program" = postgrest ] || label="nginx + stand-in for PostgREST"
	rm -f "$WORK"/{site,peer,upstream}.runs
	for ((round = 0; round < ROUNDS; round++)); do
		# shellcheck disable=SC2046  # a word for each process
		{
			http_round peer "$PEER_URL" "$PEER_PID"
			http_round site "$url" $(pids_of "$nginx")
			http_round upstream "$upstream" $(pids_of "$behind")
		}
	done

	# how stale, while others ask too
	taskset -c "$ASKS" wrk -t1 -c10 -d60s "$url" >/dev/null &
	stale=$(perl bench/http/staleness.pl "$url" "$local_connstr" 20 10)
	kill $! 2>/dev/null || true
	peer_stale=$(perl bench/http/staleness.pl "$PEER_URL" "$local_connstr" 1 10)

	printf '%-34s %9s %9s %9s %11s %11s   %s\n' "$HALF of $(nproc) processors, median of $ROUNDS" "requests/s" "p50 ms" "p99 ms" "CPU us each" memory staleness
	# shellcheck disable=SC2046
	{
		http_row peer "peer in Go" "$(memory_of "$PEER_PID")" "over ${peer_stale#* } s, by its code 3 hours"
		http_row site "$label" "$(memory_of $(pids_of "$nginx") $(pids_of "$behind"))" "median ${stale% *} s, at most ${stale#* } s"
		http_row upstream "${label#nginx + } alone" "$(memory_of $(pids_of "$behind"))" "none"
	}
	awk -v a="$(column_median site 1)" -v b="$(column_median peer 1)" -v c="$(column_median site 4)" -v d="$(column_median peer 4)" \
		'BEGIN {printf "nginx / peer: %.1f times the requests/s, %.1f times as many for the same CPU time\n", a / b, d / c}'
	say "bytes of a reply: peer $(curl -s "$PEER_URL" | wc -c), nginx $(curl -s "$url" | wc -c)"
	stop_http
	bench_sql -d postgres -c 'DROP DATABASE http WITH (FORCE)'
}
