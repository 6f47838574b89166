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
 * tokens that were issued. One is found by a hash that is seeded by chance and
 * compared whole, in a time that does not tell where it differs.
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
	MemoryContext memory;		/* of all that it points to; NULL: none */
	uint64		keys_version;
	uint64		hash;
	int			len;
	char	   *bytes;
	VvToken		read;
} SeenToken;

static SeenToken seen[NSETS][NWAYS];
static int	next_to_go[NSETS];

/* Of the token that is being read */
static MemoryContext memory = NULL;

/* A token's hash; nobody can make two tokens of one. */
static uint64
hash_of(const char *token, int len)
{
	static uint64 seed = 0;

	while (seed == 0)
	{
		if (!pg_strong_random(&seed, sizeof(seed)))
			elog(ERROR, "could not generate a random seed");
	}
	return hash_bytes_extended((const unsigned char *) token, len, seed);
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

		if (place->memory != NULL && place->keys_version == version &&
			place->hash == hash && place->len == len &&
			vv_equal_in_time(place->bytes, token, len))
			return &place->read;
	}
	return NULL;
}

/*
 * Memory to read a token into. What lies there is good until the next call,
 * unless the token is remembered.
 */
MemoryContext
vv_new_token_memory(void)
{
	if (memory == NULL)
		memory = AllocSetContextCreate(TopMemoryContext, "vvault token",
									   ALLOCSET_SMALL_SIZES);
	MemoryContextReset(memory);
	return memory;
}

/*
 * Remembers a token that was read into vv_new_token_memory() and whose signature
 * is right by keys of that version.
 */
void
vv_remember_token(const char *token, int len, const VvToken *read,
				  uint64 keys_version)
{
	uint64		hash;
	SeenToken  *place;
	char	   *bytes;
	MemoryContext before;

	if (len > MAX_REMEMBERED)
		return;
	bytes = MemoryContextAlloc(memory, len);
	memcpy(bytes, token, len);
	hash = hash_of(token, len);
	place = &seen[hash % NSETS][next_to_go[hash % NSETS]];
	next_to_go[hash % NSETS] = (next_to_go[hash % NSETS] + 1) % NWAYS;
	before = place->memory;
	place->memory = memory;
	place->keys_version = keys_version;
	place->hash = hash;
	place->len = len;
	place->bytes = bytes;
	place->read = *read;
	place->read.signed_part = bytes;
	memory = before;
}
