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

#include "reply/store.h"

#define VV_REPLY_MAX_ARGS	7

/* A call that is being answered. */
typedef struct VvReply
{
	const struct VvReplier *replier;
	VvKey		key;
	VvTag		tag;
	VvStamp		stamp;
	VvBypass	bypass;
	bool		requested;		/* by PostgREST */
	bool		known;			/* the client has the reply already */
	bool		claimed;		/* it is to be published */
	VvClaim		claim;
} VvReply;

/*
 * Computes a reply: appends it to out, or returns false for NULL. It is
 * connected to SPI. Before anything that costs much it calls
 * vv_reply_is_known() once, and returns where that is true.
 */
typedef bool (*VvReplyWriter) (FunctionCallInfo fcinfo, VvReply *reply,
							   StringInfo out);

/* A function that returns json. */
typedef struct VvReplier
{
	const char *name;
	int			nargs;
	Oid			argtypes[VV_REPLY_MAX_ARGS];	/* text, integer or
												 * timestamptz */
	int			region_arg;		/* which argument, from 1, names the region
								 * whose feed alone the reply is made of; 0,
								 * or a NULL there: it is made of all feeds */
	bool		calls_helpers;	/* functions that not every reader may call */
	VvReplyWriter write;
} VvReplier;

extern Datum vv_reply(FunctionCallInfo fcinfo, const VvReplier *replier);
extern bool vv_reply_is_known(VvReply *reply, int max_age, int step,
							  TimestampTz as_of);
extern int	vv_max_age(const char *setting);

#endif							/* VVAULT_REPLY_H */
