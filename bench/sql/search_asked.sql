-- The table asked: searches of many kinds in a catalog filled by
-- search_fill.sql, and those of the golden set.
\ir ../../test/golden/search.sql
VACUUM (ANALYZE) vvault.videos, vvault.video_search, vvault.search_words;
SET client_min_messages = warning;

CREATE TEMP TABLE asked (kind text, statement text, ms double precision, processor_ms double precision);
INSERT INTO asked
SELECT 'golden set', format('SELECT vvault_search(%L, %L, %L)', g.q, g.region, g.language) FROM golden g;

-- words of titles as they come, so the common ones often
CREATE TEMP TABLE picked AS
SELECT v.video_id, string_to_array(v.title, ' ') AS words, row_number() OVER (ORDER BY v.video_id) AS n
FROM vvault.videos v TABLESAMPLE BERNOULLI (1) REPEATABLE (1) WHERE v.video_id LIKE 'v%' LIMIT 600;
INSERT INTO asked
SELECT k.kind, format('SELECT vvault_search(%L, %s)', k.q, CASE WHEN p.n % 2 = 0 THEN '''PL''' ELSE 'NULL' END)
FROM picked p CROSS JOIN LATERAL (VALUES
	('one word of a title', p.words[1]),
	('two words of a title', p.words[1] || ' ' || p.words[2]),
	('a whole title', array_to_string(p.words, ' ')),
	('a beginning of 1 letter', left(p.words[1], 1)),
	('a beginning of 3 letters', left(p.words[1], 3)),
	('a word and 4 letters', p.words[2] || ' ' || left(p.words[1], 4)),
	('a phrase', '"' || p.words[1] || ' ' || p.words[2] || '"'),
	('a word with a typo', overlay(p.words[1] PLACING 'q' FROM 4 FOR 1)),
	('a word without another', p.words[1] || ' -' || p.words[2])) AS k (kind, q)
WHERE p.n <= 100;
INSERT INTO asked
SELECT 'hostile', format('SELECT vvault_search(%L)', q)
FROM unnest(ARRAY['', '""', '-a', repeat('-', 1000), repeat('"', 1000), repeat('a ', 32), repeat('k ro ', 16), repeat('a or ', 15),
	'"' || repeat('karomilen ', 30) || '"', repeat('ka-', 30), repeat('x', 1000)]) q;
INSERT INTO asked
SELECT 'common words: ' || w.words, format('SELECT vvault_search(%L)', w.words)
FROM (SELECT string_agg(s.word, ' ' ORDER BY s.videos DESC) AS words
	FROM (SELECT w.word, sum(w.videos) AS videos FROM vvault.search_words w WHERE w.word >= 'a' GROUP BY w.word ORDER BY 2 DESC LIMIT 3) s) w;
INSERT INTO asked
SELECT 'vvault_related', format('SELECT vvault_related(%L)', p.video_id) FROM picked p;
