/*-------------------------------------------------------------------------
 *
 * path_token.c
 *		Signatures under keys of our own, and the token of a path.
 *
 * A path token stands in a URL in front of what it opens,
 *
 *		/v/KID.EXPIRES.SESSION.SIGNATURE/VIDEO_ID/GENERATION/...
 *
 * EXPIRES in seconds since 1970, SIGNATURE the HMAC-SHA-256, in base64url, of
 *
 *		vvault-path-1 \n KID \n EXPIRES \n SESSION \n VIDEO_ID \n GENERATION
 *
 * without blanks. deploy/vvault.js checks the same in nginx.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/digest.h"

#define SIGNATURE_LENGTH	43	/* 32 bytes in base64url */

PG_FUNCTION_INFO_V1(vvault_signature);
PG_FUNCTION_INFO_V1(vvault_path_token);
PG_FUNCTION_INFO_V1(vvault_path_token_is_signed);

/* Appends the HMAC of a message in base64url. */
static void
append_signature(StringInfo out, const bytea *key, const char *message, int len)
{
	uint8		digest[VV_DIGEST_SIZE];

	vv_hmac((const uint8 *) VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key), message,
			len, digest);
	vv_append_base64url(out, digest, sizeof(digest));
}

/*
 * vvault_stream.signature(key bytea, message text) returns text
 *
 * HMAC-SHA-256 in base64url without padding, 43 characters. STRICT.
 */
Datum
vvault_signature(PG_FUNCTION_ARGS)
{
	bytea	   *key = PG_GETARG_BYTEA_PP(0);
	text	   *message = PG_GETARG_TEXT_PP(1);
	StringInfoData out;

	initStringInfo(&out);
	append_signature(&out, key, VARDATA_ANY(message), VARSIZE_ANY_EXHDR(message));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

/* The signature of what a token says; its parts have no line breaks. */
static void
append_path_signature(StringInfo out, const bytea *key, const char *said,
					  int saidlen, const char *video_id, int32 generation)
{
	StringInfoData message;

	initStringInfo(&message);
	appendStringInfoString(&message, "vvault-path-1\n");
	appendBinaryStringInfo(&message, said, saidlen);
	for (char *c = message.data; *c != '\0'; c++)
	{
		if (*c == '.')
			*c = '\n';
	}
	appendStringInfo(&message, "\n%s\n%d", video_id, generation);
	append_signature(out, key, message.data, message.len);
	pfree(message.data);
}

/*
 * vvault_stream.path_token(kid text, key bytea, video_id text,
 *		generation integer, expires bigint, session_id text) returns text
 *
 * expires in seconds since 1970. kid and session_id have no dot. STRICT.
 */
Datum
vvault_path_token(PG_FUNCTION_ARGS)
{
	char	   *kid = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bytea	   *key = PG_GETARG_BYTEA_PP(1);
	char	   *video_id = text_to_cstring(PG_GETARG_TEXT_PP(2));
	int32		generation = PG_GETARG_INT32(3);
	int64		expires = PG_GETARG_INT64(4);
	char	   *session_id = text_to_cstring(PG_GETARG_TEXT_PP(5));
	StringInfoData said;
	StringInfoData token;

	initStringInfo(&said);
	appendStringInfo(&said, "%s." INT64_FORMAT ".%s", kid, expires, session_id);
	initStringInfo(&token);
	appendBinaryStringInfo(&token, said.data, said.len);
	appendStringInfoChar(&token, '.');
	append_path_signature(&token, key, said.data, said.len, video_id, generation);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(token.data, token.len));
}

/*
 * vvault_stream.path_token_is_signed(token text, key bytea, video_id text,
 *		generation integer) returns boolean
 *
 * Whether the token's signature is right for this video and generation. Says
 * nothing of its expiry. STRICT.
 */
Datum
vvault_path_token_is_signed(PG_FUNCTION_ARGS)
{
	char	   *token = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bytea	   *key = PG_GETARG_BYTEA_PP(1);
	char	   *video_id = text_to_cstring(PG_GETARG_TEXT_PP(2));
	char	   *signature = strrchr(token, '.');
	StringInfoData right;

	if (signature == NULL || strlen(signature + 1) != SIGNATURE_LENGTH)
		PG_RETURN_BOOL(false);
	initStringInfo(&right);
	append_path_signature(&right, key, token, signature - token, video_id,
						  PG_GETARG_INT32(3));
	PG_RETURN_BOOL(vv_equal_in_time(signature + 1, right.data, SIGNATURE_LENGTH));
}
