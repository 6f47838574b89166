-- Recall of the golden set, and milliseconds of each search, in a catalog
-- filled by search_fill.sql. Every query runs once to warm up and is measured
-- the second time.
\ir search_asked.sql

CREATE TEMP TABLE scans AS
SELECT relname, seq_scan FROM pg_stat_user_tables WHERE schemaname = 'vvault' AND relname IN ('videos', 'video_search', 'search_words');
DO $$
DECLARE
	a record;
	started timestamptz;
BEGIN
	FOR a IN SELECT ctid, * FROM asked LOOP
		EXECUTE a.statement;
		started := clock_timestamp();
		EXECUTE a.statement;
		UPDATE asked SET ms = date_part('epoch', clock_timestamp() - started) * 1000 WHERE ctid = a.ctid;
	END LOOP;
END $$;
SELECT pg_stat_force_next_flush();

\echo '# recall@10 of the golden set, one query weighing as much as another'
SELECT count(*) AS queries, round(avg(pg_temp.recall(g))::numeric, 3) AS recall_at_10 FROM golden g;
\echo '# milliseconds, warm'
SELECT kind, count(*) AS queries, round((percentile_cont(0.5) WITHIN GROUP (ORDER BY ms))::numeric, 2) AS median,
	round((percentile_cont(0.95) WITHIN GROUP (ORDER BY ms))::numeric, 2) AS p95, round(max(ms)::numeric, 2) AS most
FROM asked GROUP BY kind ORDER BY min(ctid);
SELECT 'all searches' AS kind, count(*) AS queries, round((percentile_cont(0.5) WITHIN GROUP (ORDER BY ms))::numeric, 2) AS median,
	round((percentile_cont(0.95) WITHIN GROUP (ORDER BY ms))::numeric, 2) AS p95, round(max(ms)::numeric, 2) AS most
FROM asked WHERE kind <> 'vvault_related';
\echo '# sequential scans of the tables meanwhile'
SELECT t.relname, t.seq_scan - s.seq_scan AS seq_scans FROM pg_stat_user_tables t JOIN scans s USING (relname) WHERE t.schemaname = 'vvault' ORDER BY 1;
\echo '# sizes'
SELECT c.relname, pg_size_pretty(pg_relation_size(c.oid)) AS size FROM pg_class c
WHERE c.relnamespace = 'vvault'::regnamespace AND c.relname ~ '^(videos$|video_search|search_words)' AND c.relkind IN ('r', 'i') ORDER BY 1;
