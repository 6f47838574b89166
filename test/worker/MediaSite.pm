#
# MediaSite.pm
#		A store and an edge of nginx with njs, as deploy/ has them, for tests that
#		serve media; and the files of keys that both read.
#
package MediaSite;

use strict;
use warnings;

use Exporter 'import';
use FileStore;
use IPC::Run ();
use PostgreSQL::Test::Utils ();    # whose folders are removed after the END below
use Test::More;

our @EXPORT = qw(media_site start_worker write_file write_keys);

my @folders;

END
{
	local $?;
	system 'scripts/media.sh', 'stop', $_ for @folders;
}

# media_site(FOLDER): starts both in a folder, and returns what scripts/media.sh
# says of them, by name. Where they are not to be had the whole test is skipped.
sub media_site
{
	my ($folder) = @_;
	my ($said, $problem) = ('', '');

	push @folders, $folder;
	my $started = IPC::Run::run([ 'scripts/media.sh', 'start', $folder ], '<', '/dev/null', '>', \$said, '2>', \$problem);
	plan skip_all => $problem =~ s/\s+$//r if !$started && $problem =~ /^(?:there is no nginx|nginx has no njs)/;
	die $problem if !$started;
	return map { split / /, $_, 2 } split /\n/, $said;
}

# start_worker(NODE, FOLDER, OPTION...): vvault-worker as the role "worker", with its
# files in FOLDER/scratch and its words in FOLDER/worker.log.
sub start_worker
{
	my ($node, $folder, @options) = @_;

	mkdir "$folder/scratch";
	return IPC::Run::start(
		[ FileStore::worker_program(), '--dbname', $node->connstr('postgres') . ' user=worker', '--scratch', "$folder/scratch", '--jobs', 2, '--verbose',
			@options ],
		'<', '/dev/null', '>>', "$folder/worker.log", '2>&1');
}

# A file, whole at once.
sub write_file
{
	my ($file, $bytes) = @_;

	open my $out, '>:raw', "$file.new" or die "$file.new: $!\n";
	print $out $bytes;
	close $out or die "$file.new: $!\n";
	rename "$file.new", $file or die "$file: $!\n";
	return 1;
}

# write_keys(NODE, SITE): what the store "main" and the edges of a database check
# signatures by.
sub write_keys
{
	my ($node, $site) = @_;

	write_file($site->{store_keys}, $node->safe_psql('postgres', q{SELECT vvault_signing_keys('store:main')}));
	write_file($site->{path_keys}, $node->safe_psql('postgres', q{SELECT vvault_signing_keys('path')}));
	return;
}

1;
