//! What a sync says may be unseen holds all that it left wrong, and not all there is.

use std::collections::{HashMap, HashSet};

use mava_export::report::{Unseen, What};
use mava_export::simulator::{ChangeKind, Evolution, Fault, Quirks};

use super::*;

/// When each ticket last changed, by what kind of change.
type Truth = HashMap<String, Vec<(What, Instant)>>;

fn kind_of(kind: ChangeKind) -> What {
    match kind {
        ChangeKind::Rated => What::Ratings,
        ChangeKind::ResolvedAgain => What::Resolutions,
        ChangeKind::DeletedOpen | ChangeKind::DeletedResolved => What::Deletions,
        ChangeKind::New
        | ChangeKind::Message
        | ChangeKind::Status
        | ChangeKind::Resolved
        | ChangeKind::Reopened
        | ChangeKind::Note
        | ChangeKind::Edited
        | ChangeKind::Retagged
        | ChangeKind::Recategorised => What::Edits,
    }
}

/// The tickets whose row is not as the desk has it, with their creation.
fn wrong(desk: &Desk) -> Vec<(String, Instant)> {
    let stored: HashSet<String> = desk
        .column(
            "SELECT id || ' ' || coalesce(updated_at, '') FROM tickets WHERE deleted_at IS NULL",
        )
        .into_iter()
        .collect();
    let there = desk.simulator.with_world(|world| {
        let line = |ticket: &Ticket| {
            let updated_at = ticket.updated_at.map(instant_text).unwrap_or_default();
            (format!("{} {updated_at}", ticket.id), ticket.created_at)
        };
        world.tickets().map(line).collect::<Vec<_>>()
    });
    let lines: HashSet<&String> = there.iter().map(|(line, _)| line).collect();
    let missing = there.iter().filter(|(line, _)| !stored.contains(line));
    let mut wrong: Vec<(String, Instant)> = missing
        .map(|(line, at)| (line[..24].to_owned(), *at))
        .collect();
    for line in stored.iter().filter(|line| !lines.contains(line)) {
        let id = line[..24].to_owned();
        let sql = format!("SELECT created_at FROM tickets WHERE id = '{id}'");
        let at = desk.column(&sql).remove(0);
        let at = mava_export::window::parse(&at).expect("an instant");
        if wrong.iter().all(|(known, _)| *known != id) {
            wrong.push((id, at));
        }
    }
    wrong
}

/// When a ticket was last read, and whether its row has a rating.
fn last_read(desk: &Desk, id: &str) -> Option<(Instant, bool)> {
    let sql = format!(
        "SELECT i.verified_at_ms || ' ' || (t.csat IS NOT NULL)
         FROM _ticket_index AS i JOIN tickets AS t ON t.id = i.id WHERE i.id = '{id}'"
    );
    let row = desk.column(&sql).pop()?;
    let (at_ms, is_rated) = row.split_once(' ')?;
    let at = Instant::from_timestamp_millis(at_ms.parse().ok()?)?;
    Some((at, is_rated == "1"))
}

/// Whether each change of a ticket since it was last read lies inside what was said.
fn is_inside(
    all: &[Unseen],
    created_at: Instant,
    read: Option<(Instant, bool)>,
    changes: &[(What, Instant)],
) -> bool {
    let created = instant_text(created_at);
    let said = |what: What, at: Instant| {
        all.iter().any(|one| {
            // A rating of a ticket that has one is an edit of it.
            let is_edit = what == What::Ratings && read.is_some_and(|(_, is_rated)| is_rated);
            let is_of_it = one.what == what || is_edit && one.what == What::Edits;
            is_of_it
                && one.created_from <= created
                && created < one.created_until
                && one
                    .since
                    .as_ref()
                    .is_none_or(|since| *since <= instant_text(at))
        })
    };
    let is_unseen = |at: Instant| read.is_none_or(|(read_at, _)| read_at < at);
    let mut unseen = changes.iter().filter(|(_, at)| is_unseen(*at)).peekable();
    unseen.peek().is_some() && unseen.all(|(what, at)| said(*what, *at))
}

fn tickets_told(all: &[Unseen]) -> u64 {
    let edits = all.iter().filter(|one| one.what == What::Edits);
    edits.map(|one| one.tickets).sum()
}

#[tokio::test]
async fn whatever_a_short_sync_left_wrong_lies_inside_what_it_said_may_be_unseen() {
    for seed in 1..=3 {
        let mut left_wrong = 0;
        for requests in [0, 40, 70] {
            let desk = copied(generated(seed, 9_000, 0.5), Quirks::default()).await;
            let evolution = Evolution {
                seed,
                rate: 30.0,
                ..Evolution::default()
            };
            let mut truth = Truth::new();
            for night in 0..6 {
                let from = NOW + TimeDelta::days(night - 1);
                let until = NOW + TimeDelta::days(night);
                let changes = desk
                    .simulator
                    .with_world(|world| world.evolve(&evolution, from, until));
                for change in changes.tickets {
                    let known = truth.entry(change.ticket_id).or_default();
                    known.push((kind_of(change.kind), change.at));
                }
                desk.set_now(until);
                let short = Sync {
                    whole: Whole::IfItFits,
                    spend: Spend::requests(requests),
                    ..settings(&desk)
                };
                let (summary, exit_code) = sync_with(&desk, &short).await.expect("a sync");
                let all = summary.may_be_unseen.clone().expect("told");
                for (id, created_at) in wrong(&desk) {
                    left_wrong += 1;
                    let changes = truth.get(&id).map(Vec::as_slice).unwrap_or_default();
                    assert!(
                        is_inside(&all, created_at, last_read(&desk, &id), changes),
                        "seed {seed}, night {night}: {id} of {created_at}, {changes:?}, in {all:#?}"
                    );
                }
                let tickets = u64::try_from(summary.tickets).expect("few");
                assert!(tickets_told(&all) < tickets * 99 / 100, "{all:#?}");
                let is_known = all
                    .iter()
                    .any(|one| one.counted.is_some_and(|count| count > 0));
                assert_eq!(exit_code == ExitCode::Incomplete, is_known, "{summary:#?}");
                let told = desk
                    .column("SELECT may_be_unseen_json FROM snapshots ORDER BY id DESC LIMIT 1");
                let told: Vec<Unseen> = serde_json::from_str(&told[0]).expect("JSON");
                assert_eq!(told, all);
            }
        }
        assert!(left_wrong > 0, "seed {seed}: nothing was missed");
    }
}

#[tokio::test]
async fn a_loss_that_was_counted_and_not_found_keeps_exit_code_3_until_it_is() {
    let desk = copied(recent(6_000), Quirks::default()).await;
    let old = ids(&desk, |ticket| is_resolved(ticket, 100, 250));
    desk.simulator.with_world(|world| {
        world.remove(&old[10]);
        world.remove(&old[20]);
    });
    let rated = ids(&desk, |ticket| {
        is_resolved(ticket, 200, 280) && ticket.csat.is_none()
    });
    edit(&desk, &rated[5], |ticket| ticket.csat = Some(4));
    let within = |requests| Sync {
        whole: Whole::IfItFits,
        spend: Spend::requests(requests),
        ..settings(&desk)
    };
    for _ in 0..2 {
        let (summary, exit_code) = sync_with(&desk, &within(0)).await.expect("a sync");
        assert_eq!(exit_code, ExitCode::Incomplete, "{summary:#?}");
        let all = summary.may_be_unseen.expect("told");
        let of = |what| {
            let mut of_it = all.iter().filter(|one| one.what == what);
            of_it.next().and_then(|one| one.counted)
        };
        assert_eq!(
            (of(What::Deletions), of(What::Ratings)),
            (Some(2), Some(1)),
            "{all:#?}"
        );
        assert_eq!(summary.summary.tickets_deleted, 0);
        desk.set_now(desk.now() + TimeDelta::hours(1));
    }
    let (summary, exit_code) = sync_with(&desk, &within(60)).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:#?}");
    assert_eq!(summary.summary.tickets_deleted, 2, "{summary:#?}");
    assert_current(&desk);
}

#[tokio::test]
async fn a_desk_that_is_read_in_full_leaves_nothing_unseen() {
    let desk = copied(recent(2_000), Quirks::default()).await;
    let whole = Sync {
        whole: Whole::IfItFits,
        spend: Spend::requests(900),
        ..settings(&desk)
    };
    let (summary, exit_code) = sync_with(&desk, &whole).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete);
    assert_eq!(summary.may_be_unseen, Some(Vec::new()));
    assert_eq!(summary.syncs_for_all, Some(1));
    let bare = Sync {
        has_messages: false,
        ..whole
    };
    let (summary, _) = sync_with(&desk, &bare).await.expect("a sync");
    let all = summary.may_be_unseen.expect("told");
    assert_eq!(
        all.iter().map(|one| one.what).collect::<Vec<_>>(),
        [What::Messages]
    );
    assert_eq!(i64::try_from(all[0].tickets), Ok(summary.tickets));
    let last = desk.column("SELECT max(created_at) FROM tickets");
    assert!(last[0] < all[0].created_until, "{all:?}");
}

/// Old tickets without a rating that no list of those that took longest to resolve shows.
fn quick_unrated(desk: &Desk) -> Vec<String> {
    ids(desk, |ticket| {
        let is_quick = ticket
            .resolution_time_ms
            .is_some_and(|time| time < 3_600_000);
        is_resolved(ticket, 200, 280) && is_quick
    })
}

/// A rated ticket goes, and another of its year is rated: there are as many ratings as before.
#[tokio::test]
async fn a_rating_that_stands_in_for_one_that_is_gone_is_found() {
    let desk = copied(generated(7, 9_000, 0.5), Quirks::default()).await;
    let from = NOW - TimeDelta::days(280);
    let rated = ids(&desk, |ticket| {
        let is_old = (from..from + TimeDelta::days(80)).contains(&ticket.created_at);
        is_old && ticket.csat.is_some() && ticket.status.as_ref() == "Resolved"
    });
    let unrated = quick_unrated(&desk);
    desk.simulator.with_world(|world| world.remove(&rated[3]));
    edit(&desk, &unrated[3], |ticket| ticket.csat = Some(2));
    let of = |requests| Sync {
        spend: Spend::requests(requests),
        ..settings(&desk)
    };
    // With nothing to spend neither is found, and the next sync does not take the counts for a proof.
    let (summary, exit_code) = sync_with(&desk, &of(0)).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Incomplete, "{summary:#?}");
    let all = summary.may_be_unseen.expect("told");
    let created_at = desk
        .simulator
        .with_world(|world| world.ticket(&unrated[3]).expect("there").created_at);
    let is_told = all.iter().any(|one| {
        let window = one.window().expect("a range");
        one.what == What::Ratings && window.contains(created_at)
    });
    assert!(is_told, "{all:#?}");
    desk.set_now(desk.now() + TimeDelta::hours(1));
    let (summary, exit_code) = sync_with(&desk, &of(60)).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:#?}");
    assert_eq!(summary.summary.tickets_deleted, 1, "{summary:#?}");
    let csat = format!("SELECT csat FROM tickets WHERE id = '{}'", unrated[3]);
    assert_eq!(desk.column(&csat), ["2"], "{summary:#?}");
}

/// Ratings that were missing are not found by a count that does not come, or is of something else.
#[tokio::test]
async fn ratings_that_were_missing_and_are_not_counted_again_are_still_missing() {
    let desk = copied(recent(2_500), Quirks::default()).await;
    let unrated = quick_unrated(&desk);
    edit(&desk, &unrated[0], |ticket| ticket.csat = Some(4));
    let least = Sync {
        spend: Spend::requests(0),
        ..settings(&desk)
    };
    let (summary, _) = sync_with(&desk, &least).await.expect("a sync");
    assert_eq!(summary.ratings_outstanding, Some(1), "{summary:#?}");
    for is_ignored in [true, false] {
        desk.simulator.set_hook(Box::new(move |request, _| {
            let mut other = request.clone();
            other.parameters.retain(|(name, _)| name != "csatValues");
            let is_of_ratings = other.parameters.len() < request.parameters.len();
            is_of_ratings.then(|| match is_ignored {
                true => Fault::AnswerTo(Box::new(other)),
                false => Fault::Status(413),
            })
        }));
        desk.set_now(desk.now() + TimeDelta::hours(1));
        let (summary, exit_code) = sync_with(&desk, &least).await.expect("a sync");
        assert_eq!(
            exit_code,
            ExitCode::Incomplete,
            "{is_ignored}: {summary:#?}"
        );
    }
    desk.simulator.clear_hook();
    let (summary, exit_code) = sync_with(&desk, &settings(&desk)).await.expect("a sync");
    assert_eq!(exit_code, ExitCode::Complete, "{summary:#?}");
}

/// Whatever a sync may spend: a ticket that is gone is flagged, or counted among those that were not found.
#[tokio::test]
async fn each_loss_is_flagged_or_told_whatever_a_sync_may_spend() {
    let desk = copied(recent(6_000), Quirks::default()).await;
    each_loss_is_flagged_or_told(&desk, (100, 250), 12).await;
}

/// The lists of resolved tickets reach from one year into the next.
#[tokio::test]
async fn each_loss_in_any_year_is_flagged_or_told_whatever_a_sync_may_spend() {
    let mut desk = Desk::open(SimulatorSpec::new(World::generate(&WorldSpec {
        seed: 3,
        tickets: 5_000,
        from: NOW - TimeDelta::days(1_400),
        until: NOW - TimeDelta::days(2),
        mean_messages: 0.5,
    })))
    .await;
    desk.set_now(NOW - TimeDelta::days(1));
    desk.settings.since = NOW - TimeDelta::days(1_401);
    desk.settings.until = None;
    desk.backfill().await.expect("a backfill");
    desk.set_now(NOW);
    each_loss_is_flagged_or_told(&desk, (20, 1_390), 20).await;
}

/// Removes nine tickets of such an age in days, and syncs with ever more requests.
async fn each_loss_is_flagged_or_told(desk: &Desk, (young, old): (i64, i64), least: u64) {
    let kept = desk.path().with_extension("kept");
    copy(&desk.path(), &kept);
    let old = ids(desk, |ticket| is_resolved(ticket, young, old));
    // Neighbours, which one page shows to be gone, and some far apart.
    let far = [3, 5, 7].map(|tenths| old.len() * tenths / 10);
    desk.simulator.with_world(|world| {
        for place in (10..16).chain(far) {
            world.remove(&old[place]);
        }
    });
    let mut flagged_by = Vec::new();
    for requests in (least..=least + 60).step_by(4) {
        copy(&kept, &desk.path());
        let within = Sync {
            whole: Whole::IfItFits,
            spend: Spend::requests(requests),
            ..settings(desk)
        };
        let (summary, exit_code) = sync_with(desk, &within).await.expect("a sync");
        let flagged = desk.number("SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL");
        let told = summary.may_be_unseen.clone().expect("told").into_iter();
        let told = told.filter(|one| one.what == What::Deletions);
        let told: u64 = told.map(|one| one.tickets).sum();
        let flagged = u64::try_from(flagged).expect("few");
        assert_eq!(flagged + told, 9, "{requests} requests: {summary:#?}");
        assert_eq!(
            exit_code == ExitCode::Complete,
            told == 0,
            "{requests} requests: {summary:#?}"
        );
        flagged_by.push(flagged);
    }
    assert_eq!(
        (flagged_by.first(), flagged_by.last()),
        (Some(&0), Some(&9))
    );
    assert!(
        flagged_by.iter().any(|flagged| (1..9).contains(flagged)),
        "{flagged_by:?}"
    );
}

/// What was missing and could not be counted again is not known to be found.
#[tokio::test]
async fn a_sync_whose_counts_fail_does_not_end_well() {
    let mut world = recent(2_500);
    // Of a status that no list is asked for by, so that every window is counted by itself.
    for id in world.insert_burst(NOW - TimeDelta::days(90), 3) {
        world.edit(&id, |ticket| ticket.status = "Spam".into());
    }
    let desk = copied(world, Quirks::default()).await;
    let rated = quick_unrated(&desk);
    edit(&desk, &rated[0], |ticket| ticket.csat = Some(4));
    let least = Sync {
        spend: Spend::requests(0),
        ..settings(&desk)
    };
    let (summary, exit_code) = sync_with(&desk, &least).await.expect("a sync");
    assert_eq!(summary.ratings_outstanding, Some(1), "{summary:#?}");
    assert_eq!(exit_code, ExitCode::Incomplete);
    // A sync that counts no rating at all knows no better.
    for is_refused in [true, false] {
        let parameter = if is_refused {
            "csatValues"
        } else {
            "includeMessages"
        };
        desk.simulator.set_hook(Box::new(move |request, _| {
            let is_count = request.parameter("sortOrder") == Some("desc")
                && request.parameter("sortBy") == Some("createdAt");
            (is_count && request.parameter(parameter).is_some()).then_some(Fault::Status(400))
        }));
        let (summary, exit_code) = sync(&desk).await;
        assert_eq!(exit_code, ExitCode::Incomplete, "{summary:#?}");
        let step = if is_refused { "ratings" } else { "deletions" };
        let told = format!("{step} ended early");
        assert!(has_remark(&summary, &told), "{summary:#?}");
        desk.simulator.clear_hook();
    }
    let (summary, exit_code) = sync(&desk).await;
    assert_eq!(exit_code, ExitCode::Complete, "{summary:#?}");
    assert_current(&desk);
}
