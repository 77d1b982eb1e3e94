# SPDX-License-Identifier: Apache-2.0
"""sqlvipd and keepalived on a host, and their configurations."""

import json
import os
import signal

from lib.mariadb import PASSWORD, PASSWORD_FILE, SOCKET, USER
from lib.process import children, is_dead, proc_name, proc_state
from lib.wait import now, until

VIP = "192.168.1.100"


def block(head, *lines):
    """A block in keepalived's grammar; lines may hold blocks."""
    inside = "\n".join(line for line in lines if line)
    return f"{head} {{\n" + "".join(f"    {line}\n" for line in inside.splitlines()) + "}\n"


def instance(priority, *lines, name="VI_1", vrid=51, version=3, advert="0.1", state="BACKUP", vips=(VIP,), track=True,
             password=None, interface="eth0"):
    """A vrrp_instance; `track` adds the check that mysql_check() defines; `password` is for version 2."""
    return block(
        f"vrrp_instance {name}",
        f"state {state}", f"interface {interface}", f"virtual_router_id {vrid}", f"version {version}",
        f"priority {priority}", f"advert_int {advert}",
        block("authentication", "auth_type PASS", f"auth_pass {password}") if password else "",
        block("virtual_ipaddress", *vips),
        block("track_mysql", "local") if track is True else "",
        *lines)


def mysql_check(*lines, interval="0.1", timeout="0.5", socket=SOCKET, user=USER, weight=None):
    """A vrrp_mysql with short times, so that tests are short."""
    return block(
        "vrrp_mysql local",
        f"socket {socket}" if socket else "", f"user {user}", f"password file:{PASSWORD_FILE}",
        f"interval {interval}", f"timeout {timeout}", f"weight {weight}" if weight is not None else "", *lines)


class Sqlvipd:
    """The agent under test on a host."""

    def __init__(self, host, build, config, options=()):
        self.host = host
        self.build = build
        self.config = config
        self.options = list(options)
        self.process = None
        host.write(PASSWORD_FILE, PASSWORD + "\n", 0o600)

    def configure(self, config=None):
        """Writes the configuration file; returns its path on the host."""
        self.config = config or self.config
        return self.host.write("/etc/sqlvip/sqlvip.conf", self.config)

    def start(self):
        """Starts the agent and waits until its control socket answers."""
        path = self.configure()
        self.process = self.host.popen([self.build.sqlvipd, "-f", path, "-n", "-l", *self.options], "sqlvipd")
        until(lambda: not self.process.alive or self.status(check=False), 20,
              lambda: f"sqlvipd on {self.host.name} to answer:\n{self.process.text()}")
        assert self.process.alive, f"sqlvipd ended:\n{self.process.text()}"
        return self

    def test(self, config=None):
        """sqlvipd -t: the CompletedProcess."""
        return self.host.run([self.build.sqlvipd, "-t", "-f", self.configure(config)], check=False)

    def status(self, check=True):
        """What sqlvipctl status --json says; None if it cannot be had and `check` is false."""
        done = self.host.run([self.build.sqlvipctl, "status", "--json"], check=False)
        if done.returncode == 0:
            return json.loads(done.stdout)
        assert not check, f"sqlvipctl: {done.stdout}{done.stderr}\n{self.process.text()[-4000:]}"
        return None

    def instance(self, name="VI_1"):
        """The status of one instance."""
        return next(i for i in self.status()["instances"] if i["name"] == name)

    def check(self, name="local"):
        """The status of one check."""
        return next(c for c in self.status()["checks"] if c["name"] == name)

    def wait_state(self, state, seconds, name="VI_1"):
        """Waits for MASTER, BACKUP or FAULT."""
        until(lambda: self.instance(name)["state"].upper() == state, seconds,
              lambda: f"{name} on {self.host.name} to be {state}; it is {self.instance(name)}", step=0.02)

    def wait_check(self, seconds, name="local", **fields):
        """Waits until the check reports these values; returns its status."""

        def matches():
            c = self.check(name)
            return c if all(c.get(k) == v for k, v in fields.items()) else None

        return until(matches, seconds, lambda: f"check {name} to be {fields}; it is {self.check(name)}", step=0.02)

    @property
    def pid(self):
        return self.process.pid

    @property
    def engine(self):
        """The id of the process that keeps the addresses; `pid` is that of its supervisor."""
        return self.status()["engine"]["pid"]

    def pids(self):
        """Its processes: the one that we started and those sqlvipd that this one did. Programs it runs are not it."""
        found = [self.pid]
        for child in children(self.pid):
            if proc_name(child) == "sqlvipd":
                found.append(child)
        return found

    def signal_all(self, number):
        """The same signal to all of them, parents first; returns when that was."""
        at = now()
        for pid in self.pids():
            os.kill(pid, number)
        return at

    def freeze(self):
        """Stops all its processes, and returns when they have stopped."""
        at = self.signal_all(signal.SIGSTOP)
        until(lambda: all(proc_state(pid) in ("T", None) for pid in self.pids()), 5, "sqlvipd to be frozen")
        return at

    def thaw(self):
        return self.signal_all(signal.SIGCONT)

    def kill(self):
        """Kills all its processes, none of which finds the time to notice that the others are dead."""
        self.freeze()
        pids = self.pids()
        at = self.signal_all(signal.SIGKILL)
        until(lambda: all(is_dead(pid) for pid in pids), 10, "sqlvipd to be dead")
        return at

    def term(self):
        return self.process.term()

    def stop(self, seconds=10):
        """A clean end; returns the exit code."""
        self.process.term()
        return self.process.wait(seconds)


class Keepalived:
    """Debian's keepalived on a host."""

    def __init__(self, host, build, config):
        self.host = host
        self.build = build
        self.config = config
        self.process = None

    def start(self):
        path = self.host.write("/etc/keepalived/keepalived.conf", self.config)
        self.process = self.host.popen([self.build.keepalived, "-n", "-l", "-D", "-P", "-f", path], "keepalived")
        self.process.wait_log(r"Entering (BACKUP|FAULT) STATE|VRRP_Instance\(.*\) (removing|setting)|[Rr]egistering",
                              10)
        return self

    def term(self):
        return self.process.term()

    def stop(self, seconds=10):
        self.process.term()
        return self.process.wait(seconds)
