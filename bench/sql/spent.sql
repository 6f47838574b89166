-- pg_temp.spent(): milliseconds that this backend has had of a processor. Where
-- the system is no Linux, the clock's.
CREATE FUNCTION pg_temp.spent() RETURNS double precision LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_sleep(0.00001);	-- going to sleep brings the count up to date
	RETURN split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::double precision / 1e6;
EXCEPTION
	WHEN undefined_file THEN RETURN date_part('epoch', clock_timestamp()) * 1e3;
END $$;
