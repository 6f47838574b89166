/*-------------------------------------------------------------------------
 *
 * status.h
 *		The HTTP status of a reply that is no error to SQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_HTTP_STATUS_H
#define VVAULT_HTTP_STATUS_H

#include "core/compat.h"

extern void vv_http_not_found(void);

#endif							/* VVAULT_HTTP_STATUS_H */
