"""include/authd.openapi.yaml against the daemon: each operation and each answer it declares.

PROVOKE says how to get each declared answer; an answer that the contract declares and nobody provokes
fails the test, and so does an answer whose status or body the contract does not know.
"""

import contextlib
import ctypes
import json
import os
import socket
from pathlib import Path

import jsonschema
import pytest
import yaml

import login_provoke
import people_provoke
from conftest import POLICIES, issuer_section
from doors_provoke import DOORS, filled
from login_provoke import LOGINS
from people_provoke import PEOPLE
from harness import NOBODY, UnixConnection, ask, is_root, until

CONTRACT = Path(__file__).resolve().parents[2] / "include" / "authd.openapi.yaml"
QUERIES = {**people_provoke.QUERIES, **login_provoke.QUERIES}
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
DOCTORS_MAX = 4  # CLINIC_DOCTORS_MAX
# Declared for the day when memory ends while an answer is written; nothing from outside leads there.
UNPROVOKED = ("500",)
METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


def contract():
    return yaml.safe_load(CONTRACT.read_text())


def declared():
    """(method, path, status) of every answer in the contract."""
    return sorted(
        (method, path, str(status))
        for path, item in contract()["paths"].items()
        for method, operation in item.items()
        if method in METHODS
        for status in operation["responses"]
        if str(status) not in UNPROVOKED
    )


@contextlib.contextmanager
def frozen_main_thread(pid):
    """The daemon's main thread stands still, its workers go on (ptrace stops one thread, SIGSTOP all)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(PTRACE_SEIZE, pid, None, None) != 0 or libc.ptrace(PTRACE_INTERRUPT, pid, None, None) != 0:
        pytest.skip(f"freezing one thread needs ptrace: {os.strerror(ctypes.get_errno())}")
    os.waitpid(pid, 0x40000000)  # __WALL
    try:
        yield
    finally:
        libc.ptrace(PTRACE_DETACH, pid, None, None)


DISTRUST = json.dumps({"issuer": "holodeck", "key": "k"})


class Case:
    """What a provoker works with."""

    def __init__(self, authd, provider, method, path):
        self.authd, self.provider = authd, provider
        self.method, self.path = method.upper(), path

    def token(self):
        return self.provider.token("orders-rs256")

    def send(self, path=None, body=None, headers=None):
        return self.authd.request(self.method, path or self.path, body, headers)

    def good_question(self):
        return json.dumps({"token": self.token(), "policy": "readers"})

    def usual(self):
        """The answer to a well-formed question."""
        if self.path == "/v1/distrust":
            return self.send(body=DISTRUST)
        if self.path == "/v1/doctor":
            return self.send("/v1/doctor?issuer=holodeck")
        if self.method == "POST" and self.path != "/v1/reload":
            return self.send(body=self.good_question())
        if self.path == "/v1/check":
            return self.send("/v1/check?policy=readers", headers={"Authorization": f"Bearer {self.token()}"})
        return self.send()


def bad_question(case):
    if case.method == "POST" and case.path != "/v1/reload":
        return case.send(body="{")
    query = "policy=readers&policy=orders" if case.path == "/v1/check" else "issuer=a&issuer=b"
    return case.send(f"{case.path}?{query}", headers={"Authorization": "Bearer a.b.c"})


def no_token(case):
    return case.send("/v1/check?policy=readers")


def unknown_name(case):
    if case.path == "/v1/distrust":
        return case.send(body=json.dumps({"issuer": "nobody", "key": "k"}))
    if case.method == "POST":
        return case.send(body=json.dumps({"token": "a.b.c", "policy": "nobody"}))
    return case.send(f"{case.path}?policy=nobody&issuer=nobody", headers={"Authorization": "Bearer a.b.c"})


def other_method(case):
    return case.authd.request("DELETE", case.path)


def other_user(case):
    if not is_root():
        pytest.skip("a client of another uid needs root")
    # The checkout may lie where others cannot read: the client's source goes along on the command line.
    script = (
        Path(__file__).with_name("harness.py").read_text()
        + "\nimport sys\na = ask(UnixConnection(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4] or None)\n"
        "print(a.status, a.text)"
    )
    body = '{"token":"a.b.c"}' if case.method == "POST" else ""
    done = case.authd.as_uid(
        NOBODY, "/usr/bin/python3", "-c", script, case.authd.socket, case.method, case.path, body
    )
    assert done.returncode == 0, done.stderr
    return Given(*done.stdout.split(" ", 1))


class Given:
    """An Answer read by somebody else."""

    def __init__(self, status, text):
        self.status, self.text, self.json = int(status), text, json.loads(text)
        self.headers = {"Content-Type": "application/json"}


def large_body(case):
    return case.send(body="x" * (65 * 1024))


def long_target(case):
    return case.send(f"{case.path}?x={'y' * 9000}")


def large_head(case):
    # Over our own limit and under libmicrohttpd's pool, whose own 431 has no JSON.
    return case.send(headers={f"X-Filler-{number}": "z" * 5900 for number in range(4)})


def broken_settings(case):
    case.authd.write(issuer_section(case.provider), "[policy x]\naudiense = y")
    return case.send()


def not_ready(case):
    case.authd.write("[issuer far]\nurl = http://127.0.0.1:9/realms/far", POLICIES)
    case.authd.stop()
    case.authd.start(ready=False)
    return case.send()


def not_distrusted(case):
    return case.send(body=json.dumps({"issuer": "holodeck", "key": "k", "trust": True}))


def doctors_enough(case):
    """An issuer that accepts and says nothing keeps as many doctors waiting as there may be."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/realms/silent"
        case.authd.write(issuer_section(case.provider), f"[issuer silent]\nurl = {url}\n", "[policy p]\nissuers = silent\naudience = a")
        assert case.authd.reload().status == 200
        waiting = [case.authd.connection() for _ in range(DOCTORS_MAX)]
        for one in waiting:
            one.request("GET", "/v1/doctor?issuer=silent")
        answer = until("a doctor is refused", lambda: busy(case))
        for one in waiting:
            one.close()
    return answer


def busy(case):
    connection = UnixConnection(case.authd.socket, timeout=1)
    try:
        answer = ask(connection, "GET", "/v1/doctor?issuer=silent")
    except TimeoutError:  # it came before one of the others
        return None
    finally:
        connection.close()
    return answer if answer.status == 503 else None


def hung(case):
    """Asked on a connection from before: it is the main thread that accepts."""
    connection = case.authd.connection()
    assert ask(connection, "GET", "/livez").status == 200
    with frozen_main_thread(case.authd.pid):
        path = f"{case.path}?{QUERIES[case.path]}" if case.path in QUERIES else case.path
        form, headers = (login_provoke.FORM, login_provoke.HEADERS) if case.path in login_provoke.DOORS else (None, None)
        answer = ask(connection, case.method, path, DISTRUST if case.path == "/v1/distrust" else form, headers)
        assert ask(connection, "GET", "/livez").status == 200, "the worker hangs too"
    connection.close()
    return answer


# (method or *, path or *, status): the first row that fits.
PROVOKE = [
    *DOORS,
    *PEOPLE,
    *LOGINS,
    ("get", "/readyz", "503", not_ready),
    ("get", "/v1/doctor", "503", doctors_enough),
    ("post", "/v1/distrust", "409", not_distrusted),
    ("*", "*", "200", Case.usual),
    ("*", "*", "400", bad_question),
    ("get", "/v1/check", "401", no_token),
    ("*", "*", "403", other_user),
    ("*", "*", "404", unknown_name),
    ("*", "*", "405", other_method),
    ("*", "*", "413", large_body),
    ("*", "*", "414", long_target),
    ("*", "*", "431", large_head),
    ("post", "/v1/reload", "422", broken_settings),
    ("*", "*", "503", hung),
]


def provoker(method, path, status):
    fits = (
        function for m, p, s, function in PROVOKE if m in ("*", method) and p in ("*", path) and s == status
    )
    return next(fits, None)


def resolve(document, node):
    while "$ref" in node:
        target = document
        for word in node["$ref"].removeprefix("#/").split("/"):
            target = target[word.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def validate(document, response, answer):
    """The body against the schema of its media type, and the headers declared as required."""
    response = resolve(document, response)
    for name, header in response.get("headers", {}).items():
        header = resolve(document, header)
        assert not header.get("required") or name in answer.headers, f"no {name}"
        if name in answer.headers and header["schema"]["type"] == "string":
            jsonschema.validate(answer.headers[name], header["schema"])
    if "content" not in response:
        assert not answer.text
        return
    media = answer.headers["Content-Type"].split(";")[0]
    declared_media = {name.split(";")[0]: content for name, content in response.get("content", {}).items()}
    assert media in declared_media, f"{media} is not among {list(declared_media)}"
    if media == "application/json":
        resolver = jsonschema.RefResolver("", document)
        jsonschema.Draft202012Validator(declared_media[media]["schema"], resolver=resolver).validate(
            answer.json
        )


def answers():
    """What is declared; an answer in which the provider of the run has no part is wanted once, not with each."""
    for row in declared() if CONTRACT.exists() else []:
        provoke = provoker(*row)
        is_free = provoke is hung or getattr(provoke, "__module__", None) in ("people_provoke", "login_provoke")
        yield pytest.param(*row, marks=[pytest.mark.provider_free] if is_free else [])


@pytest.mark.parametrize("method, path, status", answers())
def test_each_answer_of_the_contract_is_given_and_has_its_form(authd, provider, method, path, status):
    provoke = provoker(method, path, status)
    assert provoke, f"the contract declares {status} for {method} {path}, and nothing here provokes it"
    answer = provoke(Case(authd, provider, method, path))
    assert str(answer.status) == status, answer.text
    document = contract()
    validate(document, document["paths"][path][method]["responses"][status], answer)


def test_the_contract_names_the_doors_of_the_daemon(authd):
    """Each path of the contract exists, and a few that must not be there do not."""
    for _, path, _ in declared():
        answer = authd.get(filled(path))
        assert answer.status != 404 or answer.json["error"] != "no_such_door", path
    for path in ("/", "/v1", "/v1/check/", "/v1/checks", "/V1/check", "//v1/check", "/v1/revoke"):
        assert authd.get(path).status == 404, path


def test_every_verdict_has_the_form_of_the_contract(authd, provider):
    document = contract()
    response = document["paths"]["/v1/check"]["post"]["responses"]["200"]
    for token, policy in [
        (provider.token("orders-rs256"), "readers"),
        (provider.token("other"), "readers"),
        (provider.token("lightweight"), "default"),
        ("junk", "default"),
        (provider.token("orders-es256"), "elsewhere"),
        (provider.token("other"), "anyone"),
    ]:
        answer = authd.post("/v1/check", {"token": token, "policy": policy})
        assert answer.status == 200
        validate(document, response, answer)
        assert answer.json["reason"] in document_reasons(document)


def document_reasons(document):
    """The enum of reasons, wherever the contract keeps it."""
    found = []

    def walk(node):
        if isinstance(node, dict):
            if "wrong_audience" in node.get("enum", []):
                found.append(node["enum"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    assert found, "the contract has no enum of reasons"
    return found[0]
