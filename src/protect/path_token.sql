-- The token of a path: who has it may fetch a video's files of one generation.

CREATE FUNCTION vvault_stream.path_token(kid text, key bytea, video_id text, generation integer, expires bigint, session_id text)
RETURNS text
AS 'MODULE_PATHNAME', 'vvault_path_token'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vvault_stream.path_token(text, bytea, text, integer, bigint, text) IS
'KID.EXPIRES.SESSION.SIGNATURE for a video''s generation, until so many seconds since 1970.';

CREATE FUNCTION vvault_stream.path_token_is_signed(token text, key bytea, video_id text, generation integer) RETURNS boolean
AS 'MODULE_PATHNAME', 'vvault_path_token_is_signed'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vvault_stream.path_token_is_signed(text, bytea, text, integer) IS
'Whether a token''s signature is right for this video and generation, in a time that does not tell where not.';

CREATE FUNCTION vvault_stream.new_path_token(video_id text, generation integer, ttl_seconds integer, session_id text) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	k record;
BEGIN
	k := vvault_stream.signing_key('path');
	RETURN vvault_stream.path_token(k.kid, k.key, video_id, generation,
		floor(extract(epoch FROM clock_timestamp()))::bigint + ttl_seconds, session_id);
END
$$;
COMMENT ON FUNCTION vvault_stream.new_path_token(text, integer, integer, text) IS
'A path token for so many seconds from now, by the key that signs now.';

-- What deploy/vvault.js decides at an edge, in SQL.
CREATE FUNCTION vvault_stream.path_token_problem(token text, video_id text, generation integer,
	at timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	said text[] := regexp_match(path_token_problem.token, '^([A-Za-z0-9_-]{1,32})\.([0-9]{1,12})\.([A-Za-z0-9_-]{1,64})\.[A-Za-z0-9_-]{43}$');
	its_key bytea;
BEGIN
	IF said IS NULL THEN
		RETURN 'not a token';
	END IF;
	SELECT vvault_stream.unsealed(s.name, s.secret, s.sealed_by) INTO its_key
	FROM vvault_stream.signing_keys k JOIN vvault_stream.secrets s ON s.name = 'key:' || k.kid
	WHERE k.kid = said[1] AND k.purpose = 'path' AND coalesce(k.checked_until > path_token_problem.at, true);
	IF NOT FOUND THEN
		RETURN 'unknown key';
	ELSIF NOT coalesce(vvault_stream.path_token_is_signed(path_token_problem.token, its_key, path_token_problem.video_id,
			path_token_problem.generation), false) THEN
		RETURN 'wrong signature';
	ELSIF said[2]::bigint <= extract(epoch FROM path_token_problem.at - vvault_stream.clock_skew()) THEN
		RETURN 'expired';
	ELSIF vvault_stream.is_denied('session', said[3]) OR vvault_stream.is_denied('video', path_token_problem.video_id) THEN
		RETURN 'denied';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.path_token_problem(text, text, integer, timestamptz) IS
'Why a path token does not open a video''s generation, or NULL where it does.';
