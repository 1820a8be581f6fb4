//! Night after night on a desk that a sync can read in full: each morning the store is the desk, row by row
//! in every table.

use chrono::TimeDelta;
use mava_export::error::ExitCode;
use mava_export::settings::{Spend, Sync, Whole};
use mava_export::simulator::{
    Campaign, Evolution, Message, Shape, SimulatorSpec, World, WorldSpec,
};
use mava_export::sync;
use mava_export::table::{Instant, RunKind};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::support::{Desk, NOW, expected};

/// What `--spend` allows unless it is given: five minutes at 90 requests in 30 seconds.
const USUAL: u64 = 900;

/// A desk, and how long it is followed.
pub(crate) struct Nights {
    pub(crate) seed: u64,
    pub(crate) tickets: usize,
    /// Days from the first ticket to the last.
    pub(crate) days: i64,
    pub(crate) nights: i64,
}

impl Nights {
    /// Syncs every night, and holds the store against the desk each morning. Gives how many tickets were
    /// deleted meanwhile.
    pub(crate) async fn follow(&self) -> usize {
        let evening = NOW - TimeDelta::days(self.nights);
        let first = evening - TimeDelta::days(self.days);
        let mut desk = Desk::open(SimulatorSpec::new(World::generate(&WorldSpec {
            seed: self.seed,
            tickets: self.tickets,
            from: first,
            until: evening - TimeDelta::minutes(30),
            mean_messages: 2.0,
        })))
        .await;
        desk.set_now(evening);
        desk.settings.since = first - TimeDelta::days(1);
        desk.settings.until = None;
        let (summary, exit_code) = desk.backfill().await.expect("a backfill");
        assert_eq!(exit_code, ExitCode::Complete, "{summary:?}");
        let mut random = StdRng::seed_from_u64(self.seed);
        for night in 1..=self.nights {
            let until = evening + TimeDelta::days(night);
            desk.simulator.with_world(|world| {
                world.evolve(
                    &self.evolution(night, world),
                    until - TimeDelta::days(1),
                    until,
                );
                change_any(world, &mut random, until - TimeDelta::hours(1));
            });
            desk.set_now(until);
            self.sync(night, &desk).await;
        }
        desk.number("SELECT count(*) FROM tickets WHERE deleted_at IS NOT NULL")
            .try_into()
            .expect("a count")
    }

    /// Ten in ten thousand tickets a night, and every tenth night old ones are tagged or moved in bulk.
    fn evolution(&self, night: i64, world: &World) -> Evolution {
        let category = |place: usize| world.directory().categories[place].id.clone();
        let campaign = match night % 10 {
            4 => Some(Campaign::tag(world.directory().tags[0].id.clone())),
            8 => Some(Campaign::category(category(0), category(1))),
            _ => None,
        };
        Evolution {
            seed: self.seed,
            rate: (self.tickets as f64 / 1_000.0).max(10.0),
            campaign,
            ..Evolution::default()
        }
    }

    async fn sync(&self, night: i64, desk: &Desk) {
        desk.simulator.clear_requests();
        let settings = Sync {
            kind: RunKind::Backfill,
            since: None,
            whole: Whole::IfItFits,
            spend: Spend::requests(USUAL),
            has_messages: true,
            max_lanes: 16,
            allow_deletions: false,
            store: desk.settings.store.clone(),
        };
        let context = desk.context().expect("a client");
        let (summary, exit_code) = sync::sync(&context, &settings).await.expect("a sync");
        let what = format!("{} tickets, night {night}", self.tickets);
        assert_eq!(exit_code, ExitCode::Complete, "{what}: {summary:?}");
        assert_eq!(summary.may_be_unseen, Some(Vec::new()), "{what}");
        let world = desk.simulator.world();
        let days = self.days + 1 + night;
        let windows = usize::try_from(days).expect("few").div_ceil(365);
        let most = world.len().div_ceil(99) * 102 / 100 + 3 * windows + 5;
        let requests = desk.simulator.requests().len();
        assert!(requests <= most, "{what}: {requests} requests of {most}");
        let audit = desk.audit();
        assert!(audit.is_whole(), "{what}: {audit:?}");
        // What was deleted stays, flagged, and so do customers who have no other ticket.
        let gone = desk.column("SELECT id FROM tickets WHERE deleted_at IS NOT NULL");
        let bygone = desk.column(
            "SELECT customer_id FROM tickets WHERE customer_id IS NOT NULL
             GROUP BY customer_id HAVING max(deleted_at IS NULL) = 0",
        );
        assert!(gone.iter().all(|id| world.ticket(id).is_none()), "{what}");
        desk.rows()
            .without_tickets(&gone)
            .without_customers(&bygone)
            .assert_equal(&expected(&world, Shape::default()), &what);
    }
}

/// What may happen to a ticket of any age.
fn change_any(world: &mut World, random: &mut StdRng, at: Instant) {
    let ids: Vec<String> = world.tickets().map(|ticket| ticket.id.clone()).collect();
    let tag_id = world.directory().tags[1].id.clone();
    for number in 0..5 {
        let id = ids.choose(random).expect("a ticket");
        if number == 0 {
            world.remove(id);
            continue;
        }
        let rating = random.random_range(1..6);
        world.edit(id, |ticket| {
            match number {
                1 => ticket.reopen(at),
                2 => ticket.csat = Some(rating),
                3 if ticket.tag_ids.contains(&tag_id) => ticket.tag_ids.clear(),
                3 => ticket.tag_ids.push(tag_id.clone()),
                _ => {
                    let id = format!("{:08x}{:016x}", 0xfeed, random.random::<u64>());
                    let mut note = Message::new(id, at, "called them");
                    note.message_type = "InternalNote".into();
                    note.sender_type = "agent".into();
                    ticket.messages.push(note);
                }
            }
            ticket.updated_at = Some(at);
        });
    }
}
