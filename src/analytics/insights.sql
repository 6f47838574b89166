-- What a region's recent past tells: which categories are its own, when its
-- videos become viral, where they go from here, and what is news.
--
-- All of it looks at the 90 days before the region's latest chart. Counts of
-- days come from vvault.daily_stats; what needs the names of videos reads the
-- region's part of vvault.daily_videos for these days, by its key, and probes
-- other tables for the few videos that matter. So the work grows with the
-- length of charts and with 90 days, not with the catalog.
--
-- Counts are small, so each figure comes with an interval: it holds the true
-- one nine times in ten if videos become viral independently of each other.
-- 1.645 below is the 95th percentile of the normal distribution.

CREATE FUNCTION vvault.gamma_quantile(shape double precision, z double precision)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN power(1 - 1 / (9 * shape) + z / (3 * sqrt(shape)), 3);
COMMENT ON FUNCTION vvault.gamma_quantile(double precision, double precision) IS
'The quantile of a gamma distribution with mean 1 that lies where z lies in a normal one (Wilson and Hilferty); for shapes from 1.';

-- A start is the first observation of a video as viral on the first day that
-- counts it as viral. It happened somewhere between that chart and the one
-- before: it is spread evenly over the hours between, as is the time for which
-- the region was watched. So an hour at which many charts were fetched looks
-- no busier for it, and one chart a day tells of weekdays but not of hours.
-- Where more than 26 hours lie between two charts nobody was watching. Starts
-- of the first day are left out: who was viral before that is not known.
CREATE FUNCTION vvault.start_hours(region text)
RETURNS TABLE (weekday integer, hour integer, watched double precision, starts double precision)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
-- lists made here are joined by hashing, however short they are thought to be
SET enable_nestloop = off SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	threshold double precision := vvault.viral_threshold();
	first_day date;
BEGIN
	SELECT vvault.utc_day(min(c.fetched_at)) INTO first_day FROM vvault.charts c
	WHERE c.region = start_hours.region
		AND c.fetched_at > (SELECT max(l.fetched_at) FROM vvault.charts l
			WHERE l.region = start_hours.region) - interval '2160 hours';

	RETURN QUERY
	WITH chart AS (
		SELECT c.fetched_at FROM vvault.charts c
		WHERE c.region = start_hours.region
			AND c.fetched_at >= first_day::timestamp AT TIME ZONE 'UTC'
	), viral AS (
		SELECT d.video_id, min(d.day) AS day FROM vvault.daily_videos d
		WHERE d.region = start_hours.region AND d.day >= first_day
			AND d.virality_score >= threshold
		GROUP BY d.video_id
	), start AS (
		SELECT s.fetched_at, count(*) AS n
		FROM viral v CROSS JOIN LATERAL (
			SELECT s.fetched_at FROM vvault.snapshots s
			WHERE s.region = start_hours.region AND s.video_id = v.video_id
				AND s.fetched_at >= v.day::timestamp AT TIME ZONE 'UTC'
				AND s.fetched_at < (v.day + 1)::timestamp AT TIME ZONE 'UTC'
				AND s.virality_score >= threshold
			ORDER BY s.fetched_at LIMIT 1) s
		WHERE v.day > first_day
		GROUP BY s.fetched_at
	), gap AS (
		SELECT g.since AT TIME ZONE 'UTC' AS since, g.upto AT TIME ZONE 'UTC' AS upto,
			coalesce(s.n, 0) AS n, date_part('epoch', g.upto - g.since) / 3600 AS hours
		FROM (SELECT c.fetched_at AS upto, lag(c.fetched_at) OVER (ORDER BY c.fetched_at) AS since
			FROM chart c) g LEFT JOIN start s ON s.fetched_at = g.upto
		WHERE g.upto - g.since <= interval '26 hours'
	), piece AS (
		SELECT h.hour, g.n, g.hours,
			date_part('epoch', least(g.upto, h.hour + interval '1 hour') - greatest(g.since, h.hour)) / 3600 AS part
		FROM gap g CROSS JOIN LATERAL
			generate_series(date_trunc('hour', g.since), g.upto, interval '1 hour') AS h (hour)
	)
	SELECT date_part('isodow', p.hour)::integer, date_part('hour', p.hour)::integer,
		sum(p.part), sum(p.n * p.part / p.hours)
	FROM piece p GROUP BY 1, 2;
END
$$;
COMMENT ON FUNCTION vvault.start_hours(text) IS
'For the hours of the week (UTC, Monday is 1): how many hours a region was watched then in its last 90 days, and how many videos became viral.';

-- Gamma-Poisson: starts of a weekday or an hour are Poisson with a rate of the
-- region's average times a factor. The factor's prior is a gamma distribution
-- with mean 1 that weighs as much as two starts, so the factor of n starts where
-- e were to be expected has mean (2 + n) / (2 + e) and shape 2 + n.
CREATE FUNCTION vvault.viral_pattern(region text)
RETURNS TABLE (kind text, number integer, watched double precision, starts double precision,
	factor double precision, low double precision, high double precision)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH cell AS MATERIALIZED (
		SELECT s.* FROM vvault.start_hours(viral_pattern.region) s
	), pooled AS (
		SELECT coalesce(sum(c.starts) / nullif(sum(c.watched), 0), 0) AS rate FROM cell c
	), part AS (
		SELECT 'weekday' AS kind, n AS number, coalesce(sum(c.watched), 0) AS watched,
			coalesce(sum(c.starts), 0) AS starts
		FROM generate_series(1, 7) n LEFT JOIN cell c ON c.weekday = n GROUP BY n
		UNION ALL
		SELECT 'hour', n, coalesce(sum(c.watched), 0), coalesce(sum(c.starts), 0)
		FROM generate_series(0, 23) n LEFT JOIN cell c ON c.hour = n GROUP BY n
	)
	SELECT p.kind, p.number, p.watched, p.starts, f.factor,
		f.factor * vvault.gamma_quantile(2 + p.starts, -1.645),
		f.factor * vvault.gamma_quantile(2 + p.starts, 1.645)
	FROM part p, pooled o, LATERAL (
		SELECT (2 + p.starts) / (2 + p.watched * o.rate) AS factor) f
$$;
COMMENT ON FUNCTION vvault.viral_pattern(text) IS
'By weekday (Monday is 1) and by hour (UTC): how many times the average rate of viral starts a region has then, with a 90 % interval.';

CREATE FUNCTION vvault.category_lifts(region text, from_day date, to_day date) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	-- A video that is viral for five days is no five independent ones: counts
	-- of days are divided by the days for which a video stays viral.
	WITH stay AS MATERIALIZED (
		SELECT greatest(1, count(*)::double precision / nullif(count(DISTINCT d.video_id), 0)) AS days
		FROM vvault.daily_videos d
		WHERE d.region = category_lifts.region AND d.day BETWEEN from_day AND to_day
			AND d.virality_score >= (SELECT vvault.viral_threshold())
	), counted AS MATERIALIZED (
		SELECT t.category_id,
			coalesce(sum(t.viral) FILTER (WHERE t.region = category_lifts.region), 0)::double precision AS here,
			coalesce(sum(t.viral) FILTER (WHERE t.region <> category_lifts.region), 0)::double precision AS there
		FROM vvault.daily_stats t
		WHERE t.region = ANY (ARRAY(SELECT e.region FROM vvault.enabled_regions e))
			AND t.day BETWEEN from_day AND to_day
		GROUP BY t.category_id
	), shared AS (
		SELECT c.category_id, c.here, c.here / sum(c.here) OVER () AS share,
			c.there / nullif(sum(c.there) OVER (), 0) AS share_there,
			c.here / s.days + 0.5 AS a, sum(c.here) OVER () / s.days + 1 AS of_a,
			c.there / s.days + 0.5 AS b, sum(c.there) OVER () / s.days + 1 AS of_b
		FROM counted c, stay s
		WHERE EXISTS (SELECT FROM counted x WHERE x.here > 0)
	), lifted AS (
		-- ratio of two proportions; its logarithm is about normal (Katz)
		SELECT s.*, ln(s.a / s.of_a / (s.b / s.of_b)) AS log_lift,
			1.645 * sqrt(1 / s.a - 1 / s.of_a + 1 / s.b - 1 / s.of_b) AS spread
		FROM shared s WHERE s.here > 0 ORDER BY s.here DESC, s.category_id LIMIT 10
	)
	SELECT coalesce(json_agg(json_build_object('category_id', l.category_id,
			'category', coalesce(k.name, l.category_id::text),
			'viral_days', l.here::bigint,
			'share', round(l.share::numeric, 3),
			'share_elsewhere', round(l.share_there::numeric, 3),
			'lift', CASE WHEN l.share_there IS NOT NULL THEN round(exp(l.log_lift)::numeric, 2) END,
			'low', CASE WHEN l.share_there IS NOT NULL THEN round(exp(l.log_lift - l.spread)::numeric, 2) END,
			'high', CASE WHEN l.share_there IS NOT NULL THEN round(exp(l.log_lift + l.spread)::numeric, 2) END)
		ORDER BY l.here DESC, l.category_id), '[]')
	FROM lifted l LEFT JOIN vvault.categories k ON k.id = l.category_id
$$;
COMMENT ON FUNCTION vvault.category_lifts(text, date, date) IS
'Part of vvault_insights: the categories with the most viral videos, and how much more of them than elsewhere.';

-- A video started here if every other region that lists it was looked at after
-- it had been seen here, did not have it then, and has it now. Tables are
-- probed for the videos of these days, whatever the planner thinks: a scan
-- would grow with the catalog.
CREATE FUNCTION vvault.spread_from(region text, from_day date, to_day date) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
	WITH fresh AS MATERIALIZED (
		SELECT v.video_id, v.title, v.first_seen_at
		FROM (SELECT DISTINCT d.video_id FROM vvault.daily_videos d
			WHERE d.region = spread_from.region AND d.day BETWEEN from_day AND to_day) d
			JOIN vvault.videos v ON v.region = spread_from.region AND v.video_id = d.video_id
		-- what the first chart of all lists may have been there for long
		WHERE v.first_seen_at > (SELECT min(c.fetched_at) FROM vvault.charts c
				WHERE c.region = spread_from.region
					AND c.fetched_at >= from_day::timestamp AT TIME ZONE 'UTC')
	), elsewhere AS (
		SELECT f.*, o.region, date_part('epoch', o.first_seen_at - f.first_seen_at) / 3600 AS hours,
			EXISTS (SELECT FROM vvault.charts c
				WHERE c.region = o.region
					AND c.fetched_at >= f.first_seen_at AND c.fetched_at < o.first_seen_at) AS later
		FROM fresh f
			JOIN vvault.video_regions r ON r.video_id = f.video_id AND cardinality(r.regions) > 1
			CROSS JOIN LATERAL unnest(r.regions) AS u (region)
			JOIN vvault.videos o ON o.region = u.region AND o.video_id = f.video_id
		WHERE u.region <> spread_from.region
			AND u.region = ANY (ARRAY(SELECT e.region FROM vvault.enabled_regions e))
	), judged AS MATERIALIZED (
		SELECT e.*, bool_and(e.later) OVER (PARTITION BY e.video_id) AS from_here FROM elsewhere e
	), moved AS MATERIALIZED (
		SELECT j.video_id, j.title, j.first_seen_at, j.from_here, count(*) AS n,
			json_agg(json_build_object('region', j.region, 'after_hours', round(j.hours::numeric, 1))
				ORDER BY j.hours, j.region) AS places
		FROM judged j GROUP BY j.video_id, j.title, j.first_seen_at, j.from_here
	), total AS (
		SELECT (SELECT count(*) FROM fresh)
				- count(*) FILTER (WHERE NOT m.from_here)::double precision AS started,
			count(*) FILTER (WHERE m.from_here)::double precision AS spread
		FROM moved m
	)
	SELECT json_build_object('started', t.started::bigint, 'spread', t.spread::bigint,
		'share', round((t.spread / nullif(t.started, 0))::numeric, 3),
		'low', round((w.middle - w.half)::numeric, 3), 'high', round((w.middle + w.half)::numeric, 3),
		'to', (SELECT coalesce(json_agg(json_build_object('region', p.region, 'videos', p.videos,
				'median_hours', round(p.median::numeric, 1)) ORDER BY p.videos DESC, p.region), '[]')
			FROM (SELECT j.region, count(*) AS videos,
					percentile_cont(0.5) WITHIN GROUP (ORDER BY j.hours) AS median
				FROM judged j WHERE j.from_here GROUP BY j.region) p),
		'videos', (SELECT coalesce(json_agg(json_build_object('video_id', x.video_id, 'title', x.title,
				'first_seen_at', vvault.utc_text(x.first_seen_at), 'to', x.places)
				ORDER BY x.n DESC, x.first_seen_at DESC, x.video_id), '[]')
			FROM (SELECT m.* FROM moved m
				WHERE m.from_here ORDER BY m.n DESC, m.first_seen_at DESC, m.video_id LIMIT 10) x))
	-- Wilson's interval of a share, which stays between 0 and 1
	FROM total t CROSS JOIN LATERAL (
		SELECT (t.spread + 1.645 ^ 2 / 2) / (t.started + 1.645 ^ 2) AS middle,
			1.645 / (t.started + 1.645 ^ 2)
				* sqrt(t.spread * (t.started - t.spread) / nullif(t.started, 0) + 1.645 ^ 2 / 4) AS half) w
$$;
COMMENT ON FUNCTION vvault.spread_from(text, date, date) IS
'Part of vvault_insights: videos seen first in a region and later in others.';

-- A category is out of the ordinary on the latest day if it has more viral
-- videos than a day of the last twelve weeks lets one expect. It is no news if
-- as many were to be expected on such a weekday, or at this time of the year: if
-- the week around this day of a year ago rose as much above its own past.
--
-- A limit is the mean, plus 1.645 times the standard deviation of a further
-- day, whose variance is that of the days looked at but never below the mean
-- (Poisson) or 1: some days' zeros prove little.
CREATE FUNCTION vvault.unusual_categories(region text, to_day date)
RETURNS TABLE (category_id integer, viral bigint, usual double precision, season text,
	expected double precision, maximum double precision)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH counted AS MATERIALIZED (
		SELECT t.day, t.category_id, t.viral::double precision AS viral,
			t.day BETWEEN to_day - 84 AND to_day - 1 AS recent,
			t.day BETWEEN to_day - 84 AND to_day - 1 AND (to_day - t.day) % 7 = 0 AS alike,
			t.day BETWEEN to_day - 367 AND to_day - 361 AS year_ago,
			t.day BETWEEN to_day - 451 AND to_day - 368 AS before_that
		FROM vvault.daily_stats t
		WHERE t.region = unusual_categories.region
			AND t.day BETWEEN to_day - 451 AND to_day
	), watched AS MATERIALIZED (	-- days with a chart; a category may have none of it
		SELECT count(DISTINCT c.day) FILTER (WHERE c.recent) AS days,
			count(DISTINCT c.day) FILTER (WHERE c.alike) AS alike_days,
			count(DISTINCT c.day) FILTER (WHERE c.year_ago) AS year_days,
			count(DISTINCT c.day) FILTER (WHERE c.before_that) AS before_days
		FROM counted c
	), summed AS (
		SELECT c.category_id, max(c.viral) FILTER (WHERE c.day = to_day) AS viral,
			coalesce(sum(c.viral) FILTER (WHERE c.recent), 0) AS total,
			coalesce(sum(c.viral ^ 2) FILTER (WHERE c.recent), 0) AS squares,
			coalesce(sum(c.viral) FILTER (WHERE c.alike), 0) AS alike_total,
			coalesce(sum(c.viral ^ 2) FILTER (WHERE c.alike), 0) AS alike_squares,
			coalesce(sum(c.viral) FILTER (WHERE c.year_ago), 0) AS year_total,
			coalesce(sum(c.viral) FILTER (WHERE c.before_that), 0) AS before_total
		FROM counted c GROUP BY c.category_id
	), moments AS (
		SELECT s.category_id, s.viral, w.*, s.total / w.days AS mean,
			(s.squares - s.total ^ 2 / w.days) / (w.days - 1) AS variance,
			s.alike_total / nullif(w.alike_days, 0) AS alike_mean,
			(s.alike_squares - s.alike_total ^ 2 / nullif(w.alike_days, 0))
				/ nullif(w.alike_days - 1, 0) AS alike_variance,
			s.year_total / nullif(w.year_days, 0) AS year_mean,
			s.before_total / nullif(w.before_days, 0) AS before_mean
		FROM summed s, watched w
		WHERE s.viral > 0 AND w.days >= 7
	), judged AS (
		SELECT m.*, m.mean + 1.645 * sqrt(greatest(m.variance, m.mean, 1) * (1 + 1.0 / m.days)) AS usual_limit,
			CASE WHEN m.alike_days >= 3 THEN m.alike_mean
				+ 1.645 * sqrt(greatest(m.alike_variance, m.alike_mean, 1) * (1 + 1.0 / m.alike_days)) END AS alike_limit,
			y.mean AS year_expected,
			y.mean + 1.645 * sqrt(greatest(m.variance / greatest(m.mean, 1), 1) * greatest(y.mean, 1)) AS year_limit
		FROM moments m CROSS JOIN LATERAL (
			-- one viral video a day is added to both, lest nothing rise to infinity
			SELECT CASE WHEN m.year_days >= 3 AND m.before_days >= 14
				THEN (m.mean + 1) * (m.year_mean + 1) / (m.before_mean + 1) - 1 END AS mean) y
	)
	SELECT j.category_id, j.viral::bigint, j.mean, s.season,
		CASE s.season WHEN 'weekday' THEN j.alike_mean WHEN 'year' THEN j.year_expected ELSE j.mean END,
		CASE s.season WHEN 'weekday' THEN j.alike_limit WHEN 'year' THEN j.year_limit
			ELSE greatest(j.usual_limit, j.alike_limit, j.year_limit) END
	FROM judged j CROSS JOIN LATERAL (
		SELECT CASE WHEN j.viral <= j.alike_limit THEN 'weekday'
			WHEN j.viral <= j.year_limit THEN 'year' END AS season) s
	WHERE j.viral > j.usual_limit
$$;
COMMENT ON FUNCTION vvault.unusual_categories(text, date) IS
'Part of vvault_insights: categories with more viral videos on a day than usual, and the season that explains it, NULL for news.';

CREATE FUNCTION @extschema@.vvault_insights(region text) RETURNS json
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER COST 10000
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	from_day date;
	to_day date;
	lifts json := '[]';
	weekdays json;
	hours json;
	starts numeric;
	spread json;
	news json;
	seasonal json;
BEGIN
	PERFORM vvault.require_region(vvault_insights.region);
	IF vvault.reply_known('vvault_insights', vvault_insights.region, 'analytics_max_age') THEN
		RETURN 'null';
	END IF;
	SELECT vvault.utc_day(max(c.fetched_at)) INTO to_day FROM vvault.charts c
	WHERE c.region = vvault_insights.region;
	from_day := to_day - 89;

	lifts := vvault.category_lifts(vvault_insights.region, from_day, to_day);
	SELECT round(sum(p.starts) FILTER (WHERE p.kind = 'weekday')::numeric),
		json_agg(json_build_object('weekday', p.number, 'starts', round(p.starts::numeric, 1),
			'watched_hours', round(p.watched::numeric, 1), 'factor', round(p.factor::numeric, 2),
			'low', round(p.low::numeric, 2), 'high', round(p.high::numeric, 2)) ORDER BY p.number)
			FILTER (WHERE p.kind = 'weekday'),
		json_agg(json_build_object('hour', p.number, 'starts', round(p.starts::numeric, 1),
			'watched_hours', round(p.watched::numeric, 1), 'factor', round(p.factor::numeric, 2),
			'low', round(p.low::numeric, 2), 'high', round(p.high::numeric, 2)) ORDER BY p.number)
			FILTER (WHERE p.kind = 'hour')
	INTO starts, weekdays, hours
	FROM vvault.viral_pattern(vvault_insights.region) p;
	spread := vvault.spread_from(vvault_insights.region, from_day, to_day);
	SELECT coalesce(json_agg(u.item ORDER BY u.viral DESC, u.category_id) FILTER (WHERE u.season IS NULL), '[]'),
		coalesce(json_agg(u.item ORDER BY u.viral DESC, u.category_id) FILTER (WHERE u.season IS NOT NULL), '[]')
	INTO news, seasonal
	FROM (SELECT c.category_id, c.viral, c.season, json_build_object('category_id', c.category_id,
				'category', coalesce(k.name, c.category_id::text), 'viral', c.viral,
				'usual', round(c.usual::numeric, 1), 'season', c.season,
				'expected', round(c.expected::numeric, 1), 'limit', round(c.maximum::numeric, 1)) AS item
			FROM vvault.unusual_categories(vvault_insights.region, to_day) c
				LEFT JOIN vvault.categories k ON k.id = c.category_id) u;

	RETURN json_build_object('region', vvault_insights.region,
		'region_name', @extschema@.vvault_region_name(vvault_insights.region),
		'from', from_day, 'to', to_day, 'viral_starts', starts, 'categories', lifts,
		'weekdays', weekdays, 'hours', hours, 'spread', spread, 'news', news, 'seasonal', seasonal);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_insights(text) IS
'What the 90 days (UTC) before a region''s latest chart tell of it: {region, region_name, from, to, viral_starts, categories: [{category_id, category, viral_days, share, share_elsewhere, lift, low, high}], weekdays: [{weekday, starts, watched_hours, factor, low, high}], hours: [{hour, …}], spread: {started, spread, share, low, high, to: [{region, videos, median_hours}], videos: [{video_id, title, first_seen_at, to: [{region, after_hours}]}]}, news: [{category_id, category, viral, usual, season, expected, limit}], seasonal: [the same]}.
Units and ranges: low and high are 90 % intervals. categories are the ten with the most viral videos, each counted on each day it was viral; lift is their share of the region''s viral videos over that of the other regions. weekdays are 1 (Monday) to 7 and hours 0 to 23 of UTC; starts are videos that became viral, spread over the time between the two charts where it happened; factor is how many times the average rate that is. spread is about videos seen here first and later in regions that were looked at meanwhile; share is the part of all that started here. news are categories with more viral videos on the day to than limit lets expect, seasonal those explained by their season: weekday (such a weekday has as many) or year (so it was a year ago).
NULL: NULL is an error; from and to are null before the first chart, lift without viral videos elsewhere.
Errors: 22023 for an invalid region.
Source: vvault.charts, vvault.daily_stats, and the region''s part of vvault.daily_videos with probes of vvault.snapshots, vvault.videos and vvault.video_regions: the work grows with the region''s charts of 90 days. Days closed by vvault_prune() tell of categories and seasons alone.';
