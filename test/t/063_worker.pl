#
# 063_worker.pl
#		vvault-worker with a server, a store and ffmpeg: jobs of each way to do
#		one, progress, an end in peace, trouble of every sort, and sources that
#		were made to do harm.
#
# The kinds of jobs are the test's own, so that what the worker does can be told
# apart from what the extension asks of it. For each video that is converted
# its done function writes one row, and has what lost attempts left deleted.
#
# VVAULT_WORKER_VIDEOS=n converts n videos while worker, ffmpeg, server and
# connections are killed (default 8), VVAULT_SEED=n does that at other moments.
#
# make check: early
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../worker";

use Digest::SHA ();
use FileStore;
use IO::Select;
use IO::Socket::INET;
use IPC::Run ();
use JSON::PP ();
use MIME::Base64 ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use VVaultTest;

my $missing = FileStore::missing();
plan skip_all => $missing if $missing;

my $json = JSON::PP->new->utf8->canonical;
my $seed = $ENV{VVAULT_SEED} // 1;
my $videos = $ENV{VVAULT_WORKER_VIDEOS} // 8;

note "VVAULT_SEED=$seed VVAULT_WORKER_VIDEOS=$videos";
srand($seed);

my $store = FileStore->new(PostgreSQL::Test::Utils::tempdir_short());
my $node = new_node('worker');

# ---------------------------------------------------------------------------
# Kinds, orders, and what becomes of results
# ---------------------------------------------------------------------------

$node->safe_psql('postgres', <<'EOF' =~ s/STORE_URL/$store->{url}/r);
CREATE EXTENSION vvault_stream CASCADE;
CREATE ROLE worker LOGIN;
SELECT vvault_stream_grant('worker', 'worker');
SELECT vvault_arm();
CREATE SCHEMA test;
CREATE TABLE test.made (video text, job_id bigint, attempt int, result json);

CREATE FUNCTION test.url(key text) RETURNS text LANGUAGE sql AS $$ SELECT 'STORE_URL/' || key $$;
CREATE FUNCTION test.reading(key text) RETURNS json LANGUAGE sql AS $$ SELECT json_build_object('url', test.url(key)) $$;
CREATE FUNCTION test.writing(key text) RETURNS json LANGUAGE sql AS $$
	SELECT json_build_object('object_key', key, 'put', json_build_object('url', test.url(key))) $$;
-- keys have the attempt in them, so that attempts never meet
CREATE FUNCTION test.output(job json, name text, extension text, head boolean) RETURNS json LANGUAGE sql AS $$
	SELECT json_build_object('name', name, 'extension', extension, 'head', head, 'place',
		test.writing(format('%s/%s-%s-%s.%s', job ->> 'video_id', name, job ->> 'job_id', job ->> 'attempt', extension))) $$;

CREATE FUNCTION test.the_order(job json) RETURNS json LANGUAGE sql AS $$ SELECT job -> 'args' -> 'order' $$;
CREATE FUNCTION test.probe_order(job json) RETURNS json LANGUAGE sql AS $$
	SELECT json_build_object('do', 'probe', 'source', test.reading(job -> 'args' ->> 'source'),
		'limits', coalesce(job -> 'args' -> 'limits', '{"seconds": 60}')) $$;
CREATE FUNCTION test.encode_order(job json) RETURNS json LANGUAGE sql AS $$
	SELECT json_build_object('do', 'encode', 'source', test.reading(job -> 'args' ->> 'source'),
		'duration', job -> 'args' -> 'duration', 'loudness', true,
		'input_arguments', coalesce(job -> 'args' -> 'input_arguments', '[]'),
		'limits', coalesce(job -> 'args' -> 'limits', '{"seconds": 600}'),
		'arguments', json_build_array('-filter_complex',
			'[0:v]scale=160:90,format=yuv420p[v];[0:a]ebur128@main=framelog=verbose[a]',
			'-map', '[v]', '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-keyint_min', '25', '-sc_threshold', '0',
			'-f', 'mp4', '-movflags', '+cmaf+global_sidx+frag_keyframe', '{out:90p}',
			'-map', '[a]', '-c:a', 'aac', '-f', 'mp4', '-movflags', '+cmaf+global_sidx', '-frag_duration', '1000000', '{out:sound}'),
		'outputs', json_build_array(test.output(job, '90p', 'mp4', true), test.output(job, 'sound', 'mp4', true),
			test.output(job, 'nothing', 'vtt', false)::jsonb || '{"optional": true}')) $$;
CREATE FUNCTION test.done(job json, result json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	lost json;
BEGIN
	INSERT INTO test.made VALUES (job ->> 'video_id', (job ->> 'job_id')::bigint, (job ->> 'attempt')::int, result);
	SELECT json_agg(test.url(format('%s/%s-%s-%s.mp4', job ->> 'video_id', name, job ->> 'job_id', n))) INTO lost
	FROM generate_series(1, (job ->> 'attempt')::int - 1) n, unnest('{90p,sound}'::text[]) name;
	IF lost IS NOT NULL THEN
		PERFORM public.vvault_enqueue('remove', json_build_object('order', json_build_object('do', 'delete', 'urls', lost)));
	END IF;
END
$$;
INSERT INTO vvault_stream.job_kinds (kind, lease_seconds, max_attempts, retry_seconds, retry_most_seconds, order_schema,
	order_function, done_schema, done_function) VALUES
	('any', 60, 1, 0.1, 1, 'test', 'the_order', NULL, NULL), ('remove', 10, 1000, 0.1, 1, 'test', 'the_order', NULL, NULL),
	('look', 10, 1000, 0.1, 1, 'test', 'probe_order', NULL, NULL), ('convert', 10, 1000, 0.1, 1, 'test', 'encode_order', 'test', 'done'),
	('slow', 60, 1000, 0.1, 1, 'test', 'encode_order', 'test', 'done');
EOF

my $connstr = $node->connstr('postgres') . ' user=worker';
my @kinds = ('--kinds', 'remove,any,look,convert');

sub ffmpeg
{
	my (@arguments) = @_;

	system('ffmpeg', '-v', 'error', '-nostdin', '-y', @arguments) == 0 or BAIL_OUT("ffmpeg @arguments failed");
	return;
}

sub make_source
{
	my ($key, $seconds) = @_;

	ffmpeg('-f', 'lavfi', '-i', "testsrc2=size=320x180:rate=25:duration=$seconds", '-f', 'lavfi', '-i',
		"sine=frequency=440:duration=$seconds", '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-f',
		'mp4', $store->path($key));
	return;
}

# Puts in a job; its number.
sub enqueue
{
	my ($kind, $args, $video) = @_;
	my $text = $json->encode($args);

	$video = defined $video ? ", video_id => '$video'" : '';
	return $node->safe_psql('postgres', "SELECT vvault_enqueue('$kind', \$json\$$text\$json\$$video) ->> 'job_id'");
}

sub job
{
	my ($id) = @_;

	return $json->decode($node->safe_psql('postgres', "SELECT vvault_job($id)"));
}

# A worker that does all there is, then ends.
sub work_through
{
	my (@options) = @_;

	is($store->wait_for_worker($store->start_worker($connstr, @kinds, '--until-idle', @options)), 0, 'the worker ends well');
	return;
}

sub nothing_is_left
{
	my ($label) = @_;

	is_deeply([ $store->scratch_files ], [], "$label: no file is left");
	is_deeply([ $store->processes ], [], "$label: no process is left");
	return;
}

sub bytes_of
{
	my ($key) = @_;

	return slurp_file($store->path($key));
}

# ---------------------------------------------------------------------------
# One of each
# ---------------------------------------------------------------------------

make_source('one/source', 3);

my $look = enqueue('look', { source => 'one/source' }, 'one');
my $convert = enqueue('convert', { source => 'one/source', duration => 3 }, 'one');
my $put = enqueue('any',
	{ order => { do => 'put', objects => [ map { { place => { object_key => "one/$_", put => { url => "$store->{url}/one/$_" } },
		content_type => 'text/plain', body => "this is $_: \x{17C}" } } 'a.txt', 'b.txt' ] } });

work_through('--jobs', 2);

my $result = job($look)->{result};
is($result->{demuxer}, 'mov', 'a probe tells the demuxer');
is($result->{size}, -s $store->path('one/source'), 'and the size');
is($result->{sha256}, Digest::SHA::sha256_hex(bytes_of('one/source')), 'and the SHA-256');
is_deeply([ map { $_->{codec_name} } @{ $result->{probe}{streams} } ], [ 'h264', 'aac' ], 'and what ffprobe says of the streams');
is($result->{probe}{frames}[0]{interlaced_frame}, 0, 'and of the first pictures');
cmp_ok(scalar @{ $result->{probe}{frames} }, '>', 20, 'which are some');
ok(!exists $result->{probe}{format}{filename}, 'but not where the file lay');
is($result->{usage}{bytes_read}, $result->{size}, 'and what was read');

$result = job($convert)->{result};
is_deeply([ map { $_->{name} } @{ $result->{outputs} } ], [ '90p', 'sound' ], 'outputs are told, but for an optional one that was not written');
for my $output (@{ $result->{outputs} })
{
	my $bytes = bytes_of($output->{object_key});
	my $head = MIME::Base64::decode_base64($output->{head});

	is($output->{size}, length $bytes, "$output->{name}: its size");
	is($output->{sha256}, Digest::SHA::sha256_hex($bytes), "$output->{name}: its SHA-256");
	ok($head eq substr($bytes, 0, length $head), "$output->{name}: its head");
	is($node->safe_psql('postgres',
			"SELECT cardinality(durations) > 0 FROM vvault_stream.media_head(decode('$output->{head}', 'base64'), $output->{size})"),
		't', "$output->{name}: which the server can read");
}
cmp_ok($result->{loudness}{main}, '<', 0, 'loudness is told by the name of its filter');
cmp_ok($result->{usage}{cpu_seconds}, '>', 0, 'and CPU time');
cmp_ok($result->{usage}{peak_memory_bytes}, '>', 1 << 20, 'and memory');
is($result->{usage}{bytes_written}, $result->{outputs}[0]{size} + $result->{outputs}[1]{size}, 'and what was written');

$result = job($put)->{result};
is_deeply([ map { bytes_of($_->{object_key}) } @{ $result->{objects} } ], [ "this is a.txt: \xC5\xBC", "this is b.txt: \xC5\xBC" ], 'texts are put');
is($result->{objects}[0]{sha256}, Digest::SHA::sha256_hex("this is a.txt: \xC5\xBC"), 'with their SHA-256');

my $delete = enqueue('any', { order => { do => 'delete', urls => [ map { "$store->{url}/one/$_" } 'a.txt', 'b.txt', 'never' ] } });
work_through();
is(job($delete)->{result}{deleted}, 3, 'what is deleted is counted, what was not there, too');
ok(!-e $store->path('one/a.txt'), 'and is gone');
nothing_is_left('after one of each');

# ---------------------------------------------------------------------------
# Parts that become one object
# ---------------------------------------------------------------------------

my @parts = map { join '', map { pack 'N', int rand 2**32 } 1 .. $_ } 700_000, 1_300_000, 1, 900_000;

sub join_order
{
	my ($name, $size, $sha256) = @_;

	$store->put("$name/part$_", $parts[$_]) for 0 .. $#parts;
	return {
		order => {
			do => 'join',
			parts => [ map { { url => "$store->{url}/$name/part$_", size => length $parts[$_] } } 0 .. $#parts ],
			target => { object_key => "$name/whole", put => { url => "$store->{url}/$name/whole" }, url => "$store->{url}/$name/whole" },
			size => $size, sha256 => $sha256, delete => [ map { "$store->{url}/$name/part$_" } 0 .. $#parts ]
		}
	};
}

my $whole = join '', @parts;
my $order = join_order('joined', length $whole, Digest::SHA::sha256_hex($whole));
my $join = enqueue('any', $order);
my $false = enqueue('any', join_order('false', length $whole, '00' x 32));

work_through();
is(job($join)->{result}{sha256}, Digest::SHA::sha256_hex($whole), 'parts are joined');
is(Digest::SHA::sha256_hex(bytes_of('joined/whole')), Digest::SHA::sha256_hex($whole), 'byte for byte');
ok(!(grep { -e $store->path("joined/part$_") } 0 .. $#parts), 'and deleted');
like(job($false)->{result}{failure}, qr/not what was to be uploaded/, 'a wrong digest is the fault of who uploaded');

# as after a worker that was killed between the deletion and the completion
$join = enqueue('any', $order);
work_through();
is(job($join)->{result}{size}, length $whole, 'a join that was done before is told again without its parts');

# ---------------------------------------------------------------------------
# Progress, cancelling, an end in peace
# ---------------------------------------------------------------------------

make_source('long/source', 40);

# ffmpeg reads it no faster than it plays
my $slow = { source => 'long/source', duration => 40, input_arguments => ['-re'] };
my $long = enqueue('slow', $slow, 'long');
my $worker = $store->start_worker($connstr, '--kinds', 'slow', '--jobs', 2);

ok(wait_until($node, 'postgres', "SELECT (vvault_job($long) ->> 'progress')::float8 > 0.06"), 'progress is seen while a job runs');
ok(wait_until($node, 'postgres', "SELECT (vvault_job($long) ->> 'progress')::float8 > 0.1"), 'and goes on');
is(scalar($store->running('ffmpeg')), 1, 'ffmpeg is at work');
$node->safe_psql('postgres', "SELECT vvault_cancel_job($long, 'nobody wants it')");
ok(wait_until($node, 'postgres', "SELECT vvault_job($long) ->> 'state' = 'cancelled'"), 'a cancelled job ends');
ok(eventually(sub { !$store->running('ffmpeg') }), 'and its ffmpeg with it');

my @long = map { enqueue('slow', $slow, "long$_") } 1 .. 2;
ok(wait_until($node, 'postgres', "SELECT bool_and((vvault_job(id) ->> 'progress')::float8 > 0.05) FROM unnest(ARRAY[$long[0], $long[1]]::bigint[]) id"),
	'two jobs at once');
my $begun = time;
kill 'TERM', $worker;
is($store->wait_for_worker($worker), 0, 'SIGTERM ends the worker well');
note sprintf 'it took %.1f s', time - $begun;
is(job($_)->{state}, 'ready', 'its job is ready again') for @long;
is(job($_)->{attempt}, 0, 'and has lost no attempt') for @long;
nothing_is_left('after SIGTERM');
$node->safe_psql('postgres', "SELECT vvault_cancel_job($_)") for @long;

# ---------------------------------------------------------------------------
# A store and an order that fail
# ---------------------------------------------------------------------------

my $gone = enqueue('any', { order => { do => 'probe', source => { url => "$store->{url}/never/there" } } });
my $refused = enqueue('any', { order => { do => 'probe', source => { url => "$store->{url}/expired/x" } } });
my $file = enqueue('any', { order => { do => 'probe', source => { url => 'file:///etc/passwd' } } });
my $strange = enqueue('any', { order => { do => 'dance' } });
my $longer = enqueue('any', { order => { do => 'probe', source => { url => "$store->{url}/one/source", size => 100 } } });
my $other = enqueue('any', { order => { do => 'probe', source => { url => "$store->{url}/one/source", sha256 => '00' x 32 } } });

work_through('--jobs', 3);
is(job($_)->{state}, 'dead', 'it is no result') for $gone, $refused, $file, $strange, $longer, $other;
like(job($gone)->{error}, qr/the store answered 404/, 'an object that is not there');
like(job($refused)->{error}, qr/the store answered 403/, 'an address that is refused');
like(job($file)->{error}, qr/rotocol/, 'an address that is no http');
like(job($strange)->{error}, qr/does not know how to do "dance"/, 'an order that nobody knows');
like(job($longer)->{error}, qr/longer than was said/, 'more bytes than was said');
like(job($other)->{error}, qr/not what was uploaded/, 'other bytes than were said');

append_to_file("$store->{folder}/closed", '');
my $later = enqueue('look', { source => 'one/source' });
$worker = $store->start_worker($connstr, @kinds);
ok(wait_until($node, 'postgres', "SELECT vvault_job($later) ->> 'state' = 'running'"), 'a store that is down for a while');
sleep 1;
unlink "$store->{folder}/closed";
ok(wait_until($node, 'postgres', "SELECT vvault_job($later) ->> 'state' = 'finished'"), 'is waited for');
kill 'TERM', $worker;
$store->wait_for_worker($worker);

# ---------------------------------------------------------------------------
# Trouble of every sort, at random moments
# ---------------------------------------------------------------------------

make_source("many$_/source", 1 + $_) for 0 .. 1;
$node->safe_psql('postgres', 'TRUNCATE test.made');
enqueue('convert', { source => 'many' . $_ % 2 . '/source', duration => 1 + $_ % 2 }, "video$_") for 1 .. $videos;

my $condition = "SELECT count(*) = $videos FROM test.made";
my %killed;

# with a short lease, so that what is lost comes back soon
sub start_one
{
	$worker = $store->start_worker($connstr, @kinds, '--jobs', 2, '--lease', 3);
	return;
}

my %trouble = (
	worker => sub {
		kill 'KILL', $worker;
		$store->wait_for_worker($worker);
		start_one();
	},
	ffmpeg => sub { kill 'KILL', $store->running('ffmpeg') },
	process => sub { kill 'KILL', $store->running('vvault-worker') },
	connection => sub {
		$node->psql('postgres', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vvault-worker'));
	},
	server => sub {
		my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /\A(\d+)/;

		kill 'KILL', $postmaster;
		start_again($node) or BAIL_OUT('the server does not start again');
	});

start_one();

my $patience = time + 4 * $PostgreSQL::Test::Utils::timeout_default;
my @kinds_of_trouble = sort keys %trouble;
for (my $n = 0; time < $patience; $n++)
{
	last if ($node->psql('postgres', $condition))[1] eq 't';
	sleep rand(0.8);
	# not for ever: in the end it has to get through
	next if $n >= 3 * $videos;

	my $what = $kinds_of_trouble[ rand @kinds_of_trouble ];
	$killed{$what}++;
	$trouble{$what}->();
}
note 'killed: ' . join ', ', map { "$_ $killed{$_} times" } sort keys %killed;
ok(wait_until($node, 'postgres', $condition), 'every video was converted');
is($node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT video FROM test.made GROUP BY video HAVING count(*) > 1) x'), '0', 'none of them twice');
ok(wait_until($node, 'postgres', "SELECT count(*) = 0 FROM vvault_stream.jobs WHERE kind IN ('convert', 'remove')"), 'nothing is left in the queue');
is($node->safe_psql('postgres', "SELECT count(*) FROM vvault_stream.finished_jobs WHERE kind = 'convert' AND video_id LIKE 'video%'"),
	$videos, 'each ended once');

kill 'TERM', $worker;
is($store->wait_for_worker($worker), 0, 'the last worker ends well');
# one more clears away what killed ones left
work_through();
nothing_is_left('after all that');

my @expected = split /\n/, $node->safe_psql('postgres', "SELECT o ->> 'object_key' FROM test.made, json_array_elements(result -> 'outputs') o");
is_deeply([ grep { m{^video} } $store->objects ], [ sort @expected ], 'the store has the objects that were told, and no others');

# ---------------------------------------------------------------------------
# Sources that were made to do harm
# ---------------------------------------------------------------------------

# Whoever follows an address in one of them comes here.
my $trap = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 10) or die "no trap: $!";
my $address = '127.0.0.1:' . $trap->sockport;
my $secret = "$store->{folder}/secret.mp4";

ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=64x64:rate=5:duration=1', '-pix_fmt', 'yuv420p', $secret);

# A box of MP4.
sub box
{
	my ($type, $content) = @_;

	return pack('N', 8 + length $content) . $type . $content;
}

my $plain = bytes_of('one/source');

# A video whose pictures say that they are so large.
sub with_picture_of
{
	my ($width, $height) = @_;

	ffmpeg('-f', 'lavfi', '-i', 'color=size=320x180:duration=0.2', '-c:v', 'mjpeg', '-f', 'mov', "$store->{folder}/picture.mov");
	my $bytes = slurp_file("$store->{folder}/picture.mov");
	$bytes =~ s/(\xFF\xC0\x00\x11\x08)\x00\xB4\x01\x40/$1 . pack('nn', $height, $width)/seg or die 'no size to change';
	return $bytes;
}

my %hostile = (
	'a playlist that names a file' => [ "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n$secret\n#EXT-X-ENDLIST\n", qr/playlist/ ],
	'a playlist that names an address' => [ "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://$address/x.ts\n", qr/playlist/ ],
	'a playlist behind a byte order mark' => [ "\xEF\xBB\xBF  #extm3u\n#EXTINF:1,\nhttp://$address/x.ts\n", qr/playlist/ ],
	'a playlist of another player' => [ "[playlist]\nFile1=http://$address/\n", qr/playlist/ ],
	'a script that joins files' => [ "ffconcat version 1.0\nfile $secret\n", qr/script/ ],
	'a manifest of DASH' => [ "<?xml version=\"1.0\"?><MPD><BaseURL>http://$address/</BaseURL></MPD>", qr/manifest/ ],
	'a description of a stream' => [ "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video " . $trap->sockport . " RTP/AVP 96\n", qr/description of a stream/ ],
	'a script of a shell' => [ "#!/bin/sh\ncurl http://$address/\n", qr/script/ ],
	'a web page' => [ "<!DOCTYPE html><img src=http://$address/>", qr/web page/ ],
	'a picture that moves for ever' => [ "GIF89a\x01\0\x01\0\x80\0\0" . "\0" x 200, qr/GIF/ ],
	'a still picture' => [ "\x89PNG\r\n\x1A\n" . "\0" x 200, qr/picture/ ],
	'an archive' => [ "PK\x03\x04" . "\0" x 200, qr/archive/ ],
	'a program' => [ "\x7FELF" . "\0" x 200, qr/program/ ],
	'nothing at all' => [ '', qr/empty/ ],
	'zeros' => [ "\0" x 100_000, qr/no kind of video/ ],
	'noise' => [ "\xFE" . join('', map { chr int rand 256 } 1 .. 100_000), qr/no kind of video/ ],
	'the first bytes of another kind' => [ "\x1A\x45\xDF\xA3" . substr($plain, 4), qr/cannot be read|neither/ ],
	'a head without media' => [ substr($plain, 0, 32), qr/cannot be read|neither/ ],
	'boxes in boxes' => [ box('ftyp', "isom\0\0\0\0") . join('', map { pack('N', 0x7FFFFFFF) . 'moov' } 1 .. 20_000), qr/cannot be read|neither/ ],
	'references to other files' => [
		box('ftyp', "qt  \0\0\0\0") . box('moov', box('rmra', box('rmda', box('rdrf', "\0\0\0\0url " . pack('N', 20) . "http://$address/x\0")))),
		qr/cannot be read|neither/ ],
	'a picture of 60000 x 60000' => [ with_picture_of(60_000, 60_000), qr/too large|cannot be decoded/ ],
	'subtitles' => [ "WEBVTT\n\n00:00.000 --> 00:01.000\n<c>x\n", qr/subtitles/ ]);

my %hostile_job;
my $n = 0;
for my $what (sort keys %hostile)
{
	my $key = 'hostile' . $n++ . '/upload.mp4';

	$store->put($key, $hostile{$what}[0]);
	$hostile_job{$what} = enqueue('look', { source => $key, limits => { seconds => 300, memory_bytes => 2 << 30 } });
}
my $after = enqueue('look', { source => 'one/source' });

work_through('--jobs', 2);
for my $what (sort keys %hostile)
{
	my $found = job($hostile_job{$what});

	is($found->{state}, 'finished', "$what: it is done with");
	like($found->{result}{failure} // $json->encode($found->{result}), $hostile{$what}[1], "$what: and the reason is told");
}
is(job($after)->{result}{demuxer}, 'mov', 'the queue goes on');
is_deeply([ IO::Select->new($trap)->can_read(0) ], [], 'nobody came to the trap');

# limits: of time, and of memory
my $endless = enqueue('slow', { %$slow, limits => { seconds => 2 } }, 'endless');
ffmpeg('-f', 'lavfi', '-i', 'color=size=8000x8000:duration=0.2', '-c:v', 'mjpeg', '-f', 'mov', $store->path('large/source'));
my $small = enqueue('look', { source => 'large/source', limits => { memory_bytes => 300 << 20 } });

is($store->wait_for_worker($store->start_worker($connstr, '--kinds', 'slow,look', '--until-idle', '--jobs', 2)), 0, 'the worker ends well');
like(job($endless)->{result}{failure} // '', qr/longer than is allowed/, 'what takes too long is ended');
like(job($small)->{result}{failure} // '', qr/more memory than is allowed/, 'what takes too much memory, too');

# subtitles that are none
my $no_subtitles = enqueue('any', { order => { do => 'encode', source => { url => "$store->{url}/one/source" }, arguments => [ '-map', '0:a', '-f', 'wav', '{out:words}' ],
	outputs => [ { name => 'words', extension => 'vtt', content_type => 'text/vtt', place => { object_key => 'one/words.vtt', put => { url => "$store->{url}/one/words.vtt" } } } ] } });
work_through();
like($node->safe_psql('postgres', "SELECT vvault_job($no_subtitles) ->> 'error'"), qr/subtitles that is not WebVTT/, 'what is not WebVTT is not stored as that');
nothing_is_left('in the end');

# ---------------------------------------------------------------------------
# Memory
# ---------------------------------------------------------------------------

# orders of a megabyte, one after the other, none of which stays with the worker
$node->safe_psql('postgres', q(SELECT count(vvault_enqueue('any', json_build_object('order',
	json_build_object('do', 'nothing', 'words', repeat('x', 1000000))), owner_id => 'memory')) FROM generate_series(1, 60)));
my $lasting = $store->start_worker($connstr, '--kinds', 'any');

$node->poll_query_until('postgres', q(SELECT count(*) = 60 FROM vvault_stream.jobs WHERE owner_id = 'memory' AND state = 'd'))
  or die 'the jobs do not end';
my ($resident) = slurp_file("/proc/$lasting/status") =~ /^VmRSS:\s+(\d+) kB/m;

cmp_ok($resident, '<', 50_000, 'a worker keeps no order of a job that has ended');
kill 'TERM', $lasting;
is($store->wait_for_worker($lasting), 0, 'and ends well');

# ---------------------------------------------------------------------------
# The command line
# ---------------------------------------------------------------------------

my ($out, $err);
my $program = FileStore::worker_program();

IPC::Run::run([ $program, '--version' ], '>', \$out, '2>', \$err);
like($out, qr/^vvault-worker \d/, '--version');
IPC::Run::run([ $program, '--help' ], '>', \$out, '2>', \$err);
like($out, qr/Usage:.*--kinds/s, '--help');
ok(!IPC::Run::run([ $program, '--jobs', 'many' ], '>', \$out, '2>', \$err), 'a wrong option ends it');
like($err, qr/--jobs is a number/, 'with a word why');

note $store->log_text if !Test::More->builder->is_passing;
$store->stop;
$node->stop;
done_testing();
