//! What the answers of one slice say, one after the other, of how many tickets follow: pure.

/// What is worth keeping of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// How many tickets two answers in a row agreed on from here to the end of the slice, or one answer
    /// showed that held them all.
    pub tickets: Option<u64>,
    /// Whether this answer counts fewer than the one before announced.
    pub has_vanished: bool,
}

/// The answers of one slice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Announced {
    /// Tickets from the next answer on that the last two agreed on. One answer alone is no evidence:
    /// its count may be the wrong one.
    agreed: Option<u64>,
    has_told: bool,
}

/// What the answer before this one said of how many tickets follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It announced so many.
    Announced(u64),
    /// It showed so many, which were all.
    Shown(u64),
    /// It ended a millisecond that is larger than a page: so many are left of what was counted before that.
    /// What the millisecond lost meanwhile is among them, so that fewer say that something vanished, and
    /// not how much.
    Reckoned(u64),
}

impl Announced {
    /// An answer that counts `count`, where the one before announced `expected`; `next` is what it
    /// announces itself, where the slice goes on. Something is told where tickets vanished, and once
    /// a slice where two answers agree.
    pub fn take(
        &mut self,
        expected: Option<Expected>,
        count: u64,
        next: Option<u64>,
    ) -> Option<Told> {
        let expected = match expected {
            Some(Expected::Shown(shown)) => {
                return (count < shown).then_some(Told {
                    tickets: Some(shown),
                    has_vanished: true,
                });
            }
            Some(Expected::Reckoned(left)) if count < left => {
                self.agreed = None;
                return Some(Told {
                    tickets: None,
                    has_vanished: true,
                });
            }
            Some(Expected::Announced(tickets)) => Some(tickets),
            Some(Expected::Reckoned(_)) | None => None,
        };
        let told = expected.and_then(|expected| {
            let has_vanished = count < expected;
            let tickets = match has_vanished {
                true => self.agreed,
                false => Some(expected),
            };
            (has_vanished || !self.has_told).then_some(Told {
                tickets,
                has_vanished,
            })
        });
        self.has_told |= told.is_some_and(|told| !told.has_vanished);
        self.agreed = match (expected, next) {
            (Some(expected), Some(next)) => {
                let passed = count.saturating_sub(next);
                Some(count.min(expected).saturating_sub(passed))
            }
            _ => None,
        };
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of answers, each with its count and what it announces.
    fn told(answers: &[(u64, Option<u64>)]) -> Vec<Option<Told>> {
        let mut announced = Announced::default();
        let mut expected = None;
        let answers = answers.iter();
        answers
            .map(|(count, next)| {
                let told = announced.take(expected, *count, *next);
                expected = next.map(Expected::Announced);
                told
            })
            .collect()
    }

    fn agreed(tickets: u64) -> Option<Told> {
        Some(Told {
            tickets: Some(tickets),
            has_vanished: false,
        })
    }

    fn vanished(tickets: Option<u64>) -> Option<Told> {
        Some(Told {
            tickets,
            has_vanished: true,
        })
    }

    #[test]
    fn what_two_answers_agree_on_is_told_once() {
        let calm = [
            (950, Some(851)),
            (851, Some(752)),
            (752, Some(653)),
            (653, None),
        ];
        assert_eq!(told(&calm), [None, agreed(851), None, None]);
        assert_eq!(told(&[(80, None)]), [None]);
        // More came meanwhile.
        assert_eq!(told(&[(950, Some(851)), (860, None)]), [None, agreed(851)]);
    }

    #[test]
    fn tickets_that_an_answer_showed_and_its_repetition_does_not_are_told() {
        for (shown, count, expected) in [(6, 6, None), (6, 7, None), (6, 0, vanished(Some(6)))] {
            let told = Announced::default().take(Some(Expected::Shown(shown)), count, None);
            assert_eq!(told, expected, "{count} of {shown}");
        }
    }

    #[test]
    fn what_is_left_beside_a_crowd_says_that_something_vanished_and_not_how_much() {
        for (count, expected) in [(47, vanished(None)), (358, None), (400, None)] {
            let mut announced = Announced::default();
            announced.take(None, 636, Some(537));
            let agreed = Some(Expected::Announced(537));
            assert!(announced.take(agreed, 537, Some(358)).is_some());
            let reckoned = Some(Expected::Reckoned(358));
            assert_eq!(
                announced.take(reckoned, count, Some(20)),
                expected,
                "{count}"
            );
            // What was agreed on before it is no evidence any more.
            let fall = announced.take(Some(Expected::Announced(20)), 10, None);
            assert_eq!(fall, vanished(None), "{count}");
        }
    }

    #[test]
    fn a_fall_is_told_with_what_the_answers_before_it_agreed_on() {
        let halved = [(950, Some(851)), (851, Some(752)), (376, None)];
        assert_eq!(told(&halved), [None, agreed(851), vanished(Some(752))]);
        // One answer alone is no evidence.
        assert_eq!(
            told(&[(950, Some(851)), (426, None)]),
            [None, vanished(None)]
        );
        let lie = [
            (950, Some(851)),
            (1_851, Some(1_752)),
            (752, Some(653)),
            (653, None),
        ];
        assert_eq!(told(&lie), [None, agreed(851), vanished(Some(752)), None]);
    }
}
