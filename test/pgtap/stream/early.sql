--
-- early.sql
--		A long video plays before it is whole; what its page says changes; and who
--		serves its files.
--
BEGIN;
SELECT plan(47);
SET LOCAL TimeZone = 'UTC';
SET LOCAL client_min_messages = warning;
\ir answers.psql

CREATE FUNCTION pg_temp.state(id text) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', state, generation, failure) FROM vvault_stream.assets WHERE video_id = id
$$;
-- numbers of jobs are another's in each run
CREATE FUNCTION pg_temp.plain(said text) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(said, '(early|watch|poster|sheet|audio|p)-\d+', '\1-N', 'g')
$$;
CREATE FUNCTION pg_temp.jobs(id text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', kind, args ->> 'part'), ', ' ORDER BY job_id) FROM vvault_stream.jobs
	WHERE video_id = id AND kind <> 'delete_objects'
$$;
CREATE FUNCTION pg_temp.outputs(id text, its_part text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(o ->> 'name', ' ' ORDER BY i) FROM vvault_stream.jobs j, json_array_elements(j.args -> 'outputs') WITH ORDINALITY u (o, i)
	WHERE j.video_id = id AND j.kind = 'encode' AND j.args ->> 'part' = its_part
$$;
CREATE FUNCTION pg_temp.where_it_plays(id text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.plain(string_agg(key || '=' || value, ' ' ORDER BY key)) FROM json_each_text(vvault_asset(id) -> 'distribution')
$$;
CREATE FUNCTION pg_temp.variants(playlist text) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM regexp_matches(playlist, '#EXT-X-STREAM-INF', 'g')
$$;
CREATE FUNCTION pg_temp.events(id text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(kind, ' ' ORDER BY number) FROM vvault_stream.events WHERE video_id = id
$$;

--
-- Which videos play early
--

SELECT is(vvault_stream.early_rung(vvault_ladder(1920, 1080)::jsonb), '360p', 'sound and 360p come first');
SELECT is(vvault_stream.early_rung(vvault_ladder(999, 561)::jsonb), '360p', 'of whatever is larger');
SELECT is(vvault_stream.early_rung(vvault_ladder(640, 360)::jsonb), NULL, 'but not where that is all');
SELECT is(vvault_stream.early_rung(vvault_ladder(80, 60)::jsonb), NULL, 'or there is one rung');

SELECT pg_temp.uploaded('brief', pg_temp.probe(29, 1280, 720));
SELECT vvault_process('brief') IS NULL;
SELECT pg_temp.work('{probe}');
SELECT is(pg_temp.jobs('brief'), 'encode all, pictures, finish all', 'a short one is encoded at once');
SELECT pg_temp.uploaded('song', pg_temp.probe(33, NULL, NULL));
SELECT vvault_process('song') IS NULL;
SELECT pg_temp.work('{probe}');
SELECT is(pg_temp.jobs('song'), 'encode all, finish all', 'and so is one without a picture');
DELETE FROM vvault_stream.jobs;

--
-- One that does
--

SELECT pg_temp.uploaded('film', pg_temp.probe(33, 1280, 720, '{eng}'));
SELECT vvault_process('film', '{"codecs": ["hevc"]}') IS NULL;
SELECT pg_temp.work('{probe}');
SELECT is(pg_temp.jobs('film'), 'encode early, finish early, encode all, encode rest, pictures, finish all', 'a long one is encoded in two steps');
SELECT is(pg_temp.outputs('film', 'early'), 'audio 360p', 'the first one makes sound and 360p');
SELECT is(pg_temp.outputs('film', 'rest'), '144p 240p 480p 720p', 'the other one the rest');
SELECT is((SELECT count(DISTINCT a.value) FROM vvault_stream.jobs j, json_array_elements_text(j.args -> 'arguments') WITH ORDINALITY a (value, i)
	WHERE j.video_id = 'film' AND j.kind = 'encode' AND a.value LIKE 'expr:gte%'), 1::bigint, 'all are cut at the same pictures');
SELECT is(pg_temp.work('{finish}'), '', 'it is not shown');
SELECT is(pg_temp.work('{encode}', 1), 'encode', 'before the first step');
SELECT is(vvault_asset('film') ->> 'playable', 'false', 'it cannot be played yet');
SELECT is(pg_temp.work('{finish}'), 'finish', 'then it is shown');
SELECT is(pg_temp.state('film'), 'processing 1', 'while it is being processed');
SELECT is(vvault_asset('film') ->> 'playable', 'true', 'the asset says that it can be played');
SELECT is(pg_temp.events('film'), 'asset.created asset.playable', 'and an event says so');
SELECT is(pg_temp.where_it_plays('film'), 'dash=film/1/early-N.mpd hls=film/1/early-N.m3u8 watch=film/1/early-N.html', 'by manifests of its own');
SELECT is(pg_temp.plain(concat_ws(' ', f.hls, f.dash, f.storyboard, f.watch)), 'early-N.m3u8 early-N.mpd early-N.html', 'to which players are sent')
FROM vvault_stream.shown_files('film', 1) f;
SELECT is((SELECT duration FROM vvault_stream.assets WHERE video_id = 'film'), 33::double precision, 'it lasts as long as it will');
SELECT is(pg_temp.variants(convert_from(vvault_hls('film'), 'UTF8')), 1::bigint, 'one rung is there');
CREATE TEMP TABLE early AS SELECT o.name, o.body, o.i FROM vvault_stream.generations g,
	vvault_stream.early_objects('film', 1, g.early) WITH ORDINALITY o (name, type, body, i) WHERE g.video_id = 'film';
SELECT is(pg_temp.work('{encode}'), 'encode encode', 'the rest is encoded');
SELECT is(pg_temp.variants(convert_from(vvault_hls('film'), 'UTF8')), 8::bigint, 'and seen at once where the database answers');
SELECT is((SELECT pg_temp.plain(string_agg(e.name, ' ' ORDER BY e.i)) FROM early e JOIN vvault_stream.generations g ON g.video_id = 'film'
	JOIN vvault_stream.early_objects('film', 1, g.early) o ON o.name = e.name AND o.body = e.body),
	'early-N.m3u8 360p.m3u8 audio.m3u8 early-N.mpd early-N.html', 'what was stored would be stored the same');
SELECT matches(e.body, '"early":"early-\d+.m3u8","hls":"master.m3u8"', 'the page looks whether the video is whole by now') FROM early e WHERE e.name LIKE '%.html';
SELECT is(pg_temp.work('{pictures,finish}'), 'pictures finish', 'the end');
SELECT is(pg_temp.state('film'), 'ready 1', 'makes the same generation whole');
SELECT is(pg_temp.events('film'), 'asset.created asset.playable asset.ready', 'which is told');
SELECT is(pg_temp.where_it_plays('film'), 'dash=film/1/manifest.mpd hls=film/1/master.m3u8 storyboard=film/1/storyboard.vtt watch=film/1/watch.html', 'by the whole manifests');
SELECT is((SELECT count(*) FROM vvault_stream.media_objects o JOIN vvault_stream.finished_jobs j ON j.job_id = o.job_id
	WHERE o.video_id = 'film' AND o.name IN ('360p.m3u8', 'audio.m3u8') AND j.args ->> 'part' = 'early'), 2::bigint, 'no object was written twice');
SELECT is((SELECT pg_temp.plain(string_agg(o ->> 'object_key', ' ' ORDER BY o ->> 'object_key')) FROM vvault_stream.jobs j, json_array_elements(j.args -> 'objects') o
	WHERE j.kind = 'delete_objects' AND j.video_id = 'film'), 'film/1/early-N.html film/1/early-N.m3u8 film/1/early-N.mpd', 'and the early ones go, after a while');

-- another source is shown when it is whole: the old one plays
SELECT vvault_replace_source('film') IS NULL;
SELECT pg_temp.uploaded('film', pg_temp.probe(33, 1280, 720));
SELECT vvault_process('film', '{"codecs": []}') IS NULL;
SELECT pg_temp.work('{probe}');
SELECT is(pg_temp.jobs('film'), 'encode all, pictures, finish all', 'what plays already gains nothing');
DELETE FROM vvault_stream.jobs;

-- the rest fails
SELECT pg_temp.uploaded('half', pg_temp.probe(33, 1280, 720));
SELECT vvault_process('half') IS NULL;
SELECT pg_temp.work('{probe}');
SELECT pg_temp.work('{encode}', 1);
SELECT pg_temp.work('{finish}');
UPDATE source SET failure = '{"encode": "The end is damaged."}' WHERE video_id = 'half';
SELECT pg_temp.work('{encode}');
SELECT is(pg_temp.state('half'), 'failed 1 The end is damaged.', 'the rest of a source is damaged');
SELECT is(vvault_asset('half') ->> 'playable', 'true', 'what was shown of it plays on');
UPDATE source SET failure = NULL WHERE video_id = 'half';
SELECT is(vvault_process('half') ->> 'generation', '2', 'encoded anew it is the next generation');
SELECT is(pg_temp.variants(convert_from(vvault_hls('half'), 'UTF8')), 1::bigint, 'meanwhile the old one plays');
SELECT pg_temp.work('{probe,encode,pictures,finish}');
SELECT is(pg_temp.state('half'), 'ready 2', 'until the new one is whole');

--
-- Pages say what is so
--

SELECT pg_temp.uploaded('page', pg_temp.probe(9, 320, 180));
SELECT vvault_process('page') IS NULL;
SELECT pg_temp.work('{probe,encode,pictures,finish}');
SELECT vvault_update_asset('page', access => 'unlisted', tags => '{a}') IS NULL;
SELECT is(pg_temp.jobs('page'), NULL, 'not all is on the page');
SELECT vvault_update_asset('page', 'Another') IS NULL, vvault_update_asset('page', description => 'of another') IS NULL;
SELECT is(pg_temp.jobs('page'), 'finish page', 'a title and a description change it, once');
CREATE TEMP TABLE slow AS SELECT vvault_dequeue('slow', '{finish}') -> 0 AS job;
SELECT vvault_update_asset('page', 'A third') IS NULL;
SELECT is(pg_temp.work('{finish}'), 'finish', 'a later one is faster');
SELECT is((SELECT vvault_complete((job ->> 'job_id')::bigint, (job ->> 'lease')::uuid, pg_temp.answer(job)) ->> 'state' FROM slow), 'finished', 'than one before');
SELECT is(pg_temp.plain(vvault_asset('page') -> 'distribution' ->> 'watch'), 'page/1/watch-N.html', 'the page has another name');
SELECT is((SELECT sha256 FROM vvault_stream.media_objects WHERE object_key = vvault_asset('page') -> 'distribution' ->> 'watch'),
	encode(sha256(vvault_watch('page')::bytea), 'hex'), 'and says what is so');
SELECT is((SELECT count(*) FROM vvault_stream.media_objects WHERE video_id = 'page' AND name LIKE 'watch%' AND state <> 'deleting'), 1::bigint, 'the others go');

--
-- Who serves it
--

CREATE FUNCTION pg_temp.tag() RETURNS uuid LANGUAGE sql AS $$SELECT version FROM vvault_stream.asset_versions WHERE video_id = 'site'$$;
SELECT vvault_edge(e, 'https://' || e || '.example.org') IS NULL FROM unnest('{west,east}'::text[]) e;
SELECT is((SELECT string_agg(DISTINCT (f -> 'edges')::text, ' ') FROM json_array_elements(vvault_asset('page') -> 'formats') f), '["east", "west"]',
	'formats tell which edges serve them');
CREATE TEMP TABLE before AS SELECT pg_temp.tag() AS tag;
SELECT vvault_edge('west', state => 'down') IS NULL;
SELECT is(pg_temp.tag(), tag, 'an edge that is down makes no reply another one') FROM before;
DELETE FROM vvault_stream.edges WHERE edge_id = 'west';
SELECT isnt(pg_temp.tag(), tag, 'an edge that is gone does') FROM before;

SELECT * FROM finish();
ROLLBACK;
