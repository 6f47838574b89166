#
# 065_s3.pl
#		URLs for S3 in front of a store that checks them: OpenStack Swift with its
#		s3api. An upload in parts that is cut and goes on, refusals, a large
#		output of a worker's in parts; and npm's @uppy/aws-s3 as the client.
#
# VVAULT_LARGE_OUTPUT=bytes has the worker store an output of so many bytes with
# the limits that S3 has, in place of a small one with small limits: 5368709121 is
# one byte more than S3 takes by one request.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../worker";

use Digest::SHA ();
use FileStore;
use HTTP::Tiny ();
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $json = JSON::PP->new->utf8->canonical;
my $http = HTTP::Tiny->new(timeout => 60);
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my ($endpoint, $problem) = ('', '');
END { system 'test/s3/swift.sh', 'stop', $folder if defined $folder }
if (!IPC::Run::run([ 'test/s3/swift.sh', 'start', $folder ], '<', '/dev/null', '>', \$endpoint, '2>', \$problem))
{
	plan skip_all => $problem =~ s/\s+$//r if $? >> 8 == 3;
	die $problem;
}
chomp $endpoint;

my $node = new_node('s3');

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub call
{
	return $json->decode(sql("SELECT $_[0]"));
}

sub request
{
	my ($method, $url, %options) = @_;

	$options{headers}{'content-type'} //= 'application/octet-stream' if exists $options{content};
	return $http->request($method, $url, \%options);
}

# Status and code of S3's answer.
sub answer
{
	my $reply = request(@_);
	my ($code) = $reply->{content} =~ m{<Code>(\w+)</Code>};

	return join ' ', $reply->{status}, grep { defined } $code;
}

sub signed
{
	my ($method, $key, $size, $query) = @_;

	return sql(sprintf q{SELECT vvault_stream.signed_url('s3', '%s', '%s', 600, %s, '%s')}, $method, $key, $size // 'NULL', $query // '');
}

sub random_bytes
{
	my ($n) = @_;
	my $bytes;

	open my $in, '<', '/dev/urandom' or die "/dev/urandom: $!\n";
	binmode $in;
	read $in, $bytes, $n;
	return $bytes;
}

sql('CREATE EXTENSION vvault_stream CASCADE');
sql("SELECT vvault_store('s3', 's3', '$endpoint', bucket => 'media', key_id => 'test:tester', secret => 'testing', part_size => 5242880)");
is(answer('PUT', sql("SELECT vvault_stream.s3_url('PUT', '$endpoint', 'media', '', '', '{host}', '{\"\"}', 'us-east-1', 'test:tester', 'testing', '', now(), 60)")),
	'200', 'a bucket');

# One PUT
my $body = random_bytes(100_000);
is(answer('PUT', signed('PUT', 'v/1/a.mp4', length $body), content => $body), '200', 'a signed PUT');
is(request('GET', signed('GET', 'v/1/a.mp4'))->{content}, $body, 'a signed GET');
is(answer('HEAD', signed('HEAD', 'v/1/a.mp4')), '200', 'a signed HEAD');
is(answer('PUT', signed('PUT', 'v/1/b.mp4', length($body) - 1), content => $body), '403 SignatureDoesNotMatch', 'refused: another length');
is(answer('GET', signed('GET', 'v/1/a.mp4') =~ s/Signature=./Signature=x/r), '403 SignatureDoesNotMatch', 'refused: another signature');
is(answer('GET', signed('GET', 'v/1/a.mp4') =~ s/a\.mp4/b.mp4/r), '403 SignatureDoesNotMatch', 'refused: another object');
is(answer('DELETE', signed('GET', 'v/1/a.mp4')), '403 SignatureDoesNotMatch', 'refused: another method');
is(answer('GET', sql(q{SELECT vvault_stream.s3_url('GET', s.endpoint, s.bucket, 'v/1/a.mp4', '', '{host}', '{""}', s.region, s.key_id, 'testing', '',
	now() - interval '100 s', 60) FROM vvault_stream.stores s})), '403 AccessDenied', 'refused: one that has expired');
is(answer('DELETE', signed('DELETE', 'v/1/a.mp4')), '204', 'a signed DELETE');
is(answer('GET', signed('GET', 'v/1/a.mp4')), '404 NoSuchKey', 'and it is gone');

# In parts, cut behind the second of three
sql(q{INSERT INTO vvault_stream.assets (video_id, owner_id) VALUES ('film', 'alice'), ('other', 'alice')});
my $film = random_bytes(12_000_000);
my $sha256 = Digest::SHA::sha256_hex($film);

sub put_part
{
	my ($upload, $n, $store_upload_id) = @_;
	my $part = call(sprintf q{vvault_sign_part('%s', %d, 'alice', %s)}, $upload->{upload_id}, $n, $store_upload_id ? "'$store_upload_id'" : 'NULL');

	return request('PUT', $part->{url}, content => substr $film, ($n - 1) * $upload->{part_size}, $part->{size});
}

{
	my $upload = call(sprintf q{vvault_create_upload('film', %d, '%s')}, length $film, $sha256);
	my ($store_upload_id) = request('POST', $upload->{create}{url}, content => '')->{content} =~ m{<UploadId>([^<]+)</UploadId>};

	ok($store_upload_id, 'S3 begins an upload');
	is(put_part($upload, $_, $store_upload_id)->{status}, 200, "part $_") for 1, 2;
	my $part = call("vvault_sign_part('$upload->{upload_id}', 3)");
	is(answer('PUT', $part->{url}, content => substr($film, 2 * $upload->{part_size}) . 'x'), '403 SignatureDoesNotMatch', 'a part of another length is refused');

	my $list = request('GET', call("vvault_list_parts('$upload->{upload_id}')")->{list}{url})->{content};
	my %there = $list =~ m{<PartNumber>(\d+)</PartNumber>.*?<Size>(\d+)</Size>}gs;
	is(join(' ', map { "$_ $there{$_}" } sort keys %there), "1 $upload->{part_size} 2 $upload->{part_size}", 'S3 lists those that are there');
	is(put_part($upload, 3)->{status}, 200, 'the third follows');
	$list = request('GET', call("vvault_list_parts('$upload->{upload_id}')")->{list}{url})->{content};
	my %etag = $list =~ m{<PartNumber>(\d+)</PartNumber>.*?<ETag>(?:&quot;|")?(\w+)}gs;
	my $parts = $json->encode([ map { { PartNumber => $_, ETag => $etag{$_} } } sort keys %etag ]);
	my $complete = call("vvault_complete_upload('$upload->{upload_id}', '$parts', process => false)")->{complete};
	my $reply = request('POST', $complete->{url}, content => $complete->{body});

	like("$reply->{status} $reply->{content}", qr/^200 .*CompleteMultipartUploadResult/s, 'S3 puts them together') or diag $reply->{content};
	is(call("vvault_complete_upload('$upload->{upload_id}', process => false, stored => true)")->{state}, 'stored', 'the upload is stored');
	is(Digest::SHA::sha256_hex(request('GET', signed('GET', $upload->{object_key}))->{content}), $sha256, 'the same bytes');
	is(sql(q{SELECT state FROM vvault_stream.assets WHERE video_id = 'film'}), 'uploaded', 'of a video that is uploaded');
}

# One that is given up is deleted by a job
{
	my $upload = call(sprintf q{vvault_create_upload('other', %d)}, length $film);
	my ($store_upload_id) = request('POST', $upload->{create}{url}, content => '')->{content} =~ m{<UploadId>([^<]+)</UploadId>};

	is(put_part($upload, 1, $store_upload_id)->{status}, 200, 'a part of another upload');
	is(call("vvault_abort_upload('$upload->{upload_id}', 'alice')")->{state}, 'aborted', 'which is aborted');
	sql('SELECT vvault_arm()');
	my ($job) = @{ call(q{vvault_dequeue('test', '{delete_objects}')}) };
	is(answer('DELETE', $_), '204', 'and deleted by the job\'s URL') for @{ $job->{order}{urls} };
	is(answer('GET', signed('GET', $upload->{object_key}, undef, "uploadId=$store_upload_id")), '404 NoSuchUpload', 'S3 knows it no more');
}

# What a worker stores in parts
{
	sql(q{SELECT vvault_enqueue('encode', '{}', 'film')});
	sql(q{UPDATE vvault_stream.jobs SET state = 'x', lease = '00000000-0000-4000-8000-000000000001' WHERE kind = 'encode'});
	my $job_id = sql(q{SELECT job_id FROM vvault_stream.jobs WHERE kind = 'encode'});
	my $lease = '00000000-0000-4000-8000-000000000001';
	my $key = 'film/1/720p-1-1.mp4';
	sql(qq{INSERT INTO vvault_stream.media_objects (video_id, object_key, generation, store, state, name, job_id, lease, serial)
		VALUES ('film', '$key', 1, 's3', 'ordered', '720p', $job_id, '$lease', 1)});
	my ($id) = request('POST', signed('POST', $key, undef, 'uploads='), content => '')->{content} =~ m{<UploadId>([^<]+)</UploadId>};
	my @etags;

	for my $n (1 .. 3)
	{
		my $bytes = substr $film, ($n - 1) * 5242880, 5242880;
		my $url = call(sprintf q{vvault_sign_output_part(%d, '%s', '%s', '%s', %d, %d)}, $job_id, $lease, $key, $id, $n, length $bytes)->{url};

		push @etags, request('PUT', $url, content => $bytes)->{headers}{etag};
	}
	is(scalar(grep { defined } @etags), 3, 'a worker stores three parts');
	my $list = join '', map { "<Part><PartNumber>$_</PartNumber><ETag>$etags[$_ - 1]</ETag></Part>" } 1 .. 3;
	my $end = call("vvault_sign_output_complete($job_id, '$lease', '$key', '$id')");
	like(request('POST', $end->{url}, content => "<CompleteMultipartUpload>$list</CompleteMultipartUpload>")->{content}, qr/CompleteMultipartUploadResult/,
		'and S3 makes one object of them');
	is(Digest::SHA::sha256_hex(request('GET', signed('GET', $key))->{content}), $sha256, 'the same bytes');
	for ([ "$job_id, '00000000-0000-4000-8000-000000000002', '$key'", qr/lease of job \d+ is not valid/, 'another lease' ],
		[ "$job_id, '$lease', 'film/1/other.mp4'", qr/invalid object_key/, 'another object' ])
	{
		my ($arguments, $why, $what) = @$_;
		my $stderr;

		$node->psql('postgres', "SELECT vvault_sign_output_complete($arguments, '$id')", stderr => \$stderr);
		like($stderr, $why, "refused: $what");
	}
}

# What vvault-worker itself stores: sparse files that stand in for what ffmpeg
# makes, one that goes by one request and one that is larger than that.
SKIP:
{
	my $program = FileStore::worker_program();
	my $large = $ENV{VVAULT_LARGE_OUTPUT};
	my ($above, $part) = $large ? (5368709120, 16777216) : (12_000_000, 5242880);
	my $bytes = $large // 23_000_000;

	skip('vvault-worker was not built', 8) if !defined $program;
	is(call("vvault_store('s3', part_size => $part, large_object => $above)")->{large_object}, $above, "S3 takes $above bytes by one request");
	is(answer('PUT', signed('PUT', 'v/1/small.mp4', 32), content => "\0\0\0\x18ftypisom" . "\0" x 20), '200', 'a source');
	sql(<<'EOF');
CREATE SCHEMA test;
CREATE FUNCTION test.the_order(job json) RETURNS json LANGUAGE sql AS $$
	SELECT json_build_object('do', 'encode', 'source', json_build_object('url', vvault_stream.signed_url('s3', 'GET', 'v/1/small.mp4', 600)),
		'arguments', (SELECT json_agg('{out:' || name || '}') FROM unnest('{large,small}'::text[]) name), 'input_arguments', '[]'::json,
		'outputs', (SELECT json_agg(vvault_stream.output_order(job, json_build_object('name', name, 'extension', 'bin'),
			(SELECT g FROM vvault_stream.generations g WHERE g.video_id = 'film' LIMIT 1))) FROM unnest('{large,small}'::text[]) name)) $$;
INSERT INTO vvault_stream.job_kinds (kind, max_attempts, order_schema, order_function) VALUES ('large', 1, 'test', 'the_order');
SELECT vvault_enqueue('large', '{}', 'film');
EOF
	open my $out, '>', "$folder/ffmpeg" or die "ffmpeg: $!\n";
	print $out <<"EOF";
#!/bin/sh
for file; do case \$file in *out-large.bin) size=$bytes ;; *out-small.bin) size=1000000 ;; *) continue ;; esac
	truncate -s \$size "\$file"
	printf end | dd of="\$file" bs=1 seek=\$((size - 3)) conv=notrunc 2>/dev/null
done
EOF
	close $out;
	chmod 0755, "$folder/ffmpeg";
	mkdir "$folder/scratch";
	ok(IPC::Run::run([ $program, '--dbname', $node->connstr('postgres'), '--scratch', "$folder/scratch", '--kinds', 'large', '--until-idle',
		'--ffmpeg', "$folder/ffmpeg" ], '<', '/dev/null', '&>', "$folder/worker.log"), 'the worker does a job with a large output');
	my $job = $json->decode(sql(q{SELECT json_build_object('error', error, 'outputs', result -> 'outputs') FROM vvault_stream.finished_jobs WHERE kind = 'large'
		UNION ALL SELECT json_build_object('error', error) FROM vvault_stream.jobs WHERE kind = 'large'}));
	my ($stored) = grep { $_->{name} eq 'large' } @{ $job->{outputs} };
	my ($small) = grep { $_->{name} eq 'small' } @{ $job->{outputs} };

	is($stored->{size}, $bytes, "and stores $bytes bytes") or diag($job->{error}, slurp_file("$folder/worker.log"));
	my $digest = Digest::SHA->new(256);
	my $reply = $http->request('GET', signed('GET', $stored->{object_key}), { data_callback => sub { $digest->add($_[0]) } });
	my $parts = int(($bytes + $part - 1) / $part);

	is($digest->hexdigest, $stored->{sha256}, 'the same bytes');
	like($reply->{headers}{etag}, qr/-$parts"?\z/, "in $parts parts");
	is($small->{size}, 1_000_000, 'beside a small one');
	unlike(request('HEAD', signed('HEAD', $small->{object_key}))->{headers}{etag}, qr/-/, 'which went by one request');
}

# The client that this protocol is for
SKIP:
{
	my $modules = ($ENV{WORK} // '') . '/s3/node_modules';
	my $site = "$folder/site";
	my ($said, $why);

	skip('there is no @uppy/aws-s3', 3) if !-d "$modules/\@uppy/aws-s3" || system('node --version >/dev/null 2>&1') != 0;
	open my $out, '>', "$folder/film.mp4" or die "film.mp4: $!\n";
	binmode $out;
	print $out $film;
	close $out;
	my $upload = sub {
		my ($store) = @_;
		my ($reply, $stderr);

		sql("INSERT INTO vvault_stream.assets (video_id, owner_id) VALUES ('uppy-$store', 'alice')");
		IPC::Run::run([ 'node', 'test/s3/upload.mjs', $modules, $node->connstr('postgres'), "uppy-$store", $store, "$folder/film.mp4" ],
			'<', '/dev/null', '>', \$reply, '2>', \$stderr) or diag $stderr;
		return $reply =~ s/\s+$//r;
	};
	my $expected = q({"sent":[5242880,5242880,1514240],"listed":[1],"state":"%s","failed":[]});

	is($upload->('s3'), sprintf($expected, 'stored'), '@uppy/aws-s3 uploads to S3, is cut, and goes on');
	is(Digest::SHA::sha256_hex(request('GET', signed('GET', sql(q{SELECT object_key FROM vvault_stream.uploads WHERE video_id = 'uppy-s3'})))->{content}),
		$sha256, 'the same bytes');

	skip("without nginx's njs no file store", 1) if !IPC::Run::run([ 'scripts/media.sh', 'start', $site ], '<', '/dev/null', '>', \$said, '2>', \$why);
	my %site = map { split / /, $_, 2 } split /\n/, $said;
	sql("SELECT vvault_store('files', 'file', '$site{store}')");
	open $out, '>', $site{store_keys} or die "$site{store_keys}: $!\n";
	print $out sql(q{SELECT vvault_signing_keys('store:files')});
	close $out;
	is($upload->('files'), sprintf($expected, 'joining'), 'and to a file store');
	system 'scripts/media.sh', 'stop', $site;
}

done_testing();
