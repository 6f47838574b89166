#
# 072_webhooks.pl
#		Events on their way to receivers of all sorts: well, failing, hanging,
#		redirecting, gone, lying on a private address; with workers that are
#		killed meanwhile. Each event arrives, in the order of its video's unless
#		one fails, and is signed so that another's library believes it.
#
# They are delivered by vvault-worker, and where that was not built by a worker
# of a few lines.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../worker";

use Digest::SHA qw(hmac_sha256_base64);
use Encode ();
use FileStore;
use HTTP::Tiny ();
use IO::Socket::INET;
use IPC::Run ();
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use VVaultTest;

my $json = JSON::PP->new->utf8->canonical;
my $folder = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('webhooks');
my @children;
my $program = FileStore::worker_program();

note defined $program ? 'by vvault-worker' : 'by the worker of this test';

END { kill 9, @children; }

# ---------------------------------------------------------------------------
# A receiver. What it answers is in the path; each request is a line of its log.
# ---------------------------------------------------------------------------

sub read_request
{
	my ($client) = @_;
	my ($line, %headers) = (scalar(<$client>) // return);
	my ($path) = $line =~ m{^POST (\S+) HTTP} or return;

	while (defined(my $header = <$client>))
	{
		last if $header =~ /^\r?\n/;
		$headers{ lc $1 } = $2 if $header =~ /^([^:]+):\s*(.*?)\r?\n/;
	}
	read $client, my $body, $headers{'content-length'} // 0;
	return { path => $path, headers => \%headers, body => $body };
}

# The status of the n-th request with a path of one event.
sub status_for
{
	my ($path, $nth) = @_;

	return 500 if $path =~ m{^/once} && $nth == 1;
	return 503 if $path =~ m{^/never|^/busy\?[0-9]};
	return 429 if $path =~ m{^/busy};
	return 302 if $path =~ m{^/elsewhere};
	return 410 if $path =~ m{^/gone};
	sleep 30 if $path =~ m{^/hangs} && $nth == 1;
	return 204;
}

sub receive
{
	my ($listener) = @_;
	my %seen;

	$SIG{CHLD} = 'IGNORE';
	while (my $client = $listener->accept)
	{
		my $request = read_request($client) or next;
		my $id = $request->{headers}{'webhook-id'} // '';
		my $nth = ++$seen{"$request->{path} $id"};

		append_to_file("$folder/requests", $json->encode($request) . "\n");
		next if fork;
		my $status = status_for($request->{path}, $nth);
		my ($after) = $request->{path} =~ m{^/busy\?(.*)};

		$after = 'Wed, 21 Oct 2099 07:28:00 GMT' if ($after // '') eq 'date';
		print $client "HTTP/1.1 $status Answer\r\nContent-Length: 0\r\nConnection: close\r\n"
		  . ($status == 302 ? "Location: /well\r\n" : '') . (defined $after ? "Retry-After: $after\r\n" : '') . "\r\n";
		close $client;
		POSIX::_exit(0);
	}
	return;
}

my $listener = IO::Socket::INET->new(Listen => 100, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "listen: $!";
my $url = 'http://127.0.0.1:' . $listener->sockport;
if ((my $pid = fork // die "fork: $!") == 0)
{
	receive($listener);
	POSIX::_exit(0);
}
else
{
	push @children, $pid;
}

# ---------------------------------------------------------------------------
# A worker, as simple as one may be
# ---------------------------------------------------------------------------

# short while workers are killed, so that what they had comes back soon
my $lease = 3;

sub deliver
{
	my ($db, $job) = @_;
	my $order = $job->{order};
	my $http = HTTP::Tiny->new(max_redirect => 0, timeout => $order->{timeout_seconds}, agent => $order->{headers}{'user-agent'});
	my %headers = %{ $order->{headers} };

	delete $headers{'user-agent'};
	my $reply = $http->post($order->{url}, { headers => \%headers, content => Encode::encode_utf8($order->{body}) });
	if ($reply->{success} || $reply->{status} == 410)
	{
		$db->do('SELECT vvault_complete(?, ?, ?)', undef, $job->{job_id}, $job->{lease}, $json->encode({ status => 0 + $reply->{status} }));
	}
	else
	{
		my $why = $reply->{status} == 599 ? "the receiver did not answer: $reply->{content}" : "HTTP $reply->{status} from the receiver";
		my $after = $reply->{headers}{'retry-after'};
		my $retry;

		# a date is so far away in this test that it is a day
		$retry = $after =~ /^[0-9]+$/ ? $after : 86400 if defined $after;
		$retry = $order->{retry_seconds} if defined $retry && $retry < $order->{retry_seconds};
		$db->do('SELECT vvault_fail(?, ?, ?, ?)', undef, $job->{job_id}, $job->{lease}, $why, $retry);
	}
	return;
}

sub work
{
	require DBI;
	my $db = DBI->connect('dbi:Pg:' . $node->connstr('postgres'), 'worker', '', { RaiseError => 1, PrintError => 0 });

	while (1)
	{
		my ($jobs) = $db->selectrow_array(q(SELECT vvault_dequeue('deliverer', '{webhook}', 1, ?)), undef, $lease);

		$jobs = $json->decode($jobs);
		eval { deliver($db, $_) } for @$jobs;
		$db->do(q(CALL vvault_wait_for_jobs('{webhook}', 1))) unless @$jobs;
	}
	return;
}

my @workers;

sub start_worker
{
	my $pid = fork // die "fork: $!";

	if ($pid == 0)
	{
		exec $program, '--quiet', '--kinds', 'webhook', '--jobs', 2, '--lease', $lease, '--scratch', $folder, '--dbname', $node->connstr('postgres') . ' user=worker'
		  if defined $program;
		eval { work() };
		POSIX::_exit(1);
	}
	push @workers, $pid;
	push @children, $pid;
	return;
}

sub kill_worker
{
	my $pid = shift @workers;

	kill 9, $pid;
	waitpid $pid, 0;
	return;
}

# ---------------------------------------------------------------------------

$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION vvault_stream CASCADE;
CREATE ROLE worker LOGIN;
SELECT vvault_stream_grant('worker', 'worker');
-- so that the test need not wait for as long as receivers are given, but for longer
-- than the next event is in coming
UPDATE vvault_stream.job_kinds SET retry_table = '{1}' WHERE kind = 'webhook';
EOF
my $secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my %hook;

sub add_hook
{
	my ($name, %param) = @_;
	my $timeout = $param{timeout} // 60;
	my $kinds = $param{kinds} // 'test.*';

	$hook{$name} = $node->safe_psql('postgres', <<"EOF");
SELECT vvault_webhook(url => '$url/$name', secret => '$secret', kinds => '{$kinds}', timeout_seconds => $timeout, allow_private => true) ->> 'webhook_id'
EOF
	return;
}

add_hook($_) for qw(well once elsewhere gone);
add_hook('hangs', timeout => 1);

# Events of some videos, each in a transaction of its own, several at once.
my $events = 6;
my @videos = map { "video$_" } 1 .. 4;
my @makers = map { start_client($node, 'postgres', 'maker', "SELECT vvault_stream.make_event('$_', 'test.told', '', '{\"text\": \"gr\\u00fc\\u00dfe \\\"\"}');\n" x $events) } @videos;
finish_client($_) for @makers;
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT job_id) FROM vvault_stream.deliveries'), '120|120', 'each event has a delivery to each webhook');

start_worker() for 1 .. 4;
usleep(500_000);
ok(!-e "$folder/requests", 'nothing is told by a database that is not armed');
$node->safe_psql('postgres', 'SELECT vvault_arm()');
for (1 .. 5)
{
	usleep(400_000);
	kill_worker();
	start_worker();
}

my $left = q(SELECT count(*) FROM vvault_stream.deliveries d JOIN vvault_stream.webhooks w USING (webhook_id) WHERE d.delivered_at IS NULL AND w.url ~ '/(well|once|hangs)$');
ok($node->poll_query_until('postgres', "SELECT ($left) = 0"), 'all that can arrive does, though workers are killed');

# Nobody is killed from here on, and who is slow loses nothing.
$lease = 600;
for (1 .. 4)
{
	kill_worker();
	start_worker();
}

sub requests
{
	my ($path) = @_;

	return grep { $_->{path} eq $path } map { $json->decode($_) } split /\n/, slurp_file("$folder/requests");
}

# Numbers of a video in the order in which they came first.
sub first_numbers
{
	my ($path, $video) = @_;
	my %seen;

	return join ' ', grep { !$seen{$_}++ } map { $_->{number} } grep { $_->{video_id} eq $video } map { $json->decode($_->{body}) } requests($path);
}

my $all = join ' ', 1 .. $events;
is(join('; ', map { first_numbers('/well', $_) } @videos), join('; ', ($all) x @videos), 'in the order of their numbers');
is(join('; ', map { first_numbers('/once', $_) } @videos), join('; ', ($all) x @videos), 'also where each fails at first');
ok((grep { @{ $json->decode($_->{body})->{undelivered} } } requests('/once')) > 0, 'and then it says so');
is($node->safe_psql('postgres', q(SELECT count(*) > 0 FROM vvault_stream.deliveries WHERE cardinality(undelivered) > 0)), 't', 'here, too');
my %ids = map { $_->{headers}{'webhook-id'} => 1 } requests('/once');
is(scalar(keys %ids), $events * @videos, 'what is told again has the id that it had');

# A redirect is not followed, a receiver that is gone is left alone.
my @followed = grep { ($_->{headers}{'user-agent'} // '') !~ /^vvault/ } requests('/well');
is(scalar(@followed), 0, 'a redirect is not followed');
my $elsewhere = "FROM vvault_stream.deliveries d JOIN vvault_stream.jobs j USING (job_id) WHERE webhook_id = $hook{elsewhere} AND j.attempt > 1";
# an attempt that was lost with its worker is made once more
ok($node->poll_query_until('postgres', "SELECT count(*) > 0 AND bool_and(j.error ~ '^HTTP 302') $elsewhere"), 'and is tried again, having failed');
is($node->safe_psql('postgres', "SELECT count(delivered_at) $elsewhere"), '0', 'each time');
ok($node->poll_query_until('postgres', "SELECT NOT enabled AND disabled_why ~ '410' FROM vvault_stream.webhooks WHERE webhook_id = $hook{gone}"),
	'a receiver that is gone turns its webhook off');

# Signatures
my $key = decode_base64(substr $secret, 6);
my @wrong = grep {
	my $h = $_->{headers};
	my $expected = hmac_sha256_base64("$h->{'webhook-id'}.$h->{'webhook-timestamp'}.$_->{body}", $key);
	$expected .= '=' while length($expected) % 4;
	$h->{'webhook-signature'} ne "v1,$expected"
} requests('/well');
is(scalar(@wrong), 0, 'all are signed');
my $npm = ($ENV{WORK} // '') . '/webhooks';
SKIP:
{
	skip 'there is no standardwebhooks here', 2 if !-d "$npm/node_modules/standardwebhooks" || system('node --version >/dev/null 2>&1') != 0;
	my $tried = "$folder/node";

	mkdir $tried;
	symlink "$npm/node_modules", "$tried/node_modules" or die "symlink: $!";
	IPC::Run::run([ 'cp', 'test/webhooks/verify.mjs', $tried ]) or die 'cp';
	my @sent = requests('/well');
	my ($out, $err) = ('', '');
	my $in = join '', map { $json->encode($_) . "\n" } @sent, { %{ $sent[0] }, body => $sent[0]{body} . ' ' };

	IPC::Run::run([ 'node', "$tried/verify.mjs", $secret ], '<', \$in, '>', \$out, '2>', \$err) or diag($err);
	my @said = split /\n/, $out;
	like(pop @said, qr/^refused/, 'a library of Standard Webhooks refuses what was changed');
	is(scalar(grep { /^test\.told \d$/ } @said), scalar(@sent), 'and believes the others');
}

# A receiver that is busy says for how long.
add_hook("busy?$_", kinds => 'busy.*') for qw(2000 0 date);
$node->safe_psql('postgres', q(SELECT vvault_stream.make_event('', 'busy.told', '', '{}')));
my $busy = q(FROM vvault_stream.deliveries d JOIN vvault_stream.webhooks w USING (webhook_id) JOIN vvault_stream.jobs j USING (job_id) WHERE w.url ~ '/busy');
ok($node->poll_query_until('postgres', "SELECT bool_and(j.started_at IS NOT NULL AND j.error IS NOT NULL) $busy"), 'a busy receiver is tried');
is($node->safe_psql('postgres', "SELECT j.error ~ '^HTTP 503', j.run_at - j.started_at > interval '1999 seconds' $busy AND w.url ~ '2000'"), 't|t',
	'and left alone for as long as it asks');
is($node->safe_psql('postgres', "SELECT j.error ~ '^HTTP 429', j.run_at - j.started_at BETWEEN interval '86399 seconds' AND interval '25 hours' $busy AND w.url ~ 'date'"), 't|t',
	'a date is no more than a day');
ok($node->poll_query_until('postgres', "SELECT j.attempt > 1 $busy AND w.url ~ '[?]0'"), 'and no time at all is as long as ever');
$node->safe_psql('postgres', q(SELECT vvault_webhook((w ->> 'webhook_id')::bigint, remove => true) FROM json_array_elements(vvault_webhooks() -> 'webhooks') w WHERE w ->> 'url' ~ 'busy'));

# An address that is not public, by whatever name.
SKIP:
{
	skip 'vvault-worker was not built', 3 if !defined $program;
	my $port = $listener->sockport;
	my @places = ("127.0.0.1:$port", "localhost:$port", "2130706433:$port", '0.0.0.0:1', '10.0.0.1:1', '169.254.169.254', '192.168.0.1:1', '100.64.0.1:1');

	$node->safe_psql('postgres', "SELECT vvault_webhook(url => 'http://' || p || '/private', kinds => '{private.told}', timeout_seconds => 2) FROM unnest('{$_}'::text[]) p") for @places;
	$node->safe_psql('postgres', q(SELECT vvault_stream.make_event('', 'private.told', '', '{}')));
	my $refused = q(FROM vvault_stream.deliveries d JOIN vvault_stream.webhooks w USING (webhook_id) JOIN vvault_stream.jobs j USING (job_id) WHERE w.kinds = '{private.told}');
	ok($node->poll_query_until('postgres', "SELECT bool_and(j.error IS NOT NULL) $refused"), 'what lies on a private address is tried');
	is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT j.error, ', ') $refused"), 'the receiver is on an address that is not public', 'and refused');
	is(scalar(requests('/private')), 0, 'before a word is said');
	$node->safe_psql('postgres', q(SELECT vvault_webhook((w ->> 'webhook_id')::bigint, remove => true) FROM json_array_elements(vvault_webhooks() -> 'webhooks') w WHERE w ->> 'url' ~ 'private'));
}

# Told again: a receiver that never answered well, once it does.
add_hook('never');
$node->safe_psql('postgres', q(UPDATE vvault_stream.job_kinds SET max_attempts = 2 WHERE kind = 'webhook'; SELECT vvault_stream.make_event('later', 'test.told', '', '{}') FROM generate_series(1, 3)));
ok($node->poll_query_until('postgres', "SELECT count(*) = 3 FROM vvault_stream.deliveries JOIN vvault_stream.jobs j USING (job_id) WHERE webhook_id = $hook{never} AND j.state = 'd'"),
	'a receiver that never answers well has dead deliveries');
is($node->safe_psql('postgres', "SELECT string_agg(d ->> 'status', ' ') FROM json_array_elements(vvault_deliveries($hook{never}) -> 'deliveries') d"), '503 503 503', 'of which one sees what it answered');
$node->safe_psql('postgres', "SELECT vvault_webhook($hook{never}, url => '$url/at-last', enabled => true)");
$node->safe_psql('postgres', q(UPDATE vvault_stream.job_kinds SET max_attempts = 1000 WHERE kind = 'webhook'));
is($node->safe_psql('postgres', "SELECT vvault_replay($hook{never}) ->> 'replayed'"), 3 + $events * @videos, 'told again, with what was before it');
ok($node->poll_query_until('postgres', "SELECT count(delivered_at) = 3 + $events * 4 FROM vvault_stream.deliveries WHERE webhook_id = $hook{never}"), 'all of it arrives');
is(join('; ', map { first_numbers('/at-last', $_) } 'later', @videos), join('; ', '1 2 3', ($all) x @videos), 'in the order of their numbers too');

# A copy is not armed.
$node->safe_psql('postgres', 'CREATE DATABASE copy');
my $dump = "$folder/dump.sql";
$node->command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('postgres') ], 'it is dumped');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('copy') ], 'and restored');
my $counts = 'SELECT (SELECT count(*) FROM vvault_stream.events), (SELECT count(*) FROM vvault_stream.deliveries), (SELECT count(*) FROM vvault_stream.webhooks)';
is($node->safe_psql('copy', $counts), $node->safe_psql('postgres', $counts), 'with the same events');
$node->safe_psql('copy', q(SELECT vvault_stream.make_event('later', 'test.told', '', '{}'); SELECT vvault_webhook(url => 'https://example.com')));
is($node->safe_psql('copy', q(SELECT json_array_length(vvault_dequeue('w', '{webhook}', 100)))), '0', 'and tells nobody');

kill_worker() while @workers;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw.*(ERROR|LOG)/, 'no server process fell');
kill 9, @children;
$node->stop;
done_testing();
