#
# 012_crash.pl
#		The server is killed while charts come in and feeds are read. After
#		each recovery the derived tables are right, whatever was acknowledged
#		is there, and no version of a feed has had two contents.
#
# VVAULT_CRASH_ROUNDS=n kills the postmaster n times.
#
# make check: early
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $rounds = $ENV{VVAULT_CRASH_ROUNDS} // 25;
my $per_round = 400;    # calls that a client makes in a round, at most

my $node = new_node('crash');
$node->append_conf('postgresql.conf', 'checkpoint_timeout = 30s');
$node->reload;
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION vvault CASCADE;
CREATE ROLE plain LOGIN;
GRANT USAGE ON SCHEMA vvault TO plain;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON vvault.videos, vvault.snapshots TO plain;
EOF
load_sample($node, 'postgres', sample_file('--days', 4, '--regions', 'US,PL,SE', '--per-chart', 50));

# A client ingests chart after chart of its region, each an hour after the one
# before, and prints the reply once it is committed. Plain writers beside them
# print what they wrote, readers what they saw.
sub ingest_script
{
	my ($region, $round) = @_;

	return join('', map {
		sprintf(<<'EOF', $region, $region, $_ % 4, $round * $per_round + $_);
SELECT vvault_ingest('%s', (SELECT response FROM sample WHERE region = '%s' ORDER BY id OFFSET %d LIMIT 1),
	'2026-02-01 00:00+00'::timestamptz + %d * interval '15 minutes');
EOF
	} 0 .. $per_round - 1);
}

sub plain_script
{
	my ($round) = @_;

	return "\\set ON_ERROR_ROLLBACK off\nSET SESSION AUTHORIZATION plain;\n"
	  . join('', map {
		my $n = $round * $per_round * 20 + $_;

		# no region of these is ingested: one more would only wait
		<<"EOF";
INSERT INTO vvault.videos (region, video_id, virality_score) VALUES ('NO', 'plain$n', $n % 101), ('AT', 'plain$n', $n % 101)
RETURNING video_id || ' in ' || region;
EOF
	} 0 .. $per_round * 20 - 1);
}

# Who has made all its calls stays until it is cut off.
sub script_of
{
	my ($name, $round) = @_;
	my $calls = $name eq 'plain' ? plain_script($round) : $name eq 'reader' ? reading_script($per_round * 20, qw(US PL SE NO)) : ingest_script($name, $round);

	return $calls . "SELECT /* $name */ FROM pg_sleep(1000000);\n";
}

my @clients = ('US', 'PL', 'SE', 'plain', 'reader');

sub backend_of_plain
{
	return $node->safe_psql('postgres',
		q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND query LIKE '%plain%' AND pid <> pg_backend_pid() LIMIT 1));
}

# Three ways to crash: the postmaster killed, an immediate shutdown, and one
# backend killed, which ends all the others too.
my %crash = (
	'postmaster killed' => sub { $node->kill9; return start_again($node); },
	'immediate shutdown' => sub { $node->stop('immediate'); return start_again($node); },
	'backend killed' => sub {
		my $pid = backend_of_plain();

		ok($pid, 'there is a backend to kill');
		kill 'KILL', $pid;
		# restart_after_crash is off: the postmaster goes
		eventually(sub { !-e $node->data_dir . '/postmaster.pid' });
		$node->_update_pid(-1);
		return start_again($node);
	},);
my @ways = ('immediate shutdown', 'backend killed', ('postmaster killed') x $rounds);

my %acknowledged;
my %seen;
my $charts = 0;
for my $round (0 .. $#ways)
{
	my $way = $ways[$round];
	my $label = "round $round, $way";
	my @running = map { start_client($node, 'postgres', $_, script_of($_, $round)) } @clients;

	wait_for_lines(1 + $round % 3, @running);
	ok($crash{$way}->(), "$label: the server comes back");
	for my $client (@running)
	{
		ok(!finish_client($client), "$label: client $client->{name} was cut off")
		  or diag($client->{out});
		push @{ $acknowledged{ $client->{name} } }, complete_lines($client);
	}

	is_consistent($node, 'postgres', $label);

	# every reply has its ingest and its snapshots
	my $lists = join(', ', map { "\$reply\$[" . join(',', @{ $acknowledged{$_} }) . "]\$reply\$" } qw(US PL SE));
	my $lost = $node->safe_psql('postgres', <<"EOF");
WITH reply AS (
	SELECT r ->> 'region' AS region, (r ->> 'fetched_at')::timestamptz AS fetched_at, (r ->> 'accepted')::int AS accepted
	FROM unnest(ARRAY[$lists]) l, json_array_elements(l::json) r)
SELECT r.* FROM reply r
WHERE NOT EXISTS (SELECT FROM vvault.ingests i
		WHERE i.region = r.region AND i.fetched_at = r.fetched_at AND i.accepted = r.accepted)
	OR r.accepted <> (SELECT count(*) FROM vvault.snapshots s
		WHERE s.region = r.region AND s.fetched_at = r.fetched_at)
EOF
	is($lost, '', "$label: every acknowledged chart is there");
	my $ingests = $node->safe_psql('postgres', 'SELECT count(*) FROM vvault.ingests');
	my $replies = 0;
	$replies += @{ $acknowledged{$_} } for qw(US PL SE);
	cmp_ok($replies, '>', $charts, "$label: there were some");
	$charts = $replies;

	# a client had at most one call under way at each crash
	cmp_ok($ingests, '<=', $replies + 3 * ($round + 1), "$label: and nothing was taken in twice");
	is( $node->safe_psql('postgres', <<'EOF'), '', "$label: no chart is there in part");
SELECT s.region, s.fetched_at, count(*) FROM vvault.snapshots s WHERE s.region IN ('US', 'PL', 'SE')
GROUP BY s.region, s.fetched_at
HAVING count(*) IS DISTINCT FROM (SELECT i.accepted FROM vvault.ingests i
	WHERE i.region = s.region AND i.fetched_at = s.fetched_at)
EOF
	my $plain = join(', ', map { "'$_'" } @{ $acknowledged{plain} });
	is( $node->safe_psql('postgres', <<"EOF"), '', "$label: every acknowledged row is there");
SELECT a FROM unnest(ARRAY[$plain]) a
WHERE a NOT IN (SELECT video_id || ' in ' || region FROM vvault.videos)
EOF

	# what was read before the crash and what the server says after it
	my $now = $node->safe_psql('postgres', reading_script(4, qw(US PL SE NO)));
	is( join("\n", contradictions(\%seen, @{ delete $acknowledged{reader} }, split(/\n/, $now))),
		'', "$label: each version of a feed has one content");
	like($node->safe_psql('postgres', "SELECT vvault_trending('US')"),
		qr/^\{"region":"US","region_name":"United States","videos":\[\{/,
		"$label: the feed is served");
}
is($node->safe_psql('postgres', 'SELECT vvault_rebuild()'), '0', 'vvault_rebuild() finds nothing wrong');
my $versions = 'SELECT count(*), count(DISTINCT version) FROM vvault.feed_versions';
my ($rows, $distinct) = split /\|/, $node->safe_psql('postgres', $versions);
is($distinct, $rows, 'no version stands twice');
cmp_ok(scalar(keys %seen), '>', @ways, 'many versions were seen');

$node->stop;
done_testing();
