/*-------------------------------------------------------------------------
 *
 * key.c
 *		A call of a function as the key of its reply, and back.
 *
 * The bytes are: the database; which argument is the region whose feed alone
 * the reply is made of, 0 for none; the function's name and a zero; the
 * arguments, each as N (NULL), I and four bytes, Z and the eight bytes of an
 * instant, or T, two bytes of length and a text.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/key.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#define ARG_NULL	'N'
#define ARG_INTEGER	'I'
#define ARG_INSTANT	'Z'
#define ARG_TEXT	'T'

/* Where the call begins, behind the database */
#define CALL_AT		((int) sizeof(Oid))

static bool
put(VvKey *key, const void *bytes, int len)
{
	if (len > VV_KEY_MAX - key->len)
		return false;
	memcpy(key->bytes + key->len, bytes, len);
	key->len += len;
	return true;
}

static bool
put_char(VvKey *key, char c)
{
	return put(key, &c, 1);
}

static bool
put_arg(VvKey *key, Oid type, NullableDatum arg)
{
	text	   *value;
	int32		integer;
	TimestampTz instant;
	uint16		len;

	if (arg.isnull)
		return put_char(key, ARG_NULL);
	if (type == INT4OID)
	{
		integer = DatumGetInt32(arg.value);
		return put_char(key, ARG_INTEGER) &&
			put(key, &integer, sizeof(integer));
	}
	if (type == TIMESTAMPTZOID)
	{
		instant = DatumGetTimestampTz(arg.value);
		return put_char(key, ARG_INSTANT) &&
			put(key, &instant, sizeof(instant));
	}
	value = DatumGetTextPP(arg.value);
	if (VARSIZE_ANY_EXHDR(value) > VV_KEY_MAX)
		return false;
	len = VARSIZE_ANY_EXHDR(value);
	return put_char(key, ARG_TEXT) && put(key, &len, sizeof(len)) &&
		put(key, VARDATA_ANY(value), len);
}

/*
 * Makes the key of a call. Returns false where it is too long for one; it is
 * a key of something then, but of no stored reply.
 */
bool
vv_reply_key(const VvReplier *replier, FunctionCallInfo fcinfo, VvKey *key)
{
	bool		fits;

	key->len = 0;
	fits = put(key, &MyDatabaseId, sizeof(Oid)) &&
		put_char(key, replier->region_arg) &&
		put(key, replier->name, strlen(replier->name) + 1);
	for (int i = 0; i < replier->nargs && fits; i++)
		fits = put_arg(key, replier->argtypes[i], fcinfo->args[i]);
	vv_key_finish(key);
	return fits;
}

/*
 * Appends what a key says of the call, which is the same on every server that
 * holds this database.
 */
void
vv_reply_key_call(const VvKey *key, StringInfo out)
{
	appendBinaryStringInfo(out, key->bytes + CALL_AT, key->len - CALL_AT);
}

/*
 * Whether a key is of this database.
 */
bool
vv_reply_key_is_ours(const VvKey *key)
{
	return memcmp(key->bytes, &MyDatabaseId, sizeof(Oid)) == 0;
}

/*
 * Appends an instant as SQL that means the same in every session.
 */
static void
append_instant(StringInfo sql, TimestampTz instant)
{
	struct pg_tm tm;
	fsec_t		fsec;
	char		text[MAXDATELEN + 1];

	if (TIMESTAMP_NOT_FINITE(instant))
		EncodeSpecialTimestamp(instant, text);
	else
	{
		if (timestamp2tm(instant, NULL, &tm, &fsec, NULL, NULL) != 0)
			elog(ERROR, "timestamp out of range");
		tm.tm_isdst = 0;		/* it is UTC: say so */
		EncodeDateTime(&tm, fsec, true, 0, NULL, USE_ISO_DATES, text);
	}
	appendStringInfo(sql, "'%s'", text);
}

/* Takes the argument at *at off and appends it as SQL. */
static char *
take_arg(const char **at, StringInfo sql)
{
	char		kind = *(*at)++;
	char	   *value = NULL;

	if (kind == ARG_NULL)
		appendStringInfoString(sql, "NULL");
	else if (kind == ARG_INTEGER)
	{
		int32		integer;

		memcpy(&integer, *at, sizeof(integer));
		*at += sizeof(integer);
		appendStringInfo(sql, "%d", integer);
	}
	else if (kind == ARG_INSTANT)
	{
		TimestampTz instant;

		memcpy(&instant, *at, sizeof(instant));
		*at += sizeof(instant);
		append_instant(sql, instant);
	}
	else
	{
		uint16		len;

		memcpy(&len, *at, sizeof(len));
		*at += sizeof(len);
		value = pnstrdup(*at, len);
		*at += len;
		appendStringInfoString(sql, quote_literal_cstr(value));
	}
	return value;
}

/*
 * Takes a key apart.
 */
void
vv_reply_key_decode(const VvKey *key, VvCall *call)
{
	const char *at = key->bytes + CALL_AT;
	const char *end = key->bytes + key->len;
	int			region_arg = *at++;
	StringInfoData sql;

	initStringInfo(&sql);
	call->region = NULL;
	call->function = pstrdup(at);
	at += strlen(at) + 1;
	for (int i = 1; at < end; i++)
	{
		char	   *value;

		if (sql.len > 0)
			appendStringInfoString(&sql, ", ");
		value = take_arg(&at, &sql);
		if (i == region_arg)
			call->region = value;
	}
	call->arguments = sql.data;
}

/*
 * Whether the reply is of this database and shows the feed of a region; NULL
 * stands for any.
 */
bool
vv_reply_key_shows(const VvKey *key, const char *region)
{
	VvCall		call;

	if (!vv_reply_key_is_ours(key))
		return false;
	if (region == NULL)
		return true;
	vv_reply_key_decode(key, &call);
	return call.region == NULL || strcmp(call.region, region) == 0;
}
