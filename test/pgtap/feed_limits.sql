-- A feed with no more than so many videos of one channel or category, beside
-- naive SQL: in every order, across pages.
BEGIN;
\ir ../naive_feed.sql
SELECT plan((26 + 31 * count(*))::integer) FROM pg_temp.orders() o;

TRUNCATE vvault.videos, vvault.snapshots;

-- 900 videos in three regions: some channels have very many, many have one, of
-- some the channel is not known; many keys are equal.
SELECT setseed(0.16);
INSERT INTO vvault.videos (region, video_id, charted, channel_id, category_id, views, likes, comments, velocity,
	virality_score, momentum_score, published_at, first_seen_at)
SELECT r, 'v' || n, random() < 0.6,
	CASE WHEN random() < 0.1 THEN '' ELSE 'channel ' || floor(60 * random() ^ 3) END, floor(12 * random() ^ 2),
	floor(random() * 80), CASE WHEN random() < 0.9 THEN floor(random() * 20) END, CASE WHEN random() < 0.8 THEN n % 9 END,
	floor(random() * 30) * 400, floor(random() * 10) * 10, floor(random() * 1000) / 13,
	CASE WHEN random() < 0.9 THEN now() - floor(random() * 90) * interval '1 hour' END,
	now() - n % 10 * interval '1 minute'
FROM unnest('{PL,SE,NO}'::text[]) r, generate_series(1, 300) n;

-- The pages that differ from naive SQL.
CREATE FUNCTION pg_temp.differing(sort text, per_channel integer, per_category integer, sizes integer[], region text DEFAULT 'PL') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	walked record;
	size integer;
BEGIN
	FOREACH size IN ARRAY sizes LOOP
		walked := pg_temp.walk(region, sort, size, per_channel, per_category);
		IF walked.ids IS DISTINCT FROM pg_temp.naive_ids(region, sort, walked.as_of, per_channel, per_category) THEN
			RETURN 'pages of ' || size;
		END IF;
	END LOOP;
	RETURN NULL;
END
$$;
SELECT is(pg_temp.differing(sort, l.per_channel, l.per_category,
		CASE WHEN l.per_channel = 2 AND l.per_category IS NULL THEN '{1,7,25,200}' WHEN l.per_channel = 2 OR l.per_category = 3 THEN '{3,25,200}'
			ELSE '{7,200}' END::integer[]), NULL,
	format('by %s, %s of a channel and %s of a category', sort, coalesce(l.per_channel::text, 'any number'),
		coalesce(l.per_category::text, 'any number')))
FROM pg_temp.orders() sort, (VALUES (1, NULL), (2, NULL), (5, NULL), (11, NULL), (1000000, NULL), (NULL, 1), (NULL, 3), (NULL, 40),
	(1, 1), (2, 5), (3, 2), (40, 15)) AS l (per_channel, per_category);

-- what the limits mean
SELECT is((SELECT max(c) FROM (SELECT count(*) AS c FROM json_array_elements(vvault_trending('PL', 200, per_channel => 2) -> 'videos') v
	WHERE v ->> 'channel_id' <> '' GROUP BY v ->> 'channel_id') x), 2::bigint, 'a channel has no more than two');
SELECT is((SELECT count(*) FROM json_array_elements(vvault_trending('PL', 200, per_channel => 2) -> 'videos') v WHERE v ->> 'channel_id' = ''),
	(SELECT count(*) FROM vvault.videos WHERE region = 'PL' AND channel_id = ''), 'a channel that is not known is none');
SELECT is((SELECT max(c) FROM (SELECT count(*) AS c FROM json_array_elements(vvault_trending('PL', 200, per_category => 3) -> 'videos') v
	GROUP BY v ->> 'category_id') x), 3::bigint, 'a category has no more than three');
SELECT is(vvault_trending('PL', 25, 'hot', per_channel => 1000000)::jsonb - 'next_cursor',
	vvault_trending('PL', 25, 'hot')::jsonb - 'next_cursor', 'a limit that nothing meets changes nothing');
SELECT is(vvault_trending('NO', 25, NULL, NULL, NULL, NULL)::text, vvault_trending('NO')::text, 'NULL is no limit');
SELECT is(vvault_trending('GB', per_channel => 1) ->> 'total', '0', 'a region without videos has none');

-- a cursor is of the limits of its page
CREATE FUNCTION pg_temp.next(per_channel integer, per_category integer, sort text DEFAULT 'views') RETURNS text LANGUAGE sql AS $$
	SELECT vvault_trending('PL', 5, sort, NULL, per_channel, per_category) ->> 'next_cursor'
$$;
SELECT throws_ok(format('SELECT vvault_trending(''PL'', 5, %L, %L, %L, %L)', l.sort, pg_temp.next(l.was, l.in_category), l.per_channel, l.per_category),
	'22023', 'invalid cursor', format('a cursor of limits %s, %s is not taken for %s, %s by %s',
		l.was, l.in_category, l.per_channel, l.per_category, l.sort))
FROM (VALUES ('views', 2, NULL, NULL, NULL), ('views', NULL, NULL, 2, NULL), ('views', 2, NULL, 3, NULL), ('views', 2, NULL, NULL, 2),
	('views', NULL, 2, 2, NULL), ('views', 2, 2, 2, NULL), ('newest', 2, NULL, 2, NULL))
	AS l (sort, was, in_category, per_channel, per_category);

-- rows that come and go between pages
CREATE FUNCTION pg_temp.seen_beside_changes(sort text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	page json := vvault_trending('SE', 20, sort, per_channel => 2);
	walked text[] := pg_temp.page_ids(page);
BEGIN
	DELETE FROM vvault.videos v WHERE v.region = 'SE' AND v.video_id = walked[20];
	WHILE page ->> 'next_cursor' IS NOT NULL LOOP
		page := vvault_trending('SE', 20, sort, page ->> 'next_cursor', 2);
		walked := walked || pg_temp.page_ids(page);
	END LOOP;
	RETURN cardinality(walked) - (SELECT count(DISTINCT w) FROM unnest(walked) w);
END
$$;
SELECT is(pg_temp.seen_beside_changes(sort), 0::bigint, format('by %s none comes twice although the last of a page goes', sort))
FROM unnest('{views,momentum,trending}'::text[]) sort;

-- crowds: channels with so many videos that most are behind, in the chart and
-- out of it; the ids of two begin alike. By views one is first, another is last,
-- and the older of one are the faster, so that by trending score many may lead.
INSERT INTO vvault.videos (region, video_id, charted, channel_id, category_id, views, likes, comments, velocity,
	virality_score, momentum_score, published_at)
SELECT 'PL', left(c.channel, 3) || right(c.channel, 1) || n, n % 2 = 0, c.channel, n % c.categories, c.views + floor(random() * 60),
	floor(random() * 30), n % 11, CASE c.channel WHEN 'slow' THEN n * 40 ELSE floor(random() * 25) * 400 END,
	floor(random() * 12) * 9, floor(random() * 1000) / 13,
	now() - CASE c.channel WHEN 'slow' THEN n * interval '5 minutes' ELSE floor(random() * 90) * interval '1 hour' END
FROM (VALUES ('loud', 100, 1), ('slow', 20, 3), ('last', 0, 12), (repeat('c', 64) || '1', 30, 2), (repeat('c', 64) || '2', 30, 2))
	AS c (channel, views, categories), generate_series(1, 300) n;
SELECT cmp_ok(count(*) FILTER (WHERE behind), '>', 1000::bigint, 'most of a crowd is behind') FROM vvault.videos WHERE region = 'PL';
SELECT is(pg_temp.differing(sort, l.per_channel, l.per_category,
		CASE WHEN l.per_channel <= 2 AND l.per_category IS DISTINCT FROM 1 THEN '{1,7,25,200}' ELSE '{7,200}' END::integer[]), NULL,
	format('by %s among crowds (vvault.expected_behind knows its key), %s of a channel and %s of a category', sort, coalesce(l.per_channel::text, 'any number'),
		coalesce(l.per_category::text, 'any number')))
FROM pg_temp.orders() sort, (VALUES (NULL, NULL), (1, NULL), (2, NULL), (10, NULL), (11, NULL), (NULL, 1), (NULL, 10), (1, 3), (10, 10)) AS l (per_channel, per_category);
-- any write may change who is behind
UPDATE vvault.videos SET charted = NOT charted WHERE region = 'PL' AND random() < 0.2;
UPDATE vvault.videos SET views = floor(random() * 200), velocity = floor(random() * 30) * 300, virality_score = floor(random() * 10) * 10,
	published_at = now() - floor(random() * 50) * interval '2 hours' WHERE region = 'PL' AND random() < 0.2;
UPDATE vvault.videos SET channel_id = 'last' WHERE region = 'PL' AND random() < 0.1;
DELETE FROM vvault.videos WHERE region = 'PL' AND random() < 0.2;
SELECT is((SELECT string_agg(c::text, ' ') FROM vvault_check() c), NULL, 'vvault_check() finds nothing');
SELECT is(pg_temp.differing(sort, 2, NULL, '{1,7,25,200}'), NULL, format('by %s after changes', sort)) FROM pg_temp.orders() sort;

-- the work: a crowd of 10,000 at the top, beside the feed without it
CREATE FUNCTION pg_temp.rows_of(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	before bigint := (SELECT sum(idx_tup_fetch + seq_tup_read) FROM pg_stat_xact_user_tables WHERE schemaname = 'vvault');
BEGIN
	EXECUTE statement;
	RETURN (SELECT sum(idx_tup_fetch + seq_tup_read) FROM pg_stat_xact_user_tables WHERE schemaname = 'vvault') - before;
END
$$;
CREATE TEMP TABLE work AS
SELECT o.sort, format('SELECT vvault_trending(''SE'', 25, %L, %L, %s)', o.sort, c.next, n) AS call, NULL::bigint AS rows
FROM pg_temp.orders() o (sort), generate_series(1, 3) n,
	LATERAL (SELECT NULL AS next UNION ALL SELECT vvault_trending('SE', 25, o.sort, NULL, n) ->> 'next_cursor') c;
UPDATE work SET rows = pg_temp.rows_of(call);
-- in the chart and out of it, the first by every key; search would take long
ALTER TABLE vvault.videos DISABLE TRIGGER videos_inserted_search;
INSERT INTO vvault.videos (region, video_id, charted, channel_id, views, likes, comments, velocity, virality_score, momentum_score, published_at)
SELECT 'SE', c || 'flood' || n, c, 'flood', 1000000 + n, 900000, 100000, 20000, 100, 100, now() + n * interval '1 second'
FROM unnest('{true,false}'::boolean[]) c, generate_series(1, 10000) n;
SELECT is((SELECT string_agg(format('%s: %s rows instead of %s', w.call, n.rows, w.rows), E'\n')
		FROM work w, LATERAL (SELECT pg_temp.rows_of(w.call) AS rows) n WHERE w.sort = o.sort AND n.rows > 3 * w.rows), NULL,
	format('by %s the flood costs no more than three times the rows', o.sort))
FROM pg_temp.orders() o (sort);


-- the same of a category that has a channel for each of its videos
CREATE TEMP TABLE category_work AS
SELECT o.sort, format('SELECT vvault_trending(''NO'', 25, %L, %L, NULL, %s)', o.sort, c.next, n) AS call, NULL::bigint AS rows
FROM pg_temp.orders() o (sort), generate_series(1, 3) n,
	LATERAL (SELECT NULL AS next UNION ALL SELECT vvault_trending('NO', 12, o.sort, NULL, NULL, n) ->> 'next_cursor') c;
UPDATE category_work SET rows = pg_temp.rows_of(call);
INSERT INTO vvault.videos (region, video_id, charted, channel_id, category_id, views, likes, comments, velocity, virality_score, momentum_score, published_at)
SELECT 'NO', c || 'flood' || n, c, 'of ' || n, 3, 1000000 + n, 900000, 100000, 20000, 100, 100, now() + n * interval '1 second'
FROM unnest('{true,false}'::boolean[]) c, generate_series(1, 10000) n;
SELECT is((SELECT string_agg(format('%s: %s rows instead of %s', w.call, n.rows, w.rows), E'\n')
		FROM category_work w, LATERAL (SELECT pg_temp.rows_of(w.call) AS rows) n WHERE w.sort = o.sort AND n.rows > 3 * w.rows), NULL,
	format('by %s the flood of a category costs no more than three times the rows', o.sort))
FROM pg_temp.orders() o (sort);

-- categories with very many videos in the chart, beside naive SQL
INSERT INTO vvault.videos (region, video_id, charted, channel_id, category_id, views, likes, comments, velocity,
	virality_score, momentum_score, published_at, live)
SELECT 'GB', 'w' || n, n % 4 > 0, 'channel ' || floor(90 * random() ^ 3), floor(3 * random() ^ 3), floor(random() * 80),
	CASE WHEN random() < 0.9 THEN floor(random() * 20) END, n % 9, floor(random() * 30) * 400, floor(random() * 10) * 10,
	floor(random() * 1000) / 13, now() - floor(random() * 90) * interval '1 hour', CASE WHEN n % 50 = 0 THEN 'upcoming' END
FROM generate_series(1, 1200) n;
SELECT is((SELECT count(*) > 300 AND count(*) FILTER (WHERE v.behind) > 0 FROM vvault.videos v WHERE v.region = 'GB' AND v.behind_in_category), true,
	'many are behind in their category');
SELECT is(pg_temp.differing(sort, l.per_channel, l.per_category, '{7,200}', 'GB'), NULL,
	format('by %s in large categories, %s of a channel and %s of a category', sort, l.per_channel, l.per_category))
FROM pg_temp.orders() sort, (VALUES (NULL, NULL), (2, NULL), (NULL, 1), (NULL, 7), (2, 5), (5, 12)) AS l (per_channel, per_category);
UPDATE vvault.videos SET charted = NOT charted WHERE region = 'GB' AND random() < 0.1;
UPDATE vvault.videos SET views = floor(random() * 200), velocity = floor(random() * 30) * 300, category_id = CASE WHEN random() < 0.1 THEN 9 ELSE category_id END,
	published_at = now() - floor(random() * 50) * interval '2 hours' WHERE region = 'GB' AND random() < 0.2;
DELETE FROM vvault.videos WHERE region = 'GB' AND random() < 0.1;
SELECT is((SELECT string_agg(c::text, ' ') FROM vvault_check() c WHERE c.derived_table LIKE 'videos.%'), NULL, 'no mark is wrong after changes');
SELECT is(pg_temp.differing(sort, 2, 5, '{25}', 'GB') || pg_temp.differing(sort, NULL, 3, '{25}', 'GB'), NULL,
	format('by %s in large categories after changes', sort)) FROM pg_temp.orders() sort;
SELECT is((SELECT count(*) FROM vvault.videos v WHERE v.region = 'GB' AND v.behind_in_category) > 100, true, 'many are behind all the same');
DELETE FROM vvault.videos WHERE region = 'GB' AND category_id = 0 AND charted AND random() < 0.9;
SELECT is((SELECT count(*) FROM vvault.videos v WHERE v.region = 'GB' AND v.behind_in_category AND v.category_id = 0), 0::bigint, 'few are no crowd');

ALTER TABLE vvault.videos ENABLE TRIGGER videos_inserted_search;

-- keys as far as they reach
UPDATE vvault.videos SET views = CASE WHEN random() < 0.5 THEN 9223372036854775807 ELSE 0 END, likes = 9223372036854775807,
	published_at = CASE WHEN random() < 0.5 THEN timestamptz '0001-01-01 00:00Z' ELSE timestamptz '9999-12-30 00:00Z' END
WHERE region = 'PL';
SELECT is(pg_temp.differing(sort, 3, 4, '{1,25}'), NULL, format('by %s with keys at the ends of their range', sort))
FROM unnest('{views,newest,hot,trending}'::text[]) sort;

SELECT * FROM finish();
ROLLBACK;
