//! Reads the server's log: one JSON object a line, every SQL statement among them.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

/// The file that a server's standard error goes to.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    file: PathBuf,
}

impl Log {
    pub fn new(file: PathBuf) -> Self {
        Log { file }
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    pub fn text(&self) -> String {
        std::fs::read_to_string(&self.file).unwrap_or_default()
    }

    /// The last lines without the statements, for a failed test.
    pub fn tail(&self) -> String {
        let text = self.text();
        let lines: Vec<_> = text.lines().filter(|line| !line.contains("\"sqlx::query\"")).collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// The lines that are JSON objects, from a byte of the file on.
    pub fn lines(&self, from: usize) -> Vec<Value> {
        let text = self.text();
        text.get(from..).unwrap_or_default().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The length of the file once nothing has been written for a while: the server logs a statement when it has ended, also
    /// those of work that goes on after the answer.
    pub async fn settled(&self) -> usize {
        let mut length = self.length();
        let mut unchanged = 0;
        while unchanged < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let now = self.length();
            unchanged = if now == length { unchanged + 1 } else { 0 };
            length = now;
        }
        length
    }

    fn length(&self) -> usize {
        std::fs::metadata(&self.file).map_or(0, |file| file.len() as usize)
    }
}

/// One SQL statement that a server ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub sql: String,
    pub rows_returned: u64,
    pub rows_affected: u64,
}

impl Statement {
    /// The statement of a line of the log, if it is one that an HTTP request took: sockets and the server's own tasks have statements
    /// too.
    pub(crate) fn of_request(line: &Value) -> Option<Self> {
        if line["span"]["name"] == "request" { Statement::from_line(line) } else { None }
    }

    /// The statement of a line of the log, if it is one, whoever took it.
    pub(crate) fn from_line(line: &Value) -> Option<Self> {
        if line["target"] != "sqlx::query" {
            return None;
        }
        // The summary holds a statement of at most four words whole, and the statement's own field is empty then.
        let sql = [&line["db.statement"], &line["summary"]];
        let sql = sql.into_iter().filter_map(Value::as_str).map(str::trim).find(|sql| !sql.is_empty())?;
        Some(Statement {
            sql: sql.split_whitespace().collect::<Vec<_>>().join(" "),
            rows_returned: line["rows_returned"].as_u64().unwrap_or(0),
            rows_affected: line["rows_affected"].as_u64().unwrap_or(0),
        })
    }

    /// Whether it only opens or ends a transaction, sets up a connection, asks PostgreSQL about a type that the connection has not met yet,
    /// writes that the process lives, or looks whether any job is due.
    pub fn is_housekeeping(&self) -> bool {
        let sql = self.sql.to_ascii_lowercase();
        let word = sql.split([' ', ';']).next().unwrap_or_default();
        sql.contains("pg_catalog.pg_")
            || sql.contains("into processes")
            || sql.starts_with("update jobs set holder")
            || sql.contains("from jobs where state = 'dead'")
            || matches!(word, "begin" | "commit" | "rollback" | "savepoint" | "release" | "set" | "pragma")
    }
}

/// Marks the statement of the periodic rights check for everybody connected; otherwise only lists of sessions have it.
pub const RIGHTS_CHECK: &[&str] = &[r#"ORDER BY "sessions"."id" ASC"#];

/// The statements of a stretch of time, in the order they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statements(pub Vec<Statement>);

impl Statements {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How many have one of these words in them.
    pub fn count_of(&self, words: &[&str]) -> usize {
        self.0.iter().filter(|statement| words.iter().any(|word| statement.sql.contains(word))).count()
    }

    /// How many rows they returned in all.
    pub fn rows(&self) -> u64 {
        self.0.iter().map(|statement| statement.rows_returned).sum()
    }
}

impl fmt::Display for Statements {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Statement { sql, rows_returned, rows_affected }) in self.0.iter().enumerate() {
            writeln!(formatter, "{:>3}. {rows_returned} rows, {rows_affected} affected: {sql}", number + 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_statement_is_read_from_its_line_whether_it_is_long_or_short() {
        let line = |summary: &str, statement: &str| {
            let line = json!({
                "level": "DEBUG", "target": "sqlx::query", "rows_returned": 3, "rows_affected": 0,
                "summary": summary, "db.statement": statement, "span": {"name": "request"},
            });
            Statement::of_request(&line).expect("the line is a statement")
        };
        let long = line("select a, b from …", "\n\nselect a, b\n from dishes\n");
        assert_eq!((long.sql.as_str(), long.rows_returned), ("select a, b from dishes", 3));
        assert_eq!(line("SELECT 1", "").sql, "SELECT 1");
        assert!(line("BEGIN IMMEDIATE", "").is_housekeeping() && line("COMMIT", "").is_housekeeping());
        let type_of_enum = "SELECT enumlabel FROM pg_catalog.pg_enum WHERE enumtypid = $1";
        assert!(line("SELECT enumlabel FROM pg_catalog.pg_enum …", type_of_enum).is_housekeeping());
        assert!(!long.is_housekeeping());
        let other = json!({"target": "tiffin", "message": "listening", "span": {"name": "request"}});
        assert_eq!(Statement::of_request(&other), None);
        let of_a_task = json!({"target": "sqlx::query", "summary": "SELECT 1", "rows_returned": 1});
        assert_eq!(Statement::of_request(&of_a_task), None);
        assert_eq!(Statement::from_line(&of_a_task).expect("it is a statement").sql, "SELECT 1");
    }
}
