/*-------------------------------------------------------------------------
 *
 * version.h
 *		What a reply depends on, as bytes: the versions of feeds under the
 *		caller's snapshot, the function and its arguments.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_VERSION_H
#define VVAULT_VERSION_H

#include "core/compat.h"

extern bool vv_reply_known(const char *function, text *region,
						   const char *arguments,
						   const char *max_age_setting);

#endif							/* VVAULT_VERSION_H */
