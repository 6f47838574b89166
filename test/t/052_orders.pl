#
# 052_orders.pl
#		The orders of the feed are listed once, as the choices of the setting
#		default_sort. What cannot read that list names each of them all the same.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use File::Find;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

cmp_ok(scalar(@orders), '>=', 7, 'src/site/settings.sql: default_sort has choices');

# What each file has of the orders, and where in it.
my %told = (
	'src/feed/orders.c: a line of the array orders' => [ slurp_file('src/feed/orders.c') =~ /\.name = "(\w+)"/g ],
	'src/analytics/backtest.sql: WHEN in the score' =>
	  [ (slurp_file('src/analytics/backtest.sql') =~ /CASE (?:\w+\.)?sort\n(.*?)WHEN 'rank'/s)[0] =~ /WHEN '(\w+)'/g ],
	'deploy/nginx.conf: map $vvault_bad_sort' =>
	  [ split /\|/, (slurp_file('deploy/nginx.conf') =~ /map \$arg_sort \$vvault_bad_sort \{[^}]*"~\^\(\?:([a-z_|]+)\)\$"/)[0] ],
	'test/naive_feed.sql: WHEN in naive_feed()' => [ slurp_file('test/naive_feed.sql') =~ /WHEN '(\w+)' THEN/g ]);

for my $where (sort keys %told)
{
	my %there = map { $_ => 1 } @{ $told{$where} };

	is(join(' ', grep { !delete $there{$_} } @orders), '', "$where: no order is missing");
	is(join(' ', sort keys %there), '', "$where: and none is there that is no choice of default_sort in src/site/settings.sql");
}

# No other list: it would be forgotten.
my %may_list = map { $_ => 1 } qw(src/site/settings.sql deploy/nginx.conf);
my @lists;

find(
	{
		no_chdir => 1,
		wanted => sub {
			my $file = $File::Find::name =~ s{^\./}{}r;

			$File::Find::prune = 1 if $file =~ m{^(?:\.\w+|results|output_iso|src/upgrade/released|bench/scores/\w+)$};
			return unless -f $_ && $file =~ /\.(?:sql|c|h|pl|pm|sh|conf|js|mjs|py)$/ && !$may_list{$file} && $file !~ /^vvault--/;
			push @lists, $file if slurp_file($file) =~ /\b$orders[0]\W{1,5}$orders[1]\W{1,5}$orders[2]\b/;
		}
	},
	'.');
is(join(' ', sort @lists), '', 'these list the orders themselves: the choices of default_sort are in vvault.setting_defaults,'
	. ' @orders in test/t/VVaultTest.pm, pg_temp.orders() in test/naive_feed.sql');

done_testing();
