-- The feed as it was: replies are kept while charts come in, and compared with
-- what vvault_trending(..., as_of) gives afterwards.
BEGIN;
\ir ../naive_feed.sql
SELECT plan((22 + count(*))::integer) FROM pg_temp.orders() o;

TRUNCATE vvault.videos, vvault.snapshots;
SELECT setseed(0.61);

-- A chart of some of 40 videos, whose figures grow; some have none, in one chart
-- or all, and some hide their likes. Some change their title, channel or
-- thumbnail, and some are broadcasts that are to come, begin and end.
CREATE FUNCTION pg_temp.chart(n integer) RETURNS json LANGUAGE sql VOLATILE AS $$
	SELECT json_build_object('kind', 'youtube#videoListResponse', 'pageInfo', json_build_object('totalResults', count(*)),
		'items', json_agg(json_build_object('id', 'v' || i, 'snippet', json_build_object(
			'title', 'Title ' || i || CASE WHEN i % 4 = 0 THEN ' of ' || n / 3 ELSE '' END,
			'channelId', 'c' || (i + CASE WHEN i % 5 = 2 THEN n / 4 ELSE 0 END) % 7,
			'channelTitle', 'Channel ' || i % 7, 'categoryId', (i % 5)::text,
			'thumbnails', json_build_object('high', json_build_object('url', 'https://i.example.org/' || CASE WHEN i % 8 = 5 THEN n ELSE i END)),
			'defaultLanguage', CASE WHEN i % 6 = 5 THEN CASE WHEN n < 5 THEN 'en' ELSE 'pl' END END,
			'liveBroadcastContent', CASE WHEN i % 10 > 2 THEN 'none' WHEN n < 4 THEN 'upcoming' WHEN n < 6 THEN 'live' ELSE 'none' END,
			'publishedAt', timestamptz '2026-01-03 00:00Z' + i * interval '1 hour'
				+ CASE WHEN i % 10 < 3 AND n > 3 THEN interval '30 hours' ELSE interval '0' END), 'statistics',
			CASE WHEN i % 9 = 4 OR random() < 0.1 THEN '{}' ELSE json_strip_nulls(json_build_object('viewCount', (1000 * i * n)::text,
				'likeCount', CASE WHEN i % 6 > 0 THEN (40 * i + n)::text END)) END) ORDER BY random()))
	FROM generate_series(1, 40) i WHERE random() < 0.6
$$;

CREATE TEMP TABLE kept (at timestamptz, region text, sort text, page json, ids text[], limited json);

-- Hourly charts of two regions; each reply as soon as its chart is in. Of an
-- order that moves the ids for the hour, as it is made for now.
CREATE FUNCTION pg_temp.take_in(charts integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	at timestamptz;
BEGIN
	FOR n IN 1 .. charts LOOP
		at := timestamptz '2026-01-05 00:20Z' + n * interval '1 hour';
		PERFORM vvault_ingest('PL', pg_temp.chart(n), at), vvault_ingest('SE', pg_temp.chart(n), at + interval '5 minutes');
		INSERT INTO kept
		SELECT at + interval '10 minutes', r, s, vvault_trending(r, 200, s), pg_temp.naive_ids(r, s, date_trunc('hour', at)),
			vvault_trending(r, 7, s, NULL, 2, 5)
		FROM unnest('{PL,SE}'::text[]) r, pg_temp.orders() s;
	END LOOP;
END
$$;
SELECT pg_temp.take_in(8);
-- a later one, so that the last is past too
SELECT lives_ok($$SELECT vvault_ingest(r, pg_temp.chart(20), '2026-01-06 00:00Z') FROM unnest('{PL,SE}'::text[]) r$$);

-- what a feed shows of a row of vvault.videos is kept where it is replaced
SELECT is(string_agg(a.attname, ', '), NULL, 'each field of a feed that is a column of vvault.videos is one of vvault.snapshots or earlier_texts (src/videos/texts.sql), and in src/feed/past.h')
FROM json_object_keys(vvault_trending('PL', 1) -> 'videos' -> 0) field
	JOIN pg_attribute a ON a.attrelid = 'vvault.videos'::regclass AND a.attname = field AND a.attgenerated = ''
WHERE NOT EXISTS (SELECT FROM pg_attribute o WHERE o.attname = field AND o.attrelid IN ('vvault.snapshots'::regclass, 'vvault.earlier_texts'::regclass));
SELECT is(string_agg(a.attname, ', '), NULL, 'vvault.texts_replaced() and its trigger heed every column of vvault.earlier_texts')
FROM pg_attribute a, pg_proc p JOIN pg_trigger t ON t.tgfoid = p.oid
WHERE p.oid = 'vvault.texts_replaced()'::regprocedure AND a.attrelid = 'vvault.earlier_texts'::regclass AND a.attnum > 0
	AND a.attname NOT IN ('region', 'video_id', 'replaced_at')
	AND (p.prosrc !~ format('\mOLD\.%s\M', a.attname) OR pg_get_triggerdef(t.oid) !~ format('\mold\.%s\M.*\mnew\.%s\M', a.attname, a.attname));

SELECT lives_ok($$SELECT vvault_trending('PL', 1, as_of => '2026-01-05 02:00Z')$$, 'src/feed/past.h has every column that feeds show and sort by');

SELECT is((SELECT string_agg(format('%s at %s', k.region, k.at), ', ') FROM kept k
		WHERE k.sort = o AND CASE WHEN pg_temp.moves(o) THEN pg_temp.page_ids(vvault_trending(k.region, 200, o, as_of => k.at)) <> k.ids
			ELSE vvault_trending(k.region, 200, o, as_of => k.at)::text <> k.page::text
				OR vvault_trending(k.region, 7, o, NULL, 2, 5, k.at)::text <> k.limited::text END), NULL,
	format('by %s the feed as it was is what was served', o))
FROM pg_temp.orders() o;
SELECT is((SELECT count(DISTINCT e.region || e.channel_id || coalesce(e.live, '')) > 10 AND count(DISTINCT e.title) > 10 FROM vvault.earlier_texts e),
	true, 'texts have changed meanwhile');
SELECT is(vvault_trending('PL', 200, 'trending', as_of => '2026-01-05 04:59:59Z') ->> 'as_of', '2026-01-05T04:00:00+00:00',
	'trending was made for its step of the clock');
SELECT is(vvault_trending('PL', 3, as_of => '2026-01-05 01:00Z') ->> 'total', '0', 'before the first chart it was empty');

-- pages
CREATE FUNCTION pg_temp.walk_past(sort text, size integer, per_channel integer, at timestamptz) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	page json := vvault_trending('PL', size, sort, NULL, per_channel, NULL, at);
	ids text[] := pg_temp.page_ids(page);
BEGIN
	WHILE page ->> 'next_cursor' IS NOT NULL LOOP
		page := vvault_trending('PL', size, sort, page ->> 'next_cursor', per_channel, NULL, at);
		ids := ids || pg_temp.page_ids(page);
	END LOOP;
	RETURN ids;
END
$$;
SELECT is((SELECT string_agg(o, ' ') FROM pg_temp.orders() o, (VALUES (NULL), (2)) AS l (n)
		WHERE pg_temp.walk_past(o, 4, n, '2026-01-05 05:30Z')
			<> pg_temp.page_ids(vvault_trending('PL', 200, o, NULL, n, NULL, '2026-01-05 05:30Z'))), NULL, 'pages behind pages are the whole');
SELECT throws_ok(format('SELECT vvault_trending(''PL'', 4, ''trending'', %L, as_of => ''2026-01-05 06:30Z'')',
	vvault_trending('PL', 4, 'trending', as_of => '2026-01-05 05:30Z') ->> 'next_cursor'), '22023', 'invalid cursor', 'a cursor is of its instant');

-- late history counts from when it was observed; what is blocked was never there
SELECT vvault_ingest('PL', '{"kind": "youtube#videoListResponse", "items": [{"id": "late", "snippet": {"title": "Late"}, "statistics": {"viewCount": "99999999"}}]}', '2026-01-05 03:30Z');
SELECT is(vvault_trending('PL', 1, as_of => '2026-01-05 03:45Z') #>> '{videos,0,video_id}', 'late', 'a chart counts from its observation on');
SELECT isnt(vvault_trending('PL', 1, as_of => '2026-01-05 03:15Z') #>> '{videos,0,video_id}', 'late', 'and not before');
SELECT ok(vvault_block('late'), 'it is blocked');
SELECT isnt(vvault_trending('PL', 1, as_of => '2026-01-05 03:45Z') #>> '{videos,0,video_id}', 'late', 'what is blocked is in no past');

-- instants that cannot be
SELECT throws_ok($$SELECT vvault_trending('PL', as_of => now() + interval '1 day')$$, '22023', 'invalid as_of', 'the future');
SELECT throws_ok($$SELECT vvault_trending('PL', as_of => 'infinity')$$, '22023', 'invalid as_of', 'no end');
SELECT throws_ok($$SELECT vvault_trending('PL', as_of => '-infinity')$$, '22023', 'invalid as_of', 'no beginning');
SELECT is(vvault_trending('PL', 5, as_of => NULL)::text, vvault_trending('PL', 5)::text, 'NULL is now');
SELECT is(vvault_trending('PL', 200, as_of => now())::text, vvault_trending('PL', 200)::text, 'and so is now');
SELECT vvault_set('forget_after', '3650');
SELECT vvault_prune('2026-01-06 00:00Z');
SELECT is((SELECT count(*) FROM vvault.earlier_texts e WHERE e.replaced_at < '2026-01-06 00:00Z'), 0::bigint, 'texts of then are dropped with them');
SELECT throws_ok($$SELECT vvault_trending('PL', as_of => '2026-01-05 23:59:59Z')$$, '22023',
	'invalid as_of: the snapshots of 2026-01-05T23:59:59+00:00 are pruned', 'what is pruned');
SELECT is(vvault_trending('PL', 200, 'virality', as_of => '2026-01-06 00:00Z')::text, vvault_trending('PL', 200, 'virality')::text,
	'what is not is there');
UPDATE vvault.videos SET title = title || '!', fetched_at = fetched_at + interval '1 hour' WHERE region = 'SE';
SELECT vvault_block(min(e.video_id)) FROM vvault.earlier_texts e;
SELECT is((SELECT count(*) > 0 AND bool_and(e.video_id <> b.video_id) FROM vvault.earlier_texts e, vvault.blocked_videos b WHERE b.video_id <> 'late'), true,
	'nothing is kept of what is blocked');

SELECT * FROM finish();
ROLLBACK;
