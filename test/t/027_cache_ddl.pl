#
# 027_cache_ddl.pl
#		What PostgreSQL does not keep apart for older snapshots, and what changes
#		while a reply is computed, gets into no reply of others.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $node = new_node('ddl');
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vvault CASCADE;
CREATE ROLE site LOGIN;
SELECT vvault_grant('site', 'reader');
INSERT INTO vvault.videos (region, video_id, title, views) SELECT 'PL', 'v' || n, 'title ' || n, n FROM generate_series(1, 3) n;
SQL
my $owner = open_session($node, 'postgres');
my $reader = open_session($node, 'postgres');
my $total = q(SELECT vvault_trending('PL', %d) ->> 'total');
my $rewrite = 'ALTER TABLE vvault.%s ADD COLUMN note_%d uuid DEFAULT gen_random_uuid()';
my $size = 10;

sub one { my ($session, $sql) = @_; my ($out, $err) = $session->query($sql); return "$out$err"; }

# A session that waits for the owner's lock, then answers.
sub waiting
{
	my ($user) = @_;
	my %asked = (size => ++$size, out => '');

	$asked{harness} = IPC::Run::start(
		[ 'psql', '-X', '-q', '-A', '-t', '-c', "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL ROLE $user;",
			'-c', sprintf($total, $size), '-d', $node->connstr('postgres') ],
		'<', '/dev/null', '>', \$asked{out}, '2>&1');
	$node->poll_query_until('postgres',
		q(SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%vvault_trending%' AND pid <> pg_backend_pid()))
	  or BAIL_OUT('nobody waits');
	return \%asked;
}

sub answered
{
	my ($asked) = @_;

	$asked->{harness}->finish;
	chomp $asked->{out};
	return $asked->{out};
}

# A table that is rewritten is empty to those who were there before.
for my $table (qw(videos video_regions))
{
	one($reader, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
	my $note = $size;
	one($owner, sprintf($rewrite, $table, $note));
	one($reader, sprintf($total, ++$size));
	one($reader, 'COMMIT');
	is(one($owner, sprintf($total, $size)), 3, "$table rewritten: an old snapshot leaves nothing to others");
	one($owner, "ALTER TABLE vvault.$table DROP COLUMN note_$note");
}
one($owner, "SELECT vvault_set('default_sort', 'newest')");
one($reader, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
one($owner, sprintf($rewrite, 'settings', $size));
one($reader, sprintf($total, ++$size));
one($reader, 'COMMIT');
is(one($reader, "SELECT vvault_trending('PL', 3) ->> 'sort'"), 'newest', 'nor to itself, once its snapshot is gone');

one($owner, 'BEGIN; ' . sprintf($rewrite, 'videos', $size));
my $asked = waiting('site');
one($owner, 'COMMIT');
is(answered($asked), 0, 'who waits for the rewriting sees an empty table');
is(one($reader, sprintf($total, $asked->{size})), 3, 'but does not share it');

# What comes to be under row-level security meanwhile is the asker's own.
one($owner, 'BEGIN; ALTER TABLE vvault.videos ENABLE ROW LEVEL SECURITY');
$asked = waiting('site');
one($owner, 'COMMIT');
is(answered($asked), 0, 'who waits for row-level security is under it');
is(one($owner, sprintf($total, $asked->{size})), 3, 'and does not share what is left');
one($owner, 'ALTER TABLE vvault.videos DISABLE ROW LEVEL SECURITY');
is(one($reader, sprintf($total, $asked->{size})), 3, 'nor is it there later');

# An open cursor looks at its old state for long, and moves nothing newer.
one($reader, "BEGIN; DECLARE c CURSOR FOR SELECT vvault_trending('PL', 5) ->> 'total' FROM generate_series(1, 9)");
is(one($owner, q(INSERT INTO vvault.videos (region, video_id, title, views) VALUES ('PL', 'v4', 'title 4', 4))), '', 'a new video');
is(one($owner, sprintf($total, 5)), 4, 'a newer reply');
is(one($reader, 'FETCH 1 FROM c'), 3, 'an old cursor sees the old state');
is(one($owner, q(SELECT fresh FROM vvault_cache_stats() WHERE arguments LIKE '%, 5, %')), 't', 'and leaves the newer reply in its place');
one($reader, 'COMMIT');

done_testing();
