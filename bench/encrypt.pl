#!/usr/bin/env perl
#
# encrypt.pl
#		Encrypting by vvault-worker beside a plain copy of the file.
#
# usage: encrypt.pl FOLDER MEGABYTES ROUNDS
#
# The file is H.264 of 60 Mbit/s in fragments of four seconds, of about so many
# megabytes. Copy and schemes take turns; all write a new file into the same folder.
# CPU is what counts on a busy machine.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/worker";

use FileStore;
use Time::HiRes qw(time);

my ($folder, $megabytes, $rounds) = @ARGV;
die "usage: encrypt.pl FOLDER MEGABYTES ROUNDS\n" if @ARGV != 3;
my $missing = FileStore::missing();
die "$missing\n" if defined $missing;

my $digits = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
my %order = map { $_ => qq({"scheme": "$_", "key": "$digits", "kid": "$digits", "iv": "$digits"}) } qw(cenc cbcs aes128);

sub ffmpeg
{
	my (@arguments) = @_;

	system(qw(ffmpeg -v error -nostdin -y), @arguments) == 0 or die "ffmpeg failed\n";
	return;
}

# Eight seconds of noise, again and again.
ffmpeg(qw(-f lavfi -i), 'nullsrc=size=1280x720:rate=25:duration=8,geq=random(1)*255:128:128',
	qw(-c:v libx264 -preset ultrafast -b:v 60M -g 100 -pix_fmt yuv420p -f mp4), "$folder/short.mp4");
ffmpeg('-stream_loop', int($megabytes * 1e6 / -s "$folder/short.mp4"), '-i', "$folder/short.mp4",
	qw(-c copy -f mp4 -movflags +cmaf+global_sidx+frag_keyframe), "$folder/clear.mp4");
my $size = -s "$folder/clear.mp4";

my %commands = (
	copy => "cp '$folder/clear.mp4' '$folder/made.mp4'",
	map { $_ => FileStore::worker_program() . " --encrypt '$folder/clear.mp4' '$folder/made.mp4' <'$folder/$_.json'" } keys %order);

for my $scheme (keys %order)
{
	open my $out, '>', "$folder/$scheme.json" or die "$folder: $!\n";
	print {$out} $order{$scheme};
	close $out;
}

# Seconds of the clock and of the processor that a command takes.
sub measure
{
	my ($command) = @_;

	unlink "$folder/made.mp4";
	my @before = (time, times);
	system($command) == 0 or die "$command failed\n";
	my @after = (time, times);
	return ($after[0] - $before[0], $after[3] + $after[4] - $before[3] - $before[4]);
}

sub median
{
	my (@sorted) = sort { $a <=> $b } @_;

	return ($sorted[ $#sorted / 2 ] + $sorted[ @sorted / 2 ]) / 2;
}

my %took;
for my $round (0 .. $rounds)
{
	for my $what ('copy', sort keys %order)
	{
		my @took = measure($commands{$what});

		push @{ $took{$what}[$_] }, $took[$_] for $round ? (0, 1) : ();    # the first round warms up
	}
}
for my $what ('copy', sort keys %order)
{
	my ($clock, $cpu) = map { median(@$_) } @{ $took{$what} };
	my ($clock_ratio, $cpu_ratio) = map {
		my $i = $_;
		median(map { $took{$what}[$i][$_] / $took{copy}[$i][$_] } 0 .. $rounds - 1)
	} 0, 1;

	printf "%-8s %6.0f MB/s, %6.0f MB for a second of CPU   beside a copy: time %.2f, CPU %.2f\n", $what, $size / $clock / 1e6,
	  $size / $cpu / 1e6, $clock_ratio, $cpu_ratio;
}
