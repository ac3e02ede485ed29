"""conftest: what each row of logins has: a provider with people, hosts on which they log in, a daemon.

    pytest tests/pam --build FOLDER [--provider keycloak] [--rows FOLDER] [--full]

The harness and the providers are those of tests/behaviour, the hosts those of tests/nss. A row that
gives orders is marked devidp, one of the real Keycloak alone keycloak, one that takes minutes full,
one that measures alone.
"""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "nss"))
sys.path.insert(2, str(Path(__file__).resolve().parent.parent / "behaviour"))

import harness  # noqa: E402
import host as hosts  # noqa: E402
import realm  # noqa: E402
import stack as stacks  # noqa: E402
import settings  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--build", default=os.environ.get("AUTHD_BUILD_DIR", "build-tests/plain"))
    parser.addoption("--provider", choices=["devidp", "keycloak"], default="devidp")
    parser.addoption("--rows", help="a folder for what the rows measure")
    parser.addoption("--full", action="store_true", help="thousands of failures instead of hundreds")


def pytest_configure(config):
    config.addinivalue_line("markers", "keycloak: of the real Keycloak alone")
    config.addinivalue_line("markers", "devidp: gives orders, or has nothing to do with the provider")
    config.addinivalue_line("markers", "alone: measures, or takes the whole machine")
    config.addinivalue_line("markers", "full: only with --full")


def pytest_collection_modifyitems(config, items):
    other = {"devidp": "keycloak", "keycloak": "devidp"}[config.getoption("--provider")]
    unwanted = [other] if config.getoption("--full") else [other, "full"]
    away = [item for item in items if any(map(item.get_closest_marker, unwanted))]
    config.hook.pytest_deselected(items=away)
    items[:] = [item for item in items if item not in away]


class Programs(harness.Programs):
    """With the modules of NSS and PAM."""

    def __init__(self, build, folder):
        super().__init__(build, folder)
        self.probe = self._find("nss_probe")
        self.long_lived = self._find("long_lived")
        self.module = self._module(hosts.MODULE)
        self.pam_module = self._module(stacks.PAM_MODULE)

    def _module(self, name):
        found = [file for file in self.build.rglob(name) if file.is_file()]
        assert found, f"no {name} in {self.build}: build first (tests/run builds it)"
        return shutil.copy(found[0], self.folder / name)


@pytest.fixture(scope="session")
def programs(pytestconfig, tmp_path_factory):
    folder = harness.reachable(tmp_path_factory.mktemp("programs"))
    return Programs(Path(pytestconfig.getoption("--build")).resolve(), folder)


# Providers


def a_provider(pytestconfig, programs, folder):
    if pytestconfig.getoption("--provider") == "devidp":
        return devidp(programs, folder)
    file = folder / "logins-realm.json"
    file.write_text(json.dumps(realm.keycloak_realm()))
    return realm.Keycloak(more_realms=[file])


def devidp(programs, folder):
    file = folder / "realm.json"
    file.write_text(json.dumps(realm.devidp_realm()))
    return realm.DevIdp(programs.devidp, file)


@pytest.fixture(scope="session")
def provider(pytestconfig, programs, tmp_path_factory):
    with a_provider(pytestconfig, programs, tmp_path_factory.mktemp("realm")) as one:
        yield one


@pytest.fixture(scope="module")
def desk(provider):
    """Where pushes arrive."""
    with provider.desk() as one:
        yield one


@pytest.fixture
def own_provider(programs, tmp_path):
    """One that the row stops, breaks or sets the clock of."""
    with devidp(programs, tmp_path) as one:
        yield one


# Hosts


@pytest.fixture(scope="session")
def new_stack(programs, tmp_path_factory):
    """Makes hosts; a context manager each."""

    def make(name="host", **more):
        return stacks.Stack(programs, tmp_path_factory.mktemp(name), name, **more)

    return make


@pytest.fixture(scope="session")
def settled(new_stack, provider):
    """One host with every service, for all rows that leave it as it is."""
    with new_stack("settled") as host, settings.running(host, provider):
        yield host


@pytest.fixture
def host(new_stack):
    """A host without a daemon yet."""
    with new_stack() as one:
        yield one


# Figures


@pytest.fixture
def record(pytestconfig):
    """record(what, value, unit, note): a figure for the table; a row is never judged by it."""
    folder = pytestconfig.getoption("--rows")

    def write(what, value, unit, note=""):
        print(f"figure: {what}: {value} {unit} {note}")
        if folder:
            name = re.sub("[^a-z0-9]+", "-", what.lower())
            Path(folder, f"{name}.json").write_text(json.dumps({"what": what, "value": value, "unit": unit, "note": note}))

    return write
