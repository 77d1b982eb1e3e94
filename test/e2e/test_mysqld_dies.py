# SPDX-License-Identifier: Apache-2.0
"""The main job: mysqld dies on the host that holds the VIP, and the other host answers on it."""

import signal

import pytest

from lib.agents import VIP, instance, mysql_check
from lib.wait import until

DEATHS = {
    "killed": (signal.SIGKILL, "crashed"),
    "segfaults": (signal.SIGSEGV, "crashed"),
    "is stopped": (signal.SIGTERM, "stopped"),
    "hangs": (signal.SIGSTOP, "hung"),
}


@pytest.mark.parametrize("death", DEATHS)
def test_vip_moves_and_answers_when_mysqld(pair, death):
    number, reason = DEATHS[death]
    servers, agents = pair.start_servers(), pair.start_agents("nopreempt")
    client = pair.ping()
    client.wait_answer(pair.master, 5)

    at = servers["mastersql"].process.signal(number)
    client.wait_answer(pair.backup, 5, at)

    left = pair.watcher.wait_no_holder(pair.master, VIP, 1)
    took = pair.watcher.wait_holder(pair.backup, VIP, 1)
    resigned = pair.watcher.wait(1, at, host="mastersql", event="advert", dir="out", priority=0)
    assert left < took and resigned["t"] < took
    agents["mastersql"].wait_state("FAULT", 2)
    check = agents["mastersql"].wait_check(5, verdict="dead", state="down")
    assert reason in check["reason"], check
    assert reason in agents["mastersql"].process.wait_log(r"VI_1.*MASTER -> FAULT.*", 2).group()
    # It moved once, and the client was never sent back.
    assert pair.watcher.moves(VIP) == 2
    assert list(client.finish()["by_id"]) == ["1", "2"]


def test_restarted_mysqld_does_not_get_the_vip_back_with_nopreempt(pair):
    servers, agents = pair.start_servers(), pair.start_agents("nopreempt")
    servers["mastersql"].kill()
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    servers["mastersql"].restart()
    agents["mastersql"].wait_check(10, verdict="alive", state="up")
    agents["mastersql"].wait_state("BACKUP", 5)
    pair.watcher.wait_adverts(pair.backup, 15, 10)
    assert pair.watcher.moves(VIP) == 2


def test_restarted_mysqld_gets_the_vip_back_without_nopreempt(pair):
    servers, agents = pair.start_servers(), pair.start_agents()
    servers["mastersql"].kill()
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    servers["mastersql"].restart()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    agents["backupsql"].wait_state("BACKUP", 5)
    assert pair.watcher.moves(VIP) == 3


def test_server_that_hung_is_trusted_again_when_it_answers(pair):
    servers, agents = pair.start_servers(), pair.start_agents("nopreempt")
    servers["mastersql"].stop()
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    servers["mastersql"].cont()
    agents["mastersql"].wait_check(10, verdict="alive", state="up")
    agents["mastersql"].wait_state("BACKUP", 5)
    assert pair.watcher.moves(VIP) == 2


def test_quick_restart_is_a_death_and_a_return(pair):
    servers, agents = pair.start_servers(), pair.start_agents("nopreempt", check=mysql_check("rise 2"))
    servers["mastersql"].term()
    servers["mastersql"].restart()
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    agents["mastersql"].wait_state("BACKUP", 10)
    assert pair.watcher.moves(VIP) == 2


def test_restart_within_dead_delay_moves_nothing(pair):
    servers, agents = pair.start_servers(), pair.start_agents("nopreempt", check=mysql_check("dead_delay 30"))
    for end in (servers["mastersql"].kill, servers["mastersql"].term):
        end()
        check = agents["mastersql"].wait_check(10, verdict="dead")
        assert check["state"] == "up" and 0 < check["dead_delay_left_s"] <= 30
        servers["mastersql"].restart()
        check = agents["mastersql"].wait_check(20, verdict="alive", state="up")
        assert check["dead_delay_left_s"] is None
    pair.watcher.wait_adverts(pair.master, 10, 5)
    assert pair.watcher.moves(VIP) == 1


def test_death_that_outlasts_dead_delay_moves_the_vip(pair):
    servers, agents = pair.start_servers(), pair.start_agents("nopreempt", check=mysql_check("dead_delay 1"))
    at = servers["mastersql"].kill()
    took = pair.watcher.wait_holder(pair.backup, VIP, 15)
    assert took - at >= 1
    agents["mastersql"].wait_state("FAULT", 5)


def test_hang_is_not_put_off_by_dead_delay(pair):
    servers, agents = pair.start_servers(), pair.start_agents("nopreempt", check=mysql_check("dead_delay 600"))
    servers["mastersql"].stop()
    pair.watcher.wait_holder(pair.backup, VIP, 15)
    agents["mastersql"].wait_state("FAULT", 5)


def test_mysqld_dying_on_the_backup_moves_nothing(pair):
    servers, agents = pair.start_servers(), pair.start_agents()
    servers["backupsql"].kill()
    agents["backupsql"].wait_state("FAULT", 5)
    pair.watcher.wait_adverts(pair.master, 10, 5)
    assert pair.watcher.moves(VIP) == 1
    assert not pair.watcher.adverts(pair.backup)


def test_nobody_holds_the_vip_when_no_mysqld_lives(pair):
    servers, agents = pair.start_servers(), pair.start_agents()
    servers["backupsql"].kill()
    agents["backupsql"].wait_state("FAULT", 5)
    servers["mastersql"].kill()
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    agents["mastersql"].wait_state("FAULT", 5)
    servers["backupsql"].restart()
    pair.watcher.wait_holder(pair.backup, VIP, 15)
    assert pair.watcher.moves(VIP) == 2


def test_death_is_seen_without_the_thread_watch(pair):
    servers = pair.start_servers()
    agents = pair.start_agents("nopreempt", check=mysql_check("thread_watch off"))
    assert "pidfd" not in agents["mastersql"].check()["watch"].split(":")[0]
    at = servers["mastersql"].kill()
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    resigned = pair.watcher.wait(1, at, host="mastersql", event="advert", dir="out", priority=0)
    assert resigned["t"] - at < 0.5  # before the hang would be declared
    assert "crashed" in agents["mastersql"].check()["reason"]


def test_agent_waits_for_a_mysqld_that_starts_later(pair):
    servers = pair.start_servers()
    servers["mastersql"].kill()
    servers["mastersql"].process.wait(10)
    hook = pair.master.write("/tmp/hook", "#!/bin/sh\necho \"$@\" >> /tmp/hooked\n", 0o755)
    agent = pair.agent(pair.master, mysql_check() + instance(200, f"notify {hook}")).start()
    agent.wait_state("FAULT", 5)
    assert agent.check()["verdict"] == "unknown"
    assert not pair.master.path("/tmp/hooked").exists()  # never seen alive: no hook
    servers["mastersql"].start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    until(lambda: "MASTER" in pair.master.path("/tmp/hooked").read_text(), 5, "the hook")


def test_weight_lowers_the_priority_and_the_other_takes_over_after_its_skew_time(pair):
    servers = pair.start_servers()
    agents = pair.start_agents(check=mysql_check(weight=-100))
    at = servers["mastersql"].kill()
    took = pair.watcher.wait_holder(pair.backup, VIP, 5)
    lowered = pair.watcher.wait(2, at, host="mastersql", event="advert", dir="out", priority=100)
    assert lowered["t"] < took
    agents["mastersql"].wait_state("BACKUP", 2)
    assert agents["mastersql"].instance()["priority"]["effective"] == 100
    servers["mastersql"].restart()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    assert pair.watcher.adverts(pair.master)[-1]["priority"] == 200
