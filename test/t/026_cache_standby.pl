#
# 026_cache_standby.pl
#		The reply cache of a hot standby, which has its own, while the primary
#		writes; after a promotion; and after crashes of either.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $rounds = 25;     # of writes beside reads, at least

not_across(86_400, 120);    # analytics are of a day
my $primary = new_node('primary', allows_streaming => 1);
$primary->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
cache_functions($primary, 'postgres');
my @calls = (
	(map { ("vvault_trending('$_', 5)", "vvault_trending('$_', 5, 'newest')", "vvault_trending('$_', 5, 'trending')") } qw(PL SE NO)),
	(map { "vvault_video('v$_')" } 1 .. 6),
	'vvault_regions()', 'vvault_analytics(3)', "vvault_trending_explain('v1', 'PL')");
my $values = join(', ', map { "(\$call\$$_\$call\$)" } @calls);
$primary->safe_psql('postgres', <<"SQL");
CREATE TABLE test.calls (call text);
INSERT INTO test.calls VALUES $values;
INSERT INTO vvault.videos (region, video_id, title, views) SELECT r, 'v' || n, 'title', n FROM unnest('{PL,SE,NO}'::text[]) r, generate_series(1, 6) n;
-- reads each call so often, each time in one snapshot with what is computed
CREATE FUNCTION test.look(times integer) RETURNS text LANGUAGE plpgsql VOLATILE AS \$\$
DECLARE
	wrong text;
	c text;
BEGIN
	FOR i IN 1 .. times LOOP
		FOR c IN SELECT call FROM test.calls LOOP
			SELECT concat_ws(E'\\n', wrong, c, 'has ' || x.cached, 'not ' || x.computed) INTO wrong
			FROM (SELECT test.cached(c) AS cached, test.computed(c) AS computed) x
			WHERE x.cached IS DISTINCT FROM x.computed;
		END LOOP;
	END LOOP;
	RETURN coalesce(wrong, 'right');
END
\$\$;
SQL

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', <<'EOF');
hot_standby_feedback = on
wal_receiver_status_interval = 1s
max_standby_streaming_delay = -1
EOF
$standby->start;
$primary->poll_query_until('postgres', 'SELECT backend_xmin IS NOT NULL FROM pg_stat_replication') or die;

sub catch_up
{
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	return;
}

my $writer = open_session($primary, 'postgres');
my @readers = map { open_session($standby, 'postgres') } 1 .. 3;
my $shows = 'SELECT md5(string_agg(test.cached(call), $$ $$ ORDER BY call)) FROM test.calls';

# ---------------------------------------------------------------------------
# While the primary writes
# ---------------------------------------------------------------------------

catch_up();
is(value($readers[0], 'SELECT test.look(2)'), 'right', 'on a standby');
is(value($readers[1], q(SELECT test.x_cache('vvault_regions()'))), 'HIT', 'sessions share');
my $before = cache_counters($standby, 'postgres');

# Writes that come one after the other, and reads beside them.
my @writes = (
	q(UPDATE vvault.videos SET views = (random() * 1e6)::bigint, title = 'round ' || random() WHERE region = 'PL'),
	q(INSERT INTO vvault.videos (region, video_id, views) SELECT 'SE', 'w' || (random() * 1e6)::integer, 500),
	q(DELETE FROM vvault.videos WHERE video_id LIKE 'w%'),
	q(SELECT vvault_set('page_limit', ((random() * 8)::integer + 2)::text)),
	q(INSERT INTO vvault.regions (region, name) VALUES ('NO', 'N' || random()) ON CONFLICT (region) DO UPDATE SET name = EXCLUDED.name),
	q(BEGIN; UPDATE vvault.videos SET views = 1; ROLLBACK),
	q(BEGIN; SAVEPOINT s; UPDATE vvault.videos SET title = 'never'; ROLLBACK TO s; UPDATE vvault.videos SET title = 'ever' || random() WHERE region = 'NO'; COMMIT),
	q(INSERT INTO vvault.snapshots (region, video_id, fetched_at, views, virality_score) VALUES ('PL', 'v1', clock_timestamp(), 4, random() * 100)),);
my $wrong = '';
my %n;

# What the standby's cache has done since then.
sub done_since
{
	my ($before) = @_;
	my $after = cache_counters($standby, 'postgres');

	return map { $_ => $after->{$_} - $before->{$_} } keys %$after;
}

# How many states of the primary the standby shows beside the reads depends on both.
for (my $round = 0; $round < 10 * $rounds; $round++)
{
	%n = done_since($before);
	last if $round >= $rounds && $n{hits} > 1000 && $n{misses} > 100;
	$_->send('SELECT test.look(4)') for @readers;
	for my $write (@writes)
	{
		value($writer, $write);
	}
	for my $reader (@readers)
	{
		my ($out, $err) = $reader->wait();

		$wrong .= "$out$err\n" unless $out eq 'right';
	}
}
is($wrong, '', 'while the primary writes, each reply is what its snapshot computes');
note("$n{hits} hits, $n{misses} misses, $n{published} published, $n{bypass_busy} busy");
cmp_ok($n{hits}, '>', 1000, 'many of them hits');
cmp_ok($n{misses}, '>', 100, 'many of them not');
is($n{bypass_write}, 0, 'nobody writes here');

# ---------------------------------------------------------------------------
# Old snapshots
# ---------------------------------------------------------------------------

catch_up();
value($_, 'BEGIN ISOLATION LEVEL REPEATABLE READ') for @readers[ 0, 1 ];
my @then = map { value($_, $shows) } @readers[ 0, 1 ];
is($then[0], $then[1], 'two snapshots of one state');
for my $n (1 .. 3)
{
	value($writer, $_) for @writes;
	catch_up();
	is(value($readers[2], 'SELECT test.look(1)'), 'right', 'right after the replay of a commit');
	isnt(value($readers[2], $shows), $then[0], 'the replies are new');
	is(value($_, $shows), $then[0], 'not those of an old snapshot') for @readers[ 0, 1 ];
	is(value($_, 'SELECT test.look(1)'), 'right', 'which are right') for @readers[ 0, 1 ];
}
value($_, 'COMMIT') for @readers[ 0, 1 ];
is(value($readers[0], $shows), value($readers[2], $shows), 'and after it all see one state');

# ---------------------------------------------------------------------------
# Tags and ETags are the same on both
# ---------------------------------------------------------------------------

my $etag = q(SET request.method = 'GET'; SELECT length(vvault_trending('PL', 5)::text) > 0; SELECT current_setting('response.headers'));
for my $pass ('missed', 'hit')
{
	is($standby->safe_psql('postgres', "BEGIN; $etag") =~ /(ETag.*?)X-Cache/s && $1,
		$primary->safe_psql('postgres', "BEGIN; $etag") =~ /(ETag.*?)X-Cache/s && $1, "$pass: a client may ask either for news");
}

# ---------------------------------------------------------------------------
# The worker of a standby
# ---------------------------------------------------------------------------

$standby->safe_psql('postgres', 'ALTER SYSTEM SET vvault.cache_warm = on');
$standby->reload;
my $miss = 1000;
my $workers = q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'vvault cache warmer');
eventually(sub {
	value($readers[0], "SELECT vvault_trending('PL', " . $miss++ . ')');
	value($readers[0], $workers) == 1;
});
is(value($readers[0], $workers), '1', 'a standby has a worker too');
value($readers[0], $shows);
value($readers[0], $shows);
value($writer, $_) for @writes[ 0, 4 ];
catch_up();
ok($standby->poll_query_until('postgres', q(SELECT bool_and(fresh) FROM vvault_cache_stats() WHERE hits > 0)), 'which makes anew what is read there');
is(value($readers[1], "SELECT test.x_cache('$_')"), 'HIT', "$_ is there") for 'vvault_regions()', 'vvault_analytics(3)';
is(value($readers[1], 'SELECT test.look(1)'), 'right', 'and right');
# by hand
value($writer, $writes[0]);
catch_up();
like(value($readers[1], 'SELECT vvault_cache_warm()'), qr/^\d+$/, 'vvault_cache_warm() works here');
like(value($readers[1], 'SELECT vvault_cache_clear()'), qr/^\d+$/, 'vvault_cache_clear() too');
is(value($readers[1], 'SELECT test.look(1)'), 'right', 'and all is right');
value($writer, 'VACUUM FULL vvault.feed_versions; REINDEX TABLE vvault.feed_versions; VACUUM FULL vvault.videos');
catch_up();
is(value($readers[1], 'SELECT test.look(1)'), 'right', 'after VACUUM FULL and REINDEX of the versions');
$_->quit for @readers;

# ---------------------------------------------------------------------------
# Promotion
# ---------------------------------------------------------------------------

my $reader = open_session($standby, 'postgres');
value($reader, $shows);
# a commit that the standby never gets
$standby->stop;
value($writer, q(UPDATE vvault.videos SET title = 'lost'));
value($writer, $shows);
$writer->quit;
$reader->quit;
$primary->stop('immediate');
$standby->start;
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die;
$reader = open_session($standby, 'postgres');
my $writing = open_session($standby, 'postgres');
is(value($reader, 'SELECT test.look(2)'), 'right', 'promoted');
for my $write (@writes)
{
	value($writing, $write);
	is(value($reader, 'SELECT test.look(1)'), 'right', "then it is written to: $write");
}
is(value($reader, $workers), '1', 'with its worker') if value($reader, q(SELECT count(vvault_trending('PL', 4000 + n)) FROM generate_series(1, 3) n)) eq '3'
  && wait_until($standby, 'postgres', "SELECT n = 1 FROM ($workers) x (n)");
$reader->quit;
$writing->quit;

# ---------------------------------------------------------------------------
# Crashes
# ---------------------------------------------------------------------------

$standby->append_conf('postgresql.conf', "restart_after_crash = on\nsynchronous_commit = off\nwal_writer_delay = 10s");
$standby->restart;
for my $round (1 .. 2)
{
	my ($one, $two) = map { open_session($standby, 'postgres') } 1 .. 2;

	value($one, $shows);
	value($one, q(UPDATE vvault.videos SET title = 'perhaps lost, ' || random(), views = views + 1));
	value($two, $shows);
	is(value($two, 'SELECT test.look(1)'), 'right', 'a commit that may be lost shows');
	if ($round == 1)
	{
		$standby->stop('immediate');
		$standby->start;
	}
	else
	{
		my $pid = value($one, 'SELECT pg_backend_pid()');

		kill 'KILL', $pid > 1 ? $pid : BAIL_OUT('no process to kill');
		wait_until($standby, 'postgres', q(SELECT (vvault_health() -> 'cache' ->> 'hits')::integer = 0)) or die;
	}
	is(cache_counters($standby, 'postgres')->{replies}, 0, 'after a crash no reply is left');
	is($standby->safe_psql('postgres', 'SELECT test.look(2)'), 'right', 'lost or not, replies are what is there');
	is(cache_counters($standby, 'postgres')->{bypass_busy}, 0, 'and nobody is said to make one');
	$_->quit for $one, $two;
}

# killed in the middle of making a reply
my ($lock, $builder) = map { open_session($standby, 'postgres') } 1 .. 2;
value($lock, 'SELECT vvault_cache_clear()');
value($lock, 'BEGIN; LOCK TABLE vvault.video_regions IN ACCESS EXCLUSIVE MODE');
my $pid = value($builder, 'SELECT pg_backend_pid()');
$builder->send(q(SELECT vvault_trending('PL', 5)));
wait_until($standby, 'postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid") or die;
kill 'KILL', $pid > 1 ? $pid : BAIL_OUT('no process to kill');
wait_until($standby, 'postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid") or die;
wait_until($standby, 'postgres', q(SELECT length(test.cached('vvault_trending(''PL'', 5)')) > 0)) or die;
is($standby->safe_psql('postgres', q(SELECT test.x_cache('vvault_trending(''PL'', 5)'))), 'HIT', 'the next one makes it');
is($standby->safe_psql('postgres', 'SELECT test.look(2)'), 'right', 'and all is right');
$_->quit for $lock, $builder;

$standby->stop;
done_testing();
