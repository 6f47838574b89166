-- Charts: which one is a region's, who stands where in it, and taking one back.
--
-- All of it follows from vvault.snapshots. vvault.charts, which triggers keep
-- (derived.sql), has a row for each instant of a region at which videos have
-- ranks. The latest of them that is whole is the region's chart.

CREATE FUNCTION vvault.utc_text(t timestamptz) RETURNS text
AS 'MODULE_PATHNAME', 'vvault_utc_text'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vvault.utc_text(timestamptz) IS
'An instant as every reply shows it: ISO 8601 in UTC, whatever the session''s settings.';

CREATE FUNCTION vvault.chart_is_whole(videos integer, complete boolean, before_1 integer,
	before_2 integer, before_3 integer, share double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN complete OR coalesce(videos >= share * CASE
	WHEN before_3 IS NULL THEN least(before_1, before_2)
	ELSE greatest(least(before_1, before_2), least(greatest(before_1, before_2), before_3)) END, true);
COMMENT ON FUNCTION vvault.chart_is_whole(integer, boolean, integer, integer, integer, double precision) IS
'Whether a chart is whole: said to be complete, or not shorter than a share of the median of the three before it, of two the shorter one.';

-- Two responses of one instant may give one place to two videos. The one with
-- the larger figures keeps it, the other has the next that is free.
CREATE VIEW vvault.chart_places AS
	SELECT p.region, p.fetched_at, p.video_id, p.place AS rank,
		CASE WHEN p.chart_length IS NOT NULL THEN greatest(p.chart_length, p.place) END AS chart_length
	FROM (SELECT n.region, n.fetched_at, n.video_id, n.chart_length,
			(n.n + max(n.rank - n.n) OVER (PARTITION BY n.region, n.fetched_at ORDER BY n.n))::integer AS place
		FROM (SELECT s.region, s.fetched_at, s.video_id, s.rank, s.chart_length,
				row_number() OVER (PARTITION BY s.region, s.fetched_at ORDER BY s.rank,
					s.views DESC NULLS LAST, s.likes DESC NULLS LAST,
					s.comments DESC NULLS LAST, s.video_id) AS n
			FROM vvault.snapshots s WHERE s.rank IS NOT NULL) n) p;
COMMENT ON VIEW vvault.chart_places IS
'Who stands where in each chart: the ranks of vvault.snapshots, none of them twice. To be asked for one region and instant.';

CREATE VIEW vvault.current_places AS
	SELECT c.region, c.fetched_at, p.video_id, p.rank, p.chart_length
	FROM (SELECT c.region, max(c.fetched_at) AS fetched_at FROM vvault.charts c
			WHERE c.whole GROUP BY c.region) c
		CROSS JOIN LATERAL (
			SELECT p.video_id, p.rank, p.chart_length FROM vvault.chart_places p
			WHERE p.region = c.region AND p.fetched_at = c.fetched_at OFFSET 0) p;
COMMENT ON VIEW vvault.current_places IS
'Who stands where in the chart of each region: what vvault.videos shows as charted.';

-- The rows of vvault.videos that charts have written, as the snapshots have
-- them. Figures that somebody else wrote later stay. A row that says it was
-- observed after all charts that are left comes from one that was deleted.
CREATE VIEW vvault.expected_videos AS
	SELECT v.region, v.video_id,
		l.fetched_at IS NULL AND coalesce(v.snapshot_at > c.newest, false) AS left_over,
		CASE WHEN c.latest IS NULL THEN v.charted ELSE p.rank IS NOT NULL END AS charted,
		CASE WHEN c.latest IS NULL THEN v.rank ELSE p.rank END AS rank,
		CASE WHEN c.latest IS NULL THEN v.chart_length ELSE p.chart_length END AS chart_length,
		CASE WHEN k.known THEN v.category_id ELSE l.category_id END AS category_id,
		CASE WHEN k.known THEN v.views ELSE f.views END AS views,
		CASE WHEN k.known THEN v.likes ELSE f.likes END AS likes,
		CASE WHEN k.known THEN v.comments ELSE f.comments END AS comments,
		CASE WHEN k.known THEN v.velocity ELSE l.velocity END AS velocity,
		CASE WHEN k.known THEN v.virality_score ELSE l.virality_score END AS virality_score,
		CASE WHEN k.known THEN v.momentum_score ELSE l.momentum_score END AS momentum_score,
		CASE WHEN k.known THEN v.fetched_at ELSE l.fetched_at END AS fetched_at,
		coalesce(l.fetched_at, v.snapshot_at) AS snapshot_at
	FROM vvault.videos v
		LEFT JOIN LATERAL (
			SELECT s.* FROM vvault.snapshots s
			WHERE s.region = v.region AND s.video_id = v.video_id
			ORDER BY s.fetched_at DESC LIMIT 1) l ON true
		LEFT JOIN LATERAL (
			SELECT s.views, s.likes, s.comments FROM vvault.snapshots s
			WHERE s.region = v.region AND s.video_id = v.video_id AND s.views IS NOT NULL
			ORDER BY s.fetched_at DESC LIMIT 1) f ON true
		CROSS JOIN LATERAL (
			SELECT l.fetched_at IS NULL OR v.fetched_at > l.fetched_at
				AND v.fetched_at <> v.snapshot_at AS known) k
		LEFT JOIN (
			SELECT c.region, max(c.fetched_at) AS newest,
				max(c.fetched_at) FILTER (WHERE c.whole) AS latest
			FROM vvault.charts c GROUP BY c.region) c ON c.region = v.region
		LEFT JOIN vvault.current_places p ON p.region = v.region AND p.video_id = v.video_id
	WHERE v.snapshot_at IS NOT NULL;
COMMENT ON VIEW vvault.expected_videos IS
'The rows of vvault.videos that charts have written, by naive SQL out of vvault.snapshots; those that are left_over should not be there.';

-- The caller holds the region's lock, here and below.
CREATE FUNCTION vvault.latest_chart(region text) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	-- one probe, by a plan that is kept
	RETURN (SELECT c.fetched_at FROM vvault.charts c
		WHERE c.region = latest_chart.region AND c.whole ORDER BY c.fetched_at DESC LIMIT 1);
END
$$;
COMMENT ON FUNCTION vvault.latest_chart(text) IS
'When the chart of a region was observed, NULL where it has none.';

CREATE FUNCTION vvault.places_meet(region text, fetched_at timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
	RETURN (SELECT count(*) <> count(DISTINCT s.rank) FROM vvault.snapshots s
		WHERE s.region = places_meet.region AND s.fetched_at = places_meet.fetched_at AND s.rank IS NOT NULL);
END
$$;
COMMENT ON FUNCTION vvault.places_meet(text, timestamptz) IS
'Whether two videos of a chart have one place.';

-- Most rows are right: those of an ingest were written as they should be.
CREATE FUNCTION vvault.settle_chart(region text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	latest timestamptz := vvault.latest_chart(settle_chart.region);
BEGIN
	IF latest IS NULL THEN
		RETURN;
	END IF;
	WITH place AS MATERIALIZED (
		SELECT p.video_id, p.rank, p.chart_length FROM vvault.chart_places p
		WHERE p.region = settle_chart.region AND p.fetched_at = latest
	), shown AS MATERIALIZED (
		SELECT v.video_id, v.rank, v.chart_length FROM vvault.videos v
		WHERE v.region = settle_chart.region AND v.charted
	), wrong AS MATERIALIZED (
		SELECT coalesce(p.video_id, s.video_id) AS video_id, p.rank, p.chart_length
		FROM place p FULL JOIN shown s ON s.video_id = p.video_id
		WHERE p.video_id IS NULL OR s.video_id IS NULL
			OR (s.rank, s.chart_length) IS DISTINCT FROM (p.rank, p.chart_length)
	)
	UPDATE vvault.videos v
	SET charted = w.rank IS NOT NULL, rank = w.rank, chart_length = w.chart_length
	FROM wrong w WHERE v.region = settle_chart.region AND v.video_id = w.video_id;
END
$$;
COMMENT ON FUNCTION vvault.settle_chart(text) IS
'Makes charted, rank and chart_length of vvault.videos those of a region''s chart.';

CREATE FUNCTION vvault.why_not_charted(region text, fetched_at timestamptz, latest timestamptz) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	chart vvault.charts;
BEGIN
	SELECT c.* INTO chart FROM vvault.charts c
	WHERE c.region = why_not_charted.region AND c.fetched_at = why_not_charted.fetched_at;
	IF NOT FOUND THEN
		RETURN 'No item was accepted.';
	ELSIF why_not_charted.latest > why_not_charted.fetched_at THEN
		RETURN format('It is older than the chart of %s.', vvault.utc_text(why_not_charted.latest));
	END IF;
	RETURN format('It has %s, far fewer than the charts before it: it is taken as history. If it is complete, say complete => true.',
		CASE chart.videos WHEN 1 THEN '1 video' ELSE chart.videos || ' videos' END);
END
$$;
COMMENT ON FUNCTION vvault.why_not_charted(text, timestamptz, timestamptz) IS
'Part of vvault_ingest: why a chart is not the one that a region''s feeds show, which is another.';

CREATE FUNCTION vvault.rebuild_charts() RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	removed bigint;
	written bigint;
BEGIN
	DELETE FROM vvault.charts d
	WHERE NOT EXISTS (SELECT FROM vvault.expected_charts e
		WHERE e.region = d.region AND e.fetched_at = d.fetched_at);
	GET DIAGNOSTICS removed = ROW_COUNT;
	INSERT INTO vvault.charts AS d (region, fetched_at, videos, complete, whole)
	SELECT e.region, e.fetched_at, e.videos, e.complete, e.whole FROM vvault.expected_charts e
	ON CONFLICT (region, fetched_at) DO UPDATE
		SET videos = EXCLUDED.videos, complete = EXCLUDED.complete, whole = EXCLUDED.whole
		WHERE (d.videos, d.complete, d.whole) <> (EXCLUDED.videos, EXCLUDED.complete, EXCLUDED.whole);
	GET DIAGNOSTICS written = ROW_COUNT;
	RETURN removed + written;
END
$$;
COMMENT ON FUNCTION vvault.rebuild_charts() IS
'Repairs vvault.charts from vvault.snapshots; returns the rows that were wrong.';

-- Some rows of a region, or all rows of all regions where that is NULL.
CREATE FUNCTION vvault.rebuild_videos(region text DEFAULT NULL, video_ids text[] DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	removed bigint;
	written bigint;
BEGIN
	DELETE FROM vvault.videos v USING vvault.expected_videos e
	WHERE e.left_over AND v.region = e.region AND v.video_id = e.video_id AND vvault.is_home(e.region)
		AND (rebuild_videos.region IS NULL OR e.region = rebuild_videos.region)
		AND (rebuild_videos.video_ids IS NULL OR e.video_id = ANY (rebuild_videos.video_ids));
	GET DIAGNOSTICS removed = ROW_COUNT;
	UPDATE vvault.videos v
	SET charted = e.charted, rank = e.rank, chart_length = e.chart_length,
		category_id = e.category_id, views = e.views, likes = e.likes, comments = e.comments,
		velocity = e.velocity, virality_score = e.virality_score, momentum_score = e.momentum_score,
		fetched_at = e.fetched_at, snapshot_at = e.snapshot_at
	FROM vvault.expected_videos e
	WHERE v.region = e.region AND v.video_id = e.video_id AND vvault.is_home(e.region)
		AND (rebuild_videos.region IS NULL OR e.region = rebuild_videos.region)
		AND (rebuild_videos.video_ids IS NULL OR e.video_id = ANY (rebuild_videos.video_ids))
		AND (v.charted, v.rank, v.chart_length, v.category_id, v.views, v.likes, v.comments,
				v.velocity, v.virality_score, v.momentum_score, v.fetched_at, v.snapshot_at)
			IS DISTINCT FROM (e.charted, e.rank, e.chart_length, e.category_id, e.views, e.likes,
				e.comments, e.velocity, e.virality_score, e.momentum_score, e.fetched_at, e.snapshot_at);
	GET DIAGNOSTICS written = ROW_COUNT;
	RETURN removed + written;
END
$$;
COMMENT ON FUNCTION vvault.rebuild_videos(text, text[]) IS
'Repairs rows of vvault.videos that charts have written, from vvault.snapshots; returns the rows that were wrong.';

-- Videos of a chart that is gone, of which no observation is left. Those that
-- only it had go with it. One that was here before stays: its observations
-- were pruned, or its owner wrote it.
CREATE FUNCTION vvault.forget_unobserved(region text, fetched_at timestamptz, video_ids text[])
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	unobserved text[];
	forgotten bigint;
BEGIN
	unobserved := ARRAY(
		SELECT u.video_id FROM unnest(forget_unobserved.video_ids) AS u (video_id)
		WHERE NOT EXISTS (SELECT FROM vvault.snapshots s
			WHERE s.region = forget_unobserved.region AND s.video_id = u.video_id));
	DELETE FROM vvault.videos v
	WHERE v.region = forget_unobserved.region AND v.video_id = ANY (unobserved)
		AND v.first_seen_at >= forget_unobserved.fetched_at;
	GET DIAGNOSTICS forgotten = ROW_COUNT;
	UPDATE vvault.videos v
	SET fetched_at = CASE WHEN v.fetched_at = v.snapshot_at THEN v.first_seen_at ELSE v.fetched_at END,
		snapshot_at = CASE WHEN EXISTS (SELECT FROM vvault.daily_stats t
			WHERE t.region = v.region AND t.day = vvault.utc_day(v.first_seen_at) AND t.closed)
			THEN v.first_seen_at END,
		charted = false, rank = NULL, chart_length = NULL
	WHERE v.region = forget_unobserved.region AND v.video_id = ANY (unobserved);
	RETURN forgotten;
END
$$;
COMMENT ON FUNCTION vvault.forget_unobserved(text, timestamptz, text[]) IS
'Part of vvault_remove_chart: drops videos that nothing is left of; returns how many.';

CREATE FUNCTION @extschema@.vvault_remove_chart(region text, fetched_at timestamptz) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	removed text[];
	forgotten bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM vvault.charts c WHERE c.region = vvault_remove_chart.region
			AND c.fetched_at = vvault_remove_chart.fetched_at) THEN
		RAISE EXCEPTION 'region "%" has no chart of %', coalesce(left(vvault_remove_chart.region, 64), 'NULL'),
				coalesce(vvault.utc_text(vvault_remove_chart.fetched_at), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'The charts that can be taken back are in vvault.charts; days closed by vvault_prune() have none.';
	END IF;
	PERFORM vvault.lock_region(vvault_remove_chart.region);
	WITH d AS (
		DELETE FROM vvault.snapshots s WHERE s.region = vvault_remove_chart.region
			AND s.fetched_at = vvault_remove_chart.fetched_at AND s.rank IS NOT NULL
		RETURNING s.video_id
	)
	SELECT coalesce(array_agg(d.video_id ORDER BY d.video_id), '{}') INTO removed FROM d;
	forgotten := vvault.forget_unobserved(vvault_remove_chart.region, vvault_remove_chart.fetched_at, removed);
	UPDATE vvault.videos v
	SET first_seen_at = (SELECT min(s.fetched_at) FROM vvault.snapshots s
		WHERE s.region = v.region AND s.video_id = v.video_id)
	WHERE v.region = vvault_remove_chart.region AND v.video_id = ANY (removed)
		AND v.first_seen_at = vvault_remove_chart.fetched_at;
	-- who is a newcomer is known by now
	PERFORM vvault.score_again(vvault_remove_chart.region, vvault_remove_chart.fetched_at, removed, '{}');
	PERFORM vvault.rebuild_videos(vvault_remove_chart.region, removed);
	PERFORM vvault.settle_chart(vvault_remove_chart.region);
	DELETE FROM vvault.rejected_items r WHERE r.region = vvault_remove_chart.region
		AND r.fetched_at = vvault_remove_chart.fetched_at;
	RETURN json_build_object(
		'region', vvault_remove_chart.region,
		'fetched_at', vvault.utc_text(vvault_remove_chart.fetched_at),
		'removed', cardinality(removed),
		'forgotten', forgotten,
		'charted_at', vvault.utc_text(vvault.latest_chart(vvault_remove_chart.region)));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_remove_chart(text, timestamptz) IS
'Takes one chart of a region back, with everything that was derived from it, whichever chart it is.
Units and ranges: fetched_at is the instant that the chart was ingested with, as vvault.charts has it. Returns {region, fetched_at, removed, forgotten, charted_at}: removed observations, videos that only this chart had and that are gone, and the instant of the chart that the region''s feeds show now.
NULL: NULL is an error; charted_at is null where no chart is left.
Errors: 22023 where the region has no such chart; days closed by vvault_prune() have none.
Source: vvault.snapshots. Scores of the observations that follow, statistics of the day, figures, ranks and first_seen_at are as without it; titles and other texts stay as the newest response had them, until the next one. Its row in the log, vvault.ingests, stays: the call was made.';
