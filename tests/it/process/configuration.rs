//! Configuration files: which are read, what each may set, and that each is named.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use super::servers::{Manner, Proxy};
use super::support::{BACKFILL, Place, desk, run};

const OF_THE_WORKING_DIRECTORY: &str = "config/mava-export.toml";

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
}

fn of_the_user(place: &Place) -> PathBuf {
    place.root().join("home/.config/mava-export/config.toml")
}

#[test]
fn a_file_of_the_working_directory_sends_the_key_nowhere() {
    let place = Place::new();
    // Whoever asks it writes the head of the request down, key and all.
    let thief = Proxy::start(Manner::Refuse);
    fs::write(place.path("key.txt"), "a-key-of-this-test\n").unwrap();
    fs::set_permissions(place.path("key.txt"), Permissions::from_mode(0o600)).unwrap();
    for line in [
        format!("base_url = \"http://127.0.0.1:{}\"", thief.port()),
        "api_key_file = \"key.txt\"".to_owned(),
        "state_dir = \"elsewhere\"".to_owned(),
        "from = \"sqlite:other.db\"".to_owned(),
        "file_mode = \"0666\"".to_owned(),
    ] {
        write(
            &place.path(OF_THE_WORKING_DIRECTORY),
            &format!("lanes = 4\n{line}\n"),
        );
        let key = line.split(' ').next().unwrap();
        for words in [BACKFILL, "probe", "demo --tickets 10", "query 1", "status"] {
            let mut command = place.command(words);
            let ended = run(command.env("MAVA_API_KEY", "a-key-of-this-test")).expect(2);
            ended.expect_error(&[
                &format!("config/mava-export.toml: {key}: "),
                "may not set this",
                "home/.config/mava-export/config.toml or /etc/mava-export/config.toml",
                "--config config/mava-export.toml",
            ]);
        }
    }
    assert_eq!(thief.requests.all(), [""; 0]);
    assert!(!place.path("support.db").exists() && !place.path("demo.sqlite").exists());
}

#[test]
fn a_file_of_the_working_directory_has_to_be_the_users_alone() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let path = place.path(OF_THE_WORKING_DIRECTORY);
    write(&path, "lanes = 4\n");
    for mode in [0o664, 0o646, 0o777] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let ended = run(&mut place.command_at(&simulator, BACKFILL)).expect(2);
        ended.expect_error(&[
            "config/mava-export.toml can be written by others",
            "chmod go-w",
        ]);
    }
    fs::remove_file(&path).unwrap();
    write(&place.path("real.toml"), "lanes = 4\n");
    symlink(place.path("real.toml"), &path).unwrap();
    run(&mut place.command_at(&simulator, BACKFILL))
        .expect(2)
        .expect_error(&["config/mava-export.toml is a link"]);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    run(&mut place.command_at(&simulator, BACKFILL))
        .expect(2)
        .expect_error(&["config/mava-export.toml is a directory"]);
    fs::remove_dir(&path).unwrap();
    assert!(simulator.requests().is_empty());
    write(&path, "lanes = 4\n");
    run(&mut place.command_at(&simulator, BACKFILL)).expect(0);
    // Only root can give a file away.
    if fs::metadata(&path).unwrap().uid() == 0 {
        chown(&path, Some(54_321), None).unwrap();
        run(&mut place.command_at(&simulator, BACKFILL))
            .expect(2)
            .expect_error(&["config/mava-export.toml belongs to another user (number 54321)"]);
    }
}

#[test]
fn the_users_file_may_set_everything_and_every_file_that_is_read_is_named() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let key = place.path("key.txt");
    fs::write(&key, simulator.api_key()).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let text = |lanes: u32| {
        let (url, key) = (simulator.base_url(), key.display());
        format!(
            "base_url = \"{url}\"\napi_key_file = \"{key}\"\nstate_dir = \"state\"\nlanes = {lanes}\n"
        )
    };
    let user = of_the_user(&place);
    write(&user, &text(3));
    write(
        &place.path(OF_THE_WORKING_DIRECTORY),
        "to = \"sqlite:near.db\"\nlanes = 4\n",
    );
    let words = "backfill --since 2024-01-01 --until 2024-07-01";
    let ended = run(&mut place.command(words)).expect(0);
    ended.expect_error(&[
        "Configuration: config/mava-export.toml\n",
        &format!("Configuration: {}\n", user.display()),
    ]);
    assert!(place.path("near.db").exists() && place.path("state").exists());
    let ended = run(&mut place.command(&format!("{words} --log-format json"))).expect(0);
    for path in [OF_THE_WORKING_DIRECTORY, &user.display().to_string()] {
        let named = ended.stderr.lines().any(|line| {
            let line: serde_json::Value = serde_json::from_str(line).expect(line);
            line["message"] == "configuration read" && line["file"] == path
        });
        assert!(named, "{}", ended.stderr);
    }
    let quiet = run(&mut place.command(&format!("{words} -q"))).expect(0);
    assert!(quiet.stderr.is_empty(), "{}", quiet.stderr);
    // Somewhere else, where the variable says so.
    let other = place.root().join("other");
    write(&other.join("mava-export/config.toml"), &text(99));
    let mut command = place.command(words);
    let ended = run(command.env("XDG_CONFIG_HOME", &other)).expect(2);
    ended.expect_error(&["other/mava-export/config.toml: lanes: \"99\" is not accepted: write a whole number from 1 to 16"]);
    fs::set_permissions(&user, Permissions::from_mode(0o662)).unwrap();
    run(&mut place.command(words))
        .expect(2)
        .expect_error(&[&format!("{} can be written by others", user.display())]);
}

#[test]
fn a_file_that_is_named_is_the_only_one_and_may_set_everything() {
    let simulator = desk(10, 0);
    let place = Place::new();
    write(&place.path(OF_THE_WORKING_DIRECTORY), "lanes = \"many\"\n");
    write(&of_the_user(&place), "lanes = \"many\"\n");
    let named = format!("base_url = \"{}\"\n", simulator.base_url());
    write(&place.path("my.toml"), &named);
    for (words, variable) in [("probe --config my.toml", ""), ("probe", "my.toml")] {
        let mut command = place.command(words);
        command
            .env("MAVA_EXPORT_CONFIG", variable)
            .env("MAVA_API_KEY", simulator.api_key());
        let ended = run(&mut command);
        assert!(matches!(ended.code(), Some(0 | 3)), "{}", ended.stderr);
        ended.expect_error(&["Configuration: my.toml\n"]);
    }
    // The variable still says what it said before.
    let mut command = place.command_at(&simulator, "probe --config my.toml");
    run(command
        .env("MAVA_BASE_URL", "http://127.0.0.1:9")
        .args(["--retry-attempts", "1"]))
    .expect(1)
    .expect_error(&["refused"]);
    fs::set_permissions(place.path("my.toml"), Permissions::from_mode(0o666)).unwrap();
    run(&mut place.command_at(&simulator, "probe --config my.toml"))
        .expect(2)
        .expect_error(&["my.toml can be written by others (permissions 0666)"]);
    run(&mut place.command_at(&simulator, "probe --config /dev/null"))
        .expect(2)
        .expect_error(&["/dev/null is a device"]);
}

#[test]
fn other_business_hours_are_told_of_and_computed_once_by_the_next_command_that_writes() {
    const TOLD: &str = "computed with other business hours than [metrics]";
    let simulator = desk(60, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let file = place.path(OF_THE_WORKING_DIRECTORY);
    write(&file, "[metrics]\ntime_zone = \"Europe/Berlim\"\n");
    run(&mut place.command("status --to sqlite:support.db"))
        .expect(2)
        .expect_error(&[
            "config/mava-export.toml: metrics.time_zone: \"Europe/Berlim\" is no time zone",
            "did you mean Europe/Berlin?",
        ]);
    write(
        &file,
        "lanes = 4\n[metrics]\ntime_zone = \"Europe/Berlin\"\nbusiness_hours = { mon = [\"09:00-17:00\"] }\n",
    );
    let says = |words: &str| {
        run(&mut place.command(words))
            .expect(0)
            .stderr
            .contains(TOLD)
    };
    assert!(says("status --to sqlite:support.db"));
    assert!(says("query --from sqlite:support.db SELECT/**/1"));
    let publish = "publish --from sqlite:support.db --to parquet:desk";
    run(&mut place.command(publish)).expect(0);
    assert!(!says("status --to sqlite:support.db"));
    let kinds = "query --from sqlite:support.db --format csv SELECT/**/group_concat(kind)/**/FROM/**/snapshots";
    let asked = run(&mut place.command(kinds)).expect(0);
    assert!(
        asked.stdout.contains("backfill,metrics"),
        "{}",
        asked.stdout
    );
    let again = run(&mut place.command(publish)).expect(0);
    assert!(
        again
            .stdout
            .contains("Nothing changed since snapshot 000002"),
        "{}",
        again.stdout
    );
    let asked = run(&mut place.command(kinds)).expect(0);
    assert!(
        !asked.stdout.contains("metrics,metrics"),
        "{}",
        asked.stdout
    );
}

#[test]
fn other_policies_are_told_of_and_the_view_of_them_is_asked_like_a_table() {
    const TOLD: &str = "computed with other policies than [[sla]]";
    let simulator = desk(60, 0);
    let place = Place::new();
    place.backfill(&simulator).expect(0);
    let file = place.path(OF_THE_WORKING_DIRECTORY);
    write(&file, "[sla]\nname = \"x\"\n");
    run(&mut place.command("status --to sqlite:support.db"))
        .expect(2)
        .expect_error(&["config/mava-export.toml: sla: not a list", "write [[sla]]"]);
    write(
        &file,
        "[[sla]]\nname = \"closing\"\nmetric = \"resolution\"\nwithin = \"2d\"\n",
    );
    let asked = |sql: &str| {
        let words = format!(
            "query --from sqlite:support.db --json {}",
            sql.replace(' ', "/**/")
        );
        run(&mut place.command(&words)).expect(0)
    };
    let count = "SELECT count(*) AS n, sum(is_breached) AS late FROM sla_results";
    let before = asked(count);
    assert!(before.stderr.contains(TOLD), "{}", before.stderr);
    assert_eq!(before.json()[0]["n"], 0);
    run(&mut place.command("publish --from sqlite:support.db --to parquet:desk")).expect(0);
    let after = asked(count);
    assert!(!after.stderr.contains(TOLD), "{}", after.stderr);
    let live = asked(
        "SELECT count(*) AS n FROM tickets WHERE deleted_at IS NULL AND status IS NOT 'Spam'",
    );
    assert_eq!(after.json()[0]["n"], live.json()[0]["n"]);
    assert!(
        after.json()[0]["late"].as_i64().unwrap() > 0,
        "{}",
        after.stdout
    );
    run(&mut place.command("verify --to sqlite:support.db --deep")).expect(0);
}
