--
-- The pure score functions. Golden values are worked out in the comments.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vvault CASCADE;
RESET client_min_messages;
SET TimeZone = 'UTC';

-- results of logarithms and powers are compared in ten digits: the last one
-- is the C library's
CREATE FUNCTION pg_temp.digits(float8) RETURNS numeric
LANGUAGE sql RETURN trim_scale(round($1::numeric, 10));

-- the SQLSTATE and the message of an error
CREATE FUNCTION pg_temp.error_of(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE query;
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' ', SQLSTATE, SQLERRM, CASE WHEN hint <> '' THEN '+ hint' END);
END
$$;

CREATE FUNCTION pg_temp.finite(float8) RETURNS boolean
LANGUAGE sql RETURN $1 NOT IN ('NaN', 'Infinity', '-Infinity');

--
-- vvault_engagement_rate: likes / views * 100
--
-- 50 / 1000 = 0.05, 5 percent; no views, 0; more likes than views, 200;
-- (2^63 - 1) / 1 * 100 = 922337203685477580700, a float8 of 9.223372036854776e+20
SELECT vvault_engagement_rate(50, 1000) AS five,
	vvault_engagement_rate(0, 10) AS zero,
	vvault_engagement_rate(10, 0) AS no_views,
	vvault_engagement_rate(2, 1) AS two_hundred,
	vvault_engagement_rate(9223372036854775807, 1) AS most,
	vvault_engagement_rate(9223372036854775807, 9223372036854775807) AS hundred;
SELECT vvault_engagement_rate(NULL, 10) IS NULL AND vvault_engagement_rate(10, NULL) IS NULL AS strict;
SELECT vvault_engagement_rate(-1, 10);
SELECT vvault_engagement_rate(1, -10);
SELECT vvault_engagement_rate(views => 200, likes => 3);
SELECT pg_temp.error_of('SELECT vvault_engagement_rate(-9223372036854775808, 0)');

--
-- vvault.weighted_engagement: (likes + 2 * comments) / views * 100
--
-- (30 + 2 * 10) / 1000 = 5 percent; likes alone 30 / 1000 = 3 percent;
-- comments alone 20 / 1000 = 2 percent; twice 2^63 - 1 does not fit into int8:
-- 3 * (2^63 - 1) / (2^63 - 1) = 300 percent
SELECT vvault.weighted_engagement(30, 10, 1000) AS five,
	vvault.weighted_engagement(30, NULL, 1000) AS three,
	vvault.weighted_engagement(NULL, 10, 1000) AS two,
	vvault.weighted_engagement(30, 10, 0) AS no_views,
	vvault.weighted_engagement(NULL, NULL, 1000) AS unknown,
	vvault.weighted_engagement(30, 10, NULL) AS unknown_views,
	vvault.weighted_engagement(9223372036854775807, 9223372036854775807, 9223372036854775807) AS three_hundred;
SELECT pg_temp.error_of(format('SELECT vvault.weighted_engagement(%s)', args))
FROM (VALUES ('-1, 0, 1'), ('0, -1, 1'), ('0, 0, -1'), ('NULL, NULL, -1')) a (args);

--
-- vvault_view_velocity: views gained per hour
--
-- 1000 in half an hour, 2000; 1000 in 20 minutes, 3000; 2400 in a day, 100;
-- 720000 in a month of 30 days = 720 hours, 1000; 1000 in a day less 20 hours, 250
SELECT vvault_view_velocity(1500, 500, '30 minutes') AS two_thousand,
	vvault_view_velocity(1500, 500, '20 minutes') AS three_thousand,
	vvault_view_velocity(2400, 0, '1 day') AS hundred,
	vvault_view_velocity(720000, 0, '1 month') AS thousand,
	vvault_view_velocity(1000, 0, '1 day -20 hours') AS two_fifty;
-- nothing gained, or no time in which to gain it
SELECT vvault_view_velocity(500, 500, '1 hour') AS still,
	vvault_view_velocity(400, 500, '1 hour') AS fewer,
	vvault_view_velocity(1500, 500, '0') AS no_time,
	vvault_view_velocity(1500, 500, '-1 hour') AS backwards,
	vvault_view_velocity(1500, 500, '1 month -30 days') AS cancelled,
	vvault_view_velocity(1500, 500, '-1 month 29 days 23:59:59') AS just_before;
-- one microsecond over thirty days that cancel out: 1 view, 3.6e9 an hour
SELECT vvault_view_velocity(1, 0, '1 month -30 days 0.000001 seconds');
-- 2^63 - 1 - (-2^63) = 2^64 - 1 views in a microsecond, 2^64 * 3.6e9 an hour
SELECT vvault_view_velocity(9223372036854775807, -9223372036854775808, '0.000001 seconds') = 2.0 ^ 64 * 3.6e9 AS most;
SELECT vvault_view_velocity(-9223372036854775808, 9223372036854775807, '1 hour') AS least;
SELECT vvault_view_velocity(NULL, 1, '1 hour') IS NULL AND vvault_view_velocity(1, NULL, '1 hour') IS NULL
	AND vvault_view_velocity(1, 1, NULL) IS NULL AS strict;
-- infinite intervals came with PostgreSQL 17
DO $$
BEGIN
	IF current_setting('server_version_num')::integer >= 170000 THEN
		EXECUTE $q$SELECT 1 / (vvault_view_velocity(10, 0, 'infinity') = 0
			AND vvault_view_velocity(10, 0, '-infinity') = 0)::integer$q$;
	END IF;
END
$$;

--
-- vvault_virality_score: 0.35 velocity + 0.25 engagement + 0.25 shares + 0.15 sentiment
--
-- half of either baseline: 50.
-- velocity over its baseline 100, engagement 50: (35 * 100 + 25 * 50) / 60 = 79.1666...
-- all four, 50, 50, 80, 20: 17.5 + 12.5 + 20 + 3 = 53
SELECT vvault_virality_score(5000, 3, 10000, 6) AS fifty,
	vvault_virality_score(20000, 3, 10000, 6) AS capped,
	vvault_virality_score(5000, 3, 10000, 6, 80, 20) AS fifty_three,
	vvault_virality_score(10000, 6, 10000, 6, 100, 100) AS hundred,
	vvault_virality_score(0, 0, 10000, 6) AS zero;
-- parts that are not known: 0.25 * 100 + 0.25 * 0 of 0.5 is 50;
-- 0.35 * 100 + 0.15 * 50 of 0.5 is 85; one part alone is the score
SELECT vvault_virality_score(NULL, 6, NULL, 6, 0) AS fifty,
	vvault_virality_score(10000, NULL, 10000, NULL, NULL, 50) AS eighty_five,
	vvault_virality_score(NULL, NULL, NULL, NULL, NULL, 40) AS forty,
	vvault_virality_score(NULL, 3, NULL, 6) AS fifty_too,
	vvault_virality_score(NULL, NULL, NULL, NULL) AS unknown,
	vvault_virality_score(NULL, NULL, -1, 'NaN') AS baselines_of_nothing;
-- any subset of parts at 100 makes exactly 100
SELECT DISTINCT vvault_virality_score(v, e, 1, 1, s, m)
FROM (VALUES (1), (NULL)) a (v), (VALUES (1), (NULL)) b (e), (VALUES (100), (NULL)) c (s), (VALUES (100), (NULL)) d (m)
WHERE num_nonnulls(v, e, s, m) > 0;
-- the largest figures and the smallest baselines: 0 to 100, whatever comes
SELECT count(*), bool_and(score BETWEEN 0 AND 100) AS in_range
FROM unnest('{0, 5e-324, 1e-308, 1, 1e308, 1.7976931348623157e308, Infinity}'::float8[]) figure,
	unnest('{5e-324, 1e-308, 1, 1e308, 1.7976931348623157e308}'::float8[]) baseline,
	LATERAL (SELECT vvault_virality_score(figure, figure, baseline, baseline)) s (score);
SELECT vvault_virality_score('Infinity', 0, 10000, 6);
SELECT vvault_virality_score(1, 1, 0, 6);
SELECT vvault_virality_score(-1, 1, 10000, 6);
SELECT vvault_virality_score(1, 1, 10000, 6, 101);
SELECT args, pg_temp.error_of(format('SELECT vvault_virality_score(%s)', args)) AS error
FROM (VALUES ('''NaN'', 1, 1, 1'), ('1, -0.1, 1, 1'), ('1, ''NaN'', 1, 1'), ('1, 1, 1, 1, -1'), ('1, 1, 1, 1, ''NaN'''),
	('1, 1, 1, 1, NULL, 100.5'), ('1, 1, 1, 1, NULL, ''-Infinity'''), ('1, 1, NULL, 1'), ('1, 1, 1, NULL'), ('1, 1, -1, 1'),
	('1, 1, 1, 0'), ('1, 1, ''NaN'', 1'), ('1, 1, 1, ''Infinity'''), ('1, NULL, 1, NULL')) a (args);

--
-- vvault_trending_score: 0.40 velocity + 0.35 engagement + 0.25 recency
--
-- 1000 views/h of 10000: 4 points. (1010 + 2 * 505) / 101000 = 2 % of 5 %: 14 points.
-- Published 12 hours ago, half of 25: 12.5 points. Together 30.5.
SELECT vvault_trending_score(101000, 100000, '1 hour', 1010, 505, '2024-05-01 00:00+00', '2024-05-01 12:00+00');
-- one part at a time: all velocity 40, all engagement 35, just published 25, and all of them
SELECT vvault_trending_score(20000, 0, '1 hour', 0, 0, '-infinity', '2024-05-01 00:00+00') AS forty,
	vvault_trending_score(20000, 20000, '1 hour', 0, 500, '-infinity', '2024-05-01 00:00+00') AS thirty_five,
	vvault_trending_score(0, 0, '1 hour', 0, 0, '2024-05-01 00:00+00', '2024-05-01 00:00+00') AS twenty_five,
	vvault_trending_score(20000, 0, '1 hour', 20000, 20000, '2024-05-01 00:00+00', '2024-05-01 00:00+00') AS hundred;
-- recency: 36 hours are three half-lives, 25 / 8 = 3.125; the future counts as now
SELECT vvault_trending_score(0, 0, '0', 0, 0, '2024-05-01 00:00+00', '2024-05-02 12:00+00') AS eighth,
	vvault_trending_score(0, 0, '0', 0, 0, '2024-05-03 00:00+00', '2024-05-02 12:00+00') AS future,
	vvault_trending_score(0, 0, '0', 0, 0, 'infinity', '2024-05-02 12:00+00') AS far_future,
	vvault_trending_score(0, 0, '0', 0, 0, '2024-05-01 00:00+00', 'infinity') AS long_ago;
-- counts below zero are taken as zero: 10000 views/h of the 10000 there are, then no engagement
SELECT vvault_trending_score(10000, -5, '1 hour', -1, -1, '-infinity', '2024-05-01 00:00+00') AS forty,
	vvault_trending_score(-1, -2, '1 hour', 5, 5, '-infinity', '2024-05-01 00:00+00') AS zero;
SELECT bool_and(vvault_trending_score(n[1], n[2], make_interval(hours => n[3]), n[4], n[5],
	to_timestamp(n[6]), to_timestamp(n[7])) IS NULL) AS strict
FROM (VALUES ('{NULL,1,1,1,1,1,1}'::integer[]), ('{1,NULL,1,1,1,1,1}'), ('{1,1,NULL,1,1,1,1}'), ('{1,1,1,NULL,1,1,1}'),
	('{1,1,1,1,NULL,1,1}'), ('{1,1,1,1,1,NULL,1}'), ('{1,1,1,1,1,1,NULL}')) a (n);

--
-- vvault_trending_base: the part of it that does not move with the clock
--
-- the 4 and 14 points of above, 18; without velocity 14; without reactions 4; all there is, 75
SELECT vvault_trending_base(1000, 101000, 1010, 505) AS eighteen,
	vvault_trending_base(NULL, 101000, 1010, 505) AS fourteen,
	vvault_trending_base(1000, 101000, NULL, NULL) AS four,
	vvault_trending_base(1000, 0, 1010, 505) AS four_too,
	vvault_trending_base(1000, NULL, 1010, 505) AS four_as_well,
	vvault_trending_base(1e300, 1, 9223372036854775807, NULL) AS most,
	vvault_trending_base(NULL, NULL, NULL, NULL) AS zero;
SELECT args, pg_temp.error_of(format('SELECT vvault_trending_base(%s)', args)) AS error
FROM (VALUES ('-1, 1, 1, 1'), ('1, -1, 1, 1'), ('1, 1, -1, 1'), ('1, 1, 1, -1'), ('''NaN'', 1, 1, 1')) a (args);
-- with recency it is the score
SELECT bool_and(abs(vvault_trending_base(vvault_view_velocity(v, b, '3 hours'), v, l, l / 7)
	+ vvault_trending_score(0, 0, '0', 0, 0, '2024-05-01 00:00+00', as_of)
	- vvault_trending_score(v, b, '3 hours', l, l / 7, '2024-05-01 00:00+00', as_of)) < 1e-9) AS sums
FROM generate_series(0, 20000, 5000) v, generate_series(0, 20000, 5000) b, generate_series(0, 2000, 250) l,
	generate_series(timestamptz '2024-05-01 00:00+00', '2024-05-03 00:00+00', interval '9 hours') as_of;

--
-- vvault_hot_score: lg max(likes, 1) + t / 45000
--
-- 1970-01-01 12:30 is t = 45000: 1, and lg 1000 = 3, together 4.
-- 2017-10-01 is t = 1506816000: 33484.8, and lg 100 = 2, together 33486.8.
SELECT pg_temp.digits(vvault_hot_score(1000, '1970-01-01 12:30+00')) AS four,
	pg_temp.digits(vvault_hot_score(100, '2017-10-01 00:00+00')) AS "33486.8",
	pg_temp.digits(vvault_hot_score(10, '1969-12-31 11:30+00')) AS zero;
-- hidden likes, no likes and fewer count as one
SELECT vvault_hot_score(NULL, '1970-01-01 12:30+00') AS hidden,
	vvault_hot_score(1, '1970-01-01 12:30+00') AS one,
	vvault_hot_score(0, '1970-01-01 12:30+00') AS none,
	vvault_hot_score(-9223372036854775808, '1970-01-01 12:30+00') AS least,
	vvault_hot_score(1, NULL) AS unknown;
-- an infinite time counts as the end of the calendar, and comes first or last
SELECT array_agg(to_json(t) #>> '{}' ORDER BY vvault_hot_score(1, t), t DESC) AS by_score
FROM unnest('{2024-05-01 00:00+00, infinity, 4714-11-24 00:00:00+00 BC, -infinity, 1970-01-01 00:00+00}'::timestamptz[]) t
WHERE isfinite(t) OR vvault_hot_score(1, t) IN (vvault_hot_score(1, '4714-11-24 00:00:00+00 BC'),
	vvault_hot_score(1, '294276-12-31 23:59:59.999999+00'));
-- what it is for: a key of an index, likes hidden or not
CREATE TEMPORARY TABLE hot (id integer, likes bigint, published_at timestamptz,
	score float8 GENERATED ALWAYS AS (vvault_hot_score(likes, published_at)) STORED);
CREATE INDEX ON hot (score DESC, id);
INSERT INTO hot VALUES (1, NULL, '2024-05-01 00:00+00'), (2, 10, '2024-05-01 00:00+00'), (3, 1, '2024-05-01 12:00+00');
-- ten times the likes make up for 12.5 hours, half an hour more than there is
SELECT id FROM hot ORDER BY score DESC, id;

--
-- Rivals
--
-- Reddit: lg 100 + 1 = 3, -lg 100 + 1 = -1, lg max(0, 1) + 1 = 1, -lg 1 + 1 = 1
SELECT pg_temp.digits(vvault_reddit_hot(s, '1970-01-01 12:30+00'))
FROM unnest('{100, -100, 0, -1}'::bigint[]) s;
-- Hacker News, 30 hours old: (513 - 1) / 32^1.8 = 512 / 2^9 = 1; no more than the author's point, 0; below it -1/512
SELECT pg_temp.digits(vvault_hacker_news(p, '2024-05-01 00:00+00', '2024-05-02 06:00+00'))
FROM unnest('{513, 1, 0}'::bigint[]) p;
-- Lemmy, 30 hours old: lg 100 / 512 = 0.00390625, lg 10 / 512 = 0.001953125, at least lg 2 / 512 = 0.0005879492
SELECT pg_temp.digits(vvault_lemmy_hot(s, '2024-05-01 00:00+00', '2024-05-02 06:00+00'))
FROM unnest('{98, 8, 0, -5, -9223372036854775808}'::bigint[]) s;
-- the future counts as now, 2^1.8 = 3.4822022532: 99 / 3.4822022532 = 28.4302842861, lg 100 / 3.4822022532 = 0.5743491775
SELECT round(vvault_hacker_news(100, '2024-05-03 00:00+00', '2024-05-02 06:00+00')::numeric, 8) AS hacker_news,
	round(vvault_lemmy_hot(98, 'infinity', '2024-05-02 06:00+00')::numeric, 8) AS lemmy;
-- PeerTube: 150 * 2 - 150 * 1 + 16 * 3 + 100 * 1 + 47000 / 47000 = 299; nothing at all, 1
SELECT pg_temp.digits(vvault_peertube_hot(101, 11, 999, 10, '1970-01-01 13:03:20+00')) AS "299",
	pg_temp.digits(vvault_peertube_hot(0, 0, 0, 0, '1970-01-01 13:03:20+00')) AS one,
	pg_temp.digits(vvault_peertube_hot(-1, -1, -1, -1, '1970-01-01 13:03:20+00')) AS one_too;
SELECT vvault_reddit_hot(NULL, now()) IS NULL AND vvault_reddit_hot(1, NULL) IS NULL
	AND vvault_hacker_news(NULL, now(), now()) IS NULL AND vvault_hacker_news(1, NULL, now()) IS NULL
	AND vvault_hacker_news(1, now(), NULL) IS NULL
	AND vvault_lemmy_hot(NULL, now(), now()) IS NULL AND vvault_lemmy_hot(1, NULL, now()) IS NULL
	AND vvault_lemmy_hot(1, now(), NULL) IS NULL
	AND vvault_peertube_hot(NULL, 1, 1, 1, now()) IS NULL AND vvault_peertube_hot(1, NULL, 1, 1, now()) IS NULL
	AND vvault_peertube_hot(1, 1, NULL, 1, now()) IS NULL AND vvault_peertube_hot(1, 1, 1, NULL, now()) IS NULL
	AND vvault_peertube_hot(1, 1, 1, 1, NULL) IS NULL AS strict;

--
-- Any bigint, any timestamp, any interval: a finite number of the right range
--
CREATE TEMPORARY VIEW counts AS
	SELECT * FROM unnest('{-9223372036854775808, -9223372036854775807, -1, 0, 1, 2, 3, 9223372036854775806, 9223372036854775807}'::bigint[]) n;
CREATE TEMPORARY VIEW instants AS
	SELECT * FROM unnest(ARRAY['-infinity', '4714-11-24 00:00:00+00 BC', '1970-01-01 00:00+00', '2000-01-01 00:00+00',
		'2024-05-01 00:00+00', '294276-12-31 23:59:59.999999+00', 'infinity']::timestamptz[]) t;
CREATE TEMPORARY VIEW spans AS
	SELECT * FROM unnest(ARRAY['178956970 years 7 mons 2147483647 days 2562047788:00:54.775806', '-178956970 years -8 mons -2147483648 days',
		'-2562047788:00:54.775807', '178956970 years -2147483648 days', '0', '0.000001 seconds', '1 hour']::interval[]) i;

SELECT count(*), count(*) FILTER (WHERE score < 0 OR NOT pg_temp.finite(score)) AS wrong
FROM counts a, counts b, LATERAL (SELECT vvault_engagement_rate(a.n, b.n)) s (score)
WHERE a.n >= 0 AND b.n >= 0;
SELECT count(*), count(*) FILTER (WHERE score < 0 OR NOT pg_temp.finite(score)) AS wrong
FROM counts a, counts b, counts c, LATERAL (SELECT vvault.weighted_engagement(a.n, b.n, c.n)) s (score)
WHERE a.n >= 0 AND b.n >= 0 AND c.n >= 0;
SELECT count(*), count(*) FILTER (WHERE score < 0 OR NOT pg_temp.finite(score)) AS wrong,
	count(*) FILTER (WHERE (score > 0) <> (a.n > b.n AND i > '0')) AS wrong_sign
FROM counts a, counts b, spans, LATERAL (SELECT vvault_view_velocity(a.n, b.n, i)) s (score);
SELECT count(*), count(*) FILTER (WHERE score NOT BETWEEN 0 AND 100) AS wrong
FROM counts a, counts b, spans, counts c, instants p, instants q,
	LATERAL (SELECT vvault_trending_score(a.n, b.n, i, c.n, b.n, p.t, q.t)) s (score);
SELECT count(*), count(*) FILTER (WHERE NOT pg_temp.finite(hot)) AS wrong_hot,
	count(*) FILTER (WHERE NOT pg_temp.finite(reddit)) AS wrong_reddit
FROM counts, instants, LATERAL (SELECT vvault_hot_score(n, t), vvault_reddit_hot(n, t)) s (hot, reddit);
SELECT count(*), count(*) FILTER (WHERE NOT pg_temp.finite(hacker_news)) AS wrong_hacker_news,
	count(*) FILTER (WHERE lemmy <= 0 OR NOT pg_temp.finite(lemmy)) AS wrong_lemmy
FROM counts, instants p, instants q,
	LATERAL (SELECT vvault_hacker_news(n, p.t, q.t), vvault_lemmy_hot(n, p.t, q.t)) s (hacker_news, lemmy);
SELECT count(*), count(*) FILTER (WHERE NOT pg_temp.finite(score)) AS wrong
FROM counts a, counts b, counts c, instants, LATERAL (SELECT vvault_peertube_hot(a.n, b.n, c.n, b.n, t)) s (score);

--
-- Against the formulas in SQL, at random points
--
SELECT setseed(0.25);
CREATE TEMPORARY TABLE points AS
	SELECT (random() * 1e7)::bigint AS views, (random() * 1e7)::bigint AS views_before, (random() * 1e5)::bigint AS likes,
		(random() * 1e4)::bigint AS comments, (random() * 1e3)::bigint AS dislikes, random() * interval '10 days' AS elapsed,
		timestamptz '2024-05-01 00:00+00' - random() * interval '3 days' AS published_at,
		timestamptz '2024-05-01 00:00+00' AS as_of
	FROM generate_series(1, 1000);
CREATE TEMPORARY TABLE differences AS
SELECT abs(vvault_trending_score(views, views_before, elapsed, likes, comments, published_at, as_of)
		- (0.40 * least(100, 100 * greatest(views - views_before, 0) / (date_part('epoch', elapsed) / 3600) / 10000)
		+ 0.35 * least(100, 100 * ((likes + 2 * comments)::float8 / nullif(views, 0) * 100) / 5)
		+ 0.25 * 100 * power(0.5, hours / 12))) AS trending,
	abs(vvault_hot_score(likes, published_at)
		- (log(greatest(likes, 1)::float8) + date_part('epoch', published_at) / 45000)) AS hot,
	abs(vvault_hacker_news(likes, published_at, as_of) - (likes - 1) / power(hours + 2, 1.8)) / (1 + likes) AS hacker_news,
	abs(vvault_lemmy_hot(likes, published_at, as_of)
		- log(greatest(2, likes + 2)::float8) / power(hours + 2, 1.8)) AS lemmy,
	abs(vvault_peertube_hot(likes, dislikes, views, comments, published_at)
		- (150 * log(greatest(likes - 1, 1)::float8) - 150 * log(greatest(dislikes - 1, 1)::float8)
		+ 16 * log(views + 1::float8) + 100 * log(greatest(comments, 1)::float8)
		+ date_part('epoch', published_at) / 47000)) AS peertube,
	abs(vvault_virality_score(views, comments, 5e6, 5e3, likes / 1e3, dislikes / 1e1)
		- (0.35 * least(100, 100 * views / 5e6) + 0.25 * least(100, 100 * comments / 5e3)
		+ 0.25 * likes / 1e3 + 0.15 * dislikes / 1e1)) AS virality
FROM points, LATERAL (SELECT date_part('epoch', as_of - published_at) / 3600) a (hours);
SELECT max(trending) < 1e-9 AS trending, max(hot) < 1e-9 AS hot, max(hacker_news) < 1e-9 AS hacker_news,
	max(lemmy) < 1e-9 AS lemmy, max(peertube) < 1e-9 AS peertube, max(virality) < 1e-9 AS virality
FROM differences;
