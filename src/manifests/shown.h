/*-------------------------------------------------------------------------
 *
 * shown.h
 *		Whether a caller may have a video's manifests.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SHOWN_H
#define VVAULT_SHOWN_H

#include "core/compat.h"

#include "fmgr.h"

#include "reply/reply.h"

/*
 * A player asks for it once, and the path of a new generation is another one;
 * a takedown must not wait for long.
 */
#define VV_MANIFEST_MAX_AGE	60

extern bool vv_may_be_shown(FunctionCallInfo fcinfo, const VvTag *tag);
extern int	vv_generation_asked(FunctionCallInfo fcinfo, const VvReply *reply,
								int arg);

#endif							/* VVAULT_SHOWN_H */
