//! Files that are generated and committed are what would be generated now.

use std::process::Command;

use tiffin_tests::{scratch_postgres, workspace};

/// `cargo run -- schema > schema.graphql` mends it.
#[test]
fn the_schema_is_what_the_server_prints() {
    let output = Command::new(workspace::binary("tiffin")).arg("schema").output().expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("the schema is text");
    let committed = workspace::read("schema.graphql");
    assert_eq!(first_difference(&committed, &printed), None, "run `cargo run -- schema > schema.graphql`");
}

/// `DATABASE_URL=… cargo run -p entity-generator` mends it.
#[test]
fn the_entities_and_the_drawing_are_what_the_database_gives() {
    tiffin_tests::run(async {
        let scratch = scratch_postgres().await;
        let output = Command::new(workspace::binary("entity-generator"))
            .arg("--check")
            .current_dir(workspace::root())
            .env("DATABASE_URL", &scratch.url)
            .output()
            .expect("the generator starts");
        let printed = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&printed));
    });
}

/// The first line that is not the same in both: its number, and what stands there.
fn first_difference<'a>(committed: &'a str, generated: &'a str) -> Option<(usize, &'a str, &'a str)> {
    let (mut committed, mut generated) = (committed.lines(), generated.lines());
    let mut number = 0;
    loop {
        number += 1;
        match (committed.next(), generated.next()) {
            (None, None) => return None,
            (left, right) if left == right => {}
            (left, right) => {
                return Some((number, left.unwrap_or("(end)"), right.unwrap_or("(end)")));
            }
        }
    }
}

#[test]
fn a_difference_is_found() {
    assert_eq!(first_difference("a\nb", "a\nb"), None);
    assert_eq!(first_difference("a\nb", "a\nc"), Some((2, "b", "c")));
    assert_eq!(first_difference("a", "a\nc"), Some((2, "(end)", "c")));
}
