//! What a subscription follows: the identity of its request, as a hash.

use async_graphql::Request;
use sha2::{Digest, Sha256};

/// What a subscription selects: the same for documents, operation names and variables that are the same to the letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Selection([u8; 32]);

impl Selection {
    /// The selection of a request as it was sent; none where that cannot be serialised, for then nothing can be compared.
    pub fn of(request: &Request) -> Option<Self> {
        let whole = serde_json::to_vec(&(&request.query, &request.operation_name, &request.variables)).ok()?;
        Some(Selection(Sha256::digest(&whole).into()))
    }
}
