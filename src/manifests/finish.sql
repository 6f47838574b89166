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

-- What a generation plays by before it is whole. Names and bytes are those of the
-- job, so that nothing is overwritten when the rest is there. The playlists of
-- the renditions stay as they are.
CREATE FUNCTION vvault_stream.early_objects(video_id text, generation integer, early text,
	OUT name text, OUT content_type text, OUT body text) RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT o.name, o.content_type, o.body
	FROM (
		SELECT 1 AS i, early_objects.early || '.m3u8' AS name, 'application/vnd.apple.mpegurl' AS content_type,
			vvault_stream.stored_manifest(early_objects.video_id, early_objects.generation, 'early_hls') AS body
		UNION ALL
		SELECT 2, r.name || '.m3u8', 'application/vnd.apple.mpegurl',
			vvault_stream.stored_manifest(r.video_id, r.generation, 'hls_media', r.name)
		FROM vvault_stream.renditions r
		WHERE r.video_id = early_objects.video_id AND r.generation = early_objects.generation AND r.early
		UNION ALL
		SELECT 3, early_objects.early || '.mpd', 'application/dash+xml',
			vvault_stream.stored_manifest(early_objects.video_id, early_objects.generation, 'early_dash')
		UNION ALL
		SELECT 4, early_objects.early || '.html', 'text/html; charset=utf-8',
			vvault_stream.stored_manifest(early_objects.video_id, early_objects.generation, 'early_watch', early_objects.early)) o
	WHERE o.body IS NOT NULL ORDER BY o.i, o.name
$$;
COMMENT ON FUNCTION vvault_stream.early_objects(text, integer, text) IS
'What is stored of a generation so that it plays before it is whole.';

-- What a job of the kind finish stores: of a whole generation, without what was
-- stored when it was shown early; of one that is shown early; or its page anew.
CREATE FUNCTION vvault_stream.objects_to_store(job json, g vvault_stream.generations,
	OUT name text, OUT content_type text, OUT body text) RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT s.* FROM vvault_stream.stored_objects((g).video_id, (g).generation) s
	WHERE coalesce(job -> 'args' ->> 'part', 'all') = 'all' AND NOT EXISTS (
		SELECT FROM vvault_stream.media_objects o
		WHERE o.video_id = (g).video_id AND o.object_key = format('%s/%s/%s', (g).video_id, (g).generation, s.name)
			AND o.state = 'stored' AND (g).early IS NOT NULL AND o.job_id IS DISTINCT FROM (job ->> 'job_id')::bigint)
	UNION ALL
	SELECT s.* FROM vvault_stream.early_objects((g).video_id, (g).generation, 'early-' || (job ->> 'job_id')) s
	WHERE job -> 'args' ->> 'part' = 'early'
	UNION ALL
	SELECT format('watch-%s.html', job ->> 'job_id'), 'text/html; charset=utf-8', p.body
	FROM (SELECT vvault_stream.stored_manifest((g).video_id, (g).generation, 'watch') AS body) p
	WHERE job -> 'args' ->> 'part' = 'page' AND (g).state = 'ready' AND p.body IS NOT NULL
$$;
COMMENT ON FUNCTION vvault_stream.objects_to_store(json, vvault_stream.generations) IS
'The names, types and bytes of what a job of the kind finish stores.';

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
		SELECT coalesce(json_agg(json_build_object('place', vvault_stream.writing_place(
				vvault_stream.fixed_object(job, g, s.name, s.content_type), false),
			'content_type', s.content_type, 'body', s.body)), '[]')
		FROM vvault_stream.objects_to_store(job, g) s));
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
	PERFORM vvault_stream.forget_content_keys(drop_older.video_id);
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
	UPDATE vvault_stream.generations o SET state = 'ready', duration = lasts, ready_at = now(), failure = NULL, early = NULL
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

-- Where a whole generation is shown nobody gets a lesser one.
CREATE FUNCTION vvault_stream.show_early(g vvault_stream.generations, early text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lasts double precision := (SELECT max(r.seconds) FROM vvault_stream.renditions r
		WHERE r.video_id = g.video_id AND r.generation = g.generation AND r.early AND r.kind = 'video');
BEGIN
	IF NOT EXISTS (SELECT FROM vvault_stream.assets a WHERE a.video_id = g.video_id AND a.generation = 0) THEN
		RETURN;
	END IF;
	UPDATE vvault_stream.generations o SET early = show_early.early
	WHERE o.video_id = g.video_id AND o.generation = g.generation;
	UPDATE vvault_stream.assets a
	SET generation = g.generation, duration = lasts, source = g.source,
		published_at = coalesce(a.published_at, CASE WHEN a.access <> 'private' THEN now() END)
	WHERE a.video_id = g.video_id;
END
$$;
COMMENT ON FUNCTION vvault_stream.show_early(vvault_stream.generations, text) IS
'Shows the first generation of a video with what there is of it.';

CREATE FUNCTION vvault_stream.end_early(g vvault_stream.generations, but bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.cancel_run(g.video_id, g.generation, 'its video is whole', but);
	PERFORM vvault_stream.delete_media(g.video_id, ARRAY(SELECT o.object_key FROM vvault_stream.media_objects o
		WHERE o.video_id = g.video_id AND o.generation = g.generation AND o.name LIKE 'early-%' AND o.state <> 'deleting'),
		vvault_stream.setting('grace_seconds')::double precision);
END
$$;
COMMENT ON FUNCTION vvault_stream.end_early(vvault_stream.generations, bigint) IS
'Ends what showed a generation, as it was before, early: jobs but one, and after the grace time its manifests.';

-- What a job stored; what it was to store and did not, as a sentence, or NULL.
CREATE FUNCTION vvault_stream.storing_problem(job json, result json) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing text;
BEGIN
	UPDATE vvault_stream.media_objects o
	SET state = 'stored', size = (r.value ->> 'size')::bigint, sha256 = r.value ->> 'sha256'
	FROM json_array_elements(CASE json_typeof(result -> 'objects') WHEN 'array' THEN result -> 'objects' ELSE '[]' END) r
	WHERE o.video_id = job ->> 'video_id' AND o.object_key = r.value ->> 'object_key' AND o.job_id = (job ->> 'job_id')::bigint;
	SELECT string_agg(o.name, ', ' ORDER BY o.name) INTO missing FROM vvault_stream.media_objects o
	WHERE o.job_id = (job ->> 'job_id')::bigint AND o.state = 'ordered';
	RETURN coalesce(result ->> 'failure', missing || ' could not be stored.');
END
$$;
COMMENT ON FUNCTION vvault_stream.storing_problem(json, json) IS
'Notes what a job of the kind finish stored; returns what went wrong, as a sentence, or NULL.';

-- A page says a video's title: it is stored anew, under another name, when that
-- has changed, also while the page before was on its way.
CREATE FUNCTION vvault_stream.renew_page(video_id text, generation integer) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	stored text := (SELECT o.sha256 FROM vvault_stream.media_objects o
		WHERE o.video_id = renew_page.video_id AND o.state = 'stored' AND o.object_key = format('%s/%s/%s', renew_page.video_id,
			renew_page.generation, (SELECT f.watch FROM vvault_stream.shown_files(renew_page.video_id, renew_page.generation) f)));
	owner text := (SELECT a.owner_id FROM vvault_stream.assets a WHERE a.video_id = renew_page.video_id);
BEGIN
	IF lower(stored) <> encode(sha256(convert_to(
			vvault_stream.stored_manifest(renew_page.video_id, renew_page.generation, 'watch'), 'UTF8')), 'hex') THEN
		PERFORM vvault_stream.enqueue_slowly('finish', json_build_object('part', 'page', 'generation', renew_page.generation),
			renew_page.video_id, owner, 0, 0, NULL, 'page ' || renew_page.video_id, NULL, 100);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.renew_page(text, integer) IS
'Has the page of a video stored anew where the stored one says something else.';

CREATE FUNCTION vvault_stream.asset_page_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.renew_page(NEW.video_id, NEW.generation);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.asset_page_changed() IS
'Trigger on vvault_stream.assets: what a stored page says has changed.';

CREATE TRIGGER asset_page_changed AFTER UPDATE OF title, description, content_language ON vvault_stream.assets
FOR EACH ROW WHEN (NEW.state = 'ready'
	AND (NEW.title, NEW.description, NEW.content_language) IS DISTINCT FROM (OLD.title, OLD.description, OLD.content_language))
EXECUTE FUNCTION vvault_stream.asset_page_changed();

-- The page that a job stored is the video's from now on, unless a later job was
-- faster. The one before goes after the grace time.
CREATE FUNCTION vvault_stream.page_done(job json, result json) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g vvault_stream.generations;
	its_page text := format('watch-%s.html', job ->> 'job_id');
BEGIN
	PERFORM FROM vvault_stream.assets a WHERE a.video_id = job ->> 'video_id' FOR NO KEY UPDATE;
	SELECT o.* INTO g FROM vvault_stream.generations o JOIN vvault_stream.assets a ON a.video_id = o.video_id
	WHERE o.video_id = job ->> 'video_id' AND o.generation = (job -> 'args' ->> 'generation')::integer
		AND a.generation = o.generation AND a.state = 'ready'
		AND coalesce(substring(o.page FROM '[0-9]+')::bigint, 0) < (job ->> 'job_id')::bigint
	FOR NO KEY UPDATE OF o;
	IF g.video_id IS NULL OR json_array_length(coalesce(result -> 'objects', '[]')) = 0
		OR vvault_stream.storing_problem(job, result) IS NOT NULL
	THEN
		PERFORM vvault_stream.collect_job(job, NULL);
		RETURN;
	END IF;
	UPDATE vvault_stream.generations o SET page = its_page WHERE o.video_id = g.video_id AND o.generation = g.generation;
	PERFORM vvault_stream.delete_media(g.video_id, ARRAY[format('%s/%s/%s', g.video_id, g.generation, g.page)],
		vvault_stream.setting('grace_seconds')::double precision);
	PERFORM vvault_stream.renew_page(g.video_id, g.generation);
END
$$;
COMMENT ON FUNCTION vvault_stream.page_done(json, json) IS
'Ends a job of the kind finish that stored a page anew.';

CREATE FUNCTION vvault_stream.finish_done(job json, result json) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	part text := coalesce(job -> 'args' ->> 'part', 'all');
	g vvault_stream.generations;
	problem text;
BEGIN
	IF part = 'page' THEN
		PERFORM vvault_stream.page_done(job, result);
		RETURN;
	END IF;
	g := vvault_stream.generation_of_job(job);
	IF g.video_id IS NULL OR g.state <> 'processing' THEN
		PERFORM vvault_stream.collect_job(job, NULL);
		RETURN;
	END IF;
	problem := vvault_stream.storing_problem(job, result);
	IF part = 'early' THEN
		PERFORM vvault_stream.show_early(g, 'early-' || (job ->> 'job_id')) WHERE problem IS NULL;
		PERFORM vvault_stream.collect_job(job, NULL);
	ELSIF problem IS NOT NULL THEN
		PERFORM vvault_stream.fail_generation(g, problem, (job ->> 'job_id')::bigint);
	ELSE
		PERFORM vvault_stream.show_generation(g);
		PERFORM vvault_stream.end_early(g, (job ->> 'job_id')::bigint);
		PERFORM vvault_stream.renew_page(g.video_id, g.generation);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.finish_done(json, json) IS
'Ends a job of the kind finish: shows the generation, in the same transaction.';

INSERT INTO vvault_stream.job_kinds (kind, description, lease_seconds, max_attempts, shipped,
	order_schema, order_function, done_schema, done_function)
VALUES ('finish', 'stores the manifests of a video, and shows it', 60, 5, true,
	'vvault_stream', 'finish_order', 'vvault_stream', 'finish_done');
