"""Settings: what --check-config refuses, with file and line; what a reload swaps or keeps."""

import os
import signal

import pytest

from conftest import POLICIES, issuer_section
from harness import is_root, until

VALID = ("valid", "valid")
ISSUER = "[issuer holodeck]\nurl = https://sso.example.com/realms/holodeck\n"
POLICY = "[policy orders]\naudience = orders\n"
GOOD = f"[authd]\nsocket = /run/authd/authd.sock\n{ISSUER}{POLICY}"

# (what it is, text of authd.conf, line of the complaint, words in it)
BROKEN = [
    ("an unknown section names the nearest", GOOD + "[polcy x]\naudience = x\n", 7, ["polcy", "policy"]),
    ("an unknown key names the nearest", GOOD + "audiense = x\n", 7, ["audiense", "audience"]),
    ("a duplicate key", GOOD + "audience = x\n", 7, ["duplicate", "audience"]),
    ("a duplicate section", GOOD + "[issuer holodeck]\nleeway = 3s\n", 7, ["duplicate", "issuer holodeck"]),
    ("an inline comment", GOOD + "scopes = a # not b\n", 7, ["comment"]),
    ("an empty list", GOOD + "scopes =\n", 7, ["scopes"]),
    ("an empty element", GOOD + "scopes = a;;b\n", 7, ["scopes", "empty"]),
    ("a bad unit", GOOD + "leeway = 30x\n", 7, ["30x", "unit"]),
    ("a bad number", GOOD.replace("[issuer", "workers = many\n[issuer"), 3, ["workers", "many"]),
    ("a bad boolean", GOOD.replace("[issuer", "allow_development_issuers = maybe\n[issuer"), 3, ["maybe"]),
    ("an issuer over plain http", GOOD.replace("https://", "http://"), 4, ["http"]),
    ("an issuer without a url", "[issuer a]\nleeway = 3s\n" + POLICY, 1, ["url"]),
    ("a policy without an audience", ISSUER + "[policy a]\nscopes = a\n", 3, ["audience"]),
    ("a policy that names no known issuer", GOOD + "issuers = hollodeck\n", 7, ["hollodeck"]),
    ("issuers left out with two of them", GOOD + "[issuer b]\nurl = https://b.example.com\n", 5, ["issuers"]),
    ("audience account not forced by name", ISSUER + "[policy a]\naudience = account\n", 4, ["account"]),
    ("a role without a colon", GOOD + "roles = reader\n", 7, ["roles", "reader"]),
    ("a header with a broken template", GOOD + "headers = X-User={sub\n", 7, ["headers"]),
    ("an unknown algorithm", GOOD.replace(POLICY, "algorithms = HS256\n" + POLICY), 5, ["HS256"]),
    (
        "a secret in the settings",
        GOOD.replace(POLICY, "client_secret = x\n" + POLICY),
        5,
        ["client_secret_file"],
    ),
    (
        "a keys file that is not there",
        GOOD.replace(POLICY, "keys_file = /nonexistent/keys.json\n" + POLICY),
        5,
        ["/nonexistent/keys.json"],
    ),
    ("a relative state folder", GOOD.replace("[issuer", "state_dir = state\n[issuer"), 3, ["relative"]),
    ("an unknown way to ask", GOOD + "introspect = sometimes\n", 7, ["sometimes", "max-age 5s"]),
    ("a demand that nobody may ask for", GOOD + "introspect = always\n", 7, ["client_id"]),
    (
        "a client without its secret",
        GOOD.replace(POLICY, "client_id = authd\n" + POLICY),
        3,
        ["client_secret_file"],
    ),
    (
        "keys without a time that they may be used",
        GOOD.replace(POLICY, "stale_keys_max = 0s\n" + POLICY),
        5,
        ["1m", "30d"],
    ),
    (
        "a proxy with a password",
        GOOD.replace(POLICY, "proxy = http://me:hunter2@proxy:3128\n" + POLICY),
        5,
        ["HOST:PORT"],
    ),
    ("a relative socket", GOOD.replace("/run/authd/authd.sock", "authd.sock"), 2, ["relative"]),
    (
        "an address that is not loopback",
        GOOD.replace("[issuer", "listen = 0.0.0.0:4181\n[issuer"),
        3,
        ["loopback"],
    ),
    ("a line that is neither", GOOD + "what is this\n", 7, ["="]),
    ("a key before any section", "socket = /run/x\n" + GOOD, 1, ["section"]),
    ("a control character", GOOD + "scopes = a\x01b\n", 7, ["0x01"]),
]


@pytest.mark.provider_free
@pytest.mark.parametrize("text, line, words", [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_broken_settings_are_refused_with_file_and_line(daemon, text, line, words):
    daemon.config_path.write_text(text)
    refused = daemon.check_config()
    assert refused.returncode != 0
    assert f"{daemon.config_path}:{line}:" in refused.stderr
    assert all(word in refused.stderr for word in words), refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1, "one clear line"


@pytest.mark.provider_free
def test_good_settings_are_accepted(daemon):
    daemon.config_path.write_text(GOOD)
    accepted = daemon.check_config()
    assert (accepted.returncode, accepted.stderr) == (0, "")


@pytest.mark.provider_free
def test_conf_d_adds_sections_and_repeating_a_key_is_an_error(daemon):
    daemon.config_path.write_text(GOOD)
    extra = daemon.directory / "conf.d" / "10-billing.conf"
    extra.parent.mkdir()
    extra.write_text("[policy billing]\naudience = billing\n")
    accepted = daemon.check_config()
    assert accepted.returncode == 0 and "2 policies" in accepted.stdout
    extra.write_text("# again\n[policy orders]\naudience = billing\n")
    refused = daemon.check_config()
    assert refused.returncode != 0
    assert f"{extra}:3:" in refused.stderr and "authd.conf:6" in refused.stderr


@pytest.mark.provider_free
def test_a_missing_settings_file_is_one_clear_line(daemon):
    refused = daemon.check_config()
    assert refused.returncode != 0
    assert str(daemon.config_path) in refused.stderr and len(refused.stderr.strip().splitlines()) == 1


@pytest.mark.provider_free
@pytest.mark.skipif(
    not is_root(), reason="a file that our own uid may not read needs another uid: run as root"
)
def test_an_unreadable_file_is_one_clear_line_and_a_non_zero_exit(daemon):
    daemon.config_path.write_text(GOOD)
    daemon.config_path.chmod(0o600)
    refused = daemon.as_uid(65534, daemon.programs.authd, "--config", daemon.config_path)
    lines = refused.stderr.strip().splitlines()
    assert refused.returncode != 0 and len(lines) == 1, refused.stderr
    assert str(daemon.config_path) in lines[0] and "ermission" in lines[0]


@pytest.mark.provider_free
@pytest.mark.parametrize("mode, word", [(0o644, "read"), (0o600, None)])
def test_a_secret_that_others_may_read_is_refused(daemon, mode, word):
    secret = daemon.directory / "secret"
    secret.write_text("s3cr3t\n")
    secret.chmod(mode)
    daemon.config_path.write_text(
        GOOD.replace(POLICY, f"client_id = authd\nclient_secret_file = {secret}\n" + POLICY)
    )
    answer = daemon.check_config()
    assert (answer.returncode == 0) == (word is None), answer.stderr
    assert "s3cr3t" not in answer.stderr + answer.stdout


def test_a_reload_brings_new_policies_into_force(authd, provider):
    token = provider.token("orders-rs256")
    assert authd.check(token, "later")[0] == 404
    authd.write(
        issuer_section(provider),
        POLICIES,
        "[policy later]\naudience = orders",
        allow_development_issuers="true",
    )
    assert authd.reload().status == 200
    assert authd.verdict(token, "later") == VALID


def test_a_policy_that_becomes_stricter_refuses_a_cached_token_at_once(authd, provider):
    token = provider.token("orders-rs256")
    assert authd.verdict(token) == VALID
    stricter = POLICIES.replace(
        "[policy default]\naudience = orders", "[policy default]\naudience = elsewhere"
    )
    authd.write(issuer_section(provider), stricter, allow_development_issuers="true")
    assert authd.reload().status == 200
    assert all(
        authd.verdict(token) == ("invalid", "wrong_audience") for _ in range(20)
    ), "a worker kept the old one"


def test_a_broken_reload_keeps_the_old_settings_and_shows_the_error(authd, provider):
    token = provider.token("orders-rs256")
    authd.write(
        issuer_section(provider), "[policy default]\naudiense = orders", allow_development_issuers="true"
    )
    answer = authd.reload()
    assert answer.status == 422 and f"{authd.config_path}:" in answer.json["detail"]
    assert authd.verdict(token) == VALID
    status = authd.get("/v1/status").json
    assert "audiense" in status["config"]["last_error"]
    assert any("audiense" in warning for warning in status["warnings"])
    shown = authd.authctl("reload")
    assert shown.returncode != 0 and "audiense" in shown.stdout + shown.stderr
    authd.write(issuer_section(provider), POLICIES, allow_development_issuers="true")
    assert authd.authctl("reload").returncode == 0
    assert authd.get("/v1/status").json["config"]["last_error"] is None


def test_sighup_reloads(authd, provider):
    authd.write(
        issuer_section(provider),
        POLICIES,
        "[policy later]\naudience = orders",
        allow_development_issuers="true",
    )
    os.kill(authd.pid, signal.SIGHUP)
    token = provider.token("orders-rs256")
    until("the new policy is in force", lambda: authd.check(token, "later")[0] == 200)


def test_a_removed_issuer_is_no_longer_trusted_even_for_cached_tokens(authd, provider):
    token = provider.token("orders-rs256")
    assert authd.verdict(token) == VALID
    authd.write(
        "[issuer other]\nurl = http://127.0.0.1:9/realms/other", POLICIES, allow_development_issuers="true"
    )
    assert authd.reload().status == 200
    assert authd.verdict(token) == ("invalid", "unknown_issuer")
