#!/usr/bin/perl
#
# standin.pl
#		A stand-in for PostgREST's server, for tests and benchmarks alone, where
#		no PostgREST is to be had. See PostgRESTReplay.pm.
#
# usage: standin.pl PORT CONNECTION-STRING ROLE SCHEMA ROOT-FUNCTION [WORKERS]
#
# Listens on 127.0.0.1. Each worker has one connection to the database and
# serves many clients in turn. Ends with SIGTERM, or when its parent does.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IO::Select;
use IO::Socket::INET;
use PostgRESTReplay;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

my ($port, $connstr, $role, $schema, $root, $workers) = @ARGV;
die "usage: standin.pl PORT CONNECTION-STRING ROLE SCHEMA ROOT-FUNCTION [WORKERS]\n" if !defined $root;

my %reason = (200 => 'OK', 304 => 'Not Modified', 400 => 'Bad Request', 401 => 'Unauthorized', 403 => 'Forbidden',
	404 => 'Not Found', 405 => 'Method Not Allowed', 406 => 'Not Acceptable', 416 => 'Range Not Satisfiable', 500 => 'Internal Server Error', 503 => 'Service Unavailable');

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 511, ReuseAddr => 1)
  or die "cannot listen on port $port: $!\n";
my @children;

# One request out of a client's buffer: method, target, headers, body; nothing
# while it is not whole.
sub take_request
{
	my ($buffer) = @_;

	$$buffer =~ /\A(\S+) (\S+) HTTP\/1\.[01]\r\n(.*?)\r\n\r\n/s or $$buffer =~ /\A(\S+) (\S+) HTTP\/1\.[01]()\r\n\r\n/ or return;
	my ($method, $target, $head, $end) = ($1, $2, $3, $+[0]);
	my %headers = map { /^([^:]+):\s*(.*?)\s*$/ ? (lc $1 => $2) : () } split /\r\n/, $head;
	my $length = $headers{'content-length'} // 0;

	return if length($$buffer) < $end + $length;
	my $body = substr $$buffer, $end, $length;
	substr($$buffer, 0, $end + $length) = '';
	return ($method, $target, \%headers, $body);
}

sub send_all
{
	my ($socket, $text) = @_;

	while (length $text)
	{
		my $n = syswrite $socket, $text;

		last if !defined $n;
		substr($text, 0, $n) = '';
	}
	return;
}

sub serve
{
	my $replay = PostgRESTReplay->new($connstr, $role, $schema, $root);
	my $select = IO::Select->new($listener);
	my $parent = getppid;
	my %buffer;

	$listener->blocking(0);
	while (getppid == $parent)
	{
		for my $socket ($select->can_read(1))
		{
			if ($socket == $listener)
			{
				my $client = $listener->accept or next;
				setsockopt $client, IPPROTO_TCP, TCP_NODELAY, 1;
				$buffer{$client} = '';
				$select->add($client);
				next;
			}
			if (!sysread $socket, $buffer{$socket}, 65536, length $buffer{$socket})
			{
				$select->remove($socket);
				delete $buffer{$socket};
				close $socket;
				next;
			}
			while (my ($method, $target, $headers, $body) = take_request(\$buffer{$socket}))
			{
				my $reply = $replay->request($method, $target, $headers, $body);
				my $text = "HTTP/1.1 $reply->{status} " . ($reason{ $reply->{status} } // 'Status') . "\r\n";

				$text .= "$_: $reply->{headers}{$_}\r\n" for sort keys %{ $reply->{headers} };
				$text .= 'Content-Length: ' . length($reply->{body}) . "\r\n" if $reply->{status} != 304 && $method ne 'HEAD';
				send_all($socket, "$text\r\n$reply->{body}");
				shutdown $socket, 1 if lc($headers->{connection} // '') eq 'close';
			}
		}
	}
	return;
}

$SIG{PIPE} = 'IGNORE';
for (1 .. $workers // 2)
{
	my $child = fork // die "fork: $!\n";

	if (!$child)
	{
		serve();
		exit 0;
	}
	push @children, $child;
}
# The listener stays open: who started this looks whether it has the port.
$SIG{TERM} = $SIG{INT} = sub { kill 'TERM', @children; exit 0; };
waitpid $_, 0 for @children;
