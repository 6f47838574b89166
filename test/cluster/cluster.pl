#
# cluster.pl
#		A primary and two standbys under pg_auto_failover, as deploy/cluster has
#		them, with readers, writers and workers beside: `make check-cluster`.
#
# Each reply on each node is the one that its snapshot computes. A planned
# switch-over and a primary that is killed with its keeper show no error to who
# reads by HTTP; writers and workers find the new primary by libpq's
# target_session_attrs; no acknowledged write is lost and no job is done twice.
#
# VVAULT_CLUSTER_READS=n compares so many replies, 6000 if nothing is said. With
# MINUTES=n it has failed if it is not done by then, and judges and compares no times:
# it runs on machines that have much else to do.
#
use strict;
use warnings;

use DBI ();
use HTTP::Tiny ();
use JSON::PP ();
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use VVaultTest ();

my $reads = $ENV{VVAULT_CLUSTER_READS} // 6000;
my $patience = 2 * $PostgreSQL::Test::Utils::timeout_default;
my $user = getpwuid($<);
my $dir = PostgreSQL::Test::Utils::tempdir();
my $bindir = (split /:/, $ENV{PATH})[0];
my @names = qw(a b c);
my (%port, %keeper, %started);

# Whatever it waits for; what it has started ends with it.
if (my $minutes = $ENV{MINUTES})
{
	POSIX::sigaction(POSIX::SIGALRM(), POSIX::SigAction->new(sub { fail("done within $minutes minutes"); done_testing(); exit 1 }));
	alarm 60 * $minutes;
}

$ENV{XDG_CONFIG_HOME} = $ENV{XDG_DATA_HOME} = $ENV{XDG_RUNTIME_DIR} = "$dir/xdg";
mkdir $ENV{XDG_RUNTIME_DIR};
delete @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)};

# ---------------------------------------------------------------------------
# Processes
# ---------------------------------------------------------------------------

# Runs a command until its end; dies with its output if it fails.
sub run_ok
{
	my @command = @_;
	my $pid = open(my $out, '-|') // die "fork: $!";

	if ($pid == 0)
	{
		open STDERR, '>&', \*STDOUT;
		exec @command;
	}
	my $said = join '', <$out>;
	close $out or die "@command failed:\n$said";
	return $said;
}

# Starts a command or a sub in a process group of its own.
sub start
{
	my ($log, @what) = @_;
	my $pid = fork // die "fork: $!";

	if ($pid == 0)
	{
		setpgrp;
		open STDOUT, '>>', "$dir/$log.log";
		open STDERR, '>&', \*STDOUT;
		STDOUT->autoflush(1);
		exec @what if ref $what[0] ne 'CODE';
		$what[0]->();
		POSIX::_exit(0);
	}
	$started{$pid} = $log;
	return $pid;
}

sub stop
{
	my ($signal, @pids) = @_;

	for my $pid (@pids)
	{
		kill $signal, -$pid;
		waitpid $pid, 0;
		delete $started{$pid};
	}
	return;
}

sub postmaster
{
	my ($name) = @_;

	return slurp_file("$dir/$name/postmaster.pid") =~ /^(\d+)/ ? $1 : die "$name has no server";
}

END
{
	my $status = $?;

	for my $name (@names, 'monitor')
	{
		next if !-e "$dir/$name/postmaster.pid";
		my $pid = eval { postmaster($name) };
		kill 'QUIT', $pid if $pid && (readlink("/proc/$pid/cwd") // '') eq "$dir/$name";
	}
	stop('KILL', sort keys %started);
	# of a server that quits, a worker of the monitor and the logger stay
	for my $cwd (glob '/proc/[0-9]*/cwd')
	{
		kill 'KILL', $cwd =~ /(\d+)/ if index(readlink($cwd) // '', "$dir/") == 0;
	}
	system("scripts/site.sh stop $dir/site; for f in $dir/postgrest_*; do scripts/site.sh stop \$f; done");
	$? = $status;
}

# Ports that nobody has now; the shell's helper looks.
sub free_ports
{
	my ($n) = @_;

	return split ' ', run_ok('bash', '-c', "source scripts/lib.sh; free_ports $n");
}

# ---------------------------------------------------------------------------
# Databases
# ---------------------------------------------------------------------------

sub conninfo
{
	my ($name, $as) = @_;

	return "host=127.0.0.1 port=$port{$name} dbname=site user=@{[ $as // $user ]} connect_timeout=30";
}

# Whichever node writes.
sub anywhere
{
	return join(' ', 'host=' . join(',', map { '127.0.0.1' } @names), 'port=' . join(',', map { $port{$_} } @names),
		"dbname=site user=$user target_session_attrs=read-write connect_timeout=30");
}

sub connect_to
{
	my ($conninfo) = @_;
	my %words = map { split /=/, $_, 2 } split / /, $conninfo;

	return DBI->connect('dbi:Pg:' . join(';', map { "$_=$words{$_}" } grep { $_ ne 'user' } sort keys %words),
		$words{user}, '', { RaiseError => 1, PrintError => 0 });
}

sub value
{
	my ($conninfo, $sql) = @_;
	my $db = connect_to($conninfo);
	my ($value) = $db->selectrow_array($sql);

	$db->disconnect;
	return $value;
}

sub wait_for
{
	my ($what, $code) = @_;
	my $until = time + $patience;

	while (time < $until)
	{
		my $value = eval { $code->() };

		return $value if $value;
		sleep 0.2;
	}
	die "timed out waiting for $what: $@\n" . (-e "$dir/monitor" ? run_ok('pg_autoctl', 'show', 'state', '--pgdata', "$dir/monitor") : '');
}

sub primary
{
	return wait_for('a primary', sub {
		my ($port) = value(anywhere(), 'SELECT inet_server_port()');
		return (grep { $port{$_} == $port } @names)[0];
	});
}

# How each node stands by the monitor, as a hash of name and state.
sub states
{
	my $db = connect_to("host=127.0.0.1 port=$port{monitor} dbname=pg_auto_failover user=autoctl_node");
	my %states = map { $_->[0] => $_->[1] } @{ $db->selectall_arrayref('SELECT nodename, reportedstate FROM pgautofailover.node WHERE goalstate = reportedstate') };

	$db->disconnect;
	return \%states;
}

sub wait_for_states
{
	my %wanted = @_;

	return wait_for('states ' . join(' ', %wanted), sub {
		my %count;
		$count{$_}++ for values %{ states() };
		return !grep { ($count{$_} // 0) != $wanted{$_} } keys %wanted;
	});
}

# ---------------------------------------------------------------------------
# The cluster
# ---------------------------------------------------------------------------

@port{ @names, 'monitor' } = free_ports(4);
run_ok('pg_autoctl', 'create', 'monitor', '--pgctl', "$bindir/pg_ctl", '--pgdata', "$dir/monitor", '--pgport', $port{monitor},
	'--hostname', '127.0.0.1', '--auth', 'trust', '--no-ssl');
run_ok('pg_autoctl', 'config', 'set', '--pgdata', "$dir/monitor", 'postgresql.listen_addresses', '127.0.0.1');
append_to_file("$dir/monitor/postgresql.conf", "unix_socket_directories = '$dir'\n" . slurp_file('deploy/cluster/monitor.conf'));
$keeper{monitor} = start('monitor', 'pg_autoctl', 'run', '--pgdata', "$dir/monitor");
my $monitor = "postgres://autoctl_node\@127.0.0.1:$port{monitor}/pg_auto_failover?sslmode=disable";
wait_for('the monitor', sub { states() });

for my $name (@names)
{
	my @create = ('pg_autoctl', 'create', 'postgres', '--pgctl', "$bindir/pg_ctl", '--pgdata', "$dir/$name", '--pgport', $port{$name},
		'--listen', '127.0.0.1', '--pghost', '127.0.0.1', '--hostname', '127.0.0.1', '--name', $name, '--dbname', 'site', '--username', $user,
		'--auth', 'trust', '--no-ssl', '--monitor', $monitor);

	if ($name eq 'a')
	{
		run_ok(@create);
		append_to_file("$dir/$name/postgresql.conf",
			"unix_socket_directories = '$dir'\nmax_connections = 60\nshared_buffers = 32MB\n" . slurp_file('deploy/cluster/node.conf'));
		# it runs since it was made
		run_ok("$bindir/pg_ctl", '-D', "$dir/$name", '-w', '-m', 'fast', 'stop') if -e "$dir/$name/postmaster.pid";
		$keeper{$name} = start($name, 'pg_autoctl', 'run', '--pgdata', "$dir/$name");
		wait_for_states(single => 1);
	}
	else
	{
		$keeper{$name} = start($name, @create, '--run');
		wait_for_states(secondary => $name eq 'b' ? 1 : 2, primary => 1);
	}
}
pass('a primary and two standbys');
is(value(conninfo($_), 'SHOW listen_addresses'), '127.0.0.1', "$_ listens where it was told to") for @names;
is(value("host=127.0.0.1 port=$port{monitor} dbname=pg_auto_failover user=autoctl_node", 'SHOW listen_addresses'), '127.0.0.1', 'so does the monitor');
like(value(anywhere(), 'SHOW synchronous_standby_names'), qr/ANY 1/, 'a commit waits for one of them');

my $db = connect_to(anywhere());
$db->do('SET client_min_messages = warning');
$db->do($_) for 'CREATE EXTENSION vvault_stream CASCADE', <<'EOQ', <<'EOQ', <<'EOQ', <<'EOQ';
CREATE ROLE web_anon NOLOGIN; CREATE ROLE authenticator LOGIN NOINHERIT; GRANT web_anon TO authenticator;
CREATE ROLE video_worker LOGIN; SELECT vvault_grant('web_anon', 'reader'), vvault_stream_grant('video_worker', 'worker')
EOQ
CREATE TABLE written (n integer PRIMARY KEY);
CREATE SCHEMA chaos; CREATE TABLE chaos.done (job_id bigint, n integer);
CREATE FUNCTION chaos.done(job json, result json) RETURNS void LANGUAGE sql AS $$
	INSERT INTO chaos.done (job_id, n) VALUES ((job ->> 'job_id')::bigint, (result ->> 'n')::int) $$;
INSERT INTO vvault_stream.job_kinds (kind, lease_seconds, max_attempts, retry_seconds, retry_most_seconds, done_schema, done_function)
VALUES ('noted', 3, 1000, 0.1, 0.2, 'chaos', 'done')
EOQ
INSERT INTO vvault.videos (region, video_id, title, views) SELECT r, 'v' || n, 'title ' || n, n FROM unnest('{PL,SE,US}'::text[]) r, generate_series(1, 60) n
EOQ
CREATE SCHEMA test;
CREATE FUNCTION test.computed(call text) RETURNS text LANGUAGE plpgsql STABLE
SET vvault.cache = off SET gin_fuzzy_search_limit = 1000000000 AS $$
DECLARE reply text; BEGIN EXECUTE format('SELECT (%s)::text', call) INTO reply; RETURN reply; END $$;
CREATE FUNCTION test.cached(call text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE reply text; BEGIN EXECUTE format('SELECT (%s)::text', call) INTO reply; RETURN reply; END $$;
CREATE FUNCTION test.look(times integer) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	calls constant text[] := ARRAY['vvault_trending(''PL'', 25)', 'vvault_trending(''SE'', 7, ''newest'')', 'vvault_video(''v1'')', 'vvault_video(''v7'')',
		'vvault_regions()', 'vvault_trending(''US'', 25, ''trending'')', 'vvault_search(''title'')', 'vvault_analytics(3)'];
	wrong bigint := 0;
BEGIN
	FOR i IN 1 .. times LOOP
		wrong := wrong + (SELECT (test.cached(c) IS DISTINCT FROM test.computed(c))::int FROM (SELECT calls[1 + i % 8] AS c) x);
	END LOOP;
	RETURN wrong;
END $$;
EOQ
$db->disconnect;

# ---------------------------------------------------------------------------
# Who writes, works and reads
# ---------------------------------------------------------------------------

# A write is said to be done when it was acknowledged; if it was not, it is done
# again, whatever became of it. Each makes one job, in its transaction.
sub write_on
{
	my ($db, $n) = (undef, 0);

	while (1)
	{
		eval {
			$db //= connect_to(anywhere());
			$db->begin_work;
			if ($db->do('INSERT INTO written VALUES (?) ON CONFLICT DO NOTHING', undef, $n + 1) > 0)
			{
				$db->do(q(UPDATE vvault.videos SET views = views + 1 WHERE video_id = 'v1'));
				$db->do(q(SELECT vvault_enqueue('noted', json_build_object('n', ?::int))), undef, $n + 1);
			}
			$db->commit;
			printf "%d %.3f\n", ++$n, time;
			sleep 0.02;
			1;
		} or do { undef $db; sleep 0.1 };
	}
	return;
}

sub work
{
	my $db;

	while (1)
	{
		eval {
			$db //= connect_to(anywhere());
			my $jobs = $db->selectall_arrayref(<<'SQL');
SELECT (j ->> 'job_id')::bigint, j ->> 'lease', j -> 'args' ->> 'n' FROM json_array_elements(vvault_dequeue('worker', '{noted}', 5)) j
SQL
			for my $job (@$jobs)
			{
				eval { $db->do('SELECT vvault_complete(?, ?, ?)', undef, @$job[ 0, 1 ], qq({"n":$job->[2]})); 1 }
				  or ($db->state eq 'PT409' or die $@);
			}
			sleep 0.05 if !@$jobs;
			1;
		} or do { undef $db; sleep 0.1 };
	}
	return;
}

# Prints how many replies of so many were not what was computed.
sub look_at
{
	my ($name) = @_;
	my $db;

	while (1)
	{
		eval {
			$db //= connect_to(conninfo($name));
			printf "%d wrong of 40\n", $db->selectrow_array('SELECT test.look(40)');
			1;
		} or do { undef $db; sleep 0.2 };
	}
	return;
}

# Reads by HTTP, and prints what is not as it should be: another status than 200,
# and a URL whose figures go back.
sub read_by_http
{
	my ($url) = @_;
	my $http = HTTP::Tiny->new(timeout => 60);
	my @urls = ((map { "/api/videos/v1/related?page_size=$_" } 1 .. 6), (map { "/api/trending/PL?page_size=$_" } 2 .. 9),
		(map { "/api/trending/SE?page_size=$_&sort=views" } 60 .. 69), '/api/videos/v1', '/api/regions');
	my (%views, $count);

	while (1)
	{
		for my $path (@urls)
		{
			my $reply = $http->get("$url$path");

			print "error $reply->{status} $path $reply->{content}\n" if $reply->{status} != 200;
			printf "%d read %.3f\n", $count, time if ++$count % 50 == 0;
			next if $reply->{status} != 200 || $path !~ m{SE|/v1$};
			my ($views) = $reply->{content} =~ /"v1".*?"views": ?(\d+)/ or next;
			print "back $path from $views{$path} to $views\n" if $views < ($views{$path} // 0);
			$views{$path} = $views;
		}
	}
	return;
}

sub lines_of { return -e "$dir/$_[0].log" ? slurp_file("$dir/$_[0].log") : '' }
sub acknowledged { my @lines = lines_of('writer') =~ /^(\d+ [\d.]+)$/mg; return @lines }

my ($writer, $http_reader);
my %reader = map { my $name = $_; $name => start("reader_$name", sub { look_at($name) }) } @names;
$writer = start('writer', \&write_on);
my @workers = map { start("worker_$_", \&work) } 1 .. 2;
my $program = start('vvault-worker', 'worker/vvault-worker', '--dbname', anywhere() =~ s/user=\S+/user=video_worker/r, '--scratch', $dir);

my $url;
my $postgrest = $ENV{VVAULT_POSTGREST} || (grep { -x "$_/postgrest" } split /:/, $ENV{PATH})[0];
if ($postgrest)
{
	my @upstreams;
	for my $name (@names)
	{
		local $ENV{NGINX} = 'no';
		local $ENV{CHANNEL} = 'false';
		push @upstreams, run_ok('scripts/site.sh', 'start', "$dir/postgrest_$name", conninfo($name, 'authenticator'), 'web_anon') =~ /^upstream .*:(\d+)$/m;
	}
	local $ENV{UPSTREAMS} = "@upstreams";
	local $ENV{RATE} = '1000000r/s';
	local $ENV{BURST} = 100000;
	($url) = run_ok('scripts/site.sh', 'start', "$dir/site", '-', '-') =~ /^url (.*)$/m;
	$http_reader = start('http', sub { read_by_http($url) });
}

sub compared
{
	my ($name) = @_;

	return 40 * (() = lines_of("reader_$name") =~ /wrong of/g);
}

wait_for("$reads reads", sub { my $n = 0; $n += compared($_) for @names; return $n >= $reads });
is(join(' ', map { lines_of("reader_$_") =~ /^([1-9]\d* wrong)/m } @names), '', 'each reply on each node is what its snapshot computes');

sub goes_on
{
	my ($what) = @_;
	my $n = acknowledged();
	my $http = () = lines_of('http') =~ /read/g;

	wait_for("writers $what", sub { return acknowledged() > $n + 20 });
	wait_for("readers $what", sub { return (() = lines_of('http') =~ /read/g) > $http + 2 }) if $url;
	return;
}

sub readers_are_served
{
	my ($what) = @_;

  SKIP:
	{
		skip 'there is no postgrest on the PATH', 1 if !$url;
		is(join("\n", grep { $_ } (lines_of('http') =~ /^(error.*)$/mg)[ 0 .. 4 ]), '', "$what: no error for who reads by HTTP")
		  or diag(map { "$_: " . run_ok('tail', '-n', 12, $_) } glob "$dir/postgrest_*/upstream.log");
	}
	return;
}

goes_on('at first');
readers_are_served('at first');
is(lines_of('http') =~ /^(back.*)$/m ? $1 : '', '', 'no URL goes back in time') if $url;

# ---------------------------------------------------------------------------
# What three nodes read beside one
# ---------------------------------------------------------------------------

sub cpu_of
{
	my ($postmaster) = @_;
	my $ticks = 0;

	for my $file (glob "/proc/[0-9]*/stat")
	{
		my $stat = eval { slurp_file($file) } // next;
		my @fields = split ' ', $stat =~ s/^.*\) //r;

		$ticks += $fields[11] + $fields[12] if $fields[1] == $postmaster;
	}
	return $ticks;
}

# What a read takes on a node: reads a second, and microseconds of the processor.
sub read_on
{
	my ($name) = @_;
	my $before = cpu_of(postmaster($name));
	my $pid = open(my $out, '-|', "$bindir/pgbench", '-n', '-M', 'prepared', '-c', 1, '-T', 4, '-f', "$dir/read.pgbench", conninfo($name)) // die;
	my $at_end = $before;

	# its backend's time is to be seen as long as it lives
	while (kill 0, $pid)
	{
		my $now = cpu_of(postmaster($name));
		$at_end = $now if $now > $at_end;
		sleep 0.05;
		last if waitpid($pid, 1) > 0;
	}
	my $said = join '', <$out>;
	my ($count) = $said =~ /processed: (\d+)/;
	my ($rate) = $said =~ /^tps = ([\d.]+)/m;
	return ($rate, ($at_end - $before) * 1e4 / $count);
}

sub compare_nodes
{
	# nobody else asks meanwhile: the time of all backends is counted
	my @others = map { -$_ } grep { defined } values %reader, $http_reader, $writer, @workers;
	my (%rate, %each);
	my $times = 0;

	append_to_file("$dir/read.pgbench", "SELECT length(vvault_trending('US', 25)::text);\n");
	kill 'STOP', @others;
	sleep 0.5;
	($rate{$_}, $each{$_}) = read_on($_) for @names;
	kill 'CONT', @others;
	my $first = primary();
	$times += $each{$first} / $each{$_} for @names;
	note(join ', ', map { sprintf '%s: %.0f reads/s, %.1f us of the processor each', $_, $rate{$_}, $each{$_} } @names);
	cmp_ok($times, '>=', 2.4, sprintf 'three nodes read %.1f times as much as one, by the time of the processor', $times);
	return;
}
compare_nodes() if !$ENV{MINUTES};

# ---------------------------------------------------------------------------
# A planned switch-over
# ---------------------------------------------------------------------------

my $primary = primary();
run_ok('pg_autoctl', 'perform', 'switchover', '--pgdata', "$dir/monitor");
isnt(primary(), $primary, 'another node is the primary');
wait_for_states(primary => 1, secondary => 2);
goes_on('after the switch-over');
readers_are_served('switch-over');
sub program_is_on { my ($name) = @_; return value(conninfo($name), q(SELECT count(*) FROM pg_stat_activity WHERE usename = 'video_worker')) }
ok(wait_for('vvault-worker', sub { program_is_on(primary()) }), 'vvault-worker has found it');

# ---------------------------------------------------------------------------
# The primary is killed
# ---------------------------------------------------------------------------

$primary = primary();
my $dead = postmaster($primary);
kill 'KILL', -$keeper{$primary}, $keeper{$primary}, $dead;
my $killed_at = time;
waitpid delete $keeper{$primary}, 0;
wait_for('writers after a kill', sub { (split / /, (acknowledged())[-1])[1] > $killed_at + 1 });
my ($first) = grep { $_ > $killed_at + 0.2 } map { (split / /, $_)[1] } acknowledged();
isnt(primary(), $primary, 'another node is the primary by itself');
my $said_when = sprintf 'it is written again after %.1f s', $first - $killed_at;
$ENV{MINUTES} ? note($said_when) : cmp_ok($first - $killed_at, '<', 30, $said_when);
goes_on('after the kill');
readers_are_served('kill');
ok(wait_for('vvault-worker', sub { program_is_on(primary()) }), 'vvault-worker has found the new primary');

# ---------------------------------------------------------------------------
# Nothing is lost, nothing is twice
# ---------------------------------------------------------------------------

stop('KILL', $writer);
my $n = (split / /, (acknowledged())[-1])[0];
is(value(anywhere(), "SELECT count(*) FROM generate_series(1, $n) g WHERE NOT EXISTS (SELECT FROM written w WHERE w.n = g)"), '0', "none of $n acknowledged writes is lost");
wait_for('the queue', sub { value(anywhere(), 'SELECT count(*) = 0 FROM vvault_stream.jobs') });
is(value(anywhere(), 'SELECT count(*) FROM written w WHERE NOT EXISTS (SELECT FROM chaos.done d WHERE d.n = w.n)'), '0', 'the job of each is done');
is(value(anywhere(), 'SELECT count(*) - count(DISTINCT n) FROM chaos.done'), '0', 'and none is done twice');
is(value(anywhere(), 'SELECT count(*) FROM vvault_check()'), '0', 'vvault_check() finds nothing');
is(join(' ', map { lines_of("reader_$_") =~ /^([1-9]\d* wrong)/m } @names), '', 'no reply was wrong');
if ($url)
{
	my @back = lines_of('http') =~ /^(back.*)$/mg;
	note(scalar(@back) . ' times a URL went back, while another node answered for its own');
}
note(sprintf '%d reads compared, %d by HTTP', eval { my $all = 0; $all += compared($_) for @names; $all }, 50 * (() = lines_of('http') =~ /read/g));

stop('KILL', $http_reader) if $http_reader;
stop('KILL', $program, @workers, values %reader);
done_testing();
