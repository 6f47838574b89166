#
# 002_random_writes.pl
#		Whatever is written to vvault.videos and vvault.snapshots, the derived
#		tables say the same as the naive SQL.
#
# A plain role, which may write those two tables and nothing derived, makes
# random writes. After every statement, inside transactions too, a superuser
# compares each derived table with naive SQL of the test's own and with
# vvault_check(), and looks whether each region whose rows changed has a new
# version. Then several writers do so at once.
#
# VVAULT_SEED=n repeats a run, VVAULT_STEPS=n makes it longer.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use List::Util qw(shuffle);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $seed = $ENV{VVAULT_SEED} // 20260114;
my $steps = $ENV{VVAULT_STEPS} // 600;
srand($seed);
diag("VVAULT_SEED=$seed VVAULT_STEPS=$steps");

my $node = new_node('writes');
my $has_merge = $node->safe_psql('postgres', 'SHOW server_version_num') >= 150000;

# The naive SQL, written down a second time: a mistake in the views behind
# vvault_check() must not hide one in the triggers.
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION vvault CASCADE;
CREATE ROLE plain LOGIN;
GRANT USAGE ON SCHEMA vvault TO plain;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON vvault.videos, vvault.snapshots TO plain;

CREATE SCHEMA test;

-- A region that nobody has heard of, or that is off, lists nothing.
CREATE VIEW test.naive_video_regions AS
	SELECT video_id, array_agg(region ORDER BY region COLLATE "C") AS regions
	FROM vvault.videos v LEFT JOIN vvault.regions o USING (region)
	WHERE coalesce(o.enabled, o.region IS NOT NULL OR v.region IN ('AT', 'GB', 'NL', 'NO', 'PL', 'SE', 'US'))
	GROUP BY video_id;

CREATE VIEW test.threshold AS
	SELECT coalesce((SELECT value::float8 FROM vvault.settings WHERE name = 'viral_threshold'), 85)
		AS threshold;

CREATE VIEW test.naive_category_stats AS
	SELECT region, category_id, count(*) AS videos,
		sum(CASE WHEN virality_score >= threshold THEN 1 ELSE 0 END)::bigint AS viral,
		sum(round(virality_score * 1000000)::bigint)::bigint AS score_sum
	FROM vvault.videos, test.threshold GROUP BY region, category_id;

CREATE VIEW test.naive_daily_videos AS
	SELECT region, day, video_id, category_id, virality_score
	FROM (SELECT region, video_id, category_id, virality_score,
			date_trunc('day', fetched_at AT TIME ZONE 'UTC')::date AS day,
			row_number() OVER (PARTITION BY region, video_id,
				date_trunc('day', fetched_at AT TIME ZONE 'UTC')
				ORDER BY fetched_at DESC) AS back
		FROM vvault.snapshots) s
	WHERE back = 1;

CREATE VIEW test.naive_daily_stats AS
	SELECT region, day, category_id, count(*) AS videos,
		sum(CASE WHEN virality_score >= threshold THEN 1 ELSE 0 END)::bigint AS viral,
		sum(round(virality_score * 1000000)::bigint)::bigint AS score_sum
	FROM test.naive_daily_videos, test.threshold GROUP BY region, day, category_id;

-- Of two charts before it the shorter one, of three the middle one counts.
CREATE VIEW test.naive_charts AS
	WITH chart AS (
		SELECT region, fetched_at, count(*)::integer AS videos, bool_or(complete) AS complete
		FROM vvault.snapshots WHERE rank > 0 GROUP BY region, fetched_at)
	SELECT c.*, c.complete OR coalesce(c.videos >= s.share * (
			SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY b.videos) FROM (
				SELECT videos FROM chart WHERE region = c.region AND fetched_at < c.fetched_at
				ORDER BY fetched_at DESC LIMIT 3) b), true) AS whole
	FROM chart c, (SELECT coalesce((SELECT value::float8 FROM vvault.settings WHERE name = 'short_chart'), 0.5) AS share) s;

-- What a region's feed and statistics show, and the versions that stand for it.
CREATE VIEW test.now AS
	SELECT r.region,
		(SELECT md5(string_agg(v::text || ' ' || coalesce(m.regions::text, ''), E'\n' ORDER BY v.video_id))
			FROM vvault.videos v LEFT JOIN vvault.video_regions m USING (video_id)
			WHERE v.region = r.region) AS feed,
		(SELECT md5(string_agg(d::text, E'\n' ORDER BY d.day, d.category_id))
			FROM vvault.daily_stats d WHERE d.region = r.region) AS days,
		(SELECT md5(string_agg(c::text, E'\n' ORDER BY c.fetched_at))
			FROM vvault.charts c WHERE c.region = r.region) AS charts,
		(SELECT md5(string_agg(f.version::text, ' ' ORDER BY f.written_by))
			FROM vvault.feed_versions f WHERE f.region = r.region) AS versions
	FROM (SELECT region FROM vvault.videos UNION SELECT region FROM vvault.daily_stats
		UNION SELECT region FROM vvault.feed_versions) r;
CREATE TABLE test.before AS SELECT * FROM test.now;
CREATE TABLE test.closed AS SELECT * FROM vvault.daily_stats;

-- Each view naive_NAME is compared with vvault.NAME; of closed days nothing is
-- left to count.
CREATE TABLE test.comparison AS
	SELECT t.relname AS name, format('SELECT format(''%%s is %%s, naive %%s'', %L, d, n)
		FROM (SELECT %s FROM vvault.%I%s) d FULL JOIN test.%I n USING (%2$s) WHERE d IS NULL OR n IS NULL',
		t.relname, (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = v.oid AND a.attnum > 0),
		t.relname, (SELECT ' WHERE NOT closed' FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'closed'), v.relname) AS query
	FROM pg_class v JOIN pg_class t ON t.relnamespace = 'vvault'::regnamespace AND 'naive_' || t.relname = v.relname
	WHERE v.relnamespace = 'test'::regnamespace;

CREATE FUNCTION test.wrong() RETURNS SETOF text LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
	query text;
BEGIN
	RETURN QUERY SELECT 'vvault_check(): ' || c::text FROM vvault_check() c;
	FOR query IN SELECT c.query FROM test.comparison c LOOP
		RETURN QUERY EXECUTE query;
	END LOOP;
END
$$;

-- The same after a statement: also no version may have stayed behind, and
-- no closed day may have moved.
CREATE FUNCTION test.verify() RETURNS SETOF text LANGUAGE plpgsql
SET search_path = public SET TimeZone = 'UTC' SET DateStyle = 'ISO' AS $$
BEGIN
	RETURN QUERY SELECT test.wrong();
	RETURN QUERY SELECT format('%s changed without a new version', coalesce(b.region, n.region))
		FROM test.now n FULL JOIN test.before b USING (region)
		WHERE (n.feed, n.days, n.charts) IS DISTINCT FROM (b.feed, b.days, b.charts)
			AND n.versions IS NOT DISTINCT FROM b.versions
			-- no reply shows another; enabling one gives all a new version
			AND coalesce(b.region, n.region) IN (SELECT e.region FROM vvault.enabled_regions e);
	RETURN QUERY SELECT 'closed day is written to: ' || s::text FROM vvault.snapshots s
		WHERE EXISTS (SELECT FROM vvault.daily_stats d WHERE d.region = s.region
			AND d.day = (s.fetched_at AT TIME ZONE 'UTC')::date AND d.closed);
	RETURN QUERY SELECT 'closed day is gone or changed: ' || c::text FROM test.closed c
		WHERE NOT EXISTS (SELECT FROM vvault.daily_stats d WHERE d = c);
	TRUNCATE test.before;
	INSERT INTO test.before TABLE test.now;
END
$$;
EOF

# What C makes of texts has no naive SQL: test/pgtap/search.sql has that.
my %without_naive = map { $_ => 1 } qw(video_search search_words);
my @derived = derived_tables($node, 'postgres');

is($node->safe_psql('postgres', q(SELECT string_agg(name, ' ' ORDER BY name COLLATE "C") FROM test.comparison)),
	join(' ', grep { !$without_naive{$_} } @derived), 'each derived table has a view test.naive_NAME here');
my $stories = join "\n", map { slurp_file($_) } glob('test/pgtap/*.sql');
is(join(' ', grep { $stories !~ /\bvvault\.$_\b/ } @derived), '', 'and a story in test/pgtap, such as those in derived.sql');

# ---------------------------------------------------------------------------
# Random values
# ---------------------------------------------------------------------------

# XX and ZZ9 are no regions of the site: a plain write may still name them.
my @regions = qw(US PL SE GB XX ZZ9);

# Ids that an array or a COPY might garble are among them.
my @video_ids = (
	(map { "v$_" } 0 .. 23),
	q('), q("x"), q({a,b}), 'NULL', '\\', 'a b', ',', "\x{017c}", 'V1', '%s');

# Around the shipped threshold and around the last counted digit.
my @scores = (0, 0, 100, 85, 84.999999, '84.9999996', '84.9999994', '0.0000004',
	69.5, 70);

my $first_day = 0;    # days before it are closed

sub pick { return $_[ int(rand(scalar @_)) ] }
sub chance { return rand() < $_[0] }

sub some
{
	my ($n, @from) = @_;
	my %seen;

	$seen{ pick(@from) } = 1 for 1 .. $n;
	return sort keys %seen;
}

sub literal
{
	my ($value) = @_;

	utf8::encode($value) if utf8::is_utf8($value);
	$value =~ s/'/''/g;
	return "'$value'";
}

sub region { return literal(pick(@regions)) }
sub video_id { return literal(pick(@video_ids)) }
sub category { return pick(0, 1, 10, 20, 24, 24, 24) }
sub score { return chance(0.6) ? pick(@scores) : sprintf('%.6f', rand(100)) }
sub views { return chance(0.1) ? 0 : int(rand(1e12)) }
sub place { return pick('NULL::integer', 1 .. 5) }
sub likes { return chance(0.1) ? 'NULL' : int(rand(1e9)) }
sub ids { return join(', ', map { literal($_) } some($_[0], @video_ids)) }

# An instant on one of four days; midnights (UTC) are frequent.
sub instant
{
	my $day = $first_day + int(rand(4));

	return sprintf(
		"('2026-01-01 %s+00'::timestamptz + interval '%d days')",
		pick(
			'00:00:00', '23:59:59.999999', '05:00:00', '12:00:00.000001',
			sprintf('%02d:%02d:00', int(rand(24)), int(rand(60)))),
		$day);
}

# n rows of values with distinct keys, and what they are.
sub video_rows
{
	my ($n) = @_;
	my %rows;

	for (1 .. $n)
	{
		my ($r, $v) = (region(), video_id());

		$rows{"$r $v"} = join(', ',
			$r, $v, category(), views(), likes(), score(),
			pick('true', 'false'));
	}
	return join(', ', map { "($_)" } map { $rows{$_} } sort keys %rows);
}
my $video_columns =
  '(region, video_id, category_id, views, likes, virality_score, charted)';

sub snapshot_rows
{
	my ($n) = @_;
	my %rows;

	for (1 .. $n)
	{
		my ($r, $v, $t) = (region(), video_id(), instant());

		$rows{"$r $v $t"} = join(', ', $r, $v, $t, category(), views(), score(), place(), chance(0.1) ? 'true' : 'false');
	}
	return join(', ', map { "($_)" } map { $rows{$_} } sort keys %rows);
}
my $snapshot_columns =
  '(region, video_id, fetched_at, category_id, views, virality_score, rank, complete)';

# Lines of COPY's text format.
sub copy_lines
{
	my ($n, $with_time) = @_;
	my (%rows, @lines);

	for (1 .. $n)
	{
		my ($r, $v) = (pick(@regions), pick(@video_ids));
		my @time;

		if ($with_time)
		{
			@time = sprintf('2026-01-%02d %02d:30:00+00',
				1 + $first_day + int(rand(4)), int(rand(24)));
		}
		utf8::encode($v) if utf8::is_utf8($v);
		$v =~ s/\\/\\\\/g;
		$rows{"$r $v @time"} =
		  join("\t", $r, $v, @time, category(), views(), score()) . "\n";
	}
	return join('', map { $rows{$_} } sort keys %rows) . "\\.\n";
}

# ---------------------------------------------------------------------------
# Kinds of writes: each makes one statement
# ---------------------------------------------------------------------------

my $not_there = <<'EOF';
WHERE NOT EXISTS (SELECT FROM vvault.videos o
	WHERE o.region = n.region AND o.video_id = n.video_id)
EOF

sub new_videos
{
	return sprintf('(SELECT * FROM (VALUES %s) AS n %s %s)',
		video_rows($_[0]), $video_columns, $not_there);
}

my %video_writes = (
	'insert, short' => sub {
		return sprintf('INSERT INTO vvault.videos (region, video_id) VALUES (%s, %s)',
			region(), video_id());
	},
	'insert, many rows and regions' => sub {
		return "INSERT INTO vvault.videos $video_columns " . new_videos(1 + int(rand(20)));
	},
	'insert ... select' => sub {
		return sprintf(<<'EOF', region(), ids(4));
INSERT INTO vvault.videos (region, video_id, title, category_id, views, virality_score)
SELECT DISTINCT ON (n.region, n.video_id) n.*
FROM (SELECT %s AS region, v.video_id, v.title, v.category_id, v.views, v.virality_score
	FROM vvault.videos v WHERE v.video_id IN (%s)) n
WHERE NOT EXISTS (SELECT FROM vvault.videos o
	WHERE o.region = n.region AND o.video_id = n.video_id)
EOF
	},
	'on conflict do nothing' => sub {
		return sprintf('INSERT INTO vvault.videos %s VALUES %s ON CONFLICT DO NOTHING',
			$video_columns, video_rows(6));
	},
	'on conflict do update' => sub {
		return sprintf(<<'EOF', $video_columns, video_rows(12), pick('', 'WHERE v.views < EXCLUDED.views'));
INSERT INTO vvault.videos AS v %s VALUES %s
ON CONFLICT (region, video_id) DO UPDATE SET category_id = EXCLUDED.category_id,
	virality_score = EXCLUDED.virality_score, views = EXCLUDED.views %s
EOF
	},
	'on conflict do update, with new key' => sub {
		return sprintf(<<'EOF', $video_columns, video_rows(1), region());
INSERT INTO vvault.videos AS v %s VALUES %s
ON CONFLICT (region, video_id) DO UPDATE SET region = %s
EOF
	},
	'update scores' => sub {
		return sprintf('UPDATE vvault.videos SET virality_score = %s WHERE video_id IN (%s)',
			pick(score(), '100 - virality_score'), ids(4));
	},
	'update category' => sub {
		return sprintf('UPDATE vvault.videos SET category_id = %s WHERE region = %s AND video_id IN (%s)',
			pick(category(), 'category_id + 1'), region(), ids(5));
	},
	'update figures' => sub {
		return sprintf('UPDATE vvault.videos SET views = %d, likes = %s, charted = NOT charted WHERE video_id IN (%s)',
			views(), likes(), ids(3));
	},
	'update of nothing' => sub {
		return pick(
			'UPDATE vvault.videos SET views = 1 WHERE false',
			'UPDATE vvault.videos SET virality_score = virality_score',
			'DELETE FROM vvault.videos WHERE false',
			'INSERT INTO vvault.videos (region, video_id) SELECT region, video_id FROM vvault.videos WHERE false');
	},
	'update from' => sub {
		return sprintf(<<'EOF', region(), region());
UPDATE vvault.videos v SET virality_score = o.virality_score, category_id = o.category_id
FROM vvault.videos o WHERE o.video_id = v.video_id AND v.region = %s AND o.region = %s
EOF
	},
	'update video_id' => sub {
		return sprintf('UPDATE vvault.videos SET video_id = %s WHERE video_id = %s',
			pick(video_id(), "video_id || '+'"), video_id());
	},
	'update region' => sub {
		return sprintf('UPDATE vvault.videos SET region = %s WHERE region = %s AND video_id = %s',
			region(), region(), video_id());
	},
	'update region and id of many' => sub {
		return sprintf(<<'EOF', pick('region', 'video_id'), region(), ids(8));
UPDATE vvault.videos n SET video_id = left(n.video_id || '.', 20), region = CASE n.%s WHEN 'US' THEN 'PL' ELSE n.region END
WHERE n.region <> %s AND n.video_id IN (%s)
EOF
	},
	'delete some' => sub {
		return sprintf('DELETE FROM vvault.videos WHERE video_id IN (%s)', ids(3));
	},
	'delete a region' => sub {
		return sprintf('DELETE FROM vvault.videos WHERE region = %s', region());
	},
	'delete ... using' => sub {
		return sprintf(<<'EOF', region(), region());
DELETE FROM vvault.videos v USING vvault.videos o
WHERE o.video_id = v.video_id AND v.region = %s AND o.region = %s AND o.virality_score > 50
EOF
	},
	'cte: delete and insert the same rows' => sub {
		return sprintf(<<'EOF', ids(6), score());
WITH d AS (DELETE FROM vvault.videos WHERE video_id IN (%s) RETURNING *)
INSERT INTO vvault.videos (region, video_id, category_id, virality_score)
SELECT region, video_id, category_id, %s FROM d
EOF
	},
	'cte: delete and insert others' => sub {
		return sprintf(<<'EOF', ids(6), $video_columns, new_videos(5));
WITH d AS (DELETE FROM vvault.videos WHERE video_id IN (%s))
INSERT INTO vvault.videos %s %s
EOF
	},
	'cte: insert and update' => sub {
		return sprintf(<<'EOF', $video_columns, new_videos(5), score(), region());
WITH i AS (INSERT INTO vvault.videos %s %s)
UPDATE vvault.videos SET virality_score = %s, category_id = 24 WHERE region = %s
EOF
	},
	'cte: insert, insert, update, delete' => sub {
		return sprintf(<<'EOF', $video_columns, new_videos(4), region(), 'new' . int(rand(1e6)), ids(4), ids(3));
WITH i AS (INSERT INTO vvault.videos %s %s),
	j AS (INSERT INTO vvault.videos (region, video_id, virality_score) VALUES (%s, '%s', 90)),
	u AS (UPDATE vvault.videos SET category_id = category_id + 2, virality_score = 100 WHERE video_id IN (%s))
DELETE FROM vvault.videos WHERE video_id IN (%s)
EOF
	},
	'cte: a row moves' => sub {
		return sprintf(<<'EOF', region(), ids(4), region(), region());
WITH d AS (DELETE FROM vvault.videos WHERE region = %s AND video_id IN (%s) RETURNING *)
INSERT INTO vvault.videos (region, video_id, category_id, virality_score)
SELECT %s, video_id, category_id, virality_score FROM d
WHERE NOT EXISTS (SELECT FROM vvault.videos o WHERE o.region = %s AND o.video_id = d.video_id)
ON CONFLICT DO NOTHING
EOF
	},
	'cte: both tables' => sub {
		return sprintf(<<'EOF', $video_columns, video_rows(6), instant());
WITH i AS (INSERT INTO vvault.videos %s VALUES %s ON CONFLICT (region, video_id)
	DO UPDATE SET virality_score = EXCLUDED.virality_score
	RETURNING region, video_id, category_id, virality_score)
INSERT INTO vvault.snapshots (region, video_id, fetched_at, category_id, virality_score)
SELECT region, video_id, %s, category_id, virality_score FROM i
ON CONFLICT (region, video_id, fetched_at) DO UPDATE SET virality_score = EXCLUDED.virality_score
EOF
	},
	'copy' => sub {
		return "COPY vvault.videos (region, video_id, category_id, views, virality_score) FROM STDIN;\n"
		  . copy_lines(3);
	},
	'copy into an empty table' => sub {
		return "DELETE FROM vvault.videos;\n"
		  . "COPY vvault.videos (region, video_id, category_id, views, virality_score) FROM STDIN;\n"
		  . copy_lines(60);
	},
	'refused' => sub {
		return pick(
			sprintf('INSERT INTO vvault.videos %s VALUES %s, (%s, %s, 1, -1, 1, 1, true)',
				$video_columns, video_rows(3), region(), video_id()),
			'UPDATE vvault.videos SET virality_score = virality_score + 90',
			"UPDATE vvault.videos SET virality_score = 'NaN'",
			"UPDATE vvault.videos SET region = 'us'",
			'INSERT INTO vvault.videos (region, video_id) SELECT region, video_id FROM vvault.videos');
	},
	'subtransactions in plpgsql' => sub {
		return sprintf(<<'EOF', region(), video_id(), ids(3), region(), ids(2), region());
DO $$
BEGIN
	INSERT INTO vvault.videos (region, video_id, virality_score) VALUES (%s, %s, 99) ON CONFLICT DO NOTHING;
	BEGIN
		DELETE FROM vvault.videos WHERE video_id IN (%s);
		UPDATE vvault.videos SET virality_score = 3 WHERE region = %s;
		RAISE EXCEPTION 'taken back' USING ERRCODE = 'P0099';
	EXCEPTION WHEN SQLSTATE 'P0099' THEN
		DELETE FROM vvault.videos WHERE video_id IN (%s);
	END;
	UPDATE vvault.videos SET virality_score = 88 WHERE region = %s AND virality_score > 50;
END
$$
EOF
	},);

if ($has_merge)
{
	$video_writes{'merge, all branches'} = sub {
		return sprintf(<<'EOF', video_rows(20), $video_columns);
MERGE INTO vvault.videos v USING (VALUES %s) AS n %s
	ON v.region = n.region AND v.video_id = n.video_id
WHEN MATCHED AND n.virality_score > 80 THEN DELETE
WHEN MATCHED AND n.virality_score < 5 THEN DO NOTHING
WHEN MATCHED THEN UPDATE SET virality_score = n.virality_score, category_id = n.category_id, views = n.views
WHEN NOT MATCHED AND n.charted THEN INSERT (region, video_id, category_id, virality_score)
	VALUES (n.region, n.video_id, n.category_id, n.virality_score)
EOF
	};
	$video_writes{'merge, with new keys'} = sub {
		return sprintf(<<'EOF', region(), ids(5));
MERGE INTO vvault.videos v USING (SELECT DISTINCT video_id FROM vvault.videos) n
	ON v.region = %s AND v.video_id = n.video_id AND n.video_id IN (%s)
WHEN MATCHED AND v.virality_score > 60 THEN DELETE
WHEN MATCHED THEN UPDATE SET video_id = v.video_id || '-'
EOF
	};
}

my %snapshot_writes = (
	'insert' => sub {
		return sprintf('INSERT INTO vvault.snapshots (region, video_id, fetched_at, virality_score) VALUES (%s, %s, %s, %s)',
			region(), video_id(), instant(), score());
	},
	'insert, many rows and regions' => sub {
		return sprintf('INSERT INTO vvault.snapshots %s VALUES %s ON CONFLICT DO NOTHING',
			$snapshot_columns, snapshot_rows(25));
	},
	'insert, an earlier one of the day' => sub {
		return sprintf(<<'EOF', score(), category(), ids(6));
INSERT INTO vvault.snapshots (region, video_id, fetched_at, virality_score, category_id)
SELECT s.region, s.video_id, s.fetched_at - interval '1 microsecond', %s, %d
FROM vvault.snapshots s WHERE s.video_id IN (%s) ON CONFLICT DO NOTHING
EOF
	},
	'insert, a later one of the day' => sub {
		return sprintf(<<'EOF', score(), category(), ids(6));
INSERT INTO vvault.snapshots (region, video_id, fetched_at, virality_score, category_id)
SELECT s.region, s.video_id, s.fetched_at + interval '1 second', %s, %d
FROM vvault.snapshots s WHERE s.video_id IN (%s) ON CONFLICT DO NOTHING
EOF
	},
	'on conflict do update' => sub {
		return sprintf(<<'EOF', $snapshot_columns, snapshot_rows(25));
INSERT INTO vvault.snapshots AS s %s VALUES %s
ON CONFLICT (region, video_id, fetched_at) DO UPDATE
SET virality_score = EXCLUDED.virality_score, category_id = EXCLUDED.category_id
EOF
	},
	'update scores' => sub {
		return sprintf('UPDATE vvault.snapshots SET virality_score = %s WHERE video_id IN (%s)',
			score(), ids(5));
	},
	'update category' => sub {
		return sprintf('UPDATE vvault.snapshots SET category_id = category_id + 1 WHERE region = %s',
			region());
	},
	'update time' => sub {
		return sprintf(q(UPDATE vvault.snapshots SET fetched_at = fetched_at + interval '%s' WHERE video_id IN (%s)),
			pick('1 hour', '-1 hour', '1 day', '13:17:11.000007'), ids(2));
	},
	'update ranks' => sub {
		return sprintf('UPDATE vvault.snapshots SET %s WHERE video_id IN (%s)',
			pick('rank = 1 + rank % 2', 'rank = ' . place(), 'complete = NOT complete', 'rank = NULL, complete = true'), ids(6));
	},
	'update key' => sub {
		return sprintf('UPDATE vvault.snapshots SET %s WHERE region = %s AND video_id = %s',
			pick('video_id = ' . video_id(), 'region = ' . region()), region(), video_id());
	},
	'delete some' => sub {
		return sprintf('DELETE FROM vvault.snapshots WHERE video_id IN (%s) AND virality_score > %d',
			ids(8), pick(0, 40, 80));
	},
	'delete the last of the days' => sub {
		return sprintf(<<'EOF', region());
DELETE FROM vvault.snapshots s WHERE s.region = %s AND NOT EXISTS (SELECT FROM vvault.snapshots l
	WHERE l.region = s.region AND l.video_id = s.video_id AND l.fetched_at > s.fetched_at)
EOF
	},
	'delete a region' => sub {
		return sprintf('DELETE FROM vvault.snapshots WHERE region = %s', region());
	},
	'cte: delete and insert the same rows' => sub {
		return sprintf(<<'EOF', ids(5), pick('fetched_at', "fetched_at + interval '1 day'"), score());
WITH d AS (DELETE FROM vvault.snapshots WHERE video_id IN (%s) RETURNING *)
INSERT INTO vvault.snapshots (region, video_id, fetched_at, category_id, virality_score)
SELECT DISTINCT ON (region, video_id, at) region, video_id, at, category_id, %3$s FROM (SELECT d.*, %2$s AS at FROM d) d
ON CONFLICT DO NOTHING
EOF
	},
	'cte: insert, update, delete' => sub {
		return sprintf(<<'EOF', $snapshot_columns, snapshot_rows(9), score(), ids(4), ids(4));
WITH i AS (INSERT INTO vvault.snapshots %s VALUES %s ON CONFLICT DO NOTHING),
	u AS (UPDATE vvault.snapshots SET virality_score = %s WHERE video_id IN (%s))
DELETE FROM vvault.snapshots WHERE video_id IN (%s)
EOF
	},
	'copy' => sub {
		return "COPY vvault.snapshots (region, video_id, fetched_at, category_id, views, virality_score) FROM STDIN;\n"
		  . copy_lines(8, 1);
	},
	'refused' => sub {
		return pick(
			sprintf('INSERT INTO vvault.snapshots %s VALUES %s, (%s, %s, %s, 1, -1, 1, 1, false)',
				$snapshot_columns, snapshot_rows(3), region(), video_id(), instant()),
			'UPDATE vvault.snapshots SET virality_score = 101',
			"UPDATE vvault.snapshots SET fetched_at = 'infinity'");
	},);

if ($has_merge)
{
	$snapshot_writes{'merge, all branches'} = sub {
		return sprintf(<<'EOF', snapshot_rows(30), $snapshot_columns);
MERGE INTO vvault.snapshots s USING (VALUES %s) AS n %s
	ON s.region = n.region AND s.video_id = n.video_id AND s.fetched_at = n.fetched_at
WHEN MATCHED AND n.virality_score > 80 THEN DELETE
WHEN MATCHED THEN UPDATE SET virality_score = n.virality_score, category_id = n.category_id
WHEN NOT MATCHED THEN INSERT (region, video_id, fetched_at, category_id, virality_score, rank, complete)
	VALUES (n.region, n.video_id, n.fetched_at, n.category_id, n.virality_score, n.rank, n.complete)
EOF
	};
}

my @writes = (
	(map { [ "videos: $_", $video_writes{$_} ] } sort keys %video_writes),
	(map { [ "snapshots: $_", $snapshot_writes{$_} ] } sort keys %snapshot_writes),
	[
		'truncate',
		sub {
			return pick(
				'TRUNCATE vvault.videos',
				'TRUNCATE vvault.snapshots',
				'TRUNCATE vvault.videos, vvault.snapshots');
		}
	]);

# What may go wrong in a random write: a key that is there already, a row that
# a statement meets twice, a value that no row may have, a day that is closed.
# And after a refused write has ended its transaction, or where a cursor found
# no row: no transaction, cursor, savepoint or row.
my %refusals = map { $_ => 1 } qw(23505 23514 21000 22023);
my %aftermath = map { $_ => 1 } qw(25P01 25P02 34000 3B001 24000);
my $needs_transaction = qr/^(?:declare|fetch|savepoint|rollback to)|copy|current of$/;

# ---------------------------------------------------------------------------
# The run: one psql script, in which every statement is followed by a look
# ---------------------------------------------------------------------------

my (@statements, $script);

# Adds a statement of the plain role and the look at its result. In a
# transaction, an error ends it.
sub add
{
	my ($kind, $sql, $in_transaction) = @_;
	my $n = @statements;

	push @statements, [ $kind, $sql ];
	$script .= "\\echo STATEMENT $n\n\\warn STATEMENT $n\n";
	$script .= $sql . ($sql =~ /(?:;|\\\.)\s*\z/ ? "\n" : ";\n");
	# psql does not take a failed COPY for an error: ask
	$script .= "SELECT 1 AS one \\gset\n" if $in_transaction && $sql =~ /^COPY/m;
	$script .= "\\if :ERROR\nROLLBACK;\n\\endif\n" if $in_transaction;
	$script .= "RESET SESSION AUTHORIZATION;\nSELECT test.verify();\n";
	$script .= "SET SESSION AUTHORIZATION plain;\n";
	return;
}

# The kinds come in random order, but all of them come.
my @deck;

sub add_write
{
	my ($in_transaction) = @_;
	my $write = $writes[-1];

	if (!chance(0.03))
	{
		@deck = shuffle(@writes[ 0 .. $#writes - 1 ]) unless @deck;
		$write = shift @deck;
	}
	add($write->[0], $write->[1]->(), $in_transaction);
	return;
}

# Begin, write, set savepoints, go back to some of them, end.
sub add_transaction
{
	my $isolation =
	  pick('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE');
	my $end = pick('COMMIT', 'COMMIT', 'ROLLBACK');

	add('begin', "BEGIN ISOLATION LEVEL $isolation", 1);
	add_write(1);
	for my $savepoint (1 .. 1 + int(rand(2)))
	{
		add('savepoint', "SAVEPOINT s$savepoint", 1);
		add_write(1) for 1 .. 1 + int(rand(2));
		add('rollback to savepoint', "ROLLBACK TO SAVEPOINT s$savepoint", 1)
		  if chance(0.6);
		add_write(1) if chance(0.5);
	}
	add(lc($end), $end, 0);
	return;
}

# A row found by a cursor.
sub add_cursor
{
	my $table = pick('videos', 'snapshots');

	add('begin', 'BEGIN', 1);
	add('declare cursor', "DECLARE c CURSOR FOR SELECT * FROM vvault.$table FOR UPDATE", 1);
	add('fetch', 'FETCH 3 FROM c', 1);
	add('update where current of',
		"UPDATE vvault.$table SET virality_score = " . score() . ' WHERE CURRENT OF c', 1);
	add('fetch', 'FETCH 2 FROM c', 1);
	add('delete where current of', "DELETE FROM vvault.$table WHERE CURRENT OF c", 1);
	add('commit', 'COMMIT', 0);
	return;
}

# Same statement, same plan, in a session that has other settings.
sub add_prepared
{
	$script .= sprintf("SET TimeZone TO '%s'; SET DateStyle TO '%s';\n",
		pick('UTC', 'Asia/Kolkata', 'America/New_York', 'Pacific/Kiritimati'),
		pick('ISO', 'German', 'SQL, DMY'));
	$script .= "SET search_path TO "
	  . pick('public', "''", 'vvault, public', 'pg_temp, public') . ";\n";
	$script .= <<'EOF';
DEALLOCATE ALL;
PREPARE p (text, text, float8) AS INSERT INTO vvault.videos AS v (region, video_id, virality_score)
VALUES ($1, $2, $3) ON CONFLICT (region, video_id) DO UPDATE SET virality_score = $3;
EOF
	add('prepared', sprintf('EXECUTE p(%s, %s, %s)', region(), video_id(), score()), 0)
	  for 1 .. 3;
	return;
}

# What the owner does meanwhile.
sub add_owner
{
	my ($kind, $sql) = @_;

	$script .= "RESET SESSION AUTHORIZATION;\n";
	add($kind, $sql, 0);
	return;
}

# Counts of closed days are kept aside, so that they can be seen not to move.
sub add_prune
{
	$first_day++;
	$script .= "RESET SESSION AUTHORIZATION;\n";
	add('prune',
		sprintf("SELECT public.vvault_prune('2026-01-01 00:00+00'::timestamptz + interval '%d days')",
			$first_day), 0);
	$script .= <<'EOF';
RESET SESSION AUTHORIZATION;
TRUNCATE test.closed;
INSERT INTO test.closed SELECT * FROM vvault.daily_stats WHERE closed;
SET SESSION AUTHORIZATION plain;
EOF
	return;
}

$script = <<'EOF';
\set VERBOSITY sqlstate
SET client_min_messages = error;
SET SESSION AUTHORIZATION plain;
EOF
while (@statements < $steps)
{
	my $dice = rand();

	if ($dice < 0.80) { add_write(0) }
	elsif ($dice < 0.90) { add_transaction() }
	elsif ($dice < 0.93) { add_cursor() }
	elsif ($dice < 0.96) { add_prepared() }
	elsif ($dice < 0.975)
	{
		add_owner('viral threshold',
			sprintf("SELECT public.vvault_set('viral_threshold', %s)",
				pick("'70'", "'85'", "'0'", "'84.9999995'", 'NULL')));
	}
	elsif ($dice < 0.98)
	{
		add_owner('short chart',
			sprintf("SELECT public.vvault_set('short_chart', %s)", pick("'0'", "'1'", "'0.7'", 'NULL')));
	}
	elsif ($dice < 0.983)
	{
		add_owner('region', pick(
			sprintf('INSERT INTO vvault.regions AS r (region, enabled) VALUES (%s, %s) ON CONFLICT (region) DO UPDATE SET enabled = EXCLUDED.enabled',
				region(), pick('true', 'false', 'NULL')),
			sprintf('DELETE FROM vvault.regions WHERE region = %s', region()),
			'UPDATE vvault.regions SET enabled = NOT enabled',
			'TRUNCATE vvault.regions'));
	}
	elsif ($dice < 0.987) { add_prune() }
	elsif ($dice < 0.99) { add_owner('block', sprintf('SELECT public.vvault_block(%s)', video_id())) }
	else { $script .= "\\connect - -\nSET client_min_messages = error;\nSET SESSION AUTHORIZATION plain;\n" }
}

add('the last', $video_writes{'on conflict do update'}->(), 0);

my $file = PostgreSQL::Test::Utils::tempdir() . '/writes.sql';
PostgreSQL::Test::Utils::append_to_file($file, $script);
my ($out, $err);
IPC::Run::run(
	[ 'psql', '-X', '-q', '-A', '-t', '-f', $file, '-d', $node->connstr('postgres') ],
	'<', '/dev/null', '>', \$out, '2>', \$err);

# Of the output, only what a look printed is a finding.
sub by_statement
{
	my ($text) = @_;
	my (@found, $n);

	for my $line (split /\n/, $text)
	{
		if ($line =~ /^STATEMENT (\d+)$/) { $n = $1 }
		elsif (defined $n) { push @{ $found[$n] }, $line }
	}
	return @found;
}

my @printed = by_statement($out);
my @errors = by_statement($err);
my (%written, $failures);
for my $n (0 .. $#statements)
{
	my ($kind, $sql) = @{ $statements[$n] };
	my @wrong = grep { /vvault_check\(\): |, naive |without a new version|closed day is/ }
	  @{ $printed[$n] // [] };
	my @codes = map { /(?:ERROR|FATAL):\s+(\w+)/ ? $1 : () } @{ $errors[$n] // [] };

	push @wrong, map { "error $_" }
	  grep { !$refusals{$_} && !($aftermath{$_} && $kind =~ $needs_transaction) }
	  @codes;
	$written{$kind}++ unless @codes;
	next if ok(!@wrong, "statement $n: $kind");
	diag(join("\n", $sql, @wrong[ 0 .. ($#wrong < 9 ? $#wrong : 9) ]));
	last if ++$failures == 5;
}

# The dice show every kind of write, and not only refused ones.
my @missing = grep { !/refused/ && !$written{$_} } map { $_->[0] } @writes;
is("@missing", '', 'every kind of write was made');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM vvault.videos'),
	'>', 0, 'there is something left to count');
is($node->safe_psql('postgres', 'SELECT test.wrong()'), '', 'the end is right');

# ---------------------------------------------------------------------------
# Concurrent writers
# ---------------------------------------------------------------------------

my $sample = sample_file('--days', 3, '--regions', 'US,PL,SE', '--per-chart', 50);
load_sample($node, 'postgres', $sample);
$node->safe_psql('postgres', <<'EOF');
TRUNCATE vvault.videos, vvault.snapshots;
DELETE FROM vvault.daily_stats;
DELETE FROM test.closed;
CREATE ROLE fetcher LOGIN;
SELECT vvault_grant('fetcher', 'writer');
GRANT SELECT ON sample TO fetcher;
EOF

my $dir = PostgreSQL::Test::Utils::tempdir();
my $dice = <<'EOF';
\set r random(0, 4)
\set q random(0, 4)
\set v random(1, 25)
\set w random(1, 25)
\set s random(0, 100)
\set c random(1, 3)
\set h random(0, 71)
EOF
my $region_list = q[('{US,PL,SE,GB,XX}'::text[])];
my %bench = (
	upsert => <<"EOF",
INSERT INTO vvault.videos AS v (region, video_id, category_id, virality_score)
VALUES ($region_list\[:r + 1], 'c' || :v, :c, :s), ($region_list\[:r + 1], 'd' || :w, :c, :s)
ON CONFLICT (region, video_id) DO UPDATE SET virality_score = EXCLUDED.virality_score, category_id = EXCLUDED.category_id;
EOF
	regions => <<"EOF",
INSERT INTO vvault.videos AS v (region, video_id, virality_score)
SELECT r, 'c' || :v, :s FROM unnest($region_list) r WHERE r >= $region_list\[:r + 1] ORDER BY r
ON CONFLICT (region, video_id) DO UPDATE SET virality_score = EXCLUDED.virality_score;
EOF
	update => <<"EOF",
UPDATE vvault.videos SET virality_score = :s, category_id = :c WHERE region = $region_list\[:r + 1] AND video_id IN ('c' || :v, 'd' || :w);
EOF
	delete => <<"EOF",
DELETE FROM vvault.videos WHERE video_id = 'c' || :v AND region <= $region_list\[:r + 1];
EOF
	move => <<"EOF",
WITH d AS (DELETE FROM vvault.videos WHERE region = $region_list\[:r + 1] AND video_id = 'd' || :v RETURNING *)
INSERT INTO vvault.videos (region, video_id, virality_score)
SELECT $region_list\[:q + 1], 'd' || :w, :s FROM d ON CONFLICT DO NOTHING;
EOF
	snapshot => <<"EOF",
INSERT INTO vvault.snapshots AS s (region, video_id, fetched_at, category_id, virality_score, rank)
VALUES ($region_list\[:r + 1], 'c' || :v, '2026-01-11 00:00+00'::timestamptz + :h * interval '1 hour', :c, :s, :v)
ON CONFLICT (region, video_id, fetched_at) DO UPDATE SET virality_score = EXCLUDED.virality_score;
EOF
	forget => <<"EOF",
DELETE FROM vvault.snapshots WHERE region = $region_list\[:r + 1] AND video_id = 'c' || :v;
EOF
	transaction => <<"EOF",
BEGIN;
UPDATE vvault.videos SET virality_score = :s WHERE region = $region_list\[:r + 1] AND video_id = 'c' || :v;
SAVEPOINT s;
DELETE FROM vvault.videos WHERE region = $region_list\[:r + 1] AND video_id = 'c' || :w;
ROLLBACK TO SAVEPOINT s;
INSERT INTO vvault.snapshots (region, video_id, fetched_at, virality_score)
VALUES ($region_list\[:r + 1], 'd' || :v, '2026-01-11 00:00+00'::timestamptz + :h * interval '1 hour', :s) ON CONFLICT DO NOTHING;
COMMIT;
EOF
	ingest => <<'EOF',
\set p random(1, 9)
SELECT vvault_ingest(region, response, fetched_at, first_rank) FROM sample WHERE id = :p;
EOF
	truncate => "TRUNCATE vvault.videos;\n",);
for my $name (keys %bench)
{
	PostgreSQL::Test::Utils::append_to_file("$dir/$name.sql", $dice . $bench{$name});
}

# pgbench tries again what ends in 40001 or 40P01, and gives up on any other.
sub pgbench
{
	my ($user, $isolation, $clients, $transactions, @scripts) = @_;
	my $run = { out => '', err => '' };
	my @command = (
		'pgbench', '-n', '-c', $clients, '-j', 1, '-t', $transactions,
		'--max-tries=100000', "--random-seed=$seed",
		(map { ('-f', "$dir/$_") } @scripts),
		$node->connstr('postgres') . " user=$user");
	local $ENV{PGOPTIONS} = "-c default_transaction_isolation=$isolation";

	$run->{harness} = IPC::Run::start(\@command, '<', '/dev/null',
		'>', \$run->{out}, '2>', \$run->{err});
	return $run;
}

sub finishes
{
	my ($run, $label) = @_;
	my $status = $run->{harness}->finish;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok( $status
		  && $run->{out} =~ /actually processed: (\d+)\/\1$/m
		  && ($run->{out} !~ /failed transactions: (\d+)/ || $1 == 0),
		$label)
	  or diag($run->{out}, $run->{err});
	return;
}

my @plain = map { "$_.sql" } qw(upsert@4 regions@2 update@3 delete@2 move@2
  snapshot@4 forget@1 transaction@2);
s/(\@\d)\.sql$/.sql$1/ for @plain;

{
	for my $isolation ('read committed', 'repeatable read')
	{
		(my $option = $isolation) =~ s/ /\\ /;
		my @runs = (
			pgbench('plain', $option, 4, 150, @plain),
			pgbench('fetcher', $option, 2, 25, 'ingest.sql'));
		my $looks = 0;
		my @wrong;

		while (grep { $_->{harness}->pumpable } @runs)
		{
			# plain SQL changes what charts wrote into videos, on purpose
			push @wrong, $node->safe_psql('postgres', q(SELECT * FROM vvault_check() WHERE derived_table <> 'videos'));
			$looks++;
			$_->{harness}->pump_nb for grep { $_->{harness}->pumpable } @runs;
		}
		is(join('', @wrong), '', "$isolation: right at each of the looks meanwhile");
		note("$looks looks");
		finishes($runs[0], "$isolation: plain writers lose by 40001 and 40P01 only");
		finishes($runs[1], "$isolation: ingest beside them too");
		is($node->safe_psql('postgres', 'SELECT test.wrong()'), '',
			"$isolation: the end is right");
	}

	# TRUNCATE is no lock of a region: everybody waits for it.
	my @runs = (
		pgbench('plain', 'read\ committed', 3, 60, @plain),
		pgbench('plain', 'repeatable\ read', 1, 8, 'truncate.sql'));
	finishes($_, 'TRUNCATE beside other writers') for @runs;
	is($node->safe_psql('postgres', 'SELECT test.wrong()'), '',
		'TRUNCATE beside other writers: the end is right');
}

# ---------------------------------------------------------------------------
# Repeatable read: what a transaction cannot see must not be miscounted
# ---------------------------------------------------------------------------

# A region that is new to the site is written while a transaction with an older
# snapshot is about to do something that concerns all regions. That one may
# lose with 40001; if it does not, the counts are right all the same.
sub old_snapshot
{
	my ($label, $sql) = @_;
	my $session = open_session($node, 'postgres');
	my ($stdout, $stderr);

	$node->safe_psql('postgres', <<'EOF');
TRUNCATE vvault.videos, vvault.snapshots;
DELETE FROM vvault.settings;
DELETE FROM vvault.blocked_videos;
SELECT vvault_rebuild();
DELETE FROM vvault.feed_versions WHERE region = 'NEW';
EOF
	$session->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM vvault.videos');
	$node->safe_psql('postgres', <<'EOF');
INSERT INTO vvault.videos (region, video_id, virality_score) VALUES ('NEW', 'n', 75);
INSERT INTO vvault.snapshots (region, video_id, fetched_at, virality_score)
VALUES ('NEW', 'n', '2026-01-01 00:00+00', 75);
EOF
	($stdout, $stderr) = $session->query($sql);
	my $lost = $stderr =~ /40001/;
	ok($lost || $stderr eq '', "repeatable read, $label: 40001 or nothing")
	  or diag($stderr);
	$session->query('COMMIT');
	$session->quit;
	is($node->safe_psql('postgres', 'SELECT test.wrong()'),
		'', "repeatable read, $label: the counts are right");
	return $lost;
}

old_snapshot('truncate videos', 'TRUNCATE vvault.videos');
old_snapshot('truncate snapshots', 'TRUNCATE vvault.snapshots');
old_snapshot('delete', 'DELETE FROM vvault.videos');
old_snapshot('rebuild', 'SELECT vvault_rebuild()');
old_snapshot('threshold', q(SELECT vvault_set('viral_threshold', '70')));
old_snapshot('prune', q(SELECT vvault_prune('2026-01-02')));
my $lost = old_snapshot('block', q(SELECT vvault_block('n')));
ok($lost || $node->safe_psql('postgres', 'SELECT count(*) FROM vvault.videos') == 0,
	'repeatable read, block: 40001, or the video is gone');

# ---------------------------------------------------------------------------
# Writes past the triggers, and repair
# ---------------------------------------------------------------------------

ingest_all($node, 'postgres');
is_consistent($node, 'postgres', 'before');
$node->safe_psql('postgres', <<'EOF');
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO vvault.videos (region, video_id, virality_score) VALUES ('XY', 'past', 91), ('US', 'past', 91);
UPDATE vvault.videos SET virality_score = 0, category_id = 99
WHERE ctid IN (SELECT ctid FROM vvault.videos WHERE region = 'PL' LIMIT 5);
DELETE FROM vvault.videos WHERE ctid IN (SELECT ctid FROM vvault.videos WHERE region = 'SE' LIMIT 5);
INSERT INTO vvault.snapshots (region, video_id, fetched_at, virality_score)
SELECT region, video_id, fetched_at + interval '1 second', 99
FROM vvault.snapshots WHERE region = 'US' ORDER BY video_id LIMIT 5;
DELETE FROM vvault.snapshots WHERE ctid IN (SELECT ctid FROM vvault.snapshots WHERE region = 'PL' LIMIT 5);
COMMIT;
EOF
my %tables = map { $_ => 1 }
  split /\n/, $node->safe_psql('postgres', 'SELECT DISTINCT derived_table FROM vvault_check()');
is(join(' ', sort keys %tables),
	join(' ', sort @derived, qw(feed_versions videos)),
	'vvault_check() finds what was written past the triggers, in every derived table: these writes touch what each is made of');
my $before = $node->safe_psql('postgres',
	q(SELECT string_agg(version::text, ',' ORDER BY written_by) FROM vvault.feed_versions WHERE region = 'PL'));
cmp_ok($node->safe_psql('postgres', 'SELECT vvault_rebuild()'),
	'>', 0, 'vvault_rebuild() says how many rows were wrong');
is($node->safe_psql('postgres', 'SELECT test.wrong()'), '', 'vvault_rebuild() repairs them');
isnt(
	$node->safe_psql('postgres',
		q(SELECT string_agg(version::text, ',' ORDER BY written_by) FROM vvault.feed_versions WHERE region = 'PL')),
	$before,
	'vvault_rebuild() makes new versions');
is($node->safe_psql('postgres', 'SELECT vvault_rebuild()'), '0', 'a second vvault_rebuild() finds nothing');

# Damage to the derived tables themselves: rows that are gone, rows of a region
# that has none, and in rows that are there each column that is no key. Closed
# days are not compared.
my @damage = split /\n/, $node->safe_psql('postgres', <<'EOF');
WITH derived AS (
	SELECT c.oid, c.relname, (SELECT ' WHERE NOT closed' FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'closed') AS open
	FROM pg_class c WHERE c.relnamespace = 'vvault'::regnamespace AND c.relkind = 'r' AND obj_description(c.oid, 'pg_class') ~ 'Derived from')
SELECT d.relname, format('DELETE FROM vvault.%I WHERE ctid IN (SELECT ctid FROM vvault.%1$I%s LIMIT 3)', d.relname, d.open) FROM derived d
UNION ALL
SELECT d.relname, format('UPDATE vvault.%I SET %I = %s WHERE ctid IN (SELECT ctid FROM vvault.%1$I%4$s LIMIT 3)', d.relname, a.attname,
	CASE a.atttypid::regtype::text WHEN 'text' THEN quote_literal('damaged') WHEN 'text[]' THEN quote_literal('{damaged}')
		WHEN 'boolean' THEN 'NOT ' || quote_ident(a.attname) WHEN 'tsvector' THEN quote_literal('damaged')
		ELSE quote_ident(a.attname) || ' + 1' END, d.open)
FROM derived d JOIN pg_attribute a ON a.attrelid = d.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'closed'
	JOIN pg_index i ON i.indrelid = d.oid AND i.indisprimary
WHERE a.attnum <> ALL (i.indkey::int2[])
UNION ALL
SELECT d.relname, format('INSERT INTO vvault.%I (%s) SELECT %s FROM vvault.%1$I%4$s LIMIT 1', d.relname,
	string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
	string_agg(CASE a.attname WHEN 'region' THEN quote_literal('NOWHERE') ELSE quote_ident(a.attname) END, ', ' ORDER BY a.attnum), d.open)
FROM derived d JOIN pg_attribute a ON a.attrelid = d.oid AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY d.oid, d.relname, d.open HAVING bool_or(a.attname = 'region')
EOF
for my $line (@damage)
{
	my ($table, $sql) = split /\|/, $line;

	$node->safe_psql('postgres', $sql);
	like($node->safe_psql('postgres', 'SELECT DISTINCT derived_table FROM vvault_check()'), qr/^$table$/m, "vvault_check() finds damage: $sql");
	cmp_ok($node->safe_psql('postgres', 'SELECT vvault_rebuild()'), '>', 0, 'and so does vvault_rebuild()');
	is($node->safe_psql('postgres', 'SELECT test.wrong()'), '', 'which repairs it');
}
$node->safe_psql('postgres', <<'EOF');
INSERT INTO vvault.video_regions VALUES ('nobody', '{US}');
UPDATE vvault.videos SET views = views + 1, rank = rank + 3 WHERE region = 'SE' AND snapshot_at IS NOT NULL;
EOF
cmp_ok($node->safe_psql('postgres', 'SELECT vvault_rebuild()'), '>', 0, 'vvault_rebuild() finds damage');
is($node->safe_psql('postgres', 'SELECT test.wrong()'), '', 'vvault_rebuild() repairs damage');

$node->stop;
done_testing();
