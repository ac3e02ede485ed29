"""login_provoke: how to get the answers that the contract declares for the doors of logins, where a form is what they take."""

FORM = "service=sshd&user=alice"
HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
DOORS = tuple(f"/v1/login/{name}" for name in ("begin", "next", "cancel", "account", "session", "password"))
QUERIES = {"/v1/ssh-keys": "user=alice"}


def asked(case):
    return case.send(body=FORM, headers=HEADERS)


def keys(case):
    return case.send(f"{case.path}?{QUERIES[case.path]}")


LOGINS = [*(("post", path, "200", asked) for path in DOORS), ("get", "/v1/ssh-keys", "200", keys)]
