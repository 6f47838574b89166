/*-------------------------------------------------------------------------
 *
 * timing.c
 *		Points in time and spans between them, as the scores count them.
 *
 * Differences of two timestamps are taken in unsigned arithmetic: the range
 * of timestamptz is wider than a signed 64-bit count of microseconds.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "utils/float.h"
#include "utils/timestamp.h"

#include "score/aggstate.h"
#include "score/score.h"

/* Microseconds from 1970-01-01 to PostgreSQL's own epoch, 2000-01-01. */
#define EPOCH_OFFSET_USEC \
	((double) ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY))

/* An interval within these is summed in 64 bits. */
#define MAX_SHORT_DAYS	INT64CONST(1000000)
#define MAX_SHORT_USEC	(MAX_SHORT_DAYS * USECS_PER_DAY)

/*
 * Put an infinite timestamp at the end of the calendar, so that a score made
 * from it stays a finite number that sorts first or last.
 */
static TimestampTz
clamp_to_calendar(TimestampTz at)
{
	if (TIMESTAMP_IS_NOBEGIN(at))
		return MIN_TIMESTAMP;
	if (TIMESTAMP_IS_NOEND(at))
		return END_TIMESTAMP - 1;
	return at;
}

/*
 * Seconds since 1970-01-01 00:00 UTC; finite for every timestamp.
 */
double
vv_epoch_seconds(TimestampTz at)
{
	return ((double) clamp_to_calendar(at) + EPOCH_OFFSET_USEC) /
		(double) USECS_PER_SEC;
}

/*
 * Microseconds from one observation to a later one: 0 when it is not later,
 * infinity when one of the two is infinite.
 */
double
vv_elapsed_usec(TimestampTz from, TimestampTz until)
{
	if (until <= from)
		return 0.0;
	if (TIMESTAMP_NOT_FINITE(from) || TIMESTAMP_NOT_FINITE(until))
		return get_float8_infinity();
	return (double) ((uint64) until - (uint64) from);
}

/*
 * An interval in microseconds, with days of 24 hours and months of 30 days
 * as interval comparison has them; infinity for an infinite interval.  The
 * sum is made in 128 bits, so that its sign is exact for every interval.
 */
double
vv_interval_usec(const Interval *elapsed)
{
	INT128		span;
	int64		days;

	if (INTERVAL_NOT_FINITE(elapsed))
		return get_float8_infinity();

	days = (int64) elapsed->month * DAYS_PER_MONTH + elapsed->day;
	if (likely(days < MAX_SHORT_DAYS && days > -MAX_SHORT_DAYS &&
			   elapsed->time < MAX_SHORT_USEC &&
			   elapsed->time > -MAX_SHORT_USEC))
		return (double) (days * USECS_PER_DAY + elapsed->time);
	span = int64_to_int128(elapsed->time);
	int128_add_int64_mul_int64(&span, days, USECS_PER_DAY);
	return vv_int128_to_double(span);
}

/*
 * Age in hours; 0 for what is published after as_of, finite for every pair of
 * timestamps.
 */
double
vv_age_hours(TimestampTz published_at, TimestampTz as_of)
{
	return vv_elapsed_usec(clamp_to_calendar(published_at),
						   clamp_to_calendar(as_of)) /
		(double) USECS_PER_HOUR;
}
