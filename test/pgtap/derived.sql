--
-- derived.sql
--		How the derived tables follow vvault.videos and vvault.snapshots: a
--		small story, with counts worked out by hand.
--
-- test/t/002_random_writes.pl compares them with naive SQL after many more
-- writes than these.
--
BEGIN;
SELECT plan(56);

-- A day is a day of UTC, whatever the session's.
SET LOCAL TimeZone = 'Asia/Kolkata';

DELETE FROM vvault.settings;
DELETE FROM vvault.videos;
DELETE FROM vvault.snapshots;
DELETE FROM vvault.daily_stats;
SELECT is_empty('TABLE vvault.category_stats', 'no videos, no counts');
SELECT is_empty('TABLE vvault.video_regions', 'no videos, no sets of regions');

CREATE FUNCTION pg_temp.version(region text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(f.version::text, ' ' ORDER BY f.written_by)
	FROM vvault.feed_versions f WHERE f.region = $1
$$;

-- Remembers the versions of US and PL; changed() tells which are others now.
CREATE TEMP TABLE remembered (region text, version text);
CREATE FUNCTION pg_temp.remember() RETURNS void LANGUAGE sql AS $$
	TRUNCATE remembered;
	INSERT INTO remembered SELECT r, pg_temp.version(r) FROM unnest('{US,PL,SE}'::text[]) r;
$$;
CREATE FUNCTION pg_temp.changed() RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(r.region, ' ' ORDER BY r.region), '') FROM remembered r
	WHERE r.version IS DISTINCT FROM pg_temp.version(r.region)
$$;

--
-- category_stats and video_regions
--
-- Scores are counted in millionths: 84.9999994 is 84 999 999 of them, below
-- the shipped threshold of 85 and not rounded up to it.

SELECT pg_temp.remember();
INSERT INTO vvault.videos (region, video_id, category_id, virality_score) VALUES
	('US', 'a', 10, 90), ('US', 'b', 10, 84.9999994), ('US', 'c', 24, 85), ('PL', 'a', 10, 40);
SELECT results_eq('SELECT region, category_id, videos, viral, score_sum FROM vvault.category_stats ORDER BY 1, 2',
	$$VALUES ('PL' COLLATE "C", 10, 1::bigint, 0::bigint, 40000000::bigint),
		('US', 10, 2, 1, 174999999), ('US', 24, 1, 1, 85000000)$$,
	'INSERT counts by region and category');
SELECT results_eq('SELECT video_id, regions::text COLLATE "default" FROM vvault.video_regions ORDER BY 1',
	$$VALUES ('a' COLLATE "C", '{PL,US}'), ('b', '{US}'), ('c', '{US}')$$,
	'INSERT collects all regions of a video, sorted');
SELECT is(pg_temp.changed(), 'PL US', 'INSERT makes new versions of its regions');

INSERT INTO vvault.videos (region, video_id) VALUES ('SE', 'short');
SELECT results_eq($$SELECT videos, viral, score_sum FROM vvault.category_stats WHERE region = 'SE' AND category_id = 0$$,
	'VALUES (1::bigint, 0::bigint, 0::bigint)', 'a short INSERT works and counts');

SELECT pg_temp.remember();
UPDATE vvault.videos SET virality_score = 85 WHERE video_id = 'b';
SELECT results_eq($$SELECT videos, viral, score_sum FROM vvault.category_stats WHERE region = 'US' AND category_id = 10$$,
	'VALUES (2::bigint, 2::bigint, 175000000::bigint)', 'UPDATE of a score counts it again');
SELECT is(pg_temp.changed(), 'US', 'and makes a new version of that region alone');

UPDATE vvault.videos SET category_id = 24 WHERE region = 'US' AND video_id = 'a';
SELECT results_eq($$SELECT category_id, videos, viral, score_sum FROM vvault.category_stats WHERE region = 'US' ORDER BY 1$$,
	'VALUES (10, 1::bigint, 1::bigint, 85000000::bigint), (24, 2, 2, 175000000)',
	'UPDATE of a category moves the video');
UPDATE vvault.videos SET category_id = 24 WHERE region = 'US' AND video_id = 'b';
SELECT is_empty($$SELECT FROM vvault.category_stats WHERE region = 'US' AND category_id = 10$$,
	'a category without videos has no row');

-- A video that comes to one more region changes what the others show of it.
SELECT pg_temp.remember();
INSERT INTO vvault.videos (region, video_id) VALUES ('PL', 'c');
SELECT is((SELECT regions FROM vvault.video_regions WHERE video_id = 'c'), '{PL,US}', 'a second region joins the set');
SELECT is(pg_temp.changed(), 'PL US', 'and both feeds have new versions');
SELECT isnt_empty($$SELECT FROM vvault.feed_versions WHERE region = 'US' AND written_by = 'PL'$$,
	'US has one that PL wrote');
SELECT pg_temp.remember();
UPDATE vvault.videos SET views = 5 WHERE region = 'PL' AND video_id = 'c';
SELECT is(pg_temp.changed(), 'PL', 'figures of one region are nothing to the other');

SELECT pg_temp.remember();
DELETE FROM vvault.videos WHERE region = 'PL' AND video_id = 'c';
SELECT is((SELECT regions FROM vvault.video_regions WHERE video_id = 'c'), '{US}', 'DELETE takes the region from the set');
SELECT is(pg_temp.changed(), 'PL US', 'and both feeds have new versions again');
DELETE FROM vvault.videos WHERE video_id = 'c';
SELECT is_empty($$SELECT FROM vvault.video_regions WHERE video_id = 'c'$$, 'a video in no region has no row');

UPDATE vvault.videos SET video_id = 'A' WHERE region = 'US' AND video_id = 'a';
SELECT results_eq('SELECT video_id, regions::text COLLATE "default" FROM vvault.video_regions ORDER BY 1',
	$$VALUES ('A' COLLATE "C", '{US}'), ('a', '{PL}'), ('b', '{US}'), ('short', '{SE}')$$,
	'UPDATE of a key moves the region to the other set');

-- One statement, several triggers.
WITH gone AS (DELETE FROM vvault.videos WHERE region = 'US' RETURNING video_id)
INSERT INTO vvault.videos (region, video_id, category_id, virality_score)
SELECT 'US', video_id, 1, 10 FROM gone;
SELECT results_eq($$SELECT category_id, videos, viral, score_sum FROM vvault.category_stats WHERE region = 'US' ORDER BY 1$$,
	'VALUES (1, 2::bigint, 0::bigint, 20000000::bigint)', 'DELETE and INSERT of the same keys in one statement');
INSERT INTO vvault.videos AS v (region, video_id, category_id, virality_score) VALUES ('US', 'A', 1, 99), ('US', 'd', 1, 1)
ON CONFLICT (region, video_id) DO UPDATE SET virality_score = EXCLUDED.virality_score;
SELECT results_eq($$SELECT category_id, videos, viral, score_sum FROM vvault.category_stats WHERE region = 'US' ORDER BY 1$$,
	'VALUES (1, 3::bigint, 1::bigint, 110000000::bigint)', 'ON CONFLICT: 99 for 10, 10 as before, and 1');

SELECT pg_temp.remember();
UPDATE vvault.videos SET virality_score = 100 WHERE false;
SELECT is(pg_temp.changed(), '', 'a statement that writes nothing changes no version');

SAVEPOINT before;
DELETE FROM vvault.videos;
SELECT is_empty('TABLE vvault.category_stats', 'DELETE of everything leaves no counts');
SELECT is_empty('TABLE vvault.video_regions', 'and no sets of regions');
ROLLBACK TO SAVEPOINT before;
SELECT results_eq($$SELECT category_id, videos, viral, score_sum FROM vvault.category_stats WHERE region = 'US' ORDER BY 1$$,
	'VALUES (1, 3::bigint, 1::bigint, 110000000::bigint)', 'ROLLBACK TO SAVEPOINT brings them back');
SELECT is(pg_temp.changed(), '', 'and the versions');

SELECT is_empty('SELECT * FROM vvault_check()', 'vvault_check() finds nothing');

--
-- daily_stats: a day counts a video once, by its last observation of that day
--

SELECT pg_temp.remember();
INSERT INTO vvault.snapshots (region, video_id, fetched_at, category_id, virality_score)
VALUES ('US', 'x', '2026-01-01 23:59:59.999999+00', 10, 90);
SELECT is(pg_temp.changed(), 'US', 'a snapshot makes a new version of its region');
PREPARE days AS
	SELECT day, category_id, videos, viral, score_sum FROM vvault.daily_stats
	WHERE region = 'US' ORDER BY day, category_id;
SELECT results_eq('EXECUTE days', $$VALUES (date '2026-01-01', 10, 1::bigint, 1::bigint, 90000000::bigint)$$,
	'the last microsecond of a day belongs to it');

INSERT INTO vvault.snapshots (region, video_id, fetched_at, category_id, virality_score)
VALUES ('US', 'x', '2026-01-01 00:00+00', 20, 10);
SELECT results_eq('EXECUTE days', $$VALUES (date '2026-01-01', 10, 1::bigint, 1::bigint, 90000000::bigint)$$,
	'an earlier observation of the day does not count');

INSERT INTO vvault.snapshots (region, video_id, fetched_at, category_id, virality_score)
VALUES ('US', 'x', '2026-01-02 00:00+00', 24, 20);
SELECT results_eq('EXECUTE days',
	$$VALUES (date '2026-01-01', 10, 1::bigint, 1::bigint, 90000000::bigint), ('2026-01-02', 24, 1, 0, 20000000)$$,
	'midnight (UTC) begins the next day');

INSERT INTO vvault.snapshots (region, video_id, fetched_at, category_id, virality_score)
VALUES ('US', 'x', '2026-01-02 12:00+00', 10, 30), ('US', 'y', '2026-01-02 11:00+00', 10, 70);
SELECT results_eq('EXECUTE days',
	$$VALUES (date '2026-01-01', 10, 1::bigint, 1::bigint, 90000000::bigint), ('2026-01-02', 10, 2, 0, 100000000)$$,
	'a later observation takes the place of an earlier one, with its category');

DELETE FROM vvault.snapshots WHERE video_id = 'x' AND fetched_at = '2026-01-02 12:00+00';
SELECT results_eq('EXECUTE days',
	$$VALUES (date '2026-01-01', 10, 1::bigint, 1::bigint, 90000000::bigint), ('2026-01-02', 10, 1, 0, 70000000),
		('2026-01-02', 24, 1, 0, 20000000)$$,
	'DELETE of the last one makes the one before count again');

UPDATE vvault.snapshots SET fetched_at = fetched_at + interval '2 days' WHERE video_id = 'y';
SELECT results_eq('EXECUTE days',
	$$VALUES (date '2026-01-01', 10, 1::bigint, 1::bigint, 90000000::bigint), ('2026-01-02', 24, 1, 0, 20000000),
		('2026-01-04', 10, 1, 0, 70000000)$$,
	'UPDATE of the time moves it to its day');

UPDATE vvault.snapshots SET virality_score = 85 WHERE video_id = 'y';
SELECT results_eq($$SELECT viral, score_sum FROM vvault.daily_stats WHERE region = 'US' AND day = '2026-01-04'$$,
	'VALUES (1::bigint, 85000000::bigint)', 'UPDATE of a score counts it again');
SELECT is_empty('SELECT * FROM vvault_check()', 'vvault_check() finds nothing');

--
-- The threshold
--
-- videos of US now: A 99, b 10, d 1; days: 90 on the 1st, 20 on the 2nd, 85 on the 4th.

SELECT pg_temp.remember();
SELECT vvault_set('viral_threshold', '10');
SELECT is((SELECT viral FROM vvault.category_stats WHERE region = 'US'), 2::bigint,
	'a lower threshold counts more videos, in the same transaction');
SELECT results_eq($$SELECT viral FROM vvault.daily_stats WHERE region = 'US' ORDER BY day$$,
	'VALUES (1::bigint), (1), (1)', 'and on more days');
SELECT is(pg_temp.changed(), 'PL SE US', 'and every feed has a new version');
SELECT vvault_set('viral_threshold', '99.5');
SELECT is((SELECT viral FROM vvault.category_stats WHERE region = 'US'), 0::bigint, 'a higher one counts fewer');
SELECT is_empty('SELECT * FROM vvault_check()', 'vvault_check() finds nothing');
SELECT vvault_set('viral_threshold', NULL);
SELECT is((SELECT viral FROM vvault.category_stats WHERE region = 'US'), 1::bigint, 'NULL is the shipped one');
INSERT INTO vvault.settings VALUES ('viral_threshold', '5');
SELECT is((SELECT viral FROM vvault.category_stats WHERE region = 'US'), 2::bigint, 'a plain INSERT into the settings does the same');
DELETE FROM vvault.settings;
SELECT is((SELECT viral FROM vvault.category_stats WHERE region = 'US'), 1::bigint, 'and a plain DELETE');

--
-- Closed days
--
-- Before 15:00 of the 3rd two days ended, with three snapshots: x at 00:00 and
-- 23:59 of the 1st and at 00:00 of the 2nd. The latest chart is of the 4th.

SELECT is(vvault_prune('2026-01-03 15:00+00'), 3::bigint, 'vvault_prune() drops the snapshots of days that ended before');
SELECT results_eq($$SELECT day, closed, videos, viral, score_sum FROM vvault.daily_stats WHERE region = 'US' ORDER BY day$$,
	$$VALUES (date '2026-01-01', true, 1::bigint, 1::bigint, 90000000::bigint),
		('2026-01-02', true, 1, 0, 20000000), ('2026-01-04', false, 1, 1, 85000000)$$,
	'and keeps what was counted');
SELECT results_eq('SELECT video_id, day FROM vvault.daily_videos',
	$$VALUES ('y' COLLATE "C", date '2026-01-04')$$, 'without the names of the videos');
SELECT throws_ok($$INSERT INTO vvault.snapshots (region, video_id, fetched_at) VALUES ('US', 'z', '2026-01-02 05:00+00')$$,
	'22023', 'day 2026-01-02 of region "US" is closed', 'a closed day takes no more snapshots');
SELECT lives_ok($$INSERT INTO vvault.snapshots (region, video_id, fetched_at, virality_score) VALUES ('PL', 'z', '2026-01-02 05:00+00', 50)$$,
	'the same day of another region does');
SELECT vvault_set('viral_threshold', '15');
SELECT results_eq($$SELECT day, viral FROM vvault.daily_stats WHERE region = 'US' ORDER BY day$$,
	$$VALUES (date '2026-01-01', 1::bigint), ('2026-01-02', 0), ('2026-01-04', 1)$$,
	'closed days keep the threshold they were counted with');
SELECT is(vvault_prune('2027-01-01 00:00+00'), 0::bigint, 'the latest chart of a region stays, however old');
TRUNCATE vvault.snapshots;
SELECT results_eq($$SELECT day FROM vvault.daily_stats WHERE region = 'US' ORDER BY day$$,
	$$VALUES (date '2026-01-01'), ('2026-01-02')$$, 'TRUNCATE of the snapshots leaves the closed days');
SELECT is(vvault_rebuild(), 0::bigint, 'vvault_rebuild() finds nothing to do');
SELECT results_eq($$SELECT day FROM vvault.daily_stats WHERE region = 'US' ORDER BY day$$,
	$$VALUES (date '2026-01-01'), ('2026-01-02')$$, 'and leaves them too');
SELECT is_empty('SELECT * FROM vvault_check()', 'vvault_check() finds nothing');

TRUNCATE vvault.videos;
SELECT is_empty('TABLE vvault.category_stats', 'TRUNCATE of the videos leaves no counts');
SELECT is_empty('TABLE vvault.video_regions', 'and no sets of regions');

SELECT * FROM finish();
ROLLBACK;
