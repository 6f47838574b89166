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

/*
 * States of videos that this backend found to be everybody's, and the generation
 * that is shown in each, or 0. A state is told by its tag, which changes with the
 * row that says so.
 */
#define MAX_OPEN	64

typedef struct OpenState
{
	VvTag		tag;
	int			generation;
} OpenState;

static OpenState open_states[MAX_OPEN];

/* The place of the state with this tag. */
static OpenState *
place_of(const VvTag *tag)
{
	return &open_states[tag->words[0] % MAX_OPEN];
}

/*
 * Was the video open to everybody in the state with this tag? Who has written
 * looks it up.
 */
static bool
is_known_open(const VvTag *tag)
{
	return !TransactionIdIsValid(GetTopTransactionIdIfAny()) &&
		memcmp(&place_of(tag)->tag, tag, sizeof(VvTag)) == 0;
}

/* Knows it from now on. */
static void
know_open(const VvTag *tag, Datum video_id)
{
	OpenState  *place = place_of(tag);

	place->generation = vv_generation_to_show(video_id, 0);
	place->tag = *tag;
}

/*
 * Of a function whose first argument is the video, in the state with this tag,
 * NULL for none: raises 42501 where the caller may not have its manifests;
 * returns whether everybody may.
 */
bool
vv_may_be_shown(FunctionCallInfo fcinfo, const VvTag *tag)
{
	Datum		video_id = PG_GETARG_DATUM(0);

	if (tag != NULL && is_known_open(tag))
		return true;
	switch (vv_may(video_id, VV_PERMIT_VIEW))
	{
		case VV_EVERYBODY_MAY:
		case VV_NO_SUCH_VIDEO:
			if (tag != NULL && !TransactionIdIsValid(GetTopTransactionIdIfAny()))
				know_open(tag, video_id);
			return true;
		case VV_MAY:
			return false;
		case VV_MAY_NOT:
			break;
	}
	vv_may_not(video_id);
}

/*
 * Of a function whose first argument is the video, and whose argument arg (from 0)
 * the generation that is asked for: the one that is shown, where it is that one or
 * none is asked for; else 0. What the path of an edge names may have been replaced
 * meanwhile; then its manifests are those that are stored.
 */
int
vv_generation_asked(FunctionCallInfo fcinfo, const VvReply *reply, int arg)
{
	int			shown;

	if (!reply->private && reply->bypass != VV_BYPASS_VERSION &&
		is_known_open(&reply->tag))
		shown = place_of(&reply->tag)->generation;
	else
		shown = vv_generation_to_show(PG_GETARG_DATUM(0), 0);
	return PG_ARGISNULL(arg) || PG_GETARG_INT32(arg) == shown ? shown : 0;
}
