//! New tickets.

use std::sync::Arc;

use super::event::Desk;
use super::{Change, ChangeKind, Changes, Stretch, Ticket, World, life};
use crate::simulator::world::law::{after, days, points};
use crate::simulator::world::source::Source;
use crate::simulator::world::{opening, season};

/// The tickets created in the stretch and still there at its end, in order.
pub(super) fn draw(
    world: &mut World,
    source: &mut Source,
    stretch: &Stretch<'_>,
    changes: &mut Changes,
) -> Vec<Ticket> {
    let spec = stretch.spec;
    let most = spec.rate * season::BUSIEST;
    let mut arrived: Vec<Ticket> = Vec::new();
    let (entries, directory) = world.parts();
    for point in points(
        &mut source.random,
        most,
        0.0,
        days(stretch.from, stretch.until),
    ) {
        let created_at = after(stretch.from, point);
        if created_at >= stretch.until || !source.chance(season::busyness(created_at)) {
            continue;
        }
        let back = opening::returning(source, spec.rate);
        let earlier = back.and_then(|back| {
            let before = entries.len();
            let place = (before + arrived.len()).checked_sub(back)?;
            match place.checked_sub(before) {
                Some(place) => arrived.get(place),
                None => entries.get(place).map(|entry| &entry.ticket),
            }
        });
        let opened = opening::opened(source, directory, earlier, created_at, spec.has_messages);
        arrived.push(opened);
    }
    let mut desk = Desk::new(source, Arc::clone(&world.directory), stretch);
    arrived.retain_mut(|ticket| {
        let life = life::draw(desk.source, ticket, stretch, None);
        if life.deleted_at.is_some() {
            return false;
        }
        desk.open(ticket);
        desk.happen(ticket, &life);
        let change = Change::new(ticket, ChangeKind::New, ticket.created_at);
        changes.tickets.push(change);
        true
    });
    arrived
}
