/*-------------------------------------------------------------------------
 *
 * crypto.c
 *		What OpenSSL's libcrypto does for us: ECDSA over P-256, AES-256-GCM,
 *		HMAC-SHA-256 by a key that stays, blocks of AES-128, and what is for the
 *		holder of a certificate alone: RSA-OAEP and AES-256-CBC.
 *
 * All that calls OpenSSL stands here. Its queue of errors is cleared before
 * and after, since the server reads the same one for its connections; where
 * none is expected (vv_hmac_by), when there was one. Between making an object
 * of OpenSSL's and freeing it nothing of the server is called that could raise
 * an error, and PG_FINALLY frees it all the same. No error shows a key.
 *
 * A server that was built without OpenSSL, or a build of ours that did not find
 * its headers, has all the rest: what is here raises 0A000.
 *
 *-------------------------------------------------------------------------
 */
#include "protect/crypto.h"

#if defined(USE_OPENSSL) && !defined(WITHOUT_LIBCRYPTO)

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define COORDINATE	(VV_P256_SIGNATURE / 2)

/* ECDSA's signature in DER takes at most so many bytes with P-256. */
#define DER_SIGNATURE_MAX	80

struct VvPublicKey
{
	EVP_PKEY   *key;
};

/* The error for what OpenSSL refused, which is not expected to. */
static void
crypto_failed(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("could not %s", what),
			 errdetail("OpenSSL refused.")));
}

/* Writes a key in DER; false where it is longer than there is room. */
static bool
put_der(EVP_PKEY * key, int (*length_or_write) (const EVP_PKEY *, unsigned char **),
		uint8 *der, int *len)
{
	unsigned char *end = der;

	*len = length_or_write(key, NULL);
	return *len > 0 && *len <= VV_P256_DER_MAX &&
		length_or_write(key, &end) == *len;
}

/* The private key, for put_der(). */
static int
private_der_of(const EVP_PKEY * key, unsigned char **end)
{
	return i2d_PrivateKey(unconstify(EVP_PKEY *, key), end);
}

/* The public key, for put_der(). */
static int
public_der_of(const EVP_PKEY * key, unsigned char **end)
{
	return i2d_PUBKEY(unconstify(EVP_PKEY *, key), end);
}

/*
 * Makes a key: the private one (RFC 5915) and the public one
 * (SubjectPublicKeyInfo, which ends with x and y), in DER of at most
 * VV_P256_DER_MAX bytes.
 */
void
vv_p256_make(uint8 *private_der, int *private_len, uint8 *public_der,
			 int *public_len)
{
	EVP_PKEY_CTX *volatile context = NULL;
	EVP_PKEY   *volatile key = NULL;
	volatile bool made = false;

	ERR_clear_error();
	PG_TRY();
	{
		EVP_PKEY   *new_key = NULL;

		context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
		made = context != NULL && EVP_PKEY_keygen_init(context) == 1 &&
			EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1 &&
			EVP_PKEY_keygen(context, &new_key) == 1;
		key = new_key;
		made = made && put_der(key, private_der_of, private_der, private_len) &&
			put_der(key, public_der_of, public_der, public_len);
	}
	PG_FINALLY();
	{
		EVP_PKEY_free(key);
		EVP_PKEY_CTX_free(context);
		ERR_clear_error();
	}
	PG_END_TRY();
	if (!made)
		crypto_failed("make a key");
}

/* From DER to r and s of a fixed length. */
static bool
plain_signature(const unsigned char *der, long len, uint8 *signature)
{
	ECDSA_SIG  *parts = d2i_ECDSA_SIG(NULL, &der, len);
	bool		fits;

	if (parts == NULL)
		return false;
	fits = BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, COORDINATE) == COORDINATE &&
		BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + COORDINATE, COORDINATE) == COORDINATE;
	ECDSA_SIG_free(parts);
	return fits;
}

/* From r and s to DER; its length, or 0. */
static int
der_signature(const uint8 *signature, unsigned char *der)
{
	ECDSA_SIG  *parts = ECDSA_SIG_new();
	BIGNUM	   *r = BN_bin2bn(signature, COORDINATE, NULL);
	BIGNUM	   *s = BN_bin2bn(signature + COORDINATE, COORDINATE, NULL);
	int			len = 0;

	if (parts != NULL && r != NULL && s != NULL &&
		ECDSA_SIG_set0(parts, r, s) == 1)
	{
		r = s = NULL;			/* they are parts' now */
		len = i2d_ECDSA_SIG(parts, NULL);
		if (len > 0 && len <= DER_SIGNATURE_MAX)
			len = i2d_ECDSA_SIG(parts, &der);
		else
			len = 0;
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(parts);
	return len;
}

/*
 * Signs a message by ES256: SHA-256 and ECDSA over P-256.
 */
void
vv_p256_sign(const uint8 *private_der, int private_len, const char *message,
			 int len, uint8 *signature)
{
	EVP_PKEY   *volatile key = NULL;
	EVP_MD_CTX *volatile context = NULL;
	volatile bool made = false;

	ERR_clear_error();
	PG_TRY();
	{
		const unsigned char *der = private_der;
		unsigned char der_made[DER_SIGNATURE_MAX];
		size_t		der_len = sizeof(der_made);

		key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &der, private_len);
		context = EVP_MD_CTX_new();
		made = key != NULL && context != NULL &&
			EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
			EVP_DigestSign(context, der_made, &der_len,
						   (const unsigned char *) message, len) == 1 &&
			plain_signature(der_made, der_len, signature);
	}
	PG_FINALLY();
	{
		EVP_MD_CTX_free(context);
		EVP_PKEY_free(key);
		ERR_clear_error();
	}
	PG_END_TRY();
	if (!made)
		crypto_failed("sign a token");
}

/*
 * A public key out of its DER, or NULL where it is none of P-256.
 */
VvPublicKey *
vv_p256_public_key(const uint8 *public_der, int len)
{
	const unsigned char *der = public_der;
	VvPublicKey *made = NULL;
	EVP_PKEY   *key;

	ERR_clear_error();
	key = d2i_PUBKEY(NULL, &der, len);
	if (key != NULL && EVP_PKEY_base_id(key) == EVP_PKEY_EC &&
		EVP_PKEY_bits(key) == 8 * COORDINATE)
		made = malloc(sizeof(VvPublicKey));
	if (made != NULL)
		made->key = key;
	else
		EVP_PKEY_free(key);
	ERR_clear_error();
	return made;
}

/* Frees a key of vv_p256_public_key(), or NULL. */
void
vv_free_public_key(VvPublicKey *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->key);
	free(key);
}

/*
 * Whether a message has this signature of ES256.
 */
bool
vv_p256_is_signed(VvPublicKey *key, const char *message, int len,
				  const uint8 *signature)
{
	EVP_MD_CTX *volatile context = NULL;
	volatile bool right = false;

	ERR_clear_error();
	PG_TRY();
	{
		unsigned char der[DER_SIGNATURE_MAX];
		int			der_len = der_signature(signature, der);

		context = EVP_MD_CTX_new();
		right = der_len > 0 && context != NULL &&
			EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->key) == 1 &&
			EVP_DigestVerify(context, der, der_len,
							 (const unsigned char *) message, len) == 1;
	}
	PG_FINALLY();
	{
		EVP_MD_CTX_free(context);
		ERR_clear_error();
	}
	PG_END_TRY();
	return right;
}

/* ---------- HMAC-SHA-256 ---------- */

#define SHA256_BLOCK	64
#define SHA256_SIZE		32

/*
 * SHA-256 after the first block of either half (RFC 2104), which the key alone
 * is, and one that a message is added to.
 */
struct VvHmacKey
{
	EVP_MD_CTX *inner;
	EVP_MD_CTX *outer;
	EVP_MD_CTX *working;
};

/* SHA-256 of the key's bytes, each with the same one. */
static EVP_MD_CTX *
begun_by(const uint8 *key, int len, uint8 with)
{
	EVP_MD_CTX *begun = EVP_MD_CTX_new();
	uint8		block[SHA256_BLOCK];

	for (int i = 0; i < SHA256_BLOCK; i++)
		block[i] = (i < len ? key[i] : 0) ^ with;
	if (begun != NULL && (EVP_DigestInit_ex(begun, EVP_sha256(), NULL) != 1 ||
						  EVP_DigestUpdate(begun, block, sizeof(block)) != 1))
	{
		EVP_MD_CTX_free(begun);
		begun = NULL;
	}
	explicit_bzero(block, sizeof(block));
	return begun;
}

/*
 * A key for HMAC-SHA-256, of which is worked out once what every message needs;
 * NULL where that cannot be: take vv_hmac().
 */
VvHmacKey *
vv_hmac_key(const uint8 *key, int len)
{
	VvHmacKey  *made = len > SHA256_BLOCK ? NULL : calloc(1, sizeof(VvHmacKey));

	if (made == NULL)
		return NULL;
	ERR_clear_error();
	made->inner = begun_by(key, len, 0x36);
	made->outer = begun_by(key, len, 0x5c);
	made->working = EVP_MD_CTX_new();
	if (made->inner == NULL || made->outer == NULL || made->working == NULL)
	{
		vv_free_hmac_key(made);
		made = NULL;
	}
	ERR_clear_error();
	return made;
}

/* Frees a key of vv_hmac_key(), or NULL. */
void
vv_free_hmac_key(VvHmacKey *key)
{
	if (key == NULL)
		return;
	EVP_MD_CTX_free(key->inner);
	EVP_MD_CTX_free(key->outer);
	EVP_MD_CTX_free(key->working);
	free(key);
}

/*
 * The HMAC-SHA-256 of a message, 32 bytes; false where OpenSSL refused.
 */
bool
vv_hmac_by(VvHmacKey *key, const char *message, int len, uint8 *digest)
{
	EVP_MD_CTX *working = key->working;
	uint8		of_inner[SHA256_SIZE];
	bool		made;

	made = EVP_MD_CTX_copy_ex(working, key->inner) == 1 &&
		EVP_DigestUpdate(working, message, len) == 1 &&
		EVP_DigestFinal_ex(working, of_inner, NULL) == 1 &&
		EVP_MD_CTX_copy_ex(working, key->outer) == 1 &&
		EVP_DigestUpdate(working, of_inner, sizeof(of_inner)) == 1 &&
		EVP_DigestFinal_ex(working, digest, NULL) == 1;
	if (!made)
		ERR_clear_error();
	return made;
}

/*
 * Seals so many bytes under a key and a nonce that is used once: sealed gets
 * len + VV_GCM_TAG bytes. The name goes with them: they open under no other.
 */
void
vv_gcm_seal(const uint8 *key, const uint8 *nonce, const char *name,
			const uint8 *plain, int len, uint8 *sealed)
{
	EVP_CIPHER_CTX *volatile context = NULL;
	volatile bool made = false;

	ERR_clear_error();
	PG_TRY();
	{
		int			n;

		context = EVP_CIPHER_CTX_new();
		made = context != NULL &&
			EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
			EVP_EncryptUpdate(context, NULL, &n, (const unsigned char *) name,
							  strlen(name)) == 1 &&
			EVP_EncryptUpdate(context, sealed, &n, plain, len) == 1 && n == len &&
			EVP_EncryptFinal_ex(context, sealed + len, &n) == 1 &&
			EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, VV_GCM_TAG,
								sealed + len) == 1;
	}
	PG_FINALLY();
	{
		EVP_CIPHER_CTX_free(context);
		ERR_clear_error();
	}
	PG_END_TRY();
	if (!made)
		crypto_failed("seal a secret");
}

/*
 * Opens what vv_gcm_seal() sealed, len bytes with the tag; plain gets
 * VV_GCM_TAG bytes less. False where key, name or bytes are others.
 */
bool
vv_gcm_open(const uint8 *key, const uint8 *nonce, const char *name,
			const uint8 *sealed, int len, uint8 *plain)
{
	EVP_CIPHER_CTX *volatile context = NULL;
	volatile bool opened = false;
	int			rest = len - VV_GCM_TAG;

	if (rest < 0)
		return false;
	ERR_clear_error();
	PG_TRY();
	{
		int			n;

		context = EVP_CIPHER_CTX_new();
		opened = context != NULL &&
			EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
			EVP_DecryptUpdate(context, NULL, &n, (const unsigned char *) name,
							  strlen(name)) == 1 &&
			EVP_DecryptUpdate(context, plain, &n, sealed, rest) == 1 && n == rest &&
			EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, VV_GCM_TAG,
								unconstify(uint8 *, sealed) + rest) == 1 &&
			EVP_DecryptFinal_ex(context, plain + rest, &n) == 1;
	}
	PG_FINALLY();
	{
		EVP_CIPHER_CTX_free(context);
		ERR_clear_error();
	}
	PG_END_TRY();
	return opened;
}

/*
 * Encrypts one block under a key, both of VV_AES_BLOCK bytes.
 */
void
vv_aes128_block(const uint8 *key, const uint8 *plain, uint8 *encrypted)
{
	EVP_CIPHER_CTX *volatile context = NULL;
	volatile bool made = false;

	ERR_clear_error();
	PG_TRY();
	{
		int			n;

		context = EVP_CIPHER_CTX_new();
		made = context != NULL &&
			EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), NULL, key, NULL) == 1 &&
			EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
			EVP_EncryptUpdate(context, encrypted, &n, plain, VV_AES_BLOCK) == 1 &&
			n == VV_AES_BLOCK;
	}
	PG_FINALLY();
	{
		EVP_CIPHER_CTX_free(context);
		ERR_clear_error();
	}
	PG_END_TRY();
	if (!made)
		crypto_failed("encrypt a block");
}

/*
 * The public key of a certificate (X.509 in DER), where that is one of RSA and
 * of a length that is neither weak nor absurd; else NULL.
 */
static EVP_PKEY *
rsa_key_of(const uint8 *certificate, int len)
{
	const unsigned char *end = certificate;
	X509	   *read = d2i_X509(NULL, &end, len);
	EVP_PKEY   *key = NULL;

	if (read != NULL && end == certificate + len)
		key = X509_get_pubkey(read);
	X509_free(read);
	if (key != NULL && (EVP_PKEY_base_id(key) != EVP_PKEY_RSA ||
						EVP_PKEY_bits(key) < VV_RSA_LEAST_BITS ||
						EVP_PKEY_bits(key) > VV_RSA_MOST_BITS))
	{
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

/*
 * How many bytes vv_rsa_encrypt() makes for the holder of a certificate; 0 where
 * it is none, or has no key of RSA of VV_RSA_LEAST_BITS to VV_RSA_MOST_BITS.
 */
int
vv_rsa_size(const uint8 *certificate, int len)
{
	EVP_PKEY   *key;
	int			size;

	ERR_clear_error();
	key = rsa_key_of(certificate, len);
	size = key != NULL ? EVP_PKEY_size(key) : 0;
	EVP_PKEY_free(key);
	ERR_clear_error();
	return size;
}

/*
 * Encrypts a short secret for the holder of a certificate, by RSA-OAEP with
 * MGF1 and SHA-1; encrypted gets as many bytes as vv_rsa_size() says.
 */
void
vv_rsa_encrypt(const uint8 *certificate, int certificate_len,
			   const uint8 *plain, int len, uint8 *encrypted)
{
	EVP_PKEY   *volatile key = NULL;
	EVP_PKEY_CTX *volatile context = NULL;
	volatile bool made = false;

	ERR_clear_error();
	PG_TRY();
	{
		size_t		encrypted_len = 0;

		key = rsa_key_of(certificate, certificate_len);
		if (key != NULL)
		{
			encrypted_len = EVP_PKEY_size(key);
			context = EVP_PKEY_CTX_new(key, NULL);
		}
		made = context != NULL && EVP_PKEY_encrypt_init(context) == 1 &&
			EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
			EVP_PKEY_encrypt(context, encrypted, &encrypted_len, plain, len) == 1;
	}
	PG_FINALLY();
	{
		EVP_PKEY_CTX_free(context);
		EVP_PKEY_free(key);
		ERR_clear_error();
	}
	PG_END_TRY();
	if (!made)
		crypto_failed("encrypt a key");
}

/*
 * Encrypts by AES-256-CBC with the padding of PKCS #7: encrypted gets
 * VV_CBC_LENGTH(len) bytes.
 */
void
vv_cbc_encrypt(const uint8 *key, const uint8 *iv, const uint8 *plain, int len,
			   uint8 *encrypted)
{
	EVP_CIPHER_CTX *volatile context = NULL;
	volatile bool made = false;

	ERR_clear_error();
	PG_TRY();
	{
		int			n,
					rest;

		context = EVP_CIPHER_CTX_new();
		made = context != NULL &&
			EVP_EncryptInit_ex(context, EVP_aes_256_cbc(), NULL, key, iv) == 1 &&
			EVP_EncryptUpdate(context, encrypted, &n, plain, len) == 1 &&
			EVP_EncryptFinal_ex(context, encrypted + n, &rest) == 1 &&
			n + rest == VV_CBC_LENGTH(len);
	}
	PG_FINALLY();
	{
		EVP_CIPHER_CTX_free(context);
		ERR_clear_error();
	}
	PG_END_TRY();
	if (!made)
		crypto_failed("encrypt a key");
}

#else

pg_noreturn static void no_crypto(void);

/* 0A000 for all that is below: the same functions, without OpenSSL. */
static void
no_crypto(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("this build of vvault has no OpenSSL"),
			 errdetail("Tokens by ES256, a master key, the protection standard and CPIX for a certificate need it."),
			 errhint("Build vvault with OpenSSL's headers, for a server that was built with OpenSSL; tokens by HS256 need neither.")));
}

/* Would make a key. */
void
vv_p256_make(uint8 *private_der pg_attribute_unused(), int *private_len pg_attribute_unused(),
			 uint8 *public_der pg_attribute_unused(), int *public_len pg_attribute_unused())
{
	no_crypto();
}

/* Would sign. */
void
vv_p256_sign(const uint8 *private_der pg_attribute_unused(), int private_len pg_attribute_unused(),
			 const char *message pg_attribute_unused(), int len pg_attribute_unused(),
			 uint8 *signature pg_attribute_unused())
{
	no_crypto();
}

/* There is none: vv_hmac() is the server's, and works. */
VvHmacKey *
vv_hmac_key(const uint8 *key pg_attribute_unused(), int len pg_attribute_unused())
{
	return NULL;
}

/* There is none to free. */
void
vv_free_hmac_key(VvHmacKey *key pg_attribute_unused())
{
}

/* There is none to compute by. */
bool
vv_hmac_by(VvHmacKey *key pg_attribute_unused(), const char *message pg_attribute_unused(),
		   int len pg_attribute_unused(), uint8 *digest pg_attribute_unused())
{
	return false;
}

/* Would read a key. */
VvPublicKey *
vv_p256_public_key(const uint8 *public_der pg_attribute_unused(), int len pg_attribute_unused())
{
	no_crypto();
}

/* There is none to free. */
void
vv_free_public_key(VvPublicKey *key pg_attribute_unused())
{
}

/* Would check a signature. */
bool
vv_p256_is_signed(VvPublicKey *key pg_attribute_unused(), const char *message pg_attribute_unused(),
				  int len pg_attribute_unused(), const uint8 *signature pg_attribute_unused())
{
	no_crypto();
}

/* Would seal. */
void
vv_gcm_seal(const uint8 *key pg_attribute_unused(), const uint8 *nonce pg_attribute_unused(),
			const char *name pg_attribute_unused(), const uint8 *plain pg_attribute_unused(),
			int len pg_attribute_unused(), uint8 *sealed pg_attribute_unused())
{
	no_crypto();
}

/* Would open. */
bool
vv_gcm_open(const uint8 *key pg_attribute_unused(), const uint8 *nonce pg_attribute_unused(),
			const char *name pg_attribute_unused(), const uint8 *sealed pg_attribute_unused(),
			int len pg_attribute_unused(), uint8 *plain pg_attribute_unused())
{
	no_crypto();
}

/* Would encrypt. */
void
vv_aes128_block(const uint8 *key pg_attribute_unused(), const uint8 *plain pg_attribute_unused(),
				uint8 *encrypted pg_attribute_unused())
{
	no_crypto();
}

/* Would tell of a certificate. */
int
vv_rsa_size(const uint8 *certificate pg_attribute_unused(), int len pg_attribute_unused())
{
	no_crypto();
}

/* Would encrypt for its holder. */
void
vv_rsa_encrypt(const uint8 *certificate pg_attribute_unused(), int certificate_len pg_attribute_unused(),
			   const uint8 *plain pg_attribute_unused(), int len pg_attribute_unused(),
			   uint8 *encrypted pg_attribute_unused())
{
	no_crypto();
}

/* Would encrypt. */
void
vv_cbc_encrypt(const uint8 *key pg_attribute_unused(), const uint8 *iv pg_attribute_unused(),
			   const uint8 *plain pg_attribute_unused(), int len pg_attribute_unused(),
			   uint8 *encrypted pg_attribute_unused())
{
	no_crypto();
}

#endif
