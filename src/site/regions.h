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

/*
 * Shipped facts d and the owner's facts o of the region $1, either of which
 * may be missing; no row where it is not an enabled region.
 */
#define VV_FROM_ENABLED_REGION \
	" FROM (SELECT $1 AS region) k" \
	" LEFT JOIN vvault.region_defaults d" \
	" ON d.region OPERATOR(pg_catalog.=) k.region" \
	" LEFT JOIN vvault.regions o" \
	" ON o.region OPERATOR(pg_catalog.=) k.region" \
	" WHERE (d.region IS NOT NULL OR o.region IS NOT NULL)" \
	" AND coalesce(o.enabled, d.enabled, true)"

extern char *vv_region_name(text *region);
pg_noreturn extern void vv_invalid_region(text *region);

#endif							/* VVAULT_REGIONS_H */
