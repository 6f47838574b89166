#
# Runner.pm
#		A worker for tests: does the orders of a video's jobs with ffmpeg, beside a
#		folder that plays the store.
#
# The database under test signs no addresses: prepare() makes signed_url() say
# "METHOD KEY", and what is written there goes to the folder.
#
package Runner;

use strict;
use warnings;

use Digest::SHA ();
use File::Basename qw(dirname);
use File::Path qw(make_path);
use IPC::Run ();
use JSON::PP ();
use MIME::Base64 ();

my $json = JSON::PP->new->utf8->ascii->canonical;

# new(node => ..., folder => ...): the node's database postgres has vvault_stream.
sub new
{
	my ($class, %self) = @_;

	$self{ran} = [];
	return bless {%self}, $class;
}

# What stands in for a store.
sub prepare
{
	my ($self) = @_;

	$self->{node}->safe_psql('postgres', <<'SQL');
CREATE OR REPLACE FUNCTION vvault_stream.signed_url(store text, method text, object_key text, ttl_seconds integer,
	size bigint DEFAULT NULL, query text DEFAULT '') RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT method || '' '' || object_key';
CREATE OR REPLACE FUNCTION vvault_stream.default_store() RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'folder'$$;
SELECT vvault_arm();
SQL
	return;
}

sub ask
{
	my ($self, $sql) = @_;

	return $self->{node}->safe_psql('postgres', $sql);
}

sub slurp
{
	my ($file) = @_;

	open my $in, '<:raw', $file or die "$file: $!";
	local $/;
	return scalar <$in>;
}

# The bytes of an MP4 file up to the end of its index.
sub head
{
	my ($file) = @_;
	my $bytes = slurp($file);
	my $at = 0;

	while ($at + 8 <= length $bytes)
	{
		my ($size, $type) = unpack 'N a4', substr $bytes, $at, 8;
		$size = unpack 'Q>', substr $bytes, $at + 8, 8 if $size == 1;
		$at += $size;
		last if $type eq 'sidx' || $size < 8;
	}
	return substr $bytes, 0, $at;
}

sub object
{
	my ($self, $key) = @_;

	return "$self->{folder}/$key";
}

# Runs a command; returns whether it ended well, what it printed and its errors.
sub run
{
	my (@command) = @_;
	my ($out, $err) = ('', '');
	my $done = IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err);

	return ($done, $out, $err);
}

# By the first bytes: an upload is what it is, whatever it is called.
sub demuxer
{
	my ($file) = @_;
	my $bytes = substr slurp($file), 0, 400;

	return 'matroska,webm' if $bytes =~ /^\x1aE\xdf\xa3/;
	return 'mov,mp4,m4a,3gp,3g2,mj2' if substr($bytes, 4, 4) eq 'ftyp';
	return 'mpegts' if substr($bytes, 0, 1) eq 'G' && substr($bytes, 188, 1) eq 'G';
	return 'wav' if $bytes =~ /^RIFF....WAVE/s;
	return;
}

sub probe
{
	my ($self, $order) = @_;
	my ($key) = $order->{source}{url} =~ /^GET (.*)/;
	my $file = $self->object($key);
	my $demuxer = demuxer($file) or return { failure => 'The file is of no kind that is known.' };
	my ($done, $out) = run(qw(ffprobe -v error -protocol_whitelist file -f), $demuxer,
		qw(-show_format -show_streams -show_chapters -of json), $file);

	return { failure => 'The file cannot be read.' } unless $done;
	my $probe = $json->decode($out);
	(undef, $out) = run(qw(ffprobe -v error -protocol_whitelist file -f), $demuxer,
		'-select_streams', 'v:0', '-read_intervals', '%+2', '-show_entries', 'frame=interlaced_frame,top_field_first', '-of', 'json', $file);
	$probe->{frames} = ($out ? $json->decode($out)->{frames} : undef) // [];
	return { demuxer => $demuxer, probe => $probe, size => -s $file, sha256 => Digest::SHA::sha256_hex(slurp($file)) };
}

sub output
{
	my ($self, $output) = @_;
	my $key = $output->{place}{object_key};
	my $file = $self->object($key);
	my %said = (name => $output->{name}, object_key => $key, size => -s $file, sha256 => Digest::SHA::sha256_hex(slurp($file)));

	$said{head} = MIME::Base64::encode_base64(head($file), '') if $output->{head};
	return \%said;
}

sub encode
{
	my ($self, $order) = @_;
	my ($key) = $order->{source}{url} =~ /^GET (.*)/;
	my %files = map { $_->{name} => $self->object($_->{place}{object_key}) } @{ $order->{outputs} };
	my @arguments = map { s/\{out:([^}]+)\}/$files{$1}/gr } @{ $order->{arguments} };
	my @command = (qw(ffmpeg -hide_banner -nostdin -nostats -y -v), $order->{loudness} ? 'info' : 'error', qw(-protocol_whitelist file),
		@{ $order->{input_arguments} }, '-f', $order->{demuxer}, '-i', $self->object($key), @arguments);
	my %loudness;

	make_path(dirname($_)) for values %files;
	my ($done, undef, $err) = run(@command);
	push @{ $self->{ran} }, \@command;
	return { failure => 'ffmpeg: ' . substr $err, -500 } unless $done;
	$loudness{$1} = $2 + 0 while $err =~ /\[ebur128\@(\S+) @ \S+\] Summary:.*?\bI:\s+(-?[0-9.]+) LUFS/gs;
	return { outputs => [ map { $self->output($_) } grep { -s $files{ $_->{name} } } @{ $order->{outputs} } ], loudness => \%loudness };
}

sub put
{
	my ($self, $order) = @_;
	my @objects;

	for my $object (@{ $order->{objects} })
	{
		my $file = $self->object($object->{place}{object_key});

		make_path(dirname($file));
		open my $out, '>:raw', $file or die "$file: $!";
		my $body = $object->{body};
		utf8::encode($body);
		print {$out} $body;
		close $out or die "$file: $!";
		push @objects, { object_key => $object->{place}{object_key}, size => length $body, sha256 => Digest::SHA::sha256_hex($body) };
	}
	return { objects => \@objects };
}

sub remove
{
	my ($self, $order) = @_;

	unlink map { /^DELETE (.*)/ ? $self->object($1) : () } @{ $order->{urls} };
	return { deleted => scalar @{ $order->{urls} } };
}

my %does = (probe => \&probe, encode => \&encode, put => \&put, delete => \&remove);

# Does jobs until there are none; returns how many were done.
sub work
{
	my ($self, $kinds) = @_;
	my $done = 0;

	$kinds //= 'probe,encode,pictures,texts,finish,delete_objects';
	while (1)
	{
		my $jobs = $json->decode($self->ask("SELECT vvault_dequeue('test', '{$kinds}', 1, 600)"));
		last unless @$jobs;
		my $job = $jobs->[0];
		my $result = $does{ $job->{order}{do} }->($self, $job->{order});
		my $text = $json->encode($result) =~ s/'/''/gr;

		$self->ask("SELECT vvault_complete($job->{job_id}, '$job->{lease}', '$text')");
		$done++;
	}
	return $done;
}

1;
