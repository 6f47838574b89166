-- Compare, repair, prune, take down.

CREATE FUNCTION vvault.rebuild_video_regions() RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	removed bigint;
	written bigint;
BEGIN
	DELETE FROM vvault.video_regions d
	WHERE NOT EXISTS (SELECT FROM vvault.expected_video_regions e WHERE e.video_id = d.video_id);
	GET DIAGNOSTICS removed = ROW_COUNT;
	INSERT INTO vvault.video_regions AS d (video_id, regions)
	SELECT e.video_id, e.regions FROM vvault.expected_video_regions e ORDER BY e.video_id
	ON CONFLICT (video_id) DO UPDATE SET regions = EXCLUDED.regions
		WHERE d.regions <> EXCLUDED.regions;
	GET DIAGNOSTICS written = ROW_COUNT;
	RETURN removed + written;
END
$$;
COMMENT ON FUNCTION vvault.rebuild_video_regions() IS
'Repairs vvault.video_regions from vvault.videos; returns the rows that were wrong.';

CREATE FUNCTION vvault.rebuild_category_stats() RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	removed bigint;
	written bigint;
BEGIN
	DELETE FROM vvault.category_stats d
	WHERE NOT EXISTS (SELECT FROM vvault.expected_category_stats e
		WHERE e.region = d.region AND e.category_id = d.category_id);
	GET DIAGNOSTICS removed = ROW_COUNT;
	INSERT INTO vvault.category_stats AS d (region, category_id, videos, viral, score_sum)
	SELECT e.region, e.category_id, e.videos, e.viral, e.score_sum
	FROM vvault.expected_category_stats e
	ON CONFLICT (region, category_id) DO UPDATE
		SET videos = EXCLUDED.videos, viral = EXCLUDED.viral, score_sum = EXCLUDED.score_sum
		WHERE (d.videos, d.viral, d.score_sum)
			<> (EXCLUDED.videos, EXCLUDED.viral, EXCLUDED.score_sum);
	GET DIAGNOSTICS written = ROW_COUNT;
	RETURN removed + written;
END
$$;
COMMENT ON FUNCTION vvault.rebuild_category_stats() IS
'Repairs vvault.category_stats from vvault.videos; returns the rows that were wrong.';

CREATE FUNCTION vvault.rebuild_daily() RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	total bigint := 0;
	n bigint;
BEGIN
	DELETE FROM vvault.daily_videos d
	WHERE NOT EXISTS (SELECT FROM vvault.expected_daily_videos e
		WHERE e.region = d.region AND e.day = d.day AND e.video_id = d.video_id);
	GET DIAGNOSTICS n = ROW_COUNT;
	total := total + n;
	INSERT INTO vvault.daily_videos AS d (region, day, video_id, category_id, virality_score)
	SELECT e.region, e.day, e.video_id, e.category_id, e.virality_score
	FROM vvault.expected_daily_videos e
	ON CONFLICT (region, day, video_id) DO UPDATE
		SET category_id = EXCLUDED.category_id, virality_score = EXCLUDED.virality_score
		WHERE (d.category_id, d.virality_score)
			<> (EXCLUDED.category_id, EXCLUDED.virality_score);
	GET DIAGNOSTICS n = ROW_COUNT;
	total := total + n;

	DELETE FROM vvault.daily_stats d
	WHERE NOT d.closed
		AND NOT EXISTS (SELECT FROM vvault.expected_daily_stats e
			WHERE e.region = d.region AND e.day = d.day AND e.category_id = d.category_id);
	GET DIAGNOSTICS n = ROW_COUNT;
	total := total + n;
	INSERT INTO vvault.daily_stats AS d (region, day, category_id, videos, viral, score_sum)
	SELECT e.region, e.day, e.category_id, e.videos, e.viral, e.score_sum
	FROM vvault.expected_daily_stats e
	ON CONFLICT (region, day, category_id) DO UPDATE
		SET videos = EXCLUDED.videos, viral = EXCLUDED.viral, score_sum = EXCLUDED.score_sum
		WHERE (d.videos, d.viral, d.score_sum)
			<> (EXCLUDED.videos, EXCLUDED.viral, EXCLUDED.score_sum);
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN total + n;
END
$$;
COMMENT ON FUNCTION vvault.rebuild_daily() IS
'Repairs vvault.daily_videos and the open days of vvault.daily_stats from vvault.snapshots; returns the rows that were wrong.';

CREATE FUNCTION @extschema@.vvault_rebuild() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	unknown bigint;
BEGIN
	PERFORM vvault.bump_all();
	INSERT INTO vvault.feed_versions (region, written_by, version, changed_at)
	SELECT u.region, u.region, gen_random_uuid(), now()
	FROM (SELECT DISTINCT v.region FROM vvault.videos v
		UNION SELECT DISTINCT s.region FROM vvault.snapshots s) u
	ON CONFLICT (region, written_by) DO NOTHING;
	GET DIAGNOSTICS unknown = ROW_COUNT;
	-- videos last but one: its triggers count from what is right
	RETURN unknown + vvault.rebuild_video_regions() + vvault.rebuild_category_stats()
		+ vvault.rebuild_daily() + vvault.rebuild_charts() + vvault.rebuild_search()
		+ vvault.rebuild_videos() + vvault.rebuild_behind();
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_rebuild() IS
'Makes every derived table anew, and what vvault.videos has from the snapshots, and returns how many rows were wrong.
Units and ranges: rows; 0 where the triggers saw every write.
NULL: takes no argument.
Errors: 40P01 or 40001 beside other writers, to be tried again.
Source: vvault.videos and vvault.snapshots. For what writes past the triggers: restores with --disable-triggers, session_replication_role = replica, logical replication. Of vvault.videos it restores the rows that charts have written: who is charted where, and figures that disagree with the newest snapshot and were not written later by somebody else; a row that claims to be newer than every chart of its region, none of which has it, is deleted. Writers wait until it is done; days closed by vvault_prune() stay as they are.';

--
-- What vvault_check compares: for each derived table a view of the rows that
-- are not those of the naive SQL. An instant or a day in a key is for a session
-- with DateStyle ISO, which vvault_check sets.
--

CREATE VIEW vvault.wrong_video_regions AS
	SELECT 'video_regions' AS derived_table, NULL::text AS region, coalesce(d.video_id, e.video_id) AS key,
		d.regions::text AS stored, e.regions::text AS expected
	FROM vvault.video_regions d
		FULL JOIN vvault.expected_video_regions e ON e.video_id = d.video_id
	WHERE d.regions IS DISTINCT FROM e.regions;

CREATE VIEW vvault.wrong_category_stats AS
	SELECT 'category_stats' AS derived_table, coalesce(d.region, e.region) AS region,
		coalesce(d.category_id, e.category_id)::text AS key,
		format('videos %s viral %s score_sum %s', d.videos, d.viral, d.score_sum) AS stored,
		format('videos %s viral %s score_sum %s', e.videos, e.viral, e.score_sum) AS expected
	FROM vvault.category_stats d
		FULL JOIN vvault.expected_category_stats e
			ON e.region = d.region AND e.category_id = d.category_id
	WHERE (d.videos, d.viral, d.score_sum) IS DISTINCT FROM (e.videos, e.viral, e.score_sum);

CREATE VIEW vvault.wrong_daily_videos AS
	SELECT 'daily_videos' AS derived_table, coalesce(d.region, e.region) AS region,
		format('%s %s', coalesce(d.day, e.day), coalesce(d.video_id, e.video_id)) AS key,
		format('category %s score %s', d.category_id, d.virality_score) AS stored,
		format('category %s score %s', e.category_id, e.virality_score) AS expected
	FROM vvault.daily_videos d
		FULL JOIN vvault.expected_daily_videos e
			ON e.region = d.region AND e.day = d.day AND e.video_id = d.video_id
	WHERE (d.category_id, d.virality_score) IS DISTINCT FROM (e.category_id, e.virality_score);

CREATE VIEW vvault.wrong_daily_stats AS
	SELECT 'daily_stats' AS derived_table, coalesce(d.region, e.region) AS region,
		format('%s %s', coalesce(d.day, e.day), coalesce(d.category_id, e.category_id)) AS key,
		format('videos %s viral %s score_sum %s', d.videos, d.viral, d.score_sum) AS stored,
		format('videos %s viral %s score_sum %s', e.videos, e.viral, e.score_sum) AS expected
	FROM (SELECT t.region, t.day, t.category_id, t.videos, t.viral, t.score_sum
			FROM vvault.daily_stats t WHERE NOT t.closed) d
		FULL JOIN vvault.expected_daily_stats e
			ON e.region = d.region AND e.day = d.day AND e.category_id = d.category_id
	WHERE (d.videos, d.viral, d.score_sum) IS DISTINCT FROM (e.videos, e.viral, e.score_sum);

CREATE VIEW vvault.wrong_charts AS
	SELECT 'charts' AS derived_table, coalesce(d.region, e.region) AS region,
		vvault.utc_text(coalesce(d.fetched_at, e.fetched_at)) AS key,
		format('videos %s complete %s whole %s', d.videos, d.complete, d.whole) AS stored,
		format('videos %s complete %s whole %s', e.videos, e.complete, e.whole) AS expected
	FROM vvault.charts d
		FULL JOIN vvault.expected_charts e ON e.region = d.region AND e.fetched_at = d.fetched_at
	WHERE (d.videos, d.complete, d.whole) IS DISTINCT FROM (e.videos, e.complete, e.whole);

CREATE VIEW vvault.wrong_videos AS
	SELECT 'videos' AS derived_table, v.region, v.video_id AS key,
		format('charted %s rank %s of %s category %s views %s likes %s comments %s scores %s %s %s of %s',
			v.charted, v.rank, v.chart_length, v.category_id, v.views, v.likes, v.comments, v.velocity,
			v.virality_score, v.momentum_score, vvault.utc_text(v.fetched_at)) AS stored,
		CASE WHEN NOT e.left_over THEN
			format('charted %s rank %s of %s category %s views %s likes %s comments %s scores %s %s %s of %s',
				e.charted, e.rank, e.chart_length, e.category_id, e.views, e.likes, e.comments, e.velocity,
				e.virality_score, e.momentum_score, vvault.utc_text(e.fetched_at)) END AS expected
	FROM vvault.videos v
		JOIN vvault.expected_videos e ON e.region = v.region AND e.video_id = v.video_id
	WHERE e.left_over
		OR (v.charted, v.rank, v.chart_length, v.category_id, v.views, v.likes, v.comments,
				v.velocity, v.virality_score, v.momentum_score, v.fetched_at, v.snapshot_at)
			IS DISTINCT FROM (e.charted, e.rank, e.chart_length, e.category_id, e.views, e.likes,
				e.comments, e.velocity, e.virality_score, e.momentum_score, e.fetched_at, e.snapshot_at);
COMMENT ON VIEW vvault.wrong_videos IS
'Rows of vvault.videos that charts have written and that disagree with the snapshots, for vvault_check.';

CREATE VIEW vvault.wrong_video_search AS
	SELECT 'video_search' AS derived_table, coalesce(d.region, e.region) AS region,
		coalesce(d.video_id, e.video_id) AS key,
		format('tier %s category %s channel %s language %s: %s', d.tier, d.category_id, d.channel_id, d.language, d.document) AS stored,
		format('tier %s category %s channel %s language %s: %s', e.tier, e.category_id, e.channel_id, e.language, e.document) AS expected
	FROM vvault.video_search d
		FULL JOIN vvault.expected_video_search e ON e.region = d.region AND e.video_id = d.video_id
	WHERE (d.tier, d.category_id, d.channel_id, d.language, d.document)
		IS DISTINCT FROM (e.tier, e.category_id, e.channel_id, e.language, e.document);

CREATE VIEW vvault.wrong_search_words AS
	SELECT 'search_words' AS derived_table, coalesce(d.region, e.region) AS region, coalesce(d.word, e.word) AS key,
		d.videos::text AS stored, e.videos::text AS expected
	FROM vvault.search_words d
		FULL JOIN vvault.expected_search_words e ON e.region = d.region AND e.word = d.word
	WHERE d.videos IS DISTINCT FROM e.videos;

-- Who is marked and should not be; who should be and is not costs time alone.
CREATE VIEW vvault.wrong_behind AS
	SELECT 'videos.behind' AS derived_table, v.region, v.video_id AS key, 'true' AS stored, 'false' AS expected
	FROM vvault.videos v
		LEFT JOIN vvault.expected_behind e ON e.region = v.region AND e.video_id = v.video_id
	WHERE v.behind AND e.video_id IS NULL
	UNION ALL
	SELECT 'videos.behind_in_category', v.region, v.video_id, 'true', 'false'
	FROM vvault.videos v
		LEFT JOIN vvault.expected_behind_in_category e ON e.region = v.region AND e.video_id = v.video_id
	WHERE v.behind_in_category AND e.video_id IS NULL;

CREATE VIEW vvault.wrong_feed_versions AS
	SELECT 'feed_versions' AS derived_table, u.region, u.written_by AS key, NULL::text AS stored, 'a version' AS expected
	FROM (SELECT DISTINCT v.region, v.region AS written_by FROM vvault.videos v
		UNION SELECT DISTINCT s.region, s.region FROM vvault.snapshots s) u
	WHERE NOT EXISTS (SELECT FROM vvault.feed_versions f
		WHERE f.region = u.region AND f.written_by = u.written_by);

COMMENT ON VIEW vvault.wrong_video_regions IS 'What is wrong in vvault.video_regions, for vvault_check.';
COMMENT ON VIEW vvault.wrong_category_stats IS 'What is wrong in vvault.category_stats, for vvault_check.';
COMMENT ON VIEW vvault.wrong_daily_videos IS 'What is wrong in vvault.daily_videos, for vvault_check.';
COMMENT ON VIEW vvault.wrong_daily_stats IS 'What is wrong in vvault.daily_stats, for vvault_check.';
COMMENT ON VIEW vvault.wrong_charts IS 'What is wrong in vvault.charts, for vvault_check.';
COMMENT ON VIEW vvault.wrong_video_search IS 'What is wrong in vvault.video_search, for vvault_check.';
COMMENT ON VIEW vvault.wrong_search_words IS 'What is wrong in vvault.search_words, for vvault_check.';
COMMENT ON VIEW vvault.wrong_feed_versions IS 'What is wrong in vvault.feed_versions, for vvault_check.';
COMMENT ON VIEW vvault.wrong_behind IS 'What is wrong in vvault.videos.behind and behind_in_category, for vvault_check.';

CREATE FUNCTION @extschema@.vvault_check()
RETURNS TABLE (derived_table text, region text, key text, stored text, expected text)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET DateStyle = ISO	-- for the days in keys
AS $$
	SELECT * FROM vvault.wrong_video_regions
	UNION ALL SELECT * FROM vvault.wrong_category_stats
	UNION ALL SELECT * FROM vvault.wrong_daily_videos
	UNION ALL SELECT * FROM vvault.wrong_daily_stats
	UNION ALL SELECT * FROM vvault.wrong_charts
	UNION ALL SELECT * FROM vvault.wrong_videos
	UNION ALL SELECT * FROM vvault.wrong_video_search
	UNION ALL SELECT * FROM vvault.wrong_search_words
	UNION ALL SELECT * FROM vvault.wrong_behind
	UNION ALL SELECT * FROM vvault.wrong_feed_versions
	ORDER BY 1, 2, 3
$$;
COMMENT ON FUNCTION @extschema@.vvault_check() IS
'Compares every derived table, and what vvault.videos has from the snapshots, with the naive SQL and returns the rows that differ: none where all is right.
Units and ranges: derived_table, region and key name the row; stored and expected say what it holds and what it should hold.
NULL: region is NULL for video_regions, which has none.
Errors: none.
Source: vvault.videos and vvault.snapshots, read in one snapshot; days closed by vvault_prune() cannot be compared.';

-- The caller keeps all writers out. What its owner wrote stays.
CREATE FUNCTION vvault.forget_videos() RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	days integer := vvault.setting('forget_after')::integer;
	forgotten bigint;
BEGIN
	IF days = 0 THEN
		RETURN 0;
	END IF;
	DELETE FROM vvault.videos v
	WHERE v.snapshot_at IS NOT NULL AND NOT v.charted
		AND v.fetched_at < now() - days * interval '24 hours'
		AND v.region IN (SELECT f.region FROM vvault.feed_versions f WHERE vvault.is_home(f.region));
	GET DIAGNOSTICS forgotten = ROW_COUNT;
	RETURN forgotten;
END
$$;
COMMENT ON FUNCTION vvault.forget_videos() IS
'Part of vvault_prune: drops videos that nothing has shown for the setting forget_after; returns how many.';

CREATE FUNCTION @extschema@.vvault_prune(before timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	dropped bigint;
BEGIN
	IF vvault_prune.before IS NULL OR NOT isfinite(vvault_prune.before) THEN
		RAISE EXCEPTION '%', coalesce('invalid before: ' || vvault_prune.before, 'before must not be null')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give an instant, such as now() - interval ''90 days''.';
	END IF;
	PERFORM vvault.bump_all();

	-- Whole days only, and never the latest chart: the next one is measured
	-- against it.
	WITH cut AS MATERIALIZED (
		SELECT c.region, least(vvault.utc_day(vvault_prune.before), vvault.utc_day(c.latest)) AS day
		FROM (SELECT s.region, coalesce(vvault.latest_chart(s.region), max(s.fetched_at)) AS latest
			FROM vvault.snapshots s GROUP BY s.region) c
		WHERE vvault.is_home(c.region)
	), closed AS (
		UPDATE vvault.daily_stats t SET closed = true FROM cut c
		WHERE t.region = c.region AND t.day < c.day AND NOT t.closed
	), forgotten AS (
		DELETE FROM vvault.daily_videos d USING cut c
		WHERE d.region = c.region AND d.day < c.day
	)
	SELECT count(*) INTO dropped FROM cut;	-- runs all three

	DELETE FROM vvault.snapshots s
	WHERE EXISTS (SELECT FROM vvault.daily_stats t WHERE t.region = s.region
		AND t.day = vvault.utc_day(s.fetched_at) AND t.closed);
	GET DIAGNOSTICS dropped = ROW_COUNT;

	DELETE FROM vvault.earlier_texts e
	WHERE EXISTS (SELECT FROM vvault.daily_stats t WHERE t.region = e.region
		AND t.day >= vvault.utc_day(e.replaced_at) AND t.closed);
	DELETE FROM vvault.rejected_items r WHERE r.fetched_at < vvault_prune.before AND vvault.is_home(r.region);
	DELETE FROM vvault.ingests i WHERE i.fetched_at < vvault_prune.before AND vvault.is_home(i.region);
	PERFORM vvault.forget_videos();
	-- with fewer charts before it, another one may be whole
	PERFORM vvault.settle_chart(c.region) FROM (SELECT DISTINCT c.region FROM vvault.charts c) c WHERE vvault.is_home(c.region);
	RETURN dropped;
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_prune(timestamptz) IS
'Drops snapshots of the days before an instant and keeps their statistics, and drops videos that nothing has shown for long; returns how many snapshots it dropped.
Units and ranges: whole days (UTC) that ended before the instant; a region''s latest chart always stays. Videos that neither a chart nor a refresh has shown for the setting forget_after (30 days) are dropped whatever the instant is, but for those of a region''s latest chart and those that their owner wrote.
NULL: NULL is an error.
Errors: 22023 for NULL or an infinite instant.
Source: vvault.snapshots, vvault.videos, vvault.rejected_items and vvault.ingests. The days become closed in vvault.daily_stats: they can take no more snapshots, keep the viral_threshold they were counted with, and are dumped.';

CREATE FUNCTION @extschema@.vvault_block(video_id text, reason text DEFAULT '') RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	found_somewhere boolean;
BEGIN
	IF vvault_block.video_id IS NULL OR octet_length(vvault_block.video_id) NOT BETWEEN 1 AND 64 THEN
		RAISE EXCEPTION 'no video to block'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give its video_id, of 1 to 64 bytes.';
	END IF;
	-- an ingest that runs now may be about to write it
	PERFORM vvault.bump_all();
	INSERT INTO vvault.blocked_videos AS b (video_id, reason)
	VALUES (vvault_block.video_id, coalesce(vvault_block.reason, ''))
	ON CONFLICT (video_id) DO UPDATE SET reason = EXCLUDED.reason
		WHERE b.reason <> EXCLUDED.reason;
	DELETE FROM vvault.videos v WHERE v.video_id = vvault_block.video_id
		AND v.region IN (SELECT f.region FROM vvault.feed_versions f WHERE vvault.is_home(f.region));
	found_somewhere := FOUND;
	DELETE FROM vvault.snapshots s WHERE s.video_id = vvault_block.video_id
		AND s.region IN (SELECT f.region FROM vvault.feed_versions f WHERE vvault.is_home(f.region));
	DELETE FROM vvault.rejected_items r WHERE r.video_id = vvault_block.video_id AND vvault.is_home(r.region);
	-- a chart has one place less
	PERFORM vvault.settle_chart(c.region) FROM (SELECT DISTINCT c.region FROM vvault.charts c) c WHERE vvault.is_home(c.region);
	RETURN found_somewhere;
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_block(text, text) IS
'Takes a video down in every region, with its history, and keeps vvault_ingest from bringing it back; returns whether any region had it.
Units and ranges: DELETE its row from vvault.blocked_videos to let it in again.
NULL: a NULL reason is an empty one; a NULL video_id is an error.
Errors: 22023 for no video_id or one that is longer than 64 bytes.
Source: vvault.blocked_videos. Days closed by vvault_prune() go on counting it, without its name.';
