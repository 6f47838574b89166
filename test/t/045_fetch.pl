#
# 045_fetch.pl
#		demo/fetch.sh against a local stand-in for the YouTube Data API: charts,
#		pages that go in circles, faults that pass and those that stay, the quota
#		over several runs, saved pages, videos that are asked for again.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IO::Socket::INET;
use POSIX ();
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

plan skip_all => 'there is no curl' if system('curl --version >/dev/null 2>&1') != 0;

my $json = JSON::PP->new->canonical;
my $dir = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('fetch');
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION vvault CASCADE;
CREATE ROLE fetcher LOGIN;
SELECT vvault_grant('fetcher', 'writer');
SQL

# ---------------------------------------------------------------------------
# The API: it gives the answers of a list, one for each request, and writes down
# what it was asked
# ---------------------------------------------------------------------------

my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5, ReuseAddr => 1)
  or die "no socket: $!";
my $url = 'http://127.0.0.1:' . $server->sockport . '/videos';
my $asked_file = "$dir/asked";

sub item
{
	my ($id, $views) = @_;

	return { kind => 'youtube#video', id => $id, snippet => { title => "about $id", categoryId => '10', liveBroadcastContent => 'none' },
		statistics => { viewCount => "$views" } };
}

# A page with these videos, and the token of the next one.
sub page
{
	my ($next, @ids) = @_;

	return [ 200, '', $json->encode({ kind => 'youtube#videoListResponse', ($next ? (nextPageToken => $next) : ()),
		pageInfo => { totalResults => 200 }, items => [ map { item($_, 100) } @ids ] }) ];
}

sub fault
{
	my ($status, $headers) = @_;

	return [ $status, $headers // '', $json->encode({ error => { code => $status, message => 'a fault', errors => [ { reason => 'tested' } ] } }) ];
}

# Answers one request after the other, closing the connection each time. An
# answer that is undefined is none: the connection is closed at once.
sub serve
{
	my (@answers) = @_;
	my $pid = fork // die "fork: $!";

	return $pid if $pid;
	for my $answer (@answers)
	{
		my $client = $server->accept or exit 1;
		my $request = <$client> // '';

		while (my $line = <$client>) { last if $line =~ /^\r?\n$/ }
		if (open my $fh, '>>', $asked_file)
		{
			print $fh $request;
			close $fh;
		}
		print $client "HTTP/1.0 $answer->[0] Status\r\n$answer->[1]Content-Length: "
		  . length($answer->[2]) . "\r\n\r\n$answer->[2]"
		  if $answer;
		close $client;
	}
	POSIX::_exit(0);
}

# Runs it with these answers; gives its status, output and errors, and what was
# asked for, each request as its parameters.
sub fetch
{
	my ($answers, @arguments) = @_;
	my ($out, $err) = ('', '');

	unlink $asked_file;
	my $pid = serve(@$answers);
	local $ENV{API_URL} = $url;
	local $ENV{YOUTUBE_API_KEY} = $ENV{TEST_KEY} // 'secret-key';
	local $ENV{QUOTA_DIR} = "$dir/quota";
	local $ENV{RETRY_DELAY} = 0;
	local @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ($node->host, $node->port, 'fetcher', 'postgres');
	IPC::Run::run([ 'sh', 'demo/fetch.sh', @arguments ], '<', '/dev/null', '>', \$out, '2>', \$err);
	my $status = $? >> 8;

	kill 'TERM', $pid;
	waitpid $pid, 0;
	my @asked;
	for my $line (-e $asked_file ? split /\n/, PostgreSQL::Test::Utils::slurp_file($asked_file) : ())
	{
		my ($query) = $line =~ /\?(\S+)/;

		push @asked, { map { my ($k, $v) = split /=/, $_, 2; $v =~ s/%([0-9A-F]{2})/chr hex $1/gei; ($k => $v) } split /&/, $query };
	}
	return ($status, $out, $err, @asked);
}

sub ids { my ($prefix, $n) = @_; return map { sprintf '%s%03d', $prefix, $_ } 1 .. $n }

sub charted
{
	return $node->safe_psql('postgres', "SELECT count(*) FROM vvault.videos WHERE region = '$_[0]' AND charted");
}

# ---------------------------------------------------------------------------
# A chart
# ---------------------------------------------------------------------------

my ($status, $out, $err, @asked) = fetch([ page('second', ids('a', 50)), page(undef, ids('b', 20)) ], 'PL');
is($status, 0, 'a chart of two pages') or diag($err);
is(scalar @asked, 2, 'is two requests');
is($asked[0]{part}, 'snippet,contentDetails,statistics,liveStreamingDetails', 'for all parts that are read');
is(join(' ', map { $_->{pageToken} // '-' } @asked), '- second', 'the second with the token of the first');
is(join(' ', map { "$_->{regionCode} $_->{chart}" } @asked), 'PL mostPopular PL mostPopular', 'of the region');
is(charted('PL'), 70, 'all videos are charted');
is($node->safe_psql('postgres', 'SELECT count(DISTINCT fetched_at), max(rank) FROM vvault.snapshots'), '1|70', 'as one chart');
like($out, qr/"charted" : true/, 'the answers are printed');
like($err, qr/^fetch\.sh: PL: quota units spent: 2 \(2 of 10000 today\)$/m, 'and the units spent');
unlike($err . $out, qr/secret-key/, 'the key is not');

# ---------------------------------------------------------------------------
# Tokens that come again
# ---------------------------------------------------------------------------

for my $case (
	[ 'its own page', page('again', ids('c', 50)), page('again', ids('d', 50)) ],
	[ 'a page before', page('one', ids('c', 50)), page('two', ids('d', 50)), page('one', ids('e', 50)) ])
{
	my ($label, @pages) = @$case;

	($status, $out, $err, @asked) = fetch(\@pages, 'GB');
	is($status, 0, "a token that leads back to $label") or diag($err);
	is(scalar @asked, scalar @pages, '... is not followed');
	is(charted('GB'), 50 * @pages, '... what is there is taken');
	like($err, qr/a page token came again; the chart ends with page ${\ scalar @pages}$/m, '... and it says so');
}

# ---------------------------------------------------------------------------
# Faults
# ---------------------------------------------------------------------------

($status, $out, $err, @asked) = fetch([ fault(503), fault(500), fault(429), undef, page(undef, ids('n', 10)) ], 'NO');
is($status, 0, 'what fails for now is tried again') or diag($err);
is(scalar @asked, 5, '... until it is answered');
is(charted('NO'), 10, '... and taken');
like($err, qr/HTTP 503, trying again.*HTTP 500, trying again.*HTTP 429, trying again.*no answer from the API, trying again/s, '... and it says so');
($status, $out, $err, @asked) = fetch([ map { fault(503) } 1 .. 9 ], 'NO');
is($status, 1, 'what fails always fails');
is(scalar @asked, 5, '... after five times');
like($err, qr/NO, page 1: HTTP 503: a fault \(tested\)/, '... with what the API said');
is($node->safe_psql('postgres', q(SELECT count(*) FROM vvault.charts WHERE region = 'NO')), 1, '... and nothing is taken');
($status, $out, $err, @asked) = fetch([ fault(403), page(undef, ids('n', 10)) ], 'NO');
is("$status " . scalar @asked, '1 1', 'what is refused is not tried again');

# Delays grow, and Retry-After counts where it is longer: what sleep is asked for.
mkdir "$dir/bin";
PostgreSQL::Test::Utils::append_to_file("$dir/bin/sleep", "#!/bin/sh\necho \"\$1\" >>'$dir/slept'\n");
chmod 0755, "$dir/bin/sleep";
sub slept
{
	my ($delay, @answers) = @_;
	local $ENV{PATH} = "$dir/bin:$ENV{PATH}";

	unlink "$dir/slept";
	my $pid = serve(@answers);
	local @ENV{qw(API_URL YOUTUBE_API_KEY QUOTA_DIR RETRY_DELAY)} = ($url, 'k', "$dir/quota", $delay);
	local @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ($node->host, $node->port, 'fetcher', 'postgres');
	my $error = '';
	IPC::Run::run([ 'sh', 'demo/fetch.sh', '--save', "$dir/slept-pages", 'NO' ], '<', '/dev/null', '>', \my $printed, '2>', \$error);
	kill 'TERM', $pid;
	waitpid $pid, 0;
	my $times = -e "$dir/slept" ? PostgreSQL::Test::Utils::slurp_file("$dir/slept") : '';
	return (join(' ', split /\n/, $times), $error);
}
my ($slept, $error) = slept(2, (map { fault(500) } 1 .. 4), page(undef, 'x'));
is($slept, '2 4 8 16', 'the delay doubles');
($slept, $error) = slept(2, fault(429, "Retry-After: 7\r\n"), fault(503, "retry-after: 1\r\n"), page(undef, 'x'));
is($slept, '7 4', 'Retry-After counts where it is longer');
($slept, $error) = slept(2, fault(429, "Retry-After: 86400\r\n"), page(undef, 'x'));
is($slept, '', 'nobody waits for a day');
like($error, qr/HTTP 429, which asks to wait 86400 seconds/, '... it says so instead');
($slept, $error) = slept(2, fault(503, "Retry-After: soon\r\n"), page(undef, 'x'));
is($slept, '2', 'what is no time is passed over');

# ---------------------------------------------------------------------------
# The quota over several runs
# ---------------------------------------------------------------------------

# not across the end of a day of the quota, which demo/fetch.sh has from there
sleep 1 while qx(TZ=America/Los_Angeles date +%H%M) == 2359;
{
	local $ENV{TEST_KEY} = 'another-key';
	local $ENV{QUOTA_UNITS} = 3;

	($status, $out, $err) = fetch([ page('t', ids('s', 50)), page(undef, ids('t', 5)) ], 'SE');
	like($err, qr/quota units spent: 2 \(2 of 3 today\)/, 'each key has its own count');
	($status, $out, $err, @asked) = fetch([ page('t', ids('s', 50)), page(undef, ids('t', 5)) ], 'SE');
	is("$status " . scalar @asked, '1 1', 'no request is made once the quota is spent');
	like($err, qr/SE, page 2: the 3 quota units of [0-9-]+ are spent/, '... and it says so');
	is($node->safe_psql('postgres', q(SELECT count(*) FROM vvault.charts WHERE region = 'SE')), 1, '... half a chart is not taken');
	($status, $out, $err, @asked) = fetch([ page(undef, 'x') ], 'SE');
	is("$status " . scalar @asked, '1 0', '... nor is any in a further run');
}
PostgreSQL::Test::Utils::append_to_file("$dir/quota/units-2001-01-01-1-1", "1\n");
fetch([ page(undef, ids('n', 10)) ], 'NO');
ok(!-e "$dir/quota/units-2001-01-01-1-1", 'counts of other days are dropped');
is(join('', map { PostgreSQL::Test::Utils::slurp_file($_) } glob "$dir/quota/*") =~ /secret|another/ ? 'key' : 'none', 'none', 'no file holds a key');
unlike(join(' ', glob "$dir/quota/*"), qr/secret|another/, '... nor does a name');

# ---------------------------------------------------------------------------
# Saved pages
# ---------------------------------------------------------------------------

($status, $out, $err) = fetch([ page('t', ids('u', 50)), page(undef, ids('v', 3)) ], '--save', "$dir/saved", 'US');
is($status, 0, 'pages are saved') or diag($err);
my @saved = map { s{.*/}{}r } sort glob "$dir/saved/*";
like("@saved", qr/^US-(\d{8}T\d{6}Z)-1\.json US-\1-2\.json$/, 'under the instant of their chart');
rename "$dir/saved/$saved[0]", "$dir/saved/US-20260105T060708Z-1.json";
rename "$dir/saved/$saved[1]", "$dir/saved/US-20260105T060708Z-2.json";
PostgreSQL::Test::Utils::append_to_file("$dir/saved/US-20260104T000000Z-1.json", page(undef, ids('w', 40))->[2]);
($status, $out, $err) = fetch([], '--ingest', reverse(sort glob "$dir/saved/*"));
is($status, 0, 'saved pages are ingested') or diag($err);
is($node->safe_psql('postgres', q(SELECT string_agg(fetched_at AT TIME ZONE 'UTC' || ' ' || videos, ', ' ORDER BY fetched_at) FROM vvault.charts WHERE region = 'US')),
	'2026-01-04 00:00:00 40, 2026-01-05 06:07:08 53', '... each at the instant in its name, pages together');
is($node->safe_psql('postgres', q(SELECT rank FROM vvault.videos WHERE region = 'US' AND video_id = 'v002')), '52', '... with their ranks');
($status, $out, $err) = fetch([], '--ingest', "$dir/bin/page.json");
is($status, 1, 'a file without an instant is refused');
like($err, qr/a saved page is named REGION-INSTANT-PAGE\.json/, '... and told how it is to be named');

# ---------------------------------------------------------------------------
# Known videos
# ---------------------------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
TRUNCATE vvault.videos, vvault.snapshots;
SELECT vvault_ingest('PL', json_build_object('kind', 'youtube#videoListResponse', 'items', json_agg(
	json_build_object('id', 'k' || to_char(n, 'FM000'), 'snippet', json_build_object('title', 't'), 'statistics', json_build_object('viewCount', n)) ORDER BY n)),
	now() - interval '3 days') FROM generate_series(1, 70) n;
SQL
my $all = join ',', ids('k', 50);
($status, $out, $err, @asked) = fetch([ page(undef, ids('k', 49)), fault(503), page(undef, map { sprintf 'k%03d', $_ } 51 .. 70) ], '--refresh');
is($status, 0, 'a refresh') or diag($err);
is($asked[0]{id}, $all, 'asks for 50 videos at once');
is(join(' ', map { scalar(() = $_->{id} =~ /k\d+/g) } @asked), '50 20 20', '... and for the rest, again where that fails');
is($node->safe_psql('postgres', q(SELECT string_agg(video_id, ' ') FROM vvault.videos WHERE gone_at IS NOT NULL)), 'k050', 'what did not come back is gone');
is($node->safe_psql('postgres', q(SELECT count(*) FROM vvault.videos WHERE views = 100)), '69', 'the others are new');
($status, $out, $err, @asked) = fetch([], '--refresh');
is("$status " . scalar @asked, '0 0', 'what was refreshed just now is not asked for');
$node->safe_psql('postgres', q(UPDATE vvault.videos SET fetched_at = now() - interval '2 days', snapshot_at = now() - interval '2 days'));
($status, $out, $err, @asked) = fetch([ page(undef) ], '--refresh');
is($status, 1, 'an answer with no video at all is not believed');
is($node->safe_psql('postgres', q(SELECT count(*) FROM vvault.videos WHERE gone_at IS NOT NULL)), '1', '... and nothing is marked');

($status, $out, $err) = fetch([], '--nonsense');
is($status, 2, 'what it does not know it refuses');
like($err, qr/^usage: .*--save DIR REGION.*--refresh.*--ingest FILE/s, '... with all it can do');

$node->stop;
done_testing();
