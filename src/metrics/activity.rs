//! When people wrote: what totals need of a thread, kept so that they need not read it again.

use serde::{Deserialize, Serialize};

use super::input::Ticket;
use super::replies::{self, Reply};
use super::thread::{Side, Thread};

/// When humans replied to a ticket and when its customer wrote, in milliseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    /// Replies by humans, in order, each with its sender.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<(i64, Option<String>)>,
    /// Messages by the customer, in order.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub customer: Vec<i64>,
    /// The last humans' message from before the ticket, with its sender; none where there is no such message.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub before: Option<(i64, Option<String>)>,
}

impl Activity {
    pub(super) fn of(ticket: &Ticket<'_>, thread: &Thread<'_>) -> Self {
        let reply = |reply: Reply<'_>| {
            let sender = reply.sender_id.map(str::to_owned);
            (reply.at.timestamp_millis(), sender)
        };
        let said = thread.said.iter();
        let customer = said.filter(|said| said.side == Side::Customer);
        let earlier = thread
            .said
            .iter()
            .rfind(|said| said.side == Side::Human && said.at < ticket.created_at);
        Self {
            replies: replies::of_humans(ticket, thread).map(reply).collect(),
            customer: customer.map(|said| said.at.timestamp_millis()).collect(),
            before: earlier.map(|said| {
                let sender = said.sender_id.map(str::to_owned);
                (said.at.timestamp_millis(), sender)
            }),
        }
    }

    /// As it is stored; none where there is nothing to keep.
    pub fn text(&self) -> Option<String> {
        match *self == Self::default() {
            true => None,
            false => serde_json::to_string(self).ok(),
        }
    }

    /// What was stored; nothing where that cannot be read.
    pub fn read(text: Option<&str>) -> Self {
        let read = text.and_then(|text| serde_json::from_str(text).ok());
        read.unwrap_or_default()
    }

    /// Who wrote the last human message at or before an instant; none where nobody did, or nobody is named.
    pub(super) fn last_human(&self, at: i64) -> Option<&str> {
        let replies = self.replies.iter();
        let earlier = self.before.iter();
        let mut known = replies.rev().chain(earlier);
        known.find(|(said, _)| *said <= at)?.1.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_nothing_is_no_text() {
        let activity = Activity {
            replies: vec![(5, Some("ann".to_owned())), (7, None)],
            customer: vec![1, 6],
            before: Some((0, None)),
        };
        let text = activity.text();
        assert_eq!(Activity::read(text.as_deref()), activity);
        assert_eq!(Activity::default().text(), None);
        assert_eq!(Activity::read(None), Activity::default());
        assert_eq!(Activity::read(Some("{")), Activity::default());
    }

    #[test]
    fn the_last_human_is_the_one_whose_reply_began_last() {
        let activity = Activity {
            replies: vec![(5, Some("ann".to_owned())), (7, None)],
            customer: Vec::new(),
            before: Some((2, Some("bea".to_owned()))),
        };
        for (at, expected) in [(1, None), (2, Some("bea")), (5, Some("ann")), (7, None)] {
            assert_eq!(activity.last_human(at), expected, "{at}");
        }
    }
}
