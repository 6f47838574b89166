#
# 061_sources.pl
#		Sources as people upload them become videos that play: whatever ffmpeg
#		makes of time, shape, colour and sound, the renditions are upright, of a
#		constant rate, cut at the same moments, in bt709, and sound and picture
#		keep together.
#
# make check: early
#
# ffmpeg makes the sources and, by test/media/Runner.pm, does the orders of the
# jobs; ffprobe looks at what came of it.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../media";

use File::Copy ();
use File::Path qw(make_path);
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Runner;
use Test::More;
use VVaultTest;

plan skip_all => 'no ffmpeg' unless IPC::Run::run([ 'ffmpeg', '-version' ], '>', '/dev/null', '2>', '/dev/null');

my $folder = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('sources');
$node->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE; CREATE EXTENSION vvault_stream');
my $runner = Runner->new(node => $node, folder => $folder);
$runner->prepare;

sub ffmpeg
{
	my (@arguments) = @_;
	my ($done, undef, $err) = Runner::run(qw(ffmpeg -v error -nostdin -y), @arguments);

	die "ffmpeg @arguments: $err" unless $done;
	return;
}

sub ffprobe
{
	my ($file, @arguments) = @_;
	my ($done, $out, $err) = Runner::run(qw(ffprobe -v error -of json), @arguments, $file);

	die "ffprobe $file: $err" unless $done;
	return JSON::PP->new->utf8->decode($out);
}

# ---------------------------------------------------------------------------
# Sources
# ---------------------------------------------------------------------------

sub picture
{
	my ($size, $rate, $seconds) = @_;

	return ('-f', 'lavfi', '-i', "testsrc2=size=$size:rate=$rate:duration=$seconds");
}

sub sound
{
	my ($seconds, $layout) = @_;
	my %channels = (mono => 1, stereo => 2, '5.1' => 6);

	return ('-f', 'lavfi', '-i', 'aevalsrc=' . join('|', ('0.3*sin(2*PI*440*t)') x $channels{ $layout // 'stereo' }) . ":s=48000:d=$seconds:c=" . ($layout // 'stereo'));
}

my @x264 = qw(-c:v libx264 -preset ultrafast -pix_fmt yuv420p);
my @aac = qw(-c:a aac -b:a 64k);
my @hdr = qw(-pix_fmt yuv420p10le -c:v libx265 -preset ultrafast -x265-params log-level=none -color_primaries bt2020 -colorspace bt2020nc -tag:v hvc1);

open my $texts, '>', "$folder/texts.srt" or die $!;
print {$texts} "1\n00:00:00,500 --> 00:00:02,000\nDzień dobry\n\n";
close $texts or die $!;

# name => [arguments of ffmpeg and the file's name, what is expected of it]
my @sources = (
	plain => [ [ picture('320x180', 25, 5), sound(5), @x264, @aac, 'plain.mp4' ], { size => '320x180', rate => '25/1', seconds => 5 } ],
	vfr => [ [ picture('320x180', 30, 5), '-vf', q(select='not(between(n,20,55)+between(mod(n,7),5,6))'), qw(-vsync vfr), @x264, 'vfr.mp4' ],
		{ size => '320x180', rate => '24/1|25/1|30/1', seconds => 5 } ],
	rotated => [ [ qw(-i), "$folder/plain.mp4", qw(-c copy -metadata:s:v:0 rotate=90), 'rotated.mp4' ], { size => '180x320', seconds => 5 } ],
	portrait => [ [ picture('180x320', 25, 5), @x264, 'portrait.mp4' ], { size => '180x320', seconds => 5 } ],
	odd => [ [ picture('321x181', 25, 3), qw(-c:v ffv1 -pix_fmt yuv444p), 'odd.mkv' ], { size => '320x180', seconds => 3 } ],
	pixels => [ [ picture('180x144', 25, 3), qw(-vf setsar=16/11), @x264, 'pixels.mp4' ], { size => '256x140', seconds => 3 } ],
	fifty => [ [ picture('320x180', 50, 5), @x264, 'fifty.mp4' ], { size => '320x180', rate => '25/1', seconds => 5 } ],
	sixty => [ [ picture('1280x720', '60000/1001', 5), sound(5), @x264, @aac, 'sixty.mp4' ],
		{ size => '1280x720', rate => '60000/1001', seconds => 5, rungs => 5, early => '360p audio' } ],
	interlaced => [ [ picture('320x180', 50, 5), qw(-vf interlace,setfield=tff -flags +ildct+ilme -c:v mpeg2video -q:v 4), 'interlaced.ts' ],
		{ size => '320x180', rate => '25/1', seconds => 5 } ],
	hlg => [ [ picture('320x180', 25, 2), @hdr, qw(-color_trc arib-std-b67), 'hlg.mp4' ], { size => '320x180', seconds => 2 } ],
	pq => [ [ picture('320x180', 25, 2), @hdr, qw(-color_trc smpte2084), 'pq.mp4' ], { size => '320x180', seconds => 2 } ],
	mono => [ [ picture('320x180', 25, 3), sound(3, 'mono'), @x264, @aac, 'mono.mp4' ], { size => '320x180', seconds => 3 } ],
	surround => [ [ picture('320x180', 25, 3), sound(3, '5.1'), @x264, @aac, 'surround.mp4' ], { size => '320x180', seconds => 3 } ],
	silent => [ [ picture('320x180', 25, 3), @x264, 'silent.mp4' ], { size => '320x180', seconds => 3 } ],
	song => [ [ sound(5), @aac, 'song.m4a' ], { seconds => 5 } ],
	languages => [ [ picture('320x180', 25, 3), sound(3), sound(3), '-i', "$folder/texts.srt", qw(-map 0 -map 1 -map 2 -map 3), @x264, @aac,
			qw(-c:s srt -metadata:s:a:0 language=eng -metadata:s:a:1 language=pol -metadata:s:s:0 language=pol), 'languages.mkv' ],
		{ size => '320x180', seconds => 3, audio => 'audio:en audio-pl:pl', texts => 'subtitles-pl:pl' } ],
	short => [ [ picture('320x180', 25, 0.4), sound(0.4), @x264, @aac, 'short.mp4' ], { size => '320x180', seconds => 0.4 } ],
	edited => [ [ qw(-ss 1.3 -i), "$folder/plain.mp4", qw(-c copy), 'edited.mp4' ], { size => '320x180', seconds => 3.7, slack => 0.1 } ],
	negative => [ [ qw(-i), "$folder/plain.mp4", qw(-c copy -avoid_negative_ts disabled -output_ts_offset -0.5), 'negative.mkv' ],
		{ size => '320x180', seconds => 5, slack => 0.6 } ],
	late => [ [ qw(-i), "$folder/plain.mp4", qw(-itsoffset 0.7 -i), "$folder/plain.mp4", qw(-map 0:v -map 1:a -c copy), 'late.mkv' ],
		{ size => '320x180', seconds => 5, slack => 0.1, late => 0.7 } ],
	vp9 => [ [ picture('320x180', 25, 3), sound(3), qw(-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus -b:a 64k), 'vp9.webm' ], { size => '320x180', seconds => 3 } ],
	av1 => [ [ picture('320x180', 25, 1), qw(-c:v libsvtav1 -preset 12), 'av1.webm' ], { size => '320x180', seconds => 1 } ],
	mpeg2 => [ [ picture('320x180', 25, 3), sound(3), qw(-c:v mpeg2video -q:v 4 -c:a mp2 -b:a 128k), 'mpeg2.ts' ], { size => '320x180', seconds => 3, slack => 0.1 } ],
	truncated => [ [ picture('320x180', 25, 5), sound(5), @x264, @aac, 'truncated.mkv' ], { size => '320x180', least => 2, cut => 0.6 } ]);

# ---------------------------------------------------------------------------
# What comes of one
# ---------------------------------------------------------------------------

sub column
{
	my ($sql) = @_;

	return $node->safe_psql('postgres', $sql);
}

# When a tone of more than a tenth of its strength begins in a file, decoded as a
# player without edit lists does.
sub tone_begins
{
	my ($file) = @_;
	my ($done, $out) = Runner::run(qw(ffmpeg -v error -nostdin -i), $file, qw(-f s16le -ac 1 -ar 48000 -));
	my @samples = unpack 's<*', $out;

	for my $i (0 .. $#samples)
	{
		return $i / 48000 if abs $samples[$i] > 1000;
	}
	return;
}

sub check_video
{
	my ($name, $wanted, @files) = @_;
	my %borders;
	my $largest;

	for my $file (@files)
	{
		my $stream = ffprobe($file, '-show_streams')->{streams}[0];
		my $packets = ffprobe($file, qw(-show_entries packet=pts_time,flags))->{packets};
		my @times = sort { $a <=> $b } map { $_->{pts_time} } @$packets;
		my ($per, $base) = split m{/}, $stream->{r_frame_rate};
		my @keys = sort { $a <=> $b } map { $_->{flags} =~ /K/ ? $_->{pts_time} : () } @$packets;
		my $uneven = grep { abs($times[$_] - $times[ $_ - 1 ] - $base / $per) > 0.002 } 1 .. $#times;

		$largest = $stream if !$largest || $stream->{width} * $stream->{height} > $largest->{width} * $largest->{height};
		$borders{ join ' ', map { sprintf '%.3f', $_ } @keys }++;
		is($uneven, 0, "$name: pictures come at a constant rate");
		cmp_ok(abs $times[0], '<', 0.001, 'from the beginning');
		is(scalar(grep { abs($keys[$_] - 4 * $_) > $base / $per + 0.001 } 0 .. $#keys), 0, 'a key picture each 4 s, within a picture');
		is(join('/', @$stream{qw(color_primaries color_transfer color_space)}), 'bt709/bt709/bt709', 'in bt709');
		is($stream->{field_order} // 'progressive', 'progressive', 'progressive');
		ok(!grep({ exists $_->{rotation} } @{ $stream->{side_data_list} // [] }), 'with nothing left to turn');
		is($stream->{sample_aspect_ratio} // '1:1', '1:1', 'and square pixels');
		if ($wanted->{seconds})
		{
			cmp_ok(abs(@times * $base / $per - $wanted->{seconds}), '<', ($wanted->{slack} // 0) + 1.5 * $base / $per, 'as long as the source');
		}
		else
		{
			cmp_ok(@times * $base / $per, '>', $wanted->{least}, 'as long as there is of it');
		}
	}
	is(scalar keys %borders, 1, "$name: borders are the same in all rungs") or diag join "\n", keys %borders;
	is("$largest->{width}x$largest->{height}", $wanted->{size}, 'the right way up, in its size');
	like($largest->{r_frame_rate}, qr{^(?:$wanted->{rate})$}, 'the rate') if $wanted->{rate};
	is(scalar @files, $wanted->{rungs}, 'all rungs') if $wanted->{rungs};
	return;
}

sub check_audio
{
	my ($name, $wanted, $file) = @_;
	my $stream = ffprobe($file, '-show_streams')->{streams}[0];

	is("$stream->{codec_name} $stream->{channels} $stream->{sample_rate}", 'aac 2 48000', "$name: stereo sound");
	cmp_ok(abs $stream->{start_time}, '<', 0.001, 'from the beginning');
	cmp_ok(abs(tone_begins($file) - ($wanted->{late} // 0)), '<', 0.045, 'at its time') unless $wanted->{least} || $name =~ /edited|negative/;
	return;
}

sub check
{
	my ($name, $arguments, $wanted) = @_;
	my $file = "$folder/$arguments->[-1]";

	ffmpeg(@$arguments[ 0 .. $#$arguments - 1 ], $file);
	truncate $file, int($wanted->{cut} * -s $file) or die $! if $wanted->{cut};
	make_path("$folder/$name/source");
	File::Copy::copy($file, "$folder/$name/source/1") or die $!;
	my $size = -s $file;
	column(q{SELECT vvault_stream_set('early_seconds', '} . ($wanted->{early} ? 0 : 30) . q{')});
	column(qq{SELECT vvault_create_asset('$name', 'anna', 'public', video_id => '$name');
		SELECT vvault_stream.source_stored('$name', vvault_stream.open_generation('$name'), 'folder', '$name/source/1', $size, NULL);
		SELECT vvault_process('$name', '{"preset": "ultrafast"}')});
	$runner->work('probe,encode,pictures,texts,finish');
	is(column(qq{SELECT concat_ws(' ', state, failure) FROM vvault_stream.assets WHERE video_id = '$name'}), 'ready', "$name: it is ready") or return;
	is(column(qq{SELECT string_agg(name, ' ' ORDER BY name COLLATE "C") FROM vvault_stream.renditions WHERE video_id = '$name' AND early}), $wanted->{early} // '',
		'what was made first');
	my %files;
	for (split /\n/, column(qq{SELECT kind || ' ' || object_key FROM vvault_stream.renditions WHERE video_id = '$name' ORDER BY 1}))
	{
		push @{ $files{$1} }, "$folder/$2" if /^(\w+) (.*)$/;
	}
	check_video($name, $wanted, @{ $files{video} }) if $wanted->{size};
	check_audio($name, $wanted, $_) for @{ $files{audio} // [] };
	is(column(qq{SELECT count(*) FROM vvault_stream.renditions WHERE video_id = '$name' AND kind = 'audio' AND loudness IS NOT DISTINCT FROM NULL}), 0, 'every sound has its loudness');
	is(column(qq{SELECT string_agg(name || ':' || coalesce(language, ''), ' ' ORDER BY name) FROM vvault_stream.renditions WHERE video_id = '$name' AND kind = 'audio'}),
		$wanted->{audio}, 'each language') if $wanted->{audio};
	is(column(qq{SELECT string_agg(name || ':' || coalesce(language, ''), ' ' ORDER BY name) FROM vvault_stream.renditions WHERE video_id = '$name' AND kind = 'text'}),
		$wanted->{texts}, 'and its subtitles') if $wanted->{texts};
	is(column(qq{SELECT string_agg(name, ' ' ORDER BY name) FROM vvault_stream.pictures WHERE video_id = '$name'}), $wanted->{size} ? 'poster sheet' : '', 'pictures');
	return;
}

while (my ($name, $source) = splice @sources, 0, 2)
{
	check($name, @$source);
}

# ---------------------------------------------------------------------------
# What is none
# ---------------------------------------------------------------------------

open my $nothing, '>', "$folder/nothing.mp4" or die $!;
print {$nothing} "#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n";
close $nothing or die $!;
make_path("$folder/nothing/source");
File::Copy::copy("$folder/nothing.mp4", "$folder/nothing/source/1");
column(q{SELECT vvault_create_asset('nothing', 'anna', video_id => 'nothing');
	SELECT vvault_stream.source_stored('nothing', vvault_stream.open_generation('nothing'), 'folder', 'nothing/source/1', 40, NULL);
	SELECT vvault_process('nothing')});
$runner->work('probe,encode,pictures,texts,finish');
is(column(q{SELECT state || ' ' || failure FROM vvault_stream.assets WHERE video_id = 'nothing'}), 'failed The file is of no kind that is known.', 'a playlist is no video');

# deleting leaves no file
column(q{SELECT vvault_delete_asset('plain')});
column(q{UPDATE vvault_stream.jobs SET run_at = clock_timestamp() WHERE kind = 'delete_objects' AND run_at IS NOT NULL});
$runner->work('delete_objects');
is(column(q{SELECT state FROM vvault_stream.assets WHERE video_id = 'plain'}), 'deleted', 'a video is deleted');
is(join(' ', grep { -f } glob "$folder/plain/*/*"), '', 'with all its files');

$node->stop;
done_testing();
