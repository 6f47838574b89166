-- Many jobs in one call, with one answer for each. What is usual is one
-- statement for all of them; the rest goes one by one, and only where one of
-- them is refused each in a subtransaction of its own.

CREATE FUNCTION vvault_stream.check_many(elements json, argument text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF elements IS NULL OR json_typeof(elements) <> 'array' OR json_array_length(elements) > 1000 THEN
		PERFORM vvault_stream.refuse('invalid ' || argument, 'It is an array of at most 1000 objects.');
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_many(json, text) IS
'Raises 22023 for what is no array of objects that fits into one call.';

CREATE FUNCTION vvault_stream.is_fault_of_one(state text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(state, 2) NOT IN ('25', '40', '53', '55', '57', '58', 'XX');
COMMENT ON FUNCTION vvault_stream.is_fault_of_one(text) IS
'Whether an error is one of a job among many; else it is one of the transaction or the server.';

CREATE FUNCTION vvault_stream.job_fields() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY['kind', 'args', 'video_id', 'owner_id', 'priority', 'delay_seconds', 'max_attempts', 'job_key', 'needs',
	'after', 'cost'];
COMMENT ON FUNCTION vvault_stream.job_fields() IS
'What an element of vvault_enqueue_many may have.';

-- The turns are those that jobs would get one after the other, see ready.sql:
-- an owner's first one stands behind his last that is ready, or beside the
-- first of all, and each other one a step behind the one before it.
CREATE FUNCTION vvault_stream.enqueue_set(jobs json) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	reply text;
BEGIN
	WITH asked AS MATERIALIZED (
		SELECT r.n, k.kind, coalesce(r.args, '{}') AS args, r.video_id, coalesce(r.owner_id, '') AS owner_id,
			coalesce(r.priority, 0) AS priority, coalesce(r.delay_seconds, 0) AS delay,
			coalesce(r.max_attempts, k.max_attempts) AS max_attempts, coalesce(r.cost, 1000) AS cost,
			greatest(round(coalesce(r.cost, 1000) / coalesce(l.weight, 1)), 1)::bigint AS step,
			k.kind IS NOT NULL AND k.owner_running_limit IS NULL AND l.running_limit IS NULL
				AND r.job_key IS NULL AND r.needs IS NULL AND r.after IS NULL
				AND octet_length(coalesce(r.owner_id, '')) <= 255
				AND octet_length(coalesce(r.video_id, '-')) BETWEEN 1 AND 64
				AND coalesce(r.priority, 0) BETWEEN -32768 AND 32767
				AND coalesce(r.delay_seconds, 0) BETWEEN 0 AND 315360000
				AND coalesce(r.max_attempts, 1) BETWEEN 1 AND 32767 AND coalesce(r.cost, 1000) >= 1 AS usual
		FROM ROWS FROM (json_to_recordset(enqueue_set.jobs) AS (kind text, args json, video_id text, owner_id text,
				priority integer, delay_seconds double precision, max_attempts integer, job_key text, needs json,
				after json, cost integer)) WITH ORDINALITY
				AS r (kind, args, video_id, owner_id, priority, delay_seconds, max_attempts, job_key, needs, after, cost, n)
			LEFT JOIN vvault_stream.job_kinds k ON k.kind = r.kind
			LEFT JOIN vvault_stream.job_limits l ON l.kind = r.kind AND l.owner_id = coalesce(r.owner_id, '')),
	owners AS MATERIALIZED (
		SELECT o.kind, o.owner_id, o.priority, (SELECT j.turn FROM vvault_stream.jobs j
				WHERE j.kind = o.kind AND j.owner_id = o.owner_id AND j.priority = o.priority AND j.state = 'r'
				ORDER BY j.turn DESC LIMIT 1) AS last,
			coalesce((SELECT j.turn FROM vvault_stream.jobs j
				WHERE j.kind = o.kind AND j.priority = o.priority AND j.state = 'r' ORDER BY j.turn LIMIT 1), 0) AS first
		FROM (SELECT DISTINCT a.kind, a.owner_id, a.priority::smallint AS priority FROM asked a
			WHERE a.delay = 0 AND (SELECT bool_and(u.usual) FROM asked u)) o),
	new AS MATERIALIZED (
		SELECT nextval('vvault_stream.jobs_job_id_seq') AS job_id, s.*
		FROM (SELECT a.*, CASE WHEN a.delay > 0 THEN 0 ELSE sum(a.step) OVER w
				+ coalesce(o.last, o.first - first_value(a.step) OVER w) END AS turn
			FROM asked a LEFT JOIN owners o ON o.kind = a.kind AND o.owner_id = a.owner_id AND o.priority = a.priority
			WHERE (SELECT bool_and(u.usual) FROM asked u)
			WINDOW w AS (PARTITION BY a.kind, a.owner_id, a.priority, a.delay > 0 ORDER BY a.n) ORDER BY a.n) s),
	put AS (
		INSERT INTO vvault_stream.jobs (job_id, kind, args, video_id, owner_id, priority, max_attempts, cost, turn, state, run_at)
		OVERRIDING SYSTEM VALUE
		SELECT n.job_id, n.kind, n.args, n.video_id, n.owner_id, n.priority, n.max_attempts, n.cost, n.turn,
			CASE WHEN n.delay > 0 THEN 's' ELSE 'r' END,
			CASE WHEN n.delay > 0 THEN clock_timestamp() + make_interval(secs => n.delay) END
		FROM new n)
	SELECT '[' || string_agg(format('{"job_id":%s,"state":"%s","created":true}', n.job_id,
		CASE WHEN n.delay > 0 THEN 'later' ELSE 'ready' END) || left(vvault_stream.wake_workers(n.kind)::text, 0), ','
		ORDER BY n.n) || ']' INTO reply FROM new n;
	RETURN reply;
END
$$;
COMMENT ON FUNCTION vvault_stream.enqueue_set(json) IS
'vvault_enqueue_many, where every job is a usual one: without key, needs and limit, and with all it has in its range; NULL where one is not.';

CREATE FUNCTION vvault_stream.enqueue_element(job json, earlier bigint[]) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r record;
	unknown text;
	wrong integer;
BEGIN
	IF json_typeof(job) <> 'object' THEN
		PERFORM vvault_stream.refuse('invalid job', 'It is an object with a kind.');
	END IF;
	SELECT f INTO unknown FROM json_object_keys(job) f WHERE f <> ALL (vvault_stream.job_fields()) LIMIT 1;
	IF unknown IS NOT NULL THEN
		PERFORM vvault_stream.refuse(format('unknown field "%s"', left(unknown, 64)),
			format('A job has %s.', array_to_string(vvault_stream.job_fields(), ', ')));
	END IF;
	SELECT a.* INTO r FROM json_to_record(job) AS a (kind text, args json, video_id text, owner_id text, priority integer,
		delay_seconds double precision, max_attempts integer, job_key text, needs bigint[], after integer[], cost integer);
	SELECT p INTO wrong FROM unnest(r.after) p WHERE p IS NULL OR p < 0 OR earlier[p + 1] IS NULL LIMIT 1;
	IF FOUND THEN
		PERFORM vvault_stream.refuse(format('job %s of the batch cannot be needed', coalesce(wrong::text, 'NULL')),
			'It comes later, or was refused; the first one is 0.');
	END IF;
	RETURN vvault_stream.enqueue_slowly(r.kind, r.args, r.video_id, coalesce(r.owner_id, ''), coalesce(r.priority, 0),
		coalesce(r.delay_seconds, 0), r.max_attempts, r.job_key,
		CASE WHEN r.after IS NULL THEN r.needs ELSE array(
			SELECT DISTINCT u.n FROM (SELECT unnest(r.needs) UNION ALL SELECT earlier[p + 1] FROM unnest(r.after) p) u (n) ORDER BY u.n) END,
		coalesce(r.cost, 1000));
END
$$;
COMMENT ON FUNCTION vvault_stream.enqueue_element(json, bigint[]) IS
'Enqueues one of many, which may need earlier ones by their position; raises what vvault_enqueue raises.';

CREATE FUNCTION vvault_stream.enqueue_element_or_say(job json, earlier bigint[]) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN vvault_stream.enqueue_element(job, earlier);
EXCEPTION WHEN OTHERS THEN
	IF NOT vvault_stream.is_fault_of_one(SQLSTATE) THEN
		RAISE;
	END IF;
	RETURN json_build_object('error', SQLERRM, 'sqlstate', SQLSTATE);
END
$$;
COMMENT ON FUNCTION vvault_stream.enqueue_element_or_say(json, bigint[]) IS
'The same in a subtransaction; an error is the answer.';

-- Two batches that name the same keys and needs in different orders must not
-- wait for each other: all are locked before the first job, keys first.
CREATE FUNCTION vvault_stream.lock_for_many(jobs json) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off
AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(k.number) FROM (
		SELECT DISTINCT vvault_stream.key_number(e ->> 'kind', coalesce(e ->> 'owner_id', ''), e ->> 'job_key') AS number
		FROM json_array_elements(jobs) e WHERE e ->> 'job_key' IS NOT NULL ORDER BY 1) k;
	PERFORM FROM vvault_stream.jobs j WHERE j.job_id = ANY (ARRAY(
		SELECT i::bigint FROM json_array_elements(jobs) e, json_array_elements_text(
			CASE WHEN json_typeof(e -> 'needs') = 'array' THEN e -> 'needs' END) i
		WHERE i ~ '^[0-9]{1,18}$'))
	ORDER BY j.job_id FOR KEY SHARE;
END
$$;
COMMENT ON FUNCTION vvault_stream.lock_for_many(json) IS
'Locks the keys and needs of many jobs, each in one order.';

CREATE FUNCTION vvault_stream.enqueue_each(jobs json, apart boolean) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job json;
	said json;
	ids bigint[] := '{}';
	replies text[] := '{}';
BEGIN
	PERFORM vvault_stream.lock_for_many(jobs);
	FOR job IN SELECT e FROM json_array_elements(jobs) e LOOP
		said := CASE WHEN apart THEN vvault_stream.enqueue_element_or_say(job, ids)
			ELSE vvault_stream.enqueue_element(job, ids) END;
		ids := ids || (said ->> 'job_id')::bigint;
		replies := replies || said::text;
	END LOOP;
	RETURN '[' || array_to_string(replies, ',') || ']';
END
$$;
COMMENT ON FUNCTION vvault_stream.enqueue_each(json, boolean) IS
'vvault_enqueue_many, one by one; apart: each in a subtransaction, so that an error is an answer.';

CREATE FUNCTION @extschema@.vvault_enqueue_many(jobs json) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER COST 1000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reply text;
BEGIN
	PERFORM vvault_stream.check_many(jobs, 'jobs');
	IF json_array_length(jobs) = 0 THEN
		RETURN '[]';
	END IF;
	IF NOT EXISTS (SELECT FROM json_array_elements(jobs) e, json_object_keys(
			CASE WHEN json_typeof(e) = 'object' THEN e ELSE '{"":0}' END) f WHERE f <> ALL (vvault_stream.job_fields())) THEN
		BEGIN
			RETURN coalesce(vvault_stream.enqueue_set(jobs), vvault_stream.enqueue_each(jobs, false));
		EXCEPTION WHEN OTHERS THEN
			IF NOT vvault_stream.is_fault_of_one(SQLSTATE) THEN
				RAISE;
			END IF;
		END;
	END IF;
	RETURN vvault_stream.enqueue_each(jobs, true);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_enqueue_many(json) IS
'Puts many jobs into the queue, and answers for each in their order as vvault_enqueue does, or {"error", "sqlstate"} for one that is refused; the others come in all the same.
Units and ranges: jobs is an array of at most 1000 objects. Each has a kind, and may have what vvault_enqueue takes: args, video_id, owner_id, priority, delay_seconds, max_attempts, job_key, needs, cost; and after: positions of earlier jobs in this array, from 0, that have to be finished before.
NULL: jobs NULL is an error; a field that is null or missing has the default of vvault_enqueue.
Errors: 22023 for what is no such array; in the answers what vvault_enqueue raises, 22P02 for a field of another type, 22023 for an unknown field. A deadlock and its like end the whole call.
Source: vvault_stream.jobs. Jobs with a key, needs or a limit take longer than others. Locks are taken in one order, so two such calls do not meet as long as each is a transaction of its own.';

--
-- Completions
--

-- The state is compared as text so that the rows are found by their numbers, not
-- by walking all that runs.
CREATE FUNCTION vvault_stream.lock_completions(ids bigint[], leases uuid[], results json[],
	OUT plain integer[], OUT plain_ids bigint[], OUT plain_results json[], OUT special integer[])
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
BEGIN
	SELECT array_agg(a.n) FILTER (WHERE NOT l.special), array_agg(l.job_id) FILTER (WHERE NOT l.special),
		array_agg(a.result) FILTER (WHERE NOT l.special), array_agg(a.n ORDER BY l.job_id) FILTER (WHERE l.special)
	INTO plain, plain_ids, plain_results, special
	FROM (SELECT j.job_id, j.lease, j.cancelled OR k.done_function IS NOT NULL OR k.running_limit IS NOT NULL
			OR k.owner_running_limit IS NOT NULL OR k.kind IS NULL OR EXISTS (
				SELECT FROM vvault_stream.job_limits l WHERE l.kind = j.kind AND l.running_limit IS NOT NULL) AS special
		FROM vvault_stream.jobs j LEFT JOIN vvault_stream.job_kinds k ON k.kind = j.kind
		WHERE j.job_id = ANY (ids) AND j.state::text = 'x'
		ORDER BY j.job_id FOR UPDATE OF j) l
	JOIN (SELECT DISTINCT ON (u.job_id, u.lease) u.job_id, u.lease, u.result, u.n::integer
		FROM unnest(ids, leases, results) WITH ORDINALITY u (job_id, lease, result, n)
		ORDER BY u.job_id, u.lease, u.n) a ON a.job_id = l.job_id AND a.lease = l.lease;
END
$$;
COMMENT ON FUNCTION vvault_stream.lock_completions(bigint[], uuid[], json[]) IS
'Locks running jobs in the order of their numbers; returns the positions, numbers and results of those that nothing hangs on, and the positions of the others.';

-- Each job that ends one by one locks those that need it. Where several end, all
-- of these are locked before, so that two calls do not wait for each other.
CREATE FUNCTION vvault_stream.lock_needing(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	needing bigint[];
BEGIN
	SELECT array_agg(DISTINCT n.job_id) INTO needing FROM vvault_stream.job_needs n WHERE n.needs = ANY (ids);
	IF needing IS NOT NULL THEN
		PERFORM FROM vvault_stream.jobs o WHERE o.job_id = ANY (needing) ORDER BY o.job_id FOR NO KEY UPDATE;
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.lock_needing(bigint[]) IS
'Locks what needs jobs whose rows are locked, in the order of their numbers.';

CREATE FUNCTION vvault_stream.finish_set(ids bigint[], results json[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	needed bigint[];
BEGIN
	WITH gone AS (
		DELETE FROM vvault_stream.jobs j WHERE j.job_id = ANY (ids) RETURNING j.*),
	put AS (
		INSERT INTO vvault_stream.finished_jobs (job_id, created_at, started_at, priority, attempt, lease, kind, owner_id,
			video_id, job_key, worker, needs, args, result)
		SELECT g.job_id, g.created_at, g.started_at, g.priority, g.attempt, g.lease, g.kind, g.owner_id,
			g.video_id, g.job_key, g.worker, g.needs, g.args, r.result
		FROM gone g JOIN unnest(ids, results) r (job_id, result) ON r.job_id = g.job_id)
	SELECT array_agg(DISTINCT n.needs) INTO needed FROM vvault_stream.job_needs n WHERE n.needs = ANY (ids);
	IF needed IS NOT NULL THEN
		PERFORM vvault_stream.meet_needs(needed, false);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.finish_set(bigint[], json[]) IS
'Ends jobs that nothing else hangs on, whose rows are locked, with their results.';

-- A field of another type is none, and its lease is not valid.
CREATE FUNCTION vvault_stream.read_completions(completions json, OUT ids bigint[], OUT leases uuid[], OUT results json[])
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	SELECT array_agg(r.job_id ORDER BY r.n), array_agg(r.lease ORDER BY r.n), array_agg(r.result ORDER BY r.n)
	INTO ids, leases, results
	FROM ROWS FROM (json_to_recordset(completions) AS (job_id bigint, lease uuid, result json)) WITH ORDINALITY
		AS r (job_id, lease, result, n);
EXCEPTION WHEN data_exception THEN
	SELECT array_agg(CASE WHEN e ->> 'job_id' ~ '^[0-9]{1,18}$' THEN (e ->> 'job_id')::bigint END ORDER BY n),
		array_agg(CASE WHEN e ->> 'lease' ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' THEN (e ->> 'lease')::uuid END ORDER BY n),
		array_agg(e -> 'result' ORDER BY n)
	INTO ids, leases, results
	FROM json_array_elements(completions) WITH ORDINALITY c (e, n);
END
$$;
COMMENT ON FUNCTION vvault_stream.read_completions(json) IS
'The elements of vvault_complete_many as arrays of one length.';

CREATE FUNCTION @extschema@.vvault_complete_many(completions json) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER COST 1000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c record;
	l record;
	reply text;
BEGIN
	PERFORM vvault_stream.check_many(completions, 'completions');
	c := vvault_stream.read_completions(completions);
	l := vvault_stream.lock_completions(c.ids, c.leases, c.results);
	IF l.special IS NOT NULL THEN
		PERFORM vvault_stream.lock_needing(c.ids);
	END IF;
	IF l.plain IS NOT NULL THEN
		PERFORM vvault_stream.finish_set(l.plain_ids, l.plain_results);
	END IF;
	PERFORM vvault_stream.complete_slowly(c.ids[n], c.leases[n], c.results[n]) FROM unnest(l.special) n;
	SELECT string_agg(CASE WHEN s.state IS NOT NULL
			THEN format('{"job_id":%s,"state":"%s"}', s.job_id, s.state)
			ELSE format('{"job_id":%s,"error":"lease of job %1$s is not valid","sqlstate":"PT409"}', coalesce(s.job_id::text, 'null'))
		END, ',' ORDER BY s.n) INTO reply
	FROM (SELECT u.n, u.job_id, CASE WHEN u.n = ANY (l.plain) THEN 'finished'
			ELSE vvault_stream.told_state(u.job_id, u.lease, true) END AS state
		FROM unnest(c.ids, c.leases) WITH ORDINALITY u (job_id, lease, n)) s;
	RETURN '[' || coalesce(reply, '') || ']';
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_complete_many(json) IS
'Ends many jobs, and answers for each in their order as vvault_complete does, or {"job_id", "error", "sqlstate"} for one whose lease is not valid; the others end all the same.
Units and ranges: completions is an array of at most 1000 objects {"job_id", "lease", "result"}. Of two that are the same the first one''s result counts, and both get the same answer.
NULL: completions NULL is an error; result may be null or missing. Where job_id or lease is, or has another type, the lease is not valid.
Errors: 22023 for what is no such array; PT409 in the answers. A deadlock and its like end the whole call.
Source: vvault_stream.jobs, finished_jobs; rows are locked in the order of job_id. Jobs of a kind with limits or a done function take longer than others.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES ('worker', 'vvault_complete_many');
