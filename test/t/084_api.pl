#
# 084_api.pl
#		deploy/api.conf at work, a real nginx in front of a real PostgREST: what
#		comes too often from a client or with a token is refused before it gets to
#		PostgREST, what PostgREST refuses passes, and who is a client nobody can
#		say of himself. The same of deploy/nginx.conf.
#
# test/t/083_limits.pl has what is refused by subject.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../standin";

use IO::Socket::INET ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Site;
use Test::More;
use VVaultTest;

plan skip_all => 'there is no postgrest' unless Site->has_postgrest;

my $json = JSON::PP->new->utf8->canonical;
my $node = new_node('api');
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vvault_stream CASCADE;
CREATE ROLE web_anon; CREATE ROLE web_viewer;
CREATE ROLE authenticator LOGIN NOINHERIT;
GRANT web_anon, web_viewer TO authenticator;
SELECT vvault_grant('web_anon', 'reader');
SELECT vvault_stream_grant(r, 'viewer') FROM unnest('{web_anon,web_viewer}'::text[]) r;
SELECT vvault_stream_set('authenticator', 'authenticator'), vvault_stream_set('token_viewer_role', 'web_viewer');
SQL
if ($node->psql('postgres', 'SELECT vvault_stream.new_key_pair()') != 0)
{
	$node->stop;
	plan skip_all => 'there is no OpenSSL';
}

my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $connstr = $node->connstr('postgres') . ' user=authenticator';

sub sql { return $node->safe_psql('postgres', $_[0]) }
sub token { return sql("SELECT vvault_token_issue('$_[0]', 'film', '{view}') ->> 'access_token'") }

my %token = map { $_ => token($_) } qw(alice bob carol dave);
append_to_file("$folder/jwks.json", sql('SELECT vvault_jwks()'));

sub start
{
	my ($name, %environment) = @_;

	return Site->new("$folder/$name", $connstr, 'web_anon', API => 'yes', JWKS => "$folder/jwks.json", %environment);
}

my $site = start('plain');
if (!$site)
{
	$node->stop;
	plan skip_all => 'there is no nginx';
}
my $may = '/rpc/vvault_may?video_id=film&permission=view';

# A request of the API's address: its reply. %headers go with it.
sub ask
{
	my ($on, $method, $target, $body, %headers) = @_;

	return $on->request($method, $target, [ map { "$_: $headers{$_}" } sort keys %headers ], $body, $on->{api});
}

sub as { return ('Authorization' => "Bearer $_[0]") }

# How many of so many requests are answered by each status, as "200:50 429:10".
sub counted
{
	my ($times, $on, @request) = @_;
	my %seen;

	$seen{ ask($on, @request)->{status} }++ for 1 .. $times;
	return join ' ', map { "$_:$seen{$_}" } sort keys %seen;
}

# ---------------------------------------------------------------------------
# What passes
# ---------------------------------------------------------------------------

my $reply = ask($site, 'GET', $may, undef, as($token{alice}));
is("$reply->{status} $reply->{body}", '200 false', 'a call passes with its token');
$reply = ask($site, 'POST', '/rpc/vvault_may', '{"video_id":"film","permission":"view"}', as($token{alice}), 'Content-Type' => 'application/json');
is("$reply->{status} $reply->{body}", '200 false', 'by POST, too');
is(ask($site, 'GET', $may, undef, as("$token{alice}x"))->{status}, 401, 'a token that is none is refused by PostgREST');
is(ask($site, 'GET', $_)->{status}, 404, "$_ is not there") for '/', '/rpc/', '/rpc/now', '/rpc/vvault_may/x', '/rpc/VVAULT_MAY', '/.vvault/api/429';
is(ask($site, 'DELETE', $may)->{status}, 404, 'another method neither');
$reply = ask($site, 'OPTIONS', $may, undef, Origin => 'https://www.example.org');
is("$reply->{status} $reply->{headers}{'access-control-allow-origin'} $reply->{headers}{'access-control-allow-headers'}",
	'204 https://www.example.org Authorization, Content-Type, If-None-Match', 'a browser may ask with a token');
is(ask($site, 'POST', '/rpc/vvault_may', 'x' x 300_000, 'Content-Type' => 'application/json')->{status}, 413, 'a body that is too large');

# What the caller can do something about is no 500.
sql(q(INSERT INTO vvault_stream.assets (video_id, owner_id, access) VALUES ('raw', 'alice', 'public')));
for (
	[ 'vvault_play_url', '{"video_id":"nobody"}', '404 PT404' ],
	[ 'vvault_play_url', '{"video_id":"raw"}', '409 PT409' ],
	[ 'vvault_hls_key', '{"kid":"00000000000000000000000000000000"}', '404 PT404' ])
{
	my ($function, $arguments, $refused) = @$_;

	$reply = ask($site, 'POST', "/rpc/$function", $arguments, 'Content-Type' => 'application/json');
	is("$reply->{status} " . ($json->decode($reply->{body})->{code} // ''), $refused, "$function($arguments)");
}

# ---------------------------------------------------------------------------
# What PostgREST refuses
# ---------------------------------------------------------------------------

sql(q(SELECT vvault_set_rate_limit('read', subject => 'bob', per_second => 0.0001, burst => 2)));
is(counted(4, $site, 'GET', $may, undef, as($token{bob})), '200:2 429:2', 'a subject has his limit');
$reply = ask($site, 'GET', $may, undef, as($token{bob}));
like($reply->{headers}{'retry-after'}, qr/^[0-9]{4,5}$/, 'and hears from PostgREST when to come again, once');
is($json->decode($reply->{body})->{code}, 'VV429', 'with its words');
sql(q(SELECT vvault_token_revoke(vvault_token_verify($token) -> 'claims' ->> 'jti')) =~ s/\$token/'$token{dave}'/r);
$reply = ask($site, 'GET', $may, undef, as($token{dave}));
is("$reply->{status} $reply->{headers}{'www-authenticate'}", '401 Bearer error="invalid_token"', 'and so does who comes with a token that was revoked');
$site->stop;

# ---------------------------------------------------------------------------
# What nginx refuses: a minute makes room for one more, so it does not matter how
# long this takes
# ---------------------------------------------------------------------------

my %slow = (API_RATE => '1r/m', API_TOKEN_RATE => '1r/m', API_BURST => 'burst=50 nodelay', API_TOKEN_BURST => 'burst=100 nodelay');
$site = start('slow', %slow, API_TOKEN_RATE => '1000r/s');
is(counted(20, $site, 'GET', $may, undef, as($token{alice}), 'X-Forwarded-For' => '203.0.113.1'), '200:20', 'a burst of one client passes');
like(counted(40, $site, 'GET', $may, undef, as($token{carol}), 'X-Forwarded-For' => '203.0.113.2'), qr/^200:3\d 429:\d+$/,
	'and then no more, whatever token he has and whoever he says that he is');
$reply = ask($site, 'GET', $may, undef, as($token{alice}));
is("$reply->{status} $reply->{headers}{'retry-after'} $reply->{headers}{'cache-control'}", '429 1 no-store', 'he is told to wait');
is($json->decode($reply->{body})->{code}, 'VV429', 'in the shape of an error of PostgREST');
$site->stop;

$site = start('trusting', %slow, API_TOKEN_RATE => '1000r/s', TRUSTED => '127.0.0.1');
like(counted(60, $site, 'GET', $may, undef, 'X-Forwarded-For' => '203.0.113.1'), qr/^200:5\d /, 'behind a proxy that is named each client is one');
is(counted(3, $site, 'GET', $may, undef, 'X-Forwarded-For' => '203.0.113.2'), '200:3', 'another one goes on');
is(still_refused(sub { counted(3, $site, 'GET', $may, undef, 'X-Forwarded-For' => '203.0.113.3, 203.0.113.1') }), '429:3', 'the last address counts, which the proxy wrote');
is(counted(3, $site, 'GET', $may, undef, 'X-Forwarded-For' => '203.0.113.1, 203.0.113.4'), '200:3', 'whatever the client wrote before it');
is(still_refused(sub { counted(3, $site, 'GET', $may, undef, 'X-Forwarded-For' => '203.0.113.1, 127.0.0.1') }), '429:3', 'and not that of a proxy');
like(counted(60, $site, 'GET', $may, undef, 'X-Forwarded-For' => '2001:db8:1:2::1'), qr/^200:5\d /, 'of IPv6');
is(still_refused(sub { counted(3, $site, 'GET', $may, undef, 'X-Forwarded-For' => '2001:db8:1:2:ffff::9') }), '429:3', 'a network is one client');
is(counted(3, $site, 'GET', $may, undef, 'X-Forwarded-For' => '2001:db8:1:3::1'), '200:3', 'another network another');
$site->stop;

$site = start('tokens', %slow, API_RATE => '1000r/s', TRUSTED => '127.0.0.1');
my $n = 0;
my %statuses;
$statuses{ ask($site, 'GET', $may, undef, as($token{alice}), 'X-Forwarded-For' => '203.0.113.' . $n++)->{status} }++ for 1 .. 110;
cmp_ok($statuses{200}, '<=', 108, 'one token from many addresses comes so often') or diag $json->encode(\%statuses);
cmp_ok($statuses{429}, '>=', 2, 'and no more');
is(counted(5, $site, 'GET', $may, undef, as($token{carol}), 'X-Forwarded-For' => '203.0.113.1'), '200:5', 'another token does');
my $log = slurp_file("$folder/tokens/api.log");
unlike($log, qr/eyJ|permission=/, 'no token and no argument is in the log');
like($log, qr{"GET /rpc/vvault_may" 429 }, 'what was refused is');

# connections: those that have sent half a request are held
my ($port) = $site->{api} =~ /:([0-9]+)$/;
my @held;

sub hold
{
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "no connection: $!";

	$socket->print("POST /rpc/vvault_may HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.77\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
	$socket->flush;
	return $socket;
}
# nginx waits ten seconds for the other half: on a machine that needs longer they come again
my $tries = 0;
ok(eventually(sub {
	@held = map { hold() } 1 .. 50 if $tries++ % 100 == 0;
	return ask($site, 'GET', $may, undef, 'X-Forwarded-For' => '203.0.113.77')->{status} == 429;
}), 'a client has so many connections at a time');
is(ask($site, 'GET', $may, undef, 'X-Forwarded-For' => '203.0.113.78')->{status}, 200, 'and holds up nobody else');
close $_ for @held;
$site->stop;

# ---------------------------------------------------------------------------
# The site's URLs
# ---------------------------------------------------------------------------

sub site_counted
{
	my ($times, @headers) = @_;
	my %seen;

	$seen{ $site->request('GET', '/api/regions', \@headers)->{status} }++ for 1 .. $times;
	return join ' ', map { "$_:$seen{$_}" } sort keys %seen;
}

$site = start('site', RATE => '1r/m', BURST => 5);
like(site_counted(10), qr/^200:[6-9] 429:/, 'deploy/nginx.conf: a client has a limit');
is(still_refused(sub { site_counted(3, 'X-Forwarded-For: 203.0.113.9') }), '429:3', 'and is nobody else for saying so');
$site->stop;
$site = start('behind', RATE => '1r/m', BURST => 5, TRUSTED => '127.0.0.1');
like(site_counted(10, 'X-Forwarded-For: 203.0.113.9'), qr/^200:[6-9] 429:/, 'behind a proxy that is named, too');
is(site_counted(3, 'X-Forwarded-For: 203.0.113.10'), '200:3', 'where others go on');
sql(q(SELECT vvault_set_rate_limit('read', role_name => 'web_anon', per_second => 0.0001, burst => 1)));
like($site->request('GET', '/api/trending/PL', ['X-Forwarded-For: 203.0.113.11'])->{status}, qr/^200$/, 'a role of all visitors');
$reply = $site->request('GET', '/api/trending/PL?page_size=3', ['X-Forwarded-For: 203.0.113.11']);
is($reply->{status}, 429, 'may have a limit, and the site says so');
like($reply->{headers}{'retry-after'}, qr/^[0-9]{4,5}$/, 'with the database\'s Retry-After');
$site->stop;
$node->stop;
done_testing();
