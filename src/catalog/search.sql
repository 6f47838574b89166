-- What can be searched for: derived from vvault.videos, in tables of its own,
-- so that new figures do not rewrite a GIN index. A row belongs to one region
-- and follows from one row of vvault.videos: writers of different regions
-- share nothing here.

CREATE TABLE vvault.video_search (
	region text COLLATE "C" NOT NULL,
	video_id text COLLATE "C" NOT NULL,
	document tsvector NOT NULL,
	PRIMARY KEY (region, video_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON TABLE vvault.video_search IS
'What can be searched for in a video: words and stems of its title and channel, and signs for region, language, category, channel, tags and the tier of its views. Derived from vvault.videos; written only when one of these changes.';

-- A short list of what is not in the index yet: every search reads it.
CREATE INDEX video_search_idx ON vvault.video_search USING gin (document)
	WITH (fastupdate = on, gin_pending_list_limit = 256);

CREATE TABLE vvault.search_words (
	region text COLLATE "C" NOT NULL,
	word text COLLATE "C" NOT NULL,
	videos bigint NOT NULL,
	PRIMARY KEY (region, word)
) WITH (fillfactor = 70);
COMMENT ON TABLE vvault.search_words IS
'How many videos of a region have a word or sign: what completes a word, corrects it, and tells the common from the rare. Derived from vvault.videos.';

CREATE FUNCTION vvault.search_tier(views bigint) RETURNS integer
AS 'MODULE_PATHNAME', 'vvault_search_tier'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vvault.search_tier(bigint) IS
'The tier of a number of views, from 0 (under 1000) to 24: a new one at 1, 2 and 5 times each power of ten.';

CREATE FUNCTION vvault.search_document(region text, title text, channel_title text, tags text,
	channel_id text, category_id integer, language text, views bigint) RETURNS tsvector
AS 'MODULE_PATHNAME', 'vvault_search_document'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION vvault.search_document(text, text, text, text, text, integer, text, bigint) IS
'What can be searched for in a video whose texts are folded already.';

-- pg_trgm and unaccent may be in any schema, and may move to another: what is
-- parsed here remembers the objects, not their names.
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
		RETURN %1$s.unaccent(%2$L::pg_catalog.regdictionary,
			pg_catalog.lower(pg_catalog.normalize(t, 'NFKC') COLLATE "default"))
		$sql$, unaccent_schema, unaccent_schema OPERATOR(pg_catalog.||) '.unaccent');

	EXECUTE pg_catalog.format($sql$
		CREATE INDEX search_words_trgm_idx ON vvault.search_words
			USING gin (word %s.gin_trgm_ops) WITH (fastupdate = on, gin_pending_list_limit = 64)
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
	SELECT v.region, v.video_id, vvault.search_document(v.region,
		vvault.fold("left"(v.title, 500)), vvault.fold("left"(v.channel_title, 200)),
		vvault.fold("left"(array_to_string(v.tags[1:30], E'\n'), 1000)), v.channel_id, v.category_id,
		v.content_language, v.views) AS document
	FROM vvault.videos v;
COMMENT ON VIEW vvault.expected_video_search IS 'vvault.video_search by naive SQL.';

-- Beginnings of words and a region's own signs are not counted: nothing asks.
CREATE VIEW vvault.expected_search_words AS
	SELECT e.region, l.lexeme COLLATE "C" AS word, count(*) AS videos
	FROM vvault.expected_video_search e, unnest(e.document) l
	WHERE l.lexeme COLLATE "C" >= '$'
	GROUP BY e.region, l.lexeme COLLATE "C";
COMMENT ON VIEW vvault.expected_search_words IS 'vvault.search_words by naive SQL.';

-- The caller holds the locks of these regions.
CREATE FUNCTION vvault.search_again(regions text[], video_ids text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	fewer vvault.search_words[];
BEGIN
	WITH key AS MATERIALIZED (
		SELECT DISTINCT k.region COLLATE "C" AS region, k.video_id COLLATE "C" AS video_id
		FROM unnest(search_again.regions, search_again.video_ids) AS k (region, video_id)
	), was AS MATERIALIZED (
		SELECT s.place, s.region, s.video_id, s.document
		FROM key k CROSS JOIN LATERAL (
			SELECT s.ctid AS place, s.* FROM vvault.video_search s
			WHERE s.region = k.region AND s.video_id = k.video_id LIMIT 1) s
	), now AS MATERIALIZED (
		SELECT e.region, e.video_id, e.document
		FROM key k CROSS JOIN LATERAL (
			SELECT e.* FROM vvault.expected_video_search e
			WHERE e.region = k.region AND e.video_id = k.video_id LIMIT 1) e
	), written AS (
		INSERT INTO vvault.video_search AS s (region, video_id, document)
		SELECT n.region, n.video_id, n.document FROM now n ORDER BY n.region, n.video_id
		ON CONFLICT (region, video_id) DO UPDATE SET document = EXCLUDED.document
			WHERE s.document <> EXCLUDED.document
	), removed AS (
		-- under the region's lock a row stays where it was seen
		DELETE FROM vvault.video_search s
		WHERE s.ctid = ANY (ARRAY(SELECT w.place FROM was w
			WHERE (w.region, w.video_id) NOT IN (SELECT n.region, n.video_id FROM now n)))
	), delta AS MATERIALIZED (
		SELECT d.region, d.word, sum(d.sign) AS videos
		FROM (SELECT n.region, l.lexeme COLLATE "C" AS word, 1 AS sign
				FROM now n, unnest(n.document) l
			UNION ALL
			SELECT w.region, l.lexeme COLLATE "C", -1 FROM was w, unnest(w.document) l) d
		WHERE d.word >= '$'
		GROUP BY d.region, d.word HAVING sum(d.sign) <> 0
	), counted AS (
		INSERT INTO vvault.search_words AS c (region, word, videos)
		SELECT d.region, d.word, d.videos FROM delta d ORDER BY d.region, d.word
		ON CONFLICT (region, word) DO UPDATE SET videos = c.videos + EXCLUDED.videos
	)
	SELECT array_agg(ROW(d.region, d.word, d.videos)::vvault.search_words) INTO fewer
	FROM delta d WHERE d.videos < 0;

	IF fewer IS NOT NULL THEN
		DELETE FROM vvault.search_words c USING unnest(fewer) f
		WHERE c.region = f.region AND c.word = f.word AND c.videos = 0;
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
				(row_number() OVER (ORDER BY c.video_id) - 1) / 20000 AS slice
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
	-- rows that say the same before and after are no work
	FOR slice IN
		SELECT array_agg(k.region) AS regions, array_agg(k.video_id) AS video_ids
		FROM (SELECT k.region, k.video_id, (row_number() OVER (ORDER BY k.video_id) - 1) / 20000 AS slice
			FROM (SELECT r.region, r.video_id
				FROM (SELECT o.region, o.video_id, o.title, o.channel_title, o.channel_id, o.category_id,
						o.content_language, o.tags, vvault.search_tier(o.views) AS tier FROM old_rows o
					UNION ALL
					SELECT n.region, n.video_id, n.title, n.channel_title, n.channel_id, n.category_id,
						n.content_language, n.tags, vvault.search_tier(n.views) FROM new_rows n) r
				GROUP BY r.region, r.video_id, r.title, r.channel_title, r.channel_id, r.category_id,
					r.content_language, r.tags, r.tier
				HAVING count(*) <> 2) k) k
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
AS $$
DECLARE
	total bigint := 0;
	n bigint;
BEGIN
	DELETE FROM vvault.video_search d
	WHERE NOT EXISTS (SELECT FROM vvault.videos v
		WHERE v.region = d.region AND v.video_id = d.video_id);
	GET DIAGNOSTICS n = ROW_COUNT;
	total := total + n;
	INSERT INTO vvault.video_search AS d (region, video_id, document)
	SELECT e.region, e.video_id, e.document FROM vvault.expected_video_search e
	ON CONFLICT (region, video_id) DO UPDATE SET document = EXCLUDED.document
		WHERE d.document <> EXCLUDED.document;
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
	RETURN total + n;
END
$$;
COMMENT ON FUNCTION vvault.rebuild_search() IS
'Repairs vvault.video_search and vvault.search_words from vvault.videos; returns the rows that were wrong.';
