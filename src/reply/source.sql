-- What replies are made of, as their sources in C say.

CREATE FUNCTION vvault.source_objects(schema name, OUT kind text, OUT object text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'vvault_source_objects'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION vvault.source_objects(name) IS
'The relations and functions of a schema that replies are made of: what a reader needs the right to.';
