/*
 * feed.c
 *		Two pages of a feed, and what an error says, by libpq.
 *
 * cc -I$(pg_config --includedir) feed.c -L$(pg_config --libdir) -lpq -o feed
 * ./feed PL, with the connection in PGHOST and its like
 *
 * The reply is one JSON text. A C program without a JSON parser has the server
 * take it apart, as here; with one, it selects vvault_trending() as it is.
 */
#include <stdio.h>
#include <stdlib.h>

#include <libpq-fe.h>

static const char *const page_sql =
"SELECT f.page ->> 'region_name', f.page ->> 'next_cursor',"
" v.video ->> 'title', v.video ->> 'views'"
" FROM (SELECT vvault_trending($1, 3, cursor => $2) AS page) f"
" LEFT JOIN LATERAL json_array_elements(f.page -> 'videos')"
" AS v(video) ON true";

static PGresult *
get_page(PGconn * conn, const char *region, const char *cursor)
{
	const char *values[2] = {region, cursor};

	return PQexecParams(conn, page_sql, 2, NULL, values, NULL, NULL, 0);
}

static void
print_page(PGresult * page, int number)
{
	printf("%s, page %d\n", PQgetvalue(page, 0, 0), number);
	for (int i = 0; i < PQntuples(page); i++)
	{
		if (!PQgetisnull(page, i, 2))
			printf("  %s: %s\n", PQgetvalue(page, i, 2), PQgetvalue(page, i, 3));
	}
}

static PGresult *
must(PGconn * conn, PGresult * result)
{
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		fprintf(stderr, "%s", PQerrorMessage(conn));
		exit(1);
	}
	return result;
}

int
main(int argc, char **argv)
{
	const char *region = argc > 1 ? argv[1] : "PL";
	PGconn	   *conn = PQconnectdb("client_encoding=UTF8");
	PGresult   *first;
	PGresult   *second;
	PGresult   *refused;

	if (PQstatus(conn) != CONNECTION_OK)
	{
		fprintf(stderr, "%s", PQerrorMessage(conn));
		return 1;
	}
	first = must(conn, get_page(conn, region, NULL));
	print_page(first, 1);
	if (!PQgetisnull(first, 0, 1))
	{
		second = must(conn, get_page(conn, region, PQgetvalue(first, 0, 1)));
		print_page(second, 2);
		PQclear(second);
	}
	PQclear(first);

	refused = get_page(conn, "pl", NULL);
	printf("%s: %s\n", PQresultErrorField(refused, PG_DIAG_SQLSTATE),
		   PQresultErrorField(refused, PG_DIAG_MESSAGE_PRIMARY));
	PQclear(refused);
	PQfinish(conn);
	return 0;
}
