/*-------------------------------------------------------------------------
 *
 * token_keys.h
 *		What a backend knows of the keys and rules that tokens are checked by.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_TOKEN_KEYS_H
#define VVAULT_TOKEN_KEYS_H

#include "core/compat.h"

#include "datatype/timestamp.h"

#include "protect/crypto.h"

#define VV_KID_MAX		32
#define VV_SECRET_MAX	64

typedef struct VvTokenKey
{
	char		kid[VV_KID_MAX + 1];
	bool		is_public;		/* ES256; else HS256 */
	VvPublicKey *public_key;
	VvHmacKey  *hmac_key;		/* of the secret; NULL without OpenSSL */
	uint8		secret[VV_SECRET_MAX];
	int			secret_len;
	TimestampTz checked_until;
} VvTokenKey;

typedef struct VvTokenRules
{
	char	   *issuer;			/* empty for any */
	char	   *audience;		/* empty for any */
	double		skew;			/* seconds */
} VvTokenRules;

extern uint64 vv_token_keys_version(void);
extern bool vv_token_keys_are(uint64 version);
extern const VvTokenKey *vv_token_key(const char *kid);
extern const VvTokenRules *vv_token_rules(void);

#endif							/* VVAULT_TOKEN_KEYS_H */
