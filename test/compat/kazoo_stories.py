"""Stories told by kazoo, a Python client: `python3 kazoo_stories.py <story> <host:port,...>` prints `<story>: ok`."""

import os
import signal
import subprocess
import sys
import threading
import time

from kazoo.client import KazooClient, KeeperState
from kazoo.exceptions import BadVersionError, ConnectionLoss, NoAuthError, NodeExistsError, NoNodeError, NotReadOnlyCallError
from kazoo.retry import KazooRetry
from kazoo.security import make_digest_acl

SESSION_TIMEOUT_SECONDS = 4.0


def connect(hosts, **options):
    client = KazooClient(hosts=hosts, timeout=SESSION_TIMEOUT_SECONDS, randomize_hosts=False, **options)
    client.start(timeout=20)
    return client


def data_watch(hosts):
    """DataWatch on /app/business/config, on each server; a set through another server reaches all of them."""
    servers = hosts.split(",")
    clients = [connect(server) for server in servers]
    path = "/app/business/config"
    clients[0].ensure_path(path)
    seen = [[] for _ in clients]
    arrived = [threading.Condition() for _ in clients]

    def watcher(index):
        def changed(data, stat):
            with arrived[index]:
                seen[index].append(data)
                arrived[index].notify_all()

        return changed

    for index, client in enumerate(clients):
        client.sync(path)
        client.DataWatch(path, watcher(index))
    for index, client in enumerate(clients):
        value = b"v%d" % index
        client.set(path, value)
        for other in range(len(clients)):
            with arrived[other]:
                assert arrived[other].wait_for(lambda: value in seen[other], timeout=10), (
                    "server %d did not tell of %r: %r" % (other, value, seen[other])
                )
    for client in clients:
        client.stop()
        client.close()


def register(hosts):
    """The process that is killed: registers itself, says so, and waits to be killed."""
    client = connect(hosts)
    client.create("/service/business/what", b"10.0.0.7:8080", ephemeral=True, makepath=True)
    print("registered", flush=True)
    threading.Event().wait()


def service_registration(hosts):
    watching = connect(hosts)
    process = subprocess.Popen([sys.executable, __file__, "register", hosts], stdout=subprocess.PIPE)
    assert process.stdout.readline().strip() == b"registered"
    gone = threading.Event()
    watching.sync("/service")
    assert watching.exists("/service/business/what", watch=lambda event: gone.set()) is not None
    os.kill(process.pid, signal.SIGKILL)
    killed = time.monotonic()
    process.wait()
    # Apache promises the session's end between its timeout and one tick later; a second is left for a busy machine.
    assert gone.wait(SESSION_TIMEOUT_SECONDS + 2.5), "the registration outlived its session"
    print("gone after %.1f s" % (time.monotonic() - killed))
    assert watching.exists("/service/business/what") is None
    watching.stop()
    watching.close()


def recipes(hosts):
    one, two = connect(hosts.split(",")[0]), connect(hosts.split(",")[-1])
    lock_one, lock_two = one.Lock("/locks/x", "one"), two.Lock("/locks/x", "two")
    assert lock_one.acquire(timeout=10)
    assert not lock_two.acquire(blocking=False)
    lock_one.release()
    assert lock_two.acquire(timeout=10)
    lock_two.release()

    queue = one.Queue("/queue")
    for value in (b"a", b"b", b"c"):
        queue.put(value)
    two.sync("/queue")
    other = two.Queue("/queue")
    assert [other.get() for _ in range(3)] == [b"a", b"b", b"c"]

    counter = one.Counter("/counter")
    counter += 2
    counter += 3
    assert counter.value == 5

    transaction = one.transaction()
    transaction.create("/tx", b"1")
    transaction.check("/tx", 0)
    transaction.set_data("/tx", b"2")
    results = transaction.commit()
    assert results[0] == "/tx" and results[1] is True and results[2].version == 1, results
    transaction = one.transaction()
    transaction.create("/tx2", b"")
    transaction.check("/tx", 7)
    results = transaction.commit()
    assert isinstance(results[1], BadVersionError), results
    assert one.exists("/tx2") is None
    try:
        one.create("/tx", b"")
        raise AssertionError("created twice")
    except NodeExistsError:
        pass
    for client in (one, two):
        client.stop()
        client.close()


def acls(hosts):
    owner, stranger = connect(hosts), connect(hosts)
    owner.add_auth("digest", "bob:pw")
    owner.create("/private", b"secret", acl=[make_digest_acl("bob", "pw", all=True)])
    stranger.sync("/private")
    try:
        stranger.get("/private")
        raise AssertionError("read without permission")
    except NoAuthError:
        pass
    assert owner.get("/private")[0] == b"secret"
    stranger.add_auth("digest", "bob:pw")
    assert stranger.get("/private")[0] == b"secret"
    try:
        stranger.get("/nothing")
        raise AssertionError("read a node that is not there")
    except NoNodeError:
        pass
    for client in (owner, stranger):
        client.stop()
        client.close()


def witness(hosts):
    """Counts up a znode and watches it until standard input ends; a write or a session that is lost is said."""
    client = KazooClient(hosts=hosts, timeout=20.0)
    lost = []
    client.add_listener(lambda state: lost.append(state) if state == "LOST" else None)
    client.start(timeout=20)
    client.create("/kazoo", b"0")
    client.create("/kazoo-alive", b"", ephemeral=True)
    newest = [0]
    client.DataWatch("/kazoo", lambda data, stat: newest.__setitem__(0, int(data)))
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    print("watching", flush=True)
    acknowledged = 0
    while not ended.is_set():
        try:
            client.retry(client.set, "/kazoo", b"%d" % (acknowledged + 1))
            acknowledged += 1
        except ConnectionLoss:
            continue
    assert int(client.get("/kazoo")[0]) >= acknowledged
    assert client.exists("/kazoo-alive") is not None, "the session's ephemeral is gone"
    assert not lost, "the session was lost"
    deadline = time.monotonic() + 10
    while newest[0] < acknowledged and time.monotonic() < deadline:
        time.sleep(0.05)
    assert newest[0] >= acknowledged, "the watch saw %d of %d" % (newest[0], acknowledged)
    print("%d writes" % acknowledged)
    client.stop()
    client.close()


def leader_kill(hosts):
    """Says `ready`, waits for a line (the servers' leader was killed meanwhile) and goes on with the same session."""
    client = KazooClient(hosts=hosts, timeout=10.0, connection_retry={"max_tries": -1, "delay": 0.05, "max_delay": 0.2})
    client.start(timeout=20)
    base = "/real/kazoo"
    client.create(base, b"0")
    client.create(base + "/me", ephemeral=True)
    assert client.create(base + "/s-", sequence=True) == base + "/s-0000000001"
    changed = threading.Event()
    assert client.get(base, watch=lambda event: changed.set())[0] == b"0"
    lock = client.Lock(base + "/lock", "kazoo")
    assert lock.acquire(timeout=10)
    session = client.client_id[0]
    print("ready", flush=True)
    sys.stdin.readline()

    retry = KazooRetry(max_tries=-1, delay=0.05, max_delay=0.2)
    retry(client.set, base, b"1")
    assert changed.wait(10), "the watch did not survive"
    assert retry(client.exists, base + "/me") is not None, "the ephemeral is gone"
    assert lock.is_acquired
    retry(lock.release)
    assert client.client_id[0] == session, "the session is another one"
    client.stop()
    client.close()
    print("ok", flush=True)


def read_only(hosts):
    """Reads from a server that is cut off from the quorum; says `reads only`, and goes on once there is a quorum again."""
    client = KazooClient(hosts=hosts, timeout=10.0, read_only=True, connection_retry={"max_tries": -1, "delay": 0.05, "max_delay": 0.2})
    client.start(timeout=20)
    assert client.client_state == KeeperState.CONNECTED_RO, client.client_state
    assert client.get("/before")[0] == b"v1"
    assert client.exists("/no-such") is None
    try:
        client.create("/never")
        raise AssertionError("a read-only server took a write")
    except NotReadOnlyCallError:
        pass
    print("reads only", flush=True)
    sys.stdin.readline()

    deadline = time.monotonic() + 60
    while client.client_state != KeeperState.CONNECTED and time.monotonic() < deadline:
        time.sleep(0.05)
    assert client.client_state == KeeperState.CONNECTED, client.client_state
    client.retry(client.create, "/after", b"v2")
    client.stop()
    client.close()


STORIES = {story.__name__: story for story in (data_watch, register, service_registration, recipes, acls, witness, leader_kill, read_only)}

if __name__ == "__main__":
    name, hosts = sys.argv[1], sys.argv[2]
    STORIES[name](hosts)
    print("%s: ok" % name)
