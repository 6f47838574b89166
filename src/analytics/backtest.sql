-- How well an order of the feed told what came next, replayed on the stored
-- snapshots.

CREATE FUNCTION vvault.backtest_sorts() RETURNS text[]
LANGUAGE sql STABLE
RETURN (SELECT d.choices FROM vvault.setting_defaults d WHERE d.name = 'default_sort')
	|| '{rank,relative_growth,reddit,hacker_news,lemmy,mastodon,peertube_hot,peertube_trending,peertube_trending_7_days}'::text[];
COMMENT ON FUNCTION vvault.backtest_sorts() IS
'What vvault_backtest judges: the orders of the feed, the chart''s own, and the rivals.';

CREATE FUNCTION vvault.require_backtest(sort text, target text, region text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF require_backtest.sort IS NULL OR require_backtest.sort <> ALL (vvault.backtest_sorts()) THEN
		RAISE EXCEPTION '%', coalesce('invalid sort "' || left(require_backtest.sort, 64) || '"', 'sort must not be null')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'The sorts are ' || array_to_string(vvault.backtest_sorts(), ', ') || '.';
	END IF;
	IF require_backtest.target IS NULL OR require_backtest.target NOT IN ('survival', 'growth') THEN
		RAISE EXCEPTION '%', coalesce('invalid target "' || left(require_backtest.target, 64) || '"', 'target must not be null')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'The targets are survival and growth.';
	END IF;
	IF require_backtest.region IS NOT NULL THEN
		PERFORM vvault.require_region(require_backtest.region);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault.require_backtest(text, text, text) IS
'Raises 22023 for arguments that vvault_backtest does not know.';

CREATE FUNCTION vvault.backtest_charts(region text)
RETURNS TABLE (region text, day date, fetched_at timestamptz, before timestamptz,
	long_before timestamptz, after timestamptz, next_day date)
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH latest AS (	-- the last chart of each day (UTC)
		SELECT DISTINCT ON (s.region, vvault.utc_day(s.fetched_at))
			s.region, vvault.utc_day(s.fetched_at) AS day, s.fetched_at, s.n
		FROM (SELECT s.region, s.fetched_at, count(*) AS n FROM vvault.snapshots s
			WHERE backtest_charts.region IS NULL OR s.region = backtest_charts.region
			GROUP BY s.region, s.fetched_at) s
		ORDER BY s.region, vvault.utc_day(s.fetched_at), s.fetched_at DESC
	), usual AS (
		SELECT f.region, percentile_cont(0.5) WITHIN GROUP (ORDER BY f.n) AS n
		FROM latest f GROUP BY f.region
	)
	SELECT f.region, f.day, f.fetched_at, lag(f.fetched_at) OVER earlier,
		lag(f.fetched_at, 2) OVER earlier, lead(f.fetched_at) OVER earlier, lead(f.day) OVER earlier
	FROM latest f JOIN usual u USING (region)
	WHERE f.n >= u.n / 2	-- half a chart would look like a mass exit
	WINDOW earlier AS (PARTITION BY f.region ORDER BY f.day);
END;
COMMENT ON FUNCTION vvault.backtest_charts(text) IS
'Part of vvault_backtest: the last whole chart of each day, with those of the days before and after it.';

CREATE TYPE vvault.backtest_video AS (
	region text,
	day date,
	rank integer,
	views bigint,
	likes bigint,
	comments bigint,
	velocity double precision,
	virality_score double precision,
	momentum_score double precision,
	fetched_at timestamptz,
	published_at timestamptz,
	views_before bigint,
	before timestamptz,
	views_long_before bigint,
	views_week_before bigint,
	views_after bigint,
	survives boolean
);
COMMENT ON TYPE vvault.backtest_video IS
'Part of vvault_backtest: a video on a judged day, what was known of it then, and what came.';

CREATE FUNCTION vvault.backtest_views(region text, video_id text, until timestamptz)
RETURNS TABLE (views bigint, fetched_at timestamptz)
LANGUAGE sql STABLE ROWS 1
BEGIN ATOMIC
	SELECT o.views, o.fetched_at FROM vvault.snapshots o
	WHERE o.region = backtest_views.region AND o.video_id = backtest_views.video_id
		AND o.views IS NOT NULL AND o.fetched_at <= backtest_views.until
	ORDER BY o.fetched_at DESC LIMIT 1;
END;
COMMENT ON FUNCTION vvault.backtest_views(text, text, timestamptz) IS
'Part of vvault_backtest: the views of a video as known at an instant.';

-- Rates are measured from day to day, and over velocity_min_span at least.
CREATE FUNCTION vvault.backtest_videos(region text, from_day date, to_day date)
RETURNS SETOF vvault.backtest_video
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH chart AS MATERIALIZED (SELECT c.* FROM vvault.backtest_charts(backtest_videos.region) c)
	SELECT c.region, c.day, s.rank, s.views, s.likes, s.comments, s.velocity, s.virality_score,
		s.momentum_score, s.fetched_at, coalesce(v.published_at, f.first), p.views, p.fetched_at,
		q.views, w.views, a.views, a.video_id IS NOT NULL
	FROM chart c
		JOIN vvault.snapshots s ON s.region = c.region AND s.fetched_at = c.fetched_at
		LEFT JOIN vvault.videos v ON v.region = s.region AND v.video_id = s.video_id
		CROSS JOIN LATERAL (
			SELECT min(o.fetched_at) AS first FROM vvault.snapshots o
			WHERE o.region = s.region AND o.video_id = s.video_id) f
		LEFT JOIN LATERAL vvault.backtest_views(s.region, s.video_id,
			least(c.before, s.fetched_at - vvault.velocity_min_span())) p ON true
		LEFT JOIN LATERAL vvault.backtest_views(s.region, s.video_id,
			least(c.long_before, p.fetched_at - vvault.velocity_min_span())) q
			ON c.long_before IS NOT NULL AND p.fetched_at IS NOT NULL
		LEFT JOIN LATERAL vvault.backtest_views(s.region, s.video_id,
			s.fetched_at - interval '7 days') w ON true
		LEFT JOIN vvault.snapshots a
			ON a.region = s.region AND a.video_id = s.video_id AND a.fetched_at = c.after
	WHERE c.before IS NOT NULL AND c.next_day = c.day + 1 AND s.views IS NOT NULL
		AND (backtest_videos.from_day IS NULL OR c.day >= backtest_videos.from_day)
		AND (backtest_videos.to_day IS NULL OR c.day <= backtest_videos.to_day);
END;
COMMENT ON FUNCTION vvault.backtest_videos(text, date, date) IS
'Part of vvault_backtest: the videos of the judged days.';

CREATE FUNCTION vvault.backtest_expected(v vvault.backtest_video) RETURNS double precision
LANGUAGE sql IMMUTABLE
RETURN greatest(v.views_before::double precision - coalesce(v.views_long_before, 0), 1);
COMMENT ON FUNCTION vvault.backtest_expected(vvault.backtest_video) IS
'Part of vvault_backtest: views gained on the day before, as Mastodon would expect them again.';

CREATE FUNCTION vvault.backtest_score(sort text, v vvault.backtest_video) RETURNS double precision
LANGUAGE sql STABLE
RETURN CASE sort
	WHEN 'views' THEN v.views
	WHEN 'newest' THEN date_part('epoch', v.published_at)
	WHEN 'engagement' THEN coalesce(@extschema@.vvault_engagement_rate(v.likes, v.views), 0)
	WHEN 'trending' THEN @extschema@.vvault_trending_base(v.velocity, v.views, v.likes, v.comments)
		+ @extschema@.vvault_trending_score(0::bigint, 0::bigint, interval '0',
			0::bigint, 0::bigint, v.published_at, v.fetched_at)
	WHEN 'virality' THEN v.virality_score
	WHEN 'momentum' THEN v.momentum_score
	WHEN 'hot' THEN @extschema@.vvault_hot_score(v.likes, v.published_at)
	WHEN 'rank' THEN - v.rank
	WHEN 'relative_growth' THEN CASE WHEN v.views_before IS NULL THEN 1e9
		ELSE @extschema@.vvault_view_velocity(v.views, v.views_before, v.fetched_at - v.before)
			/ greatest(v.views_before, 1) END
	WHEN 'reddit' THEN @extschema@.vvault_reddit_hot(coalesce(v.likes, 0), v.published_at)
	WHEN 'hacker_news' THEN @extschema@.vvault_hacker_news(coalesce(v.likes, 0), v.published_at, v.fetched_at)
	WHEN 'lemmy' THEN @extschema@.vvault_lemmy_hot(coalesce(v.likes, 0), v.published_at, v.fetched_at)
	WHEN 'mastodon' THEN greatest(v.views::double precision - coalesce(v.views_before, 0)
			- vvault.backtest_expected(v), 0) ^ 2 / vvault.backtest_expected(v)
	WHEN 'peertube_hot' THEN @extschema@.vvault_peertube_hot(coalesce(v.likes, 0), 0::bigint, v.views,
		coalesce(v.comments, 0), v.published_at)
	WHEN 'peertube_trending' THEN v.views::double precision - coalesce(v.views_before, 0)
	WHEN 'peertube_trending_7_days' THEN v.views - coalesce(v.views_week_before, 0)
END::double precision;
COMMENT ON FUNCTION vvault.backtest_score(text, vvault.backtest_video) IS
'Part of vvault_backtest: what a sort made of a video.';

CREATE FUNCTION vvault.backtest_labels(sort text, target text, region text, from_day date, to_day date)
RETURNS TABLE (region text, day date, rank integer, score double precision, label boolean)
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH scored AS MATERIALIZED (
		SELECT v.region, v.day, v.rank, v.survives,
			v.views_after::double precision / greatest(v.views, 1) AS growth,
			vvault.backtest_score(backtest_labels.sort, v) AS score
		FROM vvault.backtest_videos(backtest_labels.region, backtest_labels.from_day, backtest_labels.to_day) v
	), grown AS (
		SELECT s.*, row_number() OVER (PARTITION BY s.region, s.day ORDER BY s.growth DESC) AS growth_rank,
			greatest(round(0.2 * count(*) OVER (PARTITION BY s.region, s.day)), 1) AS growers
		FROM scored s WHERE s.survives AND backtest_labels.target = 'growth'
	)
	SELECT s.region, s.day, s.rank, s.score, s.survives FROM scored s
	WHERE backtest_labels.target = 'survival'
	UNION ALL
	SELECT g.region, g.day, g.rank, g.score, g.growth >= min(g.growth)
		FILTER (WHERE g.growth_rank <= g.growers) OVER (PARTITION BY g.region, g.day)
	FROM grown g;
END;
COMMENT ON FUNCTION vvault.backtest_labels(text, text, text, date, date) IS
'Part of vvault_backtest: score of each video that is judged, and whether the target came true.';

CREATE FUNCTION @extschema@.vvault_backtest(sort text, target text DEFAULT 'survival',
	region text DEFAULT NULL, from_day date DEFAULT NULL, to_day date DEFAULT NULL)
RETURNS TABLE (day date, videos bigint, positives bigint, auc double precision,
	precision_at_25 double precision)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM vvault.require_backtest(vvault_backtest.sort, vvault_backtest.target, vvault_backtest.region);
	RETURN QUERY
	WITH ranked AS (
		SELECT l.*, row_number() OVER (PARTITION BY l.region, l.day
			ORDER BY l.score DESC, l.rank NULLS LAST) AS place
		FROM vvault.backtest_labels(vvault_backtest.sort, vvault_backtest.target,
			vvault_backtest.region, vvault_backtest.from_day, vvault_backtest.to_day) l
	), daily AS (
		SELECT r.region, r.day, count(*) AS videos, count(*) FILTER (WHERE r.label) AS positives,
			@extschema@.vvault_auc(r.score, r.label) AS auc,
			avg(r.label::int) FILTER (WHERE r.place <= 25)::double precision AS precision_at_25
		FROM ranked r GROUP BY r.region, r.day
	)
	SELECT d.day, sum(d.videos)::bigint, sum(d.positives)::bigint, avg(d.auc), avg(d.precision_at_25)
	FROM daily d GROUP BY GROUPING SETS ((d.day), ())
	HAVING count(*) > 0
	ORDER BY d.day NULLS LAST;
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_backtest(text, text, text, date, date) IS
'How well an order of a feed told what came next: replays the stored snapshots day by day, using only the past, and returns a row for each day and one for all, whose day is NULL.
Units and ranges: sort is an order of the feed (see vvault_trending), rank (the chart''s own) or a rival: relative_growth, reddit, hacker_news, lemmy, mastodon, peertube_hot, peertube_trending (1 day), peertube_trending_7_days; target is survival (still charted the next day) or growth (the fifth of the survivors that gains most in proportion to its views). videos are those judged, positives those for which the target came true; auc is from 0 to 1, 0.5 being chance; precision_at_25 is the share of positives among the first 25. Each is taken inside a region and a day and then averaged.
NULL: a NULL region is all of them, a NULL day an open end; auc is NULL where all or none came true.
Errors: 22023 for an invalid sort, target or region; 42501 without the rights of a writer.
Source: vvault.snapshots, of each day (UTC) the last chart, and the publish times of vvault.videos. A region''s first day, a day whose next has no chart, and charts of less than half the usual length are not judged. virality and momentum are judged as they were stored.';
