//! A script of `tests/node` that runs beside a test.

use std::process::Stdio;

use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
};

use crate::workspace;

/// A script that prints JSON objects, one a line, until its standard input ends. Dropped, its process ends.
pub struct Script {
    name: String,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Script {
    pub fn start(script: &str, arguments: &[&str]) -> Self {
        let mut process = workspace::node(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("Node.js does not start ({error}): run ./test"));
        let input = process.stdin.take().expect("the input is piped");
        let lines = BufReader::new(process.stdout.take().expect("the output is piped")).lines();
        Script { name: script.to_owned(), input, lines, _process: process }
    }

    /// What it prints next, however long it takes.
    pub async fn next<T: DeserializeOwned>(&mut self) -> T {
        let line = self.lines.next_line().await.expect("its output can be read");
        let line = line.unwrap_or_else(|| panic!("{} has ended", self.name));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{} says {line} ({error})", self.name))
    }

    /// A line for its standard input.
    pub async fn say(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.expect("it reads its input");
    }
}
