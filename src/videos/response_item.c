/*-------------------------------------------------------------------------
 *
 * response_item.c
 *		One item of a response, as columns of vvault.chart_item.
 *
 *-------------------------------------------------------------------------
 */
#include "videos/response_item.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "videos/response_texts.h"

#define MAX_VIDEO_ID_BYTES	64
#define MAX_PATH_DEPTH		4
#define MAX_SHOWN_BYTES		64

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
		else if (i == FIELD_TAG && vv_has_blot(token))
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
 * Puts a count into its column; a count that is missing stays NULL.
 */
static void
put_count(ItemParse *parse, ItemField field, const char *what,
		  int column, Datum *values, bool *nulls)
{
	int64		count;

	if (parse->fields[field] == NULL)
		return;
	count = vv_parse_whole(parse->fields[field], PG_INT64_MAX);
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
		if (parse->fields[i] != NULL && vv_has_blot(parse->fields[i]))
			return true;
	}
	return parse->tags_blotted;
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
	put_text(live, VV_ITEM_LIVE, values, nulls);
	if (parse->fields[FIELD_SCHEDULED] != NULL &&
		vv_parse_rfc3339(parse->fields[FIELD_SCHEDULED], &scheduled_at))
	{
		values[VV_ITEM_SCHEDULED_AT] = TimestampTzGetDatum(scheduled_at);
		nulls[VV_ITEM_SCHEDULED_AT] = false;
	}
}

/*
 * The columns of an item that is good: its texts, category and tags.
 */
static void
put_texts(ItemParse *parse, int32 category, Datum *values, bool *nulls)
{
	char	  **fields = parse->fields;

	put_text(fields[FIELD_TITLE], VV_ITEM_TITLE, values, nulls);
	put_text(text_or_empty(fields[FIELD_CHANNEL_ID]), VV_ITEM_CHANNEL_ID,
			 values, nulls);
	put_text(text_or_empty(fields[FIELD_CHANNEL_TITLE]), VV_ITEM_CHANNEL_TITLE,
			 values, nulls);
	values[VV_ITEM_CATEGORY_ID] = Int32GetDatum(category);
	nulls[VV_ITEM_CATEGORY_ID] = false;
	put_text(fields[FIELD_AUDIO_LANGUAGE] != NULL ?
			 fields[FIELD_AUDIO_LANGUAGE] : fields[FIELD_LANGUAGE],
			 VV_ITEM_CONTENT_LANGUAGE, values, nulls);
	put_text(best_thumbnail(parse), VV_ITEM_THUMBNAIL_URL, values, nulls);
	put_text(fields[FIELD_DURATION], VV_ITEM_DURATION, values, nulls);
	put_live(parse, values, nulls);
	values[VV_ITEM_TAGS] = parse->tags == NULL ?
		PointerGetDatum(construct_empty_array(TEXTOID)) :
		makeArrayResult(parse->tags, parse->context);
	nulls[VV_ITEM_TAGS] = false;
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
	if (fields[FIELD_ID] != NULL && vv_has_blot(fields[FIELD_ID]))
		return;
	if (fields[FIELD_ID] == NULL || fields[FIELD_ID][0] == '\0')
		refuse(parse, "it has no id", NULL);
	else if (strlen(fields[FIELD_ID]) > MAX_VIDEO_ID_BYTES)
		refuse(parse, "its id is too long", fields[FIELD_ID]);
	else
		put_text(fields[FIELD_ID], VV_ITEM_VIDEO_ID, values, nulls);
	if (is_blotted(parse))
		return;
	if (fields[FIELD_TITLE] == NULL)
		refuse(parse, "it has no title", NULL);
	if (fields[FIELD_CATEGORY_ID] != NULL)
	{
		category = vv_parse_whole(fields[FIELD_CATEGORY_ID], PG_INT32_MAX);
		if (category < 0)
			refuse(parse, "its categoryId is no whole number",
				   fields[FIELD_CATEGORY_ID]);
	}
	if (fields[FIELD_PUBLISHED_AT] != NULL)
	{
		if (vv_parse_rfc3339(fields[FIELD_PUBLISHED_AT], &published_at))
		{
			values[VV_ITEM_PUBLISHED_AT] = TimestampTzGetDatum(published_at);
			nulls[VV_ITEM_PUBLISHED_AT] = false;
		}
		else
			refuse(parse, "its publishedAt is no instant",
				   fields[FIELD_PUBLISHED_AT]);
	}
	put_count(parse, FIELD_VIEWS, "its viewCount is no count",
			  VV_ITEM_VIEWS, values, nulls);
	put_count(parse, FIELD_LIKES, "its likeCount is no count",
			  VV_ITEM_LIKES, values, nulls);
	put_count(parse, FIELD_COMMENTS, "its commentCount is no count",
			  VV_ITEM_COMMENTS, values, nulls);
	if (parse->reason == NULL)
		put_texts(parse, (int32) category, values, nulls);
}

/*
 * Reads one item, as it came and blotted, into columns; never throws for what
 * the item says.
 */
void
vv_read_item(char *json, char *blotted, int len, Datum *values, bool *nulls)
{
	ItemParse	parse = {0};
	JsonLexContext *lex = vv_json_lexer(blotted, len, PG_UTF8);
	JsonSemAction actions = {0};
	JsonParseErrorType result;

	memset(nulls, true, sizeof(bool) * VV_ITEM_COUNT);
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
			refuse(&parse, vv_bad_escape(json, len), NULL);
		check_item(&parse, values, nulls);
	}
	if (parse.reason != NULL)
	{
		put_text(parse.reason, VV_ITEM_REASON, values, nulls);
		values[VV_ITEM_ITEM] = PointerGetDatum(cstring_to_text_with_len(json, len));
		nulls[VV_ITEM_ITEM] = false;
	}
}
