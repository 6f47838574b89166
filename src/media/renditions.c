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
#include "media/source.h"
#include "reply/rows.h"

PG_FUNCTION_INFO_V1(vvault_average_bitrate);
PG_FUNCTION_INFO_V1(vvault_peak_bitrate);
PG_FUNCTION_INFO_V1(vvault_media_seconds);

/*
 * What is read of a rendition. The first ones are all that playlists tell of,
 * and the first of the table, in its order: they need not be picked.
 */
enum
{
	COL_AVERAGE_BITRATE, COL_PEAK_BITRATE, COL_GENERATION, COL_WIDTH, COL_HEIGHT,
	COL_RATE_NUMERATOR, COL_RATE_DENOMINATOR, COL_IS_DEFAULT, COL_EARLY,
	COL_VIDEO_ID, COL_KIND, COL_NAME, COL_CODECS, COL_VIDEO_RANGE,
	COL_PROTECTION, COL_CHANNELS, COL_LANGUAGE, COL_LABEL, COL_KEY_ID, NTOLD,
	COL_OBJECT_KEY = NTOLD, COL_SAMPLE_ASPECT_WIDTH, COL_SAMPLE_ASPECT_HEIGHT,
	COL_SAMPLE_RATE, COL_TIMESCALE, COL_INIT_SIZE, COL_INDEX_SIZE, COL_SECONDS,
	NCOLUMNS
};

#define TOLD_COLUMNS \
	"average_bitrate", "peak_bitrate", "generation", "width", "height", \
	"frame_rate_numerator", "frame_rate_denominator", "is_default", "early", \
	"video_id", "kind", "name", "codecs", "video_range", "protection", \
	"channels", "language", "label", "key_id"

static VvKeyedRows told_rows = {
	.source = &vv_assets,
	.table = "renditions",
	.nkeys = 2,
	.key_types = {TEXTOID, INT4OID},
	.key = {"video_id", "generation", "name"},
	.any_order = true,
	.ncolumns = NTOLD,
	.columns = {TOLD_COLUMNS},
};

static VvKeyedRows whole_rows = {
	.source = &vv_assets,
	.table = "renditions",
	.nkeys = 2,
	.key_types = {TEXTOID, INT4OID},
	.key = {"video_id", "generation", "name"},
	.any_order = true,
	.ncolumns = NCOLUMNS,
	.columns = {TOLD_COLUMNS, "object_key", "sample_aspect_width",
		"sample_aspect_height", "sample_rate", "timescale", "init_size",
	"index_size", "seconds"},
};

static VvKeyedRows segments_row = {
	.source = &vv_assets,
	.table = "renditions",
	.nkeys = 3,
	.key_types = {TEXTOID, INT4OID, TEXTOID},
	.key = {"video_id", "generation", "name"},
	.ncolumns = 9,
	.columns = {"kind", "object_key", "timescale", "init_size",
	"first_offset", "durations", "sizes", "protection", "key_id"},
};

static VvQuery checksum_query = {
	.sql = "SELECT k.checksum FROM vvault_stream.content_keys k"
	" WHERE k.kid OPERATOR(pg_catalog.=) $1",
	.extension = "vvault_stream",
	.nargs = 1,
	.argtypes = {UUIDOID},
	.index_order = true,
};

typedef struct RenditionList
{
	MemoryContext context;
	bool		early;			/* those alone */
	bool		whole;			/* with what playlists do not tell */
	List	   *renditions;
	char	   *room;			/* for further ones */
	Size		left;
} RenditionList;

/* Room for some renditions at a time */
#define ROOM_LEN	2048

/* A text where it is stored; NULL is one without bytes */
typedef struct StoredText
{
	const char *bytes;
	int			len;
} StoredText;

/*
 * A rendition's kind by its first letter, but for text, which begins like
 * trick.
 */
static char
kind_of(Datum value)
{
	int			len;
	const char *kind = vv_text_bytes(value, &len);

	return kind[0] == 't' && kind[1] == 'e' ? VV_RENDITION_TEXT : kind[0];
}

/*
 * The name of an object in its folder: all objects of a generation lie in one.
 */
char *
vv_file_of(char *object_key)
{
	char	   *slash = strrchr(object_key, '/');

	return slash != NULL ? slash + 1 : object_key;
}

/* A column that may be NULL, which is 0. */
static int
int_of(const Datum *values, const bool *isnull, int i)
{
	return isnull[i] ? 0 : DatumGetInt32(values[i]);
}

/* Room for a rendition of so many bytes. */
static char *
take_room(RenditionList *list, Size size)
{
	char	   *room;

	size = MAXALIGN(size);
	if (size > list->left)
	{
		list->left = Max(size, ROOM_LEN);
		list->room = MemoryContextAlloc(list->context, list->left);
	}
	room = list->room;
	list->room += size;
	list->left -= size;
	return room;
}

/* The text of a column. */
static inline StoredText
stored_text(const Datum *values, const bool *isnull, int column)
{
	StoredText	stored = {0};

	if (!isnull[column])
		stored.bytes = vv_text_bytes(values[column], &stored.len);
	return stored;
}

/* Copies it to where there is room; returns the copy. */
static inline char *
copy_text(char **room, StoredText stored)
{
	char	   *copy = *room;

	if (stored.bytes == NULL)
		return NULL;
	memcpy(copy, stored.bytes, stored.len);
	copy[stored.len] = '\0';
	*room += stored.len + 1;
	return copy;
}

/*
 * A rendition with its texts, which are copied behind it, that of its object where
 * it is whole; all else is still to be set.
 */
static VvRendition *
new_rendition(RenditionList *list, const Datum *values, const bool *isnull)
{
	StoredText	name = stored_text(values, isnull, COL_NAME);
	StoredText	codecs = stored_text(values, isnull, COL_CODECS);
	StoredText	language = stored_text(values, isnull, COL_LANGUAGE);
	StoredText	label = stored_text(values, isnull, COL_LABEL);
	StoredText	file = {0};
	VvRendition *rendition;
	char	   *room;

	if (list->whole)
		file = stored_text(values, isnull, COL_OBJECT_KEY);
	rendition = (VvRendition *)
		take_room(list, sizeof(VvRendition) + name.len + codecs.len +
				  language.len + label.len + file.len + 5);
	room = (char *) (rendition + 1);
	rendition->name = copy_text(&room, name);
	rendition->codecs = copy_text(&room, codecs);
	rendition->language = copy_text(&room, language);
	rendition->label = copy_text(&room, label);
	rendition->file = copy_text(&room, file);
	return rendition;
}

/* What a rendition is encrypted under: its protection and the key's id. */
static void
keep_key(Datum protection, bool has_key, Datum key_id, VvMediaKey *key)
{
	int			len;

	memset(key, 0, sizeof(*key));
	key->protection = *vv_text_bytes(protection, &len);
	if (has_key)
		memcpy(key->kid, DatumGetUUIDP(key_id)->data, VV_KID_LEN);
}

/* The checksum that systems with licence servers of their own are told. */
static void
add_checksum(VvMediaKey *key)
{
	pg_uuid_t	kid;
	Datum		arg;
	VvRow		row;
	bytea	   *checksum;

	if (key->protection != VV_PROTECTION_STANDARD)
		return;
	memcpy(kid.data, key->kid, VV_KID_LEN);
	arg = UUIDPGetDatum(&kid);
	if (!vv_query_row(&checksum_query, &arg, &row) || row.isnull[0])
		return;
	checksum = DatumGetByteaPP(row.values[0]);
	key->has_checksum = VARSIZE_ANY_EXHDR(checksum) == VV_CHECKSUM_LEN;
	if (key->has_checksum)
		memcpy(key->checksum, VARDATA_ANY(checksum), VV_CHECKSUM_LEN);
}

/* A range of brightness, of which there are three. */
static const char *
range_of(Datum value)
{
	int			len;

	switch (*vv_text_bytes(value, &len))
	{
		case 'P':
			return "PQ";
		case 'H':
			return "HLG";
		default:
			return "SDR";
	}
}

/* What playlists do not tell, where it is read. */
static void
keep_rest(const Datum *values, const bool *isnull, bool whole,
		  VvRendition *rendition)
{
	if (!whole)
	{
		memset(&rendition->sample_rate, 0,
			   sizeof(VvRendition) - offsetof(VvRendition, sample_rate));
		return;
	}
	rendition->file = vv_file_of(rendition->file);
	rendition->sample_aspect_width = DatumGetInt32(values[COL_SAMPLE_ASPECT_WIDTH]);
	rendition->sample_aspect_height = DatumGetInt32(values[COL_SAMPLE_ASPECT_HEIGHT]);
	rendition->sample_rate = int_of(values, isnull, COL_SAMPLE_RATE);
	rendition->timescale = DatumGetInt64(values[COL_TIMESCALE]);
	rendition->init_size = DatumGetInt64(values[COL_INIT_SIZE]);
	rendition->index_size = DatumGetInt64(values[COL_INDEX_SIZE]);
	rendition->seconds = DatumGetFloat8(values[COL_SECONDS]);
}

/* What is read, as the struct that others see. */
static VvRendition *
make_rendition(RenditionList *list, const Datum *values, const bool *isnull)
{
	VvRendition *rendition = new_rendition(list, values, isnull);

	rendition->kind = kind_of(values[COL_KIND]);
	rendition->video_range = range_of(values[COL_VIDEO_RANGE]);
	rendition->is_default = DatumGetBool(values[COL_IS_DEFAULT]);
	rendition->average_bitrate = DatumGetInt64(values[COL_AVERAGE_BITRATE]);
	rendition->peak_bitrate = DatumGetInt64(values[COL_PEAK_BITRATE]);
	rendition->width = int_of(values, isnull, COL_WIDTH);
	rendition->height = int_of(values, isnull, COL_HEIGHT);
	rendition->rate_numerator = int_of(values, isnull, COL_RATE_NUMERATOR);
	rendition->rate_denominator = int_of(values, isnull, COL_RATE_DENOMINATOR);
	rendition->channels = int_of(values, isnull, COL_CHANNELS);
	keep_key(values[COL_PROTECTION], !isnull[COL_KEY_ID], values[COL_KEY_ID],
			 &rendition->key);
	keep_rest(values, isnull, list->whole, rendition);
	return rendition;
}

/* By kind, codec, bit rate and name. */
static int
compare_renditions(const VvRendition *a, const VvRendition *b)
{
	int			order;

	if (a->kind != b->kind)
		return a->kind - b->kind;
	order = strcmp(a->codecs, b->codecs);
	if (order == 0 && a->peak_bitrate != b->peak_bitrate)
		order = a->peak_bitrate < b->peak_bitrate ? -1 : 1;
	return order != 0 ? order : strcmp(a->name, b->name);
}

/* Puts a rendition, of which there are few, into its place among those so far. */
static void
insert_rendition(List *renditions, VvRendition *rendition)
{
	int			at = list_length(renditions) - 1;

	while (at > 0 && compare_renditions((VvRendition *) list_nth(renditions, at - 1),
										rendition) > 0)
	{
		lfirst(list_nth_cell(renditions, at)) = list_nth(renditions, at - 1);
		at--;
	}
	lfirst(list_nth_cell(renditions, at)) = rendition;
}

/* A row of whole_rows, or of told_rows. */
static bool
keep_rendition(const Datum *values, const bool *isnull, void *arg)
{
	RenditionList *list = (RenditionList *) arg;
	MemoryContext old;

	if (list->early && !DatumGetBool(values[COL_EARLY]))
		return true;
	old = MemoryContextSwitchTo(list->context);
	list->renditions = lappend(list->renditions, NULL);
	insert_rendition(list->renditions, make_rendition(list, values, isnull));
	MemoryContextSwitchTo(old);
	return true;
}

/*
 * The renditions of a video's generation, or those of them that play early, by
 * kind, codec and bit rate; NIL where there are none. What playlists do not tell
 * is read where they are to be whole.
 */
List *
vv_read_renditions(text *video_id, int generation, bool early, bool whole)
{
	RenditionList list = {.context = CurrentMemoryContext, .early = early, .whole = whole};
	Datum		keys[2] = {PointerGetDatum(video_id), Int32GetDatum(generation)};
	ListCell   *cell;

	(void) vv_read_rows(whole ? &whole_rows : &told_rows, keys, keep_rendition, &list);
	foreach(cell, list.renditions)
		add_checksum(&((VvRendition *) lfirst(cell))->key);
	return list.renditions;
}

typedef struct SegmentsTaker
{
	MemoryContext context;
	VvSegments *segments;
} SegmentsTaker;

/* The row of segments_row. */
static bool
take_segments(const Datum *values, const bool *isnull, void *arg)
{
	SegmentsTaker *taker = (SegmentsTaker *) arg;
	VvSegments *segments = taker->segments;
	MemoryContext old = MemoryContextSwitchTo(taker->context);
	ArrayType  *durations = DatumGetArrayTypePCopy(values[5]);
	ArrayType  *sizes = DatumGetArrayTypePCopy(values[6]);

	segments->kind = kind_of(values[0]);
	segments->file = vv_file_of(TextDatumGetCString(values[1]));
	segments->timescale = DatumGetInt64(values[2]);
	segments->init_size = DatumGetInt64(values[3]);
	segments->first_offset = DatumGetInt64(values[4]);
	segments->n = ArrayGetNItems(ARR_NDIM(durations), ARR_DIMS(durations));
	segments->durations = (const int32 *) ARR_DATA_PTR(durations);
	segments->sizes = (const int32 *) ARR_DATA_PTR(sizes);
	keep_key(values[7], !isnull[8], values[8], &segments->key);
	MemoryContextSwitchTo(old);
	return false;
}

/*
 * The segments of a rendition of a generation; false where there is none of that
 * name.
 */
bool
vv_read_segments(text *video_id, int generation, text *name,
				 VvSegments *segments)
{
	SegmentsTaker taker = {CurrentMemoryContext, segments};
	Datum		keys[3] = {PointerGetDatum(video_id), Int32GetDatum(generation), PointerGetDatum(name)};

	if (vv_read_rows(&segments_row, keys, take_segments, &taker) == 0)
		return false;
	add_checksum(&segments->key);
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
