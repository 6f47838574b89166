/*-------------------------------------------------------------------------
 *
 * shown.c
 *		Whether a caller may have a video's manifests.
 *
 * Public and unlisted videos are everybody's who knows their id, and what one
 * that is not there answers, NULL, is told to all alike. Others are answered to
 * those who may view them, and never shared.
 *
 *-------------------------------------------------------------------------
 */
#include "manifests/shown.h"

#include "access/xact.h"

#include "media/asset_row.h"
#include "media/may.h"
#include "media/source.h"
#include "reply/state.h"

/*
 * States of videos that this backend found to be everybody's. A state is told
 * by its tag, which changes with the row that says so.
 */
#define MAX_OPEN	64

static VvTag open_states[MAX_OPEN];

/*
 * Was the video open to everybody in the state with this tag? Who has written
 * looks it up.
 */
static bool
is_known_open(Datum video_id, VvTag *tag)
{
	NullableDatum scope = {video_id, false};

	if (TransactionIdIsValid(GetTopTransactionIdIfAny()) ||
		!vv_read_tag(&vv_assets, scope, tag))
		return false;
	return memcmp(&open_states[tag->words[0] % MAX_OPEN], tag,
				  sizeof(VvTag)) == 0;
}

/*
 * Of a function whose first argument is the video: raises 42501 where the
 * caller may not have its manifests; returns whether everybody may.
 */
bool
vv_may_be_shown(FunctionCallInfo fcinfo)
{
	Datum		video_id = PG_GETARG_DATUM(0);
	VvTag		tag = {{0}};

	if (is_known_open(video_id, &tag))
		return true;
	switch (vv_may(video_id, VV_PERMIT_VIEW))
	{
		case VV_EVERYBODY_MAY:
		case VV_NO_SUCH_VIDEO:
			open_states[tag.words[0] % MAX_OPEN] = tag;
			return true;
		case VV_MAY:
			return false;
		case VV_MAY_NOT:
			break;
	}
	vv_may_not(video_id);
}

/*
 * Of a function whose first argument is the video: whether the generation that
 * its argument arg (from 0) asks for is the one that is shown, or it asks for
 * none. What the path of an edge names may have been replaced meanwhile; then
 * its manifests are those that are stored.
 */
bool
vv_generation_is_shown(FunctionCallInfo fcinfo, int arg)
{
	VvAssetRow	row;

	return PG_ARGISNULL(arg) || (vv_read_asset(PG_GETARG_DATUM(0), &row) &&
								 row.generation == PG_GETARG_INT32(arg));
}
