-- Milliseconds of the processor for each statement of the table "calls", when it
-- was made once before, and as the mean of "times": n|kind|ms.
\ir spent.sql
CREATE FUNCTION pg_temp.time_calls() RETURNS TABLE (n int, kind text, ms double precision) LANGUAGE plpgsql AS $$
DECLARE
	c calls;
	began double precision;
BEGIN
	-- nothing is written on the way: a transaction that wrote reads in other ways
	FOR c IN SELECT * FROM calls ORDER BY calls.n LOOP
		EXECUTE c.statement;
		began := pg_temp.spent();
		FOR i IN 1 .. c.times LOOP
			EXECUTE c.statement;
		END LOOP;
		RETURN QUERY SELECT c.n, c.kind, (pg_temp.spent() - began) / c.times;
	END LOOP;
END $$;
SELECT * FROM pg_temp.time_calls();
