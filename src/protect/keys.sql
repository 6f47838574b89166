-- Secrets, and the keys that URLs are signed with.

CREATE TABLE vvault_stream.secrets (
	name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z0-9]+:[A-Za-z0-9_.-]{1,64}$'),
	secret bytea NOT NULL,
	written_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE vvault_stream.secrets IS
'Keys and passwords, as they are. Nobody but the owner of the extension reads them; a dump holds them, so it is a secret too. Dumped.';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.secrets', '');

-- A key is made ahead of the time it signs from, so that whoever checks has it
-- by then; it is checked by for as long as what it signed may live.
CREATE TABLE vvault_stream.signing_keys (
	kid text COLLATE "C" PRIMARY KEY CHECK (kid ~ '^[A-Za-z0-9_-]{1,32}$'),
	purpose text COLLATE "C" NOT NULL CHECK (purpose ~ '^(path|store:[a-z0-9_-]{1,32})$'),
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	signs_from timestamptz NOT NULL DEFAULT pg_catalog.now(),
	signs_until timestamptz,
	checked_until timestamptz,
	CHECK ((signs_until IS NULL) = (checked_until IS NULL)),
	CHECK (checked_until >= signs_until)
);
COMMENT ON TABLE vvault_stream.signing_keys IS
'Which keys sign path tokens (path) and the URLs of a file store (store:NAME), and for how long. The keys are in vvault_stream.secrets. Dumped.';
CREATE INDEX signing_keys_purpose ON vvault_stream.signing_keys (purpose, signs_from);
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.signing_keys', '');

CREATE FUNCTION vvault_stream.signature(key bytea, message text) RETURNS text
AS 'MODULE_PATHNAME', 'vvault_signature'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vvault_stream.signature(bytea, text) IS
'HMAC-SHA-256 in base64url, 43 characters.';

-- gen_random_uuid() is the server's strong source of chance: 122 bits a call.
CREATE FUNCTION vvault_stream.random_key() RETURNS bytea
LANGUAGE sql VOLATILE
RETURN pg_catalog.sha256(pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) || pg_catalog.uuid_send(pg_catalog.gen_random_uuid())
	|| pg_catalog.uuid_send(pg_catalog.gen_random_uuid()));
COMMENT ON FUNCTION vvault_stream.random_key() IS
'32 random bytes.';

CREATE FUNCTION vvault_stream.random_name(length integer) RETURNS text
LANGUAGE sql VOLATILE STRICT
RETURN left(translate(encode(vvault_stream.random_key(), 'base64'), '+/=', '-_'), length);
COMMENT ON FUNCTION vvault_stream.random_name(integer) IS
'Up to 43 random characters of base64url, six bits each.';

CREATE FUNCTION vvault_stream.set_secret(name text, secret bytea) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	DELETE FROM vvault_stream.secrets s WHERE s.name = set_secret.name AND set_secret.secret IS NULL;
	INSERT INTO vvault_stream.secrets AS s (name, secret)
	SELECT set_secret.name, set_secret.secret WHERE set_secret.secret IS NOT NULL
	ON CONFLICT (name) DO UPDATE SET secret = EXCLUDED.secret, written_at = now();
END
$$;
COMMENT ON FUNCTION vvault_stream.set_secret(text, bytea) IS
'Keeps a secret; NULL forgets it.';

CREATE FUNCTION vvault_stream.longest_life(purpose text) RETURNS interval
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN interval '168 hours';
COMMENT ON FUNCTION vvault_stream.longest_life(text) IS
'How long a path token or a signed URL lives at most: seven days, as with S3.';

CREATE FUNCTION vvault_stream.add_signing_key(purpose text, lead_seconds double precision) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	new_kid text := 'k' || encode(substring(uuid_send(gen_random_uuid()) FROM 1 FOR 6), 'hex');
	begins timestamptz;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('vvault_stream signing_keys ' || add_signing_key.purpose, 0));
	-- the first one has nobody to wait for
	begins := now() + CASE WHEN EXISTS (SELECT FROM vvault_stream.signing_keys k WHERE k.purpose = add_signing_key.purpose)
		THEN make_interval(secs => add_signing_key.lead_seconds) ELSE '0' END;
	UPDATE vvault_stream.signing_keys k
	SET signs_until = greatest(begins, k.signs_from),
		checked_until = greatest(begins, k.signs_from) + vvault_stream.longest_life(k.purpose) + interval '5 minutes'
	WHERE k.purpose = add_signing_key.purpose AND coalesce(k.signs_until > begins, true);
	DELETE FROM vvault_stream.secrets s USING vvault_stream.signing_keys k
	WHERE s.name = 'key:' || k.kid AND k.purpose = add_signing_key.purpose AND k.checked_until < now();
	DELETE FROM vvault_stream.signing_keys k
	WHERE k.purpose = add_signing_key.purpose AND k.checked_until < now();
	PERFORM vvault_stream.set_secret('key:' || new_kid, vvault_stream.random_key());
	INSERT INTO vvault_stream.signing_keys (kid, purpose, signs_from) VALUES (new_kid, add_signing_key.purpose, begins);
	RETURN new_kid;
END
$$;
COMMENT ON FUNCTION vvault_stream.add_signing_key(text, double precision) IS
'Makes a key that takes over after so many seconds; the one before signs until then and is checked by for as long as what it signed may live.';

CREATE FUNCTION vvault_stream.signing_key(purpose text, OUT kid text, OUT key bytea)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	FOR i IN 1 .. 2 LOOP
		SELECT k.kid, s.secret INTO signing_key.kid, signing_key.key
		FROM vvault_stream.signing_keys k JOIN vvault_stream.secrets s ON s.name = 'key:' || k.kid
		WHERE k.purpose = signing_key.purpose AND k.signs_from <= clock_timestamp()
			AND coalesce(k.signs_until > clock_timestamp(), true)
		ORDER BY k.signs_from DESC LIMIT 1;
		EXIT WHEN FOUND;
		IF i = 2 THEN
			RAISE EXCEPTION 'there is no key for %', signing_key.purpose
				USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Make one by vvault_rotate_keys().';
		END IF;
		PERFORM vvault_stream.add_signing_key(signing_key.purpose, 0);
	END LOOP;
END
$$;
COMMENT ON FUNCTION vvault_stream.signing_key(text) IS
'The key that signs now; made where there is none.';

CREATE FUNCTION vvault_stream.check_purpose(purpose text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT coalesce(purpose ~ '^(path|store:[a-z0-9_-]{1,32})$', false) THEN
		PERFORM vvault_stream.refuse(coalesce('invalid purpose "' || left(purpose, 64) || '"', 'purpose must not be null'),
			'It is path, or store: and the name of a file store.');
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_purpose(text) IS
'Raises 22023 for what no key is for.';

CREATE FUNCTION @extschema@.vvault_rotate_keys(purpose text DEFAULT 'path', lead_seconds integer DEFAULT 600) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	new_kid text;
BEGIN
	PERFORM vvault_stream.check_purpose(vvault_rotate_keys.purpose);
	IF vvault_rotate_keys.lead_seconds IS NULL OR vvault_rotate_keys.lead_seconds NOT BETWEEN 0 AND 604800 THEN
		PERFORM vvault_stream.refuse('invalid lead_seconds', 'It is from 0 to 604800, seven days.');
	END IF;
	new_kid := vvault_stream.add_signing_key(vvault_rotate_keys.purpose, vvault_rotate_keys.lead_seconds);
	RETURN (SELECT json_build_object('kid', k.kid, 'purpose', k.purpose, 'signs_from', vvault_stream.utc_text(k.signs_from))
		FROM vvault_stream.signing_keys k WHERE k.kid = new_kid);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_rotate_keys(text, integer) IS
'Makes a new key for path tokens or a file store: {"kid", "purpose", "signs_from"}. Until then the key before it signs, so that edges and stores can learn the new one; what the old key signed is good for as long as it was going to be.
Units and ranges: purpose is path, or store:NAME for a file store; lead_seconds from 0 to 604800. Nobody has to wait for the first key.
NULL: NULL is an error.
Errors: 22023 for what is out of range.
Source: vvault_stream.signing_keys. Call vvault_signing_keys() for each edge or store after it; keys that are not checked by any more are forgotten.';

CREATE FUNCTION @extschema@.vvault_signing_keys(purpose text DEFAULT 'path') RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM vvault_stream.check_purpose(vvault_signing_keys.purpose);
	PERFORM vvault_stream.signing_key(vvault_signing_keys.purpose);
	RETURN (SELECT json_build_object('purpose', vvault_signing_keys.purpose, 'keys', json_object_agg(k.kid,
			translate(encode(s.secret, 'base64'), E'+/=\n', '-_') ORDER BY k.signs_from, k.kid))
		FROM vvault_stream.signing_keys k JOIN vvault_stream.secrets s ON s.name = 'key:' || k.kid
		WHERE k.purpose = vvault_signing_keys.purpose AND coalesce(k.checked_until > clock_timestamp(), true));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_signing_keys(text) IS
'The file of keys that nginx checks by: {"purpose", "keys": {"KID": "the key in base64url"}}. It is secret: write it with mode 600 (psql -XAtc ... >keys.new && mv keys.new keys.json); nginx reads it at each request, so nothing has to be restarted.
Units and ranges: purpose is path for edges, or store:NAME for the file store of this name.
NULL: NULL is an error.
Errors: 22023 for another purpose.
Source: vvault_stream.signing_keys and secrets; a first key is made where there is none.';
