/*-------------------------------------------------------------------------
 *
 * headers.h
 *		What PostgREST is told about a reply: how long it may be kept, its
 *		ETag, and whether the client has it already.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_HTTP_HEADERS_H
#define VVAULT_HTTP_HEADERS_H

#include "core/compat.h"

#include "lib/stringinfo.h"

extern bool vv_http_requested(void);
extern bool vv_http_not_modified(const StringInfo identity, int max_age,
								 const char *x_cache);

#endif							/* VVAULT_HTTP_HEADERS_H */
