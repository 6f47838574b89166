/*-------------------------------------------------------------------------
 *
 * reply.h
 *		How a function answers: from the reply cache or by computing, with or
 *		without HTTP.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_REPLY_H
#define VVAULT_REPLY_H

#include "core/compat.h"

#include "fmgr.h"
#include "lib/stringinfo.h"

#include "reply/source.h"

#define VV_REPLY_MAX_ARGS	8

/* A call that is being answered. */
typedef struct VvReply
{
	const struct VvReplier *replier;
	VvKey		key;
	VvTag		tag;
	VvStamp		stamp;
	VvBypass	bypass;
	bool		private;		/* not everybody may see it */
	bool		requested;		/* by PostgREST */
	bool		known;			/* the client has the reply already */
	bool		claimed;		/* it is to be published */
	VvClaim		claim;
} VvReply;

/*
 * Computes a reply: appends it to out, or returns false for NULL. It is
 * connected to SPI, unless without_sql is set. Before anything that costs much it calls
 * vv_reply_is_known() once, and returns where that is true.
 */
typedef bool (*VvReplyWriter) (FunctionCallInfo fcinfo, VvReply *reply,
							   StringInfo out);

/*
 * Asked first of all, before the caller learns anything of the reply, be it
 * whether there is one: raises an error where he may not see it; returns
 * whether everybody may. What not everybody may see is never shared. tag is that
 * of the state that the caller sees, NULL where there is none.
 */
typedef bool (*VvReplyAllow) (FunctionCallInfo fcinfo, const VvTag *tag);

/* A function that returns json. */
typedef struct VvReplier
{
	const char *name;
	int			nargs;
	Oid			argtypes[VV_REPLY_MAX_ARGS];	/* text, integer, bigint,
												 * boolean, timestamptz, uuid */
	VvSource   *source;			/* what the reply is made of */
	int			scope_arg;		/* which argument, from 1, names the scope
								 * that alone it is made of; 0, or a NULL
								 * there: it is made of all */
	bool		calls_helpers;	/* functions that not every reader may call */
	bool		as_owner;		/* it reads with the rights of its owner */
	bool		without_sql;	/* write is not connected to SPI */
	const char *content_type;	/* NULL: JSON */
	VvReplyAllow allow;			/* NULL: everybody may see it */
	VvReplyWriter write;
} VvReplier;

/*
 * How long a reply holds. A client may keep it for max_age seconds. Where step
 * is 0 it holds until its source changes. Else it is made for the step of the
 * clock, so many seconds long, that began at as_of, and in the next step it is
 * another. VV_STEP_MOMENT: it is of this moment alone and nobody may keep it.
 */
extern PGDLLEXPORT bool vv_reply_is_known(VvReply *reply, int max_age, int step,
										  TimestampTz as_of);

/* The step of a reply that moves with the clock; of this moment for 0 */
static inline int
vv_moving_step(int max_age)
{
	return max_age > 0 ? max_age : VV_STEP_MOMENT;
}

extern void vv_replies_init(void);
extern PGDLLEXPORT Datum vv_reply(FunctionCallInfo fcinfo,
								  const VvReplier *replier);
extern bool vv_call_is_known(FunctionCallInfo fcinfo, const VvReplier *replier,
							 int max_age);

#endif							/* VVAULT_REPLY_H */
