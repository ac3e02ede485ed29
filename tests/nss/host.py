"""host: a host of its own on this machine: root, network, name and processes in namespaces, an authd in it.

What it writes is in memory and gone with it; the machine's files are never written. Its first process
ends when we close its input or die, and everything in it with that. A provider of ours on 127.0.0.1
is reached from inside at the same address, through a relay.
"""

import contextlib
import ctypes
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

import harness
import table
from harness import until

HERE = Path(__file__).resolve().parent
CLONE_NEWNET = 0x40000000
RUN_TIMEOUT_SEC = 30
SYNC_TIMEOUT_SEC = 600
PUBLISHED_SEC = 5
RELAY_SIZE_BYTES = 256 * 1024
AUTHD_USER, AUTHD_ID = "authd", 900  # as sysusers.d would make it
SOCKET = "/run/authd/authd.sock"
MODULE = "libnss_authd.so.2"
NSSWITCH = """passwd: {passwd}
group: {passwd}
shadow: files
hosts: files
"""


def libdir():
    """Where the machine's libc looks for NSS modules, below /."""
    found = sorted(Path("/usr/lib").glob("*/libnss_compat.so.2")) + sorted(Path("/usr/lib").glob("*/libc.so.6"))
    assert found, "no libc in /usr/lib/*: a Debian or Ubuntu is needed"
    return found[0].parent


class Relay:
    """A port of 127.0.0.1 of a host's network that leads to the same port of ours."""

    def __init__(self, host, port):
        self.port = port
        self.listener = host.listen(port)
        self.cut = False
        self.open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                inside, _ = self.listener.accept()
                threading.Thread(target=self._carry, args=(inside,), daemon=True).start()

    def _carry(self, inside):
        with inside, contextlib.suppress(OSError):
            if self.cut:
                return
            with socket.create_connection(("127.0.0.1", self.port)) as outside:
                self.open |= {inside, outside}
                carry(inside, outside)

    def sever(self, cut=True):
        """The provider is away: connections that stand are ended, new ones are at once."""
        self.cut = cut
        for one in list(self.open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.open.clear()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self.listener.close()


def carry(one, other):
    """Bytes both ways until either side ends."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(one, selectors.EVENT_READ, other)
        waiting.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in waiting.select():
                data = key.fileobj.recv(RELAY_SIZE_BYTES)
                if not data:
                    return
                key.data.sendall(data)


class Host:
    """programs: of the build; lower: the tree that it is an overlay of."""

    def __init__(self, programs, folder, name="host", lower="/", passwd="files authd"):
        self.programs, self.name = programs, name
        self.folder = Path(folder)
        self.relays = {}
        root = self.folder / "root"
        root.mkdir()
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
            + ["sh", str(HERE / "host.sh"), lower, str(root), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=harness.die_with_parent,
        )
        line = self.process.stdout.readline()  # ends with the process at the latest
        if line != "ready\n":
            raise AssertionError(f"no host: {self.process.communicate()[1]}")
        self.first = only_child(self.process.pid)
        self.install(passwd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Its files

    def path(self, inside):
        """A path of the host's, for us."""
        return Path(f"/proc/{self.first}/root{inside}")

    def write(self, inside, text, mode=0o644):
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def install(self, passwd):
        """The module, the programs, the daemon's user, nsswitch.conf."""
        where = libdir()
        if self.programs.module:
            shutil.copy(self.programs.module, self.path(f"{where}/{MODULE}"))
        self.bring_libraries()
        for program, place in ((self.programs.authd, "/usr/sbin/authd"), (self.programs.authctl, "/usr/bin/authctl"),
                               (self.programs.probe, "/usr/bin/nss_probe")):
            shutil.copy(program, self.path(place))
        self.nsswitch(passwd)
        self.add_local("passwd", f"{AUTHD_USER}:x:{AUTHD_ID}:{AUTHD_ID}::/nonexistent:/usr/sbin/nologin")
        self.add_local("group", f"{AUTHD_USER}:x:{AUTHD_ID}:")
        for folder, mode in (("/run/authd", 0o755), ("/var/lib/authd", 0o700)):
            self.run("rm", "-rf", folder)  # the machine may have one: not in here
            self.path(folder).mkdir(parents=True)
            self.path(folder).chmod(mode)
            os.chown(self.path(folder), AUTHD_ID, AUTHD_ID)

    def bring_libraries(self):
        """What authd links and a bare tree lacks; of the same release, so they fit its libc."""
        told = subprocess.run(["ldd", self.programs.authd], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"=> (/\S+)", told):
            place = self.path(f"{libdir()}/{Path(library).name}")
            if not place.exists():
                shutil.copy(library, place)

    def nsswitch(self, passwd):
        self.write("/etc/nsswitch.conf", NSSWITCH.format(passwd=passwd))

    def add_local(self, file, line):
        path = self.path(f"/etc/{file}")
        kept = [one for one in path.read_text().splitlines() if not one.startswith(line.partition(":")[0] + ":")]
        path.write_text("\n".join([*kept, line]) + "\n")

    # Its network

    def listen(self, port):
        """A listening socket that belongs to the host's network, though we do not."""
        made = []

        def make():
            with open(f"/proc/{self.first}/ns/net") as file:
                assert ctypes.CDLL(None).setns(file.fileno(), CLONE_NEWNET) == 0, "setns"
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", port))
            one.listen(128)
            made.append(one)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        assert made, f"port {port} of {self.name}"
        return made[0]

    def reach(self, provider):
        """From now on the provider is there, where it is for us."""
        port = int(provider.base_url.rsplit(":", 1)[1])
        if port not in self.relays:
            self.relays[port] = Relay(self, port)
        return self.relays[port]

    # Its processes

    def prefix(self):
        return ["nsenter", f"--target={self.first}", "--mount", "--net", "--uts", "--ipc", "--pid"]

    def run(self, *argv, input=None, timeout=RUN_TIMEOUT_SEC, env=None):
        return subprocess.run(
            [*self.prefix(), *map(str, argv)],
            input=input,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env={**os.environ, "LC_ALL": "C.UTF-8", "PATH": PATH, **(env or {})},
            check=False,
        )

    def start(self, *argv, env=None, **options):
        """A process of the host's; its own pid is only_child() of what comes back."""
        return subprocess.Popen(
            [*self.prefix(), *map(str, argv)],
            preexec_fn=harness.die_with_parent,
            env={**os.environ, "LC_ALL": "C.UTF-8", "PATH": PATH, **(env or {})},
            **options,
        )

    def getent(self, *words):
        """The line, or None with exit code 2, as getent(1) has it for "not found" and "could not ask" alike."""
        done = self.run("getent", *words)
        assert done.returncode in (0, 2), f"getent {words}: {done.returncode} {done.stderr}"
        return done.stdout.rstrip("\n") if done.returncode == 0 else None

    def close(self):
        for relay in self.relays.values():
            relay.close()
        self.process.stdin.close()
        try:
            self.process.wait(harness.DEADLINE_SEC)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def only_child(pid):
    """The process that pid started and waits for."""
    return int(
        until(f"a child of {pid}", lambda: Path(f"/proc/{pid}/task/{pid}/children").read_text().split(), 5)[0]
    )


class Authd(harness.Authd):
    """The daemon of a host, as its own user, where the service has it."""

    environment = {}

    def __init__(self, host, folder):
        super().__init__(host.programs, folder)
        self.host = host
        self.socket = host.path(SOCKET)
        self.state_dir = "/var/lib/authd"

    def write(self, *sections, **daemon):
        super().write(*sections, **{"socket": SOCKET, **daemon})
        self.host.write("/etc/authd/authd.conf", self.config_path.read_text())

    def spawn(self, stderr=None, **options):
        with open(self.log_path, "ab") as log:
            self.process = self.host.start(
                *self.as_its_user(),
                *("env", *(f"{name}={value}" for name, value in self.environment.items())),  # the daemon's alone
                "/usr/sbin/authd",
                "--config",
                "/etc/authd/authd.conf",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr or log,
                **options,
            )
        return self.process

    @staticmethod
    def as_its_user():
        return ["setpriv", f"--reuid={AUTHD_ID}", f"--regid={AUTHD_ID}", "--clear-groups"]

    @property
    def pid(self):
        """As we see it: nsenter is its parent."""
        return only_child(self.process.pid)

    def request(self, method, path, body=None, headers=None, timeout=harness.ANSWER_TIMEOUT_SEC):
        connection = harness.UnixConnection(self.socket, timeout)
        try:
            return harness.ask(connection, method, path, body, headers)
        finally:
            connection.close()

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            os.kill(self.pid, number)
        return self.process.wait(harness.DEADLINE_SEC)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.stop(signal.SIGKILL)

    def end(self):
        if self.process and self.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.go_on()
                self.stop()

    @contextlib.contextmanager
    def hung(self):
        """Neither dead nor answering."""
        pid = self.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            self.go_on(pid)

    def go_on(self, pid=None):
        """nsenter stops itself when its child is stopped."""
        os.kill(self.process.pid, signal.SIGCONT)
        os.kill(pid or self.pid, signal.SIGCONT)

    def sync(self, published=True):
        """A look at everybody, now; its figures. published: until the table shows what it found."""
        answer = self.request("POST", "/v1/users/sync", "{}", {"Content-Type": "application/json"}, SYNC_TIMEOUT_SEC)
        assert answer.status == 200, f"{answer.text}\n{self.log_text()[-3000:]}"
        if published:
            wanted = self.get("/v1/status").json["people"]["generation"]
            until("the table is the newest", lambda: table.generation(self.host) >= wanted, PUBLISHED_SEC)
        return answer.json

    def person(self, name):
        """GET /v1/id: {"person", "groups"} or None."""
        answer = self.get(f"/v1/id?name={name}")
        assert answer.status in (200, 404), answer.text
        return answer.json if answer.status == 200 else None

    def all_people(self):
        """Every person that the directory has, by pages."""
        return self._pages("/v1/users", "people", 1000)

    def collisions(self):
        """[{"id", "keys"}]: of ten thousand in the usual range two collide in one realm of five or so."""
        return self.get("/v1/ids?limit=1").json["collisions"]

    def refused(self):
        """Names of whom a collision keeps from being an account."""
        keys = {key for one in self.collisions() for key in one["keys"]}
        return {one["username"] for one in self.all_people() if one["subject"] in keys} if keys else set()

    def all_ids(self):
        return self._pages("/v1/ids", "ids", 1000)

    def _pages(self, path, member, limit):
        found, after = [], None
        while True:
            answer = self.get(f"{path}?limit={limit}" + (f"&after={after}" if after else ""))
            assert answer.status == 200, answer.text
            found += answer.json[member]
            after = answer.json["next"]
            if after is None:
                return found
