//! The formats of the log, and which one `auto` is where the daemon runs.

use std::io::IsTerminal as _;
use std::os::unix::fs::MetadataExt as _;

/// `[daemon] log.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// The journal when stderr is the journal's, text on a terminal, JSON otherwise.
    Auto,
    /// The journal's own protocol, whatever stderr is.
    Journal,
    /// One JSON object a line.
    Json,
    /// For eyes.
    Text,
}

/// How lines look once the surroundings are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// JSON, and fields of the journal beside it.
    Journal,
    Json {
        priority: bool,
    },
    Text {
        color: bool,
    },
}

impl Style {
    pub(super) fn is_json(self) -> bool {
        matches!(self, Self::Journal | Self::Json { .. })
    }
}

/// What stderr is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stderr {
    Journal,
    Terminal,
    Other,
}

impl LogFormat {
    /// Every format with its name in schedules.toml.
    pub const ALL: [(&'static str, Self); 4] = [
        ("auto", Self::Auto),
        ("journal", Self::Journal),
        ("json", Self::Json),
        ("text", Self::Text),
    ];

    pub(super) fn resolve(self) -> Style {
        self.on(Stderr::found())
    }

    fn on(self, stderr: Stderr) -> Style {
        match (self, stderr) {
            (Self::Journal, _) | (Self::Auto, Stderr::Journal) => Style::Journal,
            (Self::Json, Stderr::Journal) => Style::Json { priority: true },
            (Self::Json | Self::Auto, Stderr::Other) | (Self::Json, Stderr::Terminal) => {
                Style::Json { priority: false }
            }
            (Self::Text | Self::Auto, Stderr::Terminal) => Style::Text { color: true },
            (Self::Text, _) => Style::Text { color: false },
        }
    }
}

impl Stderr {
    fn found() -> Self {
        let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
        let file = std::fs::metadata("/proc/self/fd/2");
        match file {
            Ok(file) if is_journal(&stream, file.dev(), file.ino()) => Self::Journal,
            _ if std::io::stderr().is_terminal() => Self::Terminal,
            _ => Self::Other,
        }
    }
}

/// Whether a file is the one systemd has connected to the journal: it puts the device and the inode
/// into `JOURNAL_STREAM`, which children inherit also when their stderr is another.
fn is_journal(stream: &str, device: u64, inode: u64) -> bool {
    stream == format!("{device}:{inode}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_the_journal_s_protocol_only_where_stderr_is_the_journal_s() {
        use LogFormat::{Auto, Journal, Json, Text};
        for (format, stderr, style) in [
            (Auto, Stderr::Journal, Style::Journal),
            (Auto, Stderr::Terminal, Style::Text { color: true }),
            (Auto, Stderr::Other, Style::Json { priority: false }),
            (Journal, Stderr::Journal, Style::Journal),
            (Journal, Stderr::Terminal, Style::Journal),
            (Journal, Stderr::Other, Style::Journal),
            (Json, Stderr::Journal, Style::Json { priority: true }),
            (Json, Stderr::Terminal, Style::Json { priority: false }),
            (Json, Stderr::Other, Style::Json { priority: false }),
            (Text, Stderr::Journal, Style::Text { color: false }),
            (Text, Stderr::Terminal, Style::Text { color: true }),
            (Text, Stderr::Other, Style::Text { color: false }),
        ] {
            assert_eq!(format.on(stderr), style, "{format:?} on {stderr:?}");
        }
    }

    #[test]
    fn a_variable_inherited_from_elsewhere_makes_no_journal_of_a_file() {
        let file = tempfile::tempfile().unwrap().metadata().unwrap();
        let (device, inode) = (file.dev(), file.ino());
        assert!(is_journal(&format!("{device}:{inode}"), device, inode));
        for stream in ["", ":", &format!("{device}"), &format!("{device}:1{inode}")] {
            assert!(!is_journal(stream, device, inode), "{stream}");
        }
    }
}
