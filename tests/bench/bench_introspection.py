"""bench_introspection: what asking the provider about tokens (RFC 7662) costs the checks that need not wait for it.

    bench_introspection.py BUILD_FOLDER BENCH_FOLDER

BENCH_FOLDER has bare_mhd and load. One daemon of one worker has the same demands three times:
without introspection, with answers that serve for 60 s, and asking always. A row is worth nothing
if the provider was not asked, or was asked more often than the policy says: that ends the run with
an error, as does what is left behind.
"""

import contextlib
import json
import math
import pathlib
import subprocess
import sys
import time

import asking
import rows
import stage
from asking import CLIENTS, WARM_SEC
from stage import POLICY, Trouble, harness

RECENT, ALWAYS = "recent", "always"
MAX_AGE_SEC = 60
LATENCY_SEC = 2  # a check waits about as long, so its answer is valid or unavailable by chance
WAITING = 8  # tokens that the provider is asked about meanwhile, each by
CLIENTS_A_TOKEN = 8
# How much of the library's own rate is to be left: the goals that libauthd's rows have against an echo.
BARE_GOALS = {1: 0.5, CLIENTS: 0.35}


class Play:
    """The daemon, the bare server and what they are asked."""

    def __init__(self, bench, folder, provider, authd):
        self.bench, self.folder, self.provider, self.authd = bench, folder, provider, authd
        self.token, *self.waiting = stage.mint(provider, 1 + WAITING)
        self.bare_socket = folder / "bare.sock"
        self.server_cores, self.load_cores = stage.split_cores()

    def rate(self, policy, clients, socket=None, **more):
        return asking.load(self.bench / "load", socket or self.authd.socket, asking.check_of(self.token, policy),
                           clients, cores=self.load_cores, **more)

    def calls(self):
        return self.provider.stats()["introspection"]


def client_of(folder):
    """The issuer's lines that let us ask it."""
    secret = folder / "client-secret"
    secret.write_text(stage.providers.Provider.client_secret(POLICY) + "\n")
    secret.chmod(0o600)
    return f"client_id = {POLICY}\nclient_secret_file = {secret}\n"


def sections(folder):
    return "\n".join([client_of(folder), stage.policy(RECENT, f"introspect = max-age {MAX_AGE_SEC}s"),
                      stage.policy(ALWAYS, "introspect = always")])


# Within their freshness

def bench_recent(play):
    before, began = play.calls(), time.monotonic()
    check_once(play)
    with stage.server(play.bench / "bare_mhd", "unix", play.bare_socket) as bare:
        stage.pin(bare.pid, play.server_cores)
        for clients in (1, CLIENTS):
            play.rate(RECENT, clients, seconds=WARM_SEC)
            compare_recent(play, clients)
    asked_as_told(play.calls() - before, time.monotonic() - began)


def check_once(play):
    """Both policies take the token: what is measured is a good answer."""
    for policy in (POLICY, RECENT):
        told = play.authd.verdict(play.token, policy)
        if told[0] != "valid":
            raise Trouble(f"a good token was not valid under {policy}: {json.dumps(told)}")


def compare_recent(play, clients):
    name = f"check_introspected_{clients}_client{'s' if clients > 1 else ''}"
    rows.measure(f"{name}_of_plain", lambda: play.rate(RECENT, clients), lambda: play.rate(POLICY, clients), ">=", 0.9)
    rows.measure(f"{name}_of_bare_mhd", lambda: play.rate(RECENT, clients),
                 lambda: play.rate(RECENT, clients, play.bare_socket), ">=", BARE_GOALS[clients])


def asked_as_told(calls, seconds):
    most = math.ceil(seconds / MAX_AGE_SEC) + 1
    rows.remark(f"the provider was asked {calls} times in {seconds:.0f} s")
    if not 1 <= calls <= most:
        raise Trouble(f"{calls} calls in {seconds:.0f} s under max-age {MAX_AGE_SEC}s: 1 to {most} were expected")


# Beside a provider that is slow

@contextlib.contextmanager
def waiters(play):
    """Clients that ask about tokens which the provider is asked about each time, is slow, and they wait."""
    play.provider.fault(introspection="slow", delay_msec=1000 * LATENCY_SEC)
    with contextlib.ExitStack() as stack:
        stack.callback(play.provider.fault, introspection="none")
        for i, token in enumerate(play.waiting):
            stack.enter_context(waiter(play, play.folder / f"waiter-{i}", asking.check_of(token, ALWAYS)))
        harness.until("all calls are under way",
                      lambda: play.provider.stats()["introspection_under_way"]["now"] == WAITING)
        yield


@contextlib.contextmanager
def waiter(play, path, request):
    path.write_text(request)
    with open(path, encoding="utf-8") as stdin:
        process = subprocess.Popen([play.bench / "load", play.authd.socket, str(CLIENTS_A_TOKEN), "3600"], stdin=stdin,
                                   stdout=subprocess.DEVNULL, preexec_fn=asking.child(play.load_cores))
    try:
        yield
        if process.poll() is not None:
            raise Trouble(f"a client that waits ended with {process.returncode}")
    finally:
        process.terminate()
        process.wait(stage.STOP_SEC)


def n_waited(authd):
    """How many checks under ALWAYS were answered."""
    return sum(value for name, value in authd.metrics().items()
               if name.startswith("authd_verdicts_total") and f'policy="{ALWAYS}"' in name)


def waited(calls, checks, seconds):
    """Meanwhile the provider was asked, and nobody was told anything at once: that would be another load."""
    most = WAITING * CLIENTS_A_TOKEN * (seconds / (LATENCY_SEC / 2) + 1)
    if calls < WAITING or checks > most:
        raise Trouble(f"{calls} calls and {checks:.0f} answers in {seconds:.0f} s: nobody waited")


def bench_latency(play):
    def beside():
        calls, checks, began = play.calls(), n_waited(play.authd), time.monotonic()
        with waiters(play):
            rate = play.rate(POLICY, CLIENTS)
            waited(play.calls() - calls, n_waited(play.authd) - checks, time.monotonic() - began)
        return rate
    rows.measure(f"check_beside_{LATENCY_SEC}_s_upstream_of_alone", beside, lambda: play.rate(POLICY, CLIENTS),
                 ">=", 0.95)


def main():
    programs = stage.Programs(sys.argv[1])
    with stage.folder() as folder, stage.providers.DevIdp(programs.devidp) as provider, \
            stage.daemon(programs, provider, folder / "authd", sections(folder), workers=1) as authd:
        play = Play(pathlib.Path(sys.argv[2]), folder, provider, authd)
        stage.pin(authd.pid, play.server_cores)
        with waiters(play):  # as many connections and calls as the bench has: their memory is kept
            play.rate(POLICY, CLIENTS, seconds=WARM_SEC)
        watch = stage.Watch(authd)
        bench_recent(play)
        bench_latency(play)
        watch.compare("introspection")


if __name__ == "__main__":
    try:
        main()
    except (Trouble, AssertionError, subprocess.TimeoutExpired) as trouble:
        sys.exit(f"bench_introspection: {trouble}")
