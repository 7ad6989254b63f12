"""Requests that no browser sends: bodies, paths, queries and headers, and results that they must not have."""

import asyncio
import json
import logging
import re
from contextlib import contextmanager

#: Bodies that are no request of ours, whatever the route. Each is refused where a body is read.
BODIES = {
    "empty": b"",
    "nothing": b"null",
    "a number": b"1",
    "a string": b'"start"',
    "a list": b'["start"]',
    "cut off": b'{"action": "sta',
    "text behind": b'{"action": "start"} {"action": "start"}',
    "nested lists": b"[" * 1000 + b"]" * 1000,
    "nested objects": b'{"a":' * 340 + b"1" + b"}" * 340,
    "a nested value": b'{"action": ' + b"[" * 900 + b"]" * 900 + b"}",
    "a key of lists": b'{"target": [[]], "text": [[]], "path": [[]], "action": [[]]}',
    "lists": b'{"target": ["lab-1"], "action": ["start"], "text": ["x"], "path": ["x"]}',
    "objects": b'{"target": {}, "action": {}, "text": {}, "path": {}}',
    "booleans": b'{"target": true, "action": true, "text": true, "path": true, "owner": true}',
    "nulls": b'{"target": null, "action": null, "text": null, "path": null, "owner": null}',
    "numbers": b'{"target": 1, "action": 1.5, "text": -1, "path": 1e3, "mode": 0, "takeover": 1}',
    "not a number": b'{"target": NaN, "action": NaN, "text": NaN, "path": NaN}',
    "infinity": b'{"target": Infinity, "action": -Infinity, "text": 1e999, "path": 1e999}',
    "an integer of 1,500 digits": b'{"target": ' + b"9" * 1500 + b"}",
    "a key twice": b'{"target": "lab-1", "target": "lab-1", "action": "start", "action": "start"}',
    "half a character": rb'{"target": "\ud800", "action": "\ud800", "text": "\ud800", "path": "\ud800"}',
    "half a character as a key": rb'{"\udfff": "x"}',
    "half a character as owner": rb'{"target": "lab-1", "owner": "\ud800"}',
    "half a character as text": rb'{"text": "\ud800"}',
    "half a character as path": rb'{"path": "a\ud800"}',
    "zero": rb'{"target": "\u0000", "action": "\u0000", "text": "\u0000", "path": "\u0000"}',
    "zero as path": rb'{"path": "a\u0000b"}',
    "zero as text": rb'{"text": "a\u0000b"}',
    "zero as owner": rb'{"target": "lab-1", "owner": "\u0000"}',
    "not UTF-8": b'{"target": "\xff\xfe", "action": "\xff", "text": "\xff", "path": "\xff"}',
    "not UTF-8 as text": b'{"text": "\xff"}',
    "UTF-16": '{"action": "start", "target": "lab-1", "text": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"action": "start"}',
    "long strings": json.dumps({"target": "x" * 2000}).encode(),
    "a long action": json.dumps({"action": "x" * 2000}).encode(),
    "a long text": json.dumps({"text": "x" * 2000}).encode(),
    "a long owner": json.dumps({"target": "lab-1", "owner": "x" * 1900}).encode(),
    "a long key": json.dumps({"<b>" + "x" * 1900: 1}).encode(),
    "many keys": json.dumps({f"key{number}": number for number in range(120)}).encode(),
    "a key too many": b'{"action": "start", "target": "lab-1", "text": "x", "path": "x", "__proto__": {}}',
    "a form": b"action=start&target=lab-1",
    "zeros": bytes(2048),
    "every byte": bytes(range(256)) * 8,
    "too long": b"{" + b" " * 2048 + b"}",
    "much too long": b" " * 200_000,
}

#: What stands in a path instead of a part of it. ``{}`` is the route's own example.
PARTS = {
    "not UTF-8": "%ff%fe",
    "half of a character": "%ed%a0%80",
    "zero": "a%00b",
    "up": "..%2f..%2f..%2fetc%2fpasswd",
    "dots": "..",
    "a slash": "%2f",
    "long": "a" * 5000,
    "longer than a file's name": "%61" * 300,
    "a line's end": "a%0d%0aSet-Cookie:%20x=y",
    "markup": "%3Cscript%3E%22%27",
    "percent": "%",
    "percent and s": "%25s%25d%25n",
    "a format": "%7B0%7D%7Bself.__class__%7D",
    "a wide character": "%F0%9F%92%A9",
    "space": "%20",
    "raw bytes": "\xff\xfe",
}

#: Behind the question mark.
QUERIES = {
    "not UTF-8": "%ff=%ff",
    "not UTF-8 as token": "token=%ff",
    "zero": "v=%00&code=%00&state=%00",
    "a token": "token=" + "x" * 3000,
    "no_track_activity": "no_track_activity=%ff",
    "many": "&".join(f"a{number}=1" for number in range(500)),
    "xsrf": "_xsrf=%ff",
    "a state": "state=%ff&code=x",
    "a state that is no JSON": "state=W1tbW1tb&code=x",
    "raw bytes": "v=\xff",
    "next": "next=//evil.example/%2f..",
}

#: Headers as bytes, so that they can be what no client of Python's would send.
HEADERS = {
    "a body of a kind": b"Content-Type: application/json; charset=\xff\r\n",
    "no boundary": b"Content-Type: multipart/form-data\r\n",
    "a boundary": b"Content-Type: multipart/form-data; boundary=" + b"x" * 300 + b"\r\n",
    "an encoding": b"Content-Encoding: gzip\r\n",
    "an origin": b"Origin: \xff\xfe\r\n",
    "an origin with brackets": b"Origin: http://[::1\r\n",
    "an origin's port": b"Origin: http://a:99999999999999999999\r\n",
    "a referer": b"Referer: http://[\xff\r\nSec-Fetch-Mode: \xff\r\n",
    "a cookie": b'Cookie: _xsrf=\xff\xfe; vnc="\\777"; =; ;;a\r\n',
    "a cookie of ours": b'Cookie: service-vnc="2|1:0|10:0|1:x|4:\xff\xff|0"; _xsrf=2|x|x|x\r\n',
    "a protocol": b"Sec-WebSocket-Protocol: \xff\xfe, vnc.token.\xff\r\n",
    "many protocols": b"Sec-WebSocket-Protocol: " + b", ".join([b"vnc.token.x"] * 300) + b"\r\n",
    "a key": b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \xff\r\n",
    "a version": b"Upgrade: websocket\r\nSec-WebSocket-Version: \xff\r\n",
    "a range": b"Range: bytes=9999999999999999999999-\xff\r\n",
    "since": b"If-Modified-Since: \xff\r\nIf-None-Match: \xff\r\n",
    "a date": b"If-Modified-Since: Mon, 99 Foo 99999999999 99:99:99 GMT\r\n",
    "authorization": b"Authorization: token \xff\xfe\r\n",
    "forwarded": b"X-Forwarded-For: \xff, ::ffff\r\nX-Real-Ip: \xff\r\nX-Scheme: \xff\r\nX-Forwarded-Proto: \xff\r\n",
    "a host": b"X-Forwarded-Host: \xff\r\n",
    "expects": b"Expect: 100-continue\r\n",
}

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO")
#: What only a handler that has failed, or a look at it, writes into a log.
COMPLAINTS = ("Traceback", "Uncaught exception", "Unhandled", "Exception in", "Task exception", "Future exception")


async def ask(port, method, path, headers=b"", body=b"", *, host="127.0.0.1", patience=60):
    """Send one request as bytes; return the status (0: none came), the head and the body of the answer."""
    length = f"Content-Length: {len(body)}\r\n" if body or method in {"POST", "PUT", "PATCH"} else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n{length}".encode("latin-1")
    reader, writer = await asyncio.open_connection(host, port)
    try:
        async with asyncio.timeout(patience):
            writer.write(head + headers + b"\r\n" + body)
            answer = await _all(reader)
    except TimeoutError:
        answer = b""
    finally:
        writer.transport.abort()
    head, _, rest = _without_continue(answer).partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, head, rest


async def _all(reader):
    """The response, or its part until the server closed the connection."""
    answer = b""
    try:
        while not _whole(answer) and (piece := await reader.read(65536)):
            answer += piece
    except ConnectionError:
        pass
    return answer


def _without_continue(answer):
    """The answer without the invitation to send the body that may come before it."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    return rest if head.startswith(b"HTTP/1.1 100") else answer


def _whole(answer):
    head, end, body = _without_continue(answer).partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head.lower())
    return bool(end) and (b" 101 " in head.split(b"\r\n")[0] or (length and len(body) >= int(length[1])))


async def each(limit, calls):
    """Await some of many calls at once; return what came, in order."""
    turn = asyncio.Semaphore(limit)

    async def one(call):
        async with turn:
            return await call

    return await asyncio.gather(*(one(call) for call in calls))


def requests(routes, served):
    """Every hostile request: what it is called, the method, the path, headers and the body.

    Args:
        routes: pairs of a path that a route matches, and the parts of it that are not the route's own.
        served: the methods of a path.
    """
    for path, parts in routes:
        for method in METHODS:
            yield f"{method} {path}", method, path, b"", b""
        for method in served(path):
            for name, body in BODIES.items():
                yield f"{method} {path}: {name}", method, path, b"", body
            for name, query in QUERIES.items():
                yield f"{method} {path}?: {name}", method, f"{path}?{query}", b"", b"{}" if method == "POST" else b""
            for name, header in HEADERS.items():
                yield f"{method} {path}, {name}", method, path, header, b"{}" if method == "POST" else b""
            for part in parts:
                for name, other in PARTS.items():
                    hostile = other.join(path.rsplit(part, 1))
                    yield f"{method} {path} with {name}", method, hostile, b"", b"{}" if method == "POST" else b""


def wrong(answers):
    """List what is wrong with each response; empty if all are correct."""
    for name, (status, head, body) in answers:
        if status >= 500:
            yield f"{name}: {status} {body[:200]!r}"
        if status == 0:
            yield f"{name}: no answer"
        if b"Traceback" in body or b"File &quot;" in body:
            yield f"{name}: a traceback"
        if b"application/json" in head and status >= 400 and len(body) > 1000:
            yield f"{name}: an answer of {len(body)} bytes"


class Listener(logging.Handler):
    """Notes what is logged as an error, or with a traceback."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.heard = []

    def emit(self, record):
        text, level = record.getMessage(), record.levelno
        # At the level of debugging tornado tells how it found out that a cookie is none.
        if level >= logging.ERROR or (level > logging.DEBUG and (record.exc_info or text.startswith(COMPLAINTS))):
            self.heard.append(f"{record.name}: {text[:300]} {record.exc_info and record.exc_info[1]!r}")


@contextmanager
def listening(*more):
    """Listen to all loggers that a server has."""
    listener = Listener()
    names = ("", "tornado.access", "tornado.application", "tornado.general", "asyncio", "jupyter_vnc", "ServerApp")
    loggers = [*(logging.getLogger(name) for name in names), *more]
    for logger in loggers:
        logger.addHandler(listener)
    try:
        yield listener
    finally:
        for logger in loggers:
            logger.removeHandler(listener)
