/*-------------------------------------------------------------------------
 *
 * cache.c
 *		The reply cache, as its owner sees it.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/json_writer.h"
#include "reply/cache.h"
#include "reply/key.h"
#include "reply/memory.h"
#include "reply/scope.h"
#include "site/regions.h"
#include "videos/source.h"

PG_FUNCTION_INFO_V1(vvault_cache_stats);
PG_FUNCTION_INFO_V1(vvault_cache_clear);

#define STATS_COLUMNS	11

/* How many calls went past the cache, by reason. */
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

/*
 * An entry as a row of vvault_cache_stats; of one without a reply the columns
 * about it are NULL.
 */
static void
put_entry(ReturnSetInfo *rsinfo, const VvEntryInfo *entry)
{
	Datum		values[STATS_COLUMNS] = {0};
	bool		nulls[STATS_COLUMNS] = {false};
	VvCall		call;

	vv_reply_key_decode(&entry->key, &call);
	values[0] = CStringGetTextDatum(call.function);
	values[1] = CStringGetTextDatum(call.arguments);
	nulls[2] = call.source != &vv_feeds || call.scope.isnull;
	values[2] = call.scope.value;
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
		values[10] = BoolGetDatum(vv_reply_is_fresh(entry, &call));
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
	vv_require_reply_memory();
	list = vv_own_replies(&n);
	qsort(list, n, sizeof(VvEntryInfo), compare_hits);
	for (int i = 0; i < n; i++)
		put_entry(rsinfo, &list[i]);
	return (Datum) 0;
}

/* Equal, byte by byte. */
static bool
same_text(text *a, text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

/*
 * Whether a reply is of this database and shows a region; NULL stands for any.
 */
static bool
shows_region(const VvKey *key, void *arg)
{
	text	   *region = (text *) arg;
	VvCall		call;

	if (!vv_reply_key_is_ours(key))
		return false;
	if (region == NULL)
		return true;
	vv_reply_key_decode(key, &call);
	return call.source == &vv_feeds &&
		(call.scope.isnull || same_text(DatumGetTextPP(call.scope.value), region));
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
	text	   *region = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);

	if (region != NULL && vv_region_name(region) == NULL)
		vv_invalid_region(region);
	vv_require_reply_memory();
	PG_RETURN_INT32(vv_store_remove(shows_region, region));
}
