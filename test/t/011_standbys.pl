#
# 011_standbys.pl
#		A primary and two standbys under load: each version of a feed has one
#		content, wherever and whenever it is read; readers get no error; an
#		open session on a standby sees a change of regions; a promoted standby
#		goes on, and the other one follows it.
#
# VVAULT_STANDBY_ROUNDS=n makes the load n times as long.
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
use Time::HiRes qw(usleep);
use VVaultTest;

my $rounds = $ENV{VVAULT_STANDBY_ROUNDS} // 1;
my $charts = 40 * $rounds;     # that each writer gets to take in, at least
my @regions = qw(US PL SE NO AT);

my $primary = new_node('one', allows_streaming => 1);

# Readers on a standby must not be cancelled for holding up recovery: what they
# get as an error is ours then.
$primary->append_conf('postgresql.conf', <<'EOF');
hot_standby_feedback = on
max_standby_streaming_delay = -1
max_standby_archive_delay = -1
wal_receiver_status_interval = 1s
wal_retrieve_retry_interval = 100ms
wal_keep_size = 256MB
EOF
$primary->restart;
$primary->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
load_sample($primary, 'postgres', sample_file('--days', 4, '--regions', 'US,PL,SE', '--per-chart', 50));
ingest_all($primary, 'postgres', 'id <= 3');
# a feed that nobody writes, whose video comes and goes elsewhere
$primary->safe_psql('postgres', "INSERT INTO vvault.videos (region, video_id) VALUES ('AT', 'shared')");

$primary->backup('base');
my @standbys = map {
	my $standby = PostgreSQL::Test::Cluster->new($_);

	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	$standby->start;
	$standby;
} qw(two three);

# ---------------------------------------------------------------------------
# The load
# ---------------------------------------------------------------------------

# Everything that changes a feed. Each script is longer than it gets to run; one
# that comes to its end all the same stays until it is stopped.
my $stays = "SELECT FROM pg_sleep(1000000);\n";

# Charts come in an hour after each other, from $first on; every tenth call
# brings an older one again.
sub ingest_script
{
	my ($region, $first) = @_;

	return join('', map {
		my $hour = $first + ($_ % 10 == 9 ? $_ - 5 : $_);

		<<"EOF";
SELECT (vvault_ingest('$region', (SELECT response FROM sample WHERE region = '$region' ORDER BY id OFFSET $_ % 4 LIMIT 1),
	'2026-02-01 00:00+00'::timestamptz + $hour * interval '1 hour') ->> 'accepted')::int > 0;
EOF
	} 0 .. 2000 * $rounds) . $stays;
}

sub owner_script
{
	my ($first) = @_;

	return join('', map {
		my $n = $first + $_;

		(
			"SELECT vvault_block((SELECT min(video_id) FROM vvault.videos WHERE region = 'US' AND video_id > chr(48 + $n % 70)), 'asked to');\n",
			"DELETE FROM vvault.blocked_videos;\n",
			"SELECT vvault_set('viral_threshold', '" . (70 + $n % 20) . "');\n",
			"INSERT INTO vvault.videos (region, video_id, title, views) VALUES ('NO', 'plain$n', 'by hand', $n);\n",
			# who was ended before has left it there
			"INSERT INTO vvault.videos (region, video_id) VALUES ('NO', 'shared') ON CONFLICT DO NOTHING;\n",
			"SELECT 1 FROM pg_sleep(0.01);\n",
			"DELETE FROM vvault.videos WHERE region = 'NO' AND video_id = 'shared';\n",
			"DELETE FROM vvault.videos WHERE region = 'NO' AND video_id = 'plain" . ($n - 3) . "';\n",
			"INSERT INTO vvault.regions (region, name) VALUES ('NO', 'Norge $n') ON CONFLICT (region) DO UPDATE SET name = EXCLUDED.name;\n",
			"SELECT vvault_prune('2026-02-01 00:00+00'::timestamptz);\n",
			"SELECT vvault_rebuild();\n",
			"SELECT 1 FROM pg_sleep(0.01);\n",)
	} 0 .. 500 * $rounds) . $stays;
}

sub start_load
{
	my ($node, $first) = @_;

	return (
		(map { start_client($node, 'postgres', $_, ingest_script($_, $first)) } qw(US PL SE)),
		start_client($node, 'postgres', 'owner', owner_script($first)));
}

# Readers in two shapes: each statement with its own snapshot, and several under
# one, which is what a page with more than one call does.
sub start_readers
{
	my ($node) = @_;
	my $name = $node->name;
	my $script = reading_script(20_000 * $rounds, @regions);
	my $several = '';
	my $n = 0;

	for my $statement ($script =~ /(.*?;\n)/gs)
	{
		$several .= "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n" if $n % 5 == 0;
		$several .= $statement;
		$several .= "COMMIT;\n" if ++$n % 5 == 0;
	}
	return (
		start_client($node, 'postgres', "reader of $name", $script),
		start_client($node, 'postgres', "transactions of $name", $several));
}

my %seen;

# The versions of feeds that readers have read so far.
sub versions_read
{
	my (@some) = @_;
	my %versions = map { join(' ', (split /\|/)[ 0, 1 ]) => 1 } map { complete_lines($_) } @some;

	return \%versions;
}

# How many versions readers of standbys have read that readers of the primary have
# read as well.
sub read_on_both
{
	my (@some) = @_;
	my $primary = versions_read(grep { $_->{name} =~ /of one$/ } @some);

	return scalar grep { $primary->{$_} } keys %{ versions_read(grep { $_->{name} !~ /of one$/ } @some) };
}

# Who reads is not as quick as who writes, on some machines.
sub read_enough
{
	my (@some) = @_;

	for (my $lines = 10; keys %{ versions_read($some[2]) } <= 10 || read_on_both(@some) <= 3 || keys %{ versions_read(@some) } <= 30; $lines += 10)
	{
		wait_for_lines($lines, @some);
	}
	return;
}

# Ends readers; they got no error, and no reply that contradicts another.
sub stop_readers
{
	my ($label, @readers) = @_;

	for my $reader (@readers)
	{
		stop_client($reader);
		is($reader->{err}, '', "$label: $reader->{name} got no error");
		is(join("\n", contradictions(\%seen, complete_lines($reader))), '', "$label: $reader->{name} saw one content of each version");
	}
	return;
}

sub stop_load
{
	my ($label, @load) = @_;

	for my $client (@load)
	{
		stop_client($client);
		is($client->{err}, '', "$label: writer $client->{name} got no error");
	}
	return;
}

sub catch_up
{
	my ($from, $to) = @_;

	$from->wait_for_catchup($to, 'replay', $from->lsn('insert'));
	return;
}

# ---------------------------------------------------------------------------
# Three nodes at once
# ---------------------------------------------------------------------------

my @sessions = map { open_session($_, 'postgres') } @standbys;
my $facts = "SELECT vvault_region_valid('DE'), vvault_region_name('DE'), vvault_trending('PL') ->> 'region_name', vvault_region_valid('SE')";
is(($_->query($facts))[0], 'f||Poland|t', 'an open session on a standby: as shipped') for @sessions;

my @load = start_load($primary, 0);
my @readers = map { start_readers($_) } $primary, @standbys;
wait_for_lines(2, @load);
wait_for_lines(10, @readers);

# regions change under way
$primary->safe_psql('postgres', <<'EOF');
INSERT INTO vvault.regions (region, name) VALUES ('DE', 'Germany'), ('PL', 'Polska');
EOF
catch_up($primary, $_) for @standbys;
for my $session (@sessions)
{
	is(($session->query($facts))[0], 't|Germany|Polska|t', 'under load: an open session on a standby sees new and renamed regions');
}
$primary->safe_psql('postgres', q(DELETE FROM vvault.regions WHERE region IN ('DE', 'PL')));
catch_up($primary, $_) for @standbys;
is(($_->query($facts))[0], 'f||Poland|t', 'under load: and sees them go') for @sessions;

wait_for_lines($charts, @load);
read_enough(@readers);
stop_readers('three nodes', @readers);
stop_load('three nodes', @load);
cmp_ok(scalar(keys %{ versions_read($readers[2]) }), '>', 10, 'a standby was read in many versions');
cmp_ok(read_on_both(@readers), '>', 3, 'some of which the primary was read in as well');
is_consistent($primary, 'postgres', 'three nodes');

# ---------------------------------------------------------------------------
# Promotion under load
# ---------------------------------------------------------------------------

my ($new, $other) = @standbys;

@load = start_load($primary, 3000 * $rounds);
wait_for_lines(3, @load);
@readers = map { start_readers($_) } @standbys;
wait_for_lines(10, @readers);

# The primary dies; what it did last may be on no standby, or on one of them.
# The one that has more takes over.
$primary->stop('immediate');
for my $client (@load)
{
	finish_client($client);
	like($client->{err}, qr/terminat|connection|57P0/i, "writer $client->{name} lost its server");
}
for my $standby (@standbys)
{
	$standby->poll_query_until('postgres', q(SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')))
	  or die 'the standby still hears of its primary';
}
my $ahead = $new->safe_psql('postgres',
	q(SELECT pg_last_wal_receive_lsn() >= ') . $other->safe_psql('postgres', 'SELECT pg_last_wal_receive_lsn()') . q('::pg_lsn));
($new, $other) = ($other, $new) if $ahead eq 'f';
$new->promote;
$new->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'the standby was not promoted';
$other->enable_streaming($new);
$other->reload;

my @new_load = start_load($new, 6000 * $rounds);
wait_for_lines($charts, @new_load);
stop_readers('promotion', @readers);
stop_load('promotion', @new_load);

is_consistent($new, 'postgres', 'promoted');
is($new->safe_psql('postgres', 'SELECT vvault_rebuild()'), '0', 'vvault_rebuild() finds nothing wrong');
catch_up($new, $other);
my $feeds = reading_script(scalar @regions, @regions);
my $now = $new->safe_psql('postgres', $feeds);
is($other->safe_psql('postgres', $feeds), $now, 'the other standby follows the promoted one');
is(join("\n", contradictions(\%seen, split /\n/, $now)), '', 'and all versions still have one content');
cmp_ok(scalar(keys %seen), '>', 30, 'many versions were seen');
$_->quit for @sessions;

# Nothing that a standby cannot do was tried there, also where no client heard
# of it.
for my $node (@standbys)
{
	unlike(slurp_file($node->logfile),
		qr/cannot (?:assign|create|execute|acquire)|recovery is in progress|was terminated by signal|PANIC:|TRAP:/,
		$node->name . ': nothing was tried that a standby cannot do');
}

# Writers refuse to run there.
for my $call ("vvault_ingest('US', response)", "vvault_set('page_limit', '5')", 'vvault_prune(now())', 'vvault_rebuild()', "vvault_block('x')")
{
	my (undef, undef, $stderr) = $other->psql('postgres', "SELECT $call FROM sample LIMIT 1",
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);

	like($stderr, qr/ERROR:  25006/, "$call is refused on a standby");
}
is($other->safe_psql('postgres', $feeds), $now, 'and changed nothing');

$_->stop for $other, $new;
done_testing();
