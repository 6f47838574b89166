-- Where objects are: stores that speak S3, and folders behind an nginx that is
-- configured as deploy/store.conf.

CREATE TABLE vvault_stream.stores (
	store text COLLATE "C" PRIMARY KEY CHECK (store ~ '^[a-z0-9_-]{1,32}$'),
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('file', 's3')),
	endpoint text COLLATE "C" NOT NULL CHECK (endpoint ~ '^https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._-]+)*$'),
	bucket text COLLATE "C" CHECK (bucket ~ '^[A-Za-z0-9._-]{1,255}$'),
	region text COLLATE "C" NOT NULL DEFAULT 'us-east-1' CHECK (region ~ '^[a-z0-9-]{1,64}$'),
	prefix text COLLATE "C" NOT NULL DEFAULT '' CHECK (prefix ~ '^([A-Za-z0-9_-][A-Za-z0-9._-]*/)*$' AND octet_length(prefix) <= 255),
	key_id text COLLATE "C" CHECK (octet_length(key_id) BETWEEN 1 AND 255),
	is_default boolean NOT NULL DEFAULT false,
	part_size bigint NOT NULL DEFAULT 16777216 CHECK (part_size BETWEEN 1024 AND 5368709120),
	large_object bigint NOT NULL DEFAULT 5368709120 CHECK (large_object >= 1),
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	CHECK (kind <> 's3' OR bucket IS NOT NULL AND key_id IS NOT NULL AND part_size >= 5242880)
);
COMMENT ON TABLE vvault_stream.stores IS
'Where objects are kept. The secrets of stores are in vvault_stream.secrets. Dumped.';
COMMENT ON COLUMN vvault_stream.stores.endpoint IS 'URL; without a / at its end';
COMMENT ON COLUMN vvault_stream.stores.prefix IS 'what all keys begin with in the store; empty, or with a / at its end';
COMMENT ON COLUMN vvault_stream.stores.key_id IS 'the access key id of a store that speaks S3';
COMMENT ON COLUMN vvault_stream.stores.part_size IS 'of uploads in parts, in bytes';
COMMENT ON COLUMN vvault_stream.stores.large_object IS 'what is larger goes to S3 in parts; a single PUT ends at 5 GiB there';
CREATE UNIQUE INDEX stores_default ON vvault_stream.stores (is_default) WHERE is_default;
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.stores', '');

CREATE FUNCTION vvault_stream.check_store(s vvault_stream.stores, has_secret boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wrong text;
	hint text;
BEGIN
	IF NOT coalesce(s.store ~ '^[a-z0-9_-]{1,32}$', false) THEN
		wrong := 'store';
		hint := 'It has 1 to 32 characters a-z, 0-9, _ and -.';
	ELSIF NOT coalesce(s.kind IN ('file', 's3'), false) THEN
		wrong := 'kind';
		hint := 'It is file or s3.';
	ELSIF NOT coalesce(s.endpoint ~ '^https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._-]+)*$', false) THEN
		wrong := 'endpoint';
		hint := 'It is a URL such as https://store.example.org, without user, query or a / at its end.';
	ELSIF NOT coalesce(s.bucket ~ '^[A-Za-z0-9._-]{1,255}$', s.kind <> 's3') THEN
		wrong := 'bucket';
		hint := 'A store that speaks S3 has one, of 1 to 255 letters, digits, ., _ and -.';
	ELSIF NOT s.region ~ '^[a-z0-9-]{1,64}$' THEN
		wrong := 'region';
		hint := 'It is one such as us-east-1.';
	ELSIF NOT s.prefix ~ '^([A-Za-z0-9_-][A-Za-z0-9._-]*/)*$' OR octet_length(s.prefix) > 255 THEN
		wrong := 'prefix';
		hint := 'It is empty, or names of folders, each with a / behind it.';
	ELSIF s.kind = 's3' AND (NOT coalesce(octet_length(s.key_id) BETWEEN 1 AND 255, false) OR NOT EXISTS (
			SELECT FROM vvault_stream.secrets x WHERE x.name = 's3:' || s.store)) THEN
		wrong := 'key_id or secret';
		hint := 'A store that speaks S3 has both.';
	ELSIF s.kind = 'file' AND (has_secret OR s.key_id IS NOT NULL) THEN
		wrong := 'key_id or secret';
		hint := 'A file store makes its own keys: see vvault_signing_keys().';
	ELSIF s.part_size NOT BETWEEN (CASE WHEN s.kind = 's3' THEN 5242880 ELSE 1024 END) AND 5368709120 THEN
		wrong := 'part_size';
		hint := 'It is from 1024, or 5242880 for S3, to 5368709120 bytes.';
	ELSIF s.large_object < 1 THEN
		wrong := 'large_object';
		hint := 'It is at least 1.';
	END IF;
	IF wrong IS NOT NULL THEN
		PERFORM vvault_stream.refuse('invalid ' || wrong, hint);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_store(vvault_stream.stores, boolean) IS
'Raises 22023 for what no store can be; no error shows a secret.';

CREATE FUNCTION @extschema@.vvault_store(store text, kind text DEFAULT NULL, endpoint text DEFAULT NULL,
	bucket text DEFAULT NULL, region text DEFAULT NULL, prefix text DEFAULT NULL, key_id text DEFAULT NULL,
	secret text DEFAULT NULL, session_token text DEFAULT NULL, is_default boolean DEFAULT NULL,
	part_size bigint DEFAULT NULL, large_object bigint DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	s vvault_stream.stores;
	is_kept boolean;
	has_secret boolean;
BEGIN
	SELECT o.* INTO s FROM vvault_stream.stores o WHERE o.store = vvault_store.store FOR UPDATE;
	s := (vvault_store.store, coalesce(s.kind, vvault_store.kind), coalesce(vvault_store.endpoint, s.endpoint),
		coalesce(vvault_store.bucket, s.bucket), coalesce(vvault_store.region, s.region, 'us-east-1'),
		coalesce(vvault_store.prefix, s.prefix, ''), coalesce(vvault_store.key_id, s.key_id),
		coalesce(vvault_store.is_default, s.is_default, NOT EXISTS (SELECT FROM vvault_stream.stores)),
		coalesce(vvault_store.part_size, s.part_size, 16777216), coalesce(vvault_store.large_object, s.large_object, 5368709120),
		coalesce(s.created_at, now()));
	IF s.kind = 's3' AND s.store ~ '^[a-z0-9_-]{1,32}$' AND vvault_store.secret IS NOT NULL THEN
		is_kept := vvault_stream.keep_secret('s3:' || s.store, convert_to(vvault_store.secret, 'UTF8'));
		is_kept := vvault_stream.keep_secret('s3session:' || s.store, convert_to(nullif(vvault_store.session_token, ''), 'UTF8'));
	END IF;
	has_secret := coalesce(vvault_store.secret, vvault_store.session_token) IS NOT NULL;
	PERFORM vvault_stream.check_store(s, has_secret);
	IF s.is_default THEN
		UPDATE vvault_stream.stores o SET is_default = false WHERE o.is_default AND o.store <> s.store;
	END IF;
	INSERT INTO vvault_stream.stores AS o VALUES (s.*)
	ON CONFLICT (store) DO UPDATE SET endpoint = s.endpoint, bucket = s.bucket, region = s.region, prefix = s.prefix,
		key_id = s.key_id, is_default = s.is_default, part_size = s.part_size, large_object = s.large_object;
	IF s.kind = 'file' THEN
		PERFORM vvault_stream.signing_key('store:' || s.store);
	END IF;
	RETURN json_build_object('store', s.store, 'kind', s.kind, 'endpoint', s.endpoint, 'bucket', s.bucket,
		'region', s.region, 'prefix', s.prefix, 'key_id', s.key_id, 'is_default', s.is_default,
		'part_size', s.part_size, 'large_object', s.large_object);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_store(text, text, text, text, text, text, text, text, text, boolean, bigint, bigint) IS
'Adds a store, or changes one: {"store", "kind", "endpoint", "bucket", "region", "prefix", "key_id", "is_default", "part_size", "large_object"}. The first one is the default, where new objects go.
Units and ranges: kind is file (nginx with deploy/store.conf) or s3, and stays; endpoint is a URL; bucket, region, key_id, secret and session_token are those of S3; prefix is what all keys begin with there; part_size from 1024 (S3: 5242880) to 5368709120 bytes; large_object is the size from which on outputs go to S3 in parts.
NULL: NULL leaves what there is, or takes the default; a new secret without session_token forgets the old session.
Errors: 22023 for what no store can be. No error and no reply shows a secret; pass it as a parameter, and call this where the server does not log statements.
Source: vvault_stream.stores and secrets. A file store has keys of its own: vvault_signing_keys(''store:NAME'').';
