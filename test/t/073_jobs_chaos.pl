#
# 073_jobs_chaos.pl
#		Workers that are killed, a server that is killed, and jobs that need
#		others: each job is finished, once.
#
# VVAULT_CHAOS_JOBS=n makes n jobs (default 1500), VVAULT_CHAOS_WORKERS=n has
# them done by n workers (12); the whole form is 10000 and 32.  Where they are
# done before all has been killed that is to be, more come in.
#
# make check: early
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use DBI ();
use JSON::PP ();
use List::Util qw(max min);
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use VVaultTest;

my $njobs = $ENV{VVAULT_CHAOS_JOBS} // 1500;
my $nworkers = $ENV{VVAULT_CHAOS_WORKERS} // 12;
my $seed = $ENV{VVAULT_SEED} // 1;
my %worker;

note "VVAULT_CHAOS_JOBS=$njobs VVAULT_CHAOS_WORKERS=$nworkers VVAULT_SEED=$seed";
srand($seed);

END { kill 9, keys %worker; }

my $node = new_node('chaos', conf => "max_connections = @{[ $nworkers + 20 ]}\nrestart_after_crash = on\n");
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION vvault_stream CASCADE;
CREATE ROLE worker LOGIN;
SELECT vvault_stream_grant('worker', 'worker');
CREATE SCHEMA chaos;
-- what done functions saw: a job that is done twice is here twice
CREATE TABLE chaos.done (job_id bigint, n int, at bigint GENERATED ALWAYS AS IDENTITY);
CREATE FUNCTION chaos.done(job json, result json) RETURNS void LANGUAGE sql AS $$
	INSERT INTO chaos.done (job_id, n) VALUES ((job ->> 'job_id')::bigint, (result ->> 'n')::int) $$;
INSERT INTO vvault_stream.job_kinds (kind, lease_seconds, max_attempts, retry_seconds, retry_most_seconds, done_schema, done_function, owner_running_limit)
VALUES ('plain', 2, 1000, 0.1, 0.2, NULL, NULL, NULL), ('noted', 2, 1000, 0.1, 0.2, 'chaos', 'done', NULL), ('limited', 2, 1000, 0.1, 0.2, NULL, NULL, 4);
EOF

# Some more jobs, in batches of 50: each needs some of those before it in the
# batch, and some of another batch.
my @ids;

sub make_jobs
{
	my ($more) = @_;
	my $json = JSON::PP->new;
	my $all = @ids + $more;

	while (@ids < $all)
	{
		my $n = min(50, $all - @ids);
		my @batch = map {
			my $i = $_;
			my %after = map { int(rand $i) => 1 } $i && rand() < 0.6 ? 1 .. 1 + int rand 3 : ();
			{
				kind => (qw(plain plain noted limited))[ rand 4 ],
				args => { n => $i },
				owner_id => (qw(anna ben cleo))[ rand 3 ],
				priority => int rand 2,
				(%after ? (after => [ map { 0 + $_ } sort keys %after ]) : ()),
				(@ids && rand() < 0.2 ? (needs => [ $ids[ rand @ids ] ]) : ())
			}
		} 0 .. $n - 1;
		my $jobs = $json->encode(\@batch);
		my $reply = $node->safe_psql('postgres', <<"SQL");
SELECT string_agg(r ->> 'job_id', ' ' ORDER BY n) FROM json_array_elements(vvault_enqueue_many(\$json\$$jobs\$json\$)) WITH ORDINALITY a (r, n)
SQL
		push @ids, map { 0 + $_ } split / /, $reply;
	}
	return;
}

make_jobs($njobs);
is($node->safe_psql('postgres', 'SELECT count(*) FROM vvault_stream.jobs'), $njobs, "$njobs jobs came in");
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM vvault_stream.job_needs'), '>', $njobs / 2, 'with needs');

# A worker takes some, works on them for a moment, ends them one by one or all at
# once, gives some back and lets some fail. Whatever befalls it, it connects anew.
sub work
{
	my ($number) = @_;
	my $db = DBI->connect('dbi:Pg:' . $node->connstr('postgres'), 'worker', '', { RaiseError => 1, PrintError => 0 });

	my $jobs;

	while (1)
	{
		$jobs //= $db->selectall_arrayref(<<'SQL', undef, "worker $number", 1 + int rand 8);
SELECT (j ->> 'job_id')::bigint, j ->> 'lease', j -> 'args' ->> 'n' FROM json_array_elements(vvault_dequeue(?, '{plain,noted,limited}', ?)) j
SQL
		my @mine = @$jobs;

		$jobs = undef;
		sleep rand 0.01;
		if (!@mine)
		{
			$db->do(q(CALL vvault_wait_for_jobs('{plain,noted,limited}', 1)));
		}
		elsif (rand() < 0.5)
		{
			$db->do('SELECT vvault_complete_many(?)', undef,
				'[' . join(',', map { qq({"job_id":$_->[0],"lease":"$_->[1]","result":{"n":$_->[2]}}) } @mine) . ']');
		}
		elsif (@mine == 1)
		{
			$jobs = eval { $db->selectall_arrayref(<<'SQL', undef, @{ $mine[0] }[ 0, 1 ], qq({"n":$mine[0][2]}), "worker $number") } or ($db->state eq 'PT409' or die $@);
SELECT (j ->> 'job_id')::bigint, j ->> 'lease', j -> 'args' ->> 'n'
FROM json_array_elements(vvault_complete_and_dequeue(?, ?, ?, ?, '{plain,noted,limited}', 2) -> 'jobs') j
SQL
		}
		else
		{
			for my $job (@mine)
			{
				my $what = rand;

				eval {
					  $what < 0.03 ? $db->do('SELECT vvault_fail(?, ?, ?, 0.1)', undef, @$job[ 0, 1 ], 'no')
					: $what < 0.06 ? $db->do('SELECT vvault_fail(?, ?)', undef, @$job[ 0, 1 ])
					: $db->do('SELECT vvault_complete(?, ?, ?)', undef, @$job[ 0, 1 ], qq({"n":$job->[2]}));
					1;
				} or ($db->state eq 'PT409' or die $@);
			}
		}
	}
	return;
}

sub start_worker
{
	my ($number) = @_;
	my $pid = fork // die "fork: $!";

	if ($pid == 0)
	{
		srand($seed * 1000 + $number * 7 + $$);
		while (1)
		{
			eval { work($number) };
			sleep 0.1;
		}
	}
	$worker{$pid} = $number;
	return;
}

start_worker($_) for 1 .. $nworkers;

# Once a second some of them are killed, three times the postmaster is. Each
# time a third of what is left has been done, or some seconds have passed.
my ($killed, $crashes, $begun) = (0, 0, time);
my $db;
my $last = $begun;

sub left
{
	return eval {
		$db //= DBI->connect('dbi:Pg:' . $node->connstr('postgres'), undef, undef, { RaiseError => 1, PrintError => 0 });
		($db->selectrow_array('SELECT count(*) FROM vvault_stream.jobs'))[0];
	} // do { undef $db; scalar @ids };
}

my $patience = $PostgreSQL::Test::Utils::timeout_default * 4 + $njobs / 20;
while (time - $begun < $patience)
{
	my $left = left();
	my $enough = $crashes == 3 && $killed;

	last if $enough && !$left;
	make_jobs($njobs / 5) if !$enough && $left < $njobs / 10;
	sleep 0.2;
	if (time - $last >= 1)
	{
		$last = time;
		for my $pid ((sort keys %worker)[ map { int rand keys %worker } 1 .. max(1, $nworkers / 8) ])
		{
			my $number = delete $worker{$pid} // next;

			kill 9, $pid;
			waitpid $pid, 0;
			$killed++;
			start_worker($number);
		}
	}
	if ($crashes < 3 && $left < $njobs * (3 - $crashes) / 4 + $njobs / 8)
	{
		undef $db;
		$crashes++;
		kill 'KILL', slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
		ok(start_again($node), "the postmaster is killed, and the server started again ($left jobs are left)");
	}
}
kill 9, keys %worker;
waitpid $_, 0 for keys %worker;
%worker = ();

note sprintf '%d workers and %d postmasters were killed in %.0f s, with %d jobs', $killed, $crashes, time - $begun, scalar @ids;
is($crashes, 3, 'the postmaster was killed three times');
cmp_ok($killed, '>=', 1, 'and workers');
is($node->safe_psql('postgres', 'SELECT count(*) FROM vvault_stream.jobs'), '0', 'no job is left');
is($node->safe_psql('postgres', 'SELECT count(*) FROM vvault_stream.job_needs'), '0', 'and no need');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT job_id), count(*) FILTER (WHERE cancelled) FROM vvault_stream.finished_jobs'),
	scalar(@ids) . '|' . scalar(@ids) . '|0', 'each is finished, once');
is($node->safe_psql('postgres', q(SELECT count(*) FROM vvault_stream.finished_jobs f WHERE (result ->> 'n') IS DISTINCT FROM (args ->> 'n'))), '0', 'with its own result');
is($node->safe_psql('postgres', q(SELECT count(*) - count(DISTINCT job_id), count(*) - (SELECT count(*) FROM vvault_stream.finished_jobs WHERE kind = 'noted') FROM chaos.done)),
	'0|0', 'and its done function was done once');
is($node->safe_psql('postgres', <<'EOF'), '0', 'nothing began before what it needs was finished');
SELECT count(*) FROM vvault_stream.finished_jobs f, unnest(f.needs) n JOIN vvault_stream.finished_jobs b ON b.job_id = n
WHERE f.started_at < b.finished_at
EOF
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM vvault_stream.finished_jobs WHERE attempt > 1'), '>', 0, 'some were taken more than once');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal (6|11)|deadlock detected/, 'the server fell only when it was killed, and no worker waited for ever');
$node->stop;
done_testing();
