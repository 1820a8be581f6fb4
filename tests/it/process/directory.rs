//! What a command does to the files of a directory: every one of them, before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use mava_export::simulator::Simulator;
use rusqlite::Connection;
use serde_json::Value;

use super::support::{BACKFILL, Place, desk, run};

/// What lies at a path, links not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Directory,
    Link(PathBuf),
    /// Which file it is, its permissions, and its content.
    File(u64, u32, Vec<u8>),
}

type Listing = BTreeMap<PathBuf, Found>;

/// Everything below a directory, by its path there.
fn listing(root: &Path) -> Listing {
    let mut found = Listing::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let what = if metadata.is_symlink() {
                Found::Link(fs::read_link(&path).unwrap())
            } else if metadata.is_dir() {
                folders.push(path.clone());
                Found::Directory
            } else {
                let content = fs::read(&path).unwrap();
                Found::File(metadata.ino(), metadata.mode(), content)
            };
            found.insert(path.strip_prefix(root).unwrap().to_owned(), what);
        }
    }
    found
}

/// The snapshots of `directory` whose manifest names them and the store of the current one, oldest
/// first.
fn own(directory: &Path) -> Vec<String> {
    let store = |snapshot: &Path| -> Option<String> {
        let text = fs::read_to_string(snapshot.join("manifest.json")).ok()?;
        let told: Value = serde_json::from_str(&text).ok()?;
        let is_its_own = snapshot.ends_with(told["snapshot"].as_str()?);
        is_its_own.then(|| told["store"].as_str().unwrap().to_owned())
    };
    let current = store(&fs::canonicalize(directory.join("current")).unwrap());
    let mut names: Vec<String> = fs::read_dir(directory.join("snapshots"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.is_symlink() && store(path) == current)
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Nothing of what lay there is gone or altered but the store's own files, the link to the newest
/// snapshot, and the snapshots of these names.
#[track_caller]
fn assert_kept(before: &Listing, after: &Listing, removed: &[String], what: &str) {
    let own: BTreeSet<PathBuf> = [
        "work/desk/current",
        "work/desk/store.sqlite",
        "work/desk/store.sqlite-lock",
        "work/desk/store.sqlite-wal",
        "work/desk/store.sqlite-shm",
    ]
    .map(PathBuf::from)
    .into();
    let gone: Vec<PathBuf> = removed
        .iter()
        .map(|name| Path::new("work/desk/snapshots").join(name))
        .collect();
    for (path, found) in before {
        let is_removed = gone.iter().any(|gone| path.starts_with(gone));
        if is_removed {
            assert!(!after.contains_key(path), "{what}: {path:?} is still there");
        } else if !own.contains(path) && !path.starts_with("state") {
            assert_eq!(after.get(path), Some(found), "{what}: {path:?}");
        }
    }
    let litter = |path: &&PathBuf| path.to_string_lossy().contains(".mava-export-");
    assert_eq!(after.keys().find(litter), None, "{what}");
}

/// A directory with snapshots, and beside them what others keep there.
fn directory(simulator: &Simulator) -> Place {
    let place = Place::new();
    let backfill = BACKFILL.replace("sqlite:support.db", "parquet:desk");
    run(&mut place.command_at(simulator, &backfill)).expect(0);
    let at = |name: &str| place.path("desk").join(name);
    fs::create_dir_all(at("mine")).unwrap();
    fs::create_dir_all(at("snapshots/mine")).unwrap();
    fs::create_dir_all(at("snapshots/000000")).unwrap();
    for name in [
        "notes.txt",
        ".hidden",
        "current.json.bak",
        "store.sqlite.bak",
        "mine/report.csv",
        "snapshots/loose.parquet",
        "snapshots/mine/report.csv",
        "snapshots/000000/theirs",
    ] {
        fs::write(at(name), name).unwrap();
    }
    // A snapshot of another store, and one that lies elsewhere.
    let copied = |to: PathBuf, store: &str, snapshot: &str| {
        fs::create_dir_all(to.join("tags")).unwrap();
        let from = at("snapshots/000001");
        fs::copy(from.join("tags/tags.parquet"), to.join("tags/tags.parquet")).unwrap();
        let text = fs::read_to_string(from.join("manifest.json")).unwrap();
        let mut told: Value = serde_json::from_str(&text).unwrap();
        told["snapshot"] = snapshot.into();
        if !store.is_empty() {
            told["store"] = store.into();
        }
        fs::write(to.join("manifest.json"), told.to_string()).unwrap();
    };
    copied(at("snapshots/000000-2"), "another", "000000-2");
    copied(place.path("elsewhere/000000-3"), "", "000000-3");
    symlink("../../elsewhere/000000-3", at("snapshots/000000-3")).unwrap();
    // One that was copied to another name says that it is another.
    copied(at("snapshots/000000-4"), "", "000001");
    place
}

/// Makes the next `verify` find something.
fn meddle(place: &Place) {
    let store = Connection::open(place.path("desk/store.sqlite")).unwrap();
    let edit =
        "UPDATE tickets SET status = CASE status WHEN 'Waiting' THEN 'Pending' ELSE 'Waiting' END
        WHERE rowid = 77";
    assert_eq!(store.execute(edit, []).unwrap(), 1);
}

const API: &str = "--rate-limit none --retry-pause 5ms";

/// Every command that takes a directory, and how many snapshots it may leave; `None` of one that
/// publishes nothing.
fn commands() -> Vec<(String, Option<usize>)> {
    let backfill = BACKFILL.replace("sqlite:support.db", "parquet:desk");
    let publishing = [
        backfill.clone(),
        format!("sync --to parquet:desk {API}"),
        format!("sync --full --to parquet:desk {API}"),
        format!("verify --repair --to parquet:desk {API}"),
        "publish --to parquet:desk".to_owned(),
        "publish --whole --to parquet:desk".to_owned(),
    ];
    let looking = [
        "status --to parquet:desk".to_owned(),
        "query SELECT(1) --from parquet:desk".to_owned(),
        format!("plan {backfill}"),
        format!("plan sync --to parquet:desk {API}"),
        format!("verify --to parquet:desk {API}"),
    ];
    let mut commands: Vec<(String, Option<usize>)> =
        looking.iter().map(|words| (words.clone(), None)).collect();
    for keep in [None, Some(4), Some(2), Some(1)] {
        for words in &publishing {
            commands.push(match keep {
                None => (words.clone(), Some(7)),
                Some(keep) => (format!("{words} --keep-snapshots {keep}"), Some(keep)),
            });
        }
    }
    commands.extend(looking.iter().map(|words| (words.clone(), None)));
    commands
}

#[test]
fn no_command_removes_or_alters_anything_but_what_retention_names() {
    let simulator = desk(300, 0);
    let place = directory(&simulator);
    let mut removed_in_all = 0;
    for (words, keep) in commands() {
        if words.starts_with("verify") {
            meddle(&place);
        }
        let (before, held) = (listing(place.root()), own(&place.path("desk")));
        let ended = run(&mut place.command_at(&simulator, &format!("{words} --json")));
        assert!(matches!(ended.code(), Some(0 | 3)), "{words}: {ended:?}");
        let after = listing(place.root());
        let told = ended.json();
        let removed: Vec<String> = match &told["removed"] {
            Value::Null => told["published"]["removed"].as_array(),
            removed => removed.as_array(),
        }
        .into_iter()
        .flatten()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
        // The oldest of this store's own, and so many as there are too many.
        let is_new = told["is_new"] == true || told["published"]["is_new"] == true;
        let surplus = keep.map_or(0, |keep| {
            (held.len() + usize::from(is_new)).saturating_sub(keep)
        });
        assert_eq!(removed, held[..surplus], "{words}");
        assert_kept(&before, &after, &removed, &words);
        removed_in_all += removed.len();
    }
    assert!(removed_in_all > 10, "{removed_in_all}");
    assert_eq!(own(&place.path("desk")).len(), 1);
}

#[test]
fn a_repair_keeps_as_many_snapshots_as_it_is_told_to() {
    let simulator = desk(300, 0);
    let place = Place::new();
    let backfill = BACKFILL.replace("sqlite:support.db", "parquet:desk");
    let sync = format!("sync --to parquet:desk {API}");
    for words in [&backfill, &sync, &sync] {
        run(&mut place.command_at(&simulator, words)).expect(0);
    }
    let repair = format!("verify --repair --to parquet:desk {API} --json");
    let repaired = |more: &str, variable: Option<&str>| -> Value {
        meddle(&place);
        let mut command = place.command_at(&simulator, &format!("{repair} {more}"));
        if let Some(keep) = variable {
            command.env("MAVA_EXPORT_KEEP_SNAPSHOTS", keep);
        }
        run(&mut command).expect(0).json()["published"]["removed"].clone()
    };
    let names = || own(&place.path("desk"));
    assert_eq!(repaired("", None), serde_json::json!([]));
    assert_eq!(names(), ["000001", "000002", "000003", "000004"]);
    assert_eq!(repaired("", Some("4")), serde_json::json!(["000001"]));
    // The flag goes before the variable, and the variable before the file.
    fs::create_dir_all(place.path("config")).unwrap();
    fs::write(
        place.path("config/mava-export.toml"),
        "keep_snapshots = 3\n",
    )
    .unwrap();
    assert_eq!(
        repaired("--keep-snapshots 5", Some("1")),
        serde_json::json!([])
    );
    assert_eq!(
        repaired("", None),
        serde_json::json!(["000002", "000003", "000004"])
    );
    assert_eq!(names(), ["000005", "000006", "000007"]);
}

#[test]
fn a_link_in_the_place_of_the_snapshots_is_refused_by_every_command_and_costs_none() {
    let simulator = desk(100, 0);
    let place = Place::new();
    let backfill = |to: &str| BACKFILL.replace("sqlite:support.db", &format!("parquet:{to}"));
    for words in [backfill("one"), "publish --to parquet:one --whole".into()] {
        run(&mut place.command_at(&simulator, &words)).expect(0);
    }
    run(&mut place.command_at(&simulator, &BACKFILL.replace("support.db", "two.db"))).expect(0);
    fs::create_dir(place.path("two")).unwrap();
    symlink("../one/snapshots", place.path("two/snapshots")).unwrap();
    let before = listing(&place.path(""));
    simulator.clear_requests();
    for words in [
        "publish --from sqlite:two.db --to parquet:two --keep-snapshots 1".to_owned(),
        backfill("two"),
        format!("sync --since 2024-01-01 --to parquet:two {API}"),
        "status --to parquet:two".to_owned(),
    ] {
        run(&mut place.command_at(&simulator, &words))
            .expect(2)
            .expect_error(&["two/snapshots is a link", "move the link away"]);
    }
    assert!(simulator.requests().is_empty());
    let after = listing(&place.path(""));
    // A publish that is refused has opened the store.
    let is_side = |path: &PathBuf| path.to_string_lossy().contains("two.db-");
    for (path, found) in &before {
        assert!(after.get(path) == Some(found) || is_side(path), "{path:?}");
    }
    // What the help says is the way out.
    fs::remove_file(place.path("two/snapshots")).unwrap();
    run(&mut place.command("publish --from sqlite:two.db --to parquet:two")).expect(0);
}

#[test]
fn two_stores_that_take_turns_in_a_directory_remove_only_their_own_snapshots() {
    let simulator = desk(100, 0);
    let place = Place::new();
    for name in ["one.db", "two.db"] {
        run(&mut place.command_at(&simulator, &BACKFILL.replace("support.db", name))).expect(0);
    }
    let publish = |name: &str| {
        let words = format!(
            "publish --whole --from sqlite:{name} --to parquet:desk --keep-snapshots 1 --json"
        );
        run(&mut place.command(&words)).expect(0).json()
    };
    assert_eq!(publish("one.db")["removed"], serde_json::json!([]));
    let second = publish("two.db");
    assert_eq!(second["removed"], serde_json::json!([]));
    let told = second["remarks"].to_string();
    assert!(
        told.contains("snapshot 000001 is of another store"),
        "{told}"
    );
    assert_eq!(
        publish("two.db")["removed"],
        serde_json::json!(["000001-2"])
    );
    assert_eq!(publish("one.db")["removed"], serde_json::json!(["000001"]));
    let names = fs::read_dir(place.path("desk/snapshots")).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["000001-3", "000001-4"]);
}
