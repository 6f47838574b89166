-- vvault_ingest and what the YouTube API, the network and a careless client
-- can put into a response.
BEGIN;
SELECT plan(134);
SET LOCAL client_min_messages = warning;
SET LOCAL TimeZone = 'Asia/Kolkata';	-- shows in no reply
SET LOCAL DateStyle = 'German';

CREATE FUNCTION pg_temp.response(items text, more text DEFAULT '') RETURNS json
LANGUAGE sql RETURN ('{"kind":"youtube#videoListResponse",' || more || '"items":[' || items || ']}')::json;
CREATE FUNCTION pg_temp.ingest(items text, fetched_at text DEFAULT '2026-01-10 06:00Z',
	region text DEFAULT 'PL', first_rank integer DEFAULT 1, more text DEFAULT '') RETURNS jsonb
LANGUAGE sql AS $$
	SELECT vvault_ingest(region, pg_temp.response(items, more), fetched_at::timestamptz, first_rank)::jsonb
$$;
-- an item with these figures, as numbers
CREATE FUNCTION pg_temp.item(id text, views bigint, likes bigint DEFAULT NULL, comments bigint DEFAULT NULL) RETURNS text
LANGUAGE sql RETURN json_strip_nulls(json_build_object('id', id, 'snippet', json_build_object('title', 'about ' || id),
	'statistics', json_build_object('viewCount', views, 'likeCount', likes, 'commentCount', comments)))::text;
CREATE FUNCTION pg_temp.forget() RETURNS void
LANGUAGE sql AS $$
	TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.rejected_items, vvault.blocked_videos;
	DELETE FROM vvault.daily_stats;
$$;
-- everything that a call may change, in one value
CREATE FUNCTION pg_temp.state() RETURNS text
LANGUAGE sql AS $$
	SELECT md5(string_agg(x.line, E'\n' ORDER BY x.line COLLATE "C")) FROM (
		SELECT 'v' || v::text FROM vvault.videos v
		UNION ALL SELECT 's' || s::text FROM vvault.snapshots s
		UNION ALL SELECT 'r' || r::text FROM vvault.video_regions r
		UNION ALL SELECT 'c' || c::text FROM vvault.category_stats c
		UNION ALL SELECT 'D' || d::text FROM vvault.daily_videos d
		UNION ALL SELECT 'd' || d::text FROM vvault.daily_stats d
		UNION ALL SELECT 'i' || i::text FROM vvault.ingests i
		UNION ALL SELECT 'e' || e::text FROM vvault.rejected_items e
		UNION ALL SELECT 'n' || n::text FROM vvault.categories n
		UNION ALL SELECT 'f' || f::text FROM vvault.feed_versions f) x (line)
$$;
-- what an erroneous statement says: SQLSTATE, message, detail
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' ', SQLSTATE, SQLERRM, CASE WHEN detail <> '' THEN '(' || detail || ')' END,
		CASE WHEN hint = '' THEN '[no hint]' END);
END
$$;
SELECT pg_temp.forget();

--
-- Counts: texts or numbers, any of them missing
--

CREATE TEMP TABLE counts (n serial, id text, statistics text, views bigint, likes bigint,
	comments bigint, reason text);
INSERT INTO counts (id, statistics, views, likes, comments) VALUES
	('texts', '{"viewCount":"12","likeCount":"3","commentCount":"4"}', 12, 3, 4),
	('numbers', '{"viewCount":12,"likeCount":3,"commentCount":4}', 12, 3, 4),
	('mixed', '{"viewCount":12,"likeCount":"3","favoriteCount":"0","dislikeCount":"x"}', 12, 3, NULL),
	('zeros', '{"viewCount":"0","likeCount":0,"commentCount":"0"}', 0, 0, 0),
	('padded', '{"viewCount":"0012"}', 12, NULL, NULL),
	('no likes', '{"viewCount":"12","commentCount":"4"}', 12, NULL, 4),
	('no comments', '{"viewCount":"12","likeCount":"3"}', 12, 3, NULL),
	('views alone', '{"viewCount":"12"}', 12, NULL, NULL),
	('no views', '{"likeCount":"3","commentCount":"4"}', NULL, 3, 4),
	('nulls', '{"viewCount":null,"likeCount":null,"commentCount":null}', NULL, NULL, NULL),
	('none', '{}', NULL, NULL, NULL),
	('null', 'null', NULL, NULL, NULL),
	('largest', '{"viewCount":"9223372036854775807","likeCount":9223372036854775807,"commentCount":"9223372036854775807"}',
		9223372036854775807, 9223372036854775807, 9223372036854775807);
INSERT INTO counts (id, statistics, reason) VALUES
	('too large', '{"viewCount":"9223372036854775808"}', 'its viewCount is no count: 9223372036854775808'),
	('far too large', '{"viewCount":"1","likeCount":99999999999999999999999999}', 'its likeCount is no count: 99999999999999999999999999'),
	('power', '{"viewCount":1e3}', 'its viewCount is no count: 1e3'),
	('negative', '{"viewCount":-1}', 'its viewCount is no count: -1'),
	('negative text', '{"viewCount":"1","commentCount":"-1"}', 'its commentCount is no count: -1'),
	('signed', '{"viewCount":"+1"}', 'its viewCount is no count: +1'),
	('fraction', '{"viewCount":"1.0"}', 'its viewCount is no count: 1.0'),
	('word', '{"viewCount":"many"}', 'its viewCount is no count: many'),
	('nothing', '{"viewCount":""}', 'its viewCount is no count: '),
	('blank', '{"viewCount":" 1"}', 'its viewCount is no count:  1'),
	('commas', '{"viewCount":"1,000"}', 'its viewCount is no count: 1,000'),
	('hexadecimal', '{"viewCount":"0x10"}', 'its viewCount is no count: 0x10'),
	('NaN', '{"viewCount":"1","likeCount":"NaN"}', 'its likeCount is no count: NaN'),
	('foreign digits', '{"viewCount":"١٢"}', 'its viewCount is no count: ١٢'),
	('true', '{"viewCount":true}', 'a field is no text: true');
CREATE TEMP TABLE count_reply AS
	SELECT pg_temp.ingest(string_agg(format('{"id":"%s","snippet":{"title":"t"},"statistics":%s}', c.id, c.statistics),
		', ' ORDER BY c.n)) AS reply FROM counts c;
SELECT set_eq('SELECT s.video_id, s.views, s.likes, s.comments FROM vvault.snapshots s',
	'SELECT c.id, c.views, c.likes, c.comments FROM counts c WHERE c.reason IS NULL',
	'counts are read as they come; what is missing stays unknown');
SELECT set_eq('SELECT v.video_id, v.views, v.likes, v.comments FROM vvault.videos v',
	'SELECT c.id, c.views, CASE WHEN c.views IS NOT NULL THEN c.likes END AS likes,
		CASE WHEN c.views IS NOT NULL THEN c.comments END AS comments FROM counts c WHERE c.reason IS NULL',
	'... a video without views has no figures yet');
SELECT results_eq($$SELECT r ->> 'video_id', r ->> 'reason', (r ->> 'index')::int
		FROM count_reply, jsonb_array_elements(reply -> 'rejected') r$$,
	'SELECT c.id, c.reason, c.n - 1 AS index FROM counts c WHERE c.reason IS NOT NULL ORDER BY c.n',
	'... what is no count is refused, one item each, in order');
SELECT set_eq('SELECT e.video_id, e.reason, e.item_index, e.item FROM vvault.rejected_items e',
	$$SELECT c.id, c.reason, c.n - 1 AS index,
		format('{"id":"%s","snippet":{"title":"t"},"statistics":%s}', c.id, c.statistics) AS item
	FROM counts c WHERE c.reason IS NOT NULL$$, '... and kept as text');
SELECT is((SELECT (reply ->> 'accepted', reply ->> 'created', jsonb_array_length(reply -> 'rejected'),
		reply ->> 'duplicates', reply ->> 'blocked')::text FROM count_reply), '(13,13,15,0,0)', '... and counted');
SELECT is((SELECT (i.accepted, i.created, i.rejected, i.first_rank, i.chart_length)::text FROM vvault.ingests i),
	'(13,13,15,1,)', '... and logged');
SELECT is_empty('SELECT * FROM vvault_check()', '... and the derived tables are right');

--
-- Items of the wrong kind
--

SELECT pg_temp.forget();
CREATE TEMP TABLE odd (n serial, item text, video_id text, reason text);
INSERT INTO odd (item, video_id, reason) VALUES
	('null', NULL, 'it is no object'),
	('17', NULL, 'it is no object'),
	('"text"', NULL, 'it is no object'),
	('true', NULL, 'it is no object'),
	('[]', NULL, 'it is no object'),
	('[{"id":"a","snippet":{"title":"t"}}]', NULL, 'it is no object'),
	('{}', NULL, 'it has no id'),
	('{"snippet":{"title":"t"}}', NULL, 'it has no id'),
	('{"id":null,"snippet":{"title":"t"}}', NULL, 'it has no id'),
	('{"id":"","snippet":{"title":"t"}}', NULL, 'it has no id'),
	('{"id":{"kind":"youtube#video","videoId":"a"},"snippet":{"title":"t"}}', NULL, 'it has no id'),
	('{"id":7,"snippet":{"title":"t"}}', NULL, 'a field is no text: 7'),
	('{"id":"' || repeat('a', 65) || '","snippet":{"title":"t"}}', NULL, 'its id is too long: ' || repeat('a', 64)),
	('{"id":"' || repeat('ż', 33) || '","snippet":{"title":"t"}}', NULL, 'its id is too long: ' || repeat('ż', 32)),
	('{"id":"' || repeat('ż', 31) || '€€","snippet":{"title":"t"}}', NULL, 'its id is too long: ' || repeat('ż', 31)),
	('{"id":"no snippet"}', 'no snippet', 'it has no title'),
	('{"id":"null snippet","snippet":null}', 'null snippet', 'it has no title'),
	('{"id":"text snippet","snippet":"title"}', 'text snippet', 'it has no title'),
	('{"id":"list snippet","snippet":[{"title":"t"}]}', 'list snippet', 'it has no title'),
	('{"id":"no title","snippet":{"channelTitle":"c"}}', 'no title', 'it has no title'),
	('{"id":"null title","snippet":{"title":null}}', 'null title', 'it has no title'),
	('{"id":"deep title","snippet":{"title":{"title":"t"}}}', 'deep title', 'it has no title'),
	('{"id":"number title","snippet":{"title":5}}', 'number title', 'a field is no text: 5'),
	('{"id":"bool channel","snippet":{"title":"t","channelTitle":false}}', 'bool channel', 'a field is no text: false'),
	('{"id":"bool tag","snippet":{"title":"t","tags":["a",true]}}', 'bool tag', 'a field is no text: true'),
	('{"id":"category","snippet":{"title":"t","categoryId":"music"}}', 'category', 'its categoryId is no whole number: music'),
	('{"id":"category 2","snippet":{"title":"t","categoryId":"2147483648"}}', 'category 2', 'its categoryId is no whole number: 2147483648'),
	('{"id":"category 3","snippet":{"title":"t","categoryId":-1}}', 'category 3', 'its categoryId is no whole number: -1'),
	('{"id":"date 1","snippet":{"title":"t","publishedAt":"yesterday"}}', 'date 1', 'its publishedAt is no instant: yesterday'),
	('{"id":"date 2","snippet":{"title":"t","publishedAt":"now"}}', 'date 2', 'its publishedAt is no instant: now'),
	('{"id":"date 3","snippet":{"title":"t","publishedAt":"infinity"}}', 'date 3', 'its publishedAt is no instant: infinity'),
	('{"id":"date 4","snippet":{"title":"t","publishedAt":""}}', 'date 4', 'its publishedAt is no instant: '),
	('{"id":"date 5","snippet":{"title":"t","publishedAt":"2026-01-02"}}', 'date 5', 'its publishedAt is no instant: 2026-01-02'),
	('{"id":"date 6","snippet":{"title":"t","publishedAt":"2026-02-29T00:00:00Z"}}', 'date 6', 'its publishedAt is no instant: 2026-02-29T00:00:00Z'),
	('{"id":"date 7","snippet":{"title":"t","publishedAt":"2026-13-01T00:00:00Z"}}', 'date 7', 'its publishedAt is no instant: 2026-13-01T00:00:00Z'),
	('{"id":"date 8","snippet":{"title":"t","publishedAt":"2026-01-02T24:00:00Z"}}', 'date 8', 'its publishedAt is no instant: 2026-01-02T24:00:00Z'),
	('{"id":"date 9","snippet":{"title":"t","publishedAt":"2026-01-02T03:04:05"}}', 'date 9', 'its publishedAt is no instant: 2026-01-02T03:04:05'),
	('{"id":"date 10","snippet":{"title":"t","publishedAt":"0001-01-01T00:00:00+05:00"}}', 'date 10', 'its publishedAt is no instant: 0001-01-01T00:00:00+05:00'),
	('{"id":"date 11","snippet":{"title":"t","publishedAt":"0000-12-31T00:00:00Z"}}', 'date 11', 'its publishedAt is no instant: 0000-12-31T00:00:00Z'),
	('{"id":"date 12","snippet":{"title":"t","publishedAt":1767322800}}', 'date 12', 'a field is no text: 1767322800'),
	('{"id":"good","snippet":{"title":"t"}}', 'good', NULL),
	('{"id":"zero","snippet":{"title":"a\u0000b"}}', 'zero', '\u0000 cannot be converted to text.'),
	('{"snippet":{"title":"\u0000"},"id":"zero before id"}', 'zero before id', '\u0000 cannot be converted to text.'),
	('{"snippet":{"title":"t","description":"\u0000","tags":["\ude00"]},"id":"zero in a tag"}', 'zero in a tag', '\u0000 cannot be converted to text.'),
	('{"id":"zero\u0000","snippet":{"title":"t"}}', NULL, '\u0000 cannot be converted to text.'),
	('{"id":"high","snippet":{"title":"\ud83d"}}', 'high', 'Unicode low surrogate must follow a high surrogate.'),
	('{"id":"high 2","snippet":{"title":"\ud83d\ud83d"}}', 'high 2', 'Unicode high surrogate must not follow a high surrogate.'),
	('{"id":"high 3","snippet":{"title":"\ud83dx\ude00"}}', 'high 3', 'Unicode low surrogate must follow a high surrogate.'),
	('{"id":"low","snippet":{"title":"\ude00"}}', 'low', 'Unicode low surrogate must follow a high surrogate.');
SELECT is((SELECT (pg_temp.ingest(string_agg(o.item, E' \n,\t' ORDER BY o.n)) ->> 'accepted')::int FROM odd o), 1,
	'one good item among ' || (SELECT count(*) - 1 FROM odd) || ' bad ones');
SELECT results_eq('SELECT e.item_index, e.video_id, e.reason, e.item FROM vvault.rejected_items e ORDER BY e.item_index',
	'SELECT o.n - 1, o.video_id, o.reason, o.item FROM odd o WHERE o.reason IS NOT NULL ORDER BY o.n',
	'... each is refused alone, for its own reason, and kept as it came');
SELECT is((SELECT string_agg(v.video_id || ' ' || v.rank, ',') FROM vvault.videos v), 'good 41',
	'... and the good one has the rank of its place among them');

-- An item that the server's parser cannot even read to its end hides nothing behind it.
SELECT pg_temp.forget();
SELECT is(pg_temp.ingest('{"id":"a","snippet":{"title":"\\\u0000\\"}},{"id":"b","snippet":{"title":"t\"]}\\"}}')
	-> 'rejected' -> 0 ->> 'video_id', 'a', 'backslashes before and behind \u0000');
SELECT is((SELECT v.video_id || v.title FROM vvault.videos v), 'bt"]}\', '... leave the next item whole');

-- What is not read may hold what it likes.
SELECT pg_temp.forget();
SELECT is(pg_temp.ingest('{"id":"a","x":"\\\u0000\\","snippet":{"title":"t\\","description":"\ud83d \ude00","localized":{"title":"\u0000"},"\u0000":1,
	"thumbnails":{"odd":{"url":"\u0000"}}},"\ud83d":["\u0000"]},{"id":"b","snippet":{"title":"\u0000","title":"t"}}') ->> 'accepted', '2', 'escapes in fields that are not read, or not any more');
SELECT is((SELECT string_agg(v.video_id || v.title, ' ') FROM vvault.videos v), 'at\ bt', '... refuse no item');

--
-- Texts that are odd and right
--

SELECT pg_temp.forget();
CREATE TEMP TABLE texts (n serial, code text, plain text);
INSERT INTO texts (code, plain) VALUES
	('', ''),
	('   ', '   '),
	('He said \"no\" and ''left''', 'He said "no" and ''left'''),
	('back\\slash \/ slash', 'back\slash / slash'),
	('\b\f\n\r\t', E'\b\f\n\r\t'),
	('\u0001\u001f\u007f', E'\x01\x1f\x7f'),
	('\ud83d\ude00 and 😀', '😀 and 😀'),
	('\u00e9 é e\u0301', U&'\00e9 é e\0301'),
	('\u2028\u2029\ufeff\u200b', U&'\2028\2029\feff\200b'),
	('‏עברית‎ \u202eabc\u202c العربية', U&'‏עברית‎ \202eabc\202c العربية'),
	('👩‍👩‍👧‍👦🏳️‍🌈', '👩‍👩‍👧‍👦🏳️‍🌈'),
	('</script><!-- %s %n {} [] $1 $$', '</script><!-- %s %n {} [] $1 $$'),
	('NULL', 'NULL'),
	(repeat('long ', 20000), repeat('long ', 20000)),
	('{\"a\":1}', '{"a":1}'),
	('\uffff\ufdd0', U&'\ffff\fdd0');
SELECT is((SELECT (pg_temp.ingest(string_agg(format('{"id":"v%1$s","snippet":{"title":"%2$s","channelTitle":"%2$s","channelId":"%2$s","defaultLanguage":"%2$s","tags":["%2$s","x"],"thumbnails":{"high":{"url":"%2$s"}}},"contentDetails":{"duration":"%2$s"}}',
		t.n, t.code), ',')) ->> 'accepted')::int FROM texts t), 16, 'odd texts are taken');
SELECT set_eq('SELECT v.video_id, v.title, v.channel_title, v.channel_id, v.content_language, v.tags, v.thumbnail_url, v.duration FROM vvault.videos v',
	$$SELECT 'v' || t.n AS video_id, t.plain AS title, t.plain AS channel_title, t.plain AS channel_id,
		t.plain AS content_language, ARRAY[t.plain, 'x'] AS tags, t.plain AS thumbnail_url, t.plain AS duration FROM texts t$$,
	'... and come out as they went in, in every field');

-- ids are any text of 1 to 64 bytes
SELECT pg_temp.forget();
CREATE TEMP TABLE ids (n serial, code text, plain text);
INSERT INTO ids (code, plain) VALUES ('-_-_-_-_-_-', '-_-_-_-_-_-'), ('a b', 'a b'), (' ', ' '), ('a\"b', 'a"b'),
	('a\\b', 'a\b'), ('o''b', 'o''b'), ('../../etc', '../../etc'), ('%s%n', '%s%n'), ('{a,b}', '{a,b}'), ('NULL', 'NULL'),
	('\u0041', 'A'), ('a', 'a'), ('żółć', 'żółć'), ('\ud83d\ude00', '😀'), ('\t\n', E'\t\n'), ('\u202e', U&'\202e'),
	(repeat('ż', 32), repeat('ż', 32)), ('$1', '$1'), ('0', '0');
SELECT is((SELECT (pg_temp.ingest(string_agg(format('{"id":"%s","snippet":{"title":"t"}}', i.code), ',' ORDER BY i.n))
	->> 'accepted')::int FROM ids i), 19, 'ids with odd characters are taken');
SELECT set_eq('SELECT r.video_id, r.regions FROM vvault.video_regions r',
	$$SELECT i.plain AS video_id, '{PL}'::text[] AS regions FROM ids i$$, '... and listed');
SELECT results_eq('SELECT v.video_id, v.rank FROM vvault.videos v ORDER BY v.rank',
	'SELECT i.plain COLLATE "C", i.n FROM ids i ORDER BY i.n', '... in their order');

--
-- Fields: what is missing, what comes in several forms
--

SELECT pg_temp.forget();
CREATE TEMP TABLE fields (id text, snippet text, expected text);
INSERT INTO fields VALUES
	('bare', '', '||0|-||-|-|{}'),
	('all', ',"channelId":"UC","channelTitle":"C","categoryId":"10","publishedAt":"2026-01-02T03:04:05Z","defaultAudioLanguage":"pl","defaultLanguage":"en","tags":["a","b"],"thumbnails":{"default":{"url":"d"},"medium":{"url":"m"},"high":{"url":"h","width":480},"standard":{"url":"s"},"maxres":{"url":"x"}}',
		'UC|C|10|pl|h|2026-01-02T03:04:05Z|-|{a,b}'),
	('nulls', ',"channelId":null,"channelTitle":null,"categoryId":null,"publishedAt":null,"defaultAudioLanguage":null,"defaultLanguage":"en","tags":null,"thumbnails":null', '||0|en||-|-|{}'),
	('number category', ',"categoryId":2147483647', '||2147483647|-||-|-|{}'),
	('default size', ',"thumbnails":{"default":{"url":"d"}}', '||0|-|d|-|-|{}'),
	('medium size', ',"thumbnails":{"default":{"url":"d"},"medium":{"url":"m"}}', '||0|-|m|-|-|{}'),
	('standard size', ',"thumbnails":{"standard":{"url":"s"},"maxres":{"url":"x"}}', '||0|-|s|-|-|{}'),
	('maxres size', ',"thumbnails":{"maxres":{"url":"x"},"default":{"url":"d"}}', '||0|-|x|-|-|{}'),
	('empty sizes', ',"thumbnails":{"high":{"url":""},"medium":{"url":null},"standard":{},"default":{"url":"d"}}', '||0|-|d|-|-|{}'),
	('no sizes', ',"thumbnails":{}', '||0|-||-|-|{}'),
	('thumbnails list', ',"thumbnails":[{"url":"x"}]', '||0|-||-|-|{}'),
	('empty tags', ',"tags":[]', '||0|-||-|-|{}'),
	('null tag', ',"tags":["a",null,"","b"]', '||0|-||-|-|{a,,b}'),
	('same tags', ',"tags":["a","a"]', '||0|-||-|-|{a,a}'),
	('nested tags', ',"tags":[["x"],{"y":"z"},"a"]', '||0|-||-|-|{a}'),
	('text tags', ',"tags":"a"', '||0|-||-|-|{}'),
	('fraction', ',"publishedAt":"2026-01-02T03:04:05.678Z"', '||0|-||2026-01-02T03:04:05.678Z|-|{}'),
	('long fraction', ',"publishedAt":"2026-01-02T03:04:05.123456789Z"', '||0|-||2026-01-02T03:04:05.123456Z|-|{}'),
	('offset', ',"publishedAt":"2026-01-02T03:04:05+05:30"', '||0|-||2026-01-01T21:34:05Z|-|{}'),
	('behind', ',"publishedAt":"2026-01-02T03:04:05-01:00"', '||0|-||2026-01-02T04:04:05Z|-|{}'),
	('leap day', ',"publishedAt":"2024-02-29t23:59:59z"', '||0|-||2024-02-29T23:59:59Z|-|{}'),
	('leap second', ',"publishedAt":"2016-12-31T23:59:60Z"', '||0|-||2017-01-01T00:00:00Z|-|{}'),
	('first', ',"publishedAt":"0001-01-01T00:00:00Z"', '||0|-||0001-01-01T00:00:00Z|-|{}'),
	('escaped keys', ',"\u0063hannelTitle":"C","t\u0061gs":["\u0061"]', '|C|0|-||-|-|{a}'),
	('same path elsewhere', ',"localized":{"title":"other","channelTitle":"other"},"x":{"snippet":{"title":"other"}}', '||0|-||-|-|{}'),
	('equal keys', ',"channelTitle":"no","channelTitle":"C","tags":["no"],"tags":["a"],"thumbnails":{"high":{"url":"no"}},"thumbnails":{"medium":{"url":"m"}}', '|C|0|-|m|-|-|{a}'),
	('last null', ',"channelTitle":"no","channelTitle":null,"tags":["no"],"tags":null,"categoryId":"5","categoryId":null', '||0|-||-|-|{}'),
	('deep', ',"x":' || repeat('[', 500) || repeat('{"snippet":', 200) || '{"title":"no"}' || repeat('}', 200) || repeat(']', 500), '||0|-||-|-|{}');
SELECT is((SELECT pg_temp.ingest(string_agg(format('{"id":"%s","snippet":{"title":"t"%s}}', f.id, f.snippet), ','), '2026-01-10 06:00Z')
	- 'region' - 'fetched_at' FROM fields f), '{"accepted":28,"created":28,"rejected":[],"duplicates":0,"blocked":0,"charted":true,"reason":null}', 'fields in every form');
SELECT set_eq($$SELECT v.video_id, v.title, format('%s|%s|%s|%s|%s|%s|%s|{%s}', v.channel_id, v.channel_title, v.category_id,
			coalesce(v.content_language, '-'), v.thumbnail_url,
			coalesce(to_char(v.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
				|| rtrim(to_char(v.published_at AT TIME ZONE 'UTC', '.US'), '.0') || 'Z', '-'),
			coalesce(v.duration, '-'), array_to_string(v.tags, ',', 'NULL')) AS expected
		FROM vvault.videos v$$,
	$$SELECT f.id, 't' AS title, f.expected FROM fields f$$, '... are read as they should be');

-- Equal keys above the fields: the last counts as well.
SELECT pg_temp.forget();
SELECT is(pg_temp.ingest('{"id":"no","id":"a","snippet":{"title":"no","channelTitle":"no"},"snippet":{"title":"t"},"statistics":{"viewCount":1},"statistics":null}')
	->> 'accepted', '1', 'an item with equal keys');
SELECT is((SELECT (v.video_id, v.title, v.channel_title, s.views)::text
	FROM vvault.videos v JOIN vvault.snapshots s USING (region, video_id)), '(a,t,"",)', '... is what the last of them say');
SELECT is(pg_temp.ingest('{"id":"b","snippet":{"title":"t"},"snippet":{"channelTitle":"c"}}')
	-> 'rejected' -> 0 ->> 'reason', 'it has no title', '... also where the last of them says too little');

--
-- Responses
--

SELECT pg_temp.forget();
DO $$ BEGIN PERFORM pg_temp.ingest(pg_temp.item('kept', 100, 10)); END $$;
SELECT pg_temp.state() AS before \gset
CREATE TEMP TABLE wrong_responses (n serial, what text, response text);
INSERT INTO wrong_responses (what, response) VALUES
	('null', 'null'), ('a number', '1'), ('a text', '"youtube#videoListResponse"'), ('true', 'true'),
	('an empty array', '[]'), ('an array of responses', '[{"kind":"youtube#videoListResponse","items":[]}]'),
	('an empty object', '{}'), ('no kind', '{"items":[]}'), ('no items', '{"kind":"youtube#videoListResponse"}'),
	('null items', '{"kind":"youtube#videoListResponse","items":null}'),
	('items as an object', '{"kind":"youtube#videoListResponse","items":{"0":{"id":"a","snippet":{"title":"t"}}}}'),
	('items as a text', '{"kind":"youtube#videoListResponse","items":"[]"}'),
	('items elsewhere', '{"kind":"youtube#videoListResponse","data":{"items":[]}}'),
	('items in a list', '{"kind":"youtube#videoListResponse","x":[[]],"data":[{"items":[]}]}'),
	('another kind', '{"kind":"youtube#searchListResponse","items":[]}'),
	('categories', '{"kind":"youtube#videoCategoryListResponse","items":[]}'),
	('a longer kind', '{"kind":"youtube#videoListResponse ","items":[]}'),
	('kind in a list', '{"kind":["youtube#videoListResponse"],"items":[]}'),
	('kind as null', '{"kind":"youtube#videoListResponse","kind":null,"items":[]}'),
	('kind elsewhere', '{"x":{"kind":"youtube#videoListResponse"},"items":[]}'),
	('an item alone', '{"kind":"youtube#video","id":"a","snippet":{"title":"t"}}'),
	('items taken back', '{"kind":"youtube#videoListResponse","items":[{"id":"a","snippet":{"title":"t"}}],"items":null}');
SELECT is(pg_temp.error_of(format('SELECT vvault_ingest(%L, %L)', 'PL', w.response)),
	'22023 response is not a videoListResponse', w.what || ' is refused') FROM wrong_responses w ORDER BY w.n;
SELECT is(pg_temp.error_of($$SELECT vvault_ingest('PL', '{"error":{"code":403,"message":"You have exceeded your \u003ca href=\"/quota\"\u003equota\u003c/a\u003e.","errors":[{"message":"inner","reason":"quotaExceeded"}]}}')$$),
	'22023 response is not a videoListResponse (It is an error of the API: You have exceeded your <a href="/quota">quota</a>.)',
	'an error of the API is shown');
SELECT is(pg_temp.error_of($$SELECT vvault_ingest('PL', '{"error":"quota"}')$$),
	'22023 response is not a videoListResponse', 'an error of another form');
SELECT is(pg_temp.error_of($$SELECT vvault_ingest('PL', '{"kind":"youtube#videoListResponse","items":[}')$$),
	'22P02 invalid input syntax for type json (Expected JSON value, but found "}".) [no hint]', 'what is no JSON does not come so far');
SELECT is(pg_temp.state(), :'before', 'none of these changed anything');

SELECT is(vvault_ingest('PL', '{"\u006bind":"youtube\u0023videoListResponse","\u0069tems":[{"\u0069d":"kept","snippet":{"title":"about kept"},"statistics":{"viewCount":100,"likeCount":10}}]}',
	'2026-01-10 06:00Z') ->> 'accepted', '1', 'keys and kind written with escapes are the same');
SELECT is(vvault_ingest('PL', E' \n{"items" : [ \t] ,"etag":"x","nextPageToken":"y","pageInfo":{"totalResults":0},"kind":"no","kind":"youtube#videoListResponse"}\n',
	'2026-01-10 06:00Z')::jsonb - 'fetched_at', '{"region":"PL","accepted":0,"created":0,"rejected":[],"duplicates":0,"blocked":0,"charted":true,"reason":null}'::jsonb,
	'no items are a response as well');
SELECT is(vvault_ingest('PL', pg_temp.response(pg_temp.item('kept', 100, 10), '"pageInfo":{"totalResults":"200"},'), '2026-01-10 06:00Z') ->> 'accepted', '1',
	'a length that is no number is unknown');
SELECT is((SELECT v.chart_length FROM vvault.videos v), NULL, '... and stays so');
SELECT is(vvault_ingest('PL', ('{"kind":"youtube#videoListResponse","pageInfo":{"totalResults":' || n || '},"items":[]}')::json, '2026-01-10 06:00Z') ->> 'accepted', '0',
	'totalResults ' || n) FROM unnest('{-1,1.5,2147483648,1e999,"null",[200]}'::text[]) n;

--
-- Arguments
--

SELECT pg_temp.state() AS before \gset
SELECT is(pg_temp.error_of(format('SELECT vvault_ingest(%L, %L)', r, pg_temp.response(''))),
	'22023 ' || coalesce('invalid region "' || r || '"', 'region must not be null'), 'region ' || replace(quote_nullable(r), E'\n', '\n'))
	FROM unnest(ARRAY['XX', 'pl', 'PL ', '', 'POLAND', E'P\nL', 'PL''; --', NULL]) WITH ORDINALITY AS t (r, n) ORDER BY n;
INSERT INTO vvault.regions (region, enabled) VALUES ('NO', false), ('DE', NULL), ('FR', false);
SELECT is(pg_temp.error_of(format('SELECT vvault_ingest(%L, %L)', r, pg_temp.response(''))),
	'22023 invalid region "' || r || '"', 'region ' || r || ', which is disabled') FROM unnest('{NO,FR}'::text[]) r;
SELECT is(pg_temp.ingest('', region => 'DE') ->> 'accepted', '0', 'a region of the owner''s own is taken');
DELETE FROM vvault.regions;
SELECT is(pg_temp.error_of($$SELECT vvault_ingest('PL', NULL)$$), '22023 no response to ingest', 'no response');
SELECT is(pg_temp.error_of(format('SELECT vvault_ingest(%L, %L, %L)', 'PL', pg_temp.response(pg_temp.item('a', 1)), f)),
	'22023 ' || coalesce('invalid fetched_at: ' || f::timestamptz, 'fetched_at must not be null'), 'fetched_at ' || coalesce(f, 'NULL'))
	FROM unnest(ARRAY['infinity', '-infinity', '9999-12-31 00:00Z', '0001-12-31 23:59:59Z BC', NULL]) f;
SELECT is(pg_temp.error_of(format('SELECT vvault_ingest(%L, %L, now(), %L)', 'PL', pg_temp.response(pg_temp.item('a', 1)), f)),
	'22023 ' || coalesce('invalid first_rank: ' || f, 'first_rank must not be null'), 'first_rank ' || coalesce(f, 'NULL'))
	FROM unnest(ARRAY['0', '-1', '1000001', '2147483647', NULL]) f;
SELECT is(pg_temp.error_of(format('SELECT vvault_ingest(%L, %L, first_rank => 51)', 'PL', pg_temp.response(pg_temp.item('a', 1)))),
	'22023 first_rank 51 without the fetched_at of its chart', 'a further page without the fetched_at of the first');
SELECT is((SELECT count(*)::int FROM vvault.videos v) || ' ' || (SELECT count(*)::int FROM vvault.ingests i WHERE i.region = 'PL'), '1 10',
	'none of these changed anything');
SELECT is(pg_temp.ingest(pg_temp.item('a', 1), f) ->> 'fetched_at', f, 'fetched_at ' || f)
	FROM unnest('{0001-01-01T00:00:00+00:00}'::text[]) f;
SELECT is_empty('SELECT * FROM vvault_check()', 'the first instant is counted right');

-- The reply, in whatever zone and style the session is.
SELECT pg_temp.forget();
SELECT is(vvault_ingest('PL', pg_temp.response(pg_temp.item('a', 1) || ',5'), '2026-01-10 11:30:00.5+05:30')::text,
	'{"region" : "PL", "fetched_at" : "2026-01-10T06:00:00.5+00:00", "accepted" : 1, "created" : 1, "rejected" : [{"index" : 1, "video_id" : null, "reason" : "it is no object"}], "duplicates" : 0, "blocked" : 0, "charted" : true, "reason" : null}',
	'the whole reply');

--
-- The same video twice
--

SELECT pg_temp.forget();
SELECT is(pg_temp.ingest(concat_ws(',', pg_temp.item('a', 100), pg_temp.item('b', 50), pg_temp.item('a', 900), '{"id":"c"}', pg_temp.item('a', 100), pg_temp.item('c', 7)))
	- 'fetched_at' - 'region', '{"accepted":3,"created":3,"rejected":[{"index":3,"video_id":"c","reason":"it has no title"}],"duplicates":2,"blocked":0,"charted":true,"reason":null}',
	'a video three times in a response');
SELECT is((SELECT string_agg(format('%s %s %s', v.video_id, v.rank, v.views), ', ' ORDER BY v.rank) FROM vvault.videos v),
	'a 1 100, b 2 50, c 6 7', '... the better rank wins; a bad item is no better one');

--
-- Pages of one chart
--

SELECT pg_temp.forget();
DO $$ BEGIN PERFORM pg_temp.ingest(concat_ws(',', pg_temp.item('old', 5), pg_temp.item('c', 5)), '2026-01-09 06:00Z'); END $$;
SELECT is(pg_temp.ingest(concat_ws(',', pg_temp.item('a', 10), pg_temp.item('b', 20)), first_rank => 1, more => '"pageInfo":{"totalResults":4},')
	->> 'created', '2', 'the first page');
SELECT is(pg_temp.ingest(concat_ws(',', pg_temp.item('b', 30), pg_temp.item('c', 40)), first_rank => 3, more => '"pageInfo":{"totalResults":4},')
	->> 'created', '0', 'the second page');
CREATE TEMP VIEW standing AS
	SELECT v.region, string_agg(format('%s %s/%s %s', v.video_id, v.rank, v.chart_length, v.views), ', ' ORDER BY v.rank) FILTER (WHERE v.charted) AS charted,
		string_agg(concat(v.video_id, v.rank, v.chart_length, ' ', v.views), ', ' ORDER BY v.video_id) FILTER (WHERE NOT v.charted) AS others
	FROM vvault.videos v GROUP BY v.region;
SELECT is((SELECT s.charted || '; ' || s.others FROM standing s), 'a 1/4 10, b 2/4 30, c 4/4 40; old 5',
	'... both are charted, a video on both has the better rank and the larger views');
SELECT pg_temp.forget();
DO $$ BEGIN PERFORM pg_temp.ingest(concat_ws(',', pg_temp.item('b', 30), pg_temp.item('c', 40)), first_rank => 3, more => '"pageInfo":{"totalResults":4},'); END $$;
DO $$ BEGIN PERFORM pg_temp.ingest(concat_ws(',', pg_temp.item('a', 10), pg_temp.item('b', 20)), first_rank => 1, more => '"pageInfo":{"totalResults":4},'); END $$;
DO $$ BEGIN PERFORM pg_temp.ingest(concat_ws(',', pg_temp.item('old', 5), pg_temp.item('c', 5)), '2026-01-09 06:00Z'); END $$;
SELECT is((SELECT s.charted || '; ' || s.others FROM standing s), 'a 1/4 10, b 2/4 30, c 4/4 40; old 5', '... in whatever order they come');
SELECT lives_ok($$SELECT vvault_ingest('SE', pg_temp.response(pg_temp.item('a', 1))), vvault_ingest('SE', pg_temp.response(pg_temp.item('b', 1)), first_rank => 2)$$,
	'pages of one transaction share its now()');
SELECT is(pg_temp.ingest(pg_temp.item('a', 1), region => 'AT', first_rank => 1000000) ->> 'accepted', '1', 'the largest first_rank');

--
-- Same fetched_at, other figures: AT and NO have the same baselines and get the
-- same responses in opposite order.
--

SELECT pg_temp.forget();
CREATE TEMP TABLE versions (n integer, response json);
INSERT INTO versions VALUES
	(1, pg_temp.response('{"id":"a","snippet":{"title":"x","tags":["a"],"categoryId":"10"},"statistics":{"viewCount":"100","likeCount":"5"}},
		{"id":"b","snippet":{"title":"b","publishedAt":"2026-01-01T00:00:00Z"},"statistics":{"viewCount":"100"}},
		{"id":"c","snippet":{"title":"c"},"statistics":{"viewCount":"7","likeCount":"9","commentCount":"9"}},
		{"id":"d","snippet":{"title":"d"}},
		{"id":"f","snippet":{"title":"f","channelTitle":"one"},"statistics":{"viewCount":"1","likeCount":"1","commentCount":"2"}}', '"pageInfo":{"totalResults":5},')),
	(2, pg_temp.response('{"id":"d","snippet":{"title":"d"},"statistics":{"viewCount":"0"}},
		{"id":"c","snippet":{"title":"c"},"statistics":{"viewCount":"8"}},
		{"id":"a","snippet":{"title":"y","tags":["b"],"categoryId":"9"},"statistics":{"viewCount":"100","likeCount":"4","commentCount":"99"}},
		{"id":"b","snippet":{"title":"b"},"statistics":{"viewCount":"100","likeCount":"0"}},
		{"id":"e","snippet":{"title":"e"},"statistics":{"viewCount":"3"}},
		{"id":"f","snippet":{"title":"f","channelTitle":"two"},"statistics":{"viewCount":"1","likeCount":"1","commentCount":"3"}}')),
	(3, pg_temp.response('{"id":"a","snippet":{"title":"x"}},{"id":"b","snippet":{"title":"b","defaultLanguage":"pl"}}', '"pageInfo":{"totalResults":6},'));
DO $$
DECLARE
	v versions;
BEGIN
	PERFORM vvault_ingest(r, pg_temp.response(concat_ws(',', pg_temp.item('a', 50, 1), pg_temp.item('c', 3))), '2026-01-10 05:00Z')
	FROM unnest('{AT,NO}'::text[]) r;
	FOR v IN SELECT * FROM versions ORDER BY n LOOP
		PERFORM vvault_ingest('AT', v.response, '2026-01-10 06:00Z');
	END LOOP;
	FOR v IN SELECT * FROM versions ORDER BY n DESC LOOP
		PERFORM vvault_ingest('NO', v.response, '2026-01-10 06:00Z');
	END LOOP;
END
$$;
CREATE FUNCTION pg_temp.lines(region text) RETURNS SETOF text
LANGUAGE sql AS $$
	SELECT 'video ' || (to_jsonb(v) - 'region')::text FROM vvault.videos v WHERE v.region = $1
	UNION ALL SELECT 'snapshot ' || (to_jsonb(s) - 'region')::text FROM vvault.snapshots s WHERE s.region = $1
	UNION ALL SELECT 'day ' || (to_jsonb(d) - 'region')::text FROM vvault.daily_videos d WHERE d.region = $1
	UNION ALL SELECT 'stats ' || (to_jsonb(d) - 'region')::text FROM vvault.daily_stats d WHERE d.region = $1
	UNION ALL SELECT 'category ' || (to_jsonb(c) - 'region')::text FROM vvault.category_stats c WHERE c.region = $1
$$;
SELECT set_eq($$SELECT * FROM pg_temp.lines('AT')$$, $$SELECT * FROM pg_temp.lines('NO')$$, 'three responses of one instant, in two orders');
SELECT results_eq($$SELECT s.video_id, s.rank, s.chart_length, s.category_id, s.views, s.likes, s.comments
		FROM vvault.snapshots s WHERE s.region = 'AT' AND s.fetched_at = '2026-01-10 06:00Z' ORDER BY s.video_id$$,
	$$VALUES ('a' COLLATE "C", 1, 6, 10, 100::bigint, 5::bigint, NULL::bigint), ('b', 2, 6, 0, 100, 0, NULL), ('c', 2, 5, 0, 8, NULL, NULL),
		('d', 1, 5, 0, 0, NULL, NULL), ('e', 5, NULL, 0, 3, NULL, NULL), ('f', 5, 5, 0, 1, 1, 3)$$,
	'... the larger (views, likes, comments) wins as a whole, the better rank on its own');
SELECT is((SELECT string_agg(concat_ws(' ', v.video_id, v.title, v.channel_title, v.tags, v.views), ', ' ORDER BY v.video_id)
	FROM vvault.videos v WHERE v.region = 'AT'), 'a y  {b} 100, b b  {} 100, c c  {} 8, d d  {} 0, e e  {} 3, f f two {} 1',
	'... and of the texts the greater');
SELECT pg_temp.state() AS before \gset
DELETE FROM vvault.ingests;
DO $$ BEGIN PERFORM vvault_ingest(r, v.response, '2026-01-10 06:00Z') FROM versions v, unnest('{NO,AT}'::text[]) r; END $$;
DELETE FROM vvault.ingests;
SELECT set_eq($$SELECT * FROM pg_temp.lines('AT')$$, $$SELECT * FROM pg_temp.lines('NO')$$, 'once more they change nothing');
SELECT is_empty('SELECT * FROM vvault_check()', '... and the derived tables are right');

--
-- An older chart: history, its own scores and its direct successors', no more.
--
-- PL: 10000 views/h and 6 percent are 100. Likes are 6 percent of the views, so
-- the engagement part is always 100 and the score (35 * velocity part + 2500) / 60:
--   06:00   1000 views, nothing before it      2500 / 60 = 41.666667
--   07:00   2000, 1000/h, part 10              2850 / 60 = 47.5
--   08:00  12000, 10000/h, part 100            6000 / 60 = 100
-- and with one between the first two:
--   06:30   1600, 600 in half an hour: 12      2920 / 60 = 48.666667
--   07:00   2000, 400 in half an hour:  8      2780 / 60 = 46.333333
--

SELECT pg_temp.forget();
DO $$ BEGIN PERFORM pg_temp.ingest(pg_temp.item('a', 1000, 60), '2026-01-10 06:00Z'); END $$;
DO $$ BEGIN PERFORM pg_temp.ingest(pg_temp.item('a', 2000, 120), '2026-01-10 07:00Z'); END $$;
DO $$ BEGIN PERFORM pg_temp.ingest(pg_temp.item('a', 12000, 720), '2026-01-10 08:00Z'); END $$;
CREATE TEMP VIEW history AS
	SELECT to_char(s.fetched_at AT TIME ZONE 'UTC', 'HH24:MI') || ' ' || s.views || ' ' || round(s.virality_score::numeric, 6) AS line, s.ctid AS place, s.fetched_at
	FROM vvault.snapshots s;
SELECT is((SELECT string_agg(h.line, ', ' ORDER BY h.fetched_at) FROM history h),
	'06:00 1000 41.666667, 07:00 2000 47.500000, 08:00 12000 100.000000', 'three charts, scored one after the other');
CREATE TEMP TABLE before_older AS SELECT * FROM history;
CREATE TEMP TABLE video_before AS SELECT v.*, v.ctid AS place FROM vvault.videos v;
SELECT is(pg_temp.ingest(pg_temp.item('a', 1600, 96), '2026-01-10 06:30Z') ->> 'created', '0', 'a chart between the first two');
SELECT is((SELECT string_agg(h.line, ', ' ORDER BY h.fetched_at) FROM history h),
	'06:00 1000 41.666667, 06:30 1600 48.666667, 07:00 2000 46.333333, 08:00 12000 100.000000', '... scores itself and the next');
SELECT set_eq('SELECT h.line FROM history h JOIN before_older b USING (fetched_at) WHERE h.place = b.place',
	$$VALUES ('06:00 1000 41.666667'), ('08:00 12000 100.000000')$$, '... and writes no other row');
SELECT results_eq('SELECT v.*, v.ctid FROM vvault.videos v', 'SELECT * FROM video_before', '... nor the video');
DO $$ BEGIN PERFORM pg_temp.ingest(pg_temp.item('a', 500, 30), '2026-01-10 05:00Z'); END $$;
SELECT is((SELECT to_char(v.first_seen_at AT TIME ZONE 'UTC', 'HH24:MI') || ' ' || to_char(v.fetched_at AT TIME ZONE 'UTC', 'HH24:MI') || ' ' || v.views
	FROM vvault.videos v), '05:00 08:00 12000', 'a chart before all others moves first_seen_at, no newer figure');
-- the first chart's velocity is now 500/h: part 5, (175 + 2500) / 60 = 44.583333
SELECT is((SELECT h.line FROM history h WHERE h.line LIKE '06:00%'), '06:00 1000 44.583333', '... and scores its successor');
SELECT is_empty('SELECT * FROM vvault_check()', '... with the derived tables right');

--
-- Who is charted
--

SELECT pg_temp.forget();
DO $$ BEGIN PERFORM pg_temp.ingest(concat_ws(',', pg_temp.item('a', 1), pg_temp.item('b', 2), pg_temp.item('c', 3)), '2026-01-10 06:00Z', more => '"pageInfo":{"totalResults":3},'); END $$;
DO $$ BEGIN PERFORM pg_temp.ingest(pg_temp.item('a', 9), '2026-01-10 06:00Z', 'SE'); END $$;
DO $$ BEGIN PERFORM pg_temp.ingest(concat_ws(',', pg_temp.item('b', 5), pg_temp.item('d', 4)), '2026-01-11 06:00Z', more => '"pageInfo":{"totalResults":2},'); END $$;
SELECT is((SELECT string_agg(concat_ws('; ', s.region, s.charted, s.others), E'\n' ORDER BY s.region) FROM standing s),
	E'PL; b 1/2 5, d 2/2 4; a 1, c 3\nSE; a 1/ 9',
	'a newer chart takes the place of the last, in its region');
DO $$ BEGIN PERFORM pg_temp.ingest(concat_ws(',', pg_temp.item('e', 6), pg_temp.item('a', 7), pg_temp.item('d', 1)), '2026-01-10 18:00Z'); END $$;
SELECT is((SELECT s.charted || '; ' || s.others FROM standing s WHERE s.region = 'PL'), 'b 1/2 5, d 2/2 4; a 7, c 3, e 6', 'an older one charts nobody');
SELECT is(pg_temp.ingest('', '2026-01-12 06:00Z') ->> 'accepted', '0', 'an empty chart');
SELECT is(pg_temp.ingest('null,{}', '2026-01-13 06:00Z') ->> 'accepted', '0', '... and one of bad items alone');
SELECT is((SELECT s.charted FROM standing s WHERE s.region = 'PL'), 'b 1/2 5, d 2/2 4', '... empty no region''s chart');
SELECT is(pg_temp.ingest(concat_ws(',', pg_temp.item('c', 8), pg_temp.item('e', 9)), '2026-01-11 18:00Z') ->> 'accepted', '2', 'a chart older than the empty ones and newer than the last');
SELECT is((SELECT s.charted || '; ' || s.others FROM standing s WHERE s.region = 'PL'), 'c 1/ 8, e 2/ 9; a 7, b 5, d 4', '... is the latest chart');
SELECT is_empty('SELECT * FROM vvault_check()', '... and the derived tables are right');

--
-- Figures that come and go
--

SELECT pg_temp.forget();
CREATE TEMP VIEW figures AS
	SELECT concat_ws(' ', v.views, coalesce(v.likes::text, '-'), coalesce(v.comments::text, '-'), coalesce(round(v.engagement_rate::numeric, 2)::text, '-')) AS line FROM vvault.videos v;
DO $$ BEGIN PERFORM pg_temp.ingest(pg_temp.item('a', 1000), '2026-01-10 06:00Z'); END $$;
SELECT is((SELECT line FROM figures), '1000 - - -', 'hidden likes and comments');
DO $$ BEGIN PERFORM pg_temp.ingest(pg_temp.item('a', 2000, 100, 7), '2026-01-10 07:00Z'); END $$;
SELECT is((SELECT line FROM figures), '2000 100 7 5.00', '... become visible');
DO $$ BEGIN PERFORM pg_temp.ingest(pg_temp.item('a', 3000, NULL, 8), '2026-01-10 08:00Z'); END $$;
SELECT is((SELECT line FROM figures), '3000 - 8 -', '... and are hidden again');
DO $$ BEGIN PERFORM pg_temp.ingest('{"id":"a","snippet":{"title":"about a"}}', '2026-01-10 09:00Z'); END $$;
SELECT is((SELECT line FROM figures), '3000 - 8 -', 'a response without statistics leaves the figures that are known');
SELECT is((SELECT concat_ws(' ', v.charted, to_char(v.fetched_at AT TIME ZONE 'UTC', 'HH24:MI')) FROM vvault.videos v), 't 09:00', '... and tells that it is charted');
DO $$ BEGIN PERFORM pg_temp.ingest(pg_temp.item('a', 5000), '2026-01-10 10:00Z'); END $$;
-- 2000 views in the two hours since views were last known: 1000/h, part 10, and no engagement: 10
SELECT is((SELECT round(s.virality_score::numeric, 6) FROM vvault.snapshots s WHERE s.fetched_at = '2026-01-10 10:00Z'), 10.000000,
	'... the next is measured against the last that had any');
DO $$ BEGIN PERFORM pg_temp.ingest(pg_temp.item('a', 4000), '2026-01-10 11:00Z'); END $$;
SELECT is((SELECT line || ' ' || v.virality_score FROM figures, vvault.videos v), '4000 - - - 0', 'views that go down are taken as they are, without velocity');
SELECT is_empty('SELECT * FROM vvault_check()', '... and the derived tables are right');

--
-- Blocked videos, closed days
--

SELECT pg_temp.forget();
DO $$ BEGIN PERFORM vvault_block('bad', 'taken down'); END $$;
SELECT is(pg_temp.ingest(concat_ws(',', pg_temp.item('a', 1), pg_temp.item('bad', 2), pg_temp.item('b', 3), pg_temp.item('bad', 4)))
	- 'region' - 'fetched_at', '{"accepted":2,"created":2,"rejected":[],"duplicates":0,"blocked":1,"charted":true,"reason":null}', 'a blocked video is skipped and told');
SELECT is((SELECT s.charted FROM standing s), 'a 1/ 1, b 3/ 3', '... the others keep their ranks');
SELECT is_empty($$SELECT FROM vvault.snapshots s WHERE s.video_id = 'bad'$$, '... it has no history');
SELECT is(pg_temp.ingest(pg_temp.item('bad', 9), '2026-01-11 06:00Z') - 'region' - 'fetched_at',
	'{"accepted":0,"created":0,"rejected":[],"duplicates":0,"blocked":1,"charted":false,"reason":"No item was accepted."}', 'a chart of blocked videos alone');
SELECT is((SELECT s.charted FROM standing s), 'a 1/ 1, b 3/ 3', '... does not empty the region''s chart');
DO $$ BEGIN PERFORM pg_temp.ingest(pg_temp.item('a', 5), '2026-01-12 06:00Z'); END $$;
DO $$ BEGIN PERFORM vvault_prune('2026-01-12 00:00Z'); END $$;
SELECT pg_temp.state() AS before \gset
SELECT is(pg_temp.error_of(format('SELECT vvault_ingest(%L, %L, %L)', 'PL', pg_temp.response(pg_temp.item('a', 1)), '2026-01-10 23:59:59.999999Z')),
	'22023 day 2026-01-10 of region "PL" is closed', 'a closed day takes no chart');
SELECT is(pg_temp.error_of(format('SELECT vvault_ingest(%L, %L, %L)', 'PL', pg_temp.response(''), '2026-01-10 00:00Z')),
	'22023 day 2026-01-10 of region "PL" is closed', '... nor an empty one');
SELECT is(pg_temp.state(), :'before', '... and nothing changed');
SELECT is(pg_temp.ingest(pg_temp.item('a', 1), '2026-01-10 12:00Z', 'SE') ->> 'accepted', '1', '... in its region alone');
SELECT is_empty('SELECT * FROM vvault_check()', '... and the derived tables are right');

SELECT * FROM finish();
ROLLBACK;
