/*-------------------------------------------------------------------------
 *
 * digest.c
 *		SHA-256, HMAC-SHA-256 and HMAC-SHA-512 of the server, and how they are
 *		written.
 *
 *-------------------------------------------------------------------------
 */
#include "core/digest.h"

#include "common/base64.h"
#include "common/cryptohash.h"
#include "common/hmac.h"

/* The SHA-256 of bytes; digest has room for VV_DIGEST_SIZE. */
void
vv_sha256(const char *data, int len, uint8 *digest)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	bool		done;

	done = pg_cryptohash_init(context) >= 0 &&
		pg_cryptohash_update(context, (const uint8 *) data, len) >= 0 &&
		pg_cryptohash_final(context, digest, VV_DIGEST_SIZE) >= 0;
	if (!done)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(context));
	pg_cryptohash_free(context);
}

/* A key is in no error. */
static void
hmac(pg_cryptohash_type type, const uint8 *key, int keylen, const char *data,
	 int len, uint8 *digest, int size)
{
	pg_hmac_ctx *context = pg_hmac_create(type);
	bool		done;

	done = pg_hmac_init(context, key, keylen) >= 0 &&
		pg_hmac_update(context, (const uint8 *) data, len) >= 0 &&
		pg_hmac_final(context, digest, size) >= 0;
	if (!done)
		elog(ERROR, "could not compute an HMAC: %s", pg_hmac_error(context));
	pg_hmac_free(context);
}

/* HMAC-SHA-256; digest has room for VV_DIGEST_SIZE. */
void
vv_hmac(const uint8 *key, int keylen, const char *data, int len, uint8 *digest)
{
	hmac(PG_SHA256, key, keylen, data, len, digest, VV_DIGEST_SIZE);
}

/* HMAC-SHA-512; digest has room for VV_DIGEST_512_SIZE. */
void
vv_hmac_512(const uint8 *key, int keylen, const char *data, int len,
			uint8 *digest)
{
	hmac(PG_SHA512, key, keylen, data, len, digest, VV_DIGEST_512_SIZE);
}

/* Bytes as hexadecimal digits in lower case. */
void
vv_append_hex(StringInfo out, const uint8 *bytes, int len)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < len; i++)
	{
		appendStringInfoCharMacro(out, digits[bytes[i] >> 4]);
		appendStringInfoCharMacro(out, digits[bytes[i] & 15]);
	}
}

/* Base64 with its padding, on one line. */
void
vv_append_base64(StringInfo out, const uint8 *bytes, int len)
{
	int			size = pg_b64_enc_len(len);
	int			written;

	enlargeStringInfo(out, size);
	written = pg_b64_encode((void *) bytes, len, out->data + out->len, size);
	if (written < 0)
		elog(ERROR, "could not encode %d bytes", len);
	out->len += written;
	out->data[out->len] = '\0';
}

/* The same as a text of its own. */
char *
vv_base64(const void *bytes, int len)
{
	StringInfoData text;

	initStringInfo(&text);
	vv_append_base64(&text, bytes, len);
	return text.data;
}

/* Base64 as it stands in a URL: RFC 4648, section 5, without padding. */
void
vv_append_base64url(StringInfo out, const uint8 *bytes, int len)
{
	int			begin = out->len;

	vv_append_base64(out, bytes, len);
	for (char *c = out->data + begin; *c != '\0'; c++)
	{
		if (*c == '=')
		{
			out->len = c - out->data;
			*c = '\0';
			break;
		}
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	}
}

/*
 * Whether two signatures are equal, in a time that does not tell where not:
 * eight bytes at a time, and all of them.
 */
bool
vv_equal_in_time(const char *a, const char *b, int len)
{
	uint64		differ = 0;
	int			i = 0;

	for (; i + 8 <= len; i += 8)
	{
		uint64		eight_of_a;
		uint64		eight_of_b;

		memcpy(&eight_of_a, a + i, 8);
		memcpy(&eight_of_b, b + i, 8);
		differ |= eight_of_a ^ eight_of_b;
	}
	for (; i < len; i++)
		differ |= (unsigned char) (a[i] ^ b[i]);
	return differ == 0;
}
