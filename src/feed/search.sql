CREATE FUNCTION @extschema@.vvault_search(q text, region text DEFAULT NULL, language text DEFAULT NULL,
	page_size integer DEFAULT 25, cursor text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'vvault_search'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION @extschema@.vvault_search(text, text, text, integer, text) IS
'Videos whose title and channel match a search, one page, the best first: {query, region, videos: [as in vvault_trending, then score], total, next_cursor}.
Units and ranges: q is up to 1000 bytes and 32 words; "quoted words" stand in this order, -word must be missing, or separates alternatives. Accents and case do not count; other words match by their stem too, the last one as a beginning; with fewer than 5 videos found, words are corrected. region and language keep to one of them; page_size from 1, cut to the setting page_limit (200). score is 0 to 100: 50 for the words (as written 1, completed 0.9, by stem 0.8, corrected 0.5 of a share; in the channel''s name alone 0.9 of that), 10 for standing side by side, 10 for the part of the title or name that was asked for, 30 for views (by their logarithm). A video in several regions appears once. Of words that very many videos have, about the 500 most viewed are ranked. next_cursor, passed as cursor with the same q, region and language, gives the page behind this one and is null on the last.
NULL: a NULL or empty q finds nothing; a NULL region is every enabled one, a NULL language any, a NULL page_size 25, a NULL cursor the first page; videos is never null.
Errors: 22023 for an invalid region, language, page_size or cursor and for a q that is too long, with what is valid as the hint; 42501 without the rights of a reader.
Source: the indexes of vvault.video_search and vvault.search_words; up to 4000 rows of them and of vvault.videos for each of at most two passes.';
