"""acts: what a person does to log in, at the terminal and elsewhere, and what came of it.

A login is told by two things only: the exit code of a real program on the real stack, and that what
was to be run has run (it prints MARK). The daemon's record of it is looked at beside that.
"""

import re
import time

import logins
import realm
import stack as stacks
from harness import until

MARK = "in-as-"
SHOW = f"echo {MARK}$(id -un)"  # what is run after a login
REFUSED = "Login refused."
AWAY = "The identity provider cannot be asked now."
EXPIRED = "The code has expired."
STEP = "Your account needs a step first"
ENTER = "Press Enter once you have approved it."
PASSWORD, OTP, TOKEN = "Password: ", "One-time code (empty if you have none): ", "Access token: "
CODE = re.compile(r"\b[A-Z]{4}-[A-Z]{4}\b")
LOGIN_SEC = 30

logins.OTP_SECRETS.update({name: facts["otp_secret"] for name, facts in realm.PEOPLE.items() if "otp_secret" in facts})


# --- at the terminal ---


def code_shown(terminal, seconds=LOGIN_SEC):
    """The user code on the screen, once it is there."""
    terminal.expect("enter the code", seconds=seconds)
    until("a code is shown", lambda: terminal.more(0.05) and CODE.search(terminal.rest), 5)
    return CODE.search(terminal.rest)[0]


def url_of(provider, code):
    """What the picture says, too."""
    return f"{provider.people_url}/device?user_code={code}"


def approve(provider, code, user, allow=True):
    words = logins.answer_device(url_of(provider, code), user, allow, realm.password_of(user))
    assert ("Successful" if allow else "Failed") in words, words


def by_device(terminal, provider, user, allow=True):
    """Reads the code, answers it as user on the provider's own pages, presses Enter where that is asked."""
    code = code_shown(terminal)
    approve(provider, code, user, allow)
    if ENTER in terminal.screen or not terminal.closed and waits_for_enter(terminal):
        terminal.send()
    return code


def waits_for_enter(terminal):
    end = time.monotonic() + 0.3
    while time.monotonic() < end and not terminal.closed and ENTER not in terminal.screen:
        terminal.more(0.05)
    return ENTER in terminal.screen


def by_password(terminal, password, otp=""):
    terminal.expect(PASSWORD)
    terminal.send(password)
    terminal.expect(OTP)
    terminal.send(otp)


def otp_for(user, kind):
    """kind: "none", "fresh", "wrong"."""
    return {"none": lambda: "", "fresh": lambda: logins.CODES.fresh(user), "wrong": lambda: logins.CODES.wrong(user)}[kind]()


# --- what came of it ---


def is_in(terminal, user, seconds=LOGIN_SEC):
    """It ran what it was to run, as this user, and ended well."""
    code = terminal.end(seconds)
    return code == 0 and f"{MARK}{user}\n" in terminal.screen


def assert_in(terminal, user, seconds=LOGIN_SEC):
    assert is_in(terminal, user, seconds), terminal.screen


def assert_out(terminal, *words, seconds=LOGIN_SEC):
    code = terminal.end(seconds)
    assert code != 0 and MARK not in terminal.screen.replace(SHOW, ""), terminal.screen
    assert "uid=" not in terminal.screen, terminal.screen
    for word in words:
        assert word in terminal.screen, f"{word!r} is not in\n{terminal.screen}"


def records(daemon, after=0, **fields):
    """The daemon's records of logins since a count of events."""
    return [event for event in daemon.log()[after:]
            if event.get("event") == "login" and all(event.get(name) == value for name, value in fields.items())]


def n_events(daemon):
    return len(daemon.log())


def record_of(daemon, after, **fields):
    return until(f"a record with {fields}", lambda: records(daemon, after, **fields), 5)[0]


# --- pamtester, where a stack has no program of its own ---

PAM_GOOD = {"authenticate": "successfully authenticated", "acct_mgmt": "account management done",
            "open_session": "successfully opened a session", "close_session": "session has successfully been closed"}


def assert_pam_in(terminal, *operations):
    code = terminal.end(LOGIN_SEC)
    assert code == 0, terminal.screen
    for one in operations or ["authenticate"]:
        assert PAM_GOOD[one] in terminal.screen, terminal.screen


def assert_pam_out(terminal, *words, operation="authenticate", seconds=LOGIN_SEC):
    code = terminal.end(seconds)
    assert code != 0 and PAM_GOOD[operation] not in terminal.screen, terminal.screen
    for word in words:
        assert word in terminal.screen, f"{word!r} is not in\n{terminal.screen}"


def ssh_in(host, user, provider=None, by=None, sshd="sshd", **more):
    """A whole login through the device flow that must succeed."""
    with host.ssh(user, SHOW, sshd=sshd, **more) as client:
        by_device(client, provider or host.provider, by or user)
        assert_in(client, user)


BY_DIALOGUE = stacks.BY_DIALOGUE
