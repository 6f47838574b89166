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

my $before = $node->safe_psql('postgres', $calls);
is($node->safe_psql('postgres', "SET vvault.cache = off;\n$calls"), $before, 'the cache says what is computed');
is_full('at first');

for my $mode (qw(smart fast immediate postmaster))
{
	my $label = "shutdown: $mode";

	if ($mode eq 'postmaster') { $node->kill9; }
	else { $node->stop($mode); }
	ok(start_again($node), "$label: the server comes back");

	my $count = cache_counters($node, 'postgres');
	is("$count->{hits} $count->{evicted}", '0 0', "$label: the cache is empty");
	is($node->safe_psql('postgres', $calls), $before, "$label: every reply is the same");
	is($node->safe_psql('postgres', $calls), $before, "$label: and once more");
	is_full($label);

	# a write after it, and all that was kept is old
	$node->safe_psql('postgres', q(UPDATE vvault.videos SET views = views + 1 WHERE region = 'PL'));
	my $changed = $node->safe_psql('postgres', $calls);
	isnt($changed, $before, "$label: a write shows");
	is($node->safe_psql('postgres', "SET vvault.cache = off;\n$calls"), $changed, "$label: as it is computed");
	$before = $changed;
}
is_consistent($node, 'postgres', 'in the end');
unlike(slurp_file($node->logfile), qr/PANIC:|TRAP:|was terminated by signal|could not unlink|shared memory block .* is still in use(?!.*\n.*HINT)/,
	'the log has no complaint');

$node->stop;
done_testing();
