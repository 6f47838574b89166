/*-------------------------------------------------------------------------
 *
 * renditions.c
 *		The renditions of a video: what manifests tell of them, and their bit
 *		rates out of their segments.
 *
 *-------------------------------------------------------------------------
 */
#include "media/renditions.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "core/query.h"

PG_FUNCTION_INFO_V1(vvault_average_bitrate);
PG_FUNCTION_INFO_V1(vvault_peak_bitrate);
PG_FUNCTION_INFO_V1(vvault_media_seconds);

/*
 * Of one generation, or where that is 0 of the one that is shown; what is being
 * deleted is not.
 */
#define FROM_SHOWN_RENDITIONS \
	" FROM vvault_stream.assets a JOIN vvault_stream.renditions r" \
	" ON r.video_id OPERATOR(pg_catalog.=) a.video_id" \
	" AND r.generation OPERATOR(pg_catalog.=)" \
	" CASE WHEN $2 OPERATOR(pg_catalog.=) 0 THEN a.generation ELSE $2 END" \
	" WHERE a.video_id OPERATOR(pg_catalog.=) $1" \
	" AND a.state OPERATOR(pg_catalog.<>) ALL ('{deleting,deleted}'::pg_catalog.text[])"

/* The columns that keep_key() reads. */
#define KEY_COLUMNS \
	"r.protection, r.key_id, CASE r.protection WHEN 'standard' THEN" \
	" (SELECT k.checksum FROM vvault_stream.content_keys k" \
	" WHERE k.kid OPERATOR(pg_catalog.=) r.key_id) END"

static VvQuery list_query = {
	.sql = "SELECT r.kind, r.name, r.object_key, r.codecs, r.width, r.height,"
	" r.sample_aspect_width, r.sample_aspect_height, r.frame_rate_numerator,"
	" r.frame_rate_denominator, r.video_range, r.channels, r.sample_rate,"
	" r.language, r.label, r.is_default, r.average_bitrate, r.peak_bitrate,"
	" r.timescale, r.init_size, r.index_size, r.seconds, " KEY_COLUMNS
	FROM_SHOWN_RENDITIONS
	" AND (r.early OR NOT $3)"
	" ORDER BY r.kind, r.codecs, r.peak_bitrate, r.name",
	.extension = "vvault_stream",
	.nargs = 3,
	.argtypes = {TEXTOID, INT4OID, BOOLOID},
	.index_probes = true,
};

static VvQuery segments_query = {
	.sql = "SELECT r.kind, r.object_key, r.timescale, r.init_size,"
	" r.first_offset, r.durations, r.sizes, " KEY_COLUMNS
	FROM_SHOWN_RENDITIONS
	" AND r.name OPERATOR(pg_catalog.=) $3",
	.extension = "vvault_stream",
	.nargs = 3,
	.argtypes = {TEXTOID, INT4OID, TEXTOID},
	.index_probes = true,
};

typedef struct RenditionList
{
	MemoryContext context;
	List	   *renditions;
} RenditionList;

/*
 * A rendition's kind by its first letter, but for text, which begins like
 * trick.
 */
static char
kind_of(Datum value)
{
	char	   *kind = TextDatumGetCString(value);

	return strcmp(kind, "text") == 0 ? VV_RENDITION_TEXT : kind[0];
}

/* All objects of a generation lie in one folder. */
static char *
file_of(Datum object_key)
{
	char	   *key = TextDatumGetCString(object_key);
	char	   *slash = strrchr(key, '/');

	return slash != NULL ? slash + 1 : key;
}

/* A column that may be NULL, which is 0. */
static int
int_of(const Datum *values, const bool *isnull, int i)
{
	return isnull[i] ? 0 : DatumGetInt32(values[i]);
}

/* A column that may be NULL. */
static char *
text_of(const Datum *values, const bool *isnull, int i)
{
	return isnull[i] ? NULL : TextDatumGetCString(values[i]);
}

/* What a rendition is encrypted under, out of KEY_COLUMNS. */
static void
keep_key(const Datum *values, const bool *isnull, VvMediaKey *key)
{
	memset(key, 0, sizeof(*key));
	key->protection = *TextDatumGetCString(values[0]);
	if (!isnull[1])
		memcpy(key->kid, DatumGetUUIDP(values[1])->data, VV_KID_LEN);
	key->has_checksum = !isnull[2] &&
		VARSIZE_ANY_EXHDR(DatumGetPointer(values[2])) == VV_CHECKSUM_LEN;
	if (key->has_checksum)
		memcpy(key->checksum, VARDATA_ANY(DatumGetPointer(values[2])), VV_CHECKSUM_LEN);
}

/* The columns of the query for renditions, in their order. */
static bool
keep_rendition(const Datum *values, const bool *isnull, void *arg)
{
	RenditionList *list = (RenditionList *) arg;
	MemoryContext old = MemoryContextSwitchTo(list->context);
	VvRendition *rendition = palloc0(sizeof(VvRendition));
	int			i = 0;

	rendition->kind = kind_of(values[i++]);
	rendition->name = TextDatumGetCString(values[i++]);
	rendition->file = file_of(values[i++]);
	rendition->codecs = TextDatumGetCString(values[i++]);
	rendition->width = int_of(values, isnull, i++);
	rendition->height = int_of(values, isnull, i++);
	rendition->sample_aspect_width = int_of(values, isnull, i++);
	rendition->sample_aspect_height = int_of(values, isnull, i++);
	rendition->rate_numerator = int_of(values, isnull, i++);
	rendition->rate_denominator = int_of(values, isnull, i++);
	rendition->video_range = text_of(values, isnull, i++);
	rendition->channels = int_of(values, isnull, i++);
	rendition->sample_rate = int_of(values, isnull, i++);
	rendition->language = text_of(values, isnull, i++);
	rendition->label = text_of(values, isnull, i++);
	rendition->is_default = DatumGetBool(values[i++]);
	rendition->average_bitrate = DatumGetInt64(values[i++]);
	rendition->peak_bitrate = DatumGetInt64(values[i++]);
	rendition->timescale = DatumGetInt64(values[i++]);
	rendition->init_size = DatumGetInt64(values[i++]);
	rendition->index_size = DatumGetInt64(values[i++]);
	rendition->seconds = DatumGetFloat8(values[i++]);
	keep_key(values + i, isnull + i, &rendition->key);
	list->renditions = lappend(list->renditions, rendition);
	MemoryContextSwitchTo(old);
	return true;
}

/*
 * The renditions of a video's generation (0: the one that is shown), or those
 * of them that play early, by kind, codec and bit rate; NIL where there are
 * none. The caller is connected to SPI.
 */
List *
vv_read_renditions(text *video_id, int generation, bool early)
{
	RenditionList list = {CurrentMemoryContext, NIL};
	Datum		args[3] = {PointerGetDatum(video_id), Int32GetDatum(generation), BoolGetDatum(early)};

	(void) vv_query_run(&list_query, args, 0, keep_rendition, &list);
	return list.renditions;
}

/*
 * The segments of a rendition of a generation (0: the one that is shown); false
 * where there is none of that name.
 */
bool
vv_read_segments(text *video_id, int generation, text *name,
				 VvSegments *segments)
{
	Datum		args[3] = {PointerGetDatum(video_id), Int32GetDatum(generation), PointerGetDatum(name)};
	ArrayType  *durations;
	ArrayType  *sizes;
	VvRow		row;

	if (!vv_query_row(&segments_query, args, &row))
		return false;
	durations = DatumGetArrayTypeP(row.values[5]);
	sizes = DatumGetArrayTypeP(row.values[6]);
	segments->kind = kind_of(row.values[0]);
	segments->file = file_of(row.values[1]);
	segments->timescale = DatumGetInt64(row.values[2]);
	segments->init_size = DatumGetInt64(row.values[3]);
	segments->first_offset = DatumGetInt64(row.values[4]);
	segments->n = ArrayGetNItems(ARR_NDIM(durations), ARR_DIMS(durations));
	segments->durations = (const int32 *) ARR_DATA_PTR(durations);
	segments->sizes = (const int32 *) ARR_DATA_PTR(sizes);
	keep_key(row.values + 7, row.isnull + 7, &segments->key);
	return true;
}

/*
 * Frames a second, 0 where unknown.
 */
double
vv_frame_rate(const VvRendition *rendition)
{
	return rendition->rate_denominator == 0 ? 0 :
		(double) rendition->rate_numerator / rendition->rate_denominator;
}

/*
 * Whether it is H.264, which every device plays.
 */
bool
vv_is_avc(const VvRendition *rendition)
{
	return strncmp(rendition->codecs, "avc", 3) == 0;
}

/*
 * Whether two renditions are encrypted under the same key, or neither is.
 */
bool
vv_same_key(const VvMediaKey *a, const VvMediaKey *b)
{
	return a->protection == b->protection && memcmp(a->kid, b->kid, VV_KID_LEN) == 0;
}

/*
 * Bit rates
 */

/* The first three arguments: timescale, durations and sizes of segments. */
static VvSegments
get_segments(FunctionCallInfo fcinfo)
{
	ArrayType  *durations = PG_GETARG_ARRAYTYPE_P(1);
	ArrayType  *sizes = PG_GETARG_ARRAYTYPE_P(2);
	VvSegments	segments = {0};

	segments.timescale = PG_GETARG_INT64(0);
	segments.n = ArrayGetNItems(ARR_NDIM(durations), ARR_DIMS(durations));
	if (segments.timescale < 1 || segments.n < 1 || ARR_NDIM(durations) != 1 ||
		ARR_NDIM(sizes) != 1 || ARR_HASNULL(durations) || ARR_HASNULL(sizes) ||
		segments.n != ArrayGetNItems(ARR_NDIM(sizes), ARR_DIMS(sizes)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid segments"),
				 errhint("There are as many durations as sizes, one at least, and none is NULL; the timescale is 1 or more.")));
	segments.durations = (const int32 *) ARR_DATA_PTR(durations);
	segments.sizes = (const int32 *) ARR_DATA_PTR(sizes);
	for (int i = 0; i < segments.n; i++)
	{
		if (segments.durations[i] < 1 || segments.sizes[i] < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid segments"),
					 errhint("Durations and sizes are 1 or more.")));
	}
	return segments;
}

/* Bits per second, rounded up; a segment may last no time to speak of. */
static int64
bitrate(const VvSegments *segments, int64 bytes, int64 duration)
{
	double		bits = (double) bytes * 8 * segments->timescale / duration;

	return bits < 9e18 ? (int64) ceil(bits) : PG_INT64_MAX;
}

/*
 * vvault_stream.average_bitrate(timescale bigint, durations integer[],
 *		sizes integer[]) returns bigint
 *
 * Bits a second of all segments. 22023 for segments that cannot be. STRICT.
 */
Datum
vvault_average_bitrate(PG_FUNCTION_ARGS)
{
	VvSegments	segments = get_segments(fcinfo);
	int64		bytes = 0;
	int64		duration = 0;

	for (int i = 0; i < segments.n; i++)
	{
		bytes += segments.sizes[i];
		duration += segments.durations[i];
	}
	PG_RETURN_INT64(bitrate(&segments, bytes, duration));
}

/*
 * vvault_stream.peak_bitrate(timescale bigint, durations integer[],
 *		sizes integer[]) returns bigint
 *
 * The largest bits a second of any segments in a row that together last from
 * half to one and a half of the longest (RFC 8216, 4.1). 22023 for segments that cannot be. STRICT.
 */
Datum
vvault_peak_bitrate(PG_FUNCTION_ARGS)
{
	VvSegments	segments = get_segments(fcinfo);
	int64		longest = 0;
	int64		peak = 0;

	for (int i = 0; i < segments.n; i++)
		longest = Max(longest, segments.durations[i]);
	for (int i = 0; i < segments.n; i++)
	{
		int64		bytes = 0;
		int64		duration = 0;

		for (int j = i; j < segments.n; j++)
		{
			bytes += segments.sizes[j];
			duration += segments.durations[j];
			if (duration * 2 > longest * 3)
				break;
			if (duration * 2 >= longest)
				peak = Max(peak, bitrate(&segments, bytes, duration));
		}
	}
	PG_RETURN_INT64(peak);
}

/*
 * vvault_stream.media_seconds(timescale bigint, durations integer[],
 *		sizes integer[]) returns double precision
 *
 * How long the segments last together, in seconds. 22023 for segments that
 * cannot be. STRICT.
 */
Datum
vvault_media_seconds(PG_FUNCTION_ARGS)
{
	VvSegments	segments = get_segments(fcinfo);
	int64		duration = 0;

	for (int i = 0; i < segments.n; i++)
		duration += segments.durations[i];
	PG_RETURN_FLOAT8((double) duration / segments.timescale);
}
