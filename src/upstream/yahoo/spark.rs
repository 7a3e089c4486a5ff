//! Many quotes in one request: `/v7/finance/spark?symbols=A,B&range=1d&interval=1d`, off by default.
//!
//! Tasks ask for one symbol each. A question joins the batch that is still waiting for the pace, or
//! begins one; whoever begins it sends it for all, and is charged for none of them: the batch passes
//! the gate as nobody's, and each symbol is noted by its own answer. A batch is closed when its
//! request goes out, so that waiting costs nothing but [`GATHERING`]. Should the one who sends it go
//! away, or run out of time, the next of those who wait sends it. Whatever goes wrong, the question
//! is answered with "ask for the chart".

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use tokio::sync::{Notify, oneshot};

use super::spark_parse::{Latest, parse};
use super::{PROVIDER, Yahoo};
use crate::clock;
use crate::domain::{FaultClass, Symbol};
use crate::telemetry::events;
use crate::upstream::answers::Fetched;
use crate::upstream::{Budget, Chart, Fault, LatestRequest};

/// Symbols of one request: more are refused.
pub(super) const MAX_SYMBOLS: usize = 20;

/// How long a batch is held open for tasks that begin at the same moment.
const GATHERING: Duration = Duration::from_millis(3);

/// Requests spent on finding the symbol a batch is refused for; the rest is asked for alone.
const MAX_REQUESTS: usize = 12;

/// What its durations are filed under.
const NAME: &str = "yahoo.spark";

/// Latest prices by symbol in capitals, with the moment they came.
type Found = HashMap<String, (Latest, Timestamp)>;

/// What becomes of a question.
enum Told {
    /// Its answer. `None` means: ask for the chart.
    Latest(Option<Box<(Latest, Timestamp)>>),
    /// Who was to send the batch is gone: these are to be sent by the one who is told this.
    Lead(Batch),
}

/// A question that waits: its symbol, and where it is told what becomes of it.
struct Question {
    symbol: Symbol,
    told: oneshot::Sender<Told>,
}

impl Question {
    fn new(symbol: &Symbol) -> (Self, oneshot::Receiver<Told>) {
        let (told, receiver) = oneshot::channel();
        let symbol = symbol.clone();
        (Self { symbol, told }, receiver)
    }
}

/// Questions to be sent together. Dropped unanswered, the first who still waits has to send them.
struct Batch(VecDeque<Question>);

impl Drop for Batch {
    fn drop(&mut self) {
        while let Some(next) = self.0.pop_front() {
            if !next.told.is_closed() {
                let rest = Batch(std::mem::take(&mut self.0));
                // Not taken any more, it comes back and is dropped: the next one gets it.
                let _ = next.told.send(Told::Lead(rest));
            }
        }
    }
}

/// A batch that may still grow.
struct Open {
    number: u64,
    batch: Batch,
    is_full: Arc<Notify>,
}

#[derive(Default)]
struct Waiting {
    next_number: u64,
    open: VecDeque<Open>,
}

/// The questions that wait for being sent.
#[derive(Default)]
pub(super) struct Collector(Mutex<Waiting>);

/// Whose turn it is to send a batch.
struct Leader<'c> {
    collector: &'c Collector,
    number: u64,
    is_full: Arc<Notify>,
    /// The batch, once it is closed.
    closed: Mutex<Option<Batch>>,
}

impl Collector {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the open batch, or begins one and has to send it.
    fn join(&self, symbol: &Symbol) -> (oneshot::Receiver<Told>, Option<Leader<'_>>) {
        let (question, receiver) = Question::new(symbol);
        let mut waiting = self.lock();
        if let Some(last) = waiting.open.back_mut()
            && last.batch.0.len() < MAX_SYMBOLS
        {
            last.batch.0.push_back(question);
            if last.batch.0.len() == MAX_SYMBOLS {
                last.is_full.notify_one();
            }
            return (receiver, None);
        }
        let number = waiting.next_number;
        waiting.next_number += 1;
        let is_full = Arc::new(Notify::new());
        waiting.open.push_back(Open {
            number,
            batch: Batch(VecDeque::from([question])),
            is_full: Arc::clone(&is_full),
        });
        let leader = Leader {
            collector: self,
            number,
            is_full,
            closed: Mutex::default(),
        };
        (receiver, Some(leader))
    }

    /// Takes over a batch that nobody sends any more.
    fn lead(
        &self,
        mut batch: Batch,
        symbol: &Symbol,
    ) -> (oneshot::Receiver<Told>, Option<Leader<'_>>) {
        let (question, receiver) = Question::new(symbol);
        batch.0.push_front(question);
        let leader = Leader {
            collector: self,
            // It is open no more, so none has this number.
            number: u64::MAX,
            is_full: Arc::default(),
            closed: Mutex::new(Some(batch)),
        };
        (receiver, Some(leader))
    }

    fn close(&self, number: u64) -> Batch {
        let mut waiting = self.lock();
        let place = waiting.open.iter().position(|open| open.number == number);
        let open = place.and_then(|place| waiting.open.remove(place));
        open.map_or_else(|| Batch(VecDeque::new()), |open| open.batch)
    }
}

impl Leader<'_> {
    fn lock(&self) -> MutexGuard<'_, Option<Batch>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits a moment for tasks that begin with this one, if the batch is still open.
    async fn gather(&self) {
        if self.lock().is_none() {
            let _ = tokio::time::timeout(GATHERING, self.is_full.notified()).await;
        }
    }

    /// The symbols of the batch; it is closed then.
    fn symbols(&self) -> Vec<Symbol> {
        let mut closed = self.lock();
        let batch = closed.get_or_insert_with(|| self.collector.close(self.number));
        let symbols = batch.0.iter().map(|question| question.symbol.clone());
        symbols.collect()
    }

    /// Hands out what was found.
    fn answer(self, mut found: Found) {
        let mut batch = self.lock().take();
        let questions = batch.as_mut().map(|batch| std::mem::take(&mut batch.0));
        for question in questions.into_iter().flatten() {
            let latest = found.remove(&question.symbol.as_str().to_ascii_uppercase());
            // Whoever has gone away meanwhile needs no answer.
            let _ = question.told.send(Told::Latest(latest.map(Box::new)));
        }
    }

    /// Its own time is up: the others' is not. It stands first in its batch.
    fn resign(self) {
        self.symbols();
        if let Some(own) = self.lock().as_mut().and_then(|batch| batch.0.pop_front()) {
            let _ = own.told.send(Told::Latest(None));
        }
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        // What is not closed yet is to be handed on, too.
        self.symbols();
    }
}

impl Yahoo {
    /// Quotes are asked for in batches.
    #[must_use]
    pub fn with_spark(mut self) -> Self {
        self.spark = Some(Collector::default());
        self
    }

    /// The latest price of one symbol by way of a batch, or as it was told a moment ago.
    pub(super) async fn by_batch(&self, asked: &LatestRequest, budget: &Budget) -> Option<Chart> {
        let collector = self.spark.as_ref()?;
        let (symbol, zone) = (&asked.symbol, asked.zone.as_ref());
        if self.endpoint.gate().is_shelved(symbol) {
            // Its chart is refused without a request.
            return None;
        }
        let no_use = || Fault::new(FaultClass::NoData, "a batch brought no price");
        let fetch = || async {
            let told = self.in_batch(collector, symbol, budget).await;
            let (latest, at) = told.ok_or_else(no_use)?;
            self.endpoint.gate().answered_for(symbol, budget);
            let bytes = latest.encode();
            Ok(Fetched {
                value: latest.into_chart(zone, at).ok_or_else(no_use)?,
                bytes,
                at,
                valid_until: None,
            })
        };
        let read = |bytes: &[u8], at| {
            let mut latest = parse(200, bytes)?.into_values();
            let chart = latest.next().and_then(|one| one.into_chart(zone, at));
            chart.ok_or_else(no_use)
        };
        let latest = self.endpoint.kept_latest(symbol, budget, fetch, read);
        latest.await.ok()
    }

    /// Asks for `symbol` with others, whoever sends it.
    async fn in_batch(
        &self,
        collector: &Collector,
        symbol: &Symbol,
        budget: &Budget,
    ) -> Option<(Latest, Timestamp)> {
        let (mut receiver, mut leader) = collector.join(symbol);
        loop {
            if let Some(leader) = leader.take() {
                self.lead(leader, budget).await;
            }
            let joined = clock::monotonic();
            let told = receiver.await;
            // What others do meanwhile does not use up this task's time.
            budget.add_wait(joined.elapsed());
            match told.ok()? {
                Told::Latest(latest) => return latest.map(|latest| *latest),
                Told::Lead(batch) => (receiver, leader) = collector.lead(batch, symbol),
            }
        }
    }

    /// Sends a batch and hands out what comes of it.
    async fn lead(&self, leader: Leader<'_>, budget: &Budget) {
        leader.gather().await;
        // The batch is closed when the first request goes out: until then it may grow.
        let send = || self.send(leader.symbols());
        let first = self.endpoint.gate().ask_for_many(NAME, budget, send);
        let mut found = Found::new();
        match first.await {
            Ok(latest) => found = latest,
            Err(fault) if fault.class == FaultClass::BadRequest => {
                self.bisect(leader.symbols(), budget, &mut found).await;
            }
            Err(fault) if fault.class == FaultClass::Timeout => return leader.resign(),
            Err(fault) => tell(&fault, leader.symbols().len()),
        }
        leader.answer(found);
    }

    /// A batch was refused as a whole: its halves are asked for, and the halves of those refused.
    async fn bisect(&self, refused: Vec<Symbol>, budget: &Budget, found: &mut Found) {
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
                let gate = self.endpoint.gate();
                match gate.ask_for_many(NAME, budget, send).await {
                    Ok(latest) => found.extend(latest),
                    Err(fault) if fault.class == FaultClass::BadRequest => {
                        parts.push_back(half.to_vec());
                    }
                    Err(fault) => return tell(&fault, half.len()),
                }
            }
        }
    }

    async fn send(&self, symbols: Vec<Symbol>) -> Result<Found, Fault> {
        let url = spark_url(self.endpoint.base(), &symbols);
        let read = |status, bytes: &[u8], _| parse(status, bytes);
        let got = self.endpoint.send(NAME, None, url, read).await?;
        let found = got.value.into_iter();
        Ok(found
            .map(|(name, latest)| (name, (latest, got.at)))
            .collect())
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
