/*-------------------------------------------------------------------------
 *
 * scope.c
 *		What a reply is about, a region or a video, as bytes and as text.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/scope.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

/*
 * The bytes of a scope, which are equal where scopes are. Type is text, uuid
 * or bigint.
 */
void
vv_scope_bytes(Oid type, Datum value, VvScopeBytes *scope)
{
	text	   *str;

	switch (type)
	{
		case TEXTOID:
			str = DatumGetTextPP(value);
			scope->len = VARSIZE_ANY_EXHDR(str);
			scope->bytes = VARDATA_ANY(str);
			break;
		case UUIDOID:
			scope->len = UUID_LEN;
			scope->bytes = (const char *) DatumGetUUIDP(value)->data;
			break;
		case INT8OID:
			scope->number = DatumGetInt64(value);
			scope->len = sizeof(scope->number);
			scope->bytes = (const char *) &scope->number;
			break;
		default:
			elog(ERROR, "no scope can be of type %u", type);
	}
}

/*
 * The text of a scope.
 */
char *
vv_scope_text(Oid type, Datum value)
{
	switch (type)
	{
		case TEXTOID:
			return TextDatumGetCString(value);
		case UUIDOID:
			return DatumGetCString(DirectFunctionCall1(uuid_out, value));
		default:
			return psprintf(INT64_FORMAT, DatumGetInt64(value));
	}
}
