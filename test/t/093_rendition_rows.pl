#
# 093_rendition_rows.pl
#		Renditions of a video are found in whatever index there is, or by SQL, and
#		manifests are the same: of ids with one hash, of rows on several pages,
#		without the hash index, with one of some rows alone, with a column that
#		rows lack.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $node = new_node('rows');
my $manifests = q{SELECT a.video_id, md5(vvault_hls(a.video_id)), md5(vvault_dash(a.video_id)), length(vvault_hls(a.video_id))
	FROM vvault_stream.assets a ORDER BY a.video_id;};

$node->safe_psql('postgres', 'CREATE EXTENSION vvault_stream CASCADE');

# Ids that meet in one hash, each with an older generation; one of many rows.
my ($one, $other) = split /\|/, $node->safe_psql('postgres', q{
	SELECT min(id), max(id) FROM (SELECT 'v' || n AS id FROM generate_series(1, 400000) n) v
	GROUP BY hashtext(id) HAVING count(*) > 1 ORDER BY 1 LIMIT 1});
isnt($other, $one, "$one and $other have one hash");
$node->safe_psql('postgres', qq{
	INSERT INTO vvault_stream.assets (video_id, owner_id, access, state, generation)
	VALUES ('$one', 'alice', 'public', 'ready', 2), ('$other', 'alice', 'public', 'ready', 1), ('many', 'alice', 'public', 'ready', 1);
	INSERT INTO vvault_stream.renditions (video_id, generation, name, kind, codecs, width, height, frame_rate_numerator, frame_rate_denominator,
		object_key, timescale, init_size, index_size, first_offset, durations, sizes)
	SELECT v.video_id, v.generation, 'r' || n, 'video', 'avc1.64001e', 640 + n, 360, 25, 1, format('%s/%s/%s.mp4', v.video_id, v.generation, n), 12800,
		700, 68, 768, '{51200,51200}', ARRAY[200000 + n, 210000]
	FROM (VALUES ('$one', 1, 3), ('$one', 2, 5), ('$other', 1, 4), ('many', 1, 150)) v (video_id, generation, renditions),
		generate_series(1, v.renditions) n});

# The same, by SQL: in a transaction that has written.
sub by_sql
{
	return $node->safe_psql('postgres', "BEGIN; UPDATE vvault_stream.assets SET title = 'another'; $manifests ROLLBACK");
}

# How often the hash index was asked.
sub asked
{
	return $node->safe_psql('postgres', q{SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_all_indexes WHERE indexrelname = 'renditions_video_idx'});
}

my $session = open_session($node, 'postgres');

# In a session that remembers what indexes and columns there were.
sub by_index
{
	my ($told, $problem) = $session->query($manifests);

	return $told . $problem;
}

my $expected = by_sql();
my $before = asked();

like($expected, qr/^many\|[0-9a-f]{32}\|[0-9a-f]{32}\|\d{5}$/m, 'a playlist of many renditions');
$node->safe_psql('postgres', "SET vvault.cache = off; $manifests");
# who has asked may tell of it only as he leaves
ok(eventually(sub { asked() > $before }), 'the hash index is asked');
$session->query('SET vvault.cache = off');
is(by_index(), $expected, 'by the hash index manifests are what they are by SQL');

$node->safe_psql('postgres', q{CREATE INDEX some_idx ON vvault_stream.renditions USING hash (video_id) WHERE generation = 1;
	DROP INDEX vvault_stream.renditions_video_idx});
is(by_index(), $expected, 'so they are by the primary key, in a session that knew the hash index; one of some rows is left alone');

$node->safe_psql('postgres', 'CREATE INDEX another_idx ON vvault_stream.renditions USING hash (video_id)');
is(by_index(), $expected, 'and by another hash index');

# Rows lack it, and it is true in all of them.
$node->safe_psql('postgres', 'ALTER TABLE vvault_stream.renditions DROP COLUMN is_default, ADD COLUMN is_default boolean NOT NULL DEFAULT true');
$expected = by_sql();
is(by_index(), $expected, 'a column that came later has the value that SQL finds');

$session->quit;
$node->stop;
done_testing();
