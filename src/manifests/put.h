/*-------------------------------------------------------------------------
 *
 * put.h
 *		What players and pages of a video read, of any of its generations.
 *
 * Each appends its text for a generation of a video that is not being deleted, and
 * returns false where there is nothing to tell. The caller is connected to SPI.
 * What is early tells of those renditions alone that a generation is shown with
 * before it is whole.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_PUT_H
#define VVAULT_PUT_H

#include "core/compat.h"

#include "lib/stringinfo.h"

extern bool vv_put_multivariant(StringInfo out, text *video_id,
								int generation, bool early);
extern bool vv_put_media_playlist(StringInfo out, text *video_id,
								  int generation, text *name);
extern bool vv_put_dash(StringInfo out, text *video_id, int generation,
						bool early);
extern bool vv_put_storyboard(StringInfo out, text *video_id, int generation);
extern bool vv_put_watch(StringInfo out, text *video_id, int generation,
						 const char *early);

#endif							/* VVAULT_PUT_H */
