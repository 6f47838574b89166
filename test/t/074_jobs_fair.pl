#
# 074_jobs_fair.pl
#		Owners take turns however many jobs each has waiting, by their weights,
#		and what was cancelled leaves no debt; workers that wait hold no snapshot
#		and keep vacuum from nothing, and each job wakes one of them.
#
# VVAULT_FAIR_JOBS=n gives the first owner n jobs (default 20000; the whole form
# is 100000), VVAULT_FAIR_WAITERS=n lets n workers wait (30; 100), for
# VVAULT_FAIR_SECONDS=n seconds (3; 300).
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use DBI ();
use List::Util qw(max);
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use VVaultTest;

my $njobs = $ENV{VVAULT_FAIR_JOBS} // 20_000;
my $nwaiters = $ENV{VVAULT_FAIR_WAITERS} // 30;
my $nseconds = $ENV{VVAULT_FAIR_SECONDS} // 3;
my @children;

END { kill 9, @children; }

note "VVAULT_FAIR_JOBS=$njobs VVAULT_FAIR_WAITERS=$nwaiters VVAULT_FAIR_SECONDS=$nseconds";

my $node = new_node('fair', conf => "max_connections = @{[ $nwaiters + 30 ]}\nautovacuum = off\n");
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION vvault_stream CASCADE;
UPDATE vvault_stream.schedules SET enabled = false;
-- what has begun stays begun for as long as the test runs
ALTER TABLE vvault_stream.job_kinds ALTER lease_seconds SET DEFAULT 20000;
INSERT INTO vvault_stream.job_kinds (kind) VALUES ('many'), ('weighed'), ('idle');
INSERT INTO vvault_stream.job_limits (kind, owner_id, weight) VALUES ('weighed', 'heavy', 3);
EOF

sub session
{
	return DBI->connect('dbi:Pg:' . $node->connstr('postgres'), '', '', { RaiseError => 1, PrintError => 0, AutoCommit => 1 });
}

my $db = session();

# Whose jobs are given out next, by so many workers that take one and keep it.
sub starts
{
	my ($kind, $n) = @_;

	return map { $_->[0] } map { @{ $db->selectall_arrayref(q(SELECT j ->> 'owner_id' FROM json_array_elements(vvault_dequeue('w', ?::text[])) j), undef, "{$kind}") } } 1 .. $n;
}

sub put
{
	my ($kind, $owner, $n) = @_;

	$db->do(<<'SQL', undef, $kind, $owner, $_, $n) for map { $_ * 1000 } 0 .. ($n - 1) / 1000;
SELECT vvault_enqueue_many((SELECT json_agg(json_build_object('kind', $1::text, 'owner_id', $2::text))
	FROM generate_series($3::int, least($3::int + 1000, $4::int) - 1))) IS NOT NULL
SQL
	return;
}

# ---------------------------------------------------------------------------
# Turns
# ---------------------------------------------------------------------------

my $nworkers = 8;

put('many', 'anna', $njobs);
is($db->selectrow_array(q(SELECT count(*) FROM vvault_stream.jobs WHERE kind = 'many' AND state = 'r')), $njobs, "one owner has $njobs jobs ready");
starts('many', $nworkers);
put('many', 'ben', 1);
my @next = starts('many', $nworkers + 1);
ok((grep { $_ eq 'ben' } @next) == 1, 'the job of another one starts within workers + 1 starts');
put('many', 'cleo', 20);
@next = starts('many', 30);
cmp_ok(abs((grep { $_ eq 'cleo' } @next) - (grep { $_ eq 'anna' } @next)), '<=', 1, 'they take turns');

# what was cancelled counts for nothing
put('many', 'dora', 500);
$db->do(q(SELECT count(vvault_cancel_job(job_id)) FROM vvault_stream.jobs WHERE kind = 'many' AND owner_id = 'dora'));
put('many', 'dora', 10);
put('many', 'emil', 10);
starts('many', 10);    # what cleo still has
@next = grep { /dora|emil/ } starts('many', 30);
cmp_ok(abs((grep { $_ eq 'dora' } @next) - (grep { $_ eq 'emil' } @next)), '<=', 1, 'who cancelled five hundred jobs stands where one stands who never had any');

# weights
put('weighed', 'heavy', 3000);
put('weighed', 'light', 3000);
@next = starts('weighed', 1000);
my $ratio = (grep { $_ eq 'heavy' } @next) / (grep { $_ eq 'light' } @next);
cmp_ok(abs($ratio / 3 - 1), '<=', 0.05, sprintf('a weight of 3 has 3 times the share: %.3f', $ratio));

# a cost is a share as well
$db->do(q(INSERT INTO vvault_stream.job_kinds (kind) VALUES ('dear')));
for my $owner ('dear', 'cheap')
{
	$db->do(q(SELECT vvault_enqueue_many((SELECT json_agg(json_build_object('kind', 'dear', 'owner_id', $1::text, 'cost', $2::int)) FROM generate_series(1, 500)))),
		undef, $owner, $owner eq 'dear' ? 2000 : 1000);
}
@next = starts('dear', 300);
$ratio = (grep { $_ eq 'cheap' } @next) / (grep { $_ eq 'dear' } @next);
cmp_ok(abs($ratio / 2 - 1), '<=', 0.05, sprintf('who asks for twice as much in each job has half as many: %.3f', $ratio));

# ---------------------------------------------------------------------------
# Waiting
# ---------------------------------------------------------------------------

sub wait_for_ever
{
	my $waiter = session();

	while (1)
	{
		$waiter->do(q(CALL vvault_wait_for_jobs('{idle}', 600)));
		my ($jobs) = $waiter->selectrow_array(q(SELECT vvault_dequeue('w', '{idle}')));
		$waiter->do(q(SELECT vvault_complete((j ->> 'job_id')::bigint, (j ->> 'lease')::uuid) FROM json_array_elements(?) j), undef, $jobs) if $jobs ne '[]';
	}
	return;
}

$db->disconnect;
for (1 .. $nwaiters)
{
	my $pid = fork // die "fork: $!";

	if ($pid == 0)
	{
		@children = ();
		eval { wait_for_ever() };
		POSIX::_exit(1);
	}
	push @children, $pid;
}
$db = session();
my $waiting = q(FROM pg_stat_activity WHERE query LIKE 'CALL vvault_wait%' AND pid <> pg_backend_pid());
ok($node->poll_query_until('postgres', "SELECT count(*) = $nwaiters $waiting AND wait_event_type = 'Extension' AND wait_event IN ('Extension', 'VvaultJob')"), "$nwaiters workers wait");

# How many rows that are dead now vacuum leaves. Whoever looks for a job at that
# moment keeps some from it, but not from the next one.
sub left_by_vacuum
{
	my $left;

	$db->do(q(SELECT vvault_enqueue('many', owner_id => 'late') FROM generate_series(1, 200)));
	$db->do(q(SELECT vvault_cancel_job(job_id) FROM vvault_stream.jobs WHERE owner_id = 'late'));
	local $db->{PrintWarn} = 1;
	$db->do('SET client_min_messages = info');
	for (1 .. 5 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my $said = '';
		local $SIG{__WARN__} = sub { $said .= join '', @_ };

		$db->do('VACUUM (VERBOSE) vvault_stream.jobs');
		$left = max($said =~ /(\d+) are dead but not yet removable/g);
		last if !$left;
		sleep 0.2;
	}
	$db->do('SET client_min_messages = warning');
	return $left;
}

# How many sleep with a snapshot. pg_stat_activity reads the snapshot of a backend
# before what that waits for: so who has one is looked at again, a while later.
sub holders
{
	my @held;

	for (1 .. 3)
	{
		my $pids = join(',', @held) || 'pid';

		@held = map { $_->[0] } @{ $db->selectall_arrayref(<<"SQL") } or last;
SELECT pid $waiting AND wait_event_type = 'Extension' AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND pid IN ($pids)
SQL
		sleep 0.3;
	}
	return scalar @held;
}

# Looks at who waits, while a job comes in now and then.
my ($looks, $held, @left, @jobs) = (0, 0);
my $until = time + $nseconds;
while (time < $until || $looks < 10)
{
	sleep 0.3;
	$looks++;
	$held += holders();
	next if $looks % 4;
	push @jobs, $db->selectrow_array(q(SELECT vvault_enqueue('idle', '{"alone": 1}') ->> 'job_id'));
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM vvault_stream.finished_jobs WHERE job_id = $jobs[-1]") or last;
	next if $looks % 8;
	push @left, left_by_vacuum();
}
is($held, 0, 'none of them has a snapshot');
is(join(' ', @left), join(' ', (0) x @left), 'and vacuum takes every dead row');
note sprintf '%d looks, %d vacuums', $looks, scalar @left;

# What comes in is taken by those who are woken.
$db->do(q(SELECT vvault_enqueue('idle') FROM generate_series(1, 20)));
ok($node->poll_query_until('postgres', q(SELECT count(*) = 20 FROM vvault_stream.finished_jobs WHERE kind = 'idle' AND args ->> 'alone' IS NULL)), 'what comes in is taken and done');
is($db->selectrow_array(q(SELECT count(*) FROM vvault_stream.finished_jobs WHERE kind = 'idle' AND attempt <> 1)), 0, 'each once');
for (1 .. 40)
{
	sleep 0.05;
	$db->do(q(SELECT vvault_enqueue('idle', '{"alone": 1}')));
}
$node->poll_query_until('postgres', "SELECT count(*) = 60 + @{[ scalar @jobs ]} FROM vvault_stream.finished_jobs WHERE kind = 'idle'");
note sprintf 'from a job\'s coming in to its being taken: %.1f ms (median), %.1f ms (the longest)', $db->selectrow_array(<<'SQL');
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), max(ms)
FROM (SELECT 1000 * extract(epoch FROM started_at - created_at)::float8 FROM vvault_stream.finished_jobs WHERE args ->> 'alone' = '1') q (ms)
SQL

kill 9, @children;
waitpid $_, 0 for @children;
@children = ();

# Nothing to do is waited for: a wait without a job lasts as long as was asked.
my ($waited) = $db->selectrow_array('SELECT clock_timestamp()');
$db->do(q(CALL vvault_wait_for_jobs('{idle}', 1.5)));
is($db->selectrow_array('SELECT clock_timestamp() - ?::timestamptz >= $$1.5 seconds$$::interval', undef, $waited), 1, 'a wait without a job does not end before its time');

$db->disconnect;
$node->stop;
done_testing();
