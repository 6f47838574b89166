#
# 075_jobs_clients.pl
#		The workers that docs/jobs.md shows, as they stand there: the one in
#		Python, and the one for a shell with curl and PostgREST.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../standin";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Site;
use Test::More;
use VVaultTest;

my $document = slurp_file('docs/jobs.md');
my ($chapter) = $document =~ /^(## A worker in ten lines\n.*?)^## /ms;
my ($sql) = $chapter =~ /^```sql\n(.*?)^```/ms;
my ($python) = $chapter =~ /^```python\n(.*?)^```/ms;
my ($shell) = $chapter =~ /^```sh\n(.*?)^```/ms;
my $folder = PostgreSQL::Test::Utils::tempdir();
my @children;

END { kill 9, @children; }

my $node = new_node('jobs_clients');
$node->safe_psql('postgres', $sql);
cmp_ok(scalar(grep { /\S/ && !/^(import|from)/ } split /\n/, $python), '<=', 10, 'the one in Python has ten lines');

sub start
{
	my (@command) = @_;
	my $pid = fork // die "fork: $!";

	if ($pid == 0)
	{
		# with its own children in a group of its own
		setpgrp;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$folder/output";
		open STDERR, '>&', \*STDOUT;
		exec @command or die "$command[0]: $!";
	}
	push @children, -$pid;
	return;
}

# Twelve jobs, one of them after the others, are done by a worker.
sub works
{
	my ($by) = @_;

	$node->safe_psql('postgres', q(TRUNCATE vvault_stream.jobs, vvault_stream.job_needs, vvault_stream.finished_jobs;
		SELECT vvault_enqueue_many((SELECT json_agg(json_build_object('kind', 'thumbnail', 'args', json_build_object('text', repeat('x', n)))) FROM generate_series(1, 11) n))));
	my $waits = $node->poll_query_until('postgres', q(SELECT count(*) = 11 FROM vvault_stream.finished_jobs));
	$node->safe_psql('postgres', q(SELECT vvault_enqueue('thumbnail', '{"text": "at last"}')));
	ok($waits && $node->poll_query_until('postgres', q(SELECT count(*) = 12 FROM vvault_stream.finished_jobs)), "$by works on what comes in")
	  or diag(slurp_file("$folder/output"));
	is($node->safe_psql('postgres', q(SELECT string_agg(DISTINCT result ->> 'by', ' '), bool_and((result ->> 'length')::int = length(args ->> 'text')) FROM vvault_stream.finished_jobs)),
		"$by|t", 'with the right results');
	return;
}

SKIP:
{
	skip 'there is no psycopg here', 2 if system('/usr/bin/python3 -c "import psycopg" 2>/dev/null') != 0;
	append_to_file("$folder/worker.py", $python);
	local $ENV{WORKER_DB} = $node->connstr('postgres') . ' user=thumbnailer';
	start('/usr/bin/python3', "$folder/worker.py");
	works('Python');
	kill 9, pop @children;
}

SKIP:
{
	skip 'there is no PostgREST here', 3 if !Site->has_postgrest;
	skip 'there is no curl here', 3 if system('curl --version >/dev/null 2>&1') != 0;
	my $server = Site->new(PostgreSQL::Test::Utils::tempdir_short() . '/site', $node->connstr('postgres') . ' user=thumbnailer', 'thumbnailer',
		NGINX => 'no', STANDIN => 'no');
	ok($server, 'PostgREST listens');
	append_to_file("$folder/worker.sh", $shell);
	local $ENV{API} = $server->{upstream};
	start('sh', "$folder/worker.sh");
	works('shell');
	$server->stop;
}

kill 9, @children;
$node->stop;
done_testing();
