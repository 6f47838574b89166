#
# 040_nginx.pl
#		deploy/nginx.conf and deploy/postgrest.conf at work: the site's URLs,
#		what is kept and for how long, CORS, errors, and what a hostile client
#		may try. Behind nginx is a PostgREST, where there is one on the PATH,
#		else the tests' stand-in.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../standin";

use Compress::Zlib ();
use JSON::PP ();
use POSIX qw(strftime);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Site;
use Test::More;
use Time::HiRes qw(sleep time);
use VVaultTest;

my $json = JSON::PP->new->utf8->canonical;
my $node = new_node('site');
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION vvault CASCADE;
CREATE ROLE web_anon NOLOGIN;
CREATE ROLE authenticator LOGIN NOINHERIT;
GRANT web_anon TO authenticator;
SELECT vvault_grant('web_anon', 'reader');
EOF
load_sample($node, 'postgres', sample_file('--days', 2, '--per-chart', 50, '--until', strftime('%Y-%m-%dT%H:00:00Z', gmtime)));
ingest_all($node, 'postgres');

my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $connstr = $node->connstr('postgres') . ' user=authenticator';
my $site = Site->new("$folder/site", $connstr, 'web_anon', RATE => '100000r/s', ORIGIN => 'https://site.example')
  or plan skip_all => 'there is no nginx';
note "$site->{nginx} in front of $site->{program}";

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

my $video = sql(q{SELECT video_id FROM vvault.videos WHERE region = 'PL' AND video_id ~ '^[A-Za-z0-9_-]+$' ORDER BY views DESC LIMIT 1});

# ---------------------------------------------------------------------------
# The site's URLs
# ---------------------------------------------------------------------------

for my $case (
	[ '/api/trending/PL', q{vvault_trending('PL')} ],
	[ '/api/trending/PL?page_size=3&sort=momentum', q{vvault_trending('PL', 3, 'momentum')} ],
	[ '/api/trending/PL?sort=momentum&page_size=3', q{vvault_trending('PL', 3, 'momentum')} ],
	[ '/api/trending/PL?page_size=&sort=&cursor=', q{vvault_trending('PL')} ],
	[ '/api/trending/PL?utm_source=x&page_size=3', q{vvault_trending('PL', 3)} ],
	[ '/api/trending/%50L?page_size=1', q{vvault_trending('PL', 1)} ],
	[ '/api/regions', 'vvault_regions()' ],
	[ '/api/analytics', 'vvault_analytics()' ],
	[ '/api/analytics?days=3', 'vvault_analytics(3)' ],
	[ '/api/insights/PL', q{vvault_insights('PL')} ],
	[ "/api/videos/$video", "vvault_video('$video')" ],
	[ '/api/openapi.json', undef ],
	[ '/api/search?q=the', q{vvault_search('the')} ],
	[ '/api/search?q=the+%22a%22&region=PL&language=en&page_size=2', q{vvault_search('the "a"', 'PL', 'en', 2)} ],
	[ '/api/search?q=cs.lewis', q{vvault_search('cs.lewis')} ],
	[ "/api/videos/$video/related?page_size=3", "vvault_related('$video', 3)" ])
{
	my ($url, $call) = @$case;
	my $reply = $site->get($url);

	is($reply->{status}, 200, "GET $url");
	like($reply->{headers}{'content-type'}, qr{^application/json}, 'is JSON');
	is($reply->{body}, sql("SELECT $call"), 'of the database, byte by byte') if defined $call;
	my $head = $site->request('HEAD', $url);
	is("$head->{status} $head->{body}|" . ($head->{headers}{etag} // ''), '200 |' . ($reply->{headers}{etag} // ''),
		'HEAD has the same headers and no body');
}
# what nobody has asked for by GET is not in the cache of nginx
is($site->request('HEAD', $_)->{status}, 200, "HEAD $_ comes first")
  for '/api/search?q=asked+by+head', '/api/trending/SE?page_size=17', "/api/videos/$video/related?page_size=17";
is($site->get('/api/search?q=asked+by+head')->{body}, sql(q{SELECT vvault_search('asked by head')}), 'and leaves a whole reply to a GET');
my $reply = $site->get('/health');
is($json->decode($reply->{body})->{status}, 'ok', '/health says how it stands');
is($reply->{headers}{'cache-control'}, 'no-store', 'and is not kept');
isnt($json->decode($site->get('/health')->{body})->{time}, $json->decode($reply->{body})->{time}, 'here neither');
$reply = $site->get('/dashboard');
like("$reply->{headers}{'content-type'} $reply->{body}", qr/^text\/html; charset=utf-8 <!DOCTYPE html>.*<\/html>\s*$/s, '/dashboard is a page');
like($reply->{headers}{'content-security-policy'}, qr/^default-src 'none'; .*script-src 'sha256-[^,]*$/, 'with its own policy and no other');

# What the description says of the site is there.
my $openapi = $json->decode($site->get('/api/openapi.json')->{body});
for my $path (grep { !m{^/rpc/} } sort keys %{ $openapi->{paths} })
{
	(my $url = $path) =~ s/\{(\w+)\}/$1 eq 'region' ? 'SE' : $video/e;
	is($site->get($url . ($path =~ /search/ ? '?q=a' : ''))->{status}, 200, "$path of the description is served");
}

# walking through pages
my ($cursor, @walked) = ('');
do
{
	my $page = $json->decode($site->get("/api/trending/NL?page_size=20&cursor=$cursor")->{body});
	push @walked, map { $_->{video_id} } @{ $page->{videos} };
	$cursor = $page->{next_cursor};
} while (defined $cursor);
is(join(' ', @walked), sql(q{SELECT string_agg(video_id, ' ' ORDER BY views DESC, video_id) FROM vvault.videos WHERE region = 'NL'}),
	'cursors lead through a whole feed');

my @json = ('Content-Type: application/json');

$reply = $site->request('POST', '/api/search', \@json, '{"q":"eq.the","page_size":2}');
is("$reply->{status} $reply->{body}", '200 ' . sql(q{SELECT vvault_search('eq.the', page_size => 2)}), 'POST /api/search');
is($site->request('POST', '/api/search', \@json, $_)->{status}, 400, "a body that is none: $_") for '{', '[]', '{"q":"a","region":"pl"}';
$reply = $site->request('POST', '/api/search', \@json, '{"q":"' . 'a' x 20000 . '"}');
is("$reply->{status} $reply->{body}", '413 {"error":"request too large"}', 'nor one too large');
is($site->get('/api/search?q=a&region=ZZ')->{body}, '{"error":"invalid region"}', 'an unknown region in a search');

# ---------------------------------------------------------------------------
# What is kept, and for how long
# ---------------------------------------------------------------------------

# Right after the clock has gone to another second.
sub early
{
	sleep(1.02 - (time() - int time()));
	return;
}

early();
$reply = $site->get('/api/trending/SE');
is($reply->{headers}{'cache-control'}, 'public, max-age=3600', 'clients keep a feed for an hour');
isnt($reply->{headers}{'x-cache'}, 'HIT', 'the first of a second is fetched');
my $etag = $reply->{headers}{etag};
like($etag, qr/^"[0-9a-f]{32}"$/, 'and tagged');
my @again = map { $site->get('/api/trending/SE') } 1 .. 3;
is(join(' ', map { $_->{headers}{'x-cache'} } @again), 'HIT HIT HIT', 'the others come from the cache');
is($again[2]{body}, $reply->{body}, 'and are the same');
is($site->get('/api/trending/SE?page_size=25')->{headers}{'x-cache'}, 'MISS', 'another URL is another entry');
is($site->get('/api/trending/SE?utm=1')->{headers}{'x-cache'}, 'HIT', 'but not for what nobody asked');

for my $list ($etag, "W/$etag", "\"other\", $etag", '*')
{
	$reply = $site->get('/api/trending/SE', "If-None-Match: $list");
	is("$reply->{status} $reply->{body}", '304 ', "304 without a body for If-None-Match: $list");
	is($reply->{headers}{etag}, $etag, 'with the ETag');
	is($reply->{headers}{'cache-control'}, 'public, max-age=3600', 'and the lifetime');
}
is($site->get('/api/trending/SE', 'If-None-Match: "other"')->{status}, 200, 'another ETag gets the reply');
$reply = $site->get('/api/trending/SE?page_size=7', "If-None-Match: *");
is("$reply->{status} $reply->{headers}{'x-cache'}", '304 MISS', 'a miss is fetched whole and compared here');
is($site->get('/api/trending/SE?page_size=7')->{status}, 200, 'so that the next one gets it');
early();
is($site->get('/api/trending/SE')->{headers}{'x-cache'}, 'REVALIDATED', 'what has run out and not changed is asked by its ETag');
early();
$site->get('/api/trending/SE');
sql(q{UPDATE vvault.videos SET views = views + 1000000000 WHERE region = 'SE'});
early();
$reply = $site->get('/api/trending/SE', "If-None-Match: $etag");
is($reply->{status}, 200, 'a change shows in the next second, whatever Cache-Control told');
is($reply->{headers}{'x-cache'}, 'EXPIRED', 'because the entry has run out');
is($reply->{body}, sql(q{SELECT vvault_trending('SE')}), 'as it is');

# after a quiet time too
sql(q{UPDATE vvault.videos SET views = views + 1000000000 WHERE region = 'SE'});
sleep 2.5;
is($site->get('/api/trending/SE')->{body}, sql(q{SELECT vvault_trending('SE')}), 'the first visitor after a quiet time gets what is');

# compressed
$reply = $site->get('/api/trending/SE', 'Accept-Encoding: gzip');
is("$reply->{headers}{'content-encoding'} $reply->{headers}{vary}", 'gzip Accept-Encoding', 'who takes gzip gets it');
is(Compress::Zlib::memGunzip($reply->{body}), sql(q{SELECT vvault_trending('SE')}), 'of the same bytes');
like($reply->{headers}{etag}, qr{^W/"}, 'with a weak ETag');
is($site->get('/api/trending/SE', "If-None-Match: $reply->{headers}{etag}")->{status}, 304, 'that is known as well');

# ---------------------------------------------------------------------------
# CORS and headers
# ---------------------------------------------------------------------------

for my $case ([ 'GET', '/api/regions' ], [ 'GET', '/nothing' ], [ 'GET', '/api/trending/ZZ' ], [ 'DELETE', '/api/regions' ],
	[ 'OPTIONS', '/api/regions' ])
{
	for my $origin ('https://site.example', 'https://evil.example')
	{
		$reply = $site->request(@$case, [ "Origin: $origin" ]);
		is($reply->{headers}{'access-control-allow-origin'}, 'https://site.example', "@$case from $origin: the one origin is named");
	}
	is($reply->{headers}{'access-control-allow-credentials'}, undef, 'without credentials');
	is($reply->{headers}{'x-content-type-options'}, 'nosniff', 'types are not guessed');
	is($reply->{headers}{'x-frame-options'}, 'DENY', 'nothing goes into a frame');
	is($reply->{headers}{'content-security-policy'}, "default-src 'none'; frame-ancestors 'none'", 'nothing runs');
	is($reply->{headers}{server}, 'nginx', 'the version is not told');
}
$reply = $site->request('OPTIONS', '/api/trending/PL',
	[ 'Origin: https://site.example', 'Access-Control-Request-Method: GET', 'Access-Control-Request-Headers: if-none-match' ]);
is("$reply->{status} $reply->{body}", '204 ', 'a preflight is answered here');
is($reply->{headers}{'access-control-allow-methods'}, 'GET, HEAD, OPTIONS', 'with the methods');
like($reply->{headers}{'access-control-allow-headers'}, qr/If-None-Match/, 'the headers');
is($reply->{headers}{'access-control-max-age'}, 86400, 'and for how long');
is($site->request('OPTIONS', '/api/search')->{headers}{'access-control-allow-methods'}, 'GET, HEAD, POST, OPTIONS', 'a search may be posted');

# ---------------------------------------------------------------------------
# Errors have the old site's body
# ---------------------------------------------------------------------------

my %error = (
	'/api/trending/ZZ' => '400 invalid region', '/api/trending/pl' => '400 invalid region', '/api/trending/' => '400 invalid region',
	'/api/trending/PL%0d%0aX-Evil:%20yes' => '400 invalid region', '/api/trending/PL%26page_size=1' => '400 invalid region',
	'/api/trending/PL%20' => '400 invalid region', '/api/trending/%C5%BB' => '400 invalid region', '/api/insights/ZZ' => '400 invalid region',
	'/api/insights/x' => '400 invalid region', '/api/trending/PL?page_size=0' => '400 invalid page_size',
	'/api/trending/PL?page_size=-1' => '400 invalid page_size', '/api/trending/PL?page_size=9999999999' => '400 invalid page_size',
	'/api/trending/PL?page_size=1%26sort=hot' => '400 invalid page_size', '/api/trending/PL?sort=best' => '400 invalid sort',
	'/api/trending/PL?sort=views;' => '400 invalid sort', '/api/trending/PL?cursor=%0d%0a' => '400 invalid cursor',
	'/api/trending/PL?cursor=abc' => '400 invalid region or cursor', '/api/analytics?days=0' => '400 invalid days',
	'/api/analytics?days=999' => '400 invalid days', '/api/analytics?days=x' => '400 invalid days',
	'/api/videos/nobody' => '404 video not found', '/api/videos/' => '404 not found', '/api/videos/a.b' => '404 not found',
	'/api/videos/nobody/other' => '404 not found', '/api/videos/a%2Frelated' => '404 video not found',
	'/api/videos/nobody/related?page_size=x' => '400 invalid page_size', '/api/search?q=a&region=pl' => '400 invalid region',
	'/api/search?q=a&language=%22' => '400 invalid language', '/api/search?q=a&page_size=x' => '400 invalid page_size',
	'/api/search?q=a&cursor=!' => '400 invalid cursor',
	'/' => '404 not found', '/api' => '404 not found', '/api/trending' => '404 not found', '/api/trending/PL/more' => '404 not found',
	'/rpc/vvault_trending?region=PL' => '404 not found', '/rpc/vvault_health' => '404 not found', '/.vvault/400' => '404 not found',
	'/.vvault/search' => '404 not found', '/api/regions/../../etc/passwd' => '404 not found', '/..%2f..%2fetc/passwd' => '400 bad request',
	'/api/%2e%2e/health/x' => '404 not found', '/../../etc/passwd' => '400 bad request', '/api/%00' => '400 bad request',
	'/api/%zz' => '400 bad request', '/health/' => '404 not found', '/index.php' => '404 not found',
	'/api/trending/' . 'P' x 9000 => '414 URI too long');
# An unknown video has no related ones, or there are none of any.
delete $error{'/api/videos/a%2Frelated'} if $site->get('/api/videos/nobody/related')->{status} == 200;
for my $url (sort keys %error)
{
	my ($status, $message) = split / /, $error{$url}, 2;

	$reply = $site->get($url);
	is("$reply->{status} $reply->{body}", "$status {\"error\":\"$message\"}", 'GET ' . substr $url, 0, 60);
	is("$reply->{headers}{'content-type'} $reply->{headers}{'cache-control'}", 'application/json no-store', 'as JSON, kept by nobody');
	is($reply->{headers}{'x-evil'}, undef, 'and with no header of the client\'s');
}
for my $method (qw(POST PUT PATCH DELETE PROPFIND TRACE))
{
	$reply = $site->request($method, '/api/trending/PL');
	is("$reply->{status} $reply->{body}", '405 {"error":"method not allowed"}', "$method is refused");
}
$reply = $site->request('DELETE', '/api/search');
is("$reply->{status} $reply->{headers}{allow}", '405 GET, HEAD, POST, OPTIONS', 'which says what is allowed');
is($site->request('PUT', '/api/regions')->{headers}{allow}, 'GET, HEAD, OPTIONS', 'for each URL');
is($site->request('HEAD', '/nothing')->{status} . $site->request('HEAD', '/nothing')->{body}, '404', 'HEAD of nothing has no body');

# no request at all
for my $bytes ("GET / HTTP/1.1\r\n\r\n", "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", "get / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\nX: " . 'y' x 9000 . "\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n")
{
	like($site->raw($bytes), qr/^HTTP\/1\.1 400 .*Content-Type: application\/json\r\n.*\{"error":"bad request"\}$/s,
		'what is no request gets JSON too: ' . substr $json->allow_nonref->encode($bytes), 0, 40);
}

# A client's headers go no further: what is kept is for all.
$reply = $site->get('/api/trending/AT', 'Authorization: Bearer x.y.z', 'Prefer: count=exact', 'Range: items=0-0', 'Cookie: a=b',
	'Accept: text/csv', 'Accept-Profile: vvault', 'X-HTTP-Method-Override: DELETE', 'Content-Type: text/csv');
is("$reply->{status} $reply->{body}", '200 ' . sql(q{SELECT vvault_trending('AT')}), 'headers change nothing');

# ---------------------------------------------------------------------------
# Rates, and a database or a PostgREST that is gone
# ---------------------------------------------------------------------------

my $slow = Site->new("$folder/slow", $connstr, 'web_anon', RATE => '1r/s');
my %seen;
$seen{ $slow->get('/api/regions')->{status} }++ for 1 .. 130;
cmp_ok($seen{200}, '>=', 100, 'a burst is served');
cmp_ok($seen{429}, '>=', 1, 'and then no more');
$reply = $slow->get('/api/regions');
is("$reply->{status} $reply->{body} $reply->{headers}{'retry-after'}", '429 {"error":"too many requests"} 1', 'said so');
$slow->stop;

my $kept = $site->get('/api/trending/PL')->{body};
$site->signal_upstream('KILL') if $site->{program} eq 'postgrest';
$site->signal_upstream('TERM') if $site->{program} ne 'postgrest';
sleep 2.2;
$reply = $site->get('/api/trending/PL');
is("$reply->{status} $reply->{headers}{'x-cache'}", '200 STALE', 'while nobody answers, old replies go on');
is($reply->{body}, $kept, 'as they were');
is($site->get('/api/trending/PL', "If-None-Match: $reply->{headers}{etag}")->{status}, 304, 'and may be kept on');
for my $url ('/api/trending/US?page_size=2', '/health')
{
	$reply = $site->get($url);
	is("$reply->{status} $reply->{body}", '503 {"error":"service unavailable"}', "$url is not there");
	is($reply->{headers}{'retry-after'}, 1, 'for now');
}
is($site->get('/api/trending/pl')->{status}, 400, 'what is wrong stays wrong');
$site->stop;

# ---------------------------------------------------------------------------
# Of the files, only lines marked SITE are changed
# ---------------------------------------------------------------------------

sub lines_of
{
	my ($file) = @_;

	open my $in, '<', $file or die "$file: $!";
	return grep { !/# SITE/ } <$in>;
}
my @shipped = lines_of('deploy/nginx.conf');
my %used = map { $_ => 1 } lines_of("$folder/site/vvault.conf");
is(join('', grep { !$used{$_} } @shipped), '', 'all of nginx.conf that is not marked is as shipped');
unlike(PostgreSQL::Test::Utils::slurp_file("$folder/site/error.log"), qr/\[(?:emerg|alert|crit)\]/, 'nginx had no trouble');

done_testing();
