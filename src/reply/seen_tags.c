/*-------------------------------------------------------------------------
 *
 * seen_tags.c
 *		The tags that this backend read under a snapshot.
 *
 * Where the next snapshot sees what this one saw (core/same_snapshot.c), the
 * tags are the same: a hit of the reply cache need not read them again.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/seen_tags.h"

#include "utils/snapmgr.h"

#include "core/same_snapshot.h"
#include "reply/scope.h"

#define MAX_TAGS		16
#define MAX_SCOPE_LEN	40
#define ALL_SCOPES		(-1)

typedef struct SeenTag
{
	const VvSource *source;
	int			scope_len;		/* or ALL_SCOPES */
	char		scope[MAX_SCOPE_LEN];
	VvTag		tag;
} SeenTag;

typedef struct SeenTags
{
	VvSeenSnapshot snapshot;
	int			ntags;
	SeenTag		tags[MAX_TAGS];
} SeenTags;

static SeenTags seen;

/*
 * A scope as bytes to compare; all scopes together have a length of their
 * own.
 */
static void
bytes_of(const VvSource *source, NullableDatum scope, VvScopeBytes *bytes)
{
	if (scope.isnull)
	{
		bytes->len = ALL_SCOPES;
		bytes->bytes = NULL;
	}
	else
		vv_scope_bytes(source->scope_type, scope.value, bytes);
}

/* The tag that is remembered for a source and scope, NULL if there is none. */
static SeenTag *
find(const VvSource *source, const VvScopeBytes *scope)
{
	for (int i = 0; i < seen.ntags; i++)
	{
		SeenTag    *tag = &seen.tags[i];

		if (tag->source == source && tag->scope_len == scope->len &&
			(scope->len <= 0 ||
			 memcmp(tag->scope, scope->bytes, scope->len) == 0))
			return tag;
	}
	return NULL;
}

/*
 * The tag of a scope, of all where it is NULL, if this backend read it under
 * a snapshot that sees what the active one sees. False where it did not, and
 * where the transaction may have written.
 */
bool
vv_recall_tag(const VvSource *source, NullableDatum scope, VvTag *tag)
{
	Snapshot	snapshot = GetActiveSnapshot();
	VvScopeBytes bytes;
	SeenTag    *found;

	if (!vv_is_comparable_snapshot(snapshot) ||
		!vv_is_same_snapshot(&seen.snapshot, snapshot))
		return false;
	bytes_of(source, scope, &bytes);
	found = find(source, &bytes);
	if (found == NULL)
		return false;
	*tag = found->tag;
	return true;
}

/*
 * Remembers a tag that was read under the active snapshot from a table whose
 * rows that snapshot judges, and was not recalled. One that was read through
 * SPI must not be remembered: another server may have answered.
 */
void
vv_remember_tag(const VvSource *source, NullableDatum scope, const VvTag *tag)
{
	Snapshot	snapshot = GetActiveSnapshot();
	VvScopeBytes bytes;
	SeenTag    *place;

	bytes_of(source, scope, &bytes);
	if (!vv_is_comparable_snapshot(snapshot) || bytes.len > MAX_SCOPE_LEN)
		return;
	if (!vv_is_same_snapshot(&seen.snapshot, snapshot) || seen.ntags == MAX_TAGS)
	{
		vv_see_snapshot(&seen.snapshot, snapshot);
		seen.ntags = 0;
	}
	place = &seen.tags[seen.ntags++];
	place->source = source;
	place->scope_len = bytes.len;
	if (bytes.len > 0)
		memcpy(place->scope, bytes.bytes, bytes.len);
	place->tag = *tag;
}
