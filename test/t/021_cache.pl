#
# 021_cache.pl
#		A reply from the reply cache is the one that the caller's snapshot would
#		compute: one promise after the other, each where it could break.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $node = new_node('cache', conf => "max_prepared_transactions = 5\nrestart_after_crash = on");

# Calls of functions whose replies are cached. Of any other one there are
# examples below.
my @calls = (
	q(vvault_trending('PL', 5)), q(vvault_trending('PL', 5, 'newest')), q(vvault_trending('SE', 5)),
	q(vvault_trending('PL', 2, 'views', vvault_trending('PL', 1, 'views') ->> 'next_cursor')),
	q(vvault_trending('PL', 5, per_channel => 1)), q(vvault_trending('PL', 5, as_of => '2026-01-14 06:30Z')), q(vvault_trending('PL', 5, 'trending', per_category => 1)),
	q(vvault_trending('PL', 5, 'trending')), q(vvault_video('v1')), q(vvault_regions()),
	q(vvault_analytics(3)), q(vvault_trending_explain('v1', 'PL')),
	q(vvault_search('title')), q(vvault_search('title', 'PL')), q(vvault_related('v1')));

sub fill
{
	my ($db) = @_;

	$node->safe_psql($db, <<'SQL');
INSERT INTO vvault.videos (region, video_id, title, channel_id, views, likes, virality_score, category_id, first_seen_at, fetched_at)
SELECT r, 'v' || n, 'title ' || n, 'c' || n % 2, n * 100, n, 10 * n, 10, '2026-01-02 00:00Z', '2026-01-02 00:00Z' FROM unnest('{PL,SE}'::text[]) r, generate_series(1, 4) n;
INSERT INTO vvault.snapshots (region, video_id, fetched_at, views, virality_score)
SELECT region, video_id, now() - interval '1 hour', views, virality_score FROM vvault.videos;
SQL
	return;
}

$node->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
cache_functions($node, 'postgres');
fill('postgres');
# what moves with the clock does so once a day: an hour may turn while this runs
not_across(86_400, 180);
$node->safe_psql('postgres', q(UPDATE vvault.setting_defaults SET value = '86400' WHERE name = 'feed_max_age'));

# Whatever else is cached is found out, and is called with examples of the
# arguments that it must have, and with a cursor where it takes one.
my @readers = examples($node, 'postgres', <<'SQL');
SELECT f.name, c.call, CASE WHEN 'cursor' = ANY (f.arguments) THEN
	regexp_replace(c.call, '\)$', CASE f.required WHEN 0 THEN '' ELSE ', ' END || format('cursor => %s)', pg_temp.example_constant(f.name, 'cursor'))) END
FROM example_function f, regexp_replace(pg_temp.example_call(f.oid), '^\w+\.', '') c (call)
WHERE f.prokind = 'f' AND f.provolatile = 's'
SQL
my %named = map { /(\w+)/ ? ($1 => 1) : () } @calls;

for my $line (@readers)
{
	my ($name, $call) = split /\|/, $line;
	my ($out, $err);

	$node->psql('postgres', "SELECT * FROM $call", stdout => \$out, stderr => \$err);
	is($err, '', "$call answers");
}
my %cached = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', 'SELECT DISTINCT function FROM vvault_cache_stats()');
for my $line (@readers)
{
	my ($name, @examples) = split /\|/, $line;

	push @calls, @examples if $cached{$name} && !$named{$name};
}
is(join(' ', grep { !$cached{$_} } sort keys %named), '', 'what is called below is cached');

# The calls whose replies differ from what is computed, in one snapshot.
my $list = join(', ', map { "(\$call\$$_\$call\$)" } @calls);
my $wrong = "SELECT call FROM (VALUES $list) c (call) WHERE test.cached(call) IS DISTINCT FROM test.computed(call)";
my $load = "SELECT count(test.cached(call)) FROM (VALUES $list) c (call)";

sub is_right
{
	my ($session, $label) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(join('', $session->query($wrong)), '', $label);
}

my $reader = open_session($node, 'postgres');
my $writer = open_session($node, 'postgres');

sub from { return value($_[0], "SELECT test.x_cache(\$\$$_[1]\$\$)"); }

# ---------------------------------------------------------------------------
# Hits are hits
# ---------------------------------------------------------------------------

for my $call (@calls[ 0 .. 2, 4 .. $#calls ])
{
	$reader->query('SELECT vvault_cache_clear()');
	is(from($reader, $call), 'MISS', "$call: at first it is computed");
	is(from($writer, $call), 'HIT', 'then another session finds it');
}
is_right($reader, 'and all are right');

# Each argument is part of the key. An argument that is missing there shows as a
# hit, which is another call's reply.
my @keys = examples($node, 'postgres', <<"SQL" =~ s/FUNCTIONS/join ',', sort keys %cached/er);
SELECT pg_temp.example_call(f.oid), format('%s(%s)', f.name, (SELECT string_agg(format('%I => %s', b,
		CASE WHEN b <> a OR i > f.required THEN pg_temp.example_constant(f.name, b) ELSE (pg_temp.example(f.name, b)).others[1] END), ', ')
	FROM unnest(f.arguments) WITH ORDINALITY u (b, i) WHERE i <= f.required OR b = a)), a
FROM example_function f, unnest(f.arguments) a
WHERE f.name = ANY ('{FUNCTIONS}') ORDER BY f.name, a
SQL
for my $line (@keys)
{
	my ($call, $other, $argument) = split /\|/, $line;

	$reader->query('SELECT vvault_cache_clear()');
	is(from($reader, $call), 'MISS', "$call");
	is(from($reader, $call), 'HIT', 'is kept');
	is(from($reader, $other), 'MISS', "another $argument is another reply: $other");
	is(value($reader, "SELECT test.cached(\$\$$other\$\$) = test.computed(\$\$$other\$\$)"), 't', 'which is right');
}
cmp_ok(scalar @keys, '>=', 15, 'there are arguments of cached functions');
like(join("\n", @keys), qr/cursor/, 'and cursors');

# What was computed before the change is what a broken cache would give after.
my @changes = (
	q(UPDATE vvault.videos SET views = views + 1000, title = title || '!' WHERE video_id = 'v1' AND region = 'PL'),
	q(INSERT INTO vvault.videos (region, video_id, views) VALUES ('PL', 'v5', 5000)),
	q(INSERT INTO vvault.videos (region, video_id, views) VALUES ('NO', 'v1', 7), ('NO', 'v2', 7), ('NO', 'v3', 7)),
	q(DELETE FROM vvault.videos WHERE region = 'NO' AND video_id = 'v1'),
	q(DELETE FROM vvault.videos WHERE region = 'NO'),
	q(DELETE FROM vvault.videos WHERE video_id = 'v5'),
	q(INSERT INTO vvault.snapshots (region, video_id, fetched_at, views, virality_score) VALUES ('SE', 'v1', now(), 3, 99)),
	q(UPDATE vvault.snapshots SET virality_score = 1 WHERE region = 'SE'),
	q(DELETE FROM vvault.snapshots WHERE region = 'SE'),
	q(UPDATE vvault.videos SET virality_score = 86 WHERE video_id = 'v2'),
	q(INSERT INTO vvault.categories VALUES (10, 'Music')),
	q(UPDATE vvault.categories SET name = 'Noise'),
	q(TRUNCATE vvault.categories),
	q(SELECT vvault_set('viral_threshold', '20')),
	q(SELECT vvault_set('default_sort', 'newest')),
	q(SELECT vvault_set('page_limit', '2')),
	q(INSERT INTO vvault.settings VALUES ('analytics_max_age', '5') ON CONFLICT DO NOTHING),
	q(UPDATE vvault.settings SET value = '3' WHERE name = 'page_limit'),
	q(UPDATE vvault.settings SET value = '95' WHERE name = 'viral_threshold'),
	q(DELETE FROM vvault.settings WHERE name = 'default_sort'),
	q(TRUNCATE vvault.settings),
	q(INSERT INTO vvault.regions (region, name) VALUES ('PL', 'Polska'), ('DE', 'Deutschland')),
	q(UPDATE vvault.regions SET name = 'RP' WHERE region = 'PL'),
	q(INSERT INTO vvault.regions (region, enabled) VALUES ('SE', false)),
	q(DELETE FROM vvault.regions WHERE region = 'SE'),
	q(TRUNCATE vvault.regions),
	q(UPDATE vvault.region_defaults SET name = 'Pologne' WHERE region = 'PL'),
	q(UPDATE vvault.setting_defaults SET value = '3' WHERE name = 'page_limit'),
	q(SELECT vvault_ingest('PL', '{"kind":"youtube#videoListResponse","items":[{"id":"v9","snippet":{"title":"nine"},"statistics":{"viewCount":"99999"}}]}', '2026-01-14 06:00Z')),
	q(UPDATE vvault.snapshots SET rank = 1 WHERE region = 'SE'),
	q(INSERT INTO vvault.snapshots (region, video_id, fetched_at, rank) VALUES ('SE', 'v1', '2026-01-15 06:00Z', 1)),
	q(UPDATE vvault.snapshots SET complete = true WHERE rank = 1),
	q(DELETE FROM vvault.snapshots WHERE rank = 1),
	q(UPDATE vvault.videos SET live = 'upcoming', scheduled_at = '2026-01-15 20:00Z' WHERE video_id = 'v1'),
	q(UPDATE vvault.videos SET gone_at = '2026-01-15 20:00Z' WHERE video_id = 'v2'),
	q(UPDATE vvault.videos SET gone_at = NULL),
	q(UPDATE vvault.videos SET views = NULL WHERE video_id = 'v3'),
	q(TRUNCATE vvault.ingests),
	q(SELECT vvault_block('v9')),
	q(SELECT vvault_prune(now() + interval '1 day')),
	q(BEGIN; SET LOCAL session_replication_role = replica; UPDATE vvault.category_stats SET videos = 77; COMMIT; SELECT vvault_rebuild()),
	q(TRUNCATE vvault.snapshots),
	q(TRUNCATE vvault.videos),
);

# ---------------------------------------------------------------------------
# Right after COMMIT, after ROLLBACK, in the writing transaction, and in
# snapshots from before
# ---------------------------------------------------------------------------

my $old = open_session($node, 'postgres');
my $shows = "SELECT md5(string_agg(test.cached(call), ' ' ORDER BY call)) FROM (VALUES $list) c (call)";
my $changed = 0;

for my $change (@changes)
{
	my $before;
	# TRUNCATE is the one thing that old snapshots see; it waits for them
	my $truncate = $change =~ /TRUNCATE/;

	# two in one, of which the first is no transaction of the test's
	if ($change =~ /^BEGIN/)
	{
		$reader->query($load);
		$writer->query($change);
		is_right($reader, "after $change");
		next;
	}
	$before = value($reader, $shows);
	$old->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1') unless $truncate;
	is(value($old, $shows), $before, "before $change");

	$writer->query("BEGIN; SAVEPOINT s; $change");
	is_right($writer, 'in its own transaction');
	$writer->query('ROLLBACK TO SAVEPOINT s');
	is(value($writer, $shows), $before, 'after ROLLBACK TO SAVEPOINT in it');
	$writer->query("SAVEPOINT t; $change; RELEASE SAVEPOINT t");
	is_right($writer, 'after RELEASE SAVEPOINT in it');
	is(value($reader, $shows), $before, 'before its COMMIT in another session') unless $truncate;
	$writer->query('ROLLBACK');
	is(value($reader, $shows), $before, 'after its ROLLBACK in another session');
	is_right($writer, 'and in its own');

	$writer->query($change);
	is_right($writer, 'right after COMMIT in its own session');
	is_right($reader, 'right after COMMIT in another one');
	$changed++ if value($reader, $shows) ne $before;
	if (!$truncate)
	{
		is(value($old, $shows), $before, 'the snapshot from before shows what it showed, newer replies in the cache or not');
		is_right($old, 'which is right');
	}
	$old->query('COMMIT') unless $truncate;
	is_right($old, 'the next one is up to date');
}
cmp_ok($changed, '>=', @changes - 5, 'nearly all changes show in a reply');

# ---------------------------------------------------------------------------
# Statements that see their own rows before their version is new
# ---------------------------------------------------------------------------

fill('postgres');
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE seen (reply text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO seen SELECT vvault_trending('PL', 5)::text UNION ALL SELECT vvault_video('v1')::text UNION ALL SELECT vvault_regions()::text;
	RETURN NEW;
END
$$;
CREATE FUNCTION read() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN concat(vvault_trending('PL', 5), vvault_video('v1'), vvault_regions());
END
$$;
SQL
for my $when ('BEFORE', 'AFTER')
{
	for my $each ('ROW', 'STATEMENT')
	{
		# its name comes before those of our triggers
		$node->safe_psql('postgres', "CREATE TRIGGER a_see $when INSERT OR UPDATE OR DELETE ON vvault.videos FOR EACH $each EXECUTE FUNCTION see()");
		for my $write (
			q(UPDATE vvault.videos SET title = title || '+', views = views + 1 WHERE video_id IN ('v1', 'v2')),
			q(INSERT INTO vvault.videos (region, video_id, views) VALUES ('PL', 'w', 9999)),
			q(DELETE FROM vvault.videos WHERE video_id = 'w'))
		{
			$reader->query($load);
			$writer->query($write);
			is_right($reader, "a trigger $when EACH $each reads the feed: $write");
			$writer->query("BEGIN; $write; ROLLBACK");
			is_right($reader, 'and it is rolled back');
		}
		$node->safe_psql('postgres', 'DROP TRIGGER a_see ON vvault.videos');
	}
}
for my $write (
	q(INSERT INTO vvault.videos (region, video_id, views) SELECT 'PL', 'r' || n, 90000 + n FROM generate_series(1, 3) n RETURNING length(read())),
	q(UPDATE vvault.videos SET views = views + 5 WHERE video_id LIKE 'r%' RETURNING length(read()), length(vvault_trending('PL', 5)::text)),
	q(WITH d AS (DELETE FROM vvault.videos WHERE video_id LIKE 'r%' RETURNING 1) SELECT length(read()), vvault_trending('PL', 5) IS NULL FROM d),
	q(INSERT INTO vvault.videos (region, video_id, title) SELECT 'SE', 's', vvault_trending('PL', 5)::text || read()),
	q(DO $$ BEGIN UPDATE vvault.videos SET views = 1 WHERE video_id = 's'; PERFORM read(); UPDATE vvault.videos SET views = 2 WHERE video_id = 's'; PERFORM read(); END $$))
{
	$reader->query($load);
	is((value($writer, $write) =~ /ERROR/ ? 1 : 0), 0, $write);
	is_right($reader, 'a statement that writes and reads leaves nothing wrong behind');
	$writer->query("BEGIN; $write; SELECT read(); ROLLBACK");
	is_right($reader, 'nor does it when rolled back');
}
# by hand, past our triggers, a writing transaction would see what no version stands for
$reader->query($load);
$writer->query(q(BEGIN; SET LOCAL session_replication_role = replica; UPDATE vvault.videos SET title = 'never committed'));
$writer->query('SELECT vvault_cache_clear()');
like(value($writer, $calls[0]=~ s/^/SELECT /r), qr/never committed/, 'a transaction sees what it wrote');
$writer->query('ROLLBACK');
unlike(value($reader, "SELECT $calls[0]"), qr/never committed/, 'nobody else does');

# serializable transactions: what a hit stands for was read, for all that the server knows
$node->safe_psql('postgres', 'CREATE TABLE mark (n integer)');
for my $session ($reader, $old)
{
	$session->query("SELECT $calls[0]");
	is(from($session, $calls[0]), 'HIT', 'a hit');
	$session->query("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT $calls[0]");
	$writer->query(q(BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM mark; UPDATE vvault.videos SET title = title || '?' WHERE region = 'PL'; COMMIT));
	like(value($session, 'INSERT INTO mark VALUES (1); COMMIT'), qr/40001/, 'and a write that follow from each other fail');
	$session->query('ROLLBACK');
	is_right($session, 'and then all is right');
}

# a cursor that was opened before the write
$writer->query(q(BEGIN; DECLARE c CURSOR FOR SELECT md5(vvault_trending('PL', 5)::text) FROM generate_series(1, 3)));
my $first = value($writer, 'FETCH 1 FROM c');
$writer->query(q(UPDATE vvault.videos SET title = 'while a cursor is open'));
is(value($writer, 'FETCH 1 FROM c'), $first, 'a cursor from before a write shows what was');
is_right($writer, 'beside what is');
$writer->query('COMMIT');
is_right($reader, 'and leaves nothing wrong');

# two-phase commit
$reader->query($load);
$writer->query(q(BEGIN; UPDATE vvault.videos SET title = 'prepared'; SELECT read(); PREPARE TRANSACTION 'p'));
is_right($writer, 'a prepared transaction: the session that made it');
unlike(value($reader, "SELECT $calls[0]"), qr/prepared/, 'it does not show');
$writer->query(q(COMMIT PREPARED 'p'));
like(value($reader, "SELECT $calls[0]"), qr/prepared/, 'until it is committed');
is_right($reader, 'and then all is right');

# a snapshot that another session took
$old->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $id = value($old, 'SELECT pg_export_snapshot()');
my $exported = value($old, $shows);
$writer->query(q(UPDATE vvault.videos SET title = 'after the export'));
$reader->query($load);
$writer->query("BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '$id'");
is(value($writer, $shows), $exported, 'an imported snapshot shows what it showed');
is_right($writer, 'which is right');
$writer->query('COMMIT');
$old->query('COMMIT');
is_right($reader, 'and newer ones are right beside it');

# snapshots that differ only in which transactions were under way
my $oldest = open_session($node, 'postgres');
$oldest->query('BEGIN; SELECT pg_current_xact_id()');
for my $way ('', 'SAVEPOINT s; ')
{
	$old->query("BEGIN; ${way}UPDATE vvault.videos SET title = title || '~' WHERE region = 'SE'");
	$writer->query('SELECT pg_current_xact_id()');
	my $under_way = value($reader, $shows);
	$old->query('COMMIT');
	isnt(value($reader, $shows), $under_way, 'a transaction ends that is neither the first nor the last one');
	is_right($reader, 'and it shows');
	$writer->query(q(UPDATE vvault.videos SET title = title || '-' WHERE region = 'SE'));
	is_right($reader, 'so does one that was the last to begin');
}
# more subtransactions than a snapshot can list, of a session between others
{
	my @under_way = map { open_session($node, 'postgres') } 1 .. 4;

	$node->safe_psql('postgres', 'CREATE TABLE work (n integer)');
	for my $n (0 .. 3)
	{
		$under_way[$n]->query('BEGIN; SAVEPOINT s; INSERT INTO work VALUES (1)');
		$under_way[$n]->query("SAVEPOINT s$_; INSERT INTO work VALUES ($_)") for 1 .. ($n == 2 ? 70 : 1);
	}
	for my $round (1 .. 2)
	{
		$writer->query(q(UPDATE vvault.videos SET title = title || '+' WHERE region = 'SE'));
		is_right($reader, 'beside more subtransactions than a snapshot lists, all is right');
		is_right($reader, 'a second time, too');
	}
	$_->quit for @under_way;
	is_right($reader, 'and when they are gone');
}
$old->query('BEGIN; SELECT pg_current_xact_id()');
$writer->query(q(UPDATE vvault.videos SET title = title || '=' WHERE region = 'SE'));
is_right($old, 'a transaction with a number reads');
$old->query(q(UPDATE vvault.videos SET title = title || '#' WHERE region = 'SE'; COMMIT));
is_right($old, 'and is not misled by it when it has written');
$oldest->quit;

# ---------------------------------------------------------------------------
# The clock
# ---------------------------------------------------------------------------

my $as_of = q(SELECT vvault_trending('PL', 5, 'trending') ->> 'as_of');
$writer->query(q(SELECT vvault_set('feed_max_age', '1')));
$reader->query('BEGIN');
my $then = value($reader, $as_of);
$reader->query('SELECT pg_sleep(1.1)');
is(value($reader, $as_of), $then, 'the order by trending score is of one time in a transaction');
isnt(value($writer, $as_of), $then, 'a step of the clock later it is made anew');
is(value($reader, $as_of), $then, 'which the transaction from before does not see');
is_right($reader, 'nor in any other reply');
$reader->query('COMMIT');
isnt(value($reader, $as_of), $then, 'but the next one');
$writer->query(q(SELECT vvault_set('feed_max_age', '0'), vvault_cache_clear()));
for my $session ($reader, $reader, $writer)
{
	is(from($session, q(vvault_trending('PL', 5, 'trending'))), 'MISS', 'with no step at all nobody shares it');
}
is(value($reader, q(SELECT coalesce(sum(bytes), 0) FROM vvault_cache_stats() WHERE arguments LIKE '%trending%')), '0', 'and it takes no room');
is(from($reader, q(vvault_trending('PL', 5))), 'MISS', 'other orders are shared still');
is(from($reader, q(vvault_trending('PL', 5))), 'HIT', 'as they do not move');
$writer->query(q(SELECT vvault_set('feed_max_age', NULL)));

# ---------------------------------------------------------------------------
# Settings of a session, search_path, encoding of arguments
# ---------------------------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA other;
CREATE TABLE other.settings (name text, value text);
INSERT INTO other.settings VALUES ('default_sort', 'newest'), ('page_limit', '1');
CREATE TABLE other.feed_versions AS TABLE vvault.feed_versions;
CREATE TABLE other.videos AS SELECT * FROM vvault.videos LIMIT 0;
SQL
$reader->query($load);
my $plain = value($reader, $shows);
for my $setting ("TimeZone = 'Asia/Tokyo'", "DateStyle = 'German'", 'extra_float_digits = -5', "IntervalStyle = 'iso_8601'",
	'search_path = other, vvault, public', 'enable_indexscan = off', 'jit = off', "bytea_output = 'escape'", 'quote_all_identifiers = on')
{
	$writer->query("SET $setting");
	is(value($writer, $shows), $plain, "under SET $setting a hit is the same");
	$writer->query('SELECT vvault_cache_clear()');
	is(value($writer, $shows), $plain, 'so is what is made under it');
	is_right($writer, 'and what is computed');
	$writer->query('RESET ALL');
}
is(from($reader, $calls[0]), 'HIT', 'all sessions share');
$writer->query('SET gin_fuzzy_search_limit = 10');
is(from($writer, $calls[0]), 'BYPASS', 'but one that finds what it happens to find');
$writer->query('RESET gin_fuzzy_search_limit; SET vvault.cache = off');
is(from($writer, $calls[0]), 'BYPASS', 'and one that asks not to');
$writer->query('RESET ALL');
is(from($reader, q(vvault_trending('PL'))), 'MISS', 'a call without the default arguments');
is(from($reader, q(vvault_trending('PL', NULL, NULL, NULL))), 'MISS', 'is another one than with NULLs');
# keys that one string of all arguments would mix up
$node->safe_psql('postgres', q(INSERT INTO vvault.videos (region, video_id, title) VALUES ('PL', 'N', 'N'), ('PL', 'NULL', 'null'), ('PL', '''', 'quote'), ('PL', 'T1', 't')));
for my $id ('N', 'NULL', "''", 'T1', 'nobody', '')
{
	my $call = "vvault_video('$id')";

	is(value($reader, "SELECT test.cached(\$\$$call\$\$) = test.computed(\$\$$call\$\$) AND test.cached(\$\$$call\$\$) = test.computed(\$\$$call\$\$)"),
		't', "$call");
}
is(value($reader, q(SELECT vvault_video(NULL) IS NULL)), 't', 'vvault_video(NULL)');
for my $sort (@orders)
{
	my $call = "vvault_trending('PL', 3, '$sort')";

	is(from($reader, $call), 'MISS', "$sort has replies of its own");
	is(value($reader, "SELECT test.cached(\$\$$call\$\$) = test.computed(\$\$$call\$\$)"), 't', 'which are right');
}

# ---------------------------------------------------------------------------
# Rights and row-level security
# ---------------------------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE site LOGIN;
SELECT vvault_grant('site', 'reader');
CREATE ROLE owning LOGIN BYPASSRLS;
SELECT vvault_grant('owning', 'reader');
CREATE ROLE plain LOGIN;
SQL
my @tables = map { s/^vvault\.//r } split /\n/, $node->safe_psql('postgres', <<'SQL');
SELECT o.object FROM vvault.source_objects('vvault') o JOIN pg_class c ON c.oid = o.object::regclass
WHERE o.kind = 'relation' AND c.relkind = 'r' AND o.object !~ 'search'
SQL
my $site = open_session($node, 'postgres', user => 'site');
my $plain_role = open_session($node, 'postgres', user => 'plain');

$reader->query($load);
is(from($site, $calls[0]), 'HIT', 'a reader shares');
like(value($plain_role, "SELECT $calls[0]"), qr/42501/, 'a role without a grant is refused, whatever the cache holds');
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA public TO plain; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO plain');
like(value($plain_role, "SELECT $_"), qr/42501/, "a role that may call $_ and read no table is refused") for @calls;
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA vvault TO plain; GRANT SELECT ON ALL TABLES IN SCHEMA vvault TO plain');
is(from($plain_role, $calls[0]), 'HIT', 'with the right to read all tables it shares');
for my $table (@tables)
{
	$reader->query($load);
	$node->safe_psql('postgres', "REVOKE SELECT ON vvault.$table FROM site");
	is_right($site, "without the right to read $table a role gets what it would compute");
	like(value($site, "SELECT $calls[0]"), qr/42501/, 'which is an error')
	  if $table =~ /^(?:videos|video_regions|setting_defaults)$/;
	$node->safe_psql('postgres', "GRANT SELECT ON vvault.$table TO site");
	is(from($site, $calls[0]), 'HIT', 'with it it shares again');
}
$node->safe_psql('postgres', 'REVOKE SELECT ON vvault.videos FROM site; GRANT SELECT (region) ON vvault.videos TO site');
like(value($site, "SELECT $calls[0]"), qr/42501/, 'the right to one column is none');
$node->safe_psql('postgres', 'GRANT SELECT ON vvault.videos TO site');
is(from($site, $calls[0]), 'HIT', 'with that to all it shares again');
$node->safe_psql('postgres', 'REVOKE USAGE ON SCHEMA vvault FROM site');
like(value($site, "SELECT $calls[0]"), qr/42501/, 'without USAGE on the schema alone it does not');
is_right($site, 'but gets what it would compute');
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA vvault TO site');

# what search calls on its way
for my $helper ('vvault.fold(text)', 'vvault.similar_words(text, text[])', 'similarity_op(text, text)', 'similarity(text, text)',
	'unaccent(regdictionary, text)')
{
	my $calls = $helper =~ /unaccent/ ? qq(vvault_search('t\x{c3}\x{ad}tle')) : q(vvault_search('titel'));
	my $from = $helper =~ /vvault/ ? 'site' : 'PUBLIC';

	$reader->query("SELECT $calls");
	is(from($site, $calls), 'HIT', "with the right to call $helper a reader shares");
	$node->safe_psql('postgres', "REVOKE EXECUTE ON FUNCTION $helper FROM $from");
	like(value($site, "SELECT $calls"), qr/42501/, 'without it a search is refused');
	is_right($site, 'as is what it would compute');
	is(from($site, q(vvault_trending('PL', 5))), 'HIT', 'and shares what is not found by searching');
	$node->safe_psql('postgres', "GRANT EXECUTE ON FUNCTION $helper TO $from");
}
# the owner of the database is a member of pg_database_owner
$node->safe_psql('postgres', q(CREATE ROLE owner LOGIN; CREATE ROLE former; ALTER DATABASE postgres OWNER TO owner; SELECT vvault_grant('pg_database_owner', 'reader');
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO owner));
my $owner = open_session($node, 'postgres', user => 'owner');
is(from($owner, $calls[0]), 'HIT', 'the owner of the database shares');
$node->safe_psql('postgres', 'ALTER DATABASE postgres OWNER TO former');
like(value($owner, "SELECT $calls[0]"), qr/42501/, 'and no longer when it belongs to another');
$owner->quit;

# by membership, within a session that has hit already
$node->safe_psql('postgres', 'CREATE ROLE member LOGIN; GRANT site TO member; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO member');
my $member = open_session($node, 'postgres', user => 'member');
is(from($member, $calls[0]), 'HIT', 'a member shares');
$node->safe_psql('postgres', 'REVOKE site FROM member');
like(value($member, "SELECT $calls[0]"), qr/42501/, 'and no longer when it is none');
$node->safe_psql('postgres', 'GRANT site TO member');
$member->query('SET ROLE site');
is(from($member, $calls[0]), 'HIT', 'by SET ROLE too');
$reader->query('SET ROLE plain');
is(from($reader, $calls[0]), 'HIT', 'one session, one role');
$node->safe_psql('postgres', 'REVOKE SELECT ON vvault.videos FROM plain');
like(value($reader, "SELECT $calls[0]"), qr/42501/, 'another role');
$reader->query('RESET ROLE');
is(from($reader, $calls[0]), 'HIT', 'and back');

my @policies = (
	[ 'videos', q(region = 'SE') ], [ 'snapshots', q(region = 'SE') ], [ 'video_regions', q('SE' = ALL (regions)) ],
	[ 'category_stats', q(region = 'SE') ], [ 'daily_stats', 'false' ], [ 'regions', 'false' ], [ 'settings', 'false' ],
	[ 'categories', 'false' ], [ 'charts', 'false' ], [ 'feed_versions', q(region = 'SE') ],
	[ 'region_defaults', q(region = 'SE') ], [ 'setting_defaults', q(name <> 'x') ]);
$node->safe_psql('postgres', q(INSERT INTO vvault.regions (region, name) VALUES ('PL', 'Polska') ON CONFLICT DO NOTHING; SELECT vvault_set('page_limit', '3')));
for my $policy (@policies)
{
	my ($table, $using) = @$policy;

	$reader->query($load);
	is(from($site, $calls[0]), 'HIT', "before row-level security on $table a reader shares");
	$node->safe_psql('postgres', "ALTER TABLE vvault.$table ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON vvault.$table FOR SELECT TO site USING ($using)");
	is_right($site, 'under it a role gets what it would compute');
	is(from($site, $calls[0]), 'BYPASS', 'for itself alone') unless value($site, "SELECT test.computed(\$\$$calls[0]\$\$)") =~ /^error/;
	is_right($reader, 'others get what they would');
	is(from($reader, $calls[0]), 'HIT', 'and share');
	is_right($site, 'beside what they left in the cache');
	if ($table eq 'video_regions')
	{
		unlike(value($site, "SELECT $calls[0]"), qr/"regions":\[/, 'no set of regions is shown that the policy hides');
		like(value($reader, "SELECT $calls[0]"), qr/"regions":\[/, 'but to those who may see it');
	}
	$node->safe_psql('postgres', "ALTER TABLE vvault.$table FORCE ROW LEVEL SECURITY");
	is(from($reader, $calls[0]), 'BYPASS', 'where owners are under it, views may be');
	$node->safe_psql('postgres', "ALTER TABLE vvault.$table NO FORCE ROW LEVEL SECURITY; DROP POLICY p ON vvault.$table; ALTER TABLE vvault.$table DISABLE ROW LEVEL SECURITY");
	is(from($site, $calls[0]), 'HIT', 'without it all share');
}
$node->safe_psql('postgres', q(ALTER TABLE vvault.videos ENABLE ROW LEVEL SECURITY));
my $owning = open_session($node, 'postgres', user => 'owning');
is(from($owning, $calls[0]), 'HIT', 'BYPASSRLS shares');
$node->safe_psql('postgres', q(ALTER ROLE owning NOBYPASSRLS));
is_right($owning, 'without it the role gets what it would compute');
unlike(value($owning, "SELECT $calls[0]"), qr/"v1"/, 'which is nothing');
$node->safe_psql('postgres', q(ALTER TABLE vvault.videos DISABLE ROW LEVEL SECURITY));
like(value($reader, "SELECT vvault_trending('$_')"), qr/22023/, "the region \"$_\" is none") for 'ZZ', 'pl', '';
my $reasons = cache_counters($node, 'postgres');
cmp_ok($reasons->{"bypass_$_"}, '>', 0, "bypasses for $_ were counted") for qw(write privilege row_security setting version);

# a video in many regions, read in all ways
$node->safe_psql('postgres', <<'SQL');
INSERT INTO vvault.videos (region, video_id, views) SELECT 'R' || n, 'v1', 1 FROM generate_series(1, 40) n;
UPDATE vvault.videos SET views = 1e9 WHERE video_id = 'v1' AND region = 'PL';
SQL
is_right($reader, 'a video in many regions');
my $long = value($reader, "SELECT md5($calls[0]::text)");
value($writer, 'BEGIN; CREATE TEMP TABLE t ()');
is(value($writer, "SELECT md5($calls[0]::text)"), $long, 'in a transaction that writes too');
value($writer, 'ROLLBACK');
$node->safe_psql('postgres', q(DELETE FROM vvault.videos WHERE region LIKE 'R%'));
is_right($reader, 'and after it left them');

# ---------------------------------------------------------------------------
# DROP and CREATE EXTENSION, two databases
# ---------------------------------------------------------------------------

$reader->query($load);
$_->quit for $site, $plain_role, $member, $owning;
$node->safe_psql('postgres', 'DROP EXTENSION vvault; CREATE SCHEMA api; CREATE EXTENSION vvault SCHEMA api');
my ($out, $err) = $reader->query("SELECT $calls[0]");
like($err, qr/42883/, 'after DROP EXTENSION there is no function');
is_right($reader, 'nor anything else of it');
for my $session ($reader, $writer)
{
	$session->query('SET search_path = public, api');
	is_right($session, 'created again, in another schema, it shows its own data');
	unlike(value($session, "SELECT $calls[0]"), qr/"v1"/, 'which are none');
	is_right($session, 'a second time too');
}
$writer->query(q(SELECT vvault_set('page_limit', '1'), vvault_set('default_sort', 'newest')));
is_right($reader, 'and its own settings');
$reader->query('BEGIN; SELECT 1');
$node->safe_psql('postgres', 'DROP EXTENSION vvault; CREATE EXTENSION vvault');
$reader->query('COMMIT');
is_right($reader, 'once more, in public');
$_->quit for $reader, $writer, $old;
fill('postgres');

# A copy has the same versions. Rows that get past the triggers have the same
# version and differ: only the key can tell the databases apart.
$node->safe_psql('template1', 'CREATE DATABASE twin TEMPLATE postgres');
$node->safe_psql('twin', q(SET session_replication_role = replica; UPDATE vvault.videos SET title = 'the twin''s'));
my %session = map { $_ => open_session($node, $_) } 'postgres', 'twin';
for my $call (@calls[ 0, 5 ])
{
	value($session{postgres}, "SELECT $call");
	like(value($session{twin}, "SELECT $call"), qr/the twin's/, "$call: a database shows its own");
	unlike(value($session{postgres}, "SELECT $call"), qr/the twin's/, 'and so does the other');
	is(from($session{$_}, $call), 'HIT', "both share within themselves: $_") for sort keys %session;
}
is(value($session{twin}, 'SELECT vvault_cache_clear()'), '2', 'vvault_cache_clear() clears those of its database');
is(value($session{twin}, 'SELECT count(*) FROM vvault_cache_stats()'), '0', 'vvault_cache_stats() lists those of its database');
is(from($session{postgres}, $calls[0]), 'HIT', 'and leaves the others');
$_->quit for values %session;

# ---------------------------------------------------------------------------
# A crash
# ---------------------------------------------------------------------------

# One backend crashes and takes the server's memory with it. A commit that was
# seen and cached need not be there any more.
my $victim = open_session($node, 'postgres');
$victim->query('SET synchronous_commit = off');
$node->safe_psql('postgres', "SELECT $calls[0]");
$victim->query(q(UPDATE vvault.videos SET title = 'perhaps lost'));
$victim->query("SELECT $calls[0]");
my $pid = value($victim, 'SELECT pg_backend_pid()');
kill 'KILL', $pid > 1 ? $pid : BAIL_OUT('no process to kill');
wait_until($node, 'postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = ) . $pid)
  or die 'the server did not come back';
# the last query may have met the old server
wait_until($node, 'postgres', q(SELECT (vvault_health() -> 'cache' ->> 'published')::int = 0)) or die;
is(cache_counters($node, 'postgres')->{replies}, 0, 'after a crash the cache is empty');
my $again = open_session($node, 'postgres');
is_right($again, 'and fills with what is there');
is(from($again, $calls[0]), 'HIT', 'to be shared');
$again->quit;

$node->stop;
done_testing();
