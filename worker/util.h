/*-------------------------------------------------------------------------
 *
 * util.h
 *		Memory, texts, time and the log: what every part of the worker uses.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UTIL_H
#define UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* A text or bytes that grow; data always ends with a zero byte. */
typedef struct Buffer
{
	char	   *data;
	size_t		length;
	size_t		size;
} Buffer;

typedef enum LogLevel
{
	LOG_ERROR_LEVEL,
	LOG_INFO_LEVEL,
	LOG_DEBUG_LEVEL
} LogLevel;

extern LogLevel log_level;

extern void log_line(LogLevel level, const char *format,...) PRINTF_LIKE(2, 3);
extern void die(const char *format,...) PRINTF_LIKE(1, 2) __attribute__((noreturn));

extern void *allocate(size_t size);
extern void *reallocate(void *memory, size_t size);
extern char *copy_text(const char *text);
extern char *format_text(const char *format,...) PRINTF_LIKE(1, 2);
extern char *format_text_v(const char *format, va_list args) PRINTF_LIKE(1, 0);

extern void buffer_append(Buffer *buffer, const void *data, size_t length);
extern void buffer_append_text(Buffer *buffer, const char *text);
extern void buffer_drop(Buffer *buffer, size_t length);
extern void buffer_free(Buffer *buffer);

extern double seconds_now(void);
extern double random_fraction(void);
extern double backoff_seconds(int failures, double first, double most);

#endif							/* UTIL_H */
