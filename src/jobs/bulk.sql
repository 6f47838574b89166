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

-- json may hold what no text can, an escaped NUL or half of a surrogate pair:
-- that is found by whoever reads a field, and would end the whole call.
CREATE FUNCTION vvault_stream.is_readable(element json) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF element::text ~ '\\u(0000|[dD][89a-fA-F])' THEN
		BEGIN
			PERFORM FROM json_each_text(element);
		EXCEPTION WHEN data_exception THEN
			RETURN false;
		END;
	END IF;
	RETURN true;
END
$$;
COMMENT ON FUNCTION vvault_stream.is_readable(json) IS
'Whether the fields of an object can be read, or it has none.';

CREATE FUNCTION vvault_stream.job_fields() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY['kind', 'args', 'video_id', 'owner_id', 'priority', 'delay_seconds', 'max_attempts', 'job_key', 'needs',
	'after', 'cost'];
COMMENT ON FUNCTION vvault_stream.job_fields() IS
'What an element of vvault_enqueue_many may have.';

CREATE FUNCTION vvault_stream.enqueue_usual(kind text, args json, video_id text, owner_id text, priority integer,
	delay_seconds double precision, max_attempts integer, job_key text, needs bigint[], cost integer) RETURNS text
AS 'MODULE_PATHNAME', 'vvault_enqueue_usual'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION vvault_stream.enqueue_usual(text, json, text, text, integer, double precision, integer, text, bigint[], integer) IS
'vvault_enqueue for a job without key, needs and limit, with all it has in its range; 0A000 for another.';

CREATE FUNCTION vvault_stream.enqueue_set(jobs json) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT '[' || string_agg(vvault_stream.enqueue_usual(r.kind, r.args, r.video_id, coalesce(r.owner_id, ''),
			coalesce(r.priority, 0), coalesce(r.delay_seconds, 0), r.max_attempts, NULL, NULL, coalesce(r.cost, 1000)), ',') || ']'
		FROM json_to_recordset(enqueue_set.jobs) AS r (kind text, args json, video_id text, owner_id text, priority integer,
			delay_seconds double precision, max_attempts integer, cost integer));
END
$$;
COMMENT ON FUNCTION vvault_stream.enqueue_set(json) IS
'vvault_enqueue_many, where every job is a usual one; raises where one is not.';

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
-- wait for each other: all are locked before the first job, keys first, then what
-- is needed, then jobs that have the keys. Who ends a job locks it before what
-- needs it, too.
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
	PERFORM FROM vvault_stream.jobs j WHERE j.job_id = ANY (ARRAY(
		SELECT o.job_id FROM json_array_elements(jobs) e JOIN vvault_stream.jobs o ON o.kind = e ->> 'kind'
			AND o.owner_id = coalesce(e ->> 'owner_id', '') AND o.job_key = e ->> 'job_key' AND o.started_at IS NULL))
		AND j.started_at IS NULL
	ORDER BY j.job_id FOR SHARE;
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
	PERFORM vvault_stream.lock_for_many(CASE WHEN apart THEN
		(SELECT json_agg(e) FROM json_array_elements(jobs) e WHERE vvault_stream.is_readable(e)) ELSE jobs END);
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

CREATE FUNCTION vvault_stream.enqueue_or_not(jobs json, as_set boolean) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN CASE WHEN as_set THEN vvault_stream.enqueue_set(jobs) ELSE vvault_stream.enqueue_each(jobs, false) END;
EXCEPTION WHEN OTHERS THEN
	IF NOT vvault_stream.is_fault_of_one(SQLSTATE) THEN
		RAISE;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.enqueue_or_not(json, boolean) IS
'vvault_enqueue_many in one go or one by one; NULL where one is refused or cannot go that way, and none has come in.';

CREATE FUNCTION @extschema@.vvault_enqueue_many(jobs json) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER COST 1000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	escaped boolean := position('\u' IN jobs::text) > 0;
	unknown boolean;
	related boolean;
BEGIN
	PERFORM vvault_stream.check_many(jobs, 'jobs');
	IF json_array_length(jobs) = 0 THEN
		RETURN '[]';
	END IF;
	SELECT bool_or(f <> ALL (vvault_stream.job_fields())), bool_or(f IN ('job_key', 'needs', 'after')) INTO unknown, related
	FROM json_array_elements(jobs) e, json_object_keys(
		CASE WHEN json_typeof(e) = 'object' AND (NOT escaped OR vvault_stream.is_readable(e)) THEN e ELSE '{"":0}' END) f;
	RETURN coalesce(
		CASE WHEN NOT unknown AND NOT related THEN vvault_stream.enqueue_or_not(jobs, true) END,
		CASE WHEN NOT unknown THEN vvault_stream.enqueue_or_not(jobs, false) END,
		vvault_stream.enqueue_each(jobs, true));
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
BEGIN
	WITH gone AS (
		DELETE FROM vvault_stream.jobs j WHERE j.job_id = ANY (ids) RETURNING j.*)
	INSERT INTO vvault_stream.finished_jobs (job_id, created_at, started_at, priority, attempt, lease_half, kind, owner_id,
		video_id, job_key, worker, needs, args, result)
	SELECT g.job_id, g.created_at, g.started_at, nullif(g.priority, 0), g.attempt, vvault_stream.lease_half(g.lease), g.kind,
		g.owner_id, g.video_id, g.job_key, g.worker, g.needs, g.args, r.result
	FROM gone g JOIN unnest(ids, results) r (job_id, result) ON r.job_id = g.job_id;
END
$$;
COMMENT ON FUNCTION vvault_stream.finish_set(bigint[], json[]) IS
'Ends jobs that nothing hangs on but jobs that need them, whose rows are locked, with their results.';

CREATE FUNCTION vvault_stream.finish_usual(ids bigint[], leases uuid[], results json[]) RETURNS integer[]
AS 'MODULE_PATHNAME', 'vvault_finish_usual'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION vvault_stream.finish_usual(bigint[], uuid[], json[]) IS
'Ends jobs that run under these leases, if nothing hangs on any of them but jobs that need it; returns the positions of those that it ended.';

CREATE FUNCTION vvault_stream.meet_needs_of_set(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	needed bigint[];
BEGIN
	SELECT array_agg(DISTINCT n.needs) INTO needed FROM vvault_stream.job_needs n WHERE n.needs = ANY (ids);
	IF needed IS NOT NULL THEN
		PERFORM vvault_stream.meet_needs(needed, false);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.meet_needs_of_set(bigint[]) IS
'Takes jobs that are finished off the needs of others.';

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
	FROM (SELECT CASE WHEN vvault_stream.is_readable(c.e) THEN c.e END, c.n
		FROM json_array_elements(completions) WITH ORDINALITY c (e, n) OFFSET 0) r (e, n);
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
	done integer[];
	reply text;
BEGIN
	PERFORM vvault_stream.check_many(completions, 'completions');
	c := vvault_stream.read_completions(completions);
	done := vvault_stream.finish_usual(c.ids, c.leases, c.results);
	IF cardinality(done) > 0 THEN
		PERFORM vvault_stream.meet_needs_of_set(ARRAY(SELECT c.ids[n] FROM unnest(done) n));
		IF cardinality(done) = cardinality(c.ids) THEN
			RETURN '[' || (SELECT string_agg('{"job_id":' || i || ',"state":"finished"}', ',') FROM unnest(c.ids) i) || ']';
		END IF;
	END IF;
	l := vvault_stream.lock_completions(c.ids, c.leases, c.results);
	IF l.special IS NOT NULL THEN
		PERFORM vvault_stream.lock_needing(c.ids);
	END IF;
	IF l.plain IS NOT NULL THEN
		PERFORM vvault_stream.finish_set(l.plain_ids, l.plain_results);
		PERFORM vvault_stream.meet_needs_of_set(l.plain_ids);
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
NULL: completions NULL is an error; result may be null or missing. Where job_id or lease is, or has another type, the lease is not valid; nor is that of an object whose texts hold \u0000 or half of a surrogate pair.
Errors: 22023 for what is no such array; PT409 in the answers. A deadlock and its like end the whole call.
Source: vvault_stream.jobs, finished_jobs; rows are locked in the order of job_id. Jobs of a kind with limits or a done function take longer than others.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES ('worker', 'vvault_complete_many');
