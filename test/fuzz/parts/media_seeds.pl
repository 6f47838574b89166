#!/usr/bin/env perl
#
# media_seeds.pl
#		Small files of ffmpeg's to begin with, for the parts encrypt and samples of
#		parts.c. Where there is no ffmpeg, or none of an encoder, there are fewer.
#
# usage: media_seeds.pl encrypt|samples FOLDER

use strict;
use warnings;

my ($part, $folder) = @ARGV;
my @picture = qw(-f lavfi -i testsrc2=size=64x64:rate=25:duration=0.2 -pix_fmt yuv420p);
my @cmaf = qw(-f mp4 -movflags +cmaf+global_sidx+frag_keyframe+delay_moov);
my %codecs = (
	avc => [ @picture, qw(-c:v libx264 -preset medium -crf 45 -bf 2 -g 3 -x264-params slices=2:weightp=2) ],
	hevc => [ @picture, qw(-c:v libx265 -preset fast -crf 45 -x265-params log-level=none:keyint=3:slices=2:weightb=1 -tag:v hvc1) ],
	av1 => [ @picture, qw(-c:v libaom-av1 -cpu-used 8 -crf 60 -g 3) ],
	aac => [ qw(-f lavfi -i sine=duration=0.3 -c:a aac -b:a 16k -frag_duration 100000) ]);
my $n = 0;

sub keep
{
	my ($bytes) = @_;

	open my $out, '>:raw', "$folder/seed-" . $n++ or die "$folder: $!\n";
	print {$out} $bytes;
	close $out;
	return;
}

sub bytes_of
{
	my (@arguments) = @_;
	my $file = "$folder/made";
	my $bytes = '';

	if (system("ffmpeg -v quiet -nostdin -y @arguments $file </dev/null") == 0 && open my $in, '<:raw', $file)
	{
		local $/;
		$bytes = <$in>;
	}
	unlink $file;
	return $bytes;
}

for my $codec (sort keys %codecs)
{
	if ($part eq 'encrypt')
	{
		my $bytes = bytes_of(@{ $codecs{$codec} }, @cmaf);

		keep(chr($_) . $bytes) for $bytes ne '' ? 0 .. 2 : ();
	}
	else
	{
		my ($format, $number) = @{ { avc => [ 'h264', 0 ], hevc => [ 'hevc', 1 ], av1 => [ 'obu', 2 ] }->{$codec} // next };
		my $bytes = bytes_of(@{ $codecs{$codec} }, '-f', $format);

		# NAL units behind their lengths in place of start codes
		$bytes = join '', map { pack 'n/a', $_ } grep { $_ ne '' } split /\0?\0\0\x01/, $bytes if $codec ne 'av1';
		# of 129, too, the remainder by 3 is the codec, and its highest bit is the scheme
		keep(chr($_) . $bytes) for $bytes ne '' ? ($number, 129 + $number) : ();
	}
}
