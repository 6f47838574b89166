#
# 080_tokens.pl
#		API tokens beside other programs: PyJWT and jose take ours and we take
#		theirs, none with one bit changed is taken, PostgREST takes the same
#		ones by its own check; keys rotate with an overlap; a thief of a
#		refresh token ends its family.
#
# TOKENS (1000) of each kind are tried. test/pgtap/stream/tokens.sql has what is
# refused, and why.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../standin";

use HTTP::Tiny ();
use IPC::Run ();
use JSON::PP ();
use MIME::Base64 qw(decode_base64url);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Site;
use Test::More;
use Time::HiRes qw(sleep);
use VVaultTest;

my $n = $ENV{TOKENS} // 1000;
my $json = JSON::PP->new->utf8->canonical;
my $node = new_node('tokens');
$node->safe_psql('postgres', 'CREATE EXTENSION vvault_stream CASCADE');

sub sql { return $node->safe_psql('postgres', $_[0]) }

my ($ret, $out, $err) = $node->psql('postgres', 'SELECT vvault_stream.new_key_pair()');
if ($ret != 0 && $err =~ /has no OpenSSL/)
{
	is(sql(q(SELECT vvault_stream_set('token_algorithm', 'HS256'); SELECT vvault_token_verify(vvault_token_issue('a') ->> 'access_token') ->> 'valid')) =~ s/\s//gr,
		'true', 'without OpenSSL tokens by HS256 work');
	$node->stop;
	done_testing();
	exit 0;
}

sub said_by
{
	my ($stdin, @command) = @_;
	my ($stdout, $stderr) = ('', '');

	IPC::Run::run(\@command, '<', \$stdin, '>', \$stdout, '2>', \$stderr) or die "@command[0 .. 1]: $stderr";
	return $stdout;
}

# How many of these tokens we take.
sub taken
{
	my (@tokens) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/tokens';

	open my $to, '>', $file or die "$file: $!";
	print $to map { "$_\n" } @tokens;
	close $to or die "$file: $!";
	return sql("CREATE TEMP TABLE t (token text); COPY t FROM '$file' (DELIMITER E'\\x01'); SELECT count(*) FROM t WHERE (vvault_token_verify(token) ->> 'valid')::boolean");
}

# ---------------------------------------------------------------------------
# Other programs
# ---------------------------------------------------------------------------

my @ours = split /\n/, sql("SELECT vvault_token_issue('viewer ' || i) ->> 'access_token' FROM generate_series(1, $n) i");
my $jwks = sql('SELECT vvault_jwks()');
my ($kid, $private) = split /\|/, sql(q(SELECT kid, encode(key, 'hex') FROM vvault_stream.signing_key('token')));
is(scalar(@ours), $n, "$n tokens of ours");
is(taken(@ours), $n, 'we take them');
unlike($jwks, qr/"d"/, 'the key set has no private key');

# One bit of each, anywhere, but for the dots.
sub with_one_bit
{
	my ($token, $seed) = @_;
	my @places = grep { substr($token, $_, 1) ne '.' } 0 .. length($token) - 1;
	my $place = $places[ ($seed * 7919) % @places ];

	substr($token, $place, 1) = chr(ord(substr $token, $place, 1) ^ 1 << $seed % 7);
	# nor what COPY or a literal would take for something else
	$token =~ tr/\x00-\x20\x7f\\'/*/;
	return $token;
}
my @bent = map { with_one_bit($ours[$_], $_) } 0 .. $#ours;
is(scalar(grep { $ours[$_] eq $bent[$_] } 0 .. $#ours), 0, 'each with one bit changed');
is(taken(@bent), 0, 'we take none of them');

# Others decode base64url that no encoder writes: the last character of a part has
# bits that stand for nothing. Such a token is the same one to them.
sub bytes_of { return join '.', map { decode_base64url($_) } split /[.]/, $_[0] }
my @other = map { $bent[$_] } grep { bytes_of($bent[$_]) ne bytes_of($ours[$_]) } 0 .. $#ours;
cmp_ok(scalar(@other), '>', 0.97 * $n, 'nearly all of them are others to everybody');

# Who takes the public key for a secret, or signs with what is a signature of
# everything where nobody looks (RFC 8725, 2.1, 3.1 and 3.4).
sub forged
{
	my ($algorithm, $signature) = @_;

	return sql(<<"SQL");
SELECT vvault_token_verify(m || '.' || translate(encode($signature, 'base64'), E'+/=\n', '-_')) ->> 'reason'
FROM (SELECT string_agg(translate(encode(convert_to(part, 'UTF8'), 'base64'), E'+/=\n', '-_'), '.') AS m
	FROM unnest(ARRAY['{"alg":"$algorithm","typ":"JWT","kid":"$kid"}', '{"sub":"viewer 1","exp":9999999999}']) part) x,
	(SELECT public_key AS der FROM vvault_stream.signing_keys WHERE kid = '$kid') k
SQL
}
# what vvault_stream.signature() gives, as bytes
sub hmac_by { return "decode(translate(vvault_stream.signature($_[0], m), '-_', '+/') || '=', 'base64')" }
my $pem = q(convert_to(E'-----BEGIN PUBLIC KEY-----\n' || encode(der, 'base64') || E'\n-----END PUBLIC KEY-----\n', 'UTF8'));
my $order = q('\xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'::bytea);
is(forged('HS256', hmac_by($_)), 'its algorithm is not that of its key', "HS256 by the public key: $_") for 'der', 'substring(der FROM length(der) - 63)', $pem;
is(forged('RS256', hmac_by($_)), 'its algorithm is not allowed', "RS256: $_") for 'der', $pem;
is(forged('ES256', $_), 'its signature is wrong', "a signature of $_") for q(decode(repeat('00', 64), 'hex')), q(decode(repeat('ff', 64), 'hex')),
  "$order || $order", "decode(repeat('00', 32), 'hex') || sha256('x')", hmac_by('der');

SKIP:
{
	skip('python3-jwt is not there', 4) if system('/usr/bin/python3 -c "import jwt, cryptography" 2>/dev/null') != 0;
	my @python = ('/usr/bin/python3', 'test/tokens/pyjwt_tokens.py');

	is(said_by(join("\n", @ours), @python, 'check', $jwks) + 0, $n, 'PyJWT takes all of ours');
	is(said_by(join("\n", @other), @python, 'check', $jwks) + 0, 0, 'and none with one bit changed');
	my @theirs = split /\n/, said_by('', @python, 'make', $n, $kid, $private);
	is(taken(@theirs), $n, 'we take all of PyJWT');
	is(taken(map { with_one_bit($theirs[$_], $_) } 0 .. $#theirs), 0, 'and none with one bit changed');

}

SKIP:
{
	skip('jose is not there', 4) unless -d ($ENV{WORK} // '') . '/tokens/node_modules/jose';
	my @node = ('node', 'test/tokens/jose_tokens.mjs');

	is(said_by(join("\n", @ours), @node, 'check', $jwks) + 0, $n, 'jose takes all of ours');
	is(said_by(join("\n", @other), @node, 'check', $jwks) + 0, 0, 'and none with one bit changed');
	my @theirs = split /\n/, said_by('', @node, 'make', $n, $kid, $private);
	is(taken(@theirs), $n, 'we take all of jose');
	is(taken(map { with_one_bit($theirs[$_], $_) } 0 .. $#theirs), 0, 'and none with one bit changed');
}

# The same by HS256, with a secret that others have, too.
{
	my @programs = grep { system($_->[1]) == 0 } [ 'PyJWT', '/usr/bin/python3 -c "import jwt, cryptography" 2>/dev/null', '/usr/bin/python3', 'test/tokens/pyjwt_tokens.py' ],
	  [ 'jose', 'test -d "$WORK/tokens/node_modules/jose"', 'node', 'test/tokens/jose_tokens.mjs' ];

	sql(q(SELECT vvault_stream_set('token_algorithm', 'HS256'); SELECT vvault_rotate_keys('token', 0)));
	my ($secret_kid, $secret) = split /\|/, sql(q(SELECT kid, encode(key, 'hex') FROM vvault_stream.signing_key('token')));
	isnt($secret_kid, $kid, 'another key signs by HS256');
	my $keys = $json->decode(sql(q(SELECT vvault_signing_keys('token'))))->{keys};
	my $secrets = $json->encode({ keys => [ map { { kty => 'oct', alg => 'HS256', kid => $_, k => $keys->{$_} } } sort keys %$keys ] });
	my @by_secret = split /\n/, sql("SELECT vvault_token_issue('viewer ' || i) ->> 'access_token' FROM generate_series(1, $n) i");
	my @nearly = map { with_one_bit($by_secret[$_], $_) } 0 .. $#by_secret;
	is(taken(@by_secret) . ' ' . taken(@nearly), "$n 0", 'by HS256 we take ours, and none with one bit changed');
	for my $program (@programs)
	{
		my ($name, undef, @command) = @$program;
		my @theirs = split /\n/, said_by('', @command, 'make', $n, $secret_kid, $secret, 'HS256');

		is(said_by(join("\n", @by_secret), @command, 'check', $secrets) + 0, $n, "$name takes all of ours by HS256");
		is(said_by(join("\n", map { $nearly[$_] } grep { bytes_of($nearly[$_]) ne bytes_of($by_secret[$_]) } 0 .. $#nearly), @command, 'check', $secrets) + 0, 0, 'and none with one bit changed');
		is(taken(@theirs), $n, "we take all of $name by HS256");
		is(taken(map { with_one_bit($theirs[$_], $_) } 0 .. $#theirs), 0, 'and none with one bit changed');
	}
	sql(q(SELECT vvault_stream_set('token_algorithm', NULL); SELECT vvault_rotate_keys('token', 0)));
}

# ---------------------------------------------------------------------------
# Keys rotate
# ---------------------------------------------------------------------------

my $session = open_session($node, 'postgres');

is(value($session, "SELECT vvault_token_verify('$ours[0]') ->> 'valid'"), 'true', 'a session that knows the key');
my $ahead = $json->decode(sql(q(SELECT vvault_rotate_keys('token', 600))));
like(sql('SELECT vvault_jwks()'), qr/"$ahead->{kid}"/, 'the next key is told ahead of its time');
is($json->decode(sql(q(SELECT vvault_jwks())))->{keys}[0]{kid}, $kid, 'and the first one still');
is(sql(q(SELECT kid FROM vvault_stream.signing_key('token'))) eq $ahead->{kid} ? 'new' : 'old', 'old', 'until then the one before signs');
sql("UPDATE vvault_stream.signing_keys SET signs_from = now() - interval '1 second' WHERE kid = '$ahead->{kid}'");
my $next = sql(q(SELECT vvault_token_issue('viewer') ->> 'access_token'));
is(value($session, "SELECT vvault_token_verify('$_') ->> 'valid'"), 'true', 'both are good') for $next, $ours[0];
sql("UPDATE vvault_stream.signing_keys SET signs_until = now() - interval '2 hours', checked_until = now() - interval '1 hour' WHERE kid = '$kid'");
is(value($session, "SELECT vvault_token_verify('$ours[0]') ->> 'reason'"), 'its key is not known', 'when its time is over the old one is not, in an open session too');
is(value($session, "SELECT vvault_token_verify('$next') ->> 'valid'"), 'true', 'the new one is');
sql(q(SELECT vvault_stream_set('token_issuer', 'https://id.example.org')));
is(value($session, "SELECT vvault_token_verify('$next') ->> 'reason'"), 'its issuer is another', 'a setting is heard of at once');
sql(q(SELECT vvault_stream_set('token_issuer', NULL)));

# ---------------------------------------------------------------------------
# What a session remembers of a token that is signed
# ---------------------------------------------------------------------------

# What the session says of a token, twice: of the second time it knows it.
sub verified
{
	my ($token, $for) = (@_, '');

	return join ' ', map { value($session, "SELECT coalesce(vvault_token_verify('$token'$for) ->> 'reason', 'good')") } 1, 2;
}

my $known = $json->decode(sql(q(SELECT vvault_token_issue('viewer'))));
is(verified($known->{access_token}), 'good good', 'a token that is known');
my $writer = open_session($node, 'postgres');
$writer->query("BEGIN; SELECT vvault_token_revoke('$known->{jti}')");
is(verified($known->{access_token}), 'good good', 'is good while its revocation may be rolled back');
$writer->query('ROLLBACK');
is(verified($known->{access_token}), 'good good', 'and after that');
$session->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
is(verified($known->{access_token}), 'good good', 'a snapshot');
$writer->query("SELECT vvault_token_revoke('$known->{jti}')");
$session->query('COMMIT');
is(verified($known->{access_token}), 'it was revoked it was revoked', 'after it a revocation counts at once');
$known = $json->decode(sql(q(SELECT vvault_token_issue('viewer'))));
$session->query("BEGIN; SELECT vvault_token_verify('$known->{access_token}'); SELECT vvault_token_revoke('$known->{jti}')");
is(verified($known->{access_token}), 'it was revoked it was revoked', 'one of its own, too');
$session->query('ROLLBACK');
is(verified($known->{access_token}), 'good good', 'which may be undone');
# what it is good for is asked anew
my %good_for = ('no video' => [ '', 'good good' ], 'its video' => [ q(, 'clip'), 'good good' ], 'more' => [ q(, 'clip', 'edit'), 'it does not permit this it does not permit this' ],
	'another video' => [ q(, 'film'), 'it is for another video it is for another video' ], 'more without a video' => [ q(, NULL, 'manage'), 'it does not permit this it does not permit this' ]);
sql(q(INSERT INTO vvault_stream.assets (video_id, owner_id, access) VALUES ('clip', 'alice', 'token'), ('film', 'alice', 'token')));
my $for_clip = sql(q(SELECT vvault_token_issue('guest', 'clip', '{view}') ->> 'access_token'));
for my $what (map { ($_) x 2 } sort keys %good_for)
{
	is(verified($for_clip, $good_for{$what}[0]), $good_for{$what}[1], "a token that is known, for $what");
}
sql(q(UPDATE vvault_stream.assets SET access = 'private' WHERE video_id = 'clip'));
is(verified($for_clip, q(, 'clip')), 'it does not permit this it does not permit this', 'for a video that is open to it no more');
sql(q(DELETE FROM vvault_stream.assets WHERE video_id = 'clip'));
is(verified($for_clip, q(, 'clip')), 'there is no such video there is no such video', 'for one that is gone');

# the clock is looked at anew: it has to be known before it ends, however slow the machine
sql(q(SELECT vvault_stream_set('token_skew_seconds', '0')));
sub said_until_it_changes
{
	my ($make) = @_;

	for my $seconds (2, 4, 8, 16, 32, 64)
	{
		my $token = $make->($seconds);
		next if verified($token) ne 'good good';
		my $said = 'good good';
		for (1 .. 2 * $seconds + 60)
		{
			sleep 0.5;
			$said = verified($token);
			last unless $said =~ /good$/;
		}
		return $said =~ s/^good //r;
	}
	return 'it was never good';
}
is(said_until_it_changes(sub { sql("SELECT vvault_token_issue('viewer', ttl_seconds => $_[0]) ->> 'access_token'") }) =~ /^(it has expired)(?: \1)?$/ ? $1 : 'good',
	'it has expired', 'a token that is known expires');
is(said_until_it_changes(sub {
		my $token = sql(q(SELECT vvault_rotate_keys('token', 0); SELECT vvault_token_issue('viewer') ->> 'access_token')) =~ s/^.*\n//sr;
		sql("UPDATE vvault_stream.signing_keys SET signs_until = clock_timestamp(), checked_until = clock_timestamp() + interval '$_[0] seconds' WHERE purpose = 'token' AND signs_until IS NULL");
		return $token;
	}) =~ /^(its key is not known)(?: \1)?$/ ? $1 : 'good', 'its key is not known', 'and so does the key of one');
sql(q(SELECT vvault_stream_set('token_skew_seconds', NULL); SELECT vvault_rotate_keys('token', 0)));

# what is nearly it is not known: every character is looked at
$known = $json->decode(sql(q(SELECT vvault_token_issue('viewer'))));
is(verified($known->{access_token}), 'good good', 'another that is known');
is(value($session, "SELECT count(*) FILTER (WHERE vvault_token_verify(overlay(t PLACING CASE substr(t, i, 1) WHEN 'A' THEN 'B' ELSE 'A' END FROM i)) ->> 'valid' = 'true')
	|| ' of ' || count(*) FROM (SELECT '$known->{access_token}'::text AS t) k, generate_series(1, length(t)) i"),
	'0 of ' . length($known->{access_token}), 'none is taken that differs from it by a character');
is(value($session, "SELECT count(*) FROM (SELECT '$known->{access_token}'::text AS t) k, generate_series(1, length(t)) i
	WHERE vvault_token_verify(left(t, i - 1)) ->> 'valid' = 'true' OR vvault_token_verify(substr(t, i + 1)) ->> 'valid' = 'true'"), 0, 'nor a part of it');
is(verified($known->{access_token} =~ s{[.]([^.])([^.]*)$}{'.' . ($1 eq 'A' ? 'B' : 'A') . $2}er), 'its signature is wrong its signature is wrong',
	'what was refused is refused for the same reason again');

# two whose jti is the same for long
my @long = map { sql("SELECT vvault_stream.sign_token(k.algorithm, k.kid, k.key, json_build_object('sub', 'viewer', 'exp', 9999999999, 'jti', repeat('j', $_)))
	FROM vvault_stream.signing_key('token') k") } 63, 64, 200;
sql(q(SELECT vvault_token_revoke(repeat('j', 63))));
is(join(', ', map { verified($_) } @long[ 2, 1, 0 ]), 'good good, good good, it was revoked it was revoked', 'of ids that begin alike each is looked for');

# what is remembered of one is not what was read of the next
my @alike = map { $json->decode(sql(q(SELECT vvault_token_issue('viewer')))) } 1, 2;
is(verified($_->{access_token}), 'good good', 'two that are alike') for @alike;
sql("SELECT vvault_token_revoke('$alike[0]{jti}')");
is(verified($alike[0]{access_token}), 'it was revoked it was revoked', 'the one is revoked');
is(verified($alike[1]{access_token}), 'good good', 'and not the other');

# somebody is erased
my $erased = sql(q(SELECT vvault_token_issue('zofia') ->> 'access_token'));
is(verified($erased), 'good good', 'a token of somebody');
is(verified(sql(q(SELECT vvault_token_issue('other') ->> 'access_token'))), 'good good', 'another that is read after it');
sql(q(SELECT vvault_erase_user('zofia')));
is(verified($erased), 'it was revoked it was revoked', 'who is erased');

# where revocations are found may be another index
$writer->query('ALTER TABLE vvault_stream.revocations DROP CONSTRAINT revocations_pkey, ADD CONSTRAINT revocations_pkey PRIMARY KEY (jti)');
is(verified($erased), 'it was revoked it was revoked', 'by an index that is made anew as well');

# a key is deleted, and comes again
my ($signs) = split /\|/, sql(q(SELECT kid FROM vvault_stream.signing_key('token')));
is(verified($known->{access_token}), 'good good', 'a token that is known');
$writer->query("BEGIN; CREATE TEMP TABLE kept AS SELECT * FROM vvault_stream.signing_keys WHERE kid = '$signs'; DELETE FROM vvault_stream.signing_keys WHERE kid = '$signs'");
is(verified($known->{access_token}), 'good good', 'is good while its key may come back');
$writer->query('COMMIT');
is(verified($known->{access_token}), 'its key is not known its key is not known', 'and not without it');
$writer->query('INSERT INTO vvault_stream.signing_keys SELECT * FROM kept');
is(verified($known->{access_token}), 'good good', 'with it again it is');
my @many = split /\n/, sql("SELECT vvault_token_issue('viewer ' || i) ->> 'access_token' FROM generate_series(1, 300) i");
sub array_of { return 'unnest(ARRAY[' . join(', ', map { "'$_'" } @_) . ']) t' }
is(value($session, 'SELECT count(*) FROM ' . array_of(@many, @many, reverse @many) . " WHERE vvault_token_verify(t) ->> 'valid' = 'true'"), 900, 'more tokens than it remembers');
is(value($session, "SELECT string_agg(DISTINCT vvault_token_verify(t) -> 'claims' ->> 'sub', ' ') FROM " . array_of(@many[ 4, 9, 4, 9, 4 ])), 'viewer 10 viewer 5', 'and none is taken for another');
sql(q(UPDATE vvault_stream.signing_keys SET signs_until = now(), checked_until = now() WHERE purpose = 'token'));
is(verified($many[0]), 'its key is not known its key is not known', 'when a key is given up, what it signed is known no more');
sql(q(SELECT vvault_rotate_keys('token', 0)));
$writer->quit;

# ---------------------------------------------------------------------------
# Two who come with one refresh token at the same time
# ---------------------------------------------------------------------------

my $issued = $json->decode(sql(q(SELECT vvault_token_issue('viewer'))));
my @thieves = map { open_session($node, 'postgres') } 1 .. 4;
$thieves[0]->query('BEGIN');
$thieves[0]->query("SELECT vvault_token_refresh('$issued->{refresh_token}')");
$_->send("SELECT vvault_token_refresh('$issued->{refresh_token}') ->> 'error'") for @thieves[ 1 .. 3 ];
$thieves[0]->query('COMMIT');
is(($_->wait)[0], 'invalid_grant', 'only one of them gets the next token') for @thieves[ 1 .. 3 ];
is(sql("SELECT count(*) FROM vvault_stream.refresh_tokens WHERE jti = '$issued->{jti}' AND ended_at IS NULL"), 0, 'and the family has ended');
is(value($session, "SELECT vvault_token_verify('$issued->{access_token}') ->> 'reason'"), 'it was revoked', 'with all its tokens');
$_->quit for @thieves;

# ---------------------------------------------------------------------------
# Nothing secret lies about
# ---------------------------------------------------------------------------

my $dump = said_by('', 'pg_dump', '--data-only', '-t', 'vvault_stream.refresh_tokens', '-d', $node->connstr('postgres'));
unlike($dump, qr/\Q$issued->{refresh_token}\E/, 'no refresh token is kept, only its hash');

# ---------------------------------------------------------------------------
# PostgREST
# ---------------------------------------------------------------------------

SKIP:
{
	skip('there is no postgrest', 1) unless Site->has_postgrest;
	my $folder = PostgreSQL::Test::Utils::tempdir_short();

	sql(<<'SQL');
CREATE ROLE web LOGIN NOINHERIT; CREATE ROLE web_anon; CREATE ROLE web_viewer; CREATE ROLE web_publisher;
GRANT web_anon, web_viewer, web_publisher TO web;
SELECT vvault_stream_grant('web_anon', 'viewer'), vvault_stream_grant('web_viewer', 'viewer'), vvault_stream_grant('web_publisher', 'publisher');
SELECT vvault_stream_set('authenticator', 'web'), vvault_stream_set('token_viewer_role', 'web_viewer'), vvault_stream_set('token_publisher_role', 'web_publisher');
INSERT INTO vvault_stream.assets (video_id, owner_id, access) VALUES ('diary', 'alice', 'private'), ('course', 'alice', 'token');
SQL
	append_to_file("$folder/jwks.json", sql('SELECT vvault_jwks()'));
	my $server = Site->new("$folder/site", $node->connstr('postgres') . ' user=web', 'web_anon',
		NGINX => 'no', STANDIN => 'no', JWKS => "$folder/jwks.json", PRE_REQUEST => 'no');
	my $http = HTTP::Tiny->new(timeout => 30);
	my $ask = sub {
		my ($token, $function, %arguments) = @_;
		my $reply = $http->post("$server->{upstream}/rpc/$function", { content => $json->encode(\%arguments),
			headers => { 'content-type' => 'application/json', defined $token ? (authorization => "Bearer $token") : () } });

		return "$reply->{status} " . substr($reply->{content}, 0, 60);
	};
	my %token = map { $_->[0] => sql("SELECT vvault_token_issue($_->[1]) ->> 'access_token'") } [ owner => q('alice') ],
	  [ guest => q('bob', 'course', '{view}') ], [ editor => q('bob', 'course', '{edit}') ];
	my $jti = $json->decode(sql("SELECT vvault_token_verify('$token{owner}') -> 'claims'"))->{jti};

	like($ask->(undef, 'vvault_may', video_id => 'diary', permission => 'view'), qr/^200 false/, 'PostgREST: nobody sees what is private');
	like($ask->($token{owner}, 'vvault_may', video_id => 'diary', permission => 'manage'), qr/^200 true/, 'its owner manages it');
	like($ask->($token{guest}, 'vvault_may', video_id => 'course', permission => 'view'), qr/^200 true/, 'a guest sees what his token is for');
	like($ask->($token{guest}, 'vvault_may', video_id => 'diary', permission => 'view'), qr/^200 false/, 'and nothing else');
	like($ask->($token{guest}, 'vvault_update_asset', video_id => 'course', title => 'x'), qr/^(?:401|403) .*42501/, 'and changes nothing');
	like($ask->($token{editor}, 'vvault_update_asset', video_id => 'course', title => 'x'), qr/^200 \{"video_id":"course"/, 'an editor does');
	like($ask->(with_one_bit($token{owner}, 3), 'vvault_may', video_id => 'diary', permission => 'view'), qr/^401/, 'a token with one bit changed is refused');
	like($ask->($token{guest}, 'vvault_token_revoke', jti => $jti), qr/^(?:401|403)/, 'nobody revokes another\'s');
	like($ask->($token{owner}, 'vvault_token_revoke', jti => $jti), qr/^200/, 'its subject does');
	like($ask->($token{owner}, 'vvault_may', video_id => 'diary', permission => 'view'), qr/^200 false/, 'what is revoked opens nothing, though PostgREST takes it');
	like($ask->(undef, 'vvault_token_refresh', refresh_token => 'x'), qr/^400 .*invalid_grant/, 'a wrong refresh token is HTTP 400');
	$server->stop;
}

$session->quit;
$node->stop;
done_testing();
