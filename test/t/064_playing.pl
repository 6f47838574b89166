#
# 064_playing.pl
#		A video from its upload to a browser: uploaded in parts to a real store,
#		made ready by vvault-worker, played in Chromium by hls.js, dash.js and
#		shaka-player and by its own page, through an edge that checks the token.
#
# It has two languages and subtitles. Skipped where Chromium, nginx with njs, the
# worker or the players (npm, test/players) are not to be had.
#
# make check: early
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../browser", "$FindBin::RealBin/../worker";

use Browser;
use FileStore;
use HTTP::Tiny ();
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $players = ($ENV{WORK} // '') . '/players/node_modules';
my @scripts = ('hls.js/dist/hls.min.js', 'dashjs/dist/modern/umd/dash.all.min.js', 'shaka-player/dist/shaka-player.compiled.js');
my $missing = FileStore::missing() // (Browser::executable() ? undef : 'there is no Chromium')
  // ((grep { !-f "$players/$_" } @scripts) ? 'there are no players' : undef);
plan skip_all => $missing if $missing;

my $json = JSON::PP->new->utf8;
my $http = HTTP::Tiny->new(timeout => 60);
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my ($said, $problem) = ('', '');
my $started = IPC::Run::run([ 'scripts/media.sh', 'start', $folder ], '<', '/dev/null', '>', \$said, '2>', \$problem);
plan skip_all => $problem =~ s/\s+$//r if !$started && $problem =~ /^(?:there is no nginx|nginx has no njs)/;
die $problem if !$started;
my %site = map { split / /, $_, 2 } split /\n/, $said;
END { system 'scripts/media.sh', 'stop', $folder if defined $folder }

my $node = new_node('playing');

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub write_file
{
	my ($file, $bytes) = @_;

	open my $out, '>:raw', $file or die "$file: $!";
	print $out $bytes;
	close $out or die "$file: $!";
	return;
}

# ---------------------------------------------------------------------------
# Store, edge, source, upload
# ---------------------------------------------------------------------------

sql(<<"EOF");
CREATE EXTENSION vvault_stream CASCADE;
CREATE ROLE worker LOGIN;
SELECT vvault_stream_grant('worker', 'worker');
SELECT vvault_arm();
SELECT vvault_store('main', 'file', '$site{store}');
SELECT vvault_edge('edge', '$site{edge}');
SELECT vvault_stream_set('hls_js_url', 'hls.min.js');
SELECT vvault_stream_set('encoder_preset', 'ultrafast');
EOF
write_file($site{store_keys}, sql(q{SELECT vvault_signing_keys('store:main')}));
write_file($site{path_keys}, sql(q{SELECT vvault_signing_keys('path')}));

write_file("$folder/texts.srt", join "\n", map { "$_\n00:00:0$_,000 --> 00:00:0$_,900\nline $_\n" } 1 .. 9);
system('ffmpeg', '-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25:duration=12',
	'-f', 'lavfi', '-i', 'sine=frequency=440:duration=12', '-f', 'lavfi', '-i', 'sine=frequency=660:duration=12',
	'-i', "$folder/texts.srt", '-map', '0', '-map', '1', '-map', '2', '-map', '3', '-c:v', 'libx264', '-preset', 'ultrafast',
	'-pix_fmt', 'yuv420p', '-c:a', 'aac', '-c:s', 'srt', '-metadata:s:a:0', 'language=eng', '-metadata:s:a:1', 'language=fra',
	'-metadata:s:s:0', 'language=eng', "$folder/source.mkv") == 0 or BAIL_OUT('ffmpeg failed');

my $bytes = slurp_file("$folder/source.mkv");
my $size = length $bytes;

sql("SELECT vvault_create_asset('Two languages', 'alice', 'public', video_id => 'two')");
my ($upload, $part_size, $parts) = split /\|/, sql("SELECT u ->> 'upload_id', u ->> 'part_size', u ->> 'parts'
	FROM vvault_create_upload('two', $size, part_size => $size / 3 + 1) u");
for my $n (1 .. $parts)
{
	my $url = sql("SELECT vvault_sign_part('$upload', $n) ->> 'url'");
	my $reply = $http->put($url, { content => substr $bytes, ($n - 1) * $part_size, $part_size });

	ok($reply->{success}, "part $n is taken") or diag("$reply->{status} $reply->{content}");
}
sql("SELECT vvault_complete_upload('$upload')");

# ---------------------------------------------------------------------------
# The worker
# ---------------------------------------------------------------------------

mkdir "$folder/scratch";
my $worker = IPC::Run::start(
	[ FileStore::worker_program(), '--dbname', $node->connstr('postgres') . ' user=worker', '--scratch', "$folder/scratch", '--jobs', 2, '--verbose' ],
	'<', '/dev/null', '&>', "$folder/worker.log");
my $ready = wait_until($node, 'postgres', "SELECT state IN ('ready', 'failed') FROM vvault_stream.assets WHERE video_id = 'two'");
$worker->signal('TERM');
$worker->finish;
is(sql("SELECT state FROM vvault_stream.assets WHERE video_id = 'two'"), 'ready', 'the video is ready')
  or BAIL_OUT(sql("SELECT vvault_asset('two')") . slurp_file("$folder/worker.log"));
is_deeply([ glob "$folder/scratch/*" ], [], 'the worker leaves no files');

my $play = $json->decode(sql("SELECT vvault_play_url('two')"));
my $generation = $play->{generation};

# what the tests load lies beside the manifests
for my $file ('test/players/play.html', map { "$players/$_" } @scripts)
{
	my ($name) = $file =~ m{([^/]+)\z};
	my $content = slurp_file($file);
	my $url = sql("SELECT vvault_stream.signed_url('main', 'PUT', 'two/$generation/$name', 600, " . length($content) . ')');

	$http->put($url, { content => $content })->{success} or BAIL_OUT("$name is not taken");
}

# ---------------------------------------------------------------------------
# Players
# ---------------------------------------------------------------------------

my $browser = Browser->start(PostgreSQL::Test::Utils::tempdir());
my $page = $play->{watch} =~ s{[^/]+\z}{play.html}r;
my @rungs = split /,/, sql("SELECT string_agg(height::text, ',' ORDER BY height) FROM vvault_stream.renditions
	WHERE video_id = 'two' AND generation = $generation AND kind = 'video'");

sub asked
{
	my ($expression, $label) = @_;
	my $value = eval { $browser->value($expression) };

	fail("$label: $@") if $@;
	return $value;
}

cmp_ok(scalar @rungs, '>=', 3, 'there are several rungs');
for my $kind ('hls', 'dash', 'shaka', 'shakahls')
{
	$browser->visit($page);
	my $version = asked("test.load('$kind')", "$kind: it plays") // next;
	pass("$kind: it plays");
	note "$kind $version";
	is_deeply($browser->value('test.heights()'), [ map { $_ + 0 } @rungs ], "$kind: it knows every rung");
	is(asked("test.choose($_)", "$kind: rung $_"), $_, "$kind: rung $_ is shown") for @rungs;

	my @missed = grep { !defined $_ || abs($_) > 0.2 } map { asked("test.seek($_)", "$kind: seek") } 9.5, 0.3, 7.1, 3.9, 4.1, 10.2, 1.7, 8.05, 5.5, 2;
	is_deeply(\@missed, [], "$kind: ten seeks land where they shall");
	is(scalar @{ $browser->value('test.languages()') }, 2, "$kind: it knows two languages");
	is(asked("test.speak('$_')", "$kind: language"), $_, "$kind: it speaks $_") for @{ $browser->value('test.languages()') };
	ok(asked('test.write()', "$kind: subtitles"), "$kind: it has the subtitles");
	is_deeply([ $browser->complaints ], [], "$kind: the browser complains of nothing");
}

# the page that is stored beside the manifests
$browser->visit($play->{watch});
my $shown = asked(<<'EOF', 'the page');
new Promise((resolve) => {
	const end = Date.now() + 60000;
	const video = document.querySelector('video');
	video.muted = true;
	const look = setInterval(() => {
		if (video.paused)
			video.play().catch(() => {});
		if (video.currentTime > 1 || Date.now() > end)
		{
			clearInterval(look);
			resolve(video.currentTime > 1 && video.videoHeight > 0);
		}
	}, 50);
})
EOF
ok($shown, 'the page plays the video');
is_deeply([ $browser->complaints ], [], 'and complains of nothing');
$browser->screenshot(($ENV{TESTLOGDIR} // $PostgreSQL::Test::Utils::log_path) . '/playing-page.png');

# ---------------------------------------------------------------------------
# The token
# ---------------------------------------------------------------------------

my $other = $play->{hls} =~ s{/two/}{/other/}r;
my $changed = $play->{hls} =~ s{/v/.}{/v/_}r;

is($http->get($play->{hls})->{status}, 200, 'with its token the playlist is there');
is($http->get($other)->{status}, 403, 'another video is not');
is($http->get($changed)->{status}, 403, 'nor anything with a token that was changed');
isnt($http->get("$site{edge}/two/$generation/master.m3u8")->{status}, 200, 'nor without one');

$browser->stop;
$node->stop;
done_testing();
