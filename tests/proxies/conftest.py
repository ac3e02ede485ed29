"""conftest: which proxies run, and the one line a proxy at the end.

    pytest tests/proxies --build FOLDER [--proxy nginx …]

devidp is the provider: the rows need tokens that a Keycloak would not issue.
"""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "behaviour")]

import harness  # noqa: E402
import providers  # noqa: E402
from echo import Echo  # noqa: E402
from fronts import FRONTS  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--build", default="build-tests/plain")
    parser.addoption("--provider", default="devidp", choices=["devidp"])
    parser.addoption("--proxy", action="append", choices=list(FRONTS))


def pytest_generate_tests(metafunc):
    if "front" in metafunc.fixturenames:
        names = metafunc.config.getoption("--proxy") or list(FRONTS)
        metafunc.parametrize("front", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def programs(pytestconfig, tmp_path_factory):
    folder = harness.reachable(tmp_path_factory.mktemp("programs"))
    return harness.Programs(Path(pytestconfig.getoption("--build")).resolve(), folder)


@pytest.fixture(scope="session")
def provider(programs):
    with providers.DevIdp(programs.devidp) as one:
        yield one


@pytest.fixture(scope="session")
def echo():
    one = Echo()
    yield one
    one.stop()


@pytest.fixture(scope="session")
def make_front(programs, provider, echo, tmp_path_factory):
    """make(Front's class, more settings): an authd with examples/proxies.conf, and the proxy before it, both running."""
    made = []

    def make(kind, more=""):
        daemon = harness.Authd(programs, harness.reachable(tmp_path_factory.mktemp("authd")))
        front = kind(harness.reachable(tmp_path_factory.mktemp(kind.name)), daemon, echo.port)
        made.append(front)
        settings = front.settings(provider, more)
        head, rest = settings.split("[issuer ", 1)
        own = f"socket = {daemon.socket}\nlog_level = debug\nworkers = 2\nallow_development_issuers = true\n"
        daemon.config_path.write_text(f"{head}{own}\n[issuer {rest}")
        daemon.start()
        return front.start()

    yield make
    for one in made:
        one.stop()
        one.daemon.end()


@pytest.fixture(scope="session")
def front(request, make_front):
    return make_front(FRONTS[request.param])


def pytest_terminal_summary(terminalreporter):
    """One line a proxy, which the runner shows."""
    counts = {}
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            name = next((one for one in FRONTS if f"[{one}" in report.nodeid), None)
            if name:
                counts.setdefault(name, []).append(outcome == "passed")
    for name, results in counts.items():
        terminalreporter.write_line(f"proxy {name}: {sum(results)} of {len(results)} rows passed")
