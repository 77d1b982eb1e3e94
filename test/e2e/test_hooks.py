# SPDX-License-Identifier: Apache-2.0
"""Hooks: in order, one at a time, none lost, and never in the way."""

import re

import pytest

from lib.agents import VIP, block, instance
from lib.shortage import Shortage, a_process_of
from lib.wait import now, until

HOOK = """#!/bin/sh
# The start and the end of each run, so that an overlap would show.
echo "start $SQLVIP_STATE $@" >> /tmp/hooks
sleep 0.0$((${{RANDOM:-$$}} % 3))
{extra}
echo "end $SQLVIP_STATE $@" >> /tmp/hooks
"""


def hooked(pair):
    """The lines that the hook has written so far."""
    path = pair.master.path("/tmp/hooks")
    return path.read_text().splitlines() if path.exists() else []


def start(pair, *lines, extra="", config=""):
    pair.master.write("/tmp/hook", HOOK.format(extra=extra), 0o755)
    agent = pair.agent(pair.master, config + instance(200, *(lines or ("notify /tmp/hook",)), track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    return agent


@pytest.mark.soak
def test_hundred_forced_transitions_run_their_hooks_in_order(pair, soak):
    agent = start(pair)
    for _ in range(soak(25, 250)):  # FAULT, BACKUP, MASTER and sometimes the next fault earlier
        mark = agent.process.mark()
        pair.master.run(["ip", "link", "set", "eth0", "down"])
        agent.process.wait_log(r"VI_1.*-> FAULT", 5, mark)
        pair.master.run(["ip", "link", "set", "eth0", "up"])
        agent.process.wait_log(r"VI_1.*-> BACKUP", 5, mark)
        # Mastership that ends before the address is there would not be told.
        agent.process.wait_log(r"VI_1.*-> MASTER(?s:.*)VI_1: 1 address added", 5, mark)
    states = re.findall(r"VI_1.* -> (BACKUP|MASTER|FAULT)", agent.process.text())
    expected = [line for state in states for line in
                (f"start {state} INSTANCE VI_1 {state} 200", f"end {state} INSTANCE VI_1 {state} 200")]
    assert len(states) >= soak(75, 750)
    until(lambda: len(hooked(pair)) >= len(expected), 60,
          lambda: f"{len(expected)} lines; {len(hooked(pair))} are there")
    assert hooked(pair) == expected


def test_specific_hook_runs_before_the_generic_one(pair):
    agent = start(pair, *(f'notify_{s} "/tmp/hook {s} only"' for s in ("master", "backup", "fault", "stop")),
                  "notify /tmp/hook")
    until(lambda: "end MASTER INSTANCE VI_1 MASTER 200" in hooked(pair), 5, "the hooks of MASTER")
    agent.stop()
    assert hooked(pair) == [
        line for state in ("BACKUP", "MASTER", "STOP") for line in (
            f"start {state} {state.lower()} only", f"end {state} {state.lower()} only",
            f"start {state} INSTANCE VI_1 {state} 200", f"end {state} INSTANCE VI_1 {state} 200")]


def test_hook_is_told_what_happened_in_its_environment(pair):
    start(pair, extra="env | grep ^SQLVIP_ > /tmp/env.$SQLVIP_STATE")
    path = pair.master.path("/tmp/env.MASTER")
    until(path.exists, 5, "the environment of MASTER")
    until(lambda: "end MASTER INSTANCE VI_1 MASTER 200" in hooked(pair), 5, "the hook to end")
    env = dict(line.split("=", 1) for line in path.read_text().splitlines())
    assert env["SQLVIP_INSTANCE"] == "VI_1"
    assert (env["SQLVIP_OLD_STATE"], env["SQLVIP_STATE"], env["SQLVIP_CURRENT_STATE"]) == ("BACKUP", "MASTER", "MASTER")
    assert env["SQLVIP_PRIORITY"] == "200" and VIP in env["SQLVIP_VIPS"] and env["SQLVIP_CAUSE"]


def test_late_hook_is_told_the_current_state(pair):
    agent = start(pair, extra='until [ $SQLVIP_STATE != BACKUP -o -e /tmp/go ]; do sleep 0.05; done\n'
                              'echo "now $SQLVIP_CURRENT_STATE" >> /tmp/now')
    mark = agent.process.mark()
    pair.master.run(["ip", "link", "set", "eth0", "down"])
    agent.process.wait_log(r"VI_1.*-> FAULT", 5, mark)
    pair.master.write("/tmp/go", "")
    now_ = pair.master.path("/tmp/now")
    # BACKUP's hook was still busy when MASTER and FAULT came; MASTER's is told that it is FAULT already.
    until(lambda: now_.exists() and now_.read_text().split("\n")[1:2] == ["now FAULT"], 10, "the hook of MASTER")


def test_hook_that_hangs_is_ended_and_delays_no_advert(pair):
    agent = start(pair, extra='[ $SQLVIP_STATE != MASTER ] || sleep 600',
                  config="global_defs {\n notify_timeout 1\n}\n")
    since = now()
    pair.watcher.wait_adverts(pair.master, 20, 10)
    times = [e["t"] for e in pair.watcher.adverts(pair.master, since)]
    assert max(b - a for a, b in zip(times, times[1:])) < 0.3  # no backup would have noticed
    agent.process.wait_log(r"notify.*(timed out|deadline|did not end|killed)", 10)


def test_hook_that_fails_or_does_not_exist_is_logged(pair):
    agent = start(pair, "notify_master /tmp/nowhere", 'notify "/bin/false"')
    agent.process.wait_log(r"VI_1: notify_master for MASTER: cannot be run: No such file", 5)
    agent.process.wait_log(r"VI_1: notify for MASTER: exit 1", 5)


def test_take_that_fails_runs_no_hook_for_master(pair):
    """The hook may make the local server writable: it must not hear of addresses that this host never had."""
    pair.master.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6"])
    pair.master.write("/tmp/hook", '#!/bin/sh\necho "$3 $SQLVIP_OLD_STATE" >> /tmp/hooks\n', 0o755)
    six = block("virtual_ipaddress_excluded", "2001:db8::100")
    agent = pair.agent(pair.master, instance(200, six, "notify /tmp/hook", track=False)).start()
    agent.process.wait_log(r"VI_1: MASTER -> FAULT \(the addresses cannot be added", 10)
    until(lambda: hooked(pair)[:2] == ["BACKUP INIT", "FAULT MASTER"], 5, lambda: hooked(pair))
    pair.master.run(["sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6"])
    pair.watcher.wait_holder(pair.master, "2001:db8::100", 30)
    until(lambda: hooked(pair)[-2:] == ["BACKUP FAULT", "MASTER BACKUP"], 5, lambda: hooked(pair))
    assert hooked(pair).count("MASTER BACKUP") == 1


def test_shortage_of_processes_delays_hooks_and_loses_none(pair):
    pair.master.write("/tmp/hooks", "", 0o666)
    agent = start(pair, 'notify "/tmp/hook" daemon')
    until(lambda: "end MASTER INSTANCE VI_1 MASTER 200" in hooked(pair), 5, "the hooks of MASTER")
    before = len(hooked(pair))
    with a_process_of(pair.master, "daemon"):
        shortage = Shortage(agent)
        mark = agent.process.mark()
        pair.master.run(["ip", "link", "set", "eth0", "down"])
        agent.process.wait_log(r"VI_1: a hook cannot be started yet: Resource temporarily", 10, mark)
        pair.master.run(["ip", "link", "set", "eth0", "up"])
        agent.process.wait_log(r"VI_1.*-> MASTER", 10, mark)
        assert len(hooked(pair)) == before
    shortage.end()
    until(lambda: len(hooked(pair)) == before + 6, 10, lambda: f"all hooks; there are {hooked(pair)}")
    assert [line.split()[1] for line in hooked(pair)[before::2]] == ["FAULT", "BACKUP", "MASTER"]
    assert agent.instance()["hooks"]["failed"] == 0


def test_startup_and_shutdown_script_wait_for_a_shortage_of_processes_to_pass(pair):
    pair.master.write("/tmp/hooks", "", 0o666)
    pair.master.write("/tmp/once", "#!/bin/sh\necho $1 >> /tmp/hooks\n", 0o755)
    config = block("global_defs", 'startup_script "/tmp/once up" daemon', 'shutdown_script "/tmp/once down" daemon')
    agent = pair.agent(pair.master, config + instance(200, track=False))
    with a_process_of(pair.master, "daemon"):
        # A shortage from the beginning.
        agent.process = pair.master.popen(["prlimit", "--nproc=0:", pair.build.sqlvipd, "-f", agent.configure(), "-n",
                                           "-l"], "sqlvipd")
        agent.process.wait_log(r"startup_script: cannot be started yet: Resource temporarily", 10)
        shortage = Shortage(agent)
        shortage.end()
        pair.watcher.wait_holder(pair.master, VIP, 15)
        assert hooked(pair) == ["up"]
        shortage.begin()
        agent.term()
        agent.process.wait_log(r"shutdown_script: cannot be started yet: Resource temporarily", 10)
        shortage.end()
        assert agent.process.wait(15) == 0
    assert hooked(pair) == ["up", "down"]
