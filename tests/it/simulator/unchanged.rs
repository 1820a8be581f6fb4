//! Desks that are not at work stay, to the byte, what a seed gave before there was such work.

use chrono::TimeDelta;
use mava_export::simulator::{Campaign, Evolution, SimulatorSpec, World, WorldSpec};

use super::{at, send, start};

/// The hash of everything that a desk of this seed is answered with: as it is made, and three days later.
async fn hash(seed: u64) -> String {
    let mut world = World::generate(&WorldSpec {
        seed,
        tickets: 300,
        ..WorldSpec::default()
    });
    let mut hasher = blake3::Hasher::new();
    let mut now = at("2024-07-01T00:00:00Z");
    for day in 0..2 {
        let simulator = start(SimulatorSpec::new(world.clone())).await;
        let mut targets = vec!["/api/categories".to_owned(), "/api/agents".to_owned()];
        targets.extend((0..4).map(|page| {
            format!(
                "/api/tickets?startDate=2024-01-01&endDate=2024-12-01&limit=100&skip={}&includeMessages=true",
                page * 100
            )
        }));
        for target in targets {
            let response = send(&simulator, &target).await.expect("an answer");
            assert_eq!(response.status().as_u16(), 200);
            hasher.update(&response.bytes().await.expect("a whole body"));
        }
        let spec = Evolution {
            seed,
            campaign: (day == 0).then(|| Campaign::tag(&world.directory().tags[10].id)),
            ..Evolution::default()
        };
        let until = now + TimeDelta::days(3);
        let changes = world.evolve(&spec, now, until);
        hasher.update(changes.lines().as_bytes());
        now = until;
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

#[tokio::test]
async fn a_desk_that_is_not_at_work_is_the_same_to_the_byte_as_before_desks_could_be() {
    for (seed, expected) in [
        (1, "8ed05b4ed6bd348a"),
        (2, "75a09f7209361427"),
        (77, "9ca96954b4187cc1"),
    ] {
        assert_eq!(hash(seed).await, expected, "seed {seed}");
    }
}
