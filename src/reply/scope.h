/*-------------------------------------------------------------------------
 *
 * scope.h
 *		What a reply is about, a region or a video, as bytes and as text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SCOPE_H
#define VVAULT_SCOPE_H

#include "core/compat.h"

/* A value that holds as long as what it was made from. */
typedef struct VvScopeBytes
{
	int			len;
	const char *bytes;
	int64		number;			/* where bytes are those of a bigint */
} VvScopeBytes;

extern void vv_scope_bytes(Oid type, Datum value, VvScopeBytes *scope);
extern char *vv_scope_text(Oid type, Datum value);

#endif							/* VVAULT_SCOPE_H */
