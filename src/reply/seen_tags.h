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

#include "reply/source.h"

extern bool vv_recall_tag(const VvSource *source, NullableDatum scope,
						  VvTag *tag);
extern void vv_remember_tag(const VvSource *source, NullableDatum scope,
							const VvTag *tag);

#endif							/* VVAULT_SEEN_TAGS_H */
