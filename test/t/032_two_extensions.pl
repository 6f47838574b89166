#
# 032_two_extensions.pl
#		vvault_stream beside vvault, out of one library: where it refuses to be
#		created, what a dump of both holds, and that dropping it leaves the
#		charts as they are.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $node = new_node('both');
my $dir = PostgreSQL::Test::Utils::tempdir();

# What a statement fails with: SQLSTATE, message, hint.
sub error_of
{
	my ($db, $sql) = @_;
	my (undef, undef, $stderr) = $node->psql($db, "\\set VERBOSITY verbose\n$sql", on_error_stop => 0);

	$stderr =~ s/^LOCATION:.*\n?//mg;
	$stderr =~ s/^.*?ERROR: +//s;
	return $stderr;
}

sub create_database
{
	my ($db) = @_;

	return $node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0");
}

# ---------------------------------------------------------------------------
# Where it is created
# ---------------------------------------------------------------------------

create_database($_) for qw(alone odd origin);
like(error_of('alone', 'CREATE EXTENSION vvault_stream'), qr/^42704: required extension "vvault" is not installed\nHINT: .*CASCADE/,
	'not without vvault');
$node->safe_psql('alone', 'CREATE EXTENSION vvault CASCADE');
is($node->safe_psql('alone', q(SELECT to_regnamespace('vvault_stream'), to_regproc('vvault_asset'))), '|', 'vvault alone has nothing of it');

$node->safe_psql('odd', 'CREATE SCHEMA "Odd api"; CREATE EXTENSION vvault SCHEMA "Odd api" CASCADE');
like(error_of('odd', 'CREATE EXTENSION vvault_stream'),
	qr/^3F000: vvault_stream cannot be created in the schema public: vvault is in "Odd api"\nHINT:  .*CREATE EXTENSION vvault_stream SCHEMA "Odd api"\./,
	'not in another schema than vvault');
is($node->safe_psql('odd', q(SELECT to_regnamespace('vvault_stream'))), '', 'which leaves nothing');
$node->safe_psql('odd', 'CREATE EXTENSION vvault_stream SCHEMA "Odd api"');
is($node->safe_psql('odd', q(SELECT "Odd api".vvault_asset('x') IS NULL)), 't', 'beside vvault it works, in any schema');
$node->safe_psql('odd', 'DROP EXTENSION vvault_stream; CREATE SCHEMA vvault_stream');
like(error_of('odd', 'CREATE EXTENSION vvault_stream SCHEMA "Odd api"'), qr/^42P06: schema "vvault_stream" already exists/,
	'a schema in the way is not taken over');

# ---------------------------------------------------------------------------
# Both, filled, dumped and restored
# ---------------------------------------------------------------------------

$node->safe_psql('origin', 'CREATE EXTENSION vvault_stream CASCADE');
is($node->safe_psql('origin', q(SELECT string_agg(extname || ' ' || extversion, ', ' ORDER BY extname) ~ '^vvault ([0-9.]+), vvault_stream \1$'
	FROM pg_extension WHERE extname ~ '^vvault')), 't', 'CASCADE makes both, of one version');
load_sample($node, 'origin', sample_file('--days', 2, '--regions', 'PL', '--per-chart', 20, '--until', '2026-01-02T06:00:00Z'));
ingest_all($node, 'origin');
$node->safe_psql('origin', <<'SQL');
INSERT INTO vvault_stream.assets (video_id, owner_id, title, tags, metadata, access)
VALUES ('given', 'o''wner', E'tab\there\nnew line \\. \\N', ARRAY['a,b', '"q"', 'NULL', E'\\', ''], '{"a": [1, null, "\\u0022"]}', 'public');
INSERT INTO vvault_stream.assets (owner_id) SELECT 'many' FROM generate_series(1, 50);
UPDATE vvault_stream.assets SET state = 'uploading' WHERE owner_id = 'many';
UPDATE vvault_stream.assets SET state = 'failed', failure = 'no bytes' WHERE owner_id = 'many';
CREATE ROLE operator;
SELECT vvault_stream_grant('operator', 'operator');
SQL
my $assets = q(SET TimeZone = 'UTC'; SELECT * FROM vvault_stream.assets ORDER BY video_id);
my $before = $node->safe_psql('origin', $assets);
my $site = $node->safe_psql('origin', q(SELECT version FROM vvault_stream.asset_versions WHERE video_id = 'site'));
for my $format ('plain', 'custom')
{
	my $dump = "$dir/dump.$format";
	my $db = "restored_$format";
	my @restore = $format eq 'plain' ? ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump) : ('pg_restore', '--exit-on-error', $dump);

	create_database($db);
	$node->command_ok([ 'pg_dump', '--no-sync', "--format=$format", '-f', $dump, $node->connstr('origin') ], "a $format dump of both");
	$node->command_ok([ @restore, '-d', $node->connstr($db) ], 'it is restored');
	is($node->safe_psql($db, $assets), $before, 'with every asset as it was');
	is_consistent($node, $db, 'and the charts');
	is( $node->safe_psql($db, <<"SQL"), "51|t|t\nt\nt", 'versions are made anew, rights come back');
SELECT count(*), bool_and(a.video_id IS NOT NULL), bool_or(v.version IS NOT NULL) FROM vvault_stream.asset_versions v
	LEFT JOIN vvault_stream.assets a USING (video_id) WHERE v.written_by = 'media';
SELECT version <> '$site' FROM vvault_stream.asset_versions WHERE video_id = 'site';
SELECT has_function_privilege('operator', 'vvault_asset(text)', 'EXECUTE');
SQL
	is($node->safe_psql($db, q(INSERT INTO vvault_stream.assets (owner_id) VALUES ('after') RETURNING video_id ~ '^[A-Za-z0-9_-]{11}$')),
		't', 'and assets can be added');
}

# ---------------------------------------------------------------------------
# Dropped
# ---------------------------------------------------------------------------

my $feed = q(SELECT md5(vvault_trending('PL', 50, 'views')::text));
my $shown = $node->safe_psql('origin', $feed);
like(error_of('origin', 'DROP EXTENSION vvault'), qr/^2BP01: /, 'vvault is not dropped under vvault_stream');

# a session that has read both
my $session = open_session($node, 'origin');
is(join('', $session->query(q(SELECT vvault_asset('given') ->> 'access'))), 'public', 'a session reads both');
$node->safe_psql('origin', 'DROP EXTENSION vvault_stream');
like(join('', $session->query(q(SELECT vvault_asset('given')))), qr/42883/, 'the functions are gone');
is(join('', $session->query($feed)), $shown, 'the feeds of an open session are as they were');
$session->quit;
is($node->safe_psql('origin', $feed), $shown, 'and those of a new one');
is_consistent($node, 'origin', 'without vvault_stream');
is( $node->safe_psql('origin', q(SELECT to_regnamespace('vvault_stream'), count(*) FROM pg_proc WHERE proname ~ '^vvault_(stream|asset)')),
	'|0', 'nothing of it is left');
$node->safe_psql('origin', 'CREATE EXTENSION vvault_stream');
is($node->safe_psql('origin', q(SELECT vvault_asset('given') IS NULL)), 't', 'it can be created again, empty');
$node->safe_psql('origin', 'DROP EXTENSION vvault CASCADE');
is($node->safe_psql('origin', q(SELECT count(*) FROM pg_extension WHERE extname ~ '^vvault')), '0', 'CASCADE drops both');

$node->stop;
done_testing();
