#
# 001_dump_restore.pl
#		What pg_dump saves is all of it, whichever way it comes back; what
#		DROP EXTENSION leaves is nothing; where vvault refuses to be created.
#
# make check: early
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $node = new_node('dump');
my $dir = PostgreSQL::Test::Utils::tempdir();
my @days = map { "2026-01-0$_" } 1 .. 5;

# ---------------------------------------------------------------------------
# The origin: charts of five days and everything an owner may have changed
# ---------------------------------------------------------------------------

# Generated until the 5th: a chart of each day and region, of which the last is
# kept back for later.
my $sample = sample_file('--days', 5, '--regions', 'US,PL,SE', '--per-chart', 50,
	'--until', '2026-01-05T06:00:00Z');

$node->safe_psql('postgres', 'CREATE DATABASE origin');
$node->safe_psql('postgres', 'CREATE ROLE site; CREATE ROLE fetcher');
$node->safe_psql('origin', <<'EOF');
CREATE EXTENSION vvault CASCADE;
INSERT INTO vvault.regions (region, velocity_baseline) VALUES ('PL', 12000);
INSERT INTO vvault.regions (region, name) VALUES ('DE', 'Germany');
SELECT vvault_set('viral_threshold', '90');
EOF
load_sample($node, 'origin', $sample);
my $past = "fetched_at < '2026-01-05 00:00+00'";
is($node->safe_psql('origin', 'SELECT count(DISTINCT fetched_at::date) FROM sample'),
	5, 'the sample has charts of five days');
ingest_all($node, 'origin', $past);
$node->safe_psql('origin', <<'EOF');
SELECT vvault_ingest('DE', response, fetched_at, first_rank) FROM sample
WHERE region = 'SE' AND fetched_at < '2026-01-04 00:00+00' ORDER BY id;
-- one item that is refused, and kept as text
SELECT vvault_ingest('DE', '{"kind": "youtube#videoListResponse", "items": [{"id": "bad\u0000"}]}',
	'2026-01-03 12:00+00');
SELECT vvault_ingest_categories('{"kind": "youtube#videoCategoryListResponse",
	"items": [{"id": "10", "snippet": {"title": "Music \"live\" & more"}}, {"id": "24", "snippet": {"title": "Żarty"}}]}');
-- closed with one threshold, open days with another
SELECT vvault_prune('2026-01-03 00:00+00');
SELECT vvault_set('viral_threshold', '70');
SELECT vvault_set('default_sort', 'virality');
SELECT vvault_block((SELECT video_id FROM vvault.videos ORDER BY video_id LIMIT 1), 'asked to');
-- texts that a dump has to quote
INSERT INTO vvault.videos (region, video_id, title, tags, category_id, virality_score)
VALUES ('US', E'back\\slash', E'tab\there\nnew line \\. \\N', ARRAY['a,b', '"q"', 'NULL', E'\\', ''], 77, 84.9999995),
	('PL', 'plain', '', '{}', 0, 0);
SELECT vvault_grant('site', 'reader');
SELECT vvault_grant('fetcher', 'writer');
EOF
is_consistent($node, 'origin', 'origin');

# ---------------------------------------------------------------------------
# Comparing
# ---------------------------------------------------------------------------

# All tables of vvault, each as a hash of its rows' texts, without what is
# random in every database: the versions of feeds.
my $contents = <<'EOF';
SET TimeZone = 'UTC';
SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM vvault.%I t',
	c.relname, c.relname)
FROM pg_class c
WHERE c.relnamespace = 'vvault'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname <> 'feed_versions'
ORDER BY c.relname COLLATE "C"
\gexec
SELECT 'feeds with a version', count(DISTINCT region), md5(string_agg(DISTINCT region, ' ')) FROM vvault.feed_versions
	WHERE region IN (SELECT region FROM vvault.videos);
EOF

# What the two granted roles may do.
my $rights = <<'EOF';
SELECT n.nspname, c.relname, c.relacl::text[] FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'vvault' AND c.relacl IS NOT NULL ORDER BY 1, 2;
SELECT p.oid::regprocedure::text, p.proacl::text[] FROM pg_proc p
WHERE p.proname LIKE 'vvault%' OR p.pronamespace = 'vvault'::regnamespace ORDER BY 1;
SELECT nspname, nspacl::text[] FROM pg_namespace WHERE nspname IN ('vvault', 'api') ORDER BY 1;
EOF

my $replies = join("\n",
	(
		map {
			my $region = $_;
			map { "SELECT vvault_trending('$region', 200, '$_');" } @still_orders
		} qw(US PL SE DE)),
	"SELECT vvault_trending('PL');",
	'SELECT vvault_regions();',
	(map { "SELECT vvault_search('$_');" } 'the', 'official video', 'koettbullar'),
	'SELECT vvault_related(video_id) FROM vvault.video_regions ORDER BY video_id LIMIT 20;',
	'SELECT vvault_video(video_id) FROM vvault.video_regions ORDER BY video_id;',
	q(SELECT name, value FROM vvault.effective_settings ORDER BY name;));

# What two databases answer in one step of the clock.
sub in_both
{
	my ($one, $other, $sql) = @_;

	return within_step(sub { map { $node->safe_psql($_, $sql) } $one, $other });
}

sub restored
{
	my ($db, $way) = @_;

	is($node->safe_psql($db, $contents), $node->safe_psql('origin', $contents),
		"$way: every table holds the same");
	same_lines(in_both($db, 'origin', $replies), "$way: every reply is the same, to the byte");
	is_consistent($node, $db, $way);
	return;
}

# The same charts give the same replies, and leave the same rows; rolled back,
# so that every copy can be asked.
sub goes_on
{
	my ($db, $way) = @_;
	my $next = <<"EOF";
BEGIN;
SELECT vvault_ingest(region, response, fetched_at, first_rank)
FROM (SELECT * FROM public.sample WHERE NOT $past ORDER BY id) p;
SELECT vvault_ingest('DE', response, fetched_at, first_rank) FROM public.sample WHERE NOT $past AND region = 'SE';
SELECT 'wrong', * FROM vvault_check();
SELECT t.region, t.day, t.category_id, t.videos, t.viral, t.score_sum, t.closed FROM vvault.daily_stats t ORDER BY 1, 2, 3;
$replies
ROLLBACK;
EOF
	my ($here, $there) = in_both($db, 'origin', $next);

	ok($here =~ /"accepted" ?: ?\d/, "$way: ingest goes on");
	same_lines($here, $there, "$way: and replies as on the origin");

	my (undef, undef, $stderr) = $node->psql($db,
		"SELECT vvault_ingest(region, response, fetched_at, first_rank) FROM public.sample WHERE id = 1",
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	like($stderr, qr/22023/, "$way: a closed day stays closed");
	return;
}

my $connstr = sub { return $node->connstr($_[0]) };
ok($node->safe_psql('origin', $replies) =~ /"videos":\[\{/, 'there is something to restore');
is($node->safe_psql('origin', "SELECT count(*) FROM vvault.daily_stats WHERE closed AND day < '2026-01-03'"),
	$node->safe_psql('origin', "SELECT count(*) FROM vvault.daily_stats WHERE day < '2026-01-03'"),
	'some days are closed');
for my $table (
	qw(categories videos snapshots blocked_videos ingests rejected_items
	settings regions daily_stats))
{
	cmp_ok($node->safe_psql('origin', "SELECT count(*) FROM vvault.$table"),
		'>', 0, "the origin has $table");
}

# ---------------------------------------------------------------------------
# Plain: pg_dump | psql
# ---------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE plain TEMPLATE template0');
command_ok([ 'pg_dump', '-d', $connstr->('origin'), '-f', "$dir/plain.sql" ],
	'pg_dump, plain');
my $dump = slurp_file("$dir/plain.sql");
ok($dump !~ /^COPY vvault\.(?:video_regions|category_stats|daily_videos|video_search|search_words|feed_versions|region_defaults|setting_defaults) /m,
	'derived and shipped tables are not dumped');
command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain.sql", '-d', $connstr->('plain') ],
	'restored by psql');
restored('plain', 'plain');
is($node->safe_psql('plain', $rights), $node->safe_psql('origin', $rights),
	'plain: the granted roles may do the same');
goes_on('plain', 'plain');
command_ok([ 'pg_dump', '-d', $connstr->('plain'), '-f', "$dir/again.sql" ],
	'the copy can be dumped');
same_lines(stripped(slurp_file("$dir/again.sql")), stripped($dump), 'and its dump is the same');

# A dump without what newer minor versions make up at random for each, and
# without the order of rows, which a restore may change.
sub stripped
{
	my ($text) = @_;

	return join("\n", sort grep { !/^\\(?:un)?restrict / } split /\n/, $text);
}

# One transaction, rows as INSERT: a trigger fires for each.
$node->safe_psql('postgres', 'CREATE DATABASE inserts TEMPLATE template0');
command_ok(
	[ 'pg_dump', '--inserts', '-d', $connstr->('origin'), '-f', "$dir/inserts.sql" ],
	'pg_dump, inserts');
command_ok(
	[
		'psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-f',
		"$dir/inserts.sql", '-d', $connstr->('inserts')
	],
	'restored by psql in one transaction');
restored('inserts', 'inserts');

# ---------------------------------------------------------------------------
# Custom format: two connections at once
# ---------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE custom TEMPLATE template0');
command_ok([ 'pg_dump', '-Fc', '-d', $connstr->('origin'), '-f', "$dir/custom.dump" ],
	'pg_dump, custom format');
command_ok(
	[ 'pg_restore', '-j', '2', '--exit-on-error', '-d', $connstr->('custom'), "$dir/custom.dump" ],
	'restored by pg_restore -j 2');
restored('custom', 'custom');
goes_on('custom', 'custom');

# The other order: what depends on what is no matter to the triggers.
$node->safe_psql('postgres', 'CREATE DATABASE backwards TEMPLATE template0');
command_ok([ 'pg_restore', '-l', '-f', "$dir/list", "$dir/custom.dump" ], 'pg_restore -l');
{
	my @lines = grep { /^\d/ } split /\n/, slurp_file("$dir/list");
	my @data = grep { /TABLE DATA/ } @lines;
	my @rest = grep { !/TABLE DATA/ } @lines;

	cmp_ok(scalar @data, '>=', 9, 'the dump has data of the tables');
	append_to_file("$dir/backwards", join("\n", @rest, reverse(@data), ''));
}
command_ok(
	[
		'pg_restore', '--exit-on-error', '-L', "$dir/backwards", '-d',
		$connstr->('backwards'), "$dir/custom.dump"
	],
	'restored in the reverse order');
restored('backwards', 'backwards');

# ---------------------------------------------------------------------------
# Data only, into an extension that is there already
# ---------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE data TEMPLATE template0');
$node->safe_psql('data', 'CREATE EXTENSION vvault CASCADE');
command_ok([ 'pg_dump', '--data-only', '-n', 'vvault', '-e', 'vvault', '-d', $connstr->('origin'), '-f', "$dir/data.sql" ],
	'pg_dump --data-only');
command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/data.sql", '-d', $connstr->('data') ],
	'restored into a new extension');
restored('data', 'data only');

$node->safe_psql('postgres', 'CREATE DATABASE silent TEMPLATE template0');
$node->safe_psql('silent', 'CREATE EXTENSION vvault CASCADE');
command_ok(
	[
		'pg_dump', '--data-only', '--disable-triggers', '-n', 'vvault', '-e',
		'vvault', '-d', $connstr->('origin'), '-f', "$dir/silent.sql"
	],
	'pg_dump --data-only --disable-triggers');
ok(slurp_file("$dir/silent.sql") =~ /DISABLE TRIGGER ALL/, 'which does disable them');
command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/silent.sql", '-d', $connstr->('silent') ],
	'restored past the triggers');
isnt($node->safe_psql('silent', 'SELECT * FROM vvault_check()'),
	'', 'disabled triggers: vvault_check() finds it');
cmp_ok($node->safe_psql('silent', 'SELECT vvault_rebuild()'),
	'>', 0, 'disabled triggers: vvault_rebuild() repairs it');
restored('silent', 'disabled triggers, rebuilt');
is($node->safe_psql('silent', 'SELECT vvault_rebuild()'), '0', 'and finds nothing more');

# ---------------------------------------------------------------------------
# The functions in a schema of their own
# ---------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE api TEMPLATE template0');
$node->safe_psql('api', 'CREATE SCHEMA api; CREATE EXTENSION vvault SCHEMA api CASCADE');
is( $node->safe_psql('api', <<'EOF'), 'api', 'SCHEMA api: the functions are there');
SELECT DISTINCT p.pronamespace::regnamespace FROM pg_proc p JOIN pg_depend d
	ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault')
WHERE p.pronamespace <> 'vvault'::regnamespace
EOF
load_sample($node, 'api', $sample);
$node->safe_psql('api', <<"EOF");
SET search_path = '';
INSERT INTO vvault.regions (region, velocity_baseline) VALUES ('PL', 12000);
SELECT api.vvault_ingest(region, response, fetched_at, first_rank)
FROM (SELECT * FROM public.sample WHERE $past ORDER BY id) p;
SELECT api.vvault_grant('site', 'reader');
EOF
$node->safe_psql('postgres', 'CREATE DATABASE api_copy TEMPLATE template0');
command_ok([ 'pg_dump', '-Fc', '-d', $connstr->('api'), '-f', "$dir/api.dump" ],
	'SCHEMA api: pg_dump');
command_ok(
	[ 'pg_restore', '--exit-on-error', '-d', $connstr->('api_copy'), "$dir/api.dump" ],
	'SCHEMA api: pg_restore');
is($node->safe_psql('api_copy', $contents), $node->safe_psql('api', $contents),
	'SCHEMA api: every table holds the same');
same_lines(in_both('api_copy', 'api', q(SET ROLE site; SELECT api.vvault_trending('PL', 200))),
	'SCHEMA api: a granted role gets the same reply');
is($node->safe_psql('api_copy', 'SELECT * FROM api.vvault_check()'), '', 'SCHEMA api: vvault_check() finds nothing');

# a schema whose name needs quotes
$node->safe_psql('postgres', 'CREATE DATABASE quoted');
$node->safe_psql('quoted', <<'EOF');
CREATE SCHEMA "My Api";
CREATE EXTENSION vvault SCHEMA "My Api" CASCADE;
SELECT "My Api".vvault_grant('site', 'reader');
EOF
is($node->safe_psql('quoted', q{SET ROLE site; SELECT "My Api".vvault_trending('PL') ->> 'region_name',
	length("My Api".vvault_dashboard()) > 1000}), 'Poland|t', 'SCHEMA "My Api": a granted role reads');

# ---------------------------------------------------------------------------
# Nothing is left behind
# ---------------------------------------------------------------------------

# Every catalog of a database and how many rows it has. Statistics aside, which
# autovacuum writes when it likes.
my $catalogs = <<'EOF';
SELECT format('SELECT %L, count(*) FROM pg_catalog.%I', relname, relname)
FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared
	AND relname NOT LIKE 'pg_statistic%'
ORDER BY relname
\gexec
EOF
$node->safe_psql('postgres', 'CREATE DATABASE empty TEMPLATE template0');
# what DROP EXTENSION is not asked to drop: other extensions, the rights of
# schema public
$node->safe_psql('empty', 'GRANT USAGE ON SCHEMA public TO site');
my $requires = $node->safe_psql('empty', <<'EOF');
SELECT unnest(requires) FROM pg_available_extension_versions WHERE name = 'vvault' ORDER BY 1
EOF
$node->safe_psql('empty', "CREATE EXTENSION IF NOT EXISTS $_") for split /\n/, $requires;
my $empty = $node->safe_psql('empty', $catalogs);
for my $round (1 .. 2)
{
	$node->safe_psql('empty', 'CREATE EXTENSION vvault');
	isnt($node->safe_psql('empty', $catalogs), $empty, "round $round: CREATE EXTENSION");
	load_sample($node, 'empty', $sample);
	ingest_all($node, 'empty', $past);
	$node->safe_psql('empty', q(SELECT vvault_grant('site', 'reader')));
	is_consistent($node, 'empty', "round $round");
	$node->safe_psql('empty', 'DROP TABLE sample; DROP EXTENSION vvault');
	is($node->safe_psql('empty', $catalogs), $empty, "round $round: DROP EXTENSION leaves nothing");
}

# ---------------------------------------------------------------------------
# Refusals
# ---------------------------------------------------------------------------

$node->safe_psql('postgres',
	q(CREATE DATABASE latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0));
my (undef, undef, $stderr) = $node->psql('latin1', 'CREATE EXTENSION vvault CASCADE');
like($stderr, qr/ERROR:  vvault needs a database with encoding UTF8/, 'LATIN1 is refused');
like($stderr, qr/HINT:  .*ENCODING 'UTF8'/, 'with a hint');
is($node->safe_psql('latin1', q(SELECT count(*) FROM pg_namespace WHERE nspname = 'vvault')), '0', 'and leaves nothing');

$node->safe_psql('postgres', 'CREATE DATABASE wrong_schema TEMPLATE template0');
(undef, undef, $stderr) = $node->psql('wrong_schema', 'CREATE EXTENSION vvault SCHEMA vvault CASCADE');
like($stderr, qr/ERROR:  schema "vvault" does not exist|ERROR:  vvault cannot be created in the schema vvault/,
	'SCHEMA vvault is refused where there is none');
$node->safe_psql('wrong_schema', 'CREATE SCHEMA vvault');
(undef, undef, $stderr) = $node->psql('wrong_schema', 'CREATE EXTENSION vvault SCHEMA vvault CASCADE');
like($stderr, qr/ERROR:  vvault cannot be created in the schema vvault/, 'SCHEMA vvault is refused');
like($stderr, qr/HINT:  The schema vvault is for its tables/, 'with a hint');
(undef, undef, $stderr) = $node->psql('wrong_schema', 'CREATE EXTENSION vvault CASCADE');
like($stderr, qr/ERROR:  schema "vvault" already exists/, 'somebody else\'s schema vvault is not taken over');

# pg_trgm and unaccent may be anywhere, and may move.
$node->safe_psql('postgres', 'CREATE DATABASE odd_schemas TEMPLATE template0');
$node->safe_psql('odd_schemas', <<'EOF');
CREATE SCHEMA "Odd ""trgm";
CREATE SCHEMA "un'accent";
CREATE EXTENSION pg_trgm SCHEMA "Odd ""trgm";
CREATE EXTENSION unaccent SCHEMA "un'accent";
CREATE EXTENSION vvault;
INSERT INTO vvault.videos (region, video_id, title) VALUES ('PL', 'a', U&'\017B\00F3\0142\0107');
EOF
my $first = q(SELECT public.vvault_search('%s') -> 'videos' -> 0 ->> 'video_id');
is($node->safe_psql('odd_schemas', 'SET search_path = pg_catalog; ' . sprintf($first, 'zolc')),
	'a', 'pg_trgm and unaccent may be in schemas of their own');
$node->safe_psql('odd_schemas', <<'EOF');
ALTER EXTENSION pg_trgm SET SCHEMA "un'accent";
ALTER EXTENSION unaccent SET SCHEMA "Odd ""trgm";
INSERT INTO vvault.videos (region, video_id, title) VALUES ('PL', 'b', 'Minecraft');
EOF
is($node->safe_psql('odd_schemas', sprintf($first, 'minecarft')), 'b', 'and move to others');

for my $script (glob('vvault--*.sql'))
{
	my $how = $script =~ /--.*--/ ? 'ALTER EXTENSION vvault UPDATE' : 'CREATE EXTENSION vvault CASCADE';
	my (undef, $stdout) = $node->psql('wrong_schema', "\\i $script\n");
	like($stdout, qr/Use "$how" to load this file/, "$script, sourced by psql, tells how to load it");
}

$node->stop;
done_testing();
