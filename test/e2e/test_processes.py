# SPDX-License-Identifier: Apache-2.0
"""Supervisor and engine: what becomes of the addresses when one or both of them die or stand still."""

import errno
import json
import os
import pwd
import resource
import signal
import socket
from pathlib import Path

from lib.agents import VIP, block, instance
from lib.hang import hang_at
from lib.process import children, is_dead, proc_state
from lib.wait import now, until

CONTROL = "/run/sqlvip/sqlvipd.sock"
LEASE = 2  # what auto makes of advert_int 0.1
LIVES_AT_MOST = LEASE + 1.1 + 1.0  # the kernel's delay, and this machine's


def start(pair, *lines, **options):
    """mastersql holds the VIP; backupsql would win an election, but does not ask for one."""
    options.setdefault("track", False)
    return pair.start_configured(instance(150, *lines, **options), instance(200, "nopreempt", *lines, **options))


def alone(pair, *lines, head="", options=()):
    agent = pair.agent(pair.master, head + instance(150, *lines, track=False))
    agent.options = list(options)
    agent.start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    return agent


def fields(pid):
    """/proc/PID/status as a dictionary."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return {key: value.strip() for key, _, value in (line.partition(":") for line in f)}


def removed(pair, since):
    """When the VIP was removed from mastersql."""
    return pair.watcher.wait(10, since, host="mastersql", event="address", op="del", address=f"{VIP}/32")["t"]


def new_engine(agent, old):
    """Waits for another engine; returns its id."""
    return until(lambda: (s := agent.status(check=False)) and s["engine"]["pid"] != old and s["engine"]["pid"], 15,
                 "another engine")


def next_engine_is_on_standby(agent):
    engine = agent.engine
    os.kill(engine, signal.SIGKILL)
    new_engine(agent, engine)
    agent.wait_state("FAULT", 10)
    assert agent.instance()["standby"]
    assert not [a for a in agent.status()["alarms"] if a["id"] == "state_directory"]


def test_c90_engine_has_two_capabilities_and_no_more(pair):
    agent = alone(pair)
    status = fields(agent.engine)
    assert status["PPid"] == str(agent.pid)
    for name in ("CapPrm", "CapEff", "CapBnd"):
        assert int(status[name], 16) & ~(1 << 12 | 1 << 13) == 0, f"{name}: {status[name]}"
    assert int(status["CapEff"], 16) == 1 << 12 | 1 << 13
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    for task in os.listdir(f"/proc/{agent.engine}/task"):
        assert int(fields(f"{agent.engine}/task/{task}")["CapPrm"], 16) == 1 << 12 | 1 << 13, task


def test_c90_engine_runs_as_its_user_and_programs_as_theirs(pair):
    nobody = pwd.getpwnam("nobody")
    pair.master.write("/run/hook", "#!/bin/sh\ntouch /run/ran/as-$(id -un)\n", 0o755)
    ran = pair.master.path("/run/ran")
    ran.mkdir()
    ran.chmod(0o777)
    agent = alone(pair, 'notify_master "/run/hook" daemon', 'notify_backup "/run/hook" root',
                  head=block("global_defs", "engine_user nobody"))
    status = fields(agent.engine)
    assert status["Uid"].split() == [str(nobody.pw_uid)] * 4
    assert status["Gid"].split() == [str(nobody.pw_gid)] * 4
    assert status["Groups"].split() in ([], [str(nobody.pw_gid)])
    assert int(status["CapEff"], 16) == 1 << 12 | 1 << 13
    assert agent.status()["engine"]["user"] == "nobody"
    until(lambda: {p.name for p in ran.iterdir()} == {"as-root", "as-daemon"}, 10, "both hooks")
    assert pair.master.path("/var/lib/sqlvip").stat().st_uid == nobody.pw_uid
    assert agent.stop() == 0
    assert not pair.master.path(CONTROL).exists()
    assert pair.master.addresses() == ["192.168.1.1/24"]


def test_engine_without_a_user_of_its_own_is_warned_of_until_there_is_one(pair):
    passwd = pair.master.path("/etc/passwd")
    others = "".join(line for line in passwd.read_text().splitlines(True) if not line.startswith("sqlvip:"))
    passwd.write_text(others)
    agent = alone(pair)
    assert fields(agent.engine)["Uid"].split() == ["0"] * 4
    text = pair.master.run([pair.build.sqlvipctl, "status"]).stdout
    assert text.startswith("warning  there is no user sqlvip on this host") and "useradd --system" in text
    # Made while it runs, the user is that of the next start.
    passwd.write_text(others + "sqlvip:x:64321:65534::/nonexistent:/usr/sbin/nologin\n")
    pair.master.run([pair.build.sqlvipctl, "reload"])
    engine = agent.status()["engine"]
    assert engine["user"] == "root" and engine["warning"]
    assert agent.stop() == 0
    agent.start()
    engine = agent.status()["engine"]
    assert engine["user"] == "sqlvip" and engine["warning"] is None
    assert fields(engine["pid"])["Uid"].split() == ["64321"] * 4
    assert "warning" not in pair.master.run([pair.build.sqlvipctl, "status"]).stdout
    assert agent.stop() == 0


def test_directory_that_is_not_ours_alone_is_not_given_to_the_engine(pair):
    """state_directory /var/lib would hand every package's state to the user of the engine."""
    pair.master.run(["mkdir", "-p", "/var/lib/shared/other"])
    agent = alone(pair, head=block("global_defs", "engine_user nobody", "state_directory /var/lib/shared"))
    assert pair.master.path("/var/lib/shared").stat().st_uid == 0
    agent.process.wait_log(r"state_directory /var/lib/shared holds other directories", 10)
    assert agent.stop() == 0


def test_killed_engine_loses_the_address_at_once_and_is_replaced(pair):
    agents = start(pair)
    engine = agents["mastersql"].engine
    at = now()
    os.kill(engine, signal.SIGKILL)
    assert removed(pair, at) - at < 0.3, "the backup has not even noticed by then"
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    new_engine(agents["mastersql"], engine)
    agents["mastersql"].wait_state("BACKUP", 10)
    assert agents["mastersql"].status()["engine"]["restarts"] == 1
    assert agents["mastersql"].status()["pid"] == agents["mastersql"].pid
    assert agents["mastersql"].stop() == 0


def test_killed_engine_loses_an_address_whose_interface_was_renamed(pair):
    """The engine knows its interfaces by number. What somebody else has on loopback, as behind a load balancer, stays."""
    pair.master.run(["ip", "link", "add", "old0", "type", "veth", "peer", "old1"])
    pair.master.run(["ip", "link", "set", "old0", "up"])
    pair.master.run(["ip", "link", "set", "old1", "up"])
    extra = "192.168.7.7"

    def has(dev):
        return extra in pair.master.run(["ip", "-o", "addr", "show", "dev", dev]).stdout

    agent = pair.agent(pair.master, "global_defs {\n vip_lease off\n}\n"
                       + instance(150, track=False, vips=(VIP, f"{extra}/32 dev old0 no_track"))).start()
    pair.watcher.wait(15, 0, host="mastersql", event="address", op="add", address=f"{extra}/32")
    pair.master.run(["ip", "addr", "add", f"{extra}/32", "dev", "lo"])
    pair.master.run(["ip", "link", "set", "old0", "name", "new0"])
    pair.watcher.wait_adverts(pair.master, 3, 10, now())
    assert has("new0")
    at, old = now(), agent.engine
    os.kill(old, signal.SIGKILL)
    agent.process.wait_log(r"engine's addresses are removed in", 10)
    assert not has("new0")
    assert has("lo")
    new_engine(agent, old)
    removed(pair, at)


def test_connections_are_reset_when_the_engine_dies(pair):
    pair.start_servers()
    agents = start(pair)
    clients = pair.holders(clients=20)
    at = now()
    os.kill(agents["mastersql"].engine, signal.SIGKILL)
    clients.wait_errors(10, at)


def test_engine_whose_loop_stands_still_is_killed(pair):
    agents = start(pair)
    engine = agents["mastersql"].engine
    at = now()
    os.kill(engine, signal.SIGSTOP)
    pair.watcher.allow_overlap(LIVES_AT_MOST)
    agents["mastersql"].process.wait_log(r"no sign of life", 15)
    new_engine(agents["mastersql"], engine)
    assert removed(pair, at) - at < 15
    pair.watcher.wait_holder(pair.backup, VIP, 10)


def test_engine_releases_in_order_when_the_supervisor_dies(pair):
    agents = start(pair)
    engine = agents["mastersql"].engine
    at = agents["mastersql"].process.kill()
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    resigned = pair.watcher.find(at, host="mastersql", event="advert", dir="out", priority=0)
    gone = pair.watcher.wait(5, at, host="mastersql", event="address", op="del", address=f"{VIP}/32")
    assert len(resigned) == 1 and gone["since"] <= resigned[0]["t"]
    until(lambda: proc_state(engine) in ("Z", None), 10, "the engine to end")


def test_frozen_supervisor_disturbs_nothing(pair):
    agents = start(pair)
    at = agents["mastersql"].process.stop()
    pair.watcher.wait_adverts(pair.master, 60, 20)
    assert not pair.watcher.find(at, event="address", op=("add", "del"), address=f"{VIP}/32")
    agents["mastersql"].process.cont()
    pair.watcher.wait_adverts(pair.master, 20, 20)
    assert agents["mastersql"].status()["engine"]["restarts"] == 0
    assert agents["mastersql"].stop() == 0


def test_both_killed_leave_the_address_to_the_lease(pair):
    agents = start(pair)
    at = agents["mastersql"].kill()
    pair.watcher.allow_overlap(LIVES_AT_MOST)
    assert removed(pair, at) - at < LIVES_AT_MOST
    pair.watcher.wait_holder(pair.backup, VIP, 10)


def test_holder_frozen_past_lease_and_takeover_wakes_up_silent(pair):
    agents = start(pair, "garp_master_refresh 1", "garp_master_delay 1")
    at = agents["mastersql"].freeze()
    pair.watcher.allow_overlap(LIVES_AT_MOST)
    removed(pair, at)
    pair.watcher.wait_adverts(pair.backup, 30, 10)
    woken = agents["mastersql"].thaw()
    agents["mastersql"].wait_state("BACKUP", 10)
    pair.watcher.wait_adverts(pair.backup, 20, 10)
    assert not pair.watcher.find(woken, host="mastersql", event="garp", dir="out")
    assert not pair.watcher.find(woken, host="mastersql", event="advert", dir="out")
    assert not pair.watcher.find(woken, host="mastersql", event="address", op=("add", "renew"), address=f"{VIP}/32")


def test_engine_that_dies_again_and_again_is_given_up(pair):
    agent = alone(pair)
    engine = agent.engine
    for n in range(5):
        os.kill(engine, signal.SIGKILL)
        if n < 4:
            engine = new_engine(agent, engine)
    assert agent.process.wait(15) == 8
    assert agent.process.search(r"died 5 times within 60 s: giving up")
    assert pair.master.addresses() == ["192.168.1.1/24"]
    assert not pair.master.path(CONTROL).exists()


def test_each_engine_waits_longer_than_the_one_before(pair):
    agent = alone(pair)
    for seconds in ("0.1", "0.2", "0.4"):
        engine = agent.engine
        mark = agent.process.mark()
        os.kill(engine, signal.SIGKILL)
        agent.process.wait_log(rf"another engine is started in {seconds} s", 10, mark)
        new_engine(agent, engine)
    assert agent.stop() == 0


def test_engine_that_cannot_be_started_for_a_while_is_no_engine_that_dies(pair):
    """A shortage passes, and whoever had given up would stay down."""
    agent = alone(pair)
    engine, usual = agent.engine, resource.prlimit(agent.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, (0, usual[1]))
    os.kill(engine, signal.SIGKILL)
    for seconds in ("0.2", "0.4", "0.8", "1.6", "3.2"):
        agent.process.wait_log(rf"engine cannot be started: Too many open files; tried again in {seconds} s", 10)
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, usual)
    engine = new_engine(agent, engine)
    pair.watcher.wait_holder(pair.master, VIP, 15)
    assert agent.status()["engine"]["restarts"] == 1
    for n in range(4):
        assert not agent.process.search("giving up")
        os.kill(engine, signal.SIGKILL)
        if n < 3:
            engine = new_engine(agent, engine)
    assert agent.process.wait(15) == 8


def test_without_respawn_the_end_of_the_engine_is_the_end(pair):
    agent = alone(pair, options=["-R", "-p", "/run/super.pid", "-r", "/run/engine.pid"])
    assert int(pair.master.path("/run/super.pid").read_text()) == agent.pid
    assert int(pair.master.path("/run/engine.pid").read_text()) == agent.engine
    os.kill(agent.engine, signal.SIGKILL)
    assert agent.process.wait(10) == 1
    assert pair.master.addresses() == ["192.168.1.1/24"]
    assert not pair.master.path("/run/super.pid").exists() and not pair.master.path("/run/engine.pid").exists()


def test_engines_end_is_seen_by_one_who_was_started_to_ignore_it(pair):
    """SIGCHLD ignored is inherited, and the kernel then leaves nothing to wait for."""
    agent = pair.agent(pair.master, instance(150, track=False))
    agent.process = pair.master.popen(["env", "--ignore-signal=CHLD", pair.build.sqlvipd, "-f", agent.configure(),
                                       "-n", "-l"], "sqlvipd")
    pair.watcher.wait_holder(pair.master, VIP, 20)
    engine = agent.engine
    at = now()
    os.kill(engine, signal.SIGKILL)
    removed(pair, at)
    new_engine(agent, engine)
    assert agent.stop() == 0


def test_new_engine_is_watched_although_its_pid_file_cannot_be_written(pair):
    agent = alone(pair, options=["-r", "/run/engine.pid"])
    engine = agent.engine
    pair.master.path("/run/engine.pid").unlink()
    pair.master.path("/run/engine.pid").mkdir()
    os.kill(engine, signal.SIGKILL)
    second = new_engine(agent, engine)
    pair.watcher.wait_holder(pair.master, VIP, 15)
    at = now()
    os.kill(second, signal.SIGKILL)
    removed(pair, at)
    new_engine(agent, second)
    agent.process.wait_log(r"cannot write the pid file /run/engine.pid", 10)
    assert agent.stop() == 0


def test_hook_survives_the_engine_that_asked_for_it(pair):
    pair.master.write("/run/hook", "#!/bin/sh\nuntil [ -e /run/go ]; do sleep 0.05; done\necho done > /run/hook-done\n",
                      0o755)
    agent = alone(pair, "notify_master /run/hook")
    until(lambda: any(proc_state(p) for p in children(agent.pid) if p != agent.engine), 5, "the hook to run")
    engine = agent.engine
    os.kill(engine, signal.SIGKILL)
    new_engine(agent, engine)
    pair.master.write("/run/go", "")
    until(lambda: pair.master.path("/run/hook-done").exists(), 10, "the hook to end by itself")
    agent.process.wait_log("notify_master, which an earlier engine asked for: exit 0", 10)


def test_new_engine_goes_by_the_configuration_in_effect(pair):
    """Not by what somebody is just writing into the file."""
    agent = alone(pair)
    engine = agent.engine
    pair.master.write("/etc/sqlvip/sqlvip.conf", "vrrp_instance {\n")
    os.kill(engine, signal.SIGKILL)
    new_engine(agent, engine)
    agent.wait_state("MASTER", 10)
    assert agent.stop() == 0


def test_state_directory_that_a_reload_names_is_made_for_the_engine_and_orders_go_along(pair):
    """The folder is root's to make; orders that stayed behind would be forgotten, or come back one day."""
    nobody = pwd.getpwnam("nobody")
    head = ("global_defs", "engine_user nobody")
    agent = alone(pair, head=block(*head))
    old, new = pair.master.path("/var/lib/sqlvip"), pair.master.path("/var/lib/elsewhere")
    pair.master.run([pair.build.sqlvipctl, "standby", "--force"], check=False)
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    until((old / "orders.json").exists, 10, "the order to be kept")
    agent.configure(block(*head, "state_directory /var/lib/elsewhere") + instance(150, track=False))
    text = pair.master.run([pair.build.sqlvipctl, "reload"]).stdout
    assert "global_defs: + state_directory /var/lib/elsewhere" in text and "next start" not in text
    until(lambda: (new / "orders.json").exists() and not (old / "orders.json").exists(), 10, "the orders to go along")
    st = new.stat()
    assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (nobody.pw_uid, nobody.pw_gid, 0o750)
    next_engine_is_on_standby(agent)
    pair.master.run([pair.build.sqlvipctl, "resume"])
    pair.watcher.wait_holder(pair.master, VIP, 10)
    assert agent.stop() == 0


def test_state_of_an_engine_is_its_successors_who_runs_as_another_user(pair):
    agent = alone(pair, head=block("global_defs", "engine_user nobody"))
    pair.master.run([pair.build.sqlvipctl, "standby", "--force"], check=False)
    until(pair.master.path("/var/lib/sqlvip/orders.json").exists, 10, "the order to be kept")
    agent.configure(block("global_defs", "engine_user daemon") + instance(150, track=False))
    text = pair.master.run([pair.build.sqlvipctl, "reload"]).stdout
    assert "takes effect at the next start only: engine_user daemon" in text
    engine = agent.engine
    os.kill(engine, signal.SIGKILL)
    new_engine(agent, engine)
    agent.wait_state("FAULT", 10)
    status = agent.status()
    assert agent.instance()["standby"] and status["engine"]["user"] == "daemon"
    assert not [a for a in status["alarms"] if a["id"] == "state_directory"]
    assert agent.stop() == 0


def give_state_to_root(pair):
    """As systemd does with a unit's StateDirectory= each time it runs a command of it."""
    pair.master.run(["chown", "-R", "root:root", "/var/lib/sqlvip"])


def kill_engine_on_standby(pair, agent):
    """The next one must be on standby as well, and able to save what is ordered."""
    next_engine_is_on_standby(agent)
    orders = pair.master.path("/var/lib/sqlvip/orders.json")
    assert orders.stat().st_uid == pwd.getpwnam("nobody").pw_uid
    pair.master.run([pair.build.sqlvipctl, "resume"])
    until(lambda: "VI_1" not in orders.read_text(), 10, "the resume to be saved")


def test_orders_are_saved_after_a_refused_reload_although_the_directory_was_given_to_root(pair):
    agent = alone(pair, head=block("global_defs", "engine_user nobody"))
    give_state_to_root(pair)
    agent.configure("vrrp_instance {\n")
    assert pair.master.run([pair.build.sqlvipctl, "reload"], check=False).returncode == 1
    pair.master.run([pair.build.sqlvipctl, "standby", "--force"], check=False)
    orders = pair.master.path("/var/lib/sqlvip/orders.json")
    until(lambda: orders.exists() and "VI_1" in orders.read_text(), 10, "the order to be saved")
    kill_engine_on_standby(pair, agent)
    assert agent.stop() == 0


def test_next_engine_obeys_orders_although_the_directory_was_given_to_root(pair):
    agent = alone(pair, head=block("global_defs", "engine_user nobody"))
    pair.master.run([pair.build.sqlvipctl, "standby", "--force"], check=False)
    until(pair.master.path("/var/lib/sqlvip/orders.json").exists, 10, "the order to be saved")
    give_state_to_root(pair)
    kill_engine_on_standby(pair, agent)
    assert agent.stop() == 0


def test_state_directory_that_hangs_holds_up_neither_the_next_engine_nor_the_end(pair, monkeypatch):
    # At its end a sanitizer's search for leaks would wait for the thread that hangs.
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")
    agent = alone(pair, head=block("global_defs", "engine_user nobody"))
    engine = agent.engine
    hang_at(pair.master, "/var/lib/sqlvip", others=False)
    os.kill(engine, signal.SIGKILL)
    engine = new_engine(agent, engine)
    agent.wait_state("MASTER", 10)
    agent.process.wait_log("state_directory /var/lib/sqlvip does not answer", 10)
    os.kill(engine, signal.SIGKILL)
    new_engine(agent, engine)
    assert agent.stop() == 0
    assert pair.master.addresses() == ["192.168.1.1/24"]


def test_who_orders_is_told_that_the_order_cannot_be_saved(pair):
    agent = alone(pair, head=block("global_defs", "engine_user nobody"))
    give_state_to_root(pair)
    for order in ("on", "off", "on"):
        done = pair.master.run([pair.build.sqlvipctl, "maintenance", order], check=False)
        assert done.returncode == 1 and f"maintenance is {order}" in done.stdout
        assert "in force now, but not saved: cannot write /var/lib/sqlvip/orders.json: Permission denied" in done.stderr
        # The journal, which is open, can still be written.
        assert [a for a in agent.status()["alarms"] if a["id"] == "state_directory" and "orders.json" in a["text"]]
    done = pair.master.run([pair.build.sqlvipctl, "-j", "standby", "--force"], check=False)
    assert done.returncode == 1 and json.loads(done.stdout)["saved"] is False
    nobody = pwd.getpwnam("nobody")
    pair.master.run(["chown", "-R", f"{nobody.pw_uid}:{nobody.pw_gid}", "/var/lib/sqlvip"])
    done = pair.master.run([pair.build.sqlvipctl, "resume"])
    assert "not saved" not in done.stderr
    assert not [a for a in agent.status()["alarms"] if a["id"] == "state_directory"]
    assert agent.stop() == 0


class SlowNames:
    """Until end(), who looks for a user on this host waits, as for a name service that does not answer."""

    def __init__(self, host):
        self.file, self.aside, self.fifo = map(host.path, ("/etc/passwd", "/etc/passwd.aside", "/run/passwd"))
        os.mkfifo(self.fifo, 0o644)
        self.file.rename(self.aside)
        self.file.symlink_to("/run/passwd")

    def end(self):
        """Who waits is told that there is no such user; later ones are answered as ever. Fails if nobody waits."""
        self.aside.rename(self.file)

        def opened():
            try:
                os.close(os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK))
            except OSError as e:
                assert e.errno == errno.ENXIO
                return False
            return True

        until(opened, 10, "somebody to wait for a user")


def test_failing_look_up_of_users_keeps_down_only_who_names_one(pair):
    passwd = pair.master.path("/etc/passwd")
    passwd.unlink()
    passwd.symlink_to("passwd")
    agent = alone(pair)
    agent.process.wait_log(r'warning: cannot look up user "sqlvip": Too many levels of symbolic links', 10)
    assert agent.stop() == 0
    done = agent.test(instance(150, "notify /bin/true daemon", track=False))
    assert done.returncode == 1, "the unit starts it again"
    assert 'error: cannot look up user "daemon": Too many levels of symbolic links' in done.stderr


def waits_at_a_pipe(pid):
    """Whether a thread of this process waits for somebody to open the other end."""
    return any(path.read_text() == "wait_for_partner" for path in Path(f"/proc/{pid}/task").glob("*/wchan"))


def begin_reload(agent, config):
    """Returns while it is under way, and the supervisor waits for a name: sqlvipctl, which waits for it."""
    agent.configure(config)
    asked = agent.host.popen([agent.build.sqlvipctl, "reload"], "reload")
    until(lambda: waits_at_a_pipe(agent.pid), 10, "the supervisor to wait for a user")
    assert agent.status()["reload"]["busy"]
    return asked


def test_engine_that_dies_during_a_slow_look_up_of_users_loses_the_address_at_once(pair):
    agents = start(pair, "vip_lease off")
    agent = agents["mastersql"]
    engine = agent.engine
    names = SlowNames(pair.master)
    changed = instance(150, "vip_lease off", track=False, vips=(VIP, "192.168.1.101"))
    asked = begin_reload(agent, changed)
    at = now()
    os.kill(engine, signal.SIGKILL)
    assert removed(pair, at) - at < 0.3
    assert asked.wait(10) == 1
    new_engine(agent, engine)
    agent.wait_state("BACKUP", 10)
    assert len(agent.instance()["vips"]) == 1, "the new engine goes by what was in effect"
    names.end()
    done = pair.master.run([agent.build.sqlvipctl, "reload"])
    assert "+ virtual_ipaddress 192.168.1.101/32" in done.stdout
    assert agent.status()["engine"]["restarts"] == 1
    assert agent.stop() == 0


def test_programs_run_during_a_slow_look_up_of_users(pair):
    config = block("vrrp_script file", 'script "/usr/bin/test -e /run/fine"', "interval 1", "user root") + instance(
        150, block("track_script", "file"), track=False)
    pair.master.write("/run/fine", "")
    agent = pair.agent(pair.master, config).start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    names = SlowNames(pair.master)
    asked = begin_reload(agent, config.replace("priority 150", "priority 160"))
    pair.master.path("/run/fine").unlink()
    agent.wait_state("FAULT", 10)
    assert agent.status()["reload"]["busy"]
    names.end()
    assert asked.wait(10) == 0
    assert agent.instance()["priority"]["base"] == 160
    assert agent.stop() == 0


def test_supervisor_stops_during_a_slow_look_up_of_users(pair):
    agent = alone(pair)
    SlowNames(pair.master)
    begin_reload(agent, agent.config)
    assert agent.stop() == 0
    assert pair.master.addresses() == ["192.168.1.1/24"]


def test_hook_of_an_instance_that_went_two_reloads_ago_still_runs(pair):
    pair.master.write("/run/slow", "#!/bin/sh\nuntil test -e /run/go; do sleep 0.05; done\n", 0o755)
    pair.master.write("/run/gone", "#!/bin/sh\ntouch /run/was-told\n", 0o755)
    leaving = instance(150, "notify_master /run/slow root", "notify_deleted /run/gone root", name="VI_2", vrid=52,
                       vips=("192.168.1.101",), track=False)
    agent = pair.agent(pair.master, instance(150, track=False) + leaving).start()
    until(lambda: agent.instance("VI_2")["hooks"]["running"], 15, "the slow hook to run")
    for priority in (151, 152, 153):
        agent.configure(instance(priority, track=False))
        pair.master.run([pair.build.sqlvipctl, "reload"])
    pair.master.write("/run/go", "")
    until(lambda: pair.master.path("/run/was-told").exists(), 10, "notify_deleted to run")
    assert not agent.process.search("not configured like this")
    assert agent.stop() == 0


def test_configuration_that_the_engine_refuses_is_not_that_of_the_next_engine(pair):
    agent = alone(pair, "vip_lease off", "notify_backup /run/hook root")
    pair.master.write("/run/hook", "#!/bin/sh\ntouch /run/hook-ran\n", 0o755)
    for nowhere in ("192.168.1.101 dev nosuch0", "192.168.1.102 dev nosuch0"):
        agent.configure(instance(150, "vip_lease off", track=False, vips=(nowhere,)))
        done = pair.master.run([pair.build.sqlvipctl, "reload"], check=False)
        assert done.returncode == 1 and "nosuch0" in done.stdout + done.stderr
    engine = agent.engine
    at = now()
    os.kill(engine, signal.SIGKILL)
    assert removed(pair, at) - at < 0.3
    new_engine(agent, engine)
    pair.watcher.wait_holder(pair.master, VIP, 15)
    until(lambda: pair.master.path("/run/hook-ran").exists(), 10, "its hook to run")
    assert agent.stop() == 0


def test_what_an_engine_asked_for_before_it_died_is_done_however_much(pair):
    """More than the supervisor reads in one turn of its loop, and all of it at once."""
    n = 100
    pair.master.path("/run/ran").mkdir()
    pair.master.write("/run/hook", "#!/bin/sh\necho >> /run/ran/$SQLVIP_INSTANCE\n", 0o755)
    agent = pair.agent(pair.master, "".join(
        instance(150, "notify_fault /run/hook root", name=f"VI_{i}", vrid=i, advert="1", vips=(f"192.168.1.{100 + i}",),
                 track=False) for i in range(1, n + 1))).start()
    engine = agent.engine
    agent.process.stop()
    pair.pull(pair.master)
    until(lambda: all(i["state"] == "FAULT" and i["hooks"]["running"] for i in agent.status()["instances"]), 20,
          "each hook to be asked for")
    os.kill(engine, signal.SIGKILL)
    until(lambda: is_dead(engine), 10, "the engine to be dead before anything of it is read")
    agent.process.cont()
    new_engine(agent, engine)  # which finds the same fault
    twice = {f"VI_{i}": 2 for i in range(1, n + 1)}
    ran = pair.master.path("/run/ran")
    until(lambda: {p.name: len(p.read_text()) for p in ran.iterdir()} == twice, 30, "each hook to run for both engines")
    assert agent.stop() == 0


def other_socket(pair):
    """One that nobody listens on any more, and is none of sqlvipd's."""
    path = "/run/sqlvip/other.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(pair.master.path(path)))
    return path


def with_socket(path):
    return block("global_defs", "engine_user nobody", f"control_socket {path}") + instance(150, track=False)


def test_control_socket_that_is_cleared_is_the_one_that_was_served(pair):
    """A reload has named another, for the next start."""
    agent = alone(pair, head=block("global_defs", "engine_user nobody"), options=["-R"])
    other = other_socket(pair)
    agent.configure(with_socket(other))
    assert other in pair.master.run([pair.build.sqlvipctl, "reload"]).stdout
    os.kill(agent.engine, signal.SIGKILL)
    assert agent.process.wait(10) == 1
    assert not pair.master.path(CONTROL).exists()
    assert pair.master.path(other).exists()


def test_control_socket_of_a_dead_engine_goes_when_the_next_one_serves_another(pair):
    agent = alone(pair, head=block("global_defs", "engine_user nobody"))
    agent.configure(with_socket("/run/sqlvip/other.sock"))
    pair.master.run([pair.build.sqlvipctl, "reload"])
    os.kill(agent.engine, signal.SIGKILL)
    status = [pair.build.sqlvipctl, "--socket", "/run/sqlvip/other.sock", "status"]
    until(lambda: pair.master.run(status, check=False).returncode == 0, 15, "another engine to serve the other path")
    assert not pair.master.path(CONTROL).exists()
    assert agent.stop() == 0
    assert not pair.master.path("/run/sqlvip/other.sock").exists()


def test_secret_files_are_read_by_the_supervisor_alone(pair):
    """The engine, nobody, could not read them, at the start or on reload."""
    check = block("vrrp_mysql local", "socket /run/mysqld/mysqld.sock", "user sqlvip",
                  "password file:/etc/sqlvip/secret", "weight 10")
    pair.master.write("/etc/sqlvip/secret", "one\n", 0o600)
    agent = alone(pair, "track_mysql {", "local", "}", head=check + block("global_defs", "engine_user nobody"))
    pair.master.write("/etc/sqlvip/secret", "two\n", 0o600)
    done = pair.master.run([pair.build.sqlvipctl, "reload"], check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pair.watcher.wait_adverts(pair.master, 5, 5)
    assert pair.watcher.moves(VIP) == 1 and agent.process.alive


def test_c89_restart_after_both_were_killed_removes_stale_addresses_first(pair):
    agent = pair.agent(pair.master, instance(150, "vip_lease off", track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    agent.kill()
    agent.process.wait(5)
    at = now()
    agent.start()
    gone = removed(pair, at)
    agent.process.wait_log(r"removing addresses that an earlier run left behind", 10)
    first = pair.watcher.wait(10, at, host="mastersql", event="advert", dir="out")
    assert gone < first["t"], "a whole Down_Time as backup comes between"
    pair.watcher.wait_holder(pair.master, VIP, 10)


def test_c88_nothing_is_left_after_the_end(pair):
    agent = alone(pair, head=block("global_defs", "notify_fifo /run/told", "engine_user nobody"),
                  options=["-p", "/run/super.pid", "-r", "/run/engine.pid"])
    assert pair.master.path("/run/told").exists()
    agent.thaw()
    assert agent.stop() == 0
    left = [p for p in ("/run/told", "/run/super.pid", "/run/engine.pid", CONTROL) if pair.master.path(p).exists()]
    assert not left
    assert pair.master.addresses() == ["192.168.1.1/24"]
    assert VIP not in pair.master.run(["ip", "route", "show", "table", "all"]).stdout


def test_engine_may_open_as_many_files_as_the_hard_limit_allows_and_programs_keep_theirs(pair):
    """Interfaces and groups have sockets of their own: some hundred of them pass the usual soft limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = 256
    pair.master.write("/tmp/hook", "#!/bin/sh\nulimit -Sn > /tmp/limit\n", 0o755)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
        agent = pair.agent(pair.master, instance(200, "notify_master /tmp/hook", track=False)).start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert resource.prlimit(agent.engine, resource.RLIMIT_NOFILE) == (hard, hard)
    limit = pair.master.path("/tmp/limit")
    until(lambda: limit.exists() and limit.read_text() == f"{few}\n", 10, "the limit of the hook")
