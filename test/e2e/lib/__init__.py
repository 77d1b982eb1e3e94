# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests, the demo and the bench stand on.

    wait        conditions with deadlines
    build       where the programs under test, the tools and the peers are
    process     a program that runs somewhere, and its log
    lan         a bridge, hosts in namespaces of their own, and what can happen to cables
    mariadb     a MariaDB server on a host
    agents      sqlvipd and keepalived on a host, and their configurations
    watcher     who held which address when, who sent what, and whether that was right
    clients     programs that use the virtual address
    pair        two hosts with all of that, as most tests want it
"""
