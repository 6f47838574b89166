#
# 016_load.pl
#		200 connections read and ingest at once: no error, no deadlock, no
#		backend that grows, and the catalog is right afterwards. Latencies are
#		printed, not judged.
#
# VVAULT_LOAD_SECONDS=n makes it last n seconds once all are warm (a long run:
# 600), VVAULT_LOAD_CLIENTS=n takes another number of connections.
#
# make check: alone, since it wants all cores
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use VVaultTest;

my $seconds = $ENV{VVAULT_LOAD_SECONDS} // 30;
my $clients = $ENV{VVAULT_LOAD_CLIENTS} // 200;
my $warm = 6;       # ingests of each connection, after which its plans stay
my $rounds = 4;     # in which what each backend keeps is compared
my $dir = PostgreSQL::Test::Utils::tempdir();

my $node = new_node('load');
$node->append_conf('postgresql.conf', 'max_connections = ' . ($clients + 20) . "\nshared_buffers = 128MB");
$node->restart;
$node->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
load_sample($node, 'postgres', sample_file('--days', 6, '--per-chart', 10));
ingest_all($node, 'postgres');
$node->safe_psql('postgres', <<'EOF');
-- what each backend had in memory between two calls
CREATE TABLE memory (pid integer, at timestamptz DEFAULT clock_timestamp(), bytes bigint, plans bigint, resident bigint);
-- the responses of each region, by number
CREATE TABLE response AS
SELECT region, row_number() OVER (PARTITION BY region ORDER BY id)::integer AS n, response FROM sample;
ALTER TABLE response ADD PRIMARY KEY (region, n);
ANALYZE;
EOF
my $responses = $node->safe_psql('postgres', 'SELECT min(n) FROM (SELECT max(n) AS n FROM response GROUP BY region) r');
cmp_ok($responses, '>=', 5, 'there are responses');

# ---------------------------------------------------------------------------
# What a connection does
# ---------------------------------------------------------------------------

my $ingest = <<"EOF";
\\set n random(1, $responses)
SELECT vvault_ingest(region, response, clock_timestamp()) ->> 'accepted' FROM response
WHERE region = (ARRAY['US', 'GB', 'PL', 'NL', 'SE', 'NO', 'AT'])[:r] AND n = :n;
EOF
my %script = (
	ingest => $ingest,
	feed => <<"EOF",
\\set s random(1, $#{[0, @orders]})
SELECT vvault_trending((ARRAY['US', 'GB', 'PL', 'NL', 'SE', 'NO', 'AT'])[:r], 25,
	(ARRAY[@{[join ', ', map { qq('$_') } @orders]}])[:s]);
EOF
	page => <<'EOF',
SELECT vvault_trending('PL', 5, 'views', vvault_trending('PL', 5, 'views') ->> 'next_cursor');
EOF
	video => <<'EOF',
\set v random(0, 60)
SELECT vvault_video((SELECT video_id FROM vvault.video_regions ORDER BY video_id OFFSET :v LIMIT 1));
EOF
	site => "SELECT vvault_regions(), vvault_health();\n",
	search => "SELECT vvault_search('video', 'PL'), vvault_search('the first');\n",
	analytics => "SELECT vvault_analytics();\n",
	memory => <<"EOF",);
INSERT INTO memory (pid, bytes, plans, resident) SELECT pg_backend_pid(), k.*,
	(regexp_match(pg_read_file('/proc/self/status', 0, 10000), 'RssAnon:\\s*(\\d+) kB'))[1]::bigint
FROM ($kept_memory) k;
EOF
my %weight = (ingest => 2, feed => 68, page => 10, video => 8, search => 2, site => 5, analytics => 2, memory => 3);
my @names = sort keys %script;
my @files;

# Each connection begins with some ingests, whichever script it draws, and then
# calls of every other kind and all orders, computed and out of the cache.
my $orders = join('', map { "\\set s $_\n" . $script{feed} =~ s/^.*\n//r } 1 .. @orders);
for my $name (@names)
{
	my $others = join('', $orders, map { $script{$_} } grep { !/feed|ingest|memory/ } @names);

	append_to_file("$dir/$name.sql", <<"EOF");
\\set r random(1, 7)
\\if :warm > 0
\\set warm :warm - 1
$ingest
\\if :warm = 0
SET vvault.cache = off;
$others
SET vvault.cache = on;
$others
$script{memory}
\\endif
\\else
$script{$name}
\\endif
EOF
	push @files, '-f', "$dir/$name.sql\@$weight{$name}";
}

sub backends
{
	return split /\n/, $node->safe_psql('postgres', q(SELECT pid FROM pg_stat_activity WHERE application_name = 'pgbench' ORDER BY pid));
}

sub percentile
{
	my ($share, @sorted) = @_;

	return @sorted ? $sorted[ int($share * $#sorted) ] : 0;
}

# ---------------------------------------------------------------------------
# The run
# ---------------------------------------------------------------------------

my $begun = $node->safe_psql('postgres', 'SELECT count(*) FROM vvault.ingests');
my $out = '';
my $pgbench = IPC::Run::start(
	[
		'pgbench', '-n', '-M', 'extended', '-c', $clients, '-j', 4, '-T', 1_000_000, '-D', "warm=$warm", '--log', "--log-prefix=$dir/log",
		@files, $node->connstr . ' dbname=postgres application_name=pgbench'
	],
	'<', '/dev/null', '>', \$out, '2>', "$dir/err");

# every connection has done its first ingests; those still under way are few
until ($node->safe_psql('postgres', 'SELECT count(*) FROM vvault.ingests') >= $begun + $warm * $clients * 1.05)
{
	$pgbench->pump_nb;
	$pgbench->pumpable or BAIL_OUT('pgbench ended early: ' . slurp_file("$dir/err"));
	usleep(200_000);
}
my @pids = backends();
is(scalar @pids, $clients, 'all connections are there');
my $warm_at = time();

# looks into a quarter of the backends, as many as there are rounds
sub looked_enough
{
	return $node->safe_psql('postgres',
		"SELECT count(*) >= $clients / 4 FROM (SELECT FROM memory GROUP BY pid HAVING count(*) >= $rounds) b") eq 't';
}

while (time() < $warm_at + $seconds || time() < $warm_at + $seconds + 4 * $PostgreSQL::Test::Utils::timeout_default && !looked_enough())
{
	$pgbench->pump_nb;
	last unless $pgbench->pumpable;
	usleep(200_000);
}
is(join(' ', backends()), join(' ', @pids), 'no connection was lost');
my $ended_at = time();

$pgbench->signal('TERM');     # INT may be ignored, as in a job of a shell
eval { $pgbench->finish };
my $err = slurp_file("$dir/err");
unlike($err, qr/error|abort|failed/i, 'pgbench met no error') or diag($err);

# ---------------------------------------------------------------------------
# What came of it
# ---------------------------------------------------------------------------

# a line: client, transaction, microseconds (or "failed"), script, second, ...
my %latency;
my $failed = 0;
for my $file (glob("$dir/log.*"))
{
	for my $line (split /\n/, slurp_file($file))
	{
		my (undef, undef, $microseconds, $script, $second) = split / /, $line;

		next unless defined $second;
		$failed++ if $microseconds !~ /^\d+$/;
		push @{ $latency{ $names[$script] } }, $microseconds / 1000 if $second >= $warm_at && $second <= $ended_at && $microseconds =~ /^\d+$/;
	}
}
is($failed, 0, 'no transaction failed');
for my $name (@names)
{
	my @sorted = sort { $a <=> $b } @{ $latency{$name} // [] };

	cmp_ok(scalar @sorted, '>', 0, "$name: there were some");
	diag(sprintf('%-9s %7d calls in %.0f s, latency in ms: p50 %.1f, p90 %.1f, p99 %.1f, most %.1f',
		$name, scalar @sorted, $ended_at - $warm_at, (map { percentile($_, @sorted) } 0.5, 0.9, 0.99), $sorted[-1] // 0));
}
is($node->safe_psql('postgres', q(SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres')), '0', 'there was no deadlock');
# autovacuum makes way for who wants a table, and may come late
my $harmless = qr/connection to client lost|canceling autovacuum task|autovacuum worker took too long to start/;
is( join("\n", grep { /(?:ERROR|FATAL|PANIC|WARNING):  |TRAP:|was terminated/ && !/$harmless/ } split /\n/, slurp_file($node->logfile)),
	'', 'the log has no error');

# What each backend kept, at the ends of four rounds of as many looks. What leaks
# grows from each to the next; plans of a rare path, or what the server's caches
# had not yet, come once. So a backend grows by the least of its rounds. Resident
# memory levels off some 3 MB above where it begins, after minutes: of that, the
# whole of the run.
for my $what ([ 'bytes', 'least', 200, 1_000_000 ], [ 'plans', 'least', 1, 40 ], [ 'resident', 'whole', 5_000, 10_000 ])
{
	my ($column, $growth, $middle_bound, $bound) = @$what;
	my ($backends, $first, $middle, $most) = split /\|/, $node->safe_psql('postgres', <<"EOF");
WITH look AS (
	SELECT pid, $column AS kept, at, ntile($rounds) OVER (PARTITION BY pid ORDER BY at) AS round, count(*) OVER (PARTITION BY pid) AS looks
	FROM memory
), round AS (
	SELECT pid, round, (array_agg(kept ORDER BY at DESC))[1] AS kept FROM look WHERE looks >= $rounds GROUP BY pid, round
), grown AS (
	SELECT pid, round, kept, kept - lag(kept) OVER (PARTITION BY pid ORDER BY round) AS by FROM round
), backend AS (
	SELECT pid, min(by) AS least, sum(by) AS whole, min(kept) FILTER (WHERE round = 1) AS first FROM grown GROUP BY pid
)
SELECT count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY first), percentile_disc(0.5) WITHIN GROUP (ORDER BY $growth), max(whole) FROM backend
EOF
	diag("$column of $backends backends: $first at first; grew by $middle in the middle, by $most at most");
	cmp_ok($backends, '>=', $clients / 4, "$column: of many backends");
	cmp_ok($middle, '<', $middle_bound, "$column: no growth");
	cmp_ok($most, '<', $bound, "$column: in no backend");
}

is_consistent($node, 'postgres', 'afterwards');
is($node->safe_psql('postgres', 'SELECT vvault_rebuild()'), '0', 'vvault_rebuild() finds nothing wrong');
$node->stop;
done_testing();
