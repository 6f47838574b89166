#!/usr/bin/env perl
#
# unicode_table.pl
#		Writes src/videos/unicode_table.h: what search knows of characters and
#		cannot ask the server for.
#
# usage: scripts/unicode_table.pl UnicodeData.txt >src/videos/unicode_table.h
#
# UnicodeData.txt is a file of the Unicode Character Database; Debian's package
# unicode-data has it in /usr/share/unicode. The header is committed, so nobody
# needs the file to build. Characters that are not assigned go with those before
# them, which keeps the tables short.

use strict;
use warnings;

# What a character of each general category is to a search: part of a word, a
# picture, a sign that joins words or nothing at all, or what is between words.
sub kind
{
	my ($category) = @_;

	return 'W' if $category =~ /^[LNM]/;
	return 'P' if $category eq 'So';
	return 'J' if $category =~ /^P[dc]$/;
	return 'N' if $category eq 'Cf';
	return 'B';
}

# A mark that a text can be read without: strokes through letters, enclosing
# signs, vowels of Hebrew, Arabic and Syriac, and all that stands above or
# below, by the canonical combining class. Vowels that are letters' other half
# (Indic, Thai) have the class 0, their viramas and tones others below 200. And
# what no eye sees.
sub is_left_out
{
	my ($name, $category, $class) = @_;

	return 1 if $name =~ /VARIATION SELECTOR|FILLER$|^COMBINING GRAPHEME JOINER$/;
	return 1 if $category eq 'Me';
	return $category eq 'Mn' && ($class == 1 || $class >= 10 && $class <= 36 || $class >= 200);
}

# Begin a new run where what is said of characters changes.
sub add_run
{
	my ($runs, $code, $what) = @_;

	push @$runs, [ $code, $what ] if !@$runs || $runs->[-1][1] ne $what;
	return;
}

# print_array HEAD ENTRIES A_LINE
sub print_array
{
	my ($head, $entries, $a_line) = @_;
	my @left = @$entries;

	print "\n$head\n{\n";
	while (my @line = splice @left, 0, $a_line)
	{
		print "\t", join(', ', @line), @left ? ",\n" : "\n";
	}
	print "};\n";
	return;
}

# Put a character with a lower case into the last range, where it follows at
# the same distance, one or two characters behind.
sub add_lower
{
	my ($ranges, $code, $lower) = @_;
	my $last = @$ranges ? $ranges->[-1] : undef;
	my $step = $last ? $code - $last->{last} : 0;

	if ($last && $lower - $code == $last->{delta} && ($step == 1 || $step == 2)
		&& ($last->{first} == $last->{last} || $step == $last->{step}))
	{
		@$last{qw(last step)} = ($code, $step);
		return;
	}
	push @$ranges, { first => $code, last => $code, step => 1, delta => $lower - $code };
	return;
}

my (@left_out, @kinds, @lower);
add_run(\@left_out, 0, 0);
while (my $line = <>)
{
	chomp $line;
	my ($hex, $name, $category, $class, @more) = split /;/, $line, -1;
	my $code = hex $hex;

	add_run(\@left_out, $code, is_left_out($name, $category, $class) ? 1 : 0);
	add_run(\@kinds, $code, kind($category));
	add_lower(\@lower, $code, hex $more[9]) if $more[9] ne '';
}

print <<'HEAD';
/*-------------------------------------------------------------------------
 *
 * unicode_table.h
 *		What search knows of characters and cannot ask the server for.
 *
 * Written by scripts/unicode_table.pl out of UnicodeData.txt of the Unicode
 * Character Database, version 15.0.0.
 *
 *-------------------------------------------------------------------------
 */

/*
 * What a text can be read without, which follows from canonical combining
 * classes: from the first character to that before the second, and so on.
 */
HEAD
print_array('static const uint32 left_out[] =', [ map { sprintf '0x%04X', $_->[0] } @left_out[1 .. $#left_out] ], 8);
print <<'HEAD';

#ifndef HAVE_UNICODE_CATEGORY

/*
 * What characters are to a word, from each of these to that before the next:
 * B between words, J joins them, N nothing, P a picture, W part of one.
 */
HEAD
print_array('static const uint32 kinds[] =', [ map { sprintf '%s(0x%04X)', @$_[ 1, 0 ] } @kinds ], 6);
print "\n/* Characters with a lower case: from, to, how far apart, how far it is from them. */";
print_array('static const LowerRange lower_ranges[] =',
	[ map { sprintf '{0x%04X, 0x%04X, %d, %d}', @$_{qw(first last step delta)} } @lower ], 3);
print "\n#endif							/* HAVE_UNICODE_CATEGORY */\n";
