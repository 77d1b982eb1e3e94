# SPDX-License-Identifier: Apache-2.0
"""What the probe makes of a server that is busy, stopped, misconfigured, or closed to it."""

import signal
import subprocess

import pytest

from lib.agents import VIP, instance, mysql_check
from lib.mariadb import SOCKET
from lib.process import proc_state
from lib.wait import now, until

PROBE_THREADS = "SELECT id FROM information_schema.processlist WHERE user = 'sqlvip'"


# Connects to a Unix socket until its backlog is full, and stays.
CROWD = """
import signal, socket, sys
held = []
while len(held) < 1000:
    held.append(socket.socket(socket.AF_UNIX))
    held[-1].setblocking(False)
    try:
        held[-1].connect(sys.argv[1])
    except BlockingIOError:
        print("full", flush=True)
        break
signal.pause()
"""

# Breaks off handshakes until the server has had enough of this host.
BREAK_HANDSHAKES = """
import socket, sys
for _ in range(8):
    with socket.create_connection((sys.argv[1], 3306), 2) as s:
        s.recv(100)
        s.sendall(b"\\x05\\x00\\x00\\x01junk!")
        s.recv(100)
"""


def stays(pair, count=12):
    """The VIP stays where it is for so many further adverts, and is taken once in all."""
    pair.watcher.wait_adverts(pair.master, count, 30 + count)
    assert pair.watcher.holders(VIP) == ["mastersql"]
    assert pair.watcher.moves(VIP) == 1


def alone(pair, *check_lines, server_options=(), **check_options):
    """A server and an agent on mastersql only; returns both."""
    server = pair.server(pair.master, *server_options).start()
    agent = pair.agent(pair.master, mysql_check(*check_lines, **check_options) + instance(200)).start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    return server, agent


def test_short_stall_is_no_death(pair):
    server, agent = alone(pair, timeout="2")
    server.stop()
    pair.watcher.wait_adverts(pair.master, 10, 10)  # one second
    server.cont()
    stays(pair)
    assert agent.check()["verdict"] == "alive"


@pytest.mark.soak
def test_hang_is_seen_after_interval_and_timeout(pair, soak):
    server, agent = alone(pair, interval="0.5", timeout=soak("1", "2"))
    at = server.stop()
    gone = pair.watcher.wait_no_holder(pair.master, VIP, 10)
    assert float(soak("1", "2")) <= gone - at <= 0.5 + float(soak("1", "2")) + 0.5
    assert "hung" in agent.wait_check(2, verdict="dead")["reason"]
    server.cont()
    agent.wait_check(10, verdict="alive", state="up")
    pair.watcher.wait_holder(pair.master, VIP, 10)


def test_server_that_hangs_before_the_agent_starts_is_never_alive(pair):
    server = pair.server(pair.master).start()
    server.stop()
    agent = pair.agent(pair.master, mysql_check() + instance(200)).start()
    agent.wait_state("FAULT", 5)
    agent.wait_check(5, state="down")
    assert agent.check()["verdict"] in ("unknown", "dead")
    assert not pair.watcher.find(event="advert", dir="out")
    server.cont()
    pair.watcher.wait_holder(pair.master, VIP, 10)


@pytest.mark.soak
def test_agent_that_was_starved_blames_itself_and_not_the_server(pair, soak):
    _, agent = alone(pair)
    pair.watcher.wait_adverts(pair.master, 2, 10)
    mark = agent.process.mark()
    agent.freeze()
    until(lambda: now() - pair.watcher.adverts(pair.master)[-1]["t"] > soak(1.5, 5), 10, "the freeze to have lasted")
    agent.thaw()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    pair.watcher.wait_adverts(pair.master, 10, 10)
    assert agent.check()["verdict"] == "alive"
    assert not agent.process.search(r"verdict.*dead|hung", mark), agent.process.text()


@pytest.mark.soak
def test_overload_is_no_death(pair, soak):
    server, agent = alone(pair, timeout="2")
    busy = ["sh", "-c", "while :; do :; done"]
    hogs = [pair.master.popen(busy, "hog") for _ in range(soak(4, 16))]
    load = [pair.ping(interval_us=1000, deadline_ms=1000) for _ in range(soak(1, 8))]
    pair.watcher.wait_adverts(pair.master, soak(40, 6000), soak(60, 900))
    assert pair.watcher.moves(VIP) == 1
    assert agent.check()["verdict"] == "alive"
    for process in hogs:
        process.kill()
    assert all(client.finish()["answers"] for client in load)
    assert server.process.alive


def kill_probe(server):
    """Ends the probe's connections at the server; returns how many."""
    threads = server.sql(PROBE_THREADS, check=False).split()
    for thread in threads:
        server.sql(f"KILL {thread}", check=False)
    return len(threads)


def fill(pair, clients=15):
    """Takes all ten connections that there are; the other clients try on, so that a place which gets free is taken."""
    crowd = pair.client.popen([pair.build.tool("mysqlping"), "hold", VIP, "3306", "-n", clients, "-i", "1000"],
                              "crowd")
    probe = pair.client.popen([pair.build.tool("mysqlping"), "ping", VIP, "3306", "-i", "20000"], "mysqlping")
    probe.wait_log("error 1040", 10)
    probe.kill()
    return crowd


def test_too_many_connections_do_not_move_the_vip(pair):
    server, agent = alone(pair, server_options=["--max-connections=10"])
    crowd = fill(pair)
    stays(pair)
    assert agent.check()["verdict"] in ("alive", "degraded")
    assert crowd.alive and server.process.alive


def test_too_many_connections_do_not_move_the_vip_even_when_the_probe_has_none(pair):
    server, agent = alone(pair, "reserved_port 3366", server_options=[
        "--max-connections=10", "--extra-port=3366", "--extra-max-connections=5"])
    server.sql("CREATE USER boss@'127.0.0.1'; GRANT ALL ON *.* TO boss@'127.0.0.1'")
    fill(pair)
    # Over the reserved port, as the operator would.
    boss = ["mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", "3366", "-u", "boss", "-N", "-B", "-e"]

    def somebody_of_the_crowd_got_its_place():
        for thread in pair.master.run([*boss, PROBE_THREADS]).stdout.split():
            pair.master.run([*boss, f"KILL {thread}"], check=False)
        return "1040" in agent.check()["reason"]

    until(somebody_of_the_crowd_got_its_place, 20, "the probe to be without a connection")
    stays(pair)
    assert agent.check()["verdict"] == "degraded" and server.process.alive


@pytest.mark.soak
def test_killed_probe_connections_are_no_death(pair, soak):
    server, agent = alone(pair)
    deadline = now() + soak(4, 60)
    killed = 0
    while now() < deadline:
        killed += kill_probe(server)
    assert killed >= 10
    stays(pair)
    agent.wait_check(5, verdict="alive", state="up")


def test_short_wait_timeout_does_not_disturb(pair):
    _, agent = alone(pair, interval="2", server_options=["--wait-timeout=1"])
    connects = agent.check()["connects"]
    pair.watcher.wait_adverts(pair.master, 50, 20)  # five seconds
    assert agent.check()["connects"] == connects
    stays(pair)


def test_blocked_host_is_reported_and_moves_nothing(pair):
    """Error 1129. Loopback is never blocked, so the probe is sent to the host's own address; and hosts are counted
    only by a server that looks up their names."""
    pair.master.write("/etc/hosts", "127.0.0.1 localhost\n192.168.1.1 mastersql\n")
    server = pair.server(pair.master, "--max-connect-errors=2", "--skip-name-resolve=0").start()
    server.sql("CREATE USER 'sqlvip'@'192.168.1.1' IDENTIFIED BY 'probe-me-gently'")
    check = mysql_check("host 192.168.1.1", "port 3306", socket=None)
    agent = pair.agent(pair.master, check + instance(200)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    pair.master.run(["/usr/bin/python3", "-c", BREAK_HANDSHAKES, "192.168.1.1"])
    kill_probe(server)
    until(lambda: "1129" in agent.check()["reason"], 5, lambda: f"1129 in {agent.check()}")
    stays(pair)
    assert agent.check()["verdict"] == "degraded"


def test_wrong_password_moves_nothing_and_is_loud(pair):
    server = pair.server(pair.master).start()
    agent = pair.agent(pair.master, mysql_check() + instance(200))
    pair.master.write("/etc/sqlvip/mysql.password", "not the password\n", 0o600)
    agent.start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    check = agent.wait_check(5, verdict="degraded", state="up")
    assert "1045" in check["reason"]
    agent.process.wait_log(r"1045", 10)
    stays(pair)
    assert server.process.alive


@pytest.mark.parametrize("statement", ["ALTER USER 'sqlvip'@'localhost' IDENTIFIED BY 'changed'",
                                       "DROP USER 'sqlvip'@'localhost'"])
def test_account_that_is_lost_at_run_time_moves_nothing_and_is_loud(pair, statement):
    server, agent = alone(pair)
    mark = agent.process.mark()
    server.sql(statement)
    kill_probe(server)
    agent.wait_check(5, verdict="degraded", state="up")
    agent.process.wait_log(r"1045|[Aa]ccess denied", 5, mark)
    stays(pair)


def test_full_backlog_is_no_death(pair):
    server, _ = alone(pair, timeout="3", server_options=["--back-log=10"])
    server.stop()
    crowd = pair.master.popen(["/usr/bin/python3", "-c", CROWD, SOCKET], "crowd")
    crowd.wait_log("full", 5)
    pair.watcher.wait_adverts(pair.master, 10, 10)  # one second
    server.cont()
    crowd.kill()
    stays(pair)


def test_server_without_descriptors_is_degraded_at_most(pair):
    server, agent = alone(pair)
    used = len(list(server.host.path(f"/proc/{server.pid}/fd").iterdir()))
    subprocess.run(["prlimit", "--pid", str(server.pid), f"--nofile={used}:"], check=True)
    pair.ping(interval_us=20000)
    stays(pair, 20)
    assert agent.check()["verdict"] in ("alive", "degraded")


def test_server_without_threads_is_degraded_at_most(pair):
    """1135. The limit counts the threads of an account, so this server gets one of its own."""
    server = pair.server(pair.master, "--thread-cache-size=0").start(uid=61234)
    agent = pair.agent(pair.master, mysql_check() + instance(200)).start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    threads = len(list(server.host.path(f"/proc/{server.pid}/task").iterdir()))
    # As that account: root without CAP_SYS_RESOURCE may not change the limits of others.
    subprocess.run(["setpriv", "--reuid=61234", "--regid=61234", "--clear-groups", "--",
                    "prlimit", "--pid", str(server.pid), f"--nproc={threads}:"], check=True)
    client = pair.ping(interval_us=20000)
    client.wait(10, event="failure")
    kill_probe(server)
    stays(pair, 20)
    assert agent.check()["verdict"] in ("alive", "degraded")


def test_deleted_socket_file_is_reported_and_moves_nothing(pair):
    _, agent = alone(pair)
    pair.master.path(SOCKET).unlink()
    stays(pair, 20)
    assert agent.check()["verdict"] in ("alive", "degraded")


def test_probe_over_tcp_works(pair):
    server, agent = alone(pair, "host 127.0.0.1", "port 3306", socket=None)
    assert agent.check()["verdict"] == "alive"
    at = server.kill()
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    pair.watcher.wait(5, at, event="advert", dir="out", priority=0)
    assert "crashed" in agent.check()["reason"]


def test_query_that_fails_takes_the_vip_away(pair):
    server = pair.server(pair.master).start()
    server.sql("CREATE DATABASE app; CREATE TABLE app.ok (n INT); INSERT INTO app.ok VALUES (1); "
               "GRANT SELECT ON app.* TO 'sqlvip'@'localhost'")
    check = mysql_check('query "SELECT MAX(n) FROM app.ok"', "query_interval 0.2", "fall 2", "rise 1")
    agent = pair.agent(pair.master, check + instance(200)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    server.sql("UPDATE app.ok SET n = 0")
    pair.watcher.wait_no_holder(pair.master, VIP, 10)
    agent.wait_state("FAULT", 5)
    server.sql("UPDATE app.ok SET n = 1")
    pair.watcher.wait_holder(pair.master, VIP, 10)


@pytest.mark.soak
def test_thousand_reconnects_leak_nothing(pair, soak):
    server, agent = alone(pair)
    for _ in range(20):
        kill_probe(server)
    agent.wait_check(5, verdict="alive")
    before = _footprint(agent)
    for _ in range(soak(40, 1000)):
        kill_probe(server)
    agent.wait_check(5, verdict="alive")
    after = _footprint(agent)
    assert after[0] <= before[0] + 2, "descriptors"
    # A sanitizer keeps what was freed for a while, and finds what was not by itself at the end.
    assert agent.build.sanitized or after[1] <= before[1] + 1024, "resident KiB"
    assert agent.stop() == 0


def _footprint(agent):
    engine = agent.engine
    with open(f"/proc/{engine}/status", encoding="ascii") as f:
        resident = next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
    return len(list(agent.host.path(f"/proc/{engine}/fd").iterdir())), resident


def test_stopped_server_is_named_as_such(pair):
    server, agent = alone(pair)
    server.process.signal(signal.SIGSTOP)
    agent.wait_check(5, verdict="dead")
    assert proc_state(server.pid) == "T"
    assert "stopped" in agent.check()["reason"]
