-- To 0.3.0, when everything is there: what has to be done to rows. Documents
-- of search have other words.
SELECT @extschema@.vvault_rebuild();
