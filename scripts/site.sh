#!/usr/bin/env bash
#
# site.sh
#		nginx and PostgREST by the files of deploy/, in a folder of their own.
#
# usage: [RATE=50r/s] [BURST=100] [ORIGIN=https://..] [STANDIN=no] scripts/site.sh start FOLDER CONNECTION-STRING ROLE
#        scripts/site.sh stop FOLDER
#
# For the demo, tests and benchmarks, unprivileged. Of deploy/nginx.conf and
# deploy/postgrest.conf only lines marked SITE are changed. Where there is no
# postgrest on the PATH, the tests' stand-in takes its place if STANDIN=yes.
# "start" prints lines NAME VALUE: url, upstream (PostgREST's), program (postgrest
# or standin), nginx (its version). CONNECTION-STRING is of the login role; ROLE
# is what it acts as.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

HERE=$(cd "$(dirname "$0")/.." && pwd -P)

# The nginx of the machine, or the one unpacked by nginx.sh.
find_nginx()
{
	PATH=$PATH:/usr/sbin command -v nginx ||
		{ [ -x "${WORK:-/nonexistent}/nginx/usr/sbin/nginx" ] && say "$WORK/nginx/usr/sbin/nginx"; } ||
		die "there is no nginx: scripts/nginx.sh"
}

# free_ports N: that many ports of 127.0.0.1 that nobody listens on now.
free_ports()
{
	perl -MIO::Socket::INET -e 'my @s = map { IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 0, Listen => 1) or die "$!\n" }
		1 .. shift; print join(" ", map { $_->sockport } @s), "\n"' "$1"
}

# answers PORT: does anybody listen there?
answers()
{
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

wait_for()
{
	local tries=0

	until answers "$1"; do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || return 1
		sleep 0.1
	done
}

write_nginx_conf()
{
	local folder=$1 site=$2 second=$3 upstream=$4

	sed -E -e '/# SITE/!b' \
		-e "s|^(\tserver 127\.0\.0\.1:)3000 |\1$upstream |" \
		-e "s|^(\t(server\|listen) 127\.0\.0\.1:)8081;|\1$second;|" \
		-e "s|^\tlisten 80;|\tlisten 127.0.0.1:$site;|" \
		-e "s|\"https://www\.example\.org\"|\"${ORIGIN:-https://www.example.org}\"|" \
		-e "s|/var/cache/nginx-vvault|$folder/cache|" \
		-e "s|rate=50r/s|rate=${RATE:-50r/s}|" \
		-e "s/burst=100/burst=${BURST:-100}/" \
		-e "s|/var/log/nginx/vvault\.log|$folder/access.log|" \
		"$HERE/deploy/nginx.conf" >"$folder/vvault.conf"
	cat >"$folder/nginx.conf" <<-END
		worker_processes ${WORKERS:-2};
		pid $folder/nginx.pid;
		error_log $folder/error.log warn;
		events { worker_connections 1024; }
		http {
			client_body_temp_path $folder/body;
			proxy_temp_path $folder/proxy;
			fastcgi_temp_path $folder/fastcgi;
			uwsgi_temp_path $folder/uwsgi;
			scgi_temp_path $folder/scgi;
			include $folder/vvault.conf;
		}
	END
}

write_postgrest_conf()
{
	local folder=$1 port=$2 admin=$3

	sed -E -e '/# SITE/!b' \
		-e "s|^(db-uri = ).*|\1\"${CONNSTR//\"/}\"|" \
		-e "s|^(db-anon-role = ).*|\1\"$ROLE\"|" \
		-e "s|^(server-port = ).*|\1$port|" \
		-e "s|^(server-cors-allowed-origins = ).*|\1\"${ORIGIN:-https://www.example.org}\"|" \
		-e "s|^(admin-server-port = ).*|\1$admin|" \
		"$HERE/deploy/postgrest.conf" >"$folder/postgrest.conf"
}

start_upstream()
{
	local folder=$1 port=$2 admin=$3

	cd "$folder"
	if command -v postgrest >/dev/null; then
		PROGRAM=postgrest
		write_postgrest_conf "$folder" "$port" "$admin"
		postgrest "$folder/postgrest.conf" >"$folder/upstream.log" 2>&1 9<&- &
	elif [ "${STANDIN:-no}" = yes ]; then
		PROGRAM=standin
		perl "$HERE/test/standin/standin.pl" "$port" "$CONNSTR" "$ROLE" public vvault_openapi \
			>"$folder/upstream.log" 2>&1 9<&- &
	else
		die "there is no postgrest on the PATH"
	fi
	say $! >"$folder/upstream.pid"
	wait_for "$port" || { cat "$folder/upstream.log" >&2; die "$PROGRAM does not start"; }
}

start()
{
	local folder=$1 nginx site second upstream admin

	nginx=$(find_nginx)
	mkdir -p "$folder"
	folder=$(cd "$folder" && pwd -P)
	read -r site second upstream admin < <(free_ports 4)
	write_nginx_conf "$folder" "$site" "$second" "$upstream"
	start_upstream "$folder" "$upstream" "$admin"
	if ! "$nginx" -p "$folder" -e "$folder/error.log" -c "$folder/nginx.conf" >"$folder/nginx.log" 2>&1 9<&-; then
		cat "$folder/nginx.log" "$folder/error.log" >&2
		stop "$folder"
		die "nginx does not start"
	fi
	wait_for "$site" || { cat "$folder/error.log" >&2; die "nginx does not listen"; }
	say "url http://127.0.0.1:$site"
	say "upstream http://127.0.0.1:$upstream"
	say "program $PROGRAM"
	say "nginx $("$nginx" -v 2>&1 | sed 's/.*: //')"
}

# stop_one FILE: the process named there, provided that it works in this folder.
stop_one()
{
	local pid tries=0

	[ -r "$1" ] || return 0
	read -r pid <"$1" || return 0
	[ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "${1%/*}" ] || return 0
	kill "$pid" 2>/dev/null || return 0
	while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	rm -f "$1"
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
