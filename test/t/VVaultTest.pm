#
# VVaultTest.pm
#		What the TAP tests share: a node, sample charts, open sessions, clients
#		that run beside the test.
#
# The current directory is the root of the project: demo/generate.pl makes the
# sample charts.
#
package VVaultTest;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(new_node run_script sample_file load_sample ingest_all
  is_consistent derived_tables same_lines within_step not_across examples open_session value cache_functions cache_counters start_client wait_for_lines complete_lines
  finish_client stop_client start_again wait_until eventually still_refused reading_script contradictions @orders @still_orders $kept_memory);

# The orders of the feed: the choices of default_sort; and those that do not
# move with the clock, whose pages are the same a second later.
our @orders = split /,/, (slurp_file('src/site/settings.sql') =~ /\('default_sort', .*?'\{([a-z_,]+)\}'/s)[0];
our @still_orders = do
{
	my %moves = map { $_ => 1 } slurp_file('src/feed/orders.c') =~ /\.name = "(\w+)",\s*MOVING_ORDER/g;

	grep { !$moves{$_} } @orders;
};

# What a backend keeps from one statement to the next, as two columns: bytes, and
# plans. Caches of the catalog, compiled regular expressions and statistics that
# wait to be reported come and go; where WAL records are put together, room stays
# for the largest so far.
our $kept_memory = <<'EOF';
SELECT sum(used_bytes) FILTER (WHERE name NOT IN ('CacheMemoryContext', 'relation rules', 'index info', 'PgStat Pending',
		'WAL record construction', 'RegexpMemoryContext', 'CachedPlan', 'CachedPlanSource', 'CachedPlanQuery')) AS bytes,
	count(*) FILTER (WHERE name = 'CachedPlanSource') AS plans
FROM pg_backend_memory_contexts
EOF

my $clients = 0;
my %running;

# A UTF8 node, made and started, with vvault preloaded. preload => 0 leaves that
# out, conf => '...' adds lines to its configuration; further parameters are
# those of init(), and install_path of new().
sub new_node
{
	my ($name, %params) = @_;
	my $path = delete $params{install_path};
	my $node = PostgreSQL::Test::Cluster->new($name, $path ? (install_path => $path) : ());
	my $preload = delete $params{preload} // 1;
	my $conf = delete $params{conf} // '';

	$node->init(extra => [ '--encoding=UTF8', '--locale=C' ], %params);
	$node->append_conf('postgresql.conf', <<"EOF");
log_statement = none
deadlock_timeout = 50ms
max_connections = 40
shared_buffers = 32MB
EOF
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'vvault'")
	  if $preload;
	$node->append_conf('postgresql.conf', $conf);
	$node->start;
	return $node;
}

# Runs a psql script from a file; dies with what psql said if it fails.
sub run_script
{
	my ($node, $db, $file) = @_;
	my ($stdout, $stderr);

	IPC::Run::run(
		[
			'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-f',
			$file, '-d', $node->connstr($db)
		],
		'<', '/dev/null', '>', \$stdout, '2>', \$stderr)
	  or die "psql -f $file failed:\n$stderr";
	return $stdout;
}

# Sample charts as a file: REGION, FETCHED_AT, FIRST_RANK, JSON in the text
# format of COPY.
sub sample_file
{
	my (@options) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/charts.tsv';

	IPC::Run::run([ $^X, 'demo/generate.pl', @options ], '>', $file)
	  or die "demo/generate.pl failed";
	return $file;
}

# Puts the pages of a file into a table of their own, numbered by region in
# the order of the file.
sub load_sample
{
	my ($node, $db, $file, $table) = @_;
	my $script = "$file.sql";

	$table //= 'sample';
	open my $fh, '>', $script or die "$script: $!";
	print $fh <<"EOF";
CREATE TABLE $table (
	id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, region text,
	fetched_at timestamptz, first_rank integer, response json);
\\copy $table (region, fetched_at, first_rank, response) from '$file'
EOF
	close $fh;
	run_script($node, $db, $script);
	return;
}

# Ingests the pages of a table that meet a condition, in their order. Returns
# the replies, one a line.
sub ingest_all
{
	my ($node, $db, $condition, $table) = @_;

	$table //= 'sample';
	$condition //= 'true';
	return $node->safe_psql($db, <<"EOF");
SELECT vvault_ingest(region, response, fetched_at, first_rank)
FROM (SELECT * FROM $table WHERE $condition ORDER BY id) p
EOF
}

# The same text: of two that differ, the first lines that do are shown, around
# the place, since replies are long.
sub same_lines
{
	my ($got, $expected, $label) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return pass($label) if $got eq $expected;

	my @lines = ([ split /\n/, $got, -1 ], [ split /\n/, $expected, -1 ]);
	my $shown = 0;

	fail($label);
	for my $n (0 .. ($#{ $lines[0] } > $#{ $lines[1] } ? $#{ $lines[0] } : $#{ $lines[1] }))
	{
		my ($here, $there) = map { $_->[$n] // '(no line)' } @lines;
		next if $here eq $there;

		($here ^ $there) =~ /^\0*/;
		my $from = $+[0] < 40 ? 0 : $+[0] - 40;

		diag(sprintf("line %d from character %d\n     got: %s\nexpected: %s", $n + 1, $from, map { substr($_, $from, 160) } $here, $there));
		last if ++$shown == 3;
	}
	return 0;
}

# What a sub returns that compares replies. Some are of an instant, which moves in
# steps of an hour: what began in one step and ended in another is done again.
sub within_step
{
	my ($code) = @_;
	my ($step, @results);

	do
	{
		$step = int(CORE::time() / 3600);
		@results = $code->();
	} until int(CORE::time() / 3600) == $step;
	return @results;
}

# not_across(STEP, SECONDS): waits, if need be, until what takes so many seconds does
# not end in another step of the clock (3600 for most that moves, 86400 for days of
# UTC) than it begins in. For tests in which one comparison leads to the next.
sub not_across
{
	my ($step, $seconds) = @_;

	usleep(200_000) while $step - CORE::time() % $step < $seconds;
	return;
}

# The lines of a query that uses what test/examples.sql makes: values for the
# arguments of every function.
sub examples
{
	my ($node, $db, $query) = @_;

	return split /\n/, $node->safe_psql($db, slurp_file('test/examples.sql') . $query);
}

# The derived tables of vvault, by their comments.
sub derived_tables
{
	my ($node, $db) = @_;

	return split /\n/, $node->safe_psql($db, <<'EOF');
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'vvault'::regnamespace AND c.relkind = 'r' AND obj_description(c.oid, 'pg_class') ~ 'Derived from'
ORDER BY c.relname COLLATE "C"
EOF
}

# Derived tables equal the naive SQL. With written => 1 the test has changed by
# plain SQL what charts wrote into videos, which is then no finding.
sub is_consistent
{
	my ($node, $db, $label, %param) = @_;
	my $but = $param{written} ? q( WHERE derived_table <> 'videos') : '';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($node->safe_psql($db, "SELECT * FROM vvault_check()$but"),
		'', "$label: vvault_check() finds nothing");
}

# Functions in the schema test that tests of the reply cache compare with. A
# call is SQL text; its outcome is the reply, or "error" and the SQLSTATE. Those
# two take the snapshot of the statement that calls them, so that
# SELECT test.cached(c) = test.computed(c) compares within one.
sub cache_functions
{
	my ($node, $db) = @_;

	$node->safe_psql($db, <<'EOF');
CREATE SCHEMA test;
GRANT USAGE ON SCHEMA test TO PUBLIC;
CREATE FUNCTION test.cached(call text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	reply text;
BEGIN
	EXECUTE format('SELECT (%s)::text', call) INTO reply;
	RETURN coalesce(reply, 'NULL');
EXCEPTION WHEN OTHERS THEN
	RETURN 'error ' || SQLSTATE;
END
$$;
-- gin_fuzzy_search_limit also keeps it from what a backend remembers of a state
CREATE FUNCTION test.computed(call text) RETURNS text LANGUAGE plpgsql STABLE
SET vvault.cache = off SET gin_fuzzy_search_limit = 1000000000 AS $$
DECLARE
	reply text;
BEGIN
	EXECUTE format('SELECT (%s)::text', call) INTO reply;
	RETURN coalesce(reply, 'NULL');
EXCEPTION WHEN OTHERS THEN
	RETURN 'error ' || SQLSTATE;
END
$$;
-- where a call's reply came from: HIT, MISS or BYPASS
CREATE FUNCTION test.x_cache(call text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	headers text;
BEGIN
	PERFORM set_config('request.method', 'GET', true), set_config('request.headers', '{}', true),
		set_config('response.headers', '', true);
	EXECUTE format('SELECT (%s)::text', call);
	headers := current_setting('response.headers');
	PERFORM set_config('request.method', '', true);
	RETURN substring(headers from '"X-Cache":"([A-Z]+)"');
END
$$;
CREATE FUNCTION test.counter(VARIADIC path text[]) RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT (vvault_health() -> 'cache' #>> path)::bigint
$$;
EOF
	return;
}

# The counters of the reply cache, flat: hits, misses, ..., bypass_write, ...
sub cache_counters
{
	my ($node, $db) = @_;
	my $json = $node->safe_psql($db, <<'EOF');
SELECT string_agg(k || '=' || v, ' ') FROM (
	SELECT key AS k, value AS v FROM json_each_text(vvault_health() -> 'cache') WHERE key <> 'bypasses'
	UNION ALL SELECT 'bypass_' || key, value FROM json_each_text(vvault_health() -> 'cache' -> 'bypasses')) x
EOF
	return { map { split /=/ } split / /, $json };
}

# A psql that stays open.
sub open_session
{
	my ($node, $db, %params) = @_;

	return VVaultTest::Session->new($node, $db, %params);
}

# What a session says to statements: their output, or their errors.
sub value
{
	my ($session, $sql) = @_;
	my ($out, $err) = $session->query($sql);

	return $err eq '' ? $out : $err;
}

# A psql that runs a script beside the test, until it ends or the server does.
# What it printed gathers in {out} and {err} as it is waited for.
sub start_client
{
	my ($node, $db, $name, $script) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . "/$name." . $clients++ . '.sql';
	my $client = { name => $name, out => '', err => '' };

	append_to_file($file, $script);
	$client->{harness} = IPC::Run::start(
		[
			'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-v',
			'VERBOSITY=verbose', '-f', $file, '-d', $node->connstr($db)
		],
		'<', '/dev/null', '>', \$client->{out}, '2>', \$client->{err});
	$running{ $client->{harness} } = $client;
	return $client;
}

# Waits until each of these clients has printed that many lines. Other clients
# are listened to as well, so that none is held up by what it has to say.
sub wait_for_lines
{
	my ($lines, @waited_for) = @_;
	my $timer = IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default);

	$timer->start;
	while (my @late = grep { ($_->{out} =~ tr/\n//) < $lines } @waited_for)
	{
		for my $client (@late)
		{
			$client->{harness}->pumpable
			  or BAIL_OUT("client $client->{name} ended early: $client->{err}");
		}
		$timer->check;
		eval { $_->{harness}->pump_nb } for grep { $_->{harness}->pumpable } values %running;
		usleep(2_000);
	}
	return;
}

# Waits until a client ends by itself; true if it did well.
sub finish_client
{
	my ($client) = @_;

	delete $running{ $client->{harness} };
	return $client->{harness}->finish;
}

# What a client printed so far; the last line may be a part, and is left out.
sub complete_lines
{
	my ($client) = @_;

	return $client->{out} =~ /\A(.*\n)/s ? split(/\n/, $1) : ();
}

# Ends a client in the middle of whatever it does.
sub stop_client
{
	my ($client) = @_;

	$client->{harness}->signal('TERM');
	eval { finish_client($client) };
	return;
}

# Waits until a query says true, as poll_query_until does, of a server that may
# be down meanwhile: the query is no input of a psql that ends before it reads.
sub wait_until
{
	my ($node, $db, $query) = @_;

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my ($out, $err);

		IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr($db), '-c', $query ], '<', '/dev/null', '>', \$out, '2>', \$err);
		return 1 if $out eq "t\n";
		usleep(100_000);
	}
	diag("timed out waiting for: $query");
	return 0;
}

# still_refused(CODE): what the code says, which makes three requests of who may make no
# more and counts them by status. The minute may turn that makes room for one.
sub still_refused
{
	my ($counted) = @_;
	my $seen;

	for (1 .. 3)
	{
		last if ($seen = $counted->()) eq '429:3';
	}
	return $seen;
}

# Waits until a sub says true. It is asked some fifty times even where each takes long.
sub eventually
{
	my ($code) = @_;
	my $end = CORE::time() + 2 * $PostgreSQL::Test::Utils::timeout_default;

	for (my $asked = 0; $asked < 50 || CORE::time() < $end; $asked++)
	{
		return 1 if $code->();
		usleep(20_000);
	}
	return 0;
}

# Starts a node whose server was killed: that leaves its backends to notice,
# and until they have, a new server refuses to start.
sub start_again
{
	my ($node) = @_;
	my @command = (
		'pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile, 'start');

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my $output;

		if (IPC::Run::run(\@command, '<', '/dev/null', '>&', \$output))
		{
			$node->_update_pid(1);
			return 1;
		}
		usleep(100_000);
	}
	return 0;
}

# Reads feeds again and again: prints, for one snapshot each, the region, the
# versions of its feed and a hash of what it shows. The order that moves with
# the clock is left out. Replies come out of the cache and are computed in turn.
sub reading_script
{
	my ($count, @regions) = @_;
	my $replies = join(" || ", map { "vvault_trending(r, 200, '$_')::text" } @still_orders);

	return join('', map {
		my $region = $regions[ $_ % @regions ];
		my $cache = int($_ / @regions) % 2 ? 'off' : 'on';

		<<"EOF";
SET vvault.cache = $cache;
SELECT r, (SELECT md5(string_agg(version::text, ' ' ORDER BY written_by)) FROM vvault.feed_versions WHERE region = r),
	md5($replies) FROM (VALUES ('$region')) AS v (r);
EOF
	} 0 .. $count - 1);
}

# Takes what such scripts printed into %$seen, the content of each version, and
# returns those lines that say otherwise than a line before.
sub contradictions
{
	my ($seen, @lines) = @_;
	my @wrong;

	for my $line (@lines)
	{
		my ($region, $versions, $content) = split /\|/, $line;
		my $known = $seen->{"$region $versions"} //= $content;

		push @wrong, $line if $known ne $content;
	}
	return @wrong;
}

package VVaultTest::Session;

sub new
{
	my ($class, $node, $db, %params) = @_;
	my $self = { in => '', out => '', err => '', count => 0 };
	my $connstr = $node->connstr($db);

	$connstr .= " user=$params{user}" if $params{user};
	$self->{timer} = IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default);
	$self->{run} = IPC::Run::start(
		[
			'psql', '-X', '-q', '-A', '-t', '-v', 'VERBOSITY=sqlstate', '-f',
			'-', '-d', $connstr
		],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err},
		$self->{timer});
	return bless $self, $class;
}

# Sends statements without waiting for their end.
sub send
{
	my ($self, $sql) = @_;

	$self->{count}++;
	$self->{in} .= "$sql\n;\n\\echo end-$self->{count}\n\\warn end-$self->{count}\n";
	$self->{timer}->start($PostgreSQL::Test::Utils::timeout_default);
	$self->{run}->pump_nb;
	return;
}

# Waits for what send() started. Returns its output and its errors.
sub wait
{
	my ($self) = @_;
	my $end = "end-$self->{count}\n";

	until ($self->{out} =~ /^\Q$end\E/m && $self->{err} =~ /^\Q$end\E/m)
	{
		eval { $self->{run}->pump; 1 } or die "psql is gone: $self->{err}$@";
		die "psql hangs: $self->{out}$self->{err}" if $self->{timer}->is_expired;
	}
	my ($out, $err) = ($self->{out}, $self->{err});
	$self->{out} = $self->{err} = '';
	s/^\Q$end\E\z//m for $out, $err;
	chomp($out, $err);
	return ($out, $err);
}

# Runs statements; returns output and errors.
sub query
{
	my ($self, $sql) = @_;

	$self->send($sql);
	return $self->wait;
}

sub quit
{
	my ($self) = @_;

	$self->{in} .= "\\q\n";
	eval { $self->{run}->finish };
	return;
}

1;
