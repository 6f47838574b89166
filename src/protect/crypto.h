/*-------------------------------------------------------------------------
 *
 * crypto.h
 *		What OpenSSL's libcrypto does for us: ECDSA over P-256, AES-256-GCM,
 *		HMAC-SHA-256 by a key that stays, blocks of AES-128, RSA-OAEP and
 *		AES-256-CBC.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_CRYPTO_H
#define VVAULT_CRYPTO_H

#include "core/compat.h"

#define VV_P256_SIGNATURE	64	/* r and s, as JWS has them (RFC 7518, 3.4) */
#define VV_P256_POINT		64	/* x and y of a public key */
#define VV_P256_DER_MAX		256 /* either key in DER */

#define VV_GCM_KEY			32
#define VV_GCM_NONCE		12
#define VV_GCM_TAG			16

#define VV_AES_BLOCK		16	/* of AES-128 also the key */

#define VV_RSA_LEAST_BITS	2048
#define VV_RSA_MOST_BITS	8192

#define VV_CBC_KEY			32
/* With the padding of PKCS #7, which is there always */
#define VV_CBC_LENGTH(len)	(((len) / VV_AES_BLOCK + 1) * VV_AES_BLOCK)

/* A public key that signatures are checked by; lives until it is freed. */
typedef struct VvPublicKey VvPublicKey;

/* A secret that many messages are checked by; lives until it is freed. */
typedef struct VvHmacKey VvHmacKey;

extern void vv_p256_make(uint8 *private_der, int *private_len,
						 uint8 *public_der, int *public_len);
extern void vv_p256_sign(const uint8 *private_der, int private_len,
						 const char *message, int len, uint8 *signature);
extern VvHmacKey *vv_hmac_key(const uint8 *key, int len);
extern void vv_free_hmac_key(VvHmacKey *key);
extern bool vv_hmac_by(VvHmacKey *key, const char *message, int len, uint8 *digest);
extern VvPublicKey *vv_p256_public_key(const uint8 *public_der, int len);
extern void vv_free_public_key(VvPublicKey *key);
extern bool vv_p256_is_signed(VvPublicKey *key, const char *message, int len,
							  const uint8 *signature);
extern void vv_gcm_seal(const uint8 *key, const uint8 *nonce, const char *name,
						const uint8 *plain, int len, uint8 *sealed);
extern bool vv_gcm_open(const uint8 *key, const uint8 *nonce, const char *name,
						const uint8 *sealed, int len, uint8 *plain);
extern void vv_aes128_block(const uint8 *key, const uint8 *plain,
							uint8 *encrypted);
extern int	vv_rsa_size(const uint8 *certificate, int len);
extern void vv_rsa_encrypt(const uint8 *certificate, int certificate_len,
						   const uint8 *plain, int len, uint8 *encrypted);
extern void vv_cbc_encrypt(const uint8 *key, const uint8 *iv,
						   const uint8 *plain, int len, uint8 *encrypted);

#endif							/* VVAULT_CRYPTO_H */
