//! `simulate`: a simulated Mava alone, until it is interrupted.

use serde::Serialize;

use super::interrupt::interruptible;
use crate::error::{Error, ExitCode, Result};
use crate::refresh::DAY_MS;
use crate::settings::{Live, Simulation};
use crate::simulator::{
    self, API_KEY, Day, Event, Faults, Life, Simulator, SimulatorSpec, Truth, World,
};
use crate::table::{Instant, instant_text};
use crate::terminal::{Printer, counted};
use crate::window::Window;
use crate::{clock, demo};

/// How far the clock of a desk that lives on may be from a client's.
const CLOCK_TOLERANCE: &str = "100y";

/// Serves a simulated Mava until interrupted.
pub(super) async fn simulate(simulation: &Simulation, printer: &Printer) -> Result<ExitCode> {
    // First, since a large desk takes its time.
    let truth = simulation
        .live
        .as_ref()
        .and_then(|live| live.truth.as_deref());
    let mut truth = truth.map(Truth::begin).transpose()?;
    let range = range(simulation)?;
    let world = demo::simulated(simulation, range);
    if let Some(truth) = &mut truth {
        truth.open(&world, range.until())?;
    }
    let spec = spec(simulation, range, world);
    interruptible(async |cancel| {
        let simulator = Simulator::start(spec).await?;
        if simulation.fault_rate > 0.0 {
            simulator.set_hook(Faults::random(simulation.world.seed, simulation.fault_rate));
        }
        announce(simulation, &simulator, range, printer);
        match &simulation.live {
            None => cancel.cancelled().await,
            Some(live) => tokio::select! {
                () = cancel.cancelled() => {}
                error = simulator.live(
                    life(simulation, live, range),
                    clock::reading,
                    follower(truth, &simulator, printer),
                ) => return Err(error),
            },
        }
        Ok(ExitCode::Interrupted)
    })
    .await
}

/// The range of creation of the desk as it begins.
fn range(simulation: &Simulation) -> Result<Window> {
    let from = match simulation.since {
        Some(since) => since,
        None => demo::first_day()?,
    };
    let until = match simulation.until {
        Some(until) => until,
        None => today(clock::now()?),
    };
    Window::new(from, until).ok_or_else(|| {
        Error::usage(format!(
            "the desk would have no day: it opens at {} and ends at {}",
            instant_text(from),
            instant_text(until)
        ))
        .help("give an earlier --since, or a later --until")
    })
}

fn spec(simulation: &Simulation, range: Window, world: World) -> SimulatorSpec {
    SimulatorSpec {
        rate_limit: simulation.rate_limit.map(|limit| {
            let requests = usize::try_from(limit.requests).unwrap_or(usize::MAX);
            simulator::RateLimit::new(requests, limit.period)
        }),
        latency: simulation.latency,
        port: simulation.port,
        is_prerendered: simulation.is_prerendered,
        now: simulation.live.as_ref().map(|_| range.until()),
        ..SimulatorSpec::new(world)
    }
}

/// The start of a day, so that a desk that is started again on it is the same.
fn today(now: Instant) -> Instant {
    let ms = now.timestamp_millis();
    Instant::from_timestamp_millis(ms - ms.rem_euclid(DAY_MS)).unwrap_or(now)
}

/// How the desk lives on: as busy as it was.
fn life(simulation: &Simulation, live: &Live, range: Window) -> Life {
    let days = (range.until() - range.from()).as_seconds_f64() / 86_400.0;
    Life {
        seed: simulation.world.seed,
        rate: f64::from(simulation.world.tickets) / days,
        from: range.until(),
        day_every: live.day_every,
    }
}

/// Writes down and says what happens on the desk.
fn follower<'a>(
    mut truth: Option<Truth>,
    simulator: &'a Simulator,
    printer: &'a Printer,
) -> impl FnMut(Event) -> Result<()> + use<'a> {
    move |event| {
        match event {
            Event::Hour(changes) => {
                if let Some(truth) = &mut truth {
                    simulator.with_world(|world| truth.hour(world, &changes))?;
                }
            }
            Event::Day(day) => printer.remark(&told(&day)),
            Event::CaughtUp(now) => printer.remark(&format!(
                "The desk has caught up with this machine's clock ({}). From now on its days take as long as real ones.",
                now.format("%Y-%m-%d %H:%M")
            )),
        }
        Ok(())
    }
}

/// A day in a line.
fn told(day: &Day) -> String {
    let recast = match day.recast {
        0 => String::new(),
        recast => format!(", {recast} of them tagged in bulk"),
    };
    format!(
        "{}: {} on the desk. In a day, {} new, {} changed{recast}, {} deleted; {} changed.",
        day.until.format("%Y-%m-%d"),
        counted(day.tickets, "ticket"),
        day.new,
        day.changed,
        day.deleted,
        counted(day.customers, "customer"),
    )
}

/// What has to be known to talk to a simulated Mava, for machines.
#[derive(Serialize)]
struct Listening {
    base_url: String,
    api_key: &'static str,
    /// Of a desk that lives on.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_tolerance: Option<&'static str>,
}

/// Says where the simulator listens, and how to use it.
fn announce(simulation: &Simulation, simulator: &Simulator, range: Window, printer: &Printer) {
    let live = simulation.live.as_ref();
    if printer.is_json() {
        // Nobody left to read it: it serves all the same.
        let _ = printer.json(&Listening {
            base_url: simulator.base_url(),
            api_key: API_KEY,
            clock_tolerance: live.map(|_| CLOCK_TOLERANCE),
        });
        return;
    }
    let (from, until) = (range.from().date_naive(), range.until().date_naive());
    let (listens, variable, sync) = match live {
        None => ("listens. In".to_owned(), String::new(), ""),
        Some(live) => (
            format!(
                "listens. A day passes on it every {}. Its clock is not this machine's: \
                 the third variable makes commands go by it. In",
                humantime::format_duration(live.day_every)
            ),
            format!(" MAVA_EXPORT_CLOCK_TOLERANCE={CLOCK_TOLERANCE}"),
            "  mava-export sync --to sqlite:simulated.db\n",
        ),
    };
    printer.note(&format!(
        "A simulated Mava with {} tickets, created {from} to {until}, {listens} another terminal:\n  \
         export MAVA_BASE_URL={} MAVA_API_KEY={API_KEY}{variable}\n  \
         mava-export backfill --since {from} --to sqlite:simulated.db\n{sync}\
         Ctrl-C ends it.",
        simulator.with_world(|world| world.len()),
        simulator.base_url(),
    ));
}
