"""conftest: what each row of the fault matrix has: a provider, a gate before it, a daemon, tokens, a Row.

    pytest tests/faults --build FOLDER [--rows FOLDER] [--full] [--soak-seconds N]

The harness and the providers are those of tests/behaviour. A row that is alone on the machine while
it runs is marked alone; one against the real Keycloak is marked keycloak.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "behaviour"))

import harness  # noqa: E402
import providers  # noqa: E402
from figures import Row  # noqa: E402
from gate import Gate, quiet_port  # noqa: E402
from loop import bad, good  # noqa: E402

ORDERS = """
[policy default]
audience = orders

[policy orders]
audience = orders
roles = orders:reader
"""
SANITIZED = ("ASAN_OPTIONS", "TSAN_OPTIONS")


def pytest_addoption(parser):
    parser.addoption("--build", default=os.environ.get("AUTHD_BUILD_DIR", "build-tests/plain"))
    parser.addoption("--rows", help="a folder for the rows' figures")
    parser.addoption("--full", action="store_true", help="200 kills, a flood of 100 000, a soak")
    parser.addoption("--soak-seconds", type=int, default=1800)


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures times, or takes the whole machine")
    config.addinivalue_line("markers", "keycloak: needs the real Keycloak")
    config.addinivalue_line("markers", "full: only with --full")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--full"):
        return
    away = [item for item in items if item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=away)
    items[:] = [item for item in items if item not in away]


@pytest.fixture(scope="session")
def full(pytestconfig):
    return pytestconfig.getoption("--full")


@pytest.fixture(scope="session")
def programs(pytestconfig, tmp_path_factory):
    folder = harness.reachable(tmp_path_factory.mktemp("programs"))
    return harness.Programs(Path(pytestconfig.getoption("--build")).resolve(), folder)


@pytest.fixture(scope="session")
def provider(programs):
    """A devidp for all rows: they break the gate before it, never itself."""
    with providers.DevIdp(programs.devidp) as one:
        yield one


@pytest.fixture
def own_devidp(programs):
    """A devidp of the row's own, to rotate and to take down."""
    one = providers.DevIdp(programs.devidp)
    one.port = quiet_port()
    with one:
        yield one


@pytest.fixture
def gate(provider):
    with Gate(provider) as one:
        yield one


class Authd(harness.Authd):
    """With what a row may put between us and the program: a namespace, another clock."""

    prefix, environment = (), {}

    def spawn(self, stderr=None, **options):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, self.programs.authd, "--config", self.config_path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr or log,
                preexec_fn=harness.die_with_parent,
                env={**os.environ, **self.environment},
                **options,
            )
        return self.process


@pytest.fixture
def daemon(programs, tmp_path_factory):
    """An Authd with no settings yet, not started."""
    one = Authd(programs, harness.reachable(tmp_path_factory.mktemp("authd")))
    yield one
    one.end()


def issuer(gate, name="holodeck", **keys):
    lines = {"url": gate.issuer_url, "fetch_url": gate.fetch_url, **keys}
    return "\n".join([f"[issuer {name}]", *(f"{key} = {value}" for key, value in lines.items()), ""])


def settings(daemon, *sections, **keys):
    usual = {"allow_development_issuers": "true", "log_level": "info", "state_dir": daemon.directory / "state"}
    daemon.write(*sections, **{**usual, **keys})


@pytest.fixture
def authd(daemon, gate):
    """An Authd that fetches from the gate, ready."""
    settings(daemon, issuer(gate), ORDERS)
    return daemon.start()


@pytest.fixture
def row(request, pytestconfig):
    """The row, named by the test's first line; it is written down and judged when the test is over."""
    folder = pytestconfig.getoption("--rows")
    variant = request.node.callspec.id if hasattr(request.node, "callspec") else ""
    name = request.function.__doc__.replace("{}", variant)
    return Row(name, Path(folder) if folder else None)


@pytest.fixture
def mixed(provider):
    return lambda **more: mixed_tokens(provider, **more)


def mixed_tokens(provider, n=12, **more):
    """Good tokens of two algorithms, and as many bad ones, all different."""
    clients = ("orders-rs256", "orders-es256")
    now = int(time.time())
    good_ones = [provider.mint(clients[i % 2]) for i in range(n)]
    expired = [provider.mint(clients[i % 2], claims={"exp": now - 3600, "iat": now - 7200}) for i in range(n // 4)]
    strange = [provider.mint(clients[i % 2], forged=True) for i in range(n // 4)]
    altered = [harness.forged(one) for one in good_ones[: n // 4]]
    elsewhere = [provider.mint("other") for _ in range(n // 4)]
    return good(good_ones, **more) + bad(expired + strange + altered + elsewhere, **more)


def sanitized():
    return any(os.environ.get(name) for name in SANITIZED)
