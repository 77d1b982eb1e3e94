# SPDX-License-Identifier: Apache-2.0
"""A master that did not run for a while: it looks before it speaks."""

from lib.agents import VIP, instance
from lib.forge import Advert, Forge
from lib.process import HeldThread
from lib.wait import now, until

# Many announcements are due whenever it wakes.
CHATTY = ("garp_master_refresh 1", "garp_master_delay 1")


def freeze_until_replaced(pair):
    """Returns when the master was woken, with the VIP on the other host."""
    agent = pair.agents["mastersql"]
    frozen = agent.freeze()
    until(lambda: "backupsql" in pair.watcher.holders(VIP), 20, "the other host to take the VIP")
    pair.watcher.wait_adverts(pair.backup, 15, 10)  # and some announcements of the first one fall due
    woken = agent.thaw()
    pair.watcher.allow_overlap_during(frozen, woken + 0.5)
    return woken


def said(pair, since, until_=None):
    """What the first host sent: adverts and announcements."""
    found = pair.watcher.find(since, host="mastersql", dir="out", event=("advert", "garp"))
    return [e for e in found if until_ is None or e["t"] < until_]


def test_c72_frozen_master_with_the_lower_priority_gives_up_without_a_word(pair):
    pair.start_agents(*CHATTY, check="", track=False, priorities=(150, 150))  # equal: the higher address takes over
    woken = freeze_until_replaced(pair)
    left = pair.watcher.wait_no_holder(pair.master, VIP, 2)
    assert left - woken < 0.1
    pair.agents["mastersql"].wait_state("BACKUP", 2)
    pair.watcher.wait_adverts(pair.backup, 20, 10)
    assert said(pair, woken) == []


def test_c72_frozen_master_with_nopreempt_gives_up_without_a_word(pair):
    pair.start_agents("nopreempt", *CHATTY, check="", track=False)
    woken = freeze_until_replaced(pair)
    left = pair.watcher.wait_no_holder(pair.master, VIP, 2)
    assert left - woken < 0.1
    pair.watcher.wait_adverts(pair.backup, 20, 10)
    assert said(pair, woken) == []
    assert pair.agents["mastersql"].instance()["state"] == "BACKUP"


def test_frozen_master_with_the_higher_priority_listens_and_then_takes_the_vip_back(pair):
    pair.start_agents(*CHATTY, check="", track=False)
    woken = freeze_until_replaced(pair)
    left = pair.watcher.wait_no_holder(pair.master, VIP, 2)
    first = pair.watcher.wait(5, woken, host="mastersql", dir="out", event=("advert", "garp"))
    assert first["event"] == "advert" and first["priority"] == 200
    assert left < first["t"]
    assert first["t"] - woken >= 0.1 + 0.1 * 56 / 256 - 0.002  # an interval and Skew_Time
    pair.watcher.wait_holder(pair.master, VIP, 5)
    pair.agents["mastersql"].process.wait_log("did not run", 10)


def test_master_frozen_without_a_peer_comes_back(pair):
    agent = pair.agent(pair.master, instance(200, *CHATTY, track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    frozen = agent.freeze()
    until(lambda: now() > frozen + 1.2, 5, "a second to pass")
    woken = agent.thaw()
    first = pair.watcher.wait(5, woken, host="mastersql", dir="out", event=("advert", "garp"))
    assert first["event"] == "advert" and first["t"] - woken >= 0.1
    pair.watcher.wait_holder(pair.master, VIP, 5)
    assert pair.watcher.moves(VIP) == 2


def test_master_frozen_for_less_than_a_down_time_goes_on_as_before(pair):
    pair.start_agents(check="", track=False, advert="1")
    agent = pair.agents["mastersql"]
    frozen = agent.freeze()
    until(lambda: now() > frozen + 1.5, 5, "an advert to be missed")
    woken = agent.thaw()
    first = pair.watcher.wait(3, woken, host="mastersql", dir="out", event="advert")
    assert first["t"] - woken < 0.5
    pair.watcher.wait_adverts(pair.master, 3, 10)
    assert agent.instance()["state"] == "MASTER"
    assert pair.watcher.moves(VIP) == 1
    assert not pair.watcher.adverts(pair.backup)


def test_backup_that_wakes_after_its_down_time_hears_what_has_arrived_before_it_acts(pair):
    """Late by less than an interval, which would not make it listen anew; and what counts lies behind more rubbish than
    it reads in one go."""
    agents = pair.start_agents(check="", track=False, advert="1")
    second = agents["backupsql"]
    heard = pair.watcher.wait(5, now(), host="mastersql", dir="out", event="advert")["t"]
    second.freeze()
    Forge(pair, pair.client).send(Advert(ttl=254), count=100, every=0.001)
    due = heard + 3 + (256 - 150) / 256
    until(lambda: now() > due + 0.4, 10, "its Down time to pass")
    second.thaw()
    pair.watcher.wait_adverts(pair.master, 4, 10)
    assert second.instance()["state"] == "BACKUP"
    assert second.instance()["counters"]["ip_ttl_err"] >= 100
    assert not pair.watcher.adverts(pair.backup)
    assert not second.process.search("the down timer is")


def test_frozen_master_that_is_ended_says_nothing(pair):
    """A resignation of one that was replaced would set a third host's timer going."""
    pair.start_agents(*CHATTY, check="", track=False)
    agent = pair.agents["mastersql"]
    frozen = agent.freeze()
    until(lambda: "backupsql" in pair.watcher.holders(VIP), 20, "the other host to take the VIP")
    agent.term()  # waits for it
    woken = agent.thaw()
    agent.process.wait(10)
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    pair.watcher.allow_overlap_during(frozen, woken + 0.5)
    assert said(pair, woken) == []


def test_take_that_was_handed_in_before_a_freeze_is_not_carried_out_after_it(pair):
    """Frozen after it became master and before the kernel was told; the other host has the VIP by the time it wakes."""
    pair.start_configured(instance(200, track=False), instance(150, track=False))
    second = pair.agents["backupsql"]
    with HeldThread(second.engine, "netif"):
        since = now()
        pair.master.run([pair.build.sqlvipctl, "standby", "--force"], check=False)
        second.wait_state("MASTER", 10)
        pair.watcher.wait_adverts(pair.backup, 5, 10)  # settled: the take waits for nothing but the thread
        second.freeze()
    pair.master.run([pair.build.sqlvipctl, "resume"])
    pair.watcher.wait_holder(pair.master, VIP, 10)
    woken = second.thaw()
    second.wait_state("BACKUP", 5)
    pair.watcher.wait_adverts(pair.master, 10, 10)
    assert not pair.watcher.find(since, host="backupsql", event="address", op="add", address=f"{VIP}/32")
    assert not pair.watcher.find(woken, host="backupsql", dir="out", event=("advert", "garp"))
    assert "cannot be added" not in second.process.text()


def test_take_that_waited_while_the_loop_went_on_is_carried_out(pair):
    """Mastership that is old by the time the thread gets to run, but was renewed meanwhile."""
    agent = pair.agent(pair.master, instance(150, track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    pair.master.run([pair.build.sqlvipctl, "standby", "--force"], check=False)
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    with HeldThread(agent.engine, "netif"):
        pair.master.run([pair.build.sqlvipctl, "resume"])
        agent.wait_state("MASTER", 10)
        pair.watcher.wait_adverts(pair.master, 10, 10)  # more than three intervals
        assert pair.watcher.holders(VIP) == []
    pair.watcher.wait_holder(pair.master, VIP, 5)
    assert agent.instance()["state"] == "MASTER"
    assert "cannot be added" not in agent.process.text()
