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

my $most = 50;

my $node = new_node('flight', conf => 'max_connections = ' . ($most + 20));
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vvault CASCADE;
INSERT INTO vvault.videos (region, video_id, views) SELECT r, 'v' || n, n FROM unnest('{PL,SE}'::text[]) r, generate_series(1, 9) n;
SQL
cache_functions($node, 'postgres');

my $lock = open_session($node, 'postgres');
my $watch = open_session($node, 'postgres');

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
		ELSE wait_event_type = 'Extension' AND state = 'active' END
SQL
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

# They meet at an advisory lock, so that all of them ask at once. Who waits for a
# reply does so for a second, and makes it for himself then: where the machine is
# too slow for so many, fewer and fewer of them ask.
my $script = PostgreSQL::Test::Utils::tempdir() . '/flight.sql';
append_to_file($script, <<'SQL');
SELECT pg_advisory_xact_lock_shared(1);
SELECT 'flight' AS flight, vvault_trending('PL', :size);
SQL

my $all_waited = 0;
my $round = 0;
for my $clients (map { ($_) x 3 } $most, 20, 8, (3) x 10)
{
	$round++;
	my ($out, $err) = ('', '');
	my $before = cache_counters($node, 'postgres');

	hold();
	$lock->query('SELECT pg_advisory_lock(1)');
	my $run = IPC::Run::start(
		[ 'pgbench', '-n', '-c', $clients, '-t', 1, '-D', "size=" . (100 + $round), '-f', $script, $node->connstr('postgres') ],
		'<', '/dev/null', '>', \$out, '2>', \$err);
	ok(eventually(sub { value($watch, q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)) == $clients }),
		"round $round: $clients sessions are ready");
	$lock->query('SELECT pg_advisory_unlock(1)');
	ok(eventually(sub { waiting('table') + waiting('reply') == $clients }), 'they all have asked');
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

# Starts a builder and some who wait for it, lets something happen to the builder,
# and says what the others get, or nothing where they did not all wait for it until
# then: they wait for a second, and what happens by itself does so after $ms.
sub try_to_interrupt
{
	my ($size, $interrupt, $ms, %how) = @_;
	my $call = "vvault_trending('PL', $size)";
	my $builder = open_session($node, 'postgres');
	my @others = map { open_session($node, 'postgres') } 1 .. 4;
	my $before = cache_counters($node, 'postgres');
	my $pid = value($builder, 'SELECT pg_backend_pid()');
	my $is_active = "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND state = 'active'";
	my $is_over = "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND state <> 'active' AND query LIKE '%flight%'";
	my %seen = (expected => value($watch, "SELECT test.computed(\$\$$call\$\$)"));

	hold();
	$builder->query($how{first} =~ s/MS/$ms/r) if $how{first};
	$builder->send(($how{builder} // 'SELECT CALL -- flight') =~ s/CALL/$call/r);
	eventually(sub { waiting('table') == 1 || value($watch, $is_over) == 1 });
	$_->send("SELECT $call -- flight") for @others;
	eventually(sub { waiting('table') + waiting('reply') == 5 || value($watch, $is_over) == 1 });
	$seen{all_asked} = waiting('table') == 1 && waiting('reply') == 4;
	$interrupt->($pid);
	# one of the others takes over
	$seen{ended} = eventually(sub { value($watch, $is_active) == 0 });
	release();
	$seen{replies} = join ' ', map { ($_->wait())[0] eq $seen{expected} ? 'right' : 'wrong' } @others;
	eval { $builder->wait() };
	$seen{counted} = difference($before);
	$before = cache_counters($node, 'postgres');
	$seen{later} = value($watch, "SELECT test.x_cache(\$\$$call\$\$)");
	$seen{counted_later} = difference($before);
	$_->quit for @others, $builder;
	return $seen{all_asked} && $seen{counted}{bypass_busy} == 0 ? \%seen : undef;
}

my $size = 1000;

sub interrupted
{
	my ($label, $interrupt, %how) = @_;
	my $seen;

	for my $ms ((map { 300 * 2**($_ / 2) } 0 .. 8) x 3)
	{
		last if $seen = try_to_interrupt(++$size, $interrupt, int $ms, %how);
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($seen, "$label: one makes it, others ask for it") or return;
	ok($seen->{ended}, 'it ends');
	is($seen->{replies}, 'right right right right', 'all others get the reply');
	is($seen->{counted}{published}, 1, 'which is published once');
	is($seen->{later}, 'HIT', 'for all who come later');
	is($seen->{counted_later}{bypass_busy}, 0, 'nobody is said to make it still');
	return;
}

interrupted('killed by pg_terminate_backend()', sub { value($watch, "SELECT pg_terminate_backend($_[0])") });
interrupted('its query canceled', sub { value($watch, "SELECT pg_cancel_backend($_[0])") });
interrupted('timed out', sub { }, first => q(SET statement_timeout = 'MSms'));
interrupted('timed out on the lock', sub { }, first => q(SET lock_timeout = 'MSms'));
interrupted('canceled and caught in a subtransaction', sub { }, first => q(SET lock_timeout = 'MSms'),
	builder => q(DO $$ BEGIN PERFORM CALL; EXCEPTION WHEN lock_not_available THEN PERFORM 'flight'; END $$));
interrupted('canceled inside a savepoint', sub { }, first => q(SET lock_timeout = 'MSms'; BEGIN; SAVEPOINT s));

# the waiting may be killed too
{
	my $call = q(vvault_trending('PL', 301));
	my ($builder, @others) = map { open_session($node, 'postgres') } 1 .. 4;
	my @pids = map { value($_, 'SELECT pg_backend_pid()') } @others;

	hold();
	$builder->send("SELECT $call -- flight");
	ok(eventually(sub { waiting('table') == 1 }), 'one makes it');
	$_->send("SELECT $call -- flight") for @others;
	ok(eventually(sub { waiting('table') + waiting('reply') == 4 }), 'others ask for it');
	value($watch, "SELECT pg_terminate_backend($pids[0]), pg_cancel_backend($pids[1])");
	ok(eventually(sub { waiting('table') + waiting('reply') == 2 }), 'a session that waits can be terminated, and one canceled');
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
	ok(eventually(sub { waiting('table') == 1 }), 'one makes the reply for now');
	$before = cache_counters($node, 'postgres');
	$old->send("SELECT $call -- flight");
	ok(eventually(sub { waiting('table') == 2 }), 'another one comes, for a snapshot from before');
	is(difference($before)->{waits}, 0, 'which does not wait for that');
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
	ok(eventually(sub { waiting('table') == @sessions }), "$call: all make it at once");
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
	ok(eventually(sub { waiting('table') == 1 }), 'one makes it');
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
