//! The version of the compiler is the same in all the places that name it.

use tiffin_tests::workspace;

#[test]
fn the_oldest_compiler_that_will_do_is_the_same_everywhere() {
    let manifest = workspace::read("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"')).unwrap();
    for (file, said) in [
        (".github/workflows/ci.yml", format!("rustup toolchain install {version} ")),
        (".github/workflows/ci.yml", format!("key: build-{version}-")),
        ("docker/Dockerfile", format!("/rust:{version}-")),
        ("README.md", format!("Rust {version} or newer")),
        ("CONTRIBUTING.md", format!("Rust {version} or newer")),
        ("bench/Cargo.toml", format!("rust-version = \"{version}\"")),
    ] {
        assert!(workspace::read(file).contains(&said), "{file} does not say {said:?}");
    }
}
