#
# 069_generations.pl
#		Another source for a video that is being played: its old generation stays
#		until the grace time is over, the new one is at the next load, and then the
#		old objects are gone from the store. Its page follows the title. And videos
#		that are made by workers which are killed again and again.
#
# Through a store and an edge of nginx, by vvault-worker. Skipped where they are
# not to be had.
#
# VVAULT_WORKER_VIDEOS=n makes n videos while workers are killed (default 3),
# VVAULT_SEED=n kills at other moments.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../worker";

use FileStore;
use HTTP::Tiny ();
use JSON::PP ();
use MediaSite;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use VVaultTest;

my $missing = FileStore::missing();
plan skip_all => $missing if $missing;

my $json = JSON::PP->new->utf8;
my $http = HTTP::Tiny->new(timeout => 60);
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my %site = media_site($folder);

my $node = new_node('generations');

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub status
{
	return $http->get($_[0])->{status};
}

# Uploads a source of so many seconds.
sub send_source
{
	my ($video, $seconds, $size) = @_;

	system('ffmpeg', '-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', "testsrc2=size=$size:rate=25:duration=$seconds",
		'-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', "$folder/source.mp4") == 0 or BAIL_OUT('ffmpeg failed');
	my $bytes = slurp_file("$folder/source.mp4");
	my $upload = sql("SELECT vvault_create_upload('$video', " . length($bytes) . ") ->> 'upload_id'");

	$http->put(sql("SELECT vvault_sign_part('$upload', 1) ->> 'url'"), { content => $bytes })->{success} or BAIL_OUT('no part is taken');
	sql("SELECT vvault_complete_upload('$upload')");
	return;
}

# The same, and waits until its generation is shown.
sub upload
{
	my ($seconds, $generation) = @_;

	send_source('film', $seconds, '320x180');
	ok(wait_until($node, 'postgres', "SELECT state IN ('failed', 'ready') AND generation = $generation FROM vvault_stream.assets WHERE video_id = 'film'"),
		"generation $generation is shown") or diag(sql(q{SELECT vvault_asset('film')}) . slurp_file("$folder/worker.log"));
	return $json->decode(sql(q{SELECT vvault_play_url('film')}));
}

sub objects_of
{
	my ($generation) = @_;

	return grep { -f } glob "$site{objects}/film/$generation/*";
}

sql(<<"EOF");
CREATE EXTENSION vvault_stream CASCADE;
CREATE ROLE worker LOGIN;
SELECT vvault_stream_grant('worker', 'worker');
SELECT vvault_arm();
SELECT vvault_store('main', 'file', '$site{store}');
SELECT vvault_edge('edge', '$site{edge}');
SELECT vvault_stream_set('encoder_preset', 'ultrafast');
SELECT vvault_create_asset('First title', 'alice', 'public', video_id => 'film');
EOF
write_keys($node, \%site);

# Processes of workers of this test and of their jobs.
sub processes
{
	return scalar grep { index($_, "$folder/scratch") >= 0 } map { eval { slurp_file($_) } // '' } glob '/proc/[0-9]*/cmdline';
}

# All that is to be deleted is, without waiting for the grace time.
sub delete_now
{
	sql(q{UPDATE vvault_stream.jobs SET run_at = clock_timestamp() WHERE kind = 'delete_objects' AND run_at IS NOT NULL; SELECT vvault_stream.wake_workers('delete_objects')});
	ok(wait_until($node, 'postgres', q{SELECT NOT EXISTS (SELECT FROM vvault_stream.jobs WHERE kind = 'delete_objects')}), 'what is old is deleted');
	return;
}

my $worker = start_worker($node, $folder);

my $first = upload(5, 1);
my $base = $first->{hls} =~ s{[^/]+\z}{}r;
my $playlist = $http->get($first->{hls})->{content};
my @variants = $playlist =~ /^([\w-]+\.m3u8)$/mg;

cmp_ok(scalar @variants, '>=', 2, 'it has several rungs');
is(status("$base$variants[0]"), 200, 'a player loads one');
is(() = grep({ /\.mp4\z/ } objects_of(1)), scalar @variants, 'its objects are in the store');

# the page follows the title
like($http->get($first->{watch})->{content}, qr/<title>First title</, 'the page has the title');
sql(q{SELECT vvault_update_asset('film', 'Second title')});
ok(wait_until($node, 'postgres', q{SELECT vvault_play_url('film') ->> 'watch' !~ 'watch\.html$'}), 'it is stored anew when that changes');
like($http->get(sql(q{SELECT vvault_play_url('film') ->> 'watch'}))->{content}, qr/<title>Second title</, 'and has the new one');
like($http->get($first->{watch})->{content}, qr/<title>First title</, 'who has the old address has the old page');

# another source
is(sql(q{SELECT vvault_replace_source('film') ->> 'generation'}), '2', 'another source is announced');
is($json->decode(sql(q{SELECT vvault_play_url('film')}))->{generation}, 1, 'the old one plays');
my $second = upload(3, 2);
is($second->{generation}, 2, 'the new one is at the next load');
is(status($second->{hls}), 200, 'and plays');
like($http->get($second->{watch})->{content}, qr/<title>Second title</, 'its page has the title');
is(status("$base$variants[-1]"), 200, 'who plays the old one goes on: what he never asked for is there');
my ($file) = $http->get("$base$variants[-1]")->{content} =~ /^(\S+\.mp4)$/m;
is($http->get("$base$file", { headers => { range => 'bytes=0-9' } })->{status}, 206, 'and its media');

# the grace time is over
delete_now();
is_deeply([ objects_of(1) ], [], 'no object of it is left');
isnt(scalar(objects_of(2)), 0, 'those of the new one are');
is(sql(q{SELECT count(*) FROM vvault_stream.media_objects WHERE video_id = 'film' AND generation = 1}), '0', 'nor a row of one');
is(sql(q{SELECT count(*) FROM vvault_stream.media_objects WHERE state <> 'stored'}), '0', 'and none that nobody knows');
is(status($second->{dash}), 200, 'the new one plays on');

$worker->signal('TERM');
$worker->finish;

# ---------------------------------------------------------------------------
# Workers that are killed
# ---------------------------------------------------------------------------

my $videos = $ENV{VVAULT_WORKER_VIDEOS} // 3;
my $seed = $ENV{VVAULT_SEED} // 1;
my $unfinished = q{SELECT count(*) FROM vvault_stream.assets WHERE state <> 'ready'};

note "VVAULT_SEED=$seed VVAULT_WORKER_VIDEOS=$videos";
srand($seed);
sql(q{SELECT vvault_stream_set('early_seconds', '0')});
for my $n (1 .. $videos)
{
	sql("SELECT vvault_create_asset('Video $n', 'bob', 'public', video_id => 'video$n')");
	send_source("video$n", 1, '640x480');
}
for (1 .. 4 * $videos)
{
	my $doomed = start_worker($node, $folder, '--lease', 1);

	sleep 0.1 + rand 1.5;
	$doomed->signal('KILL');
	eval { $doomed->finish };
	last if sql($unfinished) eq '0';
}
# what a job's process holds when its worker is gone, the next worker does not clear away
ok(eventually(sub { !processes() }), 'with a worker the processes of its jobs end');
$worker = start_worker($node, $folder);
# one that was killed too often is taken up again
ok(wait_until($node, 'postgres', "WITH again AS MATERIALIZED (SELECT vvault_redrive(job_id)::text AS said FROM vvault_stream.jobs WHERE state = 'd')
	SELECT (SELECT count(said) FROM again) = 0 AND ($unfinished) = 0"), 'every video is ready in the end')
  or diag(sql('SELECT video_id, state, failure FROM vvault_stream.assets') . slurp_file("$folder/worker.log"));
is(sql(q{SELECT count(*) FROM (SELECT FROM vvault_stream.finished_jobs WHERE NOT cancelled AND video_id LIKE 'video%' AND kind <> 'delete_objects'
	GROUP BY video_id, kind, args ->> 'part' HAVING count(*) > 1) twice}), '0', 'nothing was done twice in the books');
ok(wait_until($node, 'postgres', q{SELECT count(*) = 0 FROM vvault_stream.jobs WHERE kind <> 'delete_objects'}), 'nothing is left in the queue');
delete_now();
$worker->signal('TERM');
$worker->finish;
is(sql(q{SELECT count(*) FROM vvault_stream.media_objects WHERE state <> 'stored'}), '0', 'no object is left that nobody knows');
is(join("\n", sort map { s{^\Q$site{objects}\E/}{}r } split /\n/, `find '$site{objects}' -type f`),
	sql(q{SELECT object_key FROM vvault_stream.media_objects ORDER BY object_key COLLATE "C"}), 'the store has what the books say');
is_deeply([ glob "$folder/scratch/*" ], [], 'no file is left');
is(processes(), 0, 'nor a process');
$node->stop;
done_testing();
