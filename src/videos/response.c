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

#include <ctype.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/same_version.h"

PG_FUNCTION_INFO_V1(vvault_parse_chart);

#define MAX_VIDEO_ID_BYTES	64
#define MAX_PATH_DEPTH		4
#define MAX_SHOWN_BYTES		64

/* Stands for what was blotted out: no byte of a text in UTF-8 */
#define BLOT				'\xff'

/*
 * The fields that are read, by their path from the item. A NULL step is an
 * element of an array. Of the thumbnails the last one here that an item has
 * is taken: high is the size that suits a list of videos.
 */
typedef enum ItemField
{
	FIELD_ID,
	FIELD_TITLE,
	FIELD_CHANNEL_ID,
	FIELD_CHANNEL_TITLE,
	FIELD_CATEGORY_ID,
	FIELD_PUBLISHED_AT,
	FIELD_AUDIO_LANGUAGE,
	FIELD_LANGUAGE,
	FIELD_DURATION,
	FIELD_VIEWS,
	FIELD_LIKES,
	FIELD_COMMENTS,
	FIELD_LIVE,
	FIELD_SCHEDULED,
	FIELD_THUMBNAIL_DEFAULT,
	FIELD_THUMBNAIL_MAXRES,
	FIELD_THUMBNAIL_STANDARD,
	FIELD_THUMBNAIL_MEDIUM,
	FIELD_THUMBNAIL_HIGH,
	FIELD_TAG,
	FIELD_COUNT
} ItemField;

typedef struct FieldPath
{
	int			depth;
	const char *steps[MAX_PATH_DEPTH];
	JsonTokenType type;
} FieldPath;

static const FieldPath field_paths[FIELD_COUNT] = {
	[FIELD_ID] = {1, {"id"}, JSON_TOKEN_STRING},
	[FIELD_TITLE] = {2, {"snippet", "title"}, JSON_TOKEN_STRING},
	[FIELD_CHANNEL_ID] = {2, {"snippet", "channelId"}, JSON_TOKEN_STRING},
	[FIELD_CHANNEL_TITLE] = {2, {"snippet", "channelTitle"}, JSON_TOKEN_STRING},
	[FIELD_CATEGORY_ID] = {2, {"snippet", "categoryId"}, JSON_TOKEN_NUMBER},
	[FIELD_PUBLISHED_AT] = {2, {"snippet", "publishedAt"}, JSON_TOKEN_STRING},
	[FIELD_AUDIO_LANGUAGE] = {2, {"snippet", "defaultAudioLanguage"}, JSON_TOKEN_STRING},
	[FIELD_LANGUAGE] = {2, {"snippet", "defaultLanguage"}, JSON_TOKEN_STRING},
	[FIELD_DURATION] = {2, {"contentDetails", "duration"}, JSON_TOKEN_STRING},
	[FIELD_VIEWS] = {2, {"statistics", "viewCount"}, JSON_TOKEN_NUMBER},
	[FIELD_LIKES] = {2, {"statistics", "likeCount"}, JSON_TOKEN_NUMBER},
	[FIELD_COMMENTS] = {2, {"statistics", "commentCount"}, JSON_TOKEN_NUMBER},
	[FIELD_LIVE] = {2, {"snippet", "liveBroadcastContent"}, JSON_TOKEN_STRING},
	[FIELD_SCHEDULED] = {2, {"liveStreamingDetails", "scheduledStartTime"}, JSON_TOKEN_STRING},
	[FIELD_THUMBNAIL_DEFAULT] = {4, {"snippet", "thumbnails", "default", "url"}, JSON_TOKEN_STRING},
	[FIELD_THUMBNAIL_STANDARD] = {4, {"snippet", "thumbnails", "standard", "url"}, JSON_TOKEN_STRING},
	[FIELD_THUMBNAIL_MAXRES] = {4, {"snippet", "thumbnails", "maxres", "url"}, JSON_TOKEN_STRING},
	[FIELD_THUMBNAIL_MEDIUM] = {4, {"snippet", "thumbnails", "medium", "url"}, JSON_TOKEN_STRING},
	[FIELD_THUMBNAIL_HIGH] = {4, {"snippet", "thumbnails", "high", "url"}, JSON_TOKEN_STRING},
	[FIELD_TAG] = {3, {"snippet", "tags", NULL}, JSON_TOKEN_STRING},
};

/* Where the parser stands in an item, and what it has read. */
typedef struct ItemParse
{
	int			depth;			/* objects and arrays that are open */
	uint32		on_path[MAX_PATH_DEPTH + 1];	/* the fields at or below each
												 * of these, a bit for each */
	char	   *fields[FIELD_TAG];
	char	   *wrong[FIELD_COUNT]; /* what stands there but is no text */
	ArrayBuildState *tags;
	bool		tags_blotted;
	char	   *reason;			/* why the item is refused, or NULL */
	MemoryContext context;
} ItemParse;

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

/* Columns of vvault.chart_item */
enum
{
	COL_INDEX, COL_VIDEO_ID, COL_TITLE, COL_CHANNEL_ID, COL_CHANNEL_TITLE,
	COL_CATEGORY_ID, COL_CONTENT_LANGUAGE, COL_THUMBNAIL_URL,
	COL_PUBLISHED_AT, COL_DURATION, COL_TAGS, COL_VIEWS, COL_LIKES,
	COL_COMMENTS, COL_TOTAL_RESULTS, COL_REASON, COL_ITEM, COL_LIVE,
	COL_SCHEDULED_AT, COL_COUNT
};

/*
 * The outer pass: what kind of response it is and where its items are.
 */

/*
 * The code unit of an escape \uXXXX, or -1 where there is none.
 */
static int
escaped_code(const char *json, int len, int at)
{
	int			code = 0;

	if (at + 6 > len || json[at] != '\\' || json[at + 1] != 'u')
		return -1;
	for (int i = at + 2; i < at + 6; i++)
	{
		char		c = json[i];

		if (!isxdigit((unsigned char) c))
			return -1;
		code = code * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return code;
}

/* Was something of this text blotted out? */
static bool
has_blot(const char *text)
{
	return strchr(text, (unsigned char) BLOT) != NULL;
}

/*
 * A copy of the response, byte for byte as long, in which the escapes that
 * stand for no character of ours are blotted out: \u0000 and surrogates
 * without their partner. The parser cannot stumble over it, and offsets in it
 * hold in the original.
 */
static char *
blot_out_escapes(const char *json, int len)
{
	char	   *copy = palloc(len + 1);

	memcpy(copy, json, len);
	copy[len] = '\0';
	for (int i = 0; i < len; i++)
	{
		int			code;

		if (json[i] != '\\')
			continue;
		code = escaped_code(json, len, i);
		if (code < 0)
			i += 1;
		else if (is_utf16_surrogate_first(code) &&
				 escaped_code(json, len, i + 6) >= 0 &&
				 is_utf16_surrogate_second(escaped_code(json, len, i + 6)))
			i += 11;
		else
		{
			if (code == 0 || is_utf16_surrogate_first(code) ||
				is_utf16_surrogate_second(code))
				memset(copy + i, BLOT, 6);
			i += 5;
		}
	}
	return copy;
}

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

/* A whole number from 0 to max in plain digits, or -1. */
static int64
parse_whole(const char *digits, int64 max)
{
	int64		value = 0;

	if (*digits == '\0')
		return -1;
	for (const char *p = digits; *p != '\0'; p++)
	{
		int			digit = *p - '0';

		if (digit < 0 || digit > 9 || value > (max - digit) / 10)
			return -1;
		value = value * 10 + digit;
	}
	return value;
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
				Max(parse_whole(token, PG_INT32_MAX), 0);
		else if (strcmp(parse->keys[0], "error") == 0 &&
				 strcmp(parse->keys[1], "message") == 0 &&
				 type == JSON_TOKEN_STRING && !has_blot(token))
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
 * The inner pass: one item.
 */

/*
 * Those of some fields, a bit for each, whose path has this step at a depth;
 * NULL is an element of an array.
 */
static uint32
fields_with_step(uint32 fields, int depth, const char *step)
{
	uint32		with_step = 0;

	for (; fields != 0; fields &= fields - 1)
	{
		int			field = pg_rightmost_one_pos32(fields);
		const char *expected = field_paths[field].steps[depth];

		if (depth >= field_paths[field].depth)
			continue;
		if (step == NULL || expected == NULL ? step == expected :
			step[0] == expected[0] && strcmp(step, expected) == 0)
			with_step |= UINT32_C(1) << field;
	}
	return with_step;
}

/*
 * A step of the path, the deepest one so far or another in its place.
 */
static void
take_step(ItemParse *parse, const char *step)
{
	int			depth = parse->depth;

	if (depth <= MAX_PATH_DEPTH)
		parse->on_path[depth] = fields_with_step(parse->on_path[depth - 1],
												 depth - 1, step);
}

/*
 * Refuses the item; the first reason stays. The value is shown with it.
 */
static void
refuse(ItemParse *parse, const char *reason, const char *value)
{
	MemoryContext old;

	if (parse->reason != NULL)
		return;
	old = MemoryContextSwitchTo(parse->context);
	parse->reason = value == NULL ? pstrdup(reason) :
		psprintf("%s: %.*s", reason,
				 pg_mbcliplen(value, strlen(value), MAX_SHOWN_BYTES), value);
	MemoryContextSwitchTo(old);
}

/* An object or array of the item begins. */
static VvJsonActionResult
item_open(void *state)
{
	ItemParse  *parse = (ItemParse *) state;

	parse->depth++;
	take_step(parse, NULL);
	VV_JSON_ACTION_DONE;
}

/* An object or array of the item ends. */
static VvJsonActionResult
item_close(void *state)
{
	((ItemParse *) state)->depth--;
	VV_JSON_ACTION_DONE;
}

/*
 * A key begins, perhaps not for the first time: what was read below it goes.
 */
static void
forget_fields(ItemParse *parse)
{
	uint32		fields = parse->on_path[parse->depth];

	for (; fields != 0; fields &= fields - 1)
	{
		int			i = pg_rightmost_one_pos32(fields);

		parse->wrong[i] = NULL;
		if (i == FIELD_TAG)
		{
			parse->tags = NULL;
			parse->tags_blotted = false;
		}
		else
			parse->fields[i] = NULL;
	}
}

/*
 * Keep the keys on the way here; of a key that comes twice the last one
 * counts.
 */
static VvJsonActionResult
item_field_start(void *state, char *name, bool isnull)
{
	ItemParse  *parse = (ItemParse *) state;

	(void) isnull;
	if (parse->depth <= MAX_PATH_DEPTH)
	{
		take_step(parse, name);
		forget_fields(parse);
	}
	VV_JSON_ACTION_DONE;
}

/*
 * Keep the value if it is one of the fields, and is of a type the field may
 * have.
 */
static VvJsonActionResult
item_scalar(void *state, char *token, JsonTokenType type)
{
	ItemParse  *parse = (ItemParse *) state;
	uint32		fields = parse->depth <= MAX_PATH_DEPTH ?
	parse->on_path[parse->depth] : 0;

	for (; fields != 0; fields &= fields - 1)
	{
		int			i = pg_rightmost_one_pos32(fields);

		if (parse->depth != field_paths[i].depth)
			continue;
		if (type == JSON_TOKEN_NULL)
			break;
		if (type != JSON_TOKEN_STRING && type != field_paths[i].type)
			parse->wrong[i] = token;
		else if (i == FIELD_TAG && has_blot(token))
			parse->tags_blotted = true;
		else if (i == FIELD_TAG)
			parse->tags = accumArrayResult(parse->tags,
										   CStringGetTextDatum(token), false,
										   TEXTOID, parse->context);
		else
			parse->fields[i] = token;
		break;
	}
	VV_JSON_ACTION_DONE;
}

/*
 * Reads exactly n digits.
 */
static bool
read_digits(const char **p, int n, int *value)
{
	*value = 0;
	for (int i = 0; i < n; i++, (*p)++)
	{
		if (!isdigit((unsigned char) **p))
			return false;
		*value = *value * 10 + (**p - '0');
	}
	return true;
}

/* Read one character; false if it is another one. */
static bool
read_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/*
 * An instant in the form that RFC 3339 gives it, 2026-01-02T03:04:05.678Z;
 * false where it is anything else. PostgreSQL's own input would take words
 * such as "now" and look at the session's DateStyle and TimeZone.
 */
static bool
parse_rfc3339(const char *str, TimestampTz *result)
{
	const char *p = str;
	int			year,
				month,
				day,
				hour,
				minute,
				second,
				offset_hour = 0,
				offset_minute = 0,
				sign = 1;
	int64		micros = 0;

	if (!read_digits(&p, 4, &year) || !read_char(&p, '-') ||
		!read_digits(&p, 2, &month) || !read_char(&p, '-') ||
		!read_digits(&p, 2, &day) ||
		!(read_char(&p, 'T') || read_char(&p, 't') || read_char(&p, ' ')) ||
		!read_digits(&p, 2, &hour) || !read_char(&p, ':') ||
		!read_digits(&p, 2, &minute) || !read_char(&p, ':') ||
		!read_digits(&p, 2, &second))
		return false;
	if (read_char(&p, '.'))
	{
		int64		unit = USECS_PER_SEC;

		if (!isdigit((unsigned char) *p))
			return false;
		for (; isdigit((unsigned char) *p); p++)
		{
			unit /= 10;
			micros += unit * (*p - '0');
		}
	}
	if (!read_char(&p, 'Z') && !read_char(&p, 'z'))
	{
		if (*p != '+' && *p != '-')
			return false;
		sign = *p++ == '+' ? 1 : -1;
		if (!read_digits(&p, 2, &offset_hour) || !read_char(&p, ':') ||
			!read_digits(&p, 2, &offset_minute))
			return false;
	}
	if (*p != '\0')
		return false;
	if (year < 1 || year > 9998 || month < 1 || month > MONTHS_PER_YEAR ||
		day < 1 || day > day_tab[isleap(year)][month - 1] ||
		hour > 23 || minute > 59 || second > 60 ||
		offset_hour > 23 || offset_minute > 59)
		return false;

	*result = (int64) (date2j(year, month, day) - POSTGRES_EPOCH_JDATE) *
		USECS_PER_DAY +
		((int64) hour * SECS_PER_HOUR + minute * SECS_PER_MINUTE + second -
		 sign * (offset_hour * SECS_PER_HOUR +
				 offset_minute * SECS_PER_MINUTE)) * USECS_PER_SEC + micros;
	/* with the offset it may lie before the year 1, which the catalog ends at */
	return *result >= (int64) (date2j(1, 1, 1) - POSTGRES_EPOCH_JDATE) *
		USECS_PER_DAY;
}

/*
 * Puts a count into its column; a count that is missing stays NULL.
 */
static void
put_count(ItemParse *parse, ItemField field, const char *what,
		  int column, Datum *values, bool *nulls)
{
	int64		count;

	if (parse->fields[field] == NULL)
		return;
	count = parse_whole(parse->fields[field], PG_INT64_MAX);
	if (count < 0)
		refuse(parse, what, parse->fields[field]);
	values[column] = Int64GetDatum(count);
	nulls[column] = false;
}

/* A column of text, NULL if there is none. */
static void
put_text(const char *str, int column, Datum *values, bool *nulls)
{
	if (str == NULL)
		return;
	values[column] = CStringGetTextDatum(str);
	nulls[column] = false;
}

/* The text, or the empty one. */
static const char *
text_or_empty(const char *str)
{
	return str == NULL ? "" : str;
}

/* The address of the largest picture there is, or the empty text. */
static const char *
best_thumbnail(const ItemParse *parse)
{
	for (int i = FIELD_THUMBNAIL_HIGH; i >= FIELD_THUMBNAIL_DEFAULT; i--)
	{
		if (parse->fields[i] != NULL && parse->fields[i][0] != '\0')
			return parse->fields[i];
	}
	return "";
}

/*
 * Whether a field that was read holds what no text can hold.
 */
static bool
is_blotted(const ItemParse *parse)
{
	for (int i = 0; i < FIELD_TAG; i++)
	{
		if (parse->fields[i] != NULL && has_blot(parse->fields[i]))
			return true;
	}
	return parse->tags_blotted;
}

/*
 * The first escape of an item that no text can hold, as the server says it.
 */
static const char *
bad_escape(char *json, int len)
{
	JsonLexContext *lex = vv_json_lexer(json, len, PG_UTF8);
	JsonSemAction actions = {0};
	JsonParseErrorType result = pg_parse_json(lex, &actions);

	return json_errdetail(result, lex);
}

/*
 * A broadcast that is on or is to come; any other video has no such state.
 */
static void
put_live(const ItemParse *parse, Datum *values, bool *nulls)
{
	const char *live = parse->fields[FIELD_LIVE];
	TimestampTz scheduled_at;

	if (live == NULL ||
		(strcmp(live, "live") != 0 && strcmp(live, "upcoming") != 0))
		return;
	put_text(live, COL_LIVE, values, nulls);
	if (parse->fields[FIELD_SCHEDULED] != NULL &&
		parse_rfc3339(parse->fields[FIELD_SCHEDULED], &scheduled_at))
	{
		values[COL_SCHEDULED_AT] = TimestampTzGetDatum(scheduled_at);
		nulls[COL_SCHEDULED_AT] = false;
	}
}

/*
 * Turns what was read of an item into columns, or finds why it cannot be.
 */
static void
check_item(ItemParse *parse, Datum *values, bool *nulls)
{
	char	  **fields = parse->fields;
	int64		category = 0;
	TimestampTz published_at;

	for (int i = 0; i < FIELD_COUNT; i++)
	{
		if (parse->wrong[i] != NULL)
			refuse(parse, "a field is no text", parse->wrong[i]);
	}
	if (fields[FIELD_ID] != NULL && has_blot(fields[FIELD_ID]))
		return;
	if (fields[FIELD_ID] == NULL || fields[FIELD_ID][0] == '\0')
		refuse(parse, "it has no id", NULL);
	else if (strlen(fields[FIELD_ID]) > MAX_VIDEO_ID_BYTES)
		refuse(parse, "its id is too long", fields[FIELD_ID]);
	else
		put_text(fields[FIELD_ID], COL_VIDEO_ID, values, nulls);
	if (is_blotted(parse))
		return;
	if (fields[FIELD_TITLE] == NULL)
		refuse(parse, "it has no title", NULL);
	if (fields[FIELD_CATEGORY_ID] != NULL)
	{
		category = parse_whole(fields[FIELD_CATEGORY_ID], PG_INT32_MAX);
		if (category < 0)
			refuse(parse, "its categoryId is no whole number",
				   fields[FIELD_CATEGORY_ID]);
	}
	if (fields[FIELD_PUBLISHED_AT] != NULL)
	{
		if (parse_rfc3339(fields[FIELD_PUBLISHED_AT], &published_at))
		{
			values[COL_PUBLISHED_AT] = TimestampTzGetDatum(published_at);
			nulls[COL_PUBLISHED_AT] = false;
		}
		else
			refuse(parse, "its publishedAt is no instant",
				   fields[FIELD_PUBLISHED_AT]);
	}
	put_count(parse, FIELD_VIEWS, "its viewCount is no count",
			  COL_VIEWS, values, nulls);
	put_count(parse, FIELD_LIKES, "its likeCount is no count",
			  COL_LIKES, values, nulls);
	put_count(parse, FIELD_COMMENTS, "its commentCount is no count",
			  COL_COMMENTS, values, nulls);
	if (parse->reason != NULL)
		return;

	put_text(fields[FIELD_TITLE], COL_TITLE, values, nulls);
	put_text(text_or_empty(fields[FIELD_CHANNEL_ID]), COL_CHANNEL_ID,
			 values, nulls);
	put_text(text_or_empty(fields[FIELD_CHANNEL_TITLE]), COL_CHANNEL_TITLE,
			 values, nulls);
	values[COL_CATEGORY_ID] = Int32GetDatum((int32) category);
	nulls[COL_CATEGORY_ID] = false;
	put_text(fields[FIELD_AUDIO_LANGUAGE] != NULL ?
			 fields[FIELD_AUDIO_LANGUAGE] : fields[FIELD_LANGUAGE],
			 COL_CONTENT_LANGUAGE, values, nulls);
	put_text(best_thumbnail(parse), COL_THUMBNAIL_URL, values, nulls);
	put_text(fields[FIELD_DURATION], COL_DURATION, values, nulls);
	put_live(parse, values, nulls);
	values[COL_TAGS] = parse->tags == NULL ?
		PointerGetDatum(construct_empty_array(TEXTOID)) :
		makeArrayResult(parse->tags, parse->context);
	nulls[COL_TAGS] = false;
}

/*
 * Reads one item, as it came and blotted, into columns; never throws for what
 * the item says.
 */
static void
read_item(char *json, char *blotted, int len, Datum *values, bool *nulls)
{
	ItemParse	parse = {0};
	JsonLexContext *lex = vv_json_lexer(blotted, len, PG_UTF8);
	JsonSemAction actions = {0};
	JsonParseErrorType result;

	memset(nulls, true, sizeof(bool) * COL_COUNT);
	parse.context = CurrentMemoryContext;
	parse.on_path[0] = (UINT32_C(1) << FIELD_COUNT) - 1;
	actions.semstate = &parse;
	actions.object_start = item_open;
	actions.object_end = item_close;
	actions.array_start = item_open;
	actions.array_end = item_close;
	actions.object_field_start = item_field_start;
	actions.scalar = item_scalar;

	if (len == 0 || json[0] != '{')
		refuse(&parse, "it is no object", NULL);
	else
	{
		result = pg_parse_json(lex, &actions);
		if (result != JSON_SUCCESS)
			refuse(&parse, json_errdetail(result, lex), NULL);
		else if (is_blotted(&parse))
			refuse(&parse, bad_escape(json, len), NULL);
		check_item(&parse, values, nulls);
	}
	if (parse.reason != NULL)
	{
		put_text(parse.reason, COL_REASON, values, nulls);
		values[COL_ITEM] = PointerGetDatum(cstring_to_text_with_len(json, len));
		nulls[COL_ITEM] = false;
	}
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
	char	   *blotted = blot_out_escapes(json, VARSIZE_ANY_EXHDR(response));
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
		Datum		values[COL_COUNT];
		bool		nulls[COL_COUNT];
		MemoryContext old = MemoryContextSwitchTo(item_context);

		CHECK_FOR_INTERRUPTS();
		read_item(json + parse.starts[i], blotted + parse.starts[i],
				  parse.ends[i] - parse.starts[i], values, nulls);
		values[COL_INDEX] = Int32GetDatum(i);
		nulls[COL_INDEX] = false;
		if (parse.total_results > 0)
		{
			values[COL_TOTAL_RESULTS] = Int32GetDatum(parse.total_results);
			nulls[COL_TOTAL_RESULTS] = false;
		}
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
							 values, nulls);
		MemoryContextSwitchTo(old);
		MemoryContextReset(item_context);
	}
	return (Datum) 0;
}
