//! What lies in the directory and is not as it was left.

use std::fs;
use std::os::unix::fs::symlink;

use super::support::{Site, files, ticket, with_status};

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
    assert_eq!(published.snapshot, "000001-2");
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
fn a_snapshot_that_never_became_current_goes() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    site.run(&[with_status(ticket(1, 3), "Resolved")]);
    site.publish();
    // As if killed between the two last steps.
    let link = site.root().join("current");
    fs::remove_file(&link).unwrap();
    symlink("snapshots/000001", &link).unwrap();
    fs::create_dir_all(site.root().join(".tmp-000003/tickets")).unwrap();
    let published = site.publish();
    assert_eq!(published.snapshot, "000002");
    assert_eq!(published.parent.as_deref(), Some("000001"));
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
