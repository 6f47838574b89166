-- Triggers that keep the derived tables right for any write.
--
-- Every writer of region W holds the row (W, W) of vvault.feed_versions until
-- its transaction ends, from before its trigger reads a table. So what the
-- triggers below read of region W cannot change under them, and a repeatable
-- read writer that could see an old state fails with 40001.
--
-- One statement may fire several of these triggers (ON CONFLICT, MERGE, a
-- WITH that writes), each after all rows are written and in no promised order.
-- So they either add up signed rows, which may be done in any order, or look
-- at what is there now; none relies on being told the whole story.
--
-- What runs for each written row is planned as probes of indexes, whatever
-- the statistics say of tables that were empty a moment ago: a backend keeps
-- its plans while they grow.
--
-- Long lists go through in slices: an array must stay under 1 GB, also while
-- a dump with hundreds of millions of rows is restored by one COPY.

--
-- Versions
--

-- The row (*, *) stands for regions that nobody has heard of yet. Whoever
-- writes the first row of one changes it, as does whoever changes all feeds:
-- of the two, a repeatable read transaction that cannot see the other fails.
INSERT INTO vvault.feed_versions (region, written_by, version, changed_at)
VALUES ('*', '*', gen_random_uuid(), now());

CREATE FUNCTION vvault.bump(regions text[], writers text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	new_region boolean;
BEGIN
	WITH written AS (
		INSERT INTO vvault.feed_versions AS f (region, written_by, version, changed_at)
		SELECT u.region, u.written_by, gen_random_uuid(), now()
		FROM (SELECT DISTINCT p.region COLLATE "C" AS region, p.written_by COLLATE "C" AS written_by
			FROM unnest(bump.regions, bump.writers) AS p (region, written_by)) u
		ORDER BY u.region, u.written_by
		ON CONFLICT (region, written_by) DO UPDATE
			SET version = EXCLUDED.version, changed_at = EXCLUDED.changed_at
		RETURNING f.region = f.written_by AND f.xmax = 0 AS is_new
	)
	SELECT bool_or(w.is_new) INTO new_region FROM written w;
	IF new_region THEN
		UPDATE vvault.feed_versions f SET version = gen_random_uuid(), changed_at = now()
		WHERE f.region = '*' AND f.written_by = '*';
	END IF;
	PERFORM vvault.cache_wake();
END
$$;
COMMENT ON FUNCTION vvault.bump(text[], text[]) IS
'New versions for pairs of a region and the region whose writer changes its feed; waits for other writers of a pair.';

CREATE FUNCTION vvault.bump_all() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	LOCK TABLE vvault.feed_versions IN SHARE ROW EXCLUSIVE MODE;
	INSERT INTO vvault.feed_versions AS f (region, written_by, version, changed_at)
	SELECT u.region, u.written_by, gen_random_uuid(), now()
	FROM (SELECT e.region, e.region AS written_by FROM vvault.effective_regions e
		UNION
		SELECT v.region, v.written_by FROM vvault.feed_versions v) u
	ON CONFLICT (region, written_by) DO UPDATE
		SET version = EXCLUDED.version, changed_at = EXCLUDED.changed_at;
	PERFORM vvault.cache_wake();
END
$$;
COMMENT ON FUNCTION vvault.bump_all() IS
'New versions for every feed; keeps all writers out until the transaction ends.';

CREATE FUNCTION vvault.lock_region(region text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	-- the conflicting row is locked before WHERE is looked at
	INSERT INTO vvault.feed_versions AS f (region, written_by, version, changed_at)
	VALUES (lock_region.region, lock_region.region, gen_random_uuid(), now())
	ON CONFLICT (region, written_by) DO UPDATE SET version = f.version WHERE false;
END
$$;
COMMENT ON FUNCTION vvault.lock_region(text) IS
'Waits for other writers of a region and keeps them out until the transaction ends; changes no version.';

--
-- What the derived tables should hold, in naive SQL
--

CREATE FUNCTION vvault.points(score double precision) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round(score * 1000000)::bigint;
COMMENT ON FUNCTION vvault.points(double precision) IS
'A score from 0 to 100 in millionths: sums of whole numbers do not drift.';

CREATE FUNCTION vvault.utc_day(t timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (t AT TIME ZONE 'UTC')::date;
COMMENT ON FUNCTION vvault.utc_day(timestamptz) IS 'The day (UTC) of an instant.';

CREATE FUNCTION vvault.viral_threshold() RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
RETURN vvault.setting('viral_threshold')::double precision;
COMMENT ON FUNCTION vvault.viral_threshold() IS 'The setting viral_threshold as a number.';

CREATE VIEW vvault.expected_video_regions AS
	SELECT v.video_id, array_agg(v.region ORDER BY v.region) AS regions
	FROM vvault.videos v JOIN vvault.enabled_regions e ON e.region = v.region
	GROUP BY v.video_id;

CREATE VIEW vvault.expected_category_stats AS
	SELECT region, category_id, count(*) AS videos,
		count(*) FILTER (WHERE virality_score >= (SELECT vvault.viral_threshold())) AS viral,
		sum(vvault.points(virality_score))::bigint AS score_sum
	FROM vvault.videos GROUP BY region, category_id;

CREATE VIEW vvault.expected_charts AS
	SELECT c.region, c.fetched_at, c.videos, c.complete,
		vvault.chart_is_whole(c.videos, c.complete, lag(c.videos, 1) OVER past,
			lag(c.videos, 2) OVER past, lag(c.videos, 3) OVER past,
			(SELECT vvault.setting('short_chart')::double precision)) AS whole
	FROM (SELECT s.region, s.fetched_at, count(*)::integer AS videos, bool_or(s.complete) AS complete
		FROM vvault.snapshots s WHERE s.rank IS NOT NULL
		GROUP BY s.region, s.fetched_at) c
	WINDOW past AS (PARTITION BY c.region ORDER BY c.fetched_at);

CREATE VIEW vvault.expected_daily_videos AS
	SELECT DISTINCT ON (region, day, video_id) region, day, video_id, category_id, virality_score
	FROM (SELECT s.region, s.video_id, s.fetched_at, s.category_id, s.virality_score,
			vvault.utc_day(s.fetched_at) AS day FROM vvault.snapshots s) s
	WHERE NOT EXISTS (SELECT FROM vvault.daily_stats c
		WHERE c.region = s.region AND c.day = s.day AND c.closed)
	ORDER BY region, day, video_id, fetched_at DESC;

CREATE VIEW vvault.expected_daily_stats AS
	SELECT region, day, category_id, count(*) AS videos,
		count(*) FILTER (WHERE virality_score >= (SELECT vvault.viral_threshold())) AS viral,
		sum(vvault.points(virality_score))::bigint AS score_sum
	FROM vvault.expected_daily_videos GROUP BY region, day, category_id;

COMMENT ON VIEW vvault.expected_video_regions IS 'vvault.video_regions by naive SQL.';
COMMENT ON VIEW vvault.expected_category_stats IS 'vvault.category_stats by naive SQL.';
COMMENT ON VIEW vvault.expected_charts IS 'vvault.charts by naive SQL.';
COMMENT ON VIEW vvault.expected_daily_videos IS 'vvault.daily_videos by naive SQL.';
COMMENT ON VIEW vvault.expected_daily_stats IS 'vvault.daily_stats by naive SQL, closed days aside.';

--
-- videos: category_stats and video_regions
--

CREATE FUNCTION vvault.add_category_stats(deltas vvault.category_stats[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO vvault.category_stats AS c (region, category_id, videos, viral, score_sum)
	SELECT d.region, d.category_id, d.videos, d.viral, d.score_sum FROM unnest(deltas) d
	ON CONFLICT (region, category_id) DO UPDATE
		SET videos = c.videos + EXCLUDED.videos,
			viral = c.viral + EXCLUDED.viral,
			score_sum = c.score_sum + EXCLUDED.score_sum;
	DELETE FROM vvault.category_stats c USING unnest(deltas) d
	WHERE d.videos < 0 AND c.region = d.region AND c.category_id = d.category_id
		AND c.videos = 0;
END
$$;
COMMENT ON FUNCTION vvault.add_category_stats(vvault.category_stats[]) IS
'Adds signed counts to vvault.category_stats.';

CREATE FUNCTION vvault.regions_with(regions text[], more text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT array_agg(DISTINCT r COLLATE "C" ORDER BY r COLLATE "C")
	FROM unnest(regions || more) AS r);
COMMENT ON FUNCTION vvault.regions_with(text[], text[]) IS 'The union of two sets of regions, sorted.';

CREATE FUNCTION vvault.regions_without(regions text[], less text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT coalesce(array_agg(r ORDER BY r COLLATE "C"), '{}')
	FROM unnest(regions) AS r WHERE r <> ALL (less));
COMMENT ON FUNCTION vvault.regions_without(text[], text[]) IS
'A set of regions less another, sorted.';

-- For pairs of region and video that a writer of these regions added or
-- removed. Rows of video_regions are the one thing that writers of different
-- regions share: they are locked in the order of their ids, and each change
-- is made to what the row says once it is locked.
CREATE FUNCTION vvault.relist(regions text[], video_ids text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	gone vvault.video_regions[];
	gone_ids text[];
	changed text[] := '{}';
	writers text[];
	enabled text[] := ARRAY(SELECT e.region FROM vvault.enabled_regions e);
BEGIN
	WITH pair AS MATERIALIZED (
		SELECT p.region COLLATE "C" AS region, p.video_id COLLATE "C" AS video_id,
			EXISTS (SELECT FROM vvault.videos v
				WHERE v.region = p.region AND v.video_id = p.video_id)
				AND p.region = ANY (enabled) AS listed
		FROM unnest(relist.regions, relist.video_ids) AS p (region, video_id)
	), added AS (
		INSERT INTO vvault.video_regions AS r (video_id, regions)
		SELECT p.video_id, array_agg(DISTINCT p.region ORDER BY p.region)
		FROM pair p WHERE p.listed
		GROUP BY p.video_id ORDER BY p.video_id
		ON CONFLICT (video_id) DO UPDATE
			SET regions = vvault.regions_with(r.regions, EXCLUDED.regions)
			WHERE NOT r.regions @> EXCLUDED.regions
		RETURNING r.regions
	)
	SELECT (SELECT array_agg(DISTINCT w) FROM added a, unnest(a.regions) w),
		(SELECT array_agg(ROW(g.video_id, g.regions)::vvault.video_regions)
		 FROM (SELECT p.video_id, array_agg(DISTINCT p.region) AS regions
			FROM pair p WHERE NOT p.listed GROUP BY p.video_id) g)
	INTO changed, gone;

	IF gone IS NOT NULL THEN
		gone_ids := ARRAY(SELECT g.video_id FROM unnest(gone) g);
		PERFORM FROM vvault.video_regions r WHERE r.video_id = ANY (gone_ids)
		ORDER BY r.video_id FOR UPDATE;
		WITH less AS (
			INSERT INTO vvault.video_regions AS r (video_id, regions)
			SELECT g.video_id, g.regions
			FROM unnest(gone) g CROSS JOIN LATERAL (
				SELECT FROM vvault.video_regions x WHERE x.video_id = g.video_id LIMIT 1) x
			ON CONFLICT (video_id) DO UPDATE
				SET regions = vvault.regions_without(r.regions, EXCLUDED.regions)
				WHERE r.regions && EXCLUDED.regions
			RETURNING r.regions
		)
		SELECT changed || array_agg(DISTINCT w) INTO changed
		FROM less l, unnest(l.regions) w;
		DELETE FROM vvault.video_regions r
		WHERE r.video_id = ANY (gone_ids) AND r.regions = '{}';
	END IF;

	-- the feeds of all regions that list such a video show its new set
	writers := ARRAY(SELECT DISTINCT w FROM unnest(relist.regions) w);
	PERFORM vvault.bump(array_agg(c), array_agg(w))
	FROM unnest(changed) c, unnest(writers) w WHERE c <> w
	HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION vvault.relist(text[], text[]) IS
'Makes vvault.video_regions right for pairs of a region and a video, and the versions of the feeds that show them.';

-- Serves INSERT and DELETE: their transition tables have one name.
CREATE FUNCTION vvault.videos_listed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	written text[] := ARRAY(SELECT DISTINCT c.region FROM changed_rows c);
	sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
	threshold double precision;
	slice record;
BEGIN
	IF written = '{}' THEN
		RETURN NULL;
	END IF;
	PERFORM vvault.bump(written, written);
	threshold := vvault.viral_threshold();
	PERFORM vvault.add_category_stats(ARRAY(
		SELECT ROW(c.region, c.category_id, sign * count(*),
			sign * count(*) FILTER (WHERE c.virality_score >= threshold),
			sign * sum(vvault.points(c.virality_score))::bigint)::vvault.category_stats
		FROM changed_rows c GROUP BY c.region, c.category_id));
	FOR slice IN
		SELECT array_agg(c.region) AS regions, array_agg(c.video_id) AS video_ids
		FROM (SELECT c.region, c.video_id,
				(row_number() OVER (ORDER BY c.video_id) - 1) / 100000 AS slice
			FROM changed_rows c) c
		GROUP BY c.slice ORDER BY c.slice
	LOOP
		PERFORM vvault.relist(slice.regions, slice.video_ids);
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.videos_listed() IS
'Trigger on vvault.videos for INSERT and DELETE: statistics, sets of regions and versions.';

CREATE FUNCTION vvault.videos_updated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	written text[] := ARRAY(SELECT n.region FROM new_rows n UNION SELECT o.region FROM old_rows o);
	threshold double precision;
	slice record;
BEGIN
	IF written = '{}' THEN
		RETURN NULL;
	END IF;
	PERFORM vvault.bump(written, written);
	threshold := vvault.viral_threshold();
	PERFORM vvault.add_category_stats(ARRAY(
		SELECT ROW(d.region, d.category_id, sum(d.sign), sum(d.sign * d.viral),
			sum(d.sign * d.points))::vvault.category_stats
		FROM (SELECT o.region, o.category_id, -1 AS sign, vvault.points(o.virality_score) AS points,
				(o.virality_score >= threshold)::int AS viral FROM old_rows o
			UNION ALL
			SELECT n.region, n.category_id, 1, vvault.points(n.virality_score),
				(n.virality_score >= threshold)::int FROM new_rows n) d
		GROUP BY d.region, d.category_id
		HAVING sum(d.sign) <> 0 OR sum(d.sign * d.viral) <> 0 OR sum(d.sign * d.points) <> 0));
	-- a key hardly ever changes; where it does, both its ends are looked at
	FOR slice IN
		SELECT array_agg(k.region) AS regions, array_agg(k.video_id) AS video_ids
		FROM (SELECT k.region, k.video_id, (row_number() OVER (ORDER BY k.video_id) - 1) / 100000 AS slice
			FROM (SELECT o.region, o.video_id FROM old_rows o
				UNION ALL SELECT n.region, n.video_id FROM new_rows n) k
			GROUP BY k.region, k.video_id HAVING count(*) <> 2) k
		GROUP BY k.slice ORDER BY k.slice
	LOOP
		PERFORM vvault.relist(slice.regions, slice.video_ids);
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.videos_updated() IS
'Trigger on vvault.videos for UPDATE: statistics, sets of regions where a key changed, and versions.';

CREATE FUNCTION vvault.videos_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault.bump_all();
	PERFORM vvault.rebuild_video_regions();
	PERFORM vvault.rebuild_category_stats();
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.videos_truncated() IS
'Trigger on vvault.videos for TRUNCATE, which names no rows: makes everything anew.';

CREATE TRIGGER videos_inserted AFTER INSERT ON vvault.videos
	REFERENCING NEW TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.videos_listed();
CREATE TRIGGER videos_deleted AFTER DELETE ON vvault.videos
	REFERENCING OLD TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.videos_listed();
CREATE TRIGGER videos_updated AFTER UPDATE ON vvault.videos
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.videos_updated();
CREATE TRIGGER videos_truncated AFTER TRUNCATE ON vvault.videos
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.videos_truncated();

--
-- snapshots: daily_videos, daily_stats and charts
--

CREATE FUNCTION vvault.recount_days(regions text[], days date[], video_ids text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	threshold double precision := vvault.viral_threshold();
BEGIN
	WITH touched AS MATERIALIZED (
		SELECT DISTINCT t.region COLLATE "C" AS region, t.day, t.video_id COLLATE "C" AS video_id
		FROM unnest(recount_days.regions, recount_days.days, recount_days.video_ids)
			AS t (region, day, video_id)
		WHERE (t.region, t.day) NOT IN (SELECT c.region, c.day FROM vvault.daily_stats c
			WHERE c.region = ANY (recount_days.regions) AND c.day = ANY (recount_days.days) AND c.closed)
	), counted AS MATERIALIZED (
		SELECT d.*
		FROM touched t CROSS JOIN LATERAL (
			SELECT d.ctid AS place, d.region, d.day, d.video_id, d.category_id, d.virality_score
			FROM vvault.daily_videos d
			WHERE d.region = t.region AND d.day = t.day AND d.video_id = t.video_id
			LIMIT 1) d
	), last AS MATERIALIZED (
		SELECT t.region, t.day, t.video_id, s.category_id, s.virality_score
		FROM touched t CROSS JOIN LATERAL (
			SELECT s.category_id, s.virality_score FROM vvault.snapshots s
			WHERE s.region = t.region AND s.video_id = t.video_id
				AND s.fetched_at >= t.day::timestamp AT TIME ZONE 'UTC'
				AND s.fetched_at < (t.day + 1)::timestamp AT TIME ZONE 'UTC'
			ORDER BY s.fetched_at DESC LIMIT 1) s
	), written AS (
		INSERT INTO vvault.daily_videos AS d (region, day, video_id, category_id, virality_score)
		SELECT l.region, l.day, l.video_id, l.category_id, l.virality_score FROM last l
		ON CONFLICT (region, day, video_id) DO UPDATE
			SET category_id = EXCLUDED.category_id, virality_score = EXCLUDED.virality_score
			WHERE d.category_id <> EXCLUDED.category_id
				OR d.virality_score <> EXCLUDED.virality_score
	), removed AS (
		-- under the region's lock a row stays where it was seen
		DELETE FROM vvault.daily_videos d
		WHERE d.ctid = ANY (ARRAY(
			SELECT c.place FROM counted c
			WHERE (c.region, c.day, c.video_id) NOT IN (SELECT l.region, l.day, l.video_id FROM last l)))
	)
	INSERT INTO vvault.daily_stats AS t (region, day, category_id, videos, viral, score_sum)
	SELECT d.region, d.day, d.category_id, sum(d.sign), sum(d.sign * d.viral), sum(d.sign * d.points)
	FROM (SELECT c.region, c.day, c.category_id, -1 AS sign, vvault.points(c.virality_score) AS points,
			(c.virality_score >= threshold)::int AS viral FROM counted c
		UNION ALL
		SELECT l.region, l.day, l.category_id, 1, vvault.points(l.virality_score),
			(l.virality_score >= threshold)::int FROM last l) d
	GROUP BY d.region, d.day, d.category_id
	HAVING sum(d.sign) <> 0 OR sum(d.sign * d.viral) <> 0 OR sum(d.sign * d.points) <> 0
	ON CONFLICT (region, day, category_id) DO UPDATE
		SET videos = t.videos + EXCLUDED.videos,
			viral = t.viral + EXCLUDED.viral,
			score_sum = t.score_sum + EXCLUDED.score_sum;

	DELETE FROM vvault.daily_stats t
	WHERE t.region = ANY (ARRAY(SELECT DISTINCT r FROM unnest(recount_days.regions) r))
		AND t.day = ANY (ARRAY(SELECT DISTINCT d FROM unnest(recount_days.days) d))
		AND t.videos = 0 AND NOT t.closed;
END
$$;
COMMENT ON FUNCTION vvault.recount_days(text[], date[], text[]) IS
'Makes the statistics of days right for videos whose snapshots of that day changed.';

-- Whether a chart is whole depends on the three before it: so a chart that
-- comes, goes or grows is looked at with the three that follow.
CREATE FUNCTION vvault.recount_charts(regions text[], instants timestamptz[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	share double precision := vvault.setting('short_chart')::double precision;
BEGIN
	WITH counted AS MATERIALIZED (
		SELECT t.region, t.fetched_at, c.videos, c.complete
		FROM unnest(recount_charts.regions, recount_charts.instants) AS t (region, fetched_at)
			CROSS JOIN LATERAL (
				SELECT count(*)::integer AS videos, bool_or(s.complete) AS complete
				FROM vvault.snapshots s
				WHERE s.region = t.region AND s.fetched_at = t.fetched_at AND s.rank IS NOT NULL) c
	), written AS (
		INSERT INTO vvault.charts AS c (region, fetched_at, videos, complete, whole)
		SELECT n.region, n.fetched_at, n.videos, n.complete, true FROM counted n WHERE n.videos > 0
		ON CONFLICT (region, fetched_at) DO UPDATE
			SET videos = EXCLUDED.videos, complete = EXCLUDED.complete
			WHERE (c.videos, c.complete) <> (EXCLUDED.videos, EXCLUDED.complete)
	)
	DELETE FROM vvault.charts c USING counted n
	WHERE n.videos = 0 AND c.region = n.region AND c.fetched_at = n.fetched_at;

	UPDATE vvault.charts c SET whole = w.whole
	FROM (SELECT a.region, a.fetched_at, vvault.chart_is_whole(a.videos, a.complete,
				b.videos[1], b.videos[2], b.videos[3], share) AS whole
		FROM (SELECT DISTINCT n.region, n.fetched_at, n.videos, n.complete
			FROM unnest(recount_charts.regions, recount_charts.instants) AS t (region, fetched_at)
				CROSS JOIN LATERAL (
					SELECT n.* FROM vvault.charts n
					WHERE n.region = t.region AND n.fetched_at >= t.fetched_at
					ORDER BY n.fetched_at LIMIT 4) n) a
			CROSS JOIN LATERAL (
				SELECT array_agg(p.videos ORDER BY p.fetched_at DESC) AS videos
				FROM (SELECT p.* FROM vvault.charts p
					WHERE p.region = a.region AND p.fetched_at < a.fetched_at
					ORDER BY p.fetched_at DESC LIMIT 3) p) b) w
	WHERE c.region = w.region AND c.fetched_at = w.fetched_at AND c.whole <> w.whole;
END
$$;
COMMENT ON FUNCTION vvault.recount_charts(text[], timestamptz[]) IS
'Makes vvault.charts right for pairs of a region and an instant whose snapshots changed.';

-- Statistics of a closed day cannot be counted again: its snapshots are gone.
CREATE FUNCTION vvault.refuse_closed_days(regions text[], days date[]) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
	closed record;
BEGIN
	SELECT t.region, t.day INTO closed FROM vvault.daily_stats t
	WHERE t.region = ANY (ARRAY(SELECT DISTINCT r FROM unnest(refuse_closed_days.regions) r))
		AND t.day = ANY (ARRAY(SELECT DISTINCT d FROM unnest(refuse_closed_days.days) d))
		-- each region with its own days
		AND t.closed AND (t.region, t.day) IN (SELECT p.region, p.day
			FROM unnest(refuse_closed_days.regions, refuse_closed_days.days) AS p (region, day))
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'day % of region "%" is closed', to_char(closed.day::timestamp, 'YYYY-MM-DD'), closed.region
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Its snapshots were dropped by vvault_prune(); only later ones can be added.';
	END IF;
END
$$;
COMMENT ON FUNCTION vvault.refuse_closed_days(text[], date[]) IS
'Raises 22023 where a day''s snapshots were pruned.';

-- Serves all four events: it looks at what is there now, so it matters not
-- which rows it is shown first.
CREATE FUNCTION vvault.snapshots_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	written text[] := ARRAY(SELECT DISTINCT c.region FROM changed_rows c);
	slice record;
BEGIN
	IF written = '{}' THEN
		RETURN NULL;
	END IF;
	PERFORM vvault.bump(written, written);
	FOR slice IN
		SELECT array_agg(c.region) AS regions, array_agg(c.day) AS days,
			array_agg(c.video_id) AS video_ids
		FROM (SELECT c.region, c.day, c.video_id,
				(row_number() OVER (ORDER BY c.region, c.video_id, c.day) - 1) / 100000 AS slice
			FROM (SELECT DISTINCT c.region, vvault.utc_day(c.fetched_at) AS day, c.video_id
				FROM changed_rows c) c) c
		GROUP BY c.slice ORDER BY c.slice
	LOOP
		IF TG_OP <> 'DELETE' THEN
			PERFORM vvault.refuse_closed_days(slice.regions, slice.days);
		END IF;
		PERFORM vvault.recount_days(slice.regions, slice.days, slice.video_ids);
	END LOOP;
	PERFORM vvault.recount_charts(array_agg(c.region), array_agg(c.fetched_at))
	FROM (SELECT DISTINCT c.region, c.fetched_at FROM changed_rows c) c;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.snapshots_changed() IS
'Trigger on vvault.snapshots: statistics of days, charts, and versions.';

CREATE FUNCTION vvault.snapshots_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault.bump_all();
	PERFORM vvault.rebuild_daily();
	PERFORM vvault.rebuild_charts();
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.snapshots_truncated() IS
'Trigger on vvault.snapshots for TRUNCATE: makes the open days and the charts anew.';

CREATE TRIGGER snapshots_inserted AFTER INSERT ON vvault.snapshots
	REFERENCING NEW TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.snapshots_changed();
CREATE TRIGGER snapshots_deleted AFTER DELETE ON vvault.snapshots
	REFERENCING OLD TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.snapshots_changed();
CREATE TRIGGER snapshots_updated_from AFTER UPDATE ON vvault.snapshots
	REFERENCING OLD TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.snapshots_changed();
CREATE TRIGGER snapshots_updated_to AFTER UPDATE ON vvault.snapshots
	REFERENCING NEW TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.snapshots_changed();
CREATE TRIGGER snapshots_truncated AFTER TRUNCATE ON vvault.snapshots
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.snapshots_truncated();

--
-- Settings and regions: every feed may show them
--

CREATE FUNCTION vvault.facts_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault.bump_all();
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.facts_changed() IS
'Trigger on settings, regions, categories and their shipped twins: new versions for every feed.';

-- A region that is off is in no video's list. Either all videos of a region
-- are listed there or none: one of them tells whether there is something to do.
CREATE FUNCTION vvault.region_toggled() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	code text := CASE TG_OP WHEN 'DELETE' THEN OLD.region ELSE NEW.region END;
	one text;
	slice record;
BEGIN
	PERFORM vvault.bump_all();
	SELECT v.video_id INTO one FROM vvault.videos v WHERE v.region = code LIMIT 1;
	IF NOT FOUND OR EXISTS (SELECT FROM vvault.video_regions r WHERE r.video_id = one AND code = ANY (r.regions))
		= EXISTS (SELECT FROM vvault.enabled_regions e WHERE e.region = code) THEN
		RETURN NULL;
	END IF;
	FOR slice IN
		SELECT array_agg(v.region) AS regions, array_agg(v.video_id) AS video_ids
		FROM (SELECT v.region, v.video_id, (row_number() OVER (ORDER BY v.video_id) - 1) / 100000 AS slice
			FROM vvault.videos v WHERE v.region = code) v
		GROUP BY v.slice ORDER BY v.slice
	LOOP
		PERFORM vvault.relist(slice.regions, slice.video_ids);
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.region_toggled() IS
'Trigger on vvault.regions and vvault.region_defaults: which regions list the videos of one that went on or off.';

CREATE FUNCTION vvault.regions_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault.bump_all();
	PERFORM vvault.rebuild_video_regions();
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.regions_truncated() IS
'Trigger on vvault.regions and vvault.region_defaults for TRUNCATE: lists the regions of every video anew.';

CREATE FUNCTION vvault.viral_threshold_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault.bump_all();
	PERFORM vvault.rebuild_category_stats();
	PERFORM vvault.rebuild_daily();
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.viral_threshold_changed() IS
'Trigger on vvault.settings: counts viral videos anew.';

CREATE FUNCTION vvault.short_chart_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault.bump_all();
	PERFORM vvault.rebuild_charts();
	PERFORM vvault.settle_chart(c.region) FROM (SELECT DISTINCT c.region FROM vvault.charts c) c WHERE vvault.is_home(c.region);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.short_chart_changed() IS
'Trigger on vvault.settings: finds anew which charts are whole, and who is charted.';

CREATE TRIGGER settings_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vvault.settings
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.facts_changed();
CREATE TRIGGER regions_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vvault.regions
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.facts_changed();
CREATE TRIGGER region_defaults_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vvault.region_defaults
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.facts_changed();
CREATE TRIGGER region_toggled AFTER INSERT OR UPDATE OR DELETE ON vvault.regions
	FOR EACH ROW EXECUTE FUNCTION vvault.region_toggled();
CREATE TRIGGER region_toggled AFTER INSERT OR UPDATE OR DELETE ON vvault.region_defaults
	FOR EACH ROW EXECUTE FUNCTION vvault.region_toggled();
CREATE TRIGGER regions_truncated AFTER TRUNCATE ON vvault.regions
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.regions_truncated();
CREATE TRIGGER regions_truncated AFTER TRUNCATE ON vvault.region_defaults
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.regions_truncated();
CREATE TRIGGER setting_defaults_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vvault.setting_defaults
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.facts_changed();
CREATE TRIGGER categories_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vvault.categories
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.facts_changed();

CREATE TRIGGER viral_threshold_set AFTER INSERT ON vvault.settings
	FOR EACH ROW WHEN (NEW.name = 'viral_threshold')
	EXECUTE FUNCTION vvault.viral_threshold_changed();
CREATE TRIGGER viral_threshold_updated AFTER UPDATE ON vvault.settings
	FOR EACH ROW WHEN ('viral_threshold' IN (OLD.name, NEW.name))
	EXECUTE FUNCTION vvault.viral_threshold_changed();
CREATE TRIGGER viral_threshold_unset AFTER DELETE ON vvault.settings
	FOR EACH ROW WHEN (OLD.name = 'viral_threshold')
	EXECUTE FUNCTION vvault.viral_threshold_changed();
CREATE TRIGGER viral_threshold_truncated AFTER TRUNCATE ON vvault.settings
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.viral_threshold_changed();

CREATE TRIGGER short_chart_set AFTER INSERT ON vvault.settings
	FOR EACH ROW WHEN (NEW.name = 'short_chart')
	EXECUTE FUNCTION vvault.short_chart_changed();
CREATE TRIGGER short_chart_updated AFTER UPDATE ON vvault.settings
	FOR EACH ROW WHEN ('short_chart' IN (OLD.name, NEW.name))
	EXECUTE FUNCTION vvault.short_chart_changed();
CREATE TRIGGER short_chart_unset AFTER DELETE ON vvault.settings
	FOR EACH ROW WHEN (OLD.name = 'short_chart')
	EXECUTE FUNCTION vvault.short_chart_changed();
CREATE TRIGGER short_chart_truncated AFTER TRUNCATE ON vvault.settings
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.short_chart_changed();

-- Every shipped region has its version from the start.
SELECT vvault.bump_all();
