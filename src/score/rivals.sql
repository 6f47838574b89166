-- Ranking formulas of other sites, to be measured against. They are total: a
-- finite number for every input.

CREATE FUNCTION @extschema@.vvault_reddit_hot(score bigint, published_at timestamptz)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_reddit_hot';
COMMENT ON FUNCTION @extschema@.vvault_reddit_hot(bigint, timestamptz) IS
'Reddit''s hot ranking: sign(score) * lg max(|score|, 1) + t / 45000.
Units and ranges: any score, such as likes without dislikes; t is published_at in seconds since 1970-01-01 00:00 UTC. An infinite timestamp is taken as the end of the calendar, so that the result is finite.
NULL: strict, any NULL gives NULL.
Errors: none.
Source: the ranking that Reddit published; its own start of time differs from 1970 by a constant, which orders nothing.';

CREATE FUNCTION @extschema@.vvault_hacker_news(points bigint, published_at timestamptz, as_of timestamptz)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_hacker_news';
COMMENT ON FUNCTION @extschema@.vvault_hacker_news(bigint, timestamptz, timestamptz) IS
'Hacker News'' ranking: (points - 1) / (h + 2) ^ 1.8.
Units and ranges: any points; h is the age in hours from published_at to as_of, 0 for what is published later. An infinite timestamp is taken as the end of the calendar, so that the result is finite.
NULL: strict, any NULL gives NULL.
Errors: none.
Source: the ranking that Hacker News published.';

CREATE FUNCTION @extschema@.vvault_lemmy_hot(score bigint, published_at timestamptz, as_of timestamptz)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_lemmy_hot';
COMMENT ON FUNCTION @extschema@.vvault_lemmy_hot(bigint, timestamptz, timestamptz) IS
'Lemmy''s hot ranking: lg max(2, score + 2) / (h + 2) ^ 1.8.
Units and ranges: any score; h is the age in hours from published_at to as_of, 0 for what is published later. The result is above 0. An infinite timestamp is taken as the end of the calendar, so that the result is finite.
NULL: strict, any NULL gives NULL.
Errors: none.
Source: the ranking that Lemmy documents.';

CREATE FUNCTION @extschema@.vvault_peertube_hot(likes bigint, dislikes bigint, views bigint, comments bigint, published_at timestamptz)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_peertube_hot';
COMMENT ON FUNCTION @extschema@.vvault_peertube_hot(bigint, bigint, bigint, bigint, timestamptz) IS
'PeerTube''s hot ranking: 150 lg(likes - 1) - 150 lg(dislikes - 1) + 16 lg(views + 1) + 100 lg(comments) + t / 47000.
Units and ranges: any counts; what a logarithm is taken of is raised to 1. t is published_at in seconds since 1970-01-01 00:00 UTC. An infinite timestamp is taken as the end of the calendar, so that the result is finite.
NULL: strict, any NULL gives NULL. Where dislikes are not public pass 0.
Errors: none.
Source: the ranking that PeerTube documents; its own start of time differs from 1970 by a constant, which orders nothing.';
