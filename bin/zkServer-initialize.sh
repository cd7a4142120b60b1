#!/bin/sh
# In the place of Apache's zkServer-initialize.sh: [--force] [--configfile=FILE] [--myid=N].
here=$(cd "$(dirname "$(readlink -f "$0" 2>/dev/null || echo "$0")")" && pwd)
exec node "$here/../zk-server.js" init "$@"
