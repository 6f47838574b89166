#
# 015_interrupts.pl
#		A timeout, a cancel or the end of its backend, at any moment of any
#		public function, leaves no lock, no pin, no memory and no half work.
#
# The functions are found in the catalog: a new one is tested as soon as there
# is one, with the arguments of test/examples.sql.
#
# VVAULT_INTERRUPT_ROUNDS=n interrupts each function n times in each way,
# VVAULT_SEED=n at other moments.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use List::Util qw(max min);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use VVaultTest;

my $rounds = $ENV{VVAULT_INTERRUPT_ROUNDS} // 4;
my $seed = $ENV{VVAULT_SEED} // 20260114;
srand($seed);
diag("VVAULT_SEED=$seed VVAULT_INTERRUPT_ROUNDS=$rounds");

my $node = new_node('interrupts');
# nobody else holds a pin or a lock
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_lock_waits = off");
$node->restart;
$node->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE; CREATE EXTENSION pg_buffercache; CREATE ROLE site');
load_sample($node, 'postgres', sample_file('--days', 4, '--regions', 'US,PL,SE', '--per-chart', 50));
ingest_all($node, 'postgres');
$node->safe_psql('postgres', 'ANALYZE');

# ---------------------------------------------------------------------------
# A long statement of each function
# ---------------------------------------------------------------------------

# What keeps a writer busy; all else is from test/examples.sql.
my %busy = (
	'vvault_ingest.fetched_at' => "'2026-02-01 00:00+00'::timestamptz + g * interval '1 hour'",
	'vvault_ingest.response' => "(SELECT response FROM sample WHERE region = 'US' ORDER BY id OFFSET g % 4 LIMIT 1)",
	# a chart that there is whatever was taken back before
	'vvault_remove_chart.region' => "'SE'",
	'vvault_remove_chart.fetched_at' =>
	  "(vvault_ingest('SE', (SELECT response FROM sample WHERE region = 'SE' ORDER BY id OFFSET g % 4 LIMIT 1), '2026-02-01 00:00+00'::timestamptz + g * interval '1 hour') ->> 'fetched_at')",
	'vvault_grant.role' => "'site'",);

# Public functions and aggregates with the arguments that have no default; an
# ingest needs its fetched_at here.
my @functions;
for my $line (examples($node, 'postgres', <<'EOF'))
SELECT f.name, f.prokind, f.proretset,
	(SELECT coalesce(json_agg(json_build_array(a, coalesce(e.by_row, e.value), format_type(p.proargtypes[i - 1], NULL)) ORDER BY i), '[]')
	 FROM unnest(f.arguments[1:CASE f.name WHEN 'vvault_ingest' THEN 3 ELSE f.required END]) WITH ORDINALITY u (a, i),
		pg_temp.example(f.name, a) e)
FROM example_function f JOIN pg_proc p ON p.oid = f.oid
-- a server that is no node of a mesh: 017_mesh has those
WHERE f.name <> 'vvault_mesh_join' ORDER BY f.name
EOF
{
	my ($name, $kind, $retset, $arguments) = split /\|/, $line, 4;
	my @values;

	for (@{ decode_json($arguments) })
	{
		my ($argument, $value, $type) = @$_;

		$value = $busy{"$name.$argument"} // $value;
		# a number of one's own stands for all rows; another value is made
		# to depend on the row, so that it is computed for each
		push @values, $value =~ /^[\d.]+$/ ? $value : "CASE WHEN g > 0 THEN ($value)" . ($type eq 'anyelement' ? '' : "::$type") . ' END';
	}
	my $call = "$name(" . join(', ', @values) . ')';
	my $statement =
	    $kind eq 'a' ? "SELECT $call IS NULL"
	  : $retset eq 't' ? "SELECT count(*) FROM (SELECT $call"
	  : "SELECT count(($call)::text)";

	push @functions, { name => $name, select => $statement, end => $retset eq 't' ? ') s' : '' };
}
cmp_ok(scalar @functions, '>=', 35, 'the catalog knows the functions');

sub statement
{
	my ($function, $n) = @_;

	return "$function->{select} FROM generate_series(1, $n) g$function->{end}";
}

# ---------------------------------------------------------------------------
# What must not be left
# ---------------------------------------------------------------------------

my $control = open_session($node, 'postgres');
my $session = open_session($node, 'postgres');
my ($pid) = $session->query('SELECT pg_backend_pid()');

sub nothing_is_left
{
	my ($of, $label) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(($control->query("SELECT locktype, mode, relation::regclass FROM pg_locks WHERE pid = $of"))[0], '', "$label: no lock is left");
	no_pin_is_left($label);
	return;
}

# The checkpointer may hold a pin for a moment.
sub no_pin_is_left
{
	my ($label) = @_;
	my $pinned;

	eventually(sub {
		($pinned) = $control->query('SELECT relfilenode, relblocknumber FROM pg_buffercache WHERE pinning_backends > 0');
		$pinned eq '';
	});
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($pinned, '', "$label: no pin is left");
	return;
}

# What the session's backend keeps: bytes, and plans.
sub kept
{
	my ($kept) = $session->query($kept_memory);

	return split /\|/, $kept;
}

# The only errors are those of the interruption.
sub judge_error
{
	my ($error, $label, @allowed) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @other = grep { my $line = $_; !grep { $line =~ /$_/ } @allowed } split /\n/, $error;
	is(join("\n", @other), '', "$label: no error but the interruption");
	return;
}

# ---------------------------------------------------------------------------
# Each function
# ---------------------------------------------------------------------------

# Makes the statement last some 20 ms, if rows can do that.
for my $function (@functions)
{
	my $n = 1;

	while (1)
	{
		my $error = '';
		my $seconds = 1e9;

		# the shorter of two times: the machine may have something else to do
		for (1 .. 2)
		{
			my $start = time();

			$error .= ($session->query('BEGIN;' . statement($function, $n) . ';ROLLBACK'))[1];
			$seconds = min($seconds, time() - $start);
		}
		@$function{qw(rows seconds error)} = ($n, $seconds, $error);
		last if $function->{seconds} > 0.02 || $n > 500_000 || $error ne '';
		$n *= 4;
	}
	is($function->{error}, '', "$function->{name}: runs if left alone");
}

my $interrupted = 0;
my $allowed = qr/ERROR:  57014/;

# Interrupts a function in each way but the last.
sub interrupt
{
	my ($function) = @_;
	my ($name, $rows, $seconds) = @$function{qw(name rows seconds)};
	my $sql = statement($function, $rows);

	# by a timeout; half of them in a savepoint of a transaction that goes on
	for my $round (1 .. $rounds)
	{
		my $timeout = 1 + int(rand(1000 * $seconds));
		my $cache = $round % 2 ? 'off' : 'on';
		my (undef, $error) = $session->query("SET vvault.cache = $cache;\nSET statement_timeout = $timeout;\n$sql;\nSET statement_timeout = 0");

		$interrupted++ if $error =~ /57014/;
		judge_error($error, "$name, timeout of $timeout ms", $allowed);
		(undef, $error) = $session->query(<<"EOF");
BEGIN;
SAVEPOINT s;
SET LOCAL statement_timeout = $timeout;
$sql;
ROLLBACK TO s
EOF
		judge_error($error, "$name, timeout in a savepoint", $allowed);
		is( ($session->query(<<'EOF'))[0], '', "$name: no lock outlives the savepoint");
SELECT l.locktype, l.mode, l.relation::regclass FROM pg_locks l
WHERE l.pid = pg_backend_pid() AND (l.locktype NOT IN ('virtualxid', 'transactionid', 'relation')
	OR l.relation IN (SELECT oid FROM pg_class WHERE relnamespace = 'vvault'::regnamespace))
EOF
		no_pin_is_left("$name, in the transaction");
		$session->query('COMMIT');
	}

	# by a cancel
	$session->send($sql);
	usleep(1_000_000 * rand($seconds));
	$control->query("SELECT pg_cancel_backend($pid)");
	my (undef, $error) = $session->wait;
	$interrupted++ if $error =~ /57014/;
	judge_error($error, "$name, cancelled", $allowed);

	# while it waits for somebody
	$control->query(<<'EOF');
BEGIN;
SELECT 'LOCK TABLE vvault.' || quote_ident(relname) FROM pg_class
WHERE relnamespace = 'vvault'::regnamespace AND relkind = 'r' ORDER BY relname
\gexec
EOF
	(undef, $error) = $session->query("SET statement_timeout = 20;\n" . statement($function, 1) . ";\nSET statement_timeout = 0");
	judge_error($error, "$name, waiting", $allowed);
	$control->query('ROLLBACK');
	nothing_is_left($pid, $name);
	return;
}

for my $function (@functions)
{
	my ($name, $rows, $seconds) = @$function{qw(name rows seconds)};
	my $sql = statement($function, $rows);
	my ($bytes, $plans, $bytes_now, $plans_now);

	# What leaks does so every time. A path that was not gone before keeps
	# something once: plans of its own, or what a cache of the server had not yet.
	for my $try (1 .. 4)
	{
		($bytes, $plans) = kept();
		interrupt($function);
		($bytes_now, $plans_now) = kept();
		note("$name: $rows rows, bytes $bytes, $bytes_now, plans $plans, $plans_now");
		last if $bytes_now - $bytes < 2_000 && $plans_now <= $plans;
	}
	cmp_ok($bytes_now - $bytes, '<', 2_000, "$name: no memory is left");
	cmp_ok($plans_now - $plans, '<=', 0, "$name: no plan is left");

	# by the end of its backend
	my $doomed = open_session($node, 'postgres');
	my ($doomed_pid) = $doomed->query('SELECT pg_backend_pid()');
	$doomed->send($sql);
	usleep(1_000_000 * rand($seconds));
	$control->query("SELECT pg_terminate_backend($doomed_pid, 60000)");
	eval { $doomed->wait };
	is(($control->query("SELECT count(*) FROM pg_stat_activity WHERE pid = $doomed_pid"))[0], '0', "$name: its backend ends when told to");
	nothing_is_left($doomed_pid, "$name, terminated");
	$doomed->quit;
}

# The moments are chosen by how long a function took at first: where the machine has
# less to do by now, many are past its end.
for (my $n = 0; $interrupted <= @functions && $n < 20 * @functions; $n++)
{
	my $function = $functions[ $n % @functions ];

	$function->{seconds} = max(0.001, $function->{seconds} / 2);
	interrupt($function);
}
cmp_ok($interrupted, '>', @functions, 'many statements were interrupted');

is(($control->query('SELECT count(*) FROM pg_ls_tmpdir()'))[0], '0', 'no temporary file is left');
is(($control->query('SELECT count(*) FROM pg_prepared_xacts'))[0], '0', 'no prepared transaction is left');
$_->quit for $session, $control;

is_consistent($node, 'postgres', 'after all');
cache_functions($node, 'postgres');
is( $node->safe_psql('postgres', <<'EOF'), '', 'the cache and what is computed say the same');
SELECT c FROM unnest(ARRAY['vvault_trending(''US'')', 'vvault_trending(''PL'', 25, ''hot'')', 'vvault_regions()', 'vvault_analytics()',
	'vvault_video((SELECT min(video_id) FROM vvault.videos))']) c
WHERE test.cached(c) IS DISTINCT FROM test.computed(c) OR test.cached(c) LIKE 'error%'
EOF
is($node->safe_psql('postgres', 'SELECT count(*) FROM vvault.ingests WHERE fetched_at > now()'), '0', 'nothing is there in part');
unlike(slurp_file($node->logfile), qr/refcount leak|not closed|still referenced|leaked|was terminated by signal|PANIC:|TRAP:/, 'the log has no complaint');

$node->stop;
done_testing();
