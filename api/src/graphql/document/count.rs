//! The size of a document once its fragments are spread: its selections, aliases, directives and depth.

use std::collections::HashMap;

use async_graphql::{
    Name, Pos, Positioned, ServerError,
    parser::types::{Directive, ExecutableDocument, Selection, SelectionSet},
};

use super::refusal::{too_complex, validation_failed};

/// Selection sets inside each other, counting fields and fragments alike: the checks and async-graphql recurse this deep, each
/// on a stack of fixed size.
const MAX_RECURSION: usize = 32;

/// What a selection set holds with every fragment in it spread.
#[derive(Clone, Copy, Default)]
pub struct Count {
    /// Fields and fragments.
    pub selections: usize,
    pub aliases: usize,
    pub directives: usize,
    /// Fields of the set itself, those inside them not counted.
    pub fields: usize,
    /// Fields inside each other.
    pub depth: usize,
    /// Fields and fragments inside each other.
    recursion: usize,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.fields = self.fields.saturating_add(other.fields);
        self.depth = self.depth.max(other.depth);
        self.recursion = self.recursion.max(other.recursion);
    }
}

/// Counts in linear time, each fragment once: thirty fragments that spread each other twice are a billion fields.
pub struct Counter<'a> {
    document: &'a ExecutableDocument,
    /// `None` for a fragment that is being counted: to meet it again is a cycle.
    fragments: HashMap<&'a Name, Option<Count>>,
}

impl<'a> Counter<'a> {
    pub fn new(document: &'a ExecutableDocument) -> Self {
        Self { document, fragments: HashMap::new() }
    }

    /// Counts an operation's selection set.
    ///
    /// # Errors
    /// Refuses fragments that spread themselves, and sets too deep to look into.
    pub fn operation(&mut self, set: &'a Positioned<SelectionSet>) -> Result<Count, ServerError> {
        self.set(set, MAX_RECURSION)
    }

    fn set(&mut self, set: &'a Positioned<SelectionSet>, room: usize) -> Result<Count, ServerError> {
        let mut total = Count::default();
        let Some(room) = room.checked_sub(1) else {
            return Err(too_deep(set.pos));
        };
        for selection in &set.node.items {
            total.add(self.selection(selection, room)?);
        }
        total.recursion += 1;
        Ok(total)
    }

    fn selection(&mut self, selection: &'a Positioned<Selection>, room: usize) -> Result<Count, ServerError> {
        let mut count = match &selection.node {
            Selection::Field(field) => {
                let field = &field.node;
                let mut count = if field.selection_set.node.items.is_empty() {
                    Count::default()
                } else {
                    self.set(&field.selection_set, room)?
                };
                count.fields = 1;
                count.depth += 1;
                count.aliases += usize::from(field.alias.is_some());
                count
            }
            Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set, room)?,
            Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name, room)?,
        };
        count.selections = count.selections.saturating_add(1);
        count.directives = count.directives.saturating_add(directives(&selection.node));
        Ok(count)
    }

    fn fragment(&mut self, name: &'a Positioned<Name>, room: usize) -> Result<Count, ServerError> {
        let Some((key, fragment)) = self.document.fragments.get_key_value(&name.node) else {
            // Validation says that it is unknown.
            return Ok(Count::default());
        };
        match self.fragments.get(key) {
            Some(Some(count)) if count.recursion > room => Err(too_deep(name.pos)),
            Some(Some(count)) => Ok(*count),
            Some(None) => {
                Err(validation_failed(format!("Cannot spread fragment \"{key}\" within itself."), Some(name.pos)))
            }
            None => {
                self.fragments.insert(key, None);
                let count = self.set(&fragment.node.selection_set, room)?;
                self.fragments.insert(key, Some(count));
                Ok(count)
            }
        }
    }
}

fn directives(selection: &Selection) -> usize {
    let directives: &Vec<Positioned<Directive>> = selection.directives();
    directives.len()
}

fn too_deep(position: Pos) -> ServerError {
    too_complex(format!("The document is nested more than {MAX_RECURSION} levels deep."), Some(position))
}
