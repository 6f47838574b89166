-- Sessions and videos that are taken back before their tokens expire. Edges pull
-- the list; nothing on the way of a segment asks the database.

CREATE TABLE vvault_stream.denied (
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('session', 'video')),
	id text COLLATE "C" NOT NULL CHECK (id ~ '^[A-Za-z0-9_-]{1,64}$'),
	denied_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	denied_until timestamptz NOT NULL DEFAULT 'infinity',
	PRIMARY KEY (kind, id)
);
COMMENT ON TABLE vvault_stream.denied IS
'Sessions and videos that edges refuse whatever token comes. Dumped.';
COMMENT ON COLUMN vvault_stream.denied.denied_until IS 'when the last token that could open it has expired; infinity: until vvault_allow()';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.denied', '');

-- Clocks of edges and of the database may differ by as much.
CREATE FUNCTION vvault_stream.clock_skew() RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN interval '60 seconds';
COMMENT ON FUNCTION vvault_stream.clock_skew() IS
'How long after its expiry a path token still opens, since clocks differ. deploy/vvault.js has the same.';

CREATE FUNCTION vvault_stream.is_denied(kind text, id text) RETURNS boolean
LANGUAGE sql STABLE STRICT
RETURN EXISTS (SELECT FROM vvault_stream.denied d
	WHERE d.kind = is_denied.kind AND d.id = is_denied.id AND d.denied_until > pg_catalog.clock_timestamp());
COMMENT ON FUNCTION vvault_stream.is_denied(text, text) IS
'Whether edges refuse a session or a video.';

CREATE FUNCTION vvault_stream.deny(kind text, id text, denied_until timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM vvault_stream.denied d WHERE d.denied_until < clock_timestamp();
	INSERT INTO vvault_stream.denied AS d (kind, id, denied_until) VALUES (deny.kind, deny.id, deny.denied_until)
	ON CONFLICT ON CONSTRAINT denied_pkey
	DO UPDATE SET denied_until = greatest(d.denied_until, EXCLUDED.denied_until);
END
$$;
COMMENT ON FUNCTION vvault_stream.deny(text, text, timestamptz) IS
'Denies a session or a video until an instant, and forgets what was denied long enough.';

CREATE FUNCTION vvault_stream.check_denied(kind text, id text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT coalesce(check_denied.kind IN ('session', 'video'), false) THEN
		PERFORM vvault_stream.refuse(coalesce('invalid kind "' || left(check_denied.kind, 64) || '"', 'kind must not be null'),
			'It is session or video.');
	ELSIF NOT coalesce(check_denied.id ~ '^[A-Za-z0-9_-]{1,64}$', false) THEN
		PERFORM vvault_stream.refuse(coalesce('invalid id "' || left(check_denied.id, 64) || '"', 'id must not be null'),
			'It is the session_id that came with an address to play from, or a video_id.');
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_denied(text, text) IS
'Raises 22023 for what can be no session or video.';

CREATE FUNCTION @extschema@.vvault_deny(kind text, id text) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	ends timestamptz := CASE vvault_deny.kind
		WHEN 'session' THEN clock_timestamp() + vvault_stream.longest_life('path') + vvault_stream.clock_skew() ELSE 'infinity' END;
BEGIN
	PERFORM vvault_stream.check_denied(vvault_deny.kind, vvault_deny.id);
	PERFORM vvault_stream.deny(vvault_deny.kind, vvault_deny.id, ends);
	RETURN (SELECT json_build_object('kind', d.kind, 'id', d.id,
			'denied_until', CASE WHEN isfinite(d.denied_until) THEN vvault_stream.utc_text(d.denied_until) END)
		FROM vvault_stream.denied d WHERE d.kind = vvault_deny.kind AND d.id = vvault_deny.id);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_deny(text, text) IS
'Takes a session or a video back from viewers before its tokens expire: {"kind", "id", "denied_until"}. Edges refuse it as soon as they have pulled the list, which they do every five seconds.
Units and ranges: kind is session (id: the session_id that came with an address to play from) or video (id: a video_id). A session is forgotten when no token of it can be good any more; a video is denied until vvault_allow(), and nobody gets an address of it; denied_until is then null.
NULL: NULL is an error.
Errors: 22023 for another kind, or what can be no id.
Source: vvault_stream.denied. A session or video that does not exist may be denied as well.';

CREATE FUNCTION @extschema@.vvault_allow(kind text, id text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM vvault_stream.check_denied(vvault_allow.kind, vvault_allow.id);
	DELETE FROM vvault_stream.denied d WHERE d.kind = vvault_allow.kind AND d.id = vvault_allow.id;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_allow(text, text) IS
'Takes vvault_deny() back; says whether the session or video was denied. Tokens that have not expired open it again.
Units and ranges: as those of vvault_deny().
NULL: NULL is an error.
Errors: 22023 for another kind, or what can be no id.
Source: vvault_stream.denied.';

CREATE FUNCTION @extschema@.vvault_edge_files() RETURNS TABLE (name text, content text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER ROWS 2
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY
	SELECT 'vvault-path-keys.json', vvault_stream.key_file('path')::text
	UNION ALL
	SELECT 'vvault-denied.txt', concat('vvault-denied-1', E'\n', (SELECT string_agg(format(E'%s %s\n', d.kind, d.id), '' ORDER BY d.kind, d.id)
		FROM vvault_stream.denied d WHERE d.denied_until > clock_timestamp()));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_edge_files() IS
'The files that an edge checks tokens by: vvault-path-keys.json, which is secret, and vvault-denied.txt, a line for each session and video that is denied. deploy/edge-pull.sh pulls them every five seconds.
Units and ranges: content is text with line ends of \n; the file of keys is JSON.
NULL: there is none.
Errors: none.
Source: vvault_stream.signing_keys, secrets and denied; a first key is made where there is none.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES ('edge', 'vvault_edge_files');
