-- Milliseconds for a page of 50 items, the mean of all pages of :pages, each in
-- a transaction of its own.
CREATE TABLE pages (n serial, region text, fetched_at timestamptz, first_rank int, response json);
\set copy '\\copy pages (region, fetched_at, first_rank, response) from ' :'pages'
:copy
VACUUM (ANALYZE) pages;
CREATE TABLE spent (ms double precision);
CREATE PROCEDURE run() LANGUAGE plpgsql AS $$
DECLARE
	p pages;
	started timestamptz;
BEGIN
	FOR p IN SELECT * FROM pages ORDER BY n LOOP
		started := clock_timestamp();
		PERFORM vvault_ingest(p.region, p.response, p.fetched_at, p.first_rank);
		INSERT INTO spent VALUES (date_part('epoch', clock_timestamp() - started) * 1000);
		COMMIT;
	END LOOP;
END $$;
CALL run();
SELECT avg(ms) FROM spent;
