--
-- states.sql
--		Gives the aggregates' deserialization functions damaged states, which
--		SQL itself cannot do: by way of a module of its own.
--
-- usage: make -C test/fuzz/states
--		psql -X -d DATABASE -v module=$PWD/test/fuzz/states/states
--			[-v rounds=2000] [-v seed=0.5] -f test/fuzz/states.sql
--
-- As a superuser; the database must have vvault in a schema of the search_path.
-- All is done in one transaction that is rolled back. Prints the seed (-1 to
-- 1), the outcomes and "ok", or stops with the first error. What must hold, for
-- every aggregate with a deserialization function, those to come included:
--
--		states that are as they were sent give what the aggregate gives itself
--		whatever the bytes: a result, or an error of the classes 22 and 08
--		what a state tells is what its copy by way of bytes tells
--
\set ON_ERROR_STOP 1
\set QUIET 1
\pset format unaligned
\pset tuples_only on
\if :{?rounds} \else \set rounds 2000 \endif
\if :{?seed}
\else
SELECT round((random() * 2 - 1)::numeric, 6) AS seed \gset
\endif
\echo # seed :seed, rounds :rounds
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL extra_float_digits = 1;
SELECT setseed(:seed) \g /dev/null
SELECT set_config('fuzz.rounds', :'rounds', true) \g /dev/null

CREATE FUNCTION pg_temp.fuzz_final(aggregate regprocedure, states bytea[]) RETURNS text
LANGUAGE c AS :'module', 'fuzz_final';

-- The calls whose states are sent: of rows from a to b.
CREATE TEMP TABLE calls (name text PRIMARY KEY, arguments text) ON COMMIT DROP;
INSERT INTO calls VALUES
	('vvault_engagement', '(i * 7)::bigint, (i * 1000 + 9223372036854775807 / 2)::bigint'),
	('vvault_virality', '''2026-01-01''::timestamptz + i * interval ''1 hour'', (1000 * i)::bigint, nullif(i, 3)::bigint, (i % 4)::bigint, 5000::float8, 5::float8'),
	('vvault_viral_stats', 'nullif(i * 1.5, 4.5)::float8, nullif(i % 4, 2), 20::float8'),
	('vvault_auc', '(i % 5)::float8, i % 3 = 0'),
	('vvault_feed', 'CASE WHEN i % 7 > 0 THEN json_build_object(''näme'', i) END, nullif(i % 5, 1)::float8, 6');

CREATE FUNCTION pg_temp.fail(message text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '%', message;
END
$$;

-- Every aggregate once more, with the serialization as its final function.
CREATE TEMP TABLE aggregate ON COMMIT DROP AS
SELECT a.aggfnoid AS function, p.proname::text AS name, c.arguments, a.*
FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid
	JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
		AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault')
	LEFT JOIN calls c ON c.name = p.proname
WHERE a.aggdeserialfn <> 0;
SELECT pg_temp.fail('no call here of ' || name) FROM aggregate WHERE arguments IS NULL;
SELECT format('CREATE AGGREGATE pg_temp.%I(%s) (SFUNC = %s, STYPE = internal, FINALFUNC = %s)', 'sent_' || name,
	CASE name WHEN 'vvault_feed' THEN 'anyelement, double precision, integer' ELSE pg_get_function_identity_arguments(function) END,
	aggtransfn, aggserialfn) FROM aggregate \gexec

-- States of up to 30 rows: the first and the last row, the bytes.
CREATE TEMP TABLE sent (name text, first integer, last integer, state bytea) ON COMMIT DROP;
SELECT format('INSERT INTO sent SELECT %L, a, b, (SELECT pg_temp.%I(%s) FROM generate_series(a, b) i)
	FROM (VALUES (1, 1), (1, 2), (3, 9), (10, 30), (7, 7), (31, 40)) AS x (a, b)', name, 'sent_' || name, arguments) FROM aggregate \gexec

-- As they were sent
SELECT format('SELECT pg_temp.fail(%L || x.first || %L) FROM sent x JOIN sent y ON y.name = x.name AND y.first = x.last + 1
	WHERE x.name = %1$L AND (SELECT coalesce(%1$I(%3$s)::text, ''NULL'') FROM generate_series(x.first, y.last) i)
		<> pg_temp.fuzz_final(%4$s, ARRAY[x.state, y.state])', name, ' differs', arguments, function::oid) FROM aggregate \gexec

CREATE FUNCTION pg_temp.one_of(VARIADIC choices anyarray) RETURNS anyelement LANGUAGE sql VOLATILE AS $$
	SELECT choices[1 + floor(random() * cardinality(choices))::integer]
$$;

-- Bytes replaced, removed, repeated, put in, cut off; eight of them as one number.
CREATE FUNCTION pg_temp.damaged(state bytea) RETURNS bytea LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	n integer := length(state);
	at integer := floor(random() * n)::integer;
	width integer := pg_temp.one_of(1, 1, 4, 8);
BEGIN
	IF n = 0 THEN
		RETURN pg_temp.one_of('\x00'::bytea, '\x', '\xffffffff');
	END IF;
	CASE floor(random() * 7)::integer
		WHEN 0 THEN RETURN set_byte(state, at, floor(random() * 256)::integer);
		WHEN 1 THEN RETURN set_bit(state, floor(random() * n * 8)::bigint, floor(random() * 2)::integer);
		WHEN 2 THEN RETURN substring(state FOR at);
		WHEN 3 THEN RETURN overlay(state PLACING '' FROM at + 1 FOR width);
		WHEN 4 THEN RETURN substring(state FOR at) || substring(state FROM 1 + floor(random() * n)::integer);
		WHEN 5 THEN RETURN overlay(state PLACING substring(state FROM 1 + floor(random() * n)::integer FOR width) FROM at + 1 FOR width);
		ELSE RETURN overlay(state PLACING pg_temp.one_of('\x7fffffffffffffff'::bytea, '\x8000000000000000', '\xffffffffffffffff',
			'\x0000000000000000', '\x7ff8000000000000', '\x7fffffff', '\x80000000', '\xffffffff', '\x00000000', '\x00', '\xff', '\xc3')
			FROM at + 1 FOR width);
	END CASE;
END
$$;

CREATE TEMP TABLE outcome (name text, outcome text) ON COMMIT DROP;
DO $$
DECLARE
	a record;
	one bytea;
	other bytea;
BEGIN
	FOR i IN 1 .. current_setting('fuzz.rounds')::integer LOOP
		FOR a IN SELECT name, function::oid::regprocedure AS function FROM aggregate ORDER BY name LOOP
			SELECT state INTO one FROM sent WHERE name = a.name ORDER BY random() LIMIT 1;
			SELECT state INTO other FROM sent WHERE name = a.name ORDER BY random() LIMIT 1;
			FOR n IN 1 .. pg_temp.one_of(1, 1, 2, 5) LOOP
				one := pg_temp.damaged(one);
			END LOOP;
			BEGIN
				PERFORM pg_temp.fuzz_final(a.function, CASE WHEN random() < 0.5 THEN ARRAY[one, other] ELSE ARRAY[other, one] END);
				INSERT INTO outcome VALUES (a.name, 'a result');
			EXCEPTION WHEN OTHERS THEN
				IF SQLSTATE !~ '^(22|08)' THEN
					PERFORM pg_temp.fail(format('%s of %s beside %s: %s %s', a.name, one, other, SQLSTATE, SQLERRM));
				END IF;
				INSERT INTO outcome VALUES (a.name, SQLSTATE);
			END;
		END LOOP;
	END LOOP;
END
$$;
SELECT format('# %s: %s', name, string_agg(format('%s %s', outcome, n), ', ' ORDER BY outcome))
FROM (SELECT name, outcome, count(*) AS n FROM outcome GROUP BY name, outcome) x GROUP BY name ORDER BY name;
SELECT pg_temp.fail('nothing was taken, or nothing refused, of ' || name)
FROM outcome GROUP BY name HAVING current_setting('fuzz.rounds')::integer >= 100
	AND (count(*) FILTER (WHERE outcome = 'a result') = 0 OR count(*) FILTER (WHERE outcome <> 'a result') = 0);
ROLLBACK;
\echo ok
