-- What waits, of many owners, behind the jobs that are measured; and what has
-- ended before. The same in the plain table, if that is wanted.
SELECT count(vvault_enqueue_many((SELECT json_agg(json_build_object('kind', 'bench', 'owner_id', 'owner ' || g % :owners))
	FROM generate_series(s, least(s + 999, :waiting)) g))) FROM generate_series(1, :waiting, 1000) s;
INSERT INTO vvault_stream.finished_jobs (job_id, created_at, priority, attempt, kind, owner_id, args)
SELECT -g, now(), 0, 1, 'bench', 'owner ' || g % :owners, '{}' FROM generate_series(1, :finished) g;
\if :plain
INSERT INTO plain.jobs (args) SELECT '{}' FROM generate_series(1, :waiting);
INSERT INTO plain.finished (job_id, args) SELECT -g, '{}' FROM generate_series(1, :finished) g;
\endif
VACUUM ANALYZE;
