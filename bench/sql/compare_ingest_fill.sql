-- 28 days of charts in "pages", of which the first 21 are taken in. "work" is
-- what is measured: pages of 50 items, whole charts of 200, and pages again.
CREATE TABLE pages (n serial, region text, fetched_at timestamptz, first_rank int, response json);
\set copy '\\copy pages (region, fetched_at, first_rank, response) from ' :'pages'
:copy
CREATE TABLE days AS
SELECT d.fetched_at::date AS day, row_number() OVER (ORDER BY d.fetched_at::date) AS n
FROM (SELECT DISTINCT fetched_at::date AS fetched_at FROM pages) d;
DO $$
DECLARE
	p record;
BEGIN
	FOR p IN SELECT q.* FROM pages q JOIN days d ON d.day = q.fetched_at::date WHERE d.n <= 21 ORDER BY q.n LOOP
		PERFORM vvault_ingest(p.region, p.response, p.fetched_at, p.first_rank);
		COMMIT;
	END LOOP;
END $$;
CREATE TABLE work (k serial, kind text, region text, fetched_at timestamptz, first_rank int, response json);
INSERT INTO work (kind, region, fetched_at, first_rank, response)
SELECT CASE d.n WHEN 22 THEN 'not measured' ELSE 'a page of 50' END, q.region, q.fetched_at, q.first_rank, q.response
FROM pages q JOIN days d ON d.day = q.fetched_at::date WHERE d.n BETWEEN 22 AND 24 ORDER BY q.n;
INSERT INTO work (kind, region, fetched_at, first_rank, response)
SELECT 'a chart of 200', q.region, q.fetched_at, 1, json_build_object('kind', 'youtube#videoListResponse',
	'pageInfo', json_build_object('totalResults', 200),
	'items', json_agg(i.item ORDER BY q.first_rank, i.n))
FROM pages q JOIN days d ON d.day = q.fetched_at::date, json_array_elements(q.response -> 'items') WITH ORDINALITY i (item, n)
WHERE d.n > 24 GROUP BY q.region, q.fetched_at ORDER BY q.fetched_at;
INSERT INTO work (kind, region, fetched_at, first_rank, response)
SELECT 'a page again', w.region, w.fetched_at, w.first_rank, w.response FROM work w WHERE w.kind LIKE '%50' ORDER BY w.k;
VACUUM (ANALYZE);
