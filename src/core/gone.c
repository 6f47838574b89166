/*-------------------------------------------------------------------------
 *
 * gone.c
 *		What released versions call in this library and it has no more.
 *
 * Their SQL still stands in a database until ALTER EXTENSION UPDATE, and it is
 * made once more where one of their scripts runs: then each of its functions
 * has to be found in the library. make writes down (gone.inc) which symbols the
 * released scripts name and no source defines.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "core/same_version.h"
#include "fmgr.h"

#define GONE(name) \
	PG_FUNCTION_INFO_V1(name); \
	Datum name(PG_FUNCTION_ARGS) { (void) fcinfo; vv_refuse_gone(); }

#include "core/gone.inc"
