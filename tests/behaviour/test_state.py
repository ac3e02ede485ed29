"""State: what outlives the daemon, what is taken out of use at once, and what is said while a provider is away."""

import contextlib
import shutil
import sqlite3
import time

import pytest

import providers
from conftest import issuer_section
from harness import until

pytestmark = pytest.mark.devidp

VALID = ("valid", "valid")
POLICY = "[policy default]\naudience = orders\n"
POLICIES = (
    POLICY
    + """
[policy patient]
audience = orders
keys_stale_for = 1h

[policy strict]
audience = orders
keys_stale_for = 0s
"""
)


def settings(daemon, provider, policies=POLICIES, **more):
    daemon.write(issuer_section(provider), policies, allow_development_issuers="true", **more)


def age_snapshot(daemon, seconds):
    """The keys that are kept were fetched so long ago."""
    with contextlib.closing(sqlite3.connect(daemon.state_dir / "state.db")) as database, database:
        done = database.execute("UPDATE snapshot SET fetched_at_sec = fetched_at_sec - ?", (seconds,))
        assert done.rowcount == 1


@pytest.fixture
def outage(daemon, own_devidp):
    """A daemon that lives on keys of two minutes ago, its provider away; and a token."""
    settings(daemon, own_devidp)
    daemon.start()
    token = own_devidp.token("orders-rs256")
    daemon.stop()
    age_snapshot(daemon, 20 * 60)  # past the longest time for which keys are fresh
    own_devidp.end_process()
    daemon.start(ready=False)
    daemon.wait_event(event="outage_began")
    return token


# Distrust


def refused(daemon, token):
    """On new connections, so that each worker is asked."""
    return {daemon.verdict(token) for _ in range(8)}


def test_a_distrusted_key_is_refused_at_once_by_all_and_after_a_restart(daemon, own_devidp):
    settings(daemon, own_devidp, workers=4)
    daemon.start()
    token, other = own_devidp.token("orders-rs256"), own_devidp.token("orders-es256")
    kid = providers.decode(token)[0]["kid"]
    assert refused(daemon, token) == {VALID}
    done = daemon.authctl("distrust", "holodeck", kid)
    assert done.returncode == 0 and "lasts over a restart" in done.stdout, done.stdout + done.stderr
    assert refused(daemon, token) == {("invalid", "unknown_key")}
    assert daemon.verdict(other) == VALID
    daemon.restart()
    assert refused(daemon, token) == {("invalid", "unknown_key")}
    rows = {key["kid"]: key["distrusted"] for key in daemon.get("/v1/keys").json["keys"]}
    assert rows[kid] is True and sum(rows.values()) == 1
    assert kid in daemon.authctl("issuers").stdout and "distrusted" in daemon.authctl("keys").stdout
    done = daemon.authctl("distrust", "--undo", "holodeck", kid)
    assert done.returncode == 0 and "counts again" in done.stdout, done.stdout + done.stderr
    assert refused(daemon, token) == {VALID}
    daemon.restart()
    assert daemon.verdict(token) == VALID


def test_with_the_state_folder_gone_a_distrusted_key_is_refused_all_the_same(daemon, own_devidp):
    settings(daemon, own_devidp)
    daemon.start()
    token = own_devidp.token("orders-rs256")
    shutil.rmtree(daemon.state_dir)
    done = daemon.authctl("distrust", "holodeck", providers.decode(token)[0]["kid"])
    assert done.returncode == 0 and "a restart forgets that" in done.stdout, done.stdout + done.stderr
    assert "authctl keys" in daemon.authctl("check", "--policy", "default", input=token).stdout
    assert refused(daemon, token) == {("invalid", "unknown_key")}
    (warning,) = [text for text in daemon.get("/v1/status").json["warnings"] if "state database" in text]
    assert warning.count(str(daemon.state_dir)) == 1, warning


def test_the_settings_distrust_a_key_with_a_reload(daemon, own_devidp):
    settings(daemon, own_devidp)
    daemon.start()
    token = own_devidp.token("orders-rs256")
    kid = providers.decode(token)[0]["kid"]
    assert daemon.verdict(token) == VALID
    daemon.write(
        issuer_section(own_devidp, distrust_kid=f"another; {kid}"), POLICY, allow_development_issuers="true"
    )
    assert daemon.reload().status == 200
    assert refused(daemon, token) == {("invalid", "unknown_key")}
    done = daemon.authctl("distrust", "--undo", "holodeck", kid)
    assert done.returncode == 2 and "not_distrusted" in done.stderr
    settings(daemon, own_devidp)
    assert daemon.reload().status == 200
    assert refused(daemon, token) == {VALID}


def test_without_state_a_distrusted_key_is_refused_until_the_restart_and_that_is_said(daemon, own_devidp):
    settings(daemon, own_devidp, state_dir="none")
    daemon.start()
    token = own_devidp.token("orders-rs256")
    done = daemon.authctl("distrust", "holodeck", providers.decode(token)[0]["kid"])
    assert done.returncode == 0 and "a restart forgets that" in done.stdout
    assert refused(daemon, token) == {("invalid", "unknown_key")}
    daemon.restart()
    assert refused(daemon, token) == {VALID}


@pytest.mark.provider_free
@pytest.mark.parametrize(
    "question",
    [
        {},
        {"issuer": "far"},
        {"issuer": "far", "key": 1},
        {"issuer": "far", "key": "k", "trust": "yes"},
        {"issuer": "far", "key": "k", "undo": True},
        {"issuer": "far", "key": ""},
        {"issuer": "far", "key": "k" * 5000},
    ],
    ids=str,
)
def test_a_question_that_is_not_understood_distrusts_nothing(daemon, question):
    daemon.write("[issuer far]\nurl = http://127.0.0.1:9/realms/far", POLICY)
    daemon.start(ready=False)
    answer = daemon.post("/v1/distrust", question)
    assert (answer.status, answer.json["error"]) == (400, "bad_request")
    assert daemon.get("/v1/issuers").json["issuers"][0]["distrusted"] == []


# Outages


def budgets_of(daemon, path):
    return {(row["policy"], row["budget"]): row for row in daemon.get(path).json["budgets"]}


def test_while_the_provider_is_away_each_budget_and_its_end_is_said(daemon, outage):
    assert daemon.verdict(outage) == VALID
    assert daemon.verdict(outage, "patient") == VALID
    assert daemon.verdict(outage, "strict") == ("unavailable", "unavailable")
    ready = daemon.get("/readyz")
    assert ready.status == 200 and ready.json["ready"] is True and "strict" in ready.json["detail"]
    for path in ("/readyz", "/v1/status"):
        rows = budgets_of(daemon, path)
        assert set(rows) == {(name, "keys") for name in ("default", "patient", "strict")}
        assert [rows[name, "keys"]["ended"] for name in ("default", "patient", "strict")] == [False, False, True]
        for name, seconds in (("default", 24 * 3600), ("patient", 3600), ("strict", 0)):
            row = rows[name, "keys"]
            assert row["issuer"] == "holodeck" and row["since"] < time.time()
            assert abs(row["ends_at"] - row["since"] - seconds) <= 1
    shown = daemon.authctl("issuers").stdout
    assert "connection refused" in shown and "development only" not in shown, shown
    metrics = daemon.metrics()
    left = {
        name: metrics[f'authd_outage_seconds_left{{issuer="holodeck",policy="{name}",budget="keys"}}']
        for name in ("default", "patient", "strict")
    }
    assert left["strict"] == 0 and 0 < left["patient"] <= 3600 < left["default"] <= 24 * 3600
    assert metrics['authd_keys_stale{issuer="holodeck"}'] == 1 and metrics["authd_ready"] == 1
    said = daemon.authctl("status").stdout
    assert "keys of holodeck stale for" in said and "patient may use them until" in said
    assert "strict refuses its tokens as unavailable since" in said
    assert "stale" in daemon.authctl("issuers").stdout


def test_an_outage_is_logged_when_it_begins_when_a_budget_ends_and_when_it_is_over(daemon, own_devidp, outage):
    began = daemon.wait_event(event="outage_began", issuer="holodeck", budget="keys")
    assert (began["level"], began["policy"]) == ("warning", "strict") and began["ends_at"] >= began["since"]
    over = daemon.wait_event(event="outage_budget_ended", issuer="holodeck", policy="strict")
    assert over["level"] == "error"
    own_devidp.start()
    until("the keys are fresh again", lambda: daemon.verdict(outage, "strict") == VALID, 90)
    ended = daemon.wait_event(event="outage_ended", issuer="holodeck", budget="keys")
    assert ended["level"] == "notice" and ended["seconds"] >= 60
    assert daemon.get("/readyz").json["budgets"] == [] and daemon.get("/v1/status").json["budgets"] == []
    metrics = daemon.metrics()
    assert not [name for name in metrics if name.startswith("authd_outage_seconds_left")]
    assert metrics['authd_keys_stale{issuer="holodeck"}'] == 0
    assert [event["event"] for event in daemon.log()].count("outage_budget_ended") == 1


def test_past_stale_keys_max_nothing_is_ready_and_nothing_is_accepted(daemon, own_devidp):
    settings(daemon, own_devidp)
    daemon.start()
    token = own_devidp.token("orders-rs256")
    daemon.stop()
    age_snapshot(daemon, 25 * 3600)
    own_devidp.end_process()
    daemon.start(ready=False)
    assert daemon.verdict(token) == ("unavailable", "unavailable")
    assert daemon.get("/readyz").status == 503


# The state folder


@pytest.mark.parametrize("how", ["a file", "writable by all", "without a parent"])
def test_a_state_folder_that_cannot_be_used_is_warned_of_and_the_daemon_runs(daemon, provider, how):
    folder = {"without a parent": daemon.directory / "no" / "parent"}.get(how, daemon.state_dir)
    settings(daemon, provider, state_dir=folder)
    if how == "a file":
        folder.write_text("not a folder")
    elif how == "writable by all":
        folder.mkdir()
        folder.chmod(0o777)
    daemon.start()
    assert daemon.verdict(provider.token("orders-rs256")) == VALID
    event = daemon.wait_event(event="state_unavailable")
    assert event["level"] == "warning" and event["state_dir"] == str(folder)
    status = daemon.get("/v1/status").json
    assert status["state"] is None
    assert any("state database" in warning for warning in status["warnings"])
    done = daemon.authctl("distrust", "holodeck", "k")
    assert done.returncode == 0 and "a restart forgets that" in done.stdout


def test_a_changed_state_folder_needs_a_restart(daemon, provider):
    settings(daemon, provider)
    daemon.start()
    settings(daemon, provider, state_dir="none")
    assert daemon.reload().status == 200
    daemon.wait_event(event="restart_needed", setting="state_dir")
    assert daemon.get("/v1/status").json["state"] == str(daemon.state_dir / "state.db")


def test_the_state_is_for_the_daemon_alone(daemon, provider):
    settings(daemon, provider)
    daemon.start()
    assert daemon.state_dir.stat().st_mode & 0o777 == 0o700
    assert (daemon.state_dir / "state.db").stat().st_mode & 0o777 == 0o600


# Issuers that are asked

ASKING = """
[policy default]
audience = orders

[policy always]
audience = orders
introspect = always

[policy writes]
audience = orders
introspect = writes

[policy patient]
audience = orders
introspect = max-age 1s
introspection_stale_for = 1h
"""


@pytest.fixture
def asking(daemon, own_devidp):
    secret = daemon.directory / "client-secret"
    secret.write_text("orders-secret\n")
    secret.chmod(0o600)
    client = {"client_id": "orders", "client_secret_file": secret}
    daemon.write(issuer_section(own_devidp, **client), ASKING, allow_development_issuers="true")
    return daemon.start()


def test_a_revoked_token_is_refused_where_the_issuer_is_asked(asking, own_devidp):
    token = own_devidp.mint("orders-es256")
    assert asking.verdict(token, "always") == VALID and asking.verdict(token, "writes") == VALID
    step = {step["step"]: step for step in asking.explain(token, "always")["steps"]}["introspection"]
    assert step["result"] == "ok" and "active" in step["found"]
    own_devidp.revoke(token)
    assert asking.verdict(token, "always") == ("invalid", "inactive")
    assert asking.check(token, "writes", method="GET")[1]["reason"] == "valid"
    assert asking.check(token, "writes", method="POST")[1]["reason"] == "inactive"
    assert asking.verdict(token) == VALID
    assert asking.get("/v1/status").json["answers"]["entries"] == 1
    shown = asking.authctl("issuers").stdout
    assert "INTROSPECTION" in shown and "ready  4     " in shown


def test_an_opaque_token_is_asked_about(asking, own_devidp):
    assert asking.verdict(own_devidp.mint_opaque("orders-es256"), "default") == VALID
    assert asking.verdict("no-such-token", "default") == ("invalid", "inactive")


def test_a_budget_of_answers_is_said_like_one_of_keys(asking, own_devidp):
    token = own_devidp.mint("orders-es256")
    assert asking.verdict(token, "patient") == VALID
    own_devidp.end_process()
    assert asking.verdict(token, "always") == ("unavailable", "unavailable")
    until("the answer is older than 1 s", lambda: asking.check(token, "patient")[1]["stale"], 5)
    until("it is long enough to be an outage", lambda: ("always", "introspection") in budgets_of(asking, "/readyz"), 5)
    rows = budgets_of(asking, "/readyz")
    assert rows["always", "introspection"]["ended"] and not rows["patient", "introspection"]["ended"]
    assert rows["patient", "introspection"]["ends_at"] - rows["patient", "introspection"]["since"] >= 3600
    assert asking.get("/readyz").status == 200
    assert "answers about tokens of holodeck stale for" in asking.authctl("status").stdout
    asking.wait_event(event="outage_began", budget="introspection")
    asking.wait_event(event="outage_budget_ended", budget="introspection", policy="always")
    own_devidp.start()
    again = own_devidp.mint("orders-es256")  # a devidp that was away knows no session of before
    until("it is asked again", lambda: asking.verdict(again, "always") == VALID, 40)
    asking.wait_event(event="outage_ended", budget="introspection")
