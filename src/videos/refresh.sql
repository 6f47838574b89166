-- Refresh: what videos.list says of videos that are known already.

CREATE FUNCTION @extschema@.vvault_refresh_list(page_size integer DEFAULT 50, older_than interval DEFAULT '24 hours')
RETURNS TABLE (video_id text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER ROWS 50
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF vvault_refresh_list.page_size IS NULL OR vvault_refresh_list.page_size NOT BETWEEN 1 AND 1000000 THEN
		RAISE EXCEPTION '%', coalesce('invalid page_size ' || vvault_refresh_list.page_size, 'page_size must not be null')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is a number of videos from 1 to 1000000.';
	END IF;
	IF vvault_refresh_list.older_than IS NULL THEN
		RAISE EXCEPTION 'older_than must not be null'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is an interval, such as 24 hours.';
	END IF;
	RETURN QUERY
	SELECT v.video_id
	FROM vvault.videos v
		JOIN (SELECT e.region FROM vvault.enabled_regions e WHERE vvault.is_home(e.region)) e ON e.region = v.region
	WHERE v.snapshot_at IS NOT NULL
	GROUP BY v.video_id
	HAVING greatest(max(v.fetched_at), max(v.gone_at)) < now() - vvault_refresh_list.older_than
	ORDER BY greatest(max(v.fetched_at), max(v.gone_at)), v.video_id
	LIMIT vvault_refresh_list.page_size;
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_refresh_list(integer, interval) IS
'The videos that were not observed for longest: what to ask videos.list for next.
Units and ranges: page_size from 1 to 1000000; videos.list takes 50 ids at once, for one quota unit. older_than is how long ago a video was observed at least, in the region that observed it last. Videos marked as gone are among them, so that one that comes back is found; so are none that their owner wrote.
NULL: NULL is an error.
Errors: 22023 for an invalid page_size or older_than.
Source: vvault.videos of the enabled regions, all of it.';

-- A refresh is no chart: it writes no snapshot, counts in no statistics of days
-- and moves no score. A row that is newer stays as it is.
CREATE FUNCTION vvault.refresh_videos(items vvault.chart_item[], fetched_at timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	refreshed bigint;
BEGIN
	WITH written AS (
		UPDATE vvault.videos v
		SET title = i.title, channel_id = i.channel_id, channel_title = i.channel_title,
			category_id = i.category_id, content_language = i.content_language,
			thumbnail_url = i.thumbnail_url, published_at = i.published_at, duration = i.duration,
			tags = i.tags, views = coalesce(i.views, v.views),
			likes = CASE WHEN i.views IS NULL THEN v.likes ELSE i.likes END,
			comments = CASE WHEN i.views IS NULL THEN v.comments ELSE i.comments END,
			live = i.live, scheduled_at = i.scheduled_at, gone_at = NULL,
			fetched_at = refresh_videos.fetched_at
		FROM unnest(items) i
		WHERE v.video_id = i.video_id AND v.fetched_at < refresh_videos.fetched_at
			AND coalesce(v.gone_at < refresh_videos.fetched_at, true)
			AND v.region IN (SELECT f.region FROM vvault.feed_versions f WHERE vvault.is_home(f.region))
		RETURNING v.video_id
	)
	SELECT count(DISTINCT w.video_id) INTO refreshed FROM written w;
	RETURN refreshed;
END
$$;
COMMENT ON FUNCTION vvault.refresh_videos(vvault.chart_item[], timestamptz) IS
'Part of vvault_refresh: what a response says of videos that are known; returns how many it changed.';

CREATE FUNCTION @extschema@.vvault_refresh(response json, asked text[] DEFAULT NULL,
	fetched_at timestamptz DEFAULT now()) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	parsed vvault.chart_item[];
	items vvault.chart_item[];
	bad vvault.chart_item[];
	refreshed bigint;
	gone text[];
BEGIN
	PERFORM vvault.require_response(vvault_refresh.response, vvault_refresh.fetched_at);
	IF array_ndims(vvault_refresh.asked) > 1 OR array_position(vvault_refresh.asked, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'invalid list of ids that were asked for'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the ids as a list of texts without NULL.';
	END IF;
	parsed := ARRAY(SELECT i FROM vvault.parse_chart(vvault_refresh.response) i);
	items := vvault.good_items(parsed, '{}');
	bad := vvault.bad_items(parsed, '{}');

	-- a video may be in every region: all writers wait
	PERFORM vvault.bump_all();
	refreshed := vvault.refresh_videos(items, vvault_refresh.fetched_at);
	-- a bad item is there all the same
	WITH written AS (
		UPDATE vvault.videos v SET gone_at = vvault_refresh.fetched_at
		WHERE v.video_id = ANY (vvault_refresh.asked)
			AND v.video_id NOT IN (SELECT i.video_id FROM unnest(parsed) i WHERE i.video_id IS NOT NULL)
			AND v.gone_at IS NULL AND v.fetched_at < vvault_refresh.fetched_at
			AND v.region IN (SELECT f.region FROM vvault.feed_versions f WHERE vvault.is_home(f.region))
		RETURNING v.video_id
	)
	SELECT coalesce(array_agg(DISTINCT w.video_id ORDER BY w.video_id), '{}') INTO gone FROM written w;
	RETURN json_build_object(
		'fetched_at', vvault.utc_text(vvault_refresh.fetched_at),
		'refreshed', refreshed,
		'gone', to_json(gone),
		'rejected', (SELECT coalesce(json_agg(json_build_object('index', i.item_index,
				'video_id', i.video_id, 'reason', i.reason) ORDER BY i.item_index), '[]')
			FROM unnest(bad) i));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_refresh(json, text[], timestamptz) IS
'Takes in what videos.list says of videos that are known already (id=..., part=snippet,contentDetails,statistics,liveStreamingDetails), in every region that has them, and marks those as gone that were asked for and did not come back.
Units and ranges: asked are the ids that were asked for, up to 50 for the API; fetched_at is the instant of the request. Returns {fetched_at, refreshed, gone: [video_id], rejected: [{index, video_id, reason}]}: refreshed counts videos whose figures and texts are newer now, gone lists those newly marked. Videos that are not known are passed over. A refresh is no chart: it gives no history, no statistics and no scores, and charts nobody. What is gone is in no list of videos, and is dropped by vvault_prune after the setting forget_after; a later chart or refresh that has it brings it back.
NULL: with asked NULL nothing is marked as gone; a NULL response or fetched_at is an error. A count that the response leaves out is hidden (likes, comments); views that it leaves out stay as they are known.
Errors: 22023 for a response that is not a videoListResponse, for an invalid fetched_at or one ahead of the clock, and for asked with NULL in it: nothing is changed then. 40P01 or 40001 beside other writers, to be tried again.
Source: writes vvault.videos where the response is newer; all writers wait for its transaction.';
