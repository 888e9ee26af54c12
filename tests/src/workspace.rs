//! Finds and runs files of the workspace: the project's root, its binaries, the scripts that run under Node.js and Python.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde::{Deserialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout},
};

use crate::Settings;

/// The project's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in a folder of the project")
}

/// The text of a file, by its path from the project's root.
pub fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `schema.graphql` without the schema's own description, which async-graphql's parser cannot read.
pub fn schema() -> String {
    let text = read("schema.graphql");
    let (types, roots) = text.split_once("\nschema {").expect("the roots are named");
    let types = match types.strip_suffix("\n\"\"\"") {
        Some(described) => described.rsplit_once("\"\"\"\n").map_or(described, |(types, _)| types),
        None => types,
    };
    format!("{types}\nschema {{{roots}")
}

/// A binary of the workspace, as it is now: `./test` has built them all, and otherwise cargo does.
pub fn binary(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| match std::env::var_os("TIFFIN_TEST_BINARIES") {
        Some(directory) => directory.into(),
        None => build_binaries(),
    });
    directory.join(name)
}

/// The server's binary, to be run in this directory with exactly these settings and nothing of the test's own.
pub(crate) fn tiffin(directory: &Path, settings: &Settings) -> Command {
    tiffin_by(&[], directory, settings)
}

/// The same, run by a command that makes way for it.
pub(crate) fn tiffin_by(before: &[String], directory: &Path, settings: &Settings) -> Command {
    let binary = binary("tiffin");
    let mut command = match before {
        [] => Command::new(binary),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(binary);
            command
        }
    };
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = ["DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL"];
        if text.starts_with("TIFFIN_") || text.starts_with("PG") || ours.contains(&&*text) {
            command.env_remove(&name);
        }
    }
    command.current_dir(directory).envs(settings.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
    command
}

fn build_binaries() -> PathBuf {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--workspace", "--bins", "--tests", "--quiet"])
        .current_dir(root())
        .stdin(Stdio::null())
        .status()
        .expect("cargo starts");
    assert!(status.success(), "the binaries could not be built");
    build_directory()
}

/// `target/debug`, which the running test lies in.
pub fn build_directory() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own file");
    let directory = test.ancestors().find(|directory| directory.join("deps").is_dir());
    directory.expect("a test lies in the target folder").to_owned()
}

/// `tests/node/<script>`, to be run by Node.js with nothing on its standard input.
pub(crate) fn node(script: &str) -> tokio::process::Command {
    let directory = root().join("tests/node");
    assert!(
        directory.join("node_modules").exists(),
        "tests/node/node_modules is missing: run ./test, or `npm ci` there"
    );
    let mut command = tokio::process::Command::new("node");
    command.arg(script).current_dir(directory).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// What a script that serves prints, line by line.
pub(crate) type Printed = Lines<BufReader<ChildStdout>>;

/// Starts `tests/node/<script>`, which serves on a port that its first line names until its standard input ends: keep the process,
/// and dropping it ends it.
pub(crate) async fn node_server(script: &str, arguments: &[&str]) -> (Child, Printed, u16) {
    let (process, mut printed) = script_process(script, arguments);
    let Listening { port } = next_printed(&mut printed).await;
    (process, printed, port)
}

/// `tests/node/<script>`, to be run by a Python that has the packages of docs/clients/python.md.
fn python(script: &str) -> tokio::process::Command {
    let python = std::env::var("TEST_PYTHON").expect(
        "TEST_PYTHON is not set: run the tests with ./test, which installs the packages, or set it to a Python that has those of tests/node/clients/python/requirements.txt",
    );
    let mut command = tokio::process::Command::new(python);
    command.arg(script).current_dir(root().join("tests/node")).env("PYTHONDONTWRITEBYTECODE", "1").kill_on_drop(true);
    command
}

/// Starts `tests/node/<script>`, by the interpreter of its kind. It goes on until it is done, or its standard input ends, as it does when
/// the process is dropped.
pub(crate) fn script_process(script: &str, arguments: &[&str]) -> (Child, Printed) {
    let mut command = if script.ends_with(".py") { python(script) } else { node(script) };
    let mut process = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("the interpreter of {script} does not start ({error}): run ./test"));
    let printed = BufReader::new(process.stdout.take().expect("the output is piped")).lines();
    (process, printed)
}

/// The first line of a script that serves.
#[derive(Deserialize)]
pub(crate) struct Listening {
    pub port: u16,
}

/// The next line that the script prints, which is JSON.
pub(crate) async fn next_printed<T: DeserializeOwned>(printed: &mut Printed) -> T {
    let line = printed.next_line().await.expect("a script can be read").expect("the script goes on");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("the script says {line} ({error})"))
}

/// What `tests/node/<script>` prints when it runs with these arguments. Anything but success fails the test, with all that was
/// printed.
pub async fn node_script(script: &str, arguments: &[&str]) -> String {
    let output = node(script).args(arguments).output().await;
    let output = output.unwrap_or_else(|error| panic!("Node.js does not start ({error}): run ./test"));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{script} ended with {}\n{printed}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}
