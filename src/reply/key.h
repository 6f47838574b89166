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
	char	   *function;
	char	   *region;			/* whose feed it shows, NULL for all */
	char	   *arguments;		/* as SQL */
} VvCall;

extern bool vv_reply_key(const VvReplier *replier, FunctionCallInfo fcinfo,
						 VvKey *key);
extern void vv_reply_key_call(const VvKey *key, StringInfo out);
extern bool vv_reply_key_is_ours(const VvKey *key);
extern bool vv_reply_key_shows(const VvKey *key, const char *region);
extern void vv_reply_key_decode(const VvKey *key, VvCall *call);

#endif							/* VVAULT_REPLY_KEY_H */
