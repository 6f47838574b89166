/*-------------------------------------------------------------------------
 *
 * stored.c
 *		What players read of a generation, to be stored as objects beside it
 *		before it is shown.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "manifests/put.h"
#include "media/asset_row.h"

PG_FUNCTION_INFO_V1(vvault_stored_manifest);

/*
 * Appends the text of that name; false where there is none. An early page has
 * what the names of its manifests begin with in place of a rendition.
 */
static bool
put(StringInfo out, text *video_id, int generation, const char *what,
	text *rendition)
{
	bool		early = strncmp(what, "early_", 6) == 0;

	if (early)
		what += 6;
	if (vv_generation_to_show(PointerGetDatum(video_id), generation) == 0)
		return false;
	if (strcmp(what, "hls") == 0)
		return vv_put_multivariant(out, video_id, generation, early);
	if (strcmp(what, "hls_media") == 0)
		return rendition != NULL &&
			vv_put_media_playlist(out, video_id, generation, rendition);
	if (strcmp(what, "dash") == 0)
		return vv_put_dash(out, video_id, generation, early);
	if (strcmp(what, "storyboard") == 0)
		return vv_put_storyboard(out, video_id, generation);
	if (strcmp(what, "watch") == 0)
		return vv_put_watch(out, video_id, generation,
							early && rendition != NULL ? text_to_cstring(rendition) : NULL);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid manifest \"%s\"", what),
			 errhint("It is hls, hls_media, dash, storyboard, watch, early_hls, early_dash or early_watch.")));
	return false;				/* for the compiler */
}

/*
 * vvault_stream.stored_manifest(video_id text, generation integer, what text,
 *		rendition text) returns text
 *
 * The bytes that vvault_hls, vvault_hls_media, vvault_dash, vvault_storyboard or
 * vvault_watch would answer if the generation was shown; with early_ before hls,
 * dash and watch those of what plays early. NULL where there is nothing to tell,
 * and for NULL but of rendition. 22023 for another manifest.
 */
Datum
vvault_stored_manifest(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	StringInfoData out;
	bool		found;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	SPI_connect();
	MemoryContextSwitchTo(caller);
	initStringInfo(&out);
	found = put(&out, PG_GETARG_TEXT_PP(0), PG_GETARG_INT32(1),
				text_to_cstring(PG_GETARG_TEXT_PP(2)),
				PG_ARGISNULL(3) ? NULL : PG_GETARG_TEXT_PP(3));
	SPI_finish();
	if (!found)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
