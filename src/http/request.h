/*-------------------------------------------------------------------------
 *
 * request.h
 *		What PostgREST says of the request.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_HTTP_REQUEST_H
#define VVAULT_HTTP_REQUEST_H

#include "core/compat.h"

extern char *vv_request_header(const char *name);

#endif							/* VVAULT_HTTP_REQUEST_H */
