-- Milliseconds of the processor for each statement of the table "calls", when it
-- was made once before, and as the mean of "times": n|kind|ms.
\ir spent.sql
CREATE TEMP TABLE took (n int, kind text, ms double precision);
DO $$
DECLARE
	c calls;
	began double precision;
BEGIN
	FOR c IN SELECT * FROM calls ORDER BY n LOOP
		EXECUTE c.statement;
		began := pg_temp.spent();
		FOR i IN 1 .. c.times LOOP
			EXECUTE c.statement;
		END LOOP;
		INSERT INTO took VALUES (c.n, c.kind, (pg_temp.spent() - began) / c.times);
	END LOOP;
END $$;
SELECT n, kind, ms FROM took ORDER BY n;
