//! Nothing that is not as it was written is published.

use std::fs;
use std::path::{Path, PathBuf};

use mava_export::error::{ErrorKind, Result};
use mava_export::publish::{self, Filesystem, Options};
use mava_export::report::Published;
use mava_export::store::{OpenOptions, Store};
use mava_export::window;
use tokio_util::sync::CancellationToken;

use super::{copied, meddle, verify};
use crate::support::Desk;

pub(super) fn publish_to(desk: &Desk, directory: &Path, is_whole: bool) -> Result<Published> {
    let now = window::parse("2026-01-01").unwrap();
    let store = Store::open(&desk.path(), &OpenOptions::new(now))?;
    let options = Options {
        directory: directory.to_owned(),
        keep_snapshots: 7,
        file_mode: 0o600,
        filesystem: Filesystem::default(),
        workers: 2,
        now,
        token: rand::random(),
        is_whole,
    };
    publish::publish(&store, &options, &CancellationToken::new(), &|_| {})
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() && !path.is_symlink() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn a_damaged_row_is_not_published_but_named_with_the_way_out() {
    let desk = copied(200).await;
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("desk");
    publish_to(&desk, &directory, false).expect("publishes");
    let before = files(&directory);
    let id = desk
        .column("SELECT id FROM tickets WHERE rowid = 42")
        .remove(0);
    for (damage, name) in [
        (
            "UPDATE messages SET content = content || 'x' WHERE ticket_id = '{id}'",
            id.as_str(),
        ),
        (
            "UPDATE tickets SET message_count = 77 WHERE id = '{id}'",
            &id,
        ),
        (
            "UPDATE ticket_history SET status = 'Spam' WHERE ticket_id = '{id}'",
            &id,
        ),
        ("DELETE FROM tickets WHERE id = '{id}'", &id),
        (
            "UPDATE agents SET name = 'x' WHERE id = (SELECT id FROM agents LIMIT 1)",
            "agents ",
        ),
        (
            "UPDATE customers SET email = 'x' WHERE rowid = 7",
            "customers ",
        ),
    ] {
        assert!(
            meddle(&desk.path(), &damage.replace("{id}", &id)) > 0,
            "{damage}"
        );
        let error = publish_to(&desk, &directory, true).expect_err(damage);
        assert_eq!(error.kind(), ErrorKind::Failed, "{damage}");
        assert!(error.to_string().contains(name), "{damage}: {error}");
        assert!(
            error.to_string().contains("nothing was published"),
            "{error}"
        );
        let help = error.help_text().expect("a way out");
        assert!(
            help.contains("verify --repair") && help.contains("sync --full"),
            "{help}"
        );
        assert_eq!(files(&directory), before, "{damage}");
        verify(&desk, false, true).await.expect("ends");
        desk.assert_whole(damage);
    }
    let published = publish_to(&desk, &directory, false).expect("publishes");
    assert!(published.is_new);
}

#[tokio::test]
async fn a_month_that_is_only_linked_is_left_to_the_deep_check() {
    let desk = copied(200).await;
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("desk");
    publish_to(&desk, &directory, false).expect("publishes");
    desk.backfill().await.expect("completes");
    meddle(
        &desk.path(),
        "UPDATE tickets SET status = 'Spam' WHERE rowid = 42",
    );
    publish_to(&desk, &directory, false).expect("links");
    let (found, _) = verify(&desk, true, false).await.expect("ends");
    assert_eq!(found.deep.expect("looked").damaged.len(), 1);
}

#[tokio::test]
async fn a_month_that_is_made_again_for_a_name_alone_is_looked_at_too() {
    let mut desk = copied(200).await;
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("desk");
    publish_to(&desk, &directory, false).expect("publishes");
    meddle(
        &desk.path(),
        "UPDATE tickets SET status = 'Spam' WHERE rowid = 42",
    );
    let names = desk.column("SELECT id FROM tags").into_iter();
    desk.settings.store.metrics.names.tags =
        names.map(|id| (id.clone(), format!("the {id}"))).collect();
    desk.backfill().await.expect("completes");
    let error = publish_to(&desk, &directory, false).expect_err("damaged");
    assert!(
        error.to_string().contains("nothing was published"),
        "{error}"
    );
}
