#
# arrows.pl
#		Whether each room of the house knows only those below it.
#
# usage: perl scripts/arrows.pl FOLDER
#
# FOLDER/src/rooms lists the rooms from the ground up, each with its wing. What
# a room makes in SQL is what its .sql files CREATE; what it knows is what it
# includes in C and what its SQL names, in .sql files and in the strings of C.
# Comments are free, and so are the COMMENTs of objects. Prints what points
# upward or into the other wing, what a .c file declares past the headers, and
# what the Makefile does not lay into a script though it would have to be told, and
# ends with status 1 if there is anything.
#
use strict;
use warnings;

my $folder = shift // '.';
chdir $folder or die "$folder: $!\n";

my (%height, %wing, %maker);
my $nfaults = 0;

sub fault
{
	print @_, "\n";
	$nfaults++;
	return;
}

sub text_of
{
	my ($file) = @_;

	open my $in, '<', $file or die "$file: $!\n";
	local $/;
	return scalar <$in>;
}

for (split /\n/, text_of('src/rooms'))
{
	next if /^#/ || !/\S/;
	my ($room, $wing) = /^([a-z]+)\s+(both|vvault|vvault_stream)\s*$/
	  or die "src/rooms: $_\n";
	$height{$room} = keys %height;
	$wing{$room} = $wing;
}

# SQL without what is for people to read.
sub code_of_sql
{
	my ($sql) = @_;

	$sql =~ s/^COMMENT ON .*?';[ \t]*$//gms;
	$sql =~ s/--[^\n]*//g;
	return $sql;
}

# The strings of C, joined where one follows another.
sub strings_of_c
{
	my ($c) = @_;

	$c =~ s{/\*.*?\*/}{}gs;
	$c =~ s/^#include[^\n]*//gm;
	return join "\n", $c =~ /"((?:[^"\\\n]|\\.)*)"/g;
}

# What SQL makes: vvault.NAME, vvault_stream.NAME and vvault_NAME.
sub made_in
{
	my ($sql) = @_;
	my @made = $sql =~ /^CREATE\s+(?:OR\s+REPLACE\s+)?(?:UNIQUE\s+)?
		(?:FUNCTION|PROCEDURE|AGGREGATE|TABLE|VIEW|TYPE|DOMAIN|SEQUENCE)\s+
		((?:vvault|vvault_stream|\@extschema\@)\.["\w*\/]+)/gmx;

	s/^\@extschema\@\.// for @made;
	return @made;
}

for my $file (glob 'src/*/*.sql')
{
	my ($room) = $file =~ m{^src/(\w+)/};

	next if $room eq 'upgrade';
	if (!defined $height{$room})
	{
		fault("$file: src/rooms has no room $room");
		next;
	}
	$maker{$_} //= $room for made_in(code_of_sql(text_of($file)));
}

# Whether a room may know another.
sub may_know
{
	my ($room, $other) = @_;

	return 0 if $height{$other} > $height{$room};
	return $wing{$other} eq 'both' || $wing{$room} eq 'both' || $wing{$other} eq $wing{$room};
}

sub look
{
	my ($file, $room, $what, $other) = @_;

	fault("$file: $room/ must not know $what of $other/") unless may_know($room, $other);
	return;
}

for my $file (glob 'src/*/*.c src/*/*.h src/*/*.sql')
{
	my ($room) = $file =~ m{^src/(\w+)/};

	next if !defined $height{$room};
	my $text = text_of($file);
	my $sql = $file =~ /\.sql$/ ? code_of_sql($text) : strings_of_c($text);
	my %named;

	if ($file !~ /\.sql$/)
	{
		# by whatever way it is written
		fault("$file: an include by a macro tells no room") if $text =~ /^[ \t]*#[ \t]*include[ \t]+\w/m;
		fault("$file: it declares $1 itself: include the header of its room")
		  if $file =~ /\.c$/ && $text =~ /^[ \t]*extern\s+(?!")[^;{]*?(\w+)\s*[(;\[]/m;
		for my $header ($text =~ /^\s*#\s*include\s*[<"](?:\.\.\/)*([a-z]+\/[^>"]+)[>"]/mg)
		{
			my ($other) = $header =~ m{^([a-z]+)/};

			look($file, $room, qq{"$header"}, $other) if defined $height{$other};
		}
	}
	# SQL knows no case, and quotes change nothing of these names
	(my $plain = lc $sql) =~ s/"//g;
	$named{$_} = 1 for $plain =~ /\b((?:vvault|vvault_stream)\.\w+)/g, $plain =~ /\b(vvault_\w+)\s*\(/g,
	  $plain =~ /(?:\@extschema\@|\bpublic)\.(vvault_\w+)/g;
	for my $name (sort keys %named)
	{
		look($file, $room, $name, $maker{$name}) if defined $maker{$name};
	}
}

# SQL of a room of both wings that the Makefile forgets: it cannot tell whose it is.
my %listed = map { /^(\w+?)_(?:STREAM_)?SQL = (.*)/ ? map { ("src/$1/$_.sql" => 1) } split / /, $2 : () } split /\n/, text_of('Makefile');

for my $file (grep { !m{^src/upgrade/} } glob 'src/*/*.sql')
{
	my ($room) = $file =~ m{^src/(\w+)/};

	fault("$file: the Makefile lists it neither in *_SQL nor in *_STREAM_SQL of its room")
	  unless $listed{$file} || ($wing{$room} // '') =~ /^vvault/;
}

# A folder of C that the list forgets.
for my $file (glob 'src/*/*.c')
{
	my ($room) = $file =~ m{^src/(\w+)/};

	fault("$file: src/rooms has no room $room") unless defined $height{$room};
}

exit($nfaults > 0 ? 1 : 0);
