--
-- plain.sql
--		Tokens as one would check them without C: the same HMAC, by pgcrypto,
--		and the same claims, in SQL and PL/pgSQL. It asks for less: no
--		revocation, no name that comes twice, no issuer.
--
CREATE EXTENSION IF NOT EXISTS pgcrypto;
CREATE SCHEMA plain;
CREATE TABLE plain.keys (kid text PRIMARY KEY, secret bytea NOT NULL, checked_until timestamptz);
INSERT INTO plain.keys SELECT kid, key FROM vvault_stream.signing_key('token');

CREATE FUNCTION plain.url_decode(data text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT decode(t || repeat('=', (4 - length(t) % 4) % 4), 'base64') FROM translate(data, '-_', '+/') t
$$;

CREATE FUNCTION plain.url_encode(data bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT translate(encode(data, 'base64'), E'+/=\n', '-_')
$$;

CREATE FUNCTION plain.numeric_date(t text) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN to_timestamp(t::double precision);
EXCEPTION WHEN OTHERS THEN
	RETURN NULL;
END
$$;

CREATE FUNCTION plain.verify(token text) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE
	parts text[] := string_to_array(token, '.');
	header json;
	claims json;
	k plain.keys;
BEGIN
	IF cardinality(parts) <> 3 THEN
		RETURN json_build_object('valid', false, 'reason', 'it has not three parts', 'claims', NULL);
	END IF;
	header := convert_from(plain.url_decode(parts[1]), 'UTF8')::json;
	IF header ->> 'alg' <> 'HS256' THEN
		RETURN json_build_object('valid', false, 'reason', 'its algorithm is not allowed', 'claims', NULL);
	END IF;
	SELECT * INTO k FROM plain.keys x WHERE x.kid = header ->> 'kid' AND coalesce(x.checked_until > now(), true);
	IF NOT FOUND OR plain.url_encode(hmac(convert_to(parts[1] || '.' || parts[2], 'UTF8'), k.secret, 'sha256')) <> parts[3] THEN
		RETURN json_build_object('valid', false, 'reason', 'its signature is wrong', 'claims', NULL);
	END IF;
	claims := convert_from(plain.url_decode(parts[2]), 'UTF8')::json;
	IF NOT coalesce(plain.numeric_date(claims ->> 'exp') > clock_timestamp(), false)
			OR NOT coalesce(plain.numeric_date(claims ->> 'nbf') <= clock_timestamp(), true) THEN
		RETURN json_build_object('valid', false, 'reason', 'it has expired', 'claims', claims);
	END IF;
	RETURN json_build_object('valid', true, 'reason', NULL, 'claims', claims);
END
$$;

-- The same where pgcrypto is not to be had: HMAC of the server's sha256().
CREATE FUNCTION plain.hmac_sha256(message bytea, key bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	padded bytea := key || decode(repeat('00', 64 - length(key)), 'hex');
	inner_key bytea := padded;
	outer_key bytea := padded;
BEGIN
	FOR i IN 0 .. 63 LOOP
		inner_key := set_byte(inner_key, i, get_byte(padded, i) # 54);
		outer_key := set_byte(outer_key, i, get_byte(padded, i) # 92);
	END LOOP;
	RETURN sha256(outer_key || sha256(inner_key || message));
END
$$;

CREATE FUNCTION plain.verify_without_pgcrypto(token text) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE
	parts text[] := string_to_array(token, '.');
	header json := convert_from(plain.url_decode(parts[1]), 'UTF8')::json;
	claims json;
	k plain.keys;
BEGIN
	SELECT * INTO k FROM plain.keys x WHERE x.kid = header ->> 'kid';
	IF header ->> 'alg' <> 'HS256' OR plain.url_encode(plain.hmac_sha256(convert_to(parts[1] || '.' || parts[2], 'UTF8'), k.secret)) <> parts[3] THEN
		RETURN json_build_object('valid', false, 'reason', 'its signature is wrong', 'claims', NULL);
	END IF;
	claims := convert_from(plain.url_decode(parts[2]), 'UTF8')::json;
	RETURN json_build_object('valid', plain.numeric_date(claims ->> 'exp') > clock_timestamp(), 'reason', NULL, 'claims', claims);
END
$$;
