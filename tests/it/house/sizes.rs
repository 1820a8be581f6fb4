//! How large files, functions and structs are, and how large they may be.

use super::source::{Token, end_of_item, placed, tests};
use super::{File, files};

/// Lines of a file at most, tests left out.
const FILE: usize = 500;

/// Lines of a function at most, from `fn` on.
const FUNCTION: usize = 60;

/// Fields of a struct at most.
const STRUCT: usize = 12;

/// Lines of a file in `commands` at most, tests included.
const COMMAND: usize = 200;

/// Lines of all files in `commands` at most, tests included.
const COMMANDS: usize = 1_500;

/// Structs with more fields, by their file, each with the reason. Settings, rows and reports are lists
/// that a reader looks something up in by its name.
const LARGE_STRUCTS: [(&str, &str, &str); 12] = [
    ("cli/options.rs", "ApiArgs", "settings"),
    ("publish/manifest.rs", "Manifest", "a report"),
    ("report.rs", "Summary", "a report"),
    ("report/published.rs", "Published", "a report"),
    ("report/status.rs", "SnapshotStatus", "a report"),
    ("report/status.rs", "Status", "a report"),
    ("report/verify.rs", "Verification", "a report"),
    ("simulator/query.rs", "Query", "settings"),
    ("simulator/quirks.rs", "Quirks", "settings"),
    ("simulator/shape.rs", "Shape", "settings"),
    ("simulator/world/ticket.rs", "Message", "a row"),
    ("simulator/world/ticket.rs", "Ticket", "a row"),
];

/// A function or a struct, and how large it is.
struct Measured {
    name: String,
    size: usize,
}

/// The functions of a file with their lines, and its structs with their fields; tests left out.
fn measure(text: &str) -> (Vec<Measured>, Vec<Measured>) {
    let placed = placed(text);
    let tokens: Vec<Token<'_>> = placed.iter().map(|(token, _)| *token).collect();
    let line = |at: usize| text[..placed[at].1].matches('\n').count();
    let tests = tests(&tokens);
    let (mut functions, mut structs) = (Vec::new(), Vec::new());
    for at in 0..tokens.len() {
        let name = tokens.get(at + 1).and_then(|next| next.word());
        let (Some(kind @ ("fn" | "struct")), Some(name)) = (tokens[at].word(), name) else {
            continue;
        };
        if tests.iter().any(|test| test.contains(&at)) {
            continue;
        }
        let end = end_of_item(&tokens, at);
        let name = name.to_owned();
        match kind {
            "fn" => functions.push(Measured {
                name,
                size: line(end - 1) - line(at) + 1,
            }),
            _ => structs.push(Measured {
                name,
                size: fields(&tokens[at..end]),
            }),
        }
    }
    (functions, structs)
}

/// The named fields of a struct.
fn fields(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    let mut count = 0;
    let mut is_inside = false;
    for token in tokens {
        match token {
            Token::Mark('(' | '[' | '{') => {
                is_inside |= token.is('{');
                depth += 1;
            }
            Token::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
            Token::Mark(':') if is_inside && depth == 1 => count += 1,
            _ => {}
        }
    }
    count
}

/// Lines without those of tests.
fn lines(text: &str) -> usize {
    let placed = placed(text);
    let tokens: Vec<Token<'_>> = placed.iter().map(|(token, _)| *token).collect();
    let line = |at: usize| text[..placed[at].1].matches('\n').count();
    let of_tests = tests(&tokens)
        .iter()
        .map(|test| line(test.end - 1) - line(test.start) + 1)
        .sum::<usize>();
    text.lines().count() - of_tests
}

/// Something of a file, and how large it is.
type Found<'a> = (&'a str, Measured);

/// Holds sizes to a limit, but for exceptions by file and name, each of which has to be needed.
fn hold(found: &[Found<'_>], most: usize, exceptions: &[(&str, &str)]) {
    let is_exception = |(file, one): &&Found<'_>| exceptions.contains(&(*file, one.name.as_str()));
    let large: Vec<&Found<'_>> = found.iter().filter(|(_, one)| one.size > most).collect();
    let wrong: Vec<String> = large
        .iter()
        .filter(|one| !is_exception(one))
        .map(|(file, one)| format!("src/{file}: {} has {}", one.name, one.size))
        .collect();
    assert!(wrong.is_empty(), "more than {most}: {wrong:#?}");
    for exception in exceptions {
        let mut needed = large.iter().map(|(file, one)| (*file, one.name.as_str()));
        assert!(
            needed.any(|one| one == *exception),
            "{exception:?} needs no exception"
        );
    }
}

/// The size of a whole file.
fn whole(file: &File, size: usize) -> Found<'_> {
    let name = "the file".to_owned();
    (&file.name, Measured { name, size })
}

/// What `measures` finds in each file.
fn measured(files: &[File], measures: fn(&str) -> Vec<Measured>) -> Vec<Found<'_>> {
    let all = files.iter().flat_map(|file| {
        let measured = measures(&file.text).into_iter();
        measured.map(|one| (file.name.as_str(), one))
    });
    all.collect()
}

#[test]
fn no_file_is_too_long() {
    let files = files();
    let found: Vec<Found<'_>> = files
        .iter()
        .map(|file| whole(file, lines(&file.text)))
        .collect();
    hold(&found, FILE, &[]);
}

#[test]
fn no_function_is_too_long() {
    let files = files();
    let found = measured(&files, |text| measure(text).0);
    hold(&found, FUNCTION, &[]);
}

#[test]
fn no_struct_has_too_many_fields() {
    let files = files();
    let found = measured(&files, |text| measure(text).1);
    let exceptions = LARGE_STRUCTS.map(|(file, name, reason)| {
        assert!(!reason.is_empty(), "{file}: {name} without a reason");
        (file, name)
    });
    hold(&found, STRUCT, &exceptions);
}

#[test]
fn commands_are_short() {
    let files = files();
    let found: Vec<Found<'_>> = files
        .iter()
        .filter(|file| file.room == "commands")
        .map(|file| whole(file, file.text.lines().count()))
        .collect();
    hold(&found, COMMAND, &[]);
    let all: usize = found.iter().map(|(_, one)| one.size).sum();
    assert!(all <= COMMANDS, "{all} lines");
}

#[test]
fn lines_and_fields_are_counted_without_tests_and_texts() {
    let text = r#"
        struct Pair<T: Copy> {
            /// fn said: u8, other: u8
            one: Vec<(T, u8)>,
            other: [fn(at: u8) -> u8; 2],
        }
        struct Alone(u8);
        fn short() -> fn(u8) -> u8 { |one| one }
        fn long(
            text: &str,
        ) {
            let said = "fn none() { struct None { a: u8 } }";
        }
        #[cfg(test)]
        mod tests {
            fn tested() {}
        }
    "#;
    let sizes = |found: Vec<Measured>| -> Vec<(String, usize)> {
        found.into_iter().map(|one| (one.name, one.size)).collect()
    };
    let (functions, structs) = measure(text);
    assert_eq!(
        sizes(functions),
        [("short".to_owned(), 1), ("long".to_owned(), 5)]
    );
    assert_eq!(
        sizes(structs),
        [("Pair".to_owned(), 2), ("Alone".to_owned(), 0)]
    );
    assert_eq!(lines(text), text.lines().count() - 4);
}
