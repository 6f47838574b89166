-- API tokens: JSON Web Tokens (RFC 7519, RFC 8725), and refresh tokens for them.
-- Who may have one is decided in media/tokens.sql.

INSERT INTO vvault_stream.setting_defaults (name, value, choices, description) VALUES
	('token_algorithm', 'ES256', '{ES256,HS256}',
	 'how tokens are signed that a new key signs: ES256 lets everybody check them who has vvault_jwks(), HS256 who has the secret');
INSERT INTO vvault_stream.setting_defaults (name, value, pattern, description) VALUES
	('token_issuer', '', '^[\x20-\x7e]{0,255}$', 'the claim iss of tokens; one that has another is refused; empty: there is none'),
	('token_audience', '', '^[\x20-\x7e]{0,255}$', 'the claim aud of tokens; one that has not this among its own is refused; empty: there is none'),
	('token_viewer_role', '', '^.{0,63}$', 'the claim role of tokens that permit to view and download, for PostgREST; empty: there is none'),
	('token_publisher_role', '', '^.{0,63}$', 'the claim role of tokens that permit more, for PostgREST; empty: there is none');
INSERT INTO vvault_stream.setting_defaults (name, value, least, greatest, whole, description) VALUES
	('token_seconds', '900', 1, 86400, true, 'seconds for which a token is good unless who issues it says'),
	('refresh_seconds', '2592000', 60, 31536000, true, 'seconds for which a refresh token is good'),
	('token_skew_seconds', '60', 0, 300, true, 'seconds by which the clocks of who makes and who checks a token may differ');

CREATE TABLE vvault_stream.refresh_tokens (
	token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
	family uuid NOT NULL,
	jti text COLLATE "C" NOT NULL,
	subject text COLLATE "C" NOT NULL,
	only_video text COLLATE "C",
	permissions text[],
	ttl_seconds integer NOT NULL CHECK (ttl_seconds BETWEEN 1 AND 86400),
	issued_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	expires_at timestamptz NOT NULL,
	used_at timestamptz,
	ended_at timestamptz
);
COMMENT ON TABLE vvault_stream.refresh_tokens IS
'A row for each refresh token, which is not in it, only its SHA-256: the access token (jti) that came with it, for whom, and the family of tokens that came one out of another. Dumped.';
COMMENT ON COLUMN vvault_stream.refresh_tokens.only_video IS 'the video that the tokens are for; NULL for any of the subject''s own';
COMMENT ON COLUMN vvault_stream.refresh_tokens.used_at IS 'when the next one was made of it; who comes with it again is a thief, or was robbed';
COMMENT ON COLUMN vvault_stream.refresh_tokens.ended_at IS 'when its family ended';
CREATE INDEX refresh_tokens_family ON vvault_stream.refresh_tokens (family);
CREATE INDEX refresh_tokens_jti ON vvault_stream.refresh_tokens (jti);
CREATE INDEX refresh_tokens_subject ON vvault_stream.refresh_tokens (subject);
CREATE INDEX refresh_tokens_expires ON vvault_stream.refresh_tokens (expires_at);
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.refresh_tokens', '');

CREATE TABLE vvault_stream.revocations (
	jti text COLLATE "C" PRIMARY KEY CHECK (octet_length(jti) BETWEEN 1 AND 255),
	revoked_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	expires_at timestamptz NOT NULL
);
COMMENT ON TABLE vvault_stream.revocations IS
'Tokens that were taken back, until they would have expired by themselves. Dumped.';
CREATE INDEX revocations_expires ON vvault_stream.revocations (expires_at);
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.revocations', '');

CREATE FUNCTION vvault_stream.sign_token(algorithm text, kid text, key bytea, claims json) RETURNS text
AS 'MODULE_PATHNAME', 'vvault_sign_token'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.sign_token(text, text, bytea, json) IS
'A JSON Web Token of these claims.';

-- A reply with a token in it is nobody's to keep (RFC 6749, 5.1).
CREATE FUNCTION vvault_stream.token_headers(status integer) RETURNS void
AS 'MODULE_PATHNAME', 'vvault_token_headers'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.token_headers(integer) IS
'Tells PostgREST, where it asked, that nobody may keep the reply, and its status.';

CREATE FUNCTION vvault_stream.token_claims(subject text, video_id text, permissions text[], ttl_seconds integer, jti text) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	at bigint := floor(extract(epoch FROM clock_timestamp()));
BEGIN
	RETURN json_strip_nulls(json_build_object('iss', nullif(vvault_stream.setting('token_issuer'), ''),
		'aud', nullif(vvault_stream.setting('token_audience'), ''), 'sub', subject,
		'role', nullif(vvault_stream.setting(CASE WHEN permissions IS NULL OR permissions && '{edit,manage}'
			THEN 'token_publisher_role' ELSE 'token_viewer_role' END), ''),
		'video_id', video_id, 'permissions', to_json(permissions), 'iat', at, 'exp', at + ttl_seconds, 'jti', jti));
END
$$;
COMMENT ON FUNCTION vvault_stream.token_claims(text, text, text[], integer, text) IS
'What a token says.';

CREATE FUNCTION vvault_stream.issue_token(subject text, video_id text, permissions text[], ttl_seconds integer, family uuid) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	k record := vvault_stream.signing_key('token');
	jti text := vvault_stream.random_name(22);
	refresh_token text := vvault_stream.random_name(43);
BEGIN
	DELETE FROM vvault_stream.refresh_tokens r WHERE r.token_hash IN (SELECT o.token_hash FROM vvault_stream.refresh_tokens o
		WHERE o.expires_at < now() ORDER BY o.expires_at LIMIT 10 FOR UPDATE SKIP LOCKED);
	INSERT INTO vvault_stream.refresh_tokens (token_hash, family, jti, subject, only_video, permissions, ttl_seconds, expires_at)
	VALUES (sha256(convert_to(refresh_token, 'UTF8')), issue_token.family, jti, issue_token.subject, issue_token.video_id,
		issue_token.permissions, issue_token.ttl_seconds,
		clock_timestamp() + make_interval(secs => vvault_stream.setting('refresh_seconds')::double precision));
	PERFORM vvault_stream.token_headers(NULL);
	RETURN json_build_object('access_token', vvault_stream.sign_token(k.algorithm, k.kid, k.key,
			vvault_stream.token_claims(issue_token.subject, issue_token.video_id, issue_token.permissions, issue_token.ttl_seconds, jti)),
		'token_type', 'Bearer', 'expires_in', ttl_seconds, 'refresh_token', refresh_token, 'jti', jti);
END
$$;
COMMENT ON FUNCTION vvault_stream.issue_token(text, text, text[], integer, uuid) IS
'Makes a token and its refresh token, of a family.';

-- Whoever makes a token in a family, or ends it, holds this first: a token that is
-- made at that moment would be seen by nobody who ends its family.
CREATE FUNCTION vvault_stream.lock_family(family uuid) RETURNS void
LANGUAGE sql VOLATILE
RETURN pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('vvault_stream family ' || family::text, 0));
COMMENT ON FUNCTION vvault_stream.lock_family(uuid) IS
'Holds a family of tokens until the end of the transaction.';

-- What was issued in it is refused until it would have expired. Each statement
-- sees what was committed before it began.
CREATE FUNCTION vvault_stream.end_family(family uuid) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.lock_family(end_family.family);
	INSERT INTO vvault_stream.revocations (jti, expires_at)
	SELECT r.jti, r.issued_at + make_interval(secs => r.ttl_seconds + 600) FROM vvault_stream.refresh_tokens r
	WHERE r.family = end_family.family AND r.issued_at + make_interval(secs => r.ttl_seconds + 600) > clock_timestamp()
	ON CONFLICT ON CONSTRAINT revocations_pkey DO NOTHING;
	UPDATE vvault_stream.refresh_tokens r SET ended_at = clock_timestamp() WHERE r.family = end_family.family AND r.ended_at IS NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.end_family(uuid) IS
'Revokes all tokens of a family.';

-- Answered and not raised: what it found out has to be kept.
CREATE FUNCTION vvault_stream.invalid_grant(description text) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.token_headers(400);
	RETURN json_build_object('error', 'invalid_grant', 'error_description', description);
END
$$;
COMMENT ON FUNCTION vvault_stream.invalid_grant(text) IS
'The answer to a refresh token that is good for nothing (RFC 6749, 5.2).';

CREATE FUNCTION @extschema@.vvault_token_refresh(refresh_token text) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r vvault_stream.refresh_tokens;
	hash bytea := sha256(convert_to(vvault_token_refresh.refresh_token, 'UTF8'));
BEGIN
	PERFORM vvault_stream.lock_family(o.family) FROM vvault_stream.refresh_tokens o WHERE o.token_hash = hash;
	SELECT o.* INTO r FROM vvault_stream.refresh_tokens o WHERE o.token_hash = hash FOR UPDATE;
	IF NOT FOUND THEN
		RETURN vvault_stream.invalid_grant('The refresh token is not known.');
	ELSIF r.used_at IS NOT NULL THEN
		PERFORM vvault_stream.end_family(r.family);
		RETURN vvault_stream.invalid_grant('The refresh token was used before: its family has ended.');
	ELSIF r.ended_at IS NOT NULL THEN
		RETURN vvault_stream.invalid_grant('The refresh token was revoked.');
	ELSIF r.expires_at <= clock_timestamp() THEN
		RETURN vvault_stream.invalid_grant('The refresh token has expired.');
	END IF;
	UPDATE vvault_stream.refresh_tokens o SET used_at = clock_timestamp() WHERE o.token_hash = r.token_hash;
	RETURN vvault_stream.issue_token(r.subject, r.only_video, r.permissions, r.ttl_seconds, r.family);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_token_refresh(text) IS
'A new token for a refresh token: what vvault_token_issue() replies, with the next refresh token. Each is good once. Who comes with one a second time ends its family: all tokens that came out of the first one are revoked, since one of two holders stole it.
Units and ranges: a refresh token has 43 characters and is good for the setting refresh_seconds.
NULL: NULL is a token that is not known.
Errors: none of its own: for a token that is not good, {"error": "invalid_grant", "error_description"}, over HTTP with status 400.
Source: vvault_stream.refresh_tokens. Send it by POST: it is a secret.';

CREATE FUNCTION @extschema@.vvault_jwks() RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT json_build_object('keys', coalesce(json_agg(json_build_object('kty', 'EC', 'crv', 'P-256',
		'x', translate(encode(substring(k.public_key FROM length(k.public_key) - 63 FOR 32), 'base64'), E'+/=\n', '-_'),
		'y', translate(encode(substring(k.public_key FROM length(k.public_key) - 31 FOR 32), 'base64'), E'+/=\n', '-_'),
		'kid', k.kid, 'alg', 'ES256', 'use', 'sig') ORDER BY k.signs_from, k.kid), '[]'))
	FROM vvault_stream.signing_keys k
	WHERE k.purpose = 'token' AND k.algorithm = 'ES256' AND coalesce(k.checked_until > now(), true)
$$;
COMMENT ON FUNCTION @extschema@.vvault_jwks() IS
'The public keys that tokens are checked by, as a JSON Web Key Set (RFC 7517): {"keys": [{"kty", "crv", "x", "y", "kid", "alg", "use"}]}. A key is there before it signs, and for as long as what it signed may live.
Units and ranges: keys of ES256 alone; those of HS256 are secrets, see vvault_signing_keys().
NULL: no argument.
Errors: none of its own.
Source: vvault_stream.signing_keys; before the first token or vvault_rotate_keys(''token'') there is none.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES
	('viewer', 'vvault_token_refresh'), ('publisher', 'vvault_token_refresh'),
	('viewer', 'vvault_jwks'), ('publisher', 'vvault_jwks');
