/*-------------------------------------------------------------------------
 *
 * regions.h
 *		The regions of the site.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_REGIONS_H
#define VVAULT_REGIONS_H

#include "core/compat.h"

/* Of the region $1, e; no row where it is not an enabled one. */
#define VV_FROM_ENABLED_REGION \
	" FROM vvault.enabled_regions e" \
	" WHERE e.region OPERATOR(pg_catalog.=) $1"

extern char *vv_region_name(text *region);
pg_noreturn extern void vv_invalid_region(text *region);

#endif							/* VVAULT_REGIONS_H */
