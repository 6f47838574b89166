/*-------------------------------------------------------------------------
 *
 * etag.c
 *		How long a client may keep a reply, and whether it has it already.
 *
 * Any client can set what stands for the request's headers, so their text is
 * not trusted: what cannot be read is passed over.
 *
 *-------------------------------------------------------------------------
 */
#include "http/etag.h"

#include "common/hashfn.h"
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/guc.h"

#include "http/headers.h"

/* Two 64-bit hashes in hexadecimal, in quotes */
#define ETAG_LEN	(1 + 32 + 1)

/* Headers as PostgREST passes them are short; what is longer is not its. */
#define MAX_REQUEST_HEADERS_LEN	(16 * 1024)

typedef struct HeaderParse
{
	int			depth;
	bool		wanted;			/* whether the key just read is the one */
	char	   *value;
} HeaderParse;

/* An object or array begins. */
static VvJsonActionResult
header_open(void *state)
{
	((HeaderParse *) state)->depth++;
	VV_JSON_ACTION_DONE;
}

/* An object or array ends. */
static VvJsonActionResult
header_close(void *state)
{
	((HeaderParse *) state)->depth--;
	VV_JSON_ACTION_DONE;
}

/* Is the value to come the one that is wanted? */
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

/* Keep the wanted header, which is a string at the top. */
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

/*
 * Cache-Control, X-Cache and, where there is one, the ETag and the type of
 * the reply.
 */
static void
tell_keep(int max_age, const char *etag, const char *x_cache,
		  const char *content_type)
{
	VvHeader	headers[] = {
		{"Cache-Control", "no-store"},
		{"X-Cache", x_cache},
		{"ETag", etag},
		{"Content-Type", content_type},
	};
	int			n = 2;

	if (max_age > 0)
	{
		headers[0].value = psprintf("public, max-age=%d", max_age);
		n = 3;
	}
	else if (max_age == VV_KEEP_PRIVATE)
		headers[0].value = "private, no-store";
	if (content_type != NULL)
		headers[n++] = headers[3];
	vv_http_headers(headers, n);
}

/*
 * Tells PostgREST of a reply that is made from identity, which holds whatever
 * the reply depends on, and may be kept for max_age seconds, 0 for not at all,
 * VV_KEEP_PRIVATE for not even by what stands between; x_cache says where it
 * comes from: HIT, MISS or BYPASS; content_type is NULL for JSON, of which
 * PostgREST says so itself.
 * Returns true where the client has this very reply: the status is 304 then
 * and nothing needs to be made. Only to be called where vv_http_requested().
 */
bool
vv_http_not_modified(const StringInfo identity, int max_age,
					 const char *x_cache, const char *content_type)
{
	char		etag[ETAG_LEN + 1];
	bool		same;

	snprintf(etag, sizeof(etag), "\"%016llx%016llx\"",
			 (unsigned long long) hash_bytes_extended((unsigned char *) identity->data,
													  identity->len, 0),
			 (unsigned long long) hash_bytes_extended((unsigned char *) identity->data,
													  identity->len, 1));
	tell_keep(max_age, etag, x_cache, content_type);
	same = max_age > 0 && names_etag(if_none_match(), etag);
	if (same)
		vv_http_status(304);
	return same;
}
