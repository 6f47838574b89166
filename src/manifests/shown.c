/*-------------------------------------------------------------------------
 *
 * shown.c
 *		Whether a caller may have a video's manifests.
 *
 * Public and unlisted videos are everybody's who knows their id. Others are
 * answered to roles that may read every asset, operators, alone: viewers of
 * theirs come with a token, which the edge checks, and not to the database.
 *
 *-------------------------------------------------------------------------
 */
#include "manifests/shown.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/query.h"
#include "media/source.h"
#include "reply/state.h"

static VvQuery access_query = {
	.sql = "SELECT a.access FROM vvault_stream.assets a"
	" WHERE a.video_id OPERATOR(pg_catalog.=) $1",
	.extension = "vvault_stream",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

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
 * May everybody watch the video? One that is not there is open: it answers
 * NULL to all alike.
 */
static bool
is_open(Datum video_id)
{
	char	   *access = vv_query_text(&access_query, &video_id);

	return access == NULL || strcmp(access, "public") == 0 ||
		strcmp(access, "unlisted") == 0;
}

/* Whether a role may read every asset: call vvault_asset, beside a function. */
static bool
may_read_assets(Oid function, Oid role)
{
	Oid			types[1] = {TEXTOID};
	oidvector  *argtypes = buildoidvector(types, 1);
	Oid			reader = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
										 CStringGetDatum("vvault_asset"),
										 PointerGetDatum(argtypes),
										 ObjectIdGetDatum(get_func_namespace(function)));

	return OidIsValid(reader) && vv_may_execute(reader, role);
}

/*
 * Of a function whose first argument is the video: raises 42501 where the
 * caller may not have its manifests; returns whether everybody may. What is
 * not there is nobody's secret.
 */
bool
vv_may_be_shown(FunctionCallInfo fcinfo)
{
	Datum		video_id = PG_GETARG_DATUM(0);
	VvTag		tag = {{0}};

	if (is_known_open(video_id, &tag))
		return true;
	if (is_open(video_id))
	{
		open_states[tag.words[0] % MAX_OPEN] = tag;
		return true;
	}
	if (!may_read_assets(fcinfo->flinfo->fn_oid, GetOuterUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for video \"%s\"",
						TextDatumGetCString(video_id)),
				 errhint("Videos that are not public are played through an edge, with a token.")));
	return false;
}
