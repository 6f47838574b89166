-- Of what each queue's tables and indexes are made: bytes by job.
WITH parts AS (
	SELECT n.nspname, t.relname, c.relname AS part, pg_relation_size(c.oid) AS bytes
	FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
		JOIN pg_class c ON c.oid = t.oid OR c.oid = t.reltoastrelid OR c.oid IN (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = t.oid)
	WHERE t.relkind IN ('r', 'p') AND (n.nspname IN ('plain', 'pgboss', 'graphile_worker', 'pgq') OR t.oid IN ('vvault_stream.jobs'::regclass,
		'vvault_stream.job_needs'::regclass, 'vvault_stream.finished_jobs'::regclass)))
SELECT p.nspname AS queue, round(sum(p.bytes)::numeric / :jobs, 1) AS bytes_by_job, string_agg(format('%s %s', p.part, p.bytes / :jobs), ', '
	ORDER BY p.bytes DESC) FILTER (WHERE p.bytes >= :jobs) AS made_of
FROM parts p GROUP BY p.nspname ORDER BY p.nspname;
