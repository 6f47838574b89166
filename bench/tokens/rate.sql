--
-- rate.sql
--		How many tokens are checked in a second of the processor: by
--		vvault_token_verify() and by plain.sql, in turn, so many rounds of so many
--		calls (rounds, calls). Tokens that come again are known to be signed; new
--		ones come once each. Each is measured in a transaction that has written
--		nothing, as a request is. What the statement itself takes, which hands the
--		same tokens to no check, is measured, too, and left in all rates.
--
CREATE TABLE plain.tokens (algorithm text, number int, token text, PRIMARY KEY (algorithm, number));
CREATE TABLE plain.rates (name text, round int, rate numeric);

-- so many tokens that were never seen
CREATE PROCEDURE plain.make_tokens(of_algorithm text, n int) LANGUAGE plpgsql AS $$
DECLARE
	k record := vvault_stream.signing_key('token');
BEGIN
	DELETE FROM plain.tokens WHERE algorithm = of_algorithm;
	INSERT INTO plain.tokens SELECT k.algorithm, i, vvault_stream.sign_token(k.algorithm, k.kid, k.key,
		vvault_stream.token_claims('viewer', NULL, NULL, 86400, vvault_stream.random_name(22))) FROM generate_series(1, n) i;
	COMMIT;
END
$$;

-- Seconds that this session has had of the processor; of the clock where Linux does
-- not tell. It tells what was spent until the session last waited.
CREATE FUNCTION plain.spent() RETURNS double precision LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM pg_sleep(0.001);
	RETURN coalesce(split_part(pg_read_file('/proc/self/schedstat', 0, 100, true), ' ', 1)::double precision / 1e9,
		extract(epoch FROM clock_timestamp()));
END
$$;

CREATE PROCEDURE plain.measure(name text, round int, rows_of text, call text, calls integer) LANGUAGE plpgsql AS $$
DECLARE
	began double precision := plain.spent();
	good bigint;
	took double precision;
BEGIN
	EXECUTE format('SELECT count(*) FROM (%s LIMIT %s) x WHERE (%s) IS NOT NULL', rows_of, calls, call) INTO good;
	took := plain.spent() - began;
	IF good <> calls THEN
		RAISE EXCEPTION '% of % tokens', good, calls;
	END IF;
	INSERT INTO plain.rates VALUES (name, round, calls / took);
	COMMIT;
END
$$;

CREATE PROCEDURE plain.rounds(rounds int, calls int) LANGUAGE plpgsql AS $$
DECLARE
	again text;
	fresh text;
	of_algorithm text;
	new_ones int;
BEGIN
	FOR n IN 1 .. rounds LOOP
		FOREACH of_algorithm IN ARRAY '{HS256,ES256}'::text[] LOOP
			PERFORM vvault_stream_set('token_algorithm', of_algorithm), vvault_rotate_keys('token', 0);
			IF of_algorithm = 'HS256' THEN
				INSERT INTO plain.keys SELECT kid, key FROM vvault_stream.signing_key('token');
			END IF;
			COMMIT;
			new_ones := CASE of_algorithm WHEN 'HS256' THEN calls ELSE calls / 5 END;
			CALL plain.make_tokens(of_algorithm, new_ones);
			fresh := format('SELECT token FROM plain.tokens WHERE algorithm = %L', of_algorithm);
			again := format('SELECT token FROM plain.tokens, generate_series(1, %s) i WHERE algorithm = %L AND number = 1',
				calls * 10, of_algorithm);
			CALL plain.measure('vvault_token_verify, ' || of_algorithm || ', new', n, fresh, 'vvault_token_verify(token)', new_ones);
			CALL plain.measure('vvault_token_verify, ' || of_algorithm || ', again', n, again, 'vvault_token_verify(token)', calls * 10);
			IF of_algorithm = 'HS256' THEN
				CALL plain.measure('no check, HS256, again', n, again, 'token', calls * 10);
				CALL plain.measure('PL/pgSQL and pgcrypto, less', n, fresh, 'plain.verify(token)', calls / 10);
				CALL plain.measure('PL/pgSQL and pgcrypto, the same', n, fresh, 'plain.verify_all(token)', calls / 10);
				CALL plain.measure('PL/pgSQL alone, less', n, fresh, 'plain.verify_without_pgcrypto(token)', calls / 10);
				IF EXISTS (SELECT FROM (SELECT token FROM plain.tokens WHERE algorithm = 'HS256' LIMIT 10) t WHERE vvault_token_verify(t.token) ->> 'valid' <> 'true'
						OR plain.verify_all(t.token) ->> 'valid' <> 'true' OR plain.verify(t.token) ->> 'valid' <> 'true') THEN
					RAISE EXCEPTION 'a token is not good';
				END IF;
			END IF;
		END LOOP;
	END LOOP;
END
$$;
CALL plain.rounds(:rounds, :calls);

-- the median of the ratios of the rounds
SELECT format('%s: %s/s, %s times as many as PL/pgSQL that checks the same, %s times as many as the one that checks less', r.name,
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY r.rate)::numeric),
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY r.rate / a.rate)::numeric, 2), round(percentile_cont(0.5) WITHIN GROUP (ORDER BY r.rate / l.rate)::numeric, 2))
FROM plain.rates r JOIN plain.rates a ON a.round = r.round AND a.name = 'PL/pgSQL and pgcrypto, the same'
	JOIN plain.rates l ON l.round = r.round AND l.name = 'PL/pgSQL and pgcrypto, less'
GROUP BY r.name ORDER BY max(r.rate) DESC;
