/*-------------------------------------------------------------------------
 *
 * caller.c
 *		Who calls: what his role lets him do, and what is known of him.
 *
 * The role is the one that the client chose, SET ROLE included, whatever
 * functions run with other rights in between. What it may do is what
 * vvault_stream_grant() gave it, and a superuser may all.
 *
 * Who the caller is, his subject, is the name of that role; but in a session
 * that began as the authenticator (a setting), which vouches for them, it is
 * said by the claims of his token, request.jwt.claims. Any other login could
 * write there what it likes, so nothing is read there.
 *
 *-------------------------------------------------------------------------
 */
#include "protect/caller.h"

#include "catalog/dependency.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/syscache.h"

#include "protect/tokens.h"
#include "site/stream_settings.h"

PG_FUNCTION_INFO_V1(vvault_caller_subject);
PG_FUNCTION_INFO_V1(vvault_caller_is_operator);
PG_FUNCTION_INFO_V1(vvault_caller_is_allowed);

/* Whoever may call it is an operator, or else a publisher. */
#define OPERATORS_FUNCTION	"vvault_stream_set"
#define PUBLISHERS_FUNCTION	"vvault_create_asset"

/* In the order of VvPermission, after nothing */
static const char *const permissions[] = {"view", "download", "edit", "manage"};

/*
 * The permission of that name, or nothing.
 */
VvPermission
vv_permission_named(const char *name, int len)
{
	for (int i = 0; i < (int) lengthof(permissions); i++)
	{
		if (len == (int) strlen(permissions[i]) &&
			memcmp(name, permissions[i], len) == 0)
			return VV_PERMIT_VIEW + i;
	}
	return VV_PERMIT_NOTHING;
}

/* Whether a role may call our function of that name. */
static bool
may_call(const char *name, Oid role)
{
	Oid			extension = get_extension_oid("vvault_stream", true);
	CatCList   *functions = SearchSysCacheList1(PROCNAMEARGSNSP,
												CStringGetDatum(name));
	bool		may = false;

	for (int i = 0; i < functions->n_members && !may; i++)
	{
		Oid			function = ((Form_pg_proc)
								GETSTRUCT(&functions->members[i]->tuple))->oid;

		may = getExtensionOfObject(ProcedureRelationId, function) == extension &&
			vv_may_execute(function, role);
	}
	ReleaseSysCacheList(functions);
	return may;
}

/* Whether this session began as the login that vouches for claims. */
static bool
is_authenticators(void)
{
	return strcmp(vv_stream_setting("authenticator"),
				  GetUserNameFromId(GetSessionUserId(), false)) == 0;
}

/* The text of a claim, or NULL where it is not there or none. */
static char *
text_claim(Jsonb *claims, const char *name)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&claims->root, name, strlen(name),
									 &value) == NULL ||
		value.type != jbvString || value.val.string.len == 0)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/*
 * The video that a token is for, NULL where it says of none. What is no name of a
 * video is nobody's: a token that was meant to be for one thing opens nothing.
 */
static char *
video_claim(Jsonb *claims)
{
	JsonbValue	value;
	char	   *video_id;

	if (getKeyJsonValueFromContainer(&claims->root, "video_id",
									 strlen("video_id"), &value) == NULL)
		return NULL;
	video_id = text_claim(claims, "video_id");
	return video_id == NULL ? pstrdup("") : video_id;
}

/* What a token permits at most, as its claim "permissions" lists it. */
static VvPermission
most_permission(const JsonbValue *list)
{
	VvPermission most = VV_PERMIT_NOTHING;
	JsonbIterator *walk;
	JsonbIteratorToken token;
	JsonbValue	element;

	if (list->type != jbvBinary || !JsonContainerIsArray(list->val.binary.data))
		return most;
	walk = JsonbIteratorInit(list->val.binary.data);
	while ((token = JsonbIteratorNext(&walk, &element, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM && element.type == jbvString)
			most = Max(most, vv_permission_named(element.val.string.val,
												 element.val.string.len));
	}
	return most;
}

/* The claims of a session that vouches for them, NULL where there are none. */
static Jsonb *
present_claims(void)
{
	const char *said = GetConfigOption("request.jwt.claims", true, false);
	Jsonb	   *claims;

	if (said == NULL || *said == '\0')
		return NULL;
	claims = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(said)));
	return JB_ROOT_IS_OBJECT(claims) ? claims : NULL;
}

/* Whether the token of these claims was taken back. */
static bool
are_revoked(Jsonb *claims)
{
	char	   *jti = text_claim(claims, "jti");

	return jti != NULL && vv_token_is_revoked(jti);
}

/* What the claims say of the caller. */
static void
read_claims(VvCaller *caller)
{
	Jsonb	   *claims = present_claims();
	JsonbValue	list;

	caller->subject = NULL;
	if (claims == NULL || are_revoked(claims))
		return;
	caller->subject = text_claim(claims, "sub");
	caller->only_video = video_claim(claims);
	caller->has_permissions =
		getKeyJsonValueFromContainer(&claims->root, "permissions",
									 strlen("permissions"), &list) != NULL;
	if (caller->has_permissions)
		caller->most = Min(caller->most, most_permission(&list));
}

/*
 * Whom the claims name, whatever his role; NULL for nobody, and in a session that
 * vouches for none. False where his token was revoked.
 */
bool
vv_claimed_subject(char **subject)
{
	Jsonb	   *claims = is_authenticators() ? present_claims() : NULL;

	*subject = claims == NULL ? NULL : text_claim(claims, "sub");
	return claims == NULL || !are_revoked(claims);
}

/*
 * Finds out who calls. It asks for no right.
 */
void
vv_read_caller(VvCaller *caller)
{
	Oid			role = GetOuterUserId();

	memset(caller, 0, sizeof(*caller));
	caller->is_operator = may_call(OPERATORS_FUNCTION, role);
	caller->most = caller->is_operator || may_call(PUBLISHERS_FUNCTION, role) ?
		VV_PERMIT_MANAGE : VV_PERMIT_DOWNLOAD;
	caller->subject = GetUserNameFromId(role, false);
	if (!caller->is_operator && is_authenticators())
		read_claims(caller);
}

/*
 * vvault_stream.caller_subject() returns text
 *
 * Who calls; NULL for nobody.
 */
Datum
vvault_caller_subject(PG_FUNCTION_ARGS)
{
	VvCaller	caller;

	vv_read_caller(&caller);
	if (caller.subject == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(caller.subject));
}

/*
 * vvault_stream.caller_is_operator() returns boolean
 */
Datum
vvault_caller_is_operator(PG_FUNCTION_ARGS)
{
	VvCaller	caller;

	(void) fcinfo;
	vv_read_caller(&caller);
	PG_RETURN_BOOL(caller.is_operator);
}

/*
 * vvault_stream.caller_is_allowed(permission text) returns boolean
 *
 * Whether the caller's role and token permit so much with any video of his
 * own. STRICT.
 */
Datum
vvault_caller_is_allowed(PG_FUNCTION_ARGS)
{
	text	   *permission = PG_GETARG_TEXT_PP(0);
	VvPermission wanted = vv_permission_named(VARDATA_ANY(permission),
											  VARSIZE_ANY_EXHDR(permission));
	VvCaller	caller;

	vv_read_caller(&caller);
	PG_RETURN_BOOL(wanted != VV_PERMIT_NOTHING &&
				   (caller.is_operator ||
					(caller.subject != NULL && caller.only_video == NULL &&
					 wanted <= caller.most)));
}
