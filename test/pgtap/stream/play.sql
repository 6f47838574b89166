--
-- play.sql
--		Who gets a playing address, and for how long it holds.
--
BEGIN;
SELECT plan(49);
SET LOCAL TimeZone = 'UTC';

CREATE ROLE vvs_publisher;
CREATE ROLE vvs_viewer;
CREATE ROLE vvs_operator;
SELECT vvault_stream_grant(r, substr(r, 5)) FROM unnest('{vvs_publisher,vvs_viewer,vvs_operator}'::name[]) r;
INSERT INTO vvault_stream.assets (video_id, owner_id, access, generation, duration)
SELECT a, 'alice', a, 3, 100 FROM unnest('{public,unlisted,token,private}'::text[]) a;
INSERT INTO vvault_stream.assets (video_id, owner_id, access, generation, duration)
VALUES ('long', 'alice', 'public', 1, 20000), ('endless', 'alice', 'public', 1, 1e9), ('unknown', 'alice', 'public', 1, NULL);
INSERT INTO vvault_stream.assets (video_id, owner_id, access) VALUES ('early', 'alice', 'public');

CREATE FUNCTION pg_temp.token(play json) RETURNS text LANGUAGE sql AS $$SELECT split_part(play ->> 'hls', '/', 5)$$;
CREATE FUNCTION pg_temp.life(play json) RETURNS numeric LANGUAGE sql AS $$
	SELECT round(split_part(pg_temp.token(play), '.', 2)::numeric - extract(epoch FROM now()), -2)$$;

SELECT throws_ok($$SELECT vvault_play_url('public')$$, 'PT503', 'no edge is up', 'it takes an edge');
SET LOCAL ROLE vvs_operator;
SELECT is(vvault_edge('one', 'https://one.example.org')::jsonb, '{"edge_id": "one", "base_url": "https://one.example.org", "weight": 1, "state": "up"}', 'here is one');
SELECT throws_ok(format('SELECT vvault_edge(%s)', a), '22023', 'invalid ' || what, format('vvault_edge(%s)', a))
FROM (VALUES ('NULL', 'edge_id'), ($$'a/b', 'http://a'$$, 'edge_id'), ($$'two'$$, 'base_url'), ($$'two', 'http://a/'$$, 'base_url'),
	($$'one', weight => 0$$, 'weight'), ($$'one', weight => 'NaN'$$, 'weight'), ($$'one', state => 'ill'$$, 'state')) v (a, what);

SET LOCAL ROLE vvs_viewer;
SELECT matches(vvault_play_url('public') ->> f, '^https://one\.example\.org/v/k[0-9a-f]{12}\.\d+\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/public/3/' || name || '$', f)
FROM (VALUES ('hls', 'master\.m3u8'), ('dash', 'manifest\.mpd'), ('watch', 'watch\.html')) v (f, name);
SELECT isnt(vvault_play_url('public') ->> 'session_id', vvault_play_url('public') ->> 'session_id', 'each is a session');
SELECT lives_ok($$SELECT vvault_play_url('unlisted')$$, 'a viewer plays an unlisted video');
SELECT throws_ok(format('SELECT vvault_play_url(%L, %L)', v, 'alice'), '42501', format('permission denied for video "%s"', v), 'a viewer does not play a video that is ' || v)
FROM unnest('{token,private}'::text[]) v;
SELECT throws_ok($$SELECT vvault_play_url('none')$$, 'PT404', NULL, 'nor one that is not there');
SELECT throws_ok($$SELECT vvault_play_url(NULL)$$, 'PT404', NULL, 'nor NULL');
SELECT throws_ok($$SELECT vvault_play_url('early')$$, 'PT409', 'video "early" cannot be played: it is created', 'nor one that is not ready');
SELECT throws_ok(format('SELECT vvault_play_url(%L, NULL, %s)', 'public', n), '22023', 'invalid ttl_seconds', 'ttl_seconds ' || n) FROM unnest('{0,604801}'::int[]) n;

SET LOCAL ROLE vvs_publisher;
SELECT throws_ok(format('SELECT vvault_play_url(%L, %L)', v, s), '42501', NULL, format('a publisher is not believed: %s for %s', v, s))
FROM unnest('{token,private}'::text[]) v, unnest('{alice,carol}'::text[]) s;
SELECT throws_ok($$SELECT vvault_play_url('public', 'alice')$$, '42501', NULL, 'nor where it would change nothing');
SELECT lives_ok($$SELECT vvault_play_url('public', 'vvs_publisher')$$, 'he may say who he is');
SET LOCAL ROLE vvs_operator;
SELECT lives_ok($$SELECT vvault_play_url('token', 'carol')$$, 'an operator asks for somebody who holds a token');
SELECT throws_ok($$SELECT vvault_play_url('token', '')$$, '42501', NULL, 'who has a name');
SELECT throws_ok($$SELECT vvault_play_url('private', 'carol')$$, '42501', NULL, 'a private video is not for others');
SELECT lives_ok($$SELECT vvault_play_url('private', 'alice')$$, 'but for its owner');
SELECT lives_ok($$SELECT vvault_play_url('private')$$, 'and for the operator himself');
RESET ROLE;

SELECT is(vvault_stream.path_token_problem(pg_temp.token(vvault_play_url('public')), 'public', 3, now()), NULL, 'the token opens its generation');
SELECT is(vvault_stream.path_token_problem(pg_temp.token(vvault_play_url('public')), 'unlisted', 3, now()), 'wrong signature', 'and no other video');
SELECT is(pg_temp.life(vvault_play_url(v, NULL, t)), expected::numeric, format('%s, %s: %s seconds', v, t, expected))
FROM (VALUES ('public', NULL, 43200), ('long', NULL, 60000), ('endless', NULL, 604800), ('unknown', NULL, 43200), ('public', 600, 600)) AS x (v, t, expected);

-- A second edge takes its share, and moves no other video.
CREATE TEMP TABLE before AS SELECT v, (vvault_stream.edge_of(v::text)).edge_id AS edge FROM generate_series(1, 2000) v;
SELECT vvault_edge('two', 'https://two.example.org', 3);
SELECT ok(count(*) FILTER (WHERE (vvault_stream.edge_of(v::text)).edge_id = 'two') BETWEEN 1400 AND 1600, 'an edge has its share by weight') FROM before;
SELECT vvault_edge('two', state => 'down');
SELECT is(vvault_play_url('public') ->> 'edge_id', 'one', 'nobody is sent to one that is down');

--
-- Whose a session is
--

CREATE FUNCTION pg_temp.whose(play json) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
	SELECT coalesce((SELECT s.subject || ' ' || (abs(extract(epoch FROM s.expires_at - now()) - 43260) < 60)
		FROM vvault_stream.session_subjects s WHERE s.session_id = play ->> 'session_id'), 'nobody')
$$;
SET LOCAL ROLE vvs_viewer;
SELECT is(pg_temp.whose(vvault_play_url('public')), 'nobody', 'nobody''s, of a login that vouches for nobody');
RESET ROLE;
SELECT vvault_stream_set('authenticator', session_user), set_config('request.jwt.claims', '{"role": "vvs_viewer"}', true);
SET LOCAL ROLE vvs_viewer;
SELECT is(pg_temp.whose(vvault_play_url('public')), 'nobody', 'nor of who comes without a token');
SELECT set_config('request.jwt.claims', '{"sub": "carol"}', true);
SELECT is(pg_temp.whose(vvault_play_url('public')), 'carol true', 'a subject''s is his, for as long as it may play');
RESET ROLE;
SELECT is(pg_temp.whose(vvault_play_url('token', 'dave')), 'dave true', 'and his whom an operator names');
SELECT throws_ok($$SELECT vvault_play_url('public', repeat('d', 256))$$, '22023', 'invalid subject', 'whose id has an end');
SELECT vvault_stream_set('session_subjects', 'not_kept');
SET LOCAL ROLE vvs_viewer;
SELECT is(pg_temp.whose(vvault_play_url('public')), 'nobody', 'unless that is not kept');
RESET ROLE;
SELECT vvault_stream_set('session_subjects', NULL);
UPDATE vvault_stream.session_subjects SET expires_at = now() - interval '1 second' WHERE subject = 'carol';
SELECT isnt(pg_temp.whose(vvault_play_url('token', 'dave')), 'nobody', 'the next session');
SELECT is((SELECT count(*) FROM vvault_stream.session_subjects WHERE subject = 'carol'), 0::bigint, 'takes what has expired away');

SELECT * FROM finish();
ROLLBACK;
