/*-------------------------------------------------------------------------
 *
 * reply.c
 *		How a function answers: from the reply cache or by computing, with or
 *		without HTTP.
 *
 * A reply is stored by its key, the function and its arguments as given, under
 * the tag of the state it was made from. The tag covers whatever a reply
 * depends on but the clock, settings and regions included; of the clock the
 * stamp says which step it was made for. Tag and reply are read under one
 * snapshot, the caller's active one.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/reply.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/counters.h"
#include "core/query.h"
#include "http/etag.h"
#include "http/headers.h"
#include "reply/key.h"
#include "reply/memory.h"
#include "reply/state.h"
#include "reply/warmer.h"

/*
 * Tells PostgREST of the reply; true where the client has it already. What
 * must not be shared is nobody's to keep.
 */
static bool
tell_client(const VvReply *reply, const char *x_cache)
{
	bool		shared = reply->stamp.step != VV_STEP_MOMENT &&
	(reply->bypass == VV_BYPASS_NONE || reply->bypass == VV_BYPASS_BUSY);
	StringInfoData identity;

	initStringInfo(&identity);
	if (shared)
	{
		appendStringInfo(&identity, "%s " INT64_FORMAT " ", VVAULT_VERSION,
						 reply->stamp.step > 0 ? reply->stamp.as_of : 0);
		appendBinaryStringInfo(&identity, (const char *) &reply->tag,
							   sizeof(reply->tag));
		vv_reply_key_call(&reply->key, &identity);
	}
	return vv_http_not_modified(&identity, shared ? reply->stamp.max_age :
								reply->private ? VV_KEEP_PRIVATE : 0,
								x_cache, reply->replier->content_type);
}

/*
 * Says of a reply how long clients may keep it and, where step > 0, that it
 * holds for that many seconds of the clock from as_of on, or is of this moment
 * alone (VV_STEP_MOMENT). Returns true where the client has this very reply:
 * nothing needs to be made then.
 */
bool
vv_reply_is_known(VvReply *reply, int max_age, int step, TimestampTz as_of)
{
	reply->stamp.max_age = max_age;
	reply->stamp.step = step;
	reply->stamp.as_of = as_of;
	if (reply->requested)
		reply->known = tell_client(reply, reply->claimed ? "MISS" : "BYPASS");
	/* there is nothing that others could wait for */
	if (reply->claimed && (reply->known || step == VV_STEP_MOMENT))
		vv_store_give_up(&reply->claim);
	return reply->known;
}

/*
 * What alone a reply is made of, NULL for all.
 */
static NullableDatum
scope_of(FunctionCallInfo fcinfo, const VvReplier *replier)
{
	NullableDatum all = {(Datum) 0, true};

	return replier->scope_arg == 0 ? all : fcinfo->args[replier->scope_arg - 1];
}

static VvCounter computed = {.name = "replies_computed"};

/*
 * Registers what counts replies.
 */
void
vv_replies_init(void)
{
	vv_register_counter(&computed);
}

/* Room that most replies do with */
#define REPLY_LEN	3072

/* Begins a text that is written in place, behind room for its length. */
static void
begin_text(StringInfo out)
{
	out->data = palloc(REPLY_LEN);
	out->maxlen = REPLY_LEN;
	out->len = VARHDRSZ;
	out->data[VARHDRSZ] = '\0';
	out->cursor = 0;
}

/*
 * Computes the reply; NULL for NULL.
 */
static text *
compute(FunctionCallInfo fcinfo, VvReply *reply)
{
	StringInfoData out;
	bool		found;

	begin_text(&out);
	vv_count(&computed);
	if (!reply->replier->without_sql)
		SPI_connect();
	found = reply->replier->write(fcinfo, reply, &out);
	if (!reply->replier->without_sql)
		SPI_finish();
	if (reply->known)
		return cstring_to_text("null");
	if (!found)
		return NULL;
	SET_VARSIZE(out.data, out.len);
	return (text *) out.data;
}

/* Whoever fails while it makes a reply lets those go on who wait for it. */
static void
give_up(int code pg_attribute_unused(), Datum arg)
{
	VvReply    *reply = (VvReply *) DatumGetPointer(arg);

	vv_store_give_up(&reply->claim);
}

/*
 * Why the reply is not everybody's, if it is not.
 */
static VvBypass
problem_of(const VvReplier *replier)
{
	return replier->calls_helpers ? vv_calling_problem(replier->source) :
		vv_sharing_problem(replier->source);
}

/*
 * Whether what was computed is still what everybody with the same tag would
 * compute. Rights, row-level security and the tables themselves may have
 * changed while it was; the client was told otherwise by then.
 */
static bool
is_still_shared(VvReply *reply)
{
	if (reply->bypass != VV_BYPASS_NONE && reply->bypass != VV_BYPASS_BUSY)
		return false;
	AcceptInvalidationMessages();
	reply->bypass = problem_of(reply->replier);
	if (reply->bypass == VV_BYPASS_NONE)
		return true;
	if (reply->requested && !reply->known)
		(void) tell_client(reply, "BYPASS");
	return false;
}

/*
 * Whether the reply is of the newest state, so that it may take the place of
 * another's. A serializable transaction looks at no state but its own.
 */
static bool
is_newest(FunctionCallInfo fcinfo, const VvReply *reply)
{
	VvTag		tag;
	bool		newest;

	if (IsolationIsSerializable())
		return false;
	PushActiveSnapshot(GetLatestSnapshot());
	newest = vv_read_tag(reply->replier->source,
						 scope_of(fcinfo, reply->replier), &tag) &&
		memcmp(&tag, &reply->tag, sizeof(tag)) == 0;
	PopActiveSnapshot();
	return newest;
}

/*
 * Computes the reply and publishes it. Whatever ends this early, an error or
 * the end of the session, others do not wait for it.
 */
static text *
build(FunctionCallInfo fcinfo, VvReply *reply)
{
	text	   *body;
	bool		shared;
	bool		newest = false;

	PG_ENSURE_ERROR_CLEANUP(give_up, PointerGetDatum(reply));
	{
		body = compute(fcinfo, reply);
		shared = is_still_shared(reply) && body != NULL && !reply->known &&
			reply->stamp.step != VV_STEP_MOMENT;
		if (shared)
			newest = is_newest(fcinfo, reply);
	}
	PG_END_ENSURE_ERROR_CLEANUP(give_up, PointerGetDatum(reply));
	if (!shared)
		vv_store_give_up(&reply->claim);
	else if (!vv_store_publish(&reply->claim, &reply->tag, &reply->stamp,
							   newest, VARDATA(body),
							   VARSIZE(body) - VARHDRSZ))
		vv_store_bypassed(&reply->key, VV_BYPASS_SIZE);
	vv_warmer_start();
	return body;
}

/*
 * Finds out whether the caller may see the reply, which state he sees, and
 * whether the reply to it may be shared.
 */
static void
look_at_state(FunctionCallInfo fcinfo, VvReply *reply)
{
	const VvReplier *replier = reply->replier;
	bool		has_tag = vv_read_tag(replier->source,
									  scope_of(fcinfo, replier), &reply->tag);

	reply->private = replier->allow != NULL &&
		!replier->allow(fcinfo, has_tag ? &reply->tag : NULL);
	reply->bypass = !has_tag ? VV_BYPASS_VERSION :
		reply->private ? VV_BYPASS_PRIVATE : problem_of(replier);
	if (!vv_reply_key(replier, fcinfo, &reply->key) &&
		reply->bypass == VV_BYPASS_NONE)
		reply->bypass = VV_BYPASS_SIZE;
}

/*
 * Answers from the store, or claims to build. NULL where it is to be computed.
 */
static text *
fetch(VvReply *reply)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	text	   *body;
	VvClaimResult result;

	if (reply->bypass != VV_BYPASS_NONE || !vv_cache_enabled)
	{
		vv_store_bypassed(&reply->key, vv_cache_enabled ? reply->bypass :
						  VV_BYPASS_SETTING);
		return NULL;
	}
	body = vv_store_get(&reply->key, &reply->tag, now, &reply->stamp);
	if (body != NULL)
		return body;
	result = vv_store_claim(&reply->key, &reply->tag, now, &reply->stamp,
							&body, &reply->claim);
	reply->claimed = result == VV_CLAIM_BUILD;
	if (result == VV_CLAIM_ALONE || result == VV_CLAIM_TOO_LARGE)
	{
		/* a client may keep it all the same */
		reply->bypass = VV_BYPASS_BUSY;
		vv_store_bypassed(&reply->key, result == VV_CLAIM_ALONE ?
						  VV_BYPASS_BUSY : VV_BYPASS_SIZE);
	}
	return body;
}

/*
 * Answers a call, or returns NULL.
 */
static text *
answer(FunctionCallInfo fcinfo, const VvReplier *replier)
{
	bool		stored = vv_reply_memory_ready();
	text	   *body = NULL;
	VvReply		reply;

	reply.replier = replier;
	reply.requested = vv_http_requested();
	reply.known = false;
	reply.claimed = false;
	look_at_state(fcinfo, &reply);
	if (stored)
		body = fetch(&reply);
	if (body != NULL)
	{
		if (reply.requested && tell_client(&reply, "HIT"))
			body = cstring_to_text("null");
		return body;
	}
	if (reply.claimed)
		body = build(fcinfo, &reply);
	else
	{
		body = compute(fcinfo, &reply);
		(void) is_still_shared(&reply);
	}
	if (body == NULL && reply.requested)
		vv_http_status(404);
	return body;
}

/*
 * The same with the rights of the function's owner. To be SECURITY DEFINER with
 * a search_path costs as much as a hit of the cache. An error ends the
 * (sub)transaction, and that gives the caller back too.
 */
static text *
answer_as_owner(FunctionCallInfo fcinfo, const VvReplier *replier)
{
	text	   *body;
	Oid			caller;
	int			context;

	GetUserIdAndSecContext(&caller, &context);
	SetUserIdAndSecContext(vv_function_owner(fcinfo->flinfo->fn_oid),
						   context | SECURITY_LOCAL_USERID_CHANGE);
	body = answer(fcinfo, replier);
	SetUserIdAndSecContext(caller, context);
	return body;
}

/*
 * Answers a call of a function that returns json; NULL is status 404 where
 * PostgREST asked.
 */
Datum
vv_reply(FunctionCallInfo fcinfo, const VvReplier *replier)
{
	text	   *body = replier->as_owner ? answer_as_owner(fcinfo, replier) :
	answer(fcinfo, replier);

	if (body == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(body);
}

/*
 * For a function whose replies are not stored: tells PostgREST, if it made
 * this call, of the reply. True where the client has it already and nothing
 * needs to be made.
 */
bool
vv_call_is_known(FunctionCallInfo fcinfo, const VvReplier *replier,
				 int max_age)
{
	VvReply		reply = {.replier = replier, .requested = vv_http_requested()};

	if (!reply.requested)
		return false;
	look_at_state(fcinfo, &reply);
	return vv_reply_is_known(&reply, max_age, 0, 0);
}
