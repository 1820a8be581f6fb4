//! Limits that the system sets to a process: each ends in words, and with the limit lifted the same
//! command goes on.

use super::support::{BACKFILL, Ended, Place, desk, run};

/// It ended by itself, and not in a panic.
#[track_caller]
fn assert_told(ended: &Ended, what: &str) {
    let code = ended.code();
    assert!(
        matches!(code, Some(0..=3)),
        "{what}: {:?}\n{}",
        ended.status,
        ended.stderr
    );
    for word in ["panicked", "RUST_BACKTRACE", "stopped unexpectedly"] {
        assert!(!ended.stderr.contains(word), "{what}: {}", ended.stderr);
    }
    if code != Some(0) {
        assert!(ended.stderr.contains("error:"), "{what}: {}", ended.stderr);
        assert!(ended.stderr.contains("help:"), "{what}: {}", ended.stderr);
    }
}

const COMMANDS: [&str; 7] = [
    BACKFILL,
    "sync --to sqlite:support.db --rate-limit none --retry-attempts 2 --retry-pause 1ms",
    "verify --deep --to sqlite:support.db --rate-limit none --retry-attempts 2 --retry-pause 1ms",
    "publish --from sqlite:support.db --to parquet:desk",
    "status --to sqlite:support.db",
    "query --from sqlite:support.db SELECT(1)",
    "probe --rate-limit none --retry-attempts 2 --retry-pause 1ms",
];

#[test]
fn too_few_files_end_every_command_in_words() {
    let place = Place::new();
    let simulator = desk(60, 0);
    place.backfill(&simulator).expect(0);
    for files in [5, 6, 7, 9, 12, 16, 20, 24, 40, 64, 68, 72, 90] {
        for words in COMMANDS {
            let limit = format!("ulimit -n {files}");
            let ended = run(&mut place.shell_at(&simulator, &limit, words));
            assert_told(&ended, &format!("{words} with {files} files"));
            if files == 6 {
                ended.expect_error(&["more files may be opened", "ulimit -n"]);
                assert_eq!(ended.code(), Some(2));
            }
        }
    }
    for words in COMMANDS {
        run(&mut place.command_at(&simulator, words)).expect(0);
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_told_and_what_was_read_is_kept() {
    let simulator = desk(800, 0);
    for limit_kib in [0, 1, 8, 40, 100, 200, 400] {
        let place = Place::new();
        let limit = format!("ulimit -f {limit_kib}");
        let ended = run(&mut place.shell_at(&simulator, &limit, BACKFILL));
        assert_told(&ended, &format!("{limit_kib} KiB"));
        assert!(
            matches!(ended.code(), Some(1..=2)),
            "{limit_kib}: {}",
            ended.stderr
        );
        if limit_kib >= 100 {
            ended.expect_error(&["size of files", "ulimit -f unlimited"]);
        }
        // With the limit lifted the same command goes on.
        place.backfill(&simulator).expect(0);
        let limited = run(&mut place.shell_at(
            &simulator,
            "ulimit -f 20",
            "publish --from sqlite:support.db --to parquet:desk",
        ));
        assert_told(&limited, "publish");
        assert_eq!(limited.code(), Some(1), "{}", limited.stderr);
        limited.expect_error(&["size of files", "ulimit -f"]);
        run(&mut place.command("publish --from sqlite:support.db --to parquet:desk")).expect(0);
    }
}

#[test]
fn too_little_room_for_threads_is_told() {
    let place = Place::new();
    let simulator = desk(60, 0);
    place.backfill(&simulator).expect(0);
    for memory_kib in [40_000, 60_000, 80_000, 120_000, 200_000, 400_000] {
        for words in COMMANDS {
            let limit = format!("ulimit -v {memory_kib}");
            let ended = run(&mut place.shell_at(&simulator, &limit, words));
            let what = format!("{words} in {memory_kib} KiB");
            for word in ["panicked", "stopped unexpectedly"] {
                assert!(!ended.stderr.contains(word), "{what}: {}", ended.stderr);
            }
            // Where memory itself runs out, the process says so and ends.
            let is_out = ended.stderr.contains("memory allocation of")
                || ended.stderr.contains("shared librar");
            assert!(
                is_out || matches!(ended.code(), Some(0..=3)),
                "{what}: {ended:?}"
            );
        }
    }
    // The room that the shell gives the first thread's stack is none of ours.
    for stack_kib in [64, 128, 256, 1_024] {
        for words in COMMANDS {
            let limit = format!("ulimit -s {stack_kib}");
            let ended = run(&mut place.shell_at(&simulator, &limit, words));
            assert_eq!(
                ended.code(),
                Some(0),
                "{words} with {stack_kib} KiB: {}",
                ended.stderr
            );
        }
    }
}
