#!/usr/bin/env bash
#
# check_cluster.sh
#		A primary and two standbys by deploy/cluster: `make check-cluster`.
#
# usage: [VVAULT_CLUSTER_READS=N] scripts/check_cluster.sh
#
# pg_auto_failover, three servers, a worker, a PostgREST for each where there is
# one on the PATH, and nginx in front of them, all on 127.0.0.1: reads and jobs go
# on while the primary changes and while it is killed (test/cluster/cluster.pl). The
# last line counts.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

check_inside()
{
	local status=0 passed failed skipped

	set_paths
	scripts/lint.sh gcc >"$LOGS/build.log" 2>&1 || die "it does not build: $LOGS/build.log"
	scripts/stage.sh "$STAGE" "$TREE" >"$LOGS/stage.log" 2>&1 || die "it is not staged: $LOGS/stage.log"
	[ -e "$STAGE$("$PG_CONFIG" --sharedir)/extension/pgautofailover.control" ] ||
		die "this server has no pg_auto_failover"
	trap remove_tap_servers EXIT
	prove_tap -v test/cluster/cluster.pl 2>&1 | tee "$LOGS/cluster.log" || status=$?
	read -r passed failed skipped < <(tap_counts "$LOGS/cluster.log" "$status")
	say "$passed passed, $failed failed, $skipped skipped"
	exit "$status"
}

if inside; then
	check_inside
else
	choose_postgres
	"$ROOT/scripts/packages.sh" build test cluster
	"$ROOT/scripts/nginx.sh" .work
	go_inside .work scripts/check_cluster.sh
fi
