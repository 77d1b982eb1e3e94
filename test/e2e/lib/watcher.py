# SPDX-License-Identifier: Apache-2.0
"""Who held which address when, who sent what, and whether that was right.

The recorder is test/tools/vipwatch; here its lines become events, periods and judgements."""

import itertools
import json
from dataclasses import dataclass

from lib import pcap, tshark
from lib.process import Process
from lib.wait import now, until

# Address events are stamped when the recorder reads them, up to its own wake-up after the fact. A hand-over that is
# out of order would overlap for a whole Skew_Time, 4 ms at the very least.
TOLERANCE = 0.003


@dataclass(frozen=True)
class Period:
    """One host had one address from `start` to `end` (None: still has)."""

    host: str
    address: str
    start: float
    end: float | None

    def overlap(self, other, at):
        """Start and end of what the two have in common; `at` stands for the end of what has none."""
        start = max(self.start, other.start)
        end = min(at if self.end is None else self.end, at if other.end is None else other.end)
        return (start, end) if end > start else None


def _matching(events, since, fields):
    return [e for e in events if e["t"] >= since and all(
        e.get(k) in v if isinstance(v, tuple) else e.get(k) == v for k, v in fields.items())]


def judge_capture(capture, sources=None, v3_without_pseudo_header=False):
    """Watcher.judge_packets() of this capture."""
    # An auth_hmac trailer over IPv4 is not in the checksum; tshark does not know that, and we look ourselves.
    signed = "((vrrp.version == 2 && ip.len == 64 + 4 * vrrp.addr_count) || " \
             "(vrrp.version == 3 && ip.len == 56 + 4 * vrrp.addr_count))"
    broken = f"_ws.malformed || (vrrp.checksum.status == 0 && !{signed}) || ip.checksum.status == 0 || " \
             "_ws.expert.severity == error"
    if sources:
        broken = f"({broken}) && ip.src in {{{', '.join(sources)}}}"
    prefs = {"ip.check_checksum": "TRUE", "vrrp.v3_checksum_as_in_v2": "TRUE" if v3_without_pseudo_header else "FALSE"}
    found = tshark.matches(capture, broken, prefs)
    assert not found, (f"tshark objects to {len(found)} of the packets in {capture}, numbers {found[:20]}:\n"
                       f"{tshark.describe(capture, found[:20], prefs)[:4000]}")
    wrong = [p for p in pcap.packets(capture) if len(p.trailer) == 28 and p.family == 4 and not p.checksum_right
             and (not sources or p.src in sources)]
    assert not wrong, f"wrong checksums before a trailer: {wrong}"


class Watcher:
    """Records everything from its start on; asked for events, it reads what has been written since."""

    def __init__(self, lan, folder, every_ms=0):
        self.pcap = folder / "sent.pcap"
        self._events = []
        self._offset = 0
        self._there = set()
        self._allowed = 0.0
        self._allowed_during = []
        self._rubbish_from = []
        self.hosts = list(lan.hosts)
        argv = [lan.build.tool("vipwatch"), "-w", self.pcap, "-e", every_ms,
                *(f"{host.name}={host.pid}" for host in lan.hosts.values())]
        self.process = Process(list(map(str, argv)), folder / "watcher.jsonl", "vipwatch")
        until(lambda: self.find(event="watching"), 10, "the watcher to watch")

    # What happened.

    @property
    def events(self):
        """All events so far, as dictionaries in the order in which they were seen."""
        with open(self.process.log, "rb") as f:
            f.seek(self._offset)
            new = f.read()
        complete = new.rfind(b"\n") + 1
        self._offset += complete
        self._events += [self._told(json.loads(line)) for line in new[:complete].splitlines()]
        return self._events

    def _told(self, event):
        """Tells apart what comes from what stays: the kernel reports the renewal of a lifetime as an address."""
        if event["event"] == "address":
            key = event["host"], event["address"]
            if event["op"] == "add" and key in self._there:
                event["op"] = "renew"
            (self._there.discard if event["op"] == "del" else self._there.add)(key)
        return event

    def find(self, since=0.0, **fields):
        """The events from `since` on whose fields have these values. A tuple stands for any of its members."""
        return _matching(self.events, since, fields)

    def wait(self, seconds, since=0.0, count=1, **fields):
        """Waits for `count` such events and returns the last of those."""
        found, seen = [], 0

        def look():  # at what is new: in a flood there is much
            nonlocal seen
            events = self.events
            found.extend(_matching(events[seen:], since, fields))
            seen = len(events)
            return found[count - 1:count]

        return until(look, seconds,
                     lambda: f"{count} × {fields}; there were {self.find(since, **fields)}", step=0.002)[0]

    def adverts(self, host, since=0.0, **fields):
        """The adverts that `host` sent."""
        return self.find(since, host=host.name, event="advert", dir="out", **fields)

    def wait_adverts(self, host, count, seconds, since=None, **fields):
        """Waits until `host` has sent `count` further adverts: the way to let time pass and to see that all is well."""
        return self.wait(seconds, now() if since is None else since, count, host=host.name, event="advert", dir="out",
                         **fields)

    def periods(self, address=None):
        """Who held what from when to when, without the addresses that a host had from the beginning."""
        base, open_, done = set(), {}, []
        for e in self.events:
            if e["event"] != "address" or (address and e["address"].split("/")[0] != address):
                continue
            key = e["host"], e["address"]
            if e["initial"]:
                base.add(key)
            if key in base:
                continue
            if e["op"] != "del":
                open_.setdefault(key, e["t"])
            elif key in open_:
                done.append(Period(*key, open_.pop(key), e["t"]))
        return sorted(done + [Period(*key, t, None) for key, t in open_.items()], key=lambda p: p.start)

    def holders(self, address):
        """The names of the hosts that hold the address now."""
        return [p.host for p in self.periods(address) if p.end is None]

    def wait_holder(self, host, address, seconds):
        """Waits until `host`, and nobody else, holds the address; returns when it got it."""
        def since():
            now_held = [p for p in self.periods(address) if p.end is None]
            return [p.host for p in now_held] == [host.name] and now_held[0].start

        return until(since, seconds, lambda: f"{host.name} to hold {address}; {self.holders(address)} do", step=0.002)

    def wait_no_holder(self, host, address, seconds):
        """Waits until `host` does not hold the address; returns when it lost it, or None if it never had it."""
        until(lambda: host.name not in self.holders(address), seconds, f"{host.name} to drop {address}", step=0.002)
        ends = [p.end for p in self.periods(address) if p.host == host.name]
        return max(ends) if ends else None

    def moves(self, address):
        """How often the address was taken."""
        return len(self.periods(address))

    # Whether that was right.

    def allow_overlap(self, seconds):
        """The test does something that makes two hosts hold an address for so long, as VRRP has it."""
        self._allowed = max(self._allowed, seconds)

    def allow_overlap_during(self, start, end):
        """Two holders are what the test wanted between these times: a partition, up to its healing."""
        self._allowed_during.append((start, end))

    def allow_rubbish_from(self, host):
        """What this host sends is not judged: it sends wrong packets on purpose."""
        self._rubbish_from.append(host.mac())

    def overlaps(self):
        """All (address, host, host, start, end) in which two hosts held the same address, however short."""
        at, found, same = now(), [], {}
        for p in self.periods():
            same.setdefault(p.address.split("/")[0], []).append(p)
        for periods in same.values():
            for a, b in itertools.combinations(periods, 2):
                common = a.overlap(b, at)
                if a.host != b.host and common:
                    found.append((a.address, a.host, b.host, *common))
        return found

    def judge_overlaps(self):
        """Raises AssertionError for an overlap that VRRP did not force."""
        lost = self.find(event="overrun")
        assert not lost, f"the watcher lost events: {lost}"
        bad = []
        for address, a, b, start, end in self.overlaps():
            if end - start <= max(TOLERANCE, self._allowed):
                continue
            if any(first <= start and end <= last for first, last in self._allowed_during):
                continue
            bad.append(f"{address} was on {a} and on {b} for {1000 * (end - start):.1f} ms")
        assert not bad, "; ".join(bad)

    def judge_packets(self, sources=None, v3_without_pseudo_header=False):
        """Raises AssertionError if tshark finds a malformed packet or a wrong checksum in what was sent.

        `sources`: only what was sent from these addresses; for tests in which somebody sends rubbish on purpose."""
        judged = pcap.without(self.pcap, self._rubbish_from) if self._rubbish_from else self.pcap
        judge_capture(judged, sources, v3_without_pseudo_header)

    def judge(self):
        self.judge_overlaps()
        self.judge_packets()

    def end(self):
        if self.process.alive:
            self.process.kill()
            self.process.wait(5)
