//! A user without a home directory, as in a container.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::support::{Place, desk, run};

/// A user that no list of users knows.
const UNKNOWN: u32 = 61_234;

#[test]
fn without_a_home_the_ledger_lies_where_one_says_and_else_the_way_out_is_told() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let binary = place.path("mava-export");
    fs::copy(env!("CARGO_BIN_EXE_mava-export"), &binary).unwrap();
    for path in [place.root(), &place.path(""), &binary] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    let is_root = fs::metadata(&binary).unwrap().uid() == 0;
    let data = place.path("data");
    fs::create_dir(&data).unwrap();
    if is_root {
        std::os::unix::fs::chown(&data, Some(UNKNOWN), Some(UNKNOWN)).unwrap();
    }
    let command = |variables: &[(&str, &str)]| {
        let mut command = Command::new(&binary);
        command
            .args(["probe", "--quiet"])
            .env_clear()
            .env("MAVA_BASE_URL", simulator.base_url())
            .env("MAVA_API_KEY", simulator.api_key())
            .current_dir(&data);
        for (name, value) in variables {
            command.env(name, data.join(value));
        }
        // Whoever is known has a home without a variable too.
        if is_root {
            command.uid(UNKNOWN).gid(UNKNOWN);
        }
        command
    };
    let has_ledger = |directory: &str| {
        fs::read_dir(data.join(directory)).is_ok_and(|mut files| files.next().is_some())
    };
    let well = |variables: &[(&str, &str)]| {
        let ended = run(&mut command(variables));
        assert_ne!(ended.code(), Some(2), "{}", ended.stderr);
    };
    well(&[("MAVA_EXPORT_STATE_DIR", "named")]);
    assert!(has_ledger("named"));
    well(&[("XDG_STATE_HOME", "state")]);
    assert!(has_ledger("state/mava-export"));
    if is_root {
        run(&mut command(&[])).expect(2).expect_error(&[
            "there is no home directory to keep the request ledger in",
            "MAVA_EXPORT_STATE_DIR",
        ]);
    }
}
