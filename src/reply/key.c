/*-------------------------------------------------------------------------
 *
 * key.c
 *		A call of a function as the key of its reply, and back.
 *
 * The bytes are: the database; the number of the source that the reply is made
 * of; which argument is the scope that it is about, 0 for none; the function's
 * name and a zero; the arguments, each as a letter for its type and its value,
 * a text with two bytes of length before it.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/key.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#define ARG_NULL		'N'
#define ARG_INTEGER		'I'
#define ARG_BIGINT		'B'
#define ARG_BOOLEAN		'L'
#define ARG_INSTANT		'Z'
#define ARG_UUID		'U'
#define ARG_TEXT		'T'

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

/* Append a byte; false if the key is full. */
static bool
put_char(VvKey *key, char c)
{
	return put(key, &c, 1);
}

/* Append what kind of value it is, and its bytes. */
static bool
put_fixed(VvKey *key, char kind, const void *bytes, int len)
{
	return put_char(key, kind) && put(key, bytes, len);
}

/*
 * Append a text with its length in front; false if it is too long for any
 * key.
 */
static bool
put_text(VvKey *key, text *value)
{
	uint16		len;

	if (VARSIZE_ANY_EXHDR(value) > VV_KEY_MAX)
		return false;
	len = VARSIZE_ANY_EXHDR(value);
	return put_fixed(key, ARG_TEXT, &len, sizeof(len)) &&
		put(key, VARDATA_ANY(value), len);
}

/*
 * Append an argument; false if its type is none that a key can hold, or the
 * key is full.
 */
static bool
put_arg(VvKey *key, Oid type, NullableDatum arg)
{
	int64		number;
	int32		integer;

	if (arg.isnull)
		return put_char(key, ARG_NULL);
	switch (type)
	{
		case INT4OID:
			integer = DatumGetInt32(arg.value);
			return put_fixed(key, ARG_INTEGER, &integer, sizeof(integer));
		case INT8OID:
			number = DatumGetInt64(arg.value);
			return put_fixed(key, ARG_BIGINT, &number, sizeof(number));
		case TIMESTAMPTZOID:
			number = DatumGetTimestampTz(arg.value);
			return put_fixed(key, ARG_INSTANT, &number, sizeof(number));
		case BOOLOID:
			return put_char(key, ARG_BOOLEAN) &&
				put_char(key, DatumGetBool(arg.value));
		case UUIDOID:
			return put_fixed(key, ARG_UUID, DatumGetUUIDP(arg.value)->data,
							 UUID_LEN);
		case TEXTOID:
			return put_text(key, DatumGetTextPP(arg.value));
		default:
			elog(ERROR, "no argument of a reply can be of type %u", type);
	}
	return false;
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
		put_char(key, replier->source->number) &&
		put_char(key, replier->scope_arg) &&
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

/* Read bytes and go on behind them. */
static void
take(const char **at, void *bytes, int len)
{
	memcpy(bytes, *at, len);
	*at += len;
}

/* A text out of the key, and its literal. */
static Datum
take_text(const char **at, StringInfo sql)
{
	uint16		len;
	char	   *value;

	take(at, &len, sizeof(len));
	value = pnstrdup(*at, len);
	*at += len;
	appendStringInfoString(sql, quote_literal_cstr(value));
	return CStringGetTextDatum(value);
}

/* An instant out of the key, and its literal in UTC. */
static Datum
take_instant(const char **at, StringInfo sql)
{
	char		digits[MAXDATELEN + 1];
	int			utc = 0;
	TimestampTz instant;

	take(at, &instant, sizeof(instant));
	JsonEncodeDateTime(digits, TimestampTzGetDatum(instant), TIMESTAMPTZOID,
					   &utc);
	appendStringInfo(sql, "'%s'", digits);
	return TimestampTzGetDatum(instant);
}

/* A uuid out of the key, and its literal. */
static Datum
take_uuid(const char **at, StringInfo sql)
{
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));
	Datum		value = UUIDPGetDatum(uuid);

	take(at, uuid->data, UUID_LEN);
	appendStringInfo(sql, "'%s'",
					 DatumGetCString(DirectFunctionCall1(uuid_out, value)));
	return value;
}

/* An integer, bigint or boolean out of the key, and its literal. */
static Datum
take_number(char kind, const char **at, StringInfo sql)
{
	int32		integer;
	int64		number;

	if (kind == ARG_BOOLEAN)
	{
		bool		value = *(*at)++;

		appendStringInfoString(sql, value ? "true" : "false");
		return BoolGetDatum(value);
	}
	if (kind == ARG_INTEGER)
	{
		take(at, &integer, sizeof(integer));
		appendStringInfo(sql, "%d", integer);
		return Int32GetDatum(integer);
	}
	take(at, &number, sizeof(number));
	appendStringInfo(sql, INT64_FORMAT, number);
	return Int64GetDatum(number);
}

/* Takes the argument at *at and appends it as SQL. */
static NullableDatum
take_arg(const char **at, StringInfo sql)
{
	char		kind = *(*at)++;
	NullableDatum value = {(Datum) 0, kind == ARG_NULL};

	switch (kind)
	{
		case ARG_NULL:
			appendStringInfoString(sql, "NULL");
			break;
		case ARG_TEXT:
			value.value = take_text(at, sql);
			break;
		case ARG_INSTANT:
			value.value = take_instant(at, sql);
			break;
		case ARG_UUID:
			value.value = take_uuid(at, sql);
			break;
		default:
			value.value = take_number(kind, at, sql);
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
	int			scope_arg;
	StringInfoData sql;

	initStringInfo(&sql);
	call->source = vv_source_numbered(*at++);
	scope_arg = *at++;
	call->scope.value = (Datum) 0;
	call->scope.isnull = true;
	call->function = pstrdup(at);
	at += strlen(at) + 1;
	for (int i = 1; at < end; i++)
	{
		NullableDatum value;

		if (sql.len > 0)
			appendStringInfoString(&sql, ", ");
		value = take_arg(&at, &sql);
		if (i == scope_arg)
			call->scope = value;
	}
	call->arguments = sql.data;
}
