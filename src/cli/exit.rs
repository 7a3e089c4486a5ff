//! Exit codes: part of the interface, after sysexits.h where that has one.

use std::process::ExitCode;

/// What the exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, and everything succeeded.
    Success,
    /// 1: done, but not everything succeeded (a task failed, a lint was denied, a row could not be
    /// read).
    Failure,
    /// 2: the command line does not make sense (also: no such schedule or run).
    Usage,
    /// 69: the database or the network cannot be used.
    Unavailable,
    /// 70: a bug.
    Software,
    /// 78: the configuration is broken; a restart will not help.
    Config,
}

impl Exit {
    /// Every code.
    pub const ALL: [Self; 6] = [
        Self::Success,
        Self::Failure,
        Self::Usage,
        Self::Unavailable,
        Self::Software,
        Self::Config,
    ];

    /// The table shown by `--help`.
    pub const HELP: &'static str = "\
Exit codes:
   0  done, everything succeeded
   1  done, but not everything succeeded
   2  the command line does not make sense
  69  the database or the network cannot be used
  70  a bug in finstage
  78  the configuration is broken";

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Unavailable => 69,
            Self::Software => 70,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_help_lists_exactly_the_codes_there_are() {
        let listed: Vec<u8> = Exit::HELP
            .lines()
            .skip(1)
            .map(|line| {
                line.split_ascii_whitespace()
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap()
            })
            .collect();
        let codes: Vec<u8> = Exit::ALL.into_iter().map(Exit::code).collect();
        assert_eq!(listed, codes);
    }
}
