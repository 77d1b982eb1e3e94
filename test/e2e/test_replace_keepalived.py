# SPDX-License-Identifier: Apache-2.0
"""A keepalived pair in service becomes a sqlvip pair, one host after the other, while a client uses the VIP."""

import pytest

from lib.agents import VIP, Keepalived, Sqlvipd, instance
from lib.wait import until

PRIORITIES = {"mastersql": 200, "backupsql": 150}
MARGIN = 0.35  # s: connections that were under way, ARP, a busy test machine; Skew_Time itself is 0.4 s and 0.04 s
DIALECTS = {
    "v2-pass": {"version": 2, "advert": "1", "password": "1111"},
    "v3": {"version": 3, "advert": "0.1"},
}


def skew(dialect, priority):
    return (256 - priority) / 256 * (1 if dialect["version"] == 2 else float(dialect["advert"]))


class Step:
    """What the client misses within the block is at most one Skew_Time of the host that takes over."""

    def __init__(self, pair, dialect, taker):
        self.pair = pair
        self.most = skew(dialect, PRIORITIES[taker.name]) + MARGIN

    def __enter__(self):
        self.client = self.pair.ping(interval_us=2000)
        until(lambda: self.client.find(event="answer"), 10, "the client to be served")

    def __exit__(self, failed, *_):
        summary = self.client.finish()
        if not failed:
            assert summary["gap_ms"] <= 1000 * self.most, summary


def replace(pair, old, config):
    """Stops the old agent on its host, and starts sqlvipd with the same file."""
    host = old.host
    assert old.stop() == 0
    return Sqlvipd(host, pair.build, config).start()


@pytest.mark.parametrize("name", DIALECTS)
def test_keepalived_pair_is_replaced_host_by_host_under_load(pair, name):
    dialect = DIALECTS[name]
    configs = {host: instance(priority, track=False, **dialect) for host, priority in PRIORITIES.items()}
    # Who preempts speaks before the other can have heard it; keepalived adds its addresses at once after that.
    pair.watcher.allow_overlap(0.1)
    pair.start_servers()
    old = {}
    for host in (pair.master, pair.backup):
        old[host.name] = Keepalived(host, pair.build, configs[host.name]).start()
        if host is pair.master:
            pair.watcher.wait_holder(host, VIP, 15)
    pair.watcher.wait_adverts(pair.master, 4, 15)

    with Step(pair, dialect, pair.backup):  # nobody notices
        new_backup = replace(pair, old["backupsql"], configs["backupsql"])
        new_backup.wait_state("BACKUP", 10)
        pair.watcher.wait_adverts(pair.master, 5, 15)
    assert pair.watcher.moves(VIP) == 1

    with Step(pair, dialect, pair.backup):  # there, when keepalived resigns
        assert old["mastersql"].stop() == 0
        pair.watcher.wait_holder(pair.backup, VIP, 10)
        pair.watcher.wait_adverts(pair.backup, 4, 15)
    with Step(pair, dialect, pair.master):  # and back, by preemption
        new_master = Sqlvipd(pair.master, pair.build, configs["mastersql"]).start()
        pair.watcher.wait_holder(pair.master, VIP, 15)
        pair.watcher.wait_adverts(pair.master, 4, 15)
    new_master.wait_state("MASTER", 5)
    new_backup.wait_state("BACKUP", 5)
    assert pair.watcher.moves(VIP) == 3
