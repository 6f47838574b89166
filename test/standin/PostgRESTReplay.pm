#
# PostgRESTReplay.pm
#		A stand-in for PostgREST, for tests alone: one request to the database
#		with the very statements that PostgREST sends, and the reply that it
#		makes of the answer.
#
# It knows calls of functions (/rpc/NAME by GET, HEAD, POST and OPTIONS) and the
# root description, which is what this extension is served by; no tables, no
# tokens. README.md says what else it models, and what not.
#
package PostgRESTReplay;

use strict;
use warnings;

use Scalar::Util qw(weaken);

use DBD::Pg ();
use DBI     ();
use JSON::PP ();
use PostgRESTQuery qw(problem parse_query pairs);

my $json = JSON::PP->new->utf8->canonical;
my $any = JSON::PP->new->utf8->allow_nonref->max_depth(100_000);

# SQLSTATE or its class to HTTP status, the longer first.
my %status_of = (
	'42883' => 404, '42P01' => 404, '42P17' => 500, '42501' => 401, '23503' => 409, '23505' => 409, '25006' => 405,
	'53400' => 500, '57P01' => 503, 'P0001' => 400, '08' => 503, '09' => 500, '0L' => 403, '0P' => 403, '21' => 500, '22' => 400,
	'25' => 500, '28' => 403, '2D' => 500, '38' => 500, '39' => 500, '3B' => 500, '40' => 500, '53' => 503, '54' => 500, '55' => 500,
	'57' => 500, '58' => 500, 'F0' => 500, 'HV' => 500, 'P0' => 500, 'XX' => 500, '42' => 400);

# Those with a connection
my @connected;

# What PostgREST tells the database of a request.
my $settings = <<'EOS';
select set_config('search_path', $1, true), set_config('role', $2, true), set_config('request.jwt.claims', $3, true),
	set_config('request.method', $4, true), set_config('request.path', $5, true),
	set_config('request.headers', $6, true), set_config('request.cookies', $7, true)
EOS

# new(connection string, role, schema, root function): the login role of the
# connection string is a member of the role.
sub new
{
	my ($class, $connstr, $role, $schema, $root) = @_;

	return bless { connstr => $connstr, role => $role, schema => $schema, root => $root }, $class;
}

sub connection
{
	my ($self) = @_;

	return $self->{dbh} if $self->{dbh} && $self->{dbh}->pg_ping > 0;
	my $connstr = $self->{connstr};
	$connstr =~ s/ +/;/g;
	$self->{dbh} = DBI->connect("dbi:Pg:$connstr", '', '',
		{ RaiseError => 1, PrintError => 0, AutoCommit => 1, pg_enable_utf8 => 0, pg_switch_prepared => 1,
			pg_placeholder_dollaronly => 1 });
	push @connected, $self;
	weaken($connected[-1]);
	$self->{dbh}->do('SET client_encoding = UTF8');
	delete $self->{functions};
	return $self->{dbh};
}

# Statements go before their connection, and both before the program ends: the
# interpreter throws away in any order what is left to it.
END { $_->DESTROY for grep { defined } @connected }

sub DESTROY
{
	my ($self) = @_;
	my $dbh = delete $self->{dbh} or return;

	local ($@, $!, $?);
	%{ $dbh->{CachedKids} } = ();
	$dbh->disconnect;
	return;
}

# What a function takes and gives; read once, as PostgREST does at its start.
sub function
{
	my ($self, $name) = @_;

	$self->{functions} //= $self->connection->selectall_hashref(<<'EOS', 'proname', {}, $self->{schema});
SELECT p.proname, p.provolatile, p.proretset, p.prorettype = 'record'::regtype OR p.proretset AS is_rows,
	t.typname = '*/*' AS is_page, p.pronargs - p.pronargdefaults AS required,
	ARRAY(SELECT p.proargnames[i] FROM generate_series(1, p.pronargs) i) AS names,
	ARRAY(SELECT format_type(x, NULL) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u (x, i) ORDER BY i) AS types
FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype
WHERE p.pronamespace = $1::regnamespace AND p.prokind = 'f'
	AND (p.pronargs = 0 OR p.proargnames IS NOT NULL AND NOT '' = ANY (p.proargnames[1:p.pronargs]))
EOS
	return $self->{functions}{$name};
}

# What a database error becomes.
sub database_problem
{
	my ($self) = @_;
	my $error = $@;
	my $dbh = $self->{dbh} or return problem(503, 'PGRST000', 'Database connection error. Retrying the connection.');
	my $state = $dbh->state or die $error;
	my $text = $dbh->errstr // '';
	my ($message) = $text =~ /^(?:[A-Z]+:\s+)?([^\n]*)/;
	my ($hint) = $text =~ /^HINT:\s+([^\n]*)/m;
	my ($details) = $text =~ /^DETAIL:\s+([^\n]*)/m;
	my $status = $state =~ /^PT(\d{3})$/ ? $1 : $status_of{$state} // $status_of{ substr($state, 0, 2) } // 400;

	eval { $dbh->do('ROLLBACK') };
	return problem($status, $state, $message, $details, $hint);
}

# request(method, target, headers, body): status, headers and body of the reply.
# Headers are a hash with names in lower case, or what the database is given
# for them as it stands.
sub request
{
	my ($self, $method, $target, $headers, $body) = @_;
	my ($path, $query) = split /\?/, $target, 2;
	my %request = (method => $method, path => $path, query => $query // '', headers => $headers, body => $body // '');
	my $reply = eval { $self->answer(\%request) };

	$reply //= ref $@ ? $@ : $self->database_problem;
	$reply->{body} = '' if $method eq 'HEAD' || $reply->{status} == 304;
	return $reply;
}

# A header, where the request has some that can be read.
sub header
{
	my ($request, $name) = @_;

	return ref $request->{headers} ? $request->{headers}{$name} : undef;
}

# In the order in which PostgREST refuses.
sub answer
{
	my ($self, $request) = @_;
	my $method = $request->{method};

	return problem(500, 'PGRST300', 'Server lacks JWT secret') if (header($request, 'authorization') // '') =~ /^bearer /i;
	my $name = $self->function_named($request);
	my $profile = header($request, $method eq 'POST' ? 'content-profile' : 'accept-profile') // $self->{schema};
	return problem(406, 'PGRST106', "Invalid schema: $profile") if $profile ne $self->{schema};
	return problem(405, 'PGRST101', "Cannot use the $method method on RPC") if $method !~ /^(?:GET|HEAD|POST|OPTIONS)$/;
	my $query = parse_query($request->{query}, $method =~ /^(?:GET|HEAD)$/);
	return $self->call($request, $name, $query);
}

# The function that a path is of.
sub function_named
{
	my ($self, $request) = @_;
	my @parts = map { s/%([0-9A-Fa-f]{2})/chr hex $1/ger } split m{/}, $request->{path} =~ s{^/}{}r, -1;

	return $self->{root} if !@parts;
	return $parts[1] if @parts == 2 && $parts[0] eq 'rpc';
	die problem(404, 'PGRST125', 'Invalid path specified in request URL') if @parts != 1;
	die problem(404, 'PGRST205', "Could not find the table '$self->{schema}.$parts[0]' in the schema cache")
	  if $request->{method} =~ /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/;
	die problem(405, 'PGRST117', "Unsupported HTTP method: $request->{method}");
}

# The arguments by name, of a GET from the query, of a POST from the body, and
# the body where it is JSON. Dies with a reply where it cannot be read.
sub arguments
{
	my ($request, $query) = @_;

	return $query->{arguments} if $request->{method} ne 'POST';
	my $type = lc(header($request, 'content-type') // 'application/json') =~ s/\s*;.*//sr;
	return { map { $_->[0] => $_->[1] // '' } pairs($request->{body}) } if $type eq 'application/x-www-form-urlencoded';
	die problem(404, 'PGRST202', 'Could not find the function in the schema cache')
	  if $type =~ m{^(?:text/plain|text/xml|application/octet-stream)$};
	die problem(400, 'PGRST102', "Content-Type not acceptable: $type") if $type ne 'application/json';
	return json_arguments($request->{body}, $query->{columns});
}

# An array of objects with the same keys counts as its first, and what is neither
# object nor array as an empty array.
sub json_arguments
{
	my ($body, $columns) = @_;

	return ({ map { s/^\s+|\s+$//gr => 1 } split /,/, $columns }, $body) if defined $columns;
	my $value = $body eq '' ? {} : eval { $any->decode($body) };
	die problem(400, 'PGRST102', 'Empty or invalid json') if $@;
	return ($value, $body eq '' ? '{}' : $body) if ref $value eq 'HASH';
	return ({}, '[]') if ref $value ne 'ARRAY' || !@$value;
	my %shapes = map { (ref $_ eq 'HASH' ? join "\0", sort keys %$_ : "\0none") => 1 } @$value;
	die problem(400, 'PGRST102', 'All object keys must match') if keys %shapes != 1 || $shapes{"\0none"};
	return ($value->[0], $body);
}

# Can the reply be of a type that the client takes?
sub negotiate
{
	my ($request, $function) = @_;
	my $accept = header($request, 'accept') // '*/*';

	return if $function->{is_page} || $accept =~ m{(?:^|,)\s*(?:\*/\*|application/json)\s*(?:[;,]|$)};
	die problem(406, 'PGRST107', "None of these media types are available: $accept");
}

# Whether a function takes just these arguments.
sub fits
{
	my ($function, $given) = @_;
	my %known = map { $_ => 1 } @{ $function ? $function->{names} : [] };

	return $function && !grep({ !$known{$_} } keys %$given)
	  && !grep { !exists $given->{$_} } @{ $function->{names} }[ 0 .. $function->{required} - 1 ];
}

sub call
{
	my ($self, $request, $name, $query) = @_;
	my $dbh = $self->connection;
	my $function = $self->function($name);
	my ($given, $payload) = arguments($request, $query);

	my @names = sort keys %$given;
	my $signature = "$self->{schema}.$name(" . join(', ', @names) . ')';
	die problem(404, 'PGRST202', "Could not find the function $signature in the schema cache") if !fits($function, $given);
	my %type;
	@type{ @{ $function->{names} } } = @{ $function->{types} };
	negotiate($request, $function);
	return { status => 200, headers => { Allow => 'OPTIONS,GET,HEAD,POST' }, body => '' } if $request->{method} eq 'OPTIONS';

	$self->begin($request, $function);
	my @row;
	if ($request->{method} ne 'HEAD')
	{
		my ($source, @values) = source($self->{schema}, $name, $function, \%type, $given, \@names, $payload);
		my $statement = $self->statement(result_of($source, $name, $function, $query));

		$statement->execute(@values);
		@row = $statement->fetchrow_array;
		$statement->finish;
	}
	$dbh->do('COMMIT');
	return reply_of(@row);
}

# The transaction, and what the database is told of the request.
sub begin
{
	my ($self, $request, $function) = @_;
	my $headers = $request->{headers};
	my $read_only = $request->{method} ne 'POST' || $function->{provolatile} ne 'v';

	$self->connection->do('BEGIN ISOLATION LEVEL READ COMMITTED READ ' . ($read_only ? 'ONLY' : 'WRITE'));
	$self->statement($settings)->execute(qq{"$self->{schema}"}, $self->{role}, $json->encode({ role => $self->{role} }),
		$request->{method}, $request->{path}, ref $headers ? $json->encode($headers) : $headers, '{}');
	return;
}

# Statements are prepared once on a connection.
sub statement
{
	my ($self, $sql) = @_;

	return $self->{dbh}->prepare_cached($sql, undef, 3);
}

# What calls the function, and its values.
sub source
{
	my ($schema, $name, $function, $type, $given, $names, $payload) = @_;
	my ($from, @values);

	if (defined $payload && @$names)
	{
		my $columns = join ', ', map { qq{"$_"} } @$names;
		my $typed = join ', ', map { qq{"$_" $type->{$_}} } @$names;
		my $call = join ', ', map { qq{"$_" := pgrst_body."$_"} } @$names;
		my $read = $payload =~ /\A[ \t\r\n]*\{/ ? 'json_to_record' : 'json_to_recordset';

		$from = qq{FROM (SELECT \$1::json AS json_data) pgrst_payload, LATERAL (SELECT $columns }
		  . qq{FROM $read(pgrst_payload.json_data) AS _($typed) LIMIT 1) pgrst_body, };
		$from .= $function->{is_rows} ? qq{LATERAL "$schema"."$name"($call) pgrst_call}
		  : qq{LATERAL (SELECT "$schema"."$name"($call) pgrst_scalar) pgrst_call};
		@values = ($payload);
	}
	else
	{
		my $n = 0;
		my $call = join ', ', map { $n++; qq{"$_" := \$${n}::$type->{$_}} } @$names;

		@values = @$given{@$names};
		$from = $function->{is_rows} ? qq{FROM "$schema"."$name"($call) pgrst_call}
		  : qq{FROM (SELECT "$schema"."$name"($call) pgrst_scalar) pgrst_call};
	}
	return (($function->{is_rows} ? 'SELECT pgrst_call.* ' : 'SELECT pgrst_call.pgrst_scalar ') . $from, @values);
}

# The whole statement.
sub result_of
{
	my ($source, $name, $function, $query) = @_;
	my $body = q{coalesce(json_agg(_postgrest_t.pgrst_scalar)->0, 'null')};
	my $where = join ' AND ', map { '"' . s/"/""/gr . '" IS NOT NULL' } @{ $query->{no_column} };
	my $range = (defined $query->{limit} ? " LIMIT $query->{limit}" : '') . (($query->{offset} // 0) > 0 ? " OFFSET $query->{offset}" : '');

	$body = '"vvault"."*/*"(_postgrest_t.pgrst_scalar)' if $function->{is_page};
	$body = $function->{proretset} ? q{coalesce(json_agg(_postgrest_t), '[]')} : q{coalesce(json_agg(_postgrest_t)->0, 'null')}
	  if $function->{is_rows};
	$where = " WHERE $where" if $where ne '';
	return <<"EOS";
WITH pgrst_source AS ($source)
SELECT null::bigint AS total_result_set, 1 AS page_total, $body AS body,
	nullif(current_setting('response.headers', true), '') AS response_headers,
	nullif(current_setting('response.status', true), '') AS response_status, '' AS response_inserted
FROM (SELECT "$name".* FROM "pgrst_source" AS "$name"$where$range) _postgrest_t
EOS
}

sub reply_of
{
	my (undef, undef, $body, $headers, $status) = @_;
	my %headers = ('Content-Type' => 'application/json; charset=utf-8');

	if (defined $headers)
	{
		my $list = eval { $json->decode($headers) };
		return problem(500, 'PGRST111', 'response.headers guc must be a JSON array composed of objects with a single key and a string value')
		  if ref $list ne 'ARRAY' || grep { ref ne 'HASH' || keys %$_ != 1 || ref((values %$_)[0]) } @$list;
		%headers = (%headers, map { %$_ } @$list);
	}
	return problem(500, 'PGRST112', 'response.status guc must be a valid status code')
	  if defined $status && $status !~ /^\d{3}$/;
	return { status => $status // 200, headers => \%headers, body => $body // '' };
}

1;
