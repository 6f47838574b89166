#
# Boxes.pm
#		Heads of CMAF files, made box by box: what is right, and what can be
#		damaged in one place.
#
package Boxes;

use strict;
use warnings;

# box TYPE, CONTENT ...
sub box
{
	my ($type, @content) = @_;
	my $content = join '', @content;

	return pack('N', 8 + length $content) . $type . $content;
}

# full TYPE, VERSION, CONTENT ...
sub full
{
	my ($type, $version, @content) = @_;

	return box($type, pack('C x3', $version), @content);
}

# What a sample entry says of its codec.
my %codec_box = (
	avc1 => box('avcC', pack 'C*', 1, 0x64, 0x00, 0x1f, 0xff),
	hvc1 => box('hvcC', pack 'C*', 1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93),
	av01 => box('av1C', pack 'C*', 0x81, 0x04, 0x0c, 0),
	vp09 => full('vpcC', 1, pack 'C*', 0, 31, 0x82, 1, 1, 1, 0, 0),
	mp4a => full('esds', 0,
		pack('C*', 3, 25, 0, 1, 0, 4, 17, 0x40, 0x15, (0) x 11, 5, 2, 0x11, 0x90, 6, 1, 2)),
	Opus => box('dOps', pack 'C C n N n C', 0, 2, 312, 48000, 0, 0),
	wvtt => box('vttC', 'WEBVTT'));

sub sample_entry
{
	my (%of) = @_;
	my $format = $of{format};
	my $fields = '';

	$fields = pack('x16 n n', @of{qw(width height)}) . ("\0" x 50) if $of{kind} eq 'vide';
	$fields = pack('x8 n n x4 N', $of{channels}, 16, $of{sample_rate} << 16) if $of{kind} eq 'soun';
	return box($of{entry} // $format, pack('x6 n', 1), $fields, $codec_box{$format} // '', $of{more} // '');
}

# An encrypted entry's scheme and key.
sub protection
{
	my ($format, $scheme, $key_id) = @_;

	return box('sinf', box('frma', $format), full('schm', 0, $scheme, pack 'N', 0x10000),
		box('schi', full('tenc', 0, pack('C*', 0, 0, 1, 8), $key_id)));
}

sub index_box
{
	my (%of) = @_;

	return full('sidx', $of{index_version} // 0,
		pack('N N', 1, $of{index_timescale} // $of{timescale}),
		($of{index_version} // 0) == 0 ? pack('N N', 0, $of{offset} // 0) : pack('Q> Q>', 0, $of{offset} // 0),
		pack('n n', 0, scalar @{ $of{segments} }),
		map { pack 'N N N', $_->[0], $_->[1], $_->[2] // 0x90000000 } @{ $of{segments} });
}

# head OPTIONS: ftyp, moov, sidx of a track.
sub head
{
	my %of = (
		kind => 'vide', format => 'avc1', width => 1280, height => 720, timescale => 12800, channels => 2, sample_rate => 48000,
		language => 'und', segments => [ [ 1000, 51200 ], [ 2000, 51200 ], [ 500, 25600 ] ], @_);
	my $language = 0;

	$language = $language << 5 | ord($_) - 0x60 for split //, $of{language};
	my $edits = defined $of{edit_start}
	  ? box('edts', full('elst', 0, pack 'N N N N', 1, 0, $of{edit_start}, 0x10000)) : '';
	my $media = box('mdia',
		full('mdhd', 0, pack 'x8 N x4 n x2', $of{timescale}, $language),
		full('hdlr', 0, pack('x4'), $of{kind}, "\0" x 13),
		box('minf', box('stbl', full('stsd', 0, pack('N', 1), sample_entry(%of)))));
	my $track = box('trak', full('tkhd', 0, "\0" x 80), $edits, $media);
	my $movie = box('moov', full('mvhd', 0, "\0" x 96), ($track) x ($of{tracks} // 1),
		$of{whole} ? '' : box('mvex', full('trex', 0, "\0" x 20)));

	return box('ftyp', 'cmf2', pack('N', 0), 'cmf2iso6') . $movie . index_box(%of);
}

# The size of the file that a head is of.
sub file_size
{
	my ($head, @segments) = @_;
	my $size = length $head;

	$size += $_->[0] for @segments;
	return $size;
}

sub examples
{
	return (
		head(),
		head(format => 'hvc1', edit_start => 1024, index_version => 1),
		head(format => 'av01', more => box('colr', 'nclx', pack 'n n n C', 1, 1, 1, 0)),
		head(format => 'vp09', more => box('pasp', pack 'N N', 4, 3)),
		head(kind => 'soun', format => 'mp4a', timescale => 48000, language => 'pol'),
		head(kind => 'soun', format => 'Opus', timescale => 48000),
		head(kind => 'text', format => 'wvtt'),
		head(entry => 'encv', more => protection('avc1', 'cenc', "\x01" x 16)));
}

1;
