#!/usr/bin/env perl
#
# ingest.pl
#     Feeds vvault_ingest() with damaged responses and compares what it makes
#     of them with naive SQL over jsonb.
#
# usage: test/fuzz/ingest.pl [--rounds 20000] [--seed N] [--first 1] [--keep]
#
# Needs a server whose extensions include vvault; PGHOST, PGPORT, PGUSER and
# the like say which one.  A database of its own is made there and dropped
# when all is well.
#
# Every round takes a few videos of a sample chart and damages them: in their
# structure (keys that come twice, values of another type, wrong depth, odd
# escapes) or in their bytes.  What must hold, whatever comes:
#
#     an error is 22023, or 54001 where it nests too deep, and only for what
#     naive SQL does not take for a response either
#     every item is accepted, refused, a duplicate or blocked
#     an accepted item has the texts and figures that jsonb finds in it, and a
#     refused one breaks a rule that jsonb can name
#     vvault_check() finds nothing, and every reader's reply is JSON
#
# The seed is printed; round N of a seed is the same in every run, so
# "--seed S --first N --rounds 1" repeats one.

use v5.36;

use FindBin;
use Getopt::Long qw(GetOptions);
use JSON::PP     ();

use constant BATCH => 200;

my ($rounds, $seed, $first, $keep) = (20_000, undef, 1, 0);
GetOptions('rounds=i' => \$rounds, 'seed=i' => \$seed, 'first=i' => \$first, 'keep' => \$keep)
  && !@ARGV
  or die "usage: $0 [--rounds N] [--seed N] [--first N] [--keep]\n";
$seed //= time ^ $$ << 8;

my $database = "vvault_fuzz_$$";
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# ---------------------------------------------------------------------------
# Damage
# ---------------------------------------------------------------------------

sub one_of { return $_[ rand @_ ] }

sub sample_pages
{
	open my $in, '-|', $^X, "$FindBin::RealBin/../../demo/generate.pl", '--days', 1,
	  '--per-chart', 50
	  or die "demo/generate.pl: $!\n";
	my @pages;
	while (my $line = <$in>)
	{
		chomp $line;
		my $text = (split /\t/, $line)[3];

		# the text format of COPY doubles backslashes, and has no other escape here
		$text =~ s/\\(.)/$1/g;
		push @pages, $json->decode($text);
	}
	close $in or die "demo/generate.pl failed\n";
	return @pages;
}

# A value of any type, hostile ones among them. A reference to a string is
# written into the JSON as it is.
sub odd_value
{
	return one_of(
		undef, \'true', \'false', \'0', \'-1', \'1e400', \'1.5', \'12', '', '12',
		\'9223372036854775807', '9223372036854775807', '9223372036854775808',
		'-9223372036854775808', '0x10', ' 7', '7 ', "7\n", '+7', '00', '1e3',
		"\x{0}", \'"\\u0000"', \'"\\ud800"', \'"\\udc00\\ud800"', \'"\\ud83d\\ude00"',
		\'"\\uD83D\\u0041"', \'"\\\\u0000"', \'"\\u00e9\\t\\/\\b\\f"', \'"\\u005cu0000"',
		"\x{202e}abc\x{feff}", 'x' x 64, 'x' x 65, "\x{e9}" x 32, "\x{1f600}" x 17, 'y' x 3000,
		{}, [], [ [] ], { id => 'x' }, [ 'a', undef, 'b' ], [ 'a', { b => 'c' }, ['d'] ], ['1'],
		{ url => 'https://example.com/x.jpg' }, 'now', 'infinity', '2026-02-30T00:00:00Z',
		'0001-01-01T00:00:00+05:00', '9998-12-31T23:59:60-23:59', '2026-01-01t00:00:00.1234567z',
		'2026-01-01T00:00:00', '-2026-01-01T00:00:00Z', '2026-01-01T24:00:00Z',
		"'; DROP TABLE vvault.videos; --", '%s%n%s', '{"a":1}', "\\", '"', "a|b|c",
		'youtube#videoListResponse', 'items', \('[' x 40 . ']' x 40), \('{"a":' x 30 . '1' . '}' x 30));
}

my @keys = ('id', 'kind', 'items', 'snippet', 'title', 'statistics', 'viewCount', 'likeCount', 'commentCount',
	'tags', 'thumbnails', 'high', 'url', 'publishedAt', 'categoryId', 'contentDetails', 'duration',
	'pageInfo', 'totalResults', 'error', 'message', 'defaultAudioLanguage', '', 'x', "\x{0}", "a\"b");

# Every object and array of a value, itself included.
sub containers
{
	my ($value) = @_;
	my $kind = ref $value;

	return () unless $kind eq 'HASH' || $kind eq 'ARRAY';
	return ($value, map { containers($_) } $kind eq 'HASH' ? @{$value}{ sort keys %$value } : @$value);
}

# Damages one place; 'twice' holds members that are written a second time.
sub damage_structure
{
	my ($page, $twice) = @_;
	my $place = one_of(containers($page));
	my $value = odd_value();

	if (ref $place eq 'ARRAY')
	{
		my $at = int rand(@$place + 1);
		my $what = one_of('insert', 'replace', 'remove', 'repeat');

		if ($what eq 'insert') { splice @$place, $at, 0, $value }
		elsif ($what eq 'replace') { $place->[$at] = $value }
		elsif ($what eq 'remove') { splice @$place, $at, 1 if $at < @$place }
		elsif (@$place) { push @$place, $place->[ $at % @$place ] }
		return;
	}
	my $key = rand() < 0.7 && %$place ? one_of(sort keys %$place) : one_of(@keys);
	my $what = one_of('set', 'set', 'remove', 'twice');

	if ($what eq 'set') { $place->{$key} = $value }
	elsif ($what eq 'remove') { delete $place->{$key} }
	else { push @{ $twice->{$place} }, [ $key, rand() < 0.5 ? $value : $place->{$key} ] }
	return;
}

# JSON with odd spaces and escapes, members in a random order and some twice.
sub write_json
{
	my ($value, $twice, $odd) = @_;

	if (ref $value eq 'SCALAR') { return $$value }
	if (ref $value eq 'ARRAY')
	{
		return '[' . join(',', map { write_json($_, $twice, $odd) } @$value) . ']';
	}
	if (ref $value eq 'HASH')
	{
		my @members = map { [ $_, $value->{$_} ] } sort keys %$value;
		push @members, @{ $twice->{$value} // [] };
		@members = sort { rand() <=> 0.5 } @members if $odd;
		return '{' . join(
			',',
			map {
				write_text($_->[0], $odd) . ($odd && rand() < 0.1 ? " \t\r\n" : '') . ':'
				  . write_json($_->[1], $twice, $odd)
			} @members) . '}';
	}
	return 'null' unless defined $value;
	return $json->encode($value) if ref $value;
	return write_text($value, $odd);
}

sub write_text
{
	my ($text, $odd) = @_;
	my $written = $json->encode("$text");

	return $written unless $odd && rand() < 0.1;
	return '"' . join(
		'',
		map { ord($_) < 0x10000 ? sprintf('\\u%04x', ord $_) : sprintf('\\u%04X\\u%04x',
				0xd800 + ((ord($_) - 0x10000) >> 10), 0xdc00 + ((ord($_) - 0x10000) & 0x3ff)) }
		  split //, $text) . '"';
}

my @fragments = (
	'"', '\\', '\\u', '\\u00', '\\u0000', '\\ud800', '\\udfff', '{', '}', '[', ']', ',', ':', 'null', '-', '0', 'e9',
	"\x00", "\x01", "\x7f", "\xff", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xef\xbb\xbf", '"items":[]', '"items":null',
	'"kind":1', '"id":"x"', '[' x 300, '{"a":' x 300, '9' x 400, ' ' x 50);

sub damage_bytes
{
	my ($text) = @_;
	my $at = int rand length $text;
	my $length = int rand one_of(2, 8, 200);
	my $what = one_of('replace', 'insert', 'remove', 'copy', 'flip', 'cut');

	if ($what eq 'replace') { substr $text, $at, $length, one_of(@fragments) }
	elsif ($what eq 'insert') { substr $text, $at, 0, one_of(@fragments) }
	elsif ($what eq 'remove') { substr $text, $at, $length, '' }
	elsif ($what eq 'copy') { substr $text, int rand length $text, 0, substr $text, $at, $length }
	elsif ($what eq 'flip') { substr $text, $at, 1, chr(ord(substr $text, $at, 1) ^ 1 << int rand 8) }
	elsif (rand() < 0.3) { $text = substr $text, 0, $at }
	return $text;
}

# What round N of this seed sends.
sub response
{
	my ($pages, $n) = @_;
	my (%twice, $page);

	srand($seed * 31 + $n);
	$page = { %{ one_of(@$pages) } };

	# few enough ids that charts overlap
	$page->{items} = [ map { one_of(@{ $page->{items} }[ 0 .. 9 ]) } 1 .. 1 + rand 5 ];
	$page = $json->decode($json->encode($page));
	if (rand() < 0.75)
	{
		damage_structure($page, \%twice) for 1 .. one_of(1, 1, 2, 3, 8);
	}
	my $text = write_json($page, \%twice, rand() < 0.5);
	if (rand() < 0.4)
	{
		$text = damage_bytes($text) for 1 .. one_of(1, 1, 2, 5);
	}
	return $text;
}

# ---------------------------------------------------------------------------
# The other side
# ---------------------------------------------------------------------------

my $setup = <<'EOF';
CREATE EXTENSION vvault CASCADE;
CREATE TABLE response (round integer PRIMARY KEY, content bytea NOT NULL);
CREATE TABLE outcome (round integer PRIMARY KEY, outcome text NOT NULL);

-- A text that the parser would see there: of a string, or of another scalar.
CREATE FUNCTION seen(item jsonb, VARIADIC path text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN jsonb_typeof(item #> path) NOT IN ('object', 'array')
		-- a path leads through objects alone, not by numbers into arrays
		AND NOT EXISTS (SELECT FROM generate_series(0, cardinality(path) - 1) n
			WHERE jsonb_typeof(item #> path[1:n]) <> 'object')
		THEN item #>> path END
$$;
CREATE FUNCTION is_text(item jsonb, VARIADIC path text[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT seen(item, VARIADIC path) IS NULL OR jsonb_typeof(item #> path) = 'string'
$$;
CREATE FUNCTION is_count(item jsonb, key text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT seen(item, 'statistics', key) IS NULL OR jsonb_typeof(item #> ARRAY['statistics', key]) <> 'boolean'
		AND CASE WHEN seen(item, 'statistics', key) ~ '^[0-9]+$'
			THEN seen(item, 'statistics', key)::numeric <= 9223372036854775807 ELSE false END
$$;
CREATE FUNCTION instant(t text) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF t !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$'
		OR t ~ '^0000' OR t ~ '^9999' OR t ~ '[Tt ]24' OR t ~ '[+-](2[4-9]|[3-9])[^-]*$' OR t ~ '[+-][0-9]{2}:[6-9].$' THEN
		RETURN NULL;
	END IF;
	-- digits beyond microseconds are dropped; the offset, of up to a day, is wider than PostgreSQL takes
	RETURN ((substring(t, '^.{10}') || ' ' || substring(t, '[Tt ](.{8})') || coalesce(substring(t, '[.][0-9]{1,6}'), ''))::timestamp
		AT TIME ZONE 'UTC') - coalesce((substring(t, '([+-][0-9]{2}):[0-9]{2}$') || ' hours')::interval
			+ (substring(t, '[+-][0-9]{2}:[0-9]{2}$') ~ '^-' )::int * -1 * (substring(t, '[+-][0-9]{2}:([0-9]{2})$') || ' minutes')::interval
			+ (substring(t, '[+-][0-9]{2}:[0-9]{2}$') ~ '^[+]')::int * (substring(t, '[+-][0-9]{2}:([0-9]{2})$') || ' minutes')::interval,
			interval '0');
EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format THEN
	RETURN NULL;
END
$$;

-- Whether an item keeps all the rules.
CREATE FUNCTION is_good(item jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(jsonb_typeof(item) = 'object'
		AND jsonb_typeof(item -> 'id') = 'string' AND octet_length(item ->> 'id') BETWEEN 1 AND 64
		AND seen(item, 'snippet', 'title') IS NOT NULL
		AND is_text(item, 'snippet', 'title') AND is_text(item, 'snippet', 'channelId')
		AND is_text(item, 'snippet', 'channelTitle') AND is_text(item, 'snippet', 'publishedAt')
		AND is_text(item, 'snippet', 'defaultAudioLanguage') AND is_text(item, 'snippet', 'defaultLanguage')
		AND is_text(item, 'contentDetails', 'duration')
		AND is_text(item, 'snippet', 'thumbnails', 'default', 'url') AND is_text(item, 'snippet', 'thumbnails', 'medium', 'url')
		AND is_text(item, 'snippet', 'thumbnails', 'high', 'url') AND is_text(item, 'snippet', 'thumbnails', 'standard', 'url')
		AND is_text(item, 'snippet', 'thumbnails', 'maxres', 'url')
		AND (jsonb_typeof(item #> '{snippet,tags}') IS DISTINCT FROM 'array' OR NOT EXISTS (
			SELECT FROM jsonb_array_elements(item #> '{snippet,tags}') t WHERE jsonb_typeof(t) IN ('number', 'boolean')))
		AND is_count(item, 'viewCount') AND is_count(item, 'likeCount') AND is_count(item, 'commentCount')
		AND (seen(item, 'snippet', 'categoryId') IS NULL
			OR jsonb_typeof(item #> '{snippet,categoryId}') <> 'boolean' AND CASE
				WHEN seen(item, 'snippet', 'categoryId') ~ '^[0-9]+$'
				THEN seen(item, 'snippet', 'categoryId')::numeric <= 2147483647 ELSE false END)
		AND (seen(item, 'snippet', 'publishedAt') IS NULL
			OR coalesce(instant(seen(item, 'snippet', 'publishedAt')) >= '0001-01-01 00:00Z', false)), false)
$$;

CREATE FUNCTION what_differs(response json, b jsonb) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT string_agg(format('item %s: %s', p.item_index, CASE
			WHEN p.reason IS NULL AND NOT is_good(e.item) THEN 'accepted'
			WHEN p.reason IS NOT NULL AND is_good(e.item) THEN 'refused: ' || p.reason
			WHEN p.reason IS NOT NULL AND (p.item::jsonb IS DISTINCT FROM e.item) THEN 'kept as another text'
			ELSE 'read as ' || p::text END), '; ')
	FROM vvault.parse_chart(response) p
		FULL JOIN LATERAL (SELECT x.item, x.n FROM jsonb_array_elements(b -> 'items') WITH ORDINALITY x (item, n)) e
			ON e.n = p.item_index + 1
	WHERE (p.reason IS NULL) IS DISTINCT FROM is_good(e.item)
		OR p.reason IS NOT NULL AND p.item::jsonb IS DISTINCT FROM e.item
		OR p.reason IS NULL AND (
			(p.video_id, p.title, p.channel_id, p.channel_title, p.duration, p.category_id, p.published_at,
				p.views, p.likes, p.comments, p.content_language, p.tags)
			IS DISTINCT FROM (e.item ->> 'id', seen(e.item, 'snippet', 'title'),
				coalesce(seen(e.item, 'snippet', 'channelId'), ''), coalesce(seen(e.item, 'snippet', 'channelTitle'), ''),
				seen(e.item, 'contentDetails', 'duration'), coalesce(seen(e.item, 'snippet', 'categoryId'), '0')::integer,
				instant(seen(e.item, 'snippet', 'publishedAt')), seen(e.item, 'statistics', 'viewCount')::bigint,
				seen(e.item, 'statistics', 'likeCount')::bigint, seen(e.item, 'statistics', 'commentCount')::bigint,
				coalesce(seen(e.item, 'snippet', 'defaultAudioLanguage'), seen(e.item, 'snippet', 'defaultLanguage')),
				ARRAY(SELECT t.v #>> '{}' FROM jsonb_array_elements(CASE jsonb_typeof(e.item #> '{snippet,tags}')
						WHEN 'array' THEN e.item #> '{snippet,tags}' ELSE '[]' END) WITH ORDINALITY t (v, n)
					WHERE jsonb_typeof(t.v) = 'string' ORDER BY t.n)))
$$;

CREATE FUNCTION try(round integer, content bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	response json;
	b jsonb;
	reply json;
	is_response boolean;
	problem text;
BEGIN
	BEGIN
		response := convert_from(content, 'UTF8')::json;
	EXCEPTION WHEN character_not_in_repertoire OR invalid_text_representation OR statement_too_complex THEN
		RETURN 'no JSON';
	END;
	BEGIN
		b := response::jsonb;
		is_response := coalesce(jsonb_typeof(b) = 'object' AND jsonb_typeof(b -> 'kind') = 'string'
			AND b ->> 'kind' = 'youtube#videoListResponse' AND jsonb_typeof(b -> 'items') = 'array', false);
	EXCEPTION WHEN untranslatable_character OR invalid_text_representation OR statement_too_complex
		OR numeric_value_out_of_range OR program_limit_exceeded THEN
		b := NULL;	-- jsonb cannot tell
	END;
	BEGIN
		reply := vvault_ingest((ARRAY['US', 'PL', 'SE'])[1 + round % 3], response,
			'2026-01-01 00:00Z'::timestamptz + (round * 7919 % 400) * interval '1 hour', 1 + round % 2 * 5);
	EXCEPTION WHEN invalid_parameter_value THEN
		RETURN CASE WHEN is_response THEN 'WRONG: refused as a whole: ' || SQLERRM ELSE 'refused' END;
	WHEN statement_too_complex THEN
		RETURN 'too deep';
	WHEN OTHERS THEN
		RETURN format('WRONG: %s %s', SQLSTATE, SQLERRM);
	END;
	IF b IS NULL THEN
		RETURN 'taken, by itself';
	END IF;
	IF NOT is_response THEN
		RETURN 'WRONG: taken, but it is no response';
	END IF;
	IF (reply ->> 'accepted')::integer + (reply ->> 'duplicates')::integer + json_array_length(reply -> 'rejected')
		+ (SELECT count(*) FROM vvault.parse_chart(response) p JOIN vvault.blocked_videos USING (video_id))
		<> jsonb_array_length(b -> 'items') THEN
		RETURN 'WRONG: items went astray: ' || reply;
	END IF;
	problem := what_differs(response, b);
	RETURN coalesce('WRONG: ' || problem, 'taken');
END
$$;

CREATE FUNCTION read_all() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	s text;
	page json;
	walked bigint;
BEGIN
	FOR s IN SELECT unnest(choices) FROM vvault.setting_defaults WHERE name = 'default_sort' LOOP
		page := vvault_trending('US', 7, s);
		walked := json_array_length(page -> 'videos');
		WHILE page ->> 'next_cursor' IS NOT NULL LOOP
			page := vvault_trending('US', 7, s, page ->> 'next_cursor');
			PERFORM page::text::json;
			walked := walked + json_array_length(page -> 'videos');
		END LOOP;
		-- an order shows all videos or those in the chart
		IF walked NOT IN (SELECT count(*) FROM vvault.videos WHERE region = 'US' GROUP BY GROUPING SETS ((), (charted)) HAVING charted IS NOT false) THEN
			RETURN NEXT format('WRONG: %s videos by %s', walked, s);
		END IF;
	END LOOP;
	FOR s IN SELECT DISTINCT video_id FROM vvault.videos LOOP
		IF vvault_video(s)::text::json ->> 'video_id' IS DISTINCT FROM s THEN
			RETURN NEXT 'WRONG: no video ' || s;
		END IF;
	END LOOP;
	RETURN QUERY SELECT 'WRONG: vvault_check() ' || c::text FROM vvault_check() c;
END
$$;
EOF

my $psql;

sub say_sql { print {$psql} @_, "\n" }

sub start_psql
{
	my ($db) = @_;
	my @command = ('psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', $db);

	open $psql, '|-', @command or die "psql: $!\n";
	return;
}

sub end_psql
{
	my ($what) = @_;

	close $psql or die "$what failed: psql ended with status " . ($? >> 8) . "; seed $seed\n";
	return;
}

$| = 1;
local $SIG{PIPE} = 'IGNORE';
print "# seed $seed, rounds $first to @{[ $first + $rounds - 1 ]}, database $database\n";
my @pages = sample_pages();
my $blocked = $pages[0]{items}[3]{id};

system('createdb', '-T', 'template0', '-E', 'UTF8', '--locale=C', $database) == 0 or die "createdb failed\n";
start_psql($database);
say_sql('SET client_min_messages = warning;', $setup, "SELECT vvault_block('$blocked') \\g /dev/null");
for (my $n = $first; $n < $first + $rounds; $n += BATCH)
{
	my $last = $n + BATCH - 1;
	$last = $first + $rounds - 1 if $last > $first + $rounds - 1;
	say_sql('COPY response FROM STDIN;');
	say_sql("$_\t\\\\x", unpack 'H*', response(\@pages, $_)) for $n .. $last;
	say_sql('\\.');
	say_sql("INSERT INTO outcome SELECT round, try(round, content) FROM response WHERE round BETWEEN $n AND $last;");
}
say_sql('INSERT INTO outcome SELECT -row_number() OVER (), x FROM read_all() x;');
end_psql('the run');

start_psql($database);
say_sql(<<'EOF');
SELECT format('# %s: %s', outcome, count(*)) FROM outcome WHERE outcome !~ '^WRONG' GROUP BY outcome ORDER BY outcome;
SELECT format('# %s round %s: %s', CASE WHEN round < 0 THEN 'afterwards' ELSE 'in' END, round, left(outcome, 600))
FROM outcome WHERE outcome ~ '^WRONG' ORDER BY abs(round) LIMIT 20;
EOF
end_psql('the summary');

my $wrong = `psql -X -A -t -d $database -c "SELECT count(*) FROM outcome WHERE outcome ~ '^WRONG'"`;
my $tried = `psql -X -A -t -d $database -c "SELECT count(*) FROM outcome WHERE round > 0"`;
chomp($wrong, $tried);
my $fine = $wrong eq '0' && $tried eq $rounds;
if ($keep || !$fine)
{
	print "# database $database is kept\n";
}
else
{
	system('dropdb', $database) == 0 or die "dropdb failed\n";
}
print $fine ? "ok: $tried rounds\n" : "not ok: $wrong of $tried rounds went wrong, seed $seed\n";
exit($fine ? 0 : 1);
