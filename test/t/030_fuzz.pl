#
# 030_fuzz.pl
#		A short round of each fuzzer; test/fuzz/ has the long ones.
#
# VVAULT_FUZZ_SEED and VVAULT_FUZZ_ROUNDS choose other ones than those that
# every run takes. What went wrong is printed with its seed.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $seed = $ENV{VVAULT_FUZZ_SEED} // 1;
my $rounds = $ENV{VVAULT_FUZZ_ROUNDS} // 300;

my $node = new_node('fuzz');
local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;

# Runs a command and shows what it said; true if it ended well and said so.
sub fuzz_ok
{
	my ($label, @command) = @_;
	my $output = '';
	my $well = IPC::Run::run(\@command, '<', '/dev/null', '>&', \$output);

	note($output);
	my $ok = ok($well && $output =~ /^ok\b/m, $label);
	diag($output) unless $ok;
	return;
}

fuzz_ok('damaged responses', $^X, 'test/fuzz/ingest.pl', '--seed', $seed, '--rounds', $rounds);

$node->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');

# setseed() takes numbers from -1 to 1
fuzz_ok('forged cursors', 'psql', '-X', '-d', 'postgres', '-v', 'rounds=' . int($rounds / 8),
	'-v', 'seed=' . ($seed % 1000) / 1000, '-f', 'test/fuzz/cursors.sql');

my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
unlike($log, qr/was terminated by signal|PANIC:|TRAP:/, 'no backend crashed');

$node->stop;
done_testing();
