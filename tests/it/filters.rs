//! Filtered runs, and runs without messages: only what was asked for, and no word about the rest.

use mava_export::error::{ErrorKind, ExitCode};
use mava_export::settings::Filters;
use mava_export::simulator::{Message, References, Shape, SimulatorSpec, Ticket, World};

use crate::support::{Desk, expected, expected_without_messages, generated};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// The world without the tickets that `keep` leaves out.
fn part(world: &World, keep: impl Fn(&Ticket) -> bool) -> World {
    let tickets = world.tickets().filter(|ticket| keep(ticket)).cloned();
    World::new(world.directory().clone(), tickets.collect())
}

/// A filtered export of a fresh desk holds what `keep` keeps, and its snapshot says `json`.
async fn exports(filters: Filters, json: &str, keep: impl Fn(&Ticket) -> bool) {
    let mut desk = Desk::open(SimulatorSpec::new(generated(600))).await;
    desk.settings.filters = filters;
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{json}: {summary:?}");
    let world = part(&desk.simulator.world(), keep);
    assert!((1..600).contains(&world.len()), "{json}: {}", world.len());
    let expected = expected(&world, Shape::default());
    desk.rows().assert_equal(&expected, json);
    assert_eq!(desk.column("SELECT filters_json FROM snapshots"), [json]);
}

#[tokio::test]
async fn a_filter_by_status_or_origin_stores_the_tickets_that_match_alone() {
    let filters = Filters {
        status: words(&["Open", "Waiting"]),
        ..Filters::default()
    };
    exports(filters, r#"{"status":["Open","Waiting"]}"#, |ticket| {
        ticket.status == "Open" || ticket.status == "Waiting"
    })
    .await;
    let filters = Filters {
        origin: words(&["telegram-group"]),
        status: words(&["Resolved"]),
        ..Filters::default()
    };
    let json = r#"{"status":["Resolved"],"origin":["telegram-group"]}"#;
    exports(filters, json, |ticket| {
        ticket.origin == "telegram-group" && ticket.status == "Resolved"
    })
    .await;
}

#[tokio::test]
async fn a_filter_by_category_tag_or_agent_stores_the_tickets_that_match_alone() {
    let world = generated(600);
    let directory = world.directory();
    let category = directory.categories[2].id.clone();
    let filters = Filters {
        category: vec![category.clone()],
        ..Filters::default()
    };
    exports(
        filters,
        &format!(r#"{{"category":["{category}"]}}"#),
        |one| one.category_id.as_ref() == Some(&category),
    )
    .await;

    let tags = [directory.tags[0].id.clone(), directory.tags[3].id.clone()];
    let filters = Filters {
        tag: tags.to_vec(),
        ..Filters::default()
    };
    let json = format!(r#"{{"tag":["{}","{}"]}}"#, tags[0], tags[1]);
    exports(filters, &json, |one| {
        one.tag_ids.iter().any(|tag| tags.contains(tag))
    })
    .await;

    let agent = directory.agents[1].id.clone();
    let filters = Filters {
        assigned_to: vec![agent.clone(), "Unassigned".to_owned()],
        ..Filters::default()
    };
    let json = format!(r#"{{"assigned_to":["{agent}","Unassigned"]}}"#);
    exports(filters, &json, |one| {
        one.assigned_agent_id
            .as_ref()
            .is_none_or(|assignee| *assignee == agent)
    })
    .await;
}

#[tokio::test]
async fn a_name_in_any_case_is_as_good_as_an_id() {
    let world = generated(600);
    let directory = world.directory();
    let category = directory.categories[2].clone();
    let filters = Filters {
        category: vec![category.name.to_uppercase()],
        ..Filters::default()
    };
    let json = format!(r#"{{"category":["{}"]}}"#, category.id);
    let kept = category.id.clone();
    exports(filters, &json, |one| {
        one.category_id.as_ref() == Some(&kept)
    })
    .await;

    let agent = directory.agents[1].clone();
    let name = agent.username.clone().expect("a name");
    let filters = Filters {
        assigned_to: vec![format!(" {}", name.to_lowercase()), "Unassigned".to_owned()],
        ..Filters::default()
    };
    let json = format!(r#"{{"assigned_to":["{}","Unassigned"]}}"#, agent.id);
    let kept = agent.id.clone();
    exports(filters, &json, |one| {
        one.assigned_agent_id
            .as_ref()
            .is_none_or(|assignee| *assignee == kept)
    })
    .await;
}

#[tokio::test]
async fn a_tag_has_a_name_where_the_store_has_seen_it_and_a_run_goes_on_under_it() {
    let mut desk = Desk::open(SimulatorSpec {
        shape: Shape {
            references: References::Objects,
            ..Shape::default()
        },
        ..SimulatorSpec::new(generated(600))
    })
    .await;
    let tag = desk.simulator.world().directory().tags[3].clone();
    desk.settings.filters.tag = vec![tag.name.clone()];
    let error = desk
        .backfill()
        .await
        .expect_err("nothing knows the tag's name");
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    assert!(
        error
            .help_text()
            .unwrap_or_default()
            .contains("no list of tags"),
        "{error}"
    );
    assert!(
        desk.simulator.requests().is_empty(),
        "the API has nothing to say about tags"
    );

    desk.settings.filters.tag = Vec::new();
    desk.backfill().await.expect("completes");
    desk.settings.filters.tag = vec![tag.name.to_uppercase()];
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let json = format!(r#"{{"tag":["{}"]}}"#, tag.id);
    assert_eq!(
        desk.column("SELECT filters_json FROM snapshots WHERE id = 2"),
        [json]
    );
}

#[tokio::test]
async fn a_name_that_nobody_has_ends_the_run_before_it_begins() {
    let mut desk = Desk::open(SimulatorSpec::new(generated(600))).await;
    let mut name = desk.simulator.world().directory().categories[2]
        .name
        .clone();
    name.pop();
    for filters in [
        Filters {
            category: vec![name.clone()],
            ..Filters::default()
        },
        Filters {
            assigned_to: vec!["Nobody Of This Name".to_owned()],
            ..Filters::default()
        },
    ] {
        desk.settings.filters = filters;
        let error = desk.backfill().await.expect_err("no such name");
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert!(error.help_text().is_some(), "{error}");
        assert!(desk.column("SELECT id FROM snapshots").is_empty());
    }
    let asked = desk.simulator.requests();
    assert!(
        asked.iter().all(|one| !one.path.contains("tickets")),
        "{asked:?}"
    );
    desk.settings.filters = Filters {
        category: vec![name],
        ..Filters::default()
    };
    let error = desk.backfill().await.expect_err("no such name");
    let full = desk.simulator.world().directory().categories[2].clone();
    let meant = format!("did you mean {} ({})?", full.name, full.id);
    assert_eq!(error.help_text(), Some(meant.as_str()), "{error}");
}

#[tokio::test]
async fn a_filtered_run_never_marks_anything_deleted() {
    let mut desk = Desk::open(SimulatorSpec::new(generated(400))).await;
    desk.backfill().await.expect("completes");
    let gone: Vec<String> = desk.simulator.with_world(|world| {
        let ids: Vec<String> = (0..7).filter_map(|n| world.id_at(n * 50)).collect();
        for id in &ids {
            world.remove(id);
        }
        ids
    });
    for filters in [
        Filters {
            status: words(&["Resolved"]),
            ..Filters::default()
        },
        Filters {
            origin: words(&["web", "discord", "telegram", "telegram-group", "email"]),
            ..Filters::default()
        },
    ] {
        desk.settings.filters = filters;
        let (summary, exit_code) = desk.backfill().await.expect("completes");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        assert_eq!(summary.tickets_deleted, 0);
        assert_eq!(desk.live_ids().len(), 400);
    }

    desk.settings.filters = Filters::default();
    let (summary, _) = desk.backfill().await.expect("completes");
    assert_eq!(summary.tickets_deleted, 7);
    let flagged = desk.column(
        "SELECT ticket_id FROM ticket_history WHERE is_deleted AND valid_until IS NULL
         ORDER BY ticket_id",
    );
    let mut sorted = gone;
    sorted.sort();
    assert_eq!(flagged, sorted);
}

#[tokio::test]
async fn a_run_without_messages_stores_tickets_without_threads() {
    let mut desk = Desk::open(SimulatorSpec::new(generated(400))).await;
    desk.settings.has_messages = false;
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    let expected = expected_without_messages(&desk.simulator.world());
    desk.rows().assert_equal(&expected, "without messages");
    assert_eq!(desk.column("SELECT has_messages FROM snapshots"), ["0"]);
    let requests = desk.simulator.requests();
    assert!(
        requests
            .iter()
            .all(|one| !one.query.contains("includeMessages=true"))
    );

    desk.settings.has_messages = true;
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.tickets_changed, 400);
    desk.assert_whole("with messages after all");
}

#[tokio::test]
async fn a_run_without_messages_leaves_stored_threads_alone() {
    let mut desk = Desk::open(SimulatorSpec::new(generated(300))).await;
    desk.backfill().await.expect("completes");
    let before = desk.rows();
    let changed = desk.simulator.with_world(|world| {
        let id = world.id_at(120).expect("a ticket");
        world.edit(&id, |ticket| {
            ticket.status = "Waiting".into();
            let at = ticket.created_at;
            ticket.messages = vec![Message::new("another", at, "rewritten")];
        });
        id
    });
    desk.settings.has_messages = false;
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
    assert_eq!(summary.tickets_changed, 1);
    let status = format!("SELECT status FROM tickets WHERE id = '{changed}'");
    assert_eq!(desk.column(&status), ["Waiting"]);
    let same = ["tickets", "categories"];
    let after = desk.rows();
    after
        .without_tables(&same)
        .assert_equal(&before.clone().without_tables(&same), "threads");
    let count = format!("SELECT message_count FROM tickets WHERE id = '{changed}'");
    let messages = format!("SELECT count(*) FROM messages WHERE ticket_id = '{changed}'");
    assert_eq!(desk.column(&count), desk.column(&messages));
}
