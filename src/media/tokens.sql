-- Tokens for videos: who may have one made, and what one is good for.

CREATE FUNCTION vvault_stream.check_token_issue(subject text, video_id text, permissions text[], ttl_seconds integer) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wrong text := CASE WHEN NOT coalesce(octet_length(subject) BETWEEN 1 AND 255, false) THEN 'subject'
		WHEN NOT coalesce(video_id ~ '^[A-Za-z0-9_-]{1,64}$', true) THEN 'video_id'
		WHEN permissions IS NULL AND video_id IS NOT NULL OR permissions = '{}' OR NOT permissions <@ '{view,download,edit,manage}'
			OR cardinality(permissions) > 4 OR array_ndims(permissions) > 1
			OR array_position(permissions, NULL) IS NOT NULL THEN 'permissions'
		WHEN ttl_seconds NOT BETWEEN 1 AND 86400 THEN 'ttl_seconds' END;
BEGIN
	IF wrong IS NOT NULL THEN
		PERFORM vvault_stream.refuse('invalid ' || wrong, 'A subject has 1 to 255 bytes, a video its id; permissions are at most four of view, '
			'download, edit and manage, and of a token for a video not NULL; ttl_seconds is from 1 to 86400.');
	ELSIF vvault_stream.caller_is_operator() THEN
		RETURN;
	ELSIF video_id IS NULL OR NOT coalesce(@extschema@.vvault_may(video_id, 'manage'), false) THEN
		RAISE EXCEPTION 'permission denied to issue a token for %', coalesce(format('video "%s"', left(video_id, 64)), 'a subject')
			USING ERRCODE = 'insufficient_privilege', HINT = 'Who manages a video issues tokens for it, an operator any.';
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_token_issue(text, text, text[], integer) IS
'Raises 22023 for what no token is, 42501 where the caller may not have it.';

CREATE FUNCTION @extschema@.vvault_token_issue(subject text, video_id text DEFAULT NULL, permissions text[] DEFAULT NULL,
	ttl_seconds integer DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.check_token_issue(vvault_token_issue.subject, vvault_token_issue.video_id, vvault_token_issue.permissions,
		vvault_token_issue.ttl_seconds);
	RETURN vvault_stream.issue_token(vvault_token_issue.subject, vvault_token_issue.video_id, vvault_token_issue.permissions,
		coalesce(vvault_token_issue.ttl_seconds, vvault_stream.setting('token_seconds')::integer), gen_random_uuid());
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_token_issue(text, text, text[], integer) IS
'A token by which somebody is known: {"access_token", "token_type", "expires_in", "refresh_token", "jti"}. The access token is a JSON Web Token (RFC 7519) with iss, aud, sub, role, video_id, permissions, iat, exp and jti, as far as they are set; vvault_token_refresh() makes the next one of the refresh token. vvault_may() says what it opens.
Units and ranges: subject has 1 to 255 bytes; video_id is the one video that the token is for; permissions are at most four of view, download, edit and manage; ttl_seconds from 1 to 86400.
NULL: video_id NULL is a token for the subject''s own videos, permissions NULL are all of them; ttl_seconds NULL is the setting token_seconds; subject NULL is an error.
Errors: 22023 for what is out of range, 42501 unless the caller manages the video or is an operator, 0A000 for ES256 where the library has no OpenSSL.
Source: vvault_stream.signing_keys and refresh_tokens; ES256, or HS256 (setting token_algorithm, which the next key follows). Send it by POST: the reply is a secret.';

CREATE FUNCTION @extschema@.vvault_token_revoke(jti text) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	r vvault_stream.refresh_tokens;
BEGIN
	IF NOT coalesce(octet_length(vvault_token_revoke.jti) BETWEEN 1 AND 255, false) THEN
		PERFORM vvault_stream.refuse('invalid jti', 'It is that of a token, 1 to 255 bytes.');
	END IF;
	SELECT o.* INTO r FROM vvault_stream.refresh_tokens o WHERE o.jti = vvault_token_revoke.jti LIMIT 1;
	IF NOT (vvault_stream.caller_is_operator() OR coalesce(r.subject = vvault_stream.caller_subject(), false)
			OR coalesce(@extschema@.vvault_may(r.only_video, 'manage'), false)) THEN
		RAISE EXCEPTION 'permission denied for token "%"', left(vvault_token_revoke.jti, 64)
			USING ERRCODE = 'insufficient_privilege', HINT = 'Its subject, who manages its video, or an operator takes a token back.';
	END IF;
	DELETE FROM vvault_stream.revocations o WHERE o.expires_at < now();
	IF r.family IS NOT NULL THEN
		PERFORM vvault_stream.end_family(r.family);
	END IF;
	INSERT INTO vvault_stream.revocations (jti, expires_at)
	VALUES (vvault_token_revoke.jti, clock_timestamp() + vvault_stream.longest_life('token')) ON CONFLICT (jti) DO NOTHING;
	RETURN json_build_object('jti', vvault_token_revoke.jti, 'revoked', true);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_token_revoke(text) IS
'Takes a token back, and all that came out of the same refresh tokens: {"jti", "revoked"}. The database refuses it from then on; who checks tokens by vvault_jwks() alone does so when it expires.
Units and ranges: jti has 1 to 255 bytes.
NULL: NULL is an error.
Errors: 22023 for what is no jti, 42501 unless the caller is the subject of the token, manages the video that it is for, or is an operator.
Source: vvault_stream.revocations and refresh_tokens.';

-- It reads by indexes, without rights, so it needs none of its owner's.
CREATE FUNCTION @extschema@.vvault_token_verify(token text, video_id text DEFAULT NULL, permission text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'vvault_token_verify'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.vvault_token_verify(text, text, text) IS
'Whether a token is good, and for this: {"valid", "reason", "claims"}. Its signature, times, issuer and audience are checked, whether it was revoked, and, for a video, what vvault_may() would say to who comes with it.
Units and ranges: a token has at most 8192 bytes, its header 1024; permission is view, download, edit or manage; clocks may differ by the setting token_skew_seconds.
NULL: video_id NULL asks of no video; permission NULL is view; token NULL is not a token. reason is null where it is valid; claims are null unless its signature is right and they can be read.
Errors: 22023 for another permission. A token that is not good is no error: reason says why.
Source: vvault_stream.signing_keys, revocations and assets. Send it by POST: it is a secret.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES
	('publisher', 'vvault_token_issue'), ('viewer', 'vvault_token_revoke'), ('publisher', 'vvault_token_revoke'),
	('viewer', 'vvault_token_verify'), ('publisher', 'vvault_token_verify');
