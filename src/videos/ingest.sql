-- Ingest: a chart response becomes rows. C takes the response apart
-- (response.c); the rest is a fixed number of statements over all its items.

CREATE TYPE vvault.chart_item AS (
	item_index integer,
	video_id text,
	title text,
	channel_id text,
	channel_title text,
	category_id integer,
	content_language text,
	thumbnail_url text,
	published_at timestamptz,
	duration text,
	tags text[],
	views bigint,
	likes bigint,
	comments bigint,
	total_results integer,
	reason text,
	item text,
	live text,
	scheduled_at timestamptz
);
COMMENT ON TYPE vvault.chart_item IS
'An item of a videos.list response: its fields, or a reason why it cannot be taken and its text.';

CREATE FUNCTION vvault.parse_chart(response json) RETURNS SETOF vvault.chart_item
AS 'MODULE_PATHNAME', 'vvault_parse_chart'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 50;
COMMENT ON FUNCTION vvault.parse_chart(json) IS
'The items of a videos.list response in their order. A bad item gets a reason; 22023 where the whole is no such response.';

-- Adds snapshots of one chart and scores what they change: themselves and what
-- is measured against them. The caller holds the region's lock. Figures that
-- meet others of the same instant: the larger (views, likes, comments) win and
-- the better rank wins, so the order of arrival does not matter.
CREATE FUNCTION vvault.add_snapshots(region text, fetched_at timestamptz, first_rank integer,
	complete boolean, items vvault.chart_item[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	facts vvault.effective_regions;
	span constant interval := vvault.velocity_min_span();
	written text[];
	changed text[];
BEGIN
	SELECT r.* INTO facts FROM vvault.effective_regions r WHERE r.region = add_snapshots.region;

	WITH written AS (
		INSERT INTO vvault.snapshots AS s (region, video_id, fetched_at, rank, chart_length,
			category_id, views, likes, comments, velocity, virality_score, momentum_score, complete)
		SELECT add_snapshots.region, i.video_id, add_snapshots.fetched_at,
			add_snapshots.first_rank + i.item_index, i.total_results, i.category_id,
			i.views, i.likes, i.comments,
			vvault.snapshot_velocity(i.views, b.views_before, b.elapsed),
			vvault.snapshot_virality(i.views, b.views_before, b.elapsed,
				i.likes, i.comments, facts.velocity_baseline, facts.engagement_baseline),
			vvault.snapshot_momentum(i.views, b.views_day_before, b.elapsed_day,
				add_snapshots.first_rank + i.item_index, i.total_results, i.likes,
				facts.momentum_baseline, i.category_id),
			add_snapshots.complete
		FROM unnest(items) i
			CROSS JOIN LATERAL vvault.score_base(add_snapshots.region, i.video_id,
				add_snapshots.fetched_at, span) b
		ON CONFLICT (region, video_id, fetched_at) DO UPDATE SET
			rank = least(s.rank, EXCLUDED.rank),
			chart_length = greatest(s.chart_length, EXCLUDED.chart_length),
			category_id = greatest(s.category_id, EXCLUDED.category_id),
			complete = s.complete OR EXCLUDED.complete,
			(views, likes, comments) = (SELECT g.views, g.likes, g.comments
				FROM (VALUES (s.views, s.likes, s.comments),
					(EXCLUDED.views, EXCLUDED.likes, EXCLUDED.comments)) AS g (views, likes, comments)
				ORDER BY g.views DESC NULLS LAST, g.likes DESC NULLS LAST, g.comments DESC NULLS LAST
				LIMIT 1)
		WHERE (coalesce(EXCLUDED.views, -1), coalesce(EXCLUDED.likes, -1), coalesce(EXCLUDED.comments, -1))
				> (coalesce(s.views, -1), coalesce(s.likes, -1), coalesce(s.comments, -1))
			OR EXCLUDED.rank < s.rank OR s.rank IS NULL
			OR coalesce(EXCLUDED.chart_length > s.chart_length,
				s.chart_length IS NULL AND EXCLUDED.chart_length IS NOT NULL)
			OR EXCLUDED.category_id > s.category_id OR EXCLUDED.complete > s.complete
		RETURNING s.video_id, s.xmax <> 0 AS was_there
	)
	SELECT array_agg(w.video_id), array_agg(w.video_id) FILTER (WHERE w.was_there)
	INTO written, changed FROM written w;
	-- what is new is scored; what is measured against it is there where it came late
	IF changed IS NOT NULL OR written IS NOT NULL AND vvault.is_late(add_snapshots.region, add_snapshots.fetched_at) THEN
		PERFORM vvault.score_again(add_snapshots.region, add_snapshots.fetched_at, written,
			coalesce(changed, '{}'));
	END IF;
END
$$;
COMMENT ON FUNCTION vvault.add_snapshots(text, timestamptz, integer, boolean, vvault.chart_item[]) IS
'Part of vvault_ingest: history and scores.';

-- The functions that follow are parts of one statement: the planner takes their
-- text in.

-- Figures come from the newest snapshot that has any.
CREATE FUNCTION vvault.newest_observation(region text, video_id text)
RETURNS TABLE (fetched_at timestamptz, rank integer, chart_length integer, category_id integer,
	velocity double precision, virality_score double precision, momentum_score double precision,
	views bigint, likes bigint, comments bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	SELECT l.fetched_at, l.rank, l.chart_length, l.category_id, l.velocity, l.virality_score, l.momentum_score,
		CASE WHEN l.views IS NULL THEN f.views ELSE l.views END,
		CASE WHEN l.views IS NULL THEN f.likes ELSE l.likes END,
		CASE WHEN l.views IS NULL THEN f.comments ELSE l.comments END
	FROM (SELECT s.* FROM vvault.snapshots s
			WHERE s.region = newest_observation.region AND s.video_id = newest_observation.video_id
			ORDER BY s.fetched_at DESC LIMIT 1) l
		LEFT JOIN LATERAL (
			SELECT s.views, s.likes, s.comments FROM vvault.snapshots s
			WHERE l.views IS NULL AND s.region = newest_observation.region
				AND s.video_id = newest_observation.video_id AND s.views IS NOT NULL
			ORDER BY s.fetched_at DESC LIMIT 1) f ON true;
END;
COMMENT ON FUNCTION vvault.newest_observation(text, text) IS
'Part of vvault_ingest: the newest observation of a video, with the newest figures there are.';

-- What a chart does to the row of a video: settled is one whose place it leaves
-- as it is, known one that has newer figures of somebody else than any
-- snapshot's, texts_stay one whose texts are newer. No text is of an observation
-- that is gone. Of two responses of the same instant the greater texts stay, so
-- that their order does not matter. It takes columns, as a body that knows a
-- table's row type keeps everybody from rewriting that table.
CREATE FUNCTION vvault.row_facts(was_fetched_at timestamptz, was_snapshot_at timestamptz, greater boolean,
	at timestamptz, latest_chart timestamptz, observed_at timestamptz)
RETURNS TABLE (settled boolean, known boolean, texts_stay boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	SELECT row_facts.latest_chart <> row_facts.at AND row_facts.was_snapshot_at IS NOT NULL,
		coalesce(row_facts.was_fetched_at > row_facts.observed_at
			AND row_facts.was_fetched_at IS DISTINCT FROM row_facts.was_snapshot_at, false),
		coalesce(row_facts.was_fetched_at >= row_facts.at
			AND (row_facts.was_fetched_at <= row_facts.observed_at
				OR row_facts.was_fetched_at IS DISTINCT FROM row_facts.was_snapshot_at)
			AND (row_facts.was_fetched_at > row_facts.at OR row_facts.greater), false);
END;
COMMENT ON FUNCTION vvault.row_facts(timestamptz, timestamptz, boolean, timestamptz, timestamptz, timestamptz) IS
'Part of vvault_ingest: what of a row of vvault.videos stays as it is.';

-- Brings vvault.videos up to the snapshots for the items of one chart. What a
-- response says of a video stays until a newer one says otherwise. Rows written
-- here have their place, but where two videos have one; who else is charted is
-- settled afterwards. Returns how many rows are new.
CREATE FUNCTION vvault.update_videos(region text, fetched_at timestamptz, latest_chart timestamptz,
	items vvault.chart_item[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	created bigint;
BEGIN
	WITH written AS (
		INSERT INTO vvault.videos AS v (region, video_id, charted, rank, chart_length,
			title, channel_id, channel_title, category_id, content_language, thumbnail_url,
			published_at, duration, tags, views, likes, comments, velocity, virality_score,
			momentum_score, first_seen_at, fetched_at, snapshot_at, live, scheduled_at, gone_at)
		SELECT update_videos.region, i.video_id,
			CASE WHEN k.settled THEN o.charted ELSE coalesce(n.rank, c.rank) IS NOT NULL END,
			CASE WHEN k.settled THEN o.rank ELSE coalesce(n.rank, c.rank) END,
			CASE WHEN k.settled THEN o.chart_length WHEN n.rank IS NOT NULL THEN l.chart_length
				ELSE c.chart_length END,
			CASE WHEN k.texts_stay THEN o.title ELSE i.title END,
			CASE WHEN k.texts_stay THEN o.channel_id ELSE i.channel_id END,
			CASE WHEN k.texts_stay THEN o.channel_title ELSE i.channel_title END,
			CASE WHEN k.known THEN o.category_id ELSE l.category_id END,
			CASE WHEN k.texts_stay THEN o.content_language ELSE i.content_language END,
			CASE WHEN k.texts_stay THEN o.thumbnail_url ELSE i.thumbnail_url END,
			CASE WHEN k.texts_stay THEN o.published_at ELSE i.published_at END,
			CASE WHEN k.texts_stay THEN o.duration ELSE i.duration END,
			CASE WHEN k.texts_stay THEN o.tags ELSE i.tags END,
			CASE WHEN k.known THEN o.views ELSE l.views END,
			CASE WHEN k.known THEN o.likes ELSE l.likes END,
			CASE WHEN k.known THEN o.comments ELSE l.comments END,
			CASE WHEN k.known THEN o.velocity ELSE l.velocity END,
			CASE WHEN k.known THEN o.virality_score ELSE l.virality_score END,
			CASE WHEN k.known THEN o.momentum_score ELSE l.momentum_score END,
			least(o.first_seen_at, update_videos.fetched_at),
			CASE WHEN k.known THEN o.fetched_at ELSE l.fetched_at END, l.fetched_at,
			CASE WHEN k.texts_stay THEN o.live ELSE i.live END,
			CASE WHEN k.texts_stay THEN o.scheduled_at ELSE i.scheduled_at END,
			CASE WHEN o.gone_at > update_videos.fetched_at THEN o.gone_at END
		FROM unnest(items) i
			LEFT JOIN vvault.videos o
				ON o.region = update_videos.region AND o.video_id = i.video_id
			CROSS JOIN LATERAL vvault.newest_observation(update_videos.region, i.video_id) l
			CROSS JOIN LATERAL vvault.row_facts(o.fetched_at, o.snapshot_at,
				-- NULL is less than any text
				(o.title COLLATE "C", o.channel_title COLLATE "C", o.channel_id COLLATE "C",
					o.thumbnail_url COLLATE "C", o.content_language IS NOT NULL,
					coalesce(o.content_language, '') COLLATE "C", o.duration IS NOT NULL,
					coalesce(o.duration, '') COLLATE "C", coalesce(o.published_at, '-infinity'), o.tags,
					coalesce(o.live, '') COLLATE "C", coalesce(o.scheduled_at, '-infinity'))
				> (i.title COLLATE "C", i.channel_title COLLATE "C", i.channel_id COLLATE "C",
					i.thumbnail_url COLLATE "C", i.content_language IS NOT NULL,
					coalesce(i.content_language, '') COLLATE "C", i.duration IS NOT NULL,
					coalesce(i.duration, '') COLLATE "C", coalesce(i.published_at, '-infinity'), i.tags,
					coalesce(i.live, '') COLLATE "C", coalesce(i.scheduled_at, '-infinity')),
				update_videos.fetched_at, update_videos.latest_chart, l.fetched_at) k
			CROSS JOIN LATERAL (
				SELECT CASE WHEN l.fetched_at = update_videos.latest_chart THEN l.rank END AS rank) n
			LEFT JOIN LATERAL (
				SELECT s.rank, s.chart_length FROM vvault.snapshots s
				WHERE NOT k.settled IS TRUE AND l.fetched_at <> update_videos.latest_chart
					AND s.region = update_videos.region AND s.video_id = i.video_id
					AND s.fetched_at = update_videos.latest_chart LIMIT 1) c ON true
		ORDER BY i.video_id
		ON CONFLICT (region, video_id) DO UPDATE SET
			charted = EXCLUDED.charted, rank = EXCLUDED.rank, chart_length = EXCLUDED.chart_length,
			title = EXCLUDED.title, channel_id = EXCLUDED.channel_id,
			channel_title = EXCLUDED.channel_title, category_id = EXCLUDED.category_id,
			content_language = EXCLUDED.content_language, thumbnail_url = EXCLUDED.thumbnail_url,
			published_at = EXCLUDED.published_at, duration = EXCLUDED.duration, tags = EXCLUDED.tags,
			views = EXCLUDED.views, likes = EXCLUDED.likes, comments = EXCLUDED.comments,
			velocity = EXCLUDED.velocity, virality_score = EXCLUDED.virality_score,
			momentum_score = EXCLUDED.momentum_score,
			first_seen_at = EXCLUDED.first_seen_at, fetched_at = EXCLUDED.fetched_at,
			snapshot_at = EXCLUDED.snapshot_at, live = EXCLUDED.live,
			scheduled_at = EXCLUDED.scheduled_at, gone_at = EXCLUDED.gone_at
		WHERE (v.charted, v.rank, v.chart_length, v.title, v.channel_id, v.channel_title,
				v.category_id, v.content_language, v.thumbnail_url, v.published_at, v.duration,
				v.tags, v.views, v.likes, v.comments, v.velocity, v.virality_score, v.momentum_score,
				v.first_seen_at, v.fetched_at, v.snapshot_at, v.live, v.scheduled_at, v.gone_at)
			IS DISTINCT FROM (EXCLUDED.charted, EXCLUDED.rank, EXCLUDED.chart_length,
				EXCLUDED.title, EXCLUDED.channel_id, EXCLUDED.channel_title,
				EXCLUDED.category_id, EXCLUDED.content_language, EXCLUDED.thumbnail_url,
				EXCLUDED.published_at, EXCLUDED.duration, EXCLUDED.tags, EXCLUDED.views,
				EXCLUDED.likes, EXCLUDED.comments, EXCLUDED.velocity, EXCLUDED.virality_score,
				EXCLUDED.momentum_score, EXCLUDED.first_seen_at, EXCLUDED.fetched_at,
				EXCLUDED.snapshot_at, EXCLUDED.live, EXCLUDED.scheduled_at, EXCLUDED.gone_at)
		RETURNING v.xmax = 0 AS is_new
	)
	SELECT count(*) INTO created FROM written w WHERE w.is_new;
	RETURN created;
END
$$;
COMMENT ON FUNCTION vvault.update_videos(text, timestamptz, timestamptz, vvault.chart_item[]) IS
'Part of vvault_ingest: the newest state of each video.';

-- A chart dated ahead would be the latest until that instant has come: those
-- that are right would not be shown.
CREATE FUNCTION vvault.refuse_ahead(fetched_at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ahead double precision := date_part('epoch', refuse_ahead.fetched_at - clock_timestamp());
	tolerance double precision := vvault.setting('clock_tolerance')::double precision;
BEGIN
	IF ahead > tolerance THEN
		RAISE EXCEPTION 'fetched_at % is % seconds ahead of the server''s clock',
				vvault.utc_text(refuse_ahead.fetched_at), ceil(ahead)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = format('One of the two clocks is wrong. A chart may be %s seconds ahead: the setting clock_tolerance.', tolerance);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault.refuse_ahead(timestamptz) IS
'Raises 22023 for an instant that is further ahead of the clock than the setting clock_tolerance.';

CREATE FUNCTION vvault.require_response(response json, fetched_at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF require_response.response IS NULL THEN
		RAISE EXCEPTION 'no response to ingest'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give one videos.list response of the YouTube Data API as json.';
	END IF;
	IF require_response.fetched_at IS NULL
		OR NOT (require_response.fetched_at >= '0001-01-01 00:00Z'
			AND require_response.fetched_at < '9999-12-31 00:00Z') THEN
		RAISE EXCEPTION '%', coalesce('invalid fetched_at: ' || require_response.fetched_at, 'fetched_at must not be null')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give the instant of the request, in the years 1 to 9999.';
	END IF;
	IF require_response.fetched_at > clock_timestamp() THEN
		PERFORM vvault.refuse_ahead(require_response.fetched_at);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault.require_response(json, timestamptz) IS
'Part of vvault_ingest and vvault_refresh: 22023 for no response and for an instant that is not valid.';

CREATE FUNCTION vvault.require_ingest(region text, response json, fetched_at timestamptz,
	first_rank integer) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault.require_region(require_ingest.region);
	PERFORM vvault.require_home(require_ingest.region);
	PERFORM vvault.require_response(require_ingest.response, require_ingest.fetched_at);
	IF require_ingest.first_rank IS NULL OR require_ingest.first_rank NOT BETWEEN 1 AND 1000000 THEN
		RAISE EXCEPTION '%', coalesce('invalid first_rank: ' || require_ingest.first_rank, 'first_rank must not be null')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'The first page of a chart has first_rank 1, the second, of 50 items a page, 51.';
	END IF;
END
$$;
COMMENT ON FUNCTION vvault.require_ingest(text, json, timestamptz, integer) IS
'Part of vvault_ingest: 22023 for an argument that is not valid, 55000 for a region that is written on another node.';

-- The caller holds the region's lock.
CREATE FUNCTION vvault.require_open_chart(region text, fetched_at timestamptz, first_rank integer)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF require_open_chart.first_rank > 1 AND require_open_chart.fetched_at = now()
		AND NOT EXISTS (SELECT FROM vvault.charts c WHERE c.region = require_open_chart.region
			AND c.fetched_at = require_open_chart.fetched_at) THEN
		RAISE EXCEPTION 'first_rank % without the fetched_at of its chart', require_open_chart.first_rank
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'All pages of a chart share one fetched_at: pass the one given with its first page.';
	END IF;
	PERFORM vvault.refuse_closed_days(ARRAY[require_open_chart.region],
		ARRAY[vvault.utc_day(require_open_chart.fetched_at)]);
END
$$;
COMMENT ON FUNCTION vvault.require_open_chart(text, timestamptz, integer) IS
'Part of vvault_ingest: 22023 for a page without its chart and for a closed day.';

-- Of the same video twice the better rank comes first.
CREATE FUNCTION vvault.good_items(parsed vvault.chart_item[], blocked text[]) RETURNS vvault.chart_item[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT i FROM (
		SELECT DISTINCT ON (i.video_id COLLATE "C") i FROM unnest(parsed) i
		WHERE i.reason IS NULL AND i.video_id <> ALL (blocked)
		ORDER BY i.video_id COLLATE "C", i.item_index) d);
END
$$;
COMMENT ON FUNCTION vvault.good_items(vvault.chart_item[], text[]) IS
'Part of vvault_ingest: the items to be written, each video once, in the order of their ids.';

-- Of a blocked video nothing is kept, were its item good or bad.
CREATE FUNCTION vvault.bad_items(parsed vvault.chart_item[], blocked text[]) RETURNS vvault.chart_item[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT i FROM unnest(parsed) i
		WHERE i.reason IS NOT NULL AND (i.video_id IS NULL OR i.video_id <> ALL (blocked))
		ORDER BY i.item_index);
END
$$;
COMMENT ON FUNCTION vvault.bad_items(vvault.chart_item[], text[]) IS
'Part of vvault_ingest: the items that are refused, in their order.';

CREATE FUNCTION vvault.log_rejected(region text, fetched_at timestamptz, bad vvault.chart_item[])
RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF bad = '{}' THEN
		RETURN '[]';
	END IF;
	INSERT INTO vvault.rejected_items (region, fetched_at, item_index, video_id, reason, item)
	SELECT log_rejected.region, log_rejected.fetched_at, i.item_index, i.video_id, i.reason, i.item
	FROM unnest(bad) i;
	RETURN (SELECT json_agg(json_build_object('index', i.item_index,
			'video_id', i.video_id, 'reason', i.reason) ORDER BY i.item_index)
		FROM unnest(bad) i);
END
$$;
COMMENT ON FUNCTION vvault.log_rejected(text, timestamptz, vvault.chart_item[]) IS
'Part of vvault_ingest: keeps what is refused, and returns what the reply says of it.';

CREATE FUNCTION @extschema@.vvault_ingest(region text, response json,
	fetched_at timestamptz DEFAULT now(), first_rank integer DEFAULT 1,
	complete boolean DEFAULT false) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	parsed vvault.chart_item[];
	items vvault.chart_item[];
	bad vvault.chart_item[];
	blocked text[];
	n_created bigint := 0;
	n_blocked integer;
	was_latest timestamptz;
	latest timestamptz;
	problem text;
BEGIN
	PERFORM vvault.require_ingest(vvault_ingest.region, vvault_ingest.response,
		vvault_ingest.fetched_at, vvault_ingest.first_rank);
	parsed := ARRAY(SELECT i FROM vvault.parse_chart(vvault_ingest.response) i);

	-- From here on nobody else writes this region.
	PERFORM vvault.lock_region(vvault_ingest.region);
	PERFORM vvault.require_open_chart(vvault_ingest.region, vvault_ingest.fetched_at,
		vvault_ingest.first_rank);
	blocked := ARRAY(SELECT b.video_id FROM vvault.blocked_videos b
		WHERE b.video_id IN (SELECT i.video_id FROM unnest(parsed) i));
	items := vvault.good_items(parsed, blocked);
	bad := vvault.bad_items(parsed, blocked);
	n_blocked := (SELECT count(*) FROM unnest(parsed) i WHERE i.video_id = ANY (blocked));

	was_latest := vvault.latest_chart(vvault_ingest.region);
	latest := was_latest;
	IF items <> '{}' THEN
		PERFORM vvault.add_snapshots(vvault_ingest.region, vvault_ingest.fetched_at,
			vvault_ingest.first_rank, coalesce(vvault_ingest.complete, false), items);
		latest := vvault.latest_chart(vvault_ingest.region);
		n_created := vvault.update_videos(vvault_ingest.region, vvault_ingest.fetched_at, latest, items);
		IF latest IS DISTINCT FROM was_latest
			OR vvault.places_meet(vvault_ingest.region, vvault_ingest.fetched_at) THEN
			PERFORM vvault.settle_chart(vvault_ingest.region);
		END IF;
	END IF;
	IF latest IS DISTINCT FROM vvault_ingest.fetched_at THEN
		problem := vvault.why_not_charted(vvault_ingest.region, vvault_ingest.fetched_at, latest);
	END IF;

	INSERT INTO vvault.ingests (region, fetched_at, first_rank, chart_length, accepted, created, rejected)
	VALUES (vvault_ingest.region, vvault_ingest.fetched_at, vvault_ingest.first_rank,
		(parsed[1]).total_results, cardinality(items), n_created, cardinality(bad));
	RETURN json_build_object(
		'region', vvault_ingest.region,
		'fetched_at', vvault.utc_text(vvault_ingest.fetched_at),
		'accepted', cardinality(items),
		'created', n_created,
		'rejected', vvault.log_rejected(vvault_ingest.region, vvault_ingest.fetched_at, bad),
		'duplicates', cardinality(parsed) - n_blocked - cardinality(items) - cardinality(bad),
		'blocked', cardinality(blocked),
		'charted', problem IS NULL,
		'reason', problem);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_ingest(text, json, timestamptz, integer, boolean) IS
'Takes in one page of a region''s chart: a YouTube Data API v3 videos.list response (chart=mostPopular, part=snippet,contentDetails,statistics).
Units and ranges: response is up to a whole chart; its order is the rank, counted from first_rank (1 to 1000000); a chart in pages shares one fetched_at. Returns {region, fetched_at, accepted, created, rejected: [{index, video_id, reason}], duplicates, blocked, charted, reason}, index from 0. charted tells whether the region''s feeds show this chart now, and reason why not: there is a newer one, or it has, with the pages before it, fewer videos than the setting short_chart allows (half of the median of the three charts before it). It is then history alone, and what was charted stays so; complete => true says that it is all there is.
NULL: every argument must be given but complete, where NULL is false; reason is null for a chart that is shown; counts that the response leaves out are hidden (likes, comments) or unknown (views).
Errors: 22023 for an invalid region, fetched_at or first_rank, for a fetched_at further ahead of the server''s clock than the setting clock_tolerance, for a day closed by vvault_prune, and for a response that is not a videoListResponse: nothing is changed then. A bad item is refused alone and kept in vvault.rejected_items. 55000 with the node''s name for a region that is written on another node of a mesh. 40P01 or 40001, to be tried again, where one transaction makes several writes or writes vvault.videos by hand.
Source: writes vvault.videos, vvault.snapshots and vvault.ingests. Repeating a call changes nothing; an older fetched_at adds history and never overwrites newer figures; of two calls for one fetched_at the larger (views, likes, comments) wins, and of two videos in one place the larger keeps it. vvault_remove_chart takes a chart back.';

CREATE FUNCTION @extschema@.vvault_ingest_categories(response json) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	n integer;
BEGIN
	IF vvault_ingest_categories.response IS NULL
		OR json_typeof(response) <> 'object'
		OR response ->> 'kind' IS DISTINCT FROM 'youtube#videoCategoryListResponse'
		OR json_typeof(response -> 'items') IS DISTINCT FROM 'array' THEN
		RAISE EXCEPTION 'response is not a videoCategoryListResponse'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give one videoCategories.list response of the YouTube Data API as json.';
	END IF;
	SELECT i.ordinality INTO n
	FROM json_array_elements(response -> 'items') WITH ORDINALITY i
	WHERE coalesce(i.value ->> 'id', '') !~ '^[0-9]{1,9}$'
		OR coalesce(i.value -> 'snippet' ->> 'title', '') = ''
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'item % of the response is not a video category', n
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Each item has an id, a whole number, and a snippet with a title.';
	END IF;
	INSERT INTO vvault.categories AS c (id, name)
	SELECT DISTINCT ON ((i.value ->> 'id')::integer)
		(i.value ->> 'id')::integer, i.value -> 'snippet' ->> 'title'
	FROM json_array_elements(response -> 'items') WITH ORDINALITY i
	ORDER BY (i.value ->> 'id')::integer, i.ordinality DESC
	ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name WHERE c.name <> EXCLUDED.name;
	RETURN (SELECT count(DISTINCT (i ->> 'id')::integer) FROM json_array_elements(response -> 'items') i);
EXCEPTION
	WHEN untranslatable_character OR invalid_text_representation THEN
		RAISE EXCEPTION 'response contains text that cannot be stored'
			USING ERRCODE = 'invalid_parameter_value', HINT = SQLERRM;
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_ingest_categories(json) IS
'Takes in the names of categories: a YouTube Data API v3 videoCategories.list response; returns how many it names.
Units and ranges: category ids are whole numbers of up to nine digits; the last of equal ids counts.
NULL: NULL is an error.
Errors: 22023 for a response that is not a videoCategoryListResponse or has an item without id or title: nothing is changed then.
Source: writes vvault.categories.';
