#!/bin/sh
# Writes zoo.cfg and myid from the variables of the official zookeeper image, where they are missing, and runs the command.
set -eu

: "${ZOO_CONF_DIR:=/conf}" "${ZOO_DATA_DIR:=/data}" "${ZOO_DATA_LOG_DIR:=/datalog}" "${ZOO_LOG_DIR:=/logs}"
ZOOCFGDIR=$ZOO_CONF_DIR
export ZOOCFGDIR ZOO_LOG_DIR

# Started as root: give the volumes to ZOO_USER, then be that user. ZOO_USER=root stays root.
: "${ZOO_USER:=zookeeper}"
if [ "${1:-}" = zkServer.sh ] && [ "$(id -u)" = 0 ] && [ "$(id -u "$ZOO_USER")" != 0 ]; then
  chown -R "$ZOO_USER": "$ZOO_CONF_DIR" "$ZOO_DATA_DIR" "$ZOO_DATA_LOG_DIR" "$ZOO_LOG_DIR"
  exec setpriv --reuid="$ZOO_USER" --regid="$(id -g "$ZOO_USER")" --clear-groups "$0" "$@"
fi

CONFIG=$ZOO_CONF_DIR/zoo.cfg
if [ ! -f "$CONFIG" ]; then
  # There is no clientPort line: the port is in the server line, behind the semicolon.
  {
    echo "dataDir=$ZOO_DATA_DIR"
    echo "dataLogDir=$ZOO_DATA_LOG_DIR"
    echo "tickTime=${ZOO_TICK_TIME:-2000}"
    echo "initLimit=${ZOO_INIT_LIMIT:-5}"
    echo "syncLimit=${ZOO_SYNC_LIMIT:-2}"
    echo "autopurge.snapRetainCount=${ZOO_AUTOPURGE_SNAPRETAINCOUNT:-3}"
    # The one default that is not the official image's: old snapshots and logs go, as they do outside of a container.
    echo "autopurge.purgeInterval=${ZOO_AUTOPURGE_PURGEINTERVAL:-1}"
    echo "maxClientCnxns=${ZOO_MAX_CLIENT_CNXNS:-60}"
    echo "standaloneEnabled=${ZOO_STANDALONE_ENABLED:-true}"
    echo "admin.enableServer=${ZOO_ADMINSERVER_ENABLED:-true}"
    for server in ${ZOO_SERVERS:-server.1=localhost:2888:3888;2181}; do
      echo "$server"
    done
    if [ -n "${ZOO_4LW_COMMANDS_WHITELIST:-}" ]; then
      echo "4lw.commands.whitelist=$ZOO_4LW_COMMANDS_WHITELIST"
    fi
    set -f # a value may be *
    for extra in ${ZOO_CFG_EXTRA:-}; do
      echo "$extra"
    done
    set +f
  } >"$CONFIG"
fi

if [ ! -f "$ZOO_DATA_DIR/myid" ]; then
  echo "${ZOO_MY_ID:-1}" >"$ZOO_DATA_DIR/myid"
fi

exec "$@"
