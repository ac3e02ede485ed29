"""rows: what a client sends, and what must come of it, the same before every proxy.

A row's outcome is the status that the client sees, and which identity arrived at the service: ALICE's, NOBODY (the
request arrived without any), or None (nothing arrived). `but` names the proxies that refuse such a request by themselves,
with their status (nothing arrives then), or read it as another harmless one: (status, what arrives). Whatever the row,
ROOT never arrives in an identity header.
"""

from dataclasses import dataclass, field

ROOT = "root-of-all"  # what a client would like to be
ALICE, NOBODY = "alice", "nobody"
USER = "X-Auth-Request-User"


@dataclass
class Row:
    name: str
    request: bytes  # {token} stands for the row's token
    status: int
    arrives: str = None
    token: str = None
    but: dict = field(default_factory=dict)
    claims: dict = None  # of ALICE's identity, what differs for this token


def request(target, *lines, method="GET", body="", host="shop.example", keep=False, length=None, end="\r\n"):
    """keep: the connection stays, so that what comes behind the first request is read."""
    words = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close"]
    if keep or any(line.lower().startswith("connection:") for line in lines):
        words.pop()
    if body and length is None and not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in lines):
        words.append(f"Content-Length: {len(body)}")
    return (end.join([*words, *lines]) + end * 2 + body).encode("latin-1")


def row(name, target, *lines, status, arrives=None, token=None, but=None, claims=None, **more):
    bearer = ("Authorization: Bearer {token}",) if token else ()
    return Row(name, request(target, *bearer, *lines, **more), status, arrives, token, but or {}, claims)


TOKENS = [
    row("no token", "/orders/1", status=401),
    row("a good token", "/orders/1", token="alice", status=200, arrives=ALICE),
    row("a good token without the role", "/orders/1", token="bob", status=403),
    row("a forged token", "/orders/1", token="forged", status=401),
    row("an expired token", "/orders/1", token="expired", status=401),
    row("a token of another service", "/orders/1", token="elsewhere", status=401),
    row("what is no token", "/orders/1", "Authorization: Bearer junk", status=401),
    row("another scheme", "/orders/1", "Authorization: Basic YWxpY2U6YWxpY2U=", status=401),
    row("a scheme in other letters", "/orders/1", "Authorization: bearer {token}", status=200, arrives=ALICE),
    row("a scheme alone", "/orders/1", "Authorization: Bearer", status=401),
    row("a token twice in one header", "/orders/1", "Authorization: Bearer {token}, Bearer {token}", status=401),
    row("a token in the query", "/orders/1?access_token={token}", status=401),
    row("a token in a cookie", "/orders/1", "Cookie: access_token={token}", status=401),
    row("a token in the body", "/orders/1", "Content-Type: application/x-www-form-urlencoded", method="POST",
        body="access_token=junk", status=401),
    row("a token for the proxy", "/orders/1", "Proxy-Authorization: Bearer {token}", status=401),
    row("line ends in a claim", "/orders/1", token="crlf", status=200, arrives=ALICE,
        claims={"X-Auth-Request-Preferred-Username": "alice%0D%0AX-Auth-Request-User: " + ROOT}),
    row("letters that are not ASCII in a claim", "/orders/1", token="umlaut", status=200, arrives=ALICE,
        claims={"X-Auth-Request-Preferred-Username": "%C3%A4lice"}),
    row("a header whose claim is missing is not the client's", "/orders/1", f"X-Auth-Request-Email: {ROOT}",
        token="no-email", status=200, arrives=ALICE, claims={"X-Auth-Request-Email": None}),
]

ROUTES = [
    row("an open place without a token", "/public/a", status=200, arrives=NOBODY),
    row("an open place with a token", "/public/a", token="alice", status=200, arrives=NOBODY),
    row("a route for everybody", "/shop/health", status=200, arrives=NOBODY),
    row("a route for everybody by another method", "/shop/health", method="POST", status=403),
    row("a route that may have a token, without", "/shop/catalogue/1", status=200, arrives=NOBODY),
    row("a route that may have a token, with", "/shop/catalogue/1", token="alice", status=200, arrives=ALICE),
    row("a route that may have a token, with a forged one", "/shop/catalogue/1", token="forged", status=401),
    row("a route by method, reading", "/shop/orders/1", token="alice", status=200, arrives=ALICE),
    row("a route by method, writing without the role", "/shop/orders/1", method="POST", token="alice", status=403),
    row("a route without a token", "/shop/orders/1", status=401),
    row("no route", "/shop/nowhere", token="alice", status=403),
    row("HEAD is judged as it is", "/shop/orders/1", method="HEAD", token="alice", status=200, arrives=ALICE),
    row("a preflight is judged as any request", "/shop/orders/1", "Origin: https://elsewhere.example",
        "Access-Control-Request-Method: POST", method="OPTIONS", status=401),
]

SPELLINGS = {
    "as it is": [f"{USER}: {ROOT}"],
    "in small letters": [f"{USER.lower()}: {ROOT}"],
    "in capitals": [f"{USER.upper()}: {ROOT}"],
    "with underscores": [f"X_Auth_Request_User: {ROOT}"],
    "with one underscore": [f"X-Auth_Request-User: {ROOT}"],
    "with dots": [f"X.Auth.Request.User: {ROOT}"],
    "twice": [f"{USER}: {ROOT}", f"{USER}: {ROOT}"],
    "empty and then not": [f"{USER}:", f"{USER}: {ROOT}"],
    "empty": [f"{USER}:"],
    "beside a name that is nearly it": [f"{USER}: {ROOT}", f"{USER}s: {ROOT}"],
    "on a folded line": ["X-Other: a", f" {USER}: {ROOT}", f"{USER}: {ROOT}"],
}
# Apache cannot remove headers by pattern, and refuses odd names.
SPELLINGS_BUT = {
    "with underscores": {"apache": 400},
    "with one underscore": {"apache": 400},
    "with dots": {"apache": 400},
    "on a folded line": {"nginx": 400},
}

HEADERS = [
    row(f"a client's {USER} {how}", "/orders/1", *lines, token="alice", status=200, arrives=ALICE,
        but=SPELLINGS_BUT.get(how)) for how, lines in SPELLINGS.items()
] + [
    row(f"a client's {USER} {how} in an open place", "/public/a", *SPELLINGS[how], status=200, arrives=NOBODY,
        but=SPELLINGS_BUT.get(how)) for how in ("as it is", "with underscores", "with dots", "twice")
] + [
    row(f"a client's {name} where nobody is signed in", "/shop/catalogue/1", f"{name}: {ROOT}", status=200,
        arrives=NOBODY)
    for name in ("X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups",
                 "X-Auth-Request-Preferred-Username", "X-Forwarded-User", "X-Remote-User", "Remote-User")
] + [
    row(f"a client's {USER} with a space before the colon", "/orders/1", f"{USER} : {ROOT}", token="alice", status=400),
    row("a client asks to remove an identity header", "/orders/1", f"Connection: close, {USER}", token="alice",
        status=200, arrives=ALICE),
    row("a client asks to remove its own Authorization", "/orders/1", "Connection: close, Authorization",
        token="alice", status=200, arrives=ALICE, but={"traefik": 401, "envoy": 401}),
]

PROXY_WORDS = [
    row(f"a client's {name} that names an open place", "/shop/orders/1", f"{name}: /shop/health", status=401)
    for name in ("X-Forwarded-Uri", "X-Original-URI", "X-Original-URL", "X-Rewrite-URL")
] + [
    row(f"a client's {name} that names a method it may", "/shop/orders/1", f"{name}: GET", method="POST",
        token="alice", status=403)
    for name in ("X-Forwarded-Method", "X-Original-Method", "X-HTTP-Method-Override")
] + [
    row("a client's X-Forwarded-Host, -Proto and -For", "/shop/orders/1", "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: https", "X-Forwarded-For: 127.0.0.1", token="alice", status=200, arrives=ALICE),
    row("a client's X_Forwarded_Uri", "/shop/orders/1", "X_Forwarded_Uri: /shop/health", status=401,
        but={"apache": 400}),
    row("a method override beside a method that is let in", "/shop/orders/1", "X-HTTP-Method-Override: DELETE",
        "X-HTTP-Method: DELETE", "X-Method-Override: DELETE", token="alice", status=200, arrives=ALICE),
]

# Traefik and Envoy resolve ".." before they ask, so authd judges the place that the service gets.
RESOLVED = {"traefik": 401, "envoy": 401}

# HAProxy does not normalise paths and refuses all that are not in their plain spelling; nginx, Apache and HAProxy refuse
# one that leaves the root.
PATHS = [
    row("out of an open place by dots", "/public/../orders/1", status=403, but={**RESOLVED, "haproxy": 400}),
    row("out of an open place by encoded dots", "/public/%2e%2e/orders/1", status=403, but={**RESOLVED, "haproxy": 400}),
    row("out of an open place by an encoded slash", "/public/..%2forders/1", status=400, but={"apache": 404}),
    row("out of an open place by dots and an encoded slash", "/public/%2e%2e%2forders/1", status=400,
        but={"apache": 404}),
    row("out of an open place by a double slash and dots", "/public//../../orders/1", status=403,
        but={**RESOLVED, "nginx": 400, "apache": 400, "haproxy": 400}),
    row("out of an open place by a backslash", "/public/..\\orders/1", status=400, but={"envoy": 401}),
    row("an open place after a double slash", "//orders/1", status=401, but={"haproxy": 400}),
    row("out of an open route by dots", "/shop/health/../orders/1", status=403, but={**RESOLVED, "haproxy": 400}),
    row("out of an open route by an encoded slash", "/shop/health/..%2forders/1", status=400, but={"apache": 404}),
    row("out of an open route by a path parameter", "/shop/health;a=b/../orders/1", status=403,
        but={**RESOLVED, "haproxy": 400}),
    row("an open route with a dot at its end", "/shop/health.", status=403),
    row("an open route encoded twice", "/shop/catalogue/%252e%252e/orders/1", status=403, but={"traefik": 400}),
    row("a double slash in a route", "/shop//orders/1", status=401, but={"haproxy": 400}),
    row("a letter encoded in a route", "/shop/%6frders/1", status=401),
    row("a zero byte in a route", "/shop/catalogue/1%00", status=403,
        but={"nginx": 400, "traefik": 400, "envoy": 400, "apache": 404}),
    row("an absolute target", "http://shop.example/orders/1", token="alice", status=200, arrives=ALICE),
    row("an absolute target without a token", "http://shop.example/orders/1", status=401),
    row("another host by its Host alone", "/shop/internal", status=403),
    row("an absolute target of a host that is not open, and an open Host", "http://shop.example/shop/internal",
        status=403, host="internal.example", but={"nginx": 400, "haproxy": 400}),
]

SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n"
CHUNKED = "0\r\n\r\n" + SMUGGLED
READ_AS_CHUNKS = (200, NOBODY)  # RFC 9112 §6.3: the length is dropped, and what follows is judged as its own request
SMUGGLING = [
    row("a length and chunks", "/public/a", f"Content-Length: {len(CHUNKED)}", "Transfer-Encoding: chunked",
        method="POST", body=CHUNKED, status=400, keep=True,
        but={one: READ_AS_CHUNKS for one in ("traefik", "caddy", "apache", "haproxy")}),
    row("two lengths", "/public/a", "Content-Length: 0", f"Content-Length: {len(SMUGGLED)}", method="POST",
        body=SMUGGLED, status=400, keep=True),
    row("an odd coding", "/public/a", "Transfer-Encoding: xchunked", f"Content-Length: {len(CHUNKED)}",
        method="POST", body=CHUNKED, status=400, keep=True, but={"nginx": 501, "traefik": 501, "caddy": 501}),
    row("a coding with a tab before it", "/public/a", "Transfer-Encoding:\tchunked",
        f"Content-Length: {len(CHUNKED)}", method="POST", body=CHUNKED, status=400, keep=True,
        but={"nginx": 501, **{one: READ_AS_CHUNKS for one in ("traefik", "caddy", "apache", "haproxy")}}),
    row("a second request in a body is a body", "/public/a", method="POST", body=SMUGGLED, status=200,
        arrives=NOBODY, keep=True),
    row("a second request behind the first is judged by itself", "/public/a", body=SMUGGLED, status=200, arrives=NOBODY,
        keep=True, length=0),
    row("a line end in the target", "/public/a HTTP/1.1\r\nX-Auth-Request-User: root-of-all\r\nX:", status=200,
        arrives=NOBODY),
]

# Some take as much as this and hand it on; authd sees no cookie, and the service has its own limits.
SIZES = [
    row("a large cookie beside a token", "/orders/1", "Cookie: c=" + "x" * 7000, token="alice", status=200,
        arrives=ALICE),
    row("a cookie of 200 000 bytes", "/orders/1", "Cookie: c=" + "x" * 200_000, token="alice", status=400,
        but={"envoy": 431, "traefik": (200, ALICE), "caddy": 431}),
    row("two hundred headers", "/orders/1", *[f"X-Many-{i}: {'y' * 1000}" for i in range(200)], token="alice",
        status=400, but={"envoy": 431, "traefik": (200, ALICE), "caddy": 431}),
    row("a target of 20 000 bytes", "/orders/" + "p" * 20_000, token="alice", status=414,
        but={"traefik": 431, "caddy": 431, "haproxy": 400}),
]

OTHERS = [
    row("a method that nobody knows", "/orders/1", method="BREW", status=401, but={"envoy": 400}),
    row("TRACE", "/orders/1", "Max-Forwards: 0", method="TRACE", status=401, but={"nginx": 405, "envoy": 503}),
    row("a WebSocket without a token", "/events/ws", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13", status=401),
    row("a WebSocket with a token", "/events/ws", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13", token="alice", status=101,
        arrives=ALICE),
]

ROWS = [*TOKENS, *ROUTES, *HEADERS, *PROXY_WORDS, *PATHS, *SMUGGLING, *SIZES, *OTHERS]
for one in ROWS:  # a few name the token elsewhere than in a header of ours
    if one.token is None and b"{token}" in one.request:
        one.token = "alice"
