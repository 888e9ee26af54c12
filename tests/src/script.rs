//! Runs a Node.js or Python script beside a test, and talks to it by lines of JSON.

use serde::de::DeserializeOwned;
use tokio::{io::AsyncWriteExt, process::Child};

use crate::workspace::{self, Printed, next_printed};

/// A script that prints JSON, a line for each thing it has to say. Dropped, its process ends.
pub struct Script {
    process: Child,
    printed: Printed,
}

impl Script {
    pub fn start(script: &str, arguments: &[&str]) -> Self {
        let (process, printed) = workspace::script_process(script, arguments);
        Script { process, printed }
    }

    /// What it says next, however long it takes.
    pub async fn next<T: DeserializeOwned>(&mut self) -> T {
        next_printed(&mut self.printed).await
    }

    /// A line for its standard input.
    pub async fn tell(&mut self, line: &str) {
        let input = self.process.stdin.as_mut().expect("the input is piped");
        input.write_all(format!("{line}\n").as_bytes()).await.expect("the script reads its input");
    }
}
