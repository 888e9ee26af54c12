//! A Redis Cluster of three nodes on free ports, for one test.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::PATIENCE;

/// Three nodes that share the slots, without replicas. Dropped, their processes are killed and their files removed.
pub struct RedisCluster {
    nodes: Vec<Node>,
    _directory: TempDir,
}

struct Node {
    process: Child,
    port: u16,
}

impl RedisCluster {
    /// Starts the nodes and waits until each of them says that the cluster is whole.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let mut nodes = Vec::new();
        for number in 0..3 {
            nodes.push(Node::start(&directory.path().join(format!("node-{number}"))).await);
        }
        let cluster = RedisCluster { nodes, _directory: directory };
        let addresses = cluster.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
        let created = Command::new("redis-cli")
            .args(["--cluster", "create", "--cluster-yes", "--cluster-replicas", "0"].map(str::to_owned))
            .args(addresses)
            .stdin(Stdio::null())
            .output()
            .expect("redis-cli starts: it comes with Redis");
        assert!(created.status.success(), "the cluster is not made: {}", String::from_utf8_lossy(&created.stdout));
        let started = Instant::now();
        while !cluster.nodes.iter().all(|node| node.ask(&["cluster", "info"]).contains("cluster_state:ok")) {
            assert!(started.elapsed() < PATIENCE, "the cluster does not become whole");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        cluster
    }

    /// The address of the first node.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.nodes[0].port)
    }

    /// How many nodes there are.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// What each node answers to a command.
    pub fn ask_all(&self, command: &[&str]) -> Vec<String> {
        self.nodes.iter().map(|node| node.ask(command)).collect()
    }

    /// Cuts the connections to a node that listen for messages; gives their number.
    pub fn cut_subscriptions(&self, node: usize) -> usize {
        let node = &self.nodes[node];
        let listeners = node.ask(&["client", "list", "type", "pubsub"]);
        let ids: Vec<_> = listeners.lines().filter_map(|line| line.strip_prefix("id=")?.split(' ').next()).collect();
        ids.iter().filter(|id| node.ask(&["client", "kill", "id", id]) == "1").count()
    }

    /// Moves the slot of this channel to the next node, with all that is in it, as an operator does who takes a node out of service.
    pub fn move_slot_of(&self, channel: &str) {
        let is_here = |node: &Node| node.ask(&["spublish", channel, ""]).parse::<u32>().is_ok();
        let from = self.nodes.iter().position(is_here).expect("a node has the channel");
        let (from, to) = (&self.nodes[from], &self.nodes[(from + 1) % self.nodes.len()]);
        let slot = from.ask(&["cluster", "keyslot", channel]);
        let (from_id, to_id) = (from.ask(&["cluster", "myid"]), to.ask(&["cluster", "myid"]));
        let done = |answer: String| assert_eq!(answer, "OK", "{channel} does not move");
        done(to.ask(&["cluster", "setslot", &slot, "importing", &from_id]));
        done(from.ask(&["cluster", "setslot", &slot, "migrating", &to_id]));
        for key in from.ask(&["cluster", "getkeysinslot", &slot, "1000"]).lines() {
            done(from.ask(&["migrate", "127.0.0.1", &to.port.to_string(), key, "0", "5000"]));
        }
        done(to.ask(&["cluster", "setslot", &slot, "node", &to_id]));
        done(from.ask(&["cluster", "setslot", &slot, "node", &to_id]));
    }
}

impl Node {
    /// Starts a node on a free port, with another for its bus, and waits until it answers.
    async fn start(directory: &Path) -> Self {
        std::fs::create_dir(directory).expect("a directory can be made");
        let started = Instant::now();
        loop {
            let mut node = Node::spawn(directory);
            while matches!(node.process.try_wait(), Ok(None)) {
                if node.ask(&["ping"]) == "PONG" {
                    return node;
                }
                assert!(started.elapsed() < PATIENCE, "a node does not answer");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // Somebody else took one of the ports meanwhile.
            assert!(started.elapsed() < PATIENCE, "redis-server ends at once; it has to be of version 7 or newer");
        }
    }

    fn spawn(directory: &Path) -> Self {
        let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port is free"));
        let [port, bus] = ports.map(|listener| listener.local_addr().expect("the listener is bound").port());
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--cluster-port", &bus.to_string()])
            .args(["--cluster-enabled", "yes", "--cluster-node-timeout", "5000", "--save", "", "--appendonly", "no"])
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server starts: run the tests with ./test, which installs it");
        Node { process, port }
    }

    fn ask(&self, command: &[&str]) -> String {
        let port = self.port.to_string();
        let answer = Command::new("redis-cli").args(["-p", &port]).args(command).stdin(Stdio::null()).output();
        let answer = answer.expect("redis-cli starts: it comes with Redis");
        String::from_utf8_lossy(&answer.stdout).trim().to_owned()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
