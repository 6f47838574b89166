#
# PostgRESTQuery.pm
#		What PostgREST reads out of a query string and of a form: arguments of the
#		function, filters on its result, and names that it keeps for itself.
#
# After the parser of PostgREST 16; see README.md. A Parsec parser that has
# taken something and then fails is wrong, one that has taken nothing leaves the
# value to others: hence three outcomes of a filter.
#
package PostgRESTQuery;

use strict;
use warnings;

use Encode   ();
use Exporter 'import';
use JSON::PP ();

our @EXPORT_OK = qw(problem parse_query pairs utf8_or_die);

my $json = JSON::PP->new->utf8->canonical;

# A reply of PostgREST's own making.
sub problem
{
	my ($status, $code, $message, $details, $hint) = @_;

	return {
		status  => $status,
		headers => { 'Content-Type' => 'application/json; charset=utf-8' },
		body => $json->encode({ code => $code, message => $message, details => $details, hint => $hint }) };
}

# Bytes that are no UTF-8 throw an exception in PostgREST, which nothing but its
# HTTP server catches.
sub utf8_or_die
{
	my ($bytes) = @_;

	eval { Encode::decode('UTF-8', my $copy = $bytes, Encode::FB_CROAK) };
	die { status => 500, headers => { 'Content-Type' => 'text/plain; charset=utf-8' }, body => 'Something went wrong' } if $@;
	return $bytes;
}

# A % without two digits stands for itself.
sub decode
{
	my ($text) = @_;

	$text =~ tr/+/ /;
	$text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
	return utf8_or_die($text);
}

# Name and value of each argument; the value is undef where there is no "=". A ;
# ends an argument as a & does.
sub pairs
{
	my ($text) = @_;

	return map { my ($name, $value) = split /=/, $_, 2; [ decode($name // ''), defined $value ? decode($value) : undef ] }
	  split /[&;]/, $text;
}

my $name = qr/"(?:[^\\"]|\\.)*"|[\w \$]+(?:-(?!>)[\w \$]+)*/;
my $element = qr/"(?:[^\\"]|\\.)*"(?=[,)])|[^,)]*/;
my $list = qr/[ \t]*\([ \t]*$element(?:,$element)*[ \t]*\)/;

# What a value is: "filter", "none", or "wrong" where it begins as one.
sub filter_of
{
	my ($value) = @_;
	my $negated = $value =~ s/\Anot\.//;

	return $value =~ /\A$list/ ? 'filter' : 'wrong' if $value =~ s/\Ain\.//;
	return $value =~ /\A(?:null|not_null|true|false|unknown)/i ? 'filter' : 'wrong' if $value =~ s/\Ais\.//;
	return 'filter' if $value =~ /\A(?:isdistinct|(?:pl|ph|w)?fts(?:\([\w \$]+\))?)\./;
	return 'filter' if $value =~ /\A(?:neq|cs|cd|ov|sl|sr|nxr|nxl|adj)\./;
	return 'filter' if $value =~ /\A(?:eq|gte?|lte?|i?like|i?match)(?:\((?:any|all)\))?\./;
	return $negated ? 'wrong' : 'none';
}

# The name of an argument without the path to it: x.q is q, and so is q->x.
sub field_of
{
	my ($path) = @_;

	$path =~ /\A(?:$name\.)*($name)(\.)?/ && !$2 or die problem(400, 'PGRST100', "\"failed to parse tree path ($path)\" (line 1, column 1)");
	return $1 =~ s/\A\s+|\s+\z//gr =~ s/\A"(.*)"\z/$1/sr;
}

# One argument, into the query: a filter, an order, a limit, a name that is kept,
# or an argument of the function, which only GET and HEAD have ($is_read). Filters
# and orders name a column of the result, and a JSON value has none.
sub take
{
	my ($query, $is_read, $path, $value) = @_;
	my ($before, $last) = $path =~ /\A(?:(.*)\.)?([^.]*)\z/s;
	my $embedded = ($before // 'not') ne 'not' ? problem(400, 'PGRST108', "'$before' is not an embedded resource in this request") : undef;

	if ($path =~ /\A(?:select|columns|on_conflict)\z/)
	{
		$query->{$path} //= $value;
	}
	elsif ($last =~ /\A(?:limit|offset)\z/)
	{
		die $embedded if $embedded;
		$query->{$last} = 0 + $value if $value =~ /\A\s*-?\d+\s*\z/;
	}
	elsif ($last =~ /\A(?:order|and|or)\z/)
	{
		push @{ $query->{no_column} }, $value;
		my $shape = $last eq 'order' ? qr/\A\s*$name/ : qr/\A\s*\(\s*$name.*\..*\)\s*\z/s;
		die problem(400, 'PGRST100', "\"failed to parse $last ($value)\" (line 1, column 1)") if $value !~ $shape;
		die $embedded if $embedded;
	}
	else
	{
		my $field = field_of($path);
		my $filter = filter_of($value);

		die problem(400, 'PGRST100', "\"failed to parse filter ($value)\" (line 1, column 1)")
		  if $filter eq 'wrong' || $filter eq 'none' && !$is_read;
		die $embedded if $embedded && $filter eq 'filter';
		push @{ $query->{no_column} }, $field if $filter eq 'filter';
		$query->{arguments}{$field} = $value if $filter eq 'none';
	}
	return;
}

# The query string of a request; dies with a reply where PostgREST refuses it.
sub parse_query
{
	my ($text, $is_read) = @_;
	my $query = { arguments => {}, no_column => [] };

	take($query, $is_read, @$_) for grep { defined $_->[1] } pairs($text);
	for my $kept (grep { defined $query->{$_} } qw(columns on_conflict))
	{
		die problem(400, 'PGRST100', "\"failed to parse $kept parameter ($query->{$kept})\" (line 1, column 1)")
		  if $query->{$kept} !~ /\A\s*$name(?:,\s*$name)*/;
	}
	# what cannot be one is an empty list of columns, which are all
	push @{ $query->{no_column} }, $query->{select} if ($query->{select} // '') =~ /\A\s*$name/;
	die problem(416, 'PGRST103', 'Requested range not satisfiable') if ($query->{limit} // 0) < 0;
	return $query;
}

1;
