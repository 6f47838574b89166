-- How an observation is scored: what it is measured against, and which others
-- have to be scored anew when history comes late.

CREATE FUNCTION vvault.velocity_min_span() RETURNS interval
LANGUAGE sql STABLE PARALLEL SAFE
RETURN vvault.setting('velocity_min_span')::double precision * interval '1 second';
COMMENT ON FUNCTION vvault.velocity_min_span() IS
'The setting velocity_min_span as an interval.';

-- Momentum speaks of a day. Half an hour of grace, as daily charts are not
-- fetched to the second.
CREATE FUNCTION vvault.momentum_span() RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN interval '23 hours 30 minutes';
COMMENT ON FUNCTION vvault.momentum_span() IS
'How long a video is a newcomer to a region, and how old an observation momentum is measured against is at least.';

-- A rate needs a base of time: counters are updated in jumps, and charts may
-- be fetched twice within seconds. So the base is the newest observation that
-- is old enough. With nothing as old it is the oldest there is, which counts
-- as old enough: a rate then grows into what it will be.
CREATE FUNCTION vvault.rate_base(region text, video_id text, at timestamptz, min_span interval)
RETURNS TABLE (views bigint, elapsed interval)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	SELECT r.views, greatest(rate_base.at - r.fetched_at, rate_base.min_span)
	FROM ((SELECT p.views, p.fetched_at FROM vvault.snapshots p
			WHERE p.region = rate_base.region AND p.video_id = rate_base.video_id AND p.views IS NOT NULL
				AND p.fetched_at <= rate_base.at - rate_base.min_span AND p.fetched_at < rate_base.at
			ORDER BY p.fetched_at DESC LIMIT 1)
		UNION ALL
		(SELECT p.views, p.fetched_at FROM vvault.snapshots p
			WHERE p.region = rate_base.region AND p.video_id = rate_base.video_id AND p.views IS NOT NULL
				AND p.fetched_at > rate_base.at - rate_base.min_span AND p.fetched_at < rate_base.at
			ORDER BY p.fetched_at LIMIT 1)
		LIMIT 1) r;
END;
COMMENT ON FUNCTION vvault.rate_base(text, text, timestamptz, interval) IS
'What a rate of views is measured against: views at least min_span before, and how long before. No row where there is nothing.';

-- The base of momentum is a day old. There is none for a newcomer, whose first
-- observation in the region (pruned ones too) is less old. Where the views of
-- a day ago are not known, the oldest known ones stand in.
CREATE FUNCTION vvault.day_base(region text, video_id text, at timestamptz)
RETURNS TABLE (views bigint, elapsed interval)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	SELECT d.views, day_base.at - d.fetched_at
	FROM ((SELECT p.views, p.fetched_at FROM vvault.snapshots p
			WHERE p.region = day_base.region AND p.video_id = day_base.video_id AND p.views IS NOT NULL
				AND p.fetched_at <= day_base.at - vvault.momentum_span()
			ORDER BY p.fetched_at DESC LIMIT 1)
		UNION ALL
		(SELECT p.views, p.fetched_at FROM vvault.snapshots p
			WHERE p.region = day_base.region AND p.video_id = day_base.video_id AND p.views IS NOT NULL
				AND p.fetched_at > day_base.at - vvault.momentum_span() AND p.fetched_at < day_base.at
				AND (EXISTS (SELECT FROM vvault.videos v
						WHERE v.region = day_base.region AND v.video_id = day_base.video_id
							AND v.first_seen_at <= day_base.at - vvault.momentum_span())
					OR EXISTS (SELECT FROM vvault.snapshots f
						WHERE f.region = day_base.region AND f.video_id = day_base.video_id
							AND f.fetched_at <= day_base.at - vvault.momentum_span()))
			ORDER BY p.fetched_at LIMIT 1)
		LIMIT 1) d;
END;
COMMENT ON FUNCTION vvault.day_base(text, text, timestamptz) IS
'What momentum is measured against: views a day before, and how long before. No row for a newcomer.';

CREATE FUNCTION vvault.score_base(region text, video_id text, at timestamptz, min_span interval)
RETURNS TABLE (views_before bigint, elapsed interval, views_day_before bigint, elapsed_day interval)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	SELECT r.views, r.elapsed, d.views, d.elapsed
	FROM (SELECT) AS one
		LEFT JOIN LATERAL vvault.rate_base(score_base.region, score_base.video_id, score_base.at,
			score_base.min_span) r ON true
		LEFT JOIN LATERAL vvault.day_base(score_base.region, score_base.video_id, score_base.at) d ON true;
END;
COMMENT ON FUNCTION vvault.score_base(text, text, timestamptz, interval) IS
'Both at once, in one row that has NULL where there is nothing.';

-- Both places that score a snapshot use these.
CREATE FUNCTION vvault.snapshot_velocity(views bigint, views_before bigint, elapsed interval)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(@extschema@.vvault_view_velocity(views, views_before, elapsed), 0);
COMMENT ON FUNCTION vvault.snapshot_velocity(bigint, bigint, interval) IS
'The velocity of an observation, given its base; 0 where there is none.';

CREATE FUNCTION vvault.snapshot_virality(views bigint, views_before bigint, elapsed interval,
	likes bigint, comments bigint, velocity_baseline double precision,
	engagement_baseline double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(@extschema@.vvault_virality_score(
	vvault.snapshot_velocity(views, views_before, elapsed),
	vvault.weighted_engagement(likes, comments, views),
	velocity_baseline, engagement_baseline, NULL::double precision, NULL::double precision), 0);
COMMENT ON FUNCTION vvault.snapshot_virality(bigint, bigint, interval, bigint, bigint, double precision, double precision) IS
'The virality score of an observation, given its base.';

CREATE FUNCTION vvault.snapshot_momentum(views bigint, views_before bigint, elapsed interval,
	rank integer, chart_length integer, likes bigint, baseline double precision, category_id integer)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(@extschema@.vvault_momentum_score(views := views, views_before := views_before,
	elapsed := elapsed, rank := rank, chart_length := chart_length, likes := likes,
	baseline := baseline, category_id := category_id), 0);
COMMENT ON FUNCTION vvault.snapshot_momentum(bigint, bigint, interval, integer, integer, bigint, double precision, integer) IS
'The momentum score of an observation, given its base of a day before.';

-- An observation is the base of those that are min_span and more younger, until
-- the next one is as old; and of the nearer ones, where none is older. So much
-- for a rate of either span. A later observation without views has no rate.
CREATE FUNCTION vvault.measured_against(region text, video_id text, at timestamptz, min_span interval)
RETURNS SETOF timestamptz
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
BEGIN ATOMIC
	SELECT t.fetched_at
	FROM (SELECT n.fetched_at FROM vvault.snapshots n
			WHERE n.region = measured_against.region AND n.video_id = measured_against.video_id
				AND n.fetched_at > measured_against.at AND n.views IS NOT NULL
			ORDER BY n.fetched_at LIMIT 1) AS next
		CROSS JOIN LATERAL (
			SELECT n.fetched_at FROM vvault.snapshots n
			WHERE n.region = measured_against.region AND n.video_id = measured_against.video_id
				AND n.fetched_at >= next.fetched_at AND n.fetched_at < next.fetched_at
					+ greatest(vvault.momentum_span(), measured_against.min_span)
				AND (n.fetched_at < next.fetched_at + measured_against.min_span
					OR n.fetched_at >= measured_against.at + vvault.momentum_span()
					OR NOT EXISTS (SELECT FROM vvault.snapshots p
						WHERE p.region = measured_against.region AND p.video_id = measured_against.video_id
							AND p.fetched_at < measured_against.at AND p.views IS NOT NULL))
			OFFSET 0) t;	-- a probe, whatever the planner thinks
END;
COMMENT ON FUNCTION vvault.measured_against(text, text, timestamptz, interval) IS
'The instants of the later observations of a video whose scores may depend on the one at an instant.';

CREATE FUNCTION vvault.is_late(region text, fetched_at timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
	RETURN EXISTS (SELECT FROM vvault.snapshots n
			WHERE n.region = is_late.region AND n.fetched_at > is_late.fetched_at AND n.rank IS NOT NULL)
		OR EXISTS (SELECT FROM vvault.snapshots n
			WHERE n.region = is_late.region AND n.fetched_at > is_late.fetched_at AND n.rank IS NULL);
END
$$;
COMMENT ON FUNCTION vvault.is_late(text, timestamptz) IS
'Whether a region has observations that are later than an instant.';

-- What was written or removed at an instant changes the scores of that instant
-- (of the videos in "written", or of all) and of what is measured against it.
-- The caller holds the region's lock.
CREATE FUNCTION vvault.score_again(region text, fetched_at timestamptz, video_ids text[],
	written text[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	facts vvault.effective_regions;
	span constant interval := vvault.velocity_min_span();
BEGIN
	SELECT r.* INTO facts FROM vvault.effective_regions r WHERE r.region = score_again.region;
	-- an upsert: it finds each row by its key, whatever the planner thinks
	INSERT INTO vvault.snapshots AS s (region, video_id, fetched_at, velocity, virality_score,
		momentum_score)
	SELECT t.region, t.video_id, t.fetched_at,
		vvault.snapshot_velocity(t.views, b.views_before, b.elapsed),
		vvault.snapshot_virality(t.views, b.views_before, b.elapsed,
			t.likes, t.comments, facts.velocity_baseline, facts.engagement_baseline),
		vvault.snapshot_momentum(t.views, b.views_day_before, b.elapsed_day,
			t.rank, t.chart_length, t.likes, facts.momentum_baseline, t.category_id)
	FROM (SELECT c.video_id, score_again.fetched_at FROM unnest(coalesce(written, video_ids)) AS c (video_id)
			UNION ALL
			SELECT c.video_id, m.fetched_at FROM unnest(video_ids) AS c (video_id)
				CROSS JOIN LATERAL vvault.measured_against(score_again.region, c.video_id,
					score_again.fetched_at, span) AS m (fetched_at)) k
		CROSS JOIN LATERAL (
			SELECT n.* FROM vvault.snapshots n
			WHERE n.region = score_again.region AND n.video_id = k.video_id
				AND n.fetched_at = k.fetched_at LIMIT 1) t
		CROSS JOIN LATERAL vvault.score_base(t.region, t.video_id, t.fetched_at, span) b
	ON CONFLICT (region, video_id, fetched_at) DO UPDATE
		SET velocity = EXCLUDED.velocity, virality_score = EXCLUDED.virality_score,
			momentum_score = EXCLUDED.momentum_score
		WHERE s.velocity <> EXCLUDED.velocity OR s.virality_score <> EXCLUDED.virality_score
			OR s.momentum_score <> EXCLUDED.momentum_score;
END
$$;
COMMENT ON FUNCTION vvault.score_again(text, timestamptz, text[], text[]) IS
'Scores the observations of some videos at an instant, and those that are measured against them; writes those whose scores change.';
