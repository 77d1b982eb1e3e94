# SPDX-License-Identifier: Apache-2.0
"""sqlvipd as a program: start, end, answers and refusals."""

import json
import os
import pwd
import signal
import socket
import struct

import pytest

from lib.agents import VIP, instance, mysql_check
from lib.wait import now, until

# Adverts of the same router with a wrong checksum, 10 000 in a second or as many as this machine can.
FLOOD = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.168.1.50"))
begun, sent = time.monotonic(), 0
while True:
    while sent < 10000 * (time.monotonic() - begun):
        s.sendto(bytes.fromhex("3133ff01000a0000c0a80164"), ("224.0.0.18", 0))
        sent += 1
    time.sleep(0.001)
"""

CONTROL = "/run/sqlvip/sqlvipd.sock"


def start(pair, *lines, **options):
    agent = pair.agent(pair.master, instance(200, *lines, track=False, **options)).start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    return agent


def test_term_at_the_holder_releases_first_and_resigns_then(pair):
    agents = pair.start_agents(check="", track=False)
    at = now()
    assert agents["mastersql"].stop() == 0
    took = pair.watcher.wait_holder(pair.backup, VIP, 5)
    pair.watcher.wait(5, at, host="mastersql", event="advert", dir="out", priority=0)
    resigned = pair.watcher.find(at, host="mastersql", event="advert", dir="out", priority=0)
    removed = pair.watcher.find(at, host="mastersql", event="address", op="del", address=f"{VIP}/32")
    assert len(resigned) == 1 and len(removed) == 1
    assert removed[0]["since"] <= resigned[0]["t"]
    assert resigned[0]["t"] - at < 0.5
    assert took > removed[0]["since"]


def test_term_at_the_backup_says_nothing(pair):
    agents = pair.start_agents(check="", track=False)
    at = now()
    assert agents["backupsql"].stop() == 0
    pair.watcher.wait_adverts(pair.master, 5, 5)
    assert not pair.watcher.adverts(pair.backup, at)
    assert pair.watcher.moves(VIP) == 1


def test_nothing_is_left_after_the_end(pair):
    agent = start(pair)
    assert agent.stop() == 0
    assert pair.master.addresses() == ["192.168.1.1/24"]
    assert not pair.master.path(CONTROL).exists()


def test_status_tells_state_cause_vips_priority_and_probe(pair):
    agents = pair.start_all()
    one = agents["mastersql"].instance()
    assert one["state"].upper() == "MASTER" and one["cause"]
    assert [vip["present"] for vip in one["vips"]] == [True] and VIP in one["vips"][0]["address"]
    assert one["priority"]["effective"] == 200
    other = agents["backupsql"].instance()
    assert other["state"].upper() == "BACKUP" and [vip["present"] for vip in other["vips"]] == [False]
    assert "192.168.1.1" in json.dumps(other)  # the peer that it hears
    check = agents["mastersql"].check()
    assert (check["kind"], check["verdict"], check["state"]) == ("mysql", "alive", "up")
    assert check["pid"] == pair.mysql["mastersql"].pid
    text = pair.master.run([pair.build.sqlvipctl, "status"]).stdout
    assert "MASTER" in text.upper() and VIP in text and "\033" not in text


def test_ctl_fails_when_no_agent_runs(pair):
    done = pair.master.run([pair.build.sqlvipctl, "status"], check=False)
    assert done.returncode != 0 and done.stderr


def dial(pair, seconds=10):
    """A connection to the control socket. It waits for a place in a full backlog, which a socket with Python's own
    timeout does not do: that one is non-blocking for the kernel and gets EAGAIN at once."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", seconds, 0))
    s.connect(str(pair.master.path(CONTROL)))
    s.settimeout(seconds)
    return s


def ask(pair, request, finish=True):
    """Sends bytes to the control socket and returns all that comes back."""
    with dial(pair) as s:
        try:
            s.sendall(request)
            if finish:
                s.shutdown(socket.SHUT_WR)
        except BrokenPipeError:
            pass
        answer = b""
        try:
            while chunk := s.recv(65536):
                answer += chunk
        except ConnectionResetError:
            pass
        return answer


@pytest.mark.parametrize("request_", [
    b"\n", b"junk\n", b"{\n", b"[]\n", b"null\n", b'{"version": 1}\n', b'{"version": 99, "command": "status"}\n',
    b'{"version": 1, "command": "no-such"}\n', b'{"version": 1, "command": 7}\n', b"\0\0\0\n", b"\xff\xfe\n",
    b'{"version": 1, "command": "status"}' * 2 + b"\n", b"[" * 100000 + b"\n", b"x" * (1 << 20)],
    ids=["empty", "junk", "brace", "array", "null", "no-command", "version", "unknown", "number", "nul", "no-utf8",
         "twice", "deep", "oversized"])
def test_malformed_request_gets_an_error(control_agent, request_):
    pair, agent = control_agent
    answer = ask(pair, request_)
    if answer:
        document = json.loads(answer.splitlines()[0])
        assert document["ok"] is False and document["error"]
    else:
        assert len(request_) > 65536  # dropped in mid-request: only the oversized
    assert agent.process.alive and agent.status()


@pytest.fixture
def control_agent(pair):
    return pair, start(pair)


def test_silent_and_greedy_control_clients_stall_nothing(pair):
    agent = start(pair)
    since = now()
    silent = []
    for _ in range(30):
        silent.append(dial(pair))
    pair.watcher.wait_adverts(pair.master, 15, 10)
    for s in silent:
        s.close()
    until(lambda: agent.status(check=False), 10, "status to work again")
    times = [e["t"] for e in pair.watcher.adverts(pair.master, since)]
    assert max(b - a for a, b in zip(times, times[1:])) < 0.25


def test_valid_configuration_is_printed_and_reads_back_to_the_same(pair):
    agent = pair.agent(pair.master, mysql_check() + instance(200, "nopreempt"))
    first = agent.test()
    assert first.returncode == 0, first.stderr
    second = agent.test(first.stdout)
    assert second.returncode == 0, second.stderr
    assert first.stdout == second.stdout


def test_every_error_is_reported_with_its_place(pair):
    config = instance(200, "no_such_keyword 1", track=False).replace("advert_int 0.1", "advert_int 0").replace(
        "virtual_router_id 51", "virtual_router_id 256")
    done = pair.agent(pair.master, config).test()
    assert done.returncode == 2
    said = done.stdout + done.stderr
    for line, text in enumerate(config.splitlines(), 1):
        if any(word in text for word in ("no_such_keyword", "advert_int", "virtual_router_id")):
            assert f"sqlvip.conf:{line}: " in said, said


def test_what_the_host_lacks_is_a_warning_of_the_test(pair):
    pair.master.write("/run/plain.sh", "#!/bin/sh\n")
    pair.master.write("/run/own.sh", "#!/bin/sh\n", 0o700)
    pair.master.path("/run/closed").mkdir(0o700)
    pair.master.write("/run/closed/hook.sh", "#!/bin/sh\n", 0o755)
    config = instance(200, "notify /opt/nothing.sh", "notify_stop nothing", "notify_master /run",
                      "notify_backup /run/plain.sh", "notify_fault /run/own.sh nobody", "vip_pre_take /run/own.sh",
                      "notify_master_rx_lower_pri /run/closed/hook.sh nobody",
                      "notify_deleted /bin/true nobody", interface="eth7", track=False)
    done = pair.agent(pair.master, config).test()
    assert done.returncode == 0, done.stderr
    lines = config.splitlines()
    nobody = pwd.getpwnam("nobody").pw_uid
    hooks = 1 + next(i for i, line in enumerate(lines) if "/opt/nothing.sh" in line)
    for line, text in ((1, 'there is no interface "eth7"; do you mean eth0?'),
                       (hooks, "notify: /opt/nothing.sh: no such file"),
                       (hooks + 1, "notify_stop: nothing: there is no such program in /"),
                       (hooks + 2, "notify_master: /run: a directory"),
                       (hooks + 3, "notify_backup: /run/plain.sh: not executable (mode 0644)"),
                       (hooks + 4, f"notify_fault: /run/own.sh: not executable by user {nobody} (mode 0700)"),
                       (hooks + 6, f"notify_master_rx_lower_pri: /run/closed is closed to user {nobody} (mode 0700)")):
        assert f"sqlvip.conf:{line}: warning: {text}" in done.stderr, done.stderr
    assert "vip_pre_take" not in done.stderr and "notify_deleted" not in done.stderr


def test_wrong_or_missing_configuration_ends_the_program(pair):
    for config, code in (("vrrp_instance X {\n", 2), (instance(0, track=False), 2)):
        agent = pair.agent(pair.master, config)
        path = agent.configure()
        assert pair.master.run([pair.build.sqlvipd, "-n", "-l", "-f", path], check=False).returncode == code
    missing = pair.master.run([pair.build.sqlvipd, "-n", "-l", "-f", "/etc/sqlvip/none.conf"], check=False)
    assert missing.returncode == 6 and "-f names another" in missing.stderr


def test_second_agent_with_the_same_control_socket_refuses_to_start(pair):
    agent = start(pair)
    second = pair.master.run([pair.build.sqlvipd, "-n", "-l", "-f", "/etc/sqlvip/sqlvip.conf"], check=False)
    assert second.returncode != 0
    pair.watcher.wait_adverts(pair.master, 5, 5)
    assert agent.process.alive and pair.watcher.moves(VIP) == 1


def test_version_and_help_are_printed(pair):
    assert "sqlvip" in pair.master.run([pair.build.sqlvipd, "-v"]).stdout
    assert "-f" in pair.master.run([pair.build.sqlvipd, "-h"]).stdout


def test_flood_of_rubbish_delays_no_advert_and_moves_nothing(pair):
    agents = pair.start_agents(check="", track=False)
    pair.watcher.allow_rubbish_from(pair.client)
    flood = pair.client.popen(["/usr/bin/python3", "-c", FLOOD], "flood")
    since = now()
    pair.watcher.wait_adverts(pair.master, 30, 20)
    flood.kill()
    times = [e["t"] for e in pair.watcher.adverts(pair.master, since)]
    assert max(b - a for a, b in zip(times, times[1:])) < 0.25
    assert pair.watcher.moves(VIP) == 1
    assert agents["backupsql"].instance()["state"].upper() == "BACKUP"


def test_clean_up_removes_the_vip_of_a_dead_agent_but_not_of_a_living_one(pair):
    agent = pair.agent(pair.master, instance(200, track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    clean_up = [pair.build.sqlvipd, "-X", "-f", "/etc/sqlvip/sqlvip.conf"]
    done = pair.master.run(clean_up, check=False)
    assert done.returncode == 0 and "runs" in done.stderr, done.stderr
    pair.watcher.wait_adverts(pair.master, 5, 5)
    assert pair.watcher.moves(VIP) == 1
    agent.kill()
    agent.process.wait(5)
    assert pair.watcher.holders(VIP) == ["mastersql"]  # nothing could remove it
    pair.master.run(clean_up)
    pair.watcher.wait_no_holder(pair.master, VIP, 5)


def clean_up(pair):
    """What sqlvipd -X says; it succeeds."""
    return pair.master.run([pair.build.sqlvipd, "-X", "-f", "/etc/sqlvip/sqlvip.conf"]).stderr


def test_clean_up_finds_the_vip_of_a_dead_agent_where_its_interface_was_renamed(pair):
    extra = "192.168.7.7"
    for words in ("add old0 type veth peer old1", "set old0 up", "set old1 up"):
        pair.master.run(["ip", "link", *words.split()])
    agent = pair.agent(pair.master, "global_defs {\n vip_lease off\n}\n"
                       + instance(200, track=False, vips=(VIP, f"{extra}/32 dev old0"))).start()
    pair.watcher.wait(15, 0, host="mastersql", event="address", op="add", address=f"{extra}/32")
    agent.kill()
    agent.process.wait(5)
    pair.master.run(["ip", "link", "set", "old0", "name", "new0"])
    # Another has got its name since.
    pair.master.run(["ip", "link", "set", "old1", "name", "old0"])
    assert f"{extra}/32 is on new0, not on old0" in clean_up(pair)
    assert extra not in pair.master.run(["ip", "-o", "addr", "show", "dev", "new0"]).stdout
    pair.watcher.wait_no_holder(pair.master, VIP, 5)


def test_clean_up_leaves_an_address_on_another_interface_that_no_agent_put_there(pair):
    """As behind a load balancer, where each server has the address on its loopback interface."""
    extra = "192.168.7.7"
    pair.master.write("/etc/sqlvip/sqlvip.conf", instance(200, track=False, vips=(VIP, f"{extra}/32 dev old0")))
    for address in (VIP, extra):
        pair.master.run(["ip", "addr", "add", f"{address}/32", "dev", "lo"])
    said = clean_up(pair)
    assert f"VI_1: {VIP}/32 is on lo, not on eth0" in said and "left there" in said
    assert f"warning: VI_1: {extra}/32 is on lo, not on old0, which does not exist" in said
    there = pair.master.run(["ip", "-o", "addr", "show", "dev", "lo"]).stdout
    assert VIP in there and extra in there
    pair.master.run(["ip", "addr", "del", f"{VIP}/32", "dev", "lo"])


def test_signals_of_keepalived_habits_do_not_end_the_agent(pair):
    agent = pair.agent(pair.master, instance(200, track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
        os.kill(agent.pid, number)
    agent.process.wait_log(r"reload \(SIGHUP\): nothing has changed", 5)
    pair.watcher.wait_adverts(pair.master, 5, 5)
    os.kill(agent.pid, signal.SIGQUIT)
    assert agent.process.wait(5) == 0
    assert pair.watcher.wait_no_holder(pair.master, VIP, 1)
