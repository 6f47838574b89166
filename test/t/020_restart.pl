#
# 020_restart.pl
#		The server stops and starts with the reply cache full, by any kind of
#		shutdown: it comes up with an empty cache and the same replies, fills it
#		again, and nothing of the old one is left.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $node = new_node('restart', conf => "vvault.cache_size = 1MB\n");
$node->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
load_sample($node, 'postgres', sample_file('--days', 4, '--regions', 'US,PL,SE', '--per-chart', 50));
ingest_all($node, 'postgres');

# More replies than the cache holds.
my $calls = join("\n", map {
		my $region = $_;
		map { my $sort = $_; map { "SELECT md5(vvault_trending('$region', $_, '$sort')::text);" } 1, 5, 10, 15, 20, 25, 30, 35, 40, 50 }
		  @still_orders
	} qw(US PL SE));
$calls .= "\nSELECT md5(vvault_video(video_id)::text) FROM vvault.video_regions ORDER BY video_id;\nSELECT md5(vvault_regions()::text);\n";

sub is_full
{
	my ($label) = @_;
	my $count = cache_counters($node, 'postgres');

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	cmp_ok($count->{evicted}, '>', 0, "$label: the cache is full");
	return;
}

my $rows = q(SELECT md5(string_agg(v::text, E'\n' ORDER BY region, video_id)) FROM vvault.videos v);

# Every reply is the one that is computed; returns them.
sub is_right
{
	my ($label) = @_;
	my ($kept, $computed) = within_step(sub { map { $node->safe_psql('postgres', $_) } $calls, "SET vvault.cache = off;\n$calls" });

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	same_lines($kept, $computed, $label);
	return $kept;
}

my $before = $node->safe_psql('postgres', $rows);
my $replies = is_right('the cache says what is computed');
is_full('at first');

for my $mode (qw(smart fast immediate postmaster))
{
	my $label = "shutdown: $mode";

	if ($mode eq 'postmaster') { $node->kill9; }
	else { $node->stop($mode); }
	ok(start_again($node), "$label: the server comes back");

	my $count = cache_counters($node, 'postgres');
	is("$count->{hits} $count->{evicted}", '0 0', "$label: the cache is empty");
	is($node->safe_psql('postgres', $rows), $before, "$label: every row is there");
	is_right("$label: every reply is right");
	is_right("$label: and once more");
	is_full($label);

	# a write after it, and all that was kept is old
	$node->safe_psql('postgres', q(UPDATE vvault.videos SET views = views + 1 WHERE region = 'PL'));
	my $changed = is_right("$label: after a write too");
	isnt($changed, $replies, "$label: which shows");
	$replies = $changed;
	$before = $node->safe_psql('postgres', $rows);
}
is_consistent($node, 'postgres', 'in the end', written => 1);
unlike(slurp_file($node->logfile), qr/PANIC:|TRAP:|was terminated by signal|could not unlink|shared memory block .* is still in use(?!.*\n.*HINT)/,
	'the log has no complaint');

$node->stop;
done_testing();
