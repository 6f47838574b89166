#
# 091_codecs.pl
#		The codec that the server reads in the head of a file is the one that
#		others find: mp4box.js (npm) in the file, and Chromium, which takes it for
#		this file.
#
# ffmpeg makes the files. A codec that this ffmpeg has not is left out; Chromium of
# Debian knows no HEVC. What is not to be had is skipped.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../browser";

use Browser;
use IPC::Run ();
use JSON::PP ();
use MIME::Base64 ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

plan skip_all => 'no ffmpeg' unless IPC::Run::run([ 'ffmpeg', '-version' ], '>', '/dev/null', '2>', '/dev/null');

my $json = JSON::PP->new->utf8;
my $folder = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('codecs');
$node->safe_psql('postgres', 'CREATE EXTENSION vvault_stream CASCADE');

my @video = qw(-f lavfi -i testsrc2=size=320x180:rate=25:duration=1);
my @sound = qw(-f lavfi -i sine=frequency=440:sample_rate=48000:duration=1);
my @cmaf = qw(-movflags +cmaf+global_sidx+frag_keyframe+delay_moov);
my @pieces = qw(-movflags +cmaf+global_sidx+delay_moov -frag_duration 500000);
my @avc = (@video, qw(-c:v libx264 -preset ultrafast -g 25));
my @hevc = (@video, qw(-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25));
my @vp9 = (@video, qw(-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25));
my @av1 = (@video, qw(-t 0.4 -c:v libaom-av1 -cpu-used 8 -g 25));
my @eight = qw(-pix_fmt yuv420p);
my @ten = qw(-pix_fmt yuv420p10le);
my %made = (
	'avc-baseline' => [ @avc, @eight, qw(-profile:v baseline), @cmaf ],
	'avc-main' => [ @avc, @eight, qw(-profile:v main -coder 1 -level 3.1), @cmaf ],
	'avc-high' => [ @avc, @eight, qw(-profile:v high -x264-params 8x8dct=1 -level 4), @cmaf ],
	'avc-large' => [ qw(-f lavfi -i testsrc2=size=1920x1080:rate=50:duration=0.2 -c:v libx264 -preset ultrafast), @eight, qw(-x264-params 8x8dct=1), @cmaf ],
	'hevc-main' => [ @hevc, @eight, qw(-tag:v hvc1), @cmaf ],
	'hevc-main10' => [ @hevc, @ten, qw(-tag:v hvc1), @cmaf ],
	'hevc-inband' => [ @hevc, @eight, qw(-tag:v hev1), @cmaf ],
	'vp9-0' => [ @vp9, @eight, @cmaf ],
	'vp9-2' => [ @vp9, @ten, qw(-profile:v 2), @cmaf ],
	'av1-main' => [ @av1, @eight, @cmaf ],
	'av1-ten' => [ @av1, @ten, @cmaf ],
	'aac-stereo' => [ @sound, qw(-c:a aac -ac 2), @pieces ],
	'aac-mono' => [ @sound, qw(-c:a aac -ac 1 -ar 44100), @pieces ],
	'opus-stereo' => [ @sound, qw(-c:a libopus -ac 2), @pieces ]);

IPC::Run::run([ 'ffmpeg', '-v', 'quiet', '-encoders' ], '>', \my $encoders);
my (%codec, $said, $problem);
for my $name (sort keys %made)
{
	my ($encoder) = "@{ $made{$name} }" =~ /-c:[av] (\S+)/;

	if ($encoders !~ /\b\Q$encoder\E\b/)
	{
		note "there is no $encoder";
		next;
	}
	IPC::Run::run([ qw(ffmpeg -v error -nostdin -y), @{ $made{$name} }, "$folder/$name.mp4" ], '>&', \$problem) or die $problem;
	my $bytes = slurp_file("$folder/$name.mp4");
	$codec{$name} = $node->safe_psql('postgres', sprintf q{SELECT codecs FROM vvault_stream.media_head('\x%s'::bytea, %d)},
		unpack('H*', substr $bytes, 0, 65536), length $bytes);
	note "$name: $codec{$name}";
}
$node->stop;
my %families = map { (split /-/)[0] => 1 } keys %codec;
cmp_ok(scalar keys %families, '>=', 3, 'codecs of ' . join ', ', sort keys %families);

SKIP:
{
	my $modules = ($ENV{WORK} // '') . '/manifests/node_modules';

	# it wants Node 20
	skip 'there is no mp4box.js', 1 if !IPC::Run::run([ 'node', 'test/manifests/codecs.mjs', $modules ], '<', '/dev/null', '>&', \$said);
	IPC::Run::run([ 'node', 'test/manifests/codecs.mjs', $modules, map { "$folder/$_.mp4" } sort keys %codec ], '<', '/dev/null', '>', \$said, '2>', \$problem)
	  or die $problem;
	my $found = $json->decode($said);

	# it names Opus as the file does; browsers have always known it in small letters
	is_deeply({ map { $_ => $found->{"$folder/$_.mp4"} =~ s/^Opus$/opus/r } keys %codec }, \%codec, 'mp4box.js says so, too');
}

SKIP:
{
	skip 'there is no Chromium', 1 if !Browser::executable();
	my $browser = Browser->start(PostgreSQL::Test::Utils::tempdir());
	my $is_supported = sub {
		my ($kind, $codec) = @_;

		return $browser->value(qq{MediaSource.isTypeSupported('$kind/mp4; codecs="$codec"')});
	};

	$browser->value(<<'EOF');
window.taken = async (type, text) => {
	const source = new MediaSource();
	const video = document.createElement('video');
	const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

	video.src = URL.createObjectURL(source);
	await new Promise((resolve) => source.addEventListener('sourceopen', resolve));
	const buffer = source.addSourceBuffer(type);
	return new Promise((resolve) => {
		buffer.addEventListener('error', () => resolve(video.error ? video.error.message : 'error'));
		buffer.addEventListener('updateend', () => resolve(buffer.buffered.length ? 'taken' : 'nothing is buffered'));
		buffer.appendBuffer(bytes);
	});
};
0
EOF
	ok(!$is_supported->('video', $_), "Chromium knows no $_") for 'avc1.000000', 'av01.9.99X.08', 'vp09.09.99.08', 'video';
	for my $name (sort keys %codec)
	{
		my $kind = $name =~ /^(?:aac|opus)/ ? 'audio' : 'video';

		if ($name =~ /^hevc/ && !$is_supported->($kind, 'hvc1.1.6.L93.90'))
		{
			note "this Chromium knows no HEVC: $name";
			next;
		}
		ok($is_supported->($kind, $codec{$name}), "Chromium knows $codec{$name}");
		is($browser->value(sprintf q{taken('%s/mp4; codecs="%s"', '%s')}, $kind, $codec{$name}, MIME::Base64::encode_base64(slurp_file("$folder/$name.mp4"), '')),
			'taken', "and takes $name for it");
	}
	$browser->stop;
}

done_testing();
