#
# 086_media_limits.pl
#		How much of a store and of an edge one client may have, by deploy/store.conf
#		and deploy/edge.conf in a real nginx: an upload in parts, many at a time,
#		is not hindered by what is shipped; beyond the limit there is 429 with
#		Retry-After, and what is on its way goes on; who is a client nobody can say
#		of himself. A worker waits for as long as it is told.
#
# A minute makes room for one more, so it hardly matters how long this takes.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../worker";

use HTTP::Tiny ();
use IO::Socket::INET ();
use JSON::PP ();
use MediaSite;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $json = JSON::PP->new->utf8->canonical;
my $http = HTTP::Tiny->new(keep_alive => 0, timeout => 60);
my ($node, %site);

sub sql { return $node->safe_psql('postgres', $_[0]) }

# A store and an edge with these limits, which take the place of those before.
sub start
{
	my ($name, %environment) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir_short();

	local %ENV = (%ENV, %environment);
	%site = media_site($folder);
	if (!$node)
	{
		$node = new_node('media_limits');
		sql('CREATE EXTENSION vvault_stream CASCADE');
	}
	sql("SELECT vvault_store('main', 'file', '$site{store}', part_size => 65536), vvault_edge('edge', '$site{edge}')");
	write_keys($node, \%site);
	return $folder;
}

sub signed
{
	my ($method, $key, $size) = @_;

	return sql("SELECT vvault_stream.signed_url('main', '$method', '$key', 3600, " . ($size // 'NULL') . ')');
}

# Half of a PUT; its other half is sent by finish().
sub begin
{
	my ($url, $bytes, @headers) = @_;
	my ($host, $path) = $url =~ m{^http://([^/]+)(/.*)$};
	my $socket = IO::Socket::INET->new(PeerAddr => $host, Timeout => 60) or die "$host: $@\n";
	my $half = int(length($bytes) / 2);

	$socket->print(join "\r\n", "PUT $path HTTP/1.1", 'Host: store', 'Connection: close', @headers, 'Content-Length: ' . length $bytes, '', substr $bytes, 0, $half);
	$socket->flush;
	return { socket => $socket, rest => substr $bytes, $half };
}

sub finish
{
	my ($put) = @_;
	my $reply = '';

	local $SIG{PIPE} = 'IGNORE';
	$put->{socket}->print($put->{rest});
	$put->{socket}->flush;
	1 while sysread $put->{socket}, $reply, 65536, length $reply;
	return $reply =~ /^HTTP\/1\.1 (\d{3})/ ? $1 : 0;
}

# How many of so many requests are answered by each status, as "200:50 429:10".
sub counted
{
	my ($times, $url, $forwarded) = @_;
	my %seen;

	$seen{ $http->get($url, { headers => { defined $forwarded ? ('X-Forwarded-For' => $forwarded) : () } })->{status} }++ for 1 .. $times;
	return join ' ', map { "$_:$seen{$_}" } sort keys %seen;
}

# A video with one object that can be played and read.
sub make_clip
{
	sql(q{INSERT INTO vvault_stream.assets (video_id, owner_id, access, generation) VALUES ('clip', 'alice', 'public', 1) ON CONFLICT DO NOTHING});
	is($http->put(signed('PUT', 'clip/1/a.mp4', 4), { content => 'clip' })->{status}, 201, 'an object is stored');
	return (signed('GET', 'clip/1/a.mp4'), sql(q{SELECT vvault_play_url('clip') ->> 'hls'}) =~ s/master\.m3u8/a.mp4/r);
}

# ---------------------------------------------------------------------------
# As it is shipped: an upload in parts, many at a time
# ---------------------------------------------------------------------------

start('shipped');
my ($parts, $size) = (60, 60 * 65536 - 7);
sql(q{INSERT INTO vvault_stream.assets (video_id, owner_id) VALUES ('film', 'alice')});
my $upload = $json->decode(sql("SELECT vvault_create_upload('film', $size)"));
is($upload->{parts}, $parts, 'an upload of 60 parts');
my @urls = split /\n/, sql("SELECT vvault_sign_part('$upload->{upload_id}', n) ->> 'url' FROM generate_series(1, $parts) n ORDER BY n");
for my $at_a_time (6, 50)
{
	my %seen;

	for (my $first = 0; $first < $parts; $first += $at_a_time)
	{
		my $last = $first + $at_a_time > $parts ? $parts - 1 : $first + $at_a_time - 1;
		my @under_way = map { begin($urls[$_], chr(65 + $_ % 26) x ($_ == $parts - 1 ? 65536 - 7 : 65536)) } $first .. $last;

		$seen{ finish($_) }++ for @under_way;
	}
	is(join(' ', map { ($_ == 204 ? 201 : $_) . ":$seen{$_}" } sort keys %seen), "201:$parts", "$at_a_time at a time, all are taken");
}
is($json->decode(sql("SELECT vvault_complete_upload('$upload->{upload_id}', process => false)"))->{state}, 'joining', 'and the upload is complete');

# ---------------------------------------------------------------------------
# Connections
# ---------------------------------------------------------------------------

start('narrow', STORE_CONNECTIONS => 8, STORE_RATE => '1000r/s');
my ($object, $played) = make_clip();
my @held = map { begin(signed('PUT', "clip/1/held$_", 1000), 'x' x 1000) } 1 .. 8;
my $reply;
ok(eventually(sub { ($reply = $http->get($object, { headers => { Origin => 'https://www.example.org' } }))->{status} == 429 }), 'a client has so many connections at a time');
is("$reply->{headers}{'retry-after'} $reply->{headers}{'cache-control'}", '1 no-store', 'and is told to come again');
is("$reply->{headers}{'access-control-allow-origin'} $reply->{headers}{'access-control-expose-headers'}",
	'https://www.example.org ETag, Content-Length, Content-Range, Retry-After', 'which a page may read');
is(finish(begin(signed('PUT', 'clip/1/more', 1000), 'x' x 1000, 'X-Forwarded-For: 203.0.113.1')), 429, 'he is nobody else for saying so');
is(counted(3, $played), '200:3', 'viewers are not hindered by who uploads');
is(join(' ', map { finish($_) } @held), join(' ', (201) x 8), 'what was on its way is taken');
ok(eventually(sub { $http->get($object)->{status} == 200 }), 'and the next one passes');

# ---------------------------------------------------------------------------
# Rates
# ---------------------------------------------------------------------------

my %slow = (STORE_RATE => '1r/m', STORE_BURST => 50, RATE => '1r/m', BURST => 50);
start('slow', %slow);
($object, $played) = make_clip();
is(counted(80, $object =~ s/\?.*//r), '403:80', 'what is not signed is refused');
is(counted(40, $object), '200:40', 'and does not count: a burst of one client passes');
like(counted(30, $object, '203.0.113.1'), qr/^200:(?:9|1\d) 429:\d+$/, 'and no more, whoever he says that he is');
is(still_refused(sub { counted(3, $object, '203.0.113.2, 203.0.113.3') }), '429:3', 'by a list neither');
ok(eventually(sub { ($http->get($object)->{headers}{'retry-after'} // '') eq '1' }), 'he is told to wait');
is(counted(40, $played, '203.0.113.1'), '200:40', 'an edge counts by itself');
like(counted(30, $played, '203.0.113.2'), qr/^200:1\d 429:\d+$/, 'in the same way');
is(still_refused(sub { counted(3, $played, '203.0.113.3, 203.0.113.4') }), '429:3', 'whoever he says that he is');
ok(eventually(sub { ($http->get($played)->{headers}{'retry-after'} // '') eq '1' }), 'and says when to come again');
is(counted(3, $played =~ s{/v/[^/]+}{/v/x}r), '403:3', 'what has no good token is refused before it is counted');

# ---------------------------------------------------------------------------
# Behind a proxy that is named
# ---------------------------------------------------------------------------

start('behind', %slow, TRUSTED => '127.0.0.1');
($object, $played) = make_clip();
for my $case ([ 'store', $object ], [ 'edge', $played ])
{
	my ($what, $url) = @$case;

	like(counted(60, $url, '203.0.113.1'), qr/^200:5\d 429:/, "$what: each client has his own");
	is(counted(3, $url, '203.0.113.2'), '200:3', 'another one goes on');
	is(still_refused(sub { counted(3, $url, '203.0.113.3, 203.0.113.1') }), '429:3', 'the last address counts, which the proxy wrote');
	is(counted(3, $url, '203.0.113.1, 203.0.113.4'), '200:3', 'whatever the client wrote before it');
	is(still_refused(sub { counted(3, $url, '203.0.113.1, 127.0.0.1') }), '429:3', 'and not that of a proxy');
	like(counted(60, $url, '2001:db8:1:2::1'), qr/^200:5\d 429:/, 'of IPv6');
	is(still_refused(sub { counted(3, $url, '2001:db8:1:2:ffff::9') }), '429:3', 'a network is one client');
	is(counted(3, $url, '2001:db8:1:3::1'), '200:3', 'another network another');
}

# ---------------------------------------------------------------------------
# A worker
# ---------------------------------------------------------------------------

my $folder = start('worker', STORE_RATE => '40r/m', STORE_BURST => 1);
sql(q{CREATE ROLE worker LOGIN; SELECT vvault_stream_grant('worker', 'worker'), vvault_arm(), vvault_stream_set('encoder_preset', 'ultrafast')});
system('ffmpeg', '-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=128x72:rate=25:duration=1', '-c:v', 'libx264', '-preset', 'ultrafast',
	'-pix_fmt', 'yuv420p', "$folder/source.mp4") == 0 or BAIL_OUT('ffmpeg failed');
my $source = slurp_file("$folder/source.mp4");
ok(eventually(sub { $http->put(signed('PUT', 'short/source/1', length $source), { content => $source })->{success} }), 'a source is stored');
sql(q{SELECT vvault_create_asset('short', 'alice', 'public', video_id => 'short');
	SELECT vvault_stream.source_stored('short', vvault_stream.open_generation('short'), 'main', 'short/source/1', } . length($source) . q{, NULL);
	SELECT vvault_process('short')});
my $worker = start_worker($node, $folder, '--jobs', 1);
ok($node->poll_query_until('postgres', q{SELECT state IN ('ready', 'failed') FROM vvault_stream.assets WHERE video_id = 'short'}), 'it is worked');
$worker->signal('TERM');
$worker->finish;
is(sql(q{SELECT state FROM vvault_stream.assets WHERE video_id = 'short'}), 'ready', 'the video is ready');
is(sql(q{SELECT string_agg(DISTINCT attempt::text, ' ') FROM vvault_stream.finished_jobs}), '1', 'no job was tried again');
like(slurp_file("$folder/worker.log"), qr/the store answered 429, trying again/, 'though the store had too much of it');

$node->stop;
done_testing();
