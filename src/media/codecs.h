/*-------------------------------------------------------------------------
 *
 * codecs.h
 *		What a sample entry says of a codec, as RFC 6381 writes it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_CODECS_H
#define VVAULT_CODECS_H

#include "core/compat.h"

#include "media/boxes.h"

#define VV_CODEC_LEN	64

extern bool vv_codec_string(uint32 format, VvBytes boxes, char *codec);

#endif							/* VVAULT_CODECS_H */
