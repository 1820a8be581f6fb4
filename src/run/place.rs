//! Where a run's store lies, and the directory that it is to be published to.

use crate::error::Result;
use crate::publish;
use crate::settings::{MetricsSettings, StoreSettings};
use crate::store::{OWNERS_ONLY, OpenOptions, Store};
use crate::table::Instant;

/// Opens the store that a run writes. The directory that it is to be published to comes first: better
/// now than after the run, since it may be in another's hands.
///
/// # Errors
/// The directory cannot be made, or the store cannot be used.
pub(crate) fn open(settings: &StoreSettings, now: Instant) -> Result<Store> {
    create_directory(settings)?;
    let options = OpenOptions {
        file_mode: settings.file_mode,
        now,
    };
    let mut store = Store::open(&settings.path, &options)?;
    measure_by(&mut store, &settings.metrics);
    Ok(store)
}

/// Tells a store how metrics are computed, and what tags are called.
pub(crate) fn measure_by(store: &mut Store, metrics: &MetricsSettings) {
    store.measure_by(metrics.schedule(), metrics.fingerprint());
    store.count_days_in(metrics.time_zone);
    store.name_by(metrics.names.clone());
    store.promise_by(metrics.policies.clone());
}

/// Makes the directory that the store is to lie in, if it is to be published.
///
/// # Errors
/// It cannot be made.
fn create_directory(settings: &StoreSettings) -> Result<()> {
    settings.publish.as_ref().map_or(Ok(()), |target| {
        // The store in it remembers others, if there is one: a publish gives them.
        let file_mode = settings.file_mode.unwrap_or(OWNERS_ONLY);
        publish::create_directory(&target.directory, file_mode)
    })
}

/// Looks whether the store may lie in the directory that it is to be published to.
///
/// # Errors
/// See [`publish::check_directory`].
pub(crate) fn check_directory(settings: &StoreSettings) -> Result<()> {
    settings
        .publish
        .as_ref()
        .map_or(Ok(()), |target| publish::check_directory(&target.directory))
}
