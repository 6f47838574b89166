--
-- plain.sql
--		Tokens as one would check them without C: the same HMAC, by pgcrypto,
--		and the same claims, in SQL and PL/pgSQL. plain.verify asks for less, as
--		pgjwt does: no revocation, no name that comes twice, no issuer;
--		plain.verify_all asks what vvault_token_verify() asks. Neither can check
--		ES256: there is no such function in SQL.
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

-- The same checks as ours, and a comparison whose time tells nothing.
CREATE FUNCTION plain.read_object(part text) RETURNS json LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	object json;
	names text[];
BEGIN
	IF part !~ '^[A-Za-z0-9_-]+$' OR plain.url_encode(plain.url_decode(part)) <> part THEN
		RETURN NULL;
	END IF;
	object := convert_from(plain.url_decode(part), 'UTF8')::json;
	SELECT array_agg(k) INTO names FROM json_object_keys(object) k;
	RETURN CASE WHEN cardinality(names) = (SELECT count(DISTINCT n) FROM unnest(names) n) THEN object END;
EXCEPTION WHEN OTHERS THEN
	RETURN NULL;
END
$$;

CREATE FUNCTION plain.claims_problem(claims json) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	skew interval;
	issuer text;
	audience text;
BEGIN
	SELECT make_interval(secs => max(s.value) FILTER (WHERE s.name = 'token_skew_seconds')::double precision),
		max(s.value) FILTER (WHERE s.name = 'token_issuer'), max(s.value) FILTER (WHERE s.name = 'token_audience')
	INTO skew, issuer, audience
	FROM vvault_stream.effective_settings s WHERE s.name IN ('token_skew_seconds', 'token_issuer', 'token_audience');
	RETURN CASE WHEN claims IS NULL THEN 'it is not JSON'
		WHEN issuer <> '' AND claims ->> 'iss' IS DISTINCT FROM issuer THEN 'its issuer is another'
		WHEN audience <> '' AND NOT coalesce(CASE json_typeof(claims -> 'aud') WHEN 'array' THEN (claims -> 'aud')::jsonb ? audience
			ELSE claims ->> 'aud' = audience END, false) THEN 'it is for another audience'
		WHEN NOT coalesce(plain.numeric_date(claims ->> 'exp') + skew > clock_timestamp(), false) THEN 'it has expired'
		WHEN NOT coalesce(plain.numeric_date(claims ->> 'nbf') <= clock_timestamp() + skew, true)
			OR NOT coalesce(plain.numeric_date(claims ->> 'iat') <= clock_timestamp() + skew, true) THEN 'it is not good yet'
		WHEN EXISTS (SELECT FROM vvault_stream.revocations r WHERE r.jti = claims ->> 'jti') THEN 'it was revoked' END;
END
$$;

CREATE FUNCTION plain.verify_all(token text) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE
	parts text[] := string_to_array(token, '.');
	header json;
	claims json;
	problem text;
	k plain.keys;
BEGIN
	IF cardinality(parts) <> 3 OR length(token) > 8192 OR length(parts[1]) > 1024 THEN
		problem := 'it has not three parts';
	ELSE
		header := plain.read_object(parts[1]);
		SELECT * INTO k FROM plain.keys x WHERE x.kid = header ->> 'kid' AND coalesce(x.checked_until > now(), true);
		problem := CASE WHEN header IS NULL THEN 'it is not JSON'
			WHEN header ->> 'alg' IS DISTINCT FROM 'HS256' THEN 'its algorithm is not allowed'
			WHEN header::jsonb ?| '{crit,jku,jwk,x5u,x5c}' OR lower(header ->> 'typ') <> 'jwt' THEN 'its header is wrong'
			WHEN k.kid IS NULL THEN 'its key is not known'
			WHEN sha256(hmac(convert_to(parts[1] || '.' || parts[2], 'UTF8'), k.secret, 'sha256')) <> sha256(plain.url_decode(parts[3]))
				THEN 'its signature is wrong' END;
	END IF;
	IF problem IS NULL THEN
		claims := plain.read_object(parts[2]);
		problem := plain.claims_problem(claims);
	END IF;
	RETURN json_build_object('valid', problem IS NULL, 'reason', problem, 'claims', claims);
END
$$;
