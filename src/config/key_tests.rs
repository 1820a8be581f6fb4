use super::*;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use secrecy::ExposeSecret;

#[test]
fn a_typed_key_file_goes_before_the_environment_and_that_before_others() {
    let file = Path::new("key.txt");
    let stdin = Path::new("-");
    for (key_file, is_typed, has_variable, expected) in [
        (Some(file), true, true, Some(Source::File(file))),
        (Some(file), false, true, Some(Source::Environment)),
        (Some(file), false, false, Some(Source::File(file))),
        (Some(stdin), true, true, Some(Source::Stdin)),
        (None, false, true, Some(Source::Environment)),
        (None, false, false, None),
    ] {
        assert_eq!(choose(key_file, is_typed, has_variable), expected);
    }
}

#[test]
fn line_ends_after_the_key_are_cut_off() {
    for text in ["s3cr3t", "s3cr3t\n", "s3cr3t\r\n", "s3cr3t\n\n"] {
        assert_eq!(
            check("it", "it", text).expect(text).expose_secret(),
            "s3cr3t"
        );
    }
}

#[test]
fn what_is_no_key_is_refused_without_printing_it() {
    let long = "s3cr3t".repeat(1000);
    for (text, reason) in [
        ("", "is empty"),
        ("\n", "is empty"),
        (" s3cr3t", "white space"),
        ("s3cr3t\ns3cr3t", "white space"),
        ("s3cr3t\tx", "white space"),
        ("s3cr3t\u{7}", "characters"),
        ("s3cr3tö", "characters"),
        ("\u{feff}s3cr3t", "characters"),
        (long.as_str(), "too long"),
    ] {
        let error = check("MAVA_API_KEY", "it", text).expect_err("no key");
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains(reason) && !shown.contains("s3cr3t"),
            "{shown}"
        );
    }
}

/// A file of this content with these permissions.
fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("key");
    std::fs::write(&path, content).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("mine");
    (folder, path)
}

#[test]
fn what_is_no_key_file_is_named_with_what_is_wrong() {
    let long = b"s3cr3t".repeat(1000);
    for (content, reason) in [
        (&b""[..], "is empty"),
        (b"\r\n", "is empty"),
        (&long, "too long"),
        (b"s3cr3t\0", "no text"),
        (b"\xff\xfes\x003\0", "no text"),
        (b"s3cr3t\xff", "no text"),
        (b"s3cr3t s3cr3t", "white space"),
    ] {
        let (_folder, path) = file(content, 0o600);
        let error = from_file(&path, PATIENCE).expect_err(reason);
        let shown = format!("{error} {}", error.help_text().unwrap_or_default());
        assert!(shown.contains(reason), "{shown}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
    for (path, kind) in [("/", "a directory"), ("/dev/zero", "a device")] {
        let error = from_file(Path::new(path), PATIENCE).expect_err(kind);
        assert_eq!(
            error.to_string(),
            format!("the API key file {path} is {kind}")
        );
    }
}

/// Gives up at once, where there is something to give up.
const IMPATIENCE: Patience = Patience {
    silent: Duration::ZERO,
    unwritten: Duration::ZERO,
    longest: Some(Duration::ZERO),
};

/// Waits as long as a busy machine takes.
const ENDURANCE: Patience = Patience {
    silent: Duration::ZERO,
    unwritten: Duration::from_secs(60),
    longest: Some(Duration::from_secs(60)),
};

fn pipe() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.expect("mkfifo").success());
    (folder, path)
}

#[test]
fn a_pipe_that_nobody_writes_to_is_given_up() {
    let (_folder, path) = pipe();
    let error = from_file(&path, IMPATIENCE).expect_err("nobody");
    let text = error.to_string();
    assert!(text.contains("is a pipe that nobody writes to"), "{text}");
    assert!(text.contains(&path.display().to_string()), "{text}");
}

#[test]
fn a_pipe_whose_writer_is_silent_is_given_up_later() {
    let (_folder, path) = pipe();
    // Open both ways, which does not wait for another end.
    let writer = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path);
    let error = from_file(&path, IMPATIENCE).expect_err("silent");
    assert!(
        error.to_string().contains("did not come to its end"),
        "{error}"
    );
    drop(writer);
}

#[test]
fn a_pipe_gives_the_key_whenever_it_is_written() {
    let (_folder, path) = pipe();
    let name = path.clone();
    let writer = std::thread::spawn(move || {
        // Waits for the reader.
        std::fs::write(&name, "s3cr3t\n").expect("written");
    });
    let key = from_file(&path, ENDURANCE).expect("a key");
    assert_eq!(key.expose_secret(), "s3cr3t");
    writer.join().expect("ended");
    // As the shell's `<(…)`: written and closed before it is opened.
    let (reader, mut writer) = io::pipe().expect("a pipe");
    io::Write::write_all(&mut writer, b"s3cr3t").expect("written");
    drop(writer);
    let path = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
    let key = from_file(Path::new(&path), ENDURANCE).expect("a key");
    assert_eq!(key.expose_secret(), "s3cr3t");
}

#[test]
fn an_endless_pipe_is_read_only_so_far() {
    let (_folder, path) = pipe();
    let name = path.clone();
    let writer = std::thread::spawn(move || {
        // Fails where nobody reads on.
        let _ = std::fs::write(&name, "k".repeat(1 << 20));
    });
    let error = from_file(&path, ENDURANCE).expect_err("no key");
    assert!(error.to_string().contains("too long"), "{error}");
    writer.join().expect("ended");
}

#[test]
fn a_key_typed_in_place_of_its_file_is_not_printed() {
    let error = read(Some(Path::new("/nowhere/s3cr3t")), true).expect_err("no such file");
    assert!(!format!("{error} {error:?}").contains("s3cr3t"));
}
