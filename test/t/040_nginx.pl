#
# 040_nginx.pl
#		deploy/nginx.conf and deploy/postgrest.conf at work: the site's URLs,
#		what is kept and for how long, CORS, errors, and what a hostile client
#		may try. Behind nginx is the tests' stand-in for PostgREST and then, where
#		there is one on the PATH, a PostgREST.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../standin";

use Compress::Zlib ();
use IO::Socket::INET ();
use JSON::PP ();
use JSON::Validator ();
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

# What people search for, the more so if it means something to PostgREST or in a
# URL. Each is a part of a title too.
my @queries = ('eq.1', 'cs.lewis', 'not.in.x', 'in.(a,b)', 'in.a', 'or', 'and', 'select', 'limit', 'order.asc', 'is.null', 'is.it',
	'(select)', 'fts(english).cat', 'like.*x*', 'not.eq.5', '-x', 'rock -pop', 'a,b', '"in quotes"', q{it's}, '100%', '%', '%41', 'a&b',
	'&q=x', 'a=b', 'a+b', 'a;b;c', 'a#b', 'why?', 'ac/dc', '..', '../..', '{a}', '[b]', '$1', '\\', '|', '<i>', '~*', '!', 'null', 'true',
	'zażółć gęślą jaźń', 'ŁÓDŹ', 'København', 'müller', '日本', 'الموسيقى', "\xF0\x9F\x8E\xB5", "e\xCC\x81", 'x' x 200);

# A text for SQL.
sub quoted
{
	my ($text) = @_;

	return "\$quoted\$$text\$quoted\$";
}

$node->safe_psql('postgres', 'INSERT INTO vvault.videos (region, video_id, title, views) VALUES '
	  . join ', ', map { "('PL', 'query$_', " . quoted("a title with $queries[$_] in it") . ", $_)" } 0 .. $#queries);

my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $connstr = $node->connstr('postgres') . ' user=authenticator';
my $site;

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

my $video = sql(q{SELECT video_id FROM vvault.videos WHERE region = 'PL' AND video_id ~ '^[A-Za-z0-9_-]+$' ORDER BY views DESC LIMIT 1});
my @json = ('Content-Type: application/json');

# Text in a URL: each byte but letters, digits and the other bytes given.
sub escaped
{
	my ($text, $others) = @_;

	$others //= '_-';
	return $text =~ s/([^A-Za-z0-9$others])/sprintf '%%%02X', ord $1/ger;
}

# ---------------------------------------------------------------------------
# The site's URLs
# ---------------------------------------------------------------------------

# A GET is what the database says, and HEAD says the same but for the body.
sub is_database
{
	my ($url, $call, $name) = @_;
	my $asked = 0;
	my ($reply, $said) = within_step(sub {
		# by then nginx has let go of what was of the hour before
		sleep 1.1 if $asked++;
		return ($site->get($url), defined $call ? sql("SELECT $call") : '');
	});

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$name //= "GET $url";
	is($reply->{status}, 200, $name) or diag $reply->{body};
	like($reply->{headers}{'content-type'}, qr{^application/json}, 'is JSON');
	is($reply->{body}, $said, 'of the database, byte by byte') if defined $call;
	my $head = $site->request('HEAD', $url);
	is("$head->{status} $head->{body}|" . ($head->{headers}{etag} // ''), '200 |' . ($reply->{headers}{etag} // ''),
		'HEAD has the same headers and no body');
	return $reply;
}

sub try_urls
{
	is_database(@$_) for (
		[ '/api/trending/PL', q{vvault_trending('PL')} ],
		[ '/api/trending/PL?page_size=3&sort=momentum', q{vvault_trending('PL', 3, 'momentum')} ],
		[ '/api/trending/PL?sort=momentum&page_size=3', q{vvault_trending('PL', 3, 'momentum')} ],
		[ '/api/trending/PL?as_of=2026-01-14T12:00:00Z&page_size=3', q{vvault_trending('PL', 3, as_of => '2026-01-14 12:00Z')} ],
		[ '/api/trending/PL?as_of=2026-01-14T12%3A00%3A00%2B00%3A00&page_size=3', q{vvault_trending('PL', 3, as_of => '2026-01-14 12:00Z')} ],
		[ '/api/trending/PL?per_channel=1&page_size=9', q{vvault_trending('PL', 9, per_channel => 1)} ],
		[ '/api/trending/PL?per_category=2&sort=hot&per_channel=3', q{vvault_trending('PL', sort => 'hot', per_channel => 3, per_category => 2)} ],
		[ '/api/trending/PL?page_size=&sort=&cursor=&per_channel=&per_category=', q{vvault_trending('PL')} ],
		[ '/api/trending/PL?utm_source=x&page_size=3', q{vvault_trending('PL', 3)} ],
		[ '/api/trending/%50L?page_size=1', q{vvault_trending('PL', 1)} ],
		[ '/api/regions', 'vvault_regions()' ],
		[ '/api/analytics', 'vvault_analytics()' ],
		[ '/api/analytics?days=3', 'vvault_analytics(3)' ],
		[ '/api/insights/PL', q{vvault_insights('PL')} ],
		[ "/api/videos/$video", "vvault_video('$video')" ],
		[ '/api/openapi.json', undef ],
		[ "/api/videos/$video/related?page_size=3", "vvault_related('$video', 3)" ]);

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
	return;
}

# What is asked besides, and what PostgREST keeps for itself, goes no further.
sub try_arguments_of_others
{
	my $others = 'utm=1&select=x&limit=0&offset=1&order=x&and=(a)&or=(b)&not.or=(c)&columns=c&on_conflict=d&id=eq.1&x.y=in.z&%23=&=';

	for my $url ('/api/trending/PL', '/api/search?q=title', "/api/videos/$video", "/api/videos/$video/related", '/api/regions',
		'/api/analytics', '/api/insights/PL', '/api/openapi.json', '/dashboard')
	{
		# the page tells when it was made
		my ($reply, $without) = map {
			my $got = $site->get($_);
			"$got->{status} " . $got->{body} =~ s{<time [^>]*>[^<]*</time></footer>}{}r
		} $url . ($url =~ /\?/ ? '&' : '?') . $others, $url;

		is($reply, $without, "$url: what it does not know is passed over");
		like($reply, qr/^200 ./, 'and not refused');
	}
	is($site->get("/health?$_")->{status}, 200, "/health?$_") for $others, 'utm=1', 'region=PL', 'q=eq.1', 'select=time', '?';
	is($site->request('POST', "/api/search?$_", \@json, '{"q":"title"}')->{body}, sql(q{SELECT vvault_search('title')}), "POST /api/search?$_")
	  for $others, 'q=other', 'q=eq.1', 'limit=0';
	return;
}

# ---------------------------------------------------------------------------
# Searches
# ---------------------------------------------------------------------------

sub try_searches
{
	for my $q (@queries)
	{
		my $call = 'vvault_search(' . quoted($q) . ')';
		my $name = 'search for ' . escaped(substr($q, 0, 40), '\x20-\x7e');
		my $reply = is_database('/api/search?q=' . escaped($q), $call, $name);
		my $tag = $reply->{headers}{etag};
		my $again = $site->get('/api/search?q=' . escaped($q), "If-None-Match: $tag");

		is("$again->{status} $again->{body}|$again->{headers}{etag}", "304 |$tag", 'who has it does not get it again');
		next if $q =~ /[%+&#]/;
		my $plain = $site->get('/api/search?q=' . escaped($q, '\x21-\x7e\x80-\xff'));
		is("$plain->{status} $plain->{body}", '200 ' . sql("SELECT $call"), 'as it is typed it finds the same');
	}
	for my $case ([ '%', '%' ], [ '100%', '100%' ], [ '%4', '%4' ], [ '%zz', '%zz' ], [ 'a;b;c;d;e;f;g;h;i', 'a;b;c;d;e;f;g;h;i' ], [ '', '' ],
		[ 'y' x 1000, 'y' x 1000 ], [ '%C5%BC' x 500, 'ż' x 500 ])
	{
		my $reply = $site->get("/api/search?q=$case->[0]");

		is("$reply->{status} $reply->{body}", '200 ' . sql('SELECT vvault_search(' . quoted($case->[1]) . ')'),
			'q=' . substr $case->[0], 0, 40);
	}
	is($site->get('/api/search')->{body}, sql(q{SELECT vvault_search('')}), 'no q is an empty one');
	is($site->get('/api/search?q=1;2;3;4;5;6;7;8;9;0')->{body}, '{"error":"invalid q"}', 'more than eight ; want to be encoded');
	is($json->decode($site->get('/api/search?q=cs.lewis')->{body})->{videos}[0]{title}, 'a title with cs.lewis in it', 'and it is found');

	is_database("/api/search?$_->[0]", "vvault_search($_->[1])") for (
		[ 'q=the', q{'the'} ], [ 'q=the+%22a%22&region=PL&language=en&page_size=2', q{'the "a"', 'PL', 'en', 2} ],
		[ 'page_size=2&q=title&region=', q{'title', NULL, NULL, 2} ], [ 'q=eq.1&region=PL&page_size=1', q{'eq.1', 'PL', NULL, 1} ],
		[ 'q=title&q=other', q{'title'} ]);
	try_pages_of_a_search($_) for 'title', 'eq.1', 'in.(a,b)';
	return;
}

sub try_pages_of_a_search
{
	my ($q) = @_;
	my ($url, $cursor, @walked) = ('/api/search?page_size=7&q=' . escaped($q), '');
	my $whole = $json->decode(sql('SELECT vvault_search(' . quoted($q) . ', page_size => 200)'));

	do
	{
		my $page = $json->decode($site->get("$url&cursor=$cursor")->{body});
		push @walked, map { $_->{video_id} } @{ $page->{videos} // [] };
		$cursor = $page->{next_cursor};
	} while (defined $cursor);
	is(join(' ', @walked), join(' ', map { $_->{video_id} } @{ $whole->{videos} }), "cursors lead through a search for $q");
	return;
}

sub try_posted_searches
{
	my $reply = $site->request('POST', '/api/search', \@json, '{"q":"eq.the","page_size":2}');

	is("$reply->{status} $reply->{body}", '200 ' . sql(q{SELECT vvault_search('eq.the', page_size => 2)}), 'POST /api/search');
	for my $body ('', '{', '[]', '{}', '5', 'null', '"q"', '{"q":"a","region":"pl"}', '{"q":"a","limit":1}', '{"region":"PL"}',
		'{"q":"\u0000"}', '{"q":"\ud800"}', "{\"q\":\"\xff\"}", '{"q":"a","page_size":"x"}', '{"q":"a","page_size":1e99}')
	{
		$reply = $site->request('POST', '/api/search', \@json, $body);
		is("$reply->{status} $reply->{body}", '400 {"error":"invalid search"}', "a body that is none: $body" =~ s/[^ -~]/?/gr);
	}
	$reply = $site->request('POST', '/api/search', \@json, '{"q":"' . 'a' x 20000 . '"}');
	is("$reply->{status} $reply->{body}", '413 {"error":"request too large"}', 'nor one too large');
	is($site->get('/api/search?q=a&region=ZZ')->{body}, '{"error":"invalid region"}', 'an unknown region in a search');
	return;
}

# ---------------------------------------------------------------------------
# Bytes
# ---------------------------------------------------------------------------

sub try_bytes
{
	my @bad = ('%FF', '%C3', '%C3%28', '%c3.', "\xff", "\xc3", "\xc3%zz", '%E2%82', '%80', '%C0%AF', '%C1%BF', '%E0%80%AF', '%E0%9F%BF', '%ED%A0%80',
		'%ed%bf%bf', "\xed\xa0\x80", '%F0%8F%BF%BF', '%F4%90%80%80', '%F5%80%80%80', '%F8%88%80%80%80', '%C5%BC%BC', '%00', 'a%00b');
	my @paths = ('/api/trending/PL', '/api/search', "/api/videos/$video", "/api/videos/$video/related", '/api/regions', '/api/analytics',
		'/api/insights/PL', '/api/openapi.json', '/dashboard', '/health', '/', '/nothing');
	my @arguments = qw(q region language page_size cursor sort days video_id utm select);

	for my $bad (@bad)
	{
		my %status;

		$status{ $site->get("$_?q=a&x=$bad")->{body} }++ for @paths;
		$status{ $site->get("/api/search?$_=$bad")->{body} }++ for @arguments;
		$status{ $site->get("/api/trending/PL?$bad=1")->{body} }++;
		$status{ $site->request('POST', "/api/search?x=$bad", \@json, '{"q":"a"}')->{body} }++;
		is_deeply([ keys %status ], ['{"error":"invalid characters"}'], 'no UTF-8, or a NUL: ' . escaped($bad, '%.'));
		my %path_status = map { $site->get($_)->{status} => 1 } "/api/trending/$bad", "/api/videos/$bad", "/$bad", "/api/$bad/x";
		is(join(' ', keys %path_status), 400, 'in a path too');
	}
	for my $good ('%C2%80', '%DF%BF', '%E0%A0%80', '%ED%9F%BF', '%EE%80%80', '%EF%BF%BF', '%F0%90%80%80', '%F4%8F%BF%BF', '%f3%bf%bf%bf',
		"\xc5\xbc", "\xc5%bc", "%C5\xbc", '%C5%BC' x 1200, 'a' x 7000, '%41' x 2300, '%' x 7000, "\xc5\xbc" x 3500, "\xf0\x9f\x98\x80" x 1700)
	{
		my $reply = $site->get("/api/regions?x=$good");

		is("$reply->{status} $reply->{body}", '200 ' . sql('SELECT vvault_regions()'), 'UTF-8: ' . substr escaped($good, '%'), 0, 40);
	}
	return;
}

# ---------------------------------------------------------------------------
# What is kept, and for how long
# ---------------------------------------------------------------------------

# Right after the clock has gone to another second.
sub early
{
	sleep(1.02 - (time() - int time()));
	return;
}

# What nginx's cache said to requests of one second, one after the other: URLs, or
# lists of a URL and headers. On a machine that needs longer it is tried again.
sub in_one_second
{
	my (@urls) = @_;
	my $end = time() + $PostgreSQL::Test::Utils::timeout_default;

	while (time() < $end)
	{
		early();
		my $second = int time();
		my @replies = map { $site->get(ref $_ ? @$_ : $_) } @urls;

		return map { $_->{headers}{'x-cache'} } @replies if int time() == $second;
	}
	return ('this machine is too slow');
}

sub try_keeping
{
	my $reply = $site->get('/api/trending/SE');
	my $etag = $reply->{headers}{etag};

	is($reply->{headers}{'cache-control'}, 'public, max-age=3600', 'clients keep a feed for an hour');
	like($etag, qr/^"[0-9a-f]{32}"$/, 'it is tagged');
	my ($first, $second) = in_one_second('/api/trending/SE', '/api/trending/SE');
	isnt($first, 'HIT', 'the first of a second is fetched');
	is($second, 'HIT', 'the others come from the cache');
	is((in_one_second('/api/trending/SE', '/api/trending/SE?utm=1'))[1], 'HIT', 'whatever else they ask');
	is($site->get('/api/trending/SE?page_size=25')->{headers}{'x-cache'}, 'MISS', 'another URL is another entry');

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
	return;
}

sub try_changes
{
	my $etag = $site->get('/api/trending/SE')->{headers}{etag};
	my $reply;

	early();
	is($site->get('/api/trending/SE')->{headers}{'x-cache'}, 'REVALIDATED', 'what has run out and not changed is asked by its ETag');
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
	return;
}

# ---------------------------------------------------------------------------
# Who takes gzip
# ---------------------------------------------------------------------------

# The coding of a reply, and what it is without it.
sub unpacked
{
	my ($reply) = @_;
	my $coding = $reply->{headers}{'content-encoding'} // 'none';

	return "$coding " . ($coding eq 'gzip' ? Compress::Zlib::memGunzip($reply->{body}) : $reply->{body});
}

sub try_codings
{
	my $url = '/api/trending/NO';
	my @gzip = ($url, 'Accept-Encoding: gzip');
	my $text = sql(q{SELECT vvault_trending('NO')});
	my $reply;

	for my $takes ('gzip', 'GZIP', 'gzip, deflate', 'gzip, deflate, br, zstd', 'br,gzip', 'br;q=1.0 , gzip ; q=0.001', 'gzip;q=1.000', "deflate,\tgzip")
	{
		$reply = $site->get($url, "Accept-Encoding: $takes");
		is(unpacked($reply), "gzip $text", "Accept-Encoding: $takes");
		is($reply->{headers}{vary}, 'Accept-Encoding', 'which it depends on');
	}
	for my $takes ('identity', 'br', 'gzip;q=0', 'deflate, gzip ; q=0.000', 'xgzip', 'gzipped', 'x-gzip', '*', '')
	{
		$reply = $site->get($url, "Accept-Encoding: $takes");
		is(unpacked($reply), "none $text", "Accept-Encoding: $takes");
		is($reply->{headers}{vary}, 'Accept-Encoding', 'which it depends on, too');
	}
	is((in_one_second(\@gzip, \@gzip))[1], 'HIT', 'what is packed is kept');
	is((in_one_second($url, \@gzip, $url))[2], 'HIT', 'beside what is not');
	early();
	is($site->get(@gzip)->{headers}{'x-cache'}, 'REVALIDATED', 'and is asked by its ETag, too');
	$reply = $site->get(@gzip);
	is($site->get(@$_, "If-None-Match: $reply->{headers}{etag}")->{status}, 304, 'which is known to both') for [$url], \@gzip;
	my $head = $site->request('HEAD', $url, [ $gzip[1] ]);
	is("$head->{headers}{'content-encoding'} $head->{headers}{etag} $head->{body}", "gzip $reply->{headers}{etag} ", 'and told by HEAD');

	sql(q{UPDATE vvault.videos SET views = views + 1000000000 WHERE region = 'NO'});
	early();
	$text = sql(q{SELECT vvault_trending('NO')});
	is(unpacked($site->get(@gzip)), "gzip $text", 'a change shows in the next second in what is packed');
	is(unpacked($site->get($url)), "none $text", 'and in what is not');
	is(unpacked($site->request('POST', '/api/search', [ @json, $gzip[1] ], '{"q":"title"}')), 'gzip ' . sql(q{SELECT vvault_search('title')}),
		'what is not kept is packed as well');
	return;
}

# ---------------------------------------------------------------------------
# CORS and headers
# ---------------------------------------------------------------------------

sub try_cors
{
	my $reply;

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
	return;
}

# ---------------------------------------------------------------------------
# Errors have the old site's body
# ---------------------------------------------------------------------------

my %error = (
	'/api/trending/ZZ' => '400 invalid region', '/api/trending/pl' => '400 invalid region', '/api/trending/' => '400 invalid region',
	'/api/trending/PL%0d%0aX-Evil:%20yes' => '400 invalid region', '/api/trending/PL%26page_size=1' => '400 invalid region',
	'/api/trending/PL%20' => '400 invalid region', '/api/trending/PL%0A' => '400 invalid region', '/api/insights/PL%0a' => '400 invalid region',
	'/api/videos/nobody%0A' => '404 not found', '/api/videos/nobody/related%0A' => '404 not found', '/api/trending/%C5%BB' => '400 invalid region', '/api/insights/ZZ' => '400 invalid region',
	'/api/insights/x' => '400 invalid region', '/api/trending/PL?page_size=0' => '400 invalid page_size',
	'/api/trending/PL?as_of=yesterday' => '400 invalid as_of', '/api/trending/PL?as_of=9999-01-01T00:00Z' => '400 invalid region or as_of',
	'/api/trending/PL?per_channel=0' => '400 invalid per_channel', '/api/trending/PL?per_category=1;2' => '400 invalid per_category',
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

# By the description's schema of errors: {"error": text} and no more.
sub is_described
{
	my ($schemas, $path, $reply) = @_;

	return $schemas->validate_response([ get => $path, $reply->{status} ],
		{ body => sub { return { content_type => 'application/json', exists => 1, value => $json->decode($reply->{body}) } } }) ? 0 : 1;
}

sub try_errors
{
	# An unknown video has no related ones, or there are none of any.
	delete $error{'/api/videos/a%2Frelated'} if $site->get('/api/videos/nobody/related')->{status} == 200;
	for my $url (sort keys %error)
	{
		my ($status, $message) = split / /, $error{$url}, 2;

		my $reply = $site->get($url);
		is("$reply->{status} $reply->{body}", "$status {\"error\":\"$message\"}", 'GET ' . substr $url, 0, 60);
		is("$reply->{headers}{'content-type'} $reply->{headers}{'cache-control'}", 'application/json no-store', 'as JSON, kept by nobody');
		is($reply->{headers}{'x-evil'}, undef, 'and with no header of the client\'s');
	}
	my $schemas = JSON::Validator->new->schema($json->decode($site->get('/api/openapi.json')->{body}))->schema;
	for my $case ([ '/api/trending/{region}', '/api/trending/pl' ], [ '/api/videos/{video_id}', '/api/videos/nobody' ],
		[ '/api/search', '/api/search?q=a&region=pl' ], [ '/api/analytics', '/api/analytics?days=x' ], [ '/health', '/health?x=%FF' ])
	{
		ok(is_described($schemas, $case->[0], $site->get($case->[1])), "$case->[1] is refused as the description says");
	}
	return;
}

sub try_methods
{
	my $reply;

	for my $method (qw(POST PUT PATCH DELETE PROPFIND TRACE))
	{
		$reply = $site->request($method, '/api/trending/PL');
		is("$reply->{status} $reply->{body}", '405 {"error":"method not allowed"}', "$method is refused");
	}
	$reply = $site->request('DELETE', '/api/search');
	is("$reply->{status} $reply->{headers}{allow}", '405 GET, HEAD, POST, OPTIONS', 'which says what is allowed');
	is($site->request('PUT', '/api/regions')->{headers}{allow}, 'GET, HEAD, OPTIONS', 'for each URL');
	is($site->request('HEAD', '/nothing')->{status} . $site->request('HEAD', '/nothing')->{body}, '404', 'HEAD of nothing has no body');
	return;
}

sub try_no_requests
{
	my $reply;

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
	for my $case ([ 'GET', 31 ], [ 'HEAD', 32 ], [ 'GET', 33, 'Expect: 100-continue' ])
	{
		my ($method, $page_size, @lines) = @$case;

		$reply = $site->request($method, "/api/trending/AT?page_size=$page_size", \@lines, 'a body');
		is($reply->{status}, 200, "$method with a body that nobody asked for @lines");
	}
	# conditions of those who write
	for my $line ('If-Match: "other"', 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT')
	{
		for my $url ('/api/trending/AT', '/api/trending/AT?page_size=34', '/api/search?q=title', '/health', '/dashboard', '/nothing')
		{
			$reply = $site->get($url, $line);
			is("$reply->{status} $reply->{body}", '412 {"error":"precondition failed"}', "$url, $line");
		}
		is($site->get('/api/regions?x=%FF', $line)->{status}, 400, 'bytes come first');
	}
	is($site->get('/api/regions', 'If-Match: *')->{status}, 200, 'whatever there is, it is there');
	for my $lines ([ 'Transfer-Encoding: gzip' ], [ 'Transfer-Encoding: chunked, gzip' ])
	{
		$reply = $site->request('GET', '/api/regions', $lines);
		is("$reply->{status} $reply->{body}", '400 {"error":"bad request"}', "@$lines is the client's fault");
	}
	like($site->raw("GET /api/regions HTTP/9.1\r\nHost: x\r\n\r\n"), qr/^HTTP\/1\.1 400 .*\{"error":"bad request"\}$/s, 'and so is another HTTP');
	return;
}

# ---------------------------------------------------------------------------
# Rates, and a database or a PostgREST that is gone
# ---------------------------------------------------------------------------

# A minute makes room for one more, so it does not matter how long this takes.
sub try_rates
{
	my (@environment) = @_;
	my $slow = Site->new("$folder/slow", $connstr, 'web_anon', RATE => '1r/m', @environment);
	my %seen;

	$seen{ $slow->get('/api/regions')->{status} }++ for 1 .. 130;
	cmp_ok($seen{200}, '>=', 100, 'a burst is served');
	cmp_ok($seen{429}, '>=', 1, 'and then no more');
	my $reply = $slow->get('/api/regions');
	is("$reply->{status} $reply->{body} $reply->{headers}{'retry-after'}", '429 {"error":"too many requests"} 1', 'said so');
	$slow->stop;
	return;
}

# Who is one client, behind a proxy that says whose requests it brings.
sub try_clients
{
	my (@environment) = @_;
	my $behind = Site->new("$folder/behind", $connstr, 'web_anon', RATE => '1r/m', BURST => 5, TRUSTED => '127.0.0.1', @environment);
	my $statuses = sub {
		my ($client, $times) = @_;

		return join ' ', map { $behind->get('/api/regions', "X-Forwarded-For: $client")->{status} } 1 .. $times;
	};

	for my $case ([ '2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:3::1' ], [ '198.51.100.1', '198.51.100.1', '198.51.100.2' ],
		[ '9.9.9.1', '9.9.9.1', '9.9.9.2' ])
	{
		my ($client, $same, $other) = @$case;

		like($statuses->($client, 20), qr/^200 .*429/, "$client asks too often");
		like($statuses->($same, 3), qr/429/, "$same is the same client");
		is($statuses->($other, 3), '200 200 200', "$other is another one");
	}
	$behind->stop;
	return;
}

sub try_without_upstream
{
	my $kept = $site->get('/api/trending/PL')->{body};
	$site->signal_upstream('KILL') if $site->{program} eq 'postgrest';
	$site->signal_upstream('TERM') if $site->{program} ne 'postgrest';
	eventually(sub { !IO::Socket::INET->new(PeerAddr => $site->{upstream} =~ s{.*/}{}r) }) or BAIL_OUT('it does not end');
	sleep 2.2;
	my $reply = $site->get('/api/trending/PL');
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
	return;
}

# ---------------------------------------------------------------------------
# Of the files, only lines marked SITE are changed
# ---------------------------------------------------------------------------

sub lines_of
{
	my ($file) = @_;

	open my $in, '<', $file or die "$file: $!";
	return grep { !/# SITE/ } <$in>;
}

sub try_files
{
	my %used = map { $_ => 1 } lines_of("$site->{folder}/vvault.conf");

	is(join('', grep { !$used{$_} } lines_of('deploy/nginx.conf')), '', 'all of nginx.conf that is not marked is as shipped');
	unlike(PostgreSQL::Test::Utils::slurp_file("$site->{folder}/error.log"), qr/\[(?:emerg|alert|crit)\]/, 'nginx had no trouble');
	return;
}

for my $program (Site->programs)
{
	my @environment = (STANDIN => $program eq 'standin' ? 'only' : 'no');

	$site = Site->new("$folder/$program", $connstr, 'web_anon', RATE => '100000r/s', ORIGIN => 'https://site.example', @environment)
	  or plan skip_all => 'there is no nginx';
	note "040_nginx: $site->{nginx} $site->{with}";
	try_urls();
	try_arguments_of_others();
	try_searches();
	try_posted_searches();
	try_bytes();
	try_keeping();
	try_changes();
	try_codings();
	try_cors();
	try_errors();
	try_methods();
	try_no_requests();
	try_rates(@environment);
	try_clients(@environment);
	try_without_upstream();
	try_files();
}
done_testing();
