# SPDX-License-Identifier: Apache-2.0
"""The decision journal: what happened, why, and when; also after the agent is gone."""

import json
import re

from lib.agents import VIP, instance
from lib.wait import now, until

STATE = "/var/lib/sqlvip"


def events(pair, host, *options):
    """What sqlvipctl events --json tells."""
    done = host.run([pair.build.sqlvipctl, "events", "--json", *options])
    return [json.loads(line) for line in done.stdout.splitlines()]


def transitions(pair, host, *options):
    return [(e["from"], e["to"]) for e in events(pair, host, "-k", "transition", *options)]


def test_failover_is_told_with_cause_and_evidence_on_both_hosts(pair):
    pair.start_all()
    at = now()
    pair.mysql["mastersql"].kill()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    lost = until(lambda: [e for e in events(pair, pair.master) if e.get("to") == "FAULT"][-1:], 5, "the fault")[0]
    assert lost["instance"] == "VI_1" and lost["from"] == "MASTER" and lost["mysql"] == "dead"
    assert "mysqld local" in lost["text"] and at <= lost["mono_us"] / 1e6 <= now()
    check = [e for e in events(pair, pair.master, "-i", "local") if e.get("to") == "dead"][-1]
    assert check["kind"] == "check" and check["seq"] < lost["seq"] + 3
    removed = [e for e in events(pair, pair.master, "-k", "address") if "removed" in e["text"]]
    assert removed and removed[-1]["seq"] > lost["seq"]
    took = until(lambda: [e for e in events(pair, pair.backup) if e.get("to") == "MASTER"][-1:], 5, "the takeover")[0]
    assert "resigned" in took["text"] and (took["peer"], took["peer_priority"]) == ("192.168.1.1", 0)
    assert took["priority"] == 150 and took["skew_us"] == 106 * 100000 // 256
    text = pair.backup.run([pair.build.sqlvipctl, "events", "-n", "200"]).stdout
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  VI_1  BACKUP -> MASTER  .*resigned", text, re.M), text
    assert re.search(r"^ +our priority 150, last heard 192.168.1.1 with 0, mysqld alive, down time ", text, re.M), text


def test_journal_survives_a_killed_agent(pair):
    agent = pair.agent(pair.master, instance(200, track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    path = pair.master.path(f"{STATE}/journal.jsonl")
    until(lambda: path.exists() and '"to":"MASTER"' in path.read_text(), 10, "the transition to be written")
    before = transitions(pair, pair.master)
    agent.kill()
    agent.process.wait(5)
    agent.start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    after = until(lambda: t if len(t := transitions(pair, pair.master)) > len(before) + 1 else None, 10, "a new start")
    assert after[:len(before)] == before and after[-1] == ("BACKUP", "MASTER")
    numbers = [e["seq"] for e in events(pair, pair.master, "-n", "1000")]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    starts = [e for e in events(pair, pair.master, "-k", "agent") if "started with" in e["text"]]
    assert len(starts) == 2


def test_unwritable_state_directory_is_an_alarm_and_nothing_else(pair):
    pair.master.write("/var/lib/file", "")
    config = "global_defs {\n state_directory /var/lib/file/none\n}\n" + instance(200, track=False)
    agent = pair.agent(pair.master, config).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    alarm = until(lambda: [a for a in agent.status()["alarms"] if a["id"] == "state_directory"], 10, "the alarm")[0]
    assert "/var/lib/file/none" in alarm["text"]
    assert transitions(pair, pair.master)[-1] == ("BACKUP", "MASTER")


def test_events_can_be_followed(pair):
    agent = pair.agent(pair.master, instance(200, track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    # It asks again and again; that it tells of one event shows that it has begun.
    follower = pair.master.popen([pair.build.sqlvipctl, "events", "-n", "1", "-f"], "follower")
    follower.wait_log(r"VI_1  ", 10)
    pair.master.run(["ip", "link", "set", "eth0", "down"])
    follower.wait_log(r"VI_1  MASTER -> FAULT", 10)
    pair.master.run(["ip", "link", "set", "eth0", "up"])
    follower.wait_log(r"VI_1  FAULT -> BACKUP", 10)
    assert "INIT" not in follower.text()
    agent.stop()
    assert follower.wait(10) == 1


def test_events_of_a_name_that_never_was_are_refused_and_of_one_that_is_gone_shown(pair):
    gone = instance(200, name="VI_2", vrid=52, vips=("192.168.1.101",), track=False)
    agent = pair.agent(pair.master, instance(200, track=False) + gone).start()
    agent.wait_state("MASTER", 10, "VI_2")
    agent.configure(instance(200, track=False))
    pair.master.run([pair.build.sqlvipctl, "reload"])
    assert [e["to"] for e in events(pair, pair.master, "-i", "VI_2", "-k", "transition")][:2] == ["BACKUP", "MASTER"]
    for words, text in ((["-i", "VI_l"], 'there is no instance, group, check or tracked interface "VI_l"; do you mean '
                                         "VI_1?"),
                        (["-k", "transitions"], 'there is no kind of event "transitions"; do you mean transition? '
                                                "There are: agent, transition")):
        done = pair.master.run([pair.build.sqlvipctl, "events", *words], check=False)
        assert done.returncode == 1 and text in done.stderr and not done.stdout, done
    agent.stop()
    agent.start()
    assert events(pair, pair.master, "-i", "VI_2", "-n", "1")
    assert not events(pair, pair.master, "-i", "VI_1", "-k", "rival")


def test_wrong_arguments_of_events_are_told(pair):
    pair.agent(pair.master, instance(200, track=False)).start()
    for arguments, code in ((["-S", "yesterday"], 2), (["-n", "many"], 2), (["-k", "gossip"], 1), (["x"], 2),
                            (["-i", "VI_2"], 1)):
        done = pair.master.run([pair.build.sqlvipctl, "events", *arguments], check=False)
        assert done.returncode == code and done.stderr, done
    assert pair.master.run([pair.build.sqlvipctl, "status", "-n", "1"], check=False).returncode == 2
    assert "INIT -> BACKUP" in pair.master.run([pair.build.sqlvipctl, "events", "-S", "10min"]).stdout
