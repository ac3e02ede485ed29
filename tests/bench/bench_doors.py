"""bench_doors: the doors against the least that their libraries could cost.

    bench_doors.py BUILD_FOLDER BENCH_FOLDER

BENCH_FOLDER has bare_mhd, echo, load and bench_lib. The daemon has one worker, as each other side
has one thread. After each bench descriptors, connections and memory must be as before: that alone
ends the run with an error.
"""

import pathlib
import socket
import statistics
import subprocess
import sys
import threading
import urllib.parse

import asking
import rows
import stage
from asking import CLIENTS, GRACE_SEC, SIDE_SEC, WARM_SEC, run, wrk
from stage import POLICY, Trouble, harness

TOKENS = 1000


class Play:
    """The daemon, the bare servers and what they are asked."""

    def __init__(self, programs, bench, folder, provider, authd):
        self.programs, self.bench, self.folder = programs, bench, folder
        self.provider, self.authd = provider, authd
        self.tokens = stage.mint(provider, TOKENS)
        self.server_cores, self.load_cores = stage.split_cores()

    def tokens_file(self, n):
        return asking.tokens_file(self.folder / f"tokens-{n}", self.tokens[:n])


# /auth by wrk over TCP

def bench_auth(play, n, port, bare_port, cpu_usec):
    watch = stage.Watch(play.authd)
    tokens = play.tokens_file(n)
    url = f"http://127.0.0.1:{port}/auth/{POLICY}"

    def ours():
        before = stage.cpu_seconds(play.authd.pid)
        answers, rate = wrk(url, tokens, play.load_cores)
        cpu_usec.append((stage.cpu_seconds(play.authd.pid) - before) * 1e6 / answers)
        return rate

    def theirs():
        return wrk(f"http://127.0.0.1:{bare_port}/auth/{POLICY}", tokens, play.load_cores)[1]
    wrk(url, tokens, play.load_cores, WARM_SEC)
    rows.measure(f"auth_{n}_tokens_of_bare_mhd", ours, theirs, ">=", 0.8)
    watch.compare(f"auth, {n} tokens")


def bench_auth_doors(play, port):
    cpu_usec = []
    bare_port = stage.providers.free_port()
    with stage.server(play.bench / "bare_mhd", "tcp", bare_port) as bare:
        stage.pin(bare.pid, play.server_cores)
        stage.pin(play.authd.pid, play.server_cores)
        bench_auth(play, 1, port, bare_port, cpu_usec)
        rows.row("auth_cached_cpu_usec", statistics.median(cpu_usec), "<=", 30)
        bench_auth(play, TOKENS, port, bare_port, cpu_usec)
        stage.pin(play.authd.pid, stage.all_cores())


# /introspect and /v1/check

def load(play, request, seconds=SIDE_SEC):
    return asking.load(play.bench / "load", play.authd.socket, request, seconds=seconds)


def check_request(play):
    return asking.check_of(play.tokens[0], POLICY)


def bench_introspect(play):
    body = urllib.parse.urlencode({"token": play.tokens[0]})
    introspect = asking.request_of(f"/introspect/{POLICY}", asking.FORM, body)
    check = check_request(play)
    watch = stage.Watch(play.authd)
    load(play, introspect, WARM_SEC)
    rows.measure("introspect_of_check", lambda: load(play, introspect), lambda: load(play, check), ">=", 0.9)
    watch.compare("introspect")


# libauthd

class Tap:
    """A socket before the daemon's that counts the bytes of one question and its answer."""

    def __init__(self, path, authd):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.authd, self.sizes = authd, (0, 0)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        near, _ = self.listener.accept()
        with near, socket.socket(socket.AF_UNIX) as far:
            far.connect(str(self.authd.socket))
            question = near.recv(65536)
            far.sendall(question)
            answer = far.recv(65536)
            self.sizes = (len(question), len(answer))
            near.sendall(answer)


def sizes_of_check(play):
    """(bytes of a question, bytes of its answer) as libauthd and the daemon say them."""
    path = play.folder / "tap.sock"
    tap = Tap(path, play.authd)
    run([play.bench / "bench_lib", path, "-", 0, 0, POLICY, 0], stdin=play.tokens[0] + "\n")
    tap.thread.join(GRACE_SEC)
    tap.listener.close()
    return tap.sizes


def bench_lib(play, echo_socket, sizes, n_clients, cores):
    argv = [play.bench / "bench_lib", play.authd.socket, echo_socket, *sizes, POLICY, n_clients]
    watch = stage.Watch(play.authd)
    print(run(argv, cores, play.tokens[0] + "\n", GRACE_SEC), end="", flush=True)
    watch.compare(f"libauthd, {n_clients} clients")


def bench_libauthd(play):
    sizes = sizes_of_check(play)
    rows.remark(f"a question has {sizes[0]} bytes, its answer {sizes[1]}")
    echo_socket = play.folder / "echo.sock"
    with stage.server(play.bench / "echo", echo_socket, *sizes) as echo:
        for pid in (echo.pid, play.authd.pid):
            stage.pin(pid, play.server_cores)
        bench_lib(play, echo_socket, sizes, 1, play.server_cores)
        for pid in (echo.pid, play.authd.pid):
            stage.pin(pid, stage.all_cores())
        bench_lib(play, echo_socket, sizes, CLIENTS, stage.all_cores())


def main():
    programs = stage.Programs(sys.argv[1])
    port = stage.providers.free_port()
    with stage.folder() as folder, stage.providers.DevIdp(programs.devidp) as provider, \
            stage.daemon(programs, provider, folder / "authd", workers=1, listen=f"127.0.0.1:{port}") as authd:
        play = Play(programs, pathlib.Path(sys.argv[2]), folder, provider, authd)
        stage.check_each(authd, play.tokens)
        load(play, check_request(play), WARM_SEC)  # as many connections as any bench has: their memory is kept
        bench_libauthd(play)
        bench_auth_doors(play, port)
        bench_introspect(play)


if __name__ == "__main__":
    try:
        main()
    except (Trouble, AssertionError, subprocess.TimeoutExpired) as trouble:
        sys.exit(f"bench_doors: {trouble}")
