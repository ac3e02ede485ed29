"""logins: what a person does elsewhere so that somebody waiting gets in, on devidp and on Keycloak alike.

A Browser without a screen that reads pages and submits their forms, one-time codes, and the desk at
which Keycloak leaves its pushes (devidp keeps them itself). Standard library only.
"""

import base64
import hashlib
import hmac
import html.parser
import http.cookiejar
import http.server
import json
import os
import select
import shutil
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from providers import ProviderError, http as ask

OTP_SECRETS = {"erin": "MVZGS3RNN52HALLTMVRXEZLU"}  # as in realm/
OTP_PERIOD_SEC = 30
OTP_TRIES_SEC = 65
PAGE_TIMEOUT_SEC = 15
WRONG_CODE = "000000"


# --- one-time codes ---


def totp(secret, now=None, step=0):
    """RFC 6238 with six digits; step: of how many periods later."""
    counter = int((time.time() if now is None else now) // OTP_PERIOD_SEC) + step
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", counter), hashlib.sha1).digest()
    at = digest[-1] & 0x0F
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


class Codes:
    """One-time codes of which none is given twice: three are good at any time, each once."""

    def __init__(self):
        self.given = set()

    def fresh(self, user):
        end = time.monotonic() + OTP_TRIES_SEC
        while time.monotonic() < end:
            for step in (0, 1, -1):
                code = totp(OTP_SECRETS[user], step=step)
                if (user, code) not in self.given:
                    self.given.add((user, code))
                    return code
            time.sleep(1)
        raise AssertionError(f"no one-time code of {user} is left")

    def wrong(self, user):
        """Six digits that are none of the good ones."""
        good = {totp(OTP_SECRETS[user], step=step) for step in range(-2, 3)}
        return next(code for code in (WRONG_CODE, "000001", "000002", "000003", "000004", "000005") if code not in good)


CODES = Codes()  # one for all tests of a process: a shared provider remembers as long
CODES_TRIED_MAX = 4


def with_code(user, attempt):
    """attempt(code) with fresh codes until it gives something true: tests before us may have used one up."""
    for _ in range(CODES_TRIED_MAX):
        code = CODES.fresh(user)
        if attempt(code):
            return code
    raise AssertionError(f"{CODES_TRIED_MAX} fresh one-time codes of {user} were refused")


# --- pages ---


class Form:
    def __init__(self, attributes):
        self.action = attributes.get("action") or ""
        self.fields = {}
        self.buttons = {}


class Page(html.parser.HTMLParser):
    """The forms and the words of a page."""

    def __init__(self, url, text):
        super().__init__()
        self.url, self.forms, self.words, self.silent = url, [], [], 0
        self.feed(text)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.silent += tag in ("script", "style")
        if tag == "form":
            self.forms.append(Form(attributes))
        elif tag in ("input", "button") and self.forms and attributes.get("name"):
            buttons = tag == "button" or attributes.get("type") == "submit"
            where = self.forms[-1].buttons if buttons else self.forms[-1].fields
            where[attributes["name"]] = attributes.get("value") or ""

    def handle_endtag(self, tag):
        self.silent -= tag in ("script", "style")

    def handle_data(self, data):
        if not self.silent:
            self.words.append(data)

    def form_with(self, name):
        """The first form that has this field or button, or None."""
        return next((form for form in self.forms if name in form.fields or name in form.buttons), None)


class Browser:
    """Secure cookies go over HTTP, too: to a browser 127.0.0.1 is as good as HTTPS."""

    def __init__(self):
        policy = http.cookiejar.DefaultCookiePolicy(secure_protocols=("http", "https"))
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar(policy))
        self.opener = urllib.request.build_opener(jar)
        self.opener.addheaders = [("Accept", "text/html")]  # Keycloak has programs ask at the same address
        self.page = None

    def load(self, url, form=None):
        body = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            with self.opener.open(url, body, PAGE_TIMEOUT_SEC) as answer:
                self.page = Page(answer.url, answer.read().decode())
        except urllib.error.HTTPError as refusal:
            self.page = Page(refusal.url, refusal.read().decode())
        return self.page

    def submit(self, button=None, **fields):
        """The form with the first of these fields, or with the button."""
        form = self.page.form_with(next(iter(fields), button))
        assert form, f"no form for {button or list(fields)}: {self.page.text}"
        pressed = {button: form.buttons[button]} if button else {}
        return self.load(urllib.parse.urljoin(self.page.url, form.action), {**form.fields, **fields, **pressed})

    def log_in(self, user, password=None, otp=None):
        """As far as it goes; a one-time code that is needed and not given is a fresh one."""
        self.submit(username=user, password=password or f"{user}-password")
        if self.page.form_with("otp") and otp:
            self.submit(otp=otp)
        elif self.page.form_with("otp"):
            with_code(user, lambda code: not self.submit(otp=code).form_with("otp"))
        return self.page


def answer_device(url, user, allow=True, password=None, otp=None):
    """Opens verification_uri_complete, logs in, answers; returns the words of the last page."""
    browser = Browser()
    browser.load(url)
    if browser.log_in(user, password, otp).form_with("accept"):
        browser.submit("accept" if allow else "cancel")
    return browser.page.text


# --- pushes ---


class PushDesk:
    """Where Keycloak leaves what it asks people (its HTTP authentication channel), and whence they answer."""

    def __init__(self, keycloak):
        self.keycloak, self.asked = keycloak, []
        desk = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                desk.asked.append((self.headers["Authorization"], body))
                self.send_response(201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", keycloak.push_port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, message, allow=True):
        bearer = next((bearer for bearer, body in self.asked if body.get("binding_message") == message), None)
        if not bearer:
            raise ProviderError(f"nobody was asked {message!r}: {self.asked}")
        reply = ask(
            "POST",
            self.keycloak.endpoint("ext/ciba/auth/callback"),
            document={"status": "SUCCEED" if allow else "UNAUTHORIZED"},
            headers={"Authorization": bearer},
        )
        if reply.status != 200:
            raise ProviderError(f"Keycloak refused the answer: {reply.status} {reply.body!r}")


class OwnDesk:
    """The same of devidp, which keeps its pushes and takes orders about them."""

    def __init__(self, devidp):
        self.devidp = devidp

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def answer(self, message, allow=True):
        code = next(one["code"] for one in self.devidp.codes() if one["binding_message"] == message)
        self.devidp.approve(code) if allow else self.devidp.deny(code)


def desk_of(provider):
    return OwnDesk(provider) if provider.can_mint else PushDesk(provider)


# --- a real browser ---

CHROMIUM_TIMEOUT_SEC = 30
CHROMIUM_OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
CHROMIUM_OPTIONS += ["--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"]


class Chromium:
    """A headless Chromium, told over a pipe (its DevTools protocol) what a person does: with, go, act, see."""

    def __init__(self, folder):
        self.folder, self.process, self.session, self.n_calls, self.rest = folder, None, None, 0, b""

    def __enter__(self):
        theirs_in, self.out = os.pipe()
        self.answers, theirs_out = os.pipe()
        command = ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash", shutil.which("chromium")]
        self.process = subprocess.Popen(
            [*command, *CHROMIUM_OPTIONS, f"--user-data-dir={self.folder}", "about:blank"],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        page = next(one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        return self

    def __exit__(self, *_):
        os.close(self.out)  # it ends with its pipe
        self.process.wait(CHROMIUM_TIMEOUT_SEC)
        os.close(self.answers)

    def message(self, end):
        """The next of its messages, which end with a zero byte."""
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.answers], [], [], max(0, end - time.monotonic()))
            part = os.read(self.answers, 65536) if ready else b""
            assert part, "Chromium says nothing"
            self.rest += part
        whole, _, self.rest = self.rest.partition(b"\0")
        return json.loads(whole)

    def call(self, method, **params):
        self.n_calls += 1
        question = {"id": self.n_calls, "method": method, "params": params}
        question.update({"sessionId": self.session} if self.session else {})
        os.write(self.out, json.dumps(question).encode() + b"\0")
        end = time.monotonic() + CHROMIUM_TIMEOUT_SEC
        while (answer := self.message(end)).get("id") != self.n_calls:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def see(self, script):
        """What a script gives on the page as it is; None while there is none."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return None if "exceptionDetails" in result else result["result"].get("value")

    def wait(self, script):
        end = time.monotonic() + CHROMIUM_TIMEOUT_SEC
        while not (value := self.see(script)):
            assert time.monotonic() < end, f"never {script}: {self.see('document.body.innerText')}"
            time.sleep(0.05)
        return value

    def go(self, url):
        self.call("Page.navigate", url=url)

    def fill(self, **fields):
        """Types into the fields of these names and presses their form's button."""
        for name, value in fields.items():
            self.wait(f"!!document.querySelector('[name={name}]')")
            self.see(f"document.querySelector('[name={name}]').value = {json.dumps(value)}")
        self.press(f"document.querySelector('[name={name}]').form.querySelector('[type=submit]')")

    def press(self, element):
        self.wait(f"!!({element})")
        self.see(f"({element}).click()")
