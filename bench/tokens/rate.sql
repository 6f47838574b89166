--
-- rate.sql
--		How many tokens a second are checked: by vvault_token_verify() and by
--		plain.sql, in turn, so many rounds of so many calls (rounds, calls).
--
CREATE PROCEDURE plain.measure(call text, calls integer, INOUT rate numeric DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
	began timestamptz := clock_timestamp();
	good bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM generate_series(1, %s) i WHERE (%s) IS NOT NULL', calls, call) INTO good;
	IF good <> calls THEN
		RAISE EXCEPTION '% of % tokens', good, calls;
	END IF;
	rate := calls / extract(epoch FROM clock_timestamp() - began);
END
$$;
CREATE TABLE plain.rates (name text, round int, rate numeric);
CREATE PROCEDURE plain.rounds(rounds int, calls int) LANGUAGE plpgsql AS $$
DECLARE
	hs256 text := vvault_token_issue('viewer', ttl_seconds => 86400) ->> 'access_token';
	es256 text;
	r numeric;
BEGIN
	PERFORM vvault_stream_set('token_algorithm', NULL), vvault_rotate_keys('token', 0);
	es256 := vvault_token_issue('viewer', ttl_seconds => 86400) ->> 'access_token';
	FOR n IN 1 .. rounds LOOP
		CALL plain.measure(format('vvault_token_verify(%L || left(i::text, 0))', hs256), calls, r);
		INSERT INTO plain.rates VALUES ('vvault_token_verify, HS256', n, r);
		CALL plain.measure(format('plain.verify(%L || left(i::text, 0))', hs256), calls / 10, r);
		INSERT INTO plain.rates VALUES ('PL/pgSQL and pgcrypto, HS256', n, r);
		CALL plain.measure(format('plain.verify_without_pgcrypto(%L || left(i::text, 0))', hs256), calls / 10, r);
		INSERT INTO plain.rates VALUES ('PL/pgSQL alone, HS256', n, r);
		CALL plain.measure(format('vvault_token_verify(%L || left(i::text, 0))', es256), calls / 10, r);
		INSERT INTO plain.rates VALUES ('vvault_token_verify, ES256', n, r);
	END LOOP;
END
$$;
CALL plain.rounds(:rounds, :calls);
SELECT name || ': ' || round(percentile_cont(0.5) WITHIN GROUP (ORDER BY rate)::numeric) || '/s, one in '
	|| round((SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY f.rate) FROM plain.rates f WHERE f.name = 'vvault_token_verify, HS256')::numeric
		/ percentile_cont(0.5) WITHIN GROUP (ORDER BY rate)::numeric, 1) || ' of ours by HS256'
FROM plain.rates GROUP BY name ORDER BY max(rate) DESC;
