/*-------------------------------------------------------------------------
 *
 * channel.c
 *		What the worker and a job's process tell each other: JSON, a line each.
 *
 *-------------------------------------------------------------------------
 */
#include "channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Puts a message into the line of those to be sent; takes it over. */
void
channel_say(Channel *channel, json_t * message)
{
	char	   *text = json_dumps(message, JSON_COMPACT);

	if (text == NULL)
		die("a message cannot be written as JSON");
	buffer_append_text(&channel->out, text);
	buffer_append_text(&channel->out, "\n");
	free(text);
	json_decref(message);
}

/* Sends what goes; false once nobody listens. */
bool
channel_flush(Channel *channel)
{
	while (channel->fd >= 0 && channel->out.length > 0)
	{
		ssize_t		sent = send(channel->fd, channel->out.data, channel->out.length, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		buffer_drop(&channel->out, (size_t) sent);
	}
	return channel->fd >= 0;
}

/* Takes in what has come; false at the end. */
bool
channel_read(Channel *channel)
{
	static char chunk[65536];

	for (;;)
	{
		ssize_t		got = recv(channel->fd, chunk, sizeof(chunk), 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		if (got == 0)
			return false;
		buffer_append(&channel->in, chunk, (size_t) got);
		if ((size_t) got < sizeof(chunk))
			return true;
	}
}

/* The next whole message, or NULL; the caller gives it back. */
json_t *
channel_next(Channel *channel)
{
	char	   *end = channel->in.length > 0 ? memchr(channel->in.data, '\n', channel->in.length) : NULL;
	json_t	   *message;

	if (end == NULL)
		return NULL;
	message = json_loadb(channel->in.data, (size_t) (end - channel->in.data), 0, NULL);
	buffer_drop(&channel->in, (size_t) (end - channel->in.data) + 1);
	return message != NULL ? message : json_object();
}

/* Closes a channel and frees what it holds; one that is closed stays so. */
void
channel_close(Channel *channel)
{
	if (channel->fd >= 0)
		close(channel->fd);
	channel->fd = -1;
	buffer_free(&channel->in);
	buffer_free(&channel->out);
}
