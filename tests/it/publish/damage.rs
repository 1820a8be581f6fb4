//! What lies in the directory and is not as it was left.

use std::fs;
use std::os::unix::fs::symlink;

use mava_export::error::ErrorKind;
use mava_export::publish;

use super::support::{Site, files, ticket, with_status};
use crate::store::world::at;

/// The next snapshot is whole, without changes, and says why.
#[track_caller]
fn assert_whole(site: &mut Site, why: &str) {
    site.run(&[with_status(ticket(1, 3), "Resolved")]);
    let published = site.publish();
    assert!(
        published.is_new && published.parent.is_none(),
        "{published:?}"
    );
    assert_eq!(published.files_unchanged, 0);
    assert!(
        published.remarks.iter().any(|remark| remark.contains(why)),
        "{published:?}"
    );
    assert!(published.changes.is_empty());
    site.assert_current();
}

#[test]
fn a_parent_that_lacks_a_file_is_not_built_upon() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    fs::remove_file(files(&site.snapshot("000001").join("messages"))[1].clone()).unwrap();
    assert_whole(&mut site, "missing or was cut");
}

#[test]
fn a_parent_with_a_file_that_was_cut_or_broken_is_not_built_upon() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    let path = files(&site.snapshot("000001").join("messages"))[1].clone();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert_whole(&mut site, "missing or was cut");
    // Of the right length, but not readable: met only where it is compared.
    let path = files(&site.snapshot("000002").join("tickets"))[1].clone();
    let length = fs::read(&path).unwrap().len();
    fs::write(&path, vec![7; length]).unwrap();
    site.run(&[with_status(ticket(1, 3), "Open")]);
    let published = site.publish();
    assert!(published.parent.is_none(), "{published:?}");
    assert!(
        published.remarks[0].contains("cannot read"),
        "{published:?}"
    );
    site.assert_current();
}

#[test]
fn a_snapshot_of_other_columns_or_another_store_is_not_built_upon() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    let path = site.snapshot("000001").join("manifest.json");
    let told = fs::read_to_string(&path).unwrap();
    let schema = site.manifest("000001").schema;
    fs::write(&path, told.replace(&schema, "0000000000000000")).unwrap();
    assert_whole(&mut site, "other columns");

    let mut other = Site::of(0..30, 3);
    other.options.directory = site.options.directory.clone();
    other.tick();
    other.tick();
    let published = other.publish();
    assert!(
        published.remarks[0].contains("another store"),
        "{published:?}"
    );
    assert_eq!(published.snapshot, "000002-2");
    other.assert_current();
}

#[test]
fn a_manifest_that_cannot_be_read_is_as_none() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    fs::write(site.snapshot("000001").join("manifest.json"), "{").unwrap();
    assert_whole(&mut site, "no manifest");
}

#[test]
fn what_is_no_link_of_ours_is_left_alone() {
    let mut site = Site::of(0..30, 3);
    fs::create_dir_all(site.root().join("current/mine")).unwrap();
    let error = site.try_publish().unwrap_err();
    assert!(error.to_string().contains("no link of ours"), "{error}");
    assert!(site.root().join("current/mine").exists());
    fs::remove_dir_all(site.root().join("current")).unwrap();
    // A link to nothing is as no snapshot.
    symlink("snapshots/000009", site.root().join("current")).unwrap();
    site.publish();
    site.assert_current();
}

#[test]
fn a_link_that_leads_elsewhere_is_somebody_elses() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    fs::create_dir_all(site.root().join("elsewhere/000001")).unwrap();
    fs::create_dir_all(site.root().join("snapshots/mine")).unwrap();
    let link = site.root().join("current");
    for target in [
        "elsewhere/000001",
        "snapshots/mine",
        "/nonexistent/snapshots/000001",
        "000001",
        "..",
    ] {
        fs::remove_file(&link).unwrap();
        symlink(target, &link).unwrap();
        let error = site.try_publish().unwrap_err();
        assert!(
            error.to_string().contains("leads to no snapshot of this"),
            "{target}: {error}"
        );
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.help_text().unwrap().contains("move it away"));
        assert_eq!(fs::read_link(&link).unwrap().to_str(), Some(target));
    }
    // An absolute one into this very directory is ours.
    fs::remove_file(&link).unwrap();
    symlink(site.snapshot("000001"), &link).unwrap();
    site.run(&[with_status(ticket(1, 3), "Resolved")]);
    assert_eq!(site.publish().parent.as_deref(), Some("000001"));
    site.assert_current();
}

#[test]
fn current_json_counts_only_without_a_link_and_goes_only_if_it_is_ours() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    let json = site.root().join("current.json");
    for (text, is_ours) in [
        ("{\"theirs\": true}", false),
        (
            "{\"snapshot\":\"000001\",\"path\":\"elsewhere/000001\"}",
            false,
        ),
        (
            "{\"snapshot\":\"000001\",\"path\":\"snapshots/000001\"}",
            true,
        ),
    ] {
        fs::write(&json, text).unwrap();
        site.run(&[with_status(ticket(1, 3), text)]);
        let published = site.publish();
        assert!(published.current.ends_with("/current"), "{published:?}");
        assert!(published.remarks.is_empty(), "{published:?}");
        assert_eq!(json.exists(), !is_ours, "{text}");
        site.assert_current();
    }
    fs::write(&json, "{\"theirs\": true}").unwrap();
    fs::remove_file(site.root().join("current")).unwrap();
    let error = site.try_publish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(
        error.to_string().contains("current.json names no snapshot"),
        "{error}"
    );
    assert!(json.exists());
}

/// Makes `current` lead to another snapshot, as an operator would.
fn roll_back(site: &Site, name: &str) {
    let link = site.root().join("current");
    fs::remove_file(&link).unwrap();
    symlink(format!("snapshots/{name}"), &link).unwrap();
}

#[test]
fn a_snapshot_that_never_became_current_goes_and_is_told() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    site.run(&[with_status(ticket(1, 3), "Resolved")]);
    site.publish();
    // As if killed between the two last steps.
    roll_back(&site, "000001");
    let id = site.manifest("000002").id;
    fs::write(
        site.root().join(".mava-export-installing"),
        format!("{{\"snapshot\":\"000002\",\"id\":\"{id}\"}}\n"),
    )
    .unwrap();
    fs::create_dir_all(
        site.root()
            .join("snapshots/.mava-export-tmp-000003/tickets"),
    )
    .unwrap();
    let published = site.publish();
    assert_eq!(published.snapshot, "000002");
    assert_ne!(published.id, id);
    assert_eq!(published.parent.as_deref(), Some("000001"));
    assert!(
        published.remarks[0].contains("snapshot 000002 was removed"),
        "{published:?}"
    );
    site.assert_current();
}

#[test]
fn a_mark_that_is_cut_or_names_another_snapshot_costs_none() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    for (number, mark) in [
        "",
        "{\"snapshot\":\"0000",
        "{\"snapshot\":\"000001\",\"id\":\"another\"}",
        "{\"snapshot\":\"../snapshots\",\"id\":\"1\"}",
    ]
    .into_iter()
    .enumerate()
    {
        site.run(&[ticket(100 + i64::try_from(number).unwrap(), 3)]);
        fs::write(site.root().join(".mava-export-installing"), mark).unwrap();
        let published = site.publish();
        assert!(published.remarks.is_empty(), "{published:?}");
        assert!(site.snapshot("000001").exists());
        site.assert_current();
    }
}

#[test]
fn snapshots_that_were_current_once_survive_a_step_back() {
    let mut site = Site::of(0..30, 3);
    for number in 0..5 {
        site.publish();
        site.run(&[ticket(100 + number, 3)]);
    }
    roll_back(&site, "000002");
    let published = site.publish();
    // After all that are there, and told apart from the one it is built on.
    assert_eq!(published.snapshot, "000006");
    assert_eq!(published.parent.as_deref(), Some("000002"));
    assert!(published.remarks.is_empty() && published.removed.is_empty());
    for name in ["000001", "000002", "000003", "000004", "000005"] {
        assert!(site.snapshot(name).exists(), "{name}");
    }
    site.assert_current();
}

#[test]
fn a_clock_that_ran_ahead_or_back_costs_no_snapshot_but_the_oldest() {
    let mut site = Site::of(0..30, 3);
    site.options.keep_snapshots = 3;
    let mut removed = Vec::new();
    for days in [0, 400, -400, 3, 1] {
        site.options.now = at("2026-01-01") + chrono::TimeDelta::days(days);
        let published = site.publish_now();
        removed.extend(published.removed);
        assert!(published.remarks.is_empty(), "{:?}", published.remarks);
        site.run(&[ticket(500 + days, 3)]);
    }
    assert_eq!(removed, ["000001", "000002"]);
}

#[test]
fn the_numbers_of_another_store_go_on_after_those_that_are_there() {
    let mut site = Site::of(0..30, 3);
    for number in 0..3 {
        site.publish();
        site.run(&[ticket(100 + number, 3)]);
    }
    let mut other = Site::of(0..30, 3);
    other.options.directory = site.options.directory.clone();
    other.options.token = 70;
    for expected in ["000003-2", "000003-3"] {
        let published = other.publish();
        assert_eq!(published.snapshot, expected);
        assert!(published.removed.is_empty(), "{published:?}");
        other.run(&[with_status(ticket(1, 3), expected)]);
    }
    for name in ["000001", "000002", "000003"] {
        assert!(site.snapshot(name).exists(), "{name}");
    }
}

/// What a consumer of `changes/` goes by.
#[test]
fn a_name_is_never_given_twice_and_an_id_tells_one_snapshot_from_all_others() {
    let mut site = Site::new();
    site.options.keep_snapshots = 1;
    let run = site.begin();
    let mut seen = Vec::new();
    let mut before = None;
    for number in 0..4 {
        site.page(&run, &[ticket(number, 2)]);
        let published = site.publish();
        assert_eq!(published.parent_id, before);
        assert!(
            published.remarks[0].contains("is not finished"),
            "{published:?}"
        );
        let manifest = site.manifest(&published.snapshot);
        assert_eq!(manifest.id, published.id);
        assert_eq!(manifest.parent_id, before);
        assert_eq!(
            (manifest.run.kind.as_str(), manifest.run.outcome.as_str()),
            ("backfill", "running")
        );
        before = Some(published.id.clone());
        seen.push((published.snapshot, published.id));
    }
    let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["000001", "000001-2", "000001-3", "000001-4"]);
    let ids: std::collections::BTreeSet<&String> = seen.iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), 4);
}

#[test]
fn what_others_keep_in_the_directory_is_left_alone() {
    let mut site = Site::of(0..30, 3);
    site.options.keep_snapshots = 1;
    fs::create_dir_all(site.root().join(".tmp-theirs")).unwrap();
    fs::create_dir_all(site.root().join("snapshots/000000")).unwrap();
    fs::create_dir_all(site.root().join("snapshots/000123")).unwrap();
    let published = site.publish();
    assert!(published.removed.is_empty(), "{published:?}");
    for name in [".tmp-theirs", "snapshots/000000", "snapshots/000123"] {
        assert!(site.root().join(name).exists(), "{name}");
    }
    assert_eq!(published.snapshot, "000123-2");
}

#[test]
fn a_store_put_back_into_the_middle_of_a_run_shares_no_month_it_has_not() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    let run = site.begin();
    site.page(&run, &[with_status(ticket(3, 3), "Open")]);
    let backup = site.desk.directory.path().join("backup.db");
    site.desk
        .store
        .connection()
        .execute("VACUUM INTO ?1", [backup.to_str().unwrap()])
        .unwrap();
    site.page(&run, &[with_status(ticket(1, 3), "Resolved")]);
    let ahead = site.publish();
    // Put back, and gone further on another way.
    site.put_back(&backup);
    site.page(&run, &[with_status(ticket(2, 3), "Pending")]);
    site.page(&run, &[with_status(ticket(5, 3), "Pending")]);
    let published = site.publish();
    assert_eq!(published.parent, Some(ahead.snapshot));
    site.assert_current();
}

#[test]
fn a_link_that_was_lost_and_directories_of_others_cost_no_snapshot() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    site.run(&[with_status(ticket(1, 3), "Resolved")]);
    site.publish();
    fs::create_dir(site.root().join("snapshots/mine")).unwrap();
    fs::remove_file(site.root().join("current")).unwrap();
    site.options.keep_snapshots = 3;
    let published = site.publish();
    assert_eq!(published.snapshot, "000002-2");
    assert!(published.removed.is_empty(), "{published:?}");
    for name in ["000001", "000002", "mine"] {
        assert!(site.root().join("snapshots").join(name).exists(), "{name}");
    }
    site.assert_current();
}

#[test]
fn a_damaged_snapshot_is_written_whole_when_asked_for() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    // Of the right length, in a month in which nothing changes: nobody reads it.
    let path = files(&site.snapshot("000001").join("messages"))[1].clone();
    let length = fs::read(&path).unwrap().len();
    fs::write(&path, vec![7; length]).unwrap();
    assert!(!site.publish().is_new);
    site.options.is_whole = true;
    let published = site.publish();
    assert_eq!(published.snapshot, "000001-2");
    assert!(published.parent.is_none() && published.files_unchanged == 0);
    assert!(
        published.remarks[0].contains("as --whole asks"),
        "{published:?}"
    );
    site.assert_current();
    site.options.is_whole = false;
    assert!(!site.publish().is_new);
}

#[test]
fn a_file_of_changes_that_is_missing_is_damage_too() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    site.run(&[with_status(ticket(1, 3), "Resolved")]);
    site.publish();
    fs::remove_file(site.snapshot("000002").join("changes/tickets.parquet")).unwrap();
    let published = site.publish();
    assert!(
        published.is_new && published.parent.is_none(),
        "{published:?}"
    );
    assert!(
        published.remarks[0].contains("changes/tickets.parquet is missing or was cut"),
        "{published:?}"
    );
    site.assert_current();
}

#[test]
fn the_list_of_snapshots_says_which_are_damaged() {
    let mut site = Site::of(0..30, 3);
    let list = |site: &Site| -> Vec<Option<String>> {
        let listed = publish::list(site.root()).unwrap().into_iter();
        listed.map(|snapshot| snapshot.damaged).collect()
    };
    for status in ["Resolved", "Open", "Pending"] {
        site.publish();
        site.run(&[with_status(ticket(1, 3), status)]);
    }
    site.publish();
    assert_eq!(list(&site), [const { None::<String> }; 4]);
    let of = |site: &Site, name: &str, path: &str| site.snapshot(name).join(path);
    let month = "tickets/created_month=2025-02/tickets.parquet";
    fs::write(of(&site, "000004", month), "cut").unwrap();
    fs::remove_file(of(&site, "000003", "changes/tickets.parquet")).unwrap();
    fs::write(of(&site, "000002", "manifest.json"), "{").unwrap();
    let expected = [
        Some(month),
        Some("changes/tickets.parquet"),
        Some("manifest.json"),
        None,
    ];
    assert_eq!(list(&site), expected.map(|path| path.map(str::to_owned)));
}
