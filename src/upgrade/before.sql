-- To 0.3.0, before anything else: what changes.awk does not find by itself,
-- such as new columns of tables that are there, and what has to go. It runs
-- after every older version: what that version may lack is changed IF EXISTS.

<<<<<<< HEAD
-- vvault_trending() has further arguments: one function for each name.
DROP FUNCTION IF EXISTS @extschema@.vvault_trending(text, integer, text, text);
=======
-- Momentum takes a category, and has another baseline.
DROP FUNCTION IF EXISTS vvault.snapshot_momentum(bigint, bigint, interval, integer, integer, bigint, double precision);
DROP FUNCTION IF EXISTS @extschema@.vvault_momentum_score(bigint, bigint, interval, integer, integer, bigint, double precision);
ALTER TABLE vvault.region_defaults ALTER momentum_baseline SET DEFAULT 0.37;
UPDATE vvault.region_defaults SET momentum_baseline = 0.37;
>>>>>>> 73ce6ce (Rank by a momentum that knows music, sports and news)
