# SPDX-License-Identifier: Apache-2.0
"""A VIP that something else has put on a host that is not master."""

import pytest

from lib.agents import VIP, instance
from lib.wait import now, until


def add(host, length=32):
    host.run(["ip", "addr", "add", f"{VIP}/{length}", "dev", "eth0"])


def alarms(agent):
    return {a["id"]: a["text"] for a in agent.status()["alarms"]}


def test_vip_with_another_length_is_removed_at_start(pair):
    add(pair.master, 24)
    agent = pair.agent(pair.master, instance(200, track=False)).start()
    first = pair.watcher.wait(5, host="mastersql", event="advert", dir="out")
    assert pair.watcher.find(host="mastersql", event="address", op="del", address=f"{VIP}/24")[0]["t"] < first["t"]
    agent.wait_state("MASTER", 5)
    pair.watcher.wait_holder(pair.master, VIP, 5)
    assert "192.168.1.1/24" in pair.master.addresses()


@pytest.mark.parametrize("length", [32, 24])
def test_vip_that_is_added_on_the_backup_is_removed_there(pair, length):
    agents = pair.start_agents(check="", track=False)
    at = now()
    add(pair.backup, length)
    pair.watcher.wait(10, at, host="backupsql", event="address", op="del", address=f"{VIP}/{length}")
    pair.watcher.allow_overlap_during(at, now())
    agents["backupsql"].process.wait_log(rf"{VIP}/{length} was added by somebody else: 192\.168\.1\.1 has it", 5)
    until(lambda: "stray" not in alarms(agents["backupsql"]), 10, "the alarm to end")
    assert pair.watcher.holders(VIP) == ["mastersql"] and "192.168.1.2/24" in pair.backup.addresses()
    assert agents["backupsql"].instance()["state"] == "BACKUP"


def test_vip_that_is_added_in_maintenance_is_an_alarm_until_that_is_over(pair):
    agents = pair.start_agents(check="", track=False)
    pair.backup.run([pair.build.sqlvipctl, "maintenance", "on"])
    at = now()
    add(pair.backup)
    assert f"{VIP}/32 is on this host" in until(lambda: alarms(agents["backupsql"]).get("stray"), 10, "the alarm")
    pair.watcher.wait_adverts(pair.master, 40, 15)
    assert f"{VIP}/32" in pair.backup.addresses()
    pair.backup.run([pair.build.sqlvipctl, "maintenance", "off"])
    until(lambda: f"{VIP}/32" not in pair.backup.addresses(), 10, "it to be removed")
    pair.watcher.wait_holder(pair.master, VIP, 5)
    pair.watcher.allow_overlap_during(at, now())


def test_vip_that_is_added_where_nobody_else_is_heard_stays_and_is_an_alarm(pair):
    agent = pair.agent(pair.master, instance(200, track=False)).start()
    agent.wait_state("MASTER", 5)
    pair.master.run([pair.build.sqlvipctl, "standby", "--force"], check=False)
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    add(pair.master)
    until(lambda: "stray" in alarms(agent), 10, "the alarm")
    at = now()
    until(lambda: now() - at > 4, 10, "another look")
    assert pair.watcher.holders(VIP) == ["mastersql"]
    pair.master.run([pair.build.sqlvipctl, "resume"])
    agent.wait_state("MASTER", 10)
    until(lambda: "stray" not in alarms(agent), 10, "the alarm to end")


def test_alarm_ends_with_its_instance(pair):
    """Under another name it is raised again, and under none that is no more it stays."""
    host = pair.master
    rest = instance(100, name="VI_2", vrid=52, vips=("192.168.1.101",), track=False)
    agent = pair.agent(host, instance(200, track=False) + rest).start()
    agent.wait_state("MASTER", 5)
    host.run([pair.build.sqlvipctl, "standby", "VI_1", "--force"], check=False)
    pair.watcher.wait_no_holder(host, VIP, 5)
    add(host)

    def of():
        return [a["instance"] for a in agent.status()["alarms"] if a["id"] == "stray"]

    until(lambda: of() == ["VI_1"], 10, "the alarm")
    for config, names in ((instance(200, name="DB", track=False) + rest, ["DB"]), (rest, [])):
        agent.configure(config)
        host.run([pair.build.sqlvipctl, "reload"])
        until(lambda: of() == names, 10, lambda: f"{names}, not {of()}")


def test_vip_that_is_added_again_and_again_is_left_after_five_times(pair):
    agents = pair.start_agents(check="", track=False)
    at = now()
    pair.backup.popen(["sh", "-c", f"while :; do ip addr add {VIP}/32 dev eth0 2>/dev/null; sleep 0.1; done"], "adder")
    agents["backupsql"].process.wait_log("for the last time", 40)
    pair.watcher.wait(10, at, 5, host="backupsql", event="address", op="del", address=f"{VIP}/32")
    until(lambda: "stray" in alarms(agents["backupsql"]), 5, "the alarm")
    pair.watcher.wait_adverts(pair.master, 40, 15)
    assert len(pair.watcher.find(at, host="backupsql", event="address", op="del", address=f"{VIP}/32")) == 5
    pair.watcher.allow_overlap_during(at, now() + 100)


def test_vip_that_the_hosts_own_address_depends_on_stays(pair):
    """The kernel would remove the secondary addresses of its subnet with it."""
    pair.master.run(["sh", "-ec", "echo 0 >/proc/sys/net/ipv4/conf/all/promote_secondaries\n"
                     "echo 0 >/proc/sys/net/ipv4/conf/eth0/promote_secondaries\n"
                     f"ip addr del 192.168.1.1/24 dev eth0\nip addr add {VIP}/24 dev eth0\n"
                     "ip addr add 192.168.1.1/24 dev eth0"])
    agent = pair.agent(pair.master, instance(200, track=False)).start()
    agent.wait_state("MASTER", 10)
    agent.stop()
    assert pair.master.addresses() == [f"{VIP}/24", "192.168.1.1/24"]


def test_own_address_of_an_owner_stays(pair):
    pair.master.run(["ip", "addr", "add", "192.168.1.11/24", "dev", "eth0"])
    agent = pair.agent(pair.master, instance(255, track=False, vips=("192.168.1.1",))).start()
    agent.wait_state("MASTER", 10)
    assert {"192.168.1.1/24", "192.168.1.11/24"} <= set(pair.master.addresses())
