-- Videos of one's own, and their versions. A video's id leads every key that
-- belongs to a video, and never changes in a row.

-- The default is 64 random bits in base64url. It calls nothing of ours, so that
-- whoever may insert needs no other right.
CREATE TABLE vvault_stream.assets (
	video_id text COLLATE "C" PRIMARY KEY
		DEFAULT translate(left(encode(substring(sha256(uuid_send(gen_random_uuid())) FROM 1 FOR 8), 'base64'), 11), '+/', '-_')
		CHECK (video_id ~ '^[A-Za-z0-9_-]{1,64}$' AND video_id <> 'site'),
	owner_id text COLLATE "C" NOT NULL CHECK (octet_length(owner_id) BETWEEN 1 AND 255),
	title text NOT NULL DEFAULT '' CHECK (char_length(title) <= 300),
	description text NOT NULL DEFAULT '' CHECK (char_length(description) <= 10000),
	tags text[] NOT NULL DEFAULT '{}'
		CHECK (CASE WHEN array_ndims(tags) > 1 THEN false ELSE cardinality(tags) <= 100 AND array_position(tags, NULL) IS NULL
			AND octet_length(tags::text) <= 10000 END),
	category_id integer NOT NULL DEFAULT 0 CHECK (category_id >= 0),
	content_language text CHECK (content_language ~ '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,6}$'),
	state text COLLATE "C" NOT NULL DEFAULT 'created'
		CHECK (state IN ('created', 'uploading', 'uploaded', 'processing', 'ready', 'failed', 'deleting', 'deleted')),
	access text COLLATE "C" NOT NULL DEFAULT 'private'
		CHECK (access IN ('public', 'unlisted', 'token', 'private')),
	protection text COLLATE "C" NOT NULL DEFAULT 'none'
		CHECK (protection IN ('none', 'aes128', 'clear_key', 'standard', 'premium')),
	generation integer NOT NULL DEFAULT 0 CHECK (generation >= 0),
	duration double precision CHECK (duration >= 0 AND duration < 'Infinity'),
	source jsonb CHECK (jsonb_typeof(source) = 'object'),
	failure text CHECK (octet_length(failure) BETWEEN 1 AND 10000),
	metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 65536),
	created_at timestamptz NOT NULL DEFAULT now()
		CHECK (created_at >= '0001-01-01 00:00Z' AND created_at < '9999-12-31 00:00Z'),
	uploaded_at timestamptz CHECK (uploaded_at >= '0001-01-01 00:00Z' AND uploaded_at < '9999-12-31 00:00Z'),
	ready_at timestamptz CHECK (ready_at >= '0001-01-01 00:00Z' AND ready_at < '9999-12-31 00:00Z'),
	published_at timestamptz CHECK (published_at >= '0001-01-01 00:00Z' AND published_at < '9999-12-31 00:00Z'),
	CONSTRAINT assets_ready_generation CHECK (state <> 'ready' OR generation > 0),
	CONSTRAINT assets_failed_why CHECK (state <> 'failed' OR failure IS NOT NULL)
);
COMMENT ON TABLE vvault_stream.assets IS
'A row for each video of one''s own: what its owner says of it, how far it is on the way from the upload to the viewer, who may watch it. Dumped.';
COMMENT ON COLUMN vvault_stream.assets.video_id IS 'given, or 11 random characters; it is part of the paths of the video''s objects';
COMMENT ON COLUMN vvault_stream.assets.owner_id IS 'whose video it is: the subject of a token';
COMMENT ON COLUMN vvault_stream.assets.content_language IS 'BCP 47';
COMMENT ON COLUMN vvault_stream.assets.state IS 'created, uploading, uploaded, processing, ready; failed; deleting, deleted';
COMMENT ON COLUMN vvault_stream.assets.access IS 'public: listed and watched by all; unlisted: watched by who knows the id; token: with a token for it; private: by its owner';
COMMENT ON COLUMN vvault_stream.assets.protection IS 'none, aes128 (HLS alone), clear_key, standard, premium';
COMMENT ON COLUMN vvault_stream.assets.generation IS 'which generation of its objects is shown; 0 before the first is ready; it never goes back';
COMMENT ON COLUMN vvault_stream.assets.duration IS 'seconds';
COMMENT ON COLUMN vvault_stream.assets.source IS 'what ffprobe said of the uploaded file';
COMMENT ON COLUMN vvault_stream.assets.failure IS 'why it failed, last';
COMMENT ON COLUMN vvault_stream.assets.metadata IS 'the owner''s own';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.assets', '');

CREATE TABLE vvault_stream.asset_versions (
	video_id text COLLATE "C" NOT NULL,
	written_by text COLLATE "C" NOT NULL,
	version uuid NOT NULL,
	PRIMARY KEY (video_id, written_by)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 20, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON TABLE vvault_stream.asset_versions IS
'A reply about a video is as old as all its versions here, one for each room whose rows changed, and the version of the row (site, site), which belongs to every video. Not dumped.';

INSERT INTO vvault_stream.asset_versions (video_id, written_by, version)
VALUES ('site', 'site', pg_catalog.gen_random_uuid());

--
-- Versions. They change in the order of the ids, so that writers of the same
-- videos wait for each other and for nothing else. A row that was deleted
-- leaves its version: what is gone is another state than what never was.
--

CREATE FUNCTION vvault_stream.bump_site() RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO vvault_stream.asset_versions AS a (video_id, written_by, version)
	VALUES ('site', 'site', gen_random_uuid())
	ON CONFLICT (video_id, written_by) DO UPDATE SET version = EXCLUDED.version
$$;
COMMENT ON FUNCTION vvault_stream.bump_site() IS
'A new version for every reply about any video.';

-- Serves INSERT and DELETE: their transition tables have one name.
CREATE FUNCTION vvault_stream.assets_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO vvault_stream.asset_versions AS a (video_id, written_by, version)
	SELECT c.video_id, 'media', gen_random_uuid() FROM changed_rows c ORDER BY c.video_id
	ON CONFLICT (video_id, written_by) DO UPDATE SET version = EXCLUDED.version;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.assets_changed() IS
'Trigger on vvault_stream.assets for INSERT and DELETE: versions.';

CREATE FUNCTION vvault_stream.assets_updated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO vvault_stream.asset_versions AS a (video_id, written_by, version)
	SELECT n.video_id, 'media', gen_random_uuid()
	FROM (SELECT * FROM new_rows EXCEPT ALL SELECT * FROM old_rows) n ORDER BY n.video_id
	ON CONFLICT (video_id, written_by) DO UPDATE SET version = EXCLUDED.version;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.assets_updated() IS
'Trigger on vvault_stream.assets for UPDATE: versions of the videos whose rows differ.';

CREATE FUNCTION vvault_stream.assets_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.bump_site();
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.assets_truncated() IS
'Trigger on vvault_stream.assets for TRUNCATE: a new version for all.';

CREATE TRIGGER assets_inserted AFTER INSERT ON vvault_stream.assets
REFERENCING NEW TABLE AS changed_rows
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.assets_changed();
CREATE TRIGGER assets_deleted AFTER DELETE ON vvault_stream.assets
REFERENCING OLD TABLE AS changed_rows
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.assets_changed();
CREATE TRIGGER assets_updated AFTER UPDATE ON vvault_stream.assets
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.assets_updated();
CREATE TRIGGER assets_truncated AFTER TRUNCATE ON vvault_stream.assets
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.assets_truncated();

--
-- States
--

CREATE FUNCTION vvault_stream.next_states(state text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE state
	WHEN 'created' THEN ARRAY['uploading', 'deleting']
	WHEN 'uploading' THEN ARRAY['uploaded', 'failed', 'deleting']
	WHEN 'uploaded' THEN ARRAY['processing', 'failed', 'deleting']
	WHEN 'processing' THEN ARRAY['ready', 'failed', 'deleting']
	WHEN 'ready' THEN ARRAY['deleting']
	WHEN 'failed' THEN ARRAY['uploading', 'uploaded', 'processing', 'deleting']
	WHEN 'deleting' THEN ARRAY['deleted']
	ELSE '{}'
END;
COMMENT ON FUNCTION vvault_stream.next_states(text) IS
'The states that an asset may go to; none for a state that is the last, or unknown.';

CREATE FUNCTION vvault_stream.asset_stepped() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	possible text[] := vvault_stream.next_states(OLD.state);
BEGIN
	IF NEW.video_id <> OLD.video_id THEN
		RAISE EXCEPTION 'id of video "%" cannot change', OLD.video_id
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Its objects have the id in their paths; create another asset.';
	END IF;
	IF NEW.generation < OLD.generation THEN
		RAISE EXCEPTION 'generation of video "%" cannot go back from % to %', OLD.video_id, OLD.generation, NEW.generation
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Make a new generation of the old source.';
	END IF;
	IF NEW.state = OLD.state THEN
		RETURN NEW;
	END IF;
	IF NEW.state <> ALL (possible) THEN
		RAISE EXCEPTION 'video "%" cannot go from state % to %', OLD.video_id, OLD.state, left(NEW.state, 64)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = CASE WHEN possible = '{}' THEN format('%s is the last state.', OLD.state)
					ELSE format('Possible from %s: %s.', OLD.state, array_to_string(possible, ', ')) END;
	END IF;
	IF OLD.state = 'failed' AND NEW.state <> 'deleting' THEN
		NEW.failure := NULL;
	END IF;
	IF NEW.state = 'uploaded' AND NEW.uploaded_at IS NOT DISTINCT FROM OLD.uploaded_at THEN
		NEW.uploaded_at := now();
	ELSIF NEW.state = 'ready' AND NEW.ready_at IS NOT DISTINCT FROM OLD.ready_at THEN
		NEW.ready_at := now();
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION vvault_stream.asset_stepped() IS
'Trigger on vvault_stream.assets: refuses steps between states that are none, and notes when a video was uploaded and ready.';

CREATE TRIGGER asset_stepped BEFORE UPDATE OF video_id, state, generation ON vvault_stream.assets
FOR EACH ROW EXECUTE FUNCTION vvault_stream.asset_stepped();
