#
# 042_dashboard.pl
#		The dashboard: what the page says, what its policy lets run, and, where
#		there are Chromium and Chart.js, what a browser makes of it.
#
# The charts are three days of sample data. One region is called, one category
# is called, one channel and two videos are called what would run if it were
# not escaped.
#
# The screenshots are kept beside the logs: dashboard-light.png, -dark, -phone.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../browser";

use Browser;
use Digest::SHA qw(sha256_base64);
use IO::Socket::INET;
use IPC::Run ();
use JSON::PP ();
use POSIX qw(strftime);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $json = JSON::PP->new->utf8->canonical;
my $node = new_node('dashboard');
my $until = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime);
my $library = ($ENV{WORK} // '') . '/chart.umd.js';

$node->safe_psql('postgres', 'CREATE EXTENSION vvault CASCADE');
load_sample($node, 'postgres', sample_file('--days', 3, '--per-chart', 50, '--until', $until));
ingest_all($node, 'postgres');
$node->safe_psql('postgres', <<'EOF');
CREATE ROLE reader LOGIN;
SELECT vvault_grant('reader', 'reader');
CREATE ROLE nobody_special LOGIN;
INSERT INTO vvault.regions (region, name) VALUES
	('XX', '</script><script>window.hacked = "region"</script>');
INSERT INTO vvault.categories (id, name) VALUES
	(666, '<!--<script>window.hacked = "category"</script>');
INSERT INTO vvault.videos (region, video_id, title, channel_title, thumbnail_url, category_id, momentum_score, rank) VALUES
	('XX', '"><script>hacked=1', '<script>window.hacked = "title"</script>', '</a><img src=x onerror="window.hacked = 1">',
	 'https://invalid.invalid/"onerror="window.hacked=1', 666, 100, 1),
	('XX', 'second', '&lt;b&gt; <b>"bold"</b> ''quoted''', '', 'javascript:window.hacked = "picture"', 666, 99, 2);
EOF

# ---------------------------------------------------------------------------
# The page
# ---------------------------------------------------------------------------

# Page and analytics of one transaction, as a role.
sub page_and_analytics
{
	my ($db, $role) = @_;
	my ($page, $analytics) = split /\n/, $node->safe_psql($db, <<"EOF");
SET ROLE $role;
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT encode(vvault_dashboard(), 'hex');
SELECT vvault_analytics(14);
COMMIT;
EOF

	return (pack('H*', $page), $json->decode($analytics));
}

# What the policy of a page says of a kind of source.
sub policy_of
{
	my ($page, $directive) = @_;
	my ($policy) = $page =~ /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/;

	$policy =~ s/&#39;/'/g;
	return $policy if !defined $directive;
	return $policy =~ /(?:^|; )\Q$directive\E ([^;]*)/ ? $1 : undef;
}

# Elements of scripts: attributes and content.
sub scripts_of
{
	my ($page) = @_;

	return [ $page =~ m{<script\b([^>]*)>(.*?)</script>}sg ];
}

my ($page, $analytics) = page_and_analytics('postgres', 'reader');

like($page, qr/\A<!DOCTYPE html>\n<html lang="en">/, 'it is a page, in a language');
like($page, qr/<meta charset="utf-8">/, 'in UTF-8');
like($page, qr/<meta name="viewport" content="width=device-width/, 'for small screens too');
like($page, qr/<$_\b/, "it has the landmark $_") for qw(header main footer);
is(() = $page =~ /<h1\b/g, 1, 'and one heading above all');

my $scripts = scripts_of($page);
my ($external, undef, undef, $inline, $data_attributes, $data) = @$scripts;
my ($style) = $page =~ m{<style>(.*?)</style>}s;

is(@$scripts, 6, 'there are three scripts: the library, ours, the data');
is($data_attributes, ' type="application/json" id="vvault-data"', 'the last is no code');
is_deeply($json->decode($data)->{analytics}, $analytics, 'and is what vvault_analytics(14) replies');
is(scalar @{ $analytics->{regions} }, 8, 'with all eight regions');
is(scalar @{ $analytics->{timeline} }, 8 * 14, 'and fourteen days of each');
is($json->decode($data)->{names}{PL}, 'Poland', 'and their names');
unlike($data, qr/[<>&]/, 'nothing in the data can end or open an element');

# A policy names what may run by its hash.
sub hash_source
{
	my ($text) = @_;

	return "'sha256-" . sha256_base64($text) . "='";
}

my ($integrity) = $external =~ /integrity="(sha384-[^"]{64})"/;
my ($address) = $external =~ /src="([^"]*)"/;
is(policy_of($page, 'default-src'), "'none'", 'the policy begins with nothing');
is(policy_of($page, 'script-src'), hash_source($inline) . " '$integrity' $address",
	'lets our script and that library run');
is(policy_of($page, 'style-src'), hash_source($style), 'and our style');
is(policy_of($page, 'connect-src'), undef, 'and lets it call nobody');
unlike(policy_of($page), qr/unsafe|\*/, 'there are no exceptions');
unlike($page =~ s{<(script|style)\b.*?</\1>}{}sgr, qr/<[^>]*\s(?:style|on\w+)\s*=/,
	'no element has a style or a handler of its own');

unlike($page, qr/<script>window/, 'no title, name or category became an element');
like($page, qr/>&lt;script&gt;window\.hacked = &quot;title&quot;&lt;\/script&gt;<\/a>/, 'a title is text');
like($page, qr/>&amp;lt;b&amp;gt; &lt;b&gt;&quot;bold&quot;&lt;\/b&gt; &#39;quoted&#39;</, 'as it was written');
like($page, qr/watch\?v=%22%3E%3Cscript%3Ehacked%3D1"/, 'an id is part of an address');
like($page, qr{src="https://invalid\.invalid/&quot;onerror=}, 'so is that of a picture');
unlike($page =~ s/&[^;]*;//gr, qr/javascript:/, 'which is https or none');

# Figures that are in the page against the tables, by hand's SQL.
my $top = $node->safe_psql('postgres', <<'EOF');
SELECT string_agg(video_id, ' ' ORDER BY momentum_score DESC, video_id) FROM (
	SELECT * FROM vvault.videos WHERE region = 'PL' AND charted
	ORDER BY momentum_score DESC, video_id LIMIT 5) v
EOF
my ($poland) = $page =~ m{<h3 id="top-PL">(.*?)</article>}s;
is(join(' ', $poland =~ /watch\?v=([^"]+)"/g), $top, 'the top videos are those with the highest momentum');
my $momentum = $node->safe_psql('postgres', q{SELECT round(max(momentum_score)::numeric, 1)
	FROM vvault.videos WHERE region = 'PL' AND charted});
like($poland, qr/Momentum <b>\Q$momentum\E</, 'with their scores');
my $charted = $node->safe_psql('postgres', q{SELECT to_char(max(fetched_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')
	FROM vvault.ingests WHERE region = 'PL'});
like($page, qr{<th scope="row">Poland <span class="code">PL</span></th>.*?>\Q$charted\E<}, 'and when the chart was observed');
for my $day (grep { $_->{region} eq 'SE' } @{ $analytics->{timeline} })
{
	my ($cells) = $page =~ m{<th scope="row">\Q$day->{date}\E</th>(.*?)</tr>};

	# by code: AT GB NL NO PL SE US XX, of which the last has no chart
	my @cells = $cells =~ m{<td[^>]*>(.*?)</td>}g;
	is($cells[5], $day->{viral_count} // '&ndash;', "the table has $day->{date}");
	is($cells[7], '&ndash;', '... and says where there was no chart');
}

# ---------------------------------------------------------------------------
# Rights, rooms, requests
# ---------------------------------------------------------------------------

my ($code, $out, $err) = $node->psql('postgres', 'SET ROLE nobody_special; SELECT vvault_dashboard()');
like($err, qr/permission denied for function vvault_dashboard/, 'it is for readers');

is($node->safe_psql('postgres', q{SELECT vvault_dashboard() IS NULL, current_setting('response.headers', true) IS NULL}),
	'f|t', 'a client that is not PostgREST sees no setting touched');

# What PostgREST sends, and the headers it is told.
sub get
{
	my (undef, $reply) = split /\n/, $node->safe_psql('postgres', <<'EOF');
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SELECT set_config('search_path', 'public', true) || set_config('role', 'reader', true)
	|| set_config('request.method', 'GET', true) || set_config('request.path', '/rpc/vvault_dashboard', true)
	|| set_config('request.headers', '{"accept":"text/html","if-none-match":"*"}', true) AS request;
WITH pgrst_source AS (SELECT pgrst_call.pgrst_scalar FROM (SELECT "public"."vvault_dashboard"() pgrst_scalar) pgrst_call)
SELECT encode("vvault"."*/*"(_postgrest_t.pgrst_scalar), 'hex') AS body,
	nullif(current_setting('response.headers', true), '') AS response_headers,
	nullif(current_setting('response.status', true), '') AS response_status, current_setting('request.method')
FROM (SELECT "vvault_dashboard".* FROM "pgrst_source" AS "vvault_dashboard") _postgrest_t;
COMMIT;
EOF
	return split /\|/, $reply;
}

my ($body, $headers, $status, $method) = get();
my %header = map { %$_ } @{ $json->decode($headers) };
like(pack('H*', $body), qr/\A<!DOCTYPE html>/, 'PostgREST gets the bytes of the page');
is($header{'Content-Type'}, 'text/html; charset=utf-8', 'told what they are');
is($header{'Content-Security-Policy'}, policy_of($page) . "; frame-ancestors 'none'",
	'and the policy, which keeps it out of frames');
is("$status|$method", '|GET', 'a request for what is not modified is none for the analytics');

$node->safe_psql('template1', 'CREATE DATABASE empty TEMPLATE template0');
$node->safe_psql('empty', 'CREATE SCHEMA "Odd room"; CREATE EXTENSION vvault SCHEMA "Odd room" CASCADE');
my $empty = $node->safe_psql('empty',
	q{SET search_path = pg_temp; SELECT pg_catalog.convert_from("Odd room".vvault_dashboard(), 'UTF8')});
like($empty, qr/No chart has been taken in yet/, 'without charts it says so, in any schema');
is(() = $empty =~ /<article\b/g, 7, 'and has its seven regions');
$node->safe_psql('empty', 'UPDATE vvault.region_defaults SET enabled = false');
$empty = $node->safe_psql('empty', q{SELECT convert_from("Odd room".vvault_dashboard(), 'UTF8')});
like($empty, qr/<\/html>\s*\z/, 'it is whole without any region too');

# The settings stand in the policy: nothing that means something there.
for my $bad (
	[ chartjs_url => $_ ],
	[ chartjs_integrity => $_ ])
{
	for my $value ('', 'javascript:alert(1)', 'http://example.org/chart.js', '//example.org/chart.js',
		'https://example.org', "https://example.org/chart.js 'unsafe-inline'", 'https://example.org/a;b',
		'https://example.org/a,b', 'https://example.org/a"b', "/chart.js\n", '/../chart.js', 'sha384-short',
		'none', "sha384-" . 'A' x 64 . "' *")
	{
		(my $quoted = $value) =~ s/'/''/g;
		my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY sqlstate\nSELECT vvault_set('$bad->[0]', '$quoted')");
		like($err, qr/ERROR:  22023/, "$bad->[0] is not " . $json->encode([$value]));
	}
}

# What is shipped is what demo/package-lock.json pins.
sub slurp
{
	my ($file) = @_;

	open my $in, '<:raw', $file or die "$file: $!";
	local $/;
	return scalar <$in>;
}

my $lock = $json->decode(slurp('demo/package-lock.json'))->{packages};
my ($version) = $address =~ /chart\.js@([0-9.]+)/;
is($lock->{'node_modules/chart.js'}{version}, $version, 'the shipped address is of the version that npm takes');
is($lock->{''}{dependencies}{'chart.js'}, $version, 'which demo/package.json names');
is((() = slurp('demo/package-lock.json') =~ /https?:/g), 0, 'from wherever npm is told to');

# ---------------------------------------------------------------------------
# In a browser
# ---------------------------------------------------------------------------

my $dir = PostgreSQL::Test::Utils::tempdir();
my $browser;

# A file with a page, and its address.
sub saved
{
	my ($name, $content) = @_;
	my $file = "$dir/$name";

	open my $out, '>:raw', $file or die "$file: $!";
	print {$out} $content;
	close $out or die "$file: $!";
	return "file://$file";
}

# The page with the library in it, as the demo writes it.
sub with_library
{
	my ($page) = @_;
	my $result;

	IPC::Run::run([ $^X, 'demo/dashboard.pl', $library ], '<', \$page, '>', \$result)
	  or die 'demo/dashboard.pl failed';
	return $result;
}

# The numbers of a chart: labels, and the sets by name.
sub chart
{
	my ($id) = @_;

	return $json->decode($browser->value(<<"EOF"));
(function () {
	const chart = Chart.getChart('$id');
	const sets = {};
	chart.data.datasets.forEach(function (set) { sets[set.label] = set.data; });
	return unescape(encodeURIComponent(JSON.stringify({ type: chart.config.type, labels: chart.data.labels, sets: sets })));
}())
EOF
}

# How many points of a canvas have the color of a set of its chart, while the
# other sets, which may lie over it, are taken away.
sub painted
{
	my ($id, $set) = @_;

	return $browser->value(<<"EOF");
(function () {
	const canvas = document.getElementById('$id');
	const chart = Chart.getChart(canvas);
	const sets = chart.data.datasets;
	const wanted = sets[$set].borderColor;
	const shown = sets.map(function (set, i) { return chart.isDatasetVisible(i); });
	sets.forEach(function (set, i) { chart.setDatasetVisibility(i, shown[i] && i === $set); });
	chart.update();
	const [r, g, b] = [1, 3, 5].map(function (i) { return parseInt(wanted.slice(i, i + 2), 16); });
	const points = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
	let n = 0;
	for (let i = 0; i < points.length; i += 4) {
		if (points[i] === r && points[i + 1] === g && points[i + 2] === b && points[i + 3] === 255) {
			n++;
		}
	}
	sets.forEach(function (set, i) { chart.setDatasetVisibility(i, shown[i]); });
	chart.update();
	return n;
}())
EOF
}

sub no_complaints
{
	my ($label) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(join("\n", $browser->complaints), '', "$label: no error, no breach of the policy");
}

sub column
{
	my ($key, @rows) = @_;

	return [ map { $_->{$key} } @rows ];
}

sub test_charts
{
	my @regions = sort { $a->{region} cmp $b->{region} } @{ $analytics->{regions} };
	my $names = $json->decode($data)->{names};
	my $radar = chart('radar');
	my $timeline = chart('timeline');

	is($radar->{type}, 'radar', 'one chart is a radar');
	is_deeply($radar->{labels}, column('region', @regions), 'of all regions');
	is_deeply($radar->{sets},
		{ 'Viral videos' => column('viral_count', @regions), 'Average score' => column('avg_score', @regions) },
		'with their viral videos and average scores');
	is($timeline->{type}, 'line', 'the other is of lines');
	is(scalar @{ $timeline->{labels} }, 14, 'over fourteen days');
	is(scalar keys %{ $timeline->{sets} }, 8, 'one for each region');
	for my $region (@regions)
	{
		my @days = grep { $_->{region} eq $region->{region} } @{ $analytics->{timeline} };

		is_deeply($timeline->{sets}{ $names->{ $region->{region} } }, column('viral_count', @days),
			"the line of $region->{region} has its counts");
	}
	cmp_ok(painted('radar', 0), '>', 50, 'the radar is painted');
	cmp_ok(painted('timeline', $_), '>', 50, "line $_ is painted") for 0 .. 6;
	is(painted('timeline', 7), 0, 'that of a region without a chart is a gap');
	return;
}

sub test_harmless
{
	is($browser->value('typeof window.hacked'), 'undefined', 'nothing that came from a table ran');
	is($browser->value(q{document.querySelector('[aria-labelledby=top-XX] .title').textContent}),
		'<script>window.hacked = "title"</script>', 'the title is shown as it is');
	is($browser->value('document.scripts.length'), 3, 'there are the three scripts');
	$browser->value(<<'EOF');
(function () {
	const script = document.createElement('script');
	script.textContent = 'window.hacked = "inserted"';
	document.head.appendChild(script);
	document.body.insertAdjacentHTML('beforeend', '<a id="trap" onclick="window.hacked = 1">x</a>');
	document.getElementById('trap').click();
	document.getElementById('trap').remove();
}())
EOF
	is($browser->value('typeof window.hacked'), 'undefined', 'and what were slipped in would not run');
	return;
}

sub background
{
	return $browser->value('getComputedStyle(document.body).backgroundColor');
}

sub test_keyboard
{
	my $light = background();

	$browser->press('Tab', 9);
	is($browser->value('document.activeElement.className'), 'skip', 'the first key leads past the head');
	$browser->press('Tab', 9);
	is($browser->value('document.activeElement.id'), 'theme', 'the second to the theme');
	isnt($browser->value(q{getComputedStyle(document.activeElement).outlineStyle}), 'none', 'which shows it');
	my $color = $browser->value(q{Chart.getChart('radar').data.datasets[0].borderColor});
	$browser->press(' ', 32, ' ');
	isnt(background(), $light, 'a key makes it dark');
	is($browser->value(q{document.activeElement.getAttribute('aria-pressed')}), 'true', 'and says so');
	isnt($browser->value(q{Chart.getChart('radar').data.datasets[0].borderColor}), $color, 'with the charts');
	$browser->press(' ', 32, ' ');
	is(background(), $light, 'and light again');

	$browser->value(q{document.querySelector('#timeline-legend button:nth-child(5)').focus()});
	$browser->press('Enter', 13, "\r");
	is($browser->value(q{Chart.getChart('timeline').isDatasetVisible(4)}), JSON::PP::false, 'a key takes a region away');
	is(painted('timeline', 4), 0, 'and its line');
	$browser->press('Enter', 13, "\r");
	is($browser->value(q{Chart.getChart('timeline').isDatasetVisible(4)}), JSON::PP::true, 'and brings it back');
	return;
}

# What a reader of the screen gets: names of whatever has a role.
sub test_alternatives
{
	is($browser->value(q{Array.from(document.querySelectorAll('canvas')).filter(function (c) {
		return c.getAttribute('role') === 'img' && c.getAttribute('aria-label').length > 20; }).length}),
		2, 'both charts have a text');
	is($browser->value(q{Array.from(document.querySelectorAll('[aria-labelledby]')).filter(function (e) {
		return !document.getElementById(e.getAttribute('aria-labelledby')); }).length}),
		0, 'every label leads to one');
	is($browser->value(q{(function () {
		const ids = Array.from(document.querySelectorAll('[id]')).map(function (e) { return e.id; });
		return ids.length - new Set(ids).size; }())}), 0, 'no id is there twice');
	return;
}

# WCAG's contrast of an element's text with what is behind it.
sub contrast
{
	my ($selector) = @_;

	return $browser->value(<<"EOF");
(function () {
	function rgb(text) { return text.match(/[0-9.]+/g).map(Number); }
	function luminance(c) {
		const [r, g, b] = c.map(function (v) {
			v /= 255;
			return v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4);
		});
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	}
	let e = document.querySelector('$selector');
	const text = luminance(rgb(getComputedStyle(e).color).slice(0, 3));
	while (rgb(getComputedStyle(e).backgroundColor)[3] === 0) {
		e = e.parentElement;
	}
	const behind = luminance(rgb(getComputedStyle(e).backgroundColor).slice(0, 3));
	return (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
}())
EOF
}

sub test_contrast
{
	my ($theme) = @_;

	for my $selector ('h1', 'header p', '.tiles dt', '.title', '.about', '.scores', 'thead th', 'summary', '#theme', 'footer')
	{
		cmp_ok(contrast($selector), '>=', 4.5, "$theme: $selector can be read");
	}
	return;
}

# Serves a page with its headers and the library, as a site would, until the
# browser has been there. Returns the address and the process.
sub serve
{
	my ($page, $policy, $library_file) = @_;
	my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die "listen: $!";
	my $url = 'http://127.0.0.1:' . $listener->sockport . '/';
	my $pid = fork() // die "fork: $!";

	return ($url, $pid) if $pid;
	# each in a process of its own: a browser may connect before it has something to ask
	$SIG{CHLD} = 'IGNORE';
	while (my $client = $listener->accept)
	{
		my $request = '';

		next if fork // die "fork: $!";

		$request .= $_ while defined($_ = <$client>) && /\S/;
		my ($type, $content) = $request =~ m{^GET / } ? ('text/html; charset=utf-8', $page)
		  : ('text/javascript', slurp($library_file));
		print {$client} "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: $type\r\n",
		  "Content-Security-Policy: $policy\r\nContent-Length: ", length $content, "\r\n\r\n", $content;
		close $client;
		last;
	}
	POSIX::_exit(0);
}

# Visits a page as served with a library; says whether it was taken.
sub library_taken
{
	my ($page, $policy, $library_file) = @_;
	my ($url, $pid) = serve($page, $policy, $library_file);

	eval { $browser->visit($url) };
	my $error = $@;
	kill 'KILL', $pid;
	waitpid $pid, 0;
	die $error if $error;
	return $browser->value(q{typeof window.Chart === 'function' && Chart.getChart('radar') !== undefined});
}

SKIP:
{
	skip 'no Chromium here', 1 unless Browser::executable();
	skip 'no Chart.js here', 1 unless -f $library;
	$browser = Browser->start($dir);

	$browser->resize(1280, 900);
	$browser->prefer('light');
	$browser->visit(saved('dashboard.html', with_library($page)));
	no_complaints('the page');
	test_charts();
	test_alternatives();
	test_contrast('light');
	my $light = background();
	my $logs = $PostgreSQL::Test::Utils::log_path;
	$browser->screenshot("$logs/dashboard-light.png", 1);
	test_keyboard();
	no_complaints('after all keys');
	test_harmless();

	$browser->prefer('dark');
	$browser->visit("file://$dir/dashboard.html");
	is(background(), $light, 'what was chosen is remembered');
	$browser->value('localStorage.clear()');
	$browser->visit("file://$dir/dashboard.html");
	isnt(background(), $light, 'it is dark where the system is');
	test_contrast('dark');
	$browser->screenshot("$logs/dashboard-dark.png", 1);

	$browser->prefer('light');
	$browser->resize(360, 740, 1);
	$browser->visit("file://$dir/dashboard.html");
	cmp_ok($browser->value('document.documentElement.scrollWidth'), '<=', 360, 'a phone has nothing beside its screen');
	cmp_ok(painted('timeline', 0), '>', 50, 'and charts');
	$browser->screenshot("$logs/dashboard-phone.png");
	$browser->resize(1280, 900);

	$browser->visit(saved('empty.html', with_library($empty)));
	no_complaints('without a region');

	# A site of its own: the library at its own address, by its hash.
	$node->safe_psql('postgres', q{SELECT vvault_set('chartjs_url', '/chart.umd.js')});
	my ($own) = page_and_analytics('postgres', 'reader');
	my ($headers) = (get())[1];
	my ($policy) = map { $_->{'Content-Security-Policy'} // () } @{ $json->decode($headers) };
	like(policy_of($own, 'script-src'), qr/ 'self'$/, 'a path is of the site itself');
	is(library_taken($own, $policy, $library), JSON::PP::true, 'a site that serves the library has charts');
	no_complaints('from a site');
	saved('other.js', slurp($library) . "\n");
	is(library_taken($own, $policy, "$dir/other.js"), JSON::PP::false, 'another library is not taken');
	is($browser->value(q{document.getElementById('no-charts').hidden}), JSON::PP::false, 'and the page says so');
	is($browser->value(q{document.getElementById('timeline-table').open}), JSON::PP::true, 'and shows the table instead');
	is($browser->value(q{document.querySelectorAll('canvas')[0].offsetParent === null}), JSON::PP::true, 'of the charts');

	$browser->stop;
}

done_testing();
