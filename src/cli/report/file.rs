//! Writing a file that is there as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Where the file can be put; why not, and what to do, where it cannot.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let shown = path.display();
    if path.is_dir() {
        return Err(format!(
            "{shown} is a directory; name a file in it: {}",
            path.join("report.html").display()
        ));
    }
    if path.file_name().is_none() {
        return Err(format!("{shown} names no file; name one: report.html"));
    }
    let folder = folder_of(path);
    if folder.is_dir() {
        return Ok(());
    }
    let folder = folder.display();
    Err(format!(
        "{shown} cannot be written: there is no directory {folder}; make it (mkdir -p {folder}) or \
         name another file"
    ))
}

/// Writes `text` beside the file and then puts it in its place, so that nobody ever reads half.
pub(super) fn write(path: &Path, text: &str) -> Result<(), String> {
    check(path)?;
    let failed = |error: std::io::Error| format!("{} cannot be written: {error}", path.display());
    let beside = beside(path);
    let written = write_new(&beside, text).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // What is left of it is of no use; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}

fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A name of our own in the same directory: only within a file system is a rename at once.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    folder_of(path).join(format!(".{name}.{}.tmp", std::process::id()))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        write(&path, "one").unwrap();
        let old = File::open(&path).unwrap();
        write(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        // Whoever reads the old one reads it to its end.
        assert_eq!(std::io::read_to_string(old).unwrap(), "one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_is_told_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no/such/report.html");
        let told = write(&missing, "").unwrap_err();
        let remedy = format!("mkdir -p {}", folder.path().join("no/such").display());
        assert!(told.contains(&remedy), "{told}");
        let told = write(folder.path(), "").unwrap_err();
        assert!(told.contains("name a file in it"), "{told}");
        assert!(write(Path::new(".."), "").is_err());
        assert!(check(Path::new("report.html")).is_ok());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_cannot_be_put_in_its_place_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("kept"), "").unwrap();
        assert!(write(&path, "text").is_err());
        let beside = beside(&path);
        assert!(!beside.exists());
        fs::write(&beside, "of another process with our number").unwrap();
        let other = folder.path().join("other.html");
        write(&other, "text").unwrap();
    }
}
