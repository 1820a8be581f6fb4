//! Circles between files, as `docs/architecture.md` says what one is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::source::names;
use super::{Arrow, File, files, reaches};

/// The files by the path of their module.
struct Modules<'a> {
    files: BTreeMap<&'a str, &'a File>,
    /// What each file brings in, by the name that it gives it.
    passed_on: HashMap<&'a str, HashMap<String, Vec<String>>>,
}

impl<'a> Modules<'a> {
    fn of(files: &'a [File]) -> Self {
        let passed_on = files.iter().map(|file| {
            let module: Vec<&str> = file.module.split("::").skip(1).collect();
            (file.module.as_str(), names(&file.text, &module))
        });
        Self {
            files: files
                .iter()
                .map(|file| (file.module.as_str(), file))
                .collect(),
            passed_on: passed_on.collect(),
        }
    }

    /// The file that defines what a path names.
    fn file(&self, path: &[&str], tries: usize) -> Option<&'a File> {
        let length = (1..=path.len())
            .rev()
            .find(|length| self.files.contains_key(path[..*length].join("::").as_str()))?;
        let module = path[..length].join("::");
        let passed = path
            .get(length)
            .and_then(|name| self.passed_on.get(module.as_str())?.get(*name));
        match passed {
            Some(whole) if tries > 0 => {
                let is_absolute = whole[0] == "crate";
                let whole = whole.iter().map(String::as_str);
                let rest = whole.chain(path[length + 1..].iter().copied());
                let path: Vec<&str> = match is_absolute {
                    true => rest.collect(),
                    // From a file below this one.
                    false => path[..length].iter().copied().chain(rest).collect(),
                };
                self.file(&path, tries - 1)
            }
            _ => self.files.get(module.as_str()).copied(),
        }
    }
}

/// Whether one of two files is the door of the other.
fn is_door(one: &File, other: &File) -> bool {
    let holds = |one: &File, other: &File| {
        other
            .module
            .strip_prefix(&one.module)
            .is_some_and(|rest| rest.starts_with("::"))
    };
    holds(one, other) || holds(other, one)
}

/// The arrows between files.
fn arrows(files: &[File]) -> BTreeSet<Arrow> {
    let modules = Modules::of(files);
    let mut arrows = BTreeSet::new();
    for file in files {
        for path in &file.paths {
            let path: Vec<&str> = path.split("::").collect();
            let Some(to) = modules.file(&path, 4).filter(|to| to.name != file.name) else {
                continue;
            };
            if !is_door(file, to) {
                arrows.insert((file.name.clone(), to.name.clone()));
            }
        }
    }
    arrows
}

#[test]
fn no_arrows_between_files_close_a_circle() {
    let files: Vec<File> = files()
        .into_iter()
        .filter(|file| file.module != "crate")
        .collect();
    let used = arrows(&files);
    let wrong: Vec<&Arrow> = used
        .iter()
        .filter(|(from, to)| reaches(&used, to, from))
        .collect();
    assert!(wrong.is_empty(), "in circles: {wrong:#?}");
}

#[test]
fn names_are_followed_to_the_file_that_has_them() {
    let files = [
        (
            "room/mod.rs",
            "mod one; mod other; pub use one::One; pub(crate) use self::other::Other as Another;",
        ),
        ("room/one.rs", "use super::Another; struct One;"),
        (
            "room/other.rs",
            "use super::Door; fn other() { crate::room::One::new() }",
        ),
        (
            "away.rs",
            "use crate::room::{self, Another}; fn away() { room::One::new() }",
        ),
    ];
    let files =
        files.map(|(name, text)| super::file(name, name.strip_suffix(".rs").unwrap(), text));
    let arrows = arrows(&files);
    let expected = [
        ("away.rs", "room/mod.rs"),
        ("away.rs", "room/one.rs"),
        ("away.rs", "room/other.rs"),
        ("room/one.rs", "room/other.rs"),
        ("room/other.rs", "room/one.rs"),
    ];
    let expected = expected.map(|(from, to)| (from.to_owned(), to.to_owned()));
    assert_eq!(arrows, BTreeSet::from(expected));
}
