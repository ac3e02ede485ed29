"""fronts: each proxy, started from its folder in examples/ with other addresses and nothing else changed.

A front has its own authd, with examples/proxies.conf as its settings, so that one's limits are not the other's.
"""

import http.client
import os
import subprocess
import sys
from pathlib import Path

BEHAVIOUR = Path(__file__).resolve().parents[1] / "behaviour"
sys.path.insert(0, str(BEHAVIOUR))

import harness  # noqa: E402
import programs  # noqa: E402
import providers  # noqa: E402
from doors_setup import ask_to_end_with_parent, tcp_ask  # noqa: E402

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
START_SEC = 30
# The addresses that the examples speak of.
EXAMPLE_WEB, EXAMPLE_SERVICE = 8080, 8081
EXAMPLE_AUTHD, EXAMPLE_BRIDGE = 4181, 9181
EXAMPLE_SOCKET = "/run/authd/authd.sock"


class Front:
    """One proxy; command() is its own."""

    name = None

    def __init__(self, folder, daemon, service_port):
        self.folder, self.daemon = Path(folder), daemon
        self.folder.chmod(0o755)
        self.port, self.authd_port, self.bridge_port = (providers.free_port() for _ in range(3))
        self.service_port = service_port
        self.processes = []

    def addresses(self):
        """(text of the examples, text of this test), longest first where one holds the other."""
        return [
            (EXAMPLE_SOCKET, str(self.daemon.socket)),
            (f"127.0.0.1:{EXAMPLE_AUTHD}", f"127.0.0.1:{self.authd_port}"),
            (f"127.0.0.1:{EXAMPLE_BRIDGE}", f"127.0.0.1:{self.bridge_port}"),
            (f"127.0.0.1:{EXAMPLE_SERVICE}", f"127.0.0.1:{self.service_port}"),
            (f"127.0.0.1:{EXAMPLE_WEB}", f"127.0.0.1:{self.port}"),
            (f"*:{EXAMPLE_WEB}", f"*:{self.port}"),
            (f"http://:{EXAMPLE_WEB}", f"http://:{self.port}"),
            (f"port_value: {EXAMPLE_AUTHD}", f"port_value: {self.authd_port}"),
            (f"port_value: {EXAMPLE_SERVICE}", f"port_value: {self.service_port}"),
            (f"port_value: {EXAMPLE_WEB}", f"port_value: {self.port}"),
        ]

    def with_addresses(self, text):
        for old, new in self.addresses():
            text = text.replace(old, new)
        return text

    def settings(self, provider, more=""):
        """examples/proxies.conf with this provider, and this user's processes for those of the proxies' users."""
        text = self.with_addresses((EXAMPLES / "proxies.conf").read_text())
        text = text.replace("url = https://sso.example.com/realms/example", f"url = {provider.issuer_url}")
        return text.replace("user:haproxy; user:caddy", f"uid:{os.getuid()}") + more

    def start(self):
        for file in (EXAMPLES / self.name).iterdir():
            if file.suffix != ".md" and file.is_file():
                (self.folder / file.name).write_text(self.with_addresses(file.read_text()))
        self.before()
        self.spawn(self.command())
        harness.until(f"{self.name} serves", self._is_ready, START_SEC)
        return self

    def before(self):
        """What must run before the proxy does."""

    def command(self):
        raise NotImplementedError

    def spawn(self, argv):
        with open(self.folder / "output.log", "ab") as log:
            self.processes.append(subprocess.Popen([str(word) for word in argv], cwd=self.folder, stdin=subprocess.DEVNULL,
                                                   stdout=log, stderr=log, preexec_fn=ask_to_end_with_parent))

    def _is_ready(self):
        """Some accept connections before they know their routes."""
        assert self.processes[-1].poll() is None, f"{self.name} ended: {self.output()}"
        try:
            return tcp_ask(self.port, "GET", "/public/ready").status // 100 == 2
        except (OSError, http.client.HTTPException):
            return False

    def output(self):
        logs = [file.read_text(errors="replace")[-3000:] for file in self.folder.glob("*.log")]
        return "\n".join(logs)

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(harness.DEADLINE_SEC)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


class Nginx(Front):
    name = "nginx"

    def command(self):
        return [programs.program("nginx"), "-p", f"{self.folder}/", "-c", f"{self.folder}/nginx.conf", "-g", "daemon off;"]


class Apache(Front):
    name = "apache"

    def before(self):
        bridge = next((file for file in self.daemon.programs.build.rglob("authd-fcgi") if file.is_file()), None)
        assert bridge, "no authd-fcgi in the build: install libfcgi-dev, and make the build folder anew"
        self.spawn([bridge, "--listen", f"127.0.0.1:{self.bridge_port}", "--socket", self.daemon.socket])

    def command(self):
        return [programs.program("apache"), "-d", self.folder, "-f", "httpd.conf", "-DFOREGROUND"]


class HAProxy(Front):
    name = "haproxy"

    def command(self):
        return [programs.program("haproxy"), "-f", "haproxy.cfg", "-db"]


class Envoy(Front):
    name = "envoy"

    def command(self):
        return [programs.program("envoy"), "-c", "envoy.yaml", "--disable-hot-restart", "--concurrency", "1", "-l", "warning"]


class Traefik(Front):
    name = "traefik"

    def command(self):
        return [programs.program("traefik"), "--configfile=traefik.yaml"]


class Caddy(Front):
    name = "caddy"

    def command(self):
        return ["/usr/bin/env", f"XDG_DATA_HOME={self.folder}", f"XDG_CONFIG_HOME={self.folder}",
                programs.program("caddy"), "run", "--config", "Caddyfile"]


FRONTS = {one.name: one for one in (Nginx, Traefik, Caddy, Envoy, Apache, HAProxy)}
