/*-------------------------------------------------------------------------
 *
 * headers.h
 *		What PostgREST is told about a reply: its headers and its status.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_HTTP_HEADERS_H
#define VVAULT_HTTP_HEADERS_H

#include "core/compat.h"

typedef struct VvHeader
{
	const char *name;
	const char *value;
} VvHeader;

extern bool vv_http_requested(void);
extern void vv_http_headers(const VvHeader *headers, int n);
extern void vv_http_status(int status);
extern void vv_http_of_now(void);

#endif							/* VVAULT_HTTP_HEADERS_H */
