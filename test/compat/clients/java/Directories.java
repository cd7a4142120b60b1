import java.io.BufferedWriter;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.StatPersisted;
import org.apache.zookeeper.server.DataNode;
import org.apache.zookeeper.server.DataTree;
import org.apache.zookeeper.server.Request;
import org.apache.zookeeper.server.ServerMetrics;
import org.apache.zookeeper.server.ZKDatabase;
import org.apache.zookeeper.server.persistence.FileTxnLog;
import org.apache.zookeeper.server.persistence.FileTxnSnapLog;
import org.apache.zookeeper.server.persistence.TxnLog;

/**
 * Apache's own storage classes at work on data directories. For each number given: says what they start with from
 * N/ours and N/exported, and writes the history in N/ours once more, as Apache would have, into N/theirs.
 * Arguments: the directory with all of these, the first number, and the number behind the last one.
 */
public class Directories {
    public static void main(String[] args) throws Exception {
        System.setProperty("zookeeper.extendedTypesEnabled", "true");
        System.setProperty("zookeeper.preAllocSize", "64");
        Path base = Path.of(args[0]);
        for (int n = Integer.parseInt(args[1]); n < Integer.parseInt(args[2]); n++) {
            Path workload = base.resolve(String.valueOf(n));
            dump(loaded(workload.resolve("ours")), workload.resolve("ours.java.txt"));
            dump(loaded(workload.resolve("exported")), workload.resolve("exported.java.txt"));
            rewrite(workload.resolve("ours"), workload.resolve("theirs"), new Random(n));
            System.out.println("done " + n);
        }
        System.out.println("digest mismatches " + ServerMetrics.getMetrics().DIGEST_MISMATCHES_COUNT.get());
    }

    /** As a server starts. */
    private static ZKDatabase loaded(Path directory) throws Exception {
        ZKDatabase database = new ZKDatabase(new FileTxnSnapLog(directory.toFile(), directory.toFile()));
        database.loadDataBase();
        return database;
    }

    private static void rewrite(Path from, Path to, Random random) throws Exception {
        FileTxnSnapLog target = new FileTxnSnapLog(to.toFile(), to.toFile());
        DataTree tree = new DataTree();
        ConcurrentHashMap<Long, Integer> sessions = new ConcurrentHashMap<>();
        target.save(tree, sessions, true);
        TxnLog.TxnIterator txns = new FileTxnLog(new File(from.toFile(), "version-2")).read(1);
        do {
            Request request = new Request(txns.getHeader().getClientId(), txns.getHeader().getCxid(), txns.getHeader().getType(), txns.getHeader(), txns.getTxn(), txns.getHeader().getZxid());
            request.setTxnDigest(txns.getDigest());
            target.append(request);
            target.processTransaction(txns.getHeader(), tree, sessions, txns.getTxn());
            if (random.nextInt(20) == 0) target.commit();
            if (random.nextInt(60) == 0) {
                target.commit();
                target.rollLog();
                target.save(tree, sessions, true);
            }
        } while (txns.next());
        txns.close();
        target.commit();
        target.close();
    }

    private static void dump(ZKDatabase database, Path file) throws Exception {
        List<String> lines = new ArrayList<>();
        lines.add("last " + database.getDataTreeLastProcessedZxid());
        for (Map.Entry<Long, Integer> session : new TreeMap<>(database.getSessionWithTimeOuts()).entrySet()) {
            lines.add("session " + session.getKey() + " " + session.getValue());
        }
        nodes(database.getDataTree(), "", lines);
        Collections.sort(lines);
        try (BufferedWriter out = Files.newBufferedWriter(file, StandardCharsets.UTF_8)) {
            for (String line : lines) out.write(line + "\n");
        }
        database.close();
    }

    private static void nodes(DataTree tree, String path, List<String> lines) {
        if (path.equals("/zookeeper/config")) return; // each server's own
        DataNode node = tree.getNode(path);
        StatPersisted stat = node.stat;
        byte[] data = node.getData();
        StringBuilder line = new StringBuilder("node ").append(path).append(' ').append(data == null ? "null" : Base64.getEncoder().encodeToString(data));
        for (ACL acl : tree.getACL(node)) line.append(' ').append(acl.getPerms()).append(':').append(acl.getId().getScheme()).append(':').append(acl.getId().getId());
        for (long field : new long[] {stat.getCzxid(), stat.getMzxid(), stat.getCtime(), stat.getMtime(), stat.getVersion(), stat.getCversion(), stat.getAversion(), stat.getEphemeralOwner(), stat.getPzxid()}) {
            line.append(' ').append(field);
        }
        lines.add(line.toString());
        for (String child : node.getChildren()) nodes(tree, path + "/" + child, lines);
    }
}
