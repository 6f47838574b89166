#
# 062_store.pl
#		deploy/store.conf and deploy/edge.conf at work, in a real nginx with njs:
#		what is signed goes through and nothing else does; an upload that was cut
#		goes on; a token opens what it is for; no log has one. And signatures for
#		S3 beside botocore's.
#
# VVAULT_UPLOAD_MB=300 uploads as much, VVAULT_FUZZ_ROUNDS=20000 signs as often,
# VVAULT_FUZZ_SEED=2 signs other things.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../worker";

use Digest::SHA ();
use HTTP::Tiny ();
use IO::Socket::INET ();
use IPC::Run ();
use JSON::PP ();
use MediaSite;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use VVaultTest;

my $json = JSON::PP->new->utf8->canonical;
my $http = HTTP::Tiny->new(keep_alive => 0, timeout => 60);
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my %site = media_site($folder);

my $node = new_node('store');

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# A URL that the database signs; '' for no size.
sub signed
{
	my ($method, $key, $ttl, $size) = @_;

	$ttl //= 600;
	$size //= 'NULL';
	return sql("SELECT vvault_stream.signed_url('main', '$method', '$key', $ttl, $size)");
}

sub request
{
	my ($method, $url, %options) = @_;

	return $http->request($method, $url, \%options);
}

# Status and reason of an answer.
sub answer
{
	my $reply = request(@_);

	return "$reply->{status} " . ($reply->{content} =~ s/\n$//r);
}

sub random_bytes
{
	my ($n) = @_;

	open my $in, '<', '/dev/urandom' or die "/dev/urandom: $!\n";
	binmode $in;
	my $bytes;
	read $in, $bytes, $n;
	return $bytes;
}

# Half of a PUT, and then the connection is gone.
sub cut_put
{
	my ($url, $body) = @_;
	my ($host, $path) = $url =~ m{^http://([^/]+)(/.*)$};
	my $socket = IO::Socket::INET->new($host) or die "$host: $@\n";

	print $socket "PUT $path HTTP/1.1\r\nHost: $host\r\nContent-Length: " . length($body) . "\r\n\r\n" . substr $body, 0, length($body) / 2;
	$socket->flush;
	return $socket;
}

sub files_below
{
	my ($below) = @_;

	return grep { -f } split /\n/, qx(find '$below' -type f);
}

# Waits until something holds.
sub comes_true
{
	my ($code, $label) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok(eventually($code), $label);
}

# What nginx has written of requests by now: it writes when one has ended.
sub log_of
{
	my ($name) = @_;

	return slurp_file("$folder/$name.log");
}

sql('CREATE EXTENSION vvault_stream CASCADE');
sql("SELECT vvault_store('main', 'file', '$site{store}', part_size => 1048576)");
sql("SELECT vvault_edge('edge', '$site{edge}')");

# ---------------------------------------------------------------------------
# The store
# ---------------------------------------------------------------------------

my $body = random_bytes(3_000_000);
my $length = length $body;

like(answer('GET', signed('GET', 'v/1/a.mp4')), qr/^403 the key of this URL is not known/, 'without keys nginx lets nobody in');
write_keys($node, \%site);
is(request('PUT', signed('PUT', 'v/1/a.mp4', 600, $length), content => $body)->{status}, 201, 'a signed PUT');
my $reply = request('GET', signed('GET', 'v/1/a.mp4'));
ok($reply->{status} == 200 && $reply->{content} eq $body, 'a signed GET gives the same bytes');
is(request('GET', signed('GET', 'v/1/a.mp4'), headers => { Range => 'bytes=5-9' })->{content}, substr($body, 5, 5), 'or some of them');
is(request('HEAD', signed('HEAD', 'v/1/a.mp4'))->{headers}{'content-length'}, $length, 'a signed HEAD');
is(request('PUT', signed('PUT', 'v/1/free.mp4'), content => 'any size')->{status}, 201, 'a URL without a size takes any');
is(join(' ', map { "$_->{name} $_->{size}" } sort { $a->{name} cmp $b->{name} } @{ $json->decode(request('GET', signed('GET', 'v/1/'))->{content}) }),
	"a.mp4 $length free.mp4 8", 'a signed list');
is(request('GET', signed('GET', 'v/2/a.mp4'))->{status}, 404, 'what is not there is 404');

my $put = signed('PUT', 'v/1/b.mp4', 600, 5);
my $get = signed('GET', 'v/1/a.mp4');
my %refused = (
	'another method' => [ 'GET', $put, 'this URL is for PUT' ],
	'POST' => [ 'POST', $put, 'this URL is for PUT' ],
	'HEAD by the URL of a GET' => [ 'HEAD', $get, '' ],
	'DELETE by the URL of a GET' => [ 'DELETE', $get, 'this URL is for GET' ],
	'another length' => [ 'PUT', $put, 'the URL is for 5 bytes, not for 6', content => '123456' ],
	'a shorter one' => [ 'PUT', $put, 'the URL is for 5 bytes, not for 4', content => '1234' ],
	'a length that is changed' => [ 'PUT', $put =~ s/size=5/size=6/r, 'the signature of this URL is wrong', content => '123456' ],
	'a length that is left out' => [ 'PUT', $put =~ s/size=5&//r, 'the signature of this URL is wrong', content => '123456' ],
	'a body in chunks' => [ 'PUT', $put, 'a body needs a Content-Length', content => do { my $n = 0; sub { $n++ ? '' : '12345' } } ],
	'a method that is changed' => [ 'DELETE', $get =~ s/method=GET/method=DELETE/r, 'the signature of this URL is wrong' ],
	'an expiry that is changed' => [ 'GET', $get =~ s/expires=(\d+)/'expires=' . ($1 + 1)/er, 'the signature of this URL is wrong' ],
	'another object' => [ 'GET', $get =~ s/a\.mp4/free.mp4/r, 'the signature of this URL is wrong' ],
	'another key' => [ 'GET', $get =~ s/kid=k/kid=l/r, 'the key of this URL is not known' ],
	'a key of JavaScript' => [ 'GET', $get =~ s/kid=\w+/kid=toString/r, 'the key of this URL is not known' ],
	'another signature' => [ 'GET', $get =~ s/signature=(.)/'signature=' . ($1 eq 'A' ? 'B' : 'A')/er, 'the signature of this URL is wrong' ],
	'no signature' => [ 'GET', $get =~ s/&signature=.*//r, 'this is not a signed URL' ],
	'a short signature' => [ 'GET', $get =~ s/.$//r, 'this is not a signed URL' ],
	'two signatures' => [ 'GET', "$get&signature=" . 'A' x 43, 'this is not a signed URL' ],
	'nothing signed' => [ 'GET', $get =~ s/\?.*//r, 'this is not a signed URL' ],
	'a way up' => [ 'GET', $get =~ s{v/1/a}{v/1/../1/a}r, 'this is not the path of an object' ],
	'a hidden way up' => [ 'GET', $get =~ s{v/1/a}{v/1/%2e%2e/1/a}r, 'this is not the path of an object' ],
	'a hidden slash' => [ 'GET', $get =~ s{v/1/a}{v%2f1/a}r, 'this is not the path of an object' ],
	'two slashes' => [ 'GET', $get =~ s{v/1/a}{v//1/a}r, 'this is not the path of an object' ]);
for my $what (sort keys %refused)
{
	my ($method, $url, $why, @more) = @{ $refused{$what} };

	is(answer($method, $url, @more), "403 $why", "refused: $what");
}
{
	my $url = signed('GET', 'v/1/a.mp4', 1);

	sleep 2.1;
	is(answer('GET', $url), '403 this URL has expired', 'refused: one that has expired');
}
unlike(request('GET', $_)->{content}, qr/"keys"/, "no key by $_")
  for map { "$site{store}$_" } '/../../store-keys.json', '/../store-keys.json', '/%2e%2e/%2e%2e/store-keys.json';
ok(!-e "$site{objects}/v/1/b.mp4", 'nothing of what was refused is there');

# a browser asks before
$reply = request('OPTIONS', $put, headers => { Origin => 'https://www.example.org', 'Access-Control-Request-Method' => 'PUT' });
is("$reply->{status} $reply->{headers}{'access-control-allow-origin'} $reply->{headers}{'access-control-allow-methods'}",
	'204 https://www.example.org GET, HEAD, PUT, DELETE', 'a browser may upload');
$reply = request('PUT', $put, content => '12345');
ok($reply->{status} == 201 && $reply->{headers}{etag} && $reply->{headers}{'access-control-expose-headers'} =~ /ETag/, 'and sees an ETag');

# no object is seen before it is whole
{
	my $before = join ' ', sort(files_below($site{objects}));
	my $socket = cut_put(signed('PUT', 'v/1/half.mp4', 600, $length), $body);

	comes_true(sub { files_below("$folder/incoming") > 0 }, 'half of it has come');
	is(request('GET', signed('GET', 'v/1/half.mp4'))->{status}, 404, 'what is coming is not there yet');
	is(join(' ', sort(files_below($site{objects}))), $before, 'nor under another name');
	close $socket;
	comes_true(sub { files_below("$folder/incoming") == 0 }, 'what was cut is gone');
	is(join(' ', sort(files_below($site{objects}))), $before, 'and left nothing');
}

is(request('DELETE', signed('DELETE', 'v/1/b.mp4'))->{status}, 204, 'a signed DELETE');
is(request('DELETE', signed('DELETE', 'v/1/b.mp4'))->{status}, 404, 'of what is there');
is(request('DELETE', signed('DELETE', 'v/1/'))->{status}, 204, 'also of a folder');
is(join(' ', files_below($site{objects})), '', 'and all of it is gone');

# ---------------------------------------------------------------------------
# An upload that is cut
# ---------------------------------------------------------------------------

# What the worker does with a join.
sub join_parts
{
	my ($order) = @_;
	my $whole = join '', map { request('GET', $_->{url})->{content} } @{ $order->{parts} };
	my $status = request('PUT', $order->{target}{put}{url}, content => $whole)->{status};

	die "PUT of the whole: $status\n" if $status != 201 && $status != 204;
	request('DELETE', $_) for @{ $order->{delete} };
	return { size => length $whole, sha256 => Digest::SHA::sha256_hex($whole) };
}

sub upload_part
{
	my ($file, $upload, $n) = @_;
	my $part = $json->decode(sql("SELECT vvault_sign_part('$upload->{upload_id}', $n, 'alice')"));
	my $offset = ($n - 1) * $upload->{part_size};

	# dd would read it all again for each
	open my $in, '<', $file or die "$file: $!\n";
	binmode $in;
	seek $in, $offset, 0;
	my $bytes;
	read $in, $bytes, $part->{size};
	close $in;
	write_file("$folder/part", $bytes);
	IPC::Run::run([ 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '-T', "$folder/part", $part->{url} ], '<', '/dev/null', '>', \my $status);
	return $status;
}

{
	my $size = ($ENV{VVAULT_UPLOAD_MB} // 12) * 1_000_000;
	my $file = "$folder/source";
	my $before = () = log_of('store') =~ /"PUT /g;
	my $sha = Digest::SHA->new(256);

	open my $out, '>', $file or die "$file: $!\n";
	binmode $out;
	for (my $left = $size; $left > 0; $left -= 1_000_000)
	{
		my $bytes = random_bytes($left < 1_000_000 ? $left : 1_000_000);

		print $out $bytes;
		$sha->add($bytes);
	}
	close $out;
	$sha = $sha->hexdigest;

	sql(q{INSERT INTO vvault_stream.assets (video_id, owner_id) VALUES ('film', 'alice')});
	my $upload = $json->decode(sql("SELECT vvault_create_upload('film', $size, '$sha', owner_id => 'alice')"));
	my $cut = int($upload->{parts} * 0.6) + 1;

	is(join(' ', map { upload_part($file, $upload, $_) } 1 .. $cut - 1), join(' ', ('201') x ($cut - 1)), 'parts, up to 60 %');
	close cut_put($json->decode(sql("SELECT vvault_sign_part('$upload->{upload_id}', $cut)"))->{url}, 'x' x $upload->{part_size});

	my $state = $json->decode(sql("SELECT vvault_list_parts('$upload->{upload_id}', 'alice')"));
	my %there = map { int($_->{name}) => $_->{size} } @{ $json->decode(request('GET', $state->{list}{url})->{content}) };
	is(join(' ', sort { $a <=> $b } keys %there), join(' ', 1 .. $cut - 1), 'the store lists those that are whole');
	my @missing = grep { !$there{$_} } 1 .. $upload->{parts};
	is(join(' ', map { upload_part($file, $upload, $_) } @missing), join(' ', ('201') x @missing), 'the others follow');
	comes_true(sub { (() = log_of('store') =~ /"PUT /g) - $before == $upload->{parts} + 1 }, 'at most one part was sent twice');

	my ($stdout, $stderr);
	$node->psql('postgres', "SELECT vvault_complete_upload('$upload->{upload_id}', owner_id => 'bob')", stderr => \$stderr);
	like($stderr, qr/another owner's/, 'somebody else does not complete it');
	is($json->decode(sql("SELECT vvault_complete_upload('$upload->{upload_id}', process => false, owner_id => 'alice')"))->{state}, 'joining', 'its owner does');
	my ($job) = @{ $json->decode(sql(q{SELECT vvault_dequeue('test', '{join}')})) };
	my $result = $json->encode(join_parts($job->{order}));
	is($json->decode(sql("SELECT vvault_complete($job->{job_id}, '$job->{lease}', '$result')"))->{state}, 'finished', 'its parts are joined');
	is(sql(q{SELECT state FROM vvault_stream.assets WHERE video_id = 'film'}), 'uploaded', 'the video is uploaded');
	is(sql(q{SELECT source_sha256 FROM vvault_stream.generations WHERE video_id = 'film'}), $sha, 'with the SHA-256 of the file');
	is(join(' ', map { s/^\Q$site{objects}\E//r } files_below($site{objects})), "/film/source/$upload->{upload_id}", 'and one object is there');
	is(Digest::SHA->new(256)->addfile("$site{objects}/film/source/$upload->{upload_id}", 'b')->hexdigest, $sha, 'the same bytes');
	is(request('GET', "$site{origin}/film/source/$upload->{upload_id}")->{status}, 404, 'edges cannot read a source');
}

# ---------------------------------------------------------------------------
# The edge
# ---------------------------------------------------------------------------

sql(q{INSERT INTO vvault_stream.assets (video_id, owner_id, access, generation) VALUES ('clip', 'alice', 'public', 2), ('other', 'alice', 'public', 2)});
my %content = ('master.m3u8' => "#EXTM3U\n" . '#' x 2000, 'manifest.mpd' => '<MPD/>', '720p.mp4' => $body, 'storyboard.vtt' => 'WEBVTT',
	'poster.jpg' => 'jpg', 'watch.html' => '<!DOCTYPE html>');
for my $name (sort keys %content)
{
	request('PUT', signed('PUT', "$_/2/$name"), content => $content{$name}) for 'clip', 'other';
	request('PUT', signed('PUT', "clip/1/$name"), content => 'old');
}

sub play
{
	my ($video, @more) = @_;

	return $json->decode(sql("SELECT vvault_play_url('$video'" . join('', map { ", $_" } @more) . ')'));
}

my $play = play('clip');
my ($base, $token) = $play->{hls} =~ m{^((?:.*?)/v/([^/]+)/clip/2/)master\.m3u8$};
my %type = ('master.m3u8' => 'application/vnd.apple.mpegurl', 'manifest.mpd' => 'application/dash+xml', '720p.mp4' => 'video/mp4',
	'storyboard.vtt' => 'text/vtt; charset=utf-8', 'poster.jpg' => 'image/jpeg', 'watch.html' => 'text/html; charset=utf-8');
for my $name (sort keys %content)
{
	$reply = request('GET', "$base$name", headers => { Referer => "${base}watch.html", Origin => 'https://player.example.org' });
	is("$reply->{status} $reply->{headers}{'content-type'}", "200 $type{$name}", "$name has its type");
	ok($reply->{content} eq $content{$name}, 'and its bytes');
	is($reply->{headers}{'cache-control'}, $name =~ /\.(?:m3u8|mpd|html)$/ ? 'public, max-age=60' : 'public, max-age=31536000, immutable', 'is kept as long as it may be');
	is("$reply->{headers}{'referrer-policy'} $reply->{headers}{'access-control-allow-origin'}", 'no-referrer *', 'tells no referrer, and plays anywhere');
}
is($play->{dash} . $play->{watch}, "${base}manifest.mpd${base}watch.html", 'one token for all of them');
$reply = request('GET', "${base}720p.mp4", headers => { Range => 'bytes=2500000-2500009' });
is("$reply->{status} $reply->{content}", '206 ' . substr($body, 2500000, 10), 'a range');

# Two viewers share one object; a little of a large file makes the edge fetch little.
request('PUT', signed('PUT', 'clip/2/large.mp4'), content => $body);
for my $viewer ([ 'first', 'MISS' ], [ 'second', 'HIT' ])
{
	$reply = request('GET', play('clip')->{hls} =~ s/master\.m3u8/large.mp4/r, headers => { Range => 'bytes=1500000-1500099' });
	is("$reply->{headers}{'x-cache'} $reply->{content}", "$viewer->[1] " . substr($body, 1500000, 100), "the $viewer->[0] viewer's bytes");
}
is(qx(find '$folder/cache' -type f -size +1100k | wc -l) + 0, 0, 'the cache has slices of a megabyte');

my $other = play('other')->{hls} =~ s{/other/}{/clip/}r;
my $expired = $play->{hls} =~ s/\Q$token\E/sql("SELECT vvault_stream.new_path_token('clip', 2, -61, 'late')")/er;
my @parts = split /\./, $token;
my %closed = (
	'no token' => [ $play->{hls} =~ s{/v/[^/]+}{}r, qr/^403 this path has no token for an object/ ],
	'an empty one' => [ $play->{hls} =~ s{/v/[^/]+}{/v/}r, qr/^403 this path has no token for an object/ ],
	'something else' => [ $play->{hls} =~ s{/v/[^/]+}{/v/token}r, qr/^403 this is not a token/ ],
	'that of another video' => [ $other, qr/^403 this token is for something else/ ],
	'another generation' => [ $play->{hls} =~ s{/2/}{/1/}r, qr/^403 this token is for something else/ ],
	'another way to write the generation' => [ $play->{hls} =~ s{/2/}{/02/}r, qr/^403 this token is for something else/ ],
	'one that has expired' => [ $expired, qr/^403 this token has expired/ ],
	'a later expiry' => [ $play->{hls} =~ s/\Q$parts[1]\E/$parts[1] + 1/er, qr/^403 this token is for something else/ ],
	'another session' => [ $play->{hls} =~ s/\Q$parts[2]\E/stranger/r, qr/^403 this token is for something else/ ],
	'another key' => [ $play->{hls} =~ s/\Q$parts[0]\E/other/r, qr/^403 the key of this token is not known/ ],
	'a signature that is changed' => [ $play->{hls} =~ s{\.([^./])([^./]{42})/clip}{'.' . ($1 eq 'A' ? 'B' : 'A') . "$2/clip"}er, qr/^403 this token is for something else/ ],
	'a way up' => [ "${base}../1/720p.mp4", qr/^403 this token is for something else/ ],
	'a source' => [ $play->{hls} =~ s{/2/.*}{/source/1}r, qr/^403 this path has no token for an object/ ],
	'a hidden file' => [ "${base}.htaccess", qr/^403 this path has no token for an object/ ],
	'a place within the edge' => [ "$site{edge}/.vvault/object", qr/^404/ ]);
for my $what (sort keys %closed)
{
	my ($url, $why) = @{ $closed{$what} };
	my $before = length log_of('edge');
	my @lines;

	like(answer('GET', $url), $why, "closed: $what");
	is(request('HEAD', $url)->{headers}{'referrer-policy'}, 'no-referrer', 'which tells no referrer either');
	# a request before these may have its line only now
	comes_true(sub { @lines = grep { /"status":40[34],/ } split /\n/, substr log_of('edge'), $before; @lines == 2 }, 'both are in the log');
	is(scalar(grep { !/"cache":"","upstream":""/ } @lines), 0, 'nothing was asked of the origin');
}
is(request('PUT', $play->{hls}, content => 'x')->{status}, 405, 'nobody writes at an edge');
is(request('OPTIONS', $play->{hls}, headers => { Origin => 'https://player.example.org' })->{headers}{'access-control-allow-methods'}, 'GET, HEAD, POST', 'a player may ask');
is(request('GET', "${base}none.mp4")->{status}, 404, 'what is not there is 404');

# made only now: the seconds that clocks may differ by run
is(request('GET', $play->{hls} =~ s/\Q$token\E/sql("SELECT vvault_stream.new_path_token('clip', 2, -2, 'late')")/er)->{status}, 200,
	'a token lives on for what clocks may differ by');

# What is taken back is refused as soon as the edge has pulled the list.
{
	my $edge = "$folder/edge-files";
	my ($viewer, $clip, $other_video) = (play('clip'), play('clip'), play('other'));
	my %environment = (PGHOST => $node->host, PGPORT => $node->port, PGUSER => 'edge', PGDATABASE => 'postgres');

	sql(q{CREATE ROLE edge LOGIN; SELECT vvault_stream_grant('edge', 'edge')});
	mkdir $edge, 0750;
	symlink "$edge/vvault-denied", $site{denied} or die "$site{denied}: $!\n";
	my $pull = sub {
		local @ENV{ keys %environment } = values %environment;
		return system('deploy/edge-pull.sh', $edge, 0) == 0
			&& write_file($site{path_keys}, slurp_file("$edge/vvault-path-keys.json"));
	};
	ok(!-e $site{denied}, 'an edge that never pulled denies nothing');
	ok($pull->(), 'edge-pull.sh pulls as a role that may do nothing else');
	is(sprintf('%o', (stat "$edge/vvault-path-keys.json")[2] & 0777), '640', 'files that not everybody reads');
	is(request('GET', $_->{hls})->{status}, 200, 'nothing is denied') for $viewer, $clip, $other_video;
	sql("SELECT vvault_deny('session', '$viewer->{session_id}')");
	is(request('GET', $viewer->{hls})->{status}, 200, 'a session is denied');
	$pull->();
	like(answer('GET', $viewer->{hls}), qr/^403 this was taken back/, 'at the edge by its next pull');
	is(request('GET', $_->{hls})->{status}, 200, 'and no other') for $clip, $other_video;
	sql(q{SELECT vvault_deny('video', 'clip')});
	$pull->();
	like(answer('GET', $_->{hls}), qr/^403 this was taken back/, 'so is a video, for everybody') for $viewer, $clip;
	is(request('GET', $other_video->{hls})->{status}, 200, 'and no other');
	is($node->psql('postgres', q{SELECT vvault_play_url('clip')}), 3, 'nobody is sent there');
	sql(q{SELECT vvault_allow('video', 'clip')});
	$pull->();
	is(request('GET', $clip->{hls})->{status}, 200, 'until it is allowed again');
	sql(q{INSERT INTO vvault_stream.denied (kind, id) SELECT 'session', 's' || n FROM generate_series(1, 3000) n});
	$pull->();
	is(request('GET', $clip->{hls})->{status}, 200, 'a long list');
	like(answer('GET', $viewer->{hls}), qr/^403 this was taken back/, 'has them all');
	is(scalar(my @files = glob "$edge/vvault-denied/*"), 3001, 'each in a file');
	sql('DELETE FROM vvault_stream.denied');
	$environment{PGPORT} = 1;
	ok(!$pull->(), 'while the database is away');
	like(answer('GET', $viewer->{hls}), qr/^403 this was taken back/, 'all stays as it is');
	$environment{PGPORT} = $node->port;
	$pull->();
	is(request('GET', $viewer->{hls})->{status}, 200, 'what is in the list no more plays');

	# as it runs: nobody calls it, and it goes on by itself
	my $runs;
	{
		local @ENV{ keys %environment } = values %environment;
		$runs = IPC::Run::start([ 'deploy/edge-pull.sh', $edge, 1 ], '<', '/dev/null');
	}
	is(request('GET', $_->{hls})->{status}, 200, 'nothing is denied') for $viewer, $other_video;
	sql("SELECT vvault_deny('session', '$viewer->{session_id}')");
	comes_true(sub { request('GET', $viewer->{hls})->{status} == 403 }, 'a session is taken back by itself');
	is(request('GET', $other_video->{hls})->{status}, 200, 'no other is');
	sql(q{SELECT vvault_deny('video', 'other')});
	comes_true(sub { request('GET', $other_video->{hls})->{status} == 403 }, 'then a video is');
	sql("SELECT vvault_allow('session', '$viewer->{session_id}'), vvault_allow('video', 'other')");
	for my $play ($viewer, $other_video)
	{
		comes_true(sub { request('GET', $play->{hls})->{status} == 200 }, 'and comes back');
	}
	$runs->kill_kill;
	is(scalar(@files = glob "$edge/vvault-denied/*"), 0, 'and no file is left');
}

# Keys rotate, and nothing is started anew.
{
	my $pid = slurp_file("$folder/nginx.pid");

	sql('SELECT vvault_rotate_keys(lead_seconds => 0)');
	like(answer('GET', play('clip')->{hls}), qr/^403 the key of this token is not known/, 'a new key is not known at once');
	write_keys($node, \%site);
	is(request('GET', play('clip')->{hls})->{status}, 200, 'but as soon as it is written');
	is(request('GET', $play->{hls})->{status}, 200, 'and the old one is good for what it signed');
	sql(q{UPDATE vvault_stream.signing_keys SET checked_until = now(), signs_from = now() - interval '1 day' WHERE checked_until IS NOT NULL});
	write_keys($node, \%site);
	like(answer('GET', $play->{hls}), qr/^403 the key of this token is not known/, 'until it is forgotten');
	is(slurp_file("$folder/nginx.pid"), $pid, 'by the same nginx');

	# nobody waits for the next one: every edge has it before it signs, and who plays
	# goes on for as long as his address holds
	my @viewers = ([ 'who plays', play('clip', 'NULL', 36000) ]);
	my $next = $json->decode(sql('SELECT vvault_rotate_keys()'))->{kid};
	write_keys($node, \%site);
	push @viewers, [ 'who comes before it signs', play('clip', 'NULL', 36000) ];
	sql("UPDATE vvault_stream.signing_keys SET signs_from = signs_from - interval '10 minutes', signs_until = signs_until - interval '10 minutes',
		checked_until = checked_until - interval '10 minutes' WHERE purpose = 'path'");
	push @viewers, [ 'who comes after', play('clip', 'NULL', 36000) ];
	is(join(' ', map { $_->[1]{hls} =~ m{/v/\Q$next\E[.]} ? 'next' : 'before' } @viewers), 'before before next', 'a key takes over that edges were told of');
	is(request('GET', $_->[1]{hls})->{status}, 200, $_->[0]) for @viewers;
	write_keys($node, \%site);
	is(request('GET', $_->[1]{hls})->{status}, 200, "$_->[0], ever after") for @viewers;
	write_file($site{path_keys}, '{');
	like(answer('GET', play('clip')->{hls}), qr/^403 the key/, 'a broken file of keys lets nobody in');
	write_keys($node, \%site);
}

# No log has a token, not even where the origin is away.
{
	my $conf = slurp_file("$folder/edge.conf");
	# a port that is taken, and not listened on
	my $nobody = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Proto => 'tcp') or die "no port: $!";
	my ($port, $now, $n) = ($nobody->sockport, play('clip')->{hls}, 0);

	write_file("$folder/edge.conf", $conf =~ s/^(\tserver 127\.0\.0\.1:)\d+ /$1$port /mr);
	kill 'HUP', slurp_file("$folder/nginx.pid") + 0;
	# by another name each time: one that was not there stays so without an origin
	comes_true(sub { $n++; request('GET', $now =~ s/master\.m3u8/none$n.mp4/r)->{status} == 502 }, 'the origin is away');
	comes_true(sub { log_of('edge') =~ /"status":502,[^\n]*"upstream":"502"/ }, 'which the log says');
	my $logs = join '', map { log_of($_) } 'edge', 'store', 'error', 'store-error';
	like($logs, qr/"session":"\Q$play->{session_id}\E"/, 'a log has the session');
	my @found = grep { index($logs, $_) >= 0 } map { (split /\./, $_)[3] =~ s{/.*}{}r } $play->{hls} =~ m{/v/([^/]+)/}, $now =~ m{/v/([^/]+)/}, $other =~ m{/v/([^/]+)/};
	is("@found", '', 'but no token');
	unlike($logs, qr{/v/k[0-9a-f]{12}|signature=}, 'nor a path with one, nor a signature');
	is(qx(grep -raEl '/v/k[0-9a-f]{12}' '$folder/cache' | wc -l) + 0, 0, 'nor has the cache');
}

# ---------------------------------------------------------------------------
# S3 beside botocore
# ---------------------------------------------------------------------------

SKIP:
{
	skip('python3-botocore is not there', 1) if system('/usr/bin/python3 -c "import botocore.auth" 2>/dev/null') != 0;
	my ($rounds, $seed) = ($ENV{VVAULT_FUZZ_ROUNDS} // 500, $ENV{VVAULT_FUZZ_SEED} // 1);

	IPC::Run::run([ '/usr/bin/python3', 'test/s3/botocore_urls.py', $seed, $rounds ], '>', \my $queries) or die 'botocore_urls.py failed';
	is(sql("CREATE TEMP TABLE round (n int, ours text, theirs text);\n$queries
		SELECT count(*) || coalesce(string_agg(format(E'\\n%s: %s\\n   %s', n, ours, theirs), '') FILTER (WHERE ours IS DISTINCT FROM theirs), '') FROM round"),
		$rounds, "$rounds URLs are botocore's (seed $seed)");
}

done_testing();
