-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION @EXTENSION@ UPDATE" to load this file. \quit

-- As in the install script: nothing is looked up but by its full name.
SET LOCAL search_path = pg_catalog, pg_temp;
