# shellcheck shell=bash
#
# part.sh
#		The part mesh of run.sh: what a chart costs the node where its region is at
#		home, and what it costs each of two others.
#
# To be sourced by run.sh. All by the processor's time of the processes that do it:
# the backend that takes the chart in, who sends it, and who writes it elsewhere.

MESH_NODES=(one two three)

mesh_at()
{
	export PGHOST=$WORK/mesh_$1/sock
}

mesh_remove()
{
	local node

	for node in "${MESH_NODES[@]}"; do
		cluster_remove "$WORK/mesh_$node"
	done
}

# spent_by PID: milliseconds of the processor.
spent_by()
{
	awk '{printf "%.3f\n", $1 / 1e6}' "/proc/$1/schedstat"
}

# mesh_pid NODE BACKEND-TYPE [APPLICATION]: of who applies or sends there.
mesh_pid()
{
	mesh_at "$1"
	bench_sql -d mesh -At -v type="$2" -v application="${3:-}" <<'SQL'
SELECT a.pid FROM pg_stat_activity a LEFT JOIN pg_stat_subscription s ON s.pid = a.pid
WHERE :'application' IN ('', a.application_name) AND CASE :'type'
	WHEN 'sends' THEN a.backend_type = 'walsender' ELSE s.subname = 'vvault_mesh_' || :'type' AND s.relid IS NULL END
SQL
}

# mesh_wait NODE SQL: until it is true.
mesh_wait()
{
	mesh_at "$1"
	until [ "$(bench_sql -d mesh -At -c "$2")" = t ]; do
		sleep 0.2
	done
}

mesh_serve()
{
	local node

	for node in "${MESH_NODES[@]}"; do
		cluster_create "$WORK/mesh_$node" "fsync = off" "shared_buffers = 256MB" "max_wal_size = 4GB" "autovacuum = off" \
			"wal_level = logical" "track_commit_timestamp = on" "max_logical_replication_workers = 8" \
			"shared_preload_libraries = 'vvault'"
		cluster_start "$WORK/mesh_$node"
		bench_database mesh
	done
}

# The first one has all regions, and 24 days of charts.
mesh_fill()
{
	mesh_at one
	perl demo/generate.pl --days 28 >"$WORK/pages.tsv"
	bench_sql -d mesh -v pages="$WORK/pages.tsv" -f bench/sql/compare_ingest_fill.sql
	rm "$WORK/pages.tsv"
	bench_sql -d mesh -c "CREATE TABLE later AS SELECT * FROM work WHERE kind = 'a chart of 200'" \
		-c "DELETE FROM work WHERE kind = 'a chart of 200'"
	bench_sql -d mesh -At -f bench/sql/compare_ingest.sql >/dev/null
	bench_sql -d mesh -c 'TRUNCATE work' -c 'INSERT INTO work SELECT * FROM later' -c 'VACUUM (ANALYZE)'
}

mesh_join()
{
	local node other regions

	mesh_at one
	regions=$(bench_sql -d mesh -At -c 'SELECT array_agg(region) FROM vvault.enabled_regions')
	for node in "${MESH_NODES[@]}"; do
		mesh_at "$node"
		[ "$node" = one ] || regions={}
		bench_sql -d mesh -c "SELECT vvault_mesh_join('$node', '$regions')" >/dev/null
	done
	for node in "${MESH_NODES[@]}"; do
		for other in "${MESH_NODES[@]}"; do
			mesh_at "$node"
			[ "$node" = "$other" ] || bench_sql -d mesh -c \
				"SELECT vvault_mesh_join('$other', conninfo => 'host=$WORK/mesh_$other/sock port=5432 dbname=mesh user=postgres')" >/dev/null
		done
	done
	for node in "${MESH_NODES[@]}"; do
		mesh_wait "$node" "SELECT count(*) = 2 FROM vvault_mesh_status() WHERE state = 'following' AND reads"
	done
}

# mesh_commits NODE: the instants at which its charts were committed there.
mesh_commits()
{
	mesh_at "$1"
	bench_sql -d mesh -At -F ' ' -c "SELECT region || '/' || date_part('epoch', fetched_at), date_part('epoch', pg_xact_commit_timestamp(xmin)) * 1000
		FROM vvault.ingests ORDER BY ingested_at DESC LIMIT $MESH_CHARTS" | LC_ALL=C sort
}

mesh_measure()
{
	local node lsn pids=() before=() i

	mesh_at one
	MESH_CHARTS=$(bench_sql -d mesh -At -c 'SELECT count(*) FROM work')
	pids=("$(mesh_pid one sends vvault_mesh_one)" "$(mesh_pid two one)" "$(mesh_pid three one)")
	for i in 0 1 2; do
		# the two who send are one sum
		before[i]=$(for node in ${pids[i]}; do spent_by "$node"; done | awk '{n += $1} END {print n}')
	done
	mesh_at one
	bench_sql -d mesh -At -f bench/sql/compare_ingest.sql >"$WORK/mesh.calls"
	lsn=$(bench_sql -d mesh -At -c 'SELECT pg_current_wal_insert_lsn()')
	mesh_wait one "SELECT bool_and(confirmed_flush_lsn >= '$lsn') FROM pg_replication_slots"
	printf '%-52s %8.1f ms\n' "taking it in, where its region is at home" "$(awk -F '|' '{n += $3} END {print n / NR}' "$WORK/mesh.calls")"
	for i in 0 1 2; do
		# shellcheck disable=SC2046
		printf '%-52s %8.1f ms\n' "$(case $i in 0) say "sending it to two nodes" ;; *) say "writing it on node ${MESH_NODES[i]}" ;; esac)" \
			"$(for node in ${pids[i]}; do spent_by "$node"; done | awk -v b="${before[i]}" -v c="$MESH_CHARTS" '{n += $1} END {print (n - b) / c}')"
	done
	mesh_commits one >"$WORK/mesh.one"
	for node in two three; do
		mesh_commits "$node" >"$WORK/mesh.there"
		LC_ALL=C join "$WORK/mesh.one" "$WORK/mesh.there" | awk '{print $3 - $2}' | sort -n |
			awk -v node="$node" '{a[NR] = $1} END {printf "%-52s %8.1f ms in the median, %.1f at most\n", "it shows on node " node " after", a[int((NR + 1) / 2)], a[NR]}'
	done
}

bench_mesh()
{
	local host=$PGHOST

	trap 'mesh_remove; cluster_remove "$WORK"' EXIT
	mesh_serve
	mesh_fill
	mesh_join
	mesh_measure
	mesh_remove
	export PGHOST=$host
	trap 'cluster_remove "$WORK"' EXIT
}
