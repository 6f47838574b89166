-- What a caller may do with a video.

-- It reads by indexes, without rights, so it needs none of its owner's.
CREATE FUNCTION @extschema@.vvault_may(video_id text, permission text) RETURNS boolean
AS 'MODULE_PATHNAME', 'vvault_may'
LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.vvault_may(text, text) IS
'Whether the caller may do something with a video; every other function asks the same. Everybody views public and unlisted videos. Their owner may do all with his own, as far as his role and his token go. A token for a video (claims video_id and permissions) lets others do what it names, but not with a private video. Operators may do all.
Units and ranges: permission is view, download, edit or manage; each includes those before it. Viewers view and download, publishers edit and manage too.
NULL: strict, any NULL gives NULL.
Errors: 22023 for another permission.
Source: vvault_stream.assets and the role of the caller, and, in a session of the login that the setting authenticator names, request.jwt.claims; false for a video that is not there.';

CREATE FUNCTION vvault_stream.subject_may_view(video_id text, subject text) RETURNS boolean
AS 'MODULE_PATHNAME', 'vvault_subject_may_view'
LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.subject_may_view(text, text) IS
'Whether somebody may view a video for whom an operator vouches, as if he had a token for it; nobody where subject is empty.';

CREATE FUNCTION vvault_stream.check_may(video_id text, permission text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT @extschema@.vvault_may(check_may.video_id, check_may.permission)
			AND EXISTS (SELECT FROM vvault_stream.assets a WHERE a.video_id = check_may.video_id) THEN
		RAISE EXCEPTION 'permission denied for video "%"', check_may.video_id USING ERRCODE = 'insufficient_privilege',
			HINT = format('The caller may not %s it: see vvault_may().', check_may.permission);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_may(text, text) IS
'Raises 42501 where the caller may not; a video that is not there is nobody''s secret.';

-- It is asked before a lock is taken, so that nobody holds up another's video.
CREATE FUNCTION vvault_stream.callers_asset(video_id text, permission text) RETURNS vvault_stream.assets
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.check_may(callers_asset.video_id, callers_asset.permission);
	RETURN vvault_stream.locked_asset(callers_asset.video_id);
END
$$;
COMMENT ON FUNCTION vvault_stream.callers_asset(text, text) IS
'The row of a video that the caller may change, locked: 42501 where he may not, else as locked_asset().';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES
	('viewer', 'vvault_may'), ('publisher', 'vvault_may');
