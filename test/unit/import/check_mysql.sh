#!/bin/bash
# Ends keepalived when MySQL is gone: the VIP moves.
MYSQL=/usr/bin/mysql
for i in 1 2 3; do
    mysql -h127.0.0.1 -P 3307 -umonitor -pMonPass1 -e "select 1;" >/dev/null 2>&1
    [ $? -eq 0 ] && exit 0
    sleep 1
done
systemctl stop keepalived
