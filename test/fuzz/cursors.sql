--
-- cursors.sql
--		Walks feeds of nasty data and forges cursors, beside naive SQL.
--
-- usage: psql -X -d DATABASE [-v rounds=300] [-v seed=0.5] -f test/fuzz/cursors.sql
--
-- The database must have vvault in a schema of the search_path. All is done in
-- one transaction that is rolled back. Prints the seed (-1 to 1) and "ok", or
-- stops with the first error. What must hold:
--
--		page behind page, by any page_size, gives every video once, in the order
--		of naive SQL, ties and extreme figures included, and within limits of
--		so many to a channel and a category those of naive SQL
--		while rows change between pages, those that nobody touches still come
--		exactly once
--		a cursor that was altered is 22023; one that was forged with the right
--		checksum gives what naive SQL has behind that key, or is 22023
--
\set ON_ERROR_STOP 1
\set VERBOSITY default
\set QUIET 1
\pset format unaligned
\pset tuples_only on
\if :{?rounds} \else \set rounds 300 \endif
\if :{?seed}
\else
SELECT round((random() * 2 - 1)::numeric, 6) AS seed \gset
\endif
\echo # seed :seed, rounds :rounds
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT setseed(:seed) \g /dev/null
SELECT set_config('fuzz.rounds', :'rounds', true) \g /dev/null

-- CRC-32C, bit by bit: a cursor's checksum.
CREATE FUNCTION pg_temp.crc32c(content bytea) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	crc bigint := 4294967295;
BEGIN
	FOR i IN 0 .. octet_length(content) - 1 LOOP
		crc := crc # get_byte(content, i);
		FOR bit IN 1 .. 8 LOOP
			crc := CASE WHEN crc & 1 = 1 THEN (crc >> 1) # 2197175160 ELSE crc >> 1 END;
		END LOOP;
	END LOOP;
	RETURN crc # 4294967295;
END
$$;

CREATE FUNCTION pg_temp.forged(region text, sort text, key text, as_of text, video_id bytea) RETURNS text LANGUAGE sql AS $$
	SELECT rtrim(translate(encode(p || convert_to('|' || lpad(to_hex(pg_temp.crc32c(p)), 8, '0'), 'UTF8'), 'base64'),
		E'+/\n', '-_'), '=')
	FROM (SELECT convert_to(concat_ws('|', '1', region, sort, key, as_of, ''), 'UTF8') || video_id) AS x (p)
$$;

\ir ../naive_feed.sql

CREATE FUNCTION pg_temp.one_of(VARIADIC choices anyarray) RETURNS anyelement LANGUAGE sql VOLATILE AS $$
	SELECT choices[1 + floor(random() * cardinality(choices))::integer]
$$;

--
-- Nasty data: few different figures, so that ties are common, and the ends of
-- every range.
--
INSERT INTO vvault.regions (region, name) VALUES ('FUZZ', 'Fuzz');
INSERT INTO vvault.videos (region, video_id, channel_id, category_id, charted, views, likes, comments, velocity, virality_score,
	momentum_score, published_at, first_seen_at)
SELECT 'FUZZ', pg_temp.one_of(VARIADIC ARRAY['a', 'A', 'ä', 'z', '|', '"', E'\\', '0', '😀', ' ']::text[]) || i,
	pg_temp.one_of(VARIADIC ARRAY['', 'a', 'A', ' ', '|', repeat('c', 63), repeat('c', 64), repeat('c', 65), repeat('c', 9999), '😀' || i % 40]::text[]),
	pg_temp.one_of(VARIADIC ARRAY[0, -1, 10, 2147483647, i % 20]::integer[]),
	random() < 0.8, pg_temp.one_of(VARIADIC ARRAY[0, 1, 5, 1000, 9223372036854775807]::bigint[]),
	pg_temp.one_of(VARIADIC ARRAY[NULL, 0, 1, 50, 9223372036854775807]::bigint[]), pg_temp.one_of(VARIADIC ARRAY[NULL, 0, 7]::bigint[]),
	pg_temp.one_of(VARIADIC ARRAY[0, 1, 5000, 1e308, 5e-324]::double precision[]), pg_temp.one_of(VARIADIC ARRAY[0, '-0', 85, 100, 5e-324]::double precision[]), pg_temp.one_of(0, 50, 100),
	pg_temp.one_of(VARIADIC ARRAY[NULL, '0001-01-01 00:00Z', now(), now() - interval '1 hour', now() + interval '1 day',
		'9999-12-30 00:00Z', now() - random() * interval '3 days']::timestamptz[]),
	pg_temp.one_of(VARIADIC ARRAY['0001-01-01 00:00Z', now(), now() - interval '12 hours']::timestamptz[])
FROM generate_series(1, 250) i;

CREATE FUNCTION pg_temp.fail(message text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '%', message;
END
$$;

CREATE TEMP TABLE sorts (sort text) ON COMMIT DROP;
INSERT INTO sorts SELECT pg_temp.orders();

-- None, or up to five of a channel or a category.
CREATE FUNCTION pg_temp.some_limit() RETURNS integer LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN random() < 0.4 THEN 1 + floor(random() * 12)::integer END
$$;

-- What a cursor of such a feed calls its order.
CREATE FUNCTION pg_temp.walk_name(sort text, per_channel integer, per_category integer) RETURNS text LANGUAGE sql AS $$
	SELECT sort || CASE WHEN coalesce(per_channel, per_category) IS NULL THEN ''
		ELSE format('/%s/%s', coalesce(per_channel, 0), coalesce(per_category, 0)) END
$$;

--
-- Walks
--
DO $$
DECLARE
	s text;
	size integer;
	in_channel integer;
	in_category integer;
	walked record;
	expected text[];
BEGIN
	FOR s IN SELECT sort FROM sorts LOOP
		FOREACH size IN ARRAY ARRAY[1, 3, 25, 200, 1 + floor(random() * 60)::integer] LOOP
			FOR i IN 0 .. 3 LOOP
				in_channel := CASE WHEN i > 0 THEN pg_temp.some_limit() END;
				in_category := CASE WHEN i > 0 THEN pg_temp.some_limit() END;
				walked := pg_temp.walk('FUZZ', s, size, in_channel, in_category);
				expected := pg_temp.naive_ids('FUZZ', s, walked.as_of, in_channel, in_category);
				IF walked.ids <> expected THEN
					PERFORM pg_temp.fail(format('by %s, limits %s and %s, %s a page: %s instead of %s',
						s, in_channel, in_category, size, walked.ids, expected));
				END IF;
			END LOOP;
		END LOOP;
	END LOOP;
END
$$;

--
-- Walks while rows change: deleted, added, moved and taken off the chart.
--
DO $$
DECLARE
	s text;
	page json;
	walked text[];
	untouched text[];
	lost text[];
BEGIN
	FOR s IN SELECT sort FROM sorts, generate_series(1, 3) LOOP
		-- a row that was written since stands in another place
		CREATE TEMP TABLE before AS SELECT v.video_id, v.ctid AS place FROM vvault.videos v
			WHERE v.region = 'FUZZ' AND v.video_id IN (SELECT f.video_id FROM pg_temp.naive_feed('FUZZ', s, now()) f);
		walked := '{}';
		page := vvault_trending('FUZZ', 11, s);
		LOOP
			walked := walked || pg_temp.page_ids(page);
			EXIT WHEN page ->> 'next_cursor' IS NULL;
			-- the video that the cursor names may go too
			DELETE FROM vvault.videos v WHERE v.region = 'FUZZ' AND (random() < 0.005
				OR random() < 0.3 AND v.video_id = (pg_temp.page_ids(page))[11]);
			UPDATE vvault.videos v SET views = pg_temp.one_of(0, 1, 5, 77), velocity = pg_temp.one_of(0, 1, 3000),
				virality_score = pg_temp.one_of(0, 50, 100), published_at = pg_temp.one_of(NULL, now(), now() - interval '5 hours')
			WHERE v.region = 'FUZZ' AND random() < 0.02;
			UPDATE vvault.videos v SET charted = NOT v.charted WHERE v.region = 'FUZZ' AND random() < 0.01;
			INSERT INTO vvault.videos (region, video_id, views) SELECT 'FUZZ', md5(random()::text), 5 FROM generate_series(1, 2);
			page := vvault_trending('FUZZ', 11, s, page ->> 'next_cursor');
		END LOOP;
		untouched := ARRAY(SELECT b.video_id FROM before b JOIN vvault.videos v
			ON v.region = 'FUZZ' AND v.video_id = b.video_id AND v.ctid = b.place);
		lost := ARRAY(SELECT u FROM unnest(untouched) u WHERE (SELECT count(*) FROM unnest(walked) w WHERE w = u) <> 1);
		IF lost <> '{}' THEN
			PERFORM pg_temp.fail(format('by %s beside changes: not exactly once: %s', s, lost));
		END IF;
		DROP TABLE before;
	END LOOP;
END
$$;

--
-- Altered cursors
--
DO $$
DECLARE
	s text;
	good text;
	bad text;
	reply text;
	in_channel integer;
	in_category integer;
	letters constant text := 'ABCXYZabcxyz0189-_=+/| .%äé';
BEGIN
	FOR i IN 1 .. current_setting('fuzz.rounds')::integer LOOP
		s := (SELECT sort FROM sorts ORDER BY random() LIMIT 1);
		in_channel := pg_temp.some_limit();
		in_category := pg_temp.some_limit();
		good := vvault_trending('FUZZ', 1 + floor(random() * 10)::integer, s, NULL, in_channel, in_category) ->> 'next_cursor';
		CONTINUE WHEN good IS NULL;
		bad := CASE floor(random() * 6)
			WHEN 0 THEN left(good, floor(random() * length(good))::integer)
			WHEN 1 THEN good || substr(letters, 1 + floor(random() * length(letters))::integer, 1)
			WHEN 2 THEN good || good
			WHEN 3 THEN ''
			WHEN 4 THEN repeat(good, 20000)
			ELSE overlay(good PLACING substr(letters, 1 + floor(random() * length(letters))::integer, 1)
				FROM 1 + floor(random() * length(good))::integer FOR 1) END;
		CONTINUE WHEN bad = good;
		BEGIN
			reply := vvault_trending('FUZZ', 5, s, bad, in_channel, in_category)::text;
			-- bits that base64 leaves over at its end may differ
			IF left(bad, -1) <> left(good, -1) OR reply <> vvault_trending('FUZZ', 5, s, good, in_channel, in_category)::text THEN
				PERFORM pg_temp.fail(format('by %s the altered cursor %s was taken', s, bad));
			END IF;
		EXCEPTION WHEN invalid_parameter_value THEN
			NULL;
		END;
		-- of another order, other limits, and of another region
		BEGIN
			PERFORM vvault_trending('FUZZ', 5, s, good, coalesce(in_channel, 0) + 1, in_category);
			PERFORM pg_temp.fail('a cursor of ' || s || ' was taken for other limits');
		EXCEPTION WHEN invalid_parameter_value THEN
			NULL;
		END;
		BEGIN
			PERFORM vvault_trending('FUZZ', 5, CASE s WHEN 'views' THEN 'hot' ELSE 'views' END, good, in_channel, in_category);
			PERFORM pg_temp.fail('a cursor of ' || s || ' was taken for another order');
		EXCEPTION WHEN invalid_parameter_value THEN
			NULL;
		END;
		BEGIN
			PERFORM vvault_trending('US', 5, s, good, in_channel, in_category);
			PERFORM pg_temp.fail('a cursor was taken for another region');
		EXCEPTION WHEN invalid_parameter_value THEN
			NULL;
		END;
	END LOOP;
END
$$;

--
-- Forged cursors: any key, instant and id under a right checksum
--
DO $$
DECLARE
	s text;
	number double precision;
	whole bigint;
	instant timestamptz;
	bits text;
	as_of_bits text;
	as_of timestamptz;
	id bytea;
	got text[];
	expected text[];
	may_fail boolean;
	in_channel integer;
	in_category integer;
BEGIN
	FOR i IN 1 .. current_setting('fuzz.rounds')::integer LOOP
		s := (SELECT sort FROM sorts ORDER BY random() LIMIT 1);
		number := NULL; whole := NULL; instant := NULL; may_fail := false;
		in_channel := pg_temp.some_limit();
		in_category := pg_temp.some_limit();
		id := pg_temp.one_of('\x'::bytea, '\x61', '\xff', '\xc3', '\x7c7c', '\xf09f9880', '\x0a', convert_to(repeat('é', 40), 'UTF8'),
			convert_to((SELECT v.video_id FROM vvault.videos v WHERE v.region = 'FUZZ' ORDER BY random() LIMIT 1), 'UTF8'));
		-- a key: of a row, or anything
		as_of := now() - floor(random() * 100) * interval '1 hour';
		SELECT n.number, n.whole, n.instant INTO number, whole, instant
		FROM pg_temp.naive_feed('FUZZ', s, as_of) n ORDER BY random() LIMIT 1;
		IF random() < 0.5 THEN
			number := CASE WHEN number IS NOT NULL THEN pg_temp.one_of(VARIADIC ARRAY['NaN', 'Infinity', '-Infinity', 0, '-0', 5e-324, -5e-324,
				1.7976931348623157e308, -1.7976931348623157e308, 50]::double precision[]) END;
			whole := CASE WHEN whole IS NOT NULL THEN pg_temp.one_of(VARIADIC ARRAY[-9223372036854775808, 9223372036854775807, -1, 0, 1]::bigint[]) END;
			instant := CASE WHEN instant IS NOT NULL THEN pg_temp.one_of('-infinity'::timestamptz, 'infinity', '4714-11-24 00:00Z BC', '294276-12-31 00:00Z', now()) END;
			may_fail := coalesce(number = 'NaN', false) OR coalesce(number IN ('Infinity', '-Infinity'), false)
				OR coalesce(NOT isfinite(instant), false);
		END IF;
		bits := CASE WHEN number IS NOT NULL THEN encode(float8send(number), 'hex')
			WHEN whole IS NOT NULL THEN encode(int8send(whole), 'hex') ELSE encode(timestamptz_send(instant), 'hex') END;
		as_of_bits := encode(timestamptz_send(CASE WHEN pg_temp.moves(s) THEN as_of ELSE '2000-01-01 00:00Z' END), 'hex');
		BEGIN
			got := pg_temp.page_ids(vvault_trending('FUZZ', 200, s,
				pg_temp.forged('FUZZ', pg_temp.walk_name(s, in_channel, in_category), bits, as_of_bits, id), in_channel, in_category));
		EXCEPTION WHEN invalid_parameter_value THEN
			IF NOT may_fail THEN
				PERFORM pg_temp.fail(format('by %s the key %s with %s was refused', s, bits, id));
			END IF;
			CONTINUE;
		END;
		expected := ARRAY(SELECT n.video_id FROM pg_temp.naive_feed('FUZZ', s, as_of, in_channel, in_category) n
			WHERE coalesce(n.number < forge.number, n.whole < forge.whole, n.instant < forge.instant)
				OR coalesce(n.number = forge.number, n.whole = forge.whole, n.instant = forge.instant)
					AND convert_to(n.video_id, 'UTF8') > id
			ORDER BY n.place LIMIT 200) FROM (SELECT number, whole, instant) AS forge (number, whole, instant);
		IF got <> expected AND NOT may_fail THEN
			PERFORM pg_temp.fail(format('by %s behind %s and %s: %s instead of %s', s, bits, id, got, expected));
		END IF;
	END LOOP;

	-- instants and numbers that are none
	FOREACH as_of_bits IN ARRAY '{7fffffffffffffff,8000000000000000,8000000000000001,7ffffffffffffffe,ff00000000000000}'::text[] LOOP
		BEGIN
			PERFORM vvault_trending('FUZZ', 5, 'trending',
				pg_temp.forged('FUZZ', 'trending', '4049000000000000', as_of_bits, '\x61'));
			PERFORM pg_temp.fail('the instant ' || as_of_bits || ' was taken');
		EXCEPTION WHEN invalid_parameter_value THEN
			NULL;
		END;
	END LOOP;
	FOREACH bits IN ARRAY '{"",0,"               1","-000000000000001","0x00000000000001",000000000000000g,00000000000000001}'::text[] LOOP
		BEGIN
			PERFORM vvault_trending('FUZZ', 5, 'views', pg_temp.forged('FUZZ', 'views', bits, '0000000000000000', '\x61'));
			PERFORM pg_temp.fail('the key "' || bits || '" was taken');
		EXCEPTION WHEN invalid_parameter_value THEN
			NULL;
		END;
	END LOOP;
END
$$;

SELECT 'WRONG: ' || c::text FROM vvault_check() c;
SELECT pg_temp.fail('vvault_check() finds differences') FROM vvault_check() LIMIT 1;
ROLLBACK;
\echo ok
