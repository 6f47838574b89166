/*-------------------------------------------------------------------------
 *
 * jwt.h
 *		A token (RFC 7519) taken apart, and what is wrong with it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_JWT_H
#define VVAULT_JWT_H

#include "core/compat.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

#include "protect/caller.h"

#define VV_TOKEN_MAX		8192	/* bytes */
#define VV_TOKEN_HEADER_MAX	1024
#define VV_TOKEN_LISTED		8	/* elements of a claim that are looked at */

/* A claim that may be one text or several */
typedef struct VvTexts
{
	int			n;
	char	   *texts[VV_TOKEN_LISTED];
} VvTexts;

typedef struct VvToken
{
	/* the token's own bytes: what is signed, and the signature */
	const char *signed_part;
	int			signed_len;
	uint8		signature[64];
	int			signature_len;

	/* the header */
	char	   *algorithm;
	char	   *kid;

	/* the claims, as JSON and one by one; NULL or 0 where they are not there */
	char	   *claims;
	int			claims_len;
	char	   *issuer;
	char	   *subject;
	char	   *jti;
	char	   *video_id;
	VvTexts		audience;
	VvPermission most;			/* as "permissions" say, all without */
	bool		has_permissions;
	double		expires;		/* seconds since 1970 */
	double		not_before;
	double		issued;

	/* until when its key is good; set by whoever checks its signature */
	TimestampTz checked_until;
} VvToken;

extern const char *vv_read_token_header(const char *token, int len, VvToken *read);
extern const char *vv_read_token_claims(const char *token, int len, VvToken *read);

#endif							/* VVAULT_JWT_H */
