# shellcheck shell=bash
#
# part.sh
#		The part jobs of run.sh: jobs put in, taken and ended, by 8 clients, of
#		vvault, of a plain table with SKIP LOCKED, of pg-boss and graphile-worker
#		(npm) and of pgq (Debian), in turn. The part sizes: what they take of the
#		disk. The part long: a long queue beside a short one. The part beside:
#		cached feeds while the queue works.
#
# To be sourced by run.sh. A peer that is not to be had is left out, and said so.
# JOBS_WAITING jobs (1000) of as many owners as JOBS_OWNERS (200) wait all the
# time, JOBS_FINISHED (1000) have ended before; in the long queue 1000000 and
# 10000000. JOBS_SIZED jobs (100000) say how large each queue grows.

JOBS_CLIENTS=8
LONG_WAITING=${JOBS_WAITING:-1000000}
LONG_FINISHED=${JOBS_FINISHED:-10000000}
JOBS_WAITING=${JOBS_WAITING:-1000}
JOBS_FINISHED=${JOBS_FINISHED:-1000}
JOBS_OWNERS=${JOBS_OWNERS:-200}
JOBS_RATE=${JOBS_RATE:-1000}
JOBS_SIZED=${JOBS_SIZED:-100000}
SPENT_JOBS=${SPENT_JOBS:-8000}

# by_pgbench FILE JOBS [DATABASE]: jobs a second of a script that does so many in a round.
by_pgbench()
{
	"$STAGE_BIN/pgbench" -n -M prepared -c "$JOBS_CLIENTS" -j 2 -T "$SECONDS_EACH" -D id=0 -D lease=none -f "bench/jobs/$1.pgbench" "${3:-queue}" 2>&1 |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p' | awk -v jobs="$2" '{printf "%.0f\n", $1 * jobs}'
}

# by_node PEER BATCH|through|wait|retire [JOBS]
by_node()
{
	PGHOST=$PGHOST PGPORT=${PGPORT:-5432} PGUSER=postgres PGDATABASE=queue NODE_NO_WARNINGS=1 \
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

# jobs_spent FILE [DATABASE]: milliseconds that each of SPENT_JOBS jobs (8000) takes of
# the processor in the backends.
jobs_spent()
{
	local before database=${2:-queue}

	before=$(reaped_ms "$database")
	"$STAGE_BIN/pgbench" -n -M prepared -c "$JOBS_CLIENTS" -t "$((SPENT_JOBS / JOBS_CLIENTS))" -D id=0 -D lease=none -f "bench/jobs/$1.pgbench" "$database" >"$WORK/bench.said" 2>&1
	awk -v before="$before" -v after="$(reaped_ms "$database")" -v jobs="$SPENT_JOBS" 'BEGIN {print (after - before) / jobs}'
}

# The rates of PEER over ROUNDS, and how many times those of vvault are.
jobs_row()
{
	awk -v label="$1" -v rate="$2" -v ours="$3" 'BEGIN {printf "%-44s %9.0f jobs/s   vvault has %.2f times as many\n", label, rate, ours / rate}'
}

# jobs_queue [DATABASE WAITING FINISHED [no]]: with a plain table beside it, or not.
# As operators have it: what is committed is on the disk, and vacuum runs.
jobs_queue()
{
	local database=${1:-queue}

	bench_sql -d postgres -c "ALTER SYSTEM SET fsync = on" -c "ALTER SYSTEM SET autovacuum = on" -c "SELECT pg_reload_conf()" >/dev/null
	bench_sql -d postgres -c "CREATE DATABASE $database"
	bench_sql -d "$database" -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION vvault_stream CASCADE' \
		-c "INSERT INTO vvault_stream.job_kinds (kind) VALUES ('bench')" -f bench/jobs/plain.sql
	bench_sql -d "$database" -v waiting="${2:-$JOBS_WAITING}" -v finished="${3:-$JOBS_FINISHED}" -v owners="$JOBS_OWNERS" \
		-v plain="${4:-yes}" -f bench/jobs/fill.sql >/dev/null
	bench_sql -d postgres -c CHECKPOINT
}

jobs_queue_end()
{
	bench_sql -d postgres -c "ALTER SYSTEM RESET fsync" -c "ALTER SYSTEM RESET autovacuum" -c "SELECT pg_reload_conf()" -c "DROP DATABASE ${1:-queue}" >/dev/null
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
		for peer in vvault vvault_on plain; do
			jobs_spent "$peer" >>"$WORK/spent.$peer"
		done
	else
		by_pgbench vvault_batch 100 >>"$1.vvault"
	fi
	for peer in $JOBS_PEERS; do
		by_node "$peer" "$2" >>"$1.$peer"
	done
	[ "$JOBS_PGQ" = no ] || [ "$2" -eq 1 ] || by_pgq >>"$1.pgq"
}

# What a job takes of the processor, and how many times that of the plain table.
jobs_spent_rows()
{
	local form

	for form in vvault vvault_on; do
		paste "$WORK/spent.$form" "$WORK/spent.plain" | awk '{print $1 / $2}' >"$WORK/ratios"
		awk -v label="  $form beside plain, by the processor" -v ours="$(median <"$WORK/spent.$form")" -v plain="$(median <"$WORK/spent.plain")" \
			-v ratio="$(median <"$WORK/ratios")" 'BEGIN {printf "%-44s %9.4f ms %9.4f ms   time ratio %.2f\n", label, ours, plain, ratio}'
	done
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
	rm -f "$WORK"/spent.*
	for batch in 1 100; do
		rates=$WORK/rates-$batch
		rm -f "$rates".*
		for ((round = 0; round < ROUNDS; round++)); do
			jobs_round "$rates" "$batch"
		done
		jobs_rates "in batches of $batch" "$rates" vvault
		[ "$batch" -ne 1 ] || jobs_rates "where a worker ends one job and takes the next in one call" "$rates" vvault_on
		[ "$batch" -ne 1 ] || jobs_spent_rows
	done
	jobs_queue_end
}

# Sizes are the same without waiting for the disk.
sizes_prepare()
{
	JOBS_WAITING=$1 JOBS_FINISHED=0 jobs_prepare
	bench_sql -d postgres -c "ALTER SYSTEM RESET fsync" -c "SELECT pg_reload_conf()" >/dev/null
}

say_sizes()
{
	say "bytes by job, $1:"
	bench_sql -d queue -v jobs="$JOBS_SIZED" -f bench/jobs/size.sql
}

# JOBS_SIZED jobs through each queue by thousands, vacuumed each time (but for
# graphile-worker's, of which autovacuum is all that is told), and kept; then
# after what each has to forget them, and a vacuum; then as many that all wait.
bench_sizes()
{
	local peer

	JOBS_PEERS=
	JOBS_PGQ=no
	sizes_prepare 0
	for peer in vvault plain; do
		"$STAGE_BIN/pgbench" -n -c 1 -t "$((JOBS_SIZED / 1000))" -f "bench/jobs/through_$peer.pgbench" queue >"$WORK/through.log" 2>&1
	done
	for peer in $JOBS_PEERS; do
		by_node "$peer" through "$JOBS_SIZED"
	done
	say_sizes "after $JOBS_SIZED jobs, as they are kept"

	[ -z "$JOBS_PEERS" ] || by_node pg-boss retire
	bench_sql -d queue -f bench/jobs/retire.sql >/dev/null
	say_sizes "of $JOBS_SIZED jobs, once none is kept any more"
	jobs_queue_end

	sizes_prepare "$JOBS_SIZED"
	for peer in $JOBS_PEERS; do
		by_node "$peer" wait "$JOBS_SIZED"
	done
	[ "$JOBS_PGQ" = no ] ||
		bench_sql -d queue -c "SELECT count(pgq.insert_event('bench', 'job', '{}')) FROM generate_series(1, $JOBS_SIZED)" >/dev/null
	say_sizes "where $JOBS_SIZED jobs wait"
	jobs_queue_end
}

# A queue of LONG_WAITING and LONG_FINISHED jobs beside one of 1000 each, in turn:
# jobs a second, and for a second of the processor.
bench_long()
{
	local round queue

	jobs_queue long "$LONG_WAITING" "$LONG_FINISHED" no
	jobs_queue short 1000 1000 no
	rm -f "$WORK"/long.* "$WORK"/short.*
	for ((round = 0; round < ROUNDS; round++)); do
		for queue in short long; do
			by_pgbench vvault 1 $queue >>"$WORK/$queue.rate"
			jobs_spent vvault $queue >>"$WORK/$queue.ms"
		done
	done
	for queue in rate ms; do
		paste "$WORK/short.$queue" "$WORK/long.$queue" | awk '{print $2 / $1}' >"$WORK/ratios.$queue"
	done
	awk -v short="$(median <"$WORK/short.rate")" -v long="$(median <"$WORK/long.rate")" -v ratio="$(median <"$WORK/ratios.rate")" \
		'BEGIN {printf "%-44s %9.0f jobs/s %9.0f jobs/s   %.2f times as many\n", "a short queue, a long one", short, long, ratio}'
	awk -v short="$(median <"$WORK/short.ms")" -v long="$(median <"$WORK/long.ms")" -v ratio="$(median <"$WORK/ratios.ms")" \
		'BEGIN {printf "%-44s %9.4f ms     %9.4f ms       %.2f times as many jobs\n", "by the processor", short, long, 1 / ratio}'
	jobs_queue_end short
	bench_sql -d postgres -c 'DROP DATABASE long'
}

# Feeds out of the cache while JOBS_RATE jobs a second (1000) go through the
# queue: three transactions end for each.
bench_beside()
{
	local hit="SELECT vvault_trending('PL');" constant clients queue begun

	bench_database cached
	bench_sql -d cached -v videos=100000 -f bench/sql/fill.sql >/dev/null
	constant="SELECT E'$(bench_sql -d cached -At -f bench/sql/constant.sql)'::json;"
	jobs_queue
	"$STAGE_BIN/pgbench" -n -M prepared -c "$JOBS_CLIENTS" -j 1 -R "$JOBS_RATE" -T 3600 -f bench/jobs/vvault.pgbench queue \
		>"$WORK/beside.log" 2>&1 &
	queue=$!
	begun=$(date +%s%N)
	sleep 1
	for clients in 1 8; do
		CLIENTS=$clients compare "$clients clients: a hit beside a constant of the same bytes" cached "$hit" cached "$constant"
	done
	for clients in 1 8; do
		CLIENTS=$clients compare_backends "the same by the processor, $clients clients" $((clients * 8000)) cached "$hit" cached "$constant"
	done
	awk -v n="$(bench_sql -d queue -At -c 'SELECT count(*) FROM vvault_stream.finished_jobs WHERE job_id > 0')" -v ns="$(($(date +%s%N) - begun))" \
		'BEGIN {printf "jobs a second meanwhile: %.0f\n", n / (ns / 1e9)}'
	kill "$queue"
	wait "$queue" || true
	jobs_queue_end
	bench_sql -d postgres -c 'DROP DATABASE cached'
}
