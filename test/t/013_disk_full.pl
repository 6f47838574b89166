#
# 013_disk_full.pl
#		A full disk is an error: under the tables the call fails and nothing of
#		it stays, under the log the server stops and comes back with all that
#		was acknowledged.
#
# The small disks are tmpfs, mounted in a namespace of the test's own, which
# needs no root. Where such a namespace is forbidden all of this is skipped.
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

my $tables = PostgreSQL::Test::Utils::tempdir_short() . '/tables';
my $log = PostgreSQL::Test::Utils::tempdir_short() . '/log';
mkdir $_ or die "$_: $!" for $tables, $log;

# ---------------------------------------------------------------------------
# A shell that sees the small disks
# ---------------------------------------------------------------------------

my $uid = $<;
my $gid = (split / /, $()[0];
my ($in, $out) = ('', '');
my $shell = IPC::Run::start(
	[
		'unshare', '--user', '--map-root-user', '--mount', 'sh', '-c',
		"mount -t tmpfs -o size=24m tmpfs $tables && mount -t tmpfs -o size=96m tmpfs $log"
		  . " && exec unshare --user --map-user=$uid --map-group=$gid sh"
	],
	'<', \$in, '>&', \$out,
	IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default));

# Runs a command in there; returns what it printed, and dies if it fails.
sub in_there
{
	my ($command) = @_;

	$in .= "$command </dev/null; echo \"end \$?\"\n";
	$shell->pump until $out =~ /^end (\d+)\n/m || !$shell->pumpable;
	my ($printed, $status) = $out =~ /\A(.*?)^end (\d+)\n/ms or die "the shell is gone: $out";
	$out = '';
	die "$command: $printed" if $status != 0;
	return $printed;
}

plan skip_all => "no disk can be mounted here: $out"
  unless eval { in_there("test \"\$(id -u)\" = $uid"); 1 };

# Leaves that many kB of a disk free; undef takes the ballast away.
sub leave_free
{
	my ($disk, $kilobytes) = @_;

	in_there("rm -f $disk/ballast");
	return unless defined $kilobytes;
	my ($free) = in_there("df -k --output=avail $disk") =~ /(\d+)\s*\z/;
	in_there("dd if=/dev/zero of=$disk/ballast bs=1k count=" . ($free > $kilobytes ? $free - $kilobytes : 0) . " status=none");
	return;
}

# ---------------------------------------------------------------------------
# A node with its log on one disk and a database on the other
# ---------------------------------------------------------------------------

my $node = PostgreSQL::Test::Cluster->new('small');
$node->init(extra => [ '--encoding=UTF8', '--locale=C', '--wal-segsize=1' ]);
$node->append_conf('postgresql.conf', <<'EOF');
shared_buffers = 16MB
max_wal_size = 6MB
min_wal_size = 2MB
autovacuum = off
EOF
my $data = $node->data_dir;

in_there("mv '$data/pg_wal' $log/wal && ln -s $log/wal '$data/pg_wal'");

sub start_there
{
	in_there("pg_ctl -w -D '$data' -l '" . $node->logfile . q(' start >/dev/null));
	$node->_update_pid(1);
	return;
}
start_there();

$node->safe_psql('postgres', "CREATE TABLESPACE small LOCATION '$tables'");
$node->safe_psql('postgres', 'CREATE DATABASE site TABLESPACE small');
$node->safe_psql('site', 'CREATE EXTENSION vvault CASCADE');
load_sample($node, 'postgres', sample_file('--days', 2, '--regions', 'US,PL', '--per-chart', 50));
my @responses = split /\n/, $node->safe_psql('postgres', 'SELECT replace(response::text, chr(10), chr(32)) FROM sample ORDER BY id');
cmp_ok(scalar @responses, '>=', 4, 'there are charts');

my $hour = 0;
my %whole;      # charts that were acknowledged

# One more chart; returns the SQLSTATE if it fails.
sub ingest
{
	my $response = $responses[ $hour % @responses ];
	my $at = $hour++;
	my ($status, $reply, $error) = $node->psql('site', <<"EOF", extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
SELECT vvault_ingest('PL', \$json\$$response\$json\$, '2026-02-01 00:00+00'::timestamptz + $at * interval '1 hour');
EOF

	$whole{$at} = 1 if $status == 0 && $reply =~ /"accepted" : [1-9]/;
	return $status == 0 ? '' : $error =~ /ERROR:  (\w{5})/ ? $1 : $error;
}

# Exactly those charts are there that were acknowledged; a client that was cut
# off may have one more.
sub all_is_whole
{
	my ($label, $cut_off) = @_;
	my %there = map { $_ => 1 } split /\n/, $node->safe_psql('site', <<'EOF');
SELECT extract(epoch FROM i.fetched_at - '2026-02-01 00:00+00')::int / 3600 FROM vvault.ingests i
WHERE i.accepted = (SELECT count(*) FROM vvault.snapshots s WHERE s.region = i.region AND s.fetched_at = i.fetched_at)
EOF

	is(join(' ', grep { !$there{$_} } sort { $a <=> $b } keys %whole), '', "$label: every acknowledged chart is there");
	cmp_ok(scalar(grep { !$whole{$_} } keys %there), '<=', $cut_off, "$label: and no other one");
	is( $node->safe_psql('site', 'SELECT count(*) FROM (SELECT DISTINCT region, fetched_at FROM vvault.snapshots EXCEPT SELECT region, fetched_at FROM vvault.ingests) s'),
		'0', "$label: no chart is there in part");
	is_consistent($node, 'site', $label);
	return;
}

is(ingest(), '', 'a chart goes in') for 1 .. 3;

# ---------------------------------------------------------------------------
# The tables' disk
# ---------------------------------------------------------------------------

my %free_at_error;
for my $free (0, 8, 16, 24, 40, 64, 104, 168, 272, 440, 712)
{
	my $label = "$free kB free";
	my $error = '';
	my $took = 0;

	leave_free($tables, $free);
	until ($error ne '' || $took > 100)
	{
		$error = ingest();
		$took++ if $error eq '';
	}
	is($error, '53100', "$label: an ingest fails for want of it");
	note("$label: $took charts went in before");
	is(ingest(), '53100', "$label: and once more");

	# readers do not mind; other writers fail alike or find room in pages
	like($node->safe_psql('site', "SELECT vvault_trending('PL')"), qr/"video_id"/, "$label: the feed is served");
	for my $call ("vvault_set('viral_threshold', '" . (70 + $free % 20) . "')", 'vvault_rebuild()', "vvault_block('nothing$free')")
	{
		my (undef, undef, $stderr) = $node->psql('site', "SELECT $call", extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);

		like($stderr, qr/\A(?:psql:\S* ERROR:  53100\n?)?\z/, "$label: $call works or says why not");
	}
	all_is_whole($label, 0);
	leave_free($tables, undef);
	is(ingest(), '', "$label: with room again a chart goes in");
}

# ---------------------------------------------------------------------------
# The log's disk
# ---------------------------------------------------------------------------

for my $round (1 .. 3)
{
	my $label = "no room for the log, round $round";
	my $error = '';
	my $took = 0;

	$node->safe_psql('site', 'CHECKPOINT');
	leave_free($log, 300 * $round);
	until ($error ne '' || $took > 200)
	{
		$error = ingest();
		$took++;
	}
	like($error, qr/server closed the connection|terminat|connection to server|57P0/, "$label: the server stops");
	eventually(sub { !-e "$data/postmaster.pid" });
	$node->_update_pid(-1);
	leave_free($log, undef);
	start_there();
	all_is_whole($label, $round);
	is(ingest(), '', "$label: it goes on");
}
like(slurp_file($node->logfile), qr/PANIC:.*No space left on device/, 'that was what stopped it');
is($node->safe_psql('site', 'SELECT vvault_rebuild()'), '0', 'vvault_rebuild() finds nothing wrong');

$node->stop;
$in .= "exit\n";
$shell->finish;
done_testing();
