-- To 0.3.0, before anything else: what changes.awk does not find by itself,
-- such as new columns of tables that are there, and what has to go. It runs
-- after every older version: what that version may lack is changed IF EXISTS.

-- vvault_trending() has further arguments: one function for each name.
DROP FUNCTION IF EXISTS @extschema@.vvault_trending(text, integer, text, text);
