--
-- stores.sql
--		Stores, their secrets, the URLs that they take, and the keys behind
--		path tokens. test/t/062_store.pl has them at work.
--
BEGIN;
SELECT plan(99);
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO';

CREATE ROLE vvs_operator;
CREATE ROLE vvs_viewer;
SELECT vvault_stream_grant('vvs_operator', 'operator');
SELECT vvault_stream_grant('vvs_viewer', 'viewer');

SET LOCAL ROLE vvs_operator;
SELECT throws_ok($$SELECT vvault_presign('GET', 'a')$$, '42704', 'there is no store', 'without a store nothing is signed');
SELECT is(vvault_store('files', 'file', 'http://127.0.0.1:8090/objects')::jsonb - 'created_at',
	'{"store": "files", "kind": "file", "endpoint": "http://127.0.0.1:8090/objects", "bucket": null, "region": "us-east-1", "prefix": "",
		"key_id": null, "is_default": true, "part_size": 16777216, "large_object": 5368709120}', 'the first store is the default');
SELECT is(vvault_store('s3', 's3', 'https://s3.example.org', bucket => 'media', key_id => 'AKID', secret => 'hidden', region => 'eu-west-1') ->> 'is_default',
	'false', 'the second is not');
SELECT is(vvault_store('s3', prefix => 'videos/', part_size => 5242880)::jsonb - '{endpoint,is_default,large_object}'::text[],
	'{"store": "s3", "kind": "s3", "bucket": "media", "region": "eu-west-1", "prefix": "videos/", "key_id": "AKID", "part_size": 5242880}',
	'a change leaves the rest');
SELECT throws_ok(format('SELECT vvault_store(%s)', a), '22023', 'invalid ' || what, format('vvault_store(%s)', a))
FROM (VALUES
	('NULL', 'store'), ($$'a/b', 'file', 'http://a'$$, 'store'),
	($$'x'$$, 'kind'), ($$'x', 'ftp', 'http://a'$$, 'kind'),
	($$'x', 'file'$$, 'endpoint'), ($$'x', 'file', 'http://a/'$$, 'endpoint'), ($$'x', 'file', 'http://u:p@a'$$, 'endpoint'), ($$'x', 'file', 'ftp://a'$$, 'endpoint'),
	($$'x', 's3', 'http://a', key_id => 'k', secret => 'hidden'$$, 'bucket'),
	($$'x', 's3', 'http://a', bucket => 'b', secret => 'hidden'$$, 'key_id or secret'),
	($$'x', 's3', 'http://a', bucket => 'b', key_id => 'k'$$, 'key_id or secret'),
	($$'x', 'file', 'http://a', secret => 'hidden'$$, 'key_id or secret'),
	($$'x', 's3', 'http://a', bucket => 'b', key_id => 'k', secret => 'hidden', region => 'US'$$, 'region'),
	($$'x', 'file', 'http://a', prefix => '../'$$, 'prefix'), ($$'x', 'file', 'http://a', prefix => 'a'$$, 'prefix'),
	($$'x', 's3', 'http://a', bucket => 'b', key_id => 'k', secret => 'hidden', part_size => 5242879$$, 'part_size'),
	($$'x', 'file', 'http://a', large_object => 0$$, 'large_object')) AS v (a, what);

-- Signatures as an independent program made them (python3's hmac, botocore 1.29.27).
RESET ROLE;
SELECT is(vvault_stream.signature('\x6b6579', 'The quick brown fox jumps over the lazy dog'), '97yD9DBThCSxMpjmqm-xQ-9NWaFJRhdZl0edvC0aPNg',
	'HMAC-SHA-256 in base64url');
SELECT is(vvault_stream.s3_url('PUT', 'https://s3.example.org', 'media', 'a b/é+1.mp4', 'partNumber=1&uploadId=x%2Fy', '{content-length,host}', '{5,""}',
		'eu-west-1', 'AK:ID', 'secret', 'to/ken==', '2026-01-11 12:13:14Z', 60), 'https://s3.example.org/media/a%20b/%C3%A9%2B1.mp4?partNumber=1&uploadId=x%2Fy&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%3AID%2F20260111%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20260111T121314Z&X-Amz-Expires=60&X-Amz-SignedHeaders=content-length%3Bhost&X-Amz-Security-Token=to%2Fken%3D%3D&X-Amz-Signature=ef274d9576aadc6a8621d8119b54cb7f7c57a394474a05b356caa73a7b9d7a2b', 'a URL of S3');
SELECT is(vvault_stream.file_url('PUT', 'http://h:1/o', 'v/1/a.mp4', 'k1', '\x6b6579', 1795702956, 5), 'http://h:1/o/v/1/a.mp4?method=PUT&expires=1795702956&size=5&kid=k1&signature=FFB-qJmtX009HGj9MXLO81H7ySJm6MG_puxkML10law', 'a URL of a file store');

SET LOCAL ROLE vvs_operator;
SELECT matches(vvault_presign('PUT', 'v/1/a.mp4', 60, '{"Content-Length": 5}') ->> 'url',
	'^http://127\.0\.0\.1:8090/objects/v/1/a\.mp4\?method=PUT&expires=\d+&size=5&kid=k[0-9a-f]{12}&signature=[A-Za-z0-9_-]{43}$', 'a file store has one');
SELECT matches(vvault_presign('PUT', 'a', 60, '{"X-Amz-Meta-A": " b  c ", "content-type": "video/mp4"}', 's3')::text,
	'https://s3\.example\.org/media/videos/a\?X-Amz-Algorithm=.*&X-Amz-Expires=60&X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-meta-a&X-Amz-Signature=[0-9a-f]{64}".*"x-amz-meta-a" : "b c"',
	'another store, with headers');
SELECT throws_ok(format('SELECT vvault_presign(%s)', a), '22023', 'invalid ' || what, format('vvault_presign(%s)', a))
FROM (VALUES
	($$'PATCH', 'a'$$, 'method'), ($$'POST', 'a'$$, 'method'), ($$'get', 'a'$$, 'method'), ($$NULL, 'a'$$, 'method'),
	($$'GET', NULL$$, 'object_key'), ($$'GET', ''$$, 'object_key'), ($$'GET', '/a'$$, 'object_key'), ($$'GET', 'a//b'$$, 'object_key'),
	($$'GET', 'a/../b'$$, 'object_key'), ($$'GET', '..'$$, 'object_key'), ($$'GET', './a'$$, 'object_key'), ($$'GET', 'a%2fb'$$, 'object_key'),
	($$'GET', 'a?b'$$, 'object_key'), ($$'GET', repeat('a', 1025)$$, 'object_key'),
	($$'GET', 'a', 0$$, 'ttl_seconds'), ($$'GET', 'a', 604801$$, 'ttl_seconds'), ($$'GET', 'a', NULL$$, 'ttl_seconds'),
	($$'PUT', 'a', 60, '{"content-type": "x"}'$$, 'headers'), ($$'PUT', 'a', 60, '{"a b": "x"}', 's3'$$, 'headers'),
	($$'PUT', 'a', 60, '{"host": "x"}', 's3'$$, 'headers'), ($$'PUT', 'a', 60, '{"a": "x\ny"}', 's3'$$, 'headers'), ($$'PUT', 'a', 60, '[]', 's3'$$, 'headers')) AS v (a, what);
SELECT lives_ok($$SELECT vvault_presign('GET', 'v/uploads/u1/')$$, 'a folder of a file store is listed');

-- Nobody reads a secret.
SELECT throws_ok('SELECT secret FROM vvault_stream.secrets', '42501', NULL, 'an operator reads no secret');
SELECT throws_ok($$SELECT vvault_stream.signed_url(NULL, 'GET', 'a', 60)$$, '42501', NULL, 'nor does he call what is inside');
SET LOCAL ROLE vvs_viewer;
SELECT throws_ok(c, '42501', NULL, 'a viewer cannot: ' || c)
FROM unnest('{"SELECT vvault_presign(''GET'', ''a'')", "SELECT vvault_signing_keys()", "SELECT vvault_rotate_keys()", "SELECT vvault_store(''x'')"}'::text[]) c;
RESET ROLE;

-- Path tokens.
SELECT is(vvault_stream.path_token('k1', '\x6b6579', 'holiday', 3, 1795702956, 'sess'), 'k1.1795702956.sess.9FJf9D06t4f6L4SwZIUwnAoqhXtv73Qp2F99lvCqyxM', 'a path token');
SELECT is(vvault_stream.path_token_problem(vvault_stream.new_path_token('holiday', 3, 60, 's'), 'holiday', 3, now()), NULL, 'one that opens');
SELECT is(vvault_stream.path_token_problem(t, v, g, clock_timestamp() + make_interval(secs => s)), expected, expected)
FROM vvault_stream.new_path_token('holiday', 3, 60, 's') AS t (token),
	LATERAL (VALUES (t.token, 'holiday', 4, 0, 'wrong signature'), (t.token, 'Holiday', 3, 0, 'wrong signature'),
		(t.token, 'holiday', 3, 121, 'expired'), (t.token || 'x', 'holiday', 3, 0, 'not a token'), (NULL, 'holiday', 3, 0, 'not a token'),
		(regexp_replace(t.token, '\.(\d+)\.', '.9\1.'), 'holiday', 3, 0, 'wrong signature'),
		(regexp_replace(t.token, '^k', 'l'), 'holiday', 3, 0, 'unknown key')) AS v (t, v, g, s, expected);

SELECT is(vvault_stream.path_token_problem(vvault_stream.new_path_token('holiday', 3, -20, 's'), 'holiday', 3, clock_timestamp()), NULL, 'a minute for clocks that differ');

-- Sessions and videos are taken back.
SELECT is(vvault_deny('session', 's1') ->> 'kind', 'session', 'a session is denied');
SELECT ok((vvault_deny('session', 's1') ->> 'denied_until')::timestamptz > now() + interval '7 days', 'for as long as a token of it can live');
SELECT is(vvault_deny('video', 'taken-down')::jsonb, '{"kind": "video", "id": "taken-down", "denied_until": null}', 'a video for good');
SELECT is(vvault_stream.path_token_problem(vvault_stream.new_path_token(v, 3, 60, s), v, 3, now()), expected, format('%s of %s', s, v))
FROM (VALUES ('holiday', 's1', 'denied'), ('holiday', 's10', NULL), ('taken-down', 's2', 'denied'), ('taken', 's2', NULL), ('s1', 'taken-down', NULL)) AS v (v, s, expected);
SELECT is((SELECT content FROM vvault_edge_files() WHERE name = 'vvault-denied.txt'), E'vvault-denied-1\nsession s1\nvideo taken-down\n', 'the list of an edge');
SELECT is((SELECT content FROM vvault_edge_files() WHERE name = 'vvault-path-keys.json'), vvault_signing_keys('path')::text, 'and its keys');
SELECT throws_ok(format('SELECT vvault_deny(%L, %L)', k, i), '22023', NULL, format('vvault_deny(%L, %L)', k, i))
FROM (VALUES (NULL, 'a'), ('other', 'a'), ('session', NULL), ('video', 'a b'), ('video', ''), ('session', E'a\nvideo b')) AS v (k, i);
SELECT is(vvault_allow('video', 'taken-down'), true, 'it is allowed again');
SELECT is(vvault_allow('video', 'taken-down'), false, 'which is said once');
UPDATE vvault_stream.denied SET denied_until = now() - interval '1 second';
SELECT is((SELECT content FROM vvault_edge_files() WHERE name = 'vvault-denied.txt'), E'vvault-denied-1\n', 'what is over is in no list');
SELECT vvault_deny('session', 's3');
SELECT is((SELECT string_agg(id, ' ') FROM vvault_stream.denied), 's3', 'and is forgotten');

-- A key is known before it signs, and as long as what it signed lives.
CREATE TEMP TABLE first_token AS SELECT vvault_stream.new_path_token('holiday', 3, 60, 's') AS token;
CREATE TEMP TABLE ten_hours AS SELECT t AS token, to_timestamp(split_part(t, '.', 2)::bigint) AS expires
FROM vvault_stream.new_path_token('holiday', 3, 36000, 's') t;
SELECT is((SELECT count(*) FROM json_object_keys(vvault_signing_keys() -> 'keys')), 1::bigint, 'there is one key');
CREATE TEMP TABLE rotated AS SELECT vvault_rotate_keys('path', 600) ->> 'kid' AS kid;
SELECT is((SELECT count(*) FROM json_object_keys(vvault_signing_keys() -> 'keys')), 2::bigint, 'then two');
SELECT is(split_part(vvault_stream.new_path_token('holiday', 3, 60, 's'), '.', 1), (SELECT split_part(token, '.', 1) FROM first_token), 'the first still signs');
UPDATE vvault_stream.signing_keys SET signs_from = signs_from - interval '11 minutes', signs_until = signs_until - interval '11 minutes',
	checked_until = checked_until - interval '11 minutes' WHERE purpose = 'path';
SELECT is(split_part(vvault_stream.new_path_token('holiday', 3, 60, 's'), '.', 1), (SELECT kid FROM rotated), 'ten minutes later the second does');
SELECT is((SELECT vvault_stream.path_token_problem(token, 'holiday', 3, now()) FROM first_token), NULL, 'and the first is checked by');
SELECT vvault_rotate_keys('path', 0);
SELECT is(vvault_stream.path_token_problem(token, 'holiday', 3, expires + after), expected, format('a session of ten hours, two keys later: %s after its end', after))
FROM ten_hours, (VALUES ('-10 hours'::interval, NULL), ('-1 second', NULL), ('59 seconds', NULL), ('60 seconds', 'expired')) v (after, expected);
UPDATE vvault_stream.signing_keys SET signs_from = signs_from - interval '8 days', signs_until = signs_until - interval '8 days',
	checked_until = checked_until - interval '8 days' WHERE purpose = 'path';
SELECT is((SELECT vvault_stream.path_token_problem(token, 'holiday', 3, now()) FROM first_token), 'unknown key', 'a week later it is not');
SELECT vvault_rotate_keys('path', 0);
SELECT is((SELECT count(*) FROM vvault_stream.secrets s WHERE s.name = 'key:' || (SELECT split_part(token, '.', 1) FROM first_token)), 0::bigint,
	'and the next rotation forgets it');
SELECT throws_ok($$SELECT vvault_rotate_keys('other')$$, '22023', 'invalid purpose "other"', 'a key has a purpose');
SELECT throws_ok($$SELECT vvault_signing_keys(NULL)$$, '22023', 'purpose must not be null', 'that is not NULL');
SELECT throws_ok($$SELECT vvault_rotate_keys('path', -1)$$, '22023', 'invalid lead_seconds', 'and does not begin before it is there');

SELECT * FROM finish();
ROLLBACK;
