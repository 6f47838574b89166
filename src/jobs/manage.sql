-- What operators do with jobs.

CREATE FUNCTION @extschema@.vvault_cancel_job(job_id bigint, reason text DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	j vvault_stream.jobs;
	ended bigint[];
	why text := coalesce(left(vvault_cancel_job.reason, 1000), 'it was cancelled');
BEGIN
	SELECT o.* INTO j FROM vvault_stream.jobs o WHERE o.job_id = vvault_cancel_job.job_id FOR UPDATE;
	IF NOT FOUND THEN
		RETURN json_build_object('job_id', vvault_cancel_job.job_id, 'state', (
			SELECT CASE WHEN f.cancelled THEN 'cancelled' ELSE 'finished' END
			FROM vvault_stream.finished_jobs f WHERE f.job_id = vvault_cancel_job.job_id), 'cancelled', '[]'::json);
	ELSIF j.state = 'x' THEN
		UPDATE vvault_stream.jobs o SET cancelled = true, error = why WHERE o.job_id = j.job_id;
		RETURN json_build_object('job_id', j.job_id, 'state', 'running', 'cancelled', '[]'::json);
	END IF;
	ended := vvault_stream.cancel_jobs(ARRAY[j.job_id], why);
	RETURN json_build_object('job_id', j.job_id, 'state', 'cancelled', 'cancelled', array_to_json(ended));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_cancel_job(bigint, text) IS
'Cancels a job and all that needs it: {"job_id", "state", "cancelled"}, where cancelled lists the jobs that ended by this. A running one is still "running": its worker hears of it at its next heartbeat, and it ends when that worker says so or its lease runs out.
Units and ranges: reason is kept with the job, its first 1000 characters.
NULL: reason may be NULL. A job that is not known has the state NULL.
Errors: 40P01 beside another transaction that cancels several; run it again.
Source: vvault_stream.jobs, finished_jobs.';

CREATE FUNCTION @extschema@.vvault_redrive(job_id bigint DEFAULT NULL, kind text DEFAULT NULL,
	owner_id text DEFAULT NULL, max_jobs integer DEFAULT 1000) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	j record;
	redriven bigint[] := '{}';
BEGIN
	IF vvault_redrive.job_id IS NULL AND vvault_redrive.kind IS NULL THEN
		PERFORM vvault_stream.refuse('no job to redrive', 'Name a job_id or a kind.');
	ELSIF vvault_redrive.max_jobs IS NULL OR vvault_redrive.max_jobs NOT BETWEEN 1 AND 100000 THEN
		PERFORM vvault_stream.refuse('invalid max_jobs', 'It is from 1 to 100000.');
	END IF;
	FOR j IN
		SELECT o.job_id, o.kind, o.state FROM vvault_stream.jobs o
		WHERE o.state IN ('d', 'f')
			AND (vvault_redrive.job_id IS NULL OR o.job_id = vvault_redrive.job_id)
			AND (vvault_redrive.kind IS NULL OR o.kind = vvault_redrive.kind)
			AND (vvault_redrive.owner_id IS NULL OR o.owner_id = vvault_redrive.owner_id)
		ORDER BY o.job_id LIMIT vvault_redrive.max_jobs FOR NO KEY UPDATE
	LOOP
		IF j.state = 'd' THEN
			UPDATE vvault_stream.jobs o SET attempt = 0, lost = 0, lease = NULL WHERE o.job_id = j.job_id;
			PERFORM vvault_stream.make_ready(j.job_id, false);
		ELSE
			UPDATE vvault_stream.jobs o SET run_at = clock_timestamp() WHERE o.job_id = j.job_id;
			PERFORM vvault_stream.wake_workers(j.kind);
		END IF;
		redriven := redriven || j.job_id;
	END LOOP;
	RETURN json_build_object('redriven', array_to_json(redriven));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_redrive(bigint, text, text, integer) IS
'Lets dead jobs be tried again, with all their attempts before them, and tries at once to end those that are finishing: {"redriven": [job ids]}.
Units and ranges: job_id is one job; kind and owner_id choose many, the oldest first, max_jobs of them, from 1 to 100000.
NULL: job_id NULL is many, kind NULL every kind, owner_id NULL every owner; job_id and kind both NULL are an error.
Errors: 22023 for no choice, or max_jobs out of range.
Source: vvault_stream.jobs. What needs these jobs goes on when they are finished.';

CREATE FUNCTION @extschema@.vvault_pause_kind(kind text, paused boolean DEFAULT true) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF vvault_pause_kind.paused IS NULL THEN
		PERFORM vvault_stream.refuse('invalid paused', 'It is true or false.');
	END IF;
	UPDATE vvault_stream.job_kinds k SET paused = vvault_pause_kind.paused WHERE k.kind = vvault_pause_kind.kind;
	IF NOT FOUND THEN
		PERFORM vvault_stream.unknown_kind(vvault_pause_kind.kind);
	END IF;
	PERFORM vvault_stream.wake_workers(vvault_pause_kind.kind);
	RETURN json_build_object('kind', vvault_pause_kind.kind, 'paused', vvault_pause_kind.paused);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_pause_kind(text, boolean) IS
'Gives out no more jobs of a kind, or gives them out again: {"kind", "paused"}. Those that run go on.
Units and ranges: kind is one of vvault_stream.job_kinds.
NULL: NULL is an error.
Errors: 22023 for an unknown kind.
Source: vvault_stream.job_kinds.';

CREATE FUNCTION @extschema@.vvault_arm() RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO vvault_stream.armed (database)
	SELECT d.oid FROM pg_database d WHERE d.datname = current_database()
	ON CONFLICT DO NOTHING;
	PERFORM vvault_stream.wake_workers(k.kind) FROM vvault_stream.job_kinds k WHERE k.outside;
	RETURN json_build_object('armed', vvault_stream.is_armed());
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_arm() IS
'Lets this database have effects outside: jobs of kinds that are marked outside are given out from now on. A new database and a restored dump are not armed, so that a copy sends nothing and deletes nothing by itself.
Units and ranges: none.
NULL: it has no arguments.
Errors: none.
Source: vvault_stream.armed, which is not dumped and counts in this database alone.';

-- Jobs are numbered as they come in. So the first that came in later than that is
-- found by halves, and nothing from there on is old: where a week of jobs is kept,
-- those need not be read.
CREATE FUNCTION vvault_stream.last_before(instant timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	low bigint;
	high bigint;
	middle bigint;
BEGIN
	SELECT min(f.job_id), max(f.job_id) INTO low, high FROM vvault_stream.finished_jobs f;
	WHILE low < high LOOP
		middle := high - (high - low) / 2;
		IF (SELECT f.created_at FROM vvault_stream.finished_jobs f WHERE f.job_id >= middle
				ORDER BY f.job_id LIMIT 1) < instant THEN
			low := middle;
		ELSE
			high := middle - 1;
		END IF;
	END LOOP;
	RETURN low;
END
$$;
COMMENT ON FUNCTION vvault_stream.last_before(timestamptz) IS
'The greatest number of an ended job that came in before that, or the least there is; NULL where there is none.';

CREATE FUNCTION @extschema@.vvault_prune_jobs(max_jobs integer DEFAULT 10000) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	-- whatever is kept for the shortest time
	least_seconds double precision := (SELECT least(min(k.keep_seconds), 604800) FROM vvault_stream.job_kinds k);
	last_old bigint;
	pruned bigint;
BEGIN
	IF vvault_prune_jobs.max_jobs IS NULL OR vvault_prune_jobs.max_jobs NOT BETWEEN 1 AND 1000000 THEN
		PERFORM vvault_stream.refuse('invalid max_jobs', 'It is from 1 to 1000000.');
	END IF;
	last_old := vvault_stream.last_before(clock_timestamp() - make_interval(secs => least_seconds));
	DELETE FROM vvault_stream.finished_jobs f WHERE f.job_id IN (
		SELECT o.job_id FROM vvault_stream.finished_jobs o
			LEFT JOIN vvault_stream.job_kinds k ON k.kind = o.kind
		WHERE o.job_id <= last_old AND o.finished_at < clock_timestamp() - make_interval(secs => coalesce(k.keep_seconds, 604800))
		ORDER BY o.job_id LIMIT vvault_prune_jobs.max_jobs);
	GET DIAGNOSTICS pruned = ROW_COUNT;
	RETURN json_build_object('pruned', pruned);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_prune_jobs(integer) IS
'Deletes jobs that ended longer ago than their kind keeps them (keep_seconds, a week where nothing else is said): {"pruned"}. Call it until it is 0, or from time to time.
Units and ranges: max_jobs from 1 to 1000000, in one call.
NULL: NULL is an error.
Errors: 22023 for max_jobs out of range.
Source: vvault_stream.finished_jobs, the oldest first.';
