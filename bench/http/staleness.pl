#!/usr/bin/perl
#
# staleness.pl
#		For how long after a commit a feed is still served as it was.
#
# usage: staleness.pl URL CONNECTION-STRING TRIALS PATIENCE
#
# Each trial commits a change of the region PL at another moment, then asks
# every few milliseconds until the change shows, for at most PATIENCE seconds.
# Prints the seconds until the last old reply was asked for: median and maximum.
#
use strict;
use warnings;

use DBI;
use HTTP::Tiny;
use Time::HiRes qw(sleep time);

my ($url, $connstr, $trials, $patience) = @ARGV;
die "usage: staleness.pl URL CONNECTION-STRING TRIALS PATIENCE\n" if !defined $patience;
$connstr =~ s/ +/;/g;
my $db = DBI->connect("dbi:Pg:$connstr", '', '', { RaiseError => 1 });
my $http = HTTP::Tiny->new(keep_alive => 1);
my @stale;

for my $trial (1 .. $trials)
{
	my $old = $http->get($url)->{content};
	sleep(0.1 + rand 1.2);
	$http->get($url);
	$db->do(q{UPDATE vvault.videos SET views = views + 1000 WHERE region = 'PL'});
	my $committed = time;
	my $last = 0;

	while (time - $committed < $patience)
	{
		my $asked = time;

		last if $http->get($url)->{content} ne $old;
		$last = $asked - $committed;
		sleep 0.003;
	}
	push @stale, $last;
}
@stale = sort { $a <=> $b } @stale;
printf "%.2f %.2f\n", $stale[ int(@stale / 2) ], $stale[-1];
