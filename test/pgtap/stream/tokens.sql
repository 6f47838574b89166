--
-- tokens.sql
--		API tokens: what they say, what is refused with which reason (RFC 8725),
--		refreshing, a refresh token that comes twice, revoking, keys that
--		rotate. test/t/080_tokens.pl holds them beside other programs.
--
BEGIN;
SELECT plan(132);
SET LOCAL TimeZone = 'UTC';

CREATE ROLE vvs_publisher;
CREATE ROLE vvs_viewer;
SELECT vvault_stream_grant(r, substr(r, 5)) FROM unnest('{vvs_publisher,vvs_viewer}'::name[]) r;
SELECT vvault_stream_set('token_algorithm', 'HS256');
INSERT INTO vvault_stream.assets (video_id, owner_id, access) SELECT a, 'alice', a FROM unnest('{public,unlisted,token,private}'::text[]) a;

CREATE FUNCTION pg_temp.url(b bytea) RETURNS text LANGUAGE sql AS $$SELECT translate(encode(b, 'base64'), E'+/=\n', '-_')$$;
CREATE FUNCTION pg_temp.bytes(u text) RETURNS bytea LANGUAGE sql AS $$
	SELECT decode(translate(u, '-_', '+/') || repeat('=', (4 - length(u) % 4) % 4), 'base64')$$;
CREATE FUNCTION pg_temp.part(token text, n int) RETURNS json LANGUAGE sql AS $$
	SELECT convert_from(pg_temp.bytes(split_part(token, '.', n)), 'UTF8')::json$$;
CREATE FUNCTION pg_temp.reason(token text, video text DEFAULT NULL, permission text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT vvault_token_verify(token, video, permission) ->> 'reason'$$;
CREATE FUNCTION pg_temp.epoch() RETURNS bigint LANGUAGE sql AS $$SELECT floor(extract(epoch FROM clock_timestamp()))::bigint$$;

CREATE TEMP TABLE issued (name text PRIMARY KEY, reply json);
GRANT ALL ON issued TO PUBLIC;
CREATE FUNCTION pg_temp.token(name text) RETURNS text LANGUAGE sql AS $$SELECT reply ->> 'access_token' FROM issued i WHERE i.name = token.name$$;

--
-- What is issued
--

INSERT INTO issued SELECT 'bob', vvault_token_issue('bob', 'token', '{view,edit}', 600);
SELECT is((SELECT array_agg(k ORDER BY k) FROM issued, json_object_keys(reply) k WHERE name = 'bob'),
	'{access_token,expires_in,jti,refresh_token,token_type}', 'what is replied');
SELECT is((SELECT (reply ->> 'token_type') || ' ' || (reply ->> 'expires_in') FROM issued WHERE name = 'bob'), 'Bearer 600', 'a bearer token');
SELECT is(pg_temp.part(pg_temp.token('bob'), 1) ->> 'alg', 'HS256', 'by the algorithm of the setting');
SELECT is((pg_temp.part(pg_temp.token('bob'), 2)::jsonb - '{iat,exp,jti}'::text[]), '{"sub": "bob", "video_id": "token", "permissions": ["view", "edit"]}', 'what it says');
SELECT is(((pg_temp.part(pg_temp.token('bob'), 2) ->> 'exp')::bigint - (pg_temp.part(pg_temp.token('bob'), 2) ->> 'iat')::bigint), 600::bigint, 'for how long');
SELECT is(vvault_token_verify(pg_temp.token('bob')) ->> 'valid', 'true', 'it is good');
SELECT is((vvault_token_verify(pg_temp.token('bob')) -> 'claims')::text, convert_from(pg_temp.bytes(split_part(pg_temp.token('bob'), '.', 2)), 'UTF8'), 'its claims are told as they are');
SELECT throws_ok(format('SELECT vvault_token_issue(%s)', a), '22023', 'invalid ' || what, format('vvault_token_issue(%s)', a))
FROM (VALUES ('NULL', 'subject'), ($$''$$, 'subject'), ($$'b', 'a/b'$$, 'video_id'), ($$'b', 'token'$$, 'permissions'), ($$'b', 'token', '{}'$$, 'permissions'),
	($$'b', 'token', '{own}'$$, 'permissions'), ($$'b', 'token', '{view,NULL}'$$, 'permissions'), ($$'b', NULL, NULL, 0$$, 'ttl_seconds'),
	($$'b', NULL, NULL, 86401$$, 'ttl_seconds')) v (a, what);

-- what it is good for
SELECT is(pg_temp.reason(pg_temp.token('bob'), v, p), r, format('bob''s token for %s: %s', v, p))
FROM (VALUES ('token', NULL, NULL), ('token', 'view', NULL), ('token', 'edit', NULL), ('token', 'manage', 'it does not permit this'),
	('public', 'view', 'it is for another video'), ('none', NULL, 'it is for another video'), (NULL, 'edit', NULL), (NULL, 'manage', 'it does not permit this')) x (v, p, r);
INSERT INTO issued SELECT 'private', vvault_token_issue('bob', 'private', '{manage}');
INSERT INTO issued SELECT 'gone', vvault_token_issue('bob', 'gone', '{manage}');
INSERT INTO issued SELECT 'alice', vvault_token_issue('alice');
SELECT is(pg_temp.reason(pg_temp.token(t), v, p), r, format('%s''s token for %s: %s', t, v, p))
FROM (VALUES ('private', 'private', 'view', 'it does not permit this'), ('gone', 'gone', 'view', 'there is no such video'),
	('alice', 'private', 'manage', NULL), ('alice', 'token', 'manage', NULL)) x (t, v, p, r);
SELECT throws_ok($$SELECT vvault_token_verify('x', 'token', 'own')$$, '22023', 'invalid permission "own"', 'there is no such permission');
SELECT is(vvault_token_verify(NULL)::jsonb, '{"valid": false, "reason": "there is none", "claims": null}', 'NULL is no token');

-- who may have one issued
SELECT vvault_stream_set('authenticator', session_user), set_config('request.jwt.claims', '{"sub": "alice"}', true);
SET LOCAL ROLE vvs_publisher;
SELECT lives_ok($$SELECT vvault_token_issue('carol', 'token', '{view}')$$, 'an owner has one issued for his video');
SELECT throws_ok($$SELECT vvault_token_issue('carol')$$, '42501', NULL, 'and none for all of somebody');
SELECT throws_ok($$SELECT vvault_token_issue('carol', 'none', '{view}')$$, '42501', NULL, 'nor for what is not there');
SELECT set_config('request.jwt.claims', '{"sub": "bob"}', true);
SELECT throws_ok($$SELECT vvault_token_issue('bob', 'public', '{manage}')$$, '42501', NULL, 'nobody for another''s');
SET LOCAL ROLE vvs_viewer;
SELECT throws_ok($$SELECT vvault_token_issue('bob', 'public', '{view}')$$, '42501', NULL, 'a viewer none at all');
RESET ROLE;

--
-- What is refused: RFC 8725
--

CREATE TEMP TABLE k AS SELECT kid, key FROM vvault_stream.signing_key('token');
-- a token of any header and claims; "KID", NOW and the like are filled in
CREATE FUNCTION pg_temp.made(header text, claims text, key bytea DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT m || '.' || vvault_stream.signature(coalesce(made.key, (SELECT k.key FROM k)), m)
	FROM (SELECT pg_temp.url(convert_to(replace(header, 'KID', (SELECT kid FROM k)), 'UTF8')) || '.'
		|| pg_temp.url(convert_to(replace(replace(claims, 'NOW', pg_temp.epoch()::text), 'SOON', (pg_temp.epoch() + 500)::text), 'UTF8')) AS m) x
$$;
CREATE FUNCTION pg_temp.usual(claims text) RETURNS text LANGUAGE sql AS $$SELECT pg_temp.made('{"alg":"HS256","typ":"JWT","kid":"KID"}', claims)$$;
SELECT is(pg_temp.reason(pg_temp.usual('{"sub":"a","exp":SOON}')), NULL, 'a plain one of our key is good');

-- 3.1, 3.2: the algorithm
SELECT is(pg_temp.reason(pg_temp.made(h, '{"sub":"a","exp":SOON}')), 'its algorithm is not allowed', h)
FROM unnest('{"{\"alg\":\"none\",\"kid\":\"KID\"}","{\"alg\":\"None\",\"kid\":\"KID\"}","{\"alg\":\"RS256\",\"kid\":\"KID\"}","{\"alg\":\"HS512\",\"kid\":\"KID\"}","{\"kid\":\"KID\"}","{\"alg\":1,\"kid\":\"KID\"}","{\"alg\":\"hs256\",\"kid\":\"KID\"}"}'::text[]) h;
SELECT is(pg_temp.reason(split_part(t, '.', 1) || '.' || split_part(t, '.', 2) || '.'), 'it is not base64url', 'without a signature') FROM pg_temp.made('{"alg":"none","kid":"KID"}', '{"sub":"a","exp":SOON}') t;
SELECT is(pg_temp.reason(pg_temp.made('{"alg":"ES256","kid":"KID"}', '{"exp":SOON}')), 'its algorithm is not that of its key', 'another algorithm than the key''s');
-- a foreign key, no key, a key for something else
SELECT is(pg_temp.reason(pg_temp.made('{"alg":"HS256","kid":"kother"}', '{"exp":SOON}')), 'its key is not known', 'a foreign kid');
SELECT is(pg_temp.reason(pg_temp.made('{"alg":"HS256"}', '{"exp":SOON}')), 'its key is not known', 'no kid');
SELECT is(pg_temp.reason(pg_temp.made('{"alg":"HS256","kid":5}', '{"exp":SOON}')), 'its key is not known', 'a kid that is no text');
SELECT is(pg_temp.reason(pg_temp.made(format('{"alg":"HS256","kid":"%s"}', p.kid), '{"exp":SOON}', p.key)), 'its key is not known', 'a key of path tokens') FROM vvault_stream.signing_key('path') p;
SELECT is(pg_temp.reason(pg_temp.made('{"alg":"HS256","kid":"../KID"}', '{"exp":SOON}')), 'its key is not known', '3.10: a kid is a name and nothing else');
SELECT is(pg_temp.reason(pg_temp.made('{"alg":"HS256","kid":"KID"}', '{"exp":SOON}', '\x00')), 'its signature is wrong', 'another key');
SELECT is(pg_temp.reason(pg_temp.made('{"alg":"HS256","kid":"KID"}', '{"exp":SOON}', '')), 'its signature is wrong', 'an empty key');
-- 3.5: keys that nobody guesses, each another
SELECT is((SELECT length(key) FROM k), 32, 'a secret has as many bytes as the hash');
SELECT isnt(vvault_stream.random_key(), vvault_stream.random_key(), 'and is another each time');
-- 3.10: headers that bring keys; critical ones
SELECT is(pg_temp.reason(pg_temp.made(format('{"alg":"HS256","kid":"KID","%s":"https://evil.example.org/"}', h), '{"exp":SOON}')), 'its header brings a key', h)
FROM unnest('{jku,jwk,x5u,x5c}'::text[]) h;
SELECT is(pg_temp.reason(pg_temp.made('{"alg":"HS256","kid":"KID","crit":["b64"],"b64":false}', '{"exp":SOON}')), 'its header has something critical', 'a critical header');
-- 3.11: the type
SELECT is(pg_temp.reason(pg_temp.made('{"alg":"HS256","kid":"KID","typ":"secevent+jwt"}', '{"exp":SOON}')), 'its type is not JWT', 'another type');
SELECT is(pg_temp.reason(pg_temp.made('{"alg":"HS256","kid":"KID","typ":"jwt"}', '{"exp":SOON}')), NULL, 'whose case counts for nothing');
-- 3.7: UTF-8, JSON; names that come twice; what is no object
SELECT is(pg_temp.reason(pg_temp.made(h, '{"exp":SOON}')), r, h)
FROM (VALUES ('{"alg":"HS256","kid":"KID","kid":"KID"}', 'a name comes twice'), ('{"alg":"HS256","kid":"KID"', 'it is not JSON'),
	('["HS256"]', 'it is no object'), ('"HS256"', 'it is no object'), ('{"alg":"HS256","kid":"KID"}x', 'it is not JSON'), ('{"alg":"HS256","k\u0000id":"KID"}', 'it is not JSON')) v (h, r);
SELECT is(pg_temp.reason(pg_temp.usual(c)), r, c)
FROM (VALUES ('{"sub":"a","exp":SOON,"sub":"b"}', 'a name comes twice'), ('{"sub":"a","exp":SOON,"s\u0075b":"b"}', 'a name comes twice'),
	('{"aud":["1","2","3","4","5","6","7","8","9"],"exp":SOON,"aud":"10"}', 'a name comes twice'), ('{"sub":"a","exp":SOON', 'it is not JSON'), ('[]', 'it is no object'), ('5', 'it is no object'),
	('{"sub":"\ud800","exp":SOON}', 'it is not JSON'), ('{"sub":5,"exp":SOON}', 'a claim is no text'), ('{"jti":["x"],"exp":SOON}', NULL)) v (c, r);
SELECT is(pg_temp.reason(m || '.' || vvault_stream.signature((SELECT key FROM k), m)), 'it is not JSON', 'bytes that are no UTF-8')
FROM (SELECT split_part(t, '.', 1) || '.' || pg_temp.url('{"a":"'::bytea || '\xff'::bytea || '","exp":9999999999}'::bytea) AS m FROM pg_temp.usual('{}') t) x;
-- size and shape
SELECT is(pg_temp.reason(pg_temp.made(format('{"alg":"HS256","kid":"KID","x":"%s"}', repeat('x', 10000)), '{"exp":SOON}')), 'it is too long', 'a header of 10 kB');
SELECT is(pg_temp.reason(pg_temp.made(format('{"alg":"HS256","kid":"KID","x":"%s"}', repeat('x', 1000)), '{"exp":SOON}')), 'its header is too long', 'one of 1 kB');
SELECT is(pg_temp.reason(t), r, left(t, 20)) FROM (VALUES ('', 'it has not three parts'), ('a.b', 'it has not three parts'), ('a.b.c.d', 'it has not three parts'), ('e30.e30.e30.e30.e30', 'it has not three parts'),
	('..', 'it is not base64url'), ('a.a.a', 'it is not base64url'), ('e30.e30.e30', 'its algorithm is not allowed'), ('e31.e30.e30', 'it is not base64url'), ('e3+.e30.e30', 'it is not base64url'), ('e30=.e30.e30', 'it is not base64url')) v (t, r);
SELECT is(pg_temp.reason(t || '='), 'it is not base64url', 'padding') FROM pg_temp.usual('{"exp":SOON}') t;
SELECT is(pg_temp.reason(' ' || t), 'it is not base64url', 'blanks') FROM pg_temp.usual('{"exp":SOON}') t;

-- times: a minute is allowed between clocks, of which some may go by meanwhile
SELECT is(pg_temp.reason(pg_temp.usual(format(c, pg_temp.epoch() + s))), r, format(c, s))
FROM (VALUES ('{"exp":%s}', -30, NULL), ('{"exp":%s}', -70, 'it has expired'), ('{"exp":99999999999,"nbf":%s}', 50, NULL), ('{"exp":99999999999,"nbf":%s}', 90, 'it is not good yet'),
	('{"exp":99999999999,"iat":%s}', 50, NULL), ('{"exp":99999999999,"iat":%s}', 90, 'it is not good yet'), ('{"exp":"%s"}', 500, 'it has expired'), ('{"exp":null,"x":%s}', 0, 'it has expired'),
	('{"x":%s}', 0, 'it says no expiry'), ('{"exp":99999999999,"nbf":"%s"}', 0, 'it is not good yet')) v (c, s, r);

-- 3.8, 3.9: issuer and audience
SELECT vvault_stream_set('token_issuer', 'https://id.example.org'), vvault_stream_set('token_audience', 'vvault');
SELECT is(pg_temp.reason(pg_temp.usual(c)), r, c)
FROM (VALUES ('{"exp":SOON,"iss":"https://id.example.org","aud":"vvault"}', NULL), ('{"exp":SOON,"iss":"https://id.example.org","aud":["other","vvault"]}', NULL),
	('{"exp":SOON,"iss":"https://id.example.org/","aud":"vvault"}', 'its issuer is another'), ('{"exp":SOON,"aud":"vvault"}', 'its issuer is another'),
	('{"exp":SOON,"iss":"https://id.example.org","aud":"vvault2"}', 'it is for another audience'), ('{"exp":SOON,"iss":"https://id.example.org","aud":["x"]}', 'it is for another audience'),
	('{"exp":SOON,"iss":"https://id.example.org"}', 'it is for another audience')) v (c, r);
SELECT is(pg_temp.reason(vvault_token_issue('a') ->> 'access_token'), NULL, 'ours say both');
SELECT vvault_stream_set('token_issuer', NULL), vvault_stream_set('token_audience', NULL);

--
-- Refreshing and revoking
--

INSERT INTO issued SELECT 'second', vvault_token_refresh(reply ->> 'refresh_token') FROM issued WHERE name = 'bob';
SELECT is((pg_temp.part(pg_temp.token('second'), 2)::jsonb - '{iat,exp,jti}'::text[]), '{"sub": "bob", "video_id": "token", "permissions": ["view", "edit"]}', 'the next token says the same');
SELECT isnt((SELECT reply ->> 'refresh_token' FROM issued WHERE name = 'second'), (SELECT reply ->> 'refresh_token' FROM issued WHERE name = 'bob'), 'with another refresh token');
SELECT is(pg_temp.reason(pg_temp.token(n)), NULL, 'both are good') FROM unnest('{bob,second}'::text[]) n;
SELECT is(vvault_token_refresh(reply ->> 'refresh_token') ->> 'error_description', 'The refresh token was used before: its family has ended.', 'one that comes twice ends its family') FROM issued WHERE name = 'bob';
SELECT is(pg_temp.reason(pg_temp.token(n)), 'it was revoked', 'no token of it is good: ' || n) FROM unnest('{bob,second}'::text[]) n;
SELECT is(vvault_token_refresh(reply ->> 'refresh_token') ->> 'error', 'invalid_grant', 'the next refresh token neither') FROM issued WHERE name = 'second';
SELECT is(vvault_token_refresh(r) ->> 'error_description', 'The refresh token is not known.', 'unknown') FROM (VALUES ('x'), (NULL)) v (r);
SELECT set_config('request.method', 'POST', true);
SELECT is(vvault_token_refresh('x') ->> 'error', 'invalid_grant', 'by HTTP likewise');
SELECT is(current_setting('response.headers')::jsonb, '[{"Cache-Control": "no-store"}, {"Pragma": "no-cache"}]', 'where nobody may keep the reply');
SELECT is(current_setting('response.status'), '400', 'which is a refusal');
SELECT set_config('request.method', '', true);
SELECT is(pg_temp.reason(pg_temp.token('alice')), NULL, 'others'' go on');
SELECT is(vvault_token_revoke(reply ->> 'jti') ->> 'revoked', 'true', 'an operator takes one back') FROM issued WHERE name = 'alice';
SELECT is(pg_temp.reason(pg_temp.token('alice')), 'it was revoked', 'it is not good any more');
SELECT is(vvault_token_refresh(reply ->> 'refresh_token') ->> 'error_description', 'The refresh token was revoked.', 'nor refreshed') FROM issued WHERE name = 'alice';

-- who else takes one back
INSERT INTO issued SELECT 'carol', vvault_token_issue('carol', 'token', '{view}');
CREATE FUNCTION pg_temp.jti(name text) RETURNS text LANGUAGE sql AS $$SELECT reply ->> 'jti' FROM issued i WHERE i.name = jti.name$$;
SELECT set_config('request.jwt.claims', '{"sub": "bob"}', true);
SET LOCAL ROLE vvs_publisher;
SELECT throws_ok(format('SELECT vvault_token_revoke(%L)', pg_temp.jti('carol')), '42501', NULL, 'not another publisher');
SELECT throws_ok($$SELECT vvault_token_revoke('unknown')$$, '42501', NULL, 'nor one that nobody issued');
SELECT throws_ok($$SELECT vvault_token_revoke('')$$, '22023', 'invalid jti', 'nor none');
SELECT set_config('request.jwt.claims', '{"sub": "alice"}', true);
SELECT lives_ok(format('SELECT vvault_token_revoke(%L)', pg_temp.jti('carol')), 'but who manages the video');
RESET ROLE;
SELECT is(pg_temp.reason(pg_temp.token('carol')), 'it was revoked', 'it is not good any more');
SELECT set_config('request.jwt.claims', format('{"sub": "carol", "video_id": "token", "permissions": ["view"], "jti": "%s"}', pg_temp.jti('carol')), true);
SET LOCAL ROLE vvs_viewer;
SELECT is(vvault_may('token', 'view'), false, 'nor do its claims count, should somebody else pass them on');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
