//! `names`: what has no name, and what comes of the lines that it prints.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use rusqlite::Connection;

use super::support::{Place, desk, run};

const OF_THE_WORKING_DIRECTORY: &str = "config/mava-export.toml";

const NAMES: &str = "names --from sqlite:support.db";

fn configure(place: &Place, text: &str) {
    let path = place.path(OF_THE_WORKING_DIRECTORY);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
}

#[test]
fn lines_that_were_filled_in_and_pasted_name_everything() {
    let simulator = desk(80, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let printed = run(&mut place.command(NAMES)).expect(0).stdout;
    let lines: toml::Table = toml::from_str(&printed).expect(&printed);
    let tags = lines["names"]["tags"].as_table().unwrap();
    let attributes = lines["names"]["attributes"].as_table().unwrap();
    assert!(tags.len() > 2 && attributes.len() > 2, "{printed}");
    assert!(printed.contains(" tickets, such as "), "{printed}");
    // Not filled in, a line is refused.
    configure(&place, &printed);
    run(&mut place.command(NAMES)).expect(2).expect_error(&[
        "config/mava-export.toml: names.",
        "the name is empty",
        "take the line out",
    ]);
    configure(&place, &printed.replace("\"\"", "\"a name\""));
    let nothing = run(&mut place.command(NAMES)).expect(0);
    assert!(
        nothing.stdout.starts_with("# Every tag"),
        "{}",
        nothing.stdout
    );
    let json = run(&mut place.command("names --to sqlite:support.db --json"))
        .expect(0)
        .json();
    assert_eq!(json, serde_json::json!({"tags": [], "attributes": []}));
    // Those that only read say that a run has to write them.
    let told = |words: &str| {
        run(&mut place.command(words))
            .expect(0)
            .stderr
            .contains("[names]")
    };
    let query = "query --from sqlite:support.db SELECT/**/count(*)/**/FROM/**/tags/**/WHERE/**/name='a/**/name'";
    assert!(told("status --to sqlite:support.db") && told(query));
    let publish = "publish --from sqlite:support.db --to parquet:desk --json";
    run(&mut place.command(publish)).expect(0);
    assert!(!told("status --to sqlite:support.db") && !told(query));
    let count = Connection::open(place.path("support.db"))
        .unwrap()
        .query_row(
            "SELECT count(*) FROM tags WHERE name = 'a name' AND snapshot_id = 2",
            [],
            |row| row.get::<_, i64>(0),
        );
    assert_eq!(usize::try_from(count.unwrap()).unwrap(), tags.len());
    // Another name of one tag is one row of the next snapshot.
    let id = tags.keys().next().unwrap();
    let renamed = printed.replace("\"\"", "\"a name\"").replace(
        &format!("\"{id}\" = \"a name\""),
        &format!("\"{id}\" = \"another\""),
    );
    configure(&place, &renamed);
    let published = run(&mut place.command(publish)).expect(0).json();
    let tags = published["changes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["table"] == "tags");
    assert_eq!(tags.expect("tags")["updated"], 1, "{published}");
    let again = run(&mut place.command(publish)).expect(0).json();
    assert_eq!(again["changes"], serde_json::json!([]), "{again}");
}

#[test]
fn what_the_desk_wrote_does_not_leave_its_line() {
    let simulator = desk(20, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let store = Connection::open(place.path("support.db")).unwrap();
    store
        .execute(
            "UPDATE ticket_attributes SET value = ?1",
            ["gold\u{1b}[2J\n[names.tags]\n\"x\" = \"y\"\r\u{202e}"],
        )
        .unwrap();
    drop(store);
    let printed = run(&mut place.command(NAMES)).expect(0).stdout;
    assert!(
        !printed.contains(['\u{1b}', '\r', '\u{202e}']),
        "{printed:?}"
    );
    let lines: toml::Table = toml::from_str(&printed).expect(&printed);
    assert!(lines["names"]["tags"].get("x").is_none(), "{printed}");
}

#[test]
fn a_store_that_is_not_there_or_of_an_older_version_is_refused_with_the_way_out() {
    let place = Place::new();
    run(&mut place.command("names"))
        .expect(2)
        .expect_error(&["--from is missing", "MAVA_EXPORT_FROM"]);
    run(&mut place.command(NAMES))
        .expect(2)
        .expect_error(&["there is no store at support.db"]);
    run(&mut place.command("names --from sqlite:a.db --to sqlite:b.db"))
        .expect(2)
        .expect_error(&["both name a store, and names reads one"]);
    let simulator = desk(5, 0);
    place.backfill(&simulator).expect(0);
    let store = Connection::open(place.path("support.db")).unwrap();
    store.pragma_update(None, "user_version", 14).unwrap();
    drop(store);
    run(&mut place.command(NAMES))
        .expect(2)
        .expect_error(&["older mava-export (schema 14", "brings it up to date"]);
}
