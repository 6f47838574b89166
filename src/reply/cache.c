/*-------------------------------------------------------------------------
 *
 * cache.c
 *		Which replies of the cache are old, and making them anew.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/cache.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/query.h"
#include "reply/key.h"
#include "reply/memory.h"
#include "reply/state.h"

PG_FUNCTION_INFO_V1(vvault_cache_published);
PG_FUNCTION_INFO_V1(vvault_cache_refresh);

static VvQuery schema_query = {
	.sql = "SELECT pg_catalog.quote_ident(n.nspname)"
	" FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n"
	" ON n.oid OPERATOR(pg_catalog.=) e.extnamespace"
	" WHERE e.extname OPERATOR(pg_catalog.=) 'vvault'",
};

/* Is the reply one of this database? */
static bool
is_ours(const VvKey *key, void *arg pg_attribute_unused())
{
	return vv_reply_key_is_ours(key);
}

/*
 * The replies of this database, and how many.
 */
VvEntryInfo *
vv_own_replies(int *n)
{
	return vv_store_list(is_ours, NULL, n);
}

/*
 * Whether an entry holds the reply that the active snapshot would get now.
 */
bool
vv_reply_is_fresh(const VvEntryInfo *entry, const VvCall *call)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	VvTag		tag;

	return entry->filled && call->source != NULL &&
		vv_read_tag(call->source, call->scope, &tag) &&
		memcmp(&tag, &entry->tag, sizeof(tag)) == 0 &&
		(entry->stamp.step == 0 ||
		 vv_clock_step(now, entry->stamp.step) == entry->stamp.as_of);
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
	vv_require_reply_memory();
	vv_store_totals(&totals);
	PG_RETURN_INT64(totals.published);
}

/* Is the reply the one wanted? */
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
	char	   *schema = vv_query_text(&schema_query, NULL);
	VvEntryInfo *list;
	int			n;
	int			made = 0;

	*last_read = 0;
	list = vv_own_replies(&n);
	SPI_connect();
	for (int i = 0; i < n && schema != NULL; i++)
	{
		VvCall		call;

		*last_read = Max(*last_read, list[i].last_read);
		if (!list[i].filled ||
			now - list[i].last_read > read_within * USECS_PER_SEC)
			continue;
		vv_reply_key_decode(&list[i].key, &call);
		if (call.source != NULL && !vv_reply_is_fresh(&list[i], &call) &&
			call_again(schema, &call, &list[i].key))
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

	vv_require_reply_memory();
	PG_RETURN_INT32(vv_refresh_replies(read_within, &last_read));
}
