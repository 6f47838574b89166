#
# 081_secrets.pl
#		Secrets at rest: the master key's file and what may be wrong with it,
#		another master key while everything goes on, a dump without its key,
#		and that no role, error, log line, statistic or plan shows a secret.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP ();
use MIME::Base64 qw(decode_base64 decode_base64url encode_base64 encode_base64url);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $json = JSON::PP->new->utf8->canonical;
my $node = new_node('secrets');
my $folder = PostgreSQL::Test::Utils::tempdir();
my $file = "$folder/master.key";
my @key = map { join '', map { sprintf '%02x', ($_ * 7 + 13) % 256 } $_ .. $_ + 31 } 1, 100;

sub sql { return $node->safe_psql('postgres', $_[0]) }

# SQLSTATE, message, detail and hint of what goes wrong.
sub problem
{
	my ($sql, $role) = @_;
	my ($status, $out, $err) = $node->psql('postgres', (defined $role ? "SET ROLE $role; " : '') . "\\set VERBOSITY verbose\n$sql");

	return $status == 0 ? "no error: $out" : $err;
}

# All ways in which bytes may be shown: as they are, in hexadecimal, in base64, and
# as trees of plans have them, but without the blanks.
sub shapes
{
	return map { my $bytes = pack 'H*', $_; ($_, encode_base64($bytes, ''), encode_base64url($bytes), $bytes, join('', unpack 'c*', $bytes), join('', unpack 'C*', $bytes)) } @_;
}

# How many of these shapes are in a text. A tree of a plan is broken into lines, in
# the middle of a number, too.
sub shown_in
{
	my ($text, @shapes) = @_;
	my $line = $text =~ s/\s+//gr;

	return scalar(grep { index($text, $_) >= 0 || index($line, $_) >= 0 } @shapes);
}

# all secrets, opened, in hexadecimal
my $opened = q(SELECT encode(vvault_stream.unsealed(name, secret, sealed_by), 'hex') FROM vvault_stream.secrets
	UNION ALL SELECT encode(vvault_stream.content_key(k), 'hex') FROM vvault_stream.content_keys k);

# What roles see of the secrets of a database who have printed what they may: plans
# and rewritten queries of what runs with other rights, with operators of their own
# that tell what they are given. A line for each role.
sub spied
{
	my ($database) = @_;
	my %calls = (
		viewer => [ q(vvault_play_url('film')), q(vvault_watch('film')), q(vvault_pssh('guarded')), q(vvault_token_verify('x.y.z')) ],
		publisher => [ q(vvault_play_url('film')), q(vvault_create_asset('mine', 'publisher', video_id => 'mine')), q(vvault_token_issue('x', 'mine', '{view}')) ],
		worker => [ q(vvault_dequeue('w', '{webhook,join,probe,encode}')), q(vvault_heartbeat(1, gen_random_uuid())) ],
		operator => [ q(vvault_store('main', 'file', 'https://store.example.org')), q(vvault_presign('GET', 'a', store => 'main')), q(vvault_presign('GET', 'a', store => 'cloud')), q(vvault_token_issue('x')),
			q(vvault_rotate_keys('token', 3600)), q(vvault_rotate_keys('path', 3600)), q(vvault_signing_keys('path')), q(vvault_edge_files()), q(vvault_cpix('guarded')), q(vvault_reseal_secrets()),
			q(vvault_webhook(url => 'https://spied.example.org/')), q(vvault_webhook(1, rotate => true)), q(vvault_protect('guarded', 'clear_key')) ]);
	my (%told, @open, @lines);

	$node->safe_psql($database, <<'SQL');
CREATE SCHEMA IF NOT EXISTS spies;
CREATE OR REPLACE FUNCTION spies.tell(bytea, bytea) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'spied % %', $1, $2; RETURN pg_catalog.byteaeq($1, $2); END$$;
CREATE OR REPLACE FUNCTION spies.tell(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'spied % %', $1, $2; RETURN pg_catalog.texteq($1, $2); END$$;
CREATE OR REPLACE FUNCTION spies.join(bytea, bytea) RETURNS bytea LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'spied % %', $1, $2; RETURN pg_catalog.byteacat($1, $2); END$$;
CREATE OR REPLACE FUNCTION spies.encode(bytea, text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'spied %', $1; RETURN pg_catalog.encode($1, $2); END$$;
DROP OPERATOR IF EXISTS spies.= (bytea, bytea), spies.= (text, text), spies.|| (bytea, bytea);
CREATE OPERATOR spies.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = spies.tell);
CREATE OPERATOR spies.= (LEFTARG = text, RIGHTARG = text, FUNCTION = spies.tell);
CREATE OPERATOR spies.|| (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = spies.join);
GRANT USAGE ON SCHEMA spies TO PUBLIC;
SQL
	# in this order, since who calls first has keys made
	for my $role (qw(viewer publisher worker operator))
	{
		push @open, shapes(map { split /\n/ } $node->safe_psql($database, $opened));
		for my $path ('public', 'spies, public, pg_catalog')
		{
			my @calls = map { "SELECT $_ IS NULL" } @{ $calls{$role} };
			my (undef, $out, $err) = $node->psql($database, join(";\n", "SET ROLE $role", 'SET debug_print_parse = on', 'SET debug_print_rewritten = on', 'SET debug_print_plan = on',
				"SET search_path = $path", 'SET client_min_messages = debug5', @calls, map { "EXPLAIN (ANALYZE, VERBOSE) $_" } @calls) . ";\n", on_error_stop => 0);

			$told{$role} .= "$out$err";
		}
	}
	push @open, shapes(map { split /\n/ } $node->safe_psql($database, $opened));
	$node->safe_psql($database, q(DELETE FROM vvault_stream.webhooks WHERE url ~ 'spied'));
	for my $role (sort keys %told)
	{
		push @lines, "a $role sees " . ($told{$role} =~ /plan:/ ? 'plans' : 'no plan') . ', and ' . shown_in($told{$role}, @open) . ' secrets in them';
	}
	return @lines;
}

sub write_keys
{
	my ($mode, @lines) = @_;

	unlink $file;
	append_to_file($file, join '', map { "$_\n" } @lines);
	chmod $mode, $file or die "$file: $!";
	return;
}

sub use_file
{
	my ($path) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET vvault.master_key_file = '$path'");
	$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
	# the postmaster tells its children; a new session has it in the end
	$node->poll_query_until('postgres', "SELECT current_setting('vvault.master_key_file') = '$path'") or die;
	return;
}

sql(<<'SQL');
CREATE EXTENSION vvault_stream CASCADE;
CREATE ROLE operator; CREATE ROLE worker; CREATE ROLE viewer; CREATE ROLE publisher;
SELECT vvault_stream_grant(r, r) FROM unnest('{operator,worker,viewer,publisher}'::text[]) r;
CREATE ROLE reads_all; GRANT pg_read_all_data, pg_read_all_settings, pg_read_all_stats, pg_monitor TO reads_all;
SELECT vvault_edge('one', 'https://one.example.org');
INSERT INTO vvault_stream.assets (video_id, owner_id, access, generation) VALUES ('film', 'alice', 'public', 1);
INSERT INTO vvault_stream.renditions (video_id, generation, name, kind, codecs, width, height,
	frame_rate_numerator, frame_rate_denominator, object_key, timescale, init_size, index_size, first_offset, durations, sizes)
VALUES ('film', 1, '360p', 'video', 'avc1.64001e', 640, 360, 25, 1, 'film/1/360p.mp4', 12800, 773, 76, 849, '{51200}', '{412000}');
-- one that is protected
INSERT INTO vvault_stream.assets (video_id, owner_id, access, generation) VALUES ('guarded', 'alice', 'public', 1);
SELECT vvault_stream.make_content_keys('guarded', 1, 'clear_key');
INSERT INTO vvault_stream.renditions (video_id, generation, name, kind, codecs, width, height, protection, key_id,
	frame_rate_numerator, frame_rate_denominator, object_key, timescale, init_size, index_size, first_offset, durations, sizes)
SELECT k.video_id, 1, '360p', 'video', 'avc1.64001e', 640, 360, 'clear_key', k.kid, 25, 1, 'guarded/1/360p.mp4', 12800, 773, 76, 849, '{51200}', '{412000}'
FROM vvault_stream.content_keys k WHERE k.class = 'SD';
SQL
my ($status, undef, $err) = $node->psql('postgres', 'SELECT vvault_stream.new_key_pair()');
if ($status != 0)
{
	$node->stop;
	plan skip_all => 'there is no OpenSSL';
}

# ---------------------------------------------------------------------------
# Without a master key
# ---------------------------------------------------------------------------

sub secrets { return $json->decode(sql('SELECT vvault_secrets()')) }
sub play { return sql(q(SELECT vvault_play_url('film') ->> 'hls')) =~ m{/v/([^/]+)/} ? $1 : die }
sub problem_of { return sql("SELECT coalesce(vvault_stream.path_token_problem('$_[0]', 'film', 1, now()), 'none')") }

# in a database of their own, where the first who calls has keys made
sql('CREATE DATABASE spied');
$node->safe_psql('spied', <<'SQL');
CREATE EXTENSION vvault_stream CASCADE;
SELECT vvault_stream_grant(r, r) FROM unnest('{operator,worker,viewer,publisher}'::text[]) r;
SELECT vvault_edge('one', 'https://one.example.org');
SELECT vvault_store('cloud', 's3', 'https://s3.example.org', bucket => 'media', key_id => 'AKID', secret => 'the secret of this store');
INSERT INTO vvault_stream.assets (video_id, owner_id, access, generation) VALUES ('film', 'alice', 'public', 1), ('guarded', 'alice', 'public', 1);
SELECT vvault_stream.make_content_keys('guarded', 1, 'clear_key');
SQL
is(join("\n", spied('spied')), join("\n", map { "a $_ sees plans, and 0 secrets in them" } qw(operator publisher viewer worker)), 'plans of plain secrets show none, either');

my $first = play();
my ($token, $refresh) = split /\|/, sql(q(SELECT t ->> 'access_token', t ->> 'refresh_token' FROM vvault_token_issue('viewer', ttl_seconds => 86400) t));
sql(q(SELECT vvault_store('cloud', 's3', 'https://s3.example.org', bucket => 'media', key_id => 'AKID', secret => 'the secret of this store')));
sql(q(SELECT vvault_store('main', 'file', 'https://store.example.org')));
my $hook = sql(q(SELECT vvault_webhook(url => 'https://hook.example.org/', kinds => '{asset.*}') ->> 'webhook_id'));

# What tells a receiver of an event is signed by, at an instant.
sub signed
{
	my ($of) = @_;

	return ($of // $node)->safe_psql('postgres', "SELECT vvault_stream.webhook_signatures(w, 'evt_1', 1, '{}') FROM vvault_stream.webhooks w WHERE webhook_id = $hook");
}
my $signature = signed();
like($signature, qr{^v1,[A-Za-z0-9+/]{43}=$}, 'a webhook has a secret');
is_deeply(secrets(), { master_key => undef, problem => undef, plain => 5, sealed => 0, of_other_keys => 0, lost => [],
	content_keys => { plain => 4, sealed => 0, of_other_keys => 0, lost => 0 } }, 'without a master key secrets are plain, and that is said');
like(problem('SELECT vvault_reseal_secrets()'), qr/55000.*there is no master key/s, 'and stay so');

# ---------------------------------------------------------------------------
# What may be wrong with the file
# ---------------------------------------------------------------------------

for my $case (
	[ 'missing', undef, 'it is not there' ], [ 'for all to read', [ 0644, $key[0] ], 'make it 600' ], [ 'for a group', [ 0640, $key[0] ], 'make it 600' ],
	[ 'empty', [0600], 'it has no key' ], [ 'short', [ 0600, substr $key[0], 1 ], 'no key of 64 hexadecimal digits' ],
	[ 'no key', [ 0600, 'z' x 64 ], 'no key of 64 hexadecimal digits' ], [ 'of too many keys', [ 0600, ($key[0]) x 9 ], 'more than eight keys' ],
	[ 'too large', [ 0600, '#' x 5000 ], 'too large' ])
{
	my ($label, $content, $expected) = @$case;

	unlink $file;
	write_keys(@$content) if $content;
	use_file($file);
	like(secrets()->{problem}, qr/\Q$expected\E/, "a file that is $label");
	my $said = problem(q(SELECT vvault_rotate_keys('path', 0)));
	like($said, qr/F0000.*master key file cannot be used.*\Q$file\E.*\Q$expected\E.*HINT/s, 'a superuser is told what is wrong');
	$said = problem(q(SELECT vvault_rotate_keys('path', 0);), 'operator');
	like($said, qr/F0000.*master key file cannot be used/s, 'others that it is');
	unlike($said, qr/\Q$file\E/, 'and not where');
	unlike($said, qr/\Q$key[0]\E|zzzz/, 'and never what is in it');
	is(problem_of($first), 'none', 'what is plain is read all the same');
}
use_file('/etc/passwd');
like(secrets()->{problem}, qr/does not belong to the server's user/, 'a file of another user');
use_file($folder);
like(secrets()->{problem}, qr/no plain file/, 'a folder is none');

# ---------------------------------------------------------------------------
# With it
# ---------------------------------------------------------------------------

my $every = q(SELECT string_agg(encode(secret, 'hex'), ' ') FROM (SELECT secret FROM vvault_stream.secrets UNION ALL SELECT secret FROM vvault_stream.content_keys) s);
my $plain = sql($every);
my $license = q(SELECT vvault_clearkey_license((SELECT json_build_object('kids', json_agg(vvault_stream.base64url(uuid_send(kid)) ORDER BY class)) FROM vvault_stream.content_keys)));
my $licensed = sql($license);
my @plain = split / /, $plain;
write_keys(0600, '# vvault', $key[0]);
use_file($file);
my $state = secrets();
is($state->{problem}, undef, 'a file as it should be');
like($state->{master_key}, qr/^[0-9a-f]{16}$/, 'its key has a name');
is("$state->{plain} $state->{sealed}", '5 0', 'what was there is plain until it is sealed');
is($json->decode(sql('SELECT vvault_reseal_secrets()'))->{resealed}, 9, 'and is sealed by a call');
is_deeply([ @{ secrets() }{qw(plain sealed lost)} ], [ 0, 5, [] ], 'now all are');
is_deeply(secrets()->{content_keys}, { plain => 0, sealed => 4, of_other_keys => 0, lost => 0 }, 'those of videos, too');
is(sql($license), $licensed, 'which open as before');
my $sealed = sql($every);
is(scalar(grep { $sealed =~ /$_/ } @plain), 0, 'nothing of them lies in the table');
is(problem_of($first), 'none', 'what they signed is good');
is(signed(), $signature, 'receivers of events know it by the same secret');
my $fresh = sql("SELECT vvault_webhook($hook, rotate => true) ->> 'secret'");
my ($now, $before) = split / /, signed();
isnt($now, $signature, 'a new secret of a webhook signs');
is($before, $signature, 'and the one before, for a while');
is(secrets()->{plain}, 0, 'both are sealed');
push @plain, unpack 'H*', decode_base64(substr $fresh, 6);
is(sql("SELECT vvault_token_verify('$token') ->> 'valid'"), 'true', 'tokens, too');
like(sql(q(SELECT vvault_presign('GET', 'a', store => 'cloud') ->> 'url')), qr/X-Amz-Signature=/, 'a store is signed for');
is(sql(q(SELECT count(*) FROM vvault_stream.secrets WHERE secret = (SELECT secret FROM vvault_stream.secrets WHERE name = 's3:cloud') AND name <> 's3:cloud')), 0, 'no two are alike');
sql(q(SELECT vvault_rotate_keys('path', 0)));
is(secrets()->{plain}, 0, 'a new secret is sealed');
is(problem_of($first), 'none', 'and the one before goes on');
is(sql(q(SELECT sealed IS NULL AND sealed_by IS NULL FROM vvault_stream.seal(NULL, '\\x00'))), 't', 'what has no name is not sealed');

# one in the place of another, and one with a bit changed
sql(q(BEGIN; CREATE TABLE kept AS SELECT * FROM vvault_stream.secrets; COMMIT));
sql(q(UPDATE vvault_stream.secrets s SET secret = k.secret FROM kept k WHERE s.name = 's3:cloud' AND k.name LIKE 'key:%'));
like(problem(q(SELECT vvault_presign('GET', 'a', store => 'cloud'))), qr/XX001.*secret "s3:cloud" cannot be opened/s, 'one does not pass for another');
sql(q(UPDATE vvault_stream.secrets s SET secret = set_byte(k.secret, 20, get_byte(k.secret, 20) # 1) FROM kept k WHERE s.name = k.name AND k.name = 's3:cloud'));
like(problem(q(SELECT vvault_presign('GET', 'a', store => 'cloud'))), qr/XX001.*secret "s3:cloud" cannot be opened/s, 'nor with a bit changed');
sql(q(UPDATE vvault_stream.secrets s SET secret = k.secret FROM kept k WHERE s.name = k.name; DROP TABLE kept));

# ---------------------------------------------------------------------------
# Another master key while everything goes on
# ---------------------------------------------------------------------------

my @clients = map { start_client($node, 'postgres', "player$_", <<'SQL') } 1 .. 3;
SELECT 'ready';
SELECT count(vvault_play_url('film') ->> 'hls') + count(vvault_presign('GET', 'a', store => 'cloud')) FROM generate_series(1, 300) \watch 0.01
SQL
# what orders of workers have in them
push @clients, start_client($node, 'postgres', 'worker', <<"SQL");
SELECT 'ready';
SELECT count(vvault_stream.output_encryption('guarded', 1, 'HD')) + count(vvault_stream.webhook_signatures(w, 'evt_1', 1, '{}')) FROM vvault_stream.webhooks w, generate_series(1, 100) WHERE webhook_id = $hook \\watch 0.01
SQL
wait_for_lines(2, @clients);
for my $keys ([ @key[ 1, 0 ] ], [ $key[1] ], [ @key[ 0, 1 ] ])
{
	# a new file takes the place of the old one at once
	append_to_file("$file.new", join '', map { "$_\n" } @$keys);
	chmod 0600, "$file.new";
	rename "$file.new", $file or die "$file: $!";
	sql('SELECT vvault_reseal_secrets()');
	is_deeply([ @{ secrets() }{qw(plain of_other_keys lost)} ], [ 0, 0, [] ], 'all are sealed under the first key: ' . @$keys);
	is_deeply([ @{ secrets()->{content_keys} }{qw(plain of_other_keys lost)} ], [ 0, 0, 0 ], 'those of videos as well');
}
complete_lines($_) for @clients;
is(join('', map { $_->{err} } @clients), '', 'nobody noticed');
stop_client($_) for @clients;
is(problem_of($first), 'none', 'and what was signed before is good');
is(sql($license), $licensed, 'as are the keys of videos');
sql(q(UPDATE vvault_stream.content_keys k SET secret = o.secret FROM vvault_stream.content_keys o WHERE k.class = 'SD' AND o.class = 'HD'));
like(problem("$license;"), qr/XX001.*secret "content:guarded.1.SD.[^"]*" cannot be opened/s, 'one does not pass for another');
sql(q(UPDATE vvault_stream.content_keys k SET secret = s.sealed FROM vvault_stream.content_keys o, vvault_stream.seal(vvault_stream.content_key_name('guarded', 1, 'SD', (SELECT kid FROM vvault_stream.content_keys WHERE class = 'SD')), '\\x000102030405060708090a0b0c0d0e0f') s WHERE k.class = 'SD' AND o.class = 'HD'));

# ---------------------------------------------------------------------------
# Who may see what
# ---------------------------------------------------------------------------

my @internal = map { split /\n/ } sql(q(SELECT format('SELECT vvault_stream.%s(%s)', p.proname, (SELECT string_agg(format('NULL::%s', t::regtype), ', ' ORDER BY i) FROM unnest(p.proargtypes) WITH ORDINALITY u (t, i)))
	FROM pg_proc p WHERE p.pronamespace = 'vvault_stream'::regnamespace AND p.proname ~ 'secret|seal|key|sign' AND NOT p.proisstrict AND p.prorettype <> 'trigger'::regtype ORDER BY 1));
cmp_ok(scalar(@internal), '>', 5, 'functions that have to do with secrets');
for my $role (qw(operator worker viewer publisher reads_all))
{
	is(sql("SELECT count(*) FROM pg_proc p WHERE p.pronamespace = 'vvault_stream'::regnamespace AND has_function_privilege('$role', p.oid, 'EXECUTE')"), 0, "$role may call nothing that is inside");
	is(join(' | ', grep { problem("$_;", $role) !~ /42501/ } @internal), '', "$role calls none of them");
	like(problem('SHOW vvault.master_key_file;', $role), qr/42501|no error: \Q$file\E/, "$role does not set the file") if $role eq 'reads_all';
	like(problem('SHOW vvault.master_key_file;', $role), qr/42501/, "$role does not see which file it is") if $role ne 'reads_all';
	like(problem("SET vvault.master_key_file = '/dev/null';", $role), qr/55P02|42501/, 'nor sets it');
	like(problem('SELECT secret FROM vvault_stream.secrets;', $role), qr/42501/, 'nor reads the table') if $role ne 'reads_all';
}
like(problem(q(SELECT vvault_signing_keys('token');), 'operator'), qr/no error: .*"keys" : \{\}/, 'an operator gets no private key of tokens');

# What a client of any role may turn on by himself
is(join("\n", spied('postgres')), join("\n", map { "a $_ sees plans, and 0 secrets in them" } qw(operator publisher viewer worker)), 'plans show no secret to who has them printed');
my @open = shapes(map { split /\n/ } sql($opened));
{
	my (undef, $out, $err) = $node->psql('postgres', 'SET debug_print_plan = on; SET client_min_messages = log; SELECT ' . "'\\x$plain[0]'::bytea");
	cmp_ok(shown_in($err, (shapes($plain[0]))[-2, -1]), '>=', 1, 'one that stood in a plan would be found');
}
my $seen = sql(q(SET ROLE reads_all; SELECT string_agg(query, ' ') FROM pg_stat_activity)) . sql(q(SET ROLE reads_all; COPY vvault_stream.secrets TO STDOUT)) . sql(q(SET ROLE reads_all; COPY vvault_stream.content_keys TO STDOUT));
is(shown_in($seen, @open), 0, 'who reads all sees what others ask and what is sealed');
like(problem("$_;", 'reads_all'), qr/42501/, "and cannot: $_") for 'CREATE STATISTICS spy ON name, secret FROM vvault_stream.secrets', 'CREATE PUBLICATION spy FOR TABLE vvault_stream.secrets',
	q(SELECT pg_create_logical_replication_slot('spy', 'test_decoding')), q(SELECT pg_read_file(current_setting('vvault.master_key_file')));

# What the planner knows of a column is kept beside the table, and stays when the
# table's secrets are sealed.
sql('ANALYZE');
is(sql(q(SELECT string_agg(a.attrelid::regclass || '.' || a.attname, ' ') FROM pg_statistic s JOIN pg_attribute a ON a.attrelid = s.starelid AND a.attnum = s.staattnum
	WHERE a.attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'vvault_stream'::regnamespace) AND a.attname ~ 'secret$')), '', 'no statistics hold a secret');
cmp_ok(sql(q(SELECT count(*) FROM pg_statistic WHERE starelid = 'vvault_stream.secrets'::regclass)), '>', 0, 'though there are some');

# ---------------------------------------------------------------------------
# A dump without its key
# ---------------------------------------------------------------------------

my $dump = "$folder/dump.sql";
command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', $dump ], 'pg_dump');
my $dumped = slurp_file($dump);
my @shapes = shapes(@plain, @key);
is(shown_in($dumped, @shapes), 0, 'no secret and no master key is in the dump');
unlike($dumped, qr/the secret of this store/, 'nor the store\'s');
is(scalar(grep { index($dumped, $_) >= 0 } $token, $refresh), 0, 'and no token of somebody is');
my $other = new_node('other');
$other->safe_psql('postgres', 'CREATE ROLE operator; CREATE ROLE worker; CREATE ROLE viewer; CREATE ROLE publisher');
run_script($other, 'postgres', $dump);
my $there = $json->decode($other->safe_psql('postgres', 'SELECT vvault_secrets()'));
is("$there->{sealed} $there->{plain}", '0 0', 'restored where the key is not, nothing opens');
cmp_ok(scalar(@{ $there->{lost} }), '>=', 4, 'and that is said, by name');
is($there->{content_keys}{lost}, 4, 'and how many keys of videos');
my (undef, undef, $said) = $other->psql('postgres', "\\set VERBOSITY verbose\nSELECT vvault_play_url('film')");
like($said, qr/55000.*is sealed under a master key that is not here.*HINT/s, 'what needs one says so');
is($other->safe_psql('postgres', q(SELECT length(vvault_hls('film')) > 0)), 't', 'what needs none is served');
is($other->safe_psql('postgres', q(SELECT length(vvault_hls('guarded')) > 0 AND length(vvault_hls_media('guarded', '360p')) > 0 AND length(vvault_dash('guarded')) > 0)), 't', 'manifests of protected videos, too');
for my $call ($license, q(SELECT vvault_hls_key((SELECT encode(uuid_send(kid), 'hex') FROM vvault_stream.content_keys WHERE class = 'SD'))), q(SELECT vvault_cpix('guarded')))
{
	(undef, undef, $said) = $other->psql('postgres', "\\set VERBOSITY verbose\n$call");
	like($said, qr/55000.*secret "content:guarded.1.[A-Z]+.[^"]*" is sealed under a master key that is not here.*HINT/s, 'their keys say so');
}
is($other->safe_psql('postgres', "SELECT vvault_token_verify('$token') ->> 'valid'"), 'true', 'tokens are checked by their public keys');
(undef, undef, $said) = $other->psql('postgres', "\\set VERBOSITY verbose\nSELECT vvault_stream.webhook_signatures(w, 'evt_1', 1, '{}') FROM vvault_stream.webhooks w");
like($said, qr/55000.*"webhook:$hook" is sealed under a master key that is not here/s, 'webhooks are told nothing');
$other->safe_psql('postgres', "SELECT vvault_webhook($hook, rotate => true)");
like(signed($other), qr/^v1,[^ ]+$/, 'until they have a new secret, beside which the lost one signs nothing');
is($other->safe_psql('postgres', q(SELECT vvault_rotate_keys('path', 0); SELECT vvault_play_url('film') ->> 'video_id')) =~ /film$/ ? 'plays' : 'does not', 'plays', 'a new key helps');
$other->append_conf('postgresql.conf', "vvault.master_key_file = '$file'");
$other->reload;
$other->poll_query_until('postgres', "SELECT current_setting('vvault.master_key_file') = '$file'") or die;
is($json->encode($json->decode($other->safe_psql('postgres', 'SELECT vvault_secrets()'))->{lost}), '[]', 'with the key all open');
$other->safe_psql('postgres', "DELETE FROM vvault_stream.webhooks WHERE webhook_id = $hook");
is($other->safe_psql('postgres', q(SELECT count(*) FROM vvault_stream.secrets WHERE name LIKE 'webhook:%')), 0, 'a webhook takes its secrets with it');
is($other->safe_psql('postgres', "SELECT coalesce(vvault_stream.path_token_problem('$first', 'film', 1, now()), 'none')"), 'none', 'and what they signed is good there');
$other->stop;

# ---------------------------------------------------------------------------
# Logs, statistics, plans
# ---------------------------------------------------------------------------

$node->append_conf('postgresql.conf', <<"EOF");
shared_preload_libraries = 'vvault,pg_stat_statements,auto_explain'
log_statement = all
log_min_duration_statement = 0
log_min_messages = debug2
debug_print_parse = on
debug_print_plan = on
debug_print_rewritten = on
log_parameter_max_length_on_error = -1
pg_stat_statements.track = all
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_verbose = on
auto_explain.log_analyze = on
EOF
$node->restart;
my $position = -s $node->logfile;
sql(q(CREATE EXTENSION pg_stat_statements));
sql(q(SELECT vvault_rotate_keys('path', 0), vvault_rotate_keys('token', 0), vvault_rotate_keys('store:main', 0), vvault_reseal_secrets();
	SELECT vvault_webhook((SELECT max(webhook_id) FROM vvault_stream.webhooks), rotate => true) IS NULL, vvault_webhook(url => 'https://new.example.org/') IS NULL,
		(SELECT max(vvault_stream.webhook_signatures(w, 'evt_1', 1, '{}')) FROM vvault_stream.webhooks w) IS NULL;
	SELECT vvault_play_url('film') IS NULL, vvault_presign('GET', 'a', store => 'main') IS NULL, vvault_presign('GET', 'a', store => 'cloud') IS NULL, vvault_token_issue('x') IS NULL));
sql("$license; SELECT vvault_cpix('guarded'), vvault_hls_key((SELECT encode(uuid_send(kid), 'hex') FROM vvault_stream.content_keys WHERE class = 'SD'))");
sql(q(SELECT vvault_stream.make_content_keys('guarded', 1, 'standard'), vvault_stream.output_encryption('guarded', 1, 'HD') IS NULL, vvault_pssh('guarded') IS NULL));
problem(q(SELECT vvault_presign('GET', '', store => 'cloud')));
my $log = slurp_file($node->logfile, $position);
like($log, qr/keep_secret/, 'the log has much to say');
my $shown = sql(q(SELECT string_agg(query, ' ') FROM pg_stat_statements));
# only now, since this very query would be in the log
my @all = map { split /\n/ } sql($opened);
push @all, map { unpack 'H*', decode_base64url($_->{k}) } @{ $json->decode($licensed)->{keys} };
@shapes = shapes(@all, @key);
cmp_ok(scalar(@all), '>=', 7, 'keys were made meanwhile');
is(shown_in($log, @shapes), 0, 'no secret is in the log');
is(shown_in($shown, @shapes), 0, 'nor in pg_stat_statements');
sql("SELECT '$all[0]'");
cmp_ok(index(slurp_file($node->logfile, $position), $all[0]), '>=', 0, 'it would be found');

$node->stop;
done_testing();
