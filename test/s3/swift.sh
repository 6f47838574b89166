#!/usr/bin/env bash
#
# swift.sh
#		OpenStack Swift with its s3api as a store that speaks S3, in a folder.
#
# usage: test/s3/swift.sh start FOLDER
#        test/s3/swift.sh stop FOLDER
#
# For tests, unprivileged: Debian's swift and python3-swift, one device, one copy
# of everything, the accounts of tempauth. "start" prints the endpoint; the key id is
# test:tester, the secret testing. Status 3 and a reason where Swift is not there.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/../../scripts/lib.sh"

PYTHON=/usr/bin/python3

skip()
{
	say "$*" >&2
	exit 3
}

check_swift()
{
	"$PYTHON" -c 'import swift.common.middleware.s3api.s3api' 2>/dev/null ||
		skip "Swift is not there: install swift and python3-swift"
	[ -r /etc/swift/swift.conf ] || skip "Swift has no /etc/swift/swift.conf: install swift"
	"$PYTHON" -c 'import os, sys; os.setxattr(sys.argv[1], "user.try", b"1")' "$1" 2>/dev/null ||
		skip "the file system has no extended attributes"
}

# write_rings FOLDER PORT PORT PORT: where accounts, containers and objects are.
write_rings()
{
	"$PYTHON" - "$@" >"$1/ring.log" 2>&1 <<-'END'
		import sys
		from swift.common.ring import RingBuilder
		for kind, port in zip(("account", "container", "object"), sys.argv[2:]):
		    ring = RingBuilder(4, 1, 1)
		    ring.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "disk", "weight": 1.0})
		    ring.rebalance()
		    ring.get_ring().save("%s/%s.ring.gz" % (sys.argv[1], kind))
	END
}

# write_server FOLDER KIND PORT: of accounts, containers or objects.
write_server()
{
	cat >"$1/$2.conf" <<-END
		[DEFAULT]
		bind_ip = 127.0.0.1
		bind_port = $3
		user = $(id -un)
		swift_dir = $1
		devices = $1/devices
		mount_check = false
		workers = 0
		log_address = /nowhere
		[pipeline:main]
		pipeline = $2-server
		[app:$2-server]
		use = egg:swift#$2
	END
}

write_proxy()
{
	cat >"$1/proxy.conf" <<-END
		[DEFAULT]
		bind_ip = 127.0.0.1
		bind_port = $2
		user = $(id -un)
		swift_dir = $1
		workers = 0
		log_address = /nowhere
		[pipeline:main]
		pipeline = catch_errors cache s3api tempauth slo dlo proxy-server
		[app:proxy-server]
		use = egg:swift#proxy
		account_autocreate = true
		allow_account_management = true
		[filter:tempauth]
		use = egg:swift#tempauth
		user_test_tester = testing .admin
		[filter:s3api]
		use = egg:swift#s3api
		location = us-east-1
		min_segment_size = 5242880
		[filter:slo]
		use = egg:swift#slo
		[filter:dlo]
		use = egg:swift#dlo
		[filter:cache]
		use = egg:swift#memcache
		[filter:catch_errors]
		use = egg:swift#catch_errors
	END
}

# run_server FOLDER KIND
run_server()
{
	(
		cd "$1"
		exec "$PYTHON" -c 'import sys; from swift.common.wsgi import run_wsgi
sys.exit(run_wsgi(sys.argv[1], sys.argv[2], verbose=True))' "$1/$2.conf" "$2-server" >"$1/$2.log" 2>&1 </dev/null 9<&-
	) &
	say "$!" >"$1/$2.pid"
}

# wait_for FOLDER KIND PORT
wait_for()
{
	for _ in {1..1800}; do
		! (: <"/dev/tcp/127.0.0.1/$3") 2>/dev/null || return 0
		kill -0 "$(cat "$1/$2.pid")" 2>/dev/null || break
		sleep 0.1
	done
	tail -n 20 "$1/$2.log" >&2
	die "Swift's $2 server does not start"
}

# stop_server FILE: the process named there, provided that it is one of this folder.
stop_server()
{
	local pid

	[ -r "$1" ] || return 0
	read -r pid <"$1" || return 0
	tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "${1%.pid}.conf" || return 0
	kill "$pid" 2>/dev/null || return 0
	for _ in {1..100}; do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -9 "$pid" 2>/dev/null || true
}

start()
{
	local folder=$1 account container object proxy kind

	mkdir -p "$folder/devices/disk"
	folder=$(cd "$folder" && pwd -P)
	check_swift "$folder"
	read -r account container object proxy < <(free_ports 4)
	write_rings "$folder" "$account" "$container" "$object"
	write_server "$folder" account "$account"
	write_server "$folder" container "$container"
	write_server "$folder" object "$object"
	write_proxy "$folder" "$proxy"
	for kind in account container object proxy; do
		run_server "$folder" "$kind"
	done
	for kind in account container object proxy; do
		wait_for "$folder" "$kind" "${!kind}"
	done
	say "http://127.0.0.1:$proxy"
}

case ${1:-} in
	start)
		[ $# -eq 2 ] || die "usage: test/s3/swift.sh start FOLDER"
		start "$2"
		;;
	stop)
		[ $# -eq 2 ] || die "usage: test/s3/swift.sh stop FOLDER"
		for kind in proxy object container account; do
			[ ! -d "$2" ] || stop_server "$(cd "$2" && pwd -P)/$kind.pid"
		done
		;;
	*) die "usage: test/s3/swift.sh start|stop FOLDER" ;;
esac
