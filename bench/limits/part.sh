# shellcheck shell=bash
#
# part.sh
#		The part limits of run.sh: how long five callers wait who ask ten times a
#		second, while 200 connections of somebody else, with a token of his own, ask
#		as fast as they can; by deploy/api.conf in front of PostgREST.
#
# To be sourced by run.sh, behind bench/http/part.sh.

limits_polite()
{
	# shellcheck disable=SC2086  # a word for each token
	taskset -c "$ASKS" perl bench/limits/polite.pl "$LIMITS_URL" "$((SECONDS_EACH * 2))" $LIMITS_TOKENS
}

# limits_hammer TOKEN: in the background, until it is ended; what asks as fast as it
# can leaves the processor to who does not. Sets HAMMER_PID.
limits_hammer()
{
	taskset -c "$ASKS" nice -n 19 wrk -t1 -c200 -d600s -H "Authorization: Bearer $1" -H 'X-Forwarded-For: 203.0.113.9' \
		"$LIMITS_URL" >"$WORK/hammer.said" 2>&1 9<&- &
	HAMMER_PID=$!
	sleep 1
}

bench_limits()
{
	local round mallory alone beside connstr

	[ -n "$(find_postgrest)" ] || {
		say "going on without: there is no postgrest"
		return
	}
	bench_database limits
	connstr="host=$PGHOST port=$PGPORT dbname=limits user=authenticator"
	bench_sql -d limits -o /dev/null -c 'CREATE EXTENSION vvault_stream' -c 'CREATE ROLE web_anon' -c 'CREATE ROLE web_viewer' \
		-c 'CREATE ROLE authenticator LOGIN NOINHERIT' -c 'GRANT web_anon, web_viewer TO authenticator' \
		-c "SELECT vvault_stream_grant(r, 'viewer') FROM unnest('{web_anon,web_viewer}'::text[]) r" \
		-c "SELECT vvault_stream_set('authenticator', 'authenticator'), vvault_stream_set('token_viewer_role', 'web_viewer')" \
		-c "SELECT vvault_token_issue('nobody')"
	bench_sql -d limits -At -c 'SELECT vvault_jwks()' >"$WORK/limits.jwks"
	LIMITS_TOKENS=$(bench_sql -d limits -At -c "SELECT vvault_token_issue('caller ' || i, 'film', '{view}', 86400) ->> 'access_token' FROM generate_series(1, 5) i")
	mallory=$(bench_sql -d limits -At -c "SELECT vvault_token_issue('mallory', 'film', '{view}', 86400) ->> 'access_token'")
	trap 'kill "${HAMMER_PID:-}" 2>/dev/null; stop_http; cluster_remove "$WORK"' EXIT
	API=yes JWKS=$WORK/limits.jwks TRUSTED=127.0.0.1 WORKERS=$HALF taskset -c "$SERVES" scripts/site.sh start "$WORK/site" \
		"$connstr" web_anon >"$WORK/site.urls"
	LIMITS_URL="$(sed -n 's/^api //p' "$WORK/site.urls")/rpc/vvault_may?video_id=film&permission=view"
	rm -f "$WORK/limits.ratios"
	for ((round = 0; round < ROUNDS; round++)); do
		alone=$(limits_polite)
		limits_hammer "$mallory"
		beside=$(limits_polite)
		kill -INT "$HAMMER_PID"
		wait "$HAMMER_PID" 2>/dev/null || true
		awk '/requests in/ {n = $1} /Non-2xx/ {bad = $NF} END {printf "200 connections have made %d requests, of which %d were refused\n", n, bad}' "$WORK/hammer.said"
		# shellcheck disable=SC2086  # a word for each number
		printf 'alone %8.3f ms, %d calls, %d refused; beside 200 %8.3f ms, %d calls, %d refused\n' $alone $beside
		awk -v a="${alone%% *}" -v b="${beside%% *}" 'BEGIN {print b / a}' >>"$WORK/limits.ratios"
	done
	say "a call waits $(median <"$WORK/limits.ratios") times as long beside 200 that hammer"
	stop_http
	bench_sql -d postgres -c 'DROP DATABASE limits WITH (FORCE)'
}
