//! Proof of life for systemd's watchdog: each sign passes through the planner and through the
//! runtime, so that neither can hang unnoticed. What is free of both (a timer, a thread of its own)
//! would prove nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::clock;

/// No question is open.
const NONE: i64 = -1;

/// A planner with much to do looks more often; asked is no more often than this.
const BETWEEN_MS: i64 = 1_000;

/// How promptly the daemon's runtime does what the planner asks of it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Vitals {
    runtime: Handle,
    questions: TaskTracker,
    state: Arc<State>,
}

struct State {
    began: Instant,
    asked_ms: AtomicI64,
    previous_ms: AtomicI64,
    latency_ms: AtomicI64,
}

impl Vitals {
    /// Of `runtime`.
    pub(super) fn new(runtime: Handle) -> Self {
        let state = State {
            began: clock::monotonic(),
            asked_ms: AtomicI64::new(NONE),
            previous_ms: AtomicI64::new(-BETWEEN_MS),
            latency_ms: AtomicI64::new(0),
        };
        Self {
            runtime,
            questions: TaskTracker::new(),
            state: Arc::new(state),
        }
    }

    /// At each look of the planner: the runtime is asked, and calls `alive` in answer. One question
    /// at a time: what is not answered is not heaped up.
    pub(super) fn look(&self, alive: impl FnOnce() + Send + 'static) {
        let now_ms = self.state.now_ms();
        if now_ms - self.state.previous_ms.load(Ordering::Relaxed) < BETWEEN_MS {
            return;
        }
        let open = &self.state.asked_ms;
        let was = open.compare_exchange(NONE, now_ms, Ordering::Relaxed, Ordering::Relaxed);
        if was.is_err() {
            return;
        }
        self.state.previous_ms.store(now_ms, Ordering::Relaxed);
        let state = Arc::clone(&self.state);
        let answer = async move {
            let latency_ms = state.now_ms() - now_ms;
            state.latency_ms.store(latency_ms, Ordering::Relaxed);
            state.asked_ms.store(NONE, Ordering::Relaxed);
            alive();
        };
        drop(self.questions.spawn_on(answer, &self.runtime));
    }

    /// How long the runtime took for the last answer, or has owed one by now, ms: about nothing
    /// while all is well.
    pub(super) fn latency_ms(&self) -> i64 {
        match self.state.asked_ms.load(Ordering::Relaxed) {
            NONE => self.state.latency_ms.load(Ordering::Relaxed),
            asked_ms => self.state.now_ms() - asked_ms,
        }
    }
}

impl State {
    fn now_ms(&self) -> i64 {
        clock::elapsed_ms(self.began)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::time::Duration;

    use super::*;

    /// A paused runtime that does nothing but what it is let do, and a count of signs of life.
    fn scene() -> (tokio::runtime::Runtime, Vitals, Arc<AtomicU32>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let vitals = runtime.block_on(async { Vitals::new(Handle::current()) });
        (runtime, vitals, Arc::default())
    }

    #[test]
    fn a_runtime_that_does_not_come_to_it_gives_no_sign_of_life_and_its_delay_grows() {
        let (runtime, vitals, signs) = scene();
        let look = || {
            let signs = Arc::clone(&signs);
            vitals.look(move || {
                signs.fetch_add(1, Ordering::Relaxed);
            });
        };
        let seen = || signs.load(Ordering::Relaxed);
        runtime.block_on(async {
            for second in 0..12 {
                look();
                assert_eq!((seen(), vitals.latency_ms()), (0, second * 1_000));
                // Time passes, and nothing else: the runtime is busy with this.
                busy(Duration::from_secs(1));
            }
            tokio::task::yield_now().await;
        });
        assert_eq!(seen(), 1, "one question, whatever number of looks");
        assert_eq!(vitals.latency_ms(), 12_000, "what the last one took");
        runtime.block_on(async {
            look();
            tokio::task::yield_now().await;
        });
        assert_eq!((seen(), vitals.latency_ms()), (2, 0));
        runtime.block_on(async {
            for _ in 0..100 {
                look();
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(seen(), 2, "not more than once a second");
    }

    /// Moves paused time on without giving any task a turn.
    fn busy(span: Duration) {
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        let mut advance = std::pin::pin!(tokio::time::advance(span));
        // The first poll moves the clock; what it then waits for is a turn of the others.
        let _ = advance.as_mut().poll(&mut context);
    }
}
