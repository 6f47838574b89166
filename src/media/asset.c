/*-------------------------------------------------------------------------
 *
 * asset.c
 *		A video of one's own, as its operator sees it, as JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "fmgr.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "media/may.h"
#include "media/source.h"
#include "reply/reply.h"

PG_FUNCTION_INFO_V1(vvault_asset);
PG_FUNCTION_INFO_V1(vvault_told_asset);

static VvQuery asset_query = {
	.sql = "SELECT a.video_id, a.owner_id, a.title, a.description, a.tags,"
	" a.category_id, a.content_language, a.state, a.access, a.protection,"
	" a.generation, a.generation OPERATOR(pg_catalog.>) 0 AND"
	" a.state OPERATOR(pg_catalog.<>) ALL ('{deleting,deleted}'::pg_catalog.text[]),"
	" a.duration, a.source, a.failure, a.metadata,"
	" a.created_at, a.uploaded_at, a.ready_at, a.published_at,"
	" vvault_stream.asset_formats(a.video_id, a.generation),"
	" vvault_stream.asset_thumbnails(a.video_id, a.generation),"
	" vvault_stream.asset_distribution(a.video_id, a.generation, a.state),"
	" vvault_stream.asset_next(a.video_id, a.generation)"
	" FROM vvault_stream.assets a WHERE a.video_id OPERATOR(pg_catalog.=) $1",
	.extension = "vvault_stream",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static const VvJsonColumn asset_columns[] = {
	VV_JSON_COLUMN("video_id", TEXT),
	VV_JSON_COLUMN("owner_id", TEXT),
	VV_JSON_COLUMN("title", TEXT),
	VV_JSON_COLUMN("description", TEXT),
	VV_JSON_COLUMN("tags", TEXT_ARRAY),
	VV_JSON_COLUMN("category_id", INT4),
	VV_JSON_COLUMN("content_language", TEXT),
	VV_JSON_COLUMN("state", TEXT),
	VV_JSON_COLUMN("access", TEXT),
	VV_JSON_COLUMN("protection", TEXT),
	VV_JSON_COLUMN("generation", INT4),
	VV_JSON_COLUMN("playable", BOOL),
	VV_JSON_COLUMN("duration", FLOAT8),
	VV_JSON_COLUMN("source", JSONB),
	VV_JSON_COLUMN("failure", TEXT),
	VV_JSON_COLUMN("metadata", JSONB),
	VV_JSON_COLUMN("created_at", TIMESTAMPTZ),
	VV_JSON_COLUMN("uploaded_at", TIMESTAMPTZ),
	VV_JSON_COLUMN("ready_at", TIMESTAMPTZ),
	VV_JSON_COLUMN("published_at", TIMESTAMPTZ),
	VV_JSON_COLUMN("formats", JSON),
	VV_JSON_COLUMN("thumbnails", JSON),
	VV_JSON_COLUMN("distribution", JSON),
	VV_JSON_COLUMN("next", JSON),
};

/* The members of the asset's row. */
static bool
append_asset(const Datum *values, const bool *isnull, void *arg)
{
	vv_json_row((StringInfo) arg, asset_columns, lengthof(asset_columns),
				values, isnull);
	return false;
}

/* The reply of vvault_asset. */
static bool
write_asset(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	Datum		args[1] = {PG_GETARG_DATUM(0)};

	if (vv_reply_is_known(reply, 0, 0, 0))
		return true;
	appendStringInfoChar(out, '{');
	if (vv_query_run(&asset_query, args, 1, append_asset, out) == 0)
		return false;
	appendStringInfoChar(out, '}');
	return true;
}

/* What is told of a video is for those who may change it. */
static bool
may_edit(FunctionCallInfo fcinfo, const VvTag *tag pg_attribute_unused())
{
	Datum		video_id = PG_GETARG_DATUM(0);

	if (vv_may(video_id, VV_PERMIT_EDIT) == VV_MAY_NOT)
		vv_may_not(video_id);
	return false;
}

/* Whoever asks has changed the video just now. */
static bool
for_caller_alone(FunctionCallInfo fcinfo, const VvTag *tag pg_attribute_unused())
{
	(void) fcinfo;
	return false;
}

static const VvReplier told_asset = {
	.name = "told_asset",
	.source = &vv_assets,
	.scope_arg = 1,
	.nargs = 1,
	.argtypes = {TEXTOID},
	.calls_helpers = true,
	.allow = for_caller_alone,
	.write = write_asset,
};

static const VvReplier asset = {
	.name = "vvault_asset",
	.source = &vv_assets,
	.scope_arg = 1,
	.nargs = 1,
	.argtypes = {TEXTOID},
	.calls_helpers = true,
	.allow = may_edit,
	.write = write_asset,
};

/*
 * vvault_asset(video_id text) returns json
 *
 * One video of one's own; NULL where there is none. 42501 where the caller may
 * not edit it; 55000 where the SQL of vvault_stream is of another version. Source: vvault_stream.assets.
 */
Datum
vvault_asset(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return vv_reply(fcinfo, &asset);
}

/*
 * vvault_stream.told_asset(video_id text) returns json
 *
 * The same for whoever has just changed it, whether he still may or not.
 */
Datum
vvault_told_asset(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return vv_reply(fcinfo, &told_asset);
}
