-- Recall of the golden set, and milliseconds of each search, in a catalog
-- filled by search_fill.sql, by the clock and of the processor. Every query runs
-- once to warm up; the least of three further times counts, as whatever else runs
-- can only add to it.
\ir spent.sql
\ir search_asked.sql

CREATE TEMP TABLE scans AS
SELECT relname, seq_scan FROM pg_stat_user_tables WHERE schemaname = 'vvault' AND relname IN ('videos', 'video_search', 'search_words');
DO $$
DECLARE
	a record;
	started timestamptz;
	spent double precision;
	took double precision;
BEGIN
	FOR a IN SELECT ctid, * FROM asked LOOP
		EXECUTE a.statement;
		a.ms := 'Infinity';
		a.processor_ms := 'Infinity';
		FOR i IN 1 .. 3 LOOP
			spent := pg_temp.spent();
			started := clock_timestamp();
			EXECUTE a.statement;
			took := date_part('epoch', clock_timestamp() - started) * 1000;
			a.ms := least(a.ms, took);
			a.processor_ms := least(a.processor_ms, pg_temp.spent() - spent);
		END LOOP;
		UPDATE asked SET ms = a.ms, processor_ms = a.processor_ms WHERE ctid = a.ctid;
	END LOOP;
END $$;
SELECT pg_stat_force_next_flush();

\echo '# recall@10 of the golden set, one query weighing as much as another'
SELECT count(*) AS queries, round(avg(pg_temp.recall(g))::numeric, 3) AS recall_at_10 FROM golden g;
\echo '# milliseconds, warm'
CREATE TEMP VIEW timed AS
SELECT kind, min(ctid) AS first, count(*) AS queries, round((percentile_cont(0.5) WITHIN GROUP (ORDER BY ms))::numeric, 2) AS median,
	round((percentile_cont(0.95) WITHIN GROUP (ORDER BY ms))::numeric, 2) AS p95, round(max(ms)::numeric, 2) AS most,
	round((percentile_cont(0.5) WITHIN GROUP (ORDER BY processor_ms))::numeric, 2) AS processor_median,
	round((percentile_cont(0.95) WITHIN GROUP (ORDER BY processor_ms))::numeric, 2) AS processor_p95,
	round(avg(processor_ms)::numeric, 2) AS processor_mean
FROM (SELECT a.kind, a.ctid, a.ms, a.processor_ms FROM asked a
	UNION ALL SELECT 'all searches', NULL, a.ms, a.processor_ms FROM asked a WHERE a.kind <> 'vvault_related') a
GROUP BY kind;
SELECT kind, queries, median, p95, most, processor_median, processor_p95, processor_mean FROM timed ORDER BY first NULLS FIRST;
\echo '# sequential scans of the tables meanwhile'
SELECT t.relname, t.seq_scan - s.seq_scan AS seq_scans FROM pg_stat_user_tables t JOIN scans s USING (relname) WHERE t.schemaname = 'vvault' ORDER BY 1;
\echo '# sizes'
SELECT c.relname, pg_size_pretty(pg_relation_size(c.oid)) AS size FROM pg_class c
WHERE c.relnamespace = 'vvault'::regnamespace AND c.relname ~ '^(videos$|video_search|search_words)' AND c.relkind IN ('r', 'i') ORDER BY 1;
