-- What happened how often since the server started.

CREATE FUNCTION vvault.counters(OUT name text, OUT value bigint) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'vvault_counters'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;
COMMENT ON FUNCTION vvault.counters() IS
'What happened how often since the server started, in all databases together; value is NULL without shared memory.';
