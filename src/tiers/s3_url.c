/*-------------------------------------------------------------------------
 *
 * s3_url.c
 *		URLs for stores that speak S3, signed by AWS Signature Version 4 in
 *		the query, path style.
 *
 * They are byte for byte what botocore makes: test/t/062_store.pl holds them
 * beside it. So a query comes first, in the order given, then what is signed
 * by, and each character that may be escaped is.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/digest.h"

#define ALGORITHM		"AWS4-HMAC-SHA256"

PG_FUNCTION_INFO_V1(vvault_s3_url);

typedef struct Request
{
	const char *method;
	const char *endpoint;
	const char *host;			/* as the header Host says it */
	const char *path;			/* escaped */
	const char *headers;		/* "name:value\n", sorted by name */
	const char *signed_headers; /* "name;name" */
	char		date[sizeof("20260101T000000Z")];
	const char *scope;
} Request;

/*
 * Percent-encoded, but for what RFC 3986 leaves as it is and the others
 * named.
 */
static void
append_escaped(StringInfo out, const char *str, int len, const char *others)
{
	for (int i = 0; i < len; i++)
	{
		unsigned char c = str[i];

		if ((c < 128 && isalnum(c)) || (c != 0 && (strchr("-._~", c) != NULL ||
												   strchr(others, c) != NULL)))
			appendStringInfoCharMacro(out, c);
		else
			appendStringInfo(out, "%%%02X", c);
	}
}

/* An argument of the query, behind an & unless it is the first. */
static void
append_argument(StringInfo out, const char *name, const char *value)
{
	if (out->len > 0)
		appendStringInfoChar(out, '&');
	appendStringInfo(out, "%s=", name);
	append_escaped(out, value, strlen(value), "");
}

/* A hexadecimal digit's value, -1 for what is none. */
static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = pg_tolower((unsigned char) c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Of a part of a query as it stands in a URL: escaped as S3 wants it. */
static void
append_reescaped(StringInfo out, const char *str, int len)
{
	char	   *plain = palloc(len + 1);
	int			n = 0;

	for (int i = 0; i < len; i++)
	{
		if (str[i] == '%' && i + 2 < len && hex_value(str[i + 1]) >= 0 &&
			hex_value(str[i + 2]) >= 0)
		{
			plain[n++] = (char) (hex_value(str[i + 1]) * 16 + hex_value(str[i + 2]));
			i += 2;
		}
		else
			plain[n++] = str[i];
	}
	append_escaped(out, plain, n, "");
	pfree(plain);
}

/*
 * The arguments of a query, each with an equals sign and encoded in one way.
 */
static void
append_query(StringInfo out, const char *query)
{
	while (*query != '\0')
	{
		int			len = strcspn(query, "&");
		const char *equals = memchr(query, '=', len);
		int			namelen = equals == NULL ? len : equals - query;

		if (len > 0)
		{
			if (out->len > 0)
				appendStringInfoChar(out, '&');
			append_reescaped(out, query, namelen);
			appendStringInfoChar(out, '=');
			if (equals != NULL)
				append_reescaped(out, equals + 1, len - namelen - 1);
		}
		query += len;
		if (*query == '&')
			query++;
	}
}

/* By the name, then by the value: '=' would sort behind '-' and digits. */
static int
compare_arguments(const void *a, const void *b)
{
	const char *left = *(char *const *) a;
	const char *right = *(char *const *) b;
	int			leftlen = strcspn(left, "=");
	int			rightlen = strcspn(right, "=");
	int			result = memcmp(left, right, Min(leftlen, rightlen));

	if (result == 0)
		result = leftlen - rightlen;
	return result != 0 ? result : strcmp(left + leftlen, right + rightlen);
}

/* The arguments in the order that a signature takes them in. */
static void
append_sorted(StringInfo out, const char *query)
{
	char	   *copy = pstrdup(query);
	char	  **arguments = palloc(sizeof(char *) * (strlen(query) + 1));
	int			n = 0;

	for (char *a = strtok(copy, "&"); a != NULL; a = strtok(NULL, "&"))
		arguments[n++] = a;
	qsort(arguments, n, sizeof(char *), compare_arguments);
	for (int i = 0; i < n; i++)
		appendStringInfo(out, "%s%s", i > 0 ? "&" : "", arguments[i]);
	pfree(arguments);
	pfree(copy);
}

/*
 * The header Host: in lower case, without a port that goes without saying.
 * Sets path to what the endpoint has behind it.
 */
static char *
host_of(const char *endpoint, const char **path)
{
	bool		https = strncmp(endpoint, "https://", 8) == 0;
	const char *begin = endpoint + (https ? 8 : 7);
	int			len = strcspn(begin, "/");
	const char *port = https ? ":443" : ":80";
	int			portlen = strlen(port);
	char	   *host = pnstrdup(begin, len);

	*path = begin + len;
	for (char *c = host; *c != '\0'; c++)
		*c = pg_tolower((unsigned char) *c);
	if (len > portlen && strcmp(host + len - portlen, port) == 0)
		host[len - portlen] = '\0';
	return host;
}

/* The date as a signature writes it, in UTC. */
static void
set_date(Request *request, TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(at) ||
		timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	snprintf(request->date, sizeof(request->date), "%04d%02d%02dT%02d%02d%02dZ",
			 tm.tm_year % 10000, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min,
			 tm.tm_sec);
}

/* Names and values, sorted by name, "host" among them. */
static void
set_headers(Request *request, ArrayType *names, ArrayType *values)
{
	StringInfoData headers;
	StringInfoData signed_headers;
	Datum	   *name;
	Datum	   *value;
	int			nnames;
	int			nvalues;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &name, NULL, &nnames);
	deconstruct_array(values, TEXTOID, -1, false, TYPALIGN_INT, &value, NULL, &nvalues);
	if (nnames != nvalues)
		elog(ERROR, "%d names and %d values of headers", nnames, nvalues);
	initStringInfo(&headers);
	initStringInfo(&signed_headers);
	for (int i = 0; i < nnames; i++)
	{
		char	   *header = TextDatumGetCString(name[i]);
		bool		is_host = strcmp(header, "host") == 0;

		appendStringInfo(&headers, "%s:%s\n", header,
						 is_host ? request->host : TextDatumGetCString(value[i]));
		appendStringInfo(&signed_headers, "%s%s", i > 0 ? ";" : "", header);
	}
	request->headers = headers.data;
	request->signed_headers = signed_headers.data;
}

/* The path of an object, every part of it encoded. */
static char *
path_of(const char *base, const char *bucket, const char *object_key)
{
	StringInfoData path;

	initStringInfo(&path);
	append_escaped(&path, base, strlen(base), "/");
	if (path.len > 0 && path.data[path.len - 1] == '/')
		path.data[--path.len] = '\0';
	appendStringInfoChar(&path, '/');
	append_escaped(&path, bucket, strlen(bucket), "/");
	appendStringInfoChar(&path, '/');
	append_escaped(&path, object_key, strlen(object_key), "/");
	return path.data;
}

/* What all of this is signed by: kSecret, kDate, kRegion, kService, kSigning. */
static void
make_key(const char *secret, const char *date, const char *region, uint8 *key)
{
	StringInfoData first;

	initStringInfo(&first);
	appendStringInfo(&first, "AWS4%s", secret);
	vv_hmac((uint8 *) first.data, first.len, date, 8, key);
	memset(first.data, 0, first.len);
	vv_hmac(key, VV_DIGEST_SIZE, region, strlen(region), key);
	vv_hmac(key, VV_DIGEST_SIZE, "s3", 2, key);
	vv_hmac(key, VV_DIGEST_SIZE, "aws4_request", 12, key);
}

/* Signature Version 4 of a request whose body is not signed. */
static void
append_s3_signature(StringInfo out, const Request *request, const char *query,
					const uint8 *key)
{
	StringInfoData text;
	uint8		digest[VV_DIGEST_SIZE];

	initStringInfo(&text);
	appendStringInfo(&text, "%s\n%s\n", request->method, request->path);
	append_sorted(&text, query);
	appendStringInfo(&text, "\n%s\n%s\nUNSIGNED-PAYLOAD", request->headers,
					 request->signed_headers);
	vv_sha256(text.data, text.len, digest);
	resetStringInfo(&text);
	appendStringInfo(&text, ALGORITHM "\n%s\n%s\n", request->date, request->scope);
	vv_append_hex(&text, digest, sizeof(digest));
	vv_hmac(key, VV_DIGEST_SIZE, text.data, text.len, digest);
	vv_append_hex(out, digest, sizeof(digest));
}

enum
{
	ARG_METHOD, ARG_ENDPOINT, ARG_BUCKET, ARG_KEY, ARG_QUERY, ARG_NAMES,
	ARG_VALUES, ARG_REGION, ARG_KEY_ID, ARG_SECRET, ARG_SESSION, ARG_AT, ARG_TTL
};

#define TEXT_ARG(n) text_to_cstring(PG_GETARG_TEXT_PP(n))

/*
 * vvault_stream.s3_url(method text, endpoint text, bucket text,
 *		object_key text, query text, header_names text[], header_values text[],
 *		region text, key_id text, secret text, session_token text,
 *		signed_at timestamptz, ttl_seconds integer) returns text
 *
 * endpoint begins with http:// or https://; header_names are in lower case,
 * sorted, with host among them; session_token is empty for none. STRICT.
 */
Datum
vvault_s3_url(PG_FUNCTION_ARGS)
{
	char	   *region = TEXT_ARG(ARG_REGION);
	char	   *session = TEXT_ARG(ARG_SESSION);
	const char *base;
	Request		request = {.method = TEXT_ARG(ARG_METHOD), .endpoint = TEXT_ARG(ARG_ENDPOINT)};
	StringInfoData query;
	StringInfoData url;
	uint8		key[VV_DIGEST_SIZE];

	set_date(&request, PG_GETARG_TIMESTAMPTZ(ARG_AT));
	request.host = host_of(request.endpoint, &base);
	request.path = path_of(base, TEXT_ARG(ARG_BUCKET), TEXT_ARG(ARG_KEY));
	request.scope = psprintf("%.8s/%s/s3/aws4_request", request.date, region);
	set_headers(&request, PG_GETARG_ARRAYTYPE_P(ARG_NAMES),
				PG_GETARG_ARRAYTYPE_P(ARG_VALUES));

	initStringInfo(&query);
	append_query(&query, TEXT_ARG(ARG_QUERY));
	append_argument(&query, "X-Amz-Algorithm", ALGORITHM);
	append_argument(&query, "X-Amz-Credential",
					psprintf("%s/%s", TEXT_ARG(ARG_KEY_ID), request.scope));
	append_argument(&query, "X-Amz-Date", request.date);
	append_argument(&query, "X-Amz-Expires", psprintf("%d", PG_GETARG_INT32(ARG_TTL)));
	append_argument(&query, "X-Amz-SignedHeaders", request.signed_headers);
	if (session[0] != '\0')
		append_argument(&query, "X-Amz-Security-Token", session);

	initStringInfo(&url);
	appendBinaryStringInfo(&url, request.endpoint, base - request.endpoint);
	appendStringInfo(&url, "%s?%s&X-Amz-Signature=", request.path, query.data);
	make_key(TEXT_ARG(ARG_SECRET), request.date, region, key);
	append_s3_signature(&url, &request, query.data, key);
	memset(key, 0, sizeof(key));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(url.data, url.len));
}
