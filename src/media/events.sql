-- What happens to a video is told: an event in the transaction of each step
-- that its owner's other programs may want to know of.

CREATE FUNCTION vvault_stream.asset_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.make_event(NEW.video_id,
		'asset.' || CASE NEW.state WHEN 'processing' THEN 'playable' ELSE NEW.state END, NEW.owner_id, json_build_object(
		'video_id', NEW.video_id, 'owner_id', NEW.owner_id, 'title', NEW.title, 'state', NEW.state, 'access', NEW.access,
		'generation', NEW.generation, 'duration', NEW.duration, 'failure', NEW.failure));
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.asset_event() IS
'Trigger on vvault_stream.assets: the events asset.created, asset.playable (before it is ready), asset.ready, asset.failed and asset.deleted.';

-- A row that a dump brings back was created at another time: it is no news.
CREATE TRIGGER asset_created AFTER INSERT ON vvault_stream.assets
FOR EACH ROW WHEN (NEW.state = 'created' AND NEW.created_at = now())
EXECUTE FUNCTION vvault_stream.asset_event();
CREATE TRIGGER asset_told AFTER UPDATE OF state, generation ON vvault_stream.assets
FOR EACH ROW WHEN (NEW.state IN ('ready', 'failed', 'deleted')
	AND (NEW.state <> OLD.state OR NEW.state = 'ready' AND NEW.generation <> OLD.generation)
	OR NEW.state = 'processing' AND NEW.generation <> OLD.generation)
EXECUTE FUNCTION vvault_stream.asset_event();
