#
# FileStore.pm
#		A store of objects for tests of the worker: an nginx with DAV, without
#		signatures; and vvault-worker beside it.
#
package FileStore;

use strict;
use warnings;

use Carp;
use File::Find ();
use File::Path qw(make_path);
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

# Why the worker cannot be tried here; nothing where it can.
sub missing
{
	return 'vvault-worker was not built' if !defined worker_program();
	return 'there is no nginx' if !defined nginx();
	return 'there is no ffmpeg' if system('ffmpeg -version >/dev/null 2>&1') != 0;
	return;
}

sub worker_program
{
	my ($found) = grep { -x } map { "$_/vvault-worker" } grep { defined } $ENV{STAGE_BIN}, split /:/, $ENV{PATH};

	return $found;
}

sub nginx
{
	my ($found) = grep { -x } map { "$_/nginx" } split(/:/, $ENV{PATH}), '/usr/sbin', ($ENV{WORK} // '') . '/nginx/usr/sbin';

	return $found;
}

sub free_port
{
	return IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1)->sockport;
}

sub new
{
	my ($class, $folder) = @_;
	my $self = bless { folder => $folder, workers => {}, pid => $$ }, $class;

	make_path("$folder/objects", "$folder/scratch", "$folder/body");
	for (1 .. 20)
	{
		$self->{port} = free_port();
		$self->_write_conf;
		last if system(nginx(), '-p', $folder, '-e', "$folder/error.log", '-c', "$folder/nginx.conf") == 0;
		$self->{port} = undef;
	}
	croak "nginx does not start: $folder/error.log" if !$self->{port};
	$self->{url} = "http://127.0.0.1:$self->{port}";
	return $self;
}

sub _write_conf
{
	my ($self) = @_;
	my $folder = $self->{folder};

	open my $out, '>', "$folder/nginx.conf" or croak "nginx.conf: $!";
	print $out <<"EOF";
worker_processes 2;
pid $folder/nginx.pid;
error_log $folder/error.log warn;
events { worker_connections 256; }
http {
	client_body_temp_path $folder/body;
	proxy_temp_path $folder/proxy;
	fastcgi_temp_path $folder/fastcgi;
	uwsgi_temp_path $folder/uwsgi;
	scgi_temp_path $folder/scgi;
	log_format short '\$request_method \$uri \$status';
	access_log $folder/access.log short;
	server {
		listen 127.0.0.1:$self->{port};
		client_max_body_size 0;
		root $folder/objects;
		location / {
			dav_methods PUT DELETE;
			create_full_put_path on;
			if (-f $folder/closed) { return 503; }
		}
		location /expired/ { return 403; }
	}
}
EOF
	close $out;
	return;
}

# Where an object lies in the file system; its folder is made.
sub path
{
	my ($self, $key) = @_;
	my $path = "$self->{folder}/objects/$key";

	make_path($path =~ s{/[^/]*\z}{}r);
	return $path;
}

sub put
{
	my ($self, $key, $bytes) = @_;

	open my $out, '>:raw', $self->path($key) or croak "$key: $!";
	print $out $bytes;
	close $out or croak "$key: $!";
	return;
}

# Keys of all objects, sorted.
sub objects
{
	my ($self) = @_;
	my @found;

	File::Find::find({ no_chdir => 1, wanted => sub { push @found, $File::Find::name =~ s{^\Q$self->{folder}\E/objects/}{}r if -f } },
		"$self->{folder}/objects");
	return sort @found;
}

# What is left in the folder for files of jobs.
sub scratch_files
{
	my ($self) = @_;
	my @found;

	File::Find::find({ no_chdir => 1, wanted => sub { push @found, $File::Find::name } }, "$self->{folder}/scratch");
	return grep { $_ ne "$self->{folder}/scratch" } @found;
}

# Starts a worker; returns its process. Its words are in worker.log.
sub start_worker
{
	my ($self, $connstr, @options) = @_;
	my $pid = fork // croak "fork: $!";

	if ($pid == 0)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$self->{folder}/worker.log";
		open STDERR, '>>', "$self->{folder}/worker.log";
		exec worker_program(), '--dbname', $connstr, '--scratch', "$self->{folder}/scratch", '--verbose', @options
		  or POSIX::_exit(127);
	}
	$self->{workers}{$pid} = 1;
	return $pid;
}

# Waits until a worker has ended; how it did, or undef if it does not.
sub wait_for_worker
{
	my ($self, $pid, $seconds) = @_;
	my $until = time + ($seconds // 600);

	while (time < $until)
	{
		if (waitpid($pid, POSIX::WNOHANG()) == $pid)
		{
			delete $self->{workers}{$pid};
			return $?;
		}
		sleep 0.05;
	}
	return;
}

# Processes whose command line names this store's folder for files, but for
# workers that run: ffmpeg and the processes of jobs.
sub processes
{
	my ($self) = @_;
	my @found;

	for my $proc (glob '/proc/[0-9]*')
	{
		my ($pid) = $proc =~ /(\d+)/;

		next if $self->{workers}{$pid};
		open my $in, '<', "$proc/cmdline" or next;
		local $/;
		my $line = <$in> // '';
		push @found, $pid if index($line, "$self->{folder}/scratch") >= 0;
	}
	return @found;
}

# Those of them that run a program of that name.
sub running
{
	my ($self, $name) = @_;

	return grep { (readlink("/proc/$_/exe") // '') =~ m{/\Q$name\E\b} } $self->processes;
}

sub log_text
{
	my ($self) = @_;

	open my $in, '<', "$self->{folder}/worker.log" or return '';
	local $/;
	return <$in>;
}

sub stop
{
	my ($self) = @_;

	return if $self->{pid} != $$;
	for my $pid (keys %{ $self->{workers} })
	{
		kill 'KILL', $pid;
		waitpid $pid, 0;
	}
	$self->{workers} = {};
	if (open my $in, '<', "$self->{folder}/nginx.pid")
	{
		chomp(my $pid = <$in>);
		kill 'TERM', $pid;
		for (1 .. 100)
		{
			last if !kill 0, $pid;
			sleep 0.05;
		}
	}
	return;
}

sub DESTROY
{
	local ($?, $@, $!);
	$_[0]->stop;
	return;
}

1;
