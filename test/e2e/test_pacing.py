# SPDX-License-Identifier: Apache-2.0
"""Announcements on one interface, spaced whichever instance sends them."""

from lib.agents import VIP, instance
from lib.wait import until

VIPS = (VIP, "192.168.1.101"), ("192.168.1.102", "192.168.1.103")


def announced(pair, since=0.0):
    return pair.watcher.find(since, host="mastersql", dir="out", event="garp")


def test_instances_take_turns_and_keep_the_distance(pair):
    config = "global_defs {\n vrrp_garp_interval 0.1\n}\n" + "".join(
        instance(200, "garp_master_delay 0", name=f"VI_{i}", vrid=50 + i, vips=vips, track=False)
        for i, vips in enumerate(VIPS, 1))
    pair.agent(pair.master, config).start()
    until(lambda: len(announced(pair)) == 20, 15, lambda: f"twenty ARPs; {len(announced(pair))} came")
    events = announced(pair)
    assert min(b["t"] - a["t"] for a, b in zip(events, events[1:])) > 0.08
    # Both instances have begun before one of them is at its end.
    first = [e["address"] for e in events[:8]]
    assert set(first) == {v for vips in VIPS for v in vips}


def test_what_waits_is_dropped_when_the_instance_leaves_master(pair):
    config = "global_defs {\n vrrp_garp_interval 0.2\n}\n" + instance(
        200, "garp_master_repeat 100", vips=VIPS[0], track=False)
    agent = pair.agent(pair.master, config).start()
    until(lambda: len(announced(pair)) >= 3, 15, "some ARPs")
    at = agent.term()
    gone = pair.watcher.wait_no_holder(pair.master, VIP, 5)
    agent.process.wait(10)
    assert not announced(pair, max(at + 0.1, gone))
