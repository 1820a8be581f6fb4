//! A desk at work: its stories go on.

use std::sync::Arc;

use super::{Campaign, Change, ChangeKind, Changes, Entry, Recasting, Stretch, Ticket, World};
use crate::simulator::world::work::{Actor, Happening, Story, What, Work};
use crate::table::Instant;

impl World {
    /// Lets what the stories say happen to the tickets that are there; returns the positions of those that
    /// are gone then, in order.
    pub(super) fn follow(
        &mut self,
        work: &mut Work,
        stretch: &Stretch<'_>,
        recast: &[(usize, Instant)],
        changes: &mut Changes,
    ) -> Vec<usize> {
        if let Some(campaign) = &stretch.spec.campaign {
            for (position, at) in recast {
                let entry = self.entries.get(*position);
                let story = entry.and_then(|entry| work.story_mut(&entry.ticket));
                if let Some(story) = story {
                    join(story, campaign, *at);
                }
            }
        }
        let mut gone = Vec::new();
        for story in work.moved(stretch.from, stretch.until) {
            let Some(position) = self.place(story.opened()) else {
                continue;
            };
            if let Some(entry) = self.entries.get_mut(position)
                && !go_on(story, entry, &self.directory, stretch, changes)
            {
                gone.push(position);
            }
        }
        gone.sort_unstable();
        gone
    }

    /// Where the ticket is that was opened as this one.
    fn place(&self, opened: &Ticket) -> Option<usize> {
        let from = self
            .entries
            .partition_point(|entry| entry.ticket.created_at < opened.created_at);
        let tied = self.entries.iter().enumerate().skip(from);
        tied.take_while(|(_, entry)| entry.ticket.created_at == opened.created_at)
            .find(|(_, entry)| entry.ticket.id == opened.id)
            .map(|(position, _)| position)
    }

    /// The tickets that come in the stretch and are still there at its end, in order.
    pub(super) fn receive(
        &mut self,
        work: &mut Work,
        stretch: &Stretch<'_>,
        changes: &mut Changes,
    ) -> Vec<Ticket> {
        let before = work.stories().len();
        let (_, directory) = self.parts();
        let range = (stretch.from, stretch.until);
        work.arrive(directory, stretch.spec.seed, stretch.spec.rate, range);
        let come = work.stories().skip(before);
        let arrived: Vec<Ticket> = come
            .filter_map(|story| story.ticket(stretch.until, &self.directory))
            .collect();
        let new = |ticket: &Ticket| Change::new(ticket, ChangeKind::New, ticket.created_at);
        changes.tickets.extend(arrived.iter().map(new));
        arrived
    }
}

/// Lets a story go on; whether the ticket is still there.
fn go_on(
    story: &Story,
    entry: &mut Arc<Entry>,
    directory: &super::Directory,
    stretch: &Stretch<'_>,
    changes: &mut Changes,
) -> bool {
    let mut ticket = entry.ticket.clone();
    let was_resolved = ticket.status == "Resolved";
    let mut happened = Vec::new();
    for one in story.between(stretch.from, stretch.until) {
        if one.what.is_end() {
            let kind = if ticket.status == "Resolved" {
                ChangeKind::DeletedResolved
            } else {
                ChangeKind::DeletedOpen
            };
            changes.tickets.push(Change::new(&ticket, kind, one.at));
            return false;
        }
        story.show(one, &mut ticket, directory);
        happened.push((one.at, kind(one)));
    }
    changes.tell(&ticket, was_resolved, &happened);
    *entry = Entry::new(ticket);
    true
}

/// What a change is told as.
fn kind(one: &Happening) -> ChangeKind {
    match &one.what {
        What::Message => ChangeKind::Message,
        What::Note => ChangeKind::Note,
        What::Rating { .. } => ChangeKind::Rated,
        What::Status { to: "Resolved", .. } => ChangeKind::Resolved,
        What::Status {
            from: "Resolved", ..
        } => ChangeKind::Reopened,
        What::Status { .. } => ChangeKind::Status,
        What::TagAdded(_) if one.by == Actor::Program => ChangeKind::Retagged,
        What::Category { .. } if one.by == Actor::Program => ChangeKind::Recategorised,
        _ => ChangeKind::Edited,
    }
}

/// Makes a campaign part of a ticket's story, where the ticket is there and concerned at that instant.
fn join(story: &mut Story, campaign: &Campaign, at: Instant) {
    let Some(state) = story.state(at) else {
        return;
    };
    let what = match &campaign.recasting {
        Recasting::Tag(id) if !state.tag_ids.iter().any(|one| **one == **id) => {
            What::TagAdded(id.as_str().into())
        }
        Recasting::Category { from, to }
            if state.category_id.as_deref() == Some(from.as_str()) && from != to =>
        {
            What::Category {
                from: state.category_id,
                to: Some(to.as_str().into()),
            }
        }
        _ => return,
    };
    story.add(at, what, Actor::Program);
}
