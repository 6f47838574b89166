#
# Cenc.pm
#		Files of Common Encryption (ISO/IEC 23001-7), read and decrypted: a second
#		opinion on what the worker encrypts. AES is that of the program openssl.
#
package Cenc;

use strict;
use warnings;

use Carp;
use IPC::Run ();

# The box at a place of bytes: [type, where its content begins, where it ends, where it begins itself].
sub box_at
{
	my ($bytes, $from, $to) = @_;
	my ($size, $type) = unpack 'N a4', substr $bytes, $from, 8;
	my $head = 8;

	($size, $head) = (unpack('Q>', substr $bytes, $from + 8, 8), 16) if $size == 1;
	croak "a box of $size bytes at $from" if $size < $head || $from + $size > $to;
	return [ $type, $from + $head, $from + $size, $from ];
}

# All boxes between two places.
sub children
{
	my ($bytes, $from, $to) = @_;
	my @found;

	while ($from < $to)
	{
		push @found, box_at($bytes, $from, $to);
		$from = $found[-1][2];
	}
	return @found;
}

# The first box of a path of types; nothing where there is none. What lies behind it need be no boxes.
sub find_box
{
	my ($bytes, $from, $to, $type, @rest) = @_;

	while ($from < $to)
	{
		my $box = box_at($bytes, $from, $to);

		return @rest ? find_box($bytes, @$box[ 1, 2 ], @rest) : $box if $box->[0] eq $type;
		$from = $box->[2];
	}
	return;
}

# How the track is encrypted; nothing where it is not.
sub protection_of
{
	my ($bytes, $stsd) = @_;
	my ($entry) = children($bytes, $stsd->[1] + 8, $stsd->[2]);
	my $fields = $entry->[0] eq 'encv' ? 78 : $entry->[0] eq 'enca' ? 28 : return;
	my $sinf = find_box($bytes, $entry->[1] + $fields, $entry->[2], 'sinf');
	my ($version, $pattern, $protected, $iv_size, $kid, $rest) = unpack 'C x4 C C C a16 a*',
	  substr $bytes, (find_box($bytes, @$sinf[ 1, 2 ], 'schi', 'tenc'))->[1], 64;

	return {
		scheme => substr($bytes, (find_box($bytes, @$sinf[ 1, 2 ], 'schm'))->[1] + 4, 4),
		kid => unpack('H*', $kid), iv_size => $iv_size, constant => $iv_size ? undef : unpack('C/a', $rest),
		crypt => $version ? $pattern >> 4 : 0, skip => $version ? $pattern & 15 : 0
	};
}

# The sizes of a run's samples, and where they are from the moof on.
sub run_of
{
	my ($bytes, $tfhd, $trun) = @_;
	my ($flags) = unpack 'N', substr $bytes, $tfhd->[1], 4;
	my $at = 8 + 4 * grep { $flags & $_ } 0x2, 0x8;
	my $default = unpack 'N', substr $bytes, $tfhd->[1] + $at, 4;
	my ($how, $n, $offset) = unpack 'N N N', substr $bytes, $trun->[1], 12;
	my @fields = grep { $how & $_ } 0x100, 0x200, 0x400, 0x800;
	my ($which) = grep { $fields[$_] == 0x200 } 0 .. $#fields;
	my $first = $trun->[1] + 8 + 4 * grep { $how & $_ } 0x1, 0x4;

	return ($offset, map { defined $which ? unpack 'N', substr $bytes, $first + 4 * ($_ * @fields + $which), 4 : $default } 0 .. $n - 1);
}

# What senc says of each of n samples.
sub entries_of
{
	my ($bytes, $senc, $iv_size, $n) = @_;
	my ($flags, $count) = unpack 'N N', substr $bytes, $senc->[1], 8;
	my $at = $senc->[1] + 8;
	my @entries;

	croak "senc has $count samples, not $n" if $count != $n;
	for (1 .. $count)
	{
		my $begun = $at;
		my $iv = substr $bytes, $at, $iv_size;
		my @pieces;

		$at += $iv_size;
		if ($flags & 2)
		{
			my $npieces = unpack 'n', substr $bytes, $at, 2;

			@pieces = map { [ unpack 'n N', substr $bytes, $at + 2 + 6 * $_, 6 ] } 0 .. $npieces - 1;
			$at += 2 + 6 * $npieces;
		}
		push @entries, { iv => $iv, pieces => \@pieces, info_size => $at - $begun, whole => !($flags & 2) };
	}
	croak 'senc is longer than its samples' if $at != $senc->[2];
	return @entries;
}

# read_file BYTES: {protection, samples: [{bytes, iv, pieces, whole}], in the file's order}.
sub read_file
{
	my ($bytes) = @_;
	my $stsd = find_box($bytes, 0, length $bytes, qw(moov trak mdia minf stbl stsd));
	my $protection = protection_of($bytes, $stsd);
	my @samples;

	for my $moof (grep { $_->[0] eq 'moof' } children($bytes, 0, length $bytes))
	{
		my $traf = find_box($bytes, @$moof[ 1, 2 ], 'traf');
		my ($offset, @sizes) = run_of($bytes, map { find_box($bytes, @$traf[ 1, 2 ], $_) } 'tfhd', 'trun');
		my $senc = find_box($bytes, @$traf[ 1, 2 ], 'senc');
		my @entries = $senc ? entries_of($bytes, $senc, $protection->{iv_size}, scalar @sizes) : ();
		my $at = $moof->[3] + $offset;

		for my $i (0 .. $#sizes)
		{
			push @samples, { iv => '', pieces => [], whole => 1, $entries[$i] ? %{ $entries[$i] } : (), bytes => substr $bytes, $at, $sizes[$i] };
			$at += $sizes[$i];
		}
	}
	return { protection => $protection, samples => \@samples };
}

# Blocks of AES, each by itself.
sub aes
{
	my ($key, $blocks, @mode) = @_;
	my ($out, $said);

	IPC::Run::run([ qw(openssl enc -aes-128-ecb -nopad -K), unpack('H*', $key), @mode ], '<', \$blocks, '>', \$out, '2>', \$said) or croak $said;
	return $out;
}

# The places of a sample that are protected: [from, length].
sub protected_of
{
	my ($sample) = @_;
	my $at = 0;
	my @found;

	return [ 0, length $sample->{bytes} ] if $sample->{whole};
	for my $piece (@{ $sample->{pieces} })
	{
		push @found, [ $at + $piece->[0], $piece->[1] ] if $piece->[1];
		$at += $piece->[0] + $piece->[1];
	}
	croak "pieces of $at bytes in a sample of " . length $sample->{bytes} if $at != length $sample->{bytes};
	return @found;
}

# decrypt FILE, KEY: the clear samples, of what read_file() gave.
sub decrypt
{
	my ($file, $key) = @_;

	return $file->{protection}{scheme} eq 'cenc' ? decrypt_counters($file, $key) : decrypt_chains($file, $key);
}

# AES-CTR: the protected bytes of a sample are one stream.
sub decrypt_counters
{
	my ($file, $key) = @_;
	my (@clear, $counters, @lengths);

	for my $sample (@{ $file->{samples} })
	{
		my $length = 0;

		$length += $_->[1] for protected_of($sample);
		$counters .= $sample->{iv} . pack 'Q>', $_ for 0 .. int(($length + 15) / 16) - 1;
		push @lengths, $length;
	}
	my $stream = aes($key, $counters);
	for my $sample (@{ $file->{samples} })
	{
		my $length = shift @lengths;
		my $own = substr $stream, 0, 16 * int(($length + 15) / 16), '';
		my $bytes = $sample->{bytes};

		substr($bytes, $_->[0], $_->[1]) ^= substr $own, 0, $_->[1], '' for protected_of($sample);
		push @clear, $bytes;
	}
	return @clear;
}

# AES-CBC: each protected place is one chain, of every block or of the pattern's.
sub decrypt_chains
{
	my ($file, $key) = @_;
	my ($crypt, $skip, $constant) = @{ $file->{protection} }{qw(crypt skip constant)};
	my ($blocks, $befores) = ('', '');
	my (@clear, @places);

	for my $n (0 .. $#{ $file->{samples} })
	{
		my $sample = $file->{samples}[$n];

		for my $place (protected_of($sample))
		{
			my $before = $constant;

			for my $block (0 .. int($place->[1] / 16) - 1)
			{
				next if $crypt && $block % ($crypt + $skip) >= $crypt;
				my $cipher = substr $sample->{bytes}, $place->[0] + 16 * $block, 16;

				$blocks .= $cipher;
				$befores .= $before;
				$before = $cipher;
				push @places, [ $n, $place->[0] + 16 * $block ];
			}
		}
		push @clear, $sample->{bytes};
	}
	my $plain = aes($key, $blocks, '-d') ^ $befores;
	substr($clear[ $places[$_][0] ], $places[$_][1], 16) = substr $plain, 16 * $_, 16 for 0 .. $#places;
	return @clear;
}

1;
