/*-------------------------------------------------------------------------
 *
 * encryption.h
 *		How an output is to be encrypted, and the cipher that does it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ENCRYPTION_H
#define ENCRYPTION_H

#include <jansson.h>
#include <openssl/evp.h>

#include "samples.h"

#define KEY_BYTES	16
#define IV_BYTES	8			/* of a sample's own IV */

typedef enum Scheme
{
	SCHEME_CENC,				/* AES-CTR, each sample has an IV */
	SCHEME_CBCS,				/* AES-CBC, one IV; of pictures a block in ten */
	SCHEME_AES128				/* AES-CBC of whole segments (RFC 8216) */
} Scheme;

/* What an order says of it. Who has one wipes it. */
typedef struct Encryption
{
	bool		wanted;
	Scheme		scheme;
	unsigned char key[KEY_BYTES];
	unsigned char key_id[KEY_BYTES];
	unsigned char iv[KEY_BYTES];
	Buffer		pssh;			/* whole boxes */
} Encryption;

typedef struct Cipher
{
	Scheme		scheme;
	EVP_CIPHER_CTX *context;
	unsigned char iv[KEY_BYTES];	/* of the next sample */
	Buffer		blocks;
} Cipher;

extern const char *encryption_read(Encryption *encryption, json_t * member);
extern void encryption_wipe(Encryption *encryption);

extern bool cipher_open(Cipher *cipher, const Encryption *encryption);
extern void cipher_close(Cipher *cipher);
extern bool cipher_sample(Cipher *cipher, unsigned char *sample, size_t size, const Subsamples *subsamples);
extern bool cipher_begin_segment(Cipher *cipher, uint64_t number);
extern bool cipher_segment(Cipher *cipher, const unsigned char *from, size_t size, unsigned char *to, size_t *length);
extern bool cipher_end_segment(Cipher *cipher, unsigned char *to, size_t *length);

#endif							/* ENCRYPTION_H */
