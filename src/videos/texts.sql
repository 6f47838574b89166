-- Earlier texts: what a video was called before a newer response said otherwise,
-- for feeds as they stood at an instant. Figures are in the snapshots; texts
-- hardly ever change, so they are kept where they do.

CREATE TABLE vvault.earlier_texts (
	region text COLLATE "C" NOT NULL,
	video_id text COLLATE "C" NOT NULL,
	replaced_at timestamptz NOT NULL,
	title text NOT NULL,
	channel_id text NOT NULL,
	channel_title text NOT NULL,
	content_language text,
	thumbnail_url text NOT NULL,
	published_at timestamptz,
	live text,
	scheduled_at timestamptz,
	PRIMARY KEY (region, video_id, replaced_at)
);
COMMENT ON TABLE vvault.earlier_texts IS
'What a row of vvault.videos said until a newer observation said otherwise: for the feed as it stood at an instant. Written by triggers alone, dropped by vvault_prune() and with the video. Dumped.';
COMMENT ON COLUMN vvault.earlier_texts.replaced_at IS 'the instant of the observation that said otherwise';
SELECT pg_catalog.pg_extension_config_dump('vvault.earlier_texts', '');

CREATE FUNCTION vvault.texts_replaced() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO vvault.earlier_texts (region, video_id, replaced_at, title, channel_id, channel_title,
		content_language, thumbnail_url, published_at, live, scheduled_at)
	VALUES (OLD.region, OLD.video_id, NEW.fetched_at, OLD.title, OLD.channel_id, OLD.channel_title,
		OLD.content_language, OLD.thumbnail_url, OLD.published_at, OLD.live, OLD.scheduled_at)
	ON CONFLICT DO NOTHING;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.texts_replaced() IS
'Trigger on rows of vvault.videos for UPDATE: keeps texts that a newer observation replaces.';

CREATE FUNCTION vvault.texts_dropped() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		DELETE FROM vvault.earlier_texts;
		RETURN NULL;
	END IF;
	DELETE FROM vvault.earlier_texts t USING changed_rows c
	WHERE t.region = c.region AND t.video_id = c.video_id
		AND NOT EXISTS (SELECT FROM vvault.videos v WHERE v.region = c.region AND v.video_id = c.video_id);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.texts_dropped() IS
'Trigger on vvault.videos for DELETE and TRUNCATE: nothing is kept of a video that is dropped.';

CREATE TRIGGER videos_texts_replaced AFTER UPDATE ON vvault.videos
	FOR EACH ROW WHEN (OLD.fetched_at < NEW.fetched_at
		AND (OLD.title, OLD.channel_id, OLD.channel_title, OLD.content_language, OLD.thumbnail_url, OLD.published_at,
				OLD.live, OLD.scheduled_at)
			IS DISTINCT FROM (NEW.title, NEW.channel_id, NEW.channel_title, NEW.content_language, NEW.thumbnail_url,
				NEW.published_at, NEW.live, NEW.scheduled_at))
	EXECUTE FUNCTION vvault.texts_replaced();
CREATE TRIGGER videos_deleted_texts AFTER DELETE ON vvault.videos
	REFERENCING OLD TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.texts_dropped();
CREATE TRIGGER videos_truncated_texts AFTER TRUNCATE ON vvault.videos
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.texts_dropped();
