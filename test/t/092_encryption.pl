#
# 092_encryption.pl
#		What the worker encrypts: files of Common Encryption (cenc, cbcs) and of
#		AES-128, of ffmpeg's making.
#
# ffmpeg decodes them with the key to the same pictures and sound, and with another
# key it does not. openssl decrypts them to the same bytes. mp4box.js (npm) reads
# their boxes. ffmpeg's trace of slices tells what has to stay clear. Files that are
# damaged are refused. Then it is done by jobs, with a server and a store; the last
# ones are those of protected videos, of all levels but Clear Key, which 085_drm has.
#
# A codec that this ffmpeg has not is left out. VVAULT_ENCODINGS=all takes many more
# ways to encode. VVAULT_DAMAGED=n damages each file n times (default 15),
# VVAULT_SEED=n in other places.
#
# make check: early
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../worker", "$FindBin::RealBin/../media";

use Cenc;
use FileStore;
use IPC::Run ();
use JSON::PP ();
use List::Util qw(sum0);
use MIME::Base64 ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my $missing = FileStore::missing();
plan skip_all => $missing if $missing;
plan skip_all => 'there is no openssl' if !IPC::Run::run([ 'openssl', 'version' ], '>', '/dev/null', '2>', '/dev/null');

my $json = JSON::PP->new->utf8->canonical;
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $seed = $ENV{VVAULT_SEED} // 1;
my $damaged = $ENV{VVAULT_DAMAGED} // 15;

note "VVAULT_SEED=$seed VVAULT_DAMAGED=$damaged";
srand $seed;

my $key = pack 'H*', '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
my $kid = '00112233445566778899aabbccddeeff';
my $iv = 'fffffffffffffffe8899aabbccddeeff';
my $pssh = pack 'N a4 N a16 N a16 N', 52, 'pssh', 0x1000000, pack('H*', '1077efecc0b24d02ace33c1e52e2fb4b'), 1, pack('H*', $kid), 0;

sub ffmpeg
{
	my (@arguments) = @_;

	IPC::Run::run([ qw(ffmpeg -hide_banner -nostdin -y), @arguments ], '<', '/dev/null', '>', \my $out, '2>', \my $said);
	return wantarray ? ($out, $said) : $out;
}

sub write_file
{
	my ($name, $bytes) = @_;

	open my $out, '>:raw', $name or die "$name: $!";
	print {$out} $bytes;
	close $out or die "$name: $!";
	return;
}

# encrypt FROM, TO, HOW: whether it went well, and what was said.
sub encrypt
{
	my ($from, $to, $how) = @_;
	my $order = $json->encode($how);

	unlink $to;
	my $well = IPC::Run::run([ FileStore::worker_program(), '--encrypt', $from, $to ], '<', \$order, '>&', \my $said);
	return ($well, $said, $? & 127);
}

sub encryption
{
	my ($scheme) = @_;

	return { scheme => $scheme, key => unpack('H*', $key), kid => $kid, iv => $iv, pssh => [ MIME::Base64::encode_base64($pssh, '') ] };
}

# ---------------------------------------------------------------------------
# Files of all sorts
# ---------------------------------------------------------------------------

my @cmaf = qw(-f mp4 -movflags +cmaf+global_sidx+frag_keyframe+delay_moov);
my @pieces = qw(-f mp4 -movflags +cmaf+global_sidx+delay_moov -frag_duration 500000);
my @sound = qw(-f lavfi -i sine=frequency=440:sample_rate=48000:duration=1.6);

sub picture
{
	my ($size, $duration) = @_;

	return (qw(-f lavfi -i), "testsrc2=size=$size:rate=25:duration=$duration", qw(-pix_fmt yuv420p));
}

my %made = (
	'avc' => [ picture('320x180', 2), qw(-c:v libx264 -preset medium -bf 3 -g 25 -keyint_min 25 -sc_threshold 0), @cmaf ],
	'avc-slices' => [ picture('180x320', 1), qw(-c:v libx264 -preset fast -weightp 2 -g 25 -x264-params slices=4), @cmaf ],
	'avc-baseline' => [ picture('160x90', 0.4), qw(-c:v libx264 -preset ultrafast -profile:v baseline), @cmaf ],
	'avc-fields' => [ picture('160x96', 0.6), qw(-c:v libx264 -preset fast -flags +ildct+ilme -x264-params tff=1:weightb=1), @cmaf ],
	'hevc' => [ picture('320x180', 1), qw(-c:v libx265 -preset fast -tag:v hvc1 -x265-params log-level=none:keyint=12:slices=2:wpp=1:weightb=1), @cmaf ],
	'hevc-inband' => [ picture('180x320', 0.4), qw(-c:v libx265 -preset ultrafast -tag:v hev1 -x265-params log-level=none:no-wpp=1), @cmaf ],
	'av1' => [ picture('320x180', 0.6), qw(-c:v libaom-av1 -cpu-used 8 -g 10 -lag-in-frames 8), @cmaf ],
	'av1-tiles' => [ picture('640x180', 0.3), qw(-c:v libaom-av1 -cpu-used 8 -tile-columns 1), @cmaf ],
	'aac' => [ @sound, qw(-c:a aac -ac 2), @pieces ],
	'flac' => [ @sound, qw(-c:a flac -strict -2), @pieces ],
	'opus' => [ @sound, qw(-c:a libopus -ac 2), @pieces ]);

# other ways to encode, whose heads of slices and frames have other fields
my @fade = (qw(-f lavfi -i), 'testsrc2=size=320x180:rate=25:duration=1.4,fade=in:0:20', qw(-pix_fmt yuv420p));
my @noise = (qw(-f lavfi -i), 'nullsrc=size=320x192:rate=25:duration=0.8,geq=random(1)*255:128+30*sin(X/9+T*8):128', qw(-pix_fmt yuv420p));
my %more = (
	'avc-veryslow' => [ picture('320x180', 1.4), qw(-c:v libx264 -preset veryslow) ],
	'avc-fade' => [ @fade, qw(-c:v libx264 -preset slower -weightp 2 -x264-params weightb=1:bframes=5:b-pyramid=normal) ],
	'avc-cavlc' => [ picture('320x180', 1), qw(-c:v libx264 -preset medium -coder 0 -x264-params slices=3) ],
	'avc-444' => [ picture('320x180', 0.6), qw(-pix_fmt yuv444p -c:v libx264 -preset slow -weightp 2) ],
	'avc-10' => [ picture('320x180', 0.6), qw(-pix_fmt yuv420p10le -c:v libx264 -preset slow) ],
	'avc-lossless' => [ picture('320x180', 0.4), qw(-c:v libx264 -preset slow -qp 0) ],
	'avc-gray' => [ picture('320x180', 0.6), qw(-pix_fmt gray -c:v libx264 -preset slow -weightp 2) ],
	'avc-lists' => [ picture('320x180', 0.6), qw(-c:v libx264 -preset slow -x264-params cqm=jvt:aud=1:opengop=1:keyint=8:nal-hrd=vbr -maxrate 500k -bufsize 500k) ],
	'avc-refresh' => [ picture('320x180', 1), qw(-c:v libx264 -preset slow -intra-refresh 1) ],
	'hevc-veryslow' => [ picture('320x180', 0.8), qw(-c:v libx265 -preset veryslow -tag:v hvc1 -x265-params log-level=none:keyint=10) ],
	'hevc-fade' => [ @fade, qw(-c:v libx265 -preset medium -tag:v hvc1 -x265-params log-level=none:weightb=1:weightp=1:bframes=6) ],
	'hevc-10' => [ picture('320x180', 0.6), qw(-pix_fmt yuv420p10le -c:v libx265 -preset medium -tag:v hvc1 -x265-params log-level=none:slices=3) ],
	'hevc-444' => [ picture('320x180', 0.4), qw(-pix_fmt yuv444p -c:v libx265 -preset medium -tag:v hvc1 -x265-params log-level=none:cbqpoffs=2) ],
	'hevc-gray' => [ picture('320x180', 0.4), qw(-pix_fmt gray -c:v libx265 -preset medium -tag:v hvc1 -x265-params log-level=none) ],
	'hevc-lists' => [ picture('320x180', 0.8), qw(-c:v libx265 -preset fast -tag:v hvc1 -x265-params),
		'log-level=none:open-gop=1:keyint=10:no-deblock=1:no-sao=1:scaling-list=default:aud=1:temporal-layers=3:no-wpp=1:ref=5:no-temporal-mvp=1' ],
	'hevc-lossless' => [ picture('320x180', 0.3), qw(-c:v libx265 -preset fast -tag:v hvc1 -x265-params log-level=none:lossless=1) ],
	'hevc-repeated' => [ picture('320x180', 0.6), qw(-c:v libx265 -preset fast -tag:v hev1 -x265-params log-level=none:repeat-headers=1:opt-ref-list-length-pps=1) ],
	'av1-grain' => [ @noise, qw(-c:v libaom-av1 -cpu-used 7 -denoise-noise-level 30 -crf 40) ],
	'av1-lossless' => [ picture('320x180', 0.3), qw(-c:v libaom-av1 -cpu-used 7 -aom-params lossless=1) ],
	'av1-10' => [ picture('320x180', 0.5), qw(-pix_fmt yuv420p10le -c:v libaom-av1 -cpu-used 6) ],
	'av1-444' => [ picture('320x180', 0.4), qw(-pix_fmt yuv444p -c:v libaom-av1 -cpu-used 6) ],
	'av1-gray' => [ picture('320x180', 0.4), qw(-pix_fmt gray -c:v libaom-av1 -cpu-used 6) ],
	'av1-live' => [ picture('320x180', 0.8), qw(-c:v libaom-av1 -cpu-used 8 -aq-mode 3 -usage realtime -error-resilience 1) ],
	'av1-segments' => [ picture('320x180', 0.8), qw(-c:v libaom-av1 -cpu-used 5 -aq-mode 1) ],
	'av1-deltas' => [ picture('320x180', 0.6), qw(-c:v libaom-av1 -cpu-used 5 -aom-params deltaq-mode=1:delta-lf-mode=1:enable-qm=1) ],
	'av1-screen' => [ picture('320x180', 0.5), qw(-c:v libaom-av1 -cpu-used 6 -aom-params tune-content=screen:enable-restoration=1) ],
	'av1-slow' => [ picture('320x180', 0.6), qw(-c:v libaom-av1 -cpu-used 3 -enable-restoration 1 -enable-global-motion 1) ],
	'av1-svt' => [ picture('320x180', 1), qw(-c:v libsvtav1 -preset 6) ],
	'av1-svt-grain' => [ @noise, qw(-c:v libsvtav1 -preset 8 -svtav1-params film-grain=20) ]);

%made = (%made, map { $_ => [ @{ $more{$_} }, @cmaf ] } keys %more) if $ENV{VVAULT_ENCODINGS};

my ($encoders) = ffmpeg('-encoders');
my @names;

for my $name (sort keys %made)
{
	my ($encoder) = "@{ $made{$name} }" =~ /-c:[av] (\S+)/;

	if ($encoders !~ /\b\Q$encoder\E\b/)
	{
		note "there is no $encoder";
		next;
	}
	my (undef, $said) = ffmpeg('-v', 'error', @{ $made{$name} }, "$folder/$name.mp4");
	-s "$folder/$name.mp4" or BAIL_OUT("$name: $said");
	push @names, $name;
}

# ---------------------------------------------------------------------------
# What ffmpeg and openssl make of them
# ---------------------------------------------------------------------------

sub decoded
{
	my ($file, $with) = @_;

	return scalar ffmpeg('-v', 'quiet', defined $with ? ('-decryption_key', unpack 'H*', $with) : (), '-i', $file, '-f', 'framemd5', '-');
}

# The NAL units or OBUs of a sample that have heads of slices or frames: [from, to].
sub slices_of
{
	my ($name, $bytes) = @_;
	my ($at, @found) = (0);

	while ($at < length $bytes)
	{
		my ($begun, $type, $size) = ($at, ord(substr $bytes, $at) >> 3 & 15, 0);

		if ($name =~ /^av1/)
		{
			$at++;
			for (my $shift = 0, my $byte = 128; $byte & 128; $shift += 7)
			{
				$byte = ord substr $bytes, $at++;
				$size |= ($byte & 127) << $shift;
			}
			push @found, [ $begun, $at + $size ] if $type == 3 || $type == 6;
		}
		else
		{
			($size, $type) = unpack 'N C', substr $bytes, $at, 5;
			$at += 4;
			$type = $name =~ /^avc/ ? $type & 31 : $type >> 1;
			push @found, [ $at, $at + $size ] if $name =~ /^avc/ ? $type == 1 || $type == 5 : $type <= 21;
		}
		$at += $size;
	}
	return @found;
}

# How many bytes of each slice are clear, in front, but for those that keep a start code from arising; undef for one that is clear as a whole.
sub clear_heads
{
	my ($name, $file) = @_;
	my @found;

	for my $sample (@{ $file->{samples} })
	{
		my @places = Cenc::protected_of($sample);

		for my $slice (slices_of($name, $sample->{bytes}))
		{
			my ($place) = grep { $_->[0] >= $slice->[0] && $_->[0] < $slice->[1] } @places;
			my $head = $place ? substr $sample->{bytes}, $slice->[0], $place->[0] - $slice->[0] : undef;

			$head =~ s/\0\0\x03/\0\0/g if $place && $name !~ /^av1/;
			push @found, $place ? length $head : undef;
			is($place->[0] + $place->[1], $slice->[1], "$name: a slice is protected to its end") if $place && $place->[0] + $place->[1] != $slice->[1];
		}
	}
	return @found;
}

# The same as ffmpeg's trace has it.
sub traced_heads
{
	my ($name) = @_;
	my (undef, $said) = ffmpeg('-i', "$folder/$name.mp4", qw(-c copy -bsf:v trace_headers -f null -));
	my ($inside, $bits, @found);

	for my $line (split /\n/, $said)
	{
		next if $line !~ s/^\[trace_headers[^\]]*\] //;
		if ($line =~ /^(\d+)\s+(\S+).*?([01]*) = -?\d+$/)
		{
			$bits = $1 + length $3 if $inside;
			next;
		}
		push @found, int(($bits + 7) / 8) if $inside;
		$inside = $line =~ /^(?:Slice Header|Slice Segment Header|Frame Header)$/;
	}
	push @found, int(($bits + 7) / 8) if $inside;
	return @found;
}

my %file;
for my $name (@names)
{
	my $clear = Cenc::read_file(slurp_file("$folder/$name.mp4"));
	my $wanted = decoded("$folder/$name.mp4");

	cmp_ok(scalar(() = $wanted =~ /^0,/gm), '>', 1, "$name: it is decoded");
	for my $scheme ('cenc', 'cbcs')
	{
		my $what = "$name-$scheme";
		my ($well, $said) = encrypt("$folder/$name.mp4", "$folder/$what.mp4", encryption($scheme));

		ok($well && $said eq '', "$what: it is encrypted") or diag $said;
		ok(decoded("$folder/$what.mp4", $key) eq $wanted, "$what: ffmpeg decodes it to the same with the key");
		ok(decoded("$folder/$what.mp4", ~$key) ne $wanted, "$what: and not with another");
		ok(decoded("$folder/$what.mp4") ne $wanted, "$what: and not without");

		my $file = $file{$what} = Cenc::read_file(slurp_file("$folder/$what.mp4"));
		is(scalar @{ $file->{samples} }, scalar @{ $clear->{samples} }, "$what: it has as many samples");
		my @same = grep { $file->{samples}[$_]{bytes} eq $clear->{samples}[$_]{bytes} && length $clear->{samples}[$_]{bytes} > 200 } 0 .. $#{ $clear->{samples} };
		is_deeply(\@same, [], "$what: none that is not small is clear");
		ok(join('|', Cenc::decrypt($file, $key)) eq join('|', map { $_->{bytes} } @{ $clear->{samples} }), "$what: openssl decrypts it to the same");
		next if $scheme eq 'cenc' || $name !~ /^(?:avc|hevc|av1)/ || $name eq 'av1-tiles';
		my @heads = clear_heads($name, $file);
		my @traced = traced_heads($name);
		is(scalar @heads, scalar @traced, "$what: it has as many slices as ffmpeg says");
		cmp_ok(scalar(grep { defined } @heads), '>', @heads / 2, "$what: most of them are long enough to be protected");
		is_deeply([ grep { defined } @heads ], [ map { $traced[$_] } grep { defined $heads[$_] } 0 .. $#heads ],
			"$what: their heads are clear to the end, and nothing behind");
	}
}
my ($tiles) = $file{'av1-tiles-cbcs'} ? $file{'av1-tiles-cbcs'}{samples}[0] : undef;
is(scalar(Cenc::protected_of($tiles)), 2, 'tiles are encrypted apart') if $tiles;

# ---------------------------------------------------------------------------
# What others read in their boxes
# ---------------------------------------------------------------------------

SKIP:
{
	my $modules = ($ENV{WORK} // '') . '/manifests/node_modules';
	my ($said, $problem);

	# it wants Node 20
	skip 'there is no mp4box.js', 1
	  if !IPC::Run::run([ 'node', 'test/manifests/encryption.mjs', $modules ], '<', '/dev/null', '>', \$said, '2>', \$problem);
	IPC::Run::run([ 'node', 'test/manifests/encryption.mjs', $modules, map { "$folder/$_.mp4" } sort keys %file ], '<', '/dev/null', '>', \$said, '2>', \$problem)
	  or die $problem;
	my $found = $json->decode($said);

	for my $what (sort keys %file)
	{
		my ($is_cenc, $is_sound) = map { $what =~ $_ ? 1 : 0 } qr/cenc$/, qr/^(?:aac|flac|opus)/;
		my $said = $found->{"$folder/$what.mp4"};
		my @samples = @{ $file{$what}{samples} };

		is($said->{entry}, $is_sound ? 'enca' : 'encv', "$what: mp4box.js finds an encrypted entry");
		is($said->{scheme}, $is_cenc ? 'cenc' : 'cbcs', "$what: its scheme");
		is_deeply($said->{tenc}, {
			version => $is_cenc ? 0 : 1, protected => 1, kid => $kid, iv_size => $is_cenc ? 8 : 0, crypt => $is_cenc || $is_sound ? 0 : 1,
			skip => $is_cenc || $is_sound ? 0 : 9, iv => $is_cenc ? undef : $iv }, "$what: how the track is encrypted");
		is_deeply($said->{pssh}, ['1077efecc0b24d02ace33c1e52e2fb4b'], "$what: systems are told");
		is_deeply($said->{errors}, [], "$what: there are no errors");
		is(sum0(@{ $said->{references} }) + $said->{first}, $said->{end}, "$what: the index leads to the end");
		my $at = $said->{first};
		my %begins = map { $_->{moof} => 1 } @{ $said->{fragments} };
		my @astray = grep { my $begun = $at; $at += $_; !$begins{$begun} } @{ $said->{references} };
		is_deeply(\@astray, [], "$what: by way of fragments");

		for my $fragment (@{ $said->{fragments} })
		{
			my @own = splice @samples, 0, $fragment->{saiz} ? $fragment->{saiz}{count} : 1e9;
			my $which = "$what: the fragment at $fragment->{moof}";

			is($fragment->{moof} + $fragment->{data_offset}, $fragment->{mdat}, "$which begins its samples where mdat does");
			if (!$is_cenc && $is_sound)
			{
				is_deeply([ @$fragment{qw(saiz saio senc)} ], [ undef, undef, undef ], "$which needs to say nothing of samples");
				next;
			}
			is_deeply($fragment->{saio}, [ $fragment->{senc} + 16 - $fragment->{moof} ], "$which says where senc is");
			is($fragment->{flags}, $is_sound ? 0 : 2, "$which says whether there are subsamples");
			is_deeply($fragment->{saiz}{size} ? [ ($fragment->{saiz}{size}) x @own ] : $fragment->{saiz}{sizes},
				[ map { $_->{info_size} } @own ], "$which says how much is said of each sample");
		}
		next if !$is_cenc;
		my $first = pack 'H16', $iv;
		is(scalar keys %{ { map { $_->{iv} => 1 } @{ $file{$what}{samples} } } }, scalar @{ $file{$what}{samples} }, "$what: no IV comes twice");
		is($file{$what}{samples}[0]{iv}, $first, "$what: the first IV is the order's");
		is($file{$what}{samples}[2]{iv}, "\0" x 8, "$what: and counted on past the last number");
		my @parts = grep { $_->[1] % 16 } map { $_->{whole} ? () : Cenc::protected_of($_) } @{ $file{$what}{samples} };
		is_deeply(\@parts, [], "$what: what is protected of pictures is whole blocks");
	}
}

# ---------------------------------------------------------------------------
# AES-128, segment by segment
# ---------------------------------------------------------------------------

my $store = FileStore->new($folder);

# Where the segments of a file begin, by its index, with where the last one ends.
sub segments_of
{
	my ($bytes) = @_;
	my $sidx = Cenc::find_box($bytes, 0, length $bytes, 'sidx');
	my $version = ord substr $bytes, $sidx->[1];
	my $at = $sidx->[1] + ($version ? 30 : 22);
	my $offset = unpack $version ? 'x4 N' : 'N', substr $bytes, $sidx->[1] + ($version ? 20 : 16), 8;
	my $n = unpack 'n', substr $bytes, $at, 2;
	my @begins = $sidx->[2] + $offset;

	push @begins, $begins[-1] + unpack 'N', substr $bytes, $at + 2 + 12 * $_, 4 for 0 .. $n - 1;
	return @begins;
}

for my $name (grep { /^(?:avc|aac)$/ } @names)
{
	my ($well, $said) = encrypt("$folder/$name.mp4", $store->path("$name.mp4"), { scheme => 'aes128', key => unpack 'H*', $key });
	my ($clear, $bytes) = (slurp_file("$folder/$name.mp4"), slurp_file($store->path("$name.mp4")));
	my @before = segments_of($clear);
	my @after = segments_of($bytes);
	my $wanted = decoded("$folder/$name.mp4");
	my $playlist = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MAP:URI=\"$name-head.mp4\"\n"
	  . "#EXT-X-KEY:METHOD=AES-128,URI=\"KEY\"\n";

	ok($well && $said eq '', "$name-aes128: it is encrypted") or diag $said;
	cmp_ok(scalar @after, '>', 2, "$name-aes128: it has segments");
	is($after[-1], length $bytes, "$name-aes128: the index leads to the end");
	my $sidx = Cenc::find_box($bytes, 0, length $bytes, 'sidx');
	ok(substr($bytes, 0, $sidx->[3]) eq substr($clear, 0, $sidx->[3]), "$name-aes128: what is before the index is clear");
	for my $i (0 .. $#after - 1)
	{
		my $segment = substr $bytes, $after[$i], $after[ $i + 1 ] - $after[$i];
		my $plain;

		IPC::Run::run([ qw(openssl enc -d -aes-128-cbc -K), unpack('H*', $key), '-iv', sprintf('%032x', $i) ], '<', \$segment, '>', \$plain, '2>', \$said)
		  or diag $said;
		ok($plain eq substr($clear, $before[$i], $before[ $i + 1 ] - $before[$i]), "$name-aes128: openssl decrypts segment $i to the same");
		# in files of their own: where segments are byte ranges, ffmpeg 5.1 asks for a range of the key, too
		$store->put("$name-$i.m4s", $segment);
		$playlist .= "#EXTINF:1.0,\n$name-$i.m4s\n";
	}
	$store->put("$name-head.mp4", substr $bytes, 0, $after[0]);
	$store->put('right.key', $key);
	$store->put('wrong.key', ~$key);
	$store->put("$name-$_.m3u8", ($playlist =~ s/"KEY"/"$_.key"/r) . "#EXT-X-ENDLIST\n") for 'right', 'wrong';
	my @played = map { scalar ffmpeg('-v', 'quiet', '-i', "$store->{url}/$name-$_.m3u8", '-f', 'framemd5', '-') } 'right', 'wrong';
	# the frames alone: the times are those of a stream
	my ($frames, $right, $wrong) = map { join ' ', /([0-9a-f]{32})$/gm } $wanted, @played;
	is($right, $frames, "$name-aes128: ffmpeg plays it by a playlist to the same");
	isnt($wrong, $frames, "$name-aes128: and not with another key");
}

# ---------------------------------------------------------------------------
# What cannot be encrypted
# ---------------------------------------------------------------------------

sub refused_ok
{
	my ($file, $how, $reason, $label) = @_;
	my ($well, $said, $signal) = encrypt($file, "$folder/refused.mp4", $how);

	ok(!$well && !$signal && $said =~ $reason, $label) or diag $said;
	ok(!-e "$folder/refused.mp4", "$label: nothing is left of it");
	unlike($said, qr/0f1e2d/, "$label: the key is not told");
	return;
}

my %cenc = %{ encryption('cenc') };
refused_ok("$folder/avc.mp4", { %cenc, scheme => 'cens' }, qr/scheme is none of cenc, cbcs and aes128/, 'a scheme that is unknown');
refused_ok("$folder/avc.mp4", { %cenc, key => '0f1e2d' }, qr/key is not 32 hexadecimal digits/, 'a short key');
refused_ok("$folder/avc.mp4", { %cenc, kid => 'z' x 32 }, qr/kid is not 32 hexadecimal digits/, 'a key id of other letters');
refused_ok("$folder/avc.mp4", { map { $_ => $cenc{$_} } qw(scheme key kid) }, qr/iv is not 32 hexadecimal digits/, 'no IV');
refused_ok("$folder/avc.mp4", { %cenc, pssh => ['AAAACGZyZWU='] }, qr/pssh are not whole boxes/, 'another box in place of a pssh');
refused_ok("$folder/avc.mp4", { %cenc, pssh => [ substr $cenc{pssh}[0], 0, 60 ] }, qr/pssh are not whole boxes/, 'half of a pssh');
refused_ok("$folder/avc-cenc.mp4", \%cenc, qr/it is encrypted already/, 'a file that is encrypted already');
ffmpeg('-v', 'error', picture('160x90', 0.4), qw(-c:v libx264 -preset ultrafast -f mp4), "$folder/plain.mp4");
refused_ok("$folder/plain.mp4", \%cenc, qr/it is no movie with an index/, 'a file without fragments');
ffmpeg('-v', 'error', @sound, picture('160x90', 0.4), qw(-c:v libx264 -preset ultrafast -c:a aac), @cmaf, "$folder/both.mp4");
refused_ok("$folder/both.mp4", \%cenc, qr/not one sample description/, 'a file of two tracks');
ffmpeg('-v', 'error', picture('160x90', 0.4), qw(-c:v mpeg4), @cmaf, "$folder/mpeg4.mp4");
refused_ok("$folder/mpeg4.mp4", \%cenc, qr/its codec is none that is encrypted here/, 'a codec that is not encrypted');
write_file("$folder/text.mp4", 'this is no movie');
refused_ok("$folder/text.mp4", \%cenc, qr/it has a box that is longer than what it is in/, 'a text');

for my $name (@names)
{
	my $bytes = slurp_file("$folder/$name.mp4");
	my ($head) = segments_of($bytes);
	my (@crashed, %said);

	for my $n (1 .. $damaged)
	{
		my $broken = $bytes;

		# heads are where damage does most
		substr($broken, rand($n % 3 ? $head + 600 : length $bytes), 1) = chr rand 256 for 1 .. 1 + rand 4;
		substr($broken, rand length $broken) = '' if $n % 5 == 0;
		write_file("$folder/broken.mp4", $broken);
		my ($well, $said, $signal) = encrypt("$folder/broken.mp4", "$folder/refused.mp4", encryption(qw(cenc cbcs aes128)[ $n % 3 ]));

		push @crashed, "signal $signal, $said" if $signal || ($well ? $said ne '' : $said !~ /broken\.mp4 cannot be encrypted: \w/);
		$said =~ s/.*cannot be encrypted: |\n//g;
		$said{ $well ? 'encrypted' : $said }++;
	}
	is("@crashed", '', "$name: damaged it is refused with a sentence, or encrypted");
	note join '; ', map { "$said{$_} $_" } sort keys %said;
}

# ---------------------------------------------------------------------------
# By jobs
# ---------------------------------------------------------------------------

my $node = new_node('encryption');
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION vvault_stream CASCADE;
CREATE ROLE worker LOGIN;
SELECT vvault_stream_grant('worker', 'worker');
SELECT vvault_arm();
CREATE SCHEMA test;
CREATE FUNCTION test.the_order(job json) RETURNS json LANGUAGE sql AS $$ SELECT job -> 'args' -> 'order' $$;
INSERT INTO vvault_stream.job_kinds (kind, lease_seconds, max_attempts, order_schema, order_function) VALUES ('any', 60, 1, 'test', 'the_order');
EOF

# Puts in a job that makes outputs of a source; its number.
sub enqueue
{
	my ($arguments, @outputs) = @_;
	my $order = $json->encode({ order => {
		do => 'encode', source => { url => "$store->{url}/source" }, duration => 1, arguments => $arguments,
		outputs => [ map { { extension => 'mp4', head => JSON::PP::true(),
			place => { object_key => "made/$_->{name}", put => { url => "$store->{url}/made/$_->{name}" } }, %$_ } } @outputs ] } });

	return $node->safe_psql('postgres', "SELECT vvault_enqueue('any', \$json\$$order\$json\$) ->> 'job_id'");
}

ffmpeg('-v', 'error', @sound, picture('160x90', 1), qw(-c:v libx264 -preset ultrafast -c:a aac -shortest -f mp4), $store->path('source'));
my @rung = (qw(-map 0:v -c:v libx264 -preset ultrafast -g 25), @cmaf);
my $job = enqueue([ @rung, '{out:clear}', @rung, '{out:rung}', @rung, '{out:apple}', qw(-map 0:a -c:a aac), @pieces, '{out:sound}' ],
	{ name => 'clear' }, { name => 'rung', encryption => encryption('cenc') }, { name => 'apple', encryption => encryption('cbcs') },
	{ name => 'sound', encryption => { scheme => 'aes128', key => unpack 'H*', $key } });
my $wrong = enqueue([ @rung, '{out:rung}' ], { name => 'rung', encryption => { %cenc, kid => '0f' } });
my $unfit = enqueue([ qw(-map 0:v -c:v mpeg4), @cmaf, '{out:rung}' ], { name => 'rung', encryption => \%cenc });

is($store->wait_for_worker($store->start_worker($node->connstr('postgres') . ' user=worker', qw(--kinds any --jobs 3 --until-idle))), 0, 'the worker ends well');
my %job = map { $_ => $json->decode($node->safe_psql('postgres', "SELECT vvault_job($_)")) } $job, $wrong, $unfit;
is($job{$job}{state}, 'finished', 'a job encrypts what it makes') or diag explain $job{$job};
my %output = map { $_->{name} => $_ } @{ $job{$job}{result}{outputs} };
my $frames = join ' ', decoded($store->path('made/clear')) =~ /([0-9a-f]{32})$/gm;
is(join(' ', decoded($store->path("made/$_"), $key) =~ /([0-9a-f]{32})$/gm), $frames, "$_: it is what the clear one is") for 'rung', 'apple';
for my $name (sort keys %output)
{
	my $bytes = slurp_file($store->path("made/$name"));
	my $head = MIME::Base64::decode_base64($output{$name}{head});
	my $scheme = { rung => 'cenc', apple => 'cbcs' }->{$name};

	ok(length $head && $head eq substr($bytes, 0, length $head), "$name: the head is that of what was stored");
	is($output{$name}{size}, length $bytes, "$name: and so is the size");
	# behind the clear one's segments ffmpeg has put another index
	is((segments_of($bytes))[-1], length $bytes, "$name: the index leads to the end") if $name ne 'clear';
	is($node->safe_psql('postgres', "SELECT coalesce(scheme || ' ' || replace(key_id::text, '-', ''), 'clear')"
			. " FROM vvault_stream.media_head(decode('$output{$name}{head}', 'base64'), $output{$name}{size})"),
		$scheme ? "$scheme $kid" : 'clear', "$name: and the server reads in it how it is encrypted");
}
is_deeply([ $store->scratch_files ], [], 'no file is left');
is($job{$wrong}{error}, "the order is wrong: the encryption's kid is not 32 hexadecimal digits", 'an order that is wrong is no fault of the source');
is($job{$unfit}{result}{failure}, 'What it is converted to cannot be encrypted: its codec is none that is encrypted here.',
	'what cannot be encrypted will not be the next time');
unlike($store->log_text, qr/0f1e2d3c/i, 'no key is in the log');
unlike($json->encode([ map { { error => $_->{error}, result => $_->{result} } } values %job ]), qr/0f1e2d3c/i, 'nor in what came of the jobs');

# ---------------------------------------------------------------------------
# By the jobs of protected videos, all rungs
# ---------------------------------------------------------------------------

my %systems = (
	'1077efecc0b24d02ace33c1e52e2fb4b' => 'common', 'edef8ba979d64acea3c827dcd51d21ed' => 'Widevine', '9a04f07998404286ab92e65be0885f95' => 'PlayReady');

$node->safe_psql('postgres', "SELECT vvault_store('main', 'file', '$store->{url}'), vvault_stream_set('encoder_preset', 'ultrafast')");
ffmpeg('-v', 'error', @sound, picture('1280x720', 1.2), qw(-c:v libx264 -preset ultrafast -c:a aac -shortest -f mp4), $store->path('protected'));
for my $level ('aes128', 'standard', 'premium')
{
	my $formats = $level eq 'premium' && $encoders =~ /\blibx265\b/ ? q{'{"codecs": ["h264", "hevc"]}'} : 'NULL';
	my $source = slurp_file($store->path('protected'));

	$store->put("$level/source", $source);
	$node->safe_psql('postgres', "SELECT vvault_create_asset('$level', 'alice', video_id => '$level');
		SELECT vvault_protect('$level', '$level');
		SELECT vvault_stream.source_stored('$level', vvault_stream.open_generation('$level'), 'main', '$level/source', " . length($source) . ", NULL);
		SELECT vvault_process('$level', $formats)");
}
is($store->wait_for_worker($store->start_worker($node->connstr('postgres') . ' user=worker', qw(--jobs 2 --until-idle))), 0, 'the worker ends well');
for my $level ('aes128', 'standard', 'premium')
{
	my ($state, @renditions) = split /\n/, $node->safe_psql('postgres', "SELECT state || coalesce(': ' || failure, '') FROM vvault_stream.assets WHERE video_id = '$level';
		SELECT concat_ws(' ', r.name, r.kind, r.object_key, k.class, encode(vvault_stream.content_key(k), 'hex'), encode(uuid_send(k.kid), 'hex'))
		FROM vvault_stream.renditions r JOIN vvault_stream.content_keys k ON k.video_id = r.video_id AND k.generation = r.generation
			AND k.class = vvault_stream.content_class(r.kind, r.name)
		WHERE r.video_id = '$level' AND r.kind <> 'text' ORDER BY r.name");
	my %classes;

	is($state, 'ready', "$level: the video is ready");
	for my $rendition (@renditions)
	{
		my ($name, $kind, $object_key, $class, $with, $id) = split / /, $rendition;
		my $bytes = slurp_file($store->path($object_key));
		my $what = "$level $name";

		$classes{$class}++;
		is((segments_of($bytes))[-1], length $bytes, "$what: the index leads to the end");
		if ($level eq 'aes128')
		{
			my @begins = segments_of($bytes);
			my $clear = substr $bytes, 0, $begins[0];

			for my $i (0 .. $#begins - 1)
			{
				my $segment = substr $bytes, $begins[$i], $begins[ $i + 1 ] - $begins[$i];

				IPC::Run::run([ qw(openssl enc -d -aes-128-cbc -K), $with, '-iv', sprintf('%032x', $i) ], '<', \$segment, '>', \my $plain, '2>', '/dev/null');
				$clear .= $plain;
			}
			write_file("$folder/decrypted.mp4", $clear);
			my ($decoded, $said) = ffmpeg('-v', 'error', '-i', "$folder/decrypted.mp4", qw(-f framemd5 -));
			is($said, '', "$what: decrypted it is decoded without an error");
			next;
		}
		my $protection = Cenc::read_file($bytes)->{protection};
		is("$protection->{scheme} $protection->{kid}", ($level eq 'premium' ? 'cbcs' : 'cenc') . " $id", "$what: its scheme and the id of its key");
		my $moov = Cenc::find_box($bytes, 0, length $bytes, 'moov');
		my @told = map { $systems{ unpack 'x4 H32', substr $bytes, $_->[1], 20 } // 'another' } grep { $_->[0] eq 'pssh' } Cenc::children($bytes, @$moov[ 1, 2 ]);
		is_deeply([ sort @told ], [ 'PlayReady', 'Widevine', 'common' ], "$what: systems are told");
		my ($decoded, $said) = ffmpeg('-v', 'error', '-decryption_key', $with, '-i', $store->path($object_key), qw(-f framemd5 -));
		is($said, '', "$what: with its key it is decoded without an error");
		cmp_ok(scalar(() = $decoded =~ /^0,/gm), '>=', $kind =~ /^(?:video|audio)$/ ? 29 : 1, "$what: to as many pictures or pieces of sound as there are");
		# a decoder may take what comes of another key without a word
		my ($other) = ffmpeg('-v', 'error', '-decryption_key', unpack('H*', ~pack 'H*', $with), '-i', $store->path($object_key), qw(-f framemd5 -));
		my %right = map { $_ => 1 } $decoded =~ /^0,.*$/gm;
		cmp_ok(scalar(grep { $right{$_} } $other =~ /^0,.*$/gm), '<', (keys %right) / 2, "$what: and with another it is not");
	}
	cmp_ok($classes{SD} // 0, '>', 1, "$level: several small rungs") if ok($classes{AUDIO} && $classes{SD} && $classes{HD}, "$level: there are keys of three classes");
}

$node->stop;
$store->stop;
done_testing();
