-- Waiting for jobs without a snapshot.

CREATE FUNCTION vvault_stream.seconds_to_job(kinds text[]) RETURNS double precision
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	k record;
	due timestamptz;
	schedule double precision := vvault_stream.seconds_to_schedule();
BEGIN
	FOR k IN
		SELECT d.kind, d.running_limit, d.running_limit IS NOT NULL OR d.owner_running_limit IS NOT NULL OR EXISTS (
			SELECT FROM vvault_stream.job_limits l WHERE l.kind = d.kind AND l.running_limit IS NOT NULL) AS limited
		FROM vvault_stream.job_kinds d
		WHERE d.kind = ANY (seconds_to_job.kinds) AND NOT d.paused AND (NOT d.outside OR vvault_stream.is_armed())
	LOOP
		IF NOT k.limited AND EXISTS (
				SELECT FROM vvault_stream.jobs j WHERE j.kind = k.kind AND j.state = 'r')
			OR k.limited AND vvault_stream.limits_have_room(k.kind, k.running_limit) THEN
			RETURN 0;
		END IF;
		due := least(due,
			(SELECT j.run_at FROM vvault_stream.jobs j WHERE j.kind = k.kind AND j.state IN ('s', 'f')
				ORDER BY j.run_at LIMIT 1),
			(SELECT min(j.lease_until) FROM vvault_stream.jobs j WHERE j.kind = k.kind AND j.state = 'x'));
	END LOOP;
	RETURN CASE WHEN due IS NULL THEN schedule
		ELSE least(greatest(extract(epoch FROM due - clock_timestamp()), 0)::double precision, schedule) END;
END
$$;
COMMENT ON FUNCTION vvault_stream.seconds_to_job(text[]) IS
'Seconds until a job of these kinds may be taken, or a schedule is due, as far as is known; 0 for a job that may be taken now, NULL for none.';

CREATE FUNCTION vvault_stream.limits_have_room(kind text, running_limit integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	o text;
	most integer;
BEGIN
	IF running_limit <= (SELECT count(*) FROM vvault_stream.jobs j
			WHERE j.kind = limits_have_room.kind AND j.state = 'x') THEN
		RETURN false;
	END IF;
	LOOP
		-- from owner to owner, each found by one probe
		SELECT least(
			(SELECT j.owner_id FROM vvault_stream.jobs j WHERE j.kind = limits_have_room.kind AND j.state = 'r'
				AND (o IS NULL OR j.owner_id > o) ORDER BY j.owner_id LIMIT 1),
			(SELECT j.owner_id FROM vvault_stream.jobs j WHERE j.kind = limits_have_room.kind AND j.state = 'h'
				AND (o IS NULL OR j.owner_id > o) ORDER BY j.owner_id LIMIT 1)) INTO o;
		EXIT WHEN o IS NULL;
		SELECT coalesce((SELECT l.running_limit FROM vvault_stream.job_limits l
				WHERE l.kind = limits_have_room.kind AND l.owner_id = o), d.owner_running_limit) INTO most
		FROM vvault_stream.job_kinds d WHERE d.kind = limits_have_room.kind;
		IF most IS NULL OR most > (SELECT count(*) FROM vvault_stream.jobs j
				WHERE j.kind = limits_have_room.kind AND j.owner_id = o AND j.state = 'x') THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
END
$$;
COMMENT ON FUNCTION vvault_stream.limits_have_room(text, integer) IS
'Whether a job of a kind with limits is ready, or held, that those let run now.';

CREATE PROCEDURE @extschema@.vvault_wait_for_jobs(kinds text[], seconds double precision DEFAULT 60)
LANGUAGE c
AS 'MODULE_PATHNAME', 'vvault_wait_for_jobs';
COMMENT ON PROCEDURE @extschema@.vvault_wait_for_jobs(text[], double precision) IS
'Returns as soon as a job of these kinds may be taken, or after so many seconds. Then call vvault_dequeue, which may still give none: others look too.
Units and ranges: kinds are 1 to 100 kinds; seconds from 0 to 86400.
NULL: NULL is an error.
Errors: 22023 for what is out of range, 22004 for NULL, 2D000 inside a transaction block.
Source: vvault_stream.jobs, in transactions of its own that have ended before it sleeps. The commit of a job wakes one worker that waits for its kind. Without the server''s shared memory it looks once a second.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES
	('worker', 'vvault_dequeue'), ('worker', 'vvault_wait_for_jobs'), ('worker', 'vvault_heartbeat'),
	('worker', 'vvault_complete'), ('worker', 'vvault_complete_and_dequeue'), ('worker', 'vvault_fail');
