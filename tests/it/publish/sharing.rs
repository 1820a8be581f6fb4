//! What a snapshot shares with the one before.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use mava_export::publish::Filesystem;
use mava_export::report::Published;
use mava_export::table::TOTALS;

use super::support::{Site, assert_same, files, image, moved, ticket, with_status};
use crate::store::world::{at, seal};

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

/// Paths below the current snapshot whose files are the same as in the snapshot of this name, and
/// those that are not.
fn compared(site: &Site, parent: &str) -> (Vec<String>, Vec<String>) {
    let current = fs::canonicalize(site.root().join("current")).unwrap();
    let paths = files(&current).into_iter().map(|path| {
        let within = path.strip_prefix(&current).unwrap().to_owned();
        let before = site.snapshot(parent).join(&within);
        let is_shared = before.exists() && inode(&before) == inode(&path);
        (is_shared, within.to_str().unwrap().to_owned())
    });
    let paths = paths.filter(|(_, path)| !path.starts_with("changes/"));
    let (shared, own): (Vec<_>, Vec<_>) = paths.partition(|(is_shared, _)| *is_shared);
    let names = |paths: Vec<(bool, String)>| paths.into_iter().map(|(_, path)| path).collect();
    (names(shared), names(own))
}

#[test]
fn months_in_which_nothing_changed_are_links_and_so_are_their_unchanged_tables() {
    let mut site = Site::of(0..120, 6);
    site.publish();
    // A ticket of the second month; its thread stays as it is.
    site.run(&[with_status(ticket(7, 6), "Resolved")]);
    let published = site.publish();
    site.assert_current();
    let (shared, own) = compared(&site, "000001");
    assert_eq!(
        own,
        [
            "agent_daily/agent_daily.parquet",
            "agent_metrics/agent_metrics.parquet",
            "category_metrics/category_metrics.parquet",
            "customer_metrics/customer_metrics.parquet",
            "daily_metrics/daily_metrics.parquet",
            "live_tickets/created_month=2025-02/live_tickets.parquet",
            "snapshots/snapshots.parquet",
            "tag_metrics/tag_metrics.parquet",
            "ticket_events/created_month=2025-02/ticket_events.parquet",
            "ticket_history/created_month=2025-02/ticket_history.parquet",
            "ticket_metrics/created_month=2025-02/ticket_metrics.parquet",
            "tickets/created_month=2025-02/tickets.parquet",
            "tickets_wide/created_month=2025-02/tickets_wide.parquet",
        ]
    );
    assert_eq!(
        u64::try_from(shared.len()).unwrap(),
        published.files_unchanged
    );
    // With what changed in these thirteen tables, and the manifest.
    assert_eq!(published.files_written, 27);
    assert!(published.has_changes && published.is_linked);
}

#[test]
fn a_run_that_changed_nothing_writes_no_data_file_and_says_so() {
    let mut site = Site::of(0..60, 3);
    site.publish();
    let again = site.publish();
    assert!(!again.is_new && !again.has_changes);
    assert_eq!(again.files_written, 0);
    assert!(!site.snapshot("000001-2").exists());
    site.run(&[ticket(1, 3)]);
    let published = site.publish();
    assert!(published.is_new && !published.has_changes);
    let (_, own) = compared(&site, "000001");
    assert_eq!(own, ["snapshots/snapshots.parquet"]);
    let changed: Vec<&str> = published
        .changes
        .iter()
        .map(|table| table.table.as_str())
        .collect();
    assert_eq!(changed, ["snapshots"]);
    site.assert_current();
}

#[test]
fn a_ticket_that_left_a_month_changes_both() {
    let mut site = Site::of(0..60, 3);
    site.publish();
    site.run(&[moved(ticket(1, 3), at("2025-03-31"))]);
    let published = site.publish();
    site.assert_current();
    let (_, own) = compared(&site, "000001");
    for month in ["2025-02", "2025-03"] {
        let path = format!("tickets/created_month={month}/tickets.parquet");
        assert!(own.contains(&path), "{own:?}");
    }
    assert!(own.iter().all(|path| !path.contains("2025-01")), "{own:?}");
    // It is one update, not a row that went and another that came.
    let tickets = &published.changes[0];
    assert_eq!(
        (tickets.inserted, tickets.updated, tickets.deleted),
        (0, 1, 0)
    );
    assert!(
        published
            .changes
            .iter()
            .all(|table| table.table != "messages")
    );
}

/// The acceptance of a nightly snapshot, at a tenth of its size; `benches/publish.rs` measures the
/// whole.
#[test]
fn half_a_percent_changed_writes_less_than_a_tenth_of_the_image() {
    let mut site = Site::new();
    let months = 36;
    let tickets: Vec<_> = (0..3_600)
        .map(|number| {
            let mut rows = ticket(number, months);
            for message in &mut rows.thread.as_mut().unwrap().messages {
                let words: Vec<String> = (0..80)
                    .map(|word| format!("{:x}", number * 7919 + word * 104_729))
                    .collect();
                message.content = Some(words.join(" "));
            }
            seal(rows)
        })
        .collect();
    site.run(&tickets);
    site.publish();
    let changed: Vec<_> = tickets
        .into_iter()
        .filter(|rows| rows.ticket.created_at >= at("2027-11-01"))
        .take(18)
        .map(|rows| {
            let mut rows = with_status(rows, "Resolved");
            rows.thread.as_mut().unwrap().messages.pop();
            seal(rows)
        })
        .collect();
    assert_eq!(changed.len(), 18);
    site.run(&changed);
    let published = site.publish();
    site.assert_current();
    let (written, unchanged) = (published.bytes_written, published.bytes_unchanged);
    let (_, own) = compared(&site, "000001");
    let current = site.root().join("current");
    let changes = files(&current.join("changes"));
    let on_disk: Vec<u64> = own
        .iter()
        .map(|path| current.join(path))
        .chain(changes)
        .chain([current.join("manifest.json")])
        .map(|path| fs::metadata(path).unwrap().len())
        .collect();
    assert_eq!(
        on_disk.len(),
        usize::try_from(published.files_written).unwrap()
    );
    let on_disk: u64 = on_disk.into_iter().sum();
    assert_eq!(on_disk, written);
    // Totals are small and made of all tickets: half of them are others where one is.
    let of_totals = |path: &Path| {
        let name = path.to_string_lossy();
        let mut totals = TOTALS.iter();
        totals.any(|table| name.contains(&format!("/{}", table.name)))
    };
    let size = |path: PathBuf| match of_totals(&path) {
        true => fs::metadata(path).unwrap().len(),
        false => 0,
    };
    let own: u64 = own.iter().map(|path| size(current.join(path))).sum();
    let others: u64 = files(&current.join("changes")).into_iter().map(size).sum();
    let written = written - own - others;
    assert!(
        written * 10 <= written + unchanged,
        "{written} of {}",
        written + unchanged
    );
}

fn refused(_: &std::path::Path, _: &std::path::Path) -> std::io::Result<()> {
    Err(std::io::Error::from_raw_os_error(95))
}

fn refused_mode(_: &std::path::Path, _: u32) -> std::io::Result<()> {
    Err(std::io::Error::from_raw_os_error(1))
}

#[test]
fn without_links_files_are_copied_and_current_json_names_the_newest() {
    let mut site = Site::of(0..60, 3);
    site.options.filesystem = Filesystem {
        hard_link: refused,
        symlink: refused,
        set_mode: refused_mode,
    };
    let first = site.publish();
    assert!(first.current.ends_with("/current.json"), "{first:?}");
    let said = |published: &Published, part: &str| {
        published.remarks.iter().any(|remark| remark.contains(part))
    };
    assert!(said(&first, "current.json") && said(&first, "permissions"));
    assert_eq!(first.remarks.len(), 2);
    site.run(&[with_status(ticket(1, 3), "Resolved")]);
    let second = site.publish();
    assert!(
        !second.is_linked && said(&second, "hard links"),
        "{second:?}"
    );
    assert_eq!(second.remarks.len(), 1, "each is said once: {second:?}");
    // Nor when there was nothing to copy in between.
    for tickets in [vec![ticket(0, 3), ticket(1, 3), ticket(2, 3)], vec![]] {
        let tickets: Vec<_> = tickets
            .into_iter()
            .map(|rows| with_status(rows, "Pending"))
            .collect();
        site.run(&tickets);
        let next = site.publish();
        assert!(next.remarks.is_empty(), "{next:?}");
    }
    assert!(!site.root().join("current").exists());
    let text = fs::read_to_string(site.root().join("current.json")).unwrap();
    let current: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(current["snapshot"], "000004");
    let path = site.root().join(current["path"].as_str().unwrap());
    assert_same(&image(&path), &site.stored(), "copies");
    assert_eq!(second.parent.as_deref(), Some("000001"));
    for file in files(&path) {
        assert_eq!(fs::metadata(&file).unwrap().nlink(), 1, "{file:?}");
    }
    assert!(!site.publish().is_new);
    // A filesystem that has learned to link.
    site.options.filesystem = Filesystem::default();
    site.run(&[]);
    assert!(site.publish().is_linked);
    assert!(!site.root().join("current.json").exists());
    site.assert_current();
}

fn not_permitted(_: &std::path::Path, _: &std::path::Path) -> std::io::Result<()> {
    Err(std::io::Error::from_raw_os_error(1))
}

#[test]
fn files_of_another_user_are_copied_and_the_filesystem_is_not_blamed() {
    let mut site = Site::of(0..60, 3);
    site.publish();
    // Only root may give files away: to anybody else all are his own.
    let is_root = fs::metadata(site.root()).unwrap().uid() == 0;
    site.options.filesystem.hard_link = not_permitted;
    if is_root {
        for path in files(&site.snapshot("000001")) {
            std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
        }
        site.run(&[with_status(ticket(1, 3), "Resolved")]);
        let published = site.publish();
        assert!(!published.is_linked && published.files_unchanged > 0);
        assert_eq!(published.remarks.len(), 1, "{published:?}");
        assert!(
            published.remarks[0].contains("belong to another user"),
            "{published:?}"
        );
        site.assert_current();
    }
    // Our own that cannot be linked either: then it is the filesystem.
    site.run(&[with_status(ticket(1, 3), "Open")]);
    let published = site.publish();
    assert!(
        published.remarks[0].contains("no hard links"),
        "{published:?}"
    );
}

fn failing(_: &std::path::Path, _: &std::path::Path) -> std::io::Result<()> {
    Err(std::io::Error::from_raw_os_error(5))
}

#[test]
fn a_link_that_fails_for_once_is_an_error_and_current_stays() {
    let mut site = Site::of(0..60, 3);
    site.publish();
    let before = fs::read_link(site.root().join("current")).unwrap();
    site.run(&[with_status(ticket(1, 3), "Resolved")]);
    let able = Filesystem::default();
    for filesystem in [
        Filesystem {
            symlink: failing,
            ..able
        },
        Filesystem {
            hard_link: failing,
            ..able
        },
    ] {
        site.options.filesystem = filesystem;
        let error = site.try_publish().unwrap_err();
        assert!(error.to_string().contains("cannot write"), "{error}");
        assert_eq!(fs::read_link(site.root().join("current")).unwrap(), before);
        assert!(!site.root().join("current.json").exists());
        assert!(!site.snapshot("000002").exists());
        super::support::assert_no_litter(site.root());
    }
    site.options.filesystem = able;
    site.publish();
    site.assert_current();
}

#[test]
fn a_directory_may_lie_on_another_filesystem_behind_a_link() {
    let mut site = Site::of(0..60, 3);
    let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), site.root()).unwrap();
    let device = |path: &std::path::Path| fs::metadata(path).unwrap().dev();
    assert_ne!(device(site.desk.directory.path()), device(site.root()));
    site.publish();
    site.run(&[with_status(ticket(1, 3), "Resolved")]);
    let published = site.publish();
    assert!(published.is_linked && published.files_unchanged > 0);
    site.assert_current();
}
