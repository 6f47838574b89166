--
-- search.sql
--		vvault_search: the golden set, what a query may say, hostile queries,
--		pages, rights, settings of the session, and what writes do to it.
--
BEGIN;
SELECT plan(413);

TRUNCATE vvault.videos, vvault.snapshots;
\ir ../golden/search.sql

SELECT is((SELECT count(*) FROM golden), 152::bigint, 'the golden set has 152 queries');
SELECT is(pg_temp.recall(g), 1::float8, format('golden: %s finds %s', g.q, g.expected)) FROM golden g ORDER BY n;

-- ids('...'): what a search finds, in its order.
CREATE FUNCTION pg_temp.ids(q text, region text DEFAULT NULL, language text DEFAULT NULL, page_size integer DEFAULT 200)
RETURNS text[] LANGUAGE sql AS $$
	SELECT ARRAY(SELECT v ->> 'video_id' FROM json_array_elements(
		vvault_search($1, $2, $3, $4) -> 'videos') WITH ORDINALITY AS t (v, n) ORDER BY n)
$$;

--
-- The reply
--

SELECT is(ARRAY(SELECT json_object_keys(vvault_search('teo'))), '{query,region,videos,total,next_cursor}'::text[],
	'the keys of the reply');
SELECT is(ARRAY(SELECT json_object_keys(vvault_search('teo') -> 'videos' -> 0)),
	ARRAY(SELECT json_object_keys(vvault_trending('US', 1) -> 'videos' -> 0)) || '{score}'::text[],
	'a video has the keys it has in a feed, then its score');
SELECT is((SELECT v - 'score' FROM jsonb_array_elements(vvault_search('not before summer', 'US')::jsonb -> 'videos') v),
	(SELECT v FROM jsonb_array_elements(vvault_trending('US', 200)::jsonb -> 'videos') v WHERE v ->> 'video_id' = 'en07'),
	'and the same values');
SELECT is(vvault_search('żółte "liście', 'PL') ->> 'query', 'żółte "liście', 'the query comes back as it was given');
SELECT is(vvault_search('teo', 'PL') ->> 'region', 'PL', 'and so does the region');
SELECT is((vvault_search('teo') -> 'region')::text, 'null', 'which is null where none was named');
SELECT is((vvault_search('minecraft', page_size => 1) ->> 'total')::int, 1, 'total is the number of videos in the reply');
SELECT is((SELECT count(*) FROM unnest(pg_temp.ids('teo hartwell')) i WHERE i = 'en07'), 1::bigint,
	'a video in three regions appears once');
SELECT is((vvault_search('not before summer') -> 'videos' -> 0 -> 'regions')::text, '["GB","PL","US"]',
	'with all its regions');
SELECT ok((SELECT bool_and((v ->> 'score')::float8 BETWEEN 0 AND 100)
	FROM json_array_elements(vvault_search('the', page_size => 200) -> 'videos') v), 'scores are from 0 to 100');
-- one word of two, as written, in the title: 50 + 10 + 10 * 1/2; views 500,000 to 999,999: 30 * 9/24
INSERT INTO vvault.videos (region, video_id, title, views) VALUES ('US', 'points', 'Xylophonic evening', 999999);
SELECT is(round((vvault_search('xylophonic') -> 'videos' -> 0 ->> 'score')::numeric, 9), 76.250000000,
	'the score is what the reference says');

--
-- What a query may say
--

SELECT is(pg_temp.ids('teo hartwell -boats'), '{en07}', 'a word with a minus must be missing');
SELECT is(pg_temp.ids('lighthouse -"lighthouse keeper"'), '{en18}', 'so must a phrase');
SELECT is(pg_temp.ids('dance -hip-hop'), pg_temp.ids('dance -"hip hop"'), 'and a word with a hyphen');
SELECT is(pg_temp.ids('"summer before not"'), '{}', 'quoted words stand in their order');
SELECT is(pg_temp.ids('"before summer" teo'), '{en07}', 'a phrase goes with words');
SELECT is(pg_temp.ids('"sourd"'), '{}', 'a quoted word is no beginning');
SELECT is(pg_temp.ids('"not before summer'), '{en07}', 'a quote may be left open');
SELECT is(pg_temp.ids('pierogi or klompen'), '{pl04,pl05,nl03}', 'or gives both');
SELECT is(pg_temp.ids('PIEROGI OR KLOMPEN'), '{pl04,pl05,nl03}', 'in any case');
SELECT is(pg_temp.ids('teo hartwell or'), pg_temp.ids('teo hartwell "or"'), 'an or at the end is a word');
SELECT is(pg_temp.ids('hartwell teo'), pg_temp.ids('teo   HARTWELL!'), 'order, spaces, case and marks keep the same videos');
SELECT is(pg_temp.ids(U&'zo\0301\0142c\0301'), pg_temp.ids('żółć'), 'accents may be characters of their own');
SELECT is(pg_temp.ids('sourdough', 'GB'), '{en01}', 'a region keeps to its videos');
SELECT is(pg_temp.ids('warum', NULL, 'de'), '{at07}', 'a language keeps to its videos');
SELECT is(pg_temp.ids('teo', NULL, 'EN-us'), pg_temp.ids('teo', NULL, 'en'), 'a language counts without its region');
SELECT is(pg_temp.ids('smørbrød', NULL, 'nn'), '{no02}', 'both kinds of Norwegian are one');
SELECT is((pg_temp.ids('riverton'))[1], 'en14', 'of equal matches the more viewed is first');
SELECT is((pg_temp.ids('saga strömfors'))[1], 'se03', 'which holds for words of the channel too');
SELECT is(pg_temp.ids('a', page_size => 200) @> '{at04}', true, 'one letter is a beginning');

--
-- Signs, marks and letters of all scripts
--

-- words('...'): those of a title, with their places; * beside the words as
-- they are written, none for a stem
CREATE FUNCTION pg_temp.words(title text, language text DEFAULT '') RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(l.lexeme || coalesce('@' || array_to_string(l.positions, ',') || CASE WHEN l.weights[1] = 'A' THEN '' ELSE '*' END, ''),
		' ' ORDER BY l.positions[1] NULLS LAST, l.weights[1], l.lexeme COLLATE "C")
	FROM unnest(vvault.search_document('PL', vvault.fold(vvault.search_texts($1, '', '{}')), $2, 0)) l
	WHERE l.lexeme !~ '^[#/+="]'
$$;
SELECT is(pg_temp.words(t.title, t.language), t.words, format('the words of %s', t.title))
FROM (VALUES
	('أخبار، جديدة؟', '', 'اخبار@1 جديده@2'),
	('שיר־חדש', '', 'שיר@1 שירחדש@1,2* חדש@2'),
	('旅・ラーメン、温泉。', '', '旅@1 旅ラーメン@1,2* ラーメン@2 温泉@3'),
	('«Так!» – ¿cómo? „nie…"', '', 'так@1 como@2 nie@3'),
	(U&'\FEFFso\00ADft\200Bly\2060 \180Eworded\FE0E', '', 'softly@1 worded@2'),
	(U&'\202Eright\202C \3164\115F left', '', 'right@1 left@2'),
	('שָׁלוֹם عَرَبِيّ', '', 'שלום@1 عربي@2'),
	('ع‍ـــرب', '', 'عرب@1'),
	('हिन्दी ต้มย', '', 'हिन्दी@1 ต้มย@2'),
	(U&'s\0336t\0336r\0336i\0336k\0336e', '', 'strike@1'),
	('Müller', '', 'muller@1 mueller@1*'),
	-- from 18 on the stemmer for German takes ue for ü
	('Müllers Äpfel', 'de', 'mullers@1 muellers@1* apfel@2 aepfel@2*'
		|| CASE WHEN current_setting('server_version_num')::integer < 180000 THEN ' muell mull' ELSE ' mull' END),
	('ÅRHUS smørbrød', '', 'arhus@1 aarhus@1* smorbrod@2 smoerbroed@2*'),
	('Mu''ller', '', 'mu@1 muller@1,2* ller@2'),
	('L''été', '', 'l@1 lete@1,2* ete@2'),
	('Şirin’den', '', 'sirin@1 sirinden@1,2* den@2'),
	('rock''n''roll', '', 'rock@1 rockn@1,2* rocknroll@1,2,3* n@2 nroll@2,3* roll@3'),
	('U.S.S.R.', '', 'u@1 us@1,2* uss@1,2,3* ussr@1,2,3,4* s@2,3 ss@2,3* ssr@2,3,4* sr@3,4* r@4'),
	('3-2 9/11', '', '3@1 2@2 9@3 11@4'),
	('Vol.2', '', 'vol@1 vol2@1,2* 2@2'),
	('wait - what', '', 'wait@1 what@2'),
	('צה"ל', '', 'צה@1 צהל@1,2* ל@2'),
	('Pokémon™ ®1', '', 'pokemon@1 1@2'),
	('１２３ ۱۲ ٣ ४', '', '123@1 12@2 3@3 4@4'),
	('🔥 hot 🇵🇱🇺🇦 👍🏽👍', '', 'hot@1 🇵🇱@1* 🇺🇦@1* 👍@1* 🔥@1*'),
	('ΣΊΣΥΦΟΣ σίσυφος', '', 'σισυφοσ@1,2'),
	('İSTANBUL ISPARTA ısparta', '', 'istanbul@1 isparta@2,3')) AS t (title, language, words);

-- case, whatever the locale of the database
SELECT is(pg_temp.words((SELECT string_agg(chr(c), '') FROM generate_series(t.first, t.last) c WHERE c <> 930)),
	pg_temp.words((SELECT string_agg(chr(c + t.behind), '') FROM generate_series(t.first, t.last) c WHERE c <> 930)), 'case: ' || t.script)
FROM (VALUES ('Greek', 913, 937, 32), ('Cyrillic', 1040, 1071, 32), ('Cyrillic of other languages', 1024, 1039, 80),
	('Armenian', 1329, 1359, 48), ('Georgian', 7312, 7332, -3008), ('Deseret', 66560, 66574, 40), ('Latin-1', 192, 214, 32),
	('fullwidth', 65313, 65338, 32), ('Adlam', 125184, 125198, 34)) AS t (script, first, last, behind);

--
-- Ways to write a word: not as typos, which need little to be found
--

INSERT INTO vvault.videos (region, video_id, title, views)
SELECT 'US', 'ways-' || w.n || '-' || i, w.title, 5000000 FROM (VALUES (1, 'Mueller'), (2, 'Aarhus'), (3, 'Kobenhavn'), (4, 'fuer oel'),
	(5, 'kpop'), (6, 'wifi'), (7, 'acdc'), (8, 'rock n roll')) AS w (n, title), generate_series(1, 6) i;
SELECT ok(pg_temp.ids(t.q) @> t.expected, format('%s finds %s beside many others', t.q, t.expected))
FROM (VALUES ('mueller', '{um01,um02,ways-1-1}'::text[]), ('Müller', '{um01,um02,ways-1-1}'), ('århus', '{um03,um04,ways-2-1}'), ('aarhus', '{um03,um04,ways-2-1}'),
	('københavn', '{um05,um06,ways-3-1}'), ('kobenhavn', '{um05,um06,ways-3-1}'), ('für öl', '{um01,ways-4-1}'), ('fuer oel', '{um01,ways-4-1}'),
	('kpop', '{jo05,ko01,ways-5-1}'), ('K-POP', '{jo05,ko01,ways-5-1}'), ('wifi', '{jo02,jo03,ways-6-1}'), ('wi-fi', '{jo02,jo03,ways-6-1}'),
	('acdc', '{jo04,ways-7-1}'), ('AC/DC', '{jo04,ways-7-1}'), ('rock n roll', '{jo01,ways-8-1}'), ('rock''n''roll', '{jo01,ways-8-1}'),
	('rocknroll', '{jo01}')) AS t (q, expected);
SELECT is(pg_temp.ids('"frau mueller kocht"'), '{um01}', 'a phrase may be written either way');
SELECT is(pg_temp.ids('dance -k-pop'), pg_temp.ids('dance -kpop'), 'what must be missing is missing either way');
SELECT cmp_ok((vvault_search('fuer gäste') -> 'videos' -> 0 ->> 'score')::float8, '>', 60::float8, 'and counts as written');
DELETE FROM vvault.videos WHERE video_id LIKE 'ways-%';

--
-- What is pasted
--

SELECT is((pg_temp.ids(v.title))[1], v.video_id, format('the title %s finds itself first', v.title))
FROM (SELECT DISTINCT ON (v.video_id) v.video_id, v.title FROM vvault.videos v WHERE v.video_id !~ '^zz' ORDER BY v.video_id) v
WHERE v.video_id ~ '^(jo|em|fr|ar|he|uk|ja|at0[1-3]|en0[1-7])';
SELECT is((pg_temp.ids('the last cat in the world 2'))[1], 'zz2', 'among many that have its words');
-- the same words, one with a minus, and a more popular video without it
INSERT INTO vvault.videos (region, video_id, title, views) VALUES ('NL', 'minus1', 'Vlog 1 op reis', 9000000), ('NL', 'minus2', 'Dagboek -zomer', 10),
	('NL', 'minus3', 'Trick or treat', 10), ('NL', 'minus4', 'Wat zei oma "nooit meer" toen', 10), ('NL', 'minus5', '-Wacht- even', 10), ('NL', 'minus6', 'Zeldzaam', 10);
SELECT is(pg_temp.ids('Vlog -dag 1- op reis'), '{jo06,minus1}', 'a minus excludes no title that is the query');
SELECT is(pg_temp.ids('vlog -dag reis'), '{minus1}', 'but others');
SELECT is(pg_temp.ids('Vlog dag-1 op reis'), '{jo06}', 'a minus without a space before it excludes nothing');
SELECT is(pg_temp.ids('vlog - dag 1'), '{jo06}', 'nor does one before a space');
SELECT is(pg_temp.ids('vlog --dag 1'), '{jo06}', 'nor one behind another');
SELECT is(pg_temp.ids('vlog –dag 1'), '{jo06}', 'nor a dash that is none');
SELECT is(pg_temp.ids('dagboek -zomer'), '{minus2}', 'the title''s own word is not excluded');
SELECT is(pg_temp.ids('lighthouse -keeper -haunted'), '{}', 'where the title is another, it is');
SELECT is((pg_temp.ids('-wacht- even'))[1], 'minus5', 'a title that begins with a minus finds itself');
SELECT is(pg_temp.ids('-zeldzaam'), '{minus6}', 'a query of nothing but that finds the title');
SELECT is((pg_temp.ids('trick or treat'))[1], 'minus3', 'a title with an or finds itself first');
SELECT is((pg_temp.ids('Wat zei oma "nooit meer" toen'))[1], 'minus4', 'and so does one with quotes');
SELECT is((pg_temp.ids(q))[1], 'Qz7-x_9AbYk', format('first is the video of %s', replace(q, E'\n', ' ')))
FROM unnest(ARRAY['Qz7-x_9AbYk', '  Qz7-x_9AbYk ', 'https://youtu.be/Qz7-x_9AbYk', 'youtu.be/Qz7-x_9AbYk?t=3', 'https://www.youtube.com/watch?v=Qz7-x_9AbYk&t=3s',
	'watch?v=Qz7-x_9AbYk&t=3s', 'https://m.youtube.com/watch?app=desktop&v=Qz7-x_9AbYk', '/shorts/Qz7-x_9AbYk', 'https://youtube.com/shorts/Qz7-x_9AbYk?feature=share',
	'https://www.youtube.com/live/Qz7-x_9AbYk', 'https://www.youtube.com/embed/Qz7-x_9AbYk?rel=0',
	-- as phones write and share it, and as somebody does who has seen what a minus does
	'Https://youtu.be/Qz7-x_9AbYk', 'HTTPS://WWW.YOUTUBE.COM/WATCH?V=Qz7-x_9AbYk', 'https://www.youtube.com/v/Qz7-x_9AbYk', '"Qz7-x_9AbYk"',
	'Look at this: https://youtu.be/Qz7-x_9AbYk?si=x', E'Nobody has this title\nhttps://www.youtube.com/watch?v=Qz7-x_9AbYk&t=3s']) q;
SELECT is(pg_temp.ids('what a /v/Qz7-x_9AbYk'), '{}', 'among other words it names the site');
INSERT INTO vvault.videos (region, video_id, title, views) VALUES ('US', 'paperplane1', 'The paperplane2 story', 90000000000), ('US', 'paperplane2', 'Another', 1);
SELECT is(pg_temp.ids('paperplane2'), '{paperplane2,paperplane1}', 'a video of the id is before those of the word');
SELECT is(pg_temp.ids('Qz7-x_9AbYk', 'PL'), '{}', 'not in a region that does not list it');
SELECT is(pg_temp.ids('Qz7-x_9AbYk', NULL, 'pl'), '{}', 'nor in another language');
SELECT is(pg_temp.ids('qz7-x_9abyk'), '{}', 'the case of an id counts');
SELECT is(pg_temp.ids('https://youtu.be/AAAAAAAAAAA'), '{}', 'an address of none finds nothing');
DELETE FROM vvault.videos WHERE video_id ~ '^(minus|paperplane)';

--
-- Pictures
--

SELECT is(pg_temp.ids('🦄 pannkakor'), '{em02}', 'a picture that no video has is passed over beside words');
SELECT is(pg_temp.ids('🥞 🦄'), '{}', 'but not beside pictures');
SELECT is(pg_temp.ids('🔥🥞'), '{}', 'pictures that stand in no title together find nothing');
INSERT INTO vvault.videos (region, video_id, title) VALUES ('SE', 'plain', 'Pannkakor');
SELECT is(pg_temp.ids('-🥞 pannkakor'), '{plain}', 'a picture with a minus must be missing');
DELETE FROM vvault.videos WHERE video_id = 'plain';
SELECT is(pg_temp.ids('"choir in the underground"'), '{em03}', 'a phrase runs past pictures');

--
-- Languages
--

INSERT INTO vvault.videos (region, video_id, title, content_language) SELECT 'US', 'tongue-' || code, 'Polyglottery', code
FROM unnest('{he,iw,zh,cmn-Hans,zh-TW,id,in,fil,tl,nb,no,nn-NO,yi,ji}'::text[]) code;
SELECT is((SELECT array_agg(i ORDER BY i) FROM unnest(pg_temp.ids('polyglottery', NULL, t.language)) i), t.expected, 'one language: ' || t.language)
FROM (VALUES ('he', '{tongue-he,tongue-iw}'::text[]), ('iw', '{tongue-he,tongue-iw}'), ('zh', '{tongue-cmn-Hans,tongue-zh,tongue-zh-TW}'), ('cmn', '{tongue-cmn-Hans,tongue-zh,tongue-zh-TW}'),
	('id', '{tongue-id,tongue-in}'), ('in', '{tongue-id,tongue-in}'), ('tl', '{tongue-fil,tongue-tl}'), ('fil-PH', '{tongue-fil,tongue-tl}'),
	('no', '{tongue-nb,tongue-nn-NO,tongue-no}'), ('nb', '{tongue-nb,tongue-nn-NO,tongue-no}'), ('nn', '{tongue-nb,tongue-nn-NO,tongue-no}'), ('ji', '{tongue-ji,tongue-yi}')) AS t (language, expected);
DELETE FROM vvault.videos WHERE video_id LIKE 'tongue-%';

--
-- Empty and hostile queries
--

SELECT is(vvault_search(q)::jsonb, jsonb_build_object('query', q, 'region', NULL, 'videos', '[]'::jsonb, 'total', 0, 'next_cursor', NULL),
	format('nothing to look for: %L', left(q, 30)))
FROM unnest(ARRAY[NULL, '', '   ', '-', '"', '""', '"" - ""', '-cat', '-"cat" -dog', '& | ! ( ) <-> :* \ '' %', '🎬🎬', E'\t\n\r',
	'-or', repeat('-', 900), repeat('"', 900), U&'\200B\200D\FE0F', 'qqqqqqqqxx', '99999999999999999999']) q;
SELECT throws_ok(format('SELECT vvault_search(%L)', q), '22023', NULL, label)
FROM (VALUES (repeat('a', 10240), '10 kB of a letter'), (repeat('ż ', 3500), '10 kB of words'), (repeat('-"', 5120), '10 kB of operators'),
	(repeat('a ', 65), 'more words than are allowed'), (repeat('"', 1001), 'a byte too much'),
	(repeat(U&'\FDFA', 333), 'characters that folding makes words of')) AS t (q, label);
SELECT lives_ok(format('SELECT vvault_search(%L)', q), label)
FROM (VALUES (repeat('a ', 64), 'as many words as are allowed'), (repeat('ß', 500), 'a word that folding makes longer'),
	(repeat('a or ', 16), 'as many alternatives'), ('''; DROP TABLE vvault.videos; --', 'SQL'), ('%s%n%d', 'a format'), ($q$'\$q$, 'quotes of a tsquery')) AS t (q, label);
SELECT throws_ok($$SELECT vvault_search('x', 'XX')$$, '22023', 'invalid region "XX"', 'an invalid region');
SELECT throws_ok($$SELECT vvault_search('x', 'pl')$$, '22023', 'invalid region "pl"', 'a region in lower case');
SELECT throws_ok(format('SELECT vvault_search(%L, NULL, %L)', 'x', l), '22023', NULL, format('an invalid language: %s', left(l, 20)))
FROM unnest(ARRAY['', 'x', '1', 'polski!', repeat('a', 10000)]) l;
SELECT throws_ok($$SELECT vvault_search('x', page_size => 0)$$, '22023', 'invalid page_size 0', 'an invalid page_size');
SELECT is((vvault_search('the', page_size => 100000) ->> 'total')::int <= 200, true, 'a page is cut to the page limit');

--
-- Pages
--

CREATE FUNCTION pg_temp.walk(q text, region text, page_size integer) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	page json;
	next text;
	seen text[] := '{}';
BEGIN
	LOOP
		page := vvault_search(q, region, NULL, page_size, next);
		seen := seen || ARRAY(SELECT v ->> 'video_id' FROM json_array_elements(page -> 'videos') v);
		next := page ->> 'next_cursor';
		EXIT WHEN next IS NULL OR cardinality(seen) > 2000;
	END LOOP;
	RETURN seen;
END
$$;
SELECT is(pg_temp.walk('house', NULL, size), pg_temp.ids('house'), format('a walk in pages of %s visits every video once, in order', size))
FROM unnest('{1,7,25}'::int[]) size;
SELECT is(pg_temp.walk('day', 'PL', 2), pg_temp.ids('day', 'PL'), 'so does a walk through a region');
SELECT throws_ok(format('SELECT vvault_search(%L, %L, %L, 2, %L)', t.q, t.r, t.l, t.given), '22023', 'invalid cursor', t.label)
FROM (SELECT vvault_search('house', 'US', NULL, 2) ->> 'next_cursor' AS c,
		vvault_trending('US', 2) ->> 'next_cursor' AS feed) c,
	LATERAL (VALUES ('house', 'US', NULL, left(c, -1), 'a cursor that was cut'), ('house', 'US', NULL, overlay(c PLACING 'x' FROM 9), 'one that was altered'),
		('house', 'US', NULL, feed, 'a feed''s'), ('houses', 'US', NULL, c, 'one of another query'), ('house', 'GB', NULL, c, 'of another region'),
		('house', NULL, NULL, c, 'of one region for all'), ('house', 'US', 'en', c, 'of another language'), ('house', 'US', NULL, '', 'an empty one')) AS t (q, r, l, given, label);

--
-- Settings of the session
--

CREATE TEMP TABLE replies AS SELECT g.n, vvault_search(g.q, g.region, g.language)::text AS reply FROM golden g;
SET LOCAL default_text_search_config = 'pg_catalog.german';
SET LOCAL pg_trgm.similarity_threshold = 0.99;
SET LOCAL gin_fuzzy_search_limit = 1;
SET LOCAL work_mem = '64kB';
SET LOCAL extra_float_digits = 0;
SET LOCAL enable_bitmapscan = off;
SET LOCAL enable_indexscan = off;
SET LOCAL search_path = '';
CREATE TEMP TABLE changed AS SELECT count(*) AS n FROM pg_temp.golden g JOIN pg_temp.replies r USING (n)
	WHERE public.vvault_search(g.q, g.region, g.language)::text <> r.reply;
RESET search_path;
SELECT is((SELECT n FROM changed), 0::bigint, 'no setting of the session changes a byte');
RESET enable_bitmapscan;
RESET enable_indexscan;
RESET gin_fuzzy_search_limit;
RESET work_mem;

--
-- Rights
--

CREATE ROLE vvt_search_reader;
CREATE ROLE vvt_search_nobody;
SELECT vvault_grant('vvt_search_reader', 'reader');
GRANT SELECT ON replies, golden TO vvt_search_reader;
SET LOCAL ROLE vvt_search_reader;
SELECT lives_ok($$SELECT vvault_search('minecarft'), vvault_related('en07')$$, 'a reader searches, typos included');
RESET ROLE;
GRANT EXECUTE ON FUNCTION vvault_search TO vvt_search_nobody;
SET LOCAL ROLE vvt_search_nobody;
SELECT throws_ok($$SELECT vvault_search('teo')$$, '42501', NULL, 'the caller''s rights count');
RESET ROLE;

--
-- Writes
--

SELECT is_empty('SELECT * FROM vvault_check()', 'after the fill the derived tables are right');
UPDATE vvault.videos SET title = 'Quokkas at dawn' WHERE video_id = 'en10';
SELECT is(pg_temp.ids('knocking cats'), '{}', 'a title that changed is not found by the old words');
SELECT is(pg_temp.ids('quokka'), '{en10}', 'but by the new');
UPDATE vvault.videos SET region = 'SE' WHERE video_id = 'en10';
SELECT is(pg_temp.ids('quokka', 'SE'), '{en10}', 'a row may move to another region');
DELETE FROM vvault.videos WHERE video_id = 'en07' AND region = 'US';
SELECT is(pg_temp.ids('not before summer', 'US'), '{}', 'a row deleted in one region is gone there');
SELECT is(pg_temp.ids('not before summer'), '{en07}', 'and found in the others');
SELECT vvault_block('en07');
SELECT is(pg_temp.ids('not before summer'), '{}', 'a video taken down is found nowhere');
SELECT is_empty('SELECT * FROM vvault_check()', 'and the derived tables are right');

-- what figures do
CREATE TEMP TABLE placed AS SELECT s.ctid AS place, s.region, s.video_id FROM vvault.video_search s;
UPDATE vvault.videos SET views = views + 1, likes = 7, fetched_at = now() WHERE video_id LIKE 'zz%' AND views % 10000 < 9000;
SELECT is((SELECT count(*) FROM placed p JOIN vvault.video_search s USING (region, video_id) WHERE s.ctid <> p.place), 0::bigint,
	'new figures write nothing');
UPDATE vvault.videos SET views = 0 WHERE video_id = 'zz1';
SELECT is((SELECT s.document @@ '''/0''' FROM vvault.video_search s WHERE s.video_id = 'zz1'), true, 'unless they are of another size');

-- titles that are long or strange
INSERT INTO vvault.videos (region, video_id, title, channel_title, channel_id, tags, content_language) VALUES
	('US', 'long', repeat('longish ', 200000), repeat('name', 100000), repeat('c''\', 1000), array_fill('t'::text, ARRAY[5000]), repeat('x', 9999)),
	('US', 'odd', E'quo''te \\ "double" & | ! :* \t\n tab', E'\x01\x7f', E'it''s \\', ARRAY['', NULL, E'a\nb', '''\'], ''),
	('US', 'bare', '', '', '', '{}', NULL);
SELECT is(pg_temp.ids('longish'), '{long}', 'a title of a megabyte is found by its beginning');
SELECT is(pg_temp.ids('quote double'), '{odd}', 'signs in titles do no harm');
SELECT is_empty('SELECT * FROM vvault_check()', 'and the derived tables are right');

-- a beginning of more words than the index is asked for
INSERT INTO vvault.videos (region, video_id, title, channel_title, views)
SELECT 'US', 'many' || n, string_agg(format('zy%s', 10000 + n * 70 + i), ' '), 'Manyword', n FROM generate_series(1, 40) n, generate_series(1, 70) i GROUP BY n;
SELECT is((SELECT count(*) FROM unnest(pg_temp.ids('zy', 'US'))), 40::bigint, 'a beginning of very many words is found without the index');
SELECT is((SELECT count(*) FROM unnest(pg_temp.ids('zy'))), 40::bigint, 'in all regions too');
SELECT is((SELECT count(*) FROM unnest(pg_temp.ids('manyword zy', 'US'))), 40::bigint, 'beside another word');
SELECT is((SELECT count(*) FROM unnest(pg_temp.ids('zy10071 zy', 'US'))), 1::bigint, 'which may be rare');
SELECT is((SELECT count(*) FROM unnest(pg_temp.ids('klompen or zy'))), 41::bigint, 'or instead of another');
SELECT is((SELECT count(*) FROM unnest(pg_temp.ids('-zy10071 zy', 'US'))), 39::bigint, 'without one');
SELECT is(pg_temp.ids('zy', 'US', 'en'), '{}', 'in a language that none has');
SELECT is(pg_temp.ids('zy', 'PL'), '{}', 'in a region that has none');

-- any writes, at random
SELECT setseed(0.3);
DO $$
BEGIN
	FOR i IN 1 .. 150 LOOP
		CASE floor(random() * 5)::int
			WHEN 0 THEN INSERT INTO vvault.videos (region, video_id, title, views)
				SELECT (ARRAY['US', 'PL', 'SE'])[1 + n % 3], 'r' || floor(random() * 60), 'Title ' || floor(random() * 9), (10 ^ (random() * 8))::bigint
				FROM generate_series(1, 5) n ON CONFLICT (region, video_id) DO UPDATE SET title = EXCLUDED.title, views = EXCLUDED.views
				WHERE random() < 2;
			WHEN 1 THEN UPDATE vvault.videos SET views = (views * random() * 4)::bigint WHERE video_id LIKE 'r' || floor(random() * 10) || '%';
			WHEN 2 THEN DELETE FROM vvault.videos WHERE video_id = 'r' || floor(random() * 60);
			WHEN 3 THEN UPDATE vvault.videos SET channel_title = 'Name ' || floor(random() * 3), content_language = (ARRAY['en', 'de', NULL])[1 + floor(random() * 3)::int],
				tags = ARRAY['tag' || floor(random() * 3)] WHERE video_id LIKE 'r%' AND random() < 0.1;
			ELSE UPDATE vvault.videos SET video_id = video_id || 'x' WHERE video_id = 'r' || floor(random() * 60);
		END CASE;
	END LOOP;
EXCEPTION WHEN unique_violation OR cardinality_violation THEN NULL;
END
$$;
SELECT is_empty('SELECT * FROM vvault_check()', 'after writes at random the derived tables are right');

-- past the triggers
ALTER TABLE vvault.videos DISABLE TRIGGER USER;
UPDATE vvault.videos SET title = 'Something else' WHERE video_id = 'en11';
DELETE FROM vvault.videos WHERE video_id = 'en12';
INSERT INTO vvault.videos (region, video_id, title) VALUES ('US', 'late', 'Latecomer');
ALTER TABLE vvault.videos ENABLE TRIGGER USER;
SELECT is(ARRAY(SELECT DISTINCT derived_table FROM vvault_check() WHERE derived_table ~ 'search' ORDER BY 1), '{search_words,video_search}'::text[],
	'what was written past the triggers is seen');
SELECT is(pg_temp.ids('voxel speedrunning')::text, '{en13}', 'a video that is gone from vvault.videos is not shown');
SELECT cmp_ok(vvault_rebuild(), '>', 0::bigint, 'and repaired');
SELECT is_empty('SELECT * FROM vvault_check()', 'to the last row');
TRUNCATE vvault.videos;
SELECT is_empty('TABLE vvault.video_search', 'TRUNCATE leaves nothing to find');
SELECT is_empty('TABLE vvault.search_words', 'and no words');

SELECT * FROM finish();
ROLLBACK;
