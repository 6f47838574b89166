/*-------------------------------------------------------------------------
 *
 * status.c
 *		The HTTP status of a reply that is no error to SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "http/status.h"

#include "utils/guc.h"

#include "http/headers.h"

/*
 * Tells PostgREST, if it made this call, to answer with status 404: what was
 * asked for by its key is not there. SQL gets a NULL and no error, so that a
 * query over many keys goes on.
 */
void
vv_http_not_found(void)
{
	if (vv_http_requested())
		(void) set_config_option("response.status", "404", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
								 false);
}
