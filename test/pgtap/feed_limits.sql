-- A feed with no more than so many videos of one channel or category, beside
-- naive SQL: in every order, across pages.
BEGIN;
\ir ../naive_feed.sql
SELECT plan((20 + 12 * count(*))::integer) FROM pg_temp.orders() o;

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
CREATE FUNCTION pg_temp.differing(sort text, per_channel integer, per_category integer, sizes integer[]) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	walked record;
	size integer;
BEGIN
	FOREACH size IN ARRAY sizes LOOP
		walked := pg_temp.walk('PL', sort, size, per_channel, per_category);
		IF walked.ids IS DISTINCT FROM pg_temp.naive_ids('PL', sort, walked.as_of, per_channel, per_category) THEN
			RETURN 'pages of ' || size;
		END IF;
	END LOOP;
	RETURN NULL;
END
$$;
SELECT is(pg_temp.differing(sort, l.per_channel, l.per_category, '{1,7,25,200}'), NULL,
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

-- keys as far as they reach
UPDATE vvault.videos SET views = CASE WHEN random() < 0.5 THEN 9223372036854775807 ELSE 0 END, likes = 9223372036854775807,
	published_at = CASE WHEN random() < 0.5 THEN timestamptz '0001-01-01 00:00Z' ELSE timestamptz '9999-12-30 00:00Z' END
WHERE region = 'PL';
SELECT is(pg_temp.differing(sort, 3, 4, '{1,25}'), NULL, format('by %s with keys at the ends of their range', sort))
FROM unnest('{views,newest,hot,trending}'::text[]) sort;

SELECT * FROM finish();
ROLLBACK;
