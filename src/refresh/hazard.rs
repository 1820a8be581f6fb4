//! How likely a resolved ticket is to have changed since somebody last looked, by the time since
//! its resolution.

use super::days;

/// Edges between the bins, in days since the resolution; the last bin is open.
const EDGES: [f64; 16] = [
    0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 11.0, 15.0, 22.0, 32.0, 46.0, 64.0, 90.0, 180.0, 365.0,
];

/// How many bins there are.
const BINS: usize = EDGES.len() + 1;

/// What can happen to a resolved ticket unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It is rated.
    Rating,
    /// It is reopened and resolved again.
    Resolution,
    /// Anything else: a note, a tag, an edited message.
    Other,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rating, Self::Resolution, Self::Other];

    /// The word it is stored by.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rating => "rating",
            Self::Resolution => "resolution",
            Self::Other => "other",
        }
    }

    /// Changes a day that are assumed of a ticket resolved so many days ago until enough is
    /// learnt, and for how many ticket-days that assumption stands. From the simulation.
    fn assumed(self, age: f64) -> f64 {
        match self {
            Self::Rating if age < 1.0 => 0.15,
            Self::Rating if age < 3.0 => 0.04,
            Self::Rating if age < 6.0 => 0.015,
            Self::Rating if age < 11.0 => 0.004,
            Self::Rating if age < 15.0 => 0.001,
            Self::Resolution if age < 8.0 => 0.004,
            Self::Resolution if age < 22.0 => 0.000_8,
            Self::Rating | Self::Resolution => 0.0,
            Self::Other if age < 64.0 => 0.001,
            Self::Other => 0.000_02,
        }
    }

    fn weight(self) -> f64 {
        match self {
            Self::Rating => 500.0,
            Self::Resolution => 1_000.0,
            Self::Other => 2_000.0,
        }
    }
}

/// What was learnt of one kind: finds, and the ticket-days in which they could have happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Hazard {
    kind: Kind,
    bins: [(f64, f64); BINS],
    /// Expected changes from age 0 to each bin's start.
    sums: [f64; BINS],
}

impl Hazard {
    /// Nothing learnt yet.
    pub fn new(kind: Kind) -> Self {
        Self::of(kind, [])
    }

    /// With what was learnt: bin, finds, ticket-days.
    pub fn of(kind: Kind, learnt: impl IntoIterator<Item = (usize, f64, f64)>) -> Self {
        let mut hazard = Self {
            kind,
            bins: [(0.0, 0.0); BINS],
            sums: [0.0; BINS],
        };
        for (bin, finds, exposure) in learnt {
            if let Some(slot) = hazard.bins.get_mut(bin) {
                *slot = (finds, exposure);
            }
        }
        hazard.settle();
        hazard
    }

    /// What was learnt: bin, finds, ticket-days.
    pub fn learnt(&self) -> impl Iterator<Item = (usize, f64, f64)> {
        self.bins
            .iter()
            .enumerate()
            .map(|(bin, (finds, exposure))| (bin, *finds, *exposure))
    }

    /// Changes to expect between two ages, in days since the resolution.
    pub fn expected(&self, from: f64, until: f64) -> f64 {
        (self.until(until) - self.until(from)).max(0.0)
    }

    /// Learns that a ticket was watched between two ages, and whether it had changed by the end.
    /// A change counts half-way, in the middle of the stretch.
    pub fn learn(&mut self, from: f64, until: f64, has_changed: bool) {
        let (from, until) = (from.max(0.0), until.max(0.0));
        let mut start = 0.0;
        for (bin, slot) in self.bins.iter_mut().enumerate() {
            let end = EDGES.get(bin).copied().unwrap_or(f64::INFINITY);
            slot.1 += (until.min(end) - from.max(start)).max(0.0);
            start = end;
        }
        if has_changed && let Some(slot) = self.bins.get_mut(bin_of((from + until) / 2.0)) {
            slot.0 += 1.0;
        }
    }

    /// Makes what was learnt count.
    pub fn settle(&mut self) {
        let (mut sum, mut start) = (0.0, 0.0);
        for (bin, slot) in self.sums.iter_mut().enumerate() {
            *slot = sum;
            if let Some(end) = EDGES.get(bin) {
                sum += rate(self.kind, &self.bins, bin) * (end - start);
                start = *end;
            }
        }
    }

    fn until(&self, age: f64) -> f64 {
        let age = age.max(0.0);
        let bin = bin_of(age);
        let start = bin.checked_sub(1).and_then(|bin| EDGES.get(bin)).copied();
        let sum = self.sums.get(bin).copied().unwrap_or(0.0);
        sum + rate(self.kind, &self.bins, bin) * (age - start.unwrap_or(0.0))
    }
}

fn bin_of(age: f64) -> usize {
    EDGES.partition_point(|edge| *edge <= age)
}

fn rate(kind: Kind, bins: &[(f64, f64); BINS], bin: usize) -> f64 {
    let start = bin.checked_sub(1).and_then(|bin| EDGES.get(bin)).copied();
    let (finds, exposure) = bins.get(bin).copied().unwrap_or_default();
    let weight = kind.weight();
    (finds + kind.assumed(start.unwrap_or(0.0)) * weight) / (exposure + weight)
}

/// All three kinds.
#[derive(Debug, Clone, PartialEq)]
pub struct Hazards {
    /// Ratings.
    pub rating: Hazard,
    /// Resolutions after a reopening nobody saw.
    pub resolution: Hazard,
    /// Everything else.
    pub other: Hazard,
}

impl Default for Hazards {
    fn default() -> Self {
        Self {
            rating: Hazard::new(Kind::Rating),
            resolution: Hazard::new(Kind::Resolution),
            other: Hazard::new(Kind::Other),
        }
    }
}

impl Hazards {
    /// The one of this kind.
    pub fn of(&mut self, kind: Kind) -> &mut Hazard {
        match kind {
            Kind::Rating => &mut self.rating,
            Kind::Resolution => &mut self.resolution,
            Kind::Other => &mut self.other,
        }
    }

    /// Makes what was learnt count.
    pub fn settle(&mut self) {
        for kind in Kind::ALL {
            self.of(kind).settle();
        }
    }
}

impl Hazard {
    /// As [`expected`](Self::expected), for a ticket resolved at `resolved_ms`.
    pub fn expected_between(&self, resolved_ms: i64, from_ms: i64, until_ms: i64) -> f64 {
        self.expected(days(from_ms - resolved_ms), days(until_ms - resolved_ms))
    }

    /// As [`learn`](Self::learn), for a ticket resolved at `resolved_ms`.
    pub fn learn_between(
        &mut self,
        resolved_ms: i64,
        from_ms: i64,
        until_ms: i64,
        has_changed: bool,
    ) {
        if from_ms < until_ms {
            let age = |at| days(at - resolved_ms);
            self.learn(age(from_ms), age(until_ms), has_changed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_adds_up_over_the_bins() {
        let hazard = Hazard::new(Kind::Rating);
        let whole = hazard.expected(0.0, 20.0);
        let parts: f64 = (0..40)
            .map(|half| f64::from(half) / 2.0)
            .map(|from| hazard.expected(from, from + 0.5))
            .sum();
        assert!((whole - parts).abs() < 1e-9, "{whole} {parts}");
        assert!((hazard.expected(0.0, 1.0) - 0.15).abs() < 1e-9);
        assert_eq!(hazard.expected(30.0, 400.0), 0.0);
        assert_eq!(hazard.expected(-5.0, 0.0), 0.0);
    }

    #[test]
    fn much_evidence_outweighs_the_assumption() {
        let mut hazard = Hazard::new(Kind::Other);
        for ticket in 0..100_000 {
            hazard.learn(1.0, 2.0, ticket % 100 == 0);
        }
        hazard.settle();
        let expected = hazard.expected(1.0, 2.0);
        assert!((expected - 0.01).abs() < 0.001, "{expected}");
        let again = Hazard::of(Kind::Other, hazard.learnt());
        assert_eq!(again, hazard);
    }

    #[test]
    fn verified_and_unchanged_lowers_what_is_expected() {
        let mut hazard = Hazard::new(Kind::Resolution);
        let before = hazard.expected(0.0, 3.0);
        for _ in 0..10_000 {
            hazard.learn(0.0, 3.0, false);
        }
        hazard.settle();
        assert!(hazard.expected(0.0, 3.0) < before / 5.0);
    }
}
