# SPDX-License-Identifier: Apache-2.0
"""Is this server fit to serve, though alive? Replication between real servers, broken in the ways that it breaks."""

import re

import pytest

from lib.agents import VIP, block, instance, mysql_check
from lib.build import TOP
from lib.mariadb import SOCKET
from lib.replication import OPTIONS, follow, prepare_primary, wait_equal
from lib.wait import until

REPLICATION = "local/replication"


def check(kind, *lines, interval="0.1"):
    """A check block with short times."""
    return block(f"check {kind}", f"interval {interval}", "rise 1", "fall 2", *lines)


def replicate(pair):
    """A primary on mastersql and a replica on backupsql."""
    pair.start_servers(*OPTIONS)
    primary, replica = pair.mysql["mastersql"], pair.mysql["backupsql"]
    prepare_primary(primary)
    follow(replica, primary)
    return primary, replica


def start(pair, *lines):
    """Agents on both hosts whose vrrp_mysql has these lines; returns those of mastersql and backupsql."""
    pair.start_agents(check=mysql_check(*lines))
    agents = pair.agents["mastersql"], pair.agents["backupsql"]
    for agent in agents:
        agent.wait_check(10, REPLICATION, state="up")
    return agents


def stop_slave(primary, replica):
    replica.sql("STOP SLAVE")
    return "replication is stopped"


def break_sql_thread(primary, replica):
    """A row that is there already on the replica only."""
    replica.sql("SET sql_log_bin=0; INSERT INTO app.t VALUES (7)")
    primary.sql("INSERT INTO app.t VALUES (7)")
    return "the SQL thread stopped: 1062"


def lock_out(primary, replica):
    """The account of replication is lost, and its receiver comes anew."""
    primary.sql("DROP USER repl@'%'")
    replica.sql("STOP SLAVE IO_THREAD; START SLAVE IO_THREAD")
    return "1045"


@pytest.mark.parametrize("break_it", [stop_slave, break_sql_thread, lock_out])
def test_backup_whose_replication_is_broken_does_not_take_the_vip(pair, break_it):
    primary, replica = replicate(pair)
    _, backup = start(pair, check("replication", "max_lag 10", "fail"))
    reason = break_it(primary, replica)
    status = backup.wait_check(10, REPLICATION, state="down")
    assert reason in status["reason"]
    backup.wait_state("FAULT", 5)
    assert REPLICATION in backup.instance()["cause"]
    at = primary.kill()
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    pair.agents["mastersql"].wait_state("FAULT", 5)
    pair.agents["backupsql"].wait_check(5, REPLICATION, state="down")
    assert pair.watcher.holders(VIP) == []
    assert not pair.watcher.find(at, host="backupsql", event="advert", dir="out")
    # Mended, it serves.
    replica.sql("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only=0")
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    assert backup.check(REPLICATION)["value"] == "primary"


def test_replica_whose_primary_has_died_takes_the_vip(pair):
    primary, _ = replicate(pair)
    _, backup = start(pair, check("replication", "max_lag 10", "fail"))
    primary.kill()
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    status = backup.wait_check(5, REPLICATION, state="up")
    until(lambda: "io Connecting" in backup.check(REPLICATION)["value"], 10, lambda: f"the loss to be seen: {status}")
    assert backup.check(REPLICATION)["state"] == "up"
    assert pair.watcher.holders(VIP) == ["backupsql"]


def test_replica_without_its_primary_fails_if_asked_for(pair):
    primary, _ = replicate(pair)
    _, backup = start(pair, check("replication", "primary_lost fail", "weight -60"))
    pair.agents["mastersql"].stop()
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    primary.kill()
    status = backup.wait_check(15, REPLICATION, state="down")
    assert "the primary cannot be reached" in status["reason"]
    until(lambda: backup.instance()["priority"]["effective"] == 90, 5, "the priority to fall")


def test_host_with_a_broken_replica_takes_the_vip_last(pair):
    third = pair.add("thirdsql", "192.168.1.3")
    primary, replica = replicate(pair)
    other = pair.server(third, *OPTIONS).start()
    follow(other, primary)
    _, backup = start(pair, check("replication", "weight -100"))
    last = pair.agent(third, mysql_check(check("replication", "weight -100")) + instance(120)).start()
    last.wait_check(10, REPLICATION, state="up")
    stop_slave(primary, replica)
    backup.wait_check(5, REPLICATION, state="down")
    until(lambda: backup.instance()["priority"]["effective"] == 50, 5, "the priority to fall")
    (part,) = [c for c in backup.instance()["priority"]["contributions"] if c["kind"] == "check"]
    assert part["name"] == REPLICATION and part["adds"] == -100 and part["effect"] == "counts"
    primary.kill()
    last.wait_state("MASTER", 5)
    assert backup.instance()["state"] == "BACKUP"
    # Nobody better is left: then the broken one.
    other.kill()
    backup.wait_state("MASTER", 5)
    pair.watcher.wait_holder(pair.backup, VIP, 5)


def test_replica_that_is_far_behind_does_not_take_the_vip(pair):
    primary, replica = replicate(pair)
    _, backup = start(pair, check("replication", "max_lag 1", "fail"))
    lock = replica.host.popen(["mariadb", "--no-defaults", "-u", "root", "-N", "-e",
                               "FLUSH TABLES WITH READ LOCK; SELECT 'locked'; SELECT SLEEP(600)", "-n"], "lock")
    lock.wait_log("locked", 10)
    primary.sql("INSERT INTO app.t VALUES (1)")
    status = backup.wait_check(15, REPLICATION, state="down")
    assert "more than max_lag 1 s" in status["reason"] and status["lag_s"] >= 2
    backup.wait_state("FAULT", 5)
    lock.kill()
    for thread in replica.sql("SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'").split():
        replica.sql(f"KILL {thread}", check=False)
    wait_equal(replica, primary)
    backup.wait_check(10, REPLICATION, state="up")
    backup.wait_state("BACKUP", 5)


def test_silence_of_the_primary_is_seen_by_missing_heartbeats(pair):
    primary, _ = replicate(pair)
    _, backup = start(pair, check("replication", "max_silence 1.5", "weight -20"))
    primary.stop()
    status = backup.wait_check(15, REPLICATION, state="down")
    assert "nothing from the primary" in status["reason"]
    primary.cont()
    backup.wait_check(15, REPLICATION, state="up")


def test_role_that_is_required_decides_who_may_hold_the_vip(pair):
    primary, replica = replicate(pair)
    lines = mysql_check(check("role", "require writable", "fail"))
    master = pair.agent(pair.master, lines + instance(200)).start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    backup = pair.agent(pair.backup, lines + instance(150)).start()
    master.wait_check(5, "local/role", state="up", value="writable")
    backup.wait_check(5, "local/role", state="down", value="read only")
    backup.wait_state("FAULT", 5)
    primary.sql("SET GLOBAL read_only=1")
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    master.wait_state("FAULT", 5)
    assert pair.watcher.holders(VIP) == []
    # The operator promotes the replica: the VIP follows.
    replica.sql("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only=0")
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    assert "writable" in backup.check("local/role")["reason"]


def test_dead_server_is_the_probes_business_and_its_checks_count_for_nothing(pair):
    primary, replica = replicate(pair)
    lines = mysql_check(check("replication", "weight -100"), weight="-30")
    pair.start_agents(check=lines)
    backup = pair.agents["backupsql"]
    backup.wait_check(10, REPLICATION, state="up")
    stop_slave(primary, replica)
    until(lambda: backup.instance()["priority"]["effective"] == 50, 10, "the check to count")
    replica.kill()
    until(lambda: backup.instance()["priority"]["effective"] == 120, 5, "the probe alone to count")
    status = backup.check(REPLICATION)
    assert status["state"] == "pending" and "not asked" in status["reason"]
    replica.restart()
    replica.sql("STOP SLAVE")
    until(lambda: backup.instance()["priority"]["effective"] == 50, 10, "the check to count again")


@pytest.mark.parametrize("if_denied", ["complain", "fail"])
def test_missing_privilege_is_loud_and_fails_only_if_asked_for(pair, if_denied):
    server = pair.server(pair.master, *OPTIONS).start()
    lines = mysql_check(check("replication", "fail", f"if_denied {if_denied}"))
    agent = pair.agent(pair.master, lines + instance(200)).start()
    agent.process.wait_log(r"local/replication.*1227.*GRANT SLAVE MONITOR", 10)
    if if_denied == "complain":
        pair.watcher.wait_holder(pair.master, VIP, 10)
        assert agent.check(REPLICATION)["state"] == "pending" and agent.check(REPLICATION)["complaint"]
    else:
        agent.wait_state("FAULT", 10)
    mark = agent.process.mark()
    server.sql("GRANT SLAVE MONITOR ON *.* TO sqlvip@localhost")
    # A global privilege counts from the next login on.
    for thread in server.sql("SELECT id FROM information_schema.processlist WHERE user = 'sqlvip'").split():
        server.sql(f"KILL {thread}", check=False)
    agent.process.wait_log("alarm is over|replication: check is up", 10, mark)
    pair.watcher.wait_holder(pair.master, VIP, 10)
    text = agent.host.run([agent.build.sqlvipctl, "status"]).stdout
    assert "local/replication" in text and "primary" in text and "writable" in text


def test_galera_node_serves_only_while_it_is_synced(pair):
    pair.master.write("/etc/hosts", "127.0.0.1 localhost\n192.168.1.1 mastersql\n")
    server = pair.server(pair.master, "--wsrep-on=ON", "--wsrep-provider=/usr/lib/galera/libgalera_smm.so",
                         "--wsrep-cluster-address=gcomm://", "--wsrep-node-address=192.168.1.1",
                         "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--wsrep-new-cluster").start()
    agent = pair.agent(pair.master, mysql_check(check("galera", "fail")) + instance(200)).start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    status = agent.wait_check(5, "local/galera", state="up")
    assert status["value"] == "Synced, cluster Primary, ready"
    server.sql("SET GLOBAL wsrep_desync=ON")
    status = agent.wait_check(5, "local/galera", state="down")
    assert "state 2" in status["reason"]
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    server.sql("SET GLOBAL wsrep_desync=OFF")
    pair.watcher.wait_holder(pair.master, VIP, 10)


def test_server_that_is_no_galera_node_fails_the_check(pair):
    pair.server(pair.master).start()
    agent = pair.agent(pair.master, mysql_check(check("galera", "fail")) + instance(200)).start()
    status = agent.wait_check(10, "local/galera", state="down")
    assert "not a node" in status["reason"]
    agent.wait_state("FAULT", 5)


def test_example_of_the_replica_keeps_the_vip_from_a_broken_one(pair):
    """etc/examples/replica as it is shipped, but for the password's file, which the test hosts have."""
    primary, replica = replicate(pair)
    configs = [(TOP / "etc" / "examples" / "replica" / f"{name}.conf").read_text() for name in ("mastersql", "backupsql")]
    pair.start_configured(*configs, seconds=20)
    backup = pair.agents["backupsql"]
    backup.wait_check(10, "mysqld/replication", state="up")
    break_sql_thread(primary, replica)
    backup.wait_check(15, "mysqld/replication", state="down")
    primary.kill()
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    backup.wait_state("FAULT", 5)
    replica.sql("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only=0")
    pair.watcher.wait_holder(pair.backup, VIP, 20)


@pytest.mark.parametrize("text", ["README.md", "man/sqlvip.conf.5", "etc/sqlvip.conf",
                                  "etc/examples/two-hosts/mastersql.conf", "etc/examples/replica/mastersql.conf"])
def test_account_as_documented_does_not_stop_replication_when_both_hosts_got_it(pair, text):
    """The documents say: on the primary only. Who was quicker than that must not pay with his replica."""
    statement = re.search(r"CREATE USER [^;\n]*?sqlvip@localhost [^;\n]*;", (TOP / text).read_text())[0]
    pair.start_servers("--log-bin=bin", "--log-slave-updates")
    primary, replica = pair.mysql["mastersql"], pair.mysql["backupsql"]
    prepare_primary(primary)
    primary.sql("DROP USER sqlvip@localhost")
    follow(replica, primary)
    replica.sql(statement)
    primary.sql(statement)
    primary.sql("INSERT INTO app.t VALUES (1)")
    wait_equal(replica, primary)
    assert replica.sql("SELECT n FROM app.t") == "1"


def test_reload_keeps_what_a_check_knows_and_takes_new_ones(pair):
    primary, replica = replicate(pair)
    _, backup = start(pair, check("replication", "fail"))
    connects = backup.check(REPLICATION)["connects"]
    stop_slave(primary, replica)
    backup.wait_state("FAULT", 10)
    mark = backup.process.mark()
    for lines in ([check("replication", "weight -20")], [check("replication", "weight -20", "max_lag 9"),
                                                         check("role", "require replica", "weight -5")]):
        backup.configure(mysql_check(*lines) + instance(150))
        backup.host.run([backup.build.sqlvipctl, "reload"])
        until(lambda: backup.instance()["priority"]["effective"] == 130, 5,
              lambda: f"the weight to count: {backup.instance()}")
    assert not backup.process.search(r"local/replication: check is", mark), "the verdict stays"
    assert backup.check(REPLICATION)["connects"] == connects
    backup.wait_check(5, "local/role", state="up")
    replica.sql("SET GLOBAL read_only=0")
    until(lambda: backup.instance()["priority"]["effective"] == 125, 5, "the new check to count")
    backup.configure(mysql_check() + instance(150))
    backup.host.run([backup.build.sqlvipctl, "reload"])
    until(lambda: backup.instance()["priority"]["effective"] == 150, 5, "no check to count")
    assert [c["name"] for c in backup.status()["checks"]] == ["local"]


# Hands everything on between a socket of its own and the server's, but what follows a question with this text.
PROXY = """
import os, socket, sys, threading
mine, theirs, text = sys.argv[1], sys.argv[2], sys.argv[3].encode()

def carry(source, sink, mute):
    while data := source.recv(65536):
        if mute and text in data:
            print("muted", flush=True)
            return  # the question is never passed on, and the connection stays open
        sink.sendall(data)
    sink.close()

listener = socket.socket(socket.AF_UNIX)
listener.bind(mine)
listener.listen(100)
print("ready", flush=True)
while True:
    client = listener.accept()[0]
    server = socket.socket(socket.AF_UNIX)
    server.connect(theirs)
    threading.Thread(target=carry, args=(client, server, True), daemon=True).start()
    threading.Thread(target=carry, args=(server, client, False), daemon=True).start()
"""


def test_check_without_an_answer_fails_by_itself_and_never_holds_up_the_heartbeat(pair):
    pair.server(pair.master).start()
    proxy = pair.master.popen(["/usr/bin/python3", "-c", PROXY, "/run/mysqld/proxy.sock", SOCKET, "SHOW ALL SLAVES"],
                              "proxy")
    proxy.wait_log("ready", 10)
    lines = mysql_check(check("replication", "weight -30", "timeout 0.3"), socket="/run/mysqld/proxy.sock")
    agent = pair.agent(pair.master, lines + instance(200)).start()
    status = agent.wait_check(10, REPLICATION, state="down")
    assert "no answer for" in status["reason"]
    until(lambda: agent.instance()["priority"]["effective"] == 170, 5, "the failure to count")
    before = agent.check()
    pair.watcher.wait_adverts(pair.master, 20, 10)
    after = agent.check()
    assert after["verdict"] == "alive" and after["failures"] == 0 and after["connects"] == 1
    assert after["queries"] >= before["queries"] + 10
    assert pair.watcher.moves(VIP) == 1
