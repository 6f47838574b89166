-- What cannot be read from the catalog for the description of the HTTP
-- interface: the shape of each JSON reply, a sentence about each argument, the
-- headers and errors, and the site's own URLs that deploy/nginx.conf serves.

CREATE FUNCTION vvault.openapi_schemas() RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{
"Region": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]{1,7}$", "description": "the code of a region", "example": "PL"},
"Instant": {"type": "string", "format": "date-time", "example": "2026-01-14T06:00:00+00:00"},
"Count": {"type": "integer", "format": "int64", "minimum": 0},
"UnknownCount": {"type": "integer", "format": "int64", "minimum": 0, "nullable": true, "description": "null where not known"},
"Live": {"type": "string", "enum": ["live", "upcoming", null], "nullable": true, "description": "live while it is broadcast, upcoming for a premiere or a stream that is to come"},
"HiddenCount": {"type": "integer", "format": "int64", "minimum": 0, "nullable": true, "description": "null where the owner of the video hides it"},
"Score": {"type": "number", "format": "double", "minimum": 0, "maximum": 100},
"Rate": {"type": "number", "format": "double", "minimum": 0, "nullable": true, "description": "likes / views in percent, null where likes are hidden"},
"Video": {
	"type": "object",
	"description": "a video as a feed shows it",
	"required": ["@VIDEO_FIELDS@"],
	"properties": {
		"video_id": {"type": "string"}, "title": {"type": "string"}, "channel_title": {"type": "string"},
		"views": {"$ref": "#/components/schemas/UnknownCount"}, "likes": {"$ref": "#/components/schemas/HiddenCount"},
		"thumbnail_url": {"type": "string"},
		"regions": {"type": "array", "items": {"$ref": "#/components/schemas/Region"}, "description": "all regions that list it, sorted"},
		"content_language": {"type": "string", "nullable": true},
		"engagement_rate": {"$ref": "#/components/schemas/Rate"},
		"comments": {"$ref": "#/components/schemas/HiddenCount"},
		"channel_id": {"type": "string"}, "category_id": {"type": "integer", "format": "int32"},
		"published_at": {"type": "string", "format": "date-time", "nullable": true},
		"rank": {"type": "integer", "format": "int32", "minimum": 1, "nullable": true, "description": "its place in the latest chart"},
		"virality_score": {"$ref": "#/components/schemas/Score"}, "momentum_score": {"$ref": "#/components/schemas/Score"},
		"live": {"$ref": "#/components/schemas/Live"},
		"scheduled_at": {"type": "string", "format": "date-time", "nullable": true, "description": "when a broadcast is to begin or was to"},
		"trending_score": {"type": "number", "format": "double", "description": "in a feed by trending only"},
		"score": {"type": "number", "format": "double", "description": "in a search and among related videos: how well it fits"}
	}
},
"Next": {"type": "string", "nullable": true, "description": "passed as cursor it gives the next page; null on the last"},
"vvault_trending": {
	"type": "object",
	"required": ["region", "region_name", "videos", "total", "sort", "next_cursor"],
	"properties": {
		"region": {"$ref": "#/components/schemas/Region"}, "region_name": {"type": "string"},
		"videos": {"type": "array", "items": {"$ref": "#/components/schemas/Video"}},
		"total": {"type": "integer", "minimum": 0, "description": "the number of videos in this reply"},
		"sort": {"type": "string"}, "as_of": {"$ref": "#/components/schemas/Instant"},
		"next_cursor": {"$ref": "#/components/schemas/Next"}
	}
},
"vvault_search": {
	"type": "object",
	"required": ["query", "region", "videos", "total", "next_cursor"],
	"properties": {
		"query": {"type": "string", "nullable": true}, "region": {"type": "string", "nullable": true},
		"videos": {"type": "array", "items": {"$ref": "#/components/schemas/Video"}},
		"total": {"type": "integer", "minimum": 0}, "next_cursor": {"$ref": "#/components/schemas/Next"}
	}
},
"vvault_related": {
	"type": "object",
	"nullable": true,
	"required": ["video_id", "videos", "total"],
	"properties": {
		"video_id": {"type": "string"},
		"videos": {"type": "array", "items": {"$ref": "#/components/schemas/Video"}},
		"total": {"type": "integer", "minimum": 0}
	}
},
"vvault_video": {
	"type": "object",
	"nullable": true,
	"required": ["video_id", "title", "channel_title", "channel_id", "category_id", "category", "content_language", "thumbnail_url",
		"published_at", "duration", "tags", "live", "scheduled_at", "gone_at", "regions", "history"],
	"properties": {
		"video_id": {"type": "string"}, "title": {"type": "string"}, "channel_title": {"type": "string"},
		"channel_id": {"type": "string"}, "category_id": {"type": "integer", "format": "int32"},
		"category": {"type": "string", "nullable": true}, "content_language": {"type": "string", "nullable": true},
		"thumbnail_url": {"type": "string"}, "published_at": {"type": "string", "format": "date-time", "nullable": true},
		"duration": {"type": "string", "nullable": true, "description": "ISO 8601"},
		"tags": {"type": "array", "items": {"type": "string"}},
		"live": {"$ref": "#/components/schemas/Live"},
		"scheduled_at": {"type": "string", "format": "date-time", "nullable": true},
		"gone_at": {"type": "string", "format": "date-time", "nullable": true, "description": "when it was not found any more"},
		"regions": {"type": "array", "items": {
			"type": "object",
			"required": ["region", "charted", "rank", "chart_length", "views", "likes", "comments", "engagement_rate", "virality_score",
				"momentum_score", "first_seen_at", "fetched_at"],
			"properties": {
				"region": {"$ref": "#/components/schemas/Region"}, "charted": {"type": "boolean"},
				"rank": {"type": "integer", "minimum": 1, "nullable": true},
				"chart_length": {"type": "integer", "minimum": 1, "nullable": true},
				"views": {"$ref": "#/components/schemas/UnknownCount"}, "likes": {"$ref": "#/components/schemas/HiddenCount"},
				"comments": {"$ref": "#/components/schemas/HiddenCount"}, "engagement_rate": {"$ref": "#/components/schemas/Rate"},
				"virality_score": {"$ref": "#/components/schemas/Score"}, "momentum_score": {"$ref": "#/components/schemas/Score"},
				"first_seen_at": {"$ref": "#/components/schemas/Instant"}, "fetched_at": {"$ref": "#/components/schemas/Instant"}
			}
		}},
		"history": {"type": "array", "maxItems": 500, "items": {
			"type": "object",
			"required": ["region", "fetched_at", "rank", "views", "likes", "comments", "virality_score", "momentum_score"],
			"properties": {
				"region": {"$ref": "#/components/schemas/Region"}, "fetched_at": {"$ref": "#/components/schemas/Instant"},
				"rank": {"type": "integer", "minimum": 1, "nullable": true},
				"views": {"type": "integer", "format": "int64", "minimum": 0, "nullable": true},
				"likes": {"$ref": "#/components/schemas/HiddenCount"}, "comments": {"$ref": "#/components/schemas/HiddenCount"},
				"virality_score": {"$ref": "#/components/schemas/Score"}, "momentum_score": {"$ref": "#/components/schemas/Score"}
			}
		}}
	}
},
"vvault_trending_explain": {
	"type": "object",
	"nullable": true,
	"required": ["video_id", "region", "as_of", "score", "parts", "momentum"],
	"properties": {
		"video_id": {"type": "string"}, "region": {"$ref": "#/components/schemas/Region"},
		"as_of": {"$ref": "#/components/schemas/Instant"}, "score": {"$ref": "#/components/schemas/Score"},
		"parts": {"type": "array", "minItems": 3, "maxItems": 3, "items": {
			"type": "object",
			"required": ["part", "value", "unit", "baseline", "weight", "points"],
			"properties": {
				"part": {"type": "string", "enum": ["velocity", "engagement", "recency"]},
				"value": {"type": "number", "nullable": true}, "unit": {"type": "string"},
				"baseline": {"type": "number"}, "weight": {"type": "number", "minimum": 0, "maximum": 1},
				"points": {"$ref": "#/components/schemas/Score"}
			}
		}},
		"momentum": {
			"type": "object",
			"required": ["score", "baseline", "terms"],
			"properties": {
				"score": {"$ref": "#/components/schemas/Score"}, "baseline": {"type": "number"},
				"terms": {"type": "array", "maxItems": 3, "items": {
					"type": "object",
					"required": ["term", "value", "unit", "points"],
					"properties": {
						"term": {"type": "string", "enum": ["growth", "newcomer", "category", "place"]},
						"value": {"type": "number"}, "unit": {"type": "string"}, "points": {"type": "number"}
					}
				}}
			}
		}
	}
},
"vvault_regions": {
	"type": "object",
	"required": ["regions", "total"],
	"properties": {
		"regions": {"type": "array", "items": {
			"type": "object",
			"required": ["region", "region_name", "velocity_baseline", "engagement_baseline", "videos", "fetched_at"],
			"properties": {
				"region": {"$ref": "#/components/schemas/Region"}, "region_name": {"type": "string"},
				"velocity_baseline": {"type": "number", "description": "views per hour"},
				"engagement_baseline": {"type": "number", "description": "percent"},
				"videos": {"$ref": "#/components/schemas/Count"},
				"fetched_at": {"type": "string", "format": "date-time", "nullable": true}
			}
		}},
		"total": {"type": "integer", "minimum": 0}
	}
},
"vvault_health": {
	"type": "object",
	"required": ["status", "version", "server_version", "time", "standby", "videos", "regions", "warnings", "cache"],
	"properties": {
		"status": {"type": "string", "enum": ["ok", "empty"]}, "version": {"type": "string"}, "server_version": {"type": "string"},
		"time": {"$ref": "#/components/schemas/Instant"}, "standby": {"type": "boolean"}, "videos": {"$ref": "#/components/schemas/Count"},
		"regions": {"type": "array", "items": {
			"type": "object",
			"required": ["region", "videos", "charted_at", "age_seconds"],
			"properties": {
				"region": {"$ref": "#/components/schemas/Region"}, "videos": {"$ref": "#/components/schemas/Count"},
				"charted_at": {"type": "string", "format": "date-time", "nullable": true},
				"age_seconds": {"type": "integer", "format": "int64", "minimum": 0, "nullable": true}
			}
		}},
		"warnings": {"type": "array", "items": {
			"type": "object",
			"required": ["region", "warning"],
			"properties": {"region": {"$ref": "#/components/schemas/Region"}, "warning": {"type": "string"}}
		}},
		"cache": {
			"type": "object", "nullable": true,
			"required": ["size", "used", "replies", "hits", "misses", "waits", "published", "evicted", "bypasses"],
			"properties": {
				"size": {"$ref": "#/components/schemas/Count"}, "used": {"$ref": "#/components/schemas/Count"},
				"replies": {"$ref": "#/components/schemas/Count"}, "hits": {"$ref": "#/components/schemas/Count"},
				"misses": {"$ref": "#/components/schemas/Count"}, "waits": {"$ref": "#/components/schemas/Count"},
				"published": {"$ref": "#/components/schemas/Count"}, "evicted": {"$ref": "#/components/schemas/Count"},
				"bypasses": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Count"}}
			}
		}
	}
},
"vvault_analytics": {
	"type": "object",
	"required": ["regions", "timeline", "updated_at"],
	"properties": {
		"regions": {"type": "array", "items": {
			"type": "object",
			"required": ["region", "total_videos", "viral_count", "avg_score", "top_category"],
			"properties": {
				"region": {"$ref": "#/components/schemas/Region"}, "total_videos": {"$ref": "#/components/schemas/Count"},
				"viral_count": {"$ref": "#/components/schemas/Count"}, "avg_score": {"$ref": "#/components/schemas/Score"},
				"top_category": {"type": "string"}
			}
		}},
		"timeline": {"type": "array", "items": {
			"type": "object",
			"required": ["date", "region", "viral_count", "avg_score"],
			"properties": {
				"date": {"type": "string", "format": "date"}, "region": {"$ref": "#/components/schemas/Region"},
				"viral_count": {"type": "integer", "format": "int64", "minimum": 0, "nullable": true, "description": "null on a day without a chart"},
				"avg_score": {"type": "number", "format": "double", "minimum": 0, "maximum": 100, "nullable": true, "description": "null on a day without a chart"}
			}
		}},
		"updated_at": {"type": "string", "format": "date-time", "nullable": true}
	}
},
"Pattern": {
	"type": "object",
	"required": ["starts", "watched_hours", "factor", "low", "high"],
	"properties": {
		"weekday": {"type": "integer", "minimum": 1, "maximum": 7}, "hour": {"type": "integer", "minimum": 0, "maximum": 23},
		"starts": {"type": "number"}, "watched_hours": {"type": "number"}, "factor": {"type": "number"},
		"low": {"type": "number"}, "high": {"type": "number"}
	}
},
"Unusual": {
	"type": "object",
	"required": ["category_id", "category", "viral", "usual", "season", "expected", "limit"],
	"properties": {
		"category_id": {"type": "integer"}, "category": {"type": "string"}, "viral": {"type": "integer"},
		"usual": {"type": "number"}, "season": {"type": "string", "enum": ["weekday", "year"], "nullable": true},
		"expected": {"type": "number"}, "limit": {"type": "number"}
	}
},
"vvault_insights": {
	"type": "object",
	"required": ["region", "region_name", "from", "to", "viral_starts", "categories", "weekdays", "hours", "spread", "news", "seasonal"],
	"properties": {
		"region": {"$ref": "#/components/schemas/Region"}, "region_name": {"type": "string"},
		"from": {"type": "string", "format": "date", "nullable": true}, "to": {"type": "string", "format": "date", "nullable": true},
		"viral_starts": {"type": "number"},
		"categories": {"type": "array", "maxItems": 10, "items": {
			"type": "object",
			"required": ["category_id", "category", "viral_days", "share", "share_elsewhere", "lift", "low", "high"],
			"properties": {
				"category_id": {"type": "integer"}, "category": {"type": "string"}, "viral_days": {"type": "integer"},
				"share": {"type": "number"}, "share_elsewhere": {"type": "number", "nullable": true},
				"lift": {"type": "number", "nullable": true}, "low": {"type": "number", "nullable": true},
				"high": {"type": "number", "nullable": true}
			}
		}},
		"weekdays": {"type": "array", "minItems": 7, "maxItems": 7, "items": {"$ref": "#/components/schemas/Pattern"}},
		"hours": {"type": "array", "minItems": 24, "maxItems": 24, "items": {"$ref": "#/components/schemas/Pattern"}},
		"spread": {
			"type": "object",
			"required": ["started", "spread", "share", "low", "high", "to", "videos"],
			"properties": {
				"started": {"type": "integer"}, "spread": {"type": "integer"}, "share": {"type": "number", "nullable": true},
				"low": {"type": "number", "nullable": true}, "high": {"type": "number", "nullable": true},
				"to": {"type": "array", "items": {
					"type": "object",
					"required": ["region", "videos", "median_hours"],
					"properties": {"region": {"$ref": "#/components/schemas/Region"}, "videos": {"type": "integer"}, "median_hours": {"type": "number"}}
				}},
				"videos": {"type": "array", "maxItems": 10, "items": {
					"type": "object",
					"required": ["video_id", "title", "first_seen_at", "to"],
					"properties": {
						"video_id": {"type": "string"}, "title": {"type": "string"}, "first_seen_at": {"$ref": "#/components/schemas/Instant"},
						"to": {"type": "array", "items": {
							"type": "object",
							"required": ["region", "after_hours"],
							"properties": {"region": {"$ref": "#/components/schemas/Region"}, "after_hours": {"type": "number"}}
						}}
					}
				}}
			}
		},
		"news": {"type": "array", "items": {"$ref": "#/components/schemas/Unusual"}},
		"seasonal": {"type": "array", "items": {"$ref": "#/components/schemas/Unusual"}}
	}
},
"vvault_fetch_schedule": {
	"type": "object",
	"required": ["as_of", "quota_units", "used_units", "regions"],
	"properties": {
		"as_of": {"$ref": "#/components/schemas/Instant"}, "quota_units": {"type": "integer"}, "used_units": {"type": "integer"},
		"regions": {"type": "array", "items": {
			"type": "object",
			"required": ["region", "region_name", "next_fetch_at", "due", "last_fetch_at", "units", "interval_minutes", "expected_starts",
				"factor", "reason"],
			"properties": {
				"region": {"$ref": "#/components/schemas/Region"}, "region_name": {"type": "string"},
				"next_fetch_at": {"$ref": "#/components/schemas/Instant"}, "due": {"type": "boolean"},
				"last_fetch_at": {"type": "string", "format": "date-time", "nullable": true}, "units": {"type": "integer"},
				"interval_minutes": {"type": "number", "nullable": true}, "expected_starts": {"type": "number", "nullable": true},
				"factor": {"type": "number"}, "reason": {"type": "string"}
			}
		}}
	}
},
"vvault_openapi": {
	"type": "object",
	"description": "this description",
	"required": ["openapi", "info", "servers", "tags", "paths", "components"],
	"properties": {
		"openapi": {"type": "string"}, "info": {"type": "object"}, "servers": {"type": "array", "items": {"type": "object"}}, "tags": {"type": "array", "items": {"type": "object"}},
		"paths": {"type": "object"}, "components": {"type": "object"}
	}
}
}'::json;
COMMENT ON FUNCTION vvault.openapi_schemas() IS
'The schemas of replies, by the name of the function that gives them, and their parts.';

CREATE FUNCTION vvault.openapi_parts() RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{
"headers": {
	"Cache-Control": {"description": "for how long a client may keep the reply: public, max-age= seconds; no-store where nobody may",
		"schema": {"type": "string"}},
	"ETag": {"description": "changes with the reply; sent back as If-None-Match it gets 304 and no body while nothing has changed",
		"schema": {"type": "string"}},
	"X-Cache": {"description": "where the reply comes from: by PostgREST HIT, MISS or BYPASS of the database''s shared cache; at the site what nginx did with its own: HIT, MISS, EXPIRED, REVALIDATED, UPDATING or STALE",
		"schema": {"type": "string"}}},
"responses": {
	"NotModified": {"description": "the client has this reply: its If-None-Match names the ETag"},
	"SiteBadRequest": {"description": "an argument is invalid, which is named, or the URL is no UTF-8",
		"content": {"application/json": {"schema": {"$ref": "#/components/schemas/SiteError"}}}},
	"SiteNotFound": {"description": "there is no such video",
		"content": {"application/json": {"schema": {"$ref": "#/components/schemas/SiteError"}}}},
	"SiteTooMany": {"description": "this address has asked for too much",
		"headers": {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}},
		"content": {"application/json": {"schema": {"$ref": "#/components/schemas/SiteError"}}}},
	"SiteError": {"description": "405 for another method, 413 and 414 for what is too large, 500 for an error inside, 503 with Retry-After while no server answers",
		"content": {"application/json": {"schema": {"$ref": "#/components/schemas/SiteError"}}}},
	"PostgrestBadRequest": {"description": "an argument is invalid, or a filter on the result",
		"content": {"application/json": {"schema": {"$ref": "#/components/schemas/PostgrestError"}}}},
	"PostgrestForbidden": {"description": "the role may not call it",
		"content": {"application/json": {"schema": {"$ref": "#/components/schemas/PostgrestError"}}}},
	"PostgrestNotFound": {"description": "an argument is unknown or missing; or, with null, there is no such video",
		"content": {"application/json": {"schema": {"$ref": "#/components/schemas/PostgrestError"}}}},
	"PostgrestError": {"description": "405 for another method, 406 for a type that is not to be had, 500 and 503 for what went wrong inside",
		"content": {"application/json": {"schema": {"$ref": "#/components/schemas/PostgrestError"}}}}},
"schemas": {
	"SiteError": {"type": "object", "required": ["error"],
		"properties": {"error": {"type": "string", "example": "invalid region"}}},
	"PostgrestError": {"type": "object", "nullable": true, "required": ["code", "message", "details", "hint"],
		"properties": {"code": {"type": "string", "description": "an SQLSTATE, or PGRST and a number"},
			"message": {"type": "string"}, "details": {"type": "string", "nullable": true},
			"hint": {"type": "string", "nullable": true, "description": "what would be right"}}}}
}'::json;
COMMENT ON FUNCTION vvault.openapi_parts() IS
'The headers and errors of replies, of all functions alike.';

CREATE FUNCTION vvault.openapi_arguments() RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{
"region": {"description": "the code of an enabled region, in capitals", "example": "PL"},
"page_size": {"description": "how many videos a page has; cut to the setting page_limit", "minimum": 1},
"sort": {"description": "the order; without it that of the setting default_sort", "choices_of": "default_sort"},
"cursor": {"description": "the next_cursor of a page that was asked for with the same arguments"},
"per_channel": {"description": "the most videos of one channel that the feed shows; without it any number", "minimum": 1},
"per_category": {"description": "the most videos of one category that the feed shows; without it any number", "minimum": 1},
"video_id": {"description": "the id of a video, as YouTube has it", "example": "dQw4w9WgXcQ"},
"q": {"description": "words of title or channel, a whole title, or an id or address of a video; by GET a text such as eq.1 is a filter to PostgREST, so ask by POST there", "maxLength": 1000},
"language": {"description": "a code such as en or pt-BR; without it any language"},
"days": {"description": "how many days, in UTC, up to the last one", "minimum": 1},
"likes": {"description": "likes, from 0"},
"dislikes": {"description": "dislikes, from 0"},
"views": {"description": "views, from 0"},
"views_before": {"description": "views at the observation that it is measured against"},
"comments": {"description": "comments, from 0"},
"elapsed": {"description": "the time between the two observations, such as 6 hours"},
"velocity": {"description": "views per hour"},
"engagement": {"description": "engagement in percent"},
"velocity_baseline": {"description": "views per hour that earn the full part of the score"},
"engagement_baseline": {"description": "percent that earn the full part of the score"},
"share_score": {"description": "a score of shares from 0 to 100; left out it does not count"},
"sentiment_score": {"description": "a score of sentiment from 0 to 100; left out it does not count"},
"rank": {"description": "the place in the chart, from 1"},
"chart_length": {"description": "the places of the chart"},
"baseline": {"description": "the raw momentum that scores 85"},
"category_id": {"description": "the id of a category of YouTube, such as 10 for music"},
"published_at": {"description": "when it was published"},
"as_of": {"description": "the instant to compute it for"},
"score": {"description": "votes for less votes against"},
"points": {"description": "points, the author''s own included"}
}'::json;
COMMENT ON FUNCTION vvault.openapi_arguments() IS
'What an argument of a reader means and what a schema can say of it, by its name.';

CREATE FUNCTION vvault.openapi_site() RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '[
{"path": "/api/trending/{region}", "function": "vvault_trending"},
{"path": "/api/search", "function": "vvault_search"},
{"path": "/api/videos/{video_id}", "function": "vvault_video"},
{"path": "/api/videos/{video_id}/related", "function": "vvault_related"},
{"path": "/api/regions", "function": "vvault_regions"},
{"path": "/api/analytics", "function": "vvault_analytics"},
{"path": "/api/insights/{region}", "function": "vvault_insights"},
{"path": "/api/openapi.json", "function": "vvault_openapi"},
{"path": "/health", "function": "vvault_health"},
{"path": "/dashboard", "function": "vvault_dashboard"}
]'::json;
COMMENT ON FUNCTION vvault.openapi_site() IS
'The URLs that deploy/nginx.conf serves, and the function behind each.';
