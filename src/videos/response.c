/*-------------------------------------------------------------------------
 *
 * response.c
 *		Takes a YouTube videos.list response apart.
 *
 * A response is untrusted text. It is read twice, over a copy in which what no
 * text of the server can hold, such as \u0000, is blotted out: once to find
 * where each item begins and ends, and then item by item. So an item is refused
 * for such an escape alone, only if it stands in a field that is read, and
 * nothing here throws for it. Of equal keys the last counts, as it does in
 * jsonb.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "core/same_version.h"
#include "videos/response_item.h"
#include "videos/response_texts.h"

PG_FUNCTION_INFO_V1(vvault_parse_chart);

/* Where the parser stands in the response. */
typedef struct ResponseParse
{
	JsonLexContext *lex;
	int			depth;
	char	   *keys[2];		/* of the two outermost objects */
	bool		is_object;
	bool		has_items;
	char	   *kind;
	char	   *error_message;
	int			total_results;	/* 0 where not told */
	int			nitems;
	int			maxitems;
	int		   *starts;			/* offsets of each item */
	int		   *ends;
} ResponseParse;

/* Is the parser right inside the array "items" of the response? */
static bool
in_items(ResponseParse *parse)
{
	return parse->depth == 2 && parse->keys[1] == NULL &&
		parse->keys[0] != NULL && strcmp(parse->keys[0], "items") == 0;
}

/* The response itself is an object, or something inside it begins. */
static VvJsonActionResult
response_object_start(void *state)
{
	ResponseParse *parse = (ResponseParse *) state;

	if (parse->depth == 0)
		parse->is_object = true;
	if (parse->depth < 2)
		parse->keys[parse->depth] = NULL;
	parse->depth++;
	VV_JSON_ACTION_DONE;
}

/* An array begins, which may be that of the items. */
static VvJsonActionResult
response_array_start(void *state)
{
	ResponseParse *parse = (ResponseParse *) state;

	if (parse->depth < 2)
		parse->keys[parse->depth] = NULL;
	parse->depth++;
	if (in_items(parse) && parse->is_object)
		parse->has_items = true;
	VV_JSON_ACTION_DONE;
}

/* An object or array ends. */
static VvJsonActionResult
response_end(void *state)
{
	((ResponseParse *) state)->depth--;
	VV_JSON_ACTION_DONE;
}

/*
 * A key of the response begins, perhaps not for the first time.
 */
static void
forget_response_key(ResponseParse *parse, const char *key)
{
	if (strcmp(key, "kind") == 0)
		parse->kind = NULL;
	else if (strcmp(key, "pageInfo") == 0)
		parse->total_results = 0;
	else if (strcmp(key, "items") == 0)
	{
		parse->has_items = false;
		parse->nitems = 0;
	}
}

/*
 * Keep the keys on the way here; of a key that comes twice the last one
 * counts.
 */
static VvJsonActionResult
response_field_start(void *state, char *name, bool isnull)
{
	ResponseParse *parse = (ResponseParse *) state;

	(void) isnull;
	if (parse->depth >= 1 && parse->depth <= 2)
		parse->keys[parse->depth - 1] = name;
	if (parse->depth == 1)
		forget_response_key(parse, name);
	VV_JSON_ACTION_DONE;
}

/* Where an item begins in the text. */
static VvJsonActionResult
response_element_start(void *state, bool isnull)
{
	ResponseParse *parse = (ResponseParse *) state;

	(void) isnull;
	if (parse->has_items && in_items(parse))
	{
		if (parse->nitems == parse->maxitems)
		{
			parse->maxitems *= 2;
			parse->starts = repalloc_huge(parse->starts,
										  sizeof(int) * parse->maxitems);
			parse->ends = repalloc_huge(parse->ends,
										sizeof(int) * parse->maxitems);
		}
		parse->starts[parse->nitems] =
			parse->lex->token_start - parse->lex->input;
	}
	VV_JSON_ACTION_DONE;
}

/* Where an item ends in the text. */
static VvJsonActionResult
response_element_end(void *state, bool isnull)
{
	ResponseParse *parse = (ResponseParse *) state;

	(void) isnull;
	if (parse->has_items && in_items(parse))
		parse->ends[parse->nitems++] =
			parse->lex->prev_token_terminator - parse->lex->input;
	VV_JSON_ACTION_DONE;
}

/* Keep the kind, the number of all results and an error's message. */
static VvJsonActionResult
response_scalar(void *state, char *token, JsonTokenType type)
{
	ResponseParse *parse = (ResponseParse *) state;

	if (parse->depth == 1 && parse->keys[0] != NULL &&
		strcmp(parse->keys[0], "kind") == 0)
		parse->kind = type == JSON_TOKEN_STRING ? token : NULL;
	else if (parse->depth == 2 && parse->keys[0] != NULL &&
			 parse->keys[1] != NULL)
	{
		if (strcmp(parse->keys[0], "pageInfo") == 0 &&
			strcmp(parse->keys[1], "totalResults") == 0 &&
			type == JSON_TOKEN_NUMBER)
			parse->total_results =
				Max(vv_parse_whole(token, PG_INT32_MAX), 0);
		else if (strcmp(parse->keys[0], "error") == 0 &&
				 strcmp(parse->keys[1], "message") == 0 &&
				 type == JSON_TOKEN_STRING && !vv_has_blot(token))
			parse->error_message = token;
	}
	VV_JSON_ACTION_DONE;
}

/*
 * Finds the items of a response, of which escapes that stand for nothing are
 * blotted out, or raises 22023 where it is none.
 */
static void
split_response(char *json, int len, ResponseParse *parse)
{
	JsonSemAction actions = {0};
	JsonParseErrorType result;

	memset(parse, 0, sizeof(*parse));
	parse->lex = vv_json_lexer(json, len, PG_UTF8);
	parse->maxitems = 64;
	parse->starts = palloc(sizeof(int) * parse->maxitems);
	parse->ends = palloc(sizeof(int) * parse->maxitems);

	actions.semstate = parse;
	actions.object_start = response_object_start;
	actions.object_end = response_end;
	actions.array_start = response_array_start;
	actions.array_end = response_end;
	actions.object_field_start = response_field_start;
	actions.array_element_start = response_element_start;
	actions.array_element_end = response_element_end;
	actions.scalar = response_scalar;

	result = pg_parse_json(parse->lex, &actions);
	if (result == JSON_SUCCESS && parse->has_items && parse->kind != NULL &&
		strcmp(parse->kind, "youtube#videoListResponse") == 0)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("response is not a videoListResponse"),
			 parse->error_message != NULL ?
			 errdetail("It is an error of the API: %s",
					   parse->error_message) : 0,
			 errhint("Give one videos.list response of the YouTube Data API, whole: an object with kind \"youtube#videoListResponse\" and items.")));
}

/*
 * vvault.parse_chart(response json) returns setof vvault.chart_item
 *
 * The items of a videos.list response, in their order, from index 0. STRICT.
 * A bad item has a reason and its text. 22023 where the whole is no response.
 */
Datum
vvault_parse_chart(PG_FUNCTION_ARGS)
{
	text	   *response = PG_GETARG_TEXT_PP(0);
	char	   *json = VARDATA_ANY(response);
	char	   *blotted = vv_blot_out_escapes(json, VARSIZE_ANY_EXHDR(response));
	ResponseParse parse;
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext item_context;

	vv_require_same_version(NULL);	/* its columns are known by their numbers */
	InitMaterializedSRF(fcinfo, 0);
	split_response(blotted, VARSIZE_ANY_EXHDR(response), &parse);

	item_context = AllocSetContextCreate(CurrentMemoryContext,
										 "vvault chart item",
										 ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < parse.nitems; i++)
	{
		Datum		values[VV_ITEM_COUNT];
		bool		nulls[VV_ITEM_COUNT];
		MemoryContext old = MemoryContextSwitchTo(item_context);

		CHECK_FOR_INTERRUPTS();
		vv_read_item(json + parse.starts[i], blotted + parse.starts[i],
					 parse.ends[i] - parse.starts[i], values, nulls);
		values[VV_ITEM_INDEX] = Int32GetDatum(i);
		nulls[VV_ITEM_INDEX] = false;
		if (parse.total_results > 0)
		{
			values[VV_ITEM_TOTAL_RESULTS] = Int32GetDatum(parse.total_results);
			nulls[VV_ITEM_TOTAL_RESULTS] = false;
		}
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
							 values, nulls);
		MemoryContextSwitchTo(old);
		MemoryContextReset(item_context);
	}
	return (Datum) 0;
}
