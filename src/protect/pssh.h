/*-------------------------------------------------------------------------
 *
 * pssh.h
 *		What a file or manifest tells each system of protection about its keys.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_PSSH_H
#define VVAULT_PSSH_H

#include "core/compat.h"

#include "lib/stringinfo.h"

#define VV_KID_LEN		16
#define VV_CHECKSUM_LEN	8		/* of PlayReady */

#define VV_COMMON_SYSTEM	"1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"
#define VV_WIDEVINE_SYSTEM	"edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"
#define VV_PLAYREADY_SYSTEM "9a04f079-9840-4286-ab92-e65be0885f95"

/* Keys that are told of together. */
typedef struct VvKeyIds
{
	const uint8 *kids;			/* n times VV_KID_LEN bytes */
	int			n;
	bool		cbcs;			/* else cenc */
	const uint8 *checksums;		/* n times VV_CHECKSUM_LEN bytes, or NULL */
} VvKeyIds;

extern void vv_put_common_pssh(StringInfo out, const VvKeyIds *keys);
extern void vv_put_widevine_pssh(StringInfo out, const VvKeyIds *keys);
extern void vv_put_playready_object(StringInfo out, const VvKeyIds *keys);
extern void vv_put_playready_pssh(StringInfo out, const VvKeyIds *keys);
extern void vv_put_guid(const uint8 *kid, uint8 *guid);

#endif							/* VVAULT_PSSH_H */
