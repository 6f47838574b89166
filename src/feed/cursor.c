/*-------------------------------------------------------------------------
 *
 * cursor.c
 *		Where a page of a feed ended, as an opaque text for the client.
 *
 * A cursor names the last row shown: region, order, sort key and video. The
 * next page starts right behind it in the index, so a page costs the same
 * wherever it is. It is base64 in the letters that need no escaping in a URL.
 * A checksum tells a cursor that was cut or altered; it is no secret, since
 * whatever a client could forge it may also ask for.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/cursor.h"

#include <inttypes.h>

#include "common/base64.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#define CURSOR_VERSION	"1"
#define MAX_CURSOR_LEN	512

/* The CRC-32C of bytes. */
static uint32
checksum(const char *data, int len)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, data, len);
	FIN_CRC32C(crc);
	return crc;
}

/*
 * The cursor of a page that ended with this row.
 */
char *
vv_cursor_encode(const char *region, const char *sort,
				 const VvFeedCursor *cursor)
{
	StringInfoData plain;
	char	   *encoded;
	int			size;
	int			len;

	initStringInfo(&plain);
	appendStringInfo(&plain, "%s|%s|%s|%016" PRIx64 "|%016" PRIx64 "|%s",
					 CURSOR_VERSION, region, sort, (uint64_t) cursor->key,
					 (uint64_t) cursor->as_of, cursor->video_id);
	appendStringInfo(&plain, "|%08x", checksum(plain.data, plain.len));

	size = pg_b64_enc_len(plain.len);
	encoded = palloc(size + 1);
	len = pg_b64_encode((void *) plain.data, plain.len, encoded, size);
	if (len < 0)
		elog(ERROR, "could not encode a cursor");
	while (len > 0 && encoded[len - 1] == '=')
		len--;
	encoded[len] = '\0';
	for (int i = 0; i < len; i++)
	{
		if (encoded[i] == '+')
			encoded[i] = '-';
		else if (encoded[i] == '/')
			encoded[i] = '_';
	}
	pfree(plain.data);
	return encoded;
}

/*
 * Takes the next part off a cursor's text, up to the separator.
 */
static char *
next_part(char **rest)
{
	char	   *part = *rest;
	char	   *end = part == NULL ? NULL : strchr(part, '|');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return part;
}

/*
 * Takes 64 bits off a cursor's text: 16 hexadecimal digits, no more and no
 * less.
 */
static bool
next_bits(char **rest, int64 *bits)
{
	char	   *part = next_part(rest);

	if (part == NULL || strlen(part) != 16 ||
		strspn(part, "0123456789abcdef") != 16)
		return false;
	*bits = (int64) strtoull(part, NULL, 16);
	return true;
}

/*
 * Whether a feed can have been made then: the catalog ends with the year 9999.
 */
static bool
valid_as_of(TimestampTz as_of)
{
	return as_of >= (int64) (date2j(1, 1, 1) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY &&
		as_of < (int64) (date2j(9999, 12, 31) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
}

/*
 * Undoes the letters and the padding; returns the text, zero-terminated, or
 * NULL where it is no base64.
 */
static char *
decode_base64url(text *encoded, int *len)
{
	int			given = VARSIZE_ANY_EXHDR(encoded);
	int			padded = (given + 3) / 4 * 4;
	char	   *copy;
	char	   *plain;

	if (given == 0 || given > MAX_CURSOR_LEN)
		return NULL;
	copy = palloc(padded);
	memset(copy, '=', padded);
	for (int i = 0; i < given; i++)
	{
		char		c = VARDATA_ANY(encoded)[i];

		if (c == '=' || c == '+' || c == '/')
			return NULL;
		copy[i] = c == '-' ? '+' : c == '_' ? '/' : c;
	}
	plain = palloc(pg_b64_dec_len(padded) + 1);
	*len = pg_b64_decode(copy, padded, (void *) plain,
						 pg_b64_dec_len(padded));
	if (*len <= 0)
		return NULL;
	plain[*len] = '\0';
	return plain;
}

/*
 * Reads a cursor; false where it is none or belongs to another region or
 * order.
 */
bool
vv_cursor_decode(text *encoded, const char *region, const char *sort,
				 VvFeedCursor *cursor)
{
	int			len;
	char	   *plain = decode_base64url(encoded, &len);
	char	   *crc;
	char	   *version;
	char	   *part;

	if (plain == NULL || strlen(plain) != (size_t) len)
		return false;
	crc = strrchr(plain, '|');
	if (crc == NULL)
		return false;
	if (strcmp(crc + 1, psprintf("%08x",
								 checksum(plain, crc - plain))) != 0)
		return false;
	*crc = '\0';

	version = next_part(&plain);
	if (version == NULL || strcmp(version, CURSOR_VERSION) != 0)
		return false;
	part = next_part(&plain);
	if (part == NULL || strcmp(part, region) != 0)
		return false;
	part = next_part(&plain);
	if (part == NULL || strcmp(part, sort) != 0)
		return false;
	if (!next_bits(&plain, &cursor->key) ||
		!next_bits(&plain, &cursor->as_of) ||
		!valid_as_of(cursor->as_of))
		return false;
	cursor->video_id = plain;
	return true;
}
