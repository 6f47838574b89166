#
# 030_upgrade.pl
#		From every released version to this one, and to the next one begun as
#		CONTRIBUTING says: what an update makes is what CREATE EXTENSION makes,
#		data and rights stay, the tests pass afterwards; a library and SQL of
#		different versions say so and do no harm.
#
# The server runs in a copy of the stage, where the library is exchanged for an
# older one and back, as `make install` does under a running server. The older
# ones are built from the sources that they were released with.
#
# make check: early
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Cwd ();
use File::Basename qw(basename dirname);
use File::Copy     ();
use IPC::Run       ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $dir = PostgreSQL::Test::Utils::tempdir();
my ($current) = map { /^default_version *= *'(.*)'/ } split /\n/, PostgreSQL::Test::Utils::slurp_file('vvault.control');
my $kept = 'src/upgrade/released';
my @released = sort { by_version($a, $b) } map { m{/vvault--([^-]+)\.sql$} } glob("$kept/vvault--*.sql");

sub by_version
{
	my ($x, $y) = map { sprintf '%05d.%05d.%05d', split /\./ } @_;

	return $x cmp $y;
}

sub run_ok
{
	my ($label, @command) = @_;
	my $output = '';

	IPC::Run::run(\@command, '<', '/dev/null', '>&', \$output) or die "$label failed:\n$output";
	return $output;
}

# ---------------------------------------------------------------------------
# The server and its libraries
# ---------------------------------------------------------------------------

my $bindir = dirname($ENV{PG_CONFIG});
my $stage = "$dir/stage";
run_ok('copying the stage', 'cp', '-a', $ENV{STAGE}, $stage);
my $staged_bin = $stage . substr($bindir, length $ENV{STAGE});
chomp(my $libdir = run_ok('pg_config', "$staged_bin/pg_config", '--pkglibdir'));
chomp(my $scripts = run_ok('pg_config', "$staged_bin/pg_config", '--sharedir'));
$scripts .= '/extension';

# A library is made of sources, in a folder of their own.
sub build_library
{
	my ($tree) = @_;

	run_ok('make', 'make', '-s', '-C', $tree, 'CC=gcc', 'COPT=-O1',
		'PG_CONFIG=' . substr($bindir, length $ENV{STAGE}) . '/pg_config', 'vvault.so');
	return PostgreSQL::Test::Utils::slurp_file("$tree/vvault.so");
}

# The library of a released version, from the sources that it was released with.
sub released_library
{
	my ($version) = @_;
	my $tree = "$dir/tree-$version";

	mkdir $tree or die "$tree: $!";
	run_ok('tar', 'tar', '-C', $tree, '-xzf', "$kept/vvault-$version.tar.gz");
	return build_library($tree);
}

# A file as `make install` puts it there: under a running server a new one
# takes the place of the old.
sub install_file
{
	my ($file, $content) = @_;

	open my $fh, '>:raw', "$file.new" or die "$file: $!";
	print $fh $content;
	close $fh or die "$file: $!";
	chmod 0755, "$file.new";
	rename "$file.new", $file or die "$file: $!";
	return;
}

# What new sessions load from now on.
sub install_library
{
	my ($content) = @_;

	return install_file("$libdir/vvault.so", $content);
}

# What was installed with a released version: its library and its script.
sub install_released
{
	my ($version, $content) = @_;

	install_library($content);
	install_file("$scripts/vvault--$version.sql", PostgreSQL::Test::Utils::slurp_file("$kept/vvault--$version.sql"));
	return;
}

my $library = PostgreSQL::Test::Utils::slurp_file("$libdir/vvault.so");

my $node = new_node('upgrade', install_path => dirname($staged_bin));
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_stat_statements'\npg_stat_statements.track = all\n");
$node->restart;
$node->safe_psql('postgres', 'CREATE ROLE site; CREATE ROLE fetcher; CREATE ROLE stranger');

sub create_database
{
	my ($db) = @_;

	return $node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0");
}

# What a statement fails with: SQLSTATE, message, hint.
sub error_of
{
	my ($db, $sql) = @_;
	my (undef, undef, $stderr) = $node->psql($db, "\\set VERBOSITY verbose\n$sql", on_error_stop => 0);

	$stderr =~ s/^LOCATION:.*\n?//mg;
	$stderr =~ s/^.*?ERROR: +//s;
	return $stderr;
}

# ---------------------------------------------------------------------------
# What an update makes is what CREATE EXTENSION makes
# ---------------------------------------------------------------------------

# Everything that is known of an extension's objects, a line for each fact.
# Columns count by their place among those that are there.
my $facts = <<'SQL';
SET search_path = pg_catalog;
SET TimeZone = 'UTC';
CREATE TEMP VIEW e AS SELECT * FROM pg_extension WHERE extname = 'vvault';
CREATE TEMP VIEW m AS SELECT d.classid, d.objid, i.type, i.identity FROM pg_depend d, e,
	pg_identify_object(d.classid, d.objid, 0) i
	WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid;
CREATE TEMP VIEW r AS SELECT m.identity, c.* FROM m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
	UNION ALL SELECT m.identity, c.* FROM m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
		JOIN pg_class c ON c.oid = t.typrelid WHERE c.relkind = 'c';
CREATE TEMP VIEW f AS
	SELECT 'extension' AS what, e.extversion::text AS name, format('%s %s %s', e.extrelocatable, e.extnamespace::regnamespace, e.extowner::regrole) AS fact FROM e
	UNION ALL SELECT 'dumped', u.o::regclass::text, u.condition FROM e, unnest(e.extconfig, e.extcondition) u (o, condition)
	UNION ALL SELECT 'requires', x.extname::text, '' FROM e JOIN pg_depend d ON d.classid = 'pg_extension'::regclass AND d.objid = e.oid
		JOIN pg_extension x ON d.refclassid = 'pg_extension'::regclass AND x.oid = d.refobjid
	UNION ALL SELECT 'member', m.identity, m.type FROM m
	UNION ALL SELECT 'comment', m.identity || coalesce('.' || (SELECT a.attname FROM pg_attribute a
			WHERE m.classid = 'pg_class'::regclass AND a.attrelid = m.objid AND a.attnum = d.objsubid AND a.attnum > 0), ''), d.description
		FROM m JOIN pg_description d ON d.classoid = m.classid AND d.objoid = m.objid
	UNION ALL SELECT 'rights from the script', m.identity, i.initprivs::text FROM m JOIN pg_init_privs i ON i.classoid = m.classid AND i.objoid = m.objid
	UNION ALL SELECT 'function', m.identity, format('%s %s %s', pg_get_functiondef(p.oid), p.proowner::regrole, p.proacl)
		FROM m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid WHERE p.prokind <> 'a'
	UNION ALL SELECT 'aggregate', m.identity, format('%s %s %s %s %s', (to_jsonb(a) - '{aggtranstype,aggmtranstype}'::text[])::text, a.aggtranstype::regtype,
			(to_jsonb(p) - '{oid,pronamespace,prolang,proowner,prosupport,protrftypes,proallargtypes,proargtypes,prorettype}'::text[])::text, p.prorettype::regtype, p.proowner::regrole)
		FROM m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid JOIN pg_aggregate a ON a.aggfnoid = p.oid
	UNION ALL SELECT 'relation', r.identity, format('%s %s %s %s %s %s', r.relkind, r.relpersistence, r.relowner::regrole, r.relacl, r.reloptions, r.relrowsecurity) FROM r
	UNION ALL SELECT 'column', r.identity || '.' || a.attname, format('%s %s %s %s %s %s %s %s %s', row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum),
			format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation::regcollation, a.attidentity, a.attgenerated, a.attstorage, a.attacl, pg_get_expr(d.adbin, d.adrelid))
		FROM r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
			LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
	UNION ALL SELECT 'index', i.indexrelid::regclass::text, format('%s %s %s', pg_get_indexdef(i.indexrelid), i.indisprimary, c.reloptions)
		FROM r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class c ON c.oid = i.indexrelid
	UNION ALL SELECT 'constraint', r.identity || '.' || k.conname, pg_get_constraintdef(k.oid) FROM r JOIN pg_constraint k ON k.conrelid = r.oid
	UNION ALL SELECT 'trigger', r.identity || '.' || t.tgname, format('%s %s', pg_get_triggerdef(t.oid), t.tgenabled)
		FROM r JOIN pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
	UNION ALL SELECT 'view', r.identity, pg_get_viewdef(r.oid) FROM r WHERE r.relkind IN ('v', 'm')
	UNION ALL SELECT 'type', m.identity, format('%s %s %s %s %s %s', t.typtype, t.typbasetype::regtype, t.typnotnull, t.typdefault, t.typacl, t.typowner::regrole)
		FROM m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
	UNION ALL SELECT 'domain check', m.identity, pg_get_constraintdef(k.oid) FROM m JOIN pg_constraint k ON m.classid = 'pg_type'::regclass AND k.contypid = m.objid
	UNION ALL SELECT 'schema', m.identity, format('%s %s', n.nspowner::regrole, n.nspacl)
		FROM m JOIN pg_namespace n ON m.classid = 'pg_namespace'::regclass AND n.oid = m.objid
	UNION ALL SELECT 'shipped setting', d.name, d::text FROM vvault.setting_defaults d
	UNION ALL SELECT 'shipped region', d.region, d::text FROM vvault.region_defaults d
	UNION ALL SELECT 'feed version', v.region, v.written_by FROM vvault.feed_versions v;
SELECT * FROM f ORDER BY 1, 2, 3;
SQL
my $stream_facts = $facts =~ s/extname = 'vvault'/extname = 'vvault_stream'/r;

# Two lists of facts are the same, or what is only in one of them is shown.
sub same_facts
{
	my ($got, $expected, $label) = @_;
	my $equal = ok($got eq $expected, $label);

	unless ($equal)
	{
		my (%in_got, %in_expected);
		@in_got{ split /^/, $got } = ();
		@in_expected{ split /^/, $expected } = ();
		diag("only after the update:\n", grep { !exists $in_expected{$_} } split /^/, $got);
		diag("only from the start:\n", grep { !exists $in_got{$_} } split /^/, $expected);
	}
	return;
}

# The extension made in a schema, and made as each released version and
# updated, in databases of their own. Returns the facts of the first.
sub same_as_fresh
{
	my ($to, $schema, $suffix, @from) = @_;
	my $place = "SCHEMA $schema";

	for my $db ("fresh$suffix", map { "from_$_$suffix" =~ tr/./_/r } @from)
	{
		create_database($db);
		$node->safe_psql($db, "CREATE SCHEMA IF NOT EXISTS $schema");
	}
	$node->safe_psql("fresh$suffix", "CREATE EXTENSION vvault $place CASCADE");
	my $expected = $node->safe_psql("fresh$suffix", $facts);
	cmp_ok(scalar(split /^/, $expected), '>', 1000, "there are facts of $to to compare in schema $schema");
	for my $version (@from)
	{
		my $db = "from_$version$suffix" =~ tr/./_/r;

		is($node->safe_psql($db, "SELECT path FROM pg_extension_update_paths('vvault') WHERE source = '$version' AND target = '$to'"),
			"$version--$to", "one script leads from $version to $to");
		$node->safe_psql($db, "CREATE EXTENSION vvault $place VERSION '$version' CASCADE");
		isnt($node->safe_psql($db, $facts), $expected, "$version is not $to in schema $schema");
		$node->safe_psql($db, 'ALTER EXTENSION vvault UPDATE');
		same_facts($node->safe_psql($db, $facts), $expected, "updated from $version to $to in schema $schema");
	}
	return $expected;
}

my $same = same_as_fresh($current, 'public', '', @released);
same_as_fresh($current, '"Odd api"', '_odd', @released);
is($node->safe_psql('fresh', "SELECT string_agg(path, ' ') FROM pg_extension_update_paths('vvault') WHERE target <> '$current'"),
	'', 'no script leads to another version');
# The comparison sees small things.
for my $change (
	'ALTER FUNCTION vvault_health() COST 7',
	'GRANT SELECT ON vvault.videos TO site',
	'GRANT EXECUTE ON FUNCTION vvault_health() TO PUBLIC',
	q(COMMENT ON COLUMN vvault.videos.rank IS 'x'),
	'ALTER TABLE vvault.videos ALTER title DROP DEFAULT',
	'ALTER TABLE vvault.videos SET (fillfactor = 81)',
	'ALTER TABLE vvault.videos DISABLE TRIGGER videos_inserted',
	'ALTER INDEX vvault.videos_chart_hot_idx SET (fillfactor = 81)',
	q(UPDATE vvault.setting_defaults SET value = '199' WHERE name = 'page_limit'),
	'ALTER AGGREGATE vvault_viral_stats(double precision, integer, double precision) RENAME TO vvault_renamed')
{
	my $stdout = $node->safe_psql('fresh', "BEGIN;\n$change;\n$facts\nROLLBACK;");

	isnt($stdout, $same, "the comparison sees: $change");
}

# ---------------------------------------------------------------------------
# A filled database, its owner's choices and rights
# ---------------------------------------------------------------------------

my $sample = sample_file('--days', 5, '--regions', 'US,PL,SE', '--per-chart', 50, '--until', '2026-01-05T06:00:00Z');

# What readers of a feed get, in any version.
my $reads = 'SELECT json_array_length(vvault_trending($$PL$$) -> $$videos$$) > 0';

# A database that a released version has made and filled.
sub fill
{
	my ($db, $version) = @_;

	create_database($db);
	$node->safe_psql($db, "CREATE EXTENSION vvault VERSION '$version' CASCADE");
	load_sample($node, $db, $sample);
	$node->safe_psql($db, <<'SQL');
INSERT INTO vvault.regions (region, velocity_baseline) VALUES ('PL', 12000);
INSERT INTO vvault.regions (region, name) VALUES ('DE', 'Germany');
SELECT vvault_set('default_sort', 'momentum');
SQL
	ingest_all($node, $db, "fetched_at < '2026-01-05 00:00+00'");
	$node->safe_psql($db, <<'SQL');
SELECT vvault_ingest('DE', '{"kind": "youtube#videoListResponse", "items": [{"id": "bad\u0000"}]}', '2026-01-03 12:00+00');
SELECT vvault_ingest_categories('{"kind": "youtube#videoCategoryListResponse", "items": [{"id": "10", "snippet": {"title": "Music"}}]}');
SELECT vvault_prune('2026-01-02 00:00+00');
SELECT vvault_set('viral_threshold', '70');
SELECT vvault_block((SELECT video_id FROM vvault.videos ORDER BY video_id LIMIT 1), 'asked to');
SELECT vvault_grant('site', 'reader');
SELECT vvault_grant('fetcher', 'writer');
GRANT EXECUTE ON FUNCTION vvault_health() TO PUBLIC;
REVOKE EXECUTE ON FUNCTION vvault_trending FROM site;
-- what others must not get with a new function
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO fetcher;
CREATE TABLE known AS SELECT p.oid::regprocedure::text AS s FROM pg_proc p
	WHERE p.proname LIKE 'vvault%' OR p.pronamespace = 'vvault'::regnamespace;
SQL
	is_consistent($node, $db, "filled by $version");
	return;
}

# Queries for the rows of every table but the shipped ones and those of search,
# which another version makes by other rules (is_consistent() looks at them);
# columns that an update adds are not asked for.
sub asking_for_contents
{
	my ($db) = @_;
	my $queries = $node->safe_psql($db, <<'SQL');
SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM (SELECT %s FROM vvault.%I) t;',
	c.relname, (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
		WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), c.relname)
FROM pg_class c WHERE c.relnamespace = 'vvault'::regnamespace AND c.relkind = 'r'
	AND c.relname NOT IN ('setting_defaults', 'region_defaults', 'feed_versions', 'video_search', 'search_words')
ORDER BY c.relname COLLATE "C"
SQL

	return "SET TimeZone = 'UTC';\n$queries";
}

# Who may do what: only of what there was before and is still there. A function
# whose arguments changed is another one, for which vvault_grant() is called again.
my $rights = q(SELECT p.oid::regprocedure, p.proacl::text FROM pg_proc p WHERE p.proacl IS NOT NULL AND p.oid::regprocedure::text IN
	(SELECT s FROM known) ORDER BY p.oid::regprocedure::text);
my $gone = q(SELECT s FROM known WHERE to_regprocedure(s) IS NULL ORDER BY s);

sub without
{
	my ($lines, $names) = @_;
	my %left_out = map { $_ => 1 } split /\n/, $names;

	return join "\n", grep { !$left_out{ (split /\|/)[0] } } split /\n/, $lines;
}

# A dump of an older version, restored: nothing is lost but rights on functions
# that have other arguments now.
sub restore
{
	my ($db, $dump, $names) = @_;
	my $gone_by_name = join '|', map { quotemeta((split /\(/)[0]) } split /\n/, $names;
	my ($out, $err);

	create_database($db);
	IPC::Run::run([ 'psql', '-X', '-q', '-d', $node->connstr($db), '-f', $dump ], '<', '/dev/null', '>', \$out, '2>', \$err);
	is(join("\n", grep { /ERROR/ && !/ERROR:  function public\.(?:$gone_by_name)\(.*\) does not exist$/ } split /\n/, $err),
		'', 'it is restored');
	return;
}

# One of library and SQL is newer: nothing is guessed, and nothing is lost.
sub tell_apart
{
	my ($db, $old, $older, $session, $contents) = @_;
	my $mismatch = qr/^55000: extension vvault is version \Q$old\E, but its library is version \Q$current\E\nHINT:  Run ALTER EXTENSION vvault UPDATE/;
	my $refused = qr/55000: library of vvault in this session is (?:older|\Q$old\E), but this script is version \Q$current\E/;
	my $before = $node->safe_psql($db, $contents);

	install_library($library);
	like(error_of($db, $_), $mismatch, "new library, SQL of $old: $_")
	  for (
		q(SELECT vvault_trending('PL')),
		q(SELECT vvault_video('x')),
		q(SELECT vvault_health()),
		q(SELECT vvault_analytics()),
		q(SELECT * FROM vvault_region_stats()),
		q(SELECT vvault_region_valid('PL')),
		q(SELECT * FROM vvault.parse_chart('{"kind": "youtube#videoListResponse", "items": []}')),
		q(SELECT vvault_ingest('PL', '{"kind": "youtube#videoListResponse", "items": []}', now())));
	is($node->safe_psql($db, <<'SQL'), "t\nt", "what knows no table works in $old: scores, aggregates, plain writes and their triggers");
BEGIN;
SELECT vvault_engagement_rate(5, 100) = 5;
INSERT INTO vvault.videos (region, video_id, views, likes) VALUES ('PL', 'plain', 7, 1);
UPDATE vvault.videos SET views = 8 WHERE video_id = 'plain';
SELECT regions = '{PL}' AND engagement_rate = 12.5 FROM vvault.video_regions JOIN vvault.videos USING (video_id) WHERE video_id = 'plain';
ROLLBACK;
SQL
	is(join('', $session->query($reads)), 't', 'an open session goes on with the library it has');

	# The update belongs into a session with the new library.
	my (undef, $err) = $session->query("\\set VERBOSITY verbose\nALTER EXTENSION vvault UPDATE");
	like($err, qr/$refused\n(?:.*\n)*HINT: .*connect anew/, "library of $old, new SQL: the update is refused");
	# one that tells its version, and one from before it could
	for my $content ($older, $older =~ s/vvault_library_version/vvault_library_versioX/gr)
	{
		install_library($content);
		like(error_of($db, 'ALTER EXTENSION vvault UPDATE'), qr/^$refused\nHINT:  Install/, 'and so it is in a new session');
		like(error_of('postgres', 'CREATE EXTENSION vvault CASCADE'), qr/^$refused\nHINT:  Install/, 'CREATE EXTENSION is refused');
	}
	is($node->safe_psql('postgres', q(SELECT count(*) FROM pg_namespace WHERE nspname = 'vvault')), '0', 'which leaves nothing');
	is($node->safe_psql($db, "SELECT extversion FROM pg_extension WHERE extname = 'vvault'"), $old, 'nothing was changed');
	is($node->safe_psql($db, $contents), $before, 'in no table either');
	install_library($library);

	# Rolled back an update leaves the session where it was; done, it works at once.
	is($node->safe_psql($db, "BEGIN;\nALTER EXTENSION vvault UPDATE;\n$reads;\nROLLBACK;"), 't', 'readers work in the transaction of the update');
	like(error_of($db, "BEGIN;\nALTER EXTENSION vvault UPDATE;\nSELECT vvault_health() \\g /dev/null\nROLLBACK;\nSELECT vvault_health();"),
		$mismatch, 'not after it was rolled back');
	return;
}

sub update_filled
{
	my ($db, $old, $contents) = @_;
	my $before = $node->safe_psql($db, $contents);
	my $rights_before = $node->safe_psql($db, $rights);

	$node->safe_psql($db, 'ALTER EXTENSION vvault UPDATE');
	is($node->safe_psql($db, $contents), $before, "the update from $old keeps every row");
	is_consistent($node, $db, "updated from $old");
	is($node->safe_psql($db, $rights), without($rights_before, $node->safe_psql($db, $gone)), 'and the rights that the owner gave and took');
	is($node->safe_psql($db, <<'SQL'), '', 'what is new is nobody\'s but for what defaults give');
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault')
WHERE p.oid::regprocedure::text NOT IN (SELECT s FROM known) AND (p.pronamespace = 'vvault'::regnamespace OR p.prokind = 'f' AND p.provolatile <> 'i')
	AND has_function_privilege('stranger', p.oid, 'EXECUTE')
SQL
	is($node->safe_psql($db, q(SELECT vvault_health() ->> 'version')), $current, 'it tells its version');
	is($node->safe_psql($db, q(SELECT vvault_trending('PL', 1) ->> 'sort', vvault_region_name('DE'))), 'momentum|Germany',
		'settings and regions are the owner\'s');
	return;
}

my @tested;
for my $old (@released)
{
	my $older = released_library($old);
	my $tells = $older =~ /vvault_library_version/;
	my ($db, $restored, $taken, $tested) = map { "${_}_$old" =~ tr/./_/r } qw(filled restored taken tested);

	install_released($old, $older);
	fill($db, $old);
	create_database($tested);
	$node->safe_psql($tested, "CREATE EXTENSION vvault VERSION '$old' CASCADE");
	push @tested, $tested;
	my $contents = asking_for_contents($db);
	my $before = $node->safe_psql($db, $contents);
	my $dump = "$dir/$old.sql";
	$node->command_ok([ 'pg_dump', '--no-sync', '-f', $dump, $node->connstr($db) ], "a dump of $old");

	# A session that has the older library and keeps it.
	my $session = open_session($node, $db);
	is(join('', $session->query($reads)), 't', "a session works with the library and the SQL of $old");
	tell_apart($db, $old, $older, $session, $contents);
	update_filled($db, $old, $contents);
	# in the words of that library
	like(join('', $session->query("\\set VERBOSITY verbose\n$reads")),
		qr/55000: (?:the installed )?extension vvault is version \Q$current\E, (?:but )?its library is (?:version )?\Q$old\E\nHINT: .*connect anew/,
		'a session from before the update is told to connect anew')
	  if $tells;
	$session->quit;
	ingest_all($node, $db, "fetched_at >= '2026-01-05 00:00+00'");
	is_consistent($node, $db, 'charts after the update');

	# A dump of the older version comes back as this one.
	restore($restored, $dump, $node->safe_psql($db, $gone));
	is($node->safe_psql($restored, $contents), $before, "a dump of $old is what it was in $current");
	is($node->safe_psql($restored, q(SELECT extversion FROM pg_extension WHERE extname = 'vvault')), $current, 'which is what it becomes');
	is_consistent($node, $restored, 'restored');

	# Nothing of somebody else's is taken over by an update.
	next if $tells;
	create_database($taken);
	$node->safe_psql($taken, "CREATE EXTENSION vvault VERSION '$old' CASCADE");
	$node->safe_psql($taken, 'CREATE FUNCTION vvault.library_version() RETURNS text LANGUAGE sql AS $$SELECT NULL$$');
	like(error_of($taken, 'ALTER EXTENSION vvault UPDATE'), qr/function vvault\.library_version\(\) is not a member of extension "vvault"/,
		'a function in the way is not replaced');
}

# ---------------------------------------------------------------------------
# The tests, on what came from the oldest and from the last version. All that
# is made is compared above, so pgTAP's tests, which take long, run on the oldest
# alone, and without forty days of real charts; VVAULT_UPGRADE_PGTAP=all runs all
# of them on both.
# ---------------------------------------------------------------------------

# libraries came and went until here; the tests want the reply cache
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_stat_statements, vvault'\n");
$node->restart;
for my $db (@tested > 1 ? @tested[ 0, -1 ] : @tested)
{
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PATH => "$staged_bin:$ENV{PATH}");
	my @tests = map { basename($_, '.sql') } sort glob('sql/*.sql');

	$node->safe_psql($db, 'ALTER EXTENSION vvault UPDATE');
	mkdir "$dir/$db";
	$node->command_ok(
		[ $ENV{PG_REGRESS}, '--inputdir=.', "--outputdir=$dir/$db", "--bindir=$staged_bin", '--use-existing', "--dbname=$db", @tests ],
		"pg_regress on an updated database, $db")
	  or diag(-e "$dir/$db/regression.diffs" ? PostgreSQL::Test::Utils::slurp_file("$dir/$db/regression.diffs") : '');

  SKIP:
	{
		my $all = ($ENV{VVAULT_UPGRADE_PGTAP} // '') eq 'all';

		last if $db ne $tested[0] && !$all;
		$ENV{VVAULT_SHARED_DATA} = "$dir/no charts" if !$all;
		skip 'this server has no pgTAP', 2
		  unless $node->safe_psql($db, q(SELECT count(*) FROM pg_available_extensions WHERE name = 'pgtap'));
		my $output = '';

		# security.sql makes the extension anew
		@tests = grep { !/security/ } sort glob('test/pgtap/*.sql');
		$node->safe_psql($db, 'CREATE EXTENSION pgtap');
		ok(IPC::Run::run([ 'pg_prove', '--psql-bin', "$staged_bin/psql", '-d', $db, @tests ], '<', '/dev/null', '>&', \$output),
			"pgTAP on an updated database, $db")
		  or diag($output);
		like($output, qr/^All tests successful/m, 'all of it');
	}
	is_consistent($node, $db, 'after the tests');
}

# ---------------------------------------------------------------------------
# The next version, begun as CONTRIBUTING says
# ---------------------------------------------------------------------------

# Two extensions, one library: the next one is installed, vvault is updated
# before vvault_stream or together with it, and never after it.
sub update_both
{
	my ($session, $next) = @_;
	my $asset = q(SELECT vvault_asset('mine') ->> 'owner_id');
	my $feeds = q(SELECT vvault_regions() IS NOT NULL);
	my $version = q(SELECT string_agg(extversion, ' ' ORDER BY extname) FROM pg_extension WHERE extname ~ '^vvault');
	my $too_early = qr/^55000: extension vvault is version \Q$current\E, but this script of vvault_stream is version \Q$next\E\nHINT:  Run ALTER EXTENSION vvault UPDATE first/;

	create_database('fresh_stream');
	$node->safe_psql('fresh_stream', 'CREATE EXTENSION vvault_stream CASCADE');
	my $expected = $node->safe_psql('fresh_stream', $stream_facts);

	like(error_of('one_by_one', $asset), qr/^55000: extension vvault is version \Q$current\E, but its library is version \Q$next\E\n/,
		'new library, old SQL: assets');
	like(error_of('one_by_one', 'ALTER EXTENSION vvault_stream UPDATE'), $too_early, 'vvault_stream is not updated before vvault');
	is($node->safe_psql('one_by_one', $version), "$current $current", 'which changes nothing');

	$node->safe_psql('one_by_one', 'ALTER EXTENSION vvault UPDATE');
	is($node->safe_psql('one_by_one', $feeds), 't', 'vvault is updated: feeds are read');
	like(error_of('one_by_one', $asset),
		qr/^55000: extension vvault_stream is version \Q$current\E, but its library is version \Q$next\E\nHINT:  Run ALTER EXTENSION vvault_stream UPDATE/,
		'assets wait for the update of their own extension');
	$node->safe_psql('one_by_one', q(UPDATE vvault_stream.assets SET title = 'plain'));
	like(join('', $session->query("\\set VERBOSITY verbose\nALTER EXTENSION vvault_stream UPDATE")),
		qr/55000: library of vvault in this session is \Q$current\E, but this script is version \Q$next\E\n(?:.*\n)*HINT: .*connect anew/,
		'nor is it updated in a session with the old library');
	$node->safe_psql('one_by_one', 'ALTER EXTENSION vvault_stream UPDATE');
	is($node->safe_psql('one_by_one', $asset), 'me', 'both are updated: so are assets');
	same_facts($node->safe_psql('one_by_one', $stream_facts), $expected, 'vvault_stream updated after vvault');

	is($node->safe_psql('at_once', "BEGIN;\nALTER EXTENSION vvault UPDATE;\nALTER EXTENSION vvault_stream UPDATE;\n$asset;\nCOMMIT;\n$feeds;"),
		"me\nt", 'both in one transaction');
	same_facts($node->safe_psql('at_once', $stream_facts), $expected, 'vvault_stream updated together with vvault');

	create_database('late');
	$node->safe_psql('late', "CREATE EXTENSION vvault VERSION '$current' CASCADE");
	like(error_of('late', 'CREATE EXTENSION vvault_stream'), $too_early, 'vvault_stream is not made beside an older vvault');
	$node->safe_psql('late', 'ALTER EXTENSION vvault UPDATE');
	$node->safe_psql('late', "CREATE EXTENSION vvault_stream VERSION '$current'");
	isnt($node->safe_psql('late', $stream_facts), $expected, "vvault_stream $current is not $next");
	$node->safe_psql('late', 'ALTER EXTENSION vvault_stream UPDATE');
	same_facts($node->safe_psql('late', $stream_facts), $expected, "vvault_stream updated from $current");
	return;
}

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_stat_statements'\n");
$node->restart;
{
	local $ENV{PG_CONFIG} = substr($bindir, length $ENV{STAGE}) . '/pg_config';
	my $next = '99.0.0';
	my $tree = "$dir/next";
	my @begin = ('sh', '-c', "cd '$tree' && scripts/begin_version.sh $next");
	my $changelog = PostgreSQL::Test::Utils::slurp_file('CHANGELOG.md');

	run_ok('copying the sources', 'cp', '-a', Cwd::getcwd(), $tree);
	$node->command_fails_like(\@begin, qr/CHANGELOG\.md has no date for \Q$current\E yet/, 'no version begins before the last one is released')
	  if $changelog =~ s/^(## \Q$current\E) \(unreleased\)/$1 (2027-01-01)/m;
	install_file("$tree/CHANGELOG.md", $changelog);
	run_ok('begin_version.sh', @begin);
	like(PostgreSQL::Test::Utils::slurp_file("$tree/CHANGELOG.md"), qr/^## \Q$next\E \(unreleased\)\n\n## \Q$current\E \(/m,
		'the next version has a head in the changelog');
	like(PostgreSQL::Test::Utils::slurp_file("$tree/debian/changelog"),
		qr/\Avvault \(\Q$next\E\) UNRELEASED;[^\n]*\n\n  \* [^\n]+\n\n -- [^\n]+ <[^\n>]+>  \w{3}, \d\d? \w{3} \d{4} [\d:]{8} [-+]\d{4}\n\nvvault \(\Q$current\E\)/,
		'and one in that of the Debian package');

	# a column of a table that is there, and a function that knows of it
	append_to_file("$tree/src/upgrade/before.sql", "ALTER TABLE vvault.videos ADD made_up integer;\n");
	my $tables = PostgreSQL::Test::Utils::slurp_file("$tree/src/videos/tables.sql");
	$tables =~ s/^(CREATE TABLE vvault\.videos \(.*?)\n\)/$1,\n\tmade_up integer\n)/ms or die 'no table to change';
	install_file("$tree/src/videos/tables.sql", $tables . <<'SQL');
CREATE FUNCTION @extschema@.vvault_made_up() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC SELECT max(made_up) FROM vvault.videos; END;
SQL

	# a function whose symbol in the library is another one from now on
	run_ok('sed', 'sed', '-i', 's/vvault_hacker_news/vvault_hacker_news2/', "$tree/src/score/rivals.c");
	run_ok('sed', 'sed', '-i', q(s/'vvault_hacker_news'/'vvault_hacker_news2'/), "$tree/src/score/rivals.sql");

	# the same in the other extension
	append_to_file("$tree/src/upgrade/stream_before.sql", "ALTER TABLE vvault_stream.assets ADD made_up integer;\n");
	run_ok('perl', $^X, '-0pi', '-e', 's/^(CREATE TABLE vvault_stream\.assets \(.*?)\n\)/$1,\n\tmade_up integer\n)/ms', "$tree/src/media/assets.sql");
	run_ok('perl', $^X, '-pi', '-e', q(s/'media', gen_random_uuid/'media' || '', gen_random_uuid/), "$tree/src/media/assets.sql");

	for my $db ('one_by_one', 'at_once')
	{
		create_database($db);
		$node->safe_psql($db, 'CREATE EXTENSION vvault_stream CASCADE');
		$node->safe_psql($db, q(INSERT INTO vvault_stream.assets (video_id, owner_id) VALUES ('mine', 'me')));
	}
	my $session = open_session($node, 'one_by_one');
	is(join('', $session->query(q(SELECT vvault_asset('mine') ->> 'owner_id'))), 'me', 'a session with both extensions of one version');

	run_ok('make', 'make', '-s', '-C', $tree, 'CC=gcc', 'COPT=-O1', 'with_llvm=no', "DESTDIR=$stage", 'install');
	same_as_fresh($next, 'public', '_next', @released, $current);
	create_database('gone');
	$node->safe_psql('gone', "CREATE EXTENSION vvault VERSION '$current' CASCADE");
	my $call = q(SELECT vvault_hacker_news(100, '2026-01-01 00:00+00', '2026-01-02 00:00+00') > 0);
	like(error_of('gone', $call), qr/^55000: extension vvault is version \Q$current\E, but its library is version \Q$next\E\nHINT:  Run ALTER EXTENSION/,
		'a function that the library has no more says what to do');
	$node->safe_psql('gone', 'ALTER EXTENSION vvault UPDATE');
	is($node->safe_psql('gone', $call), 't', 'and works after the update');
	update_both($session, $next);
	$session->quit;
}

my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
unlike($log, qr/was terminated by signal|PANIC:|TRAP:/, 'no backend crashed');

$node->stop;
done_testing();
