import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/**
 * The Java client while the servers are exchanged one by one: counts a znode up, creates others, and watches the first,
 * until a line comes in; then says what was lost, if anything.
 */
public final class RollingMove implements Watcher {
    private static final String COUNTER = "/java";
    private static final int TIMEOUT_MS = 20_000;

    private final CompletableFuture<Void> connected = new CompletableFuture<>();
    private final AtomicBoolean expired = new AtomicBoolean();
    private final AtomicBoolean stopping = new AtomicBoolean();
    private final AtomicLong seen = new AtomicLong();
    private final List<String> created = new ArrayList<>();
    private final ZooKeeper zk;

    private RollingMove(String hosts) throws Exception {
        zk = new ZooKeeper(hosts, TIMEOUT_MS, this);
        connected.get(20, TimeUnit.SECONDS);
    }

    public static void main(String[] args) throws Exception {
        RollingMove story = new RollingMove(args[0]);
        Thread listener = new Thread(() -> {
            try {
                new BufferedReader(new InputStreamReader(System.in)).readLine();
            } catch (java.io.IOException e) {
                e.printStackTrace();
            }
            story.stopping.set(true);
        });
        listener.setDaemon(true);
        listener.start();
        story.tell();
        System.out.println("ok");
    }

    @Override
    public void process(WatchedEvent event) {
        if (event.getState() == Event.KeeperState.SyncConnected) connected.complete(null);
        if (event.getState() == Event.KeeperState.Expired) expired.set(true);
        if (event.getType() == Event.EventType.NodeDataChanged) watch();
    }

    private void tell() throws Exception {
        zk.create(COUNTER, bytes(0), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.create(COUNTER + "-alive", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        long session = zk.getSessionId();
        watch();
        System.out.println("watching");
        long acknowledged = 0;
        for (int attempt = 0; !stopping.get(); attempt++) {
            try {
                zk.setData(COUNTER, bytes(acknowledged + 1), -1);
                acknowledged++;
                String path = COUNTER + "/n" + attempt;
                zk.create(path, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
                created.add(path);
            } catch (KeeperException.ConnectionLossException e) {
                Thread.sleep(10); // on its way to another server; whether it was written, nobody knows
            }
        }
        check(!expired.get() && zk.getSessionId() == session, "the session was lost");
        check(zk.exists(COUNTER + "-alive", false) != null, "the session's ephemeral is gone");
        check(number(zk.getData(COUNTER, false, null)) >= acknowledged, "an acknowledged change is gone");
        List<String> children = zk.getChildren(COUNTER, false);
        for (String path : created) check(children.contains(path.substring(COUNTER.length() + 1)), path + " was acknowledged and is gone");
        for (int i = 0; i < 200 && seen.get() < acknowledged; i++) Thread.sleep(50);
        check(seen.get() >= acknowledged, "the watch saw " + seen + " of " + acknowledged);
        System.out.println((acknowledged + created.size()) + " writes");
        zk.close();
    }

    /** A change that comes while nobody is connected is told on the next connection, because this watch is registered again. */
    private void watch() {
        zk.getData(COUNTER, true, (int rc, String path, Object context, byte[] data, Stat stat) -> {
            if (rc == KeeperException.Code.OK.intValue()) seen.set(number(data));
            else if (rc == KeeperException.Code.CONNECTIONLOSS.intValue()) watch();
        }, null);
    }

    private static byte[] bytes(long number) {
        return String.valueOf(number).getBytes(StandardCharsets.UTF_8);
    }

    private static long number(byte[] data) {
        return Long.parseLong(new String(data, StandardCharsets.UTF_8));
    }

    private static void check(boolean condition, String message) {
        if (!condition) throw new AssertionError(message);
    }
}
