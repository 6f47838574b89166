/*-------------------------------------------------------------------------
 *
 * database.h
 *		Connections that never make the worker wait.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DATABASE_H
#define DATABASE_H

#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>

typedef enum ConnectionState
{
	CONNECTION_CLOSED,			/* until retry_at */
	CONNECTION_CONNECTING,
	CONNECTION_GREETING,		/* asks where vvault_stream is */
	CONNECTION_IDLE,
	CONNECTION_BUSY
} ConnectionState;

/* What came of a statement. */
typedef enum Outcome
{
	OUTCOME_NONE,				/* it has not ended */
	OUTCOME_ROWS,
	OUTCOME_ERROR,				/* result has the error */
	OUTCOME_LOST				/* the connection went: nobody knows */
} Outcome;

typedef struct Connection
{
	const char *name;
	const char *conninfo;
	PGconn	   *conn;
	ConnectionState state;
	PostgresPollingStatusType polling;
	double		retry_at;
	int			failures;
	double		begun;			/* of connecting, or of the statement */
	double		timeout;		/* of the statement, in seconds */
	char	   *schema;			/* quoted: where the functions are */
	PGresult   *result;
} Connection;

extern void connection_init(Connection *connection, const char *name, const char *conninfo);
extern void connection_prepare_poll(Connection *connection, struct pollfd *fd, double *wake_at);
extern Outcome connection_work(Connection *connection, short revents);
extern bool connection_send(Connection *connection, double timeout, const char *function, int nparams,
							const char *const *params);
extern void connection_call(Connection *connection, double timeout, const char *procedure, int nparams,
							const char *const *params);
extern void connection_close(Connection *connection);
extern void connection_cancel(Connection *connection);

#endif							/* DATABASE_H */
