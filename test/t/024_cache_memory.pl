#
# 024_cache_memory.pl
#		The reply cache stays within its memory, keeps what is read often, takes
#		no reply that is too large, and loses nothing on the way.
#
# VVAULT_OPERATIONS=n makes the search for leaks longer than its 60,000 calls.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $operations = $ENV{VVAULT_OPERATIONS} // 60_000;
my $dir = PostgreSQL::Test::Utils::tempdir();

my $node = new_node('memory', conf => 'vvault.cache_size = 1MB');
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vvault CASCADE;
INSERT INTO vvault.videos (region, video_id, views) SELECT 'PL', 'v' || n, n FROM generate_series(1, 3) n;
-- long titles, in which each byte takes one of the reply
INSERT INTO vvault.videos (region, video_id, views, title)
SELECT 'US', 'v' || n, n, repeat(chr(97 + n % 26), 2000) FROM generate_series(1, 1000) n;
SELECT vvault_set('page_limit', '1000');
SQL
cache_functions($node, 'postgres');

sub counters { return cache_counters($node, 'postgres'); }

sub difference
{
	my ($before) = @_;
	my $after = counters();

	return { map { $_ => $after->{$_} - $before->{$_} } keys %$after };
}

sub clear { return $node->safe_psql('postgres', 'SELECT vvault_cache_clear()'); }

# ---------------------------------------------------------------------------
# Bounded
# ---------------------------------------------------------------------------

my $size = counters()->{size};
cmp_ok($size, '<=', 1024 * 1024, 'it is no larger than vvault.cache_size');
cmp_ok($size, '>=', 700 * 1024, 'most of which is for replies');
is(counters()->{used}, 0, 'at first it is empty');

# Calls with as many different keys.
sub fill
{
	my ($from, $to) = @_;

	$node->safe_psql('postgres', <<"SQL");
DO \$\$ BEGIN FOR i IN $from .. $to LOOP PERFORM vvault_trending('PL', i); END LOOP; END \$\$
SQL
	return counters();
}

my $full = fill(1, 2000);
cmp_ok($full->{used}, '<=', $size, 'full, it is no larger than that');
cmp_ok($full->{evicted}, '>', 0, 'some had to go');
is($full->{replies} + $full->{evicted}, 2000, 'the others are there');
cmp_ok($full->{replies}, '>', 100, 'a good many');
is($node->safe_psql('postgres', 'SELECT count(*) FROM vvault_cache_stats()'), $full->{replies}, 'vvault_cache_stats() lists them');
is(clear(), $full->{replies}, 'vvault_cache_clear() counts them');
is(counters()->{used}, 0, 'and frees their memory');
is(counters()->{replies}, 0, 'all');
my $second = fill(1, 2000);
is($second->{replies}, $full->{replies}, 'it takes as many again');
is($second->{used}, $full->{used}, 'in as much memory');

# ---------------------------------------------------------------------------
# Large replies
# ---------------------------------------------------------------------------

# The next to go was cleared; few that are large make room before all entries are
# taken again.
clear();
$node->safe_psql('postgres', q(DO $$ BEGIN FOR i IN 11 .. 60 LOOP PERFORM vvault_trending('US', i); END LOOP; END $$));
cmp_ok(counters()->{used}, '<=', $size, 'large replies fill it, and no more');
cmp_ok(counters()->{replies}, '<', 50, 'and push each other out');
clear();
fill(1, 50);
my $share;
for my $videos (5, 20, 50, 80, 100, 120, 150, 500, 1000)
{
	my $call = "vvault_trending('US', $videos)";
	my $length = $node->safe_psql('postgres', "SELECT octet_length(test.computed(\$\$$call\$\$))");
	my $before = counters();

	is($node->safe_psql('postgres', "SELECT bool_and(test.cached(c) = test.computed(c)) FROM unnest(ARRAY[\$\$$call\$\$, \$\$$call\$\$, \$\$$call\$\$]) c"),
		't', "a reply of $length bytes is right each time");
	my $n = difference($before);
	if ($n->{hits} == 2)
	{
		is($share, undef, 'it is kept, as smaller ones are');
		is($n->{bypass_size}, 0, 'and none is too large');
	}
	else
	{
		$share //= $length;
		is("$n->{hits} $n->{bypass_size}", '0 3', 'it is too large to be kept');
		is($n->{evicted}, 0, 'and nothing makes room for it');
		is($node->safe_psql('postgres', "SELECT bytes IS NULL FROM vvault_cache_stats() WHERE arguments LIKE '%US%, $videos,%'"), 't',
			'it has no bytes here');
	}
}
cmp_ok($share, '<', $size / 3, 'a reply takes a share of the memory only');
cmp_ok($share, '>', $size / 20, 'but a good one');
is($node->safe_psql('postgres', "SELECT count(*) > 40 FROM vvault_cache_stats() WHERE region = 'PL' AND fresh"), 't', 'the small ones stayed');

# one that grows and shrinks with its feed
clear();
for my $length (1, 1000, 1, 30, 2000, 400, 1)
{
	$node->safe_psql('postgres', "UPDATE vvault.videos SET title = repeat('x', $length) WHERE region = 'US' AND views > 900");
	is($node->safe_psql('postgres', q(SELECT bool_and(test.cached(c) = test.computed(c)) FROM unnest(ARRAY['vvault_trending(''US'', 100)', 'vvault_trending(''US'', 100)']) c)),
		't', "with titles of $length bytes its reply is right");
}
my $shrunk = counters()->{used};
clear();
$node->safe_psql('postgres', q(SELECT vvault_trending('US', 100)));
is(counters()->{used}, $shrunk, 'and takes the room that it takes anew');

# long keys
my $before = counters();
is($node->safe_psql('postgres', q(SELECT vvault_video(repeat('x', 600)) IS NULL AND vvault_video(repeat('x', 100000)) IS NULL)), 't', 'a key may be too long');
my (undef, undef, $err) = $node->psql('postgres', q(SELECT vvault_trending('PL', 3, 'views', repeat('x', 70000))));
like($err, qr/invalid cursor/, 'of any length');
is(difference($before)->{bypass_size}, 3, 'it is no key then');
is(difference($before)->{used}, 0, 'and takes no memory');

# ---------------------------------------------------------------------------
# Nothing is lost over many operations
# ---------------------------------------------------------------------------

# Hits, misses, evictions, errors, replies that change size, clears.
sub churn
{
	my ($session, $n) = @_;

	return ($session->query(<<"SQL"))[1];
DO \$\$
DECLARE
	k integer;
BEGIN
	FOR i IN 1 .. $n LOOP
		k := floor(power(random(), 3) * 400);
		IF i % 500 = 1 THEN
			BEGIN
				PERFORM vvault_trending('PL', k, 'views', 'bad');
			EXCEPTION WHEN invalid_parameter_value THEN
				NULL;
			END;
		END IF;
		IF i % 20 = 0 THEN
			PERFORM vvault_trending('US', 1 + k % 40);
		ELSIF k % 7 = 0 THEN
			PERFORM vvault_video('v' || k);
		ELSE
			PERFORM vvault_trending('PL', k + 1);
		END IF;
		IF i % 2500 = 0 THEN
			PERFORM vvault_cache_clear();
		END IF;
		IF i % 1000 = 0 THEN
			UPDATE vvault.videos SET title = repeat('y', (random() * 2000)::integer) WHERE region = 'US' AND views < 40;
			COMMIT;
		END IF;
	END LOOP;
END
\$\$
SQL
}

sub backend_memory
{
	my ($session) = @_;

	return ($session->query('SELECT sum(total_bytes) FROM pg_backend_memory_contexts'))[0];
}

my $session = open_session($node, 'postgres');
$session->query('SET client_min_messages = error');
is(churn($session, 5000), '', 'it starts');
my $used = backend_memory($session);
$before = counters();
for (my $done = 0; $done < $operations; $done += 15_000)
{
	is(churn($session, 15_000), '', "on and on, from $done");
	cmp_ok(counters()->{used}, '<=', $size, 'within its memory');
}
my $n = difference($before);
note("$n->{hits} hits, $n->{misses} misses, $n->{evicted} evicted, $n->{published} published");
cmp_ok($n->{hits} + $n->{misses}, '>', 0.9 * $operations, 'so many operations');
cmp_ok($n->{evicted}, '>', $operations / 200, 'evictions among them');
cmp_ok(backend_memory($session) - $used, '<', 512 * 1024, 'the backend holds no more memory than before');
$session->quit;
clear();
is(counters()->{used}, 0, 'cleared, it is empty');
is(counters()->{replies}, 0, 'of all');
my $third = fill(1, 2000);
is("$third->{replies} $third->{used}", "$full->{replies} $full->{used}", 'and it takes as much as at first');

# Replies in the making stay while others come and go. Analytics do not need the
# table that is locked.
{
	my ($lock, $flood, @builders) = map { open_session($node, 'postgres') } 1 .. 5;

	$lock->query('BEGIN; LOCK TABLE vvault.video_regions IN ACCESS EXCLUSIVE MODE');
	for my $i (0 .. $#builders)
	{
		$builders[$i]->send("SELECT vvault_trending('PL', " . (7000 + $i) . ')');
	}
	$node->poll_query_until('postgres', q(SELECT count(*) = 3 FROM pg_stat_activity WHERE wait_event_type = 'Lock')) or die;
	$before = counters();
	for my $round (1 .. 3)
	{
		is(($flood->query(q(SELECT count(vvault_analytics(n)) FROM generate_series(1, 366) n)))[0], 366, 'while some are made, others fill the cache');
	}
	cmp_ok(difference($before)->{evicted}, '>', 200, 'and push each other out');
	$lock->query('COMMIT');
	is(join('', map { ($_->wait())[0] =~ /^\{"region":"PL".*\}$/ ? 'right ' : 'wrong ' } @builders), 'right right right ', 'those that were made are right');
	is(($flood->query(q(SELECT bool_and(test.cached(c) = test.computed(c)) FROM (
			SELECT format('vvault_analytics(%s)', n) FROM generate_series(1, 366) n
			UNION ALL SELECT format('vvault_trending(''PL'', %s)', 7000 + n) FROM generate_series(0, 2) n) x (c))))[0],
		't', 'so are all others');
	$_->quit for $lock, $flood, @builders;
	clear();
	is(join(' ', @{ counters() }{qw(replies used)}), '0 0', 'cleared, the cache is empty');
}

# ---------------------------------------------------------------------------
# What is hot stays
# ---------------------------------------------------------------------------

# The hit ratio of LRU with room for so many.
sub lru
{
	my ($room, @trace) = @_;
	my (%at, @order, $hits);
	my $oldest = 0;

	# @order has a place for each access; a key's newest one counts
	for my $key (@trace)
	{
		if (defined $at{$key})
		{
			$hits++;
		}
		elsif (keys %at == $room)
		{
			$oldest++ until defined $at{ $order[$oldest] } && $at{ $order[$oldest] } == $oldest;
			delete $at{ $order[ $oldest++ ] };
		}
		push @order, $key;
		$at{$key} = $#order;
	}
	return $hits / @trace;
}

# Keys by Zipf's law: the n-th is asked for 1/n**s as often as the first.
sub zipf
{
	my ($n, $s, $length) = @_;
	my ($sum, @sums) = (0);
	my @trace;

	push @sums, $sum += 1 / $_**$s for 1 .. $n;
	for (1 .. $length)
	{
		my $x = rand($sum);
		my ($low, $high) = (0, $#sums);

		while ($low < $high)
		{
			my $middle = int(($low + $high) / 2);

			if ($sums[$middle] < $x) { $low = $middle + 1 }
			else { $high = $middle }
		}
		push @trace, $low + 1;
	}
	return @trace;
}

# Replays a trace; the hit ratio may be worse than LRU's by no more than this.
sub replay
{
	my ($label, $worse, @trace) = @_;
	my $file = "$dir/trace";

	clear();
	unlink $file;
	append_to_file($file, join('', map { "$_\n" } @trace));
	run_script($node, 'postgres', script("CREATE TABLE IF NOT EXISTS trace (id integer GENERATED ALWAYS AS IDENTITY, key integer);",
			'TRUNCATE trace RESTART IDENTITY;', "\\copy trace (key) from '$file'"));
	my $from = counters();

	$node->safe_psql('postgres', <<'SQL');
DO $$
DECLARE
	k integer;
BEGIN
	FOR k IN SELECT key FROM trace ORDER BY id LOOP
		PERFORM vvault_trending('PL', k);
	END LOOP;
END
$$
SQL
	my $d = difference($from);
	my $ours = $d->{hits} / @trace;
	my $theirs = lru($full->{replies}, @trace);

	is($d->{hits} + $d->{misses}, @trace, "$label: all were hits or misses");
	diag(sprintf('%s: hit ratio %.3f, LRU with as much room %.3f', $label, $ours, $theirs));
	cmp_ok($ours, '>=', $theirs - $worse, "$label: no worse than LRU" . ($worse > 0.01 ? ' by much' : ''));
	return ($ours, $theirs);
}

sub script
{
	my $file = "$dir/script";

	unlink $file;
	append_to_file($file, join("\n", @_) . "\n");
	return $file;
}

srand(7);
replay('Zipf 1.0', 0.01, zipf(3000, 1.0, 12000));
replay('Zipf 0.7', 0.01, zipf(3000, 0.7, 8000));
replay('what is hot changes', 0.05, zipf(3000, 1.0, 6000), map { 10_000 + $_ } zipf(3000, 1.0, 6000));
my $next = 100_000;
# visitors, and a crawler that asks for each page once
my ($ours, $theirs) = replay('Zipf 1.0 beside a crawler', 0.01, map { ($_, $next++) } zipf(1000, 1.0, 6000));
cmp_ok($ours, '>', $theirs, 'better than LRU: what is read once leaves first');

# ---------------------------------------------------------------------------
# Sizes, from none to many shards
# ---------------------------------------------------------------------------

for my $setting ('0', '16kB', '64kB', '192kB', '5MB', '40MB')
{
	$node->adjust_conf('postgresql.conf', 'vvault.cache_size', "'$setting'");
	$node->restart;
	if ($setting eq '0' || $setting eq '16kB')
	{
		is($node->safe_psql('postgres', q(SELECT vvault_health() ->> 'cache' IS NULL)), 't', "vvault.cache_size = $setting: there is no cache");
		is($node->safe_psql('postgres', q(SELECT test.x_cache('vvault_trending(''PL'', 3)') || test.x_cache('vvault_trending(''PL'', 3)'))), 'BYPASSBYPASS',
			'replies are computed');
		for my $function ('cache_stats', 'cache_clear', 'cache_warm')
		{
			my (undef, undef, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT vvault_$function()");

			like($stderr, qr/55000: +reply cache of vvault is not available/, "vvault_$function() says that there is none");
			like($stderr, qr/HINT: +Set vvault.cache_size/, 'and why');
		}
		next;
	}
	my $c = counters();
	my $bytes = $node->safe_psql('postgres', "SELECT pg_size_bytes('$setting')");

	cmp_ok($c->{size}, '<=', $bytes, "vvault.cache_size = $setting: it is no larger");
	cmp_ok($c->{size}, '>=', 0.5 * $bytes, 'nor much smaller');
	$c = fill(1, 1500);
	cmp_ok($c->{used}, '<=', $c->{size}, 'it fills');
	is($c->{replies} + $c->{evicted}, 1500, 'to its end');
	is($node->safe_psql('postgres', 'SELECT bool_and(test.cached(c) = test.computed(c)) FROM (SELECT format($$vvault_trending(%L, %s)$$, $$PL$$, n) FROM generate_series(1, 1500, 20) n) x (c)'),
		't', 'all are right');
	$c = counters();
	is(clear(), $c->{replies}, 'and it can be cleared');
}
$node->stop;

# without preloading there is one from 17 on
my $plain = new_node('plain', preload => 0);
$plain->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
cache_functions($plain, 'postgres');
if ($plain->safe_psql('postgres', 'SHOW server_version_num') >= 170000)
{
	is($plain->safe_psql('postgres', q(SELECT test.x_cache('vvault_regions()'))), 'MISS', 'without preloading the first call makes a cache');
	is($plain->safe_psql('postgres', q(SELECT test.x_cache('vvault_regions()'))), 'HIT', 'that another session finds');
	is($plain->safe_psql('postgres', q(SELECT vvault_cache_warm() > 0)), 't', 'it can be warmed');
	is($plain->safe_psql('postgres', q(SELECT count(*) > 5 FROM vvault_cache_stats() WHERE fresh)), 't', 'looked at');
	is($plain->safe_psql('postgres', q(SELECT vvault_cache_clear() > 5)), 't', 'and cleared');
	cmp_ok(cache_counters($plain, 'postgres')->{size}, '<=', 16 * 1024 * 1024, 'it is no larger than 16 MB');
	# many sessions attach at once
	$plain->restart;
	my @many = map { open_session($plain, 'postgres') } 1 .. 12;
	$_->send(q(SELECT length(vvault_trending('PL')::text) > 0)) for @many;
	is(join('', map { ($_->wait())[0] } @many), 't' x 12, 'many sessions come first at once');
	is(cache_counters($plain, 'postgres')->{published}, 1, 'and share one cache');
	$_->quit for @many;
}
else
{
	my (undef, undef, $stderr) = $plain->psql('postgres', "\\set VERBOSITY verbose\nSELECT * FROM vvault_cache_stats()");

	like($stderr, qr/55000: .*HINT: +Add vvault to shared_preload_libraries/s, 'without preloading there is none, and the hint says how to have it');
	is($plain->safe_psql('postgres', q(SELECT test.x_cache('vvault_regions()') || coalesce(vvault_health() ->> 'cache', ' none'))), 'BYPASS none', 'replies are computed');
	is($plain->safe_psql('postgres', q(SET vvault.cache = on; SELECT test.x_cache('vvault_regions()'))), 'BYPASS', 'whatever is set');
}
$plain->stop;
done_testing();
