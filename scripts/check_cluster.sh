#!/usr/bin/env bash
#
# check_cluster.sh
#		A primary and two standbys by deploy/cluster: `make check-cluster`.
#
# usage: [VVAULT_CLUSTER_READS=N] [MINUTES=N] [WHERE_POSSIBLE=yes] scripts/check_cluster.sh
#
# pg_auto_failover, three servers, a worker, a PostgREST for each where there is
# one on the PATH, and nginx in front of them, all on 127.0.0.1: reads and jobs go
# on while the primary changes and while it is killed (test/cluster/cluster.pl). The
# last line counts.
#
# MINUTES bounds it: what is not done by then has failed. With WHERE_POSSIBLE it is
# skipped, and that is said, where pg_auto_failover or nginx is not to be had.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

# give_up WHY: a failure, or skipped where WHERE_POSSIBLE allows it.
give_up()
{
	[ "${WHERE_POSSIBLE:-}" = yes ] || die "$1"
	say "$1: no cluster is tested here"
	say "0 passed, 0 failed, 1 skipped"
	exit 0
}

check_inside()
{
	local status=0 passed failed skipped

	set_paths
	scripts/lint.sh gcc >"$LOGS/build.log" 2>&1 || die "it does not build: $LOGS/build.log"
	scripts/stage.sh "$STAGE" "$TREE" >"$LOGS/stage.log" 2>&1 || die "it is not staged: $LOGS/stage.log"
	[ -e "$STAGE$("$PG_CONFIG" --sharedir)/extension/pgautofailover.control" ] ||
		give_up "this server has no pg_auto_failover"
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
	"$ROOT/scripts/packages.sh" build test
	"$ROOT/scripts/packages.sh" cluster || give_up "pg_auto_failover's packages are not to be had"
	"$ROOT/scripts/nginx.sh" .work || give_up "there is no nginx"
	go_inside .work scripts/check_cluster.sh
fi
