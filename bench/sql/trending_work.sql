-- Candidates that the order by trending reads for one page, beside the videos
-- charted: on charts as they are, and where its two orders oppose each other.
CREATE TEMP TABLE works (rows text, charted int, page int, read bigint);
CREATE FUNCTION pg_temp.read_by(statement text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	before bigint := (SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relid = 'vvault.videos'::regclass);
BEGIN
	EXECUTE statement;
	RETURN (SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relid = 'vvault.videos'::regclass) - before;
END
$$;
CREATE PROCEDURE pg_temp.try(what text, charted int, velocity text, hours text)
LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE vvault.videos;
	EXECUTE format('INSERT INTO vvault.videos (region, video_id, views, velocity, published_at)
		SELECT ''PL'', ''v'' || n, 1000, %s, now() - (%s) * interval ''1 hour''
		FROM generate_series(1, %s) n', velocity, hours, charted);
	INSERT INTO works SELECT what, charted, p,
		-- the page's own rows are probed after the search
		pg_temp.read_by(format('SELECT vvault_trending(''PL'', %s, ''trending'')', p)) - p
	FROM unnest('{25,200}'::int[]) p;
END
$$;
BEGIN;
SELECT setseed(0.5);
CALL pg_temp.try('independent speed and age', 200, 'random() * 12000', 'random() * 96');
CALL pg_temp.try('independent speed and age', 10000, 'random() * 12000', 'random() * 96');
CALL pg_temp.try('fast ones are young', 10000, 'n * 1.2', '(10000 - n) / 100.0');
CALL pg_temp.try('worst case: fast ones are old', 200, 'n * 1.2', 'n / 5.0');
CALL pg_temp.try('worst case: fast ones are old', 10000, 'n * 1.2', 'n / 250.0');
CALL pg_temp.try('all alike', 10000, '5', '5');
SELECT rows, charted, page, read FROM works ORDER BY charted, rows, page;
ROLLBACK;
