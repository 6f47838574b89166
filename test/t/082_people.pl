#
# 082_people.pl
#		Somebody who has uploaded, been processed, played and told of is erased:
#		he stands neither in a dump nor in the server's log.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $node = new_node('people');
my $who = 'zofia.nowak@example.org';
my $folder = PostgreSQL::Test::Utils::tempdir();

sub sql { return $node->safe_psql('postgres', $_[0]) }

sub dumped
{
	my ($name) = @_;
	my $file = "$folder/$name.sql";

	command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', $file ], "a dump $name");
	return slurp_file($file);
}

# the lines that name her, whatever stands around
sub naming
{
	my ($text) = @_;

	return join "\n", map { substr $_, 0, 300 } grep { /zofia|nowak/i } split /\n/, $text;
}

sql(<<'SQL');
CREATE EXTENSION vvault_stream CASCADE;
SELECT vvault_store('files', 'file', 'http://127.0.0.1:8090/objects', part_size => 1024);
SELECT vvault_edge('one', 'https://one.example.org');
SQL
$node->psql('postgres', q(SELECT vvault_stream.new_key_pair())) == 0 or sql(q(SELECT vvault_stream_set('token_algorithm', 'HS256')));

# What she does is written to a file, as psql's parameters would be: the server
# logs no statement that goes well.
sql(<<"SQL");
SELECT vvault_webhook(url => 'https://hook.example.org/', owner_id => '$who');
SELECT vvault_consent('$who', 'statistics', true);
SELECT vvault_set_quota('$who', 1000000);
SELECT vvault_create_asset('A film of Zofia Nowak', '$who', 'public', '{"author": "Zofia Nowak"}', 'film');
SELECT vvault_create_asset('Another of Zofia Nowak', '$who', 'private', video_id => 'diary');
SELECT vvault_complete_upload(vvault_create_upload('film', 2000) ->> 'upload_id');
SELECT vvault_complete((j ->> 'job_id')::bigint, (j ->> 'lease')::uuid, '{"size": 2000}') FROM json_array_elements(vvault_dequeue('w', '{join}')) j;
SELECT vvault_complete((j ->> 'job_id')::bigint, (j ->> 'lease')::uuid, json_build_object('size', 2000, 'sha256', repeat('1', 64), 'demuxer', 'mov',
	'probe', '{"format": {"duration": "9", "tags": {"artist": "Zofia Nowak"}}, "streams": [{"index": 0, "codec_type": "audio", "codec_name": "aac", "channels": 2, "channel_layout": "stereo", "sample_rate": "48000"}]}'::json))
FROM json_array_elements(vvault_dequeue('w', '{probe}')) j;
SELECT vvault_token_issue('$who'), vvault_token_issue('$who', 'diary', '{view}');
UPDATE vvault_stream.assets SET generation = 1 WHERE video_id = 'film';
SELECT vvault_play_url('film', '$who');
SQL
like(naming(dumped('before')), qr/\Q$who\E.*Zofia Nowak/s, 'she is there');
like(sql("SELECT vvault_export_user('$who')"), qr/A film of Zofia Nowak/, 'and gets what is known of her');

# one job runs while she is erased
my ($job, $lease) = split /\|/, sql(q(SELECT j ->> 'job_id', j ->> 'lease' FROM json_array_elements(vvault_dequeue('w', '{encode}')) j));
sql("SELECT vvault_erase_user('$who')");
is(naming(dumped('after')), '', 'erased, she is in no dump');
like(sql("SELECT vvault_complete($job, '$lease', '{\"failure\": \"it was cancelled\"}') ->> 'state'"), qr/\w/, 'the job that ran ends');
sql('SELECT vvault_retention()');
is(naming(dumped('later')), '', 'nor is she after it');
is(sql(q(SELECT count(*) FROM vvault_stream.finished_jobs WHERE owner_id = '~erased')), 0, 'and what it left is gone');
my $token = sql("SELECT vvault_token_issue('other') IS NOT NULL");
is($token, 't', 'others go on');

# an event of the deletion goes out without her
is(sql(q(SELECT count(*) FROM vvault_stream.events WHERE data::text ~* 'zofia' OR owner_id ~* 'zofia')), 0, 'no event names her');

# what goes wrong is logged with its statement; ours name no subject of their own
my ($status, undef, $err) = $node->psql('postgres', q(SELECT set_config('a.b', '', false); SELECT vvault_export_user('')));
like($err, qr/invalid subject/, 'an error names nobody');
is(naming(slurp_file($node->logfile)), '', 'she is in no line of the log');

$node->stop;
done_testing();
