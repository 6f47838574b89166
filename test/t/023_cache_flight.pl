#
# 023_cache_flight.pl
#		A reply that many miss at once is made once, and whatever happens to the
#		one who makes it, nobody is left waiting.
#
# Making a reply takes as long as this test wants: another session holds a lock
# on vvault.video_regions, which each feed reads.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $clients = 50;
my $rounds = 5;

my $node = new_node('flight', conf => 'max_connections = ' . ($clients + 20));
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vvault CASCADE;
INSERT INTO vvault.videos (region, video_id, views) SELECT r, 'v' || n, n FROM unnest('{PL,SE}'::text[]) r, generate_series(1, 9) n;
SQL
cache_functions($node, 'postgres');

my $lock = open_session($node, 'postgres');
my $watch = open_session($node, 'postgres');

sub value
{
	my ($session, $sql) = @_;
	my ($out, $err) = $session->query($sql);

	return $err eq '' ? $out : $err;
}

sub hold { $lock->query('BEGIN; LOCK TABLE vvault.video_regions IN ACCESS EXCLUSIVE MODE'); return; }
sub release { $lock->query('COMMIT'); return; }

# Sessions by what they wait for: the table, or one who makes a reply. So that
# they all can be there at once, what they run says "flight".
sub waiting
{
	my ($for) = @_;

	return value($watch, <<"SQL");
SELECT count(*) FROM pg_stat_activity
WHERE query LIKE '%flight%' AND pid <> pg_backend_pid()
	AND CASE '$for' WHEN 'table' THEN wait_event_type = 'Lock' AND wait_event = 'relation'
		WHEN 'advisory' THEN wait_event_type = 'Lock' AND wait_event = 'advisory'
		ELSE wait_event_type NOT IN ('Lock', 'Client') AND state = 'active' END
SQL
}

sub wait_until
{
	my ($condition) = @_;

	for (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if $condition->();
		select(undef, undef, undef, 0.01);
	}
	return 0;
}

sub difference
{
	my ($before) = @_;
	my $after = cache_counters($node, 'postgres');

	return { map { $_ => $after->{$_} - $before->{$_} } keys %$after };
}

# ---------------------------------------------------------------------------
# Fifty at once
# ---------------------------------------------------------------------------

# They meet at an advisory lock, so that all of them ask at once.
my $script = PostgreSQL::Test::Utils::tempdir() . '/flight.sql';
append_to_file($script, <<'SQL');
SELECT pg_advisory_xact_lock_shared(1);
SELECT 'flight' AS flight, vvault_trending('PL', :size);
SQL

my $all_waited = 0;
for my $round (1 .. $rounds)
{
	my ($out, $err) = ('', '');
	my $before = cache_counters($node, 'postgres');

	hold();
	$lock->query('SELECT pg_advisory_lock(1)');
	my $run = IPC::Run::start(
		[ 'pgbench', '-n', '-c', $clients, '-t', 1, '-D', "size=" . (100 + $round), '-f', $script, $node->connstr('postgres') ],
		'<', '/dev/null', '>', \$out, '2>', \$err);
	ok(wait_until(sub { value($watch, q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)) == $clients }),
		"round $round: $clients sessions are ready");
	$lock->query('SELECT pg_advisory_unlock(1)');
	ok(wait_until(sub { waiting('table') + waiting('reply') == $clients }), 'they all have asked');
	release();
	ok($run->finish, 'and all get an answer') or diag($err);
	like($out, qr/processed: $clients\/$clients$/m, 'without an error');

	my $n = difference($before);
	is($n->{published}, 1, 'it was made for all of them once');
	is($n->{misses}, $clients, 'each of them missed it');
	# on a slow machine some stop to wait and make it for themselves
	is($n->{waits} + $n->{bypass_busy}, $clients - 1, 'and all but one waited');
	is($n->{hits}, $n->{waits}, 'those who did took it from the cache');
	$all_waited++ if $n->{waits} == $clients - 1;
	last if $all_waited;
}
ok($all_waited, 'it was made by nobody else');
is(value($watch, q(SELECT test.cached(c) = test.computed(c) FROM (SELECT $$vvault_trending('PL', 101)$$) x (c))), 't', 'it is right');

# ---------------------------------------------------------------------------
# What may happen to the one who makes it
# ---------------------------------------------------------------------------

# Starts a builder and some who wait for it, lets something happen to the
# builder, and looks at what the others get.
sub interrupted
{
	my ($label, $size, $interrupt, %how) = @_;
	my $call = "vvault_trending('PL', $size)";
	my $expected = value($watch, "SELECT test.computed(\$\$$call\$\$)");
	my $builder = open_session($node, 'postgres');
	my @others = map { open_session($node, 'postgres') } 1 .. 4;
	my $before = cache_counters($node, 'postgres');
	my $pid = value($builder, 'SELECT pg_backend_pid()');

	hold();
	$builder->query($how{first}) if $how{first};
	$builder->send($how{builder} // "SELECT $call -- flight");
	ok(wait_until(sub { waiting('table') == 1 }), "$label: one makes it");
	$_->send("SELECT $call -- flight") for @others;
	ok(wait_until(sub { waiting('table') + waiting('reply') == 5 }), 'others ask for it');
	$interrupt->($pid);
	# one of the others takes over
	ok(wait_until(sub { value($watch, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND state = 'active'") == 0 }), 'it ends');
	release();
	is(join(' ', map { ($_->wait())[0] eq $expected ? 'right' : 'wrong' } @others), 'right right right right', 'all others get the reply');
	eval { $builder->wait() };

	my $n = difference($before);
	is($n->{published}, 1, 'which is published once');
	$before = cache_counters($node, 'postgres');
	is(value($watch, "SELECT test.x_cache(\$\$$call\$\$)"), 'HIT', 'for all who come later');
	is(difference($before)->{bypass_busy}, 0, 'nobody is said to make it still');
	$_->quit for @others, $builder;
	return;
}

interrupted('killed by pg_terminate_backend()', 201, sub { value($watch, "SELECT pg_terminate_backend($_[0])") });
interrupted('its query canceled', 202, sub { value($watch, "SELECT pg_cancel_backend($_[0])") });
interrupted('timed out', 203, sub { }, first => q(SET statement_timeout = '300ms'));
interrupted('timed out on the lock', 204, sub { }, first => q(SET lock_timeout = '300ms'));
interrupted('canceled and caught in a subtransaction', 205, sub { }, first => q(SET lock_timeout = '300ms'),
	builder => q(DO $$ BEGIN PERFORM vvault_trending('PL', 205); EXCEPTION WHEN lock_not_available THEN PERFORM 'flight'; END $$));
interrupted('canceled inside a savepoint', 206, sub { }, first => q(SET lock_timeout = '300ms'; BEGIN; SAVEPOINT s),
	builder => q(SELECT vvault_trending('PL', 206) -- flight));

# the waiting may be killed too
{
	my $call = q(vvault_trending('PL', 301));
	my ($builder, @others) = map { open_session($node, 'postgres') } 1 .. 4;
	my @pids = map { value($_, 'SELECT pg_backend_pid()') } @others;

	hold();
	$builder->send("SELECT $call -- flight");
	ok(wait_until(sub { waiting('table') == 1 }), 'one makes it');
	$_->send("SELECT $call -- flight") for @others;
	ok(wait_until(sub { waiting('table') + waiting('reply') == 4 }), 'others ask for it');
	value($watch, "SELECT pg_terminate_backend($pids[0]), pg_cancel_backend($pids[1])");
	ok(wait_until(sub { waiting('table') + waiting('reply') == 2 }), 'a session that waits can be terminated, and one canceled');
	release();
	like(($builder->wait())[0], qr/"v9"/, 'the one that makes it goes on');
	like(($others[2]->wait())[0], qr/"v9"/, 'so does who waits');
	is(($others[1]->wait())[0], '', 'the canceled one got none');
	is(value($others[1], "SELECT test.x_cache(\$\$$call\$\$)"), 'HIT', 'but the next time');
	$_->quit for $builder, @others;
}

# ---------------------------------------------------------------------------
# Errors, NULLs, and replies that are no one else's leave nothing behind
# ---------------------------------------------------------------------------

my $before = cache_counters($node, 'postgres');
for my $call (q(vvault_trending('PL', 5, 'views', 'bad')), q(vvault_trending('PL', -1)), q(vvault_trending('PL', 5, 'bad')), q(vvault_analytics(0)))
{
	like(value($_, "SELECT $call"), qr/22023/, "$call is an error") for $watch, $lock, $watch;
}
is(value($_, q(SELECT vvault_video('nobody'))), '', 'no video, no reply') for $watch, $lock, $watch;
my $n = difference($before);
is($n->{replies}, 0, 'errors and NULLs take no room');
is($n->{used}, 0, 'not a byte');
is($n->{bypass_busy}, 0, 'nobody was said to make one');
is($n->{hits}, 0, 'and they are no hits');

# the one state in the making, the other not waited for
{
	my $call = q(vvault_trending('PL', 401));
	my ($old, $builder) = map { open_session($node, 'postgres') } 1 .. 2;

	$old->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
	$lock->query(q(UPDATE vvault.videos SET views = 1000 WHERE video_id = 'v1'));
	hold();
	$builder->send("SELECT $call -- flight");
	ok(wait_until(sub { waiting('table') == 1 }), 'one makes the reply for now');
	$before = cache_counters($node, 'postgres');
	$old->send("SELECT $call -- flight");
	ok(wait_until(sub { waiting('table') + waiting('builder') == 2 }), 'another one comes, for a snapshot from before');
	is(waiting('builder'), '0', 'which does not wait for that');
	release();
	unlike(($old->wait())[0], qr/"views":1000/, 'it gets what it asks for');
	like(($builder->wait())[0], qr/"views":1000/, 'so does the first');
	is(difference($before)->{bypass_busy}, 1, 'as a bypass');
	is(value($old, "SELECT test.cached(\$\$$call\$\$) = test.computed(\$\$$call\$\$)"), 't', 'the old snapshot stays right');
	is(value($watch, "SELECT test.x_cache(\$\$$call\$\$)"), 'HIT', 'and did not push out the new reply');
	$_->quit for $old, $builder;
}

# What cannot be shared is not waited for: a reply of the moment, and one that was
# found to be too large.
$node->safe_psql('postgres', <<'SQL');
INSERT INTO vvault.videos (region, video_id, views, title) SELECT 'US', 'v' || n, n, repeat('x', 2000) FROM generate_series(1, 300) n;
SELECT vvault_set('page_limit', '300'), vvault_set('feed_max_age', '0');
SQL
for my $call (q(vvault_trending('PL', 5, 'trending')), q(vvault_trending('US', 300)))
{
	my @sessions = map { open_session($node, 'postgres') } 1 .. 4;

	$before = cache_counters($node, 'postgres');
	value($watch, "SELECT $call") if $call =~ /US/;
	hold();
	$_->send("SELECT $call -- flight") for @sessions;
	ok(wait_until(sub { waiting('table') == @sessions }), "$call: all make it at once");
	release();
	is(join(' ', map { ($_->wait())[0] =~ /^\{"region":"(?:PL|US)".*\}$/ ? 1 : 0 } @sessions), '1 1 1 1', 'and have it');
	$n = difference($before);
	is($n->{bypass_size}, $call =~ /US/ ? 5 : 0, 'which is counted');
	is($n->{bypass_busy} + $n->{hits} + $n->{published}, 0, 'as what it is');
	is(value($watch, "SELECT test.cached(\$\$$call\$\$) = test.computed(\$\$$call\$\$)"), 't', 'and it is right');
	$_->quit for @sessions;
}
$node->safe_psql('postgres', q(DELETE FROM vvault.videos WHERE region = 'US' AND views > 3));
is(join(' ', map { value($watch, q(SELECT test.x_cache('vvault_trending(''US'', 300)'))) } 1 .. 2), 'MISS HIT', 'shrunk, it is shared again');
$node->safe_psql('postgres', q(SELECT vvault_set('page_limit', NULL), vvault_set('feed_max_age', NULL)));

# vvault_cache_clear() while one is made
{
	my $call = q(vvault_trending('PL', 501));
	my $builder = open_session($node, 'postgres');

	hold();
	$builder->send("SELECT $call -- flight");
	ok(wait_until(sub { waiting('table') == 1 }), 'one makes it');
	ok(value($watch, 'SELECT vvault_cache_clear()') > 0, 'the cache is cleared meanwhile');
	release();
	like(($builder->wait())[0], qr/"v9"/, 'which does no harm');
	is(value($watch, "SELECT test.x_cache(\$\$$call\$\$)"), 'HIT', 'the reply is kept all the same');
	is(value($watch, "SELECT test.cached(\$\$$call\$\$) = test.computed(\$\$$call\$\$)"), 't', 'nor later');
	value($watch, 'SELECT vvault_cache_clear()');
	my $empty = cache_counters($node, 'postgres');
	is("$empty->{replies} $empty->{used}", '0 0', 'cleared again, the cache is empty');
	$builder->quit;
}
$_->quit for $lock, $watch;

$node->stop;
done_testing();
