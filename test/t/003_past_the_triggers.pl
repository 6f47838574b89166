#
# 003_past_the_triggers.pl
#		Rows that come past the triggers: vvault_check() finds what they left
#		wrong, vvault_rebuild() repairs it. By session_replication_role, by a
#		restore with --disable-triggers, and on a logical subscriber.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $publisher = new_node('publisher', allows_streaming => 'logical');
$publisher->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
load_sample($publisher, 'postgres',
	sample_file('--days', 5, '--regions', 'US,PL,SE', '--per-chart', 50, '--until', '2026-01-05T06:00:00Z'));
ingest_all($publisher, 'postgres', "fetched_at < '2026-01-03 00:00+00'");

my $subscriber = new_node('subscriber');

# Every table but the versions, which are each node's own.
my $contents = <<'EOF';
SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM vvault.%I t',
	c.relname, c.relname)
FROM pg_class c
WHERE c.relnamespace = 'vvault'::regnamespace AND c.relkind = 'r' AND c.relname <> 'feed_versions'
ORDER BY c.relname COLLATE "C"
\gexec
EOF
my $feeds = join("\n", map {
		my $region = $_;
		map { "SELECT vvault_trending('$region', 200, '$_');" } @still_orders
	} qw(US PL SE));

my @derived = derived_tables($publisher, 'postgres');

# Which derived tables vvault_check() complains of.
sub complaints
{
	my ($node, $db) = @_;

	return split /\n/, $node->safe_psql($db, q(SELECT DISTINCT derived_table COLLATE "C" FROM vvault_check() ORDER BY 1));
}

sub versions
{
	my ($node, $db) = @_;

	return $node->safe_psql($db, q(SELECT md5(string_agg(version::text, ' ' ORDER BY region, written_by)) FROM vvault.feed_versions));
}

# It is wrong, is repaired, and says the same as another database then. Where
# %looked_at names tables, complaints of others do not count.
my %looked_at;
sub is_repaired
{
	my ($node, $db, $label, $tables, $other) = @_;
	my $versions = versions($node, $db);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(join(' ', grep { !%looked_at || $looked_at{$_} } complaints($node, $db)), $tables, "$label: vvault_check() finds what is wrong");
	my $wrong = $node->safe_psql($db, 'SELECT vvault_rebuild()');
	cmp_ok($wrong, '>', 0, "$label: vvault_rebuild() repairs it");
	is_consistent($node, $db, "$label, repaired");
	is($node->safe_psql($db, 'SELECT vvault_rebuild()'), '0', "$label: and finds nothing more");
	isnt(versions($node, $db), $versions, "$label: the feeds have new versions");
	return unless $other;
	is($node->safe_psql($db, $contents), $other->safe_psql('postgres', $contents), "$label: every table is the same");
	is($node->safe_psql($db, $feeds), $other->safe_psql('postgres', $feeds), "$label: every feed is the same");
	return;
}

# ---------------------------------------------------------------------------
# session_replication_role
# ---------------------------------------------------------------------------

$subscriber->safe_psql('postgres', 'CREATE DATABASE role TEMPLATE template0');
$subscriber->safe_psql('role', 'CREATE EXTENSION vvault CASCADE');
my @writes = (
	[ "INSERT INTO vvault.videos (region, video_id, category_id) VALUES ('US', 'a', 10), ('PL', 'a', 10), ('XY', 'b', 20)",
		'category_stats feed_versions search_words video_regions video_search' ],
	[ "UPDATE vvault.videos SET virality_score = 90, category_id = 30 WHERE region = 'US'", 'category_stats video_search' ],
	[ "INSERT INTO vvault.snapshots (region, video_id, fetched_at, virality_score) VALUES ('US', 'a', '2026-01-01', 90), ('ZZ', 'c', '2026-01-01', 1)",
		'daily_stats daily_videos feed_versions' ],
	[ "UPDATE vvault.snapshots SET virality_score = 10 WHERE region = 'US'", 'daily_stats daily_videos' ],
	[ "DELETE FROM vvault.videos WHERE region = 'PL'", 'category_stats search_words video_regions video_search' ],
	[ 'TRUNCATE vvault.snapshots', 'daily_stats daily_videos' ],
	[ 'TRUNCATE vvault.videos', 'category_stats search_words video_regions video_search' ],);
%looked_at = map { $_ => 1 } map { split / /, $_->[1] } @writes;
for my $write (@writes)
{
	my ($sql, $tables) = @$write;

	$subscriber->safe_psql('role', "SET session_replication_role = replica; $sql");
	is_repaired($subscriber, 'role', "as a replica: $sql", $tables);
}
$subscriber->safe_psql('role', "INSERT INTO vvault.videos (region, video_id) VALUES ('US', 'd')");
is_consistent($subscriber, 'role', 'the triggers go on where vvault_rebuild() left off');

# a threshold that changed past its trigger
$subscriber->safe_psql('role', "UPDATE vvault.videos SET virality_score = 50");
$subscriber->safe_psql('role', "SET session_replication_role = replica; INSERT INTO vvault.settings VALUES ('viral_threshold', '40')");
is_repaired($subscriber, 'role', 'as a replica: another threshold', 'category_stats');
%looked_at = ();

# ---------------------------------------------------------------------------
# A restore with --disable-triggers
# ---------------------------------------------------------------------------

my $dump = PostgreSQL::Test::Utils::tempdir() . '/data.dump';

command_ok([ 'pg_dump', '-Fc', '--data-only', '-n', 'vvault', '-e', 'vvault', '-d', $publisher->connstr('postgres'), '-f', $dump ], 'pg_dump');
$subscriber->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$subscriber->safe_psql('restored', 'CREATE EXTENSION vvault CASCADE');
command_ok(
	[ 'pg_restore', '--data-only', '--disable-triggers', '--exit-on-error', '-d', $subscriber->connstr('restored'), $dump ],
	'pg_restore --disable-triggers');
is($subscriber->safe_psql('restored', q(SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
	WHERE c.relnamespace = 'vvault'::regnamespace AND t.tgenabled <> 'O')), '0', 'the triggers are enabled again');
is_repaired($subscriber, 'restored', 'a restore', "@derived", $publisher);

# ---------------------------------------------------------------------------
# A logical subscriber
# ---------------------------------------------------------------------------

# What a dump holds is what is published.
my $published = $publisher->safe_psql('postgres', <<'EOF');
SELECT string_agg(c::regclass::text, ', ' ORDER BY c::regclass::text)
FROM pg_extension e, unnest(e.extconfig) c WHERE e.extname = 'vvault' AND c <> 'vvault.daily_stats'::regclass
EOF
like($published, qr/vvault\.snapshots.*vvault\.videos/, 'the extension says which tables are dumped');
$publisher->safe_psql('postgres', "CREATE PUBLICATION charts FOR TABLE $published");
$subscriber->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
$subscriber->safe_psql('postgres', q(CREATE SUBSCRIPTION charts CONNECTION ') . $publisher->connstr . q( dbname=postgres' PUBLICATION charts));
$subscriber->wait_for_subscription_sync($publisher, 'charts');
is_repaired($subscriber, 'postgres', 'first copy', "@derived", $publisher);

ingest_all($publisher, 'postgres', "fetched_at >= '2026-01-03 00:00+00' AND fetched_at < '2026-01-04 00:00+00'");
$publisher->safe_psql('postgres', "SELECT vvault_set('viral_threshold', '60'); SELECT vvault_block((SELECT max(video_id) FROM vvault.videos))");
$publisher->wait_for_catchup('charts');
is_repaired($subscriber, 'postgres', 'later charts', "@derived videos", $publisher);

# Days that the subscriber has closed itself keep their statistics when the
# publisher drops their snapshots.
$subscriber->safe_psql('postgres', q(SELECT vvault_prune('2026-01-02 00:00+00')));
my $days = 'SELECT region, day, category_id, videos, viral, score_sum, closed FROM vvault.daily_stats ORDER BY 1, 2, 3';
my $closed = $subscriber->safe_psql('postgres', $days);
like($closed, qr/\|t$/m, 'the subscriber has closed days');
cmp_ok($publisher->safe_psql('postgres', q(SELECT vvault_prune('2026-01-02 00:00+00'))), '>', 0, 'the publisher prunes after it');
$publisher->wait_for_catchup('charts');
is_consistent($subscriber, 'postgres', 'pruned');
is($subscriber->safe_psql('postgres', 'SELECT vvault_rebuild()'), '0', 'pruned: vvault_rebuild() finds nothing');
is($subscriber->safe_psql('postgres', $days), $closed, 'pruned: the subscriber keeps the statistics');
is($publisher->safe_psql('postgres', $days), $closed, 'pruned: which are the publisher\'s');

# It is on its own from here: its triggers see what it is told directly.
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION charts');
load_sample($subscriber, 'postgres',
	sample_file('--days', 5, '--regions', 'US,PL,SE', '--per-chart', 50, '--until', '2026-01-05T06:00:00Z'));
for my $node ($publisher, $subscriber)
{
	ingest_all($node, 'postgres', "fetched_at >= '2026-01-04 00:00+00'");
	is_consistent($node, 'postgres', 'charts after the subscription, ' . $node->name);
}
is($subscriber->safe_psql('postgres', $feeds), $publisher->safe_psql('postgres', $feeds), 'a subscriber can take over');

$_->stop for $subscriber, $publisher;
done_testing();
