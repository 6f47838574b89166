#!/usr/bin/env perl
#
# site.pl
#     Throws requests at a site: nginx as deploy/ has it, with PostgREST or the
#     tests' stand-in behind it.
#
# usage: test/fuzz/site.pl --url http://127.0.0.1:PORT [--rounds 20000]
#        [--seconds 600] [--seed N] [--first 1]
#
# A request is made of paths, arguments, methods, headers and bodies as they are
# known, in odd mixtures, and damaged in their bytes. What must hold, whatever
# comes:
#
#     there is a reply, and its status is below 500
#     from 400 on it is {"error": "..."} as JSON, and below it is JSON or the page
#     a URL that decodes to something else than UTF-8, or has a NUL, is refused
#     a search that is well formed is 200 and says what was searched for
#     no header of the request comes back
#
# The seed is printed; round N of a seed is the same in every run, so
# "--seed S --first N --rounds 1" repeats one. Ends with a line "ok" or "not ok".

use v5.36;

use Encode       ();
use Getopt::Long qw(GetOptions);
use IO::Socket::INET;
use JSON::PP ();

my ($url, $rounds, $seconds, $seed, $first) = (undef, 20_000, 86_400, undef, 1);
GetOptions('url=s' => \$url, 'rounds=i' => \$rounds, 'seconds=i' => \$seconds, 'seed=i' => \$seed, 'first=i' => \$first)
  && !@ARGV && defined $url
  or die "usage: $0 --url URL [--rounds N] [--seconds N] [--seed N] [--first N]\n";
$seed //= time ^ $$ << 8;
my ($address) = $url =~ m{^http://([\d.]+:\d+)$} or die "not an address: $url\n";
my $json = JSON::PP->new->utf8->allow_nonref->max_depth(100_000);

# ---------------------------------------------------------------------------
# What requests are made of
# ---------------------------------------------------------------------------

my @paths = ('/api/trending/PL', '/api/trending/SE', '/api/search', '/api/search', '/api/search', '/api/videos/v1',
	'/api/videos/v1/related', '/api/regions', '/api/analytics', '/api/insights/PL', '/api/openapi.json', '/dashboard', '/health', '/',
	'/api', '/rpc/vvault_trending', '/.vvault/400', '/.vvault/search', '/api/trending/');
my @names = ('#', qw(q region language page_size cursor sort days video_id utm_source select columns on_conflict order limit offset and or
  not.and not.or a.limit id Q %71 q[] = " as_of per_channel per_category));
my @words = ('eq.1', 'cs.lewis', 'not.in.x', 'in.(a,b)', 'in.(', 'is.null', 'is.', 'fts(english).x', 'like.*x*', '(select)', 'or', '-x', 'title',
	'a title', 'PL', 'SE', 'ZZ', 'pl', 'en', '25', '0', '-1', '1e9', '99999999999', 'views', 'momentum', 'hot', '2026-01-01T00:00:00Z', '',
	'a;b', 'a&b', '%', '%25', '%2', '"', "'", '\\', '{', '[1]', 'null', '../..', '//', '?', '#', '$1', '`', '<script>', "\x01", "\t",
	"\xc5\xbc", "\xf0\x9f\x98\x80", "\xe2\x80\x8b", "\xd7\xa9", "\xe6\x97\xa5", "\xff", "\xc3", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80",
	"\x00", "\r\nX-Evil: yes\r\n");
my @methods = (('GET') x 12, ('HEAD') x 2, ('POST') x 4, qw(OPTIONS PUT DELETE PATCH TRACE CONNECT PROPFIND get));
my @headers = ('If-None-Match: *', 'If-None-Match: "x", W/"y"', 'If-None-Match: "', 'If-Modified-Since: x', 'If-Match: "x"',
	'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT', 'If-Range: "x"', 'Accept: text/csv', 'Accept: ;;,',
	'Accept: application/vnd.pgrst.object+json', 'Accept-Encoding: gzip', 'Authorization: Bearer a.b.c', 'Authorization: Bearer',
	'Prefer: handling=strict, x', 'Prefer: tx=rollback', 'Range: 5-2', 'Range: bytes=0-1', 'Accept-Profile: vvault', 'Content-Profile: x',
	'Cookie: a=b', 'X-HTTP-Method-Override: DELETE', 'X-Forwarded-For: 1.2.3.4', 'Connection: upgrade', 'Upgrade: h2c', 'TE: trailers',
	'Expect: 100-continue', 'Content-Type: text/csv', 'Content-Type: application/x-www-form-urlencoded', 'Origin: https://evil.example',
	"X-Odd: \xff\xfe", 'X-Evil: yes', 'Host: other', 'Transfer-Encoding: gzip', 'X-Long: ' . 'y' x 7000, 'X-Accel-Redirect: /health',
	'X-Accel-Expires: 3600');

sub one_of { return $_[ rand @_ ] }

# Bytes for a URL; some that need not be are encoded as well, some that need it
# are not.
sub encoded ($text)
{
	my $always = one_of(qr/[^A-Za-z0-9]/, qr/[^A-Za-z0-9._~-]/, qr/[\x00-\x20\x7f%&#+;]/, qr/[\x00-\x20\x7f]/, qr/[\x00-\x20\x7f-\xff%&]/);

	return $text =~ s/($always)/sprintf one_of('%%%02X', '%%%02x'), ord $1/ger;
}

sub text
{
	my $text = join one_of('', '', ' ', '.'), map { one_of(@words) } 1 .. 1 + rand 3;

	return damaged($text) if rand() < 0.15;
	return $text x (1 + rand 300) if rand() < 0.02;
	return $text;
}

sub damaged ($bytes)
{
	for (1 .. 1 + rand 3)
	{
		my $at = int rand(1 + length $bytes);

		substr($bytes, $at, int rand 3) = one_of('', chr rand 256, chr rand 256, one_of(@words));
	}
	return $bytes;
}

sub target
{
	my $path = one_of(@paths);

	$path .= encoded(text()) if rand() < 0.1;
	$path =~ s{([^/]+)\z}{encoded(text())}e if rand() < 0.1;
	my @arguments = map { one_of(@names) . (rand() < 0.9 ? '=' : '') . encoded(text()) } 1 .. rand 5;
	my $query = join one_of('&', '&', '&', ';', '&&'), @arguments;
	my $target = $path . (@arguments || rand() < 0.1 ? '?' : '') . $query;

	$target = damaged($target) if rand() < 0.05;
	return $target =~ s/[\x00-\x20\x7f]/sprintf '%%%02X', ord $&/ger if rand() < 0.98;
	return $target;
}

sub value ($depth)
{
	return one_of(0, 1, -1, 25, 1e30, 'null', 'true') if rand() < 0.3;
	return $json->encode(Encode::decode('UTF-8', text())) if rand() < 0.6 || $depth > 3;
	return '[' . join(',', map { value($depth + 1) } 1 .. rand 4) . ']' if rand() < 0.5;
	return object($depth + 1);
}

sub object ($depth)
{
	return '{' . join(',', map { '"' . one_of(qw(q q q region language page_size cursor limit x)) . '":' . value($depth) } 1 .. rand 4) . '}';
}

sub body
{
	my $body = one_of(
		sub { object(0) }, sub { object(0) }, sub { '[' . join(',', map { object(0) } 1 .. rand 3) . ']' }, sub { value(0) },
		sub { 'q=' . encoded(text()) }, sub { '{"q":' . '[' x (1 + rand 8000) }, sub { my $n = 1 + rand 8000; '{"q":' . '[' x $n . ']' x $n . '}' },
		sub { '{"q":"' . 'a' x rand(20_000) . '"}' }, sub { '{"q":"\\u0000"}' }, sub { '{"q":"\\ud800"}' }, sub { '' })->();

	return rand() < 0.2 ? damaged($body) : $body;
}

# ---------------------------------------------------------------------------
# A request and its reply
# ---------------------------------------------------------------------------

# Some arrive in chunks. One that does not say how long it is, or says more than
# comes, would only wait for its time to run out.
sub request
{
	my ($method, $target) = (one_of(@methods), target());
	my @lines = ('Host: localhost', 'Connection: close', map { one_of(@headers) } 1 .. rand 4);
	my $body = $method eq 'POST' || rand() < 0.1 ? body() : undef;

	$target =~ s/\?.*//s, $target = '/api/search' if $method eq 'POST' && rand() < 0.7;
	if (defined $body && rand() < 0.2)
	{
		push @lines, 'Transfer-Encoding: chunked';
		$body = join('', map { sprintf "%x\r\n%s\r\n", length, $_ } $body =~ /(.{1,1000})/gs) . "0\r\n\r\n";
	}
	elsif (defined $body)
	{
		push @lines, 'Content-Length: ' . length $body;
	}
	my $protocol = rand() < 0.99 ? 'HTTP/1.1' : one_of('HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/9.9', 'http/1.1', 'HTTP/1.1 x');
	my $head = join "\r\n", "$method $target $protocol", @lines, '', '';
	if (rand() < 0.01)
	{
		$head = damaged($head) . "\r\n\r\n";
		($target) = $head =~ /\A[^ ]* ?([^ \r\n]*)/;
	}
	return { method => $method, target => $target, protocol => $protocol, head => $head, body => $body // '' };
}

# A search that nothing is wrong with, for which the reply is known in part.
sub good_search
{
	my $q;

	do { $q = text() } until length $q <= 60 && $q !~ /\x00/ && eval { Encode::decode('UTF-8', my $copy = $q, Encode::FB_CROAK); 1 };
	my $target = '/api/search?q=' . ($q =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger);

	return { method => 'GET', target => $target, head => "GET $target HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", body => '', q => $q };
}

sub reply_to ($request)
{
	my $socket = IO::Socket::INET->new(PeerAddr => $address, Timeout => 30) or return { status => 0, body => "no connection: $!" };
	my $reply = '';

	local $SIG{PIPE} = 'IGNORE';
	print $socket $request->{head}, $request->{body};
	$socket->flush;
	local $SIG{ALRM} = sub { die "time is up\n" };
	eval { alarm 60; while (sysread $socket, $reply, 65536, length $reply) { } alarm 0; 1 } or return { status => 0, body => 'no end' };
	$reply =~ s/\AHTTP\/1\.1 100 .*?\r\n\r\n//s;
	my ($head, $body) = split /\r\n\r\n/, $reply, 2;
	my ($status) = ($head // '') =~ /\AHTTP\/1\.1 (\d{3})/;
	# what comes after it answers what came after the request
	$body = join '', chunks($body) if ($head // '') =~ /^Transfer-Encoding: chunked/mi;
	$body = '' if ($body // '') =~ /\AHTTP\/1\.1 \d/;
	$body = substr $body, 0, $1 if ($head // '') =~ /^Content-Length: (\d+)/mi && length($body // '') > $1;
	return { status => $status // 0, head => $head // '', body => $body // '' };
}

sub chunks ($rest)
{
	my @chunks;

	while ($rest =~ s/\A([0-9a-fA-F]+)\r\n//)
	{
		push @chunks, substr $rest, 0, hex $1, '';
		$rest =~ s/\A\r\n//;
	}
	return @chunks;
}

# Does a URL decode to UTF-8 without a NUL?
sub is_text ($target)
{
	my $bytes = $target =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger;

	return $bytes !~ /\x00/ && eval { Encode::decode('UTF-8', $bytes, Encode::FB_CROAK); 1 };
}

# What is wrong with a reply, or nothing.
sub fault ($request, $reply)
{
	my ($status, $body) = @$reply{qw(status body)};

	# HTTP 0.9 has no status and no headers
	return '' if $request->{head} =~ /\A\S+ \S*\r?\n/ || ($request->{protocol} // '') eq 'HTTP/0.9';
	return 'no reply' if !$status;
	return 'a fault of the server' if $status >= 500;
	return 'a header came in' if $reply->{head} =~ /^X-Evil/mi;
	return 'bytes that are no text' if $status < 400 && !is_text($request->{target});
	return '' if $body eq '' && ($status =~ /^(?:204|304)$/ || $request->{head} =~ /\AHEAD/);
	return '' if $status < 400 && $reply->{head} =~ m{^Content-Type: text/html}mi && $body =~ /\A(?:<!DOCTYPE html>|\x1f\x8b)/;
	return '' if $status < 400 && $reply->{head} =~ /^Content-Encoding: gzip/mi;
	# nginx finds that the chunks of a body are none when it has an error already
	return '' if $status == 400 && $request->{head} =~ /chunked/ && $body =~ /\A<html>/;
	my $said = eval { $json->decode($body) };
	return 'no JSON' if $@;
	return 'not the body of an error' if $status >= 400 && (ref $said ne 'HASH' || join(' ', keys %$said) ne 'error');
	return '' if $status == 412 && $request->{head} =~ /^If-(?:Match|Unmodified-Since):/mi;
	return "a good search is $status" if defined $request->{q} && $status != 200;
	return 'another search' if defined $request->{q} && Encode::encode('UTF-8', $said->{query} // '') ne $request->{q};
	return '';
}

# ---------------------------------------------------------------------------

my ($end, $done, %count) = (time + $seconds, 0);
for my $round ($first .. $first + $rounds - 1)
{
	last if time >= $end;
	srand($seed * 1_000_003 + $round);
	my $request = rand() < 0.1 ? good_search() : request();
	my $reply = reply_to($request);
	my $fault = fault($request, $reply);

	$done++;
	$count{ $reply->{status} }++;
	next if $fault eq '';
	say "$fault: seed $seed, round $round: status $reply->{status}";
	say for map { s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ger } substr($request->{head}, 0, 2000), substr($request->{body}, 0, 500),
	  substr($reply->{body}, 0, 500);
	say 'not ok - requests to the site';
	exit 1;
}
my $health = reply_to({ head => "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", body => '' });
if ($health->{status} != 200)
{
	say "the site is gone: $health->{status} $health->{body}", "\nnot ok - requests to the site, seed $seed";
	exit 1;
}
say "seed $seed: ", join ', ', map { "$count{$_} times $_" } sort keys %count;
say "ok - $done requests to the site";
