# shellcheck shell=bash
#
# part.sh
#		The part jobs of run.sh: jobs put in, taken and ended, by 8 clients, of
#		vvault, of a plain table with SKIP LOCKED, of pg-boss and graphile-worker
#		(npm) and of pgq (Debian), in turn; and the part beside: cached feeds while
#		the queue works.
#
# To be sourced by run.sh. A peer that is not to be had is left out, and said so.
# JOBS_WAITING jobs (1000) of as many owners as JOBS_OWNERS (200) wait all the
# time, JOBS_FINISHED (1000) have ended before. JOBS_SIZED jobs (100000) say how
# large each queue grows.

JOBS_CLIENTS=8
JOBS_WAITING=${JOBS_WAITING:-1000}
JOBS_FINISHED=${JOBS_FINISHED:-1000}
JOBS_OWNERS=${JOBS_OWNERS:-200}
JOBS_RATE=${JOBS_RATE:-1000}
JOBS_SIZED=${JOBS_SIZED:-100000}

# by_pgbench FILE JOBS: jobs a second of a script that does so many in a round.
by_pgbench()
{
	"$STAGE_BIN/pgbench" -n -M prepared -c "$JOBS_CLIENTS" -j 2 -T "$SECONDS_EACH" -D id=0 -D lease=none -f "bench/jobs/$1.pgbench" queue 2>&1 |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p' | awk -v jobs="$2" '{printf "%.0f\n", $1 * jobs}'
}

# by_node PEER BATCH|through|wait [JOBS]
by_node()
{
	PGHOST=$PGHOST PGPORT=${PGPORT:-5432} PGUSER=postgres PGDATABASE=queue \
		node "$WORK/peers/peers.mjs" "$1" "$2" "${3:-$SECONDS_EACH}" "$JOBS_CLIENTS"
}

# pgq gives events in batches to one consumer, as its ticker cuts them: 8 clients
# put events in for so long, then they are taken.
by_pgq()
{
	local begun n

	begun=$(date +%s%N)
	printf "SELECT pgq.insert_event('bench', 'job', '{}');\n" >"$WORK/pgq.pgbench"
	"$STAGE_BIN/pgbench" -n -M prepared -c "$JOBS_CLIENTS" -j 2 -T "$SECONDS_EACH" -f "$WORK/pgq.pgbench" queue >/dev/null 2>&1
	n=$(bench_sql -d queue -At -f bench/jobs/pgq.sql)
	awk -v n="$n" -v ns="$(($(date +%s%N) - begun))" 'BEGIN {printf "%.0f\n", n / (ns / 1e9)}'
}

# The rates of PEER over ROUNDS, and how many times those of vvault are.
jobs_row()
{
	awk -v label="$1" -v rate="$2" -v ours="$3" 'BEGIN {printf "%-44s %9.0f jobs/s   vvault has %.2f times as many\n", label, rate, ours / rate}'
}

# As operators have it: what is committed is on the disk, and vacuum runs.
jobs_queue()
{
	bench_sql -d postgres -c "ALTER SYSTEM SET fsync = on" -c "ALTER SYSTEM SET autovacuum = on" -c "SELECT pg_reload_conf()" >/dev/null
	bench_sql -d postgres -c 'CREATE DATABASE queue'
	bench_sql -d queue -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION vvault_stream CASCADE' \
		-c "INSERT INTO vvault_stream.job_kinds (kind) VALUES ('bench')" -f bench/jobs/plain.sql
	bench_sql -d queue -v waiting="$JOBS_WAITING" -v finished="$JOBS_FINISHED" -v owners="$JOBS_OWNERS" -f bench/jobs/fill.sql >/dev/null
}

jobs_queue_end()
{
	bench_sql -d postgres -c "ALTER SYSTEM RESET fsync" -c "ALTER SYSTEM RESET autovacuum" -c "SELECT pg_reload_conf()" -c 'DROP DATABASE queue' >/dev/null
}

jobs_prepare()
{
	jobs_queue
	if [ -d "$WORK/jobs/node_modules" ] && node --version >/dev/null 2>&1; then
		mkdir -p "$WORK/peers"
		cp bench/jobs/peers.mjs "$WORK/peers/"
		ln -sfn "$WORK/jobs/node_modules" "$WORK/peers/node_modules"
		JOBS_PEERS="pg-boss graphile-worker"
	else
		say "without pg-boss and graphile-worker: there is no node, or npm does not get them"
	fi
	if bench_sql -d queue -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION pgq' >/dev/null 2>&1; then
		bench_sql -d queue -c "SELECT pgq.create_queue('bench'), pgq.register_consumer('bench', 'consumer')" >/dev/null
		JOBS_PGQ=yes
	else
		say "without pgq: its package is not installed"
	fi
}

# jobs_round FILE-OF-RATES BATCH: each once.
jobs_round()
{
	local peer

	if [ "$2" -eq 1 ]; then
		by_pgbench vvault 1 >>"$1.vvault"
		by_pgbench vvault_on 1 >>"$1.vvault_on"
		by_pgbench plain 1 >>"$1.plain"
	else
		by_pgbench vvault_batch 100 >>"$1.vvault"
	fi
	for peer in $JOBS_PEERS; do
		by_node "$peer" "$2" >>"$1.$peer"
	done
	[ "$JOBS_PGQ" = no ] || [ "$2" -eq 1 ] || by_pgq >>"$1.pgq"
}

# jobs_rates HOW RATES FORM: that form of vvault beside all others.
jobs_rates()
{
	local ours peer

	ours=$(median <"$2.$3")
	say "$1: vvault $ours jobs/s"
	for peer in plain $JOBS_PEERS pgq; do
		[ ! -s "$2.$peer" ] || jobs_row "  $peer" "$(median <"$2.$peer")" "$ours"
	done
}

bench_jobs()
{
	local batch round rates peer

	JOBS_PEERS=
	JOBS_PGQ=no
	jobs_prepare
	for batch in 1 100; do
		rates=$WORK/rates-$batch
		rm -f "$rates".*
		for ((round = 0; round < ROUNDS; round++)); do
			jobs_round "$rates" "$batch"
		done
		jobs_rates "in batches of $batch" "$rates" vvault
		[ "$batch" -ne 1 ] || jobs_rates "where a worker ends one job and takes the next in one call" "$rates" vvault_on
	done
	jobs_queue_end
	jobs_sizes
}

# JOBS_SIZED jobs through each queue by thousands, vacuumed each time, and kept;
# then as many that all wait.
jobs_sizes()
{
	local peer

	JOBS_WAITING=0 JOBS_FINISHED=0 jobs_prepare
	for peer in vvault plain; do
		"$STAGE_BIN/pgbench" -n -c 1 -t "$((JOBS_SIZED / 1000))" -f "bench/jobs/through_$peer.pgbench" queue >"$WORK/through.log" 2>&1
	done
	for peer in $JOBS_PEERS; do
		by_node "$peer" through "$JOBS_SIZED"
	done
	say "bytes by job, of tables and indexes after $JOBS_SIZED jobs:"
	bench_sql -d queue -v jobs="$JOBS_SIZED" -f bench/jobs/size.sql
	jobs_queue_end

	JOBS_WAITING=$JOBS_SIZED JOBS_FINISHED=0 jobs_prepare
	for peer in $JOBS_PEERS; do
		by_node "$peer" wait "$JOBS_SIZED"
	done
	[ "$JOBS_PGQ" = no ] ||
		bench_sql -d queue -c "SELECT count(pgq.insert_event('bench', 'job', '{}')) FROM generate_series(1, $JOBS_SIZED)" >/dev/null
	say "bytes by job, where $JOBS_SIZED jobs wait:"
	bench_sql -d queue -v jobs="$JOBS_SIZED" -f bench/jobs/size.sql
	jobs_queue_end
}

# Feeds out of the cache while JOBS_RATE jobs a second (1000) go through the
# queue: three transactions end for each.
bench_beside()
{
	local constant clients queue

	bench_database cached
	bench_sql -d cached -v videos=100000 -f bench/sql/fill.sql >/dev/null
	constant="SELECT E'$(bench_sql -d cached -At -f bench/sql/constant.sql)'::json;"
	jobs_queue
	"$STAGE_BIN/pgbench" -n -M prepared -c "$JOBS_CLIENTS" -j 1 -R "$JOBS_RATE" -T $((SECONDS_EACH * ROUNDS * 4 + 10)) -f bench/jobs/vvault.pgbench queue \
		>"$WORK/beside.log" 2>&1 &
	queue=$!
	sleep 1
	for clients in 1 8; do
		CLIENTS=$clients compare "$clients clients: a hit beside a constant of the same bytes" cached "SELECT vvault_trending('PL');" cached "$constant"
	done
	wait "$queue"
	sed -n 's/^tps = \([0-9.]*\).*/jobs a second meanwhile: \1/p' "$WORK/beside.log"
	jobs_queue_end
	bench_sql -d postgres -c 'DROP DATABASE cached'
}
