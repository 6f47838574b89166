/*-------------------------------------------------------------------------
 *
 * etag.c
 *		How long a client may keep a reply, and whether it has it already.
 *
 *-------------------------------------------------------------------------
 */
#include "http/etag.h"

#include "common/hashfn.h"

#include "http/headers.h"
#include "http/request.h"

/* Two 64-bit hashes in hexadecimal, in quotes */
#define ETAG_LEN	(1 + 32 + 1)

/*
 * Whether a list of entity tags names this one. A weak tag (W/"...") counts
 * too: a server that compresses on the way weakens ours.
 */
static bool
names_etag(const char *list, const char *etag)
{
	return list != NULL &&
		(strcmp(list, "*") == 0 || strstr(list, etag) != NULL);
}

/*
 * Cache-Control, X-Cache and, where there is one, the ETag and the type of
 * the reply.
 */
static void
tell_keep(int max_age, const char *etag, const char *x_cache,
		  const char *content_type)
{
	VvHeader	headers[] = {
		{"Cache-Control", "no-store"},
		{"X-Cache", x_cache},
		{"ETag", etag},
		{"Content-Type", content_type},
	};
	int			n = 2;

	if (max_age > 0)
	{
		headers[0].value = psprintf("public, max-age=%d", max_age);
		n = 3;
	}
	else if (max_age == VV_KEEP_PRIVATE)
		headers[0].value = "private, no-store";
	if (content_type != NULL)
		headers[n++] = headers[3];
	vv_http_headers(headers, n);
}

/*
 * Tells PostgREST of a reply that is made from identity, which holds whatever
 * the reply depends on, and may be kept for max_age seconds, 0 for not at all,
 * VV_KEEP_PRIVATE for not even by what stands between; x_cache says where it
 * comes from: HIT, MISS or BYPASS; content_type is NULL for JSON, of which
 * PostgREST says so itself.
 * Returns true where the client has this very reply: the status is 304 then
 * and nothing needs to be made. Only to be called where vv_http_requested().
 */
bool
vv_http_not_modified(const StringInfo identity, int max_age,
					 const char *x_cache, const char *content_type)
{
	char		etag[ETAG_LEN + 1];
	bool		same;

	snprintf(etag, sizeof(etag), "\"%016llx%016llx\"",
			 (unsigned long long) hash_bytes_extended((unsigned char *) identity->data,
													  identity->len, 0),
			 (unsigned long long) hash_bytes_extended((unsigned char *) identity->data,
													  identity->len, 1));
	tell_keep(max_age, etag, x_cache, content_type);
	same = max_age > 0 && names_etag(vv_request_header("if-none-match"), etag);
	if (same)
		vv_http_status(304);
	return same;
}
