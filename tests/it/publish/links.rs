//! Links in a snapshot, and paths in a manifest that lead out of it: damage, never followed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use mava_export::publish;
use serde_json::Value;

use super::support::{Site, files, ticket, with_status};

/// The current snapshot's first file of messages, which nothing of these tests changes.
fn unchanged(site: &Site) -> PathBuf {
    let current = fs::canonicalize(site.root().join("current")).unwrap();
    files(&current.join("messages"))[1].clone()
}

/// What `status` calls damaged in the snapshot of this name.
fn damaged(site: &Site, name: &str) -> Option<String> {
    let listed = publish::list(site.root()).unwrap();
    let found = listed.into_iter().find(|listed| listed.snapshot == name);
    found.expect(name).damaged
}

/// A file of the user's, and what it was.
fn theirs(site: &Site) -> PathBuf {
    let path = site.desk.directory.path().join("notes.txt");
    fs::write(&path, "mine").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    path
}

#[track_caller]
fn assert_untouched(path: &Path) {
    assert_eq!(fs::read(path).unwrap(), b"mine");
    assert_eq!(
        fs::metadata(path).unwrap().permissions().mode() & 0o777,
        0o604
    );
    assert_eq!(fs::metadata(path).unwrap().nlink(), 1);
}

/// The next snapshot is whole and says why, and the one after it is built upon that.
#[track_caller]
fn assert_mended(site: &mut Site, why: &str) {
    let published = site.publish();
    assert!(
        published.is_new && published.parent.is_none(),
        "{published:?}"
    );
    assert!(
        published.remarks.iter().any(|remark| remark.contains(why)),
        "{published:?}"
    );
    site.assert_current();
    let path = unchanged(site);
    assert!(fs::symlink_metadata(path).unwrap().is_file());
    assert!(!site.publish().is_new);
}

#[test]
fn a_link_in_a_snapshot_is_shown_as_damage_and_the_next_publish_mends_it() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    let path = unchanged(&site);
    let relative = path.strip_prefix(site.snapshot("000001")).unwrap();
    // As long as the file was, and the same: only the system tells.
    let outside = site.desk.directory.path().join("outside.parquet");
    fs::rename(&path, &outside).unwrap();
    symlink(&outside, &path).unwrap();
    assert_eq!(
        damaged(&site, "000001").as_deref(),
        Some(relative.to_str().unwrap())
    );
    assert_mended(&mut site, "is a link, or lies behind one");
    // A copy of it is none: the file outside is nobody's.
    assert_eq!(fs::metadata(&outside).unwrap().nlink(), 1);
}

#[test]
fn a_link_that_leads_to_a_folder_of_files_is_damage_too() {
    for depth in [1, 2] {
        let mut site = Site::of(0..30, 3);
        site.publish();
        let file = unchanged(&site);
        let folder = file.ancestors().nth(depth).unwrap().to_owned();
        let outside = site.desk.directory.path().join("outside");
        fs::rename(&folder, &outside).unwrap();
        symlink(&outside, &folder).unwrap();
        assert!(damaged(&site, "000001").is_some());
        assert_mended(&mut site, "is a link, or lies behind one");
    }
}

#[test]
fn a_link_in_the_place_of_a_snapshot_or_of_its_manifest_is_damage_too() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    let outside = site.desk.directory.path().join("outside");
    fs::rename(site.snapshot("000001"), &outside).unwrap();
    symlink(&outside, site.snapshot("000001")).unwrap();
    assert_eq!(damaged(&site, "000001").as_deref(), Some("manifest.json"));
    assert_mended(&mut site, "has no manifest that can be read");
    assert!(outside.join("manifest.json").exists());

    let mut site = Site::of(0..30, 3);
    site.publish();
    let manifest = site.snapshot("000001").join("manifest.json");
    let outside = site.desk.directory.path().join("manifest.json");
    fs::rename(&manifest, &outside).unwrap();
    symlink(&outside, &manifest).unwrap();
    assert_eq!(damaged(&site, "000001").as_deref(), Some("manifest.json"));
    assert_mended(&mut site, "has no manifest that can be read");
}

#[test]
fn other_permissions_are_given_to_no_file_that_a_link_leads_to() {
    for is_whole in [false, true] {
        for changes in [false, true] {
            let mut site = Site::of(0..30, 3);
            site.publish();
            let theirs = theirs(&site);
            let mode = fs::Permissions::from_mode(0o600);
            fs::set_permissions(&theirs, mode).unwrap();
            let home = site.desk.directory.path().to_owned();
            fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
            // Beside its files, where the manifest does not list them.
            let snapshot = site.snapshot("000001");
            symlink(&theirs, snapshot.join("beside")).unwrap();
            symlink(&theirs, snapshot.join("tags/beside.parquet")).unwrap();
            symlink(&home, snapshot.join("folder")).unwrap();
            fs::hard_link(&theirs, snapshot.join("second")).unwrap();
            if changes {
                site.run(&[with_status(ticket(1, 3), "Resolved")]);
            }
            site.options.file_mode = 0o644;
            site.options.is_whole = is_whole;
            site.publish();
            let mode = fs::metadata(&theirs).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{is_whole} {changes}");
            let mode = fs::metadata(unchanged(&site)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o644, "{is_whole} {changes}");
            let mode = fs::metadata(&home).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{is_whole} {changes}");
        }
    }
}

/// Rewrites the manifest of a snapshot.
fn retell(site: &Site, name: &str, change: impl FnOnce(&mut Value)) {
    let path = site.snapshot(name).join("manifest.json");
    let mut told: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut told);
    fs::write(&path, told.to_string()).unwrap();
}

#[test]
fn a_path_in_a_manifest_that_no_publish_makes_is_damage_and_blocks_no_publish() {
    for path in [
        "../../../x",
        "../../../notes.txt",
        "/etc/hostname",
        "",
        ".",
        "..",
        "messages",
        "manifest.json",
        "./messages/created_month=2025-02/messages.parquet",
        "messages/../messages/created_month=2025-02/messages.parquet",
    ] {
        let mut site = Site::of(0..30, 3);
        site.publish();
        let theirs = theirs(&site);
        retell(&site, "000001", |told| {
            let files = told["files"].as_array_mut().unwrap();
            let file = files
                .iter_mut()
                .find(|file| {
                    file["path"]
                        .as_str()
                        .unwrap()
                        .starts_with("messages/created_month=2025-02")
                })
                .unwrap();
            file["path"] = path.into();
            file["bytes"] = 4.into();
        });
        assert_eq!(
            damaged(&site, "000001").as_deref(),
            Some("manifest.json"),
            "{path}"
        );
        // Also where only other permissions are asked for.
        site.options.file_mode = 0o644;
        site.run(&[with_status(ticket(0, 3), "Resolved")]);
        assert_mended(
            &mut site,
            "manifest.json names a file that no publish makes",
        );
        assert_untouched(&theirs);
        assert!(!site.desk.directory.path().join("x").exists());
    }
}

#[test]
fn a_manifest_that_misleads_in_another_way_is_no_parent() {
    type Lie = (&'static str, fn(&mut Value));
    let lies: [Lie; 7] = [
        ("no manifest", |told| told["snapshot"] = "000009".into()),
        ("no manifest", |told| told["snapshot"] = "../../x".into()),
        ("another store", |told| told["store"] = "another".into()),
        ("names a file that no publish makes", |told| {
            let file = told["files"][0].clone();
            told["files"].as_array_mut().unwrap().push(file);
        }),
        ("names a file that no publish makes", |told| {
            told["files"][0]["created_month"] = "../../..".into();
        }),
        ("names a file that no publish makes", |told| {
            let file = serde_json::json!({"table": "tags", "path": "../x", "bytes": 1,
                "inserted": 1, "updated": 0, "deleted": 0});
            told["changes"].as_array_mut().unwrap().push(file);
        }),
        ("that this version does not make", |told| {
            let mut file = told["files"][0].clone();
            file["table"] = "macros".into();
            file["path"] = "macros/created_month=2025-01/macros.parquet".into();
            file["created_month"] = "2025-01".into();
            told["files"].as_array_mut().unwrap().push(file);
        }),
    ];
    for (why, lie) in lies {
        let mut site = Site::of(0..30, 3);
        site.publish();
        let folder = site.snapshot("000001").join("macros/created_month=2025-01");
        fs::create_dir_all(&folder).unwrap();
        let first = site.manifest("000001").files[0].path.clone();
        fs::copy(
            site.snapshot("000001").join(first),
            folder.join("macros.parquet"),
        )
        .unwrap();
        retell(&site, "000001", lie);
        assert_mended(&mut site, why);
        assert!(site.snapshot("000001").exists());
    }
}

#[test]
fn a_manifest_that_is_no_text_blocks_no_publish() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    fs::write(site.snapshot("000001").join("manifest.json"), [0xff, 0xfe]).unwrap();
    assert_mended(&mut site, "has no manifest that can be read");
}

#[test]
fn a_link_in_the_place_of_the_snapshots_leads_to_no_other_stores() {
    let mut one = Site::of(0..30, 3);
    for number in 0..3 {
        one.publish();
        one.run(&[with_status(ticket(number, 3), "Resolved")]);
    }
    let mut two = Site::of(0..30, 3);
    two.options.keep_snapshots = 1;
    fs::create_dir_all(two.root()).unwrap();
    symlink(one.root().join("snapshots"), two.root().join("snapshots")).unwrap();
    let error = two.try_publish().unwrap_err();
    assert!(error.to_string().contains("snapshots is a link"), "{error}");
    assert!(error.help_text().unwrap().contains("move the link away"));
    let error = publish::list(two.root()).unwrap_err();
    assert!(error.to_string().contains("snapshots is a link"), "{error}");
    for name in ["000001", "000002", "000003"] {
        assert!(one.snapshot(name).exists(), "{name}");
    }
    // Nor is a file a directory.
    fs::remove_file(two.root().join("snapshots")).unwrap();
    fs::write(two.root().join("snapshots"), "mine").unwrap();
    let error = two.try_publish().unwrap_err();
    assert!(error.to_string().contains("is no directory"), "{error}");
    fs::remove_file(two.root().join("snapshots")).unwrap();
    two.publish();
    two.assert_current();
}

#[test]
fn a_snapshot_of_before_its_store_was_named_counts_by_its_run() {
    let mut site = Site::of(0..30, 3);
    site.options.keep_snapshots = 2;
    for number in 0..2 {
        site.publish();
        site.run(&[with_status(ticket(number, 3), "Resolved")]);
    }
    for name in ["000001", "000002"] {
        retell(&site, name, |told| {
            told.as_object_mut().unwrap().remove("store").unwrap();
        });
    }
    retell(&site, "000001", |told| {
        told["run"]["started_at"] = "2020-01-01T00:00:00.000Z".into();
    });
    // The first is of another store's run, the second of this one's.
    let published = site.publish();
    assert_eq!(published.parent.as_deref(), Some("000002"));
    assert!(published.removed.is_empty(), "{published:?}");
    site.run(&[with_status(ticket(7, 3), "Resolved")]);
    assert_eq!(site.publish().removed, ["000002"]);
    assert!(site.snapshot("000001").exists());
}

#[test]
fn a_mark_never_costs_a_snapshot_of_another_store_or_one_behind_a_link() {
    let mut site = Site::of(0..30, 3);
    for number in 0..2 {
        site.publish();
        site.run(&[with_status(ticket(number, 3), "Resolved")]);
    }
    let id = site.manifest("000001").id;
    let mark = format!("{{\"snapshot\":\"000001\",\"id\":\"{id}\"}}\n");
    let marked = site.root().join(".mava-export-installing");
    retell(&site, "000001", |told| told["store"] = "another".into());
    fs::write(&marked, &mark).unwrap();
    site.publish();
    assert!(site.snapshot("000001").exists() && !marked.exists());
    let outside = site.desk.directory.path().join("outside");
    fs::rename(site.snapshot("000001"), &outside).unwrap();
    symlink(&outside, site.snapshot("000001")).unwrap();
    fs::write(&marked, &mark).unwrap();
    site.run(&[with_status(ticket(9, 3), "Resolved")]);
    site.publish();
    assert!(outside.join("manifest.json").exists() && !marked.exists());
    assert!(site.snapshot("000001").is_symlink());
}

#[test]
fn a_store_whose_file_was_replaced_is_not_published() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    site.run(&[with_status(ticket(1, 3), "Resolved")]);
    let (path, moved) = (
        site.desk.path(),
        site.desk.directory.path().join("moved.db"),
    );
    fs::copy(&path, site.desk.directory.path().join("other.db")).unwrap();
    fs::rename(&path, &moved).unwrap();
    let error = site.try_publish().unwrap_err();
    assert!(error.to_string().contains("is gone"), "{error}");
    assert_eq!(error.kind(), mava_export::error::ErrorKind::Failed);
    fs::rename(site.desk.directory.path().join("other.db"), &path).unwrap();
    let error = site.try_publish().unwrap_err();
    assert!(
        error.to_string().contains("another file lies at"),
        "{error}"
    );
    assert!(!site.snapshot("000002").exists());
    // Back in its place, it is published.
    fs::rename(&moved, &path).unwrap();
    assert_eq!(site.publish().snapshot, "000002");
    site.assert_current();
}

#[test]
fn a_store_that_is_replaced_while_it_is_published_is_not_made_current() {
    let mut site = Site::of(0..600, 3);
    site.publish();
    site.run(
        &(0..600)
            .map(|number| with_status(ticket(number, 3), "Resolved"))
            .collect::<Vec<_>>(),
    );
    let (path, moved) = (
        site.desk.path(),
        site.desk.directory.path().join("moved.db"),
    );
    let before = fs::read_link(site.root().join("current")).unwrap();
    let once = std::sync::Once::new();
    let outcome = publish::publish(
        &site.desk.store,
        &site.options,
        &tokio_util::sync::CancellationToken::new(),
        &|_| once.call_once(|| fs::rename(&path, &moved).unwrap()),
    );
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("is gone"), "{error}");
    assert_eq!(fs::read_link(site.root().join("current")).unwrap(), before);
    assert!(!site.snapshot("000002").exists());
    site.assert_no_litter();
    fs::rename(&moved, &path).unwrap();
    site.publish();
    site.assert_current();
}
