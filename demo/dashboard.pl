#!/usr/bin/env perl
#
# dashboard.pl
#		Puts Chart.js into a page of vvault_dashboard(), so that the page can
#		be opened from a file and without a network.
#
# usage: dashboard.pl CHART.JS <page >page
#
# The element that loads Chart.js is replaced by one that holds it. The page's
# Content-Security-Policy stays as it is: it names the library by its hash,
# which is that of these very bytes.
#
use strict;
use warnings;

binmode STDIN;
binmode STDOUT;
local $/;

my ($file) = @ARGV;
die "usage: dashboard.pl CHART.JS <page >page\n" unless @ARGV == 1;
open my $in, '<:raw', $file or die "$file: $!\n";
my $library = <$in>;
die "$file: cannot stand in a page\n" if $library =~ m{</script|<!--}i;

my $page = <STDIN>;
$page =~ s{<script defer src="[^"]*" integrity="[^"]*" crossorigin="anonymous"></script>}
          {<script>$library</script>}
  or die "the page does not load Chart.js\n";
print $page;
