#!/bin/sh
# In the place of Apache's zkCli.sh.
here=$(cd "$(dirname "$(readlink -f "$0" 2>/dev/null || echo "$0")")" && pwd)
exec node "$here/../zk-cli.js" "$@"
