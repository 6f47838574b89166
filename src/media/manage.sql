-- Making, listing, changing and deleting videos.

CREATE INDEX assets_created ON vvault_stream.assets (created_at DESC, video_id);
CREATE INDEX assets_owner ON vvault_stream.assets (owner_id, created_at DESC, video_id);
CREATE INDEX assets_state ON vvault_stream.assets (state, created_at DESC, video_id);

-- What the table refuses, as an argument that is wrong.
CREATE FUNCTION vvault_stream.refused_field(constraint_name text, column_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(nullif(column_name, ''), regexp_replace(constraint_name, '^assets_(.*?)(_check\d*)?$', '\1'));
COMMENT ON FUNCTION vvault_stream.refused_field(text, text) IS
'Which field of an asset a constraint is about.';

CREATE FUNCTION vvault_stream.refuse_asset(field text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.refuse(format('invalid %s', field), CASE field
		WHEN 'video_id' THEN 'It is 1 to 64 letters, digits, _ and -, and not "site".'
		WHEN 'owner_id' THEN 'It is 1 to 255 bytes.'
		WHEN 'title' THEN 'It has at most 300 characters.'
		WHEN 'description' THEN 'It has at most 10000 characters.'
		WHEN 'tags' THEN 'They are a plain array of at most 100, of 10000 bytes together, and none is NULL.'
		WHEN 'access' THEN 'It is public, unlisted, token or private.'
		WHEN 'content_language' THEN 'It is a language as BCP 47 has it, such as pl or pt-BR.'
		WHEN 'category_id' THEN 'It is at least 0.'
		WHEN 'metadata' THEN 'It is an object of at most 65536 bytes.'
		ELSE 'See the columns of vvault_stream.assets.' END);
END
$$;
COMMENT ON FUNCTION vvault_stream.refuse_asset(text) IS
'Raises 22023 about a field of an asset.';

CREATE FUNCTION @extschema@.vvault_create_asset(title text, owner_id text, access text DEFAULT 'private',
	metadata json DEFAULT '{}', video_id text DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	new_id text;
	wrong text;
	its_column text;
BEGIN
	PERFORM vvault_stream.check_owner(vvault_create_asset.owner_id);
	INSERT INTO vvault_stream.assets AS a (video_id, owner_id, title, access, metadata)
	VALUES (coalesce(vvault_create_asset.video_id, translate(left(encode(substring(sha256(uuid_send(gen_random_uuid()))
			FROM 1 FOR 8), 'base64'), 11), '+/', '-_')),
		vvault_create_asset.owner_id, coalesce(vvault_create_asset.title, ''), vvault_create_asset.access,
		coalesce(vvault_stream.readable(vvault_create_asset.metadata, 'metadata'), '{}'))
	RETURNING a.video_id INTO new_id;
	RETURN vvault_stream.told_asset(new_id);
EXCEPTION
	WHEN check_violation OR not_null_violation THEN
		GET STACKED DIAGNOSTICS wrong = CONSTRAINT_NAME, its_column = COLUMN_NAME;
		PERFORM vvault_stream.refuse_asset(vvault_stream.refused_field(wrong, its_column));
	WHEN unique_violation THEN
		RAISE EXCEPTION 'video "%" is there already', vvault_create_asset.video_id USING ERRCODE = 'unique_violation',
			HINT = 'Ids of deleted videos are not given again; leave video_id out to get a new one.';
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_create_asset(text, text, text, json, text) IS
'Makes a video of your own, in the state created: what vvault_asset says of it. Upload its source next.
Units and ranges: title has at most 300 characters; owner_id, of 1 to 255 bytes, says whose it is; access is public, unlisted, token or private; metadata is an object of your own, of at most 65536 bytes; video_id is 1 to 64 of A-Z, a-z, 0-9, _ and -, and part of every URL.
NULL: title NULL is empty, metadata NULL is {}; without a video_id it gets 11 random characters; any other NULL is an error.
Errors: 42501 for an owner that the caller is not, unless he is an operator; 22023 for what is out of range, 23505 where the video_id is taken.
Source: vvault_stream.assets.';

CREATE FUNCTION @extschema@.vvault_update_asset(video_id text, title text DEFAULT NULL, description text DEFAULT NULL,
	access text DEFAULT NULL, metadata json DEFAULT NULL, tags text[] DEFAULT NULL, category_id integer DEFAULT NULL,
	content_language text DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	a vvault_stream.assets := vvault_stream.callers_asset(vvault_update_asset.video_id,
		CASE WHEN vvault_update_asset.access IS NULL THEN 'edit' ELSE 'manage' END);
	wrong text;
	its_column text;
BEGIN
	UPDATE vvault_stream.assets o
	SET title = coalesce(vvault_update_asset.title, o.title),
		description = coalesce(vvault_update_asset.description, o.description),
		access = coalesce(vvault_update_asset.access, o.access),
		metadata = coalesce(vvault_stream.readable(vvault_update_asset.metadata, 'metadata'), o.metadata),
		tags = coalesce(vvault_update_asset.tags, o.tags),
		category_id = coalesce(vvault_update_asset.category_id, o.category_id),
		content_language = coalesce(nullif(vvault_update_asset.content_language, ''),
			CASE WHEN vvault_update_asset.content_language IS NULL THEN o.content_language END),
		published_at = coalesce(o.published_at, CASE WHEN o.state = 'ready' AND vvault_update_asset.access <> 'private' THEN now() END)
	WHERE o.video_id = a.video_id;
	RETURN vvault_stream.told_asset(a.video_id);
EXCEPTION WHEN check_violation THEN
	GET STACKED DIAGNOSTICS wrong = CONSTRAINT_NAME, its_column = COLUMN_NAME;
	PERFORM vvault_stream.refuse_asset(vvault_stream.refused_field(wrong, its_column));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_update_asset(text, text, text, text, json, text[], integer, text) IS
'Changes what is said of a video and who may watch it: what vvault_asset says of it then. Manifests and pages change at once.
Units and ranges: as for vvault_create_asset; description has at most 10000 characters; at most 100 tags; category_id from 0; content_language is BCP 47, an empty one takes it away.
NULL: what is NULL stays; video_id NULL is an error.
Errors: PT404 (HTTP 404) for a video that is not there, 42501 for one that the caller may not edit, or manage where access changes; PT409 (HTTP 409) for one that is being deleted, 22023 for what is out of range.
Source: vvault_stream.assets.';

CREATE FUNCTION @extschema@.vvault_replace_source(video_id text) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	a vvault_stream.assets := vvault_stream.callers_asset(vvault_replace_source.video_id, 'edit');
	g vvault_stream.generations := vvault_stream.newest_generation(vvault_replace_source.video_id);
	next integer := g.generation;
BEGIN
	IF a.state <> 'ready' THEN
		RAISE EXCEPTION 'video "%" is %', a.video_id, a.state USING ERRCODE = 'PT409',
			HINT = 'What is not ready has nothing to replace: upload its source.';
	ELSIF g.state IN ('uploaded', 'processing') AND g.generation > a.generation THEN
		RAISE EXCEPTION 'source of video "%" is being replaced', a.video_id USING ERRCODE = 'PT409',
			HINT = 'Wait until the next generation is shown.';
	ELSIF g.state IS DISTINCT FROM 'uploading' THEN
		next := vvault_stream.add_generation(a.video_id);
	END IF;
	RETURN json_build_object('video_id', a.video_id, 'generation', next, 'state', 'uploading');
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_replace_source(text) IS
'Lets another source be uploaded for a video that is ready: {"video_id", "generation", "state"}. The old one plays until the new one is ready; then viewers see that at the next load, and the old one''s objects are deleted after the setting grace_seconds.
Units and ranges: generation is the next one''s number. The same call again, before the upload is complete, gives the same answer.
NULL: NULL is an error.
Errors: PT404 (HTTP 404) for a video that is not there, 42501 for one that the caller may not edit, PT409 (HTTP 409) for one that is not ready, or whose source is being replaced.
Source: vvault_stream.generations.';

CREATE FUNCTION vvault_stream.remove_asset(video_id text) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	a vvault_stream.assets;
	g integer;
	jobs bigint[];
BEGIN
	SELECT o.* INTO a FROM vvault_stream.assets o WHERE o.video_id = remove_asset.video_id FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM vvault_stream.locked_asset(remove_asset.video_id);
	ELSIF a.state IN ('deleting', 'deleted') THEN
		RETURN json_build_object('video_id', a.video_id, 'state', a.state, 'jobs', '[]'::json);
	END IF;
	UPDATE vvault_stream.assets o SET state = 'deleting' WHERE o.video_id = a.video_id;
	-- edges have what they cached, and tokens live on
	PERFORM vvault_stream.deny('video', a.video_id,
		clock_timestamp() + vvault_stream.longest_life('path') + vvault_stream.clock_skew());
	FOR g IN SELECT o.generation FROM vvault_stream.generations o WHERE o.video_id = a.video_id ORDER BY o.generation LOOP
		PERFORM vvault_stream.cancel_run(a.video_id, g, 'its video is being deleted', NULL);
	END LOOP;
	PERFORM vvault_stream.end_upload(u, 'aborted', 'its video is being deleted') FROM vvault_stream.uploads u
	WHERE u.video_id = a.video_id AND u.state IN ('open', 'joining');
	-- what a worker may still write goes once its address holds no longer
	jobs := vvault_stream.delete_media(a.video_id, ARRAY(SELECT o.object_key FROM vvault_stream.media_objects o
			WHERE o.video_id = a.video_id AND o.state = 'stored'), 0)
		|| vvault_stream.delete_media(a.video_id, ARRAY(SELECT o.object_key FROM vvault_stream.media_objects o
			WHERE o.video_id = a.video_id AND o.state = 'ordered'), vvault_stream.url_seconds());
	DELETE FROM vvault_stream.renditions r WHERE r.video_id = a.video_id;
	DELETE FROM vvault_stream.pictures p WHERE p.video_id = a.video_id;
	DELETE FROM vvault_stream.content_keys k WHERE k.video_id = a.video_id;
	UPDATE vvault_stream.generations o SET state = 'gone' WHERE o.video_id = a.video_id AND o.source_key IS NOT NULL;
	UPDATE vvault_stream.assets o SET state = 'deleted'
	WHERE o.video_id = a.video_id AND NOT EXISTS (SELECT FROM vvault_stream.media_objects m WHERE m.video_id = a.video_id);
	RETURN json_build_object('video_id', a.video_id, 'state',
		(SELECT o.state FROM vvault_stream.assets o WHERE o.video_id = a.video_id), 'jobs', array_to_json(jobs));
END
$$;
COMMENT ON FUNCTION vvault_stream.remove_asset(text) IS
'Deletes a video, for whoever asks.';

CREATE FUNCTION @extschema@.vvault_delete_asset(video_id text) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.check_may(vvault_delete_asset.video_id, 'manage');
	RETURN vvault_stream.remove_asset(vvault_delete_asset.video_id);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_delete_asset(text) IS
'Deletes a video: {"video_id", "state", "jobs"}. It is shown no more at once; jobs delete its objects, and then it is deleted. Its row stays, so that its id comes to nobody else.
Units and ranges: state is deleting, or deleted where it had no object; jobs are those of the kind delete_objects. The same call again changes nothing.
NULL: NULL is an error.
Errors: PT404 (HTTP 404) for a video that is not there, 42501 for one that the caller may not manage.
Source: vvault_stream.assets, media_objects. Nothing is deleted from a store before vvault_arm().';

--
-- Listing
--

CREATE FUNCTION vvault_stream.check_asset_list(state text, access text, cursor text, page_size integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF state IS NOT NULL AND state NOT IN ('created', 'uploading', 'uploaded', 'processing', 'ready', 'failed', 'deleting', 'deleted') THEN
		PERFORM vvault_stream.refuse(format('invalid state "%s"', left(state, 64)),
			'The states are created, uploading, uploaded, processing, ready, failed, deleting, deleted.');
	ELSIF access IS NOT NULL AND access NOT IN ('public', 'unlisted', 'token', 'private') THEN
		PERFORM vvault_stream.refuse_asset('access');
	ELSIF cursor IS NOT NULL AND cursor !~ '^-?[0-9]{1,17}\.[A-Za-z0-9_-]{1,64}$' THEN
		PERFORM vvault_stream.refuse('invalid cursor', 'It is the next_cursor of the page before.');
	ELSIF page_size IS NULL OR page_size < 1 THEN
		PERFORM vvault_stream.refuse('invalid page_size', 'It is at least 1; more than 200 is 200.');
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_asset_list(text, text, text, integer) IS
'Raises 22023 for what vvault_assets() does not take.';

CREATE FUNCTION vvault_stream.listed_owner(owner_id text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF vvault_stream.caller_is_operator() THEN
		RETURN listed_owner.owner_id;
	ELSIF NOT vvault_stream.caller_is_allowed('edit') OR listed_owner.owner_id <> vvault_stream.caller_subject() THEN
		RAISE EXCEPTION 'permission denied for videos of owner "%"', coalesce(left(listed_owner.owner_id, 64), 'NULL')
			USING ERRCODE = 'insufficient_privilege', HINT = 'A publisher lists his own videos.';
	END IF;
	RETURN vvault_stream.caller_subject();
END
$$;
COMMENT ON FUNCTION vvault_stream.listed_owner(text) IS
'Whose videos the caller lists, NULL for all; 42501 where he may not.';

CREATE FUNCTION @extschema@.vvault_assets(owner_id text DEFAULT NULL, state text DEFAULT NULL, access text DEFAULT NULL,
	cursor text DEFAULT NULL, page_size integer DEFAULT 25) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	most integer := least(vvault_assets.page_size, 200);
	whose text := vvault_stream.listed_owner(vvault_assets.owner_id);
	since timestamptz;
	assets json;
	next text;
BEGIN
	PERFORM vvault_stream.check_asset_list(vvault_assets.state, vvault_assets.access, vvault_assets.cursor, vvault_assets.page_size);
	since := 'epoch'::timestamptz + split_part(vvault_assets.cursor, '.', 1)::bigint * interval '1 microsecond';
	WITH page AS (
		SELECT a.* FROM vvault_stream.assets a
		WHERE (whose IS NULL OR a.owner_id = whose)
			AND (vvault_assets.state IS NULL AND a.state <> 'deleted' OR a.state = vvault_assets.state)
			AND (vvault_assets.access IS NULL OR a.access = vvault_assets.access)
			AND (vvault_assets.cursor IS NULL OR a.created_at < since
				OR a.created_at = since AND a.video_id > split_part(vvault_assets.cursor, '.', 2))
		ORDER BY a.created_at DESC, a.video_id LIMIT most)
	SELECT json_agg(json_build_object('video_id', p.video_id, 'owner_id', p.owner_id, 'title', p.title, 'state', p.state,
			'access', p.access, 'generation', p.generation, 'duration', p.duration, 'failure', p.failure,
			'poster', (SELECT t.object_key FROM vvault_stream.pictures t
				WHERE t.video_id = p.video_id AND t.generation = p.generation AND t.kind = 'poster' LIMIT 1),
			'created_at', vvault_stream.utc_text(p.created_at), 'ready_at', vvault_stream.utc_text(p.ready_at))
			ORDER BY p.created_at DESC, p.video_id),
		(array_agg(round(extract(epoch FROM p.created_at) * 1000000)::bigint || '.' || p.video_id
			ORDER BY p.created_at, p.video_id DESC))[1]
	INTO assets, next FROM page p;
	RETURN json_build_object('assets', coalesce(assets, '[]'), 'next_cursor',
		CASE WHEN json_array_length(assets) = most THEN next END);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_assets(text, text, text, text, integer) IS
'Videos of your own, the newest first: {"assets": [{"video_id", "owner_id", "title", "state", "access", "generation", "duration", "failure", "poster", "created_at", "ready_at"}], "next_cursor"}. The cursor is given again to see the next page, and is null on the last.
Units and ranges: owner_id, state and access choose; page_size from 1, at most 200; poster is the key of an object.
NULL: a choice that is NULL is none, but that an owner_id NULL is the caller unless he is an operator, and that deleted videos are seen by that state alone; page_size NULL is an error.
Errors: 42501 for another owner''s videos, unless the caller is an operator; 22023 for an unknown state or access, for another cursor, and for page_size below 1.
Source: vvault_stream.assets.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES
	('publisher', 'vvault_create_asset'), ('publisher', 'vvault_update_asset'), ('publisher', 'vvault_replace_source'),
	('publisher', 'vvault_delete_asset'), ('publisher', 'vvault_assets');
