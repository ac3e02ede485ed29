"""bench_proxies: what proxies cost when they ask authd, against the same when they ask a server that only says 204.

    bench_proxies.py BUILD_FOLDER BENCH_FOLDER [forward_auth | nginx | traefik | caddy | envoy …]

BENCH_FOLDER has bare_mhd. The daemon has one worker, as the bare server has one thread, and cached
tokens. Traefik, Caddy and Envoy are the folders of examples/ with other addresses, by route; the
service behind them is another bare server. Both sides differ in nothing but who is asked. A row is
worth nothing if authd was not asked once for each answer: that ends the run with an error, as does
what is left behind.
"""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import types
import urllib.request

import asking
import rows
import stage
from asking import WARM_SEC, wrk
from stage import POLICY, Trouble, harness

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "proxies"))  # behind this folder: it has a rows.py as well

import fronts  # noqa: E402

TOKENS = 10_000
EXAMPLE = HERE.parent.parent / "examples" / "nginx"
SNIPPETS = ("authd.conf", "authd-headers.conf")
HOST = "shop.example"
PATH = "/shop/orders/4711"  # the examples send what is below /shop/ by route
SERVICE_STATUS = 202  # nobody else says it
LIMITED = "limited"
LIMIT = "limits = sub 1000000/s burst 1000000"  # counts all, refuses nobody
# What a proxy tells of the request that it asks about.
TOLD = ("X-Forwarded-Method: GET", "X-Forwarded-Proto: https", f"X-Forwarded-Host: {HOST}",
        f"X-Forwarded-Uri: {PATH}?page=2", "X-Forwarded-For: 192.0.2.7")
ROUTES = f"""
[route internal]
host = internal.example
policy = anonymous
order = 10

[route health]
path = /shop/health
methods = GET
policy = anonymous
order = 20

[route items]
path = /shop/orders/{{id}}/items
policy = {POLICY}
order = 30

[route buying]
path = /shop/orders/*
methods = POST; PUT; DELETE
policy = {POLICY}
order = 40

[route reading]
path = /shop/orders/*
methods = GET; HEAD
policy = {LIMITED}
order = 50
"""


class Play:
    """The daemon, where else one could ask, and with which tokens."""

    def __init__(self, bench, folder, authd, port, tokens):
        self.bench, self.folder, self.authd, self.port = bench, folder, authd, port
        self.bare_port, self.service_port = stage.providers.free_port(), stage.providers.free_port()
        self.bare_socket = folder / "bare.sock"
        self.one = asking.tokens_file(folder / "tokens-1", tokens[:1])
        self.many = asking.tokens_file(folder / f"tokens-{TOKENS}", tokens)

    def bare(self, kind, where, status=204):
        return stage.server(self.bench / "bare_mhd", kind, where, status)

    def asked(self):
        """How many requests of proxies authd let through."""
        return sum(value for name, value in self.authd.metrics().items()
                   if name.startswith("authd_verdicts_total") and 'reason="valid"' in name)

    def rate(self, url, tokens, **more):
        """wrk's, through authd."""
        before = self.asked()
        answers, rate = wrk(url, tokens, **more)
        if self.asked() - before < answers:
            raise Trouble(f"{url}: {answers} answers, but authd was asked {self.asked() - before:.0f} times")
        return rate


def bare_rate(url, tokens, **more):
    return wrk(url, tokens, **more)[1]


# /forward-auth itself

class Side:
    """One that is asked by wrk, and what each question takes of its processor."""

    def __init__(self, pid, port, tokens):
        self.pid, self.url, self.tokens = pid, f"http://127.0.0.1:{port}/forward-auth/by-route", tokens
        self.cpu_usec = []

    def rate(self):
        before = stage.cpu_seconds(self.pid)
        answers, rate = wrk(self.url, self.tokens, stage.split_cores()[1], headers=TOLD)
        self.cpu_usec.append((stage.cpu_seconds(self.pid) - before) * 1e6 / answers)
        return rate


def bench_forward_auth(play):
    with play.bare("tcp", play.bare_port) as bare:
        ours, theirs = Side(play.authd.pid, play.port, play.one), Side(bare.pid, play.bare_port, play.one)
        for side in (ours, theirs):
            stage.pin(side.pid, stage.split_cores()[0])
        play.rate(ours.url, play.one, seconds=WARM_SEC, headers=TOLD)
        rows.measure("forward_auth_by_route_of_bare_mhd", ours.rate, theirs.rate, ">=", 0.7)
        stage.pin(play.authd.pid, stage.all_cores())
    rows.row("forward_auth_by_route_cpu_usec", statistics.median(ours.cpu_usec), "<=", 30)
    rows.remark(f"bare takes {statistics.median(theirs.cpu_usec):.1f} us of them")


# nginx

def nginx_settings(folder, port, upstream):
    (folder / "html").mkdir(parents=True)
    (folder / "html" / "index.html").write_text("ok")
    for snippet in SNIPPETS:
        shutil.copy(EXAMPLE / snippet, folder)
    words = {"FOLDER": folder, "PORT": port, "SOCKET": upstream, "POLICY": POLICY,
             "USER": "user root;" if harness.is_root() else ""}
    text = (HERE / "nginx.conf").read_text()
    path = folder / "nginx.conf"
    path.write_text(re.sub(r"@(\w+)@", lambda word: str(words[word.group(1)]), text))
    return path


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def nginx(folder, upstream):
    """The URL of a running one."""
    port = stage.providers.free_port()
    settings = nginx_settings(folder, port, upstream)
    with stage.server(asking.program("nginx"), "-c", settings, "-p", folder, ready=None):
        harness.until("nginx listens", lambda: listens(port))
        yield f"http://127.0.0.1:{port}/"


def bench_nginx(play):
    with play.bare("unix", play.bare_socket), nginx(play.folder / "nginx", play.authd.socket) as url, \
            nginx(play.folder / "nginx-bare", play.bare_socket) as bare_url:
        compare(play, "nginx_authd_of_nginx_bare_mhd", url, bare_url, play.one, 0.9)
        compare(play, f"nginx_authd_{TOKENS}_tokens_of_nginx_bare_mhd", url, bare_url, play.many, 0.75)


def compare(play, name, url, bare_url, tokens, goal):
    play.rate(url, tokens, seconds=WARM_SEC)
    bare_rate(bare_url, tokens, seconds=WARM_SEC)
    rows.measure(name, lambda: play.rate(url, tokens), lambda: bare_rate(bare_url, tokens), ">=", goal)


# Traefik, Caddy, Envoy

@contextlib.contextmanager
def front(play, name, folder, authd_socket, authd_port):
    """The URL of the example of this name, running, which asks at either address."""
    folder.mkdir()
    one = fronts.FRONTS[name](folder, types.SimpleNamespace(socket=authd_socket), play.service_port)
    one.authd_port = authd_port
    try:
        one.start()
        yield f"http://127.0.0.1:{one.port}{PATH}"
    finally:
        one.stop()


def reaches_service(url, token):
    """A proxy may take another status than 200 for a no, and hand it on itself."""
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})) as answer:
        if answer.status != SERVICE_STATUS:
            raise Trouble(f"{url}: {answer.status} is not the service's answer")


def bench_front(play, name):
    token = play.one.read_text().strip()
    ours = front(play, name, play.folder / name, play.authd.socket, play.port)
    theirs = front(play, name, play.folder / f"{name}-bare", play.bare_socket, play.bare_port)
    with play.bare("tcp", play.service_port, SERVICE_STATUS), play.bare("tcp", play.bare_port, 200), \
            play.bare("unix", play.bare_socket, 200), ours as url, theirs as bare_url:
        reaches_service(url, token)
        reaches_service(bare_url, token)
        compare(play, f"{name}_authd_of_{name}_bare_mhd", url, bare_url, play.one, 0.9)


BENCHES = {
    "forward_auth": bench_forward_auth,
    "nginx": bench_nginx,
    **{name: lambda play, name=name: bench_front(play, name) for name in ("traefik", "caddy", "envoy")},
}


def main():
    programs = stage.Programs(sys.argv[1])
    port = stage.providers.free_port()
    settings = {"workers": 1, "listen": f"127.0.0.1:{port}", "trusted_proxies": f"127.0.0.1; uid:{os.getuid()}"}
    with stage.folder() as folder, stage.providers.DevIdp(programs.devidp) as provider, \
            stage.daemon(programs, provider, folder / "authd", stage.policy(LIMITED, LIMIT) + ROUTES,
                         **settings) as authd:
        tokens = stage.mint(provider, TOKENS)
        stage.check_each(authd, tokens)
        play = Play(pathlib.Path(sys.argv[2]), folder, authd, port, tokens)
        wrk(f"http://127.0.0.1:{port}/auth/{POLICY}", play.many, seconds=WARM_SEC)  # its connections' memory is kept
        watch = stage.Watch(authd)
        for name in sys.argv[3:] or BENCHES:
            BENCHES[name](play)
            watch.compare(name)


if __name__ == "__main__":
    try:
        main()
    except (Trouble, AssertionError, subprocess.SubprocessError) as trouble:
        sys.exit(f"bench_proxies: {trouble}")
