SELECT n.nspname AS schema, sum(pg_total_relation_size(c.oid)) AS bytes, pg_size_pretty(sum(pg_total_relation_size(c.oid))) AS size
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND (n.nspname IN ('plain', 'pgboss', 'graphile_worker', 'pgq') OR c.oid IN ('vvault_stream.jobs'::regclass,
	'vvault_stream.job_needs'::regclass, 'vvault_stream.finished_jobs'::regclass)) GROUP BY 1 ORDER BY 1;
