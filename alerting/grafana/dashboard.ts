// The Grafana dashboard; `just dashboard` makes dashboard.json of it. The metrics are those of
// docs/metrics.md and, in the last section, of ../finstage.mtail.

import { readFileSync, writeFileSync } from "node:fs";
import { DashboardCursorSync, VariableHide, VariableRefresh, VariableSort } from "@grafana/schema";
import type { Dashboard, VariableModel } from "@grafana/schema";
import { datasource, placed, series, stat } from "./panels.js";
import type { Query, Section } from "./panels.js";

// A metric of the chosen daemons.
function of(metric: string, ...more: string[]): string {
  return `${metric}{${['instance=~"$instance"', ...more].join(",")}}`;
}

function logged(metric: string): string {
  return `${metric}{instance=~"$log"}`;
}

function rate(metric: string, ...more: string[]): string {
  return `rate(${of(metric, ...more)}[$__rate_interval])`;
}

function increase(metric: string, ...more: string[]): string {
  return `increase(${of(metric, ...more)}[$__rate_interval])`;
}

function sum(by: string, expr: string): string {
  return by === "" ? `sum(${expr})` : `sum by (${by}) (${expr})`;
}

// Median and 99th percentile of a histogram, for each value of a label.
function quantiles(metric: string, by: string, ...more: string[]): Query[] {
  const buckets = sum(`le, ${by}`, rate(`${metric}_bucket`, ...more));
  return [
    { expr: `histogram_quantile(0.5, ${buckets})`, legend: `{{${by}}} p50` },
    { expr: `histogram_quantile(0.99, ${buckets})`, legend: `{{${by}}} p99` },
  ];
}

const work = "finstage_work_duration_seconds";

const sections: Section[] = [
  {
    title: "Is all well?",
    panels: [
      stat("Late or stale", "Schedules that are late, or without success for longer than promised.", "short",
        { expr: sum("", of("finstage_schedules", 'state=~"late|stale"')), legend: "" }, { wrongFrom: 1 }),
      stat("Planner looked", "How long ago the planner looked at the clock: at most two seconds while all is well.", "s",
        { expr: `max(${of("finstage_planner_age_seconds")})`, legend: "" }, { wrongFrom: 5 }),
      stat("Database", "For how long the database cannot be used.", "s",
        { expr: `max(${of("finstage_store_down_seconds")})`, legend: "" }, { wrongFrom: 1, words: { "0": "well" } }),
      stat("Upstream", "Whether the upstream refuses our address; requests wait meanwhile.", "short",
        { expr: `max(${of("finstage_upstream_refusing")})`, legend: "" }, { wrongFrom: 1, words: { "0": "answers", "1": "refuses" } }),
      stat("Configuration", "Whether the newest configuration was accepted; if not, the one before is in use.", "short",
        { expr: `min(${of("finstage_config_last_reload_successful")})`, legend: "" }, { wrongUpTo: 1, words: { "0": "rejected", "1": "accepted" } }),
      stat("Configuration's age", "Since when the configuration in use is.", "s",
        { expr: `time() - max(${of("finstage_config_loaded_timestamp_seconds")})`, legend: "" }),
      stat("Up for", "Since the daemon began to serve.", "s",
        { expr: `time() - max(${of("process_start_time_seconds")})`, legend: "" }),
      stat("Version", "The version that serves.", "short",
        { expr: `max by (version) (${of("finstage_build_info")})`, legend: "{{version}}" }, { named: true }),
    ],
  },
  {
    title: "Runs",
    panels: [
      series("Runs that ended", "And fires that were not run, by how.", "short",
        [{ expr: sum("state", increase("finstage_runs_total")), legend: "{{state}}" }], { bars: true, stacked: true }),
      series("Not as they should be", "Runs that failed, in part or as a whole, were cut off, or were missed.", "short",
        [{ expr: sum("schedule, state", increase("finstage_runs_total", 'state!~"succeeded|holiday|paused"')), legend: "{{schedule}} {{state}}" }],
        { bars: true, stacked: true }),
      series("Since the last success", "How long ago a run of each schedule succeeded.", "s",
        [{ expr: `time() - max by (schedule) (${of("finstage_schedule_last_success_timestamp_seconds")})`, legend: "{{schedule}}" }]),
      series("Lateness", "How late planned runs were claimed, by job; above the goal of a few milliseconds the disk or the processor is busy.", "s",
        quantiles("finstage_run_lateness_seconds", "job_kind")),
      series("Duration of runs", "By job.", "s", quantiles("finstage_run_duration_seconds", "job_kind")),
      series("Going on", "Runs, and tasks of them that have not ended.", "short", [
        { expr: sum("", of("finstage_runs_active")), legend: "runs" },
        { expr: sum("", of("finstage_tasks_open")), legend: "tasks" },
      ]),
      series("Schedules", "By how they stand.", "short",
        [{ expr: sum("state", of("finstage_schedules")), legend: "{{state}}" }], { stacked: true }),
      series("Duration of tasks", "One symbol's share of a run, waiting included, by job.", "s", quantiles(work, "name", 'work="task"'), { width: 16 }),
    ],
  },
  {
    title: "Tasks and rows",
    panels: [
      series("Tasks that ended", "By outcome; a task tried again counts again.", "short",
        [{ expr: sum("outcome", increase("finstage_tasks_total")), legend: "{{outcome}}" }], { bars: true, stacked: true }),
      series("Rows written", "Inserted or changed, by job.", "short",
        [{ expr: sum("job_kind", increase("finstage_rows_written_total")), legend: "{{job_kind}}" }], { bars: true, stacked: true }),
      series("Rows rejected", "Rows of answers that broke a validation rule: `finstage quarantine list`.", "short",
        [{ expr: sum("job_kind", increase("finstage_rows_rejected_total")), legend: "{{job_kind}}" }], { bars: true, stacked: true }),
    ],
  },
  {
    title: "Upstream",
    panels: [
      series("Requests", "A second, by what came of them.", "reqps",
        [{ expr: sum("provider, class", rate("finstage_upstream_requests_total")), legend: "{{provider}} {{class}}" }], { stacked: true }),
      series("Pace", "Requests a second the pace allows, and those that were made.", "reqps", [
        { expr: `min by (provider) (${of("finstage_upstream_pace_requests_per_second")})`, legend: "{{provider}} allowed" },
        { expr: sum("provider", rate("finstage_upstream_requests_total")), legend: "{{provider}} made" },
      ]),
      series("Refused", "Whether the upstream refuses our address.", "short",
        [{ expr: `max by (instance) (${of("finstage_upstream_refusing")})`, legend: "{{instance}}" }], { max: 1 }),
      series("Waiting for the turn", "For pace and cool-down.", "s", quantiles(work, "name", 'work="wait"')),
      series("Answering", "From sending a request to its last byte.", "s", quantiles(work, "name", 'work="request"')),
      series("Parsing", "Turning an answer into bars.", "s", quantiles(work, "name", 'work="parse"')),
    ],
  },
  {
    title: "Cache",
    panels: [
      series("Questions", "By what the cache had.", "reqps",
        [{ expr: sum("result", rate("finstage_cache_requests_total")), legend: "{{result}}" }], { stacked: true }),
      series("Answered without a request", "The share of questions that nobody had to be asked for.", "percentunit",
        [{ expr: `${sum("", rate("finstage_cache_requests_total", 'result!="miss"'))} / ${sum("", rate("finstage_cache_requests_total"))}`, legend: "share" }],
        { max: 1 }),
      series("Bytes", "What the cache holds.", "bytes", [{ expr: sum("", of("finstage_cache_bytes")), legend: "bytes" }]),
      series("Entries", "What the cache holds.", "short", [{ expr: sum("", of("finstage_cache_entries")), legend: "entries" }]),
      series("Loads", "Those the cache has waited for.", "reqps",
        [{ expr: sum("result", rate("finstage_cache_loads_total")), legend: "{{result}}" }], { stacked: true }),
      series("Dropped, unreachable", "Entries dropped for room; calls to a shared cache that failed.", "short", [
        { expr: sum("", increase("finstage_cache_evictions_total")), legend: "dropped" },
        { expr: sum("", increase("finstage_cache_backend_errors_total")), legend: "failed calls" },
      ]),
    ],
  },
  {
    title: "Database",
    panels: [
      series("Queries", "How long they took, by what they are for.", "s", quantiles(work, "name", 'work="query"'), { width: 12 }),
      series("Connections", "By pool and state.", "short",
        [{ expr: sum("pool, state", of("finstage_store_connections")), legend: "{{pool}} {{state}}" }], { stacked: true, width: 6 }),
      series("Free disk", "For us on the file system of the database.", "bytes",
        [{ expr: `min by (instance) (${of("finstage_disk_available_bytes")})`, legend: "{{instance}}" }], { width: 6 }),
    ],
  },
  {
    title: "Process",
    panels: [
      series("Processor", "Seconds of processor time a second.", "percentunit",
        [{ expr: sum("instance", rate("process_cpu_seconds_total")), legend: "{{instance}}" }]),
      series("Memory", "Resident.", "bytes",
        [{ expr: sum("instance", of("process_resident_memory_bytes")), legend: "{{instance}}" }]),
      series("File descriptors", "Open ones.", "short",
        [{ expr: sum("instance", of("process_open_fds")), legend: "{{instance}}" }]),
    ],
  },
  {
    title: "Log",
    panels: [
      series("Lines", "By level.", "short",
        [{ expr: sum("level", increase("finstage_log_events_total")), legend: "{{level}}" }], { bars: true, stacked: true }),
      series("Warnings and errors", "By event; `finstage events CODE` says what to do.", "short",
        [{ expr: sum("code, event", increase("finstage_log_events_total", 'level=~"warn|error"')), legend: "{{code}} {{event}}" }],
        { bars: true, stacked: true }),
      series("Dropped lines", "Because the reader of the log is too slow.", "short",
        [{ expr: sum("", increase("finstage_log_lines_dropped_total")), legend: "dropped" }], { bars: true }),
    ],
  },
  {
    title: "Log, by mtail",
    panels: [
      series("Since the last sign of life", "Above three minutes FinstageDaemonDead fires.", "s",
        [{ expr: `time() - max by (instance) (${logged("finstage_log_alive_seconds")})`, legend: "{{instance}}" }]),
      series("What holds", "Conditions that began and have not ended in the life of this process; alerts fire from the same.", "short",
        [{
          expr: `count by (condition, subject) (${logged("finstage_log_opened_seconds")} > 0 and `
            + `${logged("finstage_log_opened_seconds")} >= on (job, instance) group_left () ${logged("finstage_log_started_seconds")})`,
          legend: "{{condition}} {{subject}}",
        }], { stacked: true }),
      series("Lines that are none of ours", "Another program's, or log.format = \"text\": no alert can come of them.", "short",
        [{ expr: sum("instance", `increase(${logged("finstage_log_foreign_lines_total")}[$__rate_interval])`), legend: "{{instance}}" }]),
    ],
  },
];

// A choice among the instances that have a metric; all of them at first.
function instances(name: string, label: string, metric: string): VariableModel {
  return {
    name,
    label,
    type: "query",
    datasource,
    query: { query: `label_values(${metric}, instance)`, refId: name },
    refresh: VariableRefresh.onTimeRangeChanged,
    sort: VariableSort.alphabeticalAsc,
    hide: VariableHide.dontHide,
    includeAll: true,
    multi: true,
    current: { text: "All", value: "$__all" },
  };
}

const dashboard: Dashboard = {
  uid: "finstage",
  title: "Finstage",
  description: "Runs, upstream, cache, database, process and log of Finstage.",
  tags: ["finstage"],
  schemaVersion: 41,
  editable: true,
  graphTooltip: DashboardCursorSync.Crosshair,
  refresh: "30s",
  time: { from: "now-24h", to: "now" },
  timezone: "browser",
  templating: {
    list: [
      { name: "datasource", label: "Prometheus", type: "datasource", query: "prometheus", hide: VariableHide.dontHide },
      instances("instance", "Daemon", "finstage_build_info"),
      instances("log", "Log (mtail)", "finstage_log_alive_seconds"),
    ],
  },
  panels: placed(sections),
};

// FNV-1a: tells those who have no TypeScript that one file was changed without the other.
function sum64(bytes: Uint8Array): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}

// Writes into the folder that is named.
const folder = process.argv[2] ?? ".";
const text = `${JSON.stringify(dashboard, null, 2)}\n`;
const sources = ["dashboard.ts", "panels.ts", "package-lock.json"];
const sums = sources.map((name) => `${sum64(readFileSync(name))} ${name}\n`);
writeFileSync(`${folder}/dashboard.json`, text);
writeFileSync(`${folder}/dashboard.sums`, `${sums.join("")}${sum64(Buffer.from(text))} dashboard.json\n`);
