//! Texts that are documents, and texts that are none.

use super::*;

const LIMITS: TextLimits = TextLimits { bytes: 1000, tokens: 60, aliases: 2, directives: 4, nesting: 8 };

fn check(text: &str) -> Result<(), String> {
    parse(text, &LIMITS).map(drop).map_err(|error| error.message)
}

#[test]
fn a_document_is_read_as_it_is_written() {
    for document in [
        "{a}",
        "query A { on: on fragment true null }",
        "query query { query }",
        "query A { a } subscription mutation { fragment }",
        "query ($a: [Int!]! = [1] @x, $b: I = { c: [] }) @y { a }",
        "\"Said\" query A(\"and\" $a: Int) { a } \"\"\"of this\"\"\" fragment F on T { b }",
        "{ ... on on { a } ... @x(y: $z) { b } ...only }",
        "{ ... on # a remark\nT { a } }",
        "fragment true on on { a } { ...true }",
        "{ a(x: [[], {}, { y: ENUM, z: $z }, nullable, true_, \"\"]) }",
    ] {
        assert_eq!(check(document), Ok(()), "{document}");
    }
    for document in [
        "",
        "query A { a } { a }",
        "{ a(x: 1y: 2) }",
        "{",
        "}",
        "{}",
        "{ a {} }",
        "{ a() }",
        "query () { a }",
        "queryA { a }",
        "fragmentF on T { a } { a }",
        "\"a\" { a }",
        "query \"a\" { a }",
        "fragment on on T { a } { a }",
        "{ ...on }",
        "{ ... on { a } }",
        "{ a: b: c }",
        "{ a } b",
        "type T { a: A } { a }",
        "query ($a: Int = $b) { a }",
        "query ($a: I = { b: $c }) { a }",
        "query ($a: Int @x(y: $b)) { a }",
        "query ($a: Int @x = 1) { a }",
        "query ($a: Int!!) { a }",
        "query ($a: [Int) { a }",
        "query ($a) { a }",
        "{ a(x: [1) }",
        "{ a(x: { y }) }",
        "{ a(x: $) }",
        "{ a(x:) }",
        "fragment F($a: Int) on T { a } { a }",
        "{ ...F(a: 1) }",
        "{ a & b }",
        "{ a! }",
        "{ a(x: 1e999) }",
    ] {
        assert!(check(document).is_err(), "{document}");
    }
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
fn aliases_are_counted_where_they_are_written() {
    assert!(check("query($x: I, $y: I) { a: b(x: 1, y: { x: 1, y: 2 }) c: d }").is_ok());
    assert!(check("{ a: b c: d e: f }").is_err_and(|message| message.contains("aliases")));
}

#[test]
fn an_error_says_where_and_what() {
    let error = parse("{ a(input: {\n  x: 1\n  x: 2 }) }", &LIMITS).unwrap_err();
    assert_eq!(error.locations, [Pos { line: 3, column: 3 }]);
    let error = parse("{\n  a(x: ) }", &LIMITS).unwrap_err();
    assert_eq!(error.message, "Syntax error: expected a value, found \")\".");
    assert_eq!(error.locations, [Pos { line: 2, column: 8 }]);
    assert!(check("{ a(x: \"secret\" }").is_err_and(|message| !message.contains("secret")));
}

#[test]
fn numbers_are_what_json_has() {
    let cases = [
        ("1", Some(Number::from(1))),
        ("-0", Some(Number::from(0))),
        ("18446744073709551615", Some(Number::from(u64::MAX))),
    ];
    for (text, expected) in cases {
        assert_eq!(number(text), expected);
    }
    assert_eq!(number("1.50").and_then(|number| number.as_f64()), Some(1.5));
    assert_eq!(
        number("123456789012345678901234567890").and_then(|number| number.as_f64()),
        Some(1.234_567_890_123_456_8e29)
    );
    assert_eq!(number("1e999"), None);
}
