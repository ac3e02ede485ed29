"""doors_setup: what the tests of the doors share: raw questions, a service that echoes, a real nginx.

The nginx is examples/nginx as it is handed out, with other addresses, in a folder of its own.
"""

import ctypes
import http.client
import http.server
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import threading
import urllib.parse
from pathlib import Path

import providers
from harness import ANSWER_TIMEOUT_SEC, DEADLINE_SEC, PR_SET_PDEATHSIG, Answer, ask, until

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
IDENTITY = ("X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Preferred-Username", "X-Auth-Request-Groups")


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def form(**fields):
    """(body, headers) of a form, for /introspect."""
    return urllib.parse.urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"}


def tcp_ask(port, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT_SEC)
    try:
        return ask(connection, method, path, body, headers)
    finally:
        connection.close()


def raw_ask(address, request):
    """The Answer to these very bytes; address is (host, port) or a socket's path."""
    family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
    with socket.socket(family) as client:
        client.settimeout(ANSWER_TIMEOUT_SEC)
        client.connect(address if isinstance(address, tuple) else str(address))
        client.sendall(request)
        response = http.client.HTTPResponse(client, method="GET")
        response.begin()
        return Answer(response)


def raw_head(address, request):
    """The head of the answer as it stands on the wire, lines split."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(ANSWER_TIMEOUT_SEC)
        client.connect(str(address))
        client.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            more = client.recv(65536)
            assert more, f"closed after {received!r}"
            received += more
    return received.split(b"\r\n\r\n")[0].split(b"\r\n")


class Echo:
    """A service on 127.0.0.1 that answers what it was asked: {"method", "path", "headers": [[name, value]…]}."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                said = {"method": self.command, "path": self.path, "headers": list(self.headers.items()), "body": body}
                text = json.dumps(said).encode()
                self.send_response(500 if self.path.startswith("/broken") else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_POST = do_PUT = do_DELETE = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def seen(answer, name):
    """The values of all headers that an application could take for this one: case, "_" and "." count as "-"."""
    def folded(text):
        return re.sub(r"[^a-z0-9]", "-", text.strip().lower())
    return [value for header, value in answer.json["headers"] if folded(header) == folded(name)]


def ask_to_end_with_parent():
    """In the child: nginx' master ends its workers when it is asked to, so no SIGKILL here."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Nginx:
    """examples/nginx before a service, asking this authd. changes: (old, new) texts of nginx.conf."""

    def __init__(self, folder, authd_socket, service_port, changes=()):
        self.folder = Path(folder)
        self.folder.chmod(0o755)
        self.port = providers.free_port()
        for file in (EXAMPLES / "nginx").glob("*.conf"):
            shutil.copy(file, self.folder)
        self.edit([("/run/authd/authd.sock", str(authd_socket)), ("127.0.0.1:8081", f"127.0.0.1:{service_port}"),
                   ("127.0.0.1:8080", f"127.0.0.1:{self.port}"), ("worker_processes auto", "worker_processes 1"),
                   *changes])
        self.process = None

    def edit(self, changes, name="nginx.conf"):
        text = (self.folder / name).read_text()
        for old, new in changes:
            assert old in text, f"{name} has no {old!r} any more"
            text = text.replace(old, new)
        (self.folder / name).write_text(text)

    @staticmethod
    def program():
        found = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        assert found, "no nginx: tests/run installs it"
        return found

    def start(self):
        command = [self.program(), "-p", f"{self.folder}/", "-c", f"{self.folder}/nginx.conf", "-g", "daemon off;"]
        with open(self.folder / "stderr.log", "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=ask_to_end_with_parent)
        until("nginx accepts connections", self._accepts)
        return self

    def _accepts(self):
        assert self.process.poll() is None, (self.folder / "stderr.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(DEADLINE_SEC)

    def error_log(self):
        return (self.folder / "error.log").read_text(errors="replace")

    def worker_users(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name for pid in children}

    def get(self, path="/", headers=None):
        return tcp_ask(self.port, "GET", path, headers=headers)

    def raw(self, request):
        return raw_ask(("127.0.0.1", self.port), request)
