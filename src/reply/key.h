/*-------------------------------------------------------------------------
 *
 * key.h
 *		A call of a function as the key of its reply, and back.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_REPLY_KEY_H
#define VVAULT_REPLY_KEY_H

#include "core/compat.h"

#include "reply/reply.h"

/* A call as its key tells of it. */
typedef struct VvCall
{
	VvSource   *source;			/* NULL where this backend does not know it */
	NullableDatum scope;		/* what the reply is about, NULL for all */
	char	   *function;
	char	   *arguments;		/* as SQL */
} VvCall;

extern bool vv_reply_key(const VvReplier *replier, FunctionCallInfo fcinfo,
						 VvKey *key);
extern void vv_reply_key_call(const VvKey *key, StringInfo out);
extern bool vv_reply_key_is_ours(const VvKey *key);
extern void vv_reply_key_decode(const VvKey *key, VvCall *call);

#endif							/* VVAULT_REPLY_KEY_H */
