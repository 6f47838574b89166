/*-------------------------------------------------------------------------
 *
 * source.h
 *		What replies about videos of one's own are made of.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_MEDIA_SOURCE_H
#define VVAULT_MEDIA_SOURCE_H

#include "reply/source.h"

extern VvSource vv_assets;

#endif							/* VVAULT_MEDIA_SOURCE_H */
