"""authctl doctor: a realm that lacks what the policies need, the same realm put right, and a provider in trouble.

The same on devidp and on Keycloak, but for what only devidp can do. Each report is searched for the secret.
"""

import json
import time

import pytest

import harness
from conftest import issuer_section

CLIENT = "authd-doctor"
SECRET = "authd-doctor-secret"
DOCTOR_CALL_SEC = 5
DOCTOR_CALLS_MAX = 4
POLICY = """
[policy orders]
audience = orders
scopes = orders:read
roles = orders:reader
groups = /eng/platform
"""
LACKING = ["policy orders: audience", "policy orders: scopes", "policy orders: roles", "policy orders: groups"]


# --- a client of the provider, poor and rich ---


class DevIdpClient:
    def __init__(self, provider):
        self.provider = provider
        provider.create_client(CLIENT)

    def enrich(self):
        account = {"client_roles": {"orders": ["reader"]}, "groups": ["/eng/platform"]}
        self.provider.change_client(CLIENT, audience=["orders", CLIENT], default_scopes=["orders:read"],
                                    service_account=account)

    def without_account(self):
        self.provider.change_client(CLIENT, service_account=None)

    def lighten(self):
        self.provider.set_lightweight(CLIENT, True)

    def remove(self):
        self.provider.restart()  # clients that tests made are not kept


class KeycloakClient:
    def __init__(self, provider):
        self.call = provider.admin.call
        self.call("POST", "/clients", {"clientId": CLIENT, "secret": SECRET, "serviceAccountsEnabled": True,
                                       "standardFlowEnabled": False, "publicClient": False})
        self.id = self.find(CLIENT)

    def find(self, client):
        return self.call("GET", f"/clients?clientId={client}").json()[0]["id"]

    def map_audience(self, audience):
        self.call("POST", f"/clients/{self.id}/protocol-mappers/models",
                  {"name": f"audience {audience}", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
                   "config": {"included.custom.audience": audience, "access.token.claim": "true",
                              "introspection.token.claim": "true", "lightweight.claim": "true"}})

    def give_role(self, person, client, role):
        client_id = self.find(client)
        found = self.call("GET", f"/clients/{client_id}/roles/{role}").json()
        self.call("POST", f"/users/{person}/role-mappings/clients/{client_id}", [found])

    def group(self, path):
        return self.call("GET", f"/group-by-path{path}").json()["id"]

    def enrich(self):
        """Each click that the doctor names."""
        person = self.call("GET", f"/clients/{self.id}/service-account-user").json()["id"]
        scopes = self.call("GET", "/client-scopes").json()
        for audience in ("orders", CLIENT):
            self.map_audience(audience)
        for name in ("orders:read", "groups"):
            scope = next(scope["id"] for scope in scopes if scope["name"] == name)
            self.call("PUT", f"/clients/{self.id}/default-client-scopes/{scope}")
        self.give_role(person, "orders", "reader")
        self.call("PUT", f"/users/{person}/groups/{self.group('/eng/platform')}")

    def change(self, **members):
        settings = self.call("GET", f"/clients/{self.id}").json()
        settings["attributes"].update(members.pop("attributes", {}))
        self.call("PUT", f"/clients/{self.id}", {**settings, **members})

    def without_account(self):
        self.change(serviceAccountsEnabled=False)

    def lighten(self):
        self.change(attributes={"client.use.lightweight.access.token.enabled": "true"})

    def remove(self):
        self.call("DELETE", f"/clients/{self.id}")


@pytest.fixture
def client(provider):
    one = (DevIdpClient if provider.can_mint else KeycloakClient)(provider)
    yield one
    one.remove()


# --- asking ---


class Report:
    def __init__(self, document):
        assert document["result"] in ("ok", "warning", "failed"), document
        self.result, self.findings = document["result"], document["findings"]
        self.text = json.dumps(document)
        for finding in self.findings:
            assert set(finding) == {"check", "result", "found", "advice"}
            assert (finding["result"] == "ok") <= (not finding["advice"]), finding

    def __getitem__(self, check):
        return next(finding for finding in self.findings if finding["check"] == check)

    def results(self, result):
        return [finding["check"] for finding in self.findings if finding["result"] == result]

    def says(self, check, result, advice=""):
        assert (self[check]["result"], advice in self[check]["advice"]) == (result, True), self[check]


def ask(authd, issuer="holodeck"):
    connection = harness.UnixConnection(authd.socket, timeout=(DOCTOR_CALLS_MAX + 1) * DOCTOR_CALL_SEC)
    answer = harness.ask(connection, "GET", f"/v1/doctor?issuer={issuer}")
    connection.close()
    assert answer.status == 200, answer.text
    assert SECRET not in answer.text and SECRET not in authd.log_text()
    return Report(answer.json)


def configure(daemon, provider, secret=SECRET, policy=POLICY, **keys):
    path = daemon.directory / "secret"
    path.write_text(f"{secret}\n")
    path.chmod(0o600)
    section = issuer_section(provider, **{"client_id": CLIENT, "client_secret_file": path, **keys})
    daemon.write(section, policy, allow_development_issuers="true")
    return daemon.start(ready=False)


def development(provider):
    """What devidp says of itself is a finding of its own."""
    return ["document"] if provider.can_mint else []


# --- the realm ---


def test_a_realm_that_lacks_everything(daemon, provider, client):
    report = ask(configure(daemon, provider))
    assert report.results("failed") == ["introspection"]
    assert sorted(report.results("warning")) == sorted(development(provider) + LACKING)
    report.says("introspection", "failed", f"Included Client Audience = {CLIENT}")
    report.says("policy orders: audience", "warning", "Included Client Audience = orders")
    report.says("policy orders: scopes", "warning", "Name = orders:read")
    report.says("policy orders: roles", "warning", "Create role reader")
    report.says("policy orders: groups", "warning", "Full group path = On")
    report.says("own token", "ok")
    for finding in LACKING:
        assert f"of the service account of {CLIENT}" in report[finding]["found"]


def test_the_same_realm_put_right(daemon, provider, client):
    client.enrich()
    report = ask(configure(daemon, provider))
    assert report.results("failed") == []
    assert report.results("warning") == development(provider)
    assert report.results("skipped") == []
    assert len(report.findings) == 17


def test_a_lightweight_token_is_told_from_a_missing_mapper(daemon, provider, client):
    """A service account's has sub, but neither roles nor groups; introspection knows them."""
    client.enrich()
    client.lighten()
    report = ask(configure(daemon, provider))
    report.says("introspection", "ok")
    report.says("policy orders: audience", "ok")
    for check in ("policy orders: roles", "policy orders: groups"):
        report.says(check, "warning", "Always use lightweight access token")


def test_a_client_without_service_account(daemon, provider, client):
    client.without_account()
    report = ask(configure(daemon, provider))
    report.says("client_credentials", "warning", "Service accounts roles = On")
    report.says("introspection", "warning", "client_credentials")
    report.says("policy orders", "skipped")


def test_a_wrong_secret(daemon, provider, client):
    report = ask(configure(daemon, provider, secret="not-the-secret"))
    report.says("client_credentials", "failed", f"Clients → {CLIENT} → Credentials")
    report.says("introspection", "skipped")
    report.says("policy orders", "skipped")
    assert "not-the-secret" not in report.text


def test_a_client_that_nobody_knows(daemon, provider):
    report = ask(configure(daemon, provider, client_id="nobody"))
    report.says("client_credentials", "failed", "Clients → nobody → Credentials")


def test_no_client(daemon, provider):
    daemon.write(issuer_section(provider), POLICY, allow_development_issuers="true")
    report = ask(daemon.start())
    report.says("client", "skipped", "client_secret_file")
    assert report.results("failed") == []


# --- the provider ---


def test_a_realm_that_is_not_there(daemon, provider):
    report = ask(configure(daemon, provider, url=f"{provider.base_url}/realms/nowhere"))
    report.says("discovery", "failed", "realms/REALM")
    report.says("keys", "skipped")


def test_an_issuer_of_another_name(daemon, provider):
    report = ask(configure(daemon, provider, url="https://sso.example.com/realms/other", fetch_url=provider.issuer_url))
    report.says("document", "failed", "Frontend URL")
    assert provider.issuer_url in report["document"]["found"]


def test_algorithms_without_the_providers(daemon, provider):
    report = ask(configure(daemon, provider, algorithms="ES512"))
    report.says("algorithms", "failed", "algorithms")


def test_an_issuer_that_is_not_configured(daemon, provider):
    daemon.write(issuer_section(provider), POLICY, allow_development_issuers="true")
    assert daemon.start().get("/v1/doctor?issuer=nowhere").status == 404


@pytest.mark.devidp
def test_a_provider_that_is_down(daemon, own_devidp):
    authd = configure(daemon, own_devidp)
    own_devidp.stop()
    report = ask(authd)
    report.says("discovery", "failed", "start the provider")
    assert set(report.results("skipped")) >= {"keys", "clock", "client", "policy orders"}


@pytest.mark.devidp
@pytest.mark.slow
def test_a_provider_that_hangs(daemon, own_devidp):
    """Each call ends by its own deadline, and nobody else waits."""
    own_devidp.create_client(CLIENT)
    authd = configure(daemon, own_devidp)
    authd.wait_ready()
    token = own_devidp.token("orders-rs256")
    own_devidp.fault(certs="hang", token="hang")
    before = time.monotonic()
    report = ask(authd)
    took_sec = time.monotonic() - before
    assert 2 * DOCTOR_CALL_SEC - 1 < took_sec < DOCTOR_CALLS_MAX * DOCTOR_CALL_SEC + 1
    report.says("keys", "failed", "hangs")
    report.says("client_credentials", "failed", "hangs")
    own_devidp.fault(certs="none", token="none")
    assert authd.verdict(token, "orders") == ("forbidden", "missing_group")


@pytest.mark.devidp
def test_a_clock_that_is_ahead(daemon, own_devidp):
    own_devidp.create_client(CLIENT)
    own_devidp.clock_ahead(90)
    report = ask(configure(daemon, own_devidp))
    report.says("clock", "failed", "NTP")
    assert "ahead" in report["clock"]["found"]


@pytest.mark.devidp
def test_a_page_instead_of_a_document(daemon, own_devidp):
    own_devidp.fault(discovery="html")
    report = ask(configure(daemon, own_devidp))
    report.says("document", "failed", "curl")


# --- as a person asks ---


def test_authctl_says_it_in_words(daemon, provider, client):
    authd = configure(daemon, provider)
    said = authd.authctl("doctor", "holodeck")
    assert "Included Client Audience = orders" in said.stdout, said
    assert SECRET not in said.stdout + said.stderr
    client.enrich()
    said = authd.authctl("doctor", "holodeck")
    assert "Included Client Audience" not in said.stdout and said.returncode == 0, said
