/*-------------------------------------------------------------------------
 *
 * same_version.h
 *		Whether the library and the extensions' SQL belong together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SAME_VERSION_H
#define VVAULT_SAME_VERSION_H

#include "core/compat.h"

extern void vv_require_same_version(const char *extension);
extern Oid	vv_extension_owner(const char *extension);
pg_noreturn extern void vv_refuse_gone(void);

#endif							/* VVAULT_SAME_VERSION_H */
