import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.RetryForever;

/** Curator: a leader latch and a mutex, held by one client while another waits, across the death of the servers' leader. */
public final class Recipes {
    public static void main(String[] args) throws Exception {
        try (CuratorFramework one = client(args[0]); CuratorFramework two = client(args[0])) {
            LeaderLatch latch = new LeaderLatch(one, "/real/curator/latch", "one");
            LeaderLatch waiting = new LeaderLatch(two, "/real/curator/latch", "two");
            latch.start();
            check(latch.await(20, TimeUnit.SECONDS), "one does not lead");
            waiting.start();
            InterProcessMutex mutex = new InterProcessMutex(one, "/real/curator/mutex");
            InterProcessMutex other = new InterProcessMutex(two, "/real/curator/mutex");
            check(mutex.acquire(10, TimeUnit.SECONDS), "one has no mutex");
            check(!other.acquire(200, TimeUnit.MILLISECONDS), "two holders of a mutex");
            System.out.println("ready");
            new BufferedReader(new InputStreamReader(System.in)).readLine();

            two.create().forPath("/real/curator/after"); // retried until a server takes it
            check(mutex.isAcquiredInThisProcess(), "the mutex is lost");
            check(!other.acquire(200, TimeUnit.MILLISECONDS), "two holders of a mutex");
            mutex.release();
            check(other.acquire(10, TimeUnit.SECONDS), "two has no mutex");
            other.release();
            latch.close();
            check(waiting.await(20, TimeUnit.SECONDS), "two does not lead");
            waiting.close();
        }
        System.out.println("ok");
    }

    private static CuratorFramework client(String servers) {
        CuratorFramework client = CuratorFrameworkFactory.newClient(servers, 10_000, 10_000, new RetryForever(50));
        client.start();
        return client;
    }

    private static void check(boolean condition, String message) {
        if (!condition) throw new AssertionError(message);
    }
}
