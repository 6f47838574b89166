-- What the warmer does, for tests and for vvault_cache_warm().

CREATE FUNCTION vvault.cache_published() RETURNS bigint
AS 'MODULE_PATHNAME', 'vvault_cache_published'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault.cache_published() IS
'How many replies were published in the reply cache since the server started.';

CREATE FUNCTION vvault.cache_refresh(read_within integer) RETURNS integer
AS 'MODULE_PATHNAME', 'vvault_cache_refresh'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION vvault.cache_refresh(integer) IS
'Makes those replies anew that are old and were read in the last so many seconds, and returns how many.';
