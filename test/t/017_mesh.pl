#
# 017_mesh.pl
#		A mesh of three primaries, each of which writes its own regions: what one
#		of them has, all have in the end, and each reply is at every moment the
#		one that its node's snapshot computes. A node is killed and comes back,
#		a region moves, a node leaves and joins again; what is restored from a
#		node's dump is no node.
#
# VVAULT_MESH_READS=n compares so many replies with what is computed, 3000 if
# nothing is said; VVAULT_MESH_KILLS=n kills a node so often meanwhile, once if
# nothing is said; VVAULT_SEED=n repeats a run.
#
# make check: early
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use VVaultTest;

my $reads = $ENV{VVAULT_MESH_READS} // 3000;
my $kills = $ENV{VVAULT_MESH_KILLS} // 1;
my $seed = $ENV{VVAULT_SEED} // 20260117;
srand($seed);
diag("VVAULT_SEED=$seed VVAULT_MESH_READS=$reads VVAULT_MESH_KILLS=$kills");

my @names = qw(one two three);
my %home = (one => [qw(US PL AT)], two => [qw(SE NO)], three => [qw(GB NL)]);
my $conf = <<'EOC';
wal_retrieve_retry_interval = 200ms
wal_receiver_status_interval = 1s
max_logical_replication_workers = 8
EOC
my %node = map { $_ => new_node($_, allows_streaming => 'logical', conf => $conf) } @names;

# Charts of 12 videos, shared by all regions, whose figures grow with the number;
# and what reads them.
my @calls = (
	(map { my $region = $_; map { "vvault_trending('$region', 7, '$_')" } 'views', 'newest', 'trending', 'momentum' } qw(US PL SE GB)),
	"vvault_trending('PL', 20, per_channel => 2)", "vvault_trending('SE', 9, as_of => '2026-01-06 00:00Z')",
	(map { "vvault_video('v$_')" } 1, 5, 9), "vvault_search('title')", "vvault_related('v3')",
	'vvault_regions()', "vvault_analytics(9)", "vvault_insights('SE')", "vvault_trending_explain('v1', 'PL')");
my $values = join(', ', map { "(\$call\$$_\$call\$)" } @calls);
my $setup = <<"SQL";
CREATE TABLE test.calls (id integer GENERATED ALWAYS AS IDENTITY, call text);
INSERT INTO test.calls (call) VALUES $values;
CREATE FUNCTION test.chart(n integer) RETURNS json LANGUAGE sql AS \$\$
	SELECT json_build_object('kind', 'youtube#videoListResponse',
		'items', json_agg(json_build_object('id', 'v' || (n * 5 + i) % 23,
			'snippet', json_build_object('title', 'Title ' || (n * 5 + i) % 23 || ' ' || n % 3, 'channelId', 'c' || i % 3,
				'channelTitle', 'Channel ' || i % 3, 'categoryId', (10 + i % 2)::text,
				'publishedAt', '2026-01-01T00:00:00Z', 'tags', json_build_array('a', 'b')),
			'statistics', json_build_object('viewCount', (1000 * n * i)::text, 'likeCount', (10 * n)::text,
				'commentCount', i::text)) ORDER BY i),
		'pageInfo', json_build_object('totalResults', 12))
	FROM generate_series(1, 12) i
\$\$;
-- the n-th chart of a region, one every three hours
CREATE FUNCTION test.take_in(region text, n integer) RETURNS json LANGUAGE sql AS \$\$
	SELECT vvault_ingest(region, test.chart(n), '2026-01-04 00:00Z'::timestamptz + n * interval '3 hours')
\$\$;
-- reads so often, each time in one snapshot with what is computed
CREATE FUNCTION test.look(times integer) RETURNS text LANGUAGE plpgsql VOLATILE AS \$\$
DECLARE
	wrong text;
	c text;
BEGIN
	FOR i IN 1 .. times LOOP
		SELECT k.call INTO c FROM test.calls k WHERE k.id = 1 + i % @{[ scalar @calls ]};
		SELECT concat_ws(E'\\n', wrong, c, 'has ' || x.cached, 'not ' || x.computed) INTO wrong
		FROM (SELECT test.cached(c) AS cached, test.computed(c) AS computed) x
		WHERE x.cached IS DISTINCT FROM x.computed;
	END LOOP;
	RETURN coalesce(wrong, 'right');
END
\$\$;
SQL

for my $name (@names)
{
	$node{$name}->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
	cache_functions($node{$name}, 'postgres');
	$node{$name}->safe_psql('postgres', $setup);
}

# The output of a statement, or its error with SQLSTATE and hint.
sub outcome
{
	my ($name, $sql, @options) = @_;
	my ($rc, $out, $err) = $node{$name}->psql('postgres', $sql, extra_params => [ '-v', 'VERBOSITY=verbose', @options ]);

	return $err eq '' ? $out : $err;
}

sub conninfo
{
	my ($name) = @_;

	return $node{$name}->connstr('postgres') =~ s/'/''/gr;
}

sub joining
{
	my ($other) = @_;

	return "SELECT vvault_mesh_join('$other', conninfo => '@{[ conninfo($other) ]}')";
}

# Joins a node; as long as the copy of another one has not told its regions, again.
sub join_node
{
	my ($name, $other) = @_;
	my $said = '';

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		$said = outcome($name, joining($other));
		return if $said !~ /ERROR/;
		die $said if $said !~ /55000: *node "\w+" has not told its regions yet/;
		usleep(100_000);
	}
	die $said;
}

sub join_all
{
	my ($name) = @_;

	join_node($name, $_) for grep { $_ ne $name } @names;
	return;
}

# A copy brings videos before it tells whose they are: they are not to be dropped.
sub join_while_untold
{
	my ($name, $first, $second) = @_;
	my ($joins, $holds) = map { open_session($node{$name}, 'postgres') } 1 .. 2;

	# who waits for the table has it before those who copy
	$joins->query("BEGIN;\n" . joining($first));
	$holds->send('BEGIN; LOCK TABLE vvault.mesh_says IN SHARE MODE');
	wait_until($node{$name}, 'postgres', q(SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'vvault.mesh_says'::regclass AND NOT granted))) or die;
	$joins->query('COMMIT');
	$holds->wait;
	wait_until($node{$name}, 'postgres', 'SELECT EXISTS (SELECT FROM vvault.videos)') or die;
	like(outcome($name, joining($second)), qr/55000: *node "$first" has not told its regions yet\n.*HINT: .*Try again/s, 'no node is joined while another one has not told its regions');
	$holds->query('COMMIT');
	$_->quit for $joins, $holds;
	join_node($name, $second);
	return;
}

# ---------------------------------------------------------------------------
# Joining
# ---------------------------------------------------------------------------

is(outcome('one', 'SELECT count(*) FROM vvault_mesh_status()'), '0', 'there is no mesh at first');
is(outcome('one', 'SELECT vvault_mesh_leave()'), 'f', 'and nothing to leave');
like(outcome('one', "SELECT vvault_mesh_join('Node 1')"), qr/22023: *invalid node/, 'a name has its form');
like(outcome('one', "SELECT vvault_mesh_join('one', '{pl}')"), qr/22023: *invalid regions/, 'so have regions');
like(outcome('one', "SELECT vvault_mesh_join('two', conninfo => 'host=x')"), qr/22023: *a node needs no connection/, 'a node first names itself');

# what was there before the mesh
$node{one}->safe_psql('postgres', "SELECT test.take_in(r, n) FROM unnest('{US,PL}'::text[]) r, generate_series(1, 6) n");
$node{one}->safe_psql('postgres', "SELECT test.take_in('SE', 1)");
$node{two}->safe_psql('postgres', "SELECT test.take_in('SE', n) FROM generate_series(1, 9) n; SELECT vvault_prune('2026-01-05 00:00Z')");

is($node{one}->safe_psql('postgres', "SELECT vvault_mesh_join('one', '{US,PL,AT}')"),
	'{"node" : "one", "regions" : ["AT", "PL", "US"], "given" : {}, "nodes" : ["one"]}', 'the first node');
like(outcome('one', "SELECT vvault_mesh_join('two', conninfo => '@{[ conninfo('two') ]}')"),
	qr/55000: *there are rows of regions that live on no node: SE\n.*mesh_forget/s, 'what a copy would meet has to go first');
is($node{one}->safe_psql('postgres', "SELECT vvault.mesh_forget('{SE}')"), '12', 'and goes');
like(outcome('one', "SELECT vvault_mesh_join('two', conninfo => '@{[ conninfo('two') ]}')"),
	qr/55000: *node "two" does not publish/, 'the other one has to be a node');
my $secret = outcome('one', q(SELECT vvault_mesh_join('two', conninfo => 'host=/nowhere password=verysecret dbname')));
like($secret, qr/42601/, 'a connection that is none is refused');
# a call that fails is logged as it came, and that alone
unlike($secret . slurp_file($node{one}->logfile) =~ s/STATEMENT:.*//gr, qr/verysecret/, 'and no message has its password');

$node{$_}->safe_psql('postgres', "SELECT vvault_mesh_join('$_', '{@{[ join ',', @{ $home{$_} } ]}}')") for qw(two three);
# the catalog changes all the while, which the making of a slot meets
my @changing = map { start_client($node{$_}, 'postgres', "changing_$_", "CREATE TABLE changing ();\nDROP TABLE changing;\n" x 5000) } @names;
join_all($_) for qw(one two);
join_while_untold(qw(three one two));
stop_client($_) for @changing;

sub all_follow
{
	my (@some) = @_;

	for my $name (@some)
	{
		wait_until($node{$name}, 'postgres',
			"SELECT count(*) = @{[ @some - 1 ]} FROM vvault_mesh_status() WHERE state = 'following' AND reads")
		  or die "$name does not follow:\n" . outcome($name, 'SELECT * FROM vvault_mesh_status()');
	}
	return;
}
all_follow(@names);
pass('every node follows the others');

# All that was committed on a node so far has come to those that read from it.
sub arrived
{
	for my $name (@_)
	{
		my $lsn = $node{$name}->lsn('insert');

		wait_until($node{$name}, 'postgres', "SELECT bool_and(confirmed_flush_lsn >= '$lsn') FROM pg_replication_slots")
		  or die "not all of $name arrives:\n" . outcome($name, 'SELECT * FROM vvault_mesh_status()');
	}
	return;
}

my $contents = <<'EOQ';
SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM vvault.%I t', t, t)
FROM unnest(vvault.mesh_tables() || '{video_regions,mesh_homes}'::text[]) t
\gexec
EOQ
my $on_closed_days = <<'EOQ';
SELECT s.region, vvault.utc_day(s.fetched_at), count(*) FROM vvault.snapshots s
WHERE (s.region, vvault.utc_day(s.fetched_at)) IN (SELECT d.region, d.day FROM vvault.daily_stats d WHERE d.closed)
GROUP BY 1, 2 ORDER BY 1, 2
EOQ
my $replies = join('', map { "SELECT test.computed(\$call\$$_\$call\$);\n" } @calls);

sub all_equal
{
	my ($label, @some) = @_;

	arrived(@some) for 1 .. 2;    # what was heard is answered
	# when a feed changed is each node's own
	my @replies = within_step(sub { map { $node{$_}->safe_psql('postgres', $replies) =~ s/"updated_at": ?"[^"]*"//gr } @some });
	for my $i (0 .. $#some)
	{
		is_consistent($node{ $some[$i] }, 'postgres', "$label: node $some[$i]");
		is($node{ $some[$i] }->safe_psql('postgres', $on_closed_days), '', "$label: node $some[$i] has no snapshots on closed days");
		next if $i == 0;
		is($node{ $some[$i] }->safe_psql('postgres', $contents), $node{ $some[0] }->safe_psql('postgres', $contents), "$label: $some[$i] has what $some[0] has");
		same_lines($replies[$i], $replies[0], "$label: and replies as it does");
	}
	return;
}
all_equal('after the first copy', @names);

# ---------------------------------------------------------------------------
# What is refused
# ---------------------------------------------------------------------------

like(outcome('two', "SELECT test.take_in('PL', 30)"), qr/55000: *region "PL" lives on node "one"\n.*HINT: .*"one"/s, 'a chart goes to its region\'s home');
like(outcome('two', "SELECT test.take_in('AT', 30)"), qr/55000: *region "AT" lives on node "one"/, 'also the first one');
like(outcome('one', "INSERT INTO vvault.videos (region, video_id) VALUES ('US', 'x'), ('SE', 'x')"),
	qr/55000: *region "SE" lives on node "two"/, 'and so do rows');
like(outcome('one', $_), qr/55000/, "$_ too") for 'UPDATE vvault.videos SET views = 1', 'DELETE FROM vvault.snapshots';
like(outcome('one', "TRUNCATE vvault.$_"), qr/55000: *cannot truncate/, "no TRUNCATE of $_") for qw(videos snapshots daily_stats);
is(outcome($_, 'SELECT count(*) FROM pg_publication WHERE pubtruncate'), '0', "and $_ would not send it") for @names;
like(outcome('three', "SELECT vvault_mesh_join('three', '{PL}')"), qr/55000: *region "PL" lives on node "one"/, 'no region is taken from a node that lives');
like(outcome('three', "SELECT vvault_mesh_join('one', '{PL}')"), qr/55000: *region "PL" lives on node "one"/, 'nor given by another one');

$node{one}->safe_psql('postgres', <<'EOQ');
CREATE ROLE fetcher LOGIN;
SELECT vvault_grant('fetcher', 'writer');
EOQ
like(outcome('one', "SELECT vvault_mesh_join('one', '{DK}')", '-U', 'fetcher'), qr/42501/, 'a writer changes no mesh');
like(outcome('one', 'SELECT vvault_mesh_leave()', '-U', 'fetcher'), qr/42501/, 'nor leaves it');
is(outcome('one', 'SELECT count(*) FROM vvault_mesh_status()', '-U', 'fetcher'), '3', 'but sees how it stands');
like(outcome('one', 'SELECT subconninfo FROM pg_subscription', '-U', 'fetcher'), qr/42501/, 'and not how nodes connect');

# Settings and blocks are each node's own: a block takes down what lives there.
$node{$_}->safe_psql('postgres', "SELECT vvault_block('v7'), vvault_set('viral_threshold', '40')") for @names;
all_equal('a block and a setting on each node', @names);
is($node{three}->safe_psql('postgres', "SELECT count(*) FROM vvault.videos WHERE video_id = 'v7'"), '0', 'a blocked video is gone from every region');

# ---------------------------------------------------------------------------
# Random writes on every node, and readers
# ---------------------------------------------------------------------------

sub pick { return $_[ int(rand(scalar @_)) ] }

my %charts = map { $_ => 10 } map { @$_ } values %home;    # the next of each region
my %accepted;

sub some_write
{
	my ($name) = @_;
	my $region = pick(@{ $home{$name} });
	my ($v, $w) = map { "'v" . int(rand(26)) . "'" } 1 .. 2;

	return pick(
		(sub { $charts{$region}++; $accepted{$region}++; return "SELECT test.take_in('$region', $charts{$region}) IS NULL" }) x 4,
		sub { return "INSERT INTO vvault.videos (region, video_id, title, views) VALUES ('$region', $v, 'title by hand', @{[ int(rand(1e6)) ]}) ON CONFLICT (region, video_id) DO UPDATE SET views = EXCLUDED.views, fetched_at = EXCLUDED.fetched_at" },
		sub { return "DELETE FROM vvault.videos WHERE region = '$region' AND video_id IN ($v, $w)" },
		sub { return "BEGIN; UPDATE vvault.videos SET video_id = video_id || 'x', title = 'renamed' WHERE region = '$region' AND video_id = $v AND NOT EXISTS (SELECT FROM vvault.videos o WHERE o.region = '$region' AND o.video_id = $v || 'x'); SELECT vvault_rebuild() < 0; COMMIT" },
		sub { return "BEGIN; UPDATE vvault.snapshots SET virality_score = @{[ int(rand(100)) ]} WHERE region = '$region' AND video_id = $v; SELECT vvault_rebuild() < 0; COMMIT" },
		sub { return "BEGIN; DELETE FROM vvault.snapshots WHERE region = '$region' AND video_id = $v AND fetched_at > '2026-01-06'; SELECT vvault_rebuild() < 0; COMMIT" },
		sub { return "BEGIN; UPDATE vvault.videos SET title = 'never' WHERE region = '$region'; SAVEPOINT s; DELETE FROM vvault.videos WHERE region = '$region'; ROLLBACK TO s; ROLLBACK" },
		sub { return "SELECT vvault_prune('2026-01-0@{[ 5 + int(rand(2)) ]} 00:00Z')" },
		sub { return "SELECT vvault_refresh(test.chart(@{[ int(rand(9)) ]}), fetched_at => '2026-02-01 00:00Z'::timestamptz + @{[ int(rand(1e5)) ]} * interval '1 second') IS NULL" },
		sub { return "SELECT (vvault_remove_chart('$region', (SELECT max(fetched_at) FROM vvault.charts WHERE region = '$region')) IS NULL)" },
	)->();
}

# Who writes on a node, and who reads there.
my (%writer, %reader);

sub open_sessions
{
	my ($name) = @_;

	$writer{$name} = open_session($node{$name}, 'postgres');
	$reader{$name} = [ map { open_session($node{$name}, 'postgres') } 1 .. 2 ];
	return;
}

sub quit_sessions
{
	my ($name) = @_;

	$_->quit for $writer{$name}, @{ $reader{$name} };
	return;
}
open_sessions($_) for @names;

# One round: a write on each of some nodes, and a look at each of others beside it.
# One of them may be killed in the midst of it; it is back at the end.
my %seen_errors;
my $wrong = '';
my $done = 0;

sub one_round
{
	my ($times, $writers, $readers, $victim) = @_;
	my $dies_in = 1 + int(rand(3));
	my $dead = '';

	for my $name (@$readers)
	{
		$_->send("SELECT test.look($times)") for @{ $reader{$name} };
	}
	for my $pass (1 .. 3)
	{
		my @alive = grep { $_ ne $dead } @$writers;

		$writer{$_}->send(some_write($_)) for @alive;
		if (defined $victim && $pass == $dies_in)
		{
			usleep(int(rand(30_000)));
			$node{$victim}->stop('immediate');
			$dead = $victim;
		}
		for my $name (grep { $_ ne $dead } @alive)
		{
			my ($out, $err) = $writer{$name}->wait();

			next if $err eq '';
			# to be tried again, and not there to be taken back
			$err =~ /40P01|40001|22023/ ? $seen_errors{$&}++ : ($wrong .= "$name: $err\n");
		}
	}
	for my $session (map { @{ $reader{$_} } } grep { $_ ne $dead } @$readers)
	{
		my ($out, $err) = $session->wait();

		$wrong .= "$out$err\n" unless $out eq 'right';
		$done += $times;
	}
	return if $dead eq '';
	quit_sessions($dead);
	$node{$dead}->start;
	open_sessions($dead);
	return;
}

my $killed = 0;
while ($done < $reads || $killed < $kills)
{
	my $is_time = $done >= ($killed + 1) * $reads / ($kills + 1);

	one_round(25, \@names, \@names, $is_time ? pick(@names) : undef);
	$killed++ if $is_time;
}
is($wrong, '', "each of $done replies is what its snapshot computes, while every node writes and $killed times one is killed");
all_follow(@names);
note('errors to be tried again: ', join(' ', map { "$_: $seen_errors{$_}" } sort keys %seen_errors)) if %seen_errors;
all_equal('after random writes', @names);
my %counters = map { $_ => cache_counters($node{$_}, 'postgres') } @names;
cmp_ok($counters{$_}{hits}, '>', 0, "node $_: replies came out of the cache") for @names;

# A tag changes with the transaction that comes, not before and not after.
my $watch = open_session($node{three}, 'postgres');
my $state = q(SELECT (SELECT md5(string_agg(version::text, ' ' ORDER BY written_by)) FROM vvault.feed_versions WHERE region = 'PL'),
	(SELECT count(*) FROM vvault.snapshots WHERE region = 'PL'), (SELECT count(*) FROM vvault.ingests WHERE region = 'PL'));
my ($before) = $watch->query($state);
$node{one}->safe_psql('postgres', "SELECT test.take_in('PL', " . ++$charts{PL} . ')');
arrived('one');
my ($after) = $watch->query($state);
my ($tag, $snapshots, $ingests) = split /\|/, $before;
isnt((split /\|/, $after)[0], $tag, 'what has come has a new tag');
like($after, qr/\|@{[ $ingests + 1 ]}$/, 'the log says that there is a chart');
cmp_ok((split /\|/, $after)[1], '>', $snapshots, 'and it is there');
$watch->quit;

# ---------------------------------------------------------------------------
# A node dies and returns
# ---------------------------------------------------------------------------

# What does not follow is tried again several times a second, and never shows as
# following meanwhile.
sub is_steadily_down
{
	my ($name, $other, $label) = @_;
	my $of = "FROM vvault_mesh_status() WHERE node = '$other'";
	my %seen;

	ok(wait_until($node{$name}, 'postgres', "SELECT state = 'down' $of"), "$label is down");
	$seen{$_}++ for split /\n/, $node{$name}->safe_psql('postgres', "SELECT state $of;\nDO 'BEGIN PERFORM pg_sleep(0.01); END';\n" x 200);
	is_deeply([ keys %seen ], ['down'], 'and stays so');
	return;
}

quit_sessions('three');
$node{three}->stop('immediate');
one_round(10, [qw(one two)], [qw(one two)]) for 1 .. 5;
is($wrong, '', 'the others go on without it');
is_steadily_down('one', 'three', 'a node that is not there');
ok(wait_until($node{one}, 'postgres', "SELECT NOT reads FROM vvault_mesh_status() WHERE node = 'three'"), 'and it reads no more');
$node{three}->start;
open_sessions('three');
one_round(10, \@names, \@names) for 1 .. 3;
is($wrong, '', 'it is back');
all_follow(@names);
all_equal('after a node died and returned', @names);

# What cannot be written there does not come, and comes later.
$node{two}->safe_psql('postgres', "ALTER TABLE vvault.ingests ADD CONSTRAINT never CHECK (region <> 'US') NOT VALID");
$node{one}->safe_psql('postgres', "SELECT test.take_in('US', " . ++$charts{US} . ')');
is_steadily_down('two', 'one', 'a node whose rows meet an error');
$node{two}->safe_psql('postgres', 'ALTER TABLE vvault.ingests DROP CONSTRAINT never');
all_follow(@names);
all_equal('after an error', @names);

# ---------------------------------------------------------------------------
# A region moves while charts come in
# ---------------------------------------------------------------------------

# A fetcher that goes where it is told to, until its chart is taken.
my %taken;
my $at = 'one';

sub fetch
{
	my ($n) = @_;

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my ($out, $err) = $writer{$at}->query("SELECT test.take_in('PL', $n) ->> 'fetched_at'");

		return $taken{$out} = 1 if $err eq '';
		die $err if $err !~ /55000/;
		my ($home) = outcome($at, "SELECT test.take_in('PL', $n)") =~ /HINT: .*on node "(\w+)"/;
		$at = $home // die 'no home is named';
		usleep(50_000);
	}
	die 'no node takes the chart';
}

my $latest = $charts{PL};
fetch(++$latest) for 1 .. 3;
is( $node{one}->safe_psql('postgres', "SELECT vvault_mesh_join('two', '{PL}')"),
	'{"node" : "one", "regions" : ["AT", "US"], "given" : { "PL" : "two" }, "nodes" : ["one", "three", "two"]}',
	'a region is given away');
like(outcome('one', "SELECT test.take_in('PL', $latest + 1)"), qr/55000: *region "PL" is on its way from node "one" to node "two"\n.*HINT: .*"two"/s, 'it is written no more');
like(outcome('three', "SELECT vvault_mesh_join('three', '{PL}')"), qr/55000/, 'and is for nobody else');
wait_until($node{two}, 'postgres', "SELECT 'PL to two' = ANY (given) FROM vvault_mesh_status() WHERE node = 'one'") or die;
# three has not heard of it while it does not follow
my $taking = "SELECT vvault_mesh_join('two', '{PL}')";
for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
{
	last if outcome('two', $taking) !~ /55000: *region "PL" has not arrived everywhere/;
	usleep(100_000);
}
is($node{two}->safe_psql('postgres', "SELECT regions FROM vvault_mesh_status() WHERE is_self"), '{NO,PL,SE}', 'when it has arrived everywhere, it is taken');
fetch(++$latest) for 4 .. 8;
$charts{PL} = $latest;
is($at, 'two', 'charts go to its new home');
$home{one} = [qw(US AT)];
$home{two} = [qw(SE NO PL)];
all_equal('after a region has moved', @names);
my $instants = join ', ', map { "'$_'" } sort keys %taken;
is( $node{$_}->safe_psql('postgres', "SELECT count(*) FROM vvault.charts WHERE region = 'PL' AND fetched_at IN ($instants)"),
	'8',
	"no chart is lost on $_")
  for @names;
is(scalar(keys %taken), 8, 'of those that were taken');
one_round(10, \@names, \@names) for 1 .. 4;
is($wrong, '', 'replies stay right');
all_equal('after it is written there', @names);

# A giver waits for whom it must: nobody takes what three has not seen.
quit_sessions('three');
$node{three}->stop('immediate');
$node{two}->safe_psql('postgres', "SELECT vvault_mesh_join('one', '{PL}')");
wait_until($node{one}, 'postgres', "SELECT 'PL to one' = ANY (given) FROM vvault_mesh_status() WHERE node = 'two'") or die;
like(outcome('one', "SELECT vvault_mesh_join('one', '{PL}')"), qr/55000: *region "PL" has not arrived everywhere: not yet on three/, 'a node that is down has not seen it');

# ---------------------------------------------------------------------------
# A node leaves for good, another takes its regions, and it joins again
# ---------------------------------------------------------------------------

is($node{$_}->safe_psql('postgres', "SELECT vvault_mesh_leave('three')"), 't', "$_ parts from three") for qw(one two);
is($node{one}->safe_psql('postgres', "SELECT count(*) FROM pg_replication_slots"), '1', 'which needs no log any more');
$node{one}->safe_psql('postgres', "SELECT vvault_mesh_join('one', '{PL}')");
like(outcome('one', "SELECT test.take_in('GB', 50)"), qr/55000: *region "GB" lives on no node/, 'its regions live nowhere');
$node{one}->safe_psql('postgres', "SELECT vvault_mesh_join('one', '{GB}')");
wait_until($node{two}, 'postgres', "SELECT EXISTS (SELECT FROM vvault.mesh_homes WHERE region = 'GB' AND node = 'one')") or die;
$node{two}->safe_psql('postgres', "SELECT vvault_mesh_join('two', '{NL}')");
$node{one}->safe_psql('postgres', "SELECT test.take_in('GB', 50), test.take_in('PL', 120)");
$node{two}->safe_psql('postgres', "SELECT test.take_in('NL', 50)");
all_equal('two nodes are left', qw(one two));

$node{three}->start;
is($node{three}->safe_psql('postgres', 'SELECT vvault_mesh_leave()'), 't', 'the third one leaves as well');
is($node{three}->safe_psql('postgres', 'SELECT count(*) FROM vvault_mesh_status()'), '0', 'and is no node');
is($node{three}->safe_psql('postgres', "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'mesh%' OR tgname LIKE '%written_here%'"), '0', 'with no trigger of one');
is($node{three}->safe_psql('postgres', "SELECT test.take_in('SE', 60) ->> 'region'"), 'SE', 'it writes what it likes');
$node{three}->safe_psql('postgres', "SELECT vvault.mesh_forget(array_agg(DISTINCT region)) FROM vvault.videos; SELECT vvault.mesh_forget('{US,PL,AT,SE,NO,GB,NL}')");
is_consistent($node{three}, 'postgres', 'it has forgotten all');
$node{three}->safe_psql('postgres', "SELECT vvault_mesh_join('three', '{DK}')");
$node{$_}->safe_psql('postgres', "SELECT vvault_mesh_join('three', conninfo => '@{[ conninfo('three') ]}')") for qw(one two);
join_all('three');
all_follow(@names);
$node{three}->safe_psql('postgres', "INSERT INTO vvault.videos (region, video_id) VALUES ('DK', 'v1')");
all_equal('joined again', @names);

# ---------------------------------------------------------------------------
# A dump does nothing by itself
# ---------------------------------------------------------------------------

my $dir = PostgreSQL::Test::Utils::tempdir();
$node{one}->safe_psql('postgres', 'CREATE DATABASE restored');
$node{one}->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/one.dump", $node{one}->connstr('postgres') ], 'a node is dumped');
$node{one}->command_ok([ 'pg_restore', '-d', $node{one}->connstr('restored'), "$dir/one.dump" ], 'and restored');
is($node{one}->safe_psql('restored', 'SELECT count(*) FROM vvault_mesh_status()'), '0', 'what is restored is no node');
is($node{one}->safe_psql('restored', "SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = 'restored' AND s.subenabled"),
	'0', 'nothing connects');
is($node{one}->safe_psql('restored', "SELECT vvault_ingest('SE', '{\"kind\": \"youtube#videoListResponse\", \"items\": []}') ->> 'accepted'"), '0', 'every region is its own');
is_consistent($node{one}, 'restored', 'restored');
is($node{one}->safe_psql('restored', 'SELECT vvault_mesh_leave()'), 'f', 'what the dump had of subscriptions can be dropped');
is($node{one}->safe_psql('restored', "SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = 'restored'"), '0', 'and is');
$node{two}->safe_psql('postgres', "SELECT test.take_in('SE', 70)");
all_equal('the node that was dumped goes on', @names);

quit_sessions($_) for qw(one two);
$node{$_}->stop for @names;
done_testing();
