#
# 066_encoders.pl
#		What vvault_process encodes beside H.264: HEVC and AV1, by the encoders that
#		ffmpeg has. Codec strings, borders and pictures as ffprobe finds them, in
#		HLS and in DASH.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../media";

use File::Path qw(make_path);
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Runner;
use Test::More;
use VVaultTest;

my ($has, $encoders) = Runner::run(qw(ffmpeg -v error -encoders));
my @missing = grep { !$has || $encoders !~ /^ V\S+ $_\s/m } qw(libx264 libx265 libsvtav1);
plan skip_all => "ffmpeg has no @missing" if @missing;

my $folder = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('encoders');
$node->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE; CREATE EXTENSION vvault_stream');
my $runner = Runner->new(node => $node, folder => $folder);
$runner->prepare;

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub ffprobe
{
	my ($file, @arguments) = @_;
	my ($done, $out, $err) = Runner::run(qw(ffprobe -v error -of json), @arguments, $file);

	die "ffprobe $file: $err" unless $done;
	return JSON::PP->new->utf8->decode($out);
}

# 5 s at 30/1.001 pictures a second: a segment of 120 pictures, and one of 30
make_path("$folder/film/source");
my ($made, undef, $error) = Runner::run(qw(ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=size=640x360:rate=30000/1001 -f lavfi -i sine=frequency=440
	-t 5.005 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -f mp4), "$folder/film/source/1");
die $error if !$made;
sql(<<'EOF');
SELECT vvault_stream_set('encoder_preset', 'ultrafast');
SELECT vvault_create_asset('Three codecs', 'alice', 'public', video_id => 'film');
SELECT vvault_stream.source_stored('film', vvault_stream.open_generation('film'), 'folder', 'film/source/1', NULL, NULL);
SELECT vvault_process('film', '{"codecs": ["h264", "hevc", "av1"]}');
EOF
$runner->work;
is(sql(q{SELECT concat_ws(' ', state, failure) FROM vvault_stream.assets WHERE video_id = 'film'}), 'ready', 'a source is encoded with three codecs');

my %renditions = map { my ($name, $key, $codecs, $borders) = split /\|/; ($name => { key => $key, codecs => $codecs, borders => $borders }) } split /\n/,
  sql(q{SELECT name, object_key, codecs, array_to_string(durations, ' ') FROM vvault_stream.renditions WHERE video_id = 'film' AND kind = 'video'});

is(join(' ', sort keys %renditions), '144p 240p 360p 360p-av1 360p-hevc', 'the newer ones of 360 lines');
my %borders = map { $_->{borders} => 1 } values %renditions;
is(scalar keys %borders, 1, 'all are cut at the same moments') or diag(explain(\%renditions));

# The strings that RFC 6381 and the codecs' bindings make of profile, tier, level.
my %expected = (
	'360p' => sub { sprintf 'avc1\.[0-9a-f]{4}%02x', $_[0]{level} },
	'360p-hevc' => sub { sprintf 'hvc1\.1\.6\.L%d(?:\.[0-9A-F]{1,2})+', $_[0]{level} },
	'360p-av1' => sub { sprintf 'av01\.0\.%02dM\.08', $_[0]{level} });
my %codec_name = ('360p' => 'h264', '360p-hevc' => 'hevc', '360p-av1' => 'av1');
my $hls = sql(q{SELECT convert_from(vvault_hls('film'), 'UTF8')});
my $dash = sql(q{SELECT convert_from(vvault_dash('film'), 'UTF8')});

for my $name (sort keys %expected)
{
	my $rendition = $renditions{$name};
	my $file = "$folder/$rendition->{key}";
	my $stream = ffprobe($file, '-show_streams')->{streams}[0];
	my @pictures = @{ ffprobe($file, '-show_entries', 'frame=key_frame,pts_time')->{frames} };
	my @keys = grep { $pictures[$_]{key_frame} } 0 .. $#pictures;

	is($stream->{codec_name}, $codec_name{$name}, "$name is $codec_name{$name}");
	is("$stream->{pix_fmt} $stream->{color_space} $stream->{r_frame_rate}", 'yuv420p bt709 30000/1001', "$name: 8 bits, bt709, of its rate");
	my $expected = $expected{$name}->($stream);

	like($rendition->{codecs}, qr/\A$expected\z/, "$name: $rendition->{codecs}");
	is(scalar @pictures, 150, "$name: every picture is there");
	is("@keys", '0 120', "$name: a key picture where a segment begins, and nowhere else");
	like($hls, qr/CODECS="\Q$rendition->{codecs}\E,mp4a\.40\.2",[^\n]*\n\Q$name\E\.m3u8\n/, "$name: a variant of HLS");
	like($dash, qr/<Representation id="\Q$name\E" [^>]*codecs="\Q$rendition->{codecs}\E"/, "$name: a representation of DASH");
}
is(() = $dash =~ /<AdaptationSet [^>]*contentType="video"/g, 3, 'players switch within a codec: a set for each');
like($hls, qr/\A(?:(?!STREAM-INF).)*#EXT-X-STREAM-INF:[^\n]*avc1/s, 'the first variant is one that every device plays');

$node->stop;
done_testing();
