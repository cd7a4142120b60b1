#!/bin/sh
# In the place of Apache's zkCleanup.sh: -n N, or dataLogDir [snapDir] -n N.
here=$(cd "$(dirname "$(readlink -f "$0" 2>/dev/null || echo "$0")")" && pwd)
exec node "$here/../zk-server.js" cleanup "$@"
