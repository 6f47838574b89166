#
# 085_drm.pl
#		Protected videos from the source to Chromium: encrypted by vvault-worker,
#		played through an edge by players that have nothing but the playing
#		address (Clear Key by dash.js, shaka-player and hls.js, aes128 by hls.js
#		and shaka-player), and not by who is denied; what an edge answers about
#		keys.
#
# Skipped where Chromium, nginx with njs, the worker or the players (npm,
# test/players) are not to be had.
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
use MIME::Base64 qw(encode_base64 encode_base64url);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Site;
use Test::More;
use VVaultTest;

my $missing = FileStore::missing() // Browser::missing();
plan skip_all => $missing if $missing;

my $json = JSON::PP->new->utf8->canonical;
my $http = HTTP::Tiny->new(keep_alive => 0, timeout => 60);
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my %site = media_site($folder);

my $node = new_node('drm');

sub sql { return $node->safe_psql('postgres', $_[0]) }

# ---------------------------------------------------------------------------
# Store, edge, PostgREST, source
# ---------------------------------------------------------------------------

sql(<<"EOF");
CREATE EXTENSION vvault_stream CASCADE;
CREATE ROLE worker LOGIN;
CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticator LOGIN NOINHERIT;
GRANT anon TO authenticator;
SELECT vvault_stream_grant('worker', 'worker');
SELECT vvault_stream_grant('anon', 'viewer');
SELECT vvault_arm();
SELECT vvault_store('main', 'file', '$site{store}');
SELECT vvault_edge('edge', '$site{edge}');
SELECT vvault_stream_set('hls_js_url', 'hls.min.js');
SELECT vvault_stream_set('encoder_preset', 'ultrafast');
SELECT vvault_stream_set('authenticator', 'authenticator');
EOF
write_keys($node, \%site);

# 480p and 720p have different keys
system('ffmpeg', '-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=25:duration=6',
	'-f', 'lavfi', '-i', 'sine=frequency=440:duration=6', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p',
	'-c:a', 'aac', "$folder/source.mp4") == 0 or BAIL_OUT('ffmpeg failed');

# Puts bytes into the store.
sub store
{
	my ($key, $content) = @_;
	my $url = sql("SELECT vvault_stream.signed_url('main', 'PUT', '$key', 600, " . length($content) . ')');

	$http->put($url, { content => $content })->{success} or BAIL_OUT("$key is not taken");
	return;
}

# A video that only its owner may view, protected.
sub make_video
{
	my ($id, $level) = @_;
	my $source = slurp_file("$folder/source.mp4");

	store("$id/source/1", $source);
	sql("SELECT vvault_create_asset('$id', 'alice', 'private', video_id => '$id');
		SELECT vvault_protect('$id', '$level');
		SELECT vvault_stream.source_stored('$id', vvault_stream.open_generation('$id'), 'main', '$id/source/1', " . length($source) . ", NULL);
		SELECT vvault_process('$id')");
	return;
}

make_video($_->[0], $_->[1]) for [ 'clear', 'clear_key' ], [ 'whole', 'aes128' ];
my $worker = start_worker($node, $folder);
wait_until($node, 'postgres', q{SELECT bool_and(state IN ('ready', 'failed')) FROM vvault_stream.generations});
$worker->signal('TERM');
$worker->finish;
is(sql(q{SELECT string_agg(video_id || ' ' || state || coalesce(': ' || failure, ''), ', ' ORDER BY video_id) FROM vvault_stream.assets}), 'clear ready, whole ready', 'both videos are ready')
  or BAIL_OUT(slurp_file("$folder/worker.log"));
my @keys = split /\n/, sql(q{SELECT encode(vvault_stream.content_key(k), 'hex') FROM vvault_stream.content_keys k});
my $log = slurp_file("$folder/worker.log") . sql(q{SELECT string_agg(j::text, '') FROM vvault_stream.finished_jobs j});
is(scalar(grep { index($log, $_) >= 0 } @keys), 0, 'no key is in the worker\'s log, nor with a job');

my ($program) = reverse Site->programs;
my $database = Site->new("$folder/postgrest", $node->connstr('postgres') . ' user=authenticator', 'anon', NGINX => 'no', STANDIN => $program eq 'standin' ? 'only' : 'no');
note "085_drm: $database->{with}";
my ($port) = $database->{upstream} =~ /:(\d+)$/;
write_file("$folder/edge.conf", slurp_file("$folder/edge.conf") =~ s/^(\tserver 127\.0\.0\.1:)3000 /$1$port /mr);
kill 'HUP', slurp_file("$folder/nginx.pid") + 0;

for my $id ('clear', 'whole')
{
	store("$id/1/" . (split m{/})[-1], slurp_file($_)) for 'test/players/drm.html', Browser::players();
}

# Where her own video plays for alice, a session of its own.
sub play { return $json->decode(sql("SELECT vvault_play_url('$_[0]', 'alice')")) }

# ---------------------------------------------------------------------------
# What an edge answers about keys
# ---------------------------------------------------------------------------

my $viewer = play('clear');
my $base = $viewer->{hls} =~ s{[^/]+\z}{}r;
my ($kid, $key) = split /\|/, sql(q{SELECT encode(uuid_send(kid), 'hex'), encode(vvault_stream.content_key(k), 'hex') FROM vvault_stream.content_keys k WHERE video_id = 'clear' AND class = 'SD'});
my $request = $json->encode({ kids => [ encode_base64url(pack 'H*', $kid) ], type => 'temporary' });

sub license { return $http->post($_[0], { content => $_[1] // $request, headers => { Origin => 'https://player.example.org', 'Content-Type' => 'text/plain' } }) }

ok(eventually(sub { license("${base}license.json")->{status} == 200 }), 'the edge hands on what it is asked for') or diag(license("${base}license.json")->{content});
my $reply = license("${base}license.json");
is_deeply($json->decode($reply->{content}), { type => 'temporary', keys => [ { kty => 'oct', kid => encode_base64url(pack 'H*', $kid), k => encode_base64url(pack 'H*', $key) } ] }, 'a licence by the token of the path');
is($reply->{headers}{'cache-control'}, 'private, no-store', 'which nobody keeps');
is($reply->{headers}{'access-control-allow-origin'}, '*', 'and a player of another site may read');
is($viewer->{license}, "${base}license.json", 'it is where vvault_play_url() says');
$reply = $http->get("$base$kid.key");
is("$reply->{status} " . unpack('H*', $reply->{content}), "200 $key", 'a key of 16 bytes');
is("$reply->{headers}{'cache-control'}, $reply->{headers}{'content-type'}", 'private, no-store, application/octet-stream', 'which nobody keeps');
like($http->get($viewer->{dash})->{content}, qr{<dashif:Laurl>\Q${base}license.json\E</dashif:Laurl>}, 'the manifest has the whole address, with the token of who asks');
like(slurp_file("$site{objects}/clear/1/manifest.mpd"), qr{<dashif:Laurl>license\.json</dashif:Laurl>}, 'that is stored for all');
my $second = play('clear');
unlike($http->get($second->{dash})->{content}, qr/\Q$base\E/, 'nobody gets the token of another');

for my $case (
	[ 'without a token', $base =~ s{/v/[^/]+}{}r ], [ 'with one that was changed', $base =~ s{(/v/[^/]+)./}{$1-/}r ],
	[ 'with one for another video', $base =~ s{/v/[^/]+}{'/v/' . sql(q{SELECT vvault_stream.new_path_token('whole', 1, 600, 's')})}er ],
	[ 'with one that has expired', $base =~ s{/v/[^/]+}{'/v/' . sql(q{SELECT vvault_stream.new_path_token('clear', 1, -61, 's')})}er ])
{
	my ($label, $url) = @$case;

	for my $answer (license("${url}license.json"), $http->get("$url$kid.key"))
	{
		is($answer->{status}, 403, "$label there is nothing");
		unlike($answer->{content} . unpack('H*', $answer->{content}), qr/\Q$key\E|"k"/, 'no key');
	}
}
# the video of a token is not the video of a key
my $others = play('whole')->{hls} =~ s{[^/]+\z}{}r;
like(license("${others}license.json")->{status}, qr/^4/, 'a token for one video gets no key of another');
like($http->get("$others$kid.key")->{status}, qr/^4/, 'by no address');
like(license("${base}license.json", 'x')->{status}, qr/^4/, 'what is no request is refused');
like(license("${base}license.json", '{}, "more": 1')->{status}, qr/^4/, 'nor gets anything in');
is($http->get("${base}license.json")->{status}, 404, 'a licence is asked for by POST alone');
is($http->post("${base}master.m3u8", { content => 'x' })->{status}, 405, 'and nothing else is');
like(license("$site{edge}/rpc/vvault_clearkey_license")->{status}, qr/^4/, 'there is no other way in');
my $direct = $http->post("http://127.0.0.1:$port/rpc/vvault_clearkey_license", { content => "{\"request\": $request}", headers => { 'Content-Type' => 'application/json' } });
unlike($direct->{content}, qr/"k"/, 'a private video has no licence for who is nobody');
like($direct->{status}, qr/^40[13]$/, 'at PostgREST');

# ---------------------------------------------------------------------------
# Players
# ---------------------------------------------------------------------------

my $browser = Browser->start(PostgreSQL::Test::Utils::tempdir());

for my $case ([ 'clear', 'dash' ], [ 'clear', 'shaka' ], [ 'clear', 'hlskey' ], [ 'clear', 'shakahls' ], [ 'whole', 'hls' ], [ 'whole', 'shakahls' ])
{
	my ($id, $kind) = @$case;
	# one key for small pictures, another for large ones
	my $heights = $kind eq 'dash' ? '[480]' : '[480, 720]';

	$browser->visit(play($id)->{hls} =~ s{[^/]+\z}{drm.html}r);
	is($browser->value("test.play('$kind', $heights)"), 'played', "$id: $kind plays it");
	my $png = "$folder/$id-$kind.png";
	$browser->screenshot($png);
	cmp_ok($browser->value("test.colours('" . encode_base64(slurp_file($png), '') . "')"), '>', 20, 'and shows a picture');

	# the edge has not heard of it yet: the database has
	my $denied = play($id);
	sql("SELECT vvault_deny('session', '$denied->{session_id}')");
	$browser->visit($denied->{hls} =~ s{[^/]+\z}{drm.html}r);
	isnt($browser->value("test.play('$kind', [])"), 'played', "$id: $kind does not, without a key");
	ok(!$browser->value('test.moved()'), 'nothing is shown');
}

for my $id ('clear', 'whole')
{
	$browser->visit(play($id)->{watch});
	ok($browser->plays(0.5), "$id: its own page plays it");
}
$browser->stop;

# ---------------------------------------------------------------------------
# Where keys are not
# ---------------------------------------------------------------------------

my $logs = join '', map { slurp_file($_) } grep { -f } "$folder/edge.log", "$folder/error.log", $node->logfile;
is(scalar(grep { index($logs, $_) >= 0 || index($logs, encode_base64url(pack 'H*', $_)) >= 0 } @keys), 0, 'no key is in a log');
my ($token) = $base =~ m{/v/([^/]+)/};
unlike(slurp_file("$folder/edge.log"), qr/\Q$token\E/, 'nor a token in that of the edge');
my $cached = join '', map { slurp_file($_) } glob "$folder/cache/*/*/*";
is(scalar(grep { index($cached, pack 'H*', $_) >= 0 || index($cached, encode_base64url(pack 'H*', $_)) >= 0 } @keys), 0, 'nor a key in its cache');
unlike($cached, qr/\Q$token\E/, 'nor a token');

$database->stop;
$node->stop;
done_testing();
