# SPDX-License-Identifier: Apache-2.0
"""A program that runs somewhere, and its log."""

import ctypes
import os
import re
import signal
import subprocess

from lib.wait import Late, now, until

PR_SET_CHILD_SUBREAPER = 36
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000


def become_subreaper():
    """Grandchildren whose parent dies become ours, so that no zombie is left to a slow pid 1."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


class HeldThread:
    """One thread of a process stands still while the others go on, as if it had not got the CPU.

    Use it in a `with` statement: a process with a thread that is held cannot be ended."""

    def __init__(self, pid, name):
        self.tid = next(int(tid) for tid in os.listdir(f"/proc/{pid}/task") if proc_name(f"{pid}/task/{tid}") == name)
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long] * 4
        self.libc.ptrace.restype = ctypes.c_long
        self.ptrace(PTRACE_SEIZE)
        self.ptrace(PTRACE_INTERRUPT)
        os.waitpid(self.tid, WALL)
        self.held = True

    def ptrace(self, request):
        if self.libc.ptrace(request, self.tid, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace request {request:#x}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.let_go()

    def let_go(self):
        if self.held:
            self.held = False
            self.ptrace(PTRACE_DETACH)


def processes_in(namespaces):
    """The ids of all processes whose network namespace is one of `namespaces` (as os.stat() pairs)."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            st = os.stat(f"/proc/{entry}/ns/net")
        except OSError:  # it ended, or is a zombie
            continue
        if (st.st_dev, st.st_ino) in namespaces:
            found.append(int(entry))
    return found


def reap(pid):
    """Collects a child that nobody else waits for."""
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass


def reap_orphans():
    """Collects the zombies that became ours as their reaper."""
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/children", encoding="ascii") as f:
            children = f.read().split()
        for pid in children:
            if proc_state(pid) == "Z":
                reap(int(pid))


def proc_state(pid):
    """The state letter of /proc/PID/stat, or None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            return f.read().rsplit(b")", 1)[1].split()[0].decode()
    except OSError:
        return None


def is_dead(pid):
    """Nothing of it is left but a zombie: a leader is one while other threads may still hold its descriptors."""
    try:
        return proc_state(pid) in ("Z", None) and len(os.listdir(f"/proc/{pid}/task")) <= 1
    except OSError:
        return True


def proc_name(pid):
    """The name of a process, or None when there is no such process."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return None


def children(pid):
    """The ids of the children of a process, those of all its threads."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
                found += map(int, f.read().split())
    except OSError:  # it has ended
        pass
    return found


class Process:
    """A started program with everything that it prints in a file."""

    def __init__(self, argv, log, name):
        self.name = name
        self.log = log
        self._out = open(log, "wb", buffering=0)
        self.started = now()
        self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self._out, stderr=subprocess.STDOUT,
                                      start_new_session=True)
        self._out.close()

    @property
    def pid(self):
        return self.popen.pid

    @property
    def alive(self):
        return self.popen.poll() is None

    def signal(self, number):
        """Sends a signal; returns when (CLOCK_MONOTONIC) that was."""
        at = now()
        self.popen.send_signal(number)
        return at

    def kill(self):
        return self.signal(signal.SIGKILL)

    def term(self):
        return self.signal(signal.SIGTERM)

    def stop(self):
        """Freezes the process, and returns when it is frozen."""
        at = self.signal(signal.SIGSTOP)
        until(lambda: proc_state(self.pid) in ("T", None), 5, f"{self.name} to be stopped")
        return at

    def cont(self):
        return self.signal(signal.SIGCONT)

    def wait(self, seconds):
        """The exit code; negative for a signal."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Late(f"waited {seconds} s in vain for {self.name} to end") from None

    def text(self):
        return self.log.read_text(errors="replace")

    def mark(self):
        """A place in the log, for wait_log(after=...)."""
        return self.log.stat().st_size

    def search(self, pattern, after=0):
        with open(self.log, "rb") as f:
            f.seek(after)
            return re.search(pattern, f.read().decode(errors="replace"), re.MULTILINE)

    def wait_log(self, pattern, seconds, after=0):
        """Waits for a line that matches; returns the match. Fails at once when the program has ended without it."""

        def look():
            ended = not self.alive
            found = self.search(pattern, after)
            if ended and not found:
                raise Late(f"{self.name} ended ({self.popen.returncode}) without logging /{pattern}/:\n{self.text()}")
            return found

        return until(look, seconds, lambda: f"/{pattern}/ in the log of {self.name}:\n{self.text()[-4000:]}")
