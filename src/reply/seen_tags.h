/*-------------------------------------------------------------------------
 *
 * seen_tags.h
 *		The tags that this backend read under a snapshot.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SEEN_TAGS_H
#define VVAULT_SEEN_TAGS_H

#include "core/compat.h"

#include "reply/store.h"

extern bool vv_recall_tag(text *region, VvTag *tag);
extern void vv_remember_tag(text *region, const VvTag *tag);

#endif							/* VVAULT_SEEN_TAGS_H */
