/*-------------------------------------------------------------------------
 *
 * seen_tokens.c
 *		Tokens whose signature this backend has found right.
 *
 * Clients come with the same token again and again, and most of a check is its
 * signature and its JSON. Neither changes, so both are remembered; whoever
 * checks a token asks anew for all that may change: the time, the rules, until
 * when its key is good, whether it was revoked. When a key, a secret or a
 * setting changes, all is forgotten.
 *
 * Only tokens of a right signature are here, so nobody fills the memory but by
 * tokens that were issued. One is found by a hash of its end that is seeded by
 * chance, and compared whole, in a time that does not tell where it differs.
 *
 *-------------------------------------------------------------------------
 */
#include "protect/seen_tokens.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "core/digest.h"
#include "protect/token_keys.h"

#define NSETS			64		/* a power of two */
#define NWAYS			2
#define MAX_REMEMBERED	2048	/* bytes of a token */

typedef struct SeenToken
{
	uint64		keys_version;
	uint64		hash;
	int			len;
	char	   *bytes;			/* what was read is behind; NULL: none */
	VvToken		read;
} SeenToken;

static SeenToken seen[NSETS][NWAYS];
static int	next_to_go[NSETS];

/* Of the token that is being read, and of those that are remembered */
static MemoryContext reading = NULL;
static MemoryContext remembered = NULL;

/* So much of a token's end is hashed: its signature, or most of that. */
#define HASHED			32

/*
 * A token's hash. Its end is a signature that was found right, so that two tokens
 * have one hash by chance alone; and whatever has one of them is compared whole.
 */
static uint64
hash_of(const char *token, int len)
{
	static uint64 seed = 0;

	while (seed == 0)
	{
		if (!pg_strong_random(&seed, sizeof(seed)))
			elog(ERROR, "could not generate a random seed");
	}
	return hash_bytes_extended((const unsigned char *) token + Max(len - HASHED, 0),
							   Min(len, HASHED), seed);
}

/*
 * What a token says, if its signature was found right by keys that are still
 * the same; NULL where that is not known. It is good until the next token is
 * remembered.
 */
const VvToken *
vv_recall_token(const char *token, int len)
{
	uint64		version = vv_token_keys_version();
	uint64		hash;

	if (len > MAX_REMEMBERED)
		return NULL;
	hash = hash_of(token, len);
	for (int i = 0; i < NWAYS; i++)
	{
		const SeenToken *place = &seen[hash % NSETS][i];

		if (place->bytes != NULL && place->keys_version == version &&
			place->hash == hash && place->len == len &&
			vv_equal_in_time(place->bytes, token, len))
			return &place->read;
	}
	return NULL;
}

/*
 * Memory to read a token into. What lies there is good until the next call.
 */
MemoryContext
vv_new_token_memory(void)
{
	if (reading == NULL)
		reading = AllocSetContextCreate(TopMemoryContext, "vvault token",
										ALLOCSET_DEFAULT_INITSIZE,
										ALLOCSET_DEFAULT_INITSIZE,
										ALLOCSET_DEFAULT_MAXSIZE);
	MemoryContextReset(reading);
	return reading;
}

/* The texts that were read of a token; how many. */
static int
texts_of(VvToken *read, char ***texts)
{
	int			n = 0;

	texts[n++] = &read->issuer;
	texts[n++] = &read->subject;
	texts[n++] = &read->jti;
	texts[n++] = &read->video_id;
	for (int i = 0; i < read->audience.n; i++)
		texts[n++] = &read->audience.texts[i];
	return n;
}

/*
 * Copies a token and all that was read of it into one piece of memory, to which
 * read then points; its first bytes are the token.
 */
static char *
copy_token(const char *token, int len, VvToken *read)
{
	char	  **texts[4 + VV_TOKEN_LISTED];
	int			ntexts = texts_of(read, texts);
	Size		size = len + read->claims_len;
	char	   *copy;
	char	   *end;

	for (int i = 0; i < ntexts; i++)
		size += *texts[i] == NULL ? 0 : strlen(*texts[i]) + 1;
	copy = MemoryContextAlloc(remembered, size);
	memcpy(copy, token, len);
	memcpy(copy + len, read->claims, read->claims_len);
	read->signed_part = copy;
	read->claims = copy + len;
	end = copy + len + read->claims_len;
	for (int i = 0; i < ntexts; i++)
	{
		if (*texts[i] == NULL)
			continue;
		*texts[i] = strcpy(end, *texts[i]);
		end += strlen(end) + 1;
	}
	return copy;
}

/*
 * Remembers a token that was read and whose signature is right by keys of that
 * version.
 */
void
vv_remember_token(const char *token, int len, const VvToken *read,
				  uint64 keys_version)
{
	VvToken		kept = *read;
	uint64		hash;
	SeenToken  *place;
	char	   *bytes;

	if (len > MAX_REMEMBERED)
		return;
	if (remembered == NULL)
		remembered = AllocSetContextCreate(TopMemoryContext, "vvault tokens",
										   ALLOCSET_SMALL_SIZES);
	bytes = copy_token(token, len, &kept);
	/* of the header nothing is asked any more */
	kept.algorithm = kept.kid = NULL;
	hash = hash_of(token, len);
	place = &seen[hash % NSETS][next_to_go[hash % NSETS]];
	next_to_go[hash % NSETS] = (next_to_go[hash % NSETS] + 1) % NWAYS;
	if (place->bytes != NULL)
		pfree(place->bytes);
	place->keys_version = keys_version;
	place->hash = hash;
	place->len = len;
	place->bytes = bytes;
	place->read = kept;
}
