//! Generates the SeaORM entities and the entity-relationship diagram from the migrated database.

mod partial;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, anyhow, ensure};
use clap::Parser;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use sea_orm_cli::{Cli, Commands, run_generate_command};

/// Where the generated files stand, from the project's root.
const ENTITIES: &str = "entity/src";
const DRAWING: &str = "docs/erd.md";

/// Migrates an empty scratch database and writes entity/src/*.rs and docs/erd.md from it.
#[derive(Parser)]
struct Arguments {
    /// An empty PostgreSQL database, as postgres://user@host/name; it is left migrated.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,

    /// Write nothing; name the files that differ and exit with 1.
    #[arg(long)]
    check: bool,
}

const LIBRARY: &str = "\
//! The rows of the database as SeaORM entities.
//!
//! Generated from the migrated database by `cargo run -p entity-generator`: do not edit, but for `columns.rs`.

";

/// Files among the entities that are written by hand.
const WRITTEN_BY_HAND: &[&str] = &["columns.rs"];

/// Contents by path from the project's root.
type Files = BTreeMap<PathBuf, String>;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    migrate_empty(&arguments.database_url).await?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let generated = generate(&arguments.database_url).await?;
    let present = read_present(&root)?;
    let different = differences(&generated, &present);
    if arguments.check {
        for path in &different {
            eprintln!("{} differs from what the migrations give", path.display());
        }
        return Ok(if different.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    write(&root, &generated, &different)?;
    println!("{} files generated, {} changed", generated.len(), different.len());
    Ok(ExitCode::SUCCESS)
}

async fn migrate_empty(url: &str) -> anyhow::Result<()> {
    ensure!(
        url.starts_with("postgres://") || url.starts_with("postgresql://"),
        "DATABASE_URL must name a PostgreSQL database: its types are what the entities are made of"
    );
    let db = Database::connect(url).await.context("cannot connect to DATABASE_URL")?;
    let tables = tables(&db).await?;
    ensure!(tables.is_empty(), "DATABASE_URL must name an empty database, this one has {}", tables.join(", "));
    migration::migrate(&db).await.context("cannot migrate the database")?;
    db.close().await?;
    Ok(())
}

async fn tables(db: &DatabaseConnection) -> anyhow::Result<Vec<String>> {
    let statement = Statement::from_string(
        DbBackend::Postgres,
        "select tablename from pg_tables where schemaname = current_schema() order by tablename",
    );
    let rows = db.query_all_raw(statement).await?;
    Ok(rows.iter().map(|row| row.try_get("", "tablename")).collect::<Result<_, _>>()?)
}

/// Partitioned tables have unique indexes in place of primary keys, which `pg_restore --clean` cannot drop of partitions. Entities want keys.
const KEYS_OF_PARTITIONED_TABLES: &str = "
do $$
declare
    key record;
begin
    for key in
        select indexrelid::regclass as index, indrelid::regclass as name, string_agg(quote_ident(attname), ', ' order by place) as columns
        from pg_index
        join pg_class on oid = indrelid and relkind = 'p'
        cross join unnest(indkey::int2[]) with ordinality as part (number, place)
        join pg_attribute on attrelid = indrelid and attnum = number
        where indisunique
        group by indexrelid, indrelid
    loop
        execute format('alter table %s add primary key (%s)', key.name, key.columns);
        execute format('drop index %s', key.index);
    end loop;
end $$";

/// Gives partitioned tables their keys; gives the names of their partitions, which are no tables of their own.
async fn partitions(url: &str) -> anyhow::Result<Vec<String>> {
    let db = Database::connect(url).await?;
    db.execute_unprepared(KEYS_OF_PARTITIONED_TABLES).await?;
    let partitions = "select relname::text as name from pg_class where relispartition and relkind = 'r' order by 1";
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, partitions)).await?;
    db.close().await?;
    Ok(rows.iter().map(|row| row.try_get("", "name")).collect::<Result<_, _>>()?)
}

async fn generate(url: &str) -> anyhow::Result<Files> {
    let no_entities = [vec!["seaql_migrations".to_owned()], partitions(url).await?].concat().join(",");
    let folder = tempfile::tempdir()?;
    run_codegen(url, &format!("--ignore-tables={no_entities}"), folder.path()).await?;
    let mermaid = fs::read_to_string(folder.path().join("entities.mermaid"))?;

    // The generator takes any table with two keys and two references for a junction, and then leaves out the direct relation
    // between the tables that it joins. For those, what is right is what it writes without the history and the routes.
    let without_history = tempfile::tempdir()?;
    let ignored = format!("--ignore-tables={no_entities},order_events,driver_locations");
    run_codegen(url, &ignored, without_history.path()).await?;
    for joined in ["orders.rs", "drivers.rs"] {
        fs::copy(without_history.path().join(joined), folder.path().join(joined))?;
    }

    let mut files = rust_files(folder.path())?;
    files.insert(DRAWING.into(), drawing(&mermaid));
    Ok(files)
}

/// Writes entities and `entities.mermaid` into the folder.
async fn run_codegen(url: &str, ignored: &str, folder: &Path) -> anyhow::Result<()> {
    let fixed = [
        "sea-orm-cli",
        "generate",
        "entity",
        "--entity-format=dense",
        "--lib",
        "--with-copy-enums",
        "--er-diagram",
        ignored,
        "--banner-version=major",
        "--database-url",
        url,
        "--output-dir",
    ];
    let arguments = fixed.iter().map(OsStr::new).chain([folder.as_os_str()]);
    let cli = Cli::try_parse_from(arguments)?;
    let Commands::Generate { command } = cli.command else {
        return Err(anyhow!("the arguments above are those of `generate`"));
    };
    run_generate_command(command, false).await.map_err(|error| anyhow!("cannot generate the entities: {error}"))
}

/// The generated sources, formatted as the rest of the project is.
fn rust_files(folder: &Path) -> anyhow::Result<Files> {
    for (path, source) in read_folder(folder)? {
        let name = path.file_name().context("a file has a name")?;
        let source = match partial::of_entity(&source) {
            Some(reading) => format!("{source}\n{reading}"),
            None => partial::with_defaults(&source),
        };
        fs::write(folder.join(name), source)?;
    }
    let library = folder.join("lib.rs");
    let modules = fs::read_to_string(&library)?;
    let modules = modules.replace("pub mod prelude;", "pub mod columns;\npub mod prelude;");
    fs::write(&library, format!("{LIBRARY}{modules}"))?;
    fs::write(folder.join("columns.rs"), "")?;
    // With the project's settings: rustfmt looks for them beside the file, which is not in the project yet.
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut rustfmt = Command::new("rustfmt");
    let status = rustfmt.args(["--edition", "2024", "--config-path"]).arg(settings).arg(&library).status()?;
    ensure!(status.success(), "rustfmt failed on the generated files");
    read_folder(folder)
}

/// The Rust files of a folder, as they would stand among the entities.
fn read_folder(folder: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("rs")) {
            let name = path.file_name().context("a file has a name")?;
            if !WRITTEN_BY_HAND.iter().any(|written| name == *written) {
                files.insert(Path::new(ENTITIES).join(name), fs::read_to_string(&path)?);
            }
        }
    }
    Ok(files)
}

/// Junction tables are drawn as tables: many-to-many lines across them would only repeat that.
fn drawing(mermaid: &str) -> String {
    let lines: Vec<_> = mermaid.lines().filter(|line| !line.contains("}o--o{")).collect();
    let mermaid = lines.join("\n");
    format!(
        "# The database\n\nGenerated from the migrated database by `cargo run -p entity-generator`: do not edit.\n\n\
         ```mermaid\n{mermaid}\n```\n"
    )
}

fn read_present(root: &Path) -> anyhow::Result<Files> {
    let mut files = read_folder(&root.join(ENTITIES))?;
    if let Ok(drawing) = fs::read_to_string(root.join(DRAWING)) {
        files.insert(DRAWING.into(), drawing);
    }
    Ok(files)
}

/// The paths that are missing, left over or of another content.
fn differences<'a>(generated: &'a Files, present: &'a Files) -> Vec<&'a Path> {
    let changed = generated.iter().filter(|(path, content)| present.get(*path) != Some(content));
    let left_over = present.iter().filter(|(path, _)| !generated.contains_key(*path));
    changed.chain(left_over).map(|(path, _)| path.as_path()).collect()
}

fn write(root: &Path, generated: &Files, different: &[&Path]) -> anyhow::Result<()> {
    fs::create_dir_all(root.join("docs"))?;
    for path in different {
        match generated.get(*path) {
            Some(content) => fs::write(root.join(path), content)?,
            None => fs::remove_file(root.join(path))?,
        }
    }
    Ok(())
}
