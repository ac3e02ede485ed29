"""examples/: each is run, and every way of asking gives the same verdict and reason.

The ways: curl, Python, Go, libauthd (a little program, and the C service), and nginx' auth_request. Unchanged on
devidp and on Keycloak, but for the tokens that only devidp can make.
"""

import json
import os
import re
import shutil
import signal
import subprocess

import pytest

import doors_rows
import providers
from conftest import issuer_section
from doors_rows import ROWS, Tokens
from doors_setup import EXAMPLES, Echo, Nginx, bearer, tcp_ask
from harness import Authd, die_with_parent, reachable, until

STATUS = {"valid": 200, "invalid": 401, "forbidden": 403, "unavailable": 503}
EXIT_CODE = {"valid": 0, "invalid": 1, "forbidden": 1, "unavailable": 2}
PYTHON_LINES_MAX, C_LINES_MAX = 40, 80
COMPILE_TIMEOUT_SEC = 300  # Go compiles its own library once, into the cache


def compile_go(folder):
    go = shutil.which("go", path=os.environ["PATH"] + ":/usr/local/go/bin")
    assert go, "no go: tests/run installs it"
    env = {**os.environ, "GOCACHE": str(providers.cache_folder() / "go-build"), "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod",
           "GOTOOLCHAIN": "local", "GOPROXY": "off"}
    subprocess.run([go, "build", "-o", folder / "check", "."], cwd=EXAMPLES / "go", env=env, check=True,
                   timeout=COMPILE_TIMEOUT_SEC)
    return folder / "check"


def compile_c(source, folder, programs):
    """As the first comment of examples/c/service.c says, with the library of this build."""
    library = next(iter(programs.build.rglob("libauthd.so")), None)
    if not library:
        return None
    binary, include = folder / source.stem, EXAMPLES.parent / "include"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", source, f"-I{include}", f"-L{library.parent}", "-lauthd",
                    f"-Wl,-rpath,{library.parent}", "-o", binary], check=True, timeout=COMPILE_TIMEOUT_SEC)
    return binary


class Ways:
    """Each way of asking: (token, policy) → (verdict, reason)."""

    def __init__(self, authd, programs, folder, nginx):
        self.authd, self.nginx = authd, nginx
        self.go = compile_go(folder)
        self.libauthd = compile_c(EXAMPLES.parent / "tests" / "behaviour" / "ask_libauthd.c", folder, programs)

    def run(self, argv, token):
        """Standard output; the exit code must say the same as the verdict, where the program promises one."""
        done = subprocess.run([str(word) for word in argv], input=token, capture_output=True, text=True, timeout=20,
                              env={**os.environ, "AUTHD_SOCKET": str(self.authd.socket)}, check=False)
        assert done.stdout, f"{argv[0]} said nothing: {done.stderr}"
        return done

    def words(self, argv, token):
        done = self.run(argv, token)
        verdict, reason = done.stdout.split()[:2]
        assert done.returncode == EXIT_CODE[verdict], done
        return verdict, reason

    def by_curl(self, token, policy):
        done = self.run([EXAMPLES / "curl" / "check.sh", policy], token)
        said = json.loads(done.stdout)
        assert done.returncode == EXIT_CODE[said["verdict"]], done
        return said["verdict"], said["reason"]

    def by_python(self, token, policy):
        return self.words(["/usr/bin/python3", EXAMPLES / "python" / "check.py", policy], token)

    def by_go(self, token, policy):
        return self.words([self.go, policy], token)

    def by_libauthd(self, token, policy):
        return tuple(self.run([self.libauthd, policy], token).stdout.split())

    def by_nginx(self, token, policy):
        answer = self.nginx.get(f"/?policy={policy}", bearer(token))
        verdict = {status: word for word, status in STATUS.items()}[answer.status]
        return verdict, answer.headers.get("X-Authd-Reason", "valid")

    def by_introspection(self, token, policy):
        """Only yes, no or could-not-ask."""
        answer = self.authd.request("POST", f"/introspect/{policy}", f"token={token}")
        if answer.status == 503:
            return "unavailable"
        assert answer.status == 200, answer.text
        return "active" if answer.json["active"] else "inactive"

    def all(self):
        ways = {"curl": self.by_curl, "python": self.by_python, "go": self.by_go, "nginx": self.by_nginx}
        return {**ways, **({"libauthd": self.by_libauthd} if self.libauthd else {})}


@pytest.fixture(scope="module")
def ways(programs, provider, tmp_path_factory):
    folder = reachable(tmp_path_factory.mktemp("ways"))
    authd, echo = Authd(programs, folder), Echo()
    authd.write(*doors_rows.settings(provider), allow_development_issuers="true")
    (folder / "nginx").mkdir()
    nginx = Nginx(folder / "nginx", authd.socket, echo.port, [("set $authd_policy orders;", "set $authd_policy $arg_policy;")])
    try:
        authd.start(ready=False)  # one of its issuers never answers
        until("the provider's keys are known", lambda: authd.verdict(provider.token("orders-rs256"), "readers") == doors_rows.VALID)
        yield Ways(authd, programs, folder, nginx.start())
    finally:
        nginx.stop()
        echo.stop()
        authd.kill()


@pytest.fixture(scope="module")
def tokens(provider):
    return Tokens(provider)


def parameters():
    for token, policy, wanted in ROWS:
        marks = [pytest.mark.devidp] if token in doors_rows.MINTED else []
        yield pytest.param(token, policy, wanted, id=f"{token}, {policy}", marks=marks)


@pytest.mark.parametrize("token, policy, wanted", parameters())
def test_every_way_of_asking_says_the_same(ways, tokens, token, policy, wanted):
    said = {name: way(tokens[token], policy) for name, way in ways.all().items()}
    assert said == dict.fromkeys(said, wanted)
    active = {"valid": "active", "unavailable": "unavailable"}.get(wanted[0], "inactive")
    assert ways.by_introspection(tokens[token], policy) == active


def test_there_are_enough_rows():
    assert len(ROWS) >= 60


def test_libauthd_is_among_the_ways(ways):
    assert "libauthd" in ways.all()


# What each example promises beside that.

ASKERS = {
    "curl": lambda ways: [EXAMPLES / "curl" / "check.sh"],
    "python": lambda ways: ["/usr/bin/python3", EXAMPLES / "python" / "check.py"],
    "go": lambda ways: [ways.go],
}


@pytest.mark.parametrize("name", ASKERS)
def test_an_example_says_that_it_could_not_ask(ways, name):
    for socket, policy, hint in [("/nonexistent/authd.sock", "orders", ""), (ways.authd.socket, "nobody", "unknown_policy")]:
        done = subprocess.run([str(word) for word in [*ASKERS[name](ways), policy]], input="a.b.c", capture_output=True,
                              text=True, timeout=20, env={**os.environ, "AUTHD_SOCKET": str(socket)}, check=False)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert done.stderr and "Traceback" not in done.stderr and hint in done.stderr, done.stderr


@pytest.mark.provider_free
def test_examples_are_as_short_as_they_say():
    assert len((EXAMPLES / "python" / "check.py").read_text().splitlines()) <= PYTHON_LINES_MAX
    service = EXAMPLES / "c" / "service.c"
    if service.exists():
        assert len(service.read_text().splitlines()) < C_LINES_MAX


@pytest.mark.provider_free
def test_the_python_example_needs_the_standard_library_alone():
    import sys
    modules = re.findall(r"^(?:import|from) (\w+)", (EXAMPLES / "python" / "check.py").read_text(), re.M)
    assert modules and set(modules) <= set(sys.stdlib_module_names)


@pytest.mark.provider_free
def test_each_example_has_a_readme_that_names_its_files():
    for folder in [folder for folder in EXAMPLES.iterdir() if folder.is_dir()]:
        readme = (folder / "README.md").read_text()
        files = [file.name for file in folder.iterdir() if file.name not in ("README.md", "meson.build", "go.mod")]
        assert files and all(file in readme for file in files), folder


# The C service.

@pytest.fixture
def service(ways, programs, tmp_path):
    """(port, policy "orders") of examples/c, running."""
    binary = compile_c(EXAMPLES / "c" / "service.c", tmp_path, programs)
    assert binary, "no libauthd in this build"
    port = providers.free_port()
    process = subprocess.Popen([binary, str(port), "orders"], preexec_fn=die_with_parent,
                               env={**os.environ, "AUTHD_SOCKET": str(ways.authd.socket)})
    until("the service answers", lambda: process.poll() is None and _answers(port))
    yield port
    process.send_signal(signal.SIGTERM)
    process.wait()


def _answers(port):
    try:
        return tcp_ask(port, "GET", "/").status == 401
    except OSError:
        return False


def test_the_c_service_says_the_same_as_all(service, tokens):
    rows = [row for row in ROWS if row[1] == "orders" and row[0] not in doors_rows.MINTED]
    assert len(rows) >= 8
    for token, _, (verdict, reason) in rows:
        answer = tcp_ask(service, "GET", "/", headers=bearer(tokens[token]))
        assert answer.status == STATUS[verdict], (token, answer.text)
        assert answer.text.startswith("hello " if verdict == "valid" else reason), (token, answer.text)
    nobody = tcp_ask(service, "GET", "/")
    assert (nobody.status, nobody.headers["WWW-Authenticate"]) == (401, "Bearer")
