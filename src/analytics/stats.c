/*-------------------------------------------------------------------------
 *
 * stats.c
 *		How the regions stand and how they did day by day, as rows and as JSON.
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
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "score/score.h"

#define MAX_DAYS	366

PG_FUNCTION_INFO_V1(vvault_region_stats);
PG_FUNCTION_INFO_V1(vvault_viral_timeline);
PG_FUNCTION_INFO_V1(vvault_analytics);

/* A region's own probes, so that it has a row without any video too. */
static VvQuery regions_query = {
	.sql = "SELECT e.region, coalesce(s.videos, 0), coalesce(s.viral, 0) AS viral,"
	" coalesce(s.score_sum, 0),"
	" coalesce((SELECT coalesce(k.name, c.category_id::text)"
	"  FROM vvault.category_stats c LEFT JOIN vvault.categories k"
	"  ON k.id OPERATOR(pg_catalog.=) c.category_id"
	"  WHERE c.region OPERATOR(pg_catalog.=) e.region"
	"  AND c.videos OPERATOR(pg_catalog.>) 0"
	"  ORDER BY c.videos DESC, c.category_id LIMIT 1), '')"
	" FROM vvault.effective_regions e"
	" CROSS JOIN LATERAL (SELECT pg_catalog.sum(c.videos)::bigint AS videos,"
	"  pg_catalog.sum(c.viral)::bigint AS viral,"
	"  pg_catalog.sum(c.score_sum)::bigint AS score_sum"
	"  FROM vvault.category_stats c"
	"  WHERE c.region OPERATOR(pg_catalog.=) e.region) s"
	" WHERE e.enabled ORDER BY viral DESC, e.region",
};

/*
 * The days of each region one after the other; one row with a NULL day for a
 * region that has none.
 */
static VvQuery timeline_query = {
	.sql = "SELECT e.region, d.day, d.videos, d.viral, d.score_sum"
	" FROM vvault.effective_regions e"
	" LEFT JOIN LATERAL (SELECT t.day,"
	"  pg_catalog.sum(t.videos)::bigint AS videos,"
	"  pg_catalog.sum(t.viral)::bigint AS viral,"
	"  pg_catalog.sum(t.score_sum)::bigint AS score_sum"
	"  FROM vvault.daily_stats t"
	"  WHERE t.region OPERATOR(pg_catalog.=) e.region"
	"  AND t.day OPERATOR(pg_catalog.>=) $1"
	"  AND t.day OPERATOR(pg_catalog.<=) $2"
	"  GROUP BY t.day) d ON true"
	" WHERE e.enabled ORDER BY e.region",
	.nargs = 2,
	.argtypes = {DATEOID, DATEOID},
	.index_order = true,
};

/* Regions that are not shown change nothing that is. */
static VvQuery updated_query = {
	.sql = "SELECT pg_catalog.max(f.changed_at) FROM vvault.feed_versions f"
	" JOIN vvault.effective_regions e"
	" ON e.region OPERATOR(pg_catalog.=) f.region"
	" WHERE e.enabled AND (EXISTS (SELECT FROM vvault.category_stats)"
	"  OR EXISTS (SELECT FROM vvault.daily_stats))",
};

static const JsonColumn region_columns[] = {
	JSON_COLUMN("region", TEXT),
	JSON_COLUMN("total_videos", INT8),
	JSON_COLUMN("viral_count", INT8),
	JSON_COLUMN("avg_score", RAW),
	JSON_COLUMN("top_category", TEXT),
};

/* What a region, or a region's day, counts. */
typedef struct Counts
{
	int64		videos;
	int64		viral;
	int64		score_sum;
} Counts;

/* The counts of some days, for all regions that are shown. */
typedef struct Timeline
{
	MemoryContext context;
	DateADT		first;
	int			ndays;
	int			nregions;
	int			allocated;
	char	  **regions;
	Counts	  **counts;			/* of each region, ndays of them */
} Timeline;

/* Where rows go: to an SQL caller or into JSON. */
typedef struct Output
{
	ReturnSetInfo *rows;
	StringInfo	json;
	int			n;
} Output;

/*
 * The average score in tenths of a point, halves rounded up; 0 of no videos.
 */
static int64
average_tenths(const Counts *counts)
{
	int64		tenth = VV_SCORE_SCALE / 10 * counts->videos;

	return tenth == 0 ? 0 : (counts->score_sum + tenth / 2) / tenth;
}

static Numeric
average_numeric(const Counts *counts)
{
	return int64_div_fast_to_numeric(average_tenths(counts), 1);
}

static void
append_average(StringInfo out, const Counts *counts)
{
	int64		tenths = average_tenths(counts);

	vv_json_int(out, tenths / 10);
	appendStringInfoChar(out, '.');
	vv_json_int(out, tenths % 10);
}

/*
 * One region's row: region, videos, viral, score_sum, top category.
 */
static bool
put_region(const Datum *values, const bool *isnull, void *arg)
{
	Output	   *output = (Output *) arg;
	Counts		counts;
	Datum		shown[5];

	counts.videos = DatumGetInt64(values[1]);
	counts.viral = DatumGetInt64(values[2]);
	counts.score_sum = DatumGetInt64(values[3]);
	memcpy(shown, values, sizeof(shown));
	if (output->rows != NULL)
	{
		shown[3] = NumericGetDatum(average_numeric(&counts));
		tuplestore_putvalues(output->rows->setResult, output->rows->setDesc,
							 shown, isnull);
	}
	else
	{
		StringInfoData average;

		initStringInfo(&average);
		append_average(&average, &counts);
		shown[3] = PointerGetDatum(cstring_to_text_with_len(average.data,
															average.len));
		appendStringInfoString(output->json, output->n++ > 0 ? ",{" : "{");
		vv_json_row(output->json, region_columns, lengthof(region_columns),
					shown, isnull);
		appendStringInfoChar(output->json, '}');
	}
	return true;
}

static void
add_timeline_region(Timeline *timeline, char *region)
{
	if (timeline->nregions == timeline->allocated)
	{
		timeline->allocated *= 2;
		timeline->regions = repalloc(timeline->regions,
									 timeline->allocated * sizeof(char *));
		timeline->counts = repalloc(timeline->counts,
									timeline->allocated * sizeof(Counts *));
	}
	timeline->regions[timeline->nregions] = region;
	timeline->counts[timeline->nregions++] =
		palloc0(timeline->ndays * sizeof(Counts));
}

/*
 * One region's day: region, day, videos, viral, score_sum.
 */
static bool
keep_day(const Datum *values, const bool *isnull, void *arg)
{
	Timeline   *timeline = (Timeline *) arg;
	MemoryContext old = MemoryContextSwitchTo(timeline->context);
	char	   *region = TextDatumGetCString(values[0]);

	if (timeline->nregions == 0 ||
		strcmp(timeline->regions[timeline->nregions - 1], region) != 0)
		add_timeline_region(timeline, region);
	else
		pfree(region);
	if (!isnull[1])
	{
		Counts	   *days = timeline->counts[timeline->nregions - 1];
		Counts	   *day = &days[DatumGetDateADT(values[1]) - timeline->first];

		day->videos = DatumGetInt64(values[2]);
		day->viral = DatumGetInt64(values[3]);
		day->score_sum = DatumGetInt64(values[4]);
	}
	MemoryContextSwitchTo(old);
	return true;
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
				 PG_ARGISNULL(0) ? errmsg("invalid days NULL") :
				 errmsg("invalid days %d", days),
				 errhint("It is a number of days from 1 to %d.", MAX_DAYS)));
	return days;
}

/*
 * Reads the last days, today (UTC) included, into memory of the caller's
 * context. The caller is connected to SPI.
 */
static void
read_timeline(int days, MemoryContext context, Timeline *timeline)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	DateADT		today = now / USECS_PER_DAY;
	Datum		args[2];

	if (now % USECS_PER_DAY < 0)
		today--;
	timeline->context = context;
	timeline->ndays = days;
	timeline->first = today - days + 1;
	timeline->nregions = 0;
	timeline->allocated = 8;
	timeline->regions = MemoryContextAlloc(context, 8 * sizeof(char *));
	timeline->counts = MemoryContextAlloc(context, 8 * sizeof(Counts *));
	args[0] = DateADTGetDatum(timeline->first);
	args[1] = DateADTGetDatum(today);
	(void) vv_query_run(&timeline_query, args, 0, keep_day, timeline);
}

static void
put_day_row(Output *output, DateADT date, const char *region,
			const Counts *counts)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = DateADTGetDatum(date);
	values[1] = CStringGetTextDatum(region);
	values[2] = Int64GetDatum(counts->viral);
	values[3] = NumericGetDatum(average_numeric(counts));
	tuplestore_putvalues(output->rows->setResult, output->rows->setDesc,
						 values, nulls);
}

static void
put_day_object(Output *output, DateADT date, const char *region,
			   const Counts *counts)
{
	StringInfo	out = output->json;
	char		text[MAXDATELEN + 1];

	JsonEncodeDateTime(text, DateADTGetDatum(date), DATEOID, NULL);
	appendStringInfo(out, "%s{\"date\":\"%s\",\"region\":",
					 output->n++ > 0 ? "," : "", text);
	vv_json_text(out, region, strlen(region));
	vv_json_key(out, "viral_count");
	vv_json_int(out, counts->viral);
	vv_json_key(out, "avg_score");
	append_average(out, counts);
	appendStringInfoChar(out, '}');
}

/*
 * Every day and region, zeros included, by date and then by region.
 */
static void
put_timeline(Output *output, const Timeline *timeline)
{
	for (int i = 0; i < timeline->ndays; i++)
	{
		for (int j = 0; j < timeline->nregions; j++)
		{
			DateADT		date = timeline->first + i;
			const char *region = timeline->regions[j];
			const Counts *counts = &timeline->counts[j][i];

			if (output->rows != NULL)
				put_day_row(output, date, region, counts);
			else
				put_day_object(output, date, region, counts);
		}
	}
}

static bool
append_updated(const Datum *values, const bool *isnull, void *arg)
{
	if (isnull[0])
		appendStringInfoString((StringInfo) arg, "null");
	else
		vv_json_timestamptz((StringInfo) arg, DatumGetTimestampTz(values[0]));
	return false;
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
	Output		output = {0};

	InitMaterializedSRF(fcinfo, 0);
	output.rows = (ReturnSetInfo *) fcinfo->resultinfo;
	SPI_connect();
	(void) vv_query_run(&regions_query, NULL, 0, put_region, &output);
	SPI_finish();
	return (Datum) 0;
}

/*
 * vvault_viral_timeline(days integer) returns table (date date, region text,
 *		viral_count bigint, avg_score numeric)
 *
 * How each enabled region did on each of the last days, 1 to 366 of UTC, the
 * last being today. 22023 for other days or NULL. Source: vvault.daily_stats.
 */
Datum
vvault_viral_timeline(PG_FUNCTION_ARGS)
{
	int			days = get_days(fcinfo);
	MemoryContext context = CurrentMemoryContext;
	Output		output = {0};
	Timeline	timeline;

	InitMaterializedSRF(fcinfo, 0);
	output.rows = (ReturnSetInfo *) fcinfo->resultinfo;
	SPI_connect();
	read_timeline(days, context, &timeline);
	SPI_finish();
	put_timeline(&output, &timeline);
	return (Datum) 0;
}

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
	int			days = get_days(fcinfo);
	MemoryContext context = CurrentMemoryContext;
	StringInfoData out;
	Output		output = {0};
	Timeline	timeline;

	initStringInfo(&out);
	output.json = &out;
	appendStringInfoChar(&out, '{');
	vv_json_key(&out, "regions");
	appendStringInfoChar(&out, '[');
	SPI_connect();
	(void) vv_query_run(&regions_query, NULL, 0, put_region, &output);
	appendStringInfoChar(&out, ']');
	read_timeline(days, context, &timeline);
	vv_json_key(&out, "timeline");
	appendStringInfoChar(&out, '[');
	output.n = 0;
	put_timeline(&output, &timeline);
	appendStringInfoChar(&out, ']');
	vv_json_key(&out, "updated_at");
	(void) vv_query_run(&updated_query, NULL, 1, append_updated, &out);
	SPI_finish();
	appendStringInfoChar(&out, '}');
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
