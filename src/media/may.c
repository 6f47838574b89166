/*-------------------------------------------------------------------------
 *
 * may.c
 *		What a caller may do with a video: the one place that decides.
 *
 * docs/streaming.md has the rules. What may be seen by everybody is decided by
 * the video alone, so that a reply about it can be shared.
 *
 *-------------------------------------------------------------------------
 */
#include "media/may.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "core/index_scan.h"

PG_FUNCTION_INFO_V1(vvault_may);
PG_FUNCTION_INFO_V1(vvault_subject_may_view);

static const VvIndexScan asset_row = {
	.schema = "vvault_stream",
	.table = "assets",
	.index = "assets_pkey",
	.nkeys = 1,
	.direction = ForwardScanDirection,
	.ncolumns = 2,
	.columns = {"access", "owner_id"},
};

typedef struct Asset
{
	char	   *access;
	char	   *owner;
} Asset;

/* The row of a video. */
static bool
take_asset(const Datum *values, const bool *isnull pg_attribute_unused(), void *arg)
{
	Asset	   *asset = (Asset *) arg;

	asset->access = TextDatumGetCString(values[0]);
	asset->owner = TextDatumGetCString(values[1]);
	return false;
}

/*
 * Whether a caller may who is no operator, with a video that is not open to
 * everybody for this. A token for one video opens that one alone, and what it
 * does not name is not permitted to its owner either.
 */
static bool
caller_may(const VvCaller *caller, const char *video_id, const char *access,
		   const char *owner, VvPermission permission)
{
	if (caller->subject == NULL || permission > caller->most)
		return false;
	if (caller->only_video != NULL && strcmp(caller->only_video, video_id) != 0)
		return false;
	if (strcmp(caller->subject, owner) == 0)
		return true;
	return strcmp(access, "private") != 0 && caller->only_video != NULL &&
		caller->has_permissions;
}

/*
 * Whether a caller may do this with a video. Says of viewing whether everybody
 * may. The caller is read once he is asked for, where he is NULL.
 */
static VvMay
decide(const VvCaller *caller, Datum video_id, VvPermission permission)
{
	Asset		asset;
	VvCaller	present;

	if (vv_index_scan(&asset_row, &video_id, take_asset, &asset) == 0)
		return VV_NO_SUCH_VIDEO;
	if (permission == VV_PERMIT_VIEW &&
		(strcmp(asset.access, "public") == 0 || strcmp(asset.access, "unlisted") == 0))
		return VV_EVERYBODY_MAY;
	if (caller == NULL)
	{
		vv_read_caller(&present);
		caller = &present;
	}
	if (caller->is_operator)
		return VV_MAY;
	return caller_may(caller, TextDatumGetCString(video_id), asset.access,
					  asset.owner, permission) ?
		VV_MAY : VV_MAY_NOT;
}

/*
 * Whether who calls may do this with a video.
 */
VvMay
vv_may(Datum video_id, VvPermission permission)
{
	return decide(NULL, video_id, permission);
}

/*
 * The same of another caller than the one who is here.
 */
VvMay
vv_may_as(const VvCaller *caller, Datum video_id, VvPermission permission)
{
	return decide(caller, video_id, permission);
}

/*
 * The permission that an argument names; 22023 for another.
 */
VvPermission
vv_permission_wanted(text *name)
{
	const char *bytes = VARDATA_ANY(name);
	int			len = VARSIZE_ANY_EXHDR(name);
	VvPermission permission = vv_permission_named(bytes, len);

	if (permission == VV_PERMIT_NOTHING)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid permission \"%.*s\"", pg_mbcliplen(bytes, len, 64), bytes),
				 errhint("It is view, download, edit or manage.")));
	return permission;
}

/*
 * The error for a caller who may not.
 */
void
vv_may_not(Datum video_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for video \"%s\"",
					TextDatumGetCString(video_id)),
			 errhint("A private video is its owner's; one for token holders is theirs, too, who have a token for it.")));
}

/*
 * vvault_may(video_id text, permission text) returns boolean
 *
 * Whether the caller may view, download, edit or manage a video; false for one
 * that is not there. 22023 for another permission. STRICT. Source:
 * vvault_stream.assets, the caller's role and, from the authenticator, claims.
 */
Datum
vvault_may(PG_FUNCTION_ARGS)
{
	VvMay		may = vv_may(PG_GETARG_DATUM(0),
							 vv_permission_wanted(PG_GETARG_TEXT_PP(1)));

	PG_RETURN_BOOL(may == VV_MAY || may == VV_EVERYBODY_MAY);
}

/*
 * vvault_stream.subject_may_view(video_id text, subject text) returns boolean
 *
 * Whether somebody may view a video for whom an operator vouches, as if he had
 * a token for it; nobody where subject is empty. STRICT.
 */
Datum
vvault_subject_may_view(PG_FUNCTION_ARGS)
{
	char	   *subject = text_to_cstring(PG_GETARG_TEXT_PP(1));
	VvCaller	vouched = {
		.subject = *subject != '\0' ? subject : NULL,
		.most = VV_PERMIT_VIEW,
		.only_video = text_to_cstring(PG_GETARG_TEXT_PP(0)),
		.has_permissions = true,
	};
	VvMay		may = vv_may_as(&vouched, PG_GETARG_DATUM(0), VV_PERMIT_VIEW);

	PG_RETURN_BOOL(may == VV_MAY || may == VV_EVERYBODY_MAY);
}
