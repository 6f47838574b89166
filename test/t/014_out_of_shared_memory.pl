#
# 014_out_of_shared_memory.pl
#		When the table of locks is full, calls fail with 53200 or do their
#		work; nothing is left of those that failed, and all goes on once there
#		is room again.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $node = new_node('full');
$node->append_conf('postgresql.conf', <<'EOF');
max_connections = 15
max_locks_per_transaction = 10
max_pred_locks_per_transaction = 10
autovacuum = off
EOF
$node->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
load_sample($node, 'postgres', sample_file('--days', 4, '--regions', 'US,PL,SE', '--per-chart', 50));
ingest_all($node, 'postgres', "fetched_at < '2026-01-12 00:00+00'");
$node->restart;

# Sessions that are there before it is full, each with a cold cache.
my $hog = open_session($node, 'postgres');
my $log_position = -s $node->logfile;

# Takes locks until there is room for no more, then leaves room for some.
sub fill
{
	my ($room) = @_;

	$hog->query(<<'EOF');
DO $$
BEGIN
	FOR i IN 1 .. 1000000 LOOP
		PERFORM pg_advisory_lock(i);
	END LOOP;
EXCEPTION WHEN out_of_memory THEN
	NULL;	-- locks of a session outlive the block
END
$$
EOF
	my ($locks) = $hog->query(q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'));
	$hog->query(<<"EOF") if $room;
SELECT pg_advisory_unlock(objid::bigint) FROM (SELECT objid FROM pg_locks WHERE locktype = 'advisory' LIMIT $room) l
EOF
	return $locks;
}

my @calls = (
	(map { "vvault_trending('US', 50, '$_')" } @orders),
	q(vvault_video((SELECT min(video_id) FROM vvault.videos))),
	'vvault_regions()', 'vvault_health()', 'vvault_analytics()', "vvault_insights('PL')", 'vvault_fetch_schedule()', 'vvault_dashboard()',
	"vvault_region_valid('US')", q((SELECT count(*) FROM vvault_check())),
	q(vvault_ingest('US', (SELECT response FROM sample WHERE region = 'US' ORDER BY id DESC LIMIT 1), '2026-02-01 00:00+00')),
	q(vvault_ingest('PL', (SELECT response FROM sample WHERE region = 'PL' ORDER BY id DESC LIMIT 1), '2026-02-01 00:00+00')),
	"vvault_set('page_limit', '150')", "vvault_block('nothing')", 'vvault_rebuild()', q(vvault_prune('2026-01-10 00:00+00')),);

my %failed;
my %worked;
for my $room (0, 5, 10, 20, 30, 45, 60, 100)
{
	my $session = open_session($node, 'postgres');
	my ($pid) = $session->query('SELECT pg_backend_pid()');

	cmp_ok(fill($room), '>', 100, "room for $room: the locks were taken");
	for my $call (@calls)
	{
		my (undef, $error) = $session->query("BEGIN ISOLATION LEVEL SERIALIZABLE;\nSELECT length($call\::text) >= 0;\nCOMMIT");

		if ($error eq '') { $worked{$call}++; next; }
		$failed{$call}++;
		like($error, qr/\A(?:psql:\S* ERROR:  53200\n?)+\z/, "room for $room: $call is out of memory and nothing else");
	}

	# the lock manager itself has room for no lock of ours, so this looks from
	# the hog's own
	my ($left) = $hog->query("SELECT count(*) FROM pg_locks WHERE pid = $pid");
	is($left, '0', "room for $room: no lock is left");
	$hog->query('SELECT pg_advisory_unlock_all()');
	is_consistent($node, 'postgres', "room for $room");
	is(($session->query("SELECT vvault_trending('US') ->> 'region'"))[0], 'US', "room for $room: the session goes on");
	$session->quit;
}
for my $call (@calls)
{
	ok($failed{$call}, "$call failed for want of room") unless $call =~ /region_valid/;
	ok($worked{$call}, "$call worked with some");
}

# half a chart is not there: two ingests may have come through, no more
is($node->safe_psql('postgres', <<'EOF'), '', 'each chart is there whole or not at all');
SELECT i.region, i.fetched_at FROM vvault.ingests i
WHERE i.accepted <> (SELECT count(*) FROM vvault.snapshots s WHERE s.region = i.region AND s.fetched_at = i.fetched_at)
	AND i.fetched_at >= '2026-02-01'
EOF
unlike(slurp_file($node->logfile, $log_position), qr/refcount leak|not closed|still referenced|was terminated by signal|PANIC:|TRAP:/,
	'the log has no complaint');
ingest_all($node, 'postgres', "fetched_at >= '2026-01-12 00:00+00'");
is_consistent($node, 'postgres', 'afterwards');

$node->stop;
done_testing();
