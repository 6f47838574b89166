/*-------------------------------------------------------------------------
 *
 * request.c
 *		What PostgREST says of the request.
 *
 * Any client can set what stands for the request's headers, so their text is
 * not trusted: what cannot be read is passed over.
 *
 *-------------------------------------------------------------------------
 */
#include "http/request.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/guc.h"

/* Headers as PostgREST passes them are short; what is longer is not its. */
#define MAX_REQUEST_HEADERS_LEN	(16 * 1024)

typedef struct HeaderParse
{
	const char *name;
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
	parse->wanted = parse->depth == 1 && strcmp(name, parse->name) == 0;
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
 * A header of the request by its name in lower case, or NULL.
 */
char *
vv_request_header(const char *name)
{
	const char *headers = GetConfigOption("request.headers", true, false);
	HeaderParse parse = {.name = name};
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
