#
# 083_limits.pl
#		What PostgREST asks before each request: who asks too often is refused
#		with 429 and Retry-After, whose token was revoked with 401, and nobody
#		else; by GET and POST, on a standby, without shared memory.
#
# Limits that fill by one in hours make it the same on any machine.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../standin";

use HTTP::Tiny ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Site;
use Test::More;
use VVaultTest;

my $json = JSON::PP->new->utf8->canonical;
my $primary = new_node('limits', allows_streaming => 1);
$primary->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vvault_stream CASCADE;
CREATE ROLE web LOGIN NOINHERIT; CREATE ROLE other LOGIN NOINHERIT;
CREATE ROLE web_anon; CREATE ROLE web_viewer; CREATE ROLE web_publisher;
GRANT web_anon, web_viewer, web_publisher TO web, other;
SELECT vvault_stream_grant('web_anon', 'viewer'), vvault_stream_grant('web_viewer', 'viewer'), vvault_stream_grant('web_publisher', 'publisher');
SELECT vvault_stream_set('authenticator', 'web'), vvault_stream_set('token_viewer_role', 'web_viewer'),
	vvault_stream_set('token_publisher_role', 'web_publisher'), vvault_stream_set('token_algorithm', 'HS256');
SELECT vvault_stream_set('read_rate', '0.0001'), vvault_stream_set('read_burst', '5'), vvault_stream_set('write_rate', '0.0001'),
	vvault_stream_set('write_burst', '3'), vvault_stream_set('token_rate', '0.0001'), vvault_stream_set('token_burst', '2');
SQL
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

sub sql { return $primary->safe_psql('postgres', $_[0]) }

# So many requests as PostgREST makes them: how many pass, and of the last that
# does not the status, code and headers. %options: login, role, claims, method,
# path.
sub asked
{
	my ($times, $node, %options) = @_;
	my %set = ('request.method' => $options{method} // 'GET', 'request.path' => $options{path} // '/rpc/vvault_hls',
		'request.jwt.claims' => $json->encode($options{claims} // {}));
	my $settings = join ', ', map { "set_config('$_', \$set\$$set{$_}\$set\$, true)" } sort keys %set;
	my $request = "BEGIN READ ONLY; SET LOCAL ROLE @{[ $options{role} // 'web_viewer' ]};\nSELECT $settings;\nSELECT vvault_pre_request(), 'passes';\nCOMMIT;\n";
	my (undef, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET SESSION AUTHORIZATION @{[ $options{login} // 'web' ]};\n" . $request x $times,
		on_error_stop => 0);
	my $passed = () = $out =~ /passes/g;
	my @refused = $err =~ /ERROR:  PGRST: (\{.*\}\nDETAIL:  \{.*\})\n/g;

	return "$passed all" if $err eq '';
	return "$passed $err" if $passed + @refused != $times;
	my ($message, $detail) = map { $json->decode($_) } split /\nDETAIL:  /, $refused[-1];
	return "$passed $detail->{status} $message->{code} " . join ' ', map { "$_: $detail->{headers}{$_}" } sort keys %{ $detail->{headers} };
}

sub since_start { return $json->decode(sql('SELECT vvault_rate_limits()'))->{since_start}{ $_[0] } }

# ---------------------------------------------------------------------------
# Who is limited
# ---------------------------------------------------------------------------

my %alice = (claims => { sub => 'alice', role => 'web_viewer' });
my %bob = (claims => { sub => 'bob', role => 'web_viewer' });
my $refused = qr/429 VV429 Cache-Control: no-store Retry-After: [0-9]+$/;

is($json->decode(sql('SELECT vvault_rate_limits()'))->{counts}, JSON::PP::true, 'there is memory to count in');
like(asked(7, $primary, %alice), qr/^5 $refused/, 'as many as may come at once pass, the others are refused');
like(asked(1, $primary, %alice), qr/^0 .*Retry-After: (?:9[0-9]{3}|10000)$/, 'and told when the next one may come');
is(asked(5, $primary, %bob), '5 all', 'another subject has his own');
like(asked(4, $primary, %alice, method => 'POST', path => '/rpc/vvault_create_asset'), qr/^3 $refused/, 'functions that write have another limit');
like(asked(1, $primary, %bob, method => 'POST', path => '/rpc/vvault_hls'), qr/^0 $refused/, 'a function that reads does so by POST, too');
like(asked(3, $primary, %alice, method => 'POST', path => '/rpc/vvault_token_verify'), qr/^2 $refused/, 'and those of tokens have another');
is(asked(20, $primary, role => 'web_anon'), '20 all', 'who comes without a token is not limited: he shares his role with strangers');
sql(q(SELECT vvault_set_rate_limit('read', role_name => 'web_anon', per_second => 0.0001, burst => 4)));
like(asked(6, $primary, role => 'web_anon'), qr/^4 $refused/, 'unless his role is: all of them together');
is(asked(2, $primary, claims => { sub => 'carol', role => 'web_anon' }, role => 'web_anon'), '2 all', 'a subject of that role by himself');
like(asked(6, $primary, claims => { sub => 'carol' }, role => 'web_anon'), qr/^2 $refused/, 'with the limit of the role');
sql(q(SELECT vvault_set_rate_limit('read', subject => 'alice')));
is(asked(20, $primary, %alice), '20 all', 'a subject may have no limit');
sql(q(SELECT vvault_set_rate_limit('read', subject => 'alice', per_second => 0.0001, burst => 2)));
like(asked(1, $primary, %alice), qr/^0 $refused/, 'or a lower one, at once');
sql(q(SELECT vvault_set_rate_limit('read', subject => 'alice', per_second => 0.0001, burst => 1000)));
is(asked(3, $primary, %alice), '3 all', 'or a higher one');
sql(q(SELECT vvault_set_rate_limit('read', subject => 'alice', remove => true)));
like(asked(1, $primary, %alice), qr/^0 $refused/, 'which may be taken back');
sql(q(SELECT vvault_set_rate_limit('read', subject => 'dave', per_second => 1000000, burst => 1)));
is(asked(5, $primary, claims => { sub => 'dave' }), '5 all', 'a bucket fills again');

# ---------------------------------------------------------------------------
# Who comes as another
# ---------------------------------------------------------------------------

is(asked(20, $primary, login => 'other', %alice), '20 all', 'claims of a login that vouches for none are not counted as hers');
like(asked(1, $primary, claims => { sub => 'bob', extra => 'x' }), qr/^0 $refused/, 'other claims beside make nobody another');
like(asked(6, $primary, claims => { sub => "bob\x{e9}" }), qr/^5 /, 'another name does');
is(sql(q(SELECT vvault_pre_request() IS NOT NULL)), 't', 'who asks by SQL is asked nothing');
my (undef, undef, $err) = $primary->psql('postgres', 'SET ROLE web_viewer; SELECT vvault_set_rate_limit(\'read\', subject => \'alice\')');
like($err, qr/permission denied/, 'nobody sets himself a limit');

# ---------------------------------------------------------------------------
# Revoked tokens
# ---------------------------------------------------------------------------

my %gone = (claims => { sub => 'erin', jti => 'gone' });
is(asked(1, $primary, %gone), '1 all', 'a token');
sql(q(SELECT vvault_token_revoke('gone')));
like(asked(1, $primary, %gone), qr/^0 401 VV401 .*WWW-Authenticate: Bearer error="invalid_token"$/, 'that was revoked is refused');
like(asked(1, $primary, %gone, path => '/somewhere'), qr/^0 401 /, 'wherever it comes');
is(asked(1, $primary, claims => { sub => 'erin', jti => 'other' }), '1 all', 'another one is not');

# ---------------------------------------------------------------------------
# What is told of it
# ---------------------------------------------------------------------------

cmp_ok(since_start('requests_too_many'), '>=', 15, 'refusals are counted');
cmp_ok(since_start('requests_of_revoked_tokens'), '>=', 2, 'those of revoked tokens, too');
unlike(slurp_file($primary->logfile), qr/too many requests|VV429|VV401/, 'and not logged: whoever hammers fills no disk');
$primary->psql('postgres', <<'SQL', on_error_stop => 0);
SET SESSION AUTHORIZATION web; SET ROLE web_viewer;
SELECT set_config('request.method', 'GET', false), set_config('request.path', '/rpc/vvault_hls', false), set_config('request.jwt.claims', '{"sub": "alice"}', false);
SELECT vvault_pre_request();
SELECT 1 / 0;
SQL
like(slurp_file($primary->logfile), qr/division by zero/, 'what goes wrong after it is logged as ever');

# ---------------------------------------------------------------------------
# A standby
# ---------------------------------------------------------------------------

$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
like(asked(6, $standby, %bob), qr/^5 $refused/, 'a standby counts by itself');
like(asked(1, $standby, %gone), qr/^0 401 /, 'and refuses what was revoked');
$standby->stop;

# ---------------------------------------------------------------------------
# Many at once
# ---------------------------------------------------------------------------

my @clients = map { start_client($primary, 'postgres', "hammer$_", <<'SQL') } 1 .. 4;
SELECT 'ready';
CREATE FUNCTION pg_temp.passes() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	PERFORM vvault_pre_request();
	RETURN 1;
EXCEPTION WHEN SQLSTATE 'PGRST' THEN
	RETURN 0;
END
$$;
GRANT EXECUTE ON FUNCTION pg_temp.passes() TO PUBLIC;
SET SESSION AUTHORIZATION web;
SET ROLE web_viewer;
SELECT set_config('request.method', 'GET', false), set_config('request.path', '/rpc/vvault_hls', false), set_config('request.jwt.claims', '{"sub": "crowd"}', false);
SELECT 'passed ' || sum(pg_temp.passes()) FROM generate_series(1, 500);
SQL
finish_client($_) for @clients;
my $passed = 0;
$passed += $_ for map { $_->{out} =~ /passed ([0-9]+)/ ? $1 : -1000 } @clients;
is($passed, 5, 'four sessions at once have no more than one') or diag map { "$_->{out}$_->{err}" } @clients;

# more callers than there are places
sql(<<'SQL');
SET SESSION AUTHORIZATION web;
SET ROLE web_viewer;
SELECT set_config('request.method', 'GET', false), set_config('request.path', '/rpc/vvault_hls', false);
DO $$
BEGIN
	FOR i IN 1 .. 24000 LOOP
		PERFORM set_config('request.jwt.claims', format('{"sub": "caller %s"}', i), false);
		PERFORM vvault_pre_request();
	END LOOP;
END
$$;
SQL
cmp_ok(since_start('rate_limit_places_lost'), '>', 0, 'of more callers than there are places some lose theirs, and nobody is refused for it');

# ---------------------------------------------------------------------------
# PostgREST
# ---------------------------------------------------------------------------

SKIP:
{
	skip('there is no postgrest', 1) unless Site->has_postgrest;
	my $folder = PostgreSQL::Test::Utils::tempdir_short();
	my $keys = $json->decode(sql(q(SELECT vvault_signing_keys('token'))))->{keys};

	append_to_file("$folder/keys.json", $json->encode({ keys => [ map { { kty => 'oct', alg => 'HS256', kid => $_, k => $keys->{$_} } } sort keys %$keys ] }));
	my $server = Site->new("$folder/site", $primary->connstr('postgres') . ' user=web', 'web_anon',
		NGINX => 'no', STANDIN => 'no', JWKS => "$folder/keys.json");
	my $http = HTTP::Tiny->new(timeout => 30);
	my $ask = sub {
		my ($method, $target, $token, $body) = @_;

		return $http->request($method, "$server->{upstream}$target", { content => $body // '',
			headers => { 'content-type' => 'application/json', defined $token ? (authorization => "Bearer $token") : () } });
	};
	my $several = sub {
		my ($times, @request) = @_;

		return join ' ', map { $_->{status} } map { $ask->(@request) } 1 .. $times;
	};
	sql(q(SELECT vvault_set_rate_limit('read', role_name => 'web_anon', remove => true)));
	my %token = map { $_ => sql("SELECT vvault_token_issue('$_ of the web', 'none', '{view}') ->> 'access_token'") } qw(one two three);
	my $may = '/rpc/vvault_may?video_id=none&permission=view';

	is($several->(7, 'GET', $may, $token{one}), '200 200 200 200 200 429 429', 'PostgREST: GET is limited');
	my $reply = $ask->('GET', $may, $token{one});
	like($reply->{headers}{'retry-after'}, qr/^[0-9]+$/, 'and says when to come again');
	is($json->decode($reply->{content})->{code}, 'VV429', 'with a code');
	is($several->(1, 'POST', '/rpc/vvault_may', $token{one}, '{"video_id":"none","permission":"view"}'), '429', 'a POST of the same function counts as the same');
	is($several->(4, 'POST', '/rpc/vvault_set_quota', $token{one}, '{"owner_id":"x"}'), '403 403 403 429', 'one that writes counts by itself, whatever comes of it');
	is($several->(3, 'GET', $may, $token{two}), '200 200 200', 'another subject goes on');
	is($several->(10, 'GET', $may), join(' ', (200) x 10), 'and who has no token');
	is($several->(3, 'POST', '/rpc/vvault_token_verify', $token{two}, '{"token":"x"}'), '200 200 429', 'functions of tokens have less');
	my $jti = $json->decode(sql("SELECT vvault_token_verify('$token{three}') -> 'claims'"))->{jti};
	is($several->(1, 'GET', $may, $token{three}), '200', 'a token');
	sql("SELECT vvault_token_revoke('$jti')");
	$reply = $ask->('GET', $may, $token{three});
	is($reply->{status}, 401, 'that is revoked is refused, though PostgREST takes it');
	like($reply->{headers}{'www-authenticate'}, qr/invalid_token/, 'as RFC 6750 says');
	$server->stop;
}
$primary->stop;

# ---------------------------------------------------------------------------
# Without shared memory
# ---------------------------------------------------------------------------

my $bare = new_node('bare', preload => 0);
$bare->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vvault_stream CASCADE;
CREATE ROLE web LOGIN NOINHERIT; CREATE ROLE web_viewer; GRANT web_viewer TO web;
SELECT vvault_stream_grant('web_viewer', 'viewer'), vvault_stream_set('authenticator', 'web');
SELECT vvault_stream_set('read_rate', '0.0001'), vvault_stream_set('read_burst', '5');
SQL
my $said = $json->decode($bare->safe_psql('postgres', 'SELECT vvault_rate_limits()'));
if ($said->{counts})
{
	like(asked(6, $bare, %alice), qr/^5 $refused/, 'the memory was made at run time');
}
else
{
	is($said->{without_memory}, 'open', 'it says that it cannot count, and which way it falls');
	is(asked(6, $bare, %alice), '6 all', 'open: all pass');
	$bare->safe_psql('postgres', q(SELECT vvault_stream_set('rate_without_memory', 'closed')));
	like(asked(1, $bare, %alice), qr/^0 503 VV503 .*Retry-After: 60$/, 'closed: who has a limit is refused');
	is(asked(1, $bare), '1 all', 'and who has none is not');
}
$bare->safe_psql('postgres', q(SELECT vvault_token_revoke('gone')));
like(asked(1, $bare, %gone), qr/^0 401 /, 'what was revoked is refused without memory, too');
$bare->stop;
done_testing();
