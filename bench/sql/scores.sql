-- One million calls of each score: C, PL/pgSQL, and the formula written out in
-- SQL. All three read the same rows, in turn; the time of reading them alone is
-- taken off.

CREATE SCHEMA twin;

CREATE FUNCTION twin.engagement_rate(likes bigint, views bigint) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
	IF views = 0 THEN RETURN 0; END IF;
	RETURN likes::float8 / views::float8 * 100;
END $$;

CREATE FUNCTION twin.view_velocity(views bigint, views_before bigint, elapsed interval) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
	hours float8 := date_part('epoch', elapsed) / 3600;
BEGIN
	IF hours <= 0 THEN RETURN 0; END IF;
	RETURN greatest(0, (views::float8 - views_before::float8) / hours);
END $$;

CREATE FUNCTION twin.virality_score(velocity float8, engagement float8, velocity_baseline float8,
	engagement_baseline float8, share_score float8 DEFAULT NULL, sentiment_score float8 DEFAULT NULL)
RETURNS float8
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	points float8 := 0;
	weight float8 := 0;
BEGIN
	IF velocity IS NOT NULL THEN
		points := points + 0.35 * least(100, 100 * velocity / velocity_baseline);
		weight := weight + 0.35;
	END IF;
	IF engagement IS NOT NULL THEN
		points := points + 0.25 * least(100, 100 * engagement / engagement_baseline);
		weight := weight + 0.25;
	END IF;
	IF share_score IS NOT NULL THEN
		points := points + 0.25 * share_score;
		weight := weight + 0.25;
	END IF;
	IF sentiment_score IS NOT NULL THEN
		points := points + 0.15 * sentiment_score;
		weight := weight + 0.15;
	END IF;
	IF weight = 0 THEN RETURN NULL; END IF;
	RETURN points / weight;
END $$;

CREATE FUNCTION twin.trending_score(views bigint, views_before bigint, elapsed interval, likes bigint,
	comments bigint, published_at timestamptz, as_of timestamptz) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
	hours float8 := date_part('epoch', elapsed) / 3600;
	age float8 := greatest(0, date_part('epoch', as_of - published_at) / 3600);
	velocity float8 := 0;
	engagement float8 := 0;
BEGIN
	IF hours > 0 THEN velocity := greatest(0, (views::float8 - views_before) / hours); END IF;
	IF views > 0 THEN engagement := (likes::float8 + 2 * comments::float8) / views * 100; END IF;
	RETURN 40 * least(1, velocity / 10000) + 35 * least(1, engagement / 5) + 25 * 0.5::float8 ^ (age / 12);
END $$;

CREATE FUNCTION twin.hot_score(likes bigint, published_at timestamptz) RETURNS float8
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN log(greatest(coalesce(likes, 0), 1)::float8) + date_part('epoch', published_at) / 45000;
END $$;

CREATE FUNCTION twin.momentum_score(views bigint, views_before bigint, elapsed interval, rank integer,
	chart_length integer, likes bigint, baseline float8, category_id integer) RETURNS float8
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	place float8 := coalesce(least(1, (rank - 0.5) / chart_length), 0.5);
	raw float8;
	growth float8;
BEGIN
	IF views_before IS NULL THEN
		raw := 1.0 - 1.6 * sqrt(place) - 0.35 * (log((views + 1000)::float8) - 5.5)
			+ coalesce(0.05 * (log((likes + 10)::float8 / (views + 1000)) + 1.5), 0)
			+ CASE category_id WHEN 10 THEN 0.4 WHEN 17 THEN -0.1 WHEN 25 THEN -0.1 ELSE 0 END;
	ELSE
		growth := greatest(0, (views - views_before)::float8 / (views_before + 1000)
			* 24 / greatest(1, date_part('epoch', elapsed) / 3600));
		raw := log(least(growth, 10) + 0.08)
			+ CASE category_id WHEN 10 THEN 0.2 WHEN 17 THEN -0.1 WHEN 25 THEN -0.1 ELSE 0 END;
	END IF;
	raw := raw - 0.8 * ln(1 + exp((place - 0.80) / 0.05));
	RETURN 100 / (1 + exp(-ln(85.0::float8 / 15) - 1.2 * (raw - 0.37)));
END $$;

CREATE UNLOGGED TABLE calls AS
SELECT (n * 7919 % 5000000)::bigint AS views, (n * 7919 % 5000000 * 0.8)::bigint AS views_before,
	(n * 104729 % 200000)::bigint AS likes, (n * 1299709 % 20000)::bigint AS comments,
	interval '24 hours' AS elapsed, (n % 20000)::float8 AS velocity, (n % 1000)::float8 / 100 AS engagement,
	(1 + n % 200)::int AS rank, 200 AS chart_length, (n % 30)::int AS category_id,
	timestamptz '2026-01-01 00:00Z' - n % 500 * interval '1 hour' AS published_at,
	timestamptz '2026-01-01 00:00Z' AS as_of
FROM generate_series(1::bigint, 1000000) n;
VACUUM (ANALYZE) calls;

CREATE FUNCTION twin.milliseconds(statement text) RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
	started timestamptz := clock_timestamp();
BEGIN
	EXECUTE statement;
	RETURN date_part('epoch', clock_timestamp() - started) * 1000;
END $$;

-- Medians of the rounds; each round runs every variant once.
CREATE FUNCTION twin.compare(rounds int, statements text[]) RETURNS float8[]
LANGUAGE plpgsql AS $$
DECLARE
	spent jsonb[] := array_fill('[]'::jsonb, ARRAY[cardinality(statements)]);
BEGIN
	FOR i IN 1 .. rounds LOOP
		FOR j IN 1 .. cardinality(statements) LOOP
			spent[j] := spent[j] || to_jsonb(twin.milliseconds(statements[j]));
		END LOOP;
	END LOOP;
	RETURN ARRAY(SELECT (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m::float8)
			FROM jsonb_array_elements_text(s) m)
		FROM unnest(spent) WITH ORDINALITY u (s, n) ORDER BY n);
END $$;

SET max_parallel_workers_per_gather = 0;
SET jit = off;

CREATE TEMP TABLE measured AS
SELECT s.score, twin.compare(5, ARRAY[
	format('SELECT count(*) FROM calls WHERE (%s) IS NULL', s.reading),
	format('SELECT count(*) FROM calls WHERE vvault_%s(%s) IS NULL', s.score, s.args),
	format('SELECT count(*) FROM calls WHERE (%s) IS NULL', s.expression),
	format('SELECT count(*) FROM calls WHERE twin.%s(%s) IS NULL', s.score, s.args)]) AS ms
FROM (VALUES
	('engagement_rate', 'likes', 'likes, views',
	 'CASE WHEN views = 0 THEN 0 ELSE likes::float8 / views::float8 * 100 END'),
	('view_velocity', 'elapsed', 'views, views_before, elapsed',
	 'CASE WHEN elapsed <= interval ''0'' THEN 0 ELSE greatest(0, (views::float8 - views_before::float8) / (date_part(''epoch'', elapsed) / 3600)) END'),
	('virality_score', 'engagement', 'velocity, engagement, 10000, 6',
	 '(0.35 * least(100, 100 * velocity / 10000) + 0.25 * least(100, 100 * engagement / 6)) / 0.6'),
	('trending_score', 'as_of', 'views, views_before, elapsed, likes, comments, published_at, as_of',
	 '40 * least(1, CASE WHEN elapsed <= interval ''0'' THEN 0 ELSE greatest(0, (views::float8 - views_before::float8) / (date_part(''epoch'', elapsed) / 3600)) END / 10000) + 35 * least(1, CASE WHEN views = 0 THEN 0 ELSE (likes::float8 + 2 * comments::float8) / views * 100 END / 5) + 25 * 0.5::float8 ^ (greatest(0, date_part(''epoch'', as_of - published_at) / 3600) / 12)'),
	('hot_score', 'published_at', 'likes, published_at',
	 'log(greatest(coalesce(likes, 0), 1)::float8) + date_part(''epoch'', published_at) / 45000'),
	('momentum_score', 'chart_length', 'views, views_before, elapsed, rank, chart_length, likes, NULL, category_id',
	 '100 / (1 + exp(-ln(85.0::float8 / 15) - 1.2 * (log(least(greatest(0, (views - views_before)::float8 / (views_before + 1000) * 24 / greatest(1, date_part(''epoch'', elapsed) / 3600)), 10) + 0.08) + CASE category_id WHEN 10 THEN 0.2 WHEN 17 THEN -0.1 WHEN 25 THEN -0.1 ELSE 0 END - 0.8 * ln(1 + exp((least(1, (rank - 0.5::float8) / chart_length) - 0.80) / 0.05)) - 0.37)))')
	) AS s (score, reading, args, expression);

\echo '# a million calls, ms; reading the same columns taken off'
SELECT score, round((ms[2] - ms[1])::numeric, 1) AS c, round((ms[3] - ms[1])::numeric, 1) AS sql_expression,
	round((ms[4] - ms[1])::numeric, 1) AS plpgsql,
	round(((ms[4] - ms[1]) / (ms[2] - ms[1]))::numeric, 1) AS plpgsql_to_c,
	round(((ms[3] - ms[1]) / (ms[2] - ms[1]))::numeric, 2) AS sql_to_c,
	round(ms[1]::numeric, 1) AS reading
FROM measured;

\echo '# aggregates over a million rows, ms'
SELECT a.name, round(ms[1]::numeric, 1) AS vvault, round(ms[2]::numeric, 1) AS sql,
	round((ms[2] / ms[1])::numeric, 2) AS sql_to_vvault
FROM (VALUES
	('vvault_engagement', ARRAY['SELECT vvault_engagement(likes, views) FROM calls',
		'SELECT sum(likes)::float8 / sum(views) * 100 FROM calls']),
	('vvault_viral_stats', ARRAY['SELECT vvault_viral_stats(engagement, rank, 8) FROM calls',
		'SELECT count(*), count(*) FILTER (WHERE engagement >= 8), avg(engagement), mode() WITHIN GROUP (ORDER BY rank) FROM calls']),
	('vvault_feed', ARRAY['SELECT vvault_feed(c, c.views, 25) FROM calls c',
		'SELECT json_agg(x) FROM (SELECT * FROM calls ORDER BY views DESC LIMIT 25) x']),
	('vvault_auc', ARRAY['SELECT vvault_auc(velocity, likes > 100000) FROM calls',
		'SELECT (sum(r) FILTER (WHERE l) - count(*) FILTER (WHERE l)::float8 * (count(*) FILTER (WHERE l) + 1) / 2) / (count(*) FILTER (WHERE l)::float8 * count(*) FILTER (WHERE NOT l)) FROM (SELECT likes > 100000 AS l, rank() OVER w + (count(*) OVER (PARTITION BY velocity) - 1) / 2.0 AS r FROM calls WINDOW w AS (ORDER BY velocity)) x'])
	) AS a (name, statements), twin.compare(5, a.statements) ms;
