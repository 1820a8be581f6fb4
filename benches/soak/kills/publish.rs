//! Publishing a store that has changed since its last snapshot.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;

use super::images::{Rows, assert_manifest, assert_no_litter, assert_same, image, stored};
use super::support::{BACKFILL, Place, Running, desk, run};
use super::{Victim, copy};

const PUBLISH: &str = "publish --from sqlite:support.db --to parquet:desk --json";

pub(super) struct Publish {
    template: Place,
    /// What the snapshot that is there holds, and what the next one will.
    before: Rows,
    after: Rows,
    /// How long it takes undisturbed.
    whole: Duration,
}

/// The snapshot that `current` names.
fn current(place: &Place) -> PathBuf {
    fs::canonicalize(place.path("desk").join("current")).expect("a snapshot")
}

#[track_caller]
fn assert_whole(snapshot: &Path, expected: &Rows, what: &str) {
    assert_same(&image(snapshot), expected, what);
    assert_manifest(snapshot);
}

impl Victim for Publish {
    const NAME: &'static str = "publish";

    fn new() -> Self {
        let simulator = desk(1_000, 0);
        let template = Place::new();
        run(&mut template.command_at(&simulator, BACKFILL)).expect(0);
        run(&mut template.command(PUBLISH)).expect(0);
        let before = image(&current(&template));
        simulator.with_world(|world| {
            let ids: Vec<String> = world
                .tickets()
                .step_by(3)
                .map(|one| one.id.clone())
                .collect();
            for id in ids {
                world.edit(&id, |ticket| ticket.status = "Waiting".into());
            }
        });
        run(&mut template.command_at(&simulator, BACKFILL)).expect(0);
        let undisturbed = copy(&template);
        let began = Instant::now();
        run(&mut undisturbed.command(PUBLISH)).expect(0);
        let whole = began.elapsed();
        let after = stored(&template.path("support.db"));
        assert_whole(&current(&undisturbed), &after, "undisturbed");
        Self {
            template,
            before,
            after,
            whole,
        }
    }

    fn kill(&mut self, random: &mut StdRng, _: usize) -> bool {
        let place = copy(&self.template);
        let moment = self.whole.mul_f64(random.random_range(0.0..1.05));
        let mut running = Running::start(&mut place.command(PUBLISH));
        std::thread::sleep(moment);
        running.kill();
        let was_killed = running.end().code().is_none();
        let what = format!("killed after {moment:?}");
        let snapshot = current(&place);
        let expected = match snapshot.ends_with("000002") {
            true => &self.after,
            false => &self.before,
        };
        assert_whole(&snapshot, expected, &what);
        run(&mut place.command(PUBLISH)).expect(0);
        assert_whole(&current(&place), &self.after, &what);
        assert_no_litter(&place.path("desk"));
        was_killed
    }
}
