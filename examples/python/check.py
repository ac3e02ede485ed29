"""Ask authd whether a token is good, with the standard library alone.

    python3 check.py orders <token      exit code 0: valid, 1: a no, 2: could not ask
"""
import http.client
import json
import os
import socket
import sys


class Authd(http.client.HTTPConnection):
    """A kept connection, for one thread. An OSError or HTTPException is no answer."""
    def __init__(self, path=None, timeout=5):
        super().__init__("localhost", timeout=timeout)
        self.path = path or os.environ.get("AUTHD_SOCKET", "/run/authd/authd.sock")

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def check(self, token, policy):
        """The verdict as a dict; only one whose "verdict" is "valid" lets anybody in."""
        question = {"token": token, "policy": policy}
        self.request("POST", "/v1/check", json.dumps(question), {"Content-Type": "application/json"})
        answer = self.getresponse()
        verdict = json.loads(answer.read())
        if answer.status != 200:
            raise http.client.HTTPException(f"{verdict['error']}: {verdict['detail']}")
        return verdict


if __name__ == "__main__":
    try:
        said = Authd().check(sys.stdin.read().strip(), sys.argv[1])
    except (OSError, http.client.HTTPException) as trouble:
        sys.exit(print(f"authd could not be asked: {trouble}", file=sys.stderr) or 2)
    print(said["verdict"], said["reason"], (said["claims"] or {}).get("sub", "-"))
    sys.exit({"valid": 0, "unavailable": 2}.get(said["verdict"], 1))
