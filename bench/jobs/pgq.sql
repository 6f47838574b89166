-- A consumer that takes all there is up to now, batch by batch; says how many.
CREATE PROCEDURE pg_temp.consume(INOUT n bigint) LANGUAGE plpgsql AS $$
DECLARE
	batch bigint;
BEGIN
	PERFORM pgq.force_tick('bench');
	PERFORM pgq.ticker('bench');
	COMMIT;
	LOOP
		batch := pgq.next_batch('bench', 'consumer');
		EXIT WHEN batch IS NULL;
		n := n + (SELECT count(*) FROM pgq.get_batch_events(batch));
		PERFORM pgq.finish_batch(batch);
		COMMIT;
	END LOOP;
END $$;
CALL pg_temp.consume(0);
