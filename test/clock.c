/*-------------------------------------------------------------------------
 *
 * clock.c
 *		A library to preload, with which a program sees another day: the clock
 *		is VVAULT_CLOCK seconds off. For `make check AT=...`.
 *
 * Intervals, timers and the times of files are as always. libfaketime would do
 * more than is wanted: it shows the right time to a signal handler while the
 * process waits, and so no timeout of a server that waits comes to its end.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long seconds_off;

__attribute__((constructor)) static void
read_setting(void)
{
	const char *setting = getenv("VVAULT_CLOCK");

	seconds_off = setting == NULL ? 0 : atol(setting);
}

int
clock_gettime(clockid_t clock, struct timespec *result)
{
	int			status = (int) syscall(SYS_clock_gettime, clock, result);

	if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		result->tv_sec += seconds_off;
	return status;
}

int
gettimeofday(struct timeval *restrict result, void *restrict zone)
{
	struct timespec now;

	(void) zone;
	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return -1;
	result->tv_sec = now.tv_sec;
	result->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *result)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (result != NULL)
		*result = now.tv_sec;
	return now.tv_sec;
}
