/*-------------------------------------------------------------------------
 *
 * aggstate.c
 *		What the aggregates share: 128-bit sums, their context, and reading
 *		back a serialized state.
 *
 * A serialized state is the list of its fields in network byte order, never
 * the bytes of a struct.  Every field that is read back is checked, so that
 * damaged bytes raise an error and nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "libpq/pqformat.h"

#include "score/aggstate.h"

/*
 * The memory context that lives as long as the aggregate's state does.
 */
MemoryContext
vv_agg_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate support function called outside an aggregate");
	return context;
}

/*
 * Read the content of a bytea as a message, without a copy.
 */
void
vv_read_state(StringInfo buf, bytea *bytes)
{
	initReadOnlyStringInfo(buf, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
}

/*
 * Raise 22P03 unless what was read back can be a state of the aggregate.
 */
void
vv_require_state(bool valid, const char *aggregate)
{
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid serialized state of aggregate %s",
						aggregate)));
}

/*
 * One byte that is 0 or 1.
 */
bool
vv_get_flag(StringInfo buf, const char *aggregate)
{
	int			flag = pq_getmsgbyte(buf);

	vv_require_state(flag == 0 || flag == 1, aggregate);
	return flag == 1;
}

/*
 * The upper 64 bits of a 128-bit integer, with its sign.
 */
static int64
int128_high(INT128 value)
{
#if USE_NATIVE_INT128
	return (int64) (value >> 64);
#else
	return value.hi;
#endif
}

/*
 * Add high * 2^64 + low, by means of int128.h alone: 2^64 itself is no signed
 * factor, four times 2^62 is.
 */
static void
int128_add_halves(INT128 *sum, int64 high, uint64 low)
{
	for (int i = 0; i < 4; i++)
		int128_add_int64_mul_int64(sum, high, INT64CONST(1) << 62);
	int128_add_uint64(sum, low);
}

/*
 * Write a 128-bit integer as its upper and its lower half.
 */
void
vv_send_int128(StringInfo buf, INT128 value)
{
	pq_sendint64(buf, (uint64) int128_high(value));
	pq_sendint64(buf, (uint64) int128_to_int64(value));
}

/*
 * Read what vv_send_int128() wrote.
 */
INT128
vv_get_int128(StringInfo buf)
{
	INT128		value = int64_to_int128(0);
	int64		high = pq_getmsgint64(buf);
	uint64		low = (uint64) pq_getmsgint64(buf);

	int128_add_halves(&value, high, low);
	return value;
}

/*
 * Add one 128-bit integer to another.
 */
void
vv_int128_add(INT128 *sum, INT128 addend)
{
	int128_add_halves(sum, int128_high(addend),
					  (uint64) int128_to_int64(addend));
}

/*
 * The nearest double; without a native 128-bit type, a neighbour of it for
 * what is wider than 64 bits.
 */
double
vv_int128_to_double(INT128 value)
{
#if USE_NATIVE_INT128
	return (double) value;
#else
	int64		low = int128_to_int64(value);

	if (int128_compare(value, int64_to_int128(low)) == 0)
		return (double) low;
	return ldexp((double) value.hi, 64) + (double) value.lo;
#endif
}

/*
 * Can sum be the sum of so many terms between 0 and largest?
 */
bool
vv_int128_within(INT128 sum, int64 terms, int64 largest)
{
	INT128		limit = int64_to_int128(0);

	int128_add_int64_mul_int64(&limit, terms, largest);
	return int128_compare(sum, int64_to_int128(0)) >= 0 &&
		int128_compare(sum, limit) <= 0;
}
