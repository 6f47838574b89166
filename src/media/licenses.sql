-- Keys for players, and for the licence servers of vendors.

-- Who comes by way of an edge is judged by the token of his path, which is for
-- the generation that the key is of; everybody else as for any other view.
CREATE FUNCTION vvault_stream.check_key(video_id text, generation integer) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	token text := vvault_stream.path_token_of_request();
	problem text;
BEGIN
	IF token IS NOT NULL THEN
		problem := vvault_stream.path_token_problem(token, check_key.video_id, check_key.generation, clock_timestamp());
	ELSIF vvault_stream.is_denied('video', check_key.video_id) THEN
		problem := 'denied';
	ELSIF NOT @extschema@.vvault_may(check_key.video_id, 'view') THEN
		problem := 'not permitted';
	END IF;
	IF problem IS NOT NULL THEN
		RAISE EXCEPTION 'permission denied for the keys of video "%": %', check_key.video_id, problem
			USING ERRCODE = 'insufficient_privilege', HINT = 'Keys are for who may view the video: see vvault_may().';
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_key(text, integer) IS
'Raises 42501 where the caller, or the path token that he comes with, gets no key of a video''s generation.';

CREATE FUNCTION vvault_stream.check_keys(kids uuid[], levels text[]) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing uuid;
BEGIN
	SELECT w.kid INTO missing FROM unnest(check_keys.kids) WITH ORDINALITY w (kid, i)
	WHERE NOT EXISTS (SELECT FROM vvault_stream.content_keys k WHERE k.kid = w.kid AND k.level = ANY (check_keys.levels))
	ORDER BY w.i LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'key "%" does not exist', missing USING ERRCODE = 'PT404',
			HINT = format('It is that of a video whose protection is %s.', array_to_string(check_keys.levels, ' or '));
	END IF;
	PERFORM vvault_stream.check_key(g.video_id, g.generation)
	FROM (SELECT DISTINCT k.video_id, k.generation FROM vvault_stream.content_keys k WHERE k.kid = ANY (check_keys.kids)) g;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_keys(uuid[], text[]) IS
'Raises PT404 where there is no such key of these levels, 42501 where the caller may not have one.';

CREATE FUNCTION vvault_stream.requested_kids(request json) RETURNS uuid[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kids text[];
BEGIN
	PERFORM vvault_stream.readable(request, 'licence request');
	IF coalesce(json_typeof(request) = 'object' AND json_typeof(request -> 'kids') = 'array'
			AND json_array_length(request -> 'kids') BETWEEN 1 AND 64, false) THEN
		kids := ARRAY(SELECT CASE json_typeof(o.value) WHEN 'string' THEN o.value #>> '{}' END
			FROM json_array_elements(request -> 'kids') WITH ORDINALITY o (value, i) ORDER BY o.i);
	END IF;
	IF NOT coalesce((SELECT bool_and(coalesce(k ~ '^[A-Za-z0-9_-]{21}[AQgw]$', false)) FROM unnest(kids) k), false) THEN
		PERFORM vvault_stream.refuse('invalid licence request',
			'It is an object whose "kids" are an array of 1 to 64 key ids, each 16 bytes in base64url, as W3C''s Encrypted Media Extensions have it.');
	END IF;
	RETURN ARRAY(SELECT encode(decode(translate(k, '-_', '+/') || '==', 'base64'), 'hex')::uuid
		FROM unnest(kids) WITH ORDINALITY o (k, i) ORDER BY i);
END
$$;
COMMENT ON FUNCTION vvault_stream.requested_kids(json) IS
'The key ids that a licence is asked for; 22023 for what is no request.';

CREATE FUNCTION vvault_stream.base64url(bytes bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN translate(encode(bytes, 'base64'), E'+/=\n', '-_');
COMMENT ON FUNCTION vvault_stream.base64url(bytea) IS
'Base64 as it stands in a URL, without padding.';

CREATE FUNCTION @extschema@.vvault_clearkey_license(request json) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kids uuid[] := vvault_stream.requested_kids(vvault_clearkey_license.request);
BEGIN
	PERFORM vvault_stream.tell_no_store(NULL);
	PERFORM vvault_stream.check_keys(kids, '{clear_key}');
	RETURN (SELECT json_build_object('keys', json_agg(json_build_object('kty', 'oct',
			'kid', vvault_stream.base64url(uuid_send(k.kid)), 'k', vvault_stream.base64url(vvault_stream.content_key(k)))
			ORDER BY k.class, k.kid), 'type', 'temporary')
		FROM vvault_stream.content_keys k WHERE k.kid = ANY (kids));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_clearkey_license(json) IS
'A licence for Clear Key (W3C Encrypted Media Extensions): the keys that a player of a clear_key video asks for, {"keys": [{"kty", "kid", "k"}], "type"}. The reply is secret: private, no-store.
Units and ranges: request is what the player sends, {"kids": [...], "type"}: 1 to 64 ids of keys, 16 bytes each in base64url without padding; kid and k are the same. type is temporary.
NULL: NULL is an error.
Errors: 22023 for what is no request, PT404 (HTTP 404) for a key that is not there or of another level than clear_key, 42501 for a video that the caller may not view or that is denied, 55000 where the key is sealed under a master key that is not here.
Source: vvault_stream.content_keys. vvault_may() decides; where an edge hands on the token of its path (Vvault-Path-Token), that does.';

CREATE FUNCTION @extschema@.vvault_hls_key(kid text DEFAULT NULL) RETURNS vvault."*/*"
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT coalesce(vvault_hls_key.kid ~ '^[0-9a-f]{32}$', false) THEN
		PERFORM vvault_stream.refuse('invalid kid', 'It is the id of a key, 32 hexadecimal digits, as a playlist has it.');
	END IF;
	PERFORM vvault_stream.tell_no_store('application/octet-stream');
	PERFORM vvault_stream.check_keys(ARRAY[vvault_hls_key.kid::uuid], '{aes128,clear_key}');
	RETURN (SELECT vvault_stream.content_key(k) FROM vvault_stream.content_keys k WHERE k.kid = vvault_hls_key.kid::uuid);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_hls_key(text) IS
'A key for HLS, of an aes128 or clear_key video: 16 bytes, as application/octet-stream. The reply is secret: private, no-store.
Units and ranges: kid is the id of the key, 32 hexadecimal digits in lower case.
NULL: NULL is an error.
Errors: 22023 for what is no id, PT404 (HTTP 404) for a key that is not there or of another level, 42501 for a video that the caller may not view or that is denied, 55000 where the key is sealed under a master key that is not here.
Source: vvault_stream.content_keys. vvault_may() decides; where an edge hands on the token of its path (Vvault-Path-Token), that does.';

CREATE FUNCTION @extschema@.vvault_pssh(video_id text) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.check_may(vvault_pssh.video_id, 'view');
	PERFORM vvault_stream.tell_no_store(NULL);
	RETURN (SELECT coalesce(json_agg(json_build_object('class', k.class, 'kid', k.kid, 'scheme', vvault_stream.encryption_scheme(k.level),
			'common', p.boxes -> 0, 'widevine', p.boxes -> 1, 'playready', p.boxes -> 2) ORDER BY k.class), '[]')
		FROM vvault_stream.assets a
			JOIN vvault_stream.content_keys k ON k.video_id = a.video_id AND k.generation = a.generation,
			vvault_stream.pssh_boxes(k.kid) p (boxes)
		WHERE a.video_id = vvault_pssh.video_id AND k.level <> 'aes128' AND a.state NOT IN ('deleting', 'deleted'));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_pssh(text) IS
'What the files of a video''s generation that is shown tell systems of protection: an array of {"class", "kid", "scheme", "common", "widevine", "playready"}, one for each key. There is no key in it.
Units and ranges: common, widevine and playready are whole pssh boxes (ISO/IEC 23001-7) in base64, null where the level has none; common lists all keys of the generation; class is AUDIO, SD, HD or UHD; scheme is cenc or cbcs. A video without such keys, aes128 among them, has [].
NULL: NULL gives [].
Errors: 42501 for a video that the caller may not view.
Source: vvault_stream.content_keys.';

CREATE FUNCTION vvault_stream.cpix(content_id text, level text, kids uuid[], classes text[], keys bytea[], checksums bytea[],
	certificate bytea) RETURNS text
AS 'MODULE_PATHNAME', 'vvault_stream_cpix'
LANGUAGE C STABLE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.cpix(text, text, uuid[], text[], bytea[], bytea[], bytea) IS
'A document of CPIX 2.3 that has these keys: for the holder of a certificate (X.509 in DER) alone, or in clear where that is NULL.';

-- Of several, as a vendor may send a whole chain, the first is the holder's.
CREATE FUNCTION vvault_stream.certificate_der(certificate text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	body text := regexp_replace(substring(left(certificate, 65536) FROM
		'-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----'), '\s', '', 'g');
BEGIN
	IF NOT coalesce(body ~ '^[A-Za-z0-9+/]+={0,2}$' AND length(body) % 4 = 0, false) THEN
		PERFORM vvault_stream.refuse('invalid certificate', 'It is one of X.509 in PEM: lines of base64 between -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----.');
	END IF;
	RETURN decode(body, 'base64');
END
$$;
COMMENT ON FUNCTION vvault_stream.certificate_der(text) IS
'The bytes of a certificate in PEM, the first of several; 22023 for what is none.';

CREATE FUNCTION @extschema@.vvault_cpix(video_id text DEFAULT NULL, certificate text DEFAULT NULL) RETURNS vvault."*/*"
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	newest integer := (SELECT max(k.generation) FROM vvault_stream.content_keys k WHERE k.video_id = vvault_cpix.video_id);
BEGIN
	IF NOT EXISTS (SELECT FROM vvault_stream.assets a WHERE a.video_id = vvault_cpix.video_id) THEN
		RAISE EXCEPTION 'video "%" does not exist', coalesce(left(vvault_cpix.video_id, 64), 'NULL') USING ERRCODE = 'PT404',
			HINT = 'vvault_create_asset makes one.';
	ELSIF newest IS NULL THEN
		RAISE EXCEPTION 'video "%" has no keys', vvault_cpix.video_id USING ERRCODE = 'PT409',
			HINT = 'They are made when a video that vvault_protect() protects is processed.';
	END IF;
	PERFORM vvault_stream.tell_no_store('application/xml');
	RETURN (SELECT convert_to(vvault_stream.cpix(vvault_cpix.video_id, min(k.level), array_agg(k.kid ORDER BY k.class),
			array_agg(k.class ORDER BY k.class), array_agg(vvault_stream.content_key(k) ORDER BY k.class),
			array_agg(coalesce(k.checksum, '') ORDER BY k.class), vvault_stream.certificate_der(vvault_cpix.certificate)), 'UTF8')
		FROM vvault_stream.content_keys k WHERE k.video_id = vvault_cpix.video_id AND k.generation = newest);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_cpix(text, text) IS
'The keys of a video''s newest protected generation as a document of CPIX 2.3 (DASH-IF), for the licence server of a vendor: keys, what each system is told of them, and which key is for which renditions. With the certificate of the vendor nobody else can read the keys; without one they are in clear, and the reply is secret.
Units and ranges: XML in UTF-8; contentId is the video_id. certificate is one of X.509 in PEM with a key of RSA of 2048 to 8192 bits; of several the first counts. Whose it is, and until when it holds, is not asked. Keys are encrypted by AES-256-CBC with a MAC of HMAC-SHA-512, and what these are made with by RSA-OAEP. Call it when vvault_protect() was called: the keys are there at once if the video is being processed.
NULL: certificate NULL leaves keys in clear; video_id NULL is an error.
Errors: PT404 (HTTP 404) for a video that is not there, PT409 (HTTP 409) for one without keys, 55000 where they are sealed under a master key that is not here, 22023 for what is no such certificate, 0A000 with one where the library has no OpenSSL.
Source: vvault_stream.content_keys. Operators alone may call it.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES
	('viewer', 'vvault_clearkey_license'), ('viewer', 'vvault_hls_key'), ('viewer', 'vvault_pssh');
