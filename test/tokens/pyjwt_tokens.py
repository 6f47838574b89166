#!/usr/bin/python3
#
# pyjwt_tokens.py
#       Checks tokens by PyJWT, and makes some.
#
# usage: pyjwt_tokens.py check JWKS <tokens   the number of those that are good
#        pyjwt_tokens.py make N KID PRIVATE_KEY_DER_IN_HEX
#        pyjwt_tokens.py make N KID SECRET_IN_HEX HS256
#
import json
import sys
import time

import jwt
from cryptography.hazmat.primitives.serialization import load_der_private_key


def check(jwks):
    keys = {k["kid"]: jwt.PyJWK(k).key for k in json.loads(jwks)["keys"]}
    good = 0
    for token in sys.stdin.read().split():
        try:
            kid = jwt.get_unverified_header(token)["kid"]
            claims = jwt.decode(token, keys[kid], algorithms=["ES256", "HS256"])
            good += claims["sub"].startswith("viewer ")
        except (jwt.InvalidTokenError, KeyError, ValueError):
            pass
    print(good)


def make(n, kid, key, algorithm="ES256"):
    key = bytes.fromhex(key)
    if algorithm == "ES256":
        key = load_der_private_key(key, None)
    now = int(time.time())
    for i in range(int(n)):
        print(jwt.encode({"sub": f"viewer {i}", "iat": now, "exp": now + 900, "jti": f"p{i}", "note": "ż" * (i % 7)},
                         key, algorithm=algorithm, headers={"kid": kid}))


{"check": check, "make": make}[sys.argv[1]](*sys.argv[2:])
