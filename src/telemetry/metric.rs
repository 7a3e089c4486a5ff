//! Metrics: declared once, counted where things happen, shown as Prometheus reads them.
//!
//! Names and units are those of Prometheus: seconds, bytes, `_total` for what only grows. Before
//! [`MetricsHandle::install`] counting costs nothing and goes nowhere.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the histograms of durations, in seconds: from a query to a run.
const SECONDS: [f64; 16] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0,
    300.0,
];

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows; anew from 0 with each start.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution of durations in seconds.
    Histogram,
}

/// One metric of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct MetricDef {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: MetricKind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// Declares metrics: a function each that counts, and the table `CATALOGUE`.
macro_rules! metrics {
    (@call counter $metric:literal $labels:tt $value:ident) => {
        metrics!(@make counter $metric $labels).increment($value)
    };
    (@call total $metric:literal $labels:tt $value:ident) => {
        metrics!(@make counter $metric $labels).absolute($value)
    };
    (@call gauge $metric:literal $labels:tt $value:ident) => {
        metrics!(@make gauge $metric $labels).set($value)
    };
    (@call histogram $metric:literal $labels:tt $value:ident) => {
        metrics!(@make histogram $metric $labels).record($value)
    };
    (@make $make:ident $metric:literal ($($label:ident)*)) => {
        ::metrics::$make!($metric $(, stringify!($label) => $label.to_owned())*)
    };
    (@type counter) => { u64 };
    (@type total) => { u64 };
    (@type gauge) => { f64 };
    (@type histogram) => { f64 };
    (@kind counter) => { MetricKind::Counter };
    (@kind total) => { MetricKind::Counter };
    (@kind gauge) => { MetricKind::Gauge };
    (@kind histogram) => { MetricKind::Histogram };
    ($(
        #[doc = $help:literal]
        $kind:ident $name:ident($($label:ident),*) = $metric:literal;
    )*) => {
        $(
            #[doc = $help]
            pub fn $name($($label: &str,)* value: metrics!(@type $kind)) {
                metrics!(@call $kind $metric ($($label)*) value);
            }
        )*

        /// Every metric, in the order of the documentation.
        pub static CATALOGUE: &[MetricDef] = &[
            $( MetricDef {
                name: $metric,
                kind: metrics!(@kind $kind),
                labels: &[$(stringify!($label)),*],
                help: $help,
            }, )*
        ];
    };
}

metrics! {
    #[doc = "Runs that ended, and fires that were not run, by how"]
    counter runs(schedule, state) = "finstage_runs_total";
    #[doc = "How long runs took"]
    histogram run_duration(job_kind) = "finstage_run_duration_seconds";
    #[doc = "How late planned runs were claimed"]
    histogram run_lateness(job_kind) = "finstage_run_lateness_seconds";
    #[doc = "When a run of the schedule last succeeded, Unix time"]
    gauge schedule_last_success(schedule) = "finstage_schedule_last_success_timestamp_seconds";
    #[doc = "Schedules by how they stand: ok, running, paused, disabled, late, stale"]
    gauge schedules(state) = "finstage_schedules";
    #[doc = "Runs going on"]
    gauge runs_active() = "finstage_runs_active";
    #[doc = "Tasks of the runs going on that have not ended"]
    gauge tasks_open() = "finstage_tasks_open";
    #[doc = "Tasks that ended: succeeded, or the class of what went wrong; a task tried again counts again"]
    counter tasks(job_kind, outcome) = "finstage_tasks_total";
    #[doc = "Rows inserted or changed"]
    counter rows_written(job_kind) = "finstage_rows_written_total";
    #[doc = "Rows of answers that broke a validation rule"]
    counter rows_rejected(job_kind) = "finstage_rows_rejected_total";
    #[doc = "How long ago the planner looked at the clock; at most two seconds while all is well"]
    gauge planner_age() = "finstage_planner_age_seconds";
    #[doc = "Requests by what came of them: ok, or the class of the fault"]
    counter upstream_requests(provider, class) = "finstage_upstream_requests_total";
    #[doc = "Whether the upstream refuses our address, so that requests wait"]
    gauge upstream_refusing() = "finstage_upstream_refusing";
    #[doc = "Requests a second the pace allows now, never more than its bound"]
    gauge upstream_pace(provider) = "finstage_upstream_pace_requests_per_second";
    #[doc = "How long work took: run, task, request, refused (of those), wait (for the upstream's turn), parse, query"]
    histogram work_duration(work, name) = "finstage_work_duration_seconds";
    #[doc = "Questions to the cache: hit, negative (known to be absent), shared (joined a load under way), stale, miss"]
    total cache_requests(result) = "finstage_cache_requests_total";
    #[doc = "Loads the cache has waited for: ok, error"]
    total cache_loads(result) = "finstage_cache_loads_total";
    #[doc = "Entries dropped for room"]
    total cache_evictions() = "finstage_cache_evictions_total";
    #[doc = "Calls to a shared cache that failed"]
    total cache_backend_errors() = "finstage_cache_backend_errors_total";
    #[doc = "Bytes the cache holds"]
    gauge cache_bytes() = "finstage_cache_bytes";
    #[doc = "Entries the cache holds"]
    gauge cache_entries() = "finstage_cache_entries";
    #[doc = "Connections to the database by pool (read, write) and state (busy, idle)"]
    gauge store_connections(pool, state) = "finstage_store_connections";
    #[doc = "For how long the database cannot be used; 0 while it can"]
    gauge store_down() = "finstage_store_down_seconds";
    #[doc = "Whether the newest configuration was accepted"]
    gauge config_accepted() = "finstage_config_last_reload_successful";
    #[doc = "When the configuration in use was read, Unix time"]
    gauge config_loaded() = "finstage_config_loaded_timestamp_seconds";
    #[doc = "Log lines by event"]
    counter log_events(level, code, event) = "finstage_log_events_total";
    #[doc = "Log lines dropped because the reader is too slow"]
    counter log_lines_dropped() = "finstage_log_lines_dropped_total";
    #[doc = "CPU time of the process"]
    gauge process_cpu() = "process_cpu_seconds_total";
    #[doc = "Resident memory of the process"]
    gauge process_memory() = "process_resident_memory_bytes";
    #[doc = "Open file descriptors of the process"]
    gauge process_fds() = "process_open_fds";
    #[doc = "When the daemon began to serve, Unix time"]
    gauge process_start() = "process_start_time_seconds";
    #[doc = "Free for us on the file system of the database"]
    gauge disk_available() = "finstage_disk_available_bytes";
    #[doc = "Always 1; the label says which version serves"]
    gauge build_info(version) = "finstage_build_info";
}

/// Shows what has been counted. Cheap to clone.
#[derive(Clone)]
pub struct MetricsHandle(PrometheusHandle);

impl MetricsHandle {
    /// Begins to count, once in a process; the error is a reason in words.
    pub fn install() -> Result<Self, String> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .map_err(|error| error.to_string())?
            .build_recorder();
        let handle = Self(recorder.handle());
        metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
        describe();
        Ok(handle)
    }

    /// All metrics in Prometheus's text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Puts recorded durations into their buckets; to be called now and then even when nobody
    /// reads, or they pile up.
    pub fn tidy(&self) {
        self.0.run_upkeep();
    }
}

fn describe() {
    for metric in CATALOGUE {
        match metric.kind {
            MetricKind::Counter => metrics::describe_counter!(metric.name, metric.help),
            MetricKind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            MetricKind::Histogram => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_follow_prometheus() {
        let mut names: Vec<&str> = CATALOGUE.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CATALOGUE.len());
        for metric in CATALOGUE {
            let name = metric.name;
            let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            assert!(name.bytes().all(is_plain), "{name}");
            // What the process has used comes from a sample: a gauge in code, a counter in kind.
            let grows = name.ends_with("_total") && !name.starts_with("process_");
            assert_eq!(grows, metric.kind == MetricKind::Counter, "{name}");
            if metric.kind == MetricKind::Histogram {
                assert!(name.ends_with("_seconds"), "{name}");
            }
            assert!(!metric.help.ends_with('.'), "{name}");
            // Labels of the scrape: ours of that name would be renamed.
            let own = |label: &&str| !["job", "instance"].contains(label);
            assert!(metric.labels.iter().all(own), "{name}");
        }
    }

    #[test]
    fn what_is_counted_is_shown_with_its_labels() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            runs("daily", "succeeded", 2);
            runs("daily", "succeeded", 1);
            cache_evictions(7);
            cache_evictions(9);
            upstream_refusing(1.0);
        });
        let text = handle.render();
        for line in [
            "# TYPE finstage_runs_total counter",
            "finstage_runs_total{schedule=\"daily\",state=\"succeeded\"} 3",
            "finstage_cache_evictions_total 9",
            "finstage_upstream_refusing 1",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}
