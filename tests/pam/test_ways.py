"""Each way in, once allowed, through real sshd, sudo and login: the other side of test_refused.

What the person is on the host afterwards stands beside it: number, groups, home, session, record.
"""

import pytest

import acts
import realm
import stack as stacks
from acts import SHOW, assert_in
from harness import until


def test_ssh_by_device_code_as_the_example_has_it(settled):
    with settled.ssh("ada", SHOW) as client:
        code = acts.code_shown(client)
        acts.approve(settled.provider, code, "ada")
        client.expect(acts.ENTER)
        client.send()
        assert_in(client, "ada")
