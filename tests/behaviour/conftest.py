"""conftest: which provider, which build, and a daemon for each test.

    pytest tests/behaviour --build FOLDER [--provider devidp|keycloak]

Tests take `provider` (one for the whole run) and `authd` (one a test, with the policies below).
A test marked provider_free does not depend on the provider and runs only with devidp; one marked
devidp needs what only devidp can make (odd tokens, an outage), one marked keycloak what only
Keycloak can.
"""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import harness  # noqa: E402
import providers  # noqa: E402

POLICIES = """
[policy default]
audience = orders

[policy orders]
audience = orders
scopes = orders:read
roles = orders:reader
groups = /eng/platform
headers = X-Auth-Request-User={sub}; X-Auth-Request-Preferred-Username={preferred_username}; X-Auth-Request-Groups={groups|join:,}

[policy readers]
audience = orders
roles = orders:reader

[policy writers]
audience = orders
roles_all = orders:reader; orders:writer

[policy staff]
audience = orders
roles = realm:staff

[policy data]
audience = orders
groups_all = /eng/platform; /eng/data

[policy write-scope]
audience = orders
scopes = orders:read; orders:write

[policy write-or-read]
audience = orders
scopes_any = orders:write; orders:read

[policy elsewhere]
audience = warehouse

[policy billing]
audience = billing

[policy anyone]
audience = any

[policy no-subject]
audience = orders
subject = optional

[policy es256-party]
audience = orders
azp = orders-es256

[policy mail]
audience = orders
claims = email_verified=true; preferred_username=alice

[policy fresh]
audience = any
leeway = 0s
"""


def pytest_addoption(parser):
    parser.addoption(
        "--provider",
        choices=["devidp", "keycloak"],
        default="keycloak" if os.environ.get("AUTHD_TEST_KEYCLOAK") else "devidp",
    )
    parser.addoption("--build", default=os.environ.get("AUTHD_BUILD_DIR", "build-tests/plain"))


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "provider_free: does not depend on the provider; runs with devidp only"
    )
    config.addinivalue_line("markers", "devidp: needs what only devidp can make")
    config.addinivalue_line("markers", "keycloak: needs what only Keycloak can make")
    config.addinivalue_line("markers", "slow: takes more than a few seconds")
    config.addinivalue_line("markers", "alone: counts on the whole machine; not beside others")


def pytest_collection_modifyitems(config, items):
    foreign = {"devidp": ("keycloak",), "keycloak": ("provider_free", "devidp")}[config.getoption("--provider")]
    away = [item for item in items if any(item.get_closest_marker(marker) for marker in foreign)]
    config.hook.pytest_deselected(items=away)
    items[:] = [item for item in items if item not in away]


def reachable(folder):
    """The folder, open for other users: pytest makes it and those above it (three where several run) for us alone."""
    above = [one for one in folder.parents if "pytest-of-" in str(one)]
    for one in (folder, *(above or list(folder.parents)[:2])):
        one.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def programs(pytestconfig, tmp_path_factory):
    folder = reachable(tmp_path_factory.mktemp("programs"))
    return harness.Programs(Path(pytestconfig.getoption("--build")).resolve(), folder)


@pytest.fixture(scope="session")
def provider(pytestconfig, programs):
    """The provider of the run, started; devidp is ours to stop, a shared Keycloak is not."""
    if pytestconfig.getoption("--provider") == "keycloak":
        one = providers.Keycloak()
    else:
        one = providers.DevIdp(programs.devidp)
    one.start()
    yield one
    one.stop()


def issuer_section(provider, name="holodeck", **keys):
    lines = [f"{key} = {value}" for key, value in {"url": provider.issuer_url, **keys}.items()]
    return "\n".join([f"[issuer {name}]", *lines])


@pytest.fixture
def keys_restored(provider):
    """For tests that rotate: the provider's keys are as before afterwards."""
    yield
    provider.reset_keys()


@pytest.fixture
def clients_restored(provider):
    """For tests that make or change clients: they are the realm's again afterwards."""
    yield
    provider.reset_clients()


@pytest.fixture
def own_devidp(programs):
    """A devidp of the test's own, to take down."""
    with providers.DevIdp(programs.devidp) as one:
        yield one


@pytest.fixture
def daemon(programs, tmp_path_factory):
    """An Authd with no settings yet, not started."""
    one = harness.Authd(programs, reachable(tmp_path_factory.mktemp("authd")))
    yield one
    one.end()


@pytest.fixture
def authd(daemon, provider):
    """An Authd that trusts the provider, with POLICIES, ready."""
    daemon.write(issuer_section(provider), POLICIES, allow_development_issuers="true")
    return daemon.start()
