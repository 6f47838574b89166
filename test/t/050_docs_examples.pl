#
# 050_docs_examples.pl
#		What the documents say is true: their examples run and print what they
#		show, their links lead somewhere, the names in them exist.
#
# An example is a block fenced as sql. It runs by psql in a database of its
# document, all examples of a document in the order they stand in, over four
# days of sample charts of fixed dates. A block fenced as json or text right
# behind it is its output and is compared:
#
# json		as JSON that may be broken into lines anywhere; order of keys counts
# text		as psql prints it; ERROR and what follows it, where it must fail
#
# In JSON, numbers with a fraction agree up to their last digits, which depend
# on the machine's mathematical library. "<!-- runs in: NAME -->" on a line of
# its own makes the next example run in a database NAME that starts empty. The
# SQL of "psql -c" in blocks fenced as sh runs too.
#
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VVaultTest;

my @documents = ('README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', glob('docs/*.md'), 'test/README.md');

# Written by a program out of the comments: signatures, not examples.
my %generated = ('docs/reference.md' => 1);
my @written = grep { !$generated{$_} } @documents;

sub text_of
{
	my ($file) = @_;

	open my $in, '<:encoding(UTF-8)', $file or die "$file: $!";
	local $/;
	return scalar <$in>;
}

my %text = map { $_ => text_of($_) } @documents;

# ---------------------------------------------------------------------------
# Reading documents
# ---------------------------------------------------------------------------

# The fenced blocks of a document: kind, content, number of the first line,
# where it runs, and whether it follows the block before without any prose.
sub blocks_of
{
	my ($file) = @_;
	my (@blocks, $open, $runs_in);
	my $adjoining = 0;
	my $n = 0;

	for my $line (split /\n/, $text{$file})
	{
		$n++;
		if ($open)
		{
			if ($line =~ /^\s*```\s*$/)
			{
				push @blocks, $open;
				undef $open;
				$adjoining = 1;
				next;
			}
			$line =~ s/^\Q$open->{indent}\E//;
			$open->{content} .= "$line\n";
		}
		elsif ($line =~ /^(\s*)```(\w*)\s*$/)
		{
			$open = {
				indent => $1,
				kind => $2,
				content => '',
				line => $n + 1,
				runs_in => $runs_in,
				adjoining => $adjoining
			};
			undef $runs_in;
		}
		elsif ($line =~ /^\s*<!-- runs in: (\w+) -->$/) { $runs_in = $1 }
		elsif ($line =~ /\S/) { $adjoining = 0 }
	}
	die "$file: a block is not closed" if $open;
	return @blocks;
}

# The examples of a document: SQL, and what it prints where that is shown.
sub examples_of
{
	my ($file) = @_;
	my @blocks = blocks_of($file);
	my @examples;

	for my $i (0 .. $#blocks)
	{
		my $block = $blocks[$i];
		my $next = $blocks[ $i + 1 ];

		if ($block->{kind} eq 'sql')
		{
			$block->{shown} = $next
			  if $next && $next->{adjoining} && $next->{kind} =~ /^(?:json|text)$/;
			push @examples, $block;
		}
		elsif ($block->{kind} eq 'sh')
		{
			push @examples, { %$block, content => "$1\n" }
			  while $block->{content} =~ /\bpsql\b[^\n]* -c "([^"]+)"/g;
		}
	}
	return @examples;
}

# ---------------------------------------------------------------------------
# Comparing
# ---------------------------------------------------------------------------

# JSON as a list of tokens; the blanks between them say nothing.
sub json_tokens
{
	my ($json) = @_;

	return $json =~ /("(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|\w+|\S)/g;
}

# psql's output as a list of lines, without blanks at their ends.
sub output_lines
{
	my ($output) = @_;
	my @lines = map { s/\s+$//r } split /\n/, $output;

	pop @lines while @lines && $lines[-1] eq '';
	return @lines;
}

my $fraction = qr/^-?[0-9]+\.[0-9]+$/;

sub same
{
	my ($shown, $is) = @_;

	return 1 if $shown eq $is;
	return 0 if $shown !~ $fraction || $is !~ $fraction;
	return abs($shown - $is) <= 1e-9 * (abs($shown) + abs($is));
}

# Where two lists begin to differ, as text, or undef.
sub difference
{
	my ($shown, $is) = @_;
	my $last = $#$shown > $#$is ? $#$shown : $#$is;

	for my $i (0 .. $last)
	{
		my ($s, $r) = map { $_ // '(nothing)' } $shown->[$i], $is->[$i];

		return "the document shows: $s\nit is now:          $r" unless same($s, $r);
	}
	return undef;
}

# ---------------------------------------------------------------------------
# Running
# ---------------------------------------------------------------------------

my $node = new_node('docs');

# Charts and categories; the pages themselves do not stay.
sub make_sample_database
{
	my $file = PostgreSQL::Test::Utils::tempdir() . '/categories.json';

	load_sample($node, 'postgres',
		sample_file('--days', 4, '--until', '2026-01-14T06:00:00Z'));
	IPC::Run::run([ $^X, 'demo/generate.pl', '--categories' ], '>', $file)
	  or die 'demo/generate.pl --categories failed';
	(my $categories = text_of($file)) =~ s/'/''/g;
	utf8::encode($categories);
	$node->safe_psql('postgres', 'CREATE EXTENSION vvault_stream CASCADE');
	$node->safe_psql('postgres', "SELECT vvault_ingest_categories('$categories')");
	ingest_all($node, 'postgres');
	$node->safe_psql('postgres', 'DROP TABLE sample');
	$node->safe_psql('template1', 'CREATE DATABASE sample TEMPLATE postgres');
	return;
}

make_sample_database();
my %database_made;

sub database
{
	my ($name, $template) = @_;

	$node->safe_psql('template1', "CREATE DATABASE \"$name\" TEMPLATE $template")
	  unless $database_made{$name}++;
	return $name;
}

# Runs an example; returns whether it went well, output and errors.
sub run_example
{
	my ($db, $example) = @_;
	my $shown = $example->{shown};
	my @plain = $shown && $shown->{kind} eq 'json' ? ('-A', '-t') : ();
	my $sql = $example->{content};
	my ($out, $err);

	utf8::encode($sql);
	my $ok = IPC::Run::run(
		[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', @plain, '-d', $node->connstr($db) ],
		'<', \$sql, '>', \$out, '2>', \$err);
	utf8::decode($_) for $out, $err;
	return ($ok, $out, $err);
}

# What is wrong with an example, or undef.
sub fault_of
{
	my ($db, $example) = @_;
	my ($ok, $out, $err) = run_example($db, $example);
	my $shown = $example->{shown};

	if ($shown && $shown->{content} =~ /^ERROR:/)
	{
		return 'it does not fail' if $ok;
		return difference([ output_lines($shown->{content}) ], [ output_lines($err) ]);
	}
	return $err unless $ok;
	return undef unless $shown;
	return difference([ json_tokens($shown->{content}) ], [ json_tokens($out) ])
	  if $shown->{kind} eq 'json';
	return difference([ output_lines($shown->{content}) ], [ output_lines($out) ]);
}

for my $file (@written)
{
	(my $id = lc $file) =~ s/\W/_/g;

	for my $example (examples_of($file))
	{
		my $db = $example->{runs_in}
		  ? database("${id}_$example->{runs_in}", 'template0')
		  : database($id, 'sample');
		my $fault = fault_of($db, $example);

		ok(!defined $fault, "$file, line $example->{line}: the example runs"
			  . ($example->{shown} ? ' and prints what is shown' : ''))
		  or diag($example->{content}, $fault);
	}
}
cmp_ok(scalar(examples_of('README.md')), '>=', 5, 'README.md has examples');
cmp_ok(scalar(grep { $_->{shown} } examples_of('README.md')),
	'>=', 2, 'and shows what they print');

# JSON that is shown is JSON.
for my $file (@written)
{
	for my $block (grep { $_->{kind} eq 'json' } blocks_of($file))
	{
		ok(eval { JSON::PP->new->decode($block->{content}); 1 },
			"$file, line $block->{line}: what is shown is JSON");
	}
}

# ---------------------------------------------------------------------------
# Names
# ---------------------------------------------------------------------------

sub names
{
	my ($sql) = @_;

	return split /\n/, $node->safe_psql('sample', $sql);
}

my %function = map { $_ => 1 } names(<<'END');
SELECT DISTINCT p.proname FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass
	AND d.refobjid IN (SELECT oid FROM pg_extension WHERE extname IN ('vvault', 'vvault_stream'))
	AND p.pronamespace <> ALL ('{vvault,vvault_stream}'::regnamespace[])
END

my %internal = map { $_ => 1 } names(<<'END');
SELECT relnamespace::regnamespace || '.' || relname FROM pg_class WHERE relnamespace = ANY ('{vvault,vvault_stream}'::regnamespace[])
UNION SELECT pronamespace::regnamespace || '.' || proname FROM pg_proc WHERE pronamespace = ANY ('{vvault,vvault_stream}'::regnamespace[])
UNION SELECT typnamespace::regnamespace || '.' || typname FROM pg_type WHERE typnamespace = ANY ('{vvault,vvault_stream}'::regnamespace[])
UNION SELECT name FROM pg_settings WHERE name LIKE 'vvault.%'
END
$internal{$_} = 1 for qw(vvault.control vvault_stream.control vvault.so);    # files, after all

# CONTRIBUTING.md makes one up, to show how a function is added.
my %made_up = ('CONTRIBUTING.md' => { vvault_example => 1 });

for my $file (@written)
{
	my %unknown;

	for my $name ($text{$file} =~ /\b(vvault_[a-z_0-9]+)\(/g)
	{
		$unknown{$name} = 1 unless $function{$name} || $made_up{$file}{$name};
	}
	for my $name ($text{$file} =~ /`((?:vvault|vvault_stream)\.[a-z_0-9]+)/g)
	{
		$unknown{$name} = 1 unless $internal{$name};
	}
	is(join(' ', sort keys %unknown), '', "$file names nothing that is not there");
}

is(join(' ', grep { $text{'README.md'} !~ /\b\Q$_\E\b/ } sort keys %function),
	'', 'README.md names every public function');
is(join(' ', grep { $text{'docs/operations.md'} !~ /`\Q$_\E`/ }
		names('SELECT name FROM vvault.setting_defaults')),
	'', 'docs/operations.md names every setting');

# A setting that is shipped is one that something reads.
my $sources = join "\n", map { text_of($_) } grep { !/settings\.sql$/ } glob('src/*/*.c src/*/*.h src/*/*.sql');
is(join(' ', grep { $sources !~ /['"]\Q$_\E['"]/ } names('SELECT name FROM vvault.setting_defaults UNION SELECT name FROM vvault_stream.setting_defaults')),
	'', 'src/ reads every setting by its name in quotes');

# What a user sees and the last release had not is told in the newest entry of
# CHANGELOG.md. (vvault_stream is new as a whole until it is released.)
my ($last_release) = sort { version->parse($b) <=> version->parse($a) } map { /vvault--(.*)\.sql$/ } glob('src/upgrade/released/vvault--*.sql');
my $released = text_of("src/upgrade/released/vvault--$last_release.sql");
my ($newest_entry) = $text{'CHANGELOG.md'} =~ /^## [^\n]*\n(.*?)(?=^## |\z)/ms;

sub untold
{
	my ($pattern, @names) = @_;
	my %known = map { $_ => 1 } map { /\w+/g } $released =~ /$pattern/g;

	return join ' ', grep { !$known{$_} && $newest_entry !~ /\b\Q$_\E\b/ } @names;
}

is(untold(qr/^CREATE \w+ \@extschema\@\.(vvault_\w+)/m, names(<<'END')), '', "CHANGELOG.md names every function that $last_release had not");
SELECT DISTINCT p.proname FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault') AND p.pronamespace <> 'vvault'::regnamespace
END
is(untold(qr/^\t\('(\w+)', '/m, names('SELECT name FROM vvault.setting_defaults')), '', 'CHANGELOG.md names every setting of which that is so');
my @derived = derived_tables($node, 'sample');
is(untold(qr/^CREATE TABLE vvault\.(\w+)/m, @derived), '', 'CHANGELOG.md names every derived table of which that is so');
is(join(' ', grep { $text{'README.md'} !~ /`$_`/ } @derived), '', 'README.md names every derived table among "The data"');
is(untold(qr/\('default_sort', .*?'\{([a-z_,]+)\}'/s, @orders), '', 'CHANGELOG.md names every such order of the feed');
is(untold(qr/"Video": \{.*?"required": \[([^]]*)\]/s,
		names(q{SELECT json_array_elements_text(vvault.openapi_schemas() -> 'Video' -> 'required')})), '', 'CHANGELOG.md names every such field of a video in feeds');

# The messages that README.md explains are those that the server gives.
$node->safe_psql('template1', $_) for (
	'CREATE ROLE nobody_special LOGIN',
	"CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
	'CREATE DATABASE taken TEMPLATE template0',
	'CREATE DATABASE empty TEMPLATE template0');
$node->safe_psql('taken', 'CREATE SCHEMA vvault');
for my $case (
	[ 'latin', 'CREATE EXTENSION vvault' ],
	[ 'taken', 'CREATE EXTENSION vvault' ],
	[ 'taken', 'CREATE EXTENSION vvault SCHEMA vvault' ],
	[ 'empty', 'SET ROLE nobody_special; CREATE EXTENSION vvault' ],
	[ 'sample', "SET ROLE nobody_special; SELECT vvault_trending('PL')" ])
{
	my ($code, $out, $err) = $node->psql(@$case);
	my $message = $err =~ /ERROR:\s+([^\n]+)/ ? $1 : 'no error';

	like($text{'README.md'}, qr/`\Q$message\E`/, "README.md explains: $message");
}

# ---------------------------------------------------------------------------
# The index of the TAP tests
# ---------------------------------------------------------------------------

# What is wrong with an index, and with the numbers of what it names.
sub index_faults
{
	my ($text, @tests) = @_;
	my @named = $text =~ /^\| `(\w+)` \|/mg;
	my %last;
	my @faults;

	push @faults, 'test/README.md names ' . join(' ', @named) . ', there are ' . join(' ', @tests)
	  if "@named" ne "@tests";
	for my $test (@tests)
	{
		my ($topic, $number) = $test =~ /^(\d\d)(\d)_/ or push @faults, "$test has no number";
		my $expected = exists $last{$topic} ? $last{$topic} + 1 : $number > 1 ? 0 : $number;

		push @faults, "$test: the next number of its topic is $topic$expected" if $number != $expected;
		$last{$topic} = $number;
	}
	return join "\n", @faults;
}

my @tests = map { m{/(\w+)\.pl$} } sort glob('test/t/*.pl');
is(index_faults(text_of('test/README.md'), @tests), '', 'test/README.md lists the TAP tests, and their numbers have no gaps');
like(index_faults("| `001_a` |\n| `003_c` |\n", qw(001_a 003_c 010_d)),
	qr/\Atest\/README\.md names .*\n003_c: the next number of its topic is 002\z/, 'it would tell what is not listed, and gaps');

# ---------------------------------------------------------------------------
# Links, versions, layers
# ---------------------------------------------------------------------------

# The anchors that the headings of a file get.
sub anchors_of
{
	my ($file) = @_;
	my $text = text_of($file);
	my %anchor;

	$text =~ s/^```.*?^```$//msg;
	for my $heading ($text =~ /^#+ +(.*)$/mg)
	{
		my $anchor = lc $heading;

		$anchor =~ s/[^\w\- ]//g;
		$anchor =~ s/ /-/g;
		$anchor{$anchor} = 1;
	}
	return \%anchor;
}

# Whether a link of a file leads to a file, and to a heading if it names one.
sub leads_somewhere
{
	my ($file, $target) = @_;
	my ($path, $anchor) = split /#/, $target, 2;
	my $folder = $file =~ m{^(.*/)} ? $1 : '';
	my $other = $path eq '' ? $file : $folder . $path;

	$other =~ s{[^/]+/\.\./}{};
	return 0 unless -e $other;
	return !defined $anchor || anchors_of($other)->{$anchor};
}

for my $file (@written)
{
	my @links = grep { !/^https?:/ } $text{$file} =~ /\]\(([^)\s]+)\)/g;

	is(join(' ', grep { !leads_somewhere($file, $_) } @links),
		'', "$file: every link leads somewhere");
}

my ($version) = text_of('vvault.control') =~ /^default_version *= *'(.*)'/m;
my $meta = JSON::PP->new->decode(text_of('META.json'));
is($meta->{version}, $version, 'META.json has the version of vvault.control');

# What META.json provides is what there are control files for.
my @extensions = map { /^(\w+)\.control$/ } sort glob('*.control');
is(join(' ', sort keys %{ $meta->{provides} }), "@extensions", 'META.json provides the extensions that have a control file');
for my $extension (@extensions)
{
	my $provided = $meta->{provides}{$extension};
	my %control = text_of("$extension.control") =~ /^(\w+) *= *'(.*)'/mg;

	is($control{default_version}, $version, "$extension.control has the version of vvault.control");
	is($provided->{version}, $control{default_version}, "META.json: and so has $extension");
	is(join(' ', grep { !-e ($provided->{$_} // '') } qw(file docfile)), '', "META.json: the files of $extension are there");
	is(join(' ', grep { !exists $meta->{prereqs}{runtime}{requires}{$_} && !exists $meta->{provides}{$_} } split /, */, $control{requires}),
		'', "META.json: what $extension requires is required or provided");
}
is(join(' ', grep { !defined $meta->{$_} }
		qw(name version abstract maintainer license provides meta-spec)),
	'', 'META.json has what PGXN asks for');
is($meta->{'meta-spec'}{version}, '1.0.0', 'META.json follows version 1.0.0 of the specification');
like($text{'CHANGELOG.md'}, qr/\A# [^\n]+\n[^#]*## \Q$version\E\b/,
	'the newest entry of CHANGELOG.md is of that version');
like(text_of('debian/changelog'), qr/\Avvault \(\Q$version\E\) /, 'and so is that of debian/changelog');

done_testing();
