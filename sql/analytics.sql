-- What analytics replies, on a catalog small enough to be read.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vvault CASCADE;
RESET client_min_messages;
BEGIN;
TRUNCATE vvault.videos, vvault.snapshots, vvault.settings, vvault.regions, vvault.categories;
DELETE FROM vvault.daily_stats;
SET LOCAL TimeZone = 'UTC';

-- before anything came in
SELECT * FROM vvault_region_stats();
SELECT current_date - date AS days_ago, region, viral_count, avg_score FROM vvault_viral_timeline(1);
SELECT replace(vvault_analytics(1)::text, to_json(current_date) #>> '{}', 'today') AS analytics;

-- two charts of Poland, today's and that of the day before yesterday, and one of Sweden:
-- 480,000 views in 48 hours and 6 % of engagement give Poland's first video
-- 100 points, its second none
SELECT vvault_ingest_categories('{"kind": "youtube#videoCategoryListResponse", "items": [
	{"id": "10", "snippet": {"title": "Music"}}]}');
CREATE FUNCTION pg_temp.chart(items text) RETURNS json LANGUAGE sql AS $$
	SELECT ('{"kind": "youtube#videoListResponse", "items": [' || $1 || ']}')::json
$$;
SELECT vvault_ingest('PL', pg_temp.chart('
	{"id": "one", "snippet": {"title": "One", "categoryId": "10"}, "statistics": {"viewCount": "1000", "likeCount": "30", "commentCount": "10"}}'),
	current_date - 2 + time '00:00') -> 'accepted' AS accepted;
SELECT vvault_ingest('PL', pg_temp.chart('
	{"id": "one", "snippet": {"title": "One", "categoryId": "10"}, "statistics": {"viewCount": "481000", "likeCount": "19240", "commentCount": "4810"}},
	{"id": "two", "snippet": {"title": "Two", "categoryId": "20"}, "statistics": {"viewCount": "3"}}'),
	current_date + time '00:00') -> 'accepted' AS accepted;
SELECT vvault_ingest('SE', pg_temp.chart('
	{"id": "one", "snippet": {"title": "One", "categoryId": "20"}, "statistics": {"viewCount": "1500", "likeCount": "0", "commentCount": "15"}}'),
	current_date + time '00:00') -> 'accepted' AS accepted;

SELECT * FROM vvault_region_stats();
SELECT current_date - date AS days_ago, region, viral_count, avg_score FROM vvault_viral_timeline(3)
WHERE region IN ('PL', 'SE');
SELECT vvault_analytics() -> 'regions' AS regions;
SELECT (vvault_analytics() ->> 'updated_at')::timestamptz = now() AS right_time;

-- a threshold takes effect at once
SELECT vvault_set('viral_threshold', '5');
SELECT region, viral_count FROM vvault_region_stats() WHERE total_videos > 0;
SELECT current_date - date AS days_ago, region, viral_count FROM vvault_viral_timeline(3) WHERE viral_count > 0;
SELECT vvault_set('viral_threshold', NULL);

-- days that are none
SAVEPOINT s;
SELECT vvault_analytics(0);
ROLLBACK TO s;
SELECT * FROM vvault_viral_timeline(367);
ROLLBACK TO s;
SELECT vvault_analytics(NULL);
ROLLBACK TO s;
SELECT vvault_insights('pl');
ROLLBACK TO s;

-- insights, whole: one video became viral within two days, which is too long to
-- tell when
SELECT i ->> 'region_name' AS region_name, (i ->> 'to')::date = current_date AS right_day,
	(i ->> 'to')::date - (i ->> 'from')::date AS days, i -> 'viral_starts' AS starts
FROM vvault_insights('PL') i;
SELECT c FROM json_array_elements(vvault_insights('PL') -> 'categories') c;
SELECT vvault_insights('PL') -> 'weekdays' -> 0 AS monday;
SELECT vvault_insights('PL') -> 'spread' AS spread;
SELECT vvault_insights('PL') -> 'news' AS news, vvault_insights('PL') -> 'seasonal' AS seasonal;

-- the schedule of a site that was never fetched
TRUNCATE vvault.snapshots;
SELECT s -> 'quota_units' AS quota_units, s -> 'used_units' AS used_units, r ->> 'region' AS region, r -> 'due' AS due,
	r -> 'units' AS units, r -> 'last_fetch_at' AS last_fetch_at, r -> 'expected_starts' AS starts, r ->> 'reason' AS reason
FROM vvault_fetch_schedule() s, json_array_elements(s -> 'regions') r;
SELECT vvault_set('quota_units', '0');
ROLLBACK;
