--
-- A chart comes in: what vvault_ingest says and what it makes of two pages of
-- a videos.list response. test/pgtap/ingest*.sql go through the odd cases.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vvault CASCADE;
RESET client_min_messages;
BEGIN;
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO';
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.rejected_items, vvault.categories;

SELECT vvault_ingest_categories('{
  "kind": "youtube#videoCategoryListResponse",
  "etag": "c1",
  "items": [
    {"kind": "youtube#videoCategory", "etag": "c2", "id": "10",
     "snippet": {"title": "Music", "assignable": true, "channelId": "UCBR8-60-B28hp2BmDPdntcQ"}},
    {"kind": "youtube#videoCategory", "etag": "c3", "id": "28",
     "snippet": {"title": "Science & Technology", "assignable": true, "channelId": "UCBR8-60-B28hp2BmDPdntcQ"}}
  ]
}');

--
-- The first page: counts are texts, the second video hides its likes
--
SELECT vvault_ingest('PL', '{
  "kind": "youtube#videoListResponse",
  "etag": "r1",
  "nextPageToken": "CAIQAA",
  "pageInfo": {"totalResults": 4, "resultsPerPage": 2},
  "items": [
    {"kind": "youtube#video", "etag": "v1", "id": "song_of_snow",
     "snippet": {
       "publishedAt": "2026-01-09T18:00:00Z",
       "channelId": "UCsnow",
       "title": "Śnieg \u2013 \"na żywo\" \ud83c\udfb5",
       "description": "not kept",
       "thumbnails": {
         "default": {"url": "https://i.example/song/default.jpg", "width": 120, "height": 90},
         "high": {"url": "https://i.example/song/high.jpg", "width": 480, "height": 360}},
       "channelTitle": "Zimowe Głosy",
       "tags": ["śnieg", "na żywo"],
       "categoryId": "10",
       "liveBroadcastContent": "none",
       "defaultLanguage": "en",
       "defaultAudioLanguage": "pl",
       "localized": {"title": "Snow", "description": "not kept"}},
     "contentDetails": {"duration": "PT3M20S", "dimension": "2d", "definition": "hd"},
     "statistics": {"viewCount": "100000", "likeCount": "5000", "favoriteCount": "0", "commentCount": "500"}},
    {"kind": "youtube#video", "etag": "v2", "id": "-_moon_-",
     "snippet": {
       "publishedAt": "2026-01-08T06:30:00+01:00",
       "channelId": "UCmoon",
       "title": "How far is the Moon?",
       "thumbnails": {"default": {"url": "https://i.example/moon/default.jpg"}},
       "channelTitle": "Far & Away",
       "categoryId": "28"},
     "contentDetails": {"duration": "PT1H2M"},
     "statistics": {"viewCount": "2500000", "commentCount": "1200"}}
  ]
}', '2026-01-10 06:00Z') AS first_page;

--
-- The second: a video that slipped over from the first, one that is broken,
-- one without statistics
--
SELECT vvault_ingest('PL', '{
  "kind": "youtube#videoListResponse",
  "pageInfo": {"totalResults": 4, "resultsPerPage": 2},
  "items": [
    {"id": "-_moon_-", "snippet": {"title": "How far is the Moon?", "categoryId": "28"},
     "statistics": {"viewCount": "2500010", "commentCount": "1200"}},
    {"id": "broken", "snippet": {"title": "a\u0000b"}},
    {"id": "bare", "snippet": {"title": "bare"}}
  ]
}', '2026-01-10 06:00Z', 3) AS second_page;

-- six hours later, one of them
SELECT vvault_ingest('PL', '{
  "kind": "youtube#videoListResponse",
  "items": [
    {"id": "song_of_snow", "snippet": {"title": "Śnieg", "channelTitle": "Zimowe Głosy", "categoryId": "10"},
     "statistics": {"viewCount": "130000", "likeCount": "7800", "commentCount": "1300"}}
  ]
}', '2026-01-10 12:00Z', complete => true) AS later;

--
-- What there is now. PL has baselines of 10000 views/h and 6 %: the first
-- chart's song has an engagement of (5000 + 2 * 500) / 100000 = 6 %, which is
-- 25 of 60 points, 41.67. Later it has 30000 views in 6 hours, half of the
-- baseline: 35 * 0.5 + 25 * 1 of 60 points, 70.83. Of the Moon's video only the
-- comments are known: 2 * 1200 / 2500010 = 0.096 %, 25 * 0.016 of 60 points, 0.67.
--
SELECT video_id, charted, rank, chart_length, title, channel_title, category_id, content_language
FROM vvault.videos ORDER BY video_id;
SELECT video_id, thumbnail_url, published_at, duration, tags FROM vvault.videos ORDER BY video_id;
SELECT video_id, views, likes, comments, round(virality_score::numeric, 2) AS virality, first_seen_at, fetched_at
FROM vvault.videos ORDER BY video_id;
SELECT video_id, fetched_at, rank, chart_length, views, likes, comments, round(virality_score::numeric, 2) AS virality
FROM vvault.snapshots ORDER BY video_id, fetched_at;
SELECT * FROM vvault.video_regions ORDER BY video_id;
SELECT * FROM vvault.category_stats ORDER BY category_id;
SELECT * FROM vvault.daily_stats ORDER BY day, category_id;
SELECT region, fetched_at, first_rank, chart_length, accepted, created, rejected FROM vvault.ingests
ORDER BY fetched_at, first_rank;
SELECT item_index, video_id, reason, item FROM vvault.rejected_items;
SELECT * FROM vvault_check();

--
-- Errors: nothing is changed by them
--
SELECT vvault_ingest('pl', '{"kind":"youtube#videoListResponse","items":[]}');
SELECT vvault_ingest('PL', '{"kind":"youtube#searchListResponse","items":[]}');
SELECT vvault_ingest('PL', '{"error":{"code":403,"message":"The quota is \u003cb\u003eexceeded\u003c/b\u003e."}}');
SELECT vvault_ingest('PL', NULL);
SELECT vvault_ingest('PL', '{"kind":"youtube#videoListResponse","items":[]}', 'infinity');
SELECT vvault_ingest('PL', '{"kind":"youtube#videoListResponse","items":[]}', '2026-01-10 06:00Z', 0);
SELECT vvault_ingest('PL', '{"kind":"youtube#videoListResponse","items":[]}', first_rank => 51);
SELECT vvault_ingest_categories('{"kind":"youtube#videoListResponse","items":[]}');
SELECT vvault_ingest_categories('{"kind":"youtube#videoCategoryListResponse","items":[{"id":"ten","snippet":{"title":"Music"}}]}');


-- a day is closed once a later chart is there
SELECT vvault_ingest('PL', '{"kind":"youtube#videoListResponse","items":[{"id":"new","snippet":{"title":"new"}}]}', '2026-01-11 06:00Z') AS next;
SELECT vvault_prune('2026-01-11 00:00Z');
SELECT vvault_ingest('PL', '{"kind":"youtube#videoListResponse","items":[]}', '2026-01-10 20:00Z');
SELECT vvault_block(NULL);
SELECT vvault_prune('-infinity');
SELECT vvault_set('viral_threshold', '101');

ROLLBACK;
