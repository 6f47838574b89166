#
# 051_fuzz.pl
#		A short round of each fuzzer; test/fuzz/ has the long ones.
#
# VVAULT_FUZZ_SEED and VVAULT_FUZZ_ROUNDS choose other ones than those that
# every run takes. What went wrong is printed with its seed.
#
# make check: early
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../standin";

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Site;
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

fuzz_ok('searches of all kinds', 'psql', '-X', '-d', 'postgres', '-v', 'rounds=' . int($rounds / 3),
	'-v', 'seed=' . ($seed % 1000) / 1000, '-f', 'test/fuzz/search.sql');

fuzz_ok('hostile request settings', 'psql', '-X', '-d', 'postgres', '-v', "rounds=$rounds",
	'-v', 'seed=' . ($seed % 1000) / 1000, '-f', 'test/fuzz/headers.sql');

# a setting that comes with the connection may hold bytes that are no text
$node->safe_psql('postgres', q{CREATE ROLE fuzz_reader LOGIN; SELECT vvault_grant('fuzz_reader', 'reader')});
srand $seed;
my @odd = ('"', '{', '}', ':', '\\', '*', 'if-none-match', '"if-none-match":"', "\xff", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80",
	"\xe2\x82", "\x01", "\x7f", '\\u00', '\\ud800');
my $expected = $node->safe_psql('postgres', q{SELECT md5(vvault_trending('PL')::text)});
my @wrong;
for my $round (1 .. $rounds / 10)
{
	my $headers = '{' . join('', map { $odd[ rand @odd ] } 1 .. 1 + rand 10) . ($round % 2 ? '"}' : '');
	(my $escaped = $headers) =~ s/([\\\s])/\\$1/g;
	local $ENV{PGOPTIONS} = "-c request.method=GET -c request.headers=$escaped";
	my ($out, $err);
	IPC::Run::run([ 'psql', '-X', '-A', '-t', '-d', 'postgres', '-U', 'fuzz_reader', '-c',
			q{SELECT md5(vvault_trending('PL')::text)} ], '<', '/dev/null', '>', \$out, '2>', \$err);
	push @wrong, unpack('H*', $headers) . ": $out$err" if $out ne "$expected\n" || $err ne '';
}
is("@wrong", '', 'bytes that are no text in request.headers are passed over');

# the site, with whatever can stand behind nginx here
$node->safe_psql('postgres', q{CREATE ROLE authenticator LOGIN NOINHERIT; GRANT fuzz_reader TO authenticator});
my $folder = PostgreSQL::Test::Utils::tempdir_short();
for my $program (Site->programs)
{
	SKIP:
	{
		my $site = Site->new("$folder/$program", $node->connstr('postgres') . ' user=authenticator', 'fuzz_reader',
			RATE => '100000r/s', BURST => 100000, STANDIN => $program eq 'standin' ? 'only' : 'no');

		skip 'there is no nginx', 2 if !$site;
		note "051_fuzz: $site->{with}";
		fuzz_ok("requests to the site, $site->{with}", $^X, 'test/fuzz/site.pl', '--url', $site->{url}, '--seed', $seed, '--rounds', 3 * $rounds);
		unlike(PostgreSQL::Test::Utils::slurp_file("$site->{folder}/error.log"), qr/\[(?:emerg|alert|crit)\]/, 'nginx had no trouble');
		$site->stop;
	}
}

# the states of aggregates, by way of a module of its own
my $module = PostgreSQL::Test::Utils::tempdir() . '/states';
my $said = '';
IPC::Run::run([ 'cp', '-R', 'test/fuzz/states', $module ], '>&', \$said)
  && IPC::Run::run([ 'make', '-s', '-C', $module, 'with_llvm=no', 'PG_CONFIG=' . ($ENV{VVAULT_PG_CONFIG} // 'pg_config') ],
	'>&', \$said)
  or die $said;
fuzz_ok('damaged states of aggregates', 'psql', '-X', '-d', 'postgres', '-v', "rounds=$rounds",
	'-v', 'seed=' . ($seed % 1000) / 1000, '-v', "module=$module/states", '-f', 'test/fuzz/states.sql');

my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
unlike($log, qr/was terminated by signal|PANIC:|TRAP:|runtime error:/, 'no backend crashed');

$node->stop;
done_testing();
