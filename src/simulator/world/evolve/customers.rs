//! Customers whose attributes change.

use std::collections::BTreeSet;

use chrono::Duration;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::{Changes, CustomerChange, Stretch, World};
use crate::simulator::world::law::{after, days, points};
use crate::simulator::world::opening;
use crate::simulator::world::source::Source;

/// How likely the attributes of a customer change in a day: of one who wrote within
/// [`ACTIVE_DAYS`], and of any other.
const CHANGES: (f64, f64) = (0.003, 0.000_2);

/// See [`CHANGES`].
const ACTIVE_DAYS: i64 = 30;

/// Changes the attributes of some customers.
pub(super) fn change(
    world: &mut World,
    source: &mut Source,
    stretch: &Stretch<'_>,
    changes: &mut Changes,
) {
    let length = days(stretch.from, stretch.until);
    let active_from = stretch.until - Duration::days(ACTIVE_DAYS);
    let recent = world
        .entries
        .partition_point(|entry| entry.ticket.created_at < active_from);
    let (active, idle) = CHANGES;
    let mut chosen: BTreeSet<String> = BTreeSet::new();
    let writers: BTreeSet<&str> = world
        .entries
        .iter()
        .skip(recent)
        .filter_map(|entry| entry.ticket.customer_id.as_deref())
        .collect();
    for id in writers {
        if source.chance((active * length).min(1.0)) {
            chosen.insert(id.to_owned());
        }
    }
    let customers = u32::try_from(world.directory.customers.len()).unwrap_or(u32::MAX);
    for _ in points(&mut source.random, idle * f64::from(customers), 0.0, length) {
        let ticket = world.entries.choose(&mut source.random);
        chosen.extend(ticket.and_then(|entry| entry.ticket.customer_id.clone()));
    }
    if chosen.is_empty() {
        return;
    }
    let directory = world.directory_mut();
    for id in chosen {
        let Some(customer) = directory.customers.get_mut(&id) else {
            continue;
        };
        let at = after(stretch.from, source.random.random::<f64>() * length);
        let attribute = directory.attributes.choose(&mut source.random);
        match attribute.map(|attribute| opening::value(source, attribute)) {
            Some(value) if !customer.attributes.contains(&value) => {
                customer
                    .attributes
                    .retain(|one| one.attribute_id != value.attribute_id);
                customer.attributes.push(value);
            }
            _ => customer.wallet_address = Some(format!("0xsimulated{}", at.timestamp_millis())),
        }
        customer.updated_at = Some(at);
        changes.customers.push(CustomerChange {
            customer_id: id,
            at,
        });
    }
    changes.customers.sort_by_key(|change| change.at);
}
