#
# 064_playing.pl
#		A video from its upload to a browser: uploaded in parts to a real store,
#		made ready by vvault-worker, played in Chromium by hls.js, dash.js and
#		shaka-player and by its own page, through an edge that checks the token;
#		replaced by another source while they play; with its manifests out of
#		the store and out of the database.
#
# It has two languages and subtitles. Skipped where Chromium, nginx with njs, the
# worker or the players (npm, test/players) are not to be had.
#
# make check: early
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, map { "$FindBin::RealBin/../$_" } qw(browser worker standin);

use Browser;
use FileStore;
use HTTP::Tiny ();
use JSON::PP ();
use MediaSite;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Site;
use Test::More;
use VVaultTest;

my $missing = FileStore::missing() // Browser::missing();
plan skip_all => $missing if $missing;

my $json = JSON::PP->new->utf8;
my $http = HTTP::Tiny->new(keep_alive => 0, timeout => 60);
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my %site = media_site($folder);

my $node = new_node('playing');

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
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
write_keys($node, \%site);

write_file("$folder/texts.srt", join "\n", map { "$_\n00:00:0$_,000 --> 00:00:0$_,900\nline $_\n" } 1 .. 9);
system('ffmpeg', '-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25:duration=12',
	'-f', 'lavfi', '-i', 'sine=frequency=440:duration=12', '-f', 'lavfi', '-i', 'sine=frequency=660:duration=12',
	'-i', "$folder/texts.srt", '-map', '0', '-map', '1', '-map', '2', '-map', '3', '-c:v', 'libx264', '-preset', 'ultrafast',
	'-pix_fmt', 'yuv420p', '-c:a', 'aac', '-c:s', 'srt', '-metadata:s:a:0', 'language=eng', '-metadata:s:a:1', 'language=fra',
	'-metadata:s:s:0', 'language=eng', "$folder/source.mkv") == 0 or BAIL_OUT('ffmpeg failed');

# Uploads a file in parts, which makes it the source of the video.
sub upload
{
	my ($file) = @_;
	my $bytes = slurp_file($file);
	my $size = length $bytes;
	my ($upload, $part_size, $parts) = split /\|/, sql("SELECT u ->> 'upload_id', u ->> 'part_size', u ->> 'parts'
		FROM vvault_create_upload('two', $size, part_size => $size / 3 + 1) u");

	for my $n (1 .. $parts)
	{
		my $url = sql("SELECT vvault_sign_part('$upload', $n) ->> 'url'");
		my $reply = $http->put($url, { content => substr $bytes, ($n - 1) * $part_size, $part_size });

		ok($reply->{success}, "part $n is taken") or diag("$reply->{status} $reply->{content}");
	}
	sql("SELECT vvault_complete_upload('$upload')");
	return;
}

sql("SELECT vvault_create_asset('Two languages', 'alice', 'public', video_id => 'two')");
upload("$folder/source.mkv");

# ---------------------------------------------------------------------------
# The worker
# ---------------------------------------------------------------------------

# Runs a worker until a query says true.
sub work_until
{
	my ($query) = @_;
	my $worker = start_worker($node, $folder);

	wait_until($node, 'postgres', $query);
	$worker->signal('TERM');
	$worker->finish;
	return;
}

# Has a generation made, and nothing else will do.
sub make_ready
{
	my ($generation) = @_;

	work_until("SELECT state IN ('ready', 'failed') FROM vvault_stream.generations WHERE video_id = 'two' AND generation = $generation");
	is(sql("SELECT state || ' ' || generation FROM vvault_stream.assets WHERE video_id = 'two'"), "ready $generation", "generation $generation is ready")
	  or BAIL_OUT(sql("SELECT vvault_asset('two')") . slurp_file("$folder/worker.log"));
	return;
}

make_ready(1);
is_deeply([ glob "$folder/scratch/*" ], [], 'the worker leaves no files');

# A viewer, perhaps with a name and for so many seconds.
sub play
{
	my (@arguments) = @_;

	return $json->decode(sql('SELECT vvault_play_url(' . join(', ', map { defined ? "'$_'" : 'NULL' } 'two', @arguments) . ')'));
}

my $play = play();
my $generation = $play->{generation};

# What the tests load lies beside the manifests.
sub add_players
{
	my ($generation) = @_;

	for my $file ('test/players/play.html', 'test/players/three.html', Browser::players())
	{
		my ($name) = $file =~ m{([^/]+)\z};
		my $content = slurp_file($file);
		my $url = sql("SELECT vvault_stream.signed_url('main', 'PUT', 'two/$generation/$name', 600, " . length($content) . ')');

		$http->put($url, { content => $content })->{success} or BAIL_OUT("$name is not taken");
	}
	return;
}

add_players($generation);

# What the edge has written of a viewer's requests.
sub log_of
{
	my ($viewer) = @_;

	return grep { $_->{session} eq $viewer->{session_id} } map { $json->decode($_) } split /\n/, slurp_file("$folder/edge.log");
}

# Makes the edge forget what it has got.
sub empty_cache
{
	unlink glob "$folder/cache/*/*/*";
	return;
}

# ---------------------------------------------------------------------------
# Players
# ---------------------------------------------------------------------------

my $browser = Browser->start(PostgreSQL::Test::Utils::tempdir());
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
my @files = split /,/, sql("SELECT string_agg(regexp_replace(object_key, '.*/', ''), ',' ORDER BY name) FROM vvault_stream.renditions
	WHERE video_id = 'two' AND generation = $generation AND kind IN ('video', 'audio', 'text')");
for my $kind ('hls', 'dash', 'shaka', 'shakahls')
{
	# each is a viewer of its own, so that what it loads comes from the edge
	my $viewer = play();

	$browser->visit($viewer->{watch} =~ s{[^/]+\z}{play.html}r);
	my $version = asked("test.load('$kind')", "$kind: it plays") // next;
	pass("$kind: it plays");
	note "$kind $version";
	cmp_ok(asked('test.colours()', "$kind: colours"), '>', 20, "$kind: a picture is shown");
	is_deeply($browser->value('test.heights()'), [ map { $_ + 0 } @rungs ], "$kind: it knows every rung");
	is(asked("test.choose($_)", "$kind: rung $_"), $_, "$kind: rung $_ is shown") for @rungs;

	my @seeks = map { [ $_, asked("test.seek($_)", "$kind: seek") ] } 9.5, 0.3, 7.1, 3.9, 4.1, 10.2, 1.7, 8.05, 5.5, 2;
	is_deeply([ grep { !defined $_->[1] || $_->[1] > 0.2 } @seeks ], [], "$kind: ten seeks land where they shall");
	is(scalar @{ $browser->value('test.languages()') }, 2, "$kind: it knows two languages");
	is(asked("test.speak('$_')", "$kind: language"), $_, "$kind: it speaks $_") for @{ $browser->value('test.languages()') };
	ok(asked("test.write(3.5, 'line 3')", "$kind: subtitles"), "$kind: it shows the subtitles");
	asked("test.speak('" . $browser->value('test.languages()')->[0] . "')", "$kind: the first language again");
	ok(asked("test.written(6.5, 'line 6')", "$kind: subtitles"), "$kind: and goes on with them in another language");
	is(asked('test.whole()', "$kind: all of it"), 0, "$kind: it stalls nowhere");
	is_deeply($browser->value('test.problems()'), [], "$kind: and has no problem");
	is_deeply([ $browser->complaints ], [], "$kind: the browser complains of nothing");

	my @missing;
	eventually(sub {
		my %asked = map { $_->{path} =~ s{.*/}{}r => 1 } log_of($viewer);

		return !(@missing = grep { !$asked{$_} } @files);
	});
	is_deeply(\@missing, [], "$kind: every rung, language and subtitle came through the edge");
}

# the page that is stored beside the manifests
$browser->visit($play->{watch});
ok($browser->plays(1), 'the page plays the video');
is_deeply([ $browser->complaints ], [], 'and complains of nothing');
$browser->screenshot(($ENV{TESTLOGDIR} // $PostgreSQL::Test::Utils::log_path) . '/playing-page.png');

# ---------------------------------------------------------------------------
# The token
# ---------------------------------------------------------------------------

# Two viewers get the same bytes, once from the store.
{
	my @viewers = map { play($_) } 'anna', 'bert';
	my @differ;

	isnt($viewers[0]{hls}, $viewers[1]{hls}, 'two viewers have a path each');
	for my $name (map { s{.*/}{}r } glob "$site{objects}/two/$generation/*")
	{
		my ($one, $two) = map { $http->get($_->{hls} =~ s/master\.m3u8/$name/r) } @viewers;

		push @differ, $name if "$one->{status} $two->{status} $two->{headers}{'x-cache'}" ne '200 200 HIT' || $one->{content} ne $two->{content};
	}
	is_deeply(\@differ, [], 'and the same bytes, of which the second are kept at the edge');
}

{
	my ($token) = $play->{hls} =~ m{/v/([^/]+)/};
	my $anothers = sql("SELECT vvault_stream.new_path_token('other', $generation, 600, 'session')");
	my %closed = (
		'without a token' => $play->{hls} =~ s{/v/[^/]+}{}r,
		'with the token of another video' => $play->{hls} =~ s/\Q$token\E/$anothers/r,
		'another video with this token' => $play->{hls} =~ s{/two/}{/other/}r,
		'with a token that has expired' => $play->{hls} =~ s/\Q$token\E/sql("SELECT vvault_stream.new_path_token('two', $generation, -61, 'late')")/er,
		'with a token that was changed' => $play->{hls} =~ s/\Q$token\E/substr($token, 0, -1) . ($token =~ m{A$} ? 'B' : 'A')/er);

	is($http->get($play->{hls})->{status}, 200, 'with its token the playlist is there');
	# what is kept is not what keeps the origin out of it
	empty_cache();
	for my $what (sort keys %closed)
	{
		for my $url (map { $closed{$what} =~ s/master\.m3u8/$_/r } 'master.m3u8', $files[0])
		{
			my $before = length slurp_file("$folder/edge.log");
			my $reply = $http->get($url);
			my @lines;

			is($reply->{status}, 403, "$what it is 403");
			unlike($reply->{content}, qr/EXTM3U|ftyp/, 'and nothing of it');
			# a request before this one may have its line only now
			ok(eventually(sub { @lines = grep { /"status":403,/ } split /\n/, substr slurp_file("$folder/edge.log"), $before }), 'which is in the log');
			is_deeply([ map { $json->decode($_)->{upstream} } @lines ], [''], 'nor was anything asked of the origin');
		}
	}
}

# ---------------------------------------------------------------------------
# Another source, while three play the first
# ---------------------------------------------------------------------------

sub objects_of
{
	my ($generation) = @_;

	return scalar(() = glob "$site{objects}/two/$generation/*.mp4");
}

# What each of the three players says.
sub three
{
	my ($expression, $label) = @_;

	return asked("three((test, kind) => $expression)", $label) // [];
}

system('ffmpeg', '-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=426x240:rate=25:duration=8',
	'-f', 'lavfi', '-i', 'sine=frequency=880:duration=8', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p',
	'-c:a', 'aac', "$folder/second.mp4") == 0 or BAIL_OUT('ffmpeg failed');
sql(q{SELECT vvault_stream_set('grace_seconds', '3600')});
$browser->visit(play()->{watch} =~ s{[^/]+\z}{three.html}r);
is(scalar @{ three('test.load(kind)', 'three play at once') }, 3, 'three players play at once');
three('test.loop()', 'again and again');
sql(q{SELECT vvault_replace_source('two')});
upload("$folder/second.mp4");
make_ready(2);
# what they have not got yet is no more kept at the edge
empty_cache();
is_deeply(three("test.choose($_)", 'another rung'), [ ($_ + 0) x 3 ], "each takes rung $_ of what it plays") for $rungs[-1], $rungs[1];
is_deeply(three('test.looped()', 'the end'), [ (JSON::PP::true) x 3 ], 'each plays to the end and from the beginning');
is_deeply(three('test.problems()', 'problems'), [ [], [], [] ], 'without a problem');
is_deeply([ $browser->complaints ], [], 'the browser complains of nothing');
is($http->get($play->{hls})->{status}, 200, 'the old address leads to the old one');

$play = play();
is($play->{generation}, 2, 'the next viewer gets the new one');
add_players(2);
$browser->visit($play->{watch} =~ s{[^/]+\z}{three.html}r);
three('test.load(kind)', 'the next load');
is_deeply(three('test.heights()', 'rungs'), [ ([ 144, 240 ]) x 3 ], 'and at their next load all three show it');
is_deeply(three('test.problems()', 'problems'), [ [], [], [] ], 'without a problem');
$browser->stop;

my $old = objects_of(1);
cmp_ok($old, '>', 3, 'the old objects are there');
cmp_ok(objects_of(2), '>', 2, 'as are the new ones');
sql(q{SELECT vvault_stream_set('grace_seconds', '1')});
sql(q{SELECT vvault_process('two')});
make_ready(3);
work_until(q{SELECT NOT EXISTS (SELECT FROM vvault_stream.media_objects WHERE video_id = 'two' AND generation = 2 AND name <> 'source')});
is(objects_of(2), 0, 'when the grace time is over they are gone');
is(objects_of(1), $old, 'those whose time is not over are there still');
cmp_ok(objects_of(3), '>', 2, 'and so is what is shown');

# ---------------------------------------------------------------------------
# Manifests out of the database
# ---------------------------------------------------------------------------

sql(<<'EOF');
CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticator LOGIN NOINHERIT;
GRANT anon TO authenticator;
SELECT vvault_stream_grant('anon', 'viewer');
EOF
# what a viewer's role has is all that PostgREST's needs
my $conf = slurp_file("$folder/edge.conf");
my ($base) = play()->{hls} =~ m{^(.*/)master\.m3u8$};
my @manifests = ('master.m3u8', 'manifest.mpd', 'storyboard.vtt', 'watch.html', split /,/, sql(q{SELECT string_agg(name || '.m3u8', ',' ORDER BY name)
	FROM vvault_stream.renditions WHERE video_id = 'two' AND generation = 3}));
my %stored = map { $_ => $http->get("$base$_") } @manifests;
my %bytes = map { $_ => slurp_file("$site{objects}/two/3/$_") } @manifests;
is_deeply([ grep { $stored{$_}{status} != 200 || $stored{$_}{content} ne $bytes{$_} } @manifests ], [], 'the stored manifests are all there');

# The headers that a viewer may rely on.
sub headers_of
{
	my ($reply) = @_;

	return { map { $_ => $reply->{headers}{$_} } grep { !/^(?:date|server|connection|content-length|transfer-encoding|etag|last-modified|accept-ranges|x-cache)$/ }
		  keys %{ $reply->{headers} } };
}

for my $program (Site->programs)
{
	my $database = Site->new("$folder/$program", $node->connstr('postgres') . ' user=authenticator', 'anon',
		NGINX => 'no', STANDIN => $program eq 'standin' ? 'only' : 'no');
	my ($port) = $database->{upstream} =~ /:(\d+)$/;

	note "064_playing: manifests $database->{with}";
	# there is nothing else that could answer
	unlink "$site{objects}/two/3/$_" for @manifests;
	empty_cache();
	write_file("$folder/edge.conf", $conf =~ s/default "store"/default "postgrest"/r =~ s/^(\tserver 127\.0\.0\.1:)3000 /$1$port /mr);
	my $nginx = slurp_file("$folder/nginx.pid") + 0;
	my @before = split ' ', slurp_file("/proc/$nginx/task/$nginx/children");
	kill 'HUP', $nginx;
	# one from before may still answer, by what it was told
	eventually(sub { !grep { -e "/proc/$_" } @before });
	ok(eventually(sub { $http->get("${base}master.m3u8")->{status} == 200 }), "$program: the database answers for what is not stored");
	for my $name (@manifests)
	{
		my $reply = $http->get("$base$name");

		ok($reply->{status} == 200 && $reply->{content} eq $bytes{$name}, "$program: $name has the bytes that were stored");
		is_deeply(headers_of($reply), headers_of($stored{$name}), 'and the headers');
		is($http->get(play()->{hls} =~ s/master\.m3u8/$name/r)->{headers}{'x-cache'}, 'HIT', 'another viewer gets what is kept');
	}
	is($http->get($base =~ s{/v/[^/]+}{}r . 'master.m3u8')->{status}, 403, "$program: without a token nobody is asked");
	is($http->get("${base}none.m3u8")->{status}, 404, "$program: what nobody has is not there");

	# where the database does not tell, the store does
	write_file("$site{objects}/two/3/$_", $bytes{$_}) for @manifests;
	$database->stop if $program eq 'standin';
	sql(q{SELECT vvault_update_asset('two', access => 'private')}) if $program ne 'standin';
	empty_cache();
	my $viewer = play('alice');
	is($http->get($viewer->{dash})->{content}, $bytes{'manifest.mpd'}, "$program: " . ($program eq 'standin' ? 'a database that is away' : 'a private video') . ' leaves it to the store');
	my @lines;
	eventually(sub { @lines = log_of($viewer) });
	like($lines[-1]{upstream}, $program eq 'standin' ? qr/^502 : 20[06]$/ : qr/^40[13] : 20[06]$/, 'which the log says');
	$database->stop;
}

$node->stop;
done_testing();
