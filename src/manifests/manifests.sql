-- A video's manifests. They are bytes, not JSON: see vvault."*/*". They read with
-- their owner's rights, as if they were SECURITY DEFINER: see vv_reply().

CREATE FUNCTION @extschema@.vvault_hls(video_id text, generation integer DEFAULT NULL) RETURNS vvault."*/*"
AS 'MODULE_PATHNAME', 'vvault_hls'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.vvault_hls(text, integer) IS
'A video''s multivariant playlist for HTTP Live Streaming (RFC 8216): variants, audio and subtitle tracks, I-frame playlists. The first variant is one that every device plays.
Units and ranges: BANDWIDTH is the measured peak in bits a second; all URIs are relative to the folder of the generation.
NULL: NULL for NULL and for a video that has no renditions; generation NULL is the one that is shown, and another one than that gives NULL.
Errors: 42501 for a video that the caller may not view: see vvault_may().
Source: vvault_stream.assets and vvault_stream.renditions of the generation that is shown.';

CREATE FUNCTION @extschema@.vvault_hls_media(video_id text, rendition text DEFAULT NULL, generation integer DEFAULT NULL)
RETURNS vvault."*/*"
AS 'MODULE_PATHNAME', 'vvault_hls_media'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.vvault_hls_media(text, text, integer) IS
'The playlist of one rendition of a video: its segments as ranges of bytes of one file.
Units and ranges: seconds with six decimals.
NULL: NULL where video_id or rendition is, and where there is no such rendition; generation NULL is the one that is shown, and another one than that gives NULL.
Errors: 42501 for a video that the caller may not view: see vvault_may().
Source: vvault_stream.assets and vvault_stream.renditions of the generation that is shown.';

CREATE FUNCTION @extschema@.vvault_dash(video_id text, generation integer DEFAULT NULL) RETURNS vvault."*/*"
AS 'MODULE_PATHNAME', 'vvault_dash'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.vvault_dash(text, integer) IS
'A video''s media presentation description for MPEG-DASH (ISO/IEC 23009-1, on-demand profile).
Units and ranges: bandwidth is the measured peak in bits a second; all URLs are relative to the folder of the generation.
NULL: NULL for NULL and for a video that has no renditions; generation NULL is the one that is shown, and another one than that gives NULL.
Errors: 42501 for a video that the caller may not view: see vvault_may().
Source: vvault_stream.assets and vvault_stream.renditions of the generation that is shown.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES
	('viewer', 'vvault_hls'), ('viewer', 'vvault_hls_media'), ('viewer', 'vvault_dash');
