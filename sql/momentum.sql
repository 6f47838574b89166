--
-- The momentum score.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vvault CASCADE;
RESET client_min_messages;

-- A video whose raw value is the baseline scores 85, so golden values are
-- written as the raw value worked out by hand, less what its place R costs, and
-- given as the baseline.
--   a: a newcomer; views + 1000 = 10^5, R = 0.5 / 2 with root 0.5, likes + 10 =
--      10^3: 1 - 1.6 * 0.5 - 0.35 * (5 - 5.5) + 0.05 * (3 - 5 + 1.5) = 0.35
--   b: the same without likes: 0.375
--   c: the same with no place known: R = 0.5
--   d: 9200 / (9000 + 1000) = 0.92 in a day, lg(0.92 + 0.08) = 0
--   e: half of that gain in half a day
--   f: no time given counts as a day
--   g: R = 4.5 / 5 = 0.9 costs 0.8 ln(1 + e^2)
--   h: a rank beyond the chart is its end
--   i: fewer views than before are no growth: lg 0.08
--   j: so is no time between the two
--   k: growth is cut at tenfold a day: lg 10.08
--   l: a minute counts as an hour: 24 * 9200 / 240000 = 0.92
--   m: likes tell nothing of a video seen before
--   n: music raises a newcomer by 0.4, o: a video seen before by 0.2
--   p, q: sports and news cost 0.1 of either; r, s: other categories nothing
CREATE FUNCTION pg_temp.sunk(place float8) RETURNS float8
LANGUAGE sql RETURN 0.8 * ln(1 + exp((place - 0.8) / 0.05));
SELECT name, round(vvault_momentum_score(views, views_before, elapsed, rank, chart_length,
	likes, raw - pg_temp.sunk(place), category_id)::numeric, 9) AS score
FROM (VALUES
	('a', 99000, NULL, NULL::interval, 1, 2, 990, NULL, 0.35, 0.25),
	('b', 99000, NULL, NULL, 1, 2, NULL, NULL, 0.375, 0.25),
	('c', 99000, NULL, NULL, NULL, NULL, NULL, NULL, 1.175 - 1.6 * sqrt(0.5), 0.5),
	('d', 18200, 9000, '1 day', NULL, NULL, NULL, NULL, 0, 0.5),
	('e', 13600, 9000, '12 hours', 0, 200, NULL, NULL, 0, 0.5),
	('f', 18200, 9000, NULL, 100, 0, NULL, NULL, 0, 0.5),
	('g', 18200, 9000, '1 day', 5, 5, NULL, NULL, 0, 0.9),
	('h', 18200, 9000, '24:00', 7, 5, NULL, NULL, 0, 1),
	('i', 100, 9000, '1 day', 1, 5, NULL, NULL, log(0.08), 0.1),
	('j', 18200, 9000, '0', 1, 5, NULL, NULL, log(0.08), 0.1),
	('k', 2000000000, 0, '1 day', 1, 5, NULL, NULL, log(10.08), 0.1),
	('l', 248200, 239000, '1 minute', 1, 5, NULL, NULL, 0, 0.1),
	('m', 18200, 9000, '1 day', 1, 5, 18200, NULL, 0, 0.1),
	('n', 99000, NULL, NULL, 1, 2, 990, 10, 0.75, 0.25),
	('o', 18200, 9000, '1 day', 1, 5, NULL, 10, 0.2, 0.1),
	('p', 99000, NULL, NULL, 1, 2, 990, 17, 0.25, 0.25),
	('q', 18200, 9000, '1 day', 1, 5, NULL, 25, -0.1, 0.1),
	('r', 18200, 9000, '1 day', 1, 5, NULL, 24, 0, 0.1),
	('s', 18200, 9000, '1 day', 1, 5, NULL, 0, 0, 0.1)
) AS t (name, views, views_before, elapsed, rank, chart_length, likes, category_id, raw, place)
ORDER BY name;

-- One unit above the baseline multiplies the odds of 85 to 15 by exp(1.2);
-- without a baseline it is 0.37.
SELECT round(vvault_momentum_score(18200, 9000, '1 day', 100, 200, baseline => -1 - pg_temp.sunk(0.4975))::numeric, 9)
		= round((100 / (1 + 15 / 85.0 * exp(-1.2)))::numeric, 9) AS slope,
	vvault_momentum_score(18400, 9000, '1 day')
		= vvault_momentum_score(18400, 9000, '1 day', baseline => 0.37) AS shipped_baseline,
	vvault_momentum_score(NULL, 9000, '1 day', 1, 200, 5) IS NULL AS unknown_views;

-- Both score less with every rank down. Of a video seen before the upper half
-- of the chart takes less than a tenth of a point, the last fifth more than 30.
SELECT count(*) AS steps, count(*) FILTER (WHERE newcomer < newcomer_above) AS newcomer_lower,
	count(*) FILTER (WHERE seen < seen_above) AS seen_lower,
	sum(seen_above - seen) FILTER (WHERE rank <= 100) < 0.1 AS upper_half,
	sum(seen_above - seen) FILTER (WHERE rank > 160) > 30 AS last_fifth
FROM (
	SELECT rank, n AS newcomer, s AS seen, lag(n) OVER w AS newcomer_above, lag(s) OVER w AS seen_above
	FROM generate_series(1, 200) AS rank,
		vvault_momentum_score(500000, NULL, NULL, rank, 200, 20000) AS n,
		vvault_momentum_score(500000, 400000, '1 day', rank, 200) AS s
	WINDOW w AS (ORDER BY rank)
) AS t
WHERE rank > 1;

-- More views raise a video seen before and lower a newcomer; likes raise a
-- newcomer; the same gain counts less over more time.
SELECT count(*) FILTER (WHERE s > s_before) AS views_seen, count(*) FILTER (WHERE n < n_before) AS views_newcomer,
	count(*) FILTER (WHERE l > l_before) AS likes_newcomer, count(*) FILTER (WHERE e < e_before) AS elapsed_seen,
	count(*) AS steps
FROM (
	SELECT i, s, n, l, e, lag(s) OVER w AS s_before, lag(n) OVER w AS n_before, lag(l) OVER w AS l_before,
		lag(e) OVER w AS e_before
	FROM generate_series(1, 100) AS i,
		vvault_momentum_score(50000 + i * 5000, 50000, '1 day', 20, 200) AS s,
		vvault_momentum_score(50000 + i * 5000, NULL, NULL, 20, 200, 3000) AS n,
		vvault_momentum_score(500000, NULL, NULL, 20, 200, i * 400) AS l,
		vvault_momentum_score(90000, 50000, i * interval '1 hour', 20, 200) AS e
	WINDOW w AS (ORDER BY i)
) AS t
WHERE i > 1;

-- Nothing leaves 0 to 100, whatever comes in.
SELECT count(*) AS tried, count(*) FILTER (WHERE score BETWEEN 0 AND 100) AS within
FROM unnest('{0,1,1000,9223372036854775807}'::bigint[]) AS views,
	unnest('{NULL,0,1,9223372036854775807}'::bigint[]) AS views_before,
	unnest('{NULL,-1 day,0,1 microsecond,1 day,2147483647 months,-2147483648 days}'::interval[]) AS elapsed,
	unnest('{NULL,-2147483648,0,1,2147483647}'::integer[]) AS rank,
	unnest('{NULL,-2147483648,0,1,2147483647}'::integer[]) AS chart_length,
	unnest('{NULL,0,9223372036854775807}'::bigint[]) AS likes,
	unnest('{NULL,0,1e308,-1e308,1e-308}'::float8[]) AS baseline,
	unnest('{NULL,-2147483648,10,17}'::integer[]) AS category_id,
	vvault_momentum_score(views, views_before, elapsed, rank, chart_length, likes, baseline, category_id) AS score;

-- Impossible figures are refused, also where the result would be NULL.
SELECT vvault_momentum_score(-1);
SELECT vvault_momentum_score(NULL, -1);
SELECT vvault_momentum_score(1, 1, likes => -1);
SELECT vvault_momentum_score(1, baseline => 'NaN');
SELECT vvault_momentum_score(1, baseline => '-Infinity');

-- IMMUTABLE, PARALLEL SAFE, not STRICT, and described.
SELECT p.provolatile, p.proparallel, p.proisstrict,
	obj_description(p.oid, 'pg_proc') ~ E'^[^\n]+\\.\nUnits and ranges: [^\n]+\nNULL: [^\n]+\nErrors: [^\n]+\nSource: [^\n]+$'
		AS described
FROM pg_proc AS p WHERE p.proname = 'vvault_momentum_score';
