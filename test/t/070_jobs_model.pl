#
# 070_jobs_model.pl
#		The queue beside a model of it: random calls of several sessions, one
#		at a time, and what a simple program says must come of each. Then the
#		same calls all at once, with what must hold under every snapshot.
#
# VVAULT_SEED=n chooses other random numbers, VVAULT_JOB_STEPS=n makes n calls.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use DBI ();
use List::Util qw(min max shuffle sum0);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX ();
use Storable qw(dclone);
use Test::More;
use Time::HiRes qw(usleep);
use VVaultTest;

my $seed = $ENV{VVAULT_SEED} // 13;
my $steps = $ENV{VVAULT_JOB_STEPS} // 800;
my @owners = ('', 'anna', 'ben');
my $jump = 100_000;    # seconds: after this every lease and delay is over

note "VVAULT_SEED=$seed VVAULT_JOB_STEPS=$steps";
srand($seed);

# without background workers, one of which would run schedules at its own time
my $node = new_node('jobs_model', conf => 'max_worker_processes = 0');
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION vvault_stream CASCADE;
-- no lease ends and no delay is over while the test runs, but when its clock jumps
INSERT INTO vvault_stream.job_kinds (kind, lease_seconds, max_attempts, retry_seconds, retry_most_seconds, running_limit, owner_running_limit)
VALUES ('free', 20000, 3, 20000, 20000, NULL, NULL), ('owned', 20000, 3, 20000, 20000, NULL, 2), ('both', 20000, 2, 20000, 20000, 3, 2);
-- what is shipped is not in the model
UPDATE vvault_stream.schedules SET enabled = false;
SELECT vvault_schedule('each_' || kind, '50000 seconds', kind, first_at => clock_timestamp() + interval '50000 seconds')
FROM unnest('{free,owned,both}'::text[]) kind;
-- what must hold under every snapshot; each row is a fault
CREATE VIEW faults AS
	SELECT 'open and ended' AS fault, j.job_id FROM vvault_stream.jobs j JOIN vvault_stream.finished_jobs f USING (job_id)
	UNION ALL
	SELECT 'needs_left is not what is left', j.job_id FROM vvault_stream.jobs j
	WHERE j.needs_left <> (SELECT count(*) FROM vvault_stream.job_needs n WHERE n.job_id = j.job_id)
	UNION ALL
	SELECT 'waits for nothing, or does not wait', j.job_id FROM vvault_stream.jobs j WHERE (j.state = 'w') <> (j.needs_left > 0)
	UNION ALL
	SELECT 'needs what is not open', n.job_id FROM vvault_stream.job_needs n
	WHERE NOT EXISTS (SELECT FROM vvault_stream.jobs j WHERE j.job_id = n.needs)
		OR NOT EXISTS (SELECT FROM vvault_stream.jobs j WHERE j.job_id = n.job_id)
	UNION ALL
	SELECT 'runs without a lease, or has one', j.job_id FROM vvault_stream.jobs j
	WHERE (j.state = 'x') <> (j.lease_until IS NOT NULL) OR j.state = 'x' AND j.lease IS NULL
	UNION ALL
	SELECT 'has no time to wait for', j.job_id FROM vvault_stream.jobs j
	WHERE j.state IN ('s', 'f') AND j.run_at IS NULL OR j.state IN ('h', 'r', 'x') AND j.run_at IS NOT NULL
	UNION ALL
	SELECT 'more attempts than it has', j.job_id FROM vvault_stream.jobs j WHERE j.attempt > j.max_attempts OR j.attempt < 0
	UNION ALL
	SELECT 'held without a limit', j.job_id FROM vvault_stream.jobs j WHERE j.state = 'h' AND j.kind = 'free'
	UNION ALL
	SELECT 'more run than the owner''s limit lets', max(j.job_id) FROM vvault_stream.jobs j JOIN vvault_stream.job_kinds k USING (kind)
	WHERE j.state = 'x' GROUP BY j.kind, j.owner_id, k.owner_running_limit HAVING count(*) > k.owner_running_limit
	UNION ALL
	SELECT 'more run than the kind''s limit lets', max(j.job_id) FROM vvault_stream.jobs j JOIN vvault_stream.job_kinds k USING (kind)
	WHERE j.state = 'x' GROUP BY j.kind, k.running_limit HAVING count(*) > k.running_limit
	UNION ALL
	SELECT 'a key twice', max(j.job_id) FROM vvault_stream.jobs j WHERE j.job_key IS NOT NULL AND j.started_at IS NULL
	GROUP BY j.kind, j.owner_id, j.job_key HAVING count(*) > 1;
EOF

sub session
{
	return DBI->connect('dbi:Pg:' . $node->connstr('postgres'), '', '',
		{ RaiseError => 1, PrintError => 0, AutoCommit => 1, pg_server_prepare => 1 });
}

my %limit = (free => {}, owned => { owner => 2 }, both => { owner => 2, kind => 3 });
my %attempts = (free => 3, owned => 3, both => 2);

#
# The model: jobs that are open, by number, and what became of the others. A
# job's state is the letter that the table has. due: its lease or delay is over.
#
my %open;
my %ended;
my %due = (each_free => 0, each_owned => 0, each_both => 0);    # schedules whose time has come
my $trouble = 0;
my $step = 0;

sub wrong
{
	my ($what) = @_;

	fail("step $step: $what");
	$trouble = 1;
	return;
}

sub running
{
	my ($kind, $owner) = @_;

	return scalar grep { $_->{kind} eq $kind && $_->{state} eq 'x' && !$_->{due}
		  && (!defined $owner || $_->{owner} eq $owner) } values %open;
}

# What a dequeue of a kind may give out.
sub available
{
	my ($kind) = @_;

	return grep { $_->{kind} eq $kind && ($_->{state} =~ /[rh]/
			|| $_->{due} && ($_->{state} eq 's' || $_->{state} eq 'x' && !$_->{cancelled} && $_->{attempt} < $_->{most})) } values %open;
}

# How many a dequeue gives out.
sub how_many
{
	my ($kind, $n) = @_;
	my %by_owner;

	$by_owner{ $_->{owner} }++ for available($kind);
	my $sum = sum0(map {
		my $room = defined $limit{$kind}{owner} ? max(0, $limit{$kind}{owner} - running($kind, $_)) : 1e9;
		min($by_owner{$_}, $room)
	} keys %by_owner);
	$sum = min($sum, max(0, $limit{$kind}{kind} - running($kind))) if defined $limit{$kind}{kind};
	return min($n, $sum);
}

sub release
{
	my ($id) = @_;

	for my $job (values %open)
	{
		next unless delete $job->{needs}{$id};
		next if %{ $job->{needs} };
		$job->{state} = $job->{delayed} && !$job->{due} ? 's' : 'r';
	}
	return;
}

# A job and all that needs it.
sub cancelled_with
{
	my ($id) = @_;
	my %with = ($id => 1);
	my $n = 0;

	while ($n != keys %with)
	{
		$n = keys %with;
		for my $job (grep { !$with{$_} } keys %open)
		{
			$with{$job} = 1 if grep { $with{$_} } keys %{ $open{$job}{needs} };
		}
	}
	return sort { $a <=> $b } keys %with;
}

sub end_as_cancelled
{
	my ($id) = @_;

	for my $job (cancelled_with($id))
	{
		delete $open{$job};
		$ended{$job} = 'cancelled';
	}
	return;
}

sub any
{
	my (@of) = @_;
	return $of[ int rand @of ];
}

sub pick
{
	my ($states) = @_;
	return any(sort { $a <=> $b } grep { $open{$_}{state} =~ /[$states]/ } keys %open);
}

sub ask
{
	my ($db, $sql, @args) = @_;
	my @row = $db->selectrow_array($sql, undef, @args);

	return $row[0];
}

sub refused
{
	my ($state, $what) = @_;
	my $error = $DBI::state // '';

	wrong("$what: $error, not $state") if $error ne $state;
	return;
}

#
# The calls. Each makes a call in a session, and follows it in the model.
#
sub op_enqueue
{
	my ($db) = @_;
	my $kind = any(sort keys %limit);

	return if (grep { $_->{kind} eq $kind } values %open) > 15;
	my $owner = any(@owners);
	my $delay = rand() < 0.2 ? 20000 : 0;
	my $key = rand() < 0.2 ? any('k1', 'k2') : undef;
	my @all = sort { $a <=> $b } keys %open, keys %ended;
	my %needs = rand() < 0.4 && @all ? (map { any(@all) => 1 } 0 .. int rand 3) : ();
	my @needs = sort { $a <=> $b } keys %needs;
	my ($same) = defined $key
	  ? grep { $_->{kind} eq $kind && $_->{owner} eq $owner && !$_->{begun} && ($_->{key} // '') eq $key } values %open
	  : ();
	my $impossible = !$same && grep { ($ended{$_} // '') eq 'cancelled' } @needs;
	my $priority = int(rand 3) - 1;
	my ($id, $state, $created) = eval {
		$db->selectrow_array(<<'SQL', undef, $kind, $owner, $delay, $key, @needs ? '{' . join(',', @needs) . '}' : undef, $priority);
SELECT e ->> 'job_id', e ->> 'state', e ->> 'created' FROM (SELECT vvault_enqueue(?, '{}', owner_id => ?, delay_seconds => ?,
	job_key => ?, needs => ?::bigint[], priority => ?::integer)) q (e)
SQL
	};

	if ($impossible)
	{
		return defined $id ? wrong('a cancelled job was needed') : refused('22023', 'enqueue');
	}
	return wrong("enqueue: $@") unless defined $id;
	if ($same)
	{
		wrong("the key gave job $id ($created)") if $created ne 'false' || $id != $same->{id};
		return;
	}
	return wrong('a job was not made, or has a number that was given before')
	  if $created ne 'true' || $open{$id} || $ended{$id};
	my %left = map { $_ => 1 } grep { $open{$_} } @needs;
	$open{$id} = {
		id => $id, kind => $kind, owner => $owner, priority => $priority, attempt => 0, most => $attempts{$kind},
		needs => \%left, key => $key, delayed => $delay > 0,
		state => %left ? 'w' : $delay ? 's' : $state eq 'held' ? 'h' : 'r'
	};
	my $said = { w => 'waiting', s => 'later', h => 'held', r => 'ready' }->{ $open{$id}{state} };
	wrong("a new job is $state, not $said") if $state ne $said;
	wrong('held below the limit') if $state eq 'held' && ($limit{$kind}{owner} // 1e9)
	  > grep { $_->{id} != $id && $_->{kind} eq $kind && $_->{owner} eq $owner && $_->{state} =~ /[xrhs]/ } values %open;
	return;
}

# A job as one of many may be asked for, and whether it is to be refused: a key
# that is there gives that job back whatever else is asked for.
sub some_job
{
	my ($position, $before) = @_;
	my @all = sort { $a <=> $b } keys %open, keys %ended;
	my %needs = rand() < 0.3 && @all ? (map { any(@all) => 1 } 0 .. int rand 2) : ();
	my %after = rand() < 0.4 && $position ? (map { int(rand $position) => 1 } 0 .. int rand 2) : ();

	return {
		kind => rand() < 0.05 ? 'none' : any(sort keys %limit),
		owner => any(@owners),
		delay => rand() < 0.2 ? 20000 : 0,
		key => rand() < 0.2 ? any('k1', 'k2') : undef,
		priority => int(rand 3) - 1,
		needs => [ sort { $a <=> $b } keys %needs ],
		after => [ sort { $a <=> $b } keys %after ]
	};
}

sub as_json
{
	my ($job) = @_;
	my @fields = (qq("kind":"$job->{kind}"), qq("owner_id":"$job->{owner}"), qq("delay_seconds":$job->{delay}), qq("priority":$job->{priority}));

	push @fields, qq("job_key":"$job->{key}") if defined $job->{key};
	push @fields, map { qq("$_":[) . join(',', @{ $job->{$_} }) . ']' } grep { @{ $job->{$_} } } qw(needs after);
	return '{' . join(',', @fields) . '}';
}

# What came of one of many; @$ids are those of the ones before it.
sub follow_one
{
	my ($job, $id, $state, $created, $sqlstate, $ids) = @_;
	my $kind = $job->{kind};
	my ($same) = defined $job->{key}
	  ? grep { $_->{kind} eq $kind && $_->{owner} eq $job->{owner} && !$_->{begun} && ($_->{key} // '') eq $job->{key} } values %open
	  : ();
	my $no_such = grep { !defined $ids->[$_] } @{ $job->{after} };
	my %needed = map { $_ => 1 } @{ $job->{needs} }, map { $ids->[$_] // () } @{ $job->{after} };
	my $impossible = $kind eq 'none' || $no_such || !$same && grep { ($ended{$_} // '') eq 'cancelled' } keys %needed;

	return $sqlstate eq '22023' ? undef : wrong("one of many was not refused, but $sqlstate") if $impossible;
	return wrong("one of many was refused: $sqlstate") if $sqlstate ne '';
	if ($same)
	{
		wrong("the key gave job $id ($created)") if $created ne 'false' || $id != $same->{id};
		return;
	}
	return wrong("job $id has a number that was given before") if $created ne 'true' || $open{$id} || $ended{$id};
	my %left = map { $_ => 1 } grep { $open{$_} } keys %needed;
	$open{$id} = {
		id => $id, kind => $kind, owner => $job->{owner}, priority => $job->{priority}, attempt => 0, most => $attempts{$kind},
		needs => \%left, key => $job->{key}, delayed => $job->{delay} > 0,
		state => %left ? 'w' : $job->{delay} ? 's' : $state eq 'held' ? 'h' : 'r'
	};
	my $said = { w => 'waiting', s => 'later', h => 'held', r => 'ready' }->{ $open{$id}{state} };
	wrong("a new job is $state, not $said") if $state ne $said;
	return;
}

sub op_enqueue_many
{
	my ($db) = @_;
	my (@jobs, @ids);

	return if keys %open > 40;
	push @jobs, some_job(scalar @jobs) for 0 .. int rand 5;
	my $rows = $db->selectall_arrayref(<<'SQL', undef, '[' . join(',', map { as_json($_) } @jobs) . ']');
SELECT (r ->> 'job_id')::bigint, coalesce(r ->> 'state', ''), coalesce(r ->> 'created', ''), coalesce(r ->> 'sqlstate', '')
FROM json_array_elements(vvault_enqueue_many(?)) WITH ORDINALITY a (r, n) ORDER BY n
SQL
	return wrong('many were answered by ' . @$rows) if @$rows != @jobs;
	for my $i (0 .. $#jobs)
	{
		follow_one($jobs[$i], @{ $rows->[$i] }, \@ids);
		push @ids, $rows->[$i][0];
	}
	return;
}

sub op_complete_many
{
	my ($db) = @_;
	my @ids = map { pick('x') // () } 0 .. int rand 5;
	my @valid = map { rand() < 0.9 } @ids;
	my @given = map { sprintf '{"job_id":%d,"lease":"%s"}', $ids[$_], $valid[$_] ? $open{ $ids[$_] }{lease} : '00000000-0000-0000-0000-000000000000' } 0 .. $#ids;
	my $rows = $db->selectall_arrayref(<<'SQL', undef, '[' . join(',', @given) . ']');
SELECT coalesce(r ->> 'state', r ->> 'sqlstate') FROM json_array_elements(vvault_complete_many(?)) WITH ORDINALITY a (r, n) ORDER BY n
SQL
	my @said = map { !$valid[$_] ? 'PT409' : $open{ $ids[$_] }{cancelled} ? 'cancelled' : 'finished' } 0 .. $#ids;

	wrong("many ended as @{[ map { $_->[0] } @$rows ]}, not @said") if "@{[ map { $_->[0] } @$rows ]}" ne "@said";
	for my $i (grep { $valid[$_] } 0 .. $#ids)
	{
		my $job = $open{ $ids[$i] } // next;

		if ($job->{cancelled})
		{
			end_as_cancelled($ids[$i]);
			next;
		}
		delete $open{ $ids[$i] };
		$ended{ $ids[$i] } = 'finished';
		release($ids[$i]);
	}
	return;
}

# What has come due since it ran last runs, once, and makes a job, unless the one
# before has not begun.
sub op_schedules
{
	my ($db) = @_;
	my @expected = sort grep { $due{$_} } keys %due;
	my $rows = $db->selectall_arrayref(<<'SQL');
SELECT r ->> 'name', r ->> 'kind', (r -> 'result' ->> 'job_id')::bigint, r -> 'result' ->> 'state', r -> 'result' ->> 'created'
FROM json_array_elements(vvault_run_schedules() -> 'ran') r
SQL
	my @ran = sort map { $_->[0] } @$rows;

	wrong("schedules @ran ran, not @expected") if "@ran" ne "@expected";
	for my $row (@$rows)
	{
		my ($name, $kind, $id, $state, $created) = @$row;

		follow_one({ kind => $kind, owner => '', key => "schedule $name", delay => 0, priority => 0, needs => [], after => [] }, $id, $state, $created, '', []);
		$due{$name} = 0;
	}
	return;
}

sub op_dequeue
{
	my ($db) = @_;
	my $kind = any(sort keys %limit);
	my $n = any(1, 2, 10);
	my $expected = how_many($kind, $n);
	my %may = map { $_->{id} => $_ } available($kind);
	my $lost = grep { $_->{kind} eq $kind && $_->{state} eq 'x' && $_->{due} } values %open;
	my $rows = $db->selectall_arrayref(<<'SQL', undef, "{$kind}", $n);
SELECT (j ->> 'job_id')::bigint, j ->> 'lease', (j ->> 'attempt')::integer FROM json_array_elements(vvault_dequeue('w', ?::text[], ?)) j
SQL

	return wrong(scalar(@$rows) . " jobs of $kind were given out, not $expected") if @$rows != $expected;
	my @priorities;
	for my $row (@$rows)
	{
		my ($id, $lease, $attempt) = @$row;
		my $job = delete $may{$id};

		return wrong("job $id was given out") unless $job;
		wrong("job $id is attempt $attempt") if $attempt != $job->{attempt} + 1;
		push @priorities, $job->{priority};
		@$job{qw(state attempt lease begun due delayed)} = ('x', $attempt, $lease, 1, 0, 0);
	}
	# nobody who is ready stands behind somebody of a lower priority
	if ($kind eq 'free' && @priorities && !$lost)
	{
		wrong("priorities come as @priorities") if join(' ', @priorities) ne join(' ', sort { $b <=> $a } @priorities);
		wrong('a higher priority was passed over') if grep { $_->{priority} > $priorities[-1] } values %may;
	}
	return;
}

sub op_complete
{
	my ($db) = @_;
	my $id = pick('x') // return;
	my $job = $open{$id};
	my $valid = rand() < 0.9;
	my $lease = $valid ? $job->{lease} : '00000000-0000-0000-0000-000000000000';
	my $expected = $job->{cancelled} ? 'cancelled' : 'finished';

	for (1 .. (rand() < 0.2 ? 2 : 1))
	{
		my $state = eval { ask($db, q(SELECT vvault_complete(?, ?, '{"ok": 1}') ->> 'state'), $id, $lease) };

		return defined $state ? wrong('another lease completed') : refused('PT409', 'complete') unless $valid;
		return wrong("complete of $id: " . ($state // $@)) if ($state // '') ne $expected;
	}
	return end_as_cancelled($id) if $job->{cancelled};
	delete $open{$id};
	$ended{$id} = 'finished';
	release($id);
	return;
}

sub op_fail
{
	my ($db) = @_;
	my $id = pick('x') // return;
	my $job = $open{$id};
	my $retry = any(undef, 0, 'Infinity');
	my $error = rand() < 0.8 ? 'no' : undef;
	my $state = eval { ask($db, q(SELECT vvault_fail(?, ?, ?, ?) ->> 'state'), $id, $job->{lease}, $error, $retry) };

	if (!defined $error && ($retry // '') eq 'Infinity')
	{
		return defined $state ? wrong('a job was given back for ever') : refused('22023', 'fail');
	}
	return wrong("fail: $@") unless defined $state;
	if ($job->{cancelled})
	{
		wrong("a cancelled job failed and is $state") if $state ne 'cancelled';
		return end_as_cancelled($id);
	}
	my $dead = defined $error ? $job->{attempt} >= $job->{most} || ($retry // '') eq 'Infinity' : 0;
	my $now = ($retry // (defined $error ? 1 : 0)) eq '0';
	$job->{attempt}-- unless defined $error;
	@$job{qw(state due delayed)} = ($dead ? 'd' : $now ? 'r' : 's', 0, !$dead && !$now);
	my $said = $dead ? qr/^dead$/ : $now ? qr/^(ready|held)$/ : qr/^later$/;
	wrong("a job that failed is $state") unless $state =~ $said;
	return;
}

sub op_heartbeat
{
	my ($db) = @_;
	my $id = pick('x') // return;
	my $job = $open{$id};
	my $cancelled = eval { ask($db, q(SELECT vvault_heartbeat(?, ?, 0.5) ->> 'cancelled'), $id, $job->{lease}) };

	return wrong("heartbeat: $@") unless defined $cancelled;
	wrong("heartbeat says cancelled: $cancelled") if ($cancelled eq 'true') != !!$job->{cancelled};
	$job->{due} = 0 unless $job->{cancelled};
	return;
}

sub op_cancel
{
	my ($db) = @_;
	my $id = any(sort { $a <=> $b } keys %open) // return;
	my @with = cancelled_with($id);
	my ($state, $ids) = $db->selectrow_array(
		q(SELECT c ->> 'state', c ->> 'cancelled' FROM (SELECT vvault_cancel_job(?)) q (c)), undef, $id);

	if ($open{$id}{state} eq 'x')
	{
		wrong("a cancelled job that runs is $state") if $state ne 'running';
		$open{$id}{cancelled} = 1;
		return;
	}
	wrong("cancelled were $ids, not @with") if $ids ne '[' . join(',', @with) . ']';
	return end_as_cancelled($id);
}

sub op_redrive
{
	my ($db) = @_;
	my $kind = any(sort keys %limit);
	my @dead = sort { $a <=> $b } grep { $open{$_}{state} eq 'd' && $open{$_}{kind} eq $kind } keys %open;
	my $ids = ask($db, q(SELECT vvault_redrive(kind => ?) ->> 'redriven'), $kind);

	@{ $open{$_} }{qw(state attempt)} = ('r', 0) for @dead;
	wrong("redriven were $ids, not @dead") if $ids ne '[' . join(',', @dead) . ']';
	return;
}

# A clock that jumps: every delay and every lease is over.
sub op_jump
{
	my ($db) = @_;

	$db->do("UPDATE vvault_stream.jobs SET run_at = run_at - interval '$jump seconds', lease_until = lease_until - interval '$jump seconds'");
	$db->do("UPDATE vvault_stream.schedules SET next_at = next_at - interval '$jump seconds' WHERE NOT shipped");
	$due{$_} = 1 for keys %due;
	$_->{due} = 1 for grep { $_->{state} =~ /[sx]/ || $_->{state} eq 'w' && $_->{delayed} } values %open;
	return;
}

# Compares all that is open with the model. What dequeues do beside giving out
# jobs is at their own time: what is due becomes ready, a lost job is taken
# back, a held one goes on. So such a job may be there already, or not yet.
sub compare
{
	my ($db) = @_;
	my $rows = $db->selectall_hashref('SELECT job_id, state, attempt FROM vvault_stream.jobs', 'job_id');

	for my $id (sort { $a <=> $b } keys %open)
	{
		my $job = $open{$id} // next;
		my $row = $rows->{$id};
		my $lost = $job->{state} eq 'x' && $job->{due};

		if (!$row && $lost && $job->{cancelled})
		{
			end_as_cancelled($id);
			next;
		}
		return wrong("job $id is gone") unless $row;
		my $may = $job->{state} =~ /[rh]/ ? ($limit{ $job->{kind} }{owner} ? 'rh' : 'r')
		  : $job->{state} eq 's' && $job->{due} ? 'srh'
		  : $lost ? ($job->{attempt} < $job->{most} ? 'xrh' : 'xd') : $job->{state};
		return wrong("job $id is $row->{state}, not one of $may") if index($may, $row->{state}) < 0;
		return wrong("job $id has attempt $row->{attempt}, not $job->{attempt}") if $row->{attempt} != $job->{attempt};
		$job->{due} = 0 if $job->{state} ne $row->{state};
		$job->{state} = $row->{state};
	}
	my @more = grep { !$open{$_} } keys %$rows;
	wrong("jobs @more should not be there") if @more;
	return;
}

sub check_step
{
	my ($db) = @_;

	compare($db);
	my $faults = $db->selectall_arrayref('SELECT fault, job_id FROM faults');
	wrong(join('; ', map { "$_->[0]: $_->[1]" } @$faults)) if @$faults;
	my ($finished, $gone) = $db->selectrow_array(
		'SELECT count(*) FILTER (WHERE NOT cancelled), count(*) FILTER (WHERE cancelled) FROM vvault_stream.finished_jobs');
	wrong("$finished are finished, $gone cancelled")
	  if $finished != grep({ $_ eq 'finished' } values %ended) || $gone != grep({ $_ eq 'cancelled' } values %ended);
	return;
}

my @sessions = map { session() } 1 .. 4;
my @ops = ((\&op_enqueue) x 8, (\&op_dequeue) x 8, (\&op_complete) x 6, (\&op_fail) x 3, (\&op_heartbeat) x 2,
	(\&op_enqueue_many) x 2, (\&op_complete_many) x 3, \&op_schedules, \&op_cancel, \&op_redrive, \&op_jump);

for (1 .. $steps)
{
	my $db = any(@sessions);
	my $op = any(@ops);

	$step = $_;
	if (rand() < 0.1)
	{
		# what is taken back leaves no trace
		my ($open_before, $ended_before, $due_before) = (dclone(\%open), dclone(\%ended), dclone(\%due));

		$db->begin_work;
		$op->($db);
		$db->rollback;
		%open = %$open_before;
		%ended = %$ended_before;
		%due = %$due_before;
	}
	else
	{
		$op->($db);
	}
	check_step($sessions[0]);
	last if $trouble;
}
ok(!$trouble, "$steps random calls did what the model says");

# Then all of it ends.
SKIP:
{
	skip 'the model was wrong', 1 if $trouble;
	my $db = $sessions[0];

	for (1 .. 300)
	{
		last unless %open;
		op_jump($db);
		op_redrive($db) for 1 .. 6;
		op_dequeue($db) for 1 .. 6;
		compare($db);
		op_complete($db) while !$trouble && grep { $_->{state} eq 'x' } values %open;
		check_step($db);
		last if $trouble;
	}
	ok(!$trouble && !%open, scalar(keys %ended) . ' jobs ended, each once');
}
$_->disconnect for @sessions;

#
# All at once
#
$node->safe_psql('postgres',
	'TRUNCATE vvault_stream.jobs, vvault_stream.job_needs, vvault_stream.finished_jobs RESTART IDENTITY');

# A client makes random calls. What it is refused has to be one of these: a
# lost lease, a need that was cancelled, a deadlock of several cancels.
my $refusals = qr/^(PT409|22023|40P01)$/;

sub random_call
{
	my ($db, $mine) = @_;
	my $what = rand();
	my $kind = any(sort keys %limit);

	if ($what < 0.35)
	{
		my $in = join(',', 0, rand() < 0.5 ? map { int rand(2000) } 1 .. 2 : ());

		ask($db, <<"SQL", $kind, any(@owners), rand() < 0.1 ? any('k1', 'k2') : undef, rand() < 0.1 ? 0.05 : 0);
SELECT vvault_enqueue(?, '{}', owner_id => ?, job_key => ?, delay_seconds => ?,
	needs => (SELECT array_agg(job_id) FROM vvault_stream.all_jobs WHERE job_id IN ($in) AND NOT cancelled))
SQL
	}
	elsif ($what < 0.4)
	{
		ask($db, 'SELECT vvault_enqueue_many(?)', '[' . join(',', map {
			my $after = $_ && rand() < 0.5 ? ',"after":[' . int(rand $_) . ']' : '';
			my $key = rand() < 0.2 ? qq(,"job_key":"@{[ any('k1', 'k2', 'k3') ]}") : '';

			qq({"kind":"@{[ any(sort keys %limit) ]}","owner_id":"@{[ any(@owners) ]}"$key$after})
		} 0 .. int rand 6) . ']');
	}
	elsif ($what < 0.44)
	{
		my @ids = splice @{ [ sort keys %$mine ] }, 0, 5;

		ask($db, 'SELECT vvault_complete_many(?)', '[' . join(',', map { qq({"job_id":$_,"lease":"$mine->{$_}"}) } @ids) . ']');
		delete @$mine{@ids};
	}
	elsif ($what < 0.65)
	{
		my $rows = $db->selectall_arrayref(<<'SQL', undef, "{$kind}");
SELECT (j ->> 'job_id')::bigint, j ->> 'lease' FROM json_array_elements(vvault_dequeue('w', ?::text[], 3, 0.3)) j
SQL
		$mine->{ $_->[0] } = $_->[1] for @$rows;
	}
	elsif ($what < 0.97)
	{
		my $id = any(keys %$mine) // return;
		my $lease = delete $mine->{$id};

		if ($what > 0.85)
		{
			my $rows = $db->selectall_arrayref(<<'SQL', undef, $id, $lease, "{$kind}");
SELECT (j ->> 'job_id')::bigint, j ->> 'lease'
FROM json_array_elements(vvault_complete_and_dequeue(?, ?, NULL, 'w', ?::text[], 2, 0.3) -> 'jobs') j
SQL
			$mine->{ $_->[0] } = $_->[1] for @$rows;
			return;
		}
		rand() < 0.8 ? ask($db, 'SELECT vvault_complete(?, ?)', $id, $lease)
		  : ask($db, 'SELECT vvault_fail(?, ?, ?, 0)', $id, $lease, rand() < 0.5 ? 'no' : undef);
	}
	elsif ($what < 0.98)
	{
		ask($db, 'SELECT vvault_cancel_job(?)', 1 + int rand 2000);
	}
	else
	{
		ask($db, 'SELECT vvault_redrive(kind => ?)', $kind);
	}
	return;
}

sub client
{
	my ($number, $calls) = @_;
	my $db = session();
	my %mine;

	srand($seed * 100 + $number);
	for (1 .. $calls)
	{
		next if eval { random_call($db, \%mine); 1 };
		next if $db->state =~ $refusals;
		print STDERR "client $number: ", $db->state, " $@\n";
		return 1;
	}
	return 0;
}

my $calls = max(200, int($steps / 2));
my %child;
for my $number (1 .. 6)
{
	my $pid = fork // die "fork: $!";

	POSIX::_exit(client($number, $calls)) if $pid == 0;
	$child{$pid} = $number;
}
my $db = session();
my ($looks, $faults, @bad) = (0, '');
while (%child)
{
	while ((my $pid = waitpid(-1, POSIX::WNOHANG())) > 0)
	{
		push @bad, $child{$pid} if $?;
		delete $child{$pid};
	}
	my $seen = $db->selectall_arrayref('SELECT fault, job_id FROM faults');
	$looks++;
	$faults ||= join('; ', map { "$_->[0]: $_->[1]" } @$seen);
	usleep(50_000);
}
is("@bad", '', 'no client was refused for another reason');
is($faults, '', 'nothing was wrong under any snapshot');
note "$looks snapshots were looked at";

# Whatever is left can be ended, and is.
my ($left, $idle) = (-1, 0);
while ($idle < 50)
{
	my $now = ask($db, 'SELECT count(*) FROM vvault_stream.jobs') or last;

	# limits let some of them go on at a time
	$idle = $now == $left ? $idle + 1 : 0;
	$left = $now;
	$db->do("UPDATE vvault_stream.jobs SET run_at = now() WHERE state = 's'");
	$db->do("UPDATE vvault_stream.jobs SET lease_until = now() - interval '1 second' WHERE state = 'x'");
	for my $kind (sort keys %limit)
	{
		ask($db, 'SELECT vvault_redrive(kind => ?)', $kind);
		ask($db, <<'SQL', "{$kind}");
SELECT count(vvault_complete((j ->> 'job_id')::bigint, (j ->> 'lease')::uuid)) FROM json_array_elements(vvault_dequeue('w', ?::text[], 1000)) j
SQL
	}
}
is(ask($db, 'SELECT count(*) FROM vvault_stream.jobs'), 0, 'all that is left can be ended');
is(ask($db, 'SELECT count(*) FROM vvault_stream.job_needs'), 0, 'with no need left over');
is(ask($db, q(SELECT string_agg(fault || ' ' || job_id, '; ') FROM faults)) // '', '', 'and nothing wrong');
$db->disconnect;
$node->stop;

done_testing();
