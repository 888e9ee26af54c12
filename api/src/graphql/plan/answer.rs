//! Answers as they are written: JSON in one buffer, and the errors with their paths.

use async_graphql::{PathSegment, Pos, ServerError};

use super::Scope;
use crate::domain::error::Error;

/// A value that may not be null has nothing to show: null propagates to what holds it. The errors say why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation;

/// JSON as it is written, and the errors so far.
#[derive(Default)]
pub struct Answer {
    pub bytes: Vec<u8>,
    errors: Vec<Located>,
}

/// An error, and where it arose within what is written.
#[derive(Clone, Debug)]
pub struct Located {
    error: ServerError,
    /// The innermost segment first.
    path: Vec<PathSegment>,
}

impl Answer {
    /// Says what went wrong with the value that is being written.
    pub fn fail(&mut self, error: Error, position: Pos) -> Violation {
        let error = async_graphql::Error::from(error).into_server_error(position);
        self.errors.push(Located { error, path: Vec::new() });
        Violation
    }

    /// Writes what may be null: null instead of what has nothing to show.
    pub fn nullable(&mut self, write: impl FnOnce(&mut Self) -> Result<(), Violation>) {
        let beginning = self.bytes.len();
        if write(self) == Err(Violation) {
            self.bytes.truncate(beginning);
            self.null();
        }
    }

    pub fn null(&mut self) {
        self.bytes.extend_from_slice(b"null");
    }

    /// Writes what stands at a place of the answer: errors that arise in it are told with the place.
    ///
    /// # Errors
    /// What is written may not be null, and has nothing to show.
    pub fn at(
        &mut self,
        segment: impl Fn() -> PathSegment,
        write: impl FnOnce(&mut Self) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let before = self.errors.len();
        let written = write(self);
        for error in &mut self.errors[before..] {
            error.path.push(segment());
        }
        written
    }

    /// Writes the entries of a list.
    ///
    /// # Errors
    /// An entry may not be null, and has nothing to show.
    pub fn list(
        &mut self,
        length: usize,
        mut write: impl FnMut(&mut Self, usize) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        self.bytes.push(b'[');
        for index in 0..length {
            if index > 0 {
                self.bytes.push(b',');
            }
            self.at(|| PathSegment::Index(index), |answer| write(answer, index))?;
        }
        self.bytes.push(b']');
        Ok(())
    }
}

/// The answers of all objects of a level: one buffer, in which each object has a piece of JSON.
#[derive(Default)]
pub struct Level {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
}

/// Where the JSON of one object lies, or what went wrong.
#[derive(Clone)]
struct Piece {
    start: usize,
    end: usize,
    errors: Vec<Located>,
    written: Result<(), Violation>,
}

/// Bytes that are allocated ahead at most for the pieces to come: the buffer grows when it needs more.
const ROOM: usize = 64 * 1024;

impl Level {
    /// Room for so many pieces, which copy so many bytes of the levels below.
    pub fn with_capacity(pieces: usize, bytes: usize) -> Self {
        Level { bytes: Vec::with_capacity(bytes.min(ROOM)), pieces: Vec::with_capacity(pieces) }
    }

    /// How many bytes of JSON all pieces take.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// How many pieces there are.
    pub fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// As many pieces that have nothing to show for the same reason.
    pub fn failed(pieces: usize, error: &Error, scope: Scope<'_>) -> Self {
        let mut level = Level::with_capacity(pieces, 0);
        for _ in 0..pieces {
            level.piece(|answer| Err(answer.fail(error.clone(), scope.position)));
        }
        level
    }

    /// Adds a piece.
    pub fn piece(&mut self, write: impl FnOnce(&mut Answer) -> Result<(), Violation>) {
        let start = self.bytes.len();
        let mut answer = Answer { bytes: std::mem::take(&mut self.bytes), errors: Vec::new() };
        let written = write(&mut answer);
        self.bytes = answer.bytes;
        self.pieces.push(Piece { start, end: self.bytes.len(), errors: answer.errors, written });
        if self.pieces.len() == 1 {
            // The others will be about as long.
            let others = self.pieces.capacity() - 1;
            self.bytes.reserve(self.bytes.len().saturating_mul(others).min(ROOM));
        }
    }

    /// Writes a piece into what is around it.
    ///
    /// # Errors
    /// The piece has nothing to show.
    pub fn write(&self, piece: usize, answer: &mut Answer) -> Result<(), Violation> {
        let piece = &self.pieces[piece];
        answer.bytes.extend_from_slice(&self.bytes[piece.start..piece.end]);
        answer.errors.extend_from_slice(&piece.errors);
        piece.written
    }

    /// The same pieces in another order, some of them several times, or left out.
    pub fn in_order(self, order: impl Iterator<Item = usize>) -> Self {
        let pieces = order.map(|piece| self.pieces[piece].clone()).collect();
        Level { bytes: self.bytes, pieces }
    }

    /// The pieces at these places, of what may be null: null where there is none, and where one has nothing to show.
    pub fn or_null(mut self, places: impl Iterator<Item = Option<usize>>) -> Self {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(b"null");
        let end = self.bytes.len();
        let pieces = places.map(|place| match place.map(|place| self.pieces[place].clone()) {
            Some(piece) if piece.written.is_ok() => piece,
            Some(piece) => Piece { start, end, written: Ok(()), ..piece },
            None => Piece { start, end, errors: Vec::new(), written: Ok(()) },
        });
        Level { pieces: pieces.collect(), bytes: self.bytes }
    }

    /// The JSON, the errors and the failure of the only piece.
    pub fn into_only(mut self) -> (Vec<u8>, Vec<Located>, Result<(), Violation>) {
        match self.pieces.pop() {
            Some(piece) => {
                self.bytes.truncate(piece.end);
                (self.bytes.split_off(piece.start), piece.errors, piece.written)
            }
            None => (Vec::new(), Vec::new(), Err(Violation)),
        }
    }
}

impl Located {
    /// The error as clients are told it, in an answer that stands at this place.
    pub fn below(self, path: &[PathSegment]) -> ServerError {
        let path = path.iter().cloned().chain(self.path.into_iter().rev()).collect();
        ServerError { path, ..self.error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(answer: &Answer) -> &str {
        std::str::from_utf8(&answer.bytes).expect("JSON is text")
    }

    fn written(answer: &mut Answer, text: &str) -> Result<(), Violation> {
        answer.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn paths(answer: &Answer) -> Vec<Vec<PathSegment>> {
        answer.errors.iter().map(|error| error.path.iter().rev().cloned().collect()).collect()
    }

    #[test]
    fn what_may_be_null_is_null_where_it_has_nothing_to_show() {
        let mut answer = Answer::default();
        answer.nullable(|answer| {
            written(answer, "{\"half\":")?;
            Err(answer.fail(Error::not_found("order"), Pos::default()))
        });
        answer.nullable(|answer| written(answer, "1"));
        assert_eq!(text(&answer), "null1");
        assert_eq!(answer.errors.len(), 1);
    }

    #[test]
    fn a_list_ends_with_the_first_entry_that_has_nothing_to_show() {
        let mut answer = Answer::default();
        let list = answer.list(3, |answer, index| match index {
            1 => Err(answer.fail(Error::unauthenticated(), Pos::default())),
            _ => written(answer, "1"),
        });
        assert_eq!(list, Err(Violation));
        assert_eq!(paths(&answer), [[PathSegment::Index(1)]]);
    }

    #[test]
    fn errors_are_told_with_the_place_of_each_who_shows_the_same_piece() {
        let mut level = Level::with_capacity(1, 0);
        level.piece(|answer| {
            answer.nullable(|answer| {
                answer.at(
                    || PathSegment::Field("email".into()),
                    |answer| Err(answer.fail(Error::forbidden("Not yours."), Pos::default())),
                )
            });
            Ok(())
        });
        let level = level.in_order([0, 0].into_iter());
        let mut answer = Answer::default();
        let list = answer.list(2, |answer, index| level.write(index, answer));
        assert_eq!((list, text(&answer)), (Ok(()), "[null,null]"));
        let at = |index| vec![PathSegment::Index(index), PathSegment::Field("email".into())];
        assert_eq!(paths(&answer), [at(0), at(1)]);
    }

    #[test]
    fn pieces_without_anything_to_show_are_null_where_they_may_be() {
        let mut level = Level::with_capacity(3, 0);
        level.piece(|answer| written(answer, "{\"id\":1}"));
        level.piece(|answer| {
            written(answer, "{\"half\":")?;
            Err(answer.fail(Error::not_found("order"), Pos::default()))
        });
        level.piece(|answer| written(answer, "3"));
        let level = level.or_null([None, Some(1), Some(2), Some(0)].into_iter());
        let mut answer = Answer::default();
        let list = answer.list(4, |answer, index| level.write(index, answer));
        assert_eq!((list, text(&answer)), (Ok(()), "[null,null,3,{\"id\":1}]"));
        assert_eq!(paths(&answer), [[PathSegment::Index(1)]]);
    }

    #[test]
    fn the_only_piece_is_not_told_with_what_stands_beside_it() {
        let mut level = Level::with_capacity(2, 0);
        level.piece(|answer| written(answer, "1"));
        level.piece(|answer| written(answer, "22"));
        let (bytes, _, written) = level.in_order([1].into_iter()).into_only();
        assert_eq!((bytes.as_slice(), written), (&b"22"[..], Ok(())));
    }
}
