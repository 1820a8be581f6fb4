#![expect(
    clippy::disallowed_methods,
    reason = "these tests write the files that are read"
)]

use super::*;

use std::os::unix::fs::{PermissionsExt, chown, symlink};

use crate::cli;

/// A user that nobody is.
const STRANGER: u32 = 54_321;

/// A directory with a place for each file.
struct Folder {
    folder: tempfile::TempDir,
    places: Places,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let at = |name: &str| folder.path().join(name);
        let places = Places {
            working_directory: at("here/config/mava-export.toml"),
            user: Some(at("home/.config/mava-export/config.toml")),
            machine: at("etc/mava-export/config.toml"),
        };
        Self { folder, places }
    }

    fn working_directory(&self) -> PathBuf {
        self.places.working_directory.clone()
    }

    fn user(&self) -> PathBuf {
        self.places.user.clone().expect("given")
    }

    fn machine(&self) -> PathBuf {
        self.places.machine.clone()
    }

    fn read(&self) -> Result<Vec<File>> {
        self.places.read(myself())
    }

    #[track_caller]
    fn refused(&self) -> String {
        let error = self.read().expect_err("refused");
        let text = format!("{error}\n{}", error.help_text().unwrap_or_default());
        text.replace(&self.folder.path().display().to_string(), "")
    }
}

fn myself() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("written");
    allow(path, 0o644);
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mine");
}

/// The values that the files give, the nearest going first.
fn value(files: &[File], flag: &str) -> Vec<String> {
    let mut command = cli::command();
    for file in files.iter().rev() {
        command = file.apply(command).expect("accepted");
    }
    let mut found = Vec::new();
    cli::visit(&command, "", &mut |path, argument| {
        if argument.get_long() == Some(flag) && ["", "backfill"].contains(&path) {
            let values = argument.get_default_values().iter();
            found = values
                .map(|value| value.to_string_lossy().into_owned())
                .collect();
        }
    });
    found
}

/// Keys that only a file of the user or of the machine may hold.
const TRUSTED_KEYS: [&str; 5] = ["api_key_file", "base_url", "file_mode", "from", "state_dir"];

#[test]
fn every_key_is_allowed_in_the_working_directory_or_refused_there_on_purpose() {
    let mut known = super::super::file::keys();
    known.sort();
    let mut decided = [WORKING_DIRECTORY_KEYS, &TRUSTED_KEYS].concat();
    decided.sort_unstable();
    assert_eq!(known, decided);
}

#[test]
fn the_working_directory_may_not_say_where_the_key_goes_or_what_is_read() {
    for (key, value) in [
        ("api_key_file", "\"key.txt\""),
        ("base_url", "\"https://evil.example\""),
        ("file_mode", "\"0666\""),
        ("from", "\"sqlite:other.db\""),
        ("state_dir", "\"/tmp\""),
    ] {
        let folder = Folder::new();
        let line = format!("lanes = 4\n{key} = {value}\n");
        write(&folder.working_directory(), &line);
        let text = folder.refused();
        for part in [
            &format!("/here/config/mava-export.toml: {key}: "),
            "/home/.config/mava-export/config.toml or /etc/mava-export/config.toml",
            "--config /here/config/mava-export.toml",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains(value.trim_matches('"')), "{text}");
        // Named, it is known to the user; elsewhere it is the user's own.
        assert!(locate(Some(&folder.working_directory())).is_ok());
        let trusting = Folder::new();
        write(&trusting.user(), &line);
        write(&trusting.machine(), &line);
        assert_eq!(trusting.read().expect("trusted").len(), 2);
    }
}

#[test]
fn the_nearest_file_that_sets_a_key_goes_before_the_others() {
    let folder = Folder::new();
    assert!(folder.read().expect("none").is_empty());
    write(
        &folder.machine(),
        "lanes = 1\nretry_attempts = 1\nbase_url = \"https://m.example\"\n",
    );
    write(
        &folder.user(),
        "lanes = 2\nretry_attempts = 2\ntag = [\"a\", \"b\"]\n",
    );
    write(
        &folder.working_directory(),
        "lanes = 3\ntag = \"c\"\nto = \"sqlite:a.db\"\n",
    );
    let files = folder.read().expect("three");
    let paths: Vec<&Path> = files.iter().map(File::path).collect();
    assert_eq!(
        paths,
        [folder.working_directory(), folder.user(), folder.machine()]
    );
    for (flag, expected) in [
        ("lanes", "3"),
        ("retry-attempts", "2"),
        ("base-url", "https://m.example"),
        ("to", "sqlite:a.db"),
        ("tag", "c"),
        ("budget-share", "100%"),
    ] {
        assert_eq!(value(&files, flag), [expected], "{flag}");
    }
}

#[test]
fn a_file_that_others_can_write_is_refused_wherever_it_lies() {
    for mode in [0o664, 0o646, 0o666, 0o622, 0o777] {
        for place in [Folder::working_directory, Folder::user, Folder::machine] {
            let folder = Folder::new();
            let path = place(&folder);
            write(&path, "lanes = 4\n");
            allow(&path, mode);
            let text = folder.refused();
            let permissions = format!("(permissions {mode:04o})");
            assert!(
                text.contains(&permissions) && text.contains("chmod go-w /"),
                "{text}"
            );
            assert!(locate(Some(&path)).is_err(), "named");
            allow(&path, 0o600);
            assert_eq!(folder.read().expect("mine").len(), 1);
        }
    }
}

#[test]
fn a_file_of_another_user_is_refused_and_one_of_root_only_in_the_working_directory() {
    let mine = |uid| {
        let folder = Folder::new();
        write(&folder.working_directory(), "lanes = 4\n");
        let working_directory = folder.places.read(uid);
        fs::remove_file(folder.working_directory()).expect("there");
        write(&folder.user(), "lanes = 4\n");
        (working_directory, folder.places.read(uid))
    };
    let (working_directory, user) = mine(myself());
    assert!(working_directory.is_ok() && user.is_ok());
    // To another user, these files are ours; where we are root, those of the user's place are fine.
    let (working_directory, user) = mine(STRANGER);
    let error = working_directory.expect_err("not theirs");
    let owner = format!("another user (number {})", myself());
    assert!(error.to_string().contains(&owner), "{error}");
    assert!(
        error
            .help_text()
            .is_some_and(|help| help.contains("belong to you:"))
    );
    assert_eq!(user.is_ok(), myself() == 0);
    if myself() == 0 {
        let folder = Folder::new();
        for path in [folder.working_directory(), folder.user(), folder.machine()] {
            write(&path, "lanes = 4\n");
            chown(&path, Some(STRANGER), None).expect("root may");
            assert!(folder.refused().contains("(number 54321)"));
            assert!(locate(Some(&path)).is_err());
            fs::remove_file(path).expect("there");
        }
    }
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    type Make = fn(&Path);
    let kinds: [(Make, &str); 3] = [
        (|path| fs::create_dir(path).expect("made"), "is a directory"),
        (
            |path| {
                let made = std::process::Command::new("mkfifo").arg(path).status();
                assert!(made.expect("mkfifo").success());
            },
            "is a pipe",
        ),
        (
            |path| {
                std::os::unix::net::UnixListener::bind(path)
                    .map(drop)
                    .expect("bound");
            },
            "cannot be read",
        ),
    ];
    for (make, what) in kinds {
        for place in [Folder::working_directory, Folder::user] {
            let folder = Folder::new();
            let path = place(&folder);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            make(&path);
            let text = folder.refused();
            assert!(text.contains(what), "{text}");
        }
    }
    let error = locate(Some(Path::new("/dev/zero"))).expect_err("a device");
    assert!(
        error.to_string().contains("/dev/zero is a device"),
        "{error}"
    );
}

#[test]
fn a_link_is_followed_but_in_the_working_directory() {
    let folder = Folder::new();
    let real = folder.folder.path().join("real.toml");
    write(&real, "lanes = 4\n");
    for path in [folder.user(), folder.machine(), folder.working_directory()] {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    }
    symlink(&real, folder.user()).expect("linked");
    assert_eq!(folder.read().expect("followed").len(), 1);
    symlink(&real, folder.working_directory()).expect("linked");
    let text = folder.refused();
    assert!(
        text.contains("/here/config/mava-export.toml is a link"),
        "{text}"
    );
}

#[test]
fn a_file_that_is_no_configuration_is_named_with_what_is_wrong() {
    let folder = Folder::new();
    fs::create_dir_all(folder.user().parent().expect("a folder")).expect("made");
    fs::write(folder.user(), b"lanes = 4\n# \xff\n").expect("written");
    assert!(
        folder
            .refused()
            .contains("config.toml is not text in UTF-8")
    );
    fs::write(folder.user(), "#".repeat(1_048_577)).expect("written");
    assert!(folder.refused().contains("larger than 1 MiB"));
    fs::write(folder.user(), "# nothing\n").expect("written");
    assert_eq!(folder.read().expect("empty").len(), 1);
}

#[test]
fn a_named_file_must_exist_and_the_others_need_not() {
    let error = locate(Some(Path::new("nowhere/my.toml"))).expect_err("named");
    insta::assert_snapshot!(error, @"the configuration file nowhere/my.toml cannot be read: No such file or directory (os error 2)");
    let error = locate(Some(Path::new("typed-8f1e-never-echoed"))).expect_err("a key");
    insta::assert_snapshot!(error, @"the configuration file cannot be read: No such file or directory (os error 2)");
    assert!(Folder::new().read().expect("none").is_empty());
    // A file where a folder is looked for is no configuration either.
    let folder = Folder::new();
    write(&folder.folder.path().join("here/config"), "");
    assert!(folder.read().expect("none").is_empty());
}
