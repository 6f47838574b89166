-- Forty days of real charts, ingested in order, shuffled, in pages and twice:
-- the catalog is one and the same, and what naive SQL makes of the charts.
--
-- The charts are in the folder named by the environment variable
-- VVAULT_SHARED_DATA, else in ../shared/data; without them there is nothing
-- to test.
\set QUIET on
\set folder ../shared/data
\getenv folder VVAULT_SHARED_DATA
\set file :folder/US_2017-09_2017-10.csv
\set there `test -r :'file' && echo yes || echo no`
SELECT :'there' = 'no' AS absent \gset

BEGIN;
\if :absent
SELECT plan(1);
SELECT skip('there is no ' || :'file');
SELECT * FROM finish();
ROLLBACK;
\quit
\endif
SELECT plan(37);

--
-- The charts, and the responses they would have come in
--

CREATE TEMP TABLE csv (
	line integer GENERATED ALWAYS AS IDENTITY,
	video_id text, title text, channel_title text, category_id text, tags text,
	views text, likes text, dislikes text, comment_total text,
	thumbnail_link text, day_month text
);
-- The file ends most of its lines, not all, with a carriage return. \copy
-- takes no variable, so the whole command is one.
\set columns '(video_id, title, channel_title, category_id, tags, views, likes, dislikes, comment_total, thumbnail_link, day_month)'
\set copy '\\copy csv ' :columns ' FROM PROGRAM ''tr -d "\\r" <"' :file '"'' WITH (FORMAT csv, HEADER)'
:copy

CREATE TEMP TABLE chart_rows AS
	SELECT c.*, to_date(c.day_month || '.2017', 'DD.MM.YYYY') AS day,
		(to_date(c.day_month || '.2017', 'DD.MM.YYYY') + time '06:00') AT TIME ZONE 'UTC' AS fetched_at,
		row_number() OVER (PARTITION BY c.day_month ORDER BY c.line)::int AS rank
	FROM csv c;
ANALYZE chart_rows;

-- Counts are texts, as the API gives them; no comments here means none known.
CREATE TEMP TABLE items AS
	SELECT r.fetched_at, r.rank, json_strip_nulls(json_build_object(
		'kind', 'youtube#video',
		'id', r.video_id,
		'snippet', json_build_object(
			'channelId', 'UC' || md5(r.channel_title),
			'title', r.title,
			'thumbnails', json_build_object('default',
				json_build_object('url', r.thumbnail_link, 'width', 120, 'height', 90)),
			'channelTitle', r.channel_title,
			'tags', CASE WHEN r.tags <> '[none]' THEN string_to_array(r.tags, '|') END,
			'categoryId', r.category_id),
		'statistics', json_build_object('viewCount', r.views, 'likeCount', r.likes,
			'commentCount', r.comment_total))) AS item
	FROM chart_rows r;

CREATE FUNCTION pg_temp.response(items json) RETURNS json
LANGUAGE sql RETURN json_build_object('kind', 'youtube#videoListResponse',
	'pageInfo', json_build_object('totalResults', 200, 'resultsPerPage', json_array_length(items)),
	'items', items);

CREATE TEMP TABLE days AS
	SELECT i.fetched_at, 1 AS first_rank,
		pg_temp.response(json_agg(i.item ORDER BY i.rank)) AS response
	FROM items i GROUP BY i.fetched_at;
CREATE TEMP TABLE pages AS
	SELECT i.fetched_at, min(i.rank) AS first_rank,
		pg_temp.response(json_agg(i.item ORDER BY i.rank)) AS response
	FROM items i GROUP BY i.fetched_at, (i.rank - 1) / 50;

SELECT is(count(*)::int, 8000, 'rows of the charts') FROM chart_rows;
SELECT is(count(*)::int, 40, 'daily responses') FROM days;
SELECT is(count(*)::int, 160, 'pages') FROM pages;

-- The first item of a video in a response counts.
CREATE TEMP TABLE firsts AS
	SELECT DISTINCT ON (r.fetched_at, r.video_id) r.*
	FROM chart_rows r ORDER BY r.fetched_at, r.video_id, r.rank;
CREATE INDEX ON firsts (video_id, fetched_at);
ANALYZE firsts;
CREATE TEMP TABLE twice_a_day AS
	SELECT DISTINCT r.video_id FROM chart_rows r
	WHERE NOT EXISTS (SELECT FROM firsts f WHERE f.line = r.line);
SELECT is((SELECT count(*)::int FROM firsts), 7993, 'rows without the seven videos listed twice in a day');

--
-- Catalogs as lines of text
--

CREATE TEMP TABLE catalog (run text, derived boolean, relation text, video_id text, line text);

-- Makes the catalog anew from responses in this order, and keeps it as a run.
CREATE FUNCTION pg_temp.ingest(run text, source regclass, ordering text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT vvault_ingest(''US'', r.response, r.fetched_at, r.first_rank)
		FROM (SELECT * FROM %s ORDER BY %s) r', source, ordering);
END
$$;
CREATE FUNCTION pg_temp.keep(run text) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO catalog
	SELECT $1, false, 'videos', v.video_id, v::text FROM vvault.videos v
	UNION ALL SELECT $1, false, 'snapshots', s.video_id, s::text FROM vvault.snapshots s
	UNION ALL SELECT $1, true, 'video_regions', r.video_id, r::text FROM vvault.video_regions r
	UNION ALL SELECT $1, true, 'daily_videos', d.video_id, d::text FROM vvault.daily_videos d
	UNION ALL SELECT $1, true, 'category_stats', NULL, c::text FROM vvault.category_stats c
	UNION ALL SELECT $1, true, 'daily_stats', NULL, d::text FROM vvault.daily_stats d
$$;
CREATE FUNCTION pg_temp.forget() RETURNS void
LANGUAGE sql AS $$
	TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.rejected_items;
$$;

-- The lines that only one of two runs has.
CREATE FUNCTION pg_temp.differences(a text, b text)
RETURNS TABLE (only_in text, relation text, video_id text, line text)
LANGUAGE sql AS $$
	(SELECT a, c.relation, c.video_id, c.line FROM catalog c WHERE c.run = a
	EXCEPT ALL SELECT a, c.relation, c.video_id, c.line FROM catalog c WHERE c.run = b)
	UNION ALL
	(SELECT b, c.relation, c.video_id, c.line FROM catalog c WHERE c.run = b
	EXCEPT ALL SELECT b, c.relation, c.video_id, c.line FROM catalog c WHERE c.run = a)
$$;

-- A version changes whenever a transaction's statement wrote to a feed.
CREATE FUNCTION pg_temp.versions() RETURNS text
LANGUAGE sql AS $$
	SELECT string_agg(f::text, E'\n' ORDER BY f.region, f.written_by) FROM vvault.feed_versions f
$$;

--
-- In order
--

SELECT pg_temp.forget();
SELECT lives_ok($$SELECT pg_temp.ingest('ordered', 'days', 'fetched_at')$$, 'forty days in order');
SELECT pg_temp.keep('ordered');
SELECT is_empty('SELECT * FROM vvault_check()', 'in order: every derived table is right');

SELECT results_eq($$SELECT i.accepted, i.created, i.rejected, i.chart_length
	FROM vvault.ingests i ORDER BY i.fetched_at$$,
	$$SELECT d.accepted, d.created, 0 AS rejected, 200 AS chart_length FROM (
		SELECT f.fetched_at, count(*)::int AS accepted,
			(count(*) FILTER (WHERE NOT EXISTS (SELECT FROM firsts e
				WHERE e.video_id = f.video_id AND e.fetched_at < f.fetched_at)))::int AS created
		FROM firsts f GROUP BY f.fetched_at) d ORDER BY d.fetched_at$$,
	'the ingest log counts each day''s videos and newcomers');
CREATE TEMP VIEW stored AS
	SELECT s.region, s.video_id, s.fetched_at, s.rank, s.chart_length, s.category_id,
		s.views, s.likes, s.comments FROM vvault.snapshots s;
CREATE TEMP VIEW expected AS
	SELECT 'US' COLLATE "C" AS region, f.video_id COLLATE "C" AS video_id, f.fetched_at, f.rank,
		200 AS chart_length, f.category_id::int, f.views::bigint, f.likes::bigint,
		f.comment_total::bigint FROM firsts f;
SELECT is_empty('TABLE expected EXCEPT TABLE stored', 'every row of the charts is a snapshot');
SELECT is_empty('TABLE stored EXCEPT TABLE expected', '... and every snapshot is a row of them');
SELECT is((SELECT count(*)::int FROM vvault.snapshots), 7993, '... each once');

-- virality of US: 0.35 velocity / 50000 views/h + 0.25 engagement / 5 %, scaled
-- to a weight of 1, each part at most 100
CREATE TEMP TABLE naive_scores AS
	SELECT p.video_id, p.fetched_at,
		(35 * least(100, 100 * coalesce(greatest(p.views - p.views_before, 0)
			/ (extract(epoch FROM p.elapsed) / 3600), 0) / 50000)
		+ 25 * least(100, 100 * CASE WHEN p.views = 0 THEN 0
			ELSE (p.likes + 2 * p.comments) / p.views * 100 END / 5)) / 60 AS score
	FROM (SELECT f.video_id, f.fetched_at, f.views::numeric AS views, f.likes::numeric AS likes,
			f.comment_total::numeric AS comments, lag(f.views::numeric) OVER before AS views_before,
			f.fetched_at - lag(f.fetched_at) OVER before AS elapsed
		FROM firsts f WINDOW before AS (PARTITION BY f.video_id ORDER BY f.fetched_at)) p;
ANALYZE naive_scores;
SELECT is_empty($$SELECT * FROM vvault.snapshots s FULL JOIN naive_scores n USING (video_id, fetched_at)
	WHERE abs(s.virality_score - n.score) < 1e-9 IS NOT TRUE$$,
	'each virality score is the formula over its snapshot and the one before');

CREATE TEMP TABLE newest AS
	SELECT DISTINCT ON (f.video_id) f.*, f.fetched_at = max(f.fetched_at) OVER () AS charted,
		min(f.fetched_at) OVER (PARTITION BY f.video_id) AS first_seen_at
	FROM firsts f ORDER BY f.video_id, f.fetched_at DESC;
SELECT set_eq($$SELECT v.region, v.video_id, v.charted, v.rank, v.chart_length, v.title,
		v.channel_id, v.channel_title, v.category_id, v.thumbnail_url, v.tags, v.views, v.likes,
		v.comments, v.first_seen_at, v.fetched_at
	FROM vvault.videos v$$,
	$$SELECT 'US' AS region, n.video_id, n.charted, CASE WHEN n.charted THEN n.rank END AS rank,
		CASE WHEN n.charted THEN 200 END AS chart_length, n.title,
		'UC' || md5(n.channel_title) AS channel_id, n.channel_title, n.category_id::int,
		n.thumbnail_link,
		CASE WHEN n.tags = '[none]' THEN '{}' ELSE string_to_array(n.tags, '|') END AS tags,
		n.views::bigint, n.likes::bigint, n.comment_total::bigint AS comments,
		n.first_seen_at, n.fetched_at
	FROM newest n$$,
	'each video is as its last chart shows it');
SELECT is_empty($$SELECT v.video_id FROM vvault.videos v
	WHERE v.published_at IS NOT NULL OR v.content_language IS NOT NULL OR v.duration IS NOT NULL$$,
	'what the charts do not say stays unknown');
SELECT is_empty($$SELECT v.video_id FROM vvault.videos v JOIN vvault.snapshots s
		USING (region, video_id, fetched_at)
	WHERE (v.virality_score, v.momentum_score) IS DISTINCT FROM (s.virality_score, s.momentum_score)$$,
	'each video has the scores of its last snapshot');
SELECT is((SELECT count(*)::int FROM vvault.videos v WHERE v.charted), 200, 'the last chart is charted');
SELECT set_eq('SELECT r.video_id, r.regions FROM vvault.video_regions r',
	$$SELECT DISTINCT r.video_id, '{US}'::text[] AS regions FROM chart_rows r$$, 'every video is listed in US alone');

-- The same again: nothing is written, so the version stays.
SELECT pg_temp.versions() AS versions \gset
SELECT lives_ok($$SELECT pg_temp.ingest('again', 'days', 'fetched_at')$$, 'the same forty days again');
SELECT pg_temp.keep('again');
SELECT is_empty($$SELECT * FROM pg_temp.differences('ordered', 'again')$$, '... change nothing');
SELECT is((SELECT sum(i.created)::int FROM vvault.ingests i), (SELECT count(*)::int FROM newest),
	'... create nothing');
SELECT is(pg_temp.versions(), :'versions', '... and make no new version');

--
-- Shuffled
--

SELECT setseed(0.2017);
CREATE TEMP TABLE shuffled AS SELECT d.*, random() AS first_time, random() AS second_time FROM days d;
SELECT pg_temp.forget();
SELECT lives_ok($$SELECT pg_temp.ingest('shuffled', 'shuffled', 'first_time')$$, 'forty days shuffled');
SELECT pg_temp.keep('shuffled');
SELECT is_empty($$SELECT * FROM pg_temp.differences('ordered', 'shuffled')$$, '... give the same catalog');
SELECT is_empty('SELECT * FROM vvault_check()', '... with every derived table right');
SELECT lives_ok($$SELECT pg_temp.ingest('shuffled', 'shuffled', 'second_time')$$, 'shuffled once more');
SELECT pg_temp.keep('shuffled twice');
SELECT is_empty($$SELECT * FROM pg_temp.differences('ordered', 'shuffled twice')$$, '... they change nothing');

SELECT pg_temp.forget();
SELECT lives_ok($$SELECT pg_temp.ingest('backwards', 'days', 'fetched_at DESC')$$, 'from the last day to the first');
SELECT pg_temp.keep('backwards');
SELECT is_empty($$SELECT * FROM pg_temp.differences('ordered', 'backwards')$$, '... give the same catalog');

--
-- In pages of 50. A video that slipped to the next page while the pages were
-- fetched is in two responses of one instant: the larger figures count then,
-- not the first. That is so for those listed twice in a day, for no other.
--

SELECT pg_temp.forget();
SELECT lives_ok($$SELECT pg_temp.ingest('pages', 'pages', 'fetched_at, first_rank')$$, 'a hundred and sixty pages in order');
SELECT pg_temp.keep('pages');
SELECT is_empty($$SELECT * FROM pg_temp.differences('ordered', 'pages') d
	WHERE d.video_id IS NOT NULL AND d.video_id NOT IN (SELECT t.video_id FROM twice_a_day t)$$,
	'... give the same catalog but for videos listed twice');
SELECT is((SELECT count(*)::int FROM catalog c WHERE c.run = 'pages' AND c.relation = 'snapshots'), 7993,
	'... with as many snapshots');
SELECT set_eq($$SELECT s.video_id, s.fetched_at, s.rank, s.views, s.likes, s.comments
		FROM vvault.snapshots s WHERE s.video_id IN (SELECT t.video_id FROM twice_a_day t)$$,
	$$SELECT DISTINCT ON (p.video_id, p.fetched_at) p.video_id, p.fetched_at,
			min(p.rank) OVER (PARTITION BY p.video_id, p.fetched_at) AS rank,
			p.views, p.likes, p.comments
		FROM (SELECT DISTINCT ON (r.video_id, r.fetched_at, (r.rank - 1) / 50) r.video_id, r.fetched_at,
				r.rank, r.views::bigint, r.likes::bigint, r.comment_total::bigint AS comments
			FROM chart_rows r JOIN twice_a_day t USING (video_id)
			ORDER BY r.video_id, r.fetched_at, (r.rank - 1) / 50, r.rank) p
		ORDER BY p.video_id, p.fetched_at, p.views DESC, p.likes DESC, p.comments DESC$$,
	'... where the better rank and the larger figures count');
SELECT is_empty('SELECT * FROM vvault_check()', '... and every derived table is right');
SELECT pg_temp.versions() AS versions \gset
SELECT lives_ok($$SELECT pg_temp.ingest('pages', 'pages', 'fetched_at, first_rank')$$, 'the same pages again');
SELECT is(pg_temp.versions(), :'versions', '... make no new version');

CREATE TEMP TABLE shuffled_pages AS SELECT p.*, random() AS place FROM pages p;
SELECT pg_temp.forget();
SELECT lives_ok($$SELECT pg_temp.ingest('shuffled pages', 'shuffled_pages', 'place')$$, 'the pages shuffled');
SELECT pg_temp.keep('shuffled pages');
SELECT is_empty($$SELECT * FROM pg_temp.differences('pages', 'shuffled pages')$$, '... give the same catalog');
SELECT is_empty('SELECT * FROM vvault_check()', '... with every derived table right');

SELECT * FROM finish();
ROLLBACK;
