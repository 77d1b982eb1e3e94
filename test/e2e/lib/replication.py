# SPDX-License-Identifier: Apache-2.0
"""MariaDB replication between hosts: GTIDs, and short times so that tests are short."""

from lib.wait import until

OPTIONS = ["--log-bin=bin", "--log-slave-updates", "--gtid-strict-mode=ON", "--gtid-domain-id=0"]


def prepare_primary(server):
    """An account for replicas, the privilege that the probe's account needs, and something to replicate."""
    server.sql("CREATE USER repl@'%'; GRANT REPLICATION SLAVE ON *.* TO repl@'%'; "
               "GRANT SLAVE MONITOR ON *.* TO sqlvip@localhost; "
               "CREATE DATABASE app; CREATE TABLE app.t (n INT PRIMARY KEY)")


def follow(replica, primary):
    """Makes `replica` one of `primary`, read only, and waits until it has everything."""
    replica.sql(f"CHANGE MASTER TO master_host='{primary.host.address}', master_user='repl', master_connect_retry=1, "
                "master_heartbeat_period=0.5, master_use_gtid=slave_pos; START SLAVE; SET GLOBAL read_only=1")
    wait_equal(replica, primary)


def wait_equal(replica, primary, seconds=20):
    """Waits until the replica has applied what the primary has written."""
    until(lambda: primary.sql("SELECT @@gtid_binlog_pos") == replica.sql("SELECT @@gtid_slave_pos"), seconds,
          lambda: f"the replica to catch up: {replica.sql('SHOW ALL SLAVES STATUS')}", step=0.05)
