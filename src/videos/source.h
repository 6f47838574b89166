/*-------------------------------------------------------------------------
 *
 * source.h
 *		What replies about regions and their videos are made of.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_VIDEOS_SOURCE_H
#define VVAULT_VIDEOS_SOURCE_H

#include "reply/source.h"

extern VvSource vv_feeds;

#endif							/* VVAULT_VIDEOS_SOURCE_H */
