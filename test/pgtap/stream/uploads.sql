--
-- uploads.sql
--		Uploads in parts: who may, what is refused, what becomes of them.
--		test/t/062_store.pl has them at work with nginx.
--
BEGIN;
SELECT plan(64);
SET LOCAL TimeZone = 'UTC';

CREATE ROLE vvs_publisher;
CREATE ROLE vvs_viewer;
CREATE ROLE vvs_worker;
SELECT vvault_stream_grant(r, substr(r, 5)) FROM unnest('{vvs_publisher,vvs_viewer,vvs_worker}'::name[]) r;
-- the tests come as alice, by the login that vouches for it
SELECT vvault_stream_set('authenticator', session_user), set_config('request.jwt.claims', '{"sub": "alice"}', true);
SELECT vvault_store('files', 'file', 'http://127.0.0.1:8090/objects', part_size => 1024);
SELECT vvault_store('s3', 's3', 'https://s3.example.org', bucket => 'media', key_id => 'AKID', secret => 'hidden', part_size => 5242880);
INSERT INTO vvault_stream.assets (video_id, owner_id) VALUES ('up1', 'alice'), ('up2', 'alice'), ('up3', 'alice'), ('up4', 'bob');
CREATE TEMP TABLE upload (name text PRIMARY KEY, reply json);
GRANT ALL ON upload TO PUBLIC;

CREATE FUNCTION pg_temp.id(name text) RETURNS text LANGUAGE sql AS $$SELECT reply ->> 'upload_id' FROM upload u WHERE u.name = id.name$$;
CREATE FUNCTION pg_temp.state(video text) RETURNS text LANGUAGE sql AS $$SELECT state FROM vvault_stream.assets WHERE video_id = video$$;

SET LOCAL ROLE vvs_viewer;
SELECT throws_ok($$SELECT vvault_create_upload('up1', 1)$$, '42501', NULL, 'a viewer uploads nothing');

SET LOCAL ROLE vvs_publisher;
INSERT INTO upload SELECT 'one', vvault_create_upload('up1', 2500, repeat('AB', 32), owner_id => 'alice');
SELECT is((reply::jsonb - '{upload_id,object_key,expires_at}'::text[]), format('{"video_id": "up1", "generation": 1, "state": "open", "size": 2500,
	"part_size": 1024, "parts": 3, "sha256": "%s", "store_upload_id": null, "job_id": null, "failure": null}', repeat('ab', 32))::jsonb, 'an upload')
FROM upload WHERE name = 'one';
SELECT is(reply ->> 'object_key', 'up1/source/' || pg_temp.id('one'), 'of an object of its own') FROM upload WHERE name = 'one';
SELECT throws_ok(format('SELECT vvault_complete_upload(%L, formats => %L)', pg_temp.id('one'), formats), '22023', 'invalid formats',
	format('formats %s are refused before the source is processed', formats))
FROM (VALUES ('[]'), ('{"codecs": ["vp8"]}')) AS v (formats);
SELECT throws_ok(format('SELECT vvault_create_upload(%s)', a), code, message, format('vvault_create_upload(%s)', a))
FROM (VALUES
	($$'none', 1$$, 'PT404', 'video "none" does not exist'), ($$NULL, 1$$, 'PT404', 'video "NULL" does not exist'),
	($$'up2', 0$$, '22023', 'invalid size'), ($$'up2', NULL$$, '22023', 'invalid size'), ($$'up2', 5497558138881$$, '22023', 'invalid size'),
	($$'up2', 1, 'abc'$$, '22023', 'invalid sha256'), ($$'up2', 1, part_size => 1023$$, '22023', 'invalid part_size'),
	($$'up2', 1024001, part_size => 1024$$, '22023', 'invalid part_size'), ($$'up2', 1, part_size => 5242879, store => 's3'$$, '22023', 'invalid part_size'),
	($$'up2', 1, owner_id => 'bob'$$, '42501', 'video "up2" is another owner''s'), ($$'up2', 1, store => 'none'$$, '42704', 'there is no store "none"')) AS v (a, code, message);
SELECT is((vvault_create_upload('up2', 5000000)::json ->> 'part_size')::bigint, 1048576::bigint, 'a large one has larger parts');

-- parts
SELECT is(array_agg(vvault_sign_part(pg_temp.id('one'), n) ->> 'size' ORDER BY n), '{1024,1024,452}', 'each part has its size') FROM generate_series(1, 3) n;
SELECT matches(vvault_sign_part(pg_temp.id('one'), 2, 'alice') ->> 'url', '/objects/up1/uploads/u[A-Za-z0-9_-]{21}/00002\?method=PUT&expires=\d+&size=1024&', 'and its URL');
SELECT throws_ok(format('SELECT vvault_sign_part(%L, 4)', pg_temp.id('one')), '22023', 'invalid part_number', 'there is no fourth');
SELECT throws_ok(format('SELECT vvault_sign_part(%L, 0)', pg_temp.id('one')), '22023', 'invalid part_number', 'nor a part 0');
SELECT throws_ok(format('SELECT vvault_sign_part(%L, 1, ttl_seconds => 0)', pg_temp.id('one')), '22023', 'invalid ttl_seconds', 'a URL lives');
SELECT throws_ok(format('SELECT %s(%L%s, owner_id => %L)', f, pg_temp.id('one'), more, 'bob'), '42501', NULL, f || ' of another owner')
FROM (VALUES ('vvault_sign_part', ', 1'), ('vvault_list_parts', ''), ('vvault_complete_upload', ''), ('vvault_abort_upload', '')) v (f, more);
SELECT throws_ok($$SELECT vvault_sign_part('unknown', 1)$$, 'PT404', 'upload "unknown" does not exist', 'an upload has to be there');
SELECT matches(vvault_list_parts(pg_temp.id('one')) -> 'list' ->> 'url', '/objects/up1/uploads/u[A-Za-z0-9_-]{21}/\?method=GET&', 'the store lists them');

-- completing: a job joins them
INSERT INTO upload SELECT 'joining', vvault_complete_upload(pg_temp.id('one'));
SELECT is((SELECT reply ->> 'state' FROM upload WHERE name = 'joining'), 'joining', 'a file store''s parts are joined');
SELECT is(vvault_complete_upload(pg_temp.id('one'))::jsonb, (SELECT reply::jsonb FROM upload WHERE name = 'joining'), 'the same call gets the same answer');
SELECT throws_ok(format('SELECT vvault_sign_part(%L, 1)', pg_temp.id('one')), 'PT409', NULL, 'no part comes any more');
RESET ROLE;
INSERT INTO upload SELECT 'job', j FROM json_array_elements(vvault_dequeue('w', '{join}')) j;
SELECT is((SELECT count(*) FROM upload u, json_array_elements(u.reply -> 'order' -> 'parts') p WHERE u.name = 'job'), 3::bigint, 'the order names the parts');
SELECT is((SELECT vvault_complete((reply ->> 'job_id')::bigint, (reply ->> 'lease')::uuid, json_build_object('size', 2500, 'sha256', repeat('ab', 32))) ->> 'state'
	FROM upload WHERE name = 'job'), 'finished', 'the worker did');
SELECT is(vvault_list_parts(pg_temp.id('one')) ->> 'state', 'stored', 'the upload is stored');
SELECT is(pg_temp.state('up1'), 'processing', 'and the video is processed');
SELECT is((SELECT string_agg(object_key, ' ') FROM vvault_stream.media_objects WHERE video_id = 'up1'), 'up1/source/' || pg_temp.id('one'), 'the parts are gone');
SELECT throws_ok(format('SELECT vvault_abort_upload(%L)', pg_temp.id('one')), 'PT409', NULL, 'what is stored is not aborted');

-- what is not what was said
INSERT INTO upload SELECT 'wrong', vvault_create_upload('up3', 100, repeat('ab', 32));
SELECT vvault_complete_upload(pg_temp.id('wrong'));
SELECT vvault_complete((j ->> 'job_id')::bigint, (j ->> 'lease')::uuid, json_build_object('size', 100, 'sha256', repeat('cd', 32)))
FROM json_array_elements(vvault_dequeue('w', '{join}')) j;
SELECT is(vvault_list_parts(pg_temp.id('wrong')) ->> 'failure', 'the SHA-256 of the source is not the one that was said', 'another SHA-256 fails');
SELECT is((SELECT a.state || ': ' || a.failure FROM vvault_stream.assets a WHERE video_id = 'up3'),
	'failed: the SHA-256 of the source is not the one that was said', 'the video says why');
SELECT is((SELECT string_agg(replace(o ->> 'object_key', pg_temp.id('wrong'), 'ID') || ' ' || vvault_stream.job_state(j.state), ', ' ORDER BY j.job_id)
		FROM vvault_stream.jobs j, json_array_elements(j.args -> 'objects') o WHERE j.kind = 'delete_objects' AND j.video_id = 'up3'),
	'up3/uploads/ID/ ready, up3/source/ID later', 'the parts are deleted, and the whole when nobody can write it any more');

-- S3
SET LOCAL ROLE vvs_publisher;
INSERT INTO upload SELECT 's3', vvault_create_upload('up3', 6000000, store => 's3');
SELECT matches((SELECT reply -> 'create' ->> 'url' FROM upload WHERE name = 's3'), '^https://s3\.example\.org/media/up3/source/u[A-Za-z0-9_-]{21}\?uploads=&X-Amz-', 'S3 begins it');
SELECT throws_ok(format('SELECT vvault_sign_part(%L, 1)', pg_temp.id('s3')), '22023', 'invalid store_upload_id', 'and says its UploadId');
SELECT matches(vvault_sign_part(pg_temp.id('s3'), 1, store_upload_id => 'a b/é') ->> 'url',
	'\?partNumber=1&uploadId=a%20b%2F%C3%A9&X-Amz-.*SignedHeaders=content-length%3Bhost&', 'which is in the URL of a part');
SELECT is((vvault_sign_part(pg_temp.id('s3'), 2) ->> 'size')::bigint, 757120::bigint, 'once told is enough');
SELECT throws_ok(format('SELECT vvault_sign_part(%L, 1, store_upload_id => %L)', pg_temp.id('s3'), 'other'), '22023', 'invalid store_upload_id', 'there is no other');
SELECT matches(vvault_list_parts(pg_temp.id('s3'), after => 1) -> 'list' ->> 'url', '\?part-number-marker=1&uploadId=a%20b', 'S3 lists the parts');
SELECT throws_ok(format('SELECT vvault_complete_upload(%L, %L)', pg_temp.id('s3'), p), '22023', 'invalid parts', 'parts: ' || p)
FROM unnest(ARRAY['[]', '{}', '[{"PartNumber": 1, "ETag": "a"}, {"PartNumber": 1, "ETag": "b"}]', '[{"PartNumber": 1, "ETag": "<"}, {"PartNumber": 2, "ETag": "b"}]']) p;
SELECT is(vvault_complete_upload(pg_temp.id('s3'), '[{"PartNumber": 2, "ETag": "\"b\""}, {"PartNumber": 1, "ETag": "a"}]') -> 'complete' ->> 'body',
	'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Part><PartNumber>1</PartNumber><ETag>"a"</ETag></Part><Part><PartNumber>2</PartNumber><ETag>"b"</ETag></Part></CompleteMultipartUpload>',
	'S3 is told what to put together');
SELECT is(vvault_complete_upload(pg_temp.id('s3'), process => false, stored => true) ->> 'state', 'stored', 'and when it has, the upload is stored');
RESET ROLE;
SELECT is(pg_temp.state('up3'), 'uploaded', 'and not processed unless that is asked for');

-- quotas
SELECT vvault_set_quota('bob', bytes => 1000);
INSERT INTO upload SELECT 'bob', vvault_create_upload('up4', 600);
SELECT throws_ok($$SELECT vvault_create_upload('up4', 401)$$, 'PT403', '401 bytes are more than owner "bob" may have', 'no byte more than the quota');
SELECT vvault_set_quota('bob', jobs => 0);
SELECT throws_ok($$SELECT vvault_create_upload('up4', 1)$$, 'PT403', 'owner "bob" has as many unfinished jobs as he may', 'nor a job');
SELECT vvault_set_quota('bob', jobs => 2);
SELECT vvault_enqueue('join', owner_id => 'bob'), vvault_enqueue('probe', owner_id => 'carol'), vvault_enqueue('probe', owner_id => 'bob', delay_seconds => 9);
SELECT throws_ok($$SELECT vvault_create_upload('up4', 1)$$, 'PT403', 'owner "bob" has as many unfinished jobs as he may', 'his own count, waiting or not');
UPDATE vvault_stream.jobs SET state = 'd' WHERE owner_id = 'bob' AND kind = 'join';
SELECT lives_ok($$SELECT vvault_abort_upload(vvault_create_upload('up4', 1) ->> 'upload_id')$$, 'a dead one does not');
SELECT vvault_set_quota('bob', minutes => 0);
SELECT throws_ok($$SELECT vvault_create_upload('up4', 1)$$, 'PT403', 'owner "bob" has as many minutes of video as he may', 'nor a minute');
SELECT throws_ok($$SELECT vvault_set_quota('bob', -1)$$, '22023', 'invalid quota', 'a quota is not below 0');

-- giving up
SELECT is(vvault_collect_uploads() ->> 'uploads', '[]', 'nothing is given up early');
UPDATE vvault_stream.uploads SET expires_at = now() - interval '1 second' WHERE upload_id = pg_temp.id('bob');
SELECT throws_ok(format('SELECT vvault_sign_part(%L, 1)', pg_temp.id('bob')), 'PT409', NULL, 'an upload expires');
SELECT is(vvault_collect_uploads() -> 'uploads' ->> 0, pg_temp.id('bob'), 'and is given up');
SELECT is((SELECT a.state || ': ' || a.failure FROM vvault_stream.assets a WHERE video_id = 'up4'), 'failed: the upload was given up', 'the video says so');
SELECT is((SELECT args::text FROM vvault_stream.jobs WHERE kind = 'delete_objects' AND video_id = 'up4' ORDER BY job_id DESC LIMIT 1),
	format('{"objects" : [{"store" : "files", "object_key" : "up4/uploads/%s/"}]}', pg_temp.id('bob')), 'what came is deleted');

SELECT * FROM finish();
ROLLBACK;
