#
# 071_jobs_schedules.pl
#		Schedules are run by a background worker that comes when one is due and
#		goes at once: it has the rights of the extension's owner, and is in the
#		way of no DROP DATABASE, DROP EXTENSION or standby.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $node = new_node('schedules', allows_streaming => 1);
my $standby = PostgreSQL::Test::Cluster->new('schedules_standby');
$node->backup('base');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

my $workers = q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'vvault schedules');

# A function that says who calls it, and a trigger that waits for the commit.
sub make_database
{
	my ($db) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, <<'EOF');
CREATE EXTENSION vvault_stream CASCADE;
UPDATE vvault_stream.schedules SET enabled = false;
INSERT INTO vvault_stream.job_kinds (kind) VALUES ('k');
CREATE TABLE calls (n integer GENERATED ALWAYS AS IDENTITY, who text, backend text, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION called(args json) RETURNS json LANGUAGE plpgsql SET search_path = public, pg_catalog AS $$
BEGIN
	INSERT INTO calls (who, backend) SELECT current_user, backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid();
	RETURN NULL;
END $$;
CREATE FUNCTION committed() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_catalog AS $$
BEGIN
	UPDATE calls SET who = who || ' ' || current_user WHERE n = NEW.n;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER committed AFTER INSERT ON calls DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION committed();
EOF
	return;
}

make_database('one');

# The extension's owner is a plain role.
$node->safe_psql('postgres', 'CREATE ROLE keeper NOLOGIN');
$node->safe_psql('one', <<'EOF');
DO $$
DECLARE
	o record;
BEGIN
	ALTER SCHEMA vvault_stream OWNER TO keeper;
	FOR o IN SELECT p.oid::regprocedure AS name FROM pg_proc p
		WHERE p.pronamespace = 'vvault_stream'::regnamespace OR p.proname ~ '^vvault_' LOOP
		EXECUTE format('ALTER ROUTINE %s OWNER TO keeper', o.name);
	END LOOP;
	FOR o IN SELECT c.oid::regclass AS name FROM pg_class c WHERE c.relnamespace = 'vvault_stream'::regnamespace AND c.relkind IN ('r', 'v') LOOP
		EXECUTE format('ALTER TABLE %s OWNER TO keeper', o.name);
	END LOOP;
END $$;
UPDATE pg_extension SET extowner = 'keeper'::regrole WHERE extname = 'vvault_stream';
GRANT USAGE, CREATE ON SCHEMA public TO keeper;
GRANT ALL ON calls TO keeper;
GRANT USAGE ON SEQUENCE calls_n_seq TO keeper;
GRANT pg_read_all_stats TO keeper;
ALTER FUNCTION called(json) OWNER TO keeper;
ALTER FUNCTION committed() OWNER TO keeper;
EOF

#
# With nobody who asks for jobs nothing runs; whoever waits for some has it run.
#
$node->safe_psql('one', <<'EOF');
INSERT INTO vvault_stream.schedules (name, every, call_schema, call_function, next_at)
VALUES ('calls', '1 hour', 'public', 'called', now() - interval '10 hours');
SELECT vvault_schedule('jobs', '1 hour', 'k', first_at => now() - interval '1 minute');
EOF
is($node->safe_psql('one', $workers), '0', 'there is no worker without a queue in use');
my $waiter = open_session($node, 'one');
$waiter->send(q(CALL vvault_wait_for_jobs('{k}', 300)));
ok($node->poll_query_until('one', 'SELECT count(*) = 1 FROM calls'), 'whoever waits has a worker run what is due');
is(($waiter->wait)[1], '', 'the job that a schedule made ends the wait');
is($node->safe_psql('one', q(SELECT string_agg(j ->> 'job_id', ' ') FROM json_array_elements(vvault_dequeue('w', '{k}', 10)) j)), '1', 'it is there once');
is($node->safe_psql('one', 'SELECT who, backend FROM calls'), 'keeper keeper|vvault schedules',
	'the function ran in a worker as the owner, and so did what waited for the commit');
ok($node->poll_query_until('one', $workers =~ s/count\(\*\)/count(*) = 0/r), 'the worker is gone');
is($node->safe_psql('one', q(SELECT string_agg(runs || ' ' || (next_at > now()), ', ') FROM vvault_stream.schedules WHERE name IN ('calls', 'jobs'))),
	'1 true, 1 true', 'each ran once');

# One that is due again and again while somebody waits: on its grid, once each.
$node->safe_psql('one', q(SELECT vvault_schedule('calls', every => '1 second', first_at => date_trunc('second', now()))));
$waiter->send(q(CALL vvault_wait_for_jobs('{k}', 300)));
ok($node->poll_query_until('one', 'SELECT count(*) >= 4 FROM calls'), 'one that comes each second comes again');
$node->safe_psql('one', q(SELECT vvault_schedule('calls', enabled => false)));
is($node->safe_psql('one', q(SELECT runs - (SELECT count(*) FROM calls), next_at = date_trunc('second', next_at) FROM vvault_stream.schedules WHERE name = 'calls')),
	'0|t', 'once for each time it was run, and without drift');

# A dequeue that finds nothing has it run as well.
$node->safe_psql('one', q(SELECT vvault_enqueue('k')));
$waiter->wait;
$node->safe_psql('one', q(DELETE FROM calls; SELECT vvault_schedule('calls', every => '1 hour', enabled => true, first_at => now())));
ok($node->poll_query_until('one', q(SELECT (SELECT count(*) FROM calls) = 1 FROM (SELECT vvault_dequeue('w', '{k}', 10)) q)), 'so does a dequeue that finds too little');

#
# In nobody's way
#
make_database('two');
$node->safe_psql('two', <<'EOF');
INSERT INTO vvault_stream.schedules (name, every, call_schema, call_function, next_at)
VALUES ('calls', '1 second', 'public', 'called', now() - interval '10 hours');
EOF
$node->safe_psql('two', q(SELECT vvault_dequeue('w', '{k}')));
ok($node->poll_query_until('two', 'SELECT count(*) > 0 FROM calls'), 'another database has a worker of its own');
# the server waits a few seconds for who is there: the sessions of this test, too
eventually(sub { $node->psql('postgres', 'DROP DATABASE two') == 0 });
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_database WHERE datname = $$two$$'), '0', 'which is not in the way of DROP DATABASE');

$node->wait_for_catchup($standby);
$standby->psql('one', q(CALL vvault_wait_for_jobs('{k}', 0.1)));
is($standby->safe_psql('one', $workers), '0', 'a standby has no worker');
is($standby->safe_psql('one', q(SELECT json_array_length(vvault_schedules() -> 'schedules') >= 3)), 't', 'but shows its schedules');

$waiter->send(q(CALL vvault_wait_for_jobs('{k}', 300)));
$node->safe_psql('one', q(SELECT vvault_schedule('calls', every => '1 second', first_at => now())));
ok($node->poll_query_until('one', 'SELECT count(*) > 2 FROM calls'), 'it runs again');
$node->safe_psql('one', q(SELECT vvault_enqueue('k')));
$waiter->wait;
is($node->safe_psql('one', 'DROP EXTENSION vvault_stream; SELECT 1'), '1', 'nor of DROP EXTENSION');
$waiter->quit;
my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|terminated by signal|TRAP/, 'no server process fell');
my @errors = grep { /ERROR|FATAL/ && /vvault schedules|run_due_schedule/ } split /\n/, $log;
is("@errors", '', 'no worker complained');

$standby->stop;
$node->stop;
done_testing();
