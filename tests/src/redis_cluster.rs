//! Runs a Redis Cluster of three nodes on free ports, for one test.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{PATIENCE, RedisServer};

/// Three nodes that share the slots, without replicas. Dropped, their processes are killed and their files removed.
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
    _directory: TempDir,
}

impl RedisCluster {
    /// Starts the nodes and waits until each of them says that the cluster is whole.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let mut nodes = Vec::new();
        for number in 0..3 {
            nodes.push(RedisServer::start_node(&directory.path().join(format!("node-{number}"))).await);
        }
        let cluster = RedisCluster { nodes, _directory: directory };
        let addresses = cluster.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port()));
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
        self.nodes[0].url()
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
        let is_here = |node: &RedisServer| node.ask(&["spublish", channel, ""]).parse::<u32>().is_ok();
        let from = self.nodes.iter().position(is_here).expect("a node has the channel");
        let (from, to) = (&self.nodes[from], &self.nodes[(from + 1) % self.nodes.len()]);
        let slot = from.ask(&["cluster", "keyslot", channel]);
        let (from_id, to_id) = (from.ask(&["cluster", "myid"]), to.ask(&["cluster", "myid"]));
        let done = |answer: String| assert_eq!(answer, "OK", "{channel} does not move");
        done(to.ask(&["cluster", "setslot", &slot, "importing", &from_id]));
        done(from.ask(&["cluster", "setslot", &slot, "migrating", &to_id]));
        for key in from.ask(&["cluster", "getkeysinslot", &slot, "1000"]).lines() {
            done(from.ask(&["migrate", "127.0.0.1", &to.port().to_string(), key, "0", "5000"]));
        }
        done(to.ask(&["cluster", "setslot", &slot, "node", &to_id]));
        done(from.ask(&["cluster", "setslot", &slot, "node", &to_id]));
    }
}
