#!/bin/sh
# In the place of Apache's zkServer.sh: the same words, the same files, the same answers.
here=$(cd "$(dirname "$(readlink -f "$0" 2>/dev/null || echo "$0")")" && pwd)

if [ "$1" = --config ]; then
  ZOOCFGDIR=$2
  export ZOOCFGDIR
  shift 2
fi
for environment in "${ZOOCFGDIR:-$here/../conf}/zookeeper-env.sh" "${ZOOCFGDIR:-$here/../conf}/java.env"; do
  # Exported as Apache's scripts do for the variables they know: JVMFLAGS and SERVER_JVMFLAGS carry -D settings.
  if [ -f "$environment" ]; then
    set -a
    . "$environment"
    set +a
  fi
done

case "$1" in
  start | start-foreground | stop | restart | status | version | print-cmd)
    exec node "$here/../zk-server.js" "$@"
    ;;
  *)
    echo "Usage: $0 [--config <conf-dir>] {start|start-foreground|stop|version|restart|status|print-cmd}" >&2
    ;;
esac
