/*-------------------------------------------------------------------------
 *
 * deliver.c
 *		Jobs that tell a webhook of an event: {"do": "deliver"}.
 *
 * Whoever may add a webhook chooses an address that this machine connects to.
 * So it is followed nowhere, and it has to be a public one, unless the order
 * says otherwise. That is looked at where the connection is made: a name may
 * have another address by then than when it was asked for first.
 *
 *-------------------------------------------------------------------------
 */
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "task.h"
#include "text.h"

#define KEPT_ANSWER		1000	/* bytes of what the receiver says */
#define MOST_RETRY_AFTER	86400	/* seconds */

typedef struct Delivery
{
	bool		allow_private;
	bool		refused;		/* for its address */
	Buffer		answer;
} Delivery;

typedef struct Network
{
	uint32_t	address;
	int			bits;
} Network;

/* Networks of IPv4 in which no public server is (RFC 6890 and others). */
static const Network not_public[] = {
	{0x00000000, 8}, {0x0A000000, 8}, {0x64400000, 10}, {0x7F000000, 8},
	{0xA9FE0000, 16}, {0xAC100000, 12}, {0xC0000000, 24}, {0xC0000200, 24},
	{0xC0586300, 24}, {0xC0A80000, 16}, {0xC6120000, 15}, {0xC6336400, 24},
	{0xCB007100, 24}, {0xE0000000, 4}, {0xF0000000, 4}
};

/* Whether an IPv4 address is on the public network. */
static bool
is_public_v4(uint32_t address)
{
	for (size_t i = 0; i < sizeof(not_public) / sizeof(not_public[0]); i++)
	{
		if ((address ^ not_public[i].address) >> (32 - not_public[i].bits) == 0)
			return false;
	}
	return true;
}

/* The IPv4 address that four bytes are. */
static uint32_t
v4_at(const unsigned char *bytes)
{
	return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 | bytes[3];
}

/* An address of IPv6 that leads to one of IPv4 is as public as that. */
static bool
is_public_v6(const unsigned char *bytes)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
	static const unsigned char translated[12] = {0, 0x64, 0xFF, 0x9B};

	if (memcmp(bytes, mapped, 12) == 0 || memcmp(bytes, translated, 12) == 0)
		return is_public_v4(v4_at(bytes + 12));
	if (bytes[0] == 0x20 && bytes[1] == 0x02)
		return is_public_v4(v4_at(bytes + 2));
	if ((bytes[0] & 0xE0) != 0x20)
		return false;			/* 2000::/3 alone is public, and of it not: */
	if (bytes[0] == 0x20 && bytes[1] == 0x01 && (bytes[2] < 0x02 || (bytes[2] == 0x0D && bytes[3] == 0xB8)))
		return false;			/* 2001::/23, 2001:db8::/32 */
	return true;
}

/* Whether an address is one that a webhook may be sent to. */
static bool
is_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return is_public_v4(ntohl(((const struct sockaddr_in *) address)->sin_addr.s_addr));
	if (address->sa_family == AF_INET6)
		return is_public_v6(((const struct sockaddr_in6 *) address)->sin6_addr.s6_addr);
	return false;
}

/* Called for each address that a connection is tried to. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	Delivery   *delivery = (Delivery *) arg;

	(void) purpose;
	if (!delivery->allow_private && !is_public(&address->addr))
	{
		delivery->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* The beginning of the answer is kept, the rest is heard and forgotten. */
static size_t
take_answer(char *data, size_t size, size_t n, void *arg)
{
	Delivery   *delivery = (Delivery *) arg;
	size_t		length = size * n;
	size_t		room = KEPT_ANSWER - delivery->answer.length;

	buffer_append(&delivery->answer, data, length < room ? length : room);
	return length;
}

/* The headers of the order as libcurl takes them; the caller frees the list. */
static struct curl_slist *
headers_of(json_t * order)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	const char *name;
	json_t	   *value;

	json_object_foreach(json_object_get(order, "headers"), name, value)
	{
		char	   *line = format_text("%s: %s", name, json_string_value(value) != NULL ? json_string_value(value) : "");

		headers = curl_slist_append(headers, line);
		free(line);
	}
	return headers;
}

/* Tells libcurl what to send, and to follow nobody and to go nowhere else. */
static void
set_options(CURL * curl, json_t * order, Delivery *delivery)
{
	json_t	   *body = json_object_get(order, "body");

	curl_easy_setopt(curl, CURLOPT_URL, json_string_value(json_object_get(order, "url")));
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	/* a proxy would look up the name itself */
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) (order_number("timeout_seconds", 15) * 1000));
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) json_string_length(body));
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, json_string_value(body));
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, delivery);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, delivery);
}

/* The beginning of the receiver's answer as JSON's text; the caller's. */
static json_t *
answer_text(Delivery *delivery)
{
	Buffer		text = {0};
	json_t	   *result;

	append_utf8(&text, delivery->answer.data != NULL ? delivery->answer.data : "", delivery->answer.length);
	result = json_string(text.data != NULL ? text.data : "");
	buffer_free(&text);
	return result != NULL ? result : json_string("");
}

/*
 * Seconds that a busy receiver asks to be left alone for, a number or a date of
 * it; 0 for none. No answer lasts longer than the longest delay of a delivery.
 */
static double
retry_after(CURL * curl, long status)
{
	curl_off_t	seconds = 0;

	if (status != 429 && status != 503)
		return 0;
#if LIBCURL_VERSION_NUM >= 0x074200
	curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds);
#endif
	return seconds < MOST_RETRY_AFTER ? (double) seconds : MOST_RETRY_AFTER;
}

/*
 * What did not come through is tried again when the database says, or later
 * where the receiver asks for that.
 */
static void
fail_for(CURL * curl, long status)
{
	double		asked = retry_after(curl, status);
	double		usual = order_number("retry_seconds", 0);

	if (asked > 0)
		task_fault_until(asked > usual ? asked : usual, "HTTP %ld from the receiver, to be tried after %.0f s", status, asked);
	task_machine_fault("HTTP %ld from the receiver", status);
}

/* Sends the order's body once. */
void
do_deliver(void)
{
	json_t	   *order = json_incref(task_order());
	Delivery	delivery = {.allow_private = json_is_true(json_object_get(order, "allow_private"))};
	CURL	   *curl = curl_easy_init();
	struct curl_slist *headers = headers_of(order);
	CURLcode	code;
	long		status = 0;

	if (curl == NULL || !json_is_string(json_object_get(order, "url")) ||
		!json_is_string(json_object_get(order, "body")))
		task_machine_fault("the order has no url or no body");
	set_options(curl, order, &delivery);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	usage.bytes_written += (int64_t) json_string_length(json_object_get(order, "body"));
	if (code != CURLE_OK && delivery.refused)
		task_machine_fault("the receiver is on an address that is not public");
	if (code != CURLE_OK)
		task_machine_fault("the receiver did not answer: %s", curl_easy_strerror(code));
	if ((status < 200 || status > 299) && status != 410)
		fail_for(curl, status);
	task_done(json_pack("{s:I, s:o}", "status", (json_int_t) status, "answer", answer_text(&delivery)));
}
