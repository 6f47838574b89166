-- URLs by which a store lets somebody read, write or delete an object.

CREATE FUNCTION vvault_stream.s3_url(method text, endpoint text, bucket text, object_key text, query text,
	header_names text[], header_values text[], region text, key_id text, secret text, session_token text,
	signed_at timestamptz, ttl_seconds integer) RETURNS text
AS 'MODULE_PATHNAME', 'vvault_s3_url'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vvault_stream.s3_url(text, text, text, text, text, text[], text[], text, text, text, text, timestamptz, integer) IS
'A URL signed by AWS Signature Version 4 in its query, path style. Names of headers are in lower case and sorted, with host among them; the query is as it stands in a URL.';

-- deploy/vvault.js checks the same.
CREATE FUNCTION vvault_stream.file_url(method text, endpoint text, object_key text, kid text, key bytea, expires bigint,
	size bigint) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	path text := coalesce(substring(endpoint FROM '^https?://[^/]+(/.*)$'), '') || '/' || object_key;
BEGIN
	RETURN format('%s/%s?method=%s&expires=%s%s&kid=%s&signature=%s', endpoint, object_key, method, expires,
		coalesce('&size=' || size, ''), kid, vvault_stream.signature(key, concat_ws(E'\n', 'vvault-file-1', method, path,
			expires, coalesce(size::text, ''), kid)));
END
$$;
COMMENT ON FUNCTION vvault_stream.file_url(text, text, text, text, bytea, bigint, bigint) IS
'A URL of a file store: the signature is over vvault-file-1, method, path, expiry, size (or nothing) and key id, a line each.';

CREATE FUNCTION vvault_stream.check_signed(s vvault_stream.stores, method text, object_key text, ttl_seconds integer,
	size bigint, query text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wrong text;
	hint text;
BEGIN
	IF NOT coalesce(method IN ('GET', 'HEAD', 'PUT', 'POST', 'DELETE'), false) OR (s.kind = 'file' AND method = 'POST') THEN
		wrong := 'method';
		hint := 'It is GET, HEAD, PUT or DELETE, or with S3 POST.';
	ELSIF NOT coalesce(object_key ~ '^[^/\x01-\x1f\x7f]+(/[^/\x01-\x1f\x7f]+)*$' OR s.kind = 'file' AND object_key ~ '^[^/]+(/[^/]+)*/$', false)
			OR object_key ~ '(^|/)\.\.?(/|$)' OR octet_length(object_key) > 1024 - octet_length(s.prefix)
			OR s.kind = 'file' AND object_key !~ '^[A-Za-z0-9._/-]+$' THEN
		wrong := 'object_key';
		hint := 'It is names with a / between them, none of them . or .., at most 1024 bytes, in a file store of A-Z, a-z, 0-9, ., _ and -.';
	ELSIF ttl_seconds IS NULL OR ttl_seconds NOT BETWEEN 1 AND 604800 THEN
		wrong := 'ttl_seconds';
		hint := 'It is from 1 to 604800, seven days.';
	ELSIF size < 0 THEN
		wrong := 'size';
		hint := 'It is at least 0.';
	ELSIF query IS NULL OR s.kind = 'file' AND query <> '' OR query !~ '^[A-Za-z0-9._~!$''()*+,;:@/?=&%-]*$' THEN
		wrong := 'query';
		hint := 'It is one as it stands in a URL; a file store has none.';
	END IF;
	IF wrong IS NOT NULL THEN
		PERFORM vvault_stream.refuse('invalid ' || wrong, hint);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_signed(vvault_stream.stores, text, text, integer, bigint, text) IS
'Raises 22023 for what no URL is signed for.';

CREATE FUNCTION vvault_stream.a_store(store text) RETURNS vvault_stream.stores
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s vvault_stream.stores;
BEGIN
	SELECT o.* INTO s FROM vvault_stream.stores o
	WHERE CASE WHEN a_store.store IS NULL THEN o.is_default ELSE o.store = a_store.store END;
	IF NOT FOUND THEN
		RAISE EXCEPTION '%', CASE WHEN a_store.store IS NULL THEN 'there is no store'
				ELSE format('there is no store "%s"', left(a_store.store, 64)) END
			USING ERRCODE = 'undefined_object', HINT = 'Add one by vvault_store().';
	END IF;
	RETURN s;
END
$$;
COMMENT ON FUNCTION vvault_stream.a_store(text) IS
'A store by its name, or for NULL the default one; 42704 where there is none.';

CREATE FUNCTION vvault_stream.signed_s3_url(s vvault_stream.stores, method text, object_key text, ttl_seconds integer,
	query text, header_names text[], header_values text[]) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	key text := convert_from(vvault_stream.secret('s3:' || s.store), 'UTF8');
	session text := convert_from(vvault_stream.secret('s3session:' || s.store), 'UTF8');
BEGIN
	IF key IS NULL THEN
		RAISE EXCEPTION 'there is no secret for store "%"', s.store
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Set it by vvault_store().';
	END IF;
	RETURN vvault_stream.s3_url(method, s.endpoint, s.bucket, s.prefix || object_key, query, header_names, header_values,
		s.region, s.key_id, key, coalesce(session, ''), clock_timestamp(), ttl_seconds);
END
$$;
COMMENT ON FUNCTION vvault_stream.signed_s3_url(vvault_stream.stores, text, text, integer, text, text[], text[]) IS
'A URL of a store that speaks S3, by its secret.';

CREATE FUNCTION vvault_stream.signed_file_url(s vvault_stream.stores, method text, object_key text, ttl_seconds integer,
	size bigint) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	k record;
BEGIN
	k := vvault_stream.signing_key('store:' || s.store);
	RETURN vvault_stream.file_url(method, s.endpoint, s.prefix || object_key, k.kid, k.key,
		floor(extract(epoch FROM clock_timestamp()))::bigint + ttl_seconds, size);
END
$$;
COMMENT ON FUNCTION vvault_stream.signed_file_url(vvault_stream.stores, text, text, integer, bigint) IS
'A URL of a file store, by the key that signs now.';

CREATE FUNCTION vvault_stream.signed_url(store text, method text, object_key text, ttl_seconds integer,
	size bigint DEFAULT NULL, query text DEFAULT '') RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s vvault_stream.stores := vvault_stream.a_store(signed_url.store);
BEGIN
	PERFORM vvault_stream.check_signed(s, signed_url.method, signed_url.object_key, signed_url.ttl_seconds,
		signed_url.size, signed_url.query);
	IF s.kind = 'file' THEN
		RETURN vvault_stream.signed_file_url(s, signed_url.method, signed_url.object_key, signed_url.ttl_seconds,
			signed_url.size);
	END IF;
	RETURN vvault_stream.signed_s3_url(s, signed_url.method, signed_url.object_key, signed_url.ttl_seconds, signed_url.query,
		CASE WHEN signed_url.size IS NULL THEN '{host}'::text[] ELSE '{content-length,host}' END,
		CASE WHEN signed_url.size IS NULL THEN '{""}'::text[] ELSE ARRAY[signed_url.size::text, ''] END);
END
$$;
COMMENT ON FUNCTION vvault_stream.signed_url(text, text, text, integer, bigint, text) IS
'A URL for one method on one object of a store (NULL: the default one), for so many seconds; with a size the body has to have just that.';

CREATE FUNCTION vvault_stream.signed_headers(headers json, OUT header_names text[], OUT header_values text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.readable(headers, 'headers');
	IF headers IS NOT NULL AND json_typeof(headers) NOT IN ('object', 'null') THEN
		PERFORM vvault_stream.refuse('invalid headers', 'They are an object of names and values.');
	END IF;
	SELECT array_agg(h.name ORDER BY h.name COLLATE "C"), array_agg(h.value ORDER BY h.name COLLATE "C")
	INTO header_names, header_values
	FROM (SELECT lower(e.key) AS name, btrim(regexp_replace(e.value, ' +', ' ', 'g'), ' ') AS value
		FROM json_each_text(CASE WHEN json_typeof(headers) = 'object' THEN headers ELSE '{}' END) e
		UNION ALL SELECT 'host', '') h;
	IF EXISTS (SELECT FROM unnest(header_names, header_values) u (n, v)
			WHERE n !~ '^[a-z0-9-]{1,64}$' OR v IS NULL OR v !~ '^[\x20-\x7e]*$' OR octet_length(v) > 1024)
		OR cardinality(header_names) <> (SELECT count(DISTINCT n) FROM unnest(header_names) n) THEN
		PERFORM vvault_stream.refuse('invalid headers',
			'Names are of letters, digits and -, and there once; values are ASCII; host is there by itself.');
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.signed_headers(json) IS
'Headers as a signature has them: names in lower case, sorted, host among them; values without blanks around.';

CREATE FUNCTION @extschema@.vvault_presign(method text, object_key text, ttl_seconds integer DEFAULT 3600,
	headers json DEFAULT NULL, store text DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s vvault_stream.stores := vvault_stream.a_store(vvault_presign.store);
	h record := vvault_stream.signed_headers(vvault_presign.headers);
	size bigint := (SELECT v::bigint FROM unnest(h.header_names, h.header_values) u (n, v)
		WHERE n = 'content-length' AND v ~ '^[0-9]{1,18}$');
	url text;
BEGIN
	PERFORM vvault_stream.check_signed(s, vvault_presign.method, vvault_presign.object_key, vvault_presign.ttl_seconds, size, '');
	IF s.kind = 'file' THEN
		IF h.header_names <> '{host}' AND size IS NULL OR cardinality(h.header_names) > 2 THEN
			PERFORM vvault_stream.refuse('invalid headers', 'A file store checks content-length and no other.');
		END IF;
		url := vvault_stream.signed_file_url(s, vvault_presign.method, vvault_presign.object_key, vvault_presign.ttl_seconds, size);
	ELSE
		url := vvault_stream.signed_s3_url(s, vvault_presign.method, vvault_presign.object_key, vvault_presign.ttl_seconds, '',
			h.header_names, h.header_values);
	END IF;
	RETURN json_build_object('method', vvault_presign.method, 'url', url, 'headers', coalesce(
			(SELECT json_object_agg(n, v) FROM unnest(h.header_names, h.header_values) u (n, v) WHERE n <> 'host'), '{}'),
		'expires_at', vvault_stream.utc_text(date_trunc('second', clock_timestamp()) + make_interval(secs => vvault_presign.ttl_seconds)));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_presign(text, text, integer, json, text) IS
'A signed URL for one method on one object: {"method", "url", "headers", "expires_at"}. Whoever has it can do this one thing until it expires; the request has to have these headers.
Units and ranges: method is GET, HEAD, PUT, DELETE, or with S3 POST; ttl_seconds from 1 to 604800, seven days; headers is an object, such as {"content-length": 1000}, which makes the store refuse a body of another length.
NULL: store NULL is the default one, headers NULL are none; any other NULL is an error.
Errors: 22023 for what no URL is signed for, 42704 where there is no such store, 55000 where its secret is missing.
Source: AWS Signature Version 4 in the query; for a file store HMAC-SHA-256, which nginx checks (deploy/store.conf).';
