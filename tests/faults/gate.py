"""gate: what stands between authd and the provider and breaks on demand.

authd fetches from the gate (its fetch_url), the gate asks the provider. A fault is a function that
answers instead; each question is remembered with its time, its endpoint and whether a fault met it,
so that a row can show that its fault was there. Threads of the test process; loopback only.
"""

import collections
import contextlib
import ctypes
import http.client
import http.server
import json
import os
import pathlib
import random
import socket
import subprocess
import threading
import time
import urllib.parse

from harness import until

ENDPOINTS = {  # by the end of the path
    ".well-known/openid-configuration": "discovery",
    "/certs": "certs",
    "/token/introspect": "introspect",
    "/token": "token",
}
PROVIDER_TIMEOUT_SEC = 20
PORT_MIN = 10_000
FDS_MAX = 4096
NSENTER = {"net": "net", "mnt": "mount"}  # its words for them
BIG_SIZE = 50 * 1024 * 1024
BIG_BLOCK = b" " * 65536
TRICKLE_SEC = 0.05  # a byte: a key set takes minutes

Question = collections.namedtuple("Question", "at endpoint faulted")
Reply = collections.namedtuple("Reply", "status headers body")


# --- the faults: functions of the handler and the provider's own Reply ---


def status(code, **headers):
    def act(handler, _):
        handler.reply(Reply(code, {name.replace("_", "-"): value for name, value in headers.items()}, b""))

    return act


def html(handler, _):
    page = b"<html><head><title>Sign in</title></head><body>A proxy's own page.</body></html>"
    handler.reply(Reply(200, {"Content-Type": "text/html"}, page))


def truncated(handler, reply):
    """JSON that ends in its middle, in an HTTP answer that is whole."""
    handler.reply(reply._replace(body=reply.body[: len(reply.body) // 2]))


def big(handler, _):
    """A key set of 50 MB, well-formed to its end, and nobody says beforehand how long it is."""
    handler.begin(200, {"Content-Type": "application/json", "Connection": "close"})
    handler.wfile.write(b'{"keys":[')
    for _ in range(BIG_SIZE // len(BIG_BLOCK)):
        handler.wfile.write(BIG_BLOCK)
        handler.gate.n_big_bytes += len(BIG_BLOCK)
    handler.wfile.write(b"]}")
    handler.close_connection = True


def big_and_told(handler, _):
    handler.begin(200, {"Content-Type": "application/json", "Content-Length": str(BIG_SIZE)})
    handler.wfile.write(BIG_BLOCK)


def trickle(handler, reply):
    handler.begin(reply.status, {**reply.headers, "Content-Length": str(len(reply.body))})
    for byte in reply.body:
        handler.wfile.write(bytes([byte]))
        if handler.gate.healed.wait(TRICKLE_SEC):
            return


def hang(handler, reply):
    """No answer until the fault is taken away, and then the right one."""
    handler.gate.healed.wait()
    handler.reply(reply)


def late(seconds):
    def act(handler, reply):
        handler.gate.healed.wait(seconds)
        handler.reply(reply)

    return act


def redirect(base):
    def act(handler, _):
        handler.reply(Reply(302, {"Location": base + handler.path}, b""))

    return act


def edited(change):
    """The right answer, its JSON changed."""

    def act(handler, reply):
        document = change(json.loads(reply.body))
        handler.reply(reply._replace(body=json.dumps(document).encode()))

    return act


# --- the gate ---


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 0

    @property
    def gate(self):
        return self.server.gate

    def log_message(self, *_):
        pass

    def begin(self, code, headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def reply(self, reply):
        self.begin(reply.status, {**reply.headers, "Content-Length": str(len(reply.body))})
        self.wfile.write(reply.body)

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with contextlib.suppress(OSError):  # authd may leave at any time
            self.gate.answer(self, body)

    do_GET = do_POST = answer


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, gate, listening):
        super().__init__(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.socket.close()
        self.gate, self.socket = gate, listening

    def get_request(self):
        connection, peer = super().get_request()
        self.gate.n_connections += 1
        if self.gate.tls:
            connection = self.gate.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self.gate.open.append(connection)
        return connection, peer

    def handle_error(self, request, client_address):
        """A handshake that authd broke off, a connection that it closed: what the rows are about."""


class Gate:
    """One front of one provider. tls: an ssl.SSLContext for the connections to come, may be changed."""

    def __init__(self, provider, namespace=None, tls=None):
        self.provider, self.tls = urllib.parse.urlsplit(provider.base_url), tls
        self.issuer_url = provider.issuer_url
        self.listening = namespace.listen() if namespace else listen()
        self.port = self.listening.getsockname()[1]
        self.faults, self.questions, self.healed = {}, [], threading.Event()
        self.max_age_sec, self.open, self.n_connections, self.n_big_bytes = None, [], 0, 0
        self.in_flight, self.peak_a_token, self.lock = collections.Counter(), 0, threading.Lock()
        self.server = Server(self, self.listening)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def base_url(self):
        return f"{'https://localhost' if self.tls else 'http://127.0.0.1'}:{self.port}"

    @property
    def fetch_url(self):
        return self.base_url + urllib.parse.urlsplit(self.issuer_url).path

    def close(self):
        """Nobody listens any more: connections are refused."""
        self.healed.set()
        self.server.shutdown()
        self.listening.close()
        self.drop_connections()

    def reopen(self):
        """Listens again on the same port."""
        self.healed.clear()
        self.listening = listen(self.port)
        self.server = Server(self, self.listening)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def drop_connections(self):
        """The kept ones too: what comes next begins with a new connection, and a new handshake."""
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self.open.clear()

    # Faults

    def fault(self, act, *endpoints):
        for endpoint in endpoints or ("discovery", "certs"):
            self.faults[endpoint] = act

    def heal(self):
        """No faults from now on; whoever was held is let go."""
        self.faults.clear()
        self.healed.set()
        self.healed = threading.Event()

    # Questions

    def count(self, *endpoints, faulted=None, since=0):
        return sum(
            (not endpoints or one.endpoint in endpoints)
            and one.at >= since
            and (faulted is None or one.faulted == faulted)
            for one in list(self.questions)
        )

    def wait_faulted(self, n=1, seconds=15):
        until(f"{n} questions met the fault", lambda: self.count(faulted=True) >= n, seconds)

    def answer(self, handler, body):
        path = urllib.parse.urlsplit(handler.path).path
        endpoint = next((name for end, name in ENDPOINTS.items() if path.endswith(end)), "other")
        act = self.faults.get(endpoint)
        self.questions.append(Question(time.monotonic(), endpoint, act is not None))
        with self.in_flight_of(endpoint, body):
            if act:
                del handler.headers["If-None-Match"]  # what a fault changes is no version of the provider's
            reply = self.ask_provider(handler, body)
            if act:
                reply.headers.pop("ETag", None)
                act(handler, reply)
            else:
                handler.reply(reply)

    def ask_provider(self, handler, body):
        connection = http.client.HTTPConnection(self.provider.netloc, timeout=PROVIDER_TIMEOUT_SEC)
        wanted = ("Content-Type", "Authorization", "Accept", "If-None-Match")
        headers = {name: handler.headers[name] for name in wanted if handler.headers[name]}
        try:
            connection.request(handler.command, handler.path, body or None, headers)
            answer = connection.getresponse()
            kept = {name: answer.headers[name] for name in ("Content-Type", "Cache-Control", "ETag")
                    if answer.headers[name]}
            if self.max_age_sec is not None:
                kept["Cache-Control"] = f"max-age={self.max_age_sec}"
            return Reply(answer.status, kept, answer.read())
        except OSError:
            return Reply(502, {}, b"")
        finally:
            connection.close()

    @contextlib.contextmanager
    def in_flight_of(self, endpoint, body):
        """How many calls about one token are under way at one time."""
        token = urllib.parse.parse_qs(body.decode()).get("token", [""])[0] if endpoint == "introspect" else None
        if token is None:
            yield
            return
        with self.lock:
            self.in_flight[token] += 1
            self.peak_a_token = max(self.peak_a_token, self.in_flight[token])
        try:
            yield
        finally:
            with self.lock:
                self.in_flight[token] -= 1


def quiet_port():
    """A port that no client's connection is given while its server is away."""
    low = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(PORT_MIN, low)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def listen(port=None):
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", port or quiet_port()))
    one.listen(128)
    return one


# --- a network and a file system of its own ---


class Namespace:
    """Namespaces held open by a waiting process of ours; what is dropped or mounted there is so nowhere else."""

    FLAGS = {"net": 0x40000000, "mnt": 0x00020000}

    def __init__(self, *kinds):
        self.kinds = kinds
        read, self.held = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self._hold(read)
        os.close(read)
        until("namespaces of its own", lambda: all(map(self._is_other, kinds)))
        if "net" in kinds:
            self.inside("ip", "link", "set", "lo", "up")

    def _hold(self, read):
        """In the child: until the parent closes the pipe or dies."""
        os.closerange(3, read)  # ports that others mean to close, and the pipe's other end
        os.closerange(read + 1, FDS_MAX)
        ctypes.CDLL(None).unshare(sum(self.FLAGS[kind] for kind in self.kinds))
        os.read(read, 1)
        os._exit(0)

    def _is_other(self, kind):
        return os.readlink(f"/proc/{self.pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")

    def prefix(self):
        return ["nsenter", *(f"--{NSENTER[kind]}=/proc/{self.pid}/ns/{kind}" for kind in self.kinds)]

    def inside(self, *argv):
        done = subprocess.run([*self.prefix(), *map(str, argv)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def listen(self):
        """A listening socket that belongs to the network there, though we do not."""
        made = []

        def make():
            with open(f"/proc/{self.pid}/ns/net") as file:
                assert ctypes.CDLL(None).setns(file.fileno(), self.FLAGS["net"]) == 0, "setns"
            made.append(listen())

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]

    def close(self):
        os.close(self.held)
        os.waitpid(self.pid, 0)
