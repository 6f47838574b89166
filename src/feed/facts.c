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
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/query.h"
#include "site/regions.h"
#include "site/settings.h"
#include "videos/source.h"

/* No row where the region is not valid. */
static VvQuery facts_query = {
	.sql = "SELECT e.name,"
	" " VV_SETTING_SQL("'default_sort'") ","
	" " VV_SETTING_SQL("'page_limit'") "::integer,"
	" " VV_SETTING_SQL("'feed_max_age'") "::integer,"
	" EXISTS (SELECT FROM vvault.videos v"
	"  WHERE v.region OPERATOR(pg_catalog.=) $1 AND v.charted AND v.behind)"
	" OR EXISTS (SELECT FROM vvault.videos v"
	"  WHERE v.region OPERATOR(pg_catalog.=) $1 AND v.charted"
	"  AND v.behind_in_category)"
	VV_FROM_ENABLED_REGION,
	.nargs = 1,
	.argtypes = {TEXTOID},
	.index_probes = true,
};

/*
 * The size of a page that was asked for, cut to the page limit; raises the
 * error of one that is not valid.
 */
int
vv_page_size(int page_size)
{
	int			limit = vv_setting_int("page_limit");

	if (page_size < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid page_size %d", page_size),
				 errhint("A page has from 1 to %d videos.", limit)));
	return Min(page_size, limit);
}

/* All facts of a region in one query; error if there is no such region. */
static void
read_facts(text *region, VvFeedFacts *facts)
{
	Datum		args[1] = {PointerGetDatum(region)};
	MemoryContext old = MemoryContextSwitchTo(facts->context);
	VvRow		row;

	if (!vv_query_row(&facts_query, args, &row))
		vv_invalid_region(region);
	for (int i = 0; i < 5; i++)
	{
		if (row.isnull[i])
			elog(ERROR, "shipped region or setting of vvault is missing");
	}
	facts->region_name = TextDatumGetCString(row.values[0]);
	facts->default_sort = TextDatumGetCString(row.values[1]);
	facts->page_limit = DatumGetInt32(row.values[2]);
	facts->max_age = DatumGetInt32(row.values[3]);
	facts->crowded = DatumGetBool(row.values[4]);
	MemoryContextSwitchTo(old);
}

/* The facts of a region under a tag, as this backend read them. */
typedef struct KnownFacts
{
	VvTag		tag;
	Oid			user;
	char		region[NAMEDATALEN];
	VvFeedFacts facts;
} KnownFacts;

#define MAX_KNOWN	16

static KnownFacts known_facts[MAX_KNOWN];

/* The slot of a region: its own, or else one that is taken in turn. */
static KnownFacts *
find_known(const char *region)
{
	static int	next = 0;

	for (int i = 0; i < MAX_KNOWN; i++)
	{
		if (strcmp(known_facts[i].region, region) == 0)
			return &known_facts[i];
	}
	next = (next + 1) % MAX_KNOWN;
	return &known_facts[next];
}

/*
 * Read a region's facts into a slot, to be known for as long as the tag and
 * the user are the same.
 */
static void
keep_known(KnownFacts *known, const char *region, const VvTag *tag)
{
	MemoryContext context = known->facts.context;

	/* an error on the way leaves a slot that nothing matches */
	known->region[0] = '\0';
	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "vvault region facts",
										ALLOCSET_SMALL_SIZES);
	else
		MemoryContextReset(context);
	memset(&known->facts, 0, sizeof(known->facts));
	known->facts.context = context;
	read_facts(cstring_to_text(region), &known->facts);
	/* they are of this call alone if something came in between */
	if (vv_sharing_problem(&vv_feeds) != VV_BYPASS_NONE)
		return;
	known->tag = *tag;
	known->user = GetUserId();
	strlcpy(known->region, region, NAMEDATALEN);
}

/*
 * Reads the facts of a region, or raises the error of one that is not valid;
 * a NULL region is not. They are under the tag of the reply, so what this
 * backend read for the same tag holds.
 */
void
vv_feed_facts(text *region, const VvReply *reply, VvFeedFacts *facts)
{
	char	   *code;
	KnownFacts *known;

	memset(facts, 0, sizeof(*facts));
	facts->context = CurrentMemoryContext;
	if (region == NULL)
		vv_invalid_region(region);
	code = text_to_cstring(region);
	if (reply == NULL || reply->bypass != VV_BYPASS_NONE ||
		strlen(code) >= NAMEDATALEN)
	{
		read_facts(region, facts);
		return;
	}
	known = find_known(code);
	if (strcmp(known->region, code) != 0 || known->user != GetUserId() ||
		memcmp(&known->tag, &reply->tag, sizeof(VvTag)) != 0)
		keep_known(known, code, &reply->tag);
	*facts = known->facts;
}

/*
 * The instant for which an order that moves with the clock is made: now, in
 * steps of the time that clients keep a feed.
 */
TimestampTz
vv_feed_clock(const VvFeedFacts *facts)
{
	return vv_feed_step(facts, GetCurrentTransactionStartTimestamp());
}

/*
 * The instant for which such an order was made at some instant.
 */
TimestampTz
vv_feed_step(const VvFeedFacts *facts, TimestampTz instant)
{
	return facts->max_age > 0 ? vv_clock_step(instant, facts->max_age) : instant;
}
