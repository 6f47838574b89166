#
# 025_cache_worker.pl
#		The worker of vvault.cache_warm makes hot replies anew before anybody
#		asks for them; vvault_cache_warm() does so by hand. On 17 and later also
#		without preloading.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

not_across(86_400, 120);    # analytics are of a day
my $node = new_node('worker');
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vvault CASCADE;
INSERT INTO vvault.videos (region, video_id, views) SELECT r, 'v' || n, n FROM unnest('{PL,SE}'::text[]) r, generate_series(1, 9) n;
SQL
cache_functions($node, 'postgres');
my $session = open_session($node, 'postgres');
my $writer = open_session($node, 'postgres');

sub from { return value($session, "SELECT test.x_cache(\$\$$_[0]\$\$)"); }

my $workers = q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'vvault cache warmer');

# ---------------------------------------------------------------------------
# By hand
# ---------------------------------------------------------------------------

my @first = (q(vvault_trending('PL')), q(vvault_trending('NO')), 'vvault_regions()', 'vvault_analytics()');

value($session, "SELECT vvault_trending('SE', 3), vvault_video('v1')");
is(value($writer, 'SELECT vvault_cache_warm()'), '9', 'vvault_cache_warm() makes the first page of each region, and two more');
is(from($_), 'HIT', "$_ is there") for @first;
is(value($writer, 'SELECT vvault_cache_warm()'), '0', 'again, there is nothing left to make');
value($writer, q(UPDATE vvault.videos SET views = views + 1 WHERE region = 'SE'));
# SE's first page, the other one of SE, regions, analytics, the video
is(value($writer, 'SELECT vvault_cache_warm()'), '5', 'after a write in one region it makes what shows that region');
is(from($_), 'HIT', "$_ is there") for @first, q(vvault_trending('SE', 3)), q(vvault_video('v1'));
is(value($session, q(SELECT bool_and(test.cached(c) = test.computed(c)) FROM unnest(ARRAY['vvault_trending(''SE'', 3)', 'vvault_video(''v1'')', 'vvault_regions()']) c)),
	't', 'they are right');
is(value($session, q(SELECT bool_and(fresh) FROM vvault_cache_stats())), 't', 'all are fresh');

# as a writer, with a request of its own, in a transaction that keeps its snapshot
$node->safe_psql('postgres', q(CREATE ROLE fetcher LOGIN; SELECT vvault_grant('fetcher', 'writer')));
my $fetcher = open_session($node, 'postgres', user => 'fetcher');
value($writer, q(UPDATE vvault.videos SET views = views + 1));
is(value($fetcher, q(SET request.method = 'GET'; SELECT vvault_cache_warm() > 0)), 't', 'a writer may, from PostgREST too');
is(value($fetcher, q(SELECT coalesce(current_setting('response.headers', true), ''))), '', 'whose headers it leaves alone');
value($fetcher, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
value($writer, q(UPDATE vvault.videos SET views = views + 1));
value($session, "SELECT $_") for @first;
value($fetcher, 'SELECT vvault_cache_warm()');
value($fetcher, 'COMMIT');
is(from($_), 'HIT', "one in an old snapshot does not push out $_") for @first;
value($fetcher, q(SELECT vvault_cache_warm()));
$fetcher->quit;

# what is an error by now goes
value($session, q(SELECT vvault_trending('NO', 7)));
value($writer, q(INSERT INTO vvault.regions (region, enabled) VALUES ('NO', false)));
like(value($writer, 'SELECT vvault_cache_warm()'), qr/^\d+$/, 'a region that is turned off is no error');
is(value($session, q(SELECT count(*) FROM vvault_cache_stats() WHERE region = 'NO')), '0', 'its replies are gone');
value($writer, q(DELETE FROM vvault.regions));
# under another schema and odd arguments
value($session, q(SELECT vvault_video('it''s "odd" \ $$ %s'), vvault_trending('SE', NULL, 'views', NULL)));
value($writer, q(UPDATE vvault.videos SET views = views + 1));
like(value($writer, 'SELECT vvault_cache_warm()'), qr/^\d+$/, 'arguments of all kinds are called again');
is(from(q(vvault_trending('SE', NULL, 'views', NULL))), 'HIT', 'as they were');

# ---------------------------------------------------------------------------
# The worker
# ---------------------------------------------------------------------------

is(value($session, $workers), '0', 'by default there is no worker');
value($writer, 'ALTER SYSTEM SET vvault.cache_warm = on');
value($writer, 'SELECT pg_reload_conf()');

# Misses until it is there: the setting reaches a session with some delay, and a
# worker that ended is started again only after a while.
my $miss = 1000;

sub worker_started
{
	return eventually(sub {
		value($session, "SELECT vvault_trending('PL', " . $miss++ . ')');
		value($session, $workers) == 1;
	});
}
ok(worker_started(), 'turned on, the first to miss starts it');

my @hot = (q(vvault_trending('PL', 4)), q(vvault_trending('SE', 4, 'newest')), q(vvault_video('v2')), 'vvault_regions()', 'vvault_analytics(7)');
for my $write (
	q(UPDATE vvault.videos SET views = views + 100 WHERE region = 'PL'),
	q(BEGIN; INSERT INTO vvault.videos (region, video_id, views) VALUES ('PL', 'new', 99), ('SE', 'new', 98); COMMIT),
	q(SELECT vvault_set('page_limit', '3')),
	q(BEGIN; SAVEPOINT a; DELETE FROM vvault.videos WHERE video_id = 'v3'; RELEASE a; COMMIT))
{
	# hot is what was read
	value($session, "SELECT $_") for @hot, @hot;
	value($writer, $write);
	ok($node->poll_query_until('postgres', q(SELECT bool_and(fresh) FROM vvault_cache_stats() WHERE hits > 0)),
		"$write: the worker makes anew what was read");
	is(from($_), 'HIT', "$_ is there at once") for @hot;
	is(value($session, "SELECT test.cached(\$\$$_\$\$) = test.computed(\$\$$_\$\$)"), 't', 'and right') for @hot;
}
value($session, "SELECT $_") for @hot, @hot;
value($writer, q(BEGIN; UPDATE vvault.videos SET views = 0));
is(from($_), 'HIT', 'what is not committed is not made') for @hot[ 0, 2 ];
value($writer, 'ROLLBACK');
is(from($_), 'HIT', 'nor what is rolled back') for @hot[ 0, 2 ];
is(value($session, $workers), '1', 'there is one worker');

# an error in a call does not end it
my $pid = value($session, q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'vvault cache warmer'));
value($writer, q(INSERT INTO vvault.regions (region, enabled) VALUES ('SE', false)));
ok($node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM vvault_cache_stats() WHERE region = 'SE')), 'replies of a region that is turned off go');
is(value($session, q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'vvault cache warmer')), $pid, 'the worker stays');
value($writer, 'DELETE FROM vvault.regions');

# killed, it is started again
value($writer, "SELECT pg_terminate_backend($pid)");
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid"), 'it can be terminated');
is(from($hot[0]), 'HIT', 'which leaves the cache alone') if value($session, "SELECT $hot[0]") ne '';

# each database has its own, which does not keep it from being dropped by force
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION vvault CASCADE');
my $other = open_session($node, 'other');
ok(eventually(sub { value($other, "SELECT vvault_trending('PL', " . $miss++ . ')'); value($other, q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'vvault cache warmer' AND datname = 'other')) == 1 }),
	'another database has another one');
value($other, q(SELECT vvault_trending('PL', 3)));
value($other, q(SELECT vvault_trending('PL', 3)));
value($other, q(INSERT INTO vvault.videos (region, video_id) VALUES ('PL', 'o')));
ok($node->poll_query_until('other', q(SELECT bool_and(fresh) FROM vvault_cache_stats() WHERE hits > 0)), 'that makes its replies anew');
ok(worker_started_in('postgres'), 'the first is started again');

# alone in its database, it is what the figures grow by
value($writer, 'ALTER SYSTEM SET autovacuum = off');
value($writer, 'SELECT pg_reload_conf()');
$other->quit;
ok($node->poll_query_until('postgres', q(SELECT array_agg(backend_type) = '{vvault cache warmer}' FROM pg_stat_activity WHERE datname = 'other')), 'it is alone');
my $commits = value($session, q(SELECT xact_commit FROM pg_stat_database WHERE datname = 'other'));
ok($node->poll_query_until('postgres', "SELECT xact_commit > $commits + 1 FROM pg_stat_database WHERE datname = 'other'"),
	"and tells the server's statistics of its work as it goes");
value($writer, 'ALTER SYSTEM RESET autovacuum');
value($writer, 'SELECT pg_reload_conf()');
$node->safe_psql('other', 'DROP EXTENSION vvault');
ok($node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vvault cache warmer' AND datname = 'other')),
	'where the extension is dropped the worker ends');
$node->safe_psql('postgres', 'DROP DATABASE other WITH (FORCE)');

sub worker_started_in
{
	my ($db) = @_;

	return eventually(sub {
		value($session, "SELECT vvault_trending('PL', " . $miss++ . ')');
		value($session, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'vvault cache warmer' AND datname = '$db'") == 1;
	});
}

# turned off, it ends
value($writer, 'ALTER SYSTEM RESET vvault.cache_warm');
value($writer, 'SELECT pg_reload_conf()');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM ($workers) x (n) WHERE n > 0"), 'turned off, it ends');

# a server with no room for workers works without
value($writer, 'ALTER SYSTEM SET max_worker_processes = 0');
value($writer, 'ALTER SYSTEM SET vvault.cache_warm = on');
$_->quit for $session, $writer;
$node->restart;
is($node->safe_psql('postgres', q(SELECT test.x_cache('vvault_regions()') || test.x_cache('vvault_regions()'))), 'MISSHIT', 'without room for it replies are cached all the same');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET max_worker_processes');

# with a worker at work the server stops
$node->restart;
$session = open_session($node, 'postgres');
ok(worker_started_in('postgres'), 'it is started');
$node->stop('fast');
ok(1, 'the server stops with it');
unlike(slurp_file($node->logfile), qr/was terminated by signal|PANIC|TRAP:/, 'nothing crashed');

# ---------------------------------------------------------------------------
# Without preloading
# ---------------------------------------------------------------------------

SKIP:
{
	my $plain = new_node('plain', preload => 0, conf => 'vvault.cache_warm = on');

	$node = $plain;
	$plain->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
	cache_functions($plain, 'postgres');
	if ($plain->safe_psql('postgres', 'SHOW server_version_num') < 170000)
	{
		my (undef, undef, $err) = $plain->psql('postgres', "\\set VERBOSITY verbose\nSELECT vvault_cache_warm()");

		like($err, qr/55000/, 'without preloading there is nothing to warm');
		is($plain->safe_psql('postgres', "SELECT vvault_regions() IS NOT NULL; $workers"), "t\n0", 'and no worker');
		$plain->stop;
		skip 'before 17 there is no cache without preloading', 1;
	}
	$session = open_session($plain, 'postgres');
	ok(worker_started_in('postgres'), 'without preloading it is started too');
	value($session, q(SELECT vvault_trending('PL', 3)));
	value($session, q(SELECT vvault_trending('PL', 3)));
	value($session, q(INSERT INTO vvault.videos (region, video_id) VALUES ('PL', 'o')));
	ok($plain->poll_query_until('postgres', q(SELECT bool_and(fresh) FROM vvault_cache_stats() WHERE hits > 0)), 'and makes replies anew');
	$session->quit;
	$plain->stop;
}
done_testing();
