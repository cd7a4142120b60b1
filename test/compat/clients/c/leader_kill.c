/* The C client (libzookeeper_mt): everything once, then the leader is killed, then everything that must have survived. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#define BASE "/real/c"
#define TIMEOUT_MS 10000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int connected = 0, data_changed = 0, children_seen = -1;

static void check(int condition, const char *message) {
  if (condition) return;
  fprintf(stderr, "%s\n", message);
  exit(1);
}

static void set(int *flag, int value) {
  pthread_mutex_lock(&lock);
  *flag = value;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

static void wait_for(int *flag, int value, const char *message) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += 20;
  pthread_mutex_lock(&lock);
  while (*flag != value) check(pthread_cond_timedwait(&changed, &lock, &deadline) == 0, message);
  pthread_mutex_unlock(&lock);
}

static void session_watcher(zhandle_t *zk, int type, int state, const char *path, void *context) {
  (void)zk, (void)path, (void)context;
  if (type == ZOO_SESSION_EVENT) set(&connected, state == ZOO_CONNECTED_STATE);
}

static void data_watcher(zhandle_t *zk, int type, int state, const char *path, void *context) {
  (void)zk, (void)state, (void)context;
  if (type == ZOO_CHANGED_EVENT && strcmp(path, BASE) == 0) set(&data_changed, 1);
}

static void children_done(int rc, const struct String_vector *names, const void *context) {
  (void)context;
  set(&children_seen, rc == ZOK ? names->count : rc);
}

static void before(zhandle_t *zk) {
  char path[64], data[16];
  int length = sizeof data;
  struct Stat stat;
  check(zoo_create(zk, BASE, "0", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, path, sizeof path) == ZOK, "create");
  check(zoo_create2(zk, BASE "/me", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, path, sizeof path, &stat) == ZOK, "create2");
  check(stat.ephemeralOwner == zoo_client_id(zk)->client_id, "somebody else's ephemeral");
  check(zoo_create(zk, BASE "/s-", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL, path, sizeof path) == ZOK, "sequential");
  check(strcmp(path, BASE "/s-0000000001") == 0, path);
  check(zoo_create(zk, BASE, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0) == ZNODEEXISTS, "created twice");
  check(zoo_set(zk, BASE, "x", 1, 9) == ZBADVERSION, "version");
  check(zoo_delete(zk, BASE, -1) == ZNOTEMPTY, "deleted with children");
  check(zoo_get(zk, BASE, 0, data, &length, &stat) == ZOK && length == 1 && data[0] == '0', "get");

  zoo_op_t ops[3];
  zoo_op_result_t results[3];
  zoo_check_op_init(&ops[0], BASE, 0);
  zoo_create_op_init(&ops[1], BASE "/m", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path);
  zoo_delete_op_init(&ops[2], BASE "/m", 0);
  check(zoo_multi(zk, 3, ops, results) == ZOK, "multi");
  zoo_delete_op_init(&ops[2], BASE "/nothing", 0);
  check(zoo_multi(zk, 3, ops, results) == ZNONODE && results[2].err == ZNONODE, "a multi that fails");

  check(zoo_aget_children(zk, BASE, 0, (strings_completion_t)children_done, NULL) == ZOK, "aget_children");
  wait_for(&children_seen, 2, "an asynchronous read");
  check(zoo_wexists(zk, BASE, data_watcher, NULL, &stat) == ZOK, "exists with a watch");
}

static void after(zhandle_t *zk) {
  int rc = ZCONNECTIONLOSS;
  struct Stat stat;
  for (int attempt = 0; rc == ZCONNECTIONLOSS || rc == ZOPERATIONTIMEOUT; attempt++) {
    check(attempt < 100, "never connected again");
    wait_for(&connected, 1, "not connected again");
    rc = zoo_set(zk, BASE, "1", 1, -1);
  }
  check(rc == ZOK, zerror(rc));
  wait_for(&data_changed, 1, "the watch did not survive");
  check(zoo_exists(zk, BASE "/me", 0, &stat) == ZOK, "the ephemeral is gone");
}

int main(int argc, char **argv) {
  char line[64];
  check(argc == 2, "which servers?");
  zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
  zhandle_t *zk = zookeeper_init(argv[1], session_watcher, TIMEOUT_MS, NULL, NULL, 0);
  check(zk != NULL, "zookeeper_init");
  wait_for(&connected, 1, "not connected");
  before(zk);
  int64_t session = zoo_client_id(zk)->client_id;
  puts("ready");
  fflush(stdout);
  check(fgets(line, sizeof line, stdin) != NULL, "nobody told to go on");
  after(zk);
  check(zoo_client_id(zk)->client_id == session, "the session is another one");
  check(zookeeper_close(zk) == ZOK, "close");
  puts("ok");
  return 0;
}
