#!/usr/bin/env perl
#
# polite.pl
#		Callers who ask now and then: how long they wait, in the median.
#
# usage: perl polite.pl URL SECONDS TOKEN ...
#
# A process for each token asks ten times a second from an address of its own.
# Prints the median of all in milliseconds, how many asked, and how many of these
# were not answered with 200.
#
use strict;
use warnings;

use HTTP::Tiny ();
use Time::HiRes qw(sleep time);

my ($url, $seconds, @tokens) = @ARGV;
my @readers;

sub ask
{
	my ($token, $number, $to) = @_;
	my $http = HTTP::Tiny->new(timeout => 30);
	my %headers = (authorization => "Bearer $token", 'x-forwarded-for' => "198.51.100.$number");
	my $until = time + $seconds;

	while (time < $until)
	{
		my $began = time;
		my $status = $http->get($url, { headers => \%headers })->{status};

		printf {$to} "%.4f %d\n", (time - $began) * 1000, $status;
		sleep 0.1;
	}
	return;
}

for my $number (1 .. @tokens)
{
	pipe my $from, my $to or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";

	if ($pid == 0)
	{
		close $from;
		ask($tokens[ $number - 1 ], $number, $to);
		close $to;
		exit 0;
	}
	close $to;
	push @readers, $from;
}

my (@waited, $others);
for my $from (@readers)
{
	while (my $line = <$from>)
	{
		my ($ms, $status) = split ' ', $line;

		push @waited, $ms;
		$others++ if $status != 200;
	}
}
wait for @readers;
@waited = sort { $a <=> $b } @waited;
printf "%.3f %d %d\n", $waited[ @waited / 2 ], scalar(@waited), $others // 0;
