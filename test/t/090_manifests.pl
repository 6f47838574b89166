#
# 090_manifests.pl
#		Manifests of random assets, held against what others say of them:
#		playlists by hls-parser in strict mode (npm) and their own rows, MPDs by
#		the MPEG group's XML schema.
#
# The assets are written straight into the tables. VVAULT_MANIFESTS=500 makes so
# many of them, VVAULT_SEED other ones. Without node, hls-parser or the schema
# that part is skipped.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $work = $ENV{WORK} // '';
my $modules = "$work/manifests/node_modules";
my $schema = "$work/dash/DASH-MPD.xsd";

plan skip_all => 'there is no hls-parser' if !-d "$modules/hls-parser" || system('node --version >/dev/null 2>&1') != 0;

my $count = $ENV{VVAULT_MANIFESTS} // 60;
my $seed = ($ENV{VVAULT_SEED} // 12) % 1000;
my $folder = PostgreSQL::Test::Utils::tempdir();
my ($said, $problem);
my $node = new_node('manifests');

$node->safe_psql('postgres', 'CREATE EXTENSION vvault_stream CASCADE');
note "090_manifests: $count assets, seed $seed";
IPC::Run::run([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-v', "assets=$count", '-v', 'seed=' . $seed / 1000,
		'-f', 'test/manifests/assets.sql', '-o', "$folder/assets.json", '-d', $node->connstr('postgres') ],
	'<', '/dev/null', '2>', \$problem) or die $problem;

# Rows are read by the index, but by SQL in a transaction that has written.
my $digests = q{SELECT a.video_id, md5(vvault_hls(a.video_id)), md5(vvault_hls(a.video_id, a.generation)), md5(coalesce(vvault_dash(a.video_id), '')),
	(SELECT md5(string_agg(vvault_hls_media(a.video_id, r.name)::text, ' ' ORDER BY r.name)) FROM vvault_stream.renditions r WHERE r.video_id = a.video_id),
	md5(convert_to(vvault_stream.stored_manifest(a.video_id, a.generation + 1, 'hls'), 'UTF8'))
	FROM vvault_stream.assets a ORDER BY a.video_id};
my $by_index = $node->safe_psql('postgres', "SET vvault.cache = off; $digests");
my $by_sql = $node->safe_psql('postgres', "BEGIN; UPDATE vvault_stream.assets SET title = 'another'; $digests; COMMIT");

is(() = $by_index =~ /^asset-\d+(?:\|[0-9a-f]{32}){4}\|/mg, $count, 'all are told of');
is($by_sql, $by_index, 'in the same words where their rows come by SQL');
my $dash = $node->safe_psql('postgres', q{SELECT count(vvault_dash(video_id)) FROM vvault_stream.assets});
cmp_ok($dash, '<', $count, 'those whose segments are encrypted whole have none for DASH');
$node->stop;

mkdir "$folder/mpd";
IPC::Run::run([ 'node', 'test/manifests/playlists.mjs', $modules, "$folder/assets.json", "$folder/mpd" ], '<', '/dev/null', '>', \$said, '2>', \$problem)
  or die $problem;
my $found = JSON::PP->new->utf8->decode($said);
cmp_ok($found->{playlists}, '>', 2 * $count, "$found->{playlists} playlists are read");
is(join("\n", splice @{ $found->{complaints} }, 0, 20), '', 'nothing is wrong with them');
is(join(', ', @{ $found->{missed} }), '', 'damage that is done on purpose is noticed');

# What xmllint says of MPDs: nothing, if they fit the schema.
sub misfit
{
	my (@files) = @_;
	my $errors = '';

	IPC::Run::run([ 'xmllint', '--nonet', '--noout', '--schema', $schema, @files ], '<', '/dev/null', '2>', \$errors);
	my @errors = grep { !/ validates$/ } split /\n/, $errors;
	return join "\n", splice @errors, 0, 20;
}

SKIP:
{
	skip 'there is no schema of DASH', 2 if !-f $schema;
	skip 'there is no xmllint', 2 if system('xmllint --version >/dev/null 2>&1') != 0;
	my @files = glob "$folder/mpd/*.mpd";

	is(scalar @files, $dash, 'each other asset has an MPD');
	is(misfit(@files), '', 'which fits the schema');

	my %damages = (
		'an attribute that is missing' => sub { s/ bandwidth="\d+"// },
		'one that is unknown' => sub { s/ minBufferTime=/ x="1"$&/ },
		'a number that is none' => sub { s/ (timescale)="\d+"/ $1="x"/ },
		'a range that is none' => sub { s/ indexRange="\d+/$&x/ },
		'a representation outside its set' => sub { s{(<Representation.*?</Representation>)(.*)</AdaptationSet>}{$2</AdaptationSet>$1}s },
		'a role behind its representations' => sub { s{(<Role[^>]*/>)(.*?)(</AdaptationSet>)}{$2$1$3}s },
		'a language that is none' => sub { s/ mimeType=/ lang="no language"$&/ });
	my $right = slurp_file($files[0]);
	for my $what (sort keys %damages)
	{
		local $_ = $right;

		$damages{$what}->();
		isnt($_, $right, "damage: $what");
		open my $out, '>', "$folder/damaged.mpd" or die "$folder/damaged.mpd: $!";
		print $out $_;
		close $out;
		isnt(misfit("$folder/damaged.mpd"), '', 'is noticed');
	}
}

done_testing();
