# SPDX-License-Identifier: Apache-2.0
"""Another master: who it is, for how long, and that it is over."""

from lib.agents import VIP, instance
from lib.forge import Advert, Forge
from lib.wait import now, until


def master(pair, *lines, **options):
    agent = pair.agent(pair.master, instance(200, *lines, track=False, **options)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    return agent


def garps(pair, since):
    return pair.watcher.find(since, host="mastersql", dir="out", event="garp", address=VIP)


def test_rival_is_told_with_evidence_until_it_is_gone_and_then_announced_once_more(pair):
    agent = master(pair, "garp_master_delay 0", "garp_lower_prio_delay 0", "garp_lower_prio_repeat 1")
    assert agent.instance()["rival"] is None
    stream = Forge(pair, pair.client).stream(Advert(priority=150, interval=0.1), every=0.1)
    rival = until(lambda: agent.instance()["rival"], 5, "the rival to be told")
    assert (rival["address"], rival["priority"], rival["present"]) == ("192.168.1.50", 150, True)
    alarm = until(lambda: [a for a in agent.status()["alarms"] if a["id"] == "rival"], 10, "the alarm")[0]
    assert "192.168.1.50" in alarm["text"] and "150" in alarm["text"]
    until(lambda: agent.instance()["rival"]["for_s"] > 2, 10, "two seconds of it")
    # However often it speaks, it is reacted to once a second; and logged once.
    started = now() - agent.instance()["rival"]["since_s"]
    count = len(garps(pair, started))
    assert 2 <= count <= now() - started + 2
    assert len(agent.process.text().split("also claims to be master")) == 2
    stream.kill()
    agent.process.wait_log(r"192\.168\.1\.50 has yielded.* it claimed to be master for \d", 5)
    gone = now()
    pair.watcher.wait(5, gone - 0.5, host="mastersql", dir="out", event="garp", address=VIP)
    until(lambda: not [a for a in agent.status()["alarms"] if a["id"] == "rival"], 10, "the end of the alarm")
    rival = agent.instance()["rival"]
    assert not rival["present"] and 2 < rival["for_s"] < 10 and rival["adverts"] >= 15


def test_rival_that_turns_out_better_is_no_rival(pair):
    agent = master(pair)
    forge = Forge(pair, pair.client)
    forge.send(Advert(priority=150, interval=0.1), count=3)
    forge.send(Advert(priority=250, interval=0.1))
    agent.wait_state("BACKUP", 5)
    assert not agent.instance()["rival"]["present"]


def test_yielding_host_that_speaks_once_more_has_the_winner_announce_again(pair):
    """Without it the winner may hear nothing of the other: the loser hears the winner first."""
    pair.start_configured(*(instance(p, "higher_prio_send_advert", "garp_master_delay 0", track=False)
                            for p in (200, 150)))
    start = now()
    pair.isolate(pair.backup)
    until(lambda: len(pair.watcher.holders(VIP)) == 2, 5, "both to hold the VIP")
    healed = now()
    pair.heal(pair.backup)
    pair.watcher.allow_overlap_during(start, healed + 5)
    pair.watcher.wait_holder(pair.master, VIP, 5)
    pair.watcher.wait(5, healed, host="mastersql", event="garp", dir="out", address=VIP)
    pair.agents["mastersql"].process.wait_log("192.168.1.2 also claims", 5)


def test_master_that_kept_its_address_while_its_link_was_down_announces_it_again(pair):
    agent = master(pair, "dont_track_primary", "garp_master_delay 0")
    pair.pull(pair.master)
    until(lambda: "NO-CARRIER" in pair.master.run(["ip", "link", "show", "eth0"]).stdout, 5, "the carrier to go")
    plugged = now()
    pair.plug(pair.master)
    pair.watcher.wait(5, plugged, host="mastersql", event="garp", dir="out", address=VIP)
    assert agent.instance()["state"] == "MASTER" and pair.watcher.moves(VIP) == 1
