//! Many quotes in one request: `/v7/finance/spark?symbols=A,B&range=1d&interval=1d`, off by default.
//!
//! Tasks ask for one symbol each. A question joins the batch that is still waiting for the pace, or
//! begins one; whoever begins it sends it for all. A batch is closed when its request goes out, so
//! that waiting costs nothing but [`GATHERING`]. Whatever goes wrong, the question is answered with
//! "ask for the chart".

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use tokio::sync::{Notify, oneshot};

use super::spark_parse::{Latest, parse};
use super::{PROVIDER, Yahoo};
use crate::clock;
use crate::domain::{FaultClass, Symbol};
use crate::telemetry::{Work, events};
use crate::upstream::{Budget, Chart, Fault, LatestRequest};

/// Symbols of one request: more are refused.
pub(super) const MAX_SYMBOLS: usize = 20;

/// How long a batch is held open for tasks that begin at the same moment.
const GATHERING: Duration = Duration::from_millis(3);

/// Requests spent on finding the symbol a batch is refused for; the rest is asked for alone.
const MAX_REQUESTS: usize = 12;

/// What its durations are filed under.
const NAME: &str = "yahoo.spark";

/// A question that waits: its symbol, and where the answer goes. `None` means: ask for the chart.
struct Question {
    symbol: Symbol,
    answer: oneshot::Sender<Option<Latest>>,
}

/// A batch that has not been sent yet.
struct Batch {
    number: u64,
    questions: Vec<Question>,
    is_full: Arc<Notify>,
}

#[derive(Default)]
struct Waiting {
    next_number: u64,
    batches: VecDeque<Batch>,
}

/// The questions that wait for being sent.
#[derive(Default)]
pub(super) struct Collector(Mutex<Waiting>);

/// Whose turn it is to send a batch. When it is dropped before, the batch is dissolved.
struct Leader<'c> {
    collector: &'c Collector,
    number: u64,
    is_full: Arc<Notify>,
}

impl Collector {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the open batch, or begins one and has to send it.
    fn join(&self, symbol: &Symbol) -> (oneshot::Receiver<Option<Latest>>, Option<Leader<'_>>) {
        let (answer, receiver) = oneshot::channel();
        let question = Question {
            symbol: symbol.clone(),
            answer,
        };
        let mut waiting = self.lock();
        if let Some(batch) = waiting.batches.back_mut()
            && batch.questions.len() < MAX_SYMBOLS
        {
            batch.questions.push(question);
            if batch.questions.len() == MAX_SYMBOLS {
                batch.is_full.notify_one();
            }
            return (receiver, None);
        }
        let number = waiting.next_number;
        waiting.next_number += 1;
        let is_full = Arc::new(Notify::new());
        waiting.batches.push_back(Batch {
            number,
            questions: vec![question],
            is_full: Arc::clone(&is_full),
        });
        let leader = Leader {
            collector: self,
            number,
            is_full,
        };
        (receiver, Some(leader))
    }
}

impl Leader<'_> {
    /// The questions of the batch; it is closed then.
    fn take(&self) -> Vec<Question> {
        let mut waiting = self.collector.lock();
        let place = waiting
            .batches
            .iter()
            .position(|batch| batch.number == self.number);
        let batch = place.and_then(|place| waiting.batches.remove(place));
        batch.map(|batch| batch.questions).unwrap_or_default()
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        // Those who joined are told by the end of their channel.
        drop(self.take());
    }
}

impl Yahoo {
    /// Quotes are asked for in batches.
    #[must_use]
    pub fn with_spark(mut self) -> Self {
        self.spark = Some(Collector::default());
        self
    }

    /// The latest price of one symbol by way of a batch.
    pub(super) async fn by_batch(&self, asked: &LatestRequest, budget: &Budget) -> Option<Chart> {
        let collector = self.spark.as_ref()?;
        let (mut receiver, leader) = collector.join(&asked.symbol);
        if let Some(leader) = leader {
            self.lead(leader, &asked.symbol, budget).await;
        }
        let joined = clock::monotonic();
        let latest = (&mut receiver).await.ok().flatten();
        // What others do meanwhile does not use up this task's time.
        budget.add_wait(joined.elapsed());
        latest?.into_chart(asked.zone.as_ref(), self.clock.now())
    }

    /// Sends a batch and hands out what comes of it.
    async fn lead(&self, leader: Leader<'_>, symbol: &Symbol, budget: &Budget) {
        // Tasks that begin with this one may join.
        let _ = tokio::time::timeout(GATHERING, leader.is_full.notified()).await;
        let questions: Mutex<Option<Vec<Question>>> = Mutex::default();
        let held = || questions.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = || -> Vec<Symbol> {
            let mut held = held();
            let all = held.get_or_insert_with(|| leader.take());
            all.iter().map(|question| question.symbol.clone()).collect()
        };
        // The batch is closed when the first request goes out: until then it may grow.
        let first = self.gate.ask(symbol, NAME, budget, || self.send(asked()));
        let mut found = HashMap::new();
        match first.await {
            Ok(latest) => found = latest,
            Err(fault) if fault.class == FaultClass::BadRequest => {
                self.bisect(asked(), symbol, budget, &mut found).await;
            }
            Err(fault) => tell(&fault, asked().len()),
        }
        let all = held().take().unwrap_or_default();
        for question in all {
            let key = question.symbol.as_str().to_ascii_uppercase();
            // Whoever has gone away meanwhile needs no answer.
            let _ = question.answer.send(found.remove(&key));
        }
    }

    /// A batch was refused as a whole: its halves are asked for, and the halves of those refused.
    async fn bisect(
        &self,
        refused: Vec<Symbol>,
        symbol: &Symbol,
        budget: &Budget,
        found: &mut HashMap<String, Latest>,
    ) {
        let mut parts = VecDeque::from([refused]);
        let mut requests = 0;
        while let Some(part) = parts.pop_front() {
            if part.len() < 2 {
                continue;
            }
            let (one, other) = part.split_at(part.len() / 2);
            for half in [one, other] {
                if requests == MAX_REQUESTS {
                    return;
                }
                requests += 1;
                let send = || self.send(half.to_vec());
                match self.gate.ask(symbol, NAME, budget, send).await {
                    Ok(latest) => found.extend(latest),
                    Err(fault) if fault.class == FaultClass::BadRequest => {
                        parts.push_back(half.to_vec());
                    }
                    Err(fault) => return tell(&fault, half.len()),
                }
            }
        }
    }

    async fn send(&self, symbols: Vec<Symbol>) -> Result<HashMap<String, Latest>, Fault> {
        let body = self
            .client
            .get(spark_url(self.client.base(), &symbols))
            .await?;
        self.meter
            .measure_sync(Work::Parse, NAME, || parse(body.status, &body.bytes))
            .map_err(|fault| Fault {
                retry_after: body.retry_after,
                ..fault
            })
    }
}

fn tell(fault: &Fault, symbols: usize) {
    events::UpstreamBatchFailed {
        provider: PROVIDER,
        symbols: u64::try_from(symbols).unwrap_or(u64::MAX),
        reason: &fault.message,
    }
    .emit();
}

fn spark_url(base: &Url, symbols: &[Symbol]) -> Url {
    let names: Vec<&str> = symbols.iter().map(Symbol::as_str).collect();
    let mut url = base.clone();
    url.set_path("/v7/finance/spark");
    url.query_pairs_mut()
        .append_pair("symbols", &names.join(","))
        .append_pair("range", "1d")
        .append_pair("interval", "1d");
    url
}

/// The stamp of a price that may not lie in the future.
pub(super) fn not_after(at: Timestamp, latest: Timestamp) -> Option<Timestamp> {
    (at <= latest).then_some(at)
}
