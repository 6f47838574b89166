#
# 068_media_life.pl
#		Videos of one's own where servers come and go: on a standby, after the
#		server was killed, and in a database that a dump was restored to, which does
#		nothing outside by itself. One video is whole, one is shown early, one is
#		being deleted.
#
# test/pgtap/stream/answers.psql is the worker.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('primary', allows_streaming => 1);

# A session of the worker: what sources are is told again in each.
sub worker
{
	my ($database, $sql) = @_;

	return $node->safe_psql($database, <<"EOF");
SET client_min_messages = warning;
\\o /dev/null
\\i test/pgtap/stream/answers.psql
INSERT INTO source (video_id, probe) SELECT v, pg_temp.probe(33, 1280, 720, '{eng,pol}', '{pol}') FROM unnest('{whole,early,gone}'::text[]) v;
\\o
$sql
EOF
}

# Everything that is read of the videos, as one digest for each.
my $readers = <<'EOF';
SELECT v, r, md5(CASE r WHEN 'asset' THEN vvault_asset(v)::text WHEN 'hls' THEN vvault_hls(v)::text WHEN 'media' THEN vvault_hls_media(v, '360p')::text
	WHEN 'dash' THEN vvault_dash(v)::text WHEN 'storyboard' THEN vvault_storyboard(v)::text ELSE vvault_watch(v)::text END)
FROM unnest('{whole,early,gone}'::text[]) v, unnest('{asset,hls,media,dash,storyboard,watch}'::text[]) r ORDER BY v, r
EOF
my $states = q(SELECT video_id, state, generation FROM vvault_stream.assets ORDER BY video_id);

$node->safe_psql('postgres', 'CREATE EXTENSION vvault_stream CASCADE; SELECT vvault_arm()');
worker('postgres', <<'EOF');
SELECT pg_temp.uploaded(v, s.probe) FROM source s, unnest(ARRAY[s.video_id]) v;
SELECT vvault_process(v) FROM unnest('{whole,gone}'::text[]) v;
SELECT pg_temp.work('{probe,encode,pictures,texts,finish}');
SELECT vvault_process('early');
SELECT pg_temp.work('{probe}');
SELECT pg_temp.work('{encode}', 1);
SELECT pg_temp.work('{finish}');
SELECT vvault_delete_asset('gone');
EOF
my $expected_states = "early|processing|1\ngone|deleting|1\nwhole|ready|1";
is($node->safe_psql('postgres', $states), $expected_states, 'three videos');
my $expected = $node->safe_psql('postgres', $readers);
is(() = $expected =~ /\|\S{32}$/mg, 12, 'one has six replies, one has five, one is told of') or diag($expected);

# ---------------------------------------------------------------------------
# A standby
# ---------------------------------------------------------------------------

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', $readers), $expected, 'a standby answers the same');
$node->safe_psql('postgres', q(SELECT vvault_update_asset('whole', 'Another title')));
$expected = $node->safe_psql('postgres', $readers);
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', $readers), $expected, 'and what has changed');
$standby->stop;

# ---------------------------------------------------------------------------
# A dump, restored
# ---------------------------------------------------------------------------

$node->command_ok([ 'pg_dump', '--no-sync', '--format=custom', '-f', "$dir/dump", $node->connstr('postgres') ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), "$dir/dump" ], 'is restored');
is($node->safe_psql('restored', $readers), $expected, 'it answers the same');
is($node->safe_psql('restored', $states), $expected_states, 'its videos are where they were');
my $deleting = q(SELECT json_array_length(vvault_dequeue('test', '{delete_objects}', 100)));
is(worker('restored', $deleting), '0', 'no job that deletes objects is given out');
$node->safe_psql('restored', 'SELECT vvault_arm()');
is(worker('restored', "BEGIN; $deleting > 0; ROLLBACK"), 't', 'before somebody arms it');
is(worker('restored', <<'EOF'), "t\n$expected_states" =~ s/processing|deleting/$& eq 'deleting' ? 'deleted' : 'ready'/ger, 'then all goes on where it was');
SELECT pg_temp.work() <> '';
UPDATE vvault_stream.jobs SET run_at = clock_timestamp() WHERE kind = 'delete_objects' AND run_at IS NOT NULL \g /dev/null
SELECT pg_temp.work() \g /dev/null
SELECT video_id, state, generation FROM vvault_stream.assets ORDER BY video_id;
EOF

# ---------------------------------------------------------------------------
# The server is killed
# ---------------------------------------------------------------------------

$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', $readers), $expected, 'a server that was killed answers the same');
is(worker('postgres', <<'EOF'), "early|ready|1\ngone|deleted|1\nwhole|ready|1", 'and goes on where it was');
UPDATE vvault_stream.jobs SET run_at = clock_timestamp() WHERE kind = 'delete_objects' AND run_at IS NOT NULL \g /dev/null
SELECT pg_temp.work() \g /dev/null
SELECT video_id, state, generation FROM vvault_stream.assets ORDER BY video_id;
EOF
is($node->safe_psql('postgres', q(SELECT count(*) FROM vvault_stream.media_objects WHERE state = 'ordered')), '0', 'no object is left that nobody knows');

$node->safe_psql('restored', 'DROP EXTENSION vvault_stream');
is($node->safe_psql('restored', q(SELECT to_regnamespace('vvault_stream') IS NULL AND to_regproc('vvault_health') IS NOT NULL)), 't', 'and dropped it leaves the charts alone');
$node->stop;
done_testing();
