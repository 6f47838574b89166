--
-- jobs.sql
--		The queue, one call after the other: what comes in, who gets it and when,
--		how it ends, and what is told of it.
--
-- All in one transaction, so leases and delays are set back by hand where time
-- has to pass.
--
BEGIN;
SELECT plan(149);

INSERT INTO vvault_stream.job_kinds (kind, retry_seconds, max_attempts) VALUES ('jt_a', 10, 3), ('jt_b', 1000, 3);

-- enqueue('kind', ...) gives a job_id; take() the job_ids given out, in order.
CREATE FUNCTION pg_temp.put(kind text, owner text DEFAULT '', priority integer DEFAULT 0, needs bigint[] DEFAULT NULL,
	cost integer DEFAULT 1000, delay double precision DEFAULT 0, key text DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
	SELECT (vvault_enqueue(kind, json_build_object('n', 1), owner_id => owner, priority => priority, needs => needs,
		cost => cost, delay_seconds => delay, job_key => key) ->> 'job_id')::bigint
$$;
CREATE TEMP TABLE given (n integer GENERATED ALWAYS AS IDENTITY, job_id bigint, lease uuid, owner text, job json);
CREATE FUNCTION pg_temp.take(kinds text[], max_jobs integer DEFAULT 1) RETURNS bigint[] LANGUAGE sql AS $$
	WITH new AS (INSERT INTO given (job_id, lease, owner, job)
		SELECT (j ->> 'job_id')::bigint, (j ->> 'lease')::uuid, j ->> 'owner_id', j
		FROM json_array_elements(vvault_dequeue('tester', kinds, max_jobs)) j RETURNING n, job_id)
	SELECT coalesce(array_agg(job_id ORDER BY n), '{}') FROM new
$$;
CREATE FUNCTION pg_temp.lease(id bigint) RETURNS uuid LANGUAGE sql AS
	$$ SELECT g.lease FROM given g WHERE g.job_id = id ORDER BY n DESC LIMIT 1 $$;
CREATE FUNCTION pg_temp.finish(job bigint) RETURNS text LANGUAGE sql AS
	$$ SELECT vvault_complete(job, pg_temp.lease(job), '{"ok": true}') ->> 'state' $$;
CREATE FUNCTION pg_temp.state(job bigint) RETURNS text LANGUAGE sql AS $$ SELECT vvault_job(job) ->> 'state' $$;
CREATE FUNCTION pg_temp.expire(job bigint) RETURNS void LANGUAGE sql AS
	$$ UPDATE vvault_stream.jobs SET lease_until = clock_timestamp() - interval '1 second' WHERE job_id = job $$;
-- Everything by name.
CREATE TEMP TABLE name_of (name text PRIMARY KEY, job_id bigint);
CREATE FUNCTION pg_temp.id(name text) RETURNS bigint LANGUAGE sql AS
	$$ SELECT job_id FROM name_of n WHERE n.name = id.name $$;

--
-- A job's life
--
INSERT INTO name_of SELECT 'first', pg_temp.put('jt_a', 'anna');
SELECT is(pg_temp.state(pg_temp.id('first')), 'ready', 'a job is ready at once');
SELECT is(pg_temp.take('{jt_b}'), '{}', 'another kind does not get it');
SELECT is(pg_temp.take('{jt_b,jt_a}'), ARRAY[pg_temp.id('first')], 'whoever asks for its kind does');
SELECT is((SELECT job::jsonb - 'lease' - 'job_id' FROM given ORDER BY n DESC LIMIT 1),
	'{"kind": "jt_a", "owner_id": "anna", "video_id": null, "attempt": 1, "args": {"n": 1}}', 'and is told of it');
SELECT is(pg_temp.take('{jt_a}'), '{}', 'only once');
SELECT is(pg_temp.state(pg_temp.id('first')), 'running', 'it runs');
SELECT throws_ok(format('SELECT vvault_heartbeat(%s, gen_random_uuid())', pg_temp.id('first')), 'PT409', NULL, 'another lease does not prolong it');
SELECT is(vvault_heartbeat(pg_temp.id('first'), pg_temp.lease(pg_temp.id('first')), 0.25) ->> 'cancelled', 'false', 'its own does');
SELECT is((vvault_job(pg_temp.id('first')) ->> 'progress')::float8, 0.25::float8, 'and tells of progress');
SELECT throws_ok(format('SELECT vvault_heartbeat(%s, %L, 1.5)', pg_temp.id('first'), pg_temp.lease(pg_temp.id('first'))), '22023', 'invalid progress', 'of 0 to 1');
SELECT throws_ok(format('SELECT vvault_complete(%s, gen_random_uuid())', pg_temp.id('first')), 'PT409', NULL, 'another lease does not complete it');
SELECT is(pg_temp.finish(pg_temp.id('first')), 'finished', 'its own does');
SELECT is(pg_temp.finish(pg_temp.id('first')), 'finished', 'and is told the same again');
SELECT throws_ok(format('SELECT vvault_complete(%s, gen_random_uuid())', pg_temp.id('first')), 'PT409', NULL, 'which another lease is not');
SELECT throws_ok(format('SELECT vvault_fail(%s, %L, ''no'')', pg_temp.id('first'), pg_temp.lease(pg_temp.id('first'))), 'PT409', NULL, 'a finished job cannot fail');
SELECT is((vvault_job(pg_temp.id('first')) -> 'result')::jsonb, '{"ok": true}', 'the result is kept');
SELECT is((SELECT count(*) FROM vvault_stream.finished_jobs WHERE job_id = pg_temp.id('first')), 1::bigint, 'once');

--
-- Wrong arguments
--
SELECT throws_ok($$SELECT vvault_enqueue('jt_none')$$, '22023', 'invalid kind "jt_none"', 'a kind has to be there');
SELECT throws_ok($$SELECT vvault_enqueue(NULL)$$, '22023', 'kind must not be null', 'and not NULL');
SELECT throws_ok(format('SELECT vvault_enqueue(''jt_a'', priority => %s)', p), '22023', 'invalid priority', 'priority ' || p)
FROM unnest('{40000,-32769,-2147483648,2147483647}'::int[]) p;
SELECT throws_ok($$SELECT vvault_enqueue('jt_a', delay_seconds => 'NaN')$$, '22023', 'invalid delay_seconds', 'delay_seconds');
SELECT throws_ok($$SELECT vvault_enqueue('jt_a', max_attempts => 0)$$, '22023', 'invalid max_attempts', 'max_attempts');
SELECT throws_ok($$SELECT vvault_enqueue('jt_a', cost => 0)$$, '22023', 'invalid cost', 'cost');
SELECT throws_ok($$SELECT vvault_enqueue('jt_a', owner_id => NULL)$$, '22023', 'invalid owner_id', 'owner_id');
SELECT throws_ok($$SELECT vvault_enqueue('jt_a', video_id => '')$$, '22023', 'invalid video_id', 'video_id');
SELECT throws_ok($$SELECT vvault_enqueue('jt_a', job_key => repeat('x', 256))$$, '22023', 'invalid job_key', 'job_key');
SELECT throws_ok($$SELECT vvault_enqueue('jt_a', needs => '{NULL}')$$, '22023', 'invalid needs', 'needs');
SELECT throws_ok($$SELECT vvault_enqueue('jt_a', needs => '{0}')$$, '22023', NULL, 'what is needed has to be there');
SELECT throws_ok($$SELECT vvault_dequeue('w', '{}')$$, '22023', 'invalid kinds', 'kinds');
SELECT throws_ok($$SELECT vvault_dequeue('w', '{jt_none}')$$, '22023', 'invalid kind "jt_none"', 'that are there');
SELECT throws_ok($$SELECT vvault_dequeue('w', '{jt_a}', 0)$$, '22023', 'invalid max_jobs', 'max_jobs');
SELECT throws_ok($$SELECT vvault_dequeue('w', '{jt_a}', 1, 0)$$, '22023', 'invalid lease_seconds', 'lease_seconds');
SELECT throws_ok($$SELECT vvault_fail(1, gen_random_uuid(), 'x', -1)$$, '22023', 'invalid retry_seconds', 'retry_seconds');
SELECT throws_ok($$CALL vvault_wait_for_jobs('{jt_a}')$$, '2D000', NULL, 'nobody waits inside a transaction');

--
-- Priorities, owners, delays, keys
--
INSERT INTO name_of SELECT 'anna' || i, pg_temp.put('jt_a', 'anna') FROM generate_series(1, 5) i;
INSERT INTO name_of SELECT 'ben', pg_temp.put('jt_a', 'ben');
INSERT INTO name_of SELECT 'urgent', pg_temp.put('jt_a', 'anna', priority => 1);
SELECT is(pg_temp.take('{jt_a}', 4), ARRAY[pg_temp.id('urgent'), pg_temp.id('anna1'), pg_temp.id('ben'), pg_temp.id('anna2')],
	'the higher priority first, then the owners by turns');
SELECT is(pg_temp.take('{jt_a}', 100), ARRAY[pg_temp.id('anna3'), pg_temp.id('anna4'), pg_temp.id('anna5')], 'then what is left');

INSERT INTO vvault_stream.job_limits (kind, owner_id, weight) VALUES ('jt_a', 'heavy', 3);
INSERT INTO name_of SELECT 'heavy' || i, pg_temp.put('jt_a', 'heavy') FROM generate_series(1, 60) i;
INSERT INTO name_of SELECT 'light' || i, pg_temp.put('jt_a', 'light') FROM generate_series(1, 60) i;
SELECT is(cardinality(pg_temp.take('{jt_a}', 40)), 40, 'of two owners');
SELECT is((SELECT count(*) FROM (SELECT owner FROM given ORDER BY n DESC LIMIT 40) g WHERE owner = 'heavy'), 30::bigint,
	'one with three times the weight gets three of four');
SELECT is(cardinality(pg_temp.take('{jt_a}', 1000)), 80, 'and nothing is lost');

INSERT INTO name_of SELECT 'soon', pg_temp.put('jt_a', delay => 100);
SELECT is(pg_temp.state(pg_temp.id('soon')), 'later', 'a delayed job is for later');
SELECT is(pg_temp.take('{jt_a}'), '{}', 'and is not given out');
UPDATE vvault_stream.jobs SET run_at = clock_timestamp() - interval '1 second' WHERE job_id = pg_temp.id('soon');
SELECT is(pg_temp.take('{jt_a}'), ARRAY[pg_temp.id('soon')], 'before its time has come');

INSERT INTO name_of SELECT 'key', pg_temp.put('jt_a', 'anna', key => 'k');
SELECT is(pg_temp.put('jt_a', 'anna', key => 'k'), pg_temp.id('key'), 'a key gives back the job that has it');
SELECT isnt(pg_temp.put('jt_a', 'ben', key => 'k'), pg_temp.id('key'), 'not to another owner');
SELECT is(cardinality(pg_temp.take('{jt_a}', 2)), 2, 'both begin');
INSERT INTO name_of SELECT 'key again', pg_temp.put('jt_a', 'anna', key => 'k');
SELECT isnt(pg_temp.id('key again'), pg_temp.id('key'), 'and beside one that has begun comes a new one');
SELECT is(vvault_fail(pg_temp.id('key'), pg_temp.lease(pg_temp.id('key')), 'x', 0) ->> 'state', 'ready', 'which is tried again beside it');
SELECT is(pg_temp.put('jt_a', 'anna', key => 'k'), pg_temp.id('key again'), 'the key is the new one''s');
SELECT is(cardinality(pg_temp.take('{jt_a}', 10)), 2, 'both are given out');

--
-- Failures, lost leases, dead jobs
--
INSERT INTO name_of SELECT 'bad', pg_temp.put('jt_b');
SELECT is(pg_temp.take('{jt_b}'), ARRAY[pg_temp.id('bad')], 'a job begins');
SELECT is(vvault_fail(pg_temp.id('bad'), pg_temp.lease(pg_temp.id('bad')), 'boom') ->> 'state', 'later', 'and fails');
SELECT is(vvault_fail(pg_temp.id('bad'), pg_temp.lease(pg_temp.id('bad')), 'boom') ->> 'state', 'later', 'told again, nothing changes');
SELECT ok((SELECT run_at BETWEEN clock_timestamp() + interval '300 seconds' AND clock_timestamp() + interval '1000 seconds'
	FROM vvault_stream.jobs WHERE job_id = pg_temp.id('bad')), 'it waits for half of retry_seconds to all of it');
UPDATE vvault_stream.jobs SET run_at = clock_timestamp() WHERE job_id = pg_temp.id('bad');
SELECT is(pg_temp.take('{jt_b}'), ARRAY[pg_temp.id('bad')], 'it is given out again');
SELECT is((SELECT job ->> 'attempt' FROM given ORDER BY n DESC LIMIT 1), '2', 'as attempt 2');
SELECT is(vvault_fail(pg_temp.id('bad'), pg_temp.lease(pg_temp.id('bad'))) ->> 'state', 'ready', 'given back it is ready at once');
SELECT is(pg_temp.take('{jt_b}'), ARRAY[pg_temp.id('bad')], 'given out once more');
SELECT is((SELECT job ->> 'attempt' FROM given ORDER BY n DESC LIMIT 1), '2', 'it is still attempt 2');
SELECT pg_temp.expire(pg_temp.id('bad'));
SELECT is(pg_temp.take('{jt_b}'), ARRAY[pg_temp.id('bad')], 'a lost lease gives it to another');
SELECT throws_ok(format('SELECT vvault_complete(%s, %L)', pg_temp.id('bad'),
	(SELECT lease FROM given WHERE job_id = pg_temp.id('bad') ORDER BY n DESC OFFSET 1 LIMIT 1)), 'PT409', NULL, 'whose completion counts alone');
SELECT is(vvault_job(pg_temp.id('bad')) ->> 'lost', '1', 'the loss is counted');
SELECT pg_temp.expire(pg_temp.id('bad'));
SELECT is(pg_temp.take('{jt_b}'), '{}', 'after the last attempt it is not given out');
SELECT is(pg_temp.state(pg_temp.id('bad')), 'dead', 'but dead');
SELECT matches(vvault_job(pg_temp.id('bad')) ->> 'error', '^attempt 3 was lost: the lease of worker "tester" ran out$', 'and says why');
SELECT is((vvault_queue('jt_b') -> 'kinds' -> 0 ->> 'dead')::int, 1, 'the queue shows it');
SELECT is((vvault_queue('jt_b') -> 'kinds' -> 0 -> 'lost')::jsonb, jsonb_build_array(pg_temp.id('bad')), 'and that it lost two workers');
INSERT INTO vvault_stream.job_kinds (kind, progress_seconds) VALUES ('jt_slow', 100);
INSERT INTO name_of SELECT 'slow', pg_temp.put('jt_slow');
SELECT pg_temp.take('{jt_slow}');
SELECT is((vvault_queue('jt_slow') -> 'kinds' -> 0 -> 'stalled')::jsonb, '[]', 'one that has just begun is no trouble');
UPDATE vvault_stream.jobs SET progress_at = progress_at - interval '101 seconds' WHERE job_id = pg_temp.id('slow');
SELECT vvault_heartbeat(pg_temp.id('slow'), pg_temp.lease(pg_temp.id('slow')));
SELECT is((vvault_queue('jt_slow') -> 'kinds' -> 0 -> 'stalled')::jsonb, jsonb_build_array(pg_temp.id('slow')), 'without progress it is, though its worker is there');
SELECT vvault_heartbeat(pg_temp.id('slow'), pg_temp.lease(pg_temp.id('slow')), 0.1);
SELECT is((vvault_queue('jt_slow') -> 'kinds' -> 0 -> 'stalled')::jsonb, '[]', 'until it goes on');
INSERT INTO name_of SELECT 'after bad', pg_temp.put('jt_b', needs => ARRAY[pg_temp.id('bad')]);
SELECT matches(vvault_job(pg_temp.id('after bad')) ->> 'why', '^it needs job \d+, which is dead$', 'what needs it says that it waits');
SELECT is((vvault_redrive(pg_temp.id('bad')) -> 'redriven')::jsonb, jsonb_build_array(pg_temp.id('bad')), 'it is redriven');
SELECT is(pg_temp.take('{jt_b}'), ARRAY[pg_temp.id('bad')], 'and given out');
SELECT is((SELECT job ->> 'attempt' FROM given ORDER BY n DESC LIMIT 1), '1', 'with all its attempts before it');
SELECT is(pg_temp.finish(pg_temp.id('bad')), 'finished', 'it is finished');
SELECT is(pg_temp.take('{jt_b}'), ARRAY[pg_temp.id('after bad')], 'and what needs it goes on');
SELECT is(vvault_fail(pg_temp.id('after bad'), pg_temp.lease(pg_temp.id('after bad')), 'never', 'Infinity') ->> 'state', 'dead', 'what must not be tried again is dead at once');

-- Whose jobs come back, however many, goes in nobody's way.
INSERT INTO vvault_stream.job_kinds (kind, max_attempts) VALUES ('jt_again', 100);
INSERT INTO name_of SELECT 'many' || i, pg_temp.put('jt_again', 'many') FROM generate_series(1, 40) i;
INSERT INTO name_of SELECT 'few', pg_temp.put('jt_again', 'few');
SELECT is(cardinality(pg_temp.take('{jt_again}', 40)), 40, 'much of one owner begins');
SELECT count(vvault_fail(job_id, pg_temp.lease(job_id), 'no', 100)) FROM name_of WHERE name ~ '^many([0-9]|[12][0-9])$';
UPDATE vvault_stream.jobs SET run_at = clock_timestamp() - interval '1 second' WHERE kind = 'jt_again' AND state = 's';
SELECT is(cardinality(pg_temp.take('{jt_again}', 3)), 3, 'fails, and some of it comes again when its time has come');
INSERT INTO name_of SELECT 'other', pg_temp.put('jt_again', 'other');
SELECT ok(pg_temp.id('other') = ANY (pg_temp.take('{jt_again}', 2)), 'not before all of another owner''s');
SELECT count(vvault_fail(j.job_id, j.lease)) FROM (SELECT job_id, lease FROM vvault_stream.jobs WHERE kind = 'jt_again' AND state = 'x') j;
INSERT INTO name_of SELECT 'third', pg_temp.put('jt_again', 'third');
SELECT ok(pg_temp.id('third') = ANY (pg_temp.take('{jt_again}', 2)), 'nor does what is given back');

--
-- Needs and cancelling
--
INSERT INTO name_of SELECT 'need' || i, pg_temp.put('jt_b') FROM generate_series(1, 2) i;
INSERT INTO name_of SELECT 'both', pg_temp.put('jt_b', needs => ARRAY[pg_temp.id('need1'), pg_temp.id('need2'), pg_temp.id('first')]);
INSERT INTO name_of SELECT 'tail', pg_temp.put('jt_b', needs => ARRAY[pg_temp.id('both')]);
SELECT is(pg_temp.take('{jt_b}', 10), ARRAY[pg_temp.id('need1'), pg_temp.id('need2')], 'what needs others waits');
SELECT is(pg_temp.finish(pg_temp.id('need1')), 'finished', 'one is finished');
SELECT is(pg_temp.take('{jt_b}', 10), '{}', 'which is not enough');
SELECT is(pg_temp.finish(pg_temp.id('need2')), 'finished', 'the other is');
SELECT is(pg_temp.take('{jt_b}', 10), ARRAY[pg_temp.id('both')], 'now it goes on');
SELECT is(vvault_cancel_job(pg_temp.id('both'), 'enough') ->> 'state', 'running', 'a running job is asked to stop');
SELECT is(vvault_heartbeat(pg_temp.id('both'), pg_temp.lease(pg_temp.id('both'))) ->> 'cancelled', 'true', 'its worker hears of it');
SELECT is(pg_temp.finish(pg_temp.id('both')), 'cancelled', 'and it ends as cancelled');
SELECT is(pg_temp.finish(pg_temp.id('both')), 'cancelled', 'whatever is told again');
SELECT is(pg_temp.state(pg_temp.id('tail')), 'cancelled', 'with what needs it');
SELECT throws_ok(format('SELECT vvault_enqueue(''jt_b'', needs => ARRAY[%s]::bigint[])', pg_temp.id('both')), '22023', NULL, 'nobody can need it any more');
SELECT is((SELECT count(*) FROM vvault_stream.job_needs), 0::bigint, 'no need is left over');

--
-- Limits
--
INSERT INTO vvault_stream.job_kinds (kind, running_limit, owner_running_limit) VALUES ('jt_l', 3, 2);
INSERT INTO name_of SELECT o || i, pg_temp.put('jt_l', o) FROM unnest('{x,y}'::text[]) o, generate_series(1, 4) i ORDER BY i, o;
SELECT is((SELECT count(*) FROM vvault_stream.jobs WHERE kind = 'jt_l' AND state = 'h'), 4::bigint, 'what the owners'' limits do not let run is held');
SELECT is(pg_temp.take('{jt_l}', 10), ARRAY[pg_temp.id('x1'), pg_temp.id('y1'), pg_temp.id('x2')], 'no more run than the kind''s limit');
SELECT is(pg_temp.finish(pg_temp.id('x1')), 'finished', 'one ends');
SELECT is(pg_temp.take('{jt_l}', 10), ARRAY[pg_temp.id('y2')], 'another owner''s turn has come');
UPDATE vvault_stream.job_kinds SET running_limit = NULL WHERE kind = 'jt_l';
INSERT INTO vvault_stream.job_limits (kind, owner_id, running_limit) VALUES ('jt_l', 'x', 3);
SELECT is(pg_temp.take('{jt_l}', 10), ARRAY[pg_temp.id('x3'), pg_temp.id('x4')], 'a larger limit lets held ones go on');

--
-- One ends, another begins
--
INSERT INTO vvault_stream.job_kinds (kind, owner_running_limit) VALUES ('jt_on', 1);
INSERT INTO name_of SELECT 'on' || i, pg_temp.put('jt_on', 'x') FROM generate_series(1, 3) i;
SELECT is(pg_temp.take('{jt_on}', 10), ARRAY[pg_temp.id('on1')], 'one runs, as the limit says');
CREATE FUNCTION pg_temp.go_on(job bigint, given_lease uuid) RETURNS jsonb LANGUAGE sql AS $$
	SELECT r::jsonb FROM (SELECT vvault_complete_and_dequeue(job, given_lease, '{"ok": true}', 'tester', '{jt_on}', 10) AS r OFFSET 0) q
$$;
CREATE TEMP TABLE went_on AS SELECT pg_temp.go_on(pg_temp.id('on1'), pg_temp.lease(pg_temp.id('on1'))) AS r;
SELECT is((SELECT r - 'jobs' FROM went_on), jsonb_build_object('job_id', pg_temp.id('on1'), 'state', 'finished'), 'it ends');
SELECT is((SELECT jsonb_path_query_array(r, '$.jobs[*].job_id') FROM went_on), jsonb_build_array(pg_temp.id('on2')), 'and makes room for the next in the same call');
SELECT is(vvault_job(pg_temp.id('on1')) -> 'result' ->> 'ok', 'true', 'its result is kept');
SELECT is(pg_temp.go_on(pg_temp.id('on1'), pg_temp.lease(pg_temp.id('on1'))), jsonb_build_object('job_id', pg_temp.id('on1'), 'state', 'finished', 'jobs', '[]'::jsonb),
	'told again it has ended, and there is no room now');
SELECT throws_ok(format('SELECT pg_temp.go_on(%s, gen_random_uuid())', pg_temp.id('on2')), 'PT409', NULL, 'another lease ends nothing');
SELECT throws_ok($$SELECT vvault_complete_and_dequeue((r -> 'jobs' -> 0 ->> 'job_id')::bigint, (r -> 'jobs' -> 0 ->> 'lease')::uuid, NULL, NULL, '{jt_none}') FROM went_on$$,
	'22023', 'invalid kind "jt_none"', 'nor does who asks for what is not there');
SELECT is(pg_temp.state(pg_temp.id('on2')), 'running', 'which goes on running');

--
-- Pausing, arming, functions of a kind
--
SELECT is(vvault_pause_kind('jt_a')::jsonb, '{"kind": "jt_a", "paused": true}', 'a kind is paused');
INSERT INTO name_of SELECT 'paused', pg_temp.put('jt_a');
SELECT is(pg_temp.take('{jt_a}'), '{}', 'and gives out nothing');
SELECT is(vvault_job(pg_temp.id('paused')) ->> 'why', 'its kind is paused', 'which its job says');
SELECT vvault_pause_kind('jt_a', false);
SELECT is(pg_temp.take('{jt_a}'), ARRAY[pg_temp.id('paused')], 'until it goes on');

INSERT INTO vvault_stream.job_kinds (kind, outside) VALUES ('jt_out', true);
DELETE FROM vvault_stream.armed;
INSERT INTO name_of SELECT 'out', pg_temp.put('jt_out');
SELECT is(pg_temp.take('{jt_out}'), '{}', 'a job with effects outside is not given out');
SELECT is(vvault_job(pg_temp.id('out')) ->> 'why', 'the database is not armed, see vvault_arm', 'and says why');
SELECT is(vvault_arm()::jsonb, '{"armed": true}', 'before the database is armed');
SELECT is(pg_temp.take('{jt_out}'), ARRAY[pg_temp.id('out')], 'then it is');
UPDATE vvault_stream.armed SET database = 1;
SELECT is(vvault_queue('jt_out') ->> 'armed', 'false', 'what another database was armed by does not count');

CREATE SCHEMA jt;
CREATE TABLE jt.done (job json, result json);
CREATE TABLE jt.broken (why text);
CREATE FUNCTION jt.make_order(job json) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
	IF job -> 'args' ->> 'n' = '13' THEN
		RAISE 'unlucky';
	END IF;
	RETURN json_build_object('do', job -> 'args' -> 'n');
END
$$;
CREATE FUNCTION jt.on_done(job json, result json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO jt.done VALUES (job, result);
	IF EXISTS (SELECT FROM jt.broken) THEN
		RAISE '%', (SELECT why FROM jt.broken);
	END IF;
END
$$;
INSERT INTO vvault_stream.job_kinds (kind, order_schema, order_function, done_schema, done_function)
VALUES ('jt_f', 'jt', 'make_order', 'jt', 'on_done');
INSERT INTO name_of SELECT 'f', pg_temp.put('jt_f');
INSERT INTO name_of SELECT 'f after', pg_temp.put('jt_a', needs => ARRAY[pg_temp.id('f')]);
SELECT is(pg_temp.take('{jt_f}'), ARRAY[pg_temp.id('f')], 'a kind has functions');
SELECT is((SELECT (job -> 'order')::jsonb FROM given ORDER BY n DESC LIMIT 1), '{"do": 1}', 'that make its order');
CREATE TEMP TABLE updates AS SELECT pg_stat_get_xact_tuples_updated('vvault_stream.jobs'::regclass) AS n,
	pg_stat_get_xact_tuples_hot_updated('vvault_stream.jobs'::regclass) AS hot;
SELECT is((vvault_heartbeat(pg_temp.id('f'), pg_temp.lease(pg_temp.id('f'))) -> 'order')::jsonb, '{"do": 1}', 'anew with each heartbeat');
SELECT is((SELECT row(pg_stat_get_xact_tuples_updated('vvault_stream.jobs'::regclass) - n,
	pg_stat_get_xact_tuples_hot_updated('vvault_stream.jobs'::regclass) - hot)::text FROM updates), '(1,1)', 'which touches no index');
INSERT INTO jt.broken VALUES ('the disk is full');
SELECT is(pg_temp.finish(pg_temp.id('f')), 'finishing', 'and end it; where that fails it is finishing');
SELECT is((SELECT count(*) FROM jt.done), 0::bigint, 'with nothing done');
SELECT is((vvault_job(pg_temp.id('f')) -> 'result')::jsonb, '{"ok": true}', 'but the result is kept');
SELECT is(vvault_job(pg_temp.id('f')) ->> 'error', 'jt.on_done failed: P0001: the disk is full', 'and the error');
SELECT is(pg_temp.finish(pg_temp.id('f')), 'finishing', 'the worker is told the same again');
SELECT is(pg_temp.take('{jt_a}'), '{}', 'what needs it waits');
DELETE FROM jt.broken;
SELECT vvault_redrive(pg_temp.id('f'));
SELECT is(pg_temp.take('{jt_f}'), '{}', 'nobody has to do the work again');
SELECT is(pg_temp.state(pg_temp.id('f')), 'finished', 'to end it');
SELECT is((SELECT result::jsonb FROM jt.done), '{"ok": true}', 'with its result');
SELECT is(pg_temp.finish(pg_temp.id('f')), 'finished', 'its worker is told so now');
SELECT is(pg_temp.take('{jt_a}'), ARRAY[pg_temp.id('f after')], 'and what needs it goes on');
INSERT INTO name_of SELECT 'unlucky', (vvault_enqueue('jt_f', '{"n": 13}') ->> 'job_id')::bigint;
INSERT INTO name_of SELECT 'lucky', pg_temp.put('jt_f');
SELECT is(pg_temp.take('{jt_f}', 10), ARRAY[pg_temp.id('lucky')], 'a job whose order cannot be made does not stop others');
SELECT is(vvault_job(pg_temp.id('unlucky')) ->> 'error', 'its order could not be made: unlucky', 'and says why');
INSERT INTO name_of SELECT 'unreadable', (vvault_enqueue('jt_f', '{"n": "\u0000"}') ->> 'job_id')::bigint;
INSERT INTO name_of SELECT 'readable', pg_temp.put('jt_f');
SELECT is(pg_temp.take('{jt_f}', 10), ARRAY[pg_temp.id('readable')], 'nor does one whose args no text can hold');
SELECT matches((SELECT error FROM vvault_stream.jobs WHERE job_id = pg_temp.id('unreadable')), '^its order could not be made: .*Unicode', 'which says why too');

CREATE ROLE jt_somebody;
ALTER FUNCTION jt.on_done(json, json) OWNER TO jt_somebody;
SELECT is(pg_temp.finish(pg_temp.id('lucky')), 'finishing', 'a function of another role');
SELECT matches(vvault_job(pg_temp.id('lucky')) ->> 'error', 'is not the extension owner''s$', 'is not called');

--
-- What is seen, and what is forgotten
--
SELECT is(vvault_job(0)::text, NULL, 'a job that is not known is NULL');
SELECT is((SELECT count(*) FROM json_array_elements(vvault_jobs('cancelled') -> 'jobs') j
	WHERE (j ->> 'job_id')::bigint IN (pg_temp.id('both'), pg_temp.id('tail'))), 2::bigint, 'vvault_jobs chooses by state');
SELECT is((WITH RECURSIVE page (reply) AS (
		SELECT vvault_jobs(kind => 'jt_b', page_size => 2)
		UNION ALL
		SELECT vvault_jobs(kind => 'jt_b', page_size => 2, before => (reply ->> 'before')::bigint) FROM page
		WHERE reply ->> 'before' IS NOT NULL)
	SELECT string_agg(j ->> 'job_id', ' ') FROM page, json_array_elements(reply -> 'jobs') j),
	(SELECT string_agg(job_id::text, ' ' ORDER BY job_id DESC) FROM vvault_stream.all_jobs WHERE kind = 'jt_b'),
	'page by page all jobs come, once');
SELECT throws_ok($$SELECT vvault_jobs('asleep')$$, '22023', 'invalid state "asleep"', 'of a state that there is');
SELECT is(vvault_prune_jobs() ->> 'pruned', '0', 'ended jobs are kept');
CREATE TEMP TABLE old_jobs AS SELECT job_id FROM vvault_stream.finished_jobs WHERE job_id <= pg_temp.id('first');
UPDATE vvault_stream.finished_jobs SET created_at = created_at - interval '8 days', finished_at = finished_at - interval '8 days'
WHERE job_id IN (SELECT job_id FROM old_jobs);
SELECT is((vvault_prune_jobs() ->> 'pruned')::bigint, (SELECT count(*) FROM old_jobs), 'for a week');
INSERT INTO vvault_stream.finished_jobs (job_id, created_at, attempt, kind, owner_id, args)
SELECT n, clock_timestamp() - interval '20 days' + n * interval '1 day', 1, 'jt_a', '', '{}' FROM generate_series(-1000, -1) n;
SELECT is(vvault_prune_jobs() ->> 'pruned', '0', 'what took long is kept from its end on');
UPDATE vvault_stream.finished_jobs SET finished_at = created_at WHERE job_id < 0;
SELECT is(vvault_prune_jobs(300) ->> 'pruned', '300', 'so many at once');
SELECT is(vvault_prune_jobs() ->> 'pruned', '700', 'and all at last');
INSERT INTO vvault_stream.finished_jobs (job_id, created_at, attempt, kind, owner_id, args)
SELECT 3000000000 + n, clock_timestamp(), 1, 'jt_a', '', '{}' FROM generate_series(1, 5000) n;
CREATE TEMP TABLE rows_read AS SELECT pg_stat_get_xact_tuples_fetched(t) + pg_stat_get_xact_tuples_returned(t) AS n
FROM (VALUES ('vvault_stream.finished_jobs'::regclass)) v (t);
SELECT is(vvault_prune_jobs() ->> 'pruned', '0', 'where all is new');
SELECT cmp_ok((SELECT pg_stat_get_xact_tuples_fetched(t) + pg_stat_get_xact_tuples_returned(t) - n FROM rows_read,
	(VALUES ('vvault_stream.finished_jobs'::regclass)) v (t)), '<', 1000::bigint, 'hardly any of it is read');

SELECT * FROM finish();
ROLLBACK;
