-- Secrets, and the keys that URLs are signed with.

CREATE TABLE vvault_stream.secrets (
	name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z0-9]+:[A-Za-z0-9_.-]{1,64}$'),
	secret bytea NOT NULL,
	sealed_by text COLLATE "C" CHECK (sealed_by ~ '^[0-9a-f]{16}$'),
	written_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE vvault_stream.secrets IS
'Keys and passwords. Where vvault.master_key_file is set they are sealed under the master key that sealed_by names, else they are as they are, and a dump is a secret too. Nobody but the owner of the extension reads them. Dumped.';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.secrets', '');
-- else ANALYZE would copy some of them, plain ones too that are sealed later
ALTER TABLE vvault_stream.secrets ALTER COLUMN secret SET STATISTICS 0;

-- A key is made ahead of the time it signs from, so that whoever checks has it
-- by then; it is checked by for as long as what it signed may live.
CREATE TABLE vvault_stream.signing_keys (
	kid text COLLATE "C" PRIMARY KEY CHECK (kid ~ '^[A-Za-z0-9_-]{1,32}$'),
	purpose text COLLATE "C" NOT NULL CHECK (purpose ~ '^(path|token|store:[a-z0-9_-]{1,32})$'),
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	signs_from timestamptz NOT NULL DEFAULT pg_catalog.now(),
	signs_until timestamptz,
	checked_until timestamptz,
	algorithm text COLLATE "C" NOT NULL DEFAULT 'HS256' CHECK (algorithm IN ('HS256', 'ES256')),
	public_key bytea,
	CHECK ((algorithm = 'ES256') = (public_key IS NOT NULL)),
	CHECK (algorithm = 'HS256' OR purpose = 'token'),
	CHECK ((signs_until IS NULL) = (checked_until IS NULL)),
	CHECK (checked_until >= signs_until)
);
COMMENT ON TABLE vvault_stream.signing_keys IS
'Which keys sign path tokens (path), API tokens (token) and the URLs of a file store (store:NAME), and for how long. The keys are in vvault_stream.secrets, the public half of a pair is here (SubjectPublicKeyInfo in DER). Dumped.';
CREATE INDEX signing_keys_purpose ON vvault_stream.signing_keys (purpose, signs_from);
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.signing_keys', '');

-- A key takes its secret with it.
CREATE FUNCTION vvault_stream.keys_gone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM vvault_stream.secrets s WHERE s.name ^@ 'key:'
		AND NOT EXISTS (SELECT FROM vvault_stream.signing_keys k WHERE s.name = 'key:' || k.kid);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.keys_gone() IS
'Trigger on vvault_stream.signing_keys: forgets the secrets of those that are gone.';
CREATE TRIGGER gone AFTER DELETE OR TRUNCATE ON vvault_stream.signing_keys
	FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.keys_gone();

-- Backends remember what they check tokens by: see token_keys.c.
CREATE FUNCTION vvault_stream.keys_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'vvault_keys_changed'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.keys_changed() IS
'Trigger on keys, secrets and settings: when it commits, every session reads them anew.';
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vvault_stream.signing_keys
	FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.keys_changed();
ALTER TABLE vvault_stream.signing_keys ENABLE ALWAYS TRIGGER changed;
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vvault_stream.secrets
	FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.keys_changed();
ALTER TABLE vvault_stream.secrets ENABLE ALWAYS TRIGGER changed;
CREATE TRIGGER keys_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vvault_stream.settings
	FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.keys_changed();
ALTER TABLE vvault_stream.settings ENABLE ALWAYS TRIGGER keys_changed;

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

-- Nothing that runs a plan gets a secret for a parameter, sealed or not, since a
-- plan may be logged with its parameters, and whoever calls may have plans printed,
-- where parameters are constants. Secrets are opened and held in plain expressions
-- of PL/pgSQL, which has no such plans; or all is done within a query, out of the row.
CREATE FUNCTION vvault_stream.seal(name text, secret bytea, OUT sealed bytea, OUT sealed_by text)
AS 'MODULE_PATHNAME', 'vvault_seal'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.seal(text, bytea) IS
'A secret as it is kept: sealed under the master key, and which that is; as it is where there is no master key.';

CREATE FUNCTION vvault_stream.hold_secret(secret bytea) RETURNS boolean
AS 'MODULE_PATHNAME', 'vvault_hold_secret'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.hold_secret(bytea) IS
'Holds a secret for held_secret(), outside of any plan; whether there is one.';

CREATE FUNCTION vvault_stream.held_secret() RETURNS bytea
AS 'MODULE_PATHNAME', 'vvault_held_secret'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.held_secret() IS
'What hold_secret() was given last, once; then NULL.';

CREATE FUNCTION vvault_stream.unsealed(name text, secret bytea, sealed_by text) RETURNS bytea
AS 'MODULE_PATHNAME', 'vvault_unsealed'
LANGUAGE C STABLE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.unsealed(text, bytea, text) IS
'A secret that is kept, opened; 55000 where its master key is not here.';

CREATE FUNCTION vvault_stream.opening_key(id text) RETURNS text
AS 'MODULE_PATHNAME', 'vvault_opening_key'
LANGUAGE C STABLE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.opening_key(text) IS
'The master key of this name, if it is here, or for NULL the one that seals; its name, not the key.';

CREATE FUNCTION vvault_stream.master_key_problem() RETURNS text
AS 'MODULE_PATHNAME', 'vvault_master_key_problem'
LANGUAGE C STABLE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.master_key_problem() IS
'What is wrong with the master key file, or NULL.';

CREATE FUNCTION vvault_stream.forget_secret(name text) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM vvault_stream.secrets s WHERE s.name = forget_secret.name
$$;
COMMENT ON FUNCTION vvault_stream.forget_secret(text) IS
'Forgets a secret.';

-- Called in a plain expression.
CREATE FUNCTION vvault_stream.keep_secret(name text, secret bytea) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	is_held boolean := vvault_stream.hold_secret(keep_secret.secret);
BEGIN
	IF NOT is_held THEN
		PERFORM vvault_stream.forget_secret(keep_secret.name);
		RETURN false;
	END IF;
	INSERT INTO vvault_stream.secrets AS s (name, secret, sealed_by)
	SELECT keep_secret.name, k.sealed, k.sealed_by FROM vvault_stream.seal(keep_secret.name, vvault_stream.held_secret()) k
	ON CONFLICT (name) DO UPDATE SET secret = EXCLUDED.secret, sealed_by = EXCLUDED.sealed_by, written_at = now();
	RETURN true;
END
$$;
COMMENT ON FUNCTION vvault_stream.keep_secret(text, bytea) IS
'Keeps a secret, sealed where there is a master key; NULL forgets it. Whether there is one.';

CREATE FUNCTION vvault_stream.secret(name text) RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT vvault_stream.unsealed(s.name, s.secret, s.sealed_by) FROM vvault_stream.secrets s WHERE s.name = secret.name
$$;
COMMENT ON FUNCTION vvault_stream.secret(text) IS
'A secret, opened; NULL where there is none.';

CREATE FUNCTION vvault_stream.longest_life(purpose text) RETURNS interval
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE purpose WHEN 'token' THEN interval '25 hours' ELSE interval '168 hours' END;
COMMENT ON FUNCTION vvault_stream.longest_life(text) IS
'How long what a key signs lives at most: a path token or a signed URL seven days, as with S3, an API token a day.';

CREATE FUNCTION vvault_stream.new_key_pair(OUT private_key bytea, OUT public_key bytea)
AS 'MODULE_PATHNAME', 'vvault_new_key_pair'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.new_key_pair() IS
'A key of the curve P-256, its halves in DER; 0A000 without OpenSSL.';

CREATE FUNCTION vvault_stream.new_key(name text, algorithm text) RETURNS bytea
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	pair record;
	is_kept boolean;
BEGIN
	IF algorithm = 'ES256' THEN
		pair := vvault_stream.new_key_pair();
		is_kept := vvault_stream.keep_secret(name, pair.private_key);
		RETURN pair.public_key;
	END IF;
	is_kept := vvault_stream.keep_secret(name, vvault_stream.random_key());
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.new_key(text, text) IS
'Makes a key for an algorithm of JSON Web Signatures and keeps it as the secret of this name; returns the public half of a pair, for ES256.';

CREATE FUNCTION vvault_stream.add_signing_key(purpose text, lead_seconds double precision) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	new_kid text := 'k' || encode(substring(uuid_send(gen_random_uuid()) FROM 1 FOR 6), 'hex');
	begins timestamptz;
	algorithm text;
	its_public_key bytea;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('vvault_stream signing_keys ' || add_signing_key.purpose, 0));
	-- the first one has nobody to wait for
	begins := now() + CASE WHEN EXISTS (SELECT FROM vvault_stream.signing_keys k WHERE k.purpose = add_signing_key.purpose)
		THEN make_interval(secs => add_signing_key.lead_seconds) ELSE '0' END;
	UPDATE vvault_stream.signing_keys k
	SET signs_until = greatest(begins, k.signs_from),
		checked_until = greatest(begins, k.signs_from) + vvault_stream.longest_life(k.purpose) + interval '5 minutes'
	WHERE k.purpose = add_signing_key.purpose AND coalesce(k.signs_until > begins, true);
	DELETE FROM vvault_stream.signing_keys k
	WHERE k.purpose = add_signing_key.purpose AND k.checked_until < now();
	algorithm := CASE add_signing_key.purpose WHEN 'token' THEN vvault_stream.setting('token_algorithm') ELSE 'HS256' END;
	its_public_key := vvault_stream.new_key('key:' || new_kid, algorithm);
	INSERT INTO vvault_stream.signing_keys (kid, purpose, signs_from, algorithm, public_key)
	VALUES (new_kid, add_signing_key.purpose, begins, algorithm, its_public_key);
	RETURN new_kid;
END
$$;
COMMENT ON FUNCTION vvault_stream.add_signing_key(text, double precision) IS
'Makes a key that takes over after so many seconds; the one before signs until then and is checked by for as long as what it signed may live.';

CREATE FUNCTION vvault_stream.signing_key(purpose text, OUT kid text, OUT key bytea, OUT algorithm text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	FOR i IN 1 .. 2 LOOP
		SELECT k.kid, vvault_stream.unsealed(s.name, s.secret, s.sealed_by), k.algorithm
		INTO signing_key.kid, signing_key.key, signing_key.algorithm
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
	IF NOT coalesce(purpose ~ '^(path|token|store:[a-z0-9_-]{1,32})$', false) THEN
		PERFORM vvault_stream.refuse(coalesce('invalid purpose "' || left(purpose, 64) || '"', 'purpose must not be null'),
			'It is path, token, or store: and the name of a file store.');
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
'Makes a new key for path tokens, API tokens or a file store: {"kid", "purpose", "signs_from"}. Until then the key before it signs, so that edges and stores can learn the new one; what the old key signed is good for as long as it was going to be.
Units and ranges: purpose is path, token, or store:NAME for a file store; lead_seconds from 0 to 604800. Nobody has to wait for the first key.
NULL: NULL is an error.
Errors: 22023 for what is out of range.
Source: vvault_stream.signing_keys; the setting token_algorithm says which key tokens get. Call vvault_signing_keys() for each edge or store after it, or vvault_jwks() for who checks tokens; keys that are not checked by any more are forgotten.';

CREATE FUNCTION vvault_stream.key_file(purpose text) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM vvault_stream.signing_key(key_file.purpose);
	RETURN (SELECT json_build_object('purpose', key_file.purpose, 'keys', coalesce(json_object_agg(k.kid,
			translate(encode(vvault_stream.unsealed(s.name, s.secret, s.sealed_by), 'base64'), E'+/=\n', '-_') ORDER BY k.signs_from, k.kid), '{}'))
		FROM vvault_stream.signing_keys k JOIN vvault_stream.secrets s ON s.name = 'key:' || k.kid
		WHERE k.purpose = key_file.purpose AND k.algorithm = 'HS256'
			AND (s.sealed_by IS NULL OR vvault_stream.opening_key(s.sealed_by) IS NOT NULL) AND coalesce(k.checked_until > clock_timestamp(), true));
END
$$;
COMMENT ON FUNCTION vvault_stream.key_file(text) IS
'The keys of a purpose that are checked by, as nginx reads them; a first one is made where there is none.';

CREATE FUNCTION @extschema@.vvault_signing_keys(purpose text DEFAULT 'path') RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.check_purpose(vvault_signing_keys.purpose);
	RETURN vvault_stream.key_file(vvault_signing_keys.purpose);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_signing_keys(text) IS
'The file of keys that nginx checks by: {"purpose", "keys": {"KID": "the key in base64url"}}. It is secret: write it with mode 600 (psql -XAtc ... >keys.new && mv keys.new keys.json); nginx reads it at each request, so nothing has to be restarted.
Units and ranges: purpose is path for edges, store:NAME for the file store of this name, or token for who checks API tokens by HS256; private keys of ES256 are told to nobody.
NULL: NULL is an error.
Errors: 22023 for another purpose.
Source: vvault_stream.signing_keys and secrets; a first key is made where there is none.';
