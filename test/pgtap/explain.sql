-- The terms of a momentum in vvault_trending_explain, by hand and as stored.
BEGIN;
SELECT plan(9);
SET LOCAL client_min_messages = warning;
TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests;

CREATE FUNCTION pg_temp.ingest(at timestamptz, VARIADIC items text[]) RETURNS void
LANGUAGE sql AS $$
	SELECT vvault_ingest('PL', ('{"kind":"youtube#videoListResponse","pageInfo":{"totalResults":5},"items":['
		|| array_to_string(items, ',') || ']}')::json, at)
$$;
CREATE FUNCTION pg_temp.item(id text, category text, views bigint, likes bigint DEFAULT NULL) RETURNS text
LANGUAGE sql RETURN json_strip_nulls(json_build_object('id', id, 'snippet', json_build_object('title', id, 'categoryId', category),
	'statistics', json_build_object('viewCount', views, 'likeCount', likes)))::text;
-- term, value and points, rounded
CREATE FUNCTION pg_temp.terms(id text) RETURNS text
LANGUAGE sql AS $$
	SELECT string_agg(format('%s %s %s: %s', t ->> 'term', round((t ->> 'value')::numeric, 3), t ->> 'unit',
		round((t ->> 'points')::numeric, 3)), ', ')
	FROM json_array_elements(vvault_trending_explain(id, 'PL') -> 'momentum' -> 'terms') t
$$;
SELECT pg_temp.ingest('2026-01-01 06:00Z', pg_temp.item('song', '10', 9000), pg_temp.item('match', '17', 9000),
	pg_temp.item('silent', '24', 9000), pg_temp.item('gone', '24', 9000));
SELECT pg_temp.ingest('2026-01-02 06:00Z', pg_temp.item('song', '10', 18200), pg_temp.item('match', '17', 13600),
	pg_temp.item('silent', '24', NULL), pg_temp.item('new', '10', 99000, 990), pg_temp.item('news', '25', 99000, 990));

-- 9200 / (9000 + 1000) = 0.92, lg(0.92 + 0.08) = 0; R = 0.1: 0.8 ln(1 + e^-14) is nothing
SELECT is(pg_temp.terms('song'), 'growth 0.920 of the views a day ago: 0.000, category 10.000 category_id: 0.200, place 0.100 of the chart: 0.000',
	'growth, music, the top');
-- lg(0.46 + 0.08) = -0.268; R = 0.3
SELECT is(pg_temp.terms('match'), 'growth 0.460 of the views a day ago: -0.268, category 17.000 category_id: -0.100, place 0.300 of the chart: 0.000',
	'growth and sports');
-- R = 0.7 with root 0.8367: 1 - 1.6 * 0.8367 + 0.175 - 0.025 = -0.189; 0.8 ln(1 + e^-2) = 0.102
SELECT is(pg_temp.terms('new'), 'newcomer 99000.000 views: -0.189, category 10.000 category_id: 0.400, place 0.700 of the chart: -0.102',
	'a newcomer');
-- R = 0.9 with root 0.9487: 1 - 1.6 * 0.9487 + 0.15 = -0.368; 0.8 ln(1 + e^2) = 1.702
SELECT is(pg_temp.terms('news'), 'newcomer 99000.000 views: -0.368, category 25.000 category_id: -0.100, place 0.900 of the chart: -1.702',
	'the end of the chart');
SELECT is(pg_temp.terms('silent'), NULL, 'without views there is nothing to explain');
-- R = 0.7: 1 - 1.6 * 0.8367 - 0.35 * (4 - 5.5) = 0.186
SELECT is(pg_temp.terms('gone'), 'newcomer 9000.000 views: 0.186, category 24.000 category_id: 0.000, place 0.700 of the chart: -0.102',
	'a video that left is explained as it last was');
-- the terms give the score that is stored, and that the feed shows
INSERT INTO vvault.regions (region, momentum_baseline) VALUES ('PL', -0.2);
SELECT pg_temp.ingest('2026-01-03 06:00Z', pg_temp.item('song', '10', 20000), pg_temp.item('silent', '24', 10000), pg_temp.item('new', '10', 200000, 2000));
SELECT is(count(*), 3::bigint, 'the terms sum to the momentum that is stored, by the region''s own baseline')
FROM vvault.videos v, json_extract_path(vvault_trending_explain(v.video_id, 'PL'), 'momentum') m
WHERE v.charted AND (m ->> 'score')::float8 = v.momentum_score AND (m ->> 'baseline')::float8 = -0.2
	AND abs(v.momentum_score - 100 / (1 + exp(-ln(85.0::float8 / 15) - 1.2 * (
		(SELECT sum((t ->> 'points')::float8) FROM json_array_elements(m -> 'terms') t) + 0.2)))) < 1e-9;
SELECT is((SELECT string_agg(v ->> 'video_id', ' ') FROM json_array_elements(vvault_trending('PL', sort => 'momentum') -> 'videos') v),
	(SELECT string_agg(v.video_id, ' ' ORDER BY (vvault_trending_explain(v.video_id, 'PL') -> 'momentum' ->> 'score')::float8 DESC)
	FROM vvault.videos v WHERE v.charted), '... which is what the feed is ordered by');

-- looked at every six hours, with a day before unknown, with views before it pruned
DELETE FROM vvault.regions;
SELECT pg_temp.ingest(timestamptz '2026-02-01 06:00Z' + h * interval '6 hours', pg_temp.item('often', '24', 1000 + 100 * h * h),
	pg_temp.item('late', '24', CASE WHEN h > 4 THEN 1000 + 100 * h END), pg_temp.item('old', '24', 1000 + 100 * h)) FROM generate_series(0::bigint, 6) h;
DELETE FROM vvault.snapshots WHERE video_id = 'old' AND fetched_at < '2026-02-02 00:00Z';
SELECT pg_temp.ingest(timestamptz '2026-02-02 20:00Z', pg_temp.item('often', '24', 9000), pg_temp.item('late', '24', 9000), pg_temp.item('old', '24', 9000));
SELECT is((SELECT string_agg(v.video_id || ' ' || (m -> 'terms' -> 0 ->> 'term'), ', ' ORDER BY v.video_id)
	FROM vvault.videos v, json_extract_path(vvault_trending_explain(v.video_id, 'PL'), 'momentum') m
	WHERE v.video_id IN ('often', 'late', 'old') AND abs((m ->> 'score')::float8 - v.momentum_score) < 1e-9
		AND abs(v.momentum_score - 100 / (1 + exp(-ln(85.0::float8 / 15) - 1.2 * (
			(SELECT sum((t ->> 'points')::float8) FROM json_array_elements(m -> 'terms') t) - (m ->> 'baseline')::float8)))) < 1e-9),
	'late growth, often growth, old growth', 'the base of a day before is that of ingest, where it is hard to find too');

SELECT * FROM finish();
ROLLBACK;
