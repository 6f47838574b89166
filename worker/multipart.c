/*-------------------------------------------------------------------------
 *
 * multipart.c
 *		Objects that are too large for one request: S3's multipart upload.
 *
 * Its beginning is an address of the order. The parts' addresses are asked of
 * the database one by one, as how many there are and what they are called is
 * only known now. An upload that fails is aborted.
 *
 *-------------------------------------------------------------------------
 */
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

#define PART_TRIES		6
#define MOST_PARTS		10000

static char *upload_id = NULL;
static Place upload_place;

/* The key of an output; it stays the order's. Fails the job where there is none. */
static const char *
object_key(Place place)
{
	const char *key = place_text(place, "object_key", NULL);

	if (key == NULL)
		task_machine_fault("the order has an output without a key");
	return key;
}

/* An address that the database signs for this upload. */
static char *
signed_url(const char *function, json_t * arguments, const char *name)
{
	json_t	   *answer = task_ask(function, arguments);
	const char *url = json_string_value(json_object_get(answer, name));
	char	   *copy;

	if (url == NULL)
		task_machine_fault("%s gave no address", function);
	copy = copy_text(url);
	json_decref(answer);
	return copy;
}

/* A fresh address for a part of so many bytes; the caller frees it. */
static char *
part_url(int number, int64_t size)
{
	return signed_url("vvault_sign_output_part",
					  json_pack("[s, s, i, I]", object_key(upload_place), upload_id, number, (json_int_t) size), "url");
}

/* A fresh address that ends the upload (url) or gives it up (abort_url); the caller frees it. */
static char *
complete_url(const char *name)
{
	return signed_url("vvault_sign_output_complete", json_pack("[s, s]", object_key(upload_place), upload_id), name);
}

/* Gives up an upload that was begun, so that its parts do not stay. */
static void
__attribute__((noreturn))
abort_upload(const char *problem)
{
	Request		request;

	request_init(&request, "DELETE");
	request.url = complete_url("abort_url");
	(void) request_perform(&request);
	task_machine_fault("storing a large object: %s", problem);
}

/* Begins the upload: the store says what it is called. */
static void
create(Place place)
{
	json_t	   *multipart = json_object_get(task_place(place), "multipart");
	const char *url = json_string_value(json_object_get(json_object_get(multipart, "create"), "url"));

	for (int failures = 0;;)
	{
		Request		request;
		int			code;

		if (url == NULL)
			task_machine_fault("the order has no address for a large object");
		request_init(&request, "POST");
		request.body_text = "";
		request.url = copy_text(url);
		code = request_perform(&request);
		if (request_went_well(&request, code) && request.reply.data != NULL)
			upload_id = element_of_xml(request.reply.data, "UploadId");
		if (upload_id != NULL)
		{
			request_reset(&request);
			break;
		}
		if (++failures == PART_TRIES || !is_worth_another(&request, code))
			task_machine_fault("storing a large object: %s", request_problem(&request, code));
		request_reset(&request);
		wait_before_another(failures);
		task_refresh(0);
		multipart = json_object_get(task_place(place), "multipart");
		url = json_string_value(json_object_get(json_object_get(multipart, "create"), "url"));
	}
	upload_place = place;
}

/* Stores one part; its tag goes into the list that ends the upload. */
static void
store_part(Request *request, int number, Buffer *list)
{
	for (int failures = 0;;)
	{
		int			code;
		char	   *line;

		request->url = part_url(number, request->body_length);
		code = request_perform(request);
		if (request_went_well(request, code))
		{
			line = format_text("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", number, request->etag);
			buffer_append_text(list, line);
			free(line);
			return;
		}
		if (++failures == PART_TRIES || !is_worth_another(request, code))
			abort_upload(request_problem(request, code));
		request_reset(request);
		wait_before_another(failures);
	}
}

/*
 * Ends the upload. A store may answer 200 and say in the text that it failed; one
 * that says the upload is gone has ended it by a request whose answer was lost.
 */
static void
complete(const char *list)
{
	for (int failures = 0;;)
	{
		Request		request;
		int			code;
		bool		gone;

		request_init(&request, "POST");
		request.content_type = "application/xml";
		request.body_text = list;
		request.body_length = (int64_t) strlen(list);
		request.url = complete_url("url");
		code = request_perform(&request);
		if (request_went_well(&request, code) &&
			(request.reply.data == NULL || strstr(request.reply.data, "<Error>") == NULL))
			return;
		gone = code == 0 && request.status == 404 && failures > 0;
		if (gone)
			return;
		if (++failures == PART_TRIES || (!is_worth_another(&request, code) && !request_went_well(&request, code)))
			abort_upload(request_problem(&request, code));
		request_reset(&request);
		wait_before_another(failures);
	}
}

/* The SHA-256 of a file, into 65 bytes. */
static void
digest_file(int fd, int64_t size, char *hex)
{
	static unsigned char chunk[1 << 16];
	EVP_MD_CTX *digest = digest_begin();

	for (int64_t at = 0; at < size;)
	{
		ssize_t		got = pread(fd, chunk, sizeof(chunk), at);

		if (got <= 0)
			task_machine_fault("cannot read a file of its own: %s", strerror(errno));
		digest_add(digest, chunk, (size_t) got);
		at += got;
	}
	digest_end(digest, hex);
}

/* The size of parts that the order names, or as much more as it takes to have few enough. */
static int64_t
fitting_part_size(Place place, int64_t size)
{
	json_t	   *multipart = json_object_get(task_place(place), "multipart");
	int64_t		part_size = (int64_t) json_integer_value(json_object_get(multipart, "part_size"));

	if (part_size < 1)
		task_machine_fault("the order has no size of parts");
	while ((size + part_size - 1) / part_size > MOST_PARTS)
		part_size *= 2;
	return part_size;
}

/*
 * Stores a file as an object, part by part; what it is then is in stored. Fails
 * the job, and gives up the upload, where the store does not take it.
 */
void
upload_in_parts(Place place, const char *path, Stored *stored, double progress_from, double progress_to)
{
	int64_t		part_size;
	Buffer		list = {NULL, 0, 0};
	struct stat status;
	int			fd = open(path, O_RDONLY | O_CLOEXEC);
	int			number = 0;

	if (fd < 0 || fstat(fd, &status) != 0)
		task_machine_fault("cannot read a file of its own: %s", strerror(errno));
	part_size = fitting_part_size(place, status.st_size);
	create(place);
	buffer_append_text(&list, "<CompleteMultipartUpload>");
	for (int64_t at = 0; at < status.st_size || number == 0; at += part_size)
	{
		Request		request;

		request_init(&request, "PUT");
		request.from_fd = fd;
		request.from_offset = at;
		request.body_length = status.st_size - at < part_size ? status.st_size - at : part_size;
		request.progress_from = progress_from;
		request.progress_to = progress_to;
		request.progress_total = (double) status.st_size;
		request.done_before = at;
		store_part(&request, ++number, &list);
		request_reset(&request);
	}
	buffer_append_text(&list, "</CompleteMultipartUpload>");
	complete(list.data);
	stored->size = status.st_size;
	digest_file(fd, status.st_size, stored->sha256);
	close(fd);
	buffer_free(&list);
	free(upload_id);
	upload_id = NULL;
}
