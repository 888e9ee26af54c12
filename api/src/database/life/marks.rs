//! The marks by which a database is told from the one that its data came from, and that no dump carries: PostgreSQL's system identifier,
//! timeline and OIDs, or SQLite's file number.

use std::{collections::BTreeMap, os::unix::fs::MetadataExt, path::Path, time::UNIX_EPOCH};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement};

/// Which marks our role in PostgreSQL may read. Providers may forbid some of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Askable {
    system: bool,
    timeline: bool,
}

/// The marks by name. One that cannot be asked is missing.
pub(super) type Marks = BTreeMap<String, String>;

/// The cluster, which initdb numbers.
const SYSTEM: &str = "(select system_identifier::text from pg_control_system())";
/// What a promoted standby and a recovery to a point in time change. It is not told during recovery.
const TIMELINE: &str = "case when not pg_is_in_recovery() then substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end";

impl Askable {
    /// Tries what may be forbidden.
    pub async fn of(db: &impl ConnectionTrait) -> Self {
        if db.get_database_backend() == DbBackend::Sqlite {
            return Askable { system: false, timeline: false };
        }
        let can_be_asked = async |mark: &str| {
            let asked = db.query_one_raw(Statement::from_string(DbBackend::Postgres, format!("select {mark}"))).await;
            if let Err(failure) = &asked {
                tracing::warn!(error = %failure, "a restored database is told by less, for this cannot be asked");
            }
            asked.is_ok()
        };
        Askable { system: can_be_asked(SYSTEM).await, timeline: can_be_asked(TIMELINE).await }
    }
}

/// The marks of the database as it is now. None where it is a standby, which does not tell all of them.
pub(super) async fn of_database(db: &impl ConnectionTrait, askable: Askable) -> Result<Option<Marks>, DbErr> {
    match db.get_database_backend() {
        DbBackend::Sqlite => Ok(Some(of_file(db).await?)),
        _ => of_cluster(db, askable).await,
    }
}

async fn of_cluster(db: &impl ConnectionTrait, askable: Askable) -> Result<Option<Marks>, DbErr> {
    #[derive(FromQueryResult)]
    struct MarksRow {
        system: Option<String>,
        timeline: Option<String>,
        database: Option<String>,
        table: Option<String>,
    }
    let asked = |mark, can_be_asked| if can_be_asked { mark } else { "null::text" };
    let sql = format!(
        "select {} as system, {} as timeline,
         (select oid::text from pg_database where datname = current_database()) as database,
         to_regclass('order_events')::oid::text as table
         where not pg_is_in_recovery()",
        asked(SYSTEM, askable.system),
        asked(TIMELINE, askable.timeline),
    );
    let row = MarksRow::find_by_statement(Statement::from_string(DbBackend::Postgres, sql)).one(db).await?;
    let Some(MarksRow { system, timeline, database, table }) = row else { return Ok(None) };
    let marks = [("system", system), ("timeline", timeline), ("database", database), ("table", table)];
    let marks = marks.into_iter().filter_map(|(name, mark)| Some((name.to_owned(), mark?)));
    Ok(Some(marks.collect()))
}

/// A copied file is another one, wherever it is moved to. One that is written over in place is not, and neither is what is only in memory.
async fn of_file(db: &impl ConnectionTrait) -> Result<Marks, DbErr> {
    let sql = "select coalesce(file, '') from pragma_database_list where name = 'main'";
    let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
    let path: String = row.map_or(Ok(String::new()), |row| row.try_get_by_index(0))?;
    Ok(file_mark(Path::new(&path)).map(|mark| ("file".to_owned(), mark)).into_iter().collect())
}

/// The file's number, and when it was made, as far as the system tells: numbers are given again.
fn file_mark(path: &Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok()?;
    let made = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Some(format!("{}-{}", metadata.ino(), made.unwrap_or_default().as_nanos()))
}

/// The marks that both know and that differ.
pub(super) fn differences(one: &Marks, other: &Marks) -> Vec<String> {
    let differ = |(name, mark): &(&String, &String)| other.get(*name).is_some_and(|known| known != *mark);
    one.iter().filter(differ).map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_one_of_them_knows_is_no_difference() {
        let marks = |marks: &[(&str, &str)]| -> Marks {
            marks.iter().map(|(name, mark)| ((*name).to_owned(), (*mark).to_owned())).collect()
        };
        let stored = marks(&[("system", "7"), ("timeline", "00000001"), ("database", "5")]);
        assert!(differences(&stored, &stored).is_empty());
        assert!(differences(&stored, &marks(&[("database", "5"), ("table", "9")])).is_empty());
        let promoted = marks(&[("system", "7"), ("timeline", "00000002"), ("database", "6")]);
        assert_eq!(differences(&stored, &promoted), ["database", "timeline"]);
    }

    #[test]
    fn a_copy_of_a_file_is_another_file_and_a_moved_one_is_not() {
        let directory = std::env::temp_dir().join(format!("tiffin-file-mark.{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let [file, copy, moved] = ["file", "copy", "moved"].map(|name| directory.join(name));
        std::fs::write(&file, "data").expect("written");
        std::fs::copy(&file, &copy).expect("copied");
        let mark = file_mark(&file);
        assert!(mark.is_some() && mark != file_mark(&copy));
        std::fs::rename(&file, &moved).expect("moved");
        assert_eq!(file_mark(&moved), mark);
        assert_eq!(file_mark(&file), None);
        std::fs::remove_dir_all(&directory).expect("removed");
    }
}
