"""conftest: what each row of people as accounts has: a provider with people, hosts with the module in
nsswitch.conf and a daemon, a program that asks libc.

    pytest tests/nss --build FOLDER [--rows FOLDER] [--full]

The harness and the providers are those of tests/behaviour. A row against the real Keycloak is marked
keycloak, one that measures times alone (the others may run side by side), one that takes minutes full.
"""

import json
import os
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "behaviour"))

import harness  # noqa: E402
import host as hosts  # noqa: E402
import people  # noqa: E402
from probe import Probe  # noqa: E402

SECRET_FILE = "/etc/authd/client.secret"
DEFAULT = "[policy default]\naudience = orders\n"


def pytest_addoption(parser):
    parser.addoption("--build", default=os.environ.get("AUTHD_BUILD_DIR", "build-tests/plain"))
    parser.addoption("--rows", help="a folder for what the rows measure")
    parser.addoption("--full", action="store_true", help="100 000 people in 2 000 groups")


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures times")
    config.addinivalue_line("markers", "keycloak: needs the real Keycloak")
    config.addinivalue_line("markers", "full: only with --full")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--full"):
        return
    away = [item for item in items if item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=away)
    items[:] = [item for item in items if item not in away]


class Programs(harness.Programs):
    """With the module, which may be lacking, and the program that asks libc."""

    def __init__(self, build, folder):
        super().__init__(build, folder)
        self.probe = self._find("nss_probe")
        self.module = next((file for file in self.build.rglob(hosts.MODULE) if file.is_file()), None)


@pytest.fixture(scope="session")
def programs(pytestconfig, tmp_path_factory):
    return Programs(Path(pytestconfig.getoption("--build")).resolve(), tmp_path_factory.mktemp("programs"))


# Providers


@pytest.fixture(scope="session")
def provider(programs, tmp_path_factory):
    """A devidp with a few people, for all rows that change none of them."""
    with devidp(programs, tmp_path_factory.mktemp("realm")) as one:
        yield one


@pytest.fixture
def own_provider(programs, tmp_path):
    """A devidp of the row's own: people come and go there."""
    with devidp(programs, tmp_path) as one:
        yield one


def devidp(programs, folder, **more):
    """more: members of the realm's file."""
    realm = folder / "realm.json"
    realm.write_text(json.dumps(people.devidp_realm(**more)))
    return people.DevIdp(programs.devidp, realm)


# Hosts


@pytest.fixture(scope="session")
def new_host(programs, tmp_path_factory):
    """Makes hosts that live as long as the caller lets them: a context manager each."""

    def make(name="host", **more):
        return hosts.Host(programs, tmp_path_factory.mktemp(name), name, **more)

    return make


def daemon_of(host, provider, *sections, users=None, issuer=None, **keys):
    """An Authd of the host with settings for the provider, not started; keys: of [authd], users: of [users]."""
    daemon = hosts.Authd(host, host.folder)
    host.reach(provider)
    host.write(SECRET_FILE, people.CLIENT_SECRET, 0o600)
    os.chown(host.path(SECRET_FILE), hosts.AUTHD_ID, hosts.AUTHD_ID)
    daemon.write(
        issuer_section(provider, **(issuer or {})),
        users_section(**(users or {})),
        DEFAULT,
        *sections,
        **{"allow_development_issuers": "true", **keys},
    )
    return daemon


def issuer_section(provider, **keys):
    usual = {"url": people.issuer_url(provider), "client_id": people.CLIENT, "client_secret_file": SECRET_FILE}
    return section("issuer holodeck", {**usual, **keys})


def users_section(**keys):
    return section("users", {"issuer": "holodeck", "groups": "/**", "sync_rate": 1000, **keys})


def section(name, keys):
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in keys.items() if value is not None), ""])


@pytest.fixture
def host(new_host):
    """A host with the module, without a daemon yet."""
    with new_host() as one:
        yield one


@pytest.fixture
def authd(host, provider):
    """The host's daemon, with everybody in its table."""
    with started(daemon_of(host, provider)) as one:
        yield one


@pytest.fixture(scope="module")
def settled(new_host, provider):
    """One host for the rows of a file that only ask: its daemon runs and knows everybody."""
    with new_host() as one, started(daemon_of(one, provider)):
        yield one


class started:
    """The daemon, ready and in sync; ended at the end."""

    def __init__(self, daemon, sync=True):
        self.daemon, self.sync = daemon, sync

    def __enter__(self):
        self.daemon.start()
        if self.sync:
            self.daemon.sync()
        return self.daemon

    def __exit__(self, *_):
        self.daemon.end()


@pytest.fixture
def probe(host):
    with Probe(host) as one:
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
            document = {"what": what, "value": value, "unit": unit, "note": note}
            Path(folder, f"{name}.json").write_text(json.dumps(document))

    return write
