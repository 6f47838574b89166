--
-- webhooks.sql
--		Events and their deliveries: numbers, order, signatures, what fails, what
--		is told again, what is kept from whom.
--
BEGIN;
SELECT plan(79);
SET LOCAL TimeZone = 'UTC';
UPDATE vvault_stream.job_kinds SET outside = false WHERE kind = 'webhook';

-- taken: the deliveries that workers got, as "video:number"
CREATE TEMP TABLE given (n integer GENERATED ALWAYS AS IDENTITY, job_id bigint, lease uuid, what text, job json);
CREATE FUNCTION pg_temp.take(max_jobs integer DEFAULT 100) RETURNS text LANGUAGE sql AS $$
	WITH new AS (INSERT INTO given (job_id, lease, what, job)
		SELECT (j ->> 'job_id')::bigint, (j ->> 'lease')::uuid, (j ->> 'video_id') || ':' || (j -> 'args' ->> 'number'), j
		FROM json_array_elements(vvault_dequeue('tester', '{webhook}', max_jobs)) j RETURNING n, what)
	SELECT coalesce(string_agg(what, ' ' ORDER BY n), '') FROM new
$$;
CREATE FUNCTION pg_temp.last(what text) RETURNS given LANGUAGE sql AS
	$$ SELECT g FROM given g WHERE g.what = last.what ORDER BY g.n DESC LIMIT 1 $$;
CREATE FUNCTION pg_temp.delivered(what text, status integer DEFAULT 204) RETURNS text LANGUAGE sql AS
	$$ SELECT vvault_complete(g.job_id, g.lease, json_build_object('status', status)) ->> 'state' FROM pg_temp.last(what) g $$;
CREATE FUNCTION pg_temp.failed(what text, error text) RETURNS text LANGUAGE sql AS
	$$ SELECT vvault_fail(g.job_id, g.lease, error, 0) ->> 'state' FROM pg_temp.last(what) g $$;
CREATE FUNCTION pg_temp.body(what text) RETURNS json LANGUAGE sql AS
	$$ SELECT (g.job -> 'order' ->> 'body')::json FROM pg_temp.last(what) g $$;
CREATE FUNCTION pg_temp.tell(video text, kind text DEFAULT 'test.told', owner text DEFAULT 'me') RETURNS bigint LANGUAGE sql AS
	$$ SELECT vvault_stream.make_event(video, kind, owner, '{"x": 1}') $$;

-- the example of the specification
SELECT is(encode(vvault_stream.hmac_sha256(decode('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64'),
	'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'), 'base64'), 'g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
	'signed as Standard Webhooks says');

-- events without anybody to tell
SELECT is(pg_temp.tell('v1'), 1::bigint, 'a video''s first event is 1');
SELECT is(pg_temp.tell('v1'), 2::bigint, 'then 2');
SELECT is(pg_temp.tell('v2'), 1::bigint, 'by video');
SELECT is(pg_temp.tell(''), 1::bigint, 'and without one');
SELECT is(json_array_length(vvault_events('v1') -> 'events'), 2, 'they are shown');
SELECT is((vvault_events('v1', 1) -> 'events' -> 0)::jsonb - 'timestamp' - 'event_id',
	'{"type": "test.told", "video_id": "v1", "number": 2, "undelivered": [], "data": {"x": 1}}', 'from a number on');
SELECT is(vvault_events()::jsonb -> 'last', '1', 'those of no video too');
SELECT is((SELECT count(*) FROM vvault_stream.jobs WHERE kind = 'webhook'), 0::bigint, 'nobody is told');

-- a webhook
CREATE TEMP TABLE hook AS SELECT vvault_webhook(url => 'https://example.com/hook', kinds => '{test.told,asset.*}') AS reply;
SELECT alike((SELECT reply ->> 'secret' FROM hook), 'whsec_%', 'a new webhook has a secret');
SELECT is((SELECT octet_length(decode(substr(reply ->> 'secret', 7), 'base64')) FROM hook), 32, 'of 32 bytes');
SELECT is((vvault_webhooks() -> 'webhooks' -> 0)::jsonb ? 'secret', false, 'which is not shown again');
CREATE FUNCTION pg_temp.hook() RETURNS bigint LANGUAGE sql AS $$ SELECT (reply ->> 'webhook_id')::bigint FROM hook $$;
SELECT is(pg_temp.take(), '', 'what was before it is not told');
SELECT is(pg_temp.tell('v1'), 3::bigint, 'what comes now');
SELECT is(pg_temp.tell('v1', 'test.other'), 4::bigint, 'but what it does not want');
SELECT is(pg_temp.tell('v1'), 5::bigint, 'and again');
SELECT is(pg_temp.tell('v2'), 2::bigint, 'of another video');
SELECT is(pg_temp.take(), 'v1:3 v2:2', 'the first of each video is told');
SELECT is(pg_temp.take(), '', 'the next waits for it');
SELECT is((SELECT (job -> 'order')::jsonb - 'body' - 'headers' - 'retry_seconds' FROM pg_temp.last('v1:3')),
	'{"do": "deliver", "url": "https://example.com/hook", "timeout_seconds": 15, "allow_private": false}', 'a worker gets what it needs');
SELECT ok((SELECT (job -> 'order' ->> 'retry_seconds')::double precision BETWEEN 2.5 AND 5 FROM pg_temp.last('v1:3')),
	'and how long it leaves a receiver alone that fails first');
SELECT is(pg_temp.body('v1:3')::jsonb - 'timestamp' - 'event_id',
	'{"type": "test.told", "video_id": "v1", "number": 3, "undelivered": [], "data": {"x": 1}}', 'with the event');
SELECT is((SELECT h ->> 'webhook-signature' FROM pg_temp.last('v1:3') g, LATERAL (SELECT g.job -> 'order' -> 'headers') o (h)),
	(SELECT 'v1,' || encode(vvault_stream.hmac_sha256(decode(substr(hook.reply ->> 'secret', 7), 'base64'),
		concat_ws('.', o.h ->> 'webhook-id', o.h ->> 'webhook-timestamp', g.job -> 'order' ->> 'body')), 'base64')
	FROM hook, pg_temp.last('v1:3') g, LATERAL (SELECT g.job -> 'order' -> 'headers') o (h)), 'and its signature');
SELECT is((SELECT count(*) FROM given, hook WHERE position(substr(reply ->> 'secret', 7) IN job::text) > 0
	OR position(encode(decode(substr(reply ->> 'secret', 7), 'base64'), 'hex') IN job::text) > 0), 0::bigint, 'not the secret');
SELECT is(pg_temp.delivered('v1:3'), 'finished', 'it arrives');
SELECT is(pg_temp.take(), 'v1:5', 'then the next is told');
SELECT is(pg_temp.body('v1:5') -> 'undelivered' ->> 0, NULL, 'of which nothing before is missing');

-- what fails
SELECT is(pg_temp.tell('v1'), 6::bigint, 'one behind it');
SELECT is(pg_temp.take(), '', 'waits');
SELECT is((SELECT vvault_fail(job_id, lease) ->> 'state' FROM pg_temp.last('v1:5')), 'ready', 'given back, it has not failed');
SELECT is(pg_temp.take(), 'v1:5', 'and goes first');
SELECT is(pg_temp.failed('v1:5', 'HTTP 500 from the receiver'), 'ready', 'it fails');
SELECT is(pg_temp.take(1), 'v1:5', 'it goes on');
SELECT is(pg_temp.take(), 'v1:6', 'and so does the next');
SELECT is(pg_temp.body('v1:6') ->> 'undelivered', '[5]', 'which says so');
SELECT is((SELECT failing_since IS NOT NULL FROM vvault_stream.webhooks WHERE webhook_id = pg_temp.hook()), true, 'it is known to fail');
SELECT is(pg_temp.failed('v1:5', 'HTTP 503 from the receiver'), 'ready', 'again');
SELECT is((SELECT concat_ws(' ', d ->> 'state', d ->> 'status', d ->> 'error') FROM json_array_elements(vvault_deliveries(video_id => 'v1') -> 'deliveries') d
	WHERE d ->> 'number' = '5'), 'ready 503 HTTP 503 from the receiver', 'it is told what the receiver answered');
SELECT is(pg_temp.delivered('v1:6'), 'finished', 'the next arrives');
SELECT is((SELECT failing_since FROM vvault_stream.webhooks WHERE webhook_id = pg_temp.hook()), NULL, 'it does not fail any more');
SELECT is((SELECT string_agg(concat_ws(' ', d ->> 'number', d ->> 'state', d ->> 'status', d ->> 'undelivered'), ', ' ORDER BY (d ->> 'number')::int)
	FROM json_array_elements(vvault_deliveries(pg_temp.hook(), 'v1') -> 'deliveries') d), '3 delivered 204 [], 5 ready 503 [], 6 delivered 204 [5]', 'all of it is shown');
SELECT is(pg_temp.take(), 'v1:5', 'the one that failed');
SELECT is(pg_temp.delivered('v1:5', 302), 'finishing', 'a redirect is no delivery');

-- nor does one hold others up whose answer is none
SELECT is(pg_temp.tell('v5') || ' ' || pg_temp.tell('v5') || ' ' || pg_temp.take(), '1 2 v5:1', 'of two');
SELECT is(pg_temp.delivered('v5:1', 500), 'finishing', 'the first is said to be delivered, and was not');
SELECT is(pg_temp.take() || ' ' || (pg_temp.body('v5:2') ->> 'undelivered'), 'v5:2 [1]', 'the second is told all the same, and says so');

-- told again
UPDATE vvault_stream.jobs SET state = 'd', run_at = NULL, lease_until = NULL WHERE job_id = (SELECT job_id FROM pg_temp.last('v1:5'));
SELECT is(vvault_replay(pg_temp.hook()) ->> 'replayed', '5', 'what has not arrived is told again: what was before, and what is dead');
SELECT is((SELECT string_agg(w, ' ' ORDER BY w) FROM string_to_table(pg_temp.take(), ' ') w), 'v1:1 v2:1', 'in its order');
SELECT is(pg_temp.delivered('v1:1') || ' ' || pg_temp.take(), 'finished v1:2', 'one behind the other');
SELECT is(pg_temp.delivered('v1:2') || ' ' || pg_temp.take(), 'finished v1:5', 'as they were made');
SELECT is(vvault_replay(pg_temp.hook()) ->> 'replayed', '0', 'not what is on its way');
SELECT is(vvault_replay(pg_temp.hook(), 'v1', delivered => true) ->> 'replayed', '4', 'what has arrived too, if asked for');
SELECT is((SELECT count(DISTINCT pg_temp.body(what) ->> 'event_id') || ' ' || count(DISTINCT (job -> 'order' -> 'headers' ->> 'webhook-id')) FROM given WHERE what = 'v1:5'),
	'1 1', 'an event keeps its id');

-- changes
CREATE TEMP TABLE rotated AS SELECT vvault_webhook(pg_temp.hook(), rotate => true) AS reply;
SELECT is(pg_temp.tell('v3'), 1::bigint, 'once the secret is another one');
SELECT matches(pg_temp.take(), 'v3:1', 'what is told');
SELECT is((SELECT array_length(string_to_array(job -> 'order' -> 'headers' ->> 'webhook-signature', ' '), 1) FROM pg_temp.last('v3:1')), 2, 'is signed with both');
SELECT is(pg_temp.delivered('v3:1', 410), 'finished', 'a receiver that is gone for good');
SELECT is((SELECT enabled || ' ' || disabled_why FROM vvault_stream.webhooks WHERE webhook_id = pg_temp.hook()), 'false the receiver answered 410: it is gone for good', 'turns it off');
SELECT throws_ok(format('SELECT vvault_replay(%s)', pg_temp.hook()), '22023', format('webhook %s is off', pg_temp.hook()), 'and has nothing told again');
SELECT is((SELECT reply ->> 'enabled' FROM (SELECT vvault_webhook(pg_temp.hook(), enabled => true, owner_id => 'you')) q (reply)), 'true', 'until it is turned on');
SELECT is(pg_temp.tell('v4') || ' ' || coalesce((SELECT job_id FROM vvault_stream.deliveries WHERE video_id = 'v4')::text, 'none'), '1 none', 'of its owner alone');
UPDATE vvault_stream.webhooks SET failing_since = now() - interval '6 days';
SELECT is(vvault_stream.check_webhooks('{}') ->> 'disabled', '1', 'after days of failure it is turned off');
UPDATE vvault_stream.events SET created_at = now() - interval '40 days';
SELECT ok((vvault_stream.check_webhooks('{}') ->> 'pruned_events')::int > 0, 'old events go');
SELECT is(pg_temp.tell('v3') || ' ' || pg_temp.tell('v1'), '2 7', 'and numbers go on');
SELECT is(vvault_webhook(pg_temp.hook(), remove => true) ->> 'removed', 'true', 'it is removed');
SELECT vvault_stream.deliver_event('v1', pg_temp.hook(), 7) IS NOT NULL AS late \gset
SELECT is(vvault_stream.check_webhooks('{}') ->> 'disabled', '0', 'nothing is turned off again');
SELECT ok(NOT EXISTS (SELECT FROM vvault_stream.deliveries)
	AND NOT EXISTS (SELECT FROM vvault_stream.jobs WHERE kind = 'webhook' AND NOT cancelled AND state <> 'x'), 'and so is what came while it was');

-- assets
INSERT INTO vvault_stream.assets (video_id, owner_id) VALUES ('a1', 'me');
INSERT INTO vvault_stream.assets (video_id, owner_id, created_at) VALUES ('a2', 'me', now() - interval '1 day');
UPDATE vvault_stream.assets SET state = 'uploading' WHERE video_id = 'a1';
UPDATE vvault_stream.assets SET state = 'failed', failure = 'no' WHERE video_id = 'a1';
UPDATE vvault_stream.assets SET state = 'processing' WHERE video_id = 'a1';
UPDATE vvault_stream.assets SET state = 'ready', generation = 1 WHERE video_id = 'a1';
UPDATE vvault_stream.assets SET title = 'x' WHERE video_id = 'a1';
UPDATE vvault_stream.assets SET generation = 2 WHERE video_id = 'a1';
UPDATE vvault_stream.assets SET state = 'deleting' WHERE video_id = 'a1';
UPDATE vvault_stream.assets SET state = 'deleted' WHERE video_id = 'a1';
SELECT is((SELECT string_agg(e ->> 'type', ' ' ORDER BY (e ->> 'number')::int) FROM json_array_elements(vvault_events('a1') -> 'events') e),
	'asset.created asset.failed asset.ready asset.ready asset.deleted', 'steps of an asset are events');
SELECT is(vvault_events('a2') ->> 'last', NULL, 'a row that a dump brings back is none');

-- wrong arguments
SELECT throws_ok(format('SELECT vvault_webhook(url => %L)', u), '22023', 'invalid url', u)
	FROM unnest('{ftp://x,http://,//x,https://x/#f,"https://x y"}'::text[]) u;
SELECT throws_ok($$SELECT vvault_webhook(url => 'https://x', secret => 'whsec_short')$$, '22023', 'invalid secret', 'a secret of 24 bytes or more');
SELECT throws_ok($$SELECT vvault_webhook(url => 'https://x', kinds => '{Asset}')$$, '22023', 'invalid kinds', 'kinds of events');
SELECT throws_ok($$SELECT vvault_webhook()$$, '22023', 'no webhook', 'one of the two');
SELECT throws_ok($$SELECT vvault_webhook(0, enabled => true)$$, '22023', 'webhook 0 is not there', 'that is there');
SELECT throws_ok($$SELECT vvault_webhook(url => 'http://user:word@example.com')$$, '22023', 'invalid url', 'a url without a user');

SELECT * FROM finish();
ROLLBACK;
