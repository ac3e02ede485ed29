"""asking: what the benchmarks ask with: a load generator as a process, on its own cores if wanted.

Whatever it was that did not answer well ends the benchmark.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

import stage
from stage import Trouble, harness

CLIENTS = 64
SIDE_SEC = 2
WARM_SEC = 1
GRACE_SEC = 30
REQUESTS = pathlib.Path(__file__).resolve().parent / "requests.lua"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def child(cores=None):
    """What a load generator's process does first."""
    def prepare():
        harness.die_with_parent()
        os.sched_setaffinity(0, cores or stage.all_cores())
    return prepare


def run(argv, cores=None, stdin=None, seconds=SIDE_SEC):
    """A load generator's output; it must end well and in time."""
    done = subprocess.run([str(word) for word in argv], input=stdin, capture_output=True, text=True,
                          timeout=seconds + GRACE_SEC, preexec_fn=child(cores), check=False)
    if done.returncode != 0:
        raise Trouble(f"{argv[0]} failed: {done.stderr or done.stdout}")
    return done.stdout


def request_of(path, kind, body):
    return (f"POST {path} HTTP/1.1\r\nHost: authd\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}")


def check_of(token, policy):
    return request_of("/v1/check", JSON, json.dumps({"token": token, "policy": policy}))


def load(program, path, request, clients=CLIENTS, seconds=SIDE_SEC, cores=None):
    """Answers a second: each client sends the request to the Unix socket again and again."""
    said = run([program, path, clients, seconds], cores, request, seconds)
    answers, elapsed = re.match(r"(\d+) answers in ([\d.]+) seconds", said).groups()
    return int(answers) / float(elapsed)


def program(name):
    """A program of a package; some are in a folder that few have in their PATH."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not found:
        raise Trouble(f"{name} is missing: install its package, or let tests/run do it")
    return found


def tokens_file(path, tokens):
    path.write_text("".join(token + "\n" for token in tokens))
    return path


def wrk(url, tokens, cores=None, seconds=SIDE_SEC, headers=()):
    """(answers, answers a second), the tokens of a file in turn; an error or a status that is not 2xx or 3xx ends the
    bench. headers: lines that each request has beside its token.
    """
    more = [word for line in headers for word in ("-H", line)]
    said = run([program("wrk"), "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "-s", REQUESTS, *more, url, "--", tokens],
               cores, seconds=seconds)
    for bad in ("Non-2xx", "Socket errors"):
        if bad in said:
            raise Trouble(f"{url}: {said}")
    return (int(re.search(r"(\d+) requests in", said).group(1)),
            float(re.search(r"Requests/sec:\s*([\d.]+)", said).group(1)))
