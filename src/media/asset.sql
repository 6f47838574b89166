-- One video of one's own, as a reply.

CREATE FUNCTION @extschema@.vvault_asset(video_id text) RETURNS json
AS 'MODULE_PATHNAME', 'vvault_asset'
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER COST 100
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION @extschema@.vvault_asset(text) IS
'One video of your own: {video_id, owner_id, title, description, tags, category_id, content_language, state, access, protection, generation, duration, source, failure, metadata, created_at, uploaded_at, ready_at, published_at}.
Units and ranges: duration in seconds; source is what ffprobe said of the uploaded file. The reply is for the caller alone: private, no-store.
NULL: NULL for NULL and for a video that is not there.
Errors: 55000 where vvault_stream and the library are of different versions.
Source: vvault_stream.assets, by its key, with the rights of the owner of the extension.';
