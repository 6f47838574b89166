/*-------------------------------------------------------------------------
 *
 * past.h
 *		The videos of a region as they were at an instant.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_PAST_H
#define VVAULT_PAST_H

#include "core/compat.h"

#include "datatype/timestamp.h"

#include "core/query.h"

/* A comparison of two SQL expressions, of names that no search_path changes */
#define VV_SQL(a, op, b)	a " OPERATOR(pg_catalog." op ") " b

/* The newest snapshot of a video then, of those that meet a condition */
#define VV_SNAPSHOT_THEN(t, condition) \
	"(SELECT s.* FROM vvault.snapshots s WHERE " \
	VV_SQL("s.region", "=", "v.region") \
	" AND " VV_SQL("s.video_id", "=", "v.video_id") \
	" AND " VV_SQL("s.fetched_at", "<=", t) \
	" AND " VV_SQL("v.fetched_at", ">", t) condition \
	" ORDER BY s.fetched_at DESC LIMIT 1)"

/*
 * Who stood where in the chart of then, as vvault.chart_places has it: no place
 * twice.
 */
#define VV_PLACES_THEN \
	"(SELECT n.video_id, (n.n OPERATOR(pg_catalog.+) pg_catalog.max(" \
	"n.rank OPERATOR(pg_catalog.-) n.n) OVER (ORDER BY n.n))::integer AS rank" \
	" FROM (SELECT s.video_id, s.rank, pg_catalog.row_number() OVER (" \
	"ORDER BY s.rank, s.views DESC NULLS LAST, s.likes DESC NULLS LAST," \
	" s.comments DESC NULLS LAST, s.video_id) AS n" \
	" FROM vvault.snapshots s WHERE " VV_SQL("s.region", "=", "$1") \
	" AND " VV_SQL("s.fetched_at", "=", "c.latest") \
	" AND s.rank IS NOT NULL) n)"

/* The texts of a video that stood then and were replaced since */
#define VV_TEXTS_THEN(t) \
	"(SELECT e.* FROM vvault.earlier_texts e WHERE " \
	VV_SQL("e.region", "=", "v.region") \
	" AND " VV_SQL("e.video_id", "=", "v.video_id") \
	" AND " VV_SQL("e.replaced_at", ">", t) \
	" ORDER BY e.replaced_at LIMIT 1)"

#define VV_TEXT_THEN(column) \
	"  CASE WHEN e.region IS NULL THEN v." column \
	"   ELSE e." column " END AS " column ","

/*
 * What stands for vvault.videos v of the region $1 in a query of the past: the
 * columns that feeds use, as they were at the instant that is parameter t.
 * Figures are those of the newest snapshots then, as vvault.expected_videos
 * has them of now; a row that was not written since has them itself. So are
 * texts: those that were replaced since are in vvault.earlier_texts. condition
 * limits rows v.
 *
 * @extschema@ is replaced by vv_past_query().
 */
#define VV_VIDEOS_PAST(t, condition) \
	"(SELECT p.*," \
	" @extschema@.vvault_engagement_rate(p.likes, p.views) AS engagement_rate," \
	" @extschema@.vvault_hot_score(p.likes," \
	"  coalesce(p.published_at, p.first_seen_at)) AS hot_score," \
	" @extschema@.vvault_trending_base(p.velocity, p.views, p.likes," \
	"  p.comments) AS trending_base" \
	" FROM (SELECT v.region, v.video_id, v.first_seen_at," \
	VV_TEXT_THEN("title") VV_TEXT_THEN("channel_id") \
	VV_TEXT_THEN("channel_title") VV_TEXT_THEN("content_language") \
	VV_TEXT_THEN("thumbnail_url") VV_TEXT_THEN("published_at") \
	VV_TEXT_THEN("live") VV_TEXT_THEN("scheduled_at") \
	"  CASE WHEN c.latest IS NULL THEN v.charted" \
	"   ELSE k.rank IS NOT NULL END AS charted," \
	"  CASE WHEN c.latest IS NULL THEN v.rank ELSE k.rank END AS rank," \
	"  CASE WHEN o.own THEN v.category_id ELSE l.category_id END AS category_id," \
	"  CASE WHEN o.own THEN v.views ELSE f.views END AS views," \
	"  CASE WHEN o.own THEN v.likes ELSE f.likes END AS likes," \
	"  CASE WHEN o.own THEN v.comments ELSE f.comments END AS comments," \
	"  CASE WHEN o.own THEN v.velocity ELSE l.velocity END AS velocity," \
	"  CASE WHEN o.own THEN v.virality_score" \
	"   ELSE l.virality_score END AS virality_score," \
	"  CASE WHEN o.own THEN v.momentum_score" \
	"   ELSE l.momentum_score END AS momentum_score" \
	" FROM (SELECT pg_catalog.max(c.fetched_at) AS latest FROM vvault.charts c" \
	"  WHERE " VV_SQL("c.region", "=", "$1") " AND c.whole" \
	"  AND " VV_SQL("c.fetched_at", "<=", t) ") c" \
	" CROSS JOIN vvault.videos v" \
	" CROSS JOIN LATERAL (SELECT " VV_SQL("v.fetched_at", "<=", t) " AS own) o" \
	" LEFT JOIN LATERAL " VV_PLACES_THEN " k" \
	"  ON " VV_SQL("k.video_id", "=", "v.video_id") \
	" LEFT JOIN LATERAL " VV_SNAPSHOT_THEN(t, "") " l ON true" \
	" LEFT JOIN LATERAL " VV_SNAPSHOT_THEN(t, " AND s.views IS NOT NULL") " f" \
	"  ON true" \
	" LEFT JOIN LATERAL " VV_TEXTS_THEN(t) " e ON true" \
	" WHERE " VV_SQL("v.region", "=", "$1") \
	" AND " VV_SQL("v.first_seen_at", "<=", t) \
	" AND (v.gone_at IS NULL OR " VV_SQL("v.gone_at", ">", t) ")" \
	" AND (o.own OR l.fetched_at IS NOT NULL)" condition ") p) v"

/* A query of the past */
typedef struct VvPastQuery
{
	const char *sql;
	Oid			schema;			/* that the query was made for */
	VvQuery		query;
} VvPastQuery;

extern VvQuery *vv_past_query(VvPastQuery *past, Oid function);
extern void vv_check_past(text *region, TimestampTz as_of);

#endif							/* VVAULT_PAST_H */
