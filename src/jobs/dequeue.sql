-- How workers get jobs.

CREATE FUNCTION vvault_stream.ready_what_is_due(kind text) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	due bigint;
	n integer := 0;
BEGIN
	FOR due IN
		SELECT o.job_id FROM vvault_stream.jobs o
		WHERE o.kind = ready_what_is_due.kind AND o.state = 's' AND o.state IN ('s', 'f')
			AND o.run_at <= clock_timestamp()
		ORDER BY o.run_at LIMIT 20 FOR NO KEY UPDATE SKIP LOCKED
	LOOP
		PERFORM vvault_stream.make_ready(due, false);
		n := n + 1;
	END LOOP;
	RETURN n;
END
$$;
COMMENT ON FUNCTION vvault_stream.ready_what_is_due(text) IS
'Makes jobs of a kind ready whose time has come, 20 at most; returns how many.';

CREATE FUNCTION vvault_stream.take_back_lost(kind text) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	j vvault_stream.jobs;
	n integer := 0;
BEGIN
	FOR j IN
		SELECT o.* FROM vvault_stream.jobs o
		WHERE o.kind = take_back_lost.kind AND o.state = 'x' AND o.lease_until < clock_timestamp()
		LIMIT 20 FOR NO KEY UPDATE SKIP LOCKED
	LOOP
		PERFORM vvault_stream.end_attempt(j, format('attempt %s was lost: the lease of worker "%s" ran out',
			j.attempt, j.worker), 0, true);
		n := n + 1;
	END LOOP;
	RETURN n;
END
$$;
COMMENT ON FUNCTION vvault_stream.take_back_lost(text) IS
'Ends the attempts of a kind whose lease is over, 20 at most; returns how many.';

CREATE FUNCTION vvault_stream.take_one(worker text, job_id bigint, lease_seconds double precision) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	given json;
BEGIN
	WITH picked AS MATERIALIZED (
		SELECT r.job_id FROM vvault_stream.jobs r
		WHERE r.job_id = take_one.job_id AND r.state = 'r' FOR NO KEY UPDATE SKIP LOCKED)
	UPDATE vvault_stream.jobs j
	SET state = 'x', attempt = j.attempt + 1, lease = gen_random_uuid(), worker = take_one.worker,
		lease_seconds = take_one.lease_seconds, progress = NULL,
		lease_until = clock_timestamp() + make_interval(secs => take_one.lease_seconds),
		started_at = clock_timestamp(), progress_at = clock_timestamp()
	FROM picked p WHERE j.job_id = p.job_id
	RETURNING json_build_object('job_id', j.job_id, 'lease', j.lease, 'kind', j.kind, 'owner_id', j.owner_id,
		'video_id', j.video_id, 'attempt', j.attempt, 'args', j.args)
	INTO given;
	RETURN given;
END
$$;
COMMENT ON FUNCTION vvault_stream.take_one(text, bigint, double precision) IS
'Gives out one ready job; NULL where somebody else has it.';

CREATE FUNCTION vvault_stream.limit_lock(kind text, owner_id text) RETURNS boolean
LANGUAGE sql VOLATILE
RETURN pg_try_advisory_xact_lock(hashtextextended(
	concat_ws(chr(1), 'vvault_stream running', kind, owner_id), 0));
COMMENT ON FUNCTION vvault_stream.limit_lock(text, text) IS
'Tries to become the only one who gives out jobs of a limited kind (owner_id NULL) or owner until the transaction ends.';

-- Whoever holds the lock of a limit counts, in a statement after it, all that
-- others have given out before: the limit is exact. Nobody waits for a lock:
-- an owner whose lock is taken is left out.
CREATE FUNCTION vvault_stream.take_limited(worker text, kind text, most integer, lease_seconds double precision)
RETURNS json[]
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	k record;
	c record;
	room integer := most;
	passed text[] := '{}';
	tried bigint[] := '{}';
	job json;
	given json[] := '{}';
BEGIN
	SELECT d.running_limit, d.owner_running_limit INTO k FROM vvault_stream.job_kinds d WHERE d.kind = take_limited.kind;
	IF k.running_limit IS NOT NULL THEN
		IF NOT vvault_stream.limit_lock(take_limited.kind, NULL) THEN
			RETURN given;
		END IF;
		room := least(most, k.running_limit - (SELECT count(*) FROM vvault_stream.jobs j
			WHERE j.kind = take_limited.kind AND j.state = 'x'));
	END IF;
	WHILE cardinality(given) < room LOOP
		SELECT j.job_id, j.owner_id, coalesce((SELECT l.running_limit FROM vvault_stream.job_limits l
			WHERE l.kind = take_limited.kind AND l.owner_id = j.owner_id), k.owner_running_limit) AS most INTO c
		FROM vvault_stream.jobs j
		WHERE j.kind = take_limited.kind AND j.state = 'r'
			AND j.owner_id <> ALL (passed) AND j.job_id <> ALL (tried)
		ORDER BY j.priority DESC, j.turn, j.job_id LIMIT 1;
		EXIT WHEN NOT FOUND;
		IF c.most IS NOT NULL AND NOT vvault_stream.limit_lock(take_limited.kind, c.owner_id) THEN
			passed := passed || c.owner_id;
		ELSIF c.most <= (SELECT count(*) FROM vvault_stream.jobs j
				WHERE j.kind = take_limited.kind AND j.owner_id = c.owner_id AND j.state = 'x') THEN
			passed := passed || c.owner_id;
		ELSE
			tried := tried || c.job_id;
			job := vvault_stream.take_one(take_limited.worker, c.job_id, take_limited.lease_seconds);
			IF job IS NOT NULL THEN
				given := given || job;
			END IF;
		END IF;
	END LOOP;
	RETURN given;
END
$$;
COMMENT ON FUNCTION vvault_stream.take_limited(text, text, integer, double precision) IS
'Gives out ready jobs of a kind with limits; never more than those allow.';

CREATE FUNCTION vvault_stream.tidy_kind(kind text) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.seconds_to_schedule();
	RETURN vvault_stream.take_back_lost(kind) + vvault_stream.finish_again(kind)
		+ vvault_stream.release_all_held(kind);
END
$$;
COMMENT ON FUNCTION vvault_stream.tidy_kind(text) IS
'Takes back lost jobs, tries again what is finishing, lets held jobs go on, has schedules run that are due; returns how many jobs were touched.';

CREATE FUNCTION vvault_stream.with_orders(given json[], order_schema text, order_function text) RETURNS json[]
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job json;
	its_order json;
	j vvault_stream.jobs;
	ordered json[] := '{}';
BEGIN
	FOREACH job IN ARRAY given LOOP
		BEGIN
			EXECUTE format('SELECT %s($1)', vvault_stream.kind_function(order_schema, order_function, '114'))
				INTO its_order USING job;
			ordered := ordered || (left(job::text, -1) || ', "order" : ' || coalesce(its_order::text, 'null') || '}')::json;
		EXCEPTION WHEN OTHERS THEN
			-- its args may hold what keeps every field from being read
			SELECT o.* INTO j FROM vvault_stream.jobs o
			WHERE o.job_id = substring(job::text FROM '^{"job_id" : ([0-9]+)')::bigint;
			PERFORM vvault_stream.end_attempt(j, format('its order could not be made: %s', SQLERRM), NULL, false);
		END;
	END LOOP;
	RETURN ordered;
END
$$;
COMMENT ON FUNCTION vvault_stream.with_orders(json[], text, text) IS
'Adds to each job the order that the function of its kind makes; a job whose order cannot be made has failed.';

CREATE FUNCTION vvault_stream.take_special(worker text, kind text, most integer, lease_seconds double precision)
RETURNS json[]
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	k vvault_stream.job_kinds;
	given json[];
BEGIN
	given := vvault_stream.take_limited(worker, kind, most, lease_seconds);
	SELECT d.* INTO k FROM vvault_stream.job_kinds d WHERE d.kind = take_special.kind;
	IF k.order_function IS NOT NULL THEN
		given := vvault_stream.with_orders(given, k.order_schema, k.order_function);
	END IF;
	RETURN given;
END
$$;
COMMENT ON FUNCTION vvault_stream.take_special(text, text, integer, double precision) IS
'Gives out ready jobs of a kind that has limits, or a function that makes orders.';

-- It becomes its owner by itself where it runs SQL.
CREATE FUNCTION @extschema@.vvault_dequeue(worker text, kinds text[], max_jobs integer DEFAULT 1,
	lease_seconds double precision DEFAULT NULL) RETURNS json
LANGUAGE c VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'vvault_dequeue';
COMMENT ON FUNCTION @extschema@.vvault_dequeue(text, text[], integer, double precision) IS
'Gives a worker up to max_jobs jobs: an array of {"job_id", "lease", "kind", "owner_id", "video_id", "attempt", "args"}, with "order" where the kind has a function that makes it; [] where there is none. It never waits: see vvault_wait_for_jobs.
Units and ranges: worker is a name for people, of at most 255 bytes; kinds are 1 to 100 kinds, the first goes first; within a kind the higher priority, then the owners by turns; max_jobs from 1 to 1000; lease_seconds from 0.1 to 86400: after so long without vvault_heartbeat, vvault_complete or vvault_fail the job is given to another.
NULL: lease_seconds NULL is what the kind says; worker may be NULL; any other NULL is an error.
Errors: 22023 for what is out of range or an unknown kind, 25000 in a transaction that is not READ COMMITTED.
Source: vvault_stream.jobs, by FOR UPDATE SKIP LOCKED. The job is another''s again if this transaction is rolled back: commit before you begin to work.';

-- It becomes its owner by itself where it runs SQL.
CREATE FUNCTION @extschema@.vvault_complete_and_dequeue(job_id bigint, lease uuid, result json, worker text, kinds text[],
	max_jobs integer DEFAULT 1, lease_seconds double precision DEFAULT NULL) RETURNS json
LANGUAGE c VOLATILE COST 1000
AS 'MODULE_PATHNAME', 'vvault_complete_and_dequeue';
COMMENT ON FUNCTION @extschema@.vvault_complete_and_dequeue(bigint, uuid, json, text, text[], integer, double precision) IS
'vvault_complete and vvault_dequeue in one call and one transaction, for a worker that goes on: {"job_id", "state", "jobs"}, where state is what vvault_complete says and jobs what vvault_dequeue gives. A call that fails has done neither.
Units and ranges: as those two have them.
NULL: result, worker and lease_seconds may be NULL; any other NULL is an error.
Errors: PT409 (HTTP 409) where the lease is not valid: the job went on or has ended otherwise, ask vvault_dequeue then; 22023 for what is out of range or an unknown kind, 25000 in a transaction that is not READ COMMITTED.
Source: vvault_stream.jobs, finished_jobs. Told again it says the same of the job, and gives other jobs.';
