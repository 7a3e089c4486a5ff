//! The journal's native protocol: a line is a datagram, its fields beside its text. Without the
//! socket lines go to stderr, and that is said.

use std::io::{ErrorKind, Result, Stderr, Write};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::events::{LogJournalBack, LogJournalLost};
use super::format::Style;
use super::line::{Line, LineBuilder, priority, timestamp};
use super::writer::{Sink, Stream};
use crate::clock::{self, Clock};

/// Keys of a line that are fields of the journal as well: what somebody filters by. Numbers that
/// differ from line to line are not among them; the journal indexes every value.
pub(super) const FIELDS: [(&str, &str); 8] = [
    ("event", "FINSTAGE_EVENT"),
    ("code", "FINSTAGE_CODE"),
    ("run.id", "FINSTAGE_RUN"),
    ("schedule.name", "FINSTAGE_SCHEDULE"),
    ("job", "FINSTAGE_JOB"),
    ("task.symbol", "FINSTAGE_SYMBOL"),
    ("provider", "FINSTAGE_PROVIDER"),
    ("class", "FINSTAGE_CLASS"),
];

/// Where journald listens.
const PLACE: &str = "/run/systemd/journal/socket";

/// syslog's facility `daemon`, which systemd gives to what comes by stderr.
const FACILITY: &str = "3";

/// How long one send waits for a journal that does not read, before the place is looked at again.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a socket that cannot be used is left alone.
const REST: Duration = Duration::from_secs(1);

/// The journal's field of a key.
pub(super) fn field(key: &str) -> Option<&'static str> {
    let known = FIELDS.iter().find(|(known, _)| *known == key);
    known.map(|(_, name)| *name)
}

/// The journal as a place for lines, and where they go when it cannot be used.
pub(super) struct Journal<W> {
    place: PathBuf,
    socket: Option<UnixDatagram>,
    rest: Duration,
    stderr: Stream<W>,
    lost: Option<Lost>,
}

/// Since the socket cannot be used.
struct Lost {
    again: Instant,
    lines: u64,
}

impl Journal<Stderr> {
    /// The machine's journal.
    pub(super) fn beside(stderr: Stderr) -> Self {
        Self::new(PLACE.into(), REST, stderr)
    }
}

impl<W: Write> Journal<W> {
    fn new(place: PathBuf, rest: Duration, stderr: W) -> Self {
        Self {
            place,
            socket: None,
            rest,
            stderr: Stream::new(stderr),
            lost: None,
        }
    }

    /// Waits for room as long as it takes: the queue before this thread sheds meanwhile. The place is
    /// named each time, so that a socket made anew there is found.
    fn send(&mut self, line: &Line) -> Result<()> {
        let datagram = encode(line);
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => open()?,
        };
        let socket = self.socket.insert(socket);
        loop {
            match socket.send_to(&datagram, &self.place) {
                Ok(_) => return Ok(()),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }

    /// As systemd reads it from stderr.
    fn write_stderr(&mut self, line: &Line) -> bool {
        let text = format!("<{}>{}", priority(line.level), line.text);
        self.stderr.put(&text)
    }
}

impl<W: Write + Send + 'static> Sink for Journal<W> {
    fn write_line(&mut self, line: &Line) -> bool {
        let now = clock::monotonic();
        if let Some(lost) = &mut self.lost
            && now < lost.again
        {
            lost.lines += 1;
            return self.write_stderr(line);
        }
        match self.send(line) {
            Ok(()) => {
                if let Some(lost) = self.lost.take() {
                    let back = back(lost.lines);
                    if self.send(&back).is_err() {
                        self.write_stderr(&back);
                    }
                }
                true
            }
            Err(error) => {
                let lines = self.lost.take().map_or(0, |lost| lost.lines);
                if lines == 0 {
                    self.write_stderr(&lost(&error.to_string()));
                }
                self.lost = Some(Lost {
                    again: now + self.rest,
                    lines: lines + 1,
                });
                self.write_stderr(line)
            }
        }
    }

    fn end(&mut self) {
        self.stderr.flush();
    }
}

fn open() -> Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn lost(reason: &str) -> Line {
    let now = timestamp(Clock::system().now());
    LineBuilder::own(&LogJournalLost::DEF, Style::Journal, &now, |line| {
        line.text("reason", reason);
    })
}

fn back(lines: u64) -> Line {
    let now = timestamp(Clock::system().now());
    LineBuilder::own(&LogJournalBack::DEF, Style::Journal, &now, |line| {
        line.number("lines", lines);
    })
}

/// A line in the native protocol (systemd's `JOURNAL_NATIVE_PROTOCOL`). Lines and fields are bounded,
/// so that it always is one datagram.
fn encode(line: &Line) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(line.text.len() + 384);
    append(&mut datagram, "MESSAGE", line.text.trim_end_matches('\n'));
    append(&mut datagram, "PRIORITY", &priority(line.level).to_string());
    append(&mut datagram, "SYSLOG_IDENTIFIER", "finstage");
    append(&mut datagram, "SYSLOG_FACILITY", FACILITY);
    for (name, value) in &line.fields {
        append(&mut datagram, name, value);
    }
    datagram
}

/// `NAME=value`; a value of several lines has its length in front, 64 bits, little end first.
fn append(datagram: &mut Vec<u8>, name: &str, value: &str) {
    datagram.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        datagram.push(b'\n');
        datagram.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        datagram.push(b'=');
    }
    datagram.extend_from_slice(value.as_bytes());
    datagram.push(b'\n');
}

#[cfg(test)]
mod tests;
