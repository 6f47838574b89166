/*-------------------------------------------------------------------------
 *
 * headers.c
 *		What PostgREST is told about a reply: how long it may be kept, its
 *		ETag, and whether the client has it already.
 *
 * PostgREST passes the request in settings (request.method, request.headers)
 * and takes headers and status from others (response.headers,
 * response.status), all local to the transaction. Any client can set the
 * former, so their text is not trusted: what cannot be read is passed over.
 * A call by any other client touches no setting.
 *
 *-------------------------------------------------------------------------
 */
#include "http/headers.h"

#include "common/hashfn.h"
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/guc.h"

/* Two 64-bit hashes in hexadecimal, in quotes */
#define ETAG_LEN	(1 + 32 + 1)

/* Headers as PostgREST passes them are short; what is longer is not its. */
#define MAX_REQUEST_HEADERS_LEN	(16 * 1024)

/*
 * Whether PostgREST made this call.
 */
bool
vv_http_requested(void)
{
	const char *method = GetConfigOption("request.method", true, false);

	return method != NULL && method[0] != '\0';
}

typedef struct HeaderParse
{
	int			depth;
	bool		wanted;			/* whether the key just read is the one */
	char	   *value;
} HeaderParse;

static VvJsonActionResult
header_open(void *state)
{
	((HeaderParse *) state)->depth++;
	VV_JSON_ACTION_DONE;
}

static VvJsonActionResult
header_close(void *state)
{
	((HeaderParse *) state)->depth--;
	VV_JSON_ACTION_DONE;
}

static VvJsonActionResult
header_field(void *state, char *name, bool isnull)
{
	HeaderParse *parse = (HeaderParse *) state;

	(void) isnull;
	parse->wanted = parse->depth == 1 && strcmp(name, "if-none-match") == 0;
	if (parse->wanted)
		parse->value = NULL;	/* of equal keys the last counts */
	VV_JSON_ACTION_DONE;
}

static VvJsonActionResult
header_value(void *state, char *token, JsonTokenType type)
{
	HeaderParse *parse = (HeaderParse *) state;

	if (parse->depth == 1 && parse->wanted && type == JSON_TOKEN_STRING)
		parse->value = token;
	VV_JSON_ACTION_DONE;
}

/*
 * The header If-None-Match of the request, or NULL.
 */
static char *
if_none_match(void)
{
	const char *headers = GetConfigOption("request.headers", true, false);
	HeaderParse parse = {0};
	JsonSemAction actions = {0};
	JsonLexContext *lex;
	char	   *copy;

	if (headers == NULL || headers[0] != '{' ||
		strlen(headers) > MAX_REQUEST_HEADERS_LEN)
		return NULL;
	actions.semstate = &parse;
	actions.object_start = header_open;
	actions.object_end = header_close;
	actions.array_start = header_open;
	actions.array_end = header_close;
	actions.object_field_start = header_field;
	actions.scalar = header_value;
	copy = pstrdup(headers);
	lex = vv_json_lexer(copy, strlen(copy), PG_UTF8);
	if (pg_parse_json(lex, &actions) != JSON_SUCCESS)
		return NULL;
	return parse.value;
}

/*
 * Whether a list of entity tags names this one. A weak tag (W/"...") counts
 * too: a server that compresses on the way weakens ours.
 */
static bool
names_etag(const char *list, const char *etag)
{
	return list != NULL &&
		(strcmp(list, "*") == 0 || strstr(list, etag) != NULL);
}

static void
set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

/*
 * Tells PostgREST of a reply that is made from identity, which holds whatever
 * the reply depends on, and may be kept for max_age seconds, 0 for not at all;
 * x_cache says where it comes from: HIT, MISS or BYPASS.
 * Returns true where the client has this very reply: the status is 304 then
 * and nothing needs to be made. Only to be called where vv_http_requested().
 */
bool
vv_http_not_modified(const StringInfo identity, int max_age,
					 const char *x_cache)
{
	char		etag[ETAG_LEN + 1];
	char	   *headers;
	bool		same;

	snprintf(etag, sizeof(etag), "\"%016llx%016llx\"",
			 (unsigned long long) hash_bytes_extended((unsigned char *) identity->data,
													  identity->len, 0),
			 (unsigned long long) hash_bytes_extended((unsigned char *) identity->data,
													  identity->len, 1));
	if (max_age > 0)
		headers = psprintf("[{\"Cache-Control\":\"public, max-age=%d\"},"
						   "{\"ETag\":\"\\\"%.32s\\\"\"},"
						   "{\"X-Cache\":\"%s\"}]", max_age, etag + 1, x_cache);
	else
		headers = psprintf("[{\"Cache-Control\":\"no-store\"},"
						   "{\"X-Cache\":\"%s\"}]", x_cache);
	set_locally("response.headers", headers);

	same = max_age > 0 && names_etag(if_none_match(), etag);
	if (same)
		set_locally("response.status", "304");
	return same;
}
