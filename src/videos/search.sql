-- What can be searched for: derived from vvault.videos, in tables of its own,
-- so that new figures do not rewrite a GIN index. A row belongs to one region
-- and follows from one row of vvault.videos: writers of different regions
-- share nothing here.

CREATE TABLE vvault.video_search (
	region text COLLATE "C" NOT NULL,
	video_id text COLLATE "C" NOT NULL,
	tier integer NOT NULL,
	category_id integer NOT NULL,
	channel_id text COLLATE "C" NOT NULL,
	language text COLLATE "C" NOT NULL,
	document tsvector NOT NULL,
	PRIMARY KEY (region, video_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON TABLE vvault.video_search IS
'What can be searched for in a video: words and stems of its title and channel, and signs for region, language, tags and the tier of its views. Derived from vvault.videos; written only when one of these, its channel or its category changes.';
COMMENT ON COLUMN vvault.video_search.channel_id IS 'its first 64 characters: at most 256 bytes';
COMMENT ON COLUMN vvault.video_search.language IS 'code of content_language, empty where unknown: at most 8 bytes';

-- New documents wait in a list that every search reads: vvault.search_again()
-- keeps it short.
CREATE INDEX video_search_idx ON vvault.video_search USING gin (document);
CREATE INDEX video_search_channel_idx ON vvault.video_search (channel_id, tier DESC, video_id);
CREATE INDEX video_search_category_idx ON vvault.video_search (category_id, language, tier DESC, video_id);

CREATE TABLE vvault.search_words (
	region text COLLATE "C" NOT NULL,
	word text COLLATE "C" NOT NULL,
	videos bigint NOT NULL,
	PRIMARY KEY (region, word)
) WITH (fillfactor = 70);
COMMENT ON TABLE vvault.search_words IS
'How many videos of a region have a word or sign: what completes a word, corrects it, and tells the common from the rare. Derived from vvault.videos.';
COMMENT ON COLUMN vvault.search_words.word IS 'its beginning, behind the letters of a sign: at most 80 bytes';

CREATE FUNCTION vvault.search_tier(views bigint) RETURNS integer
AS 'MODULE_PATHNAME', 'vvault_search_tier'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vvault.search_tier(bigint) IS
'The tier of a number of views, from 0 (under 1000) to 24: a new one at 1, 2 and 5 times each power of ten.';

CREATE FUNCTION vvault.search_language(tag text) RETURNS text
AS 'MODULE_PATHNAME', 'vvault_search_language'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION vvault.search_language(text) IS
'The language of a BCP 47 tag without script and region, empty for NULL and for what is none; of codes that mean one language (he and iw, zh and cmn, id and in, tl and fil, no, nb and nn) always the first.';

CREATE FUNCTION vvault.search_texts(title text, channel_title text, tags text[]) RETURNS text
AS 'MODULE_PATHNAME', 'vvault_search_texts'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vvault.search_texts(text, text, text[]) IS
'The beginnings of a title, a channel''s name and a list of tags in one text, in NFKC and lower case, without vowel marks and what no eye sees. In it the letter behind a \x02 may be there or not: the e of oe.';

CREATE FUNCTION vvault.search_document(region text, texts text, language text, tier integer) RETURNS tsvector
AS 'MODULE_PATHNAME', 'vvault_search_document'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION vvault.search_document(text, text, text, integer) IS
'What can be searched for in a video, out of its folded texts, its language and the tier of its views.';

-- pg_trgm and unaccent may be in any schema, and may move to another: what is
-- parsed here remembers the objects, not their names. C has been over a text
-- that comes to fold() (src/videos/fold.c), so of all it does only taking the
-- accents is left; it stays as it is, since updates leave it alone.
DO $schemas$
DECLARE
	unaccent_schema text;
	trgm_schema text;
BEGIN
	SELECT pg_catalog.quote_ident(n.nspname) INTO STRICT unaccent_schema
	FROM pg_catalog.pg_extension e
		JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
	WHERE e.extname OPERATOR(pg_catalog.=) 'unaccent';
	SELECT pg_catalog.quote_ident(n.nspname) INTO STRICT trgm_schema
	FROM pg_catalog.pg_extension e
		JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
	WHERE e.extname OPERATOR(pg_catalog.=) 'pg_trgm';

	EXECUTE pg_catalog.format($sql$
		CREATE FUNCTION vvault.fold(t text) RETURNS text
		LANGUAGE sql STABLE PARALLEL SAFE
		RETURN CASE WHEN pg_catalog.octet_length(t) OPERATOR(pg_catalog.=) pg_catalog.length(t)
			THEN pg_catalog.lower(t COLLATE "C") COLLATE "default"
			ELSE %1$s.unaccent(%2$L::pg_catalog.regdictionary,
				pg_catalog.lower(pg_catalog.normalize(t, 'NFKC') COLLATE "default")) END
		$sql$, unaccent_schema, unaccent_schema OPERATOR(pg_catalog.||) '.unaccent');

	EXECUTE pg_catalog.format($sql$
		CREATE INDEX search_words_trgm_idx ON vvault.search_words
			USING gin (word %s.gin_trgm_ops)
			WHERE word OPERATOR(pg_catalog.>=) 'a'
		$sql$, trgm_schema);

	EXECUTE pg_catalog.format($sql$
		CREATE FUNCTION vvault.similar_words(given text, regions text[])
		RETURNS TABLE (word text, videos bigint)
		LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 20
		SET pg_trgm.similarity_threshold = 0.3
		SET enable_seqscan = off SET jit = off
		BEGIN ATOMIC
			SELECT w.word, pg_catalog.sum(w.videos)::bigint
			FROM vvault.search_words w
			WHERE w.word OPERATOR(%1$s.%%) given
				AND w.word OPERATOR(pg_catalog.>=) 'a'
				AND w.region OPERATOR(pg_catalog.=) ANY (regions)
			GROUP BY w.word
			ORDER BY %1$s.similarity(w.word, given) DESC, 2 DESC, w.word
			LIMIT 20;
		END
		$sql$, trgm_schema);
END
$schemas$;
COMMENT ON FUNCTION vvault.fold(text) IS
'A text as it is compared: in NFKC, in lower case, without accents.';
COMMENT ON FUNCTION vvault.similar_words(text, text[]) IS
'Up to 20 words of some regions that are like a given one by their trigrams, the likest first.';

CREATE VIEW vvault.expected_video_search AS
	SELECT v.region, v.video_id, vvault.search_tier(coalesce(v.views, 0)) AS tier, v.category_id,
		"left"(v.channel_id, 64) COLLATE "C" AS channel_id,
		vvault.search_language(v.content_language) COLLATE "C" AS language,
		vvault.search_document(v.region, vvault.fold(vvault.search_texts(v.title, v.channel_title, v.tags)),
			vvault.search_language(v.content_language), vvault.search_tier(coalesce(v.views, 0))) AS document
	FROM vvault.videos v WHERE v.gone_at IS NULL;
COMMENT ON VIEW vvault.expected_video_search IS 'vvault.video_search by naive SQL.';

-- A region's own signs are not counted: nothing asks.
CREATE VIEW vvault.expected_search_words AS
	SELECT e.region, l.lexeme COLLATE "C" AS word, count(*) AS videos
	FROM vvault.expected_video_search e, unnest(e.document) l
	WHERE l.lexeme COLLATE "C" >= '$'
	GROUP BY e.region, l.lexeme COLLATE "C";
COMMENT ON VIEW vvault.expected_search_words IS 'vvault.search_words by naive SQL.';

-- Within the settings of search_again().
CREATE FUNCTION vvault.search_written(regions text[], video_ids text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	fewer vvault.search_words[];
BEGIN
	WITH key AS MATERIALIZED (
		SELECT DISTINCT k.region COLLATE "C" AS region, k.video_id COLLATE "C" AS video_id
		FROM unnest(search_written.regions, search_written.video_ids) AS k (region, video_id)
	), was AS MATERIALIZED (
		SELECT s.place, s.region, s.video_id, s.document
		FROM key k CROSS JOIN LATERAL (
			SELECT s.ctid AS place, s.* FROM vvault.video_search s
			WHERE s.region = k.region AND s.video_id = k.video_id LIMIT 1) s
	), now AS MATERIALIZED (
		SELECT e.*
		FROM key k CROSS JOIN LATERAL (
			SELECT e.* FROM vvault.expected_video_search e
			WHERE e.region = k.region AND e.video_id = k.video_id LIMIT 1) e
	), written AS (
		INSERT INTO vvault.video_search AS s (region, video_id, tier, category_id, channel_id, language, document)
		SELECT n.region, n.video_id, n.tier, n.category_id, n.channel_id, n.language, n.document
		FROM now n ORDER BY n.region, n.video_id
		ON CONFLICT (region, video_id) DO UPDATE
			SET tier = EXCLUDED.tier, category_id = EXCLUDED.category_id, channel_id = EXCLUDED.channel_id,
				language = EXCLUDED.language, document = EXCLUDED.document
			WHERE (s.tier, s.category_id, s.channel_id, s.language, s.document)
				<> (EXCLUDED.tier, EXCLUDED.category_id, EXCLUDED.channel_id, EXCLUDED.language, EXCLUDED.document)
	), removed AS (
		-- under the region's lock a row stays where it was seen
		DELETE FROM vvault.video_search s
		WHERE s.ctid = ANY (ARRAY(SELECT w.place FROM was w
			WHERE (w.region, w.video_id) NOT IN (SELECT n.region, n.video_id FROM now n)))
	), delta AS MATERIALIZED (
		SELECT d.region, d.word, sum(d.sign) AS videos
		FROM (SELECT n.region, l.word COLLATE "C" AS word, 1 AS sign
				FROM now n, unnest(tsvector_to_array(n.document)) AS l (word)
			UNION ALL
			SELECT w.region, l.word COLLATE "C", -1
				FROM was w, unnest(tsvector_to_array(w.document)) AS l (word)) d
		WHERE d.word >= '$'
		GROUP BY d.region, d.word HAVING sum(d.sign) <> 0
	), counted AS (
		INSERT INTO vvault.search_words AS c (region, word, videos)
		SELECT d.region, d.word, d.videos FROM delta d ORDER BY d.region, d.word
		ON CONFLICT (region, word) DO UPDATE SET videos = c.videos + EXCLUDED.videos
	)
	SELECT array_agg(ROW(d.region, d.word, d.videos)::vvault.search_words) INTO fewer
	FROM delta d WHERE d.videos < 0;

	DELETE FROM vvault.search_words c USING unnest(fewer) f
	WHERE c.region = f.region AND c.word = f.word AND c.videos = 0;
END
$$;
COMMENT ON FUNCTION vvault.search_written(text[], text[]) IS
'Part of vvault.search_again: writes the rows of pairs of a region and a video.';

-- The caller holds the locks of these regions. What waits to go into an index
-- is kept short for searches where little is written, and goes in all at once
-- where much is: each part of the index is visited once then.
CREATE FUNCTION vvault.search_again(regions text[], video_ids text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
SET gin_pending_list_limit = '256kB' SET work_mem = '64MB'
AS $$
#variable_conflict use_column
DECLARE
	many boolean := cardinality(video_ids) > 1000;
BEGIN
	IF many THEN
		PERFORM set_config('gin_pending_list_limit', '1GB', true);
	END IF;
	PERFORM vvault.search_written(search_again.regions, search_again.video_ids);
	IF many THEN
		PERFORM gin_clean_pending_list('vvault.video_search_idx'), gin_clean_pending_list('vvault.search_words_trgm_idx');
	END IF;
END
$$;
COMMENT ON FUNCTION vvault.search_again(text[], text[]) IS
'Makes vvault.video_search and vvault.search_words right for pairs of a region and a video.';

-- These triggers run after those of derived.sql on the same event, by the
-- order of their names: the regions are locked by then.
CREATE FUNCTION vvault.search_listed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	slice record;
BEGIN
	FOR slice IN
		SELECT array_agg(c.region) AS regions, array_agg(c.video_id) AS video_ids
		FROM (SELECT c.region, c.video_id,
				(row_number() OVER (ORDER BY c.video_id) - 1) / 100000 AS slice
			FROM changed_rows c) c
		GROUP BY c.slice ORDER BY c.slice
	LOOP
		PERFORM vvault.search_again(slice.regions, slice.video_ids);
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.search_listed() IS
'Trigger on vvault.videos for INSERT and DELETE: what can be searched for.';

CREATE FUNCTION vvault.search_updated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	slice record;
BEGIN
	-- rows that say the same before and after are no work; a first slice is
	-- always made, so that a session plans all statements early
	FOR slice IN
		SELECT coalesce(array_agg(k.region) FILTER (WHERE k.region IS NOT NULL), '{}') AS regions,
			coalesce(array_agg(k.video_id) FILTER (WHERE k.region IS NOT NULL), '{}') AS video_ids
		FROM (SELECT k.region, k.video_id, (row_number() OVER (ORDER BY k.video_id) - 1) / 100000 AS slice
			FROM (SELECT coalesce(o.region, n.region) AS region, coalesce(o.video_id, n.video_id) AS video_id
				FROM old_rows o FULL JOIN new_rows n ON n.region = o.region AND n.video_id = o.video_id
				WHERE o.region IS NULL OR n.region IS NULL
					OR (o.gone_at IS NULL) <> (n.gone_at IS NULL)
					OR vvault.search_tier(coalesce(o.views, 0)) <> vvault.search_tier(coalesce(n.views, 0))
					OR (o.title, o.channel_title, o.channel_id, o.category_id, o.tags)
						<> (n.title, n.channel_title, n.channel_id, n.category_id, n.tags)
					OR o.content_language IS DISTINCT FROM n.content_language) k
			UNION ALL SELECT NULL, NULL, 0) k
		GROUP BY k.slice ORDER BY k.slice
	LOOP
		PERFORM vvault.search_again(slice.regions, slice.video_ids);
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.search_updated() IS
'Trigger on vvault.videos for UPDATE: what can be searched for, where it changed.';

CREATE FUNCTION vvault.search_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault.rebuild_search();
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.search_truncated() IS
'Trigger on vvault.videos for TRUNCATE: makes everything anew.';

CREATE TRIGGER videos_inserted_search AFTER INSERT ON vvault.videos
	REFERENCING NEW TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.search_listed();
CREATE TRIGGER videos_deleted_search AFTER DELETE ON vvault.videos
	REFERENCING OLD TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.search_listed();
CREATE TRIGGER videos_updated_search AFTER UPDATE ON vvault.videos
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.search_updated();
CREATE TRIGGER videos_truncated_search AFTER TRUNCATE ON vvault.videos
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.search_truncated();

CREATE FUNCTION vvault.rebuild_search() RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET gin_pending_list_limit = '1GB' SET work_mem = '64MB'
AS $$
DECLARE
	total bigint := 0;
	n bigint;
BEGIN
	DELETE FROM vvault.video_search d
	WHERE NOT EXISTS (SELECT FROM vvault.videos v
		WHERE v.region = d.region AND v.video_id = d.video_id AND v.gone_at IS NULL);
	GET DIAGNOSTICS n = ROW_COUNT;
	total := total + n;
	INSERT INTO vvault.video_search AS d (region, video_id, tier, category_id, channel_id, language, document)
	SELECT e.region, e.video_id, e.tier, e.category_id, e.channel_id, e.language, e.document
	FROM vvault.expected_video_search e
	ON CONFLICT (region, video_id) DO UPDATE
		SET tier = EXCLUDED.tier, category_id = EXCLUDED.category_id, channel_id = EXCLUDED.channel_id,
			language = EXCLUDED.language, document = EXCLUDED.document
		WHERE (d.tier, d.category_id, d.channel_id, d.language, d.document)
			<> (EXCLUDED.tier, EXCLUDED.category_id, EXCLUDED.channel_id, EXCLUDED.language, EXCLUDED.document);
	GET DIAGNOSTICS n = ROW_COUNT;
	total := total + n;

	-- the documents are right by now
	WITH counted AS MATERIALIZED (
		SELECT s.region, l.lexeme COLLATE "C" AS word, count(*) AS videos
		FROM vvault.video_search s, unnest(s.document) l
		WHERE l.lexeme COLLATE "C" >= '$'
		GROUP BY s.region, l.lexeme COLLATE "C"
	), removed AS (
		DELETE FROM vvault.search_words d
		WHERE NOT EXISTS (SELECT FROM counted c WHERE c.region = d.region AND c.word = d.word)
		RETURNING 1
	), written AS (
		INSERT INTO vvault.search_words AS d (region, word, videos)
		SELECT c.region, c.word, c.videos FROM counted c ORDER BY c.region, c.word
		ON CONFLICT (region, word) DO UPDATE SET videos = EXCLUDED.videos
			WHERE d.videos <> EXCLUDED.videos
		RETURNING 1
	)
	SELECT (SELECT count(*) FROM removed) + (SELECT count(*) FROM written) INTO n;
	PERFORM gin_clean_pending_list('vvault.video_search_idx'), gin_clean_pending_list('vvault.search_words_trgm_idx');
	RETURN total + n;
END
$$;
COMMENT ON FUNCTION vvault.rebuild_search() IS
'Repairs vvault.video_search and vvault.search_words from vvault.videos; returns the rows that were wrong.';
