//! `simulate`: a simulated Mava alone, until it is interrupted.

use serde::Serialize;

use super::interrupt::interruptible;
use crate::error::{ExitCode, Result};
use crate::refresh::DAY_MS;
use crate::settings::Simulation;
use crate::simulator::{self, API_KEY, Faults, Simulator, SimulatorSpec};
use crate::table::Instant;
use crate::terminal::Printer;
use crate::{clock, demo};

/// Serves a simulated Mava until interrupted.
pub(super) async fn simulate(simulation: &Simulation, printer: &Printer) -> Result<ExitCode> {
    let from = match simulation.since {
        Some(since) => since,
        None => demo::first_day()?,
    };
    let until = match simulation.until {
        Some(until) => until,
        None => today(clock::now()?),
    };
    let spec = SimulatorSpec {
        rate_limit: simulation.rate_limit.map(|limit| {
            let requests = usize::try_from(limit.requests).unwrap_or(usize::MAX);
            simulator::RateLimit::new(requests, limit.period)
        }),
        latency: simulation.latency,
        port: simulation.port,
        is_prerendered: simulation.is_prerendered,
        ..SimulatorSpec::new(demo::world(
            simulation.world,
            from,
            until,
            simulation.mean_messages,
        ))
    };
    interruptible(async |cancel| {
        simulator::serve_until(spec, cancel.cancelled(), |simulator| {
            if simulation.fault_rate > 0.0 {
                simulator.set_hook(Faults::random(simulation.world.seed, simulation.fault_rate));
            }
            announce(simulation, simulator, [from, until], printer);
        })
        .await?;
        Ok(ExitCode::Interrupted)
    })
    .await
}

/// The start of a day, so that a desk that is started again on it is the same.
fn today(now: Instant) -> Instant {
    let ms = now.timestamp_millis();
    Instant::from_timestamp_millis(ms - ms.rem_euclid(DAY_MS)).unwrap_or(now)
}

/// What has to be known to talk to a simulated Mava, for machines.
#[derive(Serialize)]
struct Listening {
    base_url: String,
    api_key: &'static str,
}

/// Says where the simulator listens, and how to use it.
fn announce(
    simulation: &Simulation,
    simulator: &Simulator,
    [from, until]: [Instant; 2],
    printer: &Printer,
) {
    if printer.is_json() {
        // Nobody left to read it: it serves all the same.
        let _ = printer.json(&Listening {
            base_url: simulator.base_url(),
            api_key: API_KEY,
        });
        return;
    }
    printer.note(&format!(
        "A simulated Mava with {} tickets, created {} to {}, listens. In another terminal:\n  \
         export MAVA_BASE_URL={} MAVA_API_KEY={API_KEY}\n  \
         mava-export backfill --since {} --to sqlite:simulated.db\n\
         Ctrl-C ends it.",
        simulation.world.tickets,
        from.date_naive(),
        until.date_naive(),
        simulator.base_url(),
        from.date_naive(),
    ));
}
