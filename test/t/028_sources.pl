#
# 028_sources.pl
#		The reply cache knows no region: replies about texts, uuids and numbers
#		of tables that are no feeds are as right as those of feeds. What not
#		everybody may see is asked for first of all, and the test notices where
#		that is broken. Shared memory is cut into areas of their own.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Cwd qw(getcwd);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

# The module is built in a copy: the tree may not be ours to write to.
my $folder = PostgreSQL::Test::Utils::tempdir() . '/sources';
my $root = getcwd();
my $said = '';

IPC::Run::run([ 'cp', '-R', 'test/sources', $folder ], '>&', \$said)
  && IPC::Run::run(
	[ 'make', '-s', '-C', $folder, 'with_llvm=no', 'PG_CONFIG=' . ($ENV{VVAULT_PG_CONFIG} // 'pg_config'), "VVAULT=$root" ],
	'<', '/dev/null', '>&', \$said)
  or die "test/sources is not built: $said";
chmod 0755, $folder;
my $module = "$folder/sources";

# What each test needs: the tables of the sources and the functions over them.
my %kind = (
	by_text => { function => 'note_of_text', scope => 'name', type => 'text COLLATE "C"', one => q('a'), two => q('b') },
	by_uuid => {
		function => 'note_of_uuid', scope => 'id', type => 'uuid',
		one => q('11111111-2222-3333-4444-555555555555'::uuid), two => q('11111111-2222-3333-4444-555555555556'::uuid)
	},
	by_bigint => { function => 'note_of_bigint', scope => 'number', type => 'bigint', one => q(1::bigint), two => q(-9223372036854775808) },
);

sub fill
{
	my ($node) = @_;

	$node->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
	cache_functions($node, 'postgres');
	for my $schema (sort keys %kind)
	{
		my %k = %{ $kind{$schema} };
		(my $argument = $k{type}) =~ s/ COLLATE.*//;

		$node->safe_psql('postgres', <<"SQL");
CREATE SCHEMA $schema;
CREATE TABLE $schema.versions ($k{scope} $k{type}, written_by text COLLATE "C", version uuid NOT NULL,
	PRIMARY KEY ($k{scope}, written_by));
CREATE TABLE $schema.notes ($k{scope} $k{type} PRIMARY KEY, note text);
INSERT INTO $schema.versions SELECT s, '', gen_random_uuid() FROM (VALUES ($k{one}), ($k{two})) v (s);
INSERT INTO $schema.notes SELECT s, 'first' FROM (VALUES ($k{one}), ($k{two})) v (s);
LOAD 'vvault';
CREATE FUNCTION $k{function}(scope $argument) RETURNS json LANGUAGE c STABLE AS '$module', '$k{function}';
CREATE PROCEDURE $schema.change(scope $argument, new_note text) LANGUAGE sql AS \$\$
	UPDATE $schema.notes n SET note = new_note WHERE n.$k{scope} = change.scope;
	UPDATE $schema.versions v SET version = gen_random_uuid() WHERE v.$k{scope} = change.scope;
\$\$;
SQL
	}
	return;
}

my $node = new_node('sources');
fill($node);

sub from { return value($_[0], "SELECT test.x_cache(\$\$$_[1]\$\$)"); }

sub note_of
{
	my ($session, $call) = @_;

	return value($session, "SELECT $call ->> 'note'");
}

# The module calls the library: it is loaded after it.
sub loaded_session
{
	my (@options) = @_;
	my $session = open_session($node, 'postgres', @options);

	$session->query("LOAD 'vvault'");
	$session->query("LOAD '$module'");
	return $session;
}

my $reader = loaded_session();
my $other = loaded_session();

for my $schema (sort keys %kind)
{
	my %k = %{ $kind{$schema} };
	my ($one, $two) = ("$k{function}($k{one})", "$k{function}($k{two})");

	is(from($reader, $one), 'MISS', "$schema: at first a reply is computed");
	is(from($other, $one), 'HIT', 'then another session finds it');
	is(from($other, $two), 'MISS', 'but not that of another scope');
	is(note_of($other, $one), 'first', 'it says what it is made of');
	$node->safe_psql('postgres', "CALL $schema.change($k{one}, 'second')");
	is(note_of($reader, $one), 'second', 'a change of its scope makes it anew');
	is(from($reader, $two), 'HIT', 'and leaves that of another scope alone');

	$reader->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
	is(note_of($reader, $one), 'second', 'a snapshot is taken');
	$node->safe_psql('postgres', "CALL $schema.change($k{one}, 'third')");
	is(note_of($other, $one), 'third', 'others see the next state');
	is(note_of($reader, $one), 'second', 'an old snapshot its own');
	$reader->query('COMMIT');
	is(note_of($reader, $one), 'third', 'until it ends');

	my ($arguments, $region, $fresh) = split /\|/, $node->safe_psql('postgres',
		"LOAD 'vvault'; LOAD '$module'; SELECT arguments, region IS NULL, fresh FROM vvault_cache_stats()
		WHERE function = '$k{function}' ORDER BY hits DESC LIMIT 1");
	is(value($reader, "SELECT ($arguments) = $k{one}"), 't', 'the statistics tell the call as SQL');
	is($region, 't', 'and no region');
	is($fresh, 't', 'and that it is fresh');
	is($node->safe_psql('postgres', "SELECT DISTINCT fresh FROM vvault_cache_stats() WHERE function = '$k{function}'"),
		'f', 'a session that does not know the source does not call it fresh');
}

# two scopes of the same bytes: a text of sixteen letters and a uuid
my ($letters, $uuid) = (q('aaaaaaaaaaaaaaaa'), q('61616161-6161-6161-6161-616161616161'::uuid));
$node->safe_psql('postgres', "INSERT INTO by_text.versions VALUES ($letters, '', gen_random_uuid());
	INSERT INTO by_text.notes VALUES ($letters, 'of a text'); INSERT INTO by_uuid.versions VALUES ($uuid, '', gen_random_uuid());
	INSERT INTO by_uuid.notes VALUES ($uuid, 'of a uuid')");
is(note_of($reader, "note_of_text($letters)"), 'of a text', 'a text');
is(note_of($reader, "note_of_uuid($uuid)"), 'of a uuid', 'and a uuid of the same bytes');
$node->safe_psql('postgres', "CALL by_uuid.change($uuid, 'of a uuid, changed')");
is(note_of($reader, "note_of_text($letters)"), 'of a text', 'the text is asked for again');
is(note_of($reader, "note_of_uuid($uuid)"), 'of a uuid, changed', 'its tag is not taken for that of the uuid');

# one row stands for what all scopes have in common
is(from($reader, $_), 'HIT', "$_ is there") for q(note_of_text('a')), q(note_of_uuid('11111111-2222-3333-4444-555555555555'));
$node->safe_psql('postgres', "INSERT INTO by_text.versions VALUES ('site', '', gen_random_uuid())");
is(from($reader, q(note_of_text('a'))), 'MISS', 'a version of what is common to all scopes changes each tag');
is(from($reader, q(note_of_text('b'))), 'MISS', 'of this source');
is(from($reader, q(note_of_uuid('11111111-2222-3333-4444-555555555555'))), 'HIT', 'and of no other');

# scopes that differ in their ends only, longer than what a backend remembers
my $long = 'x' x 60;
$node->safe_psql('postgres', "INSERT INTO by_text.versions SELECT '$long' || n, '', gen_random_uuid() FROM generate_series(1, 2) n;
	INSERT INTO by_text.notes SELECT '$long' || n, 'note ' || n FROM generate_series(1, 2) n");
for my $round (1, 2)
{
	is(note_of($reader, "note_of_text('$long$_')"), "note $_", "long scope $_, round $round") for 1, 2;
}
is(value($reader, "SELECT note_of_text('nobody') IS NULL"), 't', 'a scope that is not there has no reply');

# ---------------------------------------------------------------------------
# What not everybody may see
# ---------------------------------------------------------------------------

$node->safe_psql('postgres', <<"SQL");
LOAD 'vvault';
CREATE FUNCTION secret_of(scope text) RETURNS json LANGUAGE c STABLE AS '$module', 'secret_of';
CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN;
GRANT USAGE ON SCHEMA by_text TO alice, bob; GRANT SELECT ON ALL TABLES IN SCHEMA by_text TO alice, bob;
INSERT INTO by_text.versions SELECT s, '', gen_random_uuid() FROM unnest('{alice,bob}'::text[]) s;
INSERT INTO by_text.notes SELECT s, 'of ' || s FROM unnest('{alice,bob}'::text[]) s;
SQL

# The module is a superuser's to load: it is, before another role takes over.
my %session = map { $_ => loaded_session() } qw(alice bob);
$session{$_}->query("SET ROLE $_") for keys %session;
my $ask = 'SELECT secret_of(\'alice\') ->> \'asked_by\'';
my $headers = q{SELECT set_config('request.method', 'GET', false); SELECT secret_of('alice') IS NULL;
	SELECT current_setting('response.headers', true)};

is(value($session{alice}, $ask), 'alice', 'who may see a secret does');
is(value($session{alice}, $ask), 'alice', 'again');
like(value($session{bob}, $ask), qr/42501/, 'who may not is refused');
is(from($session{alice}, q(secret_of('alice'))), 'BYPASS', 'it is never kept');
is($node->safe_psql('postgres', "SELECT coalesce(sum(bytes), 0) FROM vvault_cache_stats() WHERE function = 'secret_of'"),
	0, 'no reply lies in the cache');
my $told = value($session{alice}, "BEGIN; $headers; ROLLBACK");
like($told, qr/"Cache-Control":"private, no-store"/, 'PostgREST is told that nobody may keep it');
unlike($told, qr/ETag/, 'and gets no ETag');
$session{bob}->query(q{SET request.method = 'GET'; SET request.headers = '{"if-none-match":"*"}'});
like(value($session{bob}, $ask), qr/42501/, 'asking whether one has it already tells nothing');
$session{bob}->query('RESET request.method; RESET request.headers');

# The same with allow() broken on purpose: the cache gives bob what was made
# for alice. So this test would notice.
$_->query('SET sources.broken_allow = on') for values %session;
is(value($session{alice}, $ask), 'alice', 'with allow() broken, alice asks first');
is(value($session{bob}, $ask), 'alice', 'and bob gets her reply out of the cache');
$_->query('RESET sources.broken_allow') for values %session;
like(value($session{bob}, $ask), qr/42501/, 'with allow() as it should be he is refused, though it still lies there');
is(value($session{alice}, $ask), 'alice', 'and she is answered');

# ---------------------------------------------------------------------------
# Tables with rows on another server
# ---------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE far');
$node->safe_psql('far', "CREATE TABLE notes (name text COLLATE \"C\", note text); INSERT INTO notes VALUES ('far', 'first')");
$node->safe_psql('far', 'CREATE EXTENSION vvault CASCADE');
$node->safe_psql('far', "INSERT INTO vvault.videos (region, video_id, title, views) VALUES ('PL', 'far', 'far', 9)");
my ($host, $port) = ($node->host, $node->port);
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION postgres_fdw;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'far');
CREATE USER MAPPING FOR PUBLIC SERVER far;
INSERT INTO vvault.videos (region, video_id, title, views) VALUES ('PL', 'near', 'near', 5);
INSERT INTO by_text.versions VALUES ('far', '', gen_random_uuid());
SQL
my $feed = q(vvault_trending('PL', 5));
my $shown = "SELECT (SELECT string_agg(v ->> 'video_id', ' ') FROM json_array_elements($feed -> 'videos') v)";

is(from($reader, $feed), 'MISS', 'a feed of tables that are all here is kept');
is(from($reader, $feed), 'HIT', 'and found');
$node->safe_psql('postgres', <<'SQL');
CREATE FOREIGN TABLE by_text.far_notes () INHERITS (by_text.notes) SERVER far OPTIONS (schema_name 'public', table_name 'notes');
CREATE FOREIGN TABLE vvault.far_videos () INHERITS (vvault.videos) SERVER far OPTIONS (schema_name 'vvault', table_name 'videos');
SQL
is(from($reader, $feed), 'BYPASS', 'with a child on another server it is computed');
is(value($reader, $shown), 'far near', 'out of the rows of both');
is(from($reader, q(note_of_text('far'))), 'BYPASS', 'so is what another source is asked for');
$node->safe_psql('far', "UPDATE vvault.videos SET views = 1; UPDATE notes SET note = 'second'");
is(value($reader, $shown), 'near far', 'what the other server changes, without a version here, is seen');
is(note_of($reader, q(note_of_text('far'))), 'second', 'at once');
cmp_ok(value($reader, "SELECT test.counter('bypasses', 'distributed')"), '>=', 4, 'these calls are counted');
$node->safe_psql('postgres', 'ALTER FOREIGN TABLE vvault.far_videos NO INHERIT vvault.videos; DROP FOREIGN TABLE by_text.far_notes');
is(value($reader, $shown), 'near', 'without the child');
is(from($reader, $feed), 'HIT', 'replies are kept again');

# It is the same with a child of a child, and with a second child: that leaves no
# trace in the row of its parent in pg_class.
$node->safe_psql('postgres', 'CREATE TABLE vvault.near_videos () INHERITS (vvault.videos); CREATE TABLE vvault.nearest_videos () INHERITS (vvault.near_videos)');
is(from($reader, $feed), 'HIT', 'a child that is here leaves replies kept');
for my $parent (qw(videos near_videos nearest_videos))
{
	$node->safe_psql('postgres', "ALTER FOREIGN TABLE vvault.far_videos INHERIT vvault.$parent");
	is(from($reader, $feed), 'BYPASS', "not so a child of $parent on another server, attached while they are kept");
	is(value($reader, $shown), 'near far', 'whose rows show');
	$node->safe_psql('postgres', "ALTER FOREIGN TABLE vvault.far_videos NO INHERIT vvault.$parent");
	is(from($reader, $feed), 'HIT', 'until it is detached');
}
$node->safe_psql('postgres', 'DROP TABLE vvault.near_videos CASCADE; DROP FOREIGN TABLE vvault.far_videos');

# And with partitions, and partitions of these.
my ($low, $middle, $high) = map { "'${_}0000000-0000-0000-0000-000000000000'" } qw(2 8 c);
$node->safe_psql('far', "CREATE TABLE part (id uuid, note text); INSERT INTO part VALUES ($middle, 'far')");
$node->safe_psql('postgres', <<"SQL");
ALTER TABLE by_uuid.notes RENAME TO old_notes;
CREATE TABLE by_uuid.notes (id uuid, note text) PARTITION BY RANGE (id);
CREATE TABLE by_uuid.low_notes PARTITION OF by_uuid.notes FOR VALUES FROM (MINVALUE) TO ($low);
CREATE TABLE by_uuid.high_notes PARTITION OF by_uuid.notes FOR VALUES FROM ($middle) TO (MAXVALUE) PARTITION BY RANGE (id);
CREATE TABLE by_uuid.highest_notes PARTITION OF by_uuid.high_notes FOR VALUES FROM ($high) TO (MAXVALUE);
INSERT INTO by_uuid.notes SELECT * FROM by_uuid.old_notes WHERE id < $low;
CALL by_uuid.change($kind{by_uuid}{one}, 'in a partition');
SQL
my $parted = 'note_of_uuid(' . $kind{by_uuid}{one} . ')';
for my $case ([ 'high_notes', "FROM ($middle) TO ($high)", $middle ], [ 'notes', "FROM ($low) TO ($middle)", $low ])
{
	my ($parent, $bounds, $scope) = @$case;

	is(from($reader, $parted), $_, "$parent: with partitions that are here replies are kept: $_") for 'MISS', 'HIT';
	$node->safe_psql('far', "UPDATE part SET id = $scope");
	$node->safe_psql('postgres', "CREATE FOREIGN TABLE by_uuid.far_notes PARTITION OF by_uuid.$parent FOR VALUES $bounds
		SERVER far OPTIONS (schema_name 'public', table_name 'part');
		INSERT INTO by_uuid.versions VALUES ($scope, '', gen_random_uuid()) ON CONFLICT DO NOTHING");
	is(from($reader, $parted), 'BYPASS', "$parent: with a partition on another server they are computed");
	is(note_of($reader, "note_of_uuid($scope)"), 'far', 'out of it, too');
	$node->safe_psql('postgres', "ALTER TABLE by_uuid.$parent DETACH PARTITION by_uuid.far_notes");
	is(from($reader, $parted), 'HIT', 'and kept when it is detached');
	$node->safe_psql('postgres', "DROP FOREIGN TABLE by_uuid.far_notes; CALL by_uuid.change($kind{by_uuid}{one}, 'of $parent')");
}

# Citus lists what it spreads over nodes beside the system catalogs, and lets
# others look at the table anew, as statistics do.
my $catalog = "SET allow_system_table_mods = on;";
$node->safe_psql('postgres', "$catalog CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass);
	INSERT INTO pg_catalog.pg_dist_partition VALUES ('vvault.snapshots')");
$node->safe_psql('postgres', 'CREATE STATISTICS vvault.anew ON views, likes FROM vvault.snapshots');
is(from($reader, $feed), 'BYPASS', 'with a table that Citus distributes replies are computed');
$node->safe_psql('postgres', "$catalog DROP TABLE pg_catalog.pg_dist_partition");
is(from($reader, $feed), 'HIT', 'and kept where it is a plain one');

# Nobody who plans is handed a list of parameters that is empty: Citus takes one
# for parameters that it cannot know.
$reader->query("CREATE FUNCTION empty_lists() RETURNS integer LANGUAGE c AS '$module'");
my $said_by_readers = join ', ', map { "$_ IS NULL" } $feed, 'vvault_regions()', 'vvault_analytics()', q(vvault_insights('PL')), q(vvault_video('near')),
  q(vvault_search('near')), q(vvault_related('near')), 'vvault_health()';
value($reader, "SET vvault.cache = off; SELECT $said_by_readers; RESET vvault.cache");
is(value($reader, 'SELECT empty_lists()'), 0, 'no query of ours has an empty list of parameters');

# ---------------------------------------------------------------------------
# Writers of text and XML, which no function of ours uses alone
# ---------------------------------------------------------------------------

$reader->query("CREATE FUNCTION xml_of(text) RETURNS text LANGUAGE c AS '$module'");
$reader->query("CREATE FUNCTION quoted_of(text) RETURNS text LANGUAGE c AS '$module'");
is(value($reader, q{SELECT xml_of(E'<a href="x">&\\x01\\uFFFF\\n') = E'<?xml version="1.0" encoding="UTF-8"?>\\n'
	|| E'<a b="&lt;a href=&quot;x&quot;&gt;&amp;\\uFFFD\\uFFFD&#10;" n="-5"><empty/>'
	|| E'<c>&lt;a href=&quot;x&quot;&gt;&amp;\\uFFFD\\uFFFD&#10;</c></a>'}), 't', 'XML escapes what it must and holds no control character');
is(value($reader, q{SELECT count(*) FROM generate_series(1, 2000) n
	WHERE (xml_of(chr(n)))::xml IS NULL}), 0, 'any character makes a well-formed document')
  if value($reader, "SELECT '<a/>'::xml IS NOT NULL") eq 't';
is(value($reader, q{SELECT quoted_of(E'a"b\\nc''d\\x7f') = E'"a\\u201Db c\\u2019d "\\n'}), 't', 'a quoted string of a text holds no quote and no line end');
is(value($reader, q{SELECT quoted_of(E'a\\u0080b\\u0085c\\u009fd\\u2028e\\u2029f\\u00a0g\\u00e9h\\u2030\\u2027') = E'"a b c d e f\\u00a0g\\u00e9h\\u2030\\u2027"\\n'}),
	't', 'nor a control character or line end of several bytes, and all else as it is');

# ---------------------------------------------------------------------------
# Waiting for what another session does
# ---------------------------------------------------------------------------

$reader->query("CREATE FUNCTION wait_at(text, integer) RETURNS boolean LANGUAGE c STRICT AS '$module'");
$reader->query("CREATE FUNCTION wake_at(text) RETURNS void LANGUAGE c STRICT AS '$module'");
my $pid = value($reader, 'SELECT pg_backend_pid()');
is(value($reader, q(SELECT wait_at('a job', 1))), 'f', 'nobody wakes who waits for a moment');
$reader->send(q(SELECT wait_at('a job', 600000)));
$node->poll_query_until('postgres', "SELECT wait_event_type = 'Extension' FROM pg_stat_activity WHERE pid = $pid")
  or die 'the session does not wait';
$other->query(q(SELECT wake_at('a job')));
my ($woken) = $reader->wait;
is($woken, 't', 'another session wakes it');

$_->quit for $reader, $other, values %session;
$node->stop;

# ---------------------------------------------------------------------------
# Areas of shared memory
# ---------------------------------------------------------------------------

sub counter
{
	my ($of, $name) = @_;

	return $of->safe_psql('postgres', "SELECT vvault_trending('PL') IS NULL; SELECT coalesce(value::text, 'none') FROM vvault.counters() WHERE name = '$name'");
}

my $named = $node->pg_version >= 17;
for my $case (
	[ 'preloaded', 1, '16MB', 1, 1 ],
	[ 'preloaded without a cache', 1, '0', 1, 0 ],
	[ 'not preloaded', 0, '16MB', $named, $named ],
	[ 'not preloaded without a cache', 0, '0', $named, 0 ])
{
	my ($label, $preload, $size, $counts, $caches) = @$case;

	$node->append_conf('postgresql.conf', 'shared_preload_libraries = ' . ($preload ? "'vvault'" : "''"));
	$node->append_conf('postgresql.conf', "vvault.cache_size = $size");
	$node->start;
	my $first = (split /\n/, counter($node, 'replies_computed'))[-1];
	my $second = (split /\n/, counter($node, 'replies_computed'))[-1];
	if ($counts)
	{
		cmp_ok($second, '>=', $first, "$label: what is counted stays");
		cmp_ok($first, '>', 0, "$label: replies are counted");
		is($second, $caches ? $first : $first + 1, "$label: " . ($caches ? 'the second one is a hit' : 'each is computed'));
	}
	else { is($second, 'none', "$label: there is nothing to count in") }
	is($node->safe_psql('postgres', "SELECT vvault_health() -> 'cache' ->> 'size' IS NOT NULL"), $caches ? 't' : 'f',
		"$label: " . ($caches ? 'there is a cache' : 'there is no cache'));
	$node->stop;
}

done_testing();
