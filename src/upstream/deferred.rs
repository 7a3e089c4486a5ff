//! A provider that is built when it is first wanted: reading the system's certificates takes a while,
//! and most schedules never ask anybody but the first.

use std::sync::{Arc, OnceLock};

use super::{Budget, Chart, ChartRequest, ClientError, Fault, LatestRequest, MarketData};
use crate::domain::{FaultClass, Symbol};

/// How it is built.
type Build = dyn Fn() -> Result<Arc<dyn MarketData>, ClientError> + Send + Sync;

/// See the module.
pub struct Deferred {
    name: &'static str,
    build: Box<Build>,
    built: OnceLock<Result<Arc<dyn MarketData>, String>>,
}

impl Deferred {
    /// Nothing is built yet.
    pub fn new(
        name: &'static str,
        build: impl Fn() -> Result<Arc<dyn MarketData>, ClientError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            build: Box::new(build),
            built: OnceLock::new(),
        }
    }

    fn upstream(&self) -> Result<&Arc<dyn MarketData>, Fault> {
        let built = self
            .built
            .get_or_init(|| (self.build)().map_err(|error| error.to_string()));
        let failed = |reason: &String| Fault::new(FaultClass::Internal, reason.clone());
        built.as_ref().map_err(failed)
    }
}

#[async_trait::async_trait]
impl MarketData for Deferred {
    fn name(&self) -> &'static str {
        self.name
    }

    fn origin(&self) -> String {
        let upstream = self.upstream();
        upstream
            .map(|upstream| upstream.origin())
            .unwrap_or_default()
    }

    fn paces(&self) -> Vec<(&'static str, f64)> {
        let built = self.built.get().and_then(|built| built.as_ref().ok());
        built.map_or_else(Vec::new, |upstream| upstream.paces())
    }

    fn is_refusing(&self) -> bool {
        let built = self.built.get().and_then(|built| built.as_ref().ok());
        built.is_some_and(|upstream| upstream.is_refusing())
    }

    fn can_have(&self, symbol: &Symbol) -> bool {
        self.upstream()
            .is_ok_and(|upstream| upstream.can_have(symbol))
    }

    fn lacks(&self) -> Option<Fault> {
        self.upstream()
            .map_or_else(Some, |upstream| upstream.lacks())
    }

    fn forget(&self, symbol: &Symbol) {
        // What was never built has answered nothing.
        if let Some(Ok(upstream)) = self.built.get() {
            upstream.forget(symbol);
        }
    }

    fn gives_latest(&self, budget: &Budget) -> bool {
        self.upstream()
            .is_ok_and(|upstream| upstream.gives_latest(budget))
    }

    async fn latest(&self, request: &LatestRequest, budget: &Budget) -> Option<Chart> {
        self.upstream().ok()?.latest(request, budget).await
    }

    async fn chart(&self, request: &ChartRequest, budget: &Budget) -> Result<Chart, Fault> {
        self.upstream()?.chart(request, budget).await
    }
}
