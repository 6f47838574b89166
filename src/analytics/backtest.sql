-- How well an order of the feed told what came next, replayed on the stored
-- snapshots.

CREATE FUNCTION @extschema@.vvault_backtest(sort text, target text DEFAULT 'survival',
	region text DEFAULT NULL, from_day date DEFAULT NULL, to_day date DEFAULT NULL)
RETURNS TABLE (day date, videos bigint, positives bigint, auc double precision,
	precision_at_25 double precision)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	sorts constant text[] := (SELECT d.choices FROM vvault.setting_defaults d WHERE d.name = 'default_sort')
		|| '{rank,relative_growth,reddit,hacker_news,lemmy,mastodon,peertube_hot,peertube_trending,peertube_trending_7_days}';
BEGIN
	IF vvault_backtest.sort IS NULL OR vvault_backtest.sort <> ALL (sorts) THEN
		RAISE EXCEPTION 'invalid sort "%"', coalesce(left(vvault_backtest.sort, 64), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'The sorts are ' || array_to_string(sorts, ', ') || '.';
	END IF;
	IF vvault_backtest.target IS NULL OR vvault_backtest.target NOT IN ('survival', 'growth') THEN
		RAISE EXCEPTION 'invalid target "%"', coalesce(left(vvault_backtest.target, 64), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'The targets are survival and growth.';
	END IF;
	IF vvault_backtest.region IS NOT NULL THEN
		PERFORM vvault.require_region(vvault_backtest.region);
	END IF;

	RETURN QUERY
	WITH latest AS MATERIALIZED (	-- the last chart of each day (UTC)
		SELECT DISTINCT ON (s.region, vvault.utc_day(s.fetched_at))
			s.region, vvault.utc_day(s.fetched_at) AS day, s.fetched_at, s.n
		FROM (SELECT s.region, s.fetched_at, count(*) AS n FROM vvault.snapshots s
			WHERE vvault_backtest.region IS NULL OR s.region = vvault_backtest.region
			GROUP BY s.region, s.fetched_at) s
		ORDER BY s.region, vvault.utc_day(s.fetched_at), s.fetched_at DESC
	), usual AS (
		SELECT f.region, percentile_cont(0.5) WITHIN GROUP (ORDER BY f.n) AS n
		FROM latest f GROUP BY f.region
	), chart AS MATERIALIZED (	-- half a chart would look like a mass exit
		SELECT f.region, f.day, f.fetched_at, lag(f.fetched_at) OVER earlier AS before,
			lag(f.fetched_at, 2) OVER earlier AS long_before,
			lead(f.fetched_at) OVER earlier AS after, lead(f.day) OVER earlier AS next_day
		FROM latest f JOIN usual u USING (region)
		WHERE f.n >= u.n / 2
		WINDOW earlier AS (PARTITION BY f.region ORDER BY f.day)
	), seen AS MATERIALIZED (	-- each video of a judged day, what was known of it, what came
		SELECT c.region, c.day, s.rank, s.views, s.likes, s.comments, s.virality_score,
			s.momentum_score, s.fetched_at, s.velocity,
			coalesce(v.published_at, f.first) AS published_at,
			p.views AS views_before, p.fetched_at AS before, q.views AS views_long_before,
			w.views AS views_week_before, a.views AS views_after, a.video_id IS NOT NULL AS survives
		FROM chart c
			JOIN vvault.snapshots s ON s.region = c.region AND s.fetched_at = c.fetched_at
			LEFT JOIN vvault.videos v ON v.region = s.region AND v.video_id = s.video_id
			CROSS JOIN LATERAL (
				SELECT min(o.fetched_at) AS first FROM vvault.snapshots o
				WHERE o.region = s.region AND o.video_id = s.video_id) f
			LEFT JOIN LATERAL (
				SELECT o.views, o.fetched_at FROM vvault.snapshots o
				WHERE o.region = s.region AND o.video_id = s.video_id AND o.views IS NOT NULL
					AND o.fetched_at <= least(c.before, s.fetched_at - vvault.velocity_min_span())
				ORDER BY o.fetched_at DESC LIMIT 1) p ON true
			LEFT JOIN LATERAL (
				SELECT o.views FROM vvault.snapshots o
				WHERE o.region = s.region AND o.video_id = s.video_id AND o.views IS NOT NULL
					AND o.fetched_at < p.fetched_at AND o.fetched_at <= c.long_before
				ORDER BY o.fetched_at DESC LIMIT 1) q ON true
			LEFT JOIN LATERAL (
				SELECT o.views FROM vvault.snapshots o
				WHERE o.region = s.region AND o.video_id = s.video_id AND o.views IS NOT NULL
					AND o.fetched_at <= s.fetched_at - interval '7 days'
				ORDER BY o.fetched_at DESC LIMIT 1) w ON true
			LEFT JOIN vvault.snapshots a
				ON a.region = s.region AND a.video_id = s.video_id AND a.fetched_at = c.after
		WHERE c.before IS NOT NULL AND c.next_day = c.day + 1 AND s.views IS NOT NULL
			AND (vvault_backtest.from_day IS NULL OR c.day >= vvault_backtest.from_day)
			AND (vvault_backtest.to_day IS NULL OR c.day <= vvault_backtest.to_day)
	), scored AS MATERIALIZED (
		SELECT s.region, s.day, s.rank, s.survives,
			s.views_after::double precision / greatest(s.views, 1) AS growth,
			CASE vvault_backtest.sort
				WHEN 'views' THEN s.views
				WHEN 'newest' THEN date_part('epoch', s.published_at)
				WHEN 'engagement' THEN coalesce(@extschema@.vvault_engagement_rate(s.likes, s.views), 0)
				WHEN 'trending' THEN @extschema@.vvault_trending_base(s.velocity, s.views, s.likes, s.comments)
					+ @extschema@.vvault_trending_score(0::bigint, 0::bigint, interval '0',
						0::bigint, 0::bigint, s.published_at, s.fetched_at)
				WHEN 'virality' THEN s.virality_score
				WHEN 'momentum' THEN s.momentum_score
				WHEN 'hot' THEN @extschema@.vvault_hot_score(s.likes, s.published_at)
				WHEN 'rank' THEN - s.rank
				WHEN 'relative_growth' THEN CASE WHEN s.views_before IS NULL THEN 1e9
					ELSE @extschema@.vvault_view_velocity(s.views, s.views_before, s.fetched_at - s.before)
						/ greatest(s.views_before, 1) END
				WHEN 'reddit' THEN @extschema@.vvault_reddit_hot(coalesce(s.likes, 0), s.published_at)
				WHEN 'hacker_news' THEN @extschema@.vvault_hacker_news(coalesce(s.likes, 0),
					s.published_at, s.fetched_at)
				WHEN 'lemmy' THEN @extschema@.vvault_lemmy_hot(coalesce(s.likes, 0),
					s.published_at, s.fetched_at)
				WHEN 'mastodon' THEN CASE WHEN s.gained > s.expected
					THEN (s.gained - s.expected) ^ 2 / s.expected ELSE 0 END
				WHEN 'peertube_hot' THEN @extschema@.vvault_peertube_hot(coalesce(s.likes, 0), 0::bigint, s.views,
					coalesce(s.comments, 0), s.published_at)
				WHEN 'peertube_trending' THEN s.gained
				WHEN 'peertube_trending_7_days' THEN s.views - coalesce(s.views_week_before, 0)
			END::double precision AS score
		FROM (SELECT s.*, s.views::double precision - coalesce(s.views_before, 0) AS gained,
				greatest(s.views_before::double precision - coalesce(s.views_long_before, 0), 1) AS expected
			FROM seen s) s
	), grown AS (
		SELECT s.*, row_number() OVER (PARTITION BY s.region, s.day ORDER BY s.growth DESC) AS growth_rank,
			greatest(round(0.2 * count(*) OVER (PARTITION BY s.region, s.day)), 1) AS growers
		FROM scored s WHERE s.survives AND vvault_backtest.target = 'growth'
	), labelled AS (
		SELECT s.region, s.day, s.rank, s.score, s.survives AS label FROM scored s
		WHERE vvault_backtest.target = 'survival'
		UNION ALL
		SELECT g.region, g.day, g.rank, g.score, g.growth >= min(g.growth)
			FILTER (WHERE g.growth_rank <= g.growers) OVER (PARTITION BY g.region, g.day)
		FROM grown g
	), ranked AS (
		SELECT l.*, row_number() OVER (PARTITION BY l.region, l.day
			ORDER BY l.score DESC, l.rank NULLS LAST) AS place
		FROM labelled l
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
