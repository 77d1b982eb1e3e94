# SPDX-License-Identifier: Apache-2.0
"""auth_hmac between two agents and an attacker without the key; and the alarm about hosts that cannot agree on it."""

import dataclasses

import pytest

from lib.agents import VIP, block, instance
from lib.forge import Advert, Forge, Hmac, refusals
from lib.pcap import vrrp
from lib.wait import now, until

KEY, OTHER = bytes(range(32)), bytes(range(32, 64))


def hmac_block(*lines, key=KEY, id=1):
    return block("auth_hmac", f"key {id} hex:{key.hex()}", f"active_key {id}", *lines)


def start(pair, master_block, backup_block, **options):
    return pair.start_configured(*(instance(p, b, track=False, **options)
                                   for p, b in ((200, master_block), (150, backup_block))))


def alarms(agent, id="auth"):
    return [a for a in agent.status()["alarms"] if a["id"] == id]


def test_c13_every_advert_is_signed_and_newer_than_the_one_before(pair):
    config = (instance(200, hmac_block(), name="four", vrid=51, advert="0.05", track=False)
              + instance(200, hmac_block(), name="two", vrid=52, version=2, advert="1", vips=("10.0.0.2",), track=False)
              + instance(200, hmac_block(), name="six", vrid=53, advert="0.05", vips=("fe80::9:1",), track=False))
    agent = pair.agent(pair.master, config).start()
    for name in ("four", "two", "six"):
        agent.wait_state("MASTER", 15, name)
    pair.watcher.wait(30, host="mastersql", event="advert", dir="out", vrid=51, count=100)
    pair.watcher.wait(30, host="mastersql", event="advert", dir="out", vrid=53, count=100)
    pair.watcher.wait(30, host="mastersql", event="advert", dir="out", vrid=52, count=4)
    assert agent.stop() == 0
    for vrid, version, count in ((51, 3, 100), (52, 2, 5), (53, 3, 100)):
        sent = until(lambda vrid=vrid: [p for p in vrrp(pair.watcher, pair.master, vrid)
                                        if p.priority == 0] and vrrp(pair.watcher, pair.master, vrid), 10,
                     "the resignation to be captured")
        assert len(sent) >= count and {p.version for p in sent} == {version}
        assert all(p.signed_with(KEY) for p in sent)
        assert [p.seq for p in sent] == sorted({p.seq for p in sent})
        assert sent[-1].priority == 0


@pytest.mark.parametrize("replay", ["time", "monotonic"])
def test_pair_with_one_key_agrees_and_fails_over(pair, replay):
    agents = start(pair, hmac_block(f"anti_replay {replay}"), hmac_block(f"anti_replay {replay}"))
    assert not refusals(agents["backupsql"].instance())
    agents["mastersql"].stop()
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    agents["mastersql"].start()
    pair.watcher.allow_overlap(0.15)
    pair.watcher.wait_holder(pair.master, VIP, 10)
    agents["backupsql"].wait_state("BACKUP", 5)


def test_key_is_changed_host_by_host_without_a_break(pair):
    """Both ids are known to both hosts while the signing one changes."""
    both = (f"key 2 hex:{OTHER.hex()}",)
    agents = start(pair, hmac_block(*both), block("auth_hmac", f"key 1 hex:{KEY.hex()}", *both, "active_key 2"))
    agents["mastersql"].stop()
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    agents["mastersql"].start()
    pair.watcher.allow_overlap(0.15)
    pair.watcher.wait_holder(pair.master, VIP, 10)
    assert not refusals(agents["mastersql"].instance()) and not refusals(agents["backupsql"].instance())
    assert {p.trailer[1] for p in vrrp(pair.watcher, pair.backup)} == {2}


def reload(agent, *lines, priority):
    """Another auth_hmac block for a running agent."""
    agent.configure(instance(priority, *lines, track=False))
    agent.host.run([agent.build.sqlvipctl, "reload"])


def test_key_is_changed_by_reloads_without_a_break(pair):
    """Known to both, then signing, then the old one goes; from no authentication at all to enforce."""
    old, new = f"key 1 hex:{KEY.hex()}", f"key 2 hex:{OTHER.hex()}"
    agents = start(pair, "", "")
    steps = [(old, "mode receive-only"), (old, "mode permissive"), (old,), (old, new, "active_key 1"),
             (old, new, "active_key 2"), (new,)]
    for step in steps:
        for name, priority in (("backupsql", 150), ("mastersql", 200)):
            reload(agents[name], block("auth_hmac", *step), priority=priority)
            pair.watcher.wait_adverts(pair.master, 3, 10)
    assert pair.watcher.moves(VIP) == 1
    assert not refusals(agents["backupsql"].instance())
    sent = [p for p in vrrp(pair.watcher, pair.master) if p.trailer]
    assert {p.trailer[1] for p in sent} == {1, 2}
    assert [p.seq for p in sent] == sorted({p.seq for p in sent})


def test_what_was_accepted_before_a_reload_is_a_replay_after_it(pair):
    lines = hmac_block("anti_replay monotonic")
    agent = pair.agent(pair.master, instance(100, lines, track=False)).start()
    rogue = Forge(pair, pair.client)
    recorded = Advert(auth=Hmac(KEY)).fixed()
    rogue.send(recorded)
    until(lambda: agent.instance()["counters"]["advert_rcvd"] == 1, 5, "the advert to be accepted")
    reload(agent, lines, priority=101)
    assert agent.instance()["priority"]["base"] == 101
    rogue.send(recorded)
    until(lambda: agent.instance()["counters"]["auth_ext_replay"] == 1, 5, "the replay to be refused")
    assert agent.instance()["counters"]["advert_rcvd"] == 1


def test_c34_receive_only_sends_no_trailer(pair):
    start(pair, hmac_block("mode receive-only"), hmac_block("mode permissive"))
    sent = vrrp(pair.watcher, pair.master)
    assert sent and all(len(p.payload) == 12 for p in sent)  # and a header of 20: 32 octets, not 60


def test_key_from_a_file_is_the_same_and_nobody_is_told(pair):
    pair.master.write("/etc/sqlvip/key", f"hex:{KEY.hex()}\n", 0o600)
    agents = start(pair, block("auth_hmac", "key 1 file:/etc/sqlvip/key"), hmac_block())
    assert not refusals(agents["backupsql"].instance())
    told = agents["mastersql"].test().stdout + str(agents["mastersql"].status()) + agents["mastersql"].process.text()
    assert KEY.hex() not in told and "key 1 \"file:/etc/sqlvip/key\"" in told
    told = agents["backupsql"].test().stdout + str(agents["backupsql"].status()) + agents["backupsql"].process.text()
    assert KEY.hex() not in told


def test_recorded_adverts_sent_again_do_not_keep_a_backup_down(pair):
    """The attacker repeats what a dead master said last."""
    agents = start(pair, hmac_block("anti_replay monotonic"), hmac_block("anti_replay monotonic"))
    recorded = vrrp(pair.watcher, pair.master)[-1]
    stream = Forge(pair, pair.client).stream(
        Advert(src=pair.master.address, message=recorded.payload), every=0.02)
    agents["mastersql"].kill()
    pair.master.run(["ip", "addr", "del", f"{VIP}/32", "dev", "eth0"])
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    until(lambda: agents["backupsql"].instance()["counters"]["auth_ext_replay"] > 5, 10, "replays to be counted")
    stream.kill()


def test_forged_resignation_without_the_key_moves_nothing(pair):
    agents = start(pair, hmac_block(), hmac_block())
    rogue = Forge(pair, pair.client)
    for auth in (None, Hmac(OTHER), Hmac(KEY, offset=-60)):
        rogue.send(Advert(src=pair.master.address, priority=0, interval=0.1, auth=auth), count=50)
    pair.watcher.wait_adverts(pair.master, 10, 5)
    assert pair.watcher.moves(VIP) == 1
    risen = refusals(agents["backupsql"].instance())
    assert set(risen) == {"auth_ext_missing", "auth_ext_invalid_hmac", "auth_ext_stale"}


def test_two_masters_with_different_keys_are_an_alarm_until_one_stops(pair):
    begun = now()
    agents = [pair.agent(host, instance(priority, hmac_block(key=key), track=False)).start()
              for host, priority, key in ((pair.master, 200, KEY), (pair.backup, 150, OTHER))]
    for agent, other in zip(agents, ("192.168.1.2", "192.168.1.1")):
        alarm = until(lambda agent=agent: alarms(agent), 15, "the alarm")[0]
        until(lambda agent=agent: "two masters with different keys, and both hold the addresses" in
              alarms(agent)[0]["text"], 15, "its words")
        assert alarm["instance"] == "VI_1" and other in alarm["text"] and "auth_ext_invalid_hmac" in alarm["text"]
        text = agent.host.run([pair.build.sqlvipctl, "status"]).stdout
        assert other in text and "fail authentication" in text
        agent.process.wait_log(r"alarm: .*fail authentication", 5)
    agents[1].stop()
    pair.watcher.allow_overlap_during(begun, now())
    until(lambda: not alarms(agents[0]), 20, "the alarm to end")
    agents[0].process.wait_log(r"alarm is over: .*fail authentication", 5)


def test_two_masters_with_different_passwords_are_an_alarm(pair):
    agent = pair.agent(pair.master, instance(100, version=2, advert="1", password="secret12", track=False)).start()
    stream = Forge(pair, pair.client).stream(Advert(version=2, password=b"another1"), every=0.9)
    until(lambda: alarms(agent), 20, "the alarm")
    until(lambda: "two masters" in alarms(agent)[0]["text"], 20, "to be master, too")
    assert "192.168.1.50" in alarms(agent)[0]["text"] and "auth_failure" in alarms(agent)[0]["text"]
    stream.kill()
    until(lambda: not alarms(agent), 25, "the alarm to end")


def test_wrong_adverts_in_the_name_of_a_good_master_are_told_as_that(pair):
    agents = start(pair, hmac_block(), hmac_block())
    forged = dataclasses.replace(Advert(src=pair.master.address, interval=0.1), auth=Hmac(OTHER))
    Forge(pair, pair.client).stream(forged, every=0.1)
    until(lambda: alarms(agents["backupsql"]), 15, "the alarm")
    assert "Good ones come from there, too" in alarms(agents["backupsql"])[0]["text"]
    assert pair.watcher.moves(VIP) == 1


@pytest.mark.parametrize("lines, says", [
    (("key 1 hex:00",), "octets"), (("key 1 file:/nowhere",), "no such file"),
    ((f"key 1 hex:{KEY.hex()}", "active_key 2"), "active_key is 2"),
])
def test_agent_does_not_start_without_the_authentication_that_is_configured(pair, lines, says):
    agent = pair.agent(pair.master, instance(200, block("auth_hmac", *lines), track=False))
    done = agent.test()
    assert done.returncode != 0 and says in done.stdout + done.stderr
    run = pair.master.run([pair.build.sqlvipd, "-f", agent.configure(), "-n", "-l"], check=False)
    assert run.returncode != 0
    assert not vrrp(pair.watcher, pair.master)
