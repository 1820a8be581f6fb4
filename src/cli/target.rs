//! Where things lie, as typed: a store, a directory of snapshots, a directory of our own. An error here
//! completes clap's sentence, as those of other values do.

use std::path::PathBuf;

use crate::settings::STORE_FILE;

/// Where a desk is copied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A directory of Parquet snapshots, with its SQLite file in it.
    Parquet(PathBuf),
}

impl Target {
    /// The SQLite file.
    pub fn store(&self) -> PathBuf {
        match self {
            Self::Sqlite(file) => file.clone(),
            Self::Parquet(directory) => directory.join(STORE_FILE),
        }
    }

    /// The directory of the snapshots.
    pub fn directory(&self) -> Option<&PathBuf> {
        match self {
            Self::Sqlite(_) => None,
            Self::Parquet(directory) => Some(directory),
        }
    }
}

/// `sqlite:FILE` or `parquet:DIR`.
pub(super) fn target(text: &str) -> Result<Target, String> {
    const FORM: &str = "write sqlite:FILE or parquet:DIR, such as sqlite:support.db";
    match text.split_once(':') {
        Some(("parquet", path)) => match path {
            "" => Err(format!("the directory's name is missing: {FORM}")),
            _ => {
                on_disk(path, "parquet:desk or parquet:/var/lib/desk")?;
                Ok(Target::Parquet(PathBuf::from(path)))
            }
        },
        Some(("sqlite", _)) => store(text).map(Target::Sqlite),
        Some((kind, _)) if is_scheme(kind) => Err(match kind.to_ascii_lowercase().as_str() {
            "sqlite" | "parquet" => {
                format!("the word before the colon is in small letters: {FORM}")
            }
            "file" => format!("write the path itself: {FORM}"),
            _ => format!("{kind} is not supported: {FORM}{}", copy_there(kind)),
        }),
        _ => Err(FORM.into()),
    }
}

/// That this is a path of this machine, not a place elsewhere: a directory `s3:` would hold what somebody
/// looks for in a bucket. `form` is an example of what to write.
fn on_disk(path: &str, form: &str) -> Result<(), String> {
    if path.starts_with("//") {
        return Err(format!("write the path itself after the colon: {form}"));
    }
    let Some((scheme, rest)) = path.split_once(':') else {
        return Ok(());
    };
    // A colon further on, as in `backup-12:30.db`, is part of a name.
    let is_elsewhere = !scheme.contains('/') && rest.starts_with('/');
    let is_known = is_elsewhere || !copy_there(scheme).is_empty();
    match scheme.to_ascii_lowercase().as_str() {
        "file" => Err(format!("write the path itself after the colon: {form}")),
        "sqlite" | "parquet" => Err(format!(
            "write only one of sqlite: and parquet:, as in {form}"
        )),
        _ if is_known => Err(format!(
            "{scheme}: is not supported, only paths on this machine: write {form}{}; \
             for a path that really begins so, write ./ before it",
            copy_there(scheme)
        )),
        _ => Ok(()),
    }
}

/// Whether these are letters of a URL's beginning, as in RFC 3986, section 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "+-.".contains(character))
}

/// How what is published on this machine gets to a store of objects.
fn copy_there(scheme: &str) -> &'static str {
    match scheme.to_ascii_lowercase().as_str() {
        "s3" | "s3a" | "s3n" | "r2" => {
            ", publish there, and copy it to the bucket: aws s3 sync desk/current/ s3://BUCKET/desk"
        }
        "gs" | "gcs" => {
            ", publish there, and copy it to the bucket: gcloud storage rsync --recursive desk/current gs://BUCKET/desk"
        }
        "az" | "adl" | "abfs" | "abfss" | "wasb" | "wasbs" => {
            ", publish there, and copy it: azcopy copy --recursive 'desk/current/*' URL"
        }
        "hdfs" | "viewfs" | "http" | "https" | "ftp" | "ftps" | "sftp" | "ssh" | "webdav" => {
            ", publish there, and copy desk/current to where it is read"
        }
        _ => "",
    }
}

/// A directory of this machine.
pub(super) fn directory(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("the directory's name is missing".into());
    }
    match text.split_once("://") {
        Some((scheme, _)) if is_scheme(scheme) => Err(format!(
            "{scheme}: is not supported: write the path of a directory on this machine"
        )),
        _ => Ok(PathBuf::from(text)),
    }
}

/// `sqlite:FILE`: the file.
pub(super) fn store(text: &str) -> Result<PathBuf, String> {
    const FORM: &str = "write sqlite:FILE, such as sqlite:support.db";
    let Some(path) = text.strip_prefix("sqlite:") else {
        return Err(FORM.into());
    };
    if path.is_empty() || path.ends_with('/') || path == "." || path == ".." {
        return Err(format!("the file's name is missing: {FORM}"));
    }
    if path.starts_with(":memory:") {
        return Err(format!("a store is a file on disk: {FORM}"));
    }
    on_disk(path, "sqlite:support.db or sqlite:/var/lib/support.db")?;
    Ok(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_sqlite_file() {
        assert_eq!(store("sqlite:support.db"), Ok("support.db".into()));
        assert_eq!(
            store("sqlite:/var/lib/a:b.db"),
            Ok("/var/lib/a:b.db".into())
        );
        for wrong in [
            "",
            "support.db",
            "sqlite:",
            "sqlite:data/",
            "sqlite:.",
            "sqlite::memory:",
            "sqlite:file:a.db",
            "sqlite://a.db",
            "sqlite:///a.db",
            "parquet:out",
            "/a/b.db",
        ] {
            let error = store(wrong).expect_err(wrong);
            assert!(error.contains("sqlite:support.db"), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_target_is_a_sqlite_file_or_a_directory_of_parquet() {
        let desk = target("parquet:/var/lib/desk").expect("a directory");
        assert_eq!(desk.directory(), Some(&"/var/lib/desk".into()));
        assert_eq!(desk.store(), PathBuf::from("/var/lib/desk/store.sqlite"));
        let file = target("sqlite:support.db").expect("a file");
        assert_eq!(
            (file.directory(), file.store()),
            (None, "support.db".into())
        );
        for wrong in [
            "",
            "support.db",
            "sqlite:",
            "parquet:",
            "parquet:///a",
            "csv:a",
        ] {
            let error = target(wrong).expect_err(wrong);
            assert!(error.contains("write "), "{wrong}: {error}");
        }
        insta::assert_snapshot!(target("duckdb:out").expect_err("no such store"),
            @"duckdb is not supported: write sqlite:FILE or parquet:DIR, such as sqlite:support.db");
    }

    #[test]
    fn a_place_that_is_no_path_of_this_machine_is_no_target() {
        for place in [
            "s3://bucket/desk",
            "S3://bucket/desk",
            "s3:bucket/desk",
            "s3a://bucket/desk",
            "gs://bucket/desk",
            "az://container/desk",
            "abfss://container@account/desk",
            "hdfs://name:8020/desk",
            "https://example.org/desk",
            "sftp://host/desk",
            "r2:/bucket",
            "nas:/exports/desk",
            "somebody@nas:/exports/desk",
            "file:///var/lib/desk",
            "file:/var/lib/desk",
            "sqlite:desk",
            "parquet:desk",
            "anything://desk",
        ] {
            for (kind, form) in [("parquet", "parquet:desk"), ("sqlite", "sqlite:support.db")] {
                let text = format!("{kind}:{place}");
                let error = target(&text).expect_err(&text);
                assert!(error.contains("write "), "{text}: {error}");
                assert!(error.contains(form), "{text}: {error}");
            }
            // As they are often written, without saying what is meant.
            if !place.starts_with("sqlite:") && !place.starts_with("parquet:") {
                let error = target(place).expect_err(place);
                assert!(error.contains("write "), "{place}: {error}");
            }
        }
        insta::assert_snapshot!(target("parquet:s3://bucket/desk").expect_err("no path"),
            @"s3: is not supported, only paths on this machine: write parquet:desk or parquet:/var/lib/desk, publish there, and copy it to the bucket: aws s3 sync desk/current/ s3://BUCKET/desk; for a path that really begins so, write ./ before it");
        insta::assert_snapshot!(target("postgres://me:word@host/db").expect_err("no such store"),
            @"postgres is not supported: write sqlite:FILE or parquet:DIR, such as sqlite:support.db");
        insta::assert_snapshot!(target("SQLite:a.db").expect_err("capitals"),
            @"the word before the colon is in small letters: write sqlite:FILE or parquet:DIR, such as sqlite:support.db");
        for path in ["./s3:/desk", "backup-12:30", "/srv/a:b/desk", "desk"] {
            let text = format!("parquet:{path}");
            assert_eq!(target(&text), Ok(Target::Parquet(path.into())));
        }
        assert_eq!(directory("state"), Ok("state".into()));
        for wrong in ["", "s3://bucket/state", "file:///state"] {
            assert!(directory(wrong).is_err(), "{wrong}");
        }
    }
}
