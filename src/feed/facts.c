/*-------------------------------------------------------------------------
 *
 * facts.c
 *		What a feed needs to know before it looks at a video: the region's
 *		name and the settings, in one probe.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/facts.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "catalog/regions.h"
#include "core/query.h"

#define SETTING_SQL(name) \
	"coalesce((SELECT s.value FROM vvault.settings s" \
	"  WHERE s.name OPERATOR(pg_catalog.=) '" name "')," \
	" (SELECT s.value FROM vvault.setting_defaults s" \
	"  WHERE s.name OPERATOR(pg_catalog.=) '" name "'))"

/* No row where the region is not valid. */
static VvQuery facts_query = {
	.sql = "SELECT coalesce(o.name, d.name, o.region),"
	" " SETTING_SQL("default_sort") ","
	" " SETTING_SQL("page_limit") "::integer,"
	" " SETTING_SQL("feed_max_age") "::integer"
	VV_FROM_ENABLED_REGION,
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static VvQuery page_limit_query = {
	.sql = "SELECT " SETTING_SQL("page_limit") "::integer",
};

static bool
keep_page_limit(const Datum *values, const bool *isnull, void *arg)
{
	if (isnull[0])
		elog(ERROR, "a shipped setting of vvault is missing");
	*(int *) arg = DatumGetInt32(values[0]);
	return false;
}

/*
 * The size of a page that was asked for, cut to the page limit; raises the
 * error of one that is not valid. The caller is connected to SPI.
 */
int
vv_page_size(int page_size)
{
	int			limit = 0;

	(void) vv_query_run(&page_limit_query, NULL, 1, keep_page_limit, &limit);
	if (page_size < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid page_size %d", page_size),
				 errhint("A page has from 1 to %d videos.", limit)));
	return Min(page_size, limit);
}

static bool
keep_facts(const Datum *values, const bool *isnull, void *arg)
{
	FeedFacts  *facts = (FeedFacts *) arg;
	MemoryContext old = MemoryContextSwitchTo(facts->context);

	for (int i = 0; i < 4; i++)
	{
		if (isnull[i])
			elog(ERROR, "a shipped region or setting of vvault is missing");
	}
	facts->region_name = TextDatumGetCString(values[0]);
	facts->default_sort = TextDatumGetCString(values[1]);
	facts->page_limit = DatumGetInt32(values[2]);
	facts->max_age = DatumGetInt32(values[3]);
	MemoryContextSwitchTo(old);
	return false;
}

/*
 * Reads the facts of a region, or raises the error of one that is not valid;
 * a NULL region is not. The caller is connected to SPI.
 */
void
vv_feed_facts(text *region, MemoryContext context, FeedFacts *facts)
{
	Datum		args[1];

	memset(facts, 0, sizeof(*facts));
	facts->context = context;
	if (region != NULL)
	{
		args[0] = PointerGetDatum(region);
		(void) vv_query_run(&facts_query, args, 1, keep_facts, facts);
	}
	if (facts->region_name == NULL)
		vv_invalid_region(region);
}

/*
 * The instant for which an order that moves with the clock is made: now, in
 * steps of the time that clients keep a feed.
 */
TimestampTz
vv_feed_clock(const FeedFacts *facts)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();

	if (facts->max_age > 0)
		now -= now % (facts->max_age * USECS_PER_SEC);
	return now;
}
