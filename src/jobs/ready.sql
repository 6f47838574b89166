-- How a job becomes ready: its turn among the owners, the limit of its own
-- owner, and what it needs. Who calls these holds the lock of the job's row.

CREATE FUNCTION vvault_stream.wake_workers(kind text) RETURNS void
AS 'MODULE_PATHNAME', 'vvault_wake_workers'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1;
COMMENT ON FUNCTION vvault_stream.wake_workers(text) IS
'When this transaction commits, wakes a worker that waits for a job of this kind; called once for each job that becomes ready.';

-- Whoever is ready takes its turn behind the owner's own jobs, or beside the
-- first of the others. So each owner's jobs stand one step apart, and owners
-- alternate whatever they have waiting. Nothing is remembered of jobs that are
-- gone. A job that was given out before and comes back at once goes to the
-- front, as it had its turn; but behind the very first, or jobs that come back
-- again and again would keep another owner's from ever being that.
CREATE FUNCTION vvault_stream.next_turn(kind text, owner_id text, priority smallint, step bigint, again boolean)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	turn bigint;
BEGIN
	IF NOT next_turn.again THEN
		SELECT j.turn + next_turn.step INTO turn FROM vvault_stream.jobs j
		WHERE j.kind = next_turn.kind AND j.owner_id = next_turn.owner_id AND j.priority = next_turn.priority
			AND j.state = 'r'
		ORDER BY j.turn DESC LIMIT 1;
	END IF;
	IF turn IS NULL THEN
		SELECT j.turn + next_turn.again::integer INTO turn FROM vvault_stream.jobs j
		WHERE j.kind = next_turn.kind AND j.priority = next_turn.priority AND j.state = 'r'
		ORDER BY j.turn LIMIT 1;
	END IF;
	RETURN coalesce(turn, 0);
END
$$;
COMMENT ON FUNCTION vvault_stream.next_turn(text, text, smallint, bigint, boolean) IS
'The turn of a job that becomes ready; step is its cost by its owner''s weight, again says that it was given out before.';

CREATE FUNCTION vvault_stream.owner_is_full(kind text, owner_id text, most integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
BEGIN
	RETURN owner_is_full.most <= (SELECT count(*) FROM (
		(SELECT FROM vvault_stream.jobs j
		WHERE j.kind = owner_is_full.kind AND j.owner_id = owner_is_full.owner_id AND j.state = 'x'
		LIMIT owner_is_full.most)
		UNION ALL
		(SELECT FROM vvault_stream.jobs j
		WHERE j.kind = owner_is_full.kind AND j.owner_id = owner_is_full.owner_id AND j.state = 'r'
		LIMIT owner_is_full.most)) q);
END
$$;
COMMENT ON FUNCTION vvault_stream.owner_is_full(text, text, integer) IS
'Whether so many jobs of an owner run or are ready, so that another one is held; NULL without a limit.';

CREATE FUNCTION vvault_stream.make_ready(job_id bigint, again boolean) RETURNS "char"
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	j record;
	new_state "char" := 'r';
BEGIN
	SELECT o.kind, o.owner_id, o.priority, greatest(round(o.cost / coalesce(l.weight, 1)), 1)::bigint AS step,
		coalesce(l.running_limit, k.owner_running_limit) AS most
	INTO j
	FROM vvault_stream.jobs o
		LEFT JOIN vvault_stream.job_kinds k ON k.kind = o.kind
		LEFT JOIN vvault_stream.job_limits l ON l.kind = o.kind AND l.owner_id = o.owner_id
	WHERE o.job_id = make_ready.job_id;
	IF vvault_stream.owner_is_full(j.kind, j.owner_id, j.most) THEN
		new_state := 'h';
	END IF;
	UPDATE vvault_stream.jobs o
	SET state = new_state, run_at = NULL, lease_until = NULL,
		turn = CASE WHEN new_state = 'r' THEN
			vvault_stream.next_turn(j.kind, j.owner_id, j.priority, j.step, make_ready.again) ELSE 0 END
	WHERE o.job_id = make_ready.job_id;
	IF new_state = 'r' THEN
		PERFORM vvault_stream.wake_workers(j.kind);
	END IF;
	RETURN new_state;
END
$$;
COMMENT ON FUNCTION vvault_stream.make_ready(bigint, boolean) IS
'Makes a job ready, or holds it where its owner has its limit of jobs; returns the state. The caller holds the row''s lock.';

-- Two transactions that cannot see each other may leave a held job that has
-- room. So whoever finds too few ready jobs, or waits for one, looks here too.
CREATE FUNCTION vvault_stream.release_held(kind text, owner_id text, most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	held bigint;
	released integer := 0;
BEGIN
	WHILE NOT coalesce(vvault_stream.owner_is_full(release_held.kind, release_held.owner_id, release_held.most), false) LOOP
		SELECT j.job_id INTO held FROM vvault_stream.jobs j
		WHERE j.kind = release_held.kind AND j.owner_id = release_held.owner_id AND j.state = 'h'
		ORDER BY j.priority DESC, j.job_id LIMIT 1
		FOR NO KEY UPDATE SKIP LOCKED;
		EXIT WHEN NOT FOUND OR released >= 1000;
		PERFORM vvault_stream.make_ready(held, false);
		released := released + 1;
	END LOOP;
	RETURN released;
END
$$;
COMMENT ON FUNCTION vvault_stream.release_held(text, text, integer) IS
'Makes held jobs of an owner ready for as long as there is room below most (NULL: no limit); returns how many.';

CREATE FUNCTION vvault_stream.release_all_held(kind text) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	o text := NULL;
	most integer;
	released integer := 0;
BEGIN
	LOOP
		-- from owner to owner, each found by one probe
		SELECT j.owner_id INTO o FROM vvault_stream.jobs j
		WHERE j.kind = release_all_held.kind AND j.state = 'h' AND (o IS NULL OR j.owner_id > o)
		ORDER BY j.owner_id LIMIT 1;
		EXIT WHEN NOT FOUND;
		SELECT coalesce((SELECT l.running_limit FROM vvault_stream.job_limits l
				WHERE l.kind = release_all_held.kind AND l.owner_id = o), k.owner_running_limit) INTO most
		FROM vvault_stream.job_kinds k WHERE k.kind = release_all_held.kind;
		released := released + vvault_stream.release_held(release_all_held.kind, o, most);
	END LOOP;
	RETURN released;
END
$$;
COMMENT ON FUNCTION vvault_stream.release_all_held(text) IS
'Makes held jobs of a kind ready where their owners have room; returns how many.';

-- What a job's end means to those that need it. Rows of jobs are locked before
-- those of job_needs, both in the order of job_id, by everybody. attempted:
-- the job was tried, and is not finished.
CREATE FUNCTION vvault_stream.meet_needs(met bigint[], attempted boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	waiting bigint[];
	j record;
BEGIN
	SELECT array_agg(DISTINCT n.job_id) INTO waiting FROM vvault_stream.job_needs n
	WHERE n.needs = ANY (meet_needs.met) AND (n.one_attempt OR NOT meet_needs.attempted);
	IF waiting IS NULL THEN
		RETURN;
	END IF;
	PERFORM FROM vvault_stream.jobs o WHERE o.job_id = ANY (waiting) ORDER BY o.job_id FOR NO KEY UPDATE;
	FOR j IN
		WITH gone AS (
			DELETE FROM vvault_stream.job_needs n
			WHERE n.needs = ANY (meet_needs.met) AND (n.one_attempt OR NOT meet_needs.attempted)
			RETURNING n.job_id)
		UPDATE vvault_stream.jobs o SET needs_left = o.needs_left - g.met
		FROM (SELECT gone.job_id, count(*) AS met FROM gone GROUP BY gone.job_id) g
		WHERE o.job_id = g.job_id AND o.state = 'w'
		RETURNING o.job_id, o.needs_left, o.run_at
	LOOP
		IF j.needs_left > 0 THEN
			CONTINUE;
		ELSIF j.run_at > clock_timestamp() THEN
			UPDATE vvault_stream.jobs o SET state = 's' WHERE o.job_id = j.job_id;
		ELSE
			PERFORM vvault_stream.make_ready(j.job_id, false);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION vvault_stream.meet_needs(bigint[], boolean) IS
'Takes ended jobs off the needs of others, and makes those ready that need nothing more.';
