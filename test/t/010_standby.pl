#
# 010_standby.pl
#		A hot standby answers every reader, with the same bytes.
#
# Readers are found in the catalog: a new one is tested as soon as there is
# one, and must get arguments here if it cannot do without.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $primary = new_node('primary', allows_streaming => 1);
$primary->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
load_sample($primary, 'postgres',
	sample_file('--days', 5, '--regions', 'US,PL,SE', '--per-chart', 50, '--until', '2026-01-05T06:00:00Z'));
ingest_all($primary, 'postgres', "fetched_at < '2026-01-04 00:00+00'");
$primary->safe_psql('postgres', <<'EOF');
CREATE ROLE site LOGIN;
SELECT vvault_grant('site', 'reader');
EOF

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', <<'EOF');
hot_standby_feedback = on
wal_receiver_status_interval = 1s
EOF
$standby->start;

# From here on the primary keeps what an old snapshot on the standby needs.
$primary->poll_query_until('postgres', 'SELECT backend_xmin IS NOT NULL FROM pg_stat_replication')
  or die 'no feedback from the standby';

sub catch_up
{
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	return;
}

# ---------------------------------------------------------------------------
# Every reader
# ---------------------------------------------------------------------------

# Calls that try arguments which do have a default.
my @calls = (
	(
		map { ("vvault_trending('PL', 200, '$_')", "vvault_trending('US', 7, '$_')") }
		  @still_orders
	),
	q(vvault_trending('PL', 5, 'views', (vvault_trending('PL', 5, 'views') ->> 'next_cursor'))));

# Figures of the server itself.
my %own = map { $_ => 1 } qw(vvault_cache_stats);

# Each combination of the examples of a function's arguments that have no default.
for my $line (examples($primary, 'postgres', <<'EOF'))
SELECT f.name, (SELECT coalesce(json_agg(e.value || e.others ORDER BY i), '[]')
	FROM unnest(f.arguments[1:f.required]) WITH ORDINALITY u (a, i), pg_temp.example(f.name, a) e)
FROM example_function f WHERE f.prokind = 'f' AND f.provolatile = 's' ORDER BY f.name
EOF
{
	my ($name, $values) = split /\|/, $line, 2;
	my @lists = ('');

	next if $own{$name};
	for my $some (@{ decode_json($values) })
	{
		@lists = map { my $list = $_; map { $list eq '' ? $_ : "$list, $_" } @$some } @lists;
	}
	push @calls, map { "$name($_)" } @lists;
}
cmp_ok(scalar(grep { /^vvault_(?:trending|video|health|regions|region_valid|region_name)\(/ } @calls),
	'>=', 15, 'the catalog knows the readers');

# A reply's bytes. What tells of the server or the clock is left aside in
# vvault_health().
sub reply
{
	my ($node, $call) = @_;
	my $reply = $node->safe_psql('postgres', "SELECT x FROM $call AS x",
		extra_params => [ '-U', 'site' ]);

	$reply =~ s/"(?:time|standby|age_seconds)":[^,}]+|"cache":\{.*\}\}//g if $call =~ /^vvault_health/;
	# made for the instant of the call
	$reply =~ s/"(?:as_of|next_fetch_at|interval_minutes)":[^,}]+//g if $call =~ /^vvault_fetch_schedule/;
	return $reply;
}

# A reply may depend on the clock, which can strike between two calls.
sub same_reply
{
	my ($call, $label) = @_;
	my ($here, $there);

	for (1 .. 5)
	{
		$here = reply($primary, $call);
		$there = reply($standby, $call);
		last if $here eq $there;
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($there, $here, "$label: $call");
}

catch_up();
same_reply($_, 'standby') for @calls;
is($standby->safe_psql('postgres', q(SELECT vvault_health() ->> 'standby')), 'true', 'the standby says that it is one');
is($primary->safe_psql('postgres', q(SELECT vvault_health() ->> 'standby')), 'false', 'the primary does not');

my (undef, undef, $stderr) = $standby->psql('postgres', 'SELECT vvault_rebuild()',
	extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($stderr, qr/25006/, 'writers refuse to run on a standby');

# ---------------------------------------------------------------------------
# Changes reach a session that is open on the standby
# ---------------------------------------------------------------------------

my $session = open_session($standby, 'postgres', user => 'site');
my $facts = <<'EOF';
SELECT vvault_region_valid('DE'), vvault_region_name('DE'), vvault_region_valid('SE'), vvault_region_name('PL'),
	vvault_trending('PL') ->> 'region_name', vvault_regions() ->> 'total', vvault_trending('US') ->> 'sort',
	json_array_length(vvault_trending('US', 200) -> 'videos')
EOF
my ($reply, $error) = $session->query($facts);
is($reply, 'f||t|Poland|Poland|7|views|' . $primary->safe_psql('postgres', q(SELECT least(count(*), 200) FROM vvault.videos WHERE region = 'US')),
	'an open session: as shipped');

$primary->safe_psql('postgres', <<'EOF');
INSERT INTO vvault.regions (region, name) VALUES ('DE', 'Germany'), ('PL', 'Polska');
INSERT INTO vvault.regions (region, enabled) VALUES ('SE', false);
SELECT vvault_set('default_sort', 'virality');
SELECT vvault_set('page_limit', '3');
EOF
catch_up();
($reply, $error) = $session->query($facts);
is($reply, 't|Germany|f|Polska|Polska|7|virality|3', 'an open session sees a new, a renamed and a disabled region, and settings');
($reply, $error) = $session->query("SELECT vvault_trending('SE')");
like($error, qr/22023/, 'an open session refuses the disabled region');

# A snapshot is kept to, while the primary goes on.
$session->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
my ($old) = $session->query("SELECT vvault_trending('US')");
$primary->safe_psql('postgres', <<'EOF');
DELETE FROM vvault.regions;
SELECT vvault_set('default_sort', NULL), vvault_set('page_limit', NULL);
EOF
ingest_all($primary, 'postgres', "fetched_at >= '2026-01-04 00:00+00' AND fetched_at < '2026-01-05 00:00+00'");
catch_up();
is(($session->query("SELECT vvault_trending('US')"))[0], $old, 'an old snapshot gets the old reply');
$session->query('COMMIT');
isnt(($session->query("SELECT vvault_trending('US')"))[0], $old, 'the next one gets the new reply');
same_reply($_, 'after ingest') for @calls;

$primary->safe_psql('postgres', q(SELECT vvault_block(min(video_id)) FROM vvault.videos WHERE region = 'PL'));
$primary->safe_psql('postgres', q(SELECT vvault_prune('2026-01-03')));
catch_up();
same_reply($_, 'after block and prune') for @calls;

$primary->safe_psql('postgres', 'VACUUM FULL vvault.videos; REINDEX TABLE vvault.snapshots');
catch_up();
same_reply($_, 'after VACUUM FULL') for @calls;

# ---------------------------------------------------------------------------
# Promotion
# ---------------------------------------------------------------------------

my $versions = $primary->safe_psql('postgres', 'SELECT version FROM vvault.feed_versions');
my %seen = map { $_ => 1 } split /\n/, $versions;
$primary->stop;
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()')
  or die 'the standby was not promoted';
is(($session->query(q(SELECT vvault_health() ->> 'standby')))[0], 'false', 'promoted: an open session says so');
is_consistent($standby, 'postgres', 'promoted');

my $replies = ingest_all($standby, 'postgres', "fetched_at >= '2026-01-05 00:00+00'");
# one of them lists the blocked video
is(scalar(() = $replies =~ /"accepted" ?: ?(?:50|49\b.*"blocked" ?: ?1)/g), 3, 'promoted: ingest goes on');
is_consistent($standby, 'postgres', 'promoted, after ingest');
is( $standby->safe_psql('postgres', q(SELECT vvault_video(min(video_id)) IS NOT NULL FROM vvault.videos WHERE fetched_at >= '2026-01-05 00:00+00')),
	't',
	'promoted: the new chart is there');
is(scalar(grep { $seen{$_} } split /\n/,
		$standby->safe_psql('postgres', q(SELECT version FROM vvault.feed_versions WHERE region IN ('US', 'PL', 'SE') AND region = written_by))),
	0, 'promoted: no version is used twice');
$session->quit;

$standby->stop;
done_testing();
