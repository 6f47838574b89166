/*-------------------------------------------------------------------------
 *
 * feed_aggregate.c
 *		The aggregate vvault_feed: the first page of any rows, as JSON.
 *
 * The state is a heap of the best items so far with the worst of them on
 * top, so a row that is not among the best costs one comparison and is not
 * even converted to JSON.  Items are kept as their JSON text, made by
 * PostgreSQL's own to_json(), which is all that a page needs and all that
 * another process can be sent.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "score/aggstate.h"

#define AGGREGATE_NAME "vvault_feed"

#define INITIAL_ENTRIES 16

/* An item that is on the page so far. */
typedef struct FeedEntry
{
	double		key;
	bool		key_isnull;
	int32		length;			/* of text, in bytes */
	char	   *text;			/* JSON, unterminated; NULL for a NULL item */
} FeedEntry;

/*
 * The page so far: a binary heap, no entry before its children in the feed's
 * order.  Room for entries grows as they come, not with page_size.
 */
typedef struct FeedState
{
	int32		page_size;
	bool		structured;		/* items are rows or arrays */
	int64		n;
	int64		allocated;
	FeedEntry  *entries;
} FeedState;

/* How to convert the items of one aggregate call; lives in fn_extra. */
typedef struct ItemType
{
	bool		structured;
	FmgrInfo	to_json;
} ItemType;

PG_FUNCTION_INFO_V1(vvault_feed_accum);
PG_FUNCTION_INFO_V1(vvault_feed_combine);
PG_FUNCTION_INFO_V1(vvault_feed_serialize);
PG_FUNCTION_INFO_V1(vvault_feed_deserialize);
PG_FUNCTION_INFO_V1(vvault_feed_final);

/*
 * Order of two sort keys: the higher first, NULL last.
 */
static int
compare_keys(const FeedEntry *a, const FeedEntry *b)
{
	if (a->key_isnull || b->key_isnull)
		return (int) a->key_isnull - (int) b->key_isnull;
	return (int) float8_lt(a->key, b->key) - (int) float8_gt(a->key, b->key);
}

/*
 * Order of two items in the feed: by key, then by the bytes of the text with
 * NULL last.
 */
static int
compare_entries(const FeedEntry *a, const FeedEntry *b)
{
	int			order = compare_keys(a, b);

	if (order != 0)
		return order;
	if (a->text == NULL || b->text == NULL)
		return (int) (a->text == NULL) - (int) (b->text == NULL);
	order = memcmp(a->text, b->text, Min(a->length, b->length));
	if (order != 0)
		return order;
	return (a->length > b->length) - (a->length < b->length);
}

#define ST_SORT sort_entries
#define ST_ELEMENT_TYPE FeedEntry
#define ST_COMPARE(a, b) compare_entries(a, b)
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * A new state without items.
 */
static FeedState *
create_state(MemoryContext context, int32 page_size, bool structured)
{
	FeedState  *state = MemoryContextAllocZero(context, sizeof(FeedState));

	state->page_size = page_size;
	state->structured = structured;
	return state;
}

/*
 * Put a new entry at the end of the heap and let it rise.
 */
static void
push_entry(FeedState *state, MemoryContext context, FeedEntry entry)
{
	int64		at = state->n++;

	if (state->entries == NULL)
	{
		state->allocated = INITIAL_ENTRIES;
		state->entries = MemoryContextAlloc(context, state->allocated *
											sizeof(FeedEntry));
	}
	else if (at == state->allocated)
	{
		state->allocated *= 2;
		state->entries = repalloc_huge(state->entries, state->allocated *
									   sizeof(FeedEntry));
	}

	while (at > 0)
	{
		int64		parent = (at - 1) / 2;

		if (compare_entries(&entry, &state->entries[parent]) <= 0)
			break;
		state->entries[at] = state->entries[parent];
		at = parent;
	}
	state->entries[at] = entry;
}

/*
 * Put a new entry in the place of the worst and let it sink.
 */
static void
replace_worst(FeedState *state, FeedEntry entry)
{
	int64		at = 0;

	for (;;)
	{
		int64		child = 2 * at + 1;

		if (child >= state->n)
			break;
		if (child + 1 < state->n &&
			compare_entries(&state->entries[child + 1],
							&state->entries[child]) > 0)
			child++;
		if (compare_entries(&entry, &state->entries[child]) >= 0)
			break;
		state->entries[at] = state->entries[child];
		at = child;
	}
	state->entries[at] = entry;
}

/*
 * Can an entry with this key be on the page, whatever its text?
 */
static bool
key_qualifies(const FeedState *state, const FeedEntry *entry)
{
	return state->n < state->page_size ||
		compare_keys(entry, &state->entries[0]) <= 0;
}

/*
 * Take an entry onto the page if it belongs there, with a copy of its text.
 */
static void
offer_entry(FeedState *state, MemoryContext context, const FeedEntry *offered)
{
	bool		full = state->n == state->page_size;
	FeedEntry	entry = *offered;

	if (full && compare_entries(offered, &state->entries[0]) >= 0)
		return;

	if (offered->text != NULL)
	{
		entry.text = MemoryContextAlloc(context, Max(offered->length, 1));
		memcpy(entry.text, offered->text, offered->length);
	}
	if (!full)
	{
		push_entry(state, context, entry);
		return;
	}
	if (state->entries[0].text != NULL)
		pfree(state->entries[0].text);
	replace_worst(state, entry);
}

/*
 * Are values of this type rows or arrays to json_agg(), which starts each of
 * them on a new line?
 */
static bool
type_is_structured(Oid type)
{
	Oid			base = getBaseType(type);

	return OidIsValid(get_element_type(base)) || base == ANYARRAYOID ||
		base == RECORDARRAYOID || type_is_rowtype(base);
}

/*
 * How to convert the items of this aggregate call, looked up once.  to_json()
 * learns the type of its argument from the expression that calls it.
 */
static ItemType *
item_type(FunctionCallInfo fcinfo)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	MemoryContext old;
	ItemType   *item;
	Oid			type;
	Const	   *argument;
	Expr	   *call;

	if (flinfo->fn_extra != NULL)
		return (ItemType *) flinfo->fn_extra;

	type = get_fn_expr_argtype(flinfo, 1);
	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_DATATYPE),
				 errmsg("could not determine the type of the items"),
				 errhint("Cast the item to a type.")));

	old = MemoryContextSwitchTo(flinfo->fn_mcxt);
	item = palloc(sizeof(ItemType));
	item->structured = type_is_structured(type);
	fmgr_info(F_TO_JSON, &item->to_json);
	argument = makeNullConst(type, -1, InvalidOid);
	call = (Expr *) makeFuncExpr(F_TO_JSON, JSONOID, list_make1(argument),
								 InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
	fmgr_info_set_expr((Node *) call, &item->to_json);
	MemoryContextSwitchTo(old);

	flinfo->fn_extra = item;
	return item;
}

/*
 * The page size of a row; 22023 when it is none.
 */
static int32
page_size_arg(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n) || PG_GETARG_INT32(n) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("page_size must be at least 1"),
				 errhint("page_size is the number of items in the feed.")));
	return PG_GETARG_INT32(n);
}

/*
 * Raise 22023 when two rows of one aggregate name different page sizes.
 */
static void
check_same_page_size(int32 a, int32 b)
{
	if (a != b)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("page_size must be the same in all rows of a group"),
				 errhint("Group by what page_size depends on.")));
}

/*
 * vvault.feed_accum(internal, anyelement, float8, integer) returns internal
 *
 * Takes an item onto the page if it is among the best so far.
 * NULL: a NULL item becomes null, a NULL sort key comes last.
 * Errors: 22023 for a page_size that is NULL, below 1 or not that of the
 * earlier rows.
 */
Datum
vvault_feed_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = vv_agg_context(fcinfo);
	FeedState  *state = VV_STATE_ARG(0);
	ItemType   *item = item_type(fcinfo);
	int32		page_size = page_size_arg(fcinfo, 3);
	FeedEntry	entry = {0};

	if (state == NULL)
		state = create_state(context, page_size, item->structured);
	check_same_page_size(state->page_size, page_size);

	entry.key_isnull = PG_ARGISNULL(2);
	if (!entry.key_isnull)
		entry.key = PG_GETARG_FLOAT8(2);

	if (key_qualifies(state, &entry))
	{
		if (!PG_ARGISNULL(1))
		{
			/* garbage of this row: the caller resets its context */
			text	   *json;

			json = DatumGetTextPP(FunctionCall1(&item->to_json,
												PG_GETARG_DATUM(1)));
			entry.text = VARDATA_ANY(json);
			entry.length = VARSIZE_ANY_EXHDR(json);
		}
		offer_entry(state, context, &entry);
	}
	PG_RETURN_POINTER(state);
}

/*
 * vvault.feed_combine(internal, internal) returns internal
 *
 * Takes in the page of another part of the rows.  Errors: 22023 when the page
 * sizes of the two differ.
 */
Datum
vvault_feed_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = vv_agg_context(fcinfo);
	FeedState  *state = VV_STATE_ARG(0);
	FeedState  *other = VV_STATE_ARG(1);

	if (other != NULL)
	{
		if (state == NULL)
			state = create_state(context, other->page_size,
								 other->structured);
		check_same_page_size(state->page_size, other->page_size);
		for (int64 i = 0; i < other->n; i++)
			offer_entry(state, context, &other->entries[i]);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/*
 * vvault.feed_serialize(internal) returns bytea
 */
Datum
vvault_feed_serialize(PG_FUNCTION_ARGS)
{
	FeedState  *state = (FeedState *) PG_GETARG_POINTER(0);
	StringInfoData buf;

	(void) vv_agg_context(fcinfo);
	pq_begintypsend(&buf);
	pq_sendint32(&buf, state->page_size);
	pq_sendbyte(&buf, state->structured);
	pq_sendint64(&buf, state->n);
	for (int64 i = 0; i < state->n; i++)
	{
		const FeedEntry *entry = &state->entries[i];

		pq_sendbyte(&buf, entry->key_isnull);
		pq_sendfloat8(&buf, entry->key);
		pq_sendbyte(&buf, entry->text == NULL);
		if (entry->text != NULL)
		{
			pq_sendint32(&buf, entry->length);
			pq_sendbytes(&buf, entry->text, entry->length);
		}
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/*
 * Read one entry; its text stays where it is in the message.
 */
static FeedEntry
get_entry(StringInfo buf)
{
	FeedEntry	entry = {0};

	entry.key_isnull = vv_get_flag(buf, AGGREGATE_NAME);
	entry.key = pq_getmsgfloat8(buf);
	if (!vv_get_flag(buf, AGGREGATE_NAME))
	{
		entry.length = (int32) pq_getmsgint(buf, sizeof(int32));
		entry.text = unconstify(char *, pq_getmsgbytes(buf, entry.length));
		(void) pg_verifymbstr(entry.text, entry.length, false);
	}
	return entry;
}

/*
 * vvault.feed_deserialize(bytea, internal) returns internal
 *
 * Errors: 22P03, 08P01 or 22021 for bytes that are no state.
 */
Datum
vvault_feed_deserialize(PG_FUNCTION_ARGS)
{
	FeedState  *state;
	StringInfoData buf;
	int32		page_size;
	int64		n;

	(void) vv_agg_context(fcinfo);
	vv_read_state(&buf, PG_GETARG_BYTEA_PP(0));
	page_size = (int32) pq_getmsgint(&buf, sizeof(int32));
	vv_require_state(page_size >= 1, AGGREGATE_NAME);
	state = create_state(CurrentMemoryContext, page_size,
						 vv_get_flag(&buf, AGGREGATE_NAME));
	n = pq_getmsgint64(&buf);
	vv_require_state(n >= 1 && n <= page_size, AGGREGATE_NAME);
	while (n-- > 0)
		push_entry(state, CurrentMemoryContext, get_entry(&buf));
	pq_getmsgend(&buf);
	PG_RETURN_POINTER(state);
}

/*
 * vvault.feed_final(internal) returns json
 *
 * The items in the feed's order, set apart as json_agg() sets them apart.
 * NULL for no rows.
 */
Datum
vvault_feed_final(PG_FUNCTION_ARGS)
{
	FeedState  *state = VV_STATE_ARG(0);
	FeedEntry  *sorted;
	StringInfoData buf;

	if (state == NULL)
		PG_RETURN_NULL();

	/* a copy: a window function may go on with the heap */
	sorted = MemoryContextAllocHuge(CurrentMemoryContext,
									state->n * sizeof(FeedEntry));
	memcpy(sorted, state->entries, state->n * sizeof(FeedEntry));
	sort_entries(sorted, state->n);

	/* json has the layout of bytea: write behind the length at once */
	pq_begintypsend(&buf);
	appendStringInfoChar(&buf, '[');
	for (int64 i = 0; i < state->n; i++)
	{
		const FeedEntry *entry = &sorted[i];

		if (i > 0)
			appendStringInfoString(&buf, ", ");
		if (entry->text == NULL)
			appendStringInfoString(&buf, "null");
		else
		{
			if (i > 0 && state->structured)
				appendStringInfoString(&buf, "\n ");
			appendBinaryStringInfo(&buf, entry->text, entry->length);
		}
	}
	appendStringInfoChar(&buf, ']');
	pfree(sorted);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}
