/*-------------------------------------------------------------------------
 *
 * settings.h
 *		The settings of the site: the owner's choice, else what is shipped.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SETTINGS_H
#define VVAULT_SETTINGS_H

#include "core/compat.h"

/* The value of a setting, as part of a query that reads other things too. */
#define VV_SETTING_SQL(name) \
	"coalesce((SELECT s.value FROM vvault.settings s" \
	"  WHERE s.name OPERATOR(pg_catalog.=) " name ")," \
	" (SELECT s.value FROM vvault.setting_defaults s" \
	"  WHERE s.name OPERATOR(pg_catalog.=) " name "))"

extern char *vv_setting(const char *name);
extern int	vv_setting_int(const char *name);

#endif							/* VVAULT_SETTINGS_H */
