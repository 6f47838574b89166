--
-- related.sql
--		vvault_related: what each likeness is worth, bounds, rights, NULLs.
--
BEGIN;
SELECT plan(35);

TRUNCATE vvault.videos, vvault.snapshots;

-- seed: title of two words; each other video shares one thing with it. Views
-- of 0 are worth no points, all are in PL but for one.
INSERT INTO vvault.videos (region, video_id, title, channel_id, channel_title, category_id, content_language, tags, views) VALUES
	('PL', 'seed', 'Zebra crossing', 'UCseed', 'Stripes', 15, 'en', '{Zebras,Wild Life,africa,stripes}', 0),
	('PL', 'channel', 'One', 'UCseed', 'Stripes', 1, 'pl', '{}', 0),
	('PL', 'alltags', 'Two', 'UC2', 'B', 2, 'pl', '{AFRICA,"wild  life!",žebras,stripes,more}', 0),
	('PL', 'onetag', 'Three', 'UC3', 'C', 3, 'pl', '{africa}', 0),
	('PL', 'title', 'zébra CROSSING', 'UC4', 'D', 4, 'pl', '{}', 0),
	('PL', 'category', 'Four', 'UC5', 'E', 15, 'en-GB', '{}', 0),
	('SE', 'abroad', 'Five', 'UCseed', 'Stripes', 6, 'sv', '{}', 0),
	('PL', 'viewed', 'Six', 'UCseed', 'Stripes', 7, 'pl', '{}', 999999999),
	('PL', 'nothing', 'Seven', 'UC8', 'H', 8, 'sv', '{}', 0),
	('PL', 'named', 'Stripes', 'UC9', 'Zebra crossing', 9, 'sv', '{}', 0),
	('PL', 'twice', 'Zebra', 'UC10', 'I', 10, 'sv', '{}', 5), ('SE', 'twice', 'Zebra', 'UC10', 'I', 10, 'sv', '{}', 50000),
	('PL', 'bare', '', '', '', 99, NULL, '{}', 0);

CREATE FUNCTION pg_temp.score(seed text, other text) RETURNS numeric LANGUAGE sql AS $$
	SELECT round((v ->> 'score')::numeric, 6) FROM json_array_elements(vvault_related($1, 200) -> 'videos') v
	WHERE v ->> 'video_id' = $2
$$;
CREATE FUNCTION pg_temp.ids(seed text, page_size integer DEFAULT 25) RETURNS text[] LANGUAGE sql AS $$
	SELECT ARRAY(SELECT v ->> 'video_id' FROM json_array_elements(
		vvault_related($1, $2) -> 'videos') WITH ORDINALITY AS t (v, n) ORDER BY n)
$$;

--
-- What each likeness is worth
--

SELECT is(pg_temp.score('seed', 'channel'), 30.000000, 'channel 25, region 5');
SELECT is(pg_temp.score('seed', 'alltags'), 30.000000, 'all tags 25, however they are written, region 5');
SELECT is(pg_temp.score('seed', 'onetag'), 11.250000, 'one of four tags 25/4, region 5');
SELECT is(pg_temp.score('seed', 'title'), 30.000000, 'the same title 25, region 5');
SELECT is(pg_temp.score('seed', 'category'), 20.000000, 'category 10, language 5, region 5');
SELECT is(pg_temp.score('seed', 'abroad'), 25.000000, 'another region: the channel alone');
SELECT is(pg_temp.score('seed', 'viewed'), 33.750000, 'views 500 to 999 million 5 * 18/24, channel 25, region 5');
SELECT is(pg_temp.score('seed', 'nothing'), NULL, 'a video that shares nothing is not there');
-- 13 rows; zebra is in 5 of them, crossing in 3: weights ln(1 + 13/5), ln(1 + 13/3);
-- the row in PL has a shared region, the row in SE 5 * 6/24 for views instead
SELECT is(pg_temp.score('seed', 'twice'), round((25 * ln(1 + 13/5.0) / (ln(1 + 13/5.0) + ln(1 + 13/3.0)) + 5)::numeric, 6),
	'a word is worth the more the rarer it is, and of a video''s rows the best counts');
SELECT is(pg_temp.score('seed', 'named'), 5.000000, 'words of a channel''s name are no title');

SELECT is(pg_temp.ids('seed'), '{viewed,alltags,channel,title,abroad,category,twice,onetag,named}', 'the likest first, ties by video_id');
SELECT is((SELECT count(*) FROM unnest(pg_temp.ids('seed')) i WHERE i = 'twice'), 1::bigint, 'a video in two regions appears once');
SELECT ok(NOT 'seed' = ANY (pg_temp.ids('seed')), 'a video is not related to itself');
SELECT is(pg_temp.ids('channel') @> '{seed,abroad,viewed}', true, 'likeness by channel is mutual');
SELECT is(pg_temp.ids('bare'), '{}', 'a video that has nothing to share has none');

--
-- The reply
--

SELECT is(ARRAY(SELECT json_object_keys(vvault_related('seed'))), '{video_id,videos,total}'::text[], 'the keys of the reply');
SELECT is(ARRAY(SELECT json_object_keys(vvault_related('seed') -> 'videos' -> 0)),
	ARRAY(SELECT json_object_keys(vvault_trending('PL', 1) -> 'videos' -> 0)) || '{score}'::text[],
	'a video has the keys it has in a feed, then its score');
SELECT is(pg_temp.ids('seed', 2), '{viewed,alltags}', 'a page holds as many as asked for');
SELECT is((vvault_related('seed', 3) ->> 'total')::int, 3, 'total is the number of videos in the reply');
SELECT is(vvault_related(NULL)::text, NULL, 'NULL for NULL');
SELECT is(vvault_related('none')::text, NULL, 'NULL for an unknown video');
SELECT is(vvault_related('')::text, NULL, 'NULL for an empty id');
SELECT is(vvault_related(repeat('x', 100000))::text, NULL, 'NULL for a long id');
SELECT throws_ok($$SELECT vvault_related('seed', 0)$$, '22023', 'invalid page_size 0', 'an invalid page_size');
SELECT is((vvault_related('seed', NULL) ->> 'total')::int, 9, 'a NULL page_size is 25');

--
-- Regions that are not enabled, blocked videos, settings, rights
--

CREATE TEMP TABLE reply AS SELECT vvault_related('seed')::text AS r;
SET LOCAL gin_fuzzy_search_limit = 1;
SET LOCAL extra_float_digits = 0;
SET LOCAL search_path = '';
CREATE TEMP TABLE reply2 AS SELECT public.vvault_related('seed')::text AS r;
RESET search_path;
RESET gin_fuzzy_search_limit;
SELECT is((SELECT r FROM reply2), (SELECT r FROM reply), 'no setting of the session changes a byte');
INSERT INTO vvault.regions (region, enabled) VALUES ('SE', false);
SELECT is('abroad' = ANY (pg_temp.ids('seed')), false, 'what only a disabled region lists is not shown');
SELECT is(vvault_related('abroad')::text, NULL, 'nor asked about');
SELECT vvault_block('viewed');
SELECT is((pg_temp.ids('seed'))[1], 'alltags', 'a video taken down is not shown');

CREATE ROLE vvt_related_reader;
CREATE ROLE vvt_related_nobody;
SELECT vvault_grant('vvt_related_reader', 'reader');
SET LOCAL ROLE vvt_related_reader;
SELECT is((vvault_related('seed') ->> 'total')::int, 7, 'a reader may ask');
RESET ROLE;
GRANT EXECUTE ON FUNCTION vvault_related TO vvt_related_nobody;
SET LOCAL ROLE vvt_related_nobody;
SELECT throws_ok($$SELECT vvault_related('seed')$$, '42501', NULL, 'the caller''s rights count');
RESET ROLE;

--
-- Odd ids and a prolific channel
--

INSERT INTO vvault.videos (region, video_id, title, channel_id, tags, views)
SELECT 'US', 'p' || n, 'Part ' || n, E'UC''\\odd" &|!', ARRAY[E'\'', '\', 'tag'], n * 1000 FROM generate_series(1, 3000) n;
SELECT cmp_ok((SELECT min((v ->> 'views')::bigint) FROM json_array_elements(vvault_related('p1', 25) -> 'videos') v), '>=', 2000000::bigint,
	'of thousands of the same channel those of the highest tier come first');
SELECT cmp_ok((vvault_related('p1', 200) ->> 'total')::int, '>=', 30, 'and there are enough of them');
-- 'alpha' and 'omega' are in too many videos to be asked for alone
INSERT INTO vvault.videos (region, video_id, title, category_id)
SELECT 'US', 'w' || n, CASE WHEN n <= 600 THEN 'alpha' ELSE 'omega' END, n FROM generate_series(1, 1200) n;
INSERT INTO vvault.videos (region, video_id, title, category_id) VALUES
	('US', 'both1', 'alpha omega', 5001), ('US', 'both2', 'omega alpha', 5002);
SELECT is(pg_temp.ids('both1'), '{both2}', 'of common words two are asked for at once');
SELECT is_empty('SELECT * FROM vvault_check()', 'the derived tables are right');

SELECT * FROM finish();
ROLLBACK;
