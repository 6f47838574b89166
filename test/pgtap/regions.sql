-- A region that is off is off everywhere; its code cannot be changed.
BEGIN;
SELECT plan(40);
SET LOCAL client_min_messages = warning;
SET LOCAL TimeZone = 'UTC';
TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.settings, vvault.regions;
DELETE FROM vvault.daily_stats;

CREATE FUNCTION pg_temp.chart(VARIADIC ids text[]) RETURNS json
LANGUAGE sql RETURN ('{"kind":"youtube#videoListResponse","items":['
	|| (SELECT string_agg(json_build_object('id', i, 'snippet', json_build_object('title', 'about ' || i, 'channelId', 'c', 'channelTitle', 'Channel', 'categoryId', '10', 'tags', ARRAY['t']),
		'statistics', json_build_object('viewCount', 1000))::text, ',' ORDER BY n) FROM unnest(ids) WITH ORDINALITY AS u (i, n)) || ']}')::json;
-- every reply that tells of regions, by name; PL is asked where one is asked
CREATE FUNCTION pg_temp.replies() RETURNS TABLE (name text, reply text)
LANGUAGE sql AS $$
	SELECT 'feed of another region', vvault_trending('PL')::text
	UNION ALL SELECT 'search', vvault_search('about')::text
	UNION ALL SELECT 'related', vvault_related('both')::text
	UNION ALL SELECT 'video', vvault_video('both')::text
	UNION ALL SELECT 'explain', vvault_trending_explain('both')::text
	UNION ALL SELECT 'regions', vvault_regions()::text
	UNION ALL SELECT 'health', vvault_health()::text
	UNION ALL SELECT 'region_stats', string_agg(s::text, ' ') FROM vvault_region_stats() s
	UNION ALL SELECT 'timeline', string_agg(s::text, ' ') FROM vvault_viral_timeline(2) s
	UNION ALL SELECT 'analytics', vvault_analytics(2)::text
	UNION ALL SELECT 'insights', vvault_insights('PL')::text
	UNION ALL SELECT 'schedule', vvault_fetch_schedule()::text
	UNION ALL SELECT 'dashboard', convert_from(vvault_dashboard()::bytea, 'UTF8')
$$;

INSERT INTO vvault.regions (region, name) VALUES ('QQ', 'Queer Quay');
SELECT vvault_ingest(r, pg_temp.chart(VARIADIC v), now() - h * interval '1 hour')
FROM (VALUES ('PL', '{both,home}'::text[], 3), ('QQ', '{both,away}', 2), ('PL', '{both,home}', 1), ('QQ', '{both,away}', 0)) x (r, v, h) ORDER BY h DESC;
SELECT ok((SELECT count(*) FROM pg_temp.replies() r WHERE r.reply LIKE '%QQ%') >= 10, 'a region that is on is shown');
SELECT is((vvault_video('both') -> 'regions')::jsonb @> '[{"region": "QQ"}]', true, '... by a video');
CREATE TEMP TABLE on_ AS SELECT r.* FROM pg_temp.replies() r;
CREATE TEMP TABLE versions AS SELECT * FROM vvault.feed_versions;

UPDATE vvault.regions SET enabled = false WHERE region = 'QQ';
SELECT ok(r.reply IS NOT NULL AND r.reply NOT LIKE '%QQ%' AND r.reply NOT LIKE '%Queer%' AND r.reply NOT LIKE '%away%', 'one that is off is not: ' || r.name) FROM pg_temp.replies() r;
SELECT is(vvault_video('away')::text, NULL, 'a video that it alone lists is not there');
SELECT is(vvault_related('away')::text, NULL, '... nor like another one');
SELECT is(vvault_trending_explain('away')::text, NULL, '... nor explained');
SELECT is(vvault_search('away') ->> 'total', '0', '... nor found');
SELECT is((SELECT string_agg(r.region, ' ') FROM json_array_elements(vvault_video('both') -> 'history') h, LATERAL (SELECT h ->> 'region' AS region) r), 'PL PL', 'no history tells of it');
SELECT throws_ok(format('SELECT %s', c), '22023', 'invalid region "QQ"', c) FROM unnest(ARRAY['vvault_trending(''QQ'')', 'vvault_insights(''QQ'')',
	'vvault_search(''about'', ''QQ'')', 'vvault_trending_explain(''both'', ''QQ'')', 'vvault_ingest(''QQ'', pg_temp.chart(''x''))',
	'vvault_derive_baselines(''QQ'')', 'vvault_backtest(''views'', ''growth'', ''QQ'')']) c;
SELECT is_empty('SELECT * FROM vvault_check()', 'all is right');
SELECT isnt((SELECT f.version FROM vvault.feed_versions f WHERE f.region = 'PL' AND f.written_by = 'PL'), v.version, 'the feeds that showed it have other versions')
	FROM versions v WHERE v.region = 'PL' AND v.written_by = 'PL';
-- what is written meanwhile does not show it either
INSERT INTO vvault.videos (region, video_id) VALUES ('QQ', 'home');
SELECT is((SELECT v ->> 'regions' FROM json_array_elements(vvault_trending('PL') -> 'videos') v WHERE v ->> 'video_id' = 'home'), '["PL"]', 'writing to it shows nothing');
SELECT is_empty('SELECT * FROM vvault_check()', '... all is right');
DELETE FROM vvault.videos WHERE region = 'QQ' AND video_id = 'home';

UPDATE vvault.regions SET enabled = NULL WHERE region = 'QQ';
SELECT set_eq($$SELECT r.name FROM pg_temp.replies() r WHERE r.name NOT IN ('health', 'schedule', 'dashboard')$$, $$SELECT o.name FROM on_ o JOIN pg_temp.replies() r
	ON r.name = o.name AND (r.reply = o.reply OR o.name = 'analytics') WHERE o.name NOT IN ('health', 'schedule', 'dashboard')$$, 'on again all is as it was');
DELETE FROM vvault.regions WHERE region = 'QQ';
SELECT is(vvault_video('away')::text, NULL, 'a region that is deleted is off');
SELECT is_empty('SELECT * FROM vvault_check()', '... all is right');
INSERT INTO vvault.regions (region) VALUES ('QQ');
SELECT isnt(vvault_video('away')::text, NULL, '... and is there again when it is inserted');
TRUNCATE vvault.regions;
SELECT is(vvault_video('away')::text, NULL, '... and gone with all of them');
SELECT is_empty('SELECT * FROM vvault_check()', '... all is right');

INSERT INTO vvault.regions (region) VALUES ('QQ');
SELECT throws_ok($$UPDATE vvault.regions SET region = 'QZ' WHERE region = 'QQ'$$, '22023', 'cannot change the code of region "QQ" to "QZ"', 'a code cannot be changed');
SELECT throws_ok($$UPDATE vvault.region_defaults SET region = 'PO' WHERE region = 'PL'$$, '22023', NULL, '... nor a shipped one');
SELECT lives_ok($$UPDATE vvault.regions SET region = 'QQ', name = 'Quay' WHERE region = 'QQ'$$, 'a name can');

SELECT * FROM finish();
ROLLBACK;
