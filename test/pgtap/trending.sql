-- vvault_trending beside the naive SQL: every sort, every page, ties, texts.
BEGIN;
\ir ../naive_feed.sql
-- some of what is asserted is so of every order, or of those that stand still
SELECT plan((49 + 3 * count(*) + count(*) FILTER (WHERE NOT pg_temp.moves(o)))::integer) FROM pg_temp.orders() o;

TRUNCATE vvault.videos, vvault.snapshots;

-- 700 videos in two regions with many equal keys, awkward texts and unknowns
SELECT setseed(0.42);
INSERT INTO vvault.videos (region, video_id, charted, rank, title, channel_title, category_id,
	content_language, published_at, views, likes, comments, virality_score, momentum_score,
	first_seen_at)
SELECT r, CASE WHEN n % 3 = 0 THEN 'both-' ELSE r || '-' END || n, n % 2 = 0,
	CASE WHEN n % 2 = 0 THEN n END,
	(ARRAY[E'plain', E'quote " and \\ slash', E'tab\tline\nfeed\rbell\x07', U&'emoji \+01F600 \2028 \2029',
		'żółć å ß', '</script><script>', E'\x01\x1f\x7f', ''])[1 + n % 8],
	'channel ' || n % 5, n % 7, CASE WHEN n % 4 > 0 THEN 'pl' END,
	CASE WHEN n % 5 > 0 THEN timestamptz '2026-01-01 00:00Z' + n % 40 * interval '1 hour' END,
	floor(random() * 50), CASE WHEN n % 6 > 0 THEN floor(random() * 20) END,
	CASE WHEN n % 7 > 0 THEN n END, floor(random() * 10) * 10, floor(random() * 1000) / 13,
	timestamptz '2026-01-02 00:00Z' + n % 10 * interval '1 minute'
FROM unnest('{PL,SE}'::text[]) r, generate_series(1, 350) n;

SELECT is((w).ids, pg_temp.naive_ids('PL', sort, (w).as_of),
		format('a walk by %s in pages of %s visits every video once, in order', sort, size))
FROM pg_temp.orders() sort, unnest('{1,25,200}'::int[]) size,
	LATERAL (SELECT pg_temp.walk('PL', sort, size) AS w) x;

-- the reply, byte for byte, as the best hand-written SQL would build it
CREATE FUNCTION pg_temp.naive_feed(region text, page_size integer) RETURNS text
LANGUAGE sql AS $$
	SELECT format('{"region":%s,"region_name":%s,"videos":[%s],"total":%s',
		to_json($1), to_json('Poland'::text), string_agg(x.j, ',' ORDER BY x.n), count(*))
	FROM (
		SELECT row_number() OVER (ORDER BY v.views DESC, v.video_id COLLATE "C") AS n,
			format('{"video_id":%s,"title":%s,"channel_title":%s,"views":%s,"likes":%s,"thumbnail_url":%s,"regions":%s,"content_language":%s,"engagement_rate":%s,',
				to_json(v.video_id), to_json(v.title), to_json(v.channel_title), v.views,
				coalesce(v.likes::text, 'null'), to_json(v.thumbnail_url),
				(SELECT to_json(array_agg(o.region ORDER BY o.region)) FROM vvault.videos o WHERE o.video_id = v.video_id),
				coalesce(to_json(v.content_language)::text, 'null'),
				coalesce(CASE WHEN v.likes IS NULL THEN NULL WHEN v.views = 0 THEN 0
					ELSE v.likes::float8 / v.views * 100 END::text, 'null')) AS j
		FROM vvault.videos v WHERE v.region = $1
		ORDER BY v.views DESC, v.video_id COLLATE "C" LIMIT page_size) x
$$;
CREATE FUNCTION pg_temp.seed_part(reply json) RETURNS text
LANGUAGE sql AS $$
	-- further keys stand behind the seed's, in each video and in the whole
	SELECT regexp_replace(regexp_replace($1::text, ',"sort":"views".*$', ''),
		'("engagement_rate":[^,]*,)"comments":[^}]*}', '\1', 'g')
$$;
SELECT is(pg_temp.seed_part(vvault_trending('PL')), pg_temp.naive_feed('PL', 25),
	'the first page holds the keys of the old site first, in order, with its values');
SELECT is(pg_temp.seed_part(vvault_trending('PL', 200)), pg_temp.naive_feed('PL', 200),
	'so does a page of 200 with every text');
SELECT is(vvault_trending('PL')::text, vvault_trending('PL', 25, 'views', NULL)::text,
	'the defaults are 25 by views');
SELECT is(vvault_trending('PL', NULL, NULL, NULL, NULL, NULL)::text, vvault_trending('PL')::text,
	'NULL stands for a default');
SELECT is(vvault_trending('NO')::jsonb - 'sort',
	'{"region": "NO", "region_name": "Norway", "videos": [], "total": 0, "next_cursor": null}',
	'a region without videos has an empty list');

SELECT is(string_agg(field, ' '), NULL, 'the comment of vvault_trending (src/feed/trending.sql) names every field of a video')
FROM json_object_keys(vvault_trending('PL', 1) -> 'videos' -> 0) field, pg_proc p
WHERE p.proname = 'vvault_trending' AND obj_description(p.oid, 'pg_proc') !~ format('\m%s\M', field);

-- what can be wrong
CREATE FUNCTION pg_temp.problem(statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ': ' || SQLERRM || ' / ' || hint;
END
$$;
\set regions 'The regions are AT, GB, NL, NO, PL, SE, US.'
SELECT format('The sorts are %s.', string_agg(o, ', ')) AS sorts FROM pg_temp.orders() o \gset
\set cursors 'Pass the next_cursor of a page with the same region, sort and limits.'
\set limits 'It is the most videos that a feed shows of one, from 1; without it there is no limit.'
SELECT is(pg_temp.problem(format('SELECT vvault_trending(%s)', args)),
	'22023: ' || CASE WHEN problem LIKE '%must not be null%' THEN problem ELSE 'invalid ' || problem END, 'vvault_trending(' || left(args, 60) || ')')
FROM (VALUES
	($$'XX'$$, 'region "XX" / ' || :'regions'),
	($$'pl'$$, 'region "pl" / ' || :'regions'),
	($$'PL '$$, 'region "PL " / ' || :'regions'),
	($$''$$, 'region "" / ' || :'regions'),
	($$NULL$$, 'region must not be null / ' || :'regions'),
	($$'PL', 0$$, 'page_size 0 / A page has from 1 to 200 videos.'),
	($$'PL', -2147483648$$, 'page_size -2147483648 / A page has from 1 to 200 videos.'),
	($$'PL', 5, 'best'$$, 'sort "best" / ' || :'sorts'),
	($$'PL', 5, 'Views'$$, 'sort "Views" / ' || :'sorts'),
	($$'PL', per_channel => 0$$, 'per_channel 0 / ' || :'limits'),
	($$'PL', per_category => -5$$, 'per_category -5 / ' || :'limits'),
	($$'PL', 5, NULL, ''$$, 'cursor / ' || :'cursors'),
	($$'PL', 5, NULL, '%%%'$$, 'cursor / ' || :'cursors'),
	($$'PL', 5, NULL, 'żółć'$$, 'cursor / ' || :'cursors'),
	($$'PL', 5, NULL, repeat('A', 100000)$$, 'cursor / ' || :'cursors'),
	($$'PL', 5, NULL, vvault_trending('SE', 5) ->> 'next_cursor'$$, 'cursor / ' || :'cursors'),
	($$'PL', 5, 'newest', vvault_trending('PL', 5) ->> 'next_cursor'$$, 'cursor / ' || :'cursors'),
	($$'PL', 5, NULL, left(vvault_trending('PL', 5) ->> 'next_cursor', -4)$$, 'cursor / ' || :'cursors')
	) AS t (args, problem);
SELECT is(count(*), 0::bigint, 'no cursor with a changed letter is taken')
FROM (SELECT vvault_trending('PL', 5) ->> 'next_cursor' AS c) t,
	-- of the last letter some bits may stand for nothing
	generate_series(1, length(c) - 1) i
WHERE pg_temp.problem(format('SELECT vvault_trending(''PL'', 5, NULL, %L)',
	overlay(c PLACING CASE substr(c, i, 1) WHEN 'A' THEN 'B' ELSE 'A' END FROM i)))
	NOT LIKE '22023: invalid cursor%';

SELECT is((vvault_trending('PL', 2000000000) ->> 'total')::int, 200, 'a page is cut to the page limit');
SELECT lives_ok($$SELECT vvault_set('page_limit', '7')$$);
SELECT is((vvault_trending('PL', 100) ->> 'total')::int, 7, 'which is a setting');
SELECT lives_ok($$SELECT vvault_set('page_limit', NULL), vvault_set('default_sort', 'newest')$$);
SELECT is(vvault_trending('PL')::text, vvault_trending('PL', 25, 'newest')::text, 'as is the default sort');
SELECT lives_ok($$SELECT vvault_set('default_sort', NULL)$$);
INSERT INTO vvault.regions (region, name, enabled) VALUES ('DE', 'Germany', true), ('SE', NULL, false);
SELECT is(vvault_trending('DE') ->> 'region_name', 'Germany', 'a new region has a feed');
SELECT is(pg_temp.problem('SELECT vvault_trending(''SE'')'),
	'22023: invalid region "SE" / The regions are AT, DE, GB, NL, NO, PL, US.', 'a disabled one has none');

-- the work: k index entries and k probes, wherever the page is
CREATE FUNCTION pg_temp.work(OUT scans bigint, OUT rows bigint, OUT probes bigint)
LANGUAGE sql AS $$
	SELECT sum(seq_scan), sum(idx_tup_fetch) FILTER (WHERE relname = 'videos'),
		sum(idx_scan) FILTER (WHERE relname = 'video_regions')
	FROM pg_stat_xact_user_tables
	WHERE schemaname = 'vvault' AND relname IN ('videos', 'video_regions')
$$;
CREATE FUNCTION pg_temp.work_of(statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	before record := pg_temp.work();
	after record;
BEGIN
	EXECUTE statement;
	after := pg_temp.work();
	RETURN format('%s scans, %s rows, %s probes', after.scans - before.scans,
		after.rows - before.rows, after.probes - before.probes);
END
$$;
-- one row more tells whether there is a next page
SELECT is(pg_temp.work_of(format('SELECT vvault_trending(''PL'', 25, %L)', sort)),
	'0 scans, 26 rows, 25 probes', 'a page by ' || sort || ' reads its own rows, by an index of its key (src/videos/crowds.sql)')
FROM pg_temp.orders() sort WHERE NOT pg_temp.moves(sort);
UPDATE vvault.videos SET views = 7 WHERE region = 'PL';
SELECT is(pg_temp.work_of(format('SELECT vvault_trending(''PL'', 25, NULL, %L)',
		vvault_trending('PL', 200) ->> 'next_cursor')),
	'0 scans, 26 rows, 25 probes', 'so does a page behind 200 with the same key');

-- trending moves with the clock: compared with the full sort, at its instant
CREATE FUNCTION pg_temp.trending_differs(sizes int[]) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	walked record;
	size int;
BEGIN
	FOREACH size IN ARRAY sizes LOOP
		walked := pg_temp.walk('PL', 'trending', size);
		IF walked.ids IS DISTINCT FROM pg_temp.naive_ids('PL', 'trending', walked.as_of) THEN
			RETURN 'pages of ' || size;
		END IF;
	END LOOP;
	RETURN NULL;
END
$$;
UPDATE vvault.videos SET velocity = random() * 20000,
	published_at = now() - random() * random() * interval '4 days';
SELECT is(pg_temp.trending_differs('{1,7,25}'), NULL, 'and with fresh videos of any speed');
-- the two orders oppose each other, with long runs of equal parts
UPDATE vvault.videos SET likes = 0, comments = 0, velocity = coalesce(rank, 1) * 10,
	published_at = now() - coalesce(rank, 1) * interval '10 minutes';
SELECT is(pg_temp.trending_differs('{1,7,25}'), NULL, 'and where old videos are the fast ones');
UPDATE vvault.videos SET velocity = coalesce(rank, 0) / 50 * 1000, published_at = now() - coalesce(rank, 0) % 3 * interval '1 hour';
SELECT is(pg_temp.trending_differs('{1,7,25}'), NULL, 'and among many equal scores');
UPDATE vvault.videos SET velocity = 0, published_at = '0001-01-01 00:00Z';
SELECT is(pg_temp.trending_differs('{1,25}'), NULL, 'and where all are equal');
UPDATE vvault.videos SET velocity = random() * 9000, likes = views / 3,
	published_at = now() + (random() - 0.9) * interval '1 day';
SELECT is(pg_temp.trending_differs('{1,25}'), NULL, 'and where some appear later than now');

SELECT is(count(*), 0::bigint, 'the parts of every trending score sum to it')
FROM vvault.videos v, vvault_trending_explain(v.video_id, 'PL') e
WHERE v.region = 'PL' AND ((e ->> 'score')::float8 IS NULL
	OR abs((e ->> 'score')::float8 - (SELECT sum((p ->> 'points')::float8)
		FROM json_array_elements(e -> 'parts') p)) > 1e-9);
SELECT is(count(*), 25::bigint, 'and the feed shows that score')
FROM json_array_elements(vvault_trending('PL', 25, 'trending') -> 'videos') v
WHERE (v ->> 'trending_score')::float8
	= (vvault_trending_explain(v ->> 'video_id', 'PL') ->> 'score')::float8;
SELECT is(vvault_trending_explain('both-6') ->> 'region', 'PL',
	'without a region the one where the video stands highest');
SELECT is(vvault_trending_explain('nowhere')::text, NULL, 'a video that is listed nowhere has none');
SELECT is(vvault_trending_explain('nowhere', 'PL')::text, NULL, 'a video that is not listed has none');
SELECT throws_ok($$SELECT vvault_trending_explain('both-3', 'pl')$$, '22023', 'invalid region "pl"');

-- texts and instants, written by our own writer, beside the server's
DELETE FROM vvault.videos;
INSERT INTO vvault.videos (region, video_id, title, published_at, views)
SELECT 'PL', 'random-' || n, coalesce((SELECT string_agg(CASE WHEN random() < 0.5 THEN chr(1 + floor(random() * 127)::integer)
		ELSE (ARRAY['"', E'\\', E'\n', 'żółć', '🎬', 'plain text of some length'])[1 + floor(random() * 6)::integer] END, '')
		FROM generate_series(1, n % 40) k), ''),
	(ARRAY['0001-01-01 00:00Z', '9999-12-30 23:59:59.999999Z', '1999-12-31 23:59:59.999999Z', '2000-01-01 00:00Z',
		'2024-02-29 12:00:00.1Z', '1970-01-01 00:00:00.000001Z', '1582-10-15 00:00Z']::timestamptz[])[n],
	n
FROM generate_series(1, 200) n;
UPDATE vvault.videos SET published_at = timestamptz '0001-01-02 00:00Z' + random() * interval '3650000 days'
	+ CASE WHEN random() < 0.3 THEN '0.25 s' WHEN random() < 0.6 THEN '0.000010 s' ELSE '0' END::interval
WHERE published_at IS NULL;
UPDATE vvault.videos SET published_at = date_trunc('second', published_at) WHERE views % 3 = 0 AND views > 7;
SET LOCAL TimeZone = 'UTC';
SELECT set_eq($$SELECT e ->> 'video_id', (e -> 'title')::text FROM json_array_elements(vvault_trending('PL', 200) -> 'videos') e$$,
	$$SELECT video_id, to_json(title)::text FROM vvault.videos$$, 'random titles are the bytes that to_json() makes of them');
SELECT set_eq($$SELECT e ->> 'video_id', (e -> 'published_at')::text FROM json_array_elements(vvault_trending('PL', 200) -> 'videos') e$$,
	$$SELECT video_id, to_json(published_at)::text FROM vvault.videos$$, 'and so are instants of ten thousand years');

-- a row of a child of the table may stand where one of the table does
TRUNCATE vvault.videos, vvault.snapshots;
INSERT INTO vvault.videos (region, video_id, views, likes, velocity)
SELECT 'PL', 'parent-' || n, n, n / 2, n FROM generate_series(1, 30) n;
CREATE TABLE pg_temp.more_videos () INHERITS (vvault.videos);
INSERT INTO pg_temp.more_videos (region, video_id, views, likes, velocity)
SELECT 'PL', 'child-' || n, n, n / 2, n + 0.5 FROM generate_series(1, 30) n;
SELECT is((w).ids, pg_temp.naive_ids('PL', 'trending', (w).as_of), format('in pages of %s, in a child of the table', size))
FROM unnest('{7,60}'::int[]) size, LATERAL (SELECT pg_temp.walk('PL', 'trending', size) AS w) x;

SELECT * FROM finish();
ROLLBACK;
