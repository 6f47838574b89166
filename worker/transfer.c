/*-------------------------------------------------------------------------
 *
 * transfer.c
 *		Bytes between this machine and the stores, by signed addresses.
 *
 * What fails for a while is tried again, a few times and each time later. An
 * address that is refused may have expired: the order is made anew first.
 *
 *-------------------------------------------------------------------------
 */
#include "transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

#define TRIES			7
#define FIRST_DELAY		0.3
#define MOST_DELAY		15
#define MOST_ASKED_FOR	60		/* seconds that a store is left alone for */
#define KEPT_REPLY		(1 << 20)
#define FRESH_SECONDS	30		/* an older order is made anew before it is
								 * used */

/* Of these a digest is made while bytes pass by. */
EVP_MD_CTX *
digest_begin(void)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();

	if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
		task_machine_fault("libcrypto has no SHA-256");
	return digest;
}

/* Adds bytes to a digest; NULL is none. */
void
digest_add(EVP_MD_CTX * digest, const void *data, size_t length)
{
	if (digest != NULL)
		EVP_DigestUpdate(digest, data, length);
}

/* Ends a digest: 64 hexadecimal digits and a zero; frees it. */
void
digest_end(EVP_MD_CTX * digest, char *hex)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned	length = 0;

	EVP_DigestFinal_ex(digest, bytes, &length);
	for (unsigned i = 0; i < length; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	EVP_MD_CTX_free(digest);
}

/* Begins a digest anew; NULL is none. */
static void
digest_again(EVP_MD_CTX * digest)
{
	if (digest != NULL)
		EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
}

/* A text of a place: place.name, or place.name.inner. */
const char *
place_text(Place place, const char *name, const char *inner)
{
	json_t	   *found = task_place(place);

	if (json_is_string(found))
		return json_string_value(found);	/* a bare address */
	found = json_object_get(found, name);
	if (inner != NULL)
		found = json_object_get(found, inner);
	return json_string_value(found);
}

/*
 * The address of a place, to read or to write; the caller frees it. Fails the
 * job where there is none.
 */
static char *
url_of(Place place, bool writing)
{
	const char *url = writing ? place_text(place, "put", "url") : place_text(place, "url", NULL);

	if (url == NULL)
		task_machine_fault("the order has no address for it");
	return copy_text(url);
}

/* ---------------------------------------------------------------------------
 * One request
 * ---------------------------------------------------------------------------
 */

/* Prepares a request that has no body and keeps its reply. */
void
request_init(Request *request, const char *method)
{
	memset(request, 0, sizeof(*request));
	request->method = method;
	request->from_fd = -1;
	request->to_fd = -1;
	request->most_bytes = KEPT_REPLY;
}

/* Frees what came of a request, and its address, so that it can be made again. */
void
request_reset(Request *request)
{
	free(request->url);
	request->url = NULL;
	buffer_free(&request->reply);
	request->moved = 0;
	request->status = 0;
	request->etag[0] = '\0';
}

/* libcurl's writer: into the file, or of an error and a short reply into memory. */
static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	Request    *request = (Request *) arg;
	size_t		length = size * n;

	if (request->to_fd < 0 || request->status >= 300)
	{
		if (request->reply.length + length > KEPT_REPLY)
			return 0;
		buffer_append(&request->reply, data, length);
		return length;
	}
	if (request->to_offset + request->moved + (int64_t) length > request->most_bytes)
		return 0;
	for (size_t done = 0; done < length;)
	{
		ssize_t		written = pwrite(request->to_fd, data + done, length - done,
									 request->to_offset + request->moved + (int64_t) done);

		if (written <= 0)
			return 0;
		done += (size_t) written;
	}
	digest_add(request->digest, data, length);
	request->moved += (int64_t) length;
	usage.bytes_read += (int64_t) length;
	return length;
}

/* libcurl's reader of headers: the status and the ETag. */
static size_t
take_header(char *line, size_t size, size_t n, void *arg)
{
	Request    *request = (Request *) arg;
	size_t		length = size * n;

	if (length > 9 && strncmp(line, "HTTP/", 5) == 0 && memchr(line, ' ', length) != NULL)
		request->status = strtol((char *) memchr(line, ' ', length), NULL, 10);
	else if (length > 5 && strncasecmp(line, "ETag:", 5) == 0)
	{
		const char *value = line + 5;
		size_t		left = length - 5;

		while (left > 0 && *value == ' ')
			value++, left--;
		while (left > 0 && strchr("\r\n ", value[left - 1]) != NULL)
			left--;
		if (left < sizeof(request->etag))
		{
			memcpy(request->etag, value, left);
			request->etag[left] = '\0';
		}
	}
	return length;
}

/* libcurl's reader: the next bytes of what is sent. */
static size_t
give_body(char *data, size_t size, size_t n, void *arg)
{
	Request    *request = (Request *) arg;
	int64_t		left = request->body_length - request->moved;
	size_t		wanted = size * n;
	ssize_t		got;

	if (left < (int64_t) wanted)
		wanted = (size_t) left;
	if (request->from_fd >= 0)
		got = pread(request->from_fd, data, wanted, request->from_offset + request->moved);
	else
	{
		memcpy(data, request->body_text + request->moved, wanted);
		got = (ssize_t) wanted;
	}
	if (got < 0 || (size_t) got < wanted)
		return CURL_READFUNC_ABORT;
	digest_add(request->digest, data, (size_t) got);
	request->moved += got;
	usage.bytes_written += got;
	return (size_t) got;
}

/* Sent again from the beginning, as after a connection that had gone stale. */
static int
rewind_body(void *arg, curl_off_t offset, int origin)
{
	Request    *request = (Request *) arg;

	if (origin != SEEK_SET || offset != 0)
		return CURL_SEEKFUNC_CANTSEEK;
	digest_again(request->digest);
	request->moved = 0;
	return CURL_SEEKFUNC_OK;
}

/* libcurl's progress, as that of the job. */
static int
show_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	Request    *request = (Request *) arg;

	(void) down_total;
	(void) down;
	(void) up_total;
	(void) up;
	if (request->progress_total > 0)
		task_progress(request->progress_from, request->progress_to,
					  (double) (request->done_before + request->to_offset + request->moved) / request->progress_total);
	return 0;
}

/*
 * Tells libcurl what every request has: no other protocols, no redirects, no
 * waiting for a dead peer.
 */
static void
set_safe_options(CURL * curl, Request *request)
{
	curl_easy_setopt(curl, CURLOPT_URL, request->url);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 15L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 120L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "vvault-worker/" VVAULT_VERSION);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, request);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, show_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, request);
}

/* Tells libcurl what to send, or from where to go on reading. */
static void
set_method(CURL * curl, Request *request)
{
	if (strcmp(request->method, "PUT") == 0 || strcmp(request->method, "POST") == 0)
	{
		curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t) request->body_length);
		curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(curl, CURLOPT_READDATA, request);
		curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, rewind_body);
		curl_easy_setopt(curl, CURLOPT_SEEKDATA, request);
	}
	if (strcmp(request->method, "GET") != 0)
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	else if (request->to_offset > 0)
		curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t) request->to_offset);
}

/* For how many seconds the store wants to be left alone, by its last answer */
static long asked_to_wait = 0;

/* Keeps what an answer says of that, by Retry-After. */
void
heed_retry_after(void *curl)
{
	curl_off_t	seconds = 0;

	if (curl_easy_getinfo((CURL *) curl, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds < 0)
		seconds = 0;
	asked_to_wait = seconds > MOST_ASKED_FOR ? MOST_ASKED_FOR : (long) seconds;
}

/* Does a request; returns libcurl's code, and leaves the rest in the request. */
int
request_perform(Request *request)
{
	static CURL * curl = NULL;
	struct curl_slist *headers = NULL;
	CURLcode	code;

	if (curl == NULL)
		curl = curl_easy_init();
	if (curl == NULL)
		task_machine_fault("libcurl does not start");
	curl_easy_reset(curl);
	set_safe_options(curl, request);
	set_method(curl, request);
	headers = curl_slist_append(headers, "Expect:");
	if (request->content_type != NULL)
	{
		char	   *line = format_text("Content-Type: %s", request->content_type);

		headers = curl_slist_append(headers, line);
		free(line);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(curl);
	heed_retry_after(curl);
	curl_slist_free_all(headers);
	return (int) code;
}

/* Whether the store did what it was asked. */
bool
request_went_well(const Request *request, int code)
{
	return code == CURLE_OK && request->status >= 200 && request->status < 300;
}

/* Is it of the kind that passes? */
bool
is_worth_another(const Request *request, int code)
{
	switch (code)
	{
		case CURLE_OK:
			return request->status >= 500 || request->status == 408 || request->status == 429 ||
				request->status == 401 || request->status == 403 || request->status == 404;
		case CURLE_WRITE_ERROR:
		case CURLE_URL_MALFORMAT:
		case CURLE_UNSUPPORTED_PROTOCOL:
		case CURLE_ABORTED_BY_CALLBACK:
			return false;
		default:
			return true;
	}
}

/* What went wrong, without the address: it is signed. */
char *
request_problem(const Request *request, int code)
{
	char	   *reason = NULL;
	char	   *problem;

	if (code != CURLE_OK)
		return format_text("%s", curl_easy_strerror((CURLcode) code));
	if (request->reply.data != NULL)
		reason = element_of_xml(request->reply.data, "Code");
	problem = format_text("the store answered %ld%s%s", request->status, reason != NULL ? " " : "",
						  reason != NULL ? reason : "");
	free(reason);
	return problem;
}

/*
 * Waits before another try, the longer the more have failed, and for as long as
 * the store asked for; what many were asked for alike differs by chance.
 */
void
wait_before_another(int failures)
{
	double		seconds = backoff_seconds(failures, FIRST_DELAY, MOST_DELAY);
	double		asked = asked_to_wait * (1 + random_fraction() / 4);

	asked_to_wait = 0;
	usleep((useconds_t) ((seconds > asked ? seconds : asked) * 1e6));
}

/* Did the store not take the address? */
static bool
was_refused(const Request *request, int code)
{
	return code == CURLE_OK && request->status / 100 == 4 && request->status != 408 && request->status != 429;
}

/*
 * After a request that went wrong: waits, and has the order made anew where the
 * address was refused. Ends the job's process where it is hopeless.
 */
static void
get_over(const Request *request, int code, int failures, const char *what)
{
	char	   *problem = request_problem(request, code);

	if (failures >= TRIES || !is_worth_another(request, code) || (was_refused(request, code) && failures >= 3))
		task_machine_fault("%s: %s", what, problem);
	log_line(LOG_DEBUG_LEVEL, "%s: %s, trying again", what, problem);
	free(problem);
	wait_before_another(failures);
	if (was_refused(request, code))
		task_refresh(0);
}

/* ---------------------------------------------------------------------------
 * Whole objects
 * ---------------------------------------------------------------------------
 */

/* Opens a file of the job's; fails the job where it cannot. */
static int
open_or_fail(const char *path, int flags)
{
	int			fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		task_machine_fault("cannot open a file of its own: %s", strerror(errno));
	return fd;
}

/* Fails the job where what was read is not what the order says. */
static void
check_download(Place place, const Stored *stored)
{
	json_t	   *size = json_object_get(task_place(place), "size");
	const char *sha256 = place_text(place, "sha256", NULL);

	if (json_is_integer(size) && json_integer_value(size) != stored->size)
		task_machine_fault("the source has %lld bytes, not %lld", (long long) stored->size,
						   (long long) json_integer_value(size));
	if (sha256 != NULL && strcasecmp(sha256, stored->sha256) != 0)
		task_machine_fault("the source is not what was uploaded: its SHA-256 is %s, not %s", stored->sha256, sha256);
}

/* Fetches an object into a file, and goes on where it broke off. */
void
download(Place place, const char *path, Stored *stored, double progress_to)
{
	json_t	   *size = json_object_get(task_place(place), "size");
	Request		request;
	int			failures = 0;

	request_init(&request, "GET");
	request.to_fd = open_or_fail(path, O_RDWR | O_CREAT | O_TRUNC);
	request.most_bytes = json_is_integer(size) ? json_integer_value(size) : INT64_MAX;
	request.progress_total = json_is_integer(size) ? (double) json_integer_value(size) : 0;
	request.progress_to = progress_to;
	request.digest = digest_begin();
	for (;;)
	{
		int			code;

		request.url = url_of(place, false);
		code = request_perform(&request);
		if (request_went_well(&request, code))
			break;
		if (code == CURLE_WRITE_ERROR)
			task_machine_fault("cannot keep the source: it is longer than was said, or the disk is full");
		get_over(&request, code, ++failures, "reading the source");
		request.to_offset += request.moved;
		if (code == CURLE_RANGE_ERROR || request.status == 416)
		{
			/* a store that gives no parts: from the beginning */
			request.to_offset = 0;
			digest_again(request.digest);
		}
		request_reset(&request);
	}
	stored->size = request.to_offset + request.moved;
	digest_end(request.digest, stored->sha256);
	close(request.to_fd);
	request_reset(&request);
	check_download(place, stored);
}

/* Puts what the request has as its body, as one object. */
static void
put(Request *request, Place place, Stored *stored)
{
	int			failures = 0;

	request->digest = digest_begin();
	task_refresh(FRESH_SECONDS);
	for (;;)
	{
		int			code;

		request->url = url_of(place, true);
		code = request_perform(request);
		if (request_went_well(request, code))
			break;
		get_over(request, code, ++failures, "storing an object");
		request_reset(request);
		digest_again(request->digest);
	}
	stored->size = request->moved;
	digest_end(request->digest, stored->sha256);
	request_reset(request);
}

/* Whether a file is larger than the order lets be stored by one request. */
static bool
goes_in_parts(Place place, int64_t size)
{
	json_t	   *multipart = json_object_get(task_place(place), "multipart");

	return multipart != NULL &&
		(place_text(place, "put", "url") == NULL ||
		 size > json_integer_value(json_object_get(multipart, "above")));
}

/*
 * Stores a file of the job's as an object, in parts where the order wants that
 * of its size; what it is then is in stored. The part of the job's progress that
 * this is goes from progress_from to progress_to.
 */
void
upload_file(Place place, const char *path, const char *content_type, Stored *stored,
			double progress_from, double progress_to)
{
	Request		request;
	struct stat status;

	request_init(&request, "PUT");
	request.content_type = content_type;
	request.from_fd = open_or_fail(path, O_RDONLY);
	if (fstat(request.from_fd, &status) != 0)
		task_machine_fault("cannot read a file of its own: %s", strerror(errno));
	if (goes_in_parts(place, status.st_size))
	{
		close(request.from_fd);
		upload_in_parts(place, path, stored, progress_from, progress_to);
		return;
	}
	request.body_length = status.st_size;
	request.progress_from = progress_from;
	request.progress_to = progress_to;
	request.progress_total = (double) status.st_size;
	put(&request, place, stored);
	close(request.from_fd);
}

/* Stores a text as an object; what it is then is in stored. */
void
upload_text(Place place, const char *text, size_t length, const char *content_type, Stored *stored)
{
	Request		request;

	request_init(&request, "PUT");
	request.content_type = content_type;
	request.body_text = text;
	request.body_length = (int64_t) length;
	put(&request, place, stored);
}

/* Deletes an object; one that is not there is deleted. */
void
delete_object(Place place)
{
	int			failures = 0;

	for (;;)
	{
		Request		request;
		int			code;

		request_init(&request, "DELETE");
		request.url = url_of(place, false);
		code = request_perform(&request);
		if (request_went_well(&request, code) || (code == CURLE_OK && (request.status == 404 || request.status == 410)))
		{
			request_reset(&request);
			return;
		}
		get_over(&request, code, ++failures, "deleting an object");
		request_reset(&request);
	}
}
