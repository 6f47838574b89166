/*-------------------------------------------------------------------------
 *
 * state.h
 *		Which state of the database a caller sees.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_REPLY_STATE_H
#define VVAULT_REPLY_STATE_H

#include "core/compat.h"

#include "reply/source.h"

extern bool vv_read_tag(VvSource *source, NullableDatum scope, VvTag *tag);

#endif							/* VVAULT_REPLY_STATE_H */
