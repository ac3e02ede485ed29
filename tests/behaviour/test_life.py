"""The daemon's life: provider down at start, kill -9, a socket in use, a full disk, a clean stop."""

import os
import signal
import socket
import stat
from pathlib import Path

import pytest

from conftest import POLICIES, issuer_section
from harness import Authd, is_root, until, with_header

VALID = ("valid", "valid")
STATIC = "[issuer far]\nurl = http://127.0.0.1:9/realms/far\n"
DEFAULT = "[policy default]\naudience = orders\n"


def second(programs, daemon):
    """Another daemon on the same settings, with a log of its own."""
    other = Authd(programs, daemon.directory)
    other.log_path = daemon.directory / "second.log"
    return other


@pytest.mark.devidp
def test_it_starts_with_the_provider_down_and_becomes_ready_when_it_can(daemon, own_devidp):
    token = own_devidp.token("orders-rs256")
    own_devidp.end_process()
    daemon.write(issuer_section(own_devidp), POLICIES, allow_development_issuers="true")
    daemon.start(ready=False)
    answer = daemon.get("/readyz")
    assert answer.status == 503 and answer.json["ready"] is False and "holodeck" in answer.json["detail"]
    assert daemon.verdict(token) == ("unavailable", "unavailable")
    own_devidp.start()
    daemon.wait_ready(60)
    assert daemon.verdict(token) == VALID


@pytest.mark.devidp
def test_an_outage_after_the_start_changes_nothing_for_known_keys(daemon, own_devidp):
    daemon.write(issuer_section(own_devidp), POLICIES, allow_development_issuers="true")
    daemon.start()
    tokens = [own_devidp.token("orders-rs256") for _ in range(3)]
    own_devidp.end_process()
    assert [daemon.verdict(token) for token in tokens] == [VALID] * 3
    assert daemon.verdict(with_header(tokens[0], kid="nobody-has-this-key")) == ("unavailable", "unavailable")
    assert daemon.verdict(tokens[0]) == VALID


@pytest.mark.devidp
@pytest.mark.parametrize("fault", ["500", "html", "truncate", "empty", "reset", "none"])
def test_a_provider_that_fails_is_told_in_status_and_readyz(daemon, own_devidp, fault):
    own_devidp.fault(certs=fault)
    daemon.write(issuer_section(own_devidp), POLICIES, allow_development_issuers="true")
    daemon.start(ready=False)

    def failing():
        issuer = daemon.get("/v1/issuers").json["issuers"][0]
        return issuer["state"] == "failing" and issuer["last_error"]

    if fault == "none":  # no fault at all: the test can tell them apart
        daemon.wait_ready()
        assert not failing()
    else:
        assert until("the issuer is shown as failing", failing)
        assert daemon.get("/readyz").status == 503


def test_kill_9_leaves_nothing_that_stops_the_next_start(authd, provider):
    token = provider.token("orders-rs256")
    assert authd.verdict(token) == VALID
    authd.stop(signal.SIGKILL)
    assert authd.socket.exists(), "a killed daemon leaves its socket: that is the case to test"
    authd.start()
    assert authd.verdict(token) == VALID


def test_sigterm_is_a_clean_stop(authd):
    assert authd.stop() == 0
    assert not authd.socket.exists()
    authd.wait_event(event="stopping")


@pytest.mark.provider_free
def test_a_socket_in_use_is_one_clear_line_and_the_first_daemon_goes_on(daemon, programs):
    daemon.write(STATIC, DEFAULT)
    daemon.start(ready=False)
    other = second(programs, daemon)
    other.spawn()
    assert other.process.wait(15) != 0
    errors = [event for event in other.log() if event["level"] == "error"]
    assert len(errors) == 1 and str(daemon.socket) in errors[0]["message"] and "use" in errors[0]["message"]
    assert daemon.get("/livez").status == 200


@pytest.mark.provider_free
def test_a_socket_path_that_is_a_plain_file_is_left_alone(daemon):
    daemon.socket.write_text("somebody's data")
    daemon.write(STATIC, DEFAULT)
    daemon.spawn()
    assert daemon.process.wait(15) != 0
    assert daemon.socket.read_text() == "somebody's data"
    assert any(event["level"] == "error" and str(daemon.socket) in event["message"] for event in daemon.log())


@pytest.mark.provider_free
def test_a_socket_folder_that_is_missing_is_one_clear_line(daemon):
    daemon.write(STATIC, DEFAULT, socket=daemon.directory / "missing" / "authd.sock")
    daemon.spawn()
    assert daemon.process.wait(15) != 0
    errors = [event for event in daemon.log() if event["level"] == "error"]
    assert len(errors) == 1 and "missing" in errors[0]["message"]


@pytest.mark.provider_free
def test_any_local_service_may_open_the_socket(daemon):
    daemon.write(STATIC, DEFAULT)
    daemon.start(ready=False)
    mode = daemon.socket.stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o666


@pytest.mark.provider_free
def test_a_full_disk_under_the_log_does_not_stop_the_answers(daemon):
    daemon.write(STATIC, DEFAULT)
    with open("/dev/full", "w") as full:
        daemon.start(ready=False, stderr=full)
    for _ in range(50):
        assert daemon.check("no.such.token")[1]["reason"] == "malformed"
    assert daemon.stop() == 0


@pytest.mark.provider_free
def test_a_closed_log_does_not_stop_the_answers(daemon):
    daemon.write(STATIC, DEFAULT)
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as gone:
        os.close(reader)
        daemon.start(ready=False, stderr=gone)
    assert daemon.check("no.such.token")[1]["reason"] == "malformed"
    assert daemon.stop() == 0


@pytest.mark.provider_free
@pytest.mark.skipif(not is_root(), reason="a full disk is a full tmpfs: mounting one needs root")
def test_a_full_disk_under_the_socket_is_one_clear_line(daemon):
    import subprocess

    disk = daemon.directory / "disk"
    disk.mkdir()
    script = 'mount -t tmpfs -o size=4k,nr_inodes=1 none "$1" && exec "$2" --config "$3"'
    daemon.write(STATIC, DEFAULT, socket=disk / "authd.sock")
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "full", disk, daemon.programs.authd, daemon.config_path],
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if '"level":"error"' in line]
    assert done.returncode not in (0, 32) and len(lines) == 1, done.stderr
    assert "authd.sock" in lines[0]


@pytest.mark.provider_free
def test_secrets_are_kept_out_of_core_dumps_unless_asked(daemon):
    def owner():
        return Path(f"/proc/{daemon.pid}/environ").stat().st_uid

    daemon.write(STATIC, DEFAULT)
    if is_root():
        # Without the dumpable flag /proc/PID belongs to root whatever the uid: run as somebody else.
        daemon.directory.chmod(0o777)
        daemon.spawn(user=65534, group=65534, extra_groups=[])
        until("authd answers", lambda: daemon._answers("/livez"))
        assert owner() == 0
        daemon.stop()
        daemon.write(STATIC, DEFAULT, core_dumps="true")
        daemon.spawn(user=65534, group=65534, extra_groups=[])
        until("authd answers", lambda: daemon._answers("/livez"))
        assert owner() == 65534
    else:
        daemon.start(ready=False)
        assert owner() == 0
        daemon.stop()
        daemon.write(STATIC, DEFAULT, core_dumps="true")
        daemon.start(ready=False)
        assert owner() == os.getuid()


@pytest.mark.provider_free
def test_a_static_key_file_needs_no_provider(daemon):
    keys = daemon.directory / "keys.json"
    keys.write_text(
        '{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","use":"sig",'
        '"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'
    )  # RFC 8037 appendix A.2
    daemon.write(f"[issuer far]\nurl = https://far.example.com\nkeys_file = {keys}", DEFAULT)
    daemon.start()
    shown = daemon.get("/v1/keys").json["keys"]
    assert [(key["kid"], key["kty"]) for key in shown] == [("one", "OKP")]


@pytest.mark.provider_free
def test_a_connection_that_says_nothing_does_not_hold_up_the_stop(daemon):
    daemon.write(STATIC, DEFAULT)
    daemon.start(ready=False)
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as half:
        silent.connect(str(daemon.socket))
        half.connect(str(daemon.socket))
        half.sendall(b"POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert daemon.stop() == 0
