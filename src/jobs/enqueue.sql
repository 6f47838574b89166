-- How jobs come in.

CREATE FUNCTION vvault_stream.check_job(kind text, video_id text, owner_id text, priority integer,
	delay_seconds double precision, max_attempts integer, job_key text, needs bigint[], cost integer)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wrong text;
	hint text;
BEGIN
	IF owner_id IS NULL OR octet_length(owner_id) > 255 THEN
		wrong := 'owner_id';
		hint := 'It is a text of at most 255 bytes, empty for none.';
	ELSIF octet_length(video_id) NOT BETWEEN 1 AND 64 THEN
		wrong := 'video_id';
		hint := 'It has 1 to 64 bytes.';
	ELSIF octet_length(job_key) NOT BETWEEN 1 AND 255 THEN
		wrong := 'job_key';
		hint := 'It has 1 to 255 bytes.';
	ELSIF priority IS NULL OR priority NOT BETWEEN -32768 AND 32767 THEN
		wrong := 'priority';
		hint := 'It is from -32768 to 32767.';
	ELSIF delay_seconds IS NULL OR NOT delay_seconds BETWEEN 0 AND 315360000 THEN
		wrong := 'delay_seconds';
		hint := 'It is from 0 to 315360000, ten years.';
	ELSIF max_attempts NOT BETWEEN 1 AND 32767 THEN
		wrong := 'max_attempts';
		hint := 'It is from 1 to 32767.';
	ELSIF cost IS NULL OR cost < 1 THEN
		wrong := 'cost';
		hint := 'It is at least 1; 1000 is a job like any other.';
	ELSIF cardinality(needs) > 1000 OR array_ndims(needs) > 1 OR array_position(needs, NULL) IS NOT NULL THEN
		wrong := 'needs';
		hint := 'They are at most 1000 job ids.';
	END IF;
	IF wrong IS NOT NULL THEN
		PERFORM vvault_stream.refuse('invalid ' || wrong, hint);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_job(text, text, text, integer, double precision, integer, text, bigint[], integer) IS
'Raises 22023 for what no job can have.';

CREATE FUNCTION vvault_stream.unknown_kind(kind text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.refuse(coalesce('invalid kind "' || left(unknown_kind.kind, 64) || '"', 'kind must not be null'),
		coalesce('The kinds are ' || (SELECT string_agg(k.kind, ', ' ORDER BY k.kind)
			FROM vvault_stream.job_kinds k) || '.', 'There is no kind yet: insert one into vvault_stream.job_kinds.'));
END
$$;
COMMENT ON FUNCTION vvault_stream.unknown_kind(text) IS
'Raises 22023 with the kinds that there are.';

-- A need that is there stays as long as this transaction is open: whoever ends
-- it waits, and sees then who needs it.
CREATE FUNCTION vvault_stream.open_needs(needs bigint[]) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	open bigint[];
	missing bigint;
BEGIN
	SELECT array_agg(l.job_id) INTO open FROM (
		SELECT j.job_id FROM vvault_stream.jobs j WHERE j.job_id = ANY (open_needs.needs)
		ORDER BY j.job_id FOR KEY SHARE) l;
	SELECT n INTO missing FROM unnest(open_needs.needs) n
	WHERE n <> ALL (coalesce(open, '{}')) AND NOT EXISTS (SELECT FROM vvault_stream.finished_jobs f
		WHERE f.job_id = n AND NOT f.cancelled)
	ORDER BY n LIMIT 1;
	IF missing IS NOT NULL THEN
		PERFORM vvault_stream.refuse(format('job %s cannot be needed: it was cancelled or is not known', missing),
			'What a job needs has been enqueued before it, and is open or finished.');
	END IF;
	RETURN coalesce(open, '{}');
END
$$;
COMMENT ON FUNCTION vvault_stream.open_needs(bigint[]) IS
'Those of some jobs that are not finished yet, locked against their end; 22023 for one that can never be.';

CREATE FUNCTION vvault_stream.key_number(kind text, owner_id text, job_key text) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN pg_catalog.hashtextextended(pg_catalog.concat_ws(pg_catalog.chr(1), 'vvault_stream job_key', kind, owner_id, job_key), 0);
COMMENT ON FUNCTION vvault_stream.key_number(text, text, text) IS
'The number of the advisory lock of a job''s key.';

-- The job that is given back is not taken before this transaction ends: so
-- whatever takes it sees what it was asked for again for. One that is being
-- taken is waited for, and has begun then, unless that is rolled back.
CREATE FUNCTION vvault_stream.job_with_key(kind text, owner_id text, job_key text) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	same record;
BEGIN
	-- one at a time for a key, so that the second sees the first
	PERFORM pg_advisory_xact_lock(vvault_stream.key_number(
		job_with_key.kind, job_with_key.owner_id, job_with_key.job_key));
	SELECT j.job_id, j.state INTO same FROM vvault_stream.jobs j
	WHERE j.kind = job_with_key.kind AND j.owner_id = job_with_key.owner_id
		AND j.job_key = job_with_key.job_key AND j.started_at IS NULL
	FOR SHARE;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	-- who passed it over meanwhile looks again
	PERFORM vvault_stream.wake_workers(job_with_key.kind);
	RETURN json_build_object('job_id', same.job_id, 'state', vvault_stream.job_state(same.state), 'created', false);
END
$$;
COMMENT ON FUNCTION vvault_stream.job_with_key(text, text, text) IS
'The reply for a job that has not begun and has this key, or NULL; before this transaction ends nobody else can make one, or take it.';

-- What enqueue.c leaves to it: whatever is not one plain INSERT.
CREATE FUNCTION vvault_stream.enqueue_slowly(kind text, args json, video_id text, owner_id text, priority integer,
	delay_seconds double precision, max_attempts integer, job_key text, needs bigint[], cost integer)
RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	k record;
	open bigint[];
	existing json;
	new_state "char" := 'r';
	new_id bigint;
BEGIN
	SELECT d.max_attempts, coalesce(l.running_limit, d.owner_running_limit) AS most, coalesce(l.weight, 1) AS weight
	INTO k FROM vvault_stream.job_kinds d LEFT JOIN vvault_stream.job_limits l
		ON l.kind = enqueue_slowly.kind AND l.owner_id = enqueue_slowly.owner_id
	WHERE d.kind = enqueue_slowly.kind;
	IF NOT FOUND THEN
		PERFORM vvault_stream.unknown_kind(enqueue_slowly.kind);
	END IF;
	PERFORM vvault_stream.check_job(enqueue_slowly.kind, enqueue_slowly.video_id, enqueue_slowly.owner_id,
		enqueue_slowly.priority, enqueue_slowly.delay_seconds, enqueue_slowly.max_attempts,
		enqueue_slowly.job_key, enqueue_slowly.needs, enqueue_slowly.cost);
	IF enqueue_slowly.job_key IS NOT NULL THEN
		existing := vvault_stream.job_with_key(enqueue_slowly.kind, enqueue_slowly.owner_id, enqueue_slowly.job_key);
		IF existing IS NOT NULL THEN
			RETURN existing;
		END IF;
	END IF;
	IF enqueue_slowly.needs IS NOT NULL THEN
		open := vvault_stream.open_needs(enqueue_slowly.needs);
	END IF;
	IF cardinality(open) > 0 THEN
		new_state := 'w';
	ELSIF enqueue_slowly.delay_seconds > 0 THEN
		new_state := 's';
	ELSIF k.most IS NOT NULL AND vvault_stream.owner_is_full(enqueue_slowly.kind, enqueue_slowly.owner_id, k.most) THEN
		new_state := 'h';
	END IF;
	INSERT INTO vvault_stream.jobs AS n (kind, args, video_id, owner_id, priority, max_attempts, job_key, needs, cost,
		state, needs_left, run_at, turn)
	VALUES (enqueue_slowly.kind, coalesce(enqueue_slowly.args, '{}'), enqueue_slowly.video_id, enqueue_slowly.owner_id,
		enqueue_slowly.priority, coalesce(enqueue_slowly.max_attempts, k.max_attempts), enqueue_slowly.job_key,
		enqueue_slowly.needs, enqueue_slowly.cost, new_state, coalesce(cardinality(open), 0),
		CASE WHEN enqueue_slowly.delay_seconds > 0 THEN clock_timestamp() + make_interval(secs => enqueue_slowly.delay_seconds) END,
		CASE WHEN new_state <> 'r' THEN 0 ELSE vvault_stream.next_turn(enqueue_slowly.kind, enqueue_slowly.owner_id,
			enqueue_slowly.priority::smallint, greatest(round(enqueue_slowly.cost / k.weight), 1)::bigint, false) END)
	RETURNING n.job_id INTO new_id;
	IF new_state = 'w' THEN
		INSERT INTO vvault_stream.job_needs (job_id, needs) SELECT new_id, n FROM unnest(open) n;
	END IF;
	IF new_state IN ('r', 's') THEN
		PERFORM vvault_stream.wake_workers(enqueue_slowly.kind);
	END IF;
	RETURN json_build_object('job_id', new_id, 'state', vvault_stream.job_state(new_state), 'created', true);
END
$$;
COMMENT ON FUNCTION vvault_stream.enqueue_slowly(text, json, text, text, integer, double precision, integer, text, bigint[], integer) IS
'vvault_enqueue, for whatever comes.';

-- It becomes its owner by itself where it runs SQL.
CREATE FUNCTION @extschema@.vvault_enqueue(kind text, args json DEFAULT '{}', video_id text DEFAULT NULL,
	owner_id text DEFAULT '', priority integer DEFAULT 0, delay_seconds double precision DEFAULT 0,
	max_attempts integer DEFAULT NULL, job_key text DEFAULT NULL, needs bigint[] DEFAULT NULL,
	cost integer DEFAULT 1000) RETURNS json
LANGUAGE c VOLATILE COST 100
AS 'MODULE_PATHNAME', 'vvault_enqueue';
COMMENT ON FUNCTION @extschema@.vvault_enqueue(text, json, text, text, integer, double precision, integer, text, bigint[], integer) IS
'Puts a job into the queue: {"job_id", "state", "created"}.
Units and ranges: kind is one of vvault_stream.job_kinds; args is anything its worker understands; video_id and owner_id say whose it is, an owner_id of "" is nobody; a higher priority goes first, from -32768 to 32767; delay_seconds from 0 to 315360000; max_attempts from 1 to 32767; a job_key gives back the job of that kind and owner that has the same key and has not begun ("created": false), and makes a new one beside one that has; needs are up to 1000 jobs that have to be finished before; cost from 1, 1000 by default, is what the job counts in its owner''s share.
NULL: args NULL is {}, max_attempts NULL is the kind''s; without video_id, job_key and needs the job has none. Any other NULL is an error.
Errors: 22023 for what is out of range, an unknown kind, or a need that was cancelled or is not known.
Source: vvault_stream.jobs. The job can be taken as soon as the transaction commits. Jobs of one owner may be ordered by their number only where they came at once.';
