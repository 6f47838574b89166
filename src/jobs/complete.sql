-- What workers say of their jobs.

CREATE FUNCTION vvault_stream.lost_lease(job_id bigint) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION 'lease of job % is not valid', coalesce(lost_lease.job_id::text, 'NULL') USING ERRCODE = 'PT409',
		DETAIL = 'It ran out, or the job has ended or was cancelled.',
		HINT = 'Drop what was made for this job: another worker may have it.';
END
$$;
COMMENT ON FUNCTION vvault_stream.lost_lease(bigint) IS
'Raises PT409, which PostgREST makes HTTP 409.';

-- A worker that lost the reply asks again with the same lease, which stays with
-- the job until somebody else gets one.
CREATE FUNCTION vvault_stream.told_state(job_id bigint, lease uuid, completed boolean) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	state text;
BEGIN
	SELECT CASE WHEN f.cancelled THEN 'cancelled' ELSE 'finished' END INTO state
	FROM vvault_stream.finished_jobs f
	WHERE f.job_id = told_state.job_id AND f.lease_half = vvault_stream.lease_half(told_state.lease)
		AND (f.cancelled OR told_state.completed);
	IF NOT FOUND THEN
		SELECT vvault_stream.job_state(j.state) INTO state FROM vvault_stream.jobs j
		WHERE j.job_id = told_state.job_id AND j.lease = told_state.lease
			AND CASE WHEN told_state.completed THEN j.state = 'f' ELSE j.state IN ('s', 'h', 'r', 'd') END;
	END IF;
	RETURN state;
END
$$;
COMMENT ON FUNCTION vvault_stream.told_state(bigint, uuid, boolean) IS
'What a completion (or a failure) that was told before came to; NULL if it was not.';

CREATE FUNCTION vvault_stream.told_before(job_id bigint, lease uuid, completed boolean) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	state text := vvault_stream.told_state(told_before.job_id, told_before.lease, told_before.completed);
BEGIN
	IF state IS NULL THEN
		PERFORM vvault_stream.lost_lease(told_before.job_id);
	END IF;
	RETURN json_build_object('job_id', told_before.job_id, 'state', state);
END
$$;
COMMENT ON FUNCTION vvault_stream.told_before(bigint, uuid, boolean) IS
'The reply to a completion (or a failure) that was told before; PT409 if it was not.';

-- done_function runs in a subtransaction: if it fails, the result stays.
CREATE FUNCTION vvault_stream.done_problem(j vvault_stream.jobs, result json, done_schema text, done_function text)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('SELECT %s($1, $2)', vvault_stream.kind_function(done_schema, done_function, '114 114'))
		USING vvault_stream.job_json(j), result;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN format('%s.%s failed: %s: %s', done_schema, done_function, SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION vvault_stream.done_problem(vvault_stream.jobs, json, text, text) IS
'Runs the function of a kind that ends a job; returns why it failed, or NULL.';

CREATE FUNCTION vvault_stream.finish_job(j vvault_stream.jobs, result json) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	k record;
	problem text;
BEGIN
	IF j.cancelled THEN
		j.result := finish_job.result;
		UPDATE vvault_stream.jobs o SET result = finish_job.result WHERE o.job_id = j.job_id;
		PERFORM vvault_stream.cancel_jobs(ARRAY[j.job_id], 'it was cancelled while it ran');
		RETURN 'cancelled';
	END IF;
	SELECT d.done_schema, d.done_function,
		d.owner_running_limit IS NOT NULL OR d.running_limit IS NOT NULL OR EXISTS (
			SELECT FROM vvault_stream.job_limits l WHERE l.kind = j.kind AND l.owner_id = j.owner_id) AS limited
	INTO k FROM vvault_stream.job_kinds d WHERE d.kind = j.kind;
	IF k.done_function IS NOT NULL THEN
		problem := vvault_stream.done_problem(j, finish_job.result, k.done_schema, k.done_function);
	END IF;
	IF problem IS NULL THEN
		PERFORM vvault_stream.end_job(j, false, finish_job.result, NULL);
		PERFORM vvault_stream.meet_needs(ARRAY[j.job_id], false);
	ELSE
		UPDATE vvault_stream.jobs o
		SET state = 'f', result = finish_job.result, error = problem, lease_until = NULL,
			done_failures = least(o.done_failures + 1, 1000),
			run_at = clock_timestamp() + make_interval(
				secs => vvault_stream.retry_delay(j.kind, least(o.done_failures + 1, 1000)::smallint))
		WHERE o.job_id = j.job_id;
		PERFORM vvault_stream.meet_needs(ARRAY[j.job_id], true);
		PERFORM vvault_stream.wake_workers(j.kind);
	END IF;
	IF k.limited AND j.state = 'x' THEN
		PERFORM vvault_stream.after_running(j);
	END IF;
	RETURN CASE WHEN problem IS NULL THEN 'finished' ELSE 'finishing' END;
END
$$;
COMMENT ON FUNCTION vvault_stream.finish_job(vvault_stream.jobs, json) IS
'Ends a job with its result: finished, cancelled where that was asked for, or finishing where the function of its kind failed.';

CREATE FUNCTION vvault_stream.finish_again(kind text) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	j vvault_stream.jobs;
BEGIN
	SELECT o.* INTO j FROM vvault_stream.jobs o
	WHERE o.kind = finish_again.kind AND o.state = 'f' AND o.state IN ('s', 'f') AND o.run_at <= clock_timestamp()
	ORDER BY o.run_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN 0;
	END IF;
	PERFORM vvault_stream.finish_job(j, j.result);
	RETURN 1;
END
$$;
COMMENT ON FUNCTION vvault_stream.finish_again(text) IS
'Tries again to end one finishing job of a kind whose time has come; returns how many were tried.';

-- What complete.c leaves to it: a job that something hangs on.
CREATE FUNCTION vvault_stream.complete_slowly(job_id bigint, lease uuid, result json) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	j vvault_stream.jobs;
BEGIN
	SELECT o.* INTO j FROM vvault_stream.jobs o
	WHERE o.job_id = complete_slowly.job_id AND o.lease = complete_slowly.lease AND o.state = 'x' FOR UPDATE;
	IF NOT FOUND THEN
		RETURN vvault_stream.told_before(complete_slowly.job_id, complete_slowly.lease, true);
	END IF;
	RETURN json_build_object('job_id', j.job_id, 'state', vvault_stream.finish_job(j, complete_slowly.result));
END
$$;
COMMENT ON FUNCTION vvault_stream.complete_slowly(bigint, uuid, json) IS
'vvault_complete, for whatever comes.';

-- It becomes its owner by itself where it runs SQL.
CREATE FUNCTION @extschema@.vvault_complete(job_id bigint, lease uuid, result json DEFAULT NULL) RETURNS json
LANGUAGE c VOLATILE COST 100
AS 'MODULE_PATHNAME', 'vvault_complete';
COMMENT ON FUNCTION @extschema@.vvault_complete(bigint, uuid, json) IS
'Ends a job with its result: {"job_id", "state"}, which is finished; cancelled where the job was cancelled meanwhile; or finishing where the result is kept and what its kind does with it failed and will be tried again. The same call again gets the same answer.
Units and ranges: job_id and lease as vvault_dequeue gave them; result is up to the kind.
NULL: result may be NULL; any other NULL is an error.
Errors: PT409 (HTTP 409) where the lease is not valid: it ran out and the job went on, or the job has ended otherwise.
Source: vvault_stream.jobs, finished_jobs. Jobs that need this one become ready.';

CREATE FUNCTION @extschema@.vvault_fail(job_id bigint, lease uuid, error text DEFAULT NULL,
	retry_seconds double precision DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	j vvault_stream.jobs;
BEGIN
	IF NOT (vvault_fail.retry_seconds BETWEEN 0 AND 315360000
			OR vvault_fail.retry_seconds = 'Infinity' AND vvault_fail.error IS NOT NULL) THEN
		PERFORM vvault_stream.refuse('invalid retry_seconds',
			'It is from 0 to 315360000, or with an error Infinity for never.');
	END IF;
	SELECT o.* INTO j FROM vvault_stream.jobs o
	WHERE o.job_id = vvault_fail.job_id AND o.lease = vvault_fail.lease AND o.state = 'x' FOR UPDATE;
	IF NOT FOUND THEN
		RETURN vvault_stream.told_before(vvault_fail.job_id, vvault_fail.lease, false);
	END IF;
	RETURN json_build_object('job_id', j.job_id, 'state',
		vvault_stream.end_attempt(j, left(vvault_fail.error, 10000), vvault_fail.retry_seconds, false));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_fail(bigint, uuid, text, double precision) IS
'Says that an attempt failed: {"job_id", "state"}, which is later or ready where it will be tried again, held where its owner has its limit, dead after the last attempt, or cancelled. The same call again gets an answer too.
Units and ranges: job_id and lease as vvault_dequeue gave them; error is a text for people, its first 10,000 characters are kept; retry_seconds from 0 to 315360000, or with an error Infinity for a job that must not be tried again.
NULL: error NULL gives the job back: it is ready at once, and the attempt does not count. retry_seconds NULL is what the kind says. Any other NULL is an error.
Errors: PT409 (HTTP 409) where the lease is not valid, 22023 for retry_seconds out of range.
Source: vvault_stream.jobs. A dead job stays until vvault_redrive or vvault_cancel_job.';

CREATE FUNCTION @extschema@.vvault_heartbeat(job_id bigint, lease uuid, progress double precision DEFAULT NULL)
RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	j vvault_stream.jobs;
	k record;
	its_order json;
BEGIN
	IF NOT vvault_heartbeat.progress BETWEEN 0 AND 1 THEN
		PERFORM vvault_stream.refuse('invalid progress', 'It is from 0 to 1.');
	END IF;
	UPDATE vvault_stream.jobs o
	SET lease_until = CASE WHEN o.cancelled THEN o.lease_until
			ELSE clock_timestamp() + make_interval(secs => o.lease_seconds) END,
		progress_at = CASE WHEN vvault_heartbeat.progress > coalesce(o.progress, -1) THEN clock_timestamp() ELSE o.progress_at END,
		progress = coalesce(vvault_heartbeat.progress, o.progress)
	WHERE o.job_id = vvault_heartbeat.job_id AND o.lease = vvault_heartbeat.lease AND o.state = 'x'
	RETURNING o.* INTO j;
	IF NOT FOUND THEN
		PERFORM vvault_stream.lost_lease(vvault_heartbeat.job_id);
	END IF;
	SELECT d.order_schema, d.order_function INTO k FROM vvault_stream.job_kinds d WHERE d.kind = j.kind;
	IF k.order_function IS NOT NULL AND NOT j.cancelled THEN
		EXECUTE format('SELECT %s($1)', vvault_stream.kind_function(k.order_schema, k.order_function, '114'))
			INTO its_order USING vvault_stream.job_json(j);
	END IF;
	RETURN json_build_object('job_id', j.job_id,
		'seconds_left', greatest(extract(epoch FROM j.lease_until - clock_timestamp()), 0)::double precision,
		'cancelled', j.cancelled, 'order', its_order);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_heartbeat(bigint, uuid, double precision) IS
'Prolongs the lease of a job by as long as it was given for: {"job_id", "seconds_left", "cancelled", "order"}. Where it was cancelled, stop and call vvault_fail: its lease gets no longer. The order is made anew, so its signed addresses are fresh.
Units and ranges: job_id and lease as vvault_dequeue gave them; progress from 0 to 1.
NULL: progress NULL leaves what was told before; any other NULL is an error.
Errors: PT409 (HTTP 409) where the lease is not valid, or what the job is about is gone; 22023 for progress out of range.
Source: vvault_stream.jobs; the update touches no index.';
