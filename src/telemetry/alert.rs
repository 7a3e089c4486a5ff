//! What an alert by log lines is, and how an event takes part in one.

/// How an event takes part in an alert.
#[derive(Debug, Clone, Copy)]
pub enum Signal {
    /// Not at all: it is there for whoever reads the log.
    None,
    /// Something is wrong from now on.
    Opens(&'static Alert),
    /// It is no longer wrong.
    Closes(&'static Alert),
    /// Worth an alert by itself; nothing ends it but time.
    Tells(&'static Alert),
    /// A sign of life: its absence is the alert.
    Beats(&'static Alert),
    /// A new process: whatever was open before is void, and opened anew if it is still so.
    Begins(&'static Alert),
}

impl Signal {
    pub(super) const fn opens(alert: &'static Alert) -> Self {
        Self::Opens(alert)
    }

    pub(super) const fn closes(alert: &'static Alert) -> Self {
        Self::Closes(alert)
    }

    pub(super) const fn tells(alert: &'static Alert) -> Self {
        Self::Tells(alert)
    }

    pub(super) const fn beats(alert: &'static Alert) -> Self {
        Self::Beats(alert)
    }

    pub(super) const fn begins(alert: &'static Alert) -> Self {
        Self::Begins(alert)
    }

    /// The alert it belongs to.
    pub fn alert(self) -> Option<&'static Alert> {
        match self {
            Self::None => None,
            Self::Opens(alert)
            | Self::Closes(alert)
            | Self::Tells(alert)
            | Self::Beats(alert)
            | Self::Begins(alert) => Some(alert),
        }
    }

    /// Whether every one of its lines counts: such lines are never taken for repeats.
    pub fn is_state(self) -> bool {
        !matches!(self, Self::None | Self::Tells(_))
    }
}

/// An alert: the same in Prometheus and in Loki.
#[derive(Debug)]
pub struct Alert {
    /// Name of the rule, e.g. `FinstageScheduleStale`.
    pub name: &'static str,
    /// Value of the label `condition`, e.g. `schedule_stale`.
    pub key: &'static str,
    /// Who is to hear of it.
    pub severity: Severity,
    /// The field that tells one case from another; none when there is only one.
    pub subject: Option<&'static str>,
    /// How long it must hold before somebody is told, as Prometheus writes it.
    pub hold: &'static str,
    /// One line for the receiver; may name `{{ $labels.subject }}`, and `event` where one tells it.
    pub summary: &'static str,
}

/// Who is to hear of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Somebody, now: data are being lost or will be late.
    Critical,
    /// Somebody, today.
    Warning,
    /// Who asked for it: price alerts.
    Notice,
}

impl Severity {
    /// All, the worst first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Warning, Self::Notice];

    /// Value of the label `severity`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}
