-- The dashboard: analytics as one page. PostgREST serves a page whatever the
-- request accepts only if its type is the domain "*/*".

CREATE DOMAIN vvault."*/*" AS bytea;
COMMENT ON DOMAIN vvault."*/*" IS
'The bytes of a page that says its own Content-Type.';

CREATE FUNCTION @extschema@.vvault_dashboard() RETURNS vvault."*/*"
AS 'MODULE_PATHNAME', 'vvault_dashboard'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION @extschema@.vvault_dashboard() IS
'The dashboard as one HTML page: a radar of viral videos and average score by region, a line chart of the last 14 days of every region, both as tables too, the top videos by region and when each region''s chart was observed.
Units and ranges: bytes of UTF-8; what vvault_analytics(14) replies is in the page as JSON; the top videos are the five of a region''s latest chart with the highest momentum score. The charts are drawn by Chart.js from the address in the setting chartjs_url, which the browser takes only if it has the hash in the setting chartjs_integrity. Called by PostgREST it sets Content-Type and a strict Content-Security-Policy, which the page carries as well.
NULL: takes no argument; a site without any chart gets a page that says so.
Errors: 42501 without the rights of a reader.
Source: vvault_analytics, vvault.videos and vvault.charts; times are of UTC, ages as of the transaction.';
