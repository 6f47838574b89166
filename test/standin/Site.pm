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

# new(folder, connection string of the login role, its role, name => value of the
# script's environment): started; undef where there is no nginx.
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

# Sends bytes, returns all that comes back until the server closes.
sub raw
{
	my ($self, $bytes, $url) = @_;
	my ($address) = ($url // $self->{url}) =~ m{//(.*)};
	my $socket = IO::Socket::INET->new(PeerAddr => $address, Timeout => 30) or croak "$address: $!";
	my $reply = '';

	local $SIG{PIPE} = 'IGNORE';
	syswrite $socket, $bytes;
	while (sysread $socket, $reply, 65536, length $reply) { }
	return $reply;
}

# request(method, target, headers, body): status, headers (names in lower case),
# body. Headers are lines.
sub request
{
	my ($self, $method, $target, $lines, $body, $url) = @_;
	my $head = join '', map { "$_\r\n" } "$method $target HTTP/1.1", 'Host: localhost', 'Connection: close', @{ $lines // [] };

	$head .= 'Content-Length: ' . length($body) . "\r\n" if defined $body;
	my $reply = $self->raw("$head\r\n" . ($body // ''), $url);
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
