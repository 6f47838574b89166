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

# spent_by PID...: milliseconds of the processor.
spent_by()
{
	# shellcheck disable=SC2046  # a word for each
	cat $(printf '/proc/%s/schedstat ' "$@") | awk '{n += $1} END {printf "%.3f\n", n / 1e6}'
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
			"wal_level = logical" "max_logical_replication_workers = 8" \
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

# mesh_row LABEL MILLISECONDS CHARTS
mesh_row()
{
	awk -v label="$1" -v ms="$2" -v charts="$3" 'BEGIN {printf "%-44s %8.1f ms\n", label, ms / charts}'
}

# All charts of "work" come in on the first node; then the others have them.
mesh_measure()
{
	local lsn charts took sending two three before=()

	mesh_at one
	charts=$(bench_sql -d mesh -At -c 'SELECT count(*) FROM work')
	sending=$(mesh_pid one sends vvault_mesh_one)
	two=$(mesh_pid two one)
	three=$(mesh_pid three one)
	# shellcheck disable=SC2086  # a word for each who sends
	before=("$(spent_by $sending)" "$(spent_by "$two")" "$(spent_by "$three")")
	mesh_at one
	took=$(bench_sql -d mesh -At -f bench/sql/compare_ingest.sql | awk -F '|' '{n += $3} END {print n}')
	lsn=$(bench_sql -d mesh -At -c 'SELECT pg_current_wal_insert_lsn()')
	mesh_wait one "SELECT bool_and(confirmed_flush_lsn >= '$lsn') FROM pg_replication_slots"
	mesh_row "taking it in, where its region is at home" "$took" "$charts"
	# shellcheck disable=SC2086
	mesh_row "sending it to two nodes" "$(spent_by $sending | awk -v b="${before[0]}" '{print $1 - b}')" "$charts"
	mesh_row "writing it on node two" "$(spent_by "$two" | awk -v b="${before[1]}" '{print $1 - b}')" "$charts"
	mesh_row "writing it on node three" "$(spent_by "$three" | awk -v b="${before[2]}" '{print $1 - b}')" "$charts"
	mesh_at one
	bench_sql -d mesh -At -c "SELECT 'bytes of tables and indexes for each video in a chart: ' || sum(pg_total_relation_size(c.oid)) / (SELECT count(*) FROM vvault.snapshots)
		FROM pg_class c WHERE c.relnamespace = 'vvault'::regnamespace AND c.relkind = 'r'"
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
