-- To 0.2.0, when everything is there: new derived tables are filled from the
-- rows that came in before them.
SELECT @extschema@.vvault_rebuild();
