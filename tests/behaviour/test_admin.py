"""Administration and probes: what they show, and to whom."""

import json

import pytest

from harness import forged, is_root

ADMIN_DOORS = [
    ("GET", "/v1/status"),
    ("GET", "/v1/issuers"),
    ("GET", "/v1/keys"),
    ("GET", "/v1/config"),
    ("POST", "/v1/explain"),
    ("POST", "/v1/reload"),
    ("POST", "/v1/distrust"),
    ("GET", "/v1/doctor?issuer=far"),
]
NOBODY = 65534

needs_root = pytest.mark.skipif(not is_root(), reason="another uid's client needs root to be started")


def curl_as(daemon, uid, method, path, body=None):
    """(HTTP status, JSON) of a request by another user."""
    argv = [
        "curl",
        "-sS",
        "--unix-socket",
        daemon.socket,
        "-X",
        method,
        "-w",
        "\n%{http_code}",
        f"http://localhost{path}",
    ]
    done = daemon.as_uid(uid, *argv, *(["--data-binary", json.dumps(body)] if body else []))
    assert done.returncode == 0, done.stderr
    text, status = done.stdout.rsplit("\n", 1)
    return int(status), json.loads(text)


def test_status_shows_what_an_operator_asks_first(authd, provider):
    authd.check(provider.token("orders-rs256"))
    status = authd.get("/v1/status").json
    assert status["pid"] == authd.pid and status["ready"] is True and status["workers"] == 2
    assert [issuer["name"] for issuer in status["issuers"]] == ["holodeck"]
    assert status["issuers"][0]["state"] == "ready" and status["issuers"][0]["keys"]
    assert {"default", "orders", "anyone"} <= {policy["name"] for policy in status["policies"]}
    assert any("anyone" in warning and "audience" in warning for warning in status["warnings"])
    assert status["cache"]["entries"] == 1 and status["verdicts"]["valid"] == 1
    assert status["config"]["path"] == str(authd.config_path)


def test_keys_are_listed_by_issuer(authd):
    keys = authd.get("/v1/keys?issuer=holodeck").json["keys"]
    assert {"RSA", "EC", "OKP"} <= {key["kty"] for key in keys}
    assert all(key["issuer"] == "holodeck" and key["kid"] for key in keys)
    assert authd.get("/v1/keys?issuer=nobody").status == 404


def test_encryption_keys_are_skipped(authd):
    algs = {alg for key in authd.get("/v1/keys").json["keys"] for alg in key["algs"]}
    assert {"RS256", "ES256", "PS256", "EdDSA"} <= algs
    assert not [alg for alg in algs if "OAEP" in alg]


def test_explain_says_for_each_step_what_was_found_and_wanted(authd, provider):
    token = provider.token("orders-rs256", user="bob")
    answer = authd.explain(token, "orders")
    assert (answer["verdict"], answer["reason"]) == ("forbidden", "missing_role")
    steps = {step["step"]: step for step in answer["steps"]}
    assert steps["signature"]["result"] == "ok" and steps["audience"]["result"] == "ok"
    role = next(
        step for step in answer["steps"] if step["result"] == "failed" and step["reason"] == "missing_role"
    )
    assert "orders:reader" in role["wanted"]
    group = next(
        step for step in answer["steps"] if step["result"] == "failed" and step["reason"] == "missing_group"
    )
    assert "/eng/platform" in group["wanted"]
    assert all(set(step) == {"step", "result", "reason", "found", "wanted"} for step in answer["steps"])


def test_explain_agrees_with_check(authd, provider):
    for token in (
        provider.token("orders-rs256"),
        provider.token("other"),
        forged(provider.token("orders-es256")),
    ):
        explained, checked = authd.explain(token, "readers"), authd.check(token, "readers")[1]
        assert [explained[key] for key in ("verdict", "reason")] == [
            checked[key] for key in ("verdict", "reason")
        ]


def test_metrics_count_verdicts_by_issuer_policy_door_and_reason(authd, provider):
    token = provider.token("orders-rs256")
    authd.check(token, "readers")
    authd.check(token, "readers")
    authd.check(token, "elsewhere")
    authd.check(token, "no-such-policy")
    metrics = authd.metrics()

    def value(**labels):
        found = [
            number
            for name, number in metrics.items()
            if name.startswith("authd_verdicts_total{")
            and all(f'{key}="{word}"' in name for key, word in labels.items())
        ]
        return sum(found)

    assert value(issuer="holodeck", policy="readers", door="check", reason="valid") == 2
    assert value(issuer="holodeck", policy="elsewhere", door="check", reason="wrong_audience") == 1
    assert [number for name, number in metrics.items() if "unknown_policy" in name] == [1]
    assert "no-such-policy" not in authd.get("/metrics").text, "a client's word became a label"
    assert metrics['authd_cache_lookups_total{result="hit"}'] >= 2
    assert metrics['authd_keys_age_seconds{issuer="holodeck"}'] >= 0
    assert metrics["authd_ready"] == 1
    assert any(name.startswith("authd_upstream") for name in metrics)
    assert any("_bucket{" in name and "check" in name for name in metrics), "no latency histogram"


def test_metrics_are_well_formed_prometheus_text(authd, provider):
    authd.check(provider.token("orders-rs256"))
    answer = authd.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    typed = [line.split()[2] for line in answer.text.splitlines() if line.startswith("# TYPE ")]
    assert len(typed) == len(set(typed)) and all(name.startswith("authd_") for name in typed)
    for line in answer.text.splitlines():
        if line and not line.startswith("#"):
            name = line.split("{")[0].split(" ")[0]
            assert any(
                name == one or name.removeprefix(one) in ("_bucket", "_sum", "_count") for one in typed
            ), line


def test_probes_answer(authd):
    assert authd.get("/livez").status == 200
    ready = authd.get("/readyz")
    assert ready.status == 200 and ready.json["ready"] is True


@needs_root
@pytest.mark.provider_free
@pytest.mark.parametrize("method, path", ADMIN_DOORS)
def test_administration_is_refused_for_other_uids(daemon, method, path):
    daemon.write("[issuer far]\nurl = http://127.0.0.1:9/realms/far", "[policy default]\naudience = orders")
    daemon.start(ready=False)
    status, answer = curl_as(daemon, NOBODY, method, path, {"token": "a.b.c"} if method == "POST" else None)
    assert (status, answer["error"]) == (403, "admin_only")


@needs_root
def test_any_local_user_may_check(authd, provider):
    status, answer = curl_as(authd, NOBODY, "POST", "/v1/check", {"token": provider.token("orders-rs256")})
    assert (status, answer["verdict"]) == (200, "valid")


@needs_root
@pytest.mark.provider_free
def test_the_admin_group_may_administer(daemon):
    import grp

    group = grp.getgrgid(2 if 2 in {entry.gr_gid for entry in grp.getgrall()} else 0)
    daemon.write(
        "[issuer far]\nurl = http://127.0.0.1:9/realms/far",
        "[policy default]\naudience = orders",
        admin_group=group.gr_name,
    )
    daemon.start(ready=False)
    argv = [
        "curl",
        "-sS",
        "--unix-socket",
        str(daemon.socket),
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "http://localhost/v1/status",
    ]
    import subprocess

    def status(*groups):
        return subprocess.run(
            ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", *groups, *argv],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout

    assert status(f"--groups={group.gr_gid}") == "200"
    assert status("--clear-groups") == "403"


@pytest.mark.provider_free
def test_administration_is_not_on_tcp(daemon):
    import http.client

    daemon.write(
        "[issuer far]\nurl = http://127.0.0.1:9/realms/far",
        "[policy default]\naudience = orders",
        listen="127.0.0.1:0",
    )
    daemon.start(ready=False)
    port = daemon.wait_event(event="listening", address="127.0.0.1:0")["port"]
    for path, wanted in [("/livez", 200), ("/v1/status", 404), ("/v1/distrust", 404), ("/v1/doctor", 404), ("/v1/check", 404), ("/metrics", 200)]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", path)
        assert connection.getresponse().status == wanted, path
        connection.close()


# authctl


def test_authctl_check_and_its_exit_codes(authd, provider):
    good = authd.authctl("check", "--policy", "readers", input=provider.token("orders-rs256"))
    assert good.returncode == 0 and "valid" in good.stdout, good.stderr
    bad = authd.authctl("check", "--policy", "readers", input=provider.token("other"))
    assert bad.returncode not in (0, good.returncode) and "wrong_audience" in bad.stdout


def test_authctl_check_gives_json(authd, provider):
    token = provider.token("orders-rs256")
    done = authd.authctl("check", "--json", "--policy", "readers", input=token)
    assert json.loads(done.stdout)["reason"] == "valid"


def test_authctl_explain_shows_the_refused_step(authd, provider):
    done = authd.authctl("explain", "--policy", "orders", input=provider.token("other"))
    assert "wrong_audience" in done.stdout and "billing" in done.stdout and "orders" in done.stdout


@pytest.mark.parametrize("command", ["status", "issuers", "keys", "config"])
def test_authctl_shows_tables_and_json(authd, command):
    table, machine = authd.authctl(command), authd.authctl(command, "--json")
    assert table.returncode == 0 and "holodeck" in table.stdout, table.stderr
    assert machine.returncode == 0
    json.loads(machine.stdout)


def test_authctl_doctor_looks_the_provider_over(authd):
    done, machine = authd.authctl("doctor", "holodeck"), authd.authctl("doctor", "holodeck", "--json")
    assert done.returncode == machine.returncode and done.returncode in (0, 1), done.stderr
    report = json.loads(machine.stdout)
    assert (done.returncode == 1) == (report["result"] == "failed")
    for finding in report["findings"]:
        assert finding["check"] in done.stdout
        assert not finding["advice"] or f"\n    {finding['advice'][:20]}" in done.stdout
    assert "\033" not in done.stdout + done.stderr and "Looking" not in done.stderr


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (("doctor",), 2, "1 argument"),
        (("doctor", "holodeck", "more"), 2, "more"),
        (("doctor", "nobody"), 2, "unknown_issuer"),
        (("distrust", "holodeck"), 2, "2 arguments"),
        (("distrust", "nobody", "k"), 2, "unknown_issuer"),
        (("distrust", "--undo", "holodeck", "k"), 2, "not_distrusted"),
        (("distrust", "holodeck", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"), 2, "token"),
    ],
)
def test_authctl_says_what_was_wrong_with_the_question(authd, arguments, code, words):
    done = authd.authctl(*arguments)
    assert (done.returncode, done.stdout) == (code, "") and words in done.stderr


@pytest.mark.provider_free
def test_authctl_without_a_daemon_says_so(daemon):
    done = daemon.authctl("status")
    assert done.returncode != 0 and str(daemon.socket) in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


@pytest.mark.provider_free
def test_authctl_takes_no_token_on_the_command_line(daemon):
    done = daemon.authctl("check", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA", input="")
    assert done.returncode != 0


@needs_root
def test_authctl_as_another_user_is_told_who_may(authd):
    done = authd.as_uid(NOBODY, "env", f"AUTHD_SOCKET={authd.socket}", authd.programs.authctl, "status")
    assert done.returncode != 0 and "admin" in done.stderr
