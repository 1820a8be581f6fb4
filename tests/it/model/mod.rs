//! The model test: whatever a desk looks like, whatever happens to it while it is read, and
//! whatever copy of it answers, a run that calls itself complete is, and nothing that is there is
//! flagged as deleted.
//!
//! ```text
//! a number ──► case ──► desk ──► run, in its weather ──► judge ──► tally
//!                                chronicle: all that was ever true
//! ```

pub(crate) mod case;
mod chronicle;
mod desk;
mod judge;
mod run;
pub(crate) mod tally;
mod weather;

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "seed and number of cases come from the environment"
    )]

    use super::case::Command;
    use super::tally::Tally;

    /// Cases of each command, unless told another number.
    const CASES: u64 = 30;

    fn number(name: &str) -> Option<u64> {
        let text = std::env::var(name).ok()?;
        Some(text.parse().expect("a number"))
    }

    /// Carries out cases of a command, the first one of the seed asked for, and shows what came
    /// of them.
    #[track_caller]
    fn check(command: Command) {
        let seed = number("MAVA_MODEL_SEED").unwrap_or_else(rand::random);
        let cases = number("MAVA_MODEL_CASES").unwrap_or(CASES);
        let mut tally = Tally::default();
        for case in 0..cases {
            tally.add(Tally::of(command, seed.wrapping_add(case)));
        }
        println!(
            "{} cases from seed {seed} on\n{}",
            tally.cases(),
            tally.table()
        );
        println!("{}", tally.cautious.join("\n"));
        let faults = tally.faults();
        assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    }

    #[test]
    fn backfill_whatever_happens_while_paging_every_ticket_that_lived_through_it_is_stored_once() {
        check(Command::Backfill);
    }

    #[test]
    fn sync_whatever_happens_meanwhile_what_it_calls_complete_is_complete() {
        check(Command::Sync);
    }

    #[test]
    fn verify_whatever_happens_meanwhile_what_it_calls_equal_is_equal() {
        check(Command::Verify);
    }

    #[test]
    fn repair_whatever_happens_meanwhile_what_it_calls_repaired_is_repaired() {
        check(Command::Repair);
    }
}
