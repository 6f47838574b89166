--
-- insights.sql
--		vvault_insights() and vvault_fetch_schedule() on planted patterns, which
--		they must find again, and on none, where they must find nothing.
--
BEGIN;
SELECT plan(61);
SET LOCAL client_min_messages = warning;
SET LOCAL TimeZone = 'Asia/Kolkata';	-- all hours are those of UTC

TRUNCATE vvault.videos, vvault.snapshots, vvault.settings, vvault.regions, vvault.categories;
DELETE FROM vvault.daily_stats;

-- charts(region, from, to, step): that these were fetched, of one video that is
-- not viral
CREATE FUNCTION pg_temp.charts(region text, since timestamptz, upto timestamptz, step interval) RETURNS void LANGUAGE sql AS $$
	INSERT INTO vvault.snapshots (region, video_id, fetched_at, rank)
	SELECT charts.region, '-', t, 1 FROM generate_series(since, upto, step) t
$$;
-- viral(region, at, name): that this video was seen there and was viral
CREATE FUNCTION pg_temp.viral(region text, at timestamptz, name text, category integer DEFAULT 10) RETURNS void LANGUAGE sql AS $$
	INSERT INTO vvault.snapshots (region, video_id, fetched_at, category_id, virality_score)
	VALUES (viral.region, name, at, category, 90)
$$;
-- one part of the reply
CREATE FUNCTION pg_temp.part(region text, what text, number integer) RETURNS jsonb LANGUAGE sql AS $$
	SELECT i FROM jsonb_array_elements((vvault_insights(part.region)::jsonb -> (what || 's'))) i
	WHERE (i ->> what)::integer = number
$$;

--
-- A region about which nothing is known
--

SELECT is(t.have, t.want, t.what)
FROM vvault_insights('US') i, LATERAL (VALUES
	(i ->> 'from', NULL, 'from is null before the first chart'),
	(i ->> 'viral_starts', '0', 'no viral starts'),
	((i -> 'categories')::text, '[]', 'no categories'),
	((i -> 'news')::text || (i -> 'seasonal')::text, '[][]', 'no news'),
	(i -> 'spread' ->> 'share', NULL, 'no share that spread'),
	(format('%s %s', json_array_length(i -> 'weekdays'), json_array_length(i -> 'hours')), '7 24',
		'but all weekdays and hours')) t (have, want, what);
-- The prior weighs two starts: (1 - 1 / 18 -+ 1.645 / (3 * sqrt 2)) ^ 3 is
-- 0.5567 ^ 3 = 0.17 and 1.3322 ^ 3 = 2.36.
SELECT is(pg_temp.part('US', 'hour', 5),
	'{"hour": 5, "starts": 0.0, "watched_hours": 0.0, "factor": 1.00, "low": 0.17, "high": 2.36}'::jsonb,
	'an hour never watched may be anything');

--
-- Weekdays and hours: planted, and found again
--
-- PL was watched every hour of eight weeks, Monday 5 January to Sunday 1 March
-- 2026. On Fridays five videos are first seen viral at 18:00, so they became
-- so between 17:00 and 18:00. On each day n from the second (n = 1 to 55) one
-- more does at the hour 7 n mod 24, which is spread evenly: at 18:00 for n = 6,
-- 30 and 54. That makes 95 starts.

SELECT pg_temp.charts('PL', '2026-01-05 00:00Z', '2026-03-01 23:00Z', '1 hour');
SELECT pg_temp.viral('PL', timestamptz '2026-01-09 18:00Z' + w * interval '168 hours', format('friday %s %s', w, n))
FROM generate_series(0, 7) w, generate_series(1, 5) n;
SELECT pg_temp.viral('PL', timestamptz '2026-01-05 00:00Z' + d * interval '24 hours' + 7 * d % 24 * interval '1 hour', 'day ' || d)
FROM generate_series(1, 55) d;
-- that a video is viral still is no new start, nor is one of the first day
SELECT pg_temp.viral('PL', timestamptz '2026-01-10 12:00Z' + w * interval '168 hours', format('friday %s %s', w, n))
FROM generate_series(0, 7) w, generate_series(1, 5) n;
SELECT pg_temp.viral('PL', '2026-01-05 05:00Z', 'old ' || n) FROM generate_series(1, 30) n;

SELECT is(t.have, t.want, t.what)
FROM vvault_insights('PL') i, LATERAL (VALUES
	(i ->> 'viral_starts', '95', 'each video starts once'),
	(i ->> 'from', '2025-12-02', 'the window is of 90 days'),
	(i ->> 'to', '2026-03-01', 'that end with the latest chart')) t (have, want, what);
-- Friday: 40 + 8 starts. It was watched for 192 of 1343 hours, so 95 * 192 / 1343
-- = 13.58 were to be expected: (2 + 48) / (2 + 13.58) = 3.21. Of shape 50: 3.21
-- * (1 - 1 / 450 -+ 1.645 / (3 * sqrt 50)) ^ 3 is 2.50 and 3.99.
SELECT is(pg_temp.part('PL', 'weekday', 5),
	'{"weekday": 5, "starts": 48.0, "watched_hours": 192.0, "factor": 3.21, "low": 2.50, "high": 3.99}'::jsonb,
	'Friday, by hand');
-- From 17:00: 40 + 3 starts in 56 hours, 95 * 56 / 1343 = 3.96 were to be
-- expected: 45 / 5.96 = 7.55; times (1 - 1 / 405 -+ 1.645 / (3 * sqrt 45)) ^ 3.
SELECT is(pg_temp.part('PL', 'hour', 17),
	'{"hour": 17, "starts": 43.0, "watched_hours": 56.0, "factor": 7.55, "low": 5.80, "high": 9.49}'::jsonb,
	'from 17:00, by hand');
SELECT is((SELECT array_agg(w ->> 'weekday') FROM json_array_elements(vvault_insights('PL') -> 'weekdays') w
		WHERE (w ->> 'low')::numeric > 1), '{5}'::text[], 'no other weekday stands out');
SELECT is((SELECT array_agg(h ->> 'hour') FROM json_array_elements(vvault_insights('PL') -> 'hours') h
		WHERE (h ->> 'low')::numeric > 1), '{17}'::text[], 'no other hour stands out');

-- NO has only the even part.
SELECT pg_temp.charts('NO', '2026-01-05 00:00Z', '2026-03-01 23:00Z', '1 hour');
SELECT pg_temp.viral('NO', timestamptz '2026-01-05 00:00Z' + d * interval '24 hours' + 7 * d % 24 * interval '1 hour', 'day ' || d)
FROM generate_series(1, 55) d;
SELECT is((SELECT count(*) FROM vvault_insights('NO') i, LATERAL (
		SELECT x FROM json_array_elements(i -> 'weekdays') x UNION ALL SELECT x FROM json_array_elements(i -> 'hours') x) p
	WHERE (x ->> 'low')::numeric > 1 OR (x ->> 'high')::numeric < 1), 0::bigint,
	'where there is no pattern none is found');

-- SE is fetched once a day, at 06:00, and finds its viral videos then. That
-- tells nothing of the hour.
SELECT pg_temp.charts('SE', '2026-01-05 06:00Z', '2026-03-01 06:00Z', '24 hours');
SELECT pg_temp.viral('SE', timestamptz '2026-01-05 06:00Z' + d * interval '24 hours', format('%s of %s', n, d))
FROM generate_series(1, 55) d, generate_series(1, 3) n;
SELECT is((SELECT array_agg(DISTINCT h ->> 'factor') FROM json_array_elements(vvault_insights('SE') -> 'hours') h),
	'{1.00}'::text[], 'the hour of the fetch is no hour of starts');
SELECT is((SELECT array_agg(DISTINCT h ->> 'watched_hours') FROM json_array_elements(vvault_insights('SE') -> 'hours') h),
	'{55.0}'::text[], 'a gap of a day is watched in full');

-- Nobody looked at NL for ten days: neither these hours nor what was found
-- after them count.
SELECT pg_temp.charts('NL', '2026-02-01 00:00Z', '2026-02-03 00:00Z', '12 hours');
SELECT pg_temp.charts('NL', '2026-02-13 00:00Z', '2026-02-14 00:00Z', '12 hours');
SELECT pg_temp.viral('NL', '2026-02-13 00:00Z', 'meanwhile ' || n) FROM generate_series(1, 9) n;
SELECT pg_temp.viral('NL', '2026-02-13 12:00Z', 'seen');
SELECT is((SELECT sum((h ->> 'watched_hours')::numeric) FROM json_array_elements(vvault_insights('NL') -> 'hours') h), 72.0,
	'long gaps are not watched');
SELECT is(vvault_insights('NL') ->> 'viral_starts', '1', 'what became viral in them is not counted');
SELECT is((pg_temp.part('NL', 'hour', 3) ->> 'starts')::numeric, 0.1, 'a start is spread over its gap: 1 / 12 here');
SELECT is((pg_temp.part('NL', 'hour', 13) ->> 'starts')::numeric, 0.0, 'and not beyond it');

-- a threshold above 90: nothing is viral
SELECT vvault_set('viral_threshold', '95');
SELECT is(vvault_insights('PL') ->> 'viral_starts', '0', 'a start is one by the threshold in force');
SELECT vvault_set('viral_threshold', NULL);

--
-- Categories: lift
--
-- On one day GB has 20 viral videos of category 10 and 5 of 20, AT has 10 of
-- each. Share here 0.8, elsewhere 0.5; every video is viral for one day, so
-- lift = (20.5 / 26) / (10.5 / 21) = 1.58; its logarithm's standard error is
-- sqrt(1 / 20.5 - 1 / 26 + 1 / 10.5 - 1 / 21) = 0.2402: 1.58 * exp(-+ 0.3951).

TRUNCATE vvault.snapshots;
INSERT INTO vvault.categories VALUES (10, 'Music');
SELECT pg_temp.charts(r, '2026-03-01 06:00Z', '2026-03-02 06:00Z', '24 hours') FROM unnest('{GB,AT}'::text[]) r;
SELECT pg_temp.viral('GB', '2026-03-02 06:00Z', 'a' || n, CASE WHEN n <= 20 THEN 10 ELSE 20 END) FROM generate_series(1, 25) n;
SELECT pg_temp.viral('AT', '2026-03-02 06:00Z', 'a' || n, 10 + 10 * (n % 2)) FROM generate_series(1, 20) n;
SELECT is((vvault_insights('GB') -> 'categories' -> 0)::jsonb,
	'{"category_id": 10, "category": "Music", "viral_days": 20, "share": 0.800, "share_elsewhere": 0.500, "lift": 1.58, "low": 1.06, "high": 2.34}'::jsonb,
	'lift by hand');
SELECT is((SELECT array_agg(c ->> 'category') FROM json_array_elements(vvault_insights('GB') -> 'categories') c),
	'{Music,20}'::text[], 'the top category comes first');
-- The same videos viral for two more days are no more videos: three times the
-- days, nearly the same interval.
SELECT pg_temp.charts(r, '2026-03-03 06:00Z', '2026-03-04 06:00Z', '24 hours') FROM unnest('{GB,AT}'::text[]) r;
INSERT INTO vvault.snapshots (region, video_id, fetched_at, category_id, virality_score)
SELECT s.region, s.video_id, s.fetched_at + d * interval '24 hours', s.category_id, 90
FROM vvault.snapshots s, generate_series(1, 2) d WHERE s.video_id <> '-';
SELECT is((vvault_insights('GB') -> 'categories' -> 0)::jsonb,
	'{"category_id": 10, "category": "Music", "viral_days": 60, "share": 0.800, "share_elsewhere": 0.500, "lift": 1.58, "low": 1.06, "high": 2.34}'::jsonb,
	'days of one video are not counted as independent');
INSERT INTO vvault.regions (region, enabled) VALUES ('AT', false);
SELECT is(vvault_insights('GB') -> 'categories' -> 0 ->> 'lift', NULL, 'no lift where there is nothing to compare with');
DELETE FROM vvault.regions;

--
-- Spread
--
-- US is looked at every hour, GB and AT at half past.
--	one	US 05:00, GB 15:30				10.5 hours later
--	two	US 06:00, GB 06:30 a day later, AT two hours after that: 24.5 and 26.5
--	near	US 05:00, GB 05:30: GB was not looked at in between, so it may have
--		had it first
--	gb	GB 04:30, US 07:00: not from here
--	home	US alone
--	first	in the first chart of US: for how long is not known
-- Started here: one, two, home. 2 of 3 spread; by Wilson 0.5876 -+ 0.3341.

TRUNCATE vvault.snapshots, vvault.videos;
SELECT pg_temp.charts('US', '2026-04-01 00:00Z', '2026-04-05 00:00Z', '1 hour');
SELECT pg_temp.charts(r, '2026-04-01 00:30Z', '2026-04-05 00:30Z', '1 hour') FROM unnest('{GB,AT}'::text[]) r;
INSERT INTO vvault.videos (region, video_id, title, first_seen_at) VALUES
	('US', 'one', 'One', '2026-04-02 05:00Z'), ('GB', 'one', 'One', '2026-04-02 15:30Z'),
	('US', 'two', 'Two', '2026-04-02 06:00Z'), ('GB', 'two', 'Two', '2026-04-03 06:30Z'), ('AT', 'two', 'Two', '2026-04-03 08:30Z'),
	('US', 'near', 'Near', '2026-04-02 05:00Z'), ('GB', 'near', 'Near', '2026-04-02 05:30Z'),
	('US', 'gb', 'GB', '2026-04-02 07:00Z'), ('GB', 'gb', 'GB', '2026-04-02 04:30Z'),
	('US', 'home', 'Home', '2026-04-02 07:00Z'),
	('US', 'first', 'First', '2026-04-01 00:00Z'), ('GB', 'first', 'First', '2026-04-03 00:30Z');
INSERT INTO vvault.snapshots (region, video_id, fetched_at)
SELECT v.region, v.video_id, v.first_seen_at FROM vvault.videos v;
SELECT is((vvault_insights('US') -> 'spread')::jsonb - 'videos',
	'{"started": 3, "spread": 2, "share": 0.667, "low": 0.254, "high": 0.922,
	"to": [{"region": "GB", "videos": 2, "median_hours": 17.5}, {"region": "AT", "videos": 1, "median_hours": 26.5}]}'::jsonb,
	'what started here, what spread and where to');
SELECT is((vvault_insights('US') -> 'spread' -> 'videos')::jsonb,
	'[{"video_id": "two", "title": "Two", "first_seen_at": "2026-04-02T06:00:00+00:00",
		"to": [{"region": "GB", "after_hours": 24.5}, {"region": "AT", "after_hours": 26.5}]},
	{"video_id": "one", "title": "One", "first_seen_at": "2026-04-02T05:00:00+00:00",
		"to": [{"region": "GB", "after_hours": 10.5}]}]'::jsonb,
	'which videos, the farthest first');
SELECT is(vvault_insights('GB') -> 'spread' ->> 'spread', '1', 'the one from GB spread from there');

--
-- What is seasonal, and what is news
--
-- NO on Saturday 6 June 2026 and the 84 days before. Viral videos by category:
--	10	3 every day, 20 on the last: news
--	17	10 on Saturdays, the last one included, else 1: as every Saturday
--	30	1 every day, 12 on the last. A year ago it was 1 a day for twelve weeks, and
--		11 in the week around 364 days ago: (1 + 1) * (11 + 1) / (1 + 1) - 1 = 11
--		were to be expected, at most 11 + 1.645 * sqrt(11) = 16.5
--	24	2 every day: nothing
-- Category 10 may have 3 + 1.645 * sqrt(3 * (1 + 1 / 12)) = 6.0 on a Saturday.

TRUNCATE vvault.snapshots, vvault.videos;
SELECT pg_temp.charts('NO', '2026-03-14 06:00Z', '2026-06-06 06:00Z', '24 hours');
SELECT pg_temp.viral('NO', (date '2026-06-06' - ago + time '06:00') AT TIME ZONE 'UTC',
	format('%s %s %s', c.category, ago, n), c.category)
FROM generate_series(0, 84) ago CROSS JOIN LATERAL (VALUES
		(10, CASE ago WHEN 0 THEN 20 ELSE 3 END),
		(17, CASE ago % 7 WHEN 0 THEN 10 ELSE 1 END),
		(30, CASE ago WHEN 0 THEN 12 ELSE 1 END),
		(24, 2)) c (category, videos),
	generate_series(1, c.videos) n;
SELECT pg_temp.viral('NO', (date '2026-06-06' - ago + time '06:00') AT TIME ZONE 'UTC',
	format('%s %s %s', 30, ago, n), 30)
FROM generate_series(361, 451) ago, generate_series(1, CASE WHEN ago <= 367 THEN 11 ELSE 1 END) n;
SELECT is((vvault_insights('NO') -> 'news')::jsonb,
	'[{"category_id": 10, "category": "Music", "viral": 20, "usual": 3.0, "season": null, "expected": 3.0, "limit": 6.0}]'::jsonb,
	'a surge is news');
SELECT is((SELECT array_agg(s ->> 'category_id' || ' ' || (s ->> 'season')) FROM json_array_elements(vvault_insights('NO') -> 'seasonal') s),
	'{"30 year","17 weekday"}'::text[], 'what comes every Saturday, or came a year ago, is not');
SELECT is((vvault_insights('NO') -> 'seasonal' -> 0)::jsonb,
	'{"category_id": 30, "category": "30", "viral": 12, "usual": 1.0, "season": "year", "expected": 11.0, "limit": 16.5}'::jsonb,
	'a year ago, by hand');
SELECT is(vvault_insights('NO') -> 'seasonal' -> 1 ->> 'expected', '10.0', 'ten are expected on a Saturday');
DELETE FROM vvault.snapshots WHERE fetched_at < '2026-01-01';
SELECT is((SELECT array_agg(n ->> 'category_id') FROM json_array_elements(vvault_insights('NO') -> 'news') n), '{10,30}'::text[],
	'without that year it is news');
SELECT vvault_prune('2026-06-06 00:00Z') > 0 AS pruned;
SELECT is((SELECT array_agg(s ->> 'category_id') FROM json_array_elements(vvault_insights('NO') -> 'seasonal') s), '{17}'::text[],
	'seasons are known after a prune too');

SELECT throws_ok($$SELECT vvault_insights('no')$$, '22023', 'invalid region "no"');
SELECT throws_ok($$SELECT vvault_insights(NULL)$$, '22023', 'region must not be null');
SELECT md5(vvault_insights('NO')::text) AS before \gset
SET LOCAL TimeZone = 'America/Los_Angeles';
SET LOCAL DateStyle = 'German, DMY';
SET LOCAL extra_float_digits = -15;
SELECT is(md5(vvault_insights('NO')::text), :'before', 'no session setting shows through');

--
-- vvault_fetch_schedule()
--
-- Two regions were watched every hour for six weeks until 30 hours ago, and
-- fetched once more at the full hour h just past. Of PL four videos a day become
-- viral between h + 2 and h + 3 hours, of SE between h + 14 and h + 15; once a
-- week it is twelve.

TRUNCATE vvault.snapshots, vvault.videos;
DELETE FROM vvault.daily_stats;
CREATE FUNCTION pg_temp.next_of(region text, what text) RETURNS text LANGUAGE sql AS $$
	SELECT r ->> what FROM json_array_elements(vvault_fetch_schedule() -> 'regions') r WHERE r ->> 'region' = next_of.region
$$;

SELECT is((SELECT count(*) FROM json_array_elements(vvault_fetch_schedule() -> 'regions') r
		WHERE (r ->> 'due')::boolean AND r ->> 'reason' = 'It was never fetched.'
			AND r ->> 'last_fetch_at' IS NULL AND r ->> 'units' = '4'), 7::bigint,
	'what was never fetched is due, and four pages are supposed');

INSERT INTO vvault.regions (region, enabled) SELECT r, false FROM unnest('{US,GB,NL,NO,AT}'::text[]) r;
-- date_trunc() goes by the session's time zone
SELECT date_trunc('hour', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS h \gset
SELECT pg_temp.charts(r, timestamptz :'h' - interval '1008 hours', timestamptz :'h' - interval '30 hours', '1 hour'),
	pg_temp.charts(r, :'h', :'h', '1 hour')
FROM unnest('{PL,SE}'::text[]) r;
SELECT pg_temp.viral(r.region, timestamptz :'h' - d * interval '24 hours' + r.later, format('%s %s', d, n))
FROM (VALUES ('PL', interval '3 hours'), ('SE', interval '15 hours')) r (region, later),
	generate_series(3, 40) d, generate_series(1, CASE d % 7 WHEN 0 THEN 12 ELSE 4 END) n;

-- 12 units a day are six charts a day of each: one in four hours, were there no
-- pattern.
SELECT vvault_set('quota_units', '12');
SELECT is((SELECT array_agg(r ->> 'region') FROM json_array_elements(vvault_fetch_schedule() -> 'regions') r), '{PL,SE}'::text[],
	'the region whose hour comes first is fetched first');
SELECT cmp_ok(pg_temp.next_of('PL', 'next_fetch_at')::timestamptz, '>', timestamptz :'h' + interval '2 hours',
	'not before its hour');
SELECT cmp_ok(pg_temp.next_of('PL', 'next_fetch_at')::timestamptz, '<', timestamptz :'h' + interval '4 hours',
	'nor long after it');
SELECT cmp_ok(pg_temp.next_of('SE', 'next_fetch_at')::timestamptz, '>', timestamptz :'h' + interval '4 hours',
	'the other one waits');
SELECT is(pg_temp.next_of('PL', 'reason'), 'Its share of the quota, by how many videos become viral there at these hours.',
	'with the reason');
SELECT is(round(pg_temp.next_of(r, 'factor')::numeric, 2), (SELECT round((w.factor * h.factor)::numeric, 2)
		FROM vvault.viral_pattern(r) w, vvault.viral_pattern(r) h
		WHERE w.kind = 'weekday' AND w.number = date_part('isodow', t)
			AND h.kind = 'hour' AND h.number = date_part('hour', t)),
	r || ': the factor is that of the weekday and the hour of the next fetch')
FROM unnest('{PL,SE}'::text[]) r, LATERAL (
	SELECT pg_temp.next_of(r, 'next_fetch_at')::timestamptz AT TIME ZONE 'UTC' AS t) n;
SELECT is(pg_temp.next_of('PL', 'due'), 'false', 'none is due yet');
SELECT is(pg_temp.next_of('PL', 'units'), '1', 'a chart of one page costs one unit');
SELECT is(vvault_fetch_schedule() ->> 'used_units', '2', 'of which two were spent today');
SELECT is(vvault_fetch_schedule() ->> 'quota_units', '12', 'and these may be');
SELECT is((SELECT array_agg(k) FROM json_object_keys(vvault_fetch_schedule() -> 'regions' -> 0) k),
	'{region,region_name,next_fetch_at,due,last_fetch_at,units,interval_minutes,expected_starts,factor,reason}'::text[],
	'the keys of a region');

-- A quota that suffices for everything: the shortest interval, from the last
-- chart on.
SELECT vvault_set('quota_units', '100000'), vvault_set('fetch_min_interval', '7200');
SELECT is(pg_temp.next_of(r, 'next_fetch_at')::timestamptz, timestamptz :'h' + interval '2 hours', r || ': never sooner than allowed')
FROM unnest('{PL,SE}'::text[]) r;
SELECT is(pg_temp.next_of('PL', 'reason'), 'The shortest interval allowed: the quota suffices for it.', 'with that reason');

-- Two units a day for two regions suffice for a chart a day, pattern or not;
-- one unit a day suffices for one every other day.
SELECT vvault_set('quota_units', '2'), vvault_set('fetch_min_interval', NULL);
SELECT is(pg_temp.next_of('SE', 'next_fetch_at')::timestamptz, timestamptz :'h' + interval '24 hours', 'at least a chart a day');
SELECT vvault_set('quota_units', '1');
SELECT is(pg_temp.next_of('SE', 'next_fetch_at')::timestamptz, timestamptz :'h' + interval '48 hours',
	'unless the quota does not suffice');
SELECT is(pg_temp.next_of('SE', 'reason'), 'The quota does not suffice for a chart of every region a day.', 'which it says');

-- Spent already: 12 more units 20 hours ago. Three of them must be a day old
-- before one more may be spent, since 12 + 2 + 1 are 3 more than 12.
SELECT vvault_set('quota_units', '12');
INSERT INTO vvault.snapshots (region, video_id, fetched_at, rank)
SELECT 'AT', 'v' || n, now() - interval '20 hours', n FROM generate_series(1, 600) n;
SELECT is(vvault_fetch_schedule() ->> 'used_units', '14', 'a region that is not fetched any more has spent, too');
SELECT is(pg_temp.next_of('PL', 'reason'), 'The quota of 24 hours is used up until then.', 'a spent quota puts off');
SELECT is(pg_temp.next_of('PL', 'next_fetch_at')::timestamptz, now() + interval '4 hours', 'until enough of it is a day old');

-- Overdue: the latest charts are three days old.
DELETE FROM vvault.snapshots WHERE fetched_at > now() - interval '72 hours';
SELECT is((SELECT count(*) FROM json_array_elements(vvault_fetch_schedule() -> 'regions') r
		WHERE (r ->> 'due')::boolean AND (r ->> 'next_fetch_at')::timestamptz = now()
			AND (r ->> 'expected_starts')::numeric > 4), 2::bigint, 'what is overdue is due now');

SELECT * FROM finish();
ROLLBACK;
