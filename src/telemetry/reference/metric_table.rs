//! The page of metrics.

use std::fmt::Write as _;

use crate::telemetry::metric::{CATALOGUE, MetricKind};

const INTRODUCTION: &str = "\
# Metrics

<!-- Made of the metrics' declarations (src/telemetry/metric.rs) by `finstage events --print metrics`. -->

With `[daemon] http = { listen = \"127.0.0.1:8787\" }` Prometheus reads these from `/metrics`:

```yaml
scrape_configs:
  - job_name: finstage
    static_configs: [{ targets: [\"127.0.0.1:8787\"] }]
    # On another machine, with the token: authorization: { credentials_file: /etc/prometheus/finstage.token }
```

Durations are histograms in seconds, from 0.5 ms to 5 min. A metric appears when it is first counted,
and begins at 0 with each start. The alert rules in `alerting/` do not need these: they read the log.

`job_kind` is a schedule's `job`; Prometheus has a label `job` of its own.
`alerting/grafana/dashboard.json` shows all of these in Grafana: import it and choose the Prometheus. It is
written in TypeScript (`dashboard.ts`; `just dashboard`); tests hold every expression against this list.

| metric | kind | labels | what it says |
|---|---|---|---|
";

pub(super) fn text() -> String {
    let mut page = INTRODUCTION.to_owned();
    for metric in CATALOGUE {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let (name, labels, help) = (metric.name, metric.labels.join(", "), metric.help);
        let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {help} |");
    }
    page
}
