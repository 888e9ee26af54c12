//! What is checked on a document's text, before it is parsed.
//!
//! The parser recurses into lists and objects without a limit of its own, and it keeps one of two input fields with the same
//! name, so that neither can be seen afterwards.

use std::collections::HashSet;

use async_graphql::{Pos, ServerError};

use super::{
    MAX_NAME,
    refusal::{too_complex, validation_failed},
};

/// How much a text may hold.
pub struct TextLimits {
    pub bytes: usize,
    /// Names, numbers, strings and punctuators.
    pub tokens: usize,
    /// Aliases as they are written; with fragments spread there may be more.
    pub aliases: usize,
    /// Directives as they are written.
    pub directives: usize,
    /// Brackets of any kind inside each other.
    pub nesting: usize,
}

/// Refuses a text that is too long, with too many tokens, aliases or directives, too many brackets inside each other, a name that is too long, or two input fields with one
/// name in one object.
///
/// The grammar is the parser's to check: a text that is no GraphQL at all passes.
pub fn check_text(text: &str, limits: &TextLimits) -> Result<(), ServerError> {
    if text.len() > limits.bytes {
        let message = format!("The document has more than {} bytes: send what is long in variables.", limits.bytes);
        return Err(too_complex(message, None));
    }
    let mut brackets: Vec<Bracket> = Vec::new();
    let mut tokens = Tokens::new(text).peekable();
    let (mut count, mut aliases, mut directives) = (0, 0, 0);
    while let Some(token) = tokens.next() {
        count += 1;
        match token.kind {
            Kind::Open(open) => brackets.push(Bracket::open(open, brackets.last())),
            Kind::Close => drop(brackets.pop()),
            Kind::Name(name) if name.len() > MAX_NAME => {
                let message = format!("A name has at most {MAX_NAME} bytes.");
                return Err(validation_failed(message, Some(position(text, token.start))));
            }
            Kind::Name(name) => {
                let key = tokens.peek().is_some_and(|next| next.kind == Kind::Colon);
                let repeated = match brackets.last_mut() {
                    Some(Bracket::Object(names)) if key => !names.insert(name),
                    Some(Bracket::Selections) if key => {
                        aliases += 1;
                        false
                    }
                    _ => false,
                };
                if repeated {
                    let message = format!("There can be only one input field named \"{name}\".");
                    return Err(validation_failed(message, Some(position(text, token.start))));
                }
            }
            Kind::At => directives += 1,
            Kind::Colon | Kind::Other => {}
        }
        let message = if count > limits.tokens {
            format!("The document has more than {} tokens: split it.", limits.tokens)
        } else if aliases > limits.aliases {
            format!("The document has more than {} aliases.", limits.aliases)
        } else if directives > limits.directives {
            format!("The document has more than {} directives.", limits.directives)
        } else if brackets.len() > limits.nesting {
            format!("The document is nested more than {} levels deep.", limits.nesting)
        } else {
            continue;
        };
        return Err(too_complex(message, Some(position(text, token.start))));
    }
    Ok(())
}

/// What an open bracket encloses.
enum Bracket<'a> {
    /// The names that an input object has had.
    Object(HashSet<&'a str>),
    /// Arguments, variable definitions, or a list in them: where a brace opens an input object.
    Input,
    Selections,
}

impl Bracket<'_> {
    fn open(bracket: u8, enclosing: Option<&Self>) -> Self {
        match (bracket, enclosing) {
            (b'{', Some(Self::Object(_) | Self::Input)) => Self::Object(HashSet::new()),
            (b'{', Some(Self::Selections) | None) => Self::Selections,
            _ => Self::Input,
        }
    }
}

fn position(text: &str, offset: usize) -> Pos {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Pos { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

#[derive(PartialEq)]
enum Kind<'a> {
    Name(&'a str),
    Open(u8),
    Close,
    Colon,
    At,
    /// A number, a string or another punctuator.
    Other,
}

struct Token<'a> {
    kind: Kind<'a>,
    start: usize,
}

/// The lexical tokens of a document (GraphQL, October 2021, section 2.1.6); a character that belongs to none is a token by itself.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_ignored(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n', ',', '\u{feff}']);
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find(['\n', '\r']).unwrap_or(trimmed.len());
        }
    }

    fn string_length(&self) -> usize {
        let rest = self.rest();
        if let Some(block) = rest.strip_prefix(r#"""""#) {
            let mut end = 0;
            while let Some(quotes) = block[end..].find(r#"""""#) {
                end += quotes;
                if !block[..end].ends_with('\\') {
                    return end + 6;
                }
                end += 3;
            }
            return rest.len();
        }
        let mut escaped = false;
        for (index, byte) in rest.bytes().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' | b'\n' | b'\r' => return index + 1,
                _ => {}
            }
        }
        rest.len()
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_ignored();
        let rest = self.rest();
        let first = rest.chars().next()?;
        let word = |more: fn(u8) -> bool| rest.bytes().take_while(|byte| more(*byte)).count();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let (kind, length) = match first {
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = word(is_name);
                (Kind::Name(&rest[..length]), length)
            }
            '0'..='9' | '-' => (Kind::Other, word(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))),
            '"' => (Kind::Other, self.string_length()),
            '(' | '[' | '{' => (Kind::Open(first as u8), 1),
            ')' | ']' | '}' => (Kind::Close, 1),
            ':' => (Kind::Colon, 1),
            '@' => (Kind::At, 1),
            '.' if rest.starts_with("...") => (Kind::Other, 3),
            other => (Kind::Other, other.len_utf8()),
        };
        let start = self.at;
        self.at += length;
        Some(Token { kind, start })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> TextLimits {
        TextLimits { bytes: 1000, tokens: 40, aliases: 2, directives: 2, nesting: 6 }
    }

    fn check(text: &str) -> Result<(), String> {
        check_text(text, &limits()).map_err(|error| error.message)
    }

    #[test]
    fn an_input_field_may_be_named_once() {
        let twice = r#"{ a(input: { x: 1, y: "}", x: 2 }) }"#;
        assert!(check(twice).is_err_and(|message| message.contains("\"x\"")));
        assert!(check("{ a(input: [{ x: { x: 1 } }, { x: 2 }]) }").is_ok());
        assert!(check("query($a: I = { x: 1 x: 1 }) { a }").is_err());
        assert!(check("{ a(input: { x: y, y: x }) x: y x: y }").is_ok());
        assert!(check("{ a(input: { x: 1, # x: 2\n y: 2 }) }").is_ok());
        assert!(check(r#"{ a(input: { x: """ \""" x: 1 """, y: 2 }) }"#).is_ok());
    }

    #[test]
    fn an_error_says_where() {
        let error = check_text("{ a(input: {\n  x: 1\n  x: 2 }) }", &limits()).unwrap_err();
        assert_eq!(error.locations, [Pos { line: 3, column: 3 }]);
    }

    #[test]
    fn tokens_and_nesting_are_counted() {
        assert!(check(&"a ".repeat(40)).is_ok());
        assert!(check(&"a ".repeat(41)).is_err());
        assert!(check("{ a(x: [[[[1]]]]) }").is_ok());
        assert!(check("{ a(x: [[[[[1]]]]]) }").is_err());
    }

    #[test]
    fn aliases_and_directives_are_counted_where_they_are_written() {
        assert!(check("query($x: I, $y: I) { a: b(x: 1, y: { x: 1, y: 2 }) c: d }").is_ok());
        assert!(check("{ a: b c: d e: f }").is_err());
        assert!(check("{ a @x(y: 1) ...F @x }").is_ok());
        assert!(check("{ a @x @x @x }").is_err());
    }

    #[test]
    fn a_name_has_an_end() {
        assert!(check(&"a".repeat(255)).is_ok());
        assert!(check(&"a".repeat(256)).is_err());
    }

    #[test]
    fn any_text_ends() {
        for text in ["\"", "\"\"\"", "\"\\", "{{{", "}}}", "é \u{0}", "\"\"\"\\\"\"\"", "-", "..", "#"] {
            assert!(check(text).is_ok(), "{text:?}");
        }
    }
}
