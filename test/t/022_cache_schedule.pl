#
# 022_cache_schedule.pl
#		Sessions read and write at once, by chance; every reply that may come
#		from the reply cache is compared with the one computed in the same
#		snapshot.
#
# In each round every session gets one thing to do, and all do theirs at the
# same time: they begin, set savepoints, write, roll back, commit, keep old
# snapshots, and read some dozens of random replies.
#
# VVAULT_SEED=n repeats a run, VVAULT_ROUNDS=n makes it longer.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $seed = $ENV{VVAULT_SEED} // 20260122;
my $rounds = $ENV{VVAULT_ROUNDS} // 70;
my $reads_wanted = $ENV{VVAULT_ROUNDS} ? 0 : 10_000;
my $reads_at_once = 70;
srand($seed);
diag("VVAULT_SEED=$seed VVAULT_ROUNDS=$rounds");

# small enough that replies are evicted too
my $node = new_node('schedule', conf => "vvault.cache_size = 192kB\nmax_prepared_transactions = 10");

my @regions = qw(US PL SE NO);
my @ids = map { "v$_" } 1 .. 12;

sub pick { return $_[ int(rand(scalar @_)) ] }
sub chance { return rand() < $_[0] }

# ---------------------------------------------------------------------------
# What is read
# ---------------------------------------------------------------------------

my @calls = ('vvault_regions()', 'vvault_analytics()', 'vvault_analytics(2)', "vvault_video('nobody')", "vvault_trending('XX')", "vvault_search('a')",
	"vvault_search('title', 'PL')");
for my $region (@regions)
{
	push @calls, "vvault_trending('$region')";
	push @calls, map { "vvault_trending('$region', $_)" } 1, 3, 100;
	push @calls, map { "vvault_trending('$region', 4, '$_')" } @orders;
	push @calls, map { "vvault_trending('$region', 2, '$_', vvault_trending('$region', 2, '$_') ->> 'next_cursor')" } qw(views virality trending);
	push @calls, map { "vvault_trending_explain('v$_', '$region')" } 1, 5;
	# a cursor from long ago
	push @calls, "vvault_trending('$region', 3, 'views', (SELECT c FROM test.cursors WHERE region = '$region'))";
}
push @calls, map { "vvault_video('$_')" } @ids;

$node->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
cache_functions($node, 'postgres');
my $values = join(', ', map { "(\$call\$$_\$call\$)" } @calls);
$node->safe_psql('postgres', <<"EOF");
CREATE TABLE test.calls (id integer GENERATED ALWAYS AS IDENTITY (START 0 MINVALUE 0) PRIMARY KEY, call text NOT NULL);
INSERT INTO test.calls (call) VALUES $values;
INSERT INTO vvault.videos (region, video_id, title, views, likes, virality_score, momentum_score, category_id, published_at)
SELECT r, 'v' || n, 'title ' || n, n * 100, n, 8 * n, 7 * n, 10 + n % 2, now() - n * interval '1 hour'
FROM unnest('{US,PL,SE}'::text[]) r, generate_series(1, 9) n;
INSERT INTO vvault.snapshots (region, video_id, fetched_at, views, virality_score)
SELECT region, video_id, now() - n * interval '1 day', views, virality_score FROM vvault.videos, generate_series(0, 2) n;
CREATE TABLE test.cursors AS SELECT r AS region, vvault_trending(r, 3, 'views') ->> 'next_cursor' AS c FROM unnest('{US,PL,SE}'::text[]) r;

-- Reads n random replies, each in one snapshot with what is computed: how many
-- were read, and which were wrong.
CREATE FUNCTION test.look(n integer) RETURNS text LANGUAGE plpgsql VOLATILE AS \$\$
DECLARE
	wrong text;
	c text;
BEGIN
	FOR i IN 1 .. n LOOP
		SELECT k.call INTO c FROM test.calls k WHERE k.id = floor(power(random(), 2) * @{[scalar @calls]})::integer;
		SELECT concat_ws(E'\\n', wrong, c, 'has ' || x.cached, 'not ' || x.computed) INTO wrong
		FROM (SELECT test.cached(c) AS cached, test.computed(c) AS computed) x
		WHERE x.cached IS DISTINCT FROM x.computed;
	END LOOP;
	RETURN concat_ws(' ', 'read', n, wrong);
END
\$\$;
EOF

# ---------------------------------------------------------------------------
# What is written
# ---------------------------------------------------------------------------

my $clock = 0;

sub region { return "'" . pick(@regions) . "'" }
sub id { return "'" . pick(@ids) . "'" }
sub some_ids { return join(', ', map { id() } 1 .. $_[0]) }

sub chart
{
	my @items = map {
		sprintf('{"id":"%s","snippet":{"title":"chart %d","categoryId":"%d"},"statistics":{"viewCount":"%d","likeCount":"%d"}}',
			pick(@ids, 'n' . int(rand(5))), rand(1000), pick(10, 11), rand(100_000), rand(1000))
	} 1 .. 1 + int(rand(4));

	return sprintf(q(vvault_ingest(%s, '{"kind":"youtube#videoListResponse","items":[%s]}', now() - interval '30 hours' + %d * interval '1 minute')),
		region(), join(',', @items), ++$clock);
}

# One of the settings and a value, NULL for the one shipped.
sub setting
{
	return join ', ', map { $_ eq 'NULL' ? $_ : "'$_'" } @{
		pick(
			[ 'viral_threshold', int(rand(100)) ], [ 'default_sort', 'newest' ], [ 'default_sort', 'NULL' ],
			[ 'page_limit', 2 ], [ 'page_limit', 'NULL' ], [ 'feed_max_age', 600 ])
	};
}

my @writes = (
	sub {
		return sprintf(q(UPDATE vvault.videos SET views = %d, title = left(title, 9) || chr(%d) WHERE region = %s AND video_id IN (%s)),
			rand(1e5), 97 + rand(26), region(), some_ids(3));
	},
	sub {
		return sprintf('UPDATE vvault.videos SET virality_score = %d, momentum_score = %d, charted = NOT charted WHERE video_id = %s',
			rand(101), rand(101), id());
	},
	sub {
		return sprintf(
			q(INSERT INTO vvault.videos (region, video_id, title, views, virality_score) VALUES (%s, %s, 'new', %d, %d) ON CONFLICT DO NOTHING),
			region(), id(), rand(1e5), rand(101));
	},
	sub {
		return sprintf(<<'EOF', id(), rand(1e5));
INSERT INTO vvault.videos (region, video_id, views) SELECT r, %s, %d FROM unnest('{PL,SE,NO}'::text[]) r
ON CONFLICT (region, video_id) DO UPDATE SET views = EXCLUDED.views
EOF
	},
	sub { return sprintf('DELETE FROM vvault.videos WHERE region = %s AND video_id IN (%s)', region(), some_ids(2)); },
	sub {
		return sprintf('UPDATE vvault.videos SET region = %s WHERE region = %s AND video_id = %s', region(), region(), id());
	},
	sub {
		return sprintf(<<'EOF', region(), id(), rand(48), rand(1e5), rand(101));
INSERT INTO vvault.snapshots (region, video_id, fetched_at, views, virality_score)
VALUES (%s, %s, now() - %d * interval '1 hour', %d, %d) ON CONFLICT DO NOTHING
EOF
	},
	sub { return sprintf('DELETE FROM vvault.snapshots WHERE region = %s AND video_id = %s', region(), id()); },
	sub {
		return sprintf(<<'EOF', id());
WITH u AS (UPDATE vvault.videos SET views = views + 1 WHERE video_id = %s RETURNING region)
SELECT test.look(5) FROM (SELECT count(*) FROM u) x
EOF
	},
	sub {
		return sprintf(q(INSERT INTO vvault.videos (region, video_id, title) VALUES (%s, %s, 'returned') ON CONFLICT DO NOTHING RETURNING test.look(5)),
			region(), id());
	},
	sub { return 'SELECT ' . chart() . ' IS NOT NULL'; },
	sub { return 'SELECT ' . chart() . ' IS NOT NULL'; },
	sub { return sprintf('SELECT vvault_set(%s)', setting()); },
	sub {
		return sprintf(<<'EOF', region(), rand(100), pick('true', 'true', 'false'));
INSERT INTO vvault.regions (region, name, enabled) VALUES (%s, 'name %d', %s)
ON CONFLICT (region) DO UPDATE SET name = EXCLUDED.name, enabled = EXCLUDED.enabled
EOF
	},
	sub { return sprintf('DELETE FROM vvault.regions WHERE region = %s', region()); },
	sub {
		return sprintf(q(INSERT INTO vvault.categories VALUES (%d, 'category %d') ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name),
			pick(10, 11), rand(100));
	},
	sub {
		return sprintf('DELETE FROM vvault.ingests WHERE region = %s AND id IN (SELECT id FROM vvault.ingests LIMIT 2)', region());
	},
	sub { return sprintf('SELECT vvault_block(%s); DELETE FROM vvault.blocked_videos', id()); },
	sub { return q(SELECT vvault_prune(now() - interval '30 hours')); },
	sub { return 'SELECT vvault_rebuild()'; },);

# ---------------------------------------------------------------------------
# The sessions
# ---------------------------------------------------------------------------

my @sessions = map { { psql => open_session($node, 'postgres'), state => 'idle', name => "s$_" } } 1 .. 7;
$_->{psql}->query("SET lock_timeout = '60ms'; SET client_min_messages = error") for @sessions;

sub a_write { return pick(@writes)->(); }

# The next thing for a session to do, and the state it is in after it: idle;
# old, with a snapshot to keep; open, in a transaction that has written;
# aborted.
sub next_step
{
	my ($state) = @_;
	my $look = "SELECT test.look($reads_at_once)";

	return ('ROLLBACK', 'idle') if $state eq 'aborted';
	if ($state eq 'idle')
	{
		return ($look, 'idle') if chance(0.6);
		return (a_write(), 'idle') if chance(0.35);
		return ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; $look", 'old') if chance(0.4);
		return ('BEGIN; ' . a_write(), 'open') if chance(0.8);
		return ('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; ' . a_write(), 'open');
	}
	if ($state eq 'old')
	{
		return ('COMMIT', 'idle') if chance(0.3);
		return ("SAVEPOINT o; $look; ROLLBACK TO SAVEPOINT o", 'old') if chance(0.2);
		return ($look, 'old');
	}
	return (pick('COMMIT', 'COMMIT', 'ROLLBACK'), 'idle') if chance(0.35);
	return ('SAVEPOINT a; ' . a_write() . "; $look; ROLLBACK TO SAVEPOINT a; SELECT test.look(10)", 'open') if chance(0.3);
	return (a_write(), 'open') if chance(0.4);
	return ($look, 'open');
}

my ($reads, $in_old, $failures, %errors) = (0, 0, 0);
my $before = cache_counters($node, 'postgres');

# What the cache has done since then.
sub done_since
{
	my ($before) = @_;
	my $after = cache_counters($node, 'postgres');

	return map { $_ => $after->{$_} - $before->{$_} } keys %$after;
}

# It proves something only if the cache was at work, and in all the ways that it
# may be. Sessions that wait too long for a lock read less.
my %n;
my %enough = (
	'enough replies were compared' => sub { $reads >= $reads_wanted },
	'a good part of them were hits' => sub { $n{hits} > $reads / 4 },
	'and many were not' => sub { $n{misses} > $reads / 50 },
	'some were read in transactions that had written' => sub { $n{bypass_write} > $reads / 50 },
	'some had to make room for others' => sub { $n{evicted} > 0 },
	'some in old snapshots' => sub { $in_old > $reads / 20 });

for my $round (1 .. 10 * $rounds)
{
	if ($round > $rounds)
	{
		%n = done_since($before);
		last unless grep { !$_->() } values %enough;
	}
	for my $s (@sessions)
	{
		($s->{step}, $s->{next}) = next_step($s->{state});
		$s->{psql}->send($s->{step});
	}
	for my $s (@sessions)
	{
		my ($out, $err) = $s->{psql}->wait();

		$errors{$1}++ while $err =~ /ERROR:\s+(\w{5})/g;
		$s->{state} = $err ne '' && $s->{next} ne 'idle' ? 'aborted' : $s->{next};
		while ($out =~ /^read (\d+)/mg)
		{
			$reads += $1;
			$in_old += $1 if $s->{state} eq 'old';
		}
		next unless $out =~ /^has /m;
		$failures++;
		diag("round $round, $s->{name}: $s->{step}\n$out") if $failures <= 3;
	}
}
is($failures, 0, 'every reply was the one that its snapshot computes');
is(join(' ', grep { !/^(?:55P03|40001|40P01|25P02|22023|23505)$/ } sort keys %errors), '', 'nothing failed but what may');
note('errors: ' . join(', ', map { "$_ $errors{$_}" } sort keys %errors));

note("$reads reads, $in_old of them in old snapshots: $n{hits} hits, $n{misses} misses, $n{published} published, $n{waits} waited,"
	  . " $n{evicted} evicted, bypasses: write $n{bypass_write}, busy $n{bypass_busy}");
ok($enough{$_}->(), $_) for sort keys %enough;
$_->{psql}->query('ROLLBACK') for @sessions;
is_consistent($node, 'postgres', 'in the end', written => 1);
is( ($sessions[0]{psql}->query('SELECT count(*), count(*) FILTER (WHERE test.cached(call) = test.computed(call)) FROM test.calls'))[0],
	@calls . '|' . @calls,
	'all calls are right in the end');
$_->{psql}->quit for @sessions;

$node->stop;
done_testing();
