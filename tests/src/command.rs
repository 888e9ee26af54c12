//! Runs commands of the binary that end by themselves, and checks their outcome.

use std::{path::Path, process::Stdio};

use crate::{PATIENCE, Settings, workspace};

/// What a command left behind.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `tiffin` with these arguments and exactly these settings, in this directory, to its end.
pub async fn run_command(directory: &Path, settings: &Settings, arguments: &[&str]) -> Outcome {
    let mut command = tokio::process::Command::from(workspace::tiffin(directory, settings));
    let output = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, output).await;
    let output = output.unwrap_or_else(|_| panic!("tiffin {arguments:?} does not end")).expect("the process starts");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Outcome {
    /// What the command printed; it must have succeeded.
    #[track_caller]
    pub fn expect_success(self) -> String {
        assert_eq!(self.code, Some(0), "expected success, got {self:#?}");
        self.stdout
    }

    /// The one sentence in which the command says why it failed: a line, without a panic and without this secret.
    #[track_caller]
    pub fn expect_failure(self, secret: &str) -> String {
        assert_eq!(self.code, Some(1), "expected a failure, got {self:#?}");
        let said: Vec<_> = self.stderr.lines().filter(|line| line.starts_with("tiffin: ")).collect();
        assert!(said.len() == 1 && !self.stderr.contains("panicked"), "expected one sentence, got {self:#?}");
        let everything = format!("{}{}", self.stdout, self.stderr);
        assert!(!everything.contains(secret), "the secret {secret} is told: {self:#?}");
        said[0].to_owned()
    }
}
