--
-- indexes.sql
--		What is indexed is bounded: an entry that is too long stops the statement
--		that writes it (54000), and texts of a chart have no end.
--
-- The rule: text is a key of an index where a CHECK bounds it, where it is the
-- beginning of a text (an expression with left), or where the column's comment
-- says "at most N bytes". The comment is held against what long texts leave there.
--
BEGIN;
SELECT plan(11);

-- Every text that is a key of an index of ours that is sorted.
CREATE TEMP VIEW text_key AS
	SELECT i.indexrelid::regclass AS index, t.oid AS table, a.attname AS column,
		pg_get_indexdef(i.indexrelid, n, true) AS definition, col_description(t.oid, a.attnum::integer) AS comment,
		EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = t.oid AND c.contype = 'c' AND a.attnum = ANY (c.conkey)
			AND pg_get_constraintdef(c.oid) ~ 'octet_length|length|\^.*[{]\d+,\d+[}]\$') AS checked
	FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
		JOIN pg_am m ON m.oid = x.relam AND m.amname <> 'gin'
		CROSS JOIN LATERAL generate_series(1, i.indnkeyatts::integer) n
		JOIN pg_attribute k ON k.attrelid = i.indexrelid AND k.attnum = n
		JOIN pg_type y ON y.oid = k.atttypid AND y.typcategory IN ('S', 'A', 'U', 'V')
			AND k.atttypid NOT IN ('uuid'::regtype, 'bytea'::regtype)
		LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[n - 1] AND a.attnum > 0
	WHERE t.relnamespace = 'vvault'::regnamespace;

SELECT cmp_ok((SELECT count(*) FROM text_key), '>=', 40::bigint, 'there are texts in indexes');
SELECT is((SELECT string_agg(format('%s (%s)', index, definition), ', ' ORDER BY index::text, definition) FROM text_key k
	WHERE NOT checked AND definition !~ '^"?left"?\(' AND coalesce(comment, '') !~ 'at most \d+ bytes'
		-- keys of videos, whose CHECK bounds them, and names that an owner gives
		AND NOT coalesce(k.column IN ('region', 'written_by', 'video_id'), false)
		AND k.table NOT IN ('vvault.settings'::regclass, 'vvault.setting_defaults'::regclass)),
	NULL, 'each of them is bounded: by a CHECK, by left(), or cut where it is written, as the comment of its column says ("at most N bytes")');
SELECT ok(bool_and(checked), 'a region and the id of a video are') FROM text_key k
WHERE k.table = 'vvault.videos'::regclass AND k.column IN ('region', 'video_id');

-- A text that cannot be compressed, of about n characters.
CREATE FUNCTION pg_temp.noise(n integer) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(md5(i::text), '') FROM generate_series(1, n / 32) i
$$;

SELECT is(vvault_ingest('PL', json_build_object('kind', 'youtube#videoListResponse', 'items', json_build_array(
	json_build_object('id', 'long', 'snippet', json_build_object('title', pg_temp.noise(20000), 'description', pg_temp.noise(20000),
		'channelId', pg_temp.noise(20000), 'channelTitle', pg_temp.noise(20000), 'categoryId', '10', 'publishedAt', '2026-01-01T00:00:00Z',
		'tags', json_build_array(pg_temp.noise(20000), pg_temp.noise(3000)), 'defaultAudioLanguage', pg_temp.noise(20000),
		'defaultLanguage', pg_temp.noise(20000), 'thumbnails', json_build_object('high', json_build_object('url', 'https://' || pg_temp.noise(20000)))),
		'contentDetails', json_build_object('duration', pg_temp.noise(20000))))), '2026-01-10 06:00Z') ->> 'accepted', '1',
	'a chart with long texts is taken in');

-- every text of a row, whatever columns there are
DO $$
DECLARE
	target text;
BEGIN
	FOR target IN
		SELECT a.attname FROM pg_attribute a
		WHERE a.attrelid = 'vvault.videos'::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
			AND a.atttypid IN ('text'::regtype, 'text[]'::regtype) AND a.attname NOT IN ('region', 'video_id')
	LOOP
		BEGIN
			EXECUTE format('INSERT INTO vvault.videos (region, video_id, %I) VALUES (%L, %L, %L)', target, 'PL', 'long ' || target,
				CASE target WHEN 'tags' THEN ARRAY[pg_temp.noise(20000)]::text ELSE pg_temp.noise(20000) END);
		EXCEPTION WHEN check_violation THEN
			NULL;	-- a text of a few words
		END;
	END LOOP;
END
$$;
SELECT cmp_ok((SELECT count(*) FROM vvault.videos WHERE video_id LIKE 'long %'), '>=', 5::bigint, 'so is every text by itself');

-- One letter that is six in NFKC, with no space between; one that is eighteen.
SELECT lives_ok(format('INSERT INTO vvault.videos (region, video_id, title, channel_title, tags) VALUES (%L, %L, %L, %L, %L)', 'PL', 'wide ' || n,
		repeat(chr(letter), 3000), repeat(chr(letter), 3000), ARRAY[repeat(chr(letter), 3000)]), 'letters that become many: ' || to_hex(letter))
FROM (VALUES (1, 13078), (2, 65018)) AS l (n, letter);
SELECT lives_ok($$SELECT vvault_search(repeat(chr(13078), 333)), vvault_search(pg_temp.noise(990))$$, 'they can be searched for');

CREATE FUNCTION pg_temp.longest(of oid, col name) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	result integer;
BEGIN
	EXECUTE format('SELECT max(octet_length(%I)) FROM %s', col, of::regclass) INTO result;
	RETURN result;
END
$$;
SELECT is((SELECT string_agg(format('%s.%s: %s bytes', k.table::regclass, k.column, longest), ', ' ORDER BY k.table::regclass::text, k.column)
	FROM (SELECT DISTINCT k.table, k.column, substring(k.comment FROM 'at most (\d+) bytes')::integer AS most FROM text_key k) k,
		pg_temp.longest(k.table, k.column) longest
	WHERE k.most IS NOT NULL AND longest > k.most), NULL, 'what comments say holds');
SELECT is((SELECT max(substring(k.comment FROM 'at most (\d+) bytes')::integer) <= 2600 FROM text_key k), true, 'and fits into an index');
SELECT is_empty('SELECT * FROM vvault_check()', 'vvault_check() finds nothing');
SELECT * FROM finish();
ROLLBACK;
