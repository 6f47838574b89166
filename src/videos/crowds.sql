-- The indexes that orders of the feed walk, and crowds: channels with very many
-- videos in a region. A feed that shows no more than a few videos of each channel
-- must not read all that a crowd has.
--
-- So a crowd's videos that no such feed shows are marked as behind: at least
-- ten others of the channel stand before it in every order that shows it, the
-- two parts of the order by trending score taken as orders too. Those in the
-- region's chart and the others are counted apart, as few orders show the
-- others. Indexes keep what is behind apart or leave it out.
--
-- A mark that is missing costs time and nothing else. So marks are taken away at
-- once where they may be wrong, and set when there is an occasion: where videos
-- of a channel are inserted, where a crowd is written, by vvault_rebuild().
--
-- The same goes for categories, in the chart alone: behind_in_category.

-- One index for each order of the feed that does not move with the clock, and
-- two for the one that does: its part that stands still, and the time. Those
-- of orders that show only the latest chart index only the latest chart, with
-- what is behind apart.
CREATE INDEX videos_views_idx ON vvault.videos (region, (coalesce(views, -1)) DESC, video_id);
CREATE INDEX videos_newest_idx ON vvault.videos
	(region, (coalesce(published_at, first_seen_at)) DESC, video_id);
CREATE INDEX videos_chart_engagement_idx ON vvault.videos
	(region, behind, behind_in_category, (coalesce(engagement_rate, 0)) DESC, video_id) WHERE charted;
CREATE INDEX videos_chart_virality_idx ON vvault.videos
	(region, behind, behind_in_category, virality_score DESC, video_id) WHERE charted;
CREATE INDEX videos_chart_momentum_idx ON vvault.videos
	(region, behind, behind_in_category, momentum_score DESC, video_id) WHERE charted;
CREATE INDEX videos_chart_hot_idx ON vvault.videos
	(region, behind, behind_in_category, hot_score DESC, video_id) WHERE charted;
CREATE INDEX videos_chart_trending_idx ON vvault.videos
	(region, behind, behind_in_category, trending_base DESC, video_id) WHERE charted;
CREATE INDEX videos_chart_newest_idx ON vvault.videos
	(region, behind, behind_in_category, (coalesce(published_at, first_seen_at)) DESC, video_id) WHERE charted;
CREATE INDEX videos_chart_views_idx ON vvault.videos
	(region, behind, behind_in_category, (coalesce(views, -1)) DESC, video_id) WHERE charted;

-- What is in no chart is hardly ever written, so its indexes cost an ingest
-- nothing but where a video leaves the chart.
CREATE INDEX videos_behind_idx ON vvault.videos
	(region, ("left"(channel_id, 64) COLLATE "C")) WHERE behind;
CREATE INDEX videos_behind_in_category_idx ON vvault.videos (region, category_id) WHERE behind_in_category;
CREATE INDEX videos_rest_channel_idx ON vvault.videos
	(region, ("left"(channel_id, 64) COLLATE "C")) WHERE NOT charted AND NOT behind;
CREATE INDEX videos_rest_views_idx ON vvault.videos
	(region, (coalesce(views, -1)) DESC, video_id) WHERE NOT charted AND NOT behind;
CREATE INDEX videos_rest_newest_idx ON vvault.videos
	(region, (coalesce(published_at, first_seen_at)) DESC, video_id) WHERE NOT charted AND NOT behind;
CREATE INDEX videos_rest_category_views_idx ON vvault.videos
	(region, category_id, (coalesce(views, -1)) DESC, video_id) WHERE NOT charted;
CREATE INDEX videos_rest_category_newest_idx ON vvault.videos
	(region, category_id, (coalesce(published_at, first_seen_at)) DESC, video_id) WHERE NOT charted;

-- Which videos are behind: of a channel with more than 70 in the chart, or out
-- of it, those that are not among its first ten in any of these orders. There
-- are some of them, as no more than 70 are first in seven orders. Lists leave
-- out what is gone; orders that leave out what has not begun have it last.
CREATE VIEW vvault.expected_behind AS
	WITH shown AS (
		SELECT v.region, v.video_id, v.charted, v.channel_id, v.published_at, v.first_seen_at, v.views, v.engagement_rate,
			v.virality_score, v.momentum_score, v.hot_score, v.trending_base,
			"left"(v.channel_id, 64) COLLATE "C" AS channel, coalesce(v.live = 'upcoming', false) AS not_begun
		FROM vvault.videos v WHERE v.channel_id <> '' AND v.gone_at IS NULL
	)
	SELECT p.region, p.channel, false AS charted, p.video_id
	FROM (SELECT v.region, v.channel, v.video_id, count(*) OVER g AS videos,
			least(row_number() OVER (g ORDER BY coalesce(v.views, -1) DESC, v.video_id),
				row_number() OVER (g ORDER BY v.not_begun, coalesce(v.published_at, v.first_seen_at) DESC, v.video_id)) AS place
		FROM shown v WHERE NOT v.charted
		WINDOW g AS (PARTITION BY v.region, v.channel, v.channel_id)) p
	WHERE p.videos > 70 AND p.place > 10
	UNION ALL
	SELECT p.region, p.channel, true AS charted, p.video_id
	FROM (SELECT v.region, v.channel, v.video_id, count(*) OVER g AS videos,
			least(row_number() OVER (g ORDER BY coalesce(v.views, -1) DESC, v.video_id),
				row_number() OVER (g ORDER BY v.not_begun, coalesce(v.published_at, v.first_seen_at) DESC, v.video_id),
				row_number() OVER (g ORDER BY coalesce(v.engagement_rate, 0) DESC, v.video_id),
				row_number() OVER (g ORDER BY v.virality_score DESC, v.video_id),
				row_number() OVER (g ORDER BY v.not_begun, v.momentum_score DESC, v.video_id),
				row_number() OVER (g ORDER BY v.not_begun, v.hot_score DESC, v.video_id),
				row_number() OVER (g ORDER BY v.not_begun, v.trending_base DESC, v.video_id)) AS place
		FROM shown v WHERE v.charted
		WINDOW g AS (PARTITION BY v.region, v.channel, v.channel_id)) p
	WHERE p.videos > 70 AND p.place > 10;
COMMENT ON VIEW vvault.expected_behind IS
'The videos that are behind in their channel, by naive SQL: what vvault.videos.behind says.';

-- The same of categories, in the chart alone: of the others an index has the
-- first of each category. A chart as YouTube has it has 200 videos: a category
-- with no more than twice as many is no crowd.
CREATE VIEW vvault.expected_behind_in_category AS
	SELECT p.region, p.category_id, p.video_id
	FROM (SELECT v.region, v.category_id, v.video_id, count(*) OVER g AS videos,
			least(row_number() OVER (g ORDER BY coalesce(v.views, -1) DESC, v.video_id),
				row_number() OVER (g ORDER BY v.not_begun, coalesce(v.published_at, v.first_seen_at) DESC, v.video_id),
				row_number() OVER (g ORDER BY coalesce(v.engagement_rate, 0) DESC, v.video_id),
				row_number() OVER (g ORDER BY v.virality_score DESC, v.video_id),
				row_number() OVER (g ORDER BY v.not_begun, v.momentum_score DESC, v.video_id),
				row_number() OVER (g ORDER BY v.not_begun, v.hot_score DESC, v.video_id),
				row_number() OVER (g ORDER BY v.not_begun, v.trending_base DESC, v.video_id)) AS place
		FROM (SELECT v.region, v.category_id, v.video_id, v.published_at, v.first_seen_at, v.views, v.engagement_rate,
				v.virality_score, v.momentum_score, v.hot_score, v.trending_base,
				coalesce(v.live = 'upcoming', false) AS not_begun
			FROM vvault.videos v WHERE v.charted AND v.gone_at IS NULL) v
		WINDOW g AS (PARTITION BY v.region, v.category_id)) p
	WHERE p.videos > 400 AND p.place > 10;
COMMENT ON VIEW vvault.expected_behind_in_category IS
'The videos of charts that are behind in their category, by naive SQL: what vvault.videos.behind_in_category says.';

-- For groups of videos: of a channel of a region, in its chart or out of it.
-- The caller holds the locks of these regions. Marks follow from what is there
-- now.
CREATE FUNCTION vvault.mark_behind(regions text[], channels text[], charted boolean[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	wrong record;
BEGIN
	WITH crowd AS MATERIALIZED (
		SELECT DISTINCT c.region COLLATE "C" AS region, c.channel COLLATE "C" AS channel, c.charted
		FROM unnest(mark_behind.regions, mark_behind.channels, mark_behind.charted) AS c (region, channel, charted)
	), marked AS MATERIALIZED (
		SELECT c.region, v.video_id
		FROM crowd c CROSS JOIN LATERAL (SELECT v.video_id FROM vvault.videos v
			WHERE v.region = c.region AND "left"(v.channel_id, 64) COLLATE "C" = c.channel
				AND v.charted = c.charted AND v.behind) v
	), expected AS MATERIALIZED (
		SELECT c.region, e.video_id
		FROM crowd c CROSS JOIN LATERAL (SELECT e.video_id FROM vvault.expected_behind e
			WHERE e.region = c.region AND e.channel = c.channel AND e.charted = c.charted) e
	)
	SELECT array_agg(w.region) AS regions, array_agg(w.video_id) AS video_ids INTO wrong
	FROM ((SELECT m.region, m.video_id FROM marked m EXCEPT SELECT e.region, e.video_id FROM expected e)
		UNION ALL
		(SELECT e.region, e.video_id FROM expected e EXCEPT SELECT m.region, m.video_id FROM marked m)) w;
	IF wrong.regions IS NOT NULL THEN
		UPDATE vvault.videos v SET behind = NOT v.behind
		FROM unnest(wrong.regions, wrong.video_ids) AS w (region, video_id)
		WHERE v.region = w.region AND v.video_id = w.video_id;
	END IF;
END
$$;
COMMENT ON FUNCTION vvault.mark_behind(text[], text[], boolean[]) IS
'Makes vvault.videos.behind right for groups of videos: region, beginning of the channel''s id, whether in the chart.';

-- For categories of charts, likewise.
CREATE FUNCTION vvault.mark_behind_in_category(regions text[], categories integer[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	wrong record;
BEGIN
	WITH crowd AS MATERIALIZED (
		SELECT DISTINCT c.region COLLATE "C" AS region, c.category_id
		FROM unnest(mark_behind_in_category.regions, mark_behind_in_category.categories) AS c (region, category_id)
	), marked AS MATERIALIZED (
		SELECT c.region, v.video_id
		FROM crowd c CROSS JOIN LATERAL (SELECT v.video_id FROM vvault.videos v
			WHERE v.region = c.region AND v.category_id = c.category_id AND v.behind_in_category) v
	), expected AS MATERIALIZED (
		SELECT c.region, e.video_id
		FROM crowd c CROSS JOIN LATERAL (SELECT e.video_id FROM vvault.expected_behind_in_category e
			WHERE e.region = c.region AND e.category_id = c.category_id) e
	)
	SELECT array_agg(w.region) AS regions, array_agg(w.video_id) AS video_ids INTO wrong
	FROM ((SELECT m.region, m.video_id FROM marked m EXCEPT SELECT e.region, e.video_id FROM expected e)
		UNION ALL
		(SELECT e.region, e.video_id FROM expected e EXCEPT SELECT m.region, m.video_id FROM marked m)) w;
	IF wrong.regions IS NOT NULL THEN
		UPDATE vvault.videos v SET behind_in_category = NOT v.behind_in_category
		FROM unnest(wrong.regions, wrong.video_ids) AS w (region, video_id)
		WHERE v.region = w.region AND v.video_id = w.video_id;
	END IF;
END
$$;
COMMENT ON FUNCTION vvault.mark_behind_in_category(text[], integer[]) IS
'Makes vvault.videos.behind_in_category right for categories of regions.';

-- These triggers run after those of derived.sql on the same event, by the order
-- of their names: the regions are locked by then. A page of a chart has several
-- videos of a crowd, so one alone is no reason to look for others in the chart.
CREATE FUNCTION vvault.crowds_inserted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
	crowds record;
BEGIN
	WITH channel AS (
		SELECT c.region, "left"(c.channel_id, 64) COLLATE "C" AS channel, count(*) FILTER (WHERE c.charted) AS in_chart
		FROM changed_rows c WHERE c.channel_id <> '' GROUP BY c.region, "left"(c.channel_id, 64) COLLATE "C"
	)
	SELECT array_agg(g.region) AS regions, array_agg(g.channel) AS channels, array_agg(g.charted) AS charted INTO crowds
	FROM (SELECT c.region, c.channel, false AS charted FROM channel c
			WHERE (SELECT count(*) FROM (SELECT FROM vvault.videos v
				WHERE v.region = c.region AND "left"(v.channel_id, 64) COLLATE "C" = c.channel
					AND NOT v.charted AND NOT v.behind LIMIT 71) x) > 70
		UNION ALL
		SELECT c.region, c.channel, true FROM channel c
			WHERE c.in_chart > 1 AND (SELECT count(*) FROM (SELECT FROM vvault.videos v
				WHERE v.region = c.region AND "left"(v.channel_id, 64) COLLATE "C" = c.channel
					AND v.charted AND NOT v.behind LIMIT 71) x) > 70
		UNION ALL
		SELECT c.region, c.channel, w.charted FROM channel c, (VALUES (false), (true)) AS w (charted)
			WHERE EXISTS (SELECT FROM vvault.videos v
				WHERE v.region = c.region AND "left"(v.channel_id, 64) COLLATE "C" = c.channel AND v.behind)) g;
	IF crowds.regions IS NOT NULL THEN
		PERFORM vvault.mark_behind(crowds.regions, crowds.channels, crowds.charted);
	END IF;

	-- of a category a statement that is a crowd by itself is an occasion, or one that adds to a crowd
	SELECT array_agg(g.region) AS regions, array_agg(g.category_id) AS categories INTO crowds
	FROM (SELECT c.region, c.category_id, count(*) > 400 AS many
		FROM changed_rows c WHERE c.charted GROUP BY c.region, c.category_id) g
	WHERE g.many OR EXISTS (SELECT FROM vvault.videos v
		WHERE v.region = g.region AND v.category_id = g.category_id AND v.behind_in_category);
	IF crowds.regions IS NOT NULL THEN
		PERFORM vvault.mark_behind_in_category(crowds.regions, crowds.categories);
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.crowds_inserted() IS
'Trigger on vvault.videos for INSERT: which videos are behind in their channel.';

CREATE FUNCTION vvault.crowds_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
	crowds record;
BEGIN
	SELECT array_agg(g.region) AS regions, array_agg(g.channel) AS channels, array_agg(g.charted) AS charted INTO crowds
	FROM (SELECT DISTINCT c.region, "left"(c.channel_id, 64) COLLATE "C" AS channel, c.charted
		FROM changed_rows c WHERE c.channel_id <> '') g
	WHERE EXISTS (SELECT FROM vvault.videos v
		WHERE v.region = g.region AND "left"(v.channel_id, 64) COLLATE "C" = g.channel AND v.behind);
	IF crowds.regions IS NOT NULL THEN
		PERFORM vvault.mark_behind(crowds.regions, crowds.channels, crowds.charted);
	END IF;
	SELECT array_agg(g.region) AS regions, array_agg(g.category_id) AS categories INTO crowds
	FROM (SELECT DISTINCT c.region, c.category_id FROM changed_rows c WHERE c.charted) g
	WHERE EXISTS (SELECT FROM vvault.videos v
		WHERE v.region = g.region AND v.category_id = g.category_id AND v.behind_in_category);
	IF crowds.regions IS NOT NULL THEN
		PERFORM vvault.mark_behind_in_category(crowds.regions, crowds.categories);
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.crowds_deleted() IS
'Trigger on vvault.videos for DELETE: which videos are behind in their channel.';

-- What is new in a group, what has left it, and what has other keys there;
-- another mark alone is none of these.
CREATE FUNCTION vvault.crowds_updated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
	changed record;
BEGIN
	IF NOT EXISTS (SELECT FROM (SELECT n.region FROM new_rows n UNION SELECT o.region FROM old_rows o) r
		WHERE EXISTS (SELECT FROM vvault.videos v WHERE v.region = r.region AND v.behind)
			OR EXISTS (SELECT FROM vvault.videos v WHERE v.region = r.region AND v.behind_in_category)) THEN
		RETURN NULL;
	END IF;
	WITH k AS MATERIALIZED (
		(SELECT o.region, o.video_id, o.channel_id, o.category_id, o.charted, o.views, o.published_at, o.first_seen_at,
				o.engagement_rate, o.virality_score, o.momentum_score, o.hot_score, o.trending_base, o.live, o.gone_at FROM old_rows o
			EXCEPT SELECT n.region, n.video_id, n.channel_id, n.category_id, n.charted, n.views, n.published_at, n.first_seen_at,
				n.engagement_rate, n.virality_score, n.momentum_score, n.hot_score, n.trending_base, n.live, n.gone_at FROM new_rows n)
		UNION ALL
		(SELECT n.region, n.video_id, n.channel_id, n.category_id, n.charted, n.views, n.published_at, n.first_seen_at,
				n.engagement_rate, n.virality_score, n.momentum_score, n.hot_score, n.trending_base, n.live, n.gone_at FROM new_rows n
			EXCEPT SELECT o.region, o.video_id, o.channel_id, o.category_id, o.charted, o.views, o.published_at, o.first_seen_at,
				o.engagement_rate, o.virality_score, o.momentum_score, o.hot_score, o.trending_base, o.live, o.gone_at FROM old_rows o)
	), channel AS (
		SELECT DISTINCT k.region, "left"(k.channel_id, 64) COLLATE "C" AS channel, k.charted FROM k WHERE k.channel_id <> ''
	), category AS (
		SELECT DISTINCT k.region, k.category_id FROM k WHERE k.charted
	)
	SELECT c.*, g.* INTO changed
	FROM (SELECT array_agg(c.region) AS regions, array_agg(c.channel) AS channels, array_agg(c.charted) AS charted
		FROM channel c WHERE EXISTS (SELECT FROM vvault.videos v
			WHERE v.region = c.region AND "left"(v.channel_id, 64) COLLATE "C" = c.channel AND v.behind)) c,
		(SELECT array_agg(g.region) AS category_regions, array_agg(g.category_id) AS categories
		FROM category g WHERE EXISTS (SELECT FROM vvault.videos v
			WHERE v.region = g.region AND v.category_id = g.category_id AND v.behind_in_category)) g;
	IF changed.regions IS NOT NULL THEN
		PERFORM vvault.mark_behind(changed.regions, changed.channels, changed.charted);
	END IF;
	IF changed.category_regions IS NOT NULL THEN
		PERFORM vvault.mark_behind_in_category(changed.category_regions, changed.categories);
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.crowds_updated() IS
'Trigger on vvault.videos for UPDATE: which videos are behind in their channel.';

CREATE TRIGGER videos_inserted_crowds AFTER INSERT ON vvault.videos
	REFERENCING NEW TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.crowds_inserted();
CREATE TRIGGER videos_deleted_crowds AFTER DELETE ON vvault.videos
	REFERENCING OLD TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.crowds_deleted();
CREATE TRIGGER videos_updated_crowds AFTER UPDATE ON vvault.videos
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.crowds_updated();

CREATE FUNCTION vvault.rebuild_behind() RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wrong bigint;
BEGIN
	WITH expected AS MATERIALIZED (
		SELECT coalesce(e.region, c.region) AS region, coalesce(e.video_id, c.video_id) AS video_id,
			e.region IS NOT NULL AS behind, c.region IS NOT NULL AS behind_in_category
		FROM vvault.expected_behind e
			FULL JOIN vvault.expected_behind_in_category c ON c.region = e.region AND c.video_id = e.video_id
	), changed AS (
		SELECT coalesce(m.region, e.region) AS region, coalesce(m.video_id, e.video_id) AS video_id,
			coalesce(e.behind, false) AS behind, coalesce(e.behind_in_category, false) AS behind_in_category,
			coalesce(m.behind, false) > coalesce(e.behind, false)
				OR coalesce(m.behind_in_category, false) > coalesce(e.behind_in_category, false) AS wrong
		FROM (SELECT v.region, v.video_id, v.behind, v.behind_in_category FROM vvault.videos v
				WHERE v.behind OR v.behind_in_category) m
			FULL JOIN expected e ON e.region = m.region AND e.video_id = m.video_id
		WHERE (m.behind, m.behind_in_category) IS DISTINCT FROM (e.behind, e.behind_in_category)
	), written AS (
		UPDATE vvault.videos v SET behind = c.behind, behind_in_category = c.behind_in_category
		FROM changed c WHERE v.region = c.region AND v.video_id = c.video_id AND vvault.is_home(c.region)
		RETURNING c.wrong
	)
	SELECT count(*) FILTER (WHERE w.wrong) INTO wrong FROM written w;
	RETURN wrong;
END
$$;
COMMENT ON FUNCTION vvault.rebuild_behind() IS
'Sets all marks of vvault.videos.behind and behind_in_category anew; returns the rows that had one wrongly: a mark that was missing is no mistake.';
