# SPDX-License-Identifier: Apache-2.0
"""vip_pre_take: who may have the address is asked before it is taken, and a no is respected."""

from lib.agents import VIP, instance
from lib.shortage import Shortage, a_process_of
from lib.wait import now, until

PRE_TAKE = """#!/bin/sh
echo "$SQLVIP_STATE $SQLVIP_VIPS" >> /tmp/asked
ip -o -4 addr show dev eth0 | grep -q {vip} && echo early >> /tmp/asked
{body}
"""


def start(pair, body, *lines, priority=200):
    pair.master.write("/tmp/pre", PRE_TAKE.format(vip=VIP, body=body), 0o755)
    pair.master.write("/tmp/hook", '#!/bin/sh\necho "$3" >> /tmp/hooks\n', 0o755)
    return pair.agent(pair.master, instance(priority, "vip_pre_take /tmp/pre", "notify /tmp/hook", *lines,
                                            track=False)).start()


def asked(pair):
    path = pair.master.path("/tmp/asked")
    return path.read_text().splitlines() if path.exists() else []


def hooked(pair):
    path = pair.master.path("/tmp/hooks")
    return path.read_text().splitlines() if path.exists() else []


def test_address_waits_for_the_yes_and_adverts_do_not(pair):
    agent = start(pair, "sleep 1; echo yes >> /tmp/asked")
    until(lambda: asked(pair), 10, "the question")
    since = now()
    took = pair.watcher.wait_holder(pair.master, VIP, 10)
    assert asked(pair) == [f"MASTER {VIP}/32", "yes"]
    times = [e["t"] for e in pair.watcher.adverts(pair.master, since) if e["t"] < took]
    assert len(times) >= 5 and max(b - a for a, b in zip(times, times[1:])) < 0.5
    until(lambda: hooked(pair) == ["BACKUP", "MASTER"], 5, "notify_master")
    assert agent.instance()["pre_take"] == {"asking": False, "vetoes": 0, "last": "exit 0", "retry_in_s": None}


def test_veto_hands_mastership_over_at_once_and_holds_down(pair):
    other = pair.agent(pair.backup, instance(150, track=False)).start()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    at = now()
    agent = start(pair, "exit 3")
    agent.process.wait_log(r"VI_1: MASTER -> FAULT \(vip_pre_take: exit 3\)", 10)
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    status = agent.instance()
    assert status["state"] == "FAULT" and status["faults"] == ["vip_pre_take: exit 3"]
    assert status["pre_take"]["vetoes"] == 1 and 0 < status["pre_take"]["retry_in_s"] <= 5
    assert not pair.watcher.find(at, host="mastersql", event="address", op="add", address=f"{VIP}/32")
    pair.watcher.wait(5, at, host="mastersql", event="advert", dir="out", priority=0)
    until(lambda: hooked(pair) == ["BACKUP", "FAULT"], 5, "the hooks: none for MASTER")
    # It is asked again after the hold; the second hold is twice as long.
    until(lambda: agent.instance()["pre_take"]["vetoes"] == 2, 20, "the second question")
    assert agent.instance()["pre_take"]["retry_in_s"] > 5
    assert "VETO" not in agent.host.run([agent.build.sqlvipctl, "status"]).stdout
    assert "vetoes: 2" in agent.host.run([agent.build.sqlvipctl, "status"]).stdout
    pair.master.write("/tmp/pre", "#!/bin/sh\nexit 0\n", 0o755)
    pair.watcher.wait_holder(pair.master, VIP, 30)
    assert other.instance()["state"] == "BACKUP"


def test_silence_is_a_veto_too(pair):
    at = now()
    agent = start(pair, "trap '' TERM; sleep 600", "vip_pre_take_timeout 0.5")
    agent.process.wait_log(r"VI_1: MASTER -> FAULT \(vip_pre_take: timed out after 0.5 s\)", 10)
    # What will not die must not keep the next question from being asked.
    until(lambda: agent.instance()["pre_take"]["vetoes"] == 2, 30, "the second question")
    assert not pair.watcher.find(at, host="mastersql", event="address", op="add", address=f"{VIP}/32")


def test_program_that_does_not_exist_is_a_veto(pair):
    agent = pair.agent(pair.master, instance(200, "vip_pre_take /tmp/nowhere", track=False)).start()
    agent.process.wait_log(r"VI_1: MASTER -> FAULT \(vip_pre_take: cannot be run: No such file", 10)


def test_loss_of_mastership_ends_the_question(pair):
    at = now()
    agent = start(pair, "exec sleep 600", "vip_pre_take_timeout 60")
    until(lambda: asked(pair), 10, "the question")
    mark = agent.process.mark()
    pair.master.run(["ip", "link", "set", "eth0", "down"])
    agent.process.wait_log(r"VI_1: MASTER -> FAULT", 5, mark)
    until(lambda: hooked(pair) == ["BACKUP", "FAULT"], 5, "the hooks")
    pair.master.run(["ip", "link", "set", "eth0", "up"])
    until(lambda: len(asked(pair)) == 2, 10, "the next question")
    begun = now()
    assert agent.stop() == 0
    assert now() - begun < 5
    assert not pair.watcher.find(at, host="mastersql", event="address", op="add", address=f"{VIP}/32")


def test_reload_while_it_is_asked_is_refused_with_that_reason(pair):
    agent = start(pair, "until [ -e /tmp/answer ]; do sleep 0.05; done", "vip_pre_take_timeout 60")
    until(lambda: asked(pair), 10, "the question")
    agent.configure(agent.config.replace("priority 200", "priority 201"))
    done = agent.host.run([agent.build.sqlvipctl, "reload"], check=False)
    assert done.returncode and "VI_1 has been waiting for the answer of vip_pre_take for 3 s" in done.stdout + done.stderr
    pair.master.write("/tmp/answer", "")
    pair.watcher.wait_holder(pair.master, VIP, 10)
    agent.host.run([agent.build.sqlvipctl, "reload"])


def test_veto_counts_in_maintenance_too(pair):
    """A master whose addresses were refused has none that maintenance could keep where they are."""
    at = now()
    agent = start(pair, "until [ -e /tmp/answer ]; do sleep 0.05; done; exit 3", "vip_pre_take_timeout 30")
    until(lambda: asked(pair), 10, "the question")
    pair.master.run([agent.build.sqlvipctl, "maintenance", "on"])
    pair.master.write("/tmp/answer", "")
    agent.process.wait_log(r"VI_1: MASTER -> FAULT \(vip_pre_take: exit 3\)", 20)
    assert not pair.watcher.find(at, host="mastersql", event="address", op="add", address=f"{VIP}/32")
    pair.master.write("/tmp/pre", "#!/bin/sh\nexit 0\n", 0o755)
    pair.watcher.wait_holder(pair.master, VIP, 30)


def test_shortage_of_processes_is_no_veto_before_the_time_is_over(pair):
    pair.master.write("/tmp/asked", "", 0o666)
    pair.master.write("/tmp/pre", PRE_TAKE.format(vip=VIP, body="exit 0"), 0o755)
    agent = pair.agent(pair.master, instance(200, "vip_pre_take /tmp/pre daemon", "vip_pre_take_timeout 20",
                                             track=False))
    with a_process_of(pair.master, "daemon"):
        agent.start()
        shortage = Shortage(agent)
        mark = agent.process.mark()
        pair.master.run(["ip", "link", "set", "eth0", "down"])
        agent.process.wait_log(r"VI_1.*-> FAULT", 10, mark)
        before = len(asked(pair))
        pair.master.run(["ip", "link", "set", "eth0", "up"])
        until(lambda: "Resource temporarily" in agent.instance()["pre_take"]["last"], 10, "a start that fails")
        assert agent.instance()["state"] == "MASTER" and agent.instance()["pre_take"]["asking"]
        since = now()
        pair.watcher.wait_adverts(pair.master, 5, 10, since)
        assert len(asked(pair)) == before
        shortage.end()
        pair.watcher.wait_holder(pair.master, VIP, 15)
        assert agent.instance()["pre_take"]["vetoes"] == 0
        # One that does not pass is a veto after all.
        shortage.begin()
        agent.configure(agent.config.replace("vip_pre_take_timeout 20", "vip_pre_take_timeout 1"))
        pair.master.run([agent.build.sqlvipctl, "reload"])
        pair.master.run(["ip", "link", "set", "eth0", "down"])
        agent.process.wait_log(r"VI_1.*-> FAULT", 10, mark)
        mark = agent.process.mark()
        pair.master.run(["ip", "link", "set", "eth0", "up"])
        agent.process.wait_log(r"-> FAULT \(vip_pre_take: cannot be run: Resource temporarily", 15, mark)


def test_loss_of_mastership_during_a_shortage_ends_the_question(pair):
    with a_process_of(pair.master, "daemon"):
        agent = pair.agent(pair.master, instance(200, "vip_pre_take /bin/true daemon", "vip_pre_take_timeout 60",
                                                 track=False)).start()
        pair.watcher.wait_holder(pair.master, VIP, 10)
        shortage = Shortage(agent)
        for _ in range(2):
            pair.master.run(["ip", "link", "set", "eth0", "down"])
            agent.wait_state("FAULT", 10)
            pair.master.run(["ip", "link", "set", "eth0", "up"])
            until(lambda: (i := agent.instance())["pre_take"]["asking"] and "Resource" in i["pre_take"]["last"], 10,
                  "a start that fails")
        shortage.end()
        pair.watcher.wait_holder(pair.master, VIP, 10)
        assert agent.stop() == 0
