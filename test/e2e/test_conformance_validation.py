# SPDX-License-Identifier: Apache-2.0
"""What an agent that is backup heeds, and what it refuses.

One agent has an instance for each case. Somebody with priority 200 advertises to each every 0.9 s, each time with one
thing wrong or odd. An instance that heeds that stays backup; one that refuses it becomes master after its Down time of
3.6 s, and of its counters of refusals just one rises. All cases run at the same time, once; the tests look at what came
of it."""

import dataclasses
import os
import re
from dataclasses import dataclass

import pytest

from lib.agents import Sqlvipd, block, instance
from lib.forge import Advert, Forge, Hmac, refusals
from lib.lan import Lan
from lib.wait import until

# One worker runs them all, so that the cases are played once and not by each.
pytestmark = pytest.mark.xdist_group("conformance_validation")

DUT, DUT6, ROGUE, ROGUE6 = "192.168.1.1", "fe80::a1", "192.168.1.50", "fe80::50"
KEY, OTHER = bytes(range(32)), bytes(range(32, 64))
HEX = "hex:" + KEY.hex()
EVERY = 0.9
ALONE = "alone"


def hmac_block(*lines, key=HEX):
    return block("auth_hmac", f"key 1 {key}", "active_key 1", "time_window 5", *lines)


@dataclass
class Case:
    """An instance and what is sent to it; `wrong` are the fields of the advert that are not as they should be."""

    wrong: dict
    lines: tuple = ()
    version: int = 3
    password: str | None = None
    six: bool = False
    replay: bool = False
    others_vrid: bool = False
    own_source: bool = False


def unicast(*peers):
    return (f"unicast_src_ip {DUT}", block("unicast_peer", *peers))


CASES = {
    "c8 reserved": Case(dict(rsvd=15)),
    "c15 v2": Case({}, version=2),
    "c15 v2 password": Case(dict(password=b"secret12"), version=2, password="secret12"),
    "c15 v3": Case({}),
    "c15 ipv6": Case({}, six=True),
    "c16": Case(dict(ttl=254)),
    "c16 ipv6": Case(dict(ttl=254), six=True),
    "c17": Case(dict(version=2)),
    "c17 v3 to v2": Case(dict(version=3), version=2),
    "c18": Case(dict(type=2)),
    "c19 v2": Case(dict(flip=((7, 1),)), version=2),
    "c19 v3": Case(dict(flip=((6, 0x80),))),
    "c19 ipv6": Case(dict(flip=((7, 1),)), six=True),
    "c20": Case(dict(checksum="plain")),
    "c20 the other way": Case(dict(checksum="pseudo"), lines=("v3_checksum_as_v2 on",)),
    "c21": Case(dict(cut=2)),
    "c21 v2": Case(dict(cut=2), version=2),
    "c21 ipv6": Case(dict(cut=2), six=True),
    "c22": Case(dict(tail=bytes(4))),
    "c22 ipv6": Case(dict(tail=bytes(4)), six=True),
    "c23 in the length": Case(dict(tail=bytes(14))),
    "c23 behind it": Case(dict(pad=bytes(14))),
    "c24": Case(dict(interval=2), version=2),
    "c25": Case(dict(interval=5)),
    "c26": Case(dict(interval=0)),
    "c27": Case(dict(password=b"wrong"), version=2, password="secret12"),
    "c27 longer": Case(dict(password=b"secret1"), version=2, password="secret12"),
    "c28": Case({}, version=2, password="secret12"),
    "c28 password to none": Case(dict(password=b"secret12"), version=2),
    "c28 no such type": Case(dict(auth_type=9), version=2),
    "c30 two": Case(dict(vips=("10.9.0.1", "10.9.0.2"))),
    "c30 another": Case(dict(vips=("10.9.9.9",))),
    "c31": Case(dict(vips=())),
    "c32": Case({}, others_vrid=True),
    "c33 good": Case(dict(auth=Hmac(KEY)), lines=(hmac_block(),)),
    "c33 good v2": Case(dict(auth=Hmac(KEY)), lines=(hmac_block(),), version=2),
    "c33 good ipv6": Case(dict(auth=Hmac(KEY)), lines=(hmac_block(),), six=True),
    "c33 replayed": Case(dict(auth=Hmac(KEY)), lines=(hmac_block("anti_replay monotonic"),), replay=True),
    "c33 tampered": Case(dict(auth=Hmac(KEY), flip=((30, 1),)), lines=(hmac_block(),)),
    "c33 another key": Case(dict(auth=Hmac(OTHER)), lines=(hmac_block(),)),
    "c33 unknown key": Case(dict(auth=Hmac(KEY, id=9)), lines=(hmac_block(),)),
    "c33 malformed": Case(dict(auth=Hmac(KEY, type=2)), lines=(hmac_block(),)),
    "c33 reserved": Case(dict(auth=Hmac(KEY, reserved=1)), lines=(hmac_block(),)),
    "c33 missing": Case({}, lines=(hmac_block(),)),
    "c33 missing ipv6": Case({}, lines=(hmac_block(),), six=True),
    "c33 stale": Case(dict(auth=Hmac(KEY, offset=-7)), lines=(hmac_block(),)),
    "c33 early": Case(dict(auth=Hmac(KEY, offset=7)), lines=(hmac_block(),)),
    "c33 not expected": Case(dict(auth=Hmac(KEY))),
    "c34 permissive": Case({}, lines=(hmac_block("mode permissive"),)),
    "c34 receive-only": Case({}, lines=(hmac_block("mode receive-only"),)),
    "c34 permissive wrong": Case(dict(auth=Hmac(OTHER)), lines=(hmac_block("mode permissive"),)),
    "c34 receive-only wrong": Case(dict(auth=Hmac(OTHER)), lines=(hmac_block("mode receive-only"),)),
    "c35": Case(dict(auth=Hmac(KEY, offset=-4)), lines=(hmac_block(),)),
    "c36 peer": Case(dict(dst=DUT), lines=(*unicast(f"{ROGUE} min_ttl 255"),)),
    "c36 stranger": Case(dict(dst=DUT), lines=(*unicast("192.168.1.60"), "check_unicast_src")),
    "c36 ttl": Case(dict(dst=DUT, ttl=254), lines=(*unicast(f"{ROGUE} min_ttl 255"),)),
    "c37 multicast to unicast": Case({}, lines=unicast(ROGUE)),
    "c37 unicast to multicast": Case(dict(dst=DUT)),
    "c38": Case({}, own_source=True),
    "c38 ipv6": Case({}, own_source=True, six=True),
    "c39 options": Case(dict(options=bytes((1, 1, 1, 0)))),
    "c39 longest options": Case(dict(options=bytes((1,)) * 39 + bytes(1))),
    "c39 fragments": Case(dict(vips=tuple(f"10.9.1.{i}" for i in range(50)), mtu=60, ip_id=100)),
    "c39 a fragment alone": Case(dict(fragment=0x2000, ip_id=101)),
    "c39 a last fragment alone": Case(dict(fragment=0x0010, ip_id=102)),
    "c39 one octet": Case(dict(message=b"\x31")),
    "c39 64 kilobytes": Case(dict(tail=bytes(60000), ip_id=103)),
}


def config_of(name, vrid, case):
    vip = f"fe80::9:{vrid:x}" if case.six else f"10.9.0.{vrid}"
    return instance(100, *case.lines, name=f'"{name}"'.replace(" ", "_"), vrid=vrid, version=case.version, advert="1",
                    vips=(vip,), password=case.password, track=False)


def advert_of(vrid, case):
    fields = dict(src=ROGUE6 if case.six else ROGUE, version=case.version,
                  vrid=250 if case.others_vrid else vrid, priority=200,
                  vips=(f"fe80::9:{vrid:x}" if case.six else f"10.9.0.{vrid}",))
    if case.own_source:
        fields["src"] = DUT6 if case.six else DUT
    advert = Advert(**(fields | case.wrong))
    return advert.fixed() if case.replay else advert


class Outcome:
    """What came of a case."""

    def __init__(self, status, log):
        self.status, self.log = status, log
        self.counters = status["counters"]

    def stayed_backup(self):
        assert self.status["state"].upper() == "BACKUP" and self.counters["become_master"] == 0, self.status
        assert self.counters["advert_rcvd"] >= 6
        assert not refusals(self.status), self.status

    def took_over(self, counter=None):
        assert self.status["state"].upper() == "MASTER" and self.counters["become_master"] == 1, self.status
        assert self.counters["advert_rcvd"] == 0
        risen = refusals(self.status)
        assert set(risen) == ({counter} if counter else set()), risen
        assert not counter or risen[counter] >= 3


class Stage:
    """Runs all cases at once."""

    def __init__(self, build, folder):
        self.outcomes = {}
        with Lan(build, folder) as lan:
            dut = lan.add("dut", DUT)
            rogue = lan.add("rogue", ROGUE)
            dut.run(["ip", "-6", "addr", "flush", "dev", "eth0"])
            dut.run(["ip", "addr", "add", f"{DUT6}/64", "dev", "eth0"])
            lan.watch()
            self._run(lan, dut, rogue)
            lan.watcher.judge_packets()

    def _run(self, lan, dut, rogue):
        numbered = list(enumerate(CASES.items(), 1))
        mac = dut.mac()
        adverts = [advert_of(vrid, case) for vrid, (_, case) in numbered]
        adverts = [a if a.dst is None else dataclasses.replace(a, dst_mac=mac) for a in adverts]
        Forge(lan, rogue).stream(*adverts, every=EVERY)
        agent = Sqlvipd(dut, lan.build, "".join(config_of(name, vrid, case) for vrid, (name, case) in numbered) +
                        instance(1, name=ALONE, vrid=240, advert="1", vips=("10.9.0.240",), track=False)).start()
        agent.wait_state("MASTER", 20, ALONE)
        until(lambda: agent.instance("c15_v3")["counters"]["advert_rcvd"] >= 8, 30, "eight adverts to be heard")
        status = agent.status()
        log = agent.process.text()
        for entry in status["instances"]:
            name = entry["name"].replace("_", " ")
            self.outcomes[name] = Outcome(entry, [line for line in log.splitlines() if entry["name"] in line])
        assert agent.stop() == 0

    def __getitem__(self, name):
        return self.outcomes[name]


@pytest.fixture(scope="module")
def stage(build):
    """Should workers share these tests nevertheless, each has its own."""
    folder = build.shared / "run" / f"conformance-validation.{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    return Stage(build, folder)


def test_c8_reserved_nibble_is_ignored(stage):
    stage["c8 reserved"].stayed_backup()


@pytest.mark.parametrize("name", ["c15 v2", "c15 v2 password", "c15 v3", "c15 ipv6"])
def test_c15_good_adverts_are_heeded(stage, name):
    stage[name].stayed_backup()


@pytest.mark.parametrize("name, counter", [
    ("c16", "ip_ttl_err"), ("c16 ipv6", "ip_ttl_err"),
    ("c17", "vers_err"), ("c17 v3 to v2", "vers_err"),
    ("c18", "invalid_type_rcvd"),
    ("c19 v2", "chk_err"), ("c19 v3", "chk_err"), ("c19 ipv6", "chk_err"),
    ("c21", "packet_len_err"), ("c21 v2", "packet_len_err"), ("c21 ipv6", "packet_len_err"),
    ("c22", "packet_len_err"), ("c22 ipv6", "packet_len_err"),
    ("c24", "advert_interval_err"),
    ("c26", "advert_interval_zero"),
    ("c27", "auth_failure"), ("c27 longer", "auth_failure"),
    ("c28", "authtype_mismatch"), ("c28 password to none", "authtype_mismatch"),
    ("c28 no such type", "invalid_authtype"),
    ("c31", "addr_count_zero"),
    ("c32", None),
    ("c38", None),  # the kernel takes it for a martian
    ("c38 ipv6", "own_src"),
])
def test_c16_to_c38_wrong_advert_is_refused_with_its_reason(stage, name, counter):
    stage[name].took_over(counter)


@pytest.mark.parametrize("name", ["c20", "c20 the other way"])
def test_c20_other_checksum_is_accepted_and_counted(stage, name):
    stage[name].stayed_backup()
    assert stage[name].counters["csum_alt"] >= 6


@pytest.mark.parametrize("name", ["c23 in the length", "c23 behind it"])
def test_c23_ethernet_padding_is_tolerated(stage, name):
    stage[name].stayed_backup()


def test_c25_other_interval_of_version_3_is_accepted_and_counted(stage):
    stage["c25"].stayed_backup()
    assert stage["c25"].counters["advert_interval_diff"] >= 6
    assert stage["c25"].status["down_s"] == pytest.approx(18.05, abs=0.01)


def test_c25_silence_of_a_slow_master_is_waited_out_by_its_interval(pair, soak):
    """Down is three of the master's intervals, not of ours: 3.6 s here, 18.05 s at full length."""
    interval = soak(1, 5)
    stream = Forge(pair, pair.client).stream(Advert(interval=interval), every=0.5)
    agent = pair.agent(pair.master, instance(100, advert="0.2", track=False)).start()
    until(lambda: agent.instance()["counters"]["advert_rcvd"] >= 3, 10, "adverts to be heard")
    stream.kill()
    last = pair.watcher.find(host="client", event="advert", dir="out")[-1]["t"]
    took = pair.watcher.wait_holder(pair.master, "192.168.1.100", 8 * interval)
    down = 3 * interval + 156 / 256 * interval
    assert down - 0.1 < took - last < down + 1


def test_c26_interval_of_zero_does_not_make_it_flap(stage):
    assert stage["c26"].counters["become_master"] == 1
    assert stage["c26"].counters["release_master"] == 0


@pytest.mark.parametrize("name", ["c30 two", "c30 another"])
def test_c30_other_addresses_are_accepted_and_counted(stage, name):
    stage[name].stayed_backup()
    assert stage[name].counters["addr_list_err"] >= 6


def test_c32_other_vrid_is_not_logged(stage):
    assert stage["c32"].counters["wire_vrid_err"] >= 6
    assert not re.search(r"refused.*vrid", "\n".join(stage["c32"].log))


@pytest.mark.parametrize("name", ["c33 good", "c33 good v2", "c33 good ipv6"])
def test_c33_signed_adverts_are_heeded(stage, name):
    stage[name].stayed_backup()


@pytest.mark.parametrize("name, counter", [
    ("c33 tampered", "auth_ext_invalid_hmac"), ("c33 another key", "auth_ext_invalid_hmac"),
    ("c33 unknown key", "auth_ext_unknown_key"),
    ("c33 malformed", "auth_ext_malformed"), ("c33 reserved", "auth_ext_malformed"),
    ("c33 missing", "auth_ext_missing"), ("c33 missing ipv6", "auth_ext_missing"),
    ("c33 stale", "auth_ext_stale"), ("c33 early", "auth_ext_stale"),
    ("c33 not expected", "packet_len_err"),
    ("c34 permissive wrong", "auth_ext_invalid_hmac"), ("c34 receive-only wrong", "auth_ext_invalid_hmac"),
])
def test_c33_wrong_trailer_is_refused_with_its_reason(stage, name, counter):
    stage[name].took_over(counter)


def test_c33_replayed_advert_is_refused(stage):
    outcome = stage["c33 replayed"]
    assert outcome.status["state"].upper() == "MASTER"
    assert set(refusals(outcome.status)) == {"auth_ext_replay"}
    assert outcome.counters["advert_rcvd"] == 1  # the first time it was new


@pytest.mark.parametrize("name", ["c34 permissive", "c34 receive-only"])
def test_c34_adverts_without_a_trailer_are_heeded(stage, name):
    stage[name].stayed_backup()


def test_c35_clock_that_is_off_is_warned_about_once(stage):
    outcome = stage["c35"]
    outcome.stayed_backup()
    warnings = [line for line in outcome.log if re.search(r"clock of 192\.168\.1\.50 is [345] s behind ours", line)]
    assert len(warnings) == 1, outcome.log
    assert outcome.counters["auth_clock_skew"] >= 6


def test_c36_peer_with_its_ttl_is_heeded(stage):
    stage["c36 peer"].stayed_backup()


@pytest.mark.parametrize("name, counters", [
    # Where unicast instances share the wire, the packet of a stranger reaches none of them.
    ("c36 stranger", {"unknown_peer"}), ("c36 ttl", {"ip_ttl_err"}),
    ("c37 multicast to unicast", set()), ("c37 unicast to multicast", set()),
])
def test_c36_c37_strangers_and_the_other_kind_of_address_are_refused(stage, name, counters):
    outcome = stage[name]
    assert outcome.status["state"].upper() == "MASTER" and outcome.counters["advert_rcvd"] == 0, outcome.status
    assert set(refusals(outcome.status)) <= counters


@pytest.mark.parametrize("name", ["c39 options", "c39 longest options", "c39 fragments"])
def test_c39_options_and_whole_fragments_are_understood(stage, name):
    stage[name].stayed_backup()


@pytest.mark.parametrize("name", ["c39 a fragment alone", "c39 a last fragment alone", "c39 one octet",
                                  "c39 64 kilobytes"])
def test_c39_what_is_no_whole_advert_is_ignored(stage, name):
    stage[name].took_over()
    assert stage[name].counters["wire_rx_trunc"] >= 3  # shared by all on the wire


def test_each_refusal_is_logged_once_a_second_at_most(stage):
    for name, outcome in stage.outcomes.items():
        refused = [line for line in outcome.log if "refused an advert" in line]
        assert len(refused) <= 15, (name, refused)
