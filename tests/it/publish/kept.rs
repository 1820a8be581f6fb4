//! Snapshots that are kept, and readers that go on while others are published.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use super::support::{
    Site, assert_manifest, assert_same, files, image, manifest, ticket, with_status,
};

#[test]
fn every_snapshot_that_is_kept_holds_what_the_store_held_also_after_ten_more() {
    let mut site = Site::of(0..60, 4);
    site.options.keep_snapshots = 12;
    let mut held = BTreeMap::new();
    held.insert(site.publish().snapshot, site.stored());
    for number in 0..11 {
        let status = format!("Status {number}");
        site.run(&[
            with_status(ticket(number, 4), &status),
            ticket(100 + number, 4),
        ]);
        held.insert(site.publish().snapshot, site.stored());
    }
    assert_eq!(held.len(), 12);
    for (name, rows) in &held {
        assert_same(&image(&site.snapshot(name)), rows, name);
        assert_manifest(&site.snapshot(name));
    }
}

#[test]
fn the_oldest_snapshots_go_and_the_current_one_stays() {
    let mut site = Site::of(0..20, 2);
    site.options.keep_snapshots = 3;
    site.publish();
    let mut removed = Vec::new();
    for number in 0..5 {
        site.run(&[with_status(ticket(number, 2), "Resolved")]);
        removed.extend(site.publish().removed);
    }
    assert_eq!(removed, ["000001", "000002", "000003"]);
    let kept = |site: &Site| -> BTreeSet<String> {
        let entries = fs::read_dir(site.root().join("snapshots")).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert_eq!(
        kept(&site),
        ["000004", "000005", "000006"].map(str::to_owned).into()
    );
    // Also where nothing new is written.
    site.options.keep_snapshots = 1;
    assert_eq!(site.publish().removed, ["000004", "000005"]);
    assert_eq!(kept(&site), ["000006".to_owned()].into());
    site.assert_current();
}

/// Ends the reader, also where a publish fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_reader_of_current_sees_one_whole_snapshot_during_fifty_publishes() {
    let mut site = Site::of(0..20, 2);
    site.publish();
    let root = site.root().to_owned();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            let mut reads = 0;
            while !is_over.load(Ordering::Relaxed) {
                // One look at the link; all files of what it led to.
                let open = fs::canonicalize(root.join("current")).unwrap();
                let told = manifest(&open);
                let rows = image(&open);
                let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
                for file in &told.files {
                    *counts.entry(&file.table).or_default() += file.rows;
                }
                for (table, count) in counts {
                    assert_eq!(u64::try_from(rows[table].len()).unwrap(), count, "{table}");
                }
                // Each run sets one status everywhere.
                let statuses: BTreeSet<&String> =
                    rows["tickets"].values().map(|row| &row[1]).collect();
                assert_eq!(statuses.len(), 1, "{statuses:?}");
                assert!(open.ends_with(&told.snapshot));
                seen.insert(told.snapshot);
                reads += 1;
            }
            (seen, reads)
        });
        let over = Over(&is_over);
        for number in 0..50 {
            let status = format!("Status {number}");
            let tickets: Vec<_> = (0..20)
                .map(|number| with_status(ticket(number, 2), &status))
                .collect();
            site.run(&tickets);
            site.publish();
        }
        drop(over);
        let (seen, reads) = reader.join().unwrap();
        assert!(seen.len() > 10, "{reads} reads of {} snapshots", seen.len());
    });
    site.assert_current();
}

#[test]
fn only_one_publish_writes_to_a_directory() {
    let mut site = Site::of(0..20, 2);
    site.publish();
    let lock = fs::File::open(site.root().join(".publish-lock")).unwrap();
    lock.try_lock().unwrap();
    let error = site.try_publish().unwrap_err();
    assert_eq!(
        error.kind(),
        mava_export::error::ErrorKind::StoreBusy,
        "{error}"
    );
    drop(lock);
    site.publish();
    assert!(!files(site.root()).is_empty());
}
