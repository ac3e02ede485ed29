"""Raw HTTP against the daemon's socket: what no client library would send.

Three things are asked of every broken or oversized question: it gets an answer (where one can be given
at all), never a second one for bytes that belong to the first, and the daemon neither grows nor stops.

Most refusals are authd's own and are JSON problems. Some requests libmicrohttpd's parser refuses before
authd sees them; its pages are HTML with the same status. Which, depends on its version: 1.0 refuses
more by itself than 0.9.75, which in turn lets a few oddities through (TOLERATED below; none of them
makes one request two).
"""

import json
import os
import socket
import time

import pytest

pytestmark = pytest.mark.provider_free

HOST = b"Host: localhost\r\n"
LIVEZ = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"
LAST = b"GET /livez HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
POST = b"POST /v1/check HTTP/1.1\r\n" + HOST
QUESTION = b'{"token":"no.token.atall","policy":"nowhere"}'
ANSWER_TIMEOUT_SEC = 10
KIB = 1024
RISE_KIB_MAX = 2048


class Answer:
    """One answer, cut from what came."""

    def __init__(self, head, body):
        lines = head.split(b"\r\n")
        self.status = int(lines[0].split(b" ")[1])
        self.headers = {name.strip().lower(): value.strip()
                        for name, _, value in (line.partition(b":") for line in lines[1:])}
        self.body = body

    @property
    def is_problem(self):
        if not self.headers.get(b"content-type", b"").startswith(b"application/json"):
            return False
        problem = json.loads(self.body)
        return isinstance(problem.get("error"), str) and isinstance(problem.get("detail"), str)


def cut_answers(text, methods=()):
    """The answers in text, in order; methods only tell which answer is to a HEAD."""
    answers = []
    while text.startswith(b"HTTP/1."):
        head, mark, rest = text.partition(b"\r\n\r\n")
        assert mark, f"an answer's head was cut: {head!r}"
        answer = Answer(head, b"")
        is_head = len(answers) < len(methods) and methods[len(answers)] == "HEAD"
        length = 0 if is_head or answer.status < 200 else int(answer.headers.get(b"content-length", b"0"))
        assert len(rest) >= length, f"an answer's body was cut: {rest!r}"
        answer.body, text = rest[:length], rest[length:]
        answers.append(answer)
    return answers


class Client:
    """A plain socket that reads whole answers."""

    def __init__(self, authd):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(ANSWER_TIMEOUT_SEC)
        self.socket.connect(str(authd.socket))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def send(self, data):
        """False when the server hung up on us meanwhile."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def read_to_end(self):
        text = b""
        while True:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                return text
            if not piece:
                return text
            text += piece

    def read_one(self):
        """One whole answer of a connection that stays open."""
        text = b""
        while b"\r\n\r\n" not in text:
            text += self._more()
        length = int(Answer(text.partition(b"\r\n\r\n")[0], b"").headers.get(b"content-length", b"0"))
        while len(text.partition(b"\r\n\r\n")[2]) < length:
            text += self._more()
        return cut_answers(text)[0]

    def _more(self):
        piece = self.socket.recv(65536)
        assert piece, "closed in the middle of an answer"
        return piece


def talk(authd, *pieces, methods=()):
    """Sends, and gives every answer that came until the server closed: what is sent must be refused, or
    end with LAST. (Half a close is no end: libmicrohttpd can miss one that comes together with data.)"""
    with Client(authd) as client:
        for piece in pieces:
            client.send(piece)
        return cut_answers(client.read_to_end(), methods)


def statuses(answers):
    return [answer.status for answer in answers]


def is_alive(authd):
    return statuses(talk(authd, LAST)) == [200]


# Good requests, oddly sent.

def test_a_plain_request_is_answered(authd):
    assert statuses(talk(authd, LAST)) == [200]


def test_http_1_0_is_answered_and_closed(authd):
    answer, = talk(authd, b"GET /livez HTTP/1.0\r\n\r\n")
    assert answer.status == 200 and answer.headers[b"connection"].lower() == b"close"


def test_head_has_no_body(authd):
    answers = talk(authd, LIVEZ.replace(b"GET", b"HEAD") + LAST, methods=["HEAD", "GET"])
    assert len(answers) == 2 and answers[1].status == 200


def test_an_absolute_target_is_the_same_door(authd):
    assert statuses(talk(authd, LAST.replace(b"/livez", b"http://localhost/livez"))) == [200]


def test_a_hundred_pipelined_requests_get_a_hundred_answers(authd):
    assert statuses(talk(authd, LIVEZ * 99 + LAST)) == [200] * 100


def test_pipelined_answers_come_in_order(authd):
    none = LIVEZ.replace(b"/livez", b"/no/such/door")
    assert statuses(talk(authd, (LIVEZ + none) * 20 + LAST)) == [200, 404] * 20 + [200]


def test_a_kept_connection_serves_many(authd):
    with Client(authd) as client:
        for _ in range(200):
            client.send(LIVEZ)
            assert client.read_one().status == 200


def test_a_request_byte_by_byte_is_answered(authd):
    assert statuses(talk(authd, *(LAST[i:i + 1] for i in range(len(LAST))))) == [200]


def test_a_body_in_chunks_is_a_body(authd):
    length = POST + b"Content-Length: %d\r\n\r\n" % len(QUESTION) + QUESTION
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    for start in range(0, len(QUESTION), 7):
        piece = QUESTION[start:start + 7]
        chunked += b"%x\r\n%s\r\n" % (len(piece), piece)
    one, _ = talk(authd, length + LAST)
    other, _ = talk(authd, chunked + b"0\r\n\r\n" + LAST)
    assert (one.status, one.body) == (other.status, other.body)


def test_who_asks_whether_to_go_on_is_told(authd):
    with Client(authd) as client:
        client.send(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(QUESTION))
        assert client.read_one().status == 100
        client.send(QUESTION)
        assert client.read_one().status >= 200


# Broken requests. Each is followed by a good one, which must never be answered.

BROKEN = {
    "no Host": (b"GET /livez HTTP/1.1\r\n\r\n", {400}),
    "two Hosts": (b"GET /livez HTTP/1.1\r\n" + HOST + HOST + b"\r\n", {400}),
    "two different Hosts": (b"GET /livez HTTP/1.1\r\n" + HOST + b"hOST: other\r\n\r\n", {400}),
    "length, then encoding": (POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    "encoding, then length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", {400}),
    "two equal lengths": (POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", {400}),
    "two different lengths": (POST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n", {400}),
    "lengths in a list": (POST + b"Content-Length: 2, 2\r\n\r\n{}", {400}),
    "a length with a sign": (POST + b"Content-Length: +2\r\n\r\n{}", {400}),
    "a negative length": (POST + b"Content-Length: -1\r\n\r\n", {400}),
    "a hexadecimal length": (POST + b"Content-Length: 0x2\r\n\r\n{}", {400}),
    "an empty length": (POST + b"Content-Length:\r\n\r\n", {400}),
    "a length past 64 bits": (POST + b"Content-Length: 18446744073709551618\r\n\r\n{}", {400, 413}),
    "two encodings": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    "chunked and something else": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", {400}),
    "an unknown encoding": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", {400}),
    "gzip before chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", {400}),
    "identity": (POST + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", {400}),
    "chunked in HTTP/1.0": (POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    "two Authorizations": (LIVEZ[:-2] + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", {400}),
    "a control byte in a value": (LIVEZ[:-2] + b"X: a\x01b\r\n\r\n", {400}),
    "a control byte in the target": (b"GET /livez\x01 HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    "a space before the colon": (LIVEZ[:-2] + b"X : y\r\n\r\n", {400}),
    "a line without a colon": (LIVEZ[:-2] + b"nothing\r\n\r\n", {400}),
    "a name that is no token": (LIVEZ[:-2] + b"X(y): z\r\n\r\n", {400}),
    "an authority for a target": (b"GET localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    "TRACE": (LIVEZ.replace(b"GET", b"TRACE"), {501}),
    "CONNECT": (b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n", {400, 501}),
    "a method in lower case": (LIVEZ.replace(b"GET", b"get"), {501}),
    "HTTP/1.9": (LIVEZ.replace(b"1.1", b"1.9"), {400, 505}),
    "HTTP/3.0": (LIVEZ.replace(b"1.1", b"3.0"), {400, 505}),
    "another expectation": (POST + b"Expect: cake\r\nContent-Length: 0\r\n\r\n", {417}),
    "a chunk size that is none": (POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", {400}),
    "a negative chunk size": (POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", {400}),
    "a chunk size past 64 bits": (POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n", {400, 413}),
    "a chunk longer than it said": (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}}\r\n0\r\n\r\n", {400}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_request_gets_its_status_and_nothing_else(authd, name):
    request, allowed = BROKEN[name]
    answers = talk(authd, request + LIVEZ)
    assert answers, "closed without a word"
    # 0.9.75 says some of its own pages twice; what follows must never be answered.
    assert set(statuses(answers)) <= allowed, [answer.body for answer in answers]
    assert all(answer.is_problem for answer in answers
               if answer.headers.get(b"content-type", b"").startswith(b"application/json"))
    assert is_alive(authd)


OURS = ["two Hosts", "two Authorizations", "TRACE", "a method in lower case", "another expectation",
        "two equal lengths", "two encodings"]


@pytest.mark.parametrize("name", OURS)
def test_a_refusal_of_ours_is_a_json_problem_and_closes(authd, name):
    answer, = talk(authd, BROKEN[name][0] + LIVEZ)
    assert answer.is_problem and answer.headers[b"connection"].lower() == b"close"


# Smuggling: what one reader may take for a second request gets no answer of its own.

SMUGGLED = b"GET /livez HTTP/1.1\r\n" + HOST + b"X-Smuggled: 1\r\n\r\n"

SMUGGLING = {
    "CL.TE": POST + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (5 + len(SMUGGLED)),
    "TE.CL": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "CL.TE with a tab": POST + b"Content-Length: 6\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n",
    "CL.TE in upper case": POST + b"Content-Length: 6\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n",
    "CL.TE, a space before the colon": POST + b"Content-Length: 6\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "CL.TE, unknown": POST + b"Content-Length: 6\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "CL.CL": POST + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED),
    "a length in HTTP/1.0 with chunked": POST.replace(b"1.1", b"1.0")
    + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_no_second_answer_for_a_smuggled_request(authd, name):
    answers = talk(authd, SMUGGLING[name] + SMUGGLED)
    assert statuses(answers) == [400], name


# What 0.9.75 lets through and 1.0 refuses. Neither makes one request two.

TOLERATED = {
    "bare LF": LIVEZ.replace(b"\r\n", b"\n"),
    "a NUL in a value": LIVEZ[:-2] + b"X: a\0b\r\n\r\n",
    "a NUL in the target": b"GET /livez\0x HTTP/1.1\r\n" + HOST + b"\r\n",
    "a NUL in a name": LIVEZ[:-2] + b"X\0Y: a\r\n\r\n",
    "a folded value": LIVEZ[:-2] + b"X: a\r\n b\r\n\r\n",
    "a bare CR in a value": LIVEZ[:-2] + b"X: a\rb\r\n\r\n",
    "empty lines before the request": b"\r\n\r\n" + LIVEZ,
}


@pytest.mark.parametrize("name", TOLERATED)
def test_an_oddity_is_one_request_or_none(authd, name):
    answers = talk(authd, TOLERATED[name] + LAST)
    assert statuses(answers) in ([200, 200], [400], [400, 400], []), [answer.body for answer in answers]
    assert is_alive(authd)


@pytest.mark.parametrize("garbage", [b"\0" * 100, b"\xff" * 1000, b"garbage\r\n\r\n", b"GET\r\n\r\n",
                                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 500,
                                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /livez\r\n\r\n", b" " * 5000],
                         ids=["NULs", "high bytes", "a word", "a method", "TLS", "HTTP/2", "HTTP/0.9",
                              "spaces"])
def test_garbage_gets_no_yes(authd, garbage):
    assert all(status >= 400 for status in statuses(talk(authd, garbage + LIVEZ)))
    assert is_alive(authd)


# Sizes.

def assert_one_problem(answers, status):
    assert statuses(answers) == [status], [answer.body[:200] for answer in answers]
    assert answers[0].is_problem and answers[0].headers[b"connection"].lower() == b"close"


def test_a_target_too_long_is_414(authd):
    assert_one_problem(talk(authd, b"GET /" + b"a" * 10000 + b" HTTP/1.1\r\n" + HOST + b"\r\n" + LIVEZ), 414)


def test_too_many_fields_are_431(authd):
    assert_one_problem(talk(authd, LIVEZ[:-2] + b"X: y\r\n" * 101 + b"\r\n" + LIVEZ), 431)


def test_a_head_too_large_is_431(authd):
    assert_one_problem(talk(authd, LIVEZ[:-2] + b"X: " + b"y" * 21 * KIB + b"\r\n\r\n" + LIVEZ), 431)


@pytest.mark.parametrize("size", [40 * KIB, 200 * KIB, KIB * KIB])
def test_a_giant_head_gets_its_status(authd, size):
    """Past the parser's memory: the page is the library's."""
    assert statuses(talk(authd, LIVEZ[:-2] + b"X: " + b"y" * size + b"\r\n\r\n")) == [431]


@pytest.mark.parametrize("size", [40 * KIB, KIB * KIB])
def test_a_giant_target_gets_its_status(authd, size):
    assert statuses(talk(authd, b"GET /" + b"a" * size + b" HTTP/1.1\r\n" + HOST + b"\r\n")) == [414]


def test_a_body_too_large_is_413_before_it_is_sent(authd):
    with Client(authd) as client:
        client.send(POST + b"Content-Length: 65537\r\n\r\n")
        assert client.read_one().status == 413


def test_who_asks_first_is_told_413_at_once(authd):
    with Client(authd) as client:
        client.send(POST + b"Expect: 100-continue\r\nContent-Length: 10000000\r\n\r\n")
        answer = client.read_one()
        assert answer.status == 413 and answer.is_problem


@pytest.mark.parametrize("size", [65537, KIB * KIB, 5 * KIB * KIB])
def test_a_body_too_large_is_413_also_to_who_sends_it_all(authd, size):
    answers = talk(authd, POST + b"Content-Length: %d\r\n\r\n" % size, b"y" * size)
    assert_one_problem(answers, 413)


def test_a_chunked_body_that_grows_too_large_is_413(authd):
    chunks = b"".join(b"1000\r\n" + b"y" * 0x1000 + b"\r\n" for _ in range(17))
    assert_one_problem(talk(authd, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n" + LIVEZ), 413)


def test_the_largest_body_is_read(authd):
    answer, _ = talk(authd, POST + b"Content-Length: 65536\r\n\r\n" + QUESTION + b" " * (65536 - len(QUESTION)), LAST)
    small, _ = talk(authd, POST + b"Content-Length: %d\r\n\r\n" % len(QUESTION) + QUESTION + LAST)
    assert (answer.status, answer.body) == (small.status, small.body)


# Slow and leaving clients.

def test_slow_clients_hold_up_nobody(authd):
    slow = [Client(authd) for _ in range(200)]
    try:
        for n, client in enumerate(slow):
            client.send(LIVEZ[:1 + n % (len(LIVEZ) - 1)])
        began = time.monotonic()
        for _ in range(50):
            assert is_alive(authd)
        assert time.monotonic() - began < 5
        for n, client in enumerate(slow):
            client.send(LIVEZ[1 + n % (len(LIVEZ) - 1):])
            assert client.read_one().status == 200
    finally:
        for client in slow:
            client.socket.close()


def test_who_reads_nothing_holds_up_nobody(authd):
    with Client(authd) as client:
        client.socket.setblocking(False)
        try:
            for _ in range(10000):
                client.socket.send(LIVEZ * 10)
        except BlockingIOError:
            pass
        assert is_alive(authd)


def descriptors(authd):
    return len(os.listdir(f"/proc/{authd.pid}/fd"))


def test_leaving_in_the_middle_leaves_nothing_open(authd):
    is_alive(authd)
    before = descriptors(authd)
    for n in range(300):
        with Client(authd) as client:
            client.send((LIVEZ if n % 2 else POST + b"Content-Length: 50\r\n\r\n{")[:n % 60])
    deadline = time.monotonic() + ANSWER_TIMEOUT_SEC
    while descriptors(authd) > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert descriptors(authd) <= before


# Afterwards.

def memory_kib(authd):
    with open(f"/proc/{authd.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def bad_round(authd):
    for request, _ in BROKEN.values():
        talk(authd, request + LIVEZ)
    for request in [*SMUGGLING.values(), *TOLERATED.values()]:
        talk(authd, request + LAST)
    talk(authd, LIVEZ[:-2] + b"X: " + b"y" * 100 * KIB + b"\r\n\r\n")
    talk(authd, POST + b"Content-Length: 100000\r\n\r\n", b"y" * 100000)


def test_memory_is_flat_over_thousands_of_bad_requests(authd):
    for _ in range(10):
        bad_round(authd)
    before = memory_kib(authd)
    for _ in range(80):
        bad_round(authd)
    after = memory_kib(authd)
    assert after - before < RISE_KIB_MAX, f"{before} KiB, then {after} KiB"
    assert is_alive(authd)
