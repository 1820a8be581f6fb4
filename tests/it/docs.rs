#![expect(
    clippy::disallowed_methods,
    reason = "reads and writes the documentation it tests"
)]
//! Documentation under test: what it names exists, what exists it names, what it shows runs.
//!
//! Three texts are written from the code: `docs/tables.md`, the option table of `docs/options.md` and the named
//! queries of `docs/queries.md`. After a change of the schema, of an option or of a query: `make docs`.

mod queries;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mava_export::cli;
use mava_export::config;
use mava_export::error::ExitCode;
use mava_export::table::{self, TOTALS, VIEWS};

/// Flags of other programs that the documents show.
const FLAGS_OF_OTHERS: [&str; 11] = [
    "--bench",
    "--draw",
    "--env",
    "--help",
    "--nights",
    "--path",
    "--release",
    "--rm",
    "--test",
    "--user",
    "--volume",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below `folder` with this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut folders = vec![root().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Every document for people: its path and its text.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths = files("docs", "md");
    paths.push(root().join("README.md"));
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

/// The program's own text: sources, migrations, tests.
fn sources() -> String {
    let mut paths = files("src", "rs");
    paths.extend(files("tests", "rs"));
    paths.extend(files("migrations", "sql"));
    paths
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

/// The fenced blocks of `text` in this language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(found) = line.strip_prefix("```") else {
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if found == language {
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

/// The code spans of `text`, fenced blocks left out.
fn spans(text: &str) -> Vec<&str> {
    let mut is_fenced = false;
    let mut spans = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            spans.extend(line.split('`').skip(1).step_by(2));
        }
    }
    spans
}

/// The part of `text` under this heading, up to the next of its level.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = text.find(&format!("\n{heading}\n"));
    let start = start.unwrap_or_else(|| panic!("no {heading}")) + heading.len() + 2;
    let level = heading.split(' ').next().unwrap();
    let end = text[start..].find(&format!("\n{level} "));
    &text[start..end.map_or(text.len(), |end| start + end)]
}

/// The words of `text` that begin with `start` and go on with these characters.
fn words<'a>(text: &'a str, start: &str, is_inside: impl Fn(char) -> bool) -> BTreeSet<&'a str> {
    text.match_indices(start)
        .filter(|(at, _)| {
            let before = text[..*at].chars().next_back();
            before.is_none_or(|character| !character.is_alphanumeric() && character != '-')
        })
        .map(|(at, _)| {
            let rest = &text[at + start.len()..];
            let end = rest.find(|character| !is_inside(character));
            &text[at..end.map_or(text.len(), |end| at + start.len() + end)]
        })
        .collect()
}

/// What stands in `path` between two markers is `expected`; written there where asked for.
fn holds_between(path: &str, open: &str, close: &str, expected: &str) {
    let text = read(path);
    let (before, rest) = text.split_once(open).unwrap_or_else(|| panic!("no {open}"));
    let (found, after) = rest
        .split_once(close)
        .unwrap_or_else(|| panic!("no {close}"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(
            root().join(path),
            format!("{before}{open}{expected}{close}{after}"),
        )
        .unwrap();
    } else {
        assert_eq!(found, expected, "{path} is out of date; run make docs");
    }
}

#[test]
fn tables_md_follows_from_the_schema() {
    is_written("docs/tables.md", &table::document());
}

#[test]
fn metrics_md_follows_from_the_schema_and_leaves_no_table_out() {
    let page = table::metrics_document();
    assert!(!page.contains("{{"), "a table that there is not");
    let sections: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    for table in TOTALS.iter().chain(VIEWS) {
        assert!(sections.contains(table.name), "{}", table.name);
    }
    is_written("docs/metrics.md", &page);
}

/// A page that is written from the code is as it would be written now.
fn is_written(path: &str, expected: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(root().join(path), expected).unwrap();
    }
    assert_eq!(read(path), expected, "{path} is out of date; run make docs");
}

#[test]
fn the_documents_list_every_option_with_its_variable_its_key_and_its_default() {
    let code = |text: &str| match text {
        "" => String::new(),
        _ => format!("`{text}`"),
    };
    let mut expected = String::from(
        "\n| flag | environment variable | key | default | what it does |\n|---|---|---|---|---|\n",
    );
    for option in cli::options() {
        expected.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            code(&option.flag),
            code(option.environment.as_deref().unwrap_or_default()),
            code(option.key.as_deref().unwrap_or_default()),
            code(&option.default),
            option.help.replace('|', "\\|"),
        ));
    }
    holds_between(
        "docs/options.md",
        "<!-- options: written by make docs -->",
        "<!-- end of options -->",
        &expected,
    );
}

#[test]
fn every_flag_and_variable_that_a_document_names_exists() {
    let options = cli::options();
    let mut flags: BTreeSet<&str> = options.iter().map(|option| option.flag.as_str()).collect();
    flags.extend(FLAGS_OF_OTHERS);
    let mut variables: BTreeSet<&str> = options
        .iter()
        .filter_map(|option| option.environment.as_deref())
        .collect();
    variables.extend(["MAVA_API_KEY", "MAVA_EXPORT_"]);
    // Ignored with a warning, until they go.
    flags.extend(["--effort", "--refresh-within", "--full-below"]);
    // Of the long runs.
    variables.extend(["MAVA_MODEL_SEED", "MAVA_MODEL_CASES", "MAVA_MODEL_COMMAND"]);
    for (path, text) in documents() {
        for flag in words(&text, "--", |character| {
            character.is_ascii_lowercase() || character == '-'
        }) {
            let is_flag = flag.len() > 2 && flag.as_bytes()[2].is_ascii_lowercase();
            assert!(!is_flag || flags.contains(flag), "{path:?}: {flag}");
        }
        for name in words(&text, "MAVA_", |character| {
            character.is_ascii_uppercase() || character == '_'
        }) {
            assert!(variables.contains(name), "{path:?}: {name}");
        }
    }
}

#[test]
fn the_documents_list_every_exit_code_and_no_other() {
    let page = read("docs/options.md");
    let listed: BTreeSet<u8> = section(&page, "## Exit codes")
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok())
        .collect();
    assert_eq!(listed, ExitCode::ALL.map(ExitCode::number).into());
}

/// Lines of the README: what somebody reads in three minutes.
const README_LINES: usize = 200;

#[test]
fn the_readme_is_short_and_leads_to_every_page() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= README_LINES);
    for path in files("docs", "md") {
        let page = path.strip_prefix(root()).unwrap().to_str().unwrap();
        let is_linked =
            readme.contains(&format!("]({page})")) || page.starts_with("docs/decisions/");
        assert!(is_linked, "{page}");
    }
}

/// What the program prints for these arguments.
fn printed(arguments: &[&str], folder: &Path) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_mava-export"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn setting_up_takes_two_commands() {
    let readme = read("README.md");
    let commands = blocks(section(&readme, "## Set up"), "sh");
    assert_eq!(commands, ["cargo run --release -- demo\nmake test"]);
    let makefile = read("Makefile");
    for target in ["test", "bench", "docs"] {
        assert!(makefile.contains(&format!("\n{target}:")), "{target}");
    }
    assert!(read(".ci/run").contains("make test"));
}

#[test]
fn relative_links_lead_somewhere() {
    for (path, text) in documents() {
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap();
            if target.starts_with("https://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.clone(),
                _ => path.parent().unwrap().join(file),
            };
            assert!(file.exists(), "{path:?}: {target}");
            let is_there = anchor.is_empty() || anchors(&file).contains(anchor);
            assert!(is_there, "{path:?}: {target}");
        }
    }
}

/// The anchors that a Markdown file's headings make.
fn anchors(file: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .replace(' ', "-")
                .chars()
                .filter(|character| character.is_alphanumeric() || "-_".contains(*character))
                .collect()
        })
        .collect()
}

#[test]
fn the_changelog_knows_this_version_and_the_readme_the_example_of_the_configuration() {
    let heading = format!("\n## {}", env!("CARGO_PKG_VERSION"));
    assert!(read("docs/changelog.md").contains(&heading));
    assert!(read("README.md").contains("](config/mava-export.example.toml)"));
}

#[test]
fn the_documents_and_the_example_name_what_the_working_directorys_file_may_not_set() {
    let options = cli::options();
    let keys = options.iter().filter_map(|option| option.key.as_deref());
    let refused: BTreeSet<&str> = keys
        .filter(|key| !config::WORKING_DIRECTORY_KEYS.contains(key))
        .collect();
    let page = read("docs/options.md");
    let row = page
        .lines()
        .find(|line| line.starts_with("| `config/mava-export.toml`"));
    let named: BTreeSet<&str> = spans(row.unwrap()).into_iter().skip(1).collect();
    assert_eq!(named, refused);
    let example = read("config/mava-export.example.toml");
    let line = example.lines().find(|line| line.contains("may not set"));
    for key in refused {
        assert!(line.unwrap().contains(key), "{key}");
    }
}

#[test]
fn the_page_on_proxies_names_every_variable_and_only_messages_that_there_are() {
    let page = read("docs/proxies-and-certificates.md");
    for variable in [
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "NO_PROXY",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUEST_METHOD",
    ] {
        assert!(spans(&page).contains(&variable), "{variable}");
    }
    let program: String = files("src", "rs")
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let messages: Vec<&str> = section(&page, "## What a message means")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    assert!(messages.len() >= 10, "{messages:?}");
    for message in messages {
        assert!(program.contains(message), "{message}");
    }
    assert!(read("README.md").contains("](docs/proxies-and-certificates.md)"));
}

#[test]
fn every_module_stands_in_the_crates_own_page_and_in_the_architecture() {
    let library = read("src/lib.rs");
    let architecture = read("docs/architecture.md");
    for line in library.lines() {
        let Some(module) = line.strip_prefix("pub mod ") else {
            continue;
        };
        let module = module.trim_end_matches(';');
        assert!(library.contains(&format!("[`{module}`]")), "{module}");
        assert!(architecture.contains(&format!("`{module}`")), "{module}");
    }
}

#[test]
fn every_decision_is_listed() {
    let architecture = read("docs/architecture.md");
    for file in files("docs/decisions", "md") {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(
            architecture.contains(&format!("](decisions/{name})")),
            "{name}"
        );
    }
}

#[test]
fn every_guarantee_names_tests_that_exist() {
    let page = read("docs/guarantees.md");
    let sources = sources();
    let promises = section(&page, "## Guarantees");
    let mut count = 0;
    for promise in promises.split("\n### ").skip(1) {
        let tests: Vec<&str> = spans(promise)
            .into_iter()
            .filter(|span| span.starts_with("tests/") || span.matches('_').count() > 3)
            .collect();
        assert!(!tests.is_empty(), "{promise}");
        for test in tests {
            let is_there = match test.starts_with("tests/") {
                true => {
                    let path = root().join(test);
                    path.is_dir() || path.with_extension("rs").exists()
                }
                false => sources.contains(&format!("fn {test}(")),
            };
            assert!(is_there, "{test}");
        }
        count += 1;
    }
    assert_eq!(count, 6);
}

/// Lines of the demo's summary that differ from machine to machine and run to run.
const MEASURED: [&str; 4] = ["  API ", "  time ", "  store ", "  next "];

#[test]
fn the_demo_prints_what_the_readme_shows() {
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_mava-export"))
        .arg("demo")
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let readme = read("README.md");
    let shown = blocks(section(&readme, "## Set up"), "text");
    assert_eq!(shown.len(), 1);
    for line in shown[0].lines() {
        let is_measured = MEASURED.iter().any(|start| line.starts_with(start));
        assert!(is_measured || printed.contains(line), "{line}");
    }
}

#[test]
fn the_nightly_line_runs_in_an_hour_that_every_night_has_once() {
    let mut texts = documents();
    let help = PathBuf::from("src/cli/help.rs");
    texts.push((help.clone(), read("src/cli/help.rs")));
    let mut shown = Vec::new();
    for (path, text) in &texts {
        for line in text.lines().filter(|line| line.contains(" * * * ")) {
            let mut fields = line.split_whitespace();
            let (minute, hour) = (fields.next().unwrap(), fields.next().unwrap());
            let (minute, hour): (u32, u32) = (minute.parse().unwrap(), hour.parse().unwrap());
            // Clocks are changed between midnight and three.
            assert!((3..24).contains(&hour) && minute < 60, "{path:?}: {line}");
            // Cron writes a letter about whatever is printed.
            assert!(line.contains("--quiet"), "{path:?}: {line}");
            shown.push(path);
        }
    }
    assert!(shown.contains(&&root().join("README.md")) && shown.contains(&&help));
}

#[test]
fn the_program_names_no_file_that_only_the_repository_has() {
    // Not what is printed: the document that is written from the schema, and tests.
    let is_printed = |path: &Path| {
        let name = path.to_string_lossy();
        !name.ends_with("document.rs") && !name.ends_with("tests.rs")
    };
    for path in files("src", "rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        let program = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = program
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in lines.filter(|_| is_printed(&path)) {
            for place in ["docs/", ".md", "example.toml", "README"] {
                assert!(!line.contains(place), "{}: {line}", path.display());
            }
        }
    }
}
