//! Views of the store are tables of a snapshot: files of a month are made again only where a row may be another.

use std::collections::BTreeMap;

use mava_export::metrics::SlaMetric;
use mava_export::settings::Names;
use mava_export::store::LookupsCommit;
use mava_export::table::{Category, all_tables};

use super::support::{Site, files, ticket, with_status};
use crate::store::slas::policy;
use crate::store::world::{at, seal};

/// Tables of the current snapshot with the months whose files are not those of its parent.
fn written(site: &Site) -> BTreeMap<String, Vec<String>> {
    let name = site.current();
    let mut written: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in site.manifest(&name).files {
        if !file.is_unchanged {
            let months = written.entry(file.table).or_default();
            months.extend(file.created_month);
        }
    }
    written
}

/// Rows of a table that the current snapshot has otherwise than its parent: come, changed and gone.
fn changes(site: &Site, table: &str) -> Option<[u64; 3]> {
    let manifest = site.manifest(&site.current());
    let file = manifest.changes.iter().find(|file| file.table == table);
    file.map(|file| [file.inserted, file.updated, file.deleted])
}

#[test]
fn an_attribute_that_is_seen_for_the_first_time_widens_all_files_and_changes_one_row() {
    let mut site = Site::of(0..30, 3);
    site.publish();
    let mut rows = ticket(1, 3);
    let mut attribute = rows.attributes[0].clone();
    attribute.position = 1;
    attribute.label = Some("Größe".to_owned());
    rows.attributes.push(attribute);
    site.run(&[seal(rows)]);
    let published = site.publish();
    assert!(published.parent.is_some());
    site.assert_current();
    let written = written(&site);
    assert_eq!(written["tickets_wide"], ["2025-01", "2025-02", "2025-03"]);
    assert_eq!(written["ticket_attributes"], ["2025-02"]);
    // Of the ticket's other rows only the number of the run is another.
    assert_eq!(written["live_tickets"], ["2025-02"]);
    assert_eq!(written.get("live_messages"), None);
    assert_eq!(changes(&site, "tickets_wide"), Some([0, 1, 0]));
    // Once.
    site.run(&[with_status(ticket(2, 3), "Resolved")]);
    site.publish();
    site.assert_current();
    assert_eq!(self::written(&site)["tickets_wide"], ["2025-03"]);
}

#[test]
fn a_name_that_is_another_makes_the_wide_rows_of_its_tickets_anew_and_no_others() {
    let mut site = Site::new();
    let with_category = |number: i64, category: &str| {
        let mut rows = ticket(number, 3);
        rows.ticket.category_id = Some(category.to_owned());
        seal(rows)
    };
    // One a month.
    let tickets =
        [(0, "one"), (1, "two"), (2, "one")].map(|(number, id)| with_category(number, id));
    site.run(&tickets);
    site.publish();
    let run = site.begin();
    let category = Category {
        id: "two".to_owned(),
        name: Some("Refunds".to_owned()),
        is_archived: Some(false),
    };
    let lookups = LookupsCommit {
        snapshot_id: run.snapshot_id,
        categories: Some(&[category]),
        agents: Some(&[]),
        ..LookupsCommit::default()
    };
    site.desk.store.commit_lookups(&lookups).unwrap();
    let now = site.tick();
    site.desk.finish(&run, &now);
    site.publish();
    site.assert_current();
    let written = written(&site);
    assert_eq!(written["tickets_wide"], ["2025-02"], "{written:?}");
    assert_eq!(written.get("live_tickets"), None);
    assert_eq!(changes(&site, "tickets_wide"), Some([0, 1, 0]));
}

#[test]
fn clocks_that_run_on_are_as_they_were_when_the_last_run_began() {
    let mut site = Site::new();
    site.desk
        .store
        .promise_by(vec![policy("resolutions", SlaMetric::Resolution, 24 * 400)]);
    // One a month, of which one is over.
    let mut over = ticket(1, 3);
    over.ticket.resolved_at = Some(over.ticket.created_at + chrono::TimeDelta::hours(1));
    over.ticket.resolution_time_ms = Some(3_600_000);
    over.ticket.status = Some("Resolved".to_owned());
    site.run(&[ticket(0, 3), seal(over), ticket(2, 3)]);
    // Lays out when the desk is open.
    let now = at(&site.tick());
    site.desk.store.renew_metrics(now, &|_, _| true).unwrap();
    site.publish();
    site.assert_current();
    assert_eq!(site.stored()["sla_results"].len(), 3);
    site.run(&[]);
    let published = site.publish();
    site.assert_current();
    assert_eq!(written(&site)["sla_results"], ["2025-01", "2025-03"]);
    assert_eq!(changes(&site, "sla_results"), Some([0, 2, 0]));
    assert!(!published.has_changes, "time alone passed");
}

#[test]
fn each_table_and_view_of_the_schema_is_in_a_snapshot() {
    let mut site = Site::of(0..6, 2);
    site.publish();
    for table in all_tables() {
        assert!(!files(&site.root().join("current").join(table.name)).is_empty());
    }
}

#[test]
fn totals_that_were_made_anew_after_the_last_run_are_published() {
    let mut site = Site::of(0..6, 2);
    site.publish();
    let days =
        |site: &Site| changes(site, "days").map(|[inserted, updated, _]| inserted + updated > 300);
    site.desk.store.count_days_in(chrono_tz::Asia::Kathmandu);
    site.desk.store.renew_totals().unwrap();
    let published = site.publish();
    assert!(published.is_new);
    site.assert_current();
    assert_eq!(days(&site), Some(true));
    // So is an attribute that comes without a label and was given a name.
    let mut rows = ticket(1, 2);
    rows.attributes[0].label = None;
    site.run(&[seal(rows)]);
    site.publish();
    site.desk.store.name_by(Names {
        tags: BTreeMap::new(),
        attributes: [("attribute-1".to_owned(), "tier".to_owned())].into(),
    });
    let now = at(&site.tick());
    site.desk.store.renew_metrics(now, &|_, _| true).unwrap();
    site.desk.store.renew_totals().unwrap();
    assert!(site.publish().is_new);
    site.assert_current();
    let found = site.stored()["tickets_wide"]
        .values()
        .flatten()
        .filter(|cell| *cell == "'gold'")
        .count();
    assert!(found >= 2, "{found}");
    assert!(!site.publish().is_new);
}
