//! Whether resolution times are what they are taken for: proofs by tickets seen open and then resolved.

use super::Answers;
use crate::error::Result;
use crate::refresh::Known;
use crate::store::{Past, Proof, Proofs};

/// Resolution times are not trusted below this share of hits, in percent, once so many were seen.
const TRUSTED_PERCENT: i64 = 95;
const LEAST_PROOFS: i64 = 20;

/// Resolution times that were not trusted are again from this share of hits on, in percent, as far as
/// what is stored of them goes: it is rewritten each time.
const TRUSTED_AGAIN_PERCENT: i64 = 98;

/// The two shares for tickets of which nobody knows whether they had been resolved before: only
/// where hardly any hits can it not be that, and a part of them may have been.
const LATE_PERCENT: i64 = 25;
const LATE_AGAIN_PERCENT: i64 = 50;

/// A proof's counts are halved above this, so that a change of the API is noticed.
const MOST_PROOFS: i64 = 2_000;

/// By how much creation and resolution time together may miss the time they have to fall in.
const PROOF_SLACK_MS: i64 = 15 * 60_000;

/// Whether a proof has this share of hits, in percent; `None` before there is enough of it.
fn has_share(proof: Proof, percent: i64) -> Option<bool> {
    let all = proof.hits + proof.misses;
    (all >= LEAST_PROOFS).then_some(proof.hits * 100 >= all * percent)
}

/// Whether resolution times have proved to be what they are taken for. Tickets that were known late
/// decide only as long as the others do not.
fn are_trusted(proofs: Proofs) -> bool {
    has_share(proofs.first, TRUSTED_PERCENT)
        .or_else(|| has_share(proofs.late, LATE_PERCENT))
        .unwrap_or(true)
}

/// Whether resolution times that were not trusted are again.
fn are_trusted_again(proofs: Proofs) -> bool {
    has_share(proofs.first, TRUSTED_AGAIN_PERCENT)
        .or_else(|| has_share(proofs.late, LATE_AGAIN_PERCENT))
        .unwrap_or(true)
}

/// One proof more, of how many there are to be kept.
fn prove(proof: &mut Proof, is_hit: bool) {
    if is_hit {
        proof.hits += 1;
    } else {
        proof.misses += 1;
    }
    if proof.hits + proof.misses > MOST_PROOFS {
        proof.hits /= 2;
        proof.misses /= 2;
    }
}

/// Whether resolution times are what they are taken for.
#[derive(Debug)]
pub(in crate::sync) struct Trust {
    /// How they proved.
    pub(in crate::sync) proofs: Proofs,
    /// Whether this sync plans by them.
    pub(in crate::sync) is_given: bool,
}

impl Trust {
    pub(super) fn of(proofs: Proofs) -> Self {
        Self {
            proofs,
            is_given: are_trusted(proofs),
        }
    }

    /// Whether a resolution time is that of the last resolution.
    pub(in crate::sync) fn holds_again(&self) -> bool {
        has_share(self.proofs.again, TRUSTED_PERCENT).unwrap_or(true)
    }
}

impl Answers<'_> {
    /// A ticket seen open by the last sync is resolved: its creation and resolution time have to
    /// fall between then and now. Of one that had been resolved before that shows whether the time is
    /// that of its last resolution, which is another question.
    pub(super) fn prove(&mut self, before: &Known, now: &Known) -> Result<()> {
        let Some(time) = now.resolution_ms else {
            return Ok(());
        };
        let from_ms = before.verified_ms.min(self.desk.since_ms());
        let at_ms = now.created_ms + time;
        match self.count_proof(&now.id, now.created_ms, at_ms, (from_ms, now.verified_ms))? {
            Past::Resolved if !self.trust.holds_again() => self.tell_first_resolutions(),
            Past::Resolved => {}
            Past::None | Past::Unknown => {
                if self.trust.is_given && !are_trusted(self.trust.proofs) {
                    self.distrust("resolution times do not match the resolutions seen");
                }
            }
        }
        Ok(())
    }

    /// Proofs by all that a read of the whole desk found resolved. It plans by none of it.
    pub(in crate::sync) fn prove_all(&mut self) -> Result<()> {
        let (snapshot_id, since_ms) = (self.session.run.snapshot_id, self.desk.since_ms());
        for found in self.store.resolutions(snapshot_id)? {
            let at_ms = found.created_ms + found.resolution_ms;
            let seen = (since_ms, found.read_at.timestamp_millis());
            self.count_proof(&found.ticket_id, found.created_ms, at_ms, seen)?;
        }
        Ok(())
    }

    /// Counts whether a ticket seen open at the first instant and resolved at the second says that it
    /// was resolved between them.
    fn count_proof(
        &mut self,
        ticket_id: &str,
        created_ms: i64,
        at_ms: i64,
        (from_ms, until_ms): (i64, i64),
    ) -> Result<Past> {
        let is_hit = from_ms - PROOF_SLACK_MS <= at_ms && at_ms <= until_ms + PROOF_SLACK_MS;
        let past = self.store.past(ticket_id, created_ms)?;
        let proof = match past {
            Past::None => &mut self.trust.proofs.first,
            Past::Resolved => &mut self.trust.proofs.again,
            Past::Unknown => &mut self.trust.proofs.late,
        };
        prove(proof, is_hit);
        Ok(past)
    }

    /// Leaves `resolved_at` empty as long as resolution times do not lead to it.
    pub(in crate::sync) fn judge_resolutions(&mut self) -> Result<()> {
        let (proofs, snapshot_id) = (self.trust.proofs, self.session.run.snapshot_id);
        let store = &mut self.store;
        let doubts = match store.doubts_resolutions()? {
            true => !are_trusted_again(proofs),
            false => !are_trusted(proofs),
        };
        store.doubt_resolutions(snapshot_id, doubts)?;
        if doubts {
            self.findings.remark(
                "resolution times are not the milliseconds from creation to resolution: resolved_at is left \
                 empty, and resolution_time_ms holds what the API says"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Lists by resolution time mean nothing on this API, tonight.
    pub(in crate::sync) fn distrust(&mut self, reason: &str) {
        self.trust.is_given = false;
        self.findings.remark(format!(
            "{reason}: tickets that are no longer unresolved are read one by one instead"
        ));
    }

    pub(in crate::sync) fn tell_first_resolutions(&mut self) {
        self.findings.remark(
            "resolution times are not those of the last resolution: tickets that are resolved again \
             overnight are found only as they are read again"
                .to_owned(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_known_late_decide_only_until_the_others_do() {
        let proof = |hits, misses| Proof { hits, misses };
        for (first, late, is_trusted) in [
            (proof(0, 0), proof(0, 0), true),
            (proof(0, 19), proof(0, 19), true),
            (proof(19, 1), proof(0, 60), true),
            (proof(18, 2), proof(60, 0), false),
            (proof(0, 0), proof(0, 20), false),
            (proof(0, 0), proof(30, 50), true),
        ] {
            let proofs = Proofs {
                first,
                late,
                ..Proofs::default()
            };
            assert_eq!(are_trusted(proofs), is_trusted, "{proofs:?}");
        }
    }
}
