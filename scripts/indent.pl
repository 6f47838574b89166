#!/usr/bin/env perl
#
# indent.pl
#     C source in PostgreSQL's style, by PostgreSQL's own pg_bsd_indent.
#
# usage: indent.pl [--check] HEADERS FILE...
#
# Rewrites each FILE, or with --check only says how it differs and ends with
# status 1 if one does.  pg_bsd_indent has to be told which names are types:
# they are read from the server's header files below HEADERS and from the FILEs.

use strict;
use warnings;

use File::Find qw(find);
use File::Temp qw(tempdir);

# The options that PostgreSQL's source is indented with: braces on lines of
# their own, tabs of 4, names of variables 12 columns in, comments at column
# 33, continuation lines under the open parenthesis, 79 columns for comments.
my @OPTIONS = qw(
  -npro -bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1
  -i4 -l79 -lp -lpl -nip -sac -tpg -ts4
);

# Types of the C library that the server's headers only mention.
my @C_TYPES = qw(
  FILE clock_t int8_t int16_t int32_t int64_t intptr_t off_t pid_t ptrdiff_t
  sig_atomic_t size_t ssize_t time_t uid_t uint8_t uint16_t uint32_t
  uint64_t uintptr_t va_list
);

sub slurp
{
	my ($file) = @_;

	open my $in, '<', $file or die "$file: $!\n";
	local $/;
	my $text = <$in> // '';
	close $in;
	return $text;
}

sub spew
{
	my ($file, $text) = @_;

	open my $out, '>', $file or die "$file: $!\n";
	print {$out} $text;
	close $out or die "$file: $!\n";
	return;
}

# C without what is not code.
sub bare_code
{
	my ($text) = @_;

	$text =~ s{/\*.*?\*/}{ }gs;
	$text =~ s{"(?:[^"\\\n]|\\.)*"}{""}g;
	return $text;
}

# The names a piece of C defines by typedef: plain, after a closing brace, as
# (pointer to) function, and by an instance of lib/simplehash.h.
sub typedefs_in
{
	my ($text) = @_;
	my @names;

	$text = bare_code($text);
	push @names, $text =~ /\btypedef\b[^;{}()]*?\b(\w+)(?:\[\w*\])?\s*;/g;
	push @names, $text =~ /^\}\s*(\w+)\s*;/gm;
	push @names, $text =~ /\btypedef\b[^;{}()]*\(\s*\*\s*(\w+)\s*\)/g;
	push @names, $text =~ /\btypedef\b[^;{}()]*?\b(\w+)\s*\([^;*]*\)\s*;/g;
	push @names, map { ("${_}_hash", "${_}_iterator") }
	  $text =~ /^#define\s+SH_PREFIX\s+(\w+)/gm;
	return @names;
}

sub header_files
{
	my ($folder) = @_;
	my @files;

	find(
		{
			no_chdir => 1,
			wanted   => sub { push @files, $_ if /\.h\z/ && -f },
		},
		$folder);
	return @files;
}

# A type's name that a file uses for a member or a variable too would be taken
# for a type there as well, as in "a->text != NULL" and "char text[8]"; for such
# a file it is none.  A variable's name follows the name of a type, which is no
# keyword and no macro.
sub types_for
{
	my ($text, $types) = @_;
	my $code     = bare_code($text) =~ s/\btypedef\b[^;{]*;//gr;
	my $keyword  = qr/case|const|else|enum|extern|goto|inline|register|return|sizeof|static|struct|typedef|union|volatile|[A-Z0-9_]+/;
	my %no_type  = map { $_ => 1 } $code =~ /(?:->|\.)\s*(\w+)/g;
	my @variable = $code =~ /\b(?!(?:$keyword)\b)[A-Za-z_]\w*\s+\**(?=(\w+)\s*[\[;=,])/g;

	$no_type{$_} = 1 for @variable;
	return grep { !$no_type{$_} } @$types;
}

# What FILE should look like.  Two things are changed afterwards: the star of a
# function's result type, which is set apart as if it were a variable's, and the
# blank that is lost between initializers of named fields.
sub indented
{
	my ($text, $types, $folder) = @_;
	die "a comment is written /* so */ here, not // so\n"
	  if bare_code($text) =~ m{//};

	my ($source, $result, $list) = map { "$folder/$_" } qw(in.c out.c types);

	spew($source, $text);
	spew($list, join('', map { "$_\n" } types_for($text, $types)));
	my $said = qx{pg_bsd_indent $source $result @OPTIONS -U$list 2>&1};
	die $said if $? != 0 || $said =~ /Error/;
	$text = slurp($result);
	$text =~ s/^([A-Za-z_][\w ]*?)[ \t]+(\*+)$/$1 $2/gm;
	$text =~ s/,\.(?=\w+ = )/, ./g;
	return $text;
}

my $check = @ARGV && $ARGV[0] eq '--check' && shift @ARGV;
my $headers = shift @ARGV // die "usage: indent.pl [--check] HEADERS FILE...\n";
my %types   = map { $_ => 1 } @C_TYPES;
my $folder  = tempdir(CLEANUP => 1);
my $failed  = 0;

for my $file (header_files($headers), @ARGV)
{
	$types{$_} = 1 for typedefs_in(slurp($file));
}

for my $file (@ARGV)
{
	my $text   = slurp($file);
	my $result = eval { indented($text, [ sort keys %types ], $folder) };

	if (!defined $result)
	{
		print STDERR "$file: $@";
		$failed = 1;
	}
	elsif ($result eq $text)
	{
		next;
	}
	elsif ($check)
	{
		spew("$folder/wanted", $result);
		system('diff', '-u', '--label', $file, '--label', "$file, formatted",
			$file, "$folder/wanted");
		$failed = 1;
	}
	else
	{
		spew($file, $result);
		print "formatted $file\n";
	}
}

exit $failed;
