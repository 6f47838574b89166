--
-- cache.sql
--		What the owner of the reply cache sees of it and does with it: the
--		functions, their rights, their errors.
--
-- A transaction that has written takes nothing from the cache and puts nothing
-- there, and pgTAP's do. What the cache holds was put there before plan(), by
-- transactions of its own; all of it is an answer to invalid arguments or empty.
--
-- Up to 16 there is a cache where the library is preloaded; where it is not,
-- test/t/024_cache_memory.pl looks at what is said.
SELECT vvault_health() -> 'cache' IS NULL OR json_typeof(vvault_health() -> 'cache') = 'null' AS no_cache \gset
\if :no_cache
\echo 1..0 # SKIP there is no reply cache without preloading the library
\q
\endif
SELECT vvault_cache_clear() >= 0 AS cleared \g /dev/null
SELECT vvault_trending('AT', 7), vvault_trending('AT', 7), vvault_trending('AT', 9, 'hot'), vvault_regions(), vvault_video('it''s') \g /dev/null
SELECT vvault_trending('AT', 7) \g /dev/null
BEGIN;
SELECT plan(43);

CREATE ROLE vvc_plain;
CREATE ROLE vvc_reader;
CREATE ROLE vvc_writer;
SELECT vvault_grant('vvc_reader', 'reader');
SELECT vvault_grant('vvc_writer', 'writer');

--
-- vvault_cache_stats()
--

CREATE TEMP VIEW stats AS SELECT * FROM vvault_cache_stats();

SELECT results_eq('SELECT function, arguments, region FROM stats ORDER BY function, arguments',
	$$VALUES ('vvault_regions', '', NULL), ('vvault_trending', '''AT'', 7, NULL, NULL, NULL, NULL, NULL', 'AT'),
		('vvault_trending', '''AT'', 9, ''hot'', NULL, NULL, NULL, NULL', 'AT')$$,
	'the calls that were made, as SQL; one that gave NULL has no reply');
SELECT is((SELECT hits FROM stats WHERE arguments LIKE '%7%'), 2::bigint, 'hits');
SELECT is((SELECT misses FROM stats WHERE arguments LIKE '%7%'), 1::bigint, 'misses');
SELECT is((SELECT bypasses::text FROM stats WHERE arguments LIKE '%7%'), '{}', 'no bypass');
SELECT is((SELECT hits FROM stats WHERE arguments LIKE '%9%'), 0::bigint, 'another call has counters of its own');
SELECT is((SELECT arguments FROM stats LIMIT 1), '''AT'', 7, NULL, NULL, NULL, NULL, NULL', 'what is asked for the most comes first');
SELECT is((SELECT bytes FROM stats WHERE arguments LIKE '%7%'), octet_length(vvault_trending('AT', 7)::text)::bigint, 'bytes of the reply');
SELECT cmp_ok((SELECT min(build_ms) FROM stats), '>', 0::float8, 'it took some time to make');
SELECT is((SELECT count(*) FROM stats WHERE published_at > now() - interval '1 hour' AND published_at <= clock_timestamp()), 3::bigint, 'published_at');
SELECT is((SELECT count(*) FROM stats WHERE published_at + age BETWEEN clock_timestamp() - interval '1 hour' AND clock_timestamp()), 3::bigint, 'age');
SELECT ok((SELECT bool_and(fresh) FROM stats), 'all are fresh');

-- the call above was one of a writing transaction
SELECT is((SELECT bypasses::text FROM stats WHERE arguments LIKE '%7%'), '{"write":1}', 'a bypass is counted with its reason');
CREATE TEMP TABLE before AS SELECT vvault_health() -> 'cache' AS cache;
SELECT vvault_trending('AT', 7), vvault_trending('AT', 11), vvault_trending('AT', 11) \g /dev/null
SELECT is((SELECT hits FROM stats WHERE arguments LIKE '%7%'), 2::bigint, 'which is no hit');
SELECT is((SELECT count(*) FROM stats), 3::bigint, 'and puts nothing in');
SELECT is((vvault_health() #>> '{cache,bypasses,write}')::bigint - (SELECT (cache #>> '{bypasses,write}')::bigint FROM before), 3::bigint,
	'vvault_health() counts bypasses');
SELECT is((SELECT string_agg(k, ' ' ORDER BY n) FROM json_object_keys(vvault_health() -> 'cache') WITH ORDINALITY AS x (k, n)),
	'size used replies hits misses waits published evicted bypasses', 'what vvault_health() says of the cache');
SELECT is((SELECT string_agg(k, ' ' ORDER BY n) FROM json_object_keys(vvault_health() #> '{cache,bypasses}') WITH ORDINALITY AS x (k, n)),
	'write privilege row_security distributed private setting version size busy', 'and of bypasses');
SELECT cmp_ok((vvault_health() #>> '{cache,used}')::bigint, '<=', (vvault_health() #>> '{cache,size}')::bigint, 'it uses what it has at most');
SELECT cmp_ok((vvault_health() #>> '{cache,size}')::bigint, '<=', pg_size_bytes(current_setting('vvault.cache_size')), 'which is within vvault.cache_size');

SET vvault.cache = off;
SELECT vvault_trending('AT', 7) \g /dev/null
RESET vvault.cache;
SELECT is((SELECT bypasses::text FROM stats WHERE arguments LIKE '%7%'), '{"write":2,"setting":1}', 'with vvault.cache = off nothing is looked for');

INSERT INTO vvault.videos (region, video_id) VALUES ('SE', 'vvc');
SELECT results_eq('SELECT function FROM stats WHERE fresh ORDER BY arguments', $$VALUES ('vvault_trending'), ('vvault_trending')$$,
	'a write in another region leaves a feed fresh, not what shows all regions');
INSERT INTO vvault.videos (region, video_id) VALUES ('AT', 'vvc');
SELECT is_empty('SELECT FROM stats WHERE fresh', 'a write to the region does not');

--
-- vvault_cache_clear()
--

SELECT is(vvault_cache_clear('SE'), 1, 'clearing a region clears what shows all of them');
SELECT results_eq('SELECT DISTINCT region FROM stats', $$VALUES ('AT')$$, 'and leaves other regions');
SELECT is(vvault_cache_clear('AT'), 2, 'clearing another one');
SELECT is(vvault_cache_clear(), 0, 'there is no more');
SELECT is_empty('SELECT FROM stats', 'that is all');
SELECT throws_ok($$SELECT vvault_cache_clear('XX')$$, '22023', 'invalid region "XX"', 'an invalid region is an error');
SELECT throws_ok($$SELECT vvault_cache_clear('')$$, '22023', NULL, 'so is an empty one');

--
-- vvault_cache_warm()
--

SELECT is(vvault_cache_warm(), 0, 'a transaction that has written warms nothing');
SELECT is_empty('SELECT FROM stats', 'nor does it leave anything');

--
-- Rights
--

CREATE FUNCTION pg_temp.outcome(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE statement;
	RESET ROLE;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
SELECT is(pg_temp.outcome(r, 'SELECT ' || f), w, format('%s: %s', r, f))
FROM (VALUES ('vvc_plain', '42501'), ('vvc_reader', '42501'), ('vvc_writer', 'ok')) AS role (r, w),
	(VALUES ('vvault_cache_stats()'), ('vvault_cache_clear()'), ('vvault_cache_warm()')) AS func (f);
SELECT is(pg_temp.outcome('vvc_writer', f), '42501', 'vvc_writer: ' || f)
FROM (VALUES ('SELECT vvault.cache_published()'), ('SELECT vvault.cache_refresh(1)'), ('SELECT vvault.cache_wake()')) AS func (f);

SELECT * FROM finish();
ROLLBACK;
