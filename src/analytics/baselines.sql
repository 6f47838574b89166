-- Baselines of virality and momentum, proposed from a region's own history.

-- The same quantile of both figures, chosen so that the wanted share of
-- observations is viral: that is what makes regions comparable.
CREATE FUNCTION vvault.virality_baselines(velocities double precision[], engagements double precision[], wanted double precision,
	OUT velocity_baseline double precision, OUT engagement_baseline double precision, OUT viral_share double precision)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	threshold double precision := vvault.viral_threshold();
	low double precision := 0;
	high double precision := 1;
	fraction double precision;
BEGIN
	FOR step IN 1 .. 20 LOOP
		fraction := (low + high) / 2;
		SELECT percentile_cont(fraction) WITHIN GROUP (ORDER BY v) INTO velocity_baseline
		FROM unnest(velocities) v;
		SELECT percentile_cont(fraction) WITHIN GROUP (ORDER BY e) INTO engagement_baseline
		FROM unnest(engagements) e;
		velocity_baseline := greatest(velocity_baseline, 1);
		engagement_baseline := greatest(engagement_baseline, 0.01);
		SELECT avg((@extschema@.vvault_virality_score(u.v, u.e, velocity_baseline, engagement_baseline,
				NULL::double precision, NULL::double precision) >= threshold)::int)
		INTO viral_share FROM unnest(velocities, engagements) AS u (v, e);
		IF viral_share > wanted THEN
			low := fraction;
		ELSE
			high := fraction;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION vvault.virality_baselines(double precision[], double precision[], double precision) IS
'Part of vvault_derive_baselines: the baselines by which the wanted share of observations is viral, found by bisection.';

-- With a baseline of 0 the score tells the raw value; the best share of all that
-- was observed, newcomers too, is to score 85.
CREATE FUNCTION vvault.momentum_baseline(region text, since timestamptz, wanted double precision) RETURNS double precision
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	span constant interval := vvault.velocity_min_span();
BEGIN
	RETURN (SELECT percentile_cont(1 - momentum_baseline.wanted) WITHIN GROUP (ORDER BY
		(ln(m.score / (100 - m.score)) - ln(85.0::double precision / 15)) / 1.2)
	FROM (SELECT vvault.snapshot_momentum(s.views, b.views_day_before, b.elapsed_day,
			s.rank, s.chart_length, s.likes, 0::double precision, s.category_id) AS score
		FROM vvault.snapshots s
			CROSS JOIN LATERAL vvault.score_base(s.region, s.video_id, s.fetched_at, span) b
		WHERE s.region = momentum_baseline.region AND s.views IS NOT NULL
			AND s.fetched_at > momentum_baseline.since) m
	WHERE m.score > 0 AND m.score < 100);
END
$$;
COMMENT ON FUNCTION vvault.momentum_baseline(text, timestamptz, double precision) IS
'Part of vvault_derive_baselines: the raw momentum that the wanted share of a region''s observations reaches.';

CREATE FUNCTION @extschema@.vvault_derive_baselines(region text, days integer DEFAULT 30,
	OUT velocity_baseline double precision, OUT engagement_baseline double precision,
	OUT momentum_baseline double precision, OUT observations bigint, OUT viral_share double precision, OUT viral_share_now double precision)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	wanted constant double precision := 0.15;
	threshold double precision := vvault.viral_threshold();
	span constant interval := vvault.velocity_min_span();
	since timestamptz;
	velocities double precision[];
	engagements double precision[];
BEGIN
	PERFORM vvault.require_region(vvault_derive_baselines.region);
	IF vvault_derive_baselines.days IS NULL OR vvault_derive_baselines.days NOT BETWEEN 1 AND 3650 THEN
		RAISE EXCEPTION '%', coalesce('invalid days ' || vvault_derive_baselines.days, 'days must not be null')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is a number of days from 1 to 3650.';
	END IF;

	SELECT max(c.fetched_at) - vvault_derive_baselines.days * interval '1 day' INTO since FROM vvault.charts c
	WHERE c.region = vvault_derive_baselines.region;
	-- a newcomer's velocity is not known: it tells nothing of the baseline
	SELECT array_agg(s.velocity), array_agg(s.engagement), count(*),
		avg((s.virality_score >= threshold)::int)
	INTO velocities, engagements, observations, viral_share_now
	FROM (SELECT s.velocity, s.virality_score,
			(coalesce(s.likes, 0)::double precision + 2 * coalesce(s.comments, 0)::double precision)
				/ s.views * 100 AS engagement
		FROM vvault.snapshots s
		WHERE s.region = vvault_derive_baselines.region AND s.views > 0
			AND coalesce(s.likes, s.comments) IS NOT NULL
			AND s.fetched_at > since
			AND EXISTS (SELECT FROM vvault.snapshots o WHERE o.region = s.region
				AND o.video_id = s.video_id AND o.views IS NOT NULL AND o.fetched_at < s.fetched_at
				AND o.fetched_at <= s.fetched_at - span)) s;
	IF observations < 100 THEN
		viral_share_now := NULL;
		RETURN;
	END IF;

	momentum_baseline := vvault.momentum_baseline(vvault_derive_baselines.region, since, wanted);
	SELECT b.velocity_baseline, b.engagement_baseline, b.viral_share
	INTO velocity_baseline, engagement_baseline, viral_share
	FROM vvault.virality_baselines(velocities, engagements, wanted) b;
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_derive_baselines(text, integer) IS
'Proposes a region''s baselines of virality and momentum from its own last days, so that 15 % of what it observed would be viral there, and 15 % would have momentum 85 and more, as everywhere.
Units and ranges: days from 1 to 3650, counted back from the latest chart; velocity_baseline in views per hour, engagement_baseline in percent, momentum_baseline in powers of ten of daily growth; observations are those that virality rests on, viral_share what part of them would be viral by the proposal, viral_share_now what part is by the scores as stored. Nothing is changed: an owner who agrees writes the figures to vvault.regions.
NULL: NULL is an error; with fewer than 100 observations the proposal is NULL.
Errors: 22023 for an invalid region or days; 42501 without the rights of a reader.
Source: vvault.snapshots. Virality: videos observed before, the same quantile of both figures, found by bisection. Momentum: all, the quantile of the raw value.';
