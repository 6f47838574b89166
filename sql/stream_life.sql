-- The whole life of a video: made, uploaded, processed, shown, replaced, deleted.
-- A worker in SQL answers what one with ffmpeg would.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vvault CASCADE;
CREATE EXTENSION IF NOT EXISTS vvault_stream;
\pset format unaligned
\pset tuples_only on
BEGIN;
\set ECHO none
\i test/pgtap/stream/answers.psql
-- keys without the numbers of jobs, which depend on what ran before
CREATE FUNCTION pg_temp.plain(t text) RETURNS text LANGUAGE sql IMMUTABLE RETURN regexp_replace(t, '-\d+-(\d+)\.', '-N-\1.', 'g');
\set ECHO all

SELECT vvault_create_asset('Holiday', 'anna', 'public', '{"album": 1}', 'holiday') ->> 'state';
SELECT pg_temp.uploaded('holiday', pg_temp.probe(9, 640, 360, '{eng,pol}', '{pol}'));
SELECT vvault_process('holiday') ->> 'state';

-- what a worker is told, first
SELECT vvault_arm() ->> 'armed';
SELECT pg_temp.work('{probe}');
SELECT kind, vvault_stream.job_state(state), cardinality(needs) FROM vvault_stream.jobs WHERE video_id = 'holiday' ORDER BY job_id;
SELECT pg_temp.plain((o ->> 'name') || ' ' || (o -> 'place' -> 'put' ->> 'url') || ' ' || (o ->> 'head'))
FROM vvault_stream.jobs j, json_array_elements(vvault_stream.encode_order(vvault_stream.job_json(j)) -> 'outputs') o
WHERE j.video_id = 'holiday' AND j.kind IN ('encode', 'pictures', 'texts') ORDER BY j.job_id, o ->> 'name';
SELECT pg_temp.work('{encode,pictures,texts,finish}');

-- it plays
SELECT state, generation, duration, failure FROM vvault_stream.assets WHERE video_id = 'holiday';
SELECT name, content_type FROM vvault_stream.stored_objects('holiday', 1) ORDER BY name COLLATE "C";
SELECT pg_temp.plain(rtrim(convert_from(vvault_hls('holiday'), 'UTF8'), E'\n'));
SELECT pg_temp.plain(rtrim(convert_from(vvault_hls_media('holiday', '360p'), 'UTF8'), E'\n'));
SELECT pg_temp.plain(rtrim(left(convert_from(vvault_storyboard('holiday'), 'UTF8'), 80), E'\n'));
SELECT vvault_asset('holiday') -> 'distribution';

-- another source comes up beside it
SELECT vvault_replace_source('holiday') ->> 'generation';
SELECT pg_temp.uploaded('holiday', pg_temp.probe(5, 320, 180, '{}'));
SELECT vvault_process('holiday') ->> 'generation';
SELECT vvault_asset('holiday') ->> 'generation', vvault_asset('holiday') -> 'next' ->> 'state';
SELECT pg_temp.work('{probe,encode,pictures,texts,finish}');
SELECT vvault_asset('holiday') ->> 'generation', vvault_asset('holiday') -> 'next';
SELECT pg_temp.plain(string_agg(object_key, ' ' ORDER BY object_key COLLATE "C")) FROM vvault_stream.media_objects
WHERE video_id = 'holiday' AND state = 'deleting';

-- and it is deleted
SELECT vvault_delete_asset('holiday') ->> 'state';
SELECT vvault_hls('holiday') IS NULL;
UPDATE vvault_stream.jobs SET run_at = clock_timestamp() WHERE video_id = 'holiday' AND run_at IS NOT NULL;
SELECT pg_temp.work('{delete_objects}');
SELECT state, (SELECT count(*) FROM vvault_stream.media_objects WHERE video_id = 'holiday') FROM vvault_stream.assets WHERE video_id = 'holiday';
ROLLBACK;
