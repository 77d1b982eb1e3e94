# SPDX-License-Identifier: Apache-2.0
"""A host on which programs of one user cannot be started: it has as many processes as it may have."""

import contextlib
import resource


def _limit(pid, number):
    hard = resource.prlimit(pid, resource.RLIMIT_NPROC)[1]
    resource.prlimit(pid, resource.RLIMIT_NPROC, (hard if number is None else number, hard))


class Shortage:
    """For the programs that an agent starts; its own processes are root's, who has no limit."""

    def __init__(self, agent):
        self.agent = agent
        self.begin()

    def begin(self):
        _limit(self.agent.pid, 0)

    def end(self):
        _limit(self.agent.pid, None)


@contextlib.contextmanager
def a_process_of(host, user):
    """A limit of 0 is exceeded when there is one. Then fork still succeeds for root, and execve as `user` fails."""
    process = host.popen(["setpriv", f"--reuid={user}", "--clear-groups", "/bin/sh", "-c", "echo up; sleep 60"], user)
    try:
        process.wait_log("up", 10)
        yield
    finally:
        process.kill()
        process.wait(10)
