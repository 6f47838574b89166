--
-- drm.sql
--		Protected videos: their keys, what workers are told of them, what is
--		refused of what they made; manifests; licences and who gets one; what
--		systems of protection are told, beside published examples; CPIX.
--
BEGIN;
SELECT plan(136);
SET LOCAL TimeZone = 'UTC';
SET LOCAL client_min_messages = warning;
\ir answers.psql

-- ids and keys are others in each run
CREATE FUNCTION pg_temp.kid(id text, its_class text, g integer DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT encode(uuid_send(k.kid), 'hex') FROM vvault_stream.content_keys k
	WHERE k.video_id = id AND k.class = its_class AND (g IS NULL OR k.generation = g) ORDER BY k.generation DESC LIMIT 1
$$;
CREATE FUNCTION pg_temp.key(id text, its_class text) RETURNS text LANGUAGE sql AS $$
	SELECT encode(vvault_stream.content_key(k), 'hex') FROM vvault_stream.content_keys k
	WHERE k.video_id = id AND k.class = its_class ORDER BY k.generation DESC LIMIT 1
$$;
CREATE FUNCTION pg_temp.plain(said text) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(said, '(0x|")[0-9a-f]{32}', '\1KID', 'g'), 'base64,[A-Za-z0-9+/=]+', 'base64,B', 'g')
$$;
CREATE FUNCTION pg_temp.url(bytes bytea) RETURNS text LANGUAGE sql AS $$SELECT translate(encode(bytes, 'base64'), E'+/=\n', '-_')$$;
CREATE FUNCTION pg_temp.request(VARIADIC kids text[]) RETURNS json LANGUAGE sql AS $$
	SELECT json_build_object('kids', json_agg(pg_temp.url(decode(k, 'hex')) ORDER BY i), 'type', 'temporary') FROM unnest(kids) WITH ORDINALITY u (k, i)
$$;
CREATE FUNCTION pg_temp.lines(playlist bytea, pattern text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.plain(string_agg(l, E'\n' ORDER BY i)) FROM regexp_split_to_table(convert_from(playlist, 'UTF8'), E'\n') WITH ORDINALITY u (l, i) WHERE l ~ pattern
$$;
-- orders that a worker got, before it answered
CREATE TEMP TABLE taken (kind text, job json);
CREATE FUNCTION pg_temp.take(kinds text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	job json := vvault_dequeue('sql', kinds) -> 0;
BEGIN
	INSERT INTO taken VALUES (job ->> 'kind', job);
	RETURN job ->> 'kind';
END
$$;
CREATE FUNCTION pg_temp.encryption(name text) RETURNS json LANGUAGE sql AS $$
	SELECT o -> 'encryption' FROM taken, json_array_elements(job -> 'order' -> 'outputs') o
	WHERE kind = 'encode' AND o ->> 'name' = encryption.name
$$;
CREATE FUNCTION pg_temp.give_back(kind text) RETURNS text LANGUAGE sql AS $$
	SELECT vvault_complete((t.job ->> 'job_id')::bigint, (t.job ->> 'lease')::uuid, pg_temp.answer(t.job)) ->> 'state' FROM taken t WHERE t.kind = give_back.kind
$$;

--
-- Levels and keys
--

SELECT pg_temp.uploaded('film', pg_temp.probe(9, 1280, 720, '{eng}', '{pol}'));
SELECT throws_ok($$SELECT vvault_protect('film', 'full')$$, '22023', 'invalid level "full"', 'there are five levels');
SELECT throws_ok($$SELECT vvault_protect('film', NULL)$$, '22023', 'level must not be null', 'and NULL is none');
SELECT throws_ok($$SELECT vvault_protect('none', 'aes128')$$, 'PT404', NULL, 'the video is there');
SELECT is(vvault_protect('film', 'clear_key')::jsonb, '{"video_id": "film", "protection": "clear_key", "generation": 1, "state": "uploaded"}', 'one that is not processed yet gets a level');
SELECT is((SELECT count(*) FROM vvault_stream.content_keys), 0::bigint, 'and no keys yet');
SELECT is(vvault_process('film') ->> 'state', 'processing', 'it is processed');
SELECT is((SELECT array_agg(class || ' ' || level || ' ' || octet_length(vvault_stream.content_key(k)) ORDER BY class) FROM vvault_stream.content_keys k),
	'{"AUDIO clear_key 16","HD clear_key 16","SD clear_key 16","UHD clear_key 16"}', 'now it has a key for each class');
SELECT is((SELECT count(DISTINCT vvault_stream.content_key(k)) + count(DISTINCT kid) FROM vvault_stream.content_keys k), 8::bigint, 'no two are alike');
SELECT is(vvault_stream.content_class('video', n), w, n || ' is ' || w) FROM (VALUES ('144p', 'SD'), ('576p', 'SD'), ('577p', 'HD'), ('720p-av1', 'HD'),
	('1080p', 'HD'), ('1081p', 'UHD'), ('2160p-hevc', 'UHD')) v (n, w);
SELECT is(vvault_stream.content_class('audio', 'audio-en'), 'AUDIO', 'sound has its own');

--
-- What a worker is told, and what is refused
--

SELECT is(pg_temp.work('{probe}'), 'probe', 'the source is looked at');
SELECT is(pg_temp.take('{encode}'), 'encode', 'an order');
SELECT is((SELECT array_agg(o ->> 'name' || ' ' || (o -> 'encryption' ->> 'kid' = pg_temp.kid('film', c))::text ORDER BY i)
		FROM taken, json_array_elements(job -> 'order' -> 'outputs') WITH ORDINALITY u (o, i), vvault_stream.content_class(CASE WHEN o ->> 'name' LIKE 'audio%' THEN 'audio' ELSE 'video' END, o ->> 'name') c),
	'{"audio true","144p true","240p true","360p true","480p true","720p true"}', 'each output has the key of its class');
SELECT is(pg_temp.encryption('360p') ->> 'key', pg_temp.key('film', 'SD'), 'the key itself');
SELECT is(pg_temp.encryption('360p') ->> 'scheme', 'cenc', 'the scheme');
SELECT is((SELECT count(DISTINCT o -> 'encryption' ->> 'iv') || ' ' || min(length(o -> 'encryption' ->> 'iv')) FROM taken, json_array_elements(job -> 'order' -> 'outputs') o),
	'6 32', 'each file has a vector of its own');
SELECT is(encode(decode(pg_temp.encryption('360p') -> 'pssh' ->> 0, 'base64'), 'hex'), '0000006470737368010000001077efecc0b24d02ace33c1e52e2fb4b00000004'
	|| pg_temp.kid('film', 'AUDIO') || pg_temp.kid('film', 'HD') || pg_temp.kid('film', 'SD') || pg_temp.kid('film', 'UHD') || '00000000', 'and the box of the common system, with all keys');
SELECT is((SELECT count(*) FROM vvault_stream.jobs j WHERE strpos(j::text, pg_temp.key('film', 'SD')) > 0 OR strpos(j::text, 'encryption') > 0), 0::bigint, 'no job has a key in it');
SELECT is(vvault_heartbeat((job ->> 'job_id')::bigint, (job ->> 'lease')::uuid) -> 'order' -> 'outputs' -> 0 -> 'encryption' ->> 'kid', pg_temp.kid('film', 'AUDIO'),
	'a renewed order has the same keys') FROM taken;
SELECT is((SELECT json_agg(o -> 'encryption')::text FROM vvault_stream.jobs j, json_array_elements(vvault_stream.encode_order(vvault_stream.job_json(j)) -> 'outputs') o WHERE j.kind = 'pictures'),
	'[null, null]', 'pictures stay clear');

CREATE FUNCTION pg_temp.refused(scheme text, kid text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	j json := (SELECT t.job FROM taken t WHERE t.kind = 'encode');
	answer jsonb := pg_temp.answer(j);
	outcome text;
BEGIN
	BEGIN
		answer := jsonb_set(answer, '{outputs,0,head}', to_jsonb(encode(pg_temp.head('audio', 12800, '{51200,51200,12800}', 640, 360, scheme, kid), 'base64')));
		PERFORM vvault_complete((j ->> 'job_id')::bigint, (j ->> 'lease')::uuid, answer::json);
		outcome := (vvault_stream.newest_generation(j ->> 'video_id')).failure;
		RAISE EXCEPTION USING ERRCODE = 'VV000';
	EXCEPTION WHEN SQLSTATE 'VV000' THEN
		RETURN outcome;
	END;
END
$$;
SELECT is(pg_temp.refused(NULL, NULL), 'What the encoder made as audio cannot be played: it is not encrypted.', 'what a worker did not encrypt is refused');
SELECT is(pg_temp.refused('cenc', pg_temp.kid('film', 'SD')), 'What the encoder made as audio cannot be played: it is encrypted under another key.', 'nor is another key');
SELECT is(pg_temp.refused('cbcs', pg_temp.kid('film', 'AUDIO')), 'What the encoder made as audio cannot be played: it is encrypted by cbcs.', 'nor another scheme');
SELECT is(pg_temp.refused('cenc', pg_temp.kid('film', 'AUDIO')), NULL, 'what is as it was ordered is taken');
SELECT is(pg_temp.give_back('encode'), 'finished', 'and ends the job');
SELECT is(pg_temp.work(), 'pictures texts finish', 'then the rest');
SELECT is((SELECT string_agg(DISTINCT protection || ' ' || kind || ' ' || (key_id IS NOT NULL)::text, ', ' ORDER BY protection || ' ' || kind || ' ' || (key_id IS NOT NULL)::text) FROM vvault_stream.renditions WHERE video_id = 'film'),
	'clear_key audio true, clear_key video true, none text false', 'renditions know how they are protected');

--
-- Manifests
--

SELECT is(pg_temp.lines(vvault_hls_media('film', '360p'), 'KEY'), '#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="data:text/plain;base64,B",KEYID=0xKID,KEYFORMAT="org.w3.clearkey",KEYFORMATVERSIONS="1"'
	|| E'\n#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="KID.key",KEYID=0xKID,KEYFORMAT="identity",KEYFORMATVERSIONS="1"', 'Clear Key in HLS');
SELECT is(pg_temp.lines(vvault_hls('film'), 'KEY'), rtrim(repeat(E'#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES-CTR,URI="data:text/plain;base64,B",KEYID=0xKID,KEYFORMAT="org.w3.clearkey",KEYFORMATVERSIONS="1"\n', 3), E'\n'), 'once for each key that is used');
SELECT is(pg_temp.lines(vvault_hls_media('film', 'text-pl'), 'KEY'), NULL, 'subtitles are clear') WHERE EXISTS (SELECT FROM vvault_stream.renditions WHERE video_id = 'film' AND name = 'text-pl')
UNION ALL SELECT is(pg_temp.lines(vvault_hls_media('film', (SELECT name FROM vvault_stream.renditions WHERE video_id = 'film' AND kind = 'text')), 'KEY'), NULL, 'subtitles are clear')
	WHERE NOT EXISTS (SELECT FROM vvault_stream.renditions WHERE video_id = 'film' AND name = 'text-pl');
CREATE TEMP VIEW mpd AS SELECT convert_from(vvault_dash('film'), 'UTF8')::xml AS doc;
CREATE FUNCTION pg_temp.dash(path text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(x::text, ' ' ORDER BY i) FROM mpd, unnest(xpath(path, doc, '{{d,urn:mpeg:dash:schema:mpd:2011},{cenc,urn:mpeg:cenc:2013},{dashif,https://dashif.org/CPS}}')) WITH ORDINALITY u (x, i)
$$;
SELECT is(pg_temp.dash('//d:AdaptationSet[d:ContentProtection]/@id'), '1 2 3', 'three sets are protected: two of pictures, one of sound');
SELECT is(replace(pg_temp.dash('//@cenc:default_KID'), '-', ''), concat_ws(' ', pg_temp.kid('film', 'SD'), pg_temp.kid('film', 'HD'), pg_temp.kid('film', 'AUDIO')), 'each names its key');
SELECT is(pg_temp.dash('//d:SupplementalProperty[@schemeIdUri="urn:mpeg:dash:adaptation-set-switching:2016"]/@value'), '2 1', 'players switch between the pictures'' sets');
SELECT is(pg_temp.dash('//d:ContentProtection[@schemeIdUri="urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"]/dashif:Laurl/text()'), 'license.json license.json license.json', 'and where its licence is');
SELECT is(pg_temp.dash('//cenc:pssh'), NULL, 'without a box, which dash.js would take for its request');
SELECT ok(strpos(convert_from(vvault_watch('film'), 'UTF8'), '"protection":"clear_key"') > 0, 'the page knows');

--
-- Licences
--

CREATE ROLE vvs_viewer;
CREATE ROLE vvs_operator;
SELECT vvault_stream_grant('vvs_viewer', 'viewer');
SELECT vvault_stream_grant('vvs_operator', 'operator');
CREATE TEMP TABLE asked AS SELECT pg_temp.request(pg_temp.kid('film', 'SD'), pg_temp.kid('film', 'AUDIO')) AS request, pg_temp.kid('film', 'SD') AS sd;
GRANT SELECT ON asked TO PUBLIC;
SET LOCAL ROLE vvs_viewer;
CREATE TEMP TABLE answered AS SELECT vvault_clearkey_license(request) AS license FROM asked;
RESET ROLE;
SELECT is((SELECT license::jsonb FROM answered), jsonb_build_object('type', 'temporary', 'keys', jsonb_build_array(
	jsonb_build_object('kty', 'oct', 'kid', pg_temp.url(decode(pg_temp.kid('film', 'AUDIO'), 'hex')), 'k', pg_temp.url(decode(pg_temp.key('film', 'AUDIO'), 'hex'))),
	jsonb_build_object('kty', 'oct', 'kid', pg_temp.url(decode(pg_temp.kid('film', 'SD'), 'hex')), 'k', pg_temp.url(decode(pg_temp.key('film', 'SD'), 'hex'))))),
	'a viewer gets the keys that he asks for, as EME has them');
SELECT is(encode(vvault_hls_key(pg_temp.kid('film', 'SD')), 'hex'), pg_temp.key('film', 'SD'), 'and one as bytes');
SELECT throws_ok(format('SELECT vvault_clearkey_license(%L)', r), '22023', 'invalid licence request', 'no request: ' || coalesce(r, 'NULL'))
FROM unnest('{NULL,"[]","{}","{\"kids\": []}","{\"kids\": \"x\"}","{\"kids\": [1]}","{\"kids\": [null]}","{\"kids\": [\"AAAAAAAAAAAAAAAAAAAAAB\"]}","{\"kids\": [\"AAAAAAAAAAAAAAAAAAAAAA==\"]}"}'::text[]) r;
SELECT throws_ok($$SELECT vvault_clearkey_license(json_build_object('kids', array_fill('AAAAAAAAAAAAAAAAAAAAAA'::text, '{65}')))$$, '22023', NULL, 'nor 65 of them');
SELECT throws_ok($$SELECT vvault_clearkey_license('{"kids": ["AAAAAAAAAAAAAAAAAAAAAA"]}')$$, 'PT404', NULL, 'a key that is not there');
SELECT throws_ok(format('SELECT vvault_hls_key(%L)', k), '22023', 'invalid kid', 'no id: ' || coalesce(k, 'NULL')) FROM unnest('{NULL,"",X,../../etc,00000000-0000-0000-0000-000000000000}'::text[]) k;
SELECT throws_ok($$SELECT vvault_hls_key(repeat('0', 32))$$, 'PT404', NULL, 'nor such a key');

-- who gets none
UPDATE vvault_stream.assets SET access = 'private' WHERE video_id = 'film';
SET LOCAL ROLE vvs_viewer;
SELECT throws_ok($$SELECT vvault_clearkey_license(request) FROM asked$$, '42501', 'permission denied for the keys of video "film": not permitted', 'nobody gets the key of a private video');
SELECT throws_ok($$SELECT vvault_hls_key(sd) FROM asked$$, '42501', NULL, 'by no function');
SELECT throws_ok($$SELECT vvault_pssh('film')$$, '42501', NULL, 'nor is told of it');
SELECT throws_ok($$SELECT vvault_cpix('film')$$, '42501', NULL, 'and CPIX is for operators');
RESET ROLE;

-- by way of an edge
CREATE TEMP TABLE token AS SELECT vvault_stream.new_path_token('film', 1, 600, 'session') AS good, vvault_stream.new_path_token('film', 2, 600, 'session') AS of_another_generation,
	vvault_stream.new_path_token('other', 1, 600, 'session') AS of_another_video, vvault_stream.new_path_token('film', 1, -61, 'session') AS expired;
CREATE FUNCTION pg_temp.by_edge(token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	PERFORM set_config('request.method', 'POST', true), set_config('request.headers', json_build_object('vvault-path-token', token)::text, true), set_config('response.headers', '', true);
	SET LOCAL ROLE vvs_viewer;
	said := vvault_clearkey_license((SELECT request FROM asked)) ->> 'type';
	RESET ROLE;
	RETURN said || ' ' || current_setting('response.headers');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT is((SELECT pg_temp.by_edge(good) FROM token), 'temporary [{"Cache-Control":"private, no-store"}]', 'an edge''s token opens it, and nobody keeps the reply');
SELECT is((SELECT pg_temp.by_edge(of_another_generation) FROM token), '42501 permission denied for the keys of video "film": wrong signature', 'one for another generation does not');
SELECT is((SELECT pg_temp.by_edge(of_another_video) FROM token), '42501 permission denied for the keys of video "film": wrong signature', 'nor one for another video');
SELECT is((SELECT pg_temp.by_edge(expired) FROM token), '42501 permission denied for the keys of video "film": expired', 'nor one that has expired');
SELECT is(pg_temp.by_edge('x'), '42501 permission denied for the keys of video "film": not a token', 'nor what is none');
SELECT is(pg_temp.by_edge(''), '42501 permission denied for the keys of video "film": not a token', 'nor nothing');
SELECT vvault_deny('session', 'session');
SELECT is((SELECT pg_temp.by_edge(good) FROM token), '42501 permission denied for the keys of video "film": denied', 'nor one of a session that was taken back');
UPDATE vvault_stream.assets SET access = 'public' WHERE video_id = 'film';
SELECT is((SELECT pg_temp.by_edge(good) FROM token), '42501 permission denied for the keys of video "film": denied', 'though everybody else may');
SELECT set_config('request.headers', '', true), set_config('request.method', '', true);
SELECT vvault_deny('video', 'film');
SELECT throws_ok($$SELECT vvault_clearkey_license(request) FROM asked$$, '42501', 'permission denied for the keys of video "film": denied', 'a video that was taken back has no licence');
SELECT vvault_allow('video', 'film');
SELECT lives_ok($$SELECT vvault_clearkey_license(request) FROM asked$$, 'until it is given again');

--
-- A leaked key
--

CREATE TEMP TABLE leaked AS SELECT kid, vvault_stream.content_key(k) AS key FROM vvault_stream.content_keys k;
SELECT is(vvault_protect('film', 'clear_key')::jsonb, '{"video_id": "film", "protection": "clear_key", "generation": 2, "state": "ready"}', 'one call makes a new generation');
SELECT is((SELECT count(*) FROM vvault_stream.content_keys k JOIN leaked l ON l.kid = k.kid OR l.key = vvault_stream.content_key(k) WHERE k.generation = 2), 0::bigint, 'with new keys');
SELECT is((SELECT generation FROM vvault_stream.assets WHERE video_id = 'film'), 1, 'the old one plays meanwhile');
SELECT is(vvault_protect('film', 'clear_key') ->> 'generation', '2', 'called again before that is shown, it is that one');
SELECT is((SELECT count(*) FROM vvault_stream.jobs WHERE video_id = 'film' AND kind = 'probe'), 1::bigint, 'which is begun anew');
SELECT is(pg_temp.work('{probe,encode,pictures,texts,finish}'), 'probe encode pictures texts finish', 'it is made');
SELECT is((SELECT generation FROM vvault_stream.assets WHERE video_id = 'film'), 2, 'and shown');
SELECT lives_ok($$SELECT vvault_clearkey_license(request) FROM asked$$, 'who plays the old one gets its keys until the grace time is over');
UPDATE vvault_stream.jobs SET run_at = now(), state = 'r' WHERE kind = 'delete_objects';
SELECT vvault_arm();
SELECT alike(pg_temp.work('{delete_objects}'), 'delete_objects%', 'its objects are deleted');
SELECT is((SELECT string_agg(DISTINCT generation::text, ' ') FROM vvault_stream.content_keys), '2', 'and so are its keys');
SELECT throws_ok($$SELECT vvault_clearkey_license(request) FROM asked$$, 'PT404', NULL, 'there is no licence then');

--
-- Other levels
--

SELECT is(vvault_protect('film', 'aes128') ->> 'generation', '3', 'aes128');
SELECT pg_temp.work('{probe}');
DELETE FROM taken;
SELECT is(pg_temp.take('{encode}'), 'encode', 'an order');
SELECT is((SELECT array_agg(k ORDER BY k) FROM json_object_keys(pg_temp.encryption('720p')) k), '{key,kid,scheme}', 'a key and no more');
SELECT is(pg_temp.refused(NULL, NULL), 'What the encoder made as audio cannot be played: it is not encrypted.', 'segments that are no whole blocks are not encrypted');
SELECT is(pg_temp.give_back('encode'), 'finished', 'others are taken');
SELECT pg_temp.work('{pictures,texts,finish}');
SELECT is(pg_temp.lines(vvault_hls_media('film', '720p'), 'KEY'), '#EXT-X-KEY:METHOD=AES-128,URI="KID.key"', 'one tag in HLS');
SELECT is(vvault_dash('film'), NULL, 'and no manifest for DASH');
SELECT is((SELECT count(*) FROM vvault_stream.media_objects WHERE video_id = 'film' AND generation = 3 AND object_key LIKE '%.mpd'), 0::bigint, 'nor a stored one');
SELECT vvault_edge('one', 'https://one.example.org');
SELECT is((SELECT concat_ws(' ', u ->> 'protection', coalesce(u ->> 'dash', 'no'), coalesce(u ->> 'license', 'no'), u ->> 'hls' ~ 'master.m3u8$') FROM vvault_play_url('film') u), 'aes128 no no t', 'players are told');
SELECT is(vvault_pssh('film')::text, '[]', 'there is nothing to tell systems');
SELECT is(encode(vvault_hls_key(pg_temp.kid('film', 'HD')), 'hex'), pg_temp.key('film', 'HD'), 'its keys are bytes');
SELECT throws_ok($$SELECT vvault_clearkey_license(pg_temp.request(pg_temp.kid('film', 'HD')))$$, 'PT404', NULL, 'and no licence');

SELECT vvault_protect('film', 'premium');
SELECT pg_temp.work('{probe,encode,pictures,texts,finish}');
SELECT is(pg_temp.lines(vvault_hls_media('film', '720p'), 'KEY'), E'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="data:text/plain;base64,B",KEYID=0xKID,KEYFORMAT="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed",KEYFORMATVERSIONS="1"\n'
	'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="data:text/plain;charset=UTF-16;base64,B",KEYID=0xKID,KEYFORMAT="com.microsoft.playready",KEYFORMATVERSIONS="1"\n'
	'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://' || pg_temp.kid('film', 'HD') || '",KEYID=0xKID,KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"', 'premium has a tag for each vendor');
SELECT is(pg_temp.dash('//d:ContentProtection[@schemeIdUri="urn:mpeg:dash:mp4protection:2011"]/@value'), 'cbcs cbcs cbcs', 'and cbcs in DASH');
SELECT is((SELECT count(*) FROM json_array_elements(vvault_pssh('film')) p WHERE p ->> 'widevine' IS NOT NULL AND p ->> 'playready' IS NOT NULL AND p ->> 'common' IS NOT NULL AND p ->> 'scheme' = 'cbcs'), 4::bigint, 'each key has its boxes');
SELECT throws_ok($$SELECT vvault_clearkey_license(pg_temp.request(pg_temp.kid('film', 'HD')))$$, 'PT404', NULL, 'nobody gets a key of a vendor''s as Clear Key');
SELECT throws_ok($$SELECT vvault_hls_key(pg_temp.kid('film', 'HD'))$$, 'PT404', NULL, 'nor as bytes');

--
-- CPIX
--

SET LOCAL ROLE vvs_operator;
CREATE TEMP TABLE given AS SELECT vvault_cpix('film') AS cpix;
RESET ROLE;
CREATE FUNCTION pg_temp.cpix(path text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(x::text, ' ' ORDER BY i) FROM given, unnest(xpath(path, convert_from(cpix, 'UTF8')::xml, '{{c,urn:dashif:org:cpix},{pskc,urn:ietf:params:xml:ns:keyprov:pskc}}')) WITH ORDINALITY u (x, i)
$$;
SELECT is(pg_temp.cpix('/c:CPIX/@contentId'), 'film', 'CPIX is about the video');
SELECT is(replace(pg_temp.cpix('//c:ContentKey/@kid'), '-', ''), concat_ws(' ', pg_temp.kid('film', 'AUDIO'), pg_temp.kid('film', 'HD'), pg_temp.kid('film', 'SD'), pg_temp.kid('film', 'UHD')), 'it has the newest keys');
SELECT is(encode(decode(pg_temp.cpix('//c:ContentKey[2]/c:Data/pskc:Secret/pskc:PlainValue/text()'), 'base64'), 'hex'), pg_temp.key('film', 'HD'), 'with their values');
SELECT is(pg_temp.cpix('//c:DRMSystem[2]/c:PSSH/text()'), vvault_pssh('film') -> 0 ->> 'widevine', 'what each system is told');
SELECT is(pg_temp.cpix('//c:ContentKeyUsageRule/@intendedTrackType') || ' ' || pg_temp.cpix('//c:VideoFilter/@maxPixels'), 'AUDIO HD SD UHD 2073600 589824', 'and what each key is for');
SELECT is(pg_temp.cpix('//c:DeliveryData'), NULL, 'in clear');
SELECT throws_ok(format('SELECT vvault_cpix(%L, %L)', 'film', c), '22023', 'invalid certificate', 'no certificate: ' || left(c, 40))
FROM (VALUES (''), ('x'), (E'-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----'), (E'-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----'),
	(E'-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'), (repeat('x', 65536) || E'-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----')) v (c);
SELECT is(vvault_stream.certificate_der(E'some words\r\n-----BEGIN CERTIFICATE-----\r\nAQID\r\nBAU=\r\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAQ==\n-----END CERTIFICATE-----\n'),
	'\x0102030405', 'the first of several counts');
SELECT throws_ok($$SELECT vvault_cpix('none')$$, 'PT404', NULL, 'of a video that is there');
INSERT INTO vvault_stream.assets (video_id, owner_id) VALUES ('plain', 'anna');
SELECT throws_ok($$SELECT vvault_cpix('plain')$$, 'PT409', NULL, 'and that has keys');
SELECT throws_ok(format('SELECT vvault_stream.cpix(%L, %L, %L, %L, %L, %L, NULL)', 'film', 'clear_key',
	'{00010203-0405-0607-0809-0a0b0c0d0e0f,10111213-1415-1617-1819-1a1b1c1d1e1f}', c, k, s), 'XX000', NULL, 'each key has a class, a value and a checksum')
FROM (VALUES ('{SD}', '{\\x00,\\x01}', '{\\x,\\x}'), ('{SD,HD}', '{\\x00}', '{\\x,\\x}'), ('{SD,HD}', '{\\x00,\\x01}', '{\\x}')) v (c, k, s);

--
-- Published examples
--

SELECT is(replace(encode(vvault_stream.pssh('widevine', '{9eb4050d-e44b-4802-932e-27d75083e266}', 'cenc', NULL), 'base64'), E'\n', ''),
	'AAAANHBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAABQIARIQnrQFDeRLSAKTLifXUIPiZg==', 'Widevine''s box is that of Axinom''s test vectors');
SELECT is(encode(vvault_stream.pssh('widevine', '{9eb4050d-e44b-4802-932e-27d75083e266}', 'cbcs', NULL), 'hex'),
	'000000387073736800000000edef8ba979d64acea3c827dcd51d21ed0000001812109eb4050de44b4802932e27d75083e26648f3c6899b06', 'for cbcs it names the scheme: field 9, 1667392371');
CREATE FUNCTION pg_temp.playready_header(object bytea) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(chr(get_byte(object, 10 + 2 * i)), '' ORDER BY i) FROM generate_series(0, (length(object) - 12) / 2) i
$$;
-- of the video that DASH-IF's players are shown with
SELECT is(replace(encode(vvault_stream.pssh('playready', '{0872786e-f9e7-465f-a3a2-4e5b0ef8fa45}', 'cenc', NULL), 'base64'), E'\n', ''),
	'AAAB5HBzc2gAAAAAmgTweZhAQoarkuZb4IhflQAAAcTEAQAAAQABALoBPABXAFIATQBIAEUAQQBEAEUAUgAgAHgAbQBsAG4AcwA9ACIAaAB0AHQAcAA6AC8ALwBzAGMAaABlAG0AYQBzAC4AbQBpAGMAcgBvAHMAbwBmAHQALgBjAG8AbQAvAEQAUgBNAC8AMgAwADAANwAvADAAMwAvAFAAbABhAHkAUgBlAGEAZAB5AEgAZQBhAGQAZQByACIAIAB2AGUAcgBzAGkAbwBuAD0AIgA0AC4AMAAuADAALgAwACIAPgA8AEQAQQBUAEEAPgA8AFAAUgBPAFQARQBDAFQASQBOAEYATwA+ADwASwBFAFkATABFAE4APgAxADYAPAAvAEsARQBZAEwARQBOAD4APABBAEwARwBJAEQAPgBBAEUAUwBDAFQAUgA8AC8AQQBMAEcASQBEAD4APAAvAFAAUgBPAFQARQBDAFQASQBOAEYATwA+ADwASwBJAEQAPgBiAG4AaAB5AEMATwBmADUAWAAwAGEAagBvAGsANQBiAEQAdgBqADYAUgBRAD0APQA8AC8ASwBJAEQAPgA8AC8ARABBAFQAQQA+ADwALwBXAFIATQBIAEUAQQBEAEUAUgA+AA==', 'PlayReady''s box, with the header 4.0, is DASH-IF''s');
-- W3C's tests of Encrypted Media Extensions have keys with their headers
CREATE TEMP TABLE w3c (kid uuid, key bytea, header text);
INSERT INTO w3c VALUES
	('ad13f9ea-2be6-98b8-75f5-04a8e3ccea64', '\xbe7df8a3667a6a8fd564d0ed81339a95', '<KID>6vkTreYruJh19QSo48zqZA==</KID><CHECKSUM>jYFNf0yf4is=</CHECKSUM>'),
	('558ee541-b90a-b2f3-950d-00ade3760d45', '\x91039263016da635770d57db92f98bd0', '<KID>QeWOVQq587KVDQCt43YNRQ==</KID><CHECKSUM>YiO/16Ls96E=</CHECKSUM>');
CREATE FUNCTION pg_temp.checksum(kid uuid, key bytea) RETURNS bytea LANGUAGE plpgsql AS $$
BEGIN
	RETURN vvault_stream.playready_checksum(kid, key);
EXCEPTION WHEN feature_not_supported THEN
	RETURN NULL;
END
$$;
SELECT CASE WHEN pg_temp.checksum(kid, key) IS NULL THEN skip('there is no OpenSSL', 1)
	ELSE is(substring(pg_temp.playready_header(vvault_stream.pssh('playready_object', ARRAY[kid], 'cenc', ARRAY[pg_temp.checksum(kid, key)])) FROM '<KID>.*</CHECKSUM>'), header, 'the checksum is that of W3C''s tests') END
FROM w3c;
CREATE FUNCTION pg_temp.checksums_told() RETURNS boolean LANGUAGE sql AS $$
	SELECT count(*) = 4 AND bool_and(pg_temp.playready_header(substring(decode(p ->> 'playready', 'base64') FROM 33)) ~ '<CHECKSUM>')
	FROM json_array_elements(vvault_pssh('film')) p
$$;
-- a level that needs it
SELECT CASE WHEN pg_temp.checksum(kid, key) IS NULL THEN skip('there is no OpenSSL', 3) ELSE collect_tap(
	is(vvault_protect('film', 'standard') ->> 'protection', 'standard', 'standard'),
	is(pg_temp.work('{probe,encode,pictures,texts,finish}'), 'probe encode pictures texts finish', 'it is made'),
	is(pg_temp.checksums_told(), true, 'the header of each key has its checksum')) END
FROM w3c LIMIT 1;
SELECT is(pg_temp.playready_header(vvault_stream.pssh('playready_object', '{00010203-0405-0607-0809-0a0b0c0d0e0f,10111213-1415-1617-1819-1a1b1c1d1e1f}', 'cbcs', NULL)),
	'<WRMHEADER xmlns="http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader" version="4.3.0.0"><DATA><PROTECTINFO><KIDS>'
	'<KID ALGID="AESCBC" VALUE="AwIBAAUEBwYICQoLDA0ODw=="></KID><KID ALGID="AESCBC" VALUE="ExIREBUUFxYYGRobHB0eHw=="></KID></KIDS></PROTECTINFO></DATA></WRMHEADER>', 'and 4.3, of two keys');
SELECT is(vvault_stream.pssh('common', '{00010203-0405-0607-0809-0a0b0c0d0e0f,10111213-1415-1617-1819-1a1b1c1d1e1f}', 'cenc', NULL),
	'\x0000004470737368010000001077efecc0b24d02ace33c1e52e2fb4b00000002000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00000000', 'the common box, of two keys');

--
-- Manifests take their owner's rights by themselves, whatever the search_path
--

CREATE SCHEMA vvs_trap;
CREATE FUNCTION vvs_trap.spring() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped as %', current_user; END$$;
DO $$
DECLARE
	of_type text;
	operator text;
BEGIN
	FOREACH of_type IN ARRAY '{text,uuid,integer,bigint,boolean,timestamptz}'::text[] LOOP
		EXECUTE format('CREATE FUNCTION vvs_trap.spring(%1$s, %1$s) RETURNS boolean LANGUAGE sql AS %2$L', of_type, 'SELECT vvs_trap.spring()');
		FOREACH operator IN ARRAY '{=,<>,<,>,<=,>=}'::text[] LOOP
			EXECUTE format('CREATE OPERATOR vvs_trap.%1$s (LEFTARG = %2$s, RIGHTARG = %2$s, FUNCTION = vvs_trap.spring)', operator, of_type);
		END LOOP;
	END LOOP;
END
$$;
GRANT USAGE ON SCHEMA vvs_trap TO vvs_viewer;
CREATE FUNCTION pg_temp.among_traps(statement text) RETURNS text LANGUAGE plpgsql SET search_path = vvs_trap, pg_catalog AS $$
DECLARE
	result text;
BEGIN
	EXECUTE statement INTO result;
	RETURN result;
EXCEPTION WHEN raise_exception THEN
	RETURN sqlerrm;
END
$$;
CREATE TEMP TABLE trapped (call text, result text);
GRANT ALL ON trapped TO vvs_viewer;
CREATE TEMP TABLE untrapped AS SELECT c.call, format('SELECT %s.%s', n.nspname::regnamespace, c.call) AS statement, NULL::text AS result
FROM (VALUES ('vvault_hls(''film'')'), ('vvault_hls_media(''film'', ''360p'')'), ('vvault_dash(''film'')')) c (call),
	pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vvault_stream';
GRANT ALL ON untrapped TO vvs_viewer;
UPDATE vvault_stream.assets SET access = 'public' WHERE video_id = 'film';
SET LOCAL ROLE vvs_viewer;
SELECT is(pg_temp.among_traps($$SELECT 'a'::text = 'a'::text$$), 'trapped as vvs_viewer', 'a trap works');
INSERT INTO trapped SELECT u.call, pg_temp.among_traps(u.statement) FROM untrapped u;
UPDATE untrapped SET result = CASE WHEN call ~ 'media' THEN vvault_hls_media('film', '360p')::text
	WHEN call ~ 'dash' THEN vvault_dash('film')::text ELSE vvault_hls('film')::text END;
RESET ROLE;
SELECT is(t.result, u.result, t.call || ' steps into none') FROM trapped t JOIN untrapped u USING (call) ORDER BY t.call;
SELECT is((SELECT count(*) FROM trapped WHERE length(result) > 100), 3::bigint, 'and has what it has else');

SELECT * FROM finish();
ROLLBACK;
