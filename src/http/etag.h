/*-------------------------------------------------------------------------
 *
 * etag.h
 *		How long a client may keep a reply, and whether it has it already.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_HTTP_ETAG_H
#define VVAULT_HTTP_ETAG_H

#include "core/compat.h"

#include "lib/stringinfo.h"

/* Instead of seconds: nobody may keep the reply, nor pass it to others. */
#define VV_KEEP_PRIVATE	(-1)

extern bool vv_http_not_modified(const StringInfo identity, int max_age,
								 const char *x_cache,
								 const char *content_type);

#endif							/* VVAULT_HTTP_ETAG_H */
