#
# 029_access.pl
#		What not everybody may see reaches nobody else: by hits of the reply
#		cache, by an ETag or a 304, by the warmer, by an old snapshot, on a
#		standby. test/pgtap/stream/access.sql has who may what.
#
# test/mutations breaks what is asked here, and this test fails then.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $primary = new_node('primary', allows_streaming => 1);
$primary->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vvault_stream CASCADE;
CREATE ROLE web LOGIN NOINHERIT;
CREATE ROLE other LOGIN NOINHERIT;
CREATE ROLE viewer;
GRANT viewer TO web, other;
SELECT vvault_stream_grant('viewer', 'viewer');
SELECT vvault_stream_set('authenticator', 'web');
INSERT INTO vvault_stream.assets (video_id, owner_id, title, access) SELECT v, 'alice', 'Title of ' || v, 'public' FROM unnest('{film,diary}'::text[]) v;
INSERT INTO vvault_stream.renditions (video_id, generation, name, kind, codecs, width, height,
	frame_rate_numerator, frame_rate_denominator, object_key, timescale, init_size, index_size, first_offset, durations, sizes)
SELECT v, 1, '360p', 'video', 'avc1.64001e', 640, 360, 25, 1, v || '/1/360p.mp4', 12800, 773, 76, 849, '{51200,51200}', '{412000,99000}'
FROM unnest('{film,diary}'::text[]) v;
INSERT INTO vvault_stream.pictures (video_id, generation, name, kind, object_key, width, height, size, tiles, tile_columns, tile_rows, tile_seconds)
SELECT v, 1, 'storyboard', 'storyboard', v || '/1/storyboard.jpg', 160, 90, 1000, 4, 2, 2, 2 FROM unnest('{film,diary}'::text[]) v;
UPDATE vvault_stream.assets SET generation = 1;
SQL
cache_functions($primary, 'postgres');
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my @calls = map { [ $_->[0], sprintf $_->[1], "'diary'" ] } [ 'vvault_hls', 'vvault_hls(%s)' ],
  [ 'vvault_hls_media', "vvault_hls_media(%s, '360p')" ], [ 'vvault_dash', 'vvault_dash(%s)' ],
  [ 'vvault_storyboard', 'vvault_storyboard(%s)' ], [ 'vvault_watch', 'vvault_watch(%s)' ];

# A session as PostgREST has it for somebody.
sub session_of
{
	my ($node, $subject) = @_;
	my $session = open_session($node, 'postgres');

	$session->query("SET SESSION AUTHORIZATION web; SET ROLE viewer; SET request.jwt.claims = '{\"sub\":\"$subject\"}'");
	return $session;
}

sub set_access
{
	my ($access) = @_;

	$primary->safe_psql('postgres', "UPDATE vvault_stream.assets SET access = '$access' WHERE video_id = 'diary'");
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	return;
}

# What PostgREST is told of a call: headers, or the error.
sub told
{
	my ($session, $call, $if_none_match) = @_;
	my $headers = defined $if_none_match ? "{\"if-none-match\":\"$if_none_match\"}" : '{}';

	return value($session, "BEGIN; SELECT set_config('request.method', 'GET', true), set_config('request.headers', '$headers', true);
		SELECT ($call) IS NULL; SELECT current_setting('response.headers', true) || ' ' || coalesce(current_setting('response.status', true), ''); COMMIT");
}

sub from { return value($_[0], "SELECT test.x_cache(\$\$$_[1]\$\$)"); }

# How many replies about the diary the cache of a server would still give.
sub lying
{
	my ($node, $function) = @_;

	return $node->safe_psql('postgres', "SELECT count(*) FROM vvault_cache_stats() WHERE function = '$function' AND arguments ~ 'diary' AND fresh");
}

my $private = qr/"Cache-Control":"private, no-store"/;

for my $server ([ 'primary', $primary ], [ 'standby', $standby ])
{
	my ($where, $node) = @$server;
	my %session = map { $_ => session_of($node, $_) } qw(alice bob);
	my (%etag, %body);

	set_access('public');
	for my $c (@calls)
	{
		my ($function, $call) = @$c;

		is(from($session{alice}, $call), 'MISS', "$where: $function of a public video is kept");
		is(from($session{bob}, $call), 'HIT', 'for others, too');
		my $headers = told($session{bob}, $call);
		($etag{$function}) = $headers =~ /"ETag":"\\"([0-9a-f]+)\\""/;
		like($headers, qr/"Cache-Control":"public, max-age=60"/, 'and by caches in front');
		like(told($session{bob}, $call, "\\\"$etag{$function}\\\""), qr/ 304/, 'who has it gets a 304');
		$body{$function} = value($session{bob}, "SELECT encode($call, 'base64')");
	}
	$session{old} = session_of($node, 'bob');
	$session{old}->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
	set_access('private');
	is(value($session{old}, 'SELECT vvault_hls(\'diary\') IS NULL'), 'f', 'a snapshot of before sees what was public then');
	$session{old}->query('COMMIT');
	for my $c (@calls)
	{
		my ($function, $call) = @$c;

		like(value($session{bob}, "SELECT $call"), qr/42501/, "$where: $function of what is private now is refused");
		like(told($session{bob}, $call), qr/42501/, 'to PostgREST, too');
		like(told($session{bob}, $call, $_), qr/42501/, 'whatever he says he has') for '*', "\\\"$etag{$function}\\\"";
		is(value($session{alice}, "SELECT encode($call, 'base64')"), $body{$function}, 'its owner sees it');
		is(from($session{alice}, $call), 'BYPASS', 'past the cache');
		like(told($session{alice}, $call), $private, 'and for her alone');
		unlike(told($session{alice}, $call), qr/ETag/, 'without an ETag');
		unlike(told($session{alice}, $call, '*'), qr/ 304/, 'so there is no 304');
		like(value($session{bob}, "SELECT $call"), qr/42501/, 'and he is refused after her');
		is(lying($node, $function), 0, 'nothing of it lies in the cache');
	}
	unless ($where eq 'standby')
	{
		$node->safe_psql('postgres', 'SELECT vvault_cache_warm()');
		is(lying($node, $_->[0]), 0, "the warmer, who may all, shares nothing of $_->[0]") for @calls;
		like(value($session{bob}, "SELECT $_->[1]"), qr/42501/, 'and he is refused after it') for @calls;
	}
	like(value($session{bob}, "SELECT vvault_may('diary', 'view')"), qr/^f$/, 'vvault_may() agrees');
	$session{liar} = session_of($node, 'alice');
	is(value($session{liar}, "SELECT vvault_may('diary', 'view')"), 't', 'it asks whose claims they are');
	$session{liar}->query('SET SESSION AUTHORIZATION other; SET ROLE viewer');
	like(value($session{liar}, "SELECT $calls[0][1]"), qr/42501/, 'claims of another login count for nothing');
	$session{bob}->query(q(SET request.jwt.claims = '{"sub":"bob","video_id":"diary","permissions":["view"]}'));
	like(value($session{bob}, 'SELECT ' . $calls[0][1]), qr/42501/, 'a token does not open what is private');
	set_access('token');
	is(value($session{bob}, "SELECT encode($calls[0][1], 'base64')"), $body{vvault_hls}, 'it opens what is for token holders');
	like(told($session{bob}, $calls[0][1]), $private, 'for him alone');
	$session{bob}->query(q(SET request.jwt.claims = '{"sub":"bob","video_id":"film","permissions":["view"]}'));
	like(value($session{bob}, 'SELECT ' . $calls[0][1]), qr/42501/, 'one for another video does not');
	is(lying($node, 'vvault_hls'), 0, 'nothing lies in the cache');
	set_access('unlisted');
	is(from($session{bob}, $calls[0][1]), 'MISS', 'what is unlisted is everybody\'s again');
	is(from($session{alice}, $calls[0][1]), 'HIT', 'and is kept');
	$_->quit for values %session;
}

# who changes the access sees at once what he wrote
my $writer = open_session($primary, 'postgres');
$writer->query(q(BEGIN; UPDATE vvault_stream.assets SET access = 'private' WHERE video_id = 'film'; SET LOCAL SESSION AUTHORIZATION web; SET LOCAL ROLE viewer));
like(value($writer, q(SELECT vvault_hls('film'))), qr/42501/, 'not yet committed, refused already in the transaction');
$writer->query('ROLLBACK');
$writer->quit;
$standby->stop;
$primary->stop;
done_testing();
