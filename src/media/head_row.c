/*-------------------------------------------------------------------------
 *
 * head_row.c
 *		What the head of a media file says, as a row.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "media/head.h"

PG_FUNCTION_INFO_V1(vvault_media_head);

/* An array of SQL. */
static Datum
int_array(const int32 *values, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		elements[i] = Int32GetDatum(values[i]);
	return PointerGetDatum(construct_array(elements, n, INT4OID, 4, true,
										   TYPALIGN_INT));
}

/* Error if the segments do not fit into the file. */
static void
check_sizes(const VvHead *head, int64 file_size)
{
	uint64		end = head->first_offset;

	for (int i = 0; i < head->nsegments; i++)
		end += head->sizes[i];
	/* an index of the whole file may follow, which nobody needs */
	if (end > (uint64) file_size)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid media head"),
				 errdetail("The segments end at byte " UINT64_FORMAT ", the file at byte " INT64_FORMAT ".",
						   end, file_size),
				 errhint("Send the head and the size of one whole file.")));
}

/* As a rendition's column says it. */
static const char *
kind_name(VvTrackKind kind)
{
	return kind == VV_TRACK_VIDEO ? "video" :
		kind == VV_TRACK_AUDIO ? "audio" : "text";
}

#define HEAD_COLUMNS	19

/*
 * The columns of the result, in their order; what the kind of track has not
 * is NULL.
 */
static void
fill_columns(const VvHead *head, Datum *values, bool *nulls)
{
	bool		video = head->kind == VV_TRACK_VIDEO;
	bool		audio = head->kind == VV_TRACK_AUDIO;
	int			n = 0;

	values[n++] = CStringGetTextDatum(kind_name(head->kind));
	values[n++] = CStringGetTextDatum(head->codec);
	values[n++] = CStringGetTextDatum(head->language);
	nulls[n] = !video;
	values[n++] = Int32GetDatum(head->width);
	nulls[n] = !video;
	values[n++] = Int32GetDatum(head->height);
	nulls[n] = !video;
	values[n++] = CStringGetTextDatum(psprintf("%d:%d", head->sample_aspect_width,
											   head->sample_aspect_height));
	nulls[n] = !audio;
	values[n++] = Int32GetDatum(head->sample_rate);
	nulls[n] = !audio;
	values[n++] = Int32GetDatum(head->channels);
	nulls[n] = !video;
	values[n++] = CStringGetTextDatum(psprintf("%d/%d/%d/%s", head->primaries,
											   head->transfer, head->matrix,
											   head->full_range ? "full" : "limited"));
	values[n++] = Int64GetDatum(head->edit_start);
	nulls[n] = !head->encrypted;
	values[n++] = CStringGetTextDatum(head->scheme);
	nulls[n] = !head->encrypted;
	values[n++] = UUIDPGetDatum((const pg_uuid_t *) head->key_id);
	values[n++] = Int64GetDatum(head->timescale);
	values[n++] = Int64GetDatum(head->init_size);
	values[n++] = Int64GetDatum(head->index_size);
	values[n++] = Int64GetDatum(head->first_offset);
	values[n++] = Int64GetDatum(head->start);
	values[n++] = int_array(head->durations, head->nsegments);
	values[n++] = int_array(head->sizes, head->nsegments);
	Assert(n == HEAD_COLUMNS);
}

/*
 * vvault_stream.media_head(head bytea, file_size bigint) returns record
 *
 * What the head of a CMAF track file says of it. 22023 for what is no such
 * file, or is another as long as file_size bytes. STRICT.
 */
Datum
vvault_media_head(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	const char *problem;
	VvHead		head;
	TupleDesc	columns;
	Datum		values[HEAD_COLUMNS] = {0};
	bool		nulls[HEAD_COLUMNS] = {false};

	problem = vv_read_head((const uint8 *) VARDATA_ANY(bytes),
						   VARSIZE_ANY_EXHDR(bytes), &head);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid media head"),
				 errdetail("The file cannot be played: %s.", problem),
				 errhint("A rendition is a CMAF file of one track: ftyp, moov, one sidx, fragments.")));
	check_sizes(&head, PG_GETARG_INT64(1));
	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	columns = BlessTupleDesc(columns);
	fill_columns(&head, values, nulls);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(columns, values, nulls)));
}
