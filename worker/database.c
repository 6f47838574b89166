/*-------------------------------------------------------------------------
 *
 * database.c
 *		Connections that never make the worker wait.
 *
 * A connection is a state that moves on when its socket is ready. When it is
 * lost it comes back by itself, after a delay that grows. A server that does
 * not answer in time counts as lost, too.
 *
 *-------------------------------------------------------------------------
 */
#include "database.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

#define CONNECT_SECONDS		15
#define RETRY_SECONDS		0.2
#define RETRY_MOST_SECONDS	10

/* Where the functions are, and what an answer must not depend on. */
static const char greeting[] =
"SELECT pg_catalog.quote_ident(n.nspname), pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false),"
" pg_catalog.set_config('default_transaction_isolation', 'read committed', false) "
"FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace "
"WHERE e.extname OPERATOR(pg_catalog.=) 'vvault_stream'";

/* A notice processor that keeps the server's notices out of the log. */
static void
ignore_notice(void *arg, const char *message)
{
	(void) arg;
	(void) message;
}

/* Prepares a connection, which is made at once; the texts stay the caller's. */
void
connection_init(Connection *connection, const char *name, const char *conninfo)
{
	memset(connection, 0, sizeof(*connection));
	connection->name = name;
	connection->conninfo = conninfo;
	connection->retry_at = seconds_now();
}

/* Gives the connection up; it is made again later. */
static void
lose(Connection *connection, const char *why)
{
	connection->failures++;
	connection->retry_at = seconds_now() +
		backoff_seconds(connection->failures, RETRY_SECONDS, RETRY_MOST_SECONDS);
	log_line(connection->failures <= 1 ? LOG_INFO_LEVEL : LOG_DEBUG_LEVEL,
			 "the connection %s is lost: %s", connection->name, why);
	connection_close(connection);
}

/* Gives a connection up for the reason that libpq has, in one line. */
static void
lose_with_message(Connection *connection)
{
	char	   *message = copy_text(connection->conn != NULL ? PQerrorMessage(connection->conn) : "no memory");

	message[strcspn(message, "\n")] = '\0';
	lose(connection, message);
	free(message);
}

/* Closes a connection for good and frees its last result. */
void
connection_close(Connection *connection)
{
	PQclear(connection->result);
	connection->result = NULL;
	if (connection->conn != NULL)
		PQfinish(connection->conn);
	connection->conn = NULL;
	connection->state = CONNECTION_CLOSED;
}

/* Begins to connect, without waiting. */
static void
begin_to_connect(Connection *connection)
{
	const char *keywords[] = {"fallback_application_name", "dbname", "client_encoding", NULL};
	const char *values[] = {"vvault-worker", connection->conninfo, "UTF8", NULL};

	connection->conn = PQconnectStartParams(keywords, values, 1);
	connection->begun = seconds_now();
	connection->polling = PGRES_POLLING_WRITING;
	connection->state = CONNECTION_CONNECTING;
	if (connection->conn == NULL || PQstatus(connection->conn) == CONNECTION_BAD)
		lose_with_message(connection);
	else
		PQsetNoticeProcessor(connection->conn, ignore_notice, NULL);
}

/* What to wait for. wake_at is brought forward to when there is something to do anyway. */
void
connection_prepare_poll(Connection *connection, struct pollfd *fd, double *wake_at)
{
	double		at = 0;

	fd->fd = -1;
	fd->events = 0;
	if (connection->state == CONNECTION_CLOSED)
		at = connection->retry_at;
	else
	{
		fd->fd = PQsocket(connection->conn);
		fd->events = POLLIN;
		if (connection->state == CONNECTION_CONNECTING)
		{
			if (connection->polling == PGRES_POLLING_WRITING)
				fd->events = POLLOUT;
			at = connection->begun + CONNECT_SECONDS;
		}
		else if (connection->state != CONNECTION_IDLE)
		{
			at = connection->begun + connection->timeout;
			if (PQflush(connection->conn) == 1)
				fd->events |= POLLOUT;
		}
	}
	if (at > 0 && at < *wake_at)
		*wake_at = at;
}

/* Asks the server, once it is connected, where vvault_stream's functions are. */
static void
connected(Connection *connection)
{
	PQsetnonblocking(connection->conn, 1);
	connection->begun = seconds_now();
	connection->timeout = CONNECT_SECONDS;
	connection->state = CONNECTION_GREETING;
	if (!PQsendQuery(connection->conn, greeting))
		lose_with_message(connection);
}

/* Does the next step of connecting; gives up when it takes too long. */
static void
go_on_connecting(Connection *connection)
{
	connection->polling = PQconnectPoll(connection->conn);
	if (connection->polling == PGRES_POLLING_FAILED)
		lose_with_message(connection);
	else if (connection->polling == PGRES_POLLING_OK)
		connected(connection);
	else if (seconds_now() > connection->begun + CONNECT_SECONDS)
		lose(connection, "the server does not answer");
}

/* Takes the answer about vvault_stream: its schema is where the functions are. */
static void
greeted(Connection *connection)
{
	PGresult   *result = connection->result;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		lose(connection, PQresultErrorMessage(result));
	else if (PQntuples(result) != 1)
		lose(connection, "the database has no extension vvault_stream");
	else
	{
		free(connection->schema);
		connection->schema = copy_text(PQgetvalue(result, 0, 0));
		log_line(connection->failures > 0 ? LOG_INFO_LEVEL : LOG_DEBUG_LEVEL,
				 "the connection %s is made", connection->name);
		connection->failures = 0;
		connection->state = CONNECTION_IDLE;
	}
}

/* Reads until the statement has ended: its first result is kept. */
static bool
statement_ended(Connection *connection)
{
	while (!PQisBusy(connection->conn))
	{
		PGresult   *result = PQgetResult(connection->conn);

		if (result == NULL)
			return true;
		if (connection->result == NULL)
			connection->result = result;
		else
			PQclear(result);
	}
	return false;
}

/* The server ends a session by an error first: that is no answer. */
static bool
is_farewell(const PGresult * result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return state == NULL || strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0;
}

/* What became of a statement whose result has come; the connection is idle or lost then. */
static Outcome
ended(Connection *connection)
{
	ExecStatusType status = PQresultStatus(connection->result);

	if (PQstatus(connection->conn) == CONNECTION_BAD ||
		(status == PGRES_FATAL_ERROR && is_farewell(connection->result)))
	{
		lose_with_message(connection);
		return OUTCOME_LOST;
	}
	connection->state = CONNECTION_IDLE;
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return OUTCOME_ROWS;
	return OUTCOME_ERROR;
}

/*
 * Moves on as far as it goes without waiting. Says what came of the statement that
 * was sent, if it ended just now; its result stays until the next one is sent.
 */
Outcome
connection_work(Connection *connection, short revents)
{
	bool		answering = connection->state == CONNECTION_BUSY;

	switch (connection->state)
	{
		case CONNECTION_CLOSED:
			if (seconds_now() >= connection->retry_at)
				begin_to_connect(connection);
			return OUTCOME_NONE;
		case CONNECTION_CONNECTING:
			if (revents != 0 || seconds_now() > connection->begun + CONNECT_SECONDS)
				go_on_connecting(connection);
			return OUTCOME_NONE;
		case CONNECTION_IDLE:
			/* nothing is asked: what comes now is the end */
			if (revents != 0 && (!PQconsumeInput(connection->conn) || PQstatus(connection->conn) == CONNECTION_BAD))
				lose_with_message(connection);
			return OUTCOME_NONE;
		case CONNECTION_GREETING:
		case CONNECTION_BUSY:
			break;
	}
	if (revents != 0 && !PQconsumeInput(connection->conn))
		lose_with_message(connection);
	else if (PQflush(connection->conn) < 0)
		lose_with_message(connection);
	else if (statement_ended(connection))
	{
		if (answering)
			return ended(connection);
		greeted(connection);
	}
	else if (seconds_now() > connection->begun + connection->timeout)
		lose(connection, "the server does not answer");
	return answering && connection->state == CONNECTION_CLOSED ? OUTCOME_LOST : OUTCOME_NONE;
}

/* $1, $2, ... so many. */
static char *
placeholders(int n)
{
	Buffer		list = {NULL, 0, 0};

	buffer_append_text(&list, "");
	for (int i = 1; i <= n; i++)
	{
		char	   *one = format_text("%s$%d", i > 1 ? ", " : "", i);

		buffer_append_text(&list, one);
		free(one);
	}
	return list.data;
}

/*
 * Sends a call of a function or procedure, whose parameters are texts; false
 * where the connection is lost.
 */
static bool
send_statement(Connection *connection, double timeout, const char *verb, const char *name, int nparams,
			   const char *const *params)
{
	char	   *list = placeholders(nparams);
	char	   *sql = format_text("%s %s.%s(%s)", verb, connection->schema, name, list);
	bool		sent;

	PQclear(connection->result);
	connection->result = NULL;
	connection->begun = seconds_now();
	connection->timeout = timeout;
	sent = PQsendQueryParams(connection->conn, sql, nparams, NULL, params, NULL, NULL, 0) == 1;
	connection->state = CONNECTION_BUSY;
	if (!sent)
		lose_with_message(connection);
	free(sql);
	free(list);
	return sent;
}

/* Asks a function, whose reply is one value; the connection must be idle. */
bool
connection_send(Connection *connection, double timeout, const char *function, int nparams,
				const char *const *params)
{
	return send_statement(connection, timeout, "SELECT", function, nparams, params);
}

/* Calls a procedure, which may commit; its end is found by connection_work(). */
void
connection_call(Connection *connection, double timeout, const char *procedure, int nparams,
				const char *const *params)
{
	(void) send_statement(connection, timeout, "CALL", procedure, nparams, params);
}

/* Tells the server to stop what it does for us. This one waits for the server. */
void
connection_cancel(Connection *connection)
{
	PGcancel   *cancel;
	char		error[256];

	if (connection->state != CONNECTION_BUSY)
		return;
	cancel = PQgetCancel(connection->conn);
	if (cancel == NULL)
		return;
	(void) PQcancel(cancel, error, sizeof(error));
	PQfreeCancel(cancel);
}
