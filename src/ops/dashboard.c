/*-------------------------------------------------------------------------
 *
 * dashboard.c
 *		The analytics as one HTML page.
 *
 * What can be read is written here: figures, tables, top videos. The charts
 * are drawn in the browser by dashboard.js from the JSON of vvault_analytics,
 * which the page carries in a block that is data and no script. Style and
 * script stand in the page too; their hashes make them, and Chart.js by its
 * own, the only ones that its Content-Security-Policy lets run.
 *
 * Everything that comes from a table goes through vv_html_text() or
 * vv_html_json().
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/html_writer.h"
#include "core/json_writer.h"
#include "core/query.h"
#include "feed/columns.h"
#include "http/headers.h"
#include "ops/dashboard_assets.inc"
#include "site/settings.h"

PG_FUNCTION_INFO_V1(vvault_dashboard);

#define TIMELINE_DAYS	14

/*
 * The regions of the analytics, by code, with what else the page tells of
 * them.
 */
static VvQuery regions_query = {
	.sql = "SELECT a.region, e.name, a.total_videos, a.viral_count,"
	" a.avg_score, a.top_category, i.fetched_at"
	" FROM pg_catalog.json_to_recordset($1"
	"  OPERATOR(pg_catalog.->) 'regions'::pg_catalog.text)"
	"  AS a(region pg_catalog.text, total_videos bigint, viral_count bigint,"
	"   avg_score pg_catalog.text, top_category pg_catalog.text)"
	" JOIN vvault.enabled_regions e"
	" ON e.region OPERATOR(pg_catalog.=) a.region"
	" LEFT JOIN LATERAL (SELECT n.fetched_at FROM vvault.charts n"
	"  WHERE n.region OPERATOR(pg_catalog.=) e.region AND n.whole"
	"  ORDER BY n.fetched_at DESC LIMIT 1) i ON true"
	" ORDER BY e.region",
	.nargs = 1,
	.argtypes = {JSONOID},
};

/* Newest day first; the regions of a day by code, as the analytics has them. */
static VvQuery timeline_query = {
	.sql = "SELECT t.date, t.viral_count"
	" FROM ROWS FROM (pg_catalog.json_to_recordset($1"
	"  OPERATOR(pg_catalog.->) 'timeline'::pg_catalog.text)"
	"  AS (date pg_catalog.text, viral_count bigint))"
	" WITH ORDINALITY AS t(date, viral_count, n)"
	" ORDER BY t.date DESC, t.n",
	.nargs = 1,
	.argtypes = {JSONOID},
};

static VvQuery top_query = {
	.sql = "SELECT v.video_id, v.title, v.channel_title, v.thumbnail_url,"
	" v.rank, v.views, v.momentum_score, v.virality_score"
	" FROM vvault.videos v"
	" WHERE v.region OPERATOR(pg_catalog.=) $1 AND v.charted"
	VV_NOT_GONE VV_BEGUN
	" ORDER BY v.momentum_score DESC, v.video_id LIMIT 5",
	.nargs = 1,
	.argtypes = {TEXTOID},
	.index_order = true,
};

typedef struct DashboardRegion
{
	char	   *code;
	char	   *name;
	int64		videos;
	int64		viral;
	char	   *average;		/* as the JSON has it */
	char	   *top_category;
	bool		charted;
	TimestampTz charted_at;
} DashboardRegion;

typedef struct Dashboard
{
	MemoryContext context;		/* of all that is kept */
	StringInfoData out;
	TimestampTz now;

	char	   *chartjs_url;
	char	   *chartjs_integrity;
	char	   *viral_threshold;

	text	   *analytics;		/* JSON */
	List	   *regions;		/* of DashboardRegion, by code */
	int64		videos;
	int64		viral;
	double		score_sum;
	int			ncharted;
	TimestampTz newest;			/* chart, if any region has one */
} Dashboard;

/* ---------- what the page is made of ---------- */

/*
 * The reply of vvault_analytics, which stands in the schema of the function
 * that is called. It must not take the request for its own, or it might answer
 * that the client has it already.
 */
static void
read_analytics(Dashboard *page, Oid function)
{
	char	   *schema = get_namespace_name(get_func_namespace(function));
	int			nest = NewGUCNestLevel();
	char	   *sql;
	bool		isnull;
	Datum		value;

	if (schema == NULL)
		elog(ERROR, "cache lookup failed for the schema of function %u",
			 function);
	sql = psprintf("SELECT %s.vvault_analytics(%d)", quote_identifier(schema),
				   TIMELINE_DAYS);
	if (vv_http_requested())
		(void) set_config_option("request.method", "", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	if (SPI_execute(sql, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not run \"%s\"", sql);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
						  &isnull);
	if (isnull)
		elog(ERROR, "\"%s\" gave NULL", sql);
	page->analytics = (text *)
		DatumGetPointer(SPI_datumTransfer(value, false, -1));
	AtEOXact_GUC(true, nest);
}

/* A row of the regions joins the page and its sums. */
static bool
keep_region(const Datum *values, const bool *isnull, void *arg)
{
	Dashboard  *page = (Dashboard *) arg;
	MemoryContext old = MemoryContextSwitchTo(page->context);
	DashboardRegion *region = palloc0(sizeof(DashboardRegion));

	region->code = TextDatumGetCString(values[0]);
	region->name = TextDatumGetCString(values[1]);
	region->videos = DatumGetInt64(values[2]);
	region->viral = DatumGetInt64(values[3]);
	region->average = TextDatumGetCString(values[4]);
	region->top_category = TextDatumGetCString(values[5]);
	region->charted = !isnull[6];
	if (region->charted)
	{
		region->charted_at = DatumGetTimestampTz(values[6]);
		if (page->ncharted++ == 0 || region->charted_at > page->newest)
			page->newest = region->charted_at;
	}
	page->regions = lappend(page->regions, region);
	page->videos += region->videos;
	page->viral += region->viral;
	page->score_sum += atof(region->average) * region->videos;
	MemoryContextSwitchTo(old);
	return true;
}

/* ---------- the policy ---------- */

/*
 * Appends the hash of an element's text as a source of the policy.
 */
static void
append_hash(StringInfo out, const char *content)
{
	Datum		bytes = CStringGetTextDatum(content);
	Datum		hash = DirectFunctionCall1(sha256_bytea, bytes);
	Datum		base64 = DirectFunctionCall2(binary_encode, hash,
											 CStringGetTextDatum("base64"));

	appendStringInfo(out, "'sha256-%s'", TextDatumGetCString(base64));
}

/*
 * What the page may load and run: its own style and script, Chart.js with its
 * hash, pictures, and nothing else. The settings' values hold no character
 * that means something to a policy.
 */
static char *
make_policy(const Dashboard *page)
{
	StringInfoData policy;

	initStringInfo(&policy);
	appendStringInfoString(&policy, "default-src 'none'; script-src ");
	append_hash(&policy, DASHBOARD_SCRIPT);
	appendStringInfo(&policy, " '%s' %s; style-src ", page->chartjs_integrity,
					 page->chartjs_url[0] == '/' ? "'self'" :
					 page->chartjs_url);
	append_hash(&policy, DASHBOARD_STYLE);
	appendStringInfoString(&policy, "; img-src https: data:;"
						   " base-uri 'none'; form-action 'none'");
	return policy.data;
}

/*
 * Tells PostgREST, if it is the caller, what the bytes are. That nobody may
 * put the page into a frame can be said in a header alone.
 */
static void
set_headers(const char *policy)
{
	VvHeader	headers[] = {
		{"Content-Type", "text/html; charset=utf-8"},
		{"Cache-Control", "no-cache"},
		{"Content-Security-Policy",
		psprintf("%s; frame-ancestors 'none'", policy)},
		{"X-Content-Type-Options", "nosniff"},
	};

	if (vv_http_requested())
		vv_http_headers(headers, lengthof(headers));
}

/* ---------- the parts of the page ---------- */

/* The head of the page: its policy, its title, its style. */
static void
put_head(Dashboard *page, const char *policy)
{
	StringInfo	out = &page->out;

	appendStringInfoString(out,
						   "<!DOCTYPE html>\n"
						   "<html lang=\"en\">\n<head>\n"
						   "<meta charset=\"utf-8\">\n"
						   "<meta http-equiv=\"Content-Security-Policy\" content=\"");
	vv_html_string(out, policy);
	appendStringInfoString(out, "\">\n"
						   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
						   "<meta name=\"referrer\" content=\"no-referrer\">\n"
						   "<meta name=\"color-scheme\" content=\"light dark\">\n"
						   "<title>Viral videos by region</title>\n"
						   "<link rel=\"icon\" href=\"data:,\">\n"
						   "<style>" DASHBOARD_STYLE "</style>\n"
						   "<script defer src=\"");
	vv_html_string(out, page->chartjs_url);
	appendStringInfoString(out, "\" integrity=\"");
	vv_html_string(out, page->chartjs_integrity);
	appendStringInfoString(out, "\" crossorigin=\"anonymous\"></script>\n"
						   "<script>" DASHBOARD_SCRIPT "</script>\n"
						   "</head>\n");
}

/* The head of the page: what it is, and of when. */
static void
put_banner(Dashboard *page)
{
	StringInfo	out = &page->out;

	appendStringInfoString(out, "<body>\n"
						   "<a class=\"skip\" href=\"#main\">Skip to the figures</a>\n"
						   "<header>\n<div>\n<h1>Viral videos by region</h1>\n"
						   "<p class=\"quiet\">");
	if (page->ncharted > 0)
	{
		appendStringInfoString(out, "Newest chart of ");
		vv_html_time(out, page->newest);
		appendStringInfoString(out, ", ");
		vv_html_age(out, page->now, page->newest);
	}
	else
		appendStringInfoString(out, "No chart yet");
	appendStringInfoString(out, "</p>\n</div>\n"
						   "<button type=\"button\" id=\"theme\" aria-pressed=\"false\" hidden>"
						   "Dark theme</button>\n</header>\n"
						   "<main id=\"main\" tabindex=\"-1\">\n");
	if (page->ncharted == 0)
		appendStringInfoString(out,
							   "<p class=\"note\">No chart has been taken in yet."
							   " Figures appear here after the first call of"
							   " <code>vvault_ingest()</code>.</p>\n");
	appendStringInfoString(out,
						   "<p class=\"note\" id=\"no-charts\" role=\"status\" hidden>"
						   "Chart.js could not be loaded, so nothing is drawn."
						   " The tables have the same figures.</p>\n"
						   "<noscript><p class=\"note\">The charts need JavaScript."
						   " The tables have the same figures.</p></noscript>\n");
}

/* A figure with its label begins. */
static void
open_tile(StringInfo out, const char *label)
{
	appendStringInfo(out, "<div class=\"card\"><dt>%s</dt>"
					 "<dd class=\"figure\">", label);
}

/*
 * Ends a tile's figure, says more about it, and ends the tile.
 */
static void
close_tile(StringInfo out, const char *more)
{
	appendStringInfo(out, "</dd><dd class=\"quiet\">%s</dd></div>\n", more);
}

/* The figures of all regions together. */
static void
put_tiles(Dashboard *page)
{
	StringInfo	out = &page->out;

	appendStringInfoString(out, "<dl class=\"tiles\">\n");
	open_tile(out, "Videos");
	vv_html_count(out, page->videos);
	close_tile(out, "counted in each of their regions");
	open_tile(out, "Viral");
	vv_html_count(out, page->viral);
	appendStringInfoString(out, "</dd><dd class=\"quiet\">virality score from ");
	vv_html_string(out, page->viral_threshold);
	appendStringInfoString(out, "</dd></div>\n");
	open_tile(out, "Average score");
	appendStringInfo(out, "%.1f", page->videos > 0 ?
					 page->score_sum / page->videos : 0.0);
	close_tile(out, "virality, from 0 to 100");
	open_tile(out, "Regions");
	vv_html_count(out, page->ncharted);
	appendStringInfo(out, "</dd><dd class=\"quiet\">with a chart, of %d</dd></div>\n",
					 list_length(page->regions));
	appendStringInfoString(out, "</dl>\n");
}

/* Where the script draws the regions beside each other. */
static void
put_radar(StringInfo out)
{
	appendStringInfoString(out,
						   "<figure class=\"card\">\n<figcaption><h2>Regions compared</h2>\n"
						   "<p class=\"quiet\">Viral videos, with figures on the axis; average score"
						   " from 0 in the centre to 100 at the rim</p></figcaption>\n"
						   "<div class=\"legend\" id=\"radar-legend\" role=\"group\""
						   " aria-label=\"Series shown\" hidden></div>\n"
						   "<div class=\"canvas\"><canvas id=\"radar\" role=\"img\""
						   " aria-label=\"Radar chart of viral videos and average score by region;"
						   " the table Regions has its figures\"></canvas></div>\n"
						   "</figure>\n");
}

typedef struct DayTable
{
	StringInfo	out;
	char		day[MAXDATELEN + 1];
} DayTable;

/* A row of the query is a cell; a new day begins a new line of the table. */
static bool
put_day_cell(const Datum *values, const bool *isnull, void *arg)
{
	DayTable   *table = (DayTable *) arg;
	char	   *day = TextDatumGetCString(values[0]);

	if (strcmp(table->day, day) != 0)
	{
		if (table->day[0] != '\0')
			appendStringInfoString(table->out, "</tr>\n");
		appendStringInfoString(table->out, "<tr><th scope=\"row\">");
		vv_html_string(table->out, day);
		appendStringInfoString(table->out, "</th>");
		strlcpy(table->day, day, sizeof(table->day));
	}
	if (isnull[1])
		appendStringInfoString(table->out,
							   "<td title=\"no chart\">&ndash;</td>");
	else
	{
		appendStringInfoString(table->out, "<td>");
		vv_html_count(table->out, DatumGetInt64(values[1]));
		appendStringInfoString(table->out, "</td>");
	}
	pfree(day);
	return true;
}

/* Where the script draws the days, and the same as a table. */
static void
put_timeline(Dashboard *page)
{
	StringInfo	out = &page->out;
	DayTable	table = {out, ""};
	Datum		args[1] = {PointerGetDatum(page->analytics)};
	ListCell   *cell;

	appendStringInfo(out,
					 "<figure class=\"card\">\n<figcaption><h2>Viral videos, last %d days</h2>\n"
					 "<p class=\"quiet\">Videos of each day (UTC) with a viral score;"
					 " press a region to hide or show it</p></figcaption>\n"
					 "<div class=\"legend\" id=\"timeline-legend\" role=\"group\""
					 " aria-label=\"Regions shown\" hidden></div>\n"
					 "<div class=\"canvas\"><canvas id=\"timeline\" role=\"img\""
					 " aria-label=\"Line chart of viral videos by day and region;"
					 " the table below has its figures\"></canvas></div>\n"
					 "<details id=\"timeline-table\"><summary>The same as a table</summary>\n"
					 "<p class=\"quiet\">&ndash; is a day without a chart</p>\n"
					 "<div class=\"scroll\" role=\"region\" tabindex=\"0\""
					 " aria-label=\"Viral videos by day and region\"><table>\n"
					 "<thead><tr><th scope=\"col\">Day</th>", TIMELINE_DAYS);
	foreach(cell, page->regions)
	{
		DashboardRegion *region = (DashboardRegion *) lfirst(cell);

		appendStringInfoString(out, "<th scope=\"col\"><abbr title=\"");
		vv_html_string(out, region->name);
		appendStringInfoString(out, "\">");
		vv_html_string(out, region->code);
		appendStringInfoString(out, "</abbr></th>");
	}
	appendStringInfoString(out, "</tr></thead>\n<tbody>\n");
	(void) vv_query_run(&timeline_query, args, 0, put_day_cell, &table);
	appendStringInfoString(out, table.day[0] != '\0' ? "</tr>\n" : "");
	appendStringInfoString(out, "</tbody>\n</table></div></details>\n"
						   "</figure>\n");
}

/* When the region's latest chart was observed, and how long ago that is. */
static void
put_charted_cells(Dashboard *page, const DashboardRegion *region)
{
	StringInfo	out = &page->out;

	appendStringInfoString(out, "<td>");
	if (region->charted)
	{
		vv_html_time(out, region->charted_at);
		appendStringInfoString(out, "</td><td>");
		vv_html_age(out, page->now, region->charted_at);
	}
	else
		appendStringInfoString(out, "never</td><td>&ndash;");
	appendStringInfoString(out, "</td></tr>\n");
}

/* The table of regions. */
static void
put_regions(Dashboard *page)
{
	StringInfo	out = &page->out;
	ListCell   *cell;

	appendStringInfoString(out,
						   "<section class=\"card\" aria-labelledby=\"regions-title\">\n"
						   "<h2 id=\"regions-title\">Regions</h2>\n"
						   "<div class=\"scroll\" role=\"region\" tabindex=\"0\""
						   " aria-labelledby=\"regions-title\"><table>\n"
						   "<thead><tr><th scope=\"col\">Region</th><th scope=\"col\">Videos</th>"
						   "<th scope=\"col\">Viral</th><th scope=\"col\">Average score</th>"
						   "<th scope=\"col\" class=\"text\">Top category</th>"
						   "<th scope=\"col\">Latest chart</th><th scope=\"col\">Age</th></tr></thead>\n"
						   "<tbody>\n");
	foreach(cell, page->regions)
	{
		DashboardRegion *region = (DashboardRegion *) lfirst(cell);

		appendStringInfoString(out, "<tr><th scope=\"row\">");
		vv_html_string(out, region->name);
		appendStringInfoString(out, " <span class=\"code\">");
		vv_html_string(out, region->code);
		appendStringInfoString(out, "</span></th><td>");
		vv_html_count(out, region->videos);
		appendStringInfoString(out, "</td><td>");
		vv_html_count(out, region->viral);
		appendStringInfoString(out, "</td><td>");
		vv_html_string(out, region->average);
		appendStringInfoString(out, "</td><td class=\"text\">");
		if (region->top_category[0] == '\0')
			appendStringInfoString(out, "&ndash;");
		else
			vv_html_string(out, region->top_category);
		appendStringInfoString(out, "</td>");
		put_charted_cells(page, region);
	}
	appendStringInfoString(out, "</tbody>\n</table></div>\n</section>\n");
}

/* Does the address begin with https:// and go on? */
static bool
is_https(Datum value)
{
	text	   *str = DatumGetTextPP(value);

	return VARSIZE_ANY_EXHDR(str) > 8 &&
		memcmp(VARDATA_ANY(str), "https://", 8) == 0;
}

/* A video's picture with its place in the chart. */
static void
put_thumbnail(StringInfo out, Datum url, Datum rank, bool unranked)
{
	appendStringInfoString(out, "<li><div class=\"thumb\">");
	/* the policy would not let a browser load another one */
	if (is_https(url))
	{
		appendStringInfoString(out, "<img alt=\"\" width=\"320\" height=\"180\""
							   " loading=\"lazy\" decoding=\"async\" src=\"");
		vv_html_datum(out, url);
		appendStringInfoString(out, "\">");
	}
	if (!unranked)
		appendStringInfo(out, "<span class=\"place\">#%d</span>",
						 DatumGetInt32(rank));
	appendStringInfoString(out, "</div>\n");
}

/*
 * One of a region's top videos: video_id, title, channel_title, thumbnail_url,
 * rank, views, momentum_score, virality_score.
 */
static bool
put_video(const Datum *values, const bool *isnull, void *arg)
{
	Dashboard  *page = (Dashboard *) arg;
	StringInfo	out = &page->out;
	double		virality = DatumGetFloat8(values[7]);

	put_thumbnail(out, values[3], values[4], isnull[4]);
	appendStringInfoString(out, "<div><a class=\"title\" dir=\"auto\" rel=\"noopener\""
						   " href=\"https://www.youtube.com/watch?v=");
	vv_html_url_value(out, values[0]);
	appendStringInfoString(out, "\">");
	vv_html_datum(out, VARSIZE_ANY_EXHDR(DatumGetTextPP(values[1])) > 0 ?
				  values[1] : values[0]);
	appendStringInfoString(out, "</a>\n<div class=\"about\"><bdi>");
	vv_html_datum(out, values[2]);
	appendStringInfoString(out, "</bdi>");
	if (!isnull[5])
	{
		appendStringInfoString(out, "<span>&middot; ");
		vv_html_count(out, DatumGetInt64(values[5]));
		appendStringInfoString(out, " views</span>");
	}
	appendStringInfo(out, "</div>\n<div class=\"scores\">"
					 "<span>Momentum <b>%.1f</b></span> "
					 "<span>Virality <b>%.1f</b></span>",
					 DatumGetFloat8(values[6]), virality);
	if (virality >= atof(page->viral_threshold))
		appendStringInfoString(out, " <span class=\"badge\">viral</span>");
	appendStringInfoString(out, "</div></div></li>\n");
	return true;
}

/* The top videos of a region. */
static void
put_region_card(Dashboard *page, const DashboardRegion *region)
{
	StringInfo	out = &page->out;
	Datum		args[1] = {CStringGetTextDatum(region->code)};
	int			start;

	appendStringInfoString(out, "<article class=\"card\" aria-labelledby=\"top-");
	vv_html_string(out, region->code);
	appendStringInfoString(out, "\">\n<div class=\"card-head\"><h3 id=\"top-");
	vv_html_string(out, region->code);
	appendStringInfoString(out, "\">");
	vv_html_string(out, region->name);
	appendStringInfoString(out, "</h3><span class=\"quiet\">");
	if (region->charted)
	{
		appendStringInfoString(out, "observed ");
		vv_html_age(out, page->now, region->charted_at);
	}
	appendStringInfoString(out, "</span></div>\n");
	start = out->len;
	appendStringInfoString(out, "<ol class=\"videos\">\n");
	if (vv_query_run(&top_query, args, 0, put_video, page) > 0)
		appendStringInfoString(out, "</ol>\n");
	else
	{
		out->len = start;
		appendStringInfoString(out, "<p class=\"quiet\">No video is charted.</p>\n");
	}
	appendStringInfoString(out, "</article>\n");
}

/* The top videos of all regions. */
static void
put_top_videos(Dashboard *page)
{
	StringInfo	out = &page->out;
	ListCell   *cell;

	appendStringInfoString(out, "<section aria-labelledby=\"top-title\">\n"
						   "<h2 id=\"top-title\">Top videos by region</h2>\n"
						   "<p class=\"quiet\">Of each latest chart those with the highest"
						   " momentum; # is the place in that chart</p>\n"
						   "<div class=\"cards\">\n");
	foreach(cell, page->regions)
	{
		put_region_card(page, (DashboardRegion *) lfirst(cell));
	}
	appendStringInfoString(out, "</div>\n</section>\n");
}

/*
 * The numbers for the script: the analytics as they are, and the regions'
 * names.
 */
static void
put_data(Dashboard *page)
{
	StringInfo	out = &page->out;
	StringInfoData names;
	ListCell   *cell;

	initStringInfo(&names);
	foreach(cell, page->regions)
	{
		DashboardRegion *region = (DashboardRegion *) lfirst(cell);

		vv_json_text(&names, region->code, strlen(region->code));
		appendStringInfoChar(&names, ':');
		vv_json_text(&names, region->name, strlen(region->name));
		if (lnext(page->regions, cell) != NULL)
			appendStringInfoChar(&names, ',');
	}
	appendStringInfoString(out, "<script type=\"application/json\" id=\"vvault-data\">"
						   "{\"analytics\":");
	vv_html_json(out, VARDATA_ANY(page->analytics),
				 VARSIZE_ANY_EXHDR(page->analytics));
	appendStringInfoString(out, ",\"names\":{");
	vv_html_json(out, names.data, names.len);
	appendStringInfoString(out, "}}</script>\n");
}

/* Who made the page and when, and the figures for the script. */
static void
put_foot(Dashboard *page)
{
	StringInfo	out = &page->out;

	appendStringInfoString(out, "</main>\n<footer>Made by vvault " VVAULT_VERSION
						   " at ");
	vv_html_time(out, page->now);
	appendStringInfoString(out, "</footer>\n");
	put_data(page);
	appendStringInfoString(out, "</body>\n</html>\n");
}

/* The whole page. */
static void
put_page(Dashboard *page, const char *policy)
{
	put_head(page, policy);
	put_banner(page);
	put_tiles(page);
	appendStringInfoString(&page->out, "<div class=\"charts\">\n");
	put_radar(&page->out);
	put_timeline(page);
	appendStringInfoString(&page->out, "</div>\n");
	put_regions(page);
	put_top_videos(page);
	put_foot(page);
}

/*
 * vvault_dashboard() returns bytea (its domain for a page of any type)
 *
 * The analytics as an HTML page in UTF-8. No NULL and no errors of its own.
 * Source: vvault_analytics, vvault.videos, vvault.charts and the settings
 * chartjs_url, chartjs_integrity and viral_threshold.
 */
Datum
vvault_dashboard(PG_FUNCTION_ARGS)
{
	Dashboard	page = {0};
	Datum		args[1];
	char	   *policy;

	page.context = CurrentMemoryContext;
	page.now = GetCurrentTransactionStartTimestamp();
	initStringInfo(&page.out);
	SPI_connect();
	page.chartjs_url = vv_setting("chartjs_url");
	page.chartjs_integrity = vv_setting("chartjs_integrity");
	page.viral_threshold = vv_setting("viral_threshold");
	read_analytics(&page, fcinfo->flinfo->fn_oid);
	args[0] = PointerGetDatum(page.analytics);
	(void) vv_query_run(&regions_query, args, 0, keep_region, &page);
	policy = make_policy(&page);
	put_page(&page, policy);
	set_headers(policy);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(page.out.data, page.out.len));
}
