/*-------------------------------------------------------------------------
 *
 * digest.h
 *		SHA-256, HMAC-SHA-256 and HMAC-SHA-512 of the server, and how they are
 *		written.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_DIGEST_H
#define VVAULT_DIGEST_H

#include "core/compat.h"

#include "common/sha2.h"
#include "lib/stringinfo.h"

#define VV_DIGEST_SIZE	PG_SHA256_DIGEST_LENGTH
#define VV_DIGEST_512_SIZE	PG_SHA512_DIGEST_LENGTH

extern void vv_sha256(const char *data, int len, uint8 *digest);
extern void vv_hmac(const uint8 *key, int keylen, const char *data, int len,
					uint8 *digest);
extern void vv_hmac_512(const uint8 *key, int keylen, const char *data,
						int len, uint8 *digest);
extern void vv_append_hex(StringInfo out, const uint8 *bytes, int len);
extern void vv_append_base64(StringInfo out, const uint8 *bytes, int len);
extern char *vv_base64(const void *bytes, int len);
extern void vv_append_base64url(StringInfo out, const uint8 *bytes, int len);
extern bool vv_equal_in_time(const char *a, const char *b, int len);

#endif							/* VVAULT_DIGEST_H */
