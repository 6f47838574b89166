#
# 043_postgrest.pl
#		What PostgREST sends for a call, and what it is told: headers, ETag,
#		304, errors. As a plain role, in READ ONLY transactions.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../standin";

use IPC::Run ();
use JSON::PP;
use JSON::Validator ();
use PostgRESTReplay;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Site;
use Test::More;
use VVaultTest;

not_across(3600, 90);

my $node = new_node('api');
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION vvault CASCADE;
CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticator LOGIN NOINHERIT;
GRANT anon TO authenticator;
SELECT vvault_grant('anon', 'reader');
INSERT INTO vvault.videos (region, video_id, title, views)
SELECT r, 'v' || n, 'quote " and ' || n, n FROM unnest('{PL,SE}'::text[]) r, generate_series(1, 3) n;
EOF

my $json = JSON::PP->new->utf8->canonical;
my $replay = PostgRESTReplay->new($node->connstr('postgres') . ' user=authenticator', 'anon', 'public', 'vvault_openapi');

sub escaped
{
	my ($text) = @_;

	return $text =~ s/([^A-Za-z0-9_-])/sprintf '%%%02X', ord $1/ger;
}

# One GET: function, arguments by name, request headers. Returns the reply, with
# what it says of an error as "code message" in {error}.
sub get
{
	my ($function, $arguments, $headers) = @_;

	return with_error($replay->request('GET', target($function, $arguments), $headers // { host => 'localhost' }));
}

sub target
{
	my ($function, $arguments) = @_;
	my $query = join '&', map { escaped($_) . '=' . escaped($arguments->{$_}) } sort keys %$arguments;

	return "/rpc/$function" . ($query eq '' ? '' : "?$query");
}

sub with_error
{
	my ($reply) = @_;

	if ($reply->{body} =~ /^\{"code":/)
	{
		my $problem = $json->decode($reply->{body});

		$reply->{error} = "$problem->{code} $problem->{message}";
	}
	return $reply;
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
	is("$reply->{status} $reply->{body}", '304 ', "If-None-Match: $list has it already, and gets no body");
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
	is("$reply->{status} $reply->{body}", '304 ', 'who has it does not get it again');
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

# ---------------------------------------------------------------------------
# Every public reader, as the catalog has them
# ---------------------------------------------------------------------------

# One chart, so that there is something to explain and to look into.
$node->safe_psql('postgres', <<'EOF');
SELECT vvault_ingest(r, json_build_object('kind', 'youtube#videoListResponse', 'pageInfo', json_build_object('totalResults', 3),
	'items', json_agg(json_build_object('id', 'chart' || n, 'snippet', json_build_object('title', 'Quote ' || n, 'tags', ARRAY['a', 'b'],
		'channelId', 'c', 'channelTitle', 'Channel', 'categoryId', '10', 'publishedAt', now() - n * interval '1 hour'),
		'statistics', json_build_object('viewCount', (n * 100000)::text, 'likeCount', (n * 1000)::text)))), now() - h * interval '7 hours')
FROM unnest('{PL,SE}'::text[]) r, generate_series(3, 0, -1) h, generate_series(1, 3) n GROUP BY r, h ORDER BY h DESC, r;
EOF

# An example of each argument, by function and argument.
my %example = map { split /\|/, $_, 2 } examples($node, 'postgres', <<'EOF');
SELECT f.name || '.' || a, pg_temp.example_text(f.name, a)
FROM example_function f, unnest(f.arguments) a WHERE f.prokind = 'f' AND f.provolatile <> 'v'
EOF

my @readers;
for my $line (split /\n/, $node->safe_psql('postgres', <<'EOF'))
SELECT concat_ws(' ', p.proname, CASE WHEN t.typname IN ('json', '*/*') THEN t.typname ELSE 'value' END,
	p.pronargs - p.pronargdefaults, array_to_string(p.proargnames[1:p.pronargs], ' '))
FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype
	JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'vvault'
WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f' AND p.provolatile <> 'v'
ORDER BY p.proname
EOF
{
	my ($name, $type, $required, @names) = split / /, $line;

	push @readers, { name => $name, type => $type, required => [ @names[ 0 .. $required - 1 ] ],
		optional => [ @names[ $required .. $#names ] ] };
}
cmp_ok(scalar(grep { $_->{type} eq 'json' } @readers), '>=', 9, 'there are readers that reply in JSON');

sub arguments_of
{
	my ($reader) = @_;

	return { map { $_ => $example{"$reader->{name}.$_"} } @{ $reader->{required} } };
}

# These tell of now, so nobody keeps what they say.
my %about_now = map { $_ => 1 } qw(vvault_health vvault_fetch_schedule vvault_cache_stats);

for my $reader (@readers)
{
	my $name = $reader->{name};
	my $arguments = arguments_of($reader);

	$reply = get($name, $arguments);
	is($reply->{status}, 200, "$name answers in a transaction that is READ ONLY") or diag $reply->{body};
	my $posted = with_error($replay->request('POST', "/rpc/$name", { 'content-type' => 'application/json' }, $json->encode($arguments)));
	is($posted->{status}, 200, 'by POST too');
	is($posted->{headers}{ETag}, $reply->{headers}{ETag}, 'with the same ETag');
	is($replay->request('HEAD', target($name, $arguments), {}, '')->{status}, 200, 'HEAD is not refused');
	like(get($name, { %$arguments, no_such_argument => 1 })->{error}, qr/PGRST202/, 'another argument is none of its');

	next if $reader->{type} ne 'json';
	my $headers = $reply->{headers};
	if ($about_now{$name})
	{
		is("$headers->{'Cache-Control'} " . ($headers->{ETag} // 'untagged'), 'no-store untagged', 'it tells of now: nobody keeps it');
		is(get($name, $arguments, { 'if-none-match' => '*' })->{status}, 200, 'nor has it already');
		next;
	}
	like($headers->{'Cache-Control'}, qr/^public, max-age=(?:3600|600)$/, 'it may be kept');
	like($headers->{'X-Cache'}, qr/^(?:HIT|MISS|BYPASS)$/, 'it says whether a cache was asked');
	like($headers->{ETag}, qr/^"[0-9a-f]{32}"$/, 'it has a strong ETag');
	is(get($name, $arguments)->{headers}{ETag}, $headers->{ETag}, 'the same again');
	isnt(get($name, { %$arguments, $_ => $example{"$name.$_"} })->{headers}{ETag}, $headers->{ETag}, "another $_, another ETag")
	  for @{ $reader->{optional} };
	is(get($name, $arguments)->{headers}{'X-Cache'}, 'HIT', 'from the cache') if $headers->{'X-Cache'} ne 'BYPASS';
	my $again = get($name, $arguments, { 'if-none-match' => $headers->{ETag} });
	is("$again->{status} $again->{body}|$again->{headers}{ETag}", "304 |$headers->{ETag}",
		'a client that has it gets 304 and no body');
	next if $name eq 'vvault_openapi';
	$node->safe_psql('postgres', q{UPDATE vvault.videos SET views = views + 1 WHERE video_id IN ('chart1', 'v2')});
	is(get($name, $arguments, { 'if-none-match' => $headers->{ETag} })->{status}, 200, 'until something changes');
}

# Where there is a PostgREST, it says of each reader what the stand-in says.
SKIP:
{
	skip 'there is no PostgREST here', 1 if !Site->has_postgrest;
	my $server = Site->new(PostgreSQL::Test::Utils::tempdir_short() . '/site', $node->connstr('postgres') . ' user=authenticator', 'anon',
		NGINX => 'no', STANDIN => 'no');

	note "043_postgrest: the stand-in is compared $server->{with}";
	for my $reader (@readers)
	{
		my $name = $reader->{name};
		my $arguments = arguments_of($reader);
		my $expected = get($name, $arguments);
		my $said = $server->request('GET', target($name, $arguments), [], undef, $server->{upstream});

		is($said->{status}, $expected->{status}, "PostgREST answers $name");
		is($said->{headers}{ lc $_ }, $expected->{headers}{$_}, "and says the same $_") for qw(ETag Cache-Control);
		# the page says when it was made
		is($said->{body}, $expected->{body}, 'in the same reply') if !$about_now{$name} && $name ne 'vvault_dashboard';
	}
	$server->stop;
}

for my $call ([ 'vvault_trending', { region => 'PL' } ], [ 'vvault_video', { video_id => 'v1' } ], [ 'vvault_analytics', { days => 3 } ],
	[ 'vvault_insights', { region => 'PL' } ], [ 'vvault_trending_explain', { video_id => 'chart1' } ])
{
	my ($function, $arguments) = @$call;
	my %other = (region => 'SE', video_id => 'chart2', days => 4);
	my ($key) = keys %$arguments;

	isnt(get($function, { $key => $other{$key} })->{headers}{ETag}, get($function, $arguments)->{headers}{ETag},
		"$function: another $key, another ETag");
}

# what is asked for by its key and is not there
for my $call ([ 'vvault_video', { video_id => 'nobody' } ], [ 'vvault_trending_explain', { video_id => 'nobody' } ],
	[ 'vvault_trending_explain', { video_id => 'nobody', region => 'PL' } ])
{
	$reply = get(@$call);
	is("$reply->{status} $reply->{body}", '404 null', "$call->[0] of a video that is not there is 404");
}
is($node->safe_psql('postgres', q{SELECT vvault_video('nobody') IS NULL, current_setting('response.status', true) IS NULL}), 't|t',
	'and NULL to SQL');

# the page
$reply = get('vvault_dashboard', {});
is("$reply->{status} $reply->{headers}{'Content-Type'}", '200 text/html; charset=utf-8', 'the dashboard is a page');
is($reply->{headers}{'Cache-Control'}, 'no-cache', 'which is asked for anew');
like($reply->{body}, qr/\A<!DOCTYPE html>.*<\/html>\s*\z/s, 'as its bytes');

# ---------------------------------------------------------------------------
# The description of it all
# ---------------------------------------------------------------------------

$reply = $replay->request('GET', '/', {}, '');
is($reply->{status}, 200, 'the root describes the interface');
is($reply->{body}, get('vvault_openapi', {})->{body}, 'by vvault_openapi');
unlike($reply->{body}, qr/[\n\t]/, 'in one line');
unlike($reply->{body}, qr/vvault_(?:ingest|set|block|grant|prune|backtest)["_]/, 'and shows no writer');
my $description = $reply->{body};
my $openapi = $json->decode($description);
my $validator = JSON::Validator->new->schema($openapi)->schema;
is(ref $validator, 'JSON::Validator::Schema::OpenAPIv3', 'as OpenAPI 3');
SKIP:
{
	# some releases of the validator lack the specification's own schema
	my $errors = eval { $validator->errors };

	skip 'the validator has no schema of OpenAPI', 1 if !defined $errors && $@ =~ /^GET /;
	is(join("\n", @{ $errors // [$@] }), '', 'which is valid');
}

# What Redocly's linter says of a description by its recommended rules: errors and
# warnings, and the first of them. Nothing where it cannot be had.
my $linter = ($ENV{WORK} // '') . '/openapi/node_modules/.bin/redocly';
sub linted
{
	my ($text) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/openapi.json';
	my ($out, $err);

	local @ENV{qw(REDOCLY_TELEMETRY REDOCLY_SUPPRESS_UPDATE_NOTICE)} = ('off', 'true');
	open my $to, '>', $file or die "$file: $!";
	print $to $text;
	close $to;
	IPC::Run::run([ $linter, 'lint', '--extends=recommended', '--format=json', $file ], '<', '/dev/null', '>', \$out, '2>', \$err);
	my $said = eval { $json->decode($out =~ s/\A[^{]*//r) } or return "it fails: $err";
	my ($first) = @{ $said->{problems} };
	return "$said->{totals}{errors} errors, $said->{totals}{warnings} warnings"
	  . ($first ? ": $first->{ruleId}, $first->{location}[0]{pointer}" : '');
}

SKIP:
{
	skip 'there is no linter here', 2 if !-x $linter || system("'$linter' --version >/dev/null 2>&1") != 0;
	is(linted($description), '0 errors, 0 warnings', 'the linter finds nothing');
	like(linted($description =~ s/"security" ?: ?\[\], ?//r), qr/^1 errors, 0 warnings: security-defined/, 'and would');
}

my %operations;
for my $path (sort keys %{ $openapi->{paths} })
{
	for my $method (sort keys %{ $openapi->{paths}{$path} })
	{
		my $operation = $openapi->{paths}{$path}{$method};
		my $body = $operation->{requestBody}{content}{'application/json'}{schema}{properties} // {};
		my %described = ((map { $_->{name} => $_->{description} } @{ $operation->{parameters} // [] }),
			map { $_ => $body->{$_}{description} } keys %$body);

		$operations{ $operation->{operationId} }++;
		is(join(' ', grep { ($described{$_} // '') !~ /\S/ } sort keys %described), '', "$method $path: its arguments are described (openapi_arguments() in src/openapi/schemas.sql)");
		like($operation->{summary}, qr/^\S.*\.$/, 'and so is what it does');
		ok($operation->{responses}{200} && $operation->{responses}{default}, 'and what it replies');
		ok($operation->{responses}{400} && ref $operation->{security} eq 'ARRAY', 'how it is refused, and what it takes to be let in');
	}
}
is(join(' ', grep { $operations{$_} > 1 } sort keys %operations), '', 'operations have names of their own');
is(join(' ', grep { m{^/rpc/} } sort keys %{ $openapi->{paths} }), join(' ', sort map { "/rpc/$_->{name}" } @readers),
	'the functions are those that read');
for my $reader (@readers)
{
	my $parameters = $openapi->{paths}{"/rpc/$reader->{name}"}{get}{parameters} // [];

	is_deeply([ map { "$_->{name} $_->{in} " . ($_->{required} ? 1 : 0) } @$parameters ],
		[ (map { "$_ query 1" } @{ $reader->{required} }), map { "$_ query 0" } @{ $reader->{optional} } ],
		"$reader->{name}: its arguments, required and not");
	ok($openapi->{components}{schemas}{ $reader->{name} }, 'and the schema of its reply (openapi_schemas() there)') if $reader->{type} eq 'json';
}
my ($page_size, $sort) = @{ $openapi->{paths}{'/rpc/vvault_trending'}{get}{parameters} }[ 1, 2 ];
is($page_size->{schema}{default}, 25, 'a default is there');
my ($sorts) = $json->decode(get('vvault_trending', { region => 'PL', sort => 'x' })->{body})->{hint} =~ /([a-z]+(?:, [a-z]+)+)/;
is(join(' ', sort @{ $sort->{schema}{enum} }), join(' ', sort split /, /, $sorts), 'sorts are those that the feed knows');

# Makes schemas let no key pass that they do not name: what is described is all
# there is. For tests; a client had better not be so strict.
sub be_strict
{
	my ($schema) = @_;

	if (ref $schema eq 'HASH')
	{
		$schema->{additionalProperties} = JSON::PP::false
		  if ref $schema->{properties} eq 'HASH' && keys %{ $schema->{properties} } && ($schema->{type} // '') eq 'object';
		be_strict($_) for values %$schema;
	}
	elsif (ref $schema eq 'ARRAY')
	{
		be_strict($_) for @$schema;
	}
	return;
}

my $strict = $json->decode($description);
be_strict($strict->{components}{schemas});
be_strict($strict->{paths});
$strict = JSON::Validator->new->schema($strict)->schema;

# What is wrong with a body as the reply of a path.
sub misfits
{
	my ($path, $body, $status) = @_;

	return join '; ', $strict->validate_response([ get => $path, $status // 200 ],
		{ body => sub { return { content_type => 'application/json', exists => 1, value => $body } } });
}

my $any = JSON::PP->new->utf8->allow_nonref;
for my $reader (grep { $_->{type} ne '*/*' } @readers)
{
	my $path = "/rpc/$reader->{name}";
	my $body = $any->decode(get($reader->{name}, arguments_of($reader))->{body});

	is(misfits($path, $body), '', "$reader->{name}: a real reply fits its schema (src/openapi/schemas.sql)");
	next if ref $body ne 'HASH' || $reader->{name} eq 'vvault_openapi';
	isnt(misfits($path, { %$body, unknown => 1 }), '', 'and with one more key does not');
	my ($key) = sort keys %$body;
	delete $body->{$key};
	isnt(misfits($path, $body), '', "nor without $key");
}
for my $order (split /, /, $sorts)
{
	is(misfits('/rpc/vvault_trending', $any->decode(get('vvault_trending', { region => 'PL', sort => $order })->{body})), '',
		"a feed by $order fits too");
}
is(misfits('/rpc/vvault_video', undef), '', 'and so does null for no video');
is(misfits('/rpc/vvault_trending', undef) ne '', 1, 'but not for a feed');
is(misfits("/rpc/$_", $any->decode(get($_, { region => 'AT' })->{body})), '', "$_ of a region without charts fits")
  for qw(vvault_trending vvault_insights);

for my $case ([ 'vvault_trending', { region => 'pl' }, 400 ], [ 'vvault_trending', { region => 'eq.PL' }, 404 ],
	[ 'vvault_trending', { region => 'PL', x => 1 }, 404 ], [ 'vvault_search', { q => 'a', region => 'is.x' }, 400 ],
	[ 'vvault_video', { video_id => 'nobody' }, 404 ])
{
	my ($function, $arguments, $status) = @$case;

	$reply = get($function, $arguments);
	is($reply->{status}, $status, "$function: " . join ' ', $status, %$arguments);
	is(misfits("/rpc/$function", $any->decode($reply->{body}), $status), '', 'what it says fits the schema of errors');
}

# another role sees what it may call
$node->safe_psql('postgres', q{CREATE ROLE half NOLOGIN; GRANT half TO authenticator;
	GRANT USAGE ON SCHEMA vvault TO half;
	GRANT EXECUTE ON FUNCTION vvault_openapi(), vvault_health() TO half});
my $half = PostgRESTReplay->new($node->connstr('postgres') . ' user=authenticator', 'half', 'public', 'vvault_openapi');
my $seen = $json->decode($half->request('GET', '/', {}, '')->{body});
is(join(' ', grep { !m{_(?:score|rate|velocity|hot|base|news)$} } sort keys %{ $seen->{paths} }),
	'/api/openapi.json /health /rpc/vvault_health /rpc/vvault_openapi', 'a role is shown what it may call');
is($half->request('GET', '/rpc/vvault_trending?region=PL', {}, '')->{status}, 401, 'and may call no more');
is($node->safe_psql('postgres', q{SET ROLE half; SELECT vvault_openapi() IS NOT NULL, current_user}), 't|half',
	'who called is who goes on');

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
my $plain = new_node('plain', preload => 0);
$plain->safe_psql('postgres', <<'EOF');
CREATE EXTENSION vvault CASCADE;
CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticator LOGIN NOINHERIT;
GRANT anon TO authenticator;
SELECT vvault_grant('anon', 'reader');
EOF
$replay = PostgRESTReplay->new($plain->connstr('postgres') . ' user=authenticator', 'anon', 'public', 'vvault_openapi');
my @expected = $plain->safe_psql('postgres', 'SHOW server_version_num') < 170000 ? ('BYPASS', 'BYPASS') : ('MISS', 'HIT');
for my $x_cache (@expected)
{
	$reply = get('vvault_trending', { region => 'PL' });
	is("$reply->{status} $reply->{headers}{'X-Cache'}", "200 $x_cache", "without preloading: $x_cache");
	is($reply->{headers}{'Cache-Control'}, 'public, max-age=3600', 'clients may keep the reply');
	is(get('vvault_trending', { region => 'PL' }, { 'if-none-match' => $reply->{headers}{ETag} })->{status}, 304, 'and are told that they have it');
}

done_testing();
