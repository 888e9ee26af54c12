//! The lexer: splits a document into tokens (GraphQL, September 2025, section 2.1), and limits their number.

use std::{borrow::Cow, str::CharIndices};

use async_graphql::{Pos, ServerError};

use super::{
    MAX_NAME,
    refusal::{syntax_error, too_complex, validation_failed},
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

#[derive(Clone, Debug, PartialEq)]
pub enum TokenKind<'a> {
    Name(&'a str),
    /// A whole number, as it is written.
    Int(&'a str),
    /// A number with a fraction or an exponent, as it is written.
    Float(&'a str),
    /// What a string means, its escapes resolved.
    String(Cow<'a, str>),
    /// One character; of `...` the first.
    Punctuator(u8),
    End,
}

#[derive(Clone, Debug)]
pub struct Token<'a> {
    pub kind: TokenKind<'a>,
    pub position: Pos,
}

/// All tokens of a text, the last of which is its end.
///
/// # Errors
/// Refuses a text that is too long, has too many tokens, directives or brackets inside each other or a name that is too long, and what is no
/// token.
pub fn tokens<'a>(text: &'a str, limits: &TextLimits) -> Result<Vec<Token<'a>>, ServerError> {
    if text.len() > limits.bytes {
        let message = format!("The document has more than {} bytes: send what is long in variables.", limits.bytes);
        return Err(too_complex(message, None));
    }
    let mut lexer = Lexer { text, at: 0, counted: 0, position: Pos { line: 1, column: 1 } };
    let mut tokens = Vec::new();
    let (mut directives, mut nesting) = (0, 0_usize);
    loop {
        let token = lexer.next()?;
        match &token.kind {
            TokenKind::Name(name) if name.len() > MAX_NAME => {
                return Err(validation_failed(format!("A name has at most {MAX_NAME} bytes."), Some(token.position)));
            }
            TokenKind::Punctuator(b'@') => directives += 1,
            TokenKind::Punctuator(b'(' | b'[' | b'{') => nesting += 1,
            TokenKind::Punctuator(b')' | b']' | b'}') => nesting = nesting.saturating_sub(1),
            TokenKind::End => {
                tokens.push(token);
                return Ok(tokens);
            }
            _ => {}
        }
        let message = if tokens.len() >= limits.tokens {
            format!("The document has more than {} tokens: split it.", limits.tokens)
        } else if directives > limits.directives {
            format!("The document has more than {} directives.", limits.directives)
        } else if nesting > limits.nesting {
            format!("The document is nested more than {} levels deep.", limits.nesting)
        } else {
            tokens.push(token);
            continue;
        };
        return Err(too_complex(message, Some(token.position)));
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// How far lines and columns have been counted, and what they were there.
    counted: usize,
    position: Pos,
}

/// A token's kind and how many bytes it has, or why there is none.
type Read<'a> = Result<(TokenKind<'a>, usize), &'static str>;

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Result<Token<'a>, ServerError> {
        self.skip_ignored();
        let position = self.position();
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else {
            return Ok(Token { kind: TokenKind::End, position });
        };
        let read = match first {
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = rest.bytes().take_while(|byte| is_name(*byte)).count();
                Ok((TokenKind::Name(&rest[..length]), length))
            }
            '0'..='9' | '-' => number(rest),
            '"' if rest.starts_with(BLOCK) => block_string(rest),
            '"' => string(rest),
            '.' if rest.starts_with("...") => Ok((TokenKind::Punctuator(b'.'), 3)),
            '!' | '$' | '&' | '(' | ')' | ':' | '=' | '@' | '[' | ']' | '{' | '|' | '}' => {
                Ok((TokenKind::Punctuator(first as u8), 1))
            }
            other => {
                let message = format!("the character U+{:04X} has no place here", u32::from(other));
                return Err(syntax_error(&message, position));
            }
        };
        let (kind, length) = read.map_err(|problem| syntax_error(problem, position))?;
        self.at += length;
        Ok(Token { kind, position })
    }

    fn skip_ignored(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n', ',', '\u{feff}']);
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find(['\n', '\r']).unwrap_or(trimmed.len());
        }
    }

    /// The line, which a line feed, a carriage return or both end, and the column in characters.
    fn position(&mut self) -> Pos {
        let bytes = self.text.as_bytes();
        for (index, byte) in bytes.iter().enumerate().take(self.at).skip(self.counted) {
            match byte {
                b'\r' if bytes.get(index + 1) == Some(&b'\n') => {}
                b'\n' | b'\r' => self.position = Pos { line: self.position.line + 1, column: 1 },
                // The further bytes of a character.
                0x80..=0xbf => {}
                _ => self.position.column += 1,
            }
        }
        self.counted = self.at;
        self.position
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn number(rest: &str) -> Read<'_> {
    const DIGIT_MISSING: &str = "a digit is missing in a number";
    let bytes = rest.as_bytes();
    let digits = |from: usize| match bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count() {
        0 => Err(DIGIT_MISSING),
        count => Ok(count),
    };
    let sign = usize::from(bytes[0] == b'-');
    let mut end = sign + digits(sign)?;
    if bytes[sign] == b'0' && end > sign + 1 {
        return Err("a number does not begin with a further zero");
    }
    let whole = end;
    if bytes.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        end += 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end += digits(end)?;
    }
    if bytes.get(end).is_some_and(|byte| is_name(*byte) || *byte == b'.') {
        return Err("a number goes on with what is no digit");
    }
    let text = &rest[..end];
    Ok((if end == whole { TokenKind::Int(text) } else { TokenKind::Float(text) }, end))
}

const BLOCK: &str = r#"""""#;
const ESCAPED_BLOCK: &str = r#"\""""#;
const UNTERMINATED: &str = "a string has no end";
const ESCAPE: &str = "a string has an escape sequence that means nothing";

fn string(rest: &str) -> Read<'_> {
    let inner = &rest[1..];
    let plain = inner.find(['"', '\\', '\n', '\r']).ok_or(UNTERMINATED)?;
    if inner[plain..].starts_with('"') {
        return Ok((TokenKind::String(Cow::Borrowed(&inner[..plain])), plain + 2));
    }
    let mut text = inner[..plain].to_owned();
    let mut more = inner[plain..].char_indices();
    loop {
        match more.next() {
            Some((index, '"')) => return Ok((TokenKind::String(Cow::Owned(text)), plain + index + 2)),
            Some((_, '\\')) => text.push(escaped(&mut more).ok_or(ESCAPE)?),
            None | Some((_, '\n' | '\r')) => return Err(UNTERMINATED),
            Some((_, character)) => text.push(character),
        }
    }
}

/// What a backslash and the characters after it mean.
fn escaped(more: &mut CharIndices<'_>) -> Option<char> {
    Some(match more.next()?.1 {
        same @ ('"' | '\\' | '/') => same,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' if more.as_str().starts_with('{') => {
            more.next();
            return braced(more);
        }
        'u' => {
            let code = four_digits(more)?;
            if !(0xd800..0xdc00).contains(&code) {
                return char::from_u32(code);
            }
            // The leading surrogate of a UTF-16 pair; the trailing one has to follow.
            let mut next = || more.next().map(|(_, character)| character);
            let trailing = (next()? == '\\' && next()? == 'u').then(|| four_digits(more))??;
            let trailing = trailing.checked_sub(0xdc00).filter(|trailing| *trailing < 0x400)?;
            return char::from_u32(0x1_0000 + ((code - 0xd800) << 10) + trailing);
        }
        _ => return None,
    })
}

fn four_digits(more: &mut CharIndices<'_>) -> Option<u32> {
    (0..4).try_fold(0, |code, _| Some(code * 16 + more.next()?.1.to_digit(16)?))
}

/// The rest of `\u{…}`.
fn braced(more: &mut CharIndices<'_>) -> Option<char> {
    let mut code = more.next()?.1.to_digit(16)?;
    loop {
        match more.next()?.1 {
            '}' => return char::from_u32(code),
            digit => code = code.saturating_mul(16).saturating_add(digit.to_digit(16)?),
        }
    }
}

fn block_string(rest: &str) -> Read<'_> {
    let inner = &rest[BLOCK.len()..];
    let mut end = 0;
    loop {
        end += inner[end..].find(BLOCK).ok_or(UNTERMINATED)?;
        if !inner[..end].ends_with('\\') {
            break;
        }
        end += BLOCK.len();
    }
    let text = block_value(&inner[..end].replace(ESCAPED_BLOCK, BLOCK));
    Ok((TokenKind::String(Cow::Owned(text)), end + 2 * BLOCK.len()))
}

/// A block string without the indentation that its lines share, and without blank lines at its beginning and end.
fn block_value(raw: &str) -> String {
    let lines: Vec<&str> = raw.split("\r\n").flat_map(|part| part.split(['\n', '\r'])).collect();
    let indentation = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let is_blank = |line: &&str| indentation(line) == line.len();
    let further = lines.iter().skip(1).filter(|line| !is_blank(line));
    let common = further.map(|line| indentation(line)).min().unwrap_or(0);
    let first = lines.iter().position(|line| !is_blank(line)).unwrap_or(lines.len());
    let end = lines.iter().rposition(|line| !is_blank(line)).map_or(0, |last| last + 1);
    let kept = lines.iter().enumerate().take(end).skip(first);
    let kept = kept.map(|(index, line)| if index == 0 { line } else { line.get(common..).unwrap_or_default() });
    kept.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: TextLimits = TextLimits { bytes: 1000, tokens: 40, aliases: 2, directives: 2, nesting: 6 };

    fn check(text: &str) -> Result<(), String> {
        tokens(text, &LIMITS).map(drop).map_err(|error| error.message)
    }

    fn only(text: &str) -> Option<TokenKind<'_>> {
        let tokens = tokens(text, &LIMITS).ok()?;
        let [token, _end] = tokens.as_slice() else {
            panic!("{text} is more than one token: {tokens:?}");
        };
        Some(token.kind.clone())
    }

    #[test]
    fn tokens_directives_and_nesting_are_counted() {
        assert!(check(&"a ".repeat(40)).is_ok());
        assert!(check(&"a ".repeat(41)).is_err());
        assert!(check("{ a(x: [[[[1]]]]) }").is_ok());
        assert!(check("{ a(x: [[[[[1]]]]]) }").is_err());
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
        for text in [
            "\"",
            "\"\"\"",
            "\"\\",
            "é \u{0}",
            "\"\"\"\\\"\"\"",
            "-",
            "..",
            "\"\\u",
            "\"\\u{",
            "\"\\ud800\\",
            "1.",
            "1e+",
        ] {
            assert!(check(text).is_err(), "{text:?}");
        }
        for text in ["", "{{{", "}}}", "#", "# \u{0}", "\u{feff}"] {
            assert!(check(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn a_string_means_what_is_written() {
        let cases = [
            (r#""""#, Some("")),
            (r#""a\"\\\/\b\f\n\r\t""#, Some("a\"\\/\u{8}\u{c}\n\r\t")),
            (r#""\u00e9\u{e9}\u{0000000E9}é""#, Some("éééé")),
            (r#""\u{1F355}\uD83C\uDF55\ud83c\udf55""#, Some("🍕🍕🍕")),
            (r#""\uD83C""#, None),
            (r#""\uDF55""#, None),
            (r#""\uDF55\uD83C""#, None),
            (r#""\uD83C \uDF55""#, None),
            (r#""\uD83C\u{DF55}""#, None),
            (r#""\u{D83C}""#, None),
            (r#""\u{}""#, None),
            (r#""\u{110000}""#, None),
            (r#""\u{FFFFFFFFFFFFFFFF}""#, None),
            (r#""\u12G4""#, None),
            (r#""\x""#, None),
            ("\"a\nb\"", None),
            (r#""""""""#, Some("")),
            (r#""""a\n \""" b""""#, Some("a\\n \"\"\" b")),
            ("\"\"\"\n    a\n      b\r\n\r    c\n  \"\"\"", Some("a\n  b\n\nc")),
            ("\"\"\"  a\n  b\"\"\"", Some("  a\nb")),
        ];
        for (text, meant) in cases {
            let meant = meant.map(|meant| TokenKind::String(meant.into()));
            assert_eq!(only(text), meant, "{text}");
        }
    }

    #[test]
    fn a_number_is_whole_or_not() {
        for text in ["0", "-0", "-12", "7"] {
            assert_eq!(only(text), Some(TokenKind::Int(text)));
        }
        for text in ["0.5", "-1.25e10", "1e3", "1E+3", "0e-0"] {
            assert_eq!(only(text), Some(TokenKind::Float(text)));
        }
        for text in ["00", "-01", "-", "-a", "1.", "1.e3", "1e", "1a", "1_", "1.5.", "0x1", "+1", ".5"] {
            assert_eq!(only(text), None, "{text}");
        }
    }

    #[test]
    fn a_token_stands_on_a_line() {
        let tokens = tokens("{ \"é\" a\r\n\"\"\"\n\n\"\"\" \r a }", &LIMITS).unwrap();
        let positions: Vec<_> = tokens.iter().map(|token| (token.position.line, token.position.column)).collect();
        assert_eq!(positions, [(1, 1), (1, 3), (1, 7), (2, 1), (5, 2), (5, 4), (5, 5)]);
    }
}
