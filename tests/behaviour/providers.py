"""providers: the identity providers that the suites run against, behind one interface.

DevIdp starts tools/devidp; Keycloak starts the real one (or attaches to one that already runs). Both
serve the realm of realm/: the same clients, people, roles, groups and secrets (a client's secret is
"<id>-secret", a person's password "<name>-password"). Standard library only.

Keycloak is dear to start, so all that can be done once is done once and kept in a cache outside the
tree ($AUTHD_CACHE, else ~/.cache/authd): the distribution unpacked and built, a database with the
realm imported, a class archive for the JVM. Each start copies the database and runs from there.

    python3 providers.py keycloak-prepare        fill the cache
    python3 providers.py keycloak-start DIR [REALM.json…]
                                                 start; writes DIR/keycloak.json (url, pid, admin, password);
                                                 with further realms, imported once and kept in a seed of their own
    python3 providers.py keycloak-stop DIR

Environment: AUTHD_TEST_KEYCLOAK is DIR/keycloak.json, or the base URL of a running Keycloak (then
AUTHD_TEST_KEYCLOAK_ADMIN is user:password); AUTHD_DEVIDP names the devidp binary; JAVA the java.
"""

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
REALM = "authd"
KEYCLOAK_REALM = HERE / "realm" / "authd-realm.json"
DEVIDP_REALM = HERE / "realm" / "devidp.json"

KEYCLOAK_VERSION = "26.7.0"
KEYCLOAK_ZIP = f"keycloak-quarkus-dist-{KEYCLOAK_VERSION}.zip"
KEYCLOAK_SHA256 = "e63bd0167199c0092b8a4d22cc137e6b7a70e0089070f6f7799b1be504b69a8a"
CACHE_FORMAT = "2"  # another way to prepare means another cache

# Clients' certificates come in Client-Cert, as from a proxy that ends TLS in front of Keycloak (RFC 9440).
CERTIFICATE_LOOKUP = "rfc9440"

# Keycloak shows pushes to nobody itself: it leaves them at this URL.
PUSH_CHANNEL = "--spi-ciba-auth-channel--ciba-http-auth-channel--http-authentication-channel-uri"

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PUSH_GRANT = "urn:openid:params:grant-type:ciba"

HTTP_TIMEOUT_SEC = 15
START_TIMEOUT_SEC = 240  # a loaded machine that runs nothing from a class archive
STOP_TIMEOUT_SEC = 40
DEVIDP_START_TIMEOUT_SEC = 15


class ProviderError(Exception):
    """What went wrong and what to do about it, in one sentence."""


def say(text):
    print(f"providers: {text}", file=sys.stderr, flush=True)


def cache_folder():
    folder = pathlib.Path(os.environ.get("AUTHD_CACHE") or pathlib.Path.home() / ".cache" / "authd")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def decode(token):
    """Header and claims of a compact token, unverified: for tests to look at."""
    parts = token.split(".")[:2]
    return tuple(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts)


class Reply:
    """An HTTP answer: whatever the status, never an exception."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


def http(method, url, form=None, document=None, headers=None, timeout=HTTP_TIMEOUT_SEC):
    headers = dict(headers or {})
    body = None
    if form is not None:
        body = urllib.parse.urlencode({k: v for k, v in form.items() if v is not None}).encode()
    elif document is not None:
        body = json.dumps(document).encode()
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return Reply(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as refusal:
        return Reply(refusal.code, refusal.headers, refusal.read())


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Provider:
    """What every suite may use; base_url is set by start()."""

    name = None
    can_mint = False  # mint, fault and stats exist
    base_url = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def issuer_url(self):
        return f"{self.base_url}/realms/{REALM}"

    def endpoint(self, path):
        return f"{self.issuer_url}/protocol/openid-connect/{path}"

    def discovery(self):
        return http("GET", f"{self.issuer_url}/.well-known/openid-configuration").json()

    def keys(self):
        return http("GET", self.endpoint("certs")).json()["keys"]

    @staticmethod
    def client_secret(client):
        return None if client.endswith("-public") else f"{client}-secret"

    def token_request(self, client, user=None, password=None, scope=None, headers=None, **more):
        """The token endpoint's Reply; without user it is the client's service account."""
        form = {"client_id": client, "client_secret": self.client_secret(client), "scope": scope}
        if user is None:
            form["grant_type"] = "client_credentials"
        else:
            form.update(grant_type="password", username=user, password=password or f"{user}-password")
        form.update(more)
        return http("POST", self.endpoint("token"), form=form, headers=headers)

    def token_response(self, client, user=None, password=None, scope=None, headers=None, **more):
        reply = self.token_request(client, user, password, scope, headers, **more)
        if reply.status != 200:
            raise ProviderError(f"{self.name} gave no token to {client}: {reply.status} {reply.body[:300]!r}")
        return reply.json()

    def token(self, client, user=None, password=None, scope=None):
        return self.token_response(client, user, password, scope)["access_token"]

    def refresh(self, client, refresh_token):
        return self.token_request(client, grant_type="refresh_token", refresh_token=refresh_token)

    def ask_device(self, client="login", scope="openid"):
        """The device authorization endpoint's Reply (RFC 8628)."""
        form = {"client_id": client, "client_secret": self.client_secret(client), "scope": scope}
        return http("POST", self.endpoint("auth/device"), form=form)

    def poll_device(self, device_code, client="login"):
        return self.token_request(client, grant_type=DEVICE_GRANT, device_code=device_code)

    def ask_push(self, user, message=None, client="login", scope="openid"):
        """The backchannel authentication endpoint's Reply (CIBA); logins.desk_of answers for the person."""
        form = {"client_id": client, "client_secret": self.client_secret(client), "scope": scope}
        form.update(login_hint=user, binding_message=message)
        return http("POST", self.endpoint("ext/ciba/auth"), form=form)

    def poll_push(self, auth_req_id, client="login"):
        return self.token_request(client, grant_type=PUSH_GRANT, auth_req_id=auth_req_id)

    def introspect(self, token, client="orders"):
        return self.introspection_reply(token, client).json()

    def introspection_reply(self, token, client="orders", accept=None):
        headers = basic(client, self.client_secret(client))
        if accept:
            headers["Accept"] = accept
        return http("POST", self.endpoint("token/introspect"), form={"token": token}, headers=headers)

    def userinfo(self, token):
        return http("GET", self.endpoint("userinfo"), headers={"Authorization": f"Bearer {token}"})

    def active_kid(self, alg):
        """The kid that signs now: asked of a token, the same on every provider."""
        return decode(self.token(f"orders-{alg.lower()}"))[0]["kid"]


# --- devidp ---


class DevIdp(Provider):
    name = "devidp"
    can_mint = True

    def __init__(self, binary=None, realm=DEVIDP_REALM, folder=None):
        self.binary = str(binary or os.environ.get("AUTHD_DEVIDP") or "devidp")
        self.realm = realm
        self.owns_folder = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="devidp-"))
        self.port = 0
        self.process = None

    def start(self):
        self.lend_keys()
        command = [self.binary, "--listen", f"127.0.0.1:{self.port}", "--realm", str(self.realm)]
        command += ["--state", str(self.folder), "--port-file", str(self.folder / "port")]
        try:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        except OSError as trouble:
            raise ProviderError(f"cannot run {self.binary}: {trouble}; build it, or set AUTHD_DEVIDP") from trouble
        line = self.process.stdout.readline()  # ends with the process at the latest
        if not line.startswith("devidp: http://"):
            raise ProviderError(f"devidp ended with {self.process.wait()} before it was ready")
        self.base_url = line.split()[1].rsplit("/realms/", 1)[0]
        self.port = int(self.base_url.rsplit(":", 1)[1])
        self.keep_keys()

    def lend_keys(self):
        """RSA keys are the slow part of a start; the first ones ever made serve each new folder."""
        kept = self.kept_keys()
        if kept.exists() and not (self.folder / "keys.json").exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy(kept, self.folder / "keys.json")

    def keep_keys(self):
        kept = self.kept_keys()
        if not kept.exists():
            partial = kept.with_suffix(f".{os.getpid()}")
            shutil.copy(self.folder / "keys.json", partial)
            partial.rename(kept)

    def kept_keys(self):
        mark = hashlib.sha256(json.dumps(json.loads(pathlib.Path(self.realm).read_text())["keys"]).encode())
        return cache_folder() / f"devidp-keys-{mark.hexdigest()[:12]}.json"

    def end_process(self):
        if self.process:
            self.process.terminate()
            status = self.process.wait(STOP_TIMEOUT_SEC)
            self.process.stdout.close()
            self.process = None
            if status != 0:
                raise ProviderError(f"devidp ended with {status}")

    def stop(self):
        self.end_process()
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def restart(self):
        self.end_process()
        self.start()

    def own(self, path, document=None):
        reply = http("POST", f"{self.base_url}/devidp/{path}", document=document or {})
        if reply.status != 200:
            raise ProviderError(f"devidp refused {path}: {reply.body!r}")
        return reply.json()

    def rotate(self, alg, kid=None):
        more = f"&kid={urllib.parse.quote(kid)}" if kid else ""
        return self.own(f"rotate?alg={alg}{more}")["kid"]

    def disable_key(self, kid):
        self.own(f"disable?kid={urllib.parse.quote(kid)}")

    def reset_keys(self):
        """As a new one: the keys of the start, all enabled."""
        self.end_process()
        (self.folder / "keys.json").unlink()
        self.start()

    def mint(self, client, **order):
        """A token to order (tools/devidp/own.h): user, scope, claims, header, alg, forged, lightweight…"""
        return self.own("mint", {"client": client, **order})["access_token"]

    def mint_opaque(self, client, **order):
        """A random word; introspection knows what it stands for."""
        return self.mint(client, opaque=True, **order)

    def mint_raw(self, claims, **order):
        """A token with these claims and no others; header={"typ": None}: without typ. Also alg, kid, opaque."""
        return self.own("mint", {"raw": True, "claims": claims, **order})["access_token"]

    def fault(self, **faults):
        """fault(certs="429", retry_after=5, times=2); the words are in tools/devidp/fault.c, "none" ends one."""
        self.own("fault", faults)

    def cache(self, endpoint="certs", **rule):
        """max_age=30 (None: as Keycloak), etag=False."""
        self.own("cache", {"endpoint": endpoint, **rule})

    def introspection_needs_audience(self, wanted):
        self.own("introspection", {"needs_audience": wanted})

    def sign_introspection(self, when):
        """RFC 9701: "asked" (the default), "always" or "never"."""
        self.own("introspection", {"signed": when})

    def trust_tls_headers(self, wanted):
        """Takes tls_client_auth by the headers of a TLS server in front (tools/devidp/proof.h)."""
        self.own("introspection", {"tls_client_header": wanted})

    def name_issuer(self, url):
        """The issuer's name in the document and in tokens; its endpoints stay. "": its own again."""
        self.own("issuer", {"url": url})

    def clock_ahead(self, seconds):
        self.own("clock", {"ahead_sec": seconds})

    def create_client(
        self,
        client,
        auth="client_secret",
        public_key=None,
        key_id=None,
        subject=None,
        audience=(),
        scopes=(),
        lightweight=False,
        direct_grant=False,
        device=False,
        push=False,
    ):
        """A confidential client with a service account, which proves itself by a secret (client_secret: by
        basic or post; client_secret_basic, client_secret_post: by that alone), private_key_jwt, with
        public_key in PEM, or tls_client_auth, with subject. device: it may ask for device codes; push: for pushes."""
        wanted = {"id": client, "auth": auth, "service_account": {}, "audience": list(audience)}
        wanted.update(default_scopes=list(scopes), lightweight=lightweight, direct_grant=direct_grant)
        wanted.update(device=device, push=push)
        wanted["secret"] = self.client_secret(client) if auth.startswith("client_secret") else None
        wanted.update(public_key=public_key, key_id=key_id, tls_subject=subject)
        self.own("client", wanted)

    def grant_roles(self, client, *roles):
        """These roles of realm-management to a client's service account, and no others."""
        self.change_client(client, service_account={"client_roles": {"realm-management": list(roles)}})

    def change_client(self, client, **members):
        """None takes a member away."""
        self.own("client", {"id": client, **members})

    def set_audience(self, client, *audience):
        """What the client's tokens have in aud, beside the clients whose roles they show."""
        self.change_client(client, audience=list(audience))

    def set_lightweight(self, client, wanted):
        self.change_client(client, lightweight=wanted)

    def codes(self):
        """Device codes and pushes, oldest first: state, polls, shortest_poll_msec… (tools/devidp/own.h)."""
        return http("GET", f"{self.base_url}/devidp/codes").json()["codes"]

    def approve(self, code, user=None):
        """As if user had allowed it on the page; a push asks one user and needs no name."""
        self.own("approve", {"code": code, **({"user": user} if user else {})})

    def deny(self, code):
        self.own("deny", {"code": code})

    def expire(self, code):
        self.own("expire", {"code": code})

    def set_enabled(self, user, wanted):
        self.own("person", {"username": user, "enabled": wanted})

    def revoke(self, token):
        self.own("revoke", {"token": token})

    def end_session(self, token):
        self.own("revoke", {"sid": decode(token)[1]["sid"]})

    def logout(self, user):
        """Ends all tokens of a person's sessions."""
        probe = self.own("mint", {"client": "orders-rs256", "user": user})
        self.own("revoke", {"sub": probe["claims"]["sub"]})

    def change_person(self, username, **members):
        """Makes a user, or changes members of a realm file's user (None takes one away; attributes={"a": "1"}
        one by one); rename="name". Returns the id, which stays."""
        return self.own("person", {"username": username, **members})["id"]

    def delete_person(self, username):
        self.own("person-delete", {"username": username})

    def recreate_person(self, username):
        """Deleted and made anew under the same name; returns the new id."""
        return self.own("person-recreate", {"username": username})["id"]

    def join(self, username, *groups):
        """Into groups, by their paths."""
        self.own("join", {"username": username, "groups": list(groups)})

    def leave(self, username, *groups):
        self.own("leave", {"username": username, "groups": list(groups)})

    def change_group(self, path, **members):
        """Makes a group, or changes its attributes, realm_roles, client_roles, each as a whole; returns the id."""
        return self.own("group", {"path": path, **members})["id"]

    def rename_group(self, path, name):
        self.own("group-rename", {"path": path, "name": name})

    def delete_group(self, path):
        self.own("group-delete", {"path": path})

    def keep_events(self, wanted):
        """Admin events, from now on."""
        self.own("events", {"enabled": wanted})

    def declare_attributes(self, names):
        """The only attributes that the Admin API can write, as under a realm's user profile; None: any."""
        self.own("profile", {"attributes": names})

    def admin(self, token, path, method="GET", document=None):
        """The Admin API's Reply; path begins with a slash, below the realm."""
        url = f"{self.base_url}/admin/realms/{REALM}{path}"
        return http(method, url, document=document, headers={"Authorization": f"Bearer {token}"})

    def reset_clients(self):
        """As in the realm file. What was issued is forgotten, too."""
        self.restart()

    def stats(self):
        """Requests by endpoint; "not_modified"; "introspection_under_way": now, peak, peak_of_a_token, tokens;
        "admin_peak_in_a_second"."""
        return http("GET", f"{self.base_url}/devidp/stats").json()

    def reset_stats(self):
        self.own("reset-stats")


# --- Keycloak: what is prepared once ---


def java_command():
    home = os.environ.get("JAVA_HOME")
    java = os.environ.get("JAVA") or (f"{home}/bin/java" if home else shutil.which("java"))
    if not java:
        raise ProviderError("Keycloak needs Java 17 or later: install openjdk-17-jre-headless, or set JAVA")
    return java


def java_version():
    return subprocess.run([java_command(), "-version"], capture_output=True, text=True, check=True).stderr


# C1 alone and the serial collector: half the memory and no slower, for a server that lives minutes.
JVM = [
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Xms64m",
    "-Xmx512m",
    "-XX:MetaspaceSize=96M",
    "-Dfile.encoding=UTF-8",
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Dpicocli.disable.closures=true",
    "-Dquarkus-log-max-startup-records=10000",
    "-Duser.language=en",
    "-Duser.country=US",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.security=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
]


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def zip_places():
    maven = pathlib.Path.home() / ".m2" / "repository" / "org" / "keycloak" / "keycloak-quarkus-dist"
    return [cache_folder() / KEYCLOAK_ZIP, maven / KEYCLOAK_VERSION / KEYCLOAK_ZIP]


def fetch_zip():
    found = [place for place in zip_places() if place.exists()]
    if not found:
        say(f"fetching Keycloak {KEYCLOAK_VERSION} with Maven (about 170 MB, once)")
        artifact = f"org.keycloak:keycloak-quarkus-dist:{KEYCLOAK_VERSION}:zip"
        if not shutil.which("mvn"):
            raise ProviderError(f"install maven, or put {KEYCLOAK_ZIP} into {cache_folder()}")
        command = ["mvn", "-q", "-B", "dependency:get", f"-Dartifact={artifact}", "-Dtransitive=false"]
        subprocess.run(command, check=True, stdout=sys.stderr)
        found = [place for place in zip_places() if place.exists()]
    if not found:
        raise ProviderError(f"Maven left no {KEYCLOAK_ZIP}; put it into {cache_folder()}")
    if sha256_of(found[0]) != KEYCLOAK_SHA256:
        raise ProviderError(f"{found[0]} is not the pinned Keycloak (SHA-256 differs); remove it and try again")
    return found[0]


@contextlib.contextmanager
def cache_lock():
    with open(cache_folder() / "keycloak.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def made_whole(folder):
    """A folder that exists only complete: made under another name, renamed at the end."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    yield partial
    partial.rename(folder)


class Distribution:
    """The unpacked, built Keycloak and its seeds, in the cache."""

    def __init__(self, more_realms=()):
        mark = hashlib.sha256((KEYCLOAK_SHA256 + CACHE_FORMAT + java_version()).encode())
        self.folder = cache_folder() / f"keycloak-{KEYCLOAK_VERSION}-{mark.hexdigest()[:12]}"
        self.realms = [KEYCLOAK_REALM, *map(pathlib.Path, more_realms)]
        for realm in self.realms:
            mark.update(realm.read_bytes())
        self.seed = cache_folder() / f"keycloak-seed-{mark.hexdigest()[:12]}"
        self.classes = self.folder / "classes.jsa"

    def prepare(self):
        with cache_lock():
            if not self.folder.exists():
                self.unpack_and_build()
            if not self.seed.exists():
                self.make_seed()

    def unpack_and_build(self):
        archive = fetch_zip()
        with made_whole(self.folder) as partial:
            say("unpacking Keycloak")
            with zipfile.ZipFile(archive) as content:
                content.extractall(partial)
            inner = partial / f"keycloak-{KEYCLOAK_VERSION}"
            for part in inner.iterdir():
                part.rename(partial / part.name)
            say("building Keycloak (half a minute, once)")
            self.build(partial)

    @staticmethod
    def build(home):
        environment = {**os.environ, "JAVA": java_command(), "JAVA_OPTS": " ".join(JVM[:5])}
        command = ["sh", str(home / "bin" / "kc.sh"), "build", "--db=dev-file", "--cache=local"]
        command += [f"--spi-x509cert-lookup--provider={CERTIFICATE_LOOKUP}"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise ProviderError(f"Keycloak did not build: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    def make_seed(self):
        say("importing the realm into a new database (half a minute, with 10 000 people two, once)")
        with made_whole(self.seed) as partial:
            home = self.make_home(partial / "home")
            (home / "data" / "import").mkdir()
            for realm in self.realms:
                shutil.copy(realm, home / "data" / "import")
            admin = {"user": "admin", "password": secrets.token_urlsafe(18)}
            run = KeycloakProcess(self, home, free_port(), partial / "import.log")
            run.start(["--import-realm"], admin)
            run.stop()
            (home / "data" / "h2").rename(partial / "h2")
            shutil.rmtree(home)
            (partial / "admin.json").write_text(json.dumps(admin))

    def make_home(self, home):
        """A private home: own settings and data, everything else from the cache."""
        for folder in ("data", "providers"):
            (home / folder).mkdir(parents=True)
        shutil.copytree(self.folder / "conf", home / "conf")
        for shared in ("lib", "themes"):
            (home / shared).symlink_to(self.folder / shared)
        return home

    def home_from_seed(self, home):
        self.make_home(home)
        shutil.copytree(self.seed / "h2", home / "data" / "h2")
        return home

    def admin(self):
        return json.loads((self.seed / "admin.json").read_text())

    def java(self, home):
        # Classes are archived at the end of the first run ever and only read afterwards.
        archive = "-XX:SharedArchiveFile" if self.classes.exists() else "-XX:ArchiveClassesAtExit"
        command = [java_command(), *JVM, f"{archive}={self.classes}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
        command += [f"-Dkc.home.dir={home}", f"-Djboss.server.config.dir={home}/conf"]
        return command + ["-cp", f"{self.folder}/lib/quarkus-run.jar", "io.quarkus.bootstrap.runner.QuarkusEntryPoint"]


# --- Keycloak: one that runs ---


def process_is(pid, mark):
    """Is pid alive, and the one that we started? A pid alone may be somebody else's by now."""
    try:
        command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return str(mark).encode() in command


class KeycloakProcess:
    def __init__(self, distribution, home, port, log, pid=None, push_port=None):
        self.distribution, self.home, self.port, self.log, self.pid = distribution, home, port, log, pid
        self.push_port = push_port  # where it leaves its pushes (logins.PushDesk)
        self.child = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, more=(), admin=None):
        command = self.distribution.java(self.home)
        command += ["start", "--optimized", "--cache=local", "--http-enabled=true", "--http-host=127.0.0.1"]
        command += [f"--http-port={self.port}", f"--hostname={self.url}", *more]
        command += [f"{PUSH_CHANNEL}=http://127.0.0.1:{self.push_port}/"] if self.push_port else []
        environment = dict(os.environ)
        if admin:
            environment["KC_BOOTSTRAP_ADMIN_USERNAME"] = admin["user"]
            environment["KC_BOOTSTRAP_ADMIN_PASSWORD"] = admin["password"]
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.pid = self.child.pid
        try:
            self.wait_until_ready()
        except BaseException:  # also Ctrl-C: it has a session of its own and would stay
            self.stop()
            raise

    def wait_until_ready(self):
        deadline = time.monotonic() + START_TIMEOUT_SEC
        while time.monotonic() < deadline and not self.gone():
            with contextlib.suppress(OSError):
                if http("GET", f"{self.url}/realms/{REALM}", timeout=5).status == 200:
                    return
            time.sleep(0.1)
        tail = pathlib.Path(self.log).read_text(errors="replace")[-3000:]
        raise ProviderError(f"Keycloak did not become ready; the end of {self.log}:\n{tail}")

    def gone(self):
        if self.child:
            return self.child.poll() is not None
        return not process_is(self.pid, self.home)

    def stop(self):
        if self.gone():
            return
        os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_SEC
        while not self.gone():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.1)


class KeycloakAdmin:
    """The part of the Admin REST API that rotation, clients and revocation need."""

    PROVIDERS = {
        "RS256": ("rsa-generated", {"algorithm": ["RS256"], "keySize": ["2048"]}),
        "PS256": ("rsa-generated", {"algorithm": ["PS256"], "keySize": ["2048"]}),
        "ES256": ("ecdsa-generated", {"ecdsaEllipticCurveKey": ["P-256"]}),
        "EdDSA": ("eddsa-generated", {"eddsaEllipticCurveKey": ["Ed25519"]}),
    }

    def __init__(self, url, user, password, realm=REALM):
        self.url, self.user, self.password, self.realm = url, user, password, realm
        self.realm_id = None
        self.added, self.disabled = [], []
        self.made, self.former = [], {}  # clients: ids of ours; what theirs were before

    def call(self, method, path, document=None):
        form = {"grant_type": "password", "client_id": "admin-cli", "username": self.user, "password": self.password}
        login = http("POST", f"{self.url}/realms/master/protocol/openid-connect/token", form=form)
        if login.status != 200:
            raise ProviderError(f"Keycloak's administration refused the login: {login.body!r}")
        headers = {"Authorization": "Bearer " + login.json()["access_token"]}
        reply = http(method, f"{self.url}/admin/realms/{self.realm}{path}", document=document, headers=headers)
        if reply.status >= 300:
            raise ProviderError(f"{method} {path}: {reply.status} {reply.body!r}")
        return reply

    def keys(self):
        return self.call("GET", "/keys").json()["keys"]

    def rotate(self, alg):
        provider, settings = self.PROVIDERS[alg]
        top = max(key.get("providerPriority", 0) for key in self.keys())
        self.realm_id = self.realm_id or self.call("GET", "").json()["id"]
        component = {
            "name": f"{alg.lower()}-{top + 1}",
            "providerId": provider,
            "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": self.realm_id,
            "config": {"priority": [str(top + 1)], "enabled": ["true"], "active": ["true"], **settings},
        }
        component_id = self.call("POST", "/components", component).headers["Location"].rsplit("/", 1)[1]
        self.added.append(component_id)
        return next(key["kid"] for key in self.keys() if key["providerId"] == component_id)

    def switch(self, component_id, enabled):
        component = self.call("GET", f"/components/{component_id}").json()
        word = "true" if enabled else "false"
        component["config"].update(enabled=[word], active=[word])
        self.call("PUT", f"/components/{component_id}", component)

    def disable(self, kid):
        component_id = next((key["providerId"] for key in self.keys() if key.get("kid") == kid), None)
        if not component_id:
            raise ProviderError(f"Keycloak has no key {kid}")
        self.switch(component_id, False)
        self.disabled.append(component_id)

    def reset(self):
        for component_id in self.disabled:
            if component_id not in self.added:
                self.switch(component_id, True)
        for component_id in self.added:
            self.call("DELETE", f"/components/{component_id}")
        self.added, self.disabled = [], []

    def client(self, client):
        return self.call("GET", f"/clients?clientId={urllib.parse.quote(client)}").json()[0]

    def make_client(self, representation):
        where = self.call("POST", "/clients", representation).headers["Location"]
        self.made.append(where.rsplit("/", 1)[1])

    def change_attribute(self, client, name, value):
        """Of a client; remembered, so that reset_clients gives it back."""
        now = self.client(client)
        self.former.setdefault((now["id"], name), now["attributes"].get(name, ""))
        now["attributes"][name] = value
        self.call("PUT", f"/clients/{now['id']}", now)

    def user_id(self, user):
        return self.call("GET", f"/users?exact=true&username={urllib.parse.quote(user)}").json()[0]["id"]

    def reset_clients(self):
        for made in self.made:
            self.call("DELETE", f"/clients/{made}")
        for (client_id, name), value in self.former.items():
            if client_id not in self.made:
                now = self.call("GET", f"/clients/{client_id}").json()
                now["attributes"][name] = value
                self.call("PUT", f"/clients/{client_id}", now)
        self.made, self.former = [], {}


LIGHTWEIGHT = "client.use.lightweight.access.token.enabled"
DEVICE_ENABLED = "oauth2.device.authorization.grant.enabled"
PUSH_ENABLED = "oidc.ciba.grant.enabled"
BINDINGS = {"key": "dpop.bound.access.tokens", "certificate": "tls.client.certificate.bound.access.tokens"}
AUTHENTICATORS = {  # ours, and Keycloak's: basic and post are one to it
    "client_secret": "client-secret",
    "client_secret_basic": "client-secret",
    "client_secret_post": "client-secret",
    "private_key_jwt": "client-jwt",
    "tls_client_auth": "client-x509",
}


def audience_mapper(audience):
    return {
        "name": f"audience {audience}",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {
            "included.custom.audience": audience,
            "access.token.claim": "true",
            "id.token.claim": "false",
            "introspection.token.claim": "true",
            "lightweight.claim": "true",
        },
    }


def without_armour(pem):
    return "".join(line for line in pem.splitlines() if line and not line.startswith("-----"))


class Keycloak(Provider):
    name = "keycloak"

    def __init__(self, folder=None, more_realms=()):
        self.owns_folder = folder is None
        self.folder = pathlib.Path(folder) if folder else None
        self.more_realms = more_realms
        self.process = None
        self.admin = None
        self.attached = os.environ.get("AUTHD_TEST_KEYCLOAK") if self.owns_folder else None

    def start(self):
        if self.attached:
            self.attach(self.attached)
            return
        distribution = Distribution(self.more_realms)
        distribution.prepare()
        self.folder = (self.folder or pathlib.Path(tempfile.mkdtemp(prefix="keycloak-"))).resolve()
        shutil.rmtree(self.folder / "home", ignore_errors=True)
        home = distribution.home_from_seed(self.folder / "home")
        log = self.folder / "keycloak.log"
        self.process = KeycloakProcess(distribution, home, free_port(), log, push_port=free_port())
        self.process.start()
        self.reached(self.process.url, **distribution.admin())

    def attach(self, where):
        """A Keycloak that somebody else started and will stop: by its keycloak.json, or by URL."""
        if where.startswith(("http://", "https://")):
            user, _, password = os.environ.get("AUTHD_TEST_KEYCLOAK_ADMIN", "admin:admin").partition(":")
            self.reached(where.rstrip("/"), user, password)
            return
        path = pathlib.Path(where).resolve()
        try:
            state = json.loads(path.read_text())
        except (OSError, ValueError) as trouble:
            raise ProviderError(f"AUTHD_TEST_KEYCLOAK: {where}: {trouble}") from trouble
        self.folder = path.parent
        port = int(state["url"].rsplit(":", 1)[1])
        log = self.folder / "keycloak.log"
        self.process = KeycloakProcess(
            Distribution(), self.folder / "home", port, log, state["pid"], state["push_port"]
        )
        self.reached(state["url"], state["admin"], state["password"])

    @property
    def push_port(self):
        if not self.process:
            raise ProviderError("a Keycloak known by its URL only leaves its pushes elsewhere: name its keycloak.json")
        return self.process.push_port

    def reached(self, url, user, password):
        self.base_url = url
        self.admin = KeycloakAdmin(url, user, password)

    def stop(self):
        if self.attached:
            self.reset_keys()
            self.reset_clients()
            return
        if self.process:
            self.process.stop()
            self.process = None
        if self.owns_folder and self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def restart(self):
        """Down and up again on the same port and data."""
        if not self.process:
            raise ProviderError("a Keycloak known by its URL only cannot be restarted: name its keycloak.json")
        self.process.stop()
        self.process.start()
        self.write_state()

    def write_state(self):
        state = {
            "url": self.base_url,
            "pid": self.process.pid,
            "admin": self.admin.user,
            "password": self.admin.password,
            "realm": REALM,
            "push_port": self.process.push_port,
        }
        path = self.folder / "keycloak.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(state, indent=1) + "\n")

    def rotate(self, alg):
        return self.admin.rotate(alg)

    def disable_key(self, kid):
        self.admin.disable(kid)

    def reset_keys(self):
        self.admin.reset()

    def create_client(
        self,
        client,
        auth="client_secret",
        public_key=None,
        key_id=None,
        subject=None,
        audience=(),
        scopes=(),
        lightweight=False,
        direct_grant=False,
        device=False,
        push=False,
        bound_to=None,
    ):
        """As DevIdp's; subject is a distinguished name as Keycloak compares it (RFC 2253).

        bound_to: "key" (DPoP) or "certificate": its tokens are bound to that of whoever asks for them."""
        attributes = {"access.token.signed.response.alg": "RS256", LIGHTWEIGHT: str(lightweight).lower()}
        attributes.update({BINDINGS[bound_to]: "true"} if bound_to else {})
        attributes.update({DEVICE_ENABLED: str(device).lower(), PUSH_ENABLED: str(push).lower()})
        if auth == "private_key_jwt":
            attributes["jwt.credential.public.key"] = without_armour(public_key)
            attributes.update({"jwt.credential.kid": key_id} if key_id else {})
        if auth == "tls_client_auth":
            attributes.update({"x509.subjectdn": subject, "x509.allow.regex.pattern.comparison": "false"})
        self.admin.make_client(
            {
                "clientId": client,
                "clientAuthenticatorType": AUTHENTICATORS[auth],
                "secret": self.client_secret(client),
                "publicClient": False,
                "standardFlowEnabled": False,
                "directAccessGrantsEnabled": direct_grant,
                "serviceAccountsEnabled": True,
                "fullScopeAllowed": True,
                "attributes": attributes,
                "defaultClientScopes": ["basic", "profile", "email", "roles", "acr", "groups", *scopes],
                "protocolMappers": [audience_mapper(one) for one in audience],
            }
        )

    def grant_roles(self, client, *roles):
        """These roles of realm-management to a client's service account, and no others."""
        account = self.admin.call("GET", f"/clients/{self.admin.client(client)['id']}/service-account-user").json()
        management = self.admin.client("realm-management")["id"]
        mappings = f"/users/{account['id']}/role-mappings/clients/{management}"
        self.admin.call("DELETE", mappings, self.admin.call("GET", mappings).json())
        wanted = [self.admin.call("GET", f"/clients/{management}/roles/{role}").json() for role in roles]
        self.admin.call("POST", mappings, wanted)

    def set_audience(self, client, *audience):
        """Audience mappers for these and no others, on a client that create_client made."""
        client_id = self.admin.client(client)["id"]
        mappers = f"/clients/{client_id}/protocol-mappers/models"
        if client_id not in self.admin.made:
            raise ProviderError(f"{client} is the realm's: make a client of the test's own")
        for mapper in self.admin.call("GET", mappers).json():
            if mapper["protocolMapper"] == "oidc-audience-mapper":
                self.admin.call("DELETE", f"{mappers}/{mapper['id']}")
        for one in audience:
            self.admin.call("POST", mappers, audience_mapper(one))

    def set_lightweight(self, client, wanted):
        self.admin.change_attribute(client, LIGHTWEIGHT, "true" if wanted else "false")

    def revoke(self, token):
        """By the client that got it (RFC 7009)."""
        client = decode(token)[1]["azp"]
        form = {"token": token, "client_id": client, "client_secret": self.client_secret(client)}
        reply = http("POST", self.endpoint("revoke"), form=form)
        if reply.status != 200:
            raise ProviderError(f"Keycloak revoked nothing: {reply.status} {reply.body!r}")

    def end_session(self, token):
        self.admin.call("DELETE", f"/sessions/{decode(token)[1]['sid']}")

    def set_enabled(self, user, wanted):
        self.admin.call("PUT", f"/users/{self.admin.user_id(user)}", {"enabled": wanted})

    def logout(self, user):
        self.admin.call("POST", f"/users/{self.admin.user_id(user)}/logout")

    def reset_clients(self):
        self.admin.reset_clients()


# --- the command line ---


def command_prepare():
    Distribution().prepare()


def running_in(folder):
    """The Keycloak that keycloak.json of this folder tells of, or None."""
    path = pathlib.Path(folder).resolve() / "keycloak.json"
    if not path.exists():
        return None
    pid = json.loads(path.read_text())["pid"]
    return KeycloakProcess(None, path.parent / "home", 0, path.parent / "keycloak.log", pid)


def command_start(folder, *more_realms):
    former = running_in(folder)
    if former and not former.gone():
        raise ProviderError(f"a Keycloak already runs in {folder}: keycloak-stop it first")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    keycloak = Keycloak(folder, more_realms)
    keycloak.start()
    keycloak.write_state()
    print(keycloak.base_url)


def command_stop(folder):
    running = running_in(folder)
    if running:
        running.stop()
        (running.home.parent / "keycloak.json").unlink()
        shutil.rmtree(running.home, ignore_errors=True)


COMMANDS = {  # each with the least and the most words that follow it
    "keycloak-prepare": (command_prepare, 0, 0),
    "keycloak-start": (command_start, 1, 8),
    "keycloak-stop": (command_stop, 1, 1),
}


def main(words):
    command, least, most = COMMANDS.get(words[0] if words else "", (None, 1, 0))
    if not least <= len(words) - 1 <= most:
        usage = "keycloak-prepare | keycloak-start DIR [REALM.json…] | keycloak-stop DIR"
        print(f"usage: providers.py {usage}", file=sys.stderr)
        return 2
    try:
        command(*words[1:])
    except (ProviderError, subprocess.CalledProcessError) as trouble:
        print(f"providers: {trouble}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
