# SPDX-License-Identifier: Apache-2.0
"""A MariaDB server on a host. Installing a data folder takes a second, so it is done once and copied.

Of its 22 MiB, 15 are zeros. The template has holes there, and so have its copies, which lie in memory."""

import fcntl
import shutil
import subprocess

SOCKET = "/run/mysqld/mysqld.sock"
USER = "sqlvip"
PASSWORD = "probe-me-gently"
PASSWORD_FILE = "/etc/sqlvip/mysql.password"

SMALL = ["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=4M", "--performance-schema=OFF"]

ACCOUNTS = f"""FLUSH PRIVILEGES;
CREATE USER '{USER}'@'localhost' IDENTIFIED BY '{PASSWORD}';
CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';
CREATE USER 'app'@'%';
"""


def template(build):
    """The folder to copy; made by whoever comes first, while the others wait."""
    build.shared.mkdir(parents=True, exist_ok=True)
    folder = build.shared / "mariadb-template"
    with open(build.shared / "mariadb-template.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            installed, making = folder.with_suffix(".installed"), folder.with_suffix(".new")
            for unfinished in (installed, making):
                shutil.rmtree(unfinished, ignore_errors=True)
            _install(installed)
            _copy(installed, making, "--sparse=always")
            shutil.rmtree(installed)
            making.rename(folder)
    return folder


def _copy(folder, to, *options):
    subprocess.run(["cp", "-a", *options, folder, to], check=True, timeout=60, start_new_session=True)


def _install(folder):
    common = ["--no-defaults", "--user=root", f"--datadir={folder}", *SMALL]
    done = subprocess.run(["mariadb-install-db", *common, "--auth-root-authentication-method=socket",
                           "--auth-root-socket-user=root", "--skip-test-db", "--skip-name-resolve"],
                          capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"mariadb-install-db: {done.stdout}{done.stderr}")
    done = subprocess.run(["mariadbd", *common, "--bootstrap"], input=ACCOUNTS, capture_output=True, text=True,
                          timeout=60)
    if done.returncode:
        raise RuntimeError(f"mariadbd --bootstrap: {done.stdout}{done.stderr}")


class MariaDB:
    """One server: socket /run/mysqld/mysqld.sock, TCP port 3306, server_id = the last octet of the host's address."""

    def __init__(self, host, build, options=(), resident_gib=0):
        self.host = host
        self.options = list(options)
        self.resident_gib = resident_gib
        self._template = template(build)
        self.process = None

    def start(self, wait=True, uid=0):
        data = self.host.path("/var/lib/mysql")
        if not data.exists():
            _copy(self._template, data)
        self.host.path("/run/mysqld").mkdir(exist_ok=True)
        size = list(SMALL)
        if self.resident_gib:
            # Locked, the whole pool is resident as soon as the server is ready.
            size[0] = f"--innodb-buffer-pool-size={self.resident_gib}G"
            size.append("--memlock")
        as_user = []
        if uid:
            self.host.run(["chown", "-R", f"{uid}:{uid}", "/var/lib/mysql", "/run/mysqld"])
            as_user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--pdeathsig=KILL", "--"]
        self.process = self.host.popen(
            [*as_user, "mariadbd", "--no-defaults", "--user=root", "--datadir=/var/lib/mysql", f"--socket={SOCKET}",
             "--pid-file=/run/mysqld/mysqld.pid", "--port=3306", "--bind-address=0.0.0.0",
             f"--server-id={self.host.number}", "--skip-name-resolve", "--max-connect-errors=4294967295",
             "--log-warnings=0", "--innodb-flush-log-at-trx-commit=0", *size, *self.options],
            "mariadbd", huge_pages=False)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=60):
        self.process.wait_log(r"ready for connections", seconds)

    def sql(self, statement, check=True):
        """Runs a statement as root; returns what it prints."""
        return self.host.run(["mariadb", "--no-defaults", "-S", SOCKET, "-u", "root", "-N", "-B", "-e", statement],
                             check).stdout.strip()

    @property
    def pid(self):
        return self.process.pid

    def resident_mib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) // 1024 for line in f if line.startswith("VmRSS:"))

    def kill(self):
        return self.process.kill()

    def term(self):
        return self.process.term()

    def stop(self):
        return self.process.stop()

    def cont(self):
        return self.process.cont()

    def restart(self, wait=True):
        """Starts again after the server has ended."""
        self.process.wait(60)
        return self.start(wait)
