/*-------------------------------------------------------------------------
 *
 * server.c
 *		What the parts that read untrusted bytes call of the server, for a
 *		program without one: see parts.c.
 *
 * Memory is malloc's, chunk by chunk, so that AddressSanitizer sees the end of
 * each; a context is the list of its chunks. An error jumps back to the
 * program. What is simple is written here anew; PostgreSQL's JSON parser,
 * base64, checksums and hashes are linked from its libpgcommon and libpgport.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <setjmp.h>
#include <signal.h>

#include "access/htup_details.h"
#include "common/jsonapi.h"
#include "common/unicode_norm.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "nodes/execnodes.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/memutils.h"

#include "core/same_version.h"
#include "server.h"

typedef struct Chunk
{
	void	   *memory;
	MemoryContext context;
} Chunk;

static MemoryContextData top_context;
MemoryContext CurrentMemoryContext = &top_context;
volatile sig_atomic_t InterruptPending = false;

static Chunk *chunks = NULL;
static int	nchunks = 0;
static int	maxchunks = 0;

/*
 * Functions whose arguments are const in some versions and not in others are
 * defined under the name that the linker knows.
 */
extern void send_bytes(StringInfo buf, const char *data, int datalen) __asm__("pq_sendbytes");
extern void put_values(void *state, TupleDesc tdesc, const Datum *values,
					   const bool *isnull) __asm__("tuplestore_putvalues");
extern HeapTuple form_tuple(TupleDesc tupleDescriptor, const Datum *values,
							const bool *isnull) __asm__("heap_form_tuple");

sigjmp_buf	error_jump;
int			error_sqlstate;
char	   *request_headers = NULL;

/*
 * Memory
 */

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	if (!AllocHugeSizeIsValid(size))
		abort();
	if (nchunks == maxchunks)
	{
		maxchunks = maxchunks * 2 + 64;
		chunks = realloc(chunks, maxchunks * sizeof(Chunk));
	}
	chunks[nchunks].memory = malloc(size);
	chunks[nchunks].context = context;
	return chunks[nchunks++].memory;
}

void *
MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return MemoryContextAlloc(context, size);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return memset(MemoryContextAlloc(context, size), 0, size);
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return (flags & MCXT_ALLOC_ZERO) != 0 ?
		MemoryContextAllocZero(context, size) :
		MemoryContextAlloc(context, size);
}

void *
palloc(Size size)
{
	return MemoryContextAlloc(CurrentMemoryContext, size);
}

void *
palloc0(Size size)
{
	return MemoryContextAllocZero(CurrentMemoryContext, size);
}

void *
palloc_extended(Size size, int flags)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, size, flags);
}

/*
 * Where the list has a chunk; most are young.
 */
static int
chunk_index(void *memory)
{
	for (int i = nchunks - 1; i >= 0; i--)
	{
		if (chunks[i].memory == memory)
			return i;
	}
	abort();
}

void *
repalloc(void *memory, Size size)
{
	int			i = chunk_index(memory);

	chunks[i].memory = realloc(memory, size);
	return chunks[i].memory;
}

void *
repalloc_huge(void *memory, Size size)
{
	return repalloc(memory, size);
}

void
pfree(void *memory)
{
	int			i = chunk_index(memory);

	free(memory);
	chunks[i] = chunks[--nchunks];
}

void
MemoryContextReset(MemoryContext context)
{
	int			kept = 0;

	for (int i = 0; i < nchunks; i++)
	{
		if (chunks[i].context == context)
			free(chunks[i].memory);
		else
			chunks[kept++] = chunks[i];
	}
	nchunks = kept;
}

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name,
							  Size minContextSize, Size initBlockSize,
							  Size maxBlockSize)
{
	return MemoryContextAllocZero(parent, sizeof(MemoryContextData));
}

/*
 * Whatever is left, of every context.
 */
void
free_everything(void)
{
	while (nchunks > 0)
		free(chunks[--nchunks].memory);
	CurrentMemoryContext = &top_context;
}

/* exactly as long as it is, without a zero behind it */
static void *
make_varlena(const char *bytes, int len)
{
	struct varlena *result = palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	memcpy(VARDATA(result), bytes, len);
	return result;
}

bytea *
make_bytea(const void *bytes, int len)
{
	return make_varlena(bytes, len);
}

text *
cstring_to_text_with_len(const char *s, int len)
{
	return make_varlena(s, len);
}

text *
cstring_to_text(const char *s)
{
	return make_varlena(s, strlen(s));
}

char *
pstrdup(const char *in)
{
	return strcpy(palloc(strlen(in) + 1), in);
}

char *
pnstrdup(const char *in, Size len)
{
	char	   *copy = palloc(strnlen(in, len) + 1);

	len = strnlen(in, len);
	memcpy(copy, in, len);
	copy[len] = '\0';
	return copy;
}

struct varlena *
pg_detoast_datum(struct varlena *datum)
{
	return datum;
}

struct varlena *
pg_detoast_datum_packed(struct varlena *datum)
{
	return datum;
}

/*
 * Errors
 */

/* Make the text, so that what it is made of is read, and forget it. */
static void
read_format(const char *format, va_list args)
{
	char		text[64];

	(void) vsnprintf(text, sizeof(text), format, args);
}

#define MESSAGE_FUNCTION(name) \
int \
name(const char *fmt,...) \
{ \
	va_list		args; \
\
	va_start(args, fmt); \
	read_format(fmt, args); \
	va_end(args); \
	return 0; \
}

MESSAGE_FUNCTION(errmsg)
MESSAGE_FUNCTION(errmsg_internal)
MESSAGE_FUNCTION(errdetail)
MESSAGE_FUNCTION(errhint)

bool
errstart(int elevel, const char *domain)
{
	error_sqlstate = ERRCODE_INTERNAL_ERROR;
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

int
errcode(int sqlerrcode)
{
	error_sqlstate = sqlerrcode;
	return 0;
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	siglongjmp(error_jump, 1);
}

static void
raise_error(int sqlstate)
{
	error_sqlstate = sqlstate;
	siglongjmp(error_jump, 1);
}

void
ProcessInterrupts(void)
{
}

void
vv_require_same_version(const char *extension)
{
	(void) extension;
}

/*
 * Aggregates, and messages as they are serialized
 */

int
AggCheckCallContext(FunctionCallInfo fcinfo, MemoryContext *aggcontext)
{
	*aggcontext = &top_context;
	return AGG_CONTEXT_AGGREGATE;
}

void
pq_begintypsend(StringInfo buf)
{
	initStringInfo(buf);
	appendStringInfoString(buf, "size");
}

bytea *
pq_endtypsend(StringInfo buf)
{
	return make_varlena(buf->data + VARHDRSZ, buf->len - VARHDRSZ);
}

void
send_bytes(StringInfo buf, const char *data, int datalen)
{
	appendBinaryStringInfo(buf, data, datalen);
}

void
pq_sendfloat8(StringInfo buf, float8 f)
{
	uint64		bits;

	memcpy(&bits, &f, sizeof(bits));
	pq_sendint64(buf, bits);
}

const char *
pq_getmsgbytes(StringInfo msg, int datalen)
{
	const char *result = msg->data + msg->cursor;

	if (datalen < 0 || datalen > msg->len - msg->cursor)
		raise_error(ERRCODE_PROTOCOL_VIOLATION);
	msg->cursor += datalen;
	return result;
}

static uint64
network_bytes(StringInfo msg, int n)
{
	const unsigned char *bytes = (const unsigned char *) pq_getmsgbytes(msg, n);
	uint64		value = 0;

	while (n-- > 0)
		value = value << 8 | *bytes++;
	return value;
}

int
pq_getmsgbyte(StringInfo msg)
{
	return (int) network_bytes(msg, 1);
}

unsigned int
pq_getmsgint(StringInfo msg, int b)
{
	return (unsigned int) network_bytes(msg, b);
}

int64
pq_getmsgint64(StringInfo msg)
{
	return (int64) network_bytes(msg, 8);
}

float8
pq_getmsgfloat8(StringInfo msg)
{
	uint64		bits = network_bytes(msg, 8);
	float8		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

void
pq_getmsgend(StringInfo msg)
{
	if (msg->cursor != msg->len)
		raise_error(ERRCODE_PROTOCOL_VIOLATION);
}

/*
 * Text
 */

bool
pg_verifymbstr(const char *mbstr, int len, bool noError)
{
	if (pg_encoding_verifymbstr(PG_UTF8, mbstr, len) != len)
		raise_error(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE);
	return true;
}

bool
pg_verify_mbstr(int encoding, const char *mbstr, int len, bool noError)
{
	if (!noError)
		return pg_verifymbstr(mbstr, len, false);
	return pg_encoding_verifymbstr(encoding, mbstr, len) == len;
}

int
pg_mbcliplen(const char *mbstr, int len, int limit)
{
	int			clipped = 0;

	while (clipped < len && mbstr[clipped] != '\0')
	{
		int			next = pg_encoding_mblen(PG_UTF8, mbstr + clipped);

		if (clipped + next > limit)
			break;
		clipped += next;
	}
	return clipped;
}

int
pg_mbcharcliplen(const char *mbstr, int len, int limit)
{
	int			clipped = 0;

	while (clipped < len && mbstr[clipped] != '\0' && limit-- > 0)
		clipped += Min(pg_encoding_mblen(PG_UTF8, mbstr + clipped),
					   len - clipped);
	return clipped;
}

int
pg_mbstrlen_with_len(const char *mbstr, int len)
{
	int			n = 0;

	for (int i = 0; i < len; n++)
		i += pg_encoding_mblen(PG_UTF8, mbstr + i);
	return n;
}

int
pg_mb2wchar_with_len(const char *from, pg_wchar *to, int len)
{
	int			n = 0;

	for (int i = 0; i < len; n++)
	{
		to[n] = utf8_to_unicode((const unsigned char *) from + i);
		i += pg_utf_mblen((const unsigned char *) from + i);
	}
	to[n] = 0;
	return n;
}

/* The library's normalizes without asking first. */
UnicodeNormalizationQC
unicode_is_normalized_quickcheck(UnicodeNormalizationForm form,
								 const pg_wchar *input)
{
	return UNICODE_NORM_QC_MAYBE;
}

char *
text_to_cstring(const text * t)
{
	return pnstrdup(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
}

/*
 * Lists, which never shrink here
 */

List *
lappend(List *list, void *datum)
{
	if (list == NIL)
	{
		list = palloc0(sizeof(List));
		list->type = T_List;
	}
	if (list->length == list->max_length)
	{
		list->max_length = list->max_length * 2 + 4;
		list->elements = list->elements == NULL ?
			palloc(list->max_length * sizeof(ListCell)) :
			repalloc(list->elements, list->max_length * sizeof(ListCell));
	}
	list->elements[list->length++].ptr_value = datum;
	return list;
}

List *
list_make1_impl(NodeTag t, ListCell datum1)
{
	return lappend(NIL, datum1.ptr_value);
}

/*
 * Only the server's own parser could say more before 17, whose libpgcommon has
 * a function of this name for programs, too.
 */
__attribute__((weak))
char *
json_errdetail(JsonParseErrorType error, JsonLexContext *lex)
{
	(void) error;
	(void) lex;
	return pstrdup("a detail");
}

/*
 * Dates: the number of a day, and how many days a month has
 */

const int	day_tab[2][13] =
{
	{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0},
	{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0}
};

int
date2j(int year, int month, int day)
{
	int			days = 1721060 + 365 * year;

	if (year > 0)
		days += (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1;
	for (int m = 1; m < month; m++)
		days += day_tab[isleap(year)][m - 1];
	return days + day - 1;
}

/*
 * Results: every byte of them is read
 */

static volatile unsigned char seen;

static void
read_bytes(const void *memory, Size len)
{
	for (Size i = 0; i < len; i++)
		seen ^= ((const unsigned char *) memory)[i];
}

void
read_varlena(Datum value)
{
	read_bytes(DatumGetPointer(value), VARSIZE_ANY(DatumGetPointer(value)));
}

void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
}

/* chart_item: columns that are neither numbers nor instants */
void
put_values(void *state, TupleDesc tdesc, const Datum *values,
		   const bool *isnull)
{
	static const int texts[] = {1, 2, 3, 4, 6, 7, 9, 15, 16};

	for (int i = 0; i < (int) lengthof(texts); i++)
	{
		if (!isnull[texts[i]])
			read_varlena(values[texts[i]]);
	}
}

ArrayBuildState *
accumArrayResult(ArrayBuildState *astate, Datum dvalue, bool disnull,
				 Oid element_type, MemoryContext rcontext)
{
	read_varlena(dvalue);
	return astate != NULL ? astate : MemoryContextAlloc(rcontext, 1);
}

Datum
makeArrayResult(ArrayBuildState *astate, MemoryContext rcontext)
{
	read_bytes(astate, 1);
	return PointerGetDatum(NULL);
}

ArrayType *
construct_empty_array(Oid elmtype)
{
	return NULL;
}

/* the row of vvault_viral_stats: its figures are returned as bytes */
TypeFuncClass
get_call_result_type(FunctionCallInfo fcinfo, Oid *resultTypeId,
					 TupleDesc *resultTupleDesc)
{
	static struct TupleDescData four = {.natts = 4};

	*resultTupleDesc = &four;
	return TYPEFUNC_COMPOSITE;
}

TupleDesc
BlessTupleDesc(TupleDesc tupdesc)
{
	return tupdesc;
}

HeapTuple
form_tuple(TupleDesc tupleDescriptor, const Datum *values,
		   const bool *isnull)
{
	HeapTuple	tuple = palloc(sizeof(HeapTupleData));
	StringInfoData row;

	initStringInfo(&row);
	for (int i = 0; i < 4; i++)
		appendStringInfo(&row, "%llx|", isnull[i] ? 0ULL :
						 (unsigned long long) values[i]);
	tuple->t_data = make_varlena(row.data, row.len);
	return tuple;
}

Datum
HeapTupleHeaderGetDatum(HeapTupleHeader tuple)
{
	return PointerGetDatum(tuple);
}

/*
 * Settings
 */

const char *
GetConfigOption(const char *name, bool missing_ok, bool restrict_privileged)
{
	return request_headers;
}

#if PG_VERSION_NUM < 160000
int
GetNumConfigOptions(void)
{
	return 1;
}

char *
GetConfigOptionByName(const char *name, const char **varname, bool missing_ok)
{
	return request_headers;
}
#endif

int
set_config_option(const char *name, const char *value, GucContext context,
				  GucSource source, GucAction action, bool changeVal,
				  int elevel, bool is_reload)
{
	read_bytes(value, strlen(value));
	return 1;
}
