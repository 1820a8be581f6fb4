//! The model test: whatever a desk looks like, whatever happens to it while it is read, and
//! whatever copy of it answers, a run that calls itself complete is, and nothing that is there is
//! flagged as deleted.
//!
//! ```text
//! a number ──► case ──► desk ──► run, in its weather ──► judge ──► tally
//!                                chronicle: all that was ever true
//! ```

mod case;
mod chronicle;
mod desk;
mod judge;
mod run;
mod tally;
mod weather;

mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "seed and number of cases come from the environment"
    )]

    use super::case::{Case, Command};
    use super::run;
    use super::tally::{Tally, block_on};

    /// Cases of each command, unless told another number.
    const CASES: u64 = 25;

    /// The number of the first case, unless told another. Long runs begin with a new one each time.
    const SEED: u64 = 20_000;

    fn number(name: &str) -> Option<u64> {
        let text = std::env::var(name).ok()?;
        Some(text.parse().expect("a number"))
    }

    /// Carries out cases of a command, the first one of the seed asked for, and shows what came
    /// of them.
    #[track_caller]
    fn check(command: Command) {
        let seed = number("MAVA_MODEL_SEED").unwrap_or(SEED);
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

    /// What happened in a case, but for the words that name its directory.
    fn trace(case: &Case) -> Vec<String> {
        let outcome = block_on(run::check(case));
        let lines = outcome.trace.lines().map(str::to_owned);
        lines.filter(|line| !line.starts_with("it ended")).collect()
    }

    #[test]
    fn a_case_of_one_lane_is_the_same_run_to_the_last_request() {
        let cases = (0..).map(|seed| Case::draw(Command::Sync, seed));
        let mut requests = 0;
        for case in cases.filter(|case| case.lanes == 1).take(4) {
            let first = trace(&case);
            requests += first.len();
            assert_eq!(first, trace(&case), "{case}");
        }
        assert!(requests > 40, "{requests}");
    }

    #[test]
    fn backfill_whatever_happens_while_paging_every_ticket_that_lived_through_it_is_stored_once() {
        check(Command::Backfill);
    }

    #[test]
    fn sync_whatever_happens_meanwhile_what_it_calls_complete_is_complete() {
        check(Command::Sync);
    }

    /// Seeds of cases that went wrong once, each with what it was.
    const ONCE_WRONG: [(Command, u64); 27] = [
        // Of a millisecond with more tickets than a page some came, then empty answers: what was missing was
        // not believed to be gone, and not read again either, as soon as the counts agreed.
        (Command::Sync, 5_429_789_845_463_181_515),
        (Command::Sync, 5_429_789_845_463_181_751),
        // Five empty answers in a row, and no neighbour near: what the run had just stored was flagged.
        (Command::Sync, 10_106_341_158_661_444_621),
        // An answer to a count came instead of a page, so that a ticket was stored without its thread.
        (Command::Sync, 10_106_341_158_661_444_673),
        // The one ticket before those that were missing was gone as well: never settled.
        (Command::Sync, 10_106_341_158_661_443_869),
        // A repair took the end of its reading for its beginning, and flagged what was too young.
        (Command::Repair, 10_106_341_158_661_444_551),
        // A window was counted once, with 177 tickets, and was empty before and after it: an outage.
        (Command::Backfill, 13_219_265_942_069_230_380),
        // What answered empty at first was not looked at by groups, so that an edited row was not seen.
        (Command::Verify, 13_219_265_942_069_230_558),
        (Command::Verify, 13_219_265_942_069_230_986),
        // The same with the second look as empty as the first.
        (Command::Verify, 5_197),
        // Changes that even out in a count show only once others are repaired, and more than once.
        (Command::Verify, 12_139_852_134_506_399_690),
        (Command::Verify, 12_139_852_134_506_400_014),
        // The same as that backfill with two tickets, too few to be a loss that nobody believes.
        (Command::Sync, 12_139_852_134_506_400_433),
        // What a verification does not count may differ: the ten minutes before the run that it goes by.
        (Command::Verify, 12_139_852_134_506_401_486),
        // Nor does a repair look there, so that a row lost in those minutes is left to the next sync.
        (Command::Verify, 10_706_509_718_042_380_135),
        // The list of new tickets was empty by mistake, and so was the count that closes it.
        (Command::Sync, 3_000_100_601),
        // Of what was missing before a full millisecond the neighbours after it were gone as well.
        (Command::Sync, 3_000_100_241),
        // Of a window of which all was lost an answer meant for another was as empty as the store.
        (Command::Repair, 4_001_000_107),
        // A damaged row that the desk does not send any more is told once.
        (Command::Repair, 10_106_341_158_661_444_155),
        // A full millisecond ended with empty answers, one of its tickets never shown; another that went stood in
        // for it in every count.
        (Command::Backfill, 4_010_000_016),
        // A row edited by hand in the ten minutes before the run, where a verification does not look.
        (Command::Verify, 4_020_002_326),
        // A store that had lost both of its tickets was as empty as the answers of an API that was out.
        (Command::Verify, 4_020_002_682),
        // A desk whose only tickets of a year had gone was as empty as a store that had lost them, and was there all
        // the same, as what is newer showed.
        (Command::Verify, 4_030_000_598),
        (Command::Verify, 4_030_002_246),
        // A store that had lost its only ticket, and a desk where it had gone: no verification came to an end.
        (Command::Repair, 4_040_001_067),
        // The first page of all was the answer to a count, so that its ticket was stored without its thread.
        (Command::Sync, 4_060_004_485),
        (Command::Sync, 4_060_004_957),
    ];

    #[test]
    fn what_went_wrong_once_goes_well() {
        for (command, seed) in ONCE_WRONG {
            let tally = Tally::of(command, seed);
            let faults = tally.faults();
            assert!(faults.is_empty(), "{}", faults.join("\n\n"));
        }
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
