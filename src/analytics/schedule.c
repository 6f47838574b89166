/*-------------------------------------------------------------------------
 *
 * schedule.c
 *		When to fetch which region next.
 *
 * If a region's videos become viral at a rate of r an hour and its chart is
 * fetched f times an hour, each waits for 1 / 2f hours on average until it is
 * found; so r / 2f hours are lost an hour. A fetch costs u units. The sum over
 * regions and hours is least, for what may be spent, where f is in proportion
 * to sqrt(r / u). The factor of proportion is the largest one with which no 24
 * hours of the week cost more than the quota, whenever the quota's day begins.
 *
 * Rates come from vvault.fetch_facts(): a region's average, drawn towards that
 * of all regions where it was watched for a short time, times the factors of
 * weekday and hour, drawn towards 1 where starts are few.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "http/headers.h"
#include "site/settings.h"

#define HOURS_A_DAY		24
#define DAYS_A_WEEK		7
#define HOURS_A_WEEK	(HOURS_A_DAY * DAYS_A_WEEK)

/* Growth cannot be measured over longer gaps: at least one chart a day. */
#define LONGEST_HOURS	24.0

/* How many starts what is known of all regions weighs as, in each of them */
#define PRIOR_STARTS	2.0

/* Starts an hour where nothing is known at all */
#define UNKNOWN_RATE	0.1

/* Halvings of the range in which the factor of proportion is searched */
#define SEARCH_STEPS	60

PG_FUNCTION_INFO_V1(vvault_fetch_schedule);

static VvQuery facts_query = {
	.sql = "SELECT f.region, f.region_name, f.fetched_at, f.pages, f.watched,"
	" f.starts, f.weekdays, f.hours FROM vvault.fetch_facts() f",
};

/*
 * A row for each unit. Regions that are not fetched any more have spent their
 * share too.
 */
static VvQuery spent_query = {
	.sql = "SELECT c.fetched_at FROM vvault.effective_regions e"
	" JOIN vvault.charts c ON c.region OPERATOR(pg_catalog.=) e.region"
	" CROSS JOIN LATERAL pg_catalog.generate_series(1,"
	"  vvault.chart_pages(c.videos))"
	" WHERE c.fetched_at OPERATOR(pg_catalog.>) $1"
	" AND c.fetched_at OPERATOR(pg_catalog.<=) $2"
	" ORDER BY c.fetched_at",
	.nargs = 2,
	.argtypes = {TIMESTAMPTZOID, TIMESTAMPTZOID},
};

/* Why a region is fetched when it is. */
typedef enum Reason
{
	REASON_NEVER,				/* fetched before */
	REASON_PATTERN,
	REASON_OFTEN,				/* as often as allowed */
	REASON_DAILY,				/* once a day at least */
	REASON_SCARCE,				/* the quota allows less than that */
	REASON_SPENT				/* the quota is used up until then */
} Reason;

static const char *const reason_texts[] = {
	[REASON_NEVER] = "It was never fetched.",
	[REASON_PATTERN] = "Its share of the quota, by how many videos become"
	" viral there at these hours.",
	[REASON_OFTEN] = "The shortest interval allowed: the quota suffices for"
	" it.",
	[REASON_DAILY] = "Few videos become viral there, but growth cannot be"
	" measured over more than a day.",
	[REASON_SCARCE] = "The quota does not suffice for a chart of every region"
	" a day.",
	[REASON_SPENT] = "The quota of 24 hours is used up until then.",
};

typedef struct FetchRegion
{
	char	   *code;
	char	   *name;
	bool		fetched;
	TimestampTz last;
	int			units;			/* that a chart costs */
	double		watched;		/* hours */
	double		starts;
	double		factors[HOURS_A_WEEK];
	double		rates[HOURS_A_WEEK];	/* starts an hour */
	double		often[HOURS_A_WEEK];	/* fetches an hour */
	TimestampTz next;
	double		expected;		/* starts from last to next */
	Reason		reason;
} FetchRegion;

typedef struct Schedule
{
	MemoryContext context;
	List	   *regions;
	TimestampTz now;
	int			quota;
	int			min_interval;	/* seconds */
	bool		scarce;			/* too small a quota for a chart a day */
	TimestampTz *spent;			/* when units were spent, oldest first */
	int			nspent;
	int			allocated;
} Schedule;

/*
 * The hour of the week (UTC) of an instant; Monday 00:00 is 0.
 */
static int
hour_of_week(TimestampTz t)
{
	/* the epoch, 2000-01-01, was a Saturday */
	int64		hours = t / USECS_PER_HOUR + 5 * HOURS_A_DAY;

	if (t % USECS_PER_HOUR < 0)
		hours--;
	hours %= HOURS_A_WEEK;
	return hours < 0 ? hours + HOURS_A_WEEK : hours;
}

/*
 * The time since the last full hour.
 */
static int64
since_hour(TimestampTz t)
{
	int64		part = t % USECS_PER_HOUR;

	return part < 0 ? part + USECS_PER_HOUR : part;
}

/*
 * The n elements of an array that a query made; another number of them is a
 * bug.
 */
static void
read_factors(Datum array, double *factors, int n)
{
	Datum	   *elements;
	int			nelements;

	deconstruct_array(DatumGetArrayTypeP(array), FLOAT8OID, sizeof(float8),
					  true, TYPALIGN_DOUBLE, &elements, NULL, &nelements);
	if (nelements != n)
		elog(ERROR, "pattern of viral starts has %d parts instead of %d",
			 nelements, n);
	for (int i = 0; i < n; i++)
		factors[i] = DatumGetFloat8(elements[i]);
}

/*
 * A row of regions_query becomes a region of the schedule, the pattern of its
 * week included.
 */
static bool
add_region(const Datum *values, const bool *isnull, void *arg)
{
	Schedule   *schedule = (Schedule *) arg;
	MemoryContext old = MemoryContextSwitchTo(schedule->context);
	FetchRegion *region = palloc0(sizeof(FetchRegion));
	double		weekdays[DAYS_A_WEEK];
	double		hours[HOURS_A_DAY];

	region->code = TextDatumGetCString(values[0]);
	region->name = TextDatumGetCString(values[1]);
	region->fetched = !isnull[2];
	if (region->fetched)
		region->last = DatumGetTimestampTz(values[2]);
	region->units = DatumGetInt32(values[3]);
	region->watched = DatumGetFloat8(values[4]);
	region->starts = DatumGetFloat8(values[5]);
	read_factors(values[6], weekdays, DAYS_A_WEEK);
	read_factors(values[7], hours, HOURS_A_DAY);
	for (int i = 0; i < HOURS_A_WEEK; i++)
		region->factors[i] =
			weekdays[i / HOURS_A_DAY] * hours[i % HOURS_A_DAY];
	schedule->regions = lappend(schedule->regions, region);
	MemoryContextSwitchTo(old);
	return true;
}

/* An instant at which a unit of the quota was spent, oldest first. */
static bool
add_spent(const Datum *values, const bool *isnull pg_attribute_unused(),
		  void *arg)
{
	Schedule   *schedule = (Schedule *) arg;

	if (schedule->nspent == schedule->allocated)
	{
		schedule->allocated *= 2;
		schedule->spent = repalloc(schedule->spent,
								   schedule->allocated * sizeof(TimestampTz));
	}
	schedule->spent[schedule->nspent++] = DatumGetTimestampTz(values[0]);
	return true;
}

/*
 * What there is to know. The caller is connected to SPI.
 */
static void
read_schedule(Schedule *schedule, MemoryContext context)
{
	Datum		args[2];

	memset(schedule, 0, sizeof(*schedule));
	schedule->context = context;
	schedule->now = GetCurrentTransactionStartTimestamp();
	schedule->allocated = 256;
	schedule->spent = MemoryContextAlloc(context,
										 256 * sizeof(TimestampTz));
	schedule->quota = vv_setting_int("quota_units");
	schedule->min_interval = vv_setting_int("fetch_min_interval");
	(void) vv_query_run(&facts_query, NULL, 0, add_region, schedule);
	args[0] = TimestampTzGetDatum(schedule->now - USECS_PER_DAY);
	args[1] = TimestampTzGetDatum(schedule->now);
	(void) vv_query_run(&spent_query, args, 0, add_spent, schedule);
}

/*
 * Starts an hour, for every region and hour of the week.
 */
static void
estimate_rates(Schedule *schedule)
{
	double		watched = 0;
	double		starts = 0;
	double		pooled;
	ListCell   *lc;

	foreach(lc, schedule->regions)
	{
		watched += ((FetchRegion *) lfirst(lc))->watched;
		starts += ((FetchRegion *) lfirst(lc))->starts;
	}
	pooled = starts > 0 ? starts / watched : UNKNOWN_RATE;
	foreach(lc, schedule->regions)
	{
		FetchRegion *region = (FetchRegion *) lfirst(lc);
		double		rate = (region->starts + PRIOR_STARTS) /
		(region->watched + PRIOR_STARTS / pooled);

		for (int i = 0; i < HOURS_A_WEEK; i++)
			region->rates[i] = rate * region->factors[i];
	}
}

/*
 * Sets how often each region is fetched at each hour of the week for a factor
 * of proportion, and returns what the dearest 24 hours cost.
 */
static double
spread_fetches(Schedule *schedule, double proportion)
{
	double		most = 3600.0 / schedule->min_interval;
	double		least = Min(1 / LONGEST_HOURS, most);
	double		cost[HOURS_A_WEEK] = {0};
	double		day = 0;
	double		dearest = 0;
	ListCell   *lc;

	foreach(lc, schedule->regions)
	{
		FetchRegion *region = (FetchRegion *) lfirst(lc);

		for (int i = 0; i < HOURS_A_WEEK; i++)
		{
			double		often = proportion *
			sqrt(region->rates[i] / region->units);

			region->often[i] = Max(least, Min(most, often));
			cost[i] += region->often[i] * region->units;
		}
	}
	for (int i = 0; i < HOURS_A_WEEK + HOURS_A_DAY; i++)
	{
		day += cost[i % HOURS_A_WEEK];
		if (i >= HOURS_A_DAY)
			day -= cost[i - HOURS_A_DAY];
		dearest = Max(dearest, day);
	}
	return dearest;
}

/*
 * As often as the quota allows. Costs grow with the factor of proportion; the
 * range in which it is searched goes from less than one chart a year to more
 * than one a second.
 */
static void
fit_quota(Schedule *schedule)
{
	double		low = log(1e-9);
	double		high = log(1e9);
	double		cost = spread_fetches(schedule, 0);
	ListCell   *lc;

	if (cost > schedule->quota)
	{
		schedule->scarce = true;
		foreach(lc, schedule->regions)
		{
			FetchRegion *region = (FetchRegion *) lfirst(lc);

			for (int i = 0; i < HOURS_A_WEEK; i++)
				region->often[i] *= schedule->quota / cost;
		}
		return;
	}
	for (int i = 0; i < SEARCH_STEPS; i++)
	{
		double		middle = (low + high) / 2;

		if (spread_fetches(schedule, exp(middle)) > schedule->quota)
			high = middle;
		else
			low = middle;
	}
	(void) spread_fetches(schedule, exp(low));
}

/* Why a region is fetched as often as it is in an hour of the week. */
static Reason
reason_at(const Schedule *schedule, const FetchRegion *region, int hour)
{
	double		most = 3600.0 / schedule->min_interval;

	if (schedule->scarce)
		return REASON_SCARCE;
	if (region->often[hour] >= most)
		return REASON_OFTEN;
	if (region->often[hour] <= 1 / LONGEST_HOURS)
		return REASON_DAILY;
	return REASON_PATTERN;
}

/*
 * The instant at which fetches an hour, summed up since the last one, make one
 * fetch; in whole seconds.
 */
static void
find_next(Schedule *schedule, FetchRegion *region)
{
	TimestampTz t = region->last;
	double		rest = 1;

	if (!region->fetched)
	{
		region->next = schedule->now;
		region->reason = REASON_NEVER;
		return;
	}
	for (;;)
	{
		int			hour = hour_of_week(t);
		int64		step = USECS_PER_HOUR - since_hour(t);
		double		left = (double) step / USECS_PER_HOUR;

		if (rest <= left * region->often[hour])
		{
			double		needed = rest / region->often[hour];

			t += (int64) (needed * USECS_PER_HOUR);
			region->reason = reason_at(schedule, region, hour);
			break;
		}
		rest -= left * region->often[hour];
		t += step;
	}
	t += USECS_PER_SEC - 1;
	t -= t % USECS_PER_SEC;
	region->next = Max(t, schedule->now);
}

/*
 * Starts to be expected from the last chart to the next; at most those of a
 * year, for one that was given up long ago.
 */
static double
expected_starts(const FetchRegion *region)
{
	TimestampTz t = Max(region->last, region->next - 366 * USECS_PER_DAY);
	double		sum = 0;

	while (t < region->next)
	{
		int64		step = Min(USECS_PER_HOUR - since_hour(t),
							   region->next - t);

		sum += region->rates[hour_of_week(t)] * step / USECS_PER_HOUR;
		t += step;
	}
	return sum;
}

/* By the next fetch. */
static int
compare_next(const ListCell *a, const ListCell *b)
{
	const FetchRegion *left = (const FetchRegion *) lfirst(a);
	const FetchRegion *right = (const FetchRegion *) lfirst(b);

	if (left->next != right->next)
		return left->next < right->next ? -1 : 1;
	/* of those due at once, the one that waits for the most */
	if (left->expected != right->expected)
		return left->expected > right->expected ? -1 : 1;
	return strcmp(left->code, right->code);
}

/*
 * Puts off, in their order, what the units spent in the last 24 hours leave no
 * room for, until enough of them are a day old.
 */
static void
wait_for_quota(Schedule *schedule)
{
	int64		planned = 0;
	ListCell   *lc;

	foreach(lc, schedule->regions)
	{
		FetchRegion *region = (FetchRegion *) lfirst(lc);
		int64		over;

		planned += region->units;
		over = schedule->nspent + planned - schedule->quota;
		if (over > 0 && schedule->nspent > 0)
		{
			int			last = Min(over, schedule->nspent) - 1;
			TimestampTz free = schedule->spent[last] + USECS_PER_DAY;

			if (free > region->next)
			{
				region->next = free;
				region->reason = REASON_SPENT;
			}
		}
	}
}

/*
 * Everything from the rates of the regions to the order in which they are
 * due.
 */
static void
plan(Schedule *schedule)
{
	ListCell   *lc;

	estimate_rates(schedule);
	fit_quota(schedule);
	foreach(lc, schedule->regions)
	{
		FetchRegion *region = (FetchRegion *) lfirst(lc);

		find_next(schedule, region);
		region->expected = region->fetched ? expected_starts(region) : 0;
	}
	list_sort(schedule->regions, compare_next);
	wait_for_quota(schedule);
	foreach(lc, schedule->regions)
	{
		FetchRegion *region = (FetchRegion *) lfirst(lc);

		region->expected = region->fetched ? expected_starts(region) : 0;
	}
	list_sort(schedule->regions, compare_next);
}

/*
 * A number with so many decimals at most: more would pretend to be known.
 */
static void
append_rounded(StringInfo out, double value, int decimals)
{
	double		scale = pow(10, decimals);

	vv_json_float(out, rint(value * scale) / scale);
}

/* A region of the reply. */
static void
append_region(StringInfo out, const Schedule *schedule, const FetchRegion *region)
{
	appendStringInfoChar(out, '{');
	vv_json_key(out, "region");
	vv_json_text(out, region->code, strlen(region->code));
	vv_json_key(out, "region_name");
	vv_json_text(out, region->name, strlen(region->name));
	vv_json_key(out, "next_fetch_at");
	vv_json_timestamptz(out, region->next);
	vv_json_key(out, "due");
	appendStringInfoString(out,
						   region->next <= schedule->now ? "true" : "false");
	vv_json_key(out, "last_fetch_at");
	if (region->fetched)
		vv_json_timestamptz(out, region->last);
	else
		appendStringInfoString(out, "null");
	vv_json_key(out, "units");
	vv_json_int(out, region->units);
	vv_json_key(out, "interval_minutes");
	if (region->fetched)
		append_rounded(out, (double) (region->next - region->last) /
					   USECS_PER_MINUTE, 1);
	else
		appendStringInfoString(out, "null");
	vv_json_key(out, "expected_starts");
	if (region->fetched)
		append_rounded(out, region->expected, 2);
	else
		appendStringInfoString(out, "null");
	vv_json_key(out, "factor");
	append_rounded(out, region->factors[hour_of_week(region->next)], 2);
	vv_json_key(out, "reason");
	vv_json_text(out, reason_texts[region->reason],
				 strlen(reason_texts[region->reason]));
	appendStringInfoChar(out, '}');
}

/*
 * vvault_fetch_schedule() returns json
 *
 * When to fetch which region next. No errors of its own. Source: the clock,
 * settings, vvault.charts and the pattern of viral starts.
 */
Datum
vvault_fetch_schedule(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	StringInfoData out;
	Schedule	schedule;
	ListCell   *lc;

	(void) fcinfo;
	initStringInfo(&out);
	SPI_connect();
	read_schedule(&schedule, context);
	SPI_finish();
	plan(&schedule);

	appendStringInfoChar(&out, '{');
	vv_json_key(&out, "as_of");
	vv_json_timestamptz(&out, schedule.now);
	vv_json_key(&out, "quota_units");
	vv_json_int(&out, schedule.quota);
	vv_json_key(&out, "used_units");
	vv_json_int(&out, schedule.nspent);
	vv_json_key(&out, "regions");
	appendStringInfoChar(&out, '[');
	foreach(lc, schedule.regions)
	{
		if (foreach_current_index(lc) > 0)
			appendStringInfoChar(&out, ',');
		append_region(&out, &schedule, (FetchRegion *) lfirst(lc));
	}
	appendStringInfoString(&out, "]}");
	vv_http_of_now();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
