-- Milliseconds of the processor for a statement that is planned once, as the mean
-- of several calls behind one. Variables: file, which has the statement, and times.
\ir spent.sql
\set statement `cat :'file'`
PREPARE called AS :statement
SET vvault_bench.times = :times;
DO $$
DECLARE
	times integer := current_setting('vvault_bench.times');
	began double precision;
BEGIN
	EXECUTE 'EXECUTE called';
	began := pg_temp.spent();
	FOR i IN 1 .. times LOOP
		EXECUTE 'EXECUTE called';
	END LOOP;
	PERFORM set_config('vvault_bench.took', ((pg_temp.spent() - began) / times)::text, false);
END $$;
SHOW vvault_bench.took;
