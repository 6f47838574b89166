/*-------------------------------------------------------------------------
 *
 * reply.c
 *		What PostgREST is told of a reply, for readers in PL/pgSQL.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "catalog/version.h"
#include "core/http_reply.h"

PG_FUNCTION_INFO_V1(vvault_reply_known);

/*
 * vvault.reply_known(function text, arguments text, max_age_setting text)
 *	returns boolean
 *
 * Tells PostgREST, if it made this call, of the reply that a function gives
 * for its arguments on all feeds. True where the client has it already and
 * nothing needs to be made. NULL arguments are errors. Source: vvault.feed_versions and the named
 * setting.
 */
Datum
vvault_reply_known(PG_FUNCTION_ARGS)
{
	bool		known;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("function, arguments and setting must not be NULL")));
	if (!vv_http_requested())
		PG_RETURN_BOOL(false);
	SPI_connect();
	known = vv_reply_known(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL,
						   text_to_cstring(PG_GETARG_TEXT_PP(1)),
						   text_to_cstring(PG_GETARG_TEXT_PP(2)));
	SPI_finish();
	PG_RETURN_BOOL(known);
}
