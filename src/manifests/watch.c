/*-------------------------------------------------------------------------
 *
 * watch.c
 *		A page that plays a video, and its storyboard.
 *
 * The page needs no server behind it but for the files of its generation: all
 * that it loads is named relative to it, but for the player's library, which
 * the site has. Style and script stand in the page; their hashes make them the
 * only ones of it that its Content-Security-Policy lets run. What comes from a
 * table goes through vv_html_string() or vv_html_json().
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "core/html_writer.h"
#include "core/json_writer.h"
#include "core/query.h"
#include "core/text_writer.h"
#include "manifests/put.h"
#include "manifests/sheet.h"
#include "manifests/shown.h"
#include "manifests/watch_assets.inc"
#include "media/source.h"
#include "reply/reply.h"

PG_FUNCTION_INFO_V1(vvault_storyboard);
PG_FUNCTION_INFO_V1(vvault_watch);

/* What is being deleted is not shown. */
#define OF_GENERATION \
	" WHERE a.video_id OPERATOR(pg_catalog.=) $1" \
	" AND a.state OPERATOR(pg_catalog.<>) ALL ('{deleting,deleted}'::pg_catalog.text[])"
#define IN_GENERATION(t) \
	t ".video_id OPERATOR(pg_catalog.=) a.video_id" \
	" AND " t ".generation OPERATOR(pg_catalog.=) $2"
#define PICTURE_FILE(k) \
	"(SELECT pg_catalog.regexp_replace(p.object_key, '^.*/', '')" \
	" FROM vvault_stream.pictures p WHERE " IN_GENERATION("p") \
	" AND p.kind OPERATOR(pg_catalog.=) '" k "' ORDER BY p.name LIMIT 1)"

static VvQuery page_query = {
	.sql = "SELECT a.title, a.description, a.content_language, "
	PICTURE_FILE("poster") ", " PICTURE_FILE("storyboard")
	" IS NOT NULL, (SELECT pg_catalog.max(r.seconds)"
	"  FROM vvault_stream.renditions r WHERE " IN_GENERATION("r") "),"
	" vvault_stream.setting('hls_js_url'), (SELECT pg_catalog.max(r.protection)"
	"  FROM vvault_stream.renditions r WHERE " IN_GENERATION("r")
	"  AND r.protection OPERATOR(pg_catalog.<>) 'none')"
	" FROM vvault_stream.assets a" OF_GENERATION,
	.extension = "vvault_stream",
	.nargs = 2,
	.argtypes = {TEXTOID, INT4OID},
};

/* ---------- the storyboard ---------- */

/* Hours, minutes, seconds and thousandths, as WebVTT has them */
static void
put_time(StringInfo out, double seconds)
{
	int64		ms = (int64) (seconds * 1000 + 0.5);

	appendStringInfo(out, "%02d:%02d:%02d.%03d", (int) (ms / 3600000),
					 (int) (ms / 60000 % 60), (int) (ms / 1000 % 60),
					 (int) (ms % 1000));
}

/*
 * Appends the storyboard of a generation as WebVTT; false where it has none.
 */
bool
vv_put_storyboard(StringInfo out, text *video_id, int generation)
{
	VvSheet		sheet;

	if (!vv_read_sheet(video_id, generation, &sheet))
		return false;
	vv_text_line(out, "WEBVTT");
	for (int i = 0; i < sheet.tiles; i++)
	{
		appendStringInfoChar(out, '\n');
		put_time(out, i * sheet.tile_seconds);
		appendStringInfoString(out, " --> ");
		put_time(out, (i + 1) * sheet.tile_seconds);
		appendStringInfo(out, "\n%s#xywh=%d,%d,%d,%d\n", sheet.file,
						 i % sheet.columns * sheet.width,
						 i / sheet.columns * sheet.height, sheet.width,
						 sheet.height);
	}
	return true;
}

/* ---------- the page ---------- */

/* The source of a policy that lets exactly this script or style in. */
static void
put_hash(StringInfo out, const char *content)
{
	Datum		hash = DirectFunctionCall1(sha256_bytea, CStringGetTextDatum(content));

	appendStringInfo(out, "'sha256-%s'",
					 TextDatumGetCString(DirectFunctionCall2(binary_encode, hash,
															 CStringGetTextDatum("base64"))));
}

/*
 * Media, pictures and manifests are the site's own. The library plays out of
 * memory (blob:) and may work in a worker of its own.
 */
static void
put_policy(StringInfo out, const char *library)
{
	StringInfoData policy;

	initStringInfo(&policy);
	appendStringInfoString(&policy, "default-src 'none'; script-src ");
	put_hash(&policy, WATCH_SCRIPT);
	appendStringInfo(&policy, " %s; style-src ",
					 strncmp(library, "https:", 6) == 0 ? library : "'self'");
	put_hash(&policy, WATCH_STYLE);
	appendStringInfoString(&policy, "; img-src 'self'; media-src 'self' blob:;"
						   " connect-src 'self'; worker-src blob:;"
						   " base-uri 'none'; form-action 'none'");
	appendStringInfoString(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"");
	vv_html_string(out, policy.data);
	appendStringInfoString(out, "\">\n");
}

/*
 * What the script knows. A page that is early plays the early playlist until
 * the whole one is there.
 */
static void
put_facts(StringInfo out, text *video_id, const VvRow *row, const char *early)
{
	StringInfoData facts;
	char	   *id = text_to_cstring(video_id);

	initStringInfo(&facts);
	appendStringInfoString(&facts, "{\"video_id\":");
	vv_json_text(&facts, id, strlen(id));
	if (early != NULL)
		appendStringInfo(&facts, ",\"early\":\"%s.m3u8\"", early);
	appendStringInfoString(&facts, ",\"hls\":\"master.m3u8\",\"dash\":\"manifest.mpd\",\"storyboard\":");
	appendStringInfoString(&facts, early != NULL || DatumGetBool(row->values[4]) ?
						   "\"storyboard.vtt\"" : "null");
	appendStringInfoString(&facts, ",\"duration\":");
	if (row->isnull[5])
		vv_json_null(&facts);
	else
		vv_json_float(&facts, DatumGetFloat8(row->values[5]));
	if (!row->isnull[7])
		appendStringInfo(&facts, ",\"protection\":\"%s\"", TextDatumGetCString(row->values[7]));
	appendStringInfoChar(&facts, '}');
	appendStringInfoString(out, "<script type=\"application/json\" id=\"facts\">");
	vv_html_json(out, facts.data, facts.len);
	appendStringInfoString(out, "</script>\n");
}

/* All above the body. */
static void
put_head(StringInfo out, text *video_id, const VvRow *row, const char *title,
		 const char *early)
{
	char	   *library = TextDatumGetCString(row->values[6]);

	appendStringInfoString(out, "<!DOCTYPE html>\n<html lang=\"");
	vv_html_string(out, row->isnull[2] ? "en" : TextDatumGetCString(row->values[2]));
	appendStringInfoString(out, "\">\n<head>\n<meta charset=\"utf-8\">\n");
	put_policy(out, library);
	appendStringInfoString(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
						   "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
	vv_html_string(out, title);
	appendStringInfoString(out, "</title>\n<style>" WATCH_STYLE "</style>\n");
	put_facts(out, video_id, row, early);
	appendStringInfoString(out, "<script defer src=\"");
	vv_html_string(out, library);
	appendStringInfoString(out, "\"></script>\n<script>" WATCH_SCRIPT "</script>\n</head>\n");
}

/* The player and what is said of the video. */
static void
put_body(StringInfo out, const VvRow *row, const char *title, bool poster)
{
	appendStringInfoString(out, "<body>\n<div id=\"player\" class=\"player\">\n"
						   "<video id=\"video\" controls playsinline preload=\"metadata\"");
	if (poster && !row->isnull[3])
	{
		appendStringInfoString(out, " poster=\"");
		vv_html_string(out, TextDatumGetCString(row->values[3]));
		appendStringInfoChar(out, '"');
	}
	appendStringInfoString(out, "></video>\n</div>\n"
						   "<div class=\"seek\"><input id=\"seek\" type=\"range\" min=\"0\" max=\"1\" step=\"any\" value=\"0\""
						   " aria-label=\"Seek\"><div id=\"preview\" class=\"preview\"></div></div>\n"
						   "<p id=\"problem\" class=\"problem\" role=\"alert\"></p>\n<div class=\"choices\">\n"
						   "<label hidden>Quality <select id=\"quality\"></select></label>\n"
						   "<label hidden>Sound <select id=\"audio\"></select></label>\n"
						   "<label hidden>Subtitles <select id=\"texts\"></select></label>\n</div>\n<h1>");
	vv_html_string(out, title);
	appendStringInfoString(out, "</h1>\n<p class=\"description\">");
	vv_html_string(out, TextDatumGetCString(row->values[1]));
	appendStringInfoString(out, "</p>\n</body>\n</html>\n");
}

/*
 * Appends the page of a generation; false where it has no renditions. early is
 * what the names of the manifests begin with that it is shown by before it is
 * whole, or NULL; there may be no poster by then.
 */
bool
vv_put_watch(StringInfo out, text *video_id, int generation, const char *early)
{
	Datum		args[2] = {PointerGetDatum(video_id), Int32GetDatum(generation)};
	VvRow		row;
	char	   *title;

	if (!vv_query_row(&page_query, args, &row) || row.isnull[5])
		return false;
	title = TextDatumGetCString(row.values[0]);
	put_head(out, video_id, &row, title, early);
	put_body(out, &row, title, early == NULL);
	return true;
}

/* The reply of vvault_storyboard. */
static bool
write_storyboard(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	int			generation;

	if (vv_reply_is_known(reply, VV_MANIFEST_MAX_AGE, 0, 0))
		return true;
	generation = vv_generation_asked(fcinfo, reply, 1);
	return generation != 0 &&
		vv_put_storyboard(out, PG_GETARG_TEXT_PP(0), generation);
}

/* The reply of vvault_watch. */
static bool
write_watch(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	int			generation;

	if (vv_reply_is_known(reply, VV_MANIFEST_MAX_AGE, 0, 0))
		return true;
	generation = vv_generation_asked(fcinfo, reply, 1);
	return generation != 0 &&
		vv_put_watch(out, PG_GETARG_TEXT_PP(0), generation, NULL);
}

static const VvReplier storyboard = {
	.name = "vvault_storyboard",
	.nargs = 2,
	.argtypes = {TEXTOID, INT4OID},
	.source = &vv_assets,
	.scope_arg = 1,
	.content_type = "text/vtt; charset=utf-8",
	.allow = vv_may_be_shown,
	.write = write_storyboard,
};

static const VvReplier watch = {
	.name = "vvault_watch",
	.nargs = 2,
	.argtypes = {TEXTOID, INT4OID},
	.source = &vv_assets,
	.scope_arg = 1,
	.calls_helpers = true,
	.content_type = "text/html; charset=utf-8",
	.allow = vv_may_be_shown,
	.write = write_watch,
};

/*
 * vvault_storyboard(video_id text, generation integer) returns the domain over
 *		bytea
 *
 * The tiles of a video's storyboard as WebVTT; NULL for a video without, and
 * where another generation is shown. 42501 where the caller may not watch it.
 * Source: vvault_stream.pictures.
 */
Datum
vvault_storyboard(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return vv_reply(fcinfo, &storyboard);
}

/*
 * vvault_watch(video_id text, generation integer) returns the domain over bytea
 *
 * A page that plays a video; NULL for a video without renditions, and where
 * another generation is shown. 42501 where the caller may not watch it. Source:
 * vvault_stream.assets, pictures.
 */
Datum
vvault_watch(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return vv_reply(fcinfo, &watch);
}
