-- Videos like one video.

CREATE FUNCTION @extschema@.vvault_related(video_id text, page_size integer DEFAULT 25) RETURNS json
AS 'MODULE_PATHNAME', 'vvault_related'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION @extschema@.vvault_related(text, integer) IS
'Videos like a given one, the likest first: {video_id, videos: [as in vvault_trending, then score], total}.
Units and ranges: page_size from 1, cut to the setting page_limit (200). score is 0 to 100: 25 for the same channel, 25 for the tags (shared ones of the given video''s first 12), 25 for the words of the title (those it shares, each the heavier the fewer videos have it), 10 for the category, 5 for the language, 5 for a region that lists both, 5 for views (by their tier: a new one at 1, 2 and 5 times each power of ten from 1000 on, 24 of them). Compared are up to 100 videos of the channel and of the category in that language, the most viewed of each, and up to 500 that have one of the rarest tags and words of the title.
NULL: NULL for NULL and for a video that no enabled region lists; a NULL page_size is 25; videos is never null.
Errors: 22023 for an invalid page_size; 42501 without the rights of a reader.
Source: the indexes of vvault.video_search and vvault.search_words, and up to 700 rows of the former.';
