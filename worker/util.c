/*-------------------------------------------------------------------------
 *
 * util.c
 *		Memory, texts, time and the log: what every part of the worker uses.
 *
 * Memory that is not to be had ends the process: a job's process is one of
 * many, and the worker is started again by systemd, with nothing lost.
 *
 *-------------------------------------------------------------------------
 */
#include "util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

LogLevel	log_level = LOG_INFO_LEVEL;

/* A line in one write, so that those of several processes do not mix. */
void
log_line(LogLevel level, const char *format,...)
{
	va_list		args;
	char	   *text;
	char	   *line;

	if (level > log_level)
		return;
	va_start(args, format);
	text = format_text_v(format, args);
	va_end(args);
	line = format_text("vvault-worker[%d]: %s\n", (int) getpid(), text);
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
	{
		/* nobody listens: there is nobody to tell */
	}
	free(line);
	free(text);
}

/* Logs why and ends the process at once. */
void
die(const char *format,...)
{
	va_list		args;
	char	   *text;

	va_start(args, format);
	text = format_text_v(format, args);
	va_end(args);
	log_line(LOG_ERROR_LEVEL, "%s", text);
	free(text);
	_exit(1);
}

/* Memory that is zero; ends the process where there is none. The caller frees it. */
void *
allocate(size_t size)
{
	void	   *memory = calloc(1, size > 0 ? size : 1);

	if (memory == NULL)
		die("out of memory");
	return memory;
}

/* realloc() that ends the process where there is no memory. */
void *
reallocate(void *memory, size_t size)
{
	memory = realloc(memory, size > 0 ? size : 1);
	if (memory == NULL)
		die("out of memory");
	return memory;
}

/* A copy of a text; the caller frees it. */
char *
copy_text(const char *text)
{
	size_t		size = strlen(text) + 1;

	return memcpy(allocate(size), text, size);
}

/* A formatted text, of a va_list; the caller frees it. */
char *
format_text_v(const char *format, va_list args)
{
	va_list		again;
	int			length;
	char	   *text;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	if (length < 0)
		length = 0;
	text = allocate((size_t) length + 1);
	vsnprintf(text, (size_t) length + 1, format, again);
	va_end(again);
	return text;
}

/* A formatted text; the caller frees it. */
char *
format_text(const char *format,...)
{
	va_list		args;
	char	   *text;

	va_start(args, format);
	text = format_text_v(format, args);
	va_end(args);
	return text;
}

/* Appends bytes, behind which a zero stands that does not count; 0 bytes make an empty text. */
void
buffer_append(Buffer *buffer, const void *data, size_t length)
{
	size_t		wanted = buffer->length + length + 1;

	if (wanted > buffer->size)
	{
		size_t		size = buffer->size * 2;

		if (size < 256)
			size = 256;
		if (size < wanted)
			size = wanted;
		buffer->data = reallocate(buffer->data, size);
		buffer->size = size;
	}
	if (length > 0)
		memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

/* Appends a text. */
void
buffer_append_text(Buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

/* Takes so many bytes off the beginning. */
void
buffer_drop(Buffer *buffer, size_t length)
{
	if (length == 0)
		return;
	buffer->length -= length;
	memmove(buffer->data, buffer->data + length, buffer->length + 1);
}

/* Frees what a buffer holds, which is empty then. */
void
buffer_free(Buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

/* Of a clock that nobody sets. */
double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* A number from 0 to below 1. */
double
random_fraction(void)
{
	return (double) random() / ((double) RAND_MAX + 1);
}

/*
 * How long to wait after so many failures in a row: twice as long each time,
 * half of it by chance, so that many workers do not come back all at once.
 */
double
backoff_seconds(int failures, double first, double most)
{
	double		seconds = first;

	while (failures-- > 1 && seconds < most)
		seconds *= 2;
	if (seconds > most)
		seconds = most;
	return seconds * (0.5 + random_fraction() / 2);
}
