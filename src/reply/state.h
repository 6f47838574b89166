/*-------------------------------------------------------------------------
 *
 * state.h
 *		Which state of the database a caller sees, and whether a reply made
 *		from it may be shared.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_REPLY_STATE_H
#define VVAULT_REPLY_STATE_H

#include "core/compat.h"

#include "utils/relcache.h"

#include "reply/store.h"

extern bool vv_read_tag(text *region, VvTag *tag);
extern VvBypass vv_sharing_problem(void);
extern VvBypass vv_calling_problem(void);
extern Relation vv_open_plain_table(const char *name, Relation *index);

#endif							/* VVAULT_REPLY_STATE_H */
