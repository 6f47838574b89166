-- The queue: a job's way through its states, what is refused, many at once,
-- schedules, events and webhooks.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vvault_stream CASCADE;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
BEGIN;
ALTER TABLE vvault_stream.jobs ALTER COLUMN job_id RESTART WITH 1000001;
ALTER TABLE vvault_stream.webhooks ALTER COLUMN webhook_id RESTART WITH 1000001;
UPDATE vvault_stream.schedules SET enabled = false;
INSERT INTO vvault_stream.job_kinds (kind, max_attempts, retry_seconds) VALUES ('sj_plain', 2, 0), ('sj_other', 1, 60);
CREATE TEMP TABLE given (n integer GENERATED ALWAYS AS IDENTITY, job_id bigint, lease uuid, attempt integer);
CREATE FUNCTION pg_temp.take(kinds text[], max_jobs integer DEFAULT 1) RETURNS TABLE (job_id bigint, attempt integer) LANGUAGE sql AS $$
	INSERT INTO given (job_id, lease, attempt)
	SELECT (j ->> 'job_id')::bigint, (j ->> 'lease')::uuid, (j ->> 'attempt')::integer FROM json_array_elements(vvault_dequeue('w', kinds, max_jobs)) j
	RETURNING job_id, attempt
$$;
CREATE FUNCTION pg_temp.lease(id bigint) RETURNS uuid LANGUAGE sql AS $$ SELECT g.lease FROM given g WHERE g.job_id = id ORDER BY n DESC LIMIT 1 $$;

-- in, given out, done
SELECT vvault_enqueue('sj_plain', '{"n": 1}', owner_id => 'anna', video_id => 'v');
SELECT vvault_enqueue('sj_plain', '{"n": 2}', needs => '{1000001}');
SELECT vvault_enqueue('sj_plain', '{"n": 3}', delay_seconds => 60, priority => 5);
SELECT * FROM pg_temp.take('{sj_plain}', 10);
SELECT vvault_complete(1000001, pg_temp.lease(1000001), '{"ok": true}');
SELECT vvault_complete(1000001, pg_temp.lease(1000001), '{"ok": "again"}');
SELECT * FROM pg_temp.take('{sj_plain}', 10);
SELECT vvault_fail(1000002, pg_temp.lease(1000002), 'no');
SELECT * FROM pg_temp.take('{sj_plain}', 10);
SELECT vvault_fail(1000002, pg_temp.lease(1000002), 'no again');
SELECT vvault_redrive(1000002);
SELECT vvault_cancel_job(1000003, 'not needed any more');
SELECT j ->> 'job_id' AS job_id, j ->> 'state' AS state, j ->> 'attempt' AS attempt, j ->> 'error' AS error, j ->> 'why' AS why
FROM json_array_elements(vvault_jobs(kind => 'sj_plain') -> 'jobs') j;
SELECT k - 'oldest_ready_seconds' FROM jsonb_array_elements(vvault_queue('sj_plain')::jsonb -> 'kinds') k;
SELECT job ->> 'result' AS result, job -> 'args' AS args, job ->> 'owner_id' AS owner_id FROM (SELECT vvault_job(1000001)) q (job);

-- what is refused
\set VERBOSITY terse
SAVEPOINT s;
SELECT vvault_enqueue('sj_none');
ROLLBACK TO s;
SELECT vvault_enqueue('sj_plain', needs => '{1000003}');
ROLLBACK TO s;
SELECT vvault_complete(1000002, '00000000-0000-0000-0000-000000000000');
ROLLBACK TO s;
SELECT vvault_dequeue('w', '{}');
ROLLBACK TO s;
SELECT vvault_pause_kind('sj_none');
ROLLBACK TO s;
CALL vvault_wait_for_jobs('{sj_plain}', 1);
ROLLBACK TO s;
\set VERBOSITY default

-- paused
SELECT vvault_pause_kind('sj_plain');
SELECT * FROM pg_temp.take('{sj_plain}', 10);
SELECT vvault_job(1000002) ->> 'why' AS why;
SELECT vvault_pause_kind('sj_plain', false);

-- many
SELECT vvault_enqueue_many('[{"kind": "sj_other", "args": {"n": 1}}, {"kind": "sj_other", "priority": 99999}, {"kind": "sj_other"}]');
SELECT vvault_enqueue_many('[{"kind": "sj_plain"}, {"kind": "sj_plain", "after": [0]}]');
SELECT * FROM pg_temp.take('{sj_other,sj_plain}', 10) ORDER BY job_id;
SELECT vvault_complete_many(json_agg(json_build_object('job_id', i, 'lease', pg_temp.lease(i)) ORDER BY i)) FROM unnest('{1,1000002,1000004}'::bigint[]) i;

-- schedules
SELECT vvault_schedule('sj_daily', '1 day', 'sj_plain', '{"n": 9}', 'anna', 2, first_at => '2026-01-01 03:00Z');
SELECT r ->> 'name' AS name, r -> 'result' ->> 'state' AS state, r ->> 'error' AS error FROM json_array_elements(vvault_run_schedules() -> 'ran') r;
SELECT name, extract(epoch FROM every)::integer AS every, kind, runs, to_char(next_at, 'HH24:MI:SS') AS next_at, next_at > now() AS later FROM vvault_stream.schedules WHERE name = 'sj_daily';
SELECT vvault_unschedule('sj_daily');

-- events and webhooks
SELECT w::jsonb - 'created_at' FROM vvault_webhook(url => 'https://example.com/hook', kinds => '{asset.*}', secret => 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw') w;
INSERT INTO vvault_stream.assets (video_id, owner_id, title) VALUES ('sj', 'me', 'Mine');
UPDATE vvault_stream.assets SET state = 'uploading' WHERE video_id = 'sj';
UPDATE vvault_stream.assets SET state = 'failed', failure = 'no video' WHERE video_id = 'sj';
SELECT e - 'timestamp' - 'event_id' FROM jsonb_array_elements(vvault_events('sj')::jsonb -> 'events') e;
SELECT d ->> 'number' AS number, d ->> 'type' AS type, d ->> 'state' AS state FROM json_array_elements(vvault_deliveries(video_id => 'sj') -> 'deliveries') d;
SELECT count(*) FROM pg_temp.take('{webhook}', 10);
SELECT vvault_webhook(1000001, remove => true);
SELECT j ->> 'kind' AS kind, j ->> 'state' AS state, j ->> 'error' AS error FROM json_array_elements(vvault_jobs(kind => 'webhook') -> 'jobs') j;
ROLLBACK;
