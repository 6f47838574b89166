--
-- analytics.sql
--		vvault_region_stats(), vvault_viral_timeline() and vvault_analytics():
--		by hand, and equal to naive SQL after random writes.
--
BEGIN;
SELECT plan(48);
SET LOCAL client_min_messages = warning;
-- days are those of UTC, whatever the session's
SET LOCAL TimeZone = 'Asia/Kolkata';

TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.settings, vvault.regions, vvault.categories;
DELETE FROM vvault.daily_stats;

CREATE FUNCTION pg_temp.today() RETURNS date LANGUAGE sql AS $$SELECT (now() AT TIME ZONE 'UTC')::date$$;
-- noon (UTC) of a day so many days ago
CREATE FUNCTION pg_temp.noon(ago integer) RETURNS timestamptz
LANGUAGE sql AS $$SELECT (pg_temp.today() - ago + time '12:00') AT TIME ZONE 'UTC'$$;

--
-- Before any data
--

SELECT results_eq('SELECT * FROM vvault_region_stats()',
	$$SELECT r, 0::bigint, 0::bigint, 0.0, '' FROM unnest('{AT,GB,NL,NO,PL,SE,US}'::text[]) r$$,
	'every region appears with zeros and no top category');
SELECT is((SELECT count(*) FROM vvault_viral_timeline() WHERE viral_count IS NULL AND avg_score IS NULL), 7 * 14::bigint,
	'the timeline has 14 days of 7 regions by default, without charts all unknown');
SELECT results_eq('SELECT DISTINCT date FROM vvault_viral_timeline(3) ORDER BY 1',
	'SELECT pg_temp.today() - n FROM generate_series(2, 0, -1) n', 'the last day is today');
SELECT is(vvault_analytics() ->> 'updated_at', NULL, 'updated_at is null while there is nothing to count');
SELECT is(json_array_length(vvault_analytics() -> 'timeline'), 98, 'the JSON timeline has as many rows');

--
-- A small story
--
-- PL: three videos, 90, 85 and 40.2: 215.2 / 3 = 71.733, two of them viral; two
-- are of category 10, one of 20. SE: two categories tie, the lower id wins;
-- (10.1 + 10.2) / 2 = 10.15, a half that is rounded away from zero. US: 84.9999994
-- is not viral, and is 85.0 with one decimal.

INSERT INTO vvault.categories VALUES (10, 'Music');
INSERT INTO vvault.videos (region, video_id, category_id, virality_score) VALUES
	('PL', 'a', 10, 90), ('PL', 'b', 10, 85), ('PL', 'c', 20, 40.2),
	('SE', 'a', 20, 10.1), ('SE', 'b', 19, 10.2),
	('US', 'a', 10, 84.9999994),
	('XX', 'a', 10, 99);		-- no region of the site
SELECT results_eq('SELECT * FROM vvault_region_stats() WHERE total_videos > 0',
	$$VALUES ('PL', 3::bigint, 2::bigint, 71.7, 'Music'), ('SE', 2, 0, 10.2, '19'), ('US', 1, 0, 85.0, 'Music')$$,
	'counts, averages and top categories');
SELECT is((SELECT array_agg(region) FROM vvault_region_stats()), '{PL,AT,GB,NL,NO,SE,US}'::text[],
	'most viral videos first, then by code');
SELECT is((SELECT string_agg(avg_score::text, ' ') FROM vvault_region_stats() WHERE total_videos > 0), '71.7 10.2 85.0',
	'averages have one decimal');

SELECT vvault_set('viral_threshold', '10.2');
SELECT is((SELECT string_agg(region || viral_count, ' ') FROM vvault_region_stats()), 'PL3 SE1 US1 AT0 GB0 NL0 NO0',
	'a changed threshold counts in the same transaction');
SELECT vvault_set('viral_threshold', NULL);

UPDATE vvault.videos SET category_id = 20 WHERE region = 'PL' AND video_id = 'b';
SELECT is((SELECT top_category FROM vvault_region_stats() WHERE region = 'PL'), '20', 'a category without a name is its id');
UPDATE vvault.videos SET category_id = 9 WHERE region = 'PL' AND video_id = 'c';
SELECT is((SELECT top_category FROM vvault_region_stats() WHERE region = 'PL'), '9', 'of three that tie, the lowest id');
DELETE FROM vvault.videos WHERE region = 'SE';
SELECT is((SELECT (total_videos, viral_count, avg_score, top_category)::text FROM vvault_region_stats() WHERE region = 'SE'),
	'(0,0,0.0,"")', 'a region that lost its videos has zeros again');

INSERT INTO vvault.regions (region, enabled) VALUES ('US', false), ('DE', NULL);
SELECT is((SELECT string_agg(region, ' ' ORDER BY region) FROM vvault_region_stats()), 'AT DE GB NL NO PL SE',
	'enabled regions alone, new ones too');
SELECT is((SELECT string_agg(DISTINCT region, ' ' ORDER BY region) FROM vvault_viral_timeline(1)), 'AT DE GB NL NO PL SE',
	'in the timeline as well');
DELETE FROM vvault.regions;

-- The last observation of a day (UTC) counts, with the category it had then.
INSERT INTO vvault.snapshots (region, video_id, fetched_at, category_id, virality_score) VALUES
	('PL', 'a', pg_temp.noon(0) - interval '1 hour', 10, 95), ('PL', 'a', pg_temp.noon(0), 10, 20),
	('PL', 'b', pg_temp.noon(0) - interval '12 hours', 20, 85),
	('PL', 'b', pg_temp.noon(0) - interval '12 hours 1 second', 20, 100),
	('PL', 'b', pg_temp.noon(13), 20, 30.05), ('PL', 'b', pg_temp.noon(14), 20, 99),
	('XX', 'b', pg_temp.noon(0), 20, 99);
SELECT results_eq($$SELECT pg_temp.today() - date, viral_count, avg_score FROM vvault_viral_timeline() WHERE avg_score > 0$$,
	'VALUES (13, 0::bigint, 30.1), (1, 1, 100.0), (0, 1, 52.5)',
	'a video counts once a day, by its last observation');
SELECT is((SELECT count(*) FROM vvault_viral_timeline(15)), 7 * 15::bigint, 'a day more, a row more for each region');
SELECT results_eq('SELECT date, viral_count FROM vvault_viral_timeline(15) WHERE viral_count > 0 ORDER BY 1 LIMIT 1',
	'SELECT pg_temp.today() - 14, 1::bigint', 'and what lay a day too far is there');
SELECT is((SELECT count(*) FROM vvault_viral_timeline(366)), 7 * 366::bigint, 'a leap year is the most');
SELECT is((SELECT array_agg(t.date || t.region) FROM vvault_viral_timeline(5) t),
	(SELECT array_agg(t.date || t.region ORDER BY t.date, t.region COLLATE "C") FROM vvault_viral_timeline(5) t),
	'ordered by date, then by region');
SELECT vvault_set('viral_threshold', '20');
SELECT results_eq('SELECT pg_temp.today() - date, viral_count FROM vvault_viral_timeline() WHERE viral_count > 0',
	'VALUES (13, 1::bigint), (1, 1), (0, 2)', 'a changed threshold counts there too');
SELECT vvault_set('viral_threshold', NULL);

--
-- The JSON
--

SELECT is((SELECT array_agg(k) FROM json_object_keys(vvault_analytics()) k), '{regions,timeline,updated_at}'::text[],
	'the keys of the reply');
SELECT is((SELECT array_agg(k) FROM json_object_keys(vvault_analytics() -> 'regions' -> 0) k),
	'{region,total_videos,viral_count,avg_score,top_category}'::text[], 'those of a region');
SELECT is((SELECT array_agg(k) FROM json_object_keys(vvault_analytics() -> 'timeline' -> 0) k),
	'{date,region,viral_count,avg_score}'::text[], 'and those of a day');
SELECT is((SELECT json_agg(s)::jsonb FROM vvault_region_stats() s), (vvault_analytics() -> 'regions')::jsonb,
	'the regions are the rows of vvault_region_stats()');
SELECT is((SELECT json_agg(t)::jsonb FROM vvault_viral_timeline(20) t), (vvault_analytics(20) -> 'timeline')::jsonb,
	'the timeline is the rows of vvault_viral_timeline()');
SELECT is((vvault_analytics() -> 'regions' -> 0)::text,
	'{"region":"PL","total_videos":3,"viral_count":2,"avg_score":71.7,"top_category":"9"}', 'a region, to the letter');
SELECT is((vvault_analytics() -> 'timeline' -> 95)::text,
	format('{"date":"%s","region":"PL","viral_count":1,"avg_score":52.5}', to_char(pg_temp.today(), 'YYYY-MM-DD')),
	'a day, to the letter');
INSERT INTO vvault.categories VALUES (9, E'a "quote" \\ and żółć');
SELECT is(vvault_analytics() -> 'regions' -> 0 ->> 'top_category', E'a "quote" \\ and żółć', 'names are escaped');

-- What the last write of a region shown was; (*, *) stands for none.
SELECT is(vvault_analytics() ->> 'updated_at', vvault.utc_text(now()), 'updated_at is when the last write was made');
UPDATE vvault.feed_versions SET changed_at = '2026-01-01 00:00Z';
UPDATE vvault.feed_versions SET changed_at = '2026-01-02 12:00:00.5Z' WHERE region = 'PL' AND written_by = 'PL';
UPDATE vvault.feed_versions SET changed_at = '2026-01-03 00:00Z' WHERE region IN ('*', 'XX');
SELECT is(vvault_analytics() ->> 'updated_at', '2026-01-02T12:00:00.5+00:00', 'regions that are not shown do not count');
UPDATE vvault.feed_versions SET changed_at = '2026-01-02 13:00Z' WHERE region = 'AT';
SELECT is(vvault_analytics() ->> 'updated_at', '2026-01-02T13:00:00+00:00', 'every one that is shown does');

SELECT md5(vvault_analytics()::text) AS before \gset
SET LOCAL DateStyle = 'German, DMY';
SET LOCAL TimeZone = 'America/Los_Angeles';
SET LOCAL extra_float_digits = -15;
SELECT is(md5(vvault_analytics()::text), :'before', 'no session setting shows through');

--
-- Errors
--

SELECT throws_ok('SELECT vvault_analytics(0)', '22023', 'invalid days 0');
SELECT throws_ok('SELECT vvault_analytics(367)', '22023', 'invalid days 367');
SELECT throws_ok('SELECT vvault_analytics(NULL)', '22023', 'days must not be null');
SELECT throws_ok('SELECT * FROM vvault_viral_timeline(-1)', '22023', 'invalid days -1');
SELECT throws_ok('SELECT * FROM vvault_viral_timeline(367)', '22023', 'invalid days 367');
SELECT throws_ok('SELECT * FROM vvault_viral_timeline(NULL)', '22023', 'days must not be null');
CREATE FUNCTION pg_temp.hint() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	PERFORM vvault_analytics(0);
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN hint;
END
$$;
SELECT is(pg_temp.hint(), 'It is a number of days from 1 to 366.', 'the hint says what is allowed');

--
-- Random writes, and naive SQL over what they leave
--

CREATE TEMP VIEW naive_stats AS
	SELECT e.region, (SELECT count(*) FROM vvault.videos v WHERE v.region = e.region) AS total_videos,
		(SELECT count(*) FROM vvault.videos v WHERE v.region = e.region
			AND v.virality_score >= vvault.viral_threshold()) AS viral_count,
		coalesce((SELECT round(avg(v.virality_score::numeric), 1) FROM vvault.videos v WHERE v.region = e.region), 0.0)
			AS avg_score,
		coalesce((SELECT coalesce(k.name, v.category_id::text)
			FROM vvault.videos v LEFT JOIN vvault.categories k ON k.id = v.category_id
			WHERE v.region = e.region GROUP BY v.category_id, k.name
			ORDER BY count(*) DESC, v.category_id LIMIT 1), '') AS top_category
	FROM vvault.effective_regions e WHERE e.enabled;
CREATE TEMP VIEW naive_timeline AS
	SELECT d.day AS date, e.region,
		CASE WHEN count(l) > 0 THEN count(*) FILTER (WHERE l.virality_score >= vvault.viral_threshold()) END AS viral_count,
		round(avg(l.virality_score::numeric), 1) AS avg_score
	FROM generate_series(0, 13) n CROSS JOIN LATERAL (SELECT pg_temp.today() - n AS day) d
		CROSS JOIN vvault.effective_regions e
		LEFT JOIN LATERAL (
			SELECT DISTINCT ON (s.video_id) s.virality_score FROM vvault.snapshots s
			WHERE s.region = e.region AND (s.fetched_at AT TIME ZONE 'UTC')::date = d.day
			ORDER BY s.video_id, s.fetched_at DESC) l ON true
	WHERE e.enabled GROUP BY d.day, e.region;

-- Scores are multiples of 0.05, so that averages often lie on a half.
CREATE FUNCTION pg_temp.score() RETURNS double precision VOLATILE LANGUAGE sql
AS $$SELECT ((random() * 2000)::int / 20.0)::double precision$$;
CREATE FUNCTION pg_temp.some_region() RETURNS text VOLATILE LANGUAGE sql
AS $$SELECT ('{US,PL,SE,XX}'::text[])[1 + (random() * 3)::int]$$;
CREATE FUNCTION pg_temp.write_something() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	what text := ('{insert,insert,insert,update,update,move,delete,snapshot,snapshot,snapshot,correct,forget,later,threshold,region}'::text[])
		[1 + (random() * 14)::int];
BEGIN
	CASE what
		WHEN 'insert' THEN
			INSERT INTO vvault.videos AS v (region, video_id, category_id, virality_score)
			SELECT DISTINCT ON (1, 2) pg_temp.some_region(), 'v' || (random() * 60)::int, (random() * 4)::int, pg_temp.score()
			FROM generate_series(1, 20)
			ON CONFLICT (region, video_id) DO UPDATE SET virality_score = EXCLUDED.virality_score;
		WHEN 'update' THEN
			UPDATE vvault.videos SET virality_score = pg_temp.score() WHERE random() < 0.3;
		WHEN 'move' THEN
			UPDATE vvault.videos SET category_id = (random() * 4)::int WHERE random() < 0.3;
		WHEN 'delete' THEN
			DELETE FROM vvault.videos WHERE random() < 0.2;
		WHEN 'snapshot' THEN
			INSERT INTO vvault.snapshots AS s (region, video_id, fetched_at, category_id, virality_score)
			SELECT DISTINCT ON (1, 2, 3) pg_temp.some_region(), 'v' || (random() * 30)::int,
				now() - (random() * 400)::int * interval '1 hour', (random() * 4)::int, pg_temp.score()
			FROM generate_series(1, 30)
			ON CONFLICT (region, video_id, fetched_at) DO UPDATE SET virality_score = EXCLUDED.virality_score;
		WHEN 'correct' THEN
			UPDATE vvault.snapshots SET virality_score = pg_temp.score() WHERE random() < 0.2;
		WHEN 'forget' THEN
			DELETE FROM vvault.snapshots WHERE random() < 0.2;
		WHEN 'later' THEN
			UPDATE vvault.snapshots SET fetched_at = fetched_at + interval '7 hours 11 seconds'
			WHERE video_id = 'v' || (random() * 30)::int AND region = 'PL';
		WHEN 'threshold' THEN
			PERFORM vvault_set('viral_threshold', (random() * 100)::int::text);
		WHEN 'region' THEN
			INSERT INTO vvault.regions AS r (region, enabled) VALUES ('SE', false)
			ON CONFLICT (region) DO UPDATE SET enabled = NOT r.enabled;
	END CASE;
	RETURN what;
END
$$;
CREATE TEMP TABLE wrong (n integer, after text, difference text);
CREATE TEMP TABLE tried (what text);
DO $$
BEGIN
	PERFORM setseed(0.25);
	FOR i IN 1 .. 120 LOOP
		INSERT INTO tried SELECT pg_temp.write_something();
		INSERT INTO wrong SELECT i, (SELECT array_agg(what) FROM tried)::text, 'regions'
		WHERE (SELECT array_agg(s) FROM vvault_region_stats() s)::text IS DISTINCT FROM
			(SELECT array_agg(n ORDER BY n.viral_count DESC, n.region) FROM naive_stats n)::text;
		INSERT INTO wrong SELECT i, (SELECT array_agg(what) FROM tried)::text, 'timeline'
		WHERE (SELECT array_agg(t) FROM vvault_viral_timeline() t)::text IS DISTINCT FROM
			(SELECT array_agg(n ORDER BY n.date, n.region) FROM naive_timeline n)::text;
	END LOOP;
END
$$;
SELECT is((SELECT count(DISTINCT what) FROM tried), 10::bigint, 'every kind of write was tried');
SELECT is_empty('SELECT * FROM wrong', 'after every one of 120 random writes both equal naive SQL');
SELECT cmp_ok((SELECT sum(viral_count) FROM vvault_viral_timeline()), '>', 0::numeric, 'and there was something to compare');
SELECT is_empty('SELECT * FROM vvault_check()', 'vvault_check() finds nothing');

--
-- Where it comes from: no look at a video or a snapshot
--

CREATE FUNCTION pg_temp.looked_at(relation regclass) RETURNS bigint LANGUAGE sql
AS $$SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_xact_user_tables WHERE relid = relation$$;
CREATE TEMP TABLE looks AS
	SELECT r, pg_temp.looked_at(r) AS n FROM unnest('{vvault.videos,vvault.snapshots,vvault.daily_videos,vvault.daily_stats}'::regclass[]) r;
SELECT isnt(vvault_analytics(366)::text, NULL, 'a reply is made');
SELECT is(pg_temp.looked_at(r) - n, 0::bigint, format('and %s is not looked at', r)) FROM looks WHERE r <> 'vvault.daily_stats'::regclass;
SELECT cmp_ok(pg_temp.looked_at(r) - n, '>', 0::bigint, format('but %s is', r)) FROM looks WHERE r = 'vvault.daily_stats'::regclass;

SELECT * FROM finish();
ROLLBACK;
