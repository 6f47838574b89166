/*-------------------------------------------------------------------------
 *
 * openapi.c
 *		The HTTP interface as an OpenAPI description.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/query.h"
#include "http/etag.h"
#include "http/headers.h"

PG_FUNCTION_INFO_V1(vvault_openapi);

/* It changes with updates of the extension and with rights: seldom. */
#define MAX_AGE_SECONDS 3600

static VvQuery document_query = {
	.sql = "SELECT vvault.openapi_document($1)",
	.nargs = 1,
	.argtypes = {OIDOID},
};

/*
 * As one line: a line end or a tab that is part of a string is escaped in JSON,
 * so these here only lay out what was written by hand.
 */
static void
append_as_line(StringInfo out, const char *document)
{
	for (; *document != '\0'; document++)
	{
		if (*document != '\n' && *document != '\t')
			appendStringInfoCharMacro(out, *document);
	}
}

/*
 * Appends the description of what a role may call. The functions that make it
 * are internal, so they are called as the owner of this one; SECURITY DEFINER
 * would hide who the caller is. An error ends the transaction or subtransaction,
 * which restores the user.
 */
static void
append_description(StringInfo out, Oid function)
{
	Datum		args[1];
	Oid			caller;
	int			context;

	GetUserIdAndSecContext(&caller, &context);
	args[0] = ObjectIdGetDatum(caller);
	SetUserIdAndSecContext(vv_function_owner(function),
						   context | SECURITY_LOCAL_USERID_CHANGE);
	append_as_line(out, vv_query_text(&document_query, args));
	SetUserIdAndSecContext(caller, context);
}

/*
 * vvault_openapi() returns json
 *
 * The description of what the caller may call by HTTP. No errors of its own.
 * Source: pg_catalog and vvault.openapi_schemas().
 */
Datum
vvault_openapi(PG_FUNCTION_ARGS)
{
	StringInfoData out;

	initStringInfo(&out);
	SPI_connect();
	append_description(&out, fcinfo->flinfo->fn_oid);
	SPI_finish();
	if (vv_http_requested() &&
		vv_http_not_modified(&out, MAX_AGE_SECONDS, "BYPASS", NULL))
		PG_RETURN_TEXT_P(cstring_to_text("null"));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
