-- The queue: kinds of jobs and their limits, jobs, what jobs need, and what is
-- left of those that ended.

CREATE TABLE vvault_stream.job_kinds (
	kind text COLLATE "C" PRIMARY KEY CHECK (kind ~ '^[a-z][a-z0-9_]{0,62}$'),
	description text,
	lease_seconds double precision NOT NULL DEFAULT 60 CHECK (lease_seconds BETWEEN 0.1 AND 86400),
	max_attempts smallint NOT NULL DEFAULT 5 CHECK (max_attempts >= 1),
	retry_seconds double precision NOT NULL DEFAULT 15 CHECK (retry_seconds BETWEEN 0 AND 31536000),
	retry_factor double precision NOT NULL DEFAULT 2 CHECK (retry_factor BETWEEN 1 AND 100),
	retry_most_seconds double precision NOT NULL DEFAULT 3600 CHECK (retry_most_seconds BETWEEN 0 AND 31536000),
	retry_table double precision[],
	running_limit integer CHECK (running_limit >= 1),
	owner_running_limit integer CHECK (owner_running_limit >= 1),
	progress_seconds double precision CHECK (progress_seconds > 0 AND progress_seconds <= 31536000),
	keep_seconds double precision NOT NULL DEFAULT 604800 CHECK (keep_seconds BETWEEN 0 AND 3153600000),
	outside boolean NOT NULL DEFAULT false,
	paused boolean NOT NULL DEFAULT false,
	order_schema text,
	order_function text,
	done_schema text,
	done_function text,
	shipped boolean NOT NULL DEFAULT false,
	CHECK ((order_schema IS NULL) = (order_function IS NULL)),
	CHECK ((done_schema IS NULL) = (done_function IS NULL)),
	CHECK (CASE WHEN array_ndims(retry_table) > 1 THEN false ELSE array_position(retry_table, NULL) IS NULL
		AND 0 <= ALL (retry_table) AND 31536000 >= ALL (retry_table) END)
);
COMMENT ON TABLE vvault_stream.job_kinds IS
'What kinds of jobs there are: how long a lease lasts, how often and when a job is tried again (retry_table by attempt, else retry_seconds times retry_factor for each attempt up to retry_most_seconds), how many run at once in all and of one owner, and which functions make its order and end it. A kind marked outside has effects outside the database and is given out in an armed database only. Dumped.';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.job_kinds', '');

-- A dumped row of a shipped kind meets the shipped one when it is restored: the
-- owner's choices win, the functions stay those of this version.
CREATE FUNCTION vvault_stream.keep_shipped_kind() RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE vvault_stream.job_kinds k
	SET lease_seconds = NEW.lease_seconds, max_attempts = NEW.max_attempts,
		retry_seconds = NEW.retry_seconds, retry_factor = NEW.retry_factor,
		retry_most_seconds = NEW.retry_most_seconds, retry_table = NEW.retry_table,
		running_limit = NEW.running_limit, owner_running_limit = NEW.owner_running_limit,
		progress_seconds = NEW.progress_seconds, keep_seconds = NEW.keep_seconds,
		paused = NEW.paused
	WHERE k.kind = NEW.kind AND k.shipped;
	RETURN CASE WHEN FOUND THEN NULL ELSE NEW END;
END
$$;
COMMENT ON FUNCTION vvault_stream.keep_shipped_kind() IS
'Lets a row that names a shipped kind change its settings instead of colliding with it.';
CREATE TRIGGER keep_shipped BEFORE INSERT ON vvault_stream.job_kinds
	FOR EACH ROW EXECUTE FUNCTION vvault_stream.keep_shipped_kind();

CREATE TABLE vvault_stream.job_limits (
	kind text COLLATE "C" NOT NULL,
	owner_id text COLLATE "C" NOT NULL,
	running_limit integer CHECK (running_limit >= 1),
	weight double precision NOT NULL DEFAULT 1 CHECK (weight BETWEEN 0.001 AND 1000),
	PRIMARY KEY (kind, owner_id)
);
COMMENT ON TABLE vvault_stream.job_limits IS
'What one owner has of a kind: how many of its jobs run at once (NULL: as the kind says), and its weight, which is its share beside other owners. Dumped.';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.job_limits', '');

-- Backends remember what both tables say: see kind.c.
CREATE FUNCTION vvault_stream.kinds_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'vvault_kinds_changed'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.kinds_changed() IS
'Trigger on vvault_stream.job_kinds and job_limits: when it commits, every session reads them anew.';
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vvault_stream.job_kinds
	FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.kinds_changed();
ALTER TABLE vvault_stream.job_kinds ENABLE ALWAYS TRIGGER changed;
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vvault_stream.job_limits
	FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.kinds_changed();
ALTER TABLE vvault_stream.job_limits ENABLE ALWAYS TRIGGER changed;

-- state: w waits for what it needs, s is to be ready later, h is held back by
-- its owner's limit, r is ready, x runs, f has a result and its kind's
-- done_function failed, d is dead. What has ended is in finished_jobs. No index
-- has a column that a heartbeat changes, so that its update stays HOT. No column
-- is checked: the functions do that, and a CHECK is read and planned anew by
-- every statement, which costs a job a tenth of its time. The predicate of an
-- index costs the same: one index by state serves what four could. Columns
-- stand in the order in which a usual job comes to have them, since those that
-- are NULL at the end of a row take no room (src/core/own_table.c).
CREATE TABLE vvault_stream.jobs (
	job_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	turn bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	cost integer NOT NULL DEFAULT 1000,
	needs_left integer NOT NULL DEFAULT 0,
	priority smallint NOT NULL DEFAULT 0,
	attempt smallint NOT NULL DEFAULT 0,
	max_attempts smallint NOT NULL DEFAULT 5,
	lost smallint NOT NULL DEFAULT 0,
	done_failures smallint NOT NULL DEFAULT 0,
	state "char" NOT NULL DEFAULT 'r',
	cancelled boolean NOT NULL DEFAULT false,
	kind text COLLATE "C" NOT NULL,
	owner_id text COLLATE "C" NOT NULL DEFAULT '',
	args json NOT NULL DEFAULT '{}',
	started_at timestamptz,
	lease_until timestamptz,
	progress_at timestamptz,
	lease_seconds real,
	lease uuid,
	worker text,
	video_id text COLLATE "C",
	run_at timestamptz,
	progress real,
	job_key text COLLATE "C",
	needs bigint[],
	error text,
	result json
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
	autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
	autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE vvault_stream.jobs IS
'Every job that has not ended; written by vvault_enqueue() and its like. Dumped.';
CREATE INDEX jobs_ready ON vvault_stream.jobs (kind, priority DESC, turn, job_id) WHERE state = 'r';
CREATE INDEX jobs_state ON vvault_stream.jobs (kind, state, owner_id, priority, turn);
CREATE INDEX jobs_held ON vvault_stream.jobs (kind, owner_id, priority DESC, job_id) WHERE state = 'h';
CREATE INDEX jobs_later ON vvault_stream.jobs (kind, run_at) WHERE state IN ('s', 'f');
CREATE INDEX jobs_video ON vvault_stream.jobs (video_id) WHERE video_id IS NOT NULL;
CREATE UNIQUE INDEX jobs_key ON vvault_stream.jobs (kind, owner_id, job_key)
	WHERE job_key IS NOT NULL AND started_at IS NULL;
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.jobs', '');
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.jobs_job_id_seq', '');

-- A row for each need that is not met yet. one_attempt: it is met as soon as
-- the job has been tried once, whatever came of it.
CREATE TABLE vvault_stream.job_needs (
	job_id bigint NOT NULL,
	needs bigint NOT NULL,
	one_attempt boolean NOT NULL DEFAULT false,
	PRIMARY KEY (job_id, needs)
);
COMMENT ON TABLE vvault_stream.job_needs IS
'Which jobs a waiting job still needs. Dumped.';
CREATE INDEX job_needs_needs ON vvault_stream.job_needs (needs);
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.job_needs', '');

-- The longest that is kept, and the most: what every job has stands first.
CREATE TABLE vvault_stream.finished_jobs (
	job_id bigint PRIMARY KEY,
	created_at timestamptz NOT NULL,
	started_at timestamptz,
	finished_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	lease_half bigint,
	attempt smallint NOT NULL,
	cancelled boolean NOT NULL DEFAULT false,
	kind text COLLATE "C" NOT NULL,
	owner_id text COLLATE "C" NOT NULL,
	args json NOT NULL,
	worker text,
	result json,
	video_id text COLLATE "C",
	job_key text COLLATE "C",
	needs bigint[],
	error text,
	priority smallint
);
COMMENT ON TABLE vvault_stream.finished_jobs IS
'Jobs that ended, by being finished or cancelled, for as long as their kind keeps them. Half of the lease tells a completion that comes twice; priority NULL is 0. Dumped.';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.finished_jobs', '');

CREATE FUNCTION vvault_stream.lease_half(lease uuid) RETURNS bigint
AS 'MODULE_PATHNAME', 'vvault_lease_half'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION vvault_stream.lease_half(uuid) IS
'What is left of a lease in vvault_stream.finished_jobs: its first 64 bits, 60 of them random.';

CREATE TABLE vvault_stream.armed (
	database oid PRIMARY KEY,
	armed_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE vvault_stream.armed IS
'The database in which vvault_arm() was called: jobs with effects outside are given out there. Not dumped, so that a restored dump does nothing by itself.';

CREATE FUNCTION vvault_stream.is_armed() RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (SELECT FROM vvault_stream.armed a JOIN pg_catalog.pg_database d ON d.oid = a.database
	WHERE d.datname = pg_catalog.current_database());
COMMENT ON FUNCTION vvault_stream.is_armed() IS
'Whether this very database, not a copy of it, was armed.';

CREATE FUNCTION vvault_stream.job_state(state "char") RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN CASE state WHEN 'w' THEN 'waiting' WHEN 's' THEN 'later' WHEN 'h' THEN 'held'
		WHEN 'r' THEN 'ready' WHEN 'x' THEN 'running' WHEN 'f' THEN 'finishing' WHEN 'd' THEN 'dead' END;
END
$$;
COMMENT ON FUNCTION vvault_stream.job_state("char") IS
'The name of a job''s state.';
