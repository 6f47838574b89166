/*-------------------------------------------------------------------------
 *
 * stream_settings.h
 *		The settings of vvault_stream, for C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_STREAM_SETTINGS_H
#define VVAULT_STREAM_SETTINGS_H

#include "core/compat.h"

extern char *vv_stream_setting(const char *name);

#endif							/* VVAULT_STREAM_SETTINGS_H */
