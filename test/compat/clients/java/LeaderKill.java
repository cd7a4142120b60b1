import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/** The Java client: everything once, then the leader is killed, then everything that must have survived. */
public final class LeaderKill {
    private static final String BASE = "/real/java";
    private static final int TIMEOUT_MS = 10_000;

    private final ZooKeeper zk;
    private final LinkedBlockingQueue<WatchedEvent> dataEvents = new LinkedBlockingQueue<>();
    private final LinkedBlockingQueue<WatchedEvent> treeEvents = new LinkedBlockingQueue<>();

    private LeaderKill(ZooKeeper zk) {
        this.zk = zk;
    }

    public static void main(String[] args) throws Exception {
        CompletableFuture<Void> connected = new CompletableFuture<>();
        ZooKeeper zk = new ZooKeeper(args[0], TIMEOUT_MS, event -> connected.complete(null));
        connected.get(20, TimeUnit.SECONDS);
        LeaderKill story = new LeaderKill(zk);
        story.before();
        long session = zk.getSessionId();
        System.out.println("ready");
        new BufferedReader(new InputStreamReader(System.in)).readLine();
        story.after();
        check(zk.getSessionId() == session, "the session is another one");
        zk.close();
        System.out.println("ok");
    }

    private void before() throws Exception {
        zk.create(BASE, bytes("0"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        Stat stat = new Stat();
        zk.create(BASE + "/me", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL, stat);
        check(stat.getEphemeralOwner() == zk.getSessionId(), "somebody else's ephemeral");
        check(zk.create(BASE + "/s-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL).equals(BASE + "/s-0000000001"), "sequence");
        zk.create(BASE + "/box", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER);
        fails(KeeperException.Code.NODEEXISTS, () -> zk.create(BASE, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        fails(KeeperException.Code.BADVERSION, () -> zk.setData(BASE, null, 9));
        fails(KeeperException.Code.NOTEMPTY, () -> zk.delete(BASE, -1));

        List<OpResult> results = zk.multi(Arrays.asList(
            Op.check(BASE, 0), Op.create(BASE + "/m", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT), Op.delete(BASE + "/m", 0)));
        check(results.size() == 3, "results of a multi");
        fails(KeeperException.Code.NONODE, () -> zk.multi(Arrays.asList(Op.setData(BASE, bytes("x"), 0), Op.delete(BASE + "/nothing", -1))));
        results = zk.multi(Arrays.asList(Op.getData(BASE), Op.getChildren(BASE + "/nothing")));
        check(Arrays.equals(((OpResult.GetDataResult) results.get(0)).getData(), bytes("0")), "multiRead");

        CompletableFuture<String> async = new CompletableFuture<>();
        zk.getData(BASE, false, (rc, path, context, data, found) -> async.complete(rc + " " + new String(data) + " " + context), "context");
        check(async.get(10, TimeUnit.SECONDS).equals("0 0 context"), "an asynchronous read");
        CompletableFuture<Integer> many = new CompletableFuture<>();
        zk.create(BASE + "/async", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, (rc, path, context, name) -> { }, null);
        zk.sync(BASE, (rc, path, context) -> { }, null);
        zk.getChildren(BASE, false, (rc, path, context, children) -> many.complete(children.size()), null);
        check(many.get(10, TimeUnit.SECONDS) == 4, "a read behind a write sees it");
        check(zk.getEphemerals().equals(Arrays.asList(BASE + "/me")), "getEphemerals");
        check(zk.getAllChildrenNumber(BASE) == 4, "getAllChildrenNumber");
        check(zk.whoAmI().get(0).getAuthScheme().equals("ip"), "whoAmI");

        zk.getData(BASE, dataEvents::add, null);
        zk.addWatch(BASE, treeEvents::add, AddWatchMode.PERSISTENT_RECURSIVE);
    }

    private void after() throws Exception {
        Stat stat = null;
        for (int attempt = 0; stat == null; attempt++) {
            try {
                stat = zk.setData(BASE, bytes("1"), -1);
            } catch (KeeperException.ConnectionLossException e) {
                check(attempt < 200, "never connected again");
                Thread.sleep(50); // the client is on its way to another server
            }
        }
        check(zk.exists(BASE + "/me", false) != null, "the ephemeral is gone");
        zk.create(BASE + "/after", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        awaits(dataEvents, EventType.NodeDataChanged, BASE);
        awaits(treeEvents, EventType.NodeDataChanged, BASE);
        awaits(treeEvents, EventType.NodeCreated, BASE + "/after");
    }

    private static void awaits(LinkedBlockingQueue<WatchedEvent> events, EventType type, String path) throws InterruptedException {
        for (;;) {
            WatchedEvent event = events.poll(10, TimeUnit.SECONDS);
            check(event != null, "no " + type + " " + path);
            if (event.getType() == type && event.getPath().equals(path)) return;
        }
    }

    private interface Request {
        void run() throws Exception;
    }

    private static void fails(KeeperException.Code code, Request request) throws Exception {
        try {
            request.run();
        } catch (KeeperException e) {
            check(e.code() == code, e + " instead of " + code);
            return;
        }
        throw new AssertionError("succeeded instead of " + code);
    }

    private static void check(boolean condition, String message) {
        if (!condition) throw new AssertionError(message);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
