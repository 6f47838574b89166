#!/usr/bin/env python3
#
# botocore_urls.py
#		Random requests to S3, as SQL: each with the URL that botocore signs, to
#		be compared with ours. Inserts into the table round (n, ours, theirs).
#
# usage: botocore_urls.py SEED ROUNDS
#
import datetime
import random
import sys
from urllib.parse import quote

import botocore.auth
import botocore.awsrequest
import botocore.credentials

LETTERS = "abcXYZ019-._~ !$&'()*+,;=:@%#?\"<>[]\\^`{|}éßŁ日𝄞"
chance = random.Random(int(sys.argv[1]))


def stop_clock(at):
    """botocore asks the clock in one way up to 1.39 and in another later."""

    class Stopped(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return datetime.datetime.fromtimestamp(at, datetime.timezone.utc)

    class Module:
        datetime = Stopped

    botocore.auth.datetime = Module
    botocore.auth.get_current_datetime = lambda *_: Stopped.utcnow()


def signed_by_botocore(r):
    url = r["endpoint"] + "/" + quote(r["bucket"], safe="/~") + "/" + quote(r["key"], safe="/~")
    if r["query"]:
        url += "?" + escaped(r["query"])
    stop_clock(r["at"])
    request = botocore.awsrequest.AWSRequest(method=r["method"], url=url, headers=dict(r["headers"]))
    credentials = botocore.credentials.Credentials(r["key_id"], r["secret"], r["session"] or None)
    botocore.auth.S3SigV4QueryAuth(credentials, "s3", r["region"], r["ttl"]).add_auth(request)
    return request.url


def escaped(query):
    return "&".join(quote(name, safe="") + "=" + quote(value, safe="") for name, value in query)


def text(most, letters=LETTERS):
    return "".join(chance.choice(letters) for _ in range(chance.randint(1, most)))


def some_headers():
    headers = {}
    if chance.random() < 0.5:
        headers["content-length"] = str(chance.randint(0, 10**10))
    if chance.random() < 0.3:
        headers["content-type"] = chance.choice(["video/mp4", "text/plain; charset=utf-8"])
    if chance.random() < 0.3:
        headers["x-amz-meta-" + text(5, "abc-") + "z"] = " ".join(text(10, "abc d,e").split()) or "x"
    return headers


def some_query():
    dice = chance.random()
    if dice < 0.4:
        return []
    if dice < 0.5:
        return [("uploads", "")]
    return [("p%d%s" % (n, text(3)), text(12)) for n in range(chance.randint(1, 4))]


def some_request():
    return {
        "method": chance.choice(["GET", "PUT", "POST", "DELETE", "HEAD"]),
        "endpoint": chance.choice(["http://127.0.0.1:8090", "https://S3.Example.com", "https://s3.example.com:443",
                                   "http://s3.example.com:80", "https://h:9000/base/x"]),
        "bucket": text(10, "abc019-."),
        "key": "k" + "/".join(text(8) for _ in range(chance.randint(1, 4))),
        "query": some_query(),
        "headers": some_headers(),
        "region": chance.choice(["us-east-1", "eu-central-1"]),
        "key_id": chance.choice(["AKIDEXAMPLE", "test:tester", "a/b+c"]),
        "secret": text(30),
        "session": "" if chance.random() < 0.6 else text(60, "abcXYZ019+/="),
        "at": chance.randint(0, 4102444799),
        "ttl": chance.randint(1, 604800),
    }


def literal(value):
    return "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def array(values):
    return "ARRAY[" + ", ".join(literal(v) for v in values) + "]::text[]"


def signed_by_us(r):
    names = sorted(list(r["headers"]) + ["host"])
    return "vvault_stream.s3_url(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, to_timestamp(%d), %d)" % (
        literal(r["method"]), literal(r["endpoint"]), literal(r["bucket"]), literal(r["key"]), literal(escaped(r["query"])),
        array(names), array(r["headers"].get(n, "") for n in names), literal(r["region"]), literal(r["key_id"]),
        literal(r["secret"]), literal(r["session"]), r["at"], r["ttl"])


for n in range(int(sys.argv[2])):
    made = some_request()
    print("INSERT INTO round VALUES (%d, %s, %s);" % (n, signed_by_us(made), literal(signed_by_botocore(made))))
