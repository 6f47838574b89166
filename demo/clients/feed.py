"""python3 feed.py PL: two pages of a feed, and what an error says, by psycopg 3
(Debian: python3-psycopg). The connection is in PGHOST and its like. The driver
parses the reply: a value of type json arrives as a dict."""

import sys

import psycopg


def page(connection, region, cursor=None):
    sql = "SELECT vvault_trending(%s, 3, cursor => %s)"
    return connection.execute(sql, (region, cursor)).fetchone()[0]


def show(feed, number):
    print(f"{feed['region_name']}, page {number}")
    for video in feed["videos"]:
        print(f"  {video['title']}: {video['views']}")


def main():
    region = sys.argv[1] if len(sys.argv) > 1 else "PL"
    with psycopg.connect("", autocommit=True) as connection:
        first = page(connection, region)
        show(first, 1)
        if first["next_cursor"] is not None:
            show(page(connection, region, first["next_cursor"]), 2)
        try:
            page(connection, region.lower())
        except psycopg.Error as error:
            print(f"{error.sqlstate}: {error.diag.message_primary}")


main()
