"""What a person sees: the picture is read back by a QR reader, and nothing hostile reaches the terminal."""

import json
import socket

import pytest

import acts
import host as hosts
import realm
import settings
import terminal as terminals
from acts import assert_pam_out

pytestmark = pytest.mark.devidp

def url_shown(screen):
    """The address that has the code in it, as text."""
    return next(line.strip() for line in screen.splitlines() if "user_code=" in line)


def give_up(settled, client, code):
    settled.provider.deny(code)
    if acts.waits_for_enter(client):
        client.send()
    client.end(acts.LOGIN_SEC)


@pytest.mark.parametrize("service", ["w-device", "w-enter", "w-ascii"])
def test_a_camera_reads_the_address_from_the_screen(settled, tmp_path, service):
    with settled.pamtester(service, "ada") as client:
        code = acts.code_shown(client)
        acts.until("the picture is whole", lambda: client.more(0.05) and terminals.read_qr(client.screen, tmp_path), 5)
        assert terminals.read_qr(client.screen, tmp_path) == acts.url_of(settled.provider, code) == url_shown(client.screen)
        give_up(settled, client, code)


def test_a_camera_reads_it_through_a_real_ssh(settled, tmp_path):
    """The client has its own mind about what may be shown."""
    with settled.ssh("ada", acts.SHOW, sshd="sshd-dev") as client:
        code = acts.code_shown(client)
        client.expect(acts.ENTER)
        assert terminals.read_qr(client.screen, tmp_path) == acts.url_of(settled.provider, code)
        assert max(map(len, client.screen.splitlines())) <= terminals.COLUMNS
        assert not terminals.HARMFUL.search(client.screen), client.screen
        assert len(client.screen.splitlines()) < 50
        give_up(settled, client, code)


def test_a_client_that_knows_no_utf8_shows_the_address_and_the_code(settled):
    """ssh in the C locale writes the picture as octal numbers; qr = ascii is for such people."""
    with settled.ssh("ada", acts.SHOW, sshd="sshd-dev", env={"LC_ALL": "C"}) as client:
        code = acts.code_shown(client)
        client.expect(acts.ENTER)
        assert url_shown(client.screen) == acts.url_of(settled.provider, code)
        assert client.screen.isascii()
        give_up(settled, client, code)


def test_no_picture_where_none_is_wanted(settled):
    with settled.pamtester("w-none", "ada") as client:
        code = acts.code_shown(client)
        give_up(settled, client, code)
        assert terminals.drawing(client.screen) is None and "█" not in client.screen


# --- what a hostile or a broken provider says ---


class Between(hosts.Relay):
    """Stands in the place of the provider's port and changes what it says of a device code."""

    def __init__(self, host, port, change):
        self.change = change
        super().__init__(host, port)

    def _carry(self, inside):
        """A request and its answer, connection closed, which is all that these rows need."""
        with inside, socket.create_connection(("127.0.0.1", self.port)) as outside:
            request = read_message(inside)
            if not request:
                return
            outside.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            answer = b""
            while part := outside.recv(65536):
                answer += part
            head, _, body = answer.partition(b"\r\n\r\n")
            if b"user_code" in body:
                body = self.change(json.loads(body))
                head = b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length"))
                head += b"\r\nContent-Length: %d" % len(body)
            inside.sendall(head + b"\r\n\r\n" + body)


def read_message(peer):
    data = b""
    while b"\r\n\r\n" not in data:
        part = peer.recv(65536)
        if not part:
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
    while len(body) < length:
        body += peer.recv(65536)
    return head + b"\r\n\r\n" + body


HOSTILE = {
    "an escape in the code": {"user_code": "AB\x1b[2JCD"},
    "a bell in the code": {"user_code": "ABCD\x07"},
    "a new line in the code": {"user_code": "ABCD\nLogin: "},
    "a CSI of one byte in the code": {"user_code": "ABCD\x9b2J"},
    "a right-to-left mark in the code": {"user_code": "ABCD\u202e"},
    "an escape in the address": {"verification_uri": "https://id.example/\x1b]0;x\x07"},
    "an address that is a script": {"verification_uri": "javascript:alert(1)"},
    "an escape in the whole address": {"verification_uri_complete": "https://id.example/?c=\x1b[31m"},
    "a letter of another alphabet in the address": {"verification_uri": "https://іd.example/"},
    "a code that never ends": {"user_code": "A" * 5000},
    "a code of a number": {"user_code": 7},
    "no code": {"user_code": None},
    "an address that never ends": {"verification_uri": "https://id.example/" + "x" * 5000},
}


@pytest.fixture(scope="module")
def misled(new_stack, provider):
    """A host whose provider's device codes go through Between."""
    with new_stack("misled") as host:
        port = int(provider.base_url.rsplit(":", 1)[1])
        between = host.relays[port] = Between(host, port, lambda document: json.dumps(document).encode())
        with settings.running(host, provider, sshds=["sshd-dev"]):
            yield host, between


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_what_a_provider_says_does_not_reach_the_terminal_as_it_is(misled, members):
    host, between = misled
    between.change = lambda document: json.dumps({**document, **members}).encode()
    with host.ssh("ada", acts.SHOW, sshd="sshd-dev") as client:
        client.expect(acts.TOKEN)  # such a code is none: the next way
        client.send("no")
        acts.assert_out(client)
        assert not terminals.HARMFUL.search(client.screen), ascii(client.screen)
        assert "\n" + "Login: " not in client.screen and len(client.screen) < 20_000


def test_through_the_same_relay_a_code_as_it_is_gets_in(misled):
    host, between = misled
    between.change = lambda document: json.dumps(document).encode()
    with host.ssh("ada", acts.SHOW, sshd="sshd-dev") as client:
        acts.by_device(client, host.provider, "ada")
        acts.assert_in(client, "ada")


def test_claims_with_control_characters_do_not_reach_the_terminal(settled):
    """A name, an address and a full name that would move the cursor; devidp takes them as they are."""
    bad = "\x1b[2J\x07\u202eowned"
    settled.provider.change_person("row7", first_name=bad, last_name=bad, email=f"{bad}@example.com")
    try:
        settled.daemon.sync()
        with settled.ssh("row7", f"{acts.SHOW}; getent passwd row7; id", sshd="sshd-pw") as client:
            acts.by_password(client, realm.password_of("row7"))
            acts.assert_in(client, "row7")
            assert not terminals.HARMFUL.search(client.screen), ascii(client.screen)
        told = settled.run("authctl", "sessions").stdout + settled.run("authctl", "users").stdout
        assert not terminals.HARMFUL.search(told), ascii(told)
    finally:
        settled.provider.change_person("row7", first_name="Row7", last_name="Logs-In", email="row7@example.com")


def test_what_pam_is_told_of_terminal_and_host_is_cleaned_in_the_record(settled):
    """An application hands over what a stranger chose."""
    before = acts.n_events(settled.daemon)
    with settled.terminal("pamtester", "-I", "rhost=evil\x1b[2J", "-I", "tty=\x07\u202e", "-I", "ruser=a\nb", "w-password", "ada",
                          "authenticate") as client:
        if client.expect(acts.PASSWORD, "pamtester:") == 0:
            client.send("wrong")
            client.expect(acts.OTP)
            client.send()
        assert_pam_out(client)
    for event in acts.records(settled.daemon, before, user="ada"):
        assert not any(terminals.HARMFUL.search(str(value)) for value in event.values()), event
