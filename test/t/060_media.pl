#
# 060_media.pl
#		Files that ffmpeg made are read by their heads, and a player that
#		follows our manifests decodes all of them, byte range by byte range.
#
# ffmpeg plays the part of the worker that encodes, and with its HLS and DASH
# demuxers that of a player. Damaged heads are refused with a reason.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../media";

use Boxes;
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

plan skip_all => 'no ffmpeg' unless IPC::Run::run([ 'ffmpeg', '-version' ], '>', '/dev/null', '2>', '/dev/null');

my $folder = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('media');
$node->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE; CREATE EXTENSION vvault_stream');

sub said
{
	my (@command) = @_;
	my ($out, $err);

	IPC::Run::run(\@command, '<', '/dev/null', '>', \$out, '2>', \$err) or die "@command: $err";
	return wantarray ? ($out, $err) : $out;
}

sub slurp
{
	my ($file) = @_;

	open my $in, '<:raw', $file or die "$file: $!";
	local $/;
	return scalar <$in>;
}

# The first bytes of a file, as the worker sends them, and its size.
sub head_sql
{
	my ($file) = @_;
	my $bytes = slurp($file);

	return sprintf q('\x%s'::bytea, %d), unpack('H*', substr $bytes, 0, 65536), length $bytes;
}

# ---------------------------------------------------------------------------
# Files that ffmpeg makes
# ---------------------------------------------------------------------------

my @video = qw(-f lavfi -i testsrc2=size=640x360:rate=25:duration=9);
my @sound = qw(-f lavfi -i sine=frequency=440:sample_rate=48000:duration=9);
my @cmaf = qw(-movflags +cmaf+global_sidx+frag_keyframe);
my @closed = qw(-g 100 -keyint_min 100 -sc_threshold 0 -pix_fmt yuv420p);
my @fragments = qw(-movflags +cmaf+global_sidx -frag_duration 4000000);
my @bt709 = qw(-color_primaries bt709 -color_trc bt709 -colorspace bt709);
my %encoded = (
	'360p' => [ @video, qw(-c:v libx264 -preset ultrafast), @closed, @bt709, @cmaf ],
	'180p' => [ @video, qw(-vf scale=320:180 -c:v libx264 -preset ultrafast), @closed, @cmaf ],
	hevc => [ @video, qw(-t 5 -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=100:min-keyint=100 -tag:v hvc1 -pix_fmt yuv420p), @cmaf ],
	vp9 => [ @video, qw(-t 5 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 100), @cmaf ],
	av1 => [ @video, qw(-t 2 -c:v libaom-av1 -cpu-used 8 -g 100 -movflags +cmaf+global_sidx+frag_keyframe+delay_moov) ],
	wide => [ @video, qw(-t 2 -vf setsar=4/3 -c:v libx264 -preset ultrafast), @closed, @cmaf ],
	trick => [ @video, '-vf', 'scale=320:180,fps=1/2', qw(-c:v libx264 -preset ultrafast -g 1 -pix_fmt yuv420p), @cmaf ],
	audio => [ @sound, qw(-c:a aac -b:a 96k -ac 2 -metadata:s:a:0 language=pol), @fragments ],
	opus => [ @sound, qw(-c:a libopus -b:a 64k), @fragments ],
);

for my $name (sort keys %encoded)
{
	said('ffmpeg', qw(-v error -y), @{ $encoded{$name} }, "$folder/$name.mp4");
}

my %codecs = (
	'360p' => qr/^avc1\.[0-9a-f]{6}$/, '180p' => qr/^avc1\.[0-9a-f]{6}$/, hevc => qr/^hvc1\.1\.6\.L\d+\.90$/,
	vp9 => qr/^vp09\.00\.\d\d\.08$/, av1 => qr/^av01\.0\.\d\dM\.08$/, wide => qr/^avc1\./, trick => qr/^avc1\./,
	audio => qr/^mp4a\.40\.2$/, opus => qr/^opus$/);

for my $name (sort keys %encoded)
{
	my $file = "$folder/$name.mp4";
	my $head = JSON::PP->new->decode($node->safe_psql('postgres',
		'SELECT row_to_json(h) FROM vvault_stream.media_head(' . head_sql($file) . ') h'));
	my $probe = JSON::PP->new->decode(scalar said(qw(ffprobe -v error -show_streams -show_format -of json), $file));
	my $stream = $probe->{streams}[0];
	my $seconds = 0;

	$seconds += $_ for @{ $head->{durations} };
	$seconds /= $head->{timescale};
	like($head->{codecs}, $codecs{$name}, "$name: the codec is $head->{codecs}");
	is($head->{kind}, $stream->{codec_type}, 'the kind');
	is($head->{$_}, $stream->{$_}, "the $_, as ffprobe finds it") for grep { defined $stream->{$_} && $stream->{codec_type} eq 'video' } qw(width height);
	is("$head->{channels} $head->{sample_rate}", "$stream->{channels} $stream->{sample_rate}", 'channels and rate')
	  if $head->{kind} eq 'audio';
	cmp_ok(abs($seconds - $probe->{format}{duration}), '<', 0.05, 'it lasts as long');

	# the index says where the fragments are
	my $bytes = slurp($file);
	my $at = $head->{first_offset};
	my $fragments = 0;
	for my $size (@{ $head->{sizes} })
	{
		$fragments++ if substr($bytes, $at + 4, 4) eq 'moof';
		$at += $size;
	}
	is($fragments, scalar @{ $head->{sizes} }, 'each segment begins with a fragment');
	is(substr($bytes, $head->{init_size} + 4, 4), 'sidx', 'the index stands where it says');
}
my $row = 'FROM vvault_stream.media_head(' . head_sql("$folder/360p.mp4") . ')';
is($node->safe_psql('postgres', "SELECT colour, sample_aspect, language $row"), '1/1/1/limited|1:1|und', 'colour, as it was told');
is($node->safe_psql('postgres', 'SELECT sample_aspect FROM vvault_stream.media_head(' . head_sql("$folder/wide.mp4") . ')'), '4:3', 'pixels that are not square');
is($node->safe_psql('postgres', 'SELECT language FROM vvault_stream.media_head(' . head_sql("$folder/audio.mp4") . ')'), 'pol', 'the language');

# ---------------------------------------------------------------------------
# Manifests that lead a player to them
# ---------------------------------------------------------------------------

$node->safe_psql('postgres', q{INSERT INTO vvault_stream.assets (video_id, owner_id, access, state, generation)
	VALUES ('film', 'alice', 'public', 'ready', 1)});
for my $name (qw(360p 180p trick audio))
{
	my $kind = $name eq 'audio' ? 'audio' : $name eq 'trick' ? 'trick' : 'video';
	my $rate = $kind eq 'video' ? 25 : 'NULL';
	my $per = $kind eq 'video' ? 1 : 'NULL';

	$node->safe_psql('postgres', <<"SQL");
INSERT INTO vvault_stream.renditions (video_id, generation, name, kind, codecs, width, height, frame_rate_numerator, frame_rate_denominator,
	channels, sample_rate, language, is_default, object_key, timescale, init_size, index_size, first_offset, durations, sizes)
SELECT 'film', 1, '$name', '$kind', h.codecs, h.width, h.height, $rate, $per, h.channels, h.sample_rate,
	nullif(h.language, 'und'), '$kind' = 'audio', 'film/1/$name.mp4', h.timescale, h.init_size, h.index_size, h.first_offset, h.durations, h.sizes
FROM vvault_stream.media_head(@{[ head_sql("$folder/$name.mp4") ]}) h
SQL
}

sub write_manifest
{
	my ($file, $call) = @_;
	my $hex = $node->safe_psql('postgres', "SELECT encode($call, 'hex')");

	open my $out, '>:raw', "$folder/$file" or die "$file: $!";
	print {$out} pack 'H*', $hex;
	close $out or die "$file: $!";
	return;
}

write_manifest('master.m3u8', q{vvault_hls('film')});
write_manifest("$_.m3u8", "vvault_hls_media('film', '$_')") for qw(360p 180p trick audio);
write_manifest('manifest.mpd', q{vvault_dash('film')});

# How many frames, and how many errors, a player finds in a stream of a manifest.
sub decoded
{
	my ($manifest, $map) = @_;
	my (undef, $err) = said(qw(ffmpeg -v error -stats -allowed_extensions ALL -i), "$folder/$manifest", '-map', $map, qw(-f null -));
	my @frames = $err =~ /frame=\s*(\d+)/g;

	return ($frames[-1] // 'no', join ' ', grep { !/frame=|size=/ } split /[\r\n]+/, $err);
}

for my $media (qw(360p 180p))
{
	my ($frames, $errors) = decoded("$media.m3u8", '0:v:0');

	is($frames, 225, "$media: HLS leads to all 9 seconds of 25 frames");
	is($errors, '', 'without an error');
}
my ($keys) = decoded('trick.m3u8', '0:v:0');
cmp_ok($keys, '>=', 4, 'the I-frame playlist leads to pictures');
my $streams = JSON::PP->new->decode(scalar said(qw(ffprobe -v error -allowed_extensions ALL -show_streams -show_programs -of json), "$folder/master.m3u8"));
my %kinds;
$kinds{ $_->{codec_type} }++ for @{ $streams->{streams} };
is($kinds{video}, 2, 'the multivariant playlist names two videos');
cmp_ok($kinds{audio} // 0, '>=', 1, 'and sound');
is(scalar @{ $streams->{programs} }, 2, 'as two variants');
SKIP:
{
	my ($demuxers) = said(qw(ffmpeg -v quiet -demuxers));
	skip 'this ffmpeg reads no DASH', 2 unless $demuxers =~ /\bdash\b/;
	my ($frames, $errors) = decoded('manifest.mpd', '0:v:0');
	is($frames, 225, 'DASH leads to all of it');
	is($errors, '', 'without an error');
}

# ---------------------------------------------------------------------------
# Heads that are damaged
# ---------------------------------------------------------------------------

sub refusal
{
	my ($head, $size) = @_;
	my ($out, $err);

	$node->psql('postgres', sprintf(q(SELECT kind, codecs FROM vvault_stream.media_head('\x%s'::bytea, %d)), unpack('H*', $head), $size // 1e9),
		stdout => \$out, stderr => \$err);
	return $err eq '' ? $out : $err =~ /DETAIL:\s*(.*)/ ? $1 : $err;
}

my @segments = ([ 1000, 51200 ], [ 2000, 51200 ]);
for my $example (Boxes::examples())
{
	like(refusal($example), qr/^(?:video|audio|text)\|/, 'an example is right');
}
my %refused = (
	'no MP4' => [ 'not an MP4 file at all', qr/does not begin as an MP4/ ],
	'two tracks' => [ Boxes::head(tracks => 2), qr/not one track/ ],
	'no track' => [ Boxes::head(tracks => 0), qr/not one track/ ],
	'no fragments' => [ Boxes::head(whole => 1), qr/not fragmented/ ],
	'no segments' => [ Boxes::head(segments => []), qr/index is empty/ ],
	'an empty segment' => [ Boxes::head(segments => [ [ 0, 1 ] ]), qr/empty segment/ ],
	'an index of indexes' => [ Boxes::head(segments => [ [ 0x80000001, 1 ] ]), qr/another index/ ],
	'no key frame' => [ Boxes::head(segments => [ [ 10, 10, 0 ] ]), qr/decoded alone/ ],
	'another time' => [ Boxes::head(index_timescale => 1), qr/counts time otherwise/ ],
	'a far segment' => [ Boxes::head(index_version => 1, offset => 2**40), qr/too far away/ ],
	'no codec' => [ Boxes::head(format => 'mp4v'), qr/codec is unknown/ ],
	'no size' => [ Boxes::head(width => 0), qr/has no size/ ],
	'no channels' => [ Boxes::head(kind => 'soun', format => 'mp4a', channels => 0), qr/no channels/ ],
	'another kind' => [ Boxes::head(kind => 'hint'), qr/neither video nor audio/ ],
	'encrypted otherwise' => [ Boxes::head(entry => 'encv', more => Boxes::protection('avc1', 'cens', 'k' x 16)), qr/another scheme/ ],
	'encrypted somehow' => [ Boxes::head(entry => 'encv'), qr/does not say what/ ],
);
for my $what (sort keys %refused)
{
	my ($head, $why) = @{ $refused{$what} };

	like(refusal($head), $why, $what);
}
my $whole = Boxes::head(segments => \@segments);
my $size = Boxes::file_size($whole, @segments);
like(refusal($whole, $size), qr/^video\|/, 'a file as long as its index says');
like(refusal($whole, $size + 100), qr/^video\|/, 'or longer, as with an index at its end');
like(refusal($whole, $size - 1), qr/segments end at byte $size/, 'but no shorter one');
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION is_refused(head bytea) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM vvault_stream.media_head(head, 1000000000);
	RETURN false;
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN true;
END
$$
SQL
for my $head ($whole, Boxes::head(entry => 'encv', more => Boxes::protection('avc1', 'cbcs', 'k' x 16)))
{
	is($node->safe_psql('postgres', sprintf q(SELECT count(*) FROM generate_series(0, %d) n WHERE NOT is_refused(substring('\x%s'::bytea FROM 1 FOR n))),
		length($head) - 1, unpack 'H*', $head), 0, 'a head that is cut anywhere is refused');
}

$node->stop;
done_testing();
