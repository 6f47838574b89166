--
-- The aggregate vvault_feed, byte for byte against json_agg over a sorted and
-- limited subselect.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vvault CASCADE;
RESET client_min_messages;
SET TimeZone = 'UTC';

CREATE SCHEMA feed_test;
SET search_path = public, feed_test;

--
-- Golden values
--
-- the two highest of three, in order
SELECT vvault_feed(v, rank, 2) FROM (VALUES (1, 'low', 0.5), (2, 'high', 2.5), (3, 'middle', 1.5)) v (id, name, rank);
-- scalars, with NULL items and keys: NULL keys last, in the order of the text; a NULL item last of its key
SELECT vvault_feed(item, key, 9)
FROM (VALUES ('b', NULL), ('a', NULL), ('d', 1), (NULL, 1), ('c', 1), (NULL, NULL), ('x', 'NaN'::float8), ('y', 'Infinity'),
	('z', '-Infinity')) v (item, key);
-- equal keys in byte order of the text: "10" before "9", capitals before small letters
SELECT vvault_feed(i, 0, 3) AS numbers FROM generate_series(8, 11) i;
SELECT vvault_feed(t, 0, 9) AS texts FROM unnest('{b,B,a,A,ab,é,z}'::text[]) t;
-- no rows, one row, more places than rows
SELECT vvault_feed(1, 1, 5) FILTER (WHERE false) AS no_rows, vvault_feed(1, 1, 5) AS one,
	vvault_feed(NULL::integer, NULL, 2147483647) AS null_item;

SELECT vvault_feed(1, 1, 0);
SELECT vvault_feed(1, 1, NULL);
SELECT vvault_feed(1, 1, -2147483648);
SELECT vvault_feed(i, 1, i) FROM generate_series(1, 2) i;
SELECT vvault_feed(i, 1, i) FROM generate_series(2, 1, -1) i;
SELECT vvault_feed('of no type', 1, 1);

--
-- Rows of a table of many types, and each type on its own
--
CREATE TYPE feed_test.pair AS (x integer, y text);
CREATE DOMAIN feed_test.pair_domain AS feed_test.pair;
CREATE DOMAIN feed_test.small AS integer CHECK (value < 1000000);
CREATE DOMAIN feed_test.list_domain AS integer[];
CREATE TYPE feed_test.mood AS ENUM ('sad', 'happy');
-- a type with a cast to json of its own, which counts how often it is used
CREATE TYPE feed_test.counted AS ENUM ('a', 'b', 'c');
CREATE SEQUENCE feed_test.conversions;
CREATE FUNCTION feed_test.counted_json(feed_test.counted) RETURNS json
LANGUAGE sql VOLATILE PARALLEL UNSAFE AS $$SELECT json_build_object('n', $1::text) FROM nextval('feed_test.conversions')$$;
CREATE CAST (feed_test.counted AS json) WITH FUNCTION feed_test.counted_json(feed_test.counted);

SELECT setseed(0.75);
CREATE TABLE feed_test.items (id integer, gone integer, key float8, region text, title text, amount numeric, ratio float8, flag boolean,
	at timestamptz, day date, doc json, docb jsonb, list integer[], grid text[], pair feed_test.pair, pairs feed_test.pair[],
	pair_d feed_test.pair_domain, small_d feed_test.small, list_d feed_test.list_domain, mood feed_test.mood, raw bytea, uid uuid, vec int2vector)
	PARTITION BY HASH (id);
ALTER TABLE feed_test.items DROP COLUMN gone;
CREATE TABLE feed_test.items_0 PARTITION OF feed_test.items FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE feed_test.items_1 PARTITION OF feed_test.items FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO feed_test.items
SELECT id,
	CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.05 THEN 'NaN'::float8 WHEN random() < 0.05 THEN 'Infinity'
		WHEN random() < 0.05 THEN '-0' ELSE (random() * 20)::integer END,
	(ARRAY['US', 'GB', 'PL'])[1 + id % 3],
	CASE WHEN random() < 0.9 THEN (ARRAY['plain ', 'quo"ted ', E'new\nline ', 'żółw ', 'back\slash ', '<b> '])[1 + id % 6] || (random() * 40)::integer END,
	CASE WHEN random() < 0.9 THEN (random() * 100)::numeric(10, 2) END,
	CASE WHEN random() < 0.1 THEN 'NaN'::float8 WHEN random() < 0.1 THEN '-Infinity' WHEN random() < 0.9 THEN random() * 10 END,
	CASE WHEN random() < 0.9 THEN random() < 0.5 END,
	CASE WHEN random() < 0.9 THEN timestamptz '2024-05-01' + (random() * 10)::integer * interval '1 hour' END,
	CASE WHEN random() < 0.9 THEN date '2024-05-01' + (random() * 10)::integer END,
	CASE WHEN random() < 0.3 THEN 'null' WHEN random() < 0.9 THEN format('{"b" : %s,  "a":[1 ,2]}', (random() * 10)::integer) END::json,
	CASE WHEN random() < 0.3 THEN '[]' WHEN random() < 0.9 THEN format('{"b" : %s,  "a":[1 ,2]}', (random() * 10)::integer) END::jsonb,
	CASE WHEN random() < 0.9 THEN ARRAY[id % 7, NULL, id % 3] END,
	CASE WHEN random() < 0.2 THEN '{}' WHEN random() < 0.9 THEN ARRAY[['a', (id % 3)::text], ['b"', NULL]] END,
	CASE WHEN random() < 0.2 THEN (NULL, NULL)::feed_test.pair WHEN random() < 0.9 THEN (id % 5, 'p')::feed_test.pair END,
	CASE WHEN random() < 0.9 THEN ARRAY[(id % 5, 'p'), NULL]::feed_test.pair[] END,
	CASE WHEN random() < 0.9 THEN (id % 5, 'p')::feed_test.pair END,
	CASE WHEN random() < 0.9 THEN id % 11 END,
	CASE WHEN random() < 0.9 THEN ARRAY[id % 7] END,
	CASE WHEN random() < 0.9 THEN (ARRAY['sad', 'happy'])[1 + id % 2]::feed_test.mood END,
	CASE WHEN random() < 0.9 THEN decode(lpad(to_hex(id % 50), 4, '0'), 'hex') END,
	CASE WHEN random() < 0.9 THEN lpad((id % 50)::text, 32, '0')::uuid END,
	CASE WHEN random() < 0.9 THEN (id % 3 || ' 2')::int2vector END
FROM generate_series(1, 1200) id;
ANALYZE feed_test.items;

-- how many groups differ from what json_agg gives, for items of an expression over t
CREATE FUNCTION feed_test.different(item text, page_size integer, grp text DEFAULT 'region', source text DEFAULT 'feed_test.items')
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('CREATE TEMPORARY TABLE got AS SELECT %4$s AS grp, vvault_feed(%1$s, key, %2$s) AS feed'
		' FROM %3$s t GROUP BY %4$s', item, page_size, source, grp);
	EXECUTE format($q$
		SELECT count(*) FROM got FULL JOIN (
			SELECT g.grp, (SELECT json_agg(x.item) FROM (SELECT %1$s AS item FROM %3$s t WHERE %4$s = g.grp
				ORDER BY key DESC NULLS LAST, to_json(%1$s)::text COLLATE "C" LIMIT %2$s) x) AS feed
			FROM (SELECT DISTINCT %4$s AS grp FROM %3$s t) g) e USING (grp)
		WHERE got.feed::text IS DISTINCT FROM e.feed::text
		$q$, item, page_size, source, grp) INTO n;
	DROP TABLE got;
	RETURN n;
END
$$;

SELECT item, sum(different(item, page_size)) AS different
FROM unnest(ARRAY['t', 'ROW(t.id, t.title)', '(SELECT r FROM (SELECT t.id, t.pair, t.list) r)', 'title', 'amount', 'ratio', 'flag', 'at', 'day', 'doc',
	'docb', 'list', 'grid', 'pair', 'pairs', 'pair_d', 'small_d', 'list_d', 'mood', 'raw', 'uid', 'vec', 'id', 'key', 'to_json(t)', 'NULL::integer',
	'NULL::feed_test.pair', 'row_to_json(t)', 'title::varchar(3)', 'CASE WHEN id % 4 > 0 THEN t END', 't::text', 'title::"char"']) WITH ORDINALITY i (item, n),
	unnest('{1, 16, 17, 50}'::integer[]) page_size
GROUP BY item, n ORDER BY n;
-- the same with room for all
SELECT different('t', 399), different('t', 400), different('t', 401), different('t', 2147483647), different('title', 2147483647, 'id % 97');
-- the feed is not one of nothing
SELECT count(*), sum(json_array_length(feed)), count(DISTINCT feed::text)
FROM (SELECT vvault_feed(t, key, 50) AS feed FROM feed_test.items t GROUP BY region) f;
-- a subselect's row, an outer join's NULL row, a row type that varies from row to row
\set subselect '(SELECT id, title, key * 2 AS score FROM feed_test.items) s'
SELECT (SELECT vvault_feed(s, s.score, 100) FROM :subselect)::text = (SELECT json_agg(x.s)
	FROM (SELECT s FROM :subselect ORDER BY s.score DESC NULLS LAST, to_json(s)::text COLLATE "C" LIMIT 100) x)::text AS subselect;
SELECT vvault_feed(p, i, 10) FROM generate_series(1, 3) i LEFT JOIN (SELECT 2 AS n, 'two' AS t) p ON p.n = i;
SELECT vvault_feed(CASE WHEN i < 3 THEN ROW(i, 'two') ELSE ROW(i) END, i, 10) FROM generate_series(1, 4) i;

--
-- Only items that come onto the page are converted
--
-- keys that fall: the first three; keys that are equal: all, the text decides
SELECT setval('feed_test.conversions', 1, false);
SELECT vvault_feed('b'::feed_test.counted, -i, 3) FROM generate_series(1, 1000) i;
SELECT last_value AS conversions FROM feed_test.conversions;
SELECT setval('feed_test.conversions', 1, false);
SELECT vvault_feed((ARRAY['c', 'a', 'b'])[1 + i % 3]::feed_test.counted, 0, 3) FROM generate_series(1, 1000) i;
SELECT last_value AS conversions FROM feed_test.conversions;

--
-- As a window function: each row's frame, and the heap goes on after each
--
SELECT i, vvault_feed(i, i % 4, 3) OVER (ORDER BY i) AS growing, vvault_feed(i, i % 4, 3) OVER (ORDER BY i ROWS 2 PRECEDING) AS moving,
	vvault_feed(i, i % 4, 3) OVER (ORDER BY i ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW) AS others
FROM generate_series(1, 8) i;
CREATE FUNCTION feed_test.wrong_frames(frame text, rows_of_frame text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format($q$
		SELECT count(*)
		FROM (SELECT id, key, vvault_feed(t, key, 4) OVER (ORDER BY %1$s) AS feed FROM feed_test.items t WHERE id <= 200) a
		WHERE a.feed::text IS DISTINCT FROM (SELECT json_agg(x.r) FROM (SELECT r FROM feed_test.items r WHERE r.id <= 200 AND (%2$s)
			ORDER BY r.key DESC NULLS LAST, to_json(r)::text COLLATE "C" LIMIT 4) x)::text
		$q$, frame, rows_of_frame) INTO n;
	RETURN n;
END
$$;
SELECT frame, wrong_frames(frame, rows_of_frame)
FROM (VALUES
	('id', 'r.id <= a.id'),
	('id ROWS BETWEEN 9 PRECEDING AND 3 FOLLOWING', 'r.id BETWEEN a.id - 9 AND a.id + 3'),
	('id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING', 'r.id >= a.id'),
	('id ROWS BETWEEN 9 PRECEDING AND 1 PRECEDING', 'r.id BETWEEN a.id - 9 AND a.id - 1'),
	('id RANGE BETWEEN 5 PRECEDING AND 5 FOLLOWING EXCLUDE CURRENT ROW', 'r.id BETWEEN a.id - 5 AND a.id + 5 AND r.id <> a.id'))
	f (frame, rows_of_frame);

--
-- Plans in parts
--
CREATE FUNCTION feed_test.plan_has(query text, VARIADIC words text[]) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN ARRAY(SELECT word FROM unnest(words) word WHERE strpos(plan, word) > 0);
END
$$;
\set by_region 'SELECT region, vvault_feed(t, key, 20) FROM feed_test.items t GROUP BY region'
\set all_rows 'SELECT vvault_feed(t, key, 20) FROM feed_test.items t'

SET max_parallel_workers_per_gather = 0;
SET enable_partitionwise_aggregate = on;
SELECT plan_has(:'by_region', 'Finalize', 'Partial', 'Append', 'Gather') AS by_region,
	plan_has(:'all_rows', 'Finalize', 'Partial', 'Append', 'Gather') AS all_rows;
SELECT different('t', 20), different('title', 20), different('title', 2147483647), different('t', 20, '(id > 0)');
-- page sizes that differ between partitions
SELECT vvault_feed(id, id, tableoid::integer) FROM feed_test.items;
RESET enable_partitionwise_aggregate;

CREATE TABLE feed_test.flat AS TABLE feed_test.items;
ANALYZE feed_test.flat;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT vvault_feed(t, key, 20) FROM feed_test.flat t;
SELECT plan_has(:'by_region', 'Finalize', 'Partial', 'Gather') AS by_region;
SELECT different('t', 20), different('title', 20), different('title', 2147483647), different('t', 20, '(id > 0)', 'feed_test.flat'),
	different('CASE WHEN id % 4 > 0 THEN t END', 700, source => 'feed_test.flat'), different('list', 20, source => 'feed_test.flat');
SET parallel_leader_participation = off;
SELECT different('t', 20), different('title', 20), different('title', 2147483647), different('t', 20, '(id > 0)', 'feed_test.flat');
RESET parallel_leader_participation;
-- no rows, workers without rows, page sizes that differ between workers
SELECT vvault_feed(t, key, 20) FROM feed_test.flat t WHERE id < 0;
SELECT vvault_feed(id, id, 20) FROM feed_test.flat t WHERE id IN (3, 1199);
DO $$
BEGIN
	PERFORM vvault_feed(id, id, 1 + id % 2) FROM feed_test.flat t;
	RAISE 'no error';
EXCEPTION WHEN invalid_parameter_value THEN
	NULL;
END
$$;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

--
-- Serialized states: damaged bytes are an error and nothing else
--
CREATE FUNCTION feed_test.last_bytes(bytea, bytea) RETURNS bytea LANGUAGE sql RETURN $2;
CREATE FUNCTION feed_test.state_read(bytea) RETURNS bigint LANGUAGE c STRICT AS '$libdir/vvault', 'vvault_feed_deserialize';
CREATE AGGREGATE feed_test.read_state(bytea) (SFUNC = feed_test.last_bytes, STYPE = bytea, FINALFUNC = feed_test.state_read);
CREATE AGGREGATE feed_test.state_bytes(item anyelement, sort_key float8, page_size integer)
	(SFUNC = vvault.feed_accum, STYPE = internal, FINALFUNC = vvault.feed_serialize);
CREATE FUNCTION feed_test.read(bytes bytea) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	done boolean;
BEGIN
	SELECT read_state(bytes) IS NOT NULL INTO done;
	RETURN done;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
CREATE TABLE feed_test.states AS
SELECT 'rows' AS name, state_bytes(ROW(id, title), key, 9) AS bytes FROM feed_test.flat
UNION ALL SELECT 'scalars', state_bytes(CASE WHEN id > 3 THEN title END, CASE WHEN id > 6 THEN key END, 9) FROM feed_test.flat WHERE id < 9
UNION ALL SELECT 'one', state_bytes(1, NULL, 2147483647);
-- whole, cut anywhere, one byte more, and any one bit turned
SELECT name, read(bytes) AS whole,
	(SELECT count(*) FROM generate_series(0, length(bytes) - 1) n
		WHERE read(substring(bytes FOR n)) NOT IN ('08P01', '22P03', '22021')) AS short_accepted,
	(SELECT count(*) FROM generate_series(0, 255) n
		WHERE read(bytes || set_byte('\x00', 0, n)) <> '08P01') AS long_accepted,
	(SELECT count(*) FROM generate_series(0, 8 * length(bytes) - 1) n
		WHERE read(set_bit(bytes, n, 1 - get_bit(bytes, n))) NOT IN ('true', '08P01', '22P03', '22021')) AS turned_otherwise
FROM feed_test.states;
-- page_size, whether rows, number of items, and each item: NULL key, key, NULL item, length, text
SELECT read(decode('00000001' || '00' || '0000000000000001' || '00' || '3ff0000000000000' || '00' || '00000001' || '31', 'hex')) AS one,
	read(decode('00000001' || '00' || '0000000000000001' || '00' || '3ff0000000000000' || '00' || '00000001' || 'ff', 'hex')) AS not_utf8,
	read(decode('00000001' || '00' || '0000000000000001' || '00' || '3ff0000000000000' || '00' || 'ffffffff' || '31', 'hex')) AS negative_length,
	read(decode('00000001' || '00' || '0000000000000002' || repeat('00' || '3ff0000000000000' || '01', 2), 'hex')) AS over_page_size,
	read(decode('00000000' || '00' || '0000000000000001' || '00' || '3ff0000000000000' || '01', 'hex')) AS no_page_size,
	read(decode('00000001' || '02' || '0000000000000001' || '00' || '3ff0000000000000' || '01', 'hex')) AS no_flag,
	read(decode('00000001' || '00' || '0000000000000000', 'hex')) AS nothing;
SELECT feed_test.state_read('\x');

SET client_min_messages = warning;
DROP SCHEMA feed_test CASCADE;
