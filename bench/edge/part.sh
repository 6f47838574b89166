# shellcheck shell=bash
#
# part.sh
#		The part edge of run.sh: hits of an edge's cache with wrk -t2 -c100, where
#		the token is not checked, by secure_link, and by njs with none and with a great
#		number of sessions taken back.
#
# To be sourced by run.sh, behind bench/http/part.sh, whose ways to measure it
# takes.

EDGE_SECRET=a-secret-of-the-configuration

# edge_as FILE PATH-PATTERN CHECK: the edge with another check in its location,
# which reads the token by the pattern.
edge_as()
{
	awk -v pattern="$2" -v check="$3" '
		/^\tlocation ~/ {print "\tlocation ~ \"^/v/" pattern "/(?<vvault_video>[A-Za-z0-9_-]{1,64})/(?<vvault_generation>[0-9]{1,9})/(?<vvault_name>[A-Za-z0-9_-][A-Za-z0-9._-]*?(?:\\.(?<vvault_extension>[a-z0-9]+))?)$\" {"; next}
		/^map [$]vvault_token/ {getline; getline; getline; next}
		/^\t\tif \(\$vvault_path_problem\)/ {print "\t\t" check; getline; getline; next}
		/^\t\tif \(-f/ {getline; getline; next}
		/"session":/ {sub(/[$]vvault_session/, "-")}
		{print}' "$WORK/edge.conf" >"$1"
}

# edge_measure NAME URL: the edge that runs now.
edge_measure()
{
	local nginx

	nginx=$(cat "$WORK/edge/nginx.pid")
	kill -HUP "$nginx"
	# the workers of before go when they have nothing left to do
	sleep 2
	curl -fs -o /dev/null "$2" || die "the edge does not answer: $WORK/edge/error.log"
	# shellcheck disable=SC2046
	http_round "edge-$1" "$2" $(pids_of "$nginx")
}

edge_row()
{
	printf '%-44s %9.0f %9.2f %11.1f\n' "$2" "$(column_median "edge-$1" 1)" "$(column_median "edge-$1" 3)" "$(column_median "edge-$1" 4)"
	awk -v name="$2" '{n += $5} END {if (n) print "   " n " replies of " name " were not 200"}' "$WORK/edge-$1.runs"
}

bench_edge()
{
	local edge token expires=4000000000 md5 round name

	trap 'scripts/media.sh stop "$WORK/edge"; cluster_remove "$WORK"' EXIT
	WORKERS=$HALF taskset -c "$SERVES" scripts/media.sh start "$WORK/edge" >"$WORK/edge.says" || die "nginx does not start"
	edge=$(sed -n 's/^edge //p' "$WORK/edge.says")
	mkdir -p "$WORK/edge/store/objects/clip/2"
	head -c 10000 /dev/zero >"$WORK/edge/store/objects/clip/2/a.bin"
	bench_database edge
	bench_sql -d edge -c 'CREATE EXTENSION vvault_stream'
	bench_sql -d edge -At -c "SELECT content FROM vvault_edge_files() WHERE name = 'vvault-path-keys.json'" >"$WORK/edge/path-keys.json"
	token=$(bench_sql -d edge -At -c "SELECT vvault_stream.new_path_token('clip', 2, 86400, 'session')")
	md5=$(printf '%s' "$expires clip 2 $EDGE_SECRET" | openssl md5 -binary | basenc --base64url | tr -d =)

	cp "$WORK/edge/edge.conf" "$WORK/edge.conf"
	cp "$WORK/edge.conf" "$WORK/edge-njs.conf"
	edge_as "$WORK/edge-none.conf" '(?<vvault_token>[^/]{1,300})' ''
	# shellcheck disable=SC2016  # nginx's variables
	edge_as "$WORK/edge-link.conf" '(?<vvault_expires>[0-9]{1,12})[.](?<vvault_md5>[A-Za-z0-9_-]{22})' \
		'secure_link $vvault_md5,$vvault_expires; secure_link_md5 "$vvault_expires $vvault_video $vvault_generation '"$EDGE_SECRET"'"; if ($secure_link != "1") { return 403; }'

	rm -f "$WORK"/edge-*.runs
	for ((round = 0; round < ROUNDS; round++)); do
		for name in none link njs listed; do
			rm -rf "$WORK/edge/denied"
			mkdir "$WORK/edge/denied"
			[ "$name" != listed ] || seq -f "$WORK/edge/denied/session-%.0f" 10000 | xargs touch
			cp "$WORK/edge-${name/listed/njs}.conf" "$WORK/edge/edge.conf"
			if [ "$name" = link ]; then
				edge_measure link "$edge/v/$expires.$md5/clip/2/a.bin"
			else
				edge_measure "$name" "$edge/v/$token/clip/2/a.bin"
			fi
		done
	done
	printf '%-44s %9s %9s %11s\n' 'hits of 10 kB' requests/s 'p99 ms' 'CPU us each'
	edge_row none 'no check'
	edge_row link 'secure_link'
	edge_row njs 'njs, nothing taken back'
	edge_row listed 'njs, 10,000 sessions taken back'
	bench_sql -d postgres -c 'DROP DATABASE edge'
	scripts/media.sh stop "$WORK/edge"
	trap 'cluster_remove "$WORK"' EXIT
}
