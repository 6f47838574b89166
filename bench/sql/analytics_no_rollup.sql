-- An ingest that keeps no statistics, to compare with.
CREATE OR REPLACE FUNCTION vvault.add_category_stats(deltas vvault.category_stats[]) RETURNS void
LANGUAGE plpgsql AS 'BEGIN END';
CREATE OR REPLACE FUNCTION vvault.recount_days(regions text[], days date[], video_ids text[]) RETURNS void
LANGUAGE plpgsql AS 'BEGIN END';
