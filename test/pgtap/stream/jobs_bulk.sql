--
-- jobs_bulk.sql
--		Many jobs in one call: what comes of each is what would come of it alone.
--
BEGIN;
SELECT plan(39);

INSERT INTO vvault_stream.job_kinds (kind, max_attempts) VALUES ('jb_a', 3), ('jb_b', 3), ('jb_alone', 3), ('jb_read', 3);
INSERT INTO vvault_stream.job_kinds (kind, owner_running_limit) VALUES ('jb_limited', 2);
INSERT INTO vvault_stream.job_limits (kind, owner_id, weight) VALUES ('jb_a', 'heavy', 4), ('jb_alone', 'heavy', 4);

CREATE FUNCTION pg_temp.states(replies json) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(coalesce(r ->> 'state', r ->> 'sqlstate'), ' ' ORDER BY n)
	FROM json_array_elements(replies) WITH ORDINALITY a (r, n)
$$;
-- what was enqueued by one call, by name
CREATE TEMP TABLE replies (name text PRIMARY KEY, reply json);
CREATE FUNCTION pg_temp.many(name text, jobs json) RETURNS text LANGUAGE sql AS $$
	INSERT INTO replies SELECT many.name, vvault_enqueue_many(many.jobs) RETURNING pg_temp.states(reply)
$$;
CREATE FUNCTION pg_temp.id(name text, n integer) RETURNS bigint LANGUAGE sql AS
	$$ SELECT (reply -> n ->> 'job_id')::bigint FROM replies r WHERE r.name = id.name $$;
CREATE TEMP TABLE given (n integer GENERATED ALWAYS AS IDENTITY, job_id bigint, lease uuid);
CREATE FUNCTION pg_temp.take(kinds text[], max_jobs integer) RETURNS bigint[] LANGUAGE sql AS $$
	WITH new AS (INSERT INTO given (job_id, lease)
		SELECT (j ->> 'job_id')::bigint, (j ->> 'lease')::uuid
		FROM json_array_elements(vvault_dequeue('tester', kinds, max_jobs)) j RETURNING n, job_id)
	SELECT coalesce(array_agg(job_id ORDER BY n), '{}') FROM new
$$;
CREATE FUNCTION pg_temp.completions(VARIADIC ids bigint[]) RETURNS json LANGUAGE sql AS $$
	SELECT json_agg(json_build_object('job_id', i, 'lease', (SELECT g.lease FROM given g WHERE g.job_id = i ORDER BY g.n DESC LIMIT 1),
		'result', json_build_object('of', i)) ORDER BY o)
	FROM unnest(ids) WITH ORDINALITY u (i, o)
$$;

--
-- Enqueue: usual jobs. The turns are those of jobs that came one by one.
--
CREATE TEMP TABLE some_jobs AS
	SELECT g AS n, (ARRAY['anna', 'ben', 'heavy', ''])[1 + g * g % 4] AS owner, g % 3 - 1 AS priority, 1000 + 100 * (g % 5) AS cost,
		CASE WHEN g % 7 = 0 THEN 60 ELSE 0 END AS delay
	FROM generate_series(1, 60) g;
SELECT is(pg_temp.states(vvault_enqueue_many((SELECT json_agg(json_build_object('kind', 'jb_a', 'owner_id', owner, 'priority', priority,
		'cost', cost, 'delay_seconds', delay, 'args', json_build_object('n', n), 'video_id', 'v' || n) ORDER BY n) FROM some_jobs WHERE n <= 25))),
	(SELECT string_agg(CASE WHEN delay > 0 THEN 'later' ELSE 'ready' END, ' ' ORDER BY n) FROM some_jobs WHERE n <= 25), 'each has an answer');
SELECT is(pg_temp.states(vvault_enqueue_many((SELECT json_agg(json_build_object('kind', 'jb_a', 'owner_id', owner, 'priority', priority,
		'cost', cost, 'delay_seconds', delay, 'args', json_build_object('n', n), 'video_id', 'v' || n) ORDER BY n) FROM some_jobs WHERE n > 25))),
	(SELECT string_agg(CASE WHEN delay > 0 THEN 'later' ELSE 'ready' END, ' ' ORDER BY n) FROM some_jobs WHERE n > 25), 'again');
DO $$
DECLARE j record;
BEGIN
	FOR j IN SELECT * FROM some_jobs ORDER BY n LOOP
		PERFORM vvault_enqueue('jb_alone', json_build_object('n', j.n), owner_id => j.owner, priority => j.priority, cost => j.cost,
			delay_seconds => j.delay, video_id => 'v' || j.n);
	END LOOP;
END $$;
CREATE FUNCTION pg_temp.rows_of(kind text) RETURNS TABLE (x text) LANGUAGE sql AS $$
	SELECT concat_ws('|', row_number() OVER (ORDER BY j.job_id), j.owner_id, j.priority, j.cost, j.turn, j.state, j.max_attempts,
		j.args, j.video_id, j.run_at IS NULL, j.attempt, j.needs_left) FROM vvault_stream.jobs j WHERE j.kind = rows_of.kind
$$;
SELECT set_eq($$SELECT * FROM pg_temp.rows_of('jb_a')$$, $$SELECT * FROM pg_temp.rows_of('jb_alone')$$, 'with all that they have alone, their turns too');
SELECT cmp_ok((SELECT count(DISTINCT turn) FROM vvault_stream.jobs WHERE kind = 'jb_a'), '>', 5::bigint, 'of which there are several');
SELECT is((SELECT sum(x::bigint) FROM (SELECT run_at - created_at > interval '59 seconds' FROM vvault_stream.jobs WHERE kind = 'jb_a' AND state = 's') q (b), LATERAL (SELECT b::integer) w (x)),
	8::numeric, 'and their time to come');
SELECT is(vvault_enqueue_many('[]')::text, '[]', 'none is none');
SELECT is(pg_temp.many('defaults', '[{"kind": "jb_b", "owner_id": null, "args": null, "priority": null}]'), 'ready', 'what is null has its default');
SELECT is((SELECT row(args, owner_id, priority, max_attempts)::text FROM vvault_stream.jobs WHERE job_id = pg_temp.id('defaults', 0)), '({},"",0,3)', 'as it is told');

--
-- Enqueue: the others
--
SELECT is(pg_temp.many('mixed', '[{"kind": "jb_b", "owner_id": "anna"}, {"kind": "jb_none"}, {"kind": "jb_b", "ownerid": "anna"}, 7,
	{"kind": "jb_b", "priority": "high"}, {"kind": "jb_b", "priority": 40000}, {"kind": "jb_b", "needs": [0]}, {"owner_id": "anna"},
	{"kind": "jb_b", "owner_id": "anna"}]'), 'ready 22023 22023 22023 22P02 22023 22023 22023 ready', 'what is refused leaves the others');
SELECT is(pg_temp.many('unreadable', '[{"kind": "jb_read", "owner_id": "\ud83d\ude00"}, {"kind": "jb_read", "job_key": "\u0000"}, {"kind": "jb_read", "needs": ["\ud83d"]},
	{"kind": "jb_read", "\u0000": 1}, "\u0000", {"kind": "jb_read", "args": {"text": "\u0000"}}, {"kind": "jb_read", "job_key": "\ud83d\ude00"}]'),
	'ready 22P05 22P02 22P05 22023 22P05 ready', 'nor does what no text can hold end the call');
SELECT is((SELECT reply -> 1 ->> 'error' FROM replies WHERE name = 'mixed'), 'invalid kind "jb_none"', 'and says why');
SELECT is((SELECT count(*) FROM vvault_stream.jobs WHERE kind = 'jb_b' AND owner_id = 'anna'), 2::bigint, 'they are there');
SELECT is(pg_temp.many('graph', format('[{"kind": "jb_b"}, {"kind": "jb_b", "after": [0]}, {"kind": "jb_b", "after": [0, 1], "needs": [%s]}]', pg_temp.id('mixed', 0))::json),
	'ready waiting waiting', 'a job may need earlier ones');
SELECT is((SELECT needs FROM vvault_stream.jobs WHERE job_id = pg_temp.id('graph', 2)),
	(SELECT array_agg(i ORDER BY i) FROM unnest(ARRAY[pg_temp.id('mixed', 0), pg_temp.id('graph', 0), pg_temp.id('graph', 1)]) i), 'in this batch and before');
SELECT is(pg_temp.many('wrong graph', '[{"kind": "jb_none"}, {"kind": "jb_b", "after": [0]}, {"kind": "jb_b", "after": [2]}, {"kind": "jb_b", "after": [-1]},
	{"kind": "jb_b", "after": [null]}, {"kind": "jb_b", "after": [9]}]'),
	'22023 22023 22023 22023 22023 22023', 'that are there');
SELECT is((SELECT reply -> 1 ->> 'error' FROM replies WHERE name = 'wrong graph'), 'job 0 of the batch cannot be needed', 'not one that was refused');
SELECT is(pg_temp.many('limited', (SELECT json_agg(json_build_object('kind', 'jb_limited', 'owner_id', 'anna')) FROM generate_series(1, 4))),
	'ready ready held held', 'limits hold');
SELECT is(pg_temp.many('keys', '[{"kind": "jb_b", "job_key": "k"}, {"kind": "jb_b", "job_key": "k"}, {"kind": "jb_b", "owner_id": "ben", "job_key": "k"}]'),
	'ready ready ready', 'a key');
SELECT is(pg_temp.id('keys', 1), pg_temp.id('keys', 0), 'is one job');
SELECT isnt(pg_temp.id('keys', 2), pg_temp.id('keys', 0), 'of its owner');
SELECT throws_ok($$SELECT vvault_enqueue_many('{}')$$, '22023', 'invalid jobs', 'an array');
SELECT throws_ok($$SELECT vvault_enqueue_many(NULL)$$, '22023', 'invalid jobs', 'not NULL');
SELECT throws_ok($$SELECT vvault_enqueue_many((SELECT json_agg('{}'::json) FROM generate_series(1, 1001)))$$, '22023', 'invalid jobs', 'of 1000 at most');

--
-- Complete
--
SELECT is(pg_temp.take('{jb_b}', 100) @> ARRAY[pg_temp.id('mixed', 0), pg_temp.id('graph', 0), pg_temp.id('keys', 0)], true, 'they are given out');
SELECT is(pg_temp.states(vvault_complete_many(pg_temp.completions(pg_temp.id('graph', 0), 0, pg_temp.id('mixed', 0)))), 'finished PT409 finished',
	'and end, but for one that is none');
SELECT is(pg_temp.states(vvault_complete_many('[{"job_id": "x"}, 5, {"job_id": 1, "lease": "x"}, {"lease": null}]')), 'PT409 PT409 PT409 PT409', 'nor is what is no job');
SELECT is(pg_temp.take('{jb_read}', 100), ARRAY[pg_temp.id('unreadable', 0), pg_temp.id('unreadable', 6)], 'what could be read has come in');
SELECT is(pg_temp.states(vvault_complete_many((SELECT json_agg(c ORDER BY n) FROM (
		SELECT 2 * o, c FROM json_array_elements(pg_temp.completions(pg_temp.id('unreadable', 0), pg_temp.id('unreadable', 6))) WITH ORDINALITY a (c, o)
		UNION ALL
		SELECT 3, '{"job_id": 1, "lease": "\u0000"}'::json) q (n, c)))), 'finished PT409 finished', 'nor does it end the completion of others');
SELECT is(vvault_job(pg_temp.id('mixed', 0)) -> 'result' ->> 'of', pg_temp.id('mixed', 0)::text, 'each has its own result');
SELECT is(vvault_job(pg_temp.id('graph', 1)) ->> 'state', 'ready', 'what needs it goes on');
SELECT is(pg_temp.states(vvault_complete_many(pg_temp.completions(pg_temp.id('graph', 0), pg_temp.id('keys', 0), pg_temp.id('keys', 0)))), 'finished finished finished',
	'told twice, it is told the same');
SELECT is((SELECT count(*) FROM vvault_stream.finished_jobs WHERE job_id = pg_temp.id('keys', 0)), 1::bigint, 'and ends once');
SELECT is(pg_temp.states(vvault_complete_many(json_build_array(json_build_object('job_id', pg_temp.id('keys', 2), 'lease', gen_random_uuid())))), 'PT409', 'another lease does not end it');

-- jobs that something hangs on: limits, a done function, a cancel
SELECT is(pg_temp.take('{jb_limited}', 10), ARRAY[pg_temp.id('limited', 0), pg_temp.id('limited', 1)], 'of a kind with a limit');
SELECT is(pg_temp.states(vvault_complete_many(pg_temp.completions(pg_temp.id('limited', 0), pg_temp.id('limited', 1)))), 'finished finished', 'two end');
SELECT is((SELECT string_agg(state::text, '' ORDER BY job_id) FROM vvault_stream.jobs WHERE kind = 'jb_limited'), 'rr', 'and the next go on');
SELECT is((SELECT string_agg(vvault_cancel_job(job_id) ->> 'state', ' ') FROM given
	WHERE job_id IN (SELECT job_id FROM vvault_stream.jobs WHERE kind = 'jb_b' AND owner_id = 'anna')), 'running', 'one is cancelled while it runs');
CREATE FUNCTION public.jb_done(job json, result json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF job ->> 'owner_id' = 'ben' THEN RAISE EXCEPTION 'no'; END IF;
END $$;
UPDATE vvault_stream.job_kinds SET done_schema = 'public', done_function = 'jb_done' WHERE kind = 'jb_b';
SELECT is(pg_temp.states(vvault_complete_many(pg_temp.completions(pg_temp.id('mixed', 8), pg_temp.id('keys', 2), pg_temp.id('defaults', 0)))),
	'cancelled finishing finished', 'one that was cancelled, one whose done function fails, one that is well');
SELECT throws_ok($$SELECT vvault_complete_many('7')$$, '22023', 'invalid completions', 'an array');

SELECT * FROM finish();
ROLLBACK;
