#!/usr/bin/env perl
#
# worker.pl
#		Converting by vvault-worker beside the same ffmpeg command by hand.
#
# usage: worker.pl DATABASE FOLDER ROUNDS
#
# The database has vvault_stream, which makes the command of each source: all
# rungs of h264 and the sound. By hand ffmpeg reads a file and writes files. The
# worker also fetches the source from a store (nginx), makes digests, stores what
# was written, and talks with the database, from the enqueue to the end of the
# job. They take turns.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/worker";

use File::Path qw(make_path);
use FileStore;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(time);

my ($database, $folder, $rounds) = @ARGV;
die "usage: worker.pl DATABASE FOLDER ROUNDS\n" if @ARGV != 3;
my $missing = FileStore::missing();
die "$missing\n" if defined $missing;

# what is measured, and what ffmpeg makes it of
my @sources = (
	'720p25, 20 s' => [ 'testsrc2=size=1280x720:rate=25:duration=20', 'sine=duration=20' ],
	'1080p50, 4 s' => [ 'mandelbrot=size=1920x1080:rate=50', 'sine=duration=4' ],
	'180p25, 120 s' => [ 'testsrc=size=320x180:rate=25:duration=120', 'sine=duration=120' ]);

my $json = JSON::PP->new->canonical;
my $store = FileStore->new($folder);

sub sql
{
	my ($sql) = @_;

	open my $psql, '-|', "$ENV{STAGE_BIN}/psql", '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $database, '-c', $sql or die "psql: $!\n";
	local $/;
	my $out = <$psql>;
	close $psql or die "psql failed: $sql\n";
	chomp $out;
	return $out;
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;

	return @sorted % 2 ? $sorted[ @sorted / 2 ] : ($sorted[ @sorted / 2 - 1 ] + $sorted[ @sorted / 2 ]) / 2;
}

sub make_source
{
	my ($picture, $sound) = @_;

	system(qw(ffmpeg -v error -nostdin -y -f lavfi -i), $picture, qw(-f lavfi -i), $sound,
		qw(-shortest -c:v libx264 -preset veryfast -pix_fmt yuv420p -c:a aac -f mp4), $store->path('source')) == 0
	  or die "ffmpeg failed\n";
	return;
}

# What the database would have done with the source.
sub plan
{
	my $probe = `ffprobe -v error -show_format -show_streams -of json @{[ $store->path('source') ]}`;
	my $plan = JSON::PP::decode_json(
		sql("SELECT vvault_stream.encode_plan(vvault_stream.source_facts(\$json\$$probe\$json\$), 'h264', '{}', 'all')"));

	$plan->{do} = 'encode';
	$plan->{duration} = JSON::PP::decode_json($probe)->{format}{duration} + 0;
	$plan->{source}{url} = "$store->{url}/source";
	$_->{place} = { object_key => $_->{name}, put => { url => "$store->{url}/out/$_->{name}" } } for @{ $plan->{outputs} };
	return $plan;
}

sub by_hand
{
	my ($plan) = @_;
	my @command = (qw(ffmpeg -hide_banner -nostdin -nostats -y -v info -f mov -i), $store->path('source'),
		map { s/\{out:([\w-]+)\}/$folder\/hand\/$1.mp4/r } @{ $plan->{arguments} });
	my $begun = time;
	my @before = POSIX::times();
	my $pid = fork // die "fork: $!\n";

	if ($pid == 0)
	{
		open STDERR, '>', "$folder/hand.log";
		exec @command or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	die "ffmpeg failed: $folder/hand.log\n" if $? != 0;
	my @after = POSIX::times();
	return (time - $begun, ($after[3] + $after[4] - $before[3] - $before[4]) / POSIX::sysconf(POSIX::_SC_CLK_TCK()));
}

# One session waits, so that looking costs next to nothing.
sub by_worker
{
	my ($plan) = @_;
	my $order = $json->encode($plan);
	my $begun = time;
	my $id = sql("SELECT vvault_enqueue('measured', \$json\$$order\$json\$) ->> 'job_id'");

	sql("DO 'BEGIN WHILE EXISTS (SELECT FROM vvault_stream.jobs j WHERE j.job_id = $id AND j.state <> ''d'') LOOP PERFORM pg_sleep(0.02); END LOOP; END'");
	my $wall = time - $begun;
	my $job = JSON::PP::decode_json(sql("SELECT vvault_job($id)"));
	die "the job failed: $job->{error}\n" if $job->{state} ne 'finished' || !$job->{result}{outputs};
	return ($wall, $job->{result}{usage}{cpu_seconds});
}

sub measure
{
	my ($name) = @_;
	my $plan = plan();
	my (@wall, @cpu, @hand);

	for (1 .. $rounds)
	{
		my ($hand, $hand_cpu) = by_hand($plan);
		my ($wall, $cpu) = by_worker($plan);

		push @hand, $hand;
		push @wall, $wall / $hand;
		push @cpu, $cpu / $hand_cpu;
	}
	printf "%-66s %9.1f s   time ratio %.3f   CPU ratio %.3f\n", "$name by hand, and vvault-worker beside it", median(@hand),
	  median(@wall), median(@cpu);
	return;
}

make_path("$folder/hand");
sql("INSERT INTO vvault_stream.job_kinds (kind, lease_seconds) VALUES ('measured', 60)");
my $worker = $store->start_worker("dbname=$database", '--kinds', 'measured', '--quiet');
while (my ($name, $source) = splice @sources, 0, 2)
{
	make_source(@$source);
	measure($name);
}
kill 'TERM', $worker;
$store->wait_for_worker($worker);
$store->stop;
