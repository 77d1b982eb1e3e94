# SPDX-License-Identifier: Apache-2.0
"""The harness itself, with keepalived as the agent: what it reports must be what happened."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from lib import pcap
from lib.agents import VIP, Keepalived, instance
from lib.clients import Holders, Ping
from lib.forge import Advert
from lib.lan import Lan
from lib.mariadb import MariaDB
from lib.process import children, proc_name, proc_state
from lib.wait import Late, now, until
from lib.watcher import judge_capture


def keepalived_pair(pair, **options):
    agents = []
    for host, priority in ((pair.master, 200), (pair.backup, 150)):
        agents.append(Keepalived(host, pair.build, instance(priority, track=False, **options)).start())
    pair.watcher.wait_holder(pair.master, VIP, 15)
    return agents


def test_watcher_sees_a_takeover_after_the_holder_stops(pair):
    first, _ = keepalived_pair(pair)
    at = first.term()
    took = pair.watcher.wait_holder(pair.backup, VIP, 5)
    assert at < took < at + 2
    resigned = pair.watcher.wait(5, at, host="mastersql", event="advert", dir="out", priority=0)
    heard = pair.watcher.wait(5, at, host="backupsql", event="advert", dir="in", priority=0)
    assert at < resigned["t"] <= heard["t"] < took
    pair.watcher.wait(5, took - 1, host="client", event="garp", dir="in", address=VIP)


def test_watcher_finds_an_overlap_that_a_partition_made(pair):
    keepalived_pair(pair)
    start = now()
    pair.isolate(pair.backup)
    until(lambda: len(pair.watcher.holders(VIP)) == 2, 5, "both to hold the VIP")
    pair.heal(pair.backup)
    pair.watcher.wait_holder(pair.master, VIP, 5)
    with pytest.raises(AssertionError, match="was on mastersql and on backupsql"):
        pair.watcher.judge_overlaps()
    pair.watcher.allow_overlap_during(start, now())


def test_packet_judge_finds_a_wrong_checksum(pair):
    keepalived_pair(pair)
    pair.watcher.judge_packets()
    # Read the other way round, every checksum with a pseudo header is wrong.
    with pytest.raises(AssertionError, match="tshark objects"):
        pair.watcher.judge_packets(v3_without_pseudo_header=True)


def capture(folder, *adverts):
    """A capture of a host that has sent these."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = [frame for advert in adverts for frame in advert.frames(b"\x02" + bytes(5))]
    return pcap.write(folder / "sent.pcap", frames)


def test_packet_judge_finds_the_bad_packet_among_good_ones_in_one_capture_after_the_other(folder):
    good = Advert()
    judge_capture(capture(folder))
    judge_capture(capture(folder, *[good] * 5))
    bad = (Advert(flip=((7, 1),)), Advert(version=2, flip=((4, 1),)), Advert(src="fe80::1", flip=((7, 1),)),
           Advert(cut=4), Advert(version=2, password=b"password", cut=4), Advert(count=3))
    for place, advert in enumerate(bad):
        with pytest.raises(AssertionError, match=rf"numbers \[{place + 1}\](.|\n)*Virtual Router Redundancy"):
            judge_capture(capture(folder, *[good] * place, advert, *[good] * (5 - place)))
        judge_capture(capture(folder, *[good] * 5))


def test_packet_judge_takes_no_fragment_together_with_those_of_another_capture(folder):
    one, other = (Advert(ip_id=7, mtu=60, vips=tuple(f"10.{net}.0.{i}" for i in range(20))) for net in (1, 2))
    frames = one.frames(b"\x02" + bytes(5))
    assert len(frames) > 1
    judge_capture(pcap.write(capture(folder), frames[:1]))
    judge_capture(capture(folder, other))
    with pytest.raises(AssertionError, match="tshark objects"):
        judge_capture(pcap.write(capture(folder), frames[:1] + other.frames(b"\x02" + bytes(5))[1:]))


def test_packet_judge_that_died_is_no_verdict(folder):
    judge_capture(capture(folder, Advert()))
    judge = next(pid for pid in children(os.getpid()) if proc_name(pid) == "tshark")
    os.kill(judge, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="cannot judge"):
        judge_capture(capture(folder, Advert()))
    with pytest.raises(AssertionError, match="tshark objects"):
        judge_capture(capture(folder, Advert(cut=4)))


def test_bad_packet_fails_the_test_in_which_it_was_sent(build, folder):
    """With the fixtures of all tests."""
    folder.mkdir(parents=True)
    inner = folder / "test_inner.py"
    inner.write_text(
        "import pytest\nfrom lib.forge import Advert, Forge\n\n\n"
        "@pytest.mark.parametrize('cut', [0, 4, 1])\n"
        "def test_sends(pair, cut):\n"
        "    Forge(pair, pair.client, judged=True).send(Advert(cut=cut), count=2)\n"
        "    pair.watcher.wait(5, count=2, event='advert', host='client', dir='out')\n")
    here = os.path.dirname(__file__)
    ended = subprocess.run([sys.executable, "-B", "-m", "pytest", "-c", f"{here}/pytest.ini", "-p", "conftest", inner],
                           capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": here})
    kept = sorted(path.parent for path in build.shared.glob("run/test_inner.*/sent.pcap"))
    failed = re.findall(r"^ERROR .*::(\S+)", ended.stdout, re.MULTILINE)
    assert failed == ["test_sends[4]", "test_sends[1]"], ended.stdout
    assert [path.name for path in kept] == ["test_inner.test_sends_1_", "test_inner.test_sends_4_"]
    for path in kept:
        assert f"logs and capture: {path}" in ended.stdout
        shutil.rmtree(path)


def test_pulled_cable_and_one_way_loss_do_what_they_say(pair):
    keepalived_pair(pair)
    pair.pull(pair.master)
    until(lambda: "NO-CARRIER" in pair.master.run(["ip", "link", "show", "eth0"]).stdout, 5, "the carrier to go")
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    pair.plug(pair.master)
    pair.watcher.wait_adverts(pair.backup, 1, 5)
    pair.watcher.allow_overlap(0.5)  # keepalived comes back with the higher priority
    pair.watcher.wait_holder(pair.master, VIP, 5)
    pair.drop(pair.master, "ip protocol vrrp", pair.backup)
    until(lambda: len(pair.watcher.holders(VIP)) == 2, 5, "both to hold the VIP")
    pair.undrop()
    pair.watcher.wait_holder(pair.master, VIP, 5)
    pair.watcher.allow_overlap_during(0, now())


def test_clients_see_a_killed_server_and_the_next_one(pair):
    servers = pair.start_servers()
    client = Ping(pair, pair.client, pair.master.address)
    client.wait_answer(pair.master, 10)
    holders = Holders(pair, pair.client, pair.master.address, clients=10)
    at = servers["mastersql"].kill()
    holders.wait_errors(10, at)
    client.wait(10, at, event="failure")
    servers["mastersql"].restart()
    client.wait_answer(pair.master, 10, at)
    summary = client.finish()
    assert summary["answers"] >= 2 and summary["failures"] >= 1 and summary["gap_ms"] > 5


def test_clients_of_a_dual_stack_listener_hold_on(pair):
    stand_in = pair.master.popen([pair.build.tool("mappedlisten"), "3307", "1"], "mappedlisten")
    stand_in.wait_log("listening", 5)
    holders = Holders(pair, pair.client, pair.master.address, port=3307, clients=5, plain=True)
    at = stand_in.kill()
    holders.wait_errors(5, at)


def test_server_with_much_memory_is_resident(pair):
    server = MariaDB(pair.master, pair.build, resident_gib=2).start()
    assert server.resident_mib() >= 2048


def test_hosts_have_folders_of_their_own(pair):
    pair.master.write("/tmp/check_mysql.sh", "exit 0\n")
    pair.master.write("/etc/sqlvip/mysql.password", "x\n", 0o600)
    for path in ("/tmp/check_mysql.sh", "/etc/sqlvip/mysql.password"):
        assert pair.master.run(["cat", path]).stdout
        assert pair.backup.run(["cat", path], check=False).returncode != 0
    assert pair.master.run(["hostname"]).stdout == "mastersql\n"


def test_waiting_for_the_log_of_a_program_that_ended_fails_at_once(pair):
    ended = pair.master.popen(["true"], "true")
    start = now()
    with pytest.raises(Late, match="without logging"):
        ended.wait_log("never", 60)
    assert now() - start < 10


def test_nothing_is_left_behind_by_a_harness_that_is_killed(build, folder):
    script = (f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
              "from lib.build import Build\nfrom lib.lan import Lan\n"
              f"lan = Lan(Build.from_environment(), {str(folder)!r}).__enter__()\n"
              "host = lan.add('doomed', '192.168.1.9')\nchild = host.popen(['sleep', '1000'], 'sleep')\n"
              "print(host.namespace[1], host.pid, child.pid, flush=True)\nsys.stdin.read()\n")
    with subprocess.Popen([sys.executable, "-B", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as other:
        _, *pids = other.stdout.readline().split()
        other.send_signal(signal.SIGKILL)
        other.wait()
    until(lambda: all(proc_state(pid) in (None, "Z") for pid in pids), 5, "the processes of a killed harness to end")


def test_two_networks_do_not_meet(build, folder):
    with Lan(build, folder / "one") as one, Lan(build, folder / "two") as two:
        a, b = one.add("a", "192.168.1.1"), two.add("b", "192.168.1.2")
        one.watch()
        two.watch()
        b.run(["ip", "addr", "add", "192.168.1.100/32", "dev", "eth0"])
        two.watcher.wait_holder(b, VIP, 5)
        assert a.namespace != b.namespace and not one.watcher.holders(VIP)
