# SPDX-License-Identifier: Apache-2.0
"""What is tracked, rule by rule, and what else holds for it."""


import pytest

from lib.agents import VIP, block, instance
from lib.hang import hang_at
from lib.wait import now, until

HOOK = '#!/bin/sh\necho "$SQLVIP_STATE $SQLVIP_CAUSE" >> /tmp/hooks\n'


def hooked(host):
    """What the hook has been told so far."""
    path = host.path("/tmp/hooks")
    return path.read_text().splitlines() if path.exists() else []


def alone(pair, *lines, config="", base=100, **options):
    """An agent on mastersql only that is master."""
    agent = pair.agent(pair.master, config + instance(base, *lines, track=False, **options)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    return agent


def two(pair, lines, backup_lines=(), config="", priorities=(200, 150), **options):
    """Agents on both hosts without MySQL; returns both."""
    pair.start_configured(*(config + instance(p, *more, track=False, **options)
                            for p, more in zip(priorities, (lines, backup_lines))))
    return pair.agents["mastersql"], pair.agents["backupsql"]


def second_interface(host, name="eth1"):
    """An interface without a wire behind it whose carrier is that of its other end, NAMEp."""
    host.run(["ip", "-batch", "-"], input=f"link add {name} type veth peer name {name}p\n"
                                          f"link set {name} up\nlink set {name}p up\n")


def set_link(host, name, state):
    host.run(["ip", "link", "set", name, state])


def ifindex(host):
    return int(host.run(["ip", "-o", "link", "show", "eth0"]).stdout.split(":")[0])


def wait_priority(agent, value, seconds=5):
    until(lambda: agent.instance()["priority"]["effective"] == value, seconds,
          lambda: f"priority {value}; it is {agent.instance()['priority']}", step=0.02)


def wait_advert(pair, priority, seconds=5):
    """An advert of mastersql with this priority that is sent from now on."""
    since = now()
    until(lambda: pair.watcher.find(since, host="mastersql", event="advert", dir="out", priority=priority), seconds,
          lambda: f"an advert of priority {priority}")


# --- interfaces ------------------------------------------------------------------------------------------------------


def test_c61_interface_down_is_a_fault_and_up_again_the_way_back_is_backup_first(pair):
    pair.master.write("/tmp/hook", HOOK, 0o755)
    agent = alone(pair, "notify /tmp/hook")
    set_link(pair.master, "eth0", "down")
    agent.wait_state("FAULT", 5)
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    until(lambda: any(line.startswith("FAULT interface eth0 is down") for line in hooked(pair.master)), 5,
          lambda: f"the hook: {hooked(pair.master)}")
    mark = agent.process.mark()
    set_link(pair.master, "eth0", "up")
    agent.process.wait_log(r"FAULT -> BACKUP \(interface eth0 is usable\)", 5, mark)
    agent.process.wait_log(r"BACKUP -> MASTER \(down timer", 5, mark)
    pair.watcher.wait_holder(pair.master, VIP, 5)


def test_c68_flush_of_all_addresses_is_a_fault_until_the_hosts_own_is_back(pair):
    agent = alone(pair)
    pair.master.run(["ip", "addr", "flush", "dev", "eth0"])
    agent.wait_state("FAULT", 5)
    assert any("no IPv4 address" in text for text in agent.instance()["faults"])
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    pair.master.run(["ip", "addr", "add", "192.168.1.1/24", "dev", "eth0"])
    pair.watcher.wait_holder(pair.master, VIP, 10)
    assert agent.instance()["state"] == "MASTER"


def test_c69_interface_that_is_deleted_and_made_anew_is_used_without_a_restart(pair):
    master, backup = two(pair, ())
    for _ in range(2):
        before = ifindex(pair.master)
        pair.bridge.run(["ip", "link", "del", pair.master.port])
        master.wait_state("FAULT", 5)
        assert master.process.alive
        pair.watcher.wait_holder(pair.backup, VIP, 5)
        pair.bridge.run(["ip", "-batch", "-"], input=(
            f"link add {pair.master.port} type veth peer name eth0 netns {pair.master.pid}\n"
            f"link set {pair.master.port} master br0 up\n"))
        pair.master.run(["ip", "-batch", "-"], input="addr add 192.168.1.1/24 dev eth0\nlink set eth0 up\n")
        pair.watcher.wait_holder(pair.master, VIP, 10)
        assert ifindex(pair.master) != before
        backup.wait_state("BACKUP", 5)
    assert master.process.alive


def test_tracked_interface_that_is_down_is_a_fault_of_both_sides_choice(pair):
    second_interface(pair.master)
    master, _ = two(pair, (block("track_interface", "eth1"),))
    set_link(pair.master, "eth1p", "down")  # the carrier is lost
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    master.wait_state("FAULT", 5)
    assert "interface eth1: down" in master.instance()["cause"]
    set_link(pair.master, "eth1p", "up")
    pair.watcher.wait_holder(pair.master, VIP, 5)
    pair.master.run(["ip", "link", "del", "eth1"])
    master.wait_state("FAULT", 5)
    until(lambda: master.instance()["faults"] == ["interface eth1: missing"], 5, "the loss to be told")
    second_interface(pair.master)
    pair.watcher.wait_holder(pair.master, VIP, 5)


def test_tracked_interface_that_is_not_there_yet_is_waited_for(pair):
    agent = pair.agent(pair.master, instance(100, block("track_interface", "eth1"), track=False)).start()
    agent.wait_state("FAULT", 5)
    assert "interface eth1: missing" in agent.instance()["cause"]
    second_interface(pair.master)
    pair.watcher.wait_holder(pair.master, VIP, 10)


@pytest.mark.parametrize("entry, up, down", [("eth1 weight -30", 100, 70), ("eth1 weight 30", 130, 100),
                                             ("eth1 weight 30 reverse", 70, 100), ("eth1 weight -253", 100, 1)])
def test_weighted_interface_changes_the_priority(pair, entry, up, down):
    second_interface(pair.master)
    agent = alone(pair, block("track_interface", entry))
    wait_priority(agent, up)
    wait_advert(pair, up)
    set_link(pair.master, "eth1p", "down")
    wait_priority(agent, down)
    wait_advert(pair, down)
    (part,) = agent.instance()["priority"]["contributions"]
    assert part["kind"] == "interface" and part["name"] == "eth1" and part["state"] == "down"
    set_link(pair.master, "eth1p", "up")
    wait_priority(agent, up)


def test_short_loss_of_carrier_within_its_delay_moves_nothing(pair):
    config = block("interface_up_down_delays", "eth0 1.9 0.5")
    agent = alone(pair, config=config, advert="1")
    mark = agent.process.mark()
    pair.pull(pair.master)
    until(lambda: "LOWER_UP" not in pair.master.run(["ip", "link", "show", "eth0"]).stdout, 5, "the carrier to be lost")
    pair.plug(pair.master)
    pair.watcher.wait_adverts(pair.master, 3, 10)
    assert not agent.process.search("FAULT", mark)
    assert pair.watcher.moves(VIP) == 1


def test_long_loss_of_carrier_counts_after_the_delay_and_its_return_after_the_other(pair):
    config = block("interface_up_down_delays", "eth0 0.5 0.7")
    agent = alone(pair, config=config, advert="1")
    at = now()
    pair.pull(pair.master)
    agent.wait_state("FAULT", 5)
    assert now() - at >= 0.5
    at = now()
    pair.plug(pair.master)
    until(lambda: agent.instance()["state"] != "FAULT", 5, "the return")
    assert now() - at >= 0.7


def test_delay_does_not_keep_an_address_on_an_interface_that_is_gone(pair):
    agent = alone(pair, config=block("interface_up_down_delays", "eth0 1.9"), advert="1")
    pair.bridge.run(["ip", "link", "del", pair.master.port])
    agent.wait_state("FAULT", 1)


def test_with_dont_track_primary_the_loss_of_carrier_is_no_fault(pair):
    agent = alone(pair, "dont_track_primary")
    pair.pull(pair.master)
    until(lambda: "LOWER_UP" not in pair.master.run(["ip", "link", "show", "eth0"]).stdout, 5, "the carrier to be lost")
    sent = agent.instance()["counters"]
    until(lambda: sum(agent.instance()["counters"][k] for k in ("advert_sent", "advert_failed"))
          >= sent["advert_sent"] + sent["advert_failed"] + 5, 5, "five more adverts to be tried")
    assert agent.instance()["state"] == "MASTER"
    pair.plug(pair.master)
    # The cable is back, and it never ceased to be master.
    pair.watcher.wait_adverts(pair.master, 3, 5)
    assert agent.instance()["state"] == "MASTER"


def test_with_track_src_ip_a_source_address_that_is_missing_is_a_fault(pair):
    pair.master.run(["ip", "addr", "add", "192.168.1.77/32", "dev", "eth0"])
    agent = alone(pair, "mcast_src_ip 192.168.1.77", "track_src_ip")
    assert agent.instance()["master"] == "192.168.1.77"
    pair.master.run(["ip", "addr", "del", "192.168.1.77/32", "dev", "eth0"])
    agent.wait_state("FAULT", 5)
    assert "does not have the source address 192.168.1.77" in agent.instance()["cause"]
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    pair.master.run(["ip", "addr", "add", "192.168.1.77/24", "dev", "eth0"])
    pair.watcher.wait_holder(pair.master, VIP, 10)


# --- files -----------------------------------------------------------------------------------------------------------


def test_c65_number_in_a_file_moves_the_priority(pair):
    pair.master.write("/tmp/load", "5\n")
    agent = alone(pair, block("track_file", "load weight 10"), config=block("track_file load", "file /tmp/load"))
    wait_priority(agent, 150)
    wait_advert(pair, 150)
    pair.master.write("/tmp/load", "-26\n")
    agent.wait_state("FAULT", 5)
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    assert any("track_file load: holds -26" in text for text in agent.instance()["faults"])
    pair.master.path("/tmp/load").unlink()
    pair.watcher.wait_holder(pair.master, VIP, 5)
    wait_priority(agent, 100)
    (part,) = agent.instance()["priority"]["contributions"]
    assert part["kind"] == "file" and part["state"] == "0" and part["adds"] == 0
    text = pair.master.run([agent.build.sqlvipctl, "status"]).stdout
    assert "/tmp/load" in text


def hang_alarm(agent):
    return next((a["text"] for a in agent.status()["alarms"] if a["id"] == "track_file_hangs"), "")


def test_file_that_hangs_is_an_alarm_and_holds_up_no_other_and_no_process(pair):
    host, name = pair.master, f"sq-{pair.master.pid}"
    host.run(["cp", "/bin/sleep", f"/tmp/{name}"])
    for folder in ("/tmp/nfs", "/tmp/under"):
        host.run(["mkdir", folder])
    host.write("/tmp/nfs/n", "0")
    config = (block("track_file far", "file /tmp/nfs/n") + block("track_file near", "file /tmp/near")
              + block("vrrp_track_process it", f"process {name}", "weight -30"))
    process = host.popen([f"/tmp/{name}", "600"], "it")
    agent = alone(pair, block("track_process", "it"), block("track_file", "far", "near"), config=config)
    wait_priority(agent, 100)
    host.run(["mount", "--bind", "/tmp/nfs", "/tmp/under"])  # what is written there is noticed here
    hang = hang_at(host, "/tmp/nfs")
    host.run(["sh", "-c", "echo 5 > /tmp/under/n; echo 7 > /tmp/near"])
    process.kill()
    wait_priority(agent, 77, 10)
    until(lambda: "reading /tmp/nfs/n has taken" in hang_alarm(agent), 20, "the alarm")
    host.write("/tmp/near", "8")
    wait_priority(agent, 78, 10)
    hang.kill()
    host.run(["umount", "/tmp/nfs"])
    until(lambda: not hang_alarm(agent), 10, "its end")
    wait_priority(agent, 78, 10)


def test_file_that_hangs_at_the_start_is_waited_for_by_whom_it_matters_to(pair):
    host = pair.master
    host.run(["mkdir", "/tmp/nfs"])
    host.write("/tmp/near", "7")
    hang = hang_at(host, "/tmp/nfs")
    config = block("track_file far", "file /tmp/nfs/n", "init_file 0") + block("track_file near", "file /tmp/near")
    agent = pair.agent(host, config + instance(100, block("track_file", "far weight 0", "near"), track=False)).start()
    wait_priority(agent, 107, 10)
    assert agent.check("far")["state"] == "pending" and agent.check("far")["number"] is None
    until(lambda: "it is not known meanwhile" in hang_alarm(agent), 20, "the alarm")
    assert agent.instance()["state"] not in ("MASTER", "BACKUP")
    assert pair.watcher.moves(VIP) == 0
    hang.kill()
    host.run(["umount", "/tmp/nfs"])
    pair.watcher.wait_holder(host, VIP, 20)
    assert agent.check("far")["number"] == 0


def test_file_that_hangs_at_the_start_counts_for_nothing_if_it_has_a_weight(pair):
    host = pair.master
    host.run(["mkdir", "/tmp/nfs"])
    hang = hang_at(host, "/tmp/nfs")
    agent = alone(pair, block("track_file", "far weight 10"), config=block("track_file far", "file /tmp/nfs/n"))
    assert agent.check("far")["state"] == "pending"
    wait_priority(agent, 100)
    hang.kill()
    host.run(["umount", "/tmp/nfs"])
    host.write("/tmp/nfs/n", "3")
    wait_priority(agent, 130, 10)


def test_file_that_is_made_at_the_start_and_watched_under_its_old_name(pair):
    config = block("vrrp_track_file maintenance", "file /tmp/maintenance", "weight 0", "init_file")
    agent = alone(pair, block("track_file", "maintenance"), config=config)
    assert pair.master.path("/tmp/maintenance").read_text() == "0\n"
    pair.master.write("/tmp/maintenance", "1")
    agent.wait_state("FAULT", 5)
    pair.master.write("/tmp/maintenance", "0")
    pair.watcher.wait_holder(pair.master, VIP, 5)


# --- scripts ---------------------------------------------------------------------------------------------------------

# Fails while /tmp/bad is there, hangs (without a child) while /tmp/slow is; leaves a line for each run and SIGTERM.
SCRIPT = """#!/bin/sh
trap 'echo TERM >> /tmp/runs' TERM
echo begin >> /tmp/runs
while [ -e /tmp/slow ]; do read nothing < /tmp/pipe; done 2>/dev/null
[ ! -e /tmp/bad ]
"""


def script(pair, *lines, interval="0.1"):
    """The block of a script on both hosts that is told by files what to do."""
    for host in (pair.master, pair.backup):
        host.write("/tmp/check", SCRIPT, 0o755)
        host.run(["mkfifo", "/tmp/pipe"])
    return block("vrrp_script chk", "script /tmp/check", f"interval {interval}", *lines)


def runs(host):
    path = host.path("/tmp/runs")
    return path.read_text().split() if path.exists() else []


def test_c62_required_script_that_fails_often_enough_takes_the_vip_away_and_gives_it_back(pair):
    lines = (block("track_script", "chk"),)
    config = script(pair, "fall 3", "rise 2", interval="0.2")
    master, _ = two(pair, lines, lines, config=config)
    at = now()
    pair.master.write("/tmp/bad", "")
    taken = pair.watcher.wait_holder(pair.backup, VIP, 10)
    assert 0.4 <= taken - at <= 0.2 * 3 + 0.7 + 1.0, "three failures, and not one more"
    master.wait_state("FAULT", 5)
    mark = master.process.mark()
    pair.master.path("/tmp/bad").unlink()
    master.process.wait_log(r"FAULT -> BACKUP", 5, mark)
    pair.watcher.wait_holder(pair.master, VIP, 5)


@pytest.mark.parametrize("entry, good, bad", [
    ("chk weight -30", 100, 70), ("chk weight 30", 130, 100), ("chk weight 200", 254, 100),
    ("chk weight -200", 100, 1), ("chk weight -30 reverse", 100, 130), ("chk weight 30 reverse", 70, 100)])
def test_c63_weight_of_a_script_is_in_the_adverts(pair, entry, good, bad):
    agent = alone(pair, block("track_script", entry), config=script(pair))
    wait_priority(agent, good)
    wait_advert(pair, good)
    pair.master.write("/tmp/bad", "")
    wait_priority(agent, bad)
    wait_advert(pair, bad)
    pair.master.path("/tmp/bad").unlink()
    wait_advert(pair, good)


def test_c63_weight_0_reverse_is_a_fault_while_the_script_succeeds(pair):
    pair.master.write("/tmp/bad", "")
    agent = alone(pair, block("track_script", "chk weight 0 reverse"), config=script(pair))
    pair.master.path("/tmp/bad").unlink()
    agent.wait_state("FAULT", 5)
    pair.master.write("/tmp/bad", "")
    pair.watcher.wait_holder(pair.master, VIP, 5)


def test_c64_script_that_takes_too_long_is_ended_counts_as_failed_and_never_overlaps_itself(pair):
    pair.master.write("/tmp/slow", "")
    config = script(pair, "timeout 0.3", "weight -30")
    agent = pair.agent(pair.master, config + instance(100, block("track_script", "chk"), track=False)).start()
    wait_priority(agent, 70)
    until(lambda: "TERM" in runs(pair.master), 5, lambda: f"the script to be ended: {runs(pair.master)}")
    # It ignores that, and is killed two seconds later. Until then there is no other run.
    until(lambda: runs(pair.master).count("begin") == 2, 10, lambda: f"the next run: {runs(pair.master)}, {agent.check('chk')}")
    check = agent.check("chk")
    assert check["timeouts"] >= 1 and "timed out" in check["last"]
    assert runs(pair.master).count("begin") <= 2
    pair.master.path("/tmp/slow").unlink()
    wait_priority(agent, 100, 10)
    assert runs(pair.master)[:3] == ["begin", "TERM", "begin"]


def test_script_with_init_fail_holds_back_until_it_has_succeeded_rise_times(pair):
    """keepalived's has no effect; this one does what its manual says."""
    pair.master.write("/tmp/bad", "")
    config = script(pair, "init_fail", "rise 3", interval="0.3")
    agent = pair.agent(pair.master, config + instance(100, block("track_script", "chk"), track=False)).start()
    agent.wait_state("FAULT", 5)
    assert agent.check("chk")["state"] == "down"
    at = now()
    pair.master.path("/tmp/bad").unlink()
    held = pair.watcher.wait_holder(pair.master, VIP, 10)
    assert held - at >= 0.6, "two further runs at least"


# --- processes -------------------------------------------------------------------------------------------------------


def test_tracked_process_moves_the_priority_and_says_how_it_is_seen(pair):
    """In a host of the tests there is no process connector; with it: test_track_proc. All hosts share the processes of
    this machine, so it has a name of its own."""
    name = f"sq-{pair.master.pid}"
    pair.master.run(["cp", "/bin/sleep", f"/tmp/{name}"])
    config = block("vrrp_track_process it", f"process {name}", "weight -30", "quorum 2", "terminate_delay 0.2")
    processes = [pair.master.popen([f"/tmp/{name}", "600"], "it") for _ in range(2)]
    agent = alone(pair, block("track_process", "it"), config=config)
    wait_priority(agent, 100)
    assert "first network namespace" in agent.check("it")["method"]
    processes[0].kill()
    wait_priority(agent, 70)
    wait_advert(pair, 70)
    assert agent.check("it")["reason"] == "1 running"
    assert "/proc each second" in pair.master.run([agent.build.sqlvipctl, "status"]).stdout
    pair.master.popen([f"/tmp/{name}", "600"], "it")
    wait_priority(agent, 100)


def test_required_process_that_does_not_run_is_a_fault(pair):
    name = f"sq-{pair.master.pid}"
    pair.master.run(["cp", "/bin/sleep", f"/tmp/{name}"])
    config = block("vrrp_track_process it", f"process {name} 601", "param_match initial")
    agent = pair.agent(pair.master, config + instance(100, block("track_process", "it"), track=False)).start()
    agent.wait_state("FAULT", 5)
    assert "vrrp_track_process it: 0 running" in agent.instance()["cause"]
    other = pair.master.popen([f"/tmp/{name}", "600"], "it")
    mark = agent.process.mark()
    until(lambda: agent.check("it")["scans"] >= 4, 10, "some looks through /proc")
    assert not agent.process.search("BACKUP", mark) and other.alive
    pair.master.popen([f"/tmp/{name}", "601", "0"], "it")
    pair.watcher.wait_holder(pair.master, VIP, 10)


def test_reload_with_a_required_process_does_not_shake_a_master(pair):
    name = f"sq-{pair.master.pid}"
    pair.master.run(["cp", "/bin/sleep", f"/tmp/{name}"])
    process = pair.master.popen([f"/tmp/{name}", "600"], "it")
    agent = alone(pair)
    mark = agent.process.mark()
    config = block("vrrp_track_process it", f"process {name}")
    for base in (100, 101):
        agent.configure(config + instance(base, block("track_process", "it"), track=False))
        pair.master.run([agent.build.sqlvipctl, "reload"])
        agent.wait_check(5, "it", state="up")
    assert not agent.process.search("MASTER ->|-> FAULT", mark)
    process.kill()
    agent.wait_state("FAULT", 10)


def alarm_of_processes(agent):
    return next((a["text"] for a in agent.status()["alarms"] if a["id"] == "track_process"), "")


@pytest.mark.parametrize("hidepid", [1, 2])
def test_hidden_processes_are_no_result_and_an_alarm(pair, hidepid):
    name = f"sq-{pair.master.pid}"
    config = block("global_defs", "engine_user nobody") + block("vrrp_track_process it", f"process {name}")
    pair.master.run(["cp", "/bin/sleep", f"/tmp/{name}"])
    pair.master.popen([f"/tmp/{name}", "600"], "it")
    pair.master.run(["mount", "-t", "proc", "-o", f"hidepid={hidepid}", "proc", "/proc"])
    agent = pair.agent(pair.master, config + instance(100, block("track_process", "it"), track=False)).start()
    until(lambda: "/proc hides the processes of others" in alarm_of_processes(agent), 5, "the alarm")
    assert agent.check("it")["state"] == "pending"
    assert "hidepid" in agent.instance()["cause"] and "0 running" not in agent.instance()["cause"]
    pair.master.run(["mount", "-o", "remount,hidepid=0", "/proc"])
    pair.watcher.wait_holder(pair.master, VIP, 10)
    assert not alarm_of_processes(agent)
    mark = agent.process.mark()
    pair.master.run(["mount", "-o", f"remount,hidepid={hidepid}", "/proc"])
    until(lambda: "what counted before counts on" in alarm_of_processes(agent), 5, "the alarm")
    assert agent.check("it")["state"] == "up"
    assert "1 running, when last seen" in agent.check("it")["reason"]
    assert agent.instance()["state"] == "MASTER" and not agent.process.search("-> FAULT", mark)
    gid = agent.host.run(["id", "-g", "nobody"]).stdout.strip()
    pair.master.run(["mount", "-o", f"remount,hidepid={hidepid},gid={gid}", "/proc"])
    until(lambda: not alarm_of_processes(agent), 5, "its end")
    assert f"gid={gid}" in agent.process.text()


# --- what the kernel could not tell ----------------------------------------------------------------------------------


def churn(host, count):
    """So many additions and removals of addresses on eth1."""
    host.run(["ip", "-batch", "-"], input="".join(
        f"addr add 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}/32 dev eth1\n"
        f"addr del 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}/32 dev eth1\n" for i in range(1, count // 2)))


def test_lost_notifications_of_the_kernel_are_made_up_for_by_reading_everything_again(pair):
    second_interface(pair.master)
    second_interface(pair.master, "eth2")
    agent = alone(pair, block("track_interface", "eth2 weight -30"))
    mark = agent.process.mark()
    agent.freeze()
    churn(pair.master, 20000)
    # What it will not be told of: the loss of a tracked interface, and of an address.
    set_link(pair.master, "eth2p", "down")
    # (Its lifetime may have ended by itself, as it should.)
    pair.master.run(["ip", "addr", "del", f"{VIP}/32", "dev", "eth0"], check=False)
    agent.thaw()
    agent.process.wait_log("the kernel dropped notifications", 10, mark)
    wait_priority(agent, 70, 10)
    agent.wait_state("MASTER", 10)
    pair.watcher.wait_holder(pair.master, VIP, 10)
    # And from then on it is told again.
    set_link(pair.master, "eth2p", "up")
    wait_priority(agent, 100)
    pair.master.run(["ip", "link", "del", "eth2"])
    wait_priority(agent, 70)
