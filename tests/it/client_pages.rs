//! The pages of `docs/clients` show the code that the tests run: each fence that names a file (```` ```js client.js ````) holds that file of
//! `tests/node/clients/<page>` as it is, and no file there goes without one.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use tiffin_tests::workspace;

const PAGES: &str = "docs/clients";
const CODE: &str = "tests/node/clients";

#[test]
fn every_page_shows_the_code_that_is_tested() {
    let mut wrong = Vec::new();
    let pages = names(PAGES).into_iter().filter_map(|file| file.strip_suffix(".md").map(str::to_owned));
    let pages: BTreeSet<_> = pages.collect();
    for page in &pages {
        let (tested, shown) = (files(page), shown(&workspace::read(&format!("{PAGES}/{page}.md"))));
        for name in tested.keys().chain(shown.keys()).collect::<BTreeSet<_>>() {
            if tested.get(name) != shown.get(name) {
                wrong.push(format!("{PAGES}/{page}.md does not show {CODE}/{page}/{name} as it is"));
            }
        }
    }
    for folder in names(CODE) {
        if !pages.contains(&folder) {
            wrong.push(format!("{CODE}/{folder} is shown by no page"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_first_page_leads_to_all_others() {
    let first = workspace::read(&format!("{PAGES}/README.md"));
    for page in names(PAGES) {
        assert!(page == "README.md" || first.contains(&format!("]({page}")), "{PAGES}/README.md does not name {page}");
    }
}

/// What lies in this folder, if there is one; what an installation has put there is left out.
fn names(folder: &str) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(workspace::root().join(folder)) else { return BTreeSet::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with('.') && !name.starts_with("__")).collect()
}

/// The code of a page, by the names of its files; the folders within (`__generated__`) are made, and nobody's to copy.
fn files(page: &str) -> BTreeMap<String, String> {
    let folder = format!("{CODE}/{page}");
    let is_file = |name: &String| Path::new(workspace::root()).join(&folder).join(name).is_file();
    let files = names(&folder).into_iter().filter(is_file);
    files.map(|name| (name.clone(), workspace::read(&format!("{folder}/{name}")))).collect()
}

/// What the fences of a document hold that name a file.
fn shown(document: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let Some(about) = line.strip_prefix("```") else { continue };
        let code = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        if let Some((_, name)) = about.split_once(' ') {
            assert!(files.insert(name.to_owned(), code).is_none(), "{name} is shown twice");
        }
    }
    files
}
