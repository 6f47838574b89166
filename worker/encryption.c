/*-------------------------------------------------------------------------
 *
 * encryption.c
 *		How an output is to be encrypted, and the cipher that does it.
 *
 * AES is OpenSSL's. No key is in a message or on a command line, and what held
 * one is wiped.
 *
 *-------------------------------------------------------------------------
 */
#include "encryption.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define BLOCK			16
#define PATTERN_BLOCKS	10		/* of which the first is encrypted */
#define PSSH			BOX_TYPE('p', 's', 's', 'h')

/* Hexadecimal digits for just so many bytes, out of an order. */
static bool
read_member(json_t * member, const char *name, unsigned char *bytes)
{
	const char *text = json_string_value(json_object_get(member, name));

	return text != NULL && read_hex(text, bytes, KEY_BYTES);
}

/* The boxes for systems of DRM. */
static bool
read_systems(Encryption *encryption, json_t * list)
{
	size_t		i;
	json_t	   *text;

	json_array_foreach(list, i, text)
	{
		size_t		begun = encryption->pssh.length;
		Reader		reader;
		Box			box;

		if (!json_is_string(text) || !append_from_base64(&encryption->pssh, json_string_value(text)))
			return false;
		reader = reader_of(encryption->pssh.data + begun, encryption->pssh.length - begun);
		if (!next_box(&reader, &box) || box.type != PSSH || reader_left(&reader) > 0)
			return false;
	}
	return true;
}

/*
 * Takes what an order says, whose key is gone then. Returns what is wrong, or
 * NULL; the caller wipes it in either case.
 */
const char *
encryption_read(Encryption *encryption, json_t * member)
{
	static const char *const schemes[] = {"cenc", "cbcs", "aes128"};
	const char *scheme = json_string_value(json_object_get(member, "scheme"));
	json_t	   *key = json_object_get(member, "key");
	bool		has_key;
	size_t		i = 0;

	memset(encryption, 0, sizeof(*encryption));
	has_key = read_member(member, "key", encryption->key);
	if (key != NULL && json_is_string(key))
		OPENSSL_cleanse((char *) json_string_value(key), json_string_length(key));
	json_object_del(member, "key");
	while (i < 3 && (scheme == NULL || strcmp(scheme, schemes[i]) != 0))
		i++;
	if (i == 3)
		return "the encryption's scheme is none of cenc, cbcs and aes128";
	encryption->wanted = true;
	encryption->scheme = (Scheme) i;
	if (!has_key)
		return "the encryption's key is not 32 hexadecimal digits";
	if (encryption->scheme == SCHEME_AES128)
		return NULL;
	if (!read_member(member, "kid", encryption->key_id))
		return "the encryption's kid is not 32 hexadecimal digits";
	if (!read_member(member, "iv", encryption->iv))
		return "the encryption's iv is not 32 hexadecimal digits";
	if (!read_systems(encryption, json_object_get(member, "pssh")))
		return "the encryption's pssh are not whole boxes in base64";
	return NULL;
}

/* Forgets it all. */
void
encryption_wipe(Encryption *encryption)
{
	buffer_free(&encryption->pssh);
	OPENSSL_cleanse(encryption, sizeof(*encryption));
}

/* Makes the cipher ready; false where OpenSSL refuses. */
bool
cipher_open(Cipher *cipher, const Encryption *encryption)
{
	memset(cipher, 0, sizeof(*cipher));
	cipher->scheme = encryption->scheme;
	memcpy(cipher->iv, encryption->iv, KEY_BYTES);
	if (cipher->scheme == SCHEME_CENC)
		memset(cipher->iv + IV_BYTES, 0, KEY_BYTES - IV_BYTES);
	cipher->context = EVP_CIPHER_CTX_new();
	return cipher->context != NULL &&
		EVP_EncryptInit_ex(cipher->context, cipher->scheme == SCHEME_CENC ? EVP_aes_128_ctr() : EVP_aes_128_cbc(), NULL,
						   encryption->key, cipher->iv) == 1 &&
		EVP_CIPHER_CTX_set_padding(cipher->context, cipher->scheme == SCHEME_AES128) == 1;
}

/* Forgets the key. */
void
cipher_close(Cipher *cipher)
{
	EVP_CIPHER_CTX_free(cipher->context);
	buffer_free(&cipher->blocks);
	memset(cipher, 0, sizeof(*cipher));
}

/* Encrypts bytes where they are. */
static bool
encrypt_in_place(Cipher *cipher, unsigned char *data, size_t size)
{
	int			length;

	return size == 0 || (size <= INT_MAX && EVP_EncryptUpdate(cipher->context, data, &length, data, (int) size) == 1 &&
						 (size_t) length == size);
}

/* Begins a chain, or a sequence of counters, anew. */
static bool
restart(Cipher *cipher)
{
	return EVP_EncryptInit_ex(cipher->context, NULL, NULL, NULL, cipher->iv) == 1;
}

/* The whole blocks of bytes, one chain. */
static bool
encrypt_blocks(Cipher *cipher, unsigned char *data, size_t size)
{
	return restart(cipher) && encrypt_in_place(cipher, data, size - size % BLOCK);
}

/*
 * One block in ten, which are one chain: they are brought together, since a call
 * of OpenSSL for each would take longer than what it does.
 */
static bool
encrypt_pattern(Cipher *cipher, unsigned char *data, size_t size)
{
	static const size_t step = (size_t) PATTERN_BLOCKS * BLOCK;
	size_t		length = (size / step + (size % step >= BLOCK)) * BLOCK;
	unsigned char *blocks;

	if (cipher->blocks.size < length)
		cipher->blocks.data = reallocate(cipher->blocks.data, cipher->blocks.size = length);
	blocks = (unsigned char *) cipher->blocks.data;
	for (size_t i = 0; i < length; i += BLOCK)
		memcpy(blocks + i, data + i * PATTERN_BLOCKS, BLOCK);
	if (!encrypt_blocks(cipher, blocks, length))
		return false;
	for (size_t i = 0; i < length; i += BLOCK)
		memcpy(data + i * PATTERN_BLOCKS, blocks + i, BLOCK);
	return true;
}

/* The next sample's IV: the next number. */
static void
count_sample(Cipher *cipher)
{
	for (int i = IV_BYTES - 1; i >= 0 && ++cipher->iv[i] == 0; i--)
		;
}

/* Encrypts a sample where it is; its pieces have to fit into it. */
bool
cipher_sample(Cipher *cipher, unsigned char *sample, size_t size, const Subsamples *subsamples)
{
	bool		is_counted = cipher->scheme == SCHEME_CENC;

	if (is_counted && !restart(cipher))
		return false;
	if (subsamples->n == 0 && !(is_counted ? encrypt_in_place(cipher, sample, size) :
								encrypt_blocks(cipher, sample, size)))
		return false;
	for (int i = 0; i < subsamples->n; i++)
	{
		size_t		length = subsamples->of[i].protected;

		sample += subsamples->of[i].clear;
		if (length > 0 && !(is_counted ? encrypt_in_place(cipher, sample, length) :
							encrypt_pattern(cipher, sample, length)))
			return false;
		sample += length;
	}
	if (is_counted)
		count_sample(cipher);
	return true;
}

/* Begins a segment of AES-128, whose number is its IV. */
bool
cipher_begin_segment(Cipher *cipher, uint64_t number)
{
	for (int i = KEY_BYTES - 1; i >= 0; i--, number >>= 8)
		cipher->iv[i] = i >= KEY_BYTES - IV_BYTES ? (unsigned char) number : 0;
	return restart(cipher);
}

/* Encrypts the next bytes of a segment; up to 15 more than there were may come of them. */
bool
cipher_segment(Cipher *cipher, const unsigned char *from, size_t size, unsigned char *to, size_t *length)
{
	int			made = 0;
	bool		well = size <= INT_MAX - BLOCK && EVP_EncryptUpdate(cipher->context, to, &made, from, (int) size) == 1;

	*length = (size_t) made;
	return well;
}

/* Ends a segment with its last block, the padding in it. */
bool
cipher_end_segment(Cipher *cipher, unsigned char *to, size_t *length)
{
	int			made = 0;
	bool		well = EVP_EncryptFinal_ex(cipher->context, to, &made) == 1;

	*length = (size_t) made;
	return well;
}
