#
# PostgRESTReplay.pm
#		A stand-in for PostgREST, for tests alone: one request to the database
#		with the very statements that PostgREST sends, and the reply that it
#		makes of the answer.
#
# It knows calls of functions (/rpc/NAME by GET, HEAD and POST) and the root
# description, which is what this extension is served by; no tables, no tokens.
# What it is modelled on was read in the log of a PostgreSQL behind PostgREST.
#
package PostgRESTReplay;

use strict;
use warnings;

use DBD::Pg ();
use DBI     ();
use JSON::PP ();

my $json = JSON::PP->new->utf8->canonical;

# SQLSTATE or its class to HTTP status, the longer first.
my %status_of = (
	'42883' => 404, '42P01' => 404, '42P17' => 500, '42501' => 401, '23503' => 409, '23505' => 409, '25006' => 405,
	'53400' => 500, 'P0001' => 400, '08' => 503, '09' => 500, '0L' => 403, '0P' => 403, '21' => 400, '22' => 400, '25' => 500,
	'28' => 403, '2D' => 500, '38' => 500, '39' => 500, '3B' => 500, '40' => 500, '53' => 503, '54' => 500, '55' => 500,
	'57' => 500, '58' => 500, 'F0' => 500, 'HV' => 500, 'P0' => 500, 'XX' => 500, '42' => 400);

# A GET value of this shape is a filter on the reply and no argument.
my $filter = qr/^(?:not\.)?(?:eq|gte?|lte?|neq|i?like|i?match|in|is|isdistinct|[pw]?hfts|(?:pl|ph|w)?fts|cs|cd|ov|sl|sr|nxr|nxl|adj)(?:\([^)]*\))?\./;

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
	$self->{dbh}->do('SET client_encoding = UTF8');
	delete $self->{functions};
	return $self->{dbh};
}

# Statements go before their connection, and both before the program ends.
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

sub decode
{
	my ($text) = @_;

	$text =~ tr/+/ /;
	$text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
	return $text;
}

sub pairs
{
	my ($text) = @_;

	return map { my ($k, $v) = split /=/, $_, 2; [ decode($k), decode($v // '') ] } grep { $_ ne '' } split /&/, $text;
}

# A reply of PostgREST's own making.
sub problem
{
	my ($status, $code, $message, $details, $hint) = @_;

	return {
		status  => $status,
		headers => { 'Content-Type' => 'application/json; charset=utf-8' },
		body => $json->encode({ code => $code, message => $message, details => $details, hint => $hint }) };
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
	my $name = $path eq '/' ? $self->{root} : $path =~ m{^/rpc/([^/]+)$} ? decode($1) : undef;

	return problem(404, 'PGRST125', 'Invalid path specified in request URL') if !defined $name;
	return problem(405, 'PGRST117', "Unsupported HTTP method: $method") if $method !~ /^(?:GET|HEAD|POST)$/;

	my $reply = eval { $self->call($method, $path, $name, $query // '', $headers, $body) };
	$reply //= ref $@ ? $@ : $self->database_problem;
	$reply->{body} = '' if $method eq 'HEAD' || $reply->{status} == 304;
	return $reply;
}

# The arguments by name, of a GET from the query, of a POST from the body, and
# the body where it is JSON. Dies with a reply where it cannot be read.
sub arguments
{
	my ($function, $method, $query, $headers, $body) = @_;
	my %given;

	if ($method eq 'POST')
	{
		if ((ref $headers && $headers->{'content-type'} || 'application/json') =~ m{^application/x-www-form-urlencoded})
		{
			%given = map { @$_ } pairs($body // '');
		}
		else
		{
			my $object = eval { $json->decode($body eq '' ? '{}' : $body) };
			die problem(400, 'PGRST102', 'Empty or invalid json') if ref $object ne 'HASH';
			return ($object, $body);
		}
	}
	else
	{
		%given = map { @$_ } grep { $_->[1] !~ $filter } pairs($query);
	}
	return \%given;
}

sub call
{
	my ($self, $method, $path, $name, $query, $headers, $body) = @_;
	my $dbh = $self->connection;
	my $function = $self->function($name);
	my ($given, $payload) = arguments($function, $method, $query, $headers, $body);

	my @names = sort keys %$given;
	my %type;
	@type{ @{ $function->{names} } } = @{ $function->{types} } if $function;
	my $lacking = grep { !exists $given->{$_} } @{ $function->{names} }[ 0 .. ($function->{required} // 0) - 1 ];
	return problem(404, 'PGRST202', "Could not find the function $self->{schema}.$name" . '(' . join(', ', @names) . ') in the schema cache')
	  if !$function || $lacking || grep { !exists $type{$_} } @names;

	my $read_only = $method ne 'POST' || $function->{provolatile} ne 'v';
	$dbh->do('BEGIN ISOLATION LEVEL READ COMMITTED READ ' . ($read_only ? 'ONLY' : 'WRITE'));
	$self->statement($settings)->execute(qq{"$self->{schema}"}, $self->{role}, $json->encode({ role => $self->{role} }),
		$method, $path, ref $headers ? $json->encode($headers) : $headers, '{}');
	my @row;
	if ($method ne 'HEAD')
	{
		my ($source, @values) = source($self->{schema}, $name, $function, \%type, $given, \@names, $payload);
		my $statement = $self->statement($source);

		$statement->execute(@values);
		@row = $statement->fetchrow_array;
		$statement->finish;
	}
	$dbh->do('COMMIT');
	return reply_of(@row);
}

# Statements are prepared once on a connection.
sub statement
{
	my ($self, $sql) = @_;

	return $self->{dbh}->prepare_cached($sql, undef, 3);
}

# The statement that calls the function, and its values.
sub source
{
	my ($schema, $name, $function, $type, $given, $names, $payload) = @_;
	my ($from, @values);

	if (defined $payload && @$names)
	{
		my $columns = join ', ', map { qq{"$_"} } @$names;
		my $typed = join ', ', map { qq{"$_" $type->{$_}} } @$names;
		my $call = join ', ', map { qq{"$_" := pgrst_body."$_"} } @$names;

		$from = qq{FROM (SELECT \$1::json AS json_data) pgrst_payload, LATERAL (SELECT $columns }
		  . qq{FROM json_to_record(pgrst_payload.json_data) AS _($typed) LIMIT 1) pgrst_body, };
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
	my ($select, $body) = ('pgrst_call.pgrst_scalar', q{coalesce(json_agg(_postgrest_t.pgrst_scalar)->0, 'null')});
	$body = '"vvault"."*/*"(_postgrest_t.pgrst_scalar)' if $function->{is_page};
	($select, $body) = ('pgrst_call.*', $function->{proretset} ? q{coalesce(json_agg(_postgrest_t), '[]')}
		: q{coalesce(json_agg(_postgrest_t)->0, 'null')}) if $function->{is_rows};
	return (<<"EOS", @values);
WITH pgrst_source AS (SELECT $select $from)
SELECT null::bigint AS total_result_set, 1 AS page_total, $body AS body,
	nullif(current_setting('response.headers', true), '') AS response_headers,
	nullif(current_setting('response.status', true), '') AS response_status, '' AS response_inserted
FROM (SELECT "$name".* FROM "pgrst_source" AS "$name") _postgrest_t
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
