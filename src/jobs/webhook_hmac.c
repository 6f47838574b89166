/*-------------------------------------------------------------------------
 *
 * webhook_hmac.c
 *		What signs the deliveries of events.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/digest.h"

PG_FUNCTION_INFO_V1(vvault_hmac_sha256);

/*
 * vvault_stream.hmac_sha256(key bytea, message text) returns bytea
 *
 * HMAC-SHA-256 of a text, 32 bytes. STRICT.
 */
Datum
vvault_hmac_sha256(PG_FUNCTION_ARGS)
{
	bytea	   *key = PG_GETARG_BYTEA_PP(0);
	text	   *message = PG_GETARG_TEXT_PP(1);
	bytea	   *result = (bytea *) palloc(VARHDRSZ + VV_DIGEST_SIZE);

	SET_VARSIZE(result, VARHDRSZ + VV_DIGEST_SIZE);
	vv_hmac((const uint8 *) VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key),
			VARDATA_ANY(message), VARSIZE_ANY_EXHDR(message),
			(uint8 *) VARDATA(result));
	PG_RETURN_BYTEA_P(result);
}
