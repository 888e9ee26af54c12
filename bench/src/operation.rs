//! An operation as it stands in a file of `operations/`: how each contestant is asked for the same data.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// The name of its file.
    #[serde(skip)]
    pub name: String,
    pub title: String,
    /// As whom Tiffin is asked.
    #[serde(default)]
    pub viewer: Viewer,
    /// A statement whose rows are different requests. Its columns are JSON: `tiffin` and `postgraphile`, the documents' variables, and
    /// `the_limit`, the list of the statement's parameters.
    pub variables: String,
    /// One document, or several that are sent one after the other. The later ones have the variable `order`, the first id of
    /// the first answer.
    pub tiffin: Documents,
    pub postgraphile: Option<Documents>,
    /// A statement that gives one value of the type `json`.
    pub limit: Option<String>,
    /// Documents that are sent once for each row; the `endCursor` in the answer becomes the variable `after`.
    #[serde(default)]
    pub cursor: Cursor,
    /// Orders that are made by the documents, followed and moved: messages are counted, and not the documents.
    pub live: Option<Live>,
    /// Tables in which every contestant must write equally many rows, each with a condition on the rows where it needs one.
    #[serde(default)]
    pub writes: Vec<String>,
    /// Keys whose values are not compared, for they differ from one request to the next.
    #[serde(default)]
    pub ignored: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Viewer {
    #[default]
    Anonymous,
    Admin,
    /// Each of the load's connections as a customer of its own.
    Customers,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Documents {
    One(String),
    Several(Vec<String>),
}

impl Documents {
    pub fn list(&self) -> &[String] {
        match self {
            Documents::One(document) => std::slice::from_ref(document),
            Documents::Several(documents) => documents,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    pub orders: usize,
    /// Sockets, spread over all orders.
    pub followers: usize,
    pub tiffin: LiveDocuments,
    pub postgraphile: Option<LiveDocuments>,
}

/// How an order is followed, and moved over and over by steps that end where they began.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveDocuments {
    pub follow: String,
    pub steps: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    pub tiffin: Option<String>,
    pub postgraphile: Option<String>,
}

/// All operations in this folder, sorted by their files' names; those that write come last, for all are to read the same city.
pub fn read_all(folder: &Path) -> anyhow::Result<Vec<Operation>> {
    let mut operations = Vec::new();
    for file in std::fs::read_dir(folder).with_context(|| format!("the operations in {}", folder.display()))? {
        let path = file?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let read = || -> anyhow::Result<Operation> { Ok(toml::from_str(&std::fs::read_to_string(&path)?)?) };
        let mut operation = read().with_context(|| format!("{}", path.display()))?;
        operation.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        operations.push(operation);
    }
    operations.sort_by_cached_key(|operation| (!operation.writes.is_empty(), operation.name.clone()));
    Ok(operations)
}
