//! The parser: a recursive descent over a document's tokens (GraphQL, September 2025, section 2 and appendix B), into the library's types.
//!
//! The library's own parser knows neither `\u{…}` nor pairs of surrogates, takes `queryA` for `query A` and `fragment on on Query` for a
//! fragment, keeps one of two input fields with one name, and takes most of the time that a document's checks take (decision 0036).

use std::collections::{HashMap, hash_map::Entry};

use async_graphql::{
    Name, Pos, Positioned, ServerError,
    indexmap::{IndexMap, map::Entry as FieldEntry},
    parser::types::{
        BaseType, Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, FragmentSpread,
        InlineFragment, OperationDefinition, OperationType, Selection, SelectionSet, Type, TypeCondition,
        VariableDefinition,
    },
};
use async_graphql_value::{Number, Value};

use super::{
    lexer::{TextLimits, Token, TokenKind, tokens},
    refusal::{syntax_error, too_complex, unparsed, validation_failed},
};

/// Reads a document.
///
/// # Errors
/// Refuses a text beyond the limits, one that is no document, one without an operation, two operations or fragments with one name, an
/// anonymous operation among others, and two input fields with one name in one object.
pub fn parse(text: &str, limits: &TextLimits) -> Result<ExecutableDocument, ServerError> {
    let mut tokens = tokens(text, limits)?;
    tokens.reverse();
    let mut parser = Parser { tokens, aliases: 0, limit: limits.aliases };
    let mut document = Definitions::default();
    loop {
        parser.definition(&mut document)?;
        if parser.peek() == &TokenKind::End {
            return document.finish();
        }
    }
}

#[derive(Default)]
struct Definitions {
    anonymous: Option<Positioned<OperationDefinition>>,
    named: HashMap<Name, Positioned<OperationDefinition>>,
    fragments: HashMap<Name, Positioned<FragmentDefinition>>,
}

impl Definitions {
    fn operation(&mut self, name: Option<Name>, operation: Positioned<OperationDefinition>) -> Result<(), ServerError> {
        match name {
            Some(name) => insert("operation", &mut self.named, name, operation)?,
            None if self.anonymous.is_some() => return Err(not_alone(operation.pos)),
            None => self.anonymous = Some(operation),
        }
        match &self.anonymous {
            Some(anonymous) if !self.named.is_empty() => Err(not_alone(anonymous.pos)),
            _ => Ok(()),
        }
    }

    fn finish(self) -> Result<ExecutableDocument, ServerError> {
        let operations = match self.anonymous {
            Some(operation) => DocumentOperations::Single(operation),
            None if self.named.is_empty() => {
                return Err(unparsed("The document has no operation.".to_owned(), None));
            }
            None => DocumentOperations::Multiple(self.named),
        };
        Ok(ExecutableDocument { operations, fragments: self.fragments })
    }
}

fn not_alone(position: Pos) -> ServerError {
    let message = "An anonymous operation must be the only one of its document.";
    validation_failed(message.to_owned(), Some(position))
}

fn insert<T>(
    what: &str,
    definitions: &mut HashMap<Name, Positioned<T>>,
    name: Name,
    definition: Positioned<T>,
) -> Result<(), ServerError> {
    match definitions.entry(name) {
        Entry::Vacant(vacant) => {
            vacant.insert(definition);
            Ok(())
        }
        Entry::Occupied(occupied) => {
            let message = format!("There can be only one {what} named \"{}\".", occupied.key());
            let mut error = validation_failed(message, Some(definition.pos));
            error.locations.push(occupied.get().pos);
            Err(error)
        }
    }
}

struct Parser<'a> {
    /// The tokens that are left, reversed so that `pop` takes the next one: the end of the text comes first, and stays.
    tokens: Vec<Token<'a>>,
    aliases: usize,
    limit: usize,
}

type Parsed<T> = Result<T, ServerError>;

impl<'a> Parser<'a> {
    fn peek(&self) -> &TokenKind<'a> {
        self.tokens.last().map_or(&TokenKind::End, |token| &token.kind)
    }

    fn position(&self) -> Pos {
        self.tokens.last().map_or(Pos::default(), |token| token.position)
    }

    fn next(&mut self) -> TokenKind<'a> {
        match self.tokens.pop() {
            Some(Token { kind: TokenKind::End, position }) => {
                self.tokens.push(Token { kind: TokenKind::End, position });
                TokenKind::End
            }
            Some(token) => token.kind,
            None => TokenKind::End,
        }
    }

    /// Takes a punctuator if it is next.
    fn take(&mut self, punctuator: u8) -> bool {
        let is_next = *self.peek() == TokenKind::Punctuator(punctuator);
        if is_next {
            self.next();
        }
        is_next
    }

    fn expect(&mut self, punctuator: u8) -> Parsed<()> {
        if self.take(punctuator) { Ok(()) } else { self.expected(&format!("\"{}\"", char::from(punctuator))) }
    }

    fn expected<T>(&self, what: &str) -> Parsed<T> {
        let found = match self.peek() {
            TokenKind::Name(name) => format!("\"{name}\""),
            TokenKind::Int(_) | TokenKind::Float(_) => "a number".to_owned(),
            TokenKind::String(_) => "a string".to_owned(),
            TokenKind::Punctuator(b'.') => "\"...\"".to_owned(),
            TokenKind::Punctuator(punctuator) => format!("\"{}\"", char::from(*punctuator)),
            TokenKind::End => "the end".to_owned(),
        };
        Err(syntax_error(&format!("expected {what}, found {found}"), self.position()))
    }

    fn name(&mut self) -> Parsed<Positioned<Name>> {
        let &TokenKind::Name(name) = self.peek() else {
            return self.expected("a name");
        };
        let name = Positioned::new(Name::new(name), self.position());
        self.next();
        Ok(name)
    }

    /// One or more of what is between two punctuators.
    fn many<T>(&mut self, open: u8, close: u8, one: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect(open)?;
        let mut all = vec![one(self)?];
        while !self.take(close) {
            all.push(one(self)?);
        }
        Ok(all)
    }

    /// The same, or nothing at all.
    fn optional<T>(&mut self, open: u8, close: u8, one: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        if *self.peek() == TokenKind::Punctuator(open) { self.many(open, close, one) } else { Ok(Vec::new()) }
    }

    fn definition(&mut self, document: &mut Definitions) -> Parsed<()> {
        let is_described = self.description();
        let position = self.position();
        let ty = match *self.peek() {
            TokenKind::Punctuator(b'{') if !is_described => {
                let operation = OperationDefinition {
                    ty: OperationType::Query,
                    variable_definitions: Vec::new(),
                    directives: Vec::new(),
                    selection_set: self.selection_set()?,
                };
                return document.operation(None, Positioned::new(operation, position));
            }
            TokenKind::Name("query") => OperationType::Query,
            TokenKind::Name("mutation") => OperationType::Mutation,
            TokenKind::Name("subscription") => OperationType::Subscription,
            TokenKind::Name("fragment") => {
                self.next();
                return self.fragment(document, position);
            }
            _ => return self.expected("a query, mutation, subscription or fragment"),
        };
        self.next();
        let name = if let TokenKind::Name(_) = self.peek() { Some(self.name()?.node) } else { None };
        let operation = OperationDefinition {
            ty,
            variable_definitions: self.optional(b'(', b')', Self::variable_definition)?,
            directives: self.directives(false)?,
            selection_set: self.selection_set()?,
        };
        document.operation(name, Positioned::new(operation, position))
    }

    /// Skips a definition's description, which is for those who read the document; whether there was one.
    fn description(&mut self) -> bool {
        let is_next = matches!(self.peek(), TokenKind::String(_));
        if is_next {
            self.next();
        }
        is_next
    }

    fn fragment(&mut self, document: &mut Definitions, position: Pos) -> Parsed<()> {
        if *self.peek() == TokenKind::Name("on") {
            return self.expected("the name of a fragment");
        }
        let name = self.name()?.node;
        if *self.peek() != TokenKind::Name("on") {
            return self.expected("\"on\"");
        }
        let fragment = FragmentDefinition {
            type_condition: self.type_condition()?,
            directives: self.directives(false)?,
            selection_set: self.selection_set()?,
        };
        insert("fragment", &mut document.fragments, name, Positioned::new(fragment, position))
    }

    fn variable_definition(&mut self) -> Parsed<Positioned<VariableDefinition>> {
        self.description();
        let position = self.position();
        self.expect(b'$')?;
        let name = self.name()?;
        self.expect(b':')?;
        let var_type = self.position();
        let var_type = Positioned::new(self.ty()?, var_type);
        let default_value = if self.take(b'=') {
            let position = self.position();
            let value = self.value(true)?;
            value.into_const().map(|value| Positioned::new(value, position))
        } else {
            None
        };
        let directives = self.directives(true)?;
        Ok(Positioned::new(VariableDefinition { name, var_type, directives, default_value }, position))
    }

    fn ty(&mut self) -> Parsed<Type> {
        let base = if self.take(b'[') {
            let item = self.ty()?;
            self.expect(b']')?;
            BaseType::List(Box::new(item))
        } else {
            BaseType::Named(self.name()?.node)
        };
        Ok(Type { base, nullable: !self.take(b'!') })
    }

    fn type_condition(&mut self) -> Parsed<Positioned<TypeCondition>> {
        let position = self.position();
        self.next();
        Ok(Positioned::new(TypeCondition { on: self.name()? }, position))
    }

    fn directives(&mut self, is_constant: bool) -> Parsed<Vec<Positioned<Directive>>> {
        let mut directives = Vec::new();
        while *self.peek() == TokenKind::Punctuator(b'@') {
            let position = self.position();
            self.next();
            let directive = Directive { name: self.name()?, arguments: self.arguments(is_constant)? };
            directives.push(Positioned::new(directive, position));
        }
        Ok(directives)
    }

    fn arguments(&mut self, is_constant: bool) -> Parsed<Vec<(Positioned<Name>, Positioned<Value>)>> {
        self.optional(b'(', b')', |parser| {
            let name = parser.name()?;
            parser.expect(b':')?;
            let position = parser.position();
            Ok((name, Positioned::new(parser.value(is_constant)?, position)))
        })
    }

    fn selection_set(&mut self) -> Parsed<Positioned<SelectionSet>> {
        let position = self.position();
        let items = self.many(b'{', b'}', Self::selection)?;
        Ok(Positioned::new(SelectionSet { items }, position))
    }

    fn selection(&mut self) -> Parsed<Positioned<Selection>> {
        let position = self.position();
        let selection = if !self.take(b'.') {
            Selection::Field(Positioned::new(self.field()?, position))
        } else if let TokenKind::Name(name) = *self.peek()
            && name != "on"
        {
            let spread = FragmentSpread { fragment_name: self.name()?, directives: self.directives(false)? };
            Selection::FragmentSpread(Positioned::new(spread, position))
        } else {
            let is_conditional = *self.peek() == TokenKind::Name("on");
            let fragment = InlineFragment {
                type_condition: if is_conditional { Some(self.type_condition()?) } else { None },
                directives: self.directives(false)?,
                selection_set: self.selection_set()?,
            };
            Selection::InlineFragment(Positioned::new(fragment, position))
        };
        Ok(Positioned::new(selection, position))
    }

    fn field(&mut self) -> Parsed<Field> {
        let first = self.name()?;
        let (alias, name) = if self.take(b':') {
            self.aliases += 1;
            if self.aliases > self.limit {
                let message = format!("The document has more than {} aliases.", self.limit);
                return Err(too_complex(message, Some(first.pos)));
            }
            (Some(first), self.name()?)
        } else {
            (None, first)
        };
        let arguments = self.arguments(false)?;
        let directives = self.directives(false)?;
        let has_set = *self.peek() == TokenKind::Punctuator(b'{');
        let selection_set = if has_set { self.selection_set()? } else { Positioned::default() };
        Ok(Field { alias, name, arguments, directives, selection_set })
    }

    fn value(&mut self, is_constant: bool) -> Parsed<Value> {
        let position = self.position();
        match self.peek() {
            TokenKind::Punctuator(b'$') if is_constant => return self.expected("a value without variables"),
            TokenKind::Name(_) | TokenKind::Int(_) | TokenKind::Float(_) | TokenKind::String(_) => {}
            TokenKind::Punctuator(b'$' | b'[' | b'{') => {}
            TokenKind::Punctuator(_) | TokenKind::End => return self.expected("a value"),
        }
        Ok(match self.next() {
            TokenKind::Name("true") => Value::Boolean(true),
            TokenKind::Name("false") => Value::Boolean(false),
            TokenKind::Name("null") => Value::Null,
            TokenKind::Name(name) => Value::Enum(Name::new(name)),
            TokenKind::Int(text) | TokenKind::Float(text) => match number(text) {
                Some(number) => Value::Number(number),
                None => return Err(syntax_error("a number is out of range", position)),
            },
            TokenKind::String(text) => Value::String(text.into_owned()),
            TokenKind::Punctuator(b'$') => Value::Variable(self.name()?.node),
            TokenKind::Punctuator(b'[') => {
                let mut items = Vec::new();
                while !self.take(b']') {
                    items.push(self.value(is_constant)?);
                }
                Value::List(items)
            }
            TokenKind::Punctuator(_) | TokenKind::End => self.object(is_constant)?,
        })
    }

    /// An input object, after its opening brace.
    fn object(&mut self, is_constant: bool) -> Parsed<Value> {
        let mut fields = IndexMap::new();
        while !self.take(b'}') {
            let name = self.name()?;
            self.expect(b':')?;
            let value = self.value(is_constant)?;
            match fields.entry(name.node) {
                FieldEntry::Vacant(vacant) => drop(vacant.insert(value)),
                FieldEntry::Occupied(occupied) => {
                    let message = format!("There can be only one input field named \"{}\".", occupied.key());
                    return Err(validation_failed(message, Some(name.pos)));
                }
            }
        }
        Ok(Value::Object(fields))
    }
}

/// A number as JSON has it; one beyond 64 bits becomes the nearest float.
fn number(text: &str) -> Option<Number> {
    let whole = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| Number::from_f64(text.parse().ok()?))
}

#[cfg(test)]
mod tests;
