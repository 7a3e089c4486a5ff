//! An outage of the ledger: it begins with whatever fails. It is over once something could be
//! written, and what had failed, or a whole look at the clock, goes well: a database that only
//! answers (a full disk, a lock somebody holds, a file that may only be read) is still away.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Loop;
use crate::clock;
use crate::store::StoreError;
use crate::telemetry::events;

/// Longest wait for the ledger in one go: the planner has to show its life.
const PATIENCE: Duration = Duration::from_secs(8);

/// How soon the ledger is tried again when it has failed; doubled each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest wait between two tries.
const LONGEST_RETRY: Duration = Duration::from_secs(4);

#[derive(Debug, Clone, Copy)]
pub(super) struct Outage {
    since: Instant,
    /// What failed first.
    during: &'static str,
    next_try: Instant,
    retry: Duration,
    /// Something could be written, and nothing has failed since.
    is_proven: bool,
}

impl Loop {
    /// Whether the ledger cannot be used, as far as we know.
    pub(super) fn is_away(&self) -> bool {
        self.outage.is_some_and(|outage| !outage.is_proven)
    }

    /// Since when, ms.
    pub(super) fn away_ms(&self) -> Option<i64> {
        self.outage.map(|outage| clock::elapsed_ms(outage.since))
    }

    /// How long to wait for the next try at most; `None` when there is no outage.
    pub(super) fn until_try(&self) -> Option<Duration> {
        let next = self.outage?.next_try;
        Some(next.saturating_duration_since(clock::monotonic()))
    }

    /// Whether the ledger may be used in this look. In an outage it is asked to write something,
    /// now and then.
    pub(super) async fn may_ask(&mut self) -> bool {
        let Some(outage) = self.outage else {
            return true;
        };
        if clock::monotonic() < outage.next_try {
            return false;
        }
        let ledger = Arc::clone(&self.ledger);
        let is_proven = self
            .in_time("a probe", ledger.prove_writable())
            .await
            .is_ok();
        // What follows may wait as long again.
        self.show_life();
        if let Some(outage) = &mut self.outage {
            outage.is_proven = is_proven;
            outage.next_try = clock::monotonic() + outage.retry;
            outage.retry = (outage.retry * 2).min(LONGEST_RETRY);
        }
        is_proven
    }

    /// The end of a look in which the ledger was used: when nothing has failed since the proof, all
    /// is well.
    pub(super) fn end_outage(&mut self) {
        let Some(outage) = self.outage.take_if(|outage| outage.is_proven) else {
            return;
        };
        self.pulse.note_store(false);
        let outage_ms = clock::elapsed_ms(outage.since);
        events::StoreRecovered { outage_ms }.emit();
    }

    /// Waits for the ledger, but not for ever; says when it cannot be used, and when it can again.
    pub(super) async fn in_time<T>(
        &mut self,
        during: &'static str,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, String> {
        let reason = match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(value)) => {
                if self.outage.is_some_and(|outage| outage.during == during) {
                    self.end_outage();
                }
                return Ok(value);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        if let Some(outage) = &mut self.outage {
            outage.is_proven = false;
            return Err(reason);
        }
        events::StoreUnavailable {
            during,
            reason: &reason,
        }
        .emit();
        self.outage = Some(Outage {
            since: clock::monotonic(),
            during,
            next_try: clock::monotonic() + FIRST_RETRY,
            retry: FIRST_RETRY * 2,
            is_proven: false,
        });
        self.pulse.note_store(true);
        Err(reason)
    }
}
