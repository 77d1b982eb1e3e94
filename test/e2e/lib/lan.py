# SPDX-License-Identifier: Apache-2.0
"""A bridge, hosts in namespaces of their own, and what can happen to cables.

Nothing has a name outside: namespaces live as long as the process that holds them, links lie inside them."""

import json
import os
import signal
import subprocess
from pathlib import Path

from lib.process import Process, become_subreaper, processes_in, reap, reap_orphans
from lib.watcher import Watcher

SYSCTLS = {
    "net/ipv6/conf/all/accept_dad": 0,
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/all/accept_ra": 0,
    "net/ipv6/conf/default/accept_ra": 0,
    "net/ipv4/ip_local_port_range": "10000 65000",
    "net/ipv4/tcp_tw_reuse": 1,
}


class Host:
    """Namespaces for network, mounts and host name, with own /run, /tmp, /var/lib and /etc."""

    def __init__(self, build, name, log_folder):
        self.name = name
        self.log_folder = log_folder
        self._inhost = str(build.tool("inhost"))
        self._counts = {}
        # In a session of its own: a Ctrl-C is for us, who then tidy up.
        self._holder = subprocess.Popen([self._inhost, str(os.getpid()), "hold", name, *map(str, build.keep)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        if self._holder.stdout.readline() != b"ready\n":
            raise RuntimeError(f"cannot make the namespaces of {name}")
        st = os.stat(f"/proc/{self.pid}/ns/net")
        self.namespace = (st.st_dev, st.st_ino)

    @property
    def pid(self):
        """Of the process that holds the namespaces."""
        return self._holder.pid

    def path(self, inside):
        """Where a file of this host is for us."""
        return Path(f"/proc/{self.pid}/root") / str(inside).lstrip("/")

    def write(self, inside, text, mode=0o644):
        """Makes a file on this host."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return inside

    def _exec(self, argv, *options):
        return [self._inhost, str(os.getpid()), "exec", str(self.pid), *options, *map(str, argv)]

    def popen(self, argv, name, huge_pages=True):
        """Starts a program on this host. Its log is kept in our folder: name-HOST.N.log."""
        count = self._counts[name] = self._counts.get(name, 0) + 1
        log = self.log_folder / f"{name}-{self.name}.{count}.log"
        return Process(self._exec(argv, *(() if huge_pages else ("-t",))), log, f"{name} on {self.name}")

    def run(self, argv, check=True, input=None):
        """Runs a program on this host to its end; returns the CompletedProcess, with text output."""
        done = subprocess.run(self._exec(argv), input=input, capture_output=True, text=True, start_new_session=True,
                              stdin=None if input is not None else subprocess.DEVNULL, timeout=60)
        if check and done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(map(str, argv))}: {done.stdout}{done.stderr}")
        return done

    def mac(self):
        """The hardware address of eth0."""
        return json.loads(self.run(["ip", "-j", "link", "show", "dev", "eth0"]).stdout)[0]["address"]

    def addresses(self):
        """The IPv4 addresses that eth0 has now."""
        out = self.run(["ip", "-4", "-o", "addr", "show", "dev", "eth0"]).stdout
        return [line.split()[3] for line in out.splitlines()]

    def end(self):
        self._holder.stdin.close()
        self._holder.kill()
        self._holder.wait()
        self._holder.stdout.close()


class Lan:
    """Hosts on one bridge. A context manager: leaving it ends everything that runs on them."""

    def __init__(self, build, folder):
        become_subreaper()
        self.build = build
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.hosts = {}
        self.watcher = None
        self._addresses = {}
        self._all = []
        self.bridge = None

    def __enter__(self):
        try:
            self.bridge = self._new_host("bridge")
            # A switch does not show its hosts' frames to an IP firewall: br_netfilter, where it is loaded, would do
            # so, and the kernel charges that to whoever sent the frame.
            self.bridge.run(["sh", "-ec", "for f in /proc/sys/net/bridge/bridge-nf-call-*; do\n"
                             "[ ! -e $f ] || echo 0 >$f\ndone\n"
                             "ip -batch - <<END\n"
                             "link add br0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0\n"
                             "link set br0 up\nEND\n"])
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def _new_host(self, name):
        host = Host(self.build, name, self.folder)
        self._all.append(host)
        return host

    def add(self, name, address, prefix=24):
        """A host with eth0 on the bridge."""
        host = self._new_host(name)
        port = f"p{len(self.hosts) + 1}"
        self.bridge.run(["ip", "-batch", "-"], input=(
            f"link add {port} type veth peer name eth0 netns {host.pid}\n"
            f"link set {port} master br0 up\n"))
        writes = "".join(f"echo '{value}' > /proc/sys/{key}\n" for key, value in SYSCTLS.items())
        host.run(["sh", "-ec", f"{writes}ip -batch - <<END\nlink set lo up\n"
                  f"addr add {address}/{prefix} dev eth0\nlink set eth0 up\nEND\n"])
        host.port = port
        host.address = address
        host.number = int(address.rsplit(".", 1)[1])
        self.hosts[name] = host
        return host

    def watch(self, every_ms=0):
        """Starts the watcher over all hosts that are there now; it looks every so many ms, or is woken for each event."""
        self.watcher = Watcher(self, self.folder, every_ms)
        return self.watcher

    # What can happen to cables and switches.

    def pull(self, host):
        """The cable is pulled: both ends lose carrier."""
        self.bridge.run(["ip", "link", "set", host.port, "down"])

    def plug(self, host):
        self.bridge.run(["ip", "link", "set", host.port, "up"])

    def isolate(self, host):
        """A silent partition: carrier stays, nothing passes."""
        self.bridge.run(["ip", "link", "set", host.port, "nomaster"])

    def heal(self, host):
        self.bridge.run(["ip", "link", "set", host.port, "master", "br0"])

    def drop(self, source, match, target=None):
        """Drops what `source` sends (to the host `target` only) and matches, e.g. "ip protocol vrrp"."""
        out = f"oifname {target.port} " if target else ""
        self.bridge.run(["nft", "-f", "-"], input=(
            "table bridge loss {\n chain forward {\n  type filter hook forward priority 0;\n"
            f"  iifname {source.port} {out}{match} drop\n }}\n}}\n"))

    def undrop(self):
        """Takes all drop() back."""
        self.bridge.run(["nft", "delete", "table", "bridge", "loss"])

    def end(self):
        """Ends what runs in our namespaces, and then those. By id, and only those."""
        holders = {host.pid for host in self._all}
        namespaces = {host.namespace for host in self._all}
        while True:
            pids = [pid for pid in processes_in(namespaces) if pid not in holders]
            if not pids:
                break
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            for pid in pids:
                reap(pid)
        if self.watcher:
            self.watcher.end()
        for host in self._all:
            host.end()
        self._all = []
        reap_orphans()
