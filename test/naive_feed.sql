--
-- naive_feed.sql
--		The feed in naive SQL: what tests compare vvault_trending() with.
--
-- For \ir in a script of psql, in a database that has vvault in a schema of the
-- search_path. A new order of the feed says here what it sorts by.
--

-- The orders of the feed: the choices of default_sort.
CREATE FUNCTION pg_temp.orders() RETURNS SETOF text LANGUAGE sql STABLE AS $$
	SELECT unnest(d.choices) FROM vvault.setting_defaults d WHERE d.name = 'default_sort'
$$;

-- Whether an order moves with the clock: its pages say which instant they are of.
CREATE FUNCTION pg_temp.moves(sort text) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT vvault_trending((SELECT min(e.region) FROM vvault.effective_regions e WHERE e.enabled), 1, moves.sort)
		::jsonb ? 'as_of'
$$;

CREATE FUNCTION pg_temp.no_key(sort text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RAISE EXCEPTION 'test/naive_feed.sql does not say what a feed by % sorts by', sort;
END
$$;

-- A region's feed from its top. A video's key is the one of number, whole and
-- instant that is not null; as_of is the instant of an order that moves.
CREATE FUNCTION pg_temp.naive_feed(region text, sort text, as_of timestamptz DEFAULT NULL,
	per_channel integer DEFAULT NULL, per_category integer DEFAULT NULL)
RETURNS TABLE (video_id text, number double precision, whole bigint, instant timestamptz, place bigint)
LANGUAGE sql STABLE AS $$
	SELECT f.video_id, f.number, f.whole, f.instant, f.place
	FROM (SELECT k.*, row_number() OVER (ORDER BY k.number DESC, k.whole DESC, k.instant DESC, k.video_id COLLATE "C") AS place,
			row_number() OVER (PARTITION BY k.channel_id
				ORDER BY k.number DESC, k.whole DESC, k.instant DESC, k.video_id COLLATE "C") AS in_channel,
			row_number() OVER (PARTITION BY k.category_id
				ORDER BY k.number DESC, k.whole DESC, k.instant DESC, k.video_id COLLATE "C") AS in_category
		FROM (SELECT v.video_id, v.channel_id, v.category_id,
				CASE naive_feed.sort
					WHEN 'engagement' THEN coalesce(vvault_engagement_rate(v.likes, v.views), 0)
					WHEN 'virality' THEN v.virality_score
					WHEN 'momentum' THEN v.momentum_score
					WHEN 'hot' THEN vvault_hot_score(v.likes, coalesce(v.published_at, v.first_seen_at))
					WHEN 'trending' THEN vvault_trending_base(v.velocity, v.views, v.likes, v.comments)
						+ vvault_trending_score(0, 0, interval '0', 0, 0, coalesce(v.published_at, v.first_seen_at), naive_feed.as_of)
				END AS number,
				CASE naive_feed.sort WHEN 'views' THEN coalesce(v.views, -1) END AS whole,
				CASE naive_feed.sort WHEN 'newest' THEN coalesce(v.published_at, v.first_seen_at) END AS instant
			FROM vvault.videos v
			WHERE v.region = naive_feed.region AND (v.charted OR naive_feed.sort IN ('views', 'newest')) AND v.gone_at IS NULL
				AND (v.live IS DISTINCT FROM 'upcoming' OR naive_feed.sort IN ('views', 'engagement', 'virality'))) k
		WHERE coalesce(k.number::text, k.whole::text, k.instant::text) IS NOT NULL OR pg_temp.no_key(naive_feed.sort)) f
	WHERE (naive_feed.per_channel IS NULL OR f.channel_id = '' OR f.in_channel <= naive_feed.per_channel)
		AND (naive_feed.per_category IS NULL OR f.in_category <= naive_feed.per_category)
$$;

-- Its ids in their order.
CREATE FUNCTION pg_temp.naive_ids(region text, sort text, as_of timestamptz DEFAULT NULL,
	per_channel integer DEFAULT NULL, per_category integer DEFAULT NULL) RETURNS text[]
LANGUAGE sql STABLE AS $$
	SELECT array_agg(f.video_id ORDER BY f.place) FROM pg_temp.naive_feed(region, sort, as_of, per_channel, per_category) f
$$;

CREATE FUNCTION pg_temp.page_ids(page json) RETURNS text[] LANGUAGE sql AS $$
	SELECT ARRAY(SELECT v ->> 'video_id' FROM json_array_elements(page -> 'videos') v)
$$;

-- The ids that vvault_trending() gives, page behind page, and the instant of an
-- order that moves.
CREATE FUNCTION pg_temp.walk(region text, sort text, page_size integer, per_channel integer DEFAULT NULL,
	per_category integer DEFAULT NULL, OUT ids text[], OUT as_of timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
	page json;
	next text;
BEGIN
	LOOP
		page := vvault_trending(region, page_size, sort, next, per_channel, per_category);
		IF (page ->> 'total')::integer <> json_array_length(page -> 'videos') THEN
			RAISE 'total is not the number of videos';
		END IF;
		ids := ids || pg_temp.page_ids(page);
		as_of := coalesce(as_of, (page ->> 'as_of')::timestamptz);
		next := page ->> 'next_cursor';
		EXIT WHEN next IS NULL;
	END LOOP;
	ids := nullif(ids, '{}');
END
$$;
