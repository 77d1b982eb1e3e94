# SPDX-License-Identifier: Apache-2.0
"""The keepalived.conf that people have: it runs unchanged, and says what it lacks."""

import re

from lib.agents import VIP
from lib.wait import until

SCRIPT = """vrrp_script check_mysql {
    script sh /tmp/check_mysql.sh
    interval 2
}
"""

SEED = """global_defs {{
    router_id LVS_DEVEL
}}
{script}vrrp_instance VI_1 {{
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 100
    advert_int 1
    authentication {{
        auth_type PASS
        auth_pass 1111
    }}
    virtual_ipaddress {{
        192.168.1.100
    }}
}}
"""

MASTER = SEED.format(script=SCRIPT)
BACKUP = SEED.format(script="")


def advised(text):
    """The blocks that the agent advises to add: a whole vrrp_mysql, and a track_mysql for the instance."""
    body = re.sub(r"^\d{4}-\S+ \S+ ", "", text, flags=re.MULTILINE)  # the log's time
    check = re.search(r"^\s*vrrp_mysql \S+ \{.*?^\s*\}", body, re.MULTILINE | re.DOTALL)
    track = re.search(r"^\s*track_mysql \{.*?^\s*\}", body, re.MULTILINE | re.DOTALL)
    assert check and track, f"no advice in:\n{text}"
    return check.group(), track.group()


def with_advice(config, text):
    """The configuration with the advised lines where they belong."""
    check, track = advised(text)
    at = config.rindex("}")
    return check + "\n" + config[:at] + track + "\n}\n"


def test_seed_is_valid_and_told_that_nothing_watches_mysql(pair):
    agent = pair.agent(pair.master, MASTER)
    done = agent.test()
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert "check_mysql" in said and "track_script" in said  # defined, but nobody tracks it
    check, track = advised(done.stderr if "track_mysql {" in done.stderr else said)
    assert "socket" in check and track


def test_seed_has_one_holder_and_moves_when_the_host_goes(pair):
    pair.master.write("/tmp/check_mysql.sh", "touch /tmp/ran\n")
    agents = pair.start_configured(MASTER, BACKUP)
    assert advised(agents["mastersql"].process.text())
    assert [e["priority"] for e in pair.watcher.adverts(pair.master)][-1] == 100
    pair.watcher.wait_adverts(pair.master, 3, 10)
    assert pair.watcher.holders(VIP) == ["mastersql"]
    assert "192.168.1.100/32" in pair.master.addresses()
    assert not pair.master.path("/tmp/ran").exists()
    pair.pull(pair.master)
    pair.watcher.wait_holder(pair.backup, VIP, 10)


def test_seed_with_the_advised_lines_moves_when_mysqld_is_killed(pair):
    servers = pair.start_servers()
    configs = []
    for host, seed in ((pair.master, MASTER), (pair.backup, BACKUP)):
        done = pair.agent(host, seed).test()
        configs.append(with_advice(seed, done.stderr if "track_mysql {" in done.stderr else done.stdout))
    pair.start_configured(*configs)
    client = pair.ping()
    client.wait_answer(pair.master, 5)
    servers["mastersql"].kill()
    client.wait_answer(pair.backup, 10)
    until(lambda: pair.watcher.holders(VIP) == ["backupsql"], 5, "one holder")
