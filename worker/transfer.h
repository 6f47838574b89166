/*-------------------------------------------------------------------------
 *
 * transfer.h
 *		Bytes between this machine and the stores, by signed addresses.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "task.h"

/* An object as it was stored. */
typedef struct Stored
{
	int64_t		size;
	char		sha256[65];
} Stored;

/* What is sent or fetched at once. */
typedef struct Request
{
	const char *method;
	char	   *url;
	const char *content_type;
	int			from_fd;		/* body: a file's part, else body_text */
	int64_t		from_offset;
	int64_t		body_length;
	const char *body_text;
	int			to_fd;			/* -1: the reply is kept in reply */
	int64_t		to_offset;		/* the file has so much already */
	int64_t		most_bytes;		/* of the reply */
	EVP_MD_CTX *digest;			/* of what went through */
	double		progress_from;
	double		progress_to;
	double		progress_total;
	int64_t		done_before;	/* of the whole, by requests before this one */
	/* what came of it */
	int64_t		moved;
	long		status;
	Buffer		reply;
	char		etag[256];
} Request;

extern void request_init(Request *request, const char *method);
extern int	request_perform(Request *request);
extern char *request_problem(const Request *request, int code);
extern void request_reset(Request *request);
extern bool request_went_well(const Request *request, int code);
extern bool is_worth_another(const Request *request, int code);
extern void heed_retry_after(void *curl);
extern void wait_before_another(int failures);

extern EVP_MD_CTX * digest_begin(void);
extern void digest_add(EVP_MD_CTX * digest, const void *data, size_t length);
extern void digest_end(EVP_MD_CTX * digest, char *hex);

extern void download(Place place, const char *path, Stored *stored, double progress_to);
extern void upload_file(Place place, const char *path, const char *content_type, Stored *stored,
						double progress_from, double progress_to);
extern void upload_text(Place place, const char *text, size_t length, const char *content_type, Stored *stored);
extern void delete_object(Place place);
extern void upload_in_parts(Place place, const char *path, Stored *stored, double progress_from, double progress_to);
extern void join_parts(int nparts, Place target, int64_t size, Stored *stored);
extern const char *place_text(Place place, const char *name, const char *inner);

#endif							/* TRANSFER_H */
