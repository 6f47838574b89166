-- How an attempt ends, and how a job does. The caller holds the job's row.

-- A function of a kind is found by its name and its argument types, each time,
-- and only where it belongs to the extension's owner: it runs with his rights.
CREATE FUNCTION vvault_stream.kind_function(function_schema text, function_name text, argument_types oidvector)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
	WHERE n.nspname = function_schema AND p.proname = function_name AND p.proargtypes = argument_types
		AND p.prokind = 'f' AND NOT p.proretset
		AND p.proowner = (SELECT e.extowner FROM pg_extension e WHERE e.extname = 'vvault_stream');
	IF NOT FOUND THEN
		RAISE EXCEPTION 'function %.%(%) does not exist or is not the extension owner''s', function_schema, function_name,
			(SELECT string_agg(t::regtype::text, ', ' ORDER BY i) FROM unnest(argument_types::oid[]) WITH ORDINALITY u (t, i))
			USING ERRCODE = 'undefined_function',
				HINT = 'The functions of vvault_stream.job_kinds belong to the owner of the extension vvault_stream.';
	END IF;
	RETURN format('%I.%I', function_schema, function_name);
END
$$;
COMMENT ON FUNCTION vvault_stream.kind_function(text, text, oidvector) IS
'The quoted name of a function of a kind; 42883 where there is none with these argument types, or it belongs to another role.';

CREATE FUNCTION vvault_stream.job_json(j vvault_stream.jobs) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN json_build_object('job_id', (j).job_id, 'kind', (j).kind, 'owner_id', (j).owner_id, 'video_id', (j).video_id,
		'attempt', (j).attempt, 'args', (j).args);
END
$$;
COMMENT ON FUNCTION vvault_stream.job_json(vvault_stream.jobs) IS
'A job as the functions of its kind get it.';

CREATE FUNCTION vvault_stream.end_job(j vvault_stream.jobs, cancelled boolean, result json, error text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
BEGIN
	DELETE FROM vvault_stream.jobs o WHERE o.job_id = end_job.j.job_id;
	INSERT INTO vvault_stream.finished_jobs (job_id, created_at, started_at, priority, attempt, cancelled, lease_half, kind,
		owner_id, video_id, job_key, worker, error, needs, args, result)
	VALUES (j.job_id, j.created_at, j.started_at, nullif(j.priority, 0), j.attempt, end_job.cancelled,
		vvault_stream.lease_half(j.lease), j.kind, j.owner_id, j.video_id, j.job_key, j.worker, end_job.error, j.needs, j.args,
		end_job.result);
	IF end_job.cancelled AND j.state = 'w' THEN
		DELETE FROM vvault_stream.job_needs n WHERE n.job_id = end_job.j.job_id;
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.end_job(vvault_stream.jobs, boolean, json, text) IS
'Moves a job to finished_jobs.';

-- Whatever needs a cancelled job can never run: it is cancelled too.
CREATE FUNCTION vvault_stream.cancel_jobs(first bigint[], error text) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	all_of_them bigint[] := first;
	more bigint[];
	j vvault_stream.jobs;
	ended bigint[] := '{}';
BEGIN
	LOOP
		PERFORM FROM vvault_stream.jobs o WHERE o.job_id = ANY (all_of_them) ORDER BY o.job_id FOR UPDATE;
		-- once they are locked, nobody new comes to need them
		WITH RECURSIVE needing (job_id) AS (
			SELECT unnest(all_of_them)
			UNION
			SELECT n.job_id FROM needing m JOIN vvault_stream.job_needs n ON n.needs = m.job_id AND NOT n.one_attempt)
		SELECT array_agg(m.job_id ORDER BY m.job_id) INTO more FROM needing m;
		EXIT WHEN cardinality(more) = cardinality(all_of_them);
		all_of_them := more;
	END LOOP;
	FOR j IN SELECT o.* FROM vvault_stream.jobs o WHERE o.job_id = ANY (all_of_them) ORDER BY o.job_id LOOP
		PERFORM vvault_stream.end_job(j, true, j.result, CASE WHEN j.job_id = ANY (first) THEN cancel_jobs.error
			ELSE format('a job that it needs was cancelled: %s', first[1]) END);
		ended := ended || j.job_id;
		PERFORM vvault_stream.after_running(j) WHERE j.state IN ('x', 'r');
	END LOOP;
	PERFORM vvault_stream.meet_needs(ended, true);
	RETURN ended;
END
$$;
COMMENT ON FUNCTION vvault_stream.cancel_jobs(bigint[], text) IS
'Ends jobs as cancelled, with all that needs them; returns which.';

CREATE FUNCTION vvault_stream.after_running(j vvault_stream.jobs) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	k record;
BEGIN
	SELECT coalesce(l.running_limit, d.owner_running_limit) AS most, d.running_limit INTO k
	FROM vvault_stream.job_kinds d LEFT JOIN vvault_stream.job_limits l ON l.kind = j.kind AND l.owner_id = j.owner_id
	WHERE d.kind = j.kind;
	IF k.most IS NOT NULL THEN
		PERFORM vvault_stream.release_held(j.kind, j.owner_id, k.most);
	END IF;
	-- whoever waits may take what the limits kept from him
	IF k.most IS NOT NULL OR k.running_limit IS NOT NULL THEN
		PERFORM vvault_stream.wake_workers(j.kind);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.after_running(vvault_stream.jobs) IS
'Lets the next one of a limited kind or owner go on after a job has left.';

CREATE FUNCTION vvault_stream.retry_delay(kind text, attempt smallint) RETURNS double precision
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	k vvault_stream.job_kinds;
BEGIN
	SELECT d.* INTO k FROM vvault_stream.job_kinds d WHERE d.kind = retry_delay.kind;
	-- half of it by chance, so that what failed together does not come together
	RETURN (0.5 + random() / 2) * coalesce(
		k.retry_table[least(retry_delay.attempt, cardinality(k.retry_table))],
		least(k.retry_seconds * k.retry_factor ^ least(retry_delay.attempt - 1, 64), k.retry_most_seconds), 0);
END
$$;
COMMENT ON FUNCTION vvault_stream.retry_delay(text, smallint) IS
'Seconds to wait after this attempt, with some chance in them.';

-- An attempt ended without a result. error NULL: the job was given back, and
-- the attempt does not count.
CREATE FUNCTION vvault_stream.end_attempt(j vvault_stream.jobs, error text, retry_seconds double precision, lost boolean)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	delay double precision := coalesce(retry_seconds, vvault_stream.retry_delay(j.kind, j.attempt));
	new_state "char";
BEGIN
	IF j.cancelled THEN
		PERFORM vvault_stream.cancel_jobs(ARRAY[j.job_id], end_attempt.error);
		RETURN 'cancelled';
	END IF;
	IF end_attempt.error IS NULL THEN
		delay := coalesce(retry_seconds, 0);
		new_state := 's';
	ELSIF delay = 'Infinity' OR j.attempt >= j.max_attempts THEN
		new_state := 'd';
	ELSE
		new_state := 's';
	END IF;
	UPDATE vvault_stream.jobs o
	SET state = new_state, error = coalesce(end_attempt.error, o.error), progress = NULL, progress_at = NULL,
		lease_until = NULL, lost = o.lost + end_attempt.lost::integer,
		lease = CASE WHEN end_attempt.lost THEN NULL ELSE o.lease END,
		attempt = CASE WHEN end_attempt.error IS NULL THEN o.attempt - 1 ELSE o.attempt END,
		run_at = CASE WHEN new_state = 's' THEN clock_timestamp() + make_interval(secs => delay) END
	WHERE o.job_id = j.job_id;
	IF new_state = 's' AND delay = 0 THEN
		new_state := vvault_stream.make_ready(j.job_id, true);
	ELSIF new_state = 's' THEN
		PERFORM vvault_stream.wake_workers(j.kind);
	END IF;
	PERFORM vvault_stream.after_running(j);
	IF end_attempt.error IS NOT NULL THEN
		PERFORM vvault_stream.meet_needs(ARRAY[j.job_id], true);
	END IF;
	RETURN vvault_stream.job_state(new_state);
END
$$;
COMMENT ON FUNCTION vvault_stream.end_attempt(vvault_stream.jobs, text, double precision, boolean) IS
'What becomes of a running job whose attempt failed, was given back or was lost; returns its new state.';
