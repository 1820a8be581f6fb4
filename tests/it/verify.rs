//! Verifications of stores that somebody meddled with, and of desks that moved on.

mod repair;

use mava_export::error::{ErrorKind, ExitCode, Result};
use mava_export::report::{Difference, Verification};
use mava_export::run::Context;
use mava_export::settings::{Backfill, Filters, Verify};
use mava_export::simulator::{Fault, Faults, Quirks, SimulatorSpec, World, WorldSpec};
use mava_export::store::{OpenOptions, Store};
use mava_export::table::{Instant, RunKind};
use mava_export::verify;
use mava_export::window;
use tokio_util::sync::CancellationToken;

use crate::support::{Desk, LOSE, end_of, generated};

/// A desk of one window of half a year, already copied.
async fn copied(tickets: usize) -> Desk {
    copied_from(SimulatorSpec::new(generated(tickets))).await
}

async fn copied_from(spec: SimulatorSpec) -> Desk {
    let mut desk = Desk::open(spec).await;
    desk.settings.since = at("2024-01-01");
    desk.settings.until = Some(at("2024-07-01"));
    let (summary, _) = desk.backfill().await.expect("completes");
    assert!(summary.unverified.is_empty(), "{summary:?}");
    desk.simulator.clear_requests();
    desk
}

fn at(text: &str) -> Instant {
    window::parse(text).expect("an instant")
}

fn context(desk: &Desk) -> Result<Context> {
    desk.context()
}

fn settings(desk: &Desk, is_repair: bool, allow_deletions: bool) -> Verify {
    Verify {
        store: desk.settings.store.clone(),
        is_deep: false,
        is_repair,
        allow_deletions,
    }
}

async fn run(desk: &Desk, is_repair: bool) -> Result<(Verification, ExitCode)> {
    run_with(desk, is_repair, false).await
}

async fn run_with(
    desk: &Desk,
    is_repair: bool,
    allow_deletions: bool,
) -> Result<(Verification, ExitCode)> {
    let context = context(desk)?;
    let settings = settings(desk, is_repair, allow_deletions);
    let sent = || desk.simulator.requests().len();
    end_of(sent, verify::verify(&context, &settings, &|_| {}))
        .await
        .expect("a verification that ends")
}

async fn look(desk: &Desk) -> Verification {
    let (found, exit_code) = run(desk, false).await.expect("ends");
    let is_equal = found.outcome.word() == "equal";
    assert_eq!(exit_code == ExitCode::Complete, is_equal, "{found:?}");
    assert!(
        is_equal || exit_code == ExitCode::Incomplete,
        "{exit_code:?}"
    );
    found
}

/// A repair that mends everything and says so in its snapshot.
async fn mend(desk: &Desk) -> Verification {
    let (found, exit_code) = run(desk, true).await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{found:?}");
    assert_eq!(found.outcome.word(), "repaired");
    let last = "FROM snapshots ORDER BY id DESC LIMIT 1";
    assert_eq!(desk.column(&format!("SELECT kind {last}")), ["verify"]);
    assert_eq!(desk.column(&format!("SELECT outcome {last}")), ["complete"]);
    let requests = desk.number(&format!("SELECT requests {last}"));
    assert_eq!(requests.cast_unsigned(), found.requests);
    found
}

/// The ticket's place in the store.
fn created_at(desk: &Desk, id: &str) -> Instant {
    let world = desk.simulator.world();
    let ticket = world.ticket(id).expect("a ticket");
    ticket.created_at
}

fn ticket(desk: &Desk, number: usize) -> String {
    desk.simulator
        .with_world(|world| world.id_at(number).expect("a ticket"))
}

/// Every difference lies in the one slice of at most a page that holds the ticket.
#[track_caller]
fn assert_around(desk: &Desk, created_at: Instant, found: &Verification) {
    assert!(!found.differences.is_empty());
    for difference in &found.differences {
        let slice = difference.window().expect("not empty");
        assert!(slice.contains(created_at), "{difference:?}");
        let within = format!(
            "SELECT count(*) FROM tickets WHERE created_at >= '{}' AND created_at < '{}'",
            mava_export::table::instant_text(slice.from()),
            mava_export::table::instant_text(slice.until())
        );
        assert!(desk.number(&within) <= 100, "{difference:?}");
    }
}

/// What differs, by how much, wherever.
fn told(differences: &[Difference]) -> Vec<(&str, &str, i64)> {
    differences
        .iter()
        .map(|one| (one.group.as_str(), one.value.as_str(), one.difference))
        .collect()
}

/// Runs SQL on the store with foreign keys on or off.
fn meddle(desk: &Desk, has_keys: bool, sql: &str) {
    let sqlite = desk.sqlite();
    sqlite
        .pragma_update(None, "foreign_keys", has_keys)
        .expect("a pragma");
    sqlite.execute_batch(sql).expect(sql);
}

#[tokio::test]
async fn an_untouched_store_counts_the_same_at_the_price_told_before() {
    let desk = copied(700).await;
    let before = desk.rows();
    let found = look(&desk).await;
    assert_eq!(found.outcome.word(), "equal");
    assert_eq!(found.requests, found.requests_planned);
    let sent = desk.simulator.requests().len();
    assert_eq!(sent, usize::try_from(found.requests).expect("few"));
    let values = desk.number(
        "SELECT (SELECT count(*) FROM categories) + (SELECT count(*) FROM tags)
             + (SELECT count(*) FROM agents)",
    );
    // All, 4 statuses, 6 ratings, unassigned, 5 origins.
    assert_eq!(found.requests, 17 + values.cast_unsigned());
    let (found, exit_code) = run(&desk, true).await.expect("ends");
    assert_eq!((found.repair, exit_code), (None, ExitCode::Complete));
    assert_eq!(desk.number("SELECT count(*) FROM snapshots"), 1);
    assert!(desk.rows() == before);
}

#[tokio::test]
async fn a_row_deleted_by_hand_is_found_and_comes_back() {
    for (has_keys, sql) in [
        (false, "DELETE FROM tickets WHERE id = 'ID'"),
        (
            false,
            "DELETE FROM tickets WHERE id = 'ID'; DELETE FROM _ticket_index WHERE id = 'ID'",
        ),
        (
            true,
            "BEGIN; DELETE FROM tickets WHERE id = 'ID'; DELETE FROM _ticket_index WHERE id = 'ID';
             DELETE FROM message_attachments WHERE ticket_id = 'ID';
             DELETE FROM messages WHERE ticket_id = 'ID';
             DELETE FROM ticket_attributes WHERE ticket_id = 'ID';
             DELETE FROM ticket_tags WHERE ticket_id = 'ID';
             DELETE FROM ticket_discord_users WHERE ticket_id = 'ID';
             DELETE FROM ticket_metrics WHERE ticket_id = 'ID';
             DELETE FROM ticket_events WHERE ticket_id = 'ID';
             DELETE FROM ticket_history WHERE ticket_id = 'ID'; COMMIT",
        ),
    ] {
        let desk = copied(700).await;
        let id = ticket(&desk, 431);
        let created_at = created_at(&desk, &id);
        meddle(&desk, has_keys, &sql.replace("ID", &id));
        let found = look(&desk).await;
        assert_around(&desk, created_at, &found);
        assert!(
            told(&found.differences).contains(&("all", "", 1)),
            "{found:?}"
        );
        mend(&desk).await;
        desk.assert_whole(sql);
        assert_eq!(look(&desk).await.outcome.word(), "equal");
        let open = format!(
            "SELECT count(*) FROM ticket_history WHERE ticket_id = '{id}' AND valid_until IS NULL"
        );
        assert_eq!(desk.number(&open), 1);
    }
}

#[tokio::test]
async fn a_status_edited_by_hand_is_found_and_put_right() {
    let desk = copied(700).await;
    let id = desk
        .column("SELECT id FROM tickets WHERE status = 'Resolved' ORDER BY id LIMIT 1 OFFSET 200");
    let [id] = id.as_slice() else {
        panic!("no such ticket");
    };
    meddle(
        &desk,
        true,
        &format!("UPDATE tickets SET status = 'Open' WHERE id = '{id}'"),
    );
    let found = look(&desk).await;
    assert_around(&desk, created_at(&desk, id), &found);
    assert_eq!(
        told(&found.differences),
        [("status", "Open", -1), ("status", "Resolved", 1)]
    );
    let repair = mend(&desk).await.repair.expect("a repair");
    assert_eq!((repair.tickets_new, repair.tickets_changed), (0, 1));
    desk.assert_whole("status");
}

#[tokio::test]
async fn a_ticket_deleted_at_the_source_is_found_and_flagged() {
    let desk = copied(700).await;
    let id = ticket(&desk, 99);
    let created_at = created_at(&desk, &id);
    desk.simulator.with_world(|world| world.remove(&id));
    let found = look(&desk).await;
    assert_around(&desk, created_at, &found);
    assert!(
        told(&found.differences).contains(&("all", "", -1)),
        "{found:?}"
    );
    let mended = mend(&desk).await;
    assert_eq!(mended.repair.expect("a repair").tickets_deleted, 1);
    assert_eq!(desk.live_ids(), desk.world_ids());
    let flagged = desk.column("SELECT id FROM tickets WHERE deleted_at IS NOT NULL");
    assert_eq!(flagged, [id]);
}

#[tokio::test]
async fn a_tag_moved_at_the_source_is_found_and_followed() {
    let desk = copied(700).await;
    let (id, old, new) = desk.simulator.with_world(|world| {
        let tags: Vec<String> = world
            .directory()
            .tags
            .iter()
            .map(|tag| tag.id.clone())
            .collect();
        let tagged = world
            .tickets()
            .skip(300)
            .find(|ticket| ticket.tag_ids.len() == 1);
        let tagged = tagged.expect("a ticket with one tag").clone();
        let old = tagged.tag_ids[0].clone();
        let new = tags.into_iter().find(|tag| *tag != old).expect("another");
        world.edit(&tagged.id, |ticket| ticket.tag_ids = vec![new.clone()]);
        (tagged.id, old, new)
    });
    let found = look(&desk).await;
    assert_around(&desk, created_at(&desk, &id), &found);
    let mut moved = told(&found.differences);
    moved.sort_by_key(|(_, _, difference)| *difference);
    assert_eq!(moved, [("tag", old.as_str(), -1), ("tag", new.as_str(), 1)]);
    let repair = mend(&desk).await.repair.expect("a repair");
    assert_eq!((repair.tickets_new, repair.tickets_changed), (0, 1));
    desk.assert_whole("tag");
}

#[tokio::test]
async fn what_no_version_in_the_history_tells_is_mended_too() {
    for sql in [
        // The history does not hold the origin.
        "UPDATE tickets SET source_type = 'email' WHERE rowid % 90 = 1",
        "UPDATE tickets SET status = 'Open' WHERE rowid % 90 = 1;
         UPDATE ticket_history SET status = 'Open'
         WHERE ticket_id IN (SELECT id FROM tickets WHERE rowid % 90 = 1)",
        "DELETE FROM ticket_tags WHERE ticket_id IN (SELECT id FROM tickets WHERE rowid % 90 = 1)",
    ] {
        let desk = copied(400).await;
        meddle(&desk, true, sql);
        mend(&desk).await;
        desk.assert_whole(sql);
    }
}

#[tokio::test]
async fn many_rows_lost_over_several_windows_come_back() {
    let mut desk = Desk::open(SimulatorSpec::new(generated(900))).await;
    desk.settings.since = at("2023-04-01");
    desk.settings.until = Some(at("2024-12-01"));
    desk.backfill().await.expect("completes");
    meddle(&desk, false, "DELETE FROM tickets WHERE rowid % 3 = 0");
    let found = look(&desk).await;
    let missing: i64 = found
        .differences
        .iter()
        .filter(|one| one.group == "all")
        .map(|one| one.difference)
        .sum();
    assert_eq!(missing, 300);
    mend(&desk).await;
    desk.assert_whole("a third lost");
}

#[tokio::test]
async fn a_flag_taken_away_or_set_by_hand_is_put_right() {
    let desk = copied(300).await;
    let id = ticket(&desk, 150);
    desk.simulator.with_world(|world| world.remove(&id));
    mend(&desk).await;
    let other = ticket(&desk, 20);
    meddle(
        &desk,
        true,
        &format!(
            "UPDATE tickets SET deleted_at = NULL WHERE id = '{id}';
             UPDATE tickets SET deleted_at = '2024-06-01T00:00:00.000Z' WHERE id = '{other}'"
        ),
    );
    assert_ne!(look(&desk).await.outcome.word(), "equal");
    mend(&desk).await;
    assert_eq!(desk.live_ids(), desk.world_ids());
}

#[tokio::test]
async fn a_filter_that_the_api_ignores_is_told_once_and_not_as_differences() {
    let desk = copied_from(SimulatorSpec {
        quirks: Quirks {
            has_filters_ignored: true,
            ..Quirks::default()
        },
        ..SimulatorSpec::new(generated(300))
    })
    .await;
    let found = look(&desk).await;
    assert_eq!(
        found.ignored,
        ["status", "rating", "category", "tag", "assignee", "origin"]
    );
    assert_eq!(
        (found.differences, found.requests),
        (vec![], found.requests_planned)
    );
    assert_eq!(found.outcome.word(), "different");
}

#[tokio::test]
async fn a_value_that_the_api_refuses_is_told_and_the_rest_is_counted() {
    let desk = copied(300).await;
    let refused =
        desk.column("SELECT category_id FROM tickets WHERE category_id IS NOT NULL LIMIT 1");
    let value = refused[0].clone();
    desk.simulator.set_hook(Box::new(move |request, _| {
        let is_refused = request.parameter("category") == Some(value.as_str());
        is_refused.then_some(Fault::Status(400))
    }));
    let found = look(&desk).await;
    assert_eq!(found.differences, []);
    let [told] = found.refused.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(
        (&told.value, told.group.as_str()),
        (&refused[0], "category")
    );
    assert!(told.store > 0 && told.reason.contains("400"), "{told:?}");
    // One that no ticket has leaves nothing uncounted.
    let unused = "5f0000000000000000000001";
    meddle(
        &desk,
        true,
        &format!("INSERT INTO categories (id, snapshot_id) VALUES ('{unused}', 1)"),
    );
    desk.simulator.set_hook(Box::new(move |request, _| {
        let is_refused = request.parameter("category") == Some(unused);
        is_refused.then_some(Fault::Status(400))
    }));
    let found = look(&desk).await;
    assert_eq!((found.refused.len(), found.outcome.word()), (1, "equal"));
}

#[tokio::test]
async fn an_empty_workspace_is_not_taken_for_mass_deletion() {
    let desk = copied(500).await;
    desk.simulator.with_world(|world| *world = World::empty());
    let (found, exit_code) = run(&desk, true).await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete);
    assert_eq!(told(&found.differences), [("all", "", -500)]);
    let repair = found.repair.expect("a repair");
    assert_eq!(repair.tickets_deleted, 0);
    assert!(
        found
            .remarks
            .iter()
            .any(|remark| remark.contains("--allow-deletions")),
        "{:?}",
        found.remarks
    );
    // Each is counted once, though two rounds looked for it.
    let told = |remark: &&String| remark.contains("were not found any more");
    let told: Vec<&String> = found.remarks.iter().filter(told).collect();
    assert!(
        matches!(told.as_slice(), [one] if one.starts_with("500 stored tickets")),
        "{told:?}"
    );
    assert_eq!(desk.live_ids().len(), 500);
    // Four pages to recognise the desk; counting that once and reading it again is not worth a search.
    // Since an empty answer may be a mistake, each of two rounds counts it up to three times more, and so does
    // each of three comparisons once.
    let most = 4 + 10 + 2 * 3 + 3;
    assert!(found.requests <= most, "{}", found.requests);
    let (found, exit_code) = run_with(&desk, true, true).await.expect("ends");
    assert_eq!(exit_code, ExitCode::Complete, "{found:?}");
    assert!(desk.live_ids().is_empty());
}

/// Puts another workspace of so many tickets behind the same address.
fn swap_desk(desk: &Desk, tickets: usize) {
    let other = World::generate(&WorldSpec {
        seed: 8,
        tickets,
        from: at("2024-01-02"),
        until: at("2024-06-20"),
        mean_messages: 2.0,
    });
    desk.simulator.with_world(|world| *world = other);
}

#[tokio::test]
async fn new_tickets_do_not_make_up_for_those_that_are_gone() {
    let desk = copied(45).await;
    let kept = ticket(&desk, 20);
    let kept = desk
        .simulator
        .with_world(|world| world.ticket(&kept).expect("a ticket").clone());
    swap_desk(&desk, 50);
    desk.simulator.with_world(|world| world.insert(kept));
    let (found, exit_code) = run(&desk, true).await.expect("ends");
    assert_eq!(exit_code, ExitCode::Incomplete, "{found:?}");
    assert_eq!(found.repair.expect("a repair").tickets_deleted, 0);
}

#[tokio::test]
async fn what_differs_only_once_is_not_believed() {
    let desk = copied(300).await;
    for number in 1..=5 {
        let mut seen = 0;
        desk.simulator.set_hook(Box::new(move |_, _| {
            seen += 1;
            (seen == number).then_some(Fault::CountLies(3))
        }));
        let found = look(&desk).await;
        assert_eq!(found.outcome.word(), "equal", "{number}: {found:?}");
    }
}

/// However many answers are empty at first: where the window turns out to hold what is stored, it is looked at
/// by groups as well.
#[tokio::test]
async fn what_answers_empty_at_first_hides_no_row_that_was_edited() {
    let desk = copied(300).await;
    let id = ticket(&desk, 7);
    let other = format!(
        "UPDATE tickets SET status = CASE status WHEN 'Open' THEN 'Waiting' ELSE 'Open' END WHERE id = '{id}'"
    );
    meddle(&desk, true, &other);
    for empty in 0..=6 {
        let mut seen = 0;
        desk.simulator.set_hook(Box::new(move |_, _| {
            seen += 1;
            (seen <= empty).then_some(Fault::Empty)
        }));
        let found = look(&desk).await;
        assert_eq!(found.outcome.word(), "different", "{empty}: {found:?}");
    }
}

/// A window of which the store has lost all is as empty as an answer by mistake.
#[tokio::test]
async fn a_window_that_was_lost_whole_is_not_equal_where_answers_are_empty_for_a_while() {
    let desk = copied(3).await;
    let lost = "DELETE FROM message_attachments; DELETE FROM messages; DELETE FROM ticket_tags; \
        DELETE FROM ticket_attributes; DELETE FROM ticket_discord_users; DELETE FROM tickets;";
    meddle(&desk, false, lost);
    for first in 1..=12 {
        for length in 1..=2 {
            let mut seen = 0;
            desk.simulator.set_hook(Box::new(move |_, _| {
                seen += 1;
                (first..first + length)
                    .contains(&seen)
                    .then_some(Fault::Empty)
            }));
            let found = look(&desk).await;
            let what = format!("{length} from {first} on: {found:?}");
            assert_eq!(found.outcome.word(), "different", "{what}");
        }
    }
}

/// Empty answers and an empty store are equal where somebody says that the tickets are gone, and nothing else is.
#[tokio::test]
async fn a_store_that_lost_all_of_a_desk_without_tickets_is_equal_where_the_user_says_so() {
    let desk = copied(3).await;
    let ids = desk.world_ids();
    let lost: String = ids.iter().map(|id| LOSE.replace("ID", id)).collect();
    meddle(&desk, false, &lost);
    desk.simulator.with_world(|world| {
        for id in &ids {
            world.remove(id);
        }
    });
    for is_repair in [false, true] {
        let failed = run_with(&desk, is_repair, false)
            .await
            .expect_err("unclear");
        let help = failed.help_text().expect("a way out");
        assert!(help.contains("verify --repair --allow-deletions"), "{help}");
        let (found, exit_code) = run_with(&desk, is_repair, true).await.expect("ends");
        assert_eq!(exit_code, ExitCode::Complete, "{found:?}");
        let told = found
            .remarks
            .iter()
            .any(|remark| remark.contains("3 tickets that runs wrote are lost"));
        assert!(told, "{found:?}");
    }
    // A desk that has its tickets is not empty because somebody says so.
    let desk = copied(3).await;
    meddle(&desk, false, &lost);
    let (found, _) = run_with(&desk, false, true).await.expect("ends");
    assert_eq!(found.outcome.word(), "different", "{found:?}");
}

/// A half that is counted by a copy that lags moves the difference where there is none: it is told of the whole
/// window then, and a repair reads that.
#[tokio::test]
async fn what_is_found_in_neither_half_is_still_a_difference() {
    let desk = copied(300).await;
    let id = ticket(&desk, 7);
    let lacking = format!(
        "DELETE FROM messages WHERE ticket_id = '{id}'; DELETE FROM tickets WHERE id = '{id}'"
    );
    meddle(&desk, false, &lacking);
    let [since, until] = ["2024-01-01", "2024-07-01"].map(|date| format!("{date}T00:00:00.000Z"));
    desk.simulator.set_hook(Box::new(move |request, _| {
        let is_first = request.parameter("startDate") == Some(&since);
        let is_half = is_first && request.parameter("endDate") != Some(&until);
        // As many as are stored: the copy lacks the same ticket.
        is_half.then_some(Fault::CountLies(-1))
    }));
    let found = look(&desk).await;
    assert_eq!(found.outcome.word(), "different", "{found:?}");
    desk.simulator.clear_hook();
    mend(&desk).await;
    assert_eq!(look(&desk).await.outcome.word(), "equal");
}

#[tokio::test]
async fn what_changes_on_the_desk_while_it_is_counted_and_repaired_loses_nothing() {
    let desk = copied(900).await;
    meddle(&desk, false, "DELETE FROM tickets WHERE rowid % 50 = 0");
    let mut number = 0;
    desk.simulator.set_hook(Faults::none_but(move |_, world| {
        number += 1;
        if let Some(id) = world.id_at(number * 7 % world.len()) {
            world.edit(&id, |ticket| ticket.status = "Waiting".into());
        }
    }));
    let (found, _) = run(&desk, true).await.expect("ends");
    assert!(found.repair.is_some(), "{found:?}");
    assert_eq!(desk.live_ids(), desk.world_ids());
    desk.simulator.clear_hook();
    // Whatever the rounds of the first repair left.
    run(&desk, true).await.expect("ends");
    assert_eq!(look(&desk).await.outcome.word(), "equal");
}

#[tokio::test]
async fn what_cannot_be_verified_is_refused_with_the_way_out() {
    let mut desk = Desk::open(SimulatorSpec::new(generated(300))).await;
    let refused = async |desk: &Desk, is_repair, words: &str| {
        let error = run(desk, is_repair).await.expect_err("is refused");
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.help_text().is_some());
    };
    refused(&desk, false, "there is no store").await;
    refused(&desk, true, "there is no store").await;
    assert!(!desk.path().exists());
    let open = Filters {
        status: vec!["Open".into()],
        ..Filters::default()
    };
    desk.settings.filters = open;
    desk.backfill().await.expect("completes");
    refused(&desk, false, "nothing to verify").await;
    desk.settings.filters = Filters::default();
    desk.backfill().await.expect("completes");
    let mut numbers = 0;
    desk.simulator.set_hook(Box::new(move |_, _| {
        numbers += 1;
        (numbers > 4).then_some(Fault::Status(400))
    }));
    desk.backfill().await.expect_err("ends early");
    desk.simulator.clear_hook();
    refused(&desk, true, "unfinished").await;
    assert_eq!(look(&desk).await.outcome.word(), "equal");
    let desk = Desk::open(SimulatorSpec::new(generated(100))).await;
    let demo = Backfill {
        kind: RunKind::Demo,
        ..desk.settings.clone()
    };
    desk.backfill_with(&demo).await.expect("completes");
    refused(&desk, false, "demo").await;
}
