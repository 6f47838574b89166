/*-------------------------------------------------------------------------
 *
 * cache.c
 *		The reply cache, as its owner and its worker see it.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/cache.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "reply/key.h"
#include "reply/memory.h"
#include "reply/state.h"
#include "site/regions.h"

PG_FUNCTION_INFO_V1(vvault_cache_stats);
PG_FUNCTION_INFO_V1(vvault_cache_clear);
PG_FUNCTION_INFO_V1(vvault_cache_published);
PG_FUNCTION_INFO_V1(vvault_cache_refresh);

#define STATS_COLUMNS	11

static VvQuery schema_query = {
	.sql = "SELECT pg_catalog.quote_ident(n.nspname)"
	" FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n"
	" ON n.oid OPERATOR(pg_catalog.=) e.extnamespace"
	" WHERE e.extname OPERATOR(pg_catalog.=) 'vvault'",
};

static bool
is_ours(const VvKey *key, void *arg pg_attribute_unused())
{
	return vv_reply_key_is_ours(key);
}

/*
 * Whether an entry holds the reply that the active snapshot would get now.
 */
static bool
is_fresh(const VvEntryInfo *entry, const VvCall *call)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	text	   *region = call->region == NULL ? NULL :
	cstring_to_text(call->region);
	VvTag		tag;

	return entry->filled && vv_read_tag(region, &tag) &&
		memcmp(&tag, &entry->tag, sizeof(tag)) == 0 &&
		(entry->stamp.step == 0 ||
		 vv_clock_step(now, entry->stamp.step) == entry->stamp.as_of);
}

static Datum
bypasses_json(const VvEntryInfo *entry)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	for (int i = 0; i < VV_BYPASSES; i++)
	{
		if (entry->bypasses[i] == 0)
			continue;
		vv_json_key(&out, vv_bypass_name(i));
		vv_json_int(&out, entry->bypasses[i]);
	}
	appendStringInfoChar(&out, '}');
	return CStringGetTextDatum(out.data);
}

/* What was asked for the most comes first. */
static int
compare_hits(const void *a, const void *b)
{
	const VvEntryInfo *left = (const VvEntryInfo *) a;
	const VvEntryInfo *right = (const VvEntryInfo *) b;

	if (left->hits != right->hits)
		return left->hits > right->hits ? -1 : 1;
	if (left->key.len != right->key.len)
		return left->key.len < right->key.len ? -1 : 1;
	return memcmp(left->key.bytes, right->key.bytes, left->key.len);
}

static void
put_entry(ReturnSetInfo *rsinfo, const VvEntryInfo *entry)
{
	Datum		values[STATS_COLUMNS] = {0};
	bool		nulls[STATS_COLUMNS] = {false};
	VvCall		call;

	vv_reply_key_decode(&entry->key, &call);
	values[0] = CStringGetTextDatum(call.function);
	values[1] = CStringGetTextDatum(call.arguments);
	nulls[2] = call.region == NULL;
	if (!nulls[2])
		values[2] = CStringGetTextDatum(call.region);
	values[3] = Int64GetDatum(entry->hits);
	values[4] = Int64GetDatum(entry->misses);
	values[5] = bypasses_json(entry);
	if (entry->filled)
	{
		values[6] = Int64GetDatum(entry->bytes);
		values[7] = Float8GetDatum(entry->build_time / 1000.0);
		values[8] = TimestampTzGetDatum(entry->published_at);
		values[9] = DirectFunctionCall2(timestamp_mi,
										TimestampTzGetDatum(GetCurrentTimestamp()),
										TimestampTzGetDatum(entry->published_at));
		values[10] = BoolGetDatum(is_fresh(entry, &call));
	}
	else
		memset(&nulls[6], true, 5 * sizeof(bool));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * vvault_cache_stats() returns table (function text, arguments text,
 *		region text, hits bigint, misses bigint, bypasses json, bytes bigint,
 *		build_ms double precision, published_at timestamptz, age interval,
 *		fresh boolean)
 *
 * The replies of this database in the reply cache. region is NULL where all
 * feeds are shown, what follows bypasses where there is no reply yet. 55000
 * where there is no cache. Source: shared memory.
 */
Datum
vvault_cache_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	VvEntryInfo *list;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	vv_require_shared_memory();
	list = vv_store_list(is_ours, NULL, &n);
	qsort(list, n, sizeof(VvEntryInfo), compare_hits);
	for (int i = 0; i < n; i++)
		put_entry(rsinfo, &list[i]);
	return (Datum) 0;
}

static bool
shows_region(const VvKey *key, void *arg)
{
	return vv_reply_key_shows(key, (const char *) arg);
}

/*
 * vvault_cache_clear(region text) returns integer
 *
 * Empties the reply cache of what shows a region, NULL for all, and returns
 * how many replies went. 22023 for an invalid region, 55000 where there is no
 * cache. Source: shared memory.
 */
Datum
vvault_cache_clear(PG_FUNCTION_ARGS)
{
	char	   *region = NULL;

	if (!PG_ARGISNULL(0))
	{
		if (vv_region_name(PG_GETARG_TEXT_PP(0)) == NULL)
			vv_invalid_region(PG_GETARG_TEXT_PP(0));
		region = text_to_cstring(PG_GETARG_TEXT_PP(0));
	}
	vv_require_shared_memory();
	PG_RETURN_INT32(vv_store_remove(shows_region, region));
}

/*
 * vvault.cache_published() returns bigint
 *
 * How many replies were published since the server started. 55000 where there
 * is no cache.
 */
Datum
vvault_cache_published(PG_FUNCTION_ARGS)
{
	VvStoreTotals totals;

	(void) fcinfo;
	vv_require_shared_memory();
	vv_store_totals(&totals);
	PG_RETURN_INT64(totals.published);
}

typedef struct SchemaName
{
	MemoryContext context;
	char	   *name;
} SchemaName;

static bool
keep_schema(const Datum *values, const bool *isnull pg_attribute_unused(),
			void *arg)
{
	SchemaName *schema = (SchemaName *) arg;
	MemoryContext old = MemoryContextSwitchTo(schema->context);

	schema->name = TextDatumGetCString(values[0]);
	MemoryContextSwitchTo(old);
	return false;
}

static bool
is_key(const VvKey *key, void *arg)
{
	const VvKey *wanted = (const VvKey *) arg;

	return key->len == wanted->len &&
		memcmp(key->bytes, wanted->bytes, key->len) == 0;
}

/*
 * Makes a call again, whose reply is published on the way. Where that is an
 * error by now, as for a region that was turned off, the reply is dropped.
 */
static bool
call_again(const char *schema, const VvCall *call, VvKey *key)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *sql = psprintf("SELECT %s.%s(%s)", schema, call->function,
							   call->arguments);
	bool		done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		done = SPI_execute(sql, true, 1) == SPI_OK_SELECT;
		SPI_freetuptable(SPI_tuptable);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		(void) vv_store_remove(is_key, key);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return done;
}

/*
 * Makes those replies of this database anew that the active snapshot would not
 * get and that were read in the last so many seconds; returns how many. Puts
 * into *last_read when any reply was read last, 0 where none was. There is a
 * reply cache.
 */
int
vv_refresh_replies(int read_within, TimestampTz *last_read)
{
	TimestampTz now = GetCurrentTimestamp();
	SchemaName	schema = {CurrentMemoryContext, NULL};
	VvEntryInfo *list;
	int			n;
	int			made = 0;

	*last_read = 0;
	list = vv_store_list(is_ours, NULL, &n);
	SPI_connect();
	(void) vv_query_run(&schema_query, NULL, 1, keep_schema, &schema);
	for (int i = 0; i < n && schema.name != NULL; i++)
	{
		VvCall		call;

		*last_read = Max(*last_read, list[i].last_read);
		if (!list[i].filled ||
			now - list[i].last_read > read_within * USECS_PER_SEC)
			continue;
		vv_reply_key_decode(&list[i].key, &call);
		if (!is_fresh(&list[i], &call) &&
			call_again(schema.name, &call, &list[i].key))
			made++;
	}
	SPI_finish();
	return made;
}

/*
 * vvault.cache_refresh(read_within integer) returns integer
 *
 * Makes those replies anew that are old and were read in the last so many
 * seconds, and returns how many; NULL is none. 55000 where there is no cache.
 */
Datum
vvault_cache_refresh(PG_FUNCTION_ARGS)
{
	int			read_within = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT32(0);
	TimestampTz last_read;

	vv_require_shared_memory();
	PG_RETURN_INT32(vv_refresh_replies(read_within, &last_read));
}
