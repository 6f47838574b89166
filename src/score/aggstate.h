/*-------------------------------------------------------------------------
 *
 * aggstate.h
 *		What the aggregates share: 128-bit sums, their context, and reading
 *		back a serialized state.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_AGGSTATE_H
#define VVAULT_AGGSTATE_H

#include "core/compat.h"

#include "common/int128.h"
#include "fmgr.h"
#include "lib/stringinfo.h"

/* aggstate.c */
extern MemoryContext vv_agg_context(FunctionCallInfo fcinfo);
extern void vv_read_state(StringInfo buf, bytea *bytes);
extern void vv_require_state(bool valid, const char *aggregate);
extern bool vv_get_flag(StringInfo buf, const char *aggregate);
extern void vv_send_int128(StringInfo buf, INT128 value);
extern INT128 vv_get_int128(StringInfo buf);
extern void vv_int128_add(INT128 *sum, INT128 addend);
extern double vv_int128_to_double(INT128 value);
extern bool vv_int128_within(INT128 sum, int64 terms, int64 largest);

/* The state of an internal-typed aggregate, or NULL before the first row. */
#define VV_STATE_ARG(n) \
	((void *) (PG_ARGISNULL(n) ? NULL : PG_GETARG_POINTER(n)))

#endif							/* VVAULT_AGGSTATE_H */
