--
-- search.sql
--		Searches in all kinds of ways, beside what is known of the titles.
--
-- usage: psql -X -d DATABASE [-v rounds=300] [-v seed=0.5] -f test/fuzz/search.sql
--
-- The database must have vvault in a schema of the search_path. All is done in
-- one transaction that is rolled back. Prints the seed (-1 to 1) and "ok", or
-- stops with the first error. What must hold:
--
--		a search answers or is 22023, whatever is asked
--		scores fall from 100 to 0, no video comes twice, total is their number
--		every title with all the words that were asked for, however they are
--		written, and none of those with a minus, is found; of those with a minus
--		none is, but the title that is the whole query where nothing else is
--		quoted words find titles that have them one behind the other
--		a title of whatever characters, pasted, finds itself first
--		what a sign joins is found with another sign or none, and with
--		characters that count for nothing put in anywhere
--		page behind page gives what one page gives
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

CREATE FUNCTION pg_temp.one_of(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT choices[1 + floor(random() * cardinality(choices))::integer]
$$;

-- Words that are alike in nothing, and ways to write each: none begins another,
-- and no dictionary takes anything off.
CREATE TEMP TABLE word (n integer PRIMARY KEY, ways text[]);
INSERT INTO word VALUES (1, '{blargono,BLARGONO,blärgönö,Blårgono}'), (2, '{zolcik,żółcik,ŻÓŁCIK,Zólcik}'),
	(3, '{quorvath,Quorváth}'), (4, '{fjunko,Fjúnko,FJUNKO}'), (5, '{smekdra,Šmekdra}'), (6, '{xylpo,XYLPO}'),
	(7, '{nhibwo,Ñhibwo}'), (8, '{ttavrik,ttávřik}'), (9, '{w7gm,W7GM}'), (10, '{ülvpok,ulvpok}');
CREATE TEMP TABLE title (video_id text, region text, words integer[]);
INSERT INTO title SELECT 'f' || lpad(v::text, 3, '0'), r,
	ARRAY(SELECT 1 + floor(random() ^ 2 * 10)::integer FROM generate_series(1, 1 + (v + length(r) * ascii(r)) % 6))
FROM generate_series(1, 60) v, unnest('{PL,SE,US}'::text[]) r WHERE random() < 0.6;

DELETE FROM vvault.videos;
INSERT INTO vvault.videos (region, video_id, title, channel_title, content_language, views)
SELECT t.region, t.video_id,
	(SELECT string_agg(pg_temp.one_of(VARIADIC w.ways), pg_temp.one_of(' ', ' - ', ', ', ' 🎬 ', ' | ', '  ') ORDER BY u.n)
	 FROM unnest(t.words) WITH ORDINALITY u (word, n) JOIN word w ON w.n = u.word),
	'', pg_temp.one_of('en', 'pl', 'sv', 'xx', NULL), (random() ^ 4 * 1e9)::bigint
FROM title t;

CREATE FUNCTION pg_temp.found(reply json) RETURNS text[] LANGUAGE sql AS $$
	SELECT ARRAY(SELECT v ->> 'video_id' FROM json_array_elements(reply -> 'videos') WITH ORDINALITY AS x (v, n) ORDER BY n)
$$;

CREATE FUNCTION pg_temp.written(words integer[]) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT string_agg(pg_temp.one_of(VARIADIC w.ways), ' ' ORDER BY u.n)
	FROM unnest(words) WITH ORDINALITY u (word, n) JOIN word w ON w.n = u.word
$$;

-- Whether words stand in a title one behind the other.
CREATE FUNCTION pg_temp.has_run(title integer[], run integer[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT EXISTS (SELECT FROM generate_subscripts(title, 1) i WHERE title[i : i + cardinality(run) - 1] = run)
$$;

-- What a search replies, or NULL where it is refused as it may be.
CREATE FUNCTION pg_temp.searched(q text, region text, language text, page_size integer, cursor text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	reply json;
	ids text[];
BEGIN
	BEGIN
		reply := vvault_search(q, region, language, page_size, cursor);
	EXCEPTION WHEN invalid_parameter_value THEN
		RETURN NULL;
	END;
	ids := pg_temp.found(reply);
	IF (reply ->> 'total')::integer <> cardinality(ids) OR cardinality(ids) > coalesce(page_size, 25)
		OR cardinality(ids) <> (SELECT count(DISTINCT i) FROM unnest(ids) i)
		OR reply ->> 'query' IS DISTINCT FROM q
		OR EXISTS (SELECT FROM (SELECT (v ->> 'score')::float8 AS score, lag((v ->> 'score')::float8) OVER (ORDER BY n) AS before
			FROM json_array_elements(reply -> 'videos') WITH ORDINALITY AS x (v, n)) s
			WHERE s.score NOT BETWEEN 0 AND 100 OR s.score > s.before) THEN
		RAISE EXCEPTION 'a search for "%" in % replies %', q, region, left(reply::text, 2000);
	END IF;
	RETURN reply;
END
$$;

-- Words in any order, some of them with a minus, or one run of them in quotes.
CREATE PROCEDURE pg_temp.known_words() LANGUAGE plpgsql AS $$
DECLARE
	wanted integer[] := ARRAY(SELECT DISTINCT 1 + floor(random() * 10)::integer FROM generate_series(1, 1 + floor(random() * 2)::integer));
	unwanted integer[] := ARRAY(SELECT n FROM word WHERE random() < 0.1 AND n <> ALL (wanted));
	quoted boolean := random() < 0.3;
	here text := pg_temp.one_of('PL', 'SE', 'US', NULL);
	q text := CASE WHEN quoted THEN '"' || pg_temp.written(wanted) || '"' ELSE pg_temp.written(wanted) END;
	size integer := pg_temp.one_of('1', '2', '7', '25')::integer;
	expected text[];
	ids text[];
	walked text[] := '{}';
	reply json;
	next text;
BEGIN
	SELECT q || coalesce(string_agg(' -' || pg_temp.written(ARRAY[u]), ''), '') INTO q FROM unnest(unwanted) u;
	SELECT array_agg(DISTINCT t.video_id) INTO expected FROM title t
	WHERE (here IS NULL OR t.region = here) AND NOT t.words && unwanted
		AND CASE WHEN quoted THEN pg_temp.has_run(t.words, wanted) ELSE t.words @> wanted END;
	ids := pg_temp.found(pg_temp.searched(q, here, NULL, 200, NULL));
	IF NOT ids @> coalesce(expected, '{}') THEN
		RAISE EXCEPTION 'a search for % in % does not find %', q, here, ARRAY(SELECT unnest(expected) EXCEPT SELECT unnest(ids));
	ELSIF EXISTS (SELECT FROM unnest(ids) i WHERE NOT EXISTS (SELECT FROM title t WHERE t.video_id = i
			AND (here IS NULL OR t.region = here)
			AND (NOT t.words && unwanted OR expected IS NULL AND t.words = wanted || unwanted))) THEN
		RAISE EXCEPTION 'a search for % in % finds what it must not: %', q, here, ids;
	END IF;
	LOOP
		reply := pg_temp.searched(q, here, NULL, size, next);
		walked := walked || pg_temp.found(reply);
		next := reply ->> 'next_cursor';
		EXIT WHEN next IS NULL OR cardinality(walked) > 1000;
	END LOOP;
	IF walked <> ids THEN
		RAISE EXCEPTION 'a search for % in % by pages of % gives %, not %', q, here, size, walked, ids;
	END IF;
END
$$;

-- Characters of all kinds.
CREATE FUNCTION pg_temp.noise(pieces integer) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	t text := '';
	code integer;
BEGIN
	FOR i IN 1 .. pieces LOOP
		-- the planes beside the first are mostly empty
		code := 1 + floor(random() * 55000)::integer + CASE WHEN random() < 0.2 THEN 65536 * floor(random() * 17)::integer ELSE 0 END;
		t := t || pg_temp.one_of(pg_temp.written(ARRAY[1 + floor(random() * 10)::integer]), ' ', ' ', '"', '-', ' -', ' or ', 'OR', '&', '|', '!', '(', ')',
			'<->', ':*', '\', '''', '%', '_', '*', '$', '--', E'\t', E'\n', E'\x01', E'\x02', 'o' || E'\x02' || 'e', U&'\200B', U&'\FE0F', U&'\0301', U&'\00AD', U&'\FEFF',
			'🎬', '🇵🇱', '🇵', '👨‍👩‍👧', 'ß', 'İ', 'ı', 'ﬁ', 'ö', 'Å', 'Æ', '日本語', 'ー・', 'שָׁ"ל', '־', 'عَ', '،', 'हिन्दी', 'ำ', '™', U&'\FDFA', '½', '１',
			'1', '00', chr(code), chr(128 + floor(random() * 1920)::integer), repeat('a', floor(random() * 80)::integer),
			repeat(pg_temp.one_of('x ', '"a" ', '-b ', 'x-', 'ä'), 40), left(pg_temp.written(ARRAY[1 + floor(random() * 10)::integer]), 1 + floor(random() * 4)::integer),
			overlay(pg_temp.written(ARRAY[1]) PLACING 'q' FROM 1 + floor(random() * 7)::integer FOR 1));
	END LOOP;
	RETURN t;
END
$$;

-- Anything at all.
CREATE PROCEDURE pg_temp.anything() LANGUAGE plpgsql AS $$
DECLARE
	cursor text := pg_temp.one_of(NULL, NULL, NULL, '', 'x', pg_temp.searched(pg_temp.written('{1}'), NULL, NULL, 1, NULL) ->> 'next_cursor');
BEGIN
	PERFORM pg_temp.searched(pg_temp.noise(floor(random() * 12)::integer), pg_temp.one_of('PL', NULL, NULL, 'pl', ''),
		pg_temp.one_of('en', 'pl', NULL, NULL, 'EN-us', '', '-', 'x"', repeat('e', 99)), pg_temp.one_of('1', '25', '200', NULL)::integer, cursor);
END
$$;

-- A title of anything; its document has a sign of it where there are words.
CREATE PROCEDURE pg_temp.pasted() LANGUAGE plpgsql AS $$
DECLARE
	given text := left(pg_temp.noise(1 + floor(random() * 8)::integer), 500);
	reply json;
	first text;
	has_words boolean;
BEGIN
	INSERT INTO vvault.videos (region, video_id, title, channel_title, tags, views)
	VALUES ('PL', 'pasted', given, pg_temp.noise(2), ARRAY[pg_temp.noise(2)], 1);
	SELECT bool_or(l.lexeme LIKE '"%') INTO has_words FROM vvault.video_search s, unnest(s.document) l WHERE s.video_id = 'pasted';
	reply := pg_temp.searched(given, pg_temp.one_of('PL', NULL), NULL, 25, NULL);
	first := (pg_temp.found(reply))[1];
	-- another may be called the same
	IF has_words AND reply IS NOT NULL AND first IS DISTINCT FROM 'pasted' AND NOT EXISTS (
			SELECT FROM vvault.video_search a, unnest(a.document) x, vvault.video_search b, unnest(b.document) y
			WHERE a.video_id = first AND b.video_id = 'pasted' AND x.lexeme = y.lexeme AND x.lexeme LIKE '"%') THEN
		RAISE EXCEPTION 'the title % does not find itself: %', to_json(given), left(reply::text, 1000);
	END IF;
	DELETE FROM vvault.videos WHERE video_id = 'pasted';
END
$$;

-- Puts in what counts for nothing, and capitals.
CREATE FUNCTION pg_temp.with_nothing(word text) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT string_agg(CASE WHEN random() < 0.5 THEN upper(c) ELSE c END || CASE WHEN random() < 0.3 THEN pg_temp.one_of(U&'\00AD', U&'\200B', U&'\200D',
		U&'\2060', U&'\FEFF', U&'\FE0F', U&'\0336', U&'\0335', U&'\05B0', U&'\064E') ELSE '' END, '' ORDER BY n)
	FROM unnest(string_to_array(word, NULL)) WITH ORDINALITY u (c, n)
$$;

CREATE FUNCTION pg_temp.with_signs(parts text[]) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT pg_temp.with_nothing(string_agg(p, s ORDER BY n))
	FROM unnest(parts) WITH ORDINALITY u (p, n), pg_temp.one_of('', '-', '/', '''', '.', '&', '+', '*', '_', '’', '·', '–', '־', '・', '‐') s
$$;

CREATE PROCEDURE pg_temp.joined_words() LANGUAGE plpgsql AS $$
DECLARE
	parts text[] := ARRAY(SELECT translate(left(md5(random()::text), 2 + floor(random() * 5)::integer), '0123456789', 'ghijklmnpq')
		FROM generate_series(1, 2 + floor(random() * 2)::integer));
	title text := pg_temp.with_signs(parts);
	q text := pg_temp.with_signs(parts);
BEGIN
	INSERT INTO vvault.videos (region, video_id, title, channel_title, views) VALUES ('SE', 'joined', title || ' smekdra', '', 1);
	IF NOT 'joined' = ANY (pg_temp.found(pg_temp.searched('smekdra ' || q, 'SE', NULL, 200, NULL))) THEN
		RAISE EXCEPTION 'a search for % does not find %', to_json(q), to_json(title);
	END IF;
	DELETE FROM vvault.videos WHERE video_id = 'joined';
END
$$;

DO $$
BEGIN
	FOR i IN 1 .. current_setting('fuzz.rounds')::integer LOOP
		CALL pg_temp.known_words();
		CALL pg_temp.anything();
		CALL pg_temp.pasted();
		CALL pg_temp.joined_words();
	END LOOP;
END
$$;
ROLLBACK;
\echo ok
