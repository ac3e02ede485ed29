"""/introspect: RFC 7662 for whoever speaks it; on TCP for clients only."""

import base64
import json
import urllib.parse

import pytest

import doors_rows
import providers
from conftest import POLICIES, issuer_section
from doors_setup import form, tcp_ask
from harness import forged

SECRET = "p:a%s+s wö/rd"  # all that form-encoding and Basic must carry
CLIENTS = """
[client gateway]
secret_file = {folder}/gateway.secret
policy = readers

[client plain]
secret_file = {folder}/plain.secret
"""
INACTIVE = '{"active":false}'


def ask(authd, token, policy=None, **fields):
    body, headers = form(token=token, **fields)
    return authd.request("POST", "/introspect" + (f"/{policy}" if policy else ""), body, headers)


# On the Unix socket.

def test_an_active_token_in_the_words_of_the_rfc(authd, provider):
    token = provider.token("orders-rs256", user="alice")
    answer = ask(authd, token)
    claims = authd.check(token, "default")[1]["claims"]
    assert answer.status == 200
    said = answer.json
    assert said["active"] is True and said["token_type"] == "Bearer"
    assert (said["client_id"], said["username"]) == ("orders-rs256", "alice")
    for name in ("iss", "sub", "aud", "exp", "iat", "jti", "scope", "azp", "groups"):
        assert said[name] == claims[name], name


def test_the_provider_itself_says_the_same(authd, provider):
    token = provider.token("orders-rs256", user="alice")
    theirs, ours = provider.introspect(token), ask(authd, token).json
    assert theirs["active"] is True
    for name in ("active", "client_id", "username", "sub", "iss", "exp", "token_type"):
        assert ours[name] == theirs[name], name
    assert sorted(ours["scope"].split()) == sorted(theirs["scope"].split())


@pytest.mark.parametrize("token, policy", [
    (lambda provider: forged(provider.token("orders-rs256")), None),
    (lambda provider: provider.token("other"), None),
    (lambda provider: provider.token("orders-rs256", user="bob"), "orders"),
    (lambda provider: provider.token("lightweight", user="alice"), None),
    (lambda provider: "junk", None),
    (lambda provider: "a b\r\n\u00e9", None),
], ids=["forged", "other audience", "no role", "no subject", "junk", "not printable"])
def test_what_is_refused_is_inactive_and_nothing_more(authd, provider, token, policy):
    answer = ask(authd, token(provider), policy)
    assert (answer.status, answer.text) == (200, INACTIVE)
    assert sorted(answer.headers) == ["Content-Length", "Content-Type", "Date", "X-Request-Id"]


def test_the_policy_is_that_of_the_path(authd, provider):
    token = provider.token("orders-rs256", user="bob")
    assert ask(authd, token, "default").json["active"] is True
    assert ask(authd, token, "readers").text == INACTIVE
    answer = ask(authd, token, "nobody")
    assert (answer.status, answer.json["error"]) == (404, "unknown_policy")


def test_a_hint_and_unknown_parameters_are_ignored(authd, provider):
    token = provider.token("orders-rs256")
    assert ask(authd, token, token_type_hint="refresh_token", more="x").json["active"] is True


@pytest.mark.parametrize("body", ["", "token=", "tokens=a.b.c", "token=a&token=b", "token=a&%74oken=b", "token=%zz",
                                  '{"token":"a.b.c"}'])
def test_a_form_without_one_token_is_400(authd, body):
    answer = authd.request("POST", "/introspect", body, {"Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


def test_a_token_in_the_query_is_not_read(authd, provider):
    answer = authd.request("POST", f"/introspect?token={provider.token('orders-rs256')}", "")
    assert answer.status == 400
    assert authd.get(f"/introspect?token={provider.token('orders-rs256')}").status == 405


def test_without_a_default_policy_one_must_be_named(daemon, provider):
    daemon.write(issuer_section(provider), "[policy orders]\naudience = orders", allow_development_issuers="true")
    daemon.start()
    token = provider.token("orders-rs256")
    assert ask(daemon, token, "orders").json["active"] is True
    answer = ask(daemon, token)
    assert (answer.status, answer.json["error"]) == (400, "policy_required")


def test_could_not_ask_is_never_inactive(daemon, provider):
    daemon.write(*doors_rows.settings(provider), allow_development_issuers="true")
    daemon.start(ready=False)
    answer = ask(daemon, doors_rows.unsigned(iss=doors_rows.ABSENT_ISSUER), "two")
    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")
    assert int(answer.headers["Retry-After"]) > 0 and "active" not in answer.json


@pytest.mark.devidp
def test_claims_of_our_names_do_not_stand(authd, provider):
    claims = {"active": False, "client_id": "root", "username": "root", "token_type": "evil", "scope": "orders:read x"}
    answer = ask(authd, provider.mint("orders-rs256", user="alice", claims=claims))
    said = answer.json
    assert said["active"] is True and said["token_type"] == "Bearer"
    assert (said["client_id"], said["username"], said["scope"]) == ("orders-rs256", "alice", "orders:read x")
    for name in claims:
        assert answer.text.count(f'"{name}":') == 1, name


@pytest.mark.devidp
def test_scopes_in_a_list_become_the_string_that_the_rfc_wants(authd, provider):
    token = provider.mint("orders-rs256", user="alice", claims={"scope": ["orders:read", 'q"\n', "x"]})
    assert ask(authd, token).json["scope"] == 'orders:read q"\n x'


@pytest.mark.devidp
def test_a_username_that_is_no_string_is_left_out(authd, provider):
    token = provider.mint("orders-rs256", user="alice", claims={"preferred_username": {"a": [1]}})
    said = ask(authd, token).json
    assert said["active"] is True and "username" not in said


# On TCP.

def basic(name, secret):
    """RFC 6749 section 2.3.1: each part form-encoded, then Basic."""
    pair = f"{urllib.parse.quote_plus(name)}:{urllib.parse.quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


class Gate:
    """A daemon on TCP with two clients."""

    def __init__(self, daemon, provider):
        self.daemon, self.port = daemon, providers.free_port()
        self.secret("gateway", SECRET)
        self.secret("plain", "plain-secret\n")
        daemon.write(issuer_section(provider), POLICIES, CLIENTS.format(folder=daemon.directory),
                     allow_development_issuers="true", listen=f"127.0.0.1:{self.port}")
        daemon.start()

    def secret(self, name, secret):
        file = self.daemon.directory / f"{name}.secret"
        file.write_text(secret)
        file.chmod(0o600)

    def ask(self, token, headers=None, path="/introspect", **fields):
        body, form_headers = form(token=token, **fields)
        return tcp_ask(self.port, "POST", path, body, {**form_headers, **(headers or {})})


@pytest.fixture
def gate(daemon, provider):
    return Gate(daemon, provider)


def assert_unknown_client(answer):
    assert (answer.status, answer.json["error"]) == (401, "invalid_client"), answer.text
    assert answer.headers.get_all("WWW-Authenticate") == ['Basic realm="authd", charset="UTF-8"']
    assert "active" not in answer.json


def test_a_client_with_its_secret_is_answered_by_its_policy(gate, provider):
    token, bob = provider.token("orders-rs256"), provider.token("orders-rs256", user="bob")
    assert gate.ask(token, basic("gateway", SECRET)).json["active"] is True
    assert gate.ask(token, client_id="gateway", client_secret=SECRET).json["active"] is True
    assert gate.ask(bob, basic("gateway", SECRET)).text == INACTIVE
    assert gate.ask(bob, basic("plain", "plain-secret")).json["active"] is True  # [policy default]


def test_without_the_right_credentials_nothing_is_said(gate, provider):
    token = provider.token("orders-rs256")
    assert_unknown_client(gate.ask(token))
    assert_unknown_client(gate.ask(token, basic("gateway", "wrong")))
    assert_unknown_client(gate.ask(token, basic("gateway", "plain-secret")))
    assert_unknown_client(gate.ask(token, basic("gateway", "")))
    assert_unknown_client(gate.ask(token, basic("nobody", SECRET)))
    assert_unknown_client(gate.ask(token, basic("", "")))
    assert_unknown_client(gate.ask(token, client_id="gateway", client_secret="wrong"))
    assert_unknown_client(gate.ask(token, client_id="gateway"))
    assert_unknown_client(gate.ask(token, path=f"/introspect?client_id=plain&client_secret=plain-secret"))
    assert_unknown_client(gate.ask(token, {"Authorization": f"Bearer {token}"}))


def test_the_form_is_not_looked_at_when_the_header_is_there(gate, provider):
    answer = gate.ask(provider.token("orders-rs256"), basic("nobody", "x"), client_id="plain", client_secret="plain-secret")
    assert_unknown_client(answer)


@pytest.mark.parametrize("header", [
    "Basic", "Basic ", "Basic =", "Basic A", "Basic ====", "Basic Z", "Basic " + "A" * 4000,
    "Basic " + base64.b64encode(b"gateway").decode(),
    "Basic " + base64.b64encode(b"plain:plain-secret").decode() + "!",
    "Basic " + "!" + base64.b64encode(b"plain:plain-secret").decode(),
    "Basic " + base64.b64encode(b"plain\0:plain-secret").decode(),
    "Basic " + base64.b64encode(b"plain:plain-secret%").decode(),
    "Basic " + base64.b64encode(b"plain:\xff").decode(),
    "Digest " + base64.b64encode(b"plain:plain-secret").decode(),
])
def test_broken_credentials_are_unknown_ones(gate, header):
    assert_unknown_client(gate.ask("a.b.c", {"Authorization": header}))
    assert "CRITICAL" not in gate.daemon.log_text()


def test_whoever_is_unknown_does_not_learn_what_is_wrong_with_the_question(gate):
    assert_unknown_client(tcp_ask(gate.port, "POST", "/introspect", ""))
    assert_unknown_client(tcp_ask(gate.port, "POST", "/introspect/nobody", "token=a"))


def test_a_client_may_ask_by_its_own_policy_only(gate, provider):
    token, credentials = provider.token("orders-rs256"), basic("gateway", SECRET)
    assert gate.ask(token, credentials, "/introspect/readers").json["active"] is True
    for path in ("/introspect/default", "/introspect/anyone", "/introspect/nobody"):
        answer = gate.ask(token, credentials, path)
        assert (answer.status, answer.json["error"]) == (403, "access_denied"), path


def test_a_reload_takes_a_new_secret_and_forgets_a_client(gate, provider):
    token = provider.token("orders-rs256")
    gate.secret("plain", "another")
    assert gate.ask(token, basic("plain", "plain-secret")).status == 200
    assert gate.daemon.reload().status == 200
    assert_unknown_client(gate.ask(token, basic("plain", "plain-secret")))
    assert gate.ask(token, basic("plain", "another")).json["active"] is True
    text = gate.daemon.config_path.read_text()
    gate.daemon.config_path.write_text(text[:text.index("[client plain]")])
    assert gate.daemon.reload().status == 200
    assert_unknown_client(gate.ask(token, basic("plain", "another")))
    assert gate.ask(token, basic("gateway", SECRET)).json["active"] is True


def test_no_secret_is_logged_or_shown(gate, provider):
    token = provider.token("orders-rs256")
    gate.ask(token, basic("gateway", SECRET))
    gate.ask(token, basic("gateway", "wrong-secret"))
    gate.ask(token, client_id="plain", client_secret="plain-secret")
    gate.daemon.wait_event(event="question_refused", error="invalid_client", door="introspect")
    shown = gate.daemon.log_text() + gate.daemon.get("/v1/config").text + gate.daemon.get("/metrics").text
    for secret in (SECRET, "wrong-secret", "plain-secret", basic("gateway", SECRET)["Authorization"][6:], token):
        assert secret not in shown and json.dumps(secret)[1:-1] not in shown


@pytest.mark.provider_free
@pytest.mark.parametrize("section, complaint", [
    ("[client a]", "secret_file"),
    ("[client a]\nsecret_file = /nonexistent/secret", "/nonexistent/secret"),
    ("[client a]\nsecret_file = {open}", "{open}"),
    ("[client a]\nsecret_file = {good}\npolicy = nobody", "policy nobody"),
    ("[client a]\nsecret = x", "secret_file"),
    ("[client a]\nsecret_file = {good}\n[client a]\nsecret_file = {good}", "client a"),
])
def test_a_client_that_cannot_be_is_refused_in_the_settings(daemon, section, complaint):
    paths = {"good": daemon.directory / "good", "open": daemon.directory / "open"}
    for name, mode in (("good", 0o600), ("open", 0o644)):
        paths[name].write_text("secret")
        paths[name].chmod(mode)
    daemon.write("[issuer far]\nurl = http://127.0.0.1:9/realms/far", "[policy default]\naudience = any", section.format(**paths))
    refused = daemon.check_config()
    assert refused.returncode != 0
    assert complaint.format(**paths) in refused.stderr and f"{daemon.config_path}:" in refused.stderr, refused.stderr
