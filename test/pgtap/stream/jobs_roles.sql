--
-- jobs_roles.sql
--		The queue as plain roles call it: what each may, by what it can do with
--		it. A worker sees no secret, a stranger nothing.
--
BEGIN;
SELECT plan(25);

CREATE ROLE jr_viewer;
CREATE ROLE jr_publisher;
CREATE ROLE jr_worker;
CREATE ROLE jr_operator;
SELECT vvault_stream_grant(r, substr(r, 4)) FROM unnest('{jr_viewer,jr_publisher,jr_worker,jr_operator}'::name[]) AS r;
GRANT USAGE ON SCHEMA public TO PUBLIC;
INSERT INTO vvault_stream.job_kinds (kind) VALUES ('jr_kind');
UPDATE vvault_stream.job_kinds SET outside = false WHERE kind = 'webhook';

-- an operator
SET LOCAL ROLE jr_operator;
SELECT is(vvault_enqueue('jr_kind', '{"n": 1}') ->> 'state', 'ready', 'an operator enqueues');
SELECT is(vvault_enqueue_many('[{"kind": "jr_kind"}, {"kind": "jr_kind", "after": [0]}]') -> 1 ->> 'state', 'waiting', 'many');
SELECT is(vvault_schedule('jr_daily', '1 day', 'jr_kind') ->> 'kind', 'jr_kind', 'makes a schedule');
SELECT ok(vvault_run_schedules() -> 'ran' IS NOT NULL, 'runs what is due');
SELECT is(vvault_webhook(url => 'https://example.com', secret => 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw') ->> 'enabled', 'true', 'adds a webhook');
SELECT is(position('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' IN vvault_webhooks()::text), 0, 'whose secret is not shown to him');
SELECT is(vvault_queue('jr_kind') -> 'kinds' -> 0 ->> 'ready', '2', 'sees the queue');
SELECT throws_ok('SELECT secret FROM vvault_stream.secrets', '42501', NULL, 'but no table');
SELECT throws_ok($$SELECT vvault_stream.make_event('v', 'x', '', '{}')$$, '42501', NULL, 'and nothing inside');
RESET ROLE;
SELECT vvault_stream.make_event('', 'jr.told', '', '{}') IS NOT NULL AS made \gset

-- a worker
SET LOCAL ROLE jr_worker;
CREATE TEMP TABLE given AS SELECT j FROM json_array_elements(vvault_dequeue('w', '{jr_kind,webhook}', 10)) j;
SELECT is((SELECT count(*) FROM given), 3::bigint, 'a worker takes jobs');
SELECT is((SELECT count(*) FROM given WHERE j::text ~ 'whsec_|MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
	OR position(encode(decode('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64'), 'hex') IN j::text) > 0), 0::bigint, 'and sees no secret');
SELECT is((SELECT j -> 'order' ->> 'do' FROM given WHERE j ->> 'kind' = 'webhook'), 'deliver', 'though one signs what it gets');
SELECT is((SELECT vvault_heartbeat((j ->> 'job_id')::bigint, (j ->> 'lease')::uuid, 0.5) ->> 'cancelled' FROM given LIMIT 1), 'false', 'says that it works');
SELECT is((SELECT vvault_complete_many(json_agg(json_build_object('job_id', j -> 'job_id', 'lease', j -> 'lease'))) -> 0 ->> 'state'
	FROM given WHERE j ->> 'kind' = 'jr_kind'), 'finished', 'ends them');
SELECT is((SELECT vvault_fail((j ->> 'job_id')::bigint, (j ->> 'lease')::uuid, 'HTTP 500') ->> 'state' FROM given WHERE j ->> 'kind' = 'webhook'), 'later', 'or fails');
SELECT throws_ok($$SELECT vvault_enqueue('jr_kind')$$, '42501', NULL, 'it enqueues nothing');
SELECT throws_ok($$SELECT vvault_job(1)$$, '42501', NULL, 'and looks at nothing');
SELECT throws_ok($$SELECT vvault_arm()$$, '42501', NULL, 'nor arms');
SELECT throws_ok($$SELECT vvault_webhooks()$$, '42501', NULL, 'nor knows who is told');
SELECT throws_ok($$SELECT vvault_run_schedules()$$, '42501', NULL, 'nor runs schedules');
RESET ROLE;

-- those who have nothing to do with the queue
CREATE FUNCTION pg_temp.may(role text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(p.proname, ' ' ORDER BY p.proname) FROM pg_proc p
	WHERE p.proname ~ '^vvault_(enqueue|dequeue|complete|complete_many|enqueue_many|fail|heartbeat|wait_for_jobs|jobs?|queue|redrive|cancel_job|arm|webhooks?|events|deliveries|replay|schedules?|unschedule|run_schedules|prune_jobs|pause_kind)$'
		AND has_function_privilege(role, p.oid, 'EXECUTE')
$$;
SELECT is(pg_temp.may('jr_viewer'), NULL, 'a viewer calls none of it');
SELECT is(pg_temp.may('jr_publisher'), NULL, 'nor a publisher');
SELECT is(pg_temp.may('jr_worker'), 'vvault_complete vvault_complete_many vvault_dequeue vvault_fail vvault_heartbeat vvault_wait_for_jobs', 'a worker what it works with');
SELECT is((SELECT count(*) FROM string_to_table(pg_temp.may('jr_operator'), ' ')), 25::bigint, 'an operator all');
SELECT is((SELECT string_agg(c.relname, ' ') FROM pg_class c, unnest('{jr_viewer,jr_publisher,jr_worker,jr_operator}'::text[]) r
	WHERE c.relnamespace = 'vvault_stream'::regnamespace AND c.relkind IN ('r', 'v', 'S')
		AND (has_table_privilege(r, c.oid, 'SELECT, INSERT, UPDATE, DELETE') OR c.relkind = 'S' AND has_sequence_privilege(r, c.oid, 'USAGE'))), NULL, 'nobody has a right on a table');

SELECT * FROM finish();
ROLLBACK;
