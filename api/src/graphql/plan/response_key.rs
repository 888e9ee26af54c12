//! Response keys, serialised once for all objects of a level.

use async_graphql::{PathSegment, Pos, ServerResult};

use super::{Answer, Selected, Violation, leaf::write_text};

/// What a selected field is called in the answer, ready to be written.
pub struct ResponseKey {
    name: String,
    /// `"name":`, with the brace or the comma before it.
    prefix: Vec<u8>,
    /// Of the field in the document.
    pub position: Pos,
}

impl ResponseKey {
    /// The keys of the fields that are selected of an object, each with its plan.
    ///
    /// # Errors
    /// A plan cannot be made.
    pub fn each<P>(
        selected: Vec<Selected<'_>>,
        mut plan: impl FnMut(&Selected<'_>) -> ServerResult<P>,
    ) -> ServerResult<Vec<(Self, P)>> {
        let planned = selected.iter().enumerate().map(|(place, field)| {
            let mut prefix = vec![if place == 0 { b'{' } else { b',' }];
            write_text(field.key(), &mut prefix);
            prefix.push(b':');
            let key = ResponseKey { name: field.key().to_owned(), prefix, position: field.position() };
            Ok((key, plan(field)?))
        });
        planned.collect()
    }

    /// Writes an object, its fields one by one.
    ///
    /// # Errors
    /// A field has nothing to show, and may not be null.
    pub fn write_object<P>(
        fields: &[(Self, P)],
        answer: &mut Answer,
        mut write: impl FnMut(&Self, &P, &mut Answer) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        for (key, plan) in fields {
            answer.bytes.extend_from_slice(&key.prefix);
            answer.at(|| PathSegment::Field(key.name.clone()), |answer| write(key, plan, answer))?;
        }
        answer.bytes.extend_from_slice(if fields.is_empty() { b"{}" } else { b"}" });
        Ok(())
    }
}
