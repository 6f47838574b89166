-- What has ended is forgotten, as vvault's schedule does it, and vacuumed.
UPDATE vvault_stream.job_kinds SET keep_seconds = 0 WHERE kind = 'bench';
CREATE PROCEDURE pg_temp.retire() LANGUAGE plpgsql AS $$
BEGIN
	WHILE (vvault_prune_jobs() ->> 'pruned')::bigint > 0 LOOP
		COMMIT;
	END LOOP;
END $$;
CALL pg_temp.retire();
TRUNCATE plain.finished;
VACUUM;
