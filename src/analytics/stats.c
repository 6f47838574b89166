/*-------------------------------------------------------------------------
 *
 * stats.c
 *		How the regions stand and how they did each day, as rows and as JSON.
 *
 * All of it comes from counts that triggers keep: what a reply costs depends
 * on the number of regions, days and categories, not on that of videos. Sums
 * of scores are whole millionths of a point, so averages are exact.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "reply/reply.h"
#include "score/score.h"
#include "site/settings.h"
#include "videos/source.h"

#define MAX_DAYS	366

PG_FUNCTION_INFO_V1(vvault_region_stats);
PG_FUNCTION_INFO_V1(vvault_viral_timeline);
PG_FUNCTION_INFO_V1(vvault_analytics);

static VvQuery regions_query = {
	.sql = "SELECT e.region FROM vvault.enabled_regions e ORDER BY e.region",
};

static VvQuery categories_query = {
	.sql = "SELECT c.region, c.category_id, c.videos, c.viral, c.score_sum,"
	" coalesce(k.name, c.category_id::pg_catalog.text)"
	" FROM vvault.category_stats c LEFT JOIN vvault.categories k"
	" ON k.id OPERATOR(pg_catalog.=) c.category_id",
};

/* Days that are not asked for are not read, however many there are. */
static VvQuery days_query = {
	.sql = "SELECT d.region, d.day, d.videos, d.viral, d.score_sum"
	" FROM vvault.daily_stats d"
	" WHERE d.region OPERATOR(pg_catalog.=) ANY ($1)"
	" AND d.day OPERATOR(pg_catalog.>=) $2"
	" AND d.day OPERATOR(pg_catalog.<=) $3",
	.nargs = 3,
	.argtypes = {TEXTARRAYOID, DATEOID, DATEOID},
};

/* Regions that are not shown change nothing that is. */
static VvQuery updated_query = {
	.sql = "SELECT pg_catalog.max(f.changed_at) FROM vvault.feed_versions f"
	" JOIN vvault.enabled_regions e"
	" ON e.region OPERATOR(pg_catalog.=) f.region"
	" WHERE EXISTS (SELECT FROM vvault.category_stats c"
	"   JOIN vvault.enabled_regions n"
	"   ON n.region OPERATOR(pg_catalog.=) c.region)"
	"  OR EXISTS (SELECT FROM vvault.daily_stats d"
	"   JOIN vvault.enabled_regions n"
	"   ON n.region OPERATOR(pg_catalog.=) d.region)",
};

/* What a region, or one of its days, counts. */
typedef struct Counts
{
	int64		videos;
	int64		viral;
	int64		score_sum;		/* in 1 / VV_SCORE_SCALE */
} Counts;

/* An enabled region. */
typedef struct RegionStats
{
	char	   *name;			/* its code */
	Counts		total;
	char	   *top_category;
	int32		top_id;
	int64		top_videos;
	Counts	   *days;			/* ndays of them */
} RegionStats;

typedef struct Stats
{
	MemoryContext context;		/* of the caller, not of SPI */
	List	   *regions;		/* of RegionStats, by code */
	DateADT		first;
	int			ndays;
} Stats;

/*
 * The average score in tenths of a point, halves rounded up; 0 of no videos.
 */
static int64
average_tenths(const Counts *counts)
{
	int64		tenth = VV_SCORE_SCALE / 10 * counts->videos;

	return tenth == 0 ? 0 : (counts->score_sum + tenth / 2) / tenth;
}

/*
 * Whether a day counts anything: one without a chart is not known, not zero.
 */
static bool
is_charted(const Counts *counts)
{
	return counts->videos > 0;
}

/* The average score as NUMERIC with one digit behind the point. */
static Datum
average_numeric(const Counts *counts)
{
	return NumericGetDatum(int64_div_fast_to_numeric(average_tenths(counts),
													 1));
}

/* The same as a member of an object. */
static void
append_average(StringInfo out, const Counts *counts)
{
	int64		tenths = average_tenths(counts);

	vv_json_key(out, "avg_score");
	vv_json_int(out, tenths / 10);
	appendStringInfoChar(out, '.');
	vv_json_int(out, tenths % 10);
}

/* Add a row's videos, viral ones and sum of scores. */
static void
add_counts(Counts *counts, const Datum *values)
{
	counts->videos += DatumGetInt64(values[0]);
	counts->viral += DatumGetInt64(values[1]);
	counts->score_sum += DatumGetInt64(values[2]);
}

/*
 * One enabled region.
 */
static bool
add_region(const Datum *values, const bool *isnull pg_attribute_unused(),
		   void *arg)
{
	Stats	   *stats = (Stats *) arg;
	MemoryContext old = MemoryContextSwitchTo(stats->context);
	RegionStats *region = palloc0(sizeof(RegionStats));

	region->name = TextDatumGetCString(values[0]);
	region->top_category = "";
	stats->regions = lappend(stats->regions, region);
	MemoryContextSwitchTo(old);
	return true;
}

/* The region of that name, NULL if there is none. */
static RegionStats *
find_region(const Stats *stats, text * name)
{
	ListCell   *lc;
	size_t		len = VARSIZE_ANY_EXHDR(name);

	foreach(lc, stats->regions)
	{
		RegionStats *region = (RegionStats *) lfirst(lc);

		if (strlen(region->name) == len &&
			memcmp(region->name, VARDATA_ANY(name), len) == 0)
			return region;
	}
	return NULL;
}

/*
 * One category of any region: region, category_id, videos, viral, score_sum,
 * name. Of categories with as many videos that with the lowest id is the top.
 */
static bool
add_category(const Datum *values, const bool *isnull pg_attribute_unused(),
			 void *arg)
{
	Stats	   *stats = (Stats *) arg;
	RegionStats *region = find_region(stats, DatumGetTextPP(values[0]));
	int32		id = DatumGetInt32(values[1]);
	int64		videos = DatumGetInt64(values[2]);

	if (region == NULL)
		return true;
	add_counts(&region->total, &values[2]);
	if (videos > region->top_videos ||
		(videos == region->top_videos && videos > 0 && id < region->top_id))
	{
		MemoryContext old = MemoryContextSwitchTo(stats->context);

		region->top_videos = videos;
		region->top_id = id;
		region->top_category = TextDatumGetCString(values[5]);
		MemoryContextSwitchTo(old);
	}
	return true;
}

/*
 * One category of one day: region, day, videos, viral, score_sum.
 */
static bool
add_day(const Datum *values, const bool *isnull pg_attribute_unused(),
		void *arg)
{
	Stats	   *stats = (Stats *) arg;
	RegionStats *region = find_region(stats, DatumGetTextPP(values[0]));

	if (region != NULL)
		add_counts(&region->days[DatumGetDateADT(values[1]) - stats->first],
				   &values[2]);
	return true;
}

/* The most viral videos first, then by code. */
static int
compare_regions(const ListCell *a, const ListCell *b)
{
	const RegionStats *left = (const RegionStats *) lfirst(a);
	const RegionStats *right = (const RegionStats *) lfirst(b);

	if (left->total.viral != right->total.viral)
		return left->total.viral > right->total.viral ? -1 : 1;
	return strcmp(left->name, right->name);
}

/*
 * Lists the enabled regions, in a context that outlives SPI's, to which the
 * caller is connected.
 */
static void
read_regions(Stats *stats, MemoryContext context)
{
	memset(stats, 0, sizeof(*stats));
	stats->context = context;
	(void) vv_query_run(&regions_query, NULL, 0, add_region, stats);
}

/*
 * Reads what the regions count in all. The caller is connected to SPI.
 */
static void
read_totals(Stats *stats)
{
	(void) vv_query_run(&categories_query, NULL, 0, add_category, stats);
}

/*
 * The argument days: how many, or the error of an invalid number.
 */
static int
get_days(FunctionCallInfo fcinfo)
{
	int			days = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT32(0);

	if (days < 1 || days > MAX_DAYS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 PG_ARGISNULL(0) ? errmsg("days must not be null") :
				 errmsg("invalid days %d", days),
				 errhint("It is a number of days from 1 to %d.", MAX_DAYS)));
	return days;
}

/*
 * The day (UTC) that it is in this transaction.
 */
static DateADT
today(void)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	DateADT		day = now / USECS_PER_DAY;

	return now % USECS_PER_DAY < 0 ? day - 1 : day;
}

/*
 * Reads the last days of the enabled regions, today (UTC) included. The caller
 * is connected to SPI.
 */
static void
read_days(Stats *stats, int days)
{
	DateADT		last = today();
	int			nregions = list_length(stats->regions);
	Datum	   *names = palloc(nregions * sizeof(Datum));
	Datum		args[3];
	ListCell   *lc;

	stats->ndays = days;
	stats->first = last - days + 1;
	foreach(lc, stats->regions)
	{
		RegionStats *region = (RegionStats *) lfirst(lc);

		region->days =
			MemoryContextAllocZero(stats->context, days * sizeof(Counts));
		names[foreach_current_index(lc)] = CStringGetTextDatum(region->name);
	}
	args[0] = PointerGetDatum(construct_array(names, nregions, TEXTOID, -1,
											  false, TYPALIGN_INT));
	args[1] = DateADTGetDatum(stats->first);
	args[2] = DateADTGetDatum(last);
	(void) vv_query_run(&days_query, args, 0, add_day, stats);
}

/* The member "regions", by compare_regions. */
static void
append_regions(StringInfo out, const Stats *stats)
{
	List	   *regions = list_copy(stats->regions);
	ListCell   *lc;

	list_sort(regions, compare_regions);
	appendStringInfoChar(out, '[');
	foreach(lc, regions)
	{
		const RegionStats *region = (const RegionStats *) lfirst(lc);

		if (foreach_current_index(lc) > 0)
			appendStringInfoChar(out, ',');
		appendStringInfoChar(out, '{');
		vv_json_key(out, "region");
		vv_json_text(out, region->name, strlen(region->name));
		vv_json_key(out, "total_videos");
		vv_json_int(out, region->total.videos);
		vv_json_key(out, "viral_count");
		vv_json_int(out, region->total.viral);
		append_average(out, &region->total);
		vv_json_key(out, "top_category");
		vv_json_text(out, region->top_category, strlen(region->top_category));
		appendStringInfoChar(out, '}');
	}
	appendStringInfoChar(out, ']');
}

/*
 * One region's day of the timeline; figures are null on a day without a
 * chart.
 */
static void
append_day(StringInfo out, DateADT date, const RegionStats *region,
		   const Counts *counts)
{
	char		text[MAXDATELEN + 1];

	JsonEncodeDateTime(text, DateADTGetDatum(date), DATEOID, NULL);
	appendStringInfo(out, "{\"date\":\"%s\"", text);
	vv_json_key(out, "region");
	vv_json_text(out, region->name, strlen(region->name));
	if (is_charted(counts))
	{
		vv_json_key(out, "viral_count");
		vv_json_int(out, counts->viral);
		append_average(out, counts);
	}
	else
		appendStringInfoString(out, ",\"viral_count\":null,\"avg_score\":null");
	appendStringInfoChar(out, '}');
}

/*
 * Every day and region, by date and then by region; null without a chart.
 */
static void
append_timeline(StringInfo out, const Stats *stats)
{
	ListCell   *lc;

	appendStringInfoChar(out, '[');
	for (int i = 0; i < stats->ndays; i++)
	{
		foreach(lc, stats->regions)
		{
			const RegionStats *region = (const RegionStats *) lfirst(lc);

			if (out->data[out->len - 1] != '[')
				appendStringInfoChar(out, ',');
			append_day(out, stats->first + i, region, &region->days[i]);
		}
	}
	appendStringInfoChar(out, ']');
}

/* When the newest chart was observed, null if there is none. */
static void
append_updated(StringInfo out)
{
	VvRow		row;

	if (!vv_query_row(&updated_query, NULL, &row) || row.isnull[0])
		vv_json_null(out);
	else
		vv_json_timestamptz(out, DatumGetTimestampTz(row.values[0]));
}

/*
 * vvault_region_stats() returns table (region text, total_videos bigint,
 *		viral_count bigint, avg_score numeric, top_category text)
 *
 * How each enabled region stands. avg_score is from 0 to 100. No NULLs and no
 * errors of its own. Source: vvault.category_stats.
 */
Datum
vvault_region_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = CurrentMemoryContext;
	Stats		stats;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	read_regions(&stats, context);
	read_totals(&stats);
	SPI_finish();
	list_sort(stats.regions, compare_regions);
	foreach(lc, stats.regions)
	{
		const RegionStats *region = (const RegionStats *) lfirst(lc);
		bool		nulls[5] = {false};
		Datum		values[5];

		values[0] = CStringGetTextDatum(region->name);
		values[1] = Int64GetDatum(region->total.videos);
		values[2] = Int64GetDatum(region->total.viral);
		values[3] = average_numeric(&region->total);
		values[4] = CStringGetTextDatum(region->top_category);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

/*
 * vvault_viral_timeline(days integer) returns table (date date, region text,
 *		viral_count bigint, avg_score numeric)
 *
 * How each enabled region did on each of the last days, 1 to 366 of UTC, the
 * last being today. viral_count and avg_score are NULL for a day without a
 * chart. 22023 for other days or NULL. Source: vvault.daily_stats.
 */
Datum
vvault_viral_timeline(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int			days = get_days(fcinfo);
	MemoryContext context = CurrentMemoryContext;
	Stats		stats;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	read_regions(&stats, context);
	read_days(&stats, days);
	SPI_finish();
	for (int i = 0; i < days; i++)
	{
		foreach(lc, stats.regions)
		{
			const RegionStats *region = (const RegionStats *) lfirst(lc);
			bool		unknown = !is_charted(&region->days[i]);
			bool		nulls[4] = {false, false, unknown, unknown};
			Datum		values[4];

			values[0] = DateADTGetDatum(stats.first + i);
			values[1] = CStringGetTextDatum(region->name);
			values[2] = Int64GetDatum(region->days[i].viral);
			values[3] = average_numeric(&region->days[i]);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
								 nulls);
		}
	}
	return (Datum) 0;
}

/* The reply of vvault_analytics. */
static bool
write_analytics(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	int			days = get_days(fcinfo);
	Stats		stats;

	/* the last day ends with this one */
	if (vv_reply_is_known(reply, vv_setting_int("analytics_max_age"),
						  SECS_PER_DAY,
						  vv_clock_step(GetCurrentTransactionStartTimestamp(),
										SECS_PER_DAY)))
		return true;
	read_regions(&stats, CurrentMemoryContext);
	read_totals(&stats);
	read_days(&stats, days);
	appendStringInfoChar(out, '{');
	vv_json_key(out, "regions");
	append_regions(out, &stats);
	vv_json_key(out, "timeline");
	append_timeline(out, &stats);
	vv_json_key(out, "updated_at");
	append_updated(out);
	appendStringInfoChar(out, '}');
	return true;
}

static const VvReplier analytics = {
	.name = "vvault_analytics",
	.source = &vv_feeds,
	.nargs = 1,
	.argtypes = {INT4OID},
	.write = write_analytics,
};

/*
 * vvault_analytics(days integer) returns json
 *
 * Both of the above and when the last change was made. 22023 for days that are
 * not from 1 to 366 or NULL. Source: vvault.category_stats, vvault.daily_stats
 * and vvault.feed_versions.
 */
Datum
vvault_analytics(PG_FUNCTION_ARGS)
{
	return vv_reply(fcinfo, &analytics);
}
