/*-------------------------------------------------------------------------
 *
 * token.c
 *		What a token is good for.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/json_writer.h"
#include "media/may.h"
#include "protect/tokens.h"

PG_FUNCTION_INFO_V1(vvault_token_verify);

/* What a good token does not permit, or NULL. */
static const char *
use_problem(const VvToken *token, const Datum *video_id, VvPermission permission)
{
	VvCaller	bearer = {
		.subject = token->subject,
		.most = token->most,
		.only_video = token->video_id,
		.has_permissions = token->has_permissions,
	};

	if (video_id != NULL && token->video_id != NULL &&
		strcmp(token->video_id, TextDatumGetCString(*video_id)) != 0)
		return "it is for another video";
	if (permission > token->most)
		return "it does not permit this";
	if (video_id == NULL)
		return NULL;
	switch (vv_may_as(&bearer, *video_id, permission))
	{
		case VV_NO_SUCH_VIDEO:
			return "there is no such video";
		case VV_MAY_NOT:
			return "it does not permit this";
		case VV_MAY:
		case VV_EVERYBODY_MAY:
			break;
	}
	return NULL;
}

/*
 * The reply for a good token, which is nearly every one: written where it stays.
 * Claims are UTF-8, as the database is.
 */
static text *
good_reply(const VvToken *token)
{
	static const char head[] = "{\"valid\":true,\"reason\":null,\"claims\":";
	const int	head_len = sizeof(head) - 1;
	int			len = head_len + token->claims_len + 1;
	text	   *reply = (text *) palloc(VARHDRSZ + len);
	char	   *at = VARDATA(reply);

	SET_VARSIZE(reply, VARHDRSZ + len);
	memcpy(at, head, head_len);
	memcpy(at + head_len, token->claims, token->claims_len);
	at[len - 1] = '}';
	return reply;
}

/* The reply for one that is not; NULL for none. */
static text *
bad_reply(const char *problem, const VvToken *token)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, "{\"valid\":false,\"reason\":");
	vv_json_text(&out, problem, strlen(problem));
	vv_json_key(&out, "claims");
	if (token != NULL && token->claims != NULL)
		appendBinaryStringInfo(&out, token->claims, token->claims_len);
	else
		vv_json_null(&out);
	appendStringInfoChar(&out, '}');
	return cstring_to_text_with_len(out.data, out.len);
}

/*
 * vvault_token_verify(token text, video_id text, permission text) returns json
 *
 * Whether a token is good for this, why not, and its claims. 22023 for another
 * permission; a token that is not good is no error. NULL for token is none.
 */
Datum
vvault_token_verify(PG_FUNCTION_ARGS)
{
	text	   *token = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);
	Datum		video_id = PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1);
	VvPermission permission = PG_ARGISNULL(2) ?
	(PG_ARGISNULL(1) ? VV_PERMIT_NOTHING : VV_PERMIT_VIEW) :
	vv_permission_wanted(PG_GETARG_TEXT_PP(2));
	const VvToken *read = NULL;
	const char *problem = token == NULL ? "there is none" :
	vv_token_problem(VARDATA_ANY(token), VARSIZE_ANY_EXHDR(token), &read);

	if (problem == NULL)
		problem = use_problem(read, PG_ARGISNULL(1) ? NULL : &video_id, permission);
	PG_RETURN_TEXT_P(problem == NULL ? good_reply(read) : bad_reply(problem, read));
}
