-- Generations of a video: each is one upload, or one encoding of it anew. The
-- one that viewers see is assets.generation; the next one comes up beside it.

INSERT INTO vvault_stream.setting_defaults (name, value, least, greatest, whole, description) VALUES
	('segment_seconds', '4', 1, 10, false,
	 'seconds that a segment of a rendition lasts, rounded to whole pictures'),
	('order_url_seconds', '3600', 60, 604800, true,
	 'seconds for which the signed addresses in a worker''s order hold; each heartbeat renews them'),
	('grace_seconds', '86400', 0, 31536000, true,
	 'seconds after which objects that nobody shows any more are deleted: those of an old generation, and what a lost attempt left'),
	('source_seconds_limit', '43200', 1, 604800, true,
	 'the longest source that is processed, in seconds'),
	('early_seconds', '30', 0, 604800, true,
	 'a new video that lasts at least so many seconds is encoded in two steps, sound and 360p first, so that it plays early');

CREATE TABLE vvault_stream.generations (
	video_id text COLLATE "C" NOT NULL REFERENCES vvault_stream.assets ON DELETE CASCADE,
	generation integer NOT NULL CHECK (generation > 0),
	state text COLLATE "C" NOT NULL DEFAULT 'uploading'
		CHECK (state IN ('uploading', 'uploaded', 'processing', 'ready', 'failed', 'gone')),
	run integer NOT NULL DEFAULT 0 CHECK (run >= 0),
	store text COLLATE "C",
	source_key text COLLATE "C",
	source_size bigint CHECK (source_size >= 0),
	source_sha256 text COLLATE "C" CHECK (source_sha256 ~ '^[0-9a-f]{64}$'),
	demuxer text COLLATE "C",
	source jsonb CHECK (jsonb_typeof(source) = 'object'),
	formats jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(formats) = 'object'),
	duration double precision CHECK (duration >= 0 AND duration < 'Infinity'),
	failure text CHECK (octet_length(failure) BETWEEN 1 AND 10000),
	early text COLLATE "C" CHECK (early ~ '^early-[0-9]+$'),
	page text COLLATE "C" NOT NULL DEFAULT 'watch.html' CHECK (page ~ '^watch(-[0-9]+)?[.]html$'),
	protection text COLLATE "C" NOT NULL DEFAULT 'none'
		CHECK (protection IN ('none', 'aes128', 'clear_key', 'standard', 'premium')),
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	uploaded_at timestamptz,
	ready_at timestamptz,
	PRIMARY KEY (video_id, generation),
	CONSTRAINT generations_source CHECK (state = 'uploading' OR state = 'failed' OR source_key IS NOT NULL),
	CONSTRAINT generations_failed_why CHECK (state <> 'failed' OR failure IS NOT NULL)
);
COMMENT ON TABLE vvault_stream.generations IS
'Each upload of a video, and each encoding of it anew: its source and how far it is. run counts how often it was begun; what belongs to an earlier run is dropped. Dumped.';
COMMENT ON COLUMN vvault_stream.generations.state IS 'uploading, uploaded, processing, ready; failed; gone: its objects are deleted';
COMMENT ON COLUMN vvault_stream.generations.source IS 'what ffprobe said of the uploaded file';
COMMENT ON COLUMN vvault_stream.generations.formats IS 'what was asked of vvault_process';
COMMENT ON COLUMN vvault_stream.generations.early IS 'what the names of the stored manifests begin with while it is shown before it is whole; NULL before and after';
COMMENT ON COLUMN vvault_stream.generations.page IS 'the name of its stored page, another one each time that what the page says has changed';
COMMENT ON COLUMN vvault_stream.generations.protection IS 'how it is encrypted: the protection that its asset had when it was begun';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.generations', '');

CREATE TRIGGER generations_inserted AFTER INSERT ON vvault_stream.generations
REFERENCING NEW TABLE AS changed_rows
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.media_rows_changed();
CREATE TRIGGER generations_deleted AFTER DELETE ON vvault_stream.generations
REFERENCING OLD TABLE AS changed_rows
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.media_rows_changed();
CREATE TRIGGER generations_updated AFTER UPDATE ON vvault_stream.generations
REFERENCING NEW TABLE AS changed_rows
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.media_rows_changed();
CREATE TRIGGER generations_truncated AFTER TRUNCATE ON vvault_stream.generations
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.assets_truncated();

-- Every object that a video has or may have: a row is written before a worker
-- gets an address to write to, so that nothing is left in a store that nobody
-- knows of. lease and serial tell the attempts of a job apart.
CREATE TABLE vvault_stream.media_objects (
	video_id text COLLATE "C" NOT NULL,
	object_key text COLLATE "C" NOT NULL CHECK (octet_length(object_key) <= 1024),
	generation integer NOT NULL,
	store text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL CHECK (state IN ('ordered', 'stored', 'deleting')),
	name text COLLATE "C" NOT NULL,
	content_type text COLLATE "C",
	size bigint,
	sha256 text COLLATE "C",
	job_id bigint,
	lease uuid,
	serial integer,
	PRIMARY KEY (video_id, object_key)
);
COMMENT ON TABLE vvault_stream.media_objects IS
'Objects of videos: ordered (a worker may be writing it), stored, or deleting. Dumped.';
CREATE INDEX media_objects_job ON vvault_stream.media_objects (job_id) WHERE job_id IS NOT NULL;
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.media_objects', '');

CREATE TABLE vvault_stream.pictures (
	video_id text COLLATE "C" NOT NULL REFERENCES vvault_stream.assets ON DELETE CASCADE,
	generation integer NOT NULL CHECK (generation > 0),
	name text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,31}$'),
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('poster', 'storyboard')),
	object_key text COLLATE "C" NOT NULL CHECK (octet_length(object_key) <= 1024),
	width integer NOT NULL CHECK (width > 0),
	height integer NOT NULL CHECK (height > 0),
	tile_columns integer NOT NULL DEFAULT 1 CHECK (tile_columns BETWEEN 1 AND 100),
	tile_rows integer NOT NULL DEFAULT 1 CHECK (tile_rows BETWEEN 1 AND 100),
	tiles integer NOT NULL DEFAULT 1 CHECK (tiles >= 1 AND tiles <= tile_columns * tile_rows),
	tile_seconds double precision CHECK (tile_seconds > 0),
	size bigint NOT NULL CHECK (size > 0),
	PRIMARY KEY (video_id, generation, name),
	CHECK (kind <> 'storyboard' OR tile_seconds IS NOT NULL)
);
COMMENT ON TABLE vvault_stream.pictures IS
'Pictures of each generation of a video: its poster, and the storyboard, a sheet of tiles of width by height. Dumped.';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.pictures', '');

CREATE TRIGGER pictures_inserted AFTER INSERT ON vvault_stream.pictures
REFERENCING NEW TABLE AS changed_rows
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.media_rows_changed();
CREATE TRIGGER pictures_deleted AFTER DELETE ON vvault_stream.pictures
REFERENCING OLD TABLE AS changed_rows
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.media_rows_changed();
CREATE TRIGGER pictures_updated AFTER UPDATE ON vvault_stream.pictures
REFERENCING NEW TABLE AS changed_rows
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.media_rows_changed();
CREATE TRIGGER pictures_truncated AFTER TRUNCATE ON vvault_stream.pictures
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.assets_truncated();

-- A setting may change what every page shows.
CREATE TRIGGER settings_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vvault_stream.settings
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.assets_truncated();

CREATE FUNCTION vvault_stream.locked_asset(video_id text) RETURNS vvault_stream.assets
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	a vvault_stream.assets;
BEGIN
	SELECT o.* INTO a FROM vvault_stream.assets o WHERE o.video_id = locked_asset.video_id FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'video "%" does not exist', coalesce(left(locked_asset.video_id, 64), 'NULL')
			USING ERRCODE = 'PT404', HINT = 'vvault_create_asset makes one.';
	ELSIF a.state IN ('deleting', 'deleted') THEN
		RAISE EXCEPTION 'video "%" is being deleted', a.video_id
			USING ERRCODE = 'PT409', HINT = 'Create another asset.';
	END IF;
	RETURN a;
END
$$;
COMMENT ON FUNCTION vvault_stream.locked_asset(text) IS
'The row of a video, locked: PT404 where there is none, PT409 where it is being deleted.';

CREATE FUNCTION vvault_stream.newest_generation(video_id text) RETURNS vvault_stream.generations
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
DECLARE
	g vvault_stream.generations;
BEGIN
	SELECT o.* INTO g FROM vvault_stream.generations o WHERE o.video_id = newest_generation.video_id
	ORDER BY o.generation DESC LIMIT 1;
	RETURN g;
END
$$;
COMMENT ON FUNCTION vvault_stream.newest_generation(text) IS
'The last generation of a video, NULL before the first upload.';

-- Objects are never overwritten: what says another thing has another name.
CREATE FUNCTION vvault_stream.shown_files(video_id text, generation integer, OUT hls text, OUT dash text, OUT storyboard text,
	OUT watch text, OUT protection text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(g.early || '.m3u8', 'master.m3u8'),
		CASE WHEN g.protection = 'aes128' THEN NULL ELSE coalesce(g.early || '.mpd', 'manifest.mpd') END,
		CASE WHEN g.early IS NULL THEN 'storyboard.vtt' END, coalesce(g.early || '.html', g.page, 'watch.html'),
		coalesce(g.protection, 'none')
	FROM (SELECT 1) one LEFT JOIN vvault_stream.generations g
		ON g.video_id = shown_files.video_id AND g.generation = shown_files.generation
$$;
COMMENT ON FUNCTION vvault_stream.shown_files(text, integer) IS
'The names of the stored files that players of a generation begin with, in its folder; aes128 has none for DASH.';

CREATE FUNCTION vvault_stream.add_generation(video_id text) RETURNS integer
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO vvault_stream.generations (video_id, generation)
	SELECT a.video_id, greatest(a.generation, coalesce(max(g.generation), 0)) + 1
	FROM vvault_stream.assets a LEFT JOIN vvault_stream.generations g ON g.video_id = a.video_id
	WHERE a.video_id = add_generation.video_id GROUP BY a.video_id
	RETURNING generation
$$;
COMMENT ON FUNCTION vvault_stream.add_generation(text) IS
'Begins a video''s next generation; the caller has locked the asset.';

CREATE FUNCTION vvault_stream.open_generation(video_id text) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	a vvault_stream.assets := vvault_stream.locked_asset(open_generation.video_id);
	g vvault_stream.generations := vvault_stream.newest_generation(open_generation.video_id);
	opened integer := g.generation;
BEGIN
	IF g.state IN ('uploaded', 'processing') THEN
		RAISE EXCEPTION 'video "%" has a source already', a.video_id
			USING ERRCODE = 'PT409',
				HINT = 'Once it is ready, vvault_replace_source takes another.';
	ELSIF g.state = 'ready' AND a.state = 'ready' THEN
		RAISE EXCEPTION 'video "%" is ready', a.video_id
			USING ERRCODE = 'PT409',
				HINT = 'Call vvault_replace_source before another source is uploaded.';
	ELSIF g.state IS NULL OR g.state <> 'uploading' THEN
		opened := vvault_stream.add_generation(a.video_id);
	END IF;
	UPDATE vvault_stream.assets o SET state = 'uploading'
	WHERE o.video_id = a.video_id AND o.state IN ('created', 'failed');
	RETURN opened;
END
$$;
COMMENT ON FUNCTION vvault_stream.open_generation(text) IS
'The generation that an upload of a video is for; the asset goes to uploading where it is created or failed. PT409 where its source is there already.';

CREATE FUNCTION vvault_stream.source_stored(video_id text, generation integer, store text, object_key text, size bigint,
	sha256 text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	a vvault_stream.assets := vvault_stream.locked_asset(source_stored.video_id);
BEGIN
	UPDATE vvault_stream.generations g
	SET state = 'uploaded', store = source_stored.store, source_key = source_stored.object_key,
		source_size = source_stored.size, source_sha256 = lower(source_stored.sha256), uploaded_at = now(), failure = NULL
	WHERE g.video_id = a.video_id AND g.generation = source_stored.generation AND g.state IN ('uploading', 'failed', 'uploaded');
	IF NOT FOUND THEN
		RAISE EXCEPTION 'generation % of video "%" takes no source', source_stored.generation, a.video_id
			USING ERRCODE = 'PT409';
	END IF;
	INSERT INTO vvault_stream.media_objects AS o (video_id, object_key, generation, store, state, name, size, sha256)
	VALUES (a.video_id, source_stored.object_key, source_stored.generation, source_stored.store, 'stored', 'source',
		source_stored.size, lower(source_stored.sha256))
	ON CONFLICT (video_id, object_key) DO UPDATE SET state = 'stored', store = EXCLUDED.store, size = EXCLUDED.size, sha256 = EXCLUDED.sha256;
	IF a.state = 'created' THEN
		UPDATE vvault_stream.assets o SET state = 'uploading' WHERE o.video_id = a.video_id;
	END IF;
	UPDATE vvault_stream.assets o SET state = 'uploaded' WHERE o.video_id = a.video_id AND o.state IN ('uploading', 'failed');
END
$$;
COMMENT ON FUNCTION vvault_stream.source_stored(text, integer, text, text, bigint, text) IS
'Says that the source of a generation lies whole in a store; the asset goes to uploaded, unless an earlier generation of it is shown.';

CREATE FUNCTION vvault_stream.upload_failed(video_id text, generation integer, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	UPDATE vvault_stream.generations g SET state = 'failed', failure = left(upload_failed.reason, 2000)
	WHERE g.video_id = upload_failed.video_id AND g.generation = upload_failed.generation AND g.state = 'uploading';
	IF FOUND THEN
		UPDATE vvault_stream.assets a SET state = 'failed', failure = left(upload_failed.reason, 2000)
		WHERE a.video_id = upload_failed.video_id AND a.state = 'uploading';
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.upload_failed(text, integer, text) IS
'Says why an upload can never be completed: generation and asset are failed until another one begins.';

-- What the worker's orders are made of: places to read and to write.

CREATE FUNCTION vvault_stream.default_store() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT s.store FROM vvault_stream.a_store(NULL) s
$$;
COMMENT ON FUNCTION vvault_stream.default_store() IS
'The store that takes new objects; 42704 where there is none.';

CREATE FUNCTION vvault_stream.url_seconds() RETURNS integer
LANGUAGE sql STABLE
RETURN vvault_stream.setting('order_url_seconds')::integer;
COMMENT ON FUNCTION vvault_stream.url_seconds() IS
'For how long the signed addresses of an order hold.';

CREATE FUNCTION vvault_stream.source_place(g vvault_stream.generations) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN json_build_object(
		'url', vvault_stream.signed_url(g.store, 'GET', g.source_key, vvault_stream.url_seconds()),
		'size', g.source_size, 'sha256', g.source_sha256);
END
$$;
COMMENT ON FUNCTION vvault_stream.source_place(vvault_stream.generations) IS
'Where a worker reads a generation''s source.';

-- The same lease gets the same keys, another one new ones.
CREATE FUNCTION vvault_stream.object_for(job_id bigint, video_id text, generation integer, name text, extension text)
RETURNS vvault_stream.media_objects
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	its_lease uuid := (SELECT j.lease FROM vvault_stream.jobs j WHERE j.job_id = object_for.job_id);
	o vvault_stream.media_objects;
	n integer;
BEGIN
	SELECT m.* INTO o FROM vvault_stream.media_objects m
	WHERE m.job_id = object_for.job_id AND m.lease = its_lease AND m.name = object_for.name;
	IF FOUND THEN
		RETURN o;
	END IF;
	SELECT coalesce(max(m.serial), 0) + 1 INTO n FROM vvault_stream.media_objects m
	WHERE m.job_id = object_for.job_id AND m.name = object_for.name;
	INSERT INTO vvault_stream.media_objects AS m (video_id, object_key, generation, store, state, name, job_id, lease, serial)
	VALUES (object_for.video_id, format('%s/%s/%s-%s-%s.%s', object_for.video_id, object_for.generation, object_for.name,
			object_for.job_id, n, object_for.extension),
		object_for.generation, vvault_stream.default_store(), 'ordered', object_for.name, object_for.job_id, its_lease, n)
	RETURNING m.* INTO o;
	RETURN o;
END
$$;
COMMENT ON FUNCTION vvault_stream.object_for(bigint, text, integer, text, text) IS
'The object that a job''s present lease writes an output to.';

-- How large an output is, the worker knows when it is written: S3 takes one that
-- is larger than "above" in parts alone.
CREATE FUNCTION vvault_stream.writing_place(o vvault_stream.media_objects, may_be_large boolean) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s vvault_stream.stores;
	single json := json_build_object('url', vvault_stream.signed_url(o.store, 'PUT', o.object_key, vvault_stream.url_seconds()));
BEGIN
	IF may_be_large THEN
		SELECT t.* INTO s FROM vvault_stream.stores t WHERE t.store = o.store;
	END IF;
	IF s.kind = 's3' THEN
		RETURN json_build_object('object_key', o.object_key, 'put', single, 'multipart', json_build_object(
			'above', s.large_object, 'part_size', s.part_size,
			'create', json_build_object('method', 'POST', 'url', vvault_stream.signed_url(o.store, 'POST', o.object_key,
				vvault_stream.url_seconds(), NULL, 'uploads='))));
	END IF;
	RETURN json_build_object('object_key', o.object_key, 'put', single);
END
$$;
COMMENT ON FUNCTION vvault_stream.writing_place(vvault_stream.media_objects, boolean) IS
'Where a worker writes an object: by one request, or where it may be large and the store speaks S3 in parts.';

--
-- Deleting
--

CREATE FUNCTION vvault_stream.delete_media(video_id text, keys text[], delay_seconds double precision) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	batch json;
	owner text := (SELECT a.owner_id FROM vvault_stream.assets a WHERE a.video_id = delete_media.video_id);
	jobs bigint[] := '{}';
BEGIN
	UPDATE vvault_stream.media_objects o SET state = 'deleting'
	WHERE o.video_id = delete_media.video_id AND o.object_key = ANY (keys);
	FOR batch IN
		SELECT json_agg(json_build_object('store', n.store, 'object_key', n.object_key) ORDER BY n.i)
		FROM (SELECT o.store, o.object_key, row_number() OVER (ORDER BY o.object_key) AS i
			FROM vvault_stream.media_objects o
			WHERE o.video_id = delete_media.video_id AND o.object_key = ANY (keys)) n
		GROUP BY (n.i - 1) / 500 ORDER BY (n.i - 1) / 500
	LOOP
		jobs := jobs || (vvault_stream.enqueue_slowly('delete_objects', json_build_object('objects', batch),
			delete_media.video_id, coalesce(owner, ''), 0, delay_seconds, NULL, NULL, NULL, 1000) ->> 'job_id')::bigint;
	END LOOP;
	RETURN jobs;
END
$$;
COMMENT ON FUNCTION vvault_stream.delete_media(text, text[], double precision) IS
'Has objects of a video deleted after so many seconds; returns the jobs that do it.';

CREATE FUNCTION vvault_stream.delete_order(job json) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN json_build_object('do', 'delete', 'urls', (
		SELECT coalesce(json_agg(vvault_stream.signed_url(o.value ->> 'store', 'DELETE', o.value ->> 'object_key',
			vvault_stream.url_seconds(), NULL, coalesce(o.value ->> 'query', '')) ORDER BY o.i), '[]')
		FROM json_array_elements(job -> 'args' -> 'objects') WITH ORDINALITY o (value, i)));
END
$$;
COMMENT ON FUNCTION vvault_stream.delete_order(json) IS
'The order of a job of the kind delete_objects.';

-- A key goes when nothing is left of what was encrypted under it.
CREATE FUNCTION vvault_stream.forget_content_keys(video_id text) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM vvault_stream.content_keys k
	WHERE k.video_id = forget_content_keys.video_id
		AND EXISTS (SELECT FROM vvault_stream.generations g
			WHERE g.video_id = k.video_id AND g.generation = k.generation AND g.state = 'gone')
		AND NOT EXISTS (SELECT FROM vvault_stream.media_objects o
			WHERE o.video_id = k.video_id AND o.generation = k.generation AND o.name NOT IN ('source', 'parts'))
$$;
COMMENT ON FUNCTION vvault_stream.forget_content_keys(text) IS
'Deletes the keys of a video''s generations that are gone.';

-- The last object of a video that is being deleted makes it deleted.
CREATE FUNCTION vvault_stream.delete_done(job json, result json) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v text := job ->> 'video_id';
BEGIN
	PERFORM FROM vvault_stream.assets a WHERE a.video_id = v FOR UPDATE;
	DELETE FROM vvault_stream.media_objects o USING json_array_elements(job -> 'args' -> 'objects') d
	WHERE o.video_id = v AND o.object_key = d ->> 'object_key' AND o.state = 'deleting';
	UPDATE vvault_stream.assets a SET state = 'deleted'
	WHERE a.video_id = v AND a.state = 'deleting'
		AND NOT EXISTS (SELECT FROM vvault_stream.media_objects o WHERE o.video_id = v);
	PERFORM vvault_stream.forget_content_keys(v);
END
$$;
COMMENT ON FUNCTION vvault_stream.delete_done(json, json) IS
'Ends a job of the kind delete_objects: the rows of what is gone go, too.';
