-- Who calls. What may be done with a video is decided in media/may.sql.

INSERT INTO vvault_stream.setting_defaults (name, value, pattern, description) VALUES
	('authenticator', '', '^.{0,63}$',
	 'the login whose sessions vouch for request.jwt.claims, as PostgREST does for its clients; empty: none does, and every caller is judged by his role alone');

CREATE FUNCTION vvault_stream.caller_subject() RETURNS text
AS 'MODULE_PATHNAME', 'vvault_caller_subject'
LANGUAGE C STABLE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.caller_subject() IS
'Who calls: the subject of his token in a session of the authenticator, else the name of his role; NULL for nobody.';

CREATE FUNCTION vvault_stream.caller_is_operator() RETURNS boolean
AS 'MODULE_PATHNAME', 'vvault_caller_is_operator'
LANGUAGE C STABLE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.caller_is_operator() IS
'Whether the role of the caller is an operator''s.';

CREATE FUNCTION vvault_stream.caller_is_allowed(permission text) RETURNS boolean
AS 'MODULE_PATHNAME', 'vvault_caller_is_allowed'
LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.caller_is_allowed(text) IS
'Whether role and token of the caller permit so much with any video of his own.';

CREATE FUNCTION vvault_stream.check_owner(owner_id text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF vvault_stream.caller_is_operator() OR check_owner.owner_id IS NULL
			OR coalesce(vvault_stream.caller_is_allowed('manage') AND check_owner.owner_id = vvault_stream.caller_subject(), false) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION 'permission denied for owner "%"', left(check_owner.owner_id, 64) USING ERRCODE = 'insufficient_privilege',
		HINT = 'A publisher makes videos of his own: the owner is the subject of his token, or the name of his role.';
END
$$;
COMMENT ON FUNCTION vvault_stream.check_owner(text) IS
'Raises 42501 unless the caller may make videos of this owner; NULL is left to the table to refuse.';
