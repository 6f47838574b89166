/*-------------------------------------------------------------------------
 *
 * source.c
 *		What replies about regions and their videos are made of.
 *
 * A reply is about one region or about all. The triggers of derived.sql give a
 * region a new version in every transaction that changes one of these tables
 * for it.
 *
 *-------------------------------------------------------------------------
 */
#include "videos/source.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "reply/reply.h"
#include "site/settings.h"

PG_FUNCTION_INFO_V1(vvault_reply_known);

/* Three views among them */
static const char *const tables[] = {
	"feed_versions", "videos", "video_regions", "snapshots", "categories",
	"earlier_texts", "charts", "category_stats", "daily_stats", "regions", "region_defaults",
	"settings", "setting_defaults", "video_search", "search_words",
	"effective_regions", "enabled_regions", "effective_settings", NULL
};

/* What a search calls */
static const VvHelper helpers[] = {
	{"fold", 1, {TEXTOID}},
	{"similar_words", 2, {TEXTOID, TEXTARRAYOID}},
	{NULL, 0, {InvalidOid}}
};

VvSource	vv_feeds = {
	.schema = "vvault",
	.scope = "region",
	.scope_type = TEXTOID,
	.tables = tables,
	.helpers = helpers,
};

/*
 * vvault.reply_known(function text, arguments text, max_age_setting text)
 *	returns boolean
 *
 * For readers in PL/pgSQL, whose replies are not stored: tells PostgREST, if
 * it made this call, of the reply that a function gives for its arguments on
 * all feeds. True where the client has it already and nothing needs to be
 * made. NULL arguments are errors (22004). Source: vvault.feed_versions and
 * the named setting.
 */
Datum
vvault_reply_known(PG_FUNCTION_ARGS)
{
	static const VvReplier other = {
		.name = "vvault.reply_known",
		.nargs = 2,
		.argtypes = {TEXTOID, TEXTOID},
		.source = &vv_feeds,
	};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("function, arguments and setting must not be null")));
	PG_RETURN_BOOL(vv_call_is_known(fcinfo, &other,
									vv_setting_int(text_to_cstring(PG_GETARG_TEXT_PP(2)))));
}
