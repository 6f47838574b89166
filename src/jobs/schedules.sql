-- What comes back after a while: the timer of all rooms. A schedule makes a job,
-- or calls a function in the database, at instants that lie `every` apart from
-- its first one: late runs do not move the next, and what was missed runs once.

CREATE TABLE vvault_stream.schedules (
	name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
	every interval NOT NULL CHECK (every BETWEEN '1 second' AND '36500 days'
		AND extract(year FROM every) = 0 AND extract(month FROM every) = 0),
	kind text COLLATE "C",
	call_schema text,
	call_function text,
	args json NOT NULL DEFAULT '{}',
	owner_id text COLLATE "C" NOT NULL DEFAULT '' CHECK (octet_length(owner_id) <= 255),
	priority smallint NOT NULL DEFAULT 0,
	enabled boolean NOT NULL DEFAULT true,
	next_at timestamptz NOT NULL CHECK (isfinite(next_at)),
	runs bigint NOT NULL DEFAULT 0,
	last_at timestamptz,
	last_job_id bigint,
	last_error text,
	shipped boolean NOT NULL DEFAULT false,
	CHECK ((call_schema IS NULL) = (call_function IS NULL)),
	CHECK ((kind IS NULL) <> (call_function IS NULL))
);
COMMENT ON TABLE vvault_stream.schedules IS
'What is to be done again and again: every so often a job of a kind, or a function of the extension''s owner that takes args. next_at is on a grid of every, which is a fixed time: a day has 24 hours. Dumped.';
CREATE INDEX schedules_next ON vvault_stream.schedules (next_at) WHERE enabled;
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.schedules', '');

CREATE FUNCTION vvault_stream.keep_shipped_schedule() RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE vvault_stream.schedules s
	SET every = NEW.every, args = NEW.args, enabled = NEW.enabled, next_at = NEW.next_at, runs = NEW.runs,
		last_at = NEW.last_at, last_error = NEW.last_error
	WHERE s.name = NEW.name AND s.shipped;
	RETURN CASE WHEN FOUND THEN NULL ELSE NEW END;
END
$$;
COMMENT ON FUNCTION vvault_stream.keep_shipped_schedule() IS
'Lets a row that names a shipped schedule, as a dump has it, change its settings instead of colliding with it.';
CREATE TRIGGER keep_shipped BEFORE INSERT ON vvault_stream.schedules
	FOR EACH ROW EXECUTE FUNCTION vvault_stream.keep_shipped_schedule();

CREATE FUNCTION vvault_stream.prune_jobs_scheduled(args json) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN @extschema@.vvault_prune_jobs(coalesce((args ->> 'max_jobs')::integer, 10000));
END
$$;
COMMENT ON FUNCTION vvault_stream.prune_jobs_scheduled(json) IS
'What the schedule prune_jobs calls.';

INSERT INTO vvault_stream.schedules (name, every, call_schema, call_function, args, next_at, shipped)
VALUES ('prune_jobs', '10 minutes', 'vvault_stream', 'prune_jobs_scheduled', '{"max_jobs": 1000000}',
	pg_catalog.now() OPERATOR(pg_catalog.+) interval '10 minutes', true);

CREATE FUNCTION vvault_stream.next_on_grid(next_at timestamptz, every interval, now timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN now < next_at THEN next_at ELSE next_at + make_interval(secs => (extract(epoch FROM every)
	* (floor(extract(epoch FROM now - next_at) / extract(epoch FROM every)) + 1))::double precision) END;
COMMENT ON FUNCTION vvault_stream.next_on_grid(timestamptz, interval, timestamptz) IS
'The first instant after now that is next_at or a multiple of every behind it.';

-- The row is locked until the transaction ends. Whoever comes at the same time
-- passes it over, and whoever comes after sees that its time has not come.
CREATE FUNCTION vvault_stream.run_due_schedule() RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off
AS $$
DECLARE
	s vvault_stream.schedules;
	came json;
	problem text;
BEGIN
	SELECT o.* INTO s FROM vvault_stream.schedules o WHERE o.enabled AND o.next_at <= clock_timestamp()
	ORDER BY o.next_at LIMIT 1 FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	BEGIN
		IF s.kind IS NOT NULL THEN
			came := vvault_stream.enqueue_slowly(s.kind, s.args, NULL, s.owner_id, s.priority, 0, NULL,
				'schedule ' || s.name, NULL, 1000);
		ELSE
			EXECUTE format('SELECT %s($1)', vvault_stream.kind_function(s.call_schema, s.call_function, '114'))
				INTO came USING s.args;
		END IF;
	EXCEPTION WHEN OTHERS THEN
		IF NOT vvault_stream.is_fault_of_one(SQLSTATE) THEN
			RAISE;
		END IF;
		problem := format('%s: %s', SQLSTATE, SQLERRM);
	END;
	UPDATE vvault_stream.schedules o
	SET next_at = vvault_stream.next_on_grid(s.next_at, s.every, clock_timestamp()), runs = o.runs + 1,
		last_at = clock_timestamp(), last_error = problem,
		last_job_id = CASE WHEN s.kind IS NOT NULL THEN (came ->> 'job_id')::bigint END
	WHERE o.name = s.name;
	RETURN json_build_object('name', s.name, 'kind', s.kind, 'result', came, 'error', problem);
END
$$;
COMMENT ON FUNCTION vvault_stream.run_due_schedule() IS
'Runs one schedule whose time has come; NULL where there is none. An error is noted with it, and its next time comes all the same.';

CREATE FUNCTION vvault_stream.start_schedule_worker() RETURNS void
AS 'MODULE_PATHNAME', 'vvault_start_schedule_worker'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1;
COMMENT ON FUNCTION vvault_stream.start_schedule_worker() IS
'Starts the background worker that runs what is due and ends, unless it was started a moment ago; does nothing without the server''s shared memory, and on a standby.';

-- Called by whoever waits for jobs or finds none, so that no process has to stay
-- for the sake of the clock alone.
CREATE FUNCTION vvault_stream.seconds_to_schedule() RETURNS double precision
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	seconds double precision;
BEGIN
	SELECT extract(epoch FROM s.next_at - clock_timestamp()) INTO seconds FROM vvault_stream.schedules s
	WHERE s.enabled ORDER BY s.next_at LIMIT 1;
	IF seconds <= 0 THEN
		PERFORM vvault_stream.start_schedule_worker();
		RETURN 1;
	END IF;
	RETURN seconds;
END
$$;
COMMENT ON FUNCTION vvault_stream.seconds_to_schedule() IS
'Seconds until the next schedule, NULL where there is none. One that is due is seen to by a background worker, and looked for again in a second.';

CREATE FUNCTION @extschema@.vvault_run_schedules(max_runs integer DEFAULT 100) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ran json;
	all_of_them json[] := '{}';
BEGIN
	IF max_runs IS NULL OR max_runs NOT BETWEEN 1 AND 10000 THEN
		PERFORM vvault_stream.refuse('invalid max_runs', 'It is from 1 to 10000.');
	END IF;
	FOR i IN 1 .. max_runs LOOP
		ran := vvault_stream.run_due_schedule();
		EXIT WHEN ran IS NULL;
		all_of_them := all_of_them || ran;
	END LOOP;
	RETURN json_build_object('ran', array_to_json(all_of_them));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_run_schedules(integer) IS
'Runs the schedules whose time has come: {"ran": [{"name", "kind", "result", "error"}]}, where result is what vvault_enqueue, or the schedule''s function, answered. Call it from cron where the library is not preloaded; else a background worker does the same when workers ask for jobs or wait.
Units and ranges: max_runs from 1 to 10000.
NULL: NULL is an error.
Errors: 22023 for max_runs out of range. What a schedule raises is noted in error, and its next time comes all the same.
Source: vvault_stream.schedules. Two callers never run the same time of a schedule twice; what was missed, while nobody called, runs once.';

CREATE FUNCTION vvault_stream.schedule_object(s vvault_stream.schedules) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN json_build_object('name', (s).name, 'every_seconds', extract(epoch FROM (s).every)::double precision, 'kind', (s).kind,
		'function', (s).call_schema || '.' || (s).call_function, 'args', (s).args, 'owner_id', (s).owner_id,
		'priority', (s).priority, 'enabled', (s).enabled, 'next_at', vvault_stream.utc_text((s).next_at), 'runs', (s).runs,
		'last_at', vvault_stream.utc_text((s).last_at), 'last_job_id', (s).last_job_id, 'last_error', (s).last_error,
		'shipped', (s).shipped);
END
$$;
COMMENT ON FUNCTION vvault_stream.schedule_object(vvault_stream.schedules) IS
'A schedule as operators see it.';

CREATE FUNCTION vvault_stream.check_schedule(every interval, kind text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF every NOT BETWEEN '1 second' AND '36500 days' OR extract(year FROM every) <> 0 OR extract(month FROM every) <> 0 THEN
		PERFORM vvault_stream.refuse('invalid every', 'It is a fixed time from a second to 36500 days, without months: ''1 day'' has 24 hours.');
	ELSIF kind IS NOT NULL AND NOT EXISTS (SELECT FROM vvault_stream.job_kinds k WHERE k.kind = check_schedule.kind) THEN
		PERFORM vvault_stream.unknown_kind(check_schedule.kind);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_schedule(interval, text) IS
'Raises 22023 for what no schedule can have.';

CREATE FUNCTION @extschema@.vvault_schedule(name text, every interval DEFAULT NULL, kind text DEFAULT NULL, args json DEFAULT NULL,
	owner_id text DEFAULT NULL, priority integer DEFAULT NULL, enabled boolean DEFAULT NULL, first_at timestamptz DEFAULT NULL)
RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	s vvault_stream.schedules;
	old vvault_stream.schedules;
BEGIN
	IF vvault_schedule.name IS NULL OR vvault_schedule.name !~ '^[a-z][a-z0-9_]{0,62}$' THEN
		PERFORM vvault_stream.refuse('invalid name', 'It has 1 to 63 small letters, digits and underscores, and begins with a letter.');
	ELSIF NOT isfinite(vvault_schedule.first_at) THEN
		PERFORM vvault_stream.refuse('invalid first_at', 'It is an instant.');
	END IF;
	PERFORM vvault_stream.check_job('', NULL, coalesce(vvault_schedule.owner_id, ''), coalesce(vvault_schedule.priority, 0), 0, 1, NULL, NULL, 1);
	PERFORM vvault_stream.check_schedule(vvault_schedule.every, vvault_schedule.kind);
	-- one at a time for a name, so that the second sees the first
	PERFORM pg_advisory_xact_lock(hashtextextended('vvault_stream schedule ' || vvault_schedule.name, 0));
	SELECT o.* INTO old FROM vvault_stream.schedules o WHERE o.name = vvault_schedule.name FOR UPDATE;
	IF old.name IS NULL AND (vvault_schedule.every IS NULL OR vvault_schedule.kind IS NULL) THEN
		PERFORM vvault_stream.refuse(format('schedule "%s" is not there', vvault_schedule.name), 'A new one needs every and kind.');
	ELSIF old.shipped AND vvault_schedule.kind IS NOT NULL THEN
		PERFORM vvault_stream.refuse(format('schedule "%s" is shipped', old.name), 'What it does cannot change; when and whether it does can.');
	END IF;
	s := old;
	s.name := vvault_schedule.name;
	s.every := coalesce(vvault_schedule.every, old.every);
	IF vvault_schedule.kind IS NOT NULL THEN
		s.kind := vvault_schedule.kind;
		s.call_schema := NULL;
		s.call_function := NULL;
	END IF;
	s.args := coalesce(vvault_schedule.args, old.args, '{}');
	s.owner_id := coalesce(vvault_schedule.owner_id, old.owner_id, '');
	s.priority := coalesce(vvault_schedule.priority, old.priority, 0);
	s.enabled := coalesce(vvault_schedule.enabled, old.enabled, true);
	s.next_at := coalesce(vvault_schedule.first_at, CASE WHEN s.every = old.every THEN old.next_at END, clock_timestamp() + s.every);
	IF old.name IS NULL THEN
		INSERT INTO vvault_stream.schedules (name, every, kind, args, owner_id, priority, enabled, next_at)
		VALUES (s.name, s.every, s.kind, s.args, s.owner_id, s.priority, s.enabled, s.next_at) RETURNING * INTO s;
	ELSE
		UPDATE vvault_stream.schedules o SET every = s.every, kind = s.kind, call_schema = s.call_schema,
			call_function = s.call_function, args = s.args, owner_id = s.owner_id, priority = s.priority,
			enabled = s.enabled, next_at = s.next_at WHERE o.name = s.name;
	END IF;
	RETURN vvault_stream.schedule_object(s);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_schedule(text, interval, text, json, text, integer, boolean, timestamptz) IS
'Makes a schedule, or changes one: from then on a job of its kind is enqueued every so often. Answers with the schedule as vvault_schedules shows it.
Units and ranges: name has 1 to 63 characters a-z, 0-9 and _; every is a fixed time from a second to 36500 days, a day of 24 hours, without months; kind is one of vvault_stream.job_kinds; args, owner_id and priority are the jobs''; first_at is when it runs first, and all its times are a multiple of every behind it.
NULL: what is NULL keeps its value, and of a new schedule has its default: {}, "", 0, true, and first_at one every from now. A new one needs every and kind. A changed every begins anew from now where first_at is NULL.
Errors: 22023 for what is out of range, an unknown kind, or another kind for a schedule that is shipped.
Source: vvault_stream.schedules. While a job that it made has not begun, no second one is made.';

CREATE FUNCTION @extschema@.vvault_unschedule(name text) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	removed boolean;
BEGIN
	IF EXISTS (SELECT FROM vvault_stream.schedules s WHERE s.name = vvault_unschedule.name AND s.shipped) THEN
		PERFORM vvault_stream.refuse(format('schedule "%s" is shipped', vvault_unschedule.name),
			'Turn it off: vvault_schedule(name, enabled => false).');
	END IF;
	DELETE FROM vvault_stream.schedules s WHERE s.name = vvault_unschedule.name;
	removed := FOUND;
	RETURN json_build_object('name', vvault_unschedule.name, 'removed', removed);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_unschedule(text) IS
'Removes a schedule: {"name", "removed"}. Jobs that it made stay.
Units and ranges: name as vvault_schedule took it.
NULL: NULL removes none.
Errors: 22023 for a schedule that is shipped.
Source: vvault_stream.schedules.';

CREATE FUNCTION @extschema@.vvault_schedules() RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN json_build_object('schedules', coalesce((
		SELECT json_agg(vvault_stream.schedule_object(s) ORDER BY s.name) FROM vvault_stream.schedules s), '[]'));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_schedules() IS
'The schedules by name: {"schedules": [{"name", "every_seconds", "kind", "function", "args", "owner_id", "priority", "enabled", "next_at", "runs", "last_at", "last_job_id", "last_error", "shipped"}]}.
Units and ranges: instants are in UTC; runs counts all, also those that failed; last_error is of the last one.
NULL: kind is null where a function is called, function where a job is made.
Errors: none.
Source: vvault_stream.schedules.';
