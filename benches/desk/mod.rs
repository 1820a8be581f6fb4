//! A simulated desk of three years, copied into a store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mava_export::api::Client;
use mava_export::clock::Clock;
use mava_export::report::Progress;
use mava_export::run::{self, Context};
use mava_export::settings::{
    Backfill, BudgetSettings, Connection, Filters, MetricsSettings, RetrySettings, StoreSettings,
    Timeouts,
};
use mava_export::simulator::Simulator;
use mava_export::table::RunKind;
use mava_export::window;
use secrecy::SecretString;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Copies the tickets created from 2023 to 2025, as the command does.
pub(crate) fn backfill(simulator: &Simulator, store: &Path, metrics: MetricsSettings) {
    let connection = Connection {
        base_url: simulator.base_url().parse().unwrap(),
        api_key: SecretString::from(simulator.api_key().to_owned()),
        budget: BudgetSettings {
            rate_limit: None,
            share_percent: 100,
            margin: Duration::from_millis(300),
            state_dir: None,
        },
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(60),
        },
        retry: RetrySettings {
            attempts: 5,
            total: Duration::from_secs(60),
            pause: Duration::from_millis(50),
        },
        clock: Clock::default(),
        // The simulated desk lives on days of its own.
        clock_tolerance: Duration::MAX,
        max_body_bytes: 256 << 20,
    };
    let settings = Backfill {
        kind: RunKind::Backfill,
        since: window::parse("2023-01-01").unwrap(),
        until: Some(window::parse("2026-01-01").unwrap()),
        filters: Filters::default(),
        has_messages: true,
        max_lanes: 16,
        allow_deletions: false,
        store: StoreSettings {
            path: store.to_owned(),
            file_mode: None,
            publish: None,
            metrics,
        },
    };
    let context = Context {
        client: Arc::new(Client::new(&connection, rand::random).unwrap()),
        cancel: CancellationToken::new(),
        progress: watch::Sender::new(Progress::default()),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime
        .block_on(run::backfill(&context, &settings))
        .unwrap();
}
