//! Names of tags from the configuration: they fill what the API leaves out, are renewed and taken back, and a
//! name that the API gives goes before them.

use std::collections::BTreeMap;

use mava_export::settings::Names;
use mava_export::store::{Nameless, Renewed};

use super::world::{Desk, at, open, seal, tag, ticket};

fn named(tags: &[(&str, &str)]) -> Names {
    let owned = tags.iter();
    let owned = owned.map(|(id, name)| ((*id).to_owned(), (*name).to_owned()));
    Names {
        tags: owned.collect(),
        attributes: BTreeMap::new(),
    }
}

fn renew(desk: &mut Desk, tags: &[(&str, &str)]) -> Option<Renewed> {
    desk.store.name_by(named(tags));
    let renewed = desk.store.renew_metrics(at("2026-02-01"), &|_, _| true);
    assert!(desk.store.has_current_metrics().unwrap());
    assert_eq!(desk.store.names_behind(&named(tags)).unwrap(), None);
    renewed.unwrap()
}

/// Tags with their names and runs.
fn tags(desk: &Desk) -> String {
    desk.text(
        "SELECT group_concat(id || '=' || ifnull(name, '?') || '@' || snapshot_id, ' ' ORDER BY id) FROM tags",
    )
    .unwrap()
}

/// Tags whose name is the configuration's, by what the store remembers.
fn filled(desk: &Desk) -> Option<String> {
    desk.text("SELECT group_concat(id || '=' || name, ' ' ORDER BY id) FROM _named_tags")
}

#[track_caller]
fn assert_whole(desk: &Desk) {
    let audit = desk.store.audit(&|_| true).unwrap();
    assert!(audit.is_whole(), "{audit:?}");
}

#[test]
fn a_tag_without_a_name_is_named_with_its_page_and_no_other_is() {
    let mut desk = Desk::new();
    renew(&mut desk, &[("tag-a", "alpha"), ("tag-b", "mine")]);
    desk.run(&[ticket(1)], "2026-01-01");
    assert_eq!(tags(&desk), "tag-a=alpha@1 tag-b=Beta@1");
    assert_eq!(filled(&desk).as_deref(), Some("tag-a=alpha"));
    assert_whole(&desk);
    // Read again, nothing changes.
    let before = desk.dump();
    desk.run(&[ticket(1)], "2026-01-02");
    desk.run(&[ticket(2)], "2026-01-03");
    assert_eq!(desk.dump()["tags"], before["tags"]);
    assert_whole(&desk);
}

#[test]
fn another_name_is_written_once_and_a_name_that_is_taken_out_is_none_any_more() {
    let mut desk = Desk::new();
    desk.run(&[ticket(1)], "2026-01-01");
    renew(&mut desk, &[]);
    let metrics = desk.dump()["ticket_metrics"].clone();
    for (names, run, stored, held) in [
        (
            &[("tag-a", "alpha")][..],
            2,
            "tag-a=alpha@2 tag-b=Beta@1",
            Some("tag-a=alpha"),
        ),
        (
            &[("tag-a", "first")],
            3,
            "tag-a=first@3 tag-b=Beta@1",
            Some("tag-a=first"),
        ),
        (&[], 4, "tag-a=?@4 tag-b=Beta@1", None),
    ] {
        let renewed = renew(&mut desk, names).expect("something to do");
        assert_eq!((renewed.snapshot_id, renewed.renamed), (run, 1));
        // No ticket is looked at for a name.
        assert_eq!((renewed.tickets, renewed.changed), (0, 0));
        assert_eq!(renew(&mut desk, names), None);
        assert_eq!(tags(&desk), stored);
        assert_eq!(filled(&desk).as_deref(), held);
        assert_whole(&desk);
    }
    assert_eq!(desk.dump()["ticket_metrics"], metrics);
    assert_eq!(
        desk.text("SELECT group_concat(kind || ' ' || outcome) FROM snapshots WHERE id > 1")
            .as_deref(),
        Some("metrics complete,metrics complete,metrics complete")
    );
}

#[test]
fn names_that_no_stored_tag_goes_by_make_no_run() {
    let mut desk = Desk::new();
    desk.run(&[ticket(1)], "2026-01-01");
    assert_eq!(
        renew(&mut desk, &[("tag-b", "mine"), ("tag-z", "late")]),
        None
    );
    desk.store.name_by(Names {
        attributes: [("attribute-1".to_owned(), "plan".to_owned())].into(),
        ..Names::default()
    });
    assert!(!desk.store.has_current_metrics().unwrap());
    let told = desk.store.names_behind(&named(&[])).unwrap().expect("told");
    assert!(told.contains("[names]"), "{told}");
    assert_eq!(
        desk.store
            .renew_metrics(at("2026-02-01"), &|_, _| true)
            .unwrap(),
        None
    );
    assert_eq!(desk.number("SELECT count(*) FROM snapshots"), 1);
    assert_eq!(tags(&desk), "tag-a=?@1 tag-b=Beta@1");
}

#[test]
fn a_name_that_the_api_gives_goes_before_and_stays() {
    // The last is the very name that somebody gave.
    for given in ["theirs", "alpha"] {
        let mut desk = Desk::new();
        renew(&mut desk, &[("tag-a", "alpha")]);
        desk.run(&[ticket(1)], "2026-01-01");
        let mut rows = ticket(2);
        rows.tags = vec![tag("tag-a", Some(given))];
        desk.run(&[ticket(1), seal(rows), ticket(3)], "2026-01-02");
        let stored = match given {
            "alpha" => "tag-a=alpha@1 tag-b=Beta@1",
            _ => "tag-a=theirs@2 tag-b=Beta@1",
        };
        assert_eq!(tags(&desk), stored);
        assert_eq!(filled(&desk), None);
        for names in [&[("tag-a", "other")][..], &[]] {
            assert_eq!(renew(&mut desk, names), None);
            desk.run(&[ticket(1), ticket(4)], "2026-01-03");
            assert_eq!(tags(&desk), stored);
        }
        assert_whole(&desk);
    }
}

#[test]
fn names_of_a_store_with_an_unfinished_run_belong_to_that_run() {
    let mut desk = Desk::new();
    desk.run(&[ticket(1)], "2026-01-01");
    let run = desk.begin("2026-01-02");
    let renewed = renew(&mut desk, &[("tag-a", "alpha")]).expect("something to do");
    assert_eq!(renewed.snapshot_id, run.snapshot_id);
    desk.page(&run, &[ticket(2)], "2026-01-02");
    desk.finish(&run, "2026-01-02");
    assert_eq!(tags(&desk), "tag-a=alpha@2 tag-b=Beta@1");
    assert_eq!(desk.number("SELECT count(*) FROM snapshots"), 2);
    assert_whole(&desk);
}

#[test]
fn a_name_edited_by_hand_is_found_and_corrected_when_rows_are_compared() {
    for edit in ["name = 'edited'", "name = NULL"] {
        let mut desk = Desk::new();
        renew(&mut desk, &[("tag-a", "alpha")]);
        desk.run(&[ticket(1)], "2026-01-01");
        desk.look()
            .execute(&format!("UPDATE tags SET {edit} WHERE id = 'tag-a'"), [])
            .unwrap();
        let audit = desk.store.audit(&|_| true).unwrap();
        let found: Vec<(&str, &str)> = audit
            .damaged
            .iter()
            .map(|row| (row.table, row.id.as_str()))
            .collect();
        assert_eq!(found, [("tags", "tag-a")], "{edit}");
        desk.store.compare_rows();
        desk.run(&[ticket(1)], "2026-01-02");
        assert_eq!(tags(&desk), "tag-a=alpha@2 tag-b=Beta@1", "{edit}");
        assert_whole(&desk);
        assert_eq!(renew(&mut desk, &[]).expect("something to do").renamed, 1);
        assert_eq!(tags(&desk), "tag-a=?@3 tag-b=Beta@1", "{edit}");
        assert_whole(&desk);
    }
}

#[test]
fn names_are_forgotten_with_their_tags_and_given_again() {
    let mut desk = Desk::new();
    renew(&mut desk, &[("tag-a", "alpha")]);
    desk.run(&[ticket(1)], "2026-01-01");
    let path = desk.path();
    drop(desk.look());
    let look = desk.look();
    look.pragma_update(None, "foreign_keys", false).unwrap();
    look.execute_batch("DELETE FROM tags WHERE id = 'tag-a'")
        .unwrap();
    // A row that is lost comes back with its name.
    desk.run(&[ticket(1)], "2026-01-02");
    assert_eq!(tags(&desk), "tag-a=alpha@2 tag-b=Beta@1");
    assert_whole(&desk);
    desk.store = open(&desk.directory.path().join("other.db")).unwrap();
    desk.store = open(&path).unwrap();
    assert_eq!(renew(&mut desk, &[]).expect("something to do").renamed, 1);
}

#[test]
fn what_has_no_name_is_counted_by_live_tickets_with_examples() {
    let mut desk = Desk::new();
    let shaped = |number: i64, value: Option<&str>| {
        let mut rows = ticket(number);
        rows.tags.push(tag("tag-c", None));
        rows.attributes[0].attribute_id = Some("attribute-2".to_owned());
        rows.attributes[0].label = None;
        rows.attributes[0].value = value.map(str::to_owned);
        seal(rows)
    };
    let mut lone = ticket(6);
    lone.tags = vec![tag("tag-z", None)];
    let long = "é".repeat(300);
    desk.run(
        &[
            ticket(1),
            shaped(2, Some("gold")),
            shaped(3, Some("free")),
            shaped(4, Some("gold")),
            shaped(5, Some(&long)),
            seal(lone),
        ],
        "2026-01-01",
    );
    let run = desk.begin("2026-01-02");
    desk.store
        .mark_deleted(
            run.snapshot_id,
            &["ticket-00003".to_owned(), "ticket-00006".to_owned()],
            at("2026-01-02"),
        )
        .unwrap();
    let nameless = |id: &str, tickets, examples: &[&str]| Nameless {
        id: id.to_owned(),
        tickets,
        customers: 0,
        examples: examples.iter().map(|&text| text.to_owned()).collect(),
    };
    let unnamed = desk.store.unnamed(&named(&[])).unwrap();
    assert_eq!(
        unnamed.tags,
        [
            nameless(
                "tag-a",
                4,
                &["ticket-00005", "ticket-00004", "ticket-00002"]
            ),
            nameless(
                "tag-c",
                3,
                &["ticket-00005", "ticket-00004", "ticket-00002"]
            ),
        ]
    );
    // One that has a label somewhere has a name; a long value is cut.
    assert_eq!(
        unnamed.attributes,
        [nameless("attribute-2", 3, &["gold", &"é".repeat(200)])]
    );
    let mut names = named(&[("tag-c", "gamma")]);
    names.attributes = [("attribute-2".to_owned(), "plan".to_owned())].into();
    let unnamed = desk.store.unnamed(&names).unwrap();
    assert_eq!(unnamed.tags.len(), 1);
    assert_eq!(unnamed.attributes, []);
}
