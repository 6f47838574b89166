#
# 004_video_regions.pl
#		A reply shows the regions that list a video by the snapshot, though a
#		backend remembers where it found their rows: whatever became of the table.
#
# VVAULT_SEED=n and VVAULT_ROUNDS=n change and lengthen what happens.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $seed = $ENV{VVAULT_SEED} // 20261122;
my $rounds = $ENV{VVAULT_ROUNDS} // 150;
srand($seed);
diag("VVAULT_SEED=$seed VVAULT_ROUNDS=$rounds");

my $node = new_node('places', conf => "autovacuum = off\nvvault.cache = off");
my $create = 'CREATE EXTENSION vvault CASCADE';
my $fill = <<'SQL';
INSERT INTO vvault.videos (region, video_id, views)
SELECT r, 'v' || n, n FROM unnest('{PL,SE,US}'::text[]) r, generate_series(1, 400) n WHERE (n + ascii(r)) % 3 > 0;
SQL
$node->safe_psql('postgres', "$create; $fill");

# Pages of 200 and what they should show, in one snapshot.
my $wrong = <<'SQL';
WITH shown AS MATERIALIZED (
	SELECT r, v ->> 'video_id' AS video_id, v ->> 'regions' AS regions
	FROM unnest('{PL,SE,US}'::text[]) r, unnest('{views,newest}'::text[]) s,
		json_array_elements(vvault_trending(r, 200, s) -> 'videos') v
), listed AS MATERIALIZED (
	SELECT video_id, to_json(array_agg(region ORDER BY region))::text AS regions FROM vvault.videos GROUP BY video_id
)
SELECT s.r, s.video_id, s.regions, l.regions FROM shown s LEFT JOIN listed l USING (video_id)
WHERE s.regions IS DISTINCT FROM l.regions LIMIT 5
SQL
my $shown = q(SELECT count(*) FROM unnest('{PL,SE,US}'::text[]) r, json_array_elements(vvault_trending(r, 200) -> 'videos') v);

my ($reader, $old, $writer) = map { open_session($node, 'postgres') } 1 .. 3;

sub is_right
{
	my ($session, $label) = @_;
	my ($out, $err) = $session->query($wrong);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is("$out$err", '', $label);
}

sub some { return join(', ', map { "'v$_'" } map { 1 + int(rand(400)) } 1 .. 1 + int(rand(30))) }

sub region { return (qw(PL SE US NO AT))[ int(rand(5)) ] }

# What may become of rows and of where they lie.
my %happens = (
	'a region lists more' => sub { my $r = region(); "INSERT INTO vvault.videos (region, video_id, views) SELECT '$r', v, 5 FROM unnest(ARRAY[" . some() . ']) v ON CONFLICT DO NOTHING' },
	'a region lists fewer' => sub { my $r = region(); "DELETE FROM vvault.videos WHERE region = '$r' AND video_id IN (" . some() . ')' },
	'videos go everywhere' => sub { 'DELETE FROM vvault.videos WHERE video_id IN (' . some() . ')' },
	'the end of the table goes' => sub { q(DELETE FROM vvault.videos WHERE video_id IN (SELECT video_id FROM vvault.video_regions WHERE ctid >= '(2,0)')) },
	'they come again' => sub { "$fill" =~ s/;\s*$/ ON CONFLICT DO NOTHING/r },
	'rows are written anew' => sub { 'UPDATE vvault.video_regions SET video_id = video_id WHERE video_id IN (' . some() . ')' },
	'VACUUM' => sub { 'VACUUM vvault.video_regions' },
	'VACUUM FULL' => sub { 'VACUUM FULL vvault.video_regions' },
	'CLUSTER' => sub { 'CLUSTER vvault.video_regions USING video_regions_pkey' },
	'REINDEX' => sub { 'REINDEX TABLE vvault.video_regions' },
	'TRUNCATE' => sub { 'TRUNCATE vvault.videos' },
	'vvault_rebuild' => sub { 'SELECT vvault_rebuild()' },
	'another extension' => sub { "DROP EXTENSION vvault; $create; $fill" },
	'rolled back' => sub { 'BEGIN; DELETE FROM vvault.videos WHERE video_id IN (' . some() . '); ROLLBACK' },);
# these wait for those who hold a snapshot
my %rare = map { $_ => 1 } 'TRUNCATE', 'another extension', 'VACUUM FULL', 'CLUSTER', 'REINDEX';
my @names = sort keys %happens;
my %count;

is_right($reader, 'at first');
cmp_ok(($reader->query($shown))[0], '>', 500, 'there is something to show');
for my $round (1 .. $rounds)
{
	my $name = $names[ int(rand(@names)) ];
	my $held = int(rand(4)) == 0 && !$rare{$name};

	redo if $rare{$name} && int(rand(3)) > 0;
	$count{$name}++;
	if ($held)
	{
		$old->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
		is_right($old, 'a snapshot is taken');
	}
	my (undef, $err) = $writer->query($happens{$name}->());
	is($err, '', "$round: $name");
	$err = ($writer->query("$fill"))[1] if $name eq 'TRUNCATE';
	is_right($reader, 'the reader sees what is');
	is_right($writer, 'so does the writer');
	$writer->query('BEGIN');
	$writer->query('DELETE FROM vvault.videos WHERE video_id IN (' . some() . ')');
	is_right($writer, 'and in a transaction that writes');
	$writer->query('ROLLBACK');
	next unless $held;
	is_right($old, 'the snapshot shows what it showed');
	$old->query('COMMIT');
	is_right($old, 'the next one is up to date');
}
diag(join(', ', map { "$_ $count{$_}" } sort keys %count));
cmp_ok(scalar keys %count, '>', @names - 4, 'nearly all of it happened');
$_->quit for $reader, $old, $writer;
$node->stop;
done_testing();
