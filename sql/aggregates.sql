--
-- The aggregates over numbers: vvault_engagement, vvault_virality,
-- vvault_viral_stats and vvault_auc; vvault_feed has a test of its own.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vvault CASCADE;
RESET client_min_messages;
SET TimeZone = 'UTC';

CREATE SCHEMA aggregates_test;
SET search_path = public, aggregates_test;

CREATE FUNCTION aggregates_test.error_of(query text) RETURNS text
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

-- which of these words a plan has
CREATE FUNCTION aggregates_test.plan_has(query text, VARIADIC words text[]) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN ARRAY(SELECT word FROM unnest(words) word WHERE strpos(plan, word) > 0);
END
$$;

--
-- Golden values
--
-- vvault_engagement: (10 + 30) likes of (100 + 900) views, 4 percent, where the
-- mean of the rates would be (10 + 3.33) / 2; the rows with a NULL do not count
SELECT vvault_engagement(likes, views)
FROM (VALUES (10, 100), (30, 900), (NULL, 1000000), (5, NULL)) v (likes, views);
-- no rows, no complete row, no views
SELECT vvault_engagement(1, 1) FILTER (WHERE false) AS no_rows, vvault_engagement(NULL, 1) AS no_pair,
	vvault_engagement(5, 0) AS no_views;
SELECT vvault_engagement(-1, 1);
SELECT vvault_engagement(1, -1);
-- a row that is skipped is not looked at
SELECT vvault_engagement(NULL, -1);
-- int8 extremes: 2 * (2^63 - 1) of 3 * (2^63 - 1), 66.66...; and the sum of a million of the largest
SELECT vvault_engagement(likes, 9223372036854775807)
FROM (VALUES (9223372036854775807), (9223372036854775807), (0)) v (likes);
SELECT vvault_engagement(9223372036854775807, 9223372036854775807) FROM generate_series(1, 1000000);

-- vvault_virality: two hours between the two latest, 2000 views gained, 1000 an
-- hour of 10000: 10. (60 + 2 * 20) / 4000 = 2.5 % of 5 %: 50.
-- (35 * 10 + 25 * 50) / 60 = 1600 / 60 = 26.66...; the first snapshot does not count
SELECT vvault_virality(fetched_at, views, likes, comments, 10000, 5)
FROM (VALUES (timestamptz '2024-05-01 10:00+00', 2000, 50, 10), ('2024-05-01 12:00+00', 4000, 60, 20),
	('2024-04-30 12:00+00', 0, 0, 0)) v (fetched_at, views, likes, comments);
-- in any order
SELECT DISTINCT vvault_virality(v.fetched_at, v.views, v.likes, v.comments, 10000, 5 ORDER BY o.ordinality)
FROM (VALUES ('{1,2,3}'::integer[]), ('{1,3,2}'), ('{2,1,3}'), ('{2,3,1}'), ('{3,1,2}'), ('{3,2,1}')) p (places),
	LATERAL unnest(places) WITH ORDINALITY o (id, ordinality)
	JOIN (VALUES (1, timestamptz '2024-05-01 10:00+00', 2000, 50, 10), (2, '2024-05-01 12:00+00', 4000, 60, 20),
		(3, '2024-04-30 12:00+00', 0, 0, 0)) v (id, fetched_at, views, likes, comments) USING (id)
GROUP BY p.places;
-- a rate needs half an hour: 300 views in 5 seconds are 600 an hour, of 10000: 6;
-- the same 20 seconds later hardly matters: 1000 in 3620 seconds. At 12:29:59 the
-- base is 11:30, 2000 less in 3599 seconds; at 12:30 it is 12:00, 1200 less
SELECT round(vvault_virality(fetched_at, views, NULL, NULL, 10000, NULL)::numeric, 6) AS five_seconds
FROM (VALUES (timestamptz '2024-05-01 12:00:00+00', 1000), ('2024-05-01 12:00:05+00', 1300)) v (fetched_at, views);
SELECT round(vvault_virality(fetched_at, views, NULL, NULL, 10000, NULL)::numeric, 6) AS repeated
FROM (VALUES (timestamptz '2024-05-01 11:00:00+00', 1000), ('2024-05-01 12:00:00+00', 2000),
	('2024-05-01 12:00:20+00', 2000)) v (fetched_at, views);
SELECT round((vvault_virality(fetched_at, views, NULL, NULL, 10000, NULL) FILTER (WHERE fetched_at < '2024-05-01 12:30+00'))::numeric, 6) AS before,
	round(vvault_virality(fetched_at, views, NULL, NULL, 10000, NULL)::numeric, 6) AS old_enough
FROM (VALUES (timestamptz '2024-05-01 11:30:00+00', 1000), ('2024-05-01 12:00:00+00', 1800),
	('2024-05-01 12:29:59+00', 3000), ('2024-05-01 12:30:00+00', 3000)) v (fetched_at, views);
-- one observation: no velocity, (35 * 0 + 25 * 50) / 60 = 20.83...; hidden likes
-- count 0: 2 * 50 / 4000 = 2.5 %, the same; both hidden: velocity alone, 0
SELECT vvault_virality('2024-05-01', 4000, 60, 20, 10000, 5) AS one,
	vvault_virality('2024-05-01', 4000, NULL, 50, 10000, 5) AS no_likes,
	vvault_virality('2024-05-01', 4000, NULL, NULL, 10000, NULL) AS velocity_alone;
-- no views: engagement 0; without time or views there is no observation
SELECT vvault_virality('2024-05-01', 0, 60, 20, 10000, 5) AS no_views,
	vvault_virality(NULL, 4000, 60, 20, 10000, 5) AS no_time,
	vvault_virality('2024-05-01', NULL, 60, 20, 10000, 5) AS views_unknown,
	vvault_virality('2024-05-01', 1, 1, 1, 10000, 5) FILTER (WHERE false) AS no_rows;
-- equal times: the larger (views, likes, comments), NULL the least, whichever
-- comes first: 4000 views, 60 likes and 20 comments after 2000 views, as above
SELECT DISTINCT vvault_virality(v.fetched_at, v.views, v.likes, v.comments, 10000, 5 ORDER BY hashtext(v::text || seed))
FROM (VALUES (timestamptz '2024-05-01 12:00+00', 4000, 60, 20), ('2024-05-01 12:00+00', 4000, 60, NULL),
		('2024-05-01 12:00+00', 4000, 60, 19), ('2024-05-01 12:00+00', 4000, NULL, 900),
		('2024-05-01 12:00+00', 4000, 59, 900), ('2024-05-01 12:00+00', 3999, 900, 900),
		('2024-05-01 10:00+00', 2000, 50, 10), ('2024-05-01 10:00+00', 1999, 900, 900),
		('2024-05-01 10:00+00', 2000, NULL, NULL)) v (fetched_at, views, likes, comments),
	generate_series(1, 50) seed
GROUP BY seed;
-- the ends of the calendar are further apart than 2^63 microseconds: hardly any velocity, but some
SELECT vvault_virality(fetched_at, views, NULL, NULL, 1e-9, NULL) > 0 AS finite_time
FROM (VALUES ('4714-11-24 00:00:00+00 BC'::timestamptz, 0), ('294276-12-31 23:59:59.999999+00', 1)) v (fetched_at, views);
SELECT vvault_virality(fetched_at, views, NULL, NULL, 1e-300, NULL) AS infinite_time
FROM (VALUES ('-infinity'::timestamptz, 0), ('294276-12-31 23:59:59.999999+00', 9223372036854775807)) v (fetched_at, views);
SELECT vvault_virality('2024-05-01', 1, 1, 1, v, 5) FROM (VALUES (1), (2)) b (v);
SELECT error_of(format('SELECT vvault_virality(timestamptz ''2024-05-01'', %s) FROM (VALUES (1), (2)) v (i)', args))
FROM (VALUES ('1, 1, 1, 1, i'), ('1, 1, 1, 1, nullif(i, 2)'), ('1, 1, 1, nullif(i, 1), 1'), ('-1, 1, 1, 1, 1'),
	('1, -1, 1, 1, 1'), ('1, 1, -1, 1, 1'), ('1, 1, 1, NULL, 1'), ('1, 1, 1, 0, 1'), ('1, 1, 1, ''NaN'', 1'),
	('1, 1, 1, 1, ''Infinity'''), ('1, 1, 1, 1, -1'), ('1, 1, 1, 1, NULL'), ('1, NULL, NULL, 1, NULL')) a (args);

-- vvault_viral_stats: 7 rows, of the 5 scores 85, 85.5 and 100 are viral, mean
-- (85 + 85.5 + 100 + 10 + 0) / 5 = 56.1; categories 20 and 10 have 2 rows each, 10 is the smaller
SELECT (vvault_viral_stats(score, category_id, 85)).*
FROM (VALUES (85.0, 20), (85.5, 10), (100, NULL), (10, 20), (0, 10), (NULL, 30), (NULL, NULL)) v (score, category_id);
SELECT vvault_viral_stats(1, 1, 85) FILTER (WHERE false) AS no_rows, vvault_viral_stats(NULL, NULL, 85) AS nothing_known,
	vvault_viral_stats(84.9999999, -2147483648, 85) AS almost;
-- millionths, halves away from zero: 0.0000005 counts as one millionth, 0.0000004 as none
SELECT (vvault_viral_stats(0.0000005, 1, 0)).avg_score AS half, (vvault_viral_stats(0.0000004, 1, 0)).avg_score AS less;
SELECT pg_typeof(vvault_viral_stats(1, 1, 1));
SELECT vvault_viral_stats(100.5, 1, 85);
SELECT vvault_viral_stats(1, 1, NULL);
SELECT args, error_of(format('SELECT vvault_viral_stats(%s)', args))
FROM (VALUES ('-0.1, 1, 85'), ('''NaN'', 1, 85'), ('''Infinity'', 1, 85'), ('NULL, 1, NULL'), ('1, 1, ''NaN''')) a (args);

-- vvault_auc: positives 3, 5, 5 and negatives 1, 3, 5: of 9 pairs 3 beats 1 and ties 3,
-- either 5 beats 1 and 3 and ties 5: (1 + 0.5 + 2 * 2.5) / 9 = 6.5 / 9 = 0.7222...
SELECT vvault_auc(score, label)
FROM (VALUES (3, true), (5, true), (5, true), (1, false), (3, false), (5, false), (NULL, true), (9, NULL)) v (score, label);
-- all above, all below, all equal, NaN above all and equal to itself: (1 + 0.5) / 2
SELECT vvault_auc(i, i > 5) AS one, vvault_auc(i, i < 5) AS zero, vvault_auc(0, i > 5) AS half FROM generate_series(1, 10) i;
SELECT vvault_auc(score, label) AS three_quarters, vvault_auc(-score, label) AS the_same
FROM (VALUES ('NaN'::float8, true), ('Infinity', false), ('NaN', false)) v (score, label);
SELECT vvault_auc(1, true) AS no_negatives, vvault_auc(1, false) AS no_positives, vvault_auc(NULL, NULL) AS nothing,
	vvault_auc(1, true) FILTER (WHERE false) AS no_rows;

--
-- The same figures in naive SQL, over random rows with NULLs, ties and extremes
--
SELECT setseed(0.5);
CREATE TABLE aggregates_test.obs (id integer, region text, video integer, fetched_at timestamptz, views bigint,
	likes bigint, comments bigint, score float8, category_id integer, label boolean) PARTITION BY HASH (id);
CREATE TABLE aggregates_test.obs_0 PARTITION OF aggregates_test.obs FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE aggregates_test.obs_1 PARTITION OF aggregates_test.obs FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE aggregates_test.obs_2 PARTITION OF aggregates_test.obs FOR VALUES WITH (MODULUS 3, REMAINDER 2);
-- region NO has no count, score, category nor label at all
INSERT INTO aggregates_test.obs
SELECT id, region, (random() * 20)::integer, timestamptz '2024-05-01' + (random() * 40)::integer * interval '10 minutes',
	CASE WHEN region <> 'NO' AND random() < 0.9 THEN
		CASE WHEN random() < 0.05 THEN 9223372036854775807 ELSE (random() * 1e6)::bigint END END,
	CASE WHEN region <> 'NO' AND random() < 0.9 THEN
		CASE WHEN random() < 0.05 THEN 9223372036854775807 ELSE (random() * 1e5)::bigint END END,
	CASE WHEN region <> 'NO' AND random() < 0.9 THEN (random() * 1e4)::bigint END,
	CASE WHEN region <> 'NO' AND random() < 0.9 THEN CASE WHEN random() < 0.3 THEN (random() * 10)::integer * 10.0 ELSE random() * 100 END END,
	CASE WHEN region <> 'NO' AND random() < 0.9 THEN (random() * 30)::integer - 15 END,
	CASE WHEN region <> 'NO' AND random() < 0.9 THEN random() < 0.3 END
FROM (SELECT id, (ARRAY['US', 'GB', 'PL', 'NO'])[1 + id % 4] AS region FROM generate_series(1, 6000) id) g;
ANALYZE aggregates_test.obs;

CREATE VIEW aggregates_test.naive AS
SELECT region,
	CASE WHEN count(*) FILTER (WHERE likes IS NOT NULL AND views IS NOT NULL) > 0 THEN
		coalesce((sum(likes) FILTER (WHERE views IS NOT NULL))::float8
			/ nullif((sum(views) FILTER (WHERE likes IS NOT NULL))::float8, 0) * 100, 0) END AS engagement,
	count(*) AS total_videos,
	count(*) FILTER (WHERE score >= 85) AS viral_count,
	sum(trunc((score * 1e6 + 0.5)::numeric))::float8 / nullif(count(score) * 1e6, 0) AS avg_score,
	(SELECT c.category_id FROM aggregates_test.obs c WHERE c.region = o.region AND c.category_id IS NOT NULL
		GROUP BY c.category_id ORDER BY count(*) DESC, c.category_id LIMIT 1) AS top_category_id,
	(SELECT sum(CASE WHEN p.score > n.score THEN 1 WHEN p.score = n.score THEN 0.5 ELSE 0 END)::float8 / count(*)
		FROM aggregates_test.obs p, aggregates_test.obs n
		WHERE p.region = o.region AND n.region = o.region AND p.label AND NOT n.label
			AND p.score IS NOT NULL AND n.score IS NOT NULL
		HAVING count(*) > 0) AS auc
FROM aggregates_test.obs o GROUP BY region;
CREATE TABLE aggregates_test.expected AS TABLE aggregates_test.naive;
-- the naive figures are not all NULL
SELECT region, engagement IS NOT NULL AS engagement, total_videos, viral_count > 50 AS viral, avg_score BETWEEN 40 AND 60 AS avg,
	top_category_id IS NOT NULL AS top, auc BETWEEN 0.4 AND 0.6 AS auc
FROM aggregates_test.expected ORDER BY region;

-- the score of the latest snapshot, measured against the newest that is half an
-- hour older, else against the oldest as if it were
CREATE TABLE aggregates_test.expected_virality AS
SELECT region, video, CASE WHEN engagement IS NULL THEN least(100, 100 * velocity / 1000)
	ELSE (0.35 * least(100, 100 * velocity / 1000) + 0.25 * least(100, 100 * engagement / 5)) / 0.6 END AS score
FROM (SELECT DISTINCT ON (region, video) region, video,
		coalesce(greatest(d.views::numeric - coalesce(old.views, oldest.views), 0)::float8 * 3600
			/ greatest(date_part('epoch', fetched_at - coalesce(old.at, oldest.at)), 1800), 0) AS velocity,
		CASE WHEN num_nonnulls(likes, comments) > 0 THEN coalesce(
			(coalesce(likes, 0)::float8 + 2 * coalesce(comments, 0)) / nullif(d.views, 0) * 100, 0) END AS engagement
	FROM (SELECT DISTINCT ON (region, video, fetched_at) * FROM aggregates_test.obs WHERE views IS NOT NULL
		ORDER BY region, video, fetched_at, views DESC, likes DESC NULLS LAST, comments DESC NULLS LAST) d
		LEFT JOIN LATERAL (SELECT o.fetched_at AS at, max(o.views) AS views FROM aggregates_test.obs o
			WHERE (o.region, o.video) = (d.region, d.video) AND o.fetched_at <= d.fetched_at - interval '30 minutes'
				AND o.views IS NOT NULL GROUP BY 1 ORDER BY 1 DESC LIMIT 1) old ON true
		LEFT JOIN LATERAL (SELECT o.fetched_at AS at, max(o.views) AS views FROM aggregates_test.obs o
			WHERE (o.region, o.video) = (d.region, d.video) AND o.fetched_at < d.fetched_at
				AND o.views IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT 1) oldest ON true
	ORDER BY region, video, fetched_at DESC) l;
SELECT count(*), count(*) FILTER (WHERE score NOT IN (0, 100)) > 5 AS various FROM aggregates_test.expected_virality;

\set by_region 'SELECT region, vvault_engagement(likes, views) AS engagement, (vvault_viral_stats(score, category_id, 85)).*, vvault_auc(score, label) AS auc FROM aggregates_test.obs GROUP BY region'
\set by_video 'SELECT region, video, vvault_virality(fetched_at, views, likes, comments, 1000, 5) AS score FROM aggregates_test.obs WHERE views IS NOT NULL GROUP BY region, video'
\set over_all 'SELECT vvault_engagement(likes, views), vvault_viral_stats(score, category_id, 85), vvault_auc(score, label), vvault_virality(fetched_at, views, likes, comments, 1000, 5) FROM aggregates_test.obs'

-- what differs from the naive figures: nothing
CREATE FUNCTION aggregates_test.different(query text, expected regclass) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE 'CREATE TEMPORARY TABLE got AS ' || query;
	EXECUTE format('SELECT count(*) FROM ((SELECT * FROM got EXCEPT ALL SELECT * FROM %1$s)'
		' UNION ALL (SELECT * FROM %1$s EXCEPT ALL SELECT * FROM got)) d', expected) INTO n;
	DROP TABLE got;
	RETURN n;
END
$$;
-- scores that are the same but for the order of two float operations
CREATE FUNCTION aggregates_test.different_scores(query text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE 'CREATE TEMPORARY TABLE got AS ' || query;
	SELECT count(*) INTO n FROM got FULL JOIN aggregates_test.expected_virality e USING (region, video)
	WHERE coalesce(abs(got.score - e.score) > 1e-9, true);
	DROP TABLE got;
	RETURN n;
END
$$;

-- in one process, sorted and hashed
SET max_parallel_workers_per_gather = 0;
SET enable_hashagg = off;
SELECT plan_has(:'by_region', 'GroupAggregate', 'HashAggregate', 'Partial') AS plan,
	different(:'by_region', 'aggregates_test.expected'), different_scores(:'by_video');
RESET enable_hashagg;
SET enable_sort = off;
SELECT plan_has(:'by_region', 'GroupAggregate', 'HashAggregate', 'Partial') AS plan,
	different(:'by_region', 'aggregates_test.expected'), different_scores(:'by_video');
RESET enable_sort;
CREATE TABLE aggregates_test.expected_all AS :over_all;

-- partition-wise: each partition on its own, then combined
SET enable_partitionwise_aggregate = on;
SELECT plan_has(:'by_region', 'Finalize', 'Partial', 'Append', 'Gather') AS plan,
	different(:'by_region', 'aggregates_test.expected');
SELECT plan_has(:'by_video', 'Finalize', 'Partial', 'Append', 'Gather') AS plan, different_scores(:'by_video');
SELECT plan_has(:'over_all', 'Finalize', 'Partial', 'Append', 'Gather') AS plan,
	different(:'over_all', 'aggregates_test.expected_all');
-- baselines that differ between partitions
SELECT error_of($$SELECT vvault_virality(fetched_at, 1, 1, 1, 1, tableoid::integer) FROM aggregates_test.obs$$);
RESET enable_partitionwise_aggregate;

-- in parallel
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE TABLE aggregates_test.flat AS TABLE aggregates_test.obs;
ANALYZE aggregates_test.flat;
EXPLAIN (COSTS OFF)
SELECT vvault_engagement(likes, views), vvault_viral_stats(score, category_id, 85), vvault_auc(score, label),
	vvault_virality(fetched_at, views, likes, comments, 1000, 5)
FROM aggregates_test.flat;
SELECT plan_has(:'by_region', 'Finalize', 'Partial', 'Gather') AS plan,
	different(:'by_region', 'aggregates_test.expected');
SELECT plan_has(:'by_video', 'Finalize', 'Partial', 'Gather') AS plan, different_scores(:'by_video');
SELECT plan_has(:'over_all', 'Finalize', 'Partial', 'Gather') AS plan,
	different(:'over_all', 'aggregates_test.expected_all');
-- all work is the workers', as far as there are any
SET parallel_leader_participation = off;
SELECT different(:'by_region', 'aggregates_test.expected'), different_scores(:'by_video'),
	different(:'over_all', 'aggregates_test.expected_all');
RESET parallel_leader_participation;
-- no rows at all, and workers without rows
SELECT vvault_engagement(likes, views), vvault_viral_stats(score, category_id, 85), vvault_auc(score, label),
	vvault_virality(fetched_at, views, likes, comments, 1000, 5)
FROM aggregates_test.flat WHERE id < 0;
SELECT vvault_viral_stats(score, category_id, 85), vvault_auc(id, id = 7) >= 0 AS auc
FROM aggregates_test.flat WHERE id IN (3, 7);
-- baselines that differ between workers
SELECT error_of('SELECT vvault_virality(fetched_at, 1, 1, 1, 1 + id % 2, 5) FROM aggregates_test.flat');
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

--
-- As window functions: each row's frame, counted out
--
CREATE TABLE aggregates_test.numbered AS
SELECT row_number() OVER (ORDER BY id) AS n, (id + 3) / 4 % 60 AS peer, likes, views, score, category_id, label, fetched_at, comments
FROM aggregates_test.obs WHERE region IN ('US', 'NO') AND id <= 600;

-- the same aggregates over the rows that the frame has, which is a subselect
CREATE FUNCTION aggregates_test.wrong_frames(frame text, rows_of_frame text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format($q$
		SELECT count(*)
		FROM (SELECT n, peer, vvault_engagement(likes, views) OVER w AS engagement,
				vvault_viral_stats(score, category_id, 60) OVER w AS stats, vvault_auc(score, label) OVER w AS auc,
				vvault_virality(fetched_at, views, likes, comments, 1000, 5) OVER w AS virality
			FROM aggregates_test.numbered WINDOW w AS (%1$s)) a,
			LATERAL (SELECT vvault_engagement(likes, views) AS engagement,
				vvault_viral_stats(score, category_id, 60) AS stats, vvault_auc(score, label) AS auc,
				vvault_virality(fetched_at, views, likes, comments, 1000, 5) AS virality
			FROM aggregates_test.numbered r WHERE %2$s) b
		WHERE (a.engagement, a.stats, a.auc, a.virality) IS DISTINCT FROM (b.engagement, b.stats, b.auc, b.virality)
		$q$, frame, rows_of_frame) INTO n;
	RETURN n;
END
$$;
SELECT count(*), count(DISTINCT peer) AS peers FROM aggregates_test.numbered;
SELECT frame, wrong_frames('ORDER BY ' || frame, rows_of_frame)
FROM (VALUES
	('n ROWS BETWEEN 7 PRECEDING AND 3 FOLLOWING', 'r.n BETWEEN a.n - 7 AND a.n + 3'),
	('n ROWS BETWEEN 1 FOLLOWING AND 4 FOLLOWING', 'r.n BETWEEN a.n + 1 AND a.n + 4'),
	('n ROWS BETWEEN 9 PRECEDING AND 5 PRECEDING', 'r.n BETWEEN a.n - 9 AND a.n - 5'),
	('n ROWS BETWEEN CURRENT ROW AND CURRENT ROW', 'r.n = a.n'),
	('n ROWS UNBOUNDED PRECEDING', 'r.n <= a.n'),
	('n ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING', 'r.n >= a.n'),
	('peer RANGE BETWEEN 2 PRECEDING AND 1 PRECEDING', 'r.peer BETWEEN a.peer - 2 AND a.peer - 1'),
	('peer GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW', 'r.peer BETWEEN a.peer - 1 AND a.peer'),
	('n ROWS BETWEEN 7 PRECEDING AND 3 FOLLOWING EXCLUDE CURRENT ROW', 'r.n BETWEEN a.n - 7 AND a.n + 3 AND r.n <> a.n'),
	('peer RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING EXCLUDE GROUP', 'r.peer BETWEEN a.peer - 2 AND a.peer + 1 AND r.peer <> a.peer'),
	('peer RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING EXCLUDE TIES',
		'r.peer BETWEEN a.peer - 2 AND a.peer + 1 AND (r.peer <> a.peer OR r.n = a.n)')) f (frame, rows_of_frame);

-- what has left the frame leaves no trace: 5 of 100 after the largest there
-- are, and three times a tenth after 100, which floats would not bring back
SELECT n, vvault_engagement(likes, views) OVER (ORDER BY n ROWS BETWEEN CURRENT ROW AND CURRENT ROW) AS rate,
	(vvault_viral_stats(score, category_id, 85) OVER (ORDER BY n ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING)).*
FROM (VALUES (1, 9223372036854775807, 9223372036854775807, 100, 9), (2, 5, 100, 0.1, 8), (3, NULL, 7, 0.1, 7), (4, 1, 0, 0.1, NULL))
	v (n, likes, views, score, category_id);

--
-- Serialized states: damaged bytes are an error and nothing else
--
-- the bytes that a process would send, and what reads them back, as aggregates
CREATE FUNCTION aggregates_test.last_bytes(bytea, bytea) RETURNS bytea LANGUAGE sql RETURN $2;
DO $$
DECLARE
	name text;
	args text;
BEGIN
	FOR name, args IN VALUES ('engagement', 'bigint, bigint'), ('viral_stats', 'float8, integer, float8'),
		('virality', 'timestamptz, bigint, bigint, bigint, float8, float8'), ('auc', 'float8, boolean')
	LOOP
		EXECUTE format('CREATE AGGREGATE aggregates_test.%1$s_bytes(%2$s) (SFUNC = vvault.%1$s_accum, STYPE = internal,'
			' FINALFUNC = vvault.%1$s_serialize)', name, args);
		EXECUTE format('CREATE FUNCTION aggregates_test.%1$s_read(bytea) RETURNS bigint LANGUAGE c STRICT'
			' AS ''$libdir/vvault'', ''vvault_%1$s_deserialize''', name);
		EXECUTE format('CREATE AGGREGATE aggregates_test.read_%1$s(bytea) (SFUNC = aggregates_test.last_bytes, STYPE = bytea,'
			' FINALFUNC = aggregates_test.%1$s_read)', name);
	END LOOP;
END
$$;
CREATE TABLE aggregates_test.states AS
SELECT 'engagement' AS name, engagement_bytes(likes, views) AS bytes FROM aggregates_test.flat
UNION ALL SELECT 'viral_stats', viral_stats_bytes(score, category_id, 85) FROM aggregates_test.flat
UNION ALL SELECT 'virality', virality_bytes(fetched_at, views, likes, comments, 1000, 5) FROM aggregates_test.flat
UNION ALL SELECT 'virality', virality_bytes('2024-05-01', 1, NULL, NULL, NULL, NULL)
UNION ALL SELECT 'auc', auc_bytes(score, label) FROM aggregates_test.flat WHERE id < 40;
CREATE FUNCTION aggregates_test.read(name text, bytes bytea) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	done boolean;
BEGIN
	EXECUTE format('SELECT read_%s($1) IS NOT NULL', name) INTO done USING bytes;
	RETURN done;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
-- whole, cut anywhere, one byte more, and any one bit turned
SELECT name, read(name, bytes) AS whole,
	(SELECT count(*) FROM generate_series(0, length(bytes) - 1) n
		WHERE read(name, substring(bytes FOR n)) NOT IN ('08P01', '22P03')) AS short_accepted,
	(SELECT count(*) FROM generate_series(0, 255) n
		WHERE read(name, bytes || set_byte('\x00', 0, n)) <> '08P01') AS long_accepted,
	(SELECT count(*) FROM generate_series(0, 8 * length(bytes) - 1) n
		WHERE read(name, set_bit(bytes, n, 1 - get_bit(bytes, n))) NOT IN ('true', '08P01', '22P03')) AS turned_otherwise
FROM aggregates_test.states;
-- states that contradict themselves: sums without rows, more viral than rows, a
-- category twice, more scores than there are bytes, a previous snapshot that is
-- not earlier, a flag that is none
SELECT read('engagement', decode(repeat('00', 15) || '01' || repeat('00', 24), 'hex')) AS size,
	read('engagement', decode(repeat('00', 23) || '01' || repeat('00', 16), 'hex')) AS likes_of_none,
	read('engagement', decode('0000000000000001' || repeat('00', 8) || 'ffffffffffffffff' || repeat('00', 16), 'hex')) AS likes_too_many,
	read('engagement', decode('0000000000000001' || repeat('00', 8) || '7fffffffffffffff' || repeat('00', 16), 'hex')) AS most_likes,
	read('engagement', decode('0000000000000001' || repeat('ff', 16) || repeat('00', 16), 'hex')) AS likes_negative;
SELECT read('viral_stats', decode('0000000000000002' || '0000000000000003' || '0000000000000002' || repeat('00', 20), 'hex')) AS viral,
	read('viral_stats', decode('0000000000000002' || repeat('00', 32) || '00000002' || '000000010000000000000001'
		|| '000000020000000000000001', 'hex')) AS two_categories,
	read('viral_stats', decode('0000000000000002' || repeat('00', 32) || '00000002' || '000000010000000000000001'
		|| '000000010000000000000001', 'hex')) AS one_twice,
	read('viral_stats', decode('0000000000000002' || repeat('00', 32) || '00000002' || '000000010000000000000001'
		|| '000000020000000000000002', 'hex')) AS too_many;
SELECT read('auc', '\x7fffffffffffffff0000000000000000') AS huge, read('auc', '\xffffffffffffffff0000000000000000') AS negative,
	read('auc', '\x00000000000000000000000000000000') AS nothing, read('auc', '\x') AS empty;
-- and none of them works outside an aggregate
SELECT aggregates_test.engagement_read('\x');
SELECT aggregates_test.auc_read('\x');

SET client_min_messages = warning;
DROP SCHEMA aggregates_test CASCADE;
