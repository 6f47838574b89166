#
# Site.pm
#		The site as deploy/ has it, for a test: nginx and PostgREST, or the
#		stand-in where there is no PostgREST, and requests to them byte by byte.
#
package Site;

use strict;
use warnings;

use Carp;
use IO::Socket::INET;
use IPC::Run ();

# Which programs can stand behind nginx here: the stand-in always, and PostgREST
# where there is one on the PATH.
sub programs
{
	my ($there) = grep { -x "$_/postgrest" } split /:/, $ENV{PATH};

	return ('standin', $ENV{VVAULT_POSTGREST} || $there ? 'postgrest' : ());
}

sub has_postgrest { return ($_[0]->programs)[-1] eq 'postgrest' }

# new(folder, connection string of the login role, its role, name => value of the
# script's environment): started, by programs() the last; undef where there is no
# nginx. {with} says what is there, for the output of a test.
sub new
{
	my ($class, $folder, $connstr, $role, %environment) = @_;
	my $self = bless { folder => $folder }, $class;
	my ($out, $err);

	$connstr =~ s/'//g;
	local %ENV = (%ENV, STANDIN => 'yes', %environment);
	delete @ENV{ grep { /^PG/ } keys %ENV };
	IPC::Run::run([ 'scripts/site.sh', 'start', $folder, $connstr, $role ], '<', '/dev/null', '>', \$out, '2>', \$err)
	  or $err =~ /^there is no nginx/m ? return : croak $err;
	$self->{started} = 1;
	$self->{$1} = $2 while $out =~ /^(\w+) (.*)$/mg;
	$self->{with} = $self->{program} eq 'postgrest' ? "with PostgREST $self->{version}" : "with the tests' stand-in for PostgREST";
	return $self;
}

sub stop
{
	my ($self) = @_;

	IPC::Run::run([ 'scripts/site.sh', 'stop', $self->{folder} ]) if delete $self->{started};
	return;
}

sub DESTROY
{
	local ($?, $@);
	$_[0]->stop;
	return;
}

sub signal_upstream
{
	my ($self, $signal) = @_;

	open my $in, '<', "$self->{folder}/upstream.pid" or croak "upstream.pid: $!";
	chomp(my $pid = <$in>);
	kill $signal, $pid or croak "kill $pid: $!";
	return;
}

# Is this a whole reply? One that says nothing of its length ends with the
# connection, and so does one of HEAD, which has no body.
sub is_whole
{
	my ($reply) = @_;
	my ($head, $body) = split /\r\n\r\n/, $reply, 2;

	return 0 if !defined $body;
	return length $body >= $1 if $head =~ /^Content-Length: *(\d+)/mi;
	return $head =~ /^Transfer-Encoding: *chunked/mi && $body =~ /(?:\A|\r\n)0\r\n\r\n\z/;
}

# Sends bytes, returns what comes back until the server closes, or has answered
# one request: PostgREST may keep a connection on which it failed.
sub raw
{
	my ($self, $bytes, $url) = @_;
	my ($address) = ($url // $self->{url}) =~ m{//(.*)};
	my $socket = IO::Socket::INET->new(PeerAddr => $address, Timeout => 30) or croak "$address: $!";
	my $reply = '';

	local $SIG{PIPE} = 'IGNORE';
	syswrite $socket, $bytes;
	while (sysread $socket, $reply, 65536, length $reply)
	{
		last if is_whole($reply);
	}
	return $reply;
}

# request(method, target, headers, body): status, headers (names in lower case),
# body. Headers are lines.
sub request
{
	my ($self, $method, $target, $lines, $body, $url) = @_;
	my $head = join '', map { "$_\r\n" } "$method $target HTTP/1.1", 'Host: localhost', 'Connection: close', @{ $lines // [] };

	$head .= 'Content-Length: ' . length($body) . "\r\n" if defined $body;
	my $reply = $self->raw("$head\r\n" . ($body // ''), $url) =~ s/\AHTTP\/1\.1 100 .*?\r\n\r\n//sr;
	my ($top, $content) = split /\r\n\r\n/, $reply, 2;
	my ($first, @headers) = split /\r\n/, $top // '';
	my %headers;
	for (@headers)
	{
		my ($name, $value) = /^([^:]+):\s*(.*)/ or next;

		$headers{ lc $name } = exists $headers{ lc $name } ? $headers{ lc $name } . ", $value" : $value;
	}
	if (($headers{'transfer-encoding'} // '') eq 'chunked')
	{
		my ($rest, $whole) = ($content, '');

		while ($rest =~ s/\A([0-9a-fA-F]+)\r\n//)
		{
			$whole .= substr $rest, 0, hex $1, '';
			$rest =~ s/\A\r\n//;
		}
		$content = $whole;
	}
	return { status => $first =~ /^HTTP\/1\.1 (\d{3})/ ? $1 : 0, headers => \%headers, body => $content // '' };
}

sub get
{
	my ($self, $target, @lines) = @_;

	return $self->request('GET', $target, \@lines);
}

1;
