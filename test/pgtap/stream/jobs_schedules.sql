--
-- jobs_schedules.sql
--		Schedules: their grid, what was missed, what fails, and who runs them.
--
-- All in one transaction, so next_at is set back by hand where time has to pass.
--
BEGIN;
SELECT plan(41);
SET LOCAL TimeZone = 'Europe/Warsaw';
-- those that are shipped stay out of the way
UPDATE vvault_stream.schedules SET enabled = false;

INSERT INTO vvault_stream.job_kinds (kind) VALUES ('js_a'), ('js_b');
CREATE FUNCTION pg_temp.ran() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', r ->> 'name', r -> 'result' ->> 'created', left(r ->> 'error', 5)), ', ' ORDER BY n)
	FROM json_array_elements(vvault_run_schedules() -> 'ran') WITH ORDINALITY a (r, n)
$$;
CREATE FUNCTION pg_temp.due(name text, late interval) RETURNS void LANGUAGE sql AS
	$$ UPDATE vvault_stream.schedules s SET next_at = clock_timestamp() - late WHERE s.name = due.name $$;

-- the grid
SELECT is(vvault_stream.next_on_grid(n::timestamptz, e::interval, t::timestamptz), r::timestamptz, format('%s every %s after %s', n, e, t))
FROM (VALUES (1, '2026-01-01 00:00Z', '1 hour', '2025-12-31 23:00Z', '2026-01-01 00:00Z'),
	(2, '2026-01-01 00:00Z', '1 hour', '2026-01-01 00:00Z', '2026-01-01 01:00Z'),
	(3, '2026-01-01 00:00Z', '1 hour', '2026-01-01 00:59:59.999999Z', '2026-01-01 01:00Z'),
	(4, '2026-01-01 00:00Z', '1 hour', '2026-03-07 05:30Z', '2026-03-07 06:00Z'),
	-- a day is 24 hours, whatever the clocks do in between
	(5, '2026-03-28 12:00Z', '1 day', '2026-03-29 11:59Z', '2026-03-29 12:00Z'),
	(6, '2026-01-01 00:00Z', '1.5 seconds', '2026-01-01 00:00:02Z', '2026-01-01 00:00:03Z'),
	(7, '2000-01-01 00:00Z', '1 second', '2026-01-01 00:00:00.5Z', '2026-01-01 00:00:01Z')) v (i, n, e, t, r) ORDER BY i;

-- a schedule
SELECT is(vvault_schedule('every_hour', '1 hour', 'js_a', '{"x": 1}', 'anna', 3)::jsonb - 'next_at',
	'{"name": "every_hour", "every_seconds": 3600, "kind": "js_a", "function": null, "args": {"x": 1}, "owner_id": "anna", "priority": 3,
	"enabled": true, "runs": 0, "last_at": null, "last_job_id": null, "last_error": null, "shipped": false}', 'a schedule is as it was asked for');
SELECT ok((SELECT next_at - clock_timestamp() BETWEEN interval '59 minutes' AND interval '1 hour' FROM vvault_stream.schedules WHERE name = 'every_hour'),
	'and runs an hour from now');
SELECT is(pg_temp.ran(), NULL, 'not before');
SELECT pg_temp.due('every_hour', '0');
CREATE TEMP TABLE kept AS SELECT next_at FROM vvault_stream.schedules WHERE name = 'every_hour';
SELECT is(pg_temp.ran(), 'every_hour true', 'then it runs');
SELECT is(pg_temp.ran(), NULL, 'once');
SELECT is((SELECT row(kind, owner_id, priority, args, job_key)::text FROM vvault_stream.jobs WHERE kind = 'js_a'),
	'(js_a,anna,3,"{""x"": 1}","schedule every_hour")', 'as a job');
SELECT is((SELECT s.next_at - k.next_at FROM vvault_stream.schedules s, kept k WHERE s.name = 'every_hour'), '1 hour', 'its next time does not drift');
SELECT is((SELECT last_job_id FROM vvault_stream.schedules WHERE name = 'every_hour'), (SELECT job_id FROM vvault_stream.jobs WHERE kind = 'js_a'), 'its job is noted');

-- what was missed
SELECT pg_temp.due('every_hour', '5 hours 10 minutes');
UPDATE kept SET next_at = (SELECT next_at FROM vvault_stream.schedules WHERE name = 'every_hour');
SELECT is(pg_temp.ran(), 'every_hour false', 'what was missed runs once, and its job is still there');
SELECT is((SELECT count(*) FROM vvault_stream.jobs WHERE kind = 'js_a'), 1::bigint, 'so that they do not pile up');
SELECT is((SELECT s.next_at - k.next_at FROM vvault_stream.schedules s, kept k WHERE s.name = 'every_hour'), '6 hours', 'and it stays on its grid');
SELECT is(json_array_length(vvault_dequeue('w', '{js_a}')), 1, 'once the job has begun');
SELECT pg_temp.due('every_hour', '1 minute');
SELECT is(pg_temp.ran(), 'every_hour true', 'there is another one');
SELECT is((SELECT runs FROM vvault_stream.schedules WHERE name = 'every_hour'), 3::bigint, 'the runs are counted');

-- changes
UPDATE kept SET next_at = (SELECT next_at FROM vvault_stream.schedules WHERE name = 'every_hour');
SELECT is(vvault_schedule('every_hour', args => '{"x": 2}')::jsonb - 'next_at' - 'last_at' - 'last_job_id',
	'{"name": "every_hour", "every_seconds": 3600, "kind": "js_a", "function": null, "args": {"x": 2}, "owner_id": "anna", "priority": 3,
	"enabled": true, "runs": 3, "last_error": null, "shipped": false}', 'what is not named stays');
SELECT is((SELECT s.next_at FROM vvault_stream.schedules s WHERE s.name = 'every_hour'), (SELECT next_at FROM kept), 'its next time too');
SELECT vvault_schedule('every_hour', '1 hour') IS NOT NULL AS said \gset
SELECT is((SELECT s.next_at FROM vvault_stream.schedules s WHERE s.name = 'every_hour'), (SELECT next_at FROM kept), 'as long as it is as often');
SELECT is(vvault_schedule('every_hour', first_at => '2026-02-01 00:00Z') ->> 'next_at', '2026-02-01T00:00:00+00:00', 'it may begin at an instant');
SELECT is(vvault_schedule('every_hour', enabled => false) ->> 'enabled', 'false', 'it may be turned off');
SELECT is(pg_temp.ran(), NULL, 'and does not run then');
SELECT is((SELECT extract(minute FROM (vvault_schedule('every_hour', enabled => true) ->> 'next_at')::timestamptz)), 0::numeric, 'nor moves');

-- what fails
SELECT vvault_schedule('wrong', '1 hour', 'js_b') IS NOT NULL AS said \gset
DELETE FROM vvault_stream.job_kinds WHERE kind = 'js_b';
SELECT pg_temp.due('wrong', '1 hour');
SELECT pg_temp.due('every_hour', '1 minute');
SELECT is(pg_temp.ran(), 'wrong 22023, every_hour false', 'what fails does not stop others');
SELECT ok((SELECT last_error LIKE '22023: invalid kind "js_b"' AND next_at > clock_timestamp() FROM vvault_stream.schedules WHERE name = 'wrong'),
	'it says why, and comes again at its time');
SELECT is(vvault_unschedule('wrong')::jsonb, '{"name": "wrong", "removed": true}', 'it goes');
SELECT is(vvault_unschedule('wrong')::jsonb, '{"name": "wrong", "removed": false}', 'once');

-- a function
CREATE TABLE js_calls (args json);
CREATE FUNCTION js_call(args json) RETURNS json LANGUAGE sql SET search_path FROM CURRENT AS $$ INSERT INTO js_calls VALUES (args) RETURNING '{"done": true}'::json $$;
INSERT INTO vvault_stream.schedules (name, every, call_schema, call_function, args, next_at)
	SELECT 'calls', '1 day', n.nspname, 'js_call', '{"y": 1}', now() FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.proname = 'js_call';
SELECT is(pg_temp.ran(), 'calls', 'a schedule may call a function');
SELECT is((SELECT args ->> 'y' FROM js_calls), '1', 'with its args');

-- shipped ones
SELECT is((SELECT string_agg(s ->> 'name', ' ') FROM json_array_elements(vvault_schedules() -> 'schedules') s WHERE s ->> 'shipped' = 'true' AND s ->> 'name' ~ '^(prune_jobs|check_webhooks)$'), 'check_webhooks prune_jobs', 'some are shipped');
SELECT throws_ok($$SELECT vvault_unschedule('prune_jobs')$$, '22023', 'schedule "prune_jobs" is shipped', 'and stays');
SELECT throws_ok($$SELECT vvault_schedule('prune_jobs', kind => 'js_a')$$, '22023', 'schedule "prune_jobs" is shipped', 'as it is');
INSERT INTO vvault_stream.finished_jobs (job_id, created_at, finished_at, priority, attempt, kind, owner_id, args)
	VALUES (-1, '2020-01-01 00:00Z', '2020-01-01 00:00Z', 0, 1, 'js_a', '', '{}');
INSERT INTO vvault_stream.schedules (name, every, call_schema, call_function, next_at, enabled)
	VALUES ('prune_jobs', '2 hours', 'vvault_stream', 'another', clock_timestamp(), true);
SELECT is((SELECT call_function || ' ' || every FROM vvault_stream.schedules WHERE name = 'prune_jobs'), 'prune_jobs_scheduled 02:00:00', 'a dumped row changes when it runs alone');
SELECT is(pg_temp.ran(), 'prune_jobs', 'it runs');
SELECT is((SELECT count(*) FROM vvault_stream.finished_jobs WHERE job_id = -1), 0::bigint, 'and forgets old jobs');

-- wrong arguments
SELECT throws_ok($$SELECT vvault_schedule('new', '1 month', 'js_a')$$, '22023', 'invalid every', 'a month has no length');

SELECT * FROM finish();
ROLLBACK;
