/*-------------------------------------------------------------------------
 *
 * server.h
 *		What parts.c sees of server.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_FUZZ_SERVER_H
#define VVAULT_FUZZ_SERVER_H

#include "core/compat.h"

#include <setjmp.h>

extern sigjmp_buf error_jump;	/* where an error goes on */
extern int	error_sqlstate;
extern char *request_headers;	/* of the setting request.headers */

extern void free_everything(void);
extern bytea *make_bytea(const void *bytes, int len);
extern void read_varlena(Datum value);

#endif							/* VVAULT_FUZZ_SERVER_H */
