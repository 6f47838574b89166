#
# 031_pg_upgrade.pl
#		pg_upgrade from an older server keeps everything: rows, versions,
#		rights, replies to the byte; and all goes on.
#
# VVAULT_UPGRADE_FROM names the older server: the folder above its bin, with
# vvault installed. `make check-versions` sets it where it tests a newer server
# than the machine's; without it this is skipped.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $from = $ENV{VVAULT_UPGRADE_FROM};

plan skip_all => 'VVAULT_UPGRADE_FROM names no older server' unless $from;

my $old = PostgreSQL::Test::Cluster->new('old', install_path => $from);
my $new = PostgreSQL::Test::Cluster->new('new');

# 18 has checksums unless told otherwise; both must have them or not.
my @init = ('--encoding=UTF8', '--locale=C');
$old->init(extra => [@init]);
$new->init(extra => [ @init, $new->pg_version >= 18 ? '--no-data-checksums' : () ]);
$old->start;

# A minor release of the older one may give columns what no release of the newer
# one knows: then no table comes over, ours or any other.
my $options = $old->safe_psql('postgres', <<'EOF');
CREATE TABLE plain (a integer);
SELECT array_to_string(attoptions, ', ') FROM pg_attribute WHERE attrelid = 'plain'::regclass AND attname = 'a';
DROP TABLE plain;
EOF
if ($options ne '')
{
	$new->start;
	my (undef, undef, $refusal) = $new->psql('postgres', "BEGIN; CREATE TABLE plain (a integer); ALTER TABLE plain ALTER a SET ($options); ROLLBACK");
	$new->stop;
	plan skip_all => $old->pg_version . "'s column option cannot be taken over by " . $new->pg_version . ": $refusal" if $refusal ne '';
}

cmp_ok($old->pg_version, '<', $new->pg_version, 'upgrading from ' . $old->pg_version . ' to ' . $new->pg_version);

# ---------------------------------------------------------------------------
# The older server: something in every table, roles, a database of its own
# ---------------------------------------------------------------------------

my $past = "fetched_at < '2026-01-05 00:00+00'";

$old->safe_psql('postgres', 'CREATE DATABASE site; CREATE ROLE reader LOGIN; CREATE ROLE writer LOGIN');
$old->safe_psql('site', 'CREATE SCHEMA api; CREATE EXTENSION vvault SCHEMA api CASCADE');
load_sample($old, 'site',
	sample_file('--days', 5, '--regions', 'US,PL,SE', '--per-chart', 50, '--until', '2026-01-05T06:00:00Z'));
$old->safe_psql('site', <<"EOF");
INSERT INTO vvault.regions (region, name) VALUES ('DE', 'Germany');
INSERT INTO vvault.regions (region, velocity_baseline) VALUES ('PL', 12000);
SELECT api.vvault_ingest(region, response, fetched_at, first_rank) FROM (SELECT * FROM sample WHERE $past ORDER BY id) p;
SELECT api.vvault_ingest('DE', '{"kind": "youtube#videoListResponse", "items": [{"id": "bad\\u0000"}]}', '2026-01-03 12:00+00');
SELECT api.vvault_ingest_categories('{"kind": "youtube#videoCategoryListResponse", "items": [{"id": "10", "snippet": {"title": "Music"}}]}');
SELECT api.vvault_prune('2026-01-03 00:00+00');
SELECT api.vvault_set('viral_threshold', '70'), api.vvault_set('default_sort', 'virality');
SELECT api.vvault_block((SELECT min(video_id) FROM vvault.videos), 'asked to');
INSERT INTO vvault.videos (region, video_id, title) VALUES ('US', 'plain', E'tab\\t and "quotes"');
SELECT api.vvault_grant('reader', 'reader'), api.vvault_grant('writer', 'writer');
EOF

# Every table and view of vvault, versions of feeds included.
my $contents = <<'EOF';
SET TimeZone = 'UTC';
SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM vvault.%I t', c.relname, c.relname)
FROM pg_class c
WHERE c.relnamespace = 'vvault'::regnamespace AND c.relkind IN ('r', 'v')
ORDER BY c.relname COLLATE "C"
\gexec
SELECT extversion, extnamespace::regnamespace, extconfig::regclass[], extcondition FROM pg_extension WHERE extname = 'vvault';
EOF
my $replies = join("\n",
	(
		map {
			my $region = $_;
			map { "SELECT api.vvault_trending('$region', 200, '$_');" } @still_orders
		} qw(US PL SE DE)),
	'SELECT api.vvault_regions();',
	'SELECT api.vvault_video(video_id) FROM vvault.video_regions ORDER BY video_id;',
	q(SELECT api.vvault_insights('PL');),
	'SELECT * FROM api.vvault_region_stats();');

# What comes in next, and what is said then; rolled back.
my $next = <<"EOF";
BEGIN;
SELECT api.vvault_ingest(region, response, fetched_at, first_rank) FROM (SELECT * FROM sample WHERE NOT $past ORDER BY id) p;
DELETE FROM vvault.videos WHERE video_id = 'plain';
SELECT 'wrong', * FROM api.vvault_check();
SELECT * FROM vvault.daily_stats ORDER BY region, day, category_id;
$replies
ROLLBACK;
EOF

my %before = (hour => int(time() / 3600));
for ([ contents => $contents ], [ replies => $replies ], [ next => $next ])
{
	$before{ $_->[0] } = $old->safe_psql('site', $_->[1]);
}
ok($before{replies} =~ /"videos":\[\{/, 'there is something to keep');
ok($before{next} =~ /"accepted" : \d/, 'and something that comes in');
$old->stop;

# ---------------------------------------------------------------------------
# pg_upgrade, as an operator calls it
# ---------------------------------------------------------------------------

my @upgrade = (
	'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', "$from/bin", '-B', $new->config_data('--bindir'),
	'-s', $new->host, '-p', $old->port, '-P', $new->port);

chdir PostgreSQL::Test::Utils::tempdir() or die;
command_ok([ @upgrade, '--check' ], 'pg_upgrade --check finds no obstacle');
command_ok(\@upgrade, 'pg_upgrade') or do
{
	diag(slurp_file($_)) for glob($new->data_dir . '/pg_upgrade_output.d/*/log/*.log');
};
chdir "$FindBin::RealBin/../.." or die;

# ---------------------------------------------------------------------------
# The newer server
# ---------------------------------------------------------------------------

$new->start;
command_ok([ 'vacuumdb', '--all', '--analyze-only', '-h', $new->host, '-p', $new->port ], 'statistics are made anew');
is($new->safe_psql('site', $contents), $before{contents}, 'every table holds the same, and every feed has its versions');
my $after = $new->safe_psql('site', $replies);
SKIP:
{
	# some replies are of an instant, which moves in steps of an hour
	skip 'the hour has turned', 1 if int(time() / 3600) != $before{hour};
	same_lines($after, $before{replies}, 'every reply is the same, to the byte');
}
is($new->safe_psql('site', 'SELECT * FROM api.vvault_check()'), '', 'vvault_check() finds nothing');
$after = $new->safe_psql('site', $next);
SKIP:
{
	skip 'the hour has turned', 1 if int(time() / 3600) != $before{hour};
	same_lines($after, $before{next}, 'what comes next does what it would have done');
}
is($new->safe_psql('site', 'SELECT api.vvault_rebuild()'), '0', 'vvault_rebuild() finds nothing wrong');

# rights
like($new->safe_psql('site', q(SELECT api.vvault_trending('PL')), extra_params => [ '-U', 'reader' ]), qr/"region_name":"Poland"/, 'a reader reads');
my (undef, undef, $stderr) = $new->psql('site', q(SELECT api.vvault_set('page_limit', '5')),
	extra_params => [ '-U', 'reader', '-v', 'VERBOSITY=sqlstate' ]);
like($stderr, qr/42501/, 'and does not write');
is($new->safe_psql('site', q(SELECT api.vvault_set('page_limit', '5') IS NOT NULL), extra_params => [ '-U', 'writer' ]), 't', 'a writer writes');

# a closed day
(undef, undef, $stderr) = $new->psql('site', 'SELECT api.vvault_ingest(region, response, fetched_at, first_rank) FROM sample WHERE id = 1',
	extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
like($stderr, qr/22023/, 'a closed day stays closed');

# from here a dump goes on to a new database
my $dump = PostgreSQL::Test::Utils::tempdir() . '/site.dump';
command_ok([ 'pg_dump', '-Fc', '-d', $new->connstr('site'), '-f', $dump ], 'pg_dump afterwards');
$new->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE template0');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $new->connstr('copy'), $dump ], 'pg_restore');
is($new->safe_psql('copy', 'SELECT * FROM api.vvault_check()'), '', 'the copy is right');

$new->stop;
done_testing();
