/*-------------------------------------------------------------------------
 *
 * join.c
 *		One object out of several, without a file in between.
 *
 * The parts are fetched one behind the other, and what comes goes on into the
 * object at once: two transfers, with some memory between them.
 *
 *-------------------------------------------------------------------------
 */
#include "transfer.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define ROOM		(4 << 20)	/* between the two transfers */
#define TRIES		5

typedef struct Join
{
	CURLM	   *multi;
	CURL	   *get;
	CURL	   *put;
	int			nparts;
	int			part;			/* that is fetched */
	int64_t		part_got;		/* of it, up to now */
	long		get_status;
	bool		get_paused;
	bool		put_paused;
	bool		get_active;
	Buffer		between;
	size_t		given;			/* of what is between */
	int64_t		size;
	int64_t		sent;
	EVP_MD_CTX *digest;
	int			failures;		/* of fetching */
	char	   *problem;		/* why it broke off */
} Join;

/* libcurl's writer: keeps bytes of a part, or pauses while there is no room. */
static size_t
take_part(char *data, size_t size, size_t n, void *arg)
{
	Join	   *join = (Join *) arg;
	size_t		length = size * n;

	curl_easy_getinfo(join->get, CURLINFO_RESPONSE_CODE, &join->get_status);
	if (join->get_status >= 300)
		return length;			/* words of an error */
	if (join->between.length - join->given + length > ROOM)
	{
		join->get_paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	buffer_append(&join->between, data, length);
	join->part_got += (int64_t) length;
	usage.bytes_read += (int64_t) length;
	return length;
}

/* libcurl's reader: gives bytes to the whole, or pauses while there are none. */
static size_t
give_whole(char *data, size_t size, size_t n, void *arg)
{
	Join	   *join = (Join *) arg;
	size_t		length = join->between.length - join->given;

	if (length == 0)
	{
		join->put_paused = true;
		return CURL_READFUNC_PAUSE;
	}
	if (length > size * n)
		length = size * n;
	memcpy(data, join->between.data + join->given, length);
	digest_add(join->digest, data, length);
	join->given += length;
	join->sent += (int64_t) length;
	usage.bytes_written += (int64_t) length;
	if (join->given > ROOM / 2 || join->given == join->between.length)
	{
		buffer_drop(&join->between, join->given);
		join->given = 0;
	}
	task_progress(0, 1, (double) join->sent / (double) join->size);
	return length;
}

/* A writer for libcurl that drops what the store says. */
static size_t
ignore_reply(char *data, size_t size, size_t n, void *arg)
{
	(void) data;
	(void) arg;
	return size * n;
}

/* A transfer with what all have in common; fails the job where there is no address. */
static CURL *
begin_transfer(Join *join, const char *url)
{
	CURL	   *curl = curl_easy_init();

	if (curl == NULL || url == NULL)
		task_machine_fault("the order has no address for it");
	curl_easy_setopt(curl, CURLOPT_URL, url);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 15L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 120L);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, join);
	return curl;
}

/* Begins to read the next part, from where it broke off. */
static void
begin_part(Join *join)
{
	Place		place = {PLACE_PART, join->part};

	join->get = begin_transfer(join, place_text(place, "url", NULL));
	curl_easy_setopt(join->get, CURLOPT_WRITEFUNCTION, take_part);
	if (join->part_got > 0)
		curl_easy_setopt(join->get, CURLOPT_RESUME_FROM_LARGE, (curl_off_t) join->part_got);
	join->get_status = 0;
	join->get_paused = false;
	join->get_active = true;
	curl_multi_add_handle(join->multi, join->get);
}

/* Begins to write the whole, whose size is known. */
static void
begin_whole(Join *join, Place target, struct curl_slist *headers)
{
	join->put = begin_transfer(join, place_text(target, "put", "url"));
	curl_easy_setopt(join->put, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(join->put, CURLOPT_INFILESIZE_LARGE, (curl_off_t) join->size);
	curl_easy_setopt(join->put, CURLOPT_READFUNCTION, give_whole);
	curl_easy_setopt(join->put, CURLOPT_READDATA, join);
	curl_easy_setopt(join->put, CURLOPT_WRITEFUNCTION, ignore_reply);
	curl_easy_setopt(join->put, CURLOPT_HTTPHEADER, headers);
	curl_multi_add_handle(join->multi, join->put);
}

/* Ends the transfer of a part. */
static void
end_part(Join *join)
{
	curl_multi_remove_handle(join->multi, join->get);
	curl_easy_cleanup(join->get);
	join->get = NULL;
	join->get_active = false;
}

/* A part's transfer has ended: the next one, or the rest of it again. */
static void
part_ended(Join *join, CURLcode code)
{
	Place		place = {PLACE_PART, join->part};
	json_t	   *size = json_object_get(task_place(place), "size");

	curl_easy_getinfo(join->get, CURLINFO_RESPONSE_CODE, &join->get_status);
	heed_retry_after(join->get);
	end_part(join);
	if (code == CURLE_OK && join->get_status >= 200 && join->get_status < 300 &&
		(!json_is_integer(size) || json_integer_value(size) == join->part_got))
	{
		join->part_got = 0;
		join->failures = 0;
		if (++join->part < join->nparts)
			begin_part(join);
		return;
	}
	if (++join->failures >= TRIES)
	{
		join->problem = format_text("part %d: %s, status %ld", join->part + 1, curl_easy_strerror(code), join->get_status);
		return;
	}
	wait_before_another(join->failures);
	if (join->get_status / 100 == 4)
		task_refresh(0);
	begin_part(join);
}

/* Lets a side go on that was paused and has no more cause to be. */
static void
let_go_on(Join *join)
{
	size_t		between = join->between.length - join->given;

	if (join->get_active && join->get_paused && between < ROOM / 2)
	{
		join->get_paused = false;
		curl_easy_pause(join->get, CURLPAUSE_CONT);
	}
	if (join->put_paused && between > 0)
	{
		join->put_paused = false;
		curl_easy_pause(join->put, CURLPAUSE_CONT);
	}
}

/* Both transfers to their end; the status of the whole object's. */
static long
run_both(Join *join)
{
	for (;;)
	{
		int			running;
		int			waiting;
		CURLMsg    *message;

		curl_multi_perform(join->multi, &running);
		while ((message = curl_multi_info_read(join->multi, &waiting)) != NULL)
		{
			CURLcode	code = message->data.result;
			long		status = 0;

			if (message->easy_handle == join->get)
			{
				part_ended(join, code);
				continue;
			}
			curl_easy_getinfo(join->put, CURLINFO_RESPONSE_CODE, &status);
			heed_retry_after(join->put);
			if (code != CURLE_OK)
				join->problem = copy_text(curl_easy_strerror(code));
			return status;
		}
		if (join->problem != NULL)
			return 0;
		if (!join->get_active && join->put_paused && join->between.length == join->given && join->sent < join->size)
		{
			join->problem = format_text("the parts have %lld bytes, not %lld", (long long) join->sent, (long long) join->size);
			return 0;
		}
		let_go_on(join);
		curl_multi_poll(join->multi, NULL, 0, 200, NULL);
	}
}

/* Frees all that an attempt to join had. */
static void
clean_up(Join *join)
{
	if (join->get != NULL)
		end_part(join);
	curl_multi_remove_handle(join->multi, join->put);
	curl_easy_cleanup(join->put);
	curl_multi_cleanup(join->multi);
	buffer_free(&join->between);
}

/* One try; NULL, or why it went wrong. */
static char *
try_to_join(int nparts, Place target, int64_t size, Stored *stored)
{
	Join		join = {.nparts = nparts, .size = size};
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	long		status;

	join.multi = curl_multi_init();
	join.digest = digest_begin();
	begin_whole(&join, target, headers);
	if (nparts > 0)
		begin_part(&join);
	status = run_both(&join);
	if (join.problem == NULL && (status < 200 || status >= 300))
		join.problem = format_text("the store answered %ld", status);
	clean_up(&join);
	curl_slist_free_all(headers);
	stored->size = join.sent;
	digest_end(join.digest, stored->sha256);
	return join.problem;
}

/*
 * The parts are gone where an earlier attempt ended after it had deleted them and
 * before it could say so. Then the whole object is there.
 */
static bool
was_joined_before(Place target, int64_t size, Stored *stored)
{
	char	   *path;

	if (place_text(target, "url", NULL) == NULL)
		return false;
	path = format_text("%s/joined", task_folder());
	download(target, path, stored, 0.9);
	free(path);
	return stored->size == size;
}

/*
 * Joins the parts of an upload to one object; what it is then is in stored.
 * Fails the job where it cannot be done.
 */
void
join_parts(int nparts, Place target, int64_t size, Stored *stored)
{
	for (int failures = 0;;)
	{
		char	   *problem = try_to_join(nparts, target, size, stored);

		if (problem == NULL)
			return;
		if (strstr(problem, "status 404") != NULL && was_joined_before(target, size, stored))
			return;
		if (++failures == TRIES)
			task_machine_fault("joining the parts: %s", problem);
		log_line(LOG_DEBUG_LEVEL, "joining the parts: %s, trying again", problem);
		free(problem);
		wait_before_another(failures);
		task_refresh(0);
	}
}
