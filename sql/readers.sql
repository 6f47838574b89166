-- What the readers reply, on a catalog small enough to be read.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vvault CASCADE;
RESET client_min_messages;
BEGIN;
TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.settings, vvault.regions, vvault.categories;

-- before anything came in
SELECT vvault_trending('PL');
SELECT vvault_video('one');
SELECT jsonb_pretty(vvault_regions()::jsonb -> 'regions' -> 4) AS poland, vvault_regions() -> 'total' AS total;
SELECT h ->> 'status' AS status, h -> 'videos' AS videos, h ->> 'version' = extversion AS right_version,
	(h ->> 'time')::timestamptz = now() AS right_time, h -> 'standby' AS standby, h -> 'regions' -> 4 AS poland
FROM vvault_health() h, pg_extension WHERE extname = 'vvault';

-- two charts of Poland and one of Sweden
SELECT vvault_ingest_categories('{"kind": "youtube#videoCategoryListResponse", "items": [
	{"id": "10", "snippet": {"title": "Music"}}, {"id": "20", "snippet": {"title": "Gaming"}}]}');
CREATE FUNCTION pg_temp.chart(items text) RETURNS json LANGUAGE sql AS $$
	SELECT ('{"kind": "youtube#videoListResponse", "pageInfo": {"totalResults": 2}, "items": [' || $1 || ']}')::json
$$;
SELECT vvault_ingest('PL', pg_temp.chart('
	{"id": "one", "snippet": {"title": "Zażółć \"gęślą\" jaźń 😀", "channelTitle": "Kanał", "channelId": "UC1", "categoryId": "10",
		"publishedAt": "2026-01-01T06:00:00Z", "defaultAudioLanguage": "pl", "tags": ["a", "b"],
		"thumbnails": {"default": {"url": "https://i.ytimg.com/vi/one/default.jpg"}, "high": {"url": "https://i.ytimg.com/vi/one/hqdefault.jpg"}}},
	 "contentDetails": {"duration": "PT4M13S"}, "statistics": {"viewCount": "1000", "likeCount": "30", "commentCount": "10"}},
	{"id": "two", "snippet": {"title": "Hidden", "categoryId": "20"}, "statistics": {"viewCount": "3"}}'), '2026-01-02 06:00Z');
SELECT vvault_ingest('SE', pg_temp.chart('
	{"id": "one", "snippet": {"title": "Zażółć", "channelTitle": "Kanał", "categoryId": "10", "publishedAt": "2026-01-01T06:00:00Z"},
	 "statistics": {"viewCount": "1500", "likeCount": "40", "commentCount": "10"}}'), '2026-01-02 18:00Z');
SELECT vvault_ingest('PL', pg_temp.chart('
	{"id": "one", "snippet": {"title": "Zażółć", "channelTitle": "Kanał", "categoryId": "10", "publishedAt": "2026-01-01T06:00:00Z"},
	 "statistics": {"viewCount": "241000", "likeCount": "9640", "commentCount": "2410"}}'), '2026-01-03 06:00Z');

-- 240,000 views in 24 hours are 10,000 an hour, the full velocity of Poland;
-- (9640 + 2 * 2410) / 241000 is 6 %, its full engagement: virality 100. Both
-- trending parts are full too: 40 + 35 points stand still.
SELECT jsonb_pretty(vvault_trending('PL')::jsonb);
SELECT video_id, charted, rank, velocity, virality_score, trending_base, engagement_rate
FROM vvault.videos ORDER BY region, video_id;
SELECT jsonb_pretty(vvault_video('one')::jsonb - 'history') AS video;
SELECT h - 'momentum_score' AS history FROM jsonb_array_elements(vvault_video('one')::jsonb -> 'history') h;
SELECT jsonb_pretty(vvault_regions()::jsonb -> 'regions' -> 4) AS poland;
SELECT h ->> 'status' AS status, h -> 'videos' AS videos, h -> 'regions' -> 4 ->> 'videos' AS poland,
	h -> 'regions' -> 4 ->> 'charted_at' AS charted_at,
	(h -> 'regions' -> 4 ->> 'age_seconds')::bigint = round(extract(epoch FROM now() - timestamptz '2026-01-03 06:00Z')) AS right_age
FROM vvault_health() h;

-- no session setting shows through
SELECT md5(vvault_trending('PL')::text || vvault_video('one')::text || vvault_regions()::text) AS before \gset
SET TimeZone = 'Asia/Kathmandu';
SET DateStyle = 'German, DMY';
SET IntervalStyle = 'sql_standard';
SET extra_float_digits = -15;
SET search_path = '';
SET bytea_output = 'escape';
SELECT pg_catalog.md5(public.vvault_trending('PL')::text OPERATOR(pg_catalog.||) public.vvault_video('one')::text
	OPERATOR(pg_catalog.||) public.vvault_regions()::text) OPERATOR(pg_catalog.=) :'before' AS same;
ROLLBACK;

-- regions
BEGIN;
SELECT code, vvault_region_valid(code) AS valid, vvault_region_name(code) AS name
FROM unnest(ARRAY['PL', 'pl', 'PL ', ' PL', '', 'XX', 'P', NULL]) code;
INSERT INTO vvault.regions (region, name, enabled) VALUES ('DE', 'Germany', true), ('NO', 'Norge', NULL), ('AT', NULL, false);
SELECT code, vvault_region_valid(code) AS valid, vvault_region_name(code) AS name
FROM unnest('{AT,DE,NO,PL}'::text[]) code;
SELECT * FROM vvault.effective_regions ORDER BY region;
SAVEPOINT s;
INSERT INTO vvault.regions (region) VALUES ('de');
ROLLBACK TO s;
INSERT INTO vvault.regions (region, velocity_baseline) VALUES ('FR', 0);
ROLLBACK TO s;
INSERT INTO vvault.regions (region, engagement_baseline) VALUES ('FR', 'NaN');
ROLLBACK TO s;
SELECT vvault_ingest('AT', '{}');
ROLLBACK;
