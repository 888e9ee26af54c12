//! Persisted documents: a request names them, and need not send them.
//!
//! Two kinds have names: those that a client has sent before, with the SHA-256 by which it names them from then on (*automatic persisted
//! queries*); and those of the operator's own front ends, whose build wrote them down (*trusted documents*).

use std::{any::TypeId, collections::HashMap, sync::Arc};

use anyhow::{Context, ensure};
use async_graphql::{Request, ServerError};
use serde::Deserialize;

use super::{
    known::KnownDocuments,
    refusal::{bad_input, coded},
    text_hash::{Registered, TextHash},
};
use crate::{
    config::DocumentsConfig,
    domain::{error::Code, viewer::Viewer},
};

/// What a request calls its document. In the request's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentName {
    /// `documentId`, by the appendix *Persisted Documents* of GraphQL over HTTP.
    Id(String),
    /// `extensions.persistedQuery.sha256Hash`, as Apollo's clients send it.
    Hash(String),
}

impl DocumentName {
    /// Without the prefix that says what kind of name it is.
    fn bare(&self) -> &str {
        match self {
            DocumentName::Id(id) => id.strip_prefix("sha256:").unwrap_or(id),
            DocumentName::Hash(hash) => hash,
        }
    }

    /// The hash that the name is; none for a name of another kind.
    fn hash(&self) -> Option<TextHash> {
        let says_so = match self {
            DocumentName::Id(id) => id.starts_with("sha256:"),
            DocumentName::Hash(_) => true,
        };
        TextHash::read(self.bare()).filter(|_| says_so)
    }

    /// Where it stands in a request.
    fn field(&self) -> &'static str {
        match self {
            DocumentName::Id(_) => "documentId",
            DocumentName::Hash(_) => "extensions.persistedQuery.sha256Hash",
        }
    }

    fn of(request: &Request) -> Option<&Self> {
        request.data.get(&TypeId::of::<Self>())?.downcast_ref()
    }
}

/// The documents of the operator's own front ends, and what else is taken.
#[derive(Debug, Default)]
pub struct TrustedDocuments {
    by_name: HashMap<String, Arc<str>>,
    by_hash: HashMap<TextHash, Arc<str>>,
    automatic: bool,
    only: bool,
    any_from_admins: bool,
}

/// A file in which a front end's build wrote its documents down.
#[derive(Deserialize)]
#[serde(untagged)]
enum Manifest {
    /// `@apollo/generate-persisted-query-manifest`
    Apollo { operations: Vec<ApolloOperation> },
    /// Relay's `persist.json` and graphql-codegen's `persisted-documents.json`
    ByName(HashMap<String, String>),
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    body: String,
}

impl TrustedDocuments {
    /// Reads the manifests.
    ///
    /// # Errors
    /// A file cannot be read, is no manifest, or gives a name to a document that another one has.
    pub fn read(config: &DocumentsConfig) -> anyhow::Result<Self> {
        let mut documents = TrustedDocuments {
            automatic: config.automatic,
            only: config.trusted_only,
            any_from_admins: config.any_from_admins,
            ..TrustedDocuments::default()
        };
        for path in &config.manifests {
            let named = || format!("documents.manifests (TIFFIN_DOCUMENTS_MANIFESTS): {}", path.display());
            let text = std::fs::read_to_string(path).with_context(named)?;
            let manifest = serde_json::from_str(&text).with_context(|| {
                format!("{} is no manifest of Apollo, Relay or graphql-codegen, which are JSON", named())
            })?;
            let entries: Vec<_> = match manifest {
                Manifest::Apollo { operations } => operations.into_iter().map(|one| (one.id, one.body)).collect(),
                Manifest::ByName(texts) => texts.into_iter().collect(),
            };
            for (name, text) in entries {
                documents.add(name, text.into()).with_context(named)?;
            }
        }
        Ok(documents)
    }

    fn add(&mut self, name: String, text: Arc<str>) -> anyhow::Result<()> {
        let name = name.strip_prefix("sha256:").unwrap_or(&name).to_owned();
        if let Some(hash) = TextHash::read(&name) {
            ensure!(hash == TextHash::of(&text), "{name} looks like a SHA-256, and is not that of its document");
        }
        let other = self.by_name.insert(name.clone(), text.clone());
        ensure!(other.is_none_or(|other| other == text), "{name} is the name of two documents");
        self.by_hash.insert(TextHash::of(&text), text);
        Ok(())
    }

    fn named(&self, name: &DocumentName) -> Option<&Arc<str>> {
        let by_hash = || self.by_hash.get(&name.hash()?);
        self.by_name.get(name.bare()).or_else(by_hash)
    }

    fn holds(&self, text: &str) -> bool {
        self.by_hash.contains_key(&TextHash::of(text))
    }

    /// The trusted documents by their names, one that has several by each.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_name.iter().map(|(name, text)| (name.as_str(), text.as_ref()))
    }

    /// Gives a request of this viewer the document that it names. What it gives back is to be kept when the document has passed.
    ///
    /// # Errors
    /// There is no such document, it is another one than was sent along, or none that may be sent.
    pub fn find(
        &self,
        request: &mut Request,
        viewer: Option<&Viewer>,
        known: &KnownDocuments,
    ) -> Result<Option<Registered>, ServerError> {
        let Some(name) = DocumentName::of(request).cloned() else {
            self.may_be_sent(viewer, &request.query)?;
            return Ok(None);
        };
        let trusted = self.named(&name);
        if request.query.is_empty() {
            let sent_before = || known.text(&name.hash()?);
            let text = trusted.cloned().or_else(sent_before).ok_or_else(|| self.not_found())?;
            request.query = text.as_ref().to_owned();
            return Ok(None);
        }
        let is_so = match (trusted, name.hash()) {
            (Some(trusted), _) => **trusted == *request.query,
            (None, Some(hash)) => hash == TextHash::of(&request.query),
            // Somebody's own name for it, which means nothing here.
            (None, None) => matches!(name, DocumentName::Id(_)),
        };
        if !is_so {
            let message =
                "This is not the SHA-256 of the query, or not its name: send the query alone, or mend the client.";
            return Err(bad_input(name.field(), message.to_owned(), None));
        }
        self.may_be_sent(viewer, &request.query)?;
        // Where only trusted documents are taken, nothing is registered: others could name what an admin has sent.
        let is_kept = self.automatic && !self.only && trusted.is_none();
        let hash = name.hash().filter(|_| is_kept);
        Ok(hash.map(|hash| Registered { hash, text: request.query.as_str().into() }))
    }

    fn may_be_sent(&self, viewer: Option<&Viewer>, text: &str) -> Result<(), ServerError> {
        let is_let_off = || self.any_from_admins && viewer.is_some_and(Viewer::is_admin);
        if !self.only || self.holds(text) || is_let_off() {
            return Ok(());
        }
        let message = "Documents of your own are not taken here: send the documentId of one that the server knows.";
        Err(coded(Code::Forbidden, message.to_owned(), None))
    }

    /// Some clients know these by their code, some by the very words of their message.
    fn not_found(&self) -> ServerError {
        let (code, message) = match self.automatic || !self.by_name.is_empty() {
            true => (Code::PersistedQueryNotFound, "PersistedQueryNotFound"),
            false => (Code::PersistedQueryNotSupported, "PersistedQueryNotSupported"),
        };
        coded(code, message.to_owned(), None)
    }
}
