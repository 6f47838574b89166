-- The last job of a generation: what players read is stored beside the media,
-- and the generation is shown.

CREATE FUNCTION vvault_stream.stored_manifest(video_id text, generation integer, what text, rendition text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'vvault_stored_manifest'
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION vvault_stream.stored_manifest(text, integer, text, text) IS
'What the reader of this name (hls, hls_media, dash, storyboard, watch) answers once the generation is shown, byte by byte; NULL for nothing.';

-- All that finish stores: relative names, as the manifests have them.
CREATE FUNCTION vvault_stream.stored_objects(video_id text, generation integer,
	OUT name text, OUT content_type text, OUT body text) RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT o.name, o.content_type, o.body
	FROM (
		SELECT 1 AS i, 'master.m3u8' AS name, 'application/vnd.apple.mpegurl' AS content_type,
			vvault_stream.stored_manifest(stored_objects.video_id, stored_objects.generation, 'hls') AS body
		UNION ALL
		SELECT 2, r.name || '.m3u8', 'application/vnd.apple.mpegurl',
			vvault_stream.stored_manifest(r.video_id, r.generation, 'hls_media', r.name)
		FROM vvault_stream.renditions r
		WHERE r.video_id = stored_objects.video_id AND r.generation = stored_objects.generation
		UNION ALL
		SELECT 3, 'manifest.mpd', 'application/dash+xml',
			vvault_stream.stored_manifest(stored_objects.video_id, stored_objects.generation, 'dash')
		UNION ALL
		SELECT 4, 'storyboard.vtt', 'text/vtt; charset=utf-8',
			vvault_stream.stored_manifest(stored_objects.video_id, stored_objects.generation, 'storyboard')
		UNION ALL
		SELECT 5, 'watch.html', 'text/html; charset=utf-8',
			vvault_stream.stored_manifest(stored_objects.video_id, stored_objects.generation, 'watch')) o
	WHERE o.body IS NOT NULL ORDER BY o.i, o.name
$$;
COMMENT ON FUNCTION vvault_stream.stored_objects(text, integer) IS
'What is stored beside the media of a generation, so that it plays without a database behind the players.';

-- These have fixed names. Every attempt writes the same bytes.
CREATE FUNCTION vvault_stream.fixed_object(job json, g vvault_stream.generations, name text, content_type text)
RETURNS vvault_stream.media_objects
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO vvault_stream.media_objects AS o (video_id, object_key, generation, store, state, name, content_type, job_id)
	VALUES (g.video_id, format('%s/%s/%s', g.video_id, g.generation, fixed_object.name), g.generation,
		vvault_stream.default_store(), 'ordered', fixed_object.name, fixed_object.content_type, (job ->> 'job_id')::bigint)
	ON CONFLICT (video_id, object_key) DO UPDATE SET state = 'ordered', job_id = EXCLUDED.job_id
	RETURNING o
$$;
COMMENT ON FUNCTION vvault_stream.fixed_object(json, vvault_stream.generations, text, text) IS
'The object of a fixed name that a job writes.';

CREATE FUNCTION vvault_stream.finish_order(job json) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g vvault_stream.generations := vvault_stream.job_generation(job);
BEGIN
	RETURN json_build_object('do', 'put', 'objects', (
		SELECT json_agg(json_build_object('place', vvault_stream.writing_place(
				vvault_stream.fixed_object(job, g, s.name, s.content_type), octet_length(s.body)),
			'content_type', s.content_type, 'body', s.body))
		FROM vvault_stream.stored_objects(g.video_id, g.generation) s));
END
$$;
COMMENT ON FUNCTION vvault_stream.finish_order(json) IS
'The order of a job of the kind finish.';

-- What an older generation has is shown to those who play it until the grace
-- time is over. A source stays for as long as a generation is made of it.
CREATE FUNCTION vvault_stream.drop_older(video_id text, generation integer) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	older text[];
BEGIN
	UPDATE vvault_stream.generations g SET state = 'gone', failure = NULL
	WHERE g.video_id = drop_older.video_id AND g.generation < drop_older.generation AND g.source_key IS NOT NULL AND g.state <> 'gone';
	SELECT array_agg(o.object_key) INTO older FROM vvault_stream.media_objects o
	WHERE o.video_id = drop_older.video_id AND o.generation < drop_older.generation AND o.state <> 'deleting'
		AND NOT EXISTS (SELECT FROM vvault_stream.generations g
			WHERE g.video_id = o.video_id AND g.source_key = o.object_key AND g.state <> 'gone');
	IF older IS NOT NULL THEN
		PERFORM vvault_stream.delete_media(drop_older.video_id, older, vvault_stream.setting('grace_seconds')::double precision);
	END IF;
	DELETE FROM vvault_stream.renditions r WHERE r.video_id = drop_older.video_id AND r.generation < drop_older.generation;
	DELETE FROM vvault_stream.pictures p WHERE p.video_id = drop_older.video_id AND p.generation < drop_older.generation;
END
$$;
COMMENT ON FUNCTION vvault_stream.drop_older(text, integer) IS
'Has all objects of a video''s older generations deleted after the grace time.';

CREATE FUNCTION vvault_stream.show_generation(g vvault_stream.generations) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lasts double precision;
BEGIN
	SELECT coalesce(max(r.seconds) FILTER (WHERE r.kind = 'video'), max(r.seconds) FILTER (WHERE r.kind = 'audio')) INTO lasts
	FROM vvault_stream.renditions r WHERE r.video_id = g.video_id AND r.generation = g.generation;
	UPDATE vvault_stream.generations o SET state = 'ready', duration = lasts, ready_at = now(), failure = NULL
	WHERE o.video_id = g.video_id AND o.generation = g.generation;
	UPDATE vvault_stream.assets a
	SET generation = g.generation, state = 'ready', duration = lasts, source = g.source, uploaded_at = coalesce(g.uploaded_at, a.uploaded_at),
		ready_at = now(), published_at = coalesce(a.published_at, CASE WHEN a.access <> 'private' THEN now() END)
	WHERE a.video_id = g.video_id;
	PERFORM vvault_stream.drop_older(g.video_id, g.generation);
END
$$;
COMMENT ON FUNCTION vvault_stream.show_generation(vvault_stream.generations) IS
'Shows a generation that is whole, in place of the one before.';

CREATE FUNCTION vvault_stream.finish_done(job json, result json) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g vvault_stream.generations := vvault_stream.generation_of_job(job);
	missing text;
BEGIN
	IF g.video_id IS NULL OR g.state <> 'processing' THEN
		PERFORM vvault_stream.collect_job(job, NULL);
		RETURN;
	END IF;
	UPDATE vvault_stream.media_objects o
	SET state = 'stored', size = (r.value ->> 'size')::bigint, sha256 = r.value ->> 'sha256'
	FROM json_array_elements(CASE json_typeof(result -> 'objects') WHEN 'array' THEN result -> 'objects' ELSE '[]' END) r
	WHERE o.video_id = g.video_id AND o.object_key = r.value ->> 'object_key' AND o.job_id = (job ->> 'job_id')::bigint;
	SELECT string_agg(o.name, ', ' ORDER BY o.name) INTO missing FROM vvault_stream.media_objects o
	WHERE o.job_id = (job ->> 'job_id')::bigint AND o.state = 'ordered';
	IF result ->> 'failure' IS NOT NULL OR missing IS NOT NULL THEN
		PERFORM vvault_stream.fail_generation(g, coalesce(result ->> 'failure', format('%s could not be stored.', missing)),
			(job ->> 'job_id')::bigint);
	ELSE
		PERFORM vvault_stream.show_generation(g);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.finish_done(json, json) IS
'Ends a job of the kind finish: shows the generation, in the same transaction.';

INSERT INTO vvault_stream.job_kinds (kind, description, lease_seconds, max_attempts, shipped,
	order_schema, order_function, done_schema, done_function)
VALUES ('finish', 'stores the manifests of a video, and shows it', 60, 5, true,
	'vvault_stream', 'finish_order', 'vvault_stream', 'finish_done');
