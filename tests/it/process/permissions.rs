//! Files hold people's conversations: they are for their owner alone, whatever the umask.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use mava_export::simulator::Fault;

use super::support::{BACKFILL, Place, Running, desk, run, wait_for, watch};

/// The permissions of the files that a run has open, by the ending of their name.
fn modes(umask: &str, more: &str) -> BTreeMap<String, u32> {
    let simulator = desk(600, 0);
    let place = Place::new();
    let arrivals = watch(&simulator, |request, _| {
        (request >= 6).then_some(Fault::NeverAnswers)
    });
    let words = format!("{BACKFILL} {more}").replace("--rate-limit none", "");
    let preparation = format!("umask {umask}");
    let mut running = Running::start(&mut place.shell_at(&simulator, &preparation, &words));
    wait_for(&arrivals, 6);
    let modes = place
        .files()
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let name = if name.starts_with("budget-") {
                "ledger"
            } else {
                name
            };
            (
                name.to_owned(),
                fs::metadata(path).unwrap().permissions().mode() & 0o7777,
            )
        })
        .collect();
    running.kill();
    modes
}

fn all(mode: u32) -> BTreeMap<String, u32> {
    let names = [
        "support.db",
        "support.db-lock",
        "support.db-shm",
        "support.db-wal",
    ];
    let mut modes: BTreeMap<String, u32> = names.map(|name| (name.to_owned(), mode)).into();
    // It tells when requests were sent, to the tools of its owner.
    modes.insert("ledger".to_owned(), 0o600);
    modes
}

#[test]
fn all_files_are_for_their_owner_alone_whatever_the_umask() {
    for umask in ["022", "000", "077"] {
        assert_eq!(modes(umask, ""), all(0o600), "umask {umask}");
    }
}

#[test]
fn the_file_mode_asked_for_is_given_whatever_the_umask() {
    for umask in ["000", "077"] {
        assert_eq!(
            modes(umask, "--file-mode 0640"),
            all(0o640),
            "umask {umask}"
        );
    }
}

#[test]
fn folders_made_for_the_ledger_are_for_their_owner_alone() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let words = "probe --state-dir made/for/it";
    run(&mut place.shell_at(&simulator, "umask 000", words)).expect(0);
    for folder in ["made", "made/for", "made/for/it"] {
        let mode = fs::metadata(place.path(folder))
            .unwrap()
            .permissions()
            .mode()
            & 0o777;
        assert_eq!(mode, 0o700, "{folder}");
    }
}

#[test]
fn an_existing_store_keeps_its_permissions() {
    let simulator = desk(10, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let path = place.path("support.db");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
    let again = place.backfill(&simulator).expect(0);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o660
    );
    again.expect_error(&["(0660) than --file-mode 0600"]);
    let words = format!("{BACKFILL} --file-mode 0660");
    let wanted = run(&mut place.command_at(&simulator, &words)).expect(0);
    assert!(!wanted.stderr.contains("--file-mode"), "{}", wanted.stderr);
}

#[test]
fn a_store_made_in_an_empty_file_is_for_its_owner_alone() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let path = place.path("support.db");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    place.backfill(&simulator).expect(0);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}
