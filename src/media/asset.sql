-- What is told of one video.

-- Who serves a video's files is known by a room above, which enters its function
-- here: serving(video_id text) returns json, an array of names.
CREATE TABLE vvault_stream.file_servers (
	function_schema text COLLATE "C" NOT NULL,
	function_name text COLLATE "C" NOT NULL,
	PRIMARY KEY (function_schema, function_name)
);
COMMENT ON TABLE vvault_stream.file_servers IS
'Functions that say who serves the files of a video. Not dumped: the rooms that have one enter it.';

CREATE FUNCTION vvault_stream.serving(video_id text) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s vvault_stream.file_servers;
	more json;
	names jsonb := '[]';
BEGIN
	FOR s IN SELECT f.* FROM vvault_stream.file_servers f ORDER BY f.function_schema, f.function_name LOOP
		EXECUTE format('SELECT %s($1)', vvault_stream.kind_function(s.function_schema, s.function_name, '25'))
			INTO more USING serving.video_id;
		names := names || more::jsonb;
	END LOOP;
	RETURN names;
END
$$;
COMMENT ON FUNCTION vvault_stream.serving(text) IS
'The names of all that serve the files of a video.';

CREATE FUNCTION vvault_stream.asset_formats(video_id text, generation integer) RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(json_agg(json_build_object('name', r.name, 'kind', r.kind,
		'quality', CASE WHEN r.kind IN ('video', 'trick') THEN substring(r.name FROM '^[0-9]+p') END,
		'codec', r.codecs, 'container', CASE r.kind WHEN 'text' THEN 'vtt' ELSE 'mp4' END,
		'bitrate', r.average_bitrate, 'peak_bitrate', r.peak_bitrate, 'width', r.width, 'height', r.height,
		'frame_rate', round(r.frame_rate_numerator::numeric / r.frame_rate_denominator, 3)::double precision,
		'channels', r.channels, 'sample_rate', r.sample_rate, 'language', r.language, 'label', r.label, 'loudness', r.loudness,
		'url', r.object_key, 'size', coalesce(o.size, r.first_offset + (SELECT sum(s) FROM unnest(r.sizes) s)),
		'duration', r.seconds, 'edges', e.edges) ORDER BY r.kind DESC, r.peak_bitrate, r.name), '[]')
	FROM (SELECT vvault_stream.serving(asset_formats.video_id)) e (edges), vvault_stream.renditions r
		LEFT JOIN vvault_stream.media_objects o ON o.video_id = r.video_id AND o.object_key = r.object_key
	WHERE r.video_id = asset_formats.video_id AND r.generation = asset_formats.generation
$$;
COMMENT ON FUNCTION vvault_stream.asset_formats(text, integer) IS
'What a generation is encoded as, for vvault_asset.';

CREATE FUNCTION vvault_stream.asset_thumbnails(video_id text, generation integer) RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(json_agg(json_build_object('name', p.name, 'kind', p.kind, 'url', p.object_key, 'width', p.width,
		'height', p.height, 'tiles', p.tiles, 'size', p.size) ORDER BY p.name), '[]')
	FROM vvault_stream.pictures p
	WHERE p.video_id = asset_thumbnails.video_id AND p.generation = asset_thumbnails.generation
$$;
COMMENT ON FUNCTION vvault_stream.asset_thumbnails(text, integer) IS
'The pictures of a generation, for vvault_asset.';

CREATE FUNCTION vvault_stream.asset_distribution(video_id text, generation integer, state text) RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT json_object_agg(n.name, o.object_key ORDER BY n.name)
	FROM vvault_stream.shown_files(asset_distribution.video_id, asset_distribution.generation) f,
		LATERAL (VALUES ('hls', f.hls), ('dash', f.dash), ('storyboard', f.storyboard), ('watch', f.watch)) n (name, file)
		JOIN vvault_stream.media_objects o ON o.video_id = asset_distribution.video_id
			AND o.object_key = format('%s/%s/%s', asset_distribution.video_id, asset_distribution.generation, n.file)
			AND o.state = 'stored'
	WHERE asset_distribution.state NOT IN ('deleting', 'deleted')
$$;
COMMENT ON FUNCTION vvault_stream.asset_distribution(text, integer, text) IS
'The objects that players begin with, for vvault_asset; NULL where there are none.';

CREATE FUNCTION vvault_stream.asset_next(video_id text, generation integer) RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT json_build_object('generation', g.generation, 'state', g.state, 'failure', g.failure)
	FROM vvault_stream.generations g
	WHERE g.video_id = asset_next.video_id AND g.generation > asset_next.generation AND g.state <> 'gone'
	ORDER BY g.generation DESC LIMIT 1
$$;
COMMENT ON FUNCTION vvault_stream.asset_next(text, integer) IS
'The generation that comes up beside the one that is shown, for vvault_asset; NULL where none does.';

-- One video of one's own, as a reply.

CREATE FUNCTION @extschema@.vvault_asset(video_id text) RETURNS json
AS 'MODULE_PATHNAME', 'vvault_asset'
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER COST 100
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION @extschema@.vvault_asset(text) IS
'One video of your own: {video_id, owner_id, title, description, tags, category_id, content_language, state, access, protection, generation, playable, duration, source, failure, metadata, created_at, uploaded_at, ready_at, published_at, formats, thumbnails, distribution, next}.
Units and ranges: duration in seconds; source is what ffprobe said of the uploaded file; playable says whether it can be watched now, which a new video may be before it is ready; formats are what it is encoded as, {name, kind, quality, codec, container, bitrate, width, height, language, url, size, edges, ...}, edges being those that serve it, whether they are up or not; thumbnails its poster and storyboard; distribution the manifests and the page, {hls, dash, storyboard, watch}; next is the generation that comes up beside the one that is shown, {generation, state, failure}; urls are keys of objects, which vvault_play_url makes addresses of edges of. The reply is for the caller alone: private, no-store.
NULL: NULL for NULL and for a video that is not there.
Errors: 42501 for a video that the caller may not edit, 55000 where vvault_stream and the library are of different versions.
Source: vvault_stream.assets, by its key, with the rights of the owner of the extension.';

CREATE FUNCTION vvault_stream.told_asset(video_id text) RETURNS json
AS 'MODULE_PATHNAME', 'vvault_told_asset'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION vvault_stream.told_asset(text) IS
'What vvault_asset() says, to whoever has just changed the video.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES ('publisher', 'vvault_asset');
