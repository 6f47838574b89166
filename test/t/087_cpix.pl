#
# 087_cpix.pl
#		Keys on their way to a vendor: CPIX in clear and for the holder of a
#		certificate, opened by python3-cryptography as a vendor does, and by
#		nobody else; held against DASH-IF's schema where that is at hand.
#
# CPIX_SCHEMA=FOLDER names a folder that has cpix.xsd and the schemas that it
# imports. Without it that part is skipped.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IO::Socket::INET ();
use IPC::Run ();
use MIME::Base64 qw(decode_base64 encode_base64);
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

plan skip_all => 'there is no openssl' if system('openssl version >/dev/null 2>&1') != 0;

my $node = new_node('cpix');
my $folder = PostgreSQL::Test::Utils::tempdir();

sub sql { return $node->safe_psql('postgres', $_[0]) }

sql('CREATE EXTENSION vvault_stream CASCADE');
if ($node->psql('postgres', 'SELECT vvault_stream.new_key_pair()') != 0)
{
	$node->stop;
	plan skip_all => 'there is no OpenSSL';
}
sql(q(INSERT INTO vvault_stream.assets (video_id, owner_id) SELECT 'a_' || l, 'alice' FROM unnest('{aes128,clear_key,standard,premium}'::text[]) l;
	SELECT vvault_stream.make_content_keys('a_' || l, 1, l) FROM unnest('{aes128,clear_key,standard,premium}'::text[]) l;
	CREATE ROLE operator LOGIN; SELECT vvault_stream_grant('operator', 'operator')));

# A certificate of its own for a name: its PEM. Its key is NAME.key.
sub certificate
{
	my ($name, @key) = @_;

	system('openssl', 'req', '-x509', '-quiet', '-nodes', '-newkey', @key, '-subj', "/CN=$name", '-days', '2', '-keyout', "$folder/$name.key", '-out', "$folder/$name.pem") == 0
	  or system("openssl req -x509 -nodes -newkey @key -subj /CN=$name -days 2 -keyout $folder/$name.key -out $folder/$name.pem 2>/dev/null") == 0
	  or BAIL_OUT('openssl makes no certificate');
	return slurp_file("$folder/$name.pem");
}

my %pem = (vendor => certificate('vendor', 'rsa:2048'), other => certificate('other', 'rsa:3072'));

# The document of a video, for a certificate or in clear; or what is wrong.
sub cpix
{
	my ($video, $pem) = @_;
	my $argument = defined $pem ? ", certificate => '$pem'" : '';
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET ROLE operator;\nSELECT convert_from(vvault_cpix('$video'$argument), 'UTF8')");

	return $status == 0 ? $out : $err;
}

sub keys_of
{
	return sql("SELECT string_agg(kid || ' ' || encode(vvault_stream.content_key(k), 'hex'), E'\\n' ORDER BY class) FROM vvault_stream.content_keys k WHERE video_id = '$_[0]'");
}

# What a vendor with this key reads in it.
sub opened
{
	my ($document, $who) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ '/usr/bin/python3', 'test/cpix/open_cpix.py', "$folder/$who.key" ], '<', \$document, '>', \$out, '2>', \$err);
	chomp($out, $err);
	return $out eq '' ? $err : $out;
}

# ---------------------------------------------------------------------------
# The schema
# ---------------------------------------------------------------------------

my %document = map { $_ => cpix($_), "$_ for a vendor" => cpix($_, $pem{vendor}) } map { "a_$_" } qw(aes128 clear_key standard premium);

SKIP:
{
	my $schema = $ENV{CPIX_SCHEMA};

	skip('CPIX_SCHEMA names no schema', 9) if !defined $schema;
	skip('there is no xmllint', 9) if system('xmllint --version >/dev/null 2>&1') != 0;
	my $misfit = sub {
		my $errors = '';

		append_to_file("$folder/$_[0].xml", $_[1]);
		IPC::Run::run([ 'xmllint', '--nonet', '--noout', '--schema', "$schema/cpix.xsd", "$folder/$_[0].xml" ], '<', '/dev/null', '2>', \$errors);
		return $errors =~ s/^\S* validates\n//mr;
	};
	is($misfit->($_ =~ s/ /_/gr, $document{$_}), '', "$_ fits the schema") for sort keys %document;
	like($misfit->('wrong', $document{'a_premium for a vendor'} =~ s/MACKey/MacKey/gr), qr/MacKey/, 'what does not fit is found');
}

# ---------------------------------------------------------------------------
# Who opens it
# ---------------------------------------------------------------------------

for my $video (map { "a_$_" } qw(aes128 clear_key standard premium))
{
	my @keys = map { (split / /)[1] } split /\n/, keys_of($video);
	my $clear = $document{$video};
	my $sealed = $document{"$video for a vendor"};

	is(scalar(grep { index($clear, encode_base64(pack('H*', $_), '')) >= 0 } @keys), 4, "$video: keys are in clear without a certificate");
	is(scalar(grep { index($sealed, encode_base64(pack('H*', $_), '')) >= 0 || index($sealed, $_) >= 0 } @keys), 0, 'and none is with one');
	unlike($sealed, qr/PlainValue/, 'nor a place for it');
	is($sealed =~ s{<DeliveryDataList>.*</DeliveryDataList>}{}r =~ s{<pskc:Secret>.*?</pskc:Secret>}{}gr =~ s{ xmlns:(?:ds|enc)="[^"]*"}{}gr,
		$clear =~ s{<pskc:Secret>.*?</pskc:Secret>}{}gr, 'all else is the same');
}
is(() = $document{'a_standard for a vendor'} =~ m{<ds:X509Certificate>([^<]*)<}, 1, 'it is for one');
is(decode_base64($document{'a_standard for a vendor'} =~ m{<ds:X509Certificate>([^<]*)<} ? $1 : ''), decode_base64($pem{vendor} =~ s/-----.*//gr), 'the holder of the certificate');
isnt(cpix('a_standard', $pem{vendor}), $document{'a_standard for a vendor'}, 'no two documents have the same keys of their own');

SKIP:
{
	skip('python3-cryptography is not there', 8) if system('/usr/bin/python3 -c "import cryptography" 2>/dev/null') != 0;
	for my $video (map { "a_$_" } qw(aes128 clear_key standard premium))
	{
		is(opened($document{"$video for a vendor"}, 'vendor'), keys_of($video), "$video: the vendor reads the keys");
	}
	is(opened(cpix('a_premium', $pem{other}), 'other'), keys_of('a_premium'), 'so does another in what is for him');
	is(opened($document{'a_premium for a vendor'}, 'other'), 'it is for another', 'and not in what is not');
	is(opened($document{'a_premium for a vendor'} =~ s{(<pskc:Secret>.*<enc:CipherValue>)(.)(.*<pskc:ValueMAC>)}{$1 . ($2 eq 'A' ? 'B' : 'A') . $3}er, 'vendor'), 'a MAC is wrong',
		'what was changed on its way is found');
	is(opened(cpix('a_standard', "$pem{vendor}$pem{other}"), 'vendor'), keys_of('a_standard'), 'of a chain the first is who it is for');
}

# ---------------------------------------------------------------------------
# The command of docs/drm.md, against a server that takes what it is given
# ---------------------------------------------------------------------------

{
	my ($command) = slurp_file('docs/drm.md') =~ /^(psql .*vvault_cpix.*)$/m or die 'no command';
	my $vendor = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1, Timeout => $PostgreSQL::Test::Utils::timeout_default) or die $!;
	my ($pid, $given) = (fork // die, '');

	if ($pid == 0)
	{
		local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'postgres', PGUSER => 'operator');
		$command =~ s/holiday/a_standard/;
		$command =~ s{https://keys\.example\.com}{'http://127.0.0.1:' . $vendor->sockport}e or POSIX::_exit(1);
		chdir $folder and exec 'bash', '-o', 'pipefail', '-c', $command or POSIX::_exit(1);
	}
	my $client = $vendor->accept or die 'nobody comes';
	while ($given !~ /\r\n\r\n/ || length($given =~ s/.*?\r\n\r\n//sr) < ($given =~ /^Content-Length: (\d+)/mi)[0])
	{
		sysread $client, $given, 65536, length $given or last;
	}
	print {$client} "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
	close $client;
	waitpid $pid, 0;
	is($?, 0, 'the command of docs/drm.md ends well');
	my ($head, $body) = split /\r\n\r\n/, $given, 2;
	like($head, qr{^POST /cpix HTTP/1\.1\r.*^Content-Type: application/xml\r}ms, 'a vendor gets XML');
	like($body, qr/<DeliveryData>/, 'for him');
	SKIP:
	{
		skip('python3-cryptography is not there', 1) if system('/usr/bin/python3 -c "import cryptography" 2>/dev/null') != 0;
		is(opened($body, 'vendor'), keys_of('a_standard'), 'and reads the keys of the video');
	}
}

# ---------------------------------------------------------------------------
# What is no certificate
# ---------------------------------------------------------------------------

for my $case (
	[ 'a short key', certificate('short', 'rsa:1024') ],
	[ 'a key of another kind', certificate('curve', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1') ],
	[ 'a key alone', scalar qx(openssl pkey -in '$folder/vendor.key' -pubout) ],
	[ 'a certificate that was cut', $pem{vendor} =~ s/\A(-----.*\n(?:.*\n){4})(?s:.*)/$1-----END CERTIFICATE-----\n/r ],
	[ 'one with more behind it', do { my $der = decode_base64($pem{vendor} =~ s/-----.*//gr); "-----BEGIN CERTIFICATE-----\n" . encode_base64("${der}x") . "-----END CERTIFICATE-----\n" } ],
	[ 'bytes of chance', "-----BEGIN CERTIFICATE-----\n" . encode_base64(join '', map { chr($_ * 37 % 256) } 1 .. 900) . "-----END CERTIFICATE-----\n" ])
{
	my ($label, $pem) = @$case;

	like(cpix('a_standard', $pem), qr/22023: invalid certificate\nHINT/, "$label is none");
}

$node->stop;
done_testing();
