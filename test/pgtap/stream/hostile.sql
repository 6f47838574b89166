--
-- hostile.sql
--		What no client in his right mind sends: arrays of arrays, JSON that holds
--		what no text can, names without end, numbers that no clock can count to. Each
--		is refused by 22023 or a code for HTTP below 500, with a hint, and keeps
--		nobody else's work from going on.
--
BEGIN;
SELECT plan(70);
SET LOCAL TimeZone = 'UTC';
SET LOCAL client_min_messages = warning;

-- What a statement came to: SQLSTATE, message, and whether there was a hint.
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' ', SQLSTATE, message, CASE WHEN hint = '' THEN 'without a hint' END);
END
$$;

SELECT vvault_stream_set('authenticator', session_user), set_config('request.jwt.claims', '{"sub": "alice"}', true);
SELECT vvault_store('files', 'file', 'http://127.0.0.1:8090/objects', part_size => 1024);
SELECT vvault_store('cloud', 's3', 'https://s3.example.org', bucket => 'media', key_id => 'AKID', secret => 'hidden', part_size => 5242880, is_default => false);
INSERT INTO vvault_stream.assets (video_id, owner_id, state, access) VALUES ('ho1', 'alice', 'created', 'private'), ('ho2', 'alice', 'created', 'public');
INSERT INTO vvault_stream.job_kinds (kind) VALUES ('ho');
SELECT vvault_enqueue('ho');
CREATE TEMP TABLE upload AS SELECT name, vvault_create_upload('ho1', 10000000, store => name) ->> 'upload_id' AS id FROM unnest('{files,cloud}'::text[]) name;
SELECT vvault_sign_part(id, 1, store_upload_id => 'U') FROM upload WHERE name = 'cloud';

--
-- Arrays of arrays
--

SELECT is(pg_temp.refusal(s), said, s) FROM (VALUES
	($$SELECT vvault_token_issue('bob', 'ho1', '{{view,view},{edit,edit}}')$$, '22023 invalid permissions'),
	($$SELECT vvault_update_asset('ho1', tags => '{{a,b},{c,d}}')$$, '22023 invalid tags'),
	($$SELECT vvault_webhook(url => 'https://example.org/', kinds => '{{asset.ready},{asset.failed}}')$$, '22023 invalid kinds'),
	($$SELECT vvault_enqueue('ho', needs => '{{1},{2}}')$$, '22023 invalid needs'),
	($$SELECT vvault_dequeue('w', '{{ho},{ho}}')$$, 'done')) AS v (s, said);
SELECT is((vvault_enqueue_many('[{"kind": "ho", "needs": [[1], [2]]}]') -> 0)::jsonb, '{"error": "invalid needs", "sqlstate": "22023"}', 'one of many too');
SELECT is(left(pg_temp.refusal(s), 5), '23514', 'nor by SQL: ' || s) FROM unnest(ARRAY[
	$$UPDATE vvault_stream.assets SET tags = '{{a,b},{c,d}}' WHERE video_id = 'ho1'$$,
	$$INSERT INTO vvault_stream.webhooks (url, kinds) VALUES ('https://example.org/', '{{asset.ready},{asset.failed}}')$$,
	$$INSERT INTO vvault_stream.job_kinds (kind, retry_table) VALUES ('ho_two', '{{1,2},{3,4}}')$$]) s;

--
-- JSON that no text, and no numeric, can be
--

SELECT is(pg_temp.refusal(format(s, json)), '22023 invalid ' || argument, format('invalid %s: %s', argument, left(json, 40)))
FROM (VALUES
	($$SELECT vvault_create_asset('A', 'alice', metadata => %L)$$, 'metadata'),
	($$SELECT vvault_update_asset('ho1', metadata => %L)$$, 'metadata'),
	($$SELECT vvault_process('ho1', %L)$$, 'formats'),
	($$SELECT vvault_complete_upload((SELECT id FROM upload WHERE name = 'files'), formats => %L)$$, 'formats'),
	($$SELECT vvault_complete_upload((SELECT id FROM upload WHERE name = 'cloud'), %L)$$, 'parts'),
	($$SELECT vvault_presign('GET', 'a', headers => %L, store => 'cloud')$$, 'headers'),
	($$SELECT vvault_clearkey_license(%L)$$, 'licence request')) AS f (s, argument),
	(VALUES ('{"a": "\u0000"}'), ('{"\ud800": 1}'), ('[{"PartNumber": 1, "ETag": "\u0000"}]'), ('{"kids": ["\udfff"]}'), ('{"a": 1e400000}')) AS v (json);
SELECT is((SELECT metadata FROM vvault_stream.assets WHERE video_id = 'ho1'), '{}', 'nothing of it is kept');
SELECT is(pg_temp.refusal(s), '22023 invalid headers', 'what is there twice is not passed over: ' || s)
FROM unnest(ARRAY[$$SELECT vvault_presign('GET', 'a', headers => '{"x-a": "1", "x-a": "2"}', store => 'cloud')$$]) s;

-- jobs may hold anything: that is between who enqueues them and who works them
SELECT vvault_schedule('ho', '1 hour', 'ho', '"\u0000"', owner_id => 'carol'), vvault_enqueue('ho', '{"a": "\ud800"}', owner_id => 'carol');
CREATE TEMP TABLE exported AS SELECT NULL::json AS reply;
SELECT is(pg_temp.refusal($$UPDATE exported SET reply = vvault_export_user('carol')$$), 'done', 'but its owner gets it out again');
SELECT ok(strpos(reply::text, s) > 0, 'as it came in: ' || s) FROM exported, unnest(ARRAY[$$"\u0000"$$, $${"a": "\ud800"}$$]) s;
SELECT is(pg_temp.refusal($$SELECT vvault_erase_user('carol')$$), 'done', 'and it is erased');

--
-- Names without end, and numbers that no clock can count to
--

SELECT is(pg_temp.refusal(format('SELECT vvault_dequeue(repeat(''w'', %s), ''{ho}'')', n)), said, format('a worker''s name of %s bytes', n))
FROM (VALUES (255, 'done'), (256, '22023 invalid worker'), (10000000, '22023 invalid worker')) AS v (n, said);
SELECT is(left(pg_temp.refusal(s), 5), '23514', s) FROM unnest(ARRAY[
	$$INSERT INTO vvault_stream.job_kinds (kind, keep_seconds) VALUES ('ho_keep', 'Infinity')$$,
	$$INSERT INTO vvault_stream.job_kinds (kind, progress_seconds) VALUES ('ho_slow', 'NaN')$$,
	$$INSERT INTO vvault_stream.job_kinds (kind, retry_table) VALUES ('ho_table', '{1,NaN}')$$,
	$$INSERT INTO vvault_stream.job_kinds (kind, retry_table) VALUES ('ho_table', '{-1}')$$,
	$$INSERT INTO vvault_stream.webhooks (url, disable_after) VALUES ('https://example.org/', '178956970 years')$$]) s;
SELECT is(pg_temp.refusal($$SELECT vvault_store('more', 'file', 'http://127.0.0.1:8090/objects', bucket => 'a/b')$$), '22023 invalid bucket', 'a bucket of a file store');

SELECT is(pg_temp.refusal(s), said, format('%s: no more than what others take', said)) FROM (VALUES
	(format('SELECT vvault_webhook(url => %L)', 'https://example.org/' || chr(27)), '22023 invalid url'),
	(format('SELECT vvault_webhook(url => %L)', 'https://example.org/' || chr(160)), '22023 invalid url'),
	($$SELECT vvault_token_issue('bob', 'ho1', array_fill('view'::text, ARRAY[5]))$$, '22023 invalid permissions'),
	($$SELECT vvault_token_issue('bob', 'ho1', '{view,download,edit,manage}')$$, 'done')) AS v (s, said);

--
-- What is gone while somebody works on it
--

CREATE TEMP TABLE taken AS SELECT 'join' AS what, NULL::json AS job;
SELECT vvault_complete_upload(id, process => false) FROM upload WHERE name = 'files';
UPDATE taken SET job = vvault_dequeue('w', '{join}') -> 0;
DELETE FROM vvault_stream.uploads WHERE upload_id = (SELECT id FROM upload WHERE name = 'files');
UPDATE vvault_stream.job_kinds SET outside = false WHERE kind = 'webhook';
SELECT vvault_webhook(url => 'https://example.org/', kinds => '{test.*}');
SELECT vvault_stream.make_event('ho2', 'test.told', 'alice', '{}');
INSERT INTO taken SELECT 'webhook', vvault_dequeue('w', '{webhook}') -> 0;
UPDATE vvault_stream.webhooks SET enabled = false WHERE url = 'https://example.org/';
CREATE FUNCTION pg_temp.beat(what text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.refusal(format('SELECT vvault_heartbeat(%s, %L)', t.job ->> 'job_id', t.job ->> 'lease')) FROM taken t WHERE t.what = beat.what
$$;
SELECT is(pg_temp.beat('join'), 'PT409 upload is gone', 'a worker whose upload was deleted is told to let go');
SELECT is(pg_temp.beat('webhook'), 'PT409 webhook is off', 'and one whose webhook was turned off');
SELECT vvault_webhook(webhook_id, remove => true) FROM vvault_stream.webhooks WHERE url = 'https://example.org/';
SELECT is(vvault_fail((job ->> 'job_id')::bigint, (job ->> 'lease')::uuid, 'it is gone', 0) ->> 'state',
	CASE what WHEN 'join' THEN 'ready' ELSE 'cancelled' END, 'its job goes on: ' || what) FROM taken ORDER BY what;

--
-- Who is refused is told why
--

SELECT is(pg_temp.refusal(s), said, s) FROM (VALUES
	($$SELECT vvault_create_upload('ho1', 1, owner_id => 'bob')$$, '42501 video "ho1" is another owner''s'),
	($$SELECT vvault_play_url('none')$$, 'PT404 video "none" does not exist'),
	($$SELECT vvault_cpix('none')$$, 'PT404 video "none" does not exist')) AS v (s, said);

SELECT * FROM finish();
ROLLBACK;
