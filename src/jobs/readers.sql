-- What is seen of the queue.

CREATE FUNCTION vvault_stream.why_waiting(j vvault_stream.jobs) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	k vvault_stream.job_kinds;
BEGIN
	SELECT d.* INTO k FROM vvault_stream.job_kinds d WHERE d.kind = j.kind;
	RETURN CASE j.state
		WHEN 'w' THEN 'it needs ' || (SELECT string_agg(format('job %s, which is %s', n.needs,
				coalesce(vvault_stream.job_state(o.state), 'gone')), '; ' ORDER BY n.needs)
			FROM vvault_stream.job_needs n LEFT JOIN vvault_stream.jobs o ON o.job_id = n.needs
			WHERE n.job_id = j.job_id)
		WHEN 's' THEN 'its time has not come'
		WHEN 'h' THEN 'its owner has as many jobs running or ready as the limit lets him'
		WHEN 'f' THEN 'what its kind does with the result failed, and is tried again'
		WHEN 'd' THEN 'it has failed too often; vvault_redrive or vvault_cancel_job decides'
		WHEN 'r' THEN CASE WHEN k.kind IS NULL THEN 'its kind is not there'
			WHEN k.paused THEN 'its kind is paused'
			WHEN k.outside AND NOT vvault_stream.is_armed() THEN 'the database is not armed, see vvault_arm' END
	END;
END
$$;
COMMENT ON FUNCTION vvault_stream.why_waiting(vvault_stream.jobs) IS
'Why a job does not run, for people; NULL for one that runs or only waits for a worker.';

-- An open job, or one that has ended, in the same words.
CREATE VIEW vvault_stream.all_jobs AS
	SELECT j.job_id, j.kind, vvault_stream.job_state(j.state) AS state, j.owner_id, j.video_id, j.priority, j.attempt,
		j.max_attempts, j.lost, j.cancelled, j.job_key, j.needs, j.worker, j.progress, j.error, j.created_at, j.run_at,
		j.started_at, j.lease_until, NULL::timestamptz AS finished_at, j.args, j.result
	FROM vvault_stream.jobs j
	UNION ALL
	SELECT f.job_id, f.kind, CASE WHEN f.cancelled THEN 'cancelled' ELSE 'finished' END, f.owner_id, f.video_id,
		coalesce(f.priority, 0::smallint), f.attempt, NULL, 0, f.cancelled, f.job_key, f.needs, f.worker, NULL, f.error, f.created_at, NULL,
		f.started_at, NULL, f.finished_at, f.args, f.result
	FROM vvault_stream.finished_jobs f;
COMMENT ON VIEW vvault_stream.all_jobs IS
'Open jobs and those that have ended, in the same columns.';

CREATE FUNCTION vvault_stream.job_object(j vvault_stream.all_jobs, why text) RETURNS json
LANGUAGE sql STABLE
RETURN json_build_object('job_id', (j).job_id, 'kind', (j).kind, 'state', (j).state, 'owner_id', (j).owner_id,
	'video_id', (j).video_id, 'priority', (j).priority, 'attempt', (j).attempt, 'max_attempts', (j).max_attempts,
	'lost', (j).lost, 'cancelled', (j).cancelled, 'job_key', (j).job_key, 'needs', array_to_json((j).needs),
	'worker', (j).worker, 'progress', (j).progress, 'error', (j).error, 'why', why,
	'created_at', vvault_stream.utc_text((j).created_at), 'run_at', vvault_stream.utc_text((j).run_at),
	'started_at', vvault_stream.utc_text((j).started_at), 'lease_until', vvault_stream.utc_text((j).lease_until),
	'finished_at', vvault_stream.utc_text((j).finished_at));
COMMENT ON FUNCTION vvault_stream.job_object(vvault_stream.all_jobs, text) IS
'A job as operators see it.';

CREATE FUNCTION @extschema@.vvault_job(job_id bigint) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	j vvault_stream.all_jobs;
	open vvault_stream.jobs;
	job json;
BEGIN
	SELECT a.* INTO j FROM vvault_stream.all_jobs a WHERE a.job_id = vvault_job.job_id;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	SELECT o.* INTO open FROM vvault_stream.jobs o WHERE o.job_id = vvault_job.job_id;
	job := vvault_stream.job_object(j, vvault_stream.why_waiting(open));
	RETURN left(job::text, -1) || format(', "args" : %s, "result" : %s}', j.args, coalesce(j.result::text, 'null'));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_job(bigint) IS
'A job, open or ended, with what it is to do, what came of it, and why it does not run.
Units and ranges: state is waiting (for other jobs), later, held (by its owner''s limit), ready, running, finishing, dead, finished or cancelled; progress is from 0 to 1; instants are in UTC; lost counts attempts whose lease ran out.
NULL: NULL for a job that is not known, as are those that vvault_prune_jobs deleted.
Errors: none.
Source: vvault_stream.jobs, job_needs, finished_jobs.';

CREATE FUNCTION vvault_stream.state_letter(state text) RETURNS "char"
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE state WHEN 'waiting' THEN 'w' WHEN 'later' THEN 's' WHEN 'held' THEN 'h' WHEN 'ready' THEN 'r'
	WHEN 'running' THEN 'x' WHEN 'finishing' THEN 'f' WHEN 'dead' THEN 'd' END;
COMMENT ON FUNCTION vvault_stream.state_letter(text) IS
'The letter by which vvault_stream.jobs knows a state.';

CREATE FUNCTION @extschema@.vvault_jobs(state text DEFAULT NULL, kind text DEFAULT NULL, owner_id text DEFAULT NULL,
	video_id text DEFAULT NULL, before bigint DEFAULT NULL, page_size integer DEFAULT 50) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	letter "char" := vvault_stream.state_letter(state);
	ended boolean := coalesce(state IN ('finished', 'cancelled'), false);
	jobs json;
	last bigint;
BEGIN
	IF vvault_jobs.state IS NOT NULL AND letter IS NULL AND NOT ended THEN
		PERFORM vvault_stream.refuse(format('invalid state "%s"', left(vvault_jobs.state, 64)),
			'The states are waiting, later, held, ready, running, finishing, dead, finished, cancelled.');
	ELSIF vvault_jobs.page_size IS NULL OR vvault_jobs.page_size < 1 THEN
		PERFORM vvault_stream.refuse('invalid page_size', 'It is at least 1; more than 1000 is 1000.');
	END IF;
	WITH page AS (
		(SELECT o.job_id FROM vvault_stream.jobs o
		WHERE NOT ended AND (letter IS NULL OR o.state = letter)
			AND (vvault_jobs.kind IS NULL OR o.kind = vvault_jobs.kind)
			AND (vvault_jobs.owner_id IS NULL OR o.owner_id = vvault_jobs.owner_id)
			AND (vvault_jobs.video_id IS NULL OR o.video_id = vvault_jobs.video_id)
			AND (vvault_jobs.before IS NULL OR o.job_id < vvault_jobs.before)
		ORDER BY o.job_id DESC LIMIT least(page_size, 1000))
		UNION ALL
		(SELECT f.job_id FROM vvault_stream.finished_jobs f
		WHERE (ended OR vvault_jobs.state IS NULL)
			AND (vvault_jobs.state IS NULL OR f.cancelled = (vvault_jobs.state = 'cancelled'))
			AND (vvault_jobs.kind IS NULL OR f.kind = vvault_jobs.kind)
			AND (vvault_jobs.owner_id IS NULL OR f.owner_id = vvault_jobs.owner_id)
			AND (vvault_jobs.video_id IS NULL OR f.video_id = vvault_jobs.video_id)
			AND (vvault_jobs.before IS NULL OR f.job_id < vvault_jobs.before)
		ORDER BY f.job_id DESC LIMIT least(page_size, 1000))
		ORDER BY job_id DESC LIMIT least(page_size, 1000))
	SELECT json_agg(vvault_stream.job_object(a, vvault_stream.why_waiting(o)) ORDER BY p.job_id DESC), min(p.job_id)
	INTO jobs, last
	FROM page p JOIN vvault_stream.all_jobs a ON a.job_id = p.job_id
		LEFT JOIN vvault_stream.jobs o ON o.job_id = p.job_id;
	RETURN json_build_object('jobs', coalesce(jobs, '[]'), 'before',
		CASE WHEN json_array_length(jobs) = least(page_size, 1000) THEN last END);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_jobs(text, text, text, text, bigint, integer) IS
'Jobs, the newest first: {"jobs": [...], "before"}, where before is given again to see the next page and is null on the last. Each job is as vvault_job shows it, without args and result.
Units and ranges: state as vvault_job names them; kind, owner_id and video_id choose; before is a job_id; page_size from 1, at most 1000.
NULL: a choice that is NULL is none.
Errors: 22023 for an unknown state or page_size below 1.
Source: vvault_stream.jobs, finished_jobs. Choices that few jobs meet look at many.';

CREATE FUNCTION vvault_stream.queue_of_kind(k vvault_stream.job_kinds) RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT json_build_object('kind', k.kind, 'paused', k.paused, 'outside', k.outside, 'waiting', c.waiting, 'later', c.later,
		'held', c.held, 'ready', c.ready, 'running', c.running, 'finishing', c.finishing, 'dead', c.dead,
		'oldest_ready_seconds', greatest(extract(epoch FROM statement_timestamp() - c.oldest), 0)::double precision,
		'lost', coalesce(c.lost, '[]'), 'stalled', coalesce(c.stalled, '[]'))
	FROM (SELECT count(*) FILTER (WHERE j.state = 'w') AS waiting, count(*) FILTER (WHERE j.state = 's') AS later,
			count(*) FILTER (WHERE j.state = 'h') AS held, count(*) FILTER (WHERE j.state = 'r') AS ready,
			count(*) FILTER (WHERE j.state = 'x') AS running, count(*) FILTER (WHERE j.state = 'f') AS finishing,
			count(*) FILTER (WHERE j.state = 'd') AS dead, min(j.created_at) FILTER (WHERE j.state = 'r') AS oldest,
			json_agg(j.job_id ORDER BY j.job_id) FILTER (WHERE j.lost >= 2) AS lost,
			json_agg(j.job_id ORDER BY j.job_id) FILTER (WHERE j.state = 'x'
				AND j.progress_at < statement_timestamp() - make_interval(secs => k.progress_seconds)) AS stalled
		FROM vvault_stream.jobs j WHERE j.kind = k.kind) c
$$;
COMMENT ON FUNCTION vvault_stream.queue_of_kind(vvault_stream.job_kinds) IS
'How many jobs of a kind are in which state, and which of them somebody should look at.';

CREATE FUNCTION @extschema@.vvault_queue(kind text DEFAULT NULL) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF vvault_queue.kind IS NOT NULL AND NOT EXISTS (
			SELECT FROM vvault_stream.job_kinds k WHERE k.kind = vvault_queue.kind) THEN
		PERFORM vvault_stream.unknown_kind(vvault_queue.kind);
	END IF;
	RETURN json_build_object('armed', vvault_stream.is_armed(), 'kinds', coalesce((
		SELECT json_agg(vvault_stream.queue_of_kind(k) ORDER BY k.kind) FROM vvault_stream.job_kinds k
		WHERE vvault_queue.kind IS NULL OR k.kind = vvault_queue.kind), '[]'));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_queue(text) IS
'How the queue stands: {"armed", "kinds": [{"kind", "paused", "outside", "waiting", "later", "held", "ready", "running", "finishing", "dead", "oldest_ready_seconds", "lost", "stalled"}]}. lost lists jobs that lost two workers or more, stalled those that run and told of no progress for their kind''s progress_seconds.
Units and ranges: counts of jobs; oldest_ready_seconds since the oldest ready job came in.
NULL: kind NULL is every kind; oldest_ready_seconds is null where none is ready.
Errors: 22023 for an unknown kind.
Source: vvault_stream.jobs, of which it reads every row of the kind.';
