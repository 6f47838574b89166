/*-------------------------------------------------------------------------
 *
 * tokens.c
 *		API tokens are signed and checked, but for what they are good for.
 *
 *-------------------------------------------------------------------------
 */
#include "protect/tokens.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/digest.h"
#include "core/index_scan.h"
#include "core/json_writer.h"
#include "core/same_snapshot.h"
#include "protect/seen_tokens.h"
#include "protect/token_keys.h"

PG_FUNCTION_INFO_V1(vvault_new_key_pair);
PG_FUNCTION_INFO_V1(vvault_sign_token);

/*
 * vvault_stream.new_key_pair(OUT private_key bytea, OUT public_key bytea)
 *
 * A key of P-256, its halves in DER. 0A000 without OpenSSL.
 */
Datum
vvault_new_key_pair(PG_FUNCTION_ARGS)
{
	bytea	   *halves[2];
	int			lengths[2];
	Datum		values[2];
	bool		isnull[2] = {false, false};
	TupleDesc	columns;

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < 2; i++)
		halves[i] = palloc(VARHDRSZ + VV_P256_DER_MAX);
	vv_p256_make((uint8 *) VARDATA(halves[0]), &lengths[0],
				 (uint8 *) VARDATA(halves[1]), &lengths[1]);
	for (int i = 0; i < 2; i++)
	{
		SET_VARSIZE(halves[i], VARHDRSZ + lengths[i]);
		values[i] = PointerGetDatum(halves[i]);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns),
													  values, isnull)));
}

/*
 * vvault_stream.sign_token(algorithm text, kid text, key bytea, claims json)
 *		returns text
 *
 * A token (RFC 7519) with these claims: by ES256 with a private key in DER, or
 * else by HS256. 0A000 for ES256 without OpenSSL. STRICT.
 */
Datum
vvault_sign_token(PG_FUNCTION_ARGS)
{
	char	   *algorithm = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *kid = text_to_cstring(PG_GETARG_TEXT_PP(1));
	bytea	   *key = PG_GETARG_BYTEA_PP(2);
	char	   *claims = text_to_cstring(PG_GETARG_TEXT_PP(3));
	StringInfoData header;
	StringInfoData token;
	uint8		signature[VV_P256_SIGNATURE];
	int			signature_len = VV_DIGEST_SIZE;

	initStringInfo(&header);
	appendStringInfo(&header, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":", algorithm);
	vv_json_text(&header, kid, strlen(kid));
	appendStringInfoChar(&header, '}');
	initStringInfo(&token);
	vv_append_base64url(&token, (uint8 *) header.data, header.len);
	appendStringInfoChar(&token, '.');
	claims = pg_server_to_any(claims, strlen(claims), PG_UTF8);
	vv_append_base64url(&token, (uint8 *) claims, strlen(claims));
	if (strcmp(algorithm, "ES256") == 0)
	{
		signature_len = VV_P256_SIGNATURE;
		vv_p256_sign((uint8 *) VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key),
					 token.data, token.len, signature);
	}
	else
		vv_hmac((uint8 *) VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key), token.data,
				token.len, signature);
	appendStringInfoChar(&token, '.');
	vv_append_base64url(&token, signature, signature_len);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(token.data, token.len));
}

/* ---------- checking ---------- */

/*
 * Whether a token has the signature of its key. The key says which algorithm
 * that is; what the token says has to be the same.
 */
static const char *
signature_problem(VvToken *token)
{
	const VvTokenKey *key;
	uint8		right[VV_DIGEST_SIZE];

	if (token->algorithm == NULL ||
		(strcmp(token->algorithm, "ES256") != 0 && strcmp(token->algorithm, "HS256") != 0))
		return "its algorithm is not allowed";
	key = token->kid == NULL ? NULL : vv_token_key(token->kid);
	if (key == NULL)
		return "its key is not known";
	if (strcmp(token->algorithm, key->is_public ? "ES256" : "HS256") != 0)
		return "its algorithm is not that of its key";
	token->checked_until = key->checked_until;
	if (key->is_public)
		return token->signature_len == VV_P256_SIGNATURE &&
			vv_p256_is_signed(key->public_key, token->signed_part,
							  token->signed_len, token->signature) ?
			NULL : "its signature is wrong";
	if (key->hmac_key == NULL ||
		!vv_hmac_by(key->hmac_key, token->signed_part, token->signed_len, right))
		vv_hmac(key->secret, key->secret_len, token->signed_part, token->signed_len,
				right);
	return token->signature_len == VV_DIGEST_SIZE &&
		vv_equal_in_time((char *) token->signature, (char *) right, VV_DIGEST_SIZE) ?
		NULL : "its signature is wrong";
}

/* Is the text in the list? */
static bool
is_listed(const VvTexts *list, const char *text)
{
	for (int i = 0; i < list->n; i++)
	{
		if (strcmp(list->texts[i], text) == 0)
			return true;
	}
	return false;
}

/* What is wrong with its times; what is no number is wrong. */
static const char *
time_problem(const VvToken *token, TimestampTz instant, double skew)
{
	double		now = instant / (double) USECS_PER_SEC +
	(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (double) SECS_PER_DAY;

	if (token->expires == 0)
		return "it says no expiry";
	if (!(token->expires + skew > now))
		return "it has expired";
	if (!(token->not_before <= now + skew) || !(token->issued <= now + skew))
		return "it is not good yet";
	return NULL;
}

/*
 * Tokens that a snapshot saw were not revoked. Where the next one sees the same,
 * they are not looked for again.
 */
#define MAX_UNREVOKED	16
#define MAX_JTI			64

typedef struct Unrevoked
{
	VvSeenSnapshot snapshot;
	int			njtis;
	int			next_to_go;
	char		jtis[MAX_UNREVOKED][MAX_JTI];
} Unrevoked;

static Unrevoked unrevoked;

/* Is it known of a token that it was not revoked? */
static bool
is_unrevoked(const char *jti, Snapshot snapshot)
{
	if (!vv_is_comparable_snapshot(snapshot) ||
		!vv_is_same_snapshot(&unrevoked.snapshot, snapshot))
		return false;
	for (int i = 0; i < unrevoked.njtis; i++)
	{
		if (unrevoked.jtis[i][0] == jti[0] && strcmp(unrevoked.jtis[i], jti) == 0)
			return true;
	}
	return false;
}

/* From now on it is known, as far as this snapshot sees. */
static void
remember_unrevoked(const char *jti, Snapshot snapshot)
{
	if (!vv_is_comparable_snapshot(snapshot) || strlen(jti) >= MAX_JTI)
		return;
	if (!vv_is_same_snapshot(&unrevoked.snapshot, snapshot))
	{
		vv_see_snapshot(&unrevoked.snapshot, snapshot);
		unrevoked.njtis = unrevoked.next_to_go = 0;
	}
	strlcpy(unrevoked.jtis[unrevoked.next_to_go], jti, MAX_JTI);
	unrevoked.next_to_go = (unrevoked.next_to_go + 1) % MAX_UNREVOKED;
	unrevoked.njtis = Min(unrevoked.njtis + 1, MAX_UNREVOKED);
}

/*
 * Whether a token was taken back, as the active snapshot sees it.
 */
bool
vv_token_is_revoked(const char *jti)
{
	static const VvIndexScan revoked = {
		.schema = "vvault_stream",
		.table = "revocations",
		.index = "revocations_pkey",
		.nkeys = 1,
		.direction = ForwardScanDirection,
		.ncolumns = 1,
		.columns = {"jti"},
	};
	Snapshot	snapshot = GetActiveSnapshot();
	Datum		key[1];

	if (is_unrevoked(jti, snapshot))
		return false;
	key[0] = CStringGetTextDatum(jti);
	if (vv_index_scan(&revoked, key, vv_any_row, NULL) > 0)
		return true;
	remember_unrevoked(jti, snapshot);
	return false;
}

/* Reads a token that is not known, and checks its signature. */
static const char *
read_token(const char *token, int len, VvToken *read)
{
	const char *problem = vv_read_token_header(token, len, read);

	if (problem == NULL)
		problem = signature_problem(read);
	if (problem == NULL)
		problem = vv_read_token_claims(token, len, read);
	return problem;
}

/* The same, and remembers it if it may come again. */
static const char *
learn_token(const char *token, int len, VvToken *read)
{
	uint64		version = vv_token_keys_version();
	MemoryContext old = MemoryContextSwitchTo(vv_new_token_memory());
	const char *problem = read_token(token, len, read);

	MemoryContextSwitchTo(old);
	if (problem == NULL && vv_token_keys_are(version))
		vv_remember_token(token, len, read, version);
	return problem;
}

/* What the rules of this database say against a token that is signed. */
static const char *
rules_problem(const VvToken *token)
{
	const VvTokenRules *rules = vv_token_rules();
	TimestampTz now = GetCurrentTimestamp();

	if (token->checked_until <= now)
		return "its key is not known";
	if (rules->issuer[0] != '\0' &&
		(token->issuer == NULL || strcmp(token->issuer, rules->issuer) != 0))
		return "its issuer is another";
	if (rules->audience[0] != '\0' && !is_listed(&token->audience, rules->audience))
		return "it is for another audience";
	return time_problem(token, now, rules->skew);
}

/*
 * Reads and checks a token of which nothing is known; NULL where it is good,
 * else what is wrong with it. What was read is good until the next call.
 */
const char *
vv_token_problem(const char *token, int len, const VvToken **read)
{
	static VvToken learned;
	const char *problem = NULL;

	*read = vv_recall_token(token, len);
	if (*read == NULL)
	{
		problem = learn_token(token, len, &learned);
		*read = &learned;
	}
	if (problem == NULL)
		problem = rules_problem(*read);
	if (problem == NULL && (*read)->jti != NULL && vv_token_is_revoked((*read)->jti))
		problem = "it was revoked";
	return problem;
}
