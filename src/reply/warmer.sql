-- A worker that makes replies anew before anybody asks for them.

CREATE FUNCTION vvault.cache_wake() RETURNS void
AS 'MODULE_PATHNAME', 'vvault_cache_wake'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault.cache_wake() IS
'Wakes the worker of the reply cache when the transaction commits.';
