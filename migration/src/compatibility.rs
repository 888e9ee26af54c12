//! Compatibility of binary and schema: decides which binaries can serve with the structure that a database has, in a rollout or after a
//! rollback.

use std::collections::{BTreeMap, HashSet};

use sea_orm_migration::{
    prelude::*,
    sea_orm::{EntityTrait, QueryOrder, Statement},
    seaql_migrations,
};
use semver::Version;

use crate::step::MigrationStep;

/// For each migration the oldest version of the binary that can serve with it.
const TABLE: &str = "migration_compatibility";
/// How many names of migrations are told.
const NAMES: usize = 3;

/// How the structure of a database differs from the one that this binary was made for.
#[derive(Clone, Debug, Default)]
pub struct Structure {
    /// The migrations of this binary that are applied, oldest first.
    pub applied: Vec<String>,
    /// Those that are not, oldest first.
    pub pending: Vec<String>,
    /// Applied migrations that this binary does not know, oldest first: a newer one was here.
    pub additional: Vec<Additional>,
}

/// A migration that this binary does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Additional {
    pub name: String,
    /// The oldest version of the binary that can serve with it. None: the database does not say it.
    pub oldest_version: Option<Version>,
}

impl Structure {
    /// Compares the database with this binary. Read-only: it does not even create the table of applied migrations.
    pub async fn read<'c, C: IntoSchemaManagerConnection<'c>>(db: C) -> Result<Self, DbErr> {
        let manager = SchemaManager::new(db);
        let db = manager.get_connection();
        let mut applied = Vec::new();
        if manager.has_table("seaql_migrations").await? {
            let rows = seaql_migrations::Entity::find().order_by_asc(seaql_migrations::Column::Version);
            applied = rows.all(db).await?.into_iter().map(|row| row.version).collect();
        }
        let mut versions = BTreeMap::new();
        if manager.has_table(TABLE).await? {
            let all = format!("select migration, oldest_version from {TABLE}");
            for row in db.query_all_raw(Statement::from_string(manager.get_database_backend(), all)).await? {
                let (migration, version): (String, String) =
                    (row.try_get("", "migration")?, row.try_get("", "oldest_version")?);
                versions.insert(migration, Version::parse(&version).ok());
            }
        }
        let steps = crate::steps();
        let known: HashSet<_> = steps.iter().map(MigrationName::name).collect();
        let (applied, additional): (Vec<_>, Vec<_>) =
            applied.into_iter().partition(|name| known.contains(name.as_str()));
        let is_applied: HashSet<_> = applied.iter().map(String::as_str).collect();
        let pending = steps.iter().map(MigrationName::name).filter(|name| !is_applied.contains(name));
        Ok(Structure {
            pending: pending.map(str::to_owned).collect(),
            additional: additional
                .into_iter()
                .map(|name| Additional { oldest_version: versions.remove(&name).flatten(), name })
                .collect(),
            applied,
        })
    }

    /// Why a binary of this version cannot work with it, in words for whoever runs it. None: it can, though migrations may wait.
    pub fn refusal(&self, binary: &Version) -> Option<String> {
        let too_new: Vec<_> = self.additional.iter().filter(|migration| !migration.allows(binary)).collect();
        if !too_new.is_empty() {
            let names = named(too_new.iter().map(|migration| migration.name.as_str()));
            let needed = too_new.iter().filter_map(|migration| migration.oldest_version.as_ref()).max();
            let needed = needed.map_or_else(|| "a newer one".to_owned(), |version| format!("{version} or newer"));
            return Some(format!(
                "this is Tiffin {binary}, and the database needs {needed}, for it has {names}: start that version, or let it take \
                 the migration back (tiffin migrate down), by which what the migration added is lost"
            ));
        }
        if !self.additional.is_empty() && !self.pending.is_empty() {
            let additional = named(self.additional.iter().map(|migration| migration.name.as_str()));
            let pending = named(self.pending.iter().map(String::as_str));
            return Some(format!(
                "the database is neither older nor newer than Tiffin {binary}: it has {additional}, which this version does not know, and \
                 lacks {pending}"
            ));
        }
        None
    }

    /// The message where migrations wait and this command may not apply them; none where nothing waits.
    pub fn waiting(&self) -> Option<String> {
        if self.pending.is_empty() {
            return None;
        }
        if self.applied.is_empty() {
            return Some("the database is empty: run `tiffin migrate up` first".to_owned());
        }
        let pending = named(self.pending.iter().map(String::as_str));
        Some(format!("these migrations wait for `tiffin migrate up`: {pending}"))
    }
}

impl Additional {
    fn allows(&self, binary: &Version) -> bool {
        self.oldest_version.as_ref().is_some_and(|oldest| oldest <= binary)
    }
}

/// The first of the names, and how many there are besides.
fn named<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    let told = names[..names.len().min(NAMES)].join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

/// Writes down which binaries can serve with the migration, once there is a place for it.
pub async fn note(manager: &SchemaManager<'_>, step: &MigrationStep) -> Result<(), DbErr> {
    if !manager.has_table(TABLE).await? {
        return Ok(());
    }
    let note = format!(
        "insert into {TABLE} (migration, oldest_version) values ($1, $2)
         on conflict (migration) do update set oldest_version = excluded.oldest_version"
    );
    let values = [step.name().into(), step.oldest_version.to_string().into()];
    run(manager, &note, values).await
}

/// Removes the note of a migration that was taken back.
pub async fn forget(manager: &SchemaManager<'_>, migration: &str) -> Result<(), DbErr> {
    if !manager.has_table(TABLE).await? {
        return Ok(());
    }
    run(manager, &format!("delete from {TABLE} where migration = $1"), [migration.into()]).await
}

async fn run(
    manager: &SchemaManager<'_>,
    sql: &str,
    values: impl IntoIterator<Item = sea_orm_migration::sea_orm::Value>,
) -> Result<(), DbErr> {
    let statement = Statement::from_sql_and_values(manager.get_database_backend(), sql, values);
    manager.get_connection().execute_raw(statement).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn structure(pending: &[&str], additional: &[(&str, Option<&str>)]) -> Structure {
        let additional = additional.iter().map(|(name, version)| Additional {
            name: (*name).to_owned(),
            oldest_version: version.map(|version| Version::parse(version).expect("a version")),
        });
        Structure {
            applied: vec!["m1".to_owned()],
            pending: pending.iter().map(|name| (*name).to_owned()).collect(),
            additional: additional.collect(),
        }
    }

    #[test]
    fn what_a_newer_binary_added_is_served_with_where_it_allows_that() {
        let binary = Version::new(0, 3, 1);
        for (pending, additional, said) in [
            (&["m2"] as &[_], &[] as &[_], None),
            (&[], &[("m9", Some("0.3.1"))], None),
            (
                &[],
                &[("m8", Some("0.1.0")), ("m9", Some("0.3.2"))],
                Some("the database needs 0.3.2 or newer, for it has m9:"),
            ),
            (&[], &[("m8", Some("0.4.0")), ("m9", Some("0.5.0"))], Some("needs 0.5.0 or newer, for it has m8, m9:")),
            (&[], &[("m9", None)], Some("needs a newer one, for it has m9:")),
            (&["m2"], &[("m9", Some("0.1.0"))], Some("neither older nor newer than Tiffin 0.3.1")),
        ] {
            let refusal = structure(pending, additional).refusal(&binary);
            match said {
                None => assert_eq!(refusal, None),
                Some(said) => {
                    assert!(refusal.as_ref().is_some_and(|refusal| refusal.contains(said)), "{said}: {refusal:?}")
                }
            }
        }
    }

    #[test]
    fn what_waits_is_named_and_an_empty_database_is_called_empty() {
        let names = ["m2", "m3", "m4", "m5", "m6"];
        let waiting = structure(&names, &[]).waiting();
        assert_eq!(waiting.as_deref(), Some("these migrations wait for `tiffin migrate up`: m2, m3, m4 and 2 more"));
        assert_eq!(structure(&[], &[]).waiting(), None);
        let empty = Structure { applied: Vec::new(), ..structure(&names, &[]) };
        assert!(empty.waiting().is_some_and(|said| said.contains("empty")));
    }

    #[test]
    fn this_binary_can_serve_with_its_own_migrations() {
        let binary = crate::version();
        for step in crate::steps() {
            assert!(step.oldest_version <= binary, "{} is for {} and newer", step.name(), step.oldest_version);
        }
    }
}
