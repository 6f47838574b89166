/*-------------------------------------------------------------------------
 *
 * token_keys.c
 *		What a backend knows of the keys and rules that tokens are checked by.
 *
 * Every check of a token asks this, and it changes when keys rotate: a backend
 * remembers it until a trigger invalidates what the relation cache has of the
 * tables (as jobs/kind.c does). What was read is remembered only if nothing of
 * that came since before its snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "protect/token_keys.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/index_scan.h"
#include "protect/master_key.h"
#include "site/stream_settings.h"

PG_FUNCTION_INFO_V1(vvault_keys_changed);

#define MAX_KNOWN	8

static VvTokenKey known[MAX_KNOWN];
static int	nknown = 0;
static int	next_to_go = 0;
static VvTokenRules rules;
static bool rules_known = false;
static uint64 times_forgotten = 0;

/* What is known comes from these; until they are found, from any table. */
static const char *const tables[] = {"signing_keys", "secrets", "settings"};
static Oid	watched[lengthof(tables)];
static bool watching = false;

/* Is it one of the tables, or all relations together? */
static bool
is_watched(Oid relation)
{
	if (!OidIsValid(relation) || !watching)
		return true;
	for (int i = 0; i < (int) lengthof(tables); i++)
	{
		if (watched[i] == relation)
			return true;
	}
	return false;
}

/* A relation was invalidated: forgets all, if it is one of the tables. */
static void
forget(Datum arg pg_attribute_unused(), Oid relation)
{
	if (!is_watched(relation))
		return;
	nknown = 0;
	rules_known = false;
	watching = false;			/* it may be gone, and another come */
	times_forgotten++;
}

/*
 * From now on this backend forgets keys when their tables change; what others
 * have committed by now, it has heard of.
 */
static void
listen_for_changes(void)
{
	static bool listening = false;
	uint64		before;

	if (!listening)
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
	listening = true;
	AcceptInvalidationMessages();
	if (watching)
		return;
	before = times_forgotten;
	for (int i = 0; i < (int) lengthof(tables); i++)
		watched[i] = vv_own_relation("vvault_stream", tables[i]);
	watching = before == times_forgotten;
}

/*
 * A number that is another one after keys, secrets or settings have changed.
 */
uint64
vv_token_keys_version(void)
{
	listen_for_changes();
	return times_forgotten;
}

/*
 * Whether what was read since then may be remembered as of that version.
 */
bool
vv_token_keys_are(uint64 version)
{
	AcceptInvalidationMessages();
	return version == times_forgotten && !IsolationUsesXactSnapshot();
}

/* ---------- keys ---------- */

enum
{
	PURPOSE, ALGORITHM, PUBLIC_KEY, CHECKED_UNTIL
};

static const VvIndexScan key_row = {
	.schema = "vvault_stream",
	.table = "signing_keys",
	.index = "signing_keys_pkey",
	.nkeys = 1,
	.direction = ForwardScanDirection,
	.ncolumns = 4,
	.columns = {"purpose", "algorithm", "public_key", "checked_until"},
};

static const VvIndexScan secret_row = {
	.schema = "vvault_stream",
	.table = "secrets",
	.index = "secrets_pkey",
	.nkeys = 1,
	.direction = ForwardScanDirection,
	.ncolumns = 2,
	.columns = {"secret", "sealed_by"},
};

typedef struct KeyRow
{
	bool		found;
	bool		is_public;
	bytea	   *public_key;
	TimestampTz checked_until;
} KeyRow;

/* A row of signing_keys. */
static bool
take_key(const Datum *values, const bool *isnull, void *arg)
{
	KeyRow	   *row = (KeyRow *) arg;

	row->found = strcmp(TextDatumGetCString(values[PURPOSE]), "token") == 0;
	row->is_public = strcmp(TextDatumGetCString(values[ALGORITHM]), "ES256") == 0;
	row->public_key = isnull[PUBLIC_KEY] ? NULL : DatumGetByteaPCopy(values[PUBLIC_KEY]);
	row->checked_until = isnull[CHECKED_UNTIL] ? DT_NOEND :
		DatumGetTimestampTz(values[CHECKED_UNTIL]);
	return false;
}

typedef struct SecretRow
{
	bytea	   *secret;
	char	   *sealed_by;
} SecretRow;

/* A row of secrets. */
static bool
take_secret(const Datum *values, const bool *isnull, void *arg)
{
	SecretRow  *row = (SecretRow *) arg;

	row->secret = DatumGetByteaPCopy(values[0]);
	row->sealed_by = isnull[1] ? NULL : TextDatumGetCString(values[1]);
	return false;
}

/* Reads the secret of a key; false where it has none that can be used. */
static bool
read_secret(VvTokenKey *key)
{
	char	   *name = psprintf("key:%s", key->kid);
	Datum		names[1] = {CStringGetTextDatum(name)};
	SecretRow	row;
	bytea	   *secret;

	if (vv_index_scan(&secret_row, names, take_secret, &row) == 0)
		return false;
	secret = vv_unseal(name, row.secret, row.sealed_by);
	if (VARSIZE_ANY_EXHDR(secret) > VV_SECRET_MAX)
		return false;
	key->secret_len = VARSIZE_ANY_EXHDR(secret);
	memcpy(key->secret, VARDATA_ANY(secret), key->secret_len);
	return true;
}

/* Reads a key as it is now; false where there is none of that name. */
static bool
read_key(const char *kid, VvTokenKey *key)
{
	Datum		name[1] = {CStringGetTextDatum(kid)};
	KeyRow		row = {0};
	bool		found = false;

	memset(key, 0, sizeof(*key));
	strlcpy(key->kid, kid, sizeof(key->kid));
	PushActiveSnapshot(GetLatestSnapshot());
	if (vv_index_scan(&key_row, name, take_key, &row) > 0 && row.found)
	{
		key->is_public = row.is_public;
		key->checked_until = row.checked_until;
		found = row.is_public ? row.public_key != NULL : read_secret(key);
	}
	PopActiveSnapshot();
	if (found && row.is_public)
	{
		key->public_key = vv_p256_public_key((uint8 *) VARDATA_ANY(row.public_key),
											 VARSIZE_ANY_EXHDR(row.public_key));
		found = key->public_key != NULL;
	}
	else if (found)
		key->hmac_key = vv_hmac_key(key->secret, key->secret_len);
	return found;
}

/* The place for one more key. */
static VvTokenKey *
free_place(void)
{
	VvTokenKey *place = &known[next_to_go];

	next_to_go = (next_to_go + 1) % MAX_KNOWN;
	vv_free_public_key(place->public_key);
	vv_free_hmac_key(place->hmac_key);
	memset(place, 0, sizeof(*place));
	return place;
}

/*
 * A key for tokens that may be checked by now, or NULL. It is good until the
 * next call.
 */
const VvTokenKey *
vv_token_key(const char *kid)
{
	uint64		before = vv_token_keys_version();
	VvTokenKey	read;
	VvTokenKey *place;

	if (strlen(kid) > VV_KID_MAX)
		return NULL;
	for (int i = 0; nknown > 0 && i < MAX_KNOWN; i++)
	{
		if (strcmp(known[i].kid, kid) == 0)
			return known[i].checked_until > GetCurrentTimestamp() ? &known[i] : NULL;
	}
	if (!read_key(kid, &read))
		return NULL;
	if (nknown == 0)
	{
		/* what was known is of another time */
		for (int i = 0; i < MAX_KNOWN; i++)
			(void) free_place();
	}
	place = free_place();
	*place = read;
	nknown = vv_token_keys_are(before);
	return place->checked_until > GetCurrentTimestamp() ? place : NULL;
}

/* ---------- rules ---------- */

/*
 * What the settings say of tokens. It is good until the next call.
 */
const VvTokenRules *
vv_token_rules(void)
{
	uint64		before = vv_token_keys_version();

	if (rules_known)
		return &rules;
	if (rules.issuer != NULL)
		pfree(rules.issuer);
	if (rules.audience != NULL)
		pfree(rules.audience);
	rules.issuer = rules.audience = NULL;
	PushActiveSnapshot(GetLatestSnapshot());
	rules.issuer = MemoryContextStrdup(TopMemoryContext,
									   vv_stream_setting("token_issuer"));
	rules.audience = MemoryContextStrdup(TopMemoryContext,
										 vv_stream_setting("token_audience"));
	rules.skew = strtod(vv_stream_setting("token_skew_seconds"), NULL);
	PopActiveSnapshot();
	rules_known = vv_token_keys_are(before);
	return &rules;
}

/*
 * Trigger on keys, secrets and settings: every backend forgets what it knew.
 * 39P01 where it is no trigger.
 */
Datum
vvault_keys_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("vvault_keys_changed() was not called as a trigger")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	PG_RETURN_POINTER(NULL);
}
