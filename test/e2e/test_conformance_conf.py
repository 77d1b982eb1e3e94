# SPDX-License-Identifier: Apache-2.0
"""Hooks, FIFOs and the configuration file: the conformance rules that need a running agent."""

import re

import pytest

from lib.agents import VIP, block, instance
from lib.wait import now, until

HOOK = """#!/bin/sh
echo "start $SQLVIP_STATE $@" >> /tmp/hooks
case $(( $(grep -c ^start /tmp/hooks) % 20 )) in
    1) sleep 0.05 ;;
    5) echo "end $SQLVIP_STATE $@" >> /tmp/hooks; exit 1 ;;
    9) kill -9 $$ ;;
    13) trap '' TERM; exec sleep 600 ;;
esac
echo "end $SQLVIP_STATE $@" >> /tmp/hooks
"""

READER = """#!/bin/sh
while read -r line; do echo "$line" >> /tmp/lines; done < "$1"
"""


def lines(host, path):
    file = host.path(path)
    return file.read_text().splitlines() if file.exists() else []


@pytest.mark.soak
def test_c84_hooks_and_fifo_lines_in_order_and_none_lost(pair, soak):
    """Slow, failing, killed and hanging hooks among a thousand forced transitions."""
    pair.master.write("/tmp/hook", HOOK, 0o755)
    pair.master.write("/tmp/reader", READER, 0o755)
    config = block("global_defs", "script_user root", "notify_timeout 0.3", "vrrp_notify_fifo /run/vrrp.fifo",
                   "vrrp_notify_fifo_script /tmp/reader") + instance(
        200, "notify /tmp/hook", "notify_fault /tmp/hook", "notify_stop /tmp/hook", track=False, advert="0.03")
    agent = pair.agent(pair.master, config).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    for _ in range(soak(10, 334)):  # FAULT, BACKUP, MASTER
        mark = agent.process.mark()
        pair.master.run(["ip", "link", "set", "eth0", "down"])
        agent.process.wait_log(r"VI_1.*-> FAULT", 10, mark)
        pair.master.run(["ip", "link", "set", "eth0", "up"])
        # Mastership that ends before the address is there would not be told.
        agent.process.wait_log(r"VI_1.*-> MASTER(?s:.*)VI_1: 1 address added", 10, mark)
    until(lambda: agent.instance()["hooks"]["queued"] == 0 and not agent.instance()["hooks"]["running"],
          soak(60, 1200), "all hooks to have run", step=0.1)
    hooks = agent.instance()["hooks"]
    assert hooks["overflowed"] == 0 and hooks["failed"] > 0 and hooks["timed_out"] > 0
    assert agent.stop() == 0
    states = re.findall(r"VI_1.* -> (BACKUP|MASTER|FAULT)", agent.process.text())  # and what a busy host made of them
    assert len(states) >= soak(30, 1002)
    # The pipe: every transition, then STOP, read to the end by its program although the agent stops.
    assert lines(pair.master, "/tmp/lines") == [f'INSTANCE "VI_1" {s} 200' for s in [*states, "STOP"]]
    # The hooks: one at a time, in order, each started; those that are killed or hang have no end.
    started = [line for line in lines(pair.master, "/tmp/hooks") if line.startswith("start")]
    expected = []
    for state in [*states, "STOP"]:
        if state in ("FAULT", "STOP"):
            expected.append(f"start {state} ")
        expected.append(f"start {state} INSTANCE VI_1 {state} 200")
    assert started == expected
    running = None
    for line in lines(pair.master, "/tmp/hooks"):
        what, hook = line.split(" ", 1)
        if what == "end":
            assert hook == running
        running = hook if what == "start" else None


def test_c84_priority_changes_and_inferior_masters_reach_the_fifo(pair):
    pair.master.write("/tmp/reader", READER, 0o755)
    pair.master.write("/tmp/check", "#!/bin/sh\ntest ! -e /tmp/low\n", 0o755)
    config = block("global_defs", "script_user root", "notify_fifo /run/all.fifo", "notify_fifo_script /tmp/reader",
                   "vrrp_notify_priority_changes") + block(
        "vrrp_script chk", "script /tmp/check", "interval 0.1", "weight -20") + instance(
        200, block("track_script", "chk"), track=False)
    agent = pair.agent(pair.master, config).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    pair.master.write("/tmp/low", "")
    until(lambda: 'INSTANCE "VI_1" MASTER_PRIORITY 180' in lines(pair.master, "/tmp/lines"), 10, "the lower priority")
    begun = now()
    pair.drop(pair.master, "ip protocol vrrp", pair.backup)  # it hears nobody, and is heard
    pair.agent(pair.backup, instance(100, track=False)).start()
    until(lambda: 'INSTANCE "VI_1" MASTER_RX_LOWER_PRI 180' in lines(pair.master, "/tmp/lines"), 10,
          "the line about an inferior master")
    pair.watcher.allow_overlap_during(begun, now() + 5)
    pair.undrop()
    assert agent.status()["fifos"][0]["lost"] == 0
    assert agent.stop() == 0
    assert not pair.master.path("/run/all.fifo").exists()


def test_c85_script_user_is_honoured_and_what_others_may_change_refused(pair):
    pair.master.write("/tmp/hook", "#!/bin/sh\nid -un > /tmp/who.$1\n", 0o755)
    pair.master.path("/tmp").chmod(0o1777)
    config = block("global_defs", "script_user daemon") + instance(
        200, 'notify_backup "/tmp/hook default"', 'notify_master "/tmp/hook own" nobody', track=False)
    agent = pair.agent(pair.master, config).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    for name, user in (("default", "daemon"), ("own", "nobody")):
        until(lambda: lines(pair.master, f"/tmp/who.{name}") == [user], 5, f"the hook to run as {user}")
    assert agent.stop() == 0
    done = agent.test(block("global_defs", "enable_script_security", "script_user root") + instance(
        200, "notify_backup /tmp/hook", track=False))
    assert done.returncode == 2
    assert "/tmp/hook must not run as root under enable_script_security: /tmp is writable by others" in done.stderr


def test_startup_and_shutdown_scripts_run_around_everything(pair):
    pair.master.write("/tmp/start", "#!/bin/sh\nsleep 1\necho start >> /tmp/order\n", 0o755)
    pair.master.write("/tmp/stop", "#!/bin/sh\nip -o -4 addr show dev eth0 | grep -c 192.168.1.100 >> /tmp/order\n"
                      "echo stop >> /tmp/order\n", 0o755)
    pair.master.write("/tmp/hook", '#!/bin/sh\necho "$3" >> /tmp/order\n', 0o755)
    config = block("global_defs", "startup_script /tmp/start", "shutdown_script /tmp/stop",
                   "shutdown_script_timeout 5") + instance(200, "notify /tmp/hook", track=False)
    agent = pair.agent(pair.master, config).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    assert agent.stop() == 0
    assert lines(pair.master, "/tmp/order") == ["start", "BACKUP", "MASTER", "STOP", "0", "stop"]


def test_startup_script_that_hangs_is_not_waited_for(pair):
    config = block("global_defs", 'startup_script "/bin/sleep 600"', "startup_script_timeout 1") + instance(
        200, track=False)
    agent = pair.agent(pair.master, config).start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    agent.process.wait_log(r"startup_script: timed out after 1.0 s", 1)


def test_interface_that_is_made_while_the_startup_script_runs_is_used(pair):
    pair.master.write("/tmp/start", "#!/bin/sh\nuntil [ -e /tmp/go ]; do sleep 0.05; done\n", 0o755)
    config = block("global_defs", "startup_script /tmp/start") + instance(200, track=False, interface="eth9")
    agent = pair.agent(pair.master, config).start()
    for words in ("link add eth9 type veth peer name eth9p", "addr add 192.168.9.1/24 dev eth9",
                  "link set eth9p up", "link set eth9 up"):
        pair.master.run(["ip", *words.split()])
    assert not re.search("startup_script: exit", agent.process.text())
    pair.master.write("/tmp/go", "")
    agent.wait_state("MASTER", 20)


def test_stop_while_the_startup_script_runs_is_a_clean_end(pair):
    config = block("global_defs", 'startup_script "/bin/sleep 600"', "startup_script_timeout 600") + instance(
        200, track=False)
    agent = pair.agent(pair.master, config).start()
    assert agent.stop() == 0


def test_config_command_prints_what_reads_back_but_for_secrets(pair):
    config = block("vrrp_mysql", "socket /run/x.sock", "user u", "password hunter2").replace(
        "vrrp_mysql {", "vrrp_mysql m {") + instance(200, block("track_mysql", "m weight -5"), track=False, version=2,
                                                     advert="1", password="s3cr3t")
    agent = pair.agent(pair.master, config).start()
    done = agent.host.run([agent.build.sqlvipctl, "config"])
    assert "s3cr3t" not in done.stdout and "hunter2" not in done.stdout
    printed = agent.test().stdout.splitlines()
    shown = done.stdout.splitlines()
    assert len(shown) == len(printed)
    differing = [(a.strip(), b.strip()) for a, b in zip(printed, shown) if a != b]
    assert differing == [('auth_pass "s3cr3t"', 'auth_pass "********"')]
    assert '    password "********"' in shown


def test_imported_configuration_passes_the_test_and_runs(pair):
    pair.master.write("/etc/keepalived/keepalived.conf", """
global_defs {
    router_id LVS_DEVEL
    vrrp_strict
    smtp_server 127.0.0.1
}
vrrp_script chk_mysql {
    script "/usr/bin/killall -0 mysqld"
    interval 1
    weight -5
}
vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 200
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    track_script {
        chk_mysql
    }
    virtual_ipaddress {
        192.168.1.100
    }
}
""")
    ctl = pair.agent(pair.master, "").build.sqlvipctl
    done = pair.master.run([ctl, "import", "/etc/keepalived/keepalived.conf", "-o", "/tmp/suggested.conf"], check=False)
    assert done.returncode == 3 and re.search(r"refused +vrrp_strict", done.stdout), done  # sqlvip has no such mode
    assert re.search(r"replaced +vrrp_script chk_mysql", done.stdout)
    assert pair.master.path("/tmp/suggested.conf").stat().st_mode & 0o777 == 0o600
    agent = pair.agent(pair.master, pair.master.path("/tmp/suggested.conf").read_text())
    assert agent.test().returncode == 0
    agent.start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    assert agent.check("chk_mysql")["kind"] == "mysql"
    # A second time: what is there is not overwritten.
    assert pair.master.run([ctl, "import", "/etc/keepalived/keepalived.conf", "-o", "/tmp/suggested.conf"],
                           check=False).returncode == 1
    done = pair.master.run([ctl, "import", "/tmp/nothing", "-o", "/tmp/empty.conf"], check=False)
    assert done.returncode == 1 and not pair.master.path("/tmp/empty.conf").exists()
    pair.master.write("/etc/keepalived/id.conf", instance(200, "@db2 nopreempt", track=False))
    for words, code in ((["-i", "db2"], 0), (["--config-id", "db1"], 0), (["-f"], 2), (["--instance", "db2"], 2)):
        done = pair.master.run([ctl, "import", "/etc/keepalived/id.conf", *words], check=False)
        assert done.returncode == code and ("nopreempt" in done.stdout) == ("db2" in words and code == 0), done
