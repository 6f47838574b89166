-- A page that plays a video, and the storyboard that it shows while seeking.

INSERT INTO vvault_stream.setting_defaults (name, value, pattern, description) VALUES
	('hls_js_url', '/hls.min.js',
	 '^((https://[A-Za-z0-9.-]+(:[0-9]{1,5})?)?/)?[A-Za-z0-9_~@%+-][A-Za-z0-9._~@%+-]*(/[A-Za-z0-9_~@%+-][A-Za-z0-9._~@%+-]*)*$',
	 'where the page of a video loads hls.js from: a path on the site''s own server, or an https address');

CREATE FUNCTION @extschema@.vvault_storyboard(video_id text, generation integer DEFAULT NULL) RETURNS vvault."*/*"
AS 'MODULE_PATHNAME', 'vvault_storyboard'
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER COST 100
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION @extschema@.vvault_storyboard(text, integer) IS
'A video''s storyboard as WebVTT: for each few seconds the tile of a sheet of small pictures, as a media fragment (#xywh).
Units and ranges: all URIs are relative to the folder of the generation; a tile is for at least a second, and there are at most 100.
NULL: NULL for NULL and for a video without a storyboard; generation NULL is the one that is shown, and another one than that gives NULL.
Errors: 42501 for a video that the caller may not view: see vvault_may().
Source: vvault_stream.assets and vvault_stream.pictures of the generation that is shown.';

CREATE FUNCTION @extschema@.vvault_watch(video_id text, generation integer DEFAULT NULL) RETURNS vvault."*/*"
AS 'MODULE_PATHNAME', 'vvault_watch'
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER COST 100
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION @extschema@.vvault_watch(text, integer) IS
'A page that plays a video: by hls.js, or where the browser plays HLS itself without it, with poster, quality, languages, subtitles, storyboard and keys; it goes on where the viewer stopped.
Units and ranges: all URIs are relative to the folder of the generation, where the job finish stores the page as watch.html; hls.js comes from the setting hls_js_url. The page has a Content-Security-Policy of its own.
NULL: NULL for NULL and for a video that has no renditions; generation NULL is the one that is shown, and another one than that gives NULL.
Errors: 42501 for a video that the caller may not view: see vvault_may().
Source: vvault_stream.assets, pictures and renditions of the generation that is shown.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES
	('viewer', 'vvault_storyboard'), ('viewer', 'vvault_watch');
