//! The world of one test: a database, the servers on it, and its people.

use std::{
    ops::Deref,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use sea_orm::DatabaseConnection;
use tempfile::TempDir;

use crate::{
    Database, Locale, Outcome, Person, Proxy, Server, Settings, TestDatabase, access_token, run_command, workspace,
};

/// An empty city: a database of its own, a server on it, and nobody there yet.
///
/// People and rows are made by the methods in [`crate::builders`].
pub struct City {
    server: Server,
    settings: Settings,
    db: DatabaseConnection,
    kind: Database,
    next_number: AtomicU32,
    // Dropped after the server, in this order.
    _database: TestDatabase,
    directory: TempDir,
}

/// A second server: on PostgreSQL another process, on SQLite the city's own.
pub enum Elsewhere<'a> {
    Here(&'a Server),
    There(Server),
}

impl Deref for Elsewhere<'_> {
    type Target = Server;

    fn deref(&self) -> &Server {
        match self {
            Elsewhere::Here(server) => server,
            Elsewhere::There(server) => server,
        }
    }
}

impl City {
    pub async fn new(database: Database) -> Self {
        City::with_settings::<&str, &str>(database, &[]).await
    }

    /// A city whose servers have these environment variables besides the usual ones.
    pub async fn with_settings<N: AsRef<str>, V: AsRef<str>>(database: Database, settings: &[(N, V)]) -> Self {
        City::on_disk(&std::env::temp_dir(), database, settings).await
    }

    /// The same with everything that its servers write below this folder.
    pub async fn on_disk<N: AsRef<str>, V: AsRef<str>>(folder: &Path, database: Database, settings: &[(N, V)]) -> Self {
        let directory = directory(folder);
        let test_database = TestDatabase::create(database, directory.path()).await;
        Self::on(database, test_database, directory, settings).await
    }

    /// The same on a PostgreSQL database of this locale; none where the server knows no such one.
    pub async fn in_locale<N: AsRef<str>, V: AsRef<str>>(locale: Locale, settings: &[(N, V)]) -> Option<Self> {
        let test_database = TestDatabase::create_in(locale).await?;
        Some(Self::on(Database::Postgres, test_database, directory(&std::env::temp_dir()), settings).await)
    }

    /// The same on the PostgreSQL database at this URL, which is empty and the city's alone.
    pub async fn in_database<N: AsRef<str>, V: AsRef<str>>(url: &str, settings: &[(N, V)]) -> Self {
        let test_database = TestDatabase::at(url).await;
        Self::on(Database::Postgres, test_database, directory(&std::env::temp_dir()), settings).await
    }

    async fn on<N: AsRef<str>, V: AsRef<str>>(
        database: Database,
        test_database: TestDatabase,
        directory: TempDir,
        settings: &[(N, V)],
    ) -> Self {
        let mut all = usual_settings(database, &test_database.url, directory.path());
        all.extend(settings.iter().map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned())));
        City {
            server: Server::start(directory.path(), &all).await,
            settings: all,
            db: test_database.connect().await,
            kind: database,
            next_number: AtomicU32::new(1),
            _database: test_database,
            directory,
        }
    }

    /// The server that the people of this city talk to, unless they were sent [`Person::at`] another one.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The same, to wait for its end.
    pub fn server_mut(&mut self) -> &mut Server {
        &mut self.server
    }

    /// A second server process on the same database and the same Redis. On SQLite the first one has to be stopped before.
    pub async fn another_server(&self) -> Server {
        Server::start(self.directory.path(), &self.settings).await
    }

    /// The same where what the server needs may be away, started by a command (`prlimit --nofile=64 …`) that makes way for it: why it did not
    /// start is the error.
    pub async fn try_another_server_by(&self, command: &[String]) -> Result<Server, String> {
        Server::try_start_by(command, self.directory.path(), &self.settings).await
    }

    /// A further server with these environment variables besides, or in place of, the usual ones.
    pub async fn another_server_with(&self, settings: &[(&str, &str)]) -> Server {
        let mut all = self.settings.clone();
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Server::start(self.directory.path(), &all).await
    }

    /// Another server in the place of one that has ended, behind the line that leads there. Nobody is led to whoever gets the port next.
    pub async fn another_server_behind(&self, line: &Proxy) -> Server {
        line.cut();
        let server = self.another_server().await;
        line.turn_to(&[&server]);
        line.mend();
        server
    }

    /// The value of an environment variable that the servers of this city have.
    #[track_caller]
    pub fn setting(&self, name: &str) -> &str {
        let setting = self.settings.iter().rev().find(|(other, _)| other == name);
        setting.map_or_else(|| panic!("{name} is not set"), |(_, value)| value)
    }

    /// Another process on PostgreSQL. On SQLite there is only one: it is that.
    pub async fn elsewhere(&self) -> Elsewhere<'_> {
        match self.kind {
            Database::Postgres => Elsewhere::There(self.another_server().await),
            Database::Sqlite => Elsewhere::Here(&self.server),
        }
    }

    /// Stops the server, as a restart does, and starts it again at another address: make the people anew, or send them there.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// Starts the server again that has ended.
    pub async fn start_again(&mut self) {
        self.server = self.another_server().await;
    }

    /// Stops the server, if it runs: a city whose people are sent to other ones.
    pub async fn stop(&mut self) {
        self.server.stop().await;
    }

    /// The test's own connection to the database.
    pub fn db(&self) -> &DatabaseConnection {
        &self.db
    }

    pub fn database(&self) -> Database {
        self.kind
    }

    /// A directory of the test's own, removed at its end.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs `tiffin` with these arguments and the settings of this city's servers, to its end.
    pub async fn run_command(&self, arguments: &[&str]) -> Outcome {
        run_command(self.directory(), &self.settings, arguments).await
    }

    /// Runs `tests/node/<script>`: see [`workspace::node_script`].
    pub async fn node_script(&self, script: &str, arguments: &[&str]) -> String {
        workspace::node_script(script, arguments).await
    }

    /// Somebody who is not signed in.
    pub fn anonymous(&self) -> Person {
        Person::anonymous(&self.server)
    }

    /// A number that is not used twice in this city, for what must be unique.
    pub(crate) fn number(&self) -> u32 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }
}

fn directory(folder: &Path) -> TempDir {
    let directory = tempfile::Builder::new().prefix("tiffin-city.").tempdir_in(folder);
    directory.expect("a temporary directory can be made")
}

fn usual_settings(database: Database, url: &str, directory: &Path) -> Settings {
    let mut settings = vec![
        ("TIFFIN_ENV", "development".to_owned()),
        ("TIFFIN_LISTEN", "127.0.0.1:0".to_owned()),
        ("TIFFIN_LOG", "info,sqlx::query=debug".to_owned()),
        ("TIFFIN_LOG_FORMAT", "json".to_owned()),
        ("TIFFIN_ACCOUNTS_TOKEN_KEYS", format!("{}={}", access_token::KEY_NAME, access_token::KEY_SECRET)),
        ("DATABASE_URL", url.to_owned()),
    ];
    match database {
        Database::Postgres => {
            let redis = std::env::var("TEST_REDIS_URL").expect(
                "TEST_REDIS_URL is not set: run the tests with ./test, which starts a Redis for them, or set it to a Redis's URL",
            );
            let prefix = directory.file_name().expect("the directory has a name").to_string_lossy().into_owned();
            settings.extend([("REDIS_URL", redis), ("TIFFIN_BROKER_PREFIX", prefix)]);
        }
        Database::Sqlite => {}
    }
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
