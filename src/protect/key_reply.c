/*-------------------------------------------------------------------------
 *
 * key_reply.c
 *		What is asked and told of a reply that has keys or tokens in it.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "http/headers.h"
#include "http/request.h"

PG_FUNCTION_INFO_V1(vvault_path_token_of_request);
PG_FUNCTION_INFO_V1(vvault_tell_no_store);
PG_FUNCTION_INFO_V1(vvault_token_headers);

/*
 * vvault_stream.path_token_of_request() returns text
 *
 * The header Vvault-Path-Token of PostgREST's request, or NULL. Any client can
 * write there what it likes: the token's signature is what counts.
 */
Datum
vvault_path_token_of_request(PG_FUNCTION_ARGS)
{
	char	   *token = vv_http_requested() ? vv_request_header("vvault-path-token") : NULL;

	(void) fcinfo;
	if (token == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(token));
}

/*
 * vvault_stream.tell_no_store(content_type text) returns void
 *
 * Tells PostgREST, where that calls, that nobody may keep the reply, and of which
 * type it is; of JSON, for which content_type is NULL, it says so itself.
 */
Datum
vvault_tell_no_store(PG_FUNCTION_ARGS)
{
	VvHeader	headers[] = {
		{"Cache-Control", "private, no-store"},
		{"Content-Type", NULL},
	};

	if (!vv_http_requested())
		PG_RETURN_VOID();
	if (!PG_ARGISNULL(0))
		headers[1].value = text_to_cstring(PG_GETARG_TEXT_PP(0));
	vv_http_headers(headers, headers[1].value != NULL ? 2 : 1);
	PG_RETURN_VOID();
}

/*
 * vvault_stream.token_headers(status integer) returns void
 *
 * Tells PostgREST, where that calls, that nobody may keep a reply with a token in
 * it (RFC 6749, 5.1), and its status; NULL is the usual one.
 */
Datum
vvault_token_headers(PG_FUNCTION_ARGS)
{
	static const VvHeader headers[] = {
		{"Cache-Control", "no-store"},
		{"Pragma", "no-cache"},
	};

	if (!vv_http_requested())
		PG_RETURN_VOID();
	vv_http_headers(headers, lengthof(headers));
	if (!PG_ARGISNULL(0))
		vv_http_status(PG_GETARG_INT32(0));
	PG_RETURN_VOID();
}
