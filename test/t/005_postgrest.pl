#
# 005_postgrest.pl
#		What PostgREST sends for a call, and what it is told: headers, ETag,
#		304, errors. As a plain role, in READ ONLY transactions.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $node = new_node('api');
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION vvault CASCADE;
CREATE ROLE anon LOGIN;
SELECT vvault_grant('anon', 'reader');
INSERT INTO vvault.videos (region, video_id, title, views)
SELECT r, 'v' || n, 'quote " and ' || n, n FROM unnest('{PL,SE}'::text[]) r, generate_series(1, 3) n;
EOF

# Whom get() asks.
my $asked = $node;

sub quote
{
	my ($text) = @_;

	$text =~ s/'/''/g;
	return "'$text'";
}

# One GET: function, arguments by name, request headers. Returns the reply as
# PostgREST would make it of what the database says.
sub get
{
	my ($function, $arguments, $headers) = @_;
	my $request = quote(ref $headers ? JSON::PP->new->encode($headers) : $headers // '{"host":"localhost"}');
	my $call = join ', ', map { "\"$_\" := " . quote($arguments->{$_}) } sort keys %$arguments;
	my ($status, $out, $err) = $asked->psql('postgres', <<"EOF");
\\set VERBOSITY verbose
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
\\o /dev/null
select set_config('search_path', '"public"', true), set_config('role', 'anon', true),
	set_config('request.jwt.claims', '{"role":"anon"}', true), set_config('request.method', 'GET', true),
	set_config('request.path', '/rpc/$function', true), set_config('request.headers', $request, true),
	set_config('request.cookies', '{}', true);
\\o
WITH pgrst_source AS (SELECT pgrst_call.pgrst_scalar FROM (SELECT "public"."$function"($call) pgrst_scalar) pgrst_call)
SELECT null::bigint AS total_result_set, 1 AS page_total, coalesce(json_agg(_postgrest_t.pgrst_scalar)->0, 'null') AS body,
	nullif(current_setting('response.headers', true), '') AS response_headers,
	nullif(current_setting('response.status', true), '') AS response_status, '' AS response_inserted
FROM (SELECT "$function".* FROM "pgrst_source" AS "$function") _postgrest_t;
COMMIT;
EOF
	return { error => $err } if $status != 0;
	my (undef, undef, $rest) = split /\|/, $out, 3;
	$rest =~ /^(.*)\|(\[.*\])?\|(\d*)\|$/s or return { error => "no reply: $out" };
	my ($body, $response_headers, $response_status) = ($1, $2, $3);
	my %told = map { %$_ } @{ JSON::PP->new->decode($response_headers // '[]') };
	return { body => $body, headers => \%told, status => $response_status || 200 };
}

my $reply = get('vvault_trending', { region => 'PL', page_size => 2 });
is($reply->{status}, 200, 'a first request is answered');
is($reply->{headers}{'Cache-Control'}, 'public, max-age=3600', 'and may be kept for an hour');
is($reply->{headers}{'X-Cache'}, 'MISS', 'it was not in the cache');
like($reply->{headers}{ETag}, qr/^"[0-9a-f]{32}"$/, 'it has a strong ETag');
is($reply->{body}, $node->safe_psql('postgres', q{SELECT vvault_trending('PL', 2)}),
	'its body passes byte for byte');
my $etag = $reply->{headers}{ETag};

my $hit = get('vvault_trending', { region => 'PL', page_size => 2 });
is($hit->{headers}{ETag}, $etag, 'the same reply has the same ETag');
is($hit->{headers}{'X-Cache'}, 'HIT', 'and now it comes from the cache');
is($hit->{headers}{'Cache-Control'}, 'public, max-age=3600', 'to be kept as long');
is($hit->{body}, $reply->{body}, 'and has the same bytes');
isnt(get('vvault_trending', { region => 'PL', page_size => 1 })->{headers}{ETag}, $etag, 'another page size another one');
isnt(get('vvault_trending', { region => 'SE', page_size => 2 })->{headers}{ETag}, $etag, 'another region too');
isnt(get('vvault_trending', { region => 'PL', page_size => 2, sort => 'newest' })->{headers}{ETag}, $etag, 'another sort too');

for my $list ($etag, "W/$etag", "\"other\", $etag", '*')
{
	$reply = get('vvault_trending', { region => 'PL', page_size => 2 }, { host => 'x', 'if-none-match' => $list });
	is("$reply->{status} $reply->{body}", '304 null', "If-None-Match: $list has it already");
	is($reply->{headers}{ETag}, $etag, 'the 304 repeats the ETag');
	is($reply->{headers}{'X-Cache'}, 'HIT', 'and says where it was found');
}
$node->safe_psql('postgres', 'SELECT vvault_cache_clear()');
$reply = get('vvault_trending', { region => 'PL', page_size => 2 }, { 'if-none-match' => $etag });
is("$reply->{status} $reply->{headers}{'X-Cache'} $reply->{headers}{ETag}", "304 MISS $etag", 'a 304 needs no reply in the cache');
$reply = get('vvault_trending', { region => 'PL', page_size => 2 });
is("$reply->{status} $reply->{headers}{'X-Cache'} $reply->{body}", "200 MISS $hit->{body}", 'and leaves none there');
for my $list ('"other"', '', substr($etag, 0, -2), 'W/')
{
	$reply = get('vvault_trending', { region => 'PL', page_size => 2 }, { 'if-none-match' => $list });
	is($reply->{status}, 200, "If-None-Match: $list does not");
}

# headers that no PostgREST sends
for my $headers ('', 'x', '[]', '{', '{"if-none-match":5}', '{"if-none-match":null}', '{"if-none-match":["*"]}',
	'{"a":{"if-none-match":"*"}}', '{"if-none-match":"\u0000"}', '{"if-none-match":"\ud800"}', '[' x 5000,
	'{"a":"' . ('x' x 100000) . '"}')
{
	$reply = get('vvault_trending', { region => 'PL', page_size => 2 }, $headers);
	is($reply->{status}, 200, 'headers that cannot be read are passed over: ' . substr($headers, 0, 40));
}

# a search and related videos go the same way
for my $call ([ 'vvault_search', { q => 'quote', region => 'SE' }, { q => 'quote 1', region => 'SE' }, { q => 'quote', region => 'PL' },
		{ q => 'quote', region => 'SE', language => 'sv' }, { q => 'quote', region => 'SE', page_size => 1 }, { q => 'quote' }, { q => '' } ],
	[ 'vvault_related', { video_id => 'v1' }, { video_id => 'v2' }, { video_id => 'v1', page_size => 1 } ])
{
	my ($function, $arguments, @others) = @$call;

	$reply = get($function, $arguments);
	is($reply->{headers}{'Cache-Control'}, 'public, max-age=3600', "a reply of $function may be kept");
	like($reply->{body}, qr/"video_id":"v2"/, 'and has what was asked for');
	my $tag = $reply->{headers}{ETag};
	$reply = get($function, $arguments, { 'if-none-match' => $tag });
	is("$reply->{status} $reply->{body}", '304 null', 'who has it does not get it again');
	isnt(get($function, $_)->{headers}{ETag}, $tag, 'other arguments have another ETag: ' . join ' ', %$_) for @others;
	$node->safe_psql('postgres', q{UPDATE vvault.videos SET title = title || ' more' WHERE video_id = 'v2' AND region = 'SE'});
	is(get($function, $arguments, { 'if-none-match' => $tag })->{status}, 200, 'a change of a title is seen');
}
like(get('vvault_search', { q => 'a' x 1001, region => 'SE' }, { 'if-none-match' => '*' })->{error}, qr/22023/,
	'a query that is too long is refused before anything else');

# a change of the feed
$node->safe_psql('postgres', q{UPDATE vvault.videos SET views = 10 WHERE video_id = 'v1' AND region = 'PL'});
$reply = get('vvault_trending', { region => 'PL', page_size => 2 }, { 'if-none-match' => $etag });
is($reply->{status}, 200, 'a changed feed is sent again');
like($reply->{body}, qr/^\{"region":"PL","region_name":"Poland","videos":\[\{"video_id":"v1"/, 'with the change');
isnt($reply->{headers}{ETag}, $etag, 'and another ETag');
$etag = get('vvault_trending', { region => 'SE', page_size => 2 })->{headers}{ETag};
$node->safe_psql('postgres', q{UPDATE vvault.videos SET views = 11 WHERE video_id = 'v1' AND region = 'PL'});
is(get('vvault_trending', { region => 'SE', page_size => 2 }, { 'if-none-match' => $etag })->{status},
	304, 'a change in one region leaves the others alone');
$node->safe_psql('postgres', q{INSERT INTO vvault.videos (region, video_id) VALUES ('NO', 'v1')});
is(get('vvault_trending', { region => 'SE', page_size => 2 }, { 'if-none-match' => $etag })->{status},
	200, 'unless it changes the regions of a video there');

# settings and regions show in every reply
for my $change (q{SELECT vvault_set('feed_max_age', '60')}, q{INSERT INTO vvault.regions (region, name) VALUES ('SE', 'Sverige')},
	q{SELECT vvault_set('page_limit', '1')})
{
	$etag = get('vvault_trending', { region => 'SE' })->{headers}{ETag};
	$node->safe_psql('postgres', $change);
	is(get('vvault_trending', { region => 'SE' }, { 'if-none-match' => $etag })->{status}, 200, "after $change the feed is sent again");
}
is(get('vvault_trending', { region => 'SE' })->{headers}{'Cache-Control'}, 'public, max-age=60', 'the lifetime is a setting');
$node->safe_psql('postgres', q{SELECT vvault_set('page_limit', NULL), vvault_set('feed_max_age', '0')});
$reply = get('vvault_trending', { region => 'SE' }, { 'if-none-match' => '*' });
is("$reply->{status} $reply->{headers}{'Cache-Control'}", '200 no-store', 'with a lifetime of 0 nothing is kept');
$node->safe_psql('postgres', q{SELECT vvault_set('feed_max_age', NULL)});

# the order that moves with the clock
$reply = get('vvault_trending', { region => 'PL', sort => 'trending' });
my $as_of = JSON::PP->new->decode($reply->{body})->{as_of};
like($as_of, qr/:00:00\+00:00$/, 'trending is made for the full hour');

# the other readers
for my $call ([ 'vvault_regions', {}, 3600 ], [ 'vvault_video', { video_id => 'v1' }, 3600 ],
	[ 'vvault_analytics', {}, 600 ])
{
	my ($function, $arguments, $max_age) = @$call;

	$reply = get($function, $arguments);
	is($reply->{headers}{'Cache-Control'}, "public, max-age=$max_age", "$function may be kept");
	is($reply->{headers}{'X-Cache'}, 'MISS', 'it is in the cache');
	is(get($function, $arguments)->{headers}{'X-Cache'}, 'HIT', 'from then on');
	is(get($function, $arguments, { 'if-none-match' => $reply->{headers}{ETag} })->{status}, 304, 'and is known by its ETag');
	$node->safe_psql('postgres', q{UPDATE vvault.videos SET views = views + 1 WHERE video_id = 'v2'});
	is(get($function, $arguments, { 'if-none-match' => $reply->{headers}{ETag} })->{status}, 200, 'until something changes');
}
$reply = get('vvault_health', {}, { 'if-none-match' => '*' });
is("$reply->{status} $reply->{headers}{'Cache-Control'}", '200 no-store', 'the health reply is never kept');

# under row-level security a reply is one role's own
$node->safe_psql('postgres', q{ALTER TABLE vvault.videos ENABLE ROW LEVEL SECURITY;
	CREATE POLICY only_swedish ON vvault.videos FOR SELECT USING (region = 'SE')});
for my $call ([ 'vvault_trending', { region => 'PL' } ], [ 'vvault_video', { video_id => 'v1' } ])
{
	$reply = get(@$call, { 'if-none-match' => '*' });
	is("$reply->{status} $reply->{headers}{'Cache-Control'} " . ($reply->{headers}{ETag} // 'untagged'),
		'200 no-store untagged', "with row-level security nobody keeps a reply of $call->[0]");
	is($reply->{headers}{'X-Cache'}, 'BYPASS', 'nor does the cache');
}
is(JSON::PP->new->decode(get('vvault_trending', { region => 'PL' })->{body})->{total}, 0, 'which shows what the role may see');
$node->safe_psql('postgres', 'ALTER TABLE vvault.videos DISABLE ROW LEVEL SECURITY');
is(get('vvault_trending', { region => 'PL' })->{headers}{'Cache-Control'}, 'public, max-age=3600', 'without it all may');

# errors
like(get('vvault_trending', { region => 'pl' })->{error}, qr/22023.*invalid region "pl"/, 'an invalid region is 22023: HTTP 400');
like(get('vvault_trending', { region => 'PL', cursor => 'x' })->{error}, qr/22023.*invalid cursor/, 'so is an invalid cursor');

# another client's settings are left alone
is($node->safe_psql('postgres', q{BEGIN; SELECT length(vvault_trending('PL')::text) > 0; SELECT
	coalesce(current_setting('response.headers', true), 'none'); COMMIT}),
	"t\nnone", 'a call without a request touches no setting');

# without preloading: from 17 on there is a cache all the same
$asked = new_node('plain', preload => 0);
$asked->safe_psql('postgres', <<'EOF');
CREATE EXTENSION vvault CASCADE;
CREATE ROLE anon LOGIN;
SELECT vvault_grant('anon', 'reader');
EOF
my @expected = $asked->safe_psql('postgres', 'SHOW server_version_num') < 170000 ? ('BYPASS', 'BYPASS') : ('MISS', 'HIT');
for my $x_cache (@expected)
{
	$reply = get('vvault_trending', { region => 'PL' });
	is("$reply->{status} $reply->{headers}{'X-Cache'}", "200 $x_cache", "without preloading: $x_cache");
	is($reply->{headers}{'Cache-Control'}, 'public, max-age=3600', 'clients may keep the reply');
	is(get('vvault_trending', { region => 'PL' }, { 'if-none-match' => $reply->{headers}{ETag} })->{status}, 304, 'and are told that they have it');
}

done_testing();
