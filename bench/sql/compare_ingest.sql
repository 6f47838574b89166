-- Milliseconds of the processor for each row of "work", a transaction each:
-- n|kind|ms.
\ir spent.sql
CREATE TEMP TABLE took (n int, kind text, ms double precision);
DO $$
DECLARE
	w work;
	began double precision;
BEGIN
	FOR w IN SELECT * FROM work ORDER BY k LOOP
		began := pg_temp.spent();
		PERFORM vvault_ingest(w.region, w.response, w.fetched_at, w.first_rank);
		COMMIT;
		INSERT INTO took VALUES (w.k, w.kind, pg_temp.spent() - began);
	END LOOP;
END $$;
SELECT n, kind, ms FROM took WHERE kind <> 'not measured' ORDER BY n;
