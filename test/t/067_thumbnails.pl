#
# 067_thumbnails.pl
#		The storyboard in the manifest of DASH: dash.js and shaka-player show the
#		tile of each moment that vvault_storyboard() says. And the page of a video
#		that plays before it is whole.
#
# Skipped where Chromium, nginx, ffmpeg or the players (npm, test/players) are not
# to be had.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, map { "$FindBin::RealBin/../$_" } qw(browser media worker);

use Browser;
use FileStore;
use File::Copy ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Runner;
use Test::More;
use VVaultTest;

my $missing = FileStore::missing() // Browser::missing();
plan skip_all => $missing if $missing;

my $store = FileStore->new(PostgreSQL::Test::Utils::tempdir_short());
# while its folder is there still
END { local $?; $store->stop if defined $store }
my $node = new_node('thumbnails');
$node->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE; CREATE EXTENSION vvault_stream');
my $runner = Runner->new(node => $node, folder => "$store->{folder}/objects");
$runner->prepare;

# 13 s: a row of ten tiles, and three in another one
my ($made, undef, $error) = Runner::run(qw(ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=size=320x180:rate=25:duration=13
	-c:v libx264 -preset ultrafast -pix_fmt yuv420p -f mp4), $store->path('film/source/1'));
die $error if !$made;
$node->safe_psql('postgres', <<'EOF');
SELECT vvault_stream_set('encoder_preset', 'ultrafast');
SELECT vvault_create_asset('Tiles', 'alice', 'public', video_id => 'film');
SELECT vvault_stream.source_stored('film', vvault_stream.open_generation('film'), 'folder', 'film/source/1', NULL, NULL);
SELECT vvault_process('film');
EOF
$runner->work;

for my $file ('test/players/tiles.html', Browser::players())
{
	my ($name) = $file =~ m{([^/]+)\z};

	File::Copy::copy($file, $store->path("film/1/$name")) or die "$file: $!\n";
}

my $storyboard = $node->safe_psql('postgres', q{SELECT convert_from(vvault_storyboard('film'), 'UTF8')});
my @tiles = map { [ /\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/ ] } split /\n\n/, $storyboard =~ s/\A[^\n]*\n\n//r;
my @seconds = (0, 4, 9, 10, 12);
my $times = join ', ', map { $_ + 0.5 } @seconds;
my $json = JSON::PP->new->canonical;

is(scalar @tiles, 13, 'a tile for each second');
my $browser = Browser->start(PostgreSQL::Test::Utils::tempdir());
for my $player ('dash', 'shaka')
{
	$browser->visit("$store->{url}/film/1/tiles.html");
	my $shown = $browser->value("tiles.$player([$times])");

	for my $i (0 .. $#seconds)
	{
		my ($file, @box) = @{ $tiles[ $seconds[$i] ] };

		is($json->encode($shown->[$i]), $json->encode([ $file, map { $_ + 0 } @box ]), "$player: the tile of second $seconds[$i]");
	}
}

# ---------------------------------------------------------------------------
# A page that is stored early
# ---------------------------------------------------------------------------

($made, undef, $error) = Runner::run(qw(ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=size=640x480:rate=25:duration=5
	-c:v libx264 -preset ultrafast -pix_fmt yuv420p -f mp4), $store->path('early/source/1'));
die $error if !$made;
$node->safe_psql('postgres', <<'EOF');
SELECT vvault_stream_set('early_seconds', '0');
SELECT vvault_stream_set('hls_js_url', 'hls.min.js');
SELECT vvault_create_asset('Early', 'alice', 'public', video_id => 'early');
SELECT vvault_stream.source_stored('early', vvault_stream.open_generation('early'), 'folder', 'early/source/1', NULL, NULL);
SELECT vvault_process('early');
EOF
$runner->work('probe');
my $rest = q(UPDATE vvault_stream.jobs SET state = 's', run_at = clock_timestamp() + interval '%s' WHERE video_id = 'early' AND kind = 'encode' AND args ->> 'part' = 'rest');
$node->safe_psql('postgres', sprintf $rest, '1 hour');
$runner->work('encode,finish');
my $page = $node->safe_psql('postgres', q(SELECT vvault_asset('early') -> 'distribution' ->> 'watch'));
like($page, qr{^early/1/early-\d+\.html$}, 'a video that is not whole has a page');
File::Copy::copy((Browser::players())[0], $store->path('early/1/hls.min.js')) or die "hls.min.js: $!\n";

# Which qualities the page offers, once the picture moves.
sub qualities
{
	$browser->visit("$store->{url}/$page");
	return 'no picture' if !$browser->plays(0.5);
	return $browser->value(q{[...document.getElementById('quality').options].map((o) => o.text).sort().join(' ')});
}
is(qualities(), '360p auto', 'which plays what there is');
$node->safe_psql('postgres', sprintf $rest, '0');
$runner->work;
is($node->safe_psql('postgres', q(SELECT state FROM vvault_stream.assets WHERE video_id = 'early')), 'ready', 'when it is whole');
is(qualities(), '144p 240p 360p 480p auto', 'the same page plays all of it');

$browser->stop;
$node->stop;
done_testing();
