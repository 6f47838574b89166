#
# 041_clients.pl
#		The examples of demo/clients: each runs and prints what the others do.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../standin";

use File::Copy qw(copy);
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Site;
use Test::More;
use VVaultTest;

my $json = JSON::PP->new->utf8;
my $node = new_node('clients');
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $installed = ($ENV{WORK} // '') . '/clients';

$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION vvault CASCADE;
CREATE ROLE site LOGIN;
CREATE ROLE authenticator LOGIN NOINHERIT;
GRANT site TO authenticator;
SELECT vvault_grant('site', 'reader');
EOF
load_sample($node, 'postgres', sample_file('--days', 1, '--per-chart', 50, '--until', '2026-01-05T06:00:00Z'));
ingest_all($node, 'postgres', q{region IN ('PL', 'SE')});

# What they are to print, out of the tables.
sub expected
{
	my ($region, $name) = @_;

	my @lines = split /\n/, $node->safe_psql('postgres',
		"SELECT '  ' || title || ': ' || views FROM vvault.videos WHERE region = '$region' ORDER BY views DESC, video_id LIMIT 6");
	return join "\n", "$name, page 1", @lines[ 0 .. 2 ], "$name, page 2", @lines[ 3 .. 5 ],
	  '22023: invalid region "' . lc($region) . '"', '';
}

sub output_of
{
	my (@command) = @_;
	my ($out, $err);

	local @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ($node->host, $node->port, 'site', 'postgres');
	IPC::Run::run(\@command, '<', '/dev/null', '>', \$out, '2>', \$err) or return "failed: $err$out";
	return $out;
}

# A folder that this server's pg_config names. The tests' own installation has
# no headers: it is below a folder of its own, and they are where that would be.
sub folder_of
{
	my ($option) = @_;

	chomp(my $folder = output_of($ENV{PG_CONFIG} // 'pg_config', $option));
	$folder =~ s/^\Q$ENV{STAGE}\E// if !-d $folder && defined $ENV{STAGE};
	return $folder;
}

is(output_of('psql', '-X', '-q', '-At', '-v', 'region=PL', '-f', 'demo/clients/feed.psql'), expected('PL', 'Poland'), 'psql');
is(output_of('psql', '-X', '-q', '-At', '-v', 'region=SE', '-f', 'demo/clients/feed.psql'), expected('SE', 'Sweden'), 'of another region');

is(output_of('cc', '-Wall', '-Wextra', '-Werror', '-I' . folder_of('--includedir'), 'demo/clients/feed.c',
	'-L' . folder_of('--libdir'), '-lpq', '-o', "$dir/feed"), '', 'the example in C compiles without a warning');
is(output_of("$dir/feed", 'PL'), expected('PL', 'Poland'), 'libpq');

SKIP:
{
	skip 'there is no psycopg here', 1 if system('/usr/bin/python3 -c "import psycopg" 2>/dev/null') != 0;
	is(output_of('/usr/bin/python3', 'demo/clients/feed.py', 'PL'), expected('PL', 'Poland'), 'psycopg');
}

SKIP:
{
	skip 'there is no node-postgres here', 1 if !-d "$installed/node_modules/pg" || system('node --version >/dev/null 2>&1') != 0;
	mkdir "$dir/node";
	symlink "$installed/node_modules", "$dir/node/node_modules" or die "symlink: $!";
	copy('demo/clients/feed.mjs', "$dir/node/feed.mjs") or die "copy: $!";
	is(output_of('node', "$dir/node/feed.mjs", 'PL'), expected('PL', 'Poland'), 'node-postgres');
}

SKIP:
{
	my $site = Site->new("$dir/site", $node->connstr('postgres') . ' user=authenticator', 'site')
	  or skip 'there is no nginx here', 3;
	skip 'there is no curl here', 3 if system('curl --version >/dev/null 2>&1') != 0;
	note "041_clients: $site->{with}";
	my ($feed, $status, $error) = split /\n/, output_of('demo/clients/feed.sh', $site->{url}, 'PL');

	is($feed, $node->safe_psql('postgres', q{SELECT vvault_trending('PL', 3)}), 'curl: the feed');
	is($status, 304, 'the second time it is known');
	is($error, '{"error":"invalid region"} 400', 'and an error says what is wrong');
	$site->stop;
}

done_testing();
