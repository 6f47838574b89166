-- What makes a reply of PL/pgSQL one that clients and nginx may keep.

CREATE FUNCTION vvault.reply_known(function text, arguments text, max_age_setting text) RETURNS boolean
AS 'MODULE_PATHNAME', 'vvault_reply_known'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION vvault.reply_known(text, text, text) IS
'Tells PostgREST of the reply that a function gives for its arguments on all feeds; true where the client has it already.';
