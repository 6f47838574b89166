--
-- headers.sql
--		Calls every reader as a plain role with hostile request settings, such
--		as any client can make: request.headers and its like.
--
-- usage: psql -X -d DATABASE [-v rounds=3000] [-v seed=0.5] -f test/fuzz/headers.sql
--
-- As a superuser; the database must have vvault in a schema of the search_path.
-- A role and a few videos are made and taken away again, since a transaction that
-- has written gets no ETag; what an earlier run left behind goes too. Prints the
-- seed (-1 to 1), the outcomes and "ok", or stops with the first error. What must
-- hold:
--
--		no setting makes a reader fail
--		the reply is the one without any request, or nothing and status 304,
--		and that only where the headers name the reply's ETag or have a *
--		what PostgREST is told is JSON of known headers, nothing of the request
--		without a method no setting is touched
--
\set ON_ERROR_STOP 1
\set QUIET 1
\pset format unaligned
\pset tuples_only on
\if :{?rounds} \else \set rounds 3000 \endif
\if :{?seed}
\else
SELECT round((random() * 2 - 1)::numeric, 6) AS seed \gset
\endif
\echo # seed :seed, rounds :rounds
SET client_min_messages = warning;
SELECT setseed(:seed) \g /dev/null
SELECT set_config('fuzz.rounds', :'rounds', false) \g /dev/null
SELECT 'DROP OWNED BY vvault_fuzz_reader; DROP ROLE vvault_fuzz_reader'
WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = 'vvault_fuzz_reader') \gexec
DELETE FROM vvault.videos WHERE video_id ~ '^vvault_fuzz_';
CREATE ROLE vvault_fuzz_reader;
SELECT vvault_grant('vvault_fuzz_reader', 'reader') \g /dev/null
INSERT INTO vvault.videos (region, video_id, charted, title, views, likes, virality_score)
SELECT r, 'vvault_fuzz_' || i, true, 'title "' || i || E'\\ \n', i, i, i FROM unnest('{PL,US}'::text[]) r, generate_series(1, 5) i;

\ir ../examples.sql

-- A call of every reader, with values for the arguments that it must have.
-- Counters of the cache, which some tell, move with every call.
CREATE TEMP TABLE reader (call text, steady boolean GENERATED ALWAYS AS (call !~ 'vvault_(health|cache)') STORED);
INSERT INTO reader (call)
SELECT format('SELECT string_agg(x::text, chr(10)) FROM %s x', pg_temp.example_call(f.oid)) FROM example_function f
WHERE f.prokind = 'f' AND f.provolatile = 's';
INSERT INTO reader (call)
SELECT format('SELECT vvault_trending(%L, 3, %L)::text', 'PL', s) FROM vvault.setting_defaults d, unnest(d.choices) s
WHERE d.name = 'default_sort';

CREATE FUNCTION pg_temp.one_of(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT choices[1 + floor(random() * cardinality(choices))::integer]
$$;
CREATE FUNCTION pg_temp.fail(message text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '%', message;
END
$$;

-- Headers: as they may be, nearly so, and heaps of their parts.
CREATE FUNCTION pg_temp.headers(etag text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	value text := pg_temp.one_of('*', etag, 'W/' || etag, '"x", ' || etag, substr(etag, 2), upper(etag), '', ' *', '"',
		E'\\', E'\r\nSet-Cookie: a=b', repeat(etag, 300), repeat('"', 20000), E'\x7f\x01', '😀', '%s%n', 'é');
	result text := '';
BEGIN
	CASE floor(random() * 4)::integer
		WHEN 0 THEN RETURN json_build_object('host', 'x', 'if-none-match', value);
		WHEN 1 THEN RETURN pg_temp.one_of(
			json_build_object('if-none-match', json_build_array(value))::text, json_build_object('a', json_build_object('if-none-match', value))::text,
			json_build_object('If-None-Match', value)::text, format('{"if-none-match":%s,"if-none-match":"b"}', to_json(value)),
			format('{"if-none-match":"b","if-none-match":%s}', to_json(value)), format('{"if-none-match":%s,"if-none-match":7}', to_json(value)), format('[{"if-none-match":%s}]', to_json(value)),
			'{"if-none-match":"\u0000"}', '{"if-none-match":"\ud800"}', '{"if-none-match":5}', '{"if-none-match":null}', '{"if-none-match":true}',
			'{"if-none-match":' || repeat('[', 5000), repeat('{"a":', 3000), '{' || repeat(' ', 17000) || '}', '{"a":"' || repeat('x', 16370) || '"}');
		ELSE
			FOR i IN 1 .. 1 + floor(random() * 12)::integer LOOP
				result := result || pg_temp.one_of('{', '}', '[', ']', ':', ',', '"', '"if-none-match"', to_json(value)::text, value, E'\\', '\u00',
					'\ud83d', '\ude00', 'null', 'tru', '-', '1e999', ' ', E'\n', '"a":', '"*"', '"if-none-match":"*"', chr(1 + floor(random() * 255)::integer));
			END LOOP;
			RETURN pg_temp.one_of('{', '') || result || pg_temp.one_of('}', '');
	END CASE;
END
$$;

-- Whether headers have an If-None-Match that is this reply's: by jsonb.
CREATE FUNCTION pg_temp.matches(headers text, etag text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	h jsonb;
BEGIN
	h := headers::jsonb;
	RETURN coalesce(jsonb_typeof(h) = 'object' AND jsonb_typeof(h -> 'if-none-match') = 'string'
		AND (h ->> 'if-none-match' = '*' OR strpos(h ->> 'if-none-match', etag) > 0), false);
EXCEPTION WHEN OTHERS THEN
	RETURN false;
END
$$;

GRANT SELECT ON reader TO vvault_fuzz_reader;
BEGIN READ ONLY;
SET LOCAL ROLE vvault_fuzz_reader;
DO $$
DECLARE
	r record;
	reply text;
	etag text;
	headers text;
	method text;
	told text;
	status text;
	setting text;
	allowed boolean;
	calls text[] := '{}';
	clean text[] := '{}';	-- their replies without a request; NULL for those that move
	n integer;
	outcome text;
	outcomes jsonb := '{}';
BEGIN
	FOR r IN SELECT call, steady FROM reader LOOP
		BEGIN
			EXECUTE r.call INTO reply;
			calls := calls || r.call;
			clean := clean || CASE WHEN r.steady THEN coalesce(reply, 'none') END;
		EXCEPTION WHEN object_not_in_prerequisite_state THEN
			NULL;	-- it needs a preloaded library
		END;
	END LOOP;
	FOR i IN 1 .. current_setting('fuzz.rounds')::integer LOOP
		n := 1 + floor(random() * cardinality(calls))::integer;

		-- the ETag that a client got before
		PERFORM set_config('response.headers', '', true), set_config('response.status', '', true),
			set_config('request.headers', '', true), set_config('request.method', 'GET', true);
		EXECUTE calls[n] INTO reply;
		etag := coalesce(substring(current_setting('response.headers') FROM '"ETag":"\\("[0-9a-f]{32})\\""') || '"', '"none"');

		headers := pg_temp.headers(etag);
		method := pg_temp.one_of('GET', 'GET', 'HEAD', 'POST', '', E'\n', repeat('G', 5000), '😀');
		PERFORM set_config('request.headers', headers, true), set_config('request.method', method, true),
			set_config('response.headers', '', true), set_config('response.status', '', true);
		FOREACH setting IN ARRAY '{path,cookies,jwt.claims,jwt.claim.role}'::text[] LOOP
			PERFORM set_config('request.' || setting, pg_temp.one_of('', '{}', E'\\', '/rpc/x', '[', '{"role":"postgres"}', repeat('a', 9999)), true);
		END LOOP;
		BEGIN
			EXECUTE calls[n] INTO reply;
		EXCEPTION WHEN OTHERS THEN
			RAISE EXCEPTION '% with method "%" and headers %: % %', calls[n], left(method, 20), left(headers, 2000), SQLSTATE, SQLERRM;
		END;
		told := coalesce(current_setting('response.headers'), '');
		status := coalesce(current_setting('response.status'), '');
		allowed := method <> '' AND pg_temp.matches(headers, etag);

		IF method = '' AND told || status <> '' THEN
			RAISE EXCEPTION '% touches settings without a request: % %', calls[n], told, status;
		ELSIF told <> '' AND (SELECT bool_or(e.key NOT IN ('Cache-Control', 'ETag', 'X-Cache', 'Content-Type', 'Content-Security-Policy', 'Vary',
					'X-Content-Type-Options', 'Referrer-Policy', 'Link')
				OR e.value ~ '[^ -~]' OR strpos(e.value, 'Set-Cookie') > 0)
			FROM json_array_elements(told::json) o, json_each_text(o) e) THEN
			RAISE EXCEPTION '% tells %', calls[n], told;
		ELSIF status = '304' THEN
			IF NOT allowed OR coalesce(reply, 'null') NOT IN ('null', '') THEN
				RAISE EXCEPTION '% is 304 for %: %', calls[n], left(headers, 2000), left(reply, 100);
			END IF;
		ELSIF allowed AND told ~ 'ETag' AND octet_length(headers) <= 16384 THEN
			RAISE EXCEPTION '% is not 304 for %', calls[n], headers;
		ELSIF status <> '' OR coalesce(reply, 'none') <> clean[n] THEN
			RAISE EXCEPTION '% with headers %: status "%", %', calls[n], left(headers, 2000), status, left(reply, 200);
		END IF;
		outcome := CASE WHEN method = '' THEN 'no request' WHEN status = '304' THEN '304' WHEN allowed THEN 'never kept' ELSE 'answered' END;
		outcomes := outcomes || jsonb_build_object(outcome, coalesce((outcomes ->> outcome)::integer, 0) + 1);
	END LOOP;
	PERFORM set_config('fuzz.outcomes', outcomes::text, false);
END
$$;
COMMIT;
SELECT format('# %s: %s', o.key, o.value) FROM jsonb_each_text(current_setting('fuzz.outcomes')::jsonb) o ORDER BY o.key;
SELECT pg_temp.fail('no reply was 304') WHERE :rounds >= 200 AND NOT current_setting('fuzz.outcomes')::jsonb ? '304';
DELETE FROM vvault.videos WHERE video_id ~ '^vvault_fuzz_';
DROP OWNED BY vvault_fuzz_reader;
DROP ROLE vvault_fuzz_reader;
\echo ok
