/*-------------------------------------------------------------------------
 *
 * parts.c
 *		The parts of vvault that read untrusted bytes, as a program for
 *		libFuzzer with AddressSanitizer and UBSan. parts.sh builds and runs it.
 *
 * The variable PART says which part gets the bytes:
 *
 *		states		an aggregate's deserialize, combine, serialize and final
 *					functions, which no SQL can call with bytes of one's own
 *		response	vvault.parse_chart(), the response of an API
 *		cursor		a feed's cursor
 *		headers		the setting request.headers
 *		search		titles and queries: letters, words, documents, addresses
 *		head		the head of a media file
 *		token		a JSON Web Token, its signature aside
 *		encrypt		a file that the worker encrypts
 *		samples		coded pictures in such a file
 *
 * What must hold, whatever the bytes: no wrong access to memory, no undefined
 * behaviour, no error but those a user may be told of; and what a state tells
 * is what its copy by way of bytes tells.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "common/base64.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "nodes/execnodes.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"

#include "http/etag.h"
#include "http/headers.h"
#include "feed/cursor.h"
#include "feed/search_query.h"
#include "mb/pg_wchar.h"
#include "media/head.h"
#include "protect/jwt.h"
#include "server.h"
#include "videos/fold.h"

#define AGGREGATE_FUNCTIONS(name) \
extern Datum vvault_##name##_accum(PG_FUNCTION_ARGS); \
extern Datum vvault_##name##_combine(PG_FUNCTION_ARGS); \
extern Datum vvault_##name##_serialize(PG_FUNCTION_ARGS); \
extern Datum vvault_##name##_deserialize(PG_FUNCTION_ARGS); \
extern Datum vvault_##name##_final(PG_FUNCTION_ARGS)

AGGREGATE_FUNCTIONS(engagement);
AGGREGATE_FUNCTIONS(virality);
AGGREGATE_FUNCTIONS(viral_stats);
AGGREGATE_FUNCTIONS(auc);
AGGREGATE_FUNCTIONS(feed);
extern Datum vvault_parse_chart(PG_FUNCTION_ARGS);
extern void fuzz_encrypt(const uint8 *data, size_t size);
extern void fuzz_samples(const uint8 *data, size_t size);
extern Datum vvault_search_document(PG_FUNCTION_ARGS);

extern int	LLVMFuzzerInitialize(int *argc, char ***argv);
extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

typedef struct Aggregate
{
	PGFunction	combine;
	PGFunction	serialize;
	PGFunction	deserialize;
	PGFunction	final;
	bool		varlena;		/* what final returns; else 8 bytes */
} Aggregate;

#define AGGREGATE(name, varlena) \
	{vvault_##name##_combine, vvault_##name##_serialize, \
	 vvault_##name##_deserialize, vvault_##name##_final, varlena}

static const Aggregate aggregates[] = {
	AGGREGATE(engagement, false),
	AGGREGATE(virality, false),
	AGGREGATE(viral_stats, true),
	AGGREGATE(auc, false),
	AGGREGATE(feed, true),
};

static Datum
call(PGFunction function, int nargs, const NullableDatum *args, bool *isnull)
{
	LOCAL_FCINFO(fcinfo, FUNC_MAX_ARGS);
	FmgrInfo	flinfo = {0};
	ReturnSetInfo rsinfo = {0};
	Datum		result;

	flinfo.fn_mcxt = CurrentMemoryContext;
	InitFunctionCallInfoData(*fcinfo, &flinfo, nargs, InvalidOid, NULL,
							 (Node *) &rsinfo);
	memcpy(fcinfo->args, args, nargs * sizeof(NullableDatum));
	result = function(fcinfo);
	*isnull = fcinfo->isnull;
	return result;
}

/*
 * A call whose arguments are all there.
 */
static Datum
call_strict(PGFunction function, int nargs, Datum a, Datum b, bool *isnull)
{
	NullableDatum args[2] = {{a, false}, {b, false}};

	return call(function, nargs, args, isnull);
}

static Datum
deserialize(const Aggregate *aggregate, bytea *bytes)
{
	bool		isnull;

	return call_strict(aggregate->deserialize, 2, PointerGetDatum(bytes),
					   (Datum) 0, &isnull);
}

static Datum
serialize(const Aggregate *aggregate, Datum state)
{
	bool		isnull;

	return call_strict(aggregate->serialize, 1, state, (Datum) 0, &isnull);
}

/*
 * What the final function says, as bytes; NULL for NULL.
 */
static bytea *
final(const Aggregate *aggregate, Datum state)
{
	bool		isnull;
	Datum		result = call_strict(aggregate->final, 1, state, (Datum) 0,
									 &isnull);

	if (isnull)
		return NULL;
	if (!aggregate->varlena)
		return make_bytea(&result, sizeof(result));
	read_varlena(result);
	return (bytea *) DatumGetPointer(result);
}

static void
require_equal(const bytea *a, const bytea *b)
{
	if ((a == NULL) != (b == NULL) ||
		(a != NULL && (VARSIZE(a) != VARSIZE(b) ||
					   memcmp(a, b, VARSIZE(a)) != 0)))
		abort();
}

/*
 * The first byte names the aggregate, the second where the first of two states
 * ends.
 */
static void
part_states(const uint8 *data, int size)
{
	const Aggregate *aggregate;
	NullableDatum both[2] = {{(Datum) 0, true}, {(Datum) 0, false}};
	bytea	   *copy;
	bool		isnull;
	int			split;

	if (size < 2)
		return;
	aggregate = &aggregates[data[0] % lengthof(aggregates)];
	split = (size - 2) * data[1] / 255;
	data += 2;
	size -= 2;

	both[1].value = deserialize(aggregate, make_bytea(data, split));
	both[0].value = call(aggregate->combine, 2, both, &isnull);
	both[0].isnull = isnull;
	if (size > split)
	{
		both[1].value = deserialize(aggregate,
									make_bytea(data + split, size - split));
		both[0].value = call(aggregate->combine, 2, both, &isnull);
	}
	copy = (bytea *) DatumGetPointer(serialize(aggregate, both[0].value));
	require_equal(final(aggregate, both[0].value),
				  final(aggregate, deserialize(aggregate, copy)));
}

/*
 * SQL has looked at the response before: it is JSON, though the parser of the
 * type is not the one that is tested.
 */
static void
part_response(const uint8 *data, int size)
{
	NullableDatum arg = {PointerGetDatum(make_bytea(data, size)), false};
	bool		isnull;

	(void) call(vvault_parse_chart, 1, &arg, &isnull);
}

/*
 * A cursor in whose place of a checksum the right one is put, so that the
 * bytes before it are read; and the bytes as they are.
 */
static void
part_cursor(const uint8 *data, int size)
{
	static const char *const sorts[] = {"views", "trending"};
	VvFeedCursor cursor;
	StringInfoData plain;
	pg_crc32c	crc;
	char	   *encoded;
	int			len;

	if (size > 300)
		return;
	for (int i = 0; i < (int) lengthof(sorts); i++)
		(void) vv_cursor_decode((text *) make_bytea(data, size), "PL",
								sorts[i], &cursor);

	initStringInfo(&plain);
	appendBinaryStringInfo(&plain, (const char *) data, size);
	INIT_CRC32C(crc);
	COMP_CRC32C(crc, plain.data, plain.len);
	FIN_CRC32C(crc);
	appendStringInfo(&plain, "|%08x", crc);
	encoded = palloc(pg_b64_enc_len(plain.len));
	len = pg_b64_encode((void *) plain.data, plain.len, encoded,
						pg_b64_enc_len(plain.len));
	while (len > 0 && encoded[len - 1] == '=')
		len--;
	for (int i = 0; i < len; i++)
		encoded[i] = encoded[i] == '+' ? '-' : encoded[i] == '/' ? '_' :
			encoded[i];
	for (int i = 0; i < (int) lengthof(sorts); i++)
	{
		if (!vv_cursor_decode((text *) make_bytea(encoded, len), "PL",
							  sorts[i], &cursor))
			continue;
		/* what was read can be written, and is what was read */
		encoded = vv_cursor_encode("PL", sorts[i], &cursor);
		if (strlen(encoded) != (size_t) len)
			abort();
	}
}

static void
part_headers(const uint8 *data, int size)
{
	StringInfoData identity;

	request_headers = pnstrdup((const char *) data, size);
	initStringInfo(&identity);
	appendStringInfoString(&identity, "vvault_trending(PL)");
	(void) vv_http_requested();
	(void) vv_http_not_modified(&identity, 60, "MISS", NULL);
	(void) vv_http_not_modified(&identity, 0, "BYPASS", "text/plain");
}

/*
 * What a reader of words gives: letters, digits and pictures that fit, and no
 * sign that an index is asked with.
 */
static void
require_word(const VvWord *word)
{
	if (word->len < 1 || word->len > VV_WORD_MAX ||
		word->other_len > VV_WORD_MAX ||
		strlen(word->text) != (size_t) word->len ||
		strlen(word->other) != (size_t) word->other_len ||
		strpbrk(word->text, "'\\\"#/+= ") != NULL ||
		strpbrk(word->other, "'\\\"#/+= ") != NULL ||
		pg_encoding_verifymbstr(PG_UTF8, word->text, word->len) != word->len)
		abort();
}

static void
require_words(const char *folded, int len)
{
	VvWordReader reader = {folded, folded, folded + len, false};
	VvWord		word;

	while (vv_next_word(&reader, &word))
		require_word(&word);
}

/*
 * Bytes as far as they are UTF-8, as all texts of the server are: as a title,
 * which may not be folded as well, and as a query.
 */
static void
part_search(const uint8 *data, int size)
{
	const char *str = (const char *) data;
	int			len = pg_encoding_verifymbstr(PG_UTF8, str, size);
	VvParsedQuery query = {0};
	StringInfoData folded;
	NullableDatum args[4] = {{(Datum) 0, false}, {(Datum) 0, false}, {(Datum) 0, false}, {Int32GetDatum(7), false}};
	bool		isnull;
	bool		address;

	initStringInfo(&folded);
	vv_fold_letters(&folded, str, len);
	if (pg_encoding_verifymbstr(PG_UTF8, folded.data, folded.len) != folded.len)
		abort();
	require_words(folded.data, folded.len);
	require_words(str, len);

	args[0].value = PointerGetDatum(cstring_to_text("PL"));
	args[2].value = PointerGetDatum(cstring_to_text(""));
	args[1].value = PointerGetDatum(make_bytea(folded.data, folded.len));
	read_varlena(call(vvault_search_document, 4, args, &isnull));
	args[1].value = PointerGetDatum(make_bytea(str, len));
	read_varlena(call(vvault_search_document, 4, args, &isnull));

	(void) vv_pasted_id(str, len, &address);
	if (len <= VV_QUERY_MAX_BYTES)
		vv_parse_query(folded.data, &query);
}

/*
 * What is said of a file is within its bytes, or it is said what is wrong.
 */
static void
part_head(const uint8 *data, int size)
{
	VvHead		head;

	if (vv_read_head(data, size, &head) != NULL)
		return;
	if (head.nsegments < 1 || head.timescale == 0 || head.kind == VV_TRACK_OTHER ||
		head.codec[0] == '\0' || strlen(head.codec) >= VV_CODEC_LEN ||
		head.init_size + head.index_size > (uint64) size ||
		head.first_offset < head.init_size + head.index_size)
		abort();
	for (int i = 0; i < head.nsegments; i++)
	{
		if (head.durations[i] < 1 || head.sizes[i] < 1)
			abort();
	}
}

/* The same bytes in base64url. */
static void
append_base64url(StringInfo out, const uint8 *data, int size)
{
	int			begins = out->len;
	int			room = pg_b64_enc_len(size) + 1;
	int			len;

	enlargeStringInfo(out, room);
	len = pg_b64_encode((const void *) data, size, out->data + begins, room);
	out->len += len;
	while (out->len > begins && out->data[out->len - 1] == '=')
		out->len--;
	for (int i = begins; i < out->len; i++)
	{
		if (out->data[i] == '+')
			out->data[i] = '-';
		else if (out->data[i] == '/')
			out->data[i] = '_';
	}
	out->data[out->len] = '\0';
}

/*
 * The first byte says whether the others are a token, or its header and, behind
 * a byte of 1, its claims. What is read stays within its bounds.
 */
static void
part_token(const uint8 *data, int size)
{
	VvToken		read;
	StringInfoData token;
	const uint8 *claims;

	if (size == 0)
		return;
	initStringInfo(&token);
	claims = memchr(data + 1, 1, size - 1);
	if (data[0] == 'T' || claims == NULL)
		appendBinaryStringInfo(&token, (const char *) data + 1, size - 1);
	else
	{
		append_base64url(&token, data + 1, claims - data - 1);
		appendStringInfoChar(&token, '.');
		append_base64url(&token, claims + 1, data + size - claims - 1);
		appendStringInfoString(&token, ".c2lnbmVk");
	}
	if (vv_read_token_header(token.data, token.len, &read) != NULL)
		return;
	if (read.signature_len > (int) sizeof(read.signature) || read.signed_len > token.len)
		abort();
	if (vv_read_token_claims(token.data, token.len, &read) == NULL &&
		(read.audience.n > VV_TOKEN_LISTED || read.most > VV_PERMIT_MANAGE))
		abort();
}

static void
part_encrypt(const uint8 *data, int size)
{
	fuzz_encrypt(data, size);
}

static void
part_samples(const uint8 *data, int size)
{
	fuzz_samples(data, size);
}

typedef void (*Part) (const uint8 *data, int size);

static Part part;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("PART");

	(void) argc;
	(void) argv;
	if (name != NULL && strcmp(name, "states") == 0)
		part = part_states;
	else if (name != NULL && strcmp(name, "response") == 0)
		part = part_response;
	else if (name != NULL && strcmp(name, "cursor") == 0)
		part = part_cursor;
	else if (name != NULL && strcmp(name, "headers") == 0)
		part = part_headers;
	else if (name != NULL && strcmp(name, "search") == 0)
		part = part_search;
	else if (name != NULL && strcmp(name, "head") == 0)
		part = part_head;
	else if (name != NULL && strcmp(name, "token") == 0)
		part = part_token;
	else if (name != NULL && strcmp(name, "encrypt") == 0)
		part = part_encrypt;
	else if (name != NULL && strcmp(name, "samples") == 0)
		part = part_samples;
	else
	{
		fprintf(stderr, "PART=states|response|cursor|headers|search|head|token|encrypt|samples\n");
		exit(2);
	}
	return 0;
}

/*
 * Whether a user may be told of an error: not of one that "cannot happen".
 */
static bool
error_expected(int sqlstate)
{
	return sqlstate == ERRCODE_INVALID_PARAMETER_VALUE ||
		sqlstate == ERRCODE_INVALID_BINARY_REPRESENTATION ||
		sqlstate == ERRCODE_PROTOCOL_VIOLATION ||
		sqlstate == ERRCODE_CHARACTER_NOT_IN_REPERTOIRE;
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	if (sigsetjmp(error_jump, 0) == 0)
		part(data, (int) size);
	else if (!error_expected(error_sqlstate))
		abort();
	free_everything();
	return 0;
}
