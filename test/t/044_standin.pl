#
# 044_standin.pl
#		What PostgREST makes of requests, as a list; the tests' stand-in is held
#		against it, and PostgREST itself where there is one on the PATH. The
#		functions are made for this: what matters is how they are called.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../standin";

use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Site;
use Test::More;
use VVaultTest;

my $json = JSON::PP->new->utf8->canonical;
my $node = new_node('standin');
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION vvault CASCADE;
CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticator LOGIN NOINHERIT;
GRANT anon TO authenticator;
SELECT vvault_grant('anon', 'reader');
CREATE FUNCTION two(a text, b integer DEFAULT 7) RETURNS json LANGUAGE sql STABLE
	RETURN json_build_object('a', a, 'b', b);
CREATE FUNCTION may(a text DEFAULT 'none') RETURNS json LANGUAGE sql STABLE
	RETURN json_build_object('a', a);
CREATE FUNCTION plain() RETURNS json LANGUAGE sql STABLE RETURN '{"none":true}'::json;
CREATE FUNCTION writes() RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM 1 FROM writable FOR UPDATE;
	RETURN '{"written":true}';
END $$;
CREATE TABLE writable (a integer);
GRANT SELECT, UPDATE ON writable TO anon;
CREATE FUNCTION raises(state text) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
	RAISE 'raised' USING ERRCODE = state;
END $$;
CREATE FUNCTION says(status text, headers text DEFAULT '') RETURNS json LANGUAGE sql STABLE
	BEGIN ATOMIC
		SELECT set_config('response.status', status, true), set_config('response.headers', headers, true);
		SELECT '"said"'::json;
	END;
CREATE FUNCTION hidden(text) RETURNS json LANGUAGE sql STABLE RETURN '1'::json;
CREATE FUNCTION forbidden() RETURNS json LANGUAGE sql STABLE RETURN '1'::json;
REVOKE EXECUTE ON FUNCTION forbidden() FROM PUBLIC;
EOF

my %form = ('content-type' => 'application/x-www-form-urlencoded');
my %json = ('content-type' => 'application/json');

# Method, target, what is expected, headers, body. Expected is the status with the
# code of the error, or with the body of a reply that is 200.
my @requests = (
	# which function, and with which arguments
	[ 'GET', '/rpc/two?a=x', '200 {"a":"x","b":7}' ],
	[ 'GET', '/rpc/two?a=x&b=1', '200 {"a":"x","b":1}' ],
	[ 'GET', '/rpc/two?b=1&a=x', '200 {"a":"x","b":1}' ],
	[ 'GET', '/rpc/two', '404 PGRST202' ],
	[ 'GET', '/rpc/two?b=1', '404 PGRST202' ],
	[ 'GET', '/rpc/two?a', '404 PGRST202' ],
	[ 'GET', '/rpc/two?a=x&c=1', '404 PGRST202' ],
	[ 'GET', '/rpc/two?a=x&A=y', '404 PGRST202' ],
	[ 'GET', '/rpc/two?a=', '200 {"a":"","b":7}' ],
	[ 'GET', '/rpc/two?a=x&b=', '400 22P02' ],
	[ 'GET', '/rpc/two?a=x&b=one', '400 22P02' ],
	[ 'GET', '/rpc/two?a=x&b=9999999999', '400 22003' ],
	[ 'GET', '/rpc/plain', '200 {"none":true}' ],
	[ 'GET', '/rpc/plain?a=x', '404 PGRST202' ],
	[ 'GET', '/rpc/plain?a', '200 {"none":true}' ],
	[ 'GET', '/rpc/plain?', '200 {"none":true}' ],
	[ 'GET', '/rpc/nothing', '404 PGRST202' ],
	[ 'GET', '/rpc/hidden?a=x', '404 PGRST202' ],
	[ 'GET', '/rpc/forbidden', '401 42501' ],
	[ 'HEAD', '/rpc/two?a=x', '200 ' ],
	[ 'HEAD', '/rpc/raises?state=22023', '200 ' ],
	[ 'HEAD', '/rpc/two', '404 ' ],

	# how a query string is read
	[ 'GET', '/rpc/two?a=x+y%20z%2B', '200 {"a":"x y z+","b":7}' ],
	[ 'GET', '/rpc/two?a=%C5%BC', "200 {\"a\":\"\xc5\xbc\",\"b\":7}" ],
	[ 'GET', "/rpc/two?a=\xc5\xbc", "200 {\"a\":\"\xc5\xbc\",\"b\":7}" ],
	[ 'GET', '/rpc/two?a=100%', '200 {"a":"100%","b":7}' ],
	[ 'GET', '/rpc/two?a=%zz%4', '200 {"a":"%zz%4","b":7}' ],
	[ 'GET', '/rpc/two?a=x;b=1', '200 {"a":"x","b":1}' ],
	[ 'GET', '/rpc/two?a=x;y', '200 {"a":"x","b":7}' ],
	[ 'GET', '/rpc/two?a=x=y', '200 {"a":"x=y","b":7}' ],
	[ 'GET', '/rpc/two?%61=x', '200 {"a":"x","b":7}' ],
	[ 'GET', '/rpc/two?z.a=x', '200 {"a":"x","b":7}' ],
	[ 'GET', '/rpc/two?a->y=x', '200 {"a":"x","b":7}' ],
	[ 'GET', '/rpc/two?"a"=x', '200 {"a":"x","b":7}' ],
	[ 'GET', '/rpc/two?a=x&%23=1', '400 PGRST100' ],
	[ 'GET', '/rpc/two?a=x&=1', '400 PGRST100' ],
	[ 'GET', '/rpc/two?a=x&a.=1', '400 PGRST100' ],
	[ 'GET', '/rpc/two?a=%FF', '500 ' ],
	[ 'GET', '/rpc/two?a=%ED%A0%80', '500 ' ],
	[ 'GET', '/rpc/two?a=x&%C3=1', '500 ' ],

	# filters on the result
	(map { [ 'GET', "/rpc/two?a=$_", '404 PGRST202' ], [ 'GET', "/rpc/may?a=$_", '400 42703' ] }
		  split / /, 'eq.1 cs.lewis gt.x gte.x lt.x lte.x like.*x* ilike.x match.x imatch.x neq.x cd.x ov.x sl.x sr.x nxr.x nxl.x adj.x fts.x plfts.x phfts.x wfts.x fts(english).x isdistinct.x is.null is.nullable is.TRUE is.not_null in.(a) in.(a,b) not.eq.1 not.in.(a) eq(any).x like(all).x eq.'),
	(map { [ 'GET', "/rpc/may?a=$_", '400 PGRST100' ] } qw(in.a in. is.x is. not.x not. not.in.x)),
	(map { [ 'GET', "/rpc/may?a=$_", "200 {\"a\":\"$_\"}" ] }
		  split / /, 'eq cs or and not is in select x.eq.1 Eq.1 eq(some).x eq().x fts().x neq(any).x in(a).b cs(any).x (select) - ,'),

	# names that it keeps
	(map { [ 'GET', "/rpc/plain?$_", '200 {"none":true}' ] } 'select=*', 'select=', 'limit=5', 'limit=x', 'offset=0', 'offset=x',
		'columns=a', 'on_conflict=a', 'order', 'select', 'select=!'),
	(map { [ 'GET', "/rpc/plain?$_", '400 42703' ] } 'select=x', 'order=x', 'order=x.desc', 'or=(a.eq.1,b.eq.2)', 'and=(a.eq.1)', 'not.or=(a.eq.1)'),
	(map { [ 'GET', "/rpc/plain?$_", '400 PGRST108' ] } 'a.limit=5', 'a.offset=1', 'a.order=x', 'a.or=(a.eq.1)', 'a.b=eq.1'),
	(map { [ 'GET', "/rpc/plain?$_", '400 PGRST100' ] } 'order=', 'order=!', 'or=', 'or=a', 'or=()', 'and=(a)', 'columns=',
		'on_conflict=!'),
	[ 'GET', '/rpc/plain?limit=-1', '416 PGRST103' ],
	[ 'GET', '/rpc/plain?limit=0', '200 null' ],

	# the query string of a POST
	[ 'POST', '/rpc/two', '200 {"a":"x","b":7}', \%json, '{"a":"x"}' ],
	[ 'POST', '/rpc/two?a=x', '400 PGRST100', \%json, '{"a":"x"}' ],
	[ 'POST', '/rpc/two?a=testar', '400 PGRST100', \%form, 'a=testar' ],
	[ 'POST', '/rpc/two?a=eq.x', '400 42703', \%json, '{"a":"x"}' ],
	[ 'POST', '/rpc/two?utm=1', '400 PGRST100', \%json, '{"a":"x"}' ],
	[ 'POST', '/rpc/two?utm', '200 {"a":"x","b":7}', \%json, '{"a":"x"}' ],
	[ 'POST', '/rpc/two?a=%FF', '500 ', \%json, '{"a":"x"}' ],
	[ 'POST', '/rpc/two?limit=1', '200 {"a":"x","b":7}', \%json, '{"a":"x"}' ],
	[ 'POST', '/rpc/two?columns=a', '200 {"a":"x","b":7}', \%json, '{"a":"x","c":1}' ],

	# its body
	[ 'POST', '/rpc/two', '200 {"a":"eq.1","b":2}', \%json, '{"a":"eq.1","b":2}' ],
	[ 'POST', '/rpc/two', '200 {"a":"x","b":2}', \%json, '{"a":"x","b":"2"}' ],
	[ 'POST', '/rpc/two', '200 {"a":null,"b":7}', \%json, '{"a":null}' ],
	[ 'POST', '/rpc/two', '200 {"a":"5","b":7}', \%json, '{"a":5}' ],
	[ 'POST', '/rpc/two', '200 {"a":"[1]","b":7}', \%json, '{"a":[1]}' ],
	[ 'POST', '/rpc/two', '200 {"a":"x","b":7}', {}, '{"a":"x"}' ],
	[ 'POST', '/rpc/two', '404 PGRST202', \%json, '{"a":"x","c":1}' ],
	[ 'POST', '/rpc/two', '404 PGRST202', \%json, '{"a":"x","limit":1}' ],
	[ 'POST', '/rpc/two', '404 PGRST202', \%json, '{}' ],
	[ 'POST', '/rpc/two', '404 PGRST202', \%json, '' ],
	[ 'POST', '/rpc/two', '404 PGRST202', \%json, '[]' ],
	[ 'POST', '/rpc/two', '404 PGRST202', \%json, '5' ],
	[ 'POST', '/rpc/two', '200 {"a":"x","b":7}', \%json, '[{"a":"x"},{"a":"y"}]' ],
	[ 'POST', '/rpc/two', '400 PGRST102', \%json, '[{"a":"x"},{"b":1}]' ],
	[ 'POST', '/rpc/two', '400 PGRST102', \%json, '[{"a":"x"},5]' ],
	[ 'POST', '/rpc/two', '400 PGRST102', \%json, '{' ],
	[ 'POST', '/rpc/two', '400 PGRST102', \%json, "{\"a\":\"\xff\"}" ],
	[ 'POST', '/rpc/two', '400 22P02', \%json, '{"a":"x","b":"one"}' ],
	[ 'POST', '/rpc/two', '400 22P05', \%json, '{"a":"\u0000"}' ],
	[ 'POST', '/rpc/plain', '200 {"none":true}', \%json, '{}' ],
	[ 'POST', '/rpc/plain', '200 {"none":true}', \%json, '' ],
	[ 'POST', '/rpc/two', '200 {"a":"cs.lewis & co","b":1}', \%form, 'a=cs.lewis+%26+co&b=1' ],
	[ 'POST', '/rpc/two', '200 {"a":"x","b":1}', \%form, 'a=x;b=1' ],
	[ 'POST', '/rpc/two', '200 {"a":"100%","b":7}', \%form, 'a=100%' ],
	[ 'POST', '/rpc/two', '404 PGRST202', \%form, 'a=x;y' ],
	[ 'POST', '/rpc/two', '404 PGRST202', \%form, 'b=1' ],
	[ 'POST', '/rpc/two', '500 ', \%form, 'a=%FF' ],
	[ 'POST', '/rpc/two', '404 PGRST202', { 'content-type' => 'text/plain' }, 'x' ],
	[ 'POST', '/rpc/two', '400 PGRST102', { 'content-type' => 'text/html' }, 'x' ],

	# methods and paths
	(map { [ $_, '/rpc/plain', '405 PGRST101' ] } qw(PUT PATCH DELETE PROPFIND)),
	[ 'OPTIONS', '/rpc/plain', '200 ' ],
	[ 'GET', '/nothing', '404 PGRST205' ],
	[ 'GET', '/rpc', '404 PGRST205' ],
	[ 'GET', '/rpc/plain/', '404 PGRST125' ],
	[ 'GET', '/rpc/plain/more', '404 PGRST125' ],
	[ 'GET', '/rpc/%70lain', '200 {"none":true}' ],
	[ 'GET', '/rpc/%FF', '404 PGRST202' ],
	[ 'GET', '/rpc/writes', '405 25006' ],
	[ 'POST', '/rpc/writes', '200 {"written":true}', \%json, '{}' ],

	# headers
	[ 'GET', '/rpc/plain', '406 PGRST107', { accept => 'text/html' } ],
	[ 'GET', '/rpc/plain', '200 {"none":true}', { accept => 'text/html, */*' } ],
	[ 'GET', '/rpc/plain', '200 {"none":true}', { accept => 'application/json;q=0.5' } ],
	[ 'GET', '/rpc/plain', '406 PGRST106', { 'accept-profile' => 'vvault' } ],
	[ 'POST', '/rpc/plain', '406 PGRST106', { %json, 'content-profile' => 'vvault' }, '{}' ],
	[ 'GET', '/rpc/plain', '500 PGRST300', { authorization => 'Bearer x.y.z' } ],

	# the database's word
	[ 'GET', '/rpc/says?status=404', '404 "said"' ],
	[ 'GET', '/rpc/says?status=304', '304 ' ],
	[ 'GET', '/rpc/says?status=x', '500 PGRST112' ],
	[ 'GET', '/rpc/says?status=200&headers=x', '500 PGRST111' ],
	[ 'GET', '/rpc/says?status=200&headers=[{"X-A":"b"}]', '200 "said"' ],
	(map { [ 'GET', "/rpc/raises?state=$_->[0]", "$_->[1] $_->[0]" ] } [ '22023', 400 ], [ '22P02', 400 ], [ 'P0001', 400 ], [ '42501', 401 ],
		[ '25006', 405 ], [ '23505', 409 ], [ '53300', 503 ], [ '54001', 500 ], [ '57014', 500 ], [ '57P01', 503 ], [ 'XX000', 500 ],
		[ '21000', 500 ], [ 'PT418', 418 ], [ '42601', 400 ], [ '0A000', 400 ]));

sub outcome_of
{
	my ($reply) = @_;
	my $body = $reply->{status} == 500 && $reply->{body} !~ /^\{/ ? '' : $reply->{body};
	my $problem = $body =~ /^\{"code":/ ? $json->decode($body) : undef;

	return "$reply->{status} " . ($problem ? $problem->{code} : $body);
}

my $folder = PostgreSQL::Test::Utils::tempdir_short();
for my $program (Site->programs)
{
	my $site = Site->new("$folder/$program", $node->connstr('postgres') . ' user=authenticator', 'anon', NGINX => 'no',
		STANDIN => $program eq 'standin' ? 'only' : 'no');

	note "044_standin: $site->{with}";
	for (@requests)
	{
		my ($method, $target, $expected, $headers, $body) = @$_;
		my @lines = map { "$_: $headers->{$_}" } sort keys %{ $headers // {} };
		my $reply = $site->request($method, $target, \@lines, $body, $site->{upstream});
		my $name = join ' ', grep { defined } "$program: $method $target", $body, @lines;

		# a body in another order of keys is another body, and spaces are none
		is(outcome_of($reply) =~ s/" : /":/gr =~ s/, "/,"/gr, $expected, $name =~ s/([^\x20-\x7e])/sprintf '%%%02X', ord $1/ger);
	}
	$site->stop;
}
done_testing();
