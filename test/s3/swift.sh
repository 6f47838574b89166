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
RING_BUILDER=/usr/bin/swift-ring-builder

skip()
{
	say "$*" >&2
	exit 3
}

check_swift()
{
	"$PYTHON" -c 'import swift.common.middleware.s3api.s3api' 2>/dev/null && [ -x "$RING_BUILDER" ] ||
		skip "Swift is not there: install swift and python3-swift"
	[ -r /etc/swift/swift.conf ] || skip "/etc/swift/swift.conf cannot be read"
	"$PYTHON" -c 'import os, sys; os.setxattr(sys.argv[1], "user.try", b"1")' "$1" 2>/dev/null ||
		skip "the file system has no extended attributes"
}

# write_ring FOLDER KIND PORT
write_ring()
{
	cd "$1"
	{
		"$PYTHON" "$RING_BUILDER" "$2.builder" create 4 1 1
		"$PYTHON" "$RING_BUILDER" "$2.builder" add "r1z1-127.0.0.1:$3/disk" 1
		"$PYTHON" "$RING_BUILDER" "$2.builder" rebalance
	} >>ring.log 2>&1
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

# run_server FOLDER KIND PORT
run_server()
{
	(
		cd "$1"
		exec "$PYTHON" -c 'import sys; from swift.common.wsgi import run_wsgi
sys.exit(run_wsgi(sys.argv[1], sys.argv[2], verbose=True))' "$1/$2.conf" "$2-server" >"$1/$2.log" 2>&1 </dev/null 9<&-
	) &
	say "$!" >"$1/$2.pid"
	for _ in {1..300}; do
		! (: <"/dev/tcp/127.0.0.1/$3") 2>/dev/null || return 0
		kill -0 "$!" 2>/dev/null || break
		sleep 0.1
	done
	tail -n 20 "$1/$2.log" >&2
	die "Swift's $2 server does not start"
}

start()
{
	local folder=$1 account container object proxy

	mkdir -p "$folder/devices/disk"
	folder=$(cd "$folder" && pwd -P)
	check_swift "$folder"
	read -r account container object proxy < <(free_ports 4)
	write_ring "$folder" account "$account"
	write_ring "$folder" container "$container"
	write_ring "$folder" object "$object"
	write_server "$folder" account "$account"
	write_server "$folder" container "$container"
	write_server "$folder" object "$object"
	write_proxy "$folder" "$proxy"
	run_server "$folder" account "$account"
	run_server "$folder" container "$container"
	run_server "$folder" object "$object"
	run_server "$folder" proxy "$proxy"
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
			[ ! -d "$2" ] || stop_one "$(cd "$2" && pwd -P)/$kind.pid"
		done
		;;
	*) die "usage: test/s3/swift.sh start|stop FOLDER" ;;
esac
