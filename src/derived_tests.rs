//! What is opened in the place of a file of ours, and what is not.
#![expect(clippy::disallowed_methods, reason = "these tests are about files")]

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

/// A directory with one of each kind that a path can lead to; the listener keeps its socket.
struct Kinds {
    directory: TempDir,
    _socket: UnixListener,
}

impl Kinds {
    fn new() -> Self {
        let directory = TempDir::new().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        fs::write(at("theirs"), "mine").expect("written");
        symlink(at("theirs"), at("link")).expect("a link");
        symlink(at("nothing"), at("dangling")).expect("a link");
        fs::write(at("twice"), "mine").expect("written");
        fs::hard_link(at("twice"), at("second")).expect("a second name");
        fs::create_dir(at("folder")).expect("a directory");
        let made = std::process::Command::new("mkfifo")
            .arg(at("pipe"))
            .status();
        assert!(made.expect("mkfifo").success());
        let socket = UnixListener::bind(at("socket")).expect("a socket");
        fs::write(at("own"), "own").expect("written");
        Self {
            directory,
            _socket: socket,
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

const REFUSED: [(&str, Refusal); 6] = [
    ("link", Refusal::Link),
    ("dangling", Refusal::Link),
    ("second", Refusal::SecondName),
    ("folder", Refusal::Directory),
    ("pipe", Refusal::Pipe),
    ("socket", Refusal::Special),
];

#[test]
fn only_a_regular_file_of_one_name_is_opened_to_be_written() {
    let kinds = Kinds::new();
    for (name, refused) in REFUSED {
        let path = kinds.at(name);
        for error in [
            open_to_write(&path).expect_err(name),
            open_or_create(&path, 0o600).map(drop).expect_err(name),
            check(&path, Names::One).expect_err(name),
        ] {
            assert_eq!(refusal(&error), Some(refused), "{name}: {error}");
            let told = explain(&path, &error).expect(name);
            assert_eq!(told.kind(), crate::error::ErrorKind::Usage);
            assert!(told.to_string().contains(&refused.to_string()), "{told}");
            assert!(
                told.help_text().expect("a way out").contains(name),
                "{told}"
            );
        }
    }
    assert!(!kinds.at("nothing").exists());
    assert!(open_to_write(&kinds.at("own")).is_ok());
    let (_, is_new) = open_or_create(&kinds.at("own"), 0o600).expect("opens");
    assert!(!is_new);
    assert_eq!(
        read(&kinds.at("own")).expect("reads").as_deref(),
        Some("own")
    );
    assert_eq!(fs::read(kinds.at("theirs")).expect("read"), b"mine");
}

#[test]
fn what_is_only_read_may_have_a_second_name_and_nothing_else() {
    let kinds = Kinds::new();
    for (name, refused) in REFUSED {
        let opened = read(&kinds.at(name));
        match refused {
            Refusal::SecondName => assert_eq!(opened.expect(name).as_deref(), Some("mine")),
            _ => assert_eq!(refusal(&opened.expect_err(name)), Some(refused), "{name}"),
        }
    }
    assert_eq!(read(&kinds.at("nothing")).expect("nothing"), None);
    assert_eq!(read(&kinds.at("own/below")).expect("nothing"), None);
}

#[test]
fn a_link_is_seen_in_every_part_of_a_path() {
    let kinds = Kinds::new();
    let root = kinds.directory.path();
    fs::create_dir(kinds.at("folder/month")).expect("a directory");
    fs::write(kinds.at("folder/month/rows"), "rows").expect("written");
    symlink(kinds.at("folder"), kinds.at("alias")).expect("a link");
    symlink(kinds.at("folder/month"), kinds.at("folder/other")).expect("a link");
    let found = |relative: &str| look_below(root, Path::new(relative));
    assert_eq!(
        found("folder/month/rows")
            .expect("looks")
            .expect("a file")
            .len(),
        4
    );
    for relative in ["alias/month/rows", "folder/other/rows", "link", "dangling"] {
        let error = found(relative).expect_err(relative);
        assert_eq!(refusal(&error), Some(Refusal::Link), "{relative}");
    }
    for relative in ["", "folder/none/rows", "own/below"] {
        assert!(found(relative).expect(relative).is_none(), "{relative}");
    }
}

#[test]
fn a_file_larger_than_any_of_ours_is_not_read_into_memory() {
    let kinds = Kinds::new();
    let large = File::create(kinds.at("large")).expect("made");
    large.set_len(1 << 40).expect("sparse");
    let error = read(&kinds.at("large")).expect_err("refused");
    assert_eq!(refusal(&error), Some(Refusal::Large));
    fs::write(kinds.at("bytes"), [b'{', 0xff, b'}']).expect("written");
    let text = read(&kinds.at("bytes")).expect("reads");
    assert_eq!(text.as_deref(), Some("{\u{fffd}}"));
}
