//! Which documents and values are taken, and which are known already.

use super::*;

#[tokio::test]
async fn documents_are_refused_with_their_code() {
    let bomb = (0..30)
        .fold("{ ...F0 }".to_owned(), |bomb, n| format!("{bomb} fragment F{n} on Query {{ ...F{0} ...F{0} }}", n + 1))
        + "fragment F30 on Query { item { id } }";
    let deep = format!("{{ item {{ {} id {} }} }}", "parent {".repeat(6), "}".repeat(6));
    let aliases: String = (0..11).map(|n| format!("a{n}: size ")).collect();
    let directives = "@skip(if: false) ".repeat(11);
    let cases: Vec<(String, &str)> = vec![
        ("{".into(), PARSE),
        ("".into(), PARSE),
        ("fragment F on Query { item { id } }".into(), PARSE),
        ("query { item { id } } query { item { id } }".into(), INVALID),
        ("{ item { id } } query A { item { id } }".into(), INVALID),
        ("query A { item { id } } query A { item { id } }".into(), INVALID),
        ("{ ...F } fragment F on Query { item { id } } fragment F on Query { item { id } }".into(), INVALID),
        ("query A { item { id } } query B { item { id } }".into(), INVALID),
        ("mutation { pack(input: { lines: [], lines: [] }) }".into(), INVALID),
        ("{ unknown }".into(), INVALID),
        ("{ item }".into(), INVALID),
        ("{ item { id { x } } }".into(), INVALID),
        ("{ item { id(x: 1) } }".into(), INVALID),
        ("{ bounded }".into(), INVALID),
        ("{ ...F }".into(), INVALID),
        ("{ ...F } fragment F on Query { ...F }".into(), INVALID),
        ("{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }".into(), INVALID),
        ("{ item { id } } fragment F on Query { item { id } }".into(), INVALID),
        ("query ($x: Int) { item { id } }".into(), INVALID),
        ("{ bounded(size: $x) }".into(), INVALID),
        ("{ __typename(x: 1) }".into(), INVALID),
        ("{ __typename { id } }".into(), INVALID),
        ("{ __typename @unknown }".into(), INVALID),
        ("{ __typename @skip(if: $x) }".into(), INVALID),
        ("{ a: item { id } a: items { id } }".into(), INVALID),
        ("{ item { a: id a: size } }".into(), INVALID),
        ("{ item { size(unit: \"m\") size } }".into(), INVALID),
        ("{ item { x: parent { id } } item { x: size } }".into(), INVALID),
        ("{ item { x: id } ... on Query { item { x: size } } }".into(), INVALID),
        ("{ item { x: id @skip(if: true) x: size } }".into(), INVALID),
        ("{ nodes { ... on Carton { x: lid } ... on Item { x: size } } }".into(), INVALID),
        ("{ nodes { ... on Carton { x: id } ... on Item { x: parent { id } } } }".into(), INVALID),
        ("{ nodes { ...C ... on Item { x: parent { x: size } } } } fragment C on Node { ... on Item { x: parent { x: id } } }".into(), INVALID),
        ("{ nodes { ... on Carton { x: __typename } ... on Item { x: size } } }".into(), INVALID),
        ("subscription { count(to: 1) failing }".into(), INVALID),
        ("subscription { count(to: 1) ...F } fragment F on Events { failing }".into(), INVALID),
        ("subscription { a: count(to: 1) ... on Events { b: count(to: 1) } }".into(), INVALID),
        ("subscription { __typename }".into(), INVALID),
        ("subscription { ... { __typename } }".into(), INVALID),
        ("subscription ($x: Boolean!) { count(to: 1) @skip(if: $x) }".into(), INVALID),
        (bomb, COMPLEX),
        (deep, COMPLEX),
        (format!("{{ item {{ {aliases} }} }}"), COMPLEX),
        (format!("{{ item {{ id {directives} }} }}"), COMPLEX),
        (format!("{{ {} }}", "item { id } ".repeat(9)), COMPLEX),
        (format!("{{ item {{ {} }} }}", "id ".repeat(101)), COMPLEX),
        ("id ".repeat(301), COMPLEX),
        (format!("{{ sum(numbers: {}1{}) }}", "[".repeat(99), "]".repeat(99)), COMPLEX),
        ("{ items(first: 2147483647) { id parent { parent { id } } } }".into(), COMPLEX),
        ("{ a: items(first: 100) { id } b: items(first: 100) { id } c: items(first: 100) { id } d: items(first: 100) { id } }".into(), COMPLEX),
    ];
    for (query, code) in cases {
        let answer = answer(&query).await;
        assert!(answer["refused"].is_array(), "{query}: {answer}");
        assert_eq!(first_error(&answer).0, code, "{query}: {answer}");
    }
}

#[tokio::test]
async fn values_are_refused_with_their_path() {
    let pack = "mutation ($input: PackInput!) { pack(input: $input) }";
    let line = "mutation ($line: Line!) { pack(input: { lines: [{ quantity: 1 }, $line] }) }";
    let quantity = "mutation ($quantity: Int!) { pack(input: { lines: [{ quantity: $quantity }] }) }";
    let cases = [
        ("{ bounded(size: \"1\") }", json!({}), "size"),
        ("{ bounded(size: null) }", json!({}), "size"),
        ("{ bounded(size: 1.5) }", json!({}), "size"),
        ("{ bounded(size: 2147483648) }", json!({}), "size"),
        ("{ bounded(size: 6) }", json!({}), "size"),
        ("{ sum(numbers: [1, null]) }", json!({}), "numbers.1"),
        ("{ sum(numbers: [1], of: MIDDLE) }", json!({}), "of"),
        ("{ sum(numbers: [1], of: \"BIG\") }", json!({}), "of"),
        ("query ($of: Kind) { sum(numbers: [1], of: $of) }", json!({ "of": "MIDDLE" }), "of"),
        ("query ($size: Int!) { bounded(size: $size) }", json!({}), "size"),
        ("query ($size: Int!) { bounded(size: $size) }", json!({ "size": null }), "size"),
        ("query ($size: Int! = 3) { bounded(size: $size) }", json!({ "size": null }), "size"),
        ("query ($size: Int!) { bounded(size: $size) }", json!({ "size": "3" }), "size"),
        ("query ($n: Int!) { bounded(size: $n) }", json!({ "n": 6 }), "size"),
        ("query ($no: Boolean!) { item { id @skip(if: $no) } }", json!({}), "no"),
        ("query ($sizes: [Int!]!) { sized(sizes: $sizes) { id } }", json!({}), "sizes"),
        ("mutation { pack(input: null) }", json!({}), "input"),
        ("mutation { pack(input: 1) }", json!({}), "input"),
        ("mutation { pack(input: {}) }", json!({}), "lines"),
        ("mutation { pack(input: { lines: [{ quantity: 1 }, { quantity: \"2\" }] }) }", json!({}), "lines.1.quantity"),
        ("mutation { pack(input: { lines: [{ quantity: 1, note: null }], times: null }) }", json!({}), "times"),
        (pack, json!({}), "input"),
        (pack, json!({ "input": { "lines": null } }), "lines"),
        (pack, json!({ "input": { "lines": [null] } }), "lines.0"),
        (pack, json!({ "input": { "lines": [{}] } }), "lines.0.quantity"),
        (pack, json!({ "input": { "lines": [], "more": 1 } }), "more"),
        (pack, json!({ "input": { "lines": [], "kind": 1 } }), "kind"),
        (line, json!({}), "lines.1"),
        (line, json!({ "line": { "quantity": true } }), "lines.1.quantity"),
        (quantity, json!({}), "lines.0.quantity"),
        (quantity, json!({ "quantity": 1e30 }), "lines.0.quantity"),
    ];
    for (query, variables, field) in cases {
        let answer = answer_to(request(query, variables.clone())).await;
        assert_eq!(first_error(&answer), ("BAD_USER_INPUT", Some(field)), "{query} {variables}: {answer}");
    }
}

#[tokio::test]
async fn good_values_are_taken() {
    let cases = [
        ("mutation { pack(input: { lines: { quantity: 4 } }) }", json!({}), 7),
        (
            "mutation ($q: Int!, $t: Int! = 1) { pack(input: { lines: [{ quantity: $q }], times: $t }) }",
            json!({ "q": 4 }),
            5,
        ),
        (
            "mutation ($q: Int!, $t: Int!) { pack(input: { lines: [{ quantity: $q }], times: $t }) }",
            json!({ "q": 4, "t": 0 }),
            4,
        ),
        (
            "mutation ($n: String, $k: Kind) { pack(input: { lines: [{ quantity: 1, note: $n }], kind: $k }) }",
            json!({}),
            4,
        ),
        (
            "mutation ($i: PackInput!) { pack(input: $i) }",
            json!({ "i": { "lines": [{ "quantity": 1 }], "kind": "BIG" } }),
            4,
        ),
    ];
    for (query, variables, sum) in cases {
        let answer = answer_to(request(query, variables)).await;
        assert_eq!(answer, json!({ "data": { "pack": sum } }), "{query}");
    }
}

/// October 2021, section 5.8.5: each line of it.
#[tokio::test]
async fn a_variable_fits_where_it_stands() {
    let cases = [
        // A value that may be null, where none may be.
        ("query ($x: Int) { bounded(size: $x) }", json!({ "x": 1 }), None),
        ("query ($x: Int = 1) { bounded(size: $x) }", json!({}), Some(json!(1))),
        ("query ($x: Int = null) { bounded(size: $x) }", json!({ "x": 1 }), None),
        ("query ($x: Int) { doubled(size: $x) }", json!({}), Some(json!(4))),
        ("query ($x: Int) { doubled(size: $x) }", json!({ "x": 3 }), Some(json!(6))),
        ("query ($x: Int!) { doubled(of: [$x]) }", json!({ "x": 3 }), Some(json!(5))),
        ("query ($x: Int) { doubled(of: [$x]) }", json!({}), Some(json!(5))),
        ("query ($x: Int) { sum(numbers: [$x]) }", json!({ "x": 1 }), None),
        ("query ($x: Int = 2) { sum(numbers: [$x]) }", json!({}), Some(json!(2))),
        ("query ($x: Boolean) { bounded(size: 1) @skip(if: $x) }", json!({ "x": false }), None),
        ("query ($x: Boolean = false) { bounded(size: 1) @skip(if: $x) }", json!({}), Some(json!(1))),
        // Another type.
        ("query ($x: String!) { bounded(size: $x) }", json!({ "x": "1" }), None),
        ("query ($x: Float!) { bounded(size: $x) }", json!({ "x": 1 }), None),
        ("query ($x: String!) { sum(numbers: [], of: $x) }", json!({ "x": "BIG" }), None),
        ("query ($x: String!) { bounded(size: 1) @skip(if: $x) }", json!({ "x": "" }), None),
        // Lists and what they hold.
        ("query ($x: Int!) { sum(numbers: $x) }", json!({ "x": 1 }), None),
        ("query ($x: [Int!]!) { bounded(size: $x) }", json!({ "x": [1] }), None),
        ("query ($x: [Int]!) { sum(numbers: $x) }", json!({ "x": [1] }), None),
        ("query ($x: [Int!]) { sum(numbers: $x) }", json!({ "x": [1] }), None),
        ("query ($x: [Int!]!) { sum(numbers: $x) }", json!({ "x": [1, 2] }), Some(json!(3))),
        ("query ($x: [Int!]!) { sum(numbers: $x) }", json!({ "x": 2 }), Some(json!(2))),
        ("query ($x: [Int!]!) { doubled(of: $x) }", json!({ "x": [1, 2] }), Some(json!(6))),
        ("query ($x: [Int!]!) { sum(numbers: [$x]) }", json!({ "x": [1] }), None),
        // In a fragment, and in an operation that is not the one that runs.
        ("query ($x: Int) { ...F } fragment F on Query { bounded(size: $x) }", json!({ "x": 1 }), None),
        ("query A { bounded(size: 1) } query B($x: Int) { bounded(size: $x) }", json!({}), None),
    ];
    for (query, variables, expected) in cases {
        let mut request = request(query, variables);
        request.operation_name = query.starts_with("query A").then(|| "A".to_owned());
        let answer = answer_to(request).await;
        match expected {
            Some(value) => {
                let values = answer["data"].as_object().map(|data| data.values().collect::<Vec<_>>());
                assert_eq!(values, Some(vec![&value]), "{query}: {answer}");
            }
            None => assert_eq!(first_error(&answer), (INVALID, None), "{query}: {answer}"),
        }
    }
    let field = "mutation ($x: Int) { pack(input: { lines: [{ quantity: $x }], times: 1 }) }";
    assert_eq!(first_error(&answer_to(request(field, json!({ "x": 1 }))).await), (INVALID, None));
    let with_default = "mutation ($x: Int) { pack(input: { lines: [], times: $x }) }";
    assert_eq!(answer_to(request(with_default, json!({}))).await, json!({ "data": { "pack": 3 } }));
}

/// What may be null by its type is refused where it is null and must not be; and what a variable's own type refuses, also where the
/// place would take it.
#[tokio::test]
async fn a_variable_is_held_against_its_own_type_and_its_place() {
    let cases = [
        ("query ($x: Int = 1) { bounded(size: $x) }", json!({ "x": null }), "size"),
        ("query ($x: Int) { doubled(size: $x) }", json!({ "x": null }), "size"),
        ("query ($x: [Int!]) { doubled(of: $x) }", json!({ "x": [1, null] }), "of.1"),
        ("query ($x: Boolean = true) { item { id @skip(if: $x) } }", json!({ "x": null }), "x"),
    ];
    for (query, variables, field) in cases {
        let answer = answer_to(request(query, variables)).await;
        assert_eq!(first_error(&answer), ("BAD_USER_INPUT", Some(field)), "{query}: {answer}");
    }
}

#[tokio::test]
async fn a_known_document_is_not_read_again() {
    let schema = toy();
    let prepared = async |query: &str, variables: Json| {
        let operation = check_by(&schema, request(query, variables)).await;
        operation.unwrap_or_else(|refusal| panic!("{query}: {refusal:?}")).prepared
    };
    let list = "query ($first: Int, $of: Kind, $no: Boolean = false) {
        items(first: $first) { id size @skip(if: $no) } sum(numbers: [1], of: $of) }";
    let first = prepared(list, json!({ "first": 2, "of": "BIG" })).await;
    assert!(Arc::ptr_eq(&first, &prepared(list, json!({ "first": 3, "of": "SMALL" })).await));
    // What is left out, or is not given, makes it another.
    for variables in [json!({ "first": 2 }), json!({ "first": 2, "of": "BIG", "no": true }), json!({})] {
        assert!(!Arc::ptr_eq(&first, &prepared(list, variables).await));
    }
    assert!(!Arc::ptr_eq(&first, &prepared(&format!("{list} "), json!({ "first": 2, "of": "BIG" })).await));

    let several = "query A { item { id } } query B { item { size } }";
    let named = async |name: &str| {
        let operation = check_by(&schema, request(several, json!({})).operation_name(name)).await;
        operation.unwrap_or_else(|refusal| panic!("{refusal:?}")).prepared
    };
    let a = named("A").await;
    assert!(Arc::ptr_eq(&a, &named("A").await));
    assert!(!Arc::ptr_eq(&a, &named("B").await));
}

/// The variables of each request are looked at, and what they make the operation cost.
#[tokio::test]
async fn a_known_document_answers_as_an_unknown_one() {
    let schema = toy();
    let query =
        "query ($first: Int, $size: Int!) { items(first: $first) { parent { parent { id } } } bounded(size: $size) }";
    let requests = [
        json!({ "first": 2, "size": 1 }),
        json!({ "first": 2, "size": "1" }),
        json!({ "first": 100, "size": 1 }),
        json!({ "first": 2 }),
        json!({ "first": 2, "size": null }),
        json!({ "first": 2, "size": 6 }),
        json!({ "first": 130, "size": 1 }),
        json!({ "size": 1 }),
        json!({ "first": 1, "size": 5 }),
    ];
    for variables in requests.iter().cycle().take(3 * requests.len()) {
        let by = async |schema: &Toy| match check_by(schema, request(query, variables.clone())).await {
            Ok(operation) => (operation.complexity, json!(operation.run().await.unwrap())),
            Err(refusal) => (0, json!(refusal)),
        };
        assert_eq!(by(&schema).await, by(&toy()).await, "{variables}");
    }
}

#[tokio::test]
async fn an_argument_whose_variable_has_no_value_is_not_given() {
    let query = "query ($first: Int) { items(first: $first) { id } }";
    assert_eq!(answer_to(request(query, json!({}))).await, json!({ "data": { "items": [{ "id": "0" }] } }));
    let required = answer_to(request("query ($s: Int!) { bounded(size: $s) }", json!({}))).await;
    assert_eq!(first_error(&required), ("BAD_USER_INPUT", Some("size")));
    let undefined = answer("{ items(first: $first) { id } }").await;
    assert_eq!(first_error(&undefined).0, "GRAPHQL_VALIDATION_FAILED");
}
