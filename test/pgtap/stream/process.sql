--
-- process.sql
--		The way of videos through the queue: the graph of their jobs, what
--		becomes of faults, generations beside each other, and deleting.
--
BEGIN;
SELECT plan(103);
SET LOCAL TimeZone = 'UTC';
SET LOCAL client_min_messages = warning;
\ir answers.psql

CREATE FUNCTION pg_temp.state(id text) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', state, generation, failure) FROM vvault_stream.assets WHERE video_id = id
$$;
CREATE FUNCTION pg_temp.objects(id text, state text) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM vvault_stream.media_objects o WHERE o.video_id = id AND o.state = objects.state
$$;
-- what a store would have to delete, and when
CREATE FUNCTION pg_temp.to_delete(id text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(regexp_replace(o ->> 'object_key', '-\d+-', '-N-'), ' ' ORDER BY o ->> 'object_key')
	FROM vvault_stream.jobs j, json_array_elements(j.args -> 'objects') o WHERE j.kind = 'delete_objects' AND j.video_id = id
$$;

--
-- The ladder
--

CREATE FUNCTION pg_temp.rungs(w integer, h integer, rate double precision DEFAULT 25, codec text DEFAULT 'h264', most integer DEFAULT 2160)
RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s:%sx%s%s', r ->> 'name', r ->> 'width', r ->> 'height',
		CASE WHEN r ->> 'frame_step' = '2' THEN '/2' ELSE '' END), ' ' ORDER BY i)
	FROM json_array_elements(vvault_ladder(w, h, rate, codec, most)) WITH ORDINALITY u (r, i)
$$;
SELECT is(pg_temp.rungs(1280, 720), '144p:256x144 240p:426x240 360p:640x360 480p:854x480 720p:1280x720', '720 lines');
SELECT is(pg_temp.rungs(720, 1280), '144p:144x256 240p:240x426 360p:360x640 480p:480x854 720p:720x1280', 'upright');
SELECT is(pg_temp.rungs(3840, 2160, 60), '144p:256x144/2 240p:426x240/2 360p:640x360/2 480p:854x480/2 720p:1280x720 1080p:1920x1080 1440p:2560x1440 2160p:3840x2160',
	'4K, with half the pictures in what is small');
SELECT is(pg_temp.rungs(7680, 4320), pg_temp.rungs(3840, 2160), 'more than that is that');
SELECT is(pg_temp.rungs(1920, 804), '144p:256x108 240p:426x178 360p:640x268 480p:854x358 720p:1280x536 1080p:1920x804', 'wide pictures go by their width');
SELECT is(pg_temp.rungs(1441, 1081), '144p:192x144 240p:320x240 360p:480x360 480p:640x480 720p:960x720 1080p:1440x1080', 'sizes are even, and no larger than the source');
SELECT is(pg_temp.rungs(999, 561), '144p:256x144 240p:426x240 360p:640x360 480p:854x480 562p:998x560', 'one between two rungs gets its own');
SELECT is(pg_temp.rungs(1916, 1076), '144p:256x144 240p:426x240 360p:640x360 480p:854x480 720p:1280x718 1080p:1916x1076', 'one that is nearly a rung is it');
SELECT is(pg_temp.rungs(80, 60), '60p:80x60', 'a small one has one');
SELECT is(pg_temp.rungs(1, 1), '1p:2x2', 'down to a point');
SELECT is(pg_temp.rungs(1280, 720, codec => 'av1'), '360p-av1:640x360 480p-av1:854x480 720p-av1:1280x720', 'another codec begins higher');
SELECT is(pg_temp.rungs(1280, 720, most => 480), '144p:256x144 240p:426x240 360p:640x360 480p:854x480', 'as high as was asked for');
SELECT is(vvault_ladder(NULL, NULL)::text, '[]', 'sound has no rung');
SELECT throws_ok($$SELECT vvault_ladder(0, 720)$$, '22023', NULL, 'a picture has a size');
SELECT throws_ok($$SELECT vvault_ladder(1280, 720, 'NaN')$$, '22023', NULL, 'a rate is a number');
SELECT is(vvault_ladder(1280, 720, 'Infinity')::text, vvault_ladder(1280, 720, 60)::text, 'more than 60 pictures a second are 60');
SELECT throws_ok($$SELECT vvault_ladder(1280, 720, codec => 'vp8')$$, '22023', NULL, 'codecs are those that are encoded');
SELECT ok((SELECT bool_and(w % 2 = 0 AND h % 2 = 0 AND w <= greatest(i, 2) AND h <= greatest(j, 2) AND abs(w::float / h / (i::float / j) - 1) < 0.05 + 2.0 / least(w, h))
	FROM generate_series(1, 4400, 397) i, generate_series(1, 4400, 397) j, json_to_recordset(vvault_ladder(i, j, 50)) AS r (width integer, height integer),
		LATERAL (SELECT r.width AS w, r.height AS h) q WHERE greatest(i, j) < 8 * least(i, j)), 'all sizes are even, within the source, and keep its shape');

--
-- Rates and languages
--

SELECT is(vvault_stream.output_rate(a, r), w::integer[], format('%s, %s: %s', a, r, w)) FROM (VALUES
	('30000/1001', '30000/1001', '{30000,1001}'), ('25/1', '50/1', '{25,1}'), ('2397/100', '90000/1', '{24000,1001}'),
	('27/1', '60/1', '{30,1}'), ('120/1', '120/1', '{60,1}'), ('0/0', '0/0', '{25,1}'), ('1/1', '1/1', '{24,1}'),
	('18/1', '18/1', '{18000,1000}'), ('60000/1001', '60000/1001', '{60000,1001}')) AS v (a, r, w);
SELECT is((SELECT array_agg(vvault_stream.language_tag(l) ORDER BY i) FROM unnest('{eng,POL,und,ger,pt-BR,"x y",haw}'::text[]) WITH ORDINALITY u (l, i)),
	'{en,pl,NULL,de,pt-br,NULL,haw}', 'languages of containers as those of the web');

--
-- From an upload to a playing video
--

SELECT is(pg_temp.uploaded('film', pg_temp.probe(9, 1280, 720, '{eng,pol}', '{pol}')), 'uploaded', 'a source lies in the store');
SELECT throws_ok($$SELECT vvault_process('film', '{"codecs": ["vp8"]}')$$, '22023', 'invalid formats', 'no other codecs');
SELECT throws_ok($$SELECT vvault_process('film', '{"lines": 1}')$$, '22023', 'invalid formats', 'no other choices');
SELECT throws_ok($$SELECT vvault_process('nobody')$$, 'PT404', NULL, 'the video is there');
SELECT is(vvault_process('film', '{"codecs": ["h264", "av1"]}') ->> 'state', 'processing', 'it is processed');
SELECT is(json_array_length(vvault_process('film') -> 'jobs'), 1, 'the same call again makes no other job');
SELECT is(pg_temp.work('{probe}'), 'probe', 'the source is looked at');
SELECT is((SELECT string_agg(kind || coalesce(' ' || (args ->> 'codec'), ''), ', ' ORDER BY job_id) FROM vvault_stream.jobs WHERE video_id = 'film'),
	'encode h264, encode av1, pictures, texts, finish', 'and what it asks for is queued');
SELECT is(pg_temp.work('{finish}'), '', 'finish waits for all of it');
SELECT is(pg_temp.work('{encode,texts}'), 'encode encode texts', 'renditions');
SELECT is(vvault_hls('film'), NULL, 'nothing is shown of what is not whole');
SELECT is(pg_temp.state('film'), 'processing 0', 'it is being processed');
SELECT is(pg_temp.work('{pictures}'), 'pictures', 'pictures');
SELECT is(pg_temp.work('{finish}', 1), 'finish', 'the last job');
SELECT is(pg_temp.state('film'), 'ready 1', 'shows it');
SELECT is((SELECT string_agg(name || ':' || coalesce(language, '') || ':' || coalesce(loudness::text, ''), ' ' ORDER BY name) FROM vvault_stream.renditions WHERE video_id = 'film' AND kind <> 'video'),
	'audio:en:-23.5 audio-pl:pl: subtitles-pl:pl:', 'sound and subtitles by language, with the loudness');
SELECT is((SELECT count(*) FROM vvault_stream.renditions WHERE video_id = 'film' AND kind = 'video'), 8::bigint, 'five rungs of h264, three of av1');
SELECT is(pg_temp.objects('film', 'ordered'), 0::bigint, 'no object is left that nobody knows');
SELECT is((SELECT duration FROM vvault_stream.assets WHERE video_id = 'film'), 9::double precision, 'it lasts as long as its renditions');

-- what is told of it
SELECT is((SELECT string_agg(concat_ws(' ', f ->> 'name', f ->> 'quality', f ->> 'container'), ', ' ORDER BY i)
		FROM json_array_elements(vvault_asset('film') -> 'formats') WITH ORDINALITY u (f, i) WHERE f ->> 'codec' NOT LIKE 'avc%'
			OR f ->> 'name' = '720p'),
	'720p 720p mp4, subtitles-pl vtt, audio mp4, audio-pl mp4', 'its formats');
SELECT is(vvault_asset('film') -> 'distribution' ->> 'watch', 'film/1/watch.html', 'where it plays');
SELECT is(vvault_asset('film') -> 'thumbnails' -> 0 ->> 'kind', 'poster', 'its pictures');

-- what was stored is what is answered
CREATE TEMP TABLE stored AS SELECT * FROM vvault_stream.stored_objects('film', 1);
SELECT is((SELECT body FROM stored WHERE name = 'master.m3u8'), convert_from(vvault_hls('film'), 'UTF8'), 'the stored playlist is the one that is answered');
SELECT is((SELECT body FROM stored WHERE name = 'manifest.mpd'), convert_from(vvault_dash('film'), 'UTF8'), 'and so is the other manifest');
SELECT is((SELECT body FROM stored WHERE name = 'storyboard.vtt'), convert_from(vvault_storyboard('film'), 'UTF8'), 'the storyboard');
SELECT is((SELECT body FROM stored WHERE name = 'watch.html'), convert_from(vvault_watch('film'), 'UTF8'), 'the page');
SELECT matches((SELECT body FROM stored WHERE name = 'storyboard.vtt'),
	E'^WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nsheet-\\d+-1.jpg#xywh=0,0,160,90\n(.*\n)*00:00:08.000 --> 00:00:09.000\nsheet-\\d+-1.jpg#xywh=1280,0,160,90\n$',
	'a tile for each second');
SELECT vvault_update_asset('film', '</title><script>x()', '<b>"&') IS NULL;
SELECT matches(convert_from(vvault_watch('film'), 'UTF8'), '<title>&lt;/title&gt;&lt;script&gt;x\(\)</title>', 'a title is text');
SELECT matches(convert_from(vvault_watch('film'), 'UTF8'), '&lt;b&gt;&quot;&amp;|&lt;b&gt;&#34;&amp;', 'and so is a description');
SELECT vvault_stream_set('hls_js_url', 'https://cdn.example/hls.js') IS NULL;
SELECT matches(convert_from(vvault_watch('film'), 'UTF8'), 'script-src &#39;sha256-[A-Za-z0-9+/]{43}=&#39; https://cdn.example/hls.js;.*<script defer src="https://cdn.example/hls.js">',
	'the library comes from where the setting says');
SELECT throws_ok($$SELECT vvault_stream_set('hls_js_url', '/a.js; script-src *')$$, '22023', NULL, 'which cannot say anything else');
SELECT throws_ok($$DO $do$ BEGIN DELETE FROM vvault_stream.setting_defaults WHERE name = 'hls_js_url'; PERFORM vvault_watch('film'); END $do$ $$,
	'55000', 'setting "hls_js_url" of vvault_stream is missing', 'a shipped setting that is gone is named');
SELECT doesnt_match(convert_from(vvault_watch('film'), 'UTF8'), '(src|href|poster)="/', 'all else is relative to the page');
SELECT is((SELECT string_agg(s.name, ' ') FROM stored s JOIN vvault_stream.renditions r ON r.name || '.m3u8' = s.name AND r.video_id = 'film'
	WHERE s.body <> convert_from(vvault_hls_media('film', r.name), 'UTF8')), NULL, 'and those of the renditions');
SELECT ok(vvault_hls('film', 1) = vvault_hls('film') AND vvault_hls_media('film', '720p', 1) = vvault_hls_media('film', '720p')
	AND vvault_dash('film', 1) = vvault_dash('film') AND vvault_storyboard('film', 1) = vvault_storyboard('film')
	AND vvault_watch('film', 1) = vvault_watch('film'), 'the generation that is shown may be asked for');
SELECT is(concat(vvault_hls('film', n), vvault_hls_media('film', '720p', n), vvault_dash('film', n), vvault_storyboard('film', n), vvault_watch('film', n)),
	'', format('but not %s', n)) FROM (VALUES (0), (2)) other (n);

--
-- A lost lease
--

SELECT pg_temp.uploaded('lost', pg_temp.probe(9, 320, 180, '{}'));
SELECT vvault_process('lost') IS NULL;
SELECT pg_temp.work('{probe}');
CREATE TEMP TABLE first_try AS SELECT vvault_dequeue('a', '{encode}') -> 0 AS job;
UPDATE vvault_stream.jobs SET lease_until = '2020-01-01 00:00Z' WHERE kind = 'encode' AND video_id = 'lost';
SELECT is(pg_temp.work('{encode}'), 'encode', 'another worker does it');
SELECT throws_ok($$SELECT vvault_complete((job ->> 'job_id')::bigint, (job ->> 'lease')::uuid, pg_temp.answer(job)) FROM first_try$$, 'PT409', NULL,
	'the first one is told that it lost it');
SELECT is(pg_temp.to_delete('lost'), 'lost/1/144p-N-1.mp4 lost/1/180p-N-1.mp4', 'and what it wrote is collected');
SELECT is((SELECT string_agg(regexp_replace(object_key, '-\d+-', '-N-'), ' ' ORDER BY name) FROM vvault_stream.renditions WHERE video_id = 'lost'),
	'lost/1/144p-N-2.mp4 lost/1/180p-N-2.mp4', 'what the second one wrote is shown');
SELECT pg_temp.work('{pictures,finish}');

--
-- Faults
--

SELECT pg_temp.uploaded('bad', pg_temp.probe(9, NULL, NULL, '{}'));
SELECT vvault_process('bad') IS NULL;
SELECT pg_temp.work('{probe}');
SELECT is(pg_temp.state('bad'), 'failed 0 The file has neither a picture nor a sound that can be read.', 'a source of nothing');
UPDATE source SET probe = pg_temp.probe(9, 320, 180), failure = '{"pictures": "It is damaged."}' WHERE video_id = 'bad';
SELECT is(vvault_process('bad') ->> 'state', 'processing', 'it can be tried again');
SELECT pg_temp.work('{probe,pictures}');
UPDATE source SET failure = '{"encode": "The film is damaged."}' WHERE video_id = 'bad';
SELECT is(pg_temp.state('bad'), 'processing 0', 'pictures are not what a video needs');
SELECT pg_temp.work('{encode}', 1);
SELECT is(pg_temp.state('bad'), 'failed 0 The film is damaged.', 'a fault of the source');
SELECT is((SELECT count(*) FROM vvault_stream.jobs WHERE video_id = 'bad' AND kind <> 'delete_objects'), 0::bigint, 'ends the other jobs');
SELECT is(pg_temp.work('{probe,encode,texts,pictures}'), '', 'nothing is left to do');

SELECT pg_temp.uploaded('dead', pg_temp.probe(9, 320, 180));
SELECT vvault_process('dead') IS NULL;
SELECT pg_temp.work('{probe}');
SELECT vvault_fail((j ->> 'job_id')::bigint, (j ->> 'lease')::uuid, 'The disk is full.', 'Infinity') ->> 'state' FROM (SELECT vvault_dequeue('a', '{encode}') -> 0 AS j) q;
SELECT is(pg_temp.state('dead'), 'failed 0 The disk is full.', 'a job that is dead');
SELECT is(pg_temp.work('{pictures}'), 'pictures', 'stops no other one');
SELECT is(vvault_process('dead') ->> 'state', 'processing', 'it goes on');
SELECT is(pg_temp.work('{encode,finish}'), 'encode finish', 'where it stopped');
SELECT is(pg_temp.state('dead'), 'ready 1', 'and is ready');

-- borders
SELECT is(vvault_stream.border_problem('film', 1), NULL, 'borders are where they are');
UPDATE vvault_stream.renditions SET durations = '{51000,51400,12800}' WHERE video_id = 'film' AND name = '480p';
SELECT is(vvault_stream.border_problem('film', 1), 'The encoder cut 144p and 480p at different moments, near second 3.984.', 'others are refused');

--
-- Another source, while the old one plays
--

SELECT throws_ok($$SELECT vvault_stream.open_generation('film')$$, 'PT409', NULL, 'a ready video takes no upload by itself');
SELECT is(vvault_replace_source('film') ->> 'generation', '2', 'unless it is to be replaced');
SELECT is(vvault_asset('film') -> 'next' ->> 'state', 'uploading', 'which the asset tells');
SELECT pg_temp.uploaded('film', pg_temp.probe(5, 640, 360, '{}'));
SELECT vvault_process('film', '{"codecs": []}') IS NULL;
SELECT pg_temp.work('{probe,encode,pictures}');
SELECT is(pg_temp.state('film') || ' ' || (length(vvault_hls('film', 1)) > 0) || ' ' || (vvault_hls('film', 2) IS NULL), 'ready 1 true true', 'the old one plays');
SELECT pg_temp.work('{finish}', 1);
SELECT is(pg_temp.state('film'), 'ready 2', 'until the new one is whole');
SELECT matches(pg_temp.to_delete('film'), '^film/1/144p-N-1.mp4 .* film/1/master.m3u8 .* film/source/1$', 'then the old one is to be deleted');
SELECT is((SELECT count(*) FROM vvault_stream.jobs WHERE kind = 'delete_objects' AND video_id = 'film' AND args::text LIKE '%master.m3u8%' AND run_at > clock_timestamp() + interval '1 hour'), 1::bigint, 'after a while');
SELECT is((SELECT count(*) FROM vvault_stream.renditions WHERE video_id = 'film' AND generation = 1), 0::bigint, 'its rows are gone');

--
-- Deleting
--

SELECT vvault_arm() IS NULL;
SELECT is(vvault_delete_asset('film') ->> 'state', 'deleting', 'a video is deleted');
SELECT is(vvault_hls('film'), NULL, 'it is shown no more');
UPDATE vvault_stream.jobs SET run_at = clock_timestamp() WHERE kind = 'delete_objects' AND run_at IS NOT NULL;
SELECT pg_temp.work('{delete_objects}');
SELECT is(pg_temp.state('film') || ' ' || pg_temp.objects('film', 'deleting'), 'deleted 2 0', 'once its objects are gone it is');
SELECT is(vvault_delete_asset('film') ->> 'state', 'deleted', 'the same call again changes nothing');
SELECT throws_ok($$SELECT vvault_process('film')$$, 'PT409', NULL, 'it is no video any more');

--
-- Roles with no right on a table
--

CREATE ROLE vvs_uploads;
CREATE ROLE vvs_works;
SELECT pg_temp.uploaded('theirs', pg_temp.probe(9, 320, 180));
UPDATE vvault_stream.assets SET owner_id = 'me' WHERE video_id = 'theirs';
SELECT vvault_stream_grant('vvs_uploads', 'publisher'), vvault_stream_grant('vvs_works', 'worker');
SELECT vvault_stream_set('authenticator', session_user), set_config('request.jwt.claims', '{"sub": "me"}', true);
SET LOCAL ROLE vvs_uploads;
SELECT is(vvault_create_asset('Mine', 'me', video_id => 'mine') ->> 'state', 'created', 'a publisher makes videos');
SELECT throws_ok($$SELECT vvault_update_asset('mine', metadata => json_build_object('a', repeat('x', 65536)))$$, '22023', 'invalid metadata',
	'and says of them what he likes, but no more than that');
SELECT is(vvault_process('theirs') ->> 'state', 'processing', 'and has them processed');
SELECT is(json_array_length(vvault_assets('me') -> 'assets'), 2, 'and listed');
SELECT throws_ok($$SELECT * FROM vvault_stream.generations$$, '42501', NULL, 'but sees no table');
SET LOCAL ROLE vvs_works;
SELECT is(vvault_dequeue('w', '{probe}') -> 0 -> 'order' -> 'source' ->> 'url', 'GET theirs/source/1', 'a worker gets an order');
SELECT throws_ok($$SELECT vvault_process('theirs')$$, '42501', NULL, 'and makes no job');
RESET ROLE;
SELECT throws_ok($$DO $do$ BEGIN DELETE FROM vvault_stream.settings; DELETE FROM vvault_stream.setting_defaults WHERE name = 'authenticator';
	SET LOCAL ROLE vvs_uploads; PERFORM vvault_may('theirs', 'manage'); END $do$ $$,
	'55000', 'setting "authenticator" of vvault_stream is missing', 'who asks for a shipped setting that is gone is told, in C too');

SELECT * FROM finish();
ROLLBACK;
