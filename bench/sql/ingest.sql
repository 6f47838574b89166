-- Milliseconds for each page of 50 items, each in a transaction of its own.
CREATE TABLE pages (n serial, region text, fetched_at timestamptz, first_rank int, response json);
\set copy '\\copy pages (region, fetched_at, first_rank, response) from ' :'pages'
:copy
VACUUM (ANALYZE) pages;
CREATE TABLE spent (n int, what text, ms double precision);
CREATE PROCEDURE run(what text) LANGUAGE plpgsql AS $$
DECLARE
	p pages;
	started timestamptz;
BEGIN
	FOR p IN SELECT * FROM pages ORDER BY n LOOP
		started := clock_timestamp();
		PERFORM vvault_ingest(p.region, p.response, p.fetched_at, p.first_rank);
		INSERT INTO spent VALUES (p.n, what, date_part('epoch', clock_timestamp() - started) * 1000);
		COMMIT;
	END LOOP;
END $$;
CALL run('new charts');
CALL run('the same again');
SELECT what, count(*) AS pages, round((percentile_cont(0.5) WITHIN GROUP (ORDER BY ms))::numeric, 2) AS median_ms,
	round((percentile_cont(0.95) WITHIN GROUP (ORDER BY ms))::numeric, 2) AS p95_ms
FROM spent GROUP BY what ORDER BY min(n), what;
