#![expect(
    clippy::disallowed_methods,
    reason = "reads the sources and the page that it holds against each other"
)]
//! The rooms of the house: arrows between them as `docs/architecture.md` draws them, and what belongs to
//! one room alone.

mod circles;
mod sizes;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use self::source::paths;

/// Two rooms: the first uses the second.
type Arrow = (String, String);

/// What belongs to some rooms alone.
struct Ban {
    what: &'static str,
    /// Paths, each with all below it; with a dot before it, a method.
    paths: &'static [&'static str],
    rooms: &'static [&'static str],
    /// Files and folders elsewhere that need it today, each with the reason.
    exceptions: &'static [(&'static str, &'static str)],
}

const BANS: [Ban; 5] = [
    Ban {
        what: "a clock",
        paths: &[
            "chrono::Local::now",
            "chrono::Utc::now",
            "std::time::Instant::now",
            "std::time::SystemTime::now",
            "std::time::UNIX_EPOCH",
        ],
        rooms: &["clock"],
        exceptions: &[
            (
                "api/client.rs",
                "a pause in the ledger is dated by the clock of the machine, whatever clock a run has",
            ),
            (
                "config/key.rs",
                "how long a key is waited for that comes through a pipe",
            ),
            (
                "query/guard.rs",
                "a query that is computing has to see its time limit without a runtime",
            ),
            ("simulator/", "a server dates its answers"),
        ],
    },
    Ban {
        what: "a thread or a task",
        paths: &[
            ".spawn",
            ".spawn_blocking",
            "std::thread::Builder",
            "std::thread::scope",
            "std::thread::spawn",
            "tokio::runtime",
            "tokio::spawn",
            "tokio::task::JoinSet",
            "tokio::task::spawn",
            "tokio::task::spawn_blocking",
            "tokio::task::spawn_local",
        ],
        rooms: &["extract"],
        exceptions: &[
            (
                "api/client.rs",
                "decoding a large answer must not hold up the others",
            ),
            (
                "commands/mod.rs",
                "makes the runtime that a command works on",
            ),
            (
                "commands/publish.rs",
                "publishing is blocking work beside a display of its progress",
            ),
            (
                "limits.rs",
                "tries whether the system grants the threads of a run",
            ),
            ("publish/work.rs", "jobs are done side by side"),
            (
                "run/mend.rs",
                "an audit reads the whole file, and must not hold up the signals",
            ),
            ("simulator/", "a server answers several at a time"),
        ],
    },
    Ban {
        what: "SQL",
        paths: &[
            ".execute",
            ".execute_batch",
            ".prepare_cached",
            ".query_and_then",
            ".query_map",
            ".query_row",
            "rusqlite",
        ],
        rooms: &["store"],
        exceptions: &[
            (
                "budget/",
                "the ledger is a file of its own, shared by processes that have no store",
            ),
            (
                "demo/questions.rs",
                "asks the queries that the demo shows to people",
            ),
            (
                "publish/cell.rs",
                "borrows the values of a row instead of copying them",
            ),
            (
                "publish/job.rs",
                "reads tables row by row, as they are written",
            ),
            (
                "publish/months.rs",
                "counts months at the instant of a publish",
            ),
            ("query/", "the SQL is the asker's own"),
            (
                "run/filters.rs",
                "looks up names in three tables; the query has no place in the store yet",
            ),
        ],
    },
    Ban {
        what: "clap",
        paths: &["clap", "clap_complete"],
        rooms: &["cli", "config", "settings"],
        exceptions: &[],
    },
    Ban {
        what: "reqwest",
        paths: &["reqwest"],
        rooms: &["api"],
        exceptions: &[
            ("config/", "an address is checked where it is read"),
            ("settings/connection.rs", "the address of the API, checked"),
            (
                "simulator/answer.rs",
                "takes a query string apart by other code than the client's own",
            ),
            (
                "store/open.rs",
                "writes the path of a file as an address that SQLite takes",
            ),
        ],
    },
];

/// One file of the crate.
struct File {
    /// From `src` on.
    name: String,
    room: String,
    /// Its path, from `crate` on.
    module: String,
    text: String,
    paths: Vec<String>,
}

impl Ban {
    /// Files that break it, and exceptions that nobody needs.
    fn broken(&self, files: &[File]) -> Vec<String> {
        let mut needed = BTreeSet::new();
        let mut wrong = Vec::new();
        for file in files {
            let Some(path) = file.paths.iter().find(|path| self.holds(path)) else {
                continue;
            };
            let exception = self.exceptions.iter().find(|(place, _)| {
                file.name == *place || place.ends_with('/') && file.name.starts_with(place)
            });
            match exception {
                _ if self.rooms.contains(&file.room.as_str()) => {}
                Some((place, _)) => drop(needed.insert(*place)),
                None => wrong.push(format!(
                    "{} in src/{}, which belongs to {:?}: {path}",
                    self.what, file.name, self.rooms
                )),
            }
        }
        for (place, reason) in self.exceptions {
            assert!(!reason.is_empty(), "{place} without a reason");
            if !needed.contains(place) {
                wrong.push(format!("{place} needs no exception for {}", self.what));
            }
        }
        wrong
    }

    /// Whether a path is one of those, or below one, or everything beside one.
    fn holds(&self, path: &str) -> bool {
        self.paths.iter().any(|banned| {
            let is_below = path
                .strip_prefix(banned)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
            let is_beside = path
                .strip_suffix('*')
                .is_some_and(|above| !above.is_empty() && banned.starts_with(above));
            is_below || is_beside
        })
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(root().join(path))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The crate's files, without those of tests.
fn files() -> Vec<File> {
    let mut folders = vec![root().join("src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root().join("src")).unwrap();
            let name = name.to_str().unwrap().to_owned();
            if let Some(place) = name.strip_suffix(".rs").filter(|place| !is_test(place)) {
                found.push(file(&name, place, &read(&path)));
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

/// Whether a file without its ending is one of tests.
fn is_test(place: &str) -> bool {
    let is_named = |word: &str| word == "tests" || word.ends_with("_tests");
    place.split('/').any(is_named)
}

fn file(name: &str, place: &str, text: &str) -> File {
    let mut module: Vec<&str> = place.split('/').collect();
    let room = module[0].to_owned();
    if ["main", "lib", "mod"].contains(module.last().unwrap()) {
        module.pop();
    }
    File {
        name: name.to_owned(),
        room,
        module: [&["crate"], module.as_slice()].concat().join("::"),
        text: text.to_owned(),
        paths: paths(text, &module),
    }
}

/// The rooms, from the crate's list of modules.
fn rooms() -> BTreeSet<String> {
    let library = read(Path::new("src/lib.rs"));
    let modules = library.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    modules.chain(["main"]).map(str::to_owned).collect()
}

/// The arrows that the code has, each with the files it is in.
fn used(files: &[File], rooms: &BTreeSet<String>) -> BTreeMap<Arrow, BTreeSet<String>> {
    let mut used: BTreeMap<Arrow, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        for path in &file.paths {
            let Some(path) = path.strip_prefix("crate::") else {
                continue;
            };
            let room = path.split("::").next().unwrap_or_default();
            if room != file.room && rooms.contains(room) {
                let arrow = (file.room.clone(), room.to_owned());
                used.entry(arrow).or_default().insert(file.name.clone());
            }
        }
    }
    used
}

fn section(heading: &str) -> String {
    let page = read(Path::new("docs/architecture.md"));
    let (_, rest) = page
        .split_once(&format!("\n## {heading}"))
        .unwrap_or_else(|| panic!("no section {heading}"));
    rest.split("\n## ").next().unwrap().to_owned()
}

/// The arrows that the page draws, one line a room.
fn drawn() -> BTreeSet<Arrow> {
    let section = section("The arrows\n");
    let block = section.split("```").nth(1).unwrap();
    let lines = block
        .lines()
        .filter_map(|line| line.split_once(" -> "))
        .map(|(from, to)| (from.to_owned(), to));
    let mut seen = BTreeSet::new();
    let mut drawn = BTreeSet::new();
    for (from, all) in lines {
        assert!(seen.insert(from.clone()), "{from} has two lines");
        for to in all.split(", ") {
            let is_new = drawn.insert((from.clone(), to.to_owned()));
            assert!(is_new, "{from} -> {to} is drawn twice");
        }
    }
    drawn
}

#[test]
fn every_arrow_is_drawn_and_every_one_that_is_drawn_is_used() {
    let drawn = drawn();
    let used = used(&files(), &rooms());
    let mut wrong = Vec::new();
    for ((from, to), files) in &used {
        if !drawn.contains(&(from.clone(), to.clone())) {
            wrong.push(format!("{from} -> {to} is not drawn: {files:?}"));
        }
    }
    for arrow in drawn.iter().filter(|arrow| !used.contains_key(arrow)) {
        wrong.push(format!("{} -> {} is drawn and not used", arrow.0, arrow.1));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_room_stands_in_the_table_once_with_its_question_and_its_ban() {
    let section = section("Rooms");
    let mut listed = Vec::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let [names, question, ban] = cells.as_slice() else {
            panic!("not three cells: {line}");
        };
        assert!(question.contains('?'), "{line}");
        assert!(!ban.trim().is_empty(), "{line}");
        listed.extend(names.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    listed.sort();
    let rooms: Vec<String> = rooms().into_iter().collect();
    assert_eq!(listed, rooms);
}

#[test]
fn what_belongs_to_one_room_is_in_no_other() {
    let files = files();
    let wrong: Vec<String> = BANS.iter().flat_map(|ban| ban.broken(&files)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_arrows_between_rooms_close_a_circle() {
    let used: BTreeSet<Arrow> = used(&files(), &rooms()).into_keys().collect();
    for (from, to) in &used {
        assert!(
            !reaches(&used, to, from),
            "{from} -> {to} closes a circle: {to} leads back to {from}"
        );
    }
}

/// Whether arrows lead from one room to another.
fn reaches(arrows: &BTreeSet<Arrow>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(room) = open.pop() {
        if room == to {
            return true;
        }
        if seen.insert(room) {
            let next = arrows.iter().filter(|(from, _)| from == room);
            open.extend(next.map(|(_, to)| to.as_str()));
        }
    }
    false
}

#[test]
fn every_source_that_the_docs_name_is_there() {
    let mut pages = vec![root().join("README.md")];
    for folder in ["docs", "docs/decisions"] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        pages.extend(entries.map(|entry| entry.unwrap().path()));
    }
    pages.retain(|page| page.extension().is_some_and(|ending| ending == "md"));
    let mut named = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let is_source = |part: &&str| part.starts_with("src/") || part.starts_with("tests/");
        for part in text.split('`').filter(is_source) {
            let is_path = part
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "/_.".contains(letter));
            let is_there = [part.to_owned(), format!("{part}.rs")]
                .iter()
                .any(|path| root().join(path).exists());
            assert!(!is_path || is_there, "{} names {part}", page.display());
            named += usize::from(is_path);
        }
    }
    assert!(named > 50, "{named}");
}

/// Words that only we would understand.
const INSIDER: [&str; 4] = ["vouch", "crowded", " hangs on", " hang on"];

#[test]
fn docs_begin_with_what_a_thing_is_and_use_words_of_the_field() {
    for file in files() {
        let mut is_first = true;
        for (number, line) in file.text.lines().enumerate() {
            let line = line.trim_start();
            let doc = line.strip_prefix("///").or(line.strip_prefix("//!"));
            let place = format!("src/{}:{}: {line}", file.name, number + 1);
            if let Some(doc) = doc {
                assert!(!is_first || !doc.starts_with(" The same"), "{place}");
            }
            if line.starts_with("//") {
                let insider = INSIDER.iter().find(|word| line.contains(*word));
                assert_eq!(insider, None, "{place}");
            }
            is_first = doc.is_none();
        }
    }
}

#[test]
fn no_message_has_a_gap_where_its_source_was_wrapped() {
    for file in files() {
        let code = file.text.split("#[cfg(test)]").next().unwrap();
        for (number, line) in code.lines().enumerate() {
            let quoted = line.split_once('"').map_or("", |(_, rest)| rest);
            let is_comment = line.trim_start().starts_with("//");
            let has_gap = quoted.trim_end().contains(&" ".repeat(8));
            assert!(
                is_comment || !has_gap,
                "src/{}:{}: {line}",
                file.name,
                number + 1
            );
        }
    }
}

#[test]
fn paths_are_found_however_they_are_written() {
    let text = r##"
        //! crate::said::in_a_comment
        /* crate::said /* crate::nested */ crate::said */
        use std::thread::{self, Builder as Maker};
        use std::time::Instant;
        use super::{beside::Thing, super::above};
        pub(crate) use crate::room::{inner::{self, Leaf}, *};
        #[derive(clap::ValueEnum)]
        struct Choice<'a>(&'a str);
        fn work() {
            let quote = '"';
            let text = "crate::said \" crate::said";
            let raw = r#"crate::said " crate::said"#;
            let began = Instant::now();
            thread::scope(|scope| scope.spawn(Maker::new));
            self::own::call(crate::inline::Value::<u8>::of(b'\'', 1.5e3));
        }
        #[cfg(test)]
        #[path = "other.rs"]
        mod tests;
        #[cfg(test)]
        mod more {
            use crate::tested;
        }
        fn after() -> impl Sized + use<'static> { crate::last::one() }
    "##;
    let found = paths(text, &["home", "file"]);
    for expected in [
        "std::thread",
        "std::thread::Builder",
        "std::time::Instant::now",
        "std::thread::scope",
        "std::thread::Builder::new",
        "clap::ValueEnum",
        ".spawn",
        "crate::home::beside::Thing",
        "crate::above",
        "crate::room::inner",
        "crate::room::inner::Leaf",
        "crate::room::*",
        "crate::home::file::own::call",
        "crate::inline::Value",
        "crate::last::one",
    ] {
        assert!(
            found.iter().any(|path| path == expected),
            "{expected}: {found:?}"
        );
    }
    for path in &found {
        let is_left_out = ["said", "nested", "tested"]
            .iter()
            .all(|word| !path.contains(word));
        assert!(is_left_out, "{path}");
    }
}
