//! Runs a PostgreSQL of a test's own, and a standby for failover.

use std::{
    fs::{OpenOptions, Permissions},
    hash::{BuildHasher, Hasher, RandomState},
    io::Write,
    net::TcpListener,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection};
use tempfile::TempDir;

use crate::{Identity, PATIENCE};

/// The data need not outlive the machine here, so nothing waits for the disk.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=100",
    "shared_buffers=32MB",
    "fsync=off",
    "full_page_writes=off",
    "wal_keep_size=256MB",
    "wal_retrieve_retry_interval=100ms",
    "synchronous_commit=remote_apply",
];

/// How a PostgreSQL is stopped (`pg_ctl stop --mode`).
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// Sessions are ended, and everything is written down.
    Fast,
    /// At once; it recovers at its next start.
    Immediate,
}

/// A PostgreSQL on a free port. Dropped, its processes are ended.
pub struct PostgresServer {
    process: Child,
    port: u16,
    password: String,
    /// What it has besides [`SETTINGS`].
    settings: Vec<String>,
    directory: TempDir,
}

impl PostgresServer {
    /// Starts one alone, which has done nothing yet.
    pub async fn start_alone() -> Self {
        Self::start_alone_with(&[]).await
    }

    /// The same with these settings besides.
    pub async fn start_alone_with(settings: &[&str]) -> Self {
        let (directory, password) = (directory(), format!("{:x}", random()));
        make_data(&directory, &password);
        Self::start(directory, password, settings.iter().map(|setting| (*setting).to_owned()).collect()).await
    }

    /// Starts one, and its standby: a transaction is acknowledged when both have it.
    pub async fn start_pair() -> [PostgresServer; 2] {
        let password = format!("{:x}", random());
        let directories = [(); 2].map(|()| directory());
        let [primary, standby] = directories.each_ref().map(data);
        make_data(&directories[0], &password);
        run(as_postgres("cp").arg("-a").args([&primary, &standby]));
        run(as_postgres("touch").arg(standby.join("standby.signal")));
        let [of_primary, of_standby] = directories;
        let settings = vec!["synchronous_standby_names=standby".to_owned()];
        let primary = PostgresServer::start(of_primary, password.clone(), settings).await;
        let source = format!(
            "primary_conninfo='host=127.0.0.1 port={} user=postgres password={password} application_name=standby'\n",
            primary.port
        );
        let file = OpenOptions::new().append(true).open(standby.join("postgresql.conf"));
        file.and_then(|mut file| file.write_all(source.as_bytes())).expect("the settings can be written");
        let standby = PostgresServer::start(of_standby, password, Vec::new()).await;
        primary.until_standby_has_all().await;
        [primary, standby]
    }

    /// Starts one alone, which can be spoken to by TLS as well.
    pub async fn start_with_tls(identity: &Identity) -> Self {
        let (directory, password) = (directory(), format!("{:x}", random()));
        make_data(&directory, &password);
        let own = |file: &Path, name: &str| {
            let own = directory.path().join(name);
            std::fs::copy(file, &own).expect("a file can be copied");
            // A key that others may read is none to PostgreSQL.
            std::fs::set_permissions(&own, Permissions::from_mode(0o600)).expect("a file can be closed to others");
            give_away(&own);
            own.display().to_string()
        };
        let settings = vec![
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", own(&identity.certificate, "certificate.pem")),
            format!("ssl_key_file={}", own(&identity.key, "key.pem")),
        ];
        Self::start(directory, password, settings).await
    }

    async fn start(directory: TempDir, password: String, settings: Vec<String>) -> Self {
        let port = free_port();
        let process = spawn(&directory, port, &settings);
        let mut server = PostgresServer { process, port, password, settings, directory };
        server.until_it_answers().await;
        server
    }

    /// A superuser's URL of the one database that there is.
    pub fn url(&self) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// Stops all its processes where they are (SIGSTOP): connections stay, new ones are made, and nothing is answered.
    pub fn freeze(&self) {
        // First the one that makes new ones.
        signal("STOP", &[self.process.id()]);
        signal("STOP", &self.children());
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        signal("CONT", &self.children());
        signal("CONT", &[self.process.id()]);
    }

    /// Stops it, and starts it again at the same address.
    pub async fn restart(&mut self, stop: Stop) {
        let name = match stop {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
        };
        signal(name, &[self.process.id()]);
        self.until_ended().await;
        self.process = spawn(&self.directory, self.port, &self.settings);
        self.until_it_answers().await;
    }

    /// Stops it, and starts it again at the same address as a standby, which is promoted: its data go on in another timeline.
    pub async fn begin_timeline(&mut self) {
        run(as_postgres("touch").arg(data(&self.directory).join("standby.signal")));
        self.restart(Stop::Fast).await;
        self.promote();
    }

    /// Ends all its processes (SIGKILL), as if its machine were lost.
    pub fn kill(&mut self) {
        self.freeze();
        signal("KILL", &[&[self.process.id()], self.children().as_slice()].concat());
        self.process.wait().expect("the process can be waited for");
    }

    /// Makes a standby one that stands for itself.
    pub fn promote(&self) {
        run(program("pg_ctl").args(["promote", "--wait", "--silent", "--pgdata"]).arg(data(&self.directory)));
    }

    /// Waits until the standby has all that has happened so far.
    pub async fn until_standby_has_all(&self) {
        let database = self.connect().await.expect("the primary can be asked");
        // Its commit is acknowledged after those before it.
        database.execute_unprepared("select pg_current_xact_id()").await.expect("a transaction can be made");
        database.close().await.expect("a connection can be closed");
    }

    async fn connect(&self) -> Result<DatabaseConnection, sea_orm::DbErr> {
        let mut options = ConnectOptions::new(self.url());
        options.max_connections(1).sqlx_logging(false).idle_timeout(None).max_lifetime(None);
        options.connect_timeout(Duration::from_secs(5)).acquire_timeout(Duration::from_secs(5));
        sea_orm::Database::connect(options).await
    }

    async fn until_it_answers(&mut self) {
        let started = Instant::now();
        loop {
            if let Ok(connection) = self.connect().await {
                connection.close().await.expect("a connection can be closed");
                return;
            }
            assert!(started.elapsed() < PATIENCE, "a PostgreSQL does not answer:\n{}", self.log());
            // Its predecessor's last processes may have been there yet.
            if let Ok(Some(_)) = self.process.try_wait() {
                self.process = spawn(&self.directory, self.port, &self.settings);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn until_ended(&mut self) {
        let started = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) {
            assert!(started.elapsed() < PATIENCE, "a PostgreSQL does not stop:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn children(&self) -> Vec<u32> {
        let children = Command::new("pgrep").args(["-P", &self.process.id().to_string()]).output();
        let children = children.expect("pgrep starts: it comes with kill").stdout;
        String::from_utf8_lossy(&children).lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.thaw();
            signal("QUIT", &[self.process.id()]);
            let _ = self.process.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            eprintln!("---- the log of PostgreSQL ----\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

/// A directory of the user that PostgreSQL runs as.
fn directory() -> TempDir {
    let directory = tempfile::Builder::new().prefix("tiffin-postgres.").tempdir().expect("a directory can be made");
    give_away(directory.path());
    directory
}

fn make_data(directory: &TempDir, password: &str) {
    let password_file = directory.path().join("password");
    std::fs::write(&password_file, password).expect("a file can be written");
    give_away(&password_file);
    // A plain password, for a hashed one costs each new connection milliseconds; it never leaves the loopback interface.
    run(program("initdb").arg("--pgdata").arg(data(directory)).arg("--pwfile").arg(&password_file).args([
        "--username=postgres",
        "--auth=password",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    ]));
}

fn data(directory: &TempDir) -> PathBuf {
    directory.path().join("data")
}

fn spawn(directory: &TempDir, port: u16, settings: &[String]) -> Child {
    let log = OpenOptions::new().create(true).append(true).open(directory.path().join("log"));
    let settings = SETTINGS.iter().copied().chain(settings.iter().map(String::as_str));
    program("postgres")
        .arg("-D")
        .arg(data(directory))
        .args(["-p", &port.to_string()])
        .args(settings.flat_map(|setting| ["-c", setting]))
        .stdout(Stdio::null())
        .stderr(log.expect("a file can be made"))
        .spawn()
        .expect("PostgreSQL starts")
}

/// Saves a database, as `docs/operations.md` says.
pub fn dump(url: &str, file: &Path) {
    run(Command::new(path("pg_dump")).args(["--format=custom", "--file"]).arg(file).arg(url));
}

/// Restores what was saved into this database, with these options besides.
pub fn restore(file: &Path, url: &str, options: &[&str]) {
    let mut command = Command::new(path("pg_restore"));
    run(command.args(["--no-owner", "--exit-on-error"]).args(options).args(["--dbname", url]).arg(file));
}

fn program(name: &str) -> Command {
    as_postgres(&path(name))
}

fn path(program: &str) -> String {
    let folder = std::env::var("TEST_POSTGRES_BIN").expect(
        "TEST_POSTGRES_BIN is not set: run the tests with ./test, which finds or installs a PostgreSQL, or set it to the folder of one's \
         programs",
    );
    Path::new(&folder).join(program).to_str().expect("a path is text").to_owned()
}

fn as_postgres(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").stdin(Stdio::null());
    if let Some((user, group)) = postgres_user() {
        command.uid(user).gid(group);
    }
    command
}

/// PostgreSQL refuses to run as root: then it runs as the user `postgres`, or `nobody`.
fn postgres_user() -> Option<(u32, u32)> {
    let number = |arguments: &[&str]| {
        let said =
            Command::new("id").args(arguments).stderr(Stdio::null()).output().expect("it is known who runs this");
        String::from_utf8_lossy(&said.stdout).trim().parse::<u32>().ok()
    };
    if number(&["-u"]) != Some(0) {
        return None;
    }
    let known =
        ["postgres", "nobody"].into_iter().find_map(|name| Some((number(&["-u", name])?, number(&["-g", name])?)));
    Some(known.expect("there is a user that PostgreSQL may run as"))
}

fn give_away(path: &Path) {
    if let Some((user, group)) = postgres_user() {
        std::os::unix::fs::chown(path, Some(user), Some(group)).expect("root may give files away");
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Sends a signal to those of these processes that there are.
fn signal(name: &str, processes: &[u32]) {
    if !processes.is_empty() {
        let processes = processes.iter().map(u32::to_string);
        let sent = Command::new("kill").arg(format!("-{name}")).args(processes).stderr(Stdio::null()).status();
        sent.expect("kill starts");
    }
}

/// A port below those that connections are given by themselves: it is free again after a restart.
fn free_port() -> u16 {
    loop {
        let port = 20_000 + (random() % 12_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
