// go-zookeeper: everything once, then the leader is killed, then everything that must have survived.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"
)

const base = "/real/go"

func check(condition bool, message string, facts ...any) {
	if !condition {
		log.Fatal(append([]any{message}, facts...)...)
	}
}

func before(client *zk.Conn) <-chan zk.Event {
	open := zk.WorldACL(zk.PermAll)
	_, err := client.Create(base, []byte("0"), 0, open)
	check(err == nil, "create", err)
	_, err = client.Create(base+"/me", nil, zk.FlagEphemeral, open)
	check(err == nil, "ephemeral", err)
	path, err := client.Create(base+"/s-", nil, zk.FlagSequence, open)
	check(err == nil && path == base+"/s-0000000001", "sequential", path, err)
	_, err = client.Create(base, nil, 0, open)
	check(err == zk.ErrNodeExists, "created twice", err)
	_, err = client.Set(base, nil, 9)
	check(err == zk.ErrBadVersion, "version", err)
	check(client.Delete(base, -1) == zk.ErrNotEmpty, "deleted with children")
	_, err = client.Multi(
		&zk.CheckVersionRequest{Path: base, Version: 0},
		&zk.CreateRequest{Path: base + "/m", Acl: open},
		&zk.DeleteRequest{Path: base + "/m", Version: 0})
	check(err == nil, "multi", err)
	_, err = client.Multi(&zk.SetDataRequest{Path: base, Version: 0}, &zk.DeleteRequest{Path: base + "/nothing", Version: -1})
	check(err == zk.ErrNoNode, "a multi that fails", err)
	children, _, err := client.Children(base)
	check(err == nil && len(children) == 2, "children", children, err)
	check(client.AddAuth("digest", []byte("bob:pw")) == nil, "auth")
	data, _, events, err := client.GetW(base)
	check(err == nil && string(data) == "0", "get", data, err)
	return events
}

func after(client *zk.Conn, events <-chan zk.Event) {
	deadline := time.Now().Add(20 * time.Second)
	_, err := client.Set(base, []byte("1"), -1)
	for ; err == zk.ErrConnectionClosed || err == zk.ErrNoServer; _, err = client.Set(base, []byte("1"), -1) {
		check(time.Now().Before(deadline), "never connected again")
		time.Sleep(50 * time.Millisecond) // the client is on its way to another server
	}
	check(err == nil, "set", err)
	select {
	case event := <-events:
		check(event.Type == zk.EventNodeDataChanged && event.Path == base, "another event", event)
	case <-time.After(10 * time.Second):
		log.Fatal("the watch did not survive")
	}
	there, _, err := client.Exists(base + "/me")
	check(err == nil && there, "the ephemeral is gone", err)
}

func main() {
	client, _, err := zk.Connect(strings.Split(os.Args[1], ","), 10*time.Second, zk.WithLogInfo(false))
	check(err == nil, "connect", err)
	events := before(client)
	session := client.SessionID()
	fmt.Println("ready")
	_, err = bufio.NewReader(os.Stdin).ReadString('\n')
	check(err == nil, "nobody told to go on", err)
	after(client, events)
	check(client.SessionID() == session, "the session is another one")
	client.Close()
	fmt.Println("ok")
}
