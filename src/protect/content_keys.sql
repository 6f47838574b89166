-- The keys that media are encrypted under. All systems of protection share them
-- (ISO/IEC 23001-7); a rendition's class says which of its generation's it has.

CREATE TABLE vvault_stream.content_keys (
	video_id text COLLATE "C" NOT NULL,
	generation integer NOT NULL CHECK (generation > 0),
	class text COLLATE "C" NOT NULL CHECK (class IN ('AUDIO', 'SD', 'HD', 'UHD')),
	kid uuid NOT NULL UNIQUE,
	level text COLLATE "C" NOT NULL CHECK (level IN ('aes128', 'clear_key', 'standard', 'premium')),
	secret bytea NOT NULL,
	sealed_by text COLLATE "C" CHECK (sealed_by ~ '^[0-9a-f]{16}$'),
	checksum bytea CHECK (octet_length(checksum) = 8),
	PRIMARY KEY (video_id, generation, class)
);
COMMENT ON TABLE vvault_stream.content_keys IS
'The keys of each generation that is protected, one for each class of renditions, kept as vvault_stream.secrets are. Nobody but the owner of the extension reads them. Dumped.';
COMMENT ON COLUMN vvault_stream.content_keys.class IS 'AUDIO; of pictures SD (up to 576 lines), HD (up to 1080) or UHD';
COMMENT ON COLUMN vvault_stream.content_keys.kid IS 'the key''s id, which files and manifests tell';
COMMENT ON COLUMN vvault_stream.content_keys.checksum IS 'by which a PlayReady player finds out whether it has the key; standard alone';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.content_keys', '');
ALTER TABLE vvault_stream.content_keys ALTER COLUMN secret SET STATISTICS 0;

CREATE FUNCTION vvault_stream.pssh(what text, kids uuid[], scheme text, checksums bytea[]) RETURNS bytea
AS 'MODULE_PATHNAME', 'vvault_stream_pssh'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vvault_stream.pssh(text, uuid[], text, bytea[]) IS
'A pssh box for common, widevine or playready, or playready_object alone, that tells of these keys; scheme is cenc or cbcs.';

CREATE FUNCTION vvault_stream.playready_checksum(kid uuid, key bytea) RETURNS bytea
AS 'MODULE_PATHNAME', 'vvault_playready_checksum'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vvault_stream.playready_checksum(uuid, bytea) IS
'The checksum of a key of 16 bytes in PlayReady''s header; 0A000 without OpenSSL.';

CREATE FUNCTION vvault_stream.encryption_scheme(level text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE level WHEN 'aes128' THEN 'aes128' WHEN 'premium' THEN 'cbcs' WHEN 'none' THEN NULL ELSE 'cenc' END;
COMMENT ON FUNCTION vvault_stream.encryption_scheme(text) IS
'How media of a level of protection are encrypted: aes128, cenc or cbcs; NULL where they are not.';

-- A rung is named by its lines, upright or not.
CREATE FUNCTION vvault_stream.content_class(kind text, name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN kind = 'audio' THEN 'AUDIO'
	WHEN substring(name FROM '^[0-9]{1,6}')::integer > 1080 THEN 'UHD'
	WHEN substring(name FROM '^[0-9]{1,6}')::integer > 576 THEN 'HD' ELSE 'SD' END;
COMMENT ON FUNCTION vvault_stream.content_class(text, text) IS
'Which key of its generation a rendition of this kind and name is encrypted under.';

-- A sealed key is bound to all that it is for.
CREATE FUNCTION vvault_stream.content_key_name(video_id text, generation integer, class text, kid uuid) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'content:' || video_id || '/' || generation::text || '/' || class || '/' || kid::text;
COMMENT ON FUNCTION vvault_stream.content_key_name(text, integer, text, uuid) IS
'The name that a content key is sealed under.';

-- The row has the key as it is where there is no master key: no query gets it for
-- a parameter.
CREATE FUNCTION vvault_stream.content_key(k vvault_stream.content_keys) RETURNS bytea
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN vvault_stream.unsealed(vvault_stream.content_key_name(k.video_id, k.generation, k.class, k.kid), k.secret, k.sealed_by);
END
$$;
COMMENT ON FUNCTION vvault_stream.content_key(vvault_stream.content_keys) IS
'A content key, opened.';

-- Keys are made, sealed and opened within a query, so that none is a parameter.
CREATE FUNCTION vvault_stream.make_content_keys(video_id text, generation integer, level text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	DELETE FROM vvault_stream.content_keys k
	WHERE k.video_id = make_content_keys.video_id AND k.generation = make_content_keys.generation;
	IF make_content_keys.level = 'none' THEN
		RETURN;
	END IF;
	WITH made AS MATERIALIZED (
		SELECT c AS class, gen_random_uuid() AS kid, substring(vvault_stream.random_key() FROM 1 FOR 16) AS key
		FROM unnest('{AUDIO,SD,HD,UHD}'::text[]) c)
	INSERT INTO vvault_stream.content_keys (video_id, generation, class, kid, level, secret, sealed_by, checksum)
	SELECT make_content_keys.video_id, make_content_keys.generation, m.class, m.kid, make_content_keys.level, s.sealed, s.sealed_by,
		CASE make_content_keys.level WHEN 'standard' THEN vvault_stream.playready_checksum(m.kid, m.key) END
	FROM made m, LATERAL vvault_stream.seal(vvault_stream.content_key_name(make_content_keys.video_id,
		make_content_keys.generation, m.class, m.kid), m.key) s;
END
$$;
COMMENT ON FUNCTION vvault_stream.make_content_keys(text, integer, text) IS
'Makes the keys of a generation for a level of protection, in place of those that it had.';

-- The common box lists all keys of the generation: hls.js makes one request of the
-- first that it meets, and takes what that brings for sound and picture.
CREATE FUNCTION vvault_stream.pssh_boxes(kid uuid) RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT json_agg(translate(encode(vvault_stream.pssh(system, CASE system WHEN 'common' THEN ARRAY(
			SELECT o.kid FROM vvault_stream.content_keys o WHERE o.video_id = k.video_id AND o.generation = k.generation ORDER BY o.class)
		ELSE ARRAY[k.kid] END, vvault_stream.encryption_scheme(k.level),
		CASE WHEN k.checksum IS NOT NULL THEN ARRAY[k.checksum] END), 'base64'), E'\n', '') ORDER BY i)
	FROM vvault_stream.content_keys k, unnest(CASE k.level WHEN 'clear_key' THEN '{common}' WHEN 'aes128' THEN '{}' ELSE '{common,widevine,playready}' END::text[])
		WITH ORDINALITY o (system, i)
	WHERE k.kid = pssh_boxes.kid
$$;
COMMENT ON FUNCTION vvault_stream.pssh_boxes(uuid) IS
'The pssh boxes of a file that is encrypted under a key, in base64: an array, or NULL where it has none.';

-- Each file has its own initialization vector: two files under one key and one
-- counter would show each other.
CREATE FUNCTION vvault_stream.output_encryption(video_id text, generation integer, class text) RETURNS json
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT json_strip_nulls(json_build_object('scheme', vvault_stream.encryption_scheme(k.level),
		'kid', encode(uuid_send(k.kid), 'hex'), 'key', encode(vvault_stream.content_key(k), 'hex'),
		'iv', CASE WHEN k.level <> 'aes128' THEN encode(substring(vvault_stream.random_key() FROM 1 FOR 16), 'hex') END,
		'pssh', vvault_stream.pssh_boxes(k.kid)))
	FROM vvault_stream.content_keys k
	WHERE k.video_id = output_encryption.video_id AND k.generation = output_encryption.generation
		AND k.class = output_encryption.class
$$;
COMMENT ON FUNCTION vvault_stream.output_encryption(text, integer, text) IS
'What a worker is told of how to encrypt an output of a class; NULL where it is not to.';

-- The token of an edge's path, which deploy/edge.conf hands on.
CREATE FUNCTION vvault_stream.path_token_of_request() RETURNS text
AS 'MODULE_PATHNAME', 'vvault_path_token_of_request'
LANGUAGE C STABLE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.path_token_of_request() IS
'The path token that an edge hands on in the header Vvault-Path-Token; NULL where there is none.';

CREATE FUNCTION vvault_stream.tell_no_store(content_type text) RETURNS void
AS 'MODULE_PATHNAME', 'vvault_tell_no_store'
LANGUAGE C STABLE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.tell_no_store(text) IS
'Tells PostgREST that nobody may keep the reply, and of which type it is, but for JSON, whose type it knows.';
