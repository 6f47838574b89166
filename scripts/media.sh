#!/usr/bin/env bash
#
# media.sh
#		nginx as store and edge, by the files of deploy/, in a folder of their own.
#
# usage: [ORIGIN=https://..] [POSTGREST=PORT] [RATE=1000000r/s] [BURST=1000] [CONNECTIONS=10000]
#        [STORE_RATE=100r/s] [STORE_BURST=1000] [STORE_CONNECTIONS=100]
#        [TRUSTED=ADDRESS] scripts/media.sh start FOLDER
#        scripts/media.sh stop FOLDER
#
# For the demo and tests, unprivileged. With POSTGREST the edge asks the one that
# listens there for manifests. RATE, BURST and CONNECTIONS are what the edge lets a
# client have, STORE_RATE and so on what the store does, TRUSTED a proxy whose
# X-Forwarded-For both believe. Of deploy/store.conf and deploy/edge.conf only lines
# marked SITE are changed. "start" prints lines NAME VALUE: store (the
# endpoint for vvault_store), edge (the base URL of an edge), origin (what the edge
# reads), store_keys and path_keys (the files that vvault_signing_keys writes),
# denied (the folder of what was taken back), objects (the folder of objects), nginx
# (its version). Where nginx has no njs, says so and ends with status 3.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

HERE=$(cd "$(dirname "$0")/.." && pwd -P)

# njs, of the machine's nginx or the one unpacked by nginx.sh.
find_njs()
{
	local folder

	for folder in / "${WORK:-/nonexistent}/nginx"; do
		! has_njs "$folder" || { say "${folder%/}/usr/lib/nginx/modules/ngx_http_js_module.so" && return; }
	done
	say "nginx has no njs here: install libnginx-mod-http-js" >&2
	exit 3
}

write_conf()
{
	local folder=$1 njs=$2 store=$3 origin=$4 edge=$5 manifests=store

	[ -z "${POSTGREST:-}" ] || manifests=postgrest

	sed -E -e '/# SITE/!b' \
		-e "s|/etc/nginx/vvault\.js|$HERE/deploy/vvault.js|" \
		-e "s|/etc/nginx/vvault-store-keys\.json|$folder/store-keys.json|" \
		-e "s|\"https://www\.example\.org\"|\"${ORIGIN:-https://www.example.org}\"|" \
		-e "s|^(\tlisten )8090;|\1127.0.0.1:$store;|" \
		-e "s|^(\tlisten )8091;|\1127.0.0.1:$origin;|" \
		-e "s|/var/lib/vvault/|$folder/|" \
		-e "s|rate=100r/s|rate=${STORE_RATE:-100r/s}|" \
		-e "s/burst=1000 /burst=${STORE_BURST:-1000} /" \
		-e "s/(limit_conn vvault_store_connections) 100;/\1 ${STORE_CONNECTIONS:-100};/" \
		${TRUSTED:+-e "s|#(set_real_ip_from) 192.0.2.0/24;|\1 $TRUSTED;|"} \
		-e "s|/var/log/nginx/vvault-store\.error\.log|$folder/store-error.log|" \
		-e "s|/var/log/nginx/vvault-store\.log vvault_store buffer=64k flush=5s|$folder/store.log vvault_store|" \
		"$HERE/deploy/store.conf" >"$folder/store.conf"
	sed -E -e '/# SITE/!b' \
		-e "s|/etc/nginx/vvault\.js|$HERE/deploy/vvault.js|" \
		-e "s|/etc/nginx/vvault/vvault-path-keys\.json|$folder/path-keys.json|" \
		-e "s|/etc/nginx/vvault/vvault-denied|$folder/denied|" \
		-e "s|^(\tserver 127\.0\.0\.1:)8091 |\1$origin |" \
		-e "s|^(\tserver 127\.0\.0\.1:)3000 |\1${POSTGREST:-3000} |" \
		-e "s|rate=200r/s|rate=${RATE:-1000000r/s}|" \
		-e "s/burst=1000 /burst=${BURST:-1000} /" \
		-e "s/(limit_conn vvault_edge_connections) 200;/\1 ${CONNECTIONS:-10000};/" \
		${TRUSTED:+-e "s|#(set_real_ip_from) 192.0.2.0/24;|\1 $TRUSTED;|"} \
		-e "s|default \"store\"|default \"$manifests\"|" \
		-e "s|^(\tlisten )80;|\1127.0.0.1:$edge;|" \
		-e "s|/var/cache/nginx-vvault-edge|$folder/cache|" \
		-e "s|/var/log/nginx/vvault-edge\.log vvault_edge buffer=64k flush=5s|$folder/edge.log vvault_edge|" \
		"$HERE/deploy/edge.conf" >"$folder/edge.conf"
	nginx_conf "$folder" "${WORKERS:-2}" "load_module $njs;" <<<"include $folder/store.conf; include $folder/edge.conf;"
}

start()
{
	local folder=$1 nginx njs store origin edge

	nginx=$(find_nginx)
	njs=$(find_njs)
	mkdir -p "$folder/store/objects" "$folder/incoming"
	folder=$(cd "$folder" && pwd -P)
	cd "$folder"
	for _ in {1..20}; do
		read -r store origin edge < <(free_ports 3)
		write_conf "$folder" "$njs" "$store" "$origin" "$edge"
		if "$nginx" -p "$folder" -e "$folder/error.log" -c "$folder/nginx.conf" >"$folder/nginx.log" 2>&1 9<&-; then
			say "store http://127.0.0.1:$store/objects"
			say "edge http://127.0.0.1:$edge"
			say "origin http://127.0.0.1:$origin"
			say "store_keys $folder/store-keys.json"
			say "path_keys $folder/path-keys.json"
			say "denied $folder/denied"
			say "objects $folder/store/objects"
			say "nginx $("$nginx" -v 2>&1 | sed 's/.*: //')"
			return
		fi
		grep -q 'Address already in use' "$folder/nginx.log" "$folder/error.log" || break
	done
	cat "$folder/nginx.log" "$folder/error.log" >&2
	die "nginx does not start"
}

case ${1:-} in
	start)
		[ $# -eq 2 ] || die "usage: scripts/media.sh start FOLDER"
		start "$2"
		;;
	stop)
		[ $# -eq 2 ] || die "usage: scripts/media.sh stop FOLDER"
		[ ! -d "$2" ] || stop_one "$(cd "$2" && pwd -P)/nginx.pid"
		;;
	*) die "usage: scripts/media.sh start|stop FOLDER" ;;
esac
