#!/usr/bin/env bash
#
# site.sh
#		nginx and PostgREST by the files of deploy/, in a folder of their own.
#
# usage: [RATE=50r/s] [BURST=100] [CONNECTIONS=100] [TRUSTED=ADDRESS] [ORIGIN=https://..]
#        [API=no|yes] [API_RATE=50r/s] [API_TOKEN_RATE=50r/s] [API_BURST="burst=500 delay=30"]
#        [API_TOKEN_BURST="burst=600 delay=60"] [JWKS=FILE] [PRE_REQUEST=yes|no] [STANDIN=no|yes|only] [NGINX=yes|no]
#        [CHANNEL=true|false] [UPSTREAMS="PORT ..."] scripts/site.sh start FOLDER CONNECTION-STRING ROLE
#        scripts/site.sh stop FOLDER
#
# For the demo, tests and benchmarks, unprivileged. Of deploy/nginx.conf and
# deploy/postgrest.conf only lines marked SITE are changed. Where there is no
# postgrest on the PATH, the tests' stand-in takes its place if STANDIN=yes; with
# STANDIN=only it does so anyway. "start" prints lines NAME VALUE: url, upstream
# (PostgREST's), program (postgrest or standin), version (the program's), nginx
# (its version). CONNECTION-STRING is of the login role; ROLE is what it acts as.
# With UPSTREAMS no PostgREST is started: nginx shares the URLs among those that
# listen on these ports, as deploy/cluster has it. CHANNEL=false is for a standby.
# TRUSTED is a proxy whose X-Forwarded-For is believed. With API=yes nginx also serves
# deploy/api.conf, whose address is "api"; with JWKS PostgREST checks tokens by the keys
# in that file and, but for PRE_REQUEST=no, calls vvault_pre_request().
# A port that somebody takes before the program has it is no failure: another one
# is tried. What does not answer after START_SECONDS (180) does not start.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

START_SECONDS=${START_SECONDS:-180}
HERE=$(cd "$(dirname "$0")/.." && pwd -P)

# has_port PID PORT: does this process listen there? Another one may.
has_port()
{
	perl -e 'my ($pid, $port) = @ARGV;
		my %open = map { (readlink($_) // "") =~ /^socket:\[(\d+)\]/ ? ($1 => 1) : () } glob "/proc/$pid/fd/*";
		open my $in, "<", "/proc/net/tcp" or die "/proc/net/tcp: $!\n";
		while (<$in>) {
			my (undef, $local, undef, $state, undef, undef, undef, undef, undef, $inode) = split;
			exit 0 if $state eq "0A" && $local =~ /:([0-9A-F]{4})$/ && hex $1 == $port && $open{$inode};
		}
		exit 1' "$1" "$2"
}

# is_ready PORT: what PostgREST says of itself there. It listens before it knows the
# database's functions, and refuses what comes until then.
is_ready()
{
	local line=

	{ exec 8<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
	printf 'GET /ready HTTP/1.0\r\n\r\n' >&8
	read -r line <&8 || true
	exec 8>&-
	[[ $line == *" 200 "* ]]
}

# wait_for PID COMMAND...: until the command succeeds; 1 if the process ends before, or
# START_SECONDS have passed.
wait_for()
{
	local pid=$1 until=$((SECONDS + START_SECONDS))

	shift
	until "$@"; do
		kill -0 "$pid" 2>/dev/null || return 1
		[ "$SECONDS" -lt "$until" ] || return 1
		sleep 0.1
	done
}

# wait_for_program PID PORT ADMIN: until it answers.
wait_for_program()
{
	wait_for "$1" has_port "$1" "$2" || return 1
	[ "$PROGRAM" = standin ] || wait_for "$1" is_ready "$3"
}

# The upstream of deploy/cluster in the place of a configuration's own.
share_upstreams()
{
	local port

	{
		sed '/^\tserver /,$d' "$HERE/deploy/cluster/upstream.conf"
		for port in $UPSTREAMS; do
			sed -n "s/^\(\tserver 127\.0\.0\.1:\)3000 /\1$port /p" "$HERE/deploy/cluster/upstream.conf"
		done
		sed -n '/^\tkeepalive/,$p' "$HERE/deploy/cluster/upstream.conf"
	} >"$1.upstream"
	sed -i -e "/^upstream vvault_postgrest /,/^}/{/^}/r $1.upstream" -e 'd}' "$1"
}

write_api_conf()
{
	local folder=$1 api=$2 upstream=$3

	sed -E -e '/# SITE/!b' \
		-e "s|^(\tserver 127\.0\.0\.1:)3000 |\1$upstream |" \
		-e "s|^\tlisten 80;|\tlisten 127.0.0.1:$api;|" \
		-e "s|\"https://www\.example\.org\"|\"${ORIGIN:-https://www.example.org}\"|" \
		-e "s|(vvault_api_rate:10m rate)=50r/s|\1=${API_RATE:-50r/s}|" \
		-e "s|(vvault_api_tokens:20m rate)=50r/s|\1=${API_TOKEN_RATE:-50r/s}|" \
		-e "s/burst=500 delay=30;/${API_BURST:-burst=500 delay=30};/" \
		-e "s/burst=600 delay=60;/${API_TOKEN_BURST:-burst=600 delay=60};/" \
		${TRUSTED:+-e "s|#(set_real_ip_from) 192.0.2.0/24;|\1 $TRUSTED;|"} \
		-e "s|/var/log/nginx/vvault-api\.error\.log|$folder/api-error.log|" \
		-e "s|/var/log/nginx/vvault-api\.log vvault_api buffer=64k flush=5s|$folder/api.log vvault_api|" \
		"$HERE/deploy/api.conf" >"$folder/api.conf"
}

write_nginx_conf()
{
	local folder=$1 site=$2 second=$3 upstream=$4 include=

	[ "${API:-no}" = no ] || include="include $folder/api.conf;"

	sed -E -e '/# SITE/!b' \
		-e "s|^(\tserver 127\.0\.0\.1:)3000 |\1$upstream |" \
		-e "s|^(\t(server\|listen) 127\.0\.0\.1:)8081;|\1$second;|" \
		-e "s|^\tlisten 80;|\tlisten 127.0.0.1:$site;|" \
		-e "s|\"https://www\.example\.org\"|\"${ORIGIN:-https://www.example.org}\"|" \
		-e "s|/var/cache/nginx-vvault|$folder/cache|" \
		-e "s|rate=50r/s|rate=${RATE:-50r/s}|" \
		-e "s/burst=100/burst=${BURST:-100}/" \
		-e "s/(limit_conn vvault_connections) 100;/\1 ${CONNECTIONS:-100};/" \
		${TRUSTED:+-e "s|#(set_real_ip_from) 192.0.2.0/24;|\1 $TRUSTED;|"} \
		-e "s|/var/log/nginx/vvault\.log|$folder/access.log|" \
		"$HERE/deploy/nginx.conf" >"$folder/vvault.conf"
	[ -z "${UPSTREAMS:-}" ] || share_upstreams "$folder/vvault.conf"
	nginx_conf "$folder" "${WORKERS:-2}" "pcre_jit on;" <<<"include $folder/vvault.conf; $include"
}

write_postgrest_conf()
{
	local folder=$1 port=$2 admin=$3 pre_request=

	[ "${PRE_REQUEST:-yes}" = no ] || [ -z "${JWKS:-}" ] || pre_request='s|^#(db-pre-request = )|\1|'
	sed -E -e '/# SITE/!b' \
		-e "s|^(db-uri = ).*|\1\"${CONNSTR//\"/}\"|" \
		-e "s|^(db-anon-role = ).*|\1\"$ROLE\"|" \
		-e "s|^(server-port = ).*|\1$port|" \
		-e "s|^(server-cors-allowed-origins = ).*|\1\"${ORIGIN:-https://www.example.org}\"|" \
		-e "s|^(admin-server-port = ).*|\1$admin|" \
		-e "s|^(db-channel-enabled = ).*|\1${CHANNEL:-true}|" \
		${JWKS:+-e "s|^#(jwt-secret = ).*|\1\"@$JWKS\"|"} \
		-e "$pre_request" \
		"$HERE/deploy/postgrest.conf" >"$folder/postgrest.conf"
}

# Sets PROGRAM, and VERSION as it tells it.
choose_program()
{
	POSTGREST=
	[ "${STANDIN:-no}" = only ] || POSTGREST=$(find_postgrest)
	if [ -n "$POSTGREST" ]; then
		PROGRAM=postgrest
		VERSION=$("$POSTGREST" --version 2>&1 | head -n 1) || die "$POSTGREST does not run: $VERSION"
		VERSION=${VERSION#PostgREST }
	elif [ "${STANDIN:-no}" != no ]; then
		PROGRAM=standin
		VERSION=none
	else
		die "there is no postgrest on the PATH"
	fi
}

run_program()
{
	local folder=$1 port=$2

	if [ "$PROGRAM" = postgrest ]; then
		write_postgrest_conf "$folder" "$port" "$3"
		exec "$POSTGREST" "$folder/postgrest.conf"
	fi
	exec perl "$HERE/test/standin/standin.pl" "$port" "$CONNSTR" "$ROLE" public vvault_openapi
}

# Sets UPSTREAM to the port on which it has come to listen.
start_upstream()
{
	local folder=$1 admin pid

	cd "$folder"
	for _ in {1..20}; do
		read -r UPSTREAM admin < <(free_ports 2)
		run_program "$folder" "$UPSTREAM" "$admin" >"$folder/upstream.log" 2>&1 9<&- &
		pid=$!
		say "$pid" >"$folder/upstream.pid"
		! wait_for_program "$pid" "$UPSTREAM" "$admin" || return 0
		grep -qi 'in use' "$folder/upstream.log" || break
	done
	cat "$folder/upstream.log" >&2
	if kill -0 "$pid" 2>/dev/null; then
		stop "$folder"
		die "$PROGRAM does not start: it does not answer in $START_SECONDS seconds"
	fi
	die "$PROGRAM does not start"
}

# Sets SITE and API_PORT to the ports. nginx goes into the background when it has
# them, and ends with a failure where it does not get them.
start_nginx()
{
	local folder=$1 nginx=$2 second

	for _ in {1..20}; do
		read -r SITE second API_PORT < <(free_ports 3)
		write_nginx_conf "$folder" "$SITE" "$second" "$UPSTREAM"
		[ "${API:-no}" = no ] || write_api_conf "$folder" "$API_PORT" "$UPSTREAM"
		! "$nginx" -p "$folder" -e "$folder/error.log" -c "$folder/nginx.conf" >"$folder/nginx.log" 2>&1 9<&- || return 0
		grep -q 'Address already in use' "$folder/nginx.log" "$folder/error.log" || break
		rm -f "$folder/error.log"       # which would tell of trouble that there is none of
	done
	cat "$folder/nginx.log" "$folder/error.log" >&2 || true
	stop "$folder"
	die "nginx does not start"
}

start()
{
	local folder=$1 nginx=

	[ "${NGINX:-yes}" = no ] || nginx=$(find_nginx)
	mkdir -p "$folder"
	folder=$(cd "$folder" && pwd -P)
	if [ -n "${UPSTREAMS:-}" ]; then
		UPSTREAM=${UPSTREAMS%% *} PROGRAM=none VERSION=none
		cd "$folder"            # whence stop knows what is ours
	else
		choose_program
		start_upstream "$folder"
	fi
	[ -z "$nginx" ] || start_nginx "$folder" "$nginx"
	[ -z "$nginx" ] || say "url http://127.0.0.1:$SITE"
	[ "${API:-no}" = no ] || say "api http://127.0.0.1:$API_PORT"
	say "upstream http://127.0.0.1:$UPSTREAM"
	say "program $PROGRAM"
	say "version $VERSION"
	[ -z "$nginx" ] || say "nginx $("$nginx" -v 2>&1 | sed 's/.*: //')"
}

stop()
{
	[ -d "$1" ] || return 0
	stop_one "$(cd "$1" && pwd -P)/nginx.pid"
	stop_one "$(cd "$1" && pwd -P)/upstream.pid"
}

case ${1:-} in
	start)
		[ $# -eq 4 ] || die "usage: scripts/site.sh start FOLDER CONNECTION-STRING ROLE"
		CONNSTR=$3
		ROLE=$4
		start "$2"
		;;
	stop)
		[ $# -eq 2 ] || die "usage: scripts/site.sh stop FOLDER"
		stop "$2"
		;;
	*) die "usage: scripts/site.sh start|stop FOLDER" ;;
esac
